"""The batch: one transaction as the loop sees it, and the checks that a stream's seqs have to pass before it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from gateway.record.held import Held, HeldEntry
from gateway.record.ledger import LedgerRow
from gateway.record.ledger_rows import gap_row, is_quiet, missing_of, rows_of
from gateway.record.record import JournalEntry
from gateway.record.segments import Packed, pack, to_ms
from gateway.record.store import Rows


class GapWithoutSnapshot(AssertionError):
    """A commit would leave seqs out for good, and no snapshot says how the engine stood behind the gap."""


class StreamState(msgspec.Struct):
    """Where one stream stands. `submitted` is on its way, `committed` on disk, `head` what readers may see.

    `gap_end` is the first seq behind seqs that were dropped and never reach the disk (0: none), `called` the last seq
    that readers may see whose entry has effects.
    """

    epoch: int
    committed: int
    head: int
    submitted: int
    at: datetime | None = None
    gap_end: int = 0
    called: int = 0


class Batch(msgspec.Struct):
    """What one commit takes to the disk, and what is true once it is there."""

    rows: Rows
    era: int
    started: float
    future: asyncio.Future[None]
    pieces: list[tuple[str, Sequence[JournalEntry], int]] = []
    heads: dict[str, tuple[int, datetime | None]] = {}
    called: dict[str, int] = {}
    held: list[HeldEntry] = []
    resolved: dict[str, int] = {}


class Plan(msgspec.Struct):
    """What a commit would do to each stream, worked out before anything is changed. `ready`: no gap stops them."""

    last: dict[str, tuple[int, datetime | None]] = {}
    called: dict[str, int] = {}
    gap_end: dict[str, int] = {}
    ready: list[str] = []


def plan(
    streams: Mapping[str, StreamState],
    entries: Sequence[JournalEntry],
    snapshots: Mapping[str, tuple[int, bytes]],
    held: Held,
) -> Plan:
    """Check entries and snapshots against where the streams stand: ValueError, GapWithoutSnapshot, or what will be.

    ValueError: a stream that was not opened, or a seq that was used before.
    """
    found = Plan()
    last = found.last
    seq_of: dict[str, int] = {}
    for entry in entries:
        stream = entry.stream
        previous = seq_of.get(stream)
        if previous is None:
            previous = state_of(streams, stream).submitted
        if entry.seq != previous + 1:
            if entry.seq <= previous:
                raise ValueError(f"seq {entry.seq} of stream {stream} was used before: its last one is {previous}")
            found.gap_end[stream] = entry.seq
        seq_of[stream] = entry.seq
        last[stream] = (entry.seq, entry.at)
        if entry.effects:
            found.called[stream] = entry.seq
    for stream in snapshots:
        # A snapshot may lie beyond the last entry: what came between was dropped, and it resolves that gap too.
        state_of(streams, stream)
    for stream in {*seq_of, *snapshots, *held.streams()}:
        gap_end = max(found.gap_end.get(stream, 0), streams[stream].gap_end)
        covered = gap_end == 0 or (stream in snapshots and snapshots[stream][0] >= gap_end - 1)
        if covered:
            found.gap_end[stream] = gap_end
            found.ready.append(stream)
        elif stream in seq_of or stream in snapshots:
            raise GapWithoutSnapshot(
                f"stream {stream} lost entries before seq {gap_end}: commit with a snapshot at {gap_end - 1} or later"
            )
        # A stream that waits for its snapshot stays held: its entries may not reach the disk before it.
    for stream in found.ready:
        seq = max(seq_of.get(stream, 0), held.last_seq(stream), snapshots[stream][0] if stream in snapshots else 0)
        last[stream] = (seq, last[stream][1] if stream in last else streams[stream].at)
    return found


def state_of(streams: Mapping[str, StreamState], stream: str) -> StreamState:
    """The state of a stream that was opened; ValueError for any other."""
    state = streams.get(stream)
    if state is None:
        raise ValueError(f"stream {stream!r} was not opened: call open_stream first")
    return state


def fill(
    batch: Batch,
    planned: Plan,
    streams: Mapping[str, StreamState],
    entries: Sequence[JournalEntry],
    snapshots: Mapping[str, tuple[int, bytes]],
    held: Held,
) -> None:
    """Put what was planned into the batch: what is held first, then the new entries, then the snapshots."""
    packed = Packed()
    if held.count:
        batch.held = [one for stream in planned.ready for one in held.of(stream)]
        pack([one.entry for one in batch.held], packed, [one.body for one in batch.held])
        batch.rows.settles = len(batch.held) == held.count
    pack(entries, packed)
    batch.pieces = packed.pieces
    batch.rows.segments = packed.segments
    batch.rows.archived = packed.archived
    batch.rows.ledger = _ledger_rows([*(one.entry for one in batch.held), *entries], planned, streams, held)
    batch.heads = planned.last
    batch.called = planned.called
    batch.resolved = {stream: end for stream, end in planned.gap_end.items() if end}
    for stream, (seq, body) in snapshots.items():
        at = planned.last.get(stream, (0, None))[1] or streams[stream].at
        batch.rows.snapshots.append((stream, seq, 0 if at is None else to_ms(at), body))


def _ledger_rows(
    entries: Sequence[JournalEntry], planned: Plan, streams: Mapping[str, StreamState], held: Held
) -> list[LedgerRow]:
    """The ledger's rows of these entries, and one row for each run of seqs that is lost for good."""
    found = [row for entry in entries if not is_quiet(entry) for row in rows_of(entry)]
    for stream, end in planned.gap_end.items():
        if not end:
            continue
        state = streams[stream]
        # While something is held or lost nothing else of this stream is on its way; else what is submitted counts.
        base = state.committed if state.gap_end or held.last_seq(stream) else state.submitted
        present = [entry.seq for entry in entries if entry.stream == stream]
        last, at = planned.last[stream]
        for first, upto in missing_of([*present, last + 1], base):
            found.append(gap_row(stream, state.epoch, first, upto, 0 if at is None else to_ms(at)))
        found.sort(key=lambda row: row[2])  # stable: each stream's rows in the order of its seqs
    return found
