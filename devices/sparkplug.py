"""Sparkplug B 3.0: `spBv1.0/<group>/<message>/<edge node>[/<device>]`, births, deaths and data by exception.

The address is `group/edge node` of a node and `group/edge node/device` of a device; names may hold spaces. Births say
which names the metrics have, and by which alias data will call them; they are kept in the context, and are not
retained by the broker: data by alias of an unborn device can't be understood. It says so in an event, and the node is
asked to be born again (`Node Control/Rebirth`, Sparkplug 3.0.0, chapter 6, NBIRTH), as after a gap in the sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from devices.codec import Command, Decoded, DecodeError, Packet
from devices.lorawan_meanings import EVENTS_MAX, Meaning, Saying, speaks_of_danger
from devices.metric_names import is_setting, meaning_of
from devices.reading import Quality, Reading, Report
from devices.sparkplug_payload import (
    QUALITY_BAD,
    QUALITY_STALE,
    Metric,
    SparkplugPayload,
    read_payload,
    rebirth_payload,
)
from devices.values import TEXT_MAX, read_instant, read_json

ROOT: Final = "spBv1.0"
NODES_MAX: Final = 1024
DEVICES_MAX: Final = 1024
"""Nodes that are remembered, and devices of each; of more, births are read but not remembered."""

_MESSAGES: Final = frozenset({"NBIRTH", "NDEATH", "NDATA", "NCMD", "DBIRTH", "DDEATH", "DDATA", "DCMD"})
_REBIRTH_NEEDED: Final = "rebirth_needed"
_FAHRENHEIT: Final = frozenset({"°f", "f", "degf", "fahrenheit"})


class Born(msgspec.Struct, frozen=True):
    """What a birth said: names by alias, units by name."""

    names: dict[int, str] = {}
    units: dict[str, str] = {}


class Node(msgspec.Struct, frozen=True):
    """One edge node: its last birth's session, the last sequence number, and the births by device ("" = itself)."""

    session: int | None = None
    seq: int | None = None
    alive: bool = True
    born: dict[str, Born] = {}


class Context(msgspec.Struct, frozen=True):
    """What the codec remembers: the nodes by address."""

    nodes: dict[str, Node] = {}


EMPTY: Final = Context()


class Sparkplug:
    """The codec of all Sparkplug groups below a prefix (usually "")."""

    name = "sparkplug"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = f"{self.prefix}/{ROOT}/" if self.prefix else f"{ROOT}/"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (self._start + "#",)

    def describes(self, topic: str) -> bool:
        """Births: they hold all metrics with their properties."""
        levels = topic[len(self._start) :].split("/")
        return topic.startswith(self._start) and len(levels) > 2 and levels[1] in ("NBIRTH", "DBIRTH")

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports of a message (a node's death is that of all its devices), and the context after it."""
        known = context if isinstance(context, Context) else EMPTY
        if not packet.topic.startswith(self._start):
            raise DecodeError("topic", f"a topic below {self._start}", packet.topic)
        levels = packet.topic[len(self._start) :].split("/")
        if levels[0] == "STATE" and len(levels) == 2 and levels[1]:
            return Decoded(_host(levels[1], packet.payload), known)
        if len(levels) not in (3, 4) or levels[1] not in _MESSAGES or not all(levels):
            raise DecodeError("topic", f"{self._start}<group>/<message>/<edge node>[/<device>]", packet.topic)
        group, message, node = levels[:3]
        device = levels[3] if len(levels) == 4 else ""
        if (message[0] == "D") != bool(device):
            raise DecodeError("topic", "a device's name in D… messages, and none in N… messages", packet.topic)
        if message.endswith("CMD") or not packet.payload:
            return Decoded((), known)
        address = f"{group}/{node}"
        said = read_payload(f"{address}/{message}", packet.payload)
        decoded = _read(message, address, device, said, known)
        reason = next((event["reason"] for event in _events(decoded) if event["type"] == _REBIRTH_NEEDED), "")
        if not reason:
            return decoded
        # The node's own time: a codec has no clock, and a node compares the request's time only with its own.
        return msgspec.structs.replace(decoded, commands=(self._ask(address, said.timestamp, reason),))

    def opening(self, addresses: Iterable[str], at: datetime) -> tuple[Command, ...]:
        """What to ask when a session begins: the births of the nodes that these registered devices belong to.

        An address may be deeper than `group/node/device`, for names may not hold slashes: no more than two levels
        are the node's.
        """
        nodes = {"/".join(address.split("/", 2)[:2]) for address in addresses if "/" in address}
        timestamp = int(at.timestamp() * 1000)
        return tuple(
            self._ask(node, timestamp, "the gateway began to read")
            for node in sorted(nodes)
            if not node.startswith("STATE/") and not set(node) & {"+", "#"}
        )

    def _ask(self, address: str, timestamp: int | None, reason: str) -> Command:
        group, _, node = address.partition("/")
        return Command(f"{self._start}{group}/NCMD/{node}", rebirth_payload(timestamp), reason)


def _read(message: str, address: str, device: str, said: SparkplugPayload, known: Context) -> Decoded:
    match message:
        case "NBIRTH" | "DBIRTH":
            return _birth(address, device, said, known)
        case "NDEATH":
            return _node_death(address, said, known)
        case "DDEATH":
            return _device_death(address, device, said, known)
    return _data(address, device, said, known)


def _events(decoded: Decoded) -> Iterator[dict[str, str]]:
    return (event for report in decoded.reports for event in report.events)


def _host(host: str, payload: bytes) -> tuple[Report, ...]:
    """Whether a host application (SCADA) is on line: it is no sensor, but its loss is worth knowing."""
    word = payload.strip().lower()
    if not word:
        return ()
    online: object = None
    if word in (b"online", b"offline"):
        online = word == b"online"
    else:
        said = read_json(f"STATE/{host}", payload)
        online = said.get("online") if isinstance(said, dict) else None
    if not isinstance(online, bool):
        raise DecodeError(f"STATE/{host}", '{"online": true or false, "timestamp": …}', payload[:TEXT_MAX])
    return (Report(f"STATE/{host}", (Reading("online", online),)),)


def _session(said: SparkplugPayload) -> int | None:
    found = next((metric.value for metric in said.metrics if metric.name == "bdSeq"), None)
    return found if type(found) is int else None


def _time(timestamp: int | None, events: list[dict[str, str]]) -> datetime | None:
    if timestamp is None:
        return None
    try:
        return read_instant("timestamp", timestamp)
    except DecodeError as error:
        events.append({"type": "property_ignored", "property": "timestamp", "reason": str(error)})
        return None


def _with_node(known: Context, address: str, node: Node) -> Context:
    if address not in known.nodes and len(known.nodes) >= NODES_MAX:
        return known
    return Context({**known.nodes, address: node})


def _birth(address: str, device: str, said: SparkplugPayload, known: Context) -> Decoded:
    """A birth: the device is there, with all its metrics. A node's birth begins a session: its devices are unborn."""
    names = {metric.alias: metric.name for metric in said.metrics if metric.alias is not None and metric.name}
    born = Born(names, {metric.name: metric.unit for metric in said.metrics if metric.unit})
    node = known.nodes.get(address)
    events: list[dict[str, str]] = []
    if device:
        if node is None or not node.alive:
            node = Node(seq=said.seq)
            events.append({"type": _REBIRTH_NEEDED, "reason": "a device was born before its node"})
        else:
            events.extend(_gap(node, said.seq))
        if device in node.born or len(node.born) < DEVICES_MAX:
            node = msgspec.structs.replace(node, seq=said.seq, born={**node.born, device: born})
    else:
        node = Node(_session(said), said.seq, True, {"": born})
    context = _with_node(known, address, node)
    name = f"{address}/{device}" if device else address
    return Decoded((_report(name, said, born, events, online=True),), context)


def _node_death(address: str, said: SparkplugPayload, known: Context) -> Decoded:
    """The node's last will. One of an older session is nobody's death. Its time is that of the birth: not said."""
    node = known.nodes.get(address)
    session = _session(said)
    if node is not None and node.session is not None and session is not None and session != node.session:
        event = {"type": "stale_death", "bdSeq": str(session), "expected": str(node.session)}
        return Decoded((Report(address, events=(event,)),), known)
    devices = [device for device in node.born if device] if node is not None else []
    gone = tuple(Report(name, (Reading("online", False),)) for name in (address, *(f"{address}/{d}" for d in devices)))
    if node is not None:
        known = _with_node(known, address, msgspec.structs.replace(node, alive=False, seq=None))
    return Decoded(gone, known)


def _device_death(address: str, device: str, said: SparkplugPayload, known: Context) -> Decoded:
    events: list[dict[str, str]] = []
    measured_at = _time(said.timestamp, events)
    node = known.nodes.get(address)
    if node is not None:
        events.extend(_gap(node, said.seq))
        known = _with_node(known, address, msgspec.structs.replace(node, seq=said.seq))
    return Decoded((Report(f"{address}/{device}", (Reading("online", False),), measured_at, tuple(events)),), known)


def _data(address: str, device: str, said: SparkplugPayload, known: Context) -> Decoded:
    """Data by exception. What speaks without a birth is remembered too: it goes off line with its node."""
    node = known.nodes.get(address)
    events = _gap(node, said.seq) if node is not None else []
    node = node if node is not None and node.alive else Node()
    born = node.born.get(device)
    if born is None:
        events.append({"type": _REBIRTH_NEEDED, "reason": "data without a birth"})
        born = Born()
        if len(node.born) < DEVICES_MAX:
            node = msgspec.structs.replace(node, born={**node.born, device: born})
    known = _with_node(known, address, msgspec.structs.replace(node, seq=said.seq))
    name = f"{address}/{device}" if device else address
    return Decoded((_report(name, said, born, events),), known)


def _gap(node: Node, seq: int | None) -> list[dict[str, str]]:
    """A lost message shows in the sequence number, which runs from 0 to 255 and starts again."""
    if node.seq is None or seq is None or not node.alive:
        return []
    expected = (node.seq + 1) % 256
    if seq == expected:
        return []
    return [{"type": _REBIRTH_NEEDED, "reason": f"sequence {seq}, expected {expected}"}]


def _report(
    name: str, said: SparkplugPayload, born: Born, events: list[dict[str, str]], *, online: bool = False
) -> Report:
    saying = Saying(name, frozenset())
    bad: set[str] = set()
    unnamed = 0
    for metric in said.metrics:
        called = metric.name or (born.names.get(metric.alias, "") if metric.alias is not None else "")
        if not called:
            unnamed += metric.alias is not None
            continue
        meaning = meaning_of(called)
        if meaning is not None:
            _metric(saying, called, metric, meaning, metric.unit or born.units.get(called, ""), bad)
        elif not metric.is_historical and not is_setting(called):
            saying.unknown(called, metric.value)
    saying.tell_unknown()
    if unnamed:
        _note_unnamed(unnamed, events, ask=not online)
    measured_at = _time(said.timestamp, events)
    readings = tuple(
        msgspec.structs.replace(reading, quality=Quality.BAD) if reading.point in bad else reading
        for reading in saying.finished()
    )
    if online:
        readings = (Reading("online", True), *(reading for reading in readings if reading.point != "online"))
    return Report(name, readings, measured_at, (*events, *saying.events)[:EVENTS_MAX])


def _note_unnamed(unnamed: int, events: list[dict[str, str]], *, ask: bool) -> None:
    """Metrics without a name, by an alias that no birth told: any of them may be the alarm."""
    events.append({"type": "not_understood", "properties": f"{unnamed} by alias, named by no birth"})
    if ask and all(event["type"] != _REBIRTH_NEEDED for event in events):
        events.append({"type": _REBIRTH_NEEDED, "reason": "an alias that no birth named"})


def _metric(saying: Saying, name: str, metric: Metric, meaning: Meaning, unit: str, bad: set[str]) -> None:
    """One metric. What it was in the past (historical) or is not known (null, stale) says nothing of now."""
    if metric.is_historical:
        saying.note({"type": "history", "property": name[:TEXT_MAX]})
        return
    if metric.is_null or metric.quality == QUALITY_STALE:
        return
    if metric.value is None:
        error = DecodeError(name, "a number, boolean or text", f"datatype {metric.datatype}")
        saying.ignore(name, error, danger=speaks_of_danger(meaning))
        return
    if metric.quality == QUALITY_BAD and not (speaks_of_danger(meaning) and metric.value is True):
        bad.add(meaning.point)
    value: Any = metric.value
    if unit and meaning.point and not meaning.words:
        value = _celsius(value) if unit.strip().lower() in _FAHRENHEIT else {"value": value, "unit": unit}
    table: Mapping[str, Meaning] = {name: meaning}
    saying.read({name: value}, table)


def _celsius(value: Any) -> Any:
    """Degrees Fahrenheit as Celsius; what is no number is left to be refused."""
    return round((value - 32.0) / 1.8, 6) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
