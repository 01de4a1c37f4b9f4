"""The load of the benchmarks: an endless stream of quiet packets, two thirds of them real Zigbee2MQTT states."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from devices.virtual.fleet import VirtualDevice, VirtualZone
from devices.virtual.home import VirtualPacket
from devices.virtual.models import MODELS
from devices.virtual.rhythm import noise
from devices.virtual.site_file import site_toml
from devices.virtual.states import Moment, state_of

KINDS: Final = ("plug", "climate", "electrical", "smoke", "water_leak", "video")
"""Of six packets four are Zigbee2MQTT states of 4 to 6 points, two are ours (19 and 4 points)."""

_START: Final = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
_STATES: Final = 64


def load_devices(devices: int) -> list[VirtualDevice]:
    """The devices of the load, `load-0` to `load-<n-1>`, all in one zone."""
    return [
        VirtualDevice(
            f"load-{n}", kind, "zigbee" if kind in MODELS else "native", f"load-{n}", "load", f"负载{n}", f"Load {n}"
        )
        for n, kind in ((n, KINDS[n % len(KINDS)]) for n in range(devices))
    ]


def load_site_toml(devices: int, home: str = "load") -> str:
    """The site file that registers the load's devices."""
    zone = VirtualZone("load", "负载", "Load", "1")
    return site_toml(home, "load-county", "load-town", (zone,), load_devices(devices))


def load_definitions(devices: int, home: str = "load") -> VirtualPacket:
    """The bridge's list with the definitions of the load's Zigbee devices (about 1 KB each)."""
    listed = [
        MODELS[device.kind].entry(device.address, f"0x{n:016x}")
        for n, device in enumerate(load_devices(devices))
        if device.source == "zigbee"
    ]
    return VirtualPacket(_START, f"h/{home}/zigbee2mqtt/bridge/devices", msgspec.json.encode(listed), 0, True)


def load_mix(devices: int, seed: int = 1, home: str = "load", qos: int = 0) -> Iterator[VirtualPacket]:
    """Packets without end, 1 ms apart, from `devices` devices in turn; nothing in them is in alarm.

    Each device kind has 64 states made beforehand, so that making the load costs little beside carrying it.
    """
    fleet = load_devices(devices)
    made = {kind: _states(kind, seed) for kind in KINDS}
    at, turn = _START, 0
    while True:
        shift = int(noise(seed, turn) * _STATES)
        for n, device in enumerate(fleet):
            state = made[device.kind][(n + shift) % _STATES]
            if device.source == "zigbee":
                yield VirtualPacket(at, f"h/{home}/zigbee2mqtt/{device.address}", state, qos)
            else:
                yield VirtualPacket(at, f"anlian/v1/{home}/{device.address}/telemetry", state, 1)
            at += timedelta(milliseconds=1)
        turn += 1


def _states(kind: str, seed: int) -> tuple[bytes, ...]:
    """States of one kind, spread over a day, as their packets carry them."""
    states = []
    for n in range(_STATES):
        device = VirtualDevice(f"{kind}-{n}", kind, "", "", "load", "", "")
        said = state_of(Moment(seed, device, _START + timedelta(minutes=22.5 * n), {}))
        states.append(msgspec.json.encode(said if kind in MODELS else {"points": said}))
    return tuple(states)
