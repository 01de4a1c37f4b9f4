"""What a GB/T 26875.3 listener begins by itself: polls, clock synchronisation, queries and duty checks."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from devices import gb26875_units as units
from devices.gb26875 import Command, Frame, write_time
from devices.gb26875_readings import DUTY_ASKED, UNANSWERED
from gateway.clock import Clock
from gateway.exchange import Ending, Result, first_of
from gateway.receive.gb26875_devices import TransmissionDevice
from gateway.settings import PanelListener

CLOCK_ERROR_MAX_S = 5.0
"""GB 50440-2007: a device's clock may be wrong by at most 5 s."""

SYNC_AGAIN_S = 600.0
"""A device whose clock stays wrong is set again so often."""


class DutyOutcome(enum.StrEnum):
    """What came of a duty check."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    NOT_TAKEN = "not_taken"
    NOT_CONNECTED = "not_connected"


class Centre:
    """The centre's own exchanges with the devices of a listener. `status` and `tell` are the listener's words."""

    def __init__(
        self,
        setting: PanelListener,
        clock: Clock,
        devices: Mapping[int, TransmissionDevice],
        clock_is_good: Callable[[], bool],
        status: Callable[[int, bytes], None],
        tell: Callable[[str, bool, str], None],
    ) -> None:
        self.clock = clock
        self.devices = devices
        self._setting = setting
        self._clock_is_good = clock_is_good
        self._status = status
        self._tell = tell
        self._tasks: set[asyncio.Task[Any]] = set()

    def end(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()

    def look_after(self, device: TransmissionDevice, now: float) -> None:
        """Ask a device that says nothing, and set its clock when that is due: one exchange of these at a time."""
        if device.asking:
            return
        if now - device.heard_at > self._setting.poll_s:
            self._ask(device, self.query(device.address, 81, [units.DeviceQuery()]))
        elif self._wants_clock(device, now):
            device.synced_at = now
            self._ask(device, self.sync_clock(device.address))

    def _wants_clock(self, device: TransmissionDevice, now: float) -> bool:
        hours = self._setting.clock_sync_h
        if not hours or not self._clock_is_good():
            return False
        if device.synced_at is None:
            return True
        since = now - device.synced_at
        return since > hours * 3600 or (abs(device.clock_error_s) > CLOCK_ERROR_MAX_S and since > SYNC_AGAIN_S)

    def _ask(self, device: TransmissionDevice, exchange: Coroutine[Any, Any, Result]) -> None:
        async def asking() -> None:
            try:
                await exchange
            finally:
                device.asking = False

        device.asking = True
        task = asyncio.get_running_loop().create_task(asking())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def query(self, address: int, number: int, objects: list[Any]) -> Result:
        """Ask a device by one of the types 61 to 88; what it answers arrives as readings too."""
        return await self._perform(address, Command.REQUEST, units.write_unit(number, objects))

    async def sync_clock(self, address: int) -> Result:
        """Set the clock of a device (type 90)."""
        data = units.write_unit(90, [units.DeviceTime(write_time(self.clock.wall()))])
        return await self._perform(address, Command.CONTROL, data)

    async def check_duty(self, address: int, minutes: int, by: str = "") -> DutyOutcome:
        """Ask whether anybody is there (查岗, type 91), and wait for the answer. `by`: who asked, for the journal."""
        device = self.devices.get(address)
        link = f"duty-check:{self._setting.name}/{address}"
        if device is None or not device.link.open:
            return DutyOutcome.NOT_CONNECTED
        answered = device.duty = asyncio.get_running_loop().create_future()
        try:
            result = await self._perform(address, Command.CONTROL, units.write_unit(91, [units.DutyCheck(minutes)]))
            if not result.succeeded and not answered.done():
                self._tell(link, False, f"the device did not take the duty check: {result.ending}")
                return DutyOutcome.NOT_TAKEN
            self._tell(link, True, "")
            self._status(address, DUTY_ASKED + by.encode())
            if await first_of(answered, self.clock, minutes * 60.0) is None:
                self._status(address, UNANSWERED)
                return DutyOutcome.UNANSWERED
            return DutyOutcome.ANSWERED
        finally:
            device.duty = None

    async def _perform(self, address: int, command: Command, data: bytes) -> Result:
        device = self.devices.get(address)
        if device is None or not device.link.open:
            return Result(Ending.LOST)
        wall = self.clock.wall()
        frame = Frame(
            serial=0,
            command=command,
            source=self._setting.centre_address,
            destination=address,
            time=write_time(wall),
            data=data,
        )
        return await device.link.exchanges.perform(frame)
