"""The one door to MQTT for reading: a durable session whose PUBACKs are ours to send, after the commit.

It stands around gmqtt (docs/decisions/0001), whose own deferred acknowledgement starts a task for every
message and sends a PUBACK on whatever connection is then open. Here the packet identifier is kept with the
connection it came on: after a reconnect the broker delivers again, and an old identifier must not
acknowledge a new message. PUBACKs that fall due together leave in one write.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gmqtt
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError

from gateway.backoff import Jitter, backoff_seconds
from gateway.settings import Broker

Settle = Callable[[], None]
OnMessage = Callable[[str, bytes, int, bool, Settle | None], None]
"""topic, payload, qos, retained, settle (None at QoS 0: nothing to acknowledge)."""

CONNECT_LIMIT_S = 10.0
BACKOFF_FIRST_S = 0.5
BACKOFF_MOST_S = 30.0
STEADY_S = 30.0
"""A connection that lasted this long starts the back-off anew."""

TOPICS_KEPT_MAX = 20_000
"""Topics whose text is remembered; beyond, the memory is emptied (bounded, whatever is published)."""

_UNSUPPORTED_PROTOCOL = (1, 132)
_NO_PROPERTIES = b"\x00"
_PUBACK = b"\x40\x02"
_NO_RECONNECT = -2

_quiet = logging.getLogger("gmqtt")
_quiet.setLevel(logging.CRITICAL)  # what it would say is said by on_link, in words for a person


class SessionRefused(Exception):
    """The broker refused us, or could not be reached; the text says why and what to mend."""


def tls_context(broker: Broker) -> ssl.SSLContext | bool:
    """TLS as the settings ask for it: the county's own authority, and our certificate where there is one."""
    if broker.tls is None:
        return False
    context = ssl.create_default_context(cafile=str(broker.tls.ca) if broker.tls.ca else None)
    if broker.tls.certificate is not None:
        context.load_cert_chain(str(broker.tls.certificate), str(broker.tls.key) if broker.tls.key else None)
    return context


class _Acknowledgements:
    """The PUBACKs of one connection: collected during one turn of the loop, written at once."""

    def __init__(self, connection: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._due: list[bytes] = []

    def send(self, packet_id: int) -> None:
        if not self._due:
            self._loop.call_soon(self._flush)
        self._due.append(_PUBACK + packet_id.to_bytes(2, "big"))

    def _flush(self) -> None:
        due, self._due = self._due, []
        if not self._connection.is_closing():
            self._connection.send_package(b"".join(due))


class MqttSession:
    """One durable session on one broker: connects for ever, subscribes at QoS 1, hands messages on with their settle.

    `on_link(up, words, session_present)` is called at every change; `words` say what happened. Callbacks run on
    the event loop and must not block. `pause` stops reading the socket, `resume` goes on: the gateway's memory is
    bounded even where a broker ignores the receive maximum (mosquitto 2.0.11 does).
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        filters: Sequence[str],
        on_message: OnMessage,
        on_link: Callable[[bool, str, bool], None],
        jitter: Jitter,
        password: str | None = None,
    ) -> None:
        self._broker = broker
        self._password = password
        self._client_id = client_id
        self._filters = tuple(filters)
        self._on_message = on_message
        self._on_link = on_link
        self._jitter = jitter
        self._version = MQTTv311 if broker.protocol == "3.1.1" else MQTTv50
        self._client: gmqtt.Client | None = None
        self._acknowledgements: _Acknowledgements | None = None
        self._subscribed_before = False
        self._paused = False
        self._topics: dict[bytes, str] = {}
        self._unusual: Callable[[int, bytes], None] = lambda *_: None

    @property
    def protocol(self) -> str:
        """The protocol in use: "5" or "3.1.1"."""
        return "5" if self._version == MQTTv50 else "3.1.1"

    async def run(self) -> None:
        """Keep the session until cancelled: connect, read, reconnect with jittered back-off, for ever."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            lost = asyncio.Event()
            try:
                await self._connect(lost)
                started = loop.time()
                await lost.wait()
                if loop.time() - started >= STEADY_S:
                    failures = 0
                self._on_link(False, f"connection to {self._where} lost", False)
            except SessionRefused as refusal:
                self._on_link(False, str(refusal), False)
            finally:
                await self._drop()
            failures += 1
            await asyncio.sleep(backoff_seconds(failures, self._jitter, first=BACKOFF_FIRST_S, most=BACKOFF_MOST_S))

    @property
    def _where(self) -> str:
        return f"{self._broker.host}:{self._broker.port}"

    async def _connect(self, lost: asyncio.Event) -> None:
        broker = self._broker
        client = gmqtt.Client(
            self._client_id,
            clean_session=False,
            optimistic_acknowledgement=False,
            session_expiry_interval=broker.session_expiry_days * 86_400,
            receive_maximum=broker.receive_maximum,
            logger=_quiet,
        )
        client.set_config({"reconnect_retries": _NO_RECONNECT, "reconnect_delay": 0})
        self._client = client
        handler = client._package_handler
        self._unusual = handler._handle_publish_packet
        handler._handle_publish_packet = self._on_publish
        handler._handle_qos_1_publish_packet = self._on_qos1
        client.on_message = self._on_qos0
        client.on_disconnect = lambda *_: lost.set()
        client.on_connect = lambda _c, flags, _rc, _p: self._connected(client, bool(flags & 1))
        try:
            if broker.username:
                client.set_auth_credentials(broker.username, self._password)
            context = tls_context(broker)
            await self._handshake(client, context, lost)
        except (TimeoutError, OSError, ssl.SSLError, MQTTConnectError) as fault:
            raise SessionRefused(self._why(fault)) from fault

    async def _handshake(self, client: gmqtt.Client, context: ssl.SSLContext | bool, lost: asyncio.Event) -> None:
        broker = self._broker
        connecting = asyncio.ensure_future(
            client.connect(
                broker.host, broker.port, ssl=context, keepalive=broker.keepalive_s, version=self._version
            )
        )
        losing = asyncio.ensure_future(lost.wait())
        try:
            await asyncio.wait({connecting, losing}, timeout=CONNECT_LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                connecting.result()
                return
            if lost.is_set() and broker.protocol == "auto":
                # An old broker may close at an MQTT 5 CONNECT without a word: try the other version next.
                raise MQTTConnectError(_UNSUPPORTED_PROTOCOL[0])
            raise TimeoutError
        except MQTTConnectError as refusal:
            if refusal._code in _UNSUPPORTED_PROTOCOL and broker.protocol == "auto":
                self._version = MQTTv311 if self._version == MQTTv50 else MQTTv50
            raise
        finally:
            for task in (connecting, losing):
                task.cancel()
            await asyncio.gather(connecting, losing, return_exceptions=True)

    def _why(self, fault: Exception) -> str:
        if isinstance(fault, MQTTConnectError):
            if fault._code in _UNSUPPORTED_PROTOCOL and self._broker.protocol == "auto":
                return f"{self._where} closed at the CONNECT; trying MQTT {self.protocol}"
            return f"{self._where} refused the connection: {fault.message}; check user, password and ACL"
        if isinstance(fault, ssl.SSLError):
            return f"TLS to {self._where} failed: {fault.reason or fault}; check the ca file and the host name"
        if isinstance(fault, TimeoutError):
            return f"{self._where} did not answer the MQTT CONNECT within {CONNECT_LIMIT_S:g} s"
        return f"{self._where} cannot be reached: {fault}"

    def _connected(self, client: gmqtt.Client, session_present: bool) -> None:
        self._acknowledgements = _Acknowledgements(client._connection, asyncio.get_running_loop())
        # Subscribed anew every time: a broker that lost the session has lost the subscription too. Retained messages
        # come once for each start of ours (retain handling 1 afterwards), not at every reconnect. MQTT 3.1.1 has no
        # such option: a broker drops the connection at it, again and again, and we would be deaf for good.
        again = self._subscribed_before and session_present and self._version == MQTTv50
        handling = 1 if again else 0
        client.subscribe(
            [gmqtt.Subscription(name, qos=1, retain_handling_options=handling) for name in self._filters]
        )
        self._subscribed_before = True
        if self._paused:
            self.pause()
        self._on_link(True, f"connected to {self._where} with MQTT {self.protocol}", session_present)

    def _on_publish(self, command: int, body: bytes) -> None:
        """A PUBLISH as it comes by the thousand: QoS 1, no properties. The library reads all others."""
        acknowledgements = self._acknowledgements
        at = 4 + (body[0] << 8 | body[1])
        plain = self._version == MQTTv311 or body[at : at + 1] == _NO_PROPERTIES
        if command & 0x06 != 0x02 or not plain or at == 4 or len(body) < at or acknowledgements is None:
            self._unusual(command, body)
            return
        raw = body[2 : at - 2]
        topic = self._topics.get(raw)
        if topic is None:
            topic = self._remember(raw)
        settle = partial(acknowledgements.send, body[at - 2] << 8 | body[at - 1])
        payload = body[at:] if self._version == MQTTv311 else body[at + 1 :]
        self._on_message(topic, payload, 1, bool(command & 1), settle)
        if self._paused:
            self._stop_reading()

    def _remember(self, raw: bytes) -> str:
        """A topic's text, kept: they come again and again. One that is no UTF-8 is shown with its bytes escaped."""
        if len(self._topics) >= TOPICS_KEPT_MAX:
            self._topics.clear()
        topic = self._topics[raw] = raw.decode("utf-8", "backslashreplace")
        return topic

    def _on_qos1(self, packet_id: int, payload: bytes, topic: str, properties: dict[str, Any]) -> None:
        acknowledgements = self._acknowledgements
        if acknowledgements is None:
            return
        self._on_message(topic, payload, 1, bool(properties["retain"]), lambda: acknowledgements.send(packet_id))

    def _on_qos0(self, _client: Any, topic: str, payload: bytes, qos: int, properties: dict[str, Any]) -> None:
        self._on_message(topic, payload, qos, bool(properties["retain"]), None)

    def pause(self) -> None:
        """Stop reading from the socket: the broker has to keep what comes."""
        self._paused = True
        self._stop_reading()

    def _stop_reading(self) -> None:
        """The library's stream starts the reading by itself whenever its buffer runs low: stopped again each time."""
        if self._client is not None and self._client._connection is not None:
            transport = self._client._connection._transport
            if transport.is_reading() and not transport.is_closing():
                transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        if self._client is not None and self._client._connection is not None:
            transport = self._client._connection._transport
            if not transport.is_closing() and not transport.is_reading():
                transport.resume_reading()

    async def _drop(self) -> None:
        client, self._client, self._acknowledgements = self._client, None, None
        if client is None or client._connection is None:
            return
        client.on_disconnect = lambda *_: None
        try:
            async with asyncio.timeout(2.0):
                await client.disconnect()
        except (TimeoutError, OSError):
            client._connection._transport.abort()


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
        self.client = gmqtt.Client(self._client_id, clean_session=not keep, logger=_quiet, **expiry)
        self.client.set_config({"reconnect_retries": _NO_RECONNECT, "reconnect_delay": 0})
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
