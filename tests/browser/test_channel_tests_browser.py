"""The pages of channel tests and drill sheets in a real browser: read, reached and fitting; a test bothers nobody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gateway.deliver.canary import PURPOSE
from rules.drill_sheet import drill_sheet_of
from rules.inputs import ChannelProven, Outcome
from tests.browser.conftest import Console
from tests.browser.test_app_browser import Phone, a_call, faults_of, fire, send
from tests.console_world import Served, a_site, a_world, free_port
from tests.unit.test_drill_sheets import DRILL, KEY, TIMING, a_folder

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("ANLIAN_SHOTS", "")


@pytest.fixture
def staged(tmp_path: Path, chromium: Browser) -> Iterator[Console]:
    folder = a_folder(tmp_path)
    folder.drills.write(drill_sheet_of(DRILL, TIMING, a_site()))
    world = a_world(tmp_path, running=True, sheets=folder, ask_test=lambda *_: True)
    for person, outcome, detail in (
        ("p-wang", Outcome.REFUSED, "HTTP 404 topic unknown: check `url` of this channel and the person's address"),
        ("p-li", Outcome.ACCEPTED, ""),
    ):
        world.home.step(
            lambda at, person=person, outcome=outcome, detail=detail: ChannelProven(
                at=at, person=person, channel="push", message="m1", outcome=outcome, detail=detail,
                lag=timedelta(seconds=1.4),
            )
        )
    server = Served(world, free_port())
    server.start()
    console = Console(world, server, chromium, [])
    yield console
    for context in console.contexts:
        context.close()
    server.close()
    assert console.faults == []


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("width", [360, 768, 1920])
def test_the_pages_can_be_read_reached_and_fit(staged: Console, lang: str, width: int) -> None:
    page = staged.logged_in(width=width, lang=lang)
    link = staged.world.links.test("jinlan", "p-wang", "push", "m1").removeprefix("https://console.test")
    pages = {
        "channel-tests": "/home/jinlan/channel-tests",
        "drills": "/home/jinlan/drills",
        "drill": f"/home/jinlan/drills/{KEY}",
        "confirm": link,
    }
    for name, path in pages.items():
        page.goto(f"{path}?lang={lang}")
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}-{width}-{lang}.png", full_page=True)
        wrong = {kind: found for kind, found in faults_of(page).items() if kind != "small"}
        assert wrong == {}, name


def test_a_test_by_hand_and_a_confirmation_with_the_keyboard(staged: Console) -> None:
    page = staged.logged_in(width=360, lang="en")
    page.goto("/home/jinlan/channel-tests")
    first = page.locator("[data-channel] button").first
    expect(first).to_have_accessible_name("Test now: 王护工 push")
    first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_contain_text("on its way")
    page.goto(staged.world.links.test("jinlan", "p-wang", "push", "m1").removeprefix("https://console.test"))
    page.locator("button.coming").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#message")).to_contain_text("Confirmed")
    page.goto("/home/jinlan/channel-tests")
    expect(page.locator('[data-channel="p-wang/push"]')).to_have_attribute("data-standing", "proven")


def test_a_test_of_the_line_is_answered_and_covers_nothing(console: Console) -> None:
    phone = Phone(console).enrol().open()
    phone.watching()
    fire(console)
    result = console.later(send(console, a_call(console, purpose=PURPOSE)))
    assert result.outcome is Outcome.DELIVERED
    expect(phone.page.locator("#call")).to_be_hidden()
