"""The page of fire panels: who asked when whether anybody is on duty, what came of it, and to ask now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.receive.gb26875_centre import DutyOutcome
from gateway.receive.gb26875_duty import DutyCheck
from rules.site import Device
from rules.text import Text
from tests.console_world import START, Browser, World, a_site, a_world


class Book:
    """The duty checks of one listener, by hand."""

    def __init__(self, home: str = "jinlan", times: tuple[str, ...] = ("02:00",)) -> None:
        self.home = home
        self.source = "panel"
        self.times = times
        self.last: dict[str, DutyCheck] = {}
        self.asked: list[tuple[str, str]] = []
        self.busy = False

    def devices(self) -> Sequence[str]:
        return ["889"]

    def ask(self, address: str, by: str) -> bool:
        self.asked.append((address, by))
        return not self.busy




TRANSMITTER = Device(
    id="td", kind="transmission_device", source="panel", address="889", zone="kitchen",
    name=Text("传输装置", "Transmitter"),
)  # fmt: skip


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def world(tmp_path: Path, book: Book) -> World:
    site = a_site()
    site = replace(site, devices=(*site.devices, TRANSMITTER))
    return a_world(tmp_path, [site], duty_books=lambda: [book, Book("dajing")])


async def logged_in(world: World, name: str = "wang") -> Browser:
    browser = Browser(world.build())
    await browser.log_in(name)
    await browser.get("/?lang=en")
    return browser


async def test_what_was_never_asked_says_so_and_when_it_will_be(world: World) -> None:
    browser = await logged_in(world)
    page = (await browser.get("/home/jinlan/panels")).text
    assert "Transmitter" in page and "not asked since" in page and "every day at about 02:00" in page
    assert page.count("data-panel=") == 1, "another home's are not shown"
    assert 'href="/home/jinlan/panels"' in (await browser.get("/home/jinlan/devices")).text


STATES = {
    None: "waiting for the answer, 10 min at most",
    DutyOutcome.ANSWERED: "answered after 1 min 30 s",
    DutyOutcome.UNANSWERED: "nobody answered within 10 min",
    DutyOutcome.NOT_TAKEN: "did not take the duty check",
    DutyOutcome.NOT_CONNECTED: "is not connected",
}


@pytest.mark.parametrize(("outcome", "words"), STATES.items(), ids=str)
async def test_who_asked_when_and_what_came_of_it(
    world: World, book: Book, outcome: DutyOutcome | None, words: str
) -> None:
    ended = START + timedelta(seconds=90) if outcome is not None else None
    book.last["889"] = DutyCheck("panel", "889", "p-wang", START, 10, outcome, ended)
    page = (await (await logged_in(world)).get("/home/jinlan/panels")).text
    assert words in page and "王护工 · 2026-11-22 08:15:30" in page
    assert ("disabled" in page) is (outcome is None)


async def test_the_schedule_is_nobody_in_particular(world: World, book: Book) -> None:
    book.last["889"] = DutyCheck("panel", "889", "schedule", START, 10, DutyOutcome.ANSWERED, START)
    page = (await (await logged_in(world)).get("/home/jinlan/panels?lang=zh")).text
    assert "自动 · 2026-11-22 08:15:30" in page and "已应答" in page


async def test_a_person_asks(world: World, book: Book) -> None:
    browser = await logged_in(world)
    form = {"csrf": await browser.csrf("/history"), "source": "panel", "address": "889"}
    answer = await browser.post("/home/jinlan/panels/ask", form)
    assert (answer.status, answer.header("location")) == (303, "/home/jinlan/panels?done=asked")
    assert book.asked == [("889", "p-wang")]
    assert "Asked; the answer is shown here" in (await browser.get(answer.header("location"))).text


async def test_while_one_is_waited_for_no_other_is_asked(world: World, book: Book) -> None:
    book.busy = True
    browser = await logged_in(world)
    form = {"csrf": await browser.csrf("/history"), "source": "panel", "address": "889"}
    answer = await browser.post("/home/jinlan/panels/ask", form)
    assert answer.status == 409 and "still waits" in answer.text


async def test_an_unknown_listener_is_refused(world: World, book: Book) -> None:
    browser = await logged_in(world)
    form = {"csrf": await browser.csrf("/history"), "source": "other", "address": "889"}
    assert (await browser.post("/home/jinlan/panels/ask", form)).status == 409
    assert book.asked == []


async def test_who_may_only_look_asks_nobody(world: World, book: Book) -> None:
    browser = await logged_in(world, "guest")
    page = (await browser.get("/home/jinlan/panels")).text
    assert "/panels/ask" not in page
    form = {"csrf": await browser.csrf("/history"), "source": "panel", "address": "889"}
    assert (await browser.post("/home/jinlan/panels/ask", form)).status == 403
    assert book.asked == []


async def test_a_forged_form_asks_nobody(world: World, book: Book) -> None:
    browser = await logged_in(world)
    answer = await browser.post("/home/jinlan/panels/ask", {"csrf": "x", "source": "panel", "address": "889"})
    assert answer.status == 403 and book.asked == []


async def test_a_stranger_sees_nothing(world: World) -> None:
    assert (await Browser(world.build()).get("/home/jinlan/panels")).status == 303
