"""The wire: how entries are written on disk. Plain JSON, one array an entry, readable with the sqlite3 tool.

An entry is `[seq, at, input, effects, shift_ms]`; stream, epoch and the wire's version stand in the row around
it. Inputs and effects are objects whose `type` names them. A version that this program does not know is refused;
fields that were added since have defaults, so that older rows stay readable (a golden file proves it).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.record.record import JournalEntry
from rules.effects import AnyEffect
from rules.inputs import AnyInput

WIRE: Final = 1
"""The version that this program writes; it reads this one and all before it."""

_Row = tuple[int, datetime, AnyInput, tuple[AnyEffect, ...], int]

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(list[_Row])

# Where a reading's value stands in the arrays: Report = [device, readings, …], Reading = [point, value, quality].
_READINGS: Final = 1
_VALUE: Final = 1


class WireTooNew(Exception):
    """A row was written by a newer program: reading it with this one could only be guessed."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"日志由更新版本的程序写入 journal row in wire version {found}, this program reads up to {WIRE}: "
            "start the newer version again, or move the journal's file aside"
        )
        self.found = found


class WireBroken(Exception):
    """A row's body is not what its version and its columns promise (a torn or damaged row)."""


def encode_entries(entries: Sequence[JournalEntry]) -> bytes:
    """The body of one row: these entries (of one stream and epoch) in order."""
    rows = [(entry.seq, entry.at, entry.input, entry.effects, entry.shift_ms) for entry in entries]
    return _encode(rows)


def encode_entry(entry: JournalEntry) -> bytes:
    """One entry alone: one element of a body."""
    return _encode((entry.seq, entry.at, entry.input, entry.effects, entry.shift_ms))


def join_entries(bodies: Iterable[bytes]) -> bytes:
    """The body of one row from entries that were encoded alone."""
    return b"[" + b",".join(bodies) + b"]"


def encode_effects(effects: Sequence[AnyEffect]) -> bytes:
    """Effects in the form in which two runs of the engine are compared."""
    return _encode(effects)


def encode_value(value: object) -> bytes:
    """Any plain value as JSON; half of a surrogate pair is mended, as in entries."""
    return _encode(value)


def decode_entries(wire: int, body: bytes, stream: str, epoch: int) -> list[JournalEntry]:
    """The entries of one row; WireTooNew for a version of the future, WireBroken for anything else that is wrong."""
    if wire > WIRE:
        raise WireTooNew(wire)
    try:
        rows = _DECODER.decode(body)
    except msgspec.ValidationError:
        rows = _decode_with_gaps(body, stream)
    except msgspec.DecodeError as error:
        raise WireBroken(f"journal row of {stream} cannot be read: {error}") from error
    return [JournalEntry(stream, epoch, *row) for row in rows]


def _encode(value: Any) -> bytes:
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        # Half of a surrogate pair in a device's text: no UTF-8 says it, and no text may stop the journal.
        return _ENCODER.encode(_mend(msgspec.to_builtins(value, builtin_types=(datetime,))))


def _mend(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_mend(key): _mend(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mend(item) for item in value]
    return value


def _decode_with_gaps(body: bytes, stream: str) -> list[_Row]:
    """Rows whose readings hold what JSON cannot say: NaN and infinity were written as null and come back as NaN."""
    try:
        raw = msgspec.json.decode(body)
        for row in raw:
            for report in row[2].get("reports", ()):
                for reading in report[_READINGS]:
                    if reading[_VALUE] is None:
                        reading[_VALUE] = math.nan
        return msgspec.convert(raw, list[_Row])
    except (msgspec.ValidationError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise WireBroken(f"journal row of {stream} cannot be read: {error}") from error
