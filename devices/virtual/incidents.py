"""Incidents of the virtual home: what each does to which device, and when that device speaks because of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec


class Plot(msgspec.Struct, frozen=True):
    """The plot of an incident: how long it lasts, the device it begins at, and who speaks after how many seconds."""

    lasts: timedelta
    device: str
    speaks: tuple[tuple[float, str], ...] = ()


class Incident(msgspec.Struct, frozen=True):
    """One incident that was started. `device` is the id of the device it begins at."""

    name: str
    began_at: datetime
    device: str

    def age(self, at: datetime) -> float | None:
        """Seconds since it began, or None before it begins and after it is over."""
        seconds = (at - self.began_at).total_seconds()
        return seconds if 0.0 <= seconds < PLOTS[self.name].lasts.total_seconds() else None


def _often(device: str, first: int, last: int, every: int) -> tuple[tuple[float, str], ...]:
    return tuple((float(second), device) for second in range(first, last, every))


SECOND_SMOKE: Final = 45.0
"""Seconds until the smoke of the kitchen fire reaches the corridor."""

FALL_CONFIRMED: Final = 20.0
"""Seconds from the radar's warning to its alarm."""

_OVER: Final = 0.001

PLOTS: Final[dict[str, Plot]] = {
    "kitchen-fire": Plot(
        timedelta(minutes=20),
        "smoke-kitchen",
        (
            (0.0, "smoke-kitchen"),
            (SECOND_SMOKE, "smoke-corridor-1"),
            *_often("climate-kitchen", 10, 300, 20),
            *_often("co-kitchen", 20, 300, 20),
            (1200.0 + _OVER, "smoke-kitchen"),
            (1201.0, "smoke-corridor-1"),
            (1202.0, "climate-kitchen"),
            (1203.0, "co-kitchen"),
        ),
    ),
    "gas-leak": Plot(timedelta(minutes=15), "gas-kitchen", ((0.0, "*"), (900.0 + _OVER, "*"))),
    "fall": Plot(timedelta(minutes=10), "fall-room-101", ((0.0, "*"), (FALL_CONFIRMED, "*"), (600.0 + _OVER, "*"))),
    "sos": Plot(timedelta(seconds=2), "sos-room-101", ((0.0, "*"),)),
    "electrical-overheat": Plot(timedelta(minutes=30), "electrical-board"),
    "camera-lost": Plot(timedelta(minutes=30), "video-hall", ((0.0, "*"), (1800.0 + _OVER, "*"))),
    "bridge-lost": Plot(timedelta(minutes=15), "bridge"),
    "battery-low": Plot(timedelta(days=2), "smoke-shed", ((0.0, "*"),)),
    "device-silent": Plot(timedelta(days=3), "climate-room-101"),
}
"""Incidents and faults by name."""


def rising(age: float, begins: float, over: float, most: float) -> float:
    """A value that climbs from 0 at `begins` to `most` within `over` seconds and stays there."""
    return most * min(1.0, max(0.0, (age - begins) / over))


def ages(incidents: tuple[Incident, ...], at: datetime) -> Mapping[tuple[str, str], float]:
    """The age in seconds of every incident that goes on, by (name, device)."""
    going: dict[tuple[str, str], float] = {}
    for incident in incidents:
        age = incident.age(at)
        if age is not None:
            going[(incident.name, incident.device)] = age
    return going
