"""A small home for tests of the engine: six devices in three zones, four people, plans, and a time line by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from devices.reading import Quality, Reading, Report, Value
from rules.alarm import Alarm, Category
from rules.condition import Above, Below, Condition, Equals, Silent
from rules.effects import AlarmChanged, AnyEffect, DriveSounder, IncidentChanged, Notify, Refused
from rules.engine import Engine
from rules.incident import Incident
from rules.inputs import (
    AnyInput,
    DecodeFailed,
    LinkChanged,
    OperatorActed,
    Outcome,
    ReadingsArrived,
    SendReported,
    SiteChanged,
    TimePassed,
    Verb,
)
from rules.rule import Rule, Select
from rules.site import Channel, Device, Person, Plan, PlanStep, Site, Zone
from rules.text import Text

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DANGERS = (Category.FIRE, Category.GAS, Category.PERSON)

E = TypeVar("E")


def device(name: str, kind: str, zone: str, **more: Any) -> Device:
    """One device of the test home; silent after an hour unless told otherwise."""
    more.setdefault("silence_limit", HOUR)
    return Device(id=name, kind=kind, source="test", address=name, zone=zone, name=Text(name), **more)


DEVICES = (
    device("smoke-1", "smoke", "ward", category="fire"),
    device("smoke-2", "smoke", "ward", category="fire"),
    device("bridged", "smoke", "ward", category="fire", clears_are_trusted=False),
    device("call-1", "manual_call", "hall", category="fire"),
    device("meter-1", "electrical", "hall"),
    device("sos-1", "sos", "ward", category="person"),
)

PEOPLE = (
    Person(id="carer", name="A", role="carer", channels=(Channel("sms", "1"), Channel("push", "a"))),
    Person(id="second", name="B", role="carer", channels=(Channel("sms", "2"),)),
    Person(id="director", name="C", role="director", channels=(Channel("sms", "3"),)),
    Person(id="off", name="D", role="carer", channels=(Channel("sms", "4"),), on_duty=False),
    Person(id="mute", name="E", role="carer"),
)


def plan(category: Category, *steps: tuple[str, int], every: int = 60, most: int = 0) -> Plan:
    """A plan: each step is who (one name) and after how many seconds."""
    told = tuple(PlanStep(tell=(who,), after=timedelta(seconds=after)) for who, after in steps)
    return Plan(category=category, steps=told, repeat_every=timedelta(seconds=every), repeats_max=most)


PLANS = (
    plan(Category.FIRE, ("carer", 0), ("role:carer", 30), ("director", 30)),
    plan(Category.PERSON, ("carer", 0), ("director", 45)),
    plan(Category.ELECTRICAL, ("second", 120), ("director", 300), every=300),
    plan(Category.TROUBLE, ("director", 0), every=600, most=1),
)

SITE = Site(
    id="home",
    name=Text("试验院"),
    zones=(Zone(id="ward", name=Text("病区")), Zone(id="hall", name=Text("大厅"))),
    devices=DEVICES,
    people=PEOPLE,
    plans=PLANS,
)


def danger_rule(point: str, category: Category, **more: Any) -> Rule:
    """A rule as the shipped packs have it: the point True raises at once and latches."""
    more.setdefault("latch", True)
    return Rule(id=point.split(".")[0], title=Text(point), category=category, condition=Equals(point=point, value=True),
                priority=1, **more)


def rule(name: str, condition: Condition, category: Category = Category.ELECTRICAL, **more: Any) -> Rule:
    return Rule(id=name, title=Text(name), category=category, condition=condition, **more)


RULES = (
    danger_rule("smoke.alarm", Category.FIRE),
    danger_rule("manual_call.alarm", Category.FIRE),
    danger_rule("sos.alarm", Category.PERSON),
    rule("residual", Above(point="current.residual", limit=300.0, clear=270.0), latch=True,
         raise_after=10 * SECOND),
    rule("cable", Above(point="cable_temp.1", limit=70.0, clear=60.0), raise_after=10 * SECOND,
         clear_after=30 * SECOND),
    rule("battery", Below(point="battery", limit=15.0, clear=20.0), Category.TROUBLE, select=Select(kinds=("smoke",))),
    rule("silent", Silent(), Category.TROUBLE),
)


def loaded(at: datetime = START, site: Site = SITE, rules: Iterable[Rule] = RULES) -> SiteChanged:
    return SiteChanged(at=at, site=site, rules=tuple(rules), ruleset="test")


def spoke(at: datetime, device_id: str, *, retained: bool = False, said_at: datetime | None = None,
          quality: Quality = Quality.GOOD, unregistered: bool = False, **points: Value) -> ReadingsArrived:
    """A report: point names with `_` for the dot (`smoke_alarm=True`)."""
    readings = tuple(Reading(POINT[name], value, quality) for name, value in points.items())
    report = Report(device_id, readings, measured_at=said_at)
    return ReadingsArrived(at=at, source="test", reports=(report,), retained=retained, unregistered=unregistered)


POINT = {
    "smoke": "smoke.alarm", "call": "manual_call.alarm", "sos": "sos.alarm", "heat": "heat.alarm", "gas": "gas.alarm",
    "residual": "current.residual", "cable": "cable_temp.1", "battery": "battery", "temperature": "temperature",
    "test": "test",
}


class World:
    """An engine on a time line by hand; keeps every effect."""

    def __init__(self, site: Site = SITE, rules: Iterable[Rule] = RULES) -> None:
        self.engine = Engine(site.id)
        self.at = START
        self.site = site
        self.rules = tuple(rules)
        self.effects: list[AnyEffect] = []
        self.step(loaded(START, site, self.rules))

    def step(self, happened: AnyInput) -> tuple[AnyEffect, ...]:
        effects = self.engine.step(happened)
        self.at = max(self.at, happened.at)
        self.effects.extend(effects)
        return effects

    def wait(self, seconds: float) -> list[AnyEffect]:
        """Let time pass, waking at every deadline, as the shell does."""
        until = self.at + timedelta(seconds=seconds)
        effects: list[AnyEffect] = []
        while (due := self.engine.next_deadline()) is not None and due <= until:
            effects += self.step(TimePassed(at=max(due, self.at)))
        effects += self.step(TimePassed(at=until))
        return effects

    def down(self, seconds: float) -> tuple[AnyEffect, ...]:
        """The gateway is down that long and wakes once."""
        return self.step(TimePassed(at=self.at + timedelta(seconds=seconds)))

    def spoke(self, device_id: str, **more: Any) -> tuple[AnyEffect, ...]:
        return self.step(spoke(self.at, device_id, **more))

    def acts(self, verb: Verb, target: str, person: str = "carer", **more: Any) -> tuple[AnyEffect, ...]:
        return self.step(OperatorActed(at=self.at, person=person, verb=verb, target=target, **more))

    def acknowledges(self, target: str, person: str = "carer") -> tuple[AnyEffect, ...]:
        return self.acts(Verb.ACKNOWLEDGE, target, person)

    def resets(self, target: str, person: str = "carer", *, checked: bool = False) -> tuple[AnyEffect, ...]:
        """Who resets has said what it was, where that is needed."""
        alarm = self.engine.alarms.get(target)
        incident = self.engine.incidents.get(alarm.incident if alarm is not None else target)
        if incident is not None and not incident.may_be_reset:
            self.acts(Verb.VERDICT, incident.id, person, finding="equipment_fault")
        return self.acts(Verb.RESET, target, person, checked_on_site=checked)

    def reported(self, told: Notify, outcome: Outcome) -> tuple[AnyEffect, ...]:
        return self.step(SendReported(at=self.at, message=told.message, incident=told.incident.id,
                                      channel=told.channel, person=told.person, outcome=outcome))

    def link(self, name: str, *, up: bool, detail: str = "") -> tuple[AnyEffect, ...]:
        return self.step(LinkChanged(at=self.at, link=name, up=up, detail=detail))

    def unreadable(self, device_id: str = "", category: str = "") -> tuple[AnyEffect, ...]:
        return self.step(DecodeFailed(at=self.at, source="test", topic="t", reason="bad", device=device_id,
                                      category=category))

    def reload(self, site: Site | None = None, rules: Iterable[Rule] | None = None) -> tuple[AnyEffect, ...]:
        self.site = site or self.site
        self.rules = tuple(rules) if rules is not None else self.rules
        return self.step(loaded(self.at, self.site, self.rules))

    def alarm(self, rule_id: str, subject: str) -> Alarm:
        alarm = self.engine.alarm_book.find(rule_id, subject)
        assert alarm is not None, f"no open alarm {rule_id} about {subject}; open: {list(self.engine.alarms.values())}"
        return alarm

    def has(self, rule_id: str, subject: str) -> bool:
        return self.engine.alarm_book.find(rule_id, subject) is not None

    def incident_of(self, category: str) -> Incident:
        (incident,) = (each for each in self.engine.incidents.values() if each.category == category)
        return incident

    def incident(self) -> Incident:
        (incident,) = self.engine.incidents.values()
        return incident


def of(effects: Iterable[AnyEffect], kind: type[E]) -> list[E]:
    return [effect for effect in effects if isinstance(effect, kind)]


def alarm_changes(effects: Iterable[AnyEffect]) -> list[tuple[str, str, str]]:
    """(change, rule, subject) of every change of an alarm."""
    return [(e.change.value, e.alarm.rule, e.alarm.subject) for e in of(effects, AlarmChanged)]


def told(effects: Iterable[AnyEffect]) -> list[tuple[str, str]]:
    """(person, purpose) of every message, each person once per purpose, in order."""
    return list(dict.fromkeys((e.person, e.purpose) for e in of(effects, Notify)))


def sounds(effects: Iterable[AnyEffect]) -> list[tuple[str, str]]:
    return [(e.zone, e.pattern.value) for e in of(effects, DriveSounder)]


def refusals(effects: Iterable[AnyEffect]) -> list[str]:
    return [e.reason for e in of(effects, Refused)]


def incident_changes(effects: Iterable[AnyEffect]) -> list[str]:
    return [e.change for e in of(effects, IncidentChanged)]


def with_people(site: Site, *people: Person) -> Site:
    return replace(site, people=people)


def with_plan(site: Site, new: Plan) -> Site:
    return replace(site, plans=(*(p for p in site.plans if p.category is not new.category), new))


def plain(effects: Iterable[AnyEffect]) -> Any:
    """Effects as builtins, for comparison."""
    return msgspec.to_builtins(list(effects))
