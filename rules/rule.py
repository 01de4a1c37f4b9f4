"""Rules: a condition on the points of a device, and what it raises."""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import Annotated

import msgspec

from rules.alarm import Category
from rules.condition import Condition
from rules.text import Text


class Select(msgspec.Struct, frozen=True):
    """Which devices a rule is about: all that fit every list that is not empty (kinds, zones, device ids, tags)."""

    kinds: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Per(enum.StrEnum):
    """What a rule is asked of, and so what its alarm is about: each device, or all of one place together."""

    DEVICE = "device"
    ROOM = "room"
    CIRCUIT = "circuit"
    ZONE = "zone"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: for each selected device that has its points (or each place: `per`), one alarm at the most at a time.

    `raise_after` and `clear_after` are how long the condition must hold, or not hold, without a break.
    `verify`: a person has to verify the alarm in time (复核). `shelve_max`: how long it may be shelved at the most;
    zero is never. `suppressed_by`: rules whose active alarm about the same subject, or its zone, explains this one.
    `attends`: rules about a person of whose alarms this one tells that somebody came (`rules.attendance`).
    `source` cites the standard (or the design) that the numbers come from.
    """

    id: str
    title: Text
    category: Category
    condition: Condition
    select: Select = Select()
    priority: Annotated[int, msgspec.Meta(ge=1, le=4)] = 3
    raise_after: timedelta = timedelta(0)
    clear_after: timedelta = timedelta(0)
    latch: bool = False
    procedure: Text = Text("")
    per: Per = Per.DEVICE
    verify: bool = False
    shelve_max: timedelta = timedelta(0)
    suppressed_by: tuple[str, ...] = ()
    attends: tuple[str, ...] = ()
    source: str = ""
