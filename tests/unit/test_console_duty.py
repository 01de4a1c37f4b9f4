"""The page of duty over HTTP: what it shows, what it changes in the site file, hand-overs, and who may not."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from rules.inputs import HandedOver, SiteChanged
from tests.console_world import Browser, World, a_site, a_world
from tests.duty_world import TEXT, duty_site, with_roster_file

DUTY = "/home/jinlan/duty"


@asynccontextmanager
async def deciding(world: World) -> AsyncIterator[None]:
    """The world's task that decides, for as long as this lasts."""
    task = asyncio.create_task(world.decide())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@dataclass
class Duty:
    world: World
    browser: Browser
    file: Path

    async def post(self, action: str, **fields: str) -> str:
        """The text of the page that answers, "" where it is done."""
        csrf = await self.browser.csrf(DUTY)
        answer = await self.browser.post(f"{DUTY}/{action}", {"csrf": csrf, **fields})
        return "" if answer.status == 303 else answer.text

    def tables(self, name: str) -> list[dict[str, object]]:
        return tomllib.loads(self.file.read_text("utf-8")).get(name, [])


@pytest.fixture
async def duty(tmp_path: Path) -> AsyncIterator[Duty]:
    world = a_world(tmp_path, [duty_site()])
    file = with_roster_file(world, tmp_path)
    async with deciding(world):
        browser = Browser(world.build())
        await browser.log_in()
        yield Duty(world, browser, file)


async def test_who_is_on_duty_until_when_and_who_comes_next(duty: Duty) -> None:
    text = (await duty.browser.get(DUTY)).text
    now = re.search(r'data-post="care">(.*?)</li>', text, re.DOTALL)
    assert now is not None
    assert "missing" not in text.partition('data-post="care"')[0].rpartition("<li")[2]
    assert "1人在岗，应有2人" in text
    for words in ("王护工", "至 11-22 20:00", "下一班 11-22 20:00：李护工", "tel:+8613800000001"):
        assert words in now[1], words


async def test_gaps_stand_first_the_near_ones_marked_in_both_languages(duty: Duty) -> None:
    text = (await duty.browser.get(DUTY)).text
    assert '<li class="urgent">11-22 16:00–24:00 消防控制室：无人值班 <span class="soft">另有29处' in text
    assert "消防控制室只有1人，应不少于2人" in text
    assert "赵师傅没有可用的联系方式" in text
    assert "王护工的养老护理员证书将于2026-12-10到期" in text
    english = (await duty.browser.get(f"{DUTY}?lang=en")).text
    assert "11-22 16:00–24:00 Control room: nobody is on duty" in english


async def test_the_week_is_a_picture_with_words_for_those_who_cannot_see_it(duty: Duty) -> None:
    text = (await duty.browser.get(f"{DUTY}?week=2026-11-23")).text
    assert 'aria-label="护理值班 一 11-23: 00:00–08:00 李护工; 08:00–24:00 王护工"' in text
    assert text.count('class="gap"/>') == 7 * 3, "a control room: 8 hours with one missing, 8 hours with two"
    assert "style=" not in text, "the content security policy forbids it"


async def test_the_month_shows_each_day_and_leads_to_its_week(duty: Duty) -> None:
    text = (await duty.browser.get(f"{DUTY}?month=2026-12-15")).text
    assert "<strong>2026-12</strong>" in text
    assert f'href="{DUTY}?week=2026-12-31"' in text
    assert text.count('class="cell') == 2 * 42


@pytest.mark.parametrize("query", ["?week=nonsense", "?week=0001-01-01", "?month=9999-12-31", "?month="])
async def test_a_day_that_is_none_shows_this_week(duty: Duty, query: str) -> None:
    answer = await duty.browser.get(DUTY + query)
    assert answer.status == 200
    assert "11-22" in answer.text


SPAN = {"from": "2026-11-22T12:00", "until": "2026-11-22T18:00"}


async def test_a_substitute_is_in_the_file_in_the_engine_and_on_the_page_and_is_withdrawn_again(duty: Duty) -> None:
    done = await duty.post("substitute", **SPAN, post="care", person="p-li", instead_of="p-wang", reason="看病")
    assert done == ""
    assert len(duty.tables("override")) == 1
    assert "# the day of the carers" in duty.file.read_text("utf-8")
    duty.world.clock.advance(timedelta(hours=4))
    on = duty.world.home.engine.duty.on_duty("care", duty.world.clock.now())
    assert [person.id for person in on] == ["p-li"]
    page = (await duty.browser.get(DUTY)).text
    assert "李护工 替 王护工" in page
    assert "看病" in page
    changed = duty.world.home.journal[-1].input
    assert isinstance(changed, SiteChanged)
    assert changed.by == "p-wang"
    gone = {"from": "2026-11-22T12:00:00", "until": "2026-11-22T18:00:00"}
    assert await duty.post("withdraw", **gone, post="care", person="p-li", instead_of="p-wang") == ""
    assert duty.tables("override") == []


async def test_somebody_more_and_less_on_a_shift(duty: Duty) -> None:
    assert await duty.post("shift", shift="room-2", add="p-li") == ""
    assert await duty.post("shift", shift="care-night", group="1", remove="p-wang") == ""
    people = {shift["id"]: shift.get("people") or shift.get("groups") for shift in duty.tables("shift")}
    assert people["room-2"] == ["p-zhao", "p-li"]
    assert people["care-night"] == [["p-li"], []]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"from": "", "until": ""}, "请填写开始和结束时间"),
        ({"from": "2026-11-22T12:00Z"}, "请填写开始和结束时间"),
        ({"from": "2026-11-22T20:00"}, "is not behind from"),
        ({"person": "nobody"}, "unknown person"),
        ({"person": "p-wang"}, "stands in for the same person"),
    ],
    ids=["empty", "zone", "turned", "person", "same"],
)
async def test_a_wrong_change_is_refused_and_the_file_is_as_it_was(
    duty: Duty, fields: dict[str, str], words: str
) -> None:
    text = await duty.post("substitute", **{**SPAN, "post": "care", "person": "p-li", "instead_of": "p-wang", **fields})
    assert 'id="problem"' in text
    assert words in text.replace("&#39;", "'")
    assert duty.file.read_text("utf-8") == TEXT


async def test_a_post_is_handed_over_with_both_names_note_and_open_items(duty: Duty) -> None:
    fields = {"outgoing": "p-wang", "incoming": "p-chen", "note": "<b>都好</b>", "open_items": "204房翻身\r\n锁药车"}
    assert await duty.post("handover", post="care", **fields) == ""
    text = (await duty.browser.get(DUTY)).text
    assert "王护工 → 陈院长" in text
    assert "替班（不在排班表上）" in text
    assert "<li>204房翻身</li><li>锁药车</li>" in text
    assert "&lt;b&gt;都好" in text
    (happened,) = [entry.input for entry in duty.world.home.journal if isinstance(entry.input, HandedOver)]
    assert (happened.person, happened.open_items) == ("p-wang", "204房翻身\n锁药车")
    past = (await duty.browser.get("/history")).text
    assert "交接班" in past


async def test_a_refused_hand_over_is_shown_and_its_reason(duty: Duty) -> None:
    fields = {"outgoing": "p-wang", "incoming": "p-li", "refused_because": "主机有故障"}
    assert await duty.post("handover", post="care", **fields) == ""
    assert "未接班：主机有故障" in (await duty.browser.get(DUTY)).text
    item = (await duty.browser.get(f"/home/jinlan/incident/{duty.world.home.incident}")).text
    assert "交接班被拒" in item
    assert "护理值班：李护工未接班（主机有故障），王护工仍在岗" in item


async def test_what_is_no_hand_over_is_refused_in_the_viewer_s_language(duty: Duty) -> None:
    text = await duty.post("handover", post="care", outgoing="p-wang", incoming="p-wang")
    assert "交班人和接班人是同一个人" in text


async def test_a_viewer_sees_and_changes_nothing(duty: Duty) -> None:
    guest = Browser(duty.world.build())
    await guest.log_in("guest")
    page = (await guest.get(DUTY)).text
    assert "On duty now" in page
    assert "<form class=" not in page
    csrf = await guest.csrf(DUTY)
    for action in ("substitute", "shift", "withdraw", "handover"):
        assert (await guest.post(f"{DUTY}/{action}", {"csrf": csrf, **SPAN})).status == 403
    assert duty.file.read_text("utf-8") == TEXT


async def test_a_form_of_another_page_and_an_unknown_action_are_refused(duty: Duty) -> None:
    assert (await duty.browser.post(f"{DUTY}/substitute", {"csrf": "x", **SPAN})).status == 403
    assert (await duty.browser.post(f"{DUTY}/nothing", {})).status == 404
    stranger = Browser(duty.world.build())
    assert (await stranger.get(DUTY)).status == 303


async def test_a_home_without_posts_says_how_to_write_them(tmp_path: Path) -> None:
    world = a_world(tmp_path, [a_site()])
    async with deciding(world):
        browser = Browser(world.build())
        await browser.log_in()
        page = (await browser.get(DUTY)).text
        assert 'id="no-posts"' in page
        assert 'id="unchecked"' in page and 'id="no-gaps"' not in page, "what cannot be checked is not shown as good"
