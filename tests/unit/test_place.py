"""A place and a detail as a person says them."""

from __future__ import annotations

import pytest

from rules.details import detail_in
from rules.place import is_place, subject_words, zone_parts
from rules.site import Zone
from rules.text import Text


@pytest.mark.parametrize(
    ("building", "floor", "chinese", "english"),
    [
        ("main", "2", "主楼2层 二楼东区", "main building, floor 2, East"),
        ("A", "1", "A栋1层 二楼东区", "building A, floor 1, East"),
        ("3", "2F", "3栋2层 二楼东区", "building 3, floor 2, East"),
        ("一号楼", "二层", "一号楼二层 二楼东区", "一号楼, 二层, East"),
        ("annex", "B1", "附楼地下1层 二楼东区", "annex, basement 1, East"),
        ("yard", "", "院内 二楼东区", "yard, East"),
        ("", "-2", "地下2层 二楼东区", "basement 2, East"),
        ("", "F3", "3层 二楼东区", "floor 3, East"),
        ("", "", "二楼东区", "East"),
    ],
)
def test_building_and_floor(building: str, floor: str, chinese: str, english: str) -> None:
    zone = Zone(id="z", name=Text("二楼东区", "East"), building=building, floor=floor)
    assert " ".join(zone_parts(zone, "zh")) == chinese
    assert ", ".join(zone_parts(zone, "en")) == english


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("step 2", "第2步"),
        ("acknowledged by p-wang", "p-wang 已接手"),
        ("112 MiB free for the journal; make room on this disk", "112 MiB 可用于日志：请清理此磁盘"),
        ("tele/x/SENSOR: not JSON", "tele/x/SENSOR: 不是 JSON"),
        ("内容无法读取", "内容无法读取"),
        ("a device's own words", "a device's own words"),
        ("", ""),
    ],
)
def test_a_detail(text: str, chinese: str) -> None:
    assert detail_in(text, "zh") == chinese
    assert detail_in(text, "en") == text


@pytest.mark.parametrize(
    ("subject", "chinese", "english"),
    [
        ("zone:ward-2", "整个区域", "whole zone"),
        ("room:ward-2/204", "204房间", "room 204"),
        ("circuit:c1", "回路c1", "circuit c1"),
        ("phone:wang/sms", "wang（sms）", "wang over sms"),
    ],
)
def test_an_alarm_about_a_place(subject: str, chinese: str, english: str) -> None:
    assert is_place(subject)
    assert (subject_words(subject, "zh"), subject_words(subject, "en")) == (chinese, english)


def test_an_alarm_about_a_device_is_about_no_place() -> None:
    assert not is_place("smoke-204")
    assert subject_words("smoke-204", "zh") == "smoke-204"
