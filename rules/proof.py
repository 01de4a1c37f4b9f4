"""What proves a detector, and how long a proof holds: the "last proven" of each device.

A detector is proven by a signal of its own alarm point, real or a test. What only its bridge says (battery, link,
a value found in a retained message) proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from rules.alarm import Category
from rules.site import Device

CALL_POINT = "manual_call"
"""The kind of a manual call point; its point is `manual_call.alarm`."""

PROVEN_WITHIN = timedelta(days=183)
"""How long a proof holds: components are tested half-yearly (GB 50440-2007 upkeep, standards sheet 3.3)."""

TESTS_A_MONTH = 2
"""Test alarms that a home owes each month (GB 50440-2007 upkeep, standards sheet 3.3: at least two)."""

MONTH = timedelta(days=31)

NEED_PROOF = (Category.FIRE.value, Category.GAS.value, Category.PERSON.value, Category.ELECTRICAL.value)
"""Devices that watch for one of these have to be proven now and then."""


def needs_proof(device: Device) -> bool:
    """Whether somebody relies on this device's alarm."""
    return device.category in NEED_PROOF


def proves(category: Category, point: str) -> bool:
    """Whether an alarm of this category, raised by this point, is a signal of a detector's own alarm point."""
    if category in (Category.TROUBLE, Category.VIDEO):
        return False
    return point.endswith(".alarm") or (category is Category.ELECTRICAL and bool(point))


class Freshness:
    """How long a proof holds for each kind of device."""

    def __init__(self, within: timedelta = PROVEN_WITHIN, by_kind: Mapping[str, timedelta] | None = None) -> None:
        self._within = within
        self._by_kind = dict(by_kind or {})

    def limit(self, kind: str) -> timedelta:
        """How long a proof of a device of this kind holds."""
        return self._by_kind.get(kind, self._within)

    def due_at(self, kind: str, proven_at: datetime | None) -> datetime | None:
        """When such a device must be proven again; None: now, it never was."""
        return None if proven_at is None else proven_at + self.limit(kind)

    def left(self, kind: str, proven_at: datetime | None, now: datetime) -> float:
        """The part of the limit that is left: 1.0 just proven, 0.0 due (or never proven)."""
        if proven_at is None:
            return 0.0
        return min(1.0, max(0.0, 1.0 - (now - proven_at) / self.limit(kind)))
