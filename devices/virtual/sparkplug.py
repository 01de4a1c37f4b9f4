"""A virtual Sparkplug B edge node with its devices: births, data by alias, deaths, and births again when asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from devices.sparkplug import ROOT
from devices.sparkplug_payload import BOOLEAN, PAYLOAD, REBIRTH
from devices.virtual.home import VirtualPacket
from devices.virtual.rhythm import noise

Values = Mapping[str, bool | float | int | str | None]
DOUBLE: Final = 10
INT64: Final = 4
STRING: Final = 12
"""Data types of Sparkplug 3.0.0, 6.4.16."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def payload(at: datetime, seq: int | None, values: Values, aliases: Mapping[str, int], *, named: bool) -> bytes:
    """One payload. A birth names its metrics; data calls those that have an alias by it alone. None is null."""
    said: Any = PAYLOAD()
    said.timestamp = (at - _EPOCH).days * 86_400_000 + (at - _EPOCH).seconds * 1000 + at.microsecond // 1000
    if seq is not None:
        said.seq = seq
    for name, value in values.items():
        metric = said.metrics.add()
        if named or name not in aliases:
            metric.name = name.encode()
        if name in aliases:
            metric.alias = aliases[name]
        metric.timestamp = said.timestamp
        if value is None:
            metric.is_null = True
        elif isinstance(value, bool):
            metric.datatype, metric.boolean_value = BOOLEAN, value
        elif isinstance(value, int):
            metric.datatype, metric.long_value = INT64, value & 0xFFFF_FFFF_FFFF_FFFF
        elif isinstance(value, float):
            metric.datatype, metric.double_value = DOUBLE, value
        else:
            metric.datatype, metric.string_value = STRING, value.encode()
    return bytes(said.SerializeToString())


class VirtualEdgeNode:
    """An edge node of one home. Each message counts the sequence on, as the specification has it."""

    def __init__(self, group: str = "care home", node: str = "cabinet 1", seed: int = 1, prefix: str = "") -> None:
        self.root = f"{prefix}/{ROOT}/{group}" if prefix else f"{ROOT}/{group}"
        self.node = node
        self.seed = seed
        self.session = 0
        self._seq = 255
        self._aliases: dict[str, dict[str, int]] = {}
        self._last: dict[str, dict[str, bool | float | int | str | None]] = {}

    @property
    def commands(self) -> str:
        """The topic on which the node is spoken to."""
        return f"{self.root}/NCMD/{self.node}"

    def birth(self, at: datetime, values: Values) -> VirtualPacket:
        """The node begins a session."""
        self.session += 1
        self._last = {"": dict(values)}
        return self._birth(at)

    def device_birth(self, at: datetime, device: str, values: Values) -> VirtualPacket:
        self._last[device] = dict(values)
        return self._send(at, "DBIRTH", device, values, named=True)

    def answer(self, at: datetime, command: bytes) -> tuple[VirtualPacket, ...]:
        """All births again, with the values as they are now, if asked (Sparkplug 3.0.0, chapter 6, NBIRTH)."""
        said: Any = PAYLOAD()
        said.ParseFromString(command)
        if not any(metric.name == REBIRTH.encode() and metric.boolean_value for metric in said.metrics):
            return ()
        devices = [(device, values) for device, values in self._last.items() if device]
        return (self._birth(at), *(self._send(at, "DBIRTH", name, values, named=True) for name, values in devices))

    def _birth(self, at: datetime) -> VirtualPacket:
        self._seq = 255
        self._aliases = {}
        return self._send(at, "NBIRTH", "", {"bdSeq": self.session, **self._last.get("", {})}, named=True)

    def data(self, at: datetime, device: str, values: Values) -> VirtualPacket:
        self._last.setdefault(device, {}).update(values)
        return self._send(at, "DDATA" if device else "NDATA", device, values, named=False)

    def device_death(self, at: datetime, device: str) -> VirtualPacket:
        return self._send(at, "DDEATH", device, {}, named=False)

    def death(self, at: datetime, session: int | None = None) -> VirtualPacket:
        """The last will, as the broker publishes it: of this session, or of an older one."""
        said = payload(at, None, {"bdSeq": self.session if session is None else session}, {}, named=True)
        return VirtualPacket(at, f"{self.root}/NDEATH/{self.node}", said, qos=1)

    def meant(self, at: datetime) -> dict[str, float | bool]:
        """What the home's smoke detector and cabinet say at that instant, by metric name."""
        hour = f"{at:%Y-%m-%dT%H}"
        return {
            "Smoke Alarm": noise(self.seed, "smoke", hour) > 0.9,
            "Temperature": 15.0 + round(noise(self.seed, "temperature", hour) * 20.0, 1),
        }

    def _send(self, at: datetime, message: str, device: str, values: Values, *, named: bool) -> VirtualPacket:
        aliases = self._aliases.setdefault(device, {})
        if named:
            start = 100 * len(self._aliases)
            aliases.update({name: start + n for n, name in enumerate(values) if name != "bdSeq"})
        self._seq = (self._seq + 1) % 256
        topic = f"{self.root}/{message}/{self.node}" + (f"/{device}" if device else "")
        return VirtualPacket(at, topic, payload(at, self._seq, values, aliases, named=named))
