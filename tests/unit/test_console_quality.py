"""The page of alarm quality: figures with their targets, a bar for each day, and what rules on trial would change."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.console.quality import days_of
from gateway.record.ledger_gaps import OpenGap
from gateway.record.record import JournalUnavailable
from gateway.report.difference import Episode
from gateway.report.view import KEPT_S, QualityDesk, QualityView
from gateway.shadow import ShadowState
from rules.inputs import GapExplained
from rules.quality import FalseAlarms, Quality, QualityCount, Source, Spread
from rules.site import Site
from rules.text import Text
from tests.console_world import START, Answer, Browser, World, a_world
from tests.record_world import BEGIN as JOURNAL_BEGIN
from tests.record_world import HOME, ManualClock, alarm_entry, journal
from tests.unit.test_ledger_gaps import explained, lossy

from msgspec.structs import replace  # isort: skip

GAPS = (OpenGap(5, "gap", 1, 1_795_000_000_000, 11, 13), OpenGap(9, "ledger.epoch", 2, 1_795_000_000_000))
BEGIN = START - timedelta(days=30)

SITES = {HOME: Site(id=HOME, name=Text("第一敬老院"))}


def quality(**more: object) -> Quality:
    empty = QualityCount(BEGIN, START).report()
    windows = [0] * len(empty.per_window)
    windows[0], windows[144], windows[145] = 3, 12, 5
    return replace(
        empty,
        alarms=20,
        per_window=tuple(windows),
        sources=(Source("smoke-1", 12), Source("<b>gas</b>", 3)),
        false_alarms=(FalseAlarms("smoke-1", "2026-11", 4),),
        to_acknowledge=Spread(3, 17.4, 20, 30),
        **more,
    )


class Marks(HTMLParser):
    """The bars of a page by class, and its cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.bars: list[tuple[str, float]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "rect" and named.get("x"):
            self.bars.append((named.get("class") or "", float(named.get("height") or 0)))


class Asked:
    """Answers for every home, or with a fault."""

    def __init__(self, view: QualityView | None) -> None:
        self.view = view
        self.homes: list[str] = []

    async def __call__(self, home: str) -> QualityView:
        self.homes.append(home)
        if self.view is None:
            raise JournalUnavailable("planted")
        return self.view


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    yield a_world(tmp_path)


async def shown(world: World, asked: Asked, language: str = "en", path: str = "/quality") -> str:
    world.parts = replace_parts(world, asked)
    browser = Browser(world.build())
    await browser.log_in()
    await browser.get(f"/?lang={language}")
    answer = await browser.get(path)
    assert answer.status == 200
    return answer.text


def replace_parts(world: World, asked: Asked) -> object:
    import dataclasses

    return dataclasses.replace(world.parts, quality=asked)


async def test_the_page_shows_figures_bars_and_sources(world: World) -> None:
    page = await shown(world, Asked(QualityView(quality(priorities={1: 1, 2: 3, 3: 4, 4: 12}), explain=GAPS)))
    for words in ("Average in ten minutes", "17 s", "Smoke 1", "2026-11", "Gaps in the ledger", "20% (4)", "60% (12)"):
        assert words in page
    assert ">smoke-1<" not in page, "names, not ids"
    assert "since 2026-10-23 08:15 (30 days)" in page
    assert "<b>gas</b>" not in page
    bars = Marks(page).bars
    assert [bar for bar in bars if bar[0] == "marked"] == [("marked", 100.0)]
    assert ("plain", 17.6) in bars


async def test_the_page_speaks_chinese(world: World) -> None:
    page = await shown(world, Asked(QualityView(quality(), explain=GAPS[:1])), "zh")
    assert "每天的报警数" in page and "未达标" in page
    assert "试运行" not in page, "there is no shadow"


async def test_the_page_shows_the_shadow(world: World) -> None:
    shadow = ShadowState("jinlan", began_at=START, alike=7, more_count=1, fewer_count=0)
    shadow.more = deque([Episode("a", "i", "own.cold", "climate-1", "z", "supervisory", START)])
    page = await shown(world, Asked(QualityView(quality(), shadow=shadow)))
    assert "7 alike, 1 more, 0 fewer" in page
    assert "own.cold" in page


async def test_a_journal_that_cannot_be_read_is_said(world: World) -> None:
    assert "the journal cannot be read now" in await shown(world, Asked(None))


async def test_a_home_that_is_not_the_visitors_is_not_asked_for(world: World) -> None:
    asked = Asked(QualityView(quality()))
    await shown(world, asked, path="/quality?home=elsewhere")
    assert asked.homes == ["jinlan"]


async def test_who_is_not_logged_in_sees_nothing(world: World) -> None:
    world.parts = replace_parts(world, Asked(QualityView(quality())))
    answer = await Browser(world.build()).get("/quality")
    assert answer.status != 200 or "smoke-1" not in answer.text


def test_a_day_has_144_windows() -> None:
    class Dates:
        def on_the_wall(self, at: object) -> str:
            return f"{at:%Y-%m-%d %H:%M}"

    days = days_of(quality(), Dates())  # type: ignore[arg-type]
    assert [day.count for day in days[:3]] == [3, 17, 0]
    assert (len(days), days[1].label) == (30, f"{BEGIN + timedelta(1):%m-%d}")
    assert [day.marked for day in days[:3]] == [False, True, False]


async def test_the_desk_counts_the_archive_and_keeps_it_for_a_while(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock) as record:
        desk = QualityDesk(tmp_path / "journal.db", clock, SITES, {HOME: "shadow"}.get)
        await record.commit([alarm_entry(seq) for seq in range(1, 6)])
        first = await desk.view(HOME)
        await record.commit([alarm_entry(6)])
        assert (await desk.view(HOME)).quality.alarms == first.quality.alarms == 5
        clock.advance(KEPT_S + 1)
        later = await desk.view(HOME)
        assert (later.quality.alarms, later.explain, later.shadow) == (6, (), "shadow")
        assert later.quality.end.tzinfo is UTC


async def test_the_desk_says_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable):
        await QualityDesk(tmp_path / "none.db", ManualClock(), SITES, {}.get).view(HOME)
    await asyncio.sleep(0)


# gaps of the ledger, explained by a person

EXPLAIN = "/home/jinlan/ledger/explain"


@pytest.fixture
async def deciding(world: World) -> AsyncIterator[World]:
    world.parts = replace_parts(world, Asked(QualityView(quality(), explain=GAPS)))
    task = asyncio.create_task(world.decide())
    yield world
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def explain(world: World, name: str = "wang", **form: str) -> Answer:
    browser = Browser(world.build())
    await browser.log_in(name)
    await browser.get("/?lang=en")
    return await browser.post(EXPLAIN, {"csrf": await browser.csrf("/history"), **form})


def recorded(world: World) -> list[GapExplained]:
    return [entry.input for entry in world.home.journal if isinstance(entry.input, GapExplained)]


async def test_a_gap_is_listed_with_what_is_lost_and_a_form(deciding: World) -> None:
    page = await shown(deciding, Asked(QualityView(quality(), explain=GAPS)))
    assert "3 entries are lost (seq 11 to 13)" in page and "another journal file began" in page
    assert page.count(f'action="{EXPLAIN}"') == page.count('name="reason"') == 2
    assert 'value="5"' in page and 'value="9"' in page


async def test_a_person_explains_a_gap_and_it_is_recorded(deciding: World) -> None:
    answer = await explain(deciding, row="5", reason="  the disk was changed ")
    assert (answer.status, answer.header("location")) == (303, "/quality?home=jinlan&done=explained")
    (one,) = recorded(deciding)
    assert (one.person, one.row, one.reason, one.via) == ("p-wang", 5, "the disk was changed", "console")


@pytest.mark.parametrize(
    ("form", "name", "status", "words"),
    [
        ({"row": "5", "reason": "  "}, "wang", 400, "say why"),
        ({"row": "6", "reason": "x"}, "wang", 409, "explained already"),
        ({"row": "five", "reason": "x"}, "wang", 409, "explained already"),
        ({"reason": "x"}, "wang", 409, "explained already"),
        ({"row": "5", "reason": "x"}, "guest", 403, ""),
        ({"row": "5", "reason": "x", "csrf": "forged"}, "wang", 403, ""),
    ],
    ids=["no reason", "no such gap", "no number", "no row", "who only looks", "forged"],
)
async def test_what_is_not_taken_is_said_and_changes_nothing(
    deciding: World, form: dict[str, str], name: str, status: int, words: str
) -> None:
    answer = await explain(deciding, name, **form)
    assert answer.status == status and words in answer.text
    assert recorded(deciding) == []


async def test_who_only_looks_sees_the_gap_and_no_form_field(deciding: World) -> None:
    browser = Browser(deciding.build())
    await browser.log_in("guest")
    page = (await browser.get("/quality")).text
    assert "seq 11 to 13" in page and 'name="reason"' not in page


async def test_an_explanation_that_is_not_on_disk_is_not_called_recorded(deciding: World) -> None:
    deciding.durable = False
    answer = await explain(deciding, row="5", reason="x")
    assert answer.status == 503 and "nothing has confirmed it yet" in answer.text


async def test_an_explanation_stands_in_the_history(deciding: World) -> None:
    await explain(deciding, row="5", reason="the disk was changed")
    browser = Browser(deciding.build())
    await browser.log_in()
    page = (await browser.get("/history?lang=en")).text
    assert "gap of the ledger explained" in page and "row 5 of the ledger" in page and "the disk was changed" in page


async def test_a_young_box_is_not_divided_by_a_month(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock) as record:
        await record.commit([alarm_entry(seq) for seq in range(1, 6)])
        clock.advance(3 * 3600)
        found = (await QualityDesk(tmp_path / "journal.db", clock, SITES, {}.get).view(HOME)).quality
    assert found.begin >= JOURNAL_BEGIN and found.alarms == 5
    assert len(found.per_window) in (19, 20)
    assert found.average > 0.2


async def test_a_box_without_any_entry_shows_the_asked_for_month(tmp_path: Path) -> None:
    clock = ManualClock()
    async with journal(tmp_path, clock):
        found = (await QualityDesk(tmp_path / "journal.db", clock, SITES, {}.get).view(HOME)).quality
    assert (found.alarms, found.end - found.begin) == (0, timedelta(days=30))


async def test_the_desk_tells_the_gaps_at_once(tmp_path: Path) -> None:
    clock = ManualClock()
    await lossy(tmp_path)
    desk = QualityDesk(tmp_path / "journal.db", clock, SITES, {}.get)
    (gap,) = (await desk.view(HOME)).explain
    assert (gap.first, gap.last) == (3, 5)
    async with journal(tmp_path, clock) as record:
        await record.commit([explained(7, gap.row)])
    assert (await desk.view(HOME)).explain == ()
