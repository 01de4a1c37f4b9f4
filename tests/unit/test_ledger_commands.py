"""The commands of the ledger and the heads that are published: what an auditor does with them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from gateway.__main__ import cli
from gateway.deliver.heartbeat import Heartbeat
from gateway.deliver.ledger_heads import FILES_MAX, LedgerHeads
from gateway.record.seal import Seal, SignedHead, head_files, read_head
from tests.configuration_world import write as write_configuration
from tests.record_world import BEGIN, HOME, ManualClock, alarm_entry, journal
from tests.unit.test_ledger import tamper, tamper_again, write_ten


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = write_configuration(tmp_path)
    (tmp_path / "state").mkdir()
    asyncio.run(write_ten(tmp_path / "state"))
    return path


def anlian(*words: object) -> tuple[int, str]:
    said = CliRunner().invoke(cli, [str(word) for word in words])
    return said.exit_code, said.output


def heads_of(state: Path, clock: ManualClock | None = None) -> LedgerHeads:
    told: list[object] = []
    return LedgerHeads(
        state / "journal.db",
        state / "ledger.key",
        state / "ledger-heads",
        clock or ManualClock(),
        lambda *words: told.append(words),
    )


def test_an_untouched_ledger_is_sound(settings: Path) -> None:
    state = settings.parent / "state"
    assert asyncio.run(heads_of(state).write())
    code, said = anlian("ledger", "verify", settings)
    assert code == 0, said
    assert "9 rows, 1 signed ends, 7 entries of the journal compared: sound" in said


def test_an_altered_row_is_named_and_the_exit_code_is_1(settings: Path) -> None:
    state = settings.parent / "state"
    asyncio.run(heads_of(state).write())
    tamper(state / "journal.db", lambda d: d.execute("UPDATE ledger SET seq=seq+1 WHERE number=4"))
    code, said = anlian("ledger", "verify", settings)
    assert code == 1
    assert f"FAULT  {HOME}: row 4 (seq 5, person.verdict)" in said


def test_a_head_kept_elsewhere_convicts_who_made_everything_on_the_box_anew(settings: Path, tmp_path: Path) -> None:
    state = settings.parent / "state"
    kept, public = tmp_path / "kept.json", tmp_path / "kept.pub"
    kept.write_bytes(asyncio.run(heads_of(state).newest()))
    public.write_text(anlian("ledger", "key", settings)[1])
    tamper(state / "journal.db", lambda d: d.execute("PRAGMA user_version"))
    tamper_again(state / "journal.db", '{"person":"zhao"}')
    asyncio.run(heads_of(state).write())
    code, said = anlian("ledger", "verify", settings)
    assert code == 0, "with what lies on the box alone nothing is to be seen"
    assert "of this machine only" in said
    code, said = anlian("ledger", "verify", settings, "--head", kept, "--key", public)
    assert code == 1
    assert "kept.json" in said and "computed anew" in said


def test_a_new_key_does_not_help_either(settings: Path, tmp_path: Path) -> None:
    state = settings.parent / "state"
    public = tmp_path / "kept.pub"
    public.write_text(anlian("ledger", "key", settings)[1])
    (state / "ledger.key").unlink()
    asyncio.run(heads_of(state).write())
    code, said = anlian("ledger", "verify", settings, "--key", public)
    assert code == 2
    assert "another key" in said


def test_without_a_key_it_says_what_to_do(settings: Path) -> None:
    code, said = anlian("ledger", "verify", settings)
    assert (code, "first start" in said) == (2, True)


def test_the_export_has_every_row(settings: Path) -> None:
    code, said = anlian("ledger", "export", settings, "--after", 3)
    rows = [json.loads(line) for line in said.splitlines()]
    assert code == 0
    assert [row["number"] for row in rows] == [4, 5, 6, 7, 8, 9]
    assert rows[0]["kind"] == "person.verdict"


def test_the_private_key_is_never_printed(settings: Path) -> None:
    _, said = anlian("ledger", "key", settings)
    assert (settings.parent / "state" / "ledger.key").read_text().strip() not in said


async def test_a_day_has_one_file_and_the_oldest_go(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([alarm_entry(1)])
    clock = ManualClock()
    heads = heads_of(tmp_path, clock)
    folder = tmp_path / "ledger-heads"
    folder.mkdir()
    for days in range(1, FILES_MAX + 1):
        (folder / f"{BEGIN - timedelta(days=days):%Y-%m-%d}.json").touch()
    (folder / "notes.txt").touch()
    assert await heads.write()
    assert await heads.write()
    assert head_files(folder)[-1].name == "2026-11-22.json"
    assert len(head_files(folder)) == FILES_MAX
    assert (folder / "notes.txt").exists()


async def test_a_head_that_cannot_be_signed_is_a_trouble_and_the_heart_beats_on(tmp_path: Path) -> None:
    told: list[tuple[str, bool, str]] = []
    (tmp_path / "key").write_text("nonsense")
    heads = LedgerHeads(
        tmp_path / "none.db", tmp_path / "key", tmp_path / "heads", ManualClock(), lambda *words: told.append(words)
    )
    assert not await heads.write()
    assert told[0][:2] == ("ledger-head", False)
    assert await heads.newest() == b""


class Posts:
    """Takes what a heartbeat posts."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def request(self, method: str, url: str, *, body: bytes, headers: dict[str, str], timeout_s: float) -> object:
        self.bodies.append(body)

        class Taken:
            succeeded = True
            status = 200

        return Taken()


async def test_the_heartbeat_carries_the_signed_head(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([alarm_entry(1)])
        posts, heads = Posts(), heads_of(tmp_path)
        beat = Heartbeat("u", 60, lambda: 1, posts, ManualClock(), (HOME,), None, lambda: 1.0, heads.newest)  # type: ignore[arg-type]
        assert await beat.beat()
    head = read_head(posts.bodies[0], "beat", Seal.open(tmp_path / "ledger.key").public)
    assert isinstance(head, SignedHead)
    assert [(one.stream, one.number) for one in head.heads] == [(HOME, 2)]


def test_the_newest_row_is_what_the_head_names(settings: Path) -> None:
    state = settings.parent / "state"
    head = msgspec.json.decode(asyncio.run(heads_of(state).newest()), type=SignedHead)
    database = sqlite3.connect(state / "journal.db")
    (digest,) = database.execute("SELECT hash FROM ledger ORDER BY number DESC LIMIT 1").fetchone()
    database.close()
    assert head.heads[0].hash == digest.hex()
