"""The one module that asks the clock.

Engine time (`Clock.now`) is the wall clock read once and carried on by the monotonic clock: a step of the
wall clock neither fires nor starves a timer. It never goes back, not even over a restart: `start_at` is
the last instant in the journal.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

STEP_LIMIT = timedelta(seconds=2)
"""A difference of wall clock and engine time beyond this is a step (DESIGN section 2)."""

_STA_UNSYNC = 0x0040
_TIMEX_SIZE = 256
_TIMEX_STATUS_OFFSET = 40


class Clock(Protocol):
    """Time as the gateway knows it. `now` is engine time, aware, UTC, never going back."""

    def now(self) -> datetime: ...

    def wall(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock, anchored once. `shift` is what to add to engine time for the time on the wall."""

    def __init__(self, not_before: datetime | None = None) -> None:
        wall = datetime.now(UTC)
        self._anchor = wall if not_before is None or wall >= not_before else not_before
        self._mark = time.monotonic()

    def start_at(self, not_before: datetime) -> None:
        """Move engine time forward to the last journalled instant, if it lies behind it."""
        if not_before > self.now():
            self._anchor = not_before
            self._mark = time.monotonic()

    def leap_to(self, instant: datetime) -> None:
        """Move engine time forward: only for the first synchronisation after boot, which counts as downtime."""
        self.start_at(instant)

    def now(self) -> datetime:
        return self._anchor + timedelta(seconds=time.monotonic() - self._mark)

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def kernel_says_synchronised() -> bool:
    """Whether the kernel's clock is disciplined (adjtimex without STA_UNSYNC, Linux); False where it cannot tell."""
    try:
        buffer = ctypes.create_string_buffer(_TIMEX_SIZE)
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        return False
    status = int.from_bytes(buffer[_TIMEX_STATUS_OFFSET : _TIMEX_STATUS_OFFSET + 4], "little")
    return state >= 0 and not status & _STA_UNSYNC
