"""What an entity that announces itself by Home Assistant MQTT discovery means: names, classes and units as tables.

Sources: home-assistant.io integrations mqtt, binary_sensor.mqtt, sensor.mqtt, device_trigger.mqtt, and core's
abbreviations.py; what zigbee2mqtt, ring-mqtt, rtl_433_mqtt_hass, zwave-js-ui, ESPHome and Tasmota announce. A class
is not always what it seems: ring-mqtt's CO is of class gas and its glass break of class safety, rtl_433's tamper too.
"""

from __future__ import annotations

import enum
import re
from typing import Any, Final

import msgspec

from devices.codec import DecodeError
from devices.draft import Words
from devices.esphome import LEVELS as PLAIN_LEVELS
from devices.esphome import PRESSES as PLAIN_PRESSES
from devices.esphome import STATES as PLAIN_STATES
from devices.homeassistant_names import ENUM_NAMES, LEVEL_NAMES, NO_CALL, PLAIN_NAMES, SAFETY_NAMES, said_names
from devices.homeassistant_templates import parsed
from devices.homeassistant_values import last_key, needs_json, simple_path
from devices.reading import DANGER_POINTS
from devices.values import canonical_state
from devices.zigbee2mqtt_properties import LEVELS, PHASES, RELAYS, STATES, UNITS, WORDS
from devices.zwavejs import NOTIFICATIONS, find_value

ABBREVIATIONS: Final[dict[str, str]] = {
    "atype": "automation_type",
    "avty": "availability",
    "avty_mode": "availability_mode",
    "avty_t": "availability_topic",
    "avty_tpl": "availability_template",
    "cmps": "components",
    "cns": "connections",
    "cu": "configuration_url",
    "dev": "device",
    "dev_cla": "device_class",
    "ent_cat": "entity_category",
    "ids": "identifiers",
    "mdl": "model",
    "mf": "manufacturer",
    "o": "origin",
    "obj_id": "object_id",
    "def_ent_id": "default_entity_id",
    "p": "platform",
    "pl": "payload",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "pl_off": "payload_off",
    "pl_on": "payload_on",
    "stat_cla": "state_class",
    "stat_off": "state_off",
    "stat_on": "state_on",
    "stat_t": "state_topic",
    "stat_val_tpl": "state_value_template",
    "stype": "subtype",
    "t": "topic",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}

CLASSES: Final[dict[str, str]] = {
    "smoke": "smoke.alarm",
    "gas": "gas.alarm",
    "carbon_monoxide": "co.alarm",
    "heat": "heat.alarm",
    "moisture": "water_leak.alarm",
    "tamper": "tamper",
    "battery": "battery.low",
    **dict.fromkeys(("door", "opening", "window", "garage_door"), "door.open"),
    **dict.fromkeys(("occupancy", "presence"), "presence"),
    "motion": "motion",
    "vibration": "vibration",
    "problem": "fault",
    "safety": "sos.alarm",
    "connectivity": "online",
    "power": "power.mains",
}
"""Binary sensors by class: on is the point's True."""

NAMES: Final[dict[str, str]] = {
    **dict.fromkeys(("tamper", "tamperstatus"), "tamper"),
    **dict.fromkeys(("co", "carbon_monoxide"), "co.alarm"),
    **dict.fromkeys(("test", "self_test"), "test"),
    **SAFETY_NAMES,
    **dict.fromkeys(("glassbreak", "glass_break", "zone", "alarm", "freeze", "bypass"), ""),
}
"""Names that say more than the class ("" is nothing that we know). `alarm` counts only beside class safety."""

SENSORS: Final[dict[str, str]] = {
    "temperature": "temperature",
    "humidity": "humidity",
    "battery": "battery",
    "voltage": "voltage.a",
    "current": "current.a",
    "power": "power",
    "energy": "energy",
    "power_factor": "power_factor",
    "frequency": "frequency",
    "illuminance": "illuminance",
    "signal_strength": "rssi",
    "carbon_monoxide": "co.ppm",
}
"""Sensors by class. Class gas is a meter's volume, class moisture the soil's: neither is an alarm."""

NOT_TOTALS: Final = frozenset(
    """today yesterday period energy_today energy_yesterday energy_month energy_daily daily_energy total_daily_energy
    energy_returned energy_export produced_energy exportactive energy_t1 energy_t2""".split()  # noqa: SIM905
)
CHIP_NAMES: Final = frozenset(name for name, (point, _) in PLAIN_LEVELS.items() if point == "device.temperature")
BATTERY_NAMES: Final = frozenset({"battery_voltage", "batteryvoltage", "batt_voltage", "battv", "battery_v"})
CALLS: Final = frozenset({"emergency", "sos", "panic"})
MORE_UNITS: Final[dict[str, dict[str, tuple[float, float, float]]]] = {
    "temperature": {"K": (273.15, 1, 1)},
    "power_factor": {"": (0, 1, 1), "%": (0, 1, 100)},
    "lqi": {"": (0, 1, 1), "lqi": (0, 1, 1)},
    "smoke.obscuration": {"dB/m": (0, 1, 1)},
    "smoke.density": {"": (0, 1, 1), "ppm": (0, 1, 1)},
    "current.residual": {"mA": (0, 1, 1), "A": (0, 1000, 1)},
}
COMPONENTS: Final = frozenset(
    {"binary_sensor", "sensor", "switch", "event", "device_automation", "device", "alarm_control_panel"}
)
OTHERS: Final = frozenset(
    """button camera climate cover device_tracker fan humidifier image lawn_mower light lock notify
    number scene select siren tag text update vacuum valve water_heater""".split()  # noqa: SIM905
)
_RELAY: Final = re.compile(r"(?:power|state|state_l|relay|relay_|switch|switch_|output_?)([1-9][0-9]?)?")


class How(enum.IntEnum):
    """How the value of an entity becomes readings."""

    STATE = 0
    LEVEL = 1
    WORDS = 2
    NOTIFICATION = 3
    PRESS = 4
    VOLTAGE = 5
    TIME = 6
    PANEL = 7


class Entity(msgspec.Struct, frozen=True):
    """One announced entity: where its state comes from and what it says. `path` is set for simple templates."""

    config: str
    device: str
    object: str
    topic: str
    how: How
    point: str
    template: str = ""
    path: tuple[str, ...] | None = None
    on: str = "on"
    off: str = "off"
    minus: float = 0.0
    times: float = 1.0
    per: float = 1.0
    words: Words = {}


class Availability(msgspec.Struct, frozen=True):
    """One topic that says whether a device can be reached. `via` is the bridge that the device is behind."""

    config: str
    device: str
    topic: str
    template: str
    on: str
    off: str
    mode: str
    via: str


def spelled(value: Any) -> str:
    """A payload or a template's result in one spelling: `True`, `true` and 2.0, `2` are the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return str(value).strip().lower()


def text(config: dict[str, Any], key: str) -> str:
    value = config.get(key)
    return value if isinstance(value, str) else ""


def entity_of(config: dict[str, Any], component: str, key: str, device: str, name: str) -> Entity | None:
    """What the configuration announces, or None where it has no meaning for us. Raises DecodeError where it could."""
    if component == "device_automation":
        return _trigger(config, key, device, name)
    topic = text(config, "state_topic")
    if not topic:
        return None
    template = text(config, "value_template")
    found = find_value(topic)
    if found is not None and found[1] == 113 and found[3] in NOTIFICATIONS and component == "binary_sensor":
        base = Entity(key, device, name, topic, How.NOTIFICATION, _notified(found[3], config.get("payload_on")))
        return _with_template(msgspec.structs.replace(base, words={found[3]: ()}), template)
    called = said_names(text(config, "name"), text(config, "object_id"), name, _owner(config))
    names = (*_names(topic, template, name), *called)
    entity: Entity | None
    match component:
        case "alarm_control_panel":
            entity = Entity(key, device, name, topic, How.PANEL, "")
        case "binary_sensor":
            entity = _binary(config, Entity(key, device, name, topic, How.STATE, ""), names)
        case "sensor":
            entity = _sensor(config, Entity(key, device, name, topic, How.LEVEL, ""), names)
        case "switch" if not text(config, "entity_category"):
            entity = _switch(config, Entity(key, device, name, topic, How.STATE, ""), names)
        case "event":
            entity = Entity(key, device, name, topic, How.PRESS, "button")
        case _:
            return None
    return None if entity is None else _with_template(entity, template)


def _with_template(entity: Entity, template: str) -> Entity:
    if not template:
        return entity
    parsed(template)
    path = simple_path(template) if needs_json(template) else None
    return msgspec.structs.replace(entity, template=template, path=path)


def _notified(name: str, on: Any) -> str:
    """The point of a Z-Wave notification entity: that of the number which it calls on."""
    said = NOTIFICATIONS[name]
    wanted = int(on) if isinstance(on, (int, str)) and str(on).isascii() and str(on).isdigit() else -1
    chosen = said.get(wanted) or next(iter(said.values()))
    return chosen[0][0]


def _names(topic: str, template: str, name: str) -> tuple[str, ...]:
    """The names that an entity goes by, the plainest first: the key of its value, its place in the topic, its id."""
    names = []
    if template:
        try:
            names.append(last_key(template).lower())
        except DecodeError:
            names.append("")
    levels = topic.lower().split("/")
    if levels[-1] == "state" and len(levels) >= 2:
        names.append(levels[-2])
    elif not template or "value_json" not in template:
        names.append(levels[-1])
    names.append(name.lower())
    return tuple(given for given in names if given)


def _owner(config: dict[str, Any]) -> str:
    device = config.get("device")
    return text(device, "name") if isinstance(device, dict) else ""


_OWN_CLASSES: Final = frozenset(CLASSES) - {"safety", "motion", "occupancy", "presence", "vibration", "problem"}
"""Classes that no name of a fall or a call overrules: the battery of an SOS button is its battery."""


def _binary(config: dict[str, Any], entity: Entity, names: tuple[str, ...]) -> Entity | None:
    kind = text(config, "device_class")
    point = CLASSES.get(kind, "")
    for given in names:
        if given in SAFETY_NAMES and kind in _OWN_CLASSES:
            continue
        if given in NAMES and (given != "alarm" or kind == "safety"):
            point = NAMES[given]
            break
        if not kind and (given in STATES or given in PLAIN_STATES or given in PLAIN_PRESSES or given in PLAIN_NAMES):
            point = STATES.get(given) or PLAIN_STATES.get(given) or PLAIN_NAMES.get(given) or "sos.alarm"
            break
    if point == "sos.alarm" and kind == "safety" and any(NO_CALL.fullmatch(given) for given in names):
        point = ""
    on, off = spelled(config.get("payload_on", "ON")), spelled(config.get("payload_off", "OFF"))
    if not kind and not point and "button" in names:
        return msgspec.structs.replace(entity, how=How.PRESS, point="button", on=on, off=off)
    if not point:
        return None
    if point == "power.mains" and "power_outage" in names:
        on, off = off, on
    if not kind and any(given == "contact" and STATES.get(given) == point for given in names):
        on, off = off, on
    return msgspec.structs.replace(entity, point=point, on=on, off=off)


def _switch(config: dict[str, Any], entity: Entity, names: tuple[str, ...]) -> Entity | None:
    on = config.get("state_on", config.get("payload_on", "ON"))
    off = config.get("state_off", config.get("payload_off", "OFF"))
    for given in names:
        match = _RELAY.fullmatch(given)
        point = RELAYS.get(given) or (f"relay.{match[1] or 1}" if match is not None else "")
        if point and int(point[6:]) <= 64:
            return msgspec.structs.replace(entity, point=point, on=spelled(on), off=spelled(off))
    return None


def _sensor(config: dict[str, Any], entity: Entity, names: tuple[str, ...]) -> Entity | None:
    kind, unit = text(config, "device_class"), text(config, "unit_of_measurement")
    if kind == "timestamp":
        return msgspec.structs.replace(entity, how=How.TIME) if "last_seen" in names else None
    if kind in ("", "enum"):
        for given in names:
            if given in WORDS or ENUM_NAMES.get(given, "") in WORDS:
                words = WORDS.get(given) or WORDS[ENUM_NAMES[given]]
                points = [point for said in words.values() for point, _ in said]
                point = next((p for p in points if p in DANGER_POINTS), points[0] if points else "")
                return msgspec.structs.replace(entity, how=How.WORDS, point=point, words=words)
    point = _sensor_point(kind, names, diagnostic=bool(text(config, "entity_category")))
    if not point or (point == "energy" and not NOT_TOTALS.isdisjoint(names)):
        return None
    if point == "battery.voltage" and kind not in ("voltage", ""):
        return None
    if point == "voltage.a" and (unit == "mV" or not BATTERY_NAMES.isdisjoint(names)):
        point = "battery.voltage"
    units = {
        **UNITS.get(point, UNITS.get(point.partition(".")[0], {})),
        **MORE_UNITS.get("temperature" if point == "device.temperature" else point, {}),
    }
    if point == "device.temperature":
        units.update(UNITS["temperature"])
    if unit not in units:
        return None
    how = How.VOLTAGE if point == "voltage.a" and kind == "voltage" else How.LEVEL
    minus, times, per = units[unit]
    return msgspec.structs.replace(entity, how=how, point=point, minus=minus, times=times, per=per)


def _sensor_point(kind: str, names: tuple[str, ...], *, diagnostic: bool) -> str:
    if kind == "temperature" and (diagnostic or not CHIP_NAMES.isdisjoint(names)):
        return "device.temperature"
    for given in names:
        point = PHASES.get(given) or LEVEL_NAMES.get(given, "")
        if point and (kind == "" or kind == ("voltage" if "voltage" in point else point.partition(".")[0])):
            return point
        if LEVELS.get(given) in ("current.residual", "target.distance", "device.temperature"):
            return LEVELS[given]
        if not kind and given in LEVELS:
            return LEVELS[given]
    return SENSORS.get(kind, "")


def _trigger(config: dict[str, Any], key: str, device: str, name: str) -> Entity | None:
    """A device trigger: a press, with the payload that means it."""
    topic = text(config, "topic")
    if not topic:
        return None
    payload = config.get("payload")
    subtype = text(config, "subtype") or text(config, "type")
    words = {spelled(payload) if payload is not None and payload != "" else "": ((subtype, True),)}
    call = not CALLS.isdisjoint((*words, subtype.lower()))
    entity = Entity(key, device, name, topic, How.PRESS, "sos.alarm" if call else "button", words=words)
    return _with_template(entity, text(config, "value_template"))


def bool_of(entity: Entity, value: Any) -> bool | None:
    """The entity's state: on, off, or None where the value is neither and says that it is not known."""
    said = spelled(value)
    if said == entity.on:
        return True
    if said == entity.off:
        return False
    state = canonical_state(value)
    if isinstance(state, bool):
        if state == canonical_state(entity.on):
            return True
        if state == canonical_state(entity.off):
            return False
    if said in ("", "none", "null", "unknown", "unavailable"):
        return None
    raise DecodeError(entity.object, f"{entity.on} or {entity.off}", value)
