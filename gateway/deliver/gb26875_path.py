"""One path to a monitoring centre: a TCP connection or a UDP socket, its reader and its exchanges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from devices.gb26875 import Cause, Command, Frame, FrameFault, FrameReader, encode, reply
from gateway.clock import Clock
from gateway.exchange import Exchanges

LOOK_BEYOND_S = 2.0
GIVE_UP_S = 10.0
"""As for a listener: a false start must not hold up a confirm."""


class Path(asyncio.Protocol, asyncio.DatagramProtocol):
    """One attempt at one address. `was_answered`: the other side said something good on it."""

    def __init__(
        self, transport: str, host: str, port: int, clock: Clock, on_frame: Callable[[Path, Frame], None]
    ) -> None:
        self.exchanges = Exchanges(clock, self.write)
        self.was_answered = False
        self.heard_at = clock.monotonic()
        self._kind = transport
        self._address = (host, port)
        self._clock = clock
        self._on_frame = on_frame
        self._reader = FrameReader()
        self._waiting_since: float | None = None
        self._transport: Any = None
        self._ended = asyncio.Event()
        self._words = ""

    async def open(self, seconds: float) -> None:
        """Connect; OSError or TimeoutError if that fails."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            if self._kind == "udp":
                await loop.create_datagram_endpoint(lambda: self, remote_addr=self._address)
            else:
                await loop.create_connection(lambda: self, *self._address)

    def write(self, raw: bytes) -> None:
        """Put bytes on the path; nothing if it is gone."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._kind == "udp":
            self._transport.sendto(raw)
        else:
            self._transport.write(raw)

    def close(self) -> None:
        """End it; exchanges under way are lost."""
        self.exchanges.end()
        if self._transport is not None:
            self._transport.abort()

    async def lost(self) -> str:
        """Return once the other side ended the connection, with the reason."""
        await self._ended.wait()
        return self._words

    def look_at_waiting(self) -> None:
        """Called by the clock: what a false start held up."""
        if self._waiting_since is None:
            return
        waited = self._clock.monotonic() - self._waiting_since
        if waited >= LOOK_BEYOND_S:
            self._take(self._reader.give_up() if waited >= GIVE_UP_S else self._reader.look_beyond())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._take(self._reader.feed(data))

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002 - asyncio's signature
        self._take(self._reader.feed(data) + self._reader.give_up())

    def connection_lost(self, exc: Exception | None) -> None:
        self._words = f"the centre ended the connection{f': {exc}' if exc else ''}"
        self.exchanges.end()
        self._ended.set()

    def _take(self, items: list[Frame | FrameFault]) -> None:
        if not self._reader.waiting:
            self._waiting_since = None
        elif items or self._waiting_since is None:
            self._waiting_since = self._clock.monotonic()
        for item in items:
            if isinstance(item, Frame):
                self.was_answered = True
                self.heard_at = self._clock.monotonic()
                self._on_frame(self, item)
            elif item.cause is Cause.CHECKSUM and item.frame is not None:
                self.write(encode(reply(item.frame, Command.DENY, self._clock.wall())))
