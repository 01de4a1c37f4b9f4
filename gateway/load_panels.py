"""What must fit together in the settings of fire panels (GB/T 26875.3): names, homes, ports, networks, addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Final

from gateway.settings import PanelListener, PanelUplink, Settings
from rules.parse import Fault, suggestion

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
USER_CODE_MIN: Final = 128
"""Component types from here on are the user's (table 5)."""


def check_panels(settings: Settings, homes: Collection[str] | None, file: str) -> list[Fault]:
    """Everything in the two sections that does not fit together."""
    faults: list[Fault] = []
    names: dict[str, str] = {source.name: f"sources[{place}]" for place, source in enumerate(settings.sources, 1)}
    ports: dict[tuple[str, int], str] = {("tcp", settings.console.port): "console"}
    for place, listener in enumerate(settings.gb26875, 1):
        where = f"gb26875[{place}]"
        faults += _name(listener.name, names, where, file) + _home(listener.home, homes, where, file)
        faults += _listener(listener, where, file)
        other = ports.setdefault((listener.transport, listener.port), where)
        if other != where:
            problem = f"{listener.transport} port {listener.port} is already used by {other}"
            faults.append(Fault(file=file, path=f"{where}.port", problem=problem, mend="Give each its own port"))
    destinations = {channel.name: f"channels[{place}]" for place, channel in enumerate(settings.channels, 1)}
    destinations |= {store.name: f"influx[{place}]" for place, store in enumerate(settings.influx, 1)}
    for place, uplink in enumerate(settings.gb26875_up, 1):
        where = f"gb26875_up[{place}]"
        faults += _name(uplink.name, destinations, where, file) + _home(uplink.home, homes, where, file)
        faults += _uplink(uplink, where, file)
    return faults


def _name(name: str, taken: dict[str, str], where: str, file: str) -> list[Fault]:
    other = taken.setdefault(name, where)
    if other == where:
        return []
    problem = f"{name!r} is already used by {other}"
    return [Fault(file=file, path=f"{where}.name", problem=problem, mend="Give each its own name")]


def _home(home: str, homes: Collection[str] | None, where: str, file: str) -> list[Fault]:
    if homes is None or home in homes:
        return []
    return [Fault(file=file, path=f"{where}.home", problem=f"unknown home {home!r}", mend=suggestion(home, homes))]


def _listener(listener: PanelListener, where: str, file: str) -> list[Fault]:
    faults = []
    for network in listener.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            mend = 'Write "10.8.0.0/16", or one address'
            faults.append(Fault(file=file, path=f"{where}.networks", problem=str(error), mend=mend))
    if listener.host not in LOOPBACK and not listener.networks:
        problem = "whoever reaches this port can report a fire: the protocol has no login and no encryption"
        mend = "Write networks = [...] with the addresses of the devices, and lead them through a VPN"
        faults.append(Fault(file=file, path=f"{where}.networks", problem=problem, mend=mend, warning=True))
    return faults


def _uplink(uplink: PanelUplink, where: str, file: str) -> list[Fault]:
    faults = []
    if uplink.backup and read_path(uplink.backup) is None:
        problem = f"{uplink.backup[:80]!r} is not host:port"
        mend = 'Write "centre-2.example.org:9001"'
        faults.append(Fault(file=file, path=f"{where}.backup", problem=problem, mend=mend))
    if 0 < uplink.person_part < USER_CODE_MIN:
        problem = f"component type {uplink.person_part} is the standard's"
        mend = "Write a type from 128 to 255 that the centre agreed to, or 0"
        faults.append(Fault(file=file, path=f"{where}.person_part", problem=problem, mend=mend))
    if uplink.source_address == uplink.centre_address:
        problem = "is the centre's own address"
        mend = "Write the address that the centre gave to this device"
        faults.append(Fault(file=file, path=f"{where}.source_address", problem=problem, mend=mend))
    return faults


def read_path(text: str) -> tuple[str, int] | None:
    """`host:port` taken apart, or None."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        return None
    return host.strip("[]"), int(port)
