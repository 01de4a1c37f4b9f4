"""What holds alarms back, as plain data: a shelved alarm, a device out of service, a maintenance.

Whatever is held back is still raised, recorded and shown; it calls nobody and nothing sounds. Nothing is held back
for ever: each of these has an end, and what is still open then is announced anew (OPC UA Part 9, ISA-18.2).
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from rules import held_words as why

Refusal = str
"""Why a person's wish is not done; "" is none."""

Began = Literal["began", "ended"]

SHELVE_MAX = timedelta(hours=8)
"""For the engine's own troubles; a rule says its own (`Rule.shelve_max`). One shift (GB 25201-2010: at most 8 h)."""

OUT_OF_SERVICE_MAX = timedelta(hours=8)
"""Standards sheet 5.2: two persons, a reason, a substitute measure, automatic return within 8 h."""

MAINTENANCE_MAX = timedelta(hours=8)
"""As for a device out of service."""

DURATION_MIN = timedelta(minutes=1)

SETTLES_AFTER = timedelta(seconds=100)
"""When a cause is over, what it explained has this long to recover (GB 50166: a fault signal within 100 s)."""

WORDS_MAX = 200
"""Characters of a reason and of a substitute measure; beyond them they are cut."""

SHELVES_MAX = 1000
OUT_OF_SERVICE_COUNT_MAX = 500
MAINTENANCES_MAX = 20
"""Bounds of what can be held back at a time; beyond them a wish is refused."""


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm put aside by a person. `once`: only until it goes inactive, and no longer than `until`."""

    rule: str
    subject: str
    by: str
    at: datetime
    until: datetime
    once: bool = False
    reason: str = ""


class OutOfService(msgspec.Struct, frozen=True, kw_only=True):
    """One device taken out of service by two persons; `substitute` is what watches in its place (a patrol, …).

    `device` may be a place (`zone:…`, `room:…`) that rules speak of: then what they say of the place is held back.
    """

    device: str
    by: str
    confirmed_by: str
    at: datetime
    until: datetime
    reason: str
    substitute: str


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """Work on a part of the home: what is no danger to people calls nobody there. No zones and no devices: all.

    `confirmed_by`: the second person, where something that watches for fire or gas stands in the scope.
    """

    id: str
    by: str
    at: datetime
    until: datetime
    zones: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    reason: str = ""
    confirmed_by: str = ""

    def covers(self, zone: str, device: str) -> bool:
        """Whether a device in a zone is in the scope."""
        return zone in self.zones or device in self.devices or not (self.zones or self.devices)


class Held(msgspec.Struct, kw_only=True):
    """All that is held back in a home."""

    shelves: list[Shelf] = msgspec.field(default_factory=list)
    devices: list[OutOfService] = msgspec.field(default_factory=list)
    maintenances: list[Maintenance] = msgspec.field(default_factory=list)


def span_refusal(duration: timedelta | None, limit: timedelta, too_long: Refusal) -> Refusal:
    """Whether something may be held back that long; None is as long as it may be."""
    return "" if duration is None or DURATION_MIN <= duration <= limit else too_long


def second_refusal(person: str, second: str, people: Container[str], needed: Refusal) -> Refusal:
    """Whether another person of the site confirms what a person wants; `needed` says that somebody must."""
    if not second or second == person:
        return needed
    return "" if second in people else why.NO_PERSON
