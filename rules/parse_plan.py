"""Plans of a site file: who is told of which category of alarms, and the stated plans of categories without one.

Default plans (DESIGN section 8; the delays stay inside standards sheet 3.9: director within 60 s):
fire, gas, person: the carers at once; after 30 s carers and director; 30 s later everybody, again every 60 s until
somebody acknowledges. electrical: the carers; after 5 min the director, again every 5 min. supervisory, trouble and
video: the director only, and once more a day later if nobody took it on by then. A role that nobody has is replaced
by everybody: no plan resolves to nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

from rules.alarm import Category
from rules.parse_fields import Table, suggestion, unique
from rules.people import Post
from rules.site import Person, Plan, PlanStep

ROLE: Final = "role:"
EVERYBODY: Final = "role:*"
CARER: Final = "carer"
DIRECTOR: Final = "director"
_CATEGORIES: Final = tuple(category.value for category in Category)
REPEAT_MIN: Final = timedelta(seconds=10)
_NOBODY: Final = {
    "role": "no person has the role",
    "team": "no person is on the team",
    "post": "there is no post",
    "home": "no contact belongs to the home",
    "contact": "there is no contact",
}
"""What a step may name beside a person, and the words where it names nobody."""

Named = Mapping[str, Collection[str]]
"""The names that a step may use: ids under "", and those behind `role:`, `team:`, `post:`, `home:`, `contact:`."""


def parse_plans(
    tables: Sequence[Table], people: Sequence[Person], contacts: Sequence[Person] = (), posts: Sequence[Post] = ()
) -> tuple[Plan, ...]:
    """The plans of a site, those it leaves out included, in the order of the categories."""
    named = {
        "": {person.id for person in (*people, *contacts)},
        "role": {person.role for person in people},
        "team": {team for person in people for team in person.teams},
        "post": {post.id for post in posts},
        "home": {contact.home for contact in contacts if contact.home},
        "contact": {contact.id for contact in contacts},
    }
    unique([(table, _category_name(table)) for table in tables], "category", "category")
    plans: dict[Category, Plan] = {}
    for table in tables:
        plan = _plan(table, named)
        if plan is not None:
            plans.setdefault(plan.category, plan)
    return tuple(plans.get(category) or default_plan(category, people) for category in Category)


def _category_name(table: Table) -> str:
    value = table.take("category")
    return value if isinstance(value, str) else ""


def _plan(table: Table, named: Named) -> Plan | None:
    name = table.text("category")
    known = table.known("category", name, _CATEGORIES, "category")
    steps = tuple(_step(step, named) for step in table.tables("steps"))
    if not steps:
        table.fault("steps", "has no step", 'Write steps = [{tell = ["role:carer"]}]')
    repeat_every = table.duration("repeat_every", timedelta(seconds=60), REPEAT_MIN, timedelta(days=7))
    repeats_max = table.whole("repeats_max", 0, 0, 10_000)
    table.close()
    if not name or not known:
        return None
    category = Category(name)
    if category.endangers_people and repeats_max:
        table.fault("repeats_max", f"a plan of {name} must repeat until somebody acknowledges", "Leave it out")
    return Plan(category=category, steps=steps, repeat_every=repeat_every, repeats_max=repeats_max)


def _step(table: Table, named: Named) -> PlanStep:
    tell = table.names("tell")
    if not tell:
        table.fault("tell", "tells nobody", 'Name people or roles: tell = ["role:carer", "wang-li"]')
    for name in tell:
        kind, colon, rest = name.partition(":")
        if name == EVERYBODY:
            continue
        if colon and kind in _NOBODY:
            if rest not in named[kind]:
                table.fault("tell", f"{_NOBODY[kind]} {rest!r}", suggestion(rest, named[kind]))
        elif name not in named[""]:
            mends = [f'Write "{each}:{name}" for everybody of that {each}' for each in _NOBODY if name in named[each]]
            table.fault("tell", f"unknown person {name!r}", mends[0] if mends else suggestion(name, named[""]))
    after = table.duration("after", timedelta(0), most=timedelta(days=1))
    table.close()
    return PlanStep(tell=tell, after=after)


def default_plan(category: Category, people: Sequence[Person]) -> Plan:
    """The plan of a category that the site file says nothing about."""
    roles = {person.role for person in people}

    def told(*wanted: str) -> tuple[str, ...]:
        return tuple(f"{ROLE}{role}" for role in wanted if role in roles) or (EVERYBODY,)

    if category.endangers_people:
        half_minute = timedelta(seconds=30)
        steps: tuple[PlanStep, ...] = (
            PlanStep(tell=told(CARER)),
            PlanStep(tell=told(CARER, DIRECTOR), after=half_minute),
            PlanStep(tell=(EVERYBODY,), after=half_minute),
        )
        return Plan(category=category, steps=steps, repeat_every=timedelta(seconds=60))
    if category is Category.ELECTRICAL:
        five_minutes = timedelta(minutes=5)
        steps = (PlanStep(tell=told(CARER)), PlanStep(tell=told(DIRECTOR), after=five_minutes))
        return Plan(category=category, steps=steps, repeat_every=five_minutes)
    steps = (PlanStep(tell=told(DIRECTOR)),)
    return Plan(category=category, steps=steps, repeat_every=timedelta(days=1), repeats_max=1)
