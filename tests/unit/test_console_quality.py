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
from gateway.record.record import JournalUnavailable
from gateway.report.difference import Episode
from gateway.report.view import KEPT_S, QualityDesk, QualityView
from gateway.shadow import ShadowState
from rules.quality import FalseAlarms, Quality, QualityCount, Source, Spread
from tests.console_world import START, Browser, World, a_world
from tests.record_world import HOME, ManualClock, alarm_entry, journal

from msgspec.structs import replace  # isort: skip

BEGIN = START - timedelta(days=30)


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
    page = await shown(world, Asked(QualityView(quality(), explain=2)))
    for words in ("Average in ten minutes", "17 s", "smoke-1", "2026-11", "Gaps in the ledger"):
        assert words in page
    assert "<b>gas</b>" not in page
    bars = Marks(page).bars
    assert [bar for bar in bars if bar[0] == "marked"] == [("marked", 100.0)]
    assert ("plain", 17.6) in bars


async def test_the_page_speaks_chinese(world: World) -> None:
    page = await shown(world, Asked(QualityView(quality(), explain=1)), "zh")
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
        desk = QualityDesk(tmp_path / "journal.db", clock, {HOME: "shadow"}.get)
        await record.commit([alarm_entry(seq) for seq in range(1, 6)])
        first = await desk.view(HOME)
        await record.commit([alarm_entry(6)])
        assert (await desk.view(HOME)).quality.alarms == first.quality.alarms == 5
        clock.advance(KEPT_S + 1)
        later = await desk.view(HOME)
        assert (later.quality.alarms, later.explain, later.shadow) == (6, 0, "shadow")
        assert later.quality.end.tzinfo is UTC


async def test_the_desk_says_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable):
        await QualityDesk(tmp_path / "none.db", ManualClock(), {}.get).view(HOME)
    await asyncio.sleep(0)
