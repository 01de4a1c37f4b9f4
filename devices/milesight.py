"""Raw frames of Milesight devices: channel, type, value; for networks that have no payload decoder installed.

What a channel means hangs on the model (03 00 is a door on a WS301, water on a WS303, motion on a WS202), so the
model's name must be known; without it only those channels are read that mean the same on all models. The result
is the object that the vendor's own decoder prints. Sources: the decoders and READMEs of Milesight-IoT/SensorDecoders,
each table with its commit. History (20 ce, 21 ce) is skipped: it is the past.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from devices.bits import Cursor
from devices.codec import DecodeError

OUI: Final = "24e124"
"""Milesight's DevEUIs begin with it (IEEE MA-L 24-E1-24)."""

F_PORT: Final = 85
"""The port on which its devices speak unless configured otherwise."""

_MODEL: Final = re.compile(
    r"(?<![a-z0-9])(ws|vs|em|gs|ct|ts|am)[ _-]?([0-9]{3})(n?)(?:[ _-](sld|zld|mld|mcs|di|th|pt))?"
)


class Part(msgspec.Struct, frozen=True):
    """One property within a channel's value: where it stands, how it is scaled, which numbers are words."""

    name: str
    at: int = 0
    size: int = 1
    per: int = 1
    signed: bool = False
    words: Mapping[int, str] = {}
    status: Mapping[int, str] = {}


class Channel(msgspec.Struct, frozen=True):
    """The length of a channel's value, and what stands in it."""

    length: int
    parts: tuple[Part, ...] = ()


Channels = dict[int, Channel]


def _key(channel: int, kind: int) -> int:
    return channel << 8 | kind


def _states(name: str, off: str, on: str) -> Channel:
    return Channel(1, (Part(name, words={0: off, 1: on}),))


_SKIPPED: Final[Channels] = {
    _key(0xFF, kind): Channel(length)
    for kind, length in {
        0x01: 1, 0x08: 6, 0x09: 2, 0x0A: 2, 0x0B: 1, 0x0F: 1, 0x16: 8, 0x7C: 43, 0xFE: 1, 0xFF: 2,
    }.items()
}  # fmt: skip
"""Versions, serial number, class, power-on, reset: the same on all models (README, "Attribute")."""
_BATTERY: Final[Channels] = {_key(0x01, 0x75): Channel(1, (Part("battery"),))}
_DEGREES: Final = Part("temperature", size=2, per=10, signed=True)
_HUMIDITY: Final = Channel(1, (Part("humidity", per=2),))
_HEAT: Final = {0: "threshold alarm release", 1: "threshold alarm"}
_DEGREES_ALARM: Final = Channel(3, (_DEGREES, Part("temperature_alarm", at=2, words=_HEAT)))
_CLIMATE: Final[Channels] = {
    _key(0x03, 0x67): Channel(2, (_DEGREES,)),
    _key(0x04, 0x68): _HUMIDITY,
    _key(0x83, 0x67): _DEGREES_ALARM,
}
_LEAK: Final = _states("leakage_status", "normal", "leak")
_PPM: Final = {0xFFFE: "polarizing", 0xFFFF: "device error"}
_READ: Final = {0xFFFD: "over range alarm", 0xFFFF: "read failed"}
_ALARM: Final = {1: "alarm_triggered", 2: "alarm_deactivated", 3: "alarm_ignored", 4: "status_report"}
_RADAR: Final = {
    0: "fall", 1: "motionless", 2: "dwell", 3: "out_of_bed", 4: "occupied", 5: "vacant", 6: "bradypnea",
    7: "tachypnea", 8: "lying",
}  # fmt: skip


def _history(length: int) -> Channels:
    return {_key(0x20, 0xCE): Channel(length)}


def _transformer(channel: int, name: str, kind: int, per: int) -> Channels:
    """Current of one clamp, and the alarm that comes with its highest, lowest and present value."""
    return {
        _key(channel - 1, 0x97): Channel(4),
        _key(channel, kind): Channel(2, (Part(name, size=2, per=per, status=_READ),)),
        _key(channel | 0x80, kind): Channel(7, (Part(name, at=4, size=2, per=per), Part(f"{name}_alarm", at=6))),
    }


_CABINET: Final[Channels] = {
    _key(0x09, 0x67): Channel(2, (msgspec.structs.replace(_DEGREES, status=_READ),)),
    _key(0x89, 0x67): _DEGREES_ALARM,
    **{_key(channel, 0x63): Channel(4) for channel in (0x10, 0x11, 0x12)},
    _key(0x13, 0x75): Channel(1, (Part("low_voltage_alarm.alarm_type", words={1: "low voltage alarm"}),)),
}


def _probe(n: int) -> Channels:
    name = f"temperature_chn{n}"
    degrees = msgspec.structs.replace(_DEGREES, name=name)
    return {
        _key(2 + n, 0x67): Channel(2, (degrees,)),
        _key(2 + n, 0x00): _states(f"magnet_chn{n}", "closed", "opened"),
        _key(0x82 + n, 0x67): Channel(3, (degrees, Part(f"{name}_alarm", at=2, words=_HEAT))),
        _key(0x92 + n, 0xD7): Channel(5, (degrees,)),
    }


def _model(*channels: Channels) -> Channels:
    table: Channels = dict(_SKIPPED)
    for part in channels:
        table.update(part)
    return table


_SOCKET: Final = _model(
    {
        _key(0x03, 0x74): Channel(2, (Part("voltage", size=2, per=10),)),
        _key(0x04, 0x80): Channel(4, (Part("active_power", size=4),)),
        _key(0x05, 0x81): Channel(1, (Part("power_factor"),)),
        _key(0x06, 0x83): Channel(4, (Part("power_consumption", size=4),)),
        _key(0x07, 0xC9): Channel(2, (Part("current", size=2),)),
        _key(0x08, 0x70): Channel(1, (Part("socket_status", words={0: "off", 1: "on", 0x10: "off", 0x11: "on"}),)),
        _key(0xFF, 0x3F): Channel(1, (Part("power_outage_alarm", words={0xFF: "power_outage"}),)),
    }
)  # ws-series/ws523@175ed03
_ONE_CLAMP: Final = _model(_transformer(0x04, "current", 0x98, 100), _CABINET)  # ct-series/ct105-v2@27889a8
_THREE_CLAMPS: Final = _model(
    _BATTERY, *(_transformer(2 * n + 2, f"current_chn{n}", 0x99, 10) for n in (1, 2, 3)), _CABINET
)  # ct-series/ct305-v2@6204b5d
_SPOT_LEAK: Final = _model(_BATTERY, _CLIMATE, {_key(0x05, 0x00): _LEAK}, _history(8))  # em-series/em300-sld@58ce819
_PROBES: Final = _model(_BATTERY, _probe(1), _probe(2))  # ts-series/ts301@a472a59

MODELS: Final[dict[str, Channels]] = {
    # ws-series/ws101@3b5ae10
    "ws101": _model(
        _BATTERY,
        {
            _key(0xFF, 0x2E): Channel(
                1, (Part("button_event.status", words={1: "short press", 2: "long press", 3: "double press"}),)
            )
        },
    ),
    # ws-series/ws202@f1b3bf1
    "ws202": _model(_BATTERY, {_key(0x03, 0x00): _states("pir", "normal", "trigger"), _key(0x04, 0x00): Channel(1)}),
    # ws-series/ws203@3b5ae10
    "ws203": _model(
        _BATTERY,
        _CLIMATE,
        {
            _key(0x05, 0x00): _states("occupancy", "vacant", "occupied"),
        },
        _history(9),
    ),
    # ws-series/ws301@32d4f2c: the decoder's polarity of the tamper; one README prints the opposite (test on site)
    "ws301": _model(
        _BATTERY,
        {
            _key(0x03, 0x00): _states("magnet_status", "close", "open"),
            _key(0x04, 0x00): _states("tamper_status", "installed", "uninstalled"),
        },
    ),
    # ws-series/ws302: a sound level meter; only its battery is of use here
    "ws302": _model(_BATTERY, {_key(0x05, 0x5B): Channel(7)}),
    "ws303": _model(_BATTERY, {_key(0x03, 0x00): _LEAK}),  # ws-series/ws303@3b5ae10
    **dict.fromkeys(("ws522", "ws523", "ws525"), _SOCKET),
    "em300-th": _model(_BATTERY, _CLIMATE, _history(7)),
    "em320-th": _model(_BATTERY, _CLIMATE, _history(7)),
    "am102": _model(_BATTERY, _CLIMATE, _history(7)),  # chirpstack-device-profiles@098becd
    "em500-pt": _model(_BATTERY, {_key(0x03, 0x67): Channel(2, (_DEGREES,))}, _history(6)),
    **dict.fromkeys(("em300-sld", "em300-zld", "em300-mld"), _SPOT_LEAK),
    # em-series/em300-mcs@f1b3bf1
    "em300-mcs": _model(_BATTERY, _CLIMATE, {_key(0x06, 0x00): _states("magnet_status", "close", "open")}, _history(8)),
    # em-series/em300-di@11db3e6
    "em300-di": _model(
        _BATTERY,
        _CLIMATE,
        {
            _key(0x05, 0x00): _states("gpio", "low", "high"),
            _key(0x05, 0xC8): Channel(4),
            _key(0x05, 0xE1): Channel(8),
            _key(0x85, 0x00): Channel(2, (Part("gpio", words={0: "low", 1: "high"}),)),
            _key(0x85, 0xE1): Channel(9),
            _key(0x21, 0xCE): Channel(18),
        },
        _history(13),
    ),
    # gs-series/gs301@6aeb1eb
    "gs301": _model(
        _BATTERY,
        {
            _key(0x02, 0x67): Channel(2, (_DEGREES,)),
            _key(0x03, 0x68): _HUMIDITY,
            _key(0x04, 0x7D): Channel(2, (Part("nh3", size=2, per=100, status=_PPM),)),
            _key(0x05, 0x7D): Channel(2, (Part("h2s", size=2, per=100, status=_PPM),)),
            _key(0x06, 0x7D): Channel(2, (Part("h2s", size=2, per=1000, status=_PPM),)),
            _key(0x07, 0xEA): Channel(5),
        },
    ),
    # gs-series/gs101@06402d2; temperature and humidity stand before the gas on devices that have them
    "gs101": _model(
        _CLIMATE,
        {
            _key(0x05, 0x8E): _states("gas_status", "normal", "alarm"),
            _key(0x06, 0x01): Channel(1),
            _key(0x07, 0x01): _states("relay_output_status", "off", "on"),
            _key(0x08, 0x90): Channel(4),
            _key(0xFF, 0x3F): Channel(
                1,
                (
                    Part(
                        "alarm",
                        words={
                            0: "power off",
                            1: "power on",
                            2: "device fault",
                            3: "device fault recovered",
                            4: "device will be invalid soon",
                            5: "device invalid",
                        },
                    ),
                ),
            ),
        }
    ),
    **dict.fromkeys(("ct101", "ct103", "ct105"), _ONE_CLAMP),
    **dict.fromkeys(("ct303", "ct305", "ct310"), _THREE_CLAMPS),
    **dict.fromkeys(("ts301", "ts302"), _PROBES),
    # vs-series/vs370@f1b3bf1
    "vs370": _model(
        _BATTERY, {_key(0x03, 0x00): _states("occupancy", "vacant", "occupied"), _key(0x04, 0x00): Channel(1)}
    ),
    # vs-series/vs373@09d67e0; regions (04 f9) changed their polarity with the firmware and are not read
    "vs373": _model(
        {
            _key(0x03, 0xF8): Channel(
                6,
                (Part("detection_status", words={0: "normal", 1: "vacant", 2: "in_bed", 3: "out_of_bed", 4: "fall"}),),
            ),
            _key(0x04, 0xF9): Channel(4),
            _key(0x05, 0xFA): Channel(8),
            _key(0x06, 0xFB): Channel(
                5,
                (
                    Part("alarm_id", size=2),
                    Part("alarm_type", at=2, words=_RADAR),
                    Part("alarm_status", at=3, words=_ALARM),
                ),
            ),
        },
        _history(9),
    ),
}
"""Channels by model. em300 without a suffix, and models that are not here, are read like an unknown model."""


def _agreed() -> Channels:
    """The channels that mean the same on every model that has them."""
    agreed: Channels = {}
    disputed: set[int] = set()
    for channels in MODELS.values():
        for key, channel in channels.items():
            if agreed.setdefault(key, channel) != channel:
                disputed.add(key)
    return {key: channel for key, channel in agreed.items() if key not in disputed}


AGREED: Final = _agreed()

_LENGTHS: Final = {
    **dict.fromkeys((0x00, 0x01, 0x68, 0x70, 0x75, 0x81, 0x8E), 1),
    **dict.fromkeys((0x65, 0x66, 0x67, 0x73, 0x74, 0x77, 0x7D, 0x82, 0x98, 0x99, 0xC9), 2),
    **dict.fromkeys((0x63, 0x80, 0x83, 0x90, 0x97, 0xC8), 4),
}
"""How long a measurement of a type is, whatever its channel (all decoders above agree)."""
_URGENT: Final = frozenset({"alarm", "leak", "fall", "short press", "long press", "double press"})
_MEASUREMENT_MAX: Final = 0x1F
"""Channels above hold alarms (0x80 and more), history (0x20) and settings: their length is the model's own."""

_SMOKE_EVENTS: Final = {
    0x1: "alarm",
    0x2: "silent",
    0x4: "low battery",
    0x5: "failover",
    0x7: "normal",
    0xA: "removed",
    0xB: "installed",
    0xE: "testing alarm with normal battery",
    0xF: "testing alarm with low battery",
}


def find_model(text: str) -> str:
    """The model that a device profile's name tells of ("Milesight EM300-SLD" → em300-sld), or ""."""
    found = _MODEL.search(text.lower())
    if found is None:
        return ""
    series, number, letter, suffix = found.groups()
    return f"{series}{number}{letter}" + (f"-{suffix}" if suffix else "")


def can_read(model: str, address: str, port: object) -> bool:
    """Whether a raw frame of this device is one of ours to read."""
    return model in MODELS or model == "gs524n" or (address.lower().startswith(OUI) and port == F_PORT)


def read_frame(data: bytes, model: str, field: str = "data") -> tuple[dict[str, Any], int]:
    """The object of a frame, and how many of its bytes could not be understood.

    A measurement that the model is not known to have is stepped over, since its type tells its length: an alarm may
    stand behind it. Any other unknown channel ends the frame; one that is cut short spoils it, unless there is danger.
    """
    if model == "gs524n" or (model not in MODELS and len(data) == 6 and data[0] == 0x22 and data[1] >> 4 == 1):
        return _smoke(data, field), 0
    channels = MODELS.get(model, AGREED)
    cursor = Cursor(data, field)
    said: dict[str, Any] = {}
    unread = 0
    while cursor.left >= 2:
        key = int.from_bytes(cursor.data[cursor.position : cursor.position + 2], "big")
        channel = channels.get(key)
        if channel is not None:
            length: int | None = channel.length
        else:
            length = _LENGTHS.get(key & 0xFF) if key >> 8 <= _MEASUREMENT_MAX else None
        if length is None or (length + 2 > cursor.left and not _URGENT.isdisjoint(_texts(said))):
            return said, unread + cursor.left
        cursor.take(2)
        value = cursor.take(length)
        if channel is None:
            unread += 2 + length
        else:
            _read_channel(value, channel, said)
    return said, unread + cursor.left


def _texts(said: Mapping[str, Any]) -> list[str]:
    return [value for value in said.values() if isinstance(value, str)]


def _read_channel(value: bytes, channel: Channel, said: dict[str, Any]) -> None:
    found: dict[str, Any] = {}
    for part in channel.parts:
        raw = int.from_bytes(value[part.at : part.at + part.size], "little")
        if raw in part.status:
            found[f"{part.name}_sensor_status"] = part.status[raw]
        elif part.words:
            found[part.name] = part.words.get(raw, f"unknown ({raw})")
        elif part.name.startswith("current") and part.name.endswith("_alarm"):
            found[f"{part.name}.current_threshold_alarm"] = bool(raw & 1)
            found[f"{part.name}.current_over_range_alarm"] = bool(raw & 4)
        else:
            if part.signed and raw >= 1 << (8 * part.size - 1):
                raw -= 1 << (8 * part.size)
            found[part.name] = raw / part.per
    if "alarm_type" in found:
        said.setdefault("events", []).append(found)
    else:
        said.update(found)


def _smoke(data: bytes, field: str) -> dict[str, Any]:
    """GS524N: six bytes, no channels (gs-series/gs524n@6aeb1eb)."""
    cursor = Cursor(data, field)
    cursor.take(1)
    kind = cursor.unsigned()
    said: dict[str, Any] = {
        "type": "smoke sensor",
        "event": _SMOKE_EVENTS.get(kind & 0x0F, f"unknown ({kind & 0x0F})"),
        "battery": cursor.unsigned(),
        "concentration": cursor.unsigned(),
        "temperature": cursor.signed(),
    }
    if kind >> 4 != 1:
        raise DecodeError(field, "the frame of a smoke sensor (type 1)", data[:16].hex())
    return said
