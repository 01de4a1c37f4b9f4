"""The phone page tells what is so now, and refusals are said with names and with what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.console import incident_view
from gateway.console.items import timeline_lines
from gateway.console.refusals import refusal_words
from gateway.console.texts import WORDS
from rules.incident import Step
from rules.inputs import DecodeFailed, LinkChanged, OperatorActed, PacketRefused, Verb
from rules.verification import NEEDS_VERDICT
from tests.console_world import START, Browser, World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = a_world(tmp_path, answer_within_s=5.0)
    deciding = asyncio.create_task(made.decide())
    yield made
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)


def fire(world: World, device: str = "smoke-1") -> str:
    world.home.say(device, smoke__alarm=True)
    return world.home.incident


async def test_the_live_part_of_an_open_page_has_the_button_again(world: World) -> None:
    fire(world)
    link = world.link("p-wang")
    browser = Browser(world.build())
    answered = await browser.post(link)
    assert 'class="coming"' not in answered.text
    assert 'class="coming"' not in (await browser.get(f"{link}?fragment=1")).text
    world.home.say("smoke-2", smoke__alarm=True)
    live = (await browser.get(f"{link}?fragment=1")).text
    assert 'class="coming"' in live
    assert "您确认之后又有新的报警" in live
    assert 'id="note"' not in live


async def test_whoever_comes_too_is_asked_again_when_it_is_nobodys(world: World) -> None:
    fire(world)
    app = world.build()
    mine, second = world.link("p-wang"), world.link("p-li")
    await Browser(app).post(mine)
    await Browser(app).post(second)
    assert 'id="too"' in (await Browser(app).get(f"{second}?fragment=1")).text
    assert 'id="too"' not in (await Browser(app).get(f"{world.link('p-chen')}?fragment=1")).text
    world.clock.advance(timedelta(seconds=5))
    world.home.say("smoke-2", smoke__alarm=True)
    await Browser(app).post(mine)
    page = (await Browser(app).get(second)).text
    assert 'id="too"' not in page
    assert "我也去" in page


async def test_a_group_page_remembers_who_answered(world: World) -> None:
    fire(world)
    link = world.link("g-night")
    browser = Browser(world.build())
    answered = (await browser.post(link, {"person": "p-li"})).text
    assert 'data-as="p-li"' in answered
    assert "您已于" in (await browser.get(f"{link}?fragment=1&as=p-li")).text
    assert "您已于" not in (await browser.get(f"{link}?fragment=1")).text


async def test_a_link_to_one_person_shows_nobody_elses_page(world: World) -> None:
    fire(world)
    browser = Browser(world.build())
    await browser.post(world.link("p-li"))
    assert "您已于" not in (await browser.get(f"{world.link('p-wang')}?as=p-li")).text


async def test_who_comes_too_is_known_after_a_restart_of_the_console(world: World) -> None:
    fire(world)
    for person in ("p-wang", "p-li"):
        await Browser(world.build()).post(world.link(person))
    assert 'id="too"' in (await Browser(world.build()).get(world.link("p-li"))).text
    lines = [step for step in world.home.engine.incidents[world.home.incident].timeline if step.who == "p-li"]
    assert lines[-1].event == "coming_too"


@pytest.mark.parametrize(
    ("header", "path", "shown"),
    [
        pytest.param("en-GB,en;q=0.9", "", "I&#39;m coming", id="english"),
        pytest.param("fr,en;q=0.7,zh;q=0.9", "", "我来处理", id="weights"),
        pytest.param("fr", "", "我来处理", id="none_of_ours"),
        pytest.param("en;q=x,;;,", "", "我来处理", id="broken"),
        pytest.param("en", "?lang=zh", "我来处理", id="chosen"),
    ],
)
async def test_a_phone_is_spoken_to_in_its_language(world: World, header: str, path: str, shown: str) -> None:
    fire(world)
    browser = Browser(world.build())
    assert shown in (await browser.ask("GET", world.link("p-wang") + path, headers={"accept-language": header})).text


async def test_the_screen_of_the_box_does_not_follow_a_browser(world: World) -> None:
    page = await Browser(world.build()).ask("GET", "/", headers={"accept-language": "en"})
    assert "实时" in page.text


OVER = "此报警已结束"
UNKNOWN = "状态未知"
STILL_OPEN = "此机构仍有未结束的报警"


def ended_fire(world: World) -> str:
    """The link of a fire that was looked at and reset."""
    target = fire(world)
    link = world.link("p-wang")
    acknowledge(world, target)
    world.home.say("smoke-1", smoke__alarm=False)
    assert reset(world, target) == [f"smoke-1: {NEEDS_VERDICT}"]
    judge(world, target)
    assert reset(world, target) == []
    assert not world.home.engine.incidents
    return link


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_an_alarm_that_the_record_does_not_know_is_not_called_over(world: World, language: str) -> None:
    fire(world)
    page = await Browser(world.build()).get(world.link("p-wang", "jinlan:7:9.i1") + f"?lang={language}")
    assert 'id="over"' not in page.text
    assert ("状态未知" if language == "zh" else "Its state is unknown") in page.text
    assert 'id="dangers"' in page.text
    assert ("一号楼2层 · 东侧" if language == "zh" else "East wing") in page.text
    assert "08:15:30" in page.text, "since when"
    assert "tel:119" in page.text
    assert 'class="coming"' not in page.text


async def test_an_end_beyond_the_history_is_not_known(world: World) -> None:
    link = ended_fire(world)
    browser = Browser(world.build())
    assert OVER in (await browser.get(link)).text
    world.home.journal.clear()
    page = (await browser.get(link)).text
    assert OVER not in page
    assert UNKNOWN in page
    assert "没有其他未结束的危险报警" in page


async def test_a_button_pressed_on_an_unknown_alarm_changes_nothing_and_says_so(world: World) -> None:
    fire(world)
    answer = await Browser(world.build()).post(world.link("p-wang", "jinlan:7:9.i1"))
    assert answer.status == 409
    assert UNKNOWN in answer.text
    assert world.home.acted() == []


async def test_the_page_of_an_ended_alarm_shows_the_danger_that_is_not(world: World) -> None:
    link = ended_fire(world)
    browser = Browser(world.build())
    assert STILL_OPEN not in (await browser.get(link)).text
    world.home.say("meter-1", current__residual=900.0)
    assert STILL_OPEN not in (await browser.get(link)).text, "no danger to people"
    world.home.say("gas-1", gas__alarm=True)
    page = (await browser.get(f"{link}?fragment=1")).text
    assert OVER in page
    assert STILL_OPEN in page
    assert "厨房" in page
    assert "还没有人处理" in page


async def test_dangers_on_a_page_are_bounded_and_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident_view, "DANGERS_MAX", 1)
    fire(world)
    world.home.say("gas-1", gas__alarm=True)
    page = (await Browser(world.build()).get(world.link("p-wang", "jinlan:7:9.i1"))).text
    assert "东侧" in page
    assert "厨房" not in page
    assert "<p>+1</p>" in page


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_step_whose_reason_is_its_name_says_it_once(world: World, language: str) -> None:
    home, words = world.home, WORDS[language]
    steps = [Step(START, "unanswered", detail="nobody acknowledged within 15 s"), Step(START, "reset", detail="twice")]
    reset_line, unanswered = timeline_lines(home.site, home.engine, steps, words)
    assert (unanswered.event, unanswered.detail) == (words.event("unanswered"), "")
    assert reset_line.detail == "twice"


# refusals


def reset(world: World, target: str) -> list[str]:
    """The reasons for which a reset is refused."""
    decided = world.home.step(
        lambda at: OperatorActed(at=at, person="p-wang", verb=Verb.RESET, target=target, via="test")
    )
    return [effect.reason for effect in decided.effects if type(effect).__name__ == "Refused"]


def acknowledge(world: World, target: str) -> None:
    world.home.step(lambda at: OperatorActed(at=at, person="p-wang", verb=Verb.ACKNOWLEDGE, target=target, via="test"))


def judge(world: World, target: str) -> None:
    world.home.step(
        lambda at: OperatorActed(
            at=at, person="p-wang", verb=Verb.VERDICT, target=target, via="test", finding="false_alarm", cause="steam"
        )
    )


def said(world: World, reason: str, language: str = "zh") -> str:
    home = world.home
    return refusal_words(home.site, home.engine, reason, WORDS[language])


def unreadable(world: World) -> str:
    world.home.step(
        lambda at: DecodeFailed(
            at=at, source="z2m", topic="t", reason="not JSON", device="smoke-1", category="fire", payload=b"x"
        )
    )
    return next(alarm.id for alarm in world.home.engine.alarms.values() if alarm.rule == "gateway.fallback.fire")


async def test_who_has_it_is_named(world: World) -> None:
    assert said(world, "already acknowledged by p-wang") == "王护工 已接手处理。"
    assert said(world, "already acknowledged by account:guest", "en") == "guest has taken it on already."
    assert said(world, "already acknowledged by ", "en") == "Somebody has taken it on already."


async def test_a_detector_that_still_reports_is_named(world: World) -> None:
    incident = fire(world)
    acknowledge(world, incident)
    (reason,) = reset(world, incident)
    assert said(world, reason) == "201 · 烟感1：探测器仍在报警：恢复后才能复位"
    assert said(world, reason, "en").startswith("201 · Smoke 1: the detector still reports")


async def test_an_unreadable_packet_asks_for_a_look_on_site(world: World) -> None:
    alarm = unreadable(world)
    acknowledge(world, alarm)
    (reason,) = reset(world, alarm)
    assert "勾选“已到现场查看”" in said(world, reason)
    assert "仍在报警" not in said(world, reason)


@pytest.mark.parametrize(
    "happened",
    [
        pytest.param(
            lambda at: DecodeFailed(at=at, source="z2m", topic="t", reason="r", device="sos-1", payload=b""), id="bytes"
        ),
        pytest.param(lambda at: PacketRefused(at=at, source="z2m", topic="t", reason="r", count=2), id="refused"),
    ],
)
async def test_a_trouble_of_packets_ends_by_itself(world: World, happened) -> None:
    world.home.step(happened)
    (alarm,) = [each for each in world.home.engine.alarms.values() if each.rule.startswith("gateway.")]
    (reason,) = reset(world, alarm.id)
    assert said(world, reason).endswith("不需要复位：10 分钟内不再发生就自行结束")
    assert "10 quiet minutes" in said(world, reason, "en")


async def test_another_trouble_that_does_not_latch_names_its_cause(world: World) -> None:
    world.home.step(lambda at: LinkChanged(at=at, link="broker:main", up=False, detail="gone"))
    (alarm,) = world.home.engine.alarms.values()
    (reason,) = reset(world, alarm.id)
    assert said(world, reason).endswith("此报警不锁存：原因消除后自行结束")


@pytest.mark.parametrize("reason", ["unknown here, or over already", "a false alarm needs its cause", "x: y"])
async def test_other_reasons_stay_as_they_are(world: World, reason: str) -> None:
    assert said(world, reason, "en") == reason
