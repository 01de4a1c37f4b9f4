"""Tasmota's own discovery: recognised and named; a measurement is never made of it."""

from __future__ import annotations

import json

import pytest

from gateway.decode_tool import DecodeTool

CONFIG = {"dn": "Hall", "fn": ["Hall"], "mac": "A0B1", "t": "plug7", "ft": "%prefix%/%topic%/", "swn": ["Smoke", None]}
SENSORS = {"sn": {"Time": "2025-01-01T00:00:00", "Switch1": "ON", "DS18B20": {"Temperature": 99.0}}, "ver": 1}


@pytest.mark.parametrize("home", ["", "h/home-a/"], ids=["alone", "below-a-home"])
def test_a_configuration_names_the_device_and_its_switches(home: str) -> None:
    answer = DecodeTool().decode(f"{home}tasmota/discovery/A0B1/config", json.dumps(CONFIG).encode(), retained=True)
    assert answer["device"] == "plug7"
    assert answer["readings"] == {}
    assert answer["events"] == [{"type": "discovery", "name": "Hall", "switches": "Smoke"}]


@pytest.mark.parametrize("payload", [json.dumps(SENSORS).encode(), b"", b"[]", b'{"t": 5}'], ids=range(4))
def test_what_was_measured_when_it_was_announced_is_no_reading(payload: bytes) -> None:
    answer = DecodeTool().decode("tasmota/discovery/A0B1/sensors", payload, retained=True)
    assert "error" not in answer
    assert answer["readings"] == {} and answer["events"] == []
