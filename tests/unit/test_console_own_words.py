"""What the engine and the gateway call themselves never reaches a page as a code."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.console.texts import WORDS
from rules.alarm import Category
from rules.details import detail_in
from rules.inputs import DecodeFailed
from rules.troubles import fallback, packet_trouble, title_of
from tests.console_world import Browser, World, a_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


async def logged_in(world: World) -> Browser:
    browser = Browser(world.build())
    assert (await browser.log_in()).status == 303
    return browser


async def test_an_unreadable_packet_on_its_page_in_words(world: World) -> None:
    world.home.step(
        lambda at: DecodeFailed(at=at, source="z2m", topic="a/b", reason="state: expected JSON", kind="not_json")
    )
    (incident,) = world.home.engine.incidents.values()
    browser = await logged_in(world)
    for language, title, remedy, source in (
        ("zh", "报文无法解读", "检查设备输出格式", "来源 z2m"),
        ("en", "Unreadable packet", "check the device&#39;s output format", "source:z2m"),
    ):
        await browser.get(f"/?lang={language}")
        page = (await browser.get(f"/home/{incident.home}/incident/{incident.id}")).text
        assert title in page and remedy in page and source in page
        assert ("source:z2m" in page) is (language == "en"), "also on the timeline"
        assert "gateway.undecodable" not in page and "[not_json]" not in page


@pytest.mark.parametrize("path", ["/history", "/health", "/unregistered"])
async def test_the_pages_of_the_one_home_are_in_reach_from_everywhere(world: World, path: str) -> None:
    page = (await (await logged_in(world)).get(path)).text
    (home,) = world.homes
    assert f'href="/home/{home}/devices"' in page and f'href="/home/{home}/walk-test"' in page


@pytest.mark.parametrize(
    "link", ["session:main", "qos0:main", "source:zigbee", "ledger-head", "local-socket", "gb26875:panel", "platform:p"]
)
def test_links_have_chinese_names(link: str) -> None:
    words = WORDS["zh"].link(link)
    kind, _, which = link.partition(":")
    assert kind not in words and words.endswith(which) and words != WORDS["en"].link(link)
    assert "丢失" not in words, "the state stands beside the name"


def test_the_connection_in_chinese() -> None:
    assert detail_in("connected to 127.0.0.1:1883 with MQTT 5", "zh") == "已连接 127.0.0.1:1883，MQTT 5"


def test_titles_of_the_engine_s_own_rules() -> None:
    for category in (Category.FIRE, Category.GAS, Category.PERSON):
        cause = fallback(category, "d", "z", "")
        assert title_of(cause.rule) == cause.title
    cause = packet_trouble("gateway.undecodable", title_of("gateway.undecodable"), "s", "z", "")  # type: ignore[arg-type]
    assert cause.title.zh == "报文无法解读"
    assert title_of("gateway.implausible.power") is not None
    assert title_of("fire.smoke") is None and title_of("gateway.fallback.nonsense") is None
