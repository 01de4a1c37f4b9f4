"""The rules of last resort: a danger point that no rule of the configuration would raise has one all the same.

What a pack forgets must not be swallowed (DESIGN section 6: a fire signal is announced or explained). Guards are
worked out with the watches, so that the hot path knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from devices.reading import DANGER_POINTS, POINTS
from rules.alarm import Category
from rules.condition import AllOf, AnyOf, Condition, Equals
from rules.rule import Rule
from rules.text import Text

PREFIX = "gateway.danger."
"""How the id of every guard begins; the point's name follows."""


@cache
def guard(point: str) -> Rule:
    """The rule that raises a danger point which no other rule raises."""
    known = POINTS[point]
    return Rule(
        id=PREFIX + point,
        title=Text(f"{known.zh}（没有规则覆盖）", f"{known.en} (no rule covers it)"),
        category=Category(DANGER_POINTS[point]),
        condition=Equals(point=point, value=True),
        priority=1,
        latch=True,
        source="DESIGN section 6: fire is never swallowed",
    )


def surely_raised_by(condition: Condition) -> frozenset[str]:
    """The points whose True alone makes the condition hold, whatever else is known or not."""
    match condition:
        case Equals(value=True):
            return frozenset((condition.point,))
        case AnyOf():
            return frozenset().union(*map(surely_raised_by, condition.of))
        case AllOf() if condition.of:
            return frozenset.intersection(*map(surely_raised_by, condition.of))
        case _:
            return frozenset()


def guards_beside(rules: Iterable[Rule]) -> list[Rule]:
    """The guards that a device needs beside these rules: one for each danger point that none of them surely raises."""
    covered: set[str] = set()
    for rule in rules:
        if rule.category.endangers_people:
            covered |= surely_raised_by(rule.condition)
    return [guard(point) for point in DANGER_POINTS if point not in covered]
