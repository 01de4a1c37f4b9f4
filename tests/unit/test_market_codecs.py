"""Tasmota, Shelly, ESPHome, Home Assistant discovery, ring-mqtt, Z-Wave JS UI, rtl_433, Devtank: what packets mean."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from devices.catalog import CODECS
from devices.codec import DecodeError, Packet
from devices.virtual.market import ECOSYSTEMS, stream
from tests.fuzz_codecs import after, mutate
from tests.unit.test_codec_vectors import EXAMPLES, check_case, payload_of, values

CODEC_OF = {
    "tasmota": "tasmota",
    "shelly-gen1": "shelly",
    "shelly-gen2": "shelly",
    "esphome": "esphome",
    "homeassistant-discovery": "homeassistant",
    "ring-mqtt": "ring",
    "rtl_433": "rtl433",
    "custom-json": "devtank",
}
FILES = ("tasmota", "shelly", "esphome", "homeassistant", "other_mqtt")
PUBLISHED = [case for name in FILES for case in json.loads((EXAMPLES / f"{name}.json").read_text())]
MORE = json.loads((EXAMPLES / "market_more.json").read_text())["cases"]
MARKET = (*dict.fromkeys(CODEC_OF.values()), "zwavejs")

DOCUMENTED = {
    "ha-docs-window-open": {
        "state_topic": "home-assistant/window/contact",
        "availability": [{"topic": "home-assistant/window/availability"}],
        "device_class": "opening",
        "value_template": "{{ value_json.state }}",
    },
    "espeasy-button": {
        "state_topic": "home/bathroom/switch/button",
        "availability": [
            {
                "topic": "home/bathroom/status",
                "payload_available": "Connected",
                "payload_not_available": "Connection Lost",
            }
        ],
        "payload_on": "1",
        "payload_off": "0",
    },
}
"""The configurations that the documentation shows above these states, as a device would announce them."""

DOCUMENTED["ha-docs-window-avail"] = DOCUMENTED["ha-docs-window-open"]
DOCUMENTED["espeasy-status"] = DOCUMENTED["espeasy-button"]


def context_of(codec: Any, case: dict[str, Any]) -> Any:
    if case["id"] not in DOCUMENTED:
        return None
    announced = json.dumps(DOCUMENTED[case["id"]]).encode()
    return codec.decode(Packet("homeassistant/binary_sensor/x/config", announced), None).context


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case["id"])
def test_published_message_means_what_it_means(case: dict[str, Any]) -> None:
    meaning = case["meaning"]
    name = CODEC_OF[case["ecosystem"]]
    codec = CODECS[name](prefix="")
    packet = Packet(case["topic"], payload_of(case), retained=case.get("retain", False))
    reports = codec.decode(packet, context_of(codec, case)).reports
    many = [event for event in meaning.get("events", []) if "readings" in event]
    if many:
        assert {r.device: values(r) for r in reports} == {event["device"]: event["readings"] for event in many}
        return
    assert len(reports) == 1
    said = values(reports[0])
    wanted = {point: "pressed" if point == "button" else value for point, value in meaning["readings"].items()}
    assert said == wanted
    assert not set(meaning.get("must_not", [])) & said.keys()
    assert list(reports[0].events) == meaning.get("events", [])
    if "device" in meaning:
        assert reports[0].device == meaning["device"]
    measured_at = reports[0].measured_at
    assert (measured_at.isoformat().replace("+00:00", "Z") if measured_at else None) == meaning.get("time")


@pytest.mark.parametrize("case", MORE, ids=lambda case: case["id"])
def test_message(case: dict[str, Any]) -> None:
    codec = CODECS[case["codec"]](**({"prefix": case["prefix"]} if "prefix" in case else {"prefix": ""}))
    check_case(codec.decode, case, case["topic"], after(codec, case))


ALL = [(CODEC_OF[case["ecosystem"]], case) for case in PUBLISHED] + [(case["codec"], case) for case in MORE]


@pytest.mark.parametrize(("name", "case"), ALL, ids=[case["id"] for _, case in ALL])
def test_malformed_variants_raise_decode_error_only(name: str, case: dict[str, Any]) -> None:
    codec = CODECS[name](prefix=case.get("prefix", ""))
    context = after(codec, case) if "after" in case else context_of(codec, case)
    payload, chance = payload_of(case), random.Random(case["id"])
    refused = 0
    for broken in (
        payload[:-1],
        b"\xff" + payload,
        b"[" * 3000,
        b"\x00",
        *(mutate(payload, chance) for _ in range(60)),
    ):
        try:
            codec.decode(Packet(case["topic"], broken), context)
        except DecodeError as error:
            refused += 1
            assert error.field and error.expected and len(error.found) <= 80
    if payload[:1] == b"{" and case.get("reports"):
        assert refused, "no broken packet was refused"


@pytest.mark.parametrize("name", MARKET)
def test_a_topic_outside_the_prefix_is_refused(name: str) -> None:
    codec = CODECS[name](prefix="h/home1")
    assert all(topic.startswith("h/home1/") for topic in codec.subscriptions)
    for topic in ("h/home2/x/status", "h/home1"):
        with pytest.raises(DecodeError, match="topic: expected a topic below h/home1/"):
            codec.decode(Packet(topic, b"{}"), None)


@pytest.mark.parametrize("name", [name for name in MARKET if name not in ("ring", "esphome")])
@pytest.mark.timed
def test_decoding_costs_at_most_six_times_json_loads(name: str) -> None:
    codec = CODECS[name](prefix="")
    cases = [case for codec_name, case in ALL if codec_name == name and "error" not in case and "prefix" not in case]
    packets = [
        (Packet(case["topic"], payload_of(case)), after(codec, case) if "after" in case else context_of(codec, case))
        for case in cases
        if isinstance(case["payload"], dict) and not case["topic"].endswith("/config")
    ]

    def decode() -> None:
        for packet, context in packets:
            codec.decode(packet, context)

    def load() -> None:
        for packet, _ in packets:
            json.loads(packet.payload)

    assert packets
    assert cheapest(decode) <= 6 * cheapest(load)


def cheapest(work: Any) -> float:
    durations = []
    for _ in range(25):
        began = time.perf_counter()
        work()
        durations.append(time.perf_counter() - began)
    return min(durations)


@pytest.mark.parametrize("prefix", ["", "h/home1"])
@pytest.mark.parametrize("name", sorted(ECOSYSTEMS))
def test_virtual_devices_are_read_as_they_were_meant(name: str, prefix: str) -> None:
    where = {"prefix": prefix} if prefix else {}
    codec = CODECS[name](**where)
    context: Any = None
    said_true: set[str] = set()
    for sent in stream(name, 7, datetime(2026, 3, 1, tzinfo=UTC), 40, **where):
        packet = Packet(sent.packet.topic, sent.packet.payload, sent.packet.qos, sent.packet.retained)
        decoded = codec.decode(packet, context)
        context = decoded.context
        assert {report.device: values(report) for report in decoded.reports} == sent.meant, packet
        said_true |= {p for readings in sent.meant.values() for p, value in readings.items() if value is True}
    alarms = {"tasmota": "fire.alarm", "shelly": "gas.alarm", "esphome": "fall.alarm", "ring": "co.alarm"}
    assert name not in alarms or alarms[name] in said_true


def test_virtual_devices_are_a_function_of_seed_and_time() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    for name in ECOSYSTEMS:
        assert list(stream(name, 1, at, 12)) == list(stream(name, 1, at, 12))
        assert list(stream(name, 1, at, 12)) != list(stream(name, 2, at, 12))
