"""What the journal says about itself: budgets, numbers, latencies and troubles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from rules.text import Text

MEBIBYTE: Final = 1024 * 1024

_BUCKET_FIRST_S: Final = 0.000_05
_BUCKET_RATIO: Final = 2**0.25
_BUCKETS: Final = 80


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How much the journal may keep, and where. At each limit something definite goes, and is counted.

    `keep_days`, `keep_bytes`: segments older, or beyond the bytes, go (behind all cursors and the snapshot; beyond
    the bytes telemetry is thinned even before a cursor). `held_bytes`: memory for entries that wait for the disk,
    oldest telemetry goes first. `tail_*`: entries kept in memory for readers. `archive_days`: entries with alarms,
    at least 3 years (DESIGN section 5). `quarantine_*`: the oldest go. `vacuum_share`: of the file may be free pages.
    """

    keep_days: float = 7.0
    keep_bytes: int = 16 * 1024 * MEBIBYTE
    held_bytes: int = 32 * MEBIBYTE
    tail_entries: int = 16_384
    tail_bytes: int = 6 * MEBIBYTE
    archive_days: float = 3 * 366.0
    quarantine_count: int = 1000
    quarantine_bytes: int = 16 * MEBIBYTE
    quarantine_days: float = 30.0
    vacuum_share: float = 0.125
    check_seconds: float = 3.0


class Trouble(msgspec.Struct, frozen=True):
    """Something that people must know of the journal: one of each `kind` stands, with the newest words and a count."""

    kind: str
    at: datetime
    text: Text
    count: int = 1


class Troubles:
    """The troubles that stand, one of each kind: bounded by the kinds there are."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._standing: dict[str, Trouble] = {}

    def add(self, kind: str, zh: str, en: str, count: int = 1) -> None:
        """Raise a trouble, or count it up with new words."""
        before = self._standing.get(kind)
        total = count + (before.count if before else 0)
        self._standing[kind] = Trouble(kind, self._now(), Text(zh, en), total)

    def all(self) -> tuple[Trouble, ...]:
        return tuple(self._standing.values())


class RecordStats(msgspec.Struct, frozen=True, kw_only=True):
    """The journal's numbers: the file (with its log) in bytes, rows, commits and what waits in memory or was lost."""

    file_bytes: int
    segment_bytes: int
    segments: int
    entries: int
    commits: int
    commit_failures: int
    commit_p50_s: float
    commit_p99_s: float
    held: int
    held_bytes: int
    lost: int
    thinned: int
    tail: int
    reads_from_disk: int


class Pruned(msgspec.Struct, kw_only=True):
    """What one pruning did. `thinned` and `alarms_dropped` are entries that went before a destination had read them."""

    segments: int = 0
    entries: int = 0
    bytes: int = 0
    thinned: int = 0
    alarms_dropped: int = 0
    archived: int = 0
    quarantined: int = 0
    pages_freed: int = 0
    over_budget: int = 0


class Quarantined(msgspec.Struct, frozen=True):
    """Bytes that nobody could decide or decode, with where they came from and why they lie here."""

    id: str
    stream: str
    at: datetime
    source: str
    reason: str
    payload: bytes


class Latencies:
    """A small histogram of durations: 80 buckets a quarter of an octave wide, from 50 µs up."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._bounds = [_BUCKET_FIRST_S * _BUCKET_RATIO**i for i in range(_BUCKETS)]
        self.total = 0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        low, high = 0, _BUCKETS - 1
        while low < high:
            middle = (low + high) // 2
            if self._bounds[middle] < seconds:
                low = middle + 1
            else:
                high = middle
        self._counts[low] += 1
        self.total += 1

    def quantile(self, share: float) -> float:
        """The upper bound of the bucket in which this share of all durations is reached; 0 without any."""
        wanted = share * self.total
        seen = 0
        for count, bound in zip(self._counts, self._bounds, strict=True):
            seen += count
            if count and seen >= wanted:
                return bound
        return 0.0
