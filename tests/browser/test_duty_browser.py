"""The page of duty by clicks, in a real browser on a real console: a substitute, a shift, a hand-over; all widths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Console
from tests.console_world import Served, a_world, free_port
from tests.duty_world import duty_site, with_roster_file

pytestmark = pytest.mark.browser

DUTY = "/home/jinlan/duty"


@pytest.fixture
def rostered(tmp_path: Path, chromium: Browser) -> Iterator[Console]:
    world = a_world(tmp_path, [duty_site()], running=True)
    with_roster_file(world, tmp_path)
    server = Served(world, free_port())
    server.start()
    made = Console(world, server, chromium, [])
    yield made
    for context in made.contexts:
        context.close()
    server.close()
    assert made.faults == []


def opened(console: Console, width: int, lang: str = "en", query: str = "") -> Page:
    page = console.logged_in(width=width, lang=lang)
    page.goto(DUTY + query)
    return page


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.mark.parametrize("width", [360, 768, 1920])
@pytest.mark.parametrize("query", ["", "?month=2026-11-22"], ids=["week", "month"])
def test_the_picture_fits_every_screen(rostered: Console, width: int, query: str) -> None:
    page = opened(rostered, width, query=query)
    expect(page.locator("#now")).to_contain_text("王护工")
    expect(page.locator(".post svg").first).to_be_visible()
    assert fits(page)
    small = page.evaluate(
        "[...document.querySelectorAll('.duty button, .duty select, .duty input:not([type=hidden]), .pages a')]"
        ".filter(each => each.getBoundingClientRect().height < 36).length"
    )
    assert small == 0, "too small for a thumb"


def test_the_letters_in_the_picture_can_be_read_and_the_bars_lie_where_they_should(rostered: Console) -> None:
    page = opened(rostered, 1280, query="?week=2026-11-23")
    lane = page.locator(".post[data-post=care] .lane").first
    bars = lane.locator("svg svg")
    expect(bars).to_have_count(2)
    whole, night, day = (box.bounding_box() for box in (lane.locator("> svg"), bars.nth(0), bars.nth(1)))
    assert whole is not None
    assert night is not None
    assert day is not None
    assert abs(night["width"] / whole["width"] - 8 / 24) < 0.01
    assert abs((day["x"] - whole["x"]) / whole["width"] - 8 / 24) < 0.01
    size = page.evaluate("getComputedStyle(document.querySelector('.lane svg svg text')).fontSize")
    assert float(size.removesuffix("px")) >= 12


@pytest.mark.parametrize("width", [1280, 360])
def test_a_substitute_stands_in_and_is_withdrawn_by_clicks(rostered: Console, width: int) -> None:
    page = opened(rostered, width)
    form = page.locator("#substitute")
    form.locator("[name=from]").fill("2026-11-22T08:00")
    form.locator("[name=until]").fill("2026-11-22T20:00")
    form.locator("[name=instead_of]").select_option("p-wang")
    form.locator("[name=person]").select_option("p-chen")
    form.locator("[name=reason]").fill("ill")
    form.locator("button").click()
    expect(page.locator("#note")).to_contain_text("in force at once")
    expect(page.locator("#now [data-post=care] strong")).to_have_text("陈院长")
    expect(page.locator("#overrides")).to_contain_text("陈院长 instead of 王护工")
    page.locator("#overrides button").click()
    expect(page.locator("#now [data-post=care] strong")).to_have_text("王护工")
    assert fits(page)


def test_a_second_operator_closes_the_gap_of_the_control_room(rostered: Console) -> None:
    page = opened(rostered, 1280)
    gaps = page.locator("#gaps")
    expect(gaps).to_contain_text("a control room with 1 on duty")
    shift = page.locator("[data-shift=room-2]")
    shift.locator("select[name=add]").select_option("p-li")
    shift.locator(".add button").click()
    expect(page.locator("#note")).to_be_visible()
    expect(page.locator("#gaps")).not_to_contain_text("a control room with 1 on duty")
    page.locator("[data-shift=room-2] form:not(.add) button").first.click()
    expect(page.locator("#gaps")).to_contain_text("a control room with 1 on duty")


@pytest.mark.parametrize("width", [1280, 360])
def test_a_post_is_handed_over_by_clicks(rostered: Console, width: int) -> None:
    page = opened(rostered, width)
    form = page.locator("#handover")
    form.locator("[name=outgoing]").select_option("p-wang")
    form.locator("[name=incoming]").select_option("p-li")
    form.locator("[name=note]").fill("all well")
    form.locator("[name=open_items]").fill("turn the resident of 204\nlock the medicine")
    form.locator("button").click()
    expect(page.locator("#handovers")).to_contain_text("王护工 → 李护工")
    expect(page.locator("#handovers li li")).to_have_count(2)
    assert fits(page)


def test_every_field_has_a_label_and_the_keyboard_reaches_the_forms(rostered: Console) -> None:
    page = opened(rostered, 1280)
    unnamed = page.evaluate(
        "[...document.querySelectorAll('.duty select, .duty input:not([type=hidden]), .duty textarea')]"
        ".filter(each => !each.labels.length && !each.ariaLabel).length"
    )
    assert unnamed == 0
    page.locator("#handover [name=post]").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "outgoing"
