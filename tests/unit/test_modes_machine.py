"""The walk test over random histories of a whole home: no real signal is lost, in the scope or out of it.

A model beside the engine knows only what a tester did and what was heard. From that it says which alarms may be
tests; every other danger must have called people and must be an incident.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from rules.effects import AlarmChanged, AnyEffect, Change, Notify, Refused, WalkTestChanged
from rules.inputs import AnyInput, DecodeFailed, Mode, ModeRequested, ModeVerb, OperatorActed, ReadingsArrived, Verb
from tests.unit.engine_world import of, spoke
from tests.unit.test_engine_machine import DANGER_NAMES, DEVICE_IDS, Home
from tests.world.invariants import check_state, check_tests

TESTER = "carer"
WINDOW = timedelta(seconds=60)
BUTTON = {"smoke-1": "smoke", "smoke-2": "smoke", "bridged": "smoke", "sos-1": "sos", "call-1": "call"}
WALKED = st.sampled_from(["smoke-1", "smoke-2", "bridged", "sos-1", "call-1"])
SCOPES = st.sampled_from([(), ("ward",), ("hall",), ("ward", "hall")])
WAITS = st.sampled_from([0.0, 0.0, 5.0, 59.0, 60.0, 61.0])
CLEARS = st.sampled_from([1.0, 1.0, 119.0, 120.0, 500.0, None])
BETWEEN = st.sampled_from(
    ["", "", "", "again", "second", "retained clear", "call point", "other", "unreadable", "down", "end"]
)
FIRST = st.sampled_from(["", "", "", "", "other", "call point", "retained", "stranger", "call point of it"])


class Model:
    """What the tester said: which device, when; which devices gave their test alarm; whether a test runs."""

    def __init__(self) -> None:
        self.running = ""
        self.armed: tuple[str, datetime] | None = None
        self.ticked: dict[str, datetime] = {}

    def note(self, happened: AnyInput, effects: tuple[AnyEffect, ...]) -> None:
        walks = isinstance(happened, ModeRequested) and happened.mode is Mode.WALK_TEST
        if walks and not of(effects, Refused):
            if happened.verb is ModeVerb.START:
                (started,) = of(effects, WalkTestChanged)
                self.running, self.armed, self.ticked = started.walk_test.id, None, {}
            elif happened.verb is ModeVerb.ARM:
                self.armed = (happened.device, happened.at)
            elif happened.verb is ModeVerb.END:
                self.running = ""
        if any(change.change == "ended" for change in of(effects, WalkTestChanged)):
            self.running = ""

    def check_raised(self, effects: tuple[AnyEffect, ...]) -> None:
        """Each new test alarm is the armed device's, within its window, and its first (one packet may say two)."""
        for change in of(effects, AlarmChanged):
            alarm = change.alarm
            if change.change is not Change.RAISED or not alarm.test:
                continue
            assert alarm.test == self.running, "a test alarm, and no test"
            assert self.armed is not None and alarm.subject == self.armed[0], "not the device that the tester is at"
            assert self.armed[1] <= alarm.raised_at < self.armed[1] + WINDOW, "not in its window"
            first = self.ticked.setdefault(alarm.subject, alarm.raised_at)
            assert first == alarm.raised_at, "a second alarm of a ticked detector counts as a test"


class WalkHome(Home):
    """The home of the engine's own machine, with a tester who walks through it."""

    def __init__(self) -> None:
        self.model = Model()
        self.alarms_of_tests: set[str] = set()
        super().__init__()

    def do(self, happened: AnyInput) -> tuple[AnyEffect, ...]:
        before = {alarm.id for alarm in self.engine.alarms.values() if alarm.test}
        silenced_by_plan = {i.id for i in self.engine.incidents.values() if not i.told}
        effects = super().do(happened)
        check_tests(self.engine)
        self.model.check_raised(effects)
        self._check_called(effects, silenced_by_plan)
        self._check_no_test_vanishes(before, happened, effects)
        self.model.note(happened, effects)
        return effects

    def _check_called(self, effects: tuple[AnyEffect, ...], untold: set[str]) -> None:
        """A danger that is no test, or is none any more, is in an incident that people are told of in the same step."""
        told = {notify.incident.id for notify in of(effects, Notify)}
        for change in of(effects, AlarmChanged):
            alarm = change.alarm
            if alarm.test or alarm.held or not alarm.category.endangers_people:
                continue  # (which danger may be held back: check_held)
            if change.change not in (Change.RAISED, Change.BECAME_REAL):
                continue
            assert alarm.incident, "a real danger without an incident"
            if ("spread", alarm.incident) in self.engine.deadlines:
                continue  # a flood: those who were told hear of it within 10 s, together
            if self.engine.duty.everybody(self.engine.now) and alarm.incident not in untold:
                assert alarm.incident in told, "a real danger, and nobody is told"

    def _check_no_test_vanishes(self, before: set[str], happened: AnyInput, effects: tuple[AnyEffect, ...]) -> None:
        """A test alarm ends by its device's own clear, by the tester's word, or as a real alarm. By nothing else."""
        became = {c.alarm.id for c in of(effects, AlarmChanged) if c.change is Change.BECAME_REAL}
        closed = {c.alarm.id: c for c in of(effects, AlarmChanged) if c.change is Change.CLOSED}
        for gone in before - {a.id for a in self.engine.alarms.values() if a.test}:
            if gone in became:
                continue
            change = closed[gone]
            if change.reason == "walk test: it cleared":
                assert isinstance(happened, ReadingsArrived) and not happened.retained
                said = [r for report in happened.reports if report.device == change.alarm.subject
                        for r in report.readings if r.point == change.alarm.point]
                assert said and not any(r.value is True for r in said), "closed, and the device said nothing of it"
            elif change.reason.startswith("walk test: the tester says"):
                assert isinstance(happened, ModeRequested) and happened.person == TESTER
                assert not change.alarm.clears_are_trusted

    @rule(zones=SCOPES, minutes=st.sampled_from([1, 5, 60, 240]))
    def starts(self, zones: tuple[str, ...], minutes: int) -> None:
        self.do(ModeRequested(at=self.at, person=TESTER, verb=ModeVerb.START, zones=zones,
                              time_limit=timedelta(minutes=minutes)))

    @rule()
    def tidies(self) -> None:
        """Somebody deals with all that is open: without that a home soon burns for ever, and nothing is a test."""
        for alarm in list(self.engine.alarms.values()):
            if alarm.test or not alarm.category.endangers_people:
                continue
            if alarm.subject in self.engine.devices:
                self.do(spoke(self.at, alarm.subject, **dict.fromkeys(DANGER_NAMES, False)))
            for verb in (Verb.ACKNOWLEDGE, Verb.VERDICT, Verb.RESET):
                self.do(OperatorActed(at=self.at, person="carer", verb=verb, target=alarm.id, checked_on_site=True,
                                      finding="equipment_fault" if verb is Verb.VERDICT else ""))

    @rule(devices=st.lists(WALKED, min_size=1, max_size=3), tidy=st.booleans(), zones=SCOPES, waits=WAITS,
          name=st.sampled_from([None, None, None, *DANGER_NAMES]), between=BETWEEN, clears=CLEARS,
          word=st.booleans(), first=FIRST)
    def walks(self, devices: list[str], tidy: bool, zones: tuple[str, ...], waits: float, name: str | None,
              between: str, clears: float | None, word: bool, first: str) -> None:
        """The tester from detector to detector: he taps, presses, and the signal goes again, in time or not."""
        if tidy:
            self.tidies()
        self.do(ModeRequested(at=self.at, person=TESTER, verb=ModeVerb.START, zones=zones))
        for device in devices:
            self.press(device, name, waits, between, clears, word=word, first=first)

    def press(self, device: str, name: str | None, waits: float, between: str, clears: float | None, *,
              word: bool, first: str) -> None:
        """One detector, or another point of it than its own."""
        button = name or BUTTON[device]
        self.do(ModeRequested(at=self.at, person=TESTER, verb=ModeVerb.ARM, device=device))
        self.time_in_time(waits)
        self.between(first, device)
        self.do(spoke(self.at, device, **{button: True}))
        self.between(between, device)
        if clears is not None:
            self.time_in_time(clears)
            self.do(spoke(self.at, device, **{button: False}))
        if word:
            self.do(ModeRequested(at=self.at, person=TESTER, verb=ModeVerb.CLEARED, device=device))

    def between(self, what: str, device: str) -> None:
        """Something happens while a test alarm may be open."""
        match what:
            case "again":
                self.do(spoke(self.at, device, **{BUTTON[device]: True}))
            case "second":
                self.do(spoke(self.at, device, heat=True))
            case "retained clear":
                self.do(spoke(self.at, device, retained=True, said_at=self.at, **{BUTTON[device]: False}))
            case "retained":
                self.do(spoke(self.at, device, retained=True, said_at=self.at, **{BUTTON[device]: True}))
            case "stranger":
                self.do(spoke(self.at, device, unregistered=True, smoke=True))
            case "call point of it":
                self.do(spoke(self.at, device, call=True))
            case "call point":
                self.do(spoke(self.at, "call-1", call=True))
            case "other":
                self.do(spoke(self.at, "smoke-2", smoke=True))
            case "unreadable":
                self.do(DecodeFailed(at=self.at, source="s", topic="t", reason="r", device=device, category="fire"))
            case "down":
                self.time(300.0)
            case "end":
                self.do(ModeRequested(at=self.at, person="director", verb=ModeVerb.END))

    @rule(device=DEVICE_IDS, verb=st.sampled_from(ModeVerb), person=st.sampled_from([TESTER, "director"]))
    def asks(self, device: str, verb: ModeVerb, person: str) -> None:
        self.do(ModeRequested(at=self.at, person=person, verb=verb, device=device))

    @rule(device=DEVICE_IDS, said=st.booleans())
    def tests_itself(self, device: str, said: bool) -> None:
        self.do(spoke(self.at, device, test=said))


def _settings() -> Any:
    most = int(os.environ.get("ANLIAN_MACHINE_EXAMPLES", "60"))
    return settings(max_examples=most, stateful_step_count=40, deadline=None, derandomize=True,
                    suppress_health_check=list(HealthCheck))


WalkHome.TestCase.settings = _settings()
TestWalkHome = WalkHome.TestCase

STEP = st.tuples(st.booleans(), WALKED, WAITS, st.sampled_from([None, None, None, *DANGER_NAMES]), BETWEEN, CLEARS,
                 st.booleans(), st.sampled_from([0.0, 0.0, 30.0, 3600.0]), FIRST)


@settings(max_examples=int(os.environ.get("ANLIAN_MACHINE_EXAMPLES", "200")), deadline=None, derandomize=True,
          suppress_health_check=list(HealthCheck))
@given(SCOPES, st.sampled_from([3, 60]), st.lists(STEP, min_size=2, max_size=6), st.integers(0, 5))
def test_whole_walks(zones: tuple[str, ...], minutes: int, steps: list[Any], restart_at: int) -> None:
    """A test from its beginning to its end, in a home that was quiet before: here most presses do count."""
    home = WalkHome()
    limit = timedelta(minutes=minutes)
    for number, (tidy, device, waits, name, between, clears, word, pause, first) in enumerate(steps):
        if tidy:
            home.tidies()
        home.do(ModeRequested(at=home.at, person=TESTER, verb=ModeVerb.START, zones=zones, time_limit=limit))
        if number == restart_at:
            home.restart()
        home.press(device, name, waits, between, clears, word=word, first=first)
        home.time_in_time(pause)
        check_state(home.engine)
    home.time_in_time(5 * 3600.0)
    assert home.engine.walk_test is None and not home.engine.alarm_book.open_tests()
