"""Channels to people against a server that behaves as the real ones do on a bad day."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from gateway.deliver.channels import ChannelUnusable
from gateway.deliver.heartbeat import Heartbeat
from gateway.http import HttpClient, Unreachable
from rules.alarm import Category
from rules.inputs import Outcome
from tests.channel_world import STOP, URL, Kit, Server, Serving, answer
from tests.deliver_world import Desk, ManualClock, MemoryRecord, changed, incident, notify, settle


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Serving() as told:
        yield told


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient(timeout_s=2.0) as client:
        yield client


@pytest.fixture
def kit(server: Server, http: HttpClient) -> Kit:
    return Kit(server, http, path="/robot/send")


GOOD = {
    "webhook": {"ok": True, "reference": "r7"},
    "ntfy": {"id": "n7"},
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "wecom-robot": {"errcode": 0, "errmsg": "ok"},
    "wecom-app": {"errcode": 0, "errmsg": "ok", "access_token": "wecom-token", "expires_in": 7200, "msgid": "w7"},
    "feishu": {"code": 0, "msg": "success", "data": {}},
    "bark": {"code": 200, "message": "success", "timestamp": 1},
    "aliyun-sms": {"Code": "OK", "Message": "OK", "RequestId": "q", "BizId": "900^0"},
    "aliyun-voice": {"Code": "OK", "Message": "OK", "RequestId": "q", "CallId": "116^102"},
    "tencent-sms": {"Response": {"SendStatusSet": [{"Code": "Ok", "SerialNo": "2019:1"}], "RequestId": "q"}},
    "tencent-voice": {"Response": {"SendStatus": {"CallId": "12582bce"}, "RequestId": "q"}},
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
    "aliyun-sms": "13800000001",
    "aliyun-voice": "0731-88888888",
    "tencent-sms": "+8613800000001",
    "tencent-voice": "13800000001",
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
    assert {"person", "address", "channel", "purpose", "step", "at", "code"} <= document.keys()
    assert {"text", "short", "danger"} <= document.keys()


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
        pytest.param(Category.TROUBLE, "test", 1, id="test_of_the_channel"),
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


async def test_wecom_robot_shows_markdown_and_calls_by_mobile_in_plain_text(kit: Kit) -> None:
    kit.server.says(GOOD["wecom-robot"])
    channel = kit.open("wecom-robot")
    value = "[点我](http://evil.example)"
    message = notify("m", address="", alarm=changed(value=value).alarm)
    assert (await channel.send(message, "m")).outcome is Outcome.ACCEPTED
    assert kit.server.requests[0][0].query == {"key": "tok-123"}
    text = kit.server.document()["markdown"]["content"]
    assert f"[查看并确认]({URL})" in text
    assert "［点我］(http" in text
    await channel.send(notify("m", address="13800000001,13800000002"), "m")
    document = kit.server.document()
    assert document["msgtype"] == "text"
    assert document["text"]["mentioned_mobile_list"] == ["13800000001", "13800000002"]
    assert URL in document["text"]["content"]
    await channel.send(notify("m", address="all"), "m")
    assert kit.server.document()["text"]["mentioned_mobile_list"] == ["@all"]


@pytest.mark.parametrize(
    ("kind", "address", "size"),
    [
        pytest.param("wecom-robot", "", 4096, id="wecom_markdown"),
        pytest.param("wecom-robot", "all", 2048, id="wecom_text"),
        pytest.param("feishu", "", 20_000, id="feishu_request"),
        pytest.param("bark", "wang-device-key", 4096, id="bark_request"),
    ],
)
async def test_long_notice_stays_below_the_service_s_limit_and_keeps_its_link(
    kit: Kit, kind: str, address: str, size: int
) -> None:
    kit.server.says(GOOD[kind])
    message = notify("m", address=address, alarm=changed(detail="长" * 9000).alarm)
    assert (await kit.open(kind).send(message, "m")).outcome is Outcome.ACCEPTED
    body = kit.server.requests[-1][1]
    text = kit.server.document().get("markdown") or kit.server.document().get("text")
    content = text["content"].encode() if kind == "wecom-robot" else body
    assert len(content) <= size
    assert URL.encode() in body


async def test_feishu_signs_with_the_secret_in_the_key_and_shows_rich_text(kit: Kit) -> None:
    kit.server.says(GOOD["feishu"])
    assert (await kit.open("feishu").send(notify("m", address="ou_abc,ou_def"), "m")).outcome is Outcome.ACCEPTED
    assert kit.server.requests[0][0].path == "/robot/send/tok-123"
    document = kit.server.document()
    assert document["timestamp"] == str(int(kit.clock.wall().timestamp()))
    key = f"{document['timestamp']}\nSEC-abc".encode()
    assert document["sign"] == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
    post = document["content"]["post"]["zh_cn"]
    assert post["title"].startswith("【火警】")
    assert post["content"][-2] == [{"tag": "a", "text": "查看并确认", "href": URL}]
    assert post["content"][-1] == [{"tag": "at", "user_id": "ou_abc"}, {"tag": "at", "user_id": "ou_def"}]


async def test_feishu_without_a_secret_signs_nothing_and_speaks_english(kit: Kit) -> None:
    kit.server.says(GOOD["feishu"])
    await kit.open("feishu", secret=None, language="en").send(notify("m", address=""), "m")
    document = kit.server.document()
    assert "sign" not in document
    assert document["content"]["post"]["en_us"]["title"].startswith("[FIRE]")


@pytest.mark.parametrize(
    ("category", "purpose", "level", "loud"),
    [
        pytest.param(Category.FIRE, "call", "critical", True, id="fire"),
        pytest.param(Category.PERSON, "repeat", "critical", True, id="person"),
        pytest.param(Category.TROUBLE, "call", "timeSensitive", False, id="trouble"),
        pytest.param(Category.FIRE, "over", "active", False, id="all_clear"),
        pytest.param(Category.TROUBLE, "test", "passive", False, id="test_of_the_channel"),
    ],
)
async def test_bark_breaks_through_silence_for_danger_only(
    kit: Kit, category: Category, purpose: str, level: str, loud: bool
) -> None:
    kit.server.says(GOOD["bark"])
    channel = kit.open("bark", volume=7, username="box")
    message = notify("h1:1:1.1", category, purpose=purpose, address="wang-device-key")
    assert (await channel.send(message, "h1:1:1.1")).outcome is Outcome.ACCEPTED
    request, _ = kit.server.requests[0]
    assert request.path == "/robot/send/push"
    assert request.headers["Authorization"] == f"Basic {base64.b64encode(b'box:pw-9').decode()}"
    document = kit.server.document()
    assert (document["device_key"], document["id"], document["url"]) == ("wang-device-key", "h1:1:1.1", URL)
    assert (document["level"], document.get("volume"), "call" in document) == (level, 7 if loud else None, loud)


CODES = [
    pytest.param("wecom-robot", {"errcode": -1, "errmsg": "system busy"}, Outcome.RETRY, "busy", id="wecom_busy"),
    pytest.param("wecom-robot", {"errcode": 45009, "errmsg": "api freq"}, Outcome.RETRY, "limit", id="wecom_limit"),
    pytest.param("wecom-robot", {"errcode": 93000}, Outcome.REFUSED, "token_file", id="wecom_key"),
    pytest.param("wecom-robot", {"errcode": 93008}, Outcome.REFUSED, "not in the group", id="wecom_removed"),
    pytest.param("wecom-robot", {"errcode": 40058, "errmsg": "param"}, Outcome.REFUSED, "40058", id="wecom_other"),
    pytest.param("feishu", {"code": 11232, "msg": "frequency limited"}, Outcome.RETRY, "limit", id="feishu_limit"),
    pytest.param("feishu", {"code": 19021, "msg": "sign match fail"}, Outcome.REFUSED, "clock", id="feishu_sign"),
    pytest.param("feishu", {"code": 19022, "msg": "Ip Not Allowed"}, Outcome.REFUSED, "IP", id="feishu_address"),
    pytest.param("feishu", {"code": 19024, "msg": "Key Words"}, Outcome.REFUSED, "keyword", id="feishu_keyword"),
    pytest.param("feishu", {"code": 9499, "msg": "Bad Request"}, Outcome.REFUSED, "webhook", id="feishu_request"),
    pytest.param("bark", {"code": 400, "message": "x"}, Outcome.REFUSED, "code 400", id="bark_code_in_a_200"),
    pytest.param("wecom-app", {"errcode": 40001}, Outcome.REFUSED, "secret_file", id="wecom_app_secret"),
    pytest.param("wecom-app", {"errcode": 40013}, Outcome.REFUSED, "corp_id", id="wecom_app_corp"),
]


@pytest.mark.parametrize(("kind", "body", "outcome", "words"), CODES)
async def test_error_inside_http_200(kit: Kit, kind: str, body: object, outcome: Outcome, words: str) -> None:
    kit.server.says(body)
    result = await kit.open(kind).send(notify("m", address=ADDRESSES[kind]), "m")
    assert result.outcome is outcome
    assert words in result.detail


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        pytest.param(400, "failed to get device token: key not found", Outcome.REFUSED, id="unknown_key"),
        pytest.param(500, "push failed: BadDeviceToken", Outcome.REFUSED, id="app_removed"),
        pytest.param(500, "push failed: connection reset", Outcome.RETRY, id="apple_unreachable"),
    ],
)
async def test_bark_tells_a_phone_that_is_gone_from_a_fault_that_passes(
    kit: Kit, status: int, message: str, outcome: Outcome
) -> None:
    kit.server.says({"code": status, "message": message}, status)
    result = await kit.open("bark").send(notify("m", address="wang-device-key"), "m")
    assert result.outcome is outcome
    assert ("site file" in result.detail) is (outcome is Outcome.REFUSED)


@dataclass
class WeCom:
    """A WeCom that gives out tokens and takes messages with the newest only."""

    tokens: int = 0
    revoked: bool = False
    says: dict[str, Any] = field(default_factory=lambda: {"errcode": 0, "errmsg": "ok", "msgid": "w7"})

    async def __call__(self, request: web.Request) -> web.Response:
        if request.path.endswith("/cgi-bin/gettoken"):
            assert dict(request.query) == {"corpid": "ww-corp", "corpsecret": "SEC-abc"}
            self.tokens += 1
            self.revoked = False
            return answer({"errcode": 0, "errmsg": "ok", "access_token": f"t{self.tokens}", "expires_in": 7200})
        if self.revoked or request.query["access_token"] != f"t{self.tokens}":
            return answer({"errcode": 40014, "errmsg": "invalid access_token"})
        return answer(self.says)


async def test_wecom_app_fetches_one_token_and_renews_it_before_its_end_and_when_it_is_refused(kit: Kit) -> None:
    wecom = kit.server.answering = WeCom()
    channel = kit.open("wecom-app")
    results = await asyncio.gather(*(channel.send(notify(f"m{n}", address="wang"), f"m{n}") for n in range(4)))
    assert [result.outcome for result in results] == [Outcome.ACCEPTED] * 4
    assert (wecom.tokens, results[0].reference) == (1, "w7")
    await kit.clock.advance(6901)
    await channel.send(notify("m", address="wang"), "m")
    assert wecom.tokens == 2
    wecom.revoked = True
    assert (await channel.send(notify("m", address="wang"), "m")).outcome is Outcome.ACCEPTED
    assert wecom.tokens == 3
    document = kit.server.document()
    assert (document["touser"], document["agentid"], document["msgtype"]) == ("wang", 1000002, "textcard")
    assert document["textcard"]["url"] == URL
    assert len(document["textcard"]["btntxt"]) <= 4


async def test_wecom_app_whose_new_token_is_refused_too_gives_up_instead_of_asking_for_ever(kit: Kit) -> None:
    kit.server.says({"errcode": 42001, "errmsg": "access_token expired", "access_token": "t", "expires_in": 7200})
    channel = kit.open("wecom-app")
    channel._token, channel._renew_at = "old", 1e9
    result = await channel.send(notify("m", address="wang"), "m")
    assert result.outcome is Outcome.RETRY
    assert len(kit.server.requests) == 2


@pytest.mark.parametrize(
    ("said", "address", "outcome", "words"),
    [
        pytest.param({"errcode": 0, "invaliduser": "Wang"}, "wang", Outcome.REFUSED, "可见范围", id="nobody_reached"),
        pytest.param({"errcode": 0, "unlicenseduser": "wang"}, "wang", Outcome.REFUSED, "wang", id="no_licence"),
        pytest.param({"errcode": 0, "invaliduser": "li"}, "wang|li", Outcome.ACCEPTED, "not reach li", id="one_of_two"),
        pytest.param({"errcode": 81013}, "wang", Outcome.REFUSED, "可见范围", id="all_invalid"),
        pytest.param({"errcode": 60020}, "wang", Outcome.REFUSED, "企业可信IP", id="address_not_trusted"),
        pytest.param({"errcode": 45009}, "wang", Outcome.RETRY, "limit", id="limited"),
        pytest.param({"errcode": -1}, "wang", Outcome.RETRY, "errcode -1", id="busy"),
    ],
)
async def test_wecom_app_says_who_was_not_reached(
    kit: Kit, said: dict, address: str, outcome: Outcome, words: str
) -> None:
    kit.server.answering = WeCom(says=said)
    result = await kit.open("wecom-app").send(notify("m", address=address), "m")
    assert result.outcome is outcome
    assert words in result.detail
    assert "SEC-abc" not in result.detail


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


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "webhook"])
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
    result = await kit.open(kind, timeout_s=0.2).send(notify("m", address=ADDRESSES[kind]), "m")
    assert (result.outcome, result.detail) == (Outcome.RETRY, "no answer within 0.2 s")


@pytest.mark.parametrize("kind", KINDS)
async def test_server_that_drips_its_body_is_cut_off(kit: Kit, kind: str) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await request.app[STOP].wait()
        return response

    kit.server.answering = drip
    result = await kit.open(kind, timeout_s=0.2).send(notify("m", address=ADDRESSES[kind]), "m")
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
        pytest.param("wecom-robot", "wang", id="wecom_robot_name"),
        pytest.param("wecom-app", "", id="wecom_app_without"),
        pytest.param("wecom-app", "wang|", id="wecom_app_half"),
        pytest.param("feishu", "13800000001", id="feishu_mobile"),
        pytest.param("bark", "", id="bark_without"),
        pytest.param("bark", "key/with/path", id="bark_path"),
        pytest.param("aliyun-sms", "0731-88888888", id="aliyun_sms_landline"),
        pytest.param("aliyun-voice", "12345", id="aliyun_voice_short"),
        pytest.param("tencent-sms", "+1 202 555 0100", id="tencent_sms_abroad"),
        pytest.param("tencent-voice", "", id="tencent_voice_without"),
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
        pytest.param("apprise", "token", id="apprise"),
        pytest.param("aliyun-sms", "secret", id="aliyun_sms"),
        pytest.param("tencent-voice", "secret", id="tencent_voice"),
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
