"""Pruning: what leaves the journal, oldest first and in small transactions, so that no commit waits long for it.

Behind all cursors and the newest snapshot a segment goes for its age or for the byte budget. If the budget is
exceeded and a destination lies far behind, telemetry is thinned before it read it, and alarms go last.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.record.store import ROW_OVERHEAD, Store

CHUNK: Final = 64
ARCHIVE_CHUNK: Final = 500
VACUUM_PAGES: Final = 512  # 2 MiB a step: a few ms, then commits get their turn

_OLDEST: Final = (
    "SELECT id, first_seq, last_seq, at_last, entries, alarms, size FROM segment INDEXED BY segment_by_seq "
    "WHERE stream=?1 AND first_seq > ?2 AND first_seq <= ?3 AND last_seq <= ?3 ORDER BY first_seq LIMIT ?4"
)
_NEWEST_SNAPSHOTS: Final = "SELECT stream, max(seq) FROM snapshot GROUP BY stream"


class Removed(msgspec.Struct):
    """What one step took out; `done`: there is nothing more of this kind to take."""

    segments: int = 0
    entries: int = 0
    bytes: int = 0
    done: bool = True


class _Candidate(msgspec.Struct, order=True):
    at_last: int
    stream: str
    id: int
    first_seq: int
    last_seq: int
    entries: int
    alarms: int
    size: int


def newest_snapshots(store: Store) -> dict[str, int]:
    """The seq of the newest snapshot of each stream: nothing beyond it may go."""
    return dict(store.fetch(_NEWEST_SNAPSHOTS))


def limits_of(snapshots: Mapping[str, int], cursors: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Up to which seq each stream may be pruned: its newest snapshot, or the cursor that is furthest behind."""
    limits = dict(snapshots)
    for (_, stream), seq in cursors.items():
        if stream in limits:
            limits[stream] = min(limits[stream], seq)
    return limits


class Sweep:
    """One pass over the segments that may go, oldest first over all streams.

    `older_than` (ms since 1970) stops it by age, `budget` by the bytes that are left; `alarms` False leaves
    segments with alarms alone.
    """

    def __init__(
        self,
        limits: Mapping[str, int],
        *,
        older_than: int | None = None,
        budget: int | None = None,
        alarms: bool = True,
    ) -> None:
        self._limits = limits
        self._older_than = older_than
        self._budget = budget
        self._alarms = alarms
        self._waiting: dict[str, deque[_Candidate]] = {}
        self._heap: list[_Candidate] | None = None

    def step(self, store: Store) -> Removed:
        """Take out up to 64 segments in one transaction."""
        if self._heap is None:
            self._heap = []
            for stream in self._limits:
                self._refill(store, stream, 0)
        victims: list[_Candidate] = []
        left = store.segment_bytes
        while self._heap and len(victims) < CHUNK:
            oldest = self._heap[0]
            if self._older_than is not None and oldest.at_last >= self._older_than:
                break
            if self._budget is not None and left <= self._budget:
                break
            heapq.heappop(self._heap)
            self._refill(store, oldest.stream, oldest.first_seq)
            victims.append(oldest)
            left -= oldest.size
        if not victims:
            return Removed()
        with store.transaction() as database:
            database.executemany("DELETE FROM segment WHERE id=?", [(victim.id,) for victim in victims])
        removed = Removed(len(victims), sum(v.entries for v in victims), sum(v.size for v in victims), done=False)
        store.segments -= removed.segments
        store.entries -= removed.entries
        store.segment_bytes -= removed.bytes
        return removed

    def _refill(self, store: Store, stream: str, after: int) -> None:
        waiting = self._waiting.setdefault(stream, deque())
        while not waiting:
            rows = store.fetch(_OLDEST, (stream, after, self._limits[stream], CHUNK))
            if not rows:
                return
            after = rows[-1][1]
            for number, first, last, at_last, entries, alarms, size in rows:
                if self._alarms or not alarms:
                    waiting.append(_Candidate(at_last, stream, number, first, last, entries, alarms, size))
        assert self._heap is not None
        heapq.heappush(self._heap, waiting.popleft())


def prune_archive(store: Store, before: int) -> Removed:
    """Take the oldest entries that are older than `before` (ms since 1970) out of the archive, up to 500."""
    rows = store.fetch("SELECT id, at FROM archive ORDER BY id LIMIT ?", (ARCHIVE_CHUNK,))
    old = [(number,) for number, at in rows if at < before]
    if old:
        with store.transaction() as database:
            database.executemany("DELETE FROM archive WHERE id=?", old)
    return Removed(entries=len(old), done=len(old) < ARCHIVE_CHUNK)


def vacuum_step(store: Store, share: float) -> int:
    """Give free pages beyond `share` of the file back to the file system, up to 512; how many went."""
    pages, free = store.pages()
    excess = min(free - int(pages * share), VACUUM_PAGES)
    if excess <= 0:
        return 0
    store.fetch(f"PRAGMA incremental_vacuum({excess})")
    return free - store.pages()[1]


def size_of(body: bytes) -> int:
    """What a segment weighs against the byte budget."""
    return len(body) + ROW_OVERHEAD
