"""Whatever a service answers, a channel makes a result of it: only the service's own yes is one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.channel_settings import KINDS
from gateway.deliver.channels import Surroundings, open_channel
from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import MessageChannel
from gateway.deliver.provider import Pending, ProviderChannel
from gateway.deliver.wording import compose
from gateway.http import Answer
from rules.inputs import Outcome
from tests.channel_world import NEEDED, SECRETS
from tests.deliver_world import START, ManualClock, notify

ADDRESSES = {
    "ntfy": "topic",
    "dingtalk": "",
    "wecom-robot": "",
    "wecom-app": "wang",
    "feishu": "",
    "bark": "device-key-1",
    "aliyun-sms": "13800000001",
    "aliyun-voice": "13800000001",
    "tencent-sms": "13800000001",
    "tencent-voice": "13800000001",
}
CLOUDS = ["aliyun-sms", "aliyun-voice", "tencent-sms", "tencent-voice"]


class Http:
    """Answers every request with the same bytes."""

    def __init__(self, status: int, body: bytes) -> None:
        self.answer = Answer(status, {}, body)

    async def request(self, *_: object, **__: object) -> Answer:
        return self.answer


def channel_of(kind: str, status: int, body: bytes) -> MessageChannel:
    section = KINDS[kind]
    fields: Mapping[str, Any] = {"name": "phone", "kind": kind, **NEEDED.get(kind, {})}
    fields = fields if "url" not in section.model_fields else {**fields, "url": "http://service.example"}
    around = Surroundings(Http(status, body), lambda one: compose(one, None, ""), ManualClock(), SECRETS.get)  # type: ignore[arg-type]
    return open_channel(section(**fields), around)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 99999) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        "Code", "Message", "Response", "Error", "SendStatusSet", "SendStatus", "CallId", "BizId", "SerialNo", "Data",
        "SmsSendDetailDTOs", "SmsSendDetailDTO", "PullSmsSendStatusSet", "ReportStatus", "state", "duration", "errcode",
        "errmsg", "code", "msg", "message", "id", "access_token", "expires_in", "invaliduser", "ErrCode",
    ]), inner, max_size=4),
    max_leaves=8,
)


def near(value: Any) -> st.SearchStrategy[Any]:
    """Answers that are right up to one place, and hold anything there."""
    status = {"SerialNo": "r", "ReportStatus": "SUCCESS", "Code": "Ok"}
    return st.sampled_from(
        [
            {"Code": "OK", "SmsSendDetailDTOs": value},
            {"Code": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": value}},
            {"Code": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": [value]}},
            {"Code": "OK", "Data": value},
            {"Code": "OK", "Data": json.dumps(value)},
            {"Code": "OK", "Data": json.dumps({"state": "1", "duration": value})},
            {"Code": value},
            {"Response": value},
            {"Response": {"Error": value}},
            {"Response": {"PullSmsSendStatusSet": value, "SendStatusSet": value, "SendStatus": value}},
            {"Response": {"PullSmsSendStatusSet": [value, status], "SendStatusSet": [value]}},
            {"errcode": 0, "access_token": "t", "expires_in": value, "invaliduser": value, "msgid": value},
            {"errcode": value, "code": value, "access_token": value},
        ]
    )


BODIES = (VALUES | VALUES.flatmap(near)).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30)


# A machine under load is no finding.
UNHURRIED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("kind", list(ADDRESSES))
@UNHURRIED
@given(status=st.sampled_from([200, 200, 200, 204, 302, 400, 403, 429, 500]), body=BODIES)
def test_every_answer_becomes_a_result(kind: str, status: int, body: bytes) -> None:
    channel = channel_of(kind, status, body)
    result = asyncio.run(channel.send(notify("m", address=ADDRESSES[kind]), "m"))
    assert isinstance(result, SendResult)
    if result.outcome is Outcome.ACCEPTED:
        assert status in (200, 204)
        assert any(word in body for word in (b'"id"', b"code", b"Code", b"SendStatus"))


@pytest.mark.parametrize("kind", CLOUDS)
@UNHURRIED
@given(status=st.sampled_from([200, 200, 400, 500]), body=BODIES)
def test_every_report_of_a_provider_is_understood_or_left(kind: str, status: int, body: bytes) -> None:
    channel = channel_of(kind, status, body)
    assert isinstance(channel, ProviderChannel)
    pending = Pending(notify("m", address=ADDRESSES[kind]), "r", START - timedelta(seconds=9), 3600.0)
    result = asyncio.run(channel.what_became(pending))
    assert result is None or result.outcome in (Outcome.DELIVERED, Outcome.REFUSED)
