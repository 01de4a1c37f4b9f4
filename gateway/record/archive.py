"""The archive: which entries are kept for years, and which are given up last when room runs out."""

from __future__ import annotations

from typing import Final

from devices.reading import DANGER_POINTS
from gateway.record.record import JournalEntry
from rules.alarm import Category
from rules.effects import AlarmChanged, DriveSounder, IncidentChanged, Notify
from rules.inputs import (
    ChannelProven,
    ClockStepped,
    DecodeFailed,
    EngineFaulted,
    GapExplained,
    OperatorActed,
    ProcedureTicked,
    ReadingsArrived,
    SendReported,
    SupportRequested,
)

TELEMETRY: Final = 0
NOTEWORTHY: Final = 1
DANGER: Final = 2

_KEPT_INPUTS: Final = (
    *(OperatorActed, ProcedureTicked, SupportRequested, SendReported, ChannelProven),
    *(EngineFaulted, ClockStepped, GapExplained),
)


def is_archived(entry: JournalEntry) -> bool:
    """Whether an entry is evidence: something was asked for because of it, or a person or a channel spoke."""
    return bool(entry.effects) or isinstance(entry.input, _KEPT_INPUTS)


def rank_of(entry: JournalEntry) -> int:
    """TELEMETRY goes first when memory is full, what is NOTEWORTHY after it, DANGER to people last."""
    if _is_danger(entry):
        return DANGER
    if isinstance(entry.input, ReadingsArrived) and not entry.effects:
        return TELEMETRY
    return NOTEWORTHY


def _is_danger(entry: JournalEntry) -> bool:
    for effect in entry.effects:
        match effect:
            case AlarmChanged() | Notify():
                if effect.alarm.category.endangers_people:
                    return True
            case IncidentChanged():
                if effect.incident.category.endangers_people:
                    return True
            case DriveSounder():
                return True
            case _:
                continue
    match entry.input:
        case ReadingsArrived(reports=reports):
            return any(
                reading.value is True and reading.point in DANGER_POINTS
                for report in reports
                for reading in report.readings
            )
        case DecodeFailed(category=category) | EngineFaulted(category=category):
            return category in _DANGER_CATEGORIES
        case OperatorActed() | SupportRequested():
            return True
        case _:
            return False


_DANGER_CATEGORIES: Final = frozenset(category.value for category in Category if category.endangers_people)
