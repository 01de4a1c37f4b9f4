"""Exchanges of GB/T 26875.3: what one side sends and the other confirms, denies or answers, with time-outs and resends.

Both ends of the protocol need them: a centre for its queries and controls, a transmission device for its uploads.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from devices.gb26875 import Command, Frame, encode
from gateway.clock import Clock

SERIAL_MAX = 0xFFFF
PENDING_MAX = 256
"""Exchanges that may be under way at a time on one link; more are refused (`LOST`)."""

TIMEOUT_S = 10.0
"""How long one try waits: should not exceed 10 s (6.5.4)."""

RESENDS = 3
"""Resends before the exchange has failed: should be 3 (6.5.5)."""

_REPLIES = frozenset({Command.CONFIRM, Command.ANSWER, Command.DENY})


class Ending(enum.StrEnum):
    """How an exchange ended. DENIED: the other side refused every try. SILENT: it said nothing. LOST: no link."""

    CONFIRMED = "confirmed"
    ANSWERED = "answered"
    DENIED = "denied"
    SILENT = "silent"
    LOST = "lost"


class Result(msgspec.Struct, frozen=True):
    """The end of an exchange, with the frame that ended it where there is one, and how often it was sent."""

    ending: Ending
    reply: Frame | None = None
    tries: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether the other side took it."""
        return self.ending in (Ending.CONFIRMED, Ending.ANSWERED)


async def first_of(future: asyncio.Future[Frame], clock: Clock, seconds: float) -> Frame | None:
    """What the future holds once it is done, or None after `seconds` (the future is left as it is)."""
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((future, sleeping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
    return future.result() if future.done() and not future.cancelled() else None


class Exchanges:
    """All exchanges that this side began on one link. `transmit` puts bytes on the link."""

    def __init__(self, clock: Clock, transmit: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._transmit = transmit
        self._serial = 0
        self._pending: dict[int, asyncio.Future[Frame]] = {}
        self._open = True

    async def perform(
        self, frame: Frame, *, timeout_s: float = TIMEOUT_S, resends: int = RESENDS, serial: int | None = None
    ) -> Result:
        """Send a frame until it is taken, denied or given up. Its serial is set here, the same at every try.

        A late reply to an earlier try counts: it has this exchange's serial and no other's. `serial` 0 is the
        convention of heartbeats; all others count from 1.
        """
        if not self._open or len(self._pending) >= PENDING_MAX:
            return Result(Ending.LOST)
        number = self._next_serial() if serial is None else serial
        raw = encode(replace(frame, serial=number))
        ending = Ending.SILENT
        reply: Frame | None = None
        try:
            future: asyncio.Future[Frame] | None = None
            for attempt in range(resends + 1):
                if future is None:
                    future = self._pending[number] = asyncio.get_running_loop().create_future()
                self._transmit(raw)
                reply = await first_of(future, self._clock, timeout_s)
                if not self._open:
                    return Result(Ending.LOST, tries=attempt + 1)
                if reply is None:
                    continue
                if reply.command != Command.DENY:
                    ended = Ending.CONFIRMED if reply.command == Command.CONFIRM else Ending.ANSWERED
                    return Result(ended, reply, attempt + 1)
                ending, future = Ending.DENIED, None
        finally:
            self._pending.pop(number, None)
        return Result(ending, reply, resends + 1)

    def take_reply(self, frame: Frame) -> bool:
        """Hand a confirm, a denial or an answer to its exchange; False if none waits for it."""
        future = self._pending.get(frame.serial)
        if frame.command not in _REPLIES or future is None or future.done():
            return False
        future.set_result(frame)
        return True

    def end(self) -> None:
        """The link is gone: every exchange ends as LOST."""
        self._open = False
        for future in self._pending.values():
            future.cancel()

    def _next_serial(self) -> int:
        while True:
            self._serial = self._serial % SERIAL_MAX + 1
            if self._serial not in self._pending:
                return self._serial
