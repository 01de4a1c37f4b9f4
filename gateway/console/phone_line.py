"""What the script of the app says and hears: its live line, its answers, its subscription to web push."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.console.access import read_body
from gateway.console.events import LiveStream
from gateway.console.holder import Holder, Holders
from gateway.console.parts import ConsoleParts, PhoneReach
from gateway.console.render import Pages, Visit
from gateway.lines import PING_EVERY_S, Line, Lines
from gateway.record.phones import PhonesUnusable, Subscription
from rules.inputs import Outcome

CHANGES_EVERY_S = 2.0
"""A hundred phones that ask for their page anew take from the time to decide: in a flood they hear of it every 2 s.

What calls somebody does not wait for that: it comes by itself.
"""
SHOWN_MAX = 16
"""Messages that one answer is about: a page shows one at a time."""
ENDPOINT_MAX = 1024
KEY_MAX = 200

_Said = TypeVar("_Said")


class _Answer(msgspec.Struct, frozen=True):
    """A page's answer on its line: whether it is in the foreground, and which calls it shows."""

    line: str
    visible: bool
    shown: list[str] = []


class _Receipt(msgspec.Struct, frozen=True):
    """What became of a message on the phone: it came (`shown`), or somebody opened it."""

    message: str
    opened: bool = False


class _Push(msgspec.Struct, frozen=True):
    """A browser's subscription; an empty endpoint ends it."""

    endpoint: str = ""
    p256dh: str = ""
    auth: str = ""


class PhoneLine:
    """The endpoints of the app's script. Every one of them is somebody's; a stranger gets 401."""

    def __init__(self, parts: ConsoleParts, pages: Pages, holders: Holders, reach: PhoneReach) -> None:
        self._parts = parts
        self._pages = pages
        self._holders = holders
        self._reach = reach
        self._phones = reach.phones
        self._lines = reach.lines

    async def stream(self, visit: Visit) -> Response:
        """The line itself: changes, a heartbeat, pings, and the calls that are for this person."""
        holder = self._holders.of(visit)
        if holder is None:
            return Response(status_code=401)
        line = self._lines.open(secrets.token_urlsafe(12), holder.person, holder.homes)
        if line is None:
            return Response(status_code=503, headers={"retry-after": "5"})
        site = self._parts.sites[holder.homes[0]]
        stream = LiveStream(
            self._parts.changes,
            self._parts.closing,
            lambda: self._pages.times(site),
            lambda: line.ended or self._holders.of(visit) is None,
            line=line,
            gap_s=CHANGES_EVERY_S,
        )
        return _LineResponse(stream, self._lines, line, self._parts.clock.sleep)

    async def answer(self, visit: Visit) -> Response:
        """A page's answer to a ping or a call."""
        holder, said = await self._read(visit, _Answer)
        if holder is None or said is None:
            return _refused(holder)
        known = self._lines.answered(
            said.line, holder.person, visible=said.visible, shown=said.shown[:SHOWN_MAX]
        )
        return Response(status_code=204 if known else 410)

    async def receipt(self, visit: Visit) -> Response:
        """A message came to the phone, or was opened on it."""
        holder, said = await self._read(visit, _Receipt, by_worker=True)
        if holder is None or said is None:
            return _refused(holder)
        self._reach.receipt(said.message, holder.person, Outcome.READ if said.opened else Outcome.DELIVERED)
        return Response(status_code=204)

    async def push(self, visit: Visit) -> Response:
        """Where web push for this phone goes from now on."""
        holder, said = await self._read(visit, _Push)
        if holder is None or said is None or holder.phone is None:
            return _refused(None if holder is not None and holder.phone is None else holder)
        too_long = len(said.endpoint) > ENDPOINT_MAX or len(said.p256dh) > KEY_MAX or len(said.auth) > KEY_MAX
        if too_long or bool(said.endpoint) != bool(said.p256dh and said.auth):
            return Response(status_code=400)
        push = Subscription(said.endpoint, said.p256dh, said.auth) if said.endpoint else None
        try:
            known = await self._phones.subscribe(holder.phone.id, push)
        except PhonesUnusable:
            return Response(status_code=503)
        return Response(status_code=204 if known else 401)

    async def _read(
        self, visit: Visit, kind: type[_Said], *, by_worker: bool = False
    ) -> tuple[Holder | None, _Said | None]:
        """Who says what. A script's token comes with it; the worker has no page that could give it one."""
        holder = self._holders.of(visit)
        if holder is None:
            return None, None
        token = holder.csrf if by_worker else visit.request.headers.get("x-csrf", "")
        if not self._holders.is_ours(visit.request, holder, token):
            return holder, None
        try:
            return holder, msgspec.json.decode(await read_body(visit.request), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return holder, None


def _refused(holder: Holder | None) -> Response:
    return Response(status_code=401 if holder is None else 400)


class _LineResponse(Response):
    """The stream of one line: while it lasts the page is asked every few seconds whether it is looked at."""

    def __init__(
        self, stream: LiveStream, lines: Lines, line: Line, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        super().__init__()
        self._stream = stream
        self._lines = lines
        self._line = line
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asking = asyncio.create_task(self._ask())
        try:
            await self._stream(scope, receive, send)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            self._lines.close(self._line)

    async def _ask(self) -> None:
        while True:
            await self._sleep(PING_EVERY_S)
            self._line.say("ping", {"line": self._line.id})
