"""An outcome said on a phone by clicks: the page of an incident in the app, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [360, 412])
def test_an_outcome_on_the_phone(console: Console, width: int) -> None:
    console.say("smoke-1", smoke__alarm=True)
    page = console.logged_in(width=width)
    page.goto(f"/app/home/jinlan/incident/{console.world.home.incident}")
    expect(page.locator("#stage")).to_contain_text("no reset before the verdict")
    page.click("details.outcome > summary")
    outcome = page.locator("details.outcome form")
    outcome.locator("input[value=to_hospital]").check()
    outcome.locator("details.times summary").click()
    outcome.locator("[name='time.called_120']").fill("00:01")
    outcome.locator("button").click()
    expect(page.locator("#stage")).to_contain_text("Taken to hospital")
    expect(page.locator("#stage")).not_to_contain_text("no reset before the verdict")
    assert [(each.finding, list(each.times)) for each in console.world.home.acted()] == [
        ("to_hospital", ["called_120"])
    ]
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
