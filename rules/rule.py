"""Rules: a condition on the points of a device, and what it raises."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec

from rules.alarm import Category
from rules.condition import Condition
from rules.text import Text


class Select(msgspec.Struct, frozen=True):
    """Which devices a rule is about: all that fit every list that is not empty (kinds, zones, device ids).

    `links` True makes it a rule about the gateway's own links instead.
    """

    kinds: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: for each selected device that has its points, one alarm at the most at a time.

    `raise_after` and `clear_after` are how long the condition must hold, or not hold, without a break.
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
    source: str = ""
