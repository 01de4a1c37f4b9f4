"""Rules that parse and make no sense: conditions that never hold, or by the clock alone, counts that nobody reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from devices.reading import DANGER_POINTS, Value
from rules.condition import (
    Above,
    AllOf,
    Below,
    Condition,
    Count,
    Equals,
    Not,
    Schedule,
    Sequence,
    parts_of,
)
from rules.index import place_of, selects
from rules.rule import Per, Rule
from rules.site import Device

Said = tuple[str, str]
"""What is odd, and what to do."""


def senseless(rule: Rule, devices: Collection[Device]) -> Iterator[Said]:
    """What makes no sense about a rule for these devices of the homes."""
    if rule.id in rule.suppressed_by:
        yield "suppressed_by names the rule itself: an alarm explains no other one of its own kind", "Strike it out"
    if all(isinstance(part, Schedule | AllOf | Not) for part in parts_of(rule.condition)):
        words = "the condition is a schedule and nothing else, so that every device is in alarm by the clock"
        yield words, "Join it to what must be so then: condition = {all = [{equals = …}, {schedule = …}]}"
    for point in dict.fromkeys(_raised_by_normal(rule.condition)) if rule.category.endangers_people else ():
        words = f"a {rule.category.value} alarm is raised while {point} is false, which is how it should be"
        yield words, f'Write {{equals = {{point = "{point}", value = true}}}}'
    for part in _joined(rule):
        why = _contradiction(part)
        if why:
            yield f"a part can never hold: {why}", "Strike one of them out, or write any in place of all"
    yield from _counts_too_many(rule, devices)


def _raised_by_normal(condition: Condition, normal: bool = False) -> Iterator[str]:
    """The danger points whose normal state (False) would help this condition to hold."""
    match condition:
        case Equals():
            if condition.point in DANGER_POINTS and condition.value is normal:
                yield condition.point
        case Not():
            yield from _raised_by_normal(condition.of, not normal)
        case Count() | Sequence():
            return
        case _:
            for part in getattr(condition, "of", ()):
                yield from _raised_by_normal(part, normal)


def _joined(rule: Rule) -> Iterator[AllOf]:
    """The `all`s of which every part is asked of the same device. A place may have one device for each part."""
    for part in parts_of(rule.condition):
        inner = part.of if isinstance(part, Count) else part
        if isinstance(inner, AllOf) and (rule.per is Per.DEVICE or inner is not part):
            yield inner


def _contradiction(both: AllOf) -> str:
    """Why an `all` can never hold, or ""."""
    said: dict[str, Value] = {}
    above: dict[str, float] = {}
    below: dict[str, float] = {}
    for part in both.of:
        match part:
            case Equals():
                if said.setdefault(part.point, part.value) != part.value:
                    return f"{part.point} is {_word(said[part.point])} and {_word(part.value)} at once"
            case Above():
                above[part.point] = max(part.limit, above.get(part.point, part.limit))
            case Below():
                below[part.point] = min(part.limit, below.get(part.point, part.limit))
            case Not(of=other) if other in both.of:
                return "something is so and not so at once"
    for point in above.keys() & below.keys():
        if above[point] >= below[point]:
            return f"{point} is above {above[point]:g} and below {below[point]:g} at once"
    return ""


def _word(value: Value) -> str:
    return str(value).lower()


def _counts_too_many(rule: Rule, devices: Collection[Device]) -> Iterator[Said]:
    """Counts of more devices than any place of the homes has."""
    wanted = max((part.devices for part in parts_of(rule.condition) if isinstance(part, Count)), default=0)
    places = Counter(place for each in devices if selects(rule.select, each) and (place := place_of(rule.per, each)))
    most = max(places.values(), default=0)
    if wanted > 1 and most and most < wanted:
        words = f"counts {wanted} devices, and no {rule.per.value} has more than {most} that the rule selects"
        yield words, f"Write devices = {most}" if most > 1 else "Ask one device, or select more"
