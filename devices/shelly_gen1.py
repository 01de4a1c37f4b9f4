"""Shelly of the first generation: `shellies/<id>/…`, one bare value a topic.

Source: the first generation's API documentation (shelly-api-docs.shelly.cloud/gen1) as read through
bieniu/ha-shellies-discovery and enesbcs/Shelly_MQTT; meanings of the gas detector's words from issue 80 of the latter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from devices.codec import Decoded, DecodeError
from devices.draft import Draft, Words, text_of
from devices.reading import Report
from devices.values import TEXT_MAX, canonical_state, read_json, read_number

ROOT: Final = "shellies"
NOT_DEVICES: Final = frozenset({"announce", "command", "status"})

SLEEPERS: Final = re.compile(
    r"shelly(?:smoke|flood|ht|dw2?|button[12]?)-|shelly(?:plussmoke|plusht|htg3|ht3|htg4|floodg4|smokeg4|dwg4)"
)
"""Models on battery that leave the network between reports: off line is their rest and no fault."""

SENTINEL_TEMPERATURE: Final = 999.0
SENTINEL_CONCENTRATION: Final = -1.0
"""What the sensors say when they cannot measure (the second while the gas sensor warms up)."""

_SENSOR_WORDS: Final[dict[str, Words]] = {
    "gas": {
        "none": (("gas.alarm", False),),
        "mild": (("gas.alarm", True),),
        "heavy": (("gas.alarm", True),),
        "test": (("test", True),),
        "unknown": (),
    },
    "operation": {"normal": (("fault", False),), "fault": (("fault", True),), "warmup": (), "unknown": ()},
    "self_test": {"running": (("test", True),), "completed": (("test", False),), "not_completed": (), "pending": ()},
    "state": {
        "open": (("door.open", True),),
        "close": (("door.open", False),),
        "closed": (("door.open", False),),
        "unknown": (),
    },
}
_SENSOR_STATES: Final[dict[str, str]] = {
    "smoke": "smoke.alarm",
    "flood": "water_leak.alarm",
    "motion": "motion",
    "vibration": "vibration",
    "tamper": "tamper",
    "charger": "power.mains",
    "ext_power": "power.mains",
}
_SENSOR_LEVELS: Final[dict[str, str]] = {
    "temperature": "temperature",
    "humidity": "humidity",
    "battery": "battery",
    "lux": "illuminance",
    "concentration": "gas.ppm",
}
_METER: Final[dict[str, tuple[str, float]]] = {
    "power": ("power", 1.0),
    "energy": ("energy", 1.0 / 60_000.0),
}
"""A relay's meter: watts, and watt-minutes since the start."""

_EMETER: Final[dict[str, tuple[str, float]]] = {
    "power": ("power", 1.0),
    "voltage": ("voltage.a", 1.0),
    "current": ("current.a", 1.0),
    "pf": ("power_factor", 1.0),
    "total": ("energy", 1.0 / 1000.0),
}
"""An energy meter's channel: its total is in watt-hours. What was returned to the grid is another total."""

_OUTPUTS: Final = frozenset({"relay", "light", "white", "color"})
_INDEX_MAX: Final = 63


def read_gen1(rest: str, payload: bytes, context: Any, note: Callable[[str, str], Any]) -> Decoded:
    """One packet below `shellies/`. `note` keeps a button's count (device and input, count) and returns the context."""
    device, _, path = rest.partition("/")
    if not path:
        if device == "announce" and payload:
            said = read_json("announce", payload)
            device = said.get("id", "") if isinstance(said, dict) else ""
            return Decoded((Report(device),) if isinstance(device, str) and device else (), context)
        return Decoded((), context)
    levels = path.split("/")
    if levels[-1] in ("command", "set") or device in NOT_DEVICES:
        return Decoded((), context)
    if not payload:
        return Decoded((Report(device),), context)
    if levels[0] == "input_event" and len(levels) == 2:
        return _input_event(device, levels[1], payload, context, note)
    draft = Draft(device)
    if path in ("info", "status"):
        _whole(draft, _object(path, payload))
    else:
        draft = _bare(draft, levels, path, text_of(path, payload))
    return Decoded((draft.report(),), context)


def _object(path: str, payload: bytes) -> dict[str, Any]:
    said = read_json(path, payload)
    if not isinstance(said, dict):
        raise DecodeError(path, "a JSON object", payload[:TEXT_MAX])
    return said


def _index(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text[:4]) <= _INDEX_MAX else None


def _bare(draft: Draft, levels: list[str], path: str, text: str) -> Draft:
    """One value on a topic of its own."""
    match levels:
        case ["online"]:
            _online(draft, path, text)
        case ["sensor", what]:
            read_sensor(draft, what, text)
        case ["temperature"]:
            _temperature(draft, path, text, "device.temperature")
        case ["overtemperature"]:
            draft.boolean(path, text, "fault")
        case ["overload"]:
            draft.boolean(path, text, "current.alarm")
        case ["voltage"]:
            draft.number(path, text, "voltage.a")
        case ["valve", _, "state"]:
            if text == "failure":
                draft.state("fault", True)
        case ["emeter_n", "current"]:
            draft.number(path, text, "current.n")
        case [kind, number, *what] if _index(number) is not None:
            return _numbered(draft, kind, int(number), what, path, text)
        case _:
            pass
    return draft


def _numbered(draft: Draft, kind: str, number: int, what: list[str], path: str, text: str) -> Draft:
    """A value of one of several channels. A second meter has a place of its own: it would hide the first."""
    if kind in _OUTPUTS:
        if not what:
            _output(draft, path, text, number + 1)
        elif len(what) == 1 and what[0] in _METER:
            point, times = _METER[what[0]]
            draft = draft if number == 0 else Draft(f"{draft.device}/{kind}:{number}")
            draft.number(path, text, point, times)
    elif kind == "emeter" and len(what) == 1 and what[0] in _EMETER:
        return _emeter(draft, number, what[0], path, text)
    elif kind == "input" and not what:
        draft.boolean(path, text, f"input.{number + 1}")
    elif kind in ("ext_temperature", "ext_humidity") and not what:
        draft = draft if number == 0 else Draft(f"{draft.device}/{kind}:{number}")
        if kind == "ext_humidity":
            draft.number(path, text, "humidity")
        else:
            _temperature(draft, path, text, "temperature")
    return draft


def _emeter(draft: Draft, number: int, what: str, path: str, text: str) -> Draft:
    """The 3EM's channels are phases; the EM's are two circuits."""
    point, times = _EMETER[what]
    phases = not draft.device.startswith("shellyem-")
    if phases and number < 3 and what in ("power", "voltage", "current"):
        point = f"{point.partition('.')[0]}.{'abc'[number]}"
    elif phases or number > 0:
        draft = Draft(f"{draft.device}/emeter:{number}")
    draft.number(path, text, point, times)
    return draft


def _online(draft: Draft, path: str, text: str) -> None:
    state = canonical_state(text)
    if not isinstance(state, bool):
        raise DecodeError(f"{draft.device}: {path}", "true or false", text)
    if state or SLEEPERS.match(draft.device) is None:
        draft.state("online", state)


def _output(draft: Draft, path: str, text: str, number: int) -> None:
    """An output that its own overload protection has opened says `overpower`."""
    if text.lower() == "overpower":
        draft.state(f"relay.{number}", False)
        draft.state("current.alarm", True)
    else:
        draft.boolean(path, text, f"relay.{number}")


def _temperature(draft: Draft, path: str, value: Any, point: str) -> None:
    try:
        number = read_number(path, value)
    except DecodeError as error:
        draft.refuse(error, point)
        return
    if number != SENTINEL_TEMPERATURE:
        draft.level(point, number)


def read_sensor(draft: Draft, what: str, value: Any) -> None:
    """One property of a sensor, bare or in the device's whole status."""
    field = f"sensor/{what}"
    if what in _SENSOR_WORDS:
        draft.words(field, value, _SENSOR_WORDS[what])
    elif what in _SENSOR_STATES:
        if value not in (-1, "-1"):
            draft.boolean(field, value, _SENSOR_STATES[what])
    elif what == "temperature":
        if value is not None:
            _temperature(draft, field, value, what)
    elif what == "error":
        draft.state("fault", str(value).strip().lower() not in ("0", "", "none", "false"))
    elif what in _SENSOR_LEVELS and value not in (-1, "-1", "-1.0"):
        draft.number(field, value, _SENSOR_LEVELS[what])


def _whole(draft: Draft, said: dict[str, Any]) -> None:
    """`info` (the device's whole status) and `status` of the motion sensor: the same values once more, as JSON."""
    for what in ("smoke", "flood", "motion", "vibration"):
        if what in said:
            read_sensor(draft, what, said[what])
    gas = said.get("gas_sensor")
    if isinstance(gas, dict):
        read_sensor(draft, "gas", gas.get("alarm_state"))
        read_sensor(draft, "operation", gas.get("sensor_state"))
        read_sensor(draft, "self_test", gas.get("self_test_state"))
    for what, key, inner in (
        ("temperature", "tmp", "tC"),
        ("humidity", "hum", "value"),
        ("battery", "bat", "value"),
        ("lux", "lux", "value"),
        ("concentration", "concentration", "ppm"),
        ("state", "sensor", "state"),
    ):
        value = said.get(key)
        if isinstance(value, dict):
            if value.get("is_valid", True):
                read_sensor(draft, what, value.get(inner))
        elif key in ("bat", "lux") and value is not None:
            read_sensor(draft, what, value)
    battery = said.get("bat")
    if isinstance(battery, dict):
        draft.number("bat.voltage", battery.get("voltage"), "battery.voltage")
    _outputs(draft, said)
    wifi = said.get("wifi_sta")
    if isinstance(wifi, dict) and wifi.get("connected") is True:
        draft.number("wifi_sta.rssi", wifi.get("rssi"), "rssi")


def _outputs(draft: Draft, said: dict[str, Any]) -> None:
    for key, inner, point in (("relays", "ison", "relay"), ("inputs", "input", "input")):
        entries = said.get(key)
        for number, entry in enumerate(entries[: _INDEX_MAX + 1] if isinstance(entries, list) else (), start=1):
            if isinstance(entry, dict):
                draft.boolean(f"{key}[{number - 1}].{inner}", entry.get(inner), f"{point}.{number}")
    for key, table in (("meters", _METER), ("emeters", _EMETER)):
        entries = said.get(key)
        if isinstance(entries, list) and len(entries) == 1 and isinstance(entries[0], dict):
            for what in ("power", "voltage", "current"):
                if what in table and entries[0].get("is_valid", True):
                    draft.number(f"{key}[0].{what}", entries[0].get(what), table[what][0])


def _input_event(device: str, number: str, payload: bytes, context: Any, note: Callable[[str, str], Any]) -> Decoded:
    """A press, said once: mains devices repeat the last one with the same count every half minute."""
    said = _object(f"input_event/{number}", payload)
    event, count = said.get("event"), said.get("event_cnt")
    draft = Draft(device)
    if not isinstance(event, str):
        raise DecodeError(f"{device}: input_event/{number}.event", "text", event)
    if not event.strip():
        return Decoded((draft.report(),), context)
    after = note(f"{device}/{number}", repr(count)[:TEXT_MAX])
    if after is not context:
        word = event.strip()
        draft.text("button", word if number == "0" else f"{number}_{word}")
    return Decoded((draft.report(),), after)
