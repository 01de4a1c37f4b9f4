"""Z-Wave JS UI (formerly zwavejs2mqtt): `zwave/[<location>/]<node>/<class>/<endpoint>/<property>[/<key>]`.

Topics carry the command class as a number (`113/0/…`) or as a name (`notification/endpoint_0/…`); payloads are the
bare value, `{"time": ms, "value": …}` or the whole value object. The address is the node's part of the topic.
Sources: zwave-js-ui docs/guide/mqtt.md and docs/usage/setup.md; Z-Wave Notification types and events (SDS13713).
"""

from __future__ import annotations

import re
from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.draft import Draft, celsius, rest_of, seconds_instant, start_of, text_of
from devices.reading import DANGER_POINTS, Report
from devices.state_names import is_off, speaks_of_alarm
from devices.values import TEXT_MAX, read_json, read_number

CLASSES: Final[dict[str, int]] = {
    "switch_binary": 37,
    "binary_switch": 37,
    "sensor_binary": 48,
    "binary_sensor": 48,
    "sensor_multilevel": 49,
    "multilevel_sensor": 49,
    "meter": 50,
    "central_scene": 91,
    "notification": 113,
    "alarm": 113,
    "alarm_sensor": 156,
    "sensor_alarm": 156,
    "battery": 128,
}
"""Command classes with a meaning for us, by the names that topics give them."""

Said = dict[int, tuple[tuple[str, bool], ...]]

NOTIFICATIONS: Final[dict[str, Said]] = {
    "smoke_alarm/sensor_status": {
        0: (("smoke.alarm", False),),
        1: (("smoke.alarm", True),),
        2: (("smoke.alarm", True),),
    },
    "smoke_alarm/alarm_status": {
        0: (("test", False),),
        3: (("test", True),),
        6: (("alarm.silenced", True),),
    },
    "smoke_alarm/test_status": {0: (("test", False),), 3: (("test", True),)},
    "co_alarm/sensor_status": {0: (("co.alarm", False),), 1: (("co.alarm", True),), 2: (("co.alarm", True),)},
    "co_alarm/alarm_status": {0: (("test", False),), 3: (("test", True),), 6: (("alarm.silenced", True),)},
    "co_alarm/test_status": {0: (("test", False),), 3: (("test", True),)},
    "heat_alarm/heat_sensor_status": {
        0: (("heat.alarm", False),),
        1: (("heat.alarm", True),),
        2: (("heat.alarm", True),),
        3: (("heat.alarm", True),),
        4: (("heat.alarm", True),),
        5: (("heat.alarm", False),),
        6: (("heat.alarm", False),),
    },
    "heat_alarm/alarm_status": {0: (("test", False),), 7: (("test", True),), 9: (("alarm.silenced", True),)},
    "water_alarm/sensor_status": {
        0: (("water_leak.alarm", False),),
        1: (("water_leak.alarm", True),),
        2: (("water_leak.alarm", True),),
    },
    "gas_alarm/combustible_gas_status": {
        0: (("gas.alarm", False),),
        1: (("gas.alarm", True),),
        2: (("gas.alarm", True),),
    },
    "gas_alarm/alarm_status": {0: (("test", False),), 5: (("test", True),)},
    "access_control/door_state": {22: (("door.open", True),), 23: (("door.open", False),)},
    "access_control/door_state_simple": {22: (("door.open", True),), 23: (("door.open", False),)},
    "access_control/window_door_state": {22: (("door.open", True),), 23: (("door.open", False),)},
    "home_security/motion_sensor_status": {0: (("motion", False),), 7: (("motion", True),), 8: (("motion", True),)},
    "home_security/cover_status": {0: (("tamper", False),), 3: (("tamper", True),)},
    "home_security/sensor_status": {7: (("motion", True),), 8: (("motion", True),)},
    "power_management/mains_status": {2: (("power.mains", False),), 3: (("power.mains", True),)},
    "power_management/over_current_status": {0: (("current.alarm", False),), 6: (("current.alarm", True),)},
    "power_management/battery_maintenance_status": {
        0: (("battery.low", False),),
        10: (("battery.low", True),),
        11: (("battery.low", True),),
    },
    "system/hardware_status": {0: (("fault", False),), 1: (("fault", True),), 3: (("fault", True),)},
}
"""Notification properties: what each event's number says. A number that is not here says nothing that we know."""

EMERGENCY: Final = frozenset(
    {"emergency_alarm", "emergency_alarm/alert_status", "emergency_alarm/alarm_status", "emergency_alarm/sensor_status"}
)
"""Emergency alarm: 1 police, 2 fire, 3 medical, 4 panic. A moment."""

ALARM_SENSORS: Final[dict[str, str]] = {
    "alarmstate_smoke": "smoke.alarm",
    "alarmstate_co": "co.alarm",
    "alarmstate_heat": "heat.alarm",
    "alarmstate_water_leak": "water_leak.alarm",
    "alarmstate_flood": "water_leak.alarm",
}
"""Types of the Alarm Sensor class (an older one than Notification): CO2 is no carbon monoxide."""

BINARY: Final[dict[str, str]] = {
    "smoke": "smoke.alarm",
    "co": "co.alarm",
    "heat": "heat.alarm",
    "water": "water_leak.alarm",
    "tamper": "tamper",
    "door_window": "door.open",
    "motion": "motion",
}
"""Types of the binary sensor (`Any` and `General purpose` say nothing of what they watch)."""

LEVELS: Final[dict[str, tuple[str, dict[str, float]]]] = {
    "air_temperature": ("temperature", {"": 1.0, "°c": 1.0, "c": 1.0}),
    "humidity": ("humidity", {"": 1.0, "%": 1.0}),
    "illuminance": ("illuminance", {"lux": 1.0, "lx": 1.0}),
    "carbon_monoxide_co_level": ("co.ppm", {"": 1.0, "ppm": 1.0}),
    "power": ("power", {"": 1.0, "w": 1.0, "kw": 1000.0}),
    "voltage": ("voltage.a", {"v": 1.0}),
    "current": ("current.a", {"": 1.0, "a": 1.0, "ma": 0.001}),
}
"""Types of the multilevel sensor and the units (with their factors) in which they are believed; "" is no unit."""

METERS: Final[dict[str, str]] = {
    "value/65537": "energy",
    "value/66049": "power",
    "value/66561": "voltage.a",
    "value/66817": "current.a",
    "value/67073": "power_factor",
}
"""Electric meters: type 1 in the third byte, the scale (kWh, W, V, A, factor) in the second, consumed in the first."""

PRESSES: Final = ("pressed", "released", "held", "pressed_2", "pressed_3", "pressed_4", "pressed_5")
_NODE_WORDS: Final = {"alive": True, "awake": True, "asleep": True, "dead": False}
_ENDPOINT: Final = re.compile(r"(?:endpoint_)?([0-9]{1,3})")
_CLASS_NUMBERS: Final = frozenset(str(number) for number in CLASSES.values())
_ODD: Final = re.compile(r"[^a-z0-9/]+")
_BOOKKEEPING: Final = frozenset({"nodeinfo", "lastActive", "hass", "version", "statistics"})


def normal(path: str) -> str:
    """A property's path as the tables have it: lower case, anything odd as one underscore."""
    return "/".join(_ODD.sub("_", part).strip("_") for part in path.lower().split("/"))


def find_value(topic: str) -> tuple[str, int, int, str] | None:
    """The node, the command class, the endpoint and the property of a value's topic, or None."""
    levels = topic.split("/")
    for place in range(1, len(levels) - 2):
        name = levels[place].lower()
        if name in _CLASS_NUMBERS or name in CLASSES:
            endpoint = _ENDPOINT.fullmatch(levels[place + 1])
            if endpoint is not None:
                number = int(name) if name in _CLASS_NUMBERS else CLASSES[name]
                return "/".join(levels[:place]), number, int(endpoint[1]), normal("/".join(levels[place + 2 :]))
    return None


class ZwaveJs:
    """The codec of one Z-Wave JS UI. `prefix` is its MQTT prefix (`zwave`)."""

    name = "zwavejs"

    def __init__(self, prefix: str = "zwave") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = start_of(prefix)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (self._start + "#",) if self._start else ("zwave/#",)

    def describes(self, topic: str) -> bool:
        """A node's description with all its values, and answers of the server's interface: neither is read."""
        levels = rest_of(self._start, topic).split("/")
        return "_CLIENTS" in levels or levels[-1] == "nodeinfo"

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The report in a packet; nothing needs to be remembered."""
        rest = rest_of(self._start, packet.topic)
        if not self._start and rest.startswith("zwave/"):
            rest = rest[6:]
        return Decoded(_read(rest, packet.payload), context)


def _read(rest: str, payload: bytes) -> tuple[Report, ...]:
    levels = rest.split("/")
    if levels[0] == "_CLIENTS" or rest == "driver/status":
        name = levels[1] if len(levels) == 3 else levels[0]
        if levels[-1] != "status" or not payload or len(levels) > 3:
            return ()
        draft = Draft(name)
        _online(draft, rest, payload, "gateway.online")
        return (draft.report(),)
    if levels[0].startswith("_") or levels[-1] in ("set", "api") or levels[-1] in _BOOKKEEPING:
        return ()
    if levels[-1] == "status" and len(levels) >= 2:
        draft = Draft("/".join(levels[:-1]))
        if payload:
            _online(draft, rest, payload, "online")
        return (draft.report(),)
    found = find_value(rest)
    if found is None:
        return ()
    node, kind, endpoint, name = found
    draft = Draft(node)
    if payload:
        value, unit = unwrap(draft, rest, payload)
        if value is not None:
            read_value(draft, kind, endpoint, name, value, unit)
    return (draft.report(),)


def unwrap(draft: Draft, field: str, payload: bytes) -> tuple[Any, str]:
    """The value and its unit, whichever of the payload modes is set; its own time goes into the draft."""
    if payload[:1] not in b'{["':
        text = text_of(field, payload)
        if text in ("null", ""):
            return None, ""
        return {"true": True, "false": False}.get(text, text), ""
    said = read_json(field, payload)
    if not isinstance(said, dict):
        return said, ""
    if "value" not in said:
        if "time" in said or "lastUpdate" in said or "commandClass" in said:
            return None, ""
        raise DecodeError(field, 'a value, or an object with "value"', payload[:TEXT_MAX])
    stamp = said.get("time", said.get("lastUpdate"))
    if isinstance(stamp, (int, float)) and not isinstance(stamp, bool):
        draft.measured_at = seconds_instant(stamp / 1000 if abs(stamp) < 1e15 else 0)
    unit = said.get("unit")
    return said["value"], unit.strip().lower() if isinstance(unit, str) else ""


def _online(draft: Draft, field: str, payload: bytes, point: str) -> None:
    value, _ = unwrap(draft, field, payload)
    if isinstance(value, str) and value.strip().lower() in _NODE_WORDS:
        draft.state(point, _NODE_WORDS[value.strip().lower()])
    elif value not in (None, "", "Unknown", "unknown"):
        draft.boolean(field, value, point)


def read_value(draft: Draft, kind: int, endpoint: int, name: str, value: Any, unit: str) -> None:
    """What one value of a command class says."""
    match kind:
        case 113:
            read_notification(draft, name, value)
        case 48 if name in BINARY:
            draft.boolean(name, value, BINARY[name])
        case 49:
            _level(draft, name, value, unit)
        case 50 if name in METERS:
            draft.number(name, value, METERS[name])
        case 128 if name == "level":
            draft.number(name, value, "battery")
        case 128 if name == "islow":
            draft.boolean(name, value, "battery.low")
        case 37 if name == "currentvalue" and endpoint <= 64:
            draft.boolean(name, value, f"relay.{max(1, endpoint)}")
        case 91 if name.startswith("scene/"):
            _scene(draft, name, value)
        case 156 if name in ALARM_SENSORS:
            _alarm_sensor(draft, name, value)
        case 156:
            _note_unread(draft, name, value)
        case _:
            pass


def _alarm_sensor(draft: Draft, name: str, value: Any) -> None:
    """Alarm Sensor (SDS13781 4.3): 0 is no alarm, 255 is one, 1 to 100 its severity in per cent."""
    try:
        number = float(value) if isinstance(value, bool) else read_number(name, value)
    except DecodeError as error:
        draft.refuse(error, ALARM_SENSORS[name])
        return
    draft.state(ALARM_SENSORS[name], number != 0)


def _note_unread(draft: Draft, name: str, value: Any) -> None:
    """An alarm whose name no table has is told, not passed over."""
    if (name.startswith("alarmstate") or speaks_of_alarm(name.replace("_", " "))) and not is_off(value):
        draft.events.append({"type": "not_understood", "properties": name[:TEXT_MAX]})


def read_notification(draft: Draft, name: str, value: Any) -> None:
    """A notification's number. One that is not in the table says nothing; what is no number is a fault."""
    said = NOTIFICATIONS.get(name)
    if said is None and name not in EMERGENCY:
        _note_unread(draft, name, value)
        return
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 4 else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number != number // 1:
        dangers = [p for words in (said or {}).values() for p, _ in words if p in DANGER_POINTS]
        point = dangers[0] if dangers else "sos.alarm" if said is None else ""
        draft.refuse(DecodeError(name, "the number of an event", value), point)
        return
    if said is None:
        if number in (1, 2, 3, 4):
            draft.state("sos.alarm", True)
        return
    for point, state in said.get(int(number), ()):
        draft.state(point, state)


def _level(draft: Draft, name: str, value: Any, unit: str) -> None:
    if name == "air_temperature" and unit in ("°f", "f"):
        try:
            draft.level("temperature", celsius(read_number(name, value)))
        except DecodeError as error:
            draft.refuse(error)
        return
    point, factors = LEVELS.get(name, ("", {}))
    if unit in factors:
        draft.number(name, value, point, factors[unit])


def _scene(draft: Draft, name: str, value: Any) -> None:
    scene = name.rpartition("/")[2].lstrip("0") or "0"
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 3 else value
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(PRESSES):
        draft.text("button", f"{scene}_{PRESSES[number]}")
    else:
        draft.refuse(DecodeError(name, f"0 to {len(PRESSES) - 1}", value))
