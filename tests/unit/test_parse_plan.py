"""Plans as a site file writes them: when and for whom they hold, their chains, their end; each fault with a remedy."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest

from rules.alarm import Category
from rules.condition import Schedule
from rules.parse_plan import county_steps
from rules.parse_site import KindDefaults, Names, parse_site
from rules.site import ChannelOrder, Person, Plan, ResidentClass, Site, Until

SITE = """
[home]
id = "home-a"
name = "A"
{home}
[[zone]]
id = "ward"
name = "W"

[[person]]
id = "chen"
name = "Chen"
role = "carer"
channels = [{{destination = "texts", address = "1"}}]

[[person]]
id = "wang"
name = "Wang"
role = "director"
channels = [{{destination = "texts", address = "2"}}, {{destination = "calls", address = "2", order = 1}}]
{people}
{plans}
"""
NAMES = Names(
    {"smoke": KindDefaults(timedelta(minutes=10))},
    {"s"},
    {"texts", "calls", "robot"},
    {"texts": "sms", "calls": "voice", "robot": "feishu"},
)
COUNTY = """
[[person]]
id = "desk"
name = "D"
role = "township"
channels = [{destination = "texts", address = "3"}]

[[contact]]
id = "team"
name = "T"
role = "guidance"
channels = [{destination = "texts", address = "4"}]
"""


def read(plans: str = "", people: str = "", home: str = "") -> tuple[Site | None, list[str]]:
    site, faults = parse_site(tomllib.loads(SITE.format(plans=plans, people=people, home=home)), NAMES)
    return site, [f"{fault.path}: {fault.problem}. {fault.mend}" for fault in faults]


def fire(plans: str, people: str = "") -> tuple[Plan, ...]:
    site, faults = read(plans, people)
    assert site is not None, faults
    return tuple(plan for plan in site.plans if plan.category is Category.FIRE)


WHOLE = """
[[plan]]
category = "fire"
id = "fire-night"
when = {from = "21:30", to = "06:00", days = ["workday", "holiday"]}
residents = ["失智", "dependent"]
until = "acknowledged_by_two"
re_alarm_after = "2m"
channel_wait = "15s"
hastened = false
steps = [
  {tell = ["role:carer"], channels = ["sms", "robot"], order = "parallel"},
  {tell = ["wang"], after = "20s", order = "in_order"},
]
[[plan.chains]]
name = "county"
repeat_every = "3m"
steps = [{tell = ["wang"], after = "45s"}]
"""


def test_a_whole_plan_is_read() -> None:
    plan, default = fire(WHOLE)
    assert (plan.id, plan.until, plan.re_alarm_after) == ("fire-night", Until.ACKNOWLEDGED_BY_TWO, timedelta(minutes=2))
    assert plan.when == Schedule(begins=21 * 60 + 30, ends=360, days=("workday", "holiday"))
    assert plan.residents == (ResidentClass.DEMENTIA, ResidentClass.DEPENDENT)
    assert plan.channel_wait == timedelta(seconds=15) and plan.is_hastened is False
    assert [(step.channels, step.order) for step in plan.steps] == [
        (("texts", "robot"), ChannelOrder.PARALLEL), ((), ChannelOrder.IN_ORDER)
    ]
    (county,) = plan.chains
    assert (county.name, county.repeat_every, county.steps[0].after) == (
        "county", timedelta(minutes=3), timedelta(seconds=45)
    )
    assert default.when is None and default.residents == (), "outside its time the stated plan holds"


def test_what_is_left_out_has_its_stated_value() -> None:
    (plan,) = fire('[[plan]]\ncategory = "fire"\nsteps = [{tell = ["chen"]}]')
    assert plan == Plan(category=Category.FIRE, steps=plan.steps)
    assert (plan.until, plan.re_alarm_after, plan.channel_wait, plan.is_hastened, plan.chains) == (
        Until.ACKNOWLEDGED_BY_ONE, None, timedelta(seconds=20), True, ()
    )


def test_a_home_with_a_single_carer_says_so() -> None:
    site, _ = read(home="single_staffed = true")
    assert site is not None and site.is_single_staffed


STEP = 'steps = [{tell = ["chen"]}]'
PLAN = f'[[plan]]\ncategory = "fire"\n{STEP}\n'
FAULTS = [
    ("until", PLAN + 'until = "acknowledged"',
     "plan[1].until: unknown end 'acknowledged'. Did you mean 'acknowledged_by_two'"),
    ("residents", PLAN + 'residents = ["demntia"]',
     "plan[1].residents: unknown class 'demntia'. Did you mean 'dementia'"),
    ("day", PLAN + 'when = {days = ["sunday"]}', "plan[1].when.days: unknown day 'sunday'. Did you mean 'sun'"),
    ("one-end", PLAN + 'when = {from = "22:00"}', "plan[1].when: has only one end"),
    ("channel", '[[plan]]\ncategory = "fire"\nsteps = [{tell = ["chen"], channels = ["voise"]}]',
     "plan[1].steps[1].channels: unknown channel 'voise'"),
    ("order", '[[plan]]\ncategory = "fire"\nsteps = [{tell = ["chen"], order = "all"}]',
     "plan[1].steps[1].order: unknown order 'all'"),
    ("re-alarm-late", PLAN + 're_alarm_after = "1h"', "plan[1].re_alarm_after: '1h' is out of range"),
    ("re-alarm-soon", PLAN + 're_alarm_after = "5s"', "plan[1].re_alarm_after: '5s' is out of range"),
    ("chain-name", PLAN + "[[plan.chains]]\n" + STEP, "plan[1].chains[1].name: is missing"),
    ("chain-twice", PLAN + f'[[plan.chains]]\nname = "a"\n{STEP}\n[[plan.chains]]\nname = "a"\n{STEP}',
     "plan[1].chains: chain 'a' is already used by plan[1]"),
    ("chain-empty", PLAN + '[[plan.chains]]\nname = "a"', "plan[1].chains[1].steps: has no step"),
    ("chain-ends", PLAN + f'[[plan.chains]]\nname = "a"\nrepeats_max = 2\n{STEP}',
     "plan[1].chains[1].repeats_max: a plan of fire must repeat"),
    ("chain-word", PLAN + f'[[plan.chains]]\nname = "a"\nuntil = "verified"\n{STEP}',
     "plan[1].chains[1].until: is not an option here"),
    ("same-time", PLAN + 'when = {from = "22:00", to = "06:00"}\n' + PLAN + 'when = {from = "22:00", to = "06:00"}',
     "plan[2].category: category 'fire at 1320-360' is already used by plan[1]"),
    ("same-id", PLAN + 'id = "x"\n' + PLAN + 'id = "x"\nresidents = ["dementia"]',
     "plan[2].id: plan 'x' is already used by plan[1]"),
    ("many-steps", PLAN.replace('{tell = ["chen"]}', ", ".join(['{tell = ["chen"]}'] * 33)),
     "plan[1].steps: has 33 entries. At most 32"),
]


@pytest.mark.parametrize(("text", "words"), [pytest.param(*rest, id=name) for name, *rest in FAULTS])
def test_a_fault_is_told_with_its_place_and_remedy(text: str, words: str) -> None:
    site, faults = read(text)
    assert site is None and len(faults) == 1 and faults[0].startswith(words), faults


@pytest.mark.parametrize("category", ["fire", "gas", "person"])
def test_the_stated_plan_calls_the_county_beside_the_home_where_the_site_names_it(category: str) -> None:
    site, faults = read(people=COUNTY)
    assert site is not None, faults
    plan = next(plan for plan in site.plans if plan.category == category)
    assert [step.tell for step in plan.steps][-1] == ("role:carer", "role:director")
    (county,) = plan.chains
    assert [(step.tell, step.after.total_seconds()) for step in county.steps] == [
        (("role:township",), 60), (("contact:team",), 60)
    ]


@pytest.mark.parametrize("category", ["electrical", "supervisory", "trouble", "video"])
def test_what_endangers_nobody_does_not_call_the_county(category: str) -> None:
    site, _ = read(people=COUNTY)
    assert site is not None
    assert next(plan for plan in site.plans if plan.category == category).chains == ()


def test_without_county_people_there_is_no_chain() -> None:
    assert county_steps([Person(id="a", name="A", role="carer")], []) == ()
    assert fire("")[0].chains == ()


def test_channels_are_taken_as_written_where_nobody_knows_them() -> None:
    text = SITE.format(plans='[[plan]]\ncategory = "fire"\nsteps = [{tell = ["chen"], channels = ["any"]}]', people="",
                       home="")
    site, faults = parse_site(tomllib.loads(text), Names({"smoke": KindDefaults(timedelta(minutes=10))}))
    assert site is not None, faults
    assert site.plans[0].steps[0].channels == ("any",)
