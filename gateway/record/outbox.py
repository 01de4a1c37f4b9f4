"""The outbox: what readers see without touching the disk: the newest entries, the cursors, and the wait for more."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from gateway.record.batch import StreamState
from gateway.record.record import JournalEntry

MANY_ENTRIES: Final = 1000
"""Who waits for effects only is woken by so many entries without any: its cursor must not lag for ever."""


class _Piece(msgspec.Struct):
    """Entries of one stream that were committed together, and their weight."""

    stream: str
    last_seq: int
    entries: Sequence[JournalEntry]
    size: int


class Tail:
    """The newest committed entries of all streams, bounded in number and bytes; the oldest pieces go first.

    `covered(stream)` is the seq beyond which everything that was committed is here.
    """

    def __init__(self, entries_max: int, bytes_max: int) -> None:
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._pieces: deque[_Piece] = deque()
        self._streams: dict[str, deque[_Piece]] = {}
        self._covered: dict[str, int] = {}
        self.count = 0
        self._bytes = 0

    def begin(self, stream: str, seq: int) -> None:
        """Note that everything up to `seq` lies on disk only."""
        self._covered[stream] = seq
        self._streams[stream] = deque()

    def covered(self, stream: str) -> int:
        return self._covered.get(stream, 0)

    def add(self, stream: str, entries: Sequence[JournalEntry], size: int) -> None:
        """Take in what was just committed, and let the oldest go."""
        piece = _Piece(stream, entries[-1].seq, entries, size)
        self._pieces.append(piece)
        self._streams[stream].append(piece)
        self.count += len(entries)
        self._bytes += size
        while self._pieces and (self.count > self._entries_max or self._bytes > self._bytes_max):
            oldest = self._pieces.popleft()
            self._streams[oldest.stream].popleft()
            self._covered[oldest.stream] = oldest.last_seq
            self.count -= len(oldest.entries)
            self._bytes -= oldest.size

    def read(self, stream: str, after: int, most: int) -> list[JournalEntry]:
        """Entries with seq > `after` that are here, in order."""
        found: list[JournalEntry] = []
        pieces = self._streams.get(stream)
        if not pieces:
            return found
        start = bisect_right(pieces, after, key=lambda piece: piece.last_seq)
        for place in range(start, len(pieces)):
            entries = pieces[place].entries
            if entries[0].seq > after:
                found.extend(entries)
            else:
                found.extend(entries[bisect_right(entries, after, key=lambda entry: entry.seq) :])
            if len(found) >= most:
                return found[:most]
        return found


class _Waiter(msgspec.Struct, eq=False):
    """Somebody who waits: for which streams, from where, and whether only an entry with effects is of interest."""

    positions: Mapping[str, int]
    calling: bool
    future: asyncio.Future[None]

    def is_met(self, streams: Mapping[str, StreamState]) -> bool:
        for stream, position in self.positions.items():
            state = streams.get(stream)
            if state is None or state.head <= position:
                continue
            if not self.calling or state.called > position or state.head - position >= MANY_ENTRIES:
                return True
        return False


class Waiters:
    """Those who wait for a stream's head to go beyond where they stand."""

    def __init__(self) -> None:
        self._waiting: dict[_Waiter, None] = {}

    async def wait(self, positions: Mapping[str, int], streams: Mapping[str, StreamState], *, calling: bool) -> None:
        """Return once any head is beyond its position."""
        waiter = _Waiter(dict(positions), calling, asyncio.get_running_loop().create_future())
        if waiter.is_met(streams):
            return
        self._waiting[waiter] = None
        try:
            await waiter.future
        finally:
            del self._waiting[waiter]

    def moved(self, streams: Mapping[str, StreamState]) -> None:
        """Wake those for whom these streams have gone far enough, in the order in which they came."""
        for waiter in self._waiting:
            if not waiter.future.done() and waiter.is_met(streams):
                waiter.future.set_result(None)


class Cursors:
    """How far each destination is done with each stream, in memory and on disk.

    What lies on disk is never beyond what is committed: an entry that was delivered from memory and lost in a
    crash must not make a reader skip the entry that takes its number.
    """

    def __init__(self) -> None:
        self._now: dict[tuple[str, str], int] = {}
        self._saved: dict[tuple[str, str], int] = {}
        self._changed: set[tuple[str, str]] = set()

    def load(self, cursors: Mapping[tuple[str, str], int]) -> None:
        """Take what was found on disk."""
        self._now.update(cursors)
        self._saved.update(cursors)

    def clamp(self, stream: str, head: int) -> int:
        """Bring cursors beyond the head back to it (an older journal was put back); how many there were."""
        beyond = [key for key, seq in self._now.items() if key[1] == stream and seq > head]
        for key in beyond:
            self._now[key] = head
            self._changed.add(key)
        return len(beyond)

    def get(self, destination: str, stream: str) -> int:
        """The cursor, 0 at first; who asks for one has it from then on, and nothing before it is pruned."""
        key = (destination, stream)
        self._saved.setdefault(key, 0)
        return self._now.setdefault(key, 0)

    def set(self, destination: str, stream: str, seq: int) -> None:
        key = (destination, stream)
        self._saved.setdefault(key, 0)
        if self._now.get(key) != seq:
            self._now[key] = seq
            self._changed.add(key)

    def forget(self, destination: str) -> None:
        """Drop a destination that is no more."""
        for cursors in (self._now, self._saved):
            for key in [key for key in cursors if key[0] == destination]:
                del cursors[key]
        self._changed = {key for key in self._changed if key[0] != destination}

    @property
    def changed(self) -> bool:
        return bool(self._changed)

    def rows(self, committed: Callable[[str], int]) -> list[tuple[str, str, int]]:
        """What to write: the changed cursors, none beyond what is committed."""
        rows = []
        for destination, stream in self._changed:
            seq = min(self._now[destination, stream], committed(stream))
            if seq != self._saved[destination, stream]:
                rows.append((destination, stream, seq))
        return rows

    def saved(self, rows: Iterable[tuple[str, str, int]]) -> None:
        """Note what reached the disk."""
        for destination, stream, seq in rows:
            key = (destination, stream)
            if key in self._now:
                self._saved[key] = seq
                if self._now[key] == seq:
                    self._changed.discard(key)

    def on_disk(self) -> dict[tuple[str, str], int]:
        """All cursors as the disk has them: what a restart would read from."""
        return dict(self._saved)
