"""Plans of a site file: who is told of which category of alarms, and the stated plans of categories without one.

Default plans (DESIGN section 8; the delays stay inside standards sheet 3.9: director and township within 60 s, the
county's team within 120 s): fire, gas, person: the carers at once; after 30 s carers and director; 30 s later everybody
of the home, again every 60 s until somebody acknowledges. Beside it, where the site names them, the county's chain:
the township's duty after 60 s, the guidance team 60 s later, the rescue line 60 s later (a design number), again every
60 s. electrical: the carers; after 5 min the director, again every 5 min. supervisory, trouble and video: the director
only, and once more a day later if nobody took it on by then. A role that nobody has is replaced by everybody: no plan
resolves to nobody. Night, helpless residents and a single carer shorten what is for dangers (rules/pace.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from rules.alarm import Category
from rules.parse_condition import parse_schedule
from rules.parse_fields import Table, suggestion, unique
from rules.people import Post
from rules.site import CHANNEL_WAIT, Chain, ChannelOrder, Person, Plan, PlanStep, ResidentClass, Until
from rules.verification import PROGRESS_WITHIN

ROLE: Final = "role:"
EVERYBODY: Final = "role:*"
CARER: Final = "carer"
DIRECTOR: Final = "director"
COUNTY: Final = "county"
COUNTY_ROLES: Final = ("township", "guidance", "rescue")
"""Who is called from outside, in this order (issue 5: township duty, fire-safety guidance team, rescue line)."""

COUNTY_AFTER: Final = timedelta(seconds=60)
RESIDENTS: Final = {
    **{resident.value: resident for resident in ResidentClass},
    "自理": ResidentClass.INDEPENDENT,
    "半失能": ResidentClass.PARTLY_DEPENDENT,
    "失能": ResidentClass.DEPENDENT,
    "失智": ResidentClass.DEMENTIA,
}
CHAINS_MAX: Final = 8
STEPS_MAX: Final = 32
RE_ALARM_MIN: Final = timedelta(seconds=30)
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


class Ways(msgspec.Struct, frozen=True):
    """The names of channels that a step may use, and the kind of each. None: not known here."""

    names: Collection[str] | None = None
    kinds: Mapping[str, str] = {}


def parse_plans(
    tables: Sequence[Table],
    people: Sequence[Person],
    contacts: Sequence[Person] = (),
    posts: Sequence[Post] = (),
    ways: Ways = Ways(),
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
    read = [(table, _plan(table, named, ways)) for table in tables]
    unique([(table, _holds_for(table, plan)) for table, plan in read], "category", "category")
    unique([(table, plan.id) for table, plan in read if plan is not None], "id", "plan")
    plans = [plan for _, plan in read if plan is not None]
    found: list[Plan] = []
    for category in Category:
        own = [plan for plan in plans if plan.category is category]
        found += own
        if not any(plan.when is None and not plan.residents for plan in own):
            found.append(default_plan(category, people, contacts))
    return tuple(found)


def _holds_for(table: Table, plan: Plan | None) -> str:
    """What a plan is for, in words: its category, and when and for whom it holds."""
    category = table.take("category")
    if plan is None or not isinstance(category, str):
        return category if isinstance(category, str) else ""
    when = f" at {plan.when.begins}-{plan.when.ends} {' '.join(plan.when.days)}".rstrip() if plan.when else ""
    return f"{category}{when}" + "".join(f" {resident.value}" for resident in sorted(plan.residents))


def _plan(table: Table, named: Named, ways: Ways) -> Plan | None:
    name = table.text("category")
    known = table.known("category", name, _CATEGORIES, "category")
    category = Category(name) if name and known else Category.FIRE
    home = _chain(table, "", category, named, ways)
    chains = tuple(_chain(inner, inner.id("name"), category, named, ways) for inner in table.tables("chains"))
    unique([(table, chain.name) for chain in chains], "chains", "chain")
    if len(chains) > CHAINS_MAX:
        table.fault("chains", f"has {len(chains)} entries", f"At most {CHAINS_MAX} are allowed")
    limit = PROGRESS_WITHIN[category] if category.endangers_people else timedelta(days=7)
    has_limit = "re_alarm_after" in table
    re_alarm_after = table.duration("re_alarm_after", limit, RE_ALARM_MIN, limit)
    plan = Plan(
        category=category,
        steps=home.steps,
        repeat_every=home.repeat_every,
        repeats_max=home.repeats_max,
        id=table.id("id", ""),
        when=parse_schedule(table, "when"),
        residents=_residents(table),
        until=_until(table),
        re_alarm_after=re_alarm_after if has_limit else None,
        channel_wait=table.duration("channel_wait", CHANNEL_WAIT, timedelta(seconds=5), timedelta(minutes=10)),
        chains=chains,
        is_hastened=table.flag("hastened", True),
    )
    table.close()
    return plan if name and known else None


def _chain(table: Table, name: str, category: Category, named: Named, ways: Ways) -> Chain:
    """Steps in order, and how the last one repeats: the plan's own table is the home's chain."""
    steps = tuple(_step(step, named, ways) for step in table.tables("steps"))
    if not steps:
        table.fault("steps", "has no step", 'Write steps = [{tell = ["role:carer"]}]')
    if len(steps) > STEPS_MAX:
        table.fault("steps", f"has {len(steps)} entries", f"At most {STEPS_MAX} are allowed")
    repeat_every = table.duration("repeat_every", timedelta(seconds=60), REPEAT_MIN, timedelta(days=7))
    repeats_max = table.whole("repeats_max", 0, 0, 10_000)
    if category.endangers_people and repeats_max:
        problem = f"a plan of {category.value} must repeat until somebody acknowledges"
        table.fault("repeats_max", problem, "Leave it out")
    if name:
        table.close()
    return Chain(name=name, steps=steps, repeat_every=repeat_every, repeats_max=repeats_max)


def _residents(table: Table) -> tuple[ResidentClass, ...]:
    names = table.names("residents")
    for name in names:
        table.known("residents", name, RESIDENTS, "class")
    return tuple(dict.fromkeys(RESIDENTS[name] for name in names if name in RESIDENTS))


def _until(table: Table) -> Until:
    name = table.text("until", Until.ACKNOWLEDGED_BY_ONE.value)
    values = [until.value for until in Until]
    return Until(name) if table.known("until", name, values, "end") and name in values else Until.ACKNOWLEDGED_BY_ONE


def _step(table: Table, named: Named, ways: Ways) -> PlanStep:
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
    channels = _step_channels(table, ways)
    order = table.text("order", ChannelOrder.AS_LISTED.value)
    orders = [each.value for each in ChannelOrder]
    is_order = table.known("order", order, orders, "order") and order in orders
    table.close()
    return PlanStep(
        tell=tell, after=after, channels=channels, order=ChannelOrder(order) if is_order else ChannelOrder.AS_LISTED
    )


def _step_channels(table: Table, ways: Ways) -> tuple[str, ...]:
    """The channels of a step by name; the name of a kind (`sms`) stands for all channels of that kind."""
    found: list[str] = []
    for name in table.names("channels"):
        of_kind = [channel for channel, kind in ways.kinds.items() if kind == name]
        if ways.names is not None and name not in ways.names and of_kind:
            found += of_kind
        elif table.known("channels", name, ways.names, "channel"):
            found.append(name)
    return tuple(dict.fromkeys(found))


def county_steps(people: Sequence[Person], contacts: Sequence[Person]) -> tuple[PlanStep, ...]:
    """The county's chain as far as a site names who belongs to it, as people or as contacts."""
    roles = {person.role for person in people}
    steps = []
    for role in COUNTY_ROLES:
        tell = [f"{ROLE}{role}"] if role in roles else []
        tell += [f"contact:{contact.id}" for contact in contacts if contact.role == role]
        if tell:
            steps.append(PlanStep(tell=tuple(tell), after=COUNTY_AFTER))
    return tuple(steps)


def default_plan(category: Category, people: Sequence[Person], contacts: Sequence[Person] = ()) -> Plan:
    """The plan of a category that the site file says nothing about."""
    roles = {person.role for person in people}

    def told(*wanted: str) -> tuple[str, ...]:
        return tuple(f"{ROLE}{role}" for role in wanted if role in roles) or (EVERYBODY,)

    if category.endangers_people:
        half_minute = timedelta(seconds=30)
        county = county_steps(people, contacts)
        at_home = tuple(dict.fromkeys(person.role for person in people if person.role not in COUNTY_ROLES))
        everybody = told(*at_home) if county else (EVERYBODY,)
        steps: tuple[PlanStep, ...] = (
            PlanStep(tell=told(CARER)),
            PlanStep(tell=told(CARER, DIRECTOR), after=half_minute),
            PlanStep(tell=everybody, after=half_minute),
        )
        chains = (Chain(name=COUNTY, steps=county),) if county else ()
        return Plan(category=category, steps=steps, chains=chains, repeat_every=timedelta(seconds=60))
    if category is Category.ELECTRICAL:
        five_minutes = timedelta(minutes=5)
        steps = (PlanStep(tell=told(CARER)), PlanStep(tell=told(DIRECTOR), after=five_minutes))
        return Plan(category=category, steps=steps, repeat_every=five_minutes)
    steps = (PlanStep(tell=told(DIRECTOR)),)
    return Plan(category=category, steps=steps, repeat_every=timedelta(days=1), repeats_max=1)
