"""Every counter of the gateway, declared in one place. Plain integers on the hot path, Prometheus at the door."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

COUNTERS = {
    "packets": "Packets received",
    "readings": "Readings decoded",
    "decode_failed": "Packets that could not be decoded (kept in quarantine)",
    "oversized": "Packets beyond payload_max",
    "refused": "Packets refused: topic of another home, or outside every prefix",
    "unregistered": "Reports of devices that the site files do not name",
    "without_content": "Packets understood that hold no reading (bridge messages, removals)",
    "inputs": "Inputs decided",
    "effects": "Effects asked for",
    "commits": "Commits of the journal",
    "faults": "Inputs that made the engine raise (kept in quarantine)",
    "lost": "Readings acknowledged while the journal could not be written, and not recorded",
    "acknowledged": "Packets acknowledged to their broker after the commit",
    "messages_again": "Messages taken up again after a restart, no end of theirs on record: perhaps handed over twice",
    "sms_sent": "Short messages that a modem here has sent",
    "sms_failed": "Short messages that a modem here could not send, or the network not deliver",
    "sms_replies": "Replies by short message that took an incident on",
    "sms_replies_unknown": "Replies by short message with no code, or with one that is unknown or over",
    "sms_strangers": "Short messages from numbers that were sent none (thrown away)",
    "calls_made": "Voice calls made over a line here",
    "calls_answered": "Voice calls in which the incident was taken on by a key",
}
GAUGES = {
    "inbox_depth": "Inputs that wait to be decided",
    "unsettled": "Alarm packets held back from acknowledgement while the journal cannot be written",
    "sms_lag_ms": "From hand-over to sent, the last short message, in milliseconds",
    "sms_waiting": "Short messages that wait for a modem here",
}


class Metrics(Collector):
    """The counters, as attributes of plain integers (`metrics.packets += 1`)."""

    packets = readings = decode_failed = oversized = refused = unregistered = without_content = 0
    inputs = effects = commits = faults = lost = acknowledged = 0
    messages_again = 0
    sms_sent = sms_failed = sms_replies = sms_replies_unknown = sms_strangers = calls_made = calls_answered = 0
    inbox_depth = unsettled = sms_lag_ms = sms_waiting = 0

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """What Prometheus scrapes."""
        for name, words in COUNTERS.items():
            yield CounterMetricFamily(f"anlian_{name}", words, value=getattr(self, name))
        for name, words in GAUGES.items():
            yield GaugeMetricFamily(f"anlian_{name}", words, value=getattr(self, name))

    def as_dict(self) -> dict[str, int]:
        """All counters and gauges by name, for the health page."""
        return {name: getattr(self, name) for name in (*COUNTERS, *GAUGES)}

    def registry(self) -> CollectorRegistry:
        """A registry of its own with these metrics."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return registry
