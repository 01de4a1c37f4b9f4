"""Deadlines: what is due when, as plain data, in the order of (instant, serial number)."""

from __future__ import annotations

from datetime import datetime
from heapq import heapify, heappop, heappush

Key = tuple[str, ...]
"""What a deadline is about: its kind first (`silent`, `raise`, `clear`, `step`, …), then the ids it concerns."""


class Deadlines:
    """At most one instant for each key. Ties are broken by the order in which they were set, so a replay agrees."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Key]] = []
        self._current: dict[Key, tuple[datetime, int]] = {}
        self._serial = 0

    def __len__(self) -> int:
        return len(self._current)

    def __contains__(self, key: Key) -> bool:
        return key in self._current

    def set(self, key: Key, due: datetime) -> None:
        """Set or move the deadline of `key`."""
        self._serial += 1
        self._current[key] = (due, self._serial)
        heappush(self._heap, (due, self._serial, key))
        if len(self._heap) > 2 * len(self._current) + 64:
            self._heap = [(due, serial, key) for key, (due, serial) in self._current.items()]
            heapify(self._heap)

    def cancel(self, key: Key) -> None:
        """Forget the deadline of `key`, if there is one."""
        self._current.pop(key, None)

    def due_at(self, key: Key) -> datetime | None:
        """When `key` is due, or None."""
        entry = self._current.get(key)
        return entry[0] if entry else None

    def next(self) -> datetime | None:
        """The earliest instant, or None if nothing is set."""
        heap, current = self._heap, self._current
        while heap:
            due, serial, key = heap[0]
            if current.get(key) == (due, serial):
                return due
            heappop(heap)
        return None

    def pop(self, at: datetime) -> tuple[datetime, Key] | None:
        """Take out the first deadline that is due at `at` or before, or None."""
        due = self.next()
        if due is None or due > at:
            return None
        _, _, key = heappop(self._heap)
        del self._current[key]
        return due, key

    def to_list(self) -> list[tuple[datetime, int, Key]]:
        """Everything that is set, in order, for a snapshot."""
        return sorted((due, serial, key) for key, (due, serial) in self._current.items())

    @classmethod
    def from_list(cls, entries: list[tuple[datetime, int, Key]], serial: int) -> Deadlines:
        """What a snapshot held."""
        deadlines = cls()
        deadlines._heap = list(entries)
        heapify(deadlines._heap)
        deadlines._current = {key: (due, number) for due, number, key in entries}
        deadlines._serial = serial
        return deadlines

    @property
    def serial(self) -> int:
        """The last serial number given."""
        return self._serial
