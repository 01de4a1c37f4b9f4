"""The journal: what is committed can be read, what is held can be read, and nothing else."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.record.append import ROWS_MAX
from gateway.record.checkpoint import Checkpointer
from gateway.record.incarnation import Ending, JournalInUse
from gateway.record.journal import FencedOff, GapWithoutSnapshot, SqliteRecord, StoreTooNew
from gateway.record.outbox import MANY_ENTRIES
from gateway.record.record import JournalUnavailable
from gateway.record.store import Rows, Store
from gateway.record.writer import Writer
from rules.alarm import Category
from tests.record_world import (
    HOME,
    ManualClock,
    alarm_entry,
    at_seq,
    break_disk,
    journal,
    mend_disk,
    seqs,
    telemetry,
)


async def test_what_was_committed_is_read_back_after_a_restart(tmp_path: Path) -> None:
    written = [telemetry(1, readings=6), alarm_entry(2), telemetry(3)]
    async with journal(tmp_path) as record:
        await record.commit(written[:2])
        await record.commit(written[2:])
        assert await record.read(HOME, 0) == written
    async with journal(tmp_path) as record:
        head = await record.open_stream(HOME)
        assert (head.epoch, head.seq, head.at) == (1, 3, at_seq(3))
        assert await record.read(HOME, 0) == written
        assert await record.read(HOME, 1, 1) == written[1:2]
        assert await record.read(HOME, 3) == []
        assert record.stats().reads_from_disk == 2
        assert record.troubles == ()


@pytest.mark.parametrize("after", range(12))
@pytest.mark.parametrize("most", [1, 3, 100])
async def test_reading_crosses_from_disk_to_memory_at_any_place(tmp_path: Path, after: int, most: int) -> None:
    async with journal(tmp_path, tail_entries=5) as record:
        for first in range(1, 10, 3):
            await record.commit([telemetry(seq) for seq in range(first, first + 3)])
        await break_disk(record)
        with pytest.raises(JournalUnavailable):
            await record.commit([telemetry(10), telemetry(11)])
        record.hold([telemetry(10), telemetry(11)])
        found: list[int] = []
        while entries := await record.read(HOME, found[-1] if found else after, most):
            assert len(entries) <= most
            found += seqs(entries)
        assert found == list(range(after + 1, 12))
        await mend_disk(record)


async def test_caught_up_readers_do_not_touch_the_disk(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        for seq in range(1, 50):
            await record.commit([telemetry(seq)])
            assert seqs(await record.read(HOME, seq - 1)) == [seq]
        assert record.stats().reads_from_disk == 0


async def test_one_row_a_stream_and_commit_readable_with_the_sqlite_tool(tmp_path: Path) -> None:
    async with journal(tmp_path, streams=(HOME, "home-b")) as record:
        await record.commit([telemetry(1), telemetry(1, "home-b"), telemetry(2)])
    with sqlite3.connect(tmp_path / "journal.db") as database:
        rows = database.execute(
            "SELECT stream, first_seq, last_seq, wire, body FROM segment ORDER BY stream"
        ).fetchall()
        sources = database.execute("SELECT json_extract(body, '$[0][2].source') FROM segment").fetchall()
    database.close()
    assert [row[:4] for row in rows] == [(HOME, 1, 2, 1), ("home-b", 1, 1, 1)]
    assert json.loads(rows[0][4])[1][0] == 2
    assert sources == [("zigbee",), ("zigbee",)]


async def test_waiting_ends_with_a_commit_and_with_a_hold_of_a_stream_waited_for(tmp_path: Path) -> None:
    async with journal(tmp_path, streams=(HOME, "home-b")) as record:
        waiting = asyncio.create_task(record.wait_beyond({HOME: 0}))
        await record.commit([telemetry(1, "home-b")])
        await asyncio.sleep(0)
        assert not waiting.done()
        await record.commit([telemetry(1)])
        await asyncio.wait_for(waiting, 5)
        await record.wait_beyond({HOME: 0, "home-b": 9})
        waiting = asyncio.create_task(record.wait_beyond({HOME: 1}))
        await asyncio.sleep(0)
        record.hold([telemetry(2)])
        await asyncio.wait_for(waiting, 5)


async def test_commits_that_wait_together_share_a_transaction(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await asyncio.gather(*(record.commit([telemetry(seq)]) for seq in range(1, 41)))
        assert seqs(await record.read(HOME, 0)) == list(range(1, 41))


async def test_a_commit_whose_caller_gave_up_waiting_still_counts(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        giving_up = record.commit([telemetry(1)])
        giving_up.cancel()
        await record.commit([telemetry(2)])
        assert seqs(await record.read(HOME, 0)) == [1, 2]


async def _is_woken(waiting: asyncio.Task[None]) -> bool:
    await asyncio.wait({waiting}, timeout=0.05)
    return waiting.done()


@pytest.mark.parametrize("on_disk", [True, False], ids=["on disk", "held"])
async def test_who_waits_for_effects_is_woken_by_them_and_not_by_telemetry(tmp_path: Path, on_disk: bool) -> None:
    async with journal(tmp_path) as record:
        waiting = asyncio.create_task(record.wait_beyond({HOME: 0}, calling=True))
        await record.commit([telemetry(1)])
        assert not await _is_woken(waiting)
        if on_disk:
            await record.commit([alarm_entry(2), telemetry(3)])
        else:
            record.hold([alarm_entry(2), telemetry(3)])
        assert await _is_woken(waiting)
        await asyncio.wait_for(record.wait_beyond({HOME: 1}, calling=True), 1)
        late = asyncio.create_task(record.wait_beyond({HOME: 2}, calling=True))
        assert not await _is_woken(late)
        late.cancel()


async def test_who_waits_for_effects_is_woken_by_many_entries_and_by_what_lies_on_disk(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        waiting = asyncio.create_task(record.wait_beyond({HOME: 0}, calling=True))
        await record.commit([telemetry(seq) for seq in range(1, MANY_ENTRIES)])
        assert not await _is_woken(waiting)
        await record.commit([telemetry(MANY_ENTRIES)])
        assert await _is_woken(waiting)
    async with journal(tmp_path) as again:
        await asyncio.wait_for(again.wait_beyond({HOME: MANY_ENTRIES - 5}, calling=True), 1)
        assert again.head(HOME) == MANY_ENTRIES


@pytest.mark.parametrize("seq", [1, 2])
async def test_a_seq_is_never_used_twice(tmp_path: Path, seq: int) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1), telemetry(2)])
        with pytest.raises(ValueError, match="used before"):
            await record.commit([telemetry(seq)])
        with pytest.raises(ValueError, match="used before"):
            record.hold([telemetry(seq)])


async def test_a_stream_must_be_opened(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        with pytest.raises(ValueError, match="open_stream"):
            await record.commit([telemetry(1, "home-x")])
        assert record.head("home-x") == 0
        assert await record.read("home-x", 0) == []


# --- a disk that refuses -----------------------------------------------------------------------


async def test_held_entries_go_first_with_the_next_commit_and_attempts_are_once_a_second(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock) as record:
        await record.commit([telemetry(1)])
        await break_disk(record)
        with pytest.raises(JournalUnavailable, match="read-only"):
            await record.commit([telemetry(2)])
        record.hold([telemetry(2)])
        await mend_disk(record)
        clock.advance(0.9)
        with pytest.raises(JournalUnavailable, match="read-only"):
            await record.commit([telemetry(3)])
        assert record.stats().commit_failures == 1
        record.hold([telemetry(3)])
        assert record.head(HOME) == 3
        assert seqs(await record.read(HOME, 0)) == [1, 2, 3]
        clock.advance(0.2)
        await record.commit([telemetry(4)])
        assert record.stats().held == 0
        assert seqs(await record.read(HOME, 0)) == [1, 2, 3, 4]
    async with journal(tmp_path) as record:
        assert seqs(await record.read(HOME, 0)) == [1, 2, 3, 4]
        assert (await record.open_stream(HOME)).epoch == 1


async def test_a_full_disk_is_named_and_leaves_nothing_of_the_transaction(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock, streams=(HOME, "home-b")) as record:
        await record.commit([telemetry(1), telemetry(1, "home-b")])
        await record.limit_pages(1)
        big = telemetry(2, "home-b", filler="x" * 200_000)
        with pytest.raises(JournalUnavailable, match="disk full"):
            await record.commit([telemetry(2), alarm_entry(3), big], snapshots={HOME: (3, b"state")})
        assert seqs(await record.read(HOME, 0)) == [1]
        assert await record.snapshots(HOME) == []
        assert await record.history(HOME) == []
        assert record._store is not None
        assert (record._store.segments, record._store.entries) == (2, 2)
        await record.limit_pages(None)
        clock.advance(1.1)
        await record.commit([telemetry(2), alarm_entry(3), big], snapshots={HOME: (3, b"state")})
        assert seqs(await record.read(HOME, 0)) == [1, 2, 3]


def _on_disk(directory: Path, stream: str = HOME) -> list[tuple[int, int]]:
    database = sqlite3.connect(directory / "journal.db")
    try:
        sql = "SELECT first_seq, last_seq FROM segment WHERE stream=? ORDER BY id"
        return database.execute(sql, (stream,)).fetchall()
    finally:
        database.close()


@pytest.mark.parametrize("count", [1, ROWS_MAX + 40], ids=["one statement", "several statements"])
async def test_a_commit_that_fails_half_way_leaves_nothing(tmp_path: Path, count: int) -> None:
    clock = ManualClock()
    entries = [alarm_entry(seq) for seq in range(1, count + 1)]
    async with journal(tmp_path, clock) as record:
        await record.run_statements(
            "CREATE TEMP TRIGGER planted BEFORE INSERT ON snapshot BEGIN SELECT RAISE(ABORT, 'planted'); END"
        )
        with pytest.raises(JournalUnavailable, match="planted"):
            await record.commit(entries, snapshots={HOME: (count, b"s")})
        assert _on_disk(tmp_path) == []
        await record.run_statements("DROP TRIGGER planted")
        clock.advance(1.1)
        await record.commit(entries, snapshots={HOME: (count, b"s")})
        assert _on_disk(tmp_path) == [(1, count)]


class _FailingStore:
    """A store whose first commit fails while the next one is queued already."""

    def __init__(self) -> None:
        self.committed: list[Rows] = []
        self.fail: Callable[[], None] | None = None

    def commit(self, rows: Rows) -> None:
        if self.fail is not None:
            fail, self.fail = self.fail, None
            fail()
            raise JournalUnavailable("planted")
        self.committed.append(rows)

    def mark(self, ending: Ending) -> None: ...


async def test_a_commit_queued_while_another_fails_is_refused_unwritten() -> None:
    loop = asyncio.get_running_loop()
    store = _FailingStore()
    writer = Writer(store, loop)  # type: ignore[arg-type]
    answers: list[tuple[str, BaseException | None]] = []
    behind, after = Rows(), Rows()
    store.fail = lambda: writer.commit(behind, 0, lambda error: answers.append(("behind", error)))
    writer.commit(Rows(), 0, lambda error: answers.append(("first", error)))
    async with asyncio.timeout(5):
        while len(answers) < 2:  # noqa: ASYNC110 - the answers come from another thread
            await asyncio.sleep(0.001)
    assert [(name, type(error)) for name, error in answers] == [
        ("first", JournalUnavailable),
        ("behind", JournalUnavailable),
    ]
    assert store.committed == []
    writer.commit(after, 1, lambda error: answers.append(("after", error)))
    await writer.stop()
    assert store.committed == [after]


async def test_the_file_is_synchronous_and_checkpointed_as_measured(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:

        def settings(store: Store) -> list[object]:
            names = ("synchronous", "journal_mode", "wal_autocheckpoint", "auto_vacuum")
            return [store.fetch(f"PRAGMA {name}")[0][0] for name in names]

        assert await record._run(settings) == [2, "wal", 16000, 2]  # 2 = FULL, 2 = INCREMENTAL


async def test_the_log_is_folded_in_beside_the_commits(tmp_path: Path) -> None:
    path, alone = tmp_path / "journal.db", tmp_path / "alone.db"

    def folded() -> int:
        """How many entries the file has without its log."""
        alone.write_bytes(path.read_bytes())
        database = sqlite3.connect(alone)
        try:
            return int(database.execute("SELECT total(entries) FROM segment").fetchone()[0])
        finally:
            database.close()

    async with journal(tmp_path) as record:
        await record.run_statements("PRAGMA wal_checkpoint(TRUNCATE)")
        await record.commit([telemetry(1)])
        before = folded()
        checkpointer = Checkpointer(path, pages=10)
        checkpointer.wrote(9)
        checkpointer.wrote(1)
        checkpointer.stop()
        assert (before, folded()) == (0, 1)
        await record.commit([telemetry(2)])
        assert seqs(await record.read(HOME, 0)) == [1, 2]


async def test_a_commit_queued_behind_a_failing_one_fails_with_it(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock) as record:
        await record.limit_pages(1)
        first = record.commit([telemetry(1, filler="x" * 500_000)])
        second = record.commit([telemetry(2)])
        results = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(result) for result in results] == [JournalUnavailable, JournalUnavailable]
        assert await record.read(HOME, 0) == []
        await record.limit_pages(None)
        clock.advance(1.1)
        await record.commit([telemetry(1)])


async def test_telemetry_goes_first_when_memory_is_full_and_the_gap_needs_a_snapshot(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock, held_bytes=40_000) as record:
        await record.commit([telemetry(1)])
        await break_disk(record)
        with pytest.raises(JournalUnavailable):
            await record.commit([telemetry(2)])
        record.hold([telemetry(2), alarm_entry(3), alarm_entry(4, category=Category.TROUBLE)])
        record.hold([telemetry(seq) for seq in range(5, 200)])
        kept = seqs(await record.read(HOME, 1))
        assert kept[:2] == [3, 4]
        assert kept[2:] == list(range(200 - len(kept) + 2, 200))
        assert record.stats().held_bytes <= 40_000
        assert record.lost(HOME) == record.stats().lost == 199 - 1 - len(kept) > 0
        assert record.needs_snapshot(HOME)
        (trouble,) = (one for one in record.troubles if one.kind == "lost")
        assert str(record.lost(HOME)) in trouble.text.zh
        assert trouble.count == record.lost(HOME)
        await mend_disk(record)
        clock.advance(1.1)
        with pytest.raises(GapWithoutSnapshot):
            await record.commit([telemetry(200)])
        with pytest.raises(GapWithoutSnapshot):
            await record.commit([telemetry(200)], snapshots={HOME: (4, b"too old")})
        await record.commit([telemetry(200)], snapshots={HOME: (200, b"state")})
        assert not record.needs_snapshot(HOME)
        assert seqs(await record.read(HOME, 1)) == [*kept, 200]
        await record.commit([telemetry(201)])
    async with journal(tmp_path) as record:
        assert seqs(await record.read(HOME, 1)) == [*kept, 200, 201]
        assert (await record.open_stream(HOME)).snapshot == b"state"


async def test_danger_goes_last(tmp_path: Path) -> None:
    async with journal(tmp_path, held_bytes=40_000) as record:
        await break_disk(record)
        with pytest.raises(JournalUnavailable):
            await record.commit([alarm_entry(1)])
        troubles = [alarm_entry(seq, category=Category.TROUBLE) for seq in range(2, 12)]
        record.hold([alarm_entry(1), *troubles])
        record.hold([alarm_entry(seq) for seq in range(12, 40)])
        kept = await record.read(HOME, 0)
        assert {entry.effects[0].alarm.category for entry in kept} == {Category.FIRE}  # type: ignore[union-attr]
        assert seqs(kept)[-1] == 39


async def test_a_quiet_stream_with_a_gap_does_not_stop_the_others(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock, streams=(HOME, "home-b")) as record:
        await break_disk(record)
        with pytest.raises(JournalUnavailable):
            await record.commit([alarm_entry(1)])
        record.hold([alarm_entry(1), alarm_entry(4)])
        await mend_disk(record)
        clock.advance(1.1)
        record.advance("phone", HOME, 4)
        await record.commit([alarm_entry(1, "home-b")])
        assert record.stats().held == 2
        assert _saved(tmp_path).get(("phone", HOME), 0) == 0
        assert seqs(await record.read(HOME, 0)) == [1, 4]
        await record.commit((), snapshots={HOME: (7, b"state at 7")})
        assert record.stats().held == 0
        assert record.head(HOME) == 7
    async with journal(tmp_path) as record:
        head = await record.open_stream(HOME)
        assert (head.seq, head.snapshot_seq, head.snapshot) == (7, 7, b"state at 7")
        assert head.at is not None
        assert head.at >= at_seq(4)
        assert seqs(await record.read(HOME, 0)) == [1, 4]
        await record.commit([telemetry(8)])


async def test_dropped_seqs_that_were_never_held_need_a_snapshot_too(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1)])
        with pytest.raises(GapWithoutSnapshot):
            await record.commit([telemetry(3)])
        await record.commit([telemetry(3)], snapshots={HOME: (3, b"s")})


async def test_closing_writes_what_is_held(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await break_disk(record)
        with pytest.raises(JournalUnavailable):
            await record.commit([alarm_entry(1)])
        record.hold([alarm_entry(1)])
        await mend_disk(record)
    async with journal(tmp_path) as record:
        assert seqs(await record.read(HOME, 0)) == [1]
        with pytest.raises(JournalUnavailable, match="closed"):
            await _closed(record)


async def _closed(record: SqliteRecord) -> None:
    await record.close()
    await record.commit([telemetry(2)])


async def test_ids_change_their_epoch_when_held_entries_died_with_the_process(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1)])
        await break_disk(record)
        with pytest.raises(JournalUnavailable):
            await record.commit([alarm_entry(2)])
        record.hold([alarm_entry(2)])
    async with journal(tmp_path) as record:
        head = await record.open_stream(HOME)
        assert (head.epoch, head.seq) == (2, 1)
        assert [trouble.kind for trouble in record.troubles] == ["held"]
        await record.commit([alarm_entry(2, epoch=2)])
    async with journal(tmp_path) as record:
        assert [entry.epoch for entry in await record.read(HOME, 0)] == [1, 2]
        assert (await record.open_stream(HOME)).epoch == 2


# --- files --------------------------------------------------------------------------------------


async def test_a_lost_file_starts_the_next_epoch(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1)])
    (tmp_path / "journal.db").unlink()
    async with journal(tmp_path) as record:
        head = await record.open_stream(HOME)
        assert (head.epoch, head.seq, head.at) == (2, 0, None)


async def test_an_older_file_put_back_starts_the_next_epoch(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1)])
    old = (tmp_path / "journal.db").read_bytes()
    (tmp_path / "journal.db").unlink()
    async with journal(tmp_path) as record:
        assert (await record.open_stream(HOME)).epoch == 2
    (tmp_path / "journal.db").write_bytes(old)
    async with journal(tmp_path) as record:
        head = await record.open_stream(HOME)
        assert (head.epoch, head.seq) == (3, 1)


async def test_an_unreadable_incarnation_file_never_repeats_an_epoch(tmp_path: Path) -> None:
    async with journal(tmp_path):
        pass
    (tmp_path / "journal.db.epoch").write_text("garbage")
    async with journal(tmp_path) as record:
        assert (await record.open_stream(HOME)).epoch > 1_700_000_000


def _overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


@pytest.mark.parametrize("damage", ["header", "page", "middle", "text", "short"])
async def test_a_damaged_file_is_kept_aside_and_the_next_epoch_begins(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "journal.db"
    async with journal(tmp_path) as record:
        for seq in range(1, 60):
            await record.commit([telemetry(seq, filler="x" * 3000)])
    match damage:
        case "header":
            _overwrite(path, 0, b"\0" * 4096)
        case "page":
            _overwrite(path, 4096, b"\xff" * (path.stat().st_size - 4096))
        case "middle":
            # A page of entries that nothing reads at the start: only the check after an unclean stop finds it.
            _overwrite(path, path.stat().st_size // 8192 * 4096, b"\xff" * 4096)
        case "text":
            path.write_text("this is not a database, it is a letter to whoever restores backups" * 100)
        case "short":
            _overwrite(path, 0, path.read_bytes()[:100] + b"\0" * (path.stat().st_size - 100))
    marker = tmp_path / "journal.db.epoch"
    marker.write_text(marker.read_text().replace("closed", "open  ").replace('"open  "', '"open"  '))
    async with journal(tmp_path) as record:
        head = await record.open_stream(HOME)
        assert (head.epoch, head.seq) == (2, 0)
        (trouble,) = record.troubles
        assert trouble.kind == "corrupt"
        (aside,) = tmp_path.glob("journal.db.corrupt-*")
        assert aside.name in trouble.text.zh
        await record.commit([telemetry(1, epoch=2)])
    async with journal(tmp_path) as record:
        assert (await record.open_stream(HOME)).epoch == 2
        assert record.troubles == ()


async def test_an_unreadable_row_is_stepped_over_and_told(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        for seq in range(1, 6):
            await record.commit([telemetry(seq)])
    with sqlite3.connect(tmp_path / "journal.db") as database:
        database.execute("UPDATE segment SET body='[[3,' WHERE first_seq=3")
        database.execute("UPDATE segment SET entries=7 WHERE first_seq=4")
    database.close()
    async with journal(tmp_path) as record:
        assert seqs(await record.read(HOME, 0)) == [1, 2, 5]
        (trouble,) = record.troubles
        assert (trouble.kind, trouble.count) == ("skipped", 2)


async def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with journal(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "journal.db") as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(StoreTooNew, match="newer version"):
        async with journal(tmp_path):
            pass


async def test_two_gateways_cannot_write_one_journal(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        with pytest.raises(JournalInUse, match="another gateway"):
            async with journal(tmp_path):
                pass
        await record.commit([telemetry(1)])


@pytest.mark.parametrize("missing", ["directory", "file"])
async def test_a_disk_that_gives_nothing_leaves_a_record_in_memory(tmp_path: Path, missing: str) -> None:
    if missing == "directory":
        place = tmp_path / "nowhere"
    else:
        place = tmp_path
        (tmp_path / "journal.db").mkdir()
    async with journal(place) as record:
        assert record.dead
        head = await record.open_stream(HOME)
        assert head.seq == 0
        with pytest.raises(JournalUnavailable):
            await record.commit([alarm_entry(1)])
        record.hold([alarm_entry(1, epoch=head.epoch)])
        assert seqs(await record.read(HOME, 0)) == [1]
        assert seqs(await record.history(HOME)) == [1]
        assert "dead" in {trouble.kind for trouble in record.troubles}
        assert await record.quarantine(HOME, at_seq(1), "zigbee", "why", b"bytes")


# --- cursors, tokens, snapshots, quarantine, archive -------------------------------------------


async def test_cursors_are_written_within_a_second_and_never_beyond_the_disk(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock) as record:
        await record.commit([telemetry(1), telemetry(2)])
        record.advance("influx", HOME, 2)
        await asyncio.sleep(0)
        clock.advance(1.0)
        async with asyncio.timeout(5):
            while not _saved(tmp_path):  # noqa: ASYNC110 - another thread writes a file: there is no event
                await asyncio.sleep(0.001)
        assert _saved(tmp_path) == {("influx", HOME): 2}
        record.advance("influx", HOME, 1)
        assert record.cursor("influx", HOME) == 2
        await break_disk(record)
        with pytest.raises(JournalUnavailable):
            await record.commit([alarm_entry(3)])
        record.hold([alarm_entry(3)])
        record.advance("influx", HOME, 3)
    assert _saved(tmp_path) == {("influx", HOME): 2}
    async with journal(tmp_path) as record:
        assert record.cursor("influx", HOME) == 2
        record.rewind("influx", HOME, 0)
        assert record.cursor("influx", HOME) == 0
    assert _saved(tmp_path) == {("influx", HOME): 0}


def _saved(directory: Path) -> dict[tuple[str, str], int]:
    database = sqlite3.connect(directory / "journal.db")
    try:
        rows = database.execute("SELECT destination, stream, seq FROM cursor").fetchall()
    finally:
        database.close()
    return {(destination, stream): seq for destination, stream, seq in rows}


async def test_a_commit_with_an_alarm_carries_the_cursors(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1)])
        record.advance("phone", HOME, 1)
        await record.commit([alarm_entry(2)])
        assert _saved(tmp_path) == {("phone", HOME): 1}


async def test_cursors_beyond_the_journal_are_brought_back(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1)])
    with sqlite3.connect(tmp_path / "journal.db") as database:
        database.execute("INSERT INTO cursor VALUES ('phone', ?, 9)", (HOME,))
    database.close()
    async with journal(tmp_path) as record:
        assert record.cursor("phone", HOME) == 1
        assert [trouble.kind for trouble in record.troubles] == ["cursor"]


async def test_an_older_token_is_fenced_off(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1)], token=3)
        with pytest.raises(FencedOff, match="older than 3"):
            await record.commit([telemetry(2)], token=2)
        await record.commit([telemetry(2)], token=3)
    async with journal(tmp_path) as record:
        with pytest.raises(FencedOff):
            await record.commit([telemetry(3)], token=2)
        assert record.head(HOME) == 2
        await record.commit([telemetry(3)], token=4)


async def test_the_newest_two_snapshots_are_kept(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        for seq in range(1, 5):
            await record.commit([telemetry(seq)], snapshots={HOME: (seq, b"state %d" % seq)})
    async with journal(tmp_path) as record:
        head = await record.open_stream(HOME)
        assert (head.snapshot_seq, head.snapshot) == (4, b"state 4")
        assert await record.snapshots(HOME) == [(3, b"state 3"), (4, b"state 4")]


async def test_quarantine_is_bounded_and_its_ids_are_never_repeated(tmp_path: Path) -> None:
    async with journal(tmp_path, quarantine_count=3, quarantine_bytes=2500) as record:
        ids = [await record.quarantine(HOME, at_seq(i), "zigbee", f"why {i}", b"x" * 1000) for i in range(5)]
        kept = await record.quarantined()
        assert [one.id for one in kept] == ids[:2:-1]
        assert (kept[0].reason, kept[0].payload, kept[0].source) == ("why 4", b"x" * 1000, "zigbee")
        await record.run_statements("DELETE FROM quarantine")
    async with journal(tmp_path, quarantine_count=3) as record:
        ids += [await record.quarantine(HOME, at_seq(9), "zigbee", "why", b"y" * 10) for _ in range(5)]
        assert len(set(ids)) == 10
        assert len(await record.quarantined()) == 3
        await break_disk(record)
        assert await record.quarantine(HOME, at_seq(9), "zigbee", "why", b"") not in ids
        assert [trouble.kind for trouble in record.troubles] == ["quarantine"]


async def test_history_is_what_alarms_and_people_left_newest_first(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1), alarm_entry(2), telemetry(3), alarm_entry(4)])
        await record.commit([alarm_entry(5)])
        await break_disk(record)
        with pytest.raises(JournalUnavailable):
            await record.commit([telemetry(6), alarm_entry(7)])
        record.hold([telemetry(6), alarm_entry(7)])
        assert seqs(await record.history(HOME)) == [7, 5, 4, 2]
        assert seqs(await record.history(HOME, before=5)) == [4, 2]
        assert seqs(await record.history(HOME, most=2)) == [7, 5]
        assert (await record.history(HOME, before=5, most=1)) == [alarm_entry(4)]
        await mend_disk(record)


async def test_statistics_count(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1), telemetry(2)])
        stats = record.stats()
        assert (stats.commits, stats.segments, stats.entries, stats.tail) == (1, 1, 2, 2)
        assert stats.file_bytes > 0
        assert stats.segment_bytes > 0
    async with journal(tmp_path) as record:
        stats = record.stats()
        assert (stats.segments, stats.entries, stats.tail) == (1, 2, 0)
