"""Bark: a push to one iPhone; a danger to people sounds through silence and do-not-disturb."""

from __future__ import annotations

from typing import Any

from gateway.channel_addresses import address_fault
from gateway.clock import Clock
from gateway.deliver.chat import cut
from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import HttpChannel, Words, encode, judge_status, parse_object, refused
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice
from gateway.http import HttpClient
from rules.effects import Notify
from rules.inputs import Outcome

_BODY_MAX = 2500
"""Of the 4,096 bytes that Apple's push service takes, link and sound included."""
_GONE = ("device token", "baddevicetoken", "unregistered", "devicetokennotfortopic")


class Bark(HttpChannel):
    """A Bark server: the person's address is the device key that the app shows.

    A danger to people is a critical alert with `volume` (0 to 10) and rings for 30 s, anything else is time-sensitive.
    The message's id is the notification's, so that a second hand-over replaces the first. Accepted means that Apple's
    push service took it.
    """

    server = "a Bark server"

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
        authorization: str = "",
        volume: int = 10,
    ) -> None:
        super().__init__(name, url, http, words, clock, quota, timeout_s=timeout_s)
        self._headers = {"Authorization": authorization} if authorization else {}
        self._volume = volume

    def address_fault(self, address: str) -> str:
        return address_fault("bark", address)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        answer = await self.post(encode(self._document(notify, notice, key)), self._headers, path="/push")
        said = parse_object(answer.body)
        message = str((said or {}).get("message") or "")[:200]
        if any(word in message.lower() for word in _GONE):
            mend = "the phone is not known there any more: open the Bark app and write its key into the site file"
            return refused(f"HTTP {answer.status} {message}: {mend}")
        verdict = judge_status(answer)
        if verdict is not None:
            if answer.status == 429:
                self._quota.close_for(answer.retry_after)
            return verdict
        if said is None or not isinstance(said.get("code"), int):
            return self.stranger()
        return SendResult(Outcome.ACCEPTED) if said["code"] == 200 else refused(f"code {said['code']} {message}")

    def _document(self, notify: Notify, notice: Notice, key: str) -> dict[str, Any]:
        document: dict[str, Any] = {
            "device_key": notify.address,
            "title": notice.title,
            "body": cut("\n".join(notice.lines[1:]), _BODY_MAX),
            "group": notify.incident.home,
            "id": key,
            "isArchive": 1,
            "level": "timeSensitive",
        }
        if notice.url:
            document["url"] = notice.url
        if notify.purpose == "test":
            document["level"] = "passive"  # listed, without a sound and without lighting the screen
        elif notify.purpose == "over":
            document["level"] = "active"
        elif notify.alarm.category.endangers_people:
            document |= {"level": "critical", "volume": self._volume, "call": "1"}
        return document
