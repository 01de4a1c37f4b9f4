"""ESPHome over MQTT: `<node>/status` and `<node>/<component>/<object id>/state`, retained by default.

An entity's name is free text and becomes its object id, so only names whose meaning is plain are understood here
(exactly, also with the node's own name in front). Where the node announces itself by Home Assistant discovery, the
`homeassistant` codec knows units and device classes too and is the better choice.

Sources: esphome-docs components/mqtt.rst; Seeed MR60FDA2, MR60BHA2 and ESPHome ld2410 example configurations.
"""

from __future__ import annotations

import re
from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.draft import Draft, last_level, rest_of, start_of, text_of
from devices.reading import Report
from devices.values import TEXT_MAX, canonical_state, read_json

STATES: Final[dict[str, str]] = {
    **dict.fromkeys(("smoke", "smoke_alarm", "smoke_detector", "smoke_detected"), "smoke.alarm"),
    **dict.fromkeys(("heat_alarm",), "heat.alarm"),
    **dict.fromkeys(("fire_alarm",), "fire.alarm"),
    **dict.fromkeys(("gas", "gas_alarm", "gas_leak", "gas_detected", "gas_detector"), "gas.alarm"),
    **dict.fromkeys(("carbon_monoxide", "carbon_monoxide_alarm", "co_alarm", "co_detected"), "co.alarm"),
    **dict.fromkeys(("falling_information", "fall", "fall_alarm", "fall_detected", "fall_detection"), "fall.alarm"),
    **dict.fromkeys(("water_leak", "leak", "water_leak_alarm", "leak_detected", "flood"), "water_leak.alarm"),
    **dict.fromkeys(("person_information", "presence", "human_presence", "occupancy", "has_target"), "presence"),
    **dict.fromkeys(("motion", "pir", "pir_motion", "pir_sensor", "moving_target", "has_moving_target"), "motion"),
    **dict.fromkeys(
        tuple(f"{what}{suffix}" for what in ("door", "window") for suffix in ("", "_open", "_sensor", "_contact")),
        "door.open",
    ),
    **dict.fromkeys(("tamper", "tamper_alarm"), "tamper"),
    **dict.fromkeys(("battery_low", "low_battery"), "battery.low"),
    "vibration": "vibration",
    "status": "online",
}
"""Binary sensors by object id: ON is the point's True."""

PRESSES: Final = frozenset({"sos", "sos_button", "panic", "panic_button", "emergency", "emergency_button", "sos_alarm"})
"""Buttons whose press is a call for help: a moment, whose end is no clear."""

LEVELS: Final[dict[str, tuple[str, float]]] = {
    **dict.fromkeys(("temperature", "room_temperature", "ambient_temperature"), ("temperature", 1.0)),
    **dict.fromkeys(
        ("internal_temperature", "esp32_temperature", "chip_temperature", "cpu_temperature", "device_temperature"),
        ("device.temperature", 1.0),
    ),
    **dict.fromkeys(("humidity", "room_humidity", "relative_humidity"), ("humidity", 1.0)),
    **dict.fromkeys(("illuminance", "seeed_mr60bha2_illuminance", "ambient_light"), ("illuminance", 1.0)),
    **dict.fromkeys(("battery", "battery_level", "battery_percentage"), ("battery", 1.0)),
    "battery_voltage": ("battery.voltage", 1.0),
    **dict.fromkeys(("voltage", "mains_voltage", "line_voltage"), ("voltage.a", 1.0)),
    "current": ("current.a", 1.0),
    "leakage_current": ("current.residual", 1000.0),
    **dict.fromkeys(("leakage_current_ma", "residual_current_ma"), ("current.residual", 1.0)),
    "power": ("power", 1.0),
    "power_factor": ("power_factor", 1.0),
    "frequency": ("frequency", 1.0),
    **{
        f"{quantity}_{phase}": (f"{quantity}.{letter}", 1.0)
        for quantity in ("current", "voltage", "power")
        for number, letter in enumerate("abc", start=1)
        for phase in (letter, f"phase_{letter}", f"l{number}")
    },
    **dict.fromkeys(("wifi_signal", "wifi_signal_db", "wifi_rssi", "rssi"), ("rssi", 1.0)),
    "wifi_signal_percent": ("wifi.quality", 1.0),
    **dict.fromkeys(("carbon_monoxide_level", "co_concentration", "co_ppm", "carbon_monoxide_ppm"), ("co.ppm", 1.0)),
}
"""Sensors by object id, in ESPHome's default units (°C, V, A, W, dBm); the factor to the point's unit.

`energy` is Wh on some platforms and kWh on others: without its unit it is not read.
"""

COMPONENTS: Final = frozenset(
    {
        "alarm_control_panel",
        "binary_sensor",
        "button",
        "camera",
        "climate",
        "cover",
        "date",
        "datetime",
        "event",
        "fan",
        "infrared",
        "light",
        "lock",
        "media_player",
        "number",
        "select",
        "sensor",
        "siren",
        "switch",
        "text",
        "text_sensor",
        "time",
        "update",
        "valve",
        "water_heater",
    }
)
_RELAY: Final = re.compile(r"(?:relay|switch|output)_?([1-9][0-9]?)?")


class EspHome:
    """The codec of the ESPHome nodes below one prefix ("" where they publish at the root, which is the default)."""

    name = "esphome"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = start_of(prefix)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        if self._start:
            return (self._start + "#",)
        return ("+/status", "+/+/+/state")

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The report in a packet; nothing needs to be remembered."""
        levels = rest_of(self._start, packet.topic).split("/")
        if levels[-1] == "status":
            node = "/".join(levels[:-1]) or last_level(self._start)
            if not node:
                raise DecodeError("topic", "<node>/status", packet.topic)
            return Decoded((_status(node, packet.payload),), context)
        if levels[-1] != "state" or len(levels) < 3 or levels[-3] not in COMPONENTS:
            return Decoded((), context)
        node = "/".join(levels[:-3]) or last_level(self._start)
        if not node:
            raise DecodeError("topic", "<node>/<component>/<object id>/state", packet.topic)
        return Decoded((_state(node, levels[-3], levels[-2], packet.payload),), context)


def _status(node: str, payload: bytes) -> Report:
    draft = Draft(node)
    word = payload.strip().lower()
    if word not in (b"online", b"offline", b""):
        raise DecodeError(f"{node}: status", "online or offline", payload[:TEXT_MAX])
    if word:
        draft.state("online", word == b"online")
    return draft.report()


def plain_name(node: str, name: str) -> str:
    """The entity's object id without the node's name in front of it."""
    start = re.sub(r"[^a-z0-9]", "_", node.rpartition("/")[2].lower()) + "_"
    lowered = name.lower()
    return lowered[len(start) :] if lowered.startswith(start) else lowered


def _state(node: str, component: str, name: str, payload: bytes) -> Report:
    draft = Draft(node)
    if not payload:
        return draft.report()
    field = f"{component}/{name}"
    entity = plain_name(node, name)
    match component:
        case "binary_sensor":
            if entity in PRESSES:
                draft.moment(field, text_of(field, payload), "sos.alarm")
            elif entity in STATES:
                _boolean(draft, field, text_of(field, payload), STATES[entity])
        case "sensor" if entity in LEVELS:
            point, times = LEVELS[entity]
            draft.number(field, text_of(field, payload), point, times)
        case "switch":
            relay = _RELAY.fullmatch(entity)
            if relay is not None and int(relay[1] or 1) <= 64:
                draft.boolean(field, text_of(field, payload), f"relay.{relay[1] or 1}")
        case "event":
            said = read_json(field, payload)
            kind = said.get("event_type") if isinstance(said, dict) else None
            if not isinstance(kind, str):
                raise DecodeError(f"{node}: {field}", 'an object with "event_type"', payload[:TEXT_MAX])
            if entity in PRESSES:
                draft.state("sos.alarm", True)
            draft.text("button", kind.strip())
        case _:
            pass
    return draft.report()


def _boolean(draft: Draft, field: str, text: str, point: str) -> None:
    """ON or OFF; a state that the node does not know yet is not said."""
    if text.lower() in ("nan", "unknown", "unavailable"):
        return
    if isinstance(canonical_state(text), bool):
        draft.boolean(field, text, point)
    else:
        draft.refuse(DecodeError(field, "ON or OFF", text), point)
