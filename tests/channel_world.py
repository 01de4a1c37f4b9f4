"""A local server that answers as a service for messages would, and channels of every kind that are pointed at it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from gateway.channel_settings import KINDS as SECTIONS
from gateway.deliver.channels import Surroundings, open_channel
from gateway.deliver.message_channel import MessageChannel
from gateway.deliver.wording import compose
from gateway.http import HttpClient
from tests.deliver_world import ManualClock

STOP = web.AppKey("stop", asyncio.Event)
URL = "https://box.example/i/token"
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]
SECRETS = {"token": "tok-123", "secret": "SEC-abc", "password": "pw-9"}
CLOUD = {"access_key": "AK-1", "template": "SMS_1", "report_every_s": 10.0}
NEEDED: dict[str, dict[str, Any]] = {
    "wecom-app": {"corp_id": "ww-corp", "agent_id": 1000002},
    "aliyun-sms": {**CLOUD, "sign_name": "安联网", "parameters": {"place": "place", "time": "time"}},
    "aliyun-voice": {**CLOUD, "show_number": "05715678", "parameters": {"room": "room"}},
    "tencent-sms": {**CLOUD, "app": "1400006666", "sign_name": "安联网", "parameters": ("place", "time")},
    "tencent-voice": {**CLOUD, "app": "1400006666", "parameters": ("room",)},
}


@dataclass
class Server:
    """A local server: notes every request and answers as told."""

    port: int = 0
    requests: list[tuple[web.Request, bytes]] = field(default_factory=list)
    answering: Answering | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def document(self, number: int = -1) -> dict[str, Any]:
        return json.loads(self.requests[number][1])

    def says(self, body: object, status: int = 200, **headers: str) -> None:
        async def answering(_request: web.Request) -> web.Response:
            return answer(body, status, **headers)

        self.answering = answering


def answer(body: object, status: int = 200, **headers: str) -> web.Response:
    """JSON, or the text as it is: a web page where it begins like one."""
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/html" if text.startswith("<") else "application/json"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(status=status, text=text, content_type=kind, headers=named)


@dataclass
class Serving:
    """A server while it runs."""

    told: Server = field(default_factory=Server)

    async def __aenter__(self) -> Server:
        async def serve(request: web.Request) -> web.StreamResponse:
            self.told.requests.append((request, await request.read()))
            assert self.told.answering is not None
            return await self.told.answering(request)

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", serve)
        app[STOP] = self.stop = asyncio.Event()
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.told.port = self.runner.addresses[0][1]
        return self.told

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await self.runner.cleanup()


@dataclass
class Kit:
    """Makes channels of every kind for one server."""

    server: Server
    http: HttpClient
    path: str = ""
    clock: ManualClock = field(default_factory=ManualClock)

    def open(self, kind: str, **changes: Any) -> MessageChannel:
        section = SECTIONS[kind]
        fields = {"name": "phone", "kind": kind, "url": self.server.url + self.path, "timeout_s": 1.0}
        fields = {name: value for name, value in fields.items() if name in section.model_fields} | NEEDED.get(kind, {})
        # A change of a secret (`token=None`) is no setting of the section: the secrets are handed in beside it.
        secrets = SECRETS | {what: changes.pop(what) for what in SECRETS.keys() & changes.keys()}
        language = changes.pop("language", "zh")
        url = changes.pop("link", URL)
        setting = section(**{**fields, **changes})
        around = Surroundings(
            self.http, lambda message: compose(message, None, url, language), self.clock, secrets.get
        )
        return open_channel(setting, around)
