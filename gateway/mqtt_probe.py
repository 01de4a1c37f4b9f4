"""The probe: what a broker does with a message published at QoS 0 while its durable subscriber is away."""

from __future__ import annotations

import asyncio
from typing import Any

import gmqtt
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError

from gateway.mqtt import NO_RECONNECT, SessionRefused, quiet, tls_context
from gateway.settings import Broker

PROBE_LIMIT_S = 5.0


async def probe_qos0(broker: Broker, client_id: str, topic: str, password: str | None = None) -> str:
    """Try what the broker does with a message published at QoS 0 while its durable subscriber is away.

    "" if it arrives afterwards, at QoS 1 (`queue_qos0_messages true` and `upgrade_outgoing_qos true`); otherwise
    words that say what is lost and how to mend it. SessionRefused if the broker cannot be reached.
    """
    subscriber = _ProbeClient(broker, f"{client_id}-probe", password)
    await subscriber.connect(keep=True)
    await subscriber.subscribe(topic)
    await subscriber.close()
    publisher = _ProbeClient(broker, f"{client_id}-probe-publisher", password)
    await publisher.connect(keep=False)
    publisher.client.publish(topic, b"unconfirmed", qos=0)
    publisher.client.publish(topic, b"marker", qos=1)
    await publisher.drained()
    await publisher.close()
    await subscriber.connect(keep=True)
    arrived = await subscriber.until(b"marker")
    await subscriber.close()
    await subscriber.connect(keep=False)
    await subscriber.close()
    if b"marker" not in arrived:
        return f"could not be probed: nothing arrived on {topic}; allow this topic in the broker's ACL"
    if b"unconfirmed" not in arrived:
        return "what devices publish at QoS 0 while the gateway is down is lost; set queue_qos0_messages true"
    if arrived[b"unconfirmed"] == 0:
        return "what devices publish at QoS 0 is delivered unconfirmed; set upgrade_outgoing_qos true"
    return ""


class _ProbeClient:
    """A small client for the probe: connects, waits for its SUBACK, collects what arrives."""

    def __init__(self, broker: Broker, client_id: str, password: str | None) -> None:
        self._broker = broker
        self._password = password
        self._client_id = client_id
        self._arrived: dict[bytes, int] = {}
        self._news = asyncio.Event()
        self._granted = asyncio.Event()

    async def connect(self, *, keep: bool) -> None:
        broker = self._broker
        version = MQTTv311 if broker.protocol == "3.1.1" else MQTTv50
        expiry = {"session_expiry_interval": 60} if keep and version == MQTTv50 else {}
        self.client = gmqtt.Client(self._client_id, clean_session=not keep, logger=quiet, **expiry)
        self.client.set_config({"reconnect_retries": NO_RECONNECT, "reconnect_delay": 0})
        self.client.on_message = self._on_message
        self.client.on_subscribe = lambda *_: self._granted.set()
        if broker.username:
            self.client.set_auth_credentials(broker.username, self._password)
        try:
            async with asyncio.timeout(PROBE_LIMIT_S):
                await self.client.connect(broker.host, broker.port, ssl=tls_context(broker), version=version)
        except (TimeoutError, OSError, MQTTConnectError) as fault:
            raise SessionRefused(f"probe: {fault}") from fault

    def _on_message(self, _client: Any, _topic: str, payload: bytes, qos: int, _properties: Any) -> None:
        self._arrived.setdefault(bytes(payload), qos)
        self._news.set()

    async def subscribe(self, topic: str) -> None:
        self.client.subscribe(topic, qos=1)
        try:
            async with asyncio.timeout(PROBE_LIMIT_S):
                await self._granted.wait()
        except TimeoutError as fault:
            raise SessionRefused("probe: no SUBACK") from fault

    async def drained(self) -> None:
        try:
            async with asyncio.timeout(PROBE_LIMIT_S):
                await self.client._persistent_storage.wait_empty()
        except TimeoutError as fault:
            raise SessionRefused("probe: no PUBACK") from fault

    async def until(self, payload: bytes) -> dict[bytes, int]:
        """What arrived once `payload` did, or after the limit."""
        try:
            async with asyncio.timeout(PROBE_LIMIT_S):
                while payload not in self._arrived:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        return self._arrived

    async def close(self) -> None:
        await self.client.disconnect()
