"""The journal under kill -9, and its cost on the disk."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.record.journal import SqliteRecord
from tests.record_world import HOME, journal, seqs, telemetry

CHILD = """
import asyncio, sys
from pathlib import Path
from gateway.clock import SystemClock
from gateway.record.journal import SqliteRecord
from tests.record_world import HOME, alarm_entry, telemetry

async def main(path, seed):
    record = await SqliteRecord.open(Path(path), clock=SystemClock())
    head = await record.open_stream(HOME)
    seq = head.seq
    for turn in range(1_000_000):
        count = 1 + (turn * 7 + seed) % 40
        entries = [telemetry(seq + i + 1, readings=3) for i in range(count)]
        if turn % 5 == 0:
            entries[-1] = alarm_entry(seq + count)
        seq += count
        record.advance("phone", HOME, seq - count)
        await record.commit(entries, snapshots={HOME: (seq, b"s%d" % seq)} if turn % 7 == 0 else None)
        print(seq, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""
KILLS = 12


async def _run_and_kill(path: Path, seed: int, after: int) -> int:
    """Let a child commit, kill it once it said `after` seqs; the last seq that it acknowledged."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), str(seed), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    said = [await child.stdout.readline() for _ in range(after)]
    # Somewhere in the middle of what it does next: a commit takes about a millisecond.
    await asyncio.sleep(random.Random(seed).uniform(0, 0.004))
    child.send_signal(signal.SIGKILL)
    rest = await child.stdout.read()
    await child.wait()
    lines = [*said, *rest.splitlines(keepends=True)]
    return int([line for line in lines if line.endswith(b"\n")][-1])


@pytest.mark.integration
async def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for kill in range(KILLS):
        acknowledged = await _run_and_kill(path, kill, 1 + kill * 5)
        record = await SqliteRecord.open(path, clock=SystemClock())
        try:
            head = await record.open_stream(HOME)
            assert head.seq >= acknowledged
            assert head.epoch == 1
            assert record.troubles == ()
            assert head.snapshot == b"s%d" % head.snapshot_seq
            assert 0 <= record.cursor("phone", HOME) <= head.seq
            found: list[int] = []
            while entries := await record.read(HOME, found[-1] if found else 0, 512):
                found += seqs(entries)
            assert found == list(range(1, head.seq + 1))
            assert record.stats().entries == head.seq
        finally:
            await record.close()


def _bytes_written() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split(":")[1])
    raise AssertionError("no write_bytes")


@pytest.mark.integration
@pytest.mark.parametrize("readings", [1, 6])
async def test_bytes_written_a_reading_in_the_edge_profile(tmp_path: Path, readings: int) -> None:
    """500 ms groups at 50 messages a second: 25 entries a commit (DESIGN section 10: at most 2 KiB a reading)."""
    groups, size = 400, 25
    before = _bytes_written()
    async with journal(tmp_path) as record:
        for group in range(groups):
            entries = [telemetry(group * size + i + 1, readings=readings) for i in range(size)]
            record.advance("influx", HOME, group * size)
            record._cursors_written_at = 0.0  # half a second has passed since the last group
            await record.commit(entries)
    written = _bytes_written() - before
    if written == 0:
        pytest.skip("the directory for temporary files is not on a disk")
    assert written / (groups * size * readings) <= 2048
