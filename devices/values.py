"""Strict reading of numbers, states and instants: what every codec does with a value before it believes it.

A value that cannot be believed raises DecodeError. A number that can be read but not be true (150 % of
battery) is of BAD quality: it is kept to be seen and never decides anything.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from devices.codec import DecodeError, FaultKind
from devices.reading import Quality, Reading

ABSURD_MIN: Final = 1e13
"""No point of the catalogue comes near this size; larger numbers are garbage, not measurements."""

TEXT_MAX: Final = 64
"""The longest text (a button's action, a fault's words) that is passed on."""

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NUMBER_TEXT_MAX: Final = 40
_TRUE_WORDS: Final = frozenset({"true", "on", "1", "yes", "alarm"})
_FALSE_WORDS: Final = frozenset({"false", "off", "0", "no", "normal"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_MS_MIN: Final = 946_684_800_000
_EPOCH_MS_MAX: Final = 4_102_444_800_000

PLAUSIBLE: Final[dict[str, tuple[float, float]]] = {
    "smoke.obscuration": (0.0, 20.0),
    "smoke.density": (0.0, 100_000.0),
    "gas.lel": (0.0, 100.0),
    "gas.ppm": (0.0, 1_000_000.0),
    "co.ppm": (0.0, 10_000.0),
    "h2s.ppm": (0.0, 10_000.0),
    "nh3.ppm": (0.0, 10_000.0),
    "temperature": (-60.0, 300.0),
    "device.temperature": (-60.0, 200.0),
    "humidity": (0.0, 100.0),
    "illuminance": (0.0, 200_000.0),
    "current.a": (-10_000.0, 10_000.0),
    "current.b": (-10_000.0, 10_000.0),
    "current.c": (-10_000.0, 10_000.0),
    "current.n": (-10_000.0, 10_000.0),
    "current.residual": (0.0, 30_000.0),
    "voltage.a": (0.0, 1_000.0),
    "voltage.b": (0.0, 1_000.0),
    "voltage.c": (0.0, 1_000.0),
    "voltage.supply": (0.0, 1_000.0),
    "power": (-1e7, 1e7),
    "power.a": (-1e7, 1e7),
    "power.b": (-1e7, 1e7),
    "power.c": (-1e7, 1e7),
    "power_factor": (-1.0, 1.0),
    "frequency": (0.0, 1_000.0),
    "energy": (-1e9, 1e9),
    "target.distance": (0.0, 100.0),
    "video.frame_age": (0.0, 1e9),
    "video.fps": (0.0, 1_000.0),
    "battery": (0.0, 100.0),
    "battery.voltage": (0.0, 60.0),
    "rssi": (-200.0, 20.0),
    "snr": (-100.0, 100.0),
    "lqi": (0.0, 255.0),
    "link.margin": (-100.0, 100.0),
    "wifi.quality": (0.0, 100.0),
    "cable_temp": (-60.0, 500.0),
}
"""What a point can be at all, whatever the device (a profile narrows it): numbered points by their family."""

ANY_NUMBER: Final = (-ABSURD_MIN, ABSURD_MIN)


def plausible_limits(point: str) -> tuple[float, float]:
    """The lowest and the highest value that the point can have at all."""
    limits = PLAUSIBLE.get(point)
    if limits is None:
        limits = PLAUSIBLE.get(point.rpartition(".")[0], ANY_NUMBER)
    return limits


def read_json(field: str, payload: bytes) -> Any:
    """The payload as JSON; every way in which it can be malformed is the one DecodeError."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(field, f"JSON ({error})", payload[:TEXT_MAX], _kind_of(payload)) from error


def _kind_of(payload: bytes) -> FaultKind:
    """Why the payload is no JSON: its bytes are no text, or the text is no JSON."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        return FaultKind.NOT_UTF8
    return FaultKind.NOT_JSON


def read_number(field: str, value: object) -> float:
    """A finite number of sane size; also from text, spelled plainly ("0_02", "1,5", "nan" and hex are refused)."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _NUMBER_TEXT_MAX or _NUMBER.fullmatch(text) is None:
            raise DecodeError(field, "a number", value, FaultKind.NUMBER)
        number = float(text)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not -ABSURD_MIN < value < ABSURD_MIN:
            raise DecodeError(field, f"a finite number below {ABSURD_MIN:g}", value, FaultKind.NUMBER)
        number = float(value)
    else:
        raise DecodeError(field, "a number", value, FaultKind.NUMBER)
    if not math.isfinite(number) or not -ABSURD_MIN < number < ABSURD_MIN:
        raise DecodeError(field, f"a finite number below {ABSURD_MIN:g}", value, FaultKind.NUMBER)
    return number


def canonical_state(value: object) -> bool | str | None:
    """A state in one spelling: a boolean where the value spells one (ON, "1", 0, yes, …), else the word in lower case.

    None is an empty text: the device does not know. Anything that is neither is returned as "" (matches nothing).
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return bool(value) if value in (0, 1) else ""
    if not isinstance(value, str):
        return ""
    word = value.strip().lower()
    if not word:
        return None
    if word in _TRUE_WORDS:
        return True
    if word in _FALSE_WORDS:
        return False
    return word


def read_boolean(field: str, value: object) -> bool:
    """A state in any of the usual spellings; `bool("OFF")` is True in Python, which is why this exists."""
    state = canonical_state(value)
    if isinstance(state, bool):
        return state
    raise DecodeError(field, "true or false (also on/off, 1/0, yes/no)", value)


def read_instant(field: str, value: object) -> datetime:
    """An instant in UTC: RFC 3339 text with an offset, or milliseconds since 1970 (a number, or its digits as text)."""
    if isinstance(value, str) and not value.strip().isdigit():
        try:
            instant = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise DecodeError(field, "an RFC 3339 time or epoch milliseconds", value, FaultKind.TIME) from error
        if instant.tzinfo is None:
            raise DecodeError(field, "a time with its offset from UTC", value, FaultKind.TIME)
        try:
            instant = instant.astimezone(UTC)
        except OverflowError as error:
            raise DecodeError(field, "a time between 2000 and 2100", value, FaultKind.TIME) from error
        if not 2000 <= instant.year < 2100:
            raise DecodeError(field, "a time between 2000 and 2100", value, FaultKind.TIME)
        return instant
    milliseconds = read_number(field, value)
    if not _EPOCH_MS_MIN <= milliseconds < _EPOCH_MS_MAX:
        raise DecodeError(field, "epoch milliseconds between 2000 and 2100", value, FaultKind.TIME)
    return _EPOCH + timedelta(milliseconds=milliseconds)


def level(point: str, number: float) -> Reading:
    """A reading of a number, of BAD quality where no such device can measure that."""
    lowest, highest = plausible_limits(point)
    return Reading(point, number, Quality.GOOD if lowest <= number <= highest else Quality.BAD)
