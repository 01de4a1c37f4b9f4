"""Messages that describe devices may be longer than `payload_max`: the rest cannot be understood without them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from devices.catalog import CODECS
from devices.codec import Describing
from devices.virtual.sparkplug import VirtualEdgeNode
from gateway.inbox import Inbox
from gateway.metrics import Metrics
from gateway.receive.decode import DEVICE_LIST_MAX, Decoder, Route
from gateway.receive.inventory import Inventory
from rules.inputs import ReadingsArrived
from tests.deliver_world import ManualClock

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PAYLOAD_MAX = 1024


class Bench:
    """A decoder with a small limit, and what came of its packets."""

    def __init__(self, codec: str, prefix: str) -> None:
        self.inbox, self.metrics = Inbox(), Metrics()
        self.decoder = Decoder(Inventory(()), self.inbox, ManualClock(), self.metrics, PAYLOAD_MAX, lambda *_: None)
        self.route = Route("s", "home-a", prefix, CODECS[codec](prefix=prefix))

    def take(self, topic: str, payload: bytes) -> None:
        self.decoder.take(self.route, topic, payload, 1, False, None)

    def said(self) -> dict[str, Any]:
        inputs = [delivery.make(AT) for delivery in self.inbox.take(10)]
        return {
            reading.point: reading.value
            for one in inputs
            if isinstance(one, ReadingsArrived)
            for report in one.reports
            for reading in report.readings
        }


def long(said: Any) -> bytes:
    return json.dumps(said).encode() + b" " * PAYLOAD_MAX


SMOKE = {"property": "x", "name": "smoke", "type": "binary", "value_on": "FIRE", "value_off": "FINE", "access": 1}
DEFINITION = {"friendly_name": "d", "ieee_address": "0x1", "definition": {"model": "m", "exposes": [SMOKE]}}
PART = {"p": "binary_sensor", "dev_cla": "smoke", "stat_t": "h/d/state", "value_template": "{{ value_json.x }}"}
CASES = {
    "zigbee2mqtt": (
        "h/z",
        "h/z/bridge/devices",
        long([{**DEFINITION, "definition": {**DEFINITION["definition"], "exposes": [{**SMOKE, "property": "smoke"}]}}]),
        "h/z/d",
        b'{"smoke":"FIRE"}',
    ),
    "homeassistant": (
        "h",
        "h/homeassistant/device/d/config",
        long({"dev": {"ids": ["d"]}, "cmps": {"a": PART}, "o": {"name": "x"}}),
        "h/d/state",
        b'{"x":"ON"}',
    ),
}


@pytest.mark.parametrize("codec", CASES)
def test_a_long_description_is_read_and_gives_the_next_message_its_meaning(codec: str) -> None:
    prefix, topic, description, state_topic, state = CASES[codec]
    assert len(description) > PAYLOAD_MAX
    bench = Bench(codec, prefix)
    bench.take(topic, description)
    bench.take(state_topic, state)
    assert bench.said() == {"smoke.alarm": True}
    assert bench.metrics.oversized == 0


def test_a_long_birth_is_read() -> None:
    node = VirtualEdgeNode()
    many: dict[str, bool | float | int | str | None] = {f"metric number {n}": 0.5 for n in range(100)}
    sent = [node.birth(AT, many), node.device_birth(AT, "d", {**many, "Smoke Alarm": False})]
    sent.append(node.data(AT, "d", {"Smoke Alarm": True}))
    bench = Bench("sparkplug", "")
    for one in sent:
        bench.take(one.topic, one.payload)
    assert min(len(one.payload) for one in sent[:2]) > PAYLOAD_MAX
    assert bench.said()["smoke.alarm"] is True
    assert bench.metrics.oversized == 0


@pytest.mark.parametrize(
    ("codec", "prefix", "topic"),
    [
        ("zigbee2mqtt", "z", "z/d"),
        ("zigbee2mqtt", "z", "z/d/bridge/devices"),
        ("homeassistant", "h", "h/d/state"),
        ("homeassistant", "h", "h/d/config"),
        ("sparkplug", "", "spBv1.0/g/DDATA/n/NBIRTH"),
        ("zwavejs", "zwave", "zwave/n/113/0/Smoke_Alarm/Sensor_status"),
        ("tasmota", "", "tele/d/SENSOR"),
    ],
)
def test_a_long_state_is_refused(codec: str, prefix: str, topic: str) -> None:
    bench = Bench(codec, prefix)
    bench.take(topic, b" " * (PAYLOAD_MAX + 1))
    assert bench.metrics.oversized == 1


@pytest.mark.parametrize("codec", CASES)
def test_even_a_description_has_a_limit(codec: str) -> None:
    prefix, topic, description, _, _ = CASES[codec]
    bench = Bench(codec, prefix)
    bench.take(topic, description + b" " * DEVICE_LIST_MAX)
    assert bench.metrics.oversized == 1


@pytest.mark.parametrize("topic", ["zwave/_CLIENTS/g/api/getNodes", "zwave/n/nodeinfo"])
def test_long_bookkeeping_of_z_wave_is_no_trouble(topic: str) -> None:
    bench = Bench("zwavejs", "zwave")
    bench.take(topic, b"{" * (PAYLOAD_MAX + 1))
    assert (bench.metrics.oversized, bench.metrics.without_content, bench.inbox.depth) == (0, 1, 0)
    assert isinstance(bench.route.codec, Describing)
