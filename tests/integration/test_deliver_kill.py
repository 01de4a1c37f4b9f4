"""The courier of messages on the real journal, killed again and again: none lost, twice only in the one window."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.record.journal import SqliteRecord
from rules.inputs import SendReported
from tests.deliver_world import until

pytestmark = pytest.mark.integration

HOME = "h1"
MESSAGES = 200
AT_ONCE = 4

CHILD = """
import asyncio, os, sys
from pathlib import Path
import uvloop
from gateway.clock import SystemClock
from gateway.deliver.destination import SendResult
from gateway.deliver.people import PeopleCourier
from gateway.inbox import Decision
from gateway.record.journal import SqliteRecord
from gateway.record.record import JournalEntry
from rules.inputs import Outcome, TimePassed
from tests.deliver_world import notify

HOME, MESSAGES, AT_ONCE = "h1", int(sys.argv[3]), int(sys.argv[4])


class Paper:
    name = "phone"

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def takes(self, effect):
        return getattr(effect, "channel", "") == self.name

    async def send(self, effect, key):
        await asyncio.sleep(0.001)
        os.write(self.file, f"{key}\\n".encode())
        await asyncio.sleep(0.001)
        return SendResult(Outcome.ACCEPTED)


async def main():
    clock = SystemClock()
    record = await SqliteRecord.open(Path(sys.argv[1]), clock=clock)
    head = await record.open_stream(HOME)
    seq = head.seq
    if head.at is not None:
        clock.start_at(head.at)

    async def report(home, make):
        nonlocal seq
        seq += 1
        entry = JournalEntry(HOME, head.epoch, seq, clock.now(), make(clock.now()))
        await record.commit([entry])
        return Decision(seq=entry.seq, effects=(), durable=True)

    if seq == 0:
        entries = []
        for number in range(MESSAGES):
            seq += 1
            at = clock.now()
            entries.append(JournalEntry(HOME, head.epoch, seq, at, TimePassed(at=at), (notify(f"m{number}"),)))
        await record.commit(entries)
    courier = PeopleCourier(Paper(sys.argv[2]), record, (HOME,), clock, report, lambda: 1.0, concurrency=AT_ONCE)
    task = asyncio.create_task(courier.run())
    while record.cursor("phone", HOME) < MESSAGES:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait((task,))
    await record.close()


uvloop.run(main())
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    arguments = [str(folder / "journal.db"), str(folder / "handed"), str(MESSAGES), str(AT_ONCE)]
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], cwd=Path(__file__).parents[2])


def handed(folder: Path) -> list[str]:
    file = folder / "handed"
    return file.read_text().split() if file.exists() else []


async def test_killed_at_any_moment_nothing_is_lost(tmp_path: Path) -> None:
    kills = 0
    for number in (1, 23, 60, 61, 110, 150):
        child = start(tmp_path)
        await until(lambda: child.poll() is not None or len(handed(tmp_path)) >= number, 20.0)  # noqa: B023
        assert child.poll() is None, "it ended by itself"
        child.kill()
        child.wait()
        kills += 1
    last = start(tmp_path)
    await until(lambda: last.poll() is not None, 30.0)
    assert last.returncode == 0
    counts = Counter(handed(tmp_path))
    assert counts.keys() == {f"m{number}" for number in range(MESSAGES)}
    # On the way at a kill: being handed over, or handed over with their end not on disk yet.
    assert sum(count - 1 for count in counts.values()) <= kills * 2 * AT_ONCE
    assert max(counts.values()) <= 1 + kills
    assert (await ends(tmp_path)) == Counter({f"m{number}": 1 for number in range(MESSAGES)})
    again = start(tmp_path)
    await until(lambda: again.poll() is not None, 30.0)
    assert Counter(handed(tmp_path)) == counts, "a later start hands nothing over again"


async def ends(folder: Path) -> Counter[str]:
    """How often each message's end stands in the journal."""
    record = await SqliteRecord.open(folder / "journal.db", clock=SystemClock())
    head = await record.open_stream(HOME)
    found: Counter[str] = Counter()
    after = 0
    while after < head.seq:
        for entry in await record.read(HOME, after):
            after = entry.seq
            if isinstance(entry.input, SendReported) and entry.input.final:
                found[entry.input.message] += 1
    await record.close()
    return found
