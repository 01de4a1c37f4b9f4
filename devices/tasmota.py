"""Tasmota: what its devices publish below any full topic (`tele/<topic>/SENSOR`, `<place>/<topic>/stat/STATUS10`, …).

The full topic is the installer's choice (FullTopic): the level `tele` or `stat` may stand anywhere, the other levels
are the device's address. What a `Switch<n>` or a zone of unknown type watches is the site's knowledge: it is said as
`input.<n>`. `Time` is local without an offset and is used only where it has one.
"""

from __future__ import annotations

import re
from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.draft import Draft, last_level, rest_of, start_of, text_of
from devices.reading import Report
from devices.tasmota_sensors import (
    DEVICES_MAX,
    channels,
    is_numbered,
    is_radio,
    read_block,
    read_energy,
    read_lora,
    read_radio,
    read_zigbee,
)
from devices.values import TEXT_MAX, read_instant, read_json

PREFIXES: Final = ("tele", "stat")
_COMMANDS: Final = "cmnd"
_BRIDGED: Final = ("ZbReceived", "LwReceived", "LwDecoded")
_WITHOUT_PREFIX: Final = frozenset({"LWT", "STATE", "SENSOR"})
"""Endings that are Tasmota's even where no level of the topic is `tele` or `stat`."""

_STATUS: Final = re.compile(r"STATUS(?:1?[0-9])?")
_RELAY: Final = re.compile(r"POWER([1-9][0-9]?)?")
_SWITCH: Final = re.compile(r"Switch([1-9][0-9]?)")
_SWITCH_TOPIC: Final = re.compile(r"SWITCH([1-9][0-9]?)")
_BUTTON: Final = re.compile(r"Button([1-9][0-9]?)")
_DISCOVERY: Final = re.compile(r"(?:.*/)?tasmota/discovery/[^/]+/(?:config|sensors)", re.DOTALL)
"""Tasmota's own announcement (SetOption19 0): names, and values of the moment at which it was made."""

_OFFSET: Final = re.compile(r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$")


class Tasmota:
    """The codec of the Tasmota devices below one prefix ("" reads the default topics, `tele/…` and `stat/…`)."""

    name = "tasmota"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = start_of(prefix)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        if self._start:
            return (self._start + "#",)
        return ("tele/#", "stat/#")

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports in a packet; nothing needs to be remembered."""
        if _DISCOVERY.fullmatch(packet.topic) is not None:
            return Decoded(_announced(packet.payload), context)
        address = self._address(rest_of(self._start, packet.topic))
        if address is None:
            return Decoded((), context)
        return Decoded(_read(*address, packet.payload), context)

    def _address(self, rest: str) -> tuple[str, str] | None:
        """The device and the ending of the topic, or None where the topic is a command or not Tasmota's."""
        levels = rest.split("/")
        ending = levels.pop()
        place = next((n for n, level in enumerate(levels) if level in PREFIXES), -1)
        if place >= 0:
            if levels[0] not in PREFIXES and len(levels) >= 2 and levels[-1] in PREFIXES:
                place = len(levels) - 1
            del levels[place]
        elif _COMMANDS in levels or not (last_level(self._start) in PREFIXES or ending in _WITHOUT_PREFIX):
            return None
        device = "/".join(levels) or last_level(self._start)
        return (device, ending) if device else None


def _read(device: str, ending: str, payload: bytes) -> tuple[Report, ...]:
    relay = _RELAY.fullmatch(ending)
    if not payload:
        return (Report(device),)
    if ending == "LWT":
        return (_last_will(device, payload),)
    if relay is not None:
        draft = Draft(device)
        draft.boolean(ending, _bare(ending, payload), f"relay.{relay[1] or 1}")
        return (draft.report(),)
    switch = _SWITCH_TOPIC.fullmatch(ending)
    if switch is not None:
        draft = Draft(device)
        _switch(draft, ending, f"input.{switch[1]}", _bare(ending, payload))
        return (draft.report(),)
    if ending in ("SENSOR", "STATE", "RESULT"):
        return _objects(device, ending, _object(device, ending, payload))
    if ending in _BRIDGED:
        return _objects(device, ending, {ending: _object(device, ending, payload)})
    if _STATUS.fullmatch(ending) is not None:
        said = _object(device, ending, payload)
        wrapped = [said[key] for key in ("StatusSNS", "StatusSTS") if isinstance(said.get(key), dict)]
        return tuple(report for part in wrapped for report in _objects(device, ending, part))
    return (Report(device),)


def _announced(payload: bytes) -> tuple[Report, ...]:
    """An announcement: the device's topic and the names of its switches. It measures nothing: it may be days old."""
    said = read_json("discovery", payload) if payload else None
    device = said.get("t") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(device, str) or not device:
        return ()
    names = said.get("swn")
    switches = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    called = str(said.get("dn", ""))[:TEXT_MAX]
    event = {"type": "discovery", "name": called, "switches": ", ".join(switches)[:TEXT_MAX]}
    return (Report(device[:TEXT_MAX], events=(event,)),)


def _last_will(device: str, payload: bytes) -> Report:
    word = payload.strip().lower()
    if word not in (b"online", b"offline"):
        raise DecodeError(f"{device}: LWT", "Online or Offline", payload[:TEXT_MAX])
    draft = Draft(device)
    draft.state("online", word == b"online")
    return draft.report()


def _bare(field: str, payload: bytes) -> Any:
    """A value on a topic of its own: bare text, or an object with STATE or Action."""
    if payload[:1] != b"{":
        return text_of(field, payload)
    said = read_json(field, payload)
    return said.get("STATE", said.get("Action")) if isinstance(said, dict) else None


def _object(device: str, ending: str, payload: bytes) -> dict[str, Any]:
    said = read_json(f"{device}: {ending}", payload)
    if not isinstance(said, dict):
        raise DecodeError(f"{device}: {ending}", "a JSON object", payload[:TEXT_MAX])
    return said


def _objects(device: str, ending: str, said: dict[str, Any]) -> tuple[Report, ...]:
    """The Tasmota device's own report first (if it says anything), then those of the devices that it speaks for."""
    own = Draft(device)
    others: list[Draft] = []
    blocks: list[tuple[str, dict[str, Any]]] = []
    fahrenheit = said.get("TempUnit") == "F"
    bridged = False
    for key, value in said.items():
        if type(value) is dict:
            if key in _BRIDGED:
                bridged = True
                others.extend(_bridged(device, key, value))
            elif key == "ENERGY":
                read_energy(own, value)
            elif key == "Wifi":
                own.number("Wifi.RSSI", value.get("RSSI"), "wifi.quality")
                own.number("Wifi.Signal", value.get("Signal"), "rssi")
            elif is_radio(key, value):
                bridged = True
                other = Draft(key)
                read_radio(other, value, fahrenheit)
                others.append(other)
            elif not _control(own, key, value):
                blocks.append((key, value))
        elif type(value) is str:
            _word(own, key, value)
        elif key == "Vcc":
            own.number(key, value, "voltage.supply")
        elif key in _BRIDGED or key == "ENERGY":
            own.refuse(DecodeError(key, "a JSON object", value))
        elif value is not None and _RELAY.fullmatch(key) is not None:
            _relay(own, key, value)
    others.extend(_sensors(own, blocks, fahrenheit))
    if len(others) > DEVICES_MAX:
        raise DecodeError(f"{device}: {ending}", f"at most {DEVICES_MAX} devices in a message", len(others))
    reports = tuple(draft.report() for draft in others)
    if bridged and own.empty:
        return reports
    return (own.report(), *reports)


def _word(own: Draft, key: str, value: str) -> None:
    """A text at the top of a message: a relay, a switch, the time."""
    if key == "Time":
        if _OFFSET.search(value, 10) is not None:
            try:
                own.measured_at = read_instant("Time", value)
            except DecodeError as error:
                own.refuse(error)
    elif key.startswith("POWER"):
        _relay(own, key, value)
    elif key.startswith("Switch"):
        match = _SWITCH.fullmatch(key)
        if match is not None:
            _switch(own, key, f"input.{match[1]}", value)


def _relay(own: Draft, key: str, value: Any) -> None:
    match = _RELAY.fullmatch(key)
    if match is not None and int(match[1] or 1) <= 64:
        own.boolean(key, value, f"relay.{match[1] or 1}")


def _switch(own: Draft, field: str, point: str, value: Any) -> None:
    """A contact that is ON or OFF; what else a switch does (TOGGLE, HOLD, …) is no state."""
    word = value.strip().upper() if isinstance(value, str) else ""
    if word in ("ON", "OFF") and int(point.rpartition(".")[2]) <= 64:
        own.state(point, word == "ON")
    elif not word:
        own.refuse(DecodeError(field, "ON or OFF", value))


def _control(own: Draft, key: str, value: dict[str, Any]) -> bool:
    """`{"Button1": {"Action": "SINGLE"}}` and the same of a switch; whether the block was one of them."""
    button, switch = _BUTTON.fullmatch(key), _SWITCH.fullmatch(key)
    if button is None and switch is None:
        return False
    action = value.get("Action")
    if switch is not None:
        _switch(own, f"{key}.Action", f"input.{switch[1]}", action)
    elif button is not None and isinstance(action, str):
        word = action.strip().lower()
        own.text("button", word if button[1] == "1" or not word else f"{button[1]}_{word}")
    return True


def _sensors(own: Draft, blocks: list[tuple[str, dict[str, Any]]], fahrenheit: bool) -> list[Draft]:
    """The sensors of the device. Two that measure the same thing get a place each: one value would hide the other."""
    single: list[tuple[str, dict[str, Any], Draft]] = []
    others: list[Draft] = []
    seen: dict[str, int] = {}
    for name, block in blocks:
        draft = Draft(f"{own.device}/{name}")
        read_block(draft, name, block, fahrenheit)
        others.extend(channels(name, block, own.device, fahrenheit))
        if is_numbered(name):
            others.append(draft)
        else:
            single.append((name, block, draft))
            for point in ("temperature", "humidity", "illuminance"):
                seen[point] = seen.get(point, 0) + draft.says(point)
    for name, block, draft in single:
        if any(draft.says(point) and count > 1 for point, count in seen.items()):
            others.append(draft)
        else:
            read_block(own, name, block, fahrenheit)
    return others


def _bridged(device: str, bridge: str, said: dict[str, Any]) -> list[Draft]:
    """The devices behind a bridge, by the key that the bridge gives them; with SetOption119 there is no key."""
    entries = said.items()
    if not any(isinstance(value, dict) for value in said.values()):
        name = said.get("Name") or said.get("Device")
        entries = {(name if isinstance(name, str) else device): said}.items()
    drafts = []
    for name, block in entries:
        draft = Draft(name)
        drafts.append(draft)
        if not isinstance(block, dict):
            draft.refuse(DecodeError(f"{bridge}.{name}", "a JSON object", block))
        elif bridge == "ZbReceived":
            read_zigbee(draft, block)
        else:
            read_lora(draft, block)
    return drafts
