"""A camera's row on the devices page, in words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from devices.reading import Value
from gateway.console.cameras import camera_words
from gateway.console.texts import WORDS
from rules.alarm import Category
from rules.condition import Above, Equals
from rules.inputs import SiteChanged
from rules.rule import Rule
from rules.site import Device
from rules.text import Text
from tests.console_world import RULES, Browser, a_site, a_world

AGE = "1 min 02 s ago"
WELL: dict[str, Value] = {"video.online": True, "video.frame_age": 2.0}

ROWS: dict[str, tuple[dict[str, Value], list[str]]] = {
    "well": ({**WELL, "video.blank": False}, ["on line", AGE, "good"]),
    "blank": ({**WELL, "video.blank": True}, ["on line", AGE, "black or frozen"]),
    "never looked at": (WELL, ["on line", AGE, "not looked at yet"]),
    "on a platform": ({"video.online": True}, ["on line", "not looked at yet"]),
    "off line": ({**WELL, "video.online": False, "video.blank": False}, ["off line"]),
    "missed since the start": ({"video.frame_age": 70.0}, ["not known yet", "2 min 10 s ago", "not looked at yet"]),
    "not asked yet": ({}, ["not known yet"]),
}


@pytest.mark.parametrize(("values", "shown"), ROWS.values(), ids=ROWS)
def test_the_words(values: dict[str, Value], shown: list[str]) -> None:
    assert [value for _, value in camera_words(values, 60.0, WORDS["en"])] == shown
    assert all(label and value for label, value in camera_words(values, 60.0, WORDS["zh"]))


CONDITIONS = (Equals(point="video.online", value=False), Above(point="video.frame_age", limit=180.0))
WATCHED = tuple(
    Rule(id=f"v.{place}", title=Text("视频"), category=Category.VIDEO, condition=condition)
    for place, condition in enumerate(CONDITIONS)
)


async def test_the_devices_page_says_it(tmp_path: Path) -> None:
    gate = Device(id="gate", kind="video", source="video", address="gate", zone="ward-1", name=Text("大门", "Gate"))
    site = a_site()
    site = replace(site, devices=(*site.devices, gate))
    world = a_world(tmp_path, [site])
    world.home.step(lambda at: SiteChanged(at=at, site=site, rules=(*RULES, *WATCHED), ruleset="more"))
    world.home.say("gate", video__online=True, video__frame_age=3.0)
    world.clock.advance(timedelta(seconds=20))
    browser = Browser(world.build())
    await browser.log_in()
    page = (await browser.get("/home/jinlan/devices?lang=en")).text
    row = page[page.index('data-device="gate"') :].partition("</li>")[0]
    for words in ("Video <b>on line</b>", "Last frame <b>23 s ago</b>", "Picture <b>not looked at yet</b>"):
        assert words in row
    assert "age of the last frame" not in row, "said once, in words"
