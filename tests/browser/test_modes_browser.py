"""A drill and a device out of service by clicks, in a real browser on a real console."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from playwright.sync_api import expect

from rules.inputs import SiteChanged
from tests.browser.conftest import Console
from tests.console_world import HASH, PASSWORD, RULES

pytestmark = pytest.mark.browser

MODES = "/home/jinlan/modes"


def prepare(console: Console) -> None:
    """Smoke detectors that watch for fire, and a second operator."""
    home = console.world.home
    devices = tuple(replace(d, category="fire") if d.kind == "smoke" else d for d in home.site.devices)
    site = replace(home.site, devices=devices)
    console.server.call(lambda: home.step(lambda at: SiteChanged(at=at, site=site, rules=RULES, ruleset="tests")))
    accounts = console.world.parts.accounts
    assert accounts is not None
    with accounts.open("a", encoding="utf-8") as file:
        file.write(
            f'\n[[account]]\nname = "chen"\nperson = "p-chen"\npassword_hash = "{HASH}"\n'
            'roles = ["operator"]\nhomes = ["jinlan"]\n'
        )


@pytest.mark.parametrize("width", [1280, 390])
def test_a_drill_by_clicks_and_its_sheet_live(console: Console, width: int) -> None:
    prepare(console)
    page = console.logged_in(width=width)
    page.goto(MODES)
    page.select_option("#drill-start [name=device]", "smoke-2")
    page.click("#drill-start button")
    expect(page.locator("#drill")).to_contain_text("A drill is running")
    other = console.page(width=width)
    expect(other.locator("#board")).to_contain_text("DRILL")
    page.click("#drill a")
    page.click(".verb.acknowledge button")
    expect(page.locator("#taken")).to_contain_text("王护工")
    page.goto(MODES)
    page.click("#drill-end")
    expect(page.locator("#sheet")).to_contain_text("acknowledged")
    expect(page.locator("#no-drill")).to_be_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_a_real_fire_ends_the_drill_on_the_open_page(console: Console) -> None:
    prepare(console)
    page = console.logged_in()
    page.goto(MODES)
    page.click("#drill-start button")
    expect(page.locator("#drill")).to_be_visible()
    console.say("smoke-3", smoke__alarm=True)
    expect(page.locator("#sheet")).to_contain_text("a real alarm came: this is no drill")


def test_a_device_goes_out_of_service_by_two_persons_and_returns(console: Console) -> None:
    prepare(console)
    page = console.logged_in()
    page.goto(MODES)
    form = page.locator("#out-of-service")
    form.locator("[name=target]").select_option("smoke-1")
    form.locator("[name=reason]").fill("dirty")
    form.locator("[name=substitute]").fill("patrol every 30 min")
    form.locator("[name=second_name]").fill("chen")
    form.locator("[name=second_password]").fill("wrong")
    form.locator("button").click()
    expect(page.locator("#problem")).to_contain_text("second person")
    page.goto(MODES)
    form.locator("[name=target]").select_option("smoke-1")
    form.locator("[name=reason]").fill("dirty")
    form.locator("[name=substitute]").fill("patrol every 30 min")
    form.locator("[name=second_name]").fill("chen")
    form.locator("[name=second_password]").fill(PASSWORD)
    form.locator("button").click()
    expect(page.locator("#held")).to_contain_text("patrol every 30 min")
    console.say("smoke-1", smoke__alarm=True)
    board = console.page()
    expect(board.locator("#board")).to_contain_text("Out of service")
    page.click("#held button")
    expect(page.locator("#nothing-held")).to_be_visible()
    expect(board.locator("#board")).to_contain_text("Not acknowledged")


@pytest.mark.parametrize("width", [1280, 360])
def test_from_an_alarm_straight_to_the_form_of_its_device(console: Console, width: int) -> None:
    prepare(console)
    console.say("smoke-1", smoke__alarm=True)
    page = console.logged_in(width=width)
    page.goto(f"/home/jinlan/incident/{console.world.home.incident}")
    page.click("a.hold")
    expect(page.locator("#chosen h2").first).to_contain_text("Smoke 1")
    form = page.locator("#chosen #out-of-service")
    expect(form).to_be_in_viewport()
    expect(form.locator("[name=target]")).to_have_value("smoke-1")
    form.locator("[name=reason]").fill("dirty")
    form.locator("[name=substitute]").fill("patrol every 30 min")
    form.locator("[name=second_name]").fill("chen")
    form.locator("[name=second_password]").fill(PASSWORD)
    form.locator("button").click()
    expect(page.locator("#problem")).to_contain_text("acknowledge it, look on site and give the verdict")
    expect(page.locator("#chosen")).to_be_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_maintenance_where_fire_is_watched_for_takes_two(console: Console) -> None:
    prepare(console)
    page = console.logged_in()
    page.goto(MODES)
    form = page.locator("#maintenance")
    form.locator("[value=all]").check()
    form.locator("[name=reason]").fill("rewiring")
    form.locator("button").click()
    expect(page.locator("#problem")).to_contain_text("a second person must confirm the maintenance")
    form.locator("[value=all]").check()
    form.locator("[name=reason]").fill("rewiring")
    form.locator("[name=second_name]").fill("chen")
    form.locator("[name=second_password]").fill(PASSWORD)
    form.locator("button").click()
    expect(page.locator("#held")).to_contain_text("rewiring")
