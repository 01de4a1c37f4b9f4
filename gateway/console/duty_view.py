"""The picture of who is on which post: a week in bars, a month in small ones, who is there now, and the gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import msgspec

from gateway.console.texts import Words
from gateway.console.texts_duty import DUTY_TEXTS
from rules.duty import Duty
from rules.holidays import is_holiday
from rules.people import Post, Shift
from rules.roster import Stretch
from rules.roster_gaps import Gap, GapKind, by_cause, urgent
from rules.roster_words import certificate_words, gap_words, local_words, person_name
from rules.site import Person, Site

COLOURS = 8
_DAY = timedelta(days=1)


class Bar(msgspec.Struct, frozen=True):
    """One span of one person on one day, or of one who is missing: where it lies, in hundredths of the day."""

    left: float
    width: float
    row: int
    colour: int
    name: str
    is_gap: bool = False


class DayLane(msgspec.Struct, frozen=True, kw_only=True):
    """One day of one post. `words` say what the picture shows; `now` is where the day stands, or None."""

    day: date
    label: str
    is_today: bool
    is_holiday: bool
    bars: tuple[Bar, ...]
    rows: int
    words: str
    now: float | None = None

    @property
    def has_gap(self) -> bool:
        """Whether somebody is missing."""
        return any(bar.is_gap for bar in self.bars)


class PostView(msgspec.Struct, frozen=True, kw_only=True):
    """One post: who is there, how many are needed, until when, who comes next, and its days."""

    id: str
    name: str
    people: tuple[Person, ...]
    needed: int
    until: str
    next: str
    lanes: tuple[DayLane, ...]


class GapLine(msgspec.Struct, frozen=True):
    """A gap as a sentence, how many more there are of its cause, and whether it is near."""

    words: str
    more: int
    is_urgent: bool


class ShiftLine(msgspec.Struct, frozen=True, kw_only=True):
    """A shift with its people, or the groups that take turns."""

    id: str
    title: str
    groups: tuple[tuple[tuple[str, str], ...], ...]
    takes_turns: bool


class PersonLine(msgspec.Struct, frozen=True, kw_only=True):
    """A person with certificates (name, last day, whether it has expired), channels, teams and days."""

    name: str
    role: str
    phones: tuple[str, ...]
    teams: tuple[str, ...]
    certificates: tuple[tuple[str, str, bool], ...]
    marks: tuple[str, ...]


def role_words(role: str, words: Words) -> str:
    """A role as a person says it; one that a site made up stays as it is."""
    return words(f"role.{role}") if f"role.{role}" in DUTY_TEXTS else role


def post_views(site: Site, duty: Duty, now: datetime, first: date, days: int, words: Words) -> list[PostView]:
    """Every post with the days from `first` on."""
    time = duty.roster.time
    begin, end = time.midnight(first, now), time.midnight(first + days * _DAY, now)
    colours = {person.id: place % COLOURS for place, person in enumerate(site.people)}
    views = []
    for post in site.posts:
        held = duty.roster.stretches(post.id, begin, end)
        change = duty.roster.next_change(post.id, now)
        coming = [person_name(site, name) for name in change.people] if change is not None else []
        next_time = local_words(time.local(change.begins_at)) if change is not None else ""
        views.append(
            PostView(
                id=post.id,
                name=post.name.in_language(words.language),
                people=tuple(duty.on_duty(post.id, now)),
                needed=duty.roster.stretches(post.id, now, now + timedelta(minutes=1))[0].needed,
                until=words("duty.until", time=next_time) if change is not None else "",
                next=words("duty.next", time=next_time, people="、".join(coming) or words("duty.nobody"))
                if change is not None
                else words("duty.no_change"),
                lanes=tuple(_lanes(site, duty, post, held, first, days, now, colours, words)),
            )
        )
    return views


def _lanes(
    site: Site,
    duty: Duty,
    post: Post,
    held: Sequence[Stretch],
    first: date,
    days: int,
    now: datetime,
    colours: dict[str, int],
    words: Words,
) -> Iterator[DayLane]:
    time, names = duty.roster.time, words("duty.days").split(",")
    today = time.day_of(now)
    for day in (first + number * _DAY for number in range(days)):
        begin, end = time.midnight(day, now), time.midnight(day + _DAY, now)
        parts = [
            Stretch(max(each.begins_at, begin), min(each.ends_at, end), each.people, each.needed)
            for each in held
            if each.begins_at < end and each.ends_at > begin
        ]
        bars = [bar for each in parts for bar in _bars(site, each, begin, end, colours, words)]
        said = "; ".join(_said(site, duty, each, words) for each in parts if each.people or each.needed)
        said = said or words("duty.all_free")
        label = f"{names[day.weekday()]} {day:%m-%d}"
        post_name = post.name.in_language(words.language)
        yield DayLane(
            day=day,
            label=label,
            is_today=day == today,
            is_holiday=is_holiday(day),
            bars=tuple(bars),
            rows=max((bar.row + 1 for bar in bars), default=1),
            words=f"{post_name} {label}: {said}",
            now=_share(now, begin, end) if begin <= now < end else None,
        )


def _bars(
    site: Site, part: Stretch, begin: datetime, end: datetime, colours: dict[str, int], words: Words
) -> Iterator[Bar]:
    left = _share(part.begins_at, begin, end)
    width = round(_share(part.ends_at, begin, end) - left, 3)
    for row, name in enumerate(part.people):
        yield Bar(left, width, row, colours.get(name, 0), person_name(site, name))
    for row in range(len(part.people), part.needed):
        yield Bar(left, width, row, 0, words("duty.missing"), is_gap=True)


def _share(at: datetime, begin: datetime, end: datetime) -> float:
    return round((at - begin) / (end - begin) * 100, 3)


def _said(site: Site, duty: Duty, part: Stretch, words: Words) -> str:
    begins, ends = (duty.roster.time.local(at) for at in (part.begins_at, part.ends_at))
    until = "24:00" if ends.date() > begins.date() else f"{ends:%H:%M}"
    people = [person_name(site, name) for name in part.people]
    people += [words("duty.missing")] * (part.needed - len(people))
    return f"{begins:%H:%M}–{until} {'、'.join(people)}"


def gap_lines(site: Site, gaps: Sequence[Gap], now: datetime, words: Words) -> list[GapLine]:
    """The gaps by cause, the near ones marked."""
    near = {id(gap) for gap in urgent(gaps, now)}
    lines = [
        GapLine(gap_words(site, gap).in_language(words.language), more, id(gap) in near or gap.kind is GapKind.EXPIRED)
        for gap, more in by_cause(gaps)
    ]
    return sorted(lines, key=lambda line: not line.is_urgent)


def shift_lines(site: Site, words: Words) -> list[ShiftLine]:
    """The shifts that hold again and again or on days to come, with their people."""
    posts = {post.id: post.name.in_language(words.language) for post in site.posts}
    return [
        ShiftLine(
            id=shift.id,
            title=f"{posts.get(shift.post, shift.post)} · {_hours(shift, words)}",
            groups=tuple(
                tuple((name, person_name(site, name)) for name in group) for group in shift.groups or (shift.people,)
            ),
            takes_turns=bool(shift.groups),
        )
        for shift in site.shifts
    ]


def _hours(shift: Shift, words: Words) -> str:
    begins, ends = (f"{minute // 60:02}:{minute % 60:02}" for minute in (shift.hours.begins, shift.hours.ends))
    parts = [f"{begins}–{ends if ends > begins else words('duty.next_day', time=ends)}"]
    if shift.hours.days:
        parts.append(" ".join(shift.hours.days))
    if shift.groups:
        parts.append(words("duty.every_days", count=shift.rotate_every))
    if shift.dates:
        days = ", ".join(f"{day:%m-%d}" for day in shift.dates[:4])
        parts.append(days if len(shift.dates) <= 4 else f"{days} … ({len(shift.dates)})")
    return " · ".join(parts)


def person_lines(people: Sequence[Person], today: date, words: Words) -> list[PersonLine]:
    """The people with their certificates and what is missing."""
    return [_person_line(person, today, words) for person in people]


def _person_line(person: Person, today: date, words: Words) -> PersonLine:
    marks = [] if person.is_reachable else [words("duty.no_channel")]
    if any(not channel.consent for channel in person.channels):
        marks.append(words("duty.no_consent"))
    if not person.on_duty or not person.is_assigned(today):
        marks.append(words("duty.off"))
    marks += [
        words("duty.assigned", begin=span.from_on or "…", end=span.until_on or "…") for span in person.assigned
    ]
    return PersonLine(
        name=person.name,
        role=person.home or role_words(person.role, words),
        phones=person.phones,
        teams=person.teams,
        certificates=tuple(
            (
                f"{certificate_words(each).in_language(words.language)} {each.number}".strip(),
                words("duty.expires", day=each.expires_on) if each.expires_on is not None else "",
                not each.holds_on(today),
            )
            for each in person.certificates
        ),
        marks=tuple(marks),
    )
