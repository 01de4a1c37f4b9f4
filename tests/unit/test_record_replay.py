"""The replay: a journal that agrees with its engine says so, and every way of disagreeing is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from devices.reading import Reading, Report
from gateway.record.journal import SqliteRecord
from gateway.record.record import JournalEntry, JournalUnavailable
from gateway.record.replay import Gap, JournalFile, ReplayReport, replay
from rules.effects import AnyEffect, Refused
from rules.inputs import AnyInput, ReadingsArrived
from tests.record_world import HOME, ManualClock, at_seq, break_disk, journal, mend_disk


class CountingEngine:
    """A small deterministic engine: it sums what it is told and says so every third time."""

    def __init__(self, seq: int = 0, total: float = 0.0, fault_at: int = 0, wrong_at: int = 0) -> None:
        self.seq = seq
        self.epoch = 1
        self.total = total
        self.fault_at = fault_at
        self.wrong_at = wrong_at

    def step(self, happened: AnyInput) -> tuple[AnyEffect, ...]:
        if self.seq + 1 == self.fault_at:
            raise ZeroDivisionError("planted")
        self.seq += 1
        assert isinstance(happened, ReadingsArrived)
        self.total += float(happened.reports[0].readings[0].value)
        if self.seq == self.wrong_at:
            self.total += 1000
        if self.seq % 3:
            return ()
        return (Refused(at=happened.at, person=f"{HOME}:{self.epoch}:{self.seq}", verb=str(self.total), target="t"),)

    def snapshot(self) -> bytes:
        return msgspec.json.encode([self.seq, self.total])

    @staticmethod
    def restore(body: bytes) -> CountingEngine:
        return CountingEngine(*msgspec.json.decode(body))


def stepped(engine: CountingEngine, epoch: int = 1) -> JournalEntry:
    seq = engine.seq + 1
    engine.epoch = epoch
    happened = ReadingsArrived(
        at=at_seq(seq), source="zigbee", reports=(Report("a", (Reading("temperature", seq / 4),)),)
    )
    return JournalEntry(HOME, epoch, seq, at_seq(seq), happened, engine.step(happened))


async def record_run(record: SqliteRecord, engine: CountingEngine, count: int, snapshot_every: int = 10) -> None:
    for _ in range(count):
        entry = stepped(engine)
        snapshots = {HOME: (engine.seq, engine.snapshot())} if engine.seq % snapshot_every == 0 else None
        await record.commit([entry], snapshots=snapshots)


async def run(
    source: SqliteRecord | Path, start: int | None = 0, make: Callable[[], CountingEngine] = CountingEngine
) -> ReplayReport:
    return await replay(source, HOME, make, CountingEngine.restore, clock=ManualClock(), start=start)


@pytest.mark.parametrize(("start", "started_at"), [(None, 30), (0, 0), (5, 0), (20, 20), (29, 20), (30, 30), (99, 30)])
async def test_a_journal_that_agrees(tmp_path: Path, start: int | None, started_at: int) -> None:
    async with journal(tmp_path, tail_entries=4) as record:
        await record_run(record, CountingEngine(), 35)
        report = await run(record, start)
        assert (report.started_at, report.ended_at, report.compared) == (started_at, 35, 35 - started_at)
        assert report.same
        assert report.gaps == []
        assert (await run(tmp_path / "journal.db", start)).compared == report.compared


async def test_a_file_is_replayed_while_the_gateway_writes_it_and_after(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record_run(record, CountingEngine(), 7)
        assert (await run(tmp_path / "journal.db")).compared == 7
        await record.commit([])
    assert (await run(tmp_path / "journal.db")).same
    with JournalFile(tmp_path / "journal.db") as file:
        assert await file.streams() == [HOME]


async def test_every_difference_is_reported(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record_run(record, CountingEngine(), 9)
        report = await run(record, 0, lambda: CountingEngine(wrong_at=5))
        assert [one.seq for one in report.differences] == [6, 9]
        assert report.different == 2
        assert not report.same
        first = report.differences[0]
        assert first.input == "ReadingsArrived"
        assert '"verb":"5.25"' in first.expected
        assert '"verb":"1005.25"' in first.got
        assert any("seq 6" in line and "ReadingsArrived" in line for line in report.lines())


async def test_an_engine_that_raises_is_a_difference_and_the_rest_is_compared(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record_run(record, CountingEngine(), 9)
        report = await run(record, 0, lambda: CountingEngine(fault_at=2))
        assert report.differences[0].seq == 2
        assert "ZeroDivisionError" in report.differences[0].got
        assert report.compared == 9


async def test_more_differences_than_shown_are_counted(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record_run(record, CountingEngine(), 30, snapshot_every=100)
        report = await replay(
            record,
            HOME,
            lambda: CountingEngine(wrong_at=1),
            CountingEngine.restore,
            clock=ManualClock(),
            differences_max=3,
        )
        assert (len(report.differences), report.different) == (3, 10)
        assert "7 more" in report.lines()[-1]


async def test_a_restore_that_lies_about_its_seq_is_told(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record_run(record, CountingEngine(), 10)
        report = await replay(record, HOME, CountingEngine, lambda _: CountingEngine(3), clock=ManualClock())
        assert "at 10 restores an engine at seq 3" in report.troubles[0]
        assert not report.same


async def test_behind_a_gap_it_goes_on_from_the_snapshot(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock) as record:
        engine = CountingEngine()
        await record_run(record, engine, 5)
        await break_disk(record)
        lost = [stepped(engine) for _ in range(6)]
        with pytest.raises(JournalUnavailable):
            await record.commit(lost)
        record.hold([entry for entry in lost if entry.effects])
        await mend_disk(record)
        clock.advance(1.1)
        entry = stepped(engine)
        await record.commit([entry], snapshots={HOME: (engine.seq, engine.snapshot())})
        await record_run(record, engine, 4, snapshot_every=100)
        report = await run(record)
        assert report.gaps == [Gap(7, 8, 12), Gap(10, 11, 12)]
        assert report.same
        assert (report.ended_at, report.compared, report.skipped) == (16, 6 + 4, 2)


async def test_a_pruned_beginning_is_a_gap(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record_run(record, CountingEngine(), 25)
    with sqlite3.connect(tmp_path / "journal.db") as database:
        database.execute("DELETE FROM segment WHERE first_seq <= 7")
    database.close()
    report = await run(tmp_path / "journal.db")
    assert report.gaps == [Gap(1, 7, 10)]
    assert (report.skipped, report.compared, report.same) == (3, 15, True)


async def test_a_gap_without_a_snapshot_behind_it_is_not_guessed_over(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record_run(record, CountingEngine(), 8)
    with sqlite3.connect(tmp_path / "journal.db") as database:
        database.execute("DELETE FROM segment WHERE first_seq = 4")
    database.close()
    report = await run(tmp_path / "journal.db")
    assert report.gaps == [Gap(4, 4, 0)]
    assert (report.compared, report.skipped) == (3, 4)
    assert "no snapshot" in report.lines()[1]


async def test_ids_of_a_later_epoch_are_not_differences(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        engine = CountingEngine()
        await record.commit([stepped(engine, epoch=1) for _ in range(4)])
        await record.commit([stepped(engine, epoch=2) for _ in range(4)])
        assert (await run(record)).same


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match=r"no journal at .*nothing\.db"):
        await run(tmp_path / "nothing.db")
