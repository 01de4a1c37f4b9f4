"""Sentences: what happens in a home, and whose phone rings then, in words that a director can read, on a manual clock.

    sentence smoke at night, nobody answers
    home plain
    at 02:14 smoke in room 204
    expect within 1 s: call chen, li
    no answer
    advance 30 s
    expect: call chen, li, wang
    li answers by sms
    expect: over chen, wang
    advance 10 min
    expect nothing

Every line may be Chinese (`在 02:14 204房 烟感报警`, `1 秒内: 呼叫 chen`, `过 30 秒`, `应有: 呼叫 li`, `再无消息`).
The phones are virtual: a message takes 0.3 s to ring, unless its channel refuses. `expect` looks at the second after
what happened last; `advance` counts from there, and what people do happens after that second. Whatever rings and was
not expected fails the sentence, as does what rings early.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from devices.reading import Reading, Report
from gateway.load import kind_defaults
from rules.alarm import Category
from rules.effects import AnyEffect, Notify, Refused, StopNotifying
from rules.engine import Engine
from rules.inputs import (
    AnyInput,
    OperatorActed,
    Outcome,
    ReadingsArrived,
    SendReported,
    SiteChanged,
    TimePassed,
    Verb,
)
from rules.parse_site import Names, parse_site
from rules.rule import Rule
from rules.site import Site
from tests.unit.engine_world import danger_rule

FOLDER = Path(__file__).parent / "sentences"
RINGS_AFTER = timedelta(seconds=0.3)
SECOND = timedelta(seconds=1)

EVENTS: dict[str, tuple[str, str, bool]] = {
    "smoke": ("smoke", "smoke.alarm", True), "烟感报警": ("smoke", "smoke.alarm", True),
    "gas": ("gas", "gas.alarm", True), "燃气报警": ("gas", "gas.alarm", True),
    "help": ("sos", "sos.alarm", True), "求助": ("sos", "sos.alarm", True),
    "arcing": ("electrical", "arc.alarm", True), "电弧报警": ("electrical", "arc.alarm", True),
    "tamper": ("gas", "tamper", True), "被拆": ("gas", "tamper", True),
    "fault": ("smoke", "fault", True), "故障": ("smoke", "fault", True),
    "camera lost": ("video", "video.online", False), "摄像机离线": ("video", "video.online", False),
    "help over": ("sos", "sos.alarm", False), "求助解除": ("sos", "sos.alarm", False),
    "smoke over": ("smoke", "smoke.alarm", False), "烟已散": ("smoke", "smoke.alarm", False),
}
"""What happens, as people say it: the kind of the device in that room, its point and value."""

_OF: dict[str, Category] = {
    "smoke.alarm": Category.FIRE, "gas.alarm": Category.GAS, "sos.alarm": Category.PERSON,
    "arc.alarm": Category.ELECTRICAL, "tamper": Category.SUPERVISORY, "fault": Category.TROUBLE,
}


def rules() -> tuple[Rule, ...]:
    """One rule a category, each at once: what is looked at here are the plans."""
    found = [danger_rule(point, category, latch=category.endangers_people) for point, category in _OF.items()]
    lost = danger_rule("video.online", Category.VIDEO, latch=False)
    return (*found, replace(lost, condition=replace(lost.condition, value=False)))


def home(name: str) -> Site:
    """A home of the sentences: what all have, with the people and plans of its own file."""
    whole: dict[str, Any] = tomllib.loads((FOLDER / "base.toml").read_text("utf-8"))
    own: dict[str, Any] = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    for key, value in own.items():
        whole[key] = {**whole[key], **value} if isinstance(value, dict) else [*whole.get(key, []), *value]
    site, faults = parse_site(whole, Names(kind_defaults()))
    assert site is not None, [str(fault) for fault in faults]
    return site


@dataclass(frozen=True)
class Ring:
    """One message that came to a phone, or was refused on the way."""

    at: datetime
    purpose: str
    person: str
    channel: str
    message: str = ""
    incident: str = ""

    def __str__(self) -> str:
        return f"{self.purpose} {self.person} by {self.channel}"


class Wrong(AssertionError):
    """A sentence does not hold: file, line, and what happened instead."""


@dataclass
class Phones:
    """The virtual phones: what each channel of a person does, and what is on its way."""

    does: dict[tuple[str, str], str] = field(default_factory=dict)
    under_way: list[tuple[datetime, Notify]] = field(default_factory=list)

    def take(self, effects: tuple[AnyEffect, ...], at: datetime) -> None:
        for effect in effects:
            if isinstance(effect, Notify):
                self.under_way.append((at + RINGS_AFTER, effect))
            elif isinstance(effect, StopNotifying):
                self.under_way = [one for one in self.under_way
                                  if one[1].incident.id != effect.incident or one[1].purpose == "over"]

    def due(self) -> datetime | None:
        return min((at for at, _ in self.under_way), default=None)

    def pop(self, at: datetime) -> Notify | None:
        for place, (due, notify) in enumerate(self.under_way):
            if due <= at:
                del self.under_way[place]
                return notify
        return None

    def outcomes(self, notify: Notify) -> list[Outcome]:
        """What becomes of it: accepted, if nothing else is said of this person's channel."""
        does = self.does.get((notify.person, notify.channel), "")
        return {"refuses": [Outcome.REFUSED], "confirms": [Outcome.ACCEPTED, Outcome.DELIVERED]}.get(
            does, [Outcome.ACCEPTED]
        )


class Telling:
    """One sentence being played."""

    def __init__(self, site: Site, where: str) -> None:
        self.site = site
        self.where = where
        self.engine = Engine(site.id)
        self.phones = Phones()
        self.rings: list[Ring] = []
        self.heard: list[Ring] = []
        self.mark = datetime(2026, 3, 1, 16, tzinfo=UTC)
        self.now = self.mark
        self._step(SiteChanged(at=self.now, site=site, rules=rules(), ruleset="sentences"))

    # time

    def _step(self, happened: AnyInput) -> None:
        effects = self.engine.step(happened)
        self.phones.take(effects, happened.at)
        self.rings += [Ring(e.at, "refused", e.person, e.reason) for e in effects if isinstance(e, Refused)]

    def pass_to(self, until: datetime) -> None:
        """Every deadline and every ring on the way, at its own instant."""
        while True:
            dues = [due for due in (self.engine.next_deadline(), self.phones.due()) if due is not None and due <= until]
            if not dues:
                break
            self.now = max(self.now, min(dues))
            notify = self.phones.pop(self.now)
            if notify is None:
                self._step(TimePassed(at=self.now))
                continue
            outcomes = self.phones.outcomes(notify)
            purpose = "refuse" if outcomes == [Outcome.REFUSED] else notify.purpose
            self.rings.append(
                Ring(self.now, purpose, notify.person, notify.channel, notify.message, notify.incident.id)
            )
            for outcome in outcomes:
                self._reported(self.rings[-1], outcome)
        self.now = max(self.now, until)
        self._step(TimePassed(at=self.now))

    def _reported(self, ring: Ring, outcome: Outcome) -> None:
        self._step(SendReported(at=self.now, message=ring.message, incident=ring.incident, channel=ring.channel,
                                person=ring.person, outcome=outcome, final=outcome is not Outcome.ANSWERED))

    def act(self, at: datetime, do: Callable[[], None]) -> None:
        """Something happens at `at`: what rang until then must have been expected."""
        self.pass_to(at)
        self.nothing_left()
        self.mark = at
        do()

    def nothing_left(self) -> None:
        if self.rings:
            late = [f"{ring} after {(ring.at - self.mark).total_seconds():g} s" for ring in self.rings]
            raise Wrong(f"{self.where}: nobody expected {'; '.join(late)}")

    # what the lines say

    def event(self, at: str, what: str, room: str) -> None:
        kind, point, value = EVENTS[what]
        device = next(d for d in self.site.devices if d.kind == kind and d.room == room)
        wanted = self._at(at)
        report = Report(device.id, (Reading(point, value),))
        self.act(wanted, lambda: self._step(ReadingsArrived(at=wanted, source="s", reports=(report,))))

    def _at(self, text: str) -> datetime:
        hours, minutes, *rest = (int(part) for part in text.split(":"))
        clock = timedelta(hours=hours - 8, minutes=minutes, seconds=rest[0] if rest else 0)
        day = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return next(each for each in (day + n * timedelta(days=1) + clock for n in range(-1, 3)) if each >= self.mark)

    def advance(self, span: timedelta) -> None:
        until = self.mark + span
        self.pass_to(until - timedelta(microseconds=1))
        self.nothing_left()
        self.mark = until
        self.pass_to(until)

    def expect(self, within: timedelta, wanted: dict[str, list[tuple[str, str]]]) -> None:
        self.pass_to(max(self.now, self.mark + max(SECOND, within)))
        for purpose, people in wanted.items():
            for person, channel in people:
                fitting = [r for r in self.rings if r.purpose == purpose and r.person == person
                           and channel in ("", r.channel) and r.at <= self.mark + within]
                if not fitting:
                    instead = "; ".join(map(str, self.rings)) or "nothing happened"
                    raise Wrong(f"{self.where}: expected {purpose} {person} {channel}".rstrip() + f", but {instead}")
                self.rings = [ring for ring in self.rings if ring not in fitting]
                self.heard += fitting

    def expect_nothing(self) -> None:
        self.pass_to(max(self.now, self.mark + SECOND))
        self.nothing_left()

    def answer(self, person: str, channel: str) -> None:
        ring = next((r for r in reversed(self.heard) if (r.person, r.channel) == (person, channel)), None)
        if ring is None:
            raise Wrong(f"{self.where}: {person} has no message by {channel} to answer")
        self.act(self.now, lambda: self._reported(ring, Outcome.ANSWERED))

    def does(self, person: str, verb: Verb, **more: Any) -> None:
        open_ones = [i.id for i in self.engine.incidents.values()] or [ring.incident for ring in self.heard[-1:]]
        asked = OperatorActed(at=self.now, person=person, verb=verb, target=open_ones[0], **more)
        self.act(self.now, lambda: self._step(replace(asked, at=self.now)))


_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|秒|分钟|小时)")
_SECONDS = {"s": 1, "秒": 1, "min": 60, "分钟": 60, "h": 3600, "小时": 3600}
_PURPOSES = {"call": "call", "呼叫": "call", "repeat": "repeat", "再呼": "repeat", "over": "over", "告知": "over",
             "refused by": "refuse", "拒收": "refuse", "refusal for": "refused", "拒绝": "refused"}


def span_of(text: str) -> timedelta:
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise Wrong(f"{text!r} is not a span: write 30 s, 10 min, 30 秒")
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


def wanted_of(text: str) -> dict[str, list[tuple[str, str]]]:
    """`call chen by sms, li; over wang`: what is expected of whom, over which channel (none: any)."""
    wanted: dict[str, list[tuple[str, str]]] = {}
    for part in re.split("[;；]", text):
        word = next((word for word in _PURPOSES if part.strip().startswith(f"{word} ")), None)
        if word is None:
            raise Wrong(f"nobody understands {part!r}: write call, repeat, over, refused by or refusal for, then whom")
        for name in re.split("[,，、]", part.strip().removeprefix(word)):
            person, _, channel = re.sub(r"\s+by\s+|\s*用\s*", "|", name.strip()).partition("|")
            wanted.setdefault(_PURPOSES[word], []).append((person, channel))
    return wanted


_LINES: list[tuple[str, Callable[[Telling, re.Match[str]], None]]] = [
    (r"at (\S+) (.+) in room (\S+)", lambda t, m: t.event(m[1], m[2], m[3])),
    (r"在 (\S+) (\S+)房 (\S+)", lambda t, m: t.event(m[1], m[3], m[2])),
    (r"(?:advance|过) (.+)", lambda t, m: t.advance(span_of(m[1]))),
    (r"(?:no answer|无人应答)", lambda _, __: None),
    (r"(?:expect nothing|再无消息)", lambda t, _: t.expect_nothing()),
    (r"expect within (.+?): (.+)", lambda t, m: t.expect(span_of(m[1]), wanted_of(m[2]))),
    (r"(\d+ ?秒)内: (.+)", lambda t, m: t.expect(span_of(m[1]), wanted_of(m[2]))),
    (r"(?:expect|应有): (.+)", lambda t, m: t.expect(SECOND, wanted_of(m[1]))),
    (r"(\S+) answers by (\S+)", lambda t, m: t.answer(m[1], m[2])),
    (r"(\S+) 用(\S+)回复", lambda t, m: t.answer(m[1], m[2])),
    (r"(\S+) (?:acknowledges|接手)", lambda t, m: t.does(m[1], Verb.ACKNOWLEDGE)),
    (r"(\S+) (?:finds|判定) (\S+?)(?: because (.+))?",
     lambda t, m: t.does(m[1], Verb.VERDICT, finding=m[2], cause=m[3] or "")),
    (r"(\S+) (?:resets|复位)", lambda t, m: t.does(m[1], Verb.RESET)),
    (r"(\S+) of (\S+) (refuses|confirms|works)", lambda t, m: t.phones.does.update({(m[2], m[1]): m[3]})),
    (r"(\S+) 的(\S+)(拒收|送达|正常)", lambda t, m: t.phones.does.update(
        {(m[1], m[2]): {"拒收": "refuses", "送达": "confirms", "正常": "works"}[m[3]]})),
]


def tell(text: str, where: str) -> Telling:
    """Play one sentence; Wrong at the first line that does not hold."""
    telling: Telling | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        if match := re.fullmatch(r"(?:home|机构) (\S+)", line):
            telling = Telling(home(match[1]), where)
            continue
        if telling is None:
            raise Wrong(f"{where}: say first which home it is: home NAME")
        telling.where = f"{where}, line {number}: {line!r}"
        found = ((match, do) for form, do in _LINES if (match := re.fullmatch(form, line)))
        match, do = next(found, (None, None))
        if match is None or do is None:
            raise Wrong(f"{telling.where}: nobody understands this line")
        do(telling, match)
    if telling is None:
        raise Wrong(f"{where}: is empty")
    telling.where = f"{where}, its end"
    telling.expect_nothing()
    return telling


def sentences() -> dict[str, str]:
    """All sentences by file and name."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.sentence")):
        for part in re.split(r"^(?:sentence|句子) ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            name, _, body = part.partition("\n")
            assert f"{path.stem}: {name}" not in found, name
            found[f"{path.stem}: {name}"] = body
    return found
