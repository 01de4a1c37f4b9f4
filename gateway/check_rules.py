"""What is odd about rules: points that no device has, tags and rules that nobody knows, places with nothing in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from gateway.check_sense import senseless
from gateway.load import SHIPPED_PACKS, Configuration, Pack
from rules.condition import (
    AllOf,
    AnyOf,
    Condition,
    Count,
    Not,
    Recalled,
    Schedule,
    Sequence,
    Silent,
    is_mark,
    parts_of,
    points_of,
)
from rules.holidays import YEARS
from rules.index import place_of, selects
from rules.parse import Fault, KindDefaults, suggestion
from rules.rule import Per, Rule
from rules.site import HAZARD, Device, Site

PRIORITY_WITH_PROCEDURE = 2
"""Alarms of this priority and above tell people what to do (standards sheet 5.3)."""

_BY_NOTICE = frozenset({"workday", "restday", "holiday"})
"""Days of a schedule that the State Council's notices decide."""


def rule_oddities(configuration: Configuration, kinds: Mapping[str, KindDefaults]) -> Iterator[Fault]:
    """Warnings about the rules themselves."""
    known = {rule.id for rule in configuration.rules}
    devices = [device for site in configuration.sites for device in site.devices]
    tags = {tag for device in devices for tag in device.tags}
    for pack in configuration.packs:
        own = pack.name not in SHIPPED_PACKS
        for rule in pack.rules:
            if own:
                yield from _own_oddities(rule, pack, kinds, devices, tags)
                for words, mend in senseless(rule, devices):
                    yield _odd(pack, rule, words, mend)
            for cause in rule.suppressed_by:
                if cause not in known and not cause.startswith("gateway."):
                    words = f"suppressed_by names {cause!r}, and there is no such rule"
                    yield _odd(pack, rule, words, suggestion(cause, known))
            if rule.priority <= PRIORITY_WITH_PROCEDURE and not rule.procedure.zh:
                words = f"an alarm of priority {rule.priority} without a procedure"
                yield _odd(pack, rule, words, 'Write procedure = {zh = "…", en = "…"}')


def _own_oddities(
    rule: Rule, pack: Pack, kinds: Mapping[str, KindDefaults], devices: list[Device], tags: Collection[str]
) -> Iterator[Fault]:
    """What is odd about a rule of the home's own packs; the shipped ones need not fit every home."""
    if not _some_kind_answers(rule, kinds):
        points = ", ".join(own_points(rule))
        words = f"no kind of device that the rule selects has {points}, so that it may never be asked"
        yield _odd(pack, rule, words, "Check the names of the points and the kinds")
        return
    for tag in rule.select.tags:
        if tag not in tags:
            yield _odd(pack, rule, f"no device has the tag {tag!r}", suggestion(tag, tags))
    selected = [device for device in devices if selects(rule.select, device)]
    if devices and not selected:
        yield _odd(pack, rule, "no device of any home is selected", "Check kinds, zones, devices and tags together")
    elif selected and not _some_device_answers(rule, selected, kinds):
        words = f"no selected device has {', '.join(own_points(rule))}"
        yield _odd(pack, rule, words, "Check the points, or give the home such a device")
    days = {day for part in parts_of(rule.condition) if isinstance(part, Schedule) for day in part.days}
    if days & _BY_NOTICE:
        words = f"public holidays are known for {', '.join(map(str, YEARS))}; other years have only their weekends"
        yield _odd(pack, rule, words, "Update the program when the State Council's next notice is in it")


def _odd(pack: Pack, rule: Rule, words: str, mend: str) -> Fault:
    return Fault(file=pack.file, path=rule.id, problem=words, mend=mend, warning=True)


def own_points(rule: Rule) -> list[str]:
    """The points that a rule's condition reads, without inner marks."""
    return [point for point in points_of(rule.condition) if not is_mark(point)]


def _some_kind_answers(rule: Rule, kinds: Mapping[str, KindDefaults]) -> bool:
    chosen = [kind for name, kind in kinds.items() if not rule.select.kinds or name in rule.select.kinds]
    return _answered(rule, [kind.points for kind in chosen])


def _some_device_answers(rule: Rule, devices: Iterable[Device], kinds: Mapping[str, KindDefaults]) -> bool:
    return _answered(rule, [kinds[device.kind].points for device in devices if device.kind in kinds])


def _answered(rule: Rule, points: list[tuple[str, ...]]) -> bool:
    """Whether a rule can ever be decided: by one device, or by all of a place together."""
    if rule.per is not Per.DEVICE:
        return _answers(rule.condition, {point for some in points for point in some})
    return any(_answers(rule.condition, set(some)) for some in points)


def _answers(condition: Condition, points: Collection[str]) -> bool:
    """Whether a condition can be decided by these points: every part of `all`, some part of `any`."""
    match condition:
        case AllOf():
            return all(_answers(part, points) for part in condition.of)
        case AnyOf():
            return any(_answers(part, points) for part in condition.of)
        case Not() | Count() | Recalled():
            return _answers(condition.of, points)
        case Sequence():
            return _answers(condition.first, points) and _answers(condition.then, points)
        case Silent() | Schedule():
            return True
        case _:
            return condition.point in points


def place_oddities(site: Site, rules: Iterable[Rule], kinds: Mapping[str, KindDefaults]) -> Iterator[Fault]:
    """Devices that a rule about rooms or circuits cannot place, and tags that no rule asks for."""
    rules = tuple(rules)
    asked = {tag for rule in rules for tag in rule.select.tags}
    file = f"home {site.id}"
    for device in site.devices:
        for tag in device.tags:
            if tag not in asked and not tag.startswith(HAZARD):
                yield Fault(
                    file=file,
                    path=f"device {device.id}",
                    problem=f"no rule asks for the tag {tag!r}",
                    mend=suggestion(tag, asked),
                    warning=True,
                )
        has = set(kinds[device.kind].points)
        lost = [
            rule
            for rule in rules
            if rule.per is not Per.DEVICE
            and device.category == rule.category.value
            and selects(rule.select, device)
            and has.intersection(own_points(rule))
            and not place_of(rule.per, device)
        ]
        if lost:
            words = f"stands in no {lost[0].per.value}, so that {', '.join(rule.id for rule in lost)} cannot see it"
            mend = f'Write {lost[0].per.value} = "…"'
            yield Fault(file=file, path=f"device {device.id}", problem=words, mend=mend, warning=True)
