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
import structlog
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError

from gateway.backoff import Jitter, backoff_seconds
from gateway.mqtt_frames import take_publishes
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
_PUBACK = b"\x40\x02"
NO_RECONNECT = -2
"""The library's word for: once, and no more."""

log = structlog.get_logger("mqtt")
quiet = logging.getLogger("gmqtt")
quiet.setLevel(logging.CRITICAL)  # what it would say is said by on_link, in words for a person


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
            logger=quiet,
        )
        client.set_config({"reconnect_retries": NO_RECONNECT, "reconnect_delay": 0})
        self._client = client
        client._package_handler._handle_qos_1_publish_packet = self._on_qos1
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
        mine = self._acknowledgements = _Acknowledgements(client._connection, asyncio.get_running_loop())
        protocol = client._connection._protocol
        protocol._read_packet = partial(self._read_packets, mine, protocol._read_packet)
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

    def _read_packets(self, acknowledgements: _Acknowledgements, library: Callable[[bytes], int], data: bytes) -> int:
        """In place of the library's reader: how many bytes of `data` were whole packets (-1: no MQTT, it closes).

        From the first packet on that is not a plain PUBLISH the library reads. That it never learns of the others
        only makes it send its PINGREQ a little more often.
        """
        if acknowledgements is not self._acknowledgements:
            return library(data)

        def take(raw: bytes, packet_id: int, payload: bytes, retained: bool) -> None:
            topic = topics.get(raw)
            if topic is None:
                topic = self._remember(raw)
            try:
                on_message(topic, payload, 1, retained, partial(send, packet_id))
            except Exception as fault:  # the reading must go on: the packet stays unacknowledged and comes again
                log.critical("a packet could not be taken", topic=topic, exc_info=fault)
            if self._paused:
                self._stop_reading()

        topics, on_message, send = self._topics, self._on_message, acknowledgements.send
        used, odd = take_publishes(data, self._version == MQTTv50, take)
        if odd:
            rest = library(data[used:])
            return rest if rest < 0 else used + rest
        return used

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
