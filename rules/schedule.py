"""When a schedule holds: local time, days of the week, holidays; and when its answer may change next.

The offset of local time comes with the site as data, so that a replay sees what the gateway saw. As long as the clock
is not synchronised nobody knows what time it is: schedules then answer as at night (`NIGHT`), on whatever day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from rules.condition import Schedule
from rules.holidays import is_holiday, is_workday

NIGHT: Final = 2 * 60
"""The minute of the day that counts while the clock is unknown: 02:00, when the fewest people are there."""

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS: Final = (*WEEKDAYS, "workday", "restday", "holiday")
"""What `days` may name. A restday is a day off: a weekend or a holiday, without the days that make up for one."""

CHINA: Final = timedelta(hours=8)
"""The offset where the site says none (Asia/Shanghai has no other)."""

Offsets = Sequence[tuple[datetime, int]]
"""From which instant on (UTC) which offset holds, in minutes, in order."""

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)


def local_time(at: datetime, offsets: Offsets) -> datetime:
    """The time on the wall of the home, without a zone."""
    offset = CHINA
    for since, minutes in offsets:
        if since > at:
            break
        offset = timedelta(minutes=minutes)
    return (at + offset).replace(tzinfo=None)


def holds_at(schedule: Schedule, at: datetime, offsets: Offsets, *, clock_known: bool = True) -> bool:
    """Whether the schedule holds at an instant."""
    if not clock_known:
        return _begun_on(schedule, NIGHT) is not None
    local = local_time(at, offsets)
    before = _begun_on(schedule, local.hour * 60 + local.minute)
    return before is not None and is_day(schedule.days, local.date() - before)


def next_change(schedule: Schedule, at: datetime, offsets: Offsets) -> datetime:
    """The next instant after `at` at which the answer may be another: midnight, the begin or the end of the span."""
    local = local_time(at, offsets)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    marks = (0, schedule.begins, schedule.ends)
    after = min(
        moment
        for day in (midnight, midnight + _DAY)
        for moment in (day + mark * _MINUTE for mark in marks)
        if moment > local
    )
    due = at + (after - local)
    # A change of the offset on the way (summer time): ask again there.
    return min([due, *(since for since, _ in offsets if at < since < due)])


def _begun_on(schedule: Schedule, minute: int) -> timedelta | None:
    """How many days before this minute's day the span began that holds it, or None if none does."""
    begins, ends = schedule.begins, schedule.ends
    if begins == ends:
        return timedelta(0)
    if begins < ends:
        return timedelta(0) if begins <= minute < ends else None
    if minute >= begins:
        return timedelta(0)
    return _DAY if minute < ends else None


def is_day(days: tuple[str, ...], day: date) -> bool:
    """Whether a day is one of those that `days` names (none: all)."""
    return not days or any(
        (name == "workday" and is_workday(day))
        or (name == "restday" and not is_workday(day))
        or (name == "holiday" and is_holiday(day))
        or name == WEEKDAYS[day.weekday()]
        for name in days
    )
