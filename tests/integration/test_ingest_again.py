"""The MQTT session over restarts of a broker, in both protocols: it must hear again, not only be connected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.mqtt import MqttSession
from gateway.settings import Broker
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
