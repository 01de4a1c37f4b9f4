"""What the rest of the gateway knows of the journal: entries, and the protocol behind which they are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from rules.effects import AnyEffect
from rules.inputs import AnyInput


class JournalEntry(msgspec.Struct, frozen=True, gc=False):
    """One input and everything the engine asked for because of it.

    `stream` is the home, `epoch` the incarnation of its journal, `seq` counts from 1 without reuse. `shift_ms` is
    what to add to the engine's time line for the time on the wall (whole milliseconds, 0 unless the clock stepped).
    """

    stream: str
    epoch: int
    seq: int
    at: datetime
    input: AnyInput
    effects: tuple[AnyEffect, ...] = ()
    shift_ms: int = 0


class StreamHead(msgspec.Struct, frozen=True):
    """Where a stream stands at start: its epoch, its last committed seq and instant, and the newest snapshot."""

    epoch: int
    seq: int
    at: datetime | None
    snapshot_seq: int = 0
    snapshot: bytes = b""


class JournalUnavailable(Exception):
    """The commit did not reach the disk; the text says why in words for a person (disk full, I/O error, …)."""


class Record(Protocol):
    """The journal, the cursors and the snapshots of all streams, behind async calls.

    `token` is a fencing token: a writer whose token is older than the newest one seen is refused (unused on
    SQLite, where one process holds the file). A cursor belongs to (destination, stream).
    """

    async def open_stream(self, stream: str) -> StreamHead: ...

    def commit(
        self,
        entries: Sequence[JournalEntry],
        *,
        snapshots: Mapping[str, tuple[int, bytes]] | None = None,
        token: int = 0,
    ) -> Awaitable[None]:
        """Put the entries, of any streams, on disk in one transaction with what is held; JournalUnavailable if not.

        They are on their way when this returns; the answers come in the order of the calls.
        """

    def hold(self, entries: Sequence[JournalEntry]) -> None:
        """Keep entries that could not be committed where readers find them; the next commit that works writes them."""

    async def history(self, stream: str, *, before: int | None = None, most: int = 100) -> list[JournalEntry]:
        """Archived entries (alarms, what people did, what became of messages) before a seq, the newest first."""

    def head(self, stream: str) -> int:
        """The seq of the last entry that readers may see: committed, or held."""

    async def read(self, stream: str, after: int, most: int = 512) -> list[JournalEntry]:
        """Entries with seq > `after`, in order, committed or held, at most `most`."""

    async def wait_beyond(self, positions: Mapping[str, int], *, calling: bool = False) -> None:
        """Return once any stream's head is beyond its position; `calling`: by an entry with effects, or by many."""

    def cursor(self, destination: str, stream: str) -> int:
        """The seq up to which this destination is done with this stream (0 at first)."""

    def advance(self, destination: str, stream: str, seq: int) -> None:
        """Note a new cursor; it reaches the disk with the next commit, or within a second."""

    async def quarantine(self, stream: str, at: datetime, source: str, reason: str, payload: bytes) -> str:
        """Keep the bytes of what could not be decided or decoded (bounded in number, size and age); gives its id."""
