"""The drill (演练): one signal that nobody's detector sent, run through the whole chain, and its timing sheet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from rules.alarm import Category
from rules.incident import Step

DRILL_MIN = timedelta(minutes=1)
DRILL_MAX = timedelta(hours=2)
"""A forgotten drill ends by itself (design numbers)."""

SHEET_LINES_MAX = 200
"""Lines of a timing sheet; the timeline of an incident has no more either."""

_TIMED = ("opened", "told", "report", "unanswered", "acknowledged", "silenced", "verdict", "re_alarmed", "reset")


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """One drill. `device` is the one that "speaks"; `alarm` and `incident` bear the drill's mark.

    `scheduled`: it is a test alarm of the month, which nobody began by hand.
    """

    id: str
    home: str
    by: str
    device: str
    zone: str
    category: Category
    started_at: datetime
    ends_at: datetime
    alarm: str
    incident: str
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_because: str = ""
    scheduled: bool = False


class TimingLine(msgspec.Struct, frozen=True):
    """One line of the sheet: how many seconds after the signal it happened."""

    after_s: float
    event: str
    who: str = ""
    detail: str = ""


class TimingSheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill showed. None where it did not happen; `complete`: it was acknowledged, judged and reset."""

    told_s: float | None = None
    acknowledged_s: float | None = None
    verdict_s: float | None = None
    reset_s: float | None = None
    told: tuple[str, ...] = ()
    lines: tuple[TimingLine, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the home went the whole way."""
        return None not in (self.acknowledged_s, self.verdict_s, self.reset_s)


def timing_sheet(started_at: datetime, timeline: Iterable[Step]) -> TimingSheet:
    """The sheet of a drill, from the timeline of its incident."""
    lines = [
        TimingLine((step.at - started_at).total_seconds(), step.event, step.who, step.detail)
        for step in timeline
        if step.event in _TIMED
    ]

    def first(event: str) -> float | None:
        return next((line.after_s for line in lines if line.event == event), None)

    return TimingSheet(
        told_s=first("told"),
        acknowledged_s=first("acknowledged"),
        verdict_s=first("verdict"),
        reset_s=first("reset"),
        told=tuple(dict.fromkeys(line.who for line in lines if line.event == "told")),
        lines=tuple(lines[:SHEET_LINES_MAX]),
    )
