"""The incident: the alarms of one zone and category handled as one, with its escalation and its timeline."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from rules.alarm import Category


class VerdictKind(enum.StrEnum):
    """What a person found on site (复核)."""

    REAL = "real"
    FALSE = "false"
    TEST = "test"


class Verdict(msgspec.Struct, frozen=True):
    """What was found, by whom, when; a false alarm states its cause."""

    kind: VerdictKind
    by: str
    at: datetime
    cause: str = ""


class Step(msgspec.Struct, frozen=True):
    """One line of an incident's timeline: what happened, when, by whom or to whom, and why."""

    at: datetime
    event: str
    who: str = ""
    detail: str = ""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One incident, whole. `step` counts the steps of the plan that were begun, `round` the repeats of the last.

    `next_step_at` is the instant of the next step, or None once somebody took the incident on.
    `confirmed` tells that a second device or a manual call point spoke in the same zone (GB 50116-2013 4.1.6).
    """

    id: str
    home: str
    zone: str
    category: Category
    opened_at: datetime
    alarms: tuple[str, ...] = ()
    step: int = 0
    next_step_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    silenced_at: datetime | None = None
    confirmed: bool = False
    verdict: Verdict | None = None
    told: tuple[str, ...] = ()
    timeline: tuple[Step, ...] = ()
    closed_at: datetime | None = None
