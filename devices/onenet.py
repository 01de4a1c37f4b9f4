"""OneNET (China Mobile): Studio's thing model, the older data points, and what the platform pushes over HTTP.

Topics: `$sys/{product}/{device}/thing/{property,event,pack,history}/post`, `…/thing/sub/login|logout`,
`$sys/{product}/{device}/dp/post/json`; `$gw-proxy/…` for devices behind a gateway's proxy. The address is the
device's name. Events carry their identifiers as keys: `params: {identifier: {value: {…}, time}}`.
Source: open.iot.10086.cn, Studio device topics and message format, MQTTS data points, HTTP push.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.named_values import Devices, Findings, code_of, read_list, read_object, reports_of, text_of
from devices.reading import Report
from devices.thingmodel import SAMPLES_MAX, about, date_by, levels_below, read_event, read_properties
from devices.thingmodel_names import DEVICE_NAMES, ON_LINE
from devices.values import read_json, read_number

_ROOTS: Final = frozenset({"$sys", "$gw-proxy"})
_PUSHED_VALUE, _PUSHED_STATUS = 1, 2
_EPOCH_SECONDS_MAX: Final = 4_102_444_800
_SUB_DEVICE_VERBS: Final = {"login": True, "online": True, "logout": False, "offline": False}


class OneNet:
    """The codec of OneNET. `prefix` is what a bridge puts before the topics, "" where they are bare."""

    name = "onenet"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")

    @property
    def subscriptions(self) -> tuple[str, ...]:
        if self.prefix:
            return (f"{self.prefix}/#",)
        return ("$sys/+/+/thing/#", "$sys/+/+/dp/post/json", "$gw-proxy/+/+/thing/#")

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports in a packet; nothing needs to be remembered."""
        levels = levels_below(self.prefix, packet.topic)
        if not packet.payload:
            return Decoded((), context)
        if levels[-3:] == ["dp", "post", "json"]:
            device = levels[-4] if len(levels) > 3 else ""
            return Decoded(_of(device, ["dp", "post", "json"], packet.payload), context)
        if "thing" in levels:
            place = levels.index("thing")
            device = levels[place - 1] if place else ""
            return Decoded(_of(device, levels[place + 1 :], packet.payload), context)
        if levels[0] in _ROOTS:
            return Decoded((), context)
        return Decoded(_pushed(read_object("message", read_json("message", packet.payload))), context)


def _of(device: str, tail: list[str], payload: bytes) -> tuple[Report, ...]:
    """A message of a device that the topic names."""
    try:
        if tail[0:1] == ["dp"]:
            return _data_points(device, read_object(f"{device}: dp", read_json(f"{device}: dp", payload)))
        return _thing(device, tail, payload)
    except DecodeError as error:
        raise about(device, error) from error


def _thing(device: str, tail: list[str], payload: bytes) -> tuple[Report, ...]:
    """A message by what stands behind `thing`. Answers of the platform end in `reply` and say nothing."""
    field = f"{device}: thing/{'/'.join(tail)}"
    if tail[:1] == ["sub"] and len(tail) == 2 and tail[1] in _SUB_DEVICE_VERBS:
        said = read_object(field, read_json(field, payload))
        return _linked(_SUB_DEVICE_VERBS[tail[1]], read_object(f"{field}: params", said.get("params")))
    if tail[-1:] != ["post"]:
        return ()
    if "history" in tail:
        return (Report(device, events=({"type": "history"},)),)
    said = read_object(field, read_json(field, payload))
    params = said.get("params")
    if tail == ["pack", "post"]:
        return _packs(device, params)
    found = Findings(device)
    if tail in (["property", "post"], ["sub", "property", "post"]):
        read_properties(found, read_object(f"{field}: params", params), DEVICE_NAMES)
    elif tail in (["event", "post"], ["sub", "event", "post"]):
        _events(found, read_object(f"{field}: params", params))
    else:
        return ()
    return reports_of([found])


def _linked(online: bool, params: Mapping[str, Any]) -> tuple[Report, ...]:
    """A gateway says that a device behind it came or went."""
    device = text_of(params.get("deviceName"))
    if not device:
        raise DecodeError("params.deviceName", "the name of a device", params)
    found = Findings(device)
    found.say("online", online)
    return (found.report(),)


def _events(found: Findings, params: Mapping[str, Any]) -> None:
    for identifier, happened in params.items():
        read_event(found, identifier, happened if isinstance(happened, dict) else {"value": happened})


def _packs(device: str, params: object) -> tuple[Report, ...]:
    """A gateway's devices, each with its identity; an entry without one is the gateway itself."""
    devices = Devices()
    for entry in [params] if isinstance(params, dict) else read_list(f"{device}: params", params):
        said = read_object(f"{device}: params", entry)
        identity = said.get("identity")
        name = text_of(identity.get("deviceName")) if isinstance(identity, dict) else device
        if not name:
            raise DecodeError(f"{device}: identity.deviceName", "the name of a device", identity)
        read_properties(devices.of(name), read_object(f"{name}: properties", said.get("properties", {})), DEVICE_NAMES)
        _events(devices.of(name), read_object(f"{name}: events", said.get("events", {})))
    return devices.reports()


def _data_points(device: str, said: Mapping[str, Any]) -> tuple[Report, ...]:
    """`dp: {name: [{v, t}]}`: the last of each name is live, and its time (seconds) with it."""
    found = Findings(device)
    for name, values in read_object(f"{device}: dp", said.get("dp")).items():
        if not isinstance(values, list) or len(values) > SAMPLES_MAX:
            found.ignore(name, DecodeError(name, f"a list of 1 to {SAMPLES_MAX} values", values))
            continue
        for value in values[-1:]:
            last = value if isinstance(value, dict) else {"v": value}
            _date_seconds(found, f"{name}.t", last.get("t"))
            found.look_up(name, DEVICE_NAMES, last.get("v"))
    return reports_of([found])


def _date_seconds(found: Findings, name: str, value: object) -> None:
    """A time in seconds (milliseconds are taken as such), left out and named where it is none."""
    if value is None or value == 0:
        return
    try:
        seconds = read_number(name, value)
    except DecodeError as error:
        found.ignore(name, error)
    else:
        date_by(found, name, seconds * 1000 if seconds < _EPOCH_SECONDS_MAX else seconds)


def _pushed(said: Mapping[str, Any]) -> tuple[Report, ...]:
    """The platform's push: the message stands in `msg`, as an object, a list of them or as JSON in a text."""
    message = said.get("msg", said)
    if isinstance(message, str):
        message = read_json("msg", message.encode())
    devices = Devices()
    for one in read_list("msg", message) if isinstance(message, list) else [message]:
        _message(devices, read_object("msg", one))
    return devices.reports()


def _message(devices: Devices, said: Mapping[str, Any]) -> None:
    if "dev_id" in said:
        _older_message(devices.of(text_of(said["dev_id"])), said)
        return
    device, data = text_of(said.get("deviceName")), said.get("data")
    if not device or not isinstance(data, dict):
        raise DecodeError("msg", "dev_id, or deviceName with data", sorted(said)[:8])
    found, kind = devices.of(device), code_of(said.get("notifyType"))
    if kind == "event":
        _events(found, read_object(f"{device}: params", data.get("params")))
    elif kind == "property":
        read_properties(found, read_object(f"{device}: params", data.get("params")), DEVICE_NAMES)
    elif code_of(data.get("status")) in ON_LINE:
        found.say("online", ON_LINE[code_of(data.get("status"))])
    else:
        found.tell(type="platform_notice", notice=kind)


def _older_message(found: Findings, said: Mapping[str, Any]) -> None:
    """Before Studio: type 1 a value of a data stream, type 2 the device's status, `at` in milliseconds."""
    date_by(found, "at", said.get("at"))
    if said.get("type") == _PUSHED_VALUE:
        name = text_of(said.get("ds_id"))
        found.look_up(name, DEVICE_NAMES, said.get("value"))
    elif said.get("type") == _PUSHED_STATUS and code_of(said.get("status")) in ("0", "1"):
        found.say("online", code_of(said["status"]) == "1")
    else:
        found.tell(type="platform_notice", notice=code_of(said.get("type")))
