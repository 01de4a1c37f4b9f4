"""What all ways to people share: their messages, their quota, and what an answer over HTTP means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.clock import Clock
from gateway.deliver.destination import HAND_OVER_MAX_S, HAND_OVERS_AT_ONCE, SendResult
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice
from gateway.http import Answer, HttpClient, Unreachable
from rules.effects import AnyEffect, Notify
from rules.inputs import Outcome

Words = Callable[[Notify], Notice]
"""Makes the notice of a message: site, links and language are in it."""

_JSON = {"Content-Type": "application/json; charset=utf-8"}
encode = msgspec.json.Encoder().encode


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
    """One way to people: takes the messages for its name, keeps the quota, and turns every failure into a result.

    `at_once` hand-overs may be under way, each for at most `hand_over_max_s`.
    """

    at_once = HAND_OVERS_AT_ONCE
    hand_over_max_s = HAND_OVER_MAX_S

    def __init__(self, name: str, words: Words, clock: Clock, quota: Quota, *, timeout_s: float = 5.0) -> None:
        self._name = name
        self._words = words
        self._clock = clock
        self._quota = quota
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        return self._name

    @property
    def quota(self) -> Quota:
        return self._quota

    def takes(self, effect: AnyEffect) -> bool:
        return isinstance(effect, Notify) and effect.channel == self._name

    async def send(self, effect: AnyEffect, key: str) -> SendResult:
        """Hand over one message once. `key` is the message's id, the same at every try."""
        if not isinstance(effect, Notify):
            return refused(f"{type(effect).__name__} is no message to a person")
        fault = self.address_fault(effect.address)
        if fault:
            return refused(f"address of {effect.person}: {fault}")
        wait = self._quota.take(effect.alarm.category)
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


class HttpChannel(MessageChannel):
    """A way to people over HTTP: one address that takes JSON. `server` names the other side in words."""

    server = "this service"

    def __init__(
        self, name: str, url: str, http: HttpClient, words: Words, clock: Clock, quota: Quota, *, timeout_s: float = 5.0
    ) -> None:
        super().__init__(name, words, clock, quota, timeout_s=timeout_s)
        self._url = url
        self._http = http

    async def post(
        self, payload: bytes, headers: dict[str, str] | None = None, query: dict[str, str] | None = None, path: str = ""
    ) -> Answer:
        """POST a JSON body to the channel's address, or to a path below it."""
        return await self._http.request(
            "POST",
            self._url.rstrip("/") + path if path else self._url,
            body=payload,
            headers={**_JSON, **(headers or {})},
            query=query,
            timeout_s=self._timeout_s,
        )

    async def ask(
        self, payload: bytes, headers: dict[str, str] | None = None, query: dict[str, str] | None = None, path: str = ""
    ) -> dict[str, Any] | SendResult:
        """POST, and the object of a 2xx answer; or what it means that there is none."""
        answer = await self.post(payload, headers, query, path)
        verdict = judge_status(answer)
        if verdict is not None:
            if answer.status == 429:
                self._quota.close_for(answer.retry_after)
            return verdict
        said = parse_object(answer.body)
        return self.stranger() if said is None else said

    def stranger(self) -> SendResult:
        """Somebody else answered: a portal, a proxy, a server of another kind."""
        return retry(f"HTTP 200, but not the answer of {self.server}: is `url` right, is a portal in between?")
