"""The memory of the journal: where every stream stands, the newest entries, what is held, cursors, who waits.

It belongs to the loop alone; the disk is somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.record.archive import is_archived
from gateway.record.batch import Batch, StreamState, fill, plan, state_of
from gateway.record.held import Held
from gateway.record.outbox import Cursors, Tail, Waiters
from gateway.record.record import JournalEntry
from gateway.record.statistics import Budget, Troubles


class Memory:
    """What readers see without the disk, and what a commit changes once it is on disk, or is not."""

    def __init__(self, budget: Budget, troubles: Troubles) -> None:
        self._troubles = troubles
        self._streams: dict[str, StreamState] = {}
        self._waiters = Waiters()
        self.tail = Tail(budget.tail_entries, budget.tail_bytes)
        self.held = Held(budget.held_bytes)
        self.cursors = Cursors()

    def begin(self, stream: str, state: StreamState) -> StreamState:
        """Take a stream in as the disk has it; one that is known already stays as it is."""
        known = self._streams.get(stream)
        if known is not None:
            return known
        self._streams[stream] = state
        self.tail.begin(stream, state.committed)
        beyond = self.cursors.clamp(stream, state.committed)
        if beyond:
            self._troubles.add(
                "cursor",
                f"{stream}：{beyond} 个读者的进度超出日志，已退回",
                f"{stream}: {beyond} cursors stood beyond the journal and were brought back",
                beyond,
            )
        return state

    def head(self, stream: str) -> int:
        """The seq of the last entry that readers may see."""
        state = self._streams.get(stream)
        return 0 if state is None else state.head

    def committed(self, stream: str) -> int:
        """The seq up to which the disk has a stream; no limit for one that was not opened."""
        state = self._streams.get(stream)
        return (1 << 62) if state is None else state.committed

    def needs_snapshot(self, stream: str) -> bool:
        """Whether entries of this stream were lost, so that its next commit must bring a snapshot."""
        state = self._streams.get(stream)
        return state is not None and state.gap_end > 0

    def fill(
        self, batch: Batch, entries: Sequence[JournalEntry], snapshots: Mapping[str, tuple[int, bytes]], cursors: bool
    ) -> None:
        """Put into the batch what goes to the disk: held entries, new ones, snapshots and (if asked) cursors."""
        planned = plan(self._streams, entries, snapshots, self.held)
        fill(batch, planned, self._streams, entries, snapshots, self.held)
        if self.cursors.changed and (cursors or batch.rows.archived or batch.rows.snapshots):
            heads = batch.heads
            # The cursors are in the same transaction as the entries: they may stand on these, and on nothing later.
            batch.rows.cursors = self.cursors.rows(
                lambda stream: max(self.committed(stream), heads[stream][0] if stream in heads else 0)
            )

    def leave(self, batch: Batch) -> None:
        """The batch is on its way: its seqs are taken, and what it holds may not be dropped."""
        if batch.held:
            self.held.freeze(batch.held)
        for stream, (seq, _) in batch.heads.items():
            state = self._streams[stream]
            state.submitted = max(state.submitted, seq)

    def written(self, batch: Batch) -> None:
        """The batch is on disk: readers may see it."""
        if batch.held:
            self._count_lost(self.held.thaw(written=True))
        for stream, entries, size in batch.pieces:
            self.tail.add(stream, entries, size)
        for stream, (seq, at) in batch.heads.items():
            state = self._streams[stream]
            state.committed = max(state.committed, seq)
            if seq >= state.head:
                state.head, state.at = seq, at
        for stream, seq in batch.called.items():
            state = self._streams[stream]
            state.called = max(state.called, seq)
        for stream, end in batch.resolved.items():
            if self._streams[stream].gap_end <= end:
                self._streams[stream].gap_end = 0
        self.cursors.saved(batch.rows.cursors)
        self._waiters.moved({stream: self._streams[stream] for stream in batch.heads})

    def refused(self, batch: Batch) -> None:
        """The batch is not on disk, nor is anything that was submitted behind it."""
        if batch.held:
            self._count_lost(self.held.thaw(written=False))
        for state in self._streams.values():
            state.submitted = state.head

    def hold(self, entries: Sequence[JournalEntry]) -> None:
        """Keep entries that the disk refused where readers find them."""
        for entry in entries:
            state = state_of(self._streams, entry.stream)
            if entry.seq <= state.head:
                raise ValueError(f"seq {entry.seq} of stream {entry.stream} was used before: head is {state.head}")
            if entry.seq != state.head + 1:
                state.gap_end = entry.seq
            state.head, state.at = entry.seq, entry.at
            if entry.effects:
                state.called = entry.seq
            state.submitted = max(state.submitted, entry.seq)
            self._count_lost(self.held.add(entry))
        self._waiters.moved({entry.stream: self._streams[entry.stream] for entry in entries})

    def _count_lost(self, dropped: Sequence[JournalEntry]) -> None:
        for entry in dropped:
            state = self._streams[entry.stream]
            state.gap_end = max(state.gap_end, entry.seq + 1)
        if dropped:
            lost = sum(self.held.lost.values())
            self._troubles.add(
                "lost",
                f"日志写不进，内存已满，已丢失 {lost} 条记录（先丢遥测）",
                f"the journal cannot be written and memory is full: {lost} entries are lost (telemetry first)",
                len(dropped),
            )

    def read(self, stream: str, after: int, most: int) -> list[JournalEntry]:
        """Entries with seq > `after`, in order, as far as memory has them."""
        found = self.tail.read(stream, after, most)
        if len(found) < most and self.held.count:
            found += self.held.read(stream, max(after, found[-1].seq if found else 0), most - len(found))
        return found

    def held_history(self, stream: str, before: int, most: int) -> list[JournalEntry]:
        """What is held and belongs to the archive, newest first."""
        kept = [one.entry for one in self.held.of(stream) if one.entry.seq < before and is_archived(one.entry)]
        return kept[::-1][:most]

    async def wait_beyond(self, positions: Mapping[str, int], *, calling: bool) -> None:
        """Return once any stream's head is beyond its position; `calling`: by an entry with effects, or by many."""
        await self._waiters.wait(positions, self._streams, calling=calling)
