"""What waits for the disk: entries that could not be committed, bounded in bytes, readable meanwhile."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.record.archive import DANGER, rank_of
from gateway.record.record import JournalEntry
from gateway.record.wire import encode_entry

WEIGHT: Final = 6
"""Bytes of memory for each encoded byte, objects included (measured: 5.8 for telemetry, 3.2 for alarms)."""


class HeldEntry(msgspec.Struct, gc=False):
    """One entry that waits, already encoded."""

    entry: JournalEntry
    body: bytes
    rank: int


class _Queue:
    """The entries of one stream by seq; `order` may still hold seqs that were dropped."""

    def __init__(self) -> None:
        self.entries: dict[int, HeldEntry] = {}
        self.order: list[int] = []

    def tidy(self) -> None:
        if len(self.order) > 2 * len(self.entries) + 64:
            self.order = [seq for seq in self.order if seq in self.entries]


class Held:
    """Entries in the order they came. Beyond the limit the oldest telemetry goes first, then the oldest of what
    endangers nobody, and only then the oldest of the rest. `lost` counts what went, by stream.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._streams: dict[str, _Queue] = {}
        self._by_rank: tuple[deque[tuple[str, int]], ...] = tuple(deque() for _ in range(DANGER + 1))
        self._frozen: set[tuple[str, int]] = set()
        self.bytes = 0
        self.count = 0
        self.lost: dict[str, int] = {}

    def add(self, entry: JournalEntry) -> list[JournalEntry]:
        """Keep one entry; the entries that had to go for it."""
        held = HeldEntry(entry, encode_entry(entry), rank_of(entry))
        queue = self._streams.setdefault(entry.stream, _Queue())
        queue.entries[entry.seq] = held
        queue.order.append(entry.seq)
        self._by_rank[held.rank].append((entry.stream, entry.seq))
        self.bytes += len(held.body) * WEIGHT
        self.count += 1
        return self._trim()

    def _trim(self) -> list[JournalEntry]:
        dropped: list[JournalEntry] = []
        if self._frozen:
            return dropped  # the oldest are on their way to the disk right now: nothing newer goes in their place
        for waiting in self._by_rank:
            while waiting and self.bytes > self._bytes_max:
                stream, seq = waiting.popleft()
                held = self._take(stream, seq)
                if held is not None:
                    dropped.append(held.entry)
                    self.lost[stream] = self.lost.get(stream, 0) + 1
        return dropped

    def _take(self, stream: str, seq: int) -> HeldEntry | None:
        queue = self._streams.get(stream)
        held = queue.entries.pop(seq, None) if queue is not None else None
        if queue is None or held is None:
            return None
        self.bytes -= len(held.body) * WEIGHT
        self.count -= 1
        if queue.entries:
            queue.tidy()
        else:
            del self._streams[stream]
        return held

    def streams(self) -> tuple[str, ...]:
        """The streams that have entries here."""
        return tuple(self._streams)

    def of(self, stream: str) -> list[HeldEntry]:
        """All entries of a stream, in order."""
        queue = self._streams.get(stream)
        return [] if queue is None else list(queue.entries.values())

    def last_seq(self, stream: str) -> int:
        """The seq of the newest entry of a stream here, 0 without any."""
        queue = self._streams.get(stream)
        return 0 if queue is None else next(reversed(queue.entries))

    def freeze(self, entries: Iterable[HeldEntry]) -> None:
        """Entries that are being written: not to be dropped until `thaw`."""
        self._frozen = {(held.entry.stream, held.entry.seq) for held in entries}

    def thaw(self, written: bool) -> list[JournalEntry]:
        """The writing is over; what was written is kept here no longer. The entries that had to go meanwhile."""
        frozen, self._frozen = self._frozen, set()
        if written:
            for stream, seq in frozen:
                self._take(stream, seq)
            for waiting in self._by_rank:
                remaining = [place for place in waiting if place not in frozen] if self.count else []
                waiting.clear()
                waiting.extend(remaining)
        return self._trim()

    def read(self, stream: str, after: int, most: int) -> list[JournalEntry]:
        """Entries with seq > `after`, in order."""
        queue = self._streams.get(stream)
        if queue is None:
            return []
        found: list[JournalEntry] = []
        for place in range(bisect_right(queue.order, after), len(queue.order)):
            held = queue.entries.get(queue.order[place])
            if held is not None:
                found.append(held.entry)
                if len(found) >= most:
                    break
        return found
