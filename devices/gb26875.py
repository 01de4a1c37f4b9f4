"""Frames of GB/T 26875.3-2011: what a fire panel's transmission device and a monitoring centre say to each other.

Sans-IO: bytes in, frames and faults out. The end of a frame is where its length field says, never where `##` is
found (a payload may hold it). What is no frame is stepped over byte by byte, so that a good frame behind garbage,
behind a broken one, or inside the reach of a false length is found all the same.
"""

from __future__ import annotations

import enum
import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import msgspec

from devices.codec import DecodeError

START: Final = b"@@"
END: Final = b"##"
HEADER_SIZE: Final = 27
"""Bytes 1 to 27 (table 1): start marks, serial, version, time, source, destination, length, command."""

OVERHEAD: Final = 30
"""A frame without application data: header, checksum, end marks."""

DATA_MAX: Final = 1024
"""The longest application data unit (table 1)."""

FRAME_MAX: Final = OVERHEAD + DATA_MAX
MAIN_VERSION: Final = 1
ADDRESS_MAX: Final = (1 << 48) - 1
LOCAL: Final = timezone(timedelta(hours=8))
"""The standard states no time zone; devices keep Chinese local time (no daylight saving since 1991)."""

_HEADER: Final = struct.Struct("<2sHBB6s6s6sHB")


class Command(enum.IntEnum):
    """The command byte (table 2). 0 and 7 to 127 are reserved, 128 to 255 are the user's."""

    CONTROL = 1
    DATA = 2
    CONFIRM = 3
    REQUEST = 4
    ANSWER = 5
    DENY = 6


class Cause(enum.StrEnum):
    """Why bytes are no good frame (6.2.2: discard and deny); GARBAGE looks like no frame at all."""

    CHECKSUM = "checksum"
    END = "end marks"
    LENGTH = "length"
    GARBAGE = "garbage"


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame. `time` is its time label as six raw bytes; addresses are the numbers of six bytes, low byte first."""

    serial: int
    command: int
    source: int
    destination: int
    time: bytes
    data: bytes = b""
    version: int = MAIN_VERSION
    user_version: int = 1

    @property
    def sent_at(self) -> datetime | None:
        """The time label in UTC, or None where it is no time."""
        return read_time(self.time)

    @property
    def is_heartbeat(self) -> bool:
        """By convention an upload without data (the standard has no heartbeat)."""
        return self.command == Command.DATA and not self.data


class FrameFault(msgspec.Struct, frozen=True):
    """Bytes that are no good frame. `frame` is what its header says, where there is a whole one; `raw` is cut."""

    cause: Cause
    words: str
    raw: bytes
    frame: Frame | None = None


class ReaderCounts(msgspec.Struct):
    """What a reader met: good frames, faults, and bytes that were stepped over as garbage."""

    frames: int = 0
    faults: int = 0
    garbage_bytes: int = 0


def checksum(body: bytes | bytearray | memoryview) -> int:
    """The arithmetic sum of bytes 3 up to the end of the data, modulo 256."""
    return sum(body) & 0xFF


def encode(frame: Frame) -> bytes:
    """The bytes of a frame; ValueError where a field does not fit."""
    if len(frame.data) > DATA_MAX or len(frame.time) != 6:
        raise ValueError(f"a frame holds at most {DATA_MAX} bytes of data and a time of 6 bytes")
    if not (0 <= frame.source <= ADDRESS_MAX and 0 <= frame.destination <= ADDRESS_MAX):
        raise ValueError("an address has 6 bytes")
    try:
        head = _HEADER.pack(
            START,
            frame.serial,
            frame.version,
            frame.user_version,
            frame.time,
            frame.source.to_bytes(6, "little"),
            frame.destination.to_bytes(6, "little"),
            len(frame.data),
            frame.command,
        )
    except struct.error as error:
        raise ValueError(f"a field does not fit: {error}") from error
    return b"".join((head, frame.data, bytes((checksum(head[2:] + frame.data),)), END))


def reply(frame: Frame, command: Command, at: datetime, data: bytes = b"") -> Frame:
    """The confirm, denial or answer to a frame: its serial and versions, addresses turned round."""
    return Frame(
        serial=frame.serial,
        command=command,
        source=frame.destination,
        destination=frame.source,
        time=write_time(at),
        data=data,
        user_version=frame.user_version,
    )


def read_time(label: bytes) -> datetime | None:
    """The six bytes second, minute, hour, day, month, year (plain binary, not BCD) as UTC; None if they are no time."""
    second, minute, hour, day, month, year = label
    if year > 99:
        return None
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=LOCAL).astimezone(UTC)
    except ValueError:
        return None


def write_time(at: datetime) -> bytes:
    """An instant as the six bytes of a time label, in local time."""
    local = at.astimezone(LOCAL)
    return bytes((local.second, local.minute, local.hour, local.day, local.month, local.year % 100))


def decode_frame(raw: bytes) -> Frame:
    """The one frame that these bytes are; DecodeError with the reason otherwise."""
    if len(raw) < OVERHEAD or raw[:2] != START:
        raise DecodeError("frame", "40 40 and at least 30 bytes", raw[:32].hex())
    frame, size, fault = _judge(memoryview(raw))
    if fault is not None:
        raise DecodeError(f"frame {fault.cause}", fault.words, raw[:32].hex())
    if frame is None or size != len(raw):
        raise DecodeError("frame length", f"{size} bytes by the length field", len(raw))
    return frame


def _header(view: memoryview) -> tuple[Frame, int]:
    _, serial, version, user, time, source, destination, length, command = _HEADER.unpack_from(view)
    frame = Frame(
        serial=serial,
        command=command,
        source=int.from_bytes(source, "little"),
        destination=int.from_bytes(destination, "little"),
        time=time,
        version=version,
        user_version=user,
    )
    return frame, length


def _judge(view: memoryview) -> tuple[Frame | None, int, FrameFault | None]:
    """What stands at the start marks: (frame, size, None), (None, size, None) for too few bytes yet, or a fault."""
    if len(view) < HEADER_SIZE:
        return None, OVERHEAD, None
    frame, length = _header(view)
    if length > DATA_MAX:
        words = f"at most {DATA_MAX} bytes of data, found {length}"
        return None, OVERHEAD, FrameFault(Cause.LENGTH, words, bytes(view[:OVERHEAD]), frame)
    size = OVERHEAD + length
    if len(view) < size:
        return None, size, None
    raw = bytes(view[:size])
    wanted = checksum(raw[2 : size - 3])
    frame = msgspec.structs.replace(frame, data=raw[HEADER_SIZE : size - 3])
    if raw[-2:] != END:
        words = f"23 23 at the end, found {raw[-2:].hex(' ')}"
        reach = size if raw[-3] == wanted else OVERHEAD  # with both wrong, the length itself is in doubt
        return None, reach, FrameFault(Cause.END, words, raw, frame)
    if raw[-3] != wanted:
        return None, size, FrameFault(Cause.CHECKSUM, f"checksum {wanted:02x}, found {raw[-3]:02x}", raw, frame)
    return frame, size, None


class FrameReader:
    """Cuts a stream of bytes into frames and faults. Total; holds less than one frame between calls.

    A false start with a long length makes it wait for bytes that never come: whoever owns the clock calls
    `look_beyond` when `waiting` lasts too long, and `give_up` when nothing can come any more.
    """

    def __init__(self) -> None:
        self.counts = ReaderCounts()
        self._buffer = bytearray()
        self._quiet = 0

    @property
    def waiting(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | FrameFault]:
        """Everything that is complete with these bytes."""
        found: list[Frame | FrameFault] = []
        for start in range(0, len(data), FRAME_MAX):
            self._buffer += data[start : start + FRAME_MAX]
            self._scan(found)
        return found

    def look_beyond(self) -> list[Frame | FrameFault]:
        """The head has waited too long: if a whole good frame stands behind it, drop the head and take that one."""
        place = self._buffer.find(START, 1)
        while place >= 0:
            with memoryview(self._buffer) as view:
                frame, _, _ = _judge(view[place:])
            if frame is not None:
                found: list[Frame | FrameFault] = []
                self._drop(place, found)
                self._scan(found)
                return found
            place = self._buffer.find(START, place + 1)
        return []

    def give_up(self) -> list[Frame | FrameFault]:
        """Nothing more comes (time-out, end of the link): what waits is cut up as it is, and the reader is empty."""
        found: list[Frame | FrameFault] = []
        while self._buffer:
            self._drop(1, found)
            self._scan(found)
        self._quiet = 0
        return found

    def _scan(self, found: list[Frame | FrameFault]) -> None:
        buffer = self._buffer
        while buffer:
            place = buffer.find(START)
            if place < 0:
                self._drop(len(buffer) - (buffer[-1] == START[0]), found)
                return
            if place:
                self._drop(place, found)
            with memoryview(buffer) as view:
                frame, size, fault = _judge(view)
            if frame is not None:
                self.counts.frames += 1
                found.append(frame)
                del buffer[:size]
                self._quiet = max(0, self._quiet - size)
            elif fault is not None:
                if not self._quiet:
                    self.counts.faults += 1
                    found.append(fault)
                    self._quiet = size
                self._drop(1, found)
            else:
                return

    def _drop(self, count: int, found: list[Frame | FrameFault]) -> None:
        """Step over bytes. Those of a fault that was told already are not told again as garbage."""
        if count <= 0:
            return
        told = min(count, self._quiet)
        self._quiet -= told
        if count > told:
            self.counts.garbage_bytes += count - told
            raw = bytes(self._buffer[told:count])
            previous = found[-1] if found else None
            if not (isinstance(previous, FrameFault) and previous.cause is Cause.GARBAGE):
                found.append(FrameFault(Cause.GARBAGE, "no start of a frame", raw[:64]))
        del self._buffer[:count]
