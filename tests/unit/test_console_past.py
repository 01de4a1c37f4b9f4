"""What is over and what happened lately, as the real journal gives it: its newest entry first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from gateway.console.past import LINES_MAX
from gateway.record.journal import SqliteRecord
from rules.effects import Notify
from rules.inputs import LinkChanged, OperatorActed, Outcome, SendReported, Verb
from tests.console_world import Browser, World, a_world
from tests.record_world import ManualClock


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A console whose history is a journal on disk, and which keeps its newest 300 entries in view (as the gateway)."""

    async def history(home: str) -> list:
        written = record.head(home)
        await record.commit([entry for entry in made.homes[home].journal if entry.seq > written])
        return await record.history(home, most=300)

    made = a_world(tmp_path, answer_within_s=5.0)
    made.parts = _with(made, history=history)
    record = await SqliteRecord.open(tmp_path / "journal.db", clock=ManualClock())
    await record.open_stream("jinlan")
    deciding = asyncio.create_task(made.decide())
    yield made
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)
    await record.close()


def _with(world: World, **changed: object):
    names = type(world.parts).__dataclass_fields__
    return type(world.parts)(**{**{name: getattr(world.parts, name) for name in names}, **changed})


def over(world: World) -> tuple[str, str]:
    """A fire that came, was taken on, cleared and was reset; the path of its page and of its alarm's."""
    home = world.home
    home.say("smoke-1", smoke__alarm=True)
    incident, (alarm,) = home.incident, home.engine.alarms
    for verb, finding in ((Verb.ACKNOWLEDGE, ""), (Verb.VERDICT, "real_fire"), (Verb.RESET, "")):
        world.clock.advance(timedelta(seconds=30))
        home.say("smoke-1", smoke__alarm=False)
        acted = partial(OperatorActed, person="p-wang", verb=verb, target=incident, via="t", finding=finding)
        home.step(lambda at, acted=acted: acted(at=at))
    assert not home.engine.incidents
    return f"/home/jinlan/incident/{incident}", f"/home/jinlan/alarm/{alarm}"


@pytest.mark.parametrize("which", [0, 1], ids=["incident", "alarm"])
async def test_what_is_over_is_shown_as_over(world: World, which: int) -> None:
    path = over(world)[which]
    browser = Browser(world.build())
    await browser.log_in()
    page = (await browser.get(path)).text
    assert "此事件已结束" in page
    assert "由 王护工 于 08:17:00 复位" in page
    assert '<form method="post" action="/home' not in page


async def test_the_timeline_of_what_is_over_is_whole_and_in_order(world: World) -> None:
    path, _ = over(world)
    browser = Browser(world.build())
    await browser.log_in()
    timeline = (await browser.get(path)).text.split('class="timeline"')[1]
    places = [timeline.index(f"<strong>{words}</strong>") for words in ("复位", "确认", "信号恢复", "事件开始")]
    assert places == sorted(places)


async def test_a_phone_sees_that_it_is_over(world: World) -> None:
    path, _ = over(world)
    link = world.link("p-wang", path.rpartition("/")[2])
    browser = Browser(world.build(), address="192.0.2.9")
    page = (await browser.get(link)).text
    assert "此报警已结束" in page
    assert 'class="coming"' not in page
    assert (await browser.post(link)).status == 409


async def test_the_history_shows_its_newest_lines(world: World) -> None:
    for number in range(LINES_MAX):
        world.clock.advance(timedelta(seconds=1))
        world.home.step(lambda at, n=number: LinkChanged(at=at, link=f"link-{n}", up=False, detail="gone"))
    browser = Browser(world.build())
    await browser.log_in()
    page = (await browser.get("/history")).text
    assert f"link-{LINES_MAX - 1}" in page, "the newest event is not shown"
    assert page.index(f"link-{LINES_MAX - 1}") < page.index(f"link-{LINES_MAX - 2}")


async def test_the_history_shows_no_names_of_the_inside(world: World) -> None:
    home = world.home
    home.say("smoke-1", smoke__alarm=True)
    (notify,) = [each for each in home.journal[-1].effects if isinstance(each, Notify)][:1]
    incident = notify.incident.id
    home.step(
        lambda at: SendReported(
            at=at, message="m", person="p-wang", channel="push", outcome=Outcome.ACCEPTED, incident=incident
        )
    )
    home.step(lambda at: OperatorActed(at=at, person="p-li", verb=Verb.RESET, target=incident, via="t"))
    browser = Browser(world.build())
    await browser.log_in()
    page = (await browser.get("/history")).text
    for words in ("已交给通道", "疏散声", "复位", "201 · 烟感1：此报警尚未确认"):
        assert words in page
    for inside in ("accepted", "evacuate", "fire.smoke", ">reset<", "smoke-1"):
        assert inside not in page
    timeline = (await browser.get(f"/home/jinlan/incident/{incident}")).text
    assert "push: 已交给通道" in timeline


async def test_devices_show_what_no_rule_watches_and_how_many_are_late(world: World) -> None:
    said = {"smoke-1": {"temperature": 21.5, "battery": 55.0}}
    world.parts = _with(world, last_values=lambda home, device: said.get(device, {}) if home == "jinlan" else {})
    world.clock.advance(timedelta(minutes=11))
    world.home.say("smoke-1", battery=90.0)
    browser = Browser(world.build())
    await browser.log_in()
    page = (await browser.get("/home/jinlan/devices")).text
    assert "21.5" in page
    assert ">55 " in page and ">90 " not in page.split('data-device="smoke-1"')[1].split("</li>")[0]
    assert '<span class="mark" data-state="silent">超时未报 <b>5</b></span>' in page
    assert '<span class="mark" data-state="heard">按时 <b>1</b></span>' in page
    assert page.index('class="device silent"') < page.index('class="device heard"')
