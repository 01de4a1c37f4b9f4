"""The table of a model: what each of its properties means beside the others, and of a device without a definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from devices.reading import DANGER_POINTS
from devices.values import canonical_state, plausible_limits
from devices.zigbee2mqtt_properties import (
    ALARM_LIKE,
    ALWAYS,
    BATTERY_SIBLINGS,
    DANGER_PROPERTIES,
    FAULT_POINTS,
    FAULTS,
    GAS_UNITS,
    HEAT_WORDS,
    LEAK_FAMILY,
    LEAK_WORDS,
    LEVELS,
    METER_SIBLINGS,
    NO_FAULT,
    OFTEN_SETTINGS,
    PAIRS,
    PHASES,
    PREFERRED,
    RADAR_SIBLINGS,
    RADAR_WORDS,
    RELAY_WORDS_ELSEWHERE,
    RELAYS,
    SPELLED_OUT,
    STATES,
    TAG_WORDS,
    UNITS,
    WORDS,
    Feature,
    How,
    Meaning,
    Table,
    Words,
    alarm_words,
)


def meanings(features: Iterable[Feature], about: str = "") -> Table:
    """The table of a model, from its exposes and what its definition says about it.

    Alarm properties that a definition forgot to expose are understood as if there was none: fire is never swallowed.
    """
    known = {feature.property: feature for feature in features}
    siblings = frozenset(known)
    table: Table = dict(ALWAYS)
    for feature in known.values():
        meaning = _meaning(feature, siblings, about)
        if meaning is not None:
            table[feature.property] = meaning
        elif _may_be_danger(feature):
            table[feature.property] = Meaning(How.NOT_UNDERSTOOD)
    exposed = frozenset(known)
    for name in sorted(DANGER_PROPERTIES - exposed):
        meaning = _meaning(Feature(name), siblings, about)
        if meaning is not None:
            table[name] = meaning
    return _with_shared_points(_without_doubles(table), exposed)


@lru_cache(maxsize=1024)
def meanings_without_definition(properties: tuple[str, ...]) -> Table:
    """The table of a device that no definition is known of, from the (safe) properties in its packet."""
    siblings = frozenset(properties)
    table: Table = dict(ALWAYS)
    for name in properties:
        meaning = _meaning(Feature(name), siblings, "")
        if meaning is not None:
            table[name] = meaning
    stems = {name.rpartition("_")[0] for name in siblings if name in PAIRS}
    return _with_shared_points(_without_doubles(table), siblings | {name for name in PAIRS if name[:-2] in stems})


def _meaning(feature: Feature, siblings: frozenset[str], about: str) -> Meaning | None:
    """What one property means beside its siblings, or None where it is a setting or nothing that we know."""
    name = feature.property
    if name in ALWAYS:
        return ALWAYS[name]
    if name in RELAYS:
        return _relay(feature)
    if name in FAULTS:
        return None if feature.settable else Meaning(How.FAULT, "fault", words=_fault_words(feature.values))
    if name == "action":
        return Meaning(How.ACTION, "sos.alarm")
    if name in WORDS and feature.type in ("", "enum", "text"):
        return Meaning(How.WORDS, _first_point(WORDS[name]), words=WORDS[name])
    spoken = _spoken_state(feature)
    if spoken is not None:
        return spoken
    if feature.type in ("", "binary"):
        meaning = _state(feature, siblings, about)
        if meaning is not None:
            return meaning
    if feature.type in ("", "numeric"):
        return _number(feature, siblings)
    return None


def _may_be_danger(feature: Feature) -> bool:
    """Whether a definition reports a state, unknown to us, whose name speaks of an alarm; a setting is none."""
    name = feature.property
    known = name in STATES or name in WORDS or name in FAULTS
    return (
        feature.type in ("binary", "enum")
        and feature.reported
        and not known
        and ALARM_LIKE.fullmatch(name) is not None
    )


def _fault_words(values: tuple[str, ...]) -> Words:
    """What the values of a fault say beside it. Only a definition that lists a danger lets "no fault" clear it."""
    listed = {word: FAULT_POINTS[word] for word in values if word in FAULT_POINTS}
    said: Words = {word: ((point, True),) for word, point in (listed or FAULT_POINTS).items()}
    said.update(dict.fromkeys(NO_FAULT, tuple((point, False) for point in dict.fromkeys(listed.values()))))
    return said


def _spoken_state(feature: Feature) -> Meaning | None:
    """A danger that is told in words where other models tell true and false; None where it is no such property."""
    name = feature.property
    if LEAK_FAMILY.fullmatch(name) and feature.type != "binary":
        return Meaning(How.WORDS, "water_leak.alarm", words=LEAK_WORDS)
    point = STATES.get(name, "")
    if feature.type not in ("enum", "text") or feature.settable or point not in (*DANGER_POINTS, "water_leak.alarm"):
        return None
    return Meaning(How.WORDS, point, words=LEAK_WORDS if point == "water_leak.alarm" else alarm_words(point))


def _first_point(words: Words) -> str:
    return next((point for said in words.values() for point, _ in said), "")


def _relay(feature: Feature) -> Meaning | None:
    if feature.type == "binary" and canonical_state(feature.on) is not True:
        return None
    if feature.type not in ("", "binary"):
        return None
    point = RELAYS[feature.property]
    words: Words = {"on": ((point, True),), "off": ((point, False),)}
    words.update(dict.fromkeys(RELAY_WORDS_ELSEWHERE, ()))
    return Meaning(How.WORDS, point, words=words)


def _state(feature: Feature, siblings: frozenset[str], about: str) -> Meaning | None:
    name = feature.property
    point = STATES.get(name)
    if point is None:
        if name == "heat" and feature.type == "binary" and HEAT_WORDS.search(f"{about} {feature.described}"):
            point = "heat.alarm"
        elif LEAK_FAMILY.fullmatch(name):
            point = "water_leak.alarm"
        else:
            return None
    if feature.settable and (point not in DANGER_POINTS or name in SPELLED_OUT):
        return None
    if name in OFTEN_SETTINGS and not feature.reported:
        return None
    if name == "occupancy" and "presence" not in siblings and _is_radar(siblings, about):
        point = "presence"
    if name == "presence" and not _is_room_presence(feature, siblings, about):
        return None
    if name == "gas" and not feature.type:
        return Meaning(How.GAS_OF_UNKNOWN_KIND, point)
    on, off = canonical_state(feature.on), canonical_state(feature.off)
    if name == "contact" and not feature.type:
        on, off = False, True
    if name == "power_outage":
        on, off = off, on
    if on is None or off is None or on == off:
        on, off = True, False
    return Meaning(How.STATE, point, on=on, off=off)


def _is_radar(siblings: frozenset[str], about: str) -> bool:
    return bool(RADAR_SIBLINGS & siblings) or RADAR_WORDS.search(about) is not None


def _is_room_presence(feature: Feature, siblings: frozenset[str], about: str) -> bool:
    """Whether `presence` is of a person in a room, and not of a tag in radio range."""
    if not feature.type:
        return _is_radar(siblings, about)
    return TAG_WORDS.search(f"{about} {feature.described}") is None


def _number(feature: Feature, siblings: frozenset[str]) -> Meaning | None:
    name, unit = feature.property, feature.unit
    if name in ("gas", "gas_value", "gas_density"):
        point = GAS_UNITS.get(unit, "")
        return _scaled(point, "") if point else None
    if name == "smoke_level":
        return Meaning(How.SMOKE_LEVEL, "smoke.obscuration")
    if name == "voltage":
        return _voltage(feature, siblings)
    if name == "power_factor" and unit in ("", "%"):
        per = 100.0 if unit == "%" else 1.0
        return Meaning(How.POWER_FACTOR, "power_factor", per=per, lowest=-1.0, highest=1.0)
    if name == "power" and "power_phase_b" in siblings and "power_phase_a" not in siblings:
        return _scaled("power.a", unit)
    if name in PHASES:
        return None if f"{name.split('_')[0]}_4" in siblings else _scaled(PHASES[name], unit)
    if name == "battery_voltage" and unit not in ("V", "mV"):
        return None if "voltage" in siblings else Meaning(How.VOLTAGE_OF_UNKNOWN_UNIT, "battery.voltage", on=True)
    point = LEVELS.get(name, "")
    if not point or (name == "leakage" and not unit):
        return None
    return _scaled(point, unit)


def _voltage(feature: Feature, siblings: frozenset[str]) -> Meaning | None:
    """`voltage` is in mV on battery devices (297 definitions) and in V on mains devices (304): the same name."""
    on_battery = bool(BATTERY_SIBLINGS & siblings)
    if feature.unit in ("V", "mV"):
        metering = bool(METER_SIBLINGS & siblings)
        from_cell = not metering and (on_battery or feature.unit == "mV")
        return _scaled("battery.voltage" if from_cell else "voltage.a", feature.unit)
    return Meaning(How.VOLTAGE_OF_UNKNOWN_UNIT, "battery.voltage", on=on_battery)


def _scaled(point: str, unit: str) -> Meaning | None:
    lowest, highest = plausible_limits(point)
    units = UNITS.get(point) or UNITS.get(point.rpartition(".")[0]) or UNITS.get(point.rpartition(".")[2])
    if not unit or units is None:
        return Meaning(How.NUMBER, point, lowest=lowest, highest=highest)
    if unit not in units:
        return None
    minus, times, per = units[unit]
    return Meaning(How.NUMBER, point, minus=minus, times=times, per=per, lowest=lowest, highest=highest)


def _without_doubles(table: Table) -> Table:
    """The table with one property at most for each number: the first of `PREFERRED`, a phase before a total."""
    dropped = {less for better, less in PREFERRED if better in table and less in table}
    phases = {table[name].point for name in table if name in PHASES}
    for plain in ("current", "voltage"):
        if plain in table and table[plain].point in phases:
            dropped.add(plain)
    chosen: Table = {}
    said: set[str] = set()
    for name, meaning in table.items():
        if name in dropped or (meaning.how is How.NUMBER and meaning.point in said):
            continue
        if meaning.how is How.NUMBER:
            said.add(meaning.point)
        chosen[name] = meaning
    return chosen


def _states_said(meaning: Meaning) -> Iterable[str]:
    if meaning.how in (How.STATE, How.GAS_OF_UNKNOWN_KIND):
        return (meaning.point,)
    if meaning.how is How.FAULT:
        return {meaning.point, *(point for said in meaning.words.values() for point, _ in said)}
    if meaning.how is How.WORDS:
        return {point for said in meaning.words.values() for point, _ in said}
    return ()


def _with_shared_points(table: Mapping[str, Meaning], exposed: frozenset[str]) -> Table:
    """The table with every state that several properties say marked as shared, and what a False of it needs."""
    sayers: dict[str, list[str]] = {}
    for name, meaning in table.items():
        for point in _states_said(meaning):
            sayers.setdefault(point, []).append(name)
    marked: Table = {}
    for name, meaning in table.items():
        needs: dict[str, tuple[str, ...]] = {}
        shared = False
        for point in _states_said(meaning):
            beside = _sayers_exposed(point, sayers, exposed)
            shared = shared or name not in exposed or len(beside) > 1
            if name in exposed or not beside:
                needs[point] = tuple(sorted(beside))
        marked[name] = msgspec.structs.replace(meaning, shared=True, needs=needs) if shared else meaning
    return marked


def _sayers_exposed(point: str, sayers: Mapping[str, list[str]], exposed: frozenset[str]) -> set[str]:
    """The exposed properties that say this point; of a numbered pair both, whether they stand in this packet or not."""
    return {name for name in exposed if name in sayers.get(point, ()) or PAIRS.get(name) == point}


def feature_of(expose: Mapping[str, Any]) -> Feature | None:
    """One entry of a definition's exposes as a feature, or None where it has no property of its own."""
    name, kind = expose.get("property"), expose.get("type")
    if not isinstance(name, str) or not isinstance(kind, str):
        return None
    on, off = expose.get("value_on", True), expose.get("value_off", False)
    if not isinstance(on, (bool, str)):
        on = True
    if not isinstance(off, (bool, str)):
        off = not on if isinstance(on, bool) else False
    values = expose.get("values")
    listed = tuple(value.lower() for value in values[:64] if isinstance(value, str)) if isinstance(values, list) else ()
    access, unit, described = expose.get("access"), expose.get("unit"), expose.get("description")
    return Feature(
        name,
        kind,
        unit if isinstance(unit, str) else "",
        on,
        off,
        isinstance(access, int) and bool(access & 2),
        isinstance(access, int) and access & 3 == 1,
        described if isinstance(described, str) else "",
        listed,
    )
