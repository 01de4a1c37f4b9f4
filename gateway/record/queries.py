"""Queries: what readers ask of the store, answered on its thread as entries and snapshots."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.record.record import JournalEntry
from gateway.record.segments import from_ms, read_entries, unpack
from gateway.record.store import Store
from gateway.record.wire import WireBroken, decode_entries

Broken = tuple[int, int, str]
"""(first seq, last seq, why) of a row that nobody can read."""

_LAST_SEGMENT = (
    "SELECT epoch, first_seq, last_seq, entries, wire, CAST(body AS BLOB), at_last FROM segment "
    "WHERE stream=? ORDER BY first_seq DESC LIMIT 1"
)
_LAST_SNAPSHOT = "SELECT seq, at, body FROM snapshot WHERE stream=? ORDER BY seq DESC LIMIT 1"
_HISTORY = (
    "SELECT epoch, seq, wire, CAST(body AS BLOB) FROM archive WHERE stream=? AND seq < ? ORDER BY seq DESC LIMIT ?"
)
_QUARANTINED = "SELECT key, stream, at, source, reason, payload FROM quarantine ORDER BY id DESC LIMIT ?"


class LoadedStream(msgspec.Struct):
    """Where a stream stands on disk. A snapshot may be its newest trace (entries behind it were lost or pruned)."""

    seq: int
    at: datetime | None
    snapshot_seq: int
    snapshot: bytes
    broken: Broken | None = None


def load_stream(store: Store, stream: str) -> LoadedStream:
    """The last entry and the newest snapshot of a stream."""
    loaded = LoadedStream(0, None, 0, b"")
    for *columns, at_last in store.fetch(_LAST_SEGMENT, (stream,)):
        row = tuple(columns)
        loaded.seq = row[2]
        try:
            loaded.at = unpack(stream, row)[-1].at
        except WireBroken as error:
            loaded.broken = (row[1], row[2], str(error))
            loaded.at = from_ms(at_last + 1)
    for seq, at, body in store.fetch(_LAST_SNAPSHOT, (stream,)):
        loaded.snapshot_seq, loaded.snapshot = seq, body
        if seq > loaded.seq:
            loaded.seq = seq
            loaded.at = max(from_ms(at) + timedelta(milliseconds=1), loaded.at or from_ms(0))
    return loaded


def read(store: Store, stream: str, after: int, upto: int, most: int) -> tuple[list[JournalEntry], list[Broken]]:
    """Entries with `after` < seq <= `upto`, at most `most`."""
    return read_entries(store.segments_beyond, stream, after, upto, most)


def history(store: Store, stream: str, before: int, most: int) -> tuple[list[JournalEntry], list[Broken]]:
    """Archived entries with seq < `before`, newest first."""
    found: list[JournalEntry] = []
    broken: list[Broken] = []
    for epoch, seq, wire, body in store.fetch(_HISTORY, (stream, before, most)):
        try:
            found.extend(decode_entries(wire, body, stream, epoch))
        except WireBroken as error:
            broken.append((seq, seq, str(error)))
    return found, broken


def snapshots(store: Store, stream: str) -> list[tuple[int, bytes]]:
    """The snapshots of a stream, oldest first."""
    return store.fetch("SELECT seq, body FROM snapshot WHERE stream=? ORDER BY seq", (stream,))


def forget(store: Store, destinations: Collection[str]) -> None:
    """Delete the cursors of these destinations."""
    with store.transaction() as database:
        database.executemany("DELETE FROM cursor WHERE destination=?", [(name,) for name in destinations])


def quarantined(store: Store, most: int) -> list[tuple[Any, ...]]:
    """The newest rows of the quarantine."""
    return store.fetch(_QUARANTINED, (most,))


def trim_quarantine(store: Store, count: int, size: int, not_before: int) -> int:
    """Let the oldest of the quarantine go; how many went."""
    with store.transaction() as database:
        return store.trim_quarantine(database, count, size, not_before)
