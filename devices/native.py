"""Our own topics: `anlian/v1/<home>/<device>/telemetry` and `…/status`. Strict, because both sides are ours.

Telemetry is `{"at": RFC 3339 or epoch milliseconds, "points": {point: value}}`; `at` may be left out. Points
are those of the catalogue, states are booleans, levels and counts are numbers; null is "not known". Status
(retained, last will) is `{"online": true}`, or plain `online` / `offline`.
"""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.reading import DANGER_POINTS, Kind, Point, Reading, Report, find_point
from devices.values import TEXT_MAX, level, plausible_limits, read_instant, read_json, read_number

POINTS_MAX: Final = 256
"""A packet with more points than this is no device's."""

NOT_DEVICES: Final = frozenset({"alarm", "gateway", "command", "up", "down"})
"""Names below the home that are the gateway's own topics; no device may have them."""

_TEXT_POINTS: Final = frozenset({"button"})


class Native:
    """The codec of our own topics of one home. `prefix` is `anlian/v1/<home>`."""

    name = "native"

    def __init__(self, prefix: str = "anlian/v1/home") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = self.prefix + "/"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self._start}+/telemetry", f"{self._start}+/status")

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The report in a packet; the context is handed through, nothing needs to be remembered."""
        if not packet.topic.startswith(self._start):
            raise DecodeError("topic", f"a topic below {self._start}", packet.topic)
        device, *rest = packet.topic[len(self._start) :].split("/")
        if device in NOT_DEVICES:
            return Decoded((), context)
        if not device or len(rest) != 1:
            raise DecodeError("topic", f"{self._start}<device>/telemetry or /status", packet.topic)
        if rest[0] == "telemetry":
            return Decoded((_telemetry(device, packet.payload),), context)
        if rest[0] == "status":
            return Decoded((_status(device, packet.payload),), context)
        raise DecodeError("topic", f"{self._start}<device>/telemetry or /status", packet.topic)


def _telemetry(device: str, payload: bytes) -> Report:
    """What a device measured. A fault in it refuses the packet, unless it tells of a danger: that must get through."""
    if not payload:
        return Report(device)  # a retained message was removed: nobody said anything
    said = read_json(f"{device}/telemetry", payload)
    points = said.get("points") if isinstance(said, dict) else None
    if not isinstance(points, dict):
        raise DecodeError(f"{device}/telemetry", 'an object with "points"', payload[:TEXT_MAX])
    if len(points) > POINTS_MAX:
        raise DecodeError(f"{device}/telemetry: points", f"at most {POINTS_MAX} points", len(points))
    readings: list[Reading] = []
    events: list[dict[str, str]] = []
    refused: DecodeError | None = None
    for name, value in points.items():
        kind = type(value)
        lowest, highest, is_state = _measures(name)
        if (kind is float or kind is int) and lowest <= value <= highest:
            readings.append(Reading(name, float(value)))
            continue
        if kind is bool and is_state:
            readings.append(Reading(name, value))
            continue
        try:
            if value is not None:
                readings.append(_reading(device, name, value))
        except DecodeError as error:
            refused = refused or error
            events.append({"type": "property_ignored", "property": name[:TEXT_MAX], "reason": str(error)})
    measured_at: datetime | None = None
    try:
        if said.get("at") is not None:
            measured_at = read_instant(f"{device}/telemetry: at", said["at"])
    except DecodeError as error:
        refused = refused or error
        events.append({"type": "property_ignored", "property": "at", "reason": str(error)})
    if refused is not None and not any(r.value is True and r.point in DANGER_POINTS for r in readings):
        raise refused
    return Report(device, tuple(readings), measured_at, tuple(events[:16]))


@lru_cache(maxsize=1024)
def _measures(name: str) -> tuple[float, float, bool]:
    """The numbers that can be true of a point (none of a state: the lowest above the highest), and if it is a state."""
    point = find_point(name)
    if point is None or point.kind is Kind.STATE:
        return math.inf, -math.inf, point is not None and name not in _TEXT_POINTS
    return *plausible_limits(name), False


def _reading(device: str, name: str, value: object) -> Reading:
    field = f"{device}/telemetry: points.{name[:TEXT_MAX]}"
    point = find_point(name)
    if point is None:
        raise DecodeError(field, "a point of the catalogue", name)
    if point.kind is Kind.STATE:
        return _state(field, point, value)
    if isinstance(value, str):
        raise DecodeError(field, f"a number ({point.unit or 'no unit'}), not text", value)
    return level(name, read_number(field, value))


def _state(field: str, point: Point, value: object) -> Reading:
    if point.name in _TEXT_POINTS:
        if not isinstance(value, str) or not 0 < len(value) <= TEXT_MAX:
            raise DecodeError(field, f"a text of 1 to {TEXT_MAX} characters", value)
        return Reading(point.name, value)
    if not isinstance(value, bool):
        raise DecodeError(field, "true or false", value)
    return Reading(point.name, value)


def _status(device: str, payload: bytes) -> Report:
    """Whether the device is on line; an empty payload says that its retained status was removed."""
    field = f"{device}/status"
    word = payload.strip()
    if not word:
        return Report(device)
    if word in (b"online", b"offline"):
        return Report(device, (Reading("online", word == b"online"),))
    said = read_json(field, payload)
    online = said.get("online") if isinstance(said, dict) else None
    if not isinstance(online, bool):
        raise DecodeError(field, '{"online": true or false}, or plain online / offline', payload[:TEXT_MAX])
    return Report(device, (Reading("online", online),))
