"""The virtual home: a few dozen devices that speak as real ones do, from a seed and a time alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from devices.virtual.fleet import EVERY, VirtualDevice, devices_of, zones_of
from devices.virtual.incidents import PLOTS, Incident, ages
from devices.virtual.models import MODELS
from devices.virtual.rhythm import noise
from devices.virtual.site_file import site_toml
from devices.virtual.states import Ages, Moment, state_of

_SLOTS: Final = {"motion": timedelta(seconds=120), "door": timedelta(seconds=300)}
"""Kinds that speak when their state changes, and how long a state holds at least."""

_PUBLISHED_EVERY: Final = timedelta(hours=1)
_COPY_AFTER: Final = timedelta(milliseconds=400)
_GIVEN_UP_AFTER: Final = {True: timedelta(minutes=10), False: timedelta(minutes=1500)}
"""Zigbee2MQTT's availability time-outs: mains (active) and battery (passive)."""

_WILL_AFTER: Final = timedelta(seconds=90)
"""A broker publishes the last will of a client that it has not heard for 1.5 keep-alives of 60 s."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SIZE_MAX: Final = 50


class VirtualPacket(msgspec.Struct, frozen=True):
    """One message that a virtual device or its bridge publishes."""

    at: datetime
    topic: str
    payload: bytes
    qos: int = 0
    retained: bool = False


class VirtualHome:
    """A care home with `size` residential floors. Incidents are started by hand; everything else is the day's rhythm.

    `qos` is that of device states over Zigbee2MQTT (0 is its default); our own topics use 1.
    """

    def __init__(
        self,
        home: str = "demo",
        seed: int = 1,
        county: str = "demo-county",
        town: str = "demo-town",
        size: int = 2,
        qos: int = 0,
    ) -> None:
        if not 1 <= size <= SIZE_MAX:
            raise ValueError(f"size: expected 1 to {SIZE_MAX} residential floors, found {size}")
        self.home = home
        self.seed = seed
        self.county = county
        self.town = town
        self.qos = qos
        self.zones = zones_of(size)
        self.devices = devices_of(size)
        self.zigbee_prefix = f"h/{home}/zigbee2mqtt"
        self.native_prefix = f"anlian/v1/{home}"
        self._by_id = {device.id: device for device in self.devices}
        self._incidents: tuple[Incident, ...] = ()

    def start(self, incident: str, at: datetime, device: str = "") -> Incident:
        """Let an incident (a name of `PLOTS`) begin, at another device of the same kind if one is named."""
        plot = PLOTS.get(incident)
        if plot is None:
            raise ValueError(f"incident: expected one of {', '.join(PLOTS)}, found {incident!r}")
        chosen = device or plot.device
        if chosen != plot.device and self._kind(chosen) != self._kind(plot.device) and incident != "device-silent":
            raise ValueError(f"device: expected a {self._kind(plot.device)} device of this home, found {device!r}")
        if chosen != "bridge" and chosen not in self._by_id:
            raise ValueError(f"device: expected a device of this home, found {device!r}")
        begun = Incident(incident, at, chosen)
        self._incidents = (*self._incidents, begun)
        return begun

    def _kind(self, device: str) -> str:
        found = self._by_id.get(device)
        return found.kind if found is not None else device

    def opening(self, at: datetime) -> list[VirtualPacket]:
        """What a reader finds when everything starts: what the broker keeps, then every device's state."""
        kept = [self._bridge_state(at, online=True), self._published(at)]
        kept += [self._reachable(device, at, online=True) for device in self.devices]
        return kept + [self._state(device, at, ages(self._incidents, at)) for device in self.devices]

    def packets(self, since: datetime, until: datetime) -> list[VirtualPacket]:
        """Everything published from `since` to just before `until`, in order: the same for the same seed and times."""
        found = [packet for device in self.devices for packet in self._spoken(device, since, until)]
        found += self._by_the_bridge(since, until)
        for incident in self._incidents:
            found += self._because_of(incident, since, until)
        found.sort(key=lambda packet: (packet.at, packet.topic))
        return found

    def site_toml(self) -> str:
        """The site file of this home."""
        return site_toml(self.home, self.county, self.town, self.zones, self.devices)

    def _spoken(self, device: VirtualDevice, since: datetime, until: datetime) -> Iterator[VirtualPacket]:
        """What a device says by itself: now and then, and when its state changes."""
        phase = noise(self.seed, device.id, "phase")
        for at in _beats(EVERY[device.kind], phase, since, until):
            going = ages(self._incidents, at)
            if not self._dumb(device, going):
                yield self._state(device, at, going)
        if device.kind not in _SLOTS:
            return
        slot = _SLOTS[device.kind]
        changing = "contact" if device.kind == "door" else "occupancy"
        for at in _beats(slot, 0.0, since, until):
            going = ages(self._incidents, at)
            now = state_of(Moment(self.seed, device, at, going))
            before = state_of(Moment(self.seed, device, at - slot, going))
            if now[changing] != before[changing] and not self._dumb(device, going):
                yield self._state(device, at, going)

    def _dumb(self, device: VirtualDevice, going: Ages) -> bool:
        """Whether nothing of the device gets through: it is silent, or its bridge is lost."""
        if ("device-silent", device.id) in going:
            return True
        return device.source == "zigbee" and ("bridge-lost", "bridge") in going

    def _by_the_bridge(self, since: datetime, until: datetime) -> Iterator[VirtualPacket]:
        for at in _beats(EVERY["bridge"], 0.5, since, until):
            if ("bridge-lost", "bridge") not in ages(self._incidents, at):
                said = {"response_time": _milliseconds(at), "mqtt": {"connected": True, "queued": 0}, "devices": {}}
                yield self._bridge_packet(at, "health", said, retained=True)
        for at in _beats(_PUBLISHED_EVERY, 0.0, since, until):
            if ("bridge-lost", "bridge") not in ages(self._incidents, at):
                yield self._published(at)

    def _because_of(self, incident: Incident, since: datetime, until: datetime) -> Iterator[VirtualPacket]:
        """What is published because of an incident, beyond the rhythm."""
        for packet in self._told(incident):
            if since <= packet.at < until:
                yield packet

    def _told(self, incident: Incident) -> Iterator[VirtualPacket]:
        plot, began = PLOTS[incident.name], incident.began_at
        over = began + plot.lasts
        for seconds, who in plot.speaks:
            device = self._by_id.get(incident.device if who == "*" else who)
            at = began + timedelta(seconds=seconds)
            going = ages(self._incidents, at)
            if device is not None and not self._dumb(device, going):
                yield self._state(device, at, going)
        match incident.name:
            case "sos":
                device = self._by_id[incident.device]
                if not self._dumb(device, ages(self._incidents, began)):
                    released = {**self._values(device, began + _COPY_AFTER), "action": ""}
                    yield self._zigbee(device.address, began + _COPY_AFTER, released)
                    yield VirtualPacket(began, f"{self.zigbee_prefix}/{device.address}/action", b"emergency", self.qos)
            case "device-silent":
                device = self._by_id[incident.device]
                yield self._reachable(device, began + _given_up_after(device), online=False)
                yield self._reachable(device, over, online=True)
                yield self._state(device, over, ages(self._incidents, over))
            case "bridge-lost":
                yield self._bridge_state(began, online=False)
                yield self._bridge_state(over, online=True)
                yield self._published(over)

    def _values(self, device: VirtualDevice, at: datetime) -> dict[str, Any]:
        return state_of(Moment(self.seed, device, at, ages(self._incidents, at)))

    def _state(self, device: VirtualDevice, at: datetime, going: Ages) -> VirtualPacket:
        values = state_of(Moment(self.seed, device, at, going))
        if device.source == "zigbee":
            return self._zigbee(device.address, at, values)
        said = msgspec.json.encode({"at": _milliseconds(at), "points": values})
        return VirtualPacket(at, f"{self.native_prefix}/{device.address}/telemetry", said, 1)

    def _zigbee(self, address: str, at: datetime, values: dict[str, Any]) -> VirtualPacket:
        return VirtualPacket(at, f"{self.zigbee_prefix}/{address}", msgspec.json.encode(values), self.qos)

    def _reachable(self, device: VirtualDevice, at: datetime, *, online: bool) -> VirtualPacket:
        """The retained word on whether a device is on line: of the bridge, or its own status with its last will."""
        if device.source == "native":
            topic = f"{self.native_prefix}/{device.address}/status"
            return VirtualPacket(at, topic, msgspec.json.encode({"online": online}), 1, True)
        said = msgspec.json.encode({"state": "online" if online else "offline"})
        return VirtualPacket(at, f"{self.zigbee_prefix}/{device.address}/availability", said, 1, True)

    def _bridge_packet(self, at: datetime, topic: str, said: object, *, retained: bool, qos: int = 0) -> VirtualPacket:
        return VirtualPacket(at, f"{self.zigbee_prefix}/bridge/{topic}", msgspec.json.encode(said), qos, retained)

    def _bridge_state(self, at: datetime, *, online: bool) -> VirtualPacket:
        return self._bridge_packet(at, "state", {"state": "online" if online else "offline"}, retained=True, qos=1)

    def _published(self, at: datetime) -> VirtualPacket:
        coordinator = {"friendly_name": "Coordinator", "ieee_address": "0x00124b0000000001", "type": "Coordinator"}
        radio = [device for device in self.devices if device.source == "zigbee"]
        listed = [MODELS[device.kind].entry(device.address, _ieee(self.seed, device.id)) for device in radio]
        return self._bridge_packet(at, "devices", [{**coordinator, "definition": None}, *listed], retained=True)


def _given_up_after(device: VirtualDevice) -> timedelta:
    """How long a silent device is still thought to be on line."""
    return _WILL_AFTER if device.source == "native" else _GIVEN_UP_AFTER[MODELS[device.kind].mains]


def _ieee(seed: int, name: str) -> str:
    return f"0x00158d{int(noise(seed, name, 'ieee') * (1 << 40)):010x}"


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _beats(every: timedelta, phase: float, since: datetime, until: datetime) -> Iterator[datetime]:
    """The instants of a steady beat from `since` to just before `until`; `phase` (0 to 1) shifts it."""
    step = every // timedelta(milliseconds=1)
    shift = int(step * phase)
    beat = -((shift - _milliseconds(since)) // step) * step + shift
    at = _EPOCH + timedelta(milliseconds=beat)
    while at < until:
        if at >= since:
            yield at
        at += every
