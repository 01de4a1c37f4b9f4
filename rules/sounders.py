"""What the sounders of each zone must be doing, from the incidents that are open there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from rules.alarm import Category
from rules.effects import DriveSounder, Pattern
from rules.incident import Incident

SOUNDS: Final = {Category.FIRE: Pattern.EVACUATE, Category.GAS: Pattern.EVACUATE, Category.PERSON: Pattern.ATTENTION}
"""The categories that sound, and how."""


def sounding(incidents: Iterable[Incident], at: datetime) -> list[DriveSounder]:
    """What the sounders must be doing now: for a broker that forgot, or a sounder that lost power."""
    zones: dict[str, list[Incident]] = {}
    for incident in incidents:
        if incident.silenced_at is None and incident.category in SOUNDS:
            zones.setdefault(incident.zone, []).append(incident)
    return [drive(at, zone, loud, reason="asserted again") for zone, loud in zones.items()]


def drive(
    at: datetime, zone: str, incidents: Collection[Incident], *, reason: str = "", about: str = ""
) -> DriveSounder:
    """What a zone's one sounder must do: the evacuation before attention, what is real before a drill."""
    loud = [each for each in incidents if each.silenced_at is None and each.category in SOUNDS]
    first = min(loud, key=lambda each: (each.category.rank, bool(each.drill)), default=None)
    return DriveSounder(
        at=at,
        reason=reason,
        zone=zone,
        pattern=SOUNDS[first.category] if first is not None else Pattern.OFF,
        incident=about or (first.id if first is not None else ""),
        drill=bool(loud) and all(each.drill for each in loud),
    )
