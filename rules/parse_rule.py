"""A rule pack as Rules, or every fault in it. One table says which parser reads which kind of condition."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Final, cast

import msgspec

from devices.reading import POINTS, Kind, Point, Value, find_point
from rules.alarm import Category
from rules.condition import Above, AllOf, AnyOf, Below, Condition, Equals, Not, Silent, Unknown
from rules.parse_fields import Fault, Table, suggestion, unique
from rules.rule import Per, Rule, Select

DEPTH_MAX: Final = 6
PARTS_MAX: Final = 64
DELAY_MAX: Final = timedelta(days=7)
FIRE_DELAY_MAX: Final = timedelta(seconds=10)
"""A fire signal is announced within 10 s (GB 26875.1-2011; standards sheet 3.3): a longer wait would break it."""
SHELVE_MAX: Final = timedelta(hours=24)
SHELVE_DEFAULT: Final = timedelta(hours=8)
"""One shift (GB 25201-2010: at most 8 h); what is out of order for longer is taken out of service."""
RESERVED: Final = "gateway."
_CATEGORIES: Final = tuple(category.value for category in Category)
_PER: Final = tuple(per.value for per in Per)
_UNKNOWN: Final = tuple(unknown.value for unknown in Unknown)


class SelectNames(msgspec.Struct, frozen=True):
    """The names that rules may select by. None: not known here, so nothing can be said about it."""

    kinds: Collection[str] | None = None
    zones: Collection[str] | None = None
    devices: Collection[str] | None = None


def parse_rules(values: Mapping[str, object], names: SelectNames | None = None) -> tuple[tuple[Rule, ...], list[Fault]]:
    """The rules of one pack, and every fault in it. A rule with a fault is left out."""
    faults: list[Fault] = []
    root = Table(values, "", faults)
    tables = root.tables("rule")
    if not tables and not faults:
        root.fault("rule", "is missing", "A pack has at least one [[rule]]")
    read = [(table, _rule(table, names or SelectNames())) for table in tables]
    unique([(table, rule_id) for table, (rule_id, _) in read], "id", "rule")
    root.close()
    return tuple(rule for _, (_, rule) in read if rule is not None), faults


def _rule(table: Table, names: SelectNames) -> tuple[str, Rule | None]:
    noted: list[Fault] = []
    inner = Table({key: table.take(key) for key in table.fields}, table.path, noted)
    inner.name_subject("rule")
    rule_id = inner.id("id", dotted=True)
    if rule_id.startswith(RESERVED):
        inner.fault("id", f"ids that begin with {RESERVED!r} are the engine's own", "Give the rule another id")
    name = inner.text("category")
    known = inner.known("category", name, _CATEGORIES, "category")
    condition = _condition_of(inner)
    category = Category(name) if name and known else Category.TROUBLE
    per = inner.text("per", Per.DEVICE.value)
    inner.known("per", per, _PER, "place")
    rule = Rule(
        id=rule_id,
        title=inner.words("title"),
        category=category,
        condition=condition or Silent(),
        select=_select(inner.table("select"), names),
        priority=inner.whole("priority", 3, 1, 4),
        raise_after=inner.duration("raise_after", timedelta(0), most=DELAY_MAX),
        clear_after=inner.duration("clear_after", timedelta(0), most=DELAY_MAX),
        latch=inner.flag("latch", False),
        procedure=inner.words("procedure", required=False),
        per=Per(per) if per in _PER else Per.DEVICE,
        verify=inner.flag("verify", False),
        shelve_max=_shelve_max(inner, category),
        suppressed_by=inner.names("suppressed_by"),
        source=inner.text("source", ""),
    )
    if rule.suppressed_by and rule.category.endangers_people:
        words = f"an alarm of category {rule.category.value} is never suppressed by another one"
        inner.fault("suppressed_by", words, "Strike it out")
    if rule.category.endangers_people and not rule.latch:
        words = f"a rule of category {rule.category.value} must latch: a person has to look before it goes away"
        inner.fault("latch", words, "Write latch = true")
    if rule.category is Category.FIRE and rule.raise_after > FIRE_DELAY_MAX:
        inner.fault("raise_after", "a fire must be announced within 10 s (GB 26875.1-2011)", 'Write at most "10s"')
    inner.close()
    for fault in noted:
        table.note(fault)
    return rule_id, (None if any(not fault.warning for fault in noted) else rule)


def _shelve_max(table: Table, category: Category) -> timedelta:
    """How long the alarm may be shelved: never where people are in danger."""
    if not category.endangers_people:
        return table.duration("shelve_max", SHELVE_DEFAULT, most=SHELVE_MAX)
    if table.duration("shelve_max", timedelta(0), most=SHELVE_MAX):
        table.fault("shelve_max", f"an alarm of category {category.value} can't be shelved", "Strike it out")
    return timedelta(0)


def _select(table: Table | None, names: SelectNames) -> Select:
    if table is None:
        return Select()
    select = Select(kinds=table.names("kinds"), zones=table.names("zones"), devices=table.names("devices"))
    for name, chosen, known in (
        ("kinds", select.kinds, names.kinds),
        ("zones", select.zones, names.zones),
        ("devices", select.devices, names.devices),
    ):
        for value in chosen:
            table.known(name, value, known, name.removesuffix("s"))
    table.close()
    return select


def _condition_of(table: Table) -> Condition | None:
    inner = table.table("condition")
    if inner is None:
        if "condition" not in table:
            table.fault("condition", "is missing", 'Write condition = {equals = {point = "smoke.alarm", value = true}}')
        return None
    return _condition(inner)


def _condition(table: Table) -> Condition | None:
    keys = table.fields
    if len(keys) != 1:
        found = ", ".join(keys) or "nothing"
        problem = f"a condition is exactly one of {', '.join(CONDITIONS)}; found {found}"
        table.fault("", problem, "Join several by all or any")
        return None
    name = keys[0]
    if name not in CONDITIONS:
        table.fault(name, f"unknown condition {name!r}", suggestion(name, CONDITIONS))
        return None
    if table.depth > DEPTH_MAX:
        table.fault(name, f"conditions stand more than {DEPTH_MAX} deep in each other", "Make several rules of it")
        return None
    return CONDITIONS[name](table, name)


def _point(table: Table, kinds: tuple[Kind, ...]) -> Point | None:
    name = table.text("point")
    if not name:
        return None
    point = find_point(name)
    if point is None:
        table.fault("point", f"unknown point {name!r}", suggestion(name, POINTS))
    elif point.kind not in kinds:
        mend = "Use equals for a state" if point.kind is Kind.STATE else "Use above or below for a number"
        table.fault("point", f"{name!r} is a {point.kind.value}", mend)
        return None
    return point


def _unknown(table: Table) -> Unknown:
    name = table.text("unknown", Unknown.HOLD.value)
    table.known("unknown", name, _UNKNOWN, "word")
    return Unknown(name) if name in _UNKNOWN else Unknown.HOLD


def _equals(parent: Table, name: str) -> Condition | None:
    table = parent.table(name)
    if table is None:
        return None
    point = _point(table, (Kind.STATE,))
    value = table.take("value")
    wanted = str if point is not None and point.name == "button" else bool
    if point is not None and not isinstance(value, wanted):
        problem = "is missing" if value is None else f"{value!r} cannot be a value of {point.name!r}"
        table.fault("value", problem, "Write value = true or value = false" if wanted is bool else 'Write value = "…"')
    condition = Equals(point=point.name, value=cast(Value, value), unknown=_unknown(table)) if point else None
    table.close(("unknown",))
    return condition


def _limit(parent: Table, name: str) -> Condition | None:
    """`above` and `below`: they differ only in the side on which the clear level must lie."""
    table = parent.table(name)
    if table is None:
        return None
    point = _point(table, (Kind.LEVEL, Kind.COUNT))
    unit = point.unit if point else ""
    limit = table.measure("limit", unit)
    clear = table.measure("clear", unit) if "clear" in table else None
    unknown = _unknown(table)
    if point is not None and limit is not None and clear is not None:
        if name == "above" and clear > limit:
            table.fault("clear", f"{clear:g} lies above the limit {limit:g}", "It is the level at which the alarm goes")
        if name == "below" and clear < limit:
            table.fault("clear", f"{clear:g} lies below the limit {limit:g}", "It is the level at which the alarm goes")
    table.close()
    if point is None or limit is None:
        return None
    kind = Above if name == "above" else Below
    return kind(point=point.name, limit=limit, clear=clear, unknown=unknown)


def _silent(parent: Table, name: str) -> Condition | None:
    table = parent.table(name)
    if table is not None:
        table.close()
    return Silent()


def _parts(parent: Table, name: str) -> Condition | None:
    """`all` and `any`."""
    tables = parent.tables(name)
    if not 2 <= len(tables) <= PARTS_MAX:
        parent.fault(name, f"has {len(tables)} parts", f"It needs 2 to {PARTS_MAX}")
    parts = [_condition(table) for table in tables]
    if not parts or any(part is None for part in parts):
        return None
    found = tuple(part for part in parts if part is not None)
    return AllOf(of=found) if name == "all" else AnyOf(of=found)


def _not(parent: Table, name: str) -> Condition | None:
    table = parent.table(name)
    part = _condition(table) if table is not None else None
    return None if part is None else Not(of=part)


CONDITIONS: Final[Mapping[str, Callable[[Table, str], Condition | None]]] = {
    "equals": _equals,
    "above": _limit,
    "below": _limit,
    "silent": _silent,
    "all": _parts,
    "any": _parts,
    "not": _not,
}
"""What a rule may ask: the word in the file and its parser. A further kind of condition is one line here."""
