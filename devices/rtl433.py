"""rtl_433: telegrams of 433 and 868 MHz sensors, `<host>/events` (JSON) and `<host>/devices/<model>/…/<field>`.

A registered-only source by nature: set `registered_only = true` on it. Every neighbour's sensor is heard, ids repeat,
and decoders take one device for another (`Smoke-GS558` is sent by motion and leak detectors): the model's name is no
evidence of an alarm, there is no clear and no availability. The address is `model[/subtype][/channel]/id`.
Sources: rtl_433 docs/DATA_FORMAT.md and docs/OPERATION.md; examples/rtl_433_mqtt_hass.py.
"""

from __future__ import annotations

import re
from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.draft import Draft, celsius, rest_of, seconds_instant, start_of, text_of
from devices.reading import Report
from devices.values import TEXT_MAX, read_instant, read_json, read_number

LEVELS: Final[dict[str, str]] = {
    "temperature_C": "temperature",
    "humidity": "humidity",
    "battery_V": "battery.voltage",
    "light_lux": "illuminance",
    "power_W": "power",
    "voltage_V": "voltage.a",
    "current_A": "current.a",
    "energy_kWh": "energy",
    "snr": "snr",
}
"""Fields by name; their unit is in it. `rssi` is dB below full scale and no dBm, `freq` is the radio's."""

STATES: Final[dict[str, tuple[str, bool]]] = {
    "tamper": ("tamper", False),
    "contact_open": ("door.open", False),
    "reed_open": ("door.open", False),
    "opened": ("door.open", False),
    "closed": ("door.open", True),
    "motion": ("motion", False),
    "detect_wet": ("water_leak.alarm", False),
    "wet": ("water_leak.alarm", False),
}
"""States by name, and whether the field says the opposite of the point."""

_NAMES: Final = ("model", "subtype", "channel", "id")
_EPOCH: Final = re.compile(r"[0-9]{10}(?:\.[0-9]{1,6})?")
_FIELDS: Final = frozenset({*LEVELS, *STATES, "temperature_F", "temperature_1_C", "battery_ok", "button"})


class Rtl433:
    """The codec of one rtl_433. `prefix` is what stands before the host (`rtl_433`)."""

    name = "rtl433"

    def __init__(self, prefix: str = "rtl_433") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = start_of(prefix)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (self._start + "#",) if self._start else ("rtl_433/#",)

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The report in a packet; nothing needs to be remembered."""
        levels = rest_of(self._start, packet.topic).split("/")
        if not packet.payload:
            return Decoded((), context)
        if levels[-1] in ("events", "states"):
            return Decoded(_event(levels[-1], packet.payload), context)
        if "devices" in levels[:-2]:
            address = levels[levels.index("devices") + 1 : -1]
            field = levels[-1]
            draft = Draft("/".join(address))
            if field in _FIELDS:
                _read(draft, field, text_of(field, packet.payload))
            return Decoded((draft.report(),), context)
        return Decoded((), context)


def _event(ending: str, payload: bytes) -> tuple[Report, ...]:
    said = read_json(ending, payload)
    if not isinstance(said, dict):
        raise DecodeError(ending, "a JSON object", payload[:TEXT_MAX])
    model = said.get("model")
    if model is None:
        return ()
    if not isinstance(model, str) or not model:
        raise DecodeError(f"{ending}.model", "the name of a model", model)
    parts = [said[name] for name in _NAMES if said.get(name) not in (None, "")]
    if not all(isinstance(part, (str, int)) for part in parts):
        raise DecodeError(f"{ending}.id", "a number or a text", said.get("id"))
    draft = Draft("/".join(str(part)[:TEXT_MAX].replace("/", "_") for part in parts))
    for field, value in said.items():
        if field in _FIELDS:
            _read(draft, field, value)
    _time(draft, said.get("time"))
    return (draft.report(),)


def _read(draft: Draft, field: str, value: Any) -> None:
    if field in LEVELS:
        draft.number(field, value, LEVELS[field])
    elif field in STATES:
        point, opposite = STATES[field]
        draft.boolean(field, value, point, opposite=opposite)
    elif field == "temperature_1_C":
        draft.number(field, value, "temperature")
    elif field == "temperature_F":
        try:
            draft.level("temperature", celsius(read_number(field, value)))
        except DecodeError as error:
            draft.refuse(error)
    elif field == "button" and isinstance(value, (str, int)) and not isinstance(value, bool):
        draft.text("button", str(value).strip())
    elif field == "battery_ok":
        _battery(draft, value)


def _battery(draft: Draft, value: Any) -> None:
    """1 is good and 0 is low; some decoders give a part between them."""
    try:
        number = read_number("battery_ok", value)
        if not 0.0 <= number <= 1.0:
            raise DecodeError("battery_ok", "0 to 1", value)
    except DecodeError as error:
        draft.refuse(error)
        return
    if number in (0.0, 1.0):
        draft.state("battery.low", number == 0.0)
    else:
        draft.level("battery", number * 100.0)


def _time(draft: Draft, value: Any) -> None:
    """Seconds since 1970 or a time with an offset (`-M time:unix`, `time:iso:tz`); local time is no time."""
    if not isinstance(value, str):
        draft.measured_at = seconds_instant(value)
    elif _EPOCH.fullmatch(value) is not None:
        draft.measured_at = seconds_instant(float(value))
    elif re.search(r"(?:Z|[0-9][+-][0-9]{2}:?[0-9]{2})$", value) is not None:
        try:
            draft.measured_at = read_instant("time", value)
        except DecodeError as error:
            draft.refuse(error)
