"""Shelly: first generation below `shellies/`, second and later below a topic prefix of the device's own.

Second generation: `<device>/online`, `<device>/status/<component>`, `<device>/events/rpc`. The address is the device's
topic prefix. A component with a number above 0 whose values would hide those of number 0 (a second meter, a second
probe) has an address of its own, `<device>/<component>:<n>`. `params.ts` counts from the start until the device has
the time: then it is no time.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from devices.codec import Decoded, DecodeError, Packet
from devices.draft import Draft, last_level, rest_of, seconds_instant, start_of
from devices.reading import Report
from devices.shelly_components import EVENTS, NUMBERED_POINTS, PUSHES, read_component
from devices.shelly_gen1 import ROOT, SLEEPERS, read_gen1
from devices.values import TEXT_MAX, read_json

REMEMBERED_MAX: Final = 4096
"""So many devices (or inputs) are remembered; of more, each press is said as often as it is sent."""

COMPONENTS_MAX: Final = 256
_STATUS: Final = frozenset({"NotifyStatus", "NotifyFullStatus"})


class Context(msgspec.Struct, frozen=True):
    """What is remembered: which devices sleep between reports, and the count of each button's last press."""

    sleepers: frozenset[str] = frozenset()
    presses: dict[str, str] = {}


EMPTY: Final = Context()


class Shelly:
    """The codec of the Shelly devices below one prefix ("" where they publish at the root, which is the default)."""

    name = "shelly"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = start_of(prefix)
        self._first = last_level(self._start) == ROOT

    @property
    def subscriptions(self) -> tuple[str, ...]:
        if self._start:
            return (self._start + "#",)
        return (f"{ROOT}/#", "+/online", "+/status/#", "+/events/rpc")

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports in a packet, and the context after it."""
        known = context if isinstance(context, Context) else EMPTY
        rest = rest_of(self._start, packet.topic)
        if self._first:
            return _first_generation(rest, packet.payload, known)
        if rest.startswith(f"{ROOT}/"):
            return _first_generation(rest[len(ROOT) + 1 :], packet.payload, known)
        device, kind, component = _parts(rest)
        if not kind:
            return Decoded((), known)
        device = device or last_level(self._start)
        if not device:
            raise DecodeError("topic", "<device>/online, <device>/status/… or <device>/events/rpc", packet.topic)
        if not packet.payload:
            return Decoded((Report(device),), known)
        if kind == "online":
            return Decoded((_online(device, packet.payload, known),), known)
        said = read_json(f"{device}: {kind}/{component}", packet.payload)
        if not isinstance(said, dict):
            raise DecodeError(f"{device}: {kind}/{component}", "a JSON object", packet.payload[:TEXT_MAX])
        if kind == "status":
            return Decoded((_status(device, component, said),), known)
        return _notification(device, said, known)


def _first_generation(rest: str, payload: bytes, known: Context) -> Decoded:
    def note(key: str, count: str) -> Context:
        if known.presses.get(key) == count:
            return known
        if key not in known.presses and len(known.presses) >= REMEMBERED_MAX:
            return Context(known.sleepers, dict(known.presses))
        return msgspec.structs.replace(known, presses={**known.presses, key: count})

    return read_gen1(rest, payload, known, note)


def _parts(rest: str) -> tuple[str, str, str]:
    """The device, what kind of message it is, and the component; kind "" where it is neither status nor event."""
    if rest == "online" or rest.endswith("/online"):
        return rest[:-7], "online", ""
    if rest == "events/rpc" or rest.endswith("/events/rpc"):
        return rest[:-11], "events", "rpc"
    before, found, component = ("/" + rest).rpartition("/status/")
    if found and component and "/" not in component:
        return before[1:], "status", component
    return "", "", ""


def _online(device: str, payload: bytes, known: Context) -> Report:
    word = payload.strip()
    if word not in (b"true", b"false"):
        raise DecodeError(f"{device}: online", "true or false", payload[:TEXT_MAX])
    draft = Draft(device)
    if word == b"true" or not (device in known.sleepers or SLEEPERS.match(device.rpartition("/")[2])):
        draft.state("online", word == b"true")
    return draft.report()


def _place(device: str, component: str) -> tuple[str, str, int]:
    """The address, the kind and the number of a component (`switch:1`, `wifi`)."""
    kind, _, number = component.partition(":")
    index = int(number) if number.isascii() and number.isdigit() and len(number) <= 4 else 0
    own = index == 0 or kind in NUMBERED_POINTS
    return (device if own else f"{device}/{component}"), kind, index


def _status(device: str, component: str, said: dict[str, Any]) -> Report:
    address, kind, number = _place(device, component)
    draft = Draft(address)
    if kind == "mqtt":
        draft.boolean("connected", said.get("connected"), "online")
    read_component(draft, kind, number, said)
    return draft.report()


def _notification(device: str, said: dict[str, Any], known: Context) -> Decoded:
    method, params = said.get("method"), said.get("params")
    if not isinstance(method, str):
        raise DecodeError(f"{device}: events/rpc.method", "NotifyStatus, NotifyFullStatus or NotifyEvent", method)
    if not isinstance(params, dict):
        raise DecodeError(f"{device}: events/rpc.params", "a JSON object", params)
    if len(params) > COMPONENTS_MAX:
        raise DecodeError(f"{device}: events/rpc.params", f"at most {COMPONENTS_MAX} components", len(params))
    drafts: dict[str, Draft] = {device: Draft(device)}
    if method in _STATUS:
        for component, value in params.items():
            if isinstance(value, dict):
                address, kind, number = _place(device, component)
                read_component(drafts.setdefault(address, Draft(address)), kind, number, value)
            elif component.partition(":")[0] in EVENTS:
                raise DecodeError(f"{device}: events/rpc.params.{component}", "a JSON object", value)
        known = _with_sleep(device, params.get("sys"), known)
    elif method == "NotifyEvent":
        _events(device, params.get("events"), drafts)
    measured_at = seconds_instant(params.get("ts"))
    for draft in drafts.values():
        draft.measured_at = measured_at
    own = drafts.pop(device)
    reports = tuple(draft.report() for draft in drafts.values() if not draft.empty)
    return Decoded(reports if own.empty and reports else (own.report(), *reports), known)


def _with_sleep(device: str, system: object, known: Context) -> Context:
    """A device that states how often it wakes up sleeps in between."""
    if not isinstance(system, dict) or "wakeup_period" not in system:
        return known
    period = system["wakeup_period"]
    sleeps = isinstance(period, (int, float)) and not isinstance(period, bool) and period > 0
    if sleeps == (device in known.sleepers) or (sleeps and len(known.sleepers) >= REMEMBERED_MAX):
        return known
    changed = known.sleepers | {device} if sleeps else known.sleepers - {device}
    return msgspec.structs.replace(known, sleepers=changed)


def _events(device: str, listed: object, drafts: dict[str, Draft]) -> None:
    """Buttons and detectors. Other events (an update, a changed setting, going to sleep) are bookkeeping."""
    if not isinstance(listed, list):
        raise DecodeError(f"{device}: events/rpc.params.events", "a list of events", listed)
    for entry in listed[:COMPONENTS_MAX]:
        if not isinstance(entry, dict) or not isinstance(entry.get("component"), str):
            continue
        component, event = entry["component"], entry.get("event")
        address, kind, number = _place(device, component)
        draft = drafts.setdefault(address, Draft(address))
        if kind in EVENTS:
            if not isinstance(event, str):
                raise DecodeError(f"{device}: {component}.event", "text", event)
            if event in EVENTS[kind]:
                draft.state(*EVENTS[kind][event])
        elif isinstance(event, str) and event in PUSHES:
            draft.text("button", f"{number + 1}_{event}" if kind == "input" and number else event)
