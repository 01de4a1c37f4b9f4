"""Segments: entries packed into rows (one a stream, epoch and commit), and rows read back as entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from gateway.record.archive import is_archived
from gateway.record.pruning import size_of
from gateway.record.record import JournalEntry
from gateway.record.store import ArchiveRow, SegmentRow, StoredSegment
from gateway.record.wire import WIRE, WireBroken, decode_entries, encode_entries, join_entries

SEGMENT_ENTRIES_MAX: Final = 1024
ROWS_FIRST: Final = 2
ROWS_A_QUERY: Final = 64

_ORIGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

Fetch = Callable[[str, int, int, int], list[StoredSegment]]
"""(stream, after, upto, most rows) -> segments, in order"""


def to_ms(at: datetime) -> int:
    """Whole milliseconds since 1970."""
    return (at - _ORIGIN) // _MILLISECOND


def from_ms(value: int) -> datetime:
    """The instant of whole milliseconds since 1970."""
    return _ORIGIN + value * _MILLISECOND


class Packed(msgspec.Struct):
    """Entries ready for the disk: their rows, the archive's rows, and the pieces for the tail."""

    segments: list[SegmentRow] = []
    archived: list[ArchiveRow] = []
    pieces: list[tuple[str, Sequence[JournalEntry], int]] = []


def pack(entries: Sequence[JournalEntry], into: Packed, bodies: Sequence[bytes] | None = None) -> None:
    """Pack entries (of any streams, each stream in order); `bodies` where they were encoded one by one before."""
    groups: dict[tuple[str, int], list[int]] = {}
    for place, entry in enumerate(entries):
        groups.setdefault((entry.stream, entry.epoch), []).append(place)
    for (stream, epoch), places in groups.items():
        for start in range(0, len(places), SEGMENT_ENTRIES_MAX):
            chosen = places[start : start + SEGMENT_ENTRIES_MAX]
            chunk = [entries[place] for place in chosen]
            body = encode_entries(chunk) if bodies is None else join_entries([bodies[place] for place in chosen])
            archived = [entry for entry in chunk if is_archived(entry)]
            into.segments.append(
                (
                    *(stream, epoch, chunk[0].seq, chunk[-1].seq, to_ms(chunk[0].at), to_ms(chunk[-1].at)),
                    *(len(chunk), len(archived), size_of(body), WIRE, body),
                )
            )
            into.pieces.append((stream, chunk, len(body)))
            for entry in archived:
                row = (stream, epoch, entry.seq, to_ms(entry.at), WIRE, encode_entries((entry,)))
                into.archived.append(row)


def unpack(stream: str, row: StoredSegment) -> list[JournalEntry]:
    """The entries of a row; WireBroken where its columns promise others than its body holds."""
    epoch, first, last, count, wire, body = row
    entries = decode_entries(wire, body, stream, epoch)
    if len(entries) != count or entries[0].seq != first or entries[-1].seq != last:
        raise WireBroken(f"journal row of {stream} promises {count} entries {first} to {last} and holds others")
    return entries


def read_entries(
    fetch: Fetch, stream: str, after: int, upto: int, most: int
) -> tuple[list[JournalEntry], list[tuple[int, int, str]]]:
    """Up to `most` entries with `after` < seq <= `upto`, and the rows (first, last, why) that nobody can read.

    An unreadable row is stepped over: a reader that stops before it for ever would be silence.
    """
    found: list[JournalEntry] = []
    broken: list[tuple[int, int, str]] = []
    # A row holds one entry or a thousand: begin with few, and ask for more at a time while they are small.
    ask = ROWS_FIRST
    while len(found) < most:
        rows = fetch(stream, after, upto, min(ask, most - len(found)))
        if not rows:
            break
        ask = min(2 * ask, ROWS_A_QUERY)
        for row in rows:
            if len(found) >= most:
                break
            try:
                entries = unpack(stream, row)
            except WireBroken as error:
                broken.append((row[1], row[2], str(error)))
            else:
                found.extend(entry for entry in entries if after < entry.seq <= upto)
            after = row[2]
    return found[:most], broken
