"""How long a gateway with a large home and a long journal takes from its start to its first decision."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from devices.reading import Reading, Report
from gateway.clock import SystemClock
from gateway.load import load
from gateway.record.journal import SqliteRecord
from gateway.record.record import JournalEntry
from rules.engine import Engine
from rules.inputs import ReadingsArrived, SiteChanged
from tests.bench.latency import Ends
from tests.bench.machine import Noise, median
from tests.bench.plant import HOME, PROBES, Broker, Gateway, PlantFailed
from tests.bench.rows import Row

PART = "Boot (a journal from before, a packet that waits in the broker)"
BATCH = 512
SINCE_SNAPSHOT = 19_999
"""Entries that are decided again at the start: one less than `snapshot_every` allows, the worst case."""


async def write_journal(gateway: Gateway, rows: int) -> None:
    """A journal of `rows` inputs of telemetry that ends now, with the snapshot as old as it may be."""
    configuration = load(gateway.settings)
    site = configuration.sites[0]
    clock = SystemClock()
    path = configuration.settings.data_dir / "journal.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    record = await SqliteRecord.open(path, clock=clock)
    try:
        head = await record.open_stream(site.id)
        engine = Engine(site.id, head.epoch)
        step = timedelta(milliseconds=5)  # every device is heard well within its silence limit
        at = clock.now() - step * (rows + 1)
        first = SiteChanged(at=at, site=site, rules=configuration.rules, ruleset=configuration.ruleset)
        await record.commit([JournalEntry(site.id, head.epoch, 1, at, first, engine.step(first))])
        entries: list[JournalEntry] = []
        names = [device.id for device in site.devices]
        snapshot_at = max(2, rows - SINCE_SNAPSHOT)
        for seq in range(2, rows + 1):
            at += step
            said = (Reading("temperature", 20.0 + seq % 64 / 16), Reading("humidity", 50.0))
            happened = ReadingsArrived(at=at, source="zigbee", reports=(Report(names[seq % len(names)], said),))
            if seq < snapshot_at:
                effects = ()
                engine.seq = seq
            else:
                effects = engine.step(happened)
            entries.append(JournalEntry(site.id, head.epoch, seq, at, happened, effects))
            if seq in (snapshot_at, rows) or len(entries) == BATCH:
                snapshots = {site.id: (seq, engine.snapshot())} if seq == snapshot_at else {}
                await record.commit(entries, snapshots=snapshots)
                entries = []
    finally:
        await record.close()


def measure(folder: Path, *, devices: int, rows: int, runs: int, say: Callable[[str], None]) -> list[Row]:
    """Write the journal once, then start, decide one waiting packet, stop, several times."""
    broker = Broker(folder / "broker").start()
    gateway = Gateway(folder / "gateway", broker.port, None, devices=devices - PROBES - 1)
    seconds: list[float] = []
    try:
        gateway.start()
        gateway.stop()
        for old in (folder / "gateway" / "data").glob("journal.db*"):
            old.unlink()
        began = time.monotonic()
        asyncio.run(write_journal(gateway, rows))
        say(f"boot: journal of {rows:,} rows written in {time.monotonic() - began:.0f} s")
        noise = Noise()
        for run in range(runs):
            seconds.append(_first_decision(broker, gateway, f"probe-{run}"))
            gateway.kill()
    finally:
        gateway.stop()
        broker.stop()
    say(f"boot: first decision after {median(seconds):.1f} s")
    return [
        Row(
            part=PART,
            name="Start to first alarm",
            means="From the start of the program to the alarm of a packet that had waited, after a kill -9.",
            value=median(seconds),
            unit="s",
            budget=5.0,
            measured=f"{devices:,} devices, a journal of {rows:,} rows, {SINCE_SNAPSHOT:,} of them since the snapshot",
            noise=noise.share(),
            runs=tuple(seconds),
        )
    ]


def _first_decision(broker: Broker, gateway: Gateway, subject: str) -> float:
    ends = Ends(broker.port, f"anlian/v1/{HOME}/alarm")
    try:
        ends.send(f"anlian/v1/{HOME}/{subject}/telemetry", b'{"points":{"door.open":true}}')
        began = time.perf_counter()
        gateway.start(wait=False)
        arrived = ends.wait(lambda payload: json.loads(payload)["subject"] == subject, 60.0)
        if arrived is None:
            raise PlantFailed(f"no alarm within 60 s of the start; its log: {gateway.log.read_text()[-2000:]}")
        return arrived - began
    finally:
        ends.close()
