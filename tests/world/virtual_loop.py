"""An event loop on virtual time: it sleeps in no time, runs one callback after another, and can kill what runs on it.

Whatever runs in a life (a context) that was ended is never resumed: not its awaits, not its `finally`. So a process
dies at a kill -9 between any two callbacks, that is at any await, while the world around it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import heapq
import warnings
from collections.abc import Callable
from typing import Any

LIFE: contextvars.ContextVar[int] = contextvars.ContextVar("life", default=0)
"""Which life of the gateway a callback belongs to; 0 is the world around it."""


class Stuck(AssertionError):
    """Nothing is ready and nothing is planned: everybody waits for ever."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Time is a number that moves to the next timer as soon as nothing is ready."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = 0.0
        self.ended: set[int] = set()
        self.steps = 0
        self.dies_in = 0
        self.on_death: Callable[[], None] = lambda: None
        self._tasks: list[asyncio.Task[Any]] = []
        self.set_task_factory(self._make)

    def _make(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **more)
        self._tasks.append(task)  # who is collected would run its `finally`: the dead do nothing any more
        return task

    def time(self) -> float:
        return self._virtual

    def passes(self, seconds: float) -> None:
        """Work takes time: so who asks again and again whether it is time sees it come."""
        self._virtual += seconds

    def _run_once(self) -> None:
        ready: Any = self._ready  # type: ignore[attr-defined]
        scheduled: Any = self._scheduled  # type: ignore[attr-defined]
        if not ready:
            while scheduled and scheduled[0]._cancelled:
                heapq.heappop(scheduled)._scheduled = False
            if not scheduled:
                raise Stuck("nobody will ever go on")
            self._virtual = max(self._virtual, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self._virtual:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            ready.append(timer)
        handle = ready.popleft()
        if handle._cancelled:
            return
        life = handle._context.get(LIFE, 0)
        if life in self.ended:
            return
        if life:
            self.steps += 1
            if self.dies_in:
                self.dies_in -= 1
                if not self.dies_in:
                    self.on_death()
                    return
        handle._run()

    def _process_events(self, events: object) -> None:
        """There are none: nobody has a socket."""

    def _write_to_self(self) -> None:
        """No other thread wakes this loop."""

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers go when their time comes."""

    def bury(self) -> None:
        """Let go of everything that never ended, without a word."""
        with warnings.catch_warnings():
            # The dead leave coroutines behind that nobody will ever await.
            warnings.simplefilter("ignore", RuntimeWarning)
            self._close_all()
        self._tasks.clear()
        self._ready.clear()  # type: ignore[attr-defined]
        self._scheduled.clear()  # type: ignore[attr-defined]
        self.close()

    def _close_all(self) -> None:
        for task in self._tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            if task.done():
                if not task.cancelled():
                    task.exception()
                continue
            coroutine: Any = task.get_coro()
            with contextlib.suppress(Exception):
                coroutine.close()
