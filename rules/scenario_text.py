"""The text of scenario files, line by line, as data. See `rules.scenario` for what the lines mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

import msgspec

from devices.reading import Kind, Value, find_point
from rules.alarm import Category
from rules.effects import Change
from rules.incident import VerdictKind
from rules.inputs import Verb
from rules.parse_fields import Fault, parse_duration

SCENARIOS_MAX: Final = 2000
LINE_MAX: Final = 400

_TIME: Final = re.compile(r"(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{3}))?)?\Z", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?\Z")
_VERBS: Final = {
    "acknowledges": Verb.ACKNOWLEDGE,
    "silences": Verb.SILENCE,
    "resets": Verb.RESET,
    "finds": Verb.VERDICT,
}
_CHANGES: Final = tuple(change.value for change in Change)
_CATEGORIES: Final = tuple(category.value for category in Category)
_PURPOSES: Final = ("call", "repeat", "over")
_MARKS: Final = ("found", "late")
_BOOLEANS: Final = {"true": True, "false": False}


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What all lines with a time share."""

    at: timedelta
    line: int


class Spoke(Stated, frozen=True, kw_only=True):
    """A device reported values. `found`: in a retained message. `unregistered`: the home does not know it."""

    device: str
    values: tuple[tuple[str, Value], ...]
    found: bool = False
    unregistered: bool = False


class Unreadable(Stated, frozen=True, kw_only=True):
    """A device sent what nobody could read."""

    device: str
    category: str = ""


class LinkTurned(Stated, frozen=True, kw_only=True):
    """A link of the gateway went up or down."""

    link: str
    up: bool
    detail: str = ""


class Act(Stated, frozen=True, kw_only=True):
    """A person did something to the alarm of a rule about a subject."""

    person: str
    verb: Verb
    rule: str
    subject: str
    verdict: str = ""
    finding: str = ""
    cause: str = ""
    checked_on_site: bool = False


class Expectation(Stated, frozen=True, kw_only=True):
    """Something that must happen exactly then."""

    what: str
    marks: tuple[str, ...] = ()


class Quiet(msgspec.Struct, frozen=True):
    """A time in which nothing may happen: after `since`, up to and including `until`."""

    since: timedelta
    until: timedelta
    line: int


class Scenario(msgspec.Struct, kw_only=True):
    """One scenario as it stands in its file. Names are kept with the line that first uses them."""

    name: str
    file: str
    line: int
    events: list[Stated] = msgspec.field(default_factory=list)
    expectations: list[Expectation] = msgspec.field(default_factory=list)
    quiet: list[Quiet] = msgspec.field(default_factory=list)
    never: dict[str, int] = msgspec.field(default_factory=dict)
    devices: dict[str, int] = msgspec.field(default_factory=dict)
    people: dict[str, int] = msgspec.field(default_factory=dict)
    rules: dict[str, int] = msgspec.field(default_factory=dict)
    changed: dict[str, dict[str, object]] = msgspec.field(default_factory=dict)
    watch_calls: bool = False
    watch_incidents: bool = False
    day: date | None = None
    begins_at: timedelta = timedelta(0)
    ends_at: timedelta = timedelta(0)

    @property
    def raises(self) -> set[str]:
        """The rules whose raising the scenario expects."""
        return {one.what.split()[1] for one in self.expectations if one.what.startswith("raised ")}


class _Unread(Exception):
    """A line that cannot be understood: what is wrong and how to write it."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend


def read_scenarios(text: str, file: str) -> tuple[list[Scenario], list[Fault]]:
    """The scenarios of one file, and every line that cannot be understood."""
    scenarios: list[Scenario] = []
    faults: list[Fault] = []
    reader: _Reader | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        try:
            if len(line) > LINE_MAX:
                raise _Unread(f"the line has {len(line)} characters", f"At most {LINE_MAX} are allowed")
            if line.startswith("scenario "):
                reader = _Reader(Scenario(name=line.removeprefix("scenario ").strip(), file=file, line=number))
                scenarios.append(reader.scenario)
            elif reader is None:
                raise _Unread("no scenario has begun", 'Begin with a line "scenario NAME"')
            else:
                reader.read(line, number)
        except _Unread as unread:
            faults.append(Fault(file=file, path=f"line {number}", problem=unread.problem, mend=unread.mend))
    faults += _shape_faults(scenarios, file)
    return scenarios, faults


def _shape_faults(scenarios: list[Scenario], file: str) -> list[Fault]:
    faults = []
    seen: dict[str, int] = {}
    if len(scenarios) > SCENARIOS_MAX:
        faults.append(Fault(file=file, path="", problem=f"has {len(scenarios)} scenarios", mend="Split the file"))
    for one in scenarios:
        path = f"line {one.line}"
        if one.name in seen:
            problem = f"scenario {one.name!r} already stands in line {seen[one.name]}"
            faults.append(Fault(file=file, path=path, problem=problem, mend="Give each its own name"))
        seen.setdefault(one.name, one.line)
        if not (one.expectations or one.quiet or one.never):
            problem = f"scenario {one.name!r} expects nothing, so that it cannot fail"
            faults.append(Fault(file=file, path=path, problem=problem, mend='Write "expect …" or "never RULE"'))
    return faults


class _Reader:
    """Reads the lines of one scenario. Times may not go back, except in `expect` lines about the same moment."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._day = timedelta(0)
        self._last: timedelta | None = None
        self._line = 0

    def read(self, line: str, number: int) -> None:
        self._line = number
        word, _, rest = line.partition(" ")
        reading: dict[str, Callable[[str], None]] = {
            "expect": self._expect,
            "never": self._never,
            "with": self._with,
            "watch": self._watch,
            "day": self._next_day,
            "on": self._on,
        }
        if word in reading:
            reading[word](rest.strip())
        elif _TIME.match(word):
            self._event(self._time(word), rest.strip())
        else:
            words = ", ".join(["scenario", *reading])
            raise _Unread(f"nobody understands {line!r}", f"A line begins with a time (HH:MM:SS) or one of {words}")

    def _time(self, word: str) -> timedelta:
        match = _TIME.match(word)
        if match is None:
            raise _Unread(f"{word!r} is not a time", "Write it like 02:14:00")
        hours, minutes, seconds, milliseconds = (int(part or 0) for part in match.groups())
        if hours > 23 or minutes > 59 or seconds > 59:
            raise _Unread(f"{word!r} is not a time of day", "Write it like 02:14:00; the next day begins with day 2")
        at = self._day + timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
        if self._last is None:
            self.scenario.begins_at = at
        elif at < self._last:
            raise _Unread(f"{word!r} is before the time of an earlier line", "Put the lines in order")
        self._last = at
        self.scenario.ends_at = at
        return at

    def _next_day(self, rest: str) -> None:
        if rest != str(self._day.days + 2):
            raise _Unread(f"day {rest!r} does not come next", f"Write day {self._day.days + 2}")
        self._day += timedelta(days=1)

    def _watch(self, rest: str) -> None:
        if rest == "calls":
            self.scenario.watch_calls = True
        elif rest == "incidents":
            self.scenario.watch_incidents = True
        else:
            raise _Unread(f"cannot watch {rest!r}", 'Write "watch calls" or "watch incidents"')

    def _on(self, rest: str) -> None:
        if self._last is not None or self.scenario.day is not None:
            raise _Unread("the date comes first, once", 'Write "on 2026-10-01" under the name of the scenario')
        try:
            self.scenario.day = date.fromisoformat(rest)
        except ValueError as fault:
            raise _Unread(f"{rest!r} is not a date", 'Write it like "on 2026-10-01"') from fault

    def _never(self, rest: str) -> None:
        self.scenario.rules.setdefault(rest, self._line)
        self.scenario.never.setdefault(rest, self._line)

    def _with(self, rest: str) -> None:
        match rest.split():
            case [device, "silence_limit", "=", text] if (duration := parse_duration(text)) is not None:
                self._change(device, "silence_limit", duration)
            case [device, "clears_are_trusted", "=", text] if text in _BOOLEANS:
                self._change(device, "clears_are_trusted", _BOOLEANS[text])
            case [device]:
                self.scenario.devices.setdefault(device, self._line)
            case _:
                mend = "Write with DEVICE, with DEVICE silence_limit = 2m or with DEVICE clears_are_trusted = false"
                raise _Unread(f"nobody understands {rest!r}", mend)

    def _change(self, device: str, field: str, value: object) -> None:
        self.scenario.devices.setdefault(device, self._line)
        self.scenario.changed.setdefault(device, {})[field] = value

    def _expect(self, rest: str) -> None:
        words = rest.split()
        match words:
            case ["nothing", "until", time]:
                since = self._last if self._last is not None else timedelta(0)
                self.scenario.quiet.append(Quiet(since, self._time(time), self._line))
                return
            case [time, change, rule, "on", subject, *marks] if change in _CHANGES and _is_marks(marks):
                what = f"{change} {rule} on {subject}"
                self.scenario.rules.setdefault(rule, self._line)
            case [time, purpose, "to", person, *marks] if purpose in _PURPOSES and not marks:
                what = f"{purpose} to {person}"
                self.scenario.people.setdefault(person, self._line)
                if not self.scenario.watch_calls:
                    raise _Unread("calls are not watched in this scenario", 'Write "watch calls" above')
            case [time, "confirmed", category, "in", zone] if category in _CATEGORIES:
                what = f"confirmed {category} in {zone}"
                marks = []
                if not self.scenario.watch_incidents:
                    raise _Unread("incidents are not watched in this scenario", 'Write "watch incidents" above')
            case [time, "refused", verb, "by", person, *marks] if verb in list(Verb) and not marks:
                what = f"refused {verb} by {person}"
                self.scenario.people.setdefault(person, self._line)
            case _:
                mend = 'Write like "expect 02:14:00 raised fire.smoke on smoke-204" or "expect nothing until 02:20"'
                raise _Unread(f"nobody understands 'expect {rest}'", mend)
        names = tuple(mark.strip("()") for mark in marks)
        self.scenario.expectations.append(Expectation(at=self._time(time), line=self._line, what=what, marks=names))

    def _event(self, at: timedelta, rest: str) -> None:
        words = rest.split()
        line = self._line
        match words:
            case ["link", link, "down" | "up" as way, *detail]:
                event: Stated = LinkTurned(at=at, line=line, link=link, up=way == "up", detail=" ".join(detail))
            case [device, "unreadable", *category] if len(category) <= 1:
                self.scenario.devices.setdefault(device, line)
                event = Unreadable(at=at, line=line, device=device, category="".join(category))
            case [person, verb, rule, "on", subject, *more] if verb in _VERBS:
                self.scenario.people.setdefault(person, line)
                event = self._act(at, person, _VERBS[verb], rule, subject, " ".join(more))
            case [device, *_] if "=" in rest:
                event = self._spoke(at, device, rest.removeprefix(device).strip())
            case _:
                mend = 'Write like "02:14:00 smoke-204 smoke.alarm = true" or "02:15:00 carer-chen acknowledges …"'
                raise _Unread(f"nobody understands {rest!r}", mend)
        self.scenario.events.append(event)

    def _act(self, at: timedelta, person: str, verb: Verb, rule: str, subject: str, more: str) -> Act:
        act = Act(at=at, line=self._line, person=person, verb=verb, rule=rule, subject=subject)
        if verb is Verb.VERDICT:
            verdict, _, cause = more.partition(" because ")
            found = verdict.strip()
            said = {"verdict": found} if found in list(VerdictKind) else {"finding": found}
            return msgspec.structs.replace(act, cause=cause.strip(), **said)
        if verb is Verb.RESET and more == "(checked on site)":
            return msgspec.structs.replace(act, checked_on_site=True)
        if more:
            raise _Unread(f"nobody understands {more!r}", "Only a reset may say (checked on site)")
        return act

    def _spoke(self, at: timedelta, device: str, rest: str) -> Spoke:
        found, unregistered = rest.endswith("(found)"), rest.endswith("(unregistered)")
        rest = rest.removesuffix("(found)").removesuffix("(unregistered)")
        if not unregistered:
            self.scenario.devices.setdefault(device, self._line)
        values = tuple(_value(part) for part in rest.split(","))
        return Spoke(at=at, line=self._line, device=device, values=values, found=found, unregistered=unregistered)


def _is_marks(words: list[str]) -> bool:
    return all(word.startswith("(") and word.endswith(")") and word.strip("()") in _MARKS for word in words)


def _value(part: str) -> tuple[str, Value]:
    name, equals, text = (piece.strip() for piece in part.partition("="))
    point = find_point(name)
    if not equals or point is None:
        raise _Unread(f"unknown point {name!r}", "Write POINT = VALUE with a point of the catalogue")
    if point.name == "button":
        return name, text
    if point.kind is Kind.STATE:
        if text not in _BOOLEANS:
            raise _Unread(f"{text!r} is not a value of {name}", "Write true or false")
        return name, _BOOLEANS[text]
    number = text.removesuffix(point.unit).strip()
    if _NUMBER.match(number) is None:
        raise _Unread(f"{text!r} is not a value of {name}", f"Write a number, with or without {point.unit}")
    return name, float(number)
