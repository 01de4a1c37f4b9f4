"""The life of an alarm: the one table of legal transitions. All that moves the axes of an alarm stands here.

The table knows three of the four axes (active, latched, acknowledged); suppression is independent of them
and of every move. A move that is not in the table is refused with a reason and changes nothing.
Latched states as OPC UA Part 9 separates them; the rest as ISA-18.2 / IEC 62682.
"""

from __future__ import annotations

import enum
from datetime import datetime

from msgspec.structs import replace

from rules.alarm import Acknowledgement, Alarm


class Move(enum.StrEnum):
    """What can happen to an open alarm."""

    TRIP = "trip"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    RESET_CHECKED = "reset_checked"
    RE_ALARM = "re_alarm"


class Phase(enum.Enum):
    """The axes (active, latched, acknowledged) of an open alarm, and the end."""

    ACTIVE = (True, False, False)
    ACTIVE_ACKNOWLEDGED = (True, False, True)
    LATCHED_ACTIVE = (True, True, False)
    LATCHED_ACTIVE_ACKNOWLEDGED = (True, True, True)
    LATCHED = (False, True, False)
    LATCHED_ACKNOWLEDGED = (False, True, True)
    CLOSED = None


class IllegalTransition(Exception):
    """The move is not in the table; the text is for the person who asked for it."""


_ALREADY = "this alarm is already acknowledged"
_STILL = "the detector still reports the alarm: it must clear before a reset"
_UNTRUSTED_ONLY = "only for alarms whose end the bridge may invent; this one can be reset once it has cleared"
_FIRST = "nobody has acknowledged this alarm yet: acknowledge it first"
_WAITING = "nobody has acknowledged this alarm: it is being announced as it is"
_NO_LATCH = "this alarm does not latch: it ends by itself when its cause is gone"

TABLE: dict[Phase, dict[Move, Phase | str]] = {
    Phase.ACTIVE: {
        Move.TRIP: Phase.ACTIVE,
        Move.RETURN: Phase.CLOSED,
        Move.ACKNOWLEDGE: Phase.ACTIVE_ACKNOWLEDGED,
        Move.RESET: _NO_LATCH,
        Move.RESET_CHECKED: _NO_LATCH,
        Move.RE_ALARM: _WAITING,
    },
    Phase.ACTIVE_ACKNOWLEDGED: {
        Move.TRIP: Phase.ACTIVE_ACKNOWLEDGED,
        Move.RETURN: Phase.CLOSED,
        Move.ACKNOWLEDGE: _ALREADY,
        Move.RESET: _NO_LATCH,
        Move.RESET_CHECKED: _NO_LATCH,
        Move.RE_ALARM: Phase.ACTIVE,
    },
    Phase.LATCHED_ACTIVE: {
        Move.TRIP: Phase.LATCHED_ACTIVE,
        Move.RETURN: Phase.LATCHED,
        Move.ACKNOWLEDGE: Phase.LATCHED_ACTIVE_ACKNOWLEDGED,
        Move.RESET: _FIRST,
        Move.RESET_CHECKED: _FIRST,
        Move.RE_ALARM: _WAITING,
    },
    Phase.LATCHED_ACTIVE_ACKNOWLEDGED: {
        Move.TRIP: Phase.LATCHED_ACTIVE_ACKNOWLEDGED,
        Move.RETURN: Phase.LATCHED_ACKNOWLEDGED,
        Move.ACKNOWLEDGE: _ALREADY,
        Move.RESET: _STILL,
        Move.RESET_CHECKED: Phase.CLOSED,
        Move.RE_ALARM: Phase.LATCHED_ACTIVE,
    },
    Phase.LATCHED: {
        Move.TRIP: Phase.LATCHED_ACTIVE,
        Move.RETURN: Phase.LATCHED,
        Move.ACKNOWLEDGE: Phase.LATCHED_ACKNOWLEDGED,
        Move.RESET: _FIRST,
        Move.RESET_CHECKED: _FIRST,
        Move.RE_ALARM: _WAITING,
    },
    Phase.LATCHED_ACKNOWLEDGED: {
        Move.TRIP: Phase.LATCHED_ACTIVE_ACKNOWLEDGED,
        Move.RETURN: Phase.LATCHED_ACKNOWLEDGED,
        Move.ACKNOWLEDGE: _ALREADY,
        Move.RESET: Phase.CLOSED,
        Move.RESET_CHECKED: Phase.CLOSED,
        Move.RE_ALARM: Phase.LATCHED,
    },
    Phase.CLOSED: dict.fromkeys(Move, "this alarm is over"),
}


def phase_of(alarm: Alarm) -> Phase:
    """Where an alarm stands in the table."""
    if alarm.closed_at is not None:
        return Phase.CLOSED
    return Phase((alarm.active, alarm.latched, alarm.acknowledged is not None))


def move(alarm: Alarm, what: Move, at: datetime, by: str = "") -> Alarm:
    """The alarm after `what`; IllegalTransition, with the reason, where the table has none.

    RESET_CHECKED (a person states that it was checked on site) ends an alarm that still reads active only where
    its clears are not trusted.
    """
    phase = phase_of(alarm)
    target = TABLE[phase][what]
    if isinstance(target, str):
        raise IllegalTransition(target)
    if what is Move.RESET_CHECKED and alarm.active and alarm.clears_are_trusted:
        raise IllegalTransition(_UNTRUSTED_ONLY)
    if target is Phase.CLOSED:
        return replace(alarm, active=False, latched=False, closed_at=at, cleared_at=alarm.cleared_at or at)
    active, latched, acknowledged = target.value
    return replace(
        alarm,
        active=active,
        latched=latched,
        acknowledged=(alarm.acknowledged or Acknowledgement(by=by, at=at)) if acknowledged else None,
        cleared_at=at if alarm.active and not active else (None if active else alarm.cleared_at),
    )
