"""A home as a monitoring centre sees it by GB/T 26875.3: its devices as components, its alarms as their state bits.

A component's state is the whole of its open alarms, never of one alone: a battery trouble must not report away a
fire. Component addresses are four bytes of a hash of the device's id, so they stay the same whatever is added.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from devices import gb26875_tables as tables
from devices import gb26875_units as units
from devices.gb26875 import read_time, write_time
from gateway.settings import PanelUplink
from rules.alarm import Alarm, Category
from rules.effects import AlarmChanged, Change
from rules.site import Device, Site

PART_KINDS = {
    "smoke": 40,
    "heat": 30,
    "gas": 10,
    "co": 74,
    "manual_call": 23,
    "electrical": 16,
    "cable_temp": 18,
    "sounder": 121,
    "fire_panel": 1,
    "video": 78,
}
"""Component types of our kinds of device (table 5); a kind that the table does not know is 0, general."""

FIRE_SYSTEM_KINDS = frozenset(
    {"smoke", "heat", "manual_call", "sounder", "fire_panel", "panel_part", "transmission_device"}
)
FIRE_SYSTEM, GENERAL_SYSTEM = 1, 0

CATEGORY_BITS = {
    Category.FIRE: tables.FIRE,
    Category.GAS: tables.FIRE,
    Category.PERSON: tables.SUPERVISORY,
    Category.ELECTRICAL: tables.SUPERVISORY,
    Category.SUPERVISORY: tables.SUPERVISORY,
    Category.TROUBLE: tables.FAULT,
}
"""Which bit a category is. Gas is 火警 of a gas detector: the table has no other alarm bit."""

OPERATION_FLAGS = {
    Change.ACKNOWLEDGED: tables.OPERATION_ACKNOWLEDGE,
    Change.SILENCED: tables.OPERATION_SILENCE,
    Change.RESET: tables.OPERATION_RESET,
}
STATE_CHANGES = frozenset({Change.RAISED, Change.CLEARED, Change.CLOSED})
OPERATOR = 1
SETUP_MAX = 255


class Part(msgspec.Struct, frozen=True):
    """One device as a component of the centre's table."""

    subject: str
    system: int
    kind: int
    part: bytes
    description: bytes


class Report(msgspec.Struct, frozen=True):
    """One thing to upload: the type, the object, and its place in the queue (fire 0; operations behind states)."""

    type: int
    object: Any
    rank: int


def duty_link(name: str) -> str:
    """The link that stands for an open duty check of a centre: acknowledging its trouble answers the check."""
    return f"duty-check:{name}"


class CentreView:
    """What is reported of one home to one centre. `open_alarms` are those that the engine holds open now."""

    def __init__(
        self,
        setting: PanelUplink,
        site: Callable[[], Site],
        open_alarms: Callable[[], Iterable[Alarm]],
        version: str = "0.1",
    ) -> None:
        self._setting = setting
        self._site = site
        self._open_alarms = open_alarms
        self._operations: deque[tuple[int, Any]] = deque(maxlen=units.RECORDS_MAX)
        words = [word for word in version.split(".") if word.isdecimal()] + ["0", "0"]
        self._version = (min(int(words[0]), 255), min(int(words[1]), 255))
        self._own = (f"link:{duty_link(setting.name)}", f"link:centre:{setting.name}")

    def takes(self, change: AlarmChanged) -> bool:
        """Whether the centre hears of it."""
        alarm = change.alarm
        if alarm.drill:
            # The centre calls the fire brigade: a drill of the home is not its business.
            return False
        if alarm.subject in self._own:
            return alarm.subject == self._own[0] and change.change is Change.ACKNOWLEDGED
        if alarm.category not in CATEGORY_BITS or (
            alarm.category is Category.PERSON and not self._setting.person_part
        ):
            return False
        if change.change in OPERATION_FLAGS:
            return True
        return change.change is Change.RAISED or (change.change in STATE_CHANGES and not alarm.open)

    def is_duty_answer(self, change: AlarmChanged) -> bool:
        """Whether it is somebody's acknowledgement of this centre's duty check."""
        return change.alarm.subject == self._own[0] and change.change is Change.ACKNOWLEDGED

    def report(self, change: AlarmChanged) -> Report:
        """What to upload because of a change."""
        alarm = change.alarm
        rank = alarm.category.rank * 2
        time = write_time(change.at)
        flags = OPERATION_FLAGS.get(change.change)
        part = self._part_of(alarm)
        if flags is not None:
            number = self._setting.system_number
            system = FIRE_SYSTEM if part is None else part.system
            done = units.Operation(system, number, flags, OPERATOR, time)
            self._operations.append((4, done))
            return Report(4, done, rank + 1)
        extra = (alarm,) if alarm.open else ()
        if part is None:
            return Report(21, self._device_state(change.at, extra, alarm.id), rank)
        return Report(2, self._part_state(part, change.at, extra, alarm.id), rank)

    def duty_answer(self, at: datetime) -> Report:
        """Somebody is there (查岗应答)."""
        done = units.DeviceOperation(tables.OPERATION_DUTY_ANSWER, OPERATOR, write_time(at))
        self._operations.append((24, done))
        return Report(24, done, Category.FIRE.rank * 2 + 1)

    def answer(self, unit: units.Unit, at: datetime) -> list[Any]:
        """The objects that answer a query of the centre; none where there is nothing to say."""
        site, asked, now = self._site(), unit.objects, write_time(at)
        number = asked[0].number if asked and hasattr(asked[0], "number") else 0
        system = asked[0].system if asked and hasattr(asked[0], "system") else 0
        match unit.type:
            case 61:
                return [units.SystemState(a.system, a.number, self._system_state(a.system), now) for a in asked]
            case 62 | 67:
                wanted = [a.part for a in asked]
                found = [part for part in self.parts() if part.part in wanted]
                if unit.type == 62:
                    return [self._part_state(part, at) for part in found]
                return [units.PartSetup(p.system, self._number, p.kind, p.part, p.description) for p in found]
            case 64 | 84:
                return self._recorded(4 if unit.type == 64 else 24, asked[0])
            case 65:
                return [units.SystemVersion(system, number, *self._version)]
            case 66:
                text = units.write_text(site.name.zh, SETUP_MAX)
                return [units.SystemSetup(a.system, a.number, text) for a in asked[:3]]
            case 68:
                return [units.SystemTime(system, number, now)]
            case 81:
                return [self._device_state(at)]
            case 85:
                return [units.DeviceVersion(*self._version)]
            case 86:
                return [units.DeviceSetup(units.write_text(site.name.zh, SETUP_MAX))]
            case 88:
                return [units.DeviceTime(now)]
            case _:
                return []

    def parts(self) -> list[Part]:
        """Every device of the home as a component, with an address of its own: what the centre has to be told once."""
        taken: set[bytes] = set()
        found = []
        site = self._site()
        for device in sorted(site.devices, key=lambda device: device.id):
            part = _hash(device.id)
            while part in taken:
                part = _hash(part.hex() + device.id)
            taken.add(part)
            found.append(self._device_part(site, device, part))
        return found

    @property
    def _number(self) -> int:
        return self._setting.system_number

    def _device_part(self, site: Site, device: Device, part: bytes) -> Part:
        zone = next((zone.name.zh for zone in site.zones if zone.id == device.zone), "")
        text = f"{zone} {device.name.zh}"
        if len(text.encode("gb18030", "replace")) > units.DESCRIPTION_SIZE:
            text = device.name.zh
        system = FIRE_SYSTEM if device.kind in FIRE_SYSTEM_KINDS else GENERAL_SYSTEM
        kind = PART_KINDS.get(device.kind, 0)
        if device.category == Category.PERSON.value:
            kind = self._setting.person_part or kind
        return Part(device.id, system, kind, part, units.write_description(text))

    def _part_of(self, alarm: Alarm) -> Part | None:
        """The component that an alarm is about; None for troubles of the gateway itself."""
        for part in self.parts():
            if part.subject == alarm.subject:
                return part
        if alarm.category is Category.TROUBLE:
            return None
        system = FIRE_SYSTEM if alarm.category is Category.FIRE else GENERAL_SYSTEM
        text = units.write_description(f"{alarm.title.zh} {alarm.subject}")
        return Part(alarm.subject, system, 0, _hash(alarm.subject), text)

    def _bits(self, alarms: Iterable[Alarm]) -> int:
        bits = tables.NORMAL
        for alarm in alarms:
            bits |= CATEGORY_BITS.get(alarm.category, 0)
        return bits

    def _held_open(self, but: str = "") -> list[Alarm]:
        kept = (a for a in self._open_alarms() if a.open and not a.drill)
        return [a for a in kept if a.id != but and a.subject not in self._own]

    def _part_state(
        self, part: Part, at: datetime, extra: tuple[Alarm, ...] = (), but: str = ""
    ) -> units.PartState:
        others = [alarm for alarm in self._held_open(but) if alarm.subject == part.subject]
        bits = self._bits((*extra, *others))
        return units.PartState(part.system, self._number, part.kind, part.part, bits, part.description, write_time(at))

    def _device_state(self, at: datetime, extra: tuple[Alarm, ...] = (), but: str = "") -> units.DeviceState:
        alarms = (*extra, *self._held_open(but))
        bits = tables.NORMAL
        if any(alarm.category is Category.FIRE for alarm in alarms):
            bits |= tables.FIRE
        devices = {device.id for device in self._site().devices}
        if any(alarm.category is Category.TROUBLE and alarm.subject not in devices for alarm in alarms):
            bits |= tables.FAULT
        return units.DeviceState(bits, write_time(at))

    def _system_state(self, system: int) -> int:
        subjects = {part.subject for part in self.parts() if part.system == system}
        return self._bits(alarm for alarm in self._held_open() if alarm.subject in subjects)

    def _recorded(self, number: int, asked: Any) -> list[Any]:
        start = read_time(asked.time)
        found = []
        for kind, done in self._operations:
            at = read_time(done.time)
            if kind == number and (start is None or at is None or at >= start):
                found.append(done)
        return found[: asked.records]


def _hash(text: str) -> bytes:
    return zlib.crc32(text.encode()).to_bytes(4, "little")
