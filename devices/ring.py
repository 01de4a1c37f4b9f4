"""ring-mqtt: `ring/<location>/<category>/<device>/<entity>/state` and `…/<device>/status`; not retained, repeated.

The address is Ring's own id of the device. Sources: tsightler/ring-mqtt devices/*.js (smoke-alarm, co-alarm,
smoke-co-listener, smoke-co-kiddie, flood-freeze-sensor, binary-sensor, security-panel, base-socket-device, beam,
camera). Glass break and retrofit zones say what the site knows only; sirens and modes are settings.
"""

from __future__ import annotations

from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.draft import Draft, Words, rest_of, start_of, text_of
from devices.reading import Report
from devices.values import TEXT_MAX, read_json

STATES: Final[dict[str, str]] = {
    "smoke": "smoke.alarm",
    "co": "co.alarm",
    "flood": "water_leak.alarm",
    "contact": "door.open",
    "tilt": "door.open",
    "motion": "motion",
    "fire": "fire.alarm",
}
"""Entities by name: ON is the point's True. `fire` is the panel's own state fire or CO."""

PRESSES: Final[dict[str, str]] = {"panic": "sos.alarm"}
RELAYS: Final = frozenset({"switch", "light"})
CATEGORIES: Final = frozenset({"alarm", "camera", "chime", "lighting", "smart", "intercom", "mode"})

_TAMPER: Final[Words] = {"tamper": (("tamper", True),), "ok": (("tamper", False),)}
_MAINS: Final[Words] = {
    "ok": (("power.mains", True),),
    "connected": (("power.mains", True),),
    "error": (("power.mains", False),),
    "lost": (("power.mains", False),),
}


class Ring:
    """The codec of one ring-mqtt. `prefix` is its topic (`ring`)."""

    name = "ring"

    def __init__(self, prefix: str = "ring") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = start_of(prefix)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (self._start + "#",) if self._start else ("ring/#",)

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The report in a packet; nothing needs to be remembered."""
        rest = rest_of(self._start, packet.topic)
        if not self._start and rest.startswith("ring/"):
            rest = rest[5:]
        match rest.split("/"):
            case [_, _, device, "status"] if device:
                return Decoded((_status(device, packet.payload),), context)
            case [_, _, device, entity, "state"] if device:
                return Decoded((_state(device, entity, packet.payload),), context)
            case _:
                return Decoded((), context)


def _status(device: str, payload: bytes) -> Report:
    draft = Draft(device)
    word = payload.strip().lower()
    if word not in (b"online", b"offline", b""):
        raise DecodeError(f"{device}: status", "online or offline", payload[:TEXT_MAX])
    if word:
        draft.state("online", word == b"online")
    return draft.report()


def _state(device: str, entity: str, payload: bytes) -> Report:
    draft = Draft(device)
    if not payload:
        return draft.report()
    if entity == "info":
        _info(draft, payload)
        return draft.report()
    field = f"{entity}/state"
    if entity in STATES:
        draft.boolean(field, _known(text_of(field, payload)), STATES[entity])
    elif entity in PRESSES:
        draft.moment(field, _known(text_of(field, payload)), PRESSES[entity])
    elif entity == "ding":
        if text_of(field, payload).upper() == "ON":
            draft.text("button", "ding")
    elif entity in RELAYS:
        draft.boolean(field, text_of(field, payload), "relay.1")
    elif entity == "temperature":
        draft.number(field, text_of(field, payload), "temperature")
    elif entity == "battery":
        draft.number(field, text_of(field, payload), "battery")
    return draft.report()


def _known(text: str) -> str:
    return "" if text.lower() in ("unknown", "unavailable", "none") else text


def _info(draft: Draft, payload: bytes) -> None:
    """The device's attributes: battery, tamper, mains, signal. The times in it are those of Ring's cloud."""
    said = read_json("info/state", payload)
    if not isinstance(said, dict):
        raise DecodeError(f"{draft.device}: info/state", "a JSON object", payload[:TEXT_MAX])
    draft.number("batteryLevel", said.get("batteryLevel"), "battery")
    if "batteryLevel" not in said:
        draft.number("batteryLife", said.get("batteryLife"), "battery")
    draft.words("tamperStatus", said.get("tamperStatus"), _TAMPER)
    if said.get("acStatus") in _MAINS:
        draft.words("acStatus", said["acStatus"], _MAINS)
    draft.number("wirelessSignal", said.get("wirelessSignal"), "rssi")
    communication = said.get("commStatus")
    if communication in ("ok", "error"):
        draft.state("online", communication == "ok")
