"""Tencent Cloud (腾讯云): short messages, and calls that speak a template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.channel_addresses import address_fault
from gateway.channel_settings import Part
from gateway.deliver.cloud_signing import tencent_headers
from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import encode
from gateway.deliver.provider import Pending, ProviderChannel, international, object_in, objects_in, values_of
from gateway.deliver.wording import Notice
from rules.effects import Notify
from rules.inputs import Outcome

_MENDED_BY: Final = {
    "AuthFailure.SignatureExpire": "the gateway's clock is more than five minutes off",
    "AuthFailure.SecretIdNotFound": "access_key is unknown",
    "AuthFailure.UnauthorizedOperation": "the key may not do this: give its user the right to send",
    "AuthFailure": "the secret does not fit: put the SecretKey into secret_file",
    "UnauthorizedOperation": "the key or `app` may not do this: give its user the right, look at the app's id",
    "FailedOperation.InsufficientBalance": "the account or its package is empty: top it up",
    "FailedOperation.PhoneNumberInBlacklist": "this number has unsubscribed or is on the provider's black list",
    "FailedOperation.SignatureIncorrectOrUnapproved": "sign_name is unknown or not approved",
    "FailedOperation.TemplateIncorrectOrUnapproved": "template is unknown or not approved",
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": "`parameters` does not fit the template's places",
    "FailedOperation.ContainSensitiveWord": "a word is on the provider's black list",
    "InvalidParameterValue.IncorrectPhoneNumber": "mend the person's number",
    "InvalidParameterValue.CalledNumberVerifyFail": "mend the person's number",
    "InvalidParameterValue.SdkAppId": "`app` is unknown",
}


class _Tencent(ProviderChannel):
    """What both share: the call, its signature, and the errors of its answer."""

    server = "Tencent Cloud"
    service = ""
    version = ""
    mended_by = _MENDED_BY

    def __init__(self, *args: Any, region: str, app: str, parameters: Sequence[Part], **own: Any) -> None:
        super().__init__(*args, **own)
        self._region = region
        self._app = app
        self._parts = tuple(parameters)

    async def act(self, action: str, document: dict[str, Any]) -> dict[str, Any] | SendResult:
        """The `Response` of an answer without an error, or what its error means."""
        body = encode(document)
        host = urlsplit(self._url).netloc
        at = self._clock.wall()
        headers = tencent_headers(host, self.service, action, self.version, self._region, body, self._key, at)
        answer = await self.call(headers, body)
        said = object_in(answer, "Response")
        response = said["Response"] if said is not None else None
        if not isinstance(response, dict):
            return self.unread(answer)
        error = response.get("Error")
        if isinstance(error, dict):
            return self.judge(str(error.get("Code") or "no code"), str(error.get("Message") or ""))
        return response


class TencentSms(_Tencent):
    """SendSms with its code for each number; PullSmsSendStatusByPhoneNumber tells later whether the phone has it."""

    service = "sms"
    version = "2021-01-11"

    def __init__(self, *args: Any, sign_name: str, **own: Any) -> None:
        super().__init__(*args, **own)
        self._sign_name = sign_name

    def address_fault(self, address: str) -> str:
        return address_fault("tencent-sms", address)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        document = {
            "PhoneNumberSet": [international(notify.address)],
            "SmsSdkAppId": self._app,
            "SignName": self._sign_name,
            "TemplateId": self._template,
            "TemplateParamSet": values_of(notice, self._parts),
            "SessionContext": key,
        }
        said = await self.act("SendSms", document)
        if isinstance(said, SendResult):
            return said
        sent = objects_in(said, "SendStatusSet")
        if len(sent) != 1:
            return self.stranger()
        code = str(sent[0].get("Code") or "")
        if code != "Ok":
            return self.judge(code, str(sent[0].get("Message") or ""))
        return self.remember(notify, str(sent[0].get("SerialNo") or ""))

    async def what_became(self, pending: Pending) -> SendResult | None:
        document = {
            "BeginTime": int(pending.handed_over_at.timestamp()) - 60,
            "Offset": 0,
            "Limit": 100,
            "PhoneNumber": international(pending.notify.address),
            "SmsSdkAppId": self._app,
        }
        said = await self.act("PullSmsSendStatusByPhoneNumber", document)
        if isinstance(said, SendResult):
            return None
        for status in objects_in(said, "PullSmsSendStatusSet"):
            if status.get("SerialNo") == pending.reference:
                words = str(status.get("Description") or "")
                if status.get("ReportStatus") == "SUCCESS":
                    return SendResult(Outcome.DELIVERED, pending.reference, words)
                return SendResult(Outcome.REFUSED, pending.reference, f"the network did not deliver it: {words}")
        return None


class TencentVoice(_Tencent):
    """SendTts; accepted means that the call was ordered, and that is all: whether it was taken is only called back."""

    service = "vms"
    version = "2020-09-02"

    def __init__(self, *args: Any, play_times: int, **own: Any) -> None:
        super().__init__(*args, **own)
        self._play_times = play_times

    def address_fault(self, address: str) -> str:
        return address_fault("tencent-voice", address)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        document = {
            "TemplateId": self._template,
            "CalledNumber": international(notify.address),
            "VoiceSdkAppid": self._app,
            "TemplateParamSet": values_of(notice, self._parts),
            "PlayTimes": self._play_times,
            "SessionContext": key,
        }
        said = await self.act("SendTts", document)
        if isinstance(said, SendResult):
            return said
        status = said.get("SendStatus")
        reference = str(status.get("CallId") or "") if isinstance(status, dict) else ""
        if not reference:
            return self.stranger()
        return SendResult(Outcome.ACCEPTED, reference[:200], "the call was ordered; nobody says whether it was taken")

    async def what_became(self, pending: Pending) -> SendResult | None:  # noqa: ARG002  nothing can be asked
        return None
