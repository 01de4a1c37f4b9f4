"""Who is told at an instant: every kind of name of a plan, hand-overs, unknown time, and that it is never nobody."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.console.board import person_words
from rules.bare import bare_effects
from rules.duty import Duty
from rules.effects import Notify
from rules.inputs import EngineFaulted
from rules.people import Assignment, Handover, Hours, Override, Post, Shift
from rules.roster_words import person_name
from rules.site import Channel, Person, Site
from rules.text import Text

PHONE = (Channel("phone", "1"),)
PEOPLE = (
    Person(id="a", name="A", role="carer", channels=PHONE, teams=("fire",)),
    Person(id="b", name="B", role="carer", channels=PHONE),
    Person(id="c", name="C", role="carer", channels=PHONE, teams=("fire",), assigned=(Assignment(date(2026, 12, 1)),)),
    Person(id="no", name="N", role="carer", channels=(Channel("phone", "9", consent=False),)),
    Person(id="boss", name="D", role="director", channels=PHONE),
)
CONTACTS = (
    Person(id="n1", name="邻一", role="contact", channels=PHONE, home="next"),
    Person(id="n2", name="邻二", role="contact", channels=PHONE, home="next"),
    Person(id="desk", name="县", role="contact", channels=PHONE),
)
SITE = Site(
    id="home",
    name=Text("院"),
    people=PEOPLE,
    contacts=CONTACTS,
    posts=(Post(id="care", name=Text("护理")), Post(id="empty", name=Text("空岗"))),
    shifts=(
        Shift(id="day", post="care", hours=Hours(begins=480, ends=1200), people=("a", "no")),
        Shift(
            id="night",
            post="care",
            hours=Hours(begins=1200, ends=480),
            groups=(("b",),),
            rotates_from=date(2026, 1, 1),
        ),
    ),
    overrides=(
        Override(
            begins=datetime.fromisoformat("2027-01-01T08:00"),
            ends=datetime.fromisoformat("2027-01-01T20:00"),
            post="care",
            person="boss",
            instead_of="a",
        ),
    ),
)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
NIGHT = datetime(2026, 11, 23, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)

NAMED = [
    ("a person", "a", NOON, ["a"]),
    ("a role", "role:carer", NOON, ["a", "b"]),
    ("everybody", "role:*", NOON, ["a", "b", "boss"]),
    ("a team", "team:fire", NOON, ["a"]),
    ("a team later", "team:fire", datetime(2026, 12, 1, 4, tzinfo=UTC), ["a", "c"]),
    ("a post by day", "post:care", NOON, ["a"]),
    ("a post by night", "post:care", NIGHT, ["b"]),
    ("a post with a substitute", "post:care", datetime(2027, 1, 1, 4, tzinfo=UTC), ["boss"]),
    ("a post that nobody holds", "post:empty", NOON, []),
    ("a post that is none", "post:x", NOON, []),
    ("a neighbour home", "home:next", NOON, ["n1", "n2"]),
    ("a contact", "contact:desk", NOON, ["desk"]),
    ("a contact by its id", "desk", NOON, ["desk"]),
    ("a person is no contact", "contact:a", NOON, []),
    ("who did not consent", "no", NOON, []),
    ("not here yet", "c", NOON, []),
    ("nonsense", "what:ever", NOON, []),
    ("an empty name", "post:", NOON, []),
]


@pytest.mark.parametrize(("name", "at", "expected"), [pytest.param(*rest, id=case) for case, *rest in NAMED])
def test_whom_a_name_of_a_plan_reaches(name: str, at: datetime, expected: list[str]) -> None:
    assert [person.id for person in Duty(SITE).reachable((name,), at)] == expected


def test_each_is_told_once_in_the_order_named() -> None:
    told = Duty(SITE).reachable(("boss", "post:care", "role:carer", "boss"), NOON)
    assert [person.id for person in told] == ["boss", "a", "b"]


def test_while_the_clock_is_not_known_a_post_is_everybody_of_its_roster() -> None:
    duty = Duty(SITE, clock_known=False)
    assert [person.id for person in duty.reachable(("post:care",), NOON)] == ["a", "b", "boss"]
    assert [person.id for person in duty.reachable(("c",), NOON)] == ["c"]


def taken(**more: object) -> Handover:
    values = {"post": "care", "outgoing": "a", "incoming": "boss", "at": NOON, "counts_until": NOON + 8 * HOUR, **more}
    return Handover(**values)  # type: ignore[arg-type]


HANDED = [
    ("a substitute is there beside the roster", taken(), NOON + HOUR, ["a", "no", "boss"]),
    ("until the roster changes", taken(), NOON + 8 * HOUR, ["b"]),
    ("not before it happened", taken(), NOON - HOUR, ["a", "no"]),
    ("a refusal leaves it with who wanted to go", taken(outgoing="b", refused_because="x"), NOON, ["a", "no", "b"]),
    ("another post", taken(post="empty"), NOON, ["a", "no"]),
]


@pytest.mark.parametrize(("handover", "at", "expected"), [pytest.param(*rest, id=case) for case, *rest in HANDED])
def test_who_took_a_post_over_counts_as_on_duty(handover: Handover, at: datetime, expected: list[str]) -> None:
    duty = Duty(SITE)
    duty.handovers = (handover,)
    assert [person.id for person in duty.on_duty("care", at)] == expected


def test_the_newest_hand_over_counts_and_a_new_site_keeps_it() -> None:
    duty = Duty(SITE)
    duty.handovers = (taken(incoming="b"), taken(incoming="boss"), taken(post="gone"))
    after = duty.renewed(SITE)
    assert [person.id for person in after.on_duty("care", NOON)] == ["a", "no", "boss"]
    assert [each.post for each in after.handovers] == ["care", "care"]


def test_those_whom_phones_reach_badly_come_last_and_nobody_is_dropped() -> None:
    duty = Duty(SITE)
    duty.rank = lambda person, _: {"boss": 2, "a": 1}.get(person.id, 0)
    assert [person.id for person in duty.everybody(NOON)] == ["b", "a", "boss"]
    assert [person.id for person in duty.renewed(SITE).reachable(("role:*",), NOON)] == ["b", "a", "boss"]


CHANNELS = st.sampled_from([(), PHONE, (Channel("phone", "1", consent=False),)])
SPANS = st.sampled_from([(), (Assignment(date(2027, 1, 1)),), (Assignment(None, date(2026, 1, 1)),)])
SOMEBODY = st.builds(Person, id=st.sampled_from("abcd"), name=st.just("x"), role=st.sampled_from(["carer", "director"]),
                     channels=CHANNELS, assigned=SPANS, on_duty=st.booleans())


@given(people=st.lists(SOMEBODY, max_size=4), contacts=st.lists(SOMEBODY, max_size=2))
def test_everybody_is_never_nobody_while_one_channel_may_be_used(people: list[Person], contacts: list[Person]) -> None:
    site = replace(SITE, people=tuple(people), contacts=tuple(contacts), shifts=(), overrides=())
    duty = Duty(site)
    listed = {person.id: person for person in people}
    beside = {person.id: person for person in contacts}
    can_be_told = any(person.is_reachable for person in (*listed.values(), *beside.values()))
    told = duty.everybody(NOON)
    assert bool(told) == can_be_told
    assert all(person.is_reachable for person in told)


def test_the_last_resort_uses_no_channel_without_consent_and_no_person_of_later() -> None:
    half = Person(id="half", name="H", role="carer", channels=(Channel("sms", "1", consent=False), *PHONE))
    site = replace(SITE, people=(half, PEOPLE[2]))
    fault = EngineFaulted(at=NOON, fault_id="f", error="x", device="", category="fire")
    told = [each for each in bare_effects(site, 1, 1, fault) if isinstance(each, Notify)]
    assert [(each.person, each.channel) for each in told] == [("half", "phone")]


def test_a_contact_has_a_name_wherever_somebody_reads_of_it() -> None:
    assert person_words(SITE, "desk") == "县"
    assert person_name(SITE, "n1") == "邻一"
