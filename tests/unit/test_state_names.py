"""Names of alarms in any spelling, on every platform; an alarm that nobody knows is told, a setting is not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from devices.catalog import CODECS
from devices.codec import Packet
from devices.metric_names import meaning_of
from devices.reading import Report
from devices.state_names import event_point, speaks_of_alarm


def decode(codec: str, topic: str, said: Any, prefix: str = "") -> Report:
    packet = Packet(topic, said if isinstance(said, bytes) else json.dumps(said).encode())
    return CODECS[codec](prefix=prefix).decode(packet, None).reports[0]


def states(report: Report) -> dict[str, Any]:
    return {reading.point: reading.value for reading in report.readings}


def untold(report: Report) -> str:
    return ", ".join(event["properties"] for event in report.events if event["type"] == "not_understood")


Tell = Callable[[dict[str, Any]], Report]
PLATFORMS: dict[str, Tell] = {
    "aliyun": lambda said: decode("aliyun-iot", "/sys/pk/dn/thing/event/property/post", {"params": said}),
    "huawei": lambda said: decode(
        "huawei-iotda", "$oc/devices/d/sys/properties/report", {"services": [{"service_id": "x", "properties": said}]}
    ),
    "onenet": lambda said: decode(
        "onenet", "$sys/p/d/thing/property/post", {"params": {n: {"value": v} for n, v in said.items()}}
    ),
    "onenet-dp": lambda said: decode(
        "onenet", "$sys/p/d/dp/post/json", {"id": 1, "dp": {n: [{"v": v}] for n, v in said.items()}}
    ),
    "ctwing": lambda said: decode("ctwing-aep", "x", {"messageType": "dataReport", "IMEI": "86", "payload": said}),
    "ctwing-appdata": lambda said: decode(
        "ctwing-aep",
        "x",
        {
            "messageType": "dataReport",
            "IMEI": "86",
            "payload": {"APPdata": base64.b64encode(json.dumps(said).encode()).decode()},
        },
    ),
    "tuya": lambda said: decode(
        "tuya", "x", {"devId": "t", "status": [{"code": n, "value": v} for n, v in said.items()]}
    ),
    "tuya-link": lambda said: decode("tuya", "tylink/t/thing/property/report", {"data": said}),
    "thingsboard": lambda said: decode("thingsboard", "v1/devices/me/telemetry", said),
    "lorawan": lambda said: decode(
        "lorawan", "v3/a/devices/d/up", {"uplink_message": {"f_port": 1, "decoded_payload": said}}
    ),
}

SPELLED = {
    "SmokeAlarm": "smoke.alarm",
    "smokeAlarm": "smoke.alarm",
    "smoke_alarm": "smoke.alarm",
    "SmokeSensorState": "smoke.alarm",
    "smoke_state": "smoke.alarm",
    "烟雾报警": "smoke.alarm",
    "gas_sensor_state": "gas.alarm",
    "GasAlarm": "gas.alarm",
    "gas_alarm": "gas.alarm",
    "可燃气体报警": "gas.alarm",
    "co_alarm": "co.alarm",
    "COAlarm": "co.alarm",
    "一氧化碳报警": "co.alarm",
    "SOS": "sos.alarm",
    "sos": "sos.alarm",
    "sosButton": "sos.alarm",
    "紧急呼叫": "sos.alarm",
    "FallAlarm": "fall.alarm",
    "fall_alarm": "fall.alarm",
    "man_down_alarm": "fall.alarm",
    "跌倒": "fall.alarm",
    "fire_alarm": "fire.alarm",
    "fire": "fire.alarm",
    "火警": "fire.alarm",
    "water_leak": "water_leak.alarm",
    "漏水": "water_leak.alarm",
    "防拆": "tamper",
    "低电量": "battery.low",
}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", SPELLED)
def test_every_spelling_is_the_same_alarm_on_every_platform(platform: str, name: str) -> None:
    for value in (1, True, "1", "alarm"):
        if platform.startswith("tuya") and name == "gas_sensor_state" and value is True:
            continue
        report = PLATFORMS[platform]({"battery": 90, name: value})
        assert states(report)[SPELLED[name]] is True
        assert untold(report) == ""
    assert states(PLATFORMS[platform]({name: "normal"})).get(SPELLED[name], False) is False


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", ["ManholeAlarm", "panic_pendant_x", "smokeXyz", "leakage_found_alarm", "未知报警"])
def test_an_alarm_that_nobody_knows_is_told_beside_what_is_understood(platform: str, name: str) -> None:
    report = PLATFORMS[platform]({"temperature": 21, "battery_percentage": 21, name: 1})
    assert 21 in states(report).values()
    assert untold(report) == name
    assert untold(PLATFORMS[platform]({"temperature": 21, name: 0})) == ""


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    "name",
    [
        *("SmokeAlarmThreshold", "alarm_volume", "alarm_switch", "gasLevel", "fall_sensitivity", "leakage_current"),
        *("rainfall", "firmware", "报警阈值", "smokeTest", "alarm_time", "fall_detection_enable", "sosInterval"),
    ],
)
def test_a_setting_or_an_amount_is_no_alarm_and_not_told_as_one(platform: str, name: str) -> None:
    report = PLATFORMS[platform]({"temperature": 21, name: 1})
    assert {point for point in states(report) if point.endswith(".alarm")} == set()
    assert untold(report) == ""


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", ["一氧化碳", "可燃气体"])
def test_a_gas_alone_is_an_amount(platform: str, name: str) -> None:
    assert not any(point.endswith(".alarm") for point in states(PLATFORMS[platform]({"temperature": 21, name: 1})))


EVENTS: dict[str, tuple[str, str, Any, str]] = {
    "aliyun": ("aliyun-iot", "/sys/pk/dn/thing/event/SOSEvent/post", {"params": {}}, "sos.alarm"),
    "aliyun-forwarded": (
        "aliyun-iot",
        "/pk/dn/thing/event/alarm/post",
        {"identifier": "smoke_alarm", "value": {"a": 1}, "type": "alert", "deviceName": "dn"},
        "smoke.alarm",
    ),
    "aliyun-by-its-name": (
        "aliyun-iot",
        "/pk/dn/thing/event/e1/post",
        {"identifier": "e1", "value": {}, "name": "烟雾报警", "deviceName": "dn"},
        "smoke.alarm",
    ),
    "onenet": ("onenet", "$sys/p/d/thing/event/post", {"params": {"smoke_alarm": {"value": {"l": 1}}}}, "smoke.alarm"),
    "onenet-sos": ("onenet", "$sys/p/d/thing/event/post", {"params": {"SOS": {"value": {}}}}, "sos.alarm"),
    "huawei": (
        "huawei-iotda",
        "$oc/devices/d/sys/events/up",
        {"services": [{"service_id": "Detector", "event_type": "smokeAlarm", "paras": {}}]},
        "smoke.alarm",
    ),
    "huawei-service": (
        "huawei-iotda",
        "$oc/devices/d/sys/events/up",
        {"services": [{"service_id": "SOS", "event_type": "alarm", "paras": {}}]},
        "sos.alarm",
    ),
    "tuya": (
        "tuya",
        "tylink/d/thing/event/trigger",
        {"data": {"eventCode": "smoke_alarm", "outputParams": {}}},
        "smoke.alarm",
    ),
}


@pytest.mark.parametrize("case", EVENTS)
def test_an_event_that_is_named_after_an_alarm_is_one(case: str) -> None:
    codec, topic, said, point = EVENTS[case]
    report = decode(codec, topic, said)
    assert states(report)[point] is True
    assert untold(report) == ""


@pytest.mark.parametrize(
    ("codec", "topic", "said"),
    [
        ("aliyun-iot", "/sys/pk/dn/thing/event/AlarmEvent/post", {"params": {"value": {"kind": 1}}}),
        ("onenet", "$sys/p/d/thing/event/post", {"params": {"AlarmEvent": {"value": {}}}}),
        ("tuya", "tylink/d/thing/event/trigger", {"data": {"eventCode": "AlarmEvent"}}),
    ],
    ids=["aliyun", "onenet", "tuya"],
)
def test_an_alarm_event_of_no_known_name_is_told(codec: str, topic: str, said: Any) -> None:
    report = decode(codec, topic, said)
    assert states(report) == {}
    assert untold(report) == "AlarmEvent"


@pytest.mark.parametrize("identifier", ["SmokeAlarmRecover", "smoke_alarm_clear", "报警解除"])
def test_the_end_of_an_alarm_is_no_alarm(identifier: str) -> None:
    assert event_point(identifier) == ""
    assert not speaks_of_alarm(identifier)


@pytest.mark.parametrize("value", ["fall", "1", True])
@pytest.mark.parametrize("code", ["fall_down_state", "fall_down_status", "fall_state"])
def test_tuyas_radar_says_a_fall(code: str, value: Any) -> None:
    assert states(PLATFORMS["tuya"]({code: value}))["fall.alarm"] is True
    assert states(PLATFORMS["tuya"]({code: "maybe_fall"})) == {"fall.suspected": True}
    assert states(PLATFORMS["tuya"]({code: "none"}))["fall.alarm"] is False


@pytest.mark.parametrize("service", ["smoke", "SmokeAlarm", "smoke_detector_alarm"])
@pytest.mark.parametrize("key", ["value", "state", "alarm", "smoke_state"])
def test_huaweis_service_says_what_its_value_is(service: str, key: str) -> None:
    sub = {"devices": [{"device_id": "s1", "services": [{"service_id": service, "properties": {key: 1}}]}]}
    report = decode("huawei-iotda", "$oc/devices/d/sys/gateway/sub_devices/properties/report", sub)
    assert states(report) == {"smoke.alarm": True}


@pytest.mark.parametrize(
    ("said", "point"),
    [
        ({"BatV": 3.9, "ALARM_status": "TRUE"}, "sos.alarm"),
        ({"BatV": 3.9, "Alarm_status": "TRUE", "MD": "Move"}, "sos.alarm"),
        ({"battery": 90, "man_down_alarm": 1}, "fall.alarm"),
        ({"battery": 90, "fire": True}, "fire.alarm"),
        ({"battery": 90, "smoke_status": "alarm"}, "smoke.alarm"),
        ({"battery": 90, "status": {"smoke": {"alarm": 1}}}, "smoke.alarm"),
    ],
    ids=["lgt92", "trackerd", "man-down", "fire", "smoke-status", "nested"],
)
def test_a_lorawan_alarm_is_not_silenced_by_its_battery(said: dict[str, Any], point: str) -> None:
    assert states(PLATFORMS["lorawan"](said))[point] is True


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("Smoke/Alarm", "smoke.alarm"),
        ("Smoke Detector/Alarm", "smoke.alarm"),
        ("Room 3/Smoke/Alarm", "smoke.alarm"),
        ("Fall/Status", "fall.alarm"),
        ("SOS/State", "sos.alarm"),
        ("Kitchen/GasAlarm", "gas.alarm"),
    ],
)
def test_a_metric_says_its_alarm_over_two_levels(name: str, point: str) -> None:
    meaning = meaning_of(name)
    assert meaning is not None
    assert meaning.words[True] == ((point, True),)


@pytest.mark.parametrize("name", ["Settings/Smoke/Alarm", "Smoke/Threshold", "Gas/Level", "Fall/Count"])
def test_a_metric_of_settings_is_none(name: str) -> None:
    assert meaning_of(name) is None
