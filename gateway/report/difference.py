"""The difference between what was raised and what other rules would have raised, held against people's verdicts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.report.candidate import raised_in
from rules import guards
from rules.alarm import Alarm
from rules.effects import AnyEffect, IncidentChanged
from rules.incident import VerdictKind
from rules.text import Text

SAME_WITHIN: Final = timedelta(minutes=10)
"""Two alarms of one place and category so near to each other are the same event."""

EPISODES_MAX: Final = 100_000
"""Alarms of each side that are compared; what is beyond is counted and told."""


class Episode(msgspec.Struct, frozen=True):
    """One alarm that was raised. `title` is its rule's; `verdict` is what people found ("" where nobody said)."""

    id: str
    incident: str
    rule: str
    subject: str
    zone: str
    category: str
    raised_at: datetime
    verdict: str = ""
    title: Text = Text("")

    def rule_in(self, language: str) -> str:
        """What the rule is called."""
        return self.title.in_language(language) or self.rule


class Pair(msgspec.Struct, frozen=True):
    """The same event on both sides."""

    recorded: Episode
    candidate: Episode

    @property
    def earlier_s(self) -> float:
        """By how many seconds the candidate was earlier."""
        return (self.recorded.raised_at - self.candidate.raised_at).total_seconds()


class Judged(msgspec.Struct, frozen=True):
    """Incidents with one kind of verdict: how many there were, and those that the candidate would not have raised."""

    total: int = 0
    not_raised: tuple[Episode, ...] = ()


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The difference of one home over a time. An incident counts as raised if any of its alarms was."""

    recorded: int
    candidate: int
    pairs: tuple[Pair, ...]
    more: tuple[Episode, ...]
    confirmed: Judged
    false: Judged
    unjudged: Judged
    earlier_s: float | None
    left_off: int = 0

    def by_guards(self) -> list[str]:
        """The dangers for which the candidate has no rule: the gateway raised them all the same, each once named."""
        found = (pair for pair in self.pairs if pair.candidate.rule.startswith(guards.PREFIX))
        names = {f"{p.recorded.rule} ({p.candidate.rule.removeprefix(guards.PREFIX)})" for p in found
                 if p.recorded.rule != p.candidate.rule}  # fmt: skip
        return sorted(names)


class Comparison:
    """Takes both sides' effects in the order of their inputs, and says in the end how they differ."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        self._begin, self._end = begin, end
        self._recorded: list[Episode] = []
        self._candidate: list[Episode] = []
        self._verdicts: dict[str, str] = {}
        self._left_off = 0

    def take(self, recorded: Iterable[AnyEffect], candidate: Iterable[AnyEffect]) -> None:
        """What was asked for because of one input, and what the candidate asked for."""
        for effect in recorded:
            if isinstance(effect, IncidentChanged) and effect.change == "verdict" and effect.incident.verdict:
                self._verdicts[effect.incident.id] = effect.incident.verdict.kind.value
        self._note(recorded, self._recorded)
        self._note(candidate, self._candidate)

    def _note(self, effects: Iterable[AnyEffect], into: list[Episode]) -> None:
        for alarm in raised_in(effects):
            if not self._begin <= alarm.raised_at < self._end:
                continue
            if len(into) >= EPISODES_MAX:
                self._left_off += 1
            else:
                into.append(episode_of(alarm))

    def result(self) -> Difference:
        """The difference, as far as it was taken."""
        recorded = [msgspec.structs.replace(e, verdict=self._verdicts.get(e.incident, "")) for e in self._recorded]
        pairs = matched(recorded, self._candidate)
        taken = {pair.candidate.id for pair in pairs}
        raised = {pair.recorded.incident for pair in pairs}
        leads: dict[str, float] = {}
        for pair in pairs:
            if pair.recorded.verdict != VerdictKind.FALSE:
                leads[pair.recorded.incident] = max(leads.get(pair.recorded.incident, pair.earlier_s), pair.earlier_s)
        ordered = sorted(leads.values())
        return Difference(
            recorded=len(recorded),
            candidate=len(self._candidate),
            pairs=tuple(pairs),
            more=tuple(episode for episode in self._candidate if episode.id not in taken),
            confirmed=_judged(recorded, VerdictKind.REAL.value, raised),
            false=_judged(recorded, VerdictKind.FALSE.value, raised),
            unjudged=_judged(recorded, "", raised),
            earlier_s=ordered[(len(ordered) - 1) // 2] if ordered else None,
            left_off=self._left_off,
        )


def episode_of(alarm: Alarm) -> Episode:
    """An alarm as it was raised."""
    return Episode(
        *(alarm.id, alarm.incident, alarm.rule, alarm.subject, alarm.zone, alarm.category.value, alarm.raised_at),
        title=alarm.title,
    )


def _judged(recorded: Sequence[Episode], verdict: str, raised: set[str]) -> Judged:
    """The incidents with this verdict; each stands for itself by its first alarm."""
    first: dict[str, Episode] = {}
    for episode in recorded:
        if episode.verdict == verdict:
            first.setdefault(episode.incident, episode)
    return Judged(len(first), tuple(one for incident, one in first.items() if incident not in raised))


def matched(recorded: Sequence[Episode], candidate: Sequence[Episode]) -> list[Pair]:
    """Which alarms of both sides are the same event: of one device first, then of one zone; the nearest in time."""
    pairs: list[Pair] = []
    left = list(recorded)
    taken: set[str] = set()
    for key in (_of_device, _of_zone):
        places: dict[tuple[str, str], list[Episode]] = {}
        for episode in candidate:
            if episode.id not in taken:
                places.setdefault(key(episode), []).append(episode)
        rest = []
        for episode in left:
            near = places.get(key(episode), [])
            place = _nearest(near, episode.raised_at)
            if place is None:
                rest.append(episode)
                continue
            found = near.pop(place)
            taken.add(found.id)
            pairs.append(Pair(episode, found))
        left = rest
    return sorted(pairs, key=lambda pair: pair.recorded.raised_at)


def _nearest(near: Sequence[Episode], at: datetime) -> int | None:
    """The place of the alarm nearest to this instant, None where none is near enough."""
    right = bisect_left(near, at, key=lambda one: one.raised_at)
    places = [place for place in (right - 1, right) if 0 <= place < len(near)]
    best = min(places, key=lambda place: abs(near[place].raised_at - at), default=None)
    return None if best is None or abs(near[best].raised_at - at) > SAME_WITHIN else best


def _of_device(episode: Episode) -> tuple[str, str]:
    return (episode.subject, episode.category)


def _of_zone(episode: Episode) -> tuple[str, str]:
    return (episode.zone, episode.category)
