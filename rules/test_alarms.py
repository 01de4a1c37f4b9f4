"""The test alarms (每月测试报警) that a home owes each month: when the next one begins, and what is owed still.

GB 50440-2007 upkeep (standards sheet 3.3): at least two a month. Each is a drill that nobody begins by hand: one signal
through the whole chain, marked in every message. Its instant lies in the daytime and is another one in every home and
month, so that nobody waits for it; it follows from the home and the month alone, so that a replay begins the same ones.
Any drill that somebody answered counts.
"""

from __future__ import annotations

import hashlib
from calendar import monthrange
from datetime import datetime, timedelta

import msgspec

from rules.alarm import Category
from rules.cause import Cause
from rules.roster import LocalTime
from rules.site import MonthlyTests, Site
from rules.troubles import TEST_MISSED

AGAIN_AFTER = timedelta(minutes=30)
"""What could not begin (a real alarm, a walk test, a drill that runs) is tried again so much later, the same day."""

DAYS_FOR_RETRIES = 3
"""So many days of each span are left for what failed on its first day."""

DONE_MAX = 24
RULE = "gateway.test_alarm"
SUBJECT = "test_alarm"
MISSED = "no test alarm was answered in its time"
UNANSWERED = "nobody answered the test alarm"


class OwedTests(msgspec.Struct):
    """What is remembered: since when tests are owed, when the last ones were answered, and how many were begun."""

    since: datetime | None = None
    done: list[datetime] = []
    begun: int = 0


class Span(msgspec.Struct, frozen=True):
    """A part of a month in which one test alarm is owed, as instants; `first_at` is when it is begun."""

    begins_at: datetime
    ends_at: datetime
    first_at: datetime


def span_of(home: str, plan: MonthlyTests, time: LocalTime, at: datetime) -> Span:
    """The part of the month that an instant lies in."""
    day = time.day_of(at)
    month = day.replace(day=1)
    days = monthrange(day.year, day.month)[1]
    number = next(n for n in range(plan.a_month) if day.day <= (n + 1) * days // plan.a_month)
    first, last = number * days // plan.a_month + 1, (number + 1) * days // plan.a_month
    drawn = hashlib.sha256(f"{home} {month.isoformat()} {number}".encode()).digest()
    choice = max(last - first + 1 - DAYS_FOR_RETRIES, 1)
    chosen = month.replace(day=first + int.from_bytes(drawn[:4]) % choice)
    minute = plan.begins + int.from_bytes(drawn[4:8]) % max(plan.ends - plan.begins, 1)
    begins = time.midnight(month.replace(day=first), at)
    ends = time.midnight(month.replace(day=last) + timedelta(days=1), at)
    return Span(begins, ends, time.midnight(chosen, at) + timedelta(minutes=minute))


class MonthlyTestClock:
    """Says when the next test alarm is to be begun, which device speaks, and whether one is missed."""

    def __init__(self) -> None:
        self._home = ""
        self._plan: MonthlyTests | None = None
        self._time = LocalTime(())
        self._devices: tuple[str, ...] = ()
        self.state = OwedTests()

    @property
    def plan(self) -> MonthlyTests | None:
        """What the site file asks for; None: nothing."""
        return self._plan

    def configure(self, site: Site) -> None:
        """The site is new, or was read from a snapshot."""
        self._home, self._plan, self._time = site.id, site.test_alarms, LocalTime(site.offsets)
        named = self._plan.devices if self._plan is not None else ()
        drilled = [device.id for device in site.devices if device.category in DRILLED]
        self._devices = tuple(name for name in named if name in drilled) or tuple(drilled)

    def on_site(self, at: datetime) -> None:
        """From now on tests are owed, or no longer."""
        if self._plan is None:
            self.state.since = None
        elif self.state.since is None:
            self.state.since = at

    def next_at(self, at: datetime) -> datetime | None:
        """The next instant, behind `at`, at which a test is begun or found missing; None where none is owed."""
        if self._plan is None or not self._devices:
            return None
        span = span_of(self._home, self._plan, self._time, at)
        if self._is_done(span):
            return span.ends_at
        due = span.first_at
        while due <= at:
            due += timedelta(days=1)
        return min(due, span.ends_at)

    def may_begin(self, at: datetime) -> bool:
        """Whether a test is owed at this instant, and the hour is one for it."""
        if self._plan is None:
            return False
        span = span_of(self._home, self._plan, self._time, at)
        local = self._time.local(at)
        minute = local.hour * 60 + local.minute
        return at >= span.first_at and not self._is_done(span) and self._plan.begins <= minute < self._plan.ends

    def missed_at(self, at: datetime) -> bool:
        """Whether a span ended at this instant, or just before it, without a test, and one was owed from its begin."""
        since = self.state.since
        if self._plan is None or since is None:
            return False
        span = span_of(self._home, self._plan, self._time, at - timedelta(seconds=1))
        return span.ends_at <= at and since <= span.begins_at and not self._is_done(span)

    def device(self) -> str:
        """Which device speaks next: each in turn."""
        return self._devices[self.state.begun % len(self._devices)] if self._devices else ""

    def answered(self, at: datetime) -> None:
        """A drill was answered."""
        self.state.done = [*self.state.done, at][-DONE_MAX:]

    def _is_done(self, span: Span) -> bool:
        return any(span.begins_at <= at < span.ends_at for at in self.state.done)


DRILLED = (Category.FIRE.value, Category.GAS.value, Category.PERSON.value)
"""The categories of detectors that a drill lets speak."""


def missed(detail: str) -> Cause:
    """A test alarm was not done or not answered: a supervisory alarm until one is."""
    return Cause(
        rule=RULE,
        title=TEST_MISSED,
        category=Category.SUPERVISORY,
        priority=3,
        latch=False,
        subject=SUBJECT,
        zone="gateway",
        detail=detail,
    )
