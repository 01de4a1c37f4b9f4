"""Channels that take JSON over HTTP: a generic webhook, and ntfy. `MessageChannel` is what all channels share."""

from __future__ import annotations

import hashlib
import hmac
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.clock import Clock
from gateway.deliver.destination import SendResult
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice
from gateway.http import Answer, HttpClient, Unreachable
from rules.alarm import Category
from rules.effects import AnyEffect, Notify
from rules.inputs import Outcome

Words = Callable[[Notify], Notice]
"""Makes the notice of a message: site, links and language are in it."""

_JSON = {"Content-Type": "application/json; charset=utf-8"}
_encode = msgspec.json.Encoder().encode


def refused(detail: str) -> SendResult:
    """This message will never be taken here, and why."""
    return SendResult(Outcome.REFUSED, detail=detail)


def retry(detail: str, retry_after: float = 0.0) -> SendResult:
    """It may be taken later."""
    return SendResult(Outcome.RETRY, detail=detail, retry_after=retry_after)


def judge_status(answer: Answer) -> SendResult | None:
    """What a status alone says, or None where it is 2xx and the body must be read."""
    status = answer.status
    if answer.succeeded:
        return None
    said = f"HTTP {status} {answer.words()}".strip()
    if status == 429 or status in (408, 425) or status >= 500:
        return retry(said, answer.retry_after)
    if 300 <= status < 400:
        return refused(f"HTTP {status}: the address moved; set `url` to where it is now")
    if status in (401, 403):
        return refused(f"{said}: check token_file and secret_file of this channel")
    if status in (404, 410):
        return refused(f"{said}: check `url` of this channel and the person's address")
    return refused(said)


def parse_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body, or None where it is something else."""
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return parsed if isinstance(parsed, dict) else None


class MessageChannel(ABC):
    """One way to people: takes the messages for its name, keeps the quota, and turns every failure into a result."""

    def __init__(
        self, name: str, url: str, http: HttpClient, words: Words, clock: Clock, quota: Quota, *, timeout_s: float = 5.0
    ) -> None:
        self._name = name
        self._url = url
        self._http = http
        self._words = words
        self._clock = clock
        self._quota = quota
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        return self._name

    def takes(self, effect: AnyEffect) -> bool:
        return isinstance(effect, Notify) and effect.channel == self._name

    async def send(self, effect: AnyEffect, key: str) -> SendResult:
        """Hand over one message once. `key` is the message's id, the same at every try."""
        if not isinstance(effect, Notify):
            return refused(f"{type(effect).__name__} is no message to a person")
        fault = self.address_fault(effect.address)
        if fault:
            return refused(f"address of {effect.person}: {fault}")
        wait = self._quota.take(effect.alarm.category.endangers_people)
        if wait:
            return retry("the quota of this channel is used up for now", wait)
        try:
            return await self.hand_over(effect, self._words(effect), key)
        except Unreachable as error:
            return retry(error.reason)

    @abstractmethod
    def address_fault(self, address: str) -> str:
        """Why nobody can be reached under this address, or ""."""

    @abstractmethod
    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        """One request, and what its answer means. May raise Unreachable."""

    async def post(
        self, payload: bytes, headers: dict[str, str] | None = None, query: dict[str, str] | None = None
    ) -> Answer:
        """POST a JSON body to the channel's address."""
        return await self._http.request(
            "POST",
            self._url,
            body=payload,
            headers={**_JSON, **(headers or {})},
            query=query,
            timeout_s=self._timeout_s,
        )


class Webhook(MessageChannel):
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
        return "not printable" if not address.isprintable() else ""

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        body = _encode(_webhook_document(notify, notice, key))
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
        "url": notice.url,
        "alarm": notify.alarm,
        "incident": notify.incident,
    }


_NTFY_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
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


class Ntfy(MessageChannel):
    """ntfy's publish-as-JSON: the person's address is a topic; a danger to people comes at its highest priority, 5."""

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
        if not address:
            return "no ntfy topic in the site file"
        if not _NTFY_TOPIC.fullmatch(address):
            return "an ntfy topic has 1 to 64 letters, digits, - and _"
        return ""

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:  # noqa: ARG002  ntfy takes no id
        payload = _encode(self._document(notify, notice))
        answer = await self.post(payload, {"Authorization": f"Bearer {self._token}"} if self._token else None)
        verdict = judge_status(answer)
        if verdict is not None:
            if answer.status == 429:
                self._quota.close_for(answer.retry_after)
            return verdict
        said = parse_object(answer.body)
        if said is None or not said.get("id"):
            return retry("HTTP 200, but not the answer of an ntfy server: is `url` its root, is a portal in between?")
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
    if notify.purpose == "over":
        return 3
    return 5 if notify.alarm.category.endangers_people else 4
