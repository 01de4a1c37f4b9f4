"""What decoding costs beside `json.loads` of the same bytes: 6 times at most, as a ratio in one run."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable

import pytest

from devices.catalog import CODECS
from devices.codec import Packet
from devices.virtual import load_definitions, load_mix

PACKETS = [Packet(sent.topic, sent.payload) for sent in itertools.islice(load_mix(60), 1200)]


def fastest(work: Callable[[], None]) -> float:
    durations = []
    for _ in range(7):
        began = time.perf_counter()
        work()
        durations.append(time.perf_counter() - began)
    return min(durations)


@pytest.mark.parametrize(("codec", "prefix"), [("zigbee2mqtt", "h/load/zigbee2mqtt"), ("native", "anlian/v1/load")])
@pytest.mark.timed
def test_decoding_costs_at_most_six_times_json_loads(codec: str, prefix: str) -> None:
    reader = CODECS[codec](prefix=prefix)
    packets = [packet for packet in PACKETS if packet.topic.startswith(prefix)]
    listed = load_definitions(60)
    context = reader.decode(Packet(listed.topic, listed.payload), None).context if codec == "zigbee2mqtt" else None

    def decode() -> None:
        for packet in packets:
            reader.decode(packet, context)

    def load() -> None:
        for packet in packets:
            json.loads(packet.payload)

    assert len(packets) >= 400
    assert fastest(decode) <= 6 * fastest(load)
