"""The disk of the simulated gateway: the real store of the journal, written on virtual time, full or slow when told."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from gateway.record.record import JournalUnavailable
from gateway.record.store import Rows, Store
from gateway.record.writer import Writer


class Disk:
    """What the world does to the disk. `latency` gives the seconds of one access."""

    def __init__(self, latency: Callable[[], float]) -> None:
        self.latency = latency
        self._full = False
        self._freed_at = -1e9
        self.stores: list[Store] = []

    @property
    def full(self) -> bool:
        """Whether it takes nothing."""
        return self._full

    @full.setter
    def full(self, full: bool) -> None:
        if self._full and not full:
            self._freed_at = asyncio.get_running_loop().time()
        self._full = full

    def was_full_within(self, seconds: float) -> bool:
        """Whether it is full, or was a moment ago."""
        return self._full or asyncio.get_running_loop().time() - self._freed_at < seconds

    def writer(self, store: Store, loop: asyncio.AbstractEventLoop) -> DiskWriter:
        """What stands in the place of the journal's thread."""
        self.stores.append(store)
        return DiskWriter(self, store, loop)

    def power_off(self) -> None:
        """The process is gone: what was not committed is rolled back, and the lock is free."""
        for store in self.stores:
            store._disconnect()
            store._incarnation.close()
        self.stores.clear()


class _Bell:
    """Stands in the place of the queue that wakes the thread."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()

    def put(self, _: bool) -> None:
        self.rung.set()


class DiskWriter(Writer):
    """The writer without its thread: it works a moment after it was asked, and its answer takes another one.

    A death may fall before the commit, between the commit and its answer, or behind it.
    """

    def __init__(self, disk: Disk, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self._disk = disk
        self._store = store
        self._loop = loop
        self._commits = deque()
        self._works = deque()
        self._failed_era = -1
        self._failure = None
        self._bell = _Bell()
        self._wake: Any = self._bell
        self._answers: list[Callable[[], None]] = []
        self._write = store.commit
        store.commit = self._commit  # type: ignore[method-assign]
        self._begun = False
        self._serving = loop.create_task(self._serve())

    def _commit(self, rows: Rows) -> None:
        if self._disk.full:
            raise JournalUnavailable("磁盘已满 disk full (simulated)")
        self._write(rows)

    async def _serve(self) -> None:
        while True:
            await self._bell.rung.wait()
            self._bell.rung.clear()
            while self._commits or self._works:
                await asyncio.sleep(self._disk.latency())
                if self._commits:
                    self._commit_waiting()
                else:
                    self._work(*self._works.popleft())
                    if not self._begun:
                        # A killed process loses nothing that SQLite has written; only a power cut asks for fsync.
                        self._begun = True
                        self._store.run(("PRAGMA synchronous=OFF",))
                answers, self._answers = self._answers, []
                await asyncio.sleep(self._disk.latency())
                for answer in answers:
                    answer()

    def _answer(self, call: Callable[[], None]) -> None:
        self._answers.append(call)

    async def stop(self) -> None:
        """End as the thread ends, with what is queued."""
        await self.run(lambda _: None)
        self._serving.cancel()
