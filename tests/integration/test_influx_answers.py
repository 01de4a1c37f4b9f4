"""Every answer that a time-series store may give, from a fake one that answers as told."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest
from aiohttp import web

from gateway.deliver.influx import SPLIT_POSTS_MAX
from gateway.deliver.influx_post import Verdict, judge, open_poster
from gateway.deliver.line_protocol import whole_ms
from gateway.record.record import JournalEntry, JournalUnavailable
from rules.inputs import LinkChanged, SiteChanged
from tests.influx_world import (
    START,
    FakeStore,
    HurriedClock,
    Links,
    MemoryRecord,
    climate_entries,
    climate_site,
    device,
    influx_settings,
    make_writer,
    site,
    until,
    writing,
)

MODES = pytest.mark.parametrize("mode", ["v1", "v2"])
HOME = climate_site(count=5)
CONFLICT = "partial write: field type conflict: input field dropped=1"


def ok(number: int, lines: list[str]) -> web.Response:
    return web.Response(status=204)


@pytest.fixture
async def store():
    """A store whose answers a test sets before it writes."""
    one = FakeStore(ok)
    await one.start()
    yield one
    await one.stop()


def record_of(seconds: int) -> MemoryRecord:
    record = MemoryRecord()
    record.hold(climate_entries(HOME, seconds))
    return record


def rows(store: FakeStore) -> set[str]:
    return {line for post in store.posts for line in post if line.startswith("climate")}


def done(record: MemoryRecord, name: str = "influx") -> bool:
    return record.cursor(name, HOME.id) == record.head(HOME.id)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (204, "", Verdict.STORED),
        (200, "<html>log in</html>", Verdict.MISCONFIGURED),
        (302, "", Verdict.MISCONFIGURED),
        (400, CONFLICT, Verdict.SOME_REFUSED),
        (400, "unable to parse 'x'", Verdict.SOME_REFUSED),
        (422, "failure writing points", Verdict.SOME_REFUSED),
        (400, "partial write: points beyond retention policy dropped=7", Verdict.EXPIRED),
        (400, "partial write: max-series-per-database limit exceeded: (1000000) dropped=400", Verdict.MISCONFIGURED),
        (413, "", Verdict.TOO_LARGE),
        (401, "", Verdict.MISCONFIGURED),
        (403, "", Verdict.MISCONFIGURED),
        (404, 'database not found: "x"', Verdict.MISCONFIGURED),
        (500, 'retention policy not found: "x"', Verdict.MISCONFIGURED),
        (500, "timeout", Verdict.TRY_AGAIN),
        (408, "", Verdict.TRY_AGAIN),
        (429, "", Verdict.TRY_AGAIN),
        (503, "", Verdict.TRY_AGAIN),
    ],
)
def test_answer_means(status: int, body: str, verdict: Verdict) -> None:
    assert judge(status, body).verdict is verdict


@MODES
async def test_all_is_written_in_batches_within_the_flight_limit(store: FakeStore, mode: str) -> None:
    store.answer = lambda _number, _lines: 0.03
    record = record_of(2000)
    settings = influx_settings(
        store.port, mode=mode, batch=100, in_flight=3, org="o", bucket="b", retention_policy="rp"
    )
    writer = make_writer(settings, record, [HOME])
    async with writing(writer) as task:
        await until(lambda: done(record), task)
    assert len(rows(store)) == 1000
    assert max(len(post) for post in store.posts) <= 100 + 100
    assert store.busy_most == 3
    expected = {"db": "anlian", "rp": "rp", "precision": "ms"} if mode == "v1" else None
    expected = expected or {"org": "o", "bucket": "b", "precision": "ms"}
    assert all(query == expected for query in store.queries)
    assert writer.counts["stored"] == writer.counts["rows"] == sum(len(post) for post in store.posts)


@MODES
@pytest.mark.parametrize("compressed", [True, False])
async def test_gzip_only_where_it_is_asked_for(
    store: FakeStore, mode: str, compressed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: list[int] = []
    whole = gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda data, level=9: levels.append(level) or whole(data, level))
    record = record_of(100)
    async with writing(make_writer(influx_settings(store.port, mode=mode, gzip=compressed), record, [HOME])) as task:
        await until(lambda: done(record), task)
    assert len(rows(store)) == 50
    assert [headers.get("Content-Encoding") for headers in store.headers] == ["gzip" if compressed else None]
    assert levels == ([1] if compressed else [])


async def test_secret_files_are_read_and_sent(store: FakeStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    for mode, more in (
        ("v1", {"password_file": tmp_path / "secret", "username": "u"}),
        ("v2", {"token_file": tmp_path / "secret"}),
    ):
        record = record_of(10)
        async with writing(make_writer(influx_settings(store.port, mode=mode, **more), record, [HOME])) as task:
            await until(lambda record=record: done(record), task)
    assert [headers["Authorization"] for headers in store.headers] == ["Basic dTpzM2NyZXQ=", "Token s3cret"]


async def test_secret_that_cannot_be_read_holds_the_queue_and_says_so(store: FakeStore, tmp_path: Path) -> None:
    path, links, record = tmp_path / "absent", Links(), record_of(10)
    writer = make_writer(influx_settings(store.port, password_file=path, username="u"), record, [HOME], links)
    async with writing(writer) as task:
        await until(lambda: bool(links.said), task)
        assert links.said[0][:2] == ("influx", False)
        assert "password_file" in links.said[0][2] and "No such file" in links.said[0][2]
        assert not store.posts and record.cursor("influx", HOME.id) == 0
        path.write_text("x")
        await until(lambda: done(record), task)
    assert links.said[-1] == ("influx", True, "")


@MODES
@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, "unauthorized", "password or token"),
        (403, "forbidden", "password or token"),
        (404, "database not found", "create the database"),
        (500, 'retention policy not found: "x"', "create the retention policy"),
        (302, "", "no store answers so"),
    ],
)
async def test_configuration_fault_holds_the_queue_until_it_is_mended(
    store: FakeStore, mode: str, status: int, body: str, words: str
) -> None:
    mended = False
    headers = {"Location": "/elsewhere"} if status == 302 else {}
    store.answer = lambda _number, _lines: web.Response(
        status=204 if mended else status, text=None if mended else body, headers=headers
    )
    links, record = Links(), record_of(1000)
    writer = make_writer(influx_settings(store.port, mode=mode, batch=20), record, [HOME], links)
    async with writing(writer) as task:
        await until(lambda: len(store.posts) > 12, task)
        assert record.cursor("influx", HOME.id) == 0
        assert len(links.said) == 1 and links.said[0][:2] == ("influx", False)
        assert words in links.said[0][2]
        assert len(rows(store)) <= 5 * 40, "it read on although nothing is taken"
        mended = True
        await until(lambda: done(record), task)
    assert links.said[1:] == [("influx", True, "")]
    assert len(rows(store)) == 500
    assert not record.quarantined


async def test_configuration_fault_is_told_at_once(store: FakeStore) -> None:
    posts_when_told: list[int] = []
    store.answer = lambda _number, _lines: web.Response(status=401)
    writer = make_writer(
        influx_settings(store.port, in_flight=1),
        record_of(10),
        [HOME],
        lambda *_said: posts_when_told.append(len(store.posts)),  # type: ignore[arg-type]
    )
    async with writing(writer) as task:
        await until(lambda: bool(posts_when_told), task)
    assert posts_when_told == [1]


@MODES
async def test_refused_lines_are_isolated_kept_and_not_sent_again(store: FakeStore, mode: str) -> None:
    bad = {f"{HOME.id}-c02 temperature=22.0{n}" for n in ("05", "47")}

    def answer(number: int, lines: list[str]) -> web.Response:
        refused = [line for line in lines if any(one in line for one in bad)]
        return web.Response(status=400, text=CONFLICT) if refused else web.Response(status=204)

    store.answer = answer
    links, record = Links(), record_of(1000)
    writer = make_writer(influx_settings(store.port, mode=mode), record, [HOME], links)
    async with writing(writer) as task:
        await until(lambda: done(record), task)
        posts = len(store.posts)
    kept = sorted(payload.decode() for _, _, _, payload in record.quarantined)
    assert len(kept) == 2 and all(any(one in line for one in bad) for line in kept)
    assert all("\n" not in line for line in kept)
    assert {(stream, source) for stream, source, _, _ in record.quarantined} == {(HOME.id, "destination:influx")}
    assert all(CONFLICT in reason for _, _, reason, _ in record.quarantined)
    assert posts <= 50
    assert writer.counts["refused"] == writer.counts["quarantined"] == 2
    assert writer.counts["stored"] == writer.counts["rows"] - 2
    assert links.said == [("influx", True, "")]


async def test_store_that_refuses_everything_costs_bounded_work(store: FakeStore) -> None:
    store.answer = lambda _number, _lines: web.Response(status=400, text=CONFLICT)
    record = record_of(4000)
    writer = make_writer(influx_settings(store.port), record, [HOME])
    async with writing(writer) as task:
        await until(lambda: done(record), task)
    assert len(store.posts) <= SPLIT_POSTS_MAX * 1.2
    kept = [line for _, _, _, payload in record.quarantined for line in payload.decode().splitlines()]
    assert len(kept) == writer.counts["rows"] == writer.counts["refused"]


async def test_quarantine_that_cannot_be_written_does_not_stop_the_stream(store: FakeStore) -> None:
    class FullDisk(MemoryRecord):
        async def quarantine(self, *what: object) -> str:  # type: ignore[override]
            raise JournalUnavailable("disk full")

    store.answer = lambda _number, _lines: web.Response(status=400, text=CONFLICT)
    record = FullDisk()
    record.hold(climate_entries(HOME, 20))
    writer = make_writer(influx_settings(store.port), record, [HOME])
    async with writing(writer) as task:
        await until(lambda: done(record), task)
    assert writer.counts["not_kept"] == writer.counts["rows"]


async def test_refused_lines_are_kept_under_their_own_stream(store: FakeStore) -> None:
    store.answer = lambda _number, _lines: web.Response(status=400, text=CONFLICT)
    other = climate_site("h2", 5)
    record = record_of(4000)
    record.hold(climate_entries(other, 1000))
    writer = make_writer(influx_settings(store.port), record, [HOME, other])
    async with writing(writer) as task:
        await until(lambda: done(record) and record.cursor("influx", "h2") == 500, task)
    kept = [(stream, line) for stream, _, _, payload in record.quarantined for line in payload.decode().splitlines()]
    assert all(f"home={stream}" in line for stream, line in kept)
    assert len(kept) == writer.counts["rows"] == 3000
    assert max(len(payload) for _, _, _, payload in record.quarantined) < 70_000


@MODES
async def test_body_that_is_too_large_is_split(store: FakeStore, mode: str) -> None:
    store.answer = lambda _number, lines: web.Response(status=413 if len(lines) > 100 else 204)
    record = record_of(1000)
    writer = make_writer(influx_settings(store.port, mode=mode), record, [HOME])
    async with writing(writer) as task:
        await until(lambda: done(record), task)
    assert writer.counts["stored"] == writer.counts["rows"]
    assert len(rows(store)) == 500
    assert not record.quarantined


@MODES
@pytest.mark.parametrize("status", [429, 503])
async def test_store_that_asks_for_a_pause_gets_it(store: FakeStore, mode: str, status: int) -> None:
    store.answer = lambda number, _lines: (
        web.Response(status=status, headers={"Retry-After": "37"}) if number <= 2 else web.Response(status=204)
    )
    clock, record, links = HurriedClock(), record_of(100), Links()
    writer = make_writer(influx_settings(store.port, mode=mode), record, [HOME], links, clock)
    async with writing(writer) as task:
        await until(lambda: done(record), task)
    assert 37.0 in clock.asked
    assert len(rows(store)) == 50
    assert links.said == [("influx", True, "")]


async def test_back_off_grows_with_jitter_up_to_a_bound(store: FakeStore) -> None:
    store.answer = lambda number, _lines: web.Response(status=503 if number <= 12 else 204)
    clock, record, links = HurriedClock(0.001), record_of(10), Links()
    writer = make_writer(influx_settings(store.port, in_flight=1), record, [HOME], links, clock)
    async with writing(writer) as task:
        await until(lambda: done(record), task)
    pauses = [seconds for seconds in clock.asked if seconds != 0.05]
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(pauses) == 30.0
    assert [up for _, up, _ in links.said] == [False, True]


@MODES
async def test_post_without_an_answer_is_repeated(store: FakeStore, mode: str) -> None:
    store.answer = lambda number, _lines: 2.0 if number == 1 else web.Response(status=204)
    record = record_of(100)
    settings = influx_settings(store.port, mode=mode)
    writer = make_writer(settings, record, [HOME], poster=open_poster(settings, 0.3))
    async with writing(writer) as task:
        await until(lambda: done(record), task)
    assert writer.counts["retries"] == 1
    assert store.posts[0] == store.posts[1]


@MODES
async def test_store_that_is_not_there_is_waited_for(mode: str) -> None:
    store, links, record = FakeStore(ok), Links(), record_of(100)
    writer = make_writer(influx_settings(store.port, mode=mode), record, [HOME], links)
    async with writing(writer) as task:
        await until(lambda: bool(links.said), task)
        assert links.said[0][1] is False
        assert "cannot connect" in links.said[0][2]
        await store.start()
        try:
            await until(lambda: done(record), task)
        finally:
            await store.stop()
    assert len(rows(store)) == 50


async def test_cursor_waits_for_the_oldest_batch(store: FakeStore) -> None:
    release = asyncio.Event()
    first: list[str] = []

    async def held(request: web.Request) -> web.Response:
        lines = (await request.read()).decode().splitlines()
        store.posts.append(lines)
        if not first:
            first.extend(lines)
            await release.wait()
        return web.Response(status=204)

    store._write = held  # type: ignore[method-assign]
    await store.stop()
    await store.start()
    record = record_of(1000)
    async with writing(make_writer(influx_settings(store.port, batch=50), record, [HOME])) as task:
        await until(lambda: len(rows(store)) == 500, task)
        assert record.cursor("influx", HOME.id) == 0
        release.set()
        await until(lambda: done(record), task)


async def test_writer_that_is_killed_repeats_rows_but_loses_none(store: FakeStore) -> None:
    record = record_of(3000)
    for stop_after in (3, 9, 15):
        async with writing(make_writer(influx_settings(store.port, batch=50), record, [HOME])) as task:
            await until(lambda stop_after=stop_after: len(store.posts) >= stop_after, task)
    async with writing(make_writer(influx_settings(store.port, batch=50), record, [HOME])) as task:
        await until(lambda: done(record), task)
    assert len(rows(store)) == 1500


async def test_lost_entries_are_passed_by_without_spinning(store: FakeStore) -> None:
    reads = 0

    class Holed(MemoryRecord):
        async def read(self, stream: str, after: int, most: int = 512) -> list[JournalEntry]:
            nonlocal reads
            reads += 1
            await asyncio.sleep(0)
            return [entry for entry in self.entries[stream][after : after + most] if not 20 < entry.seq <= 50]

    record = Holed()
    entries = climate_entries(HOME, 120)
    record.hold(entries[:50])
    async with writing(make_writer(influx_settings(store.port, batch=10), record, [HOME])) as task:
        await until(lambda: record.cursor("influx", HOME.id) == 50, task)
        before = reads
        await asyncio.sleep(0.2)
        assert reads == before, "it reads again and again what is not there"
        record.hold(entries[50:])
        await until(lambda: done(record), task)
    assert len(rows(store)) == 30


@pytest.mark.parametrize(("batch", "failing"), [(37, set(range(0, 60, 3)) | {1}), (5000, {1, 4, 5})])
async def test_journal_that_cannot_be_read_for_a_while_costs_no_row(
    store: FakeStore, batch: int, failing: set[int]
) -> None:
    class Flaky(MemoryRecord):
        reads = 0

        async def read(self, stream: str, after: int, most: int = 512) -> list[JournalEntry]:
            self.reads += 1
            if self.reads in failing:
                raise JournalUnavailable("I/O error")
            return await super().read(stream, after, most)

    record, other = Flaky(), climate_site("h2", 5)
    record.hold(climate_entries(HOME, 500))
    record.hold(climate_entries(other, 500))
    record.cursors["influx", "h2"] = 10
    writer = make_writer(influx_settings(store.port, batch=batch), record, [HOME, other])
    async with writing(writer) as task:
        await until(lambda: done(record) and record.cursor("influx", "h2") == 250, task)
    assert len(rows(store)) == 250 + 240
    assert writer.counts["unreadable"] >= 2


async def test_cursor_beyond_the_head_starts_at_the_head(store: FakeStore) -> None:
    record = record_of(100)
    record.cursors["influx", HOME.id] = 49
    ahead = MemoryRecord()
    ahead.cursors = {("influx", HOME.id): 49}
    ahead.hold(record.entries[HOME.id][:30])
    ahead.advance = lambda name, stream, seq: ahead.cursors.__setitem__((name, stream), seq)  # type: ignore[method-assign]
    async with writing(make_writer(influx_settings(store.port), ahead, [HOME])) as task:
        await asyncio.sleep(0.05)
        ahead.hold(record.entries[HOME.id][30:])
        await until(lambda: len(rows(store)) == 20, task)
        await until(lambda: ahead.cursors["influx", HOME.id] == 50, task)
        assert len(rows(store)) == 20, "what lies before the head was not written again"


async def test_rows_of_events_get_the_same_instants_after_a_restart_in_the_middle(store: FakeStore) -> None:
    down = [
        JournalEntry(HOME.id, 1, seq, START, LinkChanged(at=START, link="qos0:main", up=False, count=seq))
        for seq in range(1, 41)
    ]
    for stop in (15, 40):
        record = MemoryRecord()
        record.hold(down[:stop])
        record.cursors["influx", HOME.id] = 0 if stop == 15 else 15
        async with writing(make_writer(influx_settings(store.port), record, [HOME])) as task:
            await until(lambda record=record: done(record), task)
    stamps = [int(line.rsplit(" ", 1)[1]) for post in store.posts for line in post]
    assert stamps == [whole_ms(START) + n for n in range(40)]


async def test_new_entries_are_written_as_they_come(store: FakeStore) -> None:
    record = MemoryRecord()
    entries = climate_entries(HOME, 100)
    async with writing(make_writer(influx_settings(store.port), record, [HOME])) as task:
        for start in range(0, 50, 10):
            record.hold(entries[start : start + 10])
            await until(lambda: done(record), task)
    assert len(rows(store)) == 50


async def test_with_a_lag_a_204_is_not_enough_and_a_restart_brings_the_rows_again(store: FakeStore) -> None:
    record = record_of(500)
    writer = make_writer(influx_settings(store.port, lag_s=0.6, batch=50), record, [HOME])
    async with writing(writer) as task:
        await until(lambda: len(rows(store)) == 250, task)
        assert record.cursor("influx", HOME.id) == 0
        sent = len(store.posts)
        store.mark = "process_start_time_seconds 2"
        await until(lambda: len(store.posts) >= 2 * sent, task)
        assert record.cursor("influx", HOME.id) == 0
        await until(lambda: done(record), task)
    assert writer.counts["rewinds"] == 1
    assert writer.counts["stored"] == 2 * len({line for post in store.posts for line in post})


async def test_rows_that_are_written_again_name_the_zone_of_their_time(store: FakeStore) -> None:
    moved = site("h1", [device(one.id, one.kind, "attic") for one in HOME.devices])
    record = MemoryRecord()
    record.hold([JournalEntry("h1", 1, 1, START, SiteChanged(at=START, site=moved, rules=(), ruleset="x"))])
    record.hold(climate_entries(HOME, 4000, first_seq=2))
    writer = make_writer(influx_settings(store.port, lag_s=0.5), record, [HOME])
    async with writing(writer) as task:
        await until(lambda: done(record), task)
        before = len(store.posts)
        record.hold(climate_entries(HOME, 10, first_seq=2002))
        await until(lambda: len(store.posts) > before, task)
        store.mark = "process_start_time_seconds 2"
        await until(lambda: writer.counts["rewinds"] == 1 and done(record), task)
        again = [line for post in store.posts[before:] for line in post if line.startswith("climate")]
    assert len(again) == 10
    assert all("zone=attic" in line for line in again)


async def test_with_a_lag_a_refused_connection_after_success_brings_the_rows_again(store: FakeStore) -> None:
    record = record_of(500)
    store.mark = ""  # a server that does not tell when it started
    writer = make_writer(influx_settings(store.port, lag_s=3600.0, batch=50), record, [HOME])
    async with writing(writer) as task:
        await until(lambda: len(rows(store)) == 250, task)
        before = len(store.posts)
        await store.stop()
        record.hold(climate_entries(HOME, 20, first_seq=251))
        await until(lambda: writer.counts["retries"] > 0, task)
        await store.start()
        await until(
            lambda: len({line for post in store.posts[before:] for line in post if "climate" in line}) == 250, task
        )
    assert record.cursor("influx", HOME.id) == 0
