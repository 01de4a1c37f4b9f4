"""A virtual fire panel with its transmission device (GB/T 26875.3): bytes in, bytes out, time as an argument.

For the demonstration, drills and tests. It confirms controls, answers queries, and keeps what it was not confirmed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from devices import gb26875_tables as tables
from devices import gb26875_units as units
from devices.gb26875 import Command, Frame, FrameReader, encode, reply, write_time

SERIAL_MAX: Final = 0xFFFF


class VirtualPart(msgspec.Struct):
    """One component of the panel: its type, its address in four bytes, its state and its text."""

    kind: int
    part: bytes
    description: str
    state: int = tables.NORMAL
    system: int = 1
    number: int = 1


class VirtualPanel:
    """A transmission device with one panel. What it sends is kept in `unconfirmed` until the centre confirms it.

    `operator` answers duty checks (None: nobody is there). `clock` is what it was last told, `received` what came.
    """

    def __init__(self, address: int, parts: dict[str, VirtualPart], *, centre: int = 1, version: int = 1) -> None:
        self.address = address
        self.parts = parts
        self.centre = centre
        self.version = version
        self.operator: int | None = 1
        self.device_state = tables.NORMAL
        self.clock: bytes | None = None
        self.unconfirmed: dict[int, bytes] = {}
        self.denied: list[int] = []
        self.confirmed: list[int] = []
        self.received: list[Frame] = []
        self._serial = 0
        self._reader = FrameReader()

    def upload(self, data: bytes, at: datetime) -> bytes:
        """A frame with this data unit (none: a heartbeat, with serial 0 by convention)."""
        if data:
            self._serial = self._serial % SERIAL_MAX + 1
        frame = Frame(
            serial=self._serial if data else 0,
            command=Command.DATA,
            source=self.address,
            destination=self.centre,
            time=write_time(at),
            data=data,
            version=self.version,
        )
        raw = encode(frame)
        self.unconfirmed[frame.serial] = raw
        return raw

    def heartbeat(self, at: datetime) -> bytes:
        """An upload without data."""
        return self.upload(b"", at)

    def fire(self, name: str, at: datetime, *, testing: bool = False) -> bytes:
        """A component goes into alarm. `testing` leaves bit 0 at 0, as real panels do."""
        self.parts[name].state = tables.FIRE if testing else tables.NORMAL | tables.FIRE
        return self.say((name,), at)

    def set_state(self, name: str, state: int, at: datetime) -> bytes:
        """A component goes into any state."""
        self.parts[name].state = state
        return self.say((name,), at)

    def say(self, names: tuple[str, ...], at: datetime) -> bytes:
        """The states of these components in one frame."""
        return self.upload(units.write_unit(2, [self._part_state(self.parts[name], at) for name in names]), at)

    def operate(self, flags: int, operator: int, at: datetime) -> bytes:
        """Somebody presses buttons of the transmission device."""
        return self.upload(units.write_unit(24, [units.DeviceOperation(flags, operator, write_time(at))]), at)

    def receive(self, data: bytes, at: datetime) -> list[bytes]:
        """What the centre sent, and what is said in return (denied uploads once more among it)."""
        said: list[bytes] = []
        for item in self._reader.feed(data):
            if not isinstance(item, Frame):
                continue
            self.received.append(item)
            match item.command:
                case Command.CONFIRM:
                    self.confirmed.append(item.serial)
                    self.unconfirmed.pop(item.serial, None)
                case Command.DENY:
                    self.denied.append(item.serial)
                    if item.serial in self.unconfirmed:
                        said.append(self.unconfirmed[item.serial])
                case Command.CONTROL:
                    said += self._control(item, at)
                case Command.REQUEST:
                    said.append(self._answer(item, at))
        return said

    def _control(self, frame: Frame, at: datetime) -> list[bytes]:
        said = [encode(reply(frame, Command.CONFIRM, at))]
        unit = units.read_unit(frame.data)
        if unit.type == 90:
            self.clock = unit.objects[0].time
        elif unit.type == 91 and self.operator is not None:
            said.append(self.operate(tables.OPERATION_DUTY_ANSWER, self.operator, at))
        return said

    def _answer(self, frame: Frame, at: datetime) -> bytes:
        unit = units.read_unit(frame.data)
        now = write_time(at)
        objects: list[Any] = []
        match unit.type:
            case 61:
                state = tables.NORMAL
                for part in self.parts.values():
                    state |= part.state & (tables.FIRE | tables.FAULT)
                objects = [units.SystemState(asked.system, asked.number, state, now) for asked in unit.objects]
            case 62:
                wanted = {asked.part for asked in unit.objects}
                objects = [self._part_state(part, at) for part in self.parts.values() if part.part in wanted]
            case 81:
                objects = [units.DeviceState(self.device_state, now)]
            case 85:
                objects = [units.DeviceVersion(1, 0)]
            case 88:
                objects = [units.DeviceTime(now)]
        if not objects:
            return encode(reply(frame, Command.DENY, at))
        return encode(reply(frame, Command.ANSWER, at, units.write_unit(units.ANSWERED_BY[unit.type], objects)))

    def _part_state(self, part: VirtualPart, at: datetime) -> units.PartState:
        text = units.write_description(part.description)
        return units.PartState(part.system, part.number, part.kind, part.part, part.state, text, write_time(at))
