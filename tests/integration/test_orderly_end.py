"""An orderly end under load: what was read is acknowledged, and after the start no row takes the time of another."""

from __future__ import annotations

import signal
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.record.journal import SqliteRecord
from rules.inputs import ReadingsArrived
from tests.bench import packets
from tests.servers import GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration

TOPIC = "anlian/v1/home-a/smoke-204/telemetry"
SITE_SOURCE = 'source = "zigbee"'


def flood(port: int, first: int, count: int) -> None:
    """Numbered packets of one device, as fast as the broker takes them: many more than one in a millisecond."""
    connection = packets.opened(port, f"flood-{first}")
    body = b"".join(
        packets.publish(TOPIC, b'{"points":{"temperature":%d.5}}' % (number % 50), number - first + 1)
        for number in range(first, first + count)
    )
    connection.sendall(body)
    acknowledged = 0
    buffer = bytearray()
    while acknowledged < count:
        buffer += connection.recv(65_536)
        acknowledged += sum(kind == 4 for kind, _, _ in packets.parse(buffer))
    connection.close()


async def rows(folder: Path) -> list[int]:
    """The row times of the device's reports in the journal, in order."""
    record = await SqliteRecord.open(folder / "data" / "journal.db", clock=SystemClock())
    found: list[int] = []
    try:
        await record.open_stream("home-a")
        after = 0
        while entries := await record.read("home-a", after, 2048):
            after = entries[-1].seq
            for entry in entries:
                if isinstance(entry.input, ReadingsArrived):
                    found += [report.stored_at for report in entry.input.reports if report.device == "smoke-204"]
    finally:
        await record.close()
    return found


async def test_nothing_comes_twice_and_no_row_takes_the_time_of_another(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    gateway = GatewayProcess(tmp_path / "gw", broker.port)
    site = tmp_path / "gw" / "site.toml"
    site.write_text(site.read_text().replace(SITE_SOURCE, 'source = "native"'))
    with running(broker, gateway):
        gateway.start()
        flood(broker.port, 0, 8000)
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
        gateway.start()
        flood(broker.port, 8000, 50)
        wait_until(lambda: _inputs(gateway) >= 50, 20, "the rest is decided")
        assert gateway.stop() == 0
    stored = await rows(tmp_path / "gw")
    assert len(stored) == 8050, "each once: what was read before the end was acknowledged"
    assert [time for time, count in Counter(stored).items() if count > 1] == []
    assert stored == sorted(stored)


def _inputs(gateway: GatewayProcess) -> int:
    """Packets with readings that this run of the gateway acknowledged."""
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.console_port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    lines = (line.split() for line in text.splitlines())
    return next(int(float(line[1])) for line in lines if line[0] == "anlian_acknowledged_total")
