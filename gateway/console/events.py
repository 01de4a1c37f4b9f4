"""The live connection: server-sent events that say what changed, and every 2 s that the line is alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from gateway.console.changes import Changes
from gateway.console.render import Times
from gateway.lines import Line

HEARTBEAT_S = 2.0
GAP_S = 0.25
"""Changes closer together than this are told as one."""
SEND_WITHIN_S = 5.0
"""A client that does not take an event for so long is dropped: it covers its board by itself after the same time."""

_log = structlog.get_logger(__name__)


class LiveStream:
    """One client's stream, as an ASGI response. Ends when the client goes, is too slow, or `ended` says so.

    `line`: what is said to this page alone goes out with it.
    """

    def __init__(
        self,
        changes: Changes,
        closing: asyncio.Event,
        times: Callable[[], Times],
        ended: Callable[[], bool],
        heartbeat_s: float = HEARTBEAT_S,
        line: Line | None = None,
        gap_s: float = GAP_S,
    ) -> None:
        self._changes = changes
        self._closing = closing
        self._times = times
        self._ended = ended
        self._heartbeat_s = heartbeat_s
        self._line = line
        self._gap_s = gap_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            # Buffering proxies would hold the heartbeat back.
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.create_task(_until_gone(receive))
        closing = asyncio.create_task(self._closing.wait())
        try:
            await self._speak(send, gone, closing)
        except TimeoutError:
            _log.warning("live page dropped: it does not read", client=scope.get("client"))
        finally:
            gone.cancel()
            closing.cancel()
            await asyncio.gather(gone, closing, return_exceptions=True)

    async def _speak(self, send: Send, gone: asyncio.Task[None], closing: asyncio.Task[bool]) -> None:
        told = -1
        loop = asyncio.get_running_loop()
        beat_due = loop.time()
        await self._write(send, b"retry: 1000\n\n")
        while not (gone.done() or closing.done()):
            if self._ended():
                await self._write(send, b"event: ended\ndata: {}\n\n")
                break
            for said in self._line.take() if self._line is not None else ():
                await self._event(send, said.event, said.data)
            version = self._changes.version
            if version != told:
                told = version
                await self._event(send, "change", {"version": version, "fragment": f"board-{version}"})
            if loop.time() >= beat_due:
                beat_due = loop.time() + self._heartbeat_s
                times = self._times()
                beat = {
                    "version": version,
                    "now": times.iso(times.now),
                    "clock": times.clock(times.now),
                    "day_seconds": times.day_seconds,
                }
                await self._event(send, "beat", beat)
            await self._pause(told, beat_due - loop.time(), gone, closing)
        if not gone.done():
            await self._write(send, b"", more=False)

    async def _pause(self, told: int, seconds: float, gone: asyncio.Task[None], closing: asyncio.Task[bool]) -> None:
        waking: set[asyncio.Task[Any]] = {gone, closing}
        # What is said to one page does not wait for the changes of all to gather.
        woken = asyncio.create_task(self._line.woken.wait()) if self._line is not None else None
        if woken is not None:
            waking.add(woken)
        changed: asyncio.Task[int] | None = None
        try:
            gap = min(self._gap_s, max(0.0, seconds))
            done, _ = await asyncio.wait(waking, timeout=gap, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                changed = asyncio.create_task(self._changes.wait(told))
                left = max(0.0, seconds - gap)
                await asyncio.wait({*waking, changed}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (woken, changed):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)

    async def _event(self, send: Send, name: str, data: dict[str, object]) -> None:
        await self._write(send, b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data)))

    async def _write(self, send: Send, body: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(SEND_WITHIN_S):
            await send({"type": "http.response.body", "body": body, "more_body": more})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
