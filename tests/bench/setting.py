"""What measurements of single parts share: an instant, a home of idle devices, an engine, and how to take a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from devices.reading import Reading, Report
from rules.engine import Engine
from rules.inputs import ReadingsArrived, SiteChanged
from rules.rule import Rule
from rules.site import Device, Site, Zone
from rules.text import Text
from tests.bench.plant import HOME

PART = "Parts (one core, in one process; the least of many repetitions, so that other programs hardly count)"
AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
POINTS = {"temperature": 21, "humidity": 48, "battery": 80, "battery.voltage": 2.9, "lqi": 90, "rssi": -60}
"""What the idle device says: six points, none near any limit."""


def least_ns(work: Callable[[], object], count: int, repetitions: int) -> float:
    """Nanoseconds for one of `count` items: the fastest repetition, which others disturbed least."""
    found = []
    for _ in range(repetitions):
        began = time.perf_counter_ns()
        work()
        found.append((time.perf_counter_ns() - began) / count)
    return min(found)


class Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return AT

    wall = now

    def monotonic(self) -> float:
        return 0.0


def steps(engine: Engine, inputs: Sequence[ReadingsArrived]) -> None:
    """Decide all of these."""
    step = engine.step
    for happened in inputs:
        step(happened)


def engine_of_rules(site: Site, rules: Sequence[Rule]) -> Engine:
    """An engine with these rules in force."""
    engine = Engine(site.id)
    engine.step(SiteChanged(at=AT, site=site, rules=tuple(rules), ruleset="bench"))
    return engine


def idle_site(devices: int) -> Site:
    """A home with so many climate sensors."""
    zone = Zone(id="load", name=Text("load"))
    made = tuple(
        Device(id=f"d-{n}", kind="climate", source="native", address=f"d-{n}", zone="load", name=Text(f"设备{n}"))
        for n in range(devices)
    )
    return Site(id=HOME, name=Text("home"), zones=(zone,), devices=made)


def said(device: str, turn: int) -> ReadingsArrived:
    """A report of the idle device, other values at each turn."""
    readings = tuple([Reading(point, level + turn % 64 / 64) for point, level in POINTS.items()])
    return ReadingsArrived(at=AT, source="native", reports=(Report(device, readings),))
