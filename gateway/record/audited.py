"""What the auditor reads of a journal's file: the newest snapshot, what was archived behind it, and how far it goes.

Never the telemetry: every query goes by an index to the rows that it wants, so a look costs what happened since the
last one, however long the journal is. `rows_read` counts them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.record.record import JournalEntry, JournalUnavailable
from gateway.record.replay import JournalFile
from gateway.record.wire import WireBroken, WireTooNew, decode_entries
from rules.deadlines import Key
from rules.incident import Incident
from rules.site import Plan

_ROWS_AT_ONCE: Final = 256
_TIP: Final = "SELECT last_seq FROM segment WHERE stream=? ORDER BY first_seq DESC LIMIT 1"
_NEWEST: Final = "SELECT seq FROM snapshot WHERE stream=? ORDER BY seq DESC LIMIT 1"
_STREAMS: Final = "SELECT DISTINCT stream FROM snapshot"
_BODY: Final = "SELECT body FROM snapshot WHERE stream=? AND seq=?"
_ARCHIVED: Final = (
    "SELECT epoch, seq, wire, CAST(body AS BLOB) FROM archive WHERE stream=? AND seq>? AND seq<=? ORDER BY seq LIMIT ?"
)

AUDIT_QUERIES: Final = (_TIP, _NEWEST, _STREAMS, _BODY, _ARCHIVED)
"""Every query, so that a test can ask the database how it would run each."""


class AuditedSite(msgspec.Struct, frozen=True):
    """What the auditor needs of a site: its plans."""

    plans: tuple[Plan, ...] = ()


class AuditedEngine(msgspec.Struct, frozen=True):
    """The part of an engine's snapshot that the auditor checks; everything else is stepped over unread."""

    version: int
    seq: int
    now: datetime | None
    site: AuditedSite
    incidents: list[Incident]
    deadlines: list[tuple[datetime, int, Key]]


class AuditedJournal(JournalFile):
    """A journal's file, read only, by rows."""

    rows_read = 0

    def _rows(self, sql: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        rows = self._fetch(sql, parameters)
        self.rows_read += len(rows)
        return rows

    def tip(self, stream: str) -> int:
        """The seq of the newest entry on disk; a snapshot may be the only trace of it."""
        rows = self._rows(_TIP, (stream,))
        return max(rows[0][0] if rows else 0, self.newest_snapshot(stream))

    def streams_with_snapshot(self) -> list[str]:
        """The streams that have a snapshot (two rows each, at the most)."""
        return [row[0] for row in self._rows(_STREAMS, ())]

    def newest_snapshot(self, stream: str) -> int:
        """The seq of the newest snapshot, 0 where there is none."""
        rows = self._rows(_NEWEST, (stream,))
        return int(rows[0][0]) if rows else 0

    def snapshot(self, stream: str, seq: int) -> AuditedEngine | None:
        """The snapshot at a seq, or None where it is gone. JournalUnavailable if nobody can read it."""
        rows = self._rows(_BODY, (stream, seq))
        if not rows:
            return None
        try:
            return msgspec.json.decode(rows[0][0], type=AuditedEngine)
        except msgspec.MsgspecError as fault:
            words = f"快照无法解读 the snapshot of {stream} at {seq} cannot be read: {fault}"
            raise JournalUnavailable(words) from fault

    def archived(self, stream: str, after: int, upto: int) -> Iterator[JournalEntry]:
        """Everything but telemetry with `after` < seq <= `upto`, in order; what nobody can read is in `broken`."""
        while rows := self._rows(_ARCHIVED, (stream, after, upto, _ROWS_AT_ONCE)):
            for epoch, after, wire, body in rows:
                try:
                    yield from decode_entries(wire, body, stream, epoch)
                except (WireBroken, WireTooNew) as error:
                    self.broken.append((after, after, str(error)))
