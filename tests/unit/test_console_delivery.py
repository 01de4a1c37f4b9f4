"""The page of how messages arrive: rungs, lags, what is left of a quota, and what to do about a failure."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.channel_settings import KINDS
from gateway.console.delivery import hidden
from gateway.console.texts_delivery import PROVES, REMEDIES, remedy_of
from gateway.deliver import aliyun, chat, tencent, wecom_app
from gateway.deliver.ladder import DeliveryView, Quotas, Way
from gateway.record.record import JournalUnavailable
from rules.site import Channel
from tests.console_world import START, Browser, World, a_world

PUSH, SMS = Channel("push", "topic-of-wang"), Channel("sms", "13800001234", order=1)


def way(person: str = "p-wang", channel: Channel = PUSH, **more: object) -> Way:
    return Way(person, channel, **more)  # type: ignore[arg-type]


@dataclasses.dataclass
class Asked:
    """Answers with a view, or with a fault."""

    view: DeliveryView | None = None
    homes: list[str] = dataclasses.field(default_factory=list)

    async def __call__(self, home: str) -> DeliveryView:
        self.homes.append(home)
        if self.view is None:
            raise JournalUnavailable("planted")
        return self.view


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    yield a_world(tmp_path)


def view(*ways: Way, **more: object) -> DeliveryView:
    kinds = {"push": "ntfy", "sms": "aliyun-sms"}
    return DeliveryView(ways, kinds, {"push": Quotas(20, 18, 13, 8)}, **more)  # type: ignore[arg-type]


async def shown(world: World, asked: Asked, language: str = "en", status: int = 200, account: str = "") -> str:
    world.parts = dataclasses.replace(world.parts, delivery=asked)
    browser = Browser(world.build())
    await (browser.log_in(account) if account else browser.log_in())
    home = next(iter(world.parts.sites))
    await browser.get(f"/?lang={language}")
    answer = await browser.get(f"/home/{home}/channels")
    assert answer.status == status
    assert asked.homes == [home]
    return answer.text


LAGS = [0.4, 0.5, 0.6, 12.0]
FAULT = "HTTP 200, but not the answer of an ntfy server: is `url` right, is a portal in between?"


async def test_the_page_shows_the_rung_the_lag_the_failures_and_the_quota(world: World) -> None:
    sent = way(state="read", at=START - timedelta(minutes=5), messages=4, failures=1, fault=FAULT, lags=LAGS)
    sent.failed_at = START - timedelta(hours=1)
    page = await shown(world, Asked(view(sent, way("p-wang", SMS), way("p-li", state="failed", messages=1))))
    for words in ("✓ read", "0.5 s / 12 s", "4 / 1", "look for a portal or a proxy", "18 / 13 / 8", "✕ failed"):
        assert words in page
    assert page.count("王护工") == 2
    assert "place 1 in order" in page and "place 2 in order" in page
    assert FAULT in page
    assert "陈院长" in page and "no channel: cannot be told" in page


async def test_the_page_in_chinese_says_what_to_do_in_chinese(world: World) -> None:
    sent = way(state="failed", messages=1, failures=1, fault="errcode 310000 sign: put SEC into secret_file")
    page = await shown(world, Asked(view(sent)), "zh")
    assert "失败" in page and "处理：密钥或编号不对" in page


async def test_a_way_that_is_not_used_says_why(world: World) -> None:
    refused = way(channel=Channel("push", "x", consent=False))
    absent = way("p-li", Channel("gone", "y"))
    page = await shown(world, Asked(view(refused, absent)))
    assert "the person did not consent" in page
    assert "no such channel in the settings" in page


async def test_a_failed_test_is_told_even_where_no_message_was_sent(world: World) -> None:
    tested = way(tested_at=START - timedelta(hours=2), test_passed=False, failures=1, fault="cannot connect")
    page = await shown(world, Asked(view(tested)))
    assert "test failed" in page
    assert "none yet" in page
    assert "check the internet" in page


async def test_a_journal_that_cannot_be_read_is_said(world: World) -> None:
    assert "the journal cannot be read now" in await shown(world, Asked(), status=503)


async def test_more_messages_than_are_looked_at_are_said(world: World) -> None:
    assert "too many messages" in await shown(world, Asked(view(way(), complete=False)))


async def test_what_a_channel_said_is_text_and_no_markup(world: World) -> None:
    page = await shown(world, Asked(view(way(state="failed", fault="<script>alert(1)</script>"))))
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("13800001234", "…1234", id="number"),
        pytest.param("abc", "…", id="short"),
        pytest.param("", "", id="none"),
    ],
)
def test_an_address_is_shown_to_those_who_only_look_by_its_end(address: str, expected: str) -> None:
    assert hidden(address) == expected


def test_every_kind_of_channel_says_what_it_proves() -> None:
    assert set(PROVES) == set(KINDS)


MENDS = [
    *[f"errcode {code}: {words}" for robot in (chat.DingTalkRobot, chat.WeComRobot, chat.FeishuRobot)
      for code, words in robot.mended_by.items()],
    *[f"errcode {code}: {words}" for code, words in wecom_app._MENDED_BY.items()],
    *[f"{code} why: {words}" for code, words in (aliyun._MENDED_BY | tencent._MENDED_BY).items()],
    *[f"errcode 310000: {chat._mend_security(words)}" for words in ("keyword", "ip", "timestamp", "sign")],
]


@pytest.mark.parametrize("fault", MENDS)
def test_every_remedy_of_an_adapter_is_said_in_both_languages(fault: str) -> None:
    chinese, english = remedy_of(fault, "zh"), remedy_of(fault, "en")
    assert (chinese, english) in [(zh, en) for _, zh, en in REMEDIES]
