"""Zigbee2MQTT: the messages of one bridge below its base topic (zigbee2mqtt 1.x and 2.x).

The bridge's own list (`bridge/devices`, retained) says what every property means; it is kept in the context.
Before it has come, a property is understood by its exact name only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from devices.codec import Decoded, DecodeError, FaultKind, Packet
from devices.reading import Reading, Report
from devices.values import TEXT_MAX, read_json
from devices.zigbee2mqtt_meanings import feature_of, meanings, meanings_without_definition
from devices.zigbee2mqtt_payload import read_state
from devices.zigbee2mqtt_properties import LEAK_FAMILY, SAFE_WITHOUT_DEFINITION, Feature, Table

BRIDGE: Final = "bridge"
"""The address of the bridge itself as a device."""

EXPOSES_DEPTH_MAX: Final = 4

SUSPECTED_MAX: Final = 1024
"""So many devices may be suspected of a fall at a time; of more, the end of the suspicion is not said."""

_COMMANDS: Final = ("set", "get")
_WITH_FEATURES: Final = frozenset({"switch", "light", "lock", "cover", "fan", "climate"})


class PublishedDevice(msgspec.Struct, frozen=True):
    """One device as the bridge published it. `table` is empty where it has no definition (not supported)."""

    ieee: str
    model: str = ""
    vendor: str = ""
    description: str = ""
    table: Table = {}


class Context(msgspec.Struct, frozen=True):
    """What the codec remembers of one bridge: its devices by friendly name, its groups, who may have fallen."""

    devices: dict[str, PublishedDevice] = {}
    groups: frozenset[str] = frozenset()
    suspected: frozenset[str] = frozenset()


class PublishedNames(msgspec.Struct, frozen=True):
    """What a commissioning list shows of a device."""

    ieee: str
    model: str
    vendor: str
    description: str


EMPTY: Final = Context()


def published_devices(context: Any) -> Mapping[str, PublishedNames]:
    """The devices that the bridge has published, by friendly name: for commissioning lists."""
    if not isinstance(context, Context):
        return {}
    return {
        name: PublishedNames(device.ieee, device.model, device.vendor, device.description)
        for name, device in context.devices.items()
    }


class Zigbee2Mqtt:
    """The codec of one bridge. `prefix` is its base topic, which may have several levels (`h/home1/zigbee2mqtt`)."""

    name = "zigbee2mqtt"

    def __init__(self, prefix: str = "zigbee2mqtt") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = self.prefix + "/"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (self._start + "#",)

    def describes(self, topic: str) -> bool:
        """What the bridge says of itself: its devices, groups, definitions and answers."""
        return topic.startswith(self._start + BRIDGE + "/")

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports in a packet, and the context after it."""
        known = context if isinstance(context, Context) else EMPTY
        topic = packet.topic
        if not topic.startswith(self._start) or len(topic) == len(self._start):
            raise DecodeError("topic", f"a topic below {self._start}", topic)
        rest = topic[len(self._start) :]
        device = known.devices.get(rest)
        if device is not None:
            return _state_of(rest, packet.payload, device.table, known)
        if rest.startswith("bridge/"):
            return _bridge(rest[7:], packet.payload, known)
        return _other(rest, packet.payload, known)


def _state_of(name: str, payload: bytes, table: Table, context: Context) -> Decoded:
    """A device's state as JSON; a zero-length payload is a retained topic that was deleted."""
    if not payload:
        return Decoded((Report(name),), context)
    values = read_json(name, payload)
    if not isinstance(values, dict):
        raise DecodeError(name, "a JSON object with the device's state", payload[:TEXT_MAX])
    return _report(name, values, table, context)


def _report(name: str, values: dict[str, Any], table: Table, context: Context) -> Decoded:
    if not table:
        safe = SAFE_WITHOUT_DEFINITION.intersection(values)
        if len(safe) < len(values):
            safe = safe.union(name for name in values if name not in safe and _is_leak(name))
        table = meanings_without_definition(tuple(sorted(safe)))
    try:
        report = read_state(name, values, table)
    except DecodeError as error:
        error.field = f"{name}: {error.field}"
        error.args = (f"{name}: {error}",)
        raise
    if "fall_status" in values or "fall_down_status" in values:
        return _fall(report, context)
    return Decoded((report,), context)


def _is_leak(name: str) -> bool:
    """A numbered leak input: its names are a family and no list."""
    return "leak" in name and len(name) <= TEXT_MAX and LEAK_FAMILY.fullmatch(name) is not None


def _fall(report: Report, context: Context) -> Decoded:
    """The report with the end of a suspected fall said, once: the device itself only stops suspecting."""
    said = {reading.point: reading.value for reading in report.readings}
    suspected = report.device in context.suspected
    if said.get("fall.suspected") is True:
        if not suspected and len(context.suspected) < SUSPECTED_MAX:
            context = msgspec.structs.replace(context, suspected=context.suspected | {report.device})
    elif suspected and "fall.alarm" in said:
        report = msgspec.structs.replace(report, readings=(*report.readings, Reading("fall.suspected", False)))
        context = msgspec.structs.replace(context, suspected=context.suspected - {report.device})
    return Decoded((report,), context)


def _other(rest: str, payload: bytes, context: Context) -> Decoded:
    """A topic that is no known device's state: availability, a command, one property, or a device not published yet."""
    if rest in context.groups:
        return Decoded((), context)
    parent, _, last = rest.rpartition("/")
    if parent in context.groups and last == "availability":
        return Decoded((), context)
    if parent and last == "availability":
        return Decoded((_availability(parent, payload),), context)
    if _is_command(rest, context):
        return Decoded((), context)
    name = _known_parent(rest, context)
    if name:
        return _one_property(name, rest[len(name) + 1 :], payload, context)
    if not parent or payload.lstrip()[:1] == b"{":
        return _state_of(rest, payload, {}, context)
    if last in SAFE_WITHOUT_DEFINITION:
        return _one_property(parent, last, payload, context)
    _scalar(rest, payload)
    return Decoded((), context)


def _is_command(rest: str, context: Context) -> bool:
    """Whether somebody speaks to a device (`<name>/set`, `<name>/get/state`, `<name>/left/set`)."""
    parent, _, last = rest.rpartition("/")
    if parent and last in _COMMANDS:
        return True
    before, _, verb = parent.rpartition("/")
    return bool(before) and verb in _COMMANDS and (before in context.devices or last in SAFE_WITHOUT_DEFINITION)


def _known_parent(rest: str, context: Context) -> str:
    """The longest published name (of a device or a group) that the topic begins with, or ""."""
    end = rest.rfind("/")
    while end > 0:
        if rest[:end] in context.devices or rest[:end] in context.groups:
            return rest[:end]
        end = rest.rfind("/", 0, end)
    return ""


def _availability(name: str, payload: bytes) -> Report:
    """Whether the bridge reaches the device; an empty payload says that the device was renamed or removed."""
    if not payload:
        return Report(name)
    return Report(name, (Reading("online", _on_line(f"{name}/availability", payload)),))


def _on_line(field: str, payload: bytes) -> bool:
    """`online` or `offline`, plain (1.x) or as {"state": …}."""
    word: object = payload.strip()
    if payload[:1] in (b"{", b'"'):
        word = read_json(field, payload)
        word = word.get("state") if isinstance(word, dict) else word
        word = word.encode() if isinstance(word, str) else None
    if word == b"online":
        return True
    if word == b"offline":
        return False
    raise DecodeError(field, "online or offline", payload[:TEXT_MAX])


def _one_property(name: str, prop: str, payload: bytes, context: Context) -> Decoded:
    """One property on a topic of its own (`output: attribute`, `<name>/action`): a bare scalar, or JSON."""
    device = context.devices.get(name)
    if not payload or name in context.groups or "/" in prop:
        return Decoded((), context)
    table = device.table if device is not None else {}
    if table and prop not in table:
        return Decoded((), context)
    if not table and prop not in SAFE_WITHOUT_DEFINITION:
        return Decoded((), context)
    return _report(name, {prop: _scalar(f"{name}/{prop}", payload)}, table, context)


def _scalar(field: str, payload: bytes) -> Any:
    """A value as `output: attribute` sends it: text bare, everything else as JSON."""
    if payload[:1] in b'{["':
        return read_json(field, payload)
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(field, "UTF-8 text", payload[:TEXT_MAX], FaultKind.NOT_UTF8) from error
    word = text.strip()
    if word in ("true", "false"):
        return word == "true"
    return None if word == "null" else text


def _bridge(topic: str, payload: bytes, context: Context) -> Decoded:
    """What the bridge says of itself. Answers, logs, settings and its own information hold no readings."""
    match topic:
        case "state":
            if not payload:
                return Decoded((), context)
            online = _on_line("bridge/state", payload)
            return Decoded((Report(BRIDGE, (Reading("gateway.online", online),)),), context)
        case "event":
            return Decoded(_event(payload), context)
        case "health":
            return Decoded((Report(BRIDGE, events=({"type": "bridge_health"},)),), context)
        case "devices":
            return _published(payload, context)
        case "groups":
            return Decoded((), _with_groups(payload, context))
    return Decoded((), context)


def _event(payload: bytes) -> tuple[Report, ...]:
    """A device joined, announced itself, was interviewed or left: the bridge speaks, not the device."""
    said = read_json("bridge/event", payload) if payload else {}
    if not isinstance(said, dict):
        raise DecodeError("bridge/event", "a JSON object", payload[:TEXT_MAX])
    data = said.get("data")
    kind = said.get("type")
    if not isinstance(kind, str) or not isinstance(data, dict):
        raise DecodeError("bridge/event", 'an object with "type" and "data"', payload[:TEXT_MAX])
    event = {"type": kind[:TEXT_MAX]}
    device = data.get("friendly_name")
    if isinstance(device, str):
        event["device"] = device
    definition = data.get("definition")
    if isinstance(definition, dict) and isinstance(definition.get("model"), str):
        event["model"] = definition["model"][:TEXT_MAX]
    if isinstance(data.get("status"), str):
        event["status"] = data["status"][:TEXT_MAX]
    return (Report(BRIDGE, events=(event,)),)


def _with_groups(payload: bytes, context: Context) -> Context:
    listed = read_json("bridge/groups", payload) if payload else []
    if not isinstance(listed, list):
        raise DecodeError("bridge/groups", "a list of groups", payload[:TEXT_MAX])
    names = frozenset(
        group["friendly_name"]
        for group in listed
        if isinstance(group, dict) and isinstance(group.get("friendly_name"), str)
    )
    return context if names == context.groups else msgspec.structs.replace(context, groups=names)


def _published(payload: bytes, context: Context) -> Decoded:
    """The bridge's list of devices: the whole truth about them, in place of the one before."""
    listed = read_json("bridge/devices", payload) if payload else []
    if not isinstance(listed, list):
        raise DecodeError("bridge/devices", "a list of devices", payload[:TEXT_MAX])
    devices: dict[str, PublishedDevice] = {}
    tables: dict[tuple[Feature, ...], Table] = {}
    for entry in listed:
        if not isinstance(entry, dict) or entry.get("type") == "Coordinator":
            continue
        name = entry.get("friendly_name")
        if isinstance(name, str) and name:
            devices[name] = _published_device(entry, tables)
    suspected = context.suspected & devices.keys()
    return Decoded((), Context(devices, context.groups, suspected))


def _published_device(entry: dict[str, Any], tables: dict[tuple[Feature, ...], Table]) -> PublishedDevice:
    """One entry of the list; devices of the same model share one table."""
    ieee = _text(entry, "ieee_address")
    definition = entry.get("definition")
    if not isinstance(definition, dict):
        return PublishedDevice(ieee, _text(entry, "model_id"), _text(entry, "manufacturer"))
    model, vendor = _text(definition, "model"), _text(definition, "vendor")
    description = _text(definition, "description")
    features = tuple(_features(definition.get("exposes"), EXPOSES_DEPTH_MAX))
    key = (Feature(f"{vendor}\0{model}\0{description}"), *features)
    if key not in tables:
        tables[key] = meanings(features, f"{model} {description}")
    return PublishedDevice(ieee, model, vendor, description, tables[key])


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return value[:128] if isinstance(value, str) else ""


def _features(exposes: object, depth: int) -> list[Feature]:
    """The properties at the top of the state: a switch or a lock has them one level down, a composite stays closed."""
    found: list[Feature] = []
    if not isinstance(exposes, list) or depth == 0:
        return found
    for expose in exposes:
        if not isinstance(expose, dict):
            continue
        if expose.get("type") in _WITH_FEATURES and "property" not in expose:
            found.extend(_features(expose.get("features"), depth - 1))
        else:
            feature = feature_of(expose)
            if feature is not None:
                found.append(feature)
    return found
