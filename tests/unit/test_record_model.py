"""The journal against a model: any sequence of commits, failures, holds, reads, cursors, snapshots and restarts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.record.journal import Budget, GapWithoutSnapshot, SqliteRecord
from gateway.record.record import JournalEntry, JournalUnavailable
from tests.record_world import ManualClock, alarm_entry, break_disk, mend_disk, telemetry

STREAMS = ("home-a", "home-b")

stream = st.sampled_from(STREAMS)
operation = st.one_of(
    st.tuples(st.just("commit"), stream, st.integers(1, 5), st.booleans(), st.booleans()),
    st.tuples(st.just("commit"), stream, st.integers(1, 5), st.booleans(), st.booleans()),
    st.tuples(st.just("read"), stream, st.integers(0, 30), st.integers(1, 8)),
    st.tuples(st.just("advance"), stream, st.integers(0, 30)),
    st.tuples(st.just("skip"), stream, st.integers(1, 2)),
    st.tuples(st.just("break")),
    st.tuples(st.just("mend")),
    st.tuples(st.just("wait")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("crash")),
)


class Model:
    """What a journal must be, in plain lists."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self.record: SqliteRecord
        self.committed: dict[str, list[JournalEntry]] = {name: [] for name in STREAMS}
        self.held: dict[str, list[JournalEntry]] = {name: [] for name in STREAMS}
        self.next: dict[str, int] = dict.fromkeys(STREAMS, 1)
        self.gap: dict[str, bool] = dict.fromkeys(STREAMS, False)
        self.skipped: dict[str, bool] = dict.fromkeys(STREAMS, False)
        self.cursors: dict[str, int] = dict.fromkeys(STREAMS, 0)
        self.epoch = 1
        self.snapshot: dict[str, int] = dict.fromkeys(STREAMS, 0)

    async def start(self) -> None:
        budget = Budget(tail_entries=6, held_bytes=1 << 30)
        self.record = await SqliteRecord.open(self.directory / "journal.db", clock=self.clock, budget=budget)
        for name in STREAMS:
            head = await self.record.open_stream(name)
            entries = self.committed[name]
            last = max(entries[-1].seq if entries else 0, self.snapshot[name])
            assert (head.seq, head.snapshot_seq, head.epoch) == (last, self.snapshot[name], self.epoch)
            self.next[name] = head.seq + 1

    def visible(self, name: str) -> list[JournalEntry]:
        return self.committed[name] + self.held[name]

    async def commit(self, name: str, count: int, alarm: bool, with_snapshot: bool) -> None:
        first = self.next[name]
        make = alarm_entry if alarm else telemetry
        entries = [make(seq, name, self.epoch) for seq in range(first, first + count)]
        self.next[name] += count
        last = first + count - 1
        needs = self.gap[name] or self.skipped[name]
        snapshots = {name: (last, b"state")} if with_snapshot or needs else None
        if needs and self.record._failing is None:
            with pytest.raises(GapWithoutSnapshot):
                await self.record.commit(entries)
        try:
            await self.record.commit(entries, snapshots=snapshots)
        except JournalUnavailable:
            self.record.hold(entries)
            self.held[name] += entries
            self.gap[name], self.skipped[name] = needs, False
            return
        if snapshots:
            self.snapshot[name] = last
        for other in STREAMS:
            if other == name or not self.gap[other]:
                self.committed[other] += self.held[other]
                self.held[other] = []
        self.committed[name] += entries
        self.gap[name] = self.skipped[name] = False

    async def check(self) -> None:
        for name in STREAMS:
            visible = self.visible(name)
            assert self.record.head(name) == max(visible[-1].seq if visible else 0, self.snapshot[name])
            assert await read_all(self.record, name) == visible

    async def run(self, operations: list[tuple[Any, ...]]) -> None:
        await self.start()
        for verb, *rest in operations:
            match verb:
                case "commit":
                    await self.commit(*rest)
                case "read":
                    name, after, most = rest
                    found = await self.record.read(name, after, most)
                    wanted = [entry for entry in self.visible(name) if entry.seq > after]
                    assert found == wanted[: len(found)]
                    assert bool(found) == bool(wanted)
                case "advance":
                    name, seq = rest
                    seq = min(seq, self.record.head(name))
                    self.record.advance("phone", name, seq)
                    self.cursors[name] = max(self.cursors[name], seq)
                    assert self.record.cursor("phone", name) == self.cursors[name]
                case "skip":
                    name, count = rest
                    self.next[name] += count
                    self.skipped[name] = True
                case "break":
                    await break_disk(self.record)
                case "mend":
                    await mend_disk(self.record)
                case "wait":
                    self.clock.advance(1.5)
                case "restart":
                    await self.restart()
                case "crash":
                    await self.crash()
            await self.check()
        await self.record.close()

    async def restart(self) -> None:
        await mend_disk(self.record)
        await self.record.close()
        lost = False
        for name in STREAMS:
            if self.gap[name]:
                lost = lost or bool(self.held[name])
            else:
                self.committed[name] += self.held[name]
            self.held[name] = []
            self.gap[name] = self.skipped[name] = False
        self.epoch += lost
        await self.start_again(lambda kept, limit, was: kept == min(was, limit))

    async def crash(self) -> None:
        """The process is gone: nothing is written any more, the lock is free."""
        ending = json.loads((self.directory / "journal.db.epoch").read_text())["ending"]
        lost = any(self.held.values())
        assert ending == "held" or not lost
        self.epoch += ending == "held"
        record = self.record
        assert record._writer is not None
        assert record._incarnation is not None
        if record._flushing is not None:
            record._flushing.cancel()
        await record._writer.run(lambda store: store._disconnect())
        await record._writer.stop()
        record._incarnation.close()
        for name in STREAMS:
            self.held[name] = []
            self.gap[name] = self.skipped[name] = False
        await self.start_again(lambda kept, limit, was: kept <= min(was, limit))

    async def start_again(self, right: Callable[[int, int, int], bool]) -> None:
        await self.start()
        for name in STREAMS:
            entries = self.committed[name]
            limit = max(entries[-1].seq if entries else 0, self.snapshot[name])
            assert right(self.record.cursor("phone", name), limit, self.cursors[name])
            self.cursors[name] = self.record.cursor("phone", name)


async def read_all(record: SqliteRecord, name: str) -> list[JournalEntry]:
    found: list[JournalEntry] = []
    while entries := await record.read(name, found[-1].seq if found else 0, 3):
        found += entries
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(operation, max_size=25))
def test_the_journal_is_its_model(tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[Any, ...]]) -> None:
    asyncio.run(Model(tmp_path_factory.mktemp("model")).run(operations))
