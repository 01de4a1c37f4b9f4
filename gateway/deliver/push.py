"""Channels that take JSON over HTTP: a generic webhook, and ntfy."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from gateway.channel_addresses import address_fault
from gateway.clock import Clock
from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import HttpChannel, Words, encode, judge_status, parse_object, refused, retry
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice
from gateway.http import HttpClient
from rules.alarm import Category
from rules.effects import Notify
from rules.inputs import Outcome


class Webhook(HttpChannel):
    """A JSON POST with every field, signed when a secret is set.

    `X-Anlian-Signature: sha256=HEX` is the HMAC-SHA256 of `TIMESTAMP.BODY` with TIMESTAMP from `X-Anlian-Timestamp`
    (seconds). 2xx is accepted unless the body says `{"ok": false, "error": "…"}` (refused; with `"retry": true` tried
    again) or is a web page (somebody else answered: a portal, a proxy). `reference` or `id` is kept.
    """

    def __init__(
        self,
        name: str,
        url: str,
        http: HttpClient,
        words: Words,
        clock: Clock,
        quota: Quota,
        *,
        timeout_s: float = 5.0,
        secret: bytes = b"",
        token: str = "",
    ) -> None:
        super().__init__(name, url, http, words, clock, quota, timeout_s=timeout_s)
        self._secret = secret
        self._token = token

    def address_fault(self, address: str) -> str:
        return address_fault("webhook", address)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        body = encode(_webhook_document(notify, notice, key))
        headers = {"Idempotency-Key": key}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._secret:
            stamp = str(int(self._clock.wall().timestamp()))
            signature = hmac.new(self._secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
            headers["X-Anlian-Timestamp"] = stamp
            headers["X-Anlian-Signature"] = f"sha256={signature}"
        answer = await self.post(body, headers)
        verdict = judge_status(answer)
        if verdict is not None:
            return verdict
        if "html" in answer.headers.get("content-type", "") or answer.body.lstrip()[:1] == b"<":
            return retry("answered with a web page: is `url` right, is a portal or proxy in between?")
        said = parse_object(answer.body) or {}
        if said.get("ok") is False:
            error = str(said.get("error") or "no reason given")[:200]
            return retry(error, answer.retry_after) if said.get("retry") is True else refused(error)
        reference = said.get("reference") or said.get("id") or ""
        return SendResult(Outcome.ACCEPTED, reference=str(reference)[:200])


def _webhook_document(notify: Notify, notice: Notice, key: str) -> dict[str, Any]:
    return {
        "message": key,
        "purpose": notify.purpose,
        "step": notify.step,
        "at": notify.at,
        "reason": notify.reason,
        "home": notify.incident.home,
        "person": notify.person,
        "channel": notify.channel,
        "address": notify.address,
        "category": notify.alarm.category,
        "danger": notify.alarm.category.endangers_people,
        "language": notice.language,
        "title": notice.title,
        "text": notice.text,
        "short": notice.short,
        "code": notify.code,
        "url": notice.url,
        "alarm": notify.alarm,
        "incident": notify.incident,
    }


_NTFY_MESSAGE_MAX = 3800
"""ntfy turns a message of more than 4,096 bytes into an attachment (its server's `message-size-limit`)."""

_NTFY_TAGS = {
    Category.FIRE: "fire",
    Category.GAS: "warning",
    Category.PERSON: "sos",
    Category.ELECTRICAL: "zap",
    Category.SUPERVISORY: "eye",
    Category.TROUBLE: "wrench",
    Category.VIDEO: "video_camera",
}


class Ntfy(HttpChannel):
    """ntfy's publish-as-JSON: the person's address is a topic; a danger to people comes at its highest priority, 5."""

    server = "an ntfy server"

    def __init__(
        self,
        name: str,
        url: str,
        http: HttpClient,
        words: Words,
        clock: Clock,
        quota: Quota,
        *,
        timeout_s: float = 5.0,
        token: str = "",
    ) -> None:
        super().__init__(name, url, http, words, clock, quota, timeout_s=timeout_s)
        self._token = token

    def address_fault(self, address: str) -> str:
        return address_fault("ntfy", address)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:  # noqa: ARG002  ntfy takes no id
        payload = encode(self._document(notify, notice))
        said = await self.ask(payload, {"Authorization": f"Bearer {self._token}"} if self._token else None)
        if isinstance(said, SendResult):
            return said
        if not said.get("id"):
            return self.stranger()
        return SendResult(Outcome.ACCEPTED, reference=str(said["id"])[:200])

    def _document(self, notify: Notify, notice: Notice) -> dict[str, Any]:
        message = "\n".join(notice.lines[1:]).encode()[:_NTFY_MESSAGE_MAX].decode("utf-8", "ignore")
        document: dict[str, Any] = {
            "topic": notify.address,
            "title": notice.title,
            "message": message,
            "priority": _ntfy_priority(notify),
            "tags": [_NTFY_TAGS[notify.alarm.category]],
        }
        if notice.url:
            label = "View and acknowledge" if notice.language == "en" else "查看并确认"
            document["click"] = notice.url
            document["actions"] = [{"action": "view", "label": label, "url": notice.url}]
        return document


def _ntfy_priority(notify: Notify) -> int:
    if notify.purpose == "test":
        return 1  # ntfy's "min": no sound, no vibration, listed only
    if notify.purpose == "over":
        return 3
    return 5 if notify.alarm.category.endangers_people else 4
