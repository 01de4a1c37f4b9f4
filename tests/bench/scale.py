"""Many rules on one stream, and a large home that starts again: what grows with a home, measured in this process."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Sequence
from datetime import timedelta

from devices.native import Native
from devices.reading import Reading, Report
from gateway.boot import engine_of
from gateway.inbox import Inbox
from gateway.metrics import Metrics
from gateway.receive.decode import Decoder, Route
from gateway.receive.inventory import Inventory
from rules.alarm import Category
from rules.condition import Above
from rules.inputs import ReadingsArrived
from rules.rule import Rule
from rules.text import Text
from tests.bench.machine import median
from tests.bench.plant import HOME
from tests.bench.rows import Row
from tests.bench.setting import AT, PART, Still, engine_of_rules, idle_site, least_ns, said, steps

RULES = 300
MESSAGES_A_SECOND = 500
CORE_SHARE_MAX = 50.0
"""eKuiper's shape: 300 rules that all read one stream of 500 messages a second are 150,000 evaluations a second."""

RESTORE_S_MAX = 3.0
PENDING = 10_000


def many_rules_row(rounds: int, messages: int = 500) -> Row:
    """The share of a core that a stream takes which every rule reads, from the bytes to the decision."""
    site = idle_site(1)
    engine = engine_of_rules(site, [_above(f"r-{n}", 60.0 + n / 10) for n in range(RULES)])
    inbox = Inbox()
    decoder = Decoder(Inventory([site]), inbox, Still(), Metrics(), 4096, lambda *_: None)
    route = Route("native", HOME, f"anlian/v1/{HOME}", Native(f"anlian/v1/{HOME}"))
    topic = f"anlian/v1/{HOME}/d-0/telemetry"
    # No value equals the one before it: a reading that says the same again is not even evaluated.
    payloads = [json.dumps({"points": {"temperature": 20 + n % 640 / 64}}).encode() for n in range(messages)]

    def decide() -> None:
        for payload in payloads:
            decoder.take(route, topic, payload, 1, False, None)
            (delivery,) = inbox.take(1)
            engine.step(delivery.make(AT))

    decide()
    found = median([least_ns(decide, messages, 3) for _ in range(rounds)])
    if engine.alarms or len(engine.devices["d-0"].watch["temperature"]) < RULES:
        raise AssertionError("not every rule was asked and answered no: this would not measure what it says")
    return Row(
        part=PART,
        name=f"{RULES} rules on one stream",
        means=f"Share of one core that {MESSAGES_A_SECOND} messages a second take, every rule asked about each: "
        f"{RULES * MESSAGES_A_SECOND:,} evaluations a second.",
        value=found * MESSAGES_A_SECOND / 1e9 * 100,
        unit="%",
        budget=CORE_SHARE_MAX,
        measured=f"{found / 1e3:.0f} us a message, {found / RULES:.0f} ns an evaluation",
    )


def restore_row(devices: int, rounds: int) -> Row:
    """How long a home with many devices and pending deadlines takes to be as it was."""
    pending = PENDING * devices // 100_000
    engine = engine_of_rules(idle_site(devices), [_above("hot", 60.0, timedelta(minutes=5))])
    steps(engine, [said(f"d-{n}", 0) for n in range(devices)])
    steps(engine, [_hot(f"d-{n}") for n in range(pending)])
    body, waiting = engine.snapshot(), len(engine.deadlines.to_list())
    if waiting != devices + pending:
        raise AssertionError(f"{waiting} deadlines wait: this would not measure what it says")
    del engine
    seconds = []
    for _ in range(rounds):
        gc.collect()
        began = time.perf_counter()
        again = engine_of(body)
        seconds.append(time.perf_counter() - began)
        if again is None or len(again.deadlines.to_list()) != waiting:
            raise AssertionError("the restored engine is another one")
        del again
    return Row(
        part=PART,
        name="Restoring a large home",
        means="Time from the bytes of a snapshot to an engine that goes on, with every device and deadline.",
        value=median(seconds),
        unit="s",
        budget=RESTORE_S_MAX,
        measured=f"{devices:,} devices, {pending:,} delayed alarms, {waiting:,} deadlines, {len(body) / 1e6:.0f} MB",
    )


def _above(name: str, limit: float, raise_after: timedelta = timedelta(0)) -> Rule:
    return Rule(
        id=name,
        title=Text(name),
        category=Category.SUPERVISORY,
        condition=Above(point="temperature", limit=limit),
        raise_after=raise_after,
    )


def _hot(device: str) -> ReadingsArrived:
    readings: Sequence[Reading] = (Reading("temperature", 70.0),)
    return ReadingsArrived(at=AT, source="native", reports=(Report(device, tuple(readings)),))
