"""What the data units of GB/T 26875.3 say as readings: per transmission device, system and component.

Addresses: `889` is the transmission device, `889/1.1` its system of type 1 number 1, `889/1.1/10.2` a component
of it. How the four bytes of a component's address are meant is the vendor's affair, so its format is a setting.
Bits are independent, fire first; bit 0 ("test") is a reading of its own and never takes anything back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from devices import gb26875_tables as tables
from devices import gb26875_units as units
from devices.codec import Decoded, DecodeError, Packet
from devices.gb26875 import Command, Frame, decode_frame, read_time
from devices.reading import Quality, Reading, Report
from devices.values import TEXT_MAX

PART_FORMATS: Final[dict[str, Callable[[bytes], str]]] = {
    "words": lambda part: f"{int.from_bytes(part[:2], 'little')}.{int.from_bytes(part[2:], 'little')}",
    "words-reversed": lambda part: f"{int.from_bytes(part[2:], 'little')}.{int.from_bytes(part[:2], 'little')}",
    "number": lambda part: str(int.from_bytes(part, "little")),
    "number-reversed": lambda part: str(int.from_bytes(part, "big")),
    "bytes": lambda part: ".".join(map(str, part)),
    "bytes-reversed": lambda part: ".".join(map(str, reversed(part))),
}
"""Address formats by name. `words`: zone or loop in the low word, point in the high one (the most usual)."""

DIALECTS: Final = ("standard", "dahua", "tanda")
"""`dahua`: at most 512 bytes of data, commands of its own are keep-alives. `tanda`: another object in type 2."""

DAHUA_DATA_MAX: Final = 512

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
UNANSWERED: Final = b"unanswered"
"""What a listener itself says of `listener/address` in place of a frame: alive, gone, duty check unanswered."""

DUTY_ASKED: Final = b"duty asked by "
"""How the listener's own word begins that somebody asked whether anybody is there; who asked stands behind it."""

_STATUS: Final = {
    ONLINE: Reading("online", True),
    OFFLINE: Reading("online", False),
    UNANSWERED: Reading("duty.answered", False),
}
_TANDA_LAYOUTS: Final = {**units.LAYOUTS, 2: units.TANDA_PART_STATE}
_UPWARD: Final = frozenset({Command.DATA, Command.ANSWER})
_MPA: Final = 4
_KPA_OF_MPA: Final = 1000.0
_SYSTEM_BITS: Final = (
    (tables.SHIELDED, "shielded"),
    (tables.SUPERVISORY, "supervisory"),
    (tables.STARTED, "started"),
    (tables.FEEDBACK, "feedback"),
    (tables.DELAYED, "delayed"),
)


class Gb26875:
    """The codec of one listener: whole frames to reports. `topic` of a packet is `listener/address`, for people."""

    name = "gb26875"
    subscriptions: tuple[str, ...] = ()

    def __init__(self, dialect: str = "standard", address_format: str = "words") -> None:
        if dialect not in DIALECTS:
            raise ValueError(f"no dialect {dialect!r}; there are {', '.join(DIALECTS)}")
        self.dialect = dialect
        self.layouts = _TANDA_LAYOUTS if dialect == "tanda" else units.LAYOUTS
        self._format = PART_FORMATS[address_format]

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports of one frame that a device sent, or of the listener's own word about it."""
        status = _STATUS.get(packet.payload)
        if status is not None:
            return Decoded((Report(packet.topic.partition("/")[2], (status,)),), context)
        if packet.payload.startswith(DUTY_ASKED):
            asked = {"type": "duty_check", "by": packet.payload[len(DUTY_ASKED) :].decode("utf-8", "replace")[:64]}
            return Decoded((Report(packet.topic.partition("/")[2], (), None, (asked,)),), context)
        return Decoded(self.reports(decode_frame(packet.payload)), context)

    def reports(self, frame: Frame) -> tuple[Report, ...]:
        """What a frame says, a sign of life at least. DecodeError where its data make no sense."""
        device = str(frame.source)
        if frame.is_heartbeat or frame.command not in _UPWARD:
            return (_alive(device),)
        if self.dialect == "dahua" and len(frame.data) > DAHUA_DATA_MAX:
            raise DecodeError("data unit", f"at most {DAHUA_DATA_MAX} bytes in this dialect", len(frame.data))
        unit = units.read_unit(frame.data, self.layouts)
        if not unit.known or unit.type not in units.UPLOADS:
            said = {"type": "unknown_unit", "unit": str(unit.type), "data": frame.data[:16].hex()}
            return (_alive(device, said),)
        if not unit.objects:
            return (_alive(device),)
        found = [self._report(device, one) for one in unit.objects]
        if not any(report.device == device for report in found):
            found.append(_alive(device))
        return tuple(found)

    def _report(self, device: str, one: Any) -> Report:
        match one:
            case units.PartState() | units.TandaPartState() | units.PartValue() | units.PartSetup():
                return self._part(f"{device}/{one.system}.{one.number}", one)
            case units.SystemState():
                return Report(
                    f"{device}/{one.system}.{one.number}",
                    tuple(_system_readings(one.state)),
                    _time(one.time),
                    _system_events(one),
                )
            case units.Operation():
                return _operation(f"{device}/{one.system}.{one.number}", one, tables.OPERATIONS)
            case units.DeviceState():
                return Report(device, tuple(_device_readings(one.state)), _time(one.time))
            case units.DeviceOperation():
                return _operation(device, one, tables.DEVICE_OPERATIONS)
            case _:
                return self._information(device, one)

    def _part(self, system: str, one: Any) -> Report:
        if isinstance(one, units.TandaPartState):
            return _tanda_part(system, one)
        address = f"{system}/{self._format(one.part)}"
        said = {"type": "component", "kind": tables.part_name(one.kind).zh, "code": str(one.kind)}
        match one:
            case units.PartState():
                text = units.read_text(one.description)
                if text:
                    said["description"] = text[:TEXT_MAX]
                return Report(address, tuple(_part_readings(one.kind, one.state)), _time(one.time), (said,))
            case units.PartValue():
                reading = _value(one)
                if reading is None:
                    said.update(type="unknown_quantity", quantity=str(one.quantity), raw=str(one.raw))
                    return Report(address, (), _time(one.time), (said,))
                return Report(address, (reading,), _time(one.time), (said,))
            case _:
                text = units.read_text(one.description)
                return Report(address, (), None, ({**said, "description": text[:TEXT_MAX]},))

    @staticmethod
    def _information(device: str, one: Any) -> Report:
        """Versions, set-ups and clocks: things that are said once and are no values."""
        fields = {"type": "information", "of": type(one).__name__}
        if hasattr(one, "major"):
            fields["version"] = f"{one.major}.{one.minor}"
        if hasattr(one, "text"):
            fields["text"] = units.read_text(one.text)[:255]
        at = read_time(one.time) if hasattr(one, "time") else None
        if at is not None:
            fields["clock"] = at.isoformat()
        system = f"{device}/{one.system}.{one.number}" if hasattr(one, "system") else device
        return Report(system, (Reading("online", True),), None, (fields,))


def _alive(device: str, *events: dict[str, str]) -> Report:
    """A sign of life of a transmission device."""
    return Report(device, (Reading("online", True),), None, events)


def _time(label: bytes) -> datetime | None:
    return read_time(label)


def _is(state: int, mask: int) -> bool:
    return bool(state & mask)


def _system_readings(state: int) -> Iterator[Reading]:
    yield Reading("fire.alarm", _is(state, tables.FIRE))
    yield Reading("fault", _is(state, tables.FAULT | tables.BATTERY_FAULT | tables.BUS_FAULT))
    for mask, point in _SYSTEM_BITS:
        yield Reading(point, _is(state, mask))
    yield Reading("power.mains", not state & tables.MAINS_FAULT)
    yield Reading("battery.fault", _is(state, tables.BATTERY_FAULT))
    yield Reading("bus.fault", _is(state, tables.BUS_FAULT))
    yield Reading("manual_mode", _is(state, tables.MANUAL))
    yield Reading("test", not state & tables.NORMAL)


def _system_events(one: units.SystemState) -> tuple[dict[str, str], ...]:
    said = {"type": "system", "kind": tables.system_name(one.system).zh, "code": str(one.system)}
    events = [said]
    if one.state & tables.RESET:
        events.append({"type": "operation", "operation": "reset"})
    if one.state & tables.SETUP_CHANGED:
        events.append({"type": "setup_changed"})
    return tuple(events)


def fire_point(kind: int) -> str:
    """The danger point that the fire bit of a component of this type is."""
    if kind in tables.MANUAL_CALL_PARTS:
        return "manual_call.alarm"
    return "gas.alarm" if kind in tables.GAS_PARTS else "fire.alarm"


def _part_readings(kind: int, state: int) -> Iterator[Reading]:
    yield Reading(fire_point(kind), _is(state, tables.FIRE))
    yield Reading("fault", _is(state, tables.FAULT | tables.POWER_FAULT))
    for mask, point in _SYSTEM_BITS:
        yield Reading(point, _is(state, mask))
    yield Reading("power.fault", _is(state, tables.POWER_FAULT))
    yield Reading("test", not state & tables.NORMAL)


def _device_readings(state: int) -> Iterator[Reading]:
    yield Reading("fire.alarm", _is(state, tables.FIRE))
    faults = tables.FAULT | tables.DEVICE_BATTERY_FAULT | tables.DEVICE_CHANNEL_FAULT | tables.DEVICE_LINE_FAULT
    yield Reading("fault", _is(state, faults))
    yield Reading("power.mains", not state & tables.DEVICE_MAINS_FAULT)
    yield Reading("battery.fault", _is(state, tables.DEVICE_BATTERY_FAULT))
    yield Reading("channel.fault", _is(state, tables.DEVICE_CHANNEL_FAULT))
    yield Reading("line.fault", _is(state, tables.DEVICE_LINE_FAULT))
    yield Reading("test", not state & tables.NORMAL)
    yield Reading("online", True)


def _operation(address: str, one: Any, names: tuple[str, ...]) -> Report:
    """What somebody did. A manual alarm is a person who says that it burns; cleared or reset ends that."""
    done = [name for bit, name in enumerate(names) if one.flags >> bit & 1]
    events = tuple({"type": "operation", "operation": name, "operator": str(one.operator)} for name in done)
    readings = []
    if "manual_alarm" in done:
        readings.append(Reading("manual_call.alarm", True))
    elif "alarm_cleared" in done or "reset" in done:
        readings.append(Reading("manual_call.alarm", False))
    if "duty_check_answer" in done:
        readings.append(Reading("duty.answered", True))
    return Report(address, tuple(readings), _time(one.time), events or ({"type": "operation", "operation": "none"},))


def _value(one: units.PartValue) -> Reading | None:
    """An analogue value in the catalogue's unit; of BAD quality beyond the table's range; None for a user's type."""
    quantity = tables.QUANTITIES.get(one.quantity)
    if quantity is None:
        return None
    number = one.raw / round(1 / quantity.step)
    good = quantity.lowest <= number <= quantity.highest
    if one.quantity == _MPA:
        number *= _KPA_OF_MPA
    point = "cable_temp.1" if quantity.point == "temperature" and one.kind in tables.CABLE_PARTS else quantity.point
    return Reading(point, number, Quality.GOOD if good else Quality.BAD)


def _tanda_part(system: str, one: units.TandaPartState) -> Report:
    """A component of the TANDA dialect: three of its status codes are known, the others are passed on as an event."""
    address = one.part.decode("ascii", "replace").strip("\x00 ")
    kind = tables.TANDA_PARTS.get(one.kind, 0)
    said = {"type": "component", "code": str(one.kind), "status": str(one.status)}
    text = units.read_text(one.description)
    if text:
        said["description"] = text[:TEXT_MAX]
    known = {
        tables.TANDA_FIRE: (Reading(fire_point(kind), True),),
        tables.TANDA_FAULT: (Reading("fault", True),),
        tables.TANDA_FAULT_OVER: (Reading("fault", False),),
    }
    if one.status not in known:
        said["type"] = "unknown_status"
    safe = "".join(sign if sign.isalnum() or sign in ".-_" else "_" for sign in address) or "_"
    return Report(f"{system}/{safe}", known.get(one.status, ()), _time(one.time), (said,))


def part_bytes(address: str, address_format: str) -> bytes:
    """The four bytes of a component's address as people write it; ValueError where it is none in this format."""
    numbers = [int(word) for word in address.split(".")]
    words = address_format.startswith("words")
    if len(numbers) != (2 if words else 4 if address_format.startswith("bytes") else 1):
        raise ValueError(f"{address!r} is no address in the format {address_format}")
    order = reversed(numbers) if address_format.endswith("-reversed") and len(numbers) > 1 else numbers
    size = 4 // len(numbers)
    byte_order: Any = "big" if address_format == "number-reversed" else "little"
    try:
        return b"".join(number.to_bytes(size, byte_order) for number in order)
    except OverflowError as error:
        raise ValueError(f"{address!r} does not fit into four bytes") from error


class Described(msgspec.Struct, frozen=True):
    """An address of this codec taken apart: transmission device, system, component (both "" where there is none)."""

    device: int
    system: str = ""
    part: str = ""


def split_address(address: str) -> Described | None:
    """An address as it stands in a site file, taken apart; None where it is none."""
    words = address.split("/")
    if not words[0].isdecimal() or len(words) > 3:
        return None
    return Described(int(words[0]), *words[1:])
