"""A seeded mutator of real packets: whatever comes, a codec answers with reports or with DecodeError, nothing else.

`python -m tests.fuzz_codecs --packets 1000000 --seed 7` runs as many as asked for and prints what came out.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from devices.catalog import CODECS
from devices.codec import Codec, DecodeError, Packet
from devices.reading import Kind, Report, find_point

EXAMPLES = Path(__file__).parents[1] / "devices" / "examples"
STRANGE: tuple[Any, ...] = (
    None,
    True,
    False,
    "",
    "ON",
    "0_02",
    "1e999",
    "NaN",
    "火警",
    "²",
    "\x00",
    " ",
    0,
    -1,
    1e308,
    -1e308,
    10**30,
    10**400,
    -(10**400),
    5e-324,
    65535,
    327.67,
    [],
    [None],
    {},
    {"value": 1},
    {"status": "online"},
    "x" * 5000,
    ["a"] * 50,
)
DEEP = b"[" * 3000
MANY_DIGITS = b"9" * 5000
"""A number that Python refuses to turn into an integer (4,300 digits)."""

NUMBER = re.compile(rb"(?<![\w.\"])-?\d+(?:\.\d+)?")


class Corpus:
    """Packets to mutate: (codec's name, prefix, topic, payload), and the contexts that they are read in."""

    def __init__(self) -> None:
        more = json.loads((EXAMPLES / "zigbee2mqtt_more.json").read_text())
        self.prefix = more["prefix"]
        self.codecs: dict[str, Codec] = {
            "zigbee2mqtt": CODECS["zigbee2mqtt"](prefix=self.prefix),
            "native": CODECS["native"](prefix="anlian/v1/demo"),
        }
        listed = json.dumps(more["definitions"]).encode()
        topic = f"{self.prefix}/bridge/devices"
        self.known = self.codecs["zigbee2mqtt"].decode(Packet(topic, listed), None).context
        self.packets: list[tuple[str, str, bytes]] = [("zigbee2mqtt", topic, listed)]
        for case in more["cases"]:
            self.packets.append(("zigbee2mqtt", f"{self.prefix}/{case['topic']}", _payload(case)))
        for case in json.loads((EXAMPLES / "zigbee2mqtt.json").read_text()):
            topic = f"{self.prefix}/{case['topic'].partition('/')[2]}"
            self.packets.append(("zigbee2mqtt", topic, _payload(case)))
        for case in json.loads((EXAMPLES / "native.json").read_text())["cases"]:
            self.packets.append(("native", case["topic"], _payload(case)))
        for name in ("lorawan", "sparkplug", "thingsboard"):
            self.codecs[name] = CODECS[name](prefix="")
            for case in json.loads((EXAMPLES / f"{name}.json").read_text()):
                inner = case["payload"] if "base64" in case["payload"] else case
                self.packets.append((name, case["topic"], _payload(inner)))
        for case in json.loads((EXAMPLES / "lorawan_more.json").read_text()):
            frame = base64.b64encode(bytes.fromhex(case.get("frame", ""))).decode()
            device = {"devEui": "24e1240000000001", "deviceProfileName": case.get("model", "")}
            said = {"deviceInfo": device, "fPort": 85, "data": frame, "object": case.get("object")}
            self.packets.append(("lorawan", "application/a/device/1/event/up", json.dumps(said).encode()))
        for case in json.loads((EXAMPLES / "cn_more.json").read_text()):
            self.codecs.setdefault(case["codec"], CODECS[case["codec"]](prefix=""))
            self.packets.append((case["codec"], case["topic"], _payload(case)))
        for case in json.loads((EXAMPLES / "video_more.json").read_text())["cases"]:
            self.codecs.setdefault(case["codec"], CODECS[case["codec"]]())
            self.packets.append((case["codec"], case["topic"], _payload(case)))
        self.contexts: dict[str, Any] = {}
        for case in json.loads((EXAMPLES / "market_more.json").read_text())["cases"]:
            if "prefix" not in case:
                codec = self.codecs.setdefault(case["codec"], CODECS[case["codec"]](prefix=""))
                self.contexts[case["codec"]] = after(codec, case, self.contexts.get(case["codec"]))
                self.packets.append((case["codec"], case["topic"], _payload(case)))


def after(codec: Codec, case: dict[str, Any], context: Any = None) -> Any:
    """The context after the packets that a case says came before it."""
    for topic, payload in case.get("after", ()):
        text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
        context = codec.decode(Packet(topic, text.encode()), context).context
    return context


def _payload(case: dict[str, Any]) -> bytes:
    if "base64" in case:
        return base64.b64decode(case["base64"])
    return case["payload"].encode() if isinstance(case["payload"], str) else json.dumps(case["payload"]).encode()


def mutate(payload: bytes, chance: random.Random) -> bytes:
    """One of the ways in which a payload goes wrong."""
    match chance.randrange(8):
        case 0:
            return payload[: chance.randrange(len(payload) + 1)]
        case 1:
            position = chance.randrange(len(payload) + 1)
            return payload[:position] + chance.randbytes(chance.randrange(1, 9)) + payload[position:]
        case 2:
            flipped = bytearray(payload)
            for _ in range(min(len(flipped), chance.randrange(1, 5))):
                flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
            return bytes(flipped)
        case 3:
            return chance.randbytes(chance.randrange(64))
        case 4:
            return payload + payload[: chance.randrange(len(payload) + 1)]
        case 5 if chance.random() < 0.02:
            return DEEP
        case 5 if chance.random() < 0.05:
            numbers = list(NUMBER.finditer(payload))
            if numbers:
                number = chance.choice(numbers)
                return payload[: number.start()] + MANY_DIGITS + payload[number.end() :]
            return payload
        case _:
            return _with_strange_values(payload, chance)


def _with_strange_values(payload: bytes, chance: random.Random) -> bytes:
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return payload.replace(b'"', b"'") if chance.random() < 0.5 else b'{"smoke":' + payload + b"}"
    for _ in range(chance.randrange(1, 4)):
        said = _swapped(said, chance)
    return json.dumps(said).encode()


def _swapped(said: Any, chance: random.Random) -> Any:
    """The value with one part of it, at any depth, replaced by something strange."""
    if isinstance(said, dict) and said and chance.random() < 0.9:
        key = chance.choice(sorted(said))
        return {**said, key: _swapped(said[key], chance)}
    if isinstance(said, list) and said and chance.random() < 0.9:
        position = chance.randrange(len(said))
        return [*said[:position], _swapped(said[position], chance), *said[position + 1 :]]
    return chance.choice(STRANGE)


def check(report: Report) -> None:
    """What every report must be, wherever it came from."""
    for reading in report.readings:
        point = find_point(reading.point)
        assert point is not None, reading
        if point.kind is not Kind.STATE:
            assert type(reading.value) is float and math.isfinite(reading.value), reading
        elif reading.point == "button":
            assert isinstance(reading.value, str) and 0 < len(reading.value) <= 64, reading
        else:
            assert type(reading.value) is bool, reading
    assert len(report.events) <= 17
    assert report.measured_at is None or report.measured_at.tzinfo is not None
    msgspec.msgpack.encode(report)


def _smoke_is_true(payload: bytes) -> bool:
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("smoke") is True


def run(packets: int, seed: int, names: tuple[str, ...] = ()) -> Counter[str]:
    """Decode so many mutated packets (of these codecs only); any exception but DecodeError is a fault of a codec."""
    chance = random.Random(seed)
    corpus = Corpus()
    if names:
        corpus.packets = [packet for packet in corpus.packets if packet[0] in names]
    outcome: Counter[str] = Counter()
    for _ in range(packets):
        name, topic, payload = chance.choice(corpus.packets)
        if topic.endswith("bridge/devices") and chance.random() < 0.9:
            continue
        changed = mutate(payload, chance)
        if chance.random() < 0.05:
            topic = topic[: chance.randrange(len(topic) + 1)] + chance.choice(
                ("", "/", "//", "/set", "/smoke", "\U0001f525")
            )
        context = corpus.contexts.get(name, corpus.known) if chance.random() < 0.5 else None
        try:
            decoded = corpus.codecs[name].decode(Packet(topic, changed), context)
        except DecodeError as error:
            assert len(error.found) <= 80
            outcome["refused"] += 1
            continue
        for report in decoded.reports:
            check(report)
        if _smoke_is_true(changed) and topic == f"{corpus.prefix}/二楼/201 烟感":
            said = {(r.point, r.value) for report in decoded.reports for r in report.readings}
            assert ("smoke.alarm", True) in said, changed
            outcome["smoke"] += 1
        outcome["decoded" if decoded.reports else "nothing to report"] += 1
    return outcome


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--packets", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    for name, count in sorted(run(chosen.packets, chosen.seed).items()):
        print(f"{name}: {count}")


if __name__ == "__main__":
    main()
