"""The roster of a home: who holds which post over which stretch of time, from shifts, rotations and overrides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, Generic, TypeVar

import msgspec

from rules.people import Hours, Override, Post, Shift
from rules.schedule import CHINA, Offsets, is_day, local_time
from rules.site import Person, Site

_T = TypeVar("_T")

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)

LOOK_AHEAD: Final = timedelta(days=32)
"""How far the next change is looked for: a month's roster and a day."""


class Stretch(msgspec.Struct, frozen=True):
    """A span of time over which the same people hold a post; `needed`: how many must (0 outside the post's hours)."""

    begins_at: datetime
    ends_at: datetime
    people: tuple[str, ...]
    needed: int = 0


class LocalTime:
    """Local time as instants. An hour that comes twice means its first time, one that never comes the jump over it."""

    def __init__(self, offsets: Offsets) -> None:
        self._offsets = offsets
        self._starts = [since for since, _ in offsets]
        self._shifts = [CHINA, *(timedelta(minutes=minutes) for _, minutes in offsets)]

    def day_of(self, at: datetime) -> date:
        """The local date."""
        return local_time(at, self._offsets).date()

    def local(self, at: datetime) -> datetime:
        """The time on the wall, without a zone."""
        return local_time(at, self._offsets)

    def instant(self, local: datetime, like: datetime) -> datetime:
        """The first instant at which the wall shows this time or a later one. `like` gives the zone of the answer."""
        aware = local.replace(tzinfo=like.tzinfo)
        for place, shift in enumerate(self._shifts):
            since = self._starts[place - 1] if place else None
            at = aware - shift
            at = at if since is None else max(at, since)
            if place == len(self._starts) or at < self._starts[place]:
                return at
        return aware - self._shifts[-1]

    def midnight(self, day: date, like: datetime) -> datetime:
        """The instant at which a local day begins."""
        return self.instant(datetime.combine(day, datetime.min.time()), like)


class Roster:
    """Who holds which post. Pure: what it says of an instant depends on the site alone."""

    def __init__(self, site: Site) -> None:
        self.posts = {post.id: post for post in site.posts}
        self.time = LocalTime(site.offsets)
        self._people = {person.id: person for person in site.people}
        self._shifts: dict[str, list[Shift]] = {post: [] for post in self.posts}
        self._dated: dict[str, frozenset[date]] = {}
        for shift in site.shifts:
            self._shifts.setdefault(shift.post, []).append(shift)
        for post, shifts in self._shifts.items():
            self._dated[post] = frozenset(day for shift in shifts for day in shift.dates)
        self._overrides = site.overrides
        self._now: dict[str, Stretch] = {}

    def holders(self, post: str, at: datetime) -> tuple[str, ...]:
        """Who holds a post at an instant; nobody outside every shift."""
        if post not in self.posts:
            return ()
        known = self._now.get(post)
        if known is None or not known.begins_at <= at < known.ends_at:
            known = self._now[post] = self.stretches(post, at, at + _DAY)[0]
        return known.people

    def next_change(self, post: str, at: datetime) -> Stretch | None:
        """The next stretch with other people, or None within `LOOK_AHEAD`."""
        for ahead in (2 * _DAY, LOOK_AHEAD):
            stretches = self.stretches(post, at, at + ahead)
            found = next((each for each in stretches if each.people != stretches[0].people), None)
            if found is not None:
                break
        return found

    def running_until(self, post: str, at: datetime) -> datetime:
        """When the last of the shifts ends that began before an instant and still run; the instant if none does."""
        occurrences = post_occurrences(
            self._shifts.get(post, ()), self._dated.get(post, frozenset()), self.time, at, at + _MINUTE
        )
        return max((until for since, until, _ in occurrences if since < at), default=at)

    def ever(self, post: str) -> tuple[str, ...]:
        """Everybody whom the roster names for a post, on whatever day: for as long as nobody knows what time it is."""
        named: dict[str, None] = {}
        for shift in self._shifts.get(post, ()):
            named |= dict.fromkeys((*shift.people, *(name for group in shift.groups for name in group)))
        named |= dict.fromkeys(each.person for each in self._overrides if each.post in ("", post) and each.person)
        return tuple(named)

    def stretches(self, post: str, begin: datetime, end: datetime) -> list[Stretch]:
        """The whole time from `begin` to `end` in stretches, in order, without a hole."""
        held = post_occurrences(self._shifts.get(post, ()), self._dated.get(post, frozenset()), self.time, begin, end)
        needed = self._needed(self.posts[post], begin, end)
        overrides = [
            (self.time.instant(each.begins, begin), self.time.instant(each.ends, begin), each)
            for each in self._overrides
            if each.post in ("", post)
        ]
        overrides = [(since, until, each) for since, until, each in overrides if since < end and until > begin]
        named = {name for _, _, people in held for name in people} | {each.person for _, _, each in overrides}
        marks = {begin, end}
        for since, until, *_ in (*held, *needed, *overrides):
            marks |= {since, until}
        marks |= self._assignments(named, begin)
        ordered = sorted(mark for mark in marks if begin <= mark <= end)
        found: list[Stretch] = []
        working, required, changing = _Running(held), _Running(needed), _Running(overrides)
        for since, until in pairwise(ordered):
            people = tuple(dict.fromkeys(name for names in working.at(since) for name in names))
            for override in changing.at(since):
                people = self._overridden(people, override, since)
            people = tuple(name for name in people if self._may_hold(name, since))
            count = self.posts[post].people_min if required.at(since) else 0
            if found and found[-1].people == people and found[-1].needed == count:
                found[-1] = Stretch(found[-1].begins_at, until, people, count)
            else:
                found.append(Stretch(since, until, people, count))
        return found

    def _needed(self, post: Post, begin: datetime, end: datetime) -> list[tuple[datetime, datetime, tuple[str, ...]]]:
        return list(_occurrences(post.hours, lambda _: (), lambda _: True, self.time, begin, end))

    def _overridden(self, people: tuple[str, ...], override: Override, at: datetime) -> tuple[str, ...]:
        stand_in = (override.person,) if override.person else ()
        if not override.instead_of:
            return tuple(dict.fromkeys((*people, *stand_in))) if override.post else people
        if override.instead_of not in people:
            return people
        if override.person and not self._may_hold(override.person, at):
            # Who stands in has left the home since: then nobody is taken off.
            return people
        place = people.index(override.instead_of)
        return tuple(dict.fromkeys((*people[:place], *stand_in, *people[place + 1 :])))

    def _may_hold(self, name: str, at: datetime) -> bool:
        person = self._people.get(name)
        return person is not None and person.on_duty and person.is_assigned(self.time.day_of(at))

    def _assignments(self, named: Iterable[str], like: datetime) -> set[datetime]:
        """The instants at which somebody begins or ends to belong to the home."""
        marks = set()
        for name in named:
            person = self._people.get(name)
            for span in person.assigned if person is not None else ():
                if span.from_on is not None:
                    marks.add(self.time.midnight(span.from_on, like))
                if span.until_on is not None and span.until_on < date.max:
                    marks.add(self.time.midnight(span.until_on + _DAY, like))
        return marks


Occurrence = tuple[datetime, datetime, tuple[str, ...]]
"""One time that a shift happens: from, until, who."""


class _Running(Generic[_T]):
    """Walks spans in time: what runs at an instant that only ever moves on, in the order in which it was written."""

    def __init__(self, spans: Iterable[tuple[datetime, datetime, _T]]) -> None:
        self._waiting = sorted(enumerate(spans), key=lambda each: (each[1][0], each[0]), reverse=True)
        self._running: dict[int, tuple[datetime, _T]] = {}

    def at(self, instant: datetime) -> list[_T]:
        """What runs then."""
        while self._waiting and self._waiting[-1][1][0] <= instant:
            place, (_, until, what) = self._waiting.pop()
            self._running[place] = until, what
        self._running = {place: each for place, each in self._running.items() if each[0] > instant}
        return [self._running[place][1] for place in sorted(self._running)]


def post_occurrences(
    shifts: Iterable[Shift], dated: frozenset[date], time: LocalTime, begin: datetime, end: datetime
) -> list[Occurrence]:
    """Every time that a shift of a post happens between two instants, those included that began before."""
    found: list[Occurrence] = []
    for shift in shifts:
        found += _occurrences(shift.hours, shift.people_on, _days_of(shift, dated), time, begin, end)
    return found


def _days_of(shift: Shift, dated: frozenset[date]) -> Callable[[date], bool]:
    """On which days a shift happens: its own dates, or else those on which its post has no dated shift."""
    if shift.dates:
        own = frozenset(shift.dates)
        return lambda day: day in own

    def happens(day: date) -> bool:
        begun = shift.from_on is None or shift.from_on <= day
        return begun and (shift.until_on is None or day <= shift.until_on) and day not in dated

    return happens


def _occurrences(
    hours: Hours,
    people_on: Callable[[date], tuple[str, ...]],
    happens: Callable[[date], bool],
    time: LocalTime,
    begin: datetime,
    end: datetime,
) -> Iterator[Occurrence]:
    # A span begins at most a day before it matters; a change of the offset may move it by hours more.
    day = time.day_of(begin) - 2 * _DAY
    last = time.day_of(end) + _DAY
    while day <= last:
        if is_day(hours.days, day) and happens(day):
            from_ = datetime.combine(day, datetime.min.time()) + hours.begins * _MINUTE
            since, until = time.instant(from_, begin), time.instant(from_ + hours.length, begin)
            if since < end and until > begin and since < until:
                yield since, until, people_on(day)
        day += _DAY




def can_hold(person: Person) -> bool:
    """Whether somebody can stand on a roster: a group (a chat of many) holds no post."""
    return not person.group
