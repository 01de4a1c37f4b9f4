"""Dangers that few Zigbee devices spell: a fault's words, numbered leak inputs, states in words, unknown alarms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devices.codec import Packet
from devices.zigbee2mqtt import Zigbee2Mqtt
from tests.unit.test_codec_vectors import values

BREAKER = ["clear", "short_circuit_alarm", "overload_alarm", "leakagecurr_alarm", "fire_alarm", "high_power_alarm"]


def binary(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "binary", "property": name, "access": 1, "value_on": True, "value_off": False, **more}


def enum(name: str, words: list[str], access: int = 1) -> dict[str, Any]:
    return {"type": "enum", "property": name, "access": access, "values": words}


def report_of(exposes: list[dict[str, Any]] | None, payload: dict[str, Any]) -> Any:
    codec, context = Zigbee2Mqtt(), None
    if exposes is not None:
        definition = {"model": "M", "vendor": "V", "description": "device", "exposes": exposes}
        entry = {"friendly_name": "d", "ieee_address": "0x1", "type": "EndDevice", "definition": definition}
        context = codec.decode(Packet("zigbee2mqtt/bridge/devices", json.dumps([entry]).encode()), None).context
    (report,) = codec.decode(Packet("zigbee2mqtt/d", json.dumps(payload).encode()), context).reports
    return report


@pytest.mark.parametrize(
    ("exposes", "payload", "readings"),
    [
        ([enum("fault", BREAKER)], {"fault": "fire_alarm"}, {"fault": True, "fire.alarm": True}),
        ([enum("fault", BREAKER)], {"fault": "leakagecurr_alarm"}, {"fault": True, "current.alarm": True}),
        ([enum("fault", BREAKER)], {"fault": "overload_alarm"}, {"fault": True, "current.alarm": True}),
        ([enum("fault", BREAKER)], {"fault": "high_power_alarm"}, {"fault": True}),
        ([enum("fault", BREAKER)], {"fault": "clear"}, {"fault": False, "fire.alarm": False, "current.alarm": False}),
        ([enum("fault", ["clear", "motor"])], {"fault": "clear"}, {"fault": False}),
        (None, {"fault": "fire_alarm"}, {"fault": True, "fire.alarm": True}),
        (None, {"fault": "clear"}, {"fault": False}),
        (None, {"faults": ["short_circuit", "fire"]}, {"fault": True, "fire.alarm": True, "current.alarm": True}),
        ([enum("channel_1_leak_detect", ["No Leak", "Leak"])], {"channel_1_leak_detect": "Leak"}, {"water": True}),
        ([enum("channel_1_leak_detect", ["No Leak", "Leak"])], {"channel_1_leak_detect": "No Leak"}, {"water": False}),
        (None, {"channel_2_leak_detect_18": "Leak"}, {"water": True}),
        (None, {"input_3_leak_detect_9": "Dry"}, {"water": False}),
        (None, {"water_leak_alarm_1": True, "water_leak_alarm_2": False}, {"water": True}),
        (None, {"water_leak_zone_1": True}, {"water": True}),
        ([binary("heat_alarm")], {"heat_alarm": True}, {"heat.alarm": True}),
        ([binary("heat_alarm", access=7)], {"heat_alarm": True}, {}),
        ([binary("fall")], {"fall": True}, {"fall.alarm": True}),
        ([binary("emergency")], {"emergency": True}, {"sos.alarm": True}),
        ([enum("emergency", ["alarm", "normal"])], {"emergency": "alarm"}, {"sos.alarm": True}),
        ([enum("gas_state", ["alarm", "normal"])], {"gas_state": "alarm"}, {"gas.alarm": True}),
        ([enum("gas_state", ["alarm", "normal"])], {"gas_state": "normal"}, {"gas.alarm": False}),
        ([enum("carbon_monoxide_state", ["alarm", "normal"])], {"carbon_monoxide_state": "alarm"}, {"co.alarm": True}),
        (None, {"gas_state": "detecting"}, {}),
        (None, {"fall": True, "heat_alarm": False}, {"fall.alarm": True, "heat.alarm": False}),
        (None, {"force_smoke_alarm": "ON", "fall_detection": "ON", "emergency_overheat": True}, {}),
        ([{"type": "numeric", "property": "battery_voltage", "access": 1, "unit": "mV"}], {"battery_voltage": 2900},
         {"battery.voltage": 2.9}),
        (None, {"battery_voltage": 3.0}, {"battery.voltage": 3.0}),
        (None, {"battery_voltage": 2900}, {"battery.voltage": 2.9}),
    ],
    ids=lambda case: json.dumps(case)[:70] if isinstance(case, dict) else "",
)  # fmt: skip
def test_a_danger_is_read_in_any_of_its_spellings(
    exposes: list[dict[str, Any]] | None, payload: dict[str, Any], readings: dict[str, Any]
) -> None:
    report = report_of(exposes, payload)
    assert values(report) == {"water_leak.alarm" if p == "water" else p: value for p, value in readings.items()}
    assert report.events == ()


@pytest.mark.parametrize(
    ("expose", "value", "is_said"),
    [
        (binary("gas_pressure_alarm"), True, True),
        (binary("gas_pressure_alarm"), False, False),
        (enum("alarm_state", ["normal", "prealarm", "critical_alarm"]), "critical_alarm", True),
        (enum("alarm_state", ["normal", "prealarm", "critical_alarm"]), "normal", False),
        (binary("linkage_alarm", access=7), True, False),
        (binary("valve_open"), True, False),
    ],
    ids=["alarm", "calm", "critical", "normal", "setting", "no-alarm"],
)
def test_an_alarm_that_is_not_known_is_named(expose: dict[str, Any], value: Any, is_said: bool) -> None:
    report = report_of([expose], {expose["property"]: value})
    said = ({"type": "property_not_understood", "property": expose["property"]},) if is_said else ()
    assert (values(report), report.events) == ({}, said)
