"""A rule pack as Rules, or every fault in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

import msgspec

from rules.alarm import Category
from rules.condition import Condition, Count, Rising, Silent, parts_of
from rules.parse_condition import CONDITIONS, condition_of
from rules.parse_fields import Fault, Table, unique
from rules.rule import Per, Rule, Select

DELAY_MAX: Final = timedelta(days=7)
FIRE_DELAY_MAX: Final = timedelta(seconds=10)
"""A fire signal is announced within 10 s (GB 26875.1-2011; standards sheet 3.3): a longer wait would break it."""
SHELVE_MAX: Final = timedelta(hours=24)
SHELVE_DEFAULT: Final = timedelta(hours=8)
"""One shift (GB 25201-2010: at most 8 h); what is out of order for longer is taken out of service."""
RESERVED: Final = "gateway."
_CATEGORIES: Final = tuple(category.value for category in Category)
_PER: Final = tuple(per.value for per in Per)


__all__ = ["CONDITIONS", "SelectNames", "parse_rules"]


class SelectNames(msgspec.Struct, frozen=True):
    """The names that rules may select by. None: not known here, so nothing can be said about it."""

    kinds: Collection[str] | None = None
    zones: Collection[str] | None = None
    devices: Collection[str] | None = None
    tags: Collection[str] | None = None


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
    condition = condition_of(inner)
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
        attends=inner.names("attends"),
        source=inner.text("source", ""),
    )
    if condition is not None:
        _fits(inner, condition, rule.per)
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
    select = Select(
        kinds=table.names("kinds"),
        zones=table.names("zones"),
        devices=table.names("devices"),
        tags=table.names("tags"),
    )
    for name, chosen, known in (
        ("kinds", select.kinds, names.kinds),
        ("zones", select.zones, names.zones),
        ("devices", select.devices, names.devices),
        ("tags", select.tags, names.tags),
    ):
        for value in chosen:
            table.known(name, value, known, name.removesuffix("s"))
    table.close()
    return select


def _fits(table: Table, condition: Condition, per: Per) -> None:
    """Several devices can only be counted where the rule is about a place; a rate is one device's own."""
    for part in parts_of(condition):
        if isinstance(part, Count) and not part.times and per is Per.DEVICE:
            table.fault("per", "a count of devices needs a place", f"Write per = one of {', '.join(_PER[1:])}")
        if isinstance(part, Rising) and per is not Per.DEVICE:
            table.fault("per", "rising is about one device's point, not about a place", "Strike out per")
