"""The archive in a journal's file, read only: entries with alarms and what people did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from gateway.record.record import JournalEntry
from gateway.record.replay import JournalFile
from gateway.record.segments import from_ms, to_ms
from gateway.record.wire import WireBroken, decode_entries

_ROWS_AT_ONCE: Final = 512
_ARCHIVED: Final = (
    "SELECT epoch, seq, wire, CAST(body AS BLOB), at FROM archive WHERE stream=? AND seq>? ORDER BY seq LIMIT ?"
)
_OLDEST: Final = (
    "SELECT at FROM archive WHERE stream=? ORDER BY seq LIMIT 1",
    "SELECT at_first FROM segment WHERE stream=? ORDER BY first_seq LIMIT 1",
)


class ArchiveFile(JournalFile):
    """A journal's file whose archive is read; what nobody can read is counted in `broken`."""

    def recorded_since(self, stream: str) -> datetime | None:
        """The instant of the oldest entry that is kept of a stream, in the archive or beside it; None without any."""
        oldest = [at for sql in _OLDEST for (at,) in self._fetch(sql, (stream,)) if at is not None]
        return from_ms(min(oldest)) if oldest else None

    def archived(self, stream: str, begin: datetime, end: datetime) -> Iterator[JournalEntry]:
        """The archived entries of a stream with `begin` <= at < `end`, in order."""
        first, last, seq = to_ms(begin), to_ms(end), 0
        while rows := self._fetch(_ARCHIVED, (stream, seq, _ROWS_AT_ONCE)):
            for epoch, seq, wire, body, at in rows:
                if not first <= at < last:
                    continue
                try:
                    yield from decode_entries(wire, body, stream, epoch)
                except WireBroken as error:
                    self.broken.append((seq, seq, str(error)))
