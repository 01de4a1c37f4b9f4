"""The append: all rows of a commit, of whatever table, in one statement, which is a transaction of its own.

Each statement hands the interpreter's lock over at least twice, and gets it back only when the loop's thread lets go
of it: an alarm's commit with its ledger and archive rows took eight turns of that (measured: 21 ms beside a busy
loop where one statement takes 11 ms; 5 ms a turn is the interpreter's default). The rows go into a view of this
connection whose trigger puts each of them where it belongs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

Record = Sequence[object]
"""A kind below, and then the values of the row."""

NOTHING, SEGMENT, ARCHIVE, LEDGER, SNAPSHOT, CURSOR, META = range(7)

ROWS_MAX: Final = 256
"""Rows of one statement; what is longer is a transaction of several. Below SQLite's 32,766 parameters."""

_WIDTH: Final = 12
_COLUMNS: Final = "abcdefghijk"

VIEW: Final = f"""
CREATE TEMP VIEW batch AS SELECT NULL AS kind, {", ".join(f"NULL AS {name}" for name in _COLUMNS)};
CREATE TEMP TRIGGER sort INSTEAD OF INSERT ON batch BEGIN
  INSERT INTO segment SELECT NULL, NEW.a, NEW.b, NEW.c, NEW.d, NEW.e, NEW.f, NEW.g, NEW.h, NEW.i, NEW.j,
    CAST(NEW.k AS TEXT) WHERE NEW.kind = {SEGMENT};
  INSERT OR REPLACE INTO archive SELECT NULL, NEW.a, NEW.b, NEW.c, NEW.d, NEW.e, CAST(NEW.f AS TEXT)
    WHERE NEW.kind = {ARCHIVE};
  INSERT INTO ledger SELECT NEW.a, NEW.b, NEW.c, NEW.d, NEW.e, NEW.f, CAST(NEW.g AS TEXT), NEW.h
    WHERE NEW.kind = {LEDGER};
  INSERT OR REPLACE INTO cursor SELECT NEW.a, NEW.b, NEW.c WHERE NEW.kind = {CURSOR};
  INSERT OR REPLACE INTO meta SELECT NEW.a, NEW.b WHERE NEW.kind = {META};
  INSERT OR REPLACE INTO snapshot SELECT NEW.a, NEW.b, NEW.c, NEW.d WHERE NEW.kind = {SNAPSHOT};
  DELETE FROM snapshot WHERE NEW.kind = {SNAPSHOT} AND stream = NEW.a AND seq <
    (SELECT seq FROM snapshot WHERE stream = NEW.a ORDER BY seq DESC LIMIT 1 OFFSET 1);
END;
"""
"""Two snapshots of a stream are kept."""

_ROW: Final = f"({','.join('?' * _WIDTH)})"
_STATEMENTS: Final = {
    count: f"INSERT INTO batch VALUES {','.join([_ROW] * count)}" for count in (1, 2, 4, 8, 16, 32, 64, 128, ROWS_MAX)
}
"""One for each power of two, so that all of them stay prepared: the rows that are left over are of kind NOTHING."""

_BLANK: Final = (None,) * _WIDTH


def append(database: sqlite3.Connection, records: Sequence[Record]) -> None:
    """Put records where they belong. One transaction if there are at most ROWS_MAX of them, or if one is open."""
    for first in range(0, len(records), ROWS_MAX):
        part = records[first : first + ROWS_MAX]
        count = 1 << (len(part) - 1).bit_length()
        database.execute(_STATEMENTS[count], tuple(_flat(part, count)))


def _flat(part: Sequence[Record], count: int) -> Iterator[object]:
    for record in part:
        yield from record
        yield from _BLANK[len(record) :]
    yield from _BLANK * (count - len(part))
