"""Electrical-fire pushes whose values are texts with units, or bare numbers with units by agreement.

Sources: two platform jobs that send them (zhihuiyongdian, public source index id 29403140879: every value as text
"需带单位"; ydzhihuiyongdian, id 29273942107: bare numbers). Times are local without an offset, so they are not used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from devices.codec import DecodeError
from devices.named_values import Devices, Findings, Table, number, state, text_of
from devices.thingmodel import date_by
from devices.values import read_number

_QUANTITY: Final = re.compile(r"\s*(?P<number>[-+]?[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[^0-9\s]{0,5})\s*")

_CELSIUS: Final = {"℃": 1.0, "°c": 1.0, "c": 1.0}
_VOLT: Final = {"v": 1.0, "kv": 1000.0, "mv": 0.001}
_AMPERE: Final = {"a": 1.0, "ma": 0.001}
_MILLIAMPERE: Final = {"ma": 1.0, "": 1.0, "a": 1000.0}
_WATT: Final = {"w": 1.0, "kw": 1000.0}
_KILOWATT_HOUR: Final = {"kwh": 1.0, "kw·h": 1.0, "度": 1.0, "wh": 0.001}

TEXTS: Final[dict[str, tuple[str, dict[str, float]]]] = {
    **{f"{p}Temp": (f"cable_temp.{n}", _CELSIUS) for n, p in enumerate("abcn", 1)},
    **{f"{p}Vol": (f"voltage.{p}", _VOLT) for p in "abc"},
    **{f"{p}Current": (f"current.{p}", _AMPERE) for p in "abcn"},
    "remainCurrent": ("current.residual", _MILLIAMPERE),
    "power": ("power", _WATT),
    "cumulativeElectricity": ("energy", _KILOWATT_HOUR),
}
"""Point and units of each text. A bare zero fills a place that nothing measures; the residual current is in mA."""

_STATES: Final[Table] = {"online": state("online"), "isAlarm": state("fault")}
_SWITCH: Final = {"合闸": True, "开闸": False, "分闸": False}

BARE: Final[Table] = {
    **{f"temp{p}": number(f"cable_temp.{n}") for n, p in enumerate("abcn", 1)},
    **{f"voltage{p}": number(f"voltage.{p}") for p in "abc"},
    **{f"electricity{p}": number(f"current.{p}") for p in "abc"},
    "seepelectricity": number("current.residual"),
}
"""The bare form: °C, V, A and mA."""


def is_text_push(said: Mapping[str, Any]) -> bool:
    """Whether this is the push with texts: `{deviceMac, aTemp: "25℃", …}`."""
    return "deviceMac" in said and any(name in said for name in TEXTS)


def read_text_push(devices: Devices, said: Mapping[str, Any]) -> None:
    found = devices.of(text_of(said["deviceMac"]))
    time = said.get("time")
    if isinstance(time, int):
        date_by(found, "time", time)
    found.read_all(said, _STATES)
    for name, (point, units) in TEXTS.items():
        _read_quantity(found, name, said.get(name), point, units)
    switch = said.get("open")
    if isinstance(switch, str) and switch.strip() in _SWITCH:
        found.say("relay.1", _SWITCH[switch.strip()])


def _read_quantity(found: Findings, name: str, value: object, point: str, units: Mapping[str, float]) -> None:
    """A number with its unit. A text of the kind "null℃" is a device that did not say."""
    if value is None or (isinstance(value, str) and (not value.strip() or value.strip().startswith("null"))):
        return
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, (str, int, float)) else None
    unit = match["unit"].lower() if match is not None else ""
    try:
        if match is None:
            raise DecodeError(name, "a number with its unit", value)
        measured = read_number(name, match["number"])
        if not unit and "" not in units and measured == 0:
            return
        if unit not in units:
            raise DecodeError(name, "a number with one of the units " + ", ".join(filter(None, units)), value)
        found.measure(point, measured * units[unit])
    except DecodeError as error:
        found.ignore(name, error)


def is_bare_push(said: Mapping[str, Any]) -> bool:
    """Whether this is the push with bare numbers: `{sb_id, tempa, voltagea, seepelectricity, …}`."""
    return "sb_id" in said and any(name in said for name in BARE)


def read_bare_push(devices: Devices, said: Mapping[str, Any]) -> None:
    devices.of(text_of(said["sb_id"])).read_all(said, BARE)
