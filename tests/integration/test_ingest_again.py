"""The MQTT session over restarts of its broker and under a flood: it hears again, and it is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.zigbee2mqtt import Zigbee2Mqtt
from gateway.clock import SystemClock
from gateway.inbox import Inbox
from gateway.metrics import Metrics
from gateway.mqtt import MqttSession
from gateway.receive.decode import Decoder, Route
from gateway.receive.inventory import Inventory
from gateway.receive.mqtt import MqttSource
from gateway.settings import Broker
from tests.bench import packets
from tests.servers import Client, Mosquitto, eventually, running

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_session_hears_again_after_a_restart_of_its_broker(tmp_path: Path, protocol: str) -> None:
    """With retain handling in its SUBSCRIBE, mosquitto drops a 3.1.1 session as malformed: connected, and deaf."""
    heard: list[str] = []
    ups: list[bool] = []

    def on_message(topic: str, _payload: bytes, _qos: int, _retained: bool, settle: Callable[[], None] | None) -> None:
        heard.append(topic)
        if settle is not None:
            settle()

    broker = Mosquitto(tmp_path / "broker").start()
    session = MqttSession(
        Broker(name="main", port=broker.port, protocol=protocol),
        "anlian-test",
        ["t/#"],
        on_message,
        lambda up, _words, _present: ups.append(up),
        lambda: 0.0,
    )
    task = asyncio.create_task(session.run())
    try:
        with running(broker):
            await eventually(lambda: ups and ups[-1])
            await asyncio.to_thread(broker.stop)
            await eventually(lambda: not ups[-1], 20)
            await asyncio.to_thread(broker.start)
            await eventually(lambda: ups[-1], 20)
            client = Client(broker.port)
            for number in range(3):
                await asyncio.to_thread(client.publish, f"t/{number}", b"x")
            await eventually(lambda: set(heard) == {"t/0", "t/1", "t/2"})
            await asyncio.sleep(0.3)
            assert ups[-1], "the broker dropped the session after its SUBSCRIBE"
            client.close()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


INBOX_BYTES = 256 * 1024
OVERSHOOT_BYTES = 6 * 1024 * 1024
"""What the stream has read when the reading stops (some 256 KB), at 9 bytes of memory a byte, and as much again."""
FLOOD = 20_000


async def _heedless_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A broker of MQTT 3.1.1 that ignores every window, as mosquitto 2.0.11 does after the first PUBACK."""
    buffer = bytearray()
    body = b'{"temperature":20.5,"filler":"%s"}' % (b"x" * 460)
    while read := await reader.read(65_536):
        buffer += read
        for kind, _, packet in packets.parse(buffer):
            if kind == packets.CONNECT:
                writer.write(b"\x20\x02\x00\x00")
            elif kind == 8:
                writer.write(b"\x90\x03" + packet[:2] + b"\x01")
                for number in range(FLOOD):
                    writer.write(packets.publish("z/d", body, number + 1))
                    if number % 64 == 0:
                        await writer.drain()
    writer.close()


async def test_the_inbox_stays_within_its_budget_under_a_flood(tmp_path: Path) -> None:
    """gmqtt's stream resumes the reading by itself: a pause that is said once is forgotten with its next buffer."""
    server = await asyncio.start_server(_heedless_broker, "127.0.0.1", 0)
    inbox, metrics = Inbox(bytes_max=INBOX_BYTES), Metrics()
    decoder = Decoder(Inventory([]), inbox, SystemClock(), metrics, 4096, lambda *_: None)
    route = Route("z", "home-a", "z", Zigbee2Mqtt(prefix="z"))
    mine = Broker(name="main", port=server.sockets[0].getsockname()[1], probe_qos0=False, protocol="3.1.1")
    source = MqttSource(mine, [route], decoder, inbox, metrics, lambda: 0.0, tmp_path / "state", lambda *_: None)
    task = asyncio.create_task(source.run())
    most = taken = 0
    try:
        async with asyncio.timeout(60):
            while taken < FLOOD:
                most = max(most, inbox._bytes)
                taken += sum(delivery.settle is not None for delivery in inbox.take(16))
                await asyncio.sleep(0)
        assert most < INBOX_BYTES + OVERSHOOT_BYTES
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
