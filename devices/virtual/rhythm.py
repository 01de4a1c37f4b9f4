"""The rhythm of a day in a care home: how warm, how busy, how much current; and noise that is the same every time."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from typing import Final

LOCAL: Final = timedelta(hours=8)
"""The home keeps China Standard Time."""

_BUSY: Final = (
    0.1,
    0.1,
    0.1,
    0.1,
    0.1,
    0.3,
    0.8,
    1.0,
    0.7,
    0.6,
    0.7,
    1.0,
    0.9,
    0.4,
    0.4,
    0.6,
    0.7,
    1.0,
    0.9,
    0.7,
    0.5,
    0.3,
    0.2,
    0.1,
)
_LOAD: Final = (
    0.2,
    0.2,
    0.2,
    0.2,
    0.2,
    0.4,
    0.8,
    0.7,
    0.5,
    0.5,
    0.9,
    1.0,
    0.7,
    0.5,
    0.5,
    0.5,
    0.8,
    1.0,
    0.8,
    0.7,
    0.6,
    0.4,
    0.3,
    0.2,
)


def noise(*key: object) -> float:
    """A number in [0, 1) that looks random and is a function of the key alone."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / (1 << 56)


def hour_of_day(at: datetime) -> float:
    """The hour on the wall of the home, with its fraction."""
    local = at + LOCAL
    return local.hour + local.minute / 60 + local.second / 3600


def busy(at: datetime) -> float:
    """How much people move about, 0 to 1."""
    return _between(_BUSY, hour_of_day(at))


def load(at: datetime) -> float:
    """How much electricity the home draws, 0 to 1: kitchens before meals, lamps in the evening."""
    return _between(_LOAD, hour_of_day(at))


def warmth(at: datetime) -> float:
    """The temperature in a room (°C): warmest in the afternoon."""
    return 21.0 + 2.5 * math.sin((hour_of_day(at) - 9.0) / 24.0 * 2.0 * math.pi)


def _between(hours: tuple[float, ...], hour: float) -> float:
    whole = int(hour) % 24
    part = hour - int(hour)
    return hours[whole] * (1.0 - part) + hours[(whole + 1) % 24] * part
