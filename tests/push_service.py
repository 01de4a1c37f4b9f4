"""A push service of our own (RFC 8030): checks the VAPID signature, decrypts as the phone would, answers as told."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from gateway.record.phones import Subscription


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class PhoneKeys:
    """The keys that a browser makes for one subscription."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)

    def subscription(self, endpoint: str) -> Subscription:
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return Subscription(endpoint, encoded(point), encoded(self.auth))

    def read(self, body: bytes) -> dict[str, Any]:
        """What the phone's browser hands to the page's worker."""
        plain = http_ece.decrypt(body, private_key=self.private, auth_secret=self.auth, version="aes128gcm")
        return json.loads(plain)


@dataclass
class Pushed:
    """One request: where, its headers, its body, and what its VAPID token claims."""

    path: str
    headers: dict[str, str]
    body: bytes
    claims: dict[str, Any]


@dataclass
class PushService:
    """Takes what is pushed. `says[path]` is the status (and its headers) that the next requests to a path get."""

    port: int = 0
    key: str = ""
    requests: list[Pushed] = field(default_factory=list)
    says: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def endpoint(self, path: str) -> str:
        return f"http://{self.place}{path}"

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        parts = dict(part.split("=", 1) for part in rest.split(",") if "=" in part)
        signed = Vapid02.verify(request.headers["Authorization"]) if scheme == "vapid" else False
        if not signed or (self.key and parts.get("k") != self.key):
            return web.Response(status=403, text="the VAPID signature is not that of the subscription")
        claims = json.loads(decoded(parts["t"].split(".")[1]))
        self.requests.append(Pushed(request.path, dict(request.headers), body, claims))
        status, headers = self.says.get(request.path, (201, {"Location": f"/m/{len(self.requests)}"}))
        return web.Response(status=status, headers=headers)


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    """A push service on a free port."""
    service = PushService()
    app = web.Application()
    app.router.add_post("/{tail:.*}", service.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.port = runner.addresses[0][1]
    yield service
    await runner.cleanup()
