"""How many messages a second: to a C subscriber, and through the gateway onto disk and into InfluxDB."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

import msgspec

from tests.bench.machine import Noise, Used, median, used
from tests.bench.plant import Broker, Gateway, Publishing, Store, until
from tests.bench.rows import Row

PART = "Throughput (QoS 1, every message decoded, decided, journalled, acknowledged and counted in InfluxDB)"
WINDOW = 4000
"""Messages that the publisher has on the way without PUBACK: enough that it never waits for the subscriber."""

OTHER_ROOT = "x/"
"""Where the limit is measured: topics that the gateway does not read."""


class Flood(msgspec.Struct, frozen=True):
    """One flood: messages a second from the first sent to the last received, and the publisher's own rate."""

    rate: float
    publisher: float
    noise: float
    cpu_us: float = 0.0
    broker_us: float = 0.0
    store_us: float = 0.0
    rss_mib: float = 0.0
    missing: int = 0
    surplus: int = 0


def _publisher(broker: Broker, devices: int, count: int, seed: int, root: str) -> Publishing:
    return Publishing(
        mode="flood",
        port=broker.port,
        client="bench-flood",
        devices=devices,
        count=count,
        window=WINDOW,
        seed=seed,
        root=root,
    )


def _rate(count: int, ended: float, answer: dict[str, Any]) -> tuple[float, float]:
    return count / (ended - answer["began"]), count / (answer["ended"] - answer["began"])


def limit(broker: Broker, devices: int, count: int, seed: int) -> Flood:
    """The same load to mosquitto_sub: no client written in C gets more out of this broker."""
    subscriber = subprocess.Popen(
        ["mosquitto_sub", "-p", str(broker.port), "-q", "1", "-t", f"{OTHER_ROOT}#", "-C", str(count), "-i", "limit"],
        stdout=subprocess.DEVNULL,
    )
    publishing = _publisher(broker, devices, count, seed, OTHER_ROOT)
    noise = Noise()
    try:
        publishing.go()
        subscriber.wait(120)
        ended = time.monotonic()
        rate, publisher = _rate(count, ended, publishing.answer())
    finally:
        publishing.stop()
        subscriber.kill()
        subscriber.wait(5)
    return Flood(rate, publisher, noise.share())


def through_gateway(broker: Broker, store: Store, gateway: Gateway, devices: int, count: int, seed: int) -> Flood:
    """The same load through the gateway: over when InfluxDB counts all of it."""
    publishing = _publisher(broker, devices, count, seed, "")
    before = store.rows()
    pids = (gateway.pid, broker.pid, store.pid)
    began = [used(pid) for pid in pids]
    noise = Noise()
    try:
        publishing.go()
        stored = _follow(lambda: store.rows() - before, count)
        ended = time.monotonic()
        share = noise.share()
        finished: list[Used] = [used(pid) for pid in pids]
        rate, publisher = _rate(count, ended, publishing.answer())
    finally:
        publishing.stop()
    spent = [(after.cpu - early.cpu) / count * 1e6 for early, after in zip(began, finished, strict=True)]
    return Flood(
        rate,
        publisher,
        share,
        *spent,
        rss_mib=finished[0].peak_mib,
        missing=max(count - stored, 0),
        surplus=max(stored - count, 0),
    )


def _follow(stored: Callable[[], int], count: int, stalled_s: float = 20.0) -> int:
    """Wait until `count` rows are stored, or none has come for `stalled_s`."""
    last, moved_at = -1, time.monotonic()
    while True:
        now = stored()
        if now >= count:
            return now
        if now != last:
            last, moved_at = now, time.monotonic()
        elif time.monotonic() - moved_at > stalled_s:
            return now
        # Counting costs the store some milliseconds: seldom enough not to be measured itself.
        time.sleep(0.25)


def measure(
    broker: Broker,
    store: Store,
    gateway: Gateway,
    devices: int,
    *,
    runs: int,
    count: int,
    say: Callable[[str], None],
) -> list[Row]:
    """`runs` floods of each kind in turns, and their rows."""
    limits: list[Flood] = []
    floods: list[Flood] = []
    for run in range(runs):
        limits.append(limit(broker, devices, count, run + 1))
        floods.append(through_gateway(broker, store, gateway, devices, count, run + 1))
        say(
            f"throughput {run + 1}/{runs}: C subscriber {limits[-1].rate:,.0f}/s, gateway {floods[-1].rate:,.0f}/s, "
            f"publisher {floods[-1].publisher:,.0f}/s, {floods[-1].cpu_us:.0f} us of CPU a message, "
            f"others used {floods[-1].noise * 100:.0f} %"
        )
        until(lambda: gateway.process is not None and gateway.process.poll() is None, 1, "the gateway lives")
    return _rows(limits, floods)


def _rows(limits: list[Flood], floods: list[Flood]) -> list[Row]:
    ratios = tuple(flood.rate / bound.rate for flood, bound in zip(floods, limits, strict=True))
    pace = tuple(one.publisher / one.rate for one in (*limits, *floods))
    noise = median([flood.noise for flood in floods])
    return [
        Row(
            part=PART,
            name="Limit: broker to a C subscriber",
            means="Messages a second that mosquitto_sub, written in C, receives from this broker and throws away.",
            value=median([one.rate for one in limits]),
            unit="msg/s",
            noise=median([one.noise for one in limits]),
            runs=tuple(one.rate for one in limits),
        ),
        Row(
            part=PART,
            name="Gateway, durable",
            means="Messages a second until InfluxDB counts every one; each was on disk before its PUBACK.",
            value=median([one.rate for one in floods]),
            unit="msg/s",
            noise=noise,
            runs=tuple(one.rate for one in floods),
        ),
        Row(
            part=PART,
            name="Gateway / limit",
            means="1 would be as fast as a C program that keeps nothing; all share the same cores.",
            value=median(ratios),
            budget=0.5,
            at_least=True,
            noise=noise,
            runs=ratios,
        ),
        Row(
            part=PART,
            name="Publisher / subscriber",
            means="Above 1 in every run: the load was there first, so the receiver was measured, not the sender.",
            value=min(pace),
            budget=1.0,
            at_least=True,
        ),
        *_cost_rows(floods, noise),
    ]


def _cost_rows(floods: list[Flood], noise: float) -> list[Row]:
    first = floods[0]
    return [
        Row(
            part=PART,
            name="Readings lost in the floods",
            means="Messages that InfluxDB never counted.",
            value=float(sum(one.missing for one in floods)),
            budget=0,
            measured=f"{sum(one.surplus for one in floods)} stored twice (delivered twice by the broker)",
        ),
        Row(
            part=PART,
            name="CPU per message",
            means="Time of one core that the gateway spends on one message under flood, the steadiest figure of all.",
            value=median([one.cpu_us for one in floods]),
            unit="us",
            measured=f"beside it the broker {first.broker_us:.0f} us and InfluxDB {first.store_us:.0f} us",
            noise=noise,
            runs=tuple(one.cpu_us for one in floods),
        ),
        Row(
            part=PART,
            name="Memory under flood",
            means="The most memory that the gateway ever held while messages arrived faster than it could write them.",
            value=max(one.rss_mib for one in floods),
            unit="MiB",
        ),
    ]
