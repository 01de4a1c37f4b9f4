"""Rows of alarm quality: one a home behind each full hour, the same whenever they are written again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.deliver.influx_post import PostResult, Verdict
from gateway.deliver.line_protocol import home_tags
from gateway.report.quality_rows import AGAIN_S, LATE_S, QualityRows, row_of
from gateway.ways_store import _posting
from rules.quality import QualityCount, VerdictKind
from rules.site import Site
from rules.text import Text
from tests.deliver_world import until
from tests.record_world import BEGIN, HOME, ManualClock, alarm_entry, journal
from tests.unit.test_quality import BEGIN as DAY
from tests.unit.test_quality import Home

OTHER = "home-b"
SITES = {home: Site(id=home, name=Text(home)) for home in (HOME, OTHER)}
FIELD = re.compile(r"([a-z0-9_.]+)=([0-9.e+-]+)(?:,| )")


def parsed(line: str) -> tuple[str, dict[str, float], int]:
    place, rest = line.split(" ", 1)
    fields, at = rest.rsplit(" ", 1)
    return place, {name: float(value) for name, value in FIELD.findall(fields + " ")}, int(at)


class Store:
    """Takes rows, or does not."""

    def __init__(self) -> None:
        self.posts: list[list[str]] = []
        self.takes = True
        self.asked = 0

    async def post(self, lines: bytes) -> bool:
        self.asked += 1
        if self.takes:
            self.posts.append(lines.decode().split("\n"))
        return self.takes

    def hours(self) -> list[datetime]:
        return [datetime.fromtimestamp(parsed(post[0])[2] / 1000, UTC) for post in self.posts]


async def passes(clock: ManualClock, seconds: float, seen: Callable[[], bool]) -> None:
    """Let so much time pass, again and again, until something is seen."""
    async with asyncio.timeout(10):
        while not seen():
            clock.advance(seconds)
            await asyncio.sleep(0.005)


def test_a_row_tells_the_figures_as_floats() -> None:
    home = Home()
    first = home.raised(10, priority=1)
    home.raised(20, subject="smoke-2", priority=4)
    home.judged(30, first, VerdictKind.FALSE)
    place, fields, at = parsed(row_of(",county=c,home=home-a", home.report(), DAY + timedelta(days=1)))
    assert place == "quality,county=c,home=home-a"
    assert (fields["alarms"], fields["priority.1"], fields["priority.4"], fields["false"]) == (2.0, 1.0, 1.0, 1.0)
    assert fields["average"] == 2 / 144 and fields["peak"] == 2.0
    assert at == int((DAY + timedelta(days=1)).timestamp() * 1000)


def test_times_that_nobody_can_tell_are_left_out() -> None:
    _, fields, _ = parsed(row_of(",county=c,home=home-a", QualityCount(DAY, DAY + timedelta(days=1)).report(), DAY))
    assert not [name for name in fields if name.endswith("_s")]
    assert fields["alarms"] == 0.0 and len(fields) == 16


async def test_each_home_has_its_row_and_writing_again_gives_the_same(tmp_path: Path) -> None:
    clock, store = ManualClock(), Store()
    async with journal(tmp_path, clock, streams=(HOME, OTHER)) as record:
        await record.commit([alarm_entry(seq) for seq in range(1, 6)])
        clock.advance(3600)
        for _ in range(2):
            assert await QualityRows(tmp_path / "journal.db", SITES, home_tags, clock, store.post).write_due()
    assert store.posts[0] == store.posts[1]
    rows = [parsed(line) for line in store.posts[0]]
    assert [(place, fields["alarms"]) for place, fields, _ in rows] == [
        (f"quality,home={HOME}", 5.0),
        (f"quality,home={OTHER}", 0.0),
    ]
    assert store.hours()[0] == BEGIN + timedelta(hours=1)


async def test_hours_that_the_store_missed_are_written_behind_it_up_to_a_day(tmp_path: Path) -> None:
    clock, store = ManualClock(), Store()
    async with journal(tmp_path, clock):
        rows = QualityRows(tmp_path / "journal.db", {HOME: SITES[HOME]}, home_tags, clock, store.post)
        assert await rows.write_due()
        assert await rows.write_due(), "nothing is due"
        store.takes = False
        clock.advance(3 * 3600)
        assert not await rows.write_due()
        store.takes = True
        assert await rows.write_due()
        clock.advance(50 * 3600)
        assert await rows.write_due()
    begun = store.hours()[0]
    assert store.hours()[:4] == [begun + timedelta(hours=n) for n in range(4)]
    assert store.hours()[4:] == [begun + timedelta(hours=53 - 24 + n) for n in range(25)]


async def test_a_journal_that_cannot_be_read_is_asked_again(tmp_path: Path) -> None:
    store = Store()
    assert not await QualityRows(tmp_path / "none.db", SITES, home_tags, ManualClock(), store.post).write_due()
    assert store.posts == []


async def test_it_goes_on_hour_by_hour_and_asks_again_after_a_minute(tmp_path: Path) -> None:
    clock, store = ManualClock(), Store()
    async with journal(tmp_path, clock):
        task = asyncio.create_task(QualityRows(tmp_path / "journal.db", SITES, home_tags, clock, store.post).run())
        await until(lambda: len(store.posts) == 1)
        store.takes = False
        await passes(clock, 3600 + LATE_S, lambda: store.asked >= 2)
        store.takes = True
        await passes(clock, AGAIN_S, lambda: len(store.posts) >= 2)
        task.cancel()
    begun = store.hours()[0]
    assert store.hours() == [begun + timedelta(hours=n) for n in range(len(store.posts))]
    assert store.asked > len(store.posts)


@pytest.mark.parametrize("verdict", Verdict)
async def test_what_will_never_be_taken_is_not_asked_again(verdict: Verdict) -> None:
    class Poster:
        async def post(self, lines: bytes) -> PostResult:
            return PostResult(verdict)

    done = await _posting(Poster())(b"quality,home=a alarms=1.0 1")  # type: ignore[arg-type]
    assert done is (verdict not in (Verdict.TRY_AGAIN, Verdict.MISCONFIGURED))
