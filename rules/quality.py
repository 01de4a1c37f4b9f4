"""Alarm quality: how well a home's alarms serve the people who must answer them, by ISA-18.2 and EEMUA 191.

Computed from effects alone, in their order. Test alarms, and those that are suppressed, call nobody and do not count.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from rules.alarm import Alarm, SuppressionKind
from rules.effects import AlarmChanged, AnyEffect, Change, IncidentChanged
from rules.incident import Incident, Verdict, VerdictKind

WINDOW = timedelta(minutes=10)
"""The span in which alarms are counted; one alarm in it is the steady state's target (EEMUA 191)."""

FLOOD_BEGINS = 10
FLOOD_ENDS = 5
"""A flood begins with ten alarms in ten minutes and ends below five (ISA-18.2, EEMUA 191)."""

OVERLOADED_SHARE_MAX = 0.01
"""At most 1 % of the windows may hold more than ten alarms (ISA-18.2)."""

CHATTER_CYCLES = 3
CHATTER_WITHIN = timedelta(minutes=1)
"""Chattering: three times on and off within a minute (ISA-18.2)."""

FLEETING_WITHIN = timedelta(seconds=10)
"""Fleeting: gone "within seconds" before anybody did anything, and not back at once (the number is our own)."""

STALE_AFTER = timedelta(hours=24)
STALE_MAX = 5
"""Stale: active for more than a day; fewer than five are wanted (ISA-18.2)."""

SOURCES_SHOWN = 10
SOURCES_SHARE_MAX = 0.05
"""The ten busiest sources should bring at most 5 % of all alarms (ISA-18.2)."""

RAISED_MAX = 1_000_000
"""Alarms that one report counts; what is beyond it is told as left off."""


class Flood(msgspec.Struct, frozen=True):
    """One flood: when it began, when it was over (None: not yet) and how many alarms came while it lasted."""

    began_at: datetime
    ended_at: datetime | None
    alarms: int


class Source(msgspec.Struct, frozen=True):
    """A device, or a part of the gateway, and how many alarms it brought."""

    subject: str
    alarms: int


class FalseAlarms(msgspec.Struct, frozen=True):
    """How often people found nothing where this device had raised, in a month (`2026-11`)."""

    subject: str
    month: str
    count: int


class Spread(msgspec.Struct, frozen=True):
    """Durations in seconds: how many there were, the median, nine of ten, the longest."""

    count: int = 0
    median_s: float = 0.0
    p90_s: float = 0.0
    longest_s: float = 0.0


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """The alarm quality of one home over a time. `per_window` are the counts of the ten-minute windows, in order."""

    begin: datetime
    end: datetime
    alarms: int
    left_off: int
    per_window: tuple[int, ...]
    floods: tuple[Flood, ...]
    chattering: tuple[Source, ...]
    fleeting: int
    stale: int
    standing: int
    priorities: dict[int, int]
    categories: dict[str, int]
    sources: tuple[Source, ...]
    false_alarms: tuple[FalseAlarms, ...]
    verdicts: dict[str, int]
    to_acknowledge: Spread
    to_verify: Spread

    @property
    def overloaded_share(self) -> float:
        """The share of windows with more than ten alarms."""
        over = sum(1 for count in self.per_window if count > FLOOD_BEGINS)
        return over / len(self.per_window) if self.per_window else 0.0

    @property
    def sources_share(self) -> float:
        """The share of all alarms that the busiest sources brought."""
        return sum(source.alarms for source in self.sources) / self.alarms if self.alarms else 0.0

    @property
    def average(self) -> float:
        """Alarms in ten minutes, on average over the whole time."""
        return self.alarms / len(self.per_window) if self.per_window else 0.0


class _Standing(msgspec.Struct):
    """An alarm that is open, as far as its quality goes."""

    subject: str
    on_at: datetime | None
    touched: bool = False
    was_stale: bool = False


class QualityCount:
    """Counts the effects of one home between two instants; `offset` is the home's local time, for its months."""

    def __init__(self, begin: datetime, end: datetime, offset: timedelta = timedelta(hours=8)) -> None:
        self._begin, self._end, self._offset = begin, end, offset
        self._raised: list[datetime] = []
        self._left_off = 0
        self._open: dict[str, _Standing] = {}
        self._subjects: dict[str, str] = {}
        self._cycles: dict[tuple[str, str], deque[tuple[datetime, datetime]]] = {}
        self._chattering: Counter[str] = Counter()
        self._fleeting: dict[tuple[str, str], datetime] = {}
        self._fleeting_count = 0
        self._stale = 0
        self._priorities: Counter[int] = Counter()
        self._categories: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()
        self._verdicts: dict[str, tuple[str, str, frozenset[str]]] = {}
        self._acknowledged: list[float] = []
        self._verified: dict[str, float] = {}

    def take(self, effects: Iterable[AnyEffect]) -> None:
        """Count the effects of one input. What lies before `begin` only tells what stands open then."""
        for effect in effects:
            if effect.at >= self._end:
                continue
            match effect:
                case AlarmChanged(alarm=alarm) if not alarm.test:
                    self._on_alarm(effect.at, effect.change, alarm)
                case IncidentChanged(incident=incident, change="verdict") if incident.verdict is not None:
                    if effect.at >= self._begin:
                        self._on_verdict(incident, incident.verdict)
                case _:
                    continue

    def _on_alarm(self, at: datetime, change: Change, alarm: Alarm) -> None:
        self._subjects[alarm.id] = alarm.subject
        if change in (Change.RAISED, Change.BECAME_REAL) and alarm.suppression.kind is SuppressionKind.NONE:
            self._on_raised(at, alarm)
        standing = self._open.get(alarm.id)
        if standing is None:
            if not alarm.open:
                return
            standing = self._open[alarm.id] = _Standing(alarm.subject, None)
        if change is Change.ACKNOWLEDGED and alarm.acknowledged is not None and at >= self._begin:
            self._acknowledged.append((alarm.acknowledged.at - alarm.raised_at).total_seconds())
        standing.touched |= change in (Change.ACKNOWLEDGED, Change.SILENCED, Change.RESET)
        if alarm.active and standing.on_at is None:
            standing.on_at = at
            self._fleeting.pop((alarm.rule, alarm.subject), None)
        elif not alarm.active and standing.on_at is not None:
            self._went_off(at, alarm, standing, standing.on_at)
            standing.on_at = None
        if not alarm.open:
            del self._open[alarm.id]

    def _on_raised(self, at: datetime, alarm: Alarm) -> None:
        if at < self._begin:
            return
        if len(self._raised) >= RAISED_MAX:
            self._left_off += 1
            return
        self._raised.append(at)
        self._priorities[alarm.priority] += 1
        self._categories[alarm.category.value] += 1
        self._sources[alarm.subject] += 1

    def _went_off(self, at: datetime, alarm: Alarm, standing: _Standing, on_at: datetime) -> None:
        if at < self._begin:
            return
        self._stale += at - on_at > STALE_AFTER
        cause = (alarm.rule, alarm.subject)
        cycles = self._cycles.setdefault(cause, deque(maxlen=CHATTER_CYCLES))
        cycles.append((on_at, at))
        if len(cycles) == CHATTER_CYCLES and at - cycles[0][0] <= CHATTER_WITHIN:
            self._chattering[alarm.subject] += 1
            cycles.clear()
        if at - on_at <= FLEETING_WITHIN and not standing.touched:
            self._settle_fleeting(at)
            self._fleeting[cause] = at

    def _settle_fleeting(self, now: datetime) -> None:
        """What has stayed away for a minute was fleeting; what came back before is repeating."""
        for cause, at in list(self._fleeting.items()):
            if now - at > CHATTER_WITHIN:
                self._fleeting_count += 1
                del self._fleeting[cause]

    def _on_verdict(self, incident: Incident, verdict: Verdict) -> None:
        month = f"{verdict.at + self._offset:%Y-%m}"
        subjects = frozenset(self._subjects[alarm] for alarm in incident.alarms if alarm in self._subjects)
        self._verdicts[incident.id] = (verdict.kind.value, month, subjects)
        self._verified.setdefault(incident.id, (verdict.at - incident.opened_at).total_seconds())

    def report(self) -> Quality:
        """What was counted."""
        windows = max(1, -(-(self._end - self._begin) // WINDOW))
        per_window = [0] * windows
        for at in self._raised:
            per_window[(at - self._begin) // WINDOW] += 1
        stale_now = [
            one for one in self._open.values() if one.on_at is not None and self._end - one.on_at > STALE_AFTER
        ]
        false: Counter[tuple[str, str]] = Counter()
        for kind, month, subjects in self._verdicts.values():
            if kind == VerdictKind.FALSE:
                false.update((subject, month) for subject in subjects)
        self._settle_fleeting(self._end + CHATTER_WITHIN)
        return Quality(
            begin=self._begin,
            end=self._end,
            alarms=len(self._raised),
            left_off=self._left_off,
            per_window=tuple(per_window),
            floods=tuple(floods_of(self._raised, self._end)),
            chattering=tuple(Source(*one) for one in _ranked(self._chattering)),
            fleeting=self._fleeting_count,
            stale=self._stale + len(stale_now),
            standing=len(self._open),
            priorities=dict(sorted(self._priorities.items())),
            categories=dict(self._categories.most_common()),
            sources=tuple(Source(*one) for one in _ranked(self._sources)[:SOURCES_SHOWN]),
            false_alarms=tuple(
                FalseAlarms(subject, month, count)
                for (subject, month), count in sorted(false.items(), key=lambda one: (-one[1], one[0]))
            ),
            verdicts=dict(Counter(kind for kind, _, _ in self._verdicts.values())),
            to_acknowledge=spread_of(self._acknowledged),
            to_verify=spread_of(list(self._verified.values())),
        )


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def floods_of(raised: Sequence[datetime], end: datetime) -> list[Flood]:
    """The floods among alarms raised at these instants, in order; one that still lasts at `end` has no end."""
    floods: list[Flood] = []
    began: int | None = None
    for place, at in enumerate(raised):
        if began is not None:
            over_at = raised[place - FLOOD_ENDS] + WINDOW
            if over_at <= at:
                floods.append(Flood(raised[began], over_at, place - began))
                began = None
        first = place - FLOOD_BEGINS + 1
        if began is None and first >= 0 and at - raised[first] < WINDOW:
            earliest = floods[-1].ended_at if floods else None
            began = first if earliest is None or raised[first] >= earliest else place
    if began is not None:
        over_at = raised[len(raised) - FLOOD_ENDS] + WINDOW
        floods.append(Flood(raised[began], over_at if over_at <= end else None, len(raised) - began))
    return floods


def spread_of(seconds: Sequence[float]) -> Spread:
    """Count, median, nine of ten and the longest."""
    if not seconds:
        return Spread()
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return Spread(len(ordered), ordered[last // 2], ordered[-(-last * 9 // 10)], ordered[-1])
