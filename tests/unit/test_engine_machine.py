"""The engine against what must always hold, over random histories of a whole home."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from devices.reading import DANGER_POINTS, Quality
from rules.alarm import Category
from rules.condition import Above, AllOf, AnyOf, Below, Count, Equals, Not, Rising, Schedule, Sequence
from rules.effects import AlarmChanged, AnyEffect, DriveSounder, Notify, Refused
from rules.engine import Engine
from rules.inputs import (
    AnyInput,
    ClockStepped,
    DecodeFailed,
    EngineFaulted,
    LinkChanged,
    Mode,
    ModeRequested,
    ModeVerb,
    OperatorActed,
    Outcome,
    SendReported,
    SuppressionRequested,
    SuppressionVerb,
    TimePassed,
    Verb,
)
from rules.rule import Per
from rules.turn import LATE_S
from tests.unit.engine_world import (
    DEVICES,
    MINUTE,
    PLANS,
    POINT,
    RULES,
    SECOND,
    SITE,
    START,
    loaded,
    of,
    spoke,
)
from tests.unit.engine_world import rule as stated
from tests.world.invariants import check_effects, check_raised, check_sounders, check_state

# Beside the home as it is: homes that lack people, devices or rules, one whose device has another name, one that moved.
SITES = (
    SITE,
    replace(SITE, devices=DEVICES[1:]),
    replace(SITE, devices=(replace(DEVICES[0], id="smoke-201"), *DEVICES[1:])),
    replace(SITE, people=()),
    replace(SITE, people=SITE.people[3:]),
    replace(SITE, plans=()),
    replace(SITE, devices=tuple(replace(d, zone="hall") for d in DEVICES)),
    replace(SITE, plans=(replace(PLANS[0], repeats_max=1), *PLANS[1:])),
)
SHELVED = tuple(
    replace(each, shelve_max=timedelta(hours=4), suppressed_by=("gateway.link", "battery"))
    if not each.category.endangers_people and each.id != "battery"
    else each
    for each in RULES
)
SMOKE, SOS = Equals(point="smoke.alarm", value=True), Equals(point="sos.alarm", value=True)
WARM, FLAT = Above(point="cable_temp.1", limit=60.0), Below(point="battery", limit=15.0)
LOOKING_BACK = (
    *SHELVED,
    stated("rising", Rising(point="current.residual", by=60.0, within=20 * MINUTE, clear=30.0)),
    stated("chattering", Count(of=SMOKE, times=2, within=10 * MINUTE), Category.TROUBLE, suppressed_by=("residual",)),
    stated("two-detectors", Count(of=SMOKE, devices=2, within=MINUTE), Category.FIRE, per=Per.ZONE, latch=True),
    stated("all-flat", Count(of=FLAT, every=True), Category.TROUBLE, per=Per.ZONE, shelve_max=timedelta(hours=1)),
    stated("came", Sequence(first=SOS, then=SMOKE, within=10 * MINUTE), Category.SUPERVISORY, per=Per.ZONE,
           attends=("sos",)),
    stated("nobody-came", Sequence(first=SOS, then=FLAT, within=MINUTE, absent=True), Category.PERSON, per=Per.ZONE,
           latch=True, verify=True),
    stated("warm-by-day", AllOf(of=(WARM, Schedule(begins=12 * 60, ends=20 * 60))), raise_after=5 * SECOND),
    stated("quiet-by-day", Not(of=AnyOf(of=(WARM, Schedule(begins=22 * 60, ends=6 * 60)))), Category.TROUBLE),
)
RULESETS = (RULES, SHELVED, LOOKING_BACK, LOOKING_BACK, RULES[1:], RULES[:3], ())
HISTORIES: tuple[tuple[tuple[str, dict[str, Any]], ...], ...] = (
    tuple(("meter-1", {"residual": 20.0 + 25.0 * step}) for step in range(11)),
    tuple(("smoke-1", {"smoke": step % 2 == 0}) for step in range(5)),
    (("smoke-1", {"smoke": True}), ("smoke-2", {"smoke": True}), ("smoke-1", {"smoke": False})),
    (("sos-1", {"sos": True}), ("smoke-2", {"smoke": True}), ("sos-1", {"sos": False})),
    (("sos-1", {"sos": True}), ("sos-1", {"battery": 90.0}), ("sos-1", {"sos": False})),
    tuple((each.id, {"battery": level}) for level in (3.0, 90.0) for each in DEVICES),
    (("meter-1", {"cable": 90.0}), ("meter-1", {"cable": 20.0})),
)
DANGER_NAMES = ("smoke", "call", "sos", "heat", "gas")
DEVICE_IDS = st.sampled_from([d.id for d in DEVICES])
QUALITY = st.sampled_from([Quality.GOOD, Quality.GOOD, Quality.SUSPECT, Quality.BAD])
SAID = st.dictionaries(st.sampled_from(DANGER_NAMES), st.booleans(), max_size=2)
LEVELS = st.fixed_dictionaries(
    {},
    optional={
        "residual": st.sampled_from([0.0, 269.0, 290.0, 301.0, 900.0, float("nan")]),
        "cable": st.sampled_from([20.0, 65.0, 90.0]),
        "battery": st.sampled_from([3.0, 17.0, 90.0]),
        "temperature": st.just(20.0),
    },
)
PAUSES = st.sampled_from([0.0, 0.3, 1.0, 9.0, 30.0, 61.0, 600.0, 4000.0, 100_000.0])
PERSONS = st.sampled_from(["carer", "director", "stranger"])


class Home(RuleBasedStateMachine):
    """One home over a random history; a twin is restored from a snapshot at random and must not differ."""

    def __init__(self) -> None:
        super().__init__()
        self.at: datetime = START
        self.engine = Engine("home")
        self.twin = Engine("home")
        self.sent: list[Notify] = []
        self.sounding: dict[str, DriveSounder] = {}
        self.do(loaded(self.at, rules=LOOKING_BACK))

    def do(self, happened: AnyInput) -> tuple[AnyEffect, ...]:
        effects = self.engine.step(happened)
        assert self.twin.step(happened) == effects
        check_raised(self.engine, happened)
        check_effects(happened, effects)
        check_sounders(self.engine, self.sounding, effects)
        self.sent = (self.sent + of(effects, Notify))[-20:]
        return effects

    @rule(device=DEVICE_IDS, said=SAID, levels=LEVELS, quality=QUALITY, retained=st.booleans(),
          age=st.sampled_from([None, 0, 100]))
    def speaks(self, device: str, said: dict[str, Any], levels: dict[str, Any], quality: Quality, retained: bool,
               age: int | None) -> None:
        said_at = None if age is None else self.at - timedelta(seconds=age)
        before = {(a.rule, a.subject): a for a in self.engine.alarms.values()}
        heard = self.engine.devices[device].heard_at if device in self.engine.devices else None
        self.do(spoke(self.at, device, retained=retained, said_at=said_at, quality=quality, **said, **levels))
        if retained and device in self.engine.devices:
            assert self.engine.devices[device].heard_at == heard
            now = {(a.rule, a.subject): a for a in self.engine.alarms.values()}
            # The drill's own signal is over when a real alarm comes, found or not.
            assert all(now[key].active == alarm.active for key, alarm in before.items() if not alarm.drill)
            assert all(alarm.found for key, alarm in now.items() if key not in before and alarm.subject == device)

    @rule(device=DEVICE_IDS, name=st.sampled_from(DANGER_NAMES), times=st.integers(1, 3))
    def danger(self, device: str, name: str, times: int) -> None:
        happened = spoke(self.at, device, **{name: True})
        self.do(happened)
        ids = set(self.engine.alarms)
        for _ in range(times):
            self.do(happened)
        assert set(self.engine.alarms) == ids, "a redelivery raised a second alarm"

    @rule(history=st.sampled_from(HISTORIES), pause=st.sampled_from([1.0, 170.0, 170.0]))
    def looks_back(self, history: tuple[tuple[str, dict[str, Any]], ...], pause: float) -> None:
        """What conditions that look back wait for: a level that rises, a detector that chatters, two of a zone, …"""
        for device, said in history:
            self.do(spoke(self.at, device, **said))
            self.at += timedelta(seconds=pause)
            self.do(TimePassed(at=self.at))

    @rule(name=st.sampled_from(["smoke", "gas", "temperature"]), retained=st.booleans())
    def stranger(self, name: str, retained: bool) -> None:
        self.do(spoke(self.at, "x/1", unregistered=True, retained=retained, said_at=self.at, **{name: True}))

    @rule(pause=PAUSES)
    def time(self, pause: float) -> None:
        self.at += timedelta(seconds=pause)
        self.do(TimePassed(at=self.at))

    @rule(pause=st.sampled_from([10.0, 61.0, 700.0]))
    def time_in_time(self, pause: float) -> None:
        until = self.at + timedelta(seconds=pause)
        while (due := self.engine.next_deadline()) is not None and due <= until:
            self.at = max(due, self.at)
            self.do(TimePassed(at=self.at))
        self.at = until
        self.do(TimePassed(at=until))

    @rule(verb=st.sampled_from(Verb), pick=st.integers(0, 9), whole=st.booleans(), person=PERSONS,
          checked=st.booleans(), verdict=st.sampled_from(["real", "real", "false", "test", "perhaps"]))
    def acts(self, verb: Verb, pick: int, whole: bool, person: str, checked: bool, verdict: str) -> None:
        targets = list(self.engine.incidents if whole else self.engine.alarms) or ["home:1:999"]
        before = dict(self.engine.alarms)
        self.do(OperatorActed(at=self.at, person=person, verb=verb, target=targets[pick % len(targets)],
                              verdict=verdict, cause="steam", checked_on_site=checked))
        for ended in before.keys() - self.engine.alarms.keys():
            alarm = before[ended]
            assert verb is Verb.RESET and alarm.acknowledged and alarm.latched
            assert not alarm.active or (checked and not alarm.clears_are_trusted)
            state = self.engine.devices.get(alarm.subject)
            if alarm.point in DANGER_POINTS and alarm.category.endangers_people and state is not None:
                name = next(name for name, point in POINT.items() if point == alarm.point) \
                    if alarm.point in POINT.values() else None
                if name is not None:
                    self.do(spoke(self.at, alarm.subject, battery=90.0, residual=0.0))
                    self.do(spoke(self.at, alarm.subject, **{name: True}))

    @rule(verb=st.sampled_from(SuppressionVerb), pick=st.integers(0, 9), device=DEVICE_IDS, named=st.booleans(),
          minutes=st.sampled_from([None, 1, 60, 900]), once=st.booleans(), second=st.sampled_from(["director", ""]))
    def holds_back(self, verb: SuppressionVerb, pick: int, device: str, named: bool, minutes: int | None, once: bool,
                   second: str) -> None:
        targets = [device] if named or not self.engine.alarms else list(self.engine.alarms)
        span = None if minutes is None else timedelta(minutes=minutes)
        before = self.engine.suppressions.held()
        target = targets[pick % len(targets)]
        effects = self.do(SuppressionRequested(at=self.at, person="carer", verb=verb, target=target, duration=span,
                                               once=once, reason="why", substitute="patrol", confirmed_by=second))
        if of(effects, Refused):
            assert self.engine.suppressions.held() == before, "a refusal changed something"

    @rule(mode=st.sampled_from([Mode.DRILL, Mode.MAINTENANCE]), start=st.booleans(), device=DEVICE_IDS,
          minutes=st.sampled_from([1, 30, 900]), zones=st.sampled_from([(), ("ward",)]),
          second=st.sampled_from(["carer", "carer", ""]))
    def modes(self, mode: Mode, start: bool, device: str, minutes: int, zones: tuple[str, ...], second: str) -> None:
        works = list(self.engine.suppressions.maintenances) or [""]
        calling = {a.id for a in self.engine.alarms.values() if not a.held and a.acknowledged is None}
        self.do(ModeRequested(at=self.at, person="director", mode=mode, device=device, zones=zones, reason="why",
                              verb=ModeVerb.START if start else ModeVerb.END, time_limit=timedelta(minutes=minutes),
                              target="" if start or mode is Mode.DRILL else works[0], confirmed_by=second))
        if mode is Mode.MAINTENANCE and start:
            assert not any(self.engine.alarms[each].held for each in calling), "work silenced what nobody took on"
            begun = self.engine.suppressions.maintenances.keys() - set(works)
            watched = any(d.category == "fire" and (d.zone in zones or not zones) for d in self.engine.site.devices)
            assert not (begun and watched and not second), "one alone worked on detection"

    @rule(pick=st.integers(0, 19), outcome=st.sampled_from([*Outcome, Outcome.REFUSED, Outcome.REFUSED]))
    def reported(self, pick: int, outcome: Outcome) -> None:
        if self.sent:
            sent = self.sent[pick % len(self.sent)]
            self.do(SendReported(at=self.at, message=sent.message, incident=sent.incident.id, channel=sent.channel,
                                 person=sent.person, outcome=outcome))

    @rule(link=st.sampled_from(["broker:a", "session:a"]), up=st.booleans(), words=st.sampled_from(["one", "two"]))
    def link(self, link: str, up: bool, words: str) -> None:
        self.do(LinkChanged(at=self.at, link=link, up=up, detail=words))
        alarm = self.engine.alarm_book.find("gateway.link", f"link:{link}")
        assert up or (alarm is not None and alarm.active)

    @rule(device=st.sampled_from(["", "smoke-1", "sos-1"]), category=st.sampled_from(["", "fire", "person", "video"]),
          faulted=st.booleans())
    def unreadable(self, device: str, category: str, faulted: bool) -> None:
        if faulted:
            self.do(EngineFaulted(at=self.at, fault_id="f", error="e", device=device, category=category))
        else:
            self.do(DecodeFailed(at=self.at, source="s", topic="t", reason="r", device=device, category=category))
        if category in ("fire", "person"):
            subject = device or ("source:engine" if faulted else "source:s")
            alarm = self.engine.alarm_book.find(f"gateway.fallback.{category}", subject)
            assert alarm is not None and alarm.active and alarm.latched

    @rule(site=st.integers(0, len(SITES) - 1), rules=st.integers(0, len(RULESETS) - 1))
    def reload(self, site: int, rules: int) -> None:
        self.do(loaded(self.at, SITES[site], RULESETS[rules]))

    @rule()
    def clock_steps(self) -> None:
        self.do(ClockStepped(at=self.at, old=self.at, new=self.at + SECOND))

    @rule()
    def time_goes_back(self) -> None:
        before = self.engine.snapshot()
        try:
            self.engine.step(TimePassed(at=self.at - SECOND))
        except ValueError:
            assert self.engine.snapshot() == before
        else:
            raise AssertionError("time went back and nobody minded")

    @rule()
    def restart(self) -> None:
        body = self.engine.snapshot()
        self.twin = Engine.restore(body)
        assert self.twin.snapshot() == body

    @invariant()
    def holds(self) -> None:
        check_state(self.engine)


Home.TestCase.settings = settings(
    max_examples=int(os.environ.get("ANLIAN_MACHINE_EXAMPLES", "60")), stateful_step_count=40, deadline=None,
    derandomize=True, suppress_health_check=list(HealthCheck),
)
TestHome = Home.TestCase


HISTORY = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 5.0, 11.0, 35.0, 200.0, 900.0]),
        st.sampled_from(["meter-1", "smoke-1", "call-1"]),
        st.one_of(SAID.map(dict), LEVELS.filter(lambda v: v.get("residual") == v.get("residual"))),
    ),
    min_size=1, max_size=12,
)


def play(history: list[tuple[float, str, dict[str, Any]]], wake: str) -> list[Any]:
    """The effects of a history with its ids made comparable. `wake`: at every deadline, only with inputs, or often."""
    engine = Engine("home")
    slow = replace(SITE, devices=tuple(replace(d, silence_limit=timedelta(days=9)) for d in DEVICES))
    effects = list(engine.step(loaded(START, slow)))
    at = START
    for pause, device, said in history:
        target = at + timedelta(seconds=pause)
        while wake == "often" and at < target:
            at = min(at + timedelta(seconds=7), target)
            effects += engine.step(TimePassed(at=at))
        while wake == "deadlines" and (due := engine.next_deadline()) is not None and due <= target:
            effects += engine.step(TimePassed(at=max(due, at)))
            at = max(due, at)
        at = target
        effects += engine.step(spoke(at, device, **said))
        assert engine.now == at
    return effects


def comparable(effects: list[Any], *, repeats: bool) -> list[Any]:
    """Effects without what the number of inputs shows in: ids by order of appearance, no marks of lateness."""
    kept = [e for e in effects if repeats or not (isinstance(e, Notify) and e.purpose == "repeat")]
    text = msgspec.json.encode([e for e in kept if repeats or isinstance(e, AlarmChanged)]).decode()
    names: dict[str, str] = {}
    text = re.sub(r'home:1:\d+(\.\w+)?', lambda m: names.setdefault(m[0], f"id{len(names)}"), text)
    return msgspec.json.decode(text.replace('"late":true', '"late":false'))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(HISTORY)
def test_how_often_the_shell_wakes_decides_nothing(history: list[tuple[float, str, dict[str, Any]]]) -> None:
    """Every deadline fires at its own instant, whoever wakes the engine for it, and every alarm is the same.

    Only the repeats of a plan's last step may be fewer: of those that fell due while nobody woke, one is made up.
    """
    exact = comparable(play(history, "deadlines"), repeats=False)
    assert comparable(play(history, "often"), repeats=False) == exact
    assert comparable(play(history, "inputs"), repeats=False) == exact


SHORT = HISTORY.map(lambda history: [(min(pause, 35.0), device, said) for pause, device, said in history])


@settings(max_examples=80, deadline=None, derandomize=True)
@given(SHORT)
def test_nothing_at_all_differs_while_no_repeat_is_missed(history: list[tuple[float, str, dict[str, Any]]]) -> None:
    exact = comparable(play(history, "deadlines"), repeats=True)
    assert comparable(play(history, "often"), repeats=True) == exact
    assert comparable(play(history, "inputs"), repeats=True) == exact


def test_the_bound_of_lateness_is_that_of_a_clock_step() -> None:
    assert LATE_S == 2.0
