"""Home Assistant discovery where a template, a name or a topic could mislead: no invented danger or clear."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devices.codec import DecodeError, Packet
from devices.homeassistant import HomeAssistant


def said(component: str, config: dict[str, Any], payload: object, topic: str = "any/topic") -> dict[str, Any]:
    """The readings of one message after its announcement."""
    codec = HomeAssistant()
    announcement = {"unique_id": "one", "state_topic": topic, **config}
    known = codec.decode(Packet(f"homeassistant/{component}/one/config", json.dumps(announcement).encode()), None)
    text = payload if isinstance(payload, str) else json.dumps(payload)
    reports = codec.decode(Packet(topic, text.encode()), known.context).reports
    return {reading.point: reading.value for report in reports for reading in report.readings}


SMOKE = {"device_class": "smoke"}
HEAT = {"device_class": "temperature", "unit_of_measurement": "°C"}
TEMPLATES: list[tuple[str, str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (f"{kind}-{case}", component, config, payload, wanted)
    for kind, component, config, cases in (
        (
            "{{ 'ON' if value_json.smoke else 'OFF' }}",
            "binary_sensor",
            SMOKE,
            (
                ({"battery": 9}, {}),
                ({"smoke": None}, {}),
                ({"smoke": True}, {"smoke.alarm": True}),
                ({"smoke": False}, {"smoke.alarm": False}),
            ),
        ),
        (
            "{{ 'OFF' if value_json.smoke == 0 else 'ON' }}",
            "binary_sensor",
            SMOKE,
            (({"battery": 9}, {}), ({"smoke": None}, {}), ({"smoke": 2}, {"smoke.alarm": True})),
        ),
        (
            "{{ 'ON' if value_json.smoke == true else 'OFF' }}",
            "binary_sensor",
            SMOKE,
            (({"smoke": None}, {}), ({"smoke": False}, {"smoke.alarm": False})),
        ),
        (
            "{% if value_json.smoke == 1 %}ON{% else %}OFF{% endif %}",
            "binary_sensor",
            SMOKE,
            (({"battery": 9}, {}), ({"smoke": 1}, {"smoke.alarm": True}), ({"smoke": 0}, {"smoke.alarm": False})),
        ),
        (
            "{% if value_json.a == 1 %}ON{% elif value_json.b == 1 %}ON{% else %}OFF{% endif %}",
            "binary_sensor",
            SMOKE,
            (({"b": 1}, {"smoke.alarm": True}), ({"b": 0}, {}), ({"a": 0, "b": 0}, {"smoke.alarm": False})),
        ),
        (
            "{{ value_json.smoke | default('OFF') }}",
            "binary_sensor",
            SMOKE,
            (({"battery": 9}, {}), ({"smoke": "ON"}, {"smoke.alarm": True})),
        ),
        ("{{ value_json.get('smoke', 'OFF') }}", "binary_sensor", SMOKE, (({"battery": 9}, {}),)),
        ("{{ iif(value_json.smoke, 'ON', 'OFF') }}", "binary_sensor", SMOKE, (({"battery": 9}, {}),)),
        (
            "{{ 'ON' if value_json.alarm is defined else 'OFF' }}",
            "binary_sensor",
            SMOKE,
            (({"alarm": 1}, {"smoke.alarm": True}), ({"battery": 9}, {})),
        ),
        (
            "{{ 'ON' if 'alarm' in value_json else 'OFF' }}",
            "binary_sensor",
            SMOKE,
            (({"alarm": 1}, {"smoke.alarm": True}), ({"battery": 9}, {})),
        ),
        (
            "{{ 'OFF' if value_json.clear is defined else 'ON' }}",
            "binary_sensor",
            SMOKE,
            (({"x": 1}, {"smoke.alarm": True}), ({"clear": 9}, {"smoke.alarm": False})),
        ),
        (
            "{{ 'ON' if value_json.smoke is defined and value_json.smoke == 1 else 'OFF' }}",
            "binary_sensor",
            SMOKE,
            (({"smoke": 1}, {"smoke.alarm": True}), ({"x": 1}, {}), ({"smoke": 0}, {"smoke.alarm": False})),
        ),
        (
            "{% if value_json.smoke is defined %}{{ value_json.smoke }}{% else %}{{ value_json.fire }}{% endif %}",
            "binary_sensor",
            SMOKE,
            (({"fire": "OFF"}, {"smoke.alarm": False}), ({"fire": "ON"}, {"smoke.alarm": True})),
        ),
        ("{{ value_json.temp | default(0) }}", "sensor", HEAT, (({"x": 1}, {}), ({"temp": 21}, {"temperature": 21.0}))),
        ("{{ value_json.temp | float(0) }}", "sensor", HEAT, (({"x": 1}, {}), ({"temp": "unavailable"}, {}))),
        ("{{ value_json.temp if value_json.temp is defined else 0 }}", "sensor", HEAT, (({"x": 1}, {}),)),
    )
    for case, (payload, wanted) in enumerate(cases)
    for config in ({**config, "value_template": kind},)
]


@pytest.mark.parametrize(
    ("component", "config", "payload", "wanted"),
    [case[1:] for case in TEMPLATES],
    ids=[case[0] for case in TEMPLATES],
)
def test_absence_is_no_measurement(
    component: str, config: dict[str, Any], payload: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert said(component, config, payload) == wanted


def test_a_word_that_a_template_has_no_meaning_for_is_said() -> None:
    config = {**SMOKE, "value_template": "{{ {0: 'OFF', 1: 'ON'}[value_json.smoke] }}"}
    assert said("binary_sensor", config, {"smoke": 1}) == {"smoke.alarm": True}
    with pytest.raises(DecodeError, match="value_template"):
        said("binary_sensor", config, {"smoke": 7})


MILLIAMPERES = {"device_class": "current", "unit_of_measurement": "mA"}
NAMED: dict[str, tuple[str, dict[str, Any], object, dict[str, Any]]] = {
    "residual-current": ("sensor", {"name": "Residual current", **MILLIAMPERES}, "33", {"current.residual": 33.0}),
    "leakage": ("sensor", {"name": "Leakage", **MILLIAMPERES}, "33", {"current.residual": 33.0}),
    "residual-zh": ("sensor", {"name": "剩余电流", **MILLIAMPERES}, "33", {"current.residual": 33.0}),
    "current": ("sensor", {"name": "Current", **MILLIAMPERES}, "330", {"current.a": 0.33}),
    "device-in-front": (
        "sensor",
        {"name": "Hall Leakage current", "device": {"identifiers": "a", "name": "Hall"}, **MILLIAMPERES},
        "33",
        {"current.residual": 33.0},
    ),
    "battery-voltage": (
        "sensor",
        {"name": "Battery voltage", "device_class": "voltage", "unit_of_measurement": "V"},
        "2.9",
        {"battery.voltage": 2.9},
    ),
    "current-l2": (
        "sensor",
        {"name": "Current L2", "device_class": "current", "unit_of_measurement": "A"},
        "1.5",
        {"current.b": 1.5},
    ),
    "fall-safety": ("binary_sensor", {"name": "Fall detected", "device_class": "safety"}, "ON", {"fall.alarm": True}),
    "fall-motion": ("binary_sensor", {"name": "Fall detected", "device_class": "motion"}, "ON", {"fall.alarm": True}),
    "fall-plain": ("binary_sensor", {"name": "Fall detected"}, "ON", {"fall.alarm": True}),
    "fall-object-id": ("binary_sensor", {"object_id": "fall_detected"}, "ON", {"fall.alarm": True}),
    "fall-zh": ("binary_sensor", {"name": "跌倒"}, "OFF", {"fall.alarm": False}),
    "smoke-zh": ("binary_sensor", {"name": "烟雾报警"}, "ON", {"smoke.alarm": True}),
    "sos-button": ("binary_sensor", {"name": "SOS button"}, "ON", {"sos.alarm": True}),
    "sos-battery": ("binary_sensor", {"name": "SOS", "device_class": "battery"}, "ON", {"battery.low": True}),
    "valve": ("binary_sensor", {"name": "Gas valve", "device_class": "safety"}, "ON", {}),
    "safety": ("binary_sensor", {"name": "Bed 3", "device_class": "safety"}, "ON", {"sos.alarm": True}),
    "enum-smoke": (
        "sensor",
        {"name": "Smoke state", "device_class": "enum", "options": ["alarm", "normal"]},
        "alarm",
        {"smoke.alarm": True},
    ),
}


@pytest.mark.parametrize(("component", "config", "payload", "wanted"), NAMED.values(), ids=NAMED)
def test_a_name_says_more_than_a_class(
    component: str, config: dict[str, Any], payload: object, wanted: dict[str, Any]
) -> None:
    assert said(component, config, payload) == wanted


@pytest.mark.parametrize(("word", "count"), [("triggered", 1), ("disarmed", 0), ("armed_away", 0)])
def test_a_triggered_alarm_panel_is_said(word: str, count: int) -> None:
    """Whether burglary or fire nobody knows: it is named, and no danger is made of it."""
    codec = HomeAssistant()
    config = json.dumps({"unique_id": "one", "state_topic": "acp/s", "command_topic": "acp/c"}).encode()
    known = codec.decode(Packet("homeassistant/alarm_control_panel/one/config", config), None).context
    (report,) = codec.decode(Packet("acp/s", word.encode()), known).reports
    assert not report.readings
    assert [event["type"] for event in report.events] == ["not_understood"] * count
