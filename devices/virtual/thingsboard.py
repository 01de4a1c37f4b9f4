"""A virtual ThingsBoard gateway: what it sends for the devices behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from devices.virtual.home import VirtualPacket
from devices.virtual.rhythm import noise

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def connect(at: datetime, device: str, *, connected: bool = True) -> VirtualPacket:
    topic = "v1/gateway/connect" if connected else "v1/gateway/disconnect"
    return VirtualPacket(at, topic, msgspec.json.encode({"device": device}), qos=1)


def telemetry(seed: int, at: datetime, devices: tuple[str, ...] = ("Room 1", "Room 2")) -> VirtualPacket:
    """One message with the last two samples of each device, ten seconds apart."""
    said = {
        device: [
            {"ts": (when - _EPOCH) // timedelta(milliseconds=1), "values": values(seed, device, when)}
            for when in (at - timedelta(seconds=10), at)
        ]
        for device in devices
    }
    return VirtualPacket(at, "v1/gateway/telemetry", msgspec.json.encode(said), qos=1)


def values(seed: int, device: str, at: datetime) -> dict[str, float | bool]:
    """What a device says at that instant: the same for the same seed and time."""
    moment = f"{at:%Y-%m-%dT%H:%M:%S}"
    return {
        "temperature": 15.0 + round(noise(seed, device, f"temperature {moment}") * 20.0, 1),
        "humidity": 30.0 + round(noise(seed, device, f"humidity {moment}") * 40.0, 1),
        "smoke": noise(seed, device, f"smoke {moment}") > 0.9,
    }
