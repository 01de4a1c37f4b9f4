"""What is lost is explained by a person; a tail that is cut between two heads is found by the journal beside it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.deliver.ledger_gaps import LINK, LOOK_S, LedgerGaps
from gateway.deliver.ledger_heads import ANYHOW_S, EVERY_S, ROWS, LedgerHeads
from gateway.deliver.ledger_heads import LOOK_S as HEAD_LOOK_S
from gateway.record.ledger import GAP, LedgerFile
from gateway.record.ledger_check import check_against_journal, check_ledger
from gateway.record.ledger_gaps import GapBook, GapFile, OpenGap, read_body
from gateway.record.ledger_journal import JournalledLedger
from gateway.record.ledger_rows import rows_of
from gateway.record.record import JournalEntry
from gateway.record.seal import Seal, head_files, read_head
from gateway.record.segments import to_ms
from rules.engine import Engine
from rules.inputs import GapExplained, LinkChanged
from tests.deliver_world import until
from tests.record_world import BEGIN, HOME, ManualClock, alarm_entry, at_seq, break_disk, journal, mend_disk, telemetry
from tests.unit.test_ledger import acted, check, recompute, tamper, write_ten
from tests.unit.test_ledger_commands import anlian, heads_of, settings

__all__ = ["settings"]

OTHER = "home-b"


def explained(seq: int, row: int, reason: str = "停电 power cut", stream: str = HOME) -> JournalEntry:
    happened = GapExplained(at=at_seq(seq), person="wang", row=row, reason=reason)
    return JournalEntry(stream, 1, seq, at_seq(seq), happened)


async def lossy(directory: Path) -> Path:
    """A journal whose disk refused the entries 3 to 5: they are lost for good, and rows 4 to 6 of its ledger."""
    async with journal(directory, held_bytes=1) as record:
        await record.commit([alarm_entry(1), acted(2)])
        await break_disk(record)
        record.hold([alarm_entry(seq) for seq in (3, 4, 5)])
        await mend_disk(record)
        await record.commit([alarm_entry(6)], snapshots={HOME: (6, b"{}")})
    return directory / "journal.db"


def gaps(path: Path, book: GapBook | None = None) -> list[OpenGap]:
    with GapFile(path) as file:
        return (book or GapBook()).open_gaps(file, HOME)


async def test_what_was_lost_is_open_until_a_person_explains_it(tmp_path: Path) -> None:
    path = await lossy(tmp_path)
    (gap,) = gaps(path)
    assert (gap.kind, gap.epoch, gap.first, gap.last) == (GAP, 1, 3, 5)
    async with journal(tmp_path) as record:
        await record.commit([explained(7, gap.row)])
    assert gaps(path) == []
    assert check(path).explain == []
    with LedgerFile(path) as file:
        row = list(file.rows(HOME))[-1]
    body = json.loads(row.body)
    assert (row.kind, body["person"], body["row"]) == ("gap_explained", "wang", gap.row)
    assert "停电" not in row.body.decode() and len(body["reason_sha256"]) == 64


async def test_another_row_explained_leaves_the_gap_open(tmp_path: Path) -> None:
    path = await lossy(tmp_path)
    (gap,) = gaps(path)
    async with journal(tmp_path) as record:
        await record.commit([explained(7, gap.row + 100)])
    assert gaps(path) == [gap]
    assert len(check(path).explain) == 1


async def test_a_book_reads_only_what_is_new_and_begins_anew_with_another_file(tmp_path: Path) -> None:
    path = await lossy(tmp_path)
    book = GapBook()
    (gap,) = gaps(path, book)
    read: list[tuple[int, int]] = []
    real = GapFile.follow

    def follow(self: GapFile, stream: str, known: dict[int, OpenGap], after: int, upto: int) -> None:
        read.append((after, upto))
        real(self, stream, known, after, upto)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GapFile, "follow", follow)
        async with journal(tmp_path) as record:
            await record.commit([alarm_entry(7)])
            assert gaps(path, book) == [gap]
            await record.commit([explained(8, gap.row)])
            assert gaps(path, book) == []
    assert [after == before for (_, before), (after, _) in pairwise(read)] == [True]
    (tmp_path / "small").mkdir()
    async with journal(tmp_path / "small") as record:
        await record.commit([alarm_entry(1)])
    assert gaps(tmp_path / "small" / "journal.db", book) == []


def test_a_body_that_nobody_can_read_explains_nothing() -> None:
    assert (read_body(b"\xff").row, read_body(b'{"row":"x"}').row, read_body(b'{"row":7}').row) == (0, 0, 7)


def test_the_engine_decides_nothing_by_it() -> None:
    engine = Engine(HOME)
    before = engine.alarms
    assert engine.step(explained(1, 4).input) == ()
    assert (engine.seq, engine.alarms) == (1, before)


# the standing trouble


async def test_a_home_with_gaps_has_a_trouble_that_counts_them_until_they_are_explained(tmp_path: Path) -> None:
    path = await lossy(tmp_path)
    clock, told = ManualClock(), []

    async def report(home: str, make: Callable[..., LinkChanged]) -> None:
        told.append((home, make(BEGIN)))

    task = asyncio.create_task(LedgerGaps(path, (HOME, OTHER), clock, report).run())  # type: ignore[arg-type]
    await until(lambda: told)
    home, changed = told[0]
    assert (home, changed.link, changed.up) == (HOME, LINK, False)
    assert changed.detail.startswith("1 gaps of the ledger")
    async with journal(tmp_path) as record:
        await record.commit([explained(7, gaps(path)[0].row)])
    while len(told) < 2:
        clock.advance(LOOK_S)
        await asyncio.sleep(0.005)
    assert [(home, one.up) for home, one in told] == [(HOME, False), (HOME, True)]
    task.cancel()


async def test_a_journal_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    told: list[object] = []
    looks = LedgerGaps(tmp_path / "none.db", (HOME,), ManualClock(), lambda *words: told.append(words))  # type: ignore[arg-type,return-value]
    await looks.look()
    assert told == []


# the heads


async def test_a_head_is_due_after_some_minutes_with_rows_or_after_many_rows_or_an_hour(tmp_path: Path) -> None:
    clock = ManualClock()
    heads = heads_of(tmp_path, clock)
    files = lambda: head_files(tmp_path / "ledger-heads")  # noqa: E731
    vouched: list[int] = []

    async def look_after(seconds: float) -> bool:
        """Whether a head was published by this look."""
        clock.advance(seconds)
        before = files()[-1].read_bytes() if files() else b""
        await heads.look()
        after = files()[-1].read_bytes()
        if after != before:
            public = Seal.open(tmp_path / "ledger.key").public
            vouched.append(read_head(after, "h", public).heads[0].number)
        return after != before

    async with journal(tmp_path) as record:
        await record.commit([alarm_entry(1)])
        assert await look_after(0)
        assert not await look_after(EVERY_S + 1), "nothing happened"
        await record.commit([alarm_entry(2)])
        assert await look_after(HEAD_LOOK_S), "a row came after a quiet time"
        await record.commit([alarm_entry(3)])
        assert not await look_after(HEAD_LOOK_S)
        assert await look_after(EVERY_S)
        await record.commit([alarm_entry(seq) for seq in range(4, 4 + ROWS)])
        assert await look_after(HEAD_LOOK_S)
        assert not await look_after(EVERY_S)
        assert await look_after(ANYHOW_S)
    assert vouched == [2, 3, 4, 4 + ROWS, 4 + ROWS]


async def test_the_heads_are_looked_at_again_and_again(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path) as record:
        await record.commit([alarm_entry(1)])
        heads = heads_of(tmp_path, clock)
        task = asyncio.create_task(heads.run())
        await until(lambda: head_files(tmp_path / "ledger-heads"))
        (path,) = head_files(tmp_path / "ledger-heads")
        first = path.read_bytes()
        await record.commit([alarm_entry(seq) for seq in range(2, 2 + ROWS)])
        while path.read_bytes() == first:
            clock.advance(HEAD_LOOK_S)
            await asyncio.sleep(0.005)
        task.cancel()
    assert read_head(path.read_bytes(), "h", Seal.open(tmp_path / "ledger.key").public).heads[0].number == 2 + ROWS


async def test_a_ledger_that_became_shorter_is_a_trouble(tmp_path: Path) -> None:
    told: list[tuple[str, bool, str]] = []
    path = await write_ten(tmp_path)
    clock = ManualClock()
    heads = LedgerHeads(path, tmp_path / "k", tmp_path / "heads", clock, lambda *words: told.append(words))
    await heads.look()
    tamper(path, lambda d: d.execute("DELETE FROM ledger WHERE number>6"))
    await heads.look()
    assert [(name, up) for name, up, _ in told if not up] == [("ledger-cut", False)]
    assert "9" in told[-1][2] or "9" in "".join(words for _, _, words in told)


async def test_a_head_that_failed_is_tried_at_the_next_look(tmp_path: Path) -> None:
    told: list[tuple[str, bool, str]] = []
    path = await write_ten(tmp_path)
    (tmp_path / "heads").write_text("in the way")
    heads = LedgerHeads(path, tmp_path / "k", tmp_path / "heads", ManualClock(), lambda *words: told.append(words))
    await heads.look()
    (tmp_path / "heads").unlink()
    await heads.look()
    assert [up for _, up, _ in told] == [False, True]


# the journal beside it


def cut(path: Path, where: str) -> None:
    tamper(path, lambda d: d.execute(f"DELETE FROM ledger WHERE {where}"))


async def test_a_tail_cut_between_two_heads_is_found_by_the_journal(settings: Path) -> None:
    path = settings.parent / "state" / "journal.db"
    await heads_of(settings.parent / "state").write()
    async with journal(path.parent) as record:
        await record.commit([alarm_entry(seq) for seq in (10, 11)])
    cut(path, "number>9")
    code, said = await asyncio.to_thread(anlian, "ledger", "verify", settings)
    assert code == 1
    assert "seq 10 of epoch 1 stands in the journal, the ledger lacks alarm.raised" in said
    assert "rows were cut off behind its end" in said
    assert "seq 11" in said and "2 faults" in said


async def test_a_row_taken_out_of_a_chain_that_was_mended_is_found(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)

    def mend(database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM ledger WHERE number=7")
        database.execute("UPDATE ledger SET number=number-1 WHERE number>7")
        recompute(database)

    tamper(path, mend)
    with JournalledLedger(path) as file:
        found = check_ledger(file, [])
        assert found.sound, "the chain alone tells nothing"
        check_against_journal(file, found)
    assert [fault.split(",")[0] for fault in found.faults] == [f"{HOME}: seq 7 of epoch 1 stands in the journal"]
    assert "its chain was mended" in found.faults[0]


async def test_an_untouched_ledger_has_all_that_the_journal_asks_for(tmp_path: Path) -> None:
    path = await lossy(tmp_path)
    async with journal(tmp_path, streams=(HOME, OTHER)) as record:
        await record.commit([telemetry(7), alarm_entry(8), alarm_entry(1, OTHER)])
        await record.commit([explained(9, 4), acted(10)])
    with JournalledLedger(path) as file:
        found = check_ledger(file, [])
        check_against_journal(file, found)
        assert file.streams() == [HOME, OTHER]
    assert (found.sound, found.compared) == (True, 7)


async def test_what_stood_in_the_journal_before_the_ledger_was_begun_is_not_asked_for(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)

    def later(database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM ledger WHERE number<5")
        database.execute("UPDATE ledger SET number=number-4")
        recompute(database)

    tamper(path, later)
    with JournalledLedger(path) as file:
        found = check_ledger(file, [])
        check_against_journal(file, found)
    assert (found.faults, found.compared) == ([], 5)


async def test_a_file_without_an_archive_or_rows_is_not_compared(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)
    tamper(path, lambda d: d.execute("DROP TABLE archive"))
    with JournalledLedger(path) as file:
        assert list(file.held_against(HOME)) == []
        assert list(file.held_against("nobody")) == []


async def test_the_age_of_the_newest_head_and_what_came_since_is_said(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)
    seal = Seal.open(tmp_path / "key")
    assert "9 rows that no head vouches for" in check(path).age_line(BEGIN)
    with LedgerFile(path) as file:
        old = seal.sign(BEGIN - timedelta(hours=4), tuple(file.heads())[:0])
        new = seal.sign(BEGIN, tuple(file.heads()))
    async with journal(tmp_path) as record:
        await record.commit([alarm_entry(10)])
    found = check(path, old, new)
    assert found.age_line(BEGIN + timedelta(minutes=7)).endswith(", 7 min old; 1 rows came behind it")
    assert ", 4 h old; 10 rows" in check(path, old).age_line(BEGIN)


def test_the_command_says_how_old_the_newest_head_is(settings: Path) -> None:
    asyncio.run(heads_of(settings.parent / "state").write())
    code, said = anlian("ledger", "verify", settings)
    assert code == 0
    assert "newest head 2026-11-22" in said and "0 rows came behind it" in said


def test_an_entry_is_put_into_the_ledger_at_its_instant() -> None:
    (row,) = rows_of(explained(3, 4))
    assert row[:5] == (HOME, 1, 3, to_ms(at_seq(3)), "gap_explained")
