"""The writer: the one thread that touches the file. Commits go first, and those that wait go together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from gateway.record.incarnation import Ending
from gateway.record.record import JournalUnavailable
from gateway.record.store import Rows, Store

Result = TypeVar("Result")
_COMMITS_IN_A_ROW = 8  # then one reader gets its turn, so that no load of commits starves the couriers

Settle = Callable[[BaseException | None], None]


class Writer:
    """A thread with two queues. Every answer returns to the loop by call_soon_threadsafe.

    A commit that fails takes those with it that were queued before the loop knew (their seqs build on it):
    `era` counts the failures that the loop has seen.
    """

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self._store = store
        self._loop = loop
        self._commits: deque[tuple[Rows, int, Settle]] = deque()
        self._works: deque[tuple[Callable[[Store], Any], asyncio.Future[Any]]] = deque()
        self._wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._failed_era = -1
        self._failure: JournalUnavailable | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def commit(self, rows: Rows, era: int, settle: Settle) -> None:
        """Queue rows; `settle` is called on the loop once they are on disk (None), or not (the error)."""
        self._commits.append((rows, era, settle))
        self._wake.put(True)

    def run(self, work: Callable[[Store], Result]) -> asyncio.Future[Result]:
        """Queue other work on the file; it waits until no commit does."""
        future: asyncio.Future[Result] = self._loop.create_future()
        self._works.append((work, future))
        self._wake.put(True)
        return future

    async def stop(self) -> None:
        """Finish what is queued and end the thread."""
        self._wake.put(False)
        await self._loop.run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        running, commits_in_a_row = True, 0
        while running or self._commits or self._works:
            if running and not (self._commits or self._works):
                running = self._wake.get()
            while not self._wake.empty():
                running = self._wake.get() and running
            commits_in_a_row += 1
            if self._commits and (commits_in_a_row < _COMMITS_IN_A_ROW or not self._works):
                self._commit_waiting()
            elif self._works:
                commits_in_a_row = 0
                self._work(*self._works.popleft())

    def _commit_waiting(self) -> None:
        group = [self._commits.popleft() for _ in range(len(self._commits))]
        fresh = [one for one in group if one[1] > self._failed_era]
        stale = [settle for _, era, settle in group if era <= self._failed_era]
        if stale:
            self._answer(lambda: _settle_all(stale, self._failure))
        if not fresh:
            return
        rows = fresh[0][0] if len(fresh) == 1 else _merged([one[0] for one in fresh])
        error: BaseException | None = None
        try:
            self._store.commit(rows)
            if rows.settles:
                self._store.mark(Ending.OPEN)
        except JournalUnavailable as failure:
            error = self._failure = failure
            self._failed_era = max(one[1] for one in fresh)
            self._store.mark(Ending.HELD)
        except Exception as fault:  # noqa: BLE001 - a bug must reach who awaits the commit, not end the thread
            error = fault
            self._failure = JournalUnavailable(f"日志程序错误 the journal failed by a fault of the program: {fault!r}")
            self._failed_era = max(one[1] for one in fresh)
        settles = [one[2] for one in fresh]
        self._answer(lambda: _settle_all(settles, error))

    def _work(self, work: Callable[[Store], Any], future: asyncio.Future[Any]) -> None:
        try:
            result = work(self._store)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to who awaits the work
            fault = error
            self._answer(lambda: None if future.done() else future.set_exception(fault))
        else:
            self._answer(lambda: None if future.done() else future.set_result(result))

    def _answer(self, call: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:
            # The loop is closed: nobody is left who could be told; what was committed stays committed.
            return


def _settle_all(settles: list[Settle], error: BaseException | None) -> None:
    for settle in settles:
        settle(error)


def _merged(parts: list[Rows]) -> Rows:
    cursors = {(destination, stream): seq for part in parts for destination, stream, seq in part.cursors}
    tokens = [part.token for part in parts if part.token is not None]
    return Rows(
        segments=[row for part in parts for row in part.segments],
        archived=[row for part in parts for row in part.archived],
        ledger=[row for part in parts for row in part.ledger],
        snapshots=[row for part in parts for row in part.snapshots],
        cursors=[(destination, stream, seq) for (destination, stream), seq in cursors.items()],
        token=max(tokens, default=None),
        settles=all(part.settles for part in parts),
    )
