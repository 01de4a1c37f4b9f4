"""What the gateway costs on an edge box that has little to do: processor, memory, and what wears the flash."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.machine import Noise, used
from tests.bench.plant import Broker, Gateway, Publishing, Store
from tests.bench.rows import Row

PART = "Idle cost (500 devices that speak every 10 s, group_ms = 500)"
DEVICES = 500
RATE = 50
_CORE_SHARE_MAX = 0.05
_RSS_MAX_MIB = 150
_BYTES_MAX = 2048


def measure(folder: Path, *, seconds: float, say: Callable[[str], None]) -> list[Row]:
    """A quiet home for a while, on a broker, a store and a gateway of its own."""
    broker = Broker(folder / "broker").start()
    store = Store(folder / "store").begin()
    gateway = Gateway(folder / "gateway", broker.port, store, devices=DEVICES, group_ms=500)
    gateway.publish_definitions()
    publishing = None
    settle_s = min(4.0, seconds)
    try:
        gateway.start()
        publishing = Publishing(
            mode="paced", port=broker.port, client="quiet", devices=DEVICES, rate=RATE, seconds=seconds + settle_s + 1
        )
        publishing.go()
        time.sleep(settle_s)
        before, rows_before = used(gateway.pid), store.rows()
        noise = Noise()
        began = time.monotonic()
        time.sleep(seconds)
        after, stored = used(gateway.pid), store.rows() - rows_before
        lasted = time.monotonic() - began
        share = noise.share()
    finally:
        if publishing is not None:
            publishing.stop()
        gateway.stop()
        store.kill()
        broker.stop()
    cost = (after.cpu - before.cpu) / lasted
    written = (after.written - before.written) / max(stored, 1)
    say(f"idle: {cost * 100:.1f} % of a core, {after.rss_mib:.0f} MiB, {written:.0f} bytes a packet")
    return [
        Row(
            part=PART,
            name="Processor",
            means="Share of one core that the gateway uses in a quiet home with 100 rules.",
            value=cost * 100,
            unit="%",
            budget=_CORE_SHARE_MAX * 100,
            noise=share,
        ),
        Row(
            part=PART,
            name="Memory",
            means="What the gateway's process holds in RAM.",
            value=after.rss_mib,
            unit="MiB",
            budget=_RSS_MAX_MIB,
            measured=f"at most {after.peak_mib:.0f} MiB since its start",
        ),
        Row(
            part=PART,
            name="Written to disk for each packet",
            means="All that the gateway's process has the disk write (journal, its log, cursors), divided by packets.",
            value=written,
            unit="bytes",
            budget=_BYTES_MAX,
            measured=f"{stored:,} packets of 4 to 19 readings in {lasted:.0f} s",
        ),
    ]
