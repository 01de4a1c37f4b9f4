"""Alibaba Cloud (阿里云): short messages, and calls that speak a template."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, timezone
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from gateway.channel_addresses import address_fault, plain_landline, plain_mobile
from gateway.channel_settings import Part
from gateway.deliver.cloud_signing import aliyun_headers
from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import parse_object
from gateway.deliver.provider import (
    Pending,
    ProviderChannel,
    object_in,
    objects_in,
    value_of,
)
from gateway.deliver.wording import Notice
from rules.effects import Notify
from rules.inputs import Outcome

_CHINA: Final = timezone(timedelta(hours=8))
_VERSION: Final = "2017-05-25"
_VOICE_NOTICE: Final = "11000000300006"
"""The product of voice notifications in QueryCallDetailByCallId."""

_MENDED_BY: Final = {
    "SignatureDoesNotMatch": "the secret does not fit: put the AccessKey's secret into secret_file",
    "IncompleteSignature": "the secret does not fit: put the AccessKey's secret into secret_file",
    "InvalidAccessKeyId": "access_key is unknown or switched off",
    "InvalidTimeStamp": "the gateway's clock is more than a quarter of an hour off",
    "Forbidden": "the AccessKey may not do this: give its RAM user the right to send",
    "isp.RAM_PERMISSION_DENY": "the AccessKey may not do this: give its RAM user the right to send",
    "isv.MOBILE_NUMBER_ILLEGAL": "mend the person's number",
    "isv.AMOUNT_NOT_ENOUGH": "the account is empty: top it up",
    "isv.OUT_OF_SERVICE": "the account is in arrears: top it up",
    "isv.DAY_LIMIT_CONTROL": "the account's own limit for a day is reached: raise it in the provider's console",
    "isv.SMS_TEMPLATE_ILLEGAL": "template is unknown or not approved",
    "isv.SMS_SIGNATURE_ILLEGAL": "sign_name is unknown or not approved",
    "isv.TEMPLATE_MISSING_PARAMETERS": "the template has variables that `parameters` does not fill",
    "isv.TEMPLATE_PARAMS_ILLEGAL": "a value does not fit its variable: look at the variables' kinds in the template",
    "isv.PRODUCT_UN_SUBSCRI": "this product is not opened on the account",
    "isv.BLACK_KEY_CONTROL_LIMIT": "a word is on the provider's black list",
}


class _Aliyun(ProviderChannel):
    """What both share: the call, its signature, and the codes of its answer."""

    server = "Alibaba Cloud"
    mended_by = _MENDED_BY

    async def act(self, action: str, query: dict[str, str]) -> dict[str, Any] | SendResult:
        """The object of an answer that says OK, or what it means that it does not."""
        at = self._clock.wall()
        host = urlsplit(self._url).netloc
        headers = aliyun_headers(host, action, _VERSION, query, self._key, at, self.nonce(at))
        answer = await self.call(headers, query=query)
        said = object_in(answer, "Code")
        if said is None:
            return self.unread(answer)
        code = str(said["Code"])
        return said if code == "OK" and answer.succeeded else self.judge(code, str(said.get("Message") or ""))

    def parameters(self, notice: Notice, parts: Mapping[str, Part]) -> str:
        """The variables of the template as JSON."""
        return msgspec.json.encode({name: value_of(notice, part) for name, part in parts.items()}).decode()


class AliyunSms(_Aliyun):
    """SendSms; accepted means that the cloud took it, and QuerySendDetails tells later whether the phone has it."""

    def __init__(self, *args: Any, sign_name: str, parameters: Mapping[str, Part], **own: Any) -> None:
        super().__init__(*args, **own)
        self._sign_name = sign_name
        self._parts = dict(parameters)

    def address_fault(self, address: str) -> str:
        return address_fault("aliyun-sms", address)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        query = {
            "PhoneNumbers": plain_mobile(notify.address),
            "SignName": self._sign_name,
            "TemplateCode": self._template,
            "TemplateParam": self.parameters(notice, self._parts),
            "OutId": key,
        }
        said = await self.act("SendSms", query)
        return said if isinstance(said, SendResult) else self.remember(notify, str(said.get("BizId") or ""))

    async def what_became(self, pending: Pending) -> SendResult | None:
        query = {
            "PhoneNumber": plain_mobile(pending.notify.address),
            "BizId": pending.reference,
            # The day is one of China's calendar, wherever the gateway stands.
            "SendDate": pending.handed_over_at.astimezone(_CHINA).strftime("%Y%m%d"),
            "PageSize": "10",
            "CurrentPage": "1",
        }
        said = await self.act("QuerySendDetails", query)
        if isinstance(said, SendResult):
            return None
        for detail in objects_in(said, "SmsSendDetailDTOs", "SmsSendDetailDTO"):
            code = str(detail.get("ErrCode") or "")
            match detail.get("SendStatus"):
                case 3:
                    words = f"received {detail.get('ReceiveDate') or ''}".strip()
                    return SendResult(Outcome.DELIVERED, pending.reference, words)
                case 2:
                    return SendResult(Outcome.REFUSED, pending.reference, f"the network did not deliver it: {code}")
        return None


class AliyunVoice(_Aliyun):
    """SingleCallByTts; accepted means that the call was ordered.

    The call's record comes minutes after its end: delivered means that somebody, or something, took the call. That is
    no acknowledgement: nobody pressed anything.
    """

    known_within_s = 1200.0

    def __init__(
        self, *args: Any, show_number: str, parameters: Mapping[str, Part], play_times: int, **own: Any
    ) -> None:
        super().__init__(*args, **own)
        self._show_number = show_number
        self._parts = dict(parameters)
        self._play_times = play_times

    def address_fault(self, address: str) -> str:
        return address_fault("aliyun-voice", address)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        query = {
            "CalledNumber": plain_mobile(notify.address) or plain_landline(notify.address),
            "TtsCode": self._template,
            "TtsParam": self.parameters(notice, self._parts),
            "PlayTimes": str(self._play_times),
            "OutId": key[:15],
        }
        if self._show_number:
            query["CalledShowNumber"] = self._show_number
        said = await self.act("SingleCallByTts", query)
        return said if isinstance(said, SendResult) else self.remember(notify, str(said.get("CallId") or ""))

    async def what_became(self, pending: Pending) -> SendResult | None:
        query = {
            "CallId": pending.reference,
            "ProdId": _VOICE_NOTICE,
            "QueryDate": str(int(pending.handed_over_at.timestamp() * 1000)),
        }
        said = await self.act("QueryCallDetailByCallId", query)
        if isinstance(said, SendResult):
            return None
        record = parse_object(str(said.get("Data") or "").encode())
        if not record or not record.get("state"):
            return None
        seconds = record.get("duration")
        if isinstance(seconds, int) and seconds > 0:
            return SendResult(Outcome.DELIVERED, pending.reference, f"the call was taken, {seconds} s")
        words = f"the call was not taken: {record.get('state')} {record.get('stateDesc') or ''}".strip()
        return SendResult(Outcome.REFUSED, pending.reference, words)
