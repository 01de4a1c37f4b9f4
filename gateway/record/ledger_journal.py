"""The ledger held against the journal's archive beside it: rows that what was recorded asks for, and the ledger lacks.

Between two published heads a cut tail leaves a chain that is sound in itself; but the archive still has the alarms and
the acts. Whoever cuts both is found by a head that was kept elsewhere alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Final

import msgspec

from gateway.record.ledger import LedgerFile
from gateway.record.ledger_rows import rows_of
from gateway.record.wire import WireBroken, decode_entries

_ARCHIVE: Final = "SELECT epoch, seq, wire, CAST(body AS BLOB) FROM archive WHERE stream=? ORDER BY seq"
_KINDS: Final = "SELECT epoch, seq, kind FROM ledger WHERE stream=? ORDER BY number"
_HAS_ARCHIVE: Final = "SELECT 1 FROM sqlite_master WHERE name='archive'"

_ALWAYS: Final = ("alarm.", "told", "person.", "message.")
"""Kinds that every version wrote. What a later one writes besides, an older journal has no row for."""

Place = tuple[int, int]
"""(epoch, seq) of an entry."""


class Compared(msgspec.Struct, frozen=True):
    """One entry of the archive held against the ledger: the kinds of rows that it asks for and the ledger lacks.

    `beyond`: the ledger ends before this entry.
    """

    epoch: int
    seq: int
    lacking: tuple[str, ...] = ()
    beyond: bool = False


class JournalledLedger(LedgerFile):
    """A ledger and the archive in the same file, both as they were at one instant."""

    def held_against(self, stream: str) -> Iterator[Compared]:
        """Every archived entry since the ledger was begun."""
        if not any(self._fetch(_HAS_ARCHIVE)):
            return
        rows = self._by_entry(stream)
        here = next(rows, None)
        if here is None:
            return
        begun = here[0]
        for place, asked in self._asked(stream):
            while here is not None and here[0] < place:
                here = next(rows, None)
            present = here[1] if here is not None and here[0] == place else Counter[str]()
            if place >= begun:
                yield Compared(*place, tuple(sorted((asked - present).elements())), beyond=here is None)

    def _by_entry(self, stream: str) -> Iterator[tuple[Place, Counter[str]]]:
        """The kinds of the ledger's rows, entry by entry."""
        rows = self._fetch(_KINDS, (stream,))
        for place, several in groupby(rows, key=lambda row: (row[0], row[1])):
            yield place, Counter(row[2] for row in several)

    def _asked(self, stream: str) -> Iterator[tuple[Place, Counter[str]]]:
        """The kinds of rows that each archived entry asks for; what nobody can read asks for nothing."""
        for epoch, seq, wire, body in self._fetch(_ARCHIVE, (stream,)):
            try:
                entries = decode_entries(wire, body, stream, epoch)
            except WireBroken:
                continue
            for entry in entries:
                yield (epoch, seq), Counter(row[4] for row in rows_of(entry) if row[4].startswith(_ALWAYS))
