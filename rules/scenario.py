"""Scenarios: what happens in a home at which times, and which alarms and calls must come of it, and no others.

A scenario is plain text that a carer can read. Times are `HH:MM[:SS[.mmm]]`; `day 2` begins the next day.

    scenario a smoke detector speaks and is reset
    02:14:00 smoke-204 smoke.alarm = true
    expect 02:14:00 raised fire.smoke on smoke-204
    02:14:20 carer-chen acknowledges fire.smoke on smoke-204
    expect 02:14:20 acknowledged fire.smoke on smoke-204
    expect nothing until 02:20
    never fire.heat

Times are those of a clock in the home, on an ordinary Monday; `on 2026-10-01` is another day. The home has the devices
that the scenario names (`with smoke-204 silence_limit = 2m` changes one). Every change of an alarm must be expected;
after `watch calls` every call to a person too (`expect 02:14:00 call to carer-chen`), after `watch incidents` that one
is confirmed (`expect 02:14:20 confirmed fire in ward-2`). This module runs them; `scenario_text` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from devices.reading import Reading, Report
from rules.alarm import Alarm
from rules.effects import AlarmChanged, AnyEffect, IncidentChanged, Notify, Refused
from rules.engine import Engine
from rules.inputs import (
    AnyInput,
    DecodeFailed,
    LinkChanged,
    OperatorActed,
    ReadingsArrived,
    SiteChanged,
    TimePassed,
)
from rules.rule import Rule
from rules.scenario_text import Act, Expectation, LinkTurned, Scenario, Spoke, Stated, Unreadable
from rules.schedule import CHINA
from rules.site import Site

MONDAY: Final = date(2026, 3, 2)
"""The day on which scenarios play that say nothing else: a working day like any other."""

DEADLINES_MAX: Final = 20_000
_STEPS_WITHOUT_PROGRESS_MAX: Final = 100
SHOWN_MAX: Final = 12


class EngineLike(Protocol):
    """What a scenario needs of an engine."""

    @property
    def alarms(self) -> dict[str, Alarm]: ...

    def step(self, happened: AnyInput, /) -> tuple[AnyEffect, ...]: ...

    def next_deadline(self) -> datetime | None: ...


class Happening(msgspec.Struct, frozen=True):
    """One thing that came out of the engine, in the words of an expectation."""

    at: timedelta
    what: str
    marks: tuple[str, ...] = ()

    def __str__(self) -> str:
        marks = "".join(f" ({mark})" for mark in self.marks)
        return f"{clock_words(self.at)} {self.what}{marks}"


class Stuck(Exception):
    """The engine's next deadline does not move on, or there are too many of them."""


def run_scenario(
    scenario: Scenario,
    site: Site,
    rules: Sequence[Rule],
    make_engine: Callable[[str], EngineLike] = Engine,
) -> list[str]:
    """Play one scenario; what went wrong, each with file, scenario and line. An empty list is a pass."""
    where = f"{scenario.file}: scenario {scenario.name!r}"
    home, complaints = _home_for(scenario, site, rules)
    if complaints:
        return [f"{where}, {complaint}" for complaint in complaints]
    player = _Player(make_engine(home.id), scenario)
    try:
        player.begin(home, rules, scenario.begins_at)
        for statement in scenario.events:
            player.play(statement)
        player.advance(scenario.ends_at)
    except Stuck as stuck:
        return [f"{where}, {stuck}"]
    failures = [*player.complaints, *_compare(scenario, player.happened)]
    return [f"{where}, {failure}" for failure in failures]


def clock_words(at: timedelta) -> str:
    """A time of day as it stands in a scenario; from the second day on with its day."""
    day, rest = divmod(at, timedelta(days=1))
    seconds, milliseconds = divmod(rest // timedelta(milliseconds=1), 1000)
    words = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if milliseconds:
        words += f".{milliseconds:03}"
    return words if day == 0 else f"day {day + 1} {words}"


def _home_for(scenario: Scenario, site: Site, rules: Sequence[Rule]) -> tuple[Site, list[str]]:
    """The site with the devices that the scenario names, and what it names that does not exist."""
    complaints = []
    known = {device.id: device for device in site.devices}
    people = {person.id for person in site.people}
    rule_ids = {rule.id for rule in rules}
    chosen = {}
    for name, line in scenario.devices.items():
        if name not in known:
            complaints.append(f"line {line}: no device {name!r} in the home of the scenarios")
            continue
        changes = scenario.changed.get(name, {})
        chosen[name] = replace(known[name], **changes)
    for name, line in scenario.people.items():
        if name not in people:
            complaints.append(f"line {line}: no person {name!r} in the home of the scenarios")
    for name, line in scenario.rules.items():
        if name not in rule_ids and not name.startswith("gateway."):
            complaints.append(f"line {line}: no rule {name!r}")
    return replace(site, devices=tuple(chosen.values())), complaints


class _Player:
    """Steps the engine through a scenario and through every deadline between."""

    def __init__(self, engine: EngineLike, scenario: Scenario) -> None:
        self._engine = engine
        self._midnight = datetime.combine(scenario.day or MONDAY, time(), UTC) - CHINA
        self._watch_calls = scenario.watch_calls
        self._watch_incidents = scenario.watch_incidents
        self._confirmed: set[str] = set()
        self._steps = 0
        self.happened: list[Happening] = []
        self.complaints: list[str] = []

    def begin(self, site: Site, rules: Sequence[Rule], at: timedelta) -> None:
        self._step(SiteChanged(at=self._midnight + at, site=site, rules=tuple(rules), ruleset="scenario"))

    def advance(self, until: timedelta) -> None:
        """Let time pass, through every deadline up to and including `until`."""
        end = self._midnight + until
        last, without_progress = None, 0
        while (due := self._engine.next_deadline()) is not None and due <= end:
            without_progress = without_progress + 1 if due == last else 0
            self._steps += 1
            if without_progress > _STEPS_WITHOUT_PROGRESS_MAX or self._steps > DEADLINES_MAX:
                raise Stuck(f"the engine's deadline {clock_words(due - self._midnight)} is always due again")
            last = due
            self._step(TimePassed(at=due))
        self._step(TimePassed(at=end))

    def play(self, statement: Stated) -> None:
        self.advance(statement.at)
        at = self._midnight + statement.at
        match statement:
            case Spoke():
                readings = tuple(Reading(point, value) for point, value in statement.values)
                report = Report(statement.device, readings)
                arrived = ReadingsArrived(at=at, source="scenario", reports=(report,), retained=statement.found)
                self._step(replace(arrived, unregistered=statement.unregistered))
            case Unreadable():
                self._step(
                    DecodeFailed(
                        at=at,
                        source="scenario",
                        topic=statement.device,
                        reason="unreadable",
                        device=statement.device,
                        category=statement.category,
                    )
                )
            case LinkTurned():
                self._step(LinkChanged(at=at, link=statement.link, up=statement.up, detail=statement.detail))
            case Act():
                self._act(statement, at)

    def _act(self, act: Act, at: datetime) -> None:
        """A person does something to the open alarm of a rule about a device."""
        for alarm in self._engine.alarms.values():
            if alarm.rule == act.rule and alarm.subject == act.subject:
                target = alarm.id
                break
        else:
            words = f"{act.rule} on {act.subject} is not open at {clock_words(act.at)}"
            self.complaints.append(f"line {act.line}: {words}, so that {act.person} cannot act on it")
            return
        self._step(
            OperatorActed(
                at=at,
                person=act.person,
                verb=act.verb,
                target=target,
                verdict=act.verdict,
                finding=act.finding,
                cause=act.cause,
                checked_on_site=act.checked_on_site,
            )
        )

    def _step(self, happened: AnyInput) -> None:
        for effect in self._engine.step(happened):
            told = self._words(effect)
            if told is not None:
                self.happened.append(told)

    def _words(self, effect: AnyEffect) -> Happening | None:
        at = effect.at - self._midnight
        match effect:
            case AlarmChanged():
                alarm = effect.alarm
                marks = tuple(mark for mark, is_set in (("found", alarm.found), ("late", alarm.late)) if is_set)
                return Happening(at, f"{effect.change.value} {alarm.rule} on {alarm.subject}", marks)
            case IncidentChanged(incident=incident) if self._watch_incidents and incident.confirmed:
                if incident.id in self._confirmed:
                    return None
                self._confirmed.add(incident.id)
                return Happening(at, f"confirmed {incident.category.value} in {incident.zone}")
            case Notify() if self._watch_calls:
                return Happening(at, f"{effect.purpose} to {effect.person}")
            case Refused():
                return Happening(at, f"refused {effect.verb} by {effect.person}")
            case _:
                return None


def _compare(scenario: Scenario, happened: Sequence[Happening]) -> list[str]:
    """What was expected and did not happen, and what happened and was not expected."""
    failures = []
    left = list(happened)
    for expected in scenario.expectations:
        for place, one in enumerate(left):
            if one.at == expected.at and one.what == expected.what and set(expected.marks) <= set(one.marks):
                del left[place]
                break
        else:
            failures.append(f"line {expected.line}: expected {_wanted(expected)}; {_instead(expected, happened)}")
    for quiet in scenario.quiet:
        failures += [
            f"line {quiet.line}: expected nothing until {clock_words(quiet.until)}, but {one} happened"
            for one in happened
            if quiet.since < one.at <= quiet.until
        ]
    for rule, line in scenario.never.items():
        if any(one.what.startswith(f"raised {rule} on ") for one in happened):
            failures.append(f"line {line}: {rule} must never be raised here, but it was")
    failures += [f"line {scenario.line}: nobody expected {one}" for one in left[:SHOWN_MAX]]
    if len(left) > SHOWN_MAX:
        failures.append(f"line {scenario.line}: nor {len(left) - SHOWN_MAX} further changes")
    return failures


def _wanted(expected: Expectation) -> str:
    return str(Happening(expected.at, expected.what, expected.marks))


def _instead(expected: Expectation, happened: Sequence[Happening]) -> str:
    """The nearest thing that did happen, in words."""
    same = [one for one in happened if one.what == expected.what] or list(happened)
    if not same:
        return "nothing happened at all"
    nearest = min(same, key=lambda one: abs(one.at - expected.at))
    return f"the nearest that happened is {nearest}"
