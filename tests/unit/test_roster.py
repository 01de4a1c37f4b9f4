"""The roster against an oracle that asks again and again, and shifts, rotations and overrides one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.load import offsets_of
from rules.holidays import is_holiday, is_workday
from rules.people import Assignment, Hours, Override, Post, Shift
from rules.roster import LocalTime, Roster
from rules.site import Channel, Person, Site
from rules.text import Text

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BEGIN = datetime(2026, 9, 28, 3, 20, tzinfo=UTC)
"""11:20 in China, before a holiday week (2026-10-01 to 10-07) and its make-up day (10-10)."""
NAMES = ("a", "b", "c", "d")
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def person(name: str, **more: object) -> Person:
    values = {"channels": (Channel("phone", name),), **more}
    return Person(id=name, name=name.upper(), role="carer", **values)  # type: ignore[arg-type]


def home(*shifts: Shift, overrides: tuple[Override, ...] = (), people: tuple[Person, ...] = (), **more: object) -> Site:
    return Site(
        id="home",
        name=Text("院"),
        people=people or tuple(person(name) for name in NAMES),
        posts=(Post(id="care", name=Text("护理")), Post(id="gate", name=Text("门卫"))),
        shifts=shifts,
        overrides=overrides,
        **more,  # type: ignore[arg-type]
    )


def at(text: str) -> datetime:
    """An instant from the time on a Chinese wall: `11-23 08:00`."""
    return datetime.fromisoformat(f"2026-{text}+08:00").astimezone(UTC)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}")


NIGHT = Hours(begins=20 * 60, ends=8 * 60)
BY_DAY = Hours(begins=8 * 60, ends=20 * 60)
DAY_SHIFT = Shift(id="day", post="care", hours=BY_DAY, people=("a",))
NIGHT_SHIFT = Shift(id="night", post="care", hours=NIGHT, people=("b",))


def holders(site: Site, text: str, post: str = "care") -> tuple[str, ...]:
    return Roster(site).holders(post, at(text))


CASES = [
    ("day", home(DAY_SHIFT, NIGHT_SHIFT), "11-23 08:00", ("a",)),
    ("the last minute", home(DAY_SHIFT, NIGHT_SHIFT), "11-23 19:59", ("a",)),
    ("night before midnight", home(DAY_SHIFT, NIGHT_SHIFT), "11-23 20:00", ("b",)),
    ("night after midnight", home(DAY_SHIFT, NIGHT_SHIFT), "11-24 07:59", ("b",)),
    ("nobody", home(DAY_SHIFT), "11-23 20:00", ()),
    ("24 hours", home(replace(DAY_SHIFT, hours=Hours(begins=480, ends=480))), "11-24 07:00", ("a",)),
    (
        "a night belongs to the day on which it begins",
        home(replace(NIGHT_SHIFT, hours=Hours(begins=1200, ends=480, days=("fri",)))),
        "11-28 03:00",
        ("b",),
    ),
    (
        "and not to the day on which it ends",
        home(replace(NIGHT_SHIFT, hours=Hours(begins=1200, ends=480, days=("sat",)))),
        "11-28 03:00",
        (),
    ),
    ("holiday", home(replace(DAY_SHIFT, hours=Hours(begins=480, ends=1200, days=("workday",)))), "10-01 10:00", ()),
    ("make-up", home(replace(DAY_SHIFT, hours=Hours(begins=480, ends=1200, days=("workday",)))), "10-10 10:00", ("a",)),
    ("bounds", home(replace(DAY_SHIFT, from_on=date(2026, 11, 24))), "11-23 10:00", ()),
    (
        "a dated shift goes before the pattern of its post",
        home(DAY_SHIFT, replace(DAY_SHIFT, id="x", people=("c",), dates=(date(2026, 11, 23),))),
        "11-23 10:00",
        ("c",),
    ),
    (
        "on its own dates only",
        home(DAY_SHIFT, replace(DAY_SHIFT, id="x", people=("c",), dates=(date(2026, 11, 23),))),
        "11-24 10:00",
        ("a",),
    ),
    (
        "who left the home holds nothing",
        home(DAY_SHIFT, people=(person("a", assigned=(Assignment(until_on=date(2026, 11, 22)),)),)),
        "11-23 10:00",
        (),
    ),
    (
        "on the last day still",
        home(DAY_SHIFT, people=(person("a", assigned=(Assignment(until_on=date(2026, 11, 23)),)),)),
        "11-23 19:59",
        ("a",),
    ),
]


@pytest.mark.parametrize(("site", "when", "expected"), [pytest.param(*rest, id=name) for name, *rest in CASES])
def test_who_holds_a_post(site: Site, when: str, expected: tuple[str, ...]) -> None:
    assert holders(site, when) == expected


SPAN = {"begins": wall("11-23 10:00"), "ends": wall("11-23 22:00"), "post": "care"}
OVERRIDES = [
    ("stands in", Override(**SPAN, person="c", instead_of="a"), "11-23 10:00", ("c",)),
    ("not before", Override(**SPAN, person="c", instead_of="a"), "11-23 09:59", ("a",)),
    ("for that person alone", Override(**SPAN, person="c", instead_of="a"), "11-23 21:00", ("b",)),
    ("beside the others", Override(**SPAN, person="c"), "11-23 21:00", ("b", "c")),
    ("nobody stands in", Override(**SPAN, instead_of="a"), "11-23 12:00", ()),
    ("another post", Override(**{**SPAN, "post": "gate"}, person="c", instead_of="a"), "11-23 12:00", ("a",)),
    ("every post", Override(**{**SPAN, "post": ""}, person="c", instead_of="a"), "11-23 12:00", ("c",)),
]


@pytest.mark.parametrize(("override", "when", "expected"), [pytest.param(*rest, id=name) for name, *rest in OVERRIDES])
def test_an_override(override: Override, when: str, expected: tuple[str, ...]) -> None:
    assert holders(home(DAY_SHIFT, NIGHT_SHIFT, overrides=(override,)), when) == expected


def test_a_substitute_who_is_not_there_any_more_takes_nobody_off() -> None:
    people = (person("a"), person("c", assigned=(Assignment(until_on=date(2026, 1, 1)),)))
    override = Override(**SPAN, person="c", instead_of="a")
    assert holders(home(DAY_SHIFT, overrides=(override,), people=people), "11-23 12:00") == ("a",)


def test_overrides_are_applied_in_their_order() -> None:
    first, then = Override(**SPAN, person="c", instead_of="a"), Override(**SPAN, person="d", instead_of="c")
    assert holders(home(DAY_SHIFT, overrides=(first, then)), "11-23 12:00") == ("d",)
    assert holders(home(DAY_SHIFT, overrides=(then, first)), "11-23 12:00") == ("c",)


def test_groups_take_turns_also_before_the_first_day() -> None:
    shift = Shift(
        id="turns",
        post="care",
        hours=BY_DAY,
        groups=(("a",), ("b",), ()),
        rotates_from=date(2026, 11, 22),
        rotate_every=2,
    )
    site = home(shift)
    found = [holders(site, f"11-{day} 10:00") for day in range(20, 30)]
    assert found == [(), (), ("a",), ("a",), ("b",), ("b",), (), (), ("a",), ("a",)]


def test_the_next_change_names_who_comes() -> None:
    change = Roster(home(DAY_SHIFT, NIGHT_SHIFT)).next_change("care", at("11-23 10:00"))
    assert change is not None
    assert (change.begins_at, change.people) == (at("11-23 20:00"), ("b",))
    assert Roster(home(replace(DAY_SHIFT, hours=Hours()))).next_change("care", at("11-23 10:00")) is None


# the oracle: every minute anew, from the words of the rules


def asked_of(hours: Hours, day: date) -> bool:
    return not hours.days or any(
        name == WEEK[day.weekday()]
        or (name == "workday" and is_workday(day))
        or (name == "restday" and not is_workday(day))
        or (name == "holiday" and is_holiday(day))
        for name in hours.days
    )


def running(hours: Hours, local: datetime) -> date | None:
    """The day on which the span began that holds this minute."""
    minute = local.hour * 60 + local.minute
    for back in (0, 1):
        day = local.date() - back * DAY
        since = hours.begins - back * 1440
        until = since + ((hours.ends - hours.begins) % 1440 or 1440)
        if since <= minute < until and asked_of(hours, day):
            return day
    return None


def oracle(site: Site, post: str, local: datetime) -> set[str]:
    on: list[str] = []
    dated = {day for shift in site.shifts if shift.post == post for day in shift.dates}
    for shift in site.shifts:
        day = running(shift.hours, local) if shift.post == post else None
        if day is None or (day not in shift.dates if shift.dates else day in dated):
            continue
        if (shift.from_on and day < shift.from_on) or (shift.until_on and day > shift.until_on):
            continue
        if shift.groups and shift.rotates_from:
            on += shift.groups[((day - shift.rotates_from).days // shift.rotate_every) % len(shift.groups)]
        else:
            on += shift.people
    people = {each.id: each for each in site.people}

    def there(name: str) -> bool:
        spans = people[name].assigned
        return not spans or any(
            (span.from_on or date.min) <= local.date() <= (span.until_on or date.max) for span in spans
        )

    for change in site.overrides:
        if change.post not in ("", post) or not change.begins <= local < change.ends:
            continue
        if not change.instead_of:
            on += [change.person] if change.post else []
        elif change.instead_of in on and (not change.person or there(change.person)):
            on = [name for name in on if name != change.instead_of] + ([change.person] if change.person else [])
    return {name for name in on if there(name)}


TIMES = st.integers(0, 47).map(lambda half: half * 30)
DAYS_ = st.lists(st.sampled_from([*WEEK, "workday", "restday", "holiday"]), max_size=3).map(tuple)
HOURS = st.builds(Hours, begins=TIMES, ends=TIMES, days=DAYS_)
DATES = st.integers(-3, 12).map(lambda days: date(2026, 9, 28) + days * DAY)
GROUP = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
BOUNDS = st.one_of(st.none(), DATES)
COMMON = {
    "id": st.just("s"),
    "post": st.sampled_from(["care", "gate"]),
    "people": GROUP,
    "groups": st.lists(GROUP, max_size=3).map(tuple),
    "rotates_from": BOUNDS,
    "rotate_every": st.integers(1, 4),
}
DATED = st.builds(
    Shift,
    hours=st.builds(Hours, begins=TIMES, ends=TIMES),
    dates=st.lists(DATES, min_size=1, max_size=3, unique=True).map(lambda days: tuple(sorted(days))),
    **COMMON,
)
SHIFTS = st.one_of(st.builds(Shift, hours=HOURS, from_on=BOUNDS, until_on=BOUNDS, **COMMON), DATED)


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    begins = wall("09-28 00:00") + draw(st.integers(0, 24 * 10)) * timedelta(minutes=30)
    instead_of, person_ = draw(st.sampled_from(["", *NAMES])), draw(st.sampled_from(["", *NAMES]))
    return Override(
        begins=begins,
        ends=begins + draw(st.integers(1, 60)) * timedelta(minutes=30),
        post=draw(st.sampled_from(["", "care", "gate"])),
        person=person_,
        instead_of=instead_of if instead_of != person_ else "",
    )


@st.composite
def sites(draw: st.DrawFn) -> Site:
    spans = st.lists(st.builds(Assignment, DATES, st.one_of(st.none(), DATES)), max_size=2).map(tuple)
    people = tuple(person(name, assigned=draw(spans)) for name in NAMES)
    shifts = tuple(draw(st.lists(SHIFTS, max_size=5)))
    kept = tuple(each for each in draw(st.lists(overrides(), max_size=4)) if each.person or each.instead_of)
    return home(*shifts, overrides=kept, people=people)


@settings(max_examples=60, deadline=None)
@given(site=sites())
def test_the_stretches_say_what_the_oracle_says_of_every_half_hour(site: Site) -> None:
    roster = Roster(site)
    end = BEGIN + 6 * DAY
    for post in ("care", "gate"):
        stretches = roster.stretches(post, BEGIN, end)
        assert stretches[0].begins_at == BEGIN
        assert stretches[-1].ends_at == end
        assert all(one.ends_at == two.begins_at for one, two in pairwise(stretches))
        instant, place = BEGIN, 0
        while instant < end:
            while stretches[place].ends_at <= instant:
                place += 1
            local = (instant + timedelta(hours=8)).replace(tzinfo=None)
            assert set(stretches[place].people) == oracle(site, post, local), local
            instant += 10 * MINUTE
        for stretch in stretches[::3]:
            assert roster.holders(post, stretch.begins_at) == stretch.people


@pytest.mark.parametrize(
    ("local", "instant"),
    [("2026-03-29T02:30", "2026-03-29T01:00"), ("2026-10-25T02:30", "2026-10-25T00:30")],
    ids=["a time that never comes", "a time that comes twice"],
)
def test_a_time_of_day_is_its_first_instant_or_the_jump_over_it(local: str, instant: str) -> None:
    time = LocalTime(offsets_of("Europe/Berlin"))
    assert time.instant(datetime.fromisoformat(local), BEGIN) == datetime.fromisoformat(f"{instant}+00:00")


@pytest.mark.parametrize("around", ["2026-03-29", "2026-10-25"], ids=["spring", "autumn"])
def test_a_night_keeps_its_times_of_day_when_the_offset_changes(around: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    site = replace(home(DAY_SHIFT, NIGHT_SHIFT), offsets=offsets_of("Europe/Berlin"))
    roster = Roster(site)
    begin = datetime.fromisoformat(around).replace(tzinfo=zone).astimezone(UTC) - DAY
    for minutes in range(0, 3 * 1440, 30):
        instant = begin + minutes * MINUTE
        local = instant.astimezone(zone)
        expected = ("a",) if 8 <= local.hour < 20 else ("b",)
        assert roster.holders("care", instant) == expected, local
