"""Channels to people against a server that behaves as the real ones do on a bad day."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.channel_settings import KINDS as SECTIONS
from gateway.deliver.channels import ChannelUnusable, Surroundings, open_channel
from gateway.deliver.heartbeat import Heartbeat
from gateway.deliver.message_channel import MessageChannel
from gateway.deliver.wording import compose
from gateway.http import HttpClient, Unreachable
from rules.alarm import Category
from rules.inputs import Outcome
from tests.deliver_world import Desk, ManualClock, MemoryRecord, changed, incident, notify, settle

STOP = web.AppKey("stop", asyncio.Event)
URL = "https://box.example/i/token"
NEEDED: dict[str, dict[str, Any]] = {"wecom-app": {"corp_id": "ww-corp", "agent_id": 1000002}}
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A local server: notes every request and answers as told."""

    port: int = 0
    requests: list[tuple[web.Request, bytes]] = field(default_factory=list)
    answering: Answering | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/robot/send"

    def document(self, number: int = -1) -> dict[str, Any]:
        return json.loads(self.requests[number][1])

    def says(self, body: object, status: int = 200, **headers: str) -> None:
        async def answering(_request: web.Request) -> web.Response:
            text = body if isinstance(body, str) else json.dumps(body)
            kind = "text/html" if text.startswith("<") else "application/json"
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, text=text, content_type=kind, headers=named)

        self.answering = answering


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    told = Server()
    stop = asyncio.Event()

    async def serve(request: web.Request) -> web.StreamResponse:
        told.requests.append((request, await request.read()))
        assert told.answering is not None
        return await told.answering(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", serve)
    app[STOP] = stop
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    told.port = runner.addresses[0][1]
    yield told
    stop.set()
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient(timeout_s=2.0) as client:
        yield client


@dataclass
class Kit:
    """Makes channels of every kind for one server."""

    server: Server
    http: HttpClient
    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)

    def open(self, kind: str, **changes: Any) -> MessageChannel:
        section = SECTIONS[kind]
        secrets = {"token": "tok-123", "secret": "SEC-abc", "password": "pw-9"}
        fields = {"name": "phone", "kind": kind, "url": self.server.url, "timeout_s": 1.0} | NEEDED.get(kind, {})
        fields = {name: value for name, value in fields.items() if name in section.model_fields}
        # A change of a secret (`token=None`) is no setting of the section: the secrets are handed in beside it.
        for what in secrets.keys() & changes.keys():
            secrets[what] = changes.pop(what)
        setting = section(**{**fields, **changes})
        around = Surroundings(self.http, lambda message: compose(message, None, URL), self.clock, secrets.get)
        return open_channel(setting, around)


@pytest.fixture
def kit(server: Server, http: HttpClient, tmp_path: Path) -> Kit:
    return Kit(server, http, tmp_path)


GOOD = {
    "webhook": {"ok": True, "reference": "r7"},
    "ntfy": {"id": "n7"},
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "wecom-robot": {"errcode": 0, "errmsg": "ok"},
    "wecom-app": {"errcode": 0, "errmsg": "ok", "access_token": "wecom-token", "expires_in": 7200, "msgid": "w7"},
    "feishu": {"code": 0, "msg": "success", "data": {}},
    "bark": {"code": 200, "message": "success", "timestamp": 1},
}
KINDS = tuple(GOOD)
ADDRESSES = {
    "webhook": "wang",
    "ntfy": "wang-topic",
    "dingtalk": "",
    "wecom-robot": "",
    "wecom-app": "wang",
    "feishu": "",
    "bark": "wang-device-key",
}


async def test_webhook_carries_every_field_signed(kit: Kit) -> None:
    kit.server.says(GOOD["webhook"])
    result = await kit.open("webhook").send(notify("h1:1:1.1"), "h1:1:1.1")
    assert (result.outcome, result.reference) == (Outcome.ACCEPTED, "r7")
    request, body = kit.server.requests[0]
    stamp = request.headers["X-Anlian-Timestamp"]
    expected = hmac.new(b"SEC-abc", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert request.headers["X-Anlian-Signature"] == f"sha256={expected}"
    assert request.headers["Idempotency-Key"] == "h1:1:1.1"
    assert request.headers["Authorization"] == "Bearer tok-123"
    document = json.loads(body)
    assert document["message"] == "h1:1:1.1"
    assert document["title"] == "【火警】感烟探测器报警"
    assert document["url"] == URL
    assert document["alarm"]["category"] == "fire"
    assert document["incident"]["home"] == document["home"] == "h1"
    assert {"person", "address", "channel", "purpose", "step", "at", "text", "short", "danger"} <= document.keys()


async def test_webhook_without_secret_is_not_signed(kit: Kit) -> None:
    kit.server.says("")
    channel = kit.open("webhook", secret=None, token=None)
    assert (await channel.send(notify("m"), "m")).outcome is Outcome.ACCEPTED
    headers = kit.server.requests[0][0].headers
    assert "X-Anlian-Signature" not in headers
    assert "Authorization" not in headers


async def test_ntfy_publishes_as_json(kit: Kit) -> None:
    kit.server.says(GOOD["ntfy"])
    result = await kit.open("ntfy").send(notify("m"), "m")
    assert (result.outcome, result.reference) == (Outcome.ACCEPTED, "n7")
    document = kit.server.document()
    assert document["topic"] == "wang-topic"
    assert (document["priority"], document["tags"]) == (5, ["fire"])
    assert document["click"] == URL
    assert document["actions"] == [{"action": "view", "label": "查看并确认", "url": URL}]
    assert document["title"].startswith("【火警】")
    assert kit.server.requests[0][0].headers["Authorization"] == "Bearer tok-123"


@pytest.mark.parametrize(
    ("category", "purpose", "priority"),
    [
        pytest.param(Category.PERSON, "call", 5, id="person"),
        pytest.param(Category.TROUBLE, "call", 4, id="trouble"),
        pytest.param(Category.FIRE, "over", 3, id="all_clear"),
    ],
)
async def test_ntfy_priority(kit: Kit, category: Category, purpose: str, priority: int) -> None:
    kit.server.says(GOOD["ntfy"])
    await kit.open("ntfy").send(notify("m", category, purpose=purpose), "m")
    assert kit.server.document()["priority"] == priority


async def test_dingtalk_signs_and_shows_a_card(kit: Kit) -> None:
    kit.server.says(GOOD["dingtalk"])
    assert (await kit.open("dingtalk").send(notify("m", address=""), "m")).outcome is Outcome.ACCEPTED
    query = kit.server.requests[0][0].query
    text = f"{query['timestamp']}\nSEC-abc".encode()
    assert query["sign"] == base64.b64encode(hmac.new(b"SEC-abc", text, hashlib.sha256).digest()).decode()
    assert query["access_token"] == "tok-123"
    assert int(query["timestamp"]) == int(kit.clock.wall().timestamp() * 1000)
    document = kit.server.document()
    assert document["msgtype"] == "actionCard"
    assert document["actionCard"]["singleURL"] == URL


@pytest.mark.parametrize(
    ("address", "mobiles", "everybody"),
    [
        pytest.param("13800000001", ["13800000001"], False, id="one"),
        pytest.param("13800000001,13800000002", ["13800000001", "13800000002"], False, id="two"),
        pytest.param("all", [], True, id="all"),
    ],
)
async def test_dingtalk_calls_people_by_mobile(kit: Kit, address: str, mobiles: list, everybody: bool) -> None:
    kit.server.says(GOOD["dingtalk"])
    await kit.open("dingtalk").send(notify("m", address=address), "m")
    document = kit.server.document()
    assert document["msgtype"] == "markdown"
    assert document["at"] == {"atMobiles": mobiles, "isAtAll": everybody}
    assert all(f"@{mobile}" in document["markdown"]["text"] for mobile in mobiles)
    assert f"]({URL})" in document["markdown"]["text"]


async def test_dingtalk_takes_no_links_from_devices(kit: Kit) -> None:
    kit.server.says(GOOD["dingtalk"])
    message = notify("m", address="", alarm=changed(value="[点我](http://evil.example)").alarm)
    await kit.open("dingtalk").send(message, "m")
    assert "［点我］(http" in kit.server.document()["actionCard"]["text"]


DINGTALK = [
    pytest.param(-1, "系统繁忙", Outcome.RETRY, "", id="busy"),
    pytest.param(130101, "send too fast", Outcome.RETRY, "limit", id="limited"),
    pytest.param(410100, "发送速度太快而限流", Outcome.RETRY, "limit", id="limited_too"),
    pytest.param(310000, "sign not match", Outcome.REFUSED, "secret_file", id="sign"),
    pytest.param(310000, "keywords not in content", Outcome.REFUSED, "keyword", id="keyword"),
    pytest.param(310000, "ip 1.2.3.4 not in whitelist", Outcome.REFUSED, "IP", id="address"),
    pytest.param(310000, "invalid timestamp", Outcome.REFUSED, "clock", id="clock"),
    pytest.param(300001, "token is not exist", Outcome.REFUSED, "token_file", id="token"),
    pytest.param(400102, "机器人已停用", Outcome.REFUSED, "switched off", id="switched_off"),
    pytest.param(40035, "缺少参数", Outcome.REFUSED, "40035", id="other"),
]


@pytest.mark.parametrize(("code", "message", "outcome", "words"), DINGTALK)
async def test_dingtalk_error_inside_http_200(kit: Kit, code: int, message: str, outcome: Outcome, words: str) -> None:
    kit.server.says({"errcode": code, "errmsg": message})
    result = await kit.open("dingtalk").send(notify("m", address=""), "m")
    assert result.outcome is outcome
    assert words in result.detail
    assert message in result.detail


async def test_dingtalk_that_is_limited_is_spared_all_but_danger(kit: Kit) -> None:
    kit.server.says({"errcode": 130101, "errmsg": "send too fast"})
    channel = kit.open("dingtalk")
    assert (await channel.send(notify("m1", address=""), "m1")).retry_after == 60.0
    result = await channel.send(notify("m2", Category.TROUBLE, address=""), "m2")
    assert (result.outcome, len(kit.server.requests)) == (Outcome.RETRY, 1)
    await channel.send(notify("m3", address=""), "m3")
    assert len(kit.server.requests) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_quota_is_kept_here_with_a_share_for_danger(kit: Kit, kind: str) -> None:
    kit.server.says(GOOD[kind])
    channel = kit.open(kind, per_minute=6, reserved_for_danger=2)
    troubles = [await channel.send(notify("m", Category.TROUBLE, address=ADDRESSES[kind]), "m") for _ in range(6)]
    fires = [await channel.send(notify("m", Category.FIRE, address=ADDRESSES[kind]), "m") for _ in range(3)]
    assert [result.outcome for result in troubles] == [Outcome.ACCEPTED] * 4 + [Outcome.RETRY] * 2
    assert [result.outcome for result in fires] == [Outcome.ACCEPTED] * 2 + [Outcome.RETRY]
    assert fires[2].retry_after == pytest.approx(60.0)
    assert len([one for one, _ in kit.server.requests if one.method == "POST"]) == 6
    await kit.clock.advance(60)
    assert (await channel.send(notify("m", address=ADDRESSES[kind]), "m")).outcome is Outcome.ACCEPTED


STATUSES = [
    pytest.param(429, Outcome.RETRY, id="too_many"),
    pytest.param(500, Outcome.RETRY, id="server_error"),
    pytest.param(503, Outcome.RETRY, id="unavailable"),
    pytest.param(408, Outcome.RETRY, id="request_timeout"),
    pytest.param(400, Outcome.REFUSED, id="bad_request"),
    pytest.param(401, Outcome.REFUSED, id="unauthorised"),
    pytest.param(403, Outcome.REFUSED, id="forbidden"),
    pytest.param(404, Outcome.REFUSED, id="not_found"),
    pytest.param(413, Outcome.REFUSED, id="too_large"),
    pytest.param(302, Outcome.REFUSED, id="moved"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "outcome"), STATUSES)
async def test_status(kit: Kit, kind: str, status: int, outcome: Outcome) -> None:
    kit.server.says({"error": "why it is so"}, status, Location="/elsewhere")
    result = await kit.open(kind).send(notify("m", address=ADDRESSES[kind]), "m")
    assert result.outcome is outcome
    assert str(status) in result.detail
    assert len(kit.server.requests) == 1, "a redirect must not carry the secret on"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry_After": "7"}, 7.0, id="seconds"),
        pytest.param(
            {"Retry_After": "Sun, 22 Nov 2026 00:01:30 GMT", "Date": "Sun, 22 Nov 2026 00:00:00 GMT"}, 90.0, id="date"
        ),
        pytest.param({"Retry_After": "999999999"}, 3600.0, id="bounded"),
        pytest.param({"Retry_After": "soon"}, 0.0, id="garbage"),
        pytest.param({"Retry_After": "nan"}, 0.0, id="nan"),
        pytest.param({"Retry_After": "-5"}, 0.0, id="negative"),
    ],
)
async def test_retry_after_is_kept(kit: Kit, kind: str, headers: dict, seconds: float) -> None:
    kit.server.says({"error": "slow down"}, 429, **headers)
    result = await kit.open(kind).send(notify("m", address=ADDRESSES[kind]), "m")
    assert (result.outcome, result.retry_after) == (Outcome.RETRY, seconds)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", ["<html>login to the hotel</html>", "<!DOCTYPE html>", "<"])
async def test_web_page_in_place_of_the_answer_is_no_success(kit: Kit, kind: str, body: str) -> None:
    kit.server.says(body)
    result = await kit.open(kind).send(notify("m", address=ADDRESSES[kind]), "m")
    assert result.outcome is Outcome.RETRY
    assert "portal" in result.detail


@pytest.mark.parametrize(
    ("body", "kind"),
    [pytest.param("please log in", "text/html", id="by_type"), pytest.param(" <p>", "text/plain", id="by_body")],
)
async def test_webhook_knows_a_web_page(kit: Kit, body: str, kind: str) -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=body, content_type=kind)

    kit.server.answering = page
    assert (await kit.open("webhook").send(notify("m"), "m")).outcome is Outcome.RETRY


@pytest.mark.parametrize("kind", ["ntfy", "dingtalk"])
@pytest.mark.parametrize("body", ["", "ok", "[]", "{", '{"errcode":"0"}', "null", "\x00\xff"])
async def test_garbage_in_place_of_the_answer_is_no_success(kit: Kit, kind: str, body: str) -> None:
    kit.server.says(body)
    result = await kit.open(kind).send(notify("m", address=ADDRESSES[kind]), "m")
    assert result.outcome is Outcome.RETRY


@pytest.mark.parametrize(
    ("body", "outcome", "detail"),
    [
        pytest.param({"ok": False, "error": "unknown number"}, Outcome.REFUSED, "unknown number", id="refused"),
        pytest.param({"ok": False, "error": "busy", "retry": True}, Outcome.RETRY, "busy", id="try_again"),
        pytest.param({"ok": False}, Outcome.REFUSED, "no reason given", id="no_reason"),
        pytest.param({"ok": True}, Outcome.ACCEPTED, "", id="ok"),
        pytest.param({}, Outcome.ACCEPTED, "", id="silent"),
        pytest.param("queued", Outcome.ACCEPTED, "", id="words"),
    ],
)
async def test_webhook_body_may_refuse(kit: Kit, body: object, outcome: Outcome, detail: str) -> None:
    kit.server.says(body)
    result = await kit.open("webhook").send(notify("m"), "m")
    assert (result.outcome, result.detail) == (outcome, detail)


@pytest.mark.parametrize("kind", KINDS)
async def test_server_that_is_too_slow_is_tried_again(kit: Kit, kind: str) -> None:
    async def slow(request: web.Request) -> web.Response:
        await request.app[STOP].wait()
        return web.Response()

    kit.server.answering = slow
    result = await kit.open(kind).send(notify("m", address=ADDRESSES[kind]), "m")
    assert (result.outcome, result.detail) == (Outcome.RETRY, "no answer within 1 s")


@pytest.mark.parametrize("kind", KINDS)
async def test_server_that_drips_its_body_is_cut_off(kit: Kit, kind: str) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await request.app[STOP].wait()
        return response

    kit.server.answering = drip
    result = await kit.open(kind).send(notify("m", address=ADDRESSES[kind]), "m")
    assert result.outcome is Outcome.RETRY


@pytest.mark.parametrize("kind", KINDS)
async def test_connection_reset_is_tried_again(kit: Kit, kind: str) -> None:
    async def reset(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    kit.server.answering = reset
    result = await kit.open(kind).send(notify("m", address=ADDRESSES[kind]), "m")
    assert result.outcome is Outcome.RETRY
    assert "connection broken" in result.detail


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_listening_is_tried_again_and_no_secret_is_said(kit: Kit, kind: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    channel = kit.open(kind, url=f"http://127.0.0.1:{port}/x?key=hidden")
    result = await channel.send(notify("m", address=ADDRESSES[kind]), "m")
    assert result.outcome is Outcome.RETRY
    assert "cannot connect" in result.detail
    assert "hidden" not in result.detail and "tok-123" not in result.detail


async def test_answer_without_end_is_cut(kit: Kit) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while not request.app[STOP].is_set():
                await response.write(b"x" * 65536)
        except ConnectionError:
            request.app[STOP].set()
        return response

    kit.server.answering = endless
    answer = await kit.http.request("GET", kit.server.url, body_max=10_000)
    assert len(answer.body) == 10_000


async def test_address_that_is_no_url_is_named_as_a_setting(kit: Kit) -> None:
    with pytest.raises(Unreachable, match="mend `url`") as caught:
        await kit.http.request("GET", "box.example/hook?key=hidden")
    assert "hidden" not in str(caught.value)
    assert not caught.value.sent


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        pytest.param("ntfy", "", id="ntfy_without"),
        pytest.param("ntfy", "a/b", id="ntfy_path"),
        pytest.param("ntfy", "x" * 65, id="ntfy_long"),
        pytest.param("dingtalk", "wang", id="dingtalk_name"),
        pytest.param("webhook", "a\nb", id="webhook_line_break"),
    ],
)
async def test_unknown_address_is_refused_with_a_reason(kit: Kit, kind: str, address: str) -> None:
    result = await kit.open(kind).send(notify("m", address=address), "m")
    assert result.outcome is Outcome.REFUSED
    assert result.detail.startswith("address of wang: ")
    assert kit.server.requests == []


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        pytest.param("dingtalk", "token", id="dingtalk"),
        pytest.param("feishu", "token", id="feishu"),
        pytest.param("wecom-robot", "token", id="wecom_robot"),
        pytest.param("wecom-app", "secret", id="wecom_app"),
    ],
)
def test_channel_without_its_secret_says_what_to_mend(kit: Kit, kind: str, missing: str) -> None:
    with pytest.raises(ChannelUnusable, match=f"channel phone: {missing}_file is missing"):
        kit.open(kind, **{missing: None})


def test_channel_takes_its_own_messages_only(kit: Kit) -> None:
    channel = kit.open("ntfy")
    assert channel.takes(notify("m"))
    assert not channel.takes(notify("m", channel="sms"))
    assert not channel.takes(changed())
    assert channel.name == "phone"


async def test_long_notice_stays_a_message_in_ntfy(kit: Kit) -> None:
    kit.server.says(GOOD["ntfy"])
    message = notify("m", alarm=changed(detail="长" * 5000).alarm, incident=incident())
    await kit.open("ntfy").send(message, "m")
    assert len(kit.server.document()["message"].encode()) <= 3800


async def test_heartbeat_beats_on_progress_only(kit: Kit) -> None:
    reached = 1
    clock = ManualClock()
    desk = Desk(MemoryRecord(), clock)
    heart = Heartbeat(kit.server.url, 60.0, lambda: reached, kit.http, clock, ("h1",), desk.submit, lambda: 1.0)
    kit.server.says("")
    assert await heart.beat()
    assert not await heart.beat(), "nothing was journalled since"
    reached = 2
    assert await heart.beat()
    assert len(kit.server.requests) == 2


async def test_heartbeat_that_does_not_arrive_is_a_trouble_after_three(kit: Kit) -> None:
    reached = 1
    clock = ManualClock()
    desk = Desk(MemoryRecord(), clock)
    heart = Heartbeat(kit.server.url, 60.0, lambda: reached, kit.http, clock, ("h1",), desk.submit, lambda: 1.0)
    task = asyncio.create_task(heart._links.run())
    kit.server.says("", 500)
    assert [await heart.beat() for _ in range(2)] == [False, False]
    await settle()
    assert desk.links == []
    assert not await heart.beat()
    await settle()
    assert desk.links == [("h1", "heartbeat", False, "3 heartbeats in a row did not arrive: HTTP 500")]
    kit.server.says("")
    assert await heart.beat()
    await settle()
    assert desk.links[-1][2] is True
    task.cancel()
