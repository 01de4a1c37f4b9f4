"""What it takes to understand a device: packets, codecs, profiles and the one error a codec may raise."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

import msgspec

from devices.reading import Report


class Packet(msgspec.Struct, frozen=True):
    """One message as it came from a broker, a panel or an HTTP push, with the instant of its receipt (UTC)."""

    topic: str
    payload: bytes
    qos: int = 0
    retained: bool = False
    received_at: datetime | None = None


class FaultKind(enum.StrEnum):
    """What is wrong with a packet, as a code: a person is told its remedy in his language (rules/details.py)."""

    OVERSIZED = "oversized"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    CONTENT = "content"
    NUMBER = "number"
    TIME = "time"
    TOPIC = "topic"
    UNDECODED = "undecoded"
    CODEC = "codec"
    FRAME = "frame"
    PANEL = "panel"
    OTHER_HOME = "other_home"
    OUTSIDE = "outside"


def _readable(found: bytes) -> str | bytes:
    """Bytes as the text that they are, so that an installer reads 客厅; a character cut at the end is left out."""
    text = found.decode(errors="ignore")
    is_text = len(found) - len(text.encode()) <= 3 and all(sign.isprintable() or sign in "\t\r\n" for sign in text)
    return text if is_text else found


class DecodeError(Exception):
    """A packet cannot be understood: which field, what was expected, what stood there (cut to 80 characters).

    The only exception that a codec may raise. Its text is shown to installers, so it must be enough to
    find the setting or the device at fault.
    """

    device: str = ""
    """The address of the device that said it, where the codec knows it and the topic does not name it."""

    def __init__(self, field: str, expected: str, found: object = None, kind: FaultKind = FaultKind.CONTENT) -> None:
        self.field = field
        self.expected = expected
        self.found = repr(_readable(found) if isinstance(found, bytes) and not found.isascii() else found)[:80]
        self.kind = FaultKind.TOPIC if field == "topic" else kind
        super().__init__(f"{field}: expected {expected}, found {self.found}")


class Command(msgspec.Struct, frozen=True):
    """A message that an ecosystem asks its readers to send, such as the request for a birth. `reason` is for people."""

    topic: str
    payload: bytes
    reason: str = ""


class Decoded(msgspec.Struct, frozen=True):
    """What a packet said, and the codec's context after it (the same object where nothing changed).

    `commands` is what the codec cannot go on without. The shell sends each at a bounded rate, or not at all: a codec
    may ask again with every packet.
    """

    reports: tuple[Report, ...]
    context: Any = None
    commands: tuple[Command, ...] = ()


class Codec(Protocol):
    """Understands the messages of one ecosystem below one topic prefix.

    Total and stateless: `decode` raises DecodeError and nothing else, and everything it remembers from
    earlier packets (published device lists, births, discovery) goes through `context`, plain data that
    the caller keeps (None at first).
    """

    @property
    def name(self) -> str: ...

    @property
    def prefix(self) -> str: ...

    @property
    def subscriptions(self) -> tuple[str, ...]: ...

    def decode(self, packet: Packet, context: Any) -> Decoded: ...


@runtime_checkable
class Describing(Protocol):
    """A codec with messages that describe devices: they grow with their number, and the rest needs them."""

    def describes(self, topic: str) -> bool:
        """Whether a message on this topic is one, and may therefore be long."""


class Grade(enum.StrEnum):
    """How far a profile is proven: golden vectors; silence and battery supervised; tested on hardware."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


class Profile(msgspec.Struct, frozen=True):
    """What the gateway knows about a class (or model) of device.

    `kind` is also the InfluxDB measurement. `category` is what the shell raises when the device spoke
    and nobody could read it ("" = a trouble only). `silence_limit` is how long it may say nothing.
    `clears_are_trusted` is False where a bridge may invent the end of an alarm.
    `limits` are the plausible values of a point (lowest, highest): a value outside is of BAD quality.
    """

    id: str
    kind: str
    zh: str
    en: str
    points: tuple[str, ...]
    silence_limit: timedelta
    category: str = ""
    clears_are_trusted: bool = True
    limits: dict[str, tuple[float, float]] = {}
    sentinels: tuple[float, ...] = ()
    grade: Grade = Grade.BRONZE
