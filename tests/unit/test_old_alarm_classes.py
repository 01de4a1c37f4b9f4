"""Alarms of older command classes and of zones by their type: Z-Wave's Alarm Sensor, Tasmota's ZoneStatus."""

from __future__ import annotations

import json

import pytest

from devices.catalog import CODECS
from devices.codec import Packet
from devices.reading import Report


def told(codec: str, topic: str, payload: str) -> Report:
    return CODECS[codec](prefix="").decode(Packet(topic, payload.encode()), None).reports[0]


def states(report: Report) -> dict[str, object]:
    return {reading.point: reading.value for reading in report.readings}


@pytest.mark.parametrize("kind", ["156", "alarm_sensor"])
@pytest.mark.parametrize(
    ("name", "point"),
    [("smoke", "smoke.alarm"), ("CO", "co.alarm"), ("heat", "heat.alarm"), ("water_leak", "water_leak.alarm")],
)
def test_zwaves_alarm_sensor(kind: str, name: str, point: str) -> None:
    topic = f"zwave/hall/{kind}/0/alarmState_{name}"
    assert states(told("zwavejs", topic, "255")) == {point: True}
    assert states(told("zwavejs", topic, "0")) == {point: False}


def test_zwaves_emergency_and_unknown_alarms() -> None:
    assert states(told("zwavejs", "zwave/n/113/0/Emergency_Alarm/Alarm_status", "1")) == {"sos.alarm": True}
    report = told("zwavejs", "zwave/n/156/0/alarmState_general_purpose", "255")
    assert [event["type"] for event in report.events] == ["not_understood"]
    assert told("zwavejs", "zwave/n/156/0/alarmState_general_purpose", "0").events == ()


@pytest.mark.parametrize(
    ("kind", "point"), [(40, "fire.alarm"), (42, "water_leak.alarm"), (43, "co.alarm"), (21, "door.open")]
)
def test_tasmotas_zone_by_its_type(kind: int, point: str) -> None:
    for status in (1, 0):
        said = {"ZbReceived": {"0x1": {"Device": "0x1", "ZoneStatus": status, "ZoneType": kind}}}
        assert states(told("tasmota", "tele/zb/SENSOR", json.dumps(said))) == {point: bool(status)}


@pytest.mark.parametrize("sound", ["smoke_detector", "fire_alarm"])
def test_an_alarm_that_frigate_hears_is_an_event(sound: str) -> None:
    codec = CODECS["frigate"](prefix="frigate")
    heard = codec.decode(Packet(f"frigate/c1/audio/{sound}", b"ON"), None).reports
    assert [report.events for report in heard] == [({"type": "sound", "sound": sound},)]
    assert codec.decode(Packet(f"frigate/c1/audio/{sound}", b"OFF"), None).reports == ()
