"""The page of how messages arrive, in a real browser from phone to wall, in both languages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gateway.deliver.ladder import DeliveryView, Quotas, Way
from rules.site import Channel
from tests.browser.conftest import Console
from tests.console_world import START, Served, a_site, a_world, free_port

pytestmark = pytest.mark.browser

CHECKS = Path(__file__).with_name("page_checks.js").read_text("utf-8")
PUSH, SMS = Channel("push", "duty-topic-of-wang"), Channel("cloud-sms", "13800001234", order=1)
FAULTS = (
    "HTTP 200, but not the answer of an ntfy server: is `url` right, is a portal in between?: the next channel "
    "is used",
    "isv.AMOUNT_NOT_ENOUGH 账户余额不足: the account is empty: top it up",
)
VIEW = DeliveryView(
    ways=(
        Way("p-wang", PUSH, "read", START, 7, 1, FAULTS[0], START - timedelta(hours=3), START, True, [0.4, 0.5, 12.0]),
        Way("p-wang", SMS, "failed", START, 2, 2, FAULTS[1], START, lags=[2.5]),
        Way("p-li", Channel("push", "b"), "sending", START, 1),
        Way("g-night", Channel("wecom", "night|duty", consent=False)),
    ),
    kinds={"push": "ntfy", "cloud-sms": "aliyun-sms", "wecom": "wecom-app"},
    quotas={"push": Quotas(20, 18, 13, 8), "cloud-sms": Quotas(20, 20, 15, 10), "wecom": Quotas(30, 30, 25, 20)},
)


async def ask(_home: str) -> DeliveryView:
    return VIEW


@pytest.fixture
def console(tmp_path: Path, chromium: Browser) -> Iterator[Console]:
    world = a_world(tmp_path, [a_site()], running=True)
    world.parts = dataclasses.replace(world.parts, delivery=ask)
    server = Served(world, free_port())
    server.start()
    made = Console(world, server, chromium, [])
    yield made
    for context in made.contexts:
        context.close()
    server.close()
    assert made.faults == []


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [360, 768, 1920])
def test_the_page_can_be_read_named_and_hit_at_every_width(
    console: Console, tmp_path: Path, width: int, language: str
) -> None:
    page = console.logged_in(width=width, height=900, lang=language)
    page.goto("/home/jinlan/channels")
    page.screenshot(path=str(tmp_path / f"delivery-{width}-{language}.png"), full_page=True)
    expect(page.locator("table.ways").first).to_contain_text("top it up" if language == "en" else "充值")
    assert page.locator("table.quotas tbody tr").count() == 3
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    checks = page.evaluate_handle(CHECKS)
    assert page.evaluate("(checks) => [checks.contrast(), checks.nameless()]", checks) == [[], []]
