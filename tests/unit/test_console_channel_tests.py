"""The pages of the tests of phones: how each stands, a test by hand, and the confirmation behind a test's link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from rules.inputs import ChannelProven, Outcome
from rules.reachability import Standing
from tests.console_world import Browser, World, a_site, a_world

HOUR = timedelta(hours=1)
ASKED: list[tuple[str, str, str]] = []


def ask(home: str, person: str, channel: str) -> bool:
    ASKED.append((home, person, channel))
    return person != "nobody"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    ASKED.clear()
    world = a_world(tmp_path, ask_test=ask)
    deciding = asyncio.create_task(world.decide())
    yield world
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)


def someone() -> tuple[str, str, str]:
    """A person of the home with a channel: id, name, channel."""
    person = next(person for person in a_site().people if person.channels and not person.group)
    return person.id, person.name, person.channels[0].destination


def proved(world: World, outcome: Outcome = Outcome.ACCEPTED, **more: object) -> None:
    person, _, channel = someone()
    world.home.step(
        lambda at: ChannelProven(
            at=at, person=person, channel=channel, message="m1", outcome=outcome, **more  # type: ignore[arg-type]
        )
    )


def standing(world: World) -> Standing:
    person, _, channel = someone()
    return world.home.engine.reachability.standing(person, channel)


def path(world: World, message: str = "m1") -> str:
    person, _, channel = someone()
    return world.links.test(world.home.site.id, person, channel, message).removeprefix("https://console.test")


async def test_the_page_shows_how_each_channel_stands_the_worst_first(world: World) -> None:
    proved(world, Outcome.REFUSED, detail="HTTP 404: no such topic", lag=timedelta(seconds=2.5))
    browser = Browser(world.build())
    await browser.log_in()
    page = await browser.get("/home/jinlan/channel-tests")
    person, name, channel = someone()
    assert page.status == 200
    first = page.text.index('data-standing="')
    assert page.text[first:].startswith('data-standing="failed"')
    assert f'data-channel="{person}/{channel}"' in page.text and name in page.text
    assert "失败" in page.text and "2.5" in page.text and "HTTP 404" in page.text and "尚未证实" in page.text
    english = await browser.get("/home/jinlan/channel-tests?lang=en")
    assert "Failed" in english.text and "Not proven yet" in english.text


async def test_a_test_by_hand_goes_to_the_canary(world: World) -> None:
    browser = Browser(world.build())
    await browser.log_in()
    csrf = await browser.csrf("/home/jinlan/channel-tests")
    form = {"csrf": csrf, "person": "p-wang", "channel": "phone"}
    answer = await browser.post("/home/jinlan/channel-tests/ask", form)
    assert answer.status == 303 and ASKED == [("jinlan", "p-wang", "phone")]
    gone = await browser.post("/home/jinlan/channel-tests/ask", {**form, "person": "nobody"})
    assert gone.status == 404 and "没有这个人或通道" in gone.text


async def test_nobody_tests_without_a_form_of_ours_or_the_right_to(world: World) -> None:
    browser = Browser(world.build())
    await browser.log_in()
    forged = await browser.post("/home/jinlan/channel-tests/ask", {"csrf": "x", "person": "p-wang", "channel": "phone"})
    assert forged.status == 403
    guest = Browser(world.build())
    await guest.log_in("guest")
    csrf = await guest.csrf("/home/jinlan/channel-tests")
    refused = await guest.post("/home/jinlan/channel-tests/ask", {"csrf": csrf, "person": "p", "channel": "phone"})
    assert refused.status == 403 and ASKED == []


async def test_opening_the_link_changes_nothing_and_the_button_confirms(world: World) -> None:
    proved(world, answer_within=HOUR)
    phone = Browser(world.build(), address="203.0.113.9")
    for _ in range(3):
        page = await phone.get(path(world))
        assert page.status == 200 and "这不是报警" in page.text
    assert standing(world) is Standing.UNKNOWN
    done = await phone.post(path(world))
    assert done.status == 200 and "已确认" in done.text
    assert standing(world) is Standing.PROVEN


async def test_a_link_is_good_for_a_day_and_for_nothing_else(world: World) -> None:
    phone = Browser(world.build(), address="203.0.113.9")
    good = path(world)
    assert (await phone.get(good.replace("/t/", "/i/"))).status == 404
    alarm = world.links.page("jinlan", "jinlan:1:1.i1", "m1", "p-wang").removeprefix("https://console.test")
    assert (await phone.get(alarm.replace("/i/", "/t/"))).status == 404
    assert (await phone.post(f"{good}x")).status == 404
    world.clock.advance(timedelta(hours=25))
    old = await phone.get(good)
    assert old.status == 410 and "过期" in old.text


async def test_who_left_the_home_is_told_so(world: World) -> None:
    phone = Browser(world.build(), address="203.0.113.9")
    gone = world.links.test("jinlan", "p-gone", "phone", "m1").removeprefix("https://console.test")
    page = await phone.get(gone)
    assert page.status == 404 and "不在" in page.text
