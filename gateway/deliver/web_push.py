"""The channel over the push service of each phone's browser (RFC 8030), encrypted for that phone alone (RFC 8291).

The gateway signs with its VAPID key (RFC 8292). A push service that says 404 or 410 knows the phone no longer: its
subscription is forgotten, and the next opening of the page makes a new one.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import msgspec
from py_vapid import Vapid02, VapidException
from pywebpush import WebPusher, WebPushException

from gateway.clock import Clock
from gateway.deliver.destination import Later, SendResult
from gateway.deliver.message_channel import MessageChannel, Words, judge_status, refused, retry
from gateway.deliver.quota import Quota
from gateway.deliver.receipts import Receipts
from gateway.deliver.wording import Notice
from gateway.http import HttpClient, Unreachable
from gateway.record.phones import Phone, PhoneBook, Subscription
from rules.effects import Notify
from rules.inputs import Outcome

PAYLOAD_MAX: Final = 3000
"""Bytes: a push service takes 4,096 (RFC 8030 section 7.2), 103 of them are the encryption's (RFC 8291 section 4)."""

TOKEN_LIFETIME: Final = timedelta(hours=12)
"""A VAPID token lasts 24 h at most (RFC 8292 section 2)."""

SERVICES: Final = (
    "fcm.googleapis.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
)
"""The push services of Chrome, Firefox, Edge and Safari. Only to named hosts anything is sent: a phone says where."""

_GONE: Final = (404, 410)
_KEY_BYTES: Final = 32
_encode = msgspec.json.Encoder().encode


class KeyUnusable(Exception):
    """The VAPID key cannot be used; the text says how to make one."""


class VapidKey:
    """The key with which the gateway shows the push services who it is; `public` is what browsers subscribe with."""

    def __init__(self, private: str) -> None:
        try:
            if len(base64.urlsafe_b64decode(private.strip() + "==")) != _KEY_BYTES:
                raise ValueError("not 32 bytes")
            self._vapid = Vapid02.from_raw(private.strip().encode())
            # The public key stands in every signature, in the form in which browsers want it.
            shown = self.headers("https://push.example", "mailto:nobody@example.org", expires=1)["Authorization"]
        except (ValueError, TypeError, VapidException) as error:
            words = "this is no VAPID key: make one with `anlian webpush keys FILE` (it voids all subscriptions)"
            raise KeyUnusable(words) from error
        self.public = shown.partition("k=")[2]

    def headers(self, endpoint: str, contact: str, expires: int) -> dict[str, str]:
        """The Authorization of one request to this endpoint."""
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "sub": contact, "exp": expires}
        return dict(self._vapid.sign(claims))


def new_key() -> tuple[str, str]:
    """A new VAPID key: the private one as it stands in its file, and the public one."""
    vapid = Vapid02()
    vapid.generate_keys()
    private = _text(vapid.private_key.private_numbers().private_value.to_bytes(32, "big"))
    return private, VapidKey(private).public


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def endpoint_fault(endpoint: str, services: Sequence[str]) -> str:
    """Why nothing is pushed to this endpoint, or "": a phone that is somebody's must not aim us at other servers."""
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "is no address"
    place = f"{host}:{port}" if port is not None else host
    named = any(place == service or (service[:2] == "*." and host.endswith(service[1:])) for service in services)
    if not named:
        return f"{host or 'nobody'} is none of the push services in `services` of this channel"
    if parts.scheme != "https" and host not in ("127.0.0.1", "localhost", "::1"):
        return "is no https address"
    return ""


class WebPush(MessageChannel):
    """Pushes a message to every phone of its person that asked for it. One that takes it is enough."""

    def __init__(
        self,
        name: str,
        phones: PhoneBook,
        key: VapidKey,
        contact: str,
        http: HttpClient,
        words: Words,
        clock: Clock,
        quota: Quota,
        *,
        timeout_s: float = 5.0,
        ttl: timedelta = timedelta(minutes=15),
        services: Sequence[str] = SERVICES,
    ) -> None:
        super().__init__(name, words, clock, quota, timeout_s=timeout_s)
        self._phones = phones
        self.key = key
        self.services = tuple(services)
        self._contact = contact
        self._http = http
        self._ttl = ttl
        self.receipts = Receipts()

    def address_fault(self, address: str) -> str:
        return f"web push needs none: take {address!r} out" if address else ""

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        """All phones of the person at the same time."""
        home = notify.incident.home
        places = [(p, p.push) for p in self._phones.of_person(home, notify.person) if p.push is not None]
        if not places:
            return refused("no phone of this person takes web push: open the page on the phone and switch it on")
        self.receipts.remember(notify, Outcome.ACCEPTED)
        body = _payload(notify, notice, key)
        results = await asyncio.gather(*(self._push(phone, push, notify, body) for phone, push in places))
        accepted = [result for result in results if result.outcome is Outcome.ACCEPTED]
        if accepted:
            left = "" if len(accepted) == len(results) else "; ".join(r.detail for r in results if r not in accepted)
            words = f"{len(accepted)} of {len(results)} phones. {left}" if left else ""
            return SendResult(Outcome.ACCEPTED, reference=accepted[0].reference, detail=words)
        again = [result for result in results if result.outcome is Outcome.RETRY]
        if again:
            return retry(again[0].detail, max(result.retry_after for result in again))
        return refused("; ".join(dict.fromkeys(result.detail for result in results)))

    async def _push(self, phone: Phone, push: Subscription, notify: Notify, body: bytes) -> SendResult:
        fault = endpoint_fault(push.endpoint, self.services)
        if fault:
            return refused(f"{phone.name or phone.id}: {fault}")
        try:
            encrypted = WebPusher(
                {"endpoint": push.endpoint, "keys": {"p256dh": push.p256dh, "auth": push.auth}}
            ).encode(body)["body"]
        except (WebPushException, ValueError) as error:
            await self._phones.unsubscribe(phone.id, push)
            return refused(f"{phone.name or phone.id}: its keys are unusable ({error}); the subscription is forgotten")
        expires = self._clock.wall() + TOKEN_LIFETIME
        headers = {
            **self.key.headers(push.endpoint, self._contact, int(expires.timestamp())),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(self._ttl.total_seconds())),
            "Urgency": "high" if notify.alarm.category.endangers_people else "normal",
            # A phone that comes back finds the newest message of an incident, not all of them (RFC 8030 section 5.4).
            "Topic": _text(hashlib.sha256(notify.incident.id.encode()).digest())[:32],
        }
        try:
            answer = await self._http.request(
                "POST", push.endpoint, body=encrypted, headers=headers, timeout_s=self._timeout_s
            )
        except Unreachable as error:
            return retry(error.reason)
        if answer.status in _GONE:
            await self._phones.unsubscribe(phone.id, push)
            words = "the push service knows this phone no longer; its subscription is forgotten"
            return refused(f"{phone.name or phone.id}: HTTP {answer.status}: {words}")
        verdict = judge_status(answer)
        if verdict is not None:
            if answer.status == 429:
                self._quota.close_for(answer.retry_after)
            if answer.status in (401, 403):
                return refused(f"HTTP {answer.status} {answer.words()}: the key in secret_file is not the phone's")
            return verdict
        return SendResult(Outcome.ACCEPTED, reference=answer.headers.get("location", "")[-200:])

    async def listen(self, later: Later) -> None:
        """The page's worker says when a message came to the phone, and when somebody opened it."""
        await self.receipts.listen(later)


def _payload(notify: Notify, notice: Notice, key: str) -> bytes:
    """What the phone shows. A long text is cut: the page has it whole."""
    document = {
        "message": key,
        "home": notify.incident.home,
        "incident": notify.incident.id,
        "category": notify.alarm.category.value,
        "danger": notify.alarm.category.endangers_people,
        "purpose": notify.purpose,
        "title": notice.title,
        "text": "",
        "language": notice.language,
    }
    room = PAYLOAD_MAX - len(_encode(document))
    document["text"] = "\n".join(notice.lines[1:]).encode()[: max(0, room // 2)].decode("utf-8", "ignore")
    return _encode(document)
