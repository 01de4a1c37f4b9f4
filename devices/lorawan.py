"""LoRaWAN network servers over MQTT: ChirpStack v4 events (JSON) and The Things Stack v3 messages.

Both have fixed roots (`application/…`, `v3/…`), below the prefix where a broker is shared. The device is the DevEUI
on ChirpStack and the device id on The Things Stack. There is no last will and nothing is retained: a device's
silence is all that tells of its loss. Zero, false and empty fields may be left out of every message (proto3 JSON).
Sources: chirpstack-docs@9d9b5bb integrations/events.md; lorawan-stack-docs@a189a52 integrations/data-formats.

What the installer can say: the device profile's name (or a tag `model`) holds the model ("Milesight WS301"), a tag
`kind` = `sos` makes any press of a button a call for help.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from devices.codec import Decoded, DecodeError, Packet
from devices.lorawan_dialects import read_object
from devices.lorawan_meanings import EVENTS_MAX, Saying, flattened, number, state
from devices.milesight import can_read, find_model, read_frame
from devices.reading import Report
from devices.values import TEXT_MAX, read_instant, read_json, read_number

NAME_MAX: Final = 128
GATEWAYS_MAX: Final = 64
FRAME_MAX: Final = 242
"""The longest application payload of LoRaWAN (RP002-1.0.4, M of the fastest data rate)."""

NORMALIZED: Final = {
    "air.temperature": number("temperature"),
    "air.relativeHumidity": number("humidity"),
    "air.lightIntensity": number("illuminance"),
    "battery": number("battery.voltage"),
    "action.motion.detected": state("motion"),
    "action.contactState": state("door.open", ("open",), ("closed",)),
    "water.leak": state("water_leak.alarm"),
}
"""lorawan-devices lib/payload.json: °C, %, lux and volts."""

_WRAPPERS: Final = ("data", "decoded", "payload")
_CHIRPSTACK_EVENTS: Final = frozenset({"up", "status", "join", "ack", "txack", "log", "location", "integration"})
_TTS_UP: Final = frozenset({"up", "up/normalized", "join", "service/data", "location/solved"})


class Context(msgspec.Struct, frozen=True):
    """What the codec remembers: states that devices opened and will end by no longer saying them."""

    held: frozenset[str] = frozenset()


EMPTY: Final = Context()


class _Uplink(msgspec.Struct):
    """One frame of a device, whichever network server brought it."""

    device: str
    measured_at: datetime | None
    decoded: Any
    frame: Any
    port: Any
    about: str
    gateways: Any
    is_lora: bool
    snr_name: tuple[str, ...]


class LoRaWan:
    """The codec of one network server's integration. `prefix` is "" unless the broker is shared."""

    name = "lorawan"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = self.prefix + "/" if self.prefix else ""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        chirpstack = ("application/+/device/+/event/+", "application/+/device/+/rx")
        topics = (*chirpstack, "v3/+/devices/+/up", "v3/+/devices/+/up/normalized", "v3/+/devices/+/join")
        more = ("v3/+/devices/+/down/+", "v3/+/devices/+/service/data", "v3/+/devices/+/location/solved")
        return tuple(self._start + topic for topic in (*topics, *more))

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The report of a message, and the context after it."""
        known = context if isinstance(context, Context) else EMPTY
        if not packet.topic.startswith(self._start):
            raise DecodeError("topic", f"a topic below {self._start}", packet.topic)
        levels = packet.topic[len(self._start) :].split("/")
        if not packet.payload:
            return Decoded((), known)
        match levels:
            case ["application", _, "device", device, "event", event] if device and event in _CHIRPSTACK_EVENTS:
                return _chirpstack(device, event, packet.payload, known)
            case ["application", _, "device", device, "rx"] if device:
                return _chirpstack(device, "up", packet.payload, known)
            case ["application", _, "device", _, "command", _]:
                return Decoded((), known)
            case ["v3", _, "devices", device, "down", action] if device and action:
                return _downlink(device, action, packet.payload, known)
            case ["v3", _, "devices", device, *rest] if device and "/".join(rest) in _TTS_UP:
                return _things_stack(device, "/".join(rest), packet.payload, known)
        expected = "application/<id>/device/<DevEUI>/event/<event> or v3/<application>/devices/<device>/<message>"
        raise DecodeError("topic", expected, packet.topic)


def _object(field: str, payload: bytes) -> dict[str, Any]:
    said = read_json(field, payload)
    if not isinstance(said, dict):
        raise DecodeError(field, "a JSON object (ChirpStack: json = true in its MQTT integration)", payload[:TEXT_MAX])
    return said


def _member(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name)
    return value if isinstance(value, dict) else {}


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value[:NAME_MAX] if isinstance(value, str) else ""


def _instant(events: list[dict[str, str]], *candidates: tuple[str, Any]) -> datetime | None:
    """The first time that is there; one that cannot be read is left out and named."""
    for name, value in candidates:
        if value is None:
            continue
        try:
            return read_instant(name, value)
        except DecodeError as error:
            events.append({"type": "property_ignored", "property": name, "reason": str(error)})
    return None


def _chirpstack(device: str, event: str, payload: bytes, known: Context) -> Decoded:
    said = _object(f"{device}/event/{event}", payload)
    information = _member(said, "deviceInfo")
    address = _text(information, "devEui") or device
    events: list[dict[str, str]] = []
    measured_at = _instant(events, ("time", said.get("time")))
    if event == "up":
        tags = _member(information, "tags")
        lora = _member(_member(said, "txInfo"), "modulation").get("lora")
        tags = tags or _member(said, "tags")
        profile = _text(information, "deviceProfileName") or _text(said, "deviceProfileName")
        names = (_text(tags, "model") or profile, _text(tags, "kind"))
        port = said.get("fPort", 0)
        frame, gateways = said.get("data"), said.get("rxInfo")
        about = " ".join(names)
        uplink = _Uplink(
            address, measured_at, _decoded(address, said), frame, port, about, gateways, bool(lora), ("snr", "loRaSNR")
        )
        return _uplink(uplink, events, known)
    saying = Saying(address, known.held)
    if event == "status":
        _status(saying, said)
    elif event == "log":
        entry = {"type": "log", "level": _text(said, "level"), "code": _text(said, "code")}
        events.append({name: value[:TEXT_MAX] for name, value in entry.items() if value})
    elif event == "ack":
        events.append({"type": "ack", "acknowledged": "true" if said.get("acknowledged") is True else "false"})
    else:
        events.append({"type": event})
    report = Report(address, saying.finished(), measured_at, (*events, *saying.events)[:EVENTS_MAX])
    return Decoded((report,), known)


def _decoded(address: str, said: Mapping[str, Any]) -> Any:
    """The decoded object; ChirpStack v3 sends it as a text that holds JSON (`objectJSON`)."""
    text = said.get("objectJSON")
    if isinstance(text, str) and text and "object" not in said:
        return read_json(f"{address}: objectJSON", text.encode("utf-8", "replace"))
    return said.get("object")


def _status(saying: Saying, said: Mapping[str, Any]) -> None:
    """DevStatusAns: link margin and battery. The battery is void on external power, or where the device can't tell."""
    for name, point in (("batteryLevel", "battery"), ("margin", "link.margin")):
        value = said.get(name)
        if point == "battery":
            if said.get("externalPowerSource") is True:
                saying.say("power.mains", True)
                continue
            if said.get("batteryLevelUnavailable") is True or value is None:
                continue
        try:
            saying.number(point, read_number(name, 0 if value is None else value))
        except DecodeError as error:
            saying.ignore(name, error)


def _uplink(uplink: _Uplink, events: list[dict[str, str]], known: Context) -> Decoded:
    """What a device sent: what the network's payload decoder made of it, or else the frame itself."""
    saying = Saying(uplink.device, known.held)
    said, unread = _content(uplink)
    if said is not None:
        model = uplink.about.lower()
        brand = find_model(model)
        if brand:
            model = f"{brand} {model}"
        read_object(saying, flattened(f"{uplink.device}: object", said), model)
        if said and not saying.understood:
            names = ", ".join(str(name) for name in list(said)[:8])
            saying.note({"type": "not_understood", "properties": names[:TEXT_MAX]})
    if said is None or unread:
        saying.note({"type": "undecoded", "f_port": str(uplink.port)[:TEXT_MAX], "bytes": str(unread)})
    _radio(saying, uplink)
    readings = saying.finished()
    report = Report(uplink.device, readings, uplink.measured_at, (*events, *saying.events)[:EVENTS_MAX])
    context = known if saying.held is known.held else Context(saying.held)
    return Decoded((report,), context)


def _content(uplink: _Uplink) -> tuple[Mapping[str, Any] | None, int]:
    """The decoded object (None where there is none), and how many bytes of the frame nobody understood."""
    if uplink.decoded:
        if not isinstance(uplink.decoded, dict):
            raise DecodeError(f"{uplink.device}: object", "an object with the decoded properties", uplink.decoded)
        return _unwrapped(uplink.decoded), 0
    if not uplink.frame:
        return {}, 0
    field = f"{uplink.device}: data"
    if not isinstance(uplink.frame, str) or len(uplink.frame) > 2 * FRAME_MAX:
        raise DecodeError(field, f"base64 of at most {FRAME_MAX} bytes", uplink.frame)
    try:
        frame = base64.b64decode(uplink.frame, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError(field, f"base64 ({error})", uplink.frame) from error
    model = find_model(uplink.about)
    if not frame or not can_read(model, uplink.device, uplink.port):
        return None, len(frame)
    return read_frame(frame, model, field)


def _unwrapped(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties themselves, where a decoder handed them over in a wrapper of their own."""
    if len(said) == 1:
        inner = next((said[name] for name in _WRAPPERS if name in said), None)
        if isinstance(inner, dict):
            return inner
    return said


def _radio(saying: Saying, uplink: _Uplink) -> None:
    """Signal at the gateway that heard the device best. A LoRa signal without a ratio has 0 dB (zeros are left out)."""
    if not isinstance(uplink.gateways, list):
        return
    best: tuple[float, float | None] | None = None
    for entry in uplink.gateways[:GATEWAYS_MAX]:
        if not isinstance(entry, dict) or entry.get("rssi") is None:
            continue
        ratio = next((entry[name] for name in uplink.snr_name if entry.get(name) is not None), None)
        try:
            strength = read_number("rssi", entry["rssi"])
            snr = read_number("snr", ratio) if ratio is not None else (0.0 if uplink.is_lora else None)
        except DecodeError as error:
            saying.ignore("rxInfo", error)
            continue
        if best is None or (strength, snr or 0.0) > (best[0], best[1] or 0.0):
            best = (strength, snr)
    if best is not None:
        saying.number("rssi", best[0])
        if best[1] is not None:
            saying.number("snr", best[1])


def _things_stack(device: str, message: str, payload: bytes, known: Context) -> Decoded:
    said = _object(f"{device}/{message}", payload)
    address = _text(_member(said, "end_device_ids"), "device_id") or device
    events: list[dict[str, str]] = []
    uplink = _member(said, "uplink_message")
    candidates = (("uplink_message.received_at", uplink.get("received_at")), ("received_at", said.get("received_at")))
    measured_at = _instant(events, *candidates)
    if message == "up/normalized":
        return _normalized(address, said, known)
    if message != "up":
        events.append({"type": message.replace("/", "_")})
        return Decoded((Report(address, (), measured_at, tuple(events)),), known)
    if said.get("simulated") is True:
        events.append({"type": "simulated"})
        return Decoded((Report(address, (), measured_at, tuple(events)),), known)
    if not isinstance(said.get("uplink_message"), dict):
        raise DecodeError(f"{device}/up: uplink_message", "an object", said.get("uplink_message"))
    version = _member(uplink, "version_ids")
    lora = _member(_member(uplink, "settings"), "data_rate").get("lora")
    attributes = _member(said, "attributes") or _member(uplink, "attributes")
    names = (_text(attributes, "model"), _text(version, "model_id"), _text(version, "brand_id"))
    about = " ".join((*names, _text(attributes, "kind")))
    frame, port = uplink.get("frm_payload"), uplink.get("f_port", 0)
    decoded, gateways = uplink.get("decoded_payload"), uplink.get("rx_metadata")
    found = _Uplink(address, measured_at, decoded, frame, port, about, gateways, bool(lora), ("snr",))
    return _uplink(found, events, known)


def _normalized(device: str, said: Mapping[str, Any], known: Context) -> Decoded:
    """The Things Stack's own units beside `up`, of the same frame: temperatures and the like, and no alarm of ours."""
    uplink = _member(said, "uplink_normalized")
    payload = uplink.get("normalized_payload")
    if not isinstance(payload, dict):
        raise DecodeError(f"{device}/up/normalized: normalized_payload", "an object", payload)
    events: list[dict[str, str]] = []
    times = {"uplink_normalized.received_at": uplink.get("received_at"), "received_at": said.get("received_at")}
    measured_at = _instant(events, *times.items())
    saying = Saying(device, known.held)
    flat = flattened(f"{device}: normalized_payload", payload)
    saying.read(flat, NORMALIZED)
    if flat and not saying.understood:
        names = ", ".join(str(name) for name in list(flat)[:8])
        saying.note({"type": "not_understood", "properties": names[:TEXT_MAX]})
    return Decoded((Report(device, saying.finished(), measured_at, (*events, *saying.events)[:EVENTS_MAX]),), known)


def _downlink(device: str, action: str, payload: bytes, known: Context) -> Decoded:
    """What became of a message to the device: an event of the network. `push` and `replace` are commands to it."""
    if action in ("push", "replace"):
        return Decoded((), known)
    said = _object(f"{device}/down/{action}", payload)
    address = _text(_member(said, "end_device_ids"), "device_id") or device
    events: list[dict[str, str]] = []
    measured_at = _instant(events, ("received_at", said.get("received_at")))
    events.append({"type": "downlink", "state": action[:TEXT_MAX]})
    return Decoded((Report(address, (), measured_at, tuple(events)),), known)
