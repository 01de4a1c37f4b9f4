"""ThingsBoard's MQTT API: what devices and gateways send to it, read on the way.

`v1/devices/me/telemetry` of a device and `v1/gateway/telemetry` of a gateway that speaks for many, with or without
times; `v1/gateway/connect|disconnect`. Attributes are settings and inventory, never telemetry. `me` is no identity:
a bridge that puts the device's name in its place (`v1/devices/<name>/telemetry`) gives one, else the address is `me`.
Source: thingsboard.io/docs/reference/{mqtt-api,gateway-api}. Keys are free: exact names only (devices/metric_names.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.lorawan_meanings import EVENTS_MAX, Saying, flattened
from devices.metric_names import table_of
from devices.reading import DANGER_POINTS, Reading, Report
from devices.values import TEXT_MAX, read_instant, read_json

SAMPLES_MAX: Final = 1000
DEVICES_MAX: Final = 1000
"""A message with more samples or devices than this is refused."""

LIVE: Final = timedelta(seconds=60)
"""A batch: samples so much older than the newest are told as they came. What is older is the past: its numbers are
kept with their time, its states are not (an old leak must not raise an alarm now)."""

_ENVELOPE: Final = frozenset({"ts", "values"})
_NO_TELEMETRY: Final = frozenset({"attributes", "rpc", "claim", "provision"})


class ThingsBoard:
    """The codec of one tenant's devices and gateways below a prefix (usually "")."""

    name = "thingsboard"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = f"{self.prefix}/v1/" if self.prefix else "v1/"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        topics = ("devices/+/telemetry", "gateway/telemetry", "gateway/connect", "gateway/disconnect")
        return tuple(self._start + topic for topic in topics)

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """One report for each device and time; the context is handed through."""
        if not packet.topic.startswith(self._start):
            raise DecodeError("topic", f"a topic below {self._start}", packet.topic)
        levels = packet.topic[len(self._start) :].split("/")
        if not packet.payload:
            return Decoded((), context)
        match levels:
            case ["devices", device, "telemetry"] if device:
                said = read_json(f"{device}/telemetry", packet.payload)
                return Decoded(tuple(_device(device, said)), context)
            case ["gateway", "telemetry"]:
                return Decoded(tuple(_gateway(packet.payload)), context)
            case ["gateway", ("connect" | "disconnect") as verb]:
                return Decoded((_connected(verb, packet.payload),), context)
            case ["devices", _, topic, *_] | ["gateway", topic, *_] if topic in _NO_TELEMETRY:
                return Decoded((), context)
        raise DecodeError("topic", f"{self._start}devices/<device>/telemetry or {self._start}gateway/…", packet.topic)


def _connected(verb: str, payload: bytes) -> Report:
    field = f"gateway/{verb}"
    said = read_json(field, payload)
    device = said.get("device") if isinstance(said, dict) else None
    if not isinstance(device, str) or not device:
        raise DecodeError(field, 'an object with "device"', payload[:TEXT_MAX])
    return Report(device, (Reading("online", verb == "connect"),))


def _gateway(payload: bytes) -> Iterator[Report]:
    said = read_json("gateway/telemetry", payload)
    if not isinstance(said, dict):
        raise DecodeError("gateway/telemetry", "an object with a list of samples for each device", payload[:TEXT_MAX])
    if len(said) > DEVICES_MAX:
        raise DecodeError("gateway/telemetry", f"at most {DEVICES_MAX} devices", len(said))
    reports: list[Report] = []
    refused: DecodeError | None = None
    for device, samples in said.items():
        try:
            reports.extend(_device(device or "?", samples))
        except DecodeError as error:
            # The other devices of the packet must get through where one of them tells of a danger.
            refused = refused or error
    if refused is not None and not any(_tells_of_danger(report) for report in reports):
        raise refused
    if refused is not None:
        ignored = {"type": "property_ignored", "property": refused.field[:TEXT_MAX], "reason": str(refused)}
        first = reports[0]
        reports[0] = Report(first.device, first.readings, first.measured_at, (*first.events, ignored))
    yield from reports


def _tells_of_danger(report: Report) -> bool:
    return any(reading.value is True and reading.point in DANGER_POINTS for reading in report.readings)


def _device(device: str, said: Any) -> Iterator[Report]:
    """The samples of one device, oldest first."""
    samples = said if isinstance(said, list) else [said]
    if len(samples) > SAMPLES_MAX:
        raise DecodeError(f"{device}/telemetry", f"at most {SAMPLES_MAX} samples", len(samples))
    read: list[tuple[datetime | None, dict[str, Any], list[dict[str, str]]]] = []
    for sample in samples:
        if not isinstance(sample, dict):
            raise DecodeError(f"{device}/telemetry", 'objects of values, or {"ts": …, "values": {…}}', sample)
        values = sample
        events: list[dict[str, str]] = []
        measured_at: datetime | None = None
        if "values" in sample and sample.keys() <= _ENVELOPE:
            values = sample["values"]
            if not isinstance(values, dict):
                raise DecodeError(f"{device}/telemetry: values", "an object", values)
            measured_at = _time(sample.get("ts"), events)
        read.append((measured_at, values, events))
    times = [at for at, _, _ in read if at is not None]
    newest = max(times, default=None)
    if len(read) > 1 and times != sorted(times):
        read.sort(key=lambda entry: (entry[0] is None, 0.0 if entry[0] is None else entry[0].timestamp()))
    for measured_at, values, events in read:
        is_past = newest is not None and measured_at is not None and newest - measured_at > LIVE
        yield _sample(device, measured_at, values, events, is_past=is_past)


def _time(ts: Any, events: list[dict[str, str]]) -> datetime | None:
    if ts is None:
        return None
    try:
        return read_instant("ts", ts)
    except DecodeError as error:
        events.append({"type": "property_ignored", "property": "ts", "reason": str(error)})
        return None


def _sample(
    device: str, measured_at: datetime | None, values: dict[str, Any], events: list[dict[str, str]], *, is_past: bool
) -> Report:
    saying = Saying(device, frozenset())
    flat = flattened(f"{device}/telemetry", values)
    saying.read(flat, table_of(tuple(flat)))
    if is_past:
        saying.states.clear()
        saying.refused = None
        saying.note({"type": "history"})
    else:
        saying.tell_unknown()
    return Report(device, saying.finished(), measured_at, (*events, *saying.events)[:EVENTS_MAX])
