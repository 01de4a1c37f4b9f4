"""The ledger: what stands in it, and that no way of falsifying it goes unseen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gateway.record.ledger import LedgerFile, hash_of, seed_of
from gateway.record.ledger_check import Checked, check_ledger
from gateway.record.ledger_rows import is_quiet, missing_of, rows_of
from gateway.record.record import JournalEntry, JournalUnavailable
from gateway.record.seal import Seal, SealFault, SignedHead, read_head, read_public
from gateway.record.wire import decode_entries, join_entries
from rules.effects import AlarmChanged, Change
from rules.inputs import OperatorActed, SiteChanged, Verb
from rules.site import Device, Person, Site, Zone
from rules.text import Text
from tests.record_world import BEGIN, HOME, ManualClock, alarm_entry, at_seq, break_disk, journal, mend_disk, telemetry
from tests.unit.test_record_wire import ENTRIES

Tamper = Callable[[sqlite3.Connection], object]


def acted(seq: int) -> JournalEntry:
    happened = OperatorActed(
        at=at_seq(seq), person="wang", verb=Verb.VERDICT, target=f"{HOME}:1:2", verdict="false", cause="王奶奶做饭"
    )
    return JournalEntry(HOME, 1, seq, at_seq(seq), happened)


def site_entry(seq: int, *devices: str) -> JournalEntry:
    site = Site(
        id=HOME,
        name=Text("第一敬老院"),
        zones=(Zone(id="ward-1", name=Text("一区")),),
        devices=tuple(
            Device(id=name, kind="smoke", zone="ward-1", source="z", address=name, name=Text("烟感"))
            for name in devices
        ),
        people=(Person(id="wang", name="王秀英", role="carer"),),
    )
    happened = SiteChanged(at=at_seq(seq), site=site, rules=(), ruleset="abc", by="admin")
    return JournalEntry(HOME, 1, seq, at_seq(seq), happened)


async def write_ten(directory: Path) -> Path:
    async with journal(directory) as record:
        await record.commit([site_entry(1, "smoke-1")])
        await record.commit([alarm_entry(2), telemetry(3), acted(4)])
        for seq in range(5, 10):
            await record.commit([alarm_entry(seq)])
    return directory / "journal.db"


def check(path: Path, *heads: SignedHead) -> Checked:
    with LedgerFile(path) as file:
        return check_ledger(file, [(f"head-{place}", head) for place, head in enumerate(heads, 1)])


def signed(path: Path, seal: Seal) -> SignedHead:
    with LedgerFile(path) as file:
        return seal.sign(BEGIN, tuple(file.heads()))


def tamper(path: Path, change: Tamper) -> None:
    """Change the rows as somebody would who has the file."""
    database = sqlite3.connect(path)
    database.executescript("DROP TRIGGER ledger_keeps; DROP TRIGGER ledger_stays;")
    change(database)
    database.commit()
    database.close()


def recompute(database: sqlite3.Connection, body: str = "") -> None:
    """The whole chain anew, every hash right: what only a published head can find."""
    rows = database.execute("SELECT * FROM ledger ORDER BY stream, number").fetchall()
    before = seed_of(HOME)
    for stream, number, epoch, seq, at, kind, old, _ in rows:
        text = body if body and number == 5 else old
        before = hash_of(before, stream, number, epoch, seq, at, kind, text.encode())
        database.execute("UPDATE ledger SET body=?, hash=? WHERE number=?", (text, before, number))


async def test_what_happened_stands_in_it_in_order(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)
    with LedgerFile(path) as file:
        rows = list(file.rows(HOME))
    assert [row.kind for row in rows[:4]] == ["ledger.begun", "configuration", "alarm.raised", "person.verdict"]
    assert [row.seq for row in rows] == [1, 1, 2, 4, 5, 6, 7, 8, 9]
    assert [row.number for row in rows] == list(range(1, 10))
    assert json.loads(rows[2].body)["subject"] == "smoke-2"
    found = check(path)
    assert (found.sound, found.rows, found.explain) == (True, 9, [])


async def test_a_restart_goes_on_with_the_chain(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)
    async with journal(tmp_path) as record:
        await record.commit([alarm_entry(10)])
    assert check(path).rows == 10
    assert check(path).sound


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.execute("UPDATE ledger SET body=replace(body,'wang','zhao') WHERE number=4"), "row 4 "),
        (lambda d: d.execute("UPDATE ledger SET at=at+1 WHERE number=6"), "row 6 "),
        (lambda d: d.execute("UPDATE ledger SET kind='alarm.cleared' WHERE number=3"), "row 3 "),
        (lambda d: d.execute("UPDATE ledger SET epoch=2 WHERE number=9"), "row 9 "),
        (lambda d: d.execute("UPDATE ledger SET hash=zeroblob(32) WHERE number=7"), "row 7 "),
        (lambda d: d.execute("DELETE FROM ledger WHERE number=5"), "row 5 is missing"),
        (lambda d: d.execute("DELETE FROM ledger WHERE number<4"), "rows 1 to 3 are missing"),
        (
            lambda d: d.executescript(
                "UPDATE ledger SET number=-1 WHERE number=6; UPDATE ledger SET number=6 WHERE number=7;"
                "UPDATE ledger SET number=7 WHERE number=-1;"
            ),
            "row 6 ",
        ),
        (
            lambda d: d.executescript("DELETE FROM ledger WHERE number=5; UPDATE ledger SET number=5 WHERE number=6;"),
            "row 5 ",
        ),
    ],
    ids=["who", "when", "what", "epoch", "hash", "missing", "beginning", "order", "renumbered"],
)
async def test_a_falsified_row_is_named(tmp_path: Path, change: Tamper, words: str) -> None:
    path = await write_ten(tmp_path)
    tamper(path, change)
    found = check(path)
    assert not found.sound
    assert words in found.faults[0], found.faults


async def test_a_row_with_a_new_hash_is_found_at_the_next_one(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)

    def change(database: sqlite3.Connection) -> None:
        before = database.execute("SELECT hash FROM ledger WHERE number=3").fetchone()[0]
        row = database.execute("SELECT stream, number, epoch, seq, at, kind FROM ledger WHERE number=4").fetchone()
        fresh = hash_of(before, *row, b'{"person":"zhao"}')
        database.execute("UPDATE ledger SET body=?, hash=? WHERE number=4", ('{"person":"zhao"}', fresh))

    tamper(path, change)
    assert "row 5 " in check(path).faults[0]


async def test_a_cut_tail_is_found_by_a_head(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)
    head = signed(path, Seal.open(tmp_path / "ledger.key"))
    assert check(path, head).sound
    tamper(path, lambda d: d.execute("DELETE FROM ledger WHERE number>6"))
    assert check(path).sound, "the rest is a sound chain: only the head knows"
    found = check(path, head)
    assert found.faults == [f"{HOME}: the tail is cut: head-1 vouches for row 9, the ledger ends with row 6"]


async def test_a_chain_computed_anew_is_found_by_a_head(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)
    head = signed(path, Seal.open(tmp_path / "ledger.key"))
    tamper(path, lambda d: recompute(d))
    assert check(path, head).sound, "nothing was changed, so the hashes are the same"
    tamper_again(path, '{"person":"zhao"}')
    assert check(path).sound
    assert "computed anew" in check(path, head).faults[0]


def tamper_again(path: Path, body: str) -> None:
    database = sqlite3.connect(path)
    recompute(database, body)
    database.commit()
    database.close()


async def test_a_ledger_that_is_gone_is_found_by_a_head(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)
    head = signed(path, Seal.open(tmp_path / "ledger.key"))
    tamper(path, lambda d: d.execute("DELETE FROM ledger"))
    assert "has no row of it" in check(path, head).faults[0]


async def test_a_journal_that_began_anew_does_not_pass_for_the_old_one(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)
    head = signed(path, Seal.open(tmp_path / "ledger.key"))
    path.unlink()
    async with journal(tmp_path) as record:
        await record.commit([alarm_entry(1, epoch=2)])
    assert "set aside" in check(path, head).faults[0]


async def test_the_table_refuses_changes_by_itself(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)
    database = sqlite3.connect(path)
    for statement in ("UPDATE ledger SET at=0", "DELETE FROM ledger"):
        with pytest.raises(sqlite3.IntegrityError, match="only appended"):
            database.execute(statement)
    database.close()


async def test_lost_entries_leave_a_row_to_be_explained(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock) as record:
        await record.commit([alarm_entry(1)])
        await break_disk(record)
        with pytest.raises(JournalUnavailable):
            await record.commit([telemetry(2)])
        record.hold([alarm_entry(5)])
        await mend_disk(record)
        clock.advance(2)
        await record.commit([alarm_entry(8)], snapshots={HOME: (8, b"x")})
    path = tmp_path / "journal.db"
    with LedgerFile(path) as file:
        rows = [(row.seq, row.kind) for row in file.rows(HOME)]
    assert rows[:3] == [(1, "ledger.begun"), (1, "alarm.raised"), (4, "gap")]
    assert rows[3:] == [(5, "alarm.raised"), (7, "gap"), (8, "alarm.raised")]
    found = check(path)
    assert found.sound
    assert found.explain == [f'{HOME}: row 3, gap {{"first":2,"last":4}}', f'{HOME}: row 5, gap {{"first":6,"last":7}}']


async def test_a_refused_commit_leaves_no_row(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock) as record:
        await record.commit([alarm_entry(1)])
        await break_disk(record)
        with pytest.raises(JournalUnavailable):
            await record.commit([alarm_entry(2)])
        await mend_disk(record)
        clock.advance(2)
        await record.commit([alarm_entry(2)])
    assert check(tmp_path / "journal.db").sound
    assert check(tmp_path / "journal.db").rows == 3


async def test_a_commit_that_breaks_off_behind_the_chain_is_forgotten(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock) as record:
        await record.commit([alarm_entry(1)])
        await record.run_statements(
            "CREATE TRIGGER planted BEFORE INSERT ON snapshot BEGIN SELECT RAISE(ABORT, 'planted'); END"
        )
        with pytest.raises(JournalUnavailable):
            await record.commit([alarm_entry(2)], snapshots={HOME: (2, b"x")})
        await record.run_statements("DROP TRIGGER planted")
        clock.advance(2)
        await record.commit([alarm_entry(2)])
    found = check(tmp_path / "journal.db")
    assert (found.faults, found.rows) == ([], 3)


async def test_an_adopted_device_has_a_row_of_its_own(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([site_entry(1, "smoke-1", "smoke-2")])
        await record.commit([site_entry(2, "smoke-2", "gas-1")])
    with LedgerFile(tmp_path / "journal.db") as file:
        rows = [(row.kind, json.loads(row.body).get("device")) for row in file.rows(HOME)][3:]
    assert rows == [("device.added", "gas-1"), ("device.removed", "smoke-1")]


async def test_a_journal_without_a_ledger_gets_one(tmp_path: Path) -> None:
    path = await write_ten(tmp_path)
    database = sqlite3.connect(path)
    database.executescript("DROP TABLE ledger; PRAGMA user_version=1;")
    database.close()
    async with journal(tmp_path) as record:
        await record.commit([alarm_entry(10)])
        assert [entry.seq for entry in await record.read(HOME, 8)] == [9, 10]
    assert check(path).rows == 2


@pytest.mark.parametrize("place", range(len(ENTRIES)))
def test_no_row_holds_a_word_or_a_name(place: int) -> None:
    entry = ENTRIES[place]
    said = " ".join(row[5].decode() for row in rows_of(entry))
    assert not any(ord(letter) > 127 for letter in said), "names and words are Chinese in these entries"
    for words in ("13800", "http", "cooking"):
        assert words not in said


def test_telemetry_has_no_row_and_is_told_at_once() -> None:
    assert is_quiet(telemetry(1))
    assert rows_of(telemetry(1)) == []
    assert not is_quiet(alarm_entry(1))


def test_what_a_person_wrote_stands_there_as_a_hash() -> None:
    (row,) = rows_of(acted(4))
    body = json.loads(row[5])
    assert body["person"] == "wang"
    assert len(body["cause_sha256"]) == 64
    assert "王" not in row[5].decode()


def test_new_words_of_an_alarm_are_no_event() -> None:
    entry = alarm_entry(3)
    changed = entry.effects[0]
    assert isinstance(changed, AlarmChanged)
    quiet = msgspec.structs.replace(entry, effects=(msgspec.structs.replace(changed, change=Change.UPDATED),))
    assert rows_of(quiet) == []


@pytest.mark.parametrize(
    ("present", "base", "runs"),
    [([1, 2], 0, []), ([3], 0, [(1, 2)]), ([5, 2], 1, [(3, 4)]), ([], 4, []), ([6, 9], 4, [(5, 5), (7, 8)])],
)
def test_runs_that_are_missing(present: list[int], base: int, runs: list[tuple[int, int]]) -> None:
    assert missing_of(present, base) == runs


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = Seal.open(tmp_path / "ledger.key")
    assert (tmp_path / "ledger.key").stat().st_mode & 0o777 == 0o600
    assert Seal.open(tmp_path / "ledger.key").public == first.public
    assert read_public(first.public + "\n") == first.public


def test_a_key_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.key").write_text("short")
    with pytest.raises(SealFault, match="not a key"):
        Seal.open(tmp_path / "ledger.key")
    with pytest.raises(SealFault, match="not a public key"):
        read_public("AAAA")


def test_a_head_is_believed_only_with_its_signature(tmp_path: Path) -> None:
    seal, other = Seal.open(tmp_path / "a"), Seal.open(tmp_path / "b")
    body = msgspec.json.encode(seal.sign(BEGIN, ()))
    assert read_head(body, "h", seal.public).heads == ()
    with pytest.raises(SealFault, match="another key"):
        read_head(body, "h", other.public)
    forged = msgspec.structs.replace(other.sign(BEGIN, ()), key=seal.public)
    with pytest.raises(SealFault, match="signature"):
        read_head(msgspec.json.encode(forged), "h", seal.public)
    with pytest.raises(SealFault, match="not a signed head"):
        read_head(b"{}", "h", seal.public)


def test_the_golden_entries_have_rows_of_every_kind() -> None:
    golden = Path(__file__).parent / "golden"
    body = join_entries(next(golden.glob("*wire*")).read_bytes().splitlines())
    kinds = {row[4] for entry in decode_entries(1, body, HOME, 1) for row in rows_of(entry)}
    assert {"told", "configuration", "incident.grew", "walk_test.started", "mode.start"} <= kinds, kinds
