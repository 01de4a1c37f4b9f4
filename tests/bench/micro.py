"""What single parts cost against `json.loads` of the same bytes, and how cost grows with rules and devices."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

from devices.codec import Packet
from devices.native import Native
from devices.reading import Report
from devices.virtual import VirtualPacket
from devices.virtual.mix import load_devices
from devices.zigbee2mqtt import Zigbee2Mqtt
from gateway.inbox import Inbox
from gateway.load import Configuration, load
from gateway.metrics import Metrics
from gateway.receive.decode import Decoder, Route
from gateway.receive.inventory import Inventory
from rules.alarm import Category
from rules.condition import Above
from rules.engine import Engine
from rules.inputs import ReadingsArrived
from rules.rule import Rule, Select
from rules.text import Text
from tests.bench import packets, scale
from tests.bench.machine import median
from tests.bench.plant import HOME, Gateway
from tests.bench.rows import Row
from tests.bench.setting import AT, PART, POINTS, Still, engine_of_rules, idle_site, least_ns, said, steps

_SPREAD = 5_000
_BYTES_MAX = 1536


def _against(
    one: Callable[[], object], other: Callable[[], object], count: int, rounds: int
) -> tuple[float, float, float]:
    """The median ratio of alternating measurements, and both costs in ns."""
    pairs = [(least_ns(one, count, 3), least_ns(other, count, 3)) for _ in range(rounds)]
    return median([a / b for a, b in pairs]), median([a for a, _ in pairs]), median([b for _, b in pairs])


class Decoding:
    """The load's packets, decoded as the gateway decodes them."""

    def __init__(self, gateway: Gateway, count: int) -> None:
        self._codecs = {"h": Zigbee2Mqtt(f"h/{HOME}/zigbee2mqtt"), "a": Native(f"anlian/v1/{HOME}")}
        bridge = Packet(f"h/{HOME}/zigbee2mqtt/bridge/devices", gateway.definitions())
        self._context = self._codecs["h"].decode(bridge, None).context
        self.packets = packets.mix(480, count)
        self.zigbee = [packet for packet in self.packets if packet.topic.startswith("h/")]

    def reports(self, chosen: Sequence[VirtualPacket]) -> list[tuple[Report, ...]]:
        """What these packets say."""
        context, codecs = self._context, self._codecs
        return [codecs[p.topic[0]].decode(Packet(p.topic, p.payload, 1), context).reports for p in chosen]

    def inputs(self) -> list[ReadingsArrived]:
        """What the engine gets of them."""
        return [ReadingsArrived(at=AT, source="load", reports=said) for said in self.reports(self.packets)]


def _loads(chosen: Sequence[VirtualPacket]) -> None:
    for packet in chosen:
        json.loads(packet.payload)


def _elsewhere(count: int) -> list[Rule]:
    """One rule on the load, and others on devices that say nothing."""
    return [
        Rule(
            id=f"r-{n}",
            title=Text(f"r-{n}"),
            category=Category.SUPERVISORY,
            condition=Above(point="temperature", limit=90.0),
            select=Select(kinds=("climate",)) if n == 0 else Select(devices=(f"d-{1000 + n % 1000}",)),
        )
        for n in range(count)
    ]


def measure(folder: Path, *, count: int, rounds: int, many: int, say: Callable[[str], None]) -> list[Row]:
    """All parts. `many` devices stand for 100,000 in a quick run."""
    gateway = Gateway(folder, 1, None, devices=480)
    configuration = load(gateway.settings)
    decoding = Decoding(gateway, count)
    rows = [*_decode_rows(decoding, rounds), *_step_rows(decoding, configuration, rounds)]
    say(f"parts: decode {rows[0].value:.1f} x json.loads, step {rows[1].value:.1f} x json.loads")
    rows += [_rules_row(rounds), _devices_row(rounds, many)]
    say(f"growth: rules {rows[2].value:.2f} x, devices {rows[3].value:.2f} x")
    rows.append(_memory_row(configuration))
    rows += [scale.many_rules_row(rounds), scale.restore_row(many, rounds)]
    say(f"scale: {scale.RULES} rules on one stream {rows[-2].value:.0f} % of a core, restore {rows[-1].value:.1f} s")
    return rows


def _decode_rows(decoding: Decoding, rounds: int) -> list[Row]:
    chosen = decoding.zigbee
    ratio, ours, theirs = _against(lambda: decoding.reports(chosen), lambda: _loads(chosen), len(chosen), rounds)
    return [
        Row(
            part=PART,
            name="Decoding a Zigbee2MQTT packet",
            means="Cost of turning the bytes into readings, as a multiple of merely parsing their JSON.",
            value=ratio,
            unit="x json.loads",
            budget=6.0,
            measured=f"{ours / 1e3:.1f} us against {theirs / 1e3:.1f} us; {len(load_devices(480))} devices",
        )
    ]


def _step_rows(decoding: Decoding, configuration: Configuration, rounds: int) -> list[Row]:
    engine = engine_of_rules(configuration.sites[0], configuration.rules)
    inputs = decoding.inputs()
    steps(engine, inputs)
    raised = len(engine.alarms)
    ratio, ours, theirs = _against(
        lambda: steps(engine, inputs), lambda: _loads(decoding.packets), len(inputs), rounds
    )
    if len(engine.alarms) != raised:
        raise AssertionError("the load changed alarms: this would not measure what it says")
    return [
        Row(
            part=PART,
            name="Deciding a packet",
            means=f"Cost of one step of the engine with {len(configuration.rules)} rules where no alarm changes.",
            value=ratio,
            unit="x json.loads",
            budget=6.0,
            measured=f"{ours / 1e3:.1f} us against {theirs / 1e3:.1f} us",
        )
    ]


Case = tuple[Engine, list[ReadingsArrived]]


def _growth(small: Case, large: Case, rounds: int) -> Row:
    for engine, inputs in (small, large):
        steps(engine, inputs)
    pairs = []
    for _ in range(rounds):
        costs = [least_ns(lambda e=e, i=i: steps(e, i), len(i), 4) for e, i in (large, small)]
        pairs.append((costs[0], costs[1]))
    measured = f"{median([b for _, b in pairs]) / 1e3:.2f} us becomes {median([a for a, _ in pairs]) / 1e3:.2f} us"
    return Row(part=PART, name="", means="", value=median([a / b for a, b in pairs]), unit="x", measured=measured)


def _rules_row(rounds: int) -> Row:
    site = idle_site(2_000)
    inputs = [said(f"d-{n}", turn) for turn in range(2) for n in range(1_000)]
    few, many = (engine_of_rules(site, _elsewhere(count)) for count in (1, 8_000))
    grown = _growth((few, inputs), (many, inputs), rounds)
    return Row(
        part=PART,
        name="From 1 to 8,000 rules",
        means="How much dearer a packet becomes when 8,000 rules watch other devices.",
        value=grown.value,
        unit="x",
        budget=1.3,
        measured=grown.measured,
    )


class _Home:
    """Everything that a packet passes from its bytes to its decision, in a home with many devices."""

    def __init__(self, devices: int) -> None:
        site = idle_site(devices)
        self._engine = engine_of_rules(site, _elsewhere(1))
        self._inbox = Inbox()
        self._decoder = Decoder(Inventory([site]), self._inbox, Still(), Metrics(), 4096, lambda *_: None)
        self._route = Route("native", HOME, f"anlian/v1/{HOME}", Native(f"anlian/v1/{HOME}"))
        step = max(1, devices // _SPREAD)
        self.packets = [_telemetry(n * step % devices, n) for n in range(2 * _SPREAD)]

    def pass_all(self) -> None:
        """Decode every packet, find its device, and decide it."""
        take, route, step = self._decoder.take, self._route, self._engine.step
        for topic, payload in self.packets:
            take(route, topic, payload, 1, False, None)
            (delivery,) = self._inbox.take(1)
            step(delivery.make(AT))


def _telemetry(device: int, turn: int) -> tuple[str, bytes]:
    points = {point: level + turn % 64 / 64 for point, level in POINTS.items()}
    return f"anlian/v1/{HOME}/d-{device}/telemetry", json.dumps({"points": points}).encode()


def _devices_row(rounds: int, many: int) -> Row:
    few, full = _Home(100), _Home(many)
    ratio, ours, theirs = _against(full.pass_all, few.pass_all, 2 * _SPREAD, rounds)
    return Row(
        part=PART,
        name="From 100 to many devices",
        means="How much dearer a packet becomes, from its bytes to its decision, with many more devices, 5,000 of them "
        "speaking.",
        value=ratio,
        unit="x",
        budget=1.5,
        measured=f"{many:,} devices: {theirs / 1e3:.1f} us becomes {ours / 1e3:.1f} us",
    )


def _memory_row(configuration: Configuration, devices: int = 2_000) -> Row:
    """Everything that grows with a device: its place in the site, the inventory, and the engine with its rules."""
    reports = [said(f"d-{n}", 0) for n in range(devices)]
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        site = idle_site(devices)
        in_site = tracemalloc.get_traced_memory()[0]
        inventory = Inventory([site])
        engine = engine_of_rules(site, configuration.rules)
        steps(engine, reports)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    if engine.alarms:
        raise AssertionError("an idle device has an alarm: this would not measure what it says")
    each, configured = (after - before) / devices, (in_site - before) / devices
    assert inventory.find("native", "d-0") is not None and len(engine.devices) == devices
    return Row(
        part=PART,
        name="Memory of an idle device",
        means="Bytes that a device with 6 points takes: its entry in the site, in the inventory and in the engine.",
        value=each,
        unit="bytes",
        budget=_BYTES_MAX,
        measured=f"{configured:.0f} of them its entry in the site file",
    )
