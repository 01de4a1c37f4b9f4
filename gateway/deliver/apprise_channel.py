"""Apprise: the long tail of services, taken at their word only as far as handed over."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import quote

import apprise

from gateway.channel_addresses import address_fault
from gateway.clock import Clock
from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import MessageChannel, Words, refused, retry
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice
from rules.effects import Notify
from rules.inputs import Outcome

PLACE: Final = "{address}"
_ADDRESS_MAX = 200
_THREADS = 4
"""Apprise blocks: a service that hangs must not stop more than this channel's own threads."""


class Apprise(MessageChannel):
    """Any service that Apprise knows, by its URL (a secret). `{address}` in it is filled with the person's address.

    Its yes means handed over and never delivered: of many services it reads only the status, so that a refusal in the
    body is a yes as well. Services with an adapter of their own here are better served by that one.
    """

    def __init__(
        self, name: str, words: Words, clock: Clock, quota: Quota, *, service: str, timeout_s: float = 5.0
    ) -> None:
        super().__init__(name, words, clock, quota, timeout_s=timeout_s)
        self._service = service
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"apprise-{name}")
        self._under_way = 0

    def address_fault(self, address: str) -> str:
        if PLACE in self._service and not address:
            return f"this channel's URL has {PLACE}, the site file has none"
        return "too long" if len(address) > _ADDRESS_MAX else address_fault("apprise", address)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:  # noqa: ARG002  it takes no id
        if self._under_way >= _THREADS:
            return retry("all threads of this channel are busy with a service that does not answer")
        service = open_service(self._service.replace(PLACE, quote(notify.address, safe="")))
        if service is None:
            return refused("Apprise does not know this URL: check token_file and the person's address")
        body = f"{notice.text}\n{notice.url}" if notice.url else notice.text
        kind = apprise.NotifyType.FAILURE if notify.purpose != "over" else apprise.NotifyType.SUCCESS
        self._under_way += 1
        work = asyncio.get_running_loop().run_in_executor(self._threads, _notify, service, notice.title, body, kind)
        work.add_done_callback(self._landed)
        try:
            taken = await asyncio.wait_for(asyncio.shield(work), self._timeout_s)
        except TimeoutError:
            return retry(f"no answer of the service within {self._timeout_s:g} s")
        if not taken:
            return retry("the service did not take it, or could not be reached (Apprise does not say which)")
        return SendResult(Outcome.ACCEPTED, detail="handed over by Apprise; nobody says whether it arrived")

    def _landed(self, work: asyncio.Future[bool]) -> None:
        self._under_way -= 1
        if not work.cancelled():
            # What is not awaited any more must not be reported as an exception that nobody looked at.
            work.exception()


def open_service(url: str) -> apprise.Apprise | None:
    """A service by its URL, or None where Apprise does not know it. A fresh one each: an old one waits 5.5 s a send."""
    service = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False, secure_logging=True))
    return service if service.add(url) else None


def _notify(service: apprise.Apprise, title: str, body: str, kind: apprise.NotifyType) -> bool:
    return bool(service.notify(body=body, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT))
