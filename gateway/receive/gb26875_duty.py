"""Duty checks (查岗): whether anybody is at the fire panel, asked at times of the home's day and by people.

The times stand in the settings and are blurred, so that nobody is awake just for them. That nobody answered is a
reading of the transmission device, and the rules raise an alarm of it. What is known here of the last check of each
device is for people to look at; what counts stands in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

import msgspec

from gateway.backoff import Jitter
from gateway.clock import Clock
from gateway.receive.gb26875_centre import Centre, DutyOutcome
from gateway.settings import PanelListener

LOOK_S: Final = 20.0
"""How often it is looked whether a check is due: the wall clock may step."""

LATE_MAX: Final = timedelta(hours=1)
"""A check that is later than this (the machine slept) is left out: the next one asks."""

FAR_OFF: Final = timedelta(hours=27)
"""No check is further away than a day, its blur and an hour of summer time: beyond, the clock was set back."""

BY_SCHEDULE: Final = "schedule"


class DutyCheck(msgspec.Struct, frozen=True):
    """One duty check of one device. `outcome` is None while its answer is waited for. Instants are the wall clock's."""

    source: str
    address: str
    by: str
    asked_at: datetime
    minutes: int
    outcome: DutyOutcome | None = None
    ended_at: datetime | None = None


def next_due(times: Sequence[str], after: datetime, zone: tzinfo) -> datetime:
    """The next of these times of day behind an instant."""
    today = after.astimezone(zone).date()
    moments = [
        datetime.combine(today + timedelta(days=days), time.fromisoformat(each), zone).astimezone(UTC)
        for days in (0, 1)
        for each in times
    ]
    return min(moment for moment in moments if moment > after)


class DutyChecks:
    """The duty checks of one listener. `addresses` are the registered devices behind it, `zone` is the home's."""

    def __init__(
        self,
        setting: PanelListener,
        centre: Centre,
        clock: Clock,
        jitter: Jitter,
        addresses: Callable[[], Iterable[str]],
        zone: Callable[[], tzinfo],
        clock_is_good: Callable[[], bool] = lambda: True,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.home = setting.home
        self.source = setting.name
        self.last: dict[str, DutyCheck] = {}
        self._setting = setting
        self._centre = centre
        self._clock = clock
        self._jitter = jitter
        self._addresses = addresses
        self._zone = zone
        self._clock_is_good = clock_is_good
        self._on_change = on_change
        self._asking: dict[str, asyncio.Task[None]] = {}

    @property
    def times(self) -> tuple[str, ...]:
        """The times of day at which is asked, before they are blurred."""
        return self._setting.duty_check

    def devices(self) -> list[str]:
        """The registered transmission devices behind this listener; systems and components are not asked."""
        return sorted(address for address in self._addresses() if address.isdecimal())

    async def run(self) -> None:
        """Ask at the times of the schedule until cancelled; end what is under way."""
        try:
            if not self._setting.duty_check:
                await asyncio.get_running_loop().create_future()
            moment = next_due(self._setting.duty_check, self._clock.wall(), self._zone())
            while True:
                due = moment + timedelta(minutes=self._jitter() * self._setting.duty_jitter_min)
                while (left := due - self._clock.wall()) > timedelta(0) and left < FAR_OFF:
                    await self._clock.sleep(min(left.total_seconds(), LOOK_S))
                wall = self._clock.wall()
                if left >= FAR_OFF or wall - moment > timedelta(days=1):
                    moment = wall
                elif wall - due <= LATE_MAX and self._clock_is_good():
                    for address in self.devices():
                        self.ask(address, BY_SCHEDULE)
                moment = next_due(self._setting.duty_check, moment, self._zone())
        finally:
            for task in self._asking.values():
                task.cancel()

    def ask(self, address: str, by: str) -> bool:
        """Begin a check of one device. False: one is under way, or it is no device of this listener."""
        if address in self._asking or address not in self.devices():
            return False
        check = DutyCheck(self.source, address, by, self._clock.wall(), self._setting.duty_answer_min)
        self._note(check)
        self._asking[address] = asyncio.get_running_loop().create_task(self._ask(check))
        return True

    async def _ask(self, check: DutyCheck) -> None:
        try:
            outcome = await self._centre.check_duty(int(check.address), check.minutes, check.by)
            self._note(msgspec.structs.replace(check, outcome=outcome, ended_at=self._clock.wall()))
        finally:
            self._asking.pop(check.address, None)

    def _note(self, check: DutyCheck) -> None:
        self.last[check.address] = check
        self._on_change()
