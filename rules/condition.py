"""Conditions: what must be so of a device's points. Three-valued: True, False, or None for cannot tell.

Every leaf says what not knowing does: `hold` keeps what was decided before, `reset` counts as False,
`trip` counts as True. Conditions that look back (rising, count, sequence) or at the calendar (schedule) know nothing
by themselves: what they remember is kept by `rules.memory`, and they are asked through a `Recalled`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from datetime import timedelta
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


class Rising(Leaf, frozen=True, kw_only=True, tag="rising"):
    """The floor of the point rose by `by` in `within`: its lowest value in the newest quarter over the oldest one's.

    Floors, so that a load that is switched on and off is no trend. Once it holds, it does until the rise is below
    `clear`. Unknown until a whole `within` was seen.
    """

    by: float
    within: timedelta
    clear: float | None = None

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        return _MEANS[self.unknown]


class Count(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="count"):
    """Of so many distinct devices of the place `of` holds, or held not longer than `within` ago.

    `every`: of all that the rule selects there, if they are two at least; of one alone its own rule tells.

    With `times` instead: `of` became true so many times in `within` (unknown as long as it was not watched that long).
    """

    of: Condition
    devices: int = 0
    every: bool = False
    times: int = 0
    within: timedelta = timedelta(0)
    unknown: Unknown = Unknown.HOLD

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        return _MEANS[self.unknown]


class Sequence(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="sequence"):
    """`first` became true, and `then` did (`absent`: did not) within `within` after it.

    It holds for `within` from then on, and on for as long as `first` holds; where `then` was absent, until it comes.
    """

    first: Condition
    then: Condition
    within: timedelta
    absent: bool = False
    unknown: Unknown = Unknown.HOLD

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        return _MEANS[self.unknown]


class Schedule(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="schedule"):
    """The time of day in the home lies in a span (minutes of the day; over midnight if it ends before it begins).

    `days` ("mon" to "sun", "workday", "restday", "holiday"; none: all) are those on which the span begins.
    """

    begins: int = 0
    ends: int = 0
    days: tuple[str, ...] = ()

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        return None


class Recalled(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="recalled"):
    """A condition whose answer is kept among the values, under a mark: it looks back, or at several devices.

    Never written in a file; rules are prepared with it when they come into force.
    """

    mark: str
    of: Condition
    unknown: Unknown = Unknown.HOLD

    def holds(self, values: Mapping[str, Value], active: bool) -> bool | None:
        answer = values.get(self.mark)
        if answer is None:
            return None if self.unknown is Unknown.HOLD else _MEANS[self.unknown]
        return answer is True


Condition = Union[Equals, Above, Below, Silent, AllOf, AnyOf, Not, Rising, Count, Sequence, Schedule, Recalled]


def points_of(condition: Condition) -> Iterator[str]:
    """The names of the points that a condition reads, in order (inner marks included, see `is_mark`)."""
    match condition:
        case AllOf() | AnyOf():
            for part in condition.of:
                yield from points_of(part)
        case Not() | Count():
            yield from points_of(condition.of)
        case Sequence():
            yield from points_of(condition.first)
            yield from points_of(condition.then)
        case Recalled():
            yield from points_of(condition.of)
            yield condition.mark
        case Silent():
            yield Silent.SILENT_POINT
        case Schedule():
            return
        case _:
            yield condition.point


def parts_of(condition: Condition) -> Iterator[Condition]:
    """The condition and every condition in it."""
    yield condition
    match condition:
        case AllOf() | AnyOf():
            inner = condition.of
        case Not() | Count() | Recalled():
            inner = (condition.of,)
        case Sequence():
            inner = (condition.first, condition.then)
        case _:
            inner = ()
    for part in inner:
        yield from parts_of(part)


def is_mark(point: str) -> bool:
    """Whether a name among the values is no point of a device but an inner mark."""
    return point.startswith("\x00")


def is_plain(condition: Condition) -> bool:
    """Whether a condition can be answered from the values of one device as they are now."""
    match condition:
        case AllOf() | AnyOf():
            return all(map(is_plain, condition.of))
        case Not():
            return is_plain(condition.of)
        case _:
            return isinstance(condition, (Equals, Above, Below, Silent))
