"""Short messages and calls of two clouds, against a server that checks the signature and answers as documented."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from gateway.deliver.aliyun import AliyunSms
from gateway.deliver.cloud_signing import aliyun_headers, tencent_headers
from gateway.deliver.destination import Later, SendResult
from gateway.deliver.provider import ProviderChannel
from gateway.http import HttpClient
from rules.effects import Notify
from rules.inputs import Outcome
from rules.text import Text
from tests.channel_world import Kit, Server, Serving, answer
from tests.deliver_world import alarm, notify, until

MOBILE = "13800000001"
GOOD: dict[str, Any] = {
    "SendSms@aliyun": {"Code": "OK", "Message": "OK", "RequestId": "q", "BizId": "900^0"},
    "SingleCallByTts@aliyun": {"Code": "OK", "Message": "OK", "RequestId": "q", "CallId": "116^102"},
    "SendSms@tencent": {"SendStatusSet": [{"SerialNo": "2019:1", "Code": "Ok", "Fee": 1}], "RequestId": "q"},
    "SendTts@tencent": {"SendStatus": {"CallId": "12582bce", "SessionContext": "m"}, "RequestId": "q"},
}
ADDRESS = {"aliyun-sms": MOBILE, "aliyun-voice": MOBILE, "tencent-sms": MOBILE, "tencent-voice": MOBILE}


@dataclass
class Cloud:
    """Both clouds in one: checks a call's signature, keeps what it asked for, and answers as told for each action."""

    secret: str = "SEC-abc"
    answers: dict[str, Any] = field(default_factory=lambda: dict(GOOD))
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)

    async def __call__(self, request: web.Request) -> web.Response:
        if "x-acs-action" in request.headers:
            return self.aliyun(request)
        return self.tencent(request, await request.read())

    def aliyun(self, request: web.Request) -> web.Response:
        headers, query = request.headers, dict(request.query)
        action, nonce = headers["x-acs-action"], headers["x-acs-signature-nonce"]
        at = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        key = ("AK-1", self.secret)
        expected = aliyun_headers(headers["Host"], action, headers["x-acs-version"], query, key, at, nonce)
        if headers["Authorization"] != expected["Authorization"]:
            fault = {"Code": "SignatureDoesNotMatch", "Message": "not match", "RequestId": "q", "HostId": "h"}
            return answer(fault, 400)
        if nonce in self.nonces:
            return answer({"Code": "SignatureNonceUsed", "Message": "used", "RequestId": "q"}, 400)
        self.nonces.add(nonce)
        self.asked.append((action, query))
        return answer(self.answers[f"{action}@aliyun"])

    def tencent(self, request: web.Request, body: bytes) -> web.Response:
        headers = request.headers
        action, host = headers["X-TC-Action"], headers["Host"]
        at = datetime.fromtimestamp(int(headers["X-TC-Timestamp"]), UTC)
        service = "vms" if headers["X-TC-Version"] == "2020-09-02" else "sms"
        key = ("AK-1", self.secret)
        expected = tencent_headers(host, service, action, headers["X-TC-Version"], "", body, key, at)
        if headers["Authorization"] != expected["Authorization"]:
            fault = {"Code": "AuthFailure.SignatureFailure", "Message": "could not be validated"}
            return answer({"Response": {"Error": fault, "RequestId": "q"}})
        self.asked.append((action, json.loads(body)))
        return answer({"Response": self.answers[f"{action}@tencent"]})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Serving() as told:
        yield told


@pytest.fixture
def cloud(server: Server) -> Cloud:
    server.answering = cloud = Cloud()
    return cloud


@pytest.fixture
async def kit(server: Server, cloud: Cloud) -> AsyncIterator[Kit]:
    async with HttpClient(timeout_s=2.0) as http:
        yield Kit(server, http)


async def test_aliyun_message_is_signed_and_fills_the_template(kit: Kit, cloud: Cloud) -> None:
    result = await kit.open("aliyun-sms").send(notify("h1:1:1.1", address="+86 13800000001"), "h1:1:1.1")
    assert (result.outcome, result.reference) == (Outcome.ACCEPTED, "900^0")
    ((action, query),) = cloud.asked
    assert action == "SendSms"
    assert (query["PhoneNumbers"], query["SignName"], query["TemplateCode"]) == (MOBILE, "安联网", "SMS_1")
    assert query["OutId"] == "h1:1:1.1"
    assert json.loads(query["TemplateParam"]) == {"place": "h1 east-1 smoke-101", "time": "11-22 00:15:30 UTC"}


async def test_aliyun_call_is_signed_and_speaks_the_template(kit: Kit, cloud: Cloud) -> None:
    result = await kit.open("aliyun-voice").send(notify("m", address="0731-88888888"), "m")
    assert (result.outcome, result.reference) == (Outcome.ACCEPTED, "116^102")
    ((action, query),) = cloud.asked
    assert action == "SingleCallByTts"
    assert (query["CalledNumber"], query["CalledShowNumber"]) == ("073188888888", "05715678")
    assert (json.loads(query["TtsParam"]), query["PlayTimes"]) == ({"room": "smoke-101"}, "3")


async def test_tencent_message_is_signed_and_fills_the_template(kit: Kit, cloud: Cloud) -> None:
    result = await kit.open("tencent-sms").send(notify("h1:1:1.1", address=MOBILE), "h1:1:1.1")
    assert (result.outcome, result.reference) == (Outcome.ACCEPTED, "2019:1")
    ((action, document),) = cloud.asked
    assert action == "SendSms"
    assert document["PhoneNumberSet"] == ["+8613800000001"]
    assert document["TemplateParamSet"] == ["h1 east-1 smoke-101", "11-22 00:15:30 UTC"]
    assert (document["SmsSdkAppId"], document["SessionContext"]) == ("1400006666", "h1:1:1.1")


async def test_tencent_call_is_signed_and_says_that_nobody_knows_whether_it_was_taken(kit: Kit, cloud: Cloud) -> None:
    result = await kit.open("tencent-voice").send(notify("m", address="0731-88888888"), "m")
    assert (result.outcome, result.reference) == (Outcome.ACCEPTED, "12582bce")
    assert "nobody says" in result.detail
    ((action, document),) = cloud.asked
    assert (action, document["CalledNumber"], document["VoiceSdkAppid"]) == ("SendTts", "+8673188888888", "1400006666")


@pytest.mark.parametrize("kind", list(ADDRESS))
async def test_wrong_secret_is_refused_with_what_to_mend_and_is_not_said(kit: Kit, cloud: Cloud, kind: str) -> None:
    result = await kit.open(kind, secret="not-the-secret").send(notify("m", address=MOBILE), "m")
    assert result.outcome is Outcome.REFUSED
    assert "secret_file" in result.detail
    assert "not-the-secret" not in result.detail
    assert cloud.asked == []


ALIYUN = [
    pytest.param("isv.BUSINESS_LIMIT_CONTROL", Outcome.RETRY, "limit", id="number_s_limit"),
    pytest.param("Throttling.User", Outcome.RETRY, "limit", id="account_s_limit"),
    pytest.param("isp.SYSTEM_ERROR", Outcome.RETRY, "isp.SYSTEM_ERROR", id="their_fault"),
    pytest.param("isv.MOBILE_NUMBER_ILLEGAL", Outcome.REFUSED, "number", id="number"),
    pytest.param("isv.AMOUNT_NOT_ENOUGH", Outcome.REFUSED, "top it up", id="account_empty"),
    pytest.param("isv.SMS_TEMPLATE_ILLEGAL", Outcome.REFUSED, "template", id="template"),
    pytest.param("isv.DAY_LIMIT_CONTROL", Outcome.RETRY, "limit", id="own_limit_of_the_day"),
    pytest.param("isp.RAM_PERMISSION_DENY", Outcome.REFUSED, "RAM", id="right"),
    pytest.param("InvalidAccessKeyId.NotFound", Outcome.REFUSED, "access_key", id="key"),
    pytest.param("isv.SOMETHING_NEW", Outcome.REFUSED, "isv.SOMETHING_NEW", id="unknown"),
]


@pytest.mark.parametrize("status", [pytest.param(200, id="in_200"), pytest.param(400, id="in_400")])
@pytest.mark.parametrize(("code", "outcome", "words"), ALIYUN)
async def test_aliyun_code(kit: Kit, code: str, outcome: Outcome, words: str, status: int) -> None:
    kit.server.says({"Code": code, "Message": "why", "RequestId": "q"}, status)
    result = await kit.open("aliyun-sms").send(notify("m", address=MOBILE), "m")
    assert result.outcome is outcome
    assert words in result.detail


TENCENT = [
    pytest.param("LimitExceeded.PhoneNumberDailyLimit", Outcome.RETRY, "limit", id="number_s_limit"),
    pytest.param("InvalidParameterValue.IncorrectPhoneNumber", Outcome.REFUSED, "number", id="number"),
    pytest.param("FailedOperation.InsufficientBalanceInSmsPackage", Outcome.REFUSED, "top it up", id="package_empty"),
    pytest.param("FailedOperation.PhoneNumberInBlacklist", Outcome.REFUSED, "unsubscribed", id="unsubscribed"),
    pytest.param("InternalError.RequestTimeException", Outcome.RETRY, "InternalError", id="their_fault"),
]


@pytest.mark.parametrize(("code", "outcome", "words"), TENCENT)
@pytest.mark.parametrize("inside", [True, False], ids=["for_the_number", "for_the_call"])
async def test_tencent_code(
    kit: Kit, cloud: Cloud, code: str, outcome: Outcome, words: str, inside: bool
) -> None:
    status = {"Code": code, "Message": "why"}
    cloud.answers["SendSms@tencent"] = {"SendStatusSet": [{**status, "SerialNo": ""}]} if inside else {"Error": status}
    result = await kit.open("tencent-sms").send(notify("m", address=MOBILE), "m")
    assert result.outcome is outcome
    assert words in result.detail


async def test_value_that_is_too_long_for_a_template_keeps_what_matters(kit: Kit, cloud: Cloud) -> None:
    message = notify("m", address=MOBILE, alarm=alarm(subject="s" * 60, title=Text("长" * 60, "long")))
    channel = kit.open("aliyun-sms", parameters={"place": "place", "title": "title", "code": "code"})
    await channel.send(message, "m")
    values = json.loads(cloud.asked[0][1]["TemplateParam"])
    assert {name: len(value) for name, value in values.items()} == {"place": 35, "title": 35, "code": 1}
    assert values["place"].startswith("…") and values["place"].endswith("s")
    assert values["title"].startswith("【火警】") and values["title"].endswith("…")
    assert values["code"] == "-"


@dataclass
class Reports:
    """Takes what a channel learns later; `durable` false: it is not on disk."""

    durable: bool = True
    told: list[tuple[str, SendResult]] = field(default_factory=list)

    async def __call__(self, message: Notify, result: SendResult) -> bool:
        self.told.append((message.message, result))
        return self.durable


@asynccontextmanager
async def listening(channel: ProviderChannel, later: Later) -> AsyncIterator[None]:
    task = asyncio.create_task(channel.listen(later))
    try:
        yield
    finally:
        assert not task.done(), task
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def aliyun_detail(status: int, code: str) -> dict[str, Any]:
    detail = {"SendStatus": status, "ErrCode": code, "ReceiveDate": "2026-11-22 08:15:40", "OutId": "m1"}
    return {"Code": "OK", "Message": "OK", "TotalCount": 1, "SmsSendDetailDTOs": {"SmsSendDetailDTO": [detail]}}


def aliyun_call(seconds: int, state: str) -> dict[str, Any]:
    return {"Code": "OK", "Data": json.dumps({"state": state, "stateDesc": "用户占线", "duration": seconds})}


def tencent_status(status: str) -> dict[str, Any]:
    other = {"SerialNo": "2019:0", "ReportStatus": "FAIL", "Description": "of an earlier message"}
    mine = {"SerialNo": "2019:1", "ReportStatus": status, "Description": "用户短信接收成功"}
    return {"PullSmsSendStatusSet": [other, mine], "RequestId": "q"}


LATER = [
    pytest.param("aliyun-sms", "QuerySendDetails@aliyun", aliyun_detail(1, ""), aliyun_detail(3, "DELIVERED"),
                 Outcome.DELIVERED, "received 2026-11-22", id="aliyun_delivered"),
    pytest.param("aliyun-sms", "QuerySendDetails@aliyun", aliyun_detail(1, ""), aliyun_detail(2, "MOBILE_GONE"),
                 Outcome.REFUSED, "MOBILE_GONE", id="aliyun_not_delivered"),
    pytest.param("aliyun-voice", "QueryCallDetailByCallId@aliyun", {"Code": "OK"}, aliyun_call(12, "200100"),
                 Outcome.DELIVERED, "12 s", id="aliyun_call_taken"),
    pytest.param("aliyun-voice", "QueryCallDetailByCallId@aliyun", {"Code": "OK"}, aliyun_call(0, "200002"),
                 Outcome.REFUSED, "200002 用户占线", id="aliyun_call_busy"),
    pytest.param("tencent-sms", "PullSmsSendStatusByPhoneNumber@tencent", {"PullSmsSendStatusSet": []},
                 tencent_status("SUCCESS"), Outcome.DELIVERED, "用户短信接收成功", id="tencent_delivered"),
    pytest.param("tencent-sms", "PullSmsSendStatusByPhoneNumber@tencent", {"PullSmsSendStatusSet": []},
                 tencent_status("FAIL"), Outcome.REFUSED, "did not deliver", id="tencent_not_delivered"),
]


@pytest.mark.parametrize(("kind", "action", "first", "then", "outcome", "words"), LATER)
async def test_what_became_of_a_message_is_asked_until_it_is_known_and_then_no_more(
    kit: Kit, cloud: Cloud, kind: str, action: str, first: Any, then: Any, outcome: Outcome, words: str
) -> None:
    cloud.answers[action] = first
    reports, channel = Reports(), kit.open(kind)
    asked = counted(cloud, action)
    async with listening(channel, reports):
        assert (await channel.send(notify("m1", address=MOBILE), "m1")).outcome is Outcome.ACCEPTED
        await kit.clock.advance(10)
        await until(lambda: asked() == 1)
        assert reports.told == []
        cloud.answers[action] = then
        await kit.clock.advance(10)
        await until(lambda: bool(reports.told))
        await kit.clock.advance(60)
        ((message, result),) = reports.told
        assert (message, result.outcome, asked()) == ("m1", outcome, 2)
        assert words in result.detail


def counted(cloud: Cloud, action: str) -> Callable[[], int]:
    name = action.partition("@")[0]
    return lambda: sum(asked == name for asked, _ in cloud.asked)


async def test_report_that_is_not_on_disk_is_asked_for_again(kit: Kit, cloud: Cloud) -> None:
    cloud.answers["QuerySendDetails@aliyun"] = aliyun_detail(3, "DELIVERED")
    reports, channel = Reports(durable=False), kit.open("aliyun-sms")
    async with listening(channel, reports):
        await channel.send(notify("m1", address=MOBILE), "m1")
        for times in (1, 2):
            await kit.clock.advance(10)
            await until(lambda times=times: len(reports.told) == times)
    assert [message for message, _ in reports.told] == ["m1", "m1"]


async def test_aliyun_s_day_is_that_of_china(kit: Kit, cloud: Cloud) -> None:
    cloud.answers["QuerySendDetails@aliyun"] = aliyun_detail(1, "")
    await kit.clock.advance(16 * 3600)
    channel = kit.open("aliyun-sms")
    async with listening(channel, Reports()):
        await channel.send(notify("m1", address=MOBILE), "m1")
        await kit.clock.advance(10)
        await until(lambda: counted(cloud, "QuerySendDetails")() == 1)
    assert kit.clock.wall().day == 22
    assert cloud.asked[-1][1]["SendDate"] == "20261123"


async def test_message_of_which_nobody_knows_anything_is_forgotten_after_an_hour(kit: Kit, cloud: Cloud) -> None:
    cloud.answers["QuerySendDetails@aliyun"] = aliyun_detail(1, "")
    channel = kit.open("aliyun-sms", report_every_s=600)
    assert isinstance(channel, AliyunSms)
    async with listening(channel, Reports()):
        await channel.send(notify("m1", address=MOBILE), "m1")
        for times in range(1, 6):
            await kit.clock.advance(600)
            await until(lambda times=times: counted(cloud, "QuerySendDetails")() == times)
        await kit.clock.advance(600)
        await until(lambda: not channel._pending)
    assert counted(cloud, "QuerySendDetails")() == 5


async def test_at_most_a_thousand_messages_are_asked_for(kit: Kit) -> None:
    channel = kit.open("aliyun-sms")
    assert isinstance(channel, AliyunSms)
    for number in range(1200):
        channel.remember(notify(f"m{number}", address=MOBILE), "r")
    assert (len(channel._pending), next(iter(channel._pending))) == (1000, "m200")


async def test_provider_that_is_gone_for_a_while_is_asked_again(kit: Kit, cloud: Cloud) -> None:
    cloud.answers["QuerySendDetails@aliyun"] = aliyun_detail(3, "DELIVERED")
    reports, channel = Reports(), kit.open("aliyun-sms", timeout_s=0.3)

    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        cuts.append(request.path)
        request.transport.abort()
        return web.Response()

    cuts: list[str] = []
    async with listening(channel, reports):
        await channel.send(notify("m1", address=MOBILE), "m1")
        kit.server.answering = cut
        await kit.clock.advance(10)
        await until(lambda: bool(cuts))
        kit.server.answering = cloud

        async def next_round() -> None:
            while not reports.told:
                await kit.clock.advance(10)
                await asyncio.sleep(0.01)

        await asyncio.wait_for(next_round(), 10)
    assert reports.told[0][1].outcome is Outcome.DELIVERED
