"""Golden vectors: what a packet must say, and what it must never say; what is malformed, and how the error reads."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from devices.catalog import CODECS
from devices.codec import Decoded, DecodeError, Packet
from devices.reading import Kind, Quality, Report, find_point
from devices.zigbee2mqtt import Zigbee2Mqtt, published_devices

EXAMPLES = Path(__file__).parents[2] / "devices" / "examples"
PUBLISHED = json.loads((EXAMPLES / "zigbee2mqtt.json").read_text())
MORE = json.loads((EXAMPLES / "zigbee2mqtt_more.json").read_text())
MODELS = json.loads((EXAMPLES / "zigbee2mqtt_models.json").read_text())["models"]
NATIVE = json.loads((EXAMPLES / "native.json").read_text())["cases"]
DANGERS = {"smoke.alarm", "heat.alarm", "gas.alarm", "co.alarm", "sos.alarm", "fall.alarm"}


def payload_of(case: dict[str, Any]) -> bytes:
    if "base64" in case:
        return base64.b64decode(case["base64"])
    payload = case["payload"]
    return payload.encode() if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False).encode()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def values(report: Report) -> dict[str, Any]:
    said = {reading.point: reading.value for reading in report.readings}
    assert len(said) == len(report.readings), "a point is said twice in one report"
    for point, value in said.items():
        known = find_point(point)
        assert known is not None
        wanted = float if known.kind is not Kind.STATE else (str if point == "button" else bool)
        assert type(value) is wanted, f"{point} = {value!r}"
    return said


def check_report(report: Report, wanted: dict[str, Any]) -> None:
    assert report.device == wanted["device"]
    assert values(report) == wanted["readings"]
    bad = {reading.point for reading in report.readings if reading.quality is Quality.BAD}
    assert bad == set(wanted.get("bad", []))
    assert report.measured_at == (instant(wanted["time"]) if "time" in wanted else None)
    events = [event if isinstance(event, dict) else None for event in wanted.get("events", [])]
    names = [event for event in wanted.get("events", []) if isinstance(event, str)]
    assert [e for e in report.events if e.get("type") != "property_ignored"] == [e for e in events if e]
    assert [e["property"] for e in report.events if e.get("type") == "property_ignored"] == names


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case["id"])
def test_published_zigbee2mqtt_message_means_what_it_means(case: dict[str, Any]) -> None:
    meaning = case["meaning"]
    codec = CODECS["zigbee2mqtt"](prefix=case["topic"].split("/")[0])
    packet = Packet(case["topic"], payload_of(case), retained=case.get("retain", False))
    reports = codec.decode(packet, None).reports
    assert len(reports) <= 1
    said = values(reports[0]) if reports else {}
    assert said == meaning["readings"]
    assert not set(meaning.get("must_not", [])) & said.keys()
    assert [event for report in reports for event in report.events] == meaning.get("events", [])
    assert [r.measured_at for r in reports if r.measured_at] == (
        [instant(meaning["time"])] if "time" in meaning else []
    )
    if "device" in meaning:
        assert reports[0].device == meaning["device"]
    elif reports and case["topic"].split("/")[1] != "bridge":
        assert reports[0].device == case["topic"].partition("/")[2]


@pytest.mark.parametrize("case", NATIVE, ids=lambda case: case["id"])
def test_native(case: dict[str, Any]) -> None:
    codec = CODECS["native"](prefix="anlian/v1/demo")
    check_case(codec.decode, case, case["topic"], None)


def check_case(decode: Any, case: dict[str, Any], topic: str, context: Any) -> None:
    packet = Packet(topic, payload_of(case))
    if "error" in case:
        with pytest.raises(DecodeError) as caught:
            decode(packet, context)
        assert case["error"] in str(caught.value)
        assert len(caught.value.found) <= 80
        return
    decoded: Decoded = decode(packet, context)
    assert len(decoded.reports) == len(case["reports"])
    for report, wanted in zip(decoded.reports, case["reports"], strict=True):
        check_report(report, wanted)


@pytest.fixture(scope="module")
def known() -> Any:
    codec = Zigbee2Mqtt(MORE["prefix"])
    decoded = codec.decode(Packet(MORE["prefix"] + "/bridge/devices", json.dumps(MORE["definitions"]).encode()), None)
    assert decoded.reports == ()
    return decoded.context


@pytest.mark.parametrize("case", MORE["cases"], ids=lambda case: case["id"])
def test_zigbee2mqtt_by_its_definitions(case: dict[str, Any], known: Any) -> None:
    codec = Zigbee2Mqtt(MORE["prefix"])
    check_case(codec.decode, case, f"{MORE['prefix']}/{case['topic']}", known if case["known"] else None)


def model_context(model: dict[str, Any]) -> Any:
    exposes = [{"access": 1, "value_off": opposite(e.get("value_on")), **e} for e in model["exposes"]]
    definition = {"model": model["model"], "vendor": "", "description": "", "exposes": exposes}
    entry = {"friendly_name": "d", "ieee_address": "0x1", "type": "EndDevice", "definition": definition}
    return Zigbee2Mqtt().decode(Packet("zigbee2mqtt/bridge/devices", json.dumps([entry]).encode()), None).context


def opposite(on: Any) -> Any:
    return {True: False, "ON": "OFF", "OPEN": "CLOSE"}.get(on, False)


ALARMS = [(model, *alarm) for model in MODELS for alarm in model.get("alarms", [])]


@pytest.mark.parametrize(
    ("model", "prop", "value", "point"), ALARMS, ids=[f"{m['model']}-{p}" for m, p, _, _ in ALARMS]
)
def test_alarm_value_of_every_safety_model_raises_its_point(
    model: dict[str, Any], prop: str, value: Any, point: str
) -> None:
    context = model_context(model)
    packet = Packet("zigbee2mqtt/d", json.dumps({prop: value, "linkquality": 80}).encode())
    for remembered in (context, None):
        if prop == "gas" and remembered is None and not isinstance(value, bool):
            continue
        said = values(Zigbee2Mqtt().decode(packet, remembered).reports[0])
        assert {p: v for p, v in said.items() if p in DANGERS} == {point: True}
    quiet = {
        p: False if isinstance(v, bool) else "OFF" for p, v, _ in model["alarms"] if isinstance(v, bool) or v == "ON"
    }
    if len(quiet) == len(model["alarms"]):
        clear = Zigbee2Mqtt().decode(Packet("zigbee2mqtt/d", json.dumps(quiet).encode()), context).reports[0]
        assert values(clear) == dict.fromkeys({p for _, _, p in model["alarms"]}, False)


QUIET_MODELS = [model for model in MODELS if "alarms" not in model]


@pytest.mark.parametrize("model", QUIET_MODELS, ids=[m["model"] for m in QUIET_MODELS])
def test_settings_and_meters_of_other_models_are_never_an_alarm(model: dict[str, Any]) -> None:
    state = {
        e["property"]: e.get("value_on", e["values"][0] if "values" in e else 99 if e["type"] == "numeric" else "on")
        for e in model["exposes"]
    }
    said = values(
        Zigbee2Mqtt().decode(Packet("zigbee2mqtt/d", json.dumps(state).encode()), model_context(model)).reports[0]
    )
    assert not DANGERS & said.keys()


def test_a_suspected_fall_ends_when_the_radar_says_normal(known: Any) -> None:
    codec = Zigbee2Mqtt(MORE["prefix"])

    def say(word: str, context: Any) -> Decoded:
        return codec.decode(Packet(f"{MORE['prefix']}/fall", json.dumps({"fall_status": word}).encode()), context)

    quiet = say("normal", known)
    assert values(quiet.reports[0]) == {"fall.alarm": False}
    assert quiet.context is known
    suspected = say("fall_warning", quiet.context)
    assert say("fall_warning", suspected.context).context is suspected.context
    over = say("normal", suspected.context)
    assert values(over.reports[0]) == {"fall.alarm": False, "fall.suspected": False}
    assert over.context.suspected == frozenset()
    fallen = say("fall_alarm", suspected.context)
    assert values(fallen.reports[0]) == {"fall.alarm": True, "fall.suspected": False}


def test_the_memory_of_suspected_falls_is_bounded() -> None:
    codec, context = Zigbee2Mqtt(), None
    for n in range(1100):
        packet = Packet(f"zigbee2mqtt/radar-{n}", b'{"fall_status":"fall_warning"}')
        decoded = codec.decode(packet, context)
        context = decoded.context
        assert values(decoded.reports[0]) == {"fall.suspected": True}
    assert len(context.suspected) == 1024


def test_context_is_kept_as_it_is_by_every_packet_that_publishes_nothing(known: Any) -> None:
    codec = Zigbee2Mqtt(MORE["prefix"])
    for topic, payload in (("pir", b'{"occupancy":true}'), ("bridge/state", b"online"), ("x/availability", b"online")):
        assert codec.decode(Packet(f"{MORE['prefix']}/{topic}", payload), known).context is known


def test_groups_are_no_devices(known: Any) -> None:
    codec = Zigbee2Mqtt(MORE["prefix"])
    groups = json.dumps([{"id": 1, "friendly_name": "all lamps", "members": []}]).encode()
    context = codec.decode(Packet(f"{MORE['prefix']}/bridge/groups", groups), known).context
    assert context.devices == known.devices
    for topic, payload in (
        ("all lamps", b'{"state":"ON"}'),
        ("all lamps/state", b"ON"),
        ("all lamps/availability", b"online"),
    ):
        assert codec.decode(Packet(f"{MORE['prefix']}/{topic}", payload), context).reports == ()


def test_commissioning_list(known: Any) -> None:
    listed = published_devices(known)
    assert "Coordinator" not in listed
    smoke = listed["二楼/201 烟感"]
    assert (smoke.ieee, smoke.model, smoke.vendor, smoke.description) == (
        "0x00158d0000000001",
        "HS1SA-E",
        "Heiman",
        "Smoke detector",
    )
    assert published_devices(None) == {}


def test_a_new_list_replaces_the_old_one(known: Any) -> None:
    codec = Zigbee2Mqtt(MORE["prefix"])
    context = codec.decode(Packet(f"{MORE['prefix']}/bridge/devices", b"[]"), known).context
    assert published_devices(context) == {}


def test_prefix_and_subscriptions() -> None:
    assert Zigbee2Mqtt("h/home1/zigbee2mqtt").subscriptions == ("h/home1/zigbee2mqtt/#",)
    assert CODECS["native"](prefix="anlian/v1/demo").subscriptions == (
        "anlian/v1/demo/+/telemetry",
        "anlian/v1/demo/+/status",
    )
    for topic in ("h/home2/zigbee2mqtt/x", "h/home1/zigbee2mqtt", "h/home1/zigbee2mqtt/", "h/home1/zigbee2mqttx/a"):
        with pytest.raises(DecodeError, match="topic: expected a topic below"):
            Zigbee2Mqtt("h/home1/zigbee2mqtt").decode(Packet(topic, b"{}"), None)
