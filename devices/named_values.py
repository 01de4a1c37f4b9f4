"""Values by exact name: what a table says that a property means, and what one device said by it.

The Chinese platforms all send objects of named properties; they differ in the envelope and in the names. What a
platform's table does not have is looked up in the one of all (devices/state_names.py). A name that neither has
says nothing (settings, counters and bookkeeping ride in the same objects), unless it speaks of an alarm: then it is
told as not understood.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from devices.codec import DecodeError
from devices.reading import DANGER_POINTS, Quality, Reading, Report
from devices.state_names import (
    SHARED_OFF,
    SHARED_ON,
    bare_point,
    event_point,
    is_off,
    listed,
    speaks_of_alarm,
    state_point,
    word_point,
)
from devices.values import TEXT_MAX, level, plausible_limits, read_number

EVENTS_MAX: Final = 16
"""Of one device's report, the first so many events are kept."""

ADDRESS_MAX: Final = 128
"""No platform names its devices at greater length."""

DEVICES_MAX: Final = 1024
"""A packet that speaks of more devices is no gateway's."""

Said = tuple[tuple[str, bool], ...]

_limits = functools.cache(plausible_limits)
"""As often as a number is read; there are as many points as the tables name."""


class Named(msgspec.Struct, frozen=True):
    """What a property means: a number (divided by `per`) of `point`, or a code and the states that it says.

    `lenient`: the name alone does not tell whether it is a state, so a value that is none is left out in peace.
    """

    point: str = ""
    per: float = 1.0
    codes: Mapping[str, Said] | None = None
    lenient: bool = False

    @property
    def expected(self) -> str:
        """What a value of it must be, for a person."""
        if self.codes is None:
            return "a number"
        if "1" in self.codes and "true" in self.codes:
            return "1 or 0 (also true/false, on/off, yes/no, alarm/normal)"
        return "one of " + ", ".join(self.codes)

    @property
    def speaks_of_danger(self) -> bool:
        """Whether some code of it is a danger to people."""
        return self.codes is not None and any(
            value and point in DANGER_POINTS for said in self.codes.values() for point, value in said
        )


Table = Mapping[str, Named]

_NOTHING: Final = frozenset({"undefined", "null", "none"})
_NOTHING_LENGTHS: Final = frozenset(map(len, _NOTHING))

ON_WORDS: Final = ("1", "true", "on", "yes", "alarm")
OFF_WORDS: Final = ("0", "false", "off", "no", "normal")


def number(point: str, per: float = 1.0) -> Named:
    """A property that is a number of this point; `per` 1000 where it comes in thousandths."""
    return Named(point, per)


def state(point: str, *, lenient: bool = False) -> Named:
    """A property that is a boolean, 1 or 0, or one of the usual words."""
    codes: dict[str, Said] = dict.fromkeys(ON_WORDS, ((point, True),))
    codes |= dict.fromkeys(OFF_WORDS, ((point, False),))
    return Named(codes=codes, lenient=lenient)


def moment(point: str) -> Named:
    """A property that says that something happens: 1 is the moment, 0 says nothing (it is no end of it)."""
    codes: dict[str, Said] = dict.fromkeys(ON_WORDS, ((point, True),))
    codes |= dict.fromkeys(OFF_WORDS, ())
    return Named(codes=codes)


def coded(codes: Mapping[str, Said]) -> Named:
    """A property that is one of these codes."""
    return Named(codes=codes)


@functools.lru_cache(maxsize=4096)
def shared(name: str) -> Named | None:
    """What a property of this name says on any platform, or None. A button's 0 is no end of the call."""
    point, lenient = state_point(name), False
    if not point:
        point, lenient = bare_point(name) or word_point(name), True
    if not point:
        return None
    codes: dict[str, Said] = dict.fromkeys((*ON_WORDS, *SHARED_ON), ((point, True),))
    codes |= dict.fromkeys((*OFF_WORDS, *SHARED_OFF), () if point == "sos.alarm" else ((point, False),))
    if word_point(name) and not state_point(name):
        codes = {word: said for word, said in codes.items() if not word.isdigit()}
    return Named(codes=codes, lenient=lenient)


def code_of(value: object) -> str:
    """A code in one spelling: 1, 1.0, "1", true and " Alarm " as "1", "1", "1", "true", "alarm"; "" if it is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**9 else ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e9 else ""
    return value.strip().lower()[:TEXT_MAX] if isinstance(value, str) else ""


def text_of(value: object) -> str:
    """An identifier as text, however it was typed; "" where there is none ("undefined" and "null" are none)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**40 else ""
    if not isinstance(value, str):
        return ""
    text = value.strip()
    if len(text) in _NOTHING_LENGTHS and text.lower() in _NOTHING:
        return ""
    return text[:ADDRESS_MAX]


class DeviceUnreadable(DecodeError):
    """A packet of a device that is known by name said something about a danger, and nobody can read it.

    `device` is its address: the caller raises that device's category, for the topic does not always name it.
    """

    def __init__(self, device: str, error: DecodeError) -> None:
        named = not device or error.field.startswith(f"{device}: ")
        super().__init__(error.field if named else f"{device}: {error.field}", error.expected)
        self.device = device
        self.found = error.found
        self.args = (f"{self.field}: expected {self.expected}, found {self.found}",)


class Findings:
    """What one device said in one packet, while it is being read."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.measured_at: datetime | None = None
        self.refused: DecodeError | None = None
        self._states: dict[str, bool] = {}
        self._numbers: dict[str, Reading] = {}
        self._events: list[dict[str, str]] = []
        self._alarms: list[str] = []

    def say(self, point: str, value: bool) -> None:
        """A state. Where it is said more than once, True stands."""
        self._states[point] = value or self._states.get(point, False)

    def measure(self, point: str, value: float) -> None:
        """A number. Where it is said more than once, the first stands."""
        if point not in self._numbers:
            self._numbers[point] = level(point, value)

    def tell(self, **event: str) -> None:
        """Something that happened without being a value."""
        if len(self._events) < EVENTS_MAX:
            self._events.append({key: text[:ADDRESS_MAX] for key, text in event.items()})

    def date(self, instant: datetime | None) -> None:
        """The device's own time; of several the latest."""
        if instant is not None and (self.measured_at is None or instant > self.measured_at):
            self.measured_at = instant

    def ignore(self, name: str, error: DecodeError, *, danger: bool = False) -> None:
        """A property that cannot be read: named in an event; one that may be a danger refuses the packet."""
        if danger and self.refused is None:
            self.refused = error
        self.tell(type="property_ignored", property=name[:TEXT_MAX], reason=str(error))

    def read(self, name: str, named: Named, value: object) -> None:
        """One property by its meaning. Null and empty text are "not known"."""
        if value is None or value == "":
            return
        try:
            if named.codes is None:
                if named.point not in self._numbers:
                    measured = read_number(name, value) / named.per
                    lowest, highest = _limits(named.point)
                    good = lowest <= measured <= highest
                    self._numbers[named.point] = Reading(named.point, measured, Quality.GOOD if good else Quality.BAD)
                return
            said = named.codes.get(code_of(value))
            if said is None:
                raise DecodeError(name, named.expected, value)
        except DecodeError as error:
            self.ignore(name, error, danger=named.speaks_of_danger and not named.lenient)
        else:
            for point, spoken in said:
                self.say(point, spoken)

    def read_all(self, properties: Mapping[str, Any], table: Table, leave_out: frozenset[str] = frozenset()) -> None:
        """All properties that a maker's own table knows: its other names are documented as nothing of now."""
        for name, value in properties.items():
            named = table.get(name)
            if named is not None and name not in leave_out:
                self.read(name, named, value)

    def look_up_all(self, properties: Mapping[str, Any], table: Table, leave_out: frozenset[str] = frozenset()) -> None:
        """All properties, by the platform's table or by the one of all."""
        for name, value in properties.items():
            if name not in leave_out:
                self.look_up(name, table, value)

    def look_up(self, name: str, table: Table, value: object) -> None:
        """One property by its name: as the platform's table has it, as all have it, or noted as unknown."""
        named = table.get(name) or shared(name)
        if named is not None:
            self.read(name, named, value)
        else:
            self.unknown(name, value)

    def unknown(self, name: str, value: object) -> None:
        """A property that no table has: one that speaks of an alarm is told of, whatever else is said."""
        if speaks_of_alarm(name) and not is_off(value) and len(self._alarms) < EVENTS_MAX:
            self._alarms.append(name[:TEXT_MAX])

    def happened(self, identifier: str) -> bool:
        """An event whose name says what happened; else, if it speaks of an alarm, it is noted. Whether it was read."""
        point = event_point(identifier)
        if point:
            self.say(point, True)
        else:
            self.unknown(identifier, True)
        return bool(point)

    @property
    def in_danger(self) -> bool:
        """Whether a danger to people was said."""
        return any(value and point in DANGER_POINTS for point, value in self._states.items())

    @property
    def silent(self) -> bool:
        """Whether nothing came of it: no reading, no event."""
        return not (self._states or self._numbers or self._events)

    def report(self) -> Report:
        readings = (*(Reading(point, value) for point, value in self._states.items()), *self._numbers.values())
        events = self._events
        if self._alarms:
            untold = {"type": "not_understood", "properties": listed(self._alarms, ADDRESS_MAX)}
            events = [untold, *events[: EVENTS_MAX - 1]]
        return Report(self.device, readings, self.measured_at, tuple(events))


def reports_of(all_findings: Iterable[Findings]) -> tuple[Report, ...]:
    """The reports of a packet. An unreadable danger refuses it all, unless another danger in it gets through."""
    found = list(all_findings)
    refused = next((one for one in found if one.refused is not None), None)
    if refused is not None and refused.refused is not None and not any(one.in_danger for one in found):
        raise DeviceUnreadable(refused.device, refused.refused) from refused.refused
    return tuple([one.report() for one in found])


class Devices:
    """The devices that one packet speaks of, each read once whatever the packet's order."""

    def __init__(self) -> None:
        self._found: dict[str, Findings] = {}

    def of(self, device: str) -> Findings:
        """What is found of a device so far."""
        found = self._found.get(device)
        if found is None:
            found = self._found[device] = Findings(device)
        return found

    def reports(self) -> tuple[Report, ...]:
        return reports_of(self._found.values())


def read_object(field: str, value: object) -> dict[str, Any]:
    """A JSON object, or DecodeError."""
    if not isinstance(value, dict):
        raise DecodeError(field, "a JSON object", value)
    return value


def read_list(field: str, value: object) -> list[Any]:
    """A JSON list of at most DEVICES_MAX entries, or DecodeError."""
    if not isinstance(value, list):
        raise DecodeError(field, "a list", value)
    if len(value) > DEVICES_MAX:
        raise DecodeError(field, f"at most {DEVICES_MAX} entries", len(value))
    return value
