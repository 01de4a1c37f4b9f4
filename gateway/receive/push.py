"""The one door for platforms that push over HTTP: `POST /push/<source>`, the body is the packet.

A push is answered 200 only after the commit that holds it, so a platform that goes by the status sends again what a
crash took. All of them do (CTWing, IoTDA, OceanConnect, OneNET, ChirpStack, The Things Stack: any 2xx is taken, the
body is for people), with patience of 5 s to 15 s; what comes twice because of it is journalled twice and alarms once.

    200  taken and on disk                       413  longer than body_max; nothing was read of it
    401  wrong token or signature                429  more than per_minute of a source
    403  not from one of its networks            503  not on disk in time, or too much waits: send again
    404  no source of this name                  408  the body did not come to its end in time

Who is asked: a token (`Authorization: Bearer …`, `X-Token: …`, or `?token=…` where a platform can set nothing but the
address), a signature (HMAC-SHA256 of the body, hex or base64, in `signature_header`), or both. A wrong one touches
nothing: no engine, no journal, no allowance of those who know the right one. GET changes nothing; OneNET's check of
an address (`GET ?msg=…`) is answered with its text to whoever has the token.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route as WebRoute

from devices.catalog import CODECS
from gateway.clock import Clock
from gateway.inbox import Inbox
from gateway.load_settings import Secrets
from gateway.metrics import Metrics
from gateway.receive.decode import Decoder, Route
from gateway.settings import Push

SETTLE_S: Final = 10.0
"""How long a push waits for its commit before its sender is asked to send again."""

BODY_S: Final = 10.0
WAITING_MAX: Final = 64
"""Pushes of one source that may wait for their commit at a time; more are asked to come again."""

BURST_SHARE: Final = 6
BURST_MIN: Final = 10
ECHO_MAX: Final = 128
EVENT_MAX: Final = 32
LENGTH_DIGITS: Final = 12
TOPIC: Final = "push"
RETRY_AFTER: Final = {"Retry-After": "5"}

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Refused(Exception):
    """A push that is not taken: the status that says so, and words for whoever set the platform up."""

    def __init__(self, status: int, words: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.words = words
        self.headers = dict(headers or {})
        super().__init__(words)


class Allowance:
    """So many a minute, a sixth of them at once (10 at least); what is not used comes back evenly."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._per_second = per_minute / 60
        self._most = max(per_minute / BURST_SHARE, BURST_MIN)
        self._left = self._most
        self._clock = clock
        self._at = clock.monotonic()

    def take(self) -> bool:
        """Whether one more may come now."""
        at = self._clock.monotonic()
        self._left = min(self._most, self._left + (at - self._at) * self._per_second)
        self._at = at
        if self._left < 1:
            return False
        self._left -= 1
        return True


class PushSource:
    """One address that a platform pushes to: who may, how often, and the codec that reads it."""

    def __init__(self, setting: Push, token: str | None, secret: str | None, clock: Clock) -> None:
        if not token and not secret:
            raise ValueError(f"push {setting.name}: neither a token nor a secret, anybody could report")
        self.setting = setting
        self.route = Route(setting.name, setting.home, "", CODECS[setting.codec](prefix=""), setting.registered_only)
        self.allowance = Allowance(setting.per_minute, clock)
        self.waiting = 0
        self._token = token.encode() if token else None
        self._secret = secret.encode() if secret else None
        self._networks: tuple[_Network, ...] = tuple(map(ipaddress.ip_network, setting.networks))

    def check_address(self, host: str) -> None:
        """Refuse who does not come from one of the networks, where there are any."""
        if not self._networks:
            return
        try:
            address = ipaddress.ip_address(host)
        except ValueError as error:
            raise Refused(403, "this address may not push here") from error
        if not any(address in network for network in self._networks):
            raise Refused(403, "this address may not push here")

    def check_token(self, request: Request) -> None:
        """Refuse a wrong token. Takes as long for any wrong one of a length."""
        if self._token is None:
            return
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        given = bearer if scheme.lower() == "bearer" else request.headers.get("x-token")
        given = given or request.query_params.get("token", "")
        if not hmac.compare_digest(given.encode(), self._token):
            raise Refused(401, "wrong or no token", {"WWW-Authenticate": "Bearer"})

    def check_signature(self, given: str, body: bytes) -> None:
        """Refuse a body that was not signed with the secret."""
        if self._secret is None:
            return
        wanted = hmac.new(self._secret, body, hashlib.sha256).digest()
        if not hmac.compare_digest(_digest(given), wanted):
            raise Refused(401, f"wrong or no HMAC-SHA256 of the body in {self.setting.signature_header}")


class PushReceiver:
    """Takes pushes of all sources and answers each after its commit."""

    def __init__(
        self,
        sources: Mapping[str, PushSource],
        decoder: Decoder,
        inbox: Inbox,
        metrics: Metrics,
        *,
        settle_s: float = SETTLE_S,
        body_s: float = BODY_S,
    ) -> None:
        self._sources = sources
        self._decoder = decoder
        self._inbox = inbox
        self._metrics = metrics
        self._settle_s = settle_s
        self._body_s = body_s

    @property
    def routes(self) -> list[WebRoute]:
        """The routes to mount; none where nothing is pushed."""
        if not self._sources:
            return []
        paths = ("/push/{source}", "/push/{source}/{event}")
        return [WebRoute(path, self._answer, methods=["POST", "GET"]) for path in paths]

    async def _answer(self, request: Request) -> Response:
        try:
            source = self._sources.get(request.path_params["source"])
            if source is None:
                raise Refused(404, "no [[pushes]] of this name")
            source.check_address(request.client.host if request.client is not None else "")
            if request.method != "POST":
                return self._show(source, request)
            await self._take(source, request)
        except Refused as refused:
            self._metrics.refused += 1
            return JSONResponse({"code": refused.status, "msg": refused.words}, refused.status, refused.headers)
        return JSONResponse({"code": 0, "msg": "ok"})

    def _show(self, source: PushSource, request: Request) -> Response:
        """OneNET asks an address for a text of its choice before it pushes there. Nothing else is shown."""
        text = request.query_params.get("msg", "")
        if source.setting.codec != "onenet" or not text:
            raise Refused(405, "POST the message here", {"Allow": "POST"})
        source.check_token(request)
        return PlainTextResponse(text[:ECHO_MAX], headers={"X-Content-Type-Options": "nosniff"})

    async def _take(self, source: PushSource, request: Request) -> None:
        source.check_token(request)
        body = await self._body(request, source.setting.body_max)
        source.check_signature(request.headers.get(source.setting.signature_header, ""), body)
        if not source.allowance.take():
            raise Refused(429, f"more than {source.setting.per_minute} a minute", RETRY_AFTER)
        if self._inbox.full or source.waiting >= WAITING_MAX:
            raise Refused(503, "too much waits for its commit, send again", RETRY_AFTER)
        settled = asyncio.Event()
        source.waiting += 1
        try:
            topic = topic_of(_event_of(request), body)
            self._decoder.take(source.route, topic, body, qos=1, retained=False, settle=settled.set)
            async with asyncio.timeout(self._settle_s):
                await settled.wait()
        except TimeoutError as error:
            raise Refused(503, "not on disk yet, send again", RETRY_AFTER) from error
        finally:
            source.waiting -= 1

    async def _body(self, request: Request, most: int) -> bytes:
        """The body, read no further than its limit."""
        length = request.headers.get("content-length", "")
        if length.isdecimal() and (len(length) > LENGTH_DIGITS or int(length) > most):
            raise Refused(413, f"longer than {most} bytes", {"Connection": "close"})
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._body_s):
                async for part in request.stream():
                    size += len(part)
                    if size > most:
                        raise Refused(413, f"longer than {most} bytes", {"Connection": "close"})
                    parts.append(part)
        except TimeoutError as error:
            raise Refused(408, "the body did not come", {"Connection": "close"}) from error
        except ClientDisconnect as error:
            raise Refused(400, "the body was cut off") from error
        return b"".join(parts)


def pushes(
    settings: tuple[Push, ...], secrets: Secrets, decoder: Decoder, inbox: Inbox, clock: Clock, metrics: Metrics
) -> list[WebRoute]:
    """The routes of all sources that the settings name."""
    sources = {
        setting.name: PushSource(
            setting, secrets.find("push", setting.name, "token"), secrets.find("push", setting.name, "secret"), clock
        )
        for setting in settings
    }
    return PushReceiver(sources, decoder, inbox, metrics).routes


def topic_of(event: str, body: bytes) -> str:
    """The topic under which the message would have come over MQTT: LoRaWAN servers say so beside the body.

    ChirpStack adds `?event=up`, The Things Stack calls `<address>/up`. Every other push tells all in its body.
    """
    if b'"deviceInfo"' not in body and b'"end_device_ids"' not in body:
        return TOPIC
    try:
        said: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return TOPIC
    device = said.get("deviceInfo") if isinstance(said, dict) else None
    if isinstance(device, dict):
        application, eui = _level(device.get("applicationId")), _level(device.get("devEui"))
        return f"application/{application}/device/{eui}/event/{event or 'up'}"
    ids = said.get("end_device_ids") if isinstance(said, dict) else None
    if isinstance(ids, dict):
        applications = ids.get("application_ids")
        application = _level(applications.get("application_id") if isinstance(applications, dict) else None)
        return f"v3/{application}/devices/{_level(ids.get('device_id'))}/{event or _kind_of(said)}"
    return TOPIC


def _event_of(request: Request) -> str:
    event = request.path_params.get("event") or request.query_params.get("event", "")
    return event[:EVENT_MAX] if event.isalnum() else ""


def _kind_of(said: Mapping[str, Any]) -> str:
    return "join" if "join_accept" in said else "up"


def _level(value: object) -> str:
    """A name as one level of a topic."""
    return value[:64] if isinstance(value, str) and value and not set(value) & set("/+#\x00") else "-"


def _digest(given: str) -> bytes:
    """A SHA-256 digest from its hexadecimal or base64 text, with or without `sha256=` before it; b"" if it is none."""
    text = given.strip().removeprefix("sha256=")
    try:
        return bytes.fromhex(text) if len(text) == 2 * hashlib.sha256().digest_size else base64.b64decode(text)
    except (ValueError, binascii.Error):
        return b""
