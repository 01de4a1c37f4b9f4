"""The inventory: which device of which home speaks under which address, and who was heard that nobody registered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from devices.catalog import find_profile
from devices.codec import Profile
from devices.means import Meant, meant
from devices.reading import Quality, Report, Value
from rules.site import Device, Site

STRANGERS_MAX = 500
"""Unregistered devices that are remembered; beyond, the one heard longest ago is forgotten until it speaks again."""

STRANGER_POINTS_MAX = 40
TOPIC_LEVELS_MAX = 12


class Known(msgspec.Struct):
    """A registered device, its profile, and the last row time given to it: two reports never share a millisecond.

    `last` is its last report as it came, for people to look at: the engine keeps only what some rule watches.
    """

    device: Device
    profile: Profile | None = None
    stored_at: int = 0
    last: Report | None = None
    means: dict[str, Meant] = {}

    def next_row(self, at_ms: int) -> int:
        """The row time of a report received at `at_ms`: nudged behind the one before."""
        self.stored_at = at_ms if at_ms > self.stored_at else self.stored_at + 1
        return self.stored_at


class Stranger(msgspec.Struct):
    """A device that was heard and that no site file names, with what it says."""

    home: str
    source: str
    address: str
    heard_at: datetime
    packets: int = 0
    values: dict[str, Value] = {}


class Inventory:
    """All devices of all homes by (source, address)."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._known: dict[tuple[str, str], Known] = {}
        self._homes: dict[str, list[tuple[str, str]]] = {}
        self._keys: dict[str, dict[str, tuple[str, str]]] = {}
        self._strangers: OrderedDict[tuple[str, str], Stranger] = OrderedDict()
        for site in sites:
            self.load(site)

    def load(self, site: Site) -> None:
        """Take the devices of a home, in place of those it had."""
        before = {key: self._known.pop(key) for key in self._homes.get(site.id, ())}
        self._homes[site.id] = [(device.source, device.address) for device in site.devices]
        self._keys[site.id] = {device.id: (device.source, device.address) for device in site.devices}
        for device in site.devices:
            key = (device.source, device.address)
            old = before.get(key)
            stored_at, last = (old.stored_at, old.last) if old is not None else (0, None)
            means = {point: meant(text) for point, text in device.means}
            self._known[key] = Known(device, find_profile(device.kind, device.profile), stored_at, last, means)
            self._strangers.pop(key, None)

    def begin_behind(self, home: str, stored: Mapping[str, int]) -> None:
        """After a restart: the rows of these devices go on behind the last that were stored, never over them.

        A device that sent more than a thousand readings in a second is ahead of the clock (a millisecond for each).
        """
        for device, stored_at in stored.items():
            key = self._keys.get(home, {}).get(device)
            if key is not None:
                self._known[key].stored_at = max(self._known[key].stored_at, stored_at)

    def find(self, source: str, address: str) -> Known | None:
        """The registered device under this address, or None."""
        return self._known.get((source, address))

    def last_values(self, home: str, device: str) -> dict[str, Value]:
        """What a registered device said in its last report, but for what it calls bad itself."""
        key = self._keys.get(home, {}).get(device)
        known = self._known.get(key) if key is not None else None
        if known is None or known.last is None:
            return {}
        return {reading.point: reading.value for reading in known.last.readings if reading.quality is not Quality.BAD}

    def find_by_topic(self, source: str, rest: str) -> Known | None:
        """The device whose address stands in the rest of a topic: for a packet that could not be decoded.

        Friendly names may have levels, and some ecosystems put a word before the address (`tele/<device>/SENSOR`):
        the longest run of levels that is an address wins, from the left.
        """
        levels = rest.split("/")[:TOPIC_LEVELS_MAX]
        for length in range(len(levels), 0, -1):
            for start in range(len(levels) - length + 1):
                known = self._known.get((source, "/".join(levels[start : start + length])))
                if known is not None:
                    return known
        return None

    def note_stranger(self, home: str, source: str, report: Report, at: datetime) -> None:
        """Remember what an unregistered device says, for the list that an installer adopts from."""
        key = (source, report.device)
        stranger = self._strangers.pop(key, None)
        if stranger is None:
            stranger = Stranger(home, source, report.device, at, 0, {})
            if len(self._strangers) >= STRANGERS_MAX:
                self._strangers.popitem(last=False)
        stranger.heard_at = at
        stranger.packets += 1
        for reading in report.readings:
            if reading.point in stranger.values or len(stranger.values) < STRANGER_POINTS_MAX:
                stranger.values[reading.point] = reading.value
        self._strangers[key] = stranger

    @property
    def strangers(self) -> list[Stranger]:
        """Those heard and not registered, the last heard first."""
        return list(reversed(self._strangers.values()))
