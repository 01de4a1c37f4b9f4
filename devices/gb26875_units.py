"""Application data units of GB/T 26875.3-2011: the objects of every type of table 3, both ways, as structs.

A unit is a type, a number of objects and the objects. One struct a figure of the standard; `read_unit` and
`write_unit` are each other's inverse for every byte that the standard defines.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from devices.codec import DecodeError
from devices.gb26875 import DATA_MAX

DESCRIPTION_SIZE: Final = 31
RECORDS_MAX: Final = 102
"""Operation records that one query may ask for (figures 34 and 40)."""

_PADDING: Final = "\x00 \u3000"


class SystemState(msgspec.Struct, frozen=True):
    """Type 1: the state of a fire-protection system of the building (figure 18)."""

    system: int
    number: int
    state: int
    time: bytes


class PartState(msgspec.Struct, frozen=True):
    """Type 2: the state of one component (figure 19). `part` is its address, four raw bytes; the text is GB 18030."""

    system: int
    number: int
    kind: int
    part: bytes
    state: int
    description: bytes
    time: bytes


class TandaPartState(msgspec.Struct, frozen=True):
    """Type 2 of the TANDA dialect: an address of eight ASCII characters and one status code for the state."""

    system: int
    number: int
    kind: int
    part: bytes
    status: int
    description: bytes
    time: bytes


class PartValue(msgspec.Struct, frozen=True):
    """Type 3: an analogue value of a component (figure 20), as the raw signed number of `quantity`'s unit."""

    system: int
    number: int
    kind: int
    part: bytes
    quantity: int
    raw: int
    time: bytes


class Operation(msgspec.Struct, frozen=True):
    """Type 4: what somebody did at the panel (figure 21): flag, then operator."""

    system: int
    number: int
    flags: int
    operator: int
    time: bytes


class SystemVersion(msgspec.Struct, frozen=True):
    """Type 5 (figure 22)."""

    system: int
    number: int
    major: int
    minor: int


class SystemSetup(msgspec.Struct, frozen=True):
    """Type 6 (figure 23): the one object of changing length."""

    system: int
    number: int
    text: bytes


class PartSetup(msgspec.Struct, frozen=True):
    """Type 7: what a component is (figure 24)."""

    system: int
    number: int
    kind: int
    part: bytes
    description: bytes


class SystemTime(msgspec.Struct, frozen=True):
    """Type 8 (figure 25)."""

    system: int
    number: int
    time: bytes


class DeviceState(msgspec.Struct, frozen=True):
    """Type 21: the state of the transmission device itself (figure 26)."""

    state: int
    time: bytes


class DeviceOperation(msgspec.Struct, frozen=True):
    """Type 24: what somebody did at the transmission device (figure 27)."""

    flags: int
    operator: int
    time: bytes


class DeviceVersion(msgspec.Struct, frozen=True):
    """Type 25 (figure 28)."""

    major: int
    minor: int


class DeviceSetup(msgspec.Struct, frozen=True):
    """Type 26 (figure 29)."""

    text: bytes


class DeviceTime(msgspec.Struct, frozen=True):
    """Types 28 and 90: a clock (figures 30 and 45)."""

    time: bytes


class SystemQuery(msgspec.Struct, frozen=True):
    """Types 61, 65, 66 and 68: which system is asked about."""

    system: int
    number: int


class PartQuery(msgspec.Struct, frozen=True):
    """Types 62, 63 and 67: which component is asked about (by its address alone, without its type)."""

    system: int
    number: int
    part: bytes


class OperationQuery(msgspec.Struct, frozen=True):
    """Type 64: how many records of a panel from when on (figure 34)."""

    system: int
    number: int
    records: int
    time: bytes


class DeviceQuery(msgspec.Struct, frozen=True):
    """Types 81, 85, 86, 88 and the command 89: one reserved byte."""

    reserved: int = 0


class DeviceOperationQuery(msgspec.Struct, frozen=True):
    """Type 84: how many records of the transmission device from when on (figure 40)."""

    records: int
    time: bytes


class DutyCheck(msgspec.Struct, frozen=True):
    """Type 91: is anybody there (查岗)? The answer is due within so many minutes (figure 46)."""

    minutes: int


class Direction(enum.StrEnum):
    """Which way a type goes: from the device up to the centre, or down."""

    UP = "up"
    DOWN = "down"


class Layout(msgspec.Struct, frozen=True):
    """How the objects of one type stand in bytes: the struct, its format, and how many fit (table in 2.4).

    `text` True: the format is followed by a byte with the length of a text, and the text.
    """

    made: type[msgspec.Struct]
    format: str
    most: int
    direction: Direction
    text: bool = False

    @property
    def size(self) -> int:
        """The bytes of one object (the least, where it has a text)."""
        return struct.calcsize(self.format) + self.text


_UP, _DOWN = Direction.UP, Direction.DOWN

LAYOUTS: Final[dict[int, Layout]] = {
    1: Layout(SystemState, "<BBH6s", 102, _UP),
    2: Layout(PartState, "<BBB4sH31s6s", 22, _UP),
    3: Layout(PartValue, "<BBB4sBh6s", 63, _UP),
    4: Layout(Operation, "<BBBB6s", 102, _UP),
    5: Layout(SystemVersion, "<BBBB", 1, _UP),
    6: Layout(SystemSetup, "<BB", 3, _UP, text=True),
    7: Layout(PartSetup, "<BBB4s31s", 26, _UP),
    8: Layout(SystemTime, "<BB6s", 1, _UP),
    21: Layout(DeviceState, "<B6s", 1, _UP),
    24: Layout(DeviceOperation, "<BB6s", 127, _UP),
    25: Layout(DeviceVersion, "<BB", 1, _UP),
    26: Layout(DeviceSetup, "<", 1, _UP, text=True),
    28: Layout(DeviceTime, "<6s", 1, _UP),
    61: Layout(SystemQuery, "<BB", 102, _DOWN),
    62: Layout(PartQuery, "<BB4s", 22, _DOWN),
    63: Layout(PartQuery, "<BB4s", 63, _DOWN),
    64: Layout(OperationQuery, "<BBB6s", 1, _DOWN),
    65: Layout(SystemQuery, "<BB", 1, _DOWN),
    66: Layout(SystemQuery, "<BB", 3, _DOWN),
    67: Layout(PartQuery, "<BB4s", 26, _DOWN),
    68: Layout(SystemQuery, "<BB", 1, _DOWN),
    81: Layout(DeviceQuery, "<B", 1, _DOWN),
    84: Layout(DeviceOperationQuery, "<B6s", 1, _DOWN),
    85: Layout(DeviceQuery, "<B", 1, _DOWN),
    86: Layout(DeviceQuery, "<B", 1, _DOWN),
    88: Layout(DeviceQuery, "<B", 1, _DOWN),
    89: Layout(DeviceQuery, "<B", 1, _DOWN),
    90: Layout(DeviceTime, "<6s", 1, _DOWN),
    91: Layout(DutyCheck, "<B", 1, _DOWN),
}
"""Every type of table 3 that is not reserved. Types 61 to 68 and 81 to 88 are answered by the type 60 below."""

TANDA_PART_STATE: Final = Layout(TandaPartState, "<BBB8sB32s6s", 20, _UP)

UPLOADS: Final = frozenset(number for number, layout in LAYOUTS.items() if layout.direction is _UP)
QUERIES: Final = frozenset(range(61, 69)) | {81, 84, 85, 86, 88}
CONTROLS: Final = frozenset({89, 90, 91})
ANSWERED_BY: Final = {query: query - 60 for query in QUERIES}


class Unit(msgspec.Struct, frozen=True):
    """One application data unit. `known` False: a reserved or user-defined type, whose objects nobody here can read."""

    type: int
    objects: tuple[Any, ...] = ()
    known: bool = True
    count: int = 0


def read_unit(data: bytes, layouts: dict[int, Layout] = LAYOUTS) -> Unit:
    """The unit in the data of a frame; DecodeError where its numbers do not fit together."""
    if len(data) < 2:
        raise DecodeError("data unit", "a type and a number of objects", data.hex())
    number, count = data[0], data[1]
    layout = layouts.get(number)
    if layout is None:
        return Unit(number, known=False, count=count)
    body = data[2:]
    if count == 0:
        if body:
            raise DecodeError(f"type {number}", "no data with a count of 0", f"{len(body)} bytes")
        return Unit(number)
    if layout.text:
        return Unit(number, _read_texts(number, count, body, layout), count=count)
    if len(body) != count * layout.size:
        raise DecodeError(f"type {number}", f"{count} objects of {layout.size} bytes", f"{len(body)} bytes")
    objects = tuple(layout.made(*fields) for fields in struct.iter_unpack(layout.format, body))
    return Unit(number, objects, count=count)


def _read_texts(number: int, count: int, body: bytes, layout: Layout) -> tuple[Any, ...]:
    """Objects that end in a text: each says how long it is, so their size is never total length over count."""
    objects: list[Any] = []
    place = 0
    fixed = struct.calcsize(layout.format)
    for _ in range(count):
        if place + fixed >= len(body):
            raise DecodeError(f"type {number}", f"{count} objects", f"{len(objects)} in {len(body)} bytes")
        fields = struct.unpack_from(layout.format, body, place)
        start = place + fixed + 1
        place = start + body[start - 1]
        if place > len(body):
            raise DecodeError(f"type {number}", f"a text of {body[start - 1]} bytes", f"{len(body) - start} bytes")
        objects.append(layout.made(*fields, body[start:place]))
    if place != len(body):
        raise DecodeError(f"type {number}", f"the end after {count} objects", f"{len(body) - place} bytes more")
    return tuple(objects)


def write_unit(number: int, objects: Sequence[msgspec.Struct], layouts: dict[int, Layout] = LAYOUTS) -> bytes:
    """The data of a frame that carries these objects; ValueError where they do not fit."""
    layout = layouts[number]
    if len(objects) > layout.most:
        raise ValueError(f"type {number} holds at most {layout.most} objects, not {len(objects)}")
    parts = [bytes((number, len(objects)))]
    for one in objects:
        fields = [getattr(one, name) for name in one.__struct_fields__]
        text: bytes | None = fields.pop() if layout.text else None
        try:
            parts.append(struct.pack(layout.format, *fields))
        except struct.error as error:
            raise ValueError(f"type {number}: {error}") from error
        if text is not None:
            if len(text) > 255:
                raise ValueError(f"type {number}: a text has at most 255 bytes, not {len(text)}")
            parts.append(bytes((len(text),)) + text)
    data = b"".join(parts)
    if len(data) > DATA_MAX:
        raise ValueError(f"type {number}: {len(data)} bytes, at most {DATA_MAX}")
    return data


def read_text(raw: bytes) -> str:
    """A GB 18030 text without its padding (NUL, blanks, or both); a character cut in two becomes one mark."""
    text = raw.partition(b"\x00")[0].decode("gb18030", "replace")
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text).strip(_PADDING)


def write_text(text: str, size: int) -> bytes:
    """A text in GB 18030, cut between characters to `size` bytes."""
    raw = b""
    for sign in text:
        more = sign.encode("gb18030", "replace")
        if len(raw) + len(more) > size:
            break
        raw += more
    return raw


def write_description(text: str) -> bytes:
    """A component's description: 31 bytes, padded with NUL."""
    return write_text(text, DESCRIPTION_SIZE).ljust(DESCRIPTION_SIZE, b"\x00")
