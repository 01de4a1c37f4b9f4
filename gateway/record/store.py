"""The store: the SQLite file of the journal, with every statement that reads or writes it. Used by one thread only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.record.append import ARCHIVE, CURSOR, LEDGER, META, ROWS_MAX, SEGMENT, SNAPSHOT, VIEW, Record, append
from gateway.record.checkpoint import LAST_RESORT_PAGES, Checkpointer
from gateway.record.faults import HELD_WORDS, Damaged, StoreTooNew, code_of, corrupt_words, is_damage, words_for
from gateway.record.incarnation import Ending, Incarnation
from gateway.record.ledger import TABLES as LEDGER_TABLES
from gateway.record.ledger import Chain, LedgerRow
from gateway.record.record import JournalUnavailable
from rules.text import Text

SCHEMA: Final = 2
PAGES_UNLIMITED: Final = 4_294_967_294  # the largest max_page_count that SQLite knows
ROW_OVERHEAD: Final = 128  # columns and index entry of a segment, in bytes, measured roughly
PAGE_BYTES: Final = 4096
COMMIT_PAGES: Final = 6  # of a commit without its bodies: leaves of tables and indexes, measured
ASIDE_MAX: Final = 3  # damaged files that are kept for the maintainer

_TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE segment (
  id INTEGER PRIMARY KEY, stream TEXT NOT NULL, epoch INTEGER NOT NULL,
  first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, at_first INTEGER NOT NULL, at_last INTEGER NOT NULL,
  entries INTEGER NOT NULL, alarms INTEGER NOT NULL, size INTEGER NOT NULL, wire INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX segment_by_seq ON segment (stream, first_seq, last_seq, at_last, entries, alarms, size);
CREATE TABLE archive (
  id INTEGER PRIMARY KEY, stream TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
  wire INTEGER NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX archive_by_seq ON archive (stream, seq);
CREATE TABLE snapshot (
  stream TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (stream, seq));
CREATE TABLE cursor (
  destination TEXT NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (destination, stream)) WITHOUT ROWID;
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, stream TEXT NOT NULL, at INTEGER NOT NULL,
  source TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL);
"""

SegmentRow = tuple[str, int, int, int, int, int, int, int, int, int, bytes]
ArchiveRow = tuple[str, int, int, int, int, bytes]
StoredSegment = tuple[int, int, int, int, int, bytes]
"""(epoch, first_seq, last_seq, entries, wire, body)"""


class Rows(msgspec.Struct):
    """What one transaction writes. `settles`: nothing stays behind in memory once it is on disk."""

    segments: list[SegmentRow] = []
    archived: list[ArchiveRow] = []
    snapshots: list[tuple[str, int, int, bytes]] = []
    cursors: list[tuple[str, str, int]] = []
    ledger: list[LedgerRow] = []
    token: int | None = None
    settles: bool = True


class Started(msgspec.Struct):
    """What was found at the start."""

    epoch: int
    cursors: dict[tuple[str, str], int] = {}
    token: int = 0
    quarantine_id: int = 0
    troubles: list[tuple[str, Text]] = []


class Store:
    """The journal's file while it is open. `monotonic` bounds the check after an unclean stop."""

    def __init__(self, path: Path, incarnation: Incarnation, *, check_seconds: float, monotonic: Callable[[], float]):
        self._path = path
        self._incarnation = incarnation
        self._check_seconds = check_seconds
        self._monotonic = monotonic
        self._database: sqlite3.Connection | None = None
        self._page_limit = PAGES_UNLIMITED
        self._epoch = 0
        self._token = 0
        self._chain = Chain()
        self._checkpointer: Checkpointer | None = None
        self.segments = self.entries = self.segment_bytes = 0

    # --- start and end -------------------------------------------------------------------------

    def start(self, date: str, fallback_epoch: int) -> Started:
        """Open the file, or a new one with the next epoch. JournalUnavailable if the disk refuses both."""
        troubles: list[tuple[str, Text]] = []
        try:
            try:
                stored = self._load()
            except (sqlite3.DatabaseError, Damaged) as error:
                if not is_damage(error):
                    raise
                aside = self._set_aside(date)
                troubles.append(("corrupt", corrupt_words(aside, str(error))))
                stored = None
                self._load()
            started = self._begin(stored, fallback_epoch, troubles)
            self._checkpointer = Checkpointer(self._path)
            return started
        except (sqlite3.Error, OSError) as error:
            self._disconnect()
            raise JournalUnavailable(words_for(error, self._path.name)) from error

    def _load(self) -> int | None:
        """Open and check the file; its epoch, or None for a new one."""
        database = self._connect()
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            self._disconnect()
            raise StoreTooNew(
                f"日志由更新版本的程序写入 {self._path.name} has schema {version}, this program knows {SCHEMA}: "
                "start the newer version again, or move the file aside"
            )
        if version == 0:
            database.executescript("BEGIN;" + _TABLES + LEDGER_TABLES + f"PRAGMA user_version={SCHEMA}; COMMIT;")
            return None
        if version < SCHEMA:
            # Schema 1 had no ledger: its chains begin with what happens from now on.
            database.executescript("BEGIN;" + LEDGER_TABLES + f"PRAGMA user_version={SCHEMA}; COMMIT;")
        if self._incarnation.ending is not Ending.CLOSED:
            self._check(database)
        row = database.execute("SELECT value FROM meta WHERE key='epoch'").fetchone()
        totals = database.execute("SELECT count(*), total(entries), total(size) FROM segment").fetchone()
        self.segments, self.entries, self.segment_bytes = (int(value) for value in totals)
        return None if row is None else int(row[0])

    def _begin(self, stored: int | None, fallback_epoch: int, troubles: list[tuple[str, Text]]) -> Started:
        database = self._connect()
        known = self._incarnation.epoch
        was_held = self._incarnation.ending is Ending.HELD
        if known is None:
            epoch = fallback_epoch
        elif stored is None:
            epoch = known + 1
        elif stored < known or was_held:
            # An older file was put back, or ids went out from memory that never reached the disk.
            epoch = known + 1
            if was_held:
                troubles.append(("held", HELD_WORDS))
        else:
            epoch = stored
        self._incarnation.write(epoch, Ending.OPEN)
        if epoch != stored:
            database.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (epoch,))
        self._epoch = epoch
        token = database.execute("SELECT value FROM meta WHERE key='token'").fetchone()
        self._token = 0 if token is None else int(token[0])
        cursors = database.execute("SELECT destination, stream, seq FROM cursor").fetchall()
        quarantine_id = database.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()[0]
        return Started(
            epoch=epoch,
            cursors={(destination, stream): seq for destination, stream, seq in cursors},
            token=self._token,
            quarantine_id=quarantine_id,
            troubles=troubles,
        )

    def _check(self, database: sqlite3.Connection) -> None:
        deadline = self._monotonic() + self._check_seconds
        database.set_progress_handler(lambda: int(self._monotonic() > deadline), 20_000)
        try:
            found = database.execute("PRAGMA quick_check(1)").fetchall()
        except sqlite3.OperationalError as error:
            if code_of(error) != sqlite3.SQLITE_INTERRUPT:
                raise
            # A large journal is checked as far as the time goes: the boot may not wait for it.
            return
        finally:
            database.set_progress_handler(None, 0)
        if found != [("ok",)]:
            raise Damaged(str(found[0][0])[:200])

    def _set_aside(self, date: str) -> str:
        self._disconnect()
        stem = f"{self._path.name}.corrupt-{date}"
        name, number = stem, 1
        while self._path.with_name(name).exists():
            number += 1
            name = f"{stem}-{number}"
        for suffix in ("", "-wal", "-shm"):
            part = self._path.with_name(self._path.name + suffix)
            if part.exists():
                part.rename(self._path.with_name(name + suffix))
        kept = [
            part
            for part in self._path.parent.glob(f"{self._path.name}.corrupt-*")
            if not part.name.endswith(("-wal", "-shm"))
        ]
        for old in sorted(kept, key=lambda part: part.stat().st_mtime_ns)[:-ASIDE_MAX]:
            for suffix in ("", "-wal", "-shm"):
                old.with_name(old.name + suffix).unlink(missing_ok=True)
        self.segments = self.entries = self.segment_bytes = 0
        return name

    def _connect(self) -> sqlite3.Connection:
        if self._database is not None:
            return self._database
        database = sqlite3.connect(self._path, timeout=1.0, isolation_level=None, cached_statements=64)
        self._database = database
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")
        mode = database.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise OSError(f"the file system does not allow SQLite's write-ahead log (journal_mode={mode})")
        database.execute("PRAGMA synchronous=FULL")
        database.execute(f"PRAGMA wal_autocheckpoint={LAST_RESORT_PAGES}")
        database.execute("PRAGMA journal_size_limit=67108864")
        database.execute("PRAGMA cache_size=-4096")
        database.execute("PRAGMA temp_store=MEMORY")
        database.execute(f"PRAGMA max_page_count={self._page_limit}")
        database.executescript(VIEW)
        return database

    def _disconnect(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def close(self, ending: Ending) -> None:
        """Close the file cleanly: the log is folded in, so that one file is the whole journal."""
        if self._checkpointer is not None:
            self._checkpointer.stop()
        if self._database is not None:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._disconnect()
        self.mark(ending)

    # --- writing -------------------------------------------------------------------------------

    def commit(self, rows: Rows) -> None:
        """Write everything in one transaction, or nothing: JournalUnavailable with the reason."""
        try:
            database = self._connect()
            records = self._records(database, rows)
            if len(records) <= ROWS_MAX:
                append(database, records)
            else:
                with self.transaction() as database:
                    append(database, records)
        except sqlite3.Error as error:
            self._chain.forget()
            raise JournalUnavailable(words_for(error, self._path.name)) from error
        if rows.token is not None:
            self._token = max(self._token, rows.token)
        self.segments += len(rows.segments)
        pages = COMMIT_PAGES + len(rows.archived) + sum(len(snapshot[3]) for snapshot in rows.snapshots) // PAGE_BYTES
        for row in rows.segments:
            self.entries += row[6]
            self.segment_bytes += row[8]
            pages += row[8] // PAGE_BYTES
        if self._checkpointer is not None:
            self._checkpointer.wrote(pages)

    def _records(self, database: sqlite3.Connection, rows: Rows) -> list[Record]:
        records: list[Record] = [(SEGMENT, *row) for row in rows.segments]
        records.extend((ARCHIVE, *row) for row in rows.archived)
        records.extend((LEDGER, *row) for row in self._chain.linked(database, rows.ledger))
        records.extend((SNAPSHOT, *row) for row in rows.snapshots)
        records.extend((CURSOR, *row) for row in rows.cursors)
        if rows.token is not None and rows.token > self._token:
            records.append((META, "token", rows.token))
        return records

    def transaction(self) -> _Transaction:
        """A transaction: written whole, or rolled back; a connection that cannot roll back is thrown away."""
        return _Transaction(self._connect(), self._disconnect)

    def mark(self, ending: Ending) -> None:
        """Note how this run stands in the incarnation file, where that changes."""
        if self._incarnation.ending is ending:
            return
        try:
            self._incarnation.write(self._epoch, ending)
        except OSError:
            # Not even 64 bytes in place: the failing commit is what is reported, and a mark that stays HELD only
            # costs an epoch at the next start.
            return

    def keep_bytes(
        self, row: tuple[int, str, str, int, str, str, bytes], count: int, size: int, not_before: int
    ) -> None:
        """Put one row into quarantine and let the oldest go, by number, size and age."""
        with self.transaction() as database:
            database.execute("INSERT INTO quarantine VALUES (?,?,?,?,?,?,?)", row)
            self.trim_quarantine(database, count, size, not_before)

    def trim_quarantine(self, database: sqlite3.Connection, count: int, size: int, not_before: int) -> int:
        """Let the oldest rows of the quarantine go until number, size and age are kept; how many went."""
        before = database.total_changes
        database.execute("DELETE FROM quarantine WHERE at < ?", (not_before,))
        rest = database.execute("SELECT id, length(payload) FROM quarantine ORDER BY id DESC").fetchall()
        total = 0
        for place, (number, length) in enumerate(rest):
            total += length
            if place >= count or total > size:
                database.execute("DELETE FROM quarantine WHERE id <= ?", (number,))
                break
        return database.total_changes - before

    # --- reading -------------------------------------------------------------------------------

    def fetch(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; JournalUnavailable if the file cannot be read. Nothing stays open behind it."""
        try:
            return self._connect().execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise JournalUnavailable(words_for(error, self._path.name)) from error

    def segments_beyond(self, stream: str, after: int, upto: int, most: int) -> list[StoredSegment]:
        """The segments that hold entries with `after` < seq <= `upto`, in order."""
        return self.fetch(SEGMENTS_BEYOND, (stream, after + 1, upto, most))

    def pages(self) -> tuple[int, int]:
        """How many pages the file has, and how many of them are free."""
        return self.fetch("PRAGMA page_count")[0][0], self.fetch("PRAGMA freelist_count")[0][0]

    def limit_pages(self, most: int | None) -> None:
        """For tests: the disk is full at this many pages (never below what the file has)."""
        self._page_limit = PAGES_UNLIMITED if most is None else most
        self.fetch(f"PRAGMA max_page_count={self._page_limit}")

    def run(self, statements: Iterable[str]) -> None:
        """For tests: run statements on the open file."""
        for statement in statements:
            self.fetch(statement)


SEGMENTS_BEYOND: Final = (
    "SELECT epoch, first_seq, last_seq, entries, wire, CAST(body AS BLOB) FROM segment WHERE stream=?1 "
    "AND first_seq >= coalesce((SELECT max(first_seq) FROM segment WHERE stream=?1 AND first_seq <= ?2), 0) "
    "AND last_seq >= ?2 AND first_seq <= ?3 ORDER BY first_seq LIMIT ?4"
)


class _Transaction:
    """BEGIN … COMMIT around a block, ROLLBACK if it raises."""

    def __init__(self, database: sqlite3.Connection, throw_away: Callable[[], None]) -> None:
        self._database = database
        self._throw_away = throw_away

    def __enter__(self) -> sqlite3.Connection:
        self._database.execute("BEGIN IMMEDIATE")
        return self._database

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._database.execute("COMMIT")
        finally:
            self._leave()

    def _leave(self) -> None:
        if not self._database.in_transaction:
            return
        try:
            self._database.execute("ROLLBACK")
        except sqlite3.Error:
            # What failed first is on its way up; a new connection starts from what is on disk.
            self._throw_away()


def file_bytes(path: Path) -> int:
    """The size of the file and of its log."""
    total = 0
    for part in (path, path.with_name(path.name + "-wal")):
        try:
            total += os.stat(part).st_size  # noqa: PTH116
        except FileNotFoundError:
            continue
    return total
