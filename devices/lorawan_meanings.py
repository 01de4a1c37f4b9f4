"""What the properties of a decoded LoRaWAN object mean: tables in, readings out.

The object is what a vendor's payload decoder made of the frame (ChirpStack `object`, The Things Stack
`decoded_payload`). Nested objects are read as paths (`status.smokeAlarm`), `{"data": 5000, "unit": "mA"}` as one value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from devices.codec import DecodeError
from devices.reading import DANGER_POINTS, Reading, find_point
from devices.state_names import SHARED_OFF, SHARED_ON, bare_point, is_off, listed, speaks_of_alarm, state_point
from devices.values import ABSURD_MIN, TEXT_MAX, canonical_state, level, read_number

PROPERTIES_MAX: Final = 512
DEPTH_MAX: Final = 4
EVENTS_MAX: Final = 16
NAMES_MAX: Final = 128
"""Characters of the names that an event tells."""

HELD_MAX: Final = 1024
"""So many states may be held open at a time in all devices of a source; of more, the end is not said."""

Words = Mapping[bool | str, tuple[tuple[str, bool], ...]]

_NOTHING: Final = frozenset({"", "null", "nan", "none", "n/a"})
_UNIT_KEYS: Final = frozenset({"data", "value", "unit"})
_SCALES: Final[dict[tuple[str, str], tuple[float, float]]] = {
    ("ma", "A"): (1.0, 1000.0),
    ("a", "mA"): (1000.0, 1.0),
    ("mv", "V"): (1.0, 1000.0),
    ("kv", "V"): (1000.0, 1.0),
    ("mw", "W"): (1.0, 1000.0),
    ("kw", "W"): (1000.0, 1.0),
    ("wh", "kWh"): (1.0, 1000.0),
    ("mwh", "kWh"): (1000.0, 1.0),
    ("mm", "m"): (1.0, 1000.0),
    ("cm", "m"): (1.0, 100.0),
    ("ppb", "ppm"): (1.0, 1000.0),
}
"""From the unit that stands beside a value to that of the point: times and per."""
_SPELLINGS: Final = {"celsius": "°c", "c": "°c", "℃": "°c", "lux": "lx", "percent": "%", "%rh": "%", "% r.h.": "%"}


class Meaning(msgspec.Struct, frozen=True):
    """What one property says: a number of a point, or words that each set states.

    `void` are the numbers that mean "no reading". `held`: the word sets a state of its own that the device later
    only stops saying; it is remembered, and its end is said once. `is_plain_…`: nothing stands between value and point.
    `lenient`: the name alone does not tell whether it is a state; a value that is none is left out, no danger refused.
    """

    point: str = ""
    words: Words = {}
    times: float = 1.0
    per: float = 1.0
    void: frozenset[float] = frozenset()
    held: bool = False
    battery_in_doubt: bool = False
    is_plain_number: bool = False
    is_plain_state: bool = False
    lenient: bool = False


Table = Mapping[str, Meaning]


def flattened(field: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of an object by their paths; lists are kept whole. A flood of properties is refused."""
    if len(said) < PROPERTIES_MAX and dict not in map(type, said.values()):
        return dict(said)
    flat: dict[str, Any] = {}
    for key, value in said.items():
        _flatten(field, key, value, DEPTH_MAX, flat)
    return flat


def _flatten(field: str, path: str, value: Any, depth: int, flat: dict[str, Any]) -> None:
    if len(flat) >= PROPERTIES_MAX:
        raise DecodeError(field, f"at most {PROPERTIES_MAX} properties", len(flat))
    if type(value) is not dict or (value.keys() <= _UNIT_KEYS and ("data" in value or "value" in value)):
        flat[path] = value
    elif depth > 1:
        for key, inner in value.items():
            _flatten(field, f"{path}.{key}", inner, depth - 1, flat)


class Saying:
    """What one device says in one packet, gathered property by property.

    A property that cannot be read is left out and named in an event. If it tells of a danger, the packet is refused,
    unless another says that there is danger: that one must get through.
    """

    def __init__(self, device: str, held: frozenset[str]) -> None:
        self.device = device
        self.held = held
        self.understood = 0
        self.readings: dict[str, Reading] = {}
        self.events: list[dict[str, str]] = []
        self.alarms: list[str] = []
        self.states: dict[str, bool] = {}
        self.refused: DecodeError | None = None

    def read(self, flat: Mapping[str, Any], table: Table) -> None:
        for name, value in flat.items():
            meaning = table.get(name)
            if meaning is None:
                meaning = shared(name)
            if meaning is None:
                self.unknown(name, value)
                continue
            self.understood += 1
            kind = type(value)
            if value is None:
                continue
            # The usual cases, without a detour: most properties are plain numbers or booleans.
            if (kind is float or kind is int) and meaning.is_plain_number and -ABSURD_MIN < value < ABSURD_MIN:
                self.number(meaning.point, value * meaning.times / meaning.per)
                continue
            if kind is bool and meaning.is_plain_state:
                self.say(meaning.point, value)
                continue
            try:
                self._read(name, meaning, value)
            except DecodeError as error:
                self.ignore(name, error, danger=speaks_of_danger(meaning) and not meaning.lenient)

    def unknown(self, name: str, value: object) -> None:
        """A property that no table has: one that speaks of an alarm is told of, whatever else is said."""
        if speaks_of_alarm(name) and not is_off(value) and len(self.alarms) < EVENTS_MAX:
            self.alarms.append(name[:TEXT_MAX])

    def tell_unknown(self) -> None:
        """Note the alarms that no table has, once all is read: what reads a whole object may have known them."""
        if self.alarms:
            self.events.insert(0, {"type": "not_understood", "properties": listed(self.alarms, NAMES_MAX)})
            del self.events[EVENTS_MAX:]

    def ignore(self, name: str, error: DecodeError, *, danger: bool = False) -> None:
        """Note a property that cannot be read."""
        if danger and self.refused is None:
            self.refused = DecodeError(f"{self.device}: {error.field}", error.expected)
            self.refused.found = error.found
            self.refused.args = (f"{self.device}: {error}",)
        self.note({"type": "property_ignored", "property": name[:TEXT_MAX], "reason": str(error)})

    def note(self, event: dict[str, str]) -> None:
        if len(self.events) < EVENTS_MAX:
            self.events.append(event)

    def say(self, point: str, value: bool) -> None:
        """A state; where several properties say one point, any True stands."""
        self.states[point] = value or self.states.get(point, False)

    def hold(self, point: str, source: str, value: bool) -> None:
        """A state that the device stops saying when it is over: remembered, and ended once all its sources ended."""
        key = f"{self.device}\0{point}\0{source}"
        if value:
            self.say(point, True)
            if len(self.held) < HELD_MAX:
                self.held = self.held | {key}
        elif key in self.held:
            self.held = self.held - {key}
            start = f"{self.device}\0{point}\0"
            if not any(other.startswith(start) for other in self.held):
                self.say(point, False)

    def number(self, point: str, value: float) -> None:
        if point not in self.readings:
            self.readings[point] = level(point, value)

    def finished(self) -> tuple[Reading, ...]:
        """All readings; raises where a danger could not be read and none is said to be there."""
        readings = (*self.readings.values(), *[Reading(point, value) for point, value in self.states.items()])
        if self.refused is not None and not any(r.value is True and r.point in DANGER_POINTS for r in readings):
            raise self.refused
        return readings

    def _read(self, name: str, meaning: Meaning, value: Any) -> None:
        unit: object = None
        if type(value) is dict:
            unit = value.get("unit")
            value = value["data"] if "data" in value else value["value"]
            if value is None:
                return
        if isinstance(value, str) and value.strip().lower() in _NOTHING and value.strip().lower() not in meaning.words:
            return
        if meaning.words:
            self._words(name, meaning, value)
            return
        number = read_number(name, value)
        if number in meaning.void:
            return
        if meaning.battery_in_doubt and 0.0 < number < 6.0 and not number.is_integer():
            raise DecodeError(name, "a charge in per cent (this looks like volts)", value)
        times, per = meaning.times, meaning.per
        if unit is not None:
            times, per = _scale(name, meaning.point, unit)
        self.number(meaning.point, number * times / per)

    def _words(self, name: str, meaning: Meaning, value: Any) -> None:
        state = canonical_state(value)
        if state in meaning.words and state is not None:
            said = meaning.words[state]
        elif isinstance(state, str) and state.replace("_", " ") in meaning.words:
            said = meaning.words[state.replace("_", " ")]
        else:
            raise DecodeError(name, "one of " + ", ".join(_spelled(word) for word in meaning.words), value)
        for point, on in said:
            if meaning.held:
                self.hold(point, name, on)
            else:
                self.say(point, on)


def _spelled(word: bool | str) -> str:
    return word if isinstance(word, str) else ("true (1, on, yes)" if word else "false (0, off, no)")


def _scale(name: str, point: str, unit: object) -> tuple[float, float]:
    known = find_point(point)
    wanted = known.unit if known is not None else ""
    if not isinstance(unit, str):
        raise DecodeError(f"{name}.unit", f"a unit ({wanted or 'none'})", unit)
    word = unit.strip().lower()
    word = _SPELLINGS.get(word, word)
    if word == wanted.lower():
        return 1.0, 1.0
    scale = _SCALES.get((word, wanted))
    if scale is None:
        raise DecodeError(f"{name}.unit", f"a unit that can be turned into {wanted or 'none'}", unit)
    return scale


def speaks_of_danger(meaning: Meaning) -> bool:
    """Whether the property tells of a danger to people."""
    return meaning.point in DANGER_POINTS or any(p in DANGER_POINTS for said in meaning.words.values() for p, _ in said)


def number(point: str, per: float = 1.0, times: float = 1.0, void: tuple[float, ...] = ()) -> Meaning:
    return Meaning(point, times=times, per=per, void=frozenset(void), is_plain_number=not void)


def state(point: str, on: Iterable[str] = (), off: Iterable[str] = (), *, held: bool = False) -> Meaning:
    """A state in any usual spelling, and in these words."""
    words: dict[bool | str, tuple[tuple[str, bool], ...]] = {True: ((point, True),), False: ((point, False),)}
    words.update(dict.fromkeys(on, ((point, True),)))
    words.update(dict.fromkeys(off, ((point, False),)))
    return Meaning(point, words=words, held=held, is_plain_state=not held)


@lru_cache(maxsize=4096)
def shared(name: str) -> Meaning | None:
    """What a property of this name says in every ecosystem, or None; of a path, its last part or its last two."""
    parts = name.split(".")
    for spelled in ("".join(parts[-2:]), parts[-1]):
        point = state_point(spelled)
        if point or bare_point(spelled):
            meaning = state(point or bare_point(spelled), SHARED_ON, SHARED_OFF)
            return meaning if point else msgspec.structs.replace(meaning, lenient=True)
    return None


def inverted(point: str, on: Iterable[str] = (), off: Iterable[str] = ()) -> Meaning:
    """A property that is true while the state is not."""
    words: dict[bool | str, tuple[tuple[str, bool], ...]] = {True: ((point, False),), False: ((point, True),)}
    words.update(dict.fromkeys(on, ((point, True),)))
    words.update(dict.fromkeys(off, ((point, False),)))
    return Meaning(point, words=words)


def words(said: Words, *, held: bool = False) -> Meaning:
    return Meaning(words=said, held=held)
