"""Conditions: what must be so of a device's points. Three-valued: True, False, or None for cannot tell.

Every leaf says what not knowing does: `hold` keeps what was decided before, `reset` counts as False,
`trip` counts as True.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Union

import msgspec

from devices.reading import Value


class Unknown(enum.StrEnum):
    """What a leaf does while its point is unknown."""

    HOLD = "hold"
    RESET = "reset"
    TRIP = "trip"


_MEANS: dict[Unknown, bool | None] = {Unknown.HOLD: None, Unknown.RESET: False, Unknown.TRIP: True}


# ruff: noqa: ARG002 - all conditions take `active`; only those with hysteresis read it


class Leaf(msgspec.Struct, frozen=True, kw_only=True, tag_field="is"):
    """What all conditions on one point share."""

    point: str
    unknown: Unknown = Unknown.HOLD


class Equals(Leaf, frozen=True, kw_only=True, tag="equals"):
    """The point has this value."""

    value: Value

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        value = values.get(self.point)
        if value is None:
            return _MEANS[self.unknown]
        return value == self.value


class Above(Leaf, frozen=True, kw_only=True, tag="above"):
    """The point is above `limit`; once it was, it holds until the point is at or below `clear` (hysteresis)."""

    limit: float
    clear: float | None = None

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        value = values.get(self.point)
        if not isinstance(value, (int, float)):
            return _MEANS[self.unknown]
        if active and self.clear is not None:
            return value > self.clear
        return value > self.limit


class Below(Leaf, frozen=True, kw_only=True, tag="below"):
    """The point is below `limit`; once it was, it holds until the point is at or above `clear` (hysteresis)."""

    limit: float
    clear: float | None = None

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        value = values.get(self.point)
        if not isinstance(value, (int, float)):
            return _MEANS[self.unknown]
        if active and self.clear is not None:
            return value < self.clear
        return value < self.limit


class Silent(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="silent"):
    """The device said nothing for its silence limit (driven by the roster: one that never spoke counts too)."""

    SILENT_POINT = "\x00silent"

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        return values.get(Silent.SILENT_POINT) is True


class AllOf(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="all"):
    """Every part holds. One part that does not hold decides, whatever is unknown."""

    of: tuple[Condition, ...]

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        answer: bool | None = True
        for part in self.of:
            holds = part.holds(values, active)
            if holds is False:
                return False
            if holds is None:
                answer = None
        return answer


class AnyOf(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="any"):
    """At least one part holds. One part that holds decides, whatever is unknown."""

    of: tuple[Condition, ...]

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        answer: bool | None = False
        for part in self.of:
            holds = part.holds(values, active)
            if holds is True:
                return True
            if holds is None:
                answer = None
        return answer


class Not(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="not"):
    """The part does not hold; unknown stays unknown."""

    of: Condition

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        holds = self.of.holds(values, active)
        return None if holds is None else not holds


Condition = Union[Equals, Above, Below, Silent, AllOf, AnyOf, Not]


def points_of(condition: Condition) -> Iterator[str]:
    """The names of the points that a condition reads, in order (the inner mark of `Silent` included)."""
    match condition:
        case AllOf() | AnyOf():
            for part in condition.of:
                yield from points_of(part)
        case Not():
            yield from points_of(condition.of)
        case Silent():
            yield Silent.SILENT_POINT
        case _:
            yield condition.point
