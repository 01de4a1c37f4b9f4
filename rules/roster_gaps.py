"""What is wrong with the roster of the days to come, before it happens: nobody on a post, too few, no certificate, …

Pure: the same site and the same instant give the same gaps. Spans are exact, to the minute of the roster.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from rules.holidays import is_known
from rules.people import CONTROL_ROOM_MIN, Certificate, CertificateType, Post, PostKind
from rules.roster import Roster, Stretch
from rules.site import Person, Site

AHEAD: Final = timedelta(days=30)
"""How far ahead gaps are looked for."""

WITHIN: Final = timedelta(hours=24)
"""A gap that begins within this is told (supervisory)."""

EXPIRES_WITHIN: Final = timedelta(days=30)
"""A certificate that ends within this is named."""

GAPS_MAX: Final = 500
"""Gaps of one kind and post that are listed: the first to come. Beyond it the rest is left out."""

_HOLIDAY_WORDS: Final = frozenset({"workday", "restday", "holiday"})


class GapKind(enum.StrEnum):
    """What a gap is."""

    UNCOVERED = "uncovered"
    SHORT = "short"
    CONTROL_ROOM = "control_room"
    TWO_POSTS = "two_posts"
    UNCERTIFIED = "uncertified"
    UNREACHABLE = "unreachable"
    EXPIRED = "expired"
    EXPIRING = "expiring"
    HOLIDAYS = "holidays"


URGENT: Final = frozenset(
    {
        GapKind.UNCOVERED,
        GapKind.SHORT,
        GapKind.CONTROL_ROOM,
        GapKind.TWO_POSTS,
        GapKind.UNCERTIFIED,
        GapKind.UNREACHABLE,
    }
)
"""The kinds that leave a post without somebody who can do what it is for: told a day before they begin."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One gap. `post` and its span, or a person alone (None: no span); `other_post` belongs to two posts at once.

    `present` of `needed` people hold the post. `certificate` and `expires_on` are those it is about.
    """

    kind: GapKind
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    post: str = ""
    other_post: str = ""
    person: str = ""
    present: int = 0
    needed: int = 0
    certificate: CertificateType | None = None
    expires_on: date | None = None
    year: int = 0


def find_gaps(site: Site, begin: datetime, ahead: timedelta = AHEAD) -> tuple[Gap, ...]:
    """Every gap from `begin` on, `ahead` long: those with a span in the order in which they begin, then the rest."""
    roster = Roster(site)
    people = {person.id: person for person in site.people}
    end = begin + ahead
    held = {post.id: roster.stretches(post.id, begin, end) for post in site.posts}
    found: list[Gap] = []
    for post in site.posts:
        found += _too_few(post, held[post.id])
        found += _without_certificate(post, held[post.id], people, roster)
        found += _out_of_reach(post, held[post.id], people)
    found += _on_two_posts(site.posts, held)
    found.sort(key=lambda gap: (gap.begins_at or end, gap.post, gap.kind, gap.person))
    today = roster.time.day_of(begin)
    for person in site.people:
        if any(person.is_assigned(today + timedelta(days=day)) for day in range(ahead.days + 1)):
            found += _of_person(person, today)
    found += _unknown_holidays(site, {roster.time.day_of(begin).year, roster.time.day_of(end).year})
    return tuple(found)


def urgent(gaps: Iterable[Gap], at: datetime) -> list[Gap]:
    """Those that leave a post unfit within a day, or leave it so now."""
    return [
        gap for gap in gaps if gap.kind in URGENT and gap.begins_at is not None and gap.begins_at < at + WITHIN
    ]


def by_cause(gaps: Iterable[Gap]) -> list[tuple[Gap, int]]:
    """Of each cause (what, where, who) the first gap, and how many more there are."""
    first: dict[tuple[GapKind, str, str, str, date | None], list[Gap]] = {}
    for gap in gaps:
        first.setdefault((gap.kind, gap.post, gap.other_post, gap.person, gap.expires_on), []).append(gap)
    return [(ones[0], len(ones) - 1) for ones in first.values()]


def _too_few(post: Post, stretches: Iterable[Stretch]) -> Iterator[Gap]:
    alone_is_wrong = post.kind is PostKind.CONTROL_ROOM and not post.single_allowed_by
    needed = max(post.people_min, CONTROL_ROOM_MIN) if alone_is_wrong else post.people_min
    gaps = []
    for each in stretches:
        present = len(each.people)
        if not each.needed or present >= needed:
            continue
        kind = GapKind.CONTROL_ROOM if alone_is_wrong and present < CONTROL_ROOM_MIN else GapKind.SHORT
        kind = GapKind.UNCOVERED if not present else kind
        gaps.append(
            Gap(
                kind=kind,
                post=post.id,
                begins_at=each.begins_at,
                ends_at=each.ends_at,
                present=present,
                needed=needed,
            )
        )
    yield from _joined(gaps)


def _without_certificate(
    post: Post, stretches: Iterable[Stretch], people: dict[str, Person], roster: Roster
) -> Iterator[Gap]:
    """Who holds a post without the certificate that it needs, or beyond its last day."""
    if post.certificate is None:
        return
    by_person: dict[str, list[Gap]] = {}
    for each in stretches:
        for name in each.people:
            last = _certified_until(post, people[name])
            begins = each.begins_at
            if last == date.max:
                continue
            if last is not None:
                begins = max(begins, roster.time.midnight(last + timedelta(days=1), begins))
                if begins >= each.ends_at:
                    continue
            by_person.setdefault(name, []).append(
                Gap(
                    kind=GapKind.UNCERTIFIED,
                    post=post.id,
                    person=name,
                    begins_at=begins,
                    ends_at=each.ends_at,
                    certificate=post.certificate,
                    expires_on=last,
                )
            )
    for gaps in by_person.values():
        yield from _joined(gaps)


def _certified_until(post: Post, person: Person) -> date | None:
    """The last day on which a person's certificates allow a post; None: never had one."""
    days = [
        each.expires_on or date.max
        for each in person.certificates
        if each.type is post.certificate and each.level.rank >= post.level_min.rank
    ]
    return max(days, default=None)


def _out_of_reach(post: Post, stretches: Iterable[Stretch], people: dict[str, Person]) -> Iterator[Gap]:
    """Spans in which people hold a post and none of them has a channel that may be used."""
    gaps = [
        Gap(kind=GapKind.UNREACHABLE, post=post.id, begins_at=each.begins_at, ends_at=each.ends_at)
        for each in stretches
        if each.people and not any(people[name].is_reachable for name in each.people)
    ]
    yield from _joined(gaps)


def _on_two_posts(posts: Iterable[Post], held: dict[str, list[Stretch]]) -> Iterator[Gap]:
    """Who holds two posts at once, where neither may be held beside another."""
    spans: dict[str, list[tuple[datetime, datetime, str]]] = {}
    for post in posts:
        for each in held[post.id] if not post.combinable else ():
            for name in each.people:
                spans.setdefault(name, []).append((each.begins_at, each.ends_at, post.id))
    for name, ones in spans.items():
        pairs: dict[tuple[str, str], list[Gap]] = {}
        ones.sort()
        for place, (begins, ends, post_id) in enumerate(ones):
            for since, until, other in ones[place + 1 :]:
                if since >= ends:
                    break
                if other != post_id:
                    first, second = sorted((post_id, other))
                    gap = Gap(
                        kind=GapKind.TWO_POSTS,
                        post=first,
                        other_post=second,
                        person=name,
                        begins_at=max(begins, since),
                        ends_at=min(ends, until),
                    )
                    pairs.setdefault((first, second), []).append(gap)
        for gaps in pairs.values():
            yield from _joined(sorted(gaps, key=lambda gap: (gap.begins_at or begins)))


def _joined(gaps: Iterable[Gap]) -> Iterator[Gap]:
    """The same gaps, those that touch and say the same as one, and no more than can be read."""
    last: Gap | None = None
    count = 0
    for gap in gaps:
        if last is not None and last.ends_at == gap.begins_at and _same(last, gap):
            last = msgspec.structs.replace(last, ends_at=gap.ends_at)
            continue
        if last is not None:
            yield last
            count += 1
        if count >= GAPS_MAX:
            return
        last = gap
    if last is not None:
        yield last


def _same(one: Gap, other: Gap) -> bool:
    return msgspec.structs.replace(one, begins_at=None, ends_at=None) == msgspec.structs.replace(
        other, begins_at=None, ends_at=None
    )


def _of_person(person: Person, today: date) -> Iterator[Gap]:
    if not person.is_reachable:
        yield Gap(kind=GapKind.UNREACHABLE, person=person.id)
    for each in person.certificates:
        if each.expires_on is None or each.expires_on > today + EXPIRES_WITHIN or _renewed(person, each):
            continue
        kind = GapKind.EXPIRED if each.expires_on < today else GapKind.EXPIRING
        yield Gap(kind=kind, person=person.id, certificate=each.type, expires_on=each.expires_on)


def _renewed(person: Person, certificate: Certificate) -> bool:
    """Whether another certificate of the same type, as high or higher, holds longer."""
    ends = certificate.expires_on or date.max
    return any(
        each.type is certificate.type
        and each.level.rank >= certificate.level.rank
        and (each.expires_on or date.max) > ends
        for each in person.certificates
    )


def _unknown_holidays(site: Site, years: Iterable[int]) -> Iterator[Gap]:
    """Years whose holidays nobody has announced yet, where the roster asks for workdays or holidays."""
    every = [*(post.hours for post in site.posts), *(shift.hours for shift in site.shifts)]
    used = {day for hours in every for day in hours.days}
    for year in sorted(years):
        if used & _HOLIDAY_WORDS and not is_known(year):
            yield Gap(kind=GapKind.HOLIDAYS, year=year)
