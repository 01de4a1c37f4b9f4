"""The gaps of the ledger that a person has to explain: rows that stand for entries which are lost, until they are."""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.record.ledger import EXPLAIN, LedgerFile

EXPLAINED: Final = "gap_explained"
"""The kind of the row by which a person explained one (rules.inputs.GapExplained)."""

_KINDS: Final = (*EXPLAIN, EXPLAINED)
_END: Final = "SELECT max(number) FROM ledger WHERE stream=?"
_ROWS: Final = (
    "SELECT number, epoch, at, kind, CAST(body AS BLOB) FROM ledger "
    f"WHERE stream=? AND number>? AND number<=? AND kind IN ({','.join('?' * len(_KINDS))}) ORDER BY number"
)


class OpenGap(msgspec.Struct, frozen=True):
    """One row to be explained: its number, its kind, when it was written (ms), and the seqs that are lost.

    A row of kind `ledger.epoch` tells that another file began: `first` and `last` are 0 then.
    """

    row: int
    kind: str
    epoch: int
    at: int
    first: int = 0
    last: int = 0


class _Body(msgspec.Struct):
    """What of a row's body matters here."""

    row: int = 0
    first: int = 0
    last: int = 0


class GapFile(LedgerFile):
    """A journal's ledger of which only the gaps are read."""

    def end(self, stream: str) -> int:
        """The number of a stream's newest row; 0 without any."""
        return next((number or 0 for (number,) in self._fetch(_END, (stream,))), 0)

    def follow(self, stream: str, known: dict[int, OpenGap], after: int, upto: int) -> None:
        """Bring the gaps that are open behind row `after` up to date with the rows until `upto`."""
        for number, epoch, at, kind, body in self._fetch(_ROWS, (stream, after, upto, *_KINDS)):
            told = read_body(body)
            if kind == EXPLAINED:
                known.pop(told.row, None)
            else:
                known[number] = OpenGap(number, kind, epoch, at, told.first, told.last)


class GapBook:
    """The open gaps of all streams, kept up to date: only the rows that are new since are read."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, dict[int, OpenGap]]] = {}

    def open_gaps(self, file: GapFile, stream: str) -> list[OpenGap]:
        """The rows of a stream that nobody has explained yet, oldest first."""
        upto = file.end(stream)
        after, found = self._known.get(stream, (0, {}))
        if upto < after:  # another file was put in its place
            after, found = 0, {}
        file.follow(stream, found, after, upto)
        self._known[stream] = (upto, found)
        return list(found.values())


def read_body(body: bytes) -> _Body:
    """The body of a row; an empty one where nobody can read it: the chain's check tells of that."""
    try:
        return msgspec.json.decode(body, type=_Body)
    except msgspec.MsgspecError:
        return _Body()
