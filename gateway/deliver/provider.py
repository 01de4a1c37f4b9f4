"""What the channels over a cloud's telephony share: numbers, templates, codes in words, and what is asked later."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.channel_addresses import plain_landline, plain_mobile
from gateway.channel_settings import Part
from gateway.clock import Clock
from gateway.deliver.destination import Later, SendResult
from gateway.deliver.message_channel import HttpChannel, Words, judge_status, parse_object, refused, retry
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice
from gateway.http import Answer, HttpClient, Unreachable
from rules.effects import Notify
from rules.inputs import Outcome

VALUE_MAX: Final = 35
"""Characters that a variable of an approved template may have (阿里云短信模板规范: 1 to 35)."""

_PENDING_MAX = 1000
_LIMITED_S = 60.0


class Pending(msgspec.Struct, frozen=True):
    """A message that was handed over, and of which the provider may know more later."""

    notify: Notify
    reference: str
    handed_over_at: datetime
    give_up_at: float


class ProviderChannel(HttpChannel):
    """A cloud that sends a short message or calls, by an approved template.

    After the hand-over it is asked every `report_every_s` what became of each message, for `known_within_s`; at most
    1,000 are remembered (the oldest go), and none over a restart: its last state is then what is known of a message.
    """

    known_within_s = 3600.0
    mended_by: Mapping[str, str] = {}

    def __init__(
        self,
        name: str,
        url: str,
        http: HttpClient,
        words: Words,
        clock: Clock,
        quota: Quota,
        *,
        timeout_s: float,
        key: tuple[str, str],
        template: str,
        report_every_s: float,
    ) -> None:
        super().__init__(name, url, http, words, clock, quota, timeout_s=timeout_s)
        self._key = key
        self._template = template
        self._report_every_s = report_every_s
        self._pending: OrderedDict[str, Pending] = OrderedDict()
        self._calls = 0

    def remember(self, notify: Notify, reference: str) -> SendResult:
        """The provider took it, under this reference: accepted, and asked for later."""
        if reference:
            give_up_at = self._clock.monotonic() + self.known_within_s
            self._pending[notify.message] = Pending(notify, reference, self._clock.wall(), give_up_at)
            while len(self._pending) > _PENDING_MAX:
                self._pending.popitem(last=False)
        return SendResult(Outcome.ACCEPTED, reference=reference[:200])

    async def listen(self, later: Later) -> None:
        """Ask for what became of each message, until it is known or nobody will know."""
        while True:
            await self._clock.sleep(self._report_every_s)
            for message, pending in list(self._pending.items()):
                if self._clock.monotonic() >= pending.give_up_at:
                    self._pending.pop(message, None)
                    continue
                try:
                    result = await self.what_became(pending)
                except Unreachable:
                    break
                if result is not None and await later(pending.notify, result):
                    self._pending.pop(message, None)

    @abstractmethod
    async def what_became(self, pending: Pending) -> SendResult | None:
        """What the provider knows of a message now, None while it knows nothing."""

    async def call(self, headers: dict[str, str], body: bytes = b"", query: dict[str, str] | None = None) -> Answer:
        """One signed call."""
        return await self._http.request(
            "POST", self._url, body=body, headers=headers, query=query, timeout_s=self._timeout_s
        )

    def nonce(self, at: datetime) -> str:
        """A word that no two calls share: the provider takes each only once."""
        self._calls += 1
        return f"{self._name}-{at:%Y%m%d%H%M%S%f}-{self._calls}"

    def judge(self, code: str, message: str) -> SendResult:
        """What a provider's code means that is not its yes."""
        words = " ".join(f"{code} {message}".split())[:200]
        lowered = code.lower()
        if any(word in lowered for word in ("limit_control", "limitexceeded", "throttling", "limit.exceeded")):
            self._quota.close_for(_LIMITED_S)
            return retry(f"{words}: over the provider's limit", _LIMITED_S)
        mended_by = next((mend for start, mend in self.mended_by.items() if code.startswith(start)), "")
        if mended_by:
            return refused(f"{words}: {mended_by}")
        passing = ("isp.", "internalerror", "serviceunavailable", "requestlimit", "signaturenonceused")
        return retry(words) if lowered.startswith(passing) else refused(words)

    def unread(self, answer: Answer) -> SendResult:
        """An answer that is none of this provider's."""
        return judge_status(answer) or self.stranger()


def object_in(answer: Answer, name: str) -> dict[str, Any] | None:
    """The object of an answer, whatever its status, if it has this field."""
    said = parse_object(answer.body)
    return said if said is not None and name in said else None


def objects_in(said: Mapping[str, Any], *path: str) -> list[dict[str, Any]]:
    """The objects of a list at a place of an answer; none where something else stands there."""
    found: Any = said
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def international(address: str) -> str:
    """A number with +86 in front."""
    mobile = plain_mobile(address)
    return f"+86{mobile or plain_landline(address).removeprefix('0')}"


def value_of(notice: Notice, part: Part) -> str:
    """A piece of the notice, short enough for a template's variable; of a place that is too long the end is kept.

    A template's variable may not be empty: `-` stands where there is nothing to say.
    """
    text = str(getattr(notice.parts, part)) or "-"
    if len(text) <= VALUE_MAX:
        return text
    return f"…{text[-VALUE_MAX + 1 :]}" if part in ("place", "room") else f"{text[: VALUE_MAX - 1]}…"


def values_of(notice: Notice, parts: Sequence[Part]) -> list[str]:
    """The pieces that fill a template's places, in order."""
    return [value_of(notice, part) for part in parts]
