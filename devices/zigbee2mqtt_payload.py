"""The state of one Zigbee2MQTT device as a report: properties in, readings out, by the table of its model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from devices.codec import DecodeError
from devices.reading import DANGER_POINTS, Quality, Reading, Report
from devices.values import ABSURD_MIN, TEXT_MAX, canonical_state, level, read_instant, read_number
from devices.zigbee2mqtt_properties import ALARMING, NO_FAULT, How, Meaning, Table

EVENTS_MAX: Final = 16
"""Of the properties of one packet that could not be read, the first so many are reported."""

_LEAST: Final = -ABSURD_MIN
_MOST: Final = ABSURD_MIN
_NUMBER: Final = How.NUMBER
_STATE: Final = How.STATE
_PRESSED: Final = frozenset({"emergency", "sos", "panic"})
_FEET_TO_METRES: Final = 0.3048


def read_state(device: str, payload: Mapping[str, Any], table: Table) -> Report:
    """What the device said.

    A property that cannot be read is left out and named in an event. If it is one that tells of a danger, the
    packet is refused, unless another of its properties says that there is danger: that one must get through.
    """
    readings: list[Reading] = []
    rest: list[tuple[str, Meaning, Any]] | None = None
    for name, value in payload.items():
        meaning = table.get(name)
        if meaning is None or value is None:
            continue
        how = meaning.how
        kind = type(value)
        if how is _NUMBER and (kind is float or kind is int) and _LEAST < value < _MOST:
            number = (value - meaning.minus) * meaning.times / meaning.per
            if meaning.lowest <= number <= meaning.highest:
                readings.append(Reading(meaning.point, number))
            else:
                readings.append(Reading(meaning.point, number, Quality.BAD))
        elif how is _STATE and kind is bool and not meaning.shared and type(meaning.on) is bool:
            readings.append(Reading(meaning.point, value is meaning.on))
        elif rest is None:
            rest = [(name, meaning, value)]
        else:
            rest.append((name, meaning, value))
    if rest is None:
        return Report(device, tuple(readings))
    return _Rest(device, payload, readings).read(rest)


class _Rest:
    """The properties of one packet that need more than a look: words, texts, times, states said more than once."""

    def __init__(self, device: str, payload: Mapping[str, Any], readings: list[Reading]) -> None:
        self.device = device
        self.payload = payload
        self.readings = readings
        self.events: list[dict[str, str]] = []
        self.set: dict[str, None] = {}
        self.clear: dict[str, tuple[tuple[str, ...], set[str]]] = {}
        self.measured_at: datetime | None = None
        self.refused: DecodeError | None = None

    def read(self, rest: list[tuple[str, Meaning, Any]]) -> Report:
        for name, meaning, value in rest:
            try:
                self._read(name, meaning, value)
            except DecodeError as error:
                if self.refused is None and _speaks_of_danger(meaning, value):
                    self.refused = error
                if len(self.events) < EVENTS_MAX:
                    self.events.append({"type": "property_ignored", "property": name, "reason": str(error)})
        for point, (needs, said) in self.clear.items():
            if point not in self.set and said.issuperset(needs):
                self.readings.append(Reading(point, False))
        self.readings.extend(Reading(point, True) for point in self.set)
        if self.refused is not None and not any(r.value is True and r.point in DANGER_POINTS for r in self.readings):
            raise self.refused
        return Report(self.device, tuple(self.readings), self.measured_at, tuple(self.events))

    def _read(self, name: str, meaning: Meaning, value: Any) -> None:
        match meaning.how:
            case How.STATE | How.GAS_OF_UNKNOWN_KIND:
                self._state(name, meaning, value)
            case How.NUMBER | How.POWER_FACTOR | How.VOLTAGE_OF_UNKNOWN_UNIT | How.SMOKE_LEVEL:
                if value != "":
                    self._number(name, meaning, read_number(name, value))
            case How.WORDS:
                self._words(name, meaning, value)
            case How.FAULT:
                fault = _fault(name, value)
                if fault is not None:
                    self._say(name, meaning, meaning.point, fault)
                    self._beside_fault(name, meaning, value, fault)
            case How.ACTION:
                self._action(name, value)
            case How.LAST_SEEN:
                self.measured_at = read_instant(name, value)
            case How.NOT_UNDERSTOOD:
                word = canonical_state(value)
                if (word is True or word in ALARMING) and len(self.events) < EVENTS_MAX:
                    self.events.append({"type": "property_not_understood", "property": name[:TEXT_MAX]})
            case How.DEVICE_INFORMATION:
                status = value.get("status") if isinstance(value, dict) else None
                if status in ("online", "offline"):
                    self.readings.append(Reading("online", status == "online"))

    def _say(self, name: str, meaning: Meaning, point: str, value: bool) -> None:
        """Note a state. Where several properties say one point, any True stands, and a False needs them all."""
        if not meaning.shared:
            self.readings.append(Reading(point, value))
        elif value:
            self.set[point] = None
        elif point in meaning.needs:
            self.clear.setdefault(point, (meaning.needs[point], set()))[1].add(name)

    def _beside_fault(self, name: str, meaning: Meaning, value: Any, fault: bool) -> None:
        """The alarms that a fault's words name; another fault ends none of them, no fault ends all."""
        words = value if isinstance(value, list) else [value]
        for word in {word.strip().lower() for word in words if isinstance(word, str)} or {"none"}:
            if fault is not (word in NO_FAULT):
                for point, state in meaning.words.get(word, ()):
                    self._say(name, meaning, point, state)

    def _state(self, name: str, meaning: Meaning, value: Any) -> None:
        state = canonical_state(value)
        if state is None:
            return
        if meaning.how is How.GAS_OF_UNKNOWN_KIND and type(value) in (int, float):
            raise DecodeError(name, "true or false (or a definition that says what the number is)", value)
        if state != meaning.on and state != meaning.off:
            raise DecodeError(name, f"{meaning.on!r} or {meaning.off!r}", value)
        self._say(name, meaning, meaning.point, state == meaning.on)

    def _words(self, name: str, meaning: Meaning, value: Any) -> None:
        if isinstance(value, bool) and "on" in meaning.words:
            value = "on" if value else "off"
        word = value.strip().lower() if isinstance(value, str) else None
        if word == "":
            return
        if word is None or word not in meaning.words:
            raise DecodeError(name, "one of " + ", ".join(meaning.words), value)
        for point, state in meaning.words[word]:
            self._say(name, meaning, point, state)

    def _number(self, name: str, meaning: Meaning, number: float) -> None:
        point, value = meaning.point, (number - meaning.minus) * meaning.times / meaning.per
        if meaning.how is How.VOLTAGE_OF_UNKNOWN_UNIT:
            point, value = _voltage(name, number, on_battery=meaning.on is True)
        elif meaning.how is How.POWER_FACTOR and meaning.per == 1.0 and 1.0 < abs(value) <= 100.0:
            value = value / 100.0
        elif meaning.how is How.SMOKE_LEVEL:
            in_decibels = _obscuration(number, self.payload.get("smoke_unit"))
            if in_decibels is None:
                return
            value = in_decibels
        self.readings.append(level(point, value))

    def _action(self, name: str, value: Any) -> None:
        """A press is a moment: it is said once, and an empty action is not a release."""
        if not isinstance(value, str):
            raise DecodeError(name, "an action as text", value)
        action = value.strip()
        if not action:
            return
        if action.lower() in _PRESSED:
            self.set["sos.alarm"] = None
            self.events.append({"point": "sos.alarm", "action": action})
        else:
            self.readings.append(Reading("button", action[:TEXT_MAX]))


def _speaks_of_danger(meaning: Meaning, value: Any) -> bool:
    """Whether the property tells of a danger. `gas` as a number without a definition may be a meter's volume."""
    if meaning.how is How.FAULT:
        return False
    if meaning.how is How.GAS_OF_UNKNOWN_KIND:
        return not isinstance(value, (int, float))
    if meaning.point in DANGER_POINTS:
        return True
    return any(point in DANGER_POINTS for said in meaning.words.values() for point, _ in said)


def _fault(name: str, value: Any) -> bool | None:
    """A fault told as a boolean, a text, a list of texts or a bit mask; None where it is empty text."""
    if isinstance(value, str):
        word = value.strip().lower()
        state = canonical_state(word)
        if state is None or isinstance(state, bool):
            return state
        return word not in NO_FAULT
    if isinstance(value, list):
        return any(not isinstance(item, str) or item.strip().lower() not in NO_FAULT for item in value)
    if isinstance(value, bool):
        return value
    return read_number(name, value) != 0


def _voltage(name: str, number: float, *, on_battery: bool) -> tuple[str, float]:
    """Volts or millivolts, without a unit: a cell below 60 V and above 1 V is in volts, above 1000 it must be mV."""
    if number > 1000.0:
        return "battery.voltage", number / 1000.0
    if not on_battery:
        return "voltage.a", number
    if number <= 60.0:
        return "battery.voltage", number
    raise DecodeError(name, "a voltage whose unit can be told (the bridge has published no definition)", number)


def _obscuration(number: float, unit: object) -> float | None:
    """Smoke obscuration in dB/m: the device states its unit beside it. 1 %/ft = 0.143 dB/m."""
    if unit == "dB/m":
        return number
    if unit == "%ft OBS" and 0.0 <= number < 100.0:
        return -10.0 * math.log10(1.0 - number / 100.0) / _FEET_TO_METRES
    return None
