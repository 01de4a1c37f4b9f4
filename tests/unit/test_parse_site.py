"""Site files: what is read, what the profiles fill in, the stated plans, and every fault with its path."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.alarm import Category
from rules.parse import KindDefaults, Names, parse_duration, parse_rules, parse_site, suggestion
from rules.site import Channel, PlanStep, ResidentClass
from tests.configuration_world import RULE, SITE, changed

WIRED = KindDefaults(timedelta(seconds=100), "fire", True, ("smoke.alarm",), "smoke.wired")
KINDS = {
    "smoke": KindDefaults(timedelta(hours=26), "fire", False, ("smoke.alarm",), "smoke", {"smoke.wired": WIRED}),
    "door": KindDefaults(timedelta(minutes=10)),
}
KEYS = ["id", "name", "zh", "tell", "steps", "point", "limit", "equals", "all", "not", "above", "kinds", "channels"]
NAMES = Names(KINDS, {"zigbee"}, {"phone"})


def parsed(text: str):
    site, faults = parse_site(tomllib.loads(text), NAMES)
    assert faults == []
    assert site is not None
    return site


def told(text: str) -> list[str]:
    site, faults = parse_site(tomllib.loads(text), NAMES)
    assert site is None or not faults
    return [re.sub(r" \((zone|device|person) [^)]*\)", "", str(fault)) for fault in faults]


def test_a_fault_names_its_device_or_person_by_id() -> None:
    text = changed(changed(SITE, 'zone = "ward"', 'zone = "x"'), '{destination = "phone", address = "1"}', "{}")
    _, faults = parse_site(tomllib.loads(text), NAMES)
    problems = {fault.path: fault.problem for fault in faults}
    assert problems["device[1].zone"] == "unknown zone 'x' (device smoke-1)"
    assert problems["person[1].channels[1].destination"] == "is missing (person carer-1)"


def test_a_site_is_read_and_the_profile_fills_in_what_it_does_not_say() -> None:
    site = parsed(SITE)
    assert (site.id, site.name.zh, site.timezone) == ("home-a", "甲院", "Asia/Shanghai")
    device = site.devices[0]
    assert (device.kind, device.zone, device.address, device.profile) == ("smoke", "ward", "smoke-1", "smoke")
    assert (device.silence_limit, device.category, device.clears_are_trusted) == (timedelta(hours=26), "fire", False)
    assert site.people[0].channels == (Channel("phone", "1"),)


def test_the_site_file_goes_before_the_profile() -> None:
    more = 'kind = "smoke"\nsilence_limit = "2h10m"\nclears_are_trusted = true\ncategory = "gas"'
    device = parsed(changed(SITE, 'kind = "smoke"', more)).devices[0]
    assert (device.silence_limit, device.clears_are_trusted) == (timedelta(hours=2, minutes=10), True)
    assert device.category == "gas"


def test_a_device_may_name_a_variant_of_its_kind() -> None:
    device = parsed(changed(SITE, 'kind = "smoke"', 'kind = "smoke"\nprofile = "smoke.wired"')).devices[0]
    assert (device.profile, device.clears_are_trusted) == ("smoke.wired", True)
    assert device.silence_limit == timedelta(seconds=100)


@pytest.mark.parametrize(
    ("word", "resident"), [("失能", ResidentClass.DEPENDENT), ("dementia", ResidentClass.DEMENTIA)]
)
def test_residents_are_read_in_both_languages(word: str, resident: ResidentClass) -> None:
    site = parsed(changed(SITE, 'en = "Ward"}', f'en = "Ward"}}\nresidents = "{word}"\nbeds = 12'))
    assert (site.zones[0].residents, site.zones[0].beds) == (resident, 12)


FAULTS = [
    ("zone", 'zone = "ward"', 'zone = "wart"', "device[1].zone: unknown zone 'wart'. Did you mean 'ward'?"),
    ("kind", 'kind = "smoke"', 'kind = "smoks"', "device[1].kind: unknown kind 'smoks'. Did you mean 'smoke'?"),
    (
        "source",
        'source = "zigbee"',
        'source = "zigbe"',
        "device[1].source: unknown source 'zigbe'. Did you mean 'zigbee'?",
    ),
    (
        "destination",
        '{destination = "phone", address = "1"}',
        '{destination = "fone"}',
        "person[1].channels[1].destination: unknown destination 'fone'. Did you mean 'phone'?",
    ),
    ("id", 'id = "smoke-1"', 'id = "烟-1"', "device[1].id: '烟-1' is not an id. Use only a-z, 0-9, - and _"),
    ("capitals", 'id = "ward"', 'id = "Ward"', "zone[1].id: 'Ward' is not an id"),
    ("reserved", 'id = "ward"', 'id = "unassigned"', "zone[1].id: 'unassigned' is kept for"),
    ("address", 'address = "smoke-1"', "", "device[1].address: is missing. Write address ="),
    ("number", 'address = "smoke-1"', "address = 1", "device[1].address: must be a text, found 1"),
    ("duration", 'kind = "smoke"', 'kind = "smoke"\nsilence_limit = 90', "device[1].silence_limit: must be a duration"),
    (
        "short",
        'kind = "smoke"',
        'kind = "smoke"\nsilence_limit = "1s"',
        "device[1].silence_limit: '1s' is out of range",
    ),
    ("category", 'kind = "smoke"', 'kind = "smoke"\ncategory = "fir"', "device[1].category: unknown category 'fir'"),
    (
        "option",
        'kind = "smoke"',
        'kind = "smoke"\nroon = "1"',
        "device[1].roon: is not an option here. Did you mean 'room'",
    ),
    (
        "profile",
        'kind = "smoke"',
        'kind = "smoke"\nprofile = "smoke.wire"',
        "device[1].profile: unknown profile of kind 'smoke' 'smoke.wire'. Did you mean 'smoke.wired'",
    ),
    ("flag", 'role = "carer"', 'role = "carer"\non_duty = 1', "person[1].on_duty: must be true or false, found 1"),
    ("name", 'name = {zh = "病区", en = "Ward"}', "name = 3", "zone[1].name: must be words in two languages"),
    ("no-home", 'id = "home-a"', "", "home.id: is missing"),
    ("section", "[home]", "[house]", "home: is missing"),
]


@pytest.mark.parametrize(("old", "new", "words"), [pytest.param(*rest, id=name) for name, *rest in FAULTS])
def test_a_fault_is_told_with_its_place_and_how_to_mend_it(old: str, new: str, words: str) -> None:
    found = told(changed(SITE, old, new))
    assert any(one.startswith(words) for one in found), found


SECOND = "\n[[{section}]]\n{fields}\n"
DUPLICATES = [
    ("zone", 'id = "ward"\nname = "又"', "zone[2].id: zone 'ward' is already used by zone[1]"),
    (
        "device",
        'id = "smoke-1"\nkind = "door"\nsource = "zigbee"\naddress = "other"\nzone = "ward"\nname = "又"',
        "device[2].id: device 'smoke-1' is already used by device[1]",
    ),
    (
        "device",
        'id = "door-1"\nkind = "door"\nsource = "zigbee"\naddress = "smoke-1"\nzone = "ward"\nname = "又"',
        "device[2].address: address 'smoke-1 of zigbee' is already used by device[1]",
    ),
    (
        "person",
        'id = "carer-1"\nname = "又"\nrole = "carer"',
        "person[3].id: person 'carer-1' is already used by person[1]",
    ),
]


@pytest.mark.parametrize(("section", "fields", "words"), DUPLICATES, ids=["zone", "device", "address", "person"])
def test_what_stands_twice_is_told(section: str, fields: str, words: str) -> None:
    found = told(SITE + SECOND.format(section=section, fields=fields))
    assert len(found) == 1 and found[0].startswith(words), found


def test_all_faults_are_told_at_once() -> None:
    text = changed(changed(SITE, 'zone = "ward"', 'zone = "x"'), 'kind = "smoke"', 'kind = "y"')
    text = changed(text, 'name = "王"', "") + '[[plan]]\ncategory = "fire"\n'
    assert [one.split(":")[0] for one in told(text)] == [
        "person[2].name",
        "device[1].kind",
        "device[1].zone",
        "plan[1].steps",
    ]


@pytest.mark.parametrize("section", ["zone", "person"])
def test_a_home_without_people_or_zones_is_a_fault(section: str) -> None:
    values = tomllib.loads(SITE)
    del values[section]
    site, faults = parse_site(values, NAMES)
    assert site is None
    assert any(fault.path == section and "is missing" in fault.problem for fault in faults)


# plans


def plan(text: str) -> str:
    return f'{SITE}\n[[plan]]\ncategory = "fire"\n{text}\n'


def test_a_plan_is_read() -> None:
    text = 'repeat_every = "2m"\nsteps = [{tell = ["carer-1"]}, {tell = ["role:director", "role:*"], after = "90s"}]'
    fire = parsed(plan(text)).plans[0]
    assert fire.category is Category.FIRE
    assert fire.steps == (
        PlanStep(tell=("carer-1",)),
        PlanStep(tell=("role:director", "role:*"), after=timedelta(seconds=90)),
    )
    assert fire.repeat_every == timedelta(minutes=2)


PLAN_FAULTS = [
    ("nobody", "steps = [{tell = []}]", "plan[1].steps[1].tell: tells nobody"),
    ("no-step", "steps = []", "plan[1].steps: has no step"),
    (
        "person",
        'steps = [{tell = ["carer-2"]}]',
        "plan[1].steps[1].tell: unknown person 'carer-2'. Did you mean 'carer-1'?",
    ),
    (
        "role",
        'steps = [{tell = ["role:carrer"]}]',
        "plan[1].steps[1].tell: no person has the role 'carrer'. Did you mean 'carer'",
    ),
    (
        "role-word",
        'steps = [{tell = ["carer"]}]',
        "plan[1].steps[1].tell: unknown person 'carer'. Write \"role:carer\"",
    ),
    ("fast", 'steps = [{tell = ["carer-1"]}]\nrepeat_every = "1s"', "plan[1].repeat_every: '1s' is out of range"),
    ("ends", 'steps = [{tell = ["carer-1"]}]\nrepeats_max = 3', "plan[1].repeats_max: a plan of fire must repeat"),
]


@pytest.mark.parametrize(("text", "words"), [pytest.param(*rest, id=name) for name, *rest in PLAN_FAULTS])
def test_a_faulty_plan_is_told(text: str, words: str) -> None:
    found = told(plan(text))
    assert len(found) == 1 and found[0].startswith(words), found


def test_two_plans_of_one_category_are_told() -> None:
    found = told(
        plan('steps = [{tell = ["carer-1"]}]') + '[[plan]]\ncategory = "fire"\nsteps = [{tell = ["carer-1"]}]\n'
    )
    assert found == ["plan[2].category: category 'fire' is already used by plan[1]. Give each its own"]


SECONDS = timedelta(seconds=1)
DEFAULTS = [
    ("fire", [(("role:carer",), 0), (("role:carer", "role:director"), 30), (("role:*",), 30)], 60, 0),
    ("gas", [(("role:carer",), 0), (("role:carer", "role:director"), 30), (("role:*",), 30)], 60, 0),
    ("person", [(("role:carer",), 0), (("role:carer", "role:director"), 30), (("role:*",), 30)], 60, 0),
    ("electrical", [(("role:carer",), 0), (("role:director",), 300)], 300, 0),
    ("supervisory", [(("role:director",), 0)], 86400, 1),
    ("trouble", [(("role:director",), 0)], 86400, 1),
    ("video", [(("role:director",), 0)], 86400, 1),
]


@pytest.mark.parametrize(("category", "steps", "every", "most"), DEFAULTS, ids=[one[0] for one in DEFAULTS])
def test_a_category_without_a_plan_has_the_stated_one(
    category: str, steps: list[tuple[tuple[str, ...], int]], every: int, most: int
) -> None:
    found = next(plan for plan in parsed(SITE).plans if plan.category == category)
    assert [(step.tell, step.after // SECONDS) for step in found.steps] == steps
    assert (found.repeat_every // SECONDS, found.repeats_max) == (every, most)


def test_a_default_plan_asks_everybody_where_nobody_has_the_role() -> None:
    plans = parsed(SITE.replace('role = "director"', 'role = "cook"').replace('role = "carer"', 'role = "cook"')).plans
    assert {step.tell for plan in plans for step in plan.steps} == {("role:*",)}


DURATIONS = [
    ("90s", 90.0),
    ("10m", 600.0),
    ("2h10m", 7800.0),
    ("24h", 86400.0),
    ("7d", 604800.0),
    ("1.5s", 1.5),
    ("0s", 0.0),
    ("", None),
    ("90", None),
    ("10 m", None),
    ("10m2h", None),
    ("-5s", None),
    ("5S", None),
    ("１０s", None),
]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS, ids=[repr(one[0]) for one in DURATIONS])
def test_durations(text: str, seconds: float | None) -> None:
    duration = parse_duration(text)
    assert (duration.total_seconds() if duration is not None else None) == seconds


def test_a_suggestion_for_something_far_off_lists_what_there_is() -> None:
    assert suggestion("xyz", ["ward", "attic"]) == "Known: attic, ward"
    assert suggestion("xyz", [f"zone-{n}" for n in range(50)]).startswith("Known are 50, among them")
    assert suggestion("xyz", []) == "None is defined"


# whatever stands in a file, it is told and never raised

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.sampled_from(["", "fire", "ward", "role:", "10m", "smoke", "id", "\x00", "火", "x" * 500, "300 mA"]),
        st.text(max_size=8),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def broken(draw: st.DrawFn, whole: str) -> dict[str, Any]:
    """The tables of a good file with up to three values replaced by anything."""
    values = tomllib.loads(whole)
    for _ in range(draw(st.integers(1, 3))):
        place: Any = values
        while True:
            steps = list(place) if isinstance(place, dict) else list(range(len(place)))
            step = draw(st.sampled_from(steps))
            if isinstance(place[step], (dict, list)) and place[step] and draw(st.booleans()):
                place = place[step]
                continue
            place[step] = draw(VALUES)
            break
        if not values:
            break
    return values


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(broken(SITE))
def test_no_site_file_makes_the_parser_raise(values: dict[str, Any]) -> None:
    site, faults = parse_site(values, NAMES)
    assert (site is None) == any(not fault.warning for fault in faults)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(broken(RULE))
def test_no_pack_makes_the_parser_raise(values: dict[str, Any]) -> None:
    rules, faults = parse_rules(values)
    assert rules or faults
