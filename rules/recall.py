"""What conditions remember, as plain data that a snapshot holds, and what follows from it.

One `Kept` for each condition that looks back and each subject (a device or a place). Everything is bounded: by the
number of devices of the place, by `times`, by the eight slots of a window.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Union

import msgspec

from devices.reading import Value
from rules.condition import Condition, Count, Rising, Sequence

SLOTS: Final = 8
"""Slots of a window of `rising`; a quarter is two of them."""
SEVERAL: Final = 2
"""What counts all devices counts at least two: of one alone its own rule tells."""
_QUARTER: Final = SLOTS // 4
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# ruff: noqa: ARG002 - all kinds are asked in the same way; some need less


class KeptTruths(msgspec.Struct, tag="truths"):
    """For which devices of a place a condition holds; unknown ones are absent."""

    holding: dict[str, bool] = {}

    def observe(self, condition: Condition, member: str, values: Mapping[str, Value], at: datetime) -> None:
        _note(self.holding, condition, member, values)

    def answer(self, condition: Condition, members: Iterable[str], at: datetime) -> bool | None:
        if any(self.holding.get(member) for member in members):
            return True
        return False if all(member in self.holding for member in members) else None

    def due(self, condition: Condition, at: datetime) -> datetime | None:
        return None

    def holders(self) -> list[str]:
        return [member for member, holds in self.holding.items() if holds]


class KeptCount(msgspec.Struct, tag="count"):
    """For which devices the counted condition holds, when it last did, and the newest instants when it became true."""

    since: datetime
    holding: dict[str, bool] = {}
    ended_at: dict[str, datetime] = {}
    began_at: list[datetime] = []

    def observe(self, count: Count, member: str, values: Mapping[str, Value], at: datetime) -> None:
        before = self.holding.get(member)
        now = _note(self.holding, count.of, member, values)
        if now and not before and count.times:
            self.began_at = [*self.began_at, at][-count.times :]
        elif before and not now:
            self.ended_at[member] = at
        elif now:
            self.ended_at.pop(member, None)

    def answer(self, count: Count, members: Iterable[str], at: datetime) -> bool | None:
        if count.times:
            if len([begun for begun in self.began_at if begun > at - count.within]) >= count.times:
                return True
            return False if at >= self.since + count.within else None
        holding = unknown = total = 0
        for member in members:
            total += 1
            holds = self.holding.get(member)
            if holds or self._held_lately(count, member, at):
                holding += 1
            elif holds is None:
                unknown += 1
        wanted = max(total, SEVERAL) if count.every else count.devices
        if holding >= wanted:
            return True
        return False if holding + unknown < wanted else None

    def _held_lately(self, count: Count, member: str, at: datetime) -> bool:
        ended = self.ended_at.get(member)
        return ended is not None and at < ended + count.within

    def due(self, count: Count, at: datetime) -> datetime | None:
        if count.times:
            ends = [*self.began_at, self.since]
        else:
            ends = list(self.ended_at.values())
        return min((end + count.within for end in ends if end + count.within > at), default=None)

    def holders(self) -> list[str]:
        return [member for member, holds in self.holding.items() if holds]


class KeptSequence(msgspec.Struct, tag="sequence"):
    """When the first part became true, and when the sequence was complete."""

    first: dict[str, bool] = {}
    then: dict[str, bool] = {}
    began_at: datetime | None = None
    complete_at: datetime | None = None
    begun_by: str = ""

    def observe(self, sequence: Sequence, member: str, values: Mapping[str, Value], at: datetime) -> None:
        self._let_pass(sequence, at)
        first_before, then_before = self.first.get(member), self.then.get(member)
        first = _note(self.first, sequence.first, member, values)
        then = _note(self.then, sequence.then, member, values)
        if first and not first_before and self.complete_at is None and (self.began_at is None or not sequence.absent):
            # Of two firsts the later one counts for what must follow, the earlier one for what must not stay away.
            self.began_at, self.begun_by = at, member
        if then and not then_before:
            if sequence.absent:
                self.began_at = self.complete_at = None
            elif self.began_at is not None and self.complete_at is None:
                self.complete_at = at
        self._let_pass(sequence, at)

    def _let_pass(self, sequence: Sequence, at: datetime) -> None:
        """What time alone decides up to `at`."""
        if self.complete_at is None and self.began_at is not None and at >= self.began_at + sequence.within:
            due = self.began_at + sequence.within
            if sequence.absent and not any(self.then.values()):
                self.complete_at = due
            elif sequence.absent or at > due:
                self.began_at = None
        if self.complete_at is not None and at >= self.complete_at + sequence.within and not any(self.first.values()):
            self.began_at = self.complete_at = None

    def answer(self, sequence: Sequence, members: Iterable[str], at: datetime) -> bool | None:
        self._let_pass(sequence, at)
        if self.complete_at is not None:
            return True
        return False if self.first else None

    def due(self, sequence: Sequence, at: datetime) -> datetime | None:
        start = self.complete_at or self.began_at
        if start is None:
            return None
        due = start + sequence.within
        return due if due > at else None

    def holders(self) -> list[str]:
        return [self.begun_by] if self.begun_by else []


class KeptLevels(msgspec.Struct, tag="levels"):
    """The lowest value of each slot of the window, oldest first, up to slot number `slot`; the last value goes on.

    `until` is the end of that slot as long as there is something to ask then.
    """

    slot: int = 0
    lowest: list[float] = []
    level: float | None = None
    rising: bool = False
    until: datetime | None = None

    def goes_on(self, rising: Rising, values: Mapping[str, Value], at: datetime) -> bool:
        """Whether a value only goes on above the floor of a slot that goes on: then nothing is new. The usual case."""
        value = values.get(rising.point)
        if self.until is None or at >= self.until or not isinstance(value, float) or value < self.lowest[-1]:
            return False
        self.level = value
        return True

    def observe(self, rising: Rising, member: str, values: Mapping[str, Value], at: datetime) -> None:
        value = values.get(rising.point)
        if not isinstance(value, (int, float)):
            self.lowest, self.level, self.rising, self.until = [], None, False, None
            return
        self._let_pass(rising, at)
        if not self.lowest:
            self.slot, self.lowest = self._slot(rising, at), [value]
        self.lowest[-1] = min(self.lowest[-1], value)
        self.level = value

    @staticmethod
    def _slot(rising: Rising, at: datetime) -> int:
        return (at - _EPOCH) // (rising.within / SLOTS)

    def _let_pass(self, rising: Rising, at: datetime) -> None:
        """Begin the slots that have begun since; in each the last value goes on."""
        if self.level is None:
            return
        slot = self._slot(rising, at)
        begun = min(slot - self.slot, SLOTS)
        if begun > 0:
            self.lowest = [*self.lowest, *[self.level] * begun][-SLOTS:]
            self.slot = slot

    def answer(self, rising: Rising, members: Iterable[str], at: datetime) -> bool | None:
        self._let_pass(rising, at)
        if len(self.lowest) < SLOTS:
            return None
        rise = min(self.lowest[-_QUARTER:]) - min(self.lowest[:_QUARTER])
        limit = rising.clear if self.rising and rising.clear is not None else rising.by
        self.rising = rise >= limit
        return self.rising

    def due(self, rising: Rising, at: datetime) -> datetime | None:
        if self.level is None or (len(self.lowest) == SLOTS and set(self.lowest) == {self.level}):
            self.until = None
        else:
            self.until = _EPOCH + (self._slot(rising, at) + 1) * (rising.within / SLOTS)
        return self.until

    def holders(self) -> list[str]:
        return []


Kept = Union[KeptTruths, KeptCount, KeptSequence, KeptLevels]


def kept_for(condition: Condition, at: datetime) -> Kept:
    """A fresh memory for a condition: nothing was seen yet."""
    match condition:
        case Count():
            return KeptCount(since=at)
        case Sequence():
            return KeptSequence()
        case Rising():
            return KeptLevels()
        case _:
            return KeptTruths()


def window_of(condition: Condition) -> timedelta:
    """How far back a condition looks."""
    return condition.within if isinstance(condition, (Count, Sequence, Rising)) else timedelta(0)


def _note(holding: dict[str, bool], condition: Condition, member: str, values: Mapping[str, Value]) -> bool | None:
    """Whether a condition holds for a device now, written down; unknown keeps nothing."""
    before = holding.get(member, False)
    holds = condition.holds(values, before)
    if holds is None:
        holding.pop(member, None)
    else:
        holding[member] = holds
    return holds
