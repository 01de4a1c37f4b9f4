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
}
GAUGES = {
    "inbox_depth": "Inputs that wait to be decided",
    "unsettled": "Alarm packets held back from acknowledgement while the journal cannot be written",
}


class Metrics(Collector):
    """The counters, as attributes of plain integers (`metrics.packets += 1`)."""

    packets = readings = decode_failed = oversized = refused = unregistered = without_content = 0
    inputs = effects = commits = faults = lost = acknowledged = 0
    inbox_depth = unsettled = 0

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
