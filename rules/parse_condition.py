"""Conditions as they stand in a rule pack. One table says which parser reads which kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, cast

from devices.reading import POINTS, Kind, Point, Value, find_point
from rules.condition import (
    Above,
    AllOf,
    AnyOf,
    Below,
    Condition,
    Count,
    Equals,
    Not,
    Rising,
    Schedule,
    Sequence,
    Silent,
    Unknown,
    is_plain,
)
from rules.parse_fields import Table, suggestion
from rules.schedule import DAYS

DEPTH_MAX: Final = 8
PARTS_MAX: Final = 64
DEVICES_MAX: Final = 1000
TIMES_MAX: Final = 100
WITHIN_MIN: Final = timedelta(seconds=1)
WITHIN_MAX: Final = timedelta(days=31)
_UNKNOWN: Final = tuple(unknown.value for unknown in Unknown)


def condition_of(table: Table) -> Condition | None:
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


def _rising(parent: Table, name: str) -> Condition | None:
    table = parent.table(name)
    if table is None:
        return None
    point = _point(table, (Kind.LEVEL, Kind.COUNT))
    unit = point.unit if point else ""
    by = table.measure("by", unit)
    clear = table.measure("clear", unit) if "clear" in table else None
    within = _within(table)
    unknown = _unknown(table)
    if by is not None and by <= 0:
        table.fault("by", f"is {by:g}: a rise is above 0", "For a fall write below")
    if by is not None and clear is not None and clear > by:
        table.fault("clear", f"{clear:g} lies above the rise {by:g}", "It is the rise below which the alarm goes")
    table.close()
    if point is None or by is None:
        return None
    return Rising(point=point.name, by=by, within=within, clear=clear, unknown=unknown)


def _within(table: Table, *, required: bool = True) -> timedelta:
    if "within" not in table and required:
        table.take("within")
        table.fault("within", "is missing", 'Write within = "10m"')
    least = WITHIN_MIN if required else timedelta(0)
    return table.duration("within", timedelta(0), least=least, most=WITHIN_MAX)


def _plain(table: Table, name: str) -> Condition | None:
    """A condition inside one that looks back: about a device as it is now."""
    inner = table.table(name)
    if inner is None:
        if name not in table:
            table.fault(name, "is missing", f'Write {name} = {{equals = {{point = "…", value = true}}}}')
        return None
    condition = _condition(inner)
    if condition is not None and not is_plain(condition):
        words = "only equals, above, below, silent, all, any and not may stand in it"
        table.fault(name, words, "Put the other condition beside it by all or any")
        return None
    return condition


def _count(parent: Table, name: str) -> Condition | None:
    table = parent.table(name)
    if table is None:
        return None
    of = _plain(table, "of")
    every = table.take("devices") == "all"
    devices = 0 if every else table.whole("devices", 0, 1 if "within" in table else 2, DEVICES_MAX)
    times = table.whole("times", 0, 1, TIMES_MAX)
    if ("devices" in table) == ("times" in table):
        table.fault("", "needs either devices or times", 'Write devices = 2, devices = "all" or times = 3')
    within = _within(table, required="times" in table)
    unknown = _unknown(table)
    table.close(("of", "devices", "times", "within"))
    if of is None:
        return None
    return Count(of=of, devices=devices, every=every, times=times, within=within, unknown=unknown)


def _sequence(parent: Table, name: str) -> Condition | None:
    table = parent.table(name)
    if table is None:
        return None
    first = _plain(table, "first")
    absent = "then_not" in table
    if absent and "then" in table:
        table.fault("then", "stands beside then_not", "Write one of them")
    then = _plain(table, "then_not" if absent else "then")
    within = _within(table)
    unknown = _unknown(table)
    table.close(("then", "then_not"))
    if first is None or then is None:
        return None
    return Sequence(first=first, then=then, within=within, absent=absent, unknown=unknown)


def parse_schedule(parent: Table, name: str) -> Schedule | None:
    """A span of the day and the days on which it begins, or None."""
    table = parent.table(name)
    if table is None:
        return None
    begins, ends = table.minute("from"), table.minute("to")
    if ("from" in table) != ("to" in table):
        table.fault("", "has only one end", 'Write from = "22:00" and to = "06:00"')
    elif "from" in table and begins == ends:
        table.fault("to", "is the same as from", "Strike out both for the whole day")
    days = table.names("days")
    for day in days:
        table.known("days", day, DAYS, "day")
    if not days and "from" not in table:
        table.fault("", "says nothing", 'Write from = "22:00" and to = "06:00", or days = ["workday"]')
    table.close(("from", "to", "days"))
    return Schedule(begins=begins, ends=ends, days=days)


CONDITIONS: Final[Mapping[str, Callable[[Table, str], Condition | None]]] = {
    "equals": _equals,
    "above": _limit,
    "below": _limit,
    "silent": _silent,
    "all": _parts,
    "any": _parts,
    "not": _not,
    "rising": _rising,
    "count": _count,
    "sequence": _sequence,
    "schedule": parse_schedule,
}
"""What a rule may ask: the word in the file and its parser. A further kind of condition is one line here."""
