"""Names that installers give to measurements where a protocol leaves them free (Sparkplug metrics, ThingsBoard keys).

Exact names only, in any usual spelling (`Smoke Alarm`, `smoke_alarm`, `smokeAlarm`, `Sensors/Smoke Alarm`): a name
that is neither here nor in devices/state_names.py is not understood, whatever words it contains. A name of our own
catalogue means itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from devices.lorawan_meanings import Meaning, inverted, number, shared, state
from devices.reading import Kind, find_point

_OPEN: Final = (("open", "opened"), ("close", "closed"))
_LEAK: Final = (("leak", "leaking", "wet"), ("dry", "no leak"))

_TABLE: Final[Mapping[str, Meaning]] = {
    **dict.fromkeys(("smoke", "smoke alarm", "smoke detected", "烟感报警"), state("smoke.alarm")),
    **dict.fromkeys(("heat alarm",), state("heat.alarm")),
    **dict.fromkeys(("fire alarm", "火警"), state("fire.alarm")),
    **dict.fromkeys(("gas", "gas alarm", "gas detected", "combustible gas alarm"), state("gas.alarm")),
    **dict.fromkeys(("carbon monoxide", "co alarm", "carbon monoxide alarm"), state("co.alarm")),
    **dict.fromkeys(("manual call", "manual call point"), state("manual_call.alarm")),
    **dict.fromkeys(("sos", "sos alarm", "panic", "emergency call"), state("sos.alarm")),
    **dict.fromkeys(("fall", "fall alarm", "fall detected"), state("fall.alarm")),
    **dict.fromkeys(("water leak", "leak", "leakage", "leak detected"), state("water_leak.alarm", *_LEAK)),
    **dict.fromkeys(("door", "door open", "window open"), state("door.open", *_OPEN)),
    "contact": inverted("door.open", *_OPEN),
    **dict.fromkeys(("motion", "pir"), state("motion")),
    **dict.fromkeys(("presence", "occupancy"), state("presence", ("occupied",), ("vacant",))),
    **dict.fromkeys(("tamper", "tamper alarm"), state("tamper")),
    **dict.fromkeys(("fault", "trouble"), state("fault")),
    **dict.fromkeys(("battery low", "low battery"), state("battery.low")),
    "test": state("test"),
    "vibration": state("vibration"),
    **dict.fromkeys(("mains", "mains present", "ac present"), state("power.mains")),
    **dict.fromkeys(("temperature", "ambient temperature", "room temperature", "温度"), number("temperature")),
    **dict.fromkeys(("humidity", "relative humidity", "湿度"), number("humidity")),
    **dict.fromkeys(("illuminance", "light level"), number("illuminance")),
    **dict.fromkeys(("battery", "battery level", "battery percentage"), number("battery")),
    "battery voltage": number("battery.voltage"),
    "supply voltage": number("voltage.supply"),
    **dict.fromkeys(("gas lel", "lel"), number("gas.lel")),
    **dict.fromkeys(("co ppm", "carbon monoxide ppm"), number("co.ppm")),
    "h2s": number("h2s.ppm"),
    "nh3": number("nh3.ppm"),
    **dict.fromkeys(("residual current", "leakage current", "剩余电流"), number("current.residual")),
    **dict.fromkeys(("power", "active power"), number("power")),
    **dict.fromkeys(("power factor",), number("power_factor")),
    "frequency": number("frequency"),
    **dict.fromkeys(("energy", "total energy"), number("energy")),
    **{
        f"{quantity} {spelled}": number(f"{quantity}.{phase}")
        for quantity in ("current", "voltage", "power")
        for n, phase in enumerate("abc", 1)
        for spelled in (phase, f"l{n}", f"phase {phase}")
    },
    "current n": number("current.n"),
    **{f"cable temp {n}": number(f"cable_temp.{n}") for n in range(1, 9)},
    **{f"cable temperature {n}": number(f"cable_temp.{n}") for n in range(1, 9)},
    "rssi": number("rssi"),
    "snr": number("snr"),
}
"""`current` and `voltage` alone are not here: a supply's, a battery's and the mains' are three different things."""

_SETTINGS: Final = frozenset({"node control", "device control", "properties", "settings", "config", "configuration"})
_TERMINAL: Final = re.compile(r"(inputs?|outputs?|relays?)[/ ]([a-z]|[1-9][0-9]?)")
_WORD_ENDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=4096)
def meaning_of(name: str) -> Meaning | None:
    """What a measurement of this name says, or None. A folder before the name (`Room 3/Temperature`) is allowed."""
    if len(name) > 256:
        return None
    known = find_point(name)
    if known is not None:
        return _of_point(known.name, known.kind)
    folders = [_spelled(part) for part in name.split("/")]
    if not _SETTINGS.isdisjoint(folders[:-1]):
        return None
    terminal = _TERMINAL.fullmatch("/".join(folders[-2:]))
    if terminal is not None:
        family = "input" if terminal[1].startswith("input") else "relay"
        return state(f"{family}.{terminal[2].upper()}")
    return _TABLE.get(folders[-1]) or shared(".".join(folders))


def is_setting(name: str) -> bool:
    """Whether a measurement of this name stands in a folder of settings."""
    return not _SETTINGS.isdisjoint(_spelled(part) for part in name[:256].split("/")[:-1])


def _spelled(part: str) -> str:
    return " ".join(re.split(r"[\s_.-]+", _WORD_ENDS.sub(" ", part.strip()).lower()))


def _of_point(point: str, kind: Kind) -> Meaning | None:
    if point == "button":
        return None
    return state(point) if kind is Kind.STATE else number(point)


@lru_cache(maxsize=1024)
def table_of(names: tuple[str, ...]) -> dict[str, Meaning]:
    """The table of these names; devices say the same names again and again."""
    found = {name: meaning_of(name) for name in names}
    return {name: meaning for name, meaning in found.items() if meaning is not None}
