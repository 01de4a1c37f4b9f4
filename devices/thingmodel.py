"""Aliyun's thing model (Alink JSON) from the device's side and as the server-side subscription forwards it.

Topics: `/sys/{productKey}/{deviceName}/thing/…` of a device, the same without `/sys` as forwarded, and
`/as/mqtt/status/{productKey}/{deviceName}`; clones (Sagoo, xlink, EnOS) differ in what stands before `thing`.
The address is the deviceName. Raw bytes (`thing/model/up_raw`) are understood only by the product's own script and
are refused. What a gateway catches up with (`history/post`) is never live.
Source: help.aliyun.com 89301 (messages), 73736 (forwarded forms), 69893 (batch, pack and history).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.named_values import (
    Devices,
    DeviceUnreadable,
    Findings,
    Table,
    code_of,
    read_list,
    read_object,
    reports_of,
    text_of,
)
from devices.reading import Report
from devices.state_names import event_point
from devices.thingmodel_names import DEVICE_NAMES, ERROR_EVENT, EVENTS, ON_LINE
from devices.values import TEXT_MAX, read_instant, read_json, read_number

SAMPLES_MAX: Final = 256
"""Of one property in a batch, at most so many values are looked at; a longer list is refused."""

_PROPERTY_TAILS: Final = frozenset(
    {"event/property/post", "property/post", "properties/post", "properties/up", "properties/report", "property/report"}
)
_BATCH_TAILS: Final = frozenset({"event/property/batch/post", "property/batch/post"})
_PACK_TAILS: Final = frozenset({"event/property/pack/post", "pack/post"})
_ENVELOPE: Final = frozenset(
    ("identifier", "name", "type", "time", "iotId", "requestId", "productKey", "deviceName", "gmtCreate", "deviceType")
)
"""What stands beside an event that is forwarded without a `value`."""

_INFORMATION: Final = "info"
"""The level of an event (info, alert, error) that is no alarm by the model's own word."""

_RAW: Final = "model/up_raw"
_LEVELS_MAX: Final = 24


def levels_below(prefix: str, topic: str) -> list[str]:
    """The levels of a topic below the source's prefix, a leading slash left out; DecodeError outside of it."""
    if prefix and not (topic == prefix or topic.startswith(prefix + "/")):
        raise DecodeError("topic", f"a topic below {prefix}/", topic)
    levels = topic[len(prefix) :].strip("/").split("/")
    if len(levels) > _LEVELS_MAX:
        raise DecodeError("topic", f"at most {_LEVELS_MAX} levels", topic)
    return levels


def about(device: str, error: DecodeError) -> DeviceUnreadable:
    """The error as one of this device, unless it names another already."""
    return error if isinstance(error, DeviceUnreadable) else DeviceUnreadable(device, error)


class ThingModel:
    """The codec of Aliyun's thing model. `prefix` is what a bridge puts before the topics, "" where they are bare."""

    name = "aliyun-iot"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")

    @property
    def subscriptions(self) -> tuple[str, ...]:
        if self.prefix:
            return (f"{self.prefix}/#",)
        return ("/sys/+/+/thing/#", "/+/+/thing/#", "/as/mqtt/status/+/+")

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports in a packet; nothing needs to be remembered."""
        levels = levels_below(self.prefix, packet.topic)
        if not packet.payload:
            return Decoded((), context)
        if "thing" in levels:
            place = levels.index("thing")
            device = levels[place - 1] if place else ""
            try:
                return Decoded(_thing(device, "/".join(levels[place + 1 :]), packet.payload), context)
            except DecodeError as error:
                raise about(device, error) from error
        if levels[:3] == ["as", "mqtt", "status"]:
            said = read_object("status", read_json("status", packet.payload))
            return Decoded(_status(text_of(said.get("deviceName")) or levels[-1], said), context)
        return Decoded(_forwarded(packet.payload), context)


def _thing(device: str, tail: str, payload: bytes) -> tuple[Report, ...]:
    """A message by what stands behind `thing` in its topic. Answers, services and bookkeeping hold no readings."""
    if tail == _RAW:
        expected = "Alink JSON: raw bytes are only understood by the product's own script; have the device send JSON"
        raise DecodeError(f"{device}: thing/{_RAW}", expected, payload[:TEXT_MAX])
    if not tail.endswith(("post", "/up", "/report")):
        return ()
    if "history" in tail.split("/"):
        return (Report(device, events=({"type": "history"},)),)
    said = read_object(f"{device}: thing/{tail}", read_json(f"{device}: thing/{tail}", payload))
    device = text_of(said.get("deviceName")) or device
    if tail in _PROPERTY_TAILS:
        return reports_of([_properties(device, said)])
    if tail in _BATCH_TAILS:
        found = Findings(device)
        _pack(found, read_object(f"{device}: params", said.get("params")))
        return reports_of([found])
    if tail in _PACK_TAILS:
        return _packs(device, said.get("params"))
    words = tail.split("/")
    if words[0] == "event" and len(words) == 3:
        return reports_of([_event(device, text_of(said.get("identifier")) or words[1], said)])
    return ()


def _forwarded(payload: bytes) -> tuple[Report, ...]:
    """A message without its topic (pushed over HTTP): told by its keys."""
    said = read_object("message", read_json("message", payload))
    device = text_of(said.get("deviceName")) or text_of(said.get("iotId"))
    if "items" in said or said.get("method") == "thing.event.property.post":
        return reports_of([_properties(device, said)])
    if "identifier" in said:
        return reports_of([_event(device, text_of(said["identifier"]), said)])
    if code_of(said.get("status")) in ON_LINE:
        return _status(device, said)
    raise DecodeError("message", "items, identifier or status of a thing model", sorted(said)[:8])


def _status(device: str, said: Mapping[str, Any]) -> tuple[Report, ...]:
    found = Findings(device)
    status = code_of(said.get("status"))
    if status not in ON_LINE:
        raise DecodeError(f"{device}: status", "online or offline", said.get("status"))
    found.say("online", ON_LINE[status])
    date_by(found, "utcTime", said.get("utcTime"))
    return (found.report(),)


def _properties(device: str, said: Mapping[str, Any]) -> Findings:
    """`params` of a device or `items` as forwarded; each value bare or with its time."""
    found = Findings(device)
    values = said.get("items", said.get("params"))
    read_properties(found, read_object(f"{device}: params", values), DEVICE_NAMES)
    if found.measured_at is None:
        date_by(found, "gmtCreate", said.get("gmtCreate"))
    return found


def read_properties(found: Findings, values: Mapping[str, Any], table: Table) -> None:
    """Properties by name, bare or as {value, time}; a module's prefix (`module:Name`) is left out."""
    for name, value in values.items():
        if isinstance(value, dict) and "value" in value:
            date_by(found, f"{name}.time", value.get("time"))
            value = value["value"]
        if ":" in name and name not in table:
            name = name.rpartition(":")[2]
        found.look_up(name, table, value)


def date_by(found: Findings, name: str, value: object) -> None:
    """Take the device's own time if it is usable; a clock that is not set is named and left out."""
    if value is None or value == "" or value == 0:
        return
    try:
        found.date(read_instant(name, value))
    except DecodeError as error:
        found.ignore(name, error)


def _pack(found: Findings, said: Mapping[str, Any]) -> None:
    """Properties and events of one device, each as a value or as a list of values with their times."""
    for name, values in read_object(f"{found.device}: properties", said.get("properties", {})).items():
        for value in _latest_first(f"{found.device}: {name}", values):
            read_properties(found, {name: value}, DEVICE_NAMES)
    for identifier, happened in read_object(f"{found.device}: events", said.get("events", {})).items():
        for one in _latest_first(f"{found.device}: {identifier}", happened):
            read_event(found, identifier, one if isinstance(one, dict) else {"value": one})


def _latest_first(name: str, values: object) -> list[Any]:
    """The values of a list, latest first: the first number stands, and a danger in any of them does."""
    if not isinstance(values, list):
        return [values]
    if len(values) > SAMPLES_MAX:
        raise DecodeError(name, f"at most {SAMPLES_MAX} values", len(values))
    return sorted(values, key=_time_of, reverse=True)


def _time_of(value: object) -> float:
    if not isinstance(value, dict):
        return 0.0
    try:
        return read_number("time", value.get("time", 0))
    except DecodeError:
        return 0.0


def _packs(device: str, params: object) -> tuple[Report, ...]:
    """A gateway's own properties and those of the devices behind it."""
    devices = Devices()
    if isinstance(params, list):
        entries = read_list(f"{device}: params", params)
    else:
        said = read_object(f"{device}: params", params)
        entries = read_list(f"{device}: subDevices", said.get("subDevices", []))
        if said.get("properties") or said.get("events"):
            _pack(devices.of(device), said)
    for entry in entries:
        said = read_object(f"{device}: subDevices", entry)
        identity = read_object(f"{device}: identity", said.get("identity"))
        name = text_of(identity.get("deviceName"))
        if not name:
            raise DecodeError(f"{device}: identity.deviceName", "the name of a device", identity)
        _pack(devices.of(name), said)
    return devices.reports()


def _event(device: str, identifier: str, said: Mapping[str, Any]) -> Findings:
    found = Findings(device)
    params = said.get("params", said)
    name = text_of(said.get("name"))
    if identifier not in EVENTS and not event_point(identifier) and event_point(name):
        found.happened(name)
    read_event(found, identifier, params if isinstance(params, dict) else {"value": params}, text_of(said.get("type")))
    if found.measured_at is None:
        date_by(found, "gmtCreate", said.get("gmtCreate"))
    return found


def read_event(found: Findings, identifier: str, happened: Mapping[str, Any], kind: str = "") -> None:
    """One event: what its name says, and what properties it carries."""
    date_by(found, f"{identifier}.time", happened.get("time"))
    carried = happened.get("value", happened)
    values = carried if isinstance(carried, dict) else {}
    if identifier == ERROR_EVENT and "ErrorCode" in values:
        code = code_of(values["ErrorCode"])
        found.say("fault", code not in ("0", ""))
    for point, value in EVENTS.get(identifier, ()):
        found.say(point, value)
    read_properties(found, {n: v for n, v in values.items() if n not in _ENVELOPE}, DEVICE_NAMES)
    if identifier not in EVENTS and not found.in_danger and (kind != _INFORMATION or event_point(identifier)):
        found.happened(identifier)
    found.tell(type="thing_event", identifier=identifier, **({"level": kind} if kind else {}))
