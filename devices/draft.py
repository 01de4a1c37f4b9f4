"""A report while it is being written: each value is read strictly, what cannot be read is named and never guessed.

Codecs whose packets are tables of properties share it. A point is said once: of two states the True one stands,
of two numbers the first. A danger that is there and cannot be read refuses the whole packet, unless another of its
properties says that there is danger: that one must get through.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from devices.codec import DecodeError, FaultKind
from devices.reading import DANGER_POINTS, Quality, Reading, Report
from devices.values import PLAUSIBLE, TEXT_MAX, level, read_boolean, read_number

EVENTS_MAX: Final = 16
"""Of the properties of one packet that could not be read, the first so many are reported."""

Words = Mapping[str, tuple[tuple[str, bool], ...]]
"""What a word says: the points that it sets, () where it says nothing that is known."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_SECONDS_MIN: Final = 946_684_800
_EPOCH_SECONDS_MAX: Final = 4_102_444_800


class Draft:
    """What one device said in one packet, as far as it has been read."""

    __slots__ = ("_readings", "_refused", "device", "events", "measured_at")

    def __init__(self, device: str) -> None:
        self.device = device
        self.measured_at: datetime | None = None
        self.events: list[dict[str, str]] = []
        self._readings: dict[str, Reading] = {}
        self._refused: DecodeError | None = None

    def state(self, point: str, value: bool, quality: Quality = Quality.GOOD) -> None:
        """A state that is already known as such."""
        said = self._readings.get(point)
        if said is None or (value and said.value is False):
            self._readings[point] = Reading(point, value, quality)

    def text(self, point: str, value: str) -> None:
        """A short text (a button's action): the first one stands."""
        if value and point not in self._readings:
            self._readings[point] = Reading(point, value[:TEXT_MAX])

    def level(self, point: str, number: float) -> None:
        """A number that is already known as such, in the point's own unit."""
        if point not in self._readings:
            self._readings[point] = level(point, number)

    def number(self, field: str, value: Any, point: str, times: float = 1.0, per: float = 1.0) -> None:
        """A property that is a number: null, empty text and NaN say that the device does not know."""
        kind = type(value)
        if (kind is float or kind is int) and times == per == 1.0:
            limits = PLAUSIBLE.get(point)
            if limits is not None and limits[0] <= value <= limits[1]:
                if point not in self._readings:
                    self._readings[point] = Reading(point, float(value))
                return
        if value is None or value == "" or (isinstance(value, str) and value.strip().lower() == "nan"):
            return
        try:
            self.level(point, read_number(field, value) * times / per)
        except DecodeError as error:
            self.refuse(error, point)

    def boolean(self, field: str, value: Any, point: str, *, opposite: bool = False) -> None:
        """A property that is a state in one of its spellings; `opposite` where its True is the point's False."""
        if value is None or value == "":
            return
        try:
            self.state(point, read_boolean(field, value) is not opposite)
        except DecodeError as error:
            self.refuse(error, point)

    def moment(self, field: str, value: Any, point: str) -> None:
        """A property that is True for a moment: said when it is, and its end is no clear."""
        if value is None or value == "":
            return
        try:
            if read_boolean(field, value):
                self.state(point, True)
        except DecodeError as error:
            self.refuse(error, point)

    def words(self, field: str, value: Any, words: Words) -> None:
        """A property that is one of several words."""
        if value is None or value == "":
            return
        word = value.strip().lower() if isinstance(value, str) else None
        said = words.get(word) if word is not None else None
        if said is None:
            dangers = [p for known in words.values() for p, _ in known if p in DANGER_POINTS]
            error = DecodeError(field, "one of " + ", ".join(words), value)
            self.refuse(error, dangers[0] if dangers else "")
            return
        for point, state in said:
            self.state(point, state)

    def refuse(self, error: DecodeError, point: str = "") -> None:
        """Leave a property out and name it; if it speaks of a danger, the packet is refused in the end."""
        if self._refused is None and point in DANGER_POINTS:
            self._refused = error
        if len(self.events) < EVENTS_MAX:
            self.events.append(
                {"type": "property_ignored", "property": error.field[:TEXT_MAX], "reason": str(error)[:256]}
            )

    @property
    def empty(self) -> bool:
        """Whether nothing has been said yet."""
        return not self._readings and not self.events

    def says(self, point: str) -> bool:
        """Whether the point has been said."""
        return point in self._readings

    def report(self) -> Report:
        """The report. Raises DecodeError where a danger could not be read and no other is said."""
        if self._refused is not None and not any(
            reading.value is True and reading.point in DANGER_POINTS for reading in self._readings.values()
        ):
            error = self._refused
            error.field = f"{self.device}: {error.field}"
            error.args = (f"{self.device}: {error}",)
            raise error
        return Report(self.device, tuple(self._readings.values()), self.measured_at, tuple(self.events))


def rest_of(start: str, topic: str) -> str:
    """The part of the topic below the source's prefix. `start` is the prefix with its slash, or ""."""
    if start and not topic.startswith(start):
        raise DecodeError("topic", f"a topic below {start}", topic)
    rest = topic[len(start) :]
    if not rest:
        raise DecodeError("topic", f"a topic below {start or 'the root'}", topic)
    return rest


def start_of(prefix: str) -> str:
    """What the topics of a source begin with: its prefix and a slash, or "" where it has none."""
    prefix = prefix.rstrip("/")
    return f"{prefix}/" if prefix else ""


def last_level(start: str) -> str:
    """The last level of a source's prefix: the device's own name where the prefix reaches down to one device."""
    return start.rstrip("/").rpartition("/")[2]


def text_of(field: str, payload: bytes) -> str:
    """A payload as text without the space around it."""
    try:
        return payload.decode().strip()
    except UnicodeDecodeError as error:
        raise DecodeError(field, "UTF-8 text", payload[:TEXT_MAX], FaultKind.NOT_UTF8) from error


def seconds_instant(value: object) -> datetime | None:
    """An instant from seconds since 1970, or None: a device whose clock is not set counts from its start."""
    if type(value) is not float and type(value) is not int:
        return None
    if not _EPOCH_SECONDS_MIN <= value < _EPOCH_SECONDS_MAX:
        return None
    return _EPOCH + timedelta(seconds=value)


def celsius(fahrenheit: float) -> float:
    """Degrees Celsius, to the tenth (no such sensor is better)."""
    return round((fahrenheit - 32.0) * 5.0 / 9.0, 1)
