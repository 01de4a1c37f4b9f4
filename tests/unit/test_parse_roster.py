"""People, contacts, posts, shifts and overrides of a site file: what is read, and every fault with its path."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime, timedelta

import pytest

from rules.duty import Duty
from rules.parse import Names, parse_site
from rules.parse_people import parse_shared_people
from rules.people import (
    Assignment,
    Certificate,
    CertificateLevel,
    CertificateType,
    Hours,
    Override,
    PostKind,
    Shift,
)
from rules.site import Channel, Person, Site
from tests.configuration_world import SITE, changed

NAMES = Names({}, None, {"phone", "sms"})
ROSTER = """
[[person]]
id = "li"
name = "李"
role = "carer"
teams = ["fire"]
phones = ["+86 138 0000 0000"]
channels = [{destination = "phone", address = "9"}, {destination = "sms", address = "8", consent = false, order = 2}]
certificates = [{type = "消防设施操作员", level = "中级", number = "1234", expires_on = 2027-05-31}]
assigned_from = 2026-01-01
assigned_until = "2026-12-31"

[[contact]]
id = "next-door"
name = "邻院值班室"
home = "home-b"
channels = [{destination = "phone", address = "7"}]

[[post]]
id = "room"
name = {zh = "消防控制室", en = "Control room"}
kind = "control_room"
level_min = "中级"

[[post]]
id = "kitchen"
name = "厨房"
from = "05:00"
to = "19:00"
days = ["workday"]
combinable = true

[[shift]]
id = "early"
post = "room"
from = "08:00"
to = "16:00"
people = ["li", "carer-1"]

[[shift]]
id = "night"
post = "kitchen"
from = "20:00"
to = "08:00"
groups = [["li"], ["carer-1"]]
rotates_from = 2026-11-01
rotate_every = 7

[[override]]
post = "room"
from = 2026-11-23T08:00:00
until = 2026-11-23T16:00:00
person = "director-1"
instead_of = "li"
reason = "病假"
"""


def read(text: str = ROSTER) -> tuple[Site | None, list[str]]:
    site, faults = parse_site({**tomllib.loads(SITE + text), "device": []}, NAMES)
    return site, [re.sub(r" \([^)]*\)", "", str(fault)) for fault in faults]


def a_site(text: str = ROSTER) -> Site:
    site, faults = read(text)
    assert faults == []
    assert site is not None
    return site


def test_a_person_is_read_with_certificates_teams_phones_consent_and_days() -> None:
    person = a_site().people[-1]
    assert person.certificates == (
        Certificate(
            type=CertificateType.FIRE_FACILITY_OPERATOR,
            level=CertificateLevel.INTERMEDIATE,
            number="1234",
            expires_on=date(2027, 5, 31),
        ),
    )
    assert person.channels == (Channel("phone", "9"), Channel("sms", "8", consent=False, order=2))
    assert (person.teams, person.phones) == (("fire",), ("+86 138 0000 0000",))
    assert person.assigned == (Assignment(date(2026, 1, 1), date(2026, 12, 31)),)


def test_a_control_room_needs_two_operators_unless_it_says_otherwise() -> None:
    room, kitchen = a_site().posts
    assert (room.kind, room.people_min, room.certificate) == (
        PostKind.CONTROL_ROOM,
        2,
        CertificateType.FIRE_FACILITY_OPERATOR,
    )
    assert room.level_min is CertificateLevel.INTERMEDIATE
    assert (kitchen.people_min, kitchen.certificate, kitchen.combinable) == (1, None, True)
    assert kitchen.hours == Hours(begins=300, ends=1140, days=("workday",))


def test_shifts_and_overrides_are_read() -> None:
    site = a_site()
    assert site.shifts[1] == Shift(
        id="night",
        post="kitchen",
        hours=Hours(begins=1200, ends=480),
        groups=(("li",), ("carer-1",)),
        rotates_from=date(2026, 11, 1),
        rotate_every=7,
    )
    assert site.overrides == (
        Override(
            begins=datetime.fromisoformat("2026-11-23T08:00"),
            ends=datetime.fromisoformat("2026-11-23T16:00"),
            post="room",
            person="director-1",
            instead_of="li",
            reason="病假",
        ),
    )
    assert Hours(begins=1200, ends=480).length == timedelta(hours=12)
    assert Hours(begins=480, ends=480).length == timedelta(hours=24)


FAULTS = [
    ("certificate", "消防设施操作员", "消防员", "person[3].certificates[1].type: unknown certificate '消防员'"),
    ("level", 'level = "中级", number', 'level = "middle", number', "person[3].certificates[1].level: unknown level"),
    ("expiry", "2027-05-31", "31", "person[3].certificates[1].expires_on: must be a day, found 31"),
    ("expiry text", "2027-05-31", '"31.5.2027"', "person[3].certificates[1].expires_on: must be a day"),
    ("days turned", '"2026-12-31"', "2025-12-31", "person[3].assigned_until: is before assigned_from"),
    ("phone", "+86 138 0000 0000", "call me", "person[3].phones: 'call me' is not a phone number"),
    ("team", '["fire"]', '["Fire!"]', "person[3].teams: 'Fire!' is not a team"),
    ("order", "order = 2", "order = 99", "person[3].channels[2].order: is 99"),
    ("contact", 'id = "next-door"', 'id = "li"', "contact[1].id: 'li' is a person of this home already"),
    ("kind", '"control_room"', '"controlroom"', "post[1].kind: unknown kind of post 'controlroom'"),
    ("level alone", 'combinable = true', 'level_min = "高级"', "post[2].level_min: is the level of no certificate"),
    ("single", 'combinable = true', 'single_allowed_by = "x"', "post[2].single_allowed_by: belongs to a control room"),
    ("left", 'level_min = "中级"', "combinable = true", "post[1].combinable: a control room is never left"),
    ("one end", 'to = "19:00"\n', "", "post[2]: has only one end"),
    ("time", '"05:00"', '"5 am"', "post[2].from: '5 am' is not a time of day"),
    ("day", '"workday"', '"workdays"', "post[2].days: unknown day 'workdays'"),
    ("post twice", 'id = "kitchen"\nname', 'id = "room"\nname', "post[2].id: post 'room' is already used by post[1]"),
    ("shift's post", '"early"\npost = "room"', '"early"\npost = "rooms"', "shift[1].post: unknown post 'rooms'"),
    ("holder", '["li", "carer-1"]', '["li", "carer"]', "shift[1].people: unknown person 'carer'"),
    ("nobody", 'people = ["li", "carer-1"]\n', "", "shift[1].people: is missing"),
    ("both", 'people = ["li", "carer-1"]', 'people = []\ngroups = []', "shift[1].groups: stands beside people"),
    ("groups", '[["li"], ["carer-1"]]', '["li"]', "shift[2].groups: must be a list of lists of people"),
    ("rotation", "rotates_from = 2026-11-01\n", "", "shift[2].rotates_from: is missing"),
    ("every", "rotate_every = 7", "rotate_every = 0", "shift[2].rotate_every: is 0"),
    ("dates", "rotate_every = 7", 'days = ["mon"]\ndates = [2026-11-01]', "shift[2].dates: stands beside days"),
    ("a date twice", "rotate_every = 7", "dates = [2026-11-01, 2026-11-01]", "shift[2].dates: must be a list of days"),
    ("bounds", "rotate_every = 7", "from_on = 2026-12-01\nuntil_on = 2026-11-01", "shift[2].until_on: is before"),
    ("ends first", "until = 2026-11-23T16", "until = 2026-11-23T07", "override[1].until: is not behind from"),
    ("too long", "until = 2026-11-23", "until = 2028-11-23", "override[1].until: is more than a year"),
    ("a zone", "2026-11-23T16:00:00", "2026-11-23T16:00:00Z", "override[1].until: must be a day and a time"),
    ("seconds", "2026-11-23T16:00:00", "2026-11-23T16:00:30", "override[1].until: must be a day and a time"),
    ("no time", "until = 2026-11-23T16:00:00\n", "", "override[1].until: is missing"),
    ("himself", 'person = "director-1"', 'person = "li"', "override[1].person: stands in for the same person"),
    ("names nobody", 'person = "director-1"\ninstead_of = "li"', "", "override[1].person: names nobody"),
    ("everywhere", 'post = "room"\nfrom = 2026', 'from = 2026', ""),
    ("misspelt", 'reason = "病假"', 'because = "病假"', "override[1].because: is not an option here"),
]


@pytest.mark.parametrize(("old", "new", "fault"), [pytest.param(*rest, id=name) for name, *rest in FAULTS])
def test_a_fault_is_found_and_said(old: str, new: str, fault: str) -> None:
    _, faults = read(changed(ROSTER, old, new))
    assert faults == [] if not fault else any(each.startswith(fault) for each in faults), faults


def test_somebody_beside_the_others_needs_a_post() -> None:
    text = changed(changed(ROSTER, 'post = "room"\nfrom = 2026', "from = 2026"), 'instead_of = "li"\n', "")
    assert any(fault.startswith("override[1].post: is missing") for fault in read(text)[1])


def test_a_group_chat_holds_no_post() -> None:
    text = changed(ROSTER, 'teams = ["fire"]', "group = true")
    assert any("is a group chat and holds no post" in fault for fault in read(text)[1])


def test_a_long_shift_of_a_control_room_is_warned_of() -> None:
    site, faults = read(changed(ROSTER, 'to = "16:00"', 'to = "20:00"'))
    assert site is not None
    assert len(faults) == 1
    assert faults[0].startswith("shift[1].to: lasts 12 hours")


PLAN = """
[[plan]]
category = "fire"
steps = [{tell = ["post:room", "team:fire", "home:home-b", "contact:next-door", "next-door", "role:*"]}]
"""


def test_a_plan_names_posts_teams_homes_and_contacts() -> None:
    assert a_site(ROSTER + PLAN).plans[0].steps[0].tell[0] == "post:room"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("post:room", "post:rom", "there is no post 'rom'. Did you mean 'room'?"),
        ("team:fire", "team:fires", "no person is on the team 'fires'"),
        ("home:home-b", "home:home-c", "no contact belongs to the home 'home-c'"),
        ("contact:next-door", "contact:next", "there is no contact 'next'"),
        ('"post:room"', '"kitchen"', "unknown person 'kitchen'. Write \"post:kitchen\""),
    ],
    ids=["post", "team", "home", "contact", "bare"],
)
def test_a_name_that_a_plan_gets_wrong(old: str, new: str, fault: str) -> None:
    _, faults = read(ROSTER + changed(PLAN, old, new))
    assert any(fault in each for each in faults), faults


SHARED = """
[[person]]
id = "zhao"
name = "赵"
role = "carer"
channels = [{destination = "phone", address = "5"}]
homes = [
  {home = "home-a", from = 2026-01-01, until = 2026-03-31},
  {home = "home-b", role = "director", from = 2026-04-01},
  {home = "home-a", from = 2026-10-01},
]
"""


def shared(text: str = SHARED) -> tuple[dict[str, tuple[Person, ...]], list[str]]:
    people, faults = parse_shared_people(tomllib.loads(text), {"phone"}, ["home-a", "home-b"])
    return people, [str(fault) for fault in faults]


def test_a_person_of_several_homes_is_in_each_on_its_days() -> None:
    people, faults = shared()
    assert faults == []
    (in_a,), (in_b,) = people["home-a"], people["home-b"]
    assert (in_a.role, in_b.role) == ("carer", "director")
    spring, autumn = Assignment(date(2026, 1, 1), date(2026, 3, 31)), Assignment(date(2026, 10, 1))
    assert in_a.assigned == (spring, autumn)
    site, found = parse_site({**tomllib.loads(SITE), "device": []}, NAMES, people["home-a"])
    assert found == []
    assert site is not None
    duty = Duty(site)
    names = {day: [p.id for p in duty.reachable(("role:carer",), datetime(2026, *day, tzinfo=UTC))] for day in DAYS}
    assert names == {(3, 31): ["carer-1", "zhao"], (4, 1): ["carer-1"], (10, 1): ["carer-1", "zhao"]}


DAYS = ((3, 31), (4, 1), (10, 1))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('home = "home-b"', 'home = "home-c"', "person[1].homes[2].home: unknown home 'home-c'"),
        ("from = 2026-10-01", 'role = "cook", from = 2026-10-01', "has two roles in home-a"),
        ('role = "carer"\nchannels', "channels", "person[1].role: is missing"),
        ("until = 2026-03-31", "until = 2025-03-31", "person[1].homes[1].until: is before from"),
    ],
    ids=["home", "roles", "role", "days"],
)
def test_a_fault_of_the_shared_file(old: str, new: str, fault: str) -> None:
    _, faults = shared(changed(SHARED, old, new))
    assert any(fault in each for each in faults), faults


def test_a_person_stands_in_one_of_the_files() -> None:
    people, _ = shared(changed(SHARED, 'id = "zhao"', 'id = "carer-1"'))
    _, faults = parse_site({**tomllib.loads(SITE), "device": []}, NAMES, people["home-a"])
    assert any("stands in the file of people that homes share" in fault.problem for fault in faults)
