"""What an alarm is raised for, and who hears of alarms beside their incidents: tests, holds, drills."""

from __future__ import annotations

from typing import Protocol

import msgspec

from rules.alarm import Alarm, Category, Suppression
from rules.duty import Duty
from rules.text import Text
from rules.turn import Turn


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What an alarm is raised for: by a rule about a device, or by the engine itself (links, unreadable packets, …).

    `by_rule`: by a rule. Only such an alarm can ever count as a test.
    """

    rule: str
    title: Text
    category: Category
    priority: int
    latch: bool
    subject: str
    zone: str
    point: str = ""
    value: str = ""
    detail: str = ""
    found: bool = False
    clears_are_trusted: bool = True
    by_rule: bool = False


class Tests(Protocol):
    """Who knows which alarms are tests, and hears what becomes of them."""

    def claim(self, turn: Turn, cause: Cause) -> str:
        """The test that an alarm of this cause counts for, or "": then it is a real one."""

    def on_test(self, turn: Turn, alarm: Alarm) -> None:
        """A test alarm was raised."""

    def on_test_over(self, turn: Turn, duty: Duty, alarm: Alarm, *, cleared: bool) -> None:
        """A test alarm is over: it cleared, or its rule or device is gone."""

    def on_real(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """A real alarm was raised."""


class Holds(Protocol):
    """Who knows what is held back, and hears what may change it."""

    def claim(self, alarm: Alarm) -> Suppression:
        """What holds a new alarm back."""

    def on_raised(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """An alarm was raised or is active again, held back or not."""

    def on_inactive(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """An alarm is active no more."""


class DrillWatch(Protocol):
    """Who runs drills, and hears what ends them."""

    def on_real(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """A real alarm was raised."""

    def on_over(self, turn: Turn, duty: Duty, alarm: Alarm, by: str, because: str) -> None:
        """A drill's alarm is over."""


class AttendanceWatch(Protocol):
    """Who knows which alarms tell that somebody came."""

    def on_raised(self, turn: Turn, alarm: Alarm) -> None:
        """An alarm was raised, held back or not."""
