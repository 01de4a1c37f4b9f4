"""Gaps of a roster against an oracle that asks of every ten minutes anew, each kind alone, and the words for each."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from rules.people import (
    Assignment,
    Certificate,
    CertificateLevel,
    CertificateType,
    Hours,
    Override,
    Post,
    PostKind,
    Shift,
)
from rules.roster import Roster
from rules.roster_gaps import Gap, GapKind, find_gaps, urgent
from rules.roster_words import gap_words
from rules.site import Channel, Person, Site
from rules.text import Text
from tests.unit.test_roster import BEGIN, MINUTE, at, home, person, running, sites

DAY = timedelta(days=1)
ALL_DAY = Shift(id="always", post="room", hours=Hours(begins=480, ends=480), people=("a", "b"))
OPERATOR = Certificate(type=CertificateType.FIRE_FACILITY_OPERATOR, level=CertificateLevel.INTERMEDIATE)
ROOM = Post(
    id="room",
    name=Text("消防控制室", "control room"),
    kind=PostKind.CONTROL_ROOM,
    people_min=2,
    certificate=CertificateType.FIRE_FACILITY_OPERATOR,
    level_min=CertificateLevel.INTERMEDIATE,
)
CARE = Post(id="care", name=Text("护理", "care"))


def room(*people: Person, post: Post = ROOM, shift: Shift = ALL_DAY, **more: object) -> Site:
    people = people or (operator("a"), operator("b"))
    return Site(id="h", name=Text("院"), posts=(post,), people=people, shifts=(shift,), **more)  # type: ignore[arg-type]


def operator(name: str, **more: object) -> Person:
    return person(name, certificates=(replace(OPERATOR, **more),))


NOW = at("11-23 10:00")


def kinds(site: Site, days: int = 30) -> list[tuple[str, str, str]]:
    return [(gap.kind.value, gap.post, gap.person) for gap in find_gaps(site, NOW, days * DAY)]


def test_a_whole_roster_has_no_gap() -> None:
    assert find_gaps(room(), NOW) == ()


KINDS = [
    ("nobody", room(shift=replace(ALL_DAY, until_on=date(2026, 11, 24))), [("uncovered", "room", "")]),
    ("one alone in a control room", room(shift=replace(ALL_DAY, people=("a",))), [("control_room", "room", "")]),
    (
        "one alone where a local rule allows it",
        room(shift=replace(ALL_DAY, people=("a",)), post=replace(ROOM, people_min=1, single_allowed_by="县规1号")),
        [],
    ),
    (
        "one alone, and the site file wants no more, without a rule that allows it",
        room(shift=replace(ALL_DAY, people=("a",)), post=replace(ROOM, people_min=1)),
        [("control_room", "room", "")],
    ),
    (
        "too few of a care post",
        room(shift=replace(ALL_DAY, people=("a",)), post=replace(CARE, id="room", people_min=2)),
        [("short", "room", "")],
    ),
    ("no certificate", room(person("a"), operator("b")), [("uncertified", "room", "a")]),
    (
        "too low a level",
        room(operator("a", level=CertificateLevel.JUNIOR), operator("b")),
        [("uncertified", "room", "a")],
    ),
    ("a higher one will do", room(operator("a", level=CertificateLevel.TECHNICIAN), operator("b")), []),
    (
        "another kind of certificate",
        room(operator("a", type=CertificateType.FIRST_AID), operator("b")),
        [("uncertified", "room", "a")],
    ),
    (
        "expired long ago",
        room(operator("a", expires_on=date(2026, 1, 1)), operator("b")),
        [("uncertified", "room", "a"), ("expired", "", "a")],
    ),
    (
        "expires soon, and is then missing",
        room(operator("a", expires_on=date(2026, 12, 1)), operator("b")),
        [("uncertified", "room", "a"), ("expiring", "", "a")],
    ),
    (
        "renewed",
        room(person("a", certificates=(replace(OPERATOR, expires_on=date(2026, 12, 1)), OPERATOR)), operator("b")),
        [],
    ),
    ("expires later", room(operator("a", expires_on=date(2027, 12, 1)), operator("b")), []),
    (
        "no channel",
        room(operator("a"), operator("b"), replace(person("mute"), channels=(Channel("p", "1", consent=False),))),
        [("unreachable", "", "mute")],
    ),
    (
        "no channel, but gone",
        room(operator("a"), operator("b"), person("x", channels=(), assigned=(Assignment(None, date(2026, 1, 1)),))),
        [],
    ),
    (
        "nobody on duty can be reached",
        room(replace(operator("a"), channels=()), replace(operator("b"), channels=())),
        [("unreachable", "room", ""), ("unreachable", "", "a"), ("unreachable", "", "b")],
    ),
    (
        "a year without holidays",
        room(shift=replace(ALL_DAY, hours=Hours(begins=480, ends=480, days=("workday", "restday")))),
        [("holidays", "", "")],
    ),
]


@pytest.mark.parametrize(("site", "expected"), [pytest.param(*rest, id=name) for name, *rest in KINDS])
def test_each_kind_of_gap(site: Site, expected: list[tuple[str, str, str]]) -> None:
    days = 60 if any(kind == "holidays" for kind, *_ in expected) else 30
    assert kinds(site, days) == expected


def test_a_certificate_holds_through_its_last_day() -> None:
    (gap, *_) = find_gaps(room(operator("a", expires_on=date(2026, 12, 1)), operator("b")), NOW)
    assert (gap.begins_at, gap.ends_at) == (at("12-02 00:00"), NOW + 30 * DAY)


def test_one_person_on_two_posts_at_once_to_the_minute() -> None:
    site = home(
        Shift(id="x", post="care", hours=Hours(begins=480, ends=720), people=("a",), dates=(date(2026, 11, 24),)),
        Shift(id="y", post="gate", hours=Hours(begins=690, ends=900), people=("a",), dates=(date(2026, 11, 24),)),
    )
    (gap,) = [gap for gap in find_gaps(site, NOW) if gap.kind is GapKind.TWO_POSTS]
    assert (gap.begins_at, gap.ends_at) == (at("11-24 11:30"), at("11-24 12:00"))
    assert (gap.post, gap.other_post, gap.person) == ("care", "gate", "a")
    posts = (site.posts[0], replace(site.posts[1], combinable=True))
    assert GapKind.TWO_POSTS not in {gap.kind for gap in find_gaps(replace(site, posts=posts), NOW)}


def test_only_what_leaves_a_post_unfit_within_a_day_is_urgent() -> None:
    gaps = find_gaps(room(shift=replace(ALL_DAY, until_on=date(2026, 11, 25))), NOW)
    (gap,) = gaps
    assert gap.begins_at == at("11-26 08:00")
    assert urgent(gaps, at("11-25 08:00")) == []
    assert urgent(gaps, at("11-25 08:01")) == [gap]
    soon = find_gaps(room(operator("a"), operator("b", expires_on=date(2027, 1, 10))), at("12-20 10:00"), 2 * DAY)
    assert [each.kind for each in soon] == [GapKind.EXPIRING]
    assert urgent(soon, at("12-20 10:00")) == []


@pytest.mark.parametrize("kind", list(GapKind))
def test_every_kind_has_words_in_both_languages(kind: GapKind) -> None:
    gap = Gap(
        kind=kind,
        post="room",
        other_post="room",
        person="a",
        begins_at=NOW,
        ends_at=NOW + DAY,
        certificate=CertificateType.CARE_WORKER,
        expires_on=date(2026, 12, 1),
        year=2028,
    )
    words = gap_words(room(), gap)
    assert words.zh.startswith("11-23 10:00–11-24 10:00 消防控制室：")
    assert words.en.startswith("11-23 10:00–11-24 10:00 control room: ")
    assert not any("一" <= letter <= "鿿" for letter in words.en.removeprefix("a"))


# the oracle


@settings(max_examples=60, deadline=None)
@given(site=sites())
def test_uncovered_hours_and_two_posts_are_those_of_an_oracle_that_asks_every_ten_minutes(site: Site) -> None:
    posts = (
        replace(site.posts[0], hours=Hours(begins=1200, ends=480, days=("mon", "workday")), people_min=2),
        site.posts[1],
    )
    site = replace(site, posts=posts)
    end = BEGIN + 5 * DAY
    gaps = find_gaps(site, BEGIN, 5 * DAY)
    roster = Roster(site)
    instant = BEGIN
    while instant < end:
        local = (instant + timedelta(hours=8)).replace(tzinfo=None)
        held = {post.id: roster.holders(post.id, instant) for post in posts}
        here = [gap for gap in gaps if gap.begins_at and gap.ends_at and gap.begins_at <= instant < gap.ends_at]
        few = {
            (post.id, len(held[post.id]))
            for post in posts
            if running(post.hours, local) is not None and len(held[post.id]) < post.people_min
        }
        found = {(gap.post, gap.present) for gap in here if gap.kind in (GapKind.UNCOVERED, GapKind.SHORT)}
        assert found == few, local
        both = set(held["care"]) & set(held["gate"])
        assert {gap.person for gap in here if gap.kind is GapKind.TWO_POSTS} == both, local
        instant += 10 * MINUTE


@given(site=sites())
@settings(max_examples=20, deadline=None)
def test_gaps_lie_in_the_span_asked_for_in_order_and_do_not_overlap(site: Site) -> None:
    gaps = [gap for gap in find_gaps(site, BEGIN, 5 * DAY) if gap.begins_at is not None]
    for gap in gaps:
        assert gap.begins_at is not None
        assert gap.ends_at is not None
        assert BEGIN <= gap.begins_at < gap.ends_at <= BEGIN + 5 * DAY
    assert [gap.begins_at for gap in gaps] == sorted(gap.begins_at for gap in gaps if gap.begins_at)
    for post in ("care", "gate"):
        mine = [gap for gap in gaps if gap.post == post and gap.kind in (GapKind.UNCOVERED, GapKind.SHORT)]
        assert all(one.ends_at <= two.begins_at for one, two in pairwise(mine))  # type: ignore[operator]


def test_a_year_of_thousands_of_shifts_is_looked_through_quickly() -> None:
    hours = [Hours(begins=n % 1440, ends=(n + 60) % 1440) for n in range(1000)]
    shifts = tuple(Shift(id=f"s{n}", post="care", hours=each, people=("a",)) for n, each in enumerate(hours))
    gaps = find_gaps(home(*shifts), datetime(2026, 11, 23, tzinfo=UTC))
    assert [gap.kind for gap in gaps if gap.post == "care"] != []


def test_thousands_of_overrides_of_one_post_are_looked_through_quickly() -> None:
    since = datetime.fromisoformat("2026-11-23T00:00")
    changes = tuple(
        Override(begins=begins, ends=begins + 16 * MINUTE, post="care", person="b", instead_of="a")
        for begins in (since + n * 8 * MINUTE for n in range(5000))
    )
    always = Shift(id="s", post="care", hours=Hours(), people=("a",))
    stretches = Roster(home(always, overrides=changes)).stretches("care", NOW, NOW + 27 * DAY)
    assert [each.people for each in stretches] == [("b",)]
