"""The demo's words: what it says of the wait is what happens, played by the engine with the shipped rules."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest
from msgspec.structs import replace

from devices.catalog import CODECS
from devices.codec import Packet
from devices.reading import Report
from devices.virtual import PLOTS, VirtualHome
from gateway.demo_screen import ALARM_AFTER, DEVICES, Screen
from gateway.load import SHIPPED_PACKS, kind_defaults
from rules.effects import AlarmChanged, AnyEffect, Change
from rules.engine import Engine
from rules.inputs import ReadingsArrived, SiteChanged, TimePassed
from rules.parse import Names, parse_rules, parse_site
from rules.rule import Rule
from tests.record_world import alarm_entry

NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)


def shipped_rules() -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for pack in SHIPPED_PACKS:
        rules += parse_rules(tomllib.loads((resources.files("rules.packs") / f"{pack}.toml").read_text("utf-8")))[0]
    return tuple(rules)


class Played:
    """The demo's home, its packets decoded and decided on a time line by hand."""

    def __init__(self, incident: str, began: datetime) -> None:
        self._home = VirtualHome("demo")
        self._home.start(incident, began, DEVICES.get(incident, ""))
        site, faults = parse_site(
            tomllib.loads(self._home.site_toml()), Names(kind_defaults(), {"zigbee", "native"}, {"ntfy"})
        )
        assert site is not None and not faults
        self._ids = {(device.source, device.address): device.id for device in site.devices}
        self._codecs = {
            "zigbee": CODECS["zigbee2mqtt"](prefix=self._home.zigbee_prefix),
            "native": CODECS["native"](prefix=self._home.native_prefix),
        }
        self._context: Any = None
        self._engine = Engine("demo")
        self._engine.step(SiteChanged(at=NOON, site=site, rules=shipped_rules(), ruleset="shipped"))

    def raised(self, until: datetime) -> Iterator[AlarmChanged]:
        """The alarms as they are raised, up to an instant."""
        for packet in (*self._home.opening(NOON), *sorted(self._home.packets(NOON, until), key=lambda p: p.at)):
            yield from self._due(packet.at)
            source = "zigbee" if packet.topic.startswith(self._home.zigbee_prefix) else "native"
            said = Packet(packet.topic, packet.payload, packet.qos, packet.retained)
            decoded = self._codecs[source].decode(said, self._context if source == "zigbee" else None)
            if source == "zigbee":
                self._context = decoded.context
            reports = tuple(
                Report(self._ids[source, one.device], one.readings, one.measured_at, one.events)
                for one in decoded.reports
                if (source, one.device) in self._ids
            )
            if reports:
                # The demo hears them live: the broker marks as retained only what was said before.
                yield from _raised(self._engine.step(ReadingsArrived(at=packet.at, source=source, reports=reports)))
        yield from self._due(until)

    def _due(self, at: datetime) -> Iterator[AlarmChanged]:
        while (due := self._engine.next_deadline()) is not None and due <= at:
            yield from _raised(self._engine.step(TimePassed(at=due)))


def _raised(effects: tuple[AnyEffect, ...]) -> list[AlarmChanged]:
    return [e for e in effects if isinstance(e, AlarmChanged) and e.change is Change.RAISED]


@pytest.mark.parametrize("incident", PLOTS)
def test_the_wait_that_is_said_is_the_wait(incident: str) -> None:
    began = NOON + timedelta(seconds=15)
    found = [alarm.at - began for alarm in Played(incident, began).raised(began + timedelta(minutes=3))]
    assert found, "no alarm within three minutes"
    wait = ALARM_AFTER[incident]
    assert timedelta(0) <= found[0] <= wait + timedelta(seconds=1), "the wait that is said is too short"
    assert found[0] >= wait * 0.8, "the wait that is said is too long"


@pytest.mark.parametrize(
    ("language", "words"), [("zh", ["15 秒后发生", "约在 115 秒后", "手动报警按钮", "Ctrl-C"]),
                            ("en", ["begins in 15 s", "in about 115 s", "call point", "Ctrl-C"])]
)
def test_what_is_said_before_it_begins(language: str, words: list[str]) -> None:
    said: list[str] = []
    Screen(said.append, language).opening("device-silent", timedelta(seconds=15))
    assert all(word in "\n".join(said) for word in words), said


def test_a_fire_is_at_once_and_nobody_is_told_to_wait() -> None:
    said: list[str] = []
    Screen(said.append, "en").opening("kitchen-fire", timedelta(seconds=15))
    assert len(said) == 2 and "wait" not in said[0]


def test_the_countdown_and_what_follows_it() -> None:
    said: list[str] = []
    screen = Screen(said.append, "en")
    for seconds in (40, 25, 0):
        screen.countdown(NOON + timedelta(seconds=40), NOON + timedelta(seconds=40 - seconds))
    assert "40 s until" in said[0] and "25 s until" in said[1] and "look at the console" in said[2]


def test_each_alarm_is_said_once_and_those_of_before_are_not() -> None:
    said: list[str] = []
    screen = Screen(said.append, "zh")
    effect = alarm_entry(1).effects[0]
    assert isinstance(effect, AlarmChanged)
    before = replace(effect.alarm, id="b", raised_at=NOON - timedelta(seconds=1))
    assert not screen.alarms([before], NOON) and said == []
    now = replace(effect.alarm, id="n", raised_at=NOON)
    assert screen.alarms([before, now], NOON) and screen.alarms([before, now], NOON)
    assert said == ["⚠  火警  smoke-1"]
