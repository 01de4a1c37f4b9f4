"""The ledger: every safety-relevant event as a row of a hash chain, one chain a stream, written with its journal entry.

A row's hash is SHA-256 over the hash before it and the row's own canonical bytes, so that nothing can be altered,
left out or put elsewhere without every later hash changing. Cutting the tail, or computing the whole chain anew, is
found by a head that was signed and published before (seal.py).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from gateway.record.faults import words_for
from gateway.record.record import JournalUnavailable
from gateway.record.seal import Head
from gateway.record.wire import encode_value

LedgerRow = tuple[str, int, int, int, str, bytes]
"""(stream, epoch, seq, at in ms, kind, body as JSON): what is appended"""

LinkedRow = tuple[str, int, int, int, int, str, bytes, bytes]
"""(stream, number, epoch, seq, at in ms, kind, body, hash): a row with its place in the chain"""

TABLES: Final = """
CREATE TABLE ledger (
  stream TEXT NOT NULL, number INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
  kind TEXT NOT NULL, body TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (stream, number)) WITHOUT ROWID;
CREATE TRIGGER ledger_keeps BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is only appended to'); END;
CREATE TRIGGER ledger_stays BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is only appended to'); END;
"""

CONFIGURATION: Final = "configuration"
GAP: Final = "gap"
"""Entries that never reached the disk."""

BEGUN: Final = "ledger.begun"
EPOCH: Final = "ledger.epoch"
"""A new incarnation of the journal: an older file was put back, or the last run ended with entries held in memory."""

EXPLAIN: Final = (GAP, EPOCH)
"""The kinds of rows that a person has to explain."""

ADDED, REMOVED = "device.added", "device.removed"
DEVICES_MAX: Final = 1000
"""Rows of devices that one configuration may add; beyond it the row of the configuration tells alone."""

_LAST: Final = "SELECT number, epoch, hash FROM ledger WHERE stream=? ORDER BY number DESC LIMIT 1"
_STREAMS: Final = (  # from one stream's first row to the next one's: DISTINCT would read every row
    "WITH RECURSIVE found(stream) AS (SELECT min(stream) FROM ledger UNION ALL "
    "SELECT (SELECT min(stream) FROM ledger WHERE stream > found.stream) FROM found WHERE stream IS NOT NULL) "
    "SELECT stream FROM found"
)
_LAST_CONFIGURATION: Final = "SELECT body FROM ledger WHERE stream=? AND kind=? ORDER BY number DESC LIMIT 1"


class Row(msgspec.Struct, frozen=True):
    """One row of the ledger as the disk has it."""

    stream: str
    number: int
    epoch: int
    seq: int
    at: int
    kind: str
    body: bytes
    hash: bytes


def seed_of(stream: str) -> bytes:
    """What stands before a stream's first row."""
    return hashlib.sha256(encode_value(["anlian ledger 1", stream])).digest()


def hash_of(before: bytes, stream: str, number: int, epoch: int, seq: int, at: int, kind: str, body: bytes) -> bytes:
    """The hash of a row: over the hash before it and the row as a JSON array, its body as text in it."""
    row = encode_value([stream, number, epoch, seq, at, kind, body.decode("utf-8", "replace")])
    return hashlib.sha256(before + row).digest()


class Chain:
    """The ends of all chains in the open journal. Used by the writer's thread, inside the transaction."""

    def __init__(self) -> None:
        self._ends: dict[str, tuple[int, int, bytes]] = {}

    def forget(self) -> None:
        """A transaction was rolled back: the ends are read from the disk again."""
        self._ends.clear()

    def linked(self, database: sqlite3.Connection, rows: Sequence[LedgerRow]) -> Iterator[LinkedRow]:
        """These rows as links of the chains of their streams, each in its turn."""
        configured: dict[str, bytes] = {}
        for row in rows:
            stream, epoch, seq, at = row[:4]
            end = self._end(database, stream)
            if end is None:
                yield self._link((stream, epoch, seq, at, BEGUN, b"{}"))
            elif end[1] != epoch:
                yield self._link((stream, epoch, seq, at, EPOCH, encode_value({"before": end[1]})))
            if row[4] == CONFIGURATION:
                known = configured.get(stream) or self._configuration(database, stream)
                configured[stream] = row[5]
                yield self._link(row)
                for kind, device in _changed(known, row):
                    yield self._link((stream, epoch, seq, at, kind, encode_value({"device": device})))
            else:
                yield self._link(row)

    def _end(self, database: sqlite3.Connection, stream: str) -> tuple[int, int, bytes] | None:
        if stream not in self._ends:
            found = database.execute(_LAST, (stream,)).fetchone()
            if found is None:
                return None
            self._ends[stream] = found
        return self._ends[stream]

    def _link(self, row: LedgerRow) -> LinkedRow:
        stream, epoch, seq, at, kind, body = row
        number, _, before = self._ends.get(stream) or (0, 0, seed_of(stream))
        number += 1
        digest = hash_of(before, stream, number, epoch, seq, at, kind, body)
        self._ends[stream] = (number, epoch, digest)
        return stream, number, epoch, seq, at, kind, body, digest

    @staticmethod
    def _configuration(database: sqlite3.Connection, stream: str) -> bytes | None:
        """The row of the configuration before, or None where there was none."""
        found = database.execute(_LAST_CONFIGURATION, (stream, CONFIGURATION)).fetchone()
        return None if found is None else bytes(found[0], "utf-8")


def _devices_in(body: bytes) -> list[str]:
    devices: list[str] = msgspec.json.decode(body).get("devices", [])
    return devices


def _changed(configuration: bytes | None, row: LedgerRow) -> Iterator[tuple[str, str]]:
    """The devices that a configuration adopts and lets go, where one stood before it."""
    if configuration is None:
        return
    known, now = set(_devices_in(configuration)), set(_devices_in(row[5]))
    changes = [(ADDED, device) for device in sorted(now - known)] + [(REMOVED, one) for one in sorted(known - now)]
    if len(changes) <= DEVICES_MAX:
        yield from changes


class LedgerFile:
    """The ledger in a journal's file, read only: also while a gateway writes it."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        if not path.is_file():
            raise JournalUnavailable(f"日志不存在 no journal at {path}: check data_dir")
        try:
            self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
            self._database.execute("BEGIN")  # one state of the file for the whole of a check
            found = self._database.execute("SELECT 1 FROM sqlite_master WHERE name='ledger'").fetchone()
        except sqlite3.Error as error:
            raise JournalUnavailable(words_for(error, path.name)) from error
        self.present = found is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def _fetch(self, sql: str, parameters: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._database.execute(sql, parameters) if self.present else ()
        except sqlite3.Error as error:
            raise JournalUnavailable(words_for(error, self._name)) from error

    def streams(self) -> list[str]:
        """The streams that have rows."""
        return [row[0] for row in self._fetch(_STREAMS) if row[0] is not None]

    def rows(self, stream: str, after: int = 0) -> Iterator[Row]:
        """The rows of a stream in order, one by one."""
        columns = "stream, number, epoch, seq, at, kind, CAST(body AS BLOB), hash"
        sql = f"SELECT {columns} FROM ledger WHERE stream=? AND number>? ORDER BY number"
        for row in self._fetch(sql, (stream, after)):
            yield Row(*row)

    def heads(self) -> list[Head]:
        """The newest row of each stream."""
        found = []
        for stream in self.streams():
            sql = "SELECT epoch, number, at, hash FROM ledger WHERE stream=? ORDER BY number DESC LIMIT 1"
            for epoch, number, at, digest in self._fetch(sql, (stream,)):
                found.append(Head(stream, epoch, number, at, digest.hex()))
        return found
