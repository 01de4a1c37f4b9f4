"""The words of a notice, in both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.deliver.wording import CATEGORY_WORDS, SHORT_MAX, compose
from rules.alarm import Category
from rules.effects import Notify
from rules.site import Device, Person, ResidentClass, Site, Zone
from rules.text import Text
from tests.deliver_world import START, alarm, incident, notify

SITE = Site(
    id="h1",
    name=Text("望城区靖港镇敬老院", "Jinggang care home"),
    timezone="Asia/Shanghai",
    zones=(
        Zone(
            id="east-1",
            name=Text("东区", "east wing"),
            building="2号楼",
            floor="1F",
            residents=ResidentClass.DEPENDENT,
            beds=12,
        ),
    ),
    devices=(
        Device(id="smoke-101", kind="smoke", source="z2m", address="0x1", zone="east-1", name=Text("烟感"), room="101"),
    ),
    people=(Person(id="wang", name="王护理", role="carer"), Person(id="li", name="李院长", role="director")),
)
URL = "https://box.example/i/token"


def told(**changes: object) -> Notify:
    return notify("h1:1:1.1", incident=incident(told=("li",)), **changes)


def test_chinese_notice_whole() -> None:
    notice = compose(told(step=2), SITE, URL)
    assert notice.title == "【火警】感烟探测器报警"
    assert notice.lines == (
        "【火警】感烟探测器报警",
        "地点：望城区靖港镇敬老院 2号楼1层 东区 101 烟感",
        "时间：11月22日 08:15:30",
        "住养人员：失能，12床",
        "已通知：李院长、王护理（第2步）",
        "请立即到场查看并确认；如属实，疏散人员并拨打119。",
    )
    assert notice.url == URL


def test_english_notice_whole() -> None:
    notice = compose(told(), SITE, URL, "en")
    assert notice.lines == (
        "[FIRE] Smoke alarm",
        "Where: Jinggang care home, 2号楼, floor 1, east wing, 101 烟感",
        "When: 22 Nov 08:15:30",
        "Residents: dependent, 12 beds",
        "Told: 李院长, 王护理 (step 1)",
        "Go and look now, then acknowledge; if it is real, evacuate and call 119.",
    )


@pytest.mark.parametrize(
    ("changes", "drill", "zh", "en"),
    [
        pytest.param({}, True, "【演练】【火警】", "[DRILL] [FIRE]", id="drill"),
        pytest.param({"late": True}, False, "【迟报】【火警】", "[LATE] [FIRE]", id="late"),
        pytest.param({"repeats": 3}, False, "【复现】【火警】", "[RECURRED] [FIRE]", id="recurred"),
        pytest.param({"repeats": 0}, False, "【再次呼叫】【火警】", "[REPEAT] [FIRE]", id="nobody_answered"),
    ],
)
def test_marks_stand_first(changes: dict, drill: bool, zh: str, en: str) -> None:
    purpose = "repeat" if "repeats" in changes else "call"
    message = told(alarm=alarm(**changes), purpose=purpose)
    assert compose(message, SITE, URL, drill=drill).title.startswith(zh)
    assert compose(message, SITE, URL, "en", drill=drill).title.startswith(en)
    assert compose(message, SITE, URL, drill=drill).short.startswith(zh)


def test_found_state_says_that_its_time_is_unknown() -> None:
    notice = compose(told(alarm=alarm(found=True)), SITE, URL)
    assert "说明：启动时已存在，开始时间不明" in notice.lines
    assert notice.short.endswith("时间不明")
    assert "begin unknown" in compose(told(alarm=alarm(found=True)), SITE, URL, "en").text


def test_late_confirmed_and_detail_are_remarks() -> None:
    message = told(alarm=alarm(late=True, detail="内容无法读取", value="0.31 dB/m"))
    message = notify("m", alarm=message.alarm, incident=incident(confirmed=True))
    notice = compose(message, SITE, URL)
    assert "说明：网关中断期间发生，现在补报；已有第二个探测器或手报确认；内容无法读取" in notice.lines
    assert "数值：0.31 dB/m" in notice.lines


def test_all_clear_says_who_took_it_on_and_sends_nobody() -> None:
    message = notify("m", purpose="over", incident=incident(acknowledged_by="li", acknowledged_at=START))
    notice = compose(message, SITE, URL)
    assert notice.title.startswith("【已有人接手】【火警】")
    assert compose(message, SITE, URL, "en").title.startswith("[TAKEN ON] [FIRE] ")
    assert notice.lines[-1] == "李院长已接手处理。"
    closed = notify("m", purpose="over", incident=incident(closed_at=START))
    assert compose(closed, SITE, URL).title.startswith("【已结束】【火警】")
    assert compose(closed, SITE, URL, "en").title.startswith("[OVER] [FIRE] ")
    assert compose(closed, SITE, URL, "en").lines[-1] == "The incident is closed; nobody else needs to go."
    assert "119" not in notice.text


@pytest.mark.parametrize("value", ["true", "True", "false"])
def test_a_value_that_only_says_that_it_is_so_is_left_out(value: str) -> None:
    assert "数值" not in compose(told(alarm=alarm(value=value)), SITE, URL).text
    assert "Value" not in compose(told(alarm=alarm(value=value)), SITE, URL, "en").text


def test_what_the_engine_writes_is_said_in_chinese() -> None:
    detail = "the bridge reports the end; check on site before the reset"
    message = told(alarm=alarm(detail=detail))
    assert "说明：已报恢复，但恢复信号不可信：复位前请到现场查看" in compose(message, SITE, URL).lines
    assert f"Note: {detail}" in compose(message, SITE, URL, "en").lines


@pytest.mark.parametrize("category", list(Category))
def test_every_category_has_words_in_both_languages(category: Category) -> None:
    message = notify("m", category)
    assert CATEGORY_WORDS[category].zh in compose(message, SITE, URL).title
    assert CATEGORY_WORDS[category].en in compose(message, SITE, URL, "en").title


def test_without_a_site_ids_and_universal_time_stand_in() -> None:
    notice = compose(told(), None, URL)
    assert "地点：h1 east-1 smoke-101" in notice.lines
    assert "时间：11-22 00:15:30 UTC" in notice.lines


def test_unregistered_device_is_in_the_unassigned_zone() -> None:
    notice = compose(told(alarm=alarm(zone="unassigned", subject="z2m/0xffee")), SITE, URL)
    assert "未登记区域 z2m/0xffee" in notice.text


def test_device_text_makes_no_lines_of_its_own() -> None:
    notice = compose(told(alarm=alarm(value="1\n2\r\n[点我](http://x)\x00")), SITE, URL)
    assert "数值：1 2 [点我](http://x)" in notice.lines


def test_short_form_names_the_place_and_the_time() -> None:
    assert compose(told(), SITE, URL).short == (
        "【火警】望城区靖港镇敬老院 2号楼1层 东区 101 烟感 感烟探测器报警 08:15:30"
    )


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [0, 5, 20, 40, 80, 300])
def test_short_form_fits_one_message_and_keeps_mark_and_time(language: str, size: int) -> None:
    long = "长" * size
    site = Site(
        id="h1",
        name=Text(f"敬老院{long}"),
        zones=(Zone(id="east-1", name=Text(f"东区{long}")),),
        devices=(
            Device(id="smoke-101", kind="smoke", source="z", address="x", zone="east-1", name=Text(long), room="101"),
        ),
    )
    message = told(alarm=alarm(title=Text(f"报警{long}"), late=True, found=True), purpose="repeat")
    short = compose(message, site, URL, language, drill=True).short
    assert len(short) <= SHORT_MAX
    assert short.startswith("[DRILL]" if language == "en" else "【演练】")
    assert "08:15:30" in short


def test_time_is_the_homes_own() -> None:
    message = told(alarm=alarm(raised_at=START + timedelta(hours=16)))
    assert "时间：11月23日 00:15:30" in compose(message, SITE, URL).lines
