"""The journal: inputs and effects of all homes in one SQLite file (WAL, synchronous=FULL), behind async calls.

The loop encodes and keeps what readers need; one thread writes. Nothing is readable before it is on disk, except
what was put to `hold` because the disk refused it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from gateway.clock import Clock
from gateway.record import housekeeping, queries
from gateway.record.batch import Batch, GapWithoutSnapshot, StreamState
from gateway.record.faults import StoreTooNew, words_for
from gateway.record.incarnation import Ending, Incarnation, JournalInUse
from gateway.record.memory import Memory
from gateway.record.quarantine import Quarantine
from gateway.record.record import JournalEntry, JournalUnavailable, StreamHead
from gateway.record.statistics import Budget, Latencies, Pruned, Quarantined, RecordStats, Trouble, Troubles
from gateway.record.store import Rows, Store, file_bytes
from gateway.record.writer import Writer

__all__ = ["Budget", "FencedOff", "GapWithoutSnapshot", "JournalInUse", "SqliteRecord", "StoreTooNew"]

RETRY_AFTER_S: Final = 1.0
CURSOR_FLUSH_S: Final = 0.5
CURSOR_REST_S: Final = 0.25  # telemetry commits do not carry cursors more often: flash wears by the page

Result = TypeVar("Result")
Snapshots = Mapping[str, tuple[int, bytes]]


class FencedOff(JournalUnavailable):
    """A writer with a newer token took this journal over: this one must stop."""


class SqliteRecord:
    """The record of one gateway in one SQLite file. Open it with `SqliteRecord.open`, end it with `close`."""

    def __init__(self, path: Path, clock: Clock, budget: Budget, incarnation: Incarnation | None) -> None:
        self._path = path
        self._clock = clock
        self._budget = budget
        self._incarnation = incarnation
        self._writer: Writer | None = None
        self._store: Store | None = None
        self._dead: str | None = None
        self._troubles = Troubles(clock.now)
        self._memory = Memory(budget, self._troubles)
        self._cursors_written_at = clock.monotonic()
        self._flushing: asyncio.Task[None] | None = None
        self._epoch = 0
        self._token = 0
        self._era = 0
        self._in_flight = 0
        self._failing: str | None = None
        self._retry_at = 0.0
        self._failures = self._commits = self._disk_reads = self._thinned = 0
        self._latencies = Latencies()
        self._quarantine = Quarantine(self._run, budget, self._troubles)

    # --- start and end -------------------------------------------------------------------------

    @classmethod
    async def open(cls, path: Path, *, clock: Clock, budget: Budget | None = None) -> SqliteRecord:
        """Open the journal, or begin one. A damaged file is kept aside; a disk that gives nothing at all leaves a
        record that only holds in memory (`dead`). JournalInUse and StoreTooNew are for a person to mend.
        """
        budget = budget or Budget()
        incarnation, reason = None, ""
        try:
            incarnation = Incarnation.open(path.with_name(path.name + ".epoch"))
        except OSError as error:
            reason = words_for(error, path.name)
        record = cls(path, clock, budget, incarnation)
        if incarnation is None:
            record._give_up(reason)
            return record
        store = Store(path, incarnation, check_seconds=budget.check_seconds, monotonic=clock.monotonic)
        record._store = store
        writer = record._writer = Writer(store, asyncio.get_running_loop())
        date, fallback = f"{clock.wall():%Y%m%dT%H%M%SZ}", int(clock.wall().timestamp())
        try:
            started = await writer.run(lambda one: one.start(date, fallback))
        except JournalUnavailable as error:
            await writer.stop()
            record._writer = None
            record._give_up(str(error))
        except BaseException:
            await writer.stop()
            incarnation.close()
            raise
        else:
            record._epoch, record._token = started.epoch, started.token
            record._quarantine.begin(started.epoch, started.quarantine_id)
            record._memory.cursors.load(started.cursors)
            for kind, text in started.troubles:
                record._troubles.add(kind, text.zh, text.en)
        return record

    def _give_up(self, reason: str) -> None:
        self._dead = self._failing = reason
        self._epoch = int(self._clock.wall().timestamp())
        if self._incarnation is not None and self._incarnation.epoch is not None:
            try:
                self._incarnation.write(self._incarnation.epoch + 1, Ending.HELD)
                self._epoch = self._incarnation.epoch
            except OSError as error:
                reason = f"{reason} ({error})"
        self._quarantine.begin(self._epoch, 0)
        self._troubles.add(
            "dead", f"日志无法使用，一切只在内存中：{reason}", f"no journal, everything is in memory only: {reason}"
        )

    async def close(self) -> None:
        """Write what can be written (held entries, cursors), fold the log in and end the thread."""
        if self._flushing is not None:
            self._flushing.cancel()
        if self._writer is not None:
            try:
                await self._run(lambda _: None)  # behind every commit that is on its way: its answer is known then
                self._retry_at = 0.0
                await self._send((), {}, cursors=True)
                if self._memory.held.count:
                    self._lose_held("断号未补 a stream with lost entries had no snapshot")
            except JournalUnavailable as error:
                self._lose_held(str(error))
            ending = Ending.HELD if self._memory.held.count else Ending.CLOSED
            try:
                await self._run(lambda store: store.close(ending))
            except JournalUnavailable as error:
                self._lose_held(str(error))
            await self._writer.stop()
            self._writer = None
        if self._incarnation is not None:
            self._incarnation.close()
        self._dead = self._failing = "日志已关闭 the journal is closed"

    def _lose_held(self, reason: str) -> None:
        self._troubles.add(
            "held",
            f"关闭时日志仍写不进：{reason}",
            f"the journal could not be written at the end: {reason}",
            self._memory.held.count,
        )

    async def open_stream(self, stream: str) -> StreamHead:
        """Where a stream stands. Its epoch is the file's; its seqs go on where the last epoch ended."""
        if self._writer is None:
            state = self._memory.begin(stream, StreamState(self._epoch, 0, 0, 0))
            return StreamHead(self._epoch, state.head, state.at)
        found = await self._run(lambda store: queries.load_stream(store, stream))
        self._skipped([found.broken] if found.broken else [])
        seq = found.seq  # what lies on disk may be of interest to every reader
        state = self._memory.begin(stream, StreamState(self._epoch, seq, seq, seq, found.at, called=seq))
        return StreamHead(self._epoch, state.committed, state.at, found.snapshot_seq, found.snapshot)

    # --- writing -------------------------------------------------------------------------------

    def commit(
        self,
        entries: Sequence[JournalEntry],
        *,
        snapshots: Snapshots | None = None,
        token: int = 0,
    ) -> asyncio.Future[None]:
        """Put the entries on disk in one transaction with what is held. JournalUnavailable says why not, here already
        or in the answer.

        While the disk refuses, it is tried once a second at most: in between the call raises at once. A stream
        that lost seqs (`needs_snapshot`) is only taken with a snapshot behind the gap: GapWithoutSnapshot.
        """
        if token < self._token:
            raise FencedOff(f"日志已被接管 token {token} is older than {self._token}: another gateway took over")
        return self._send(entries, snapshots or {}, token=token)

    def _send(
        self, entries: Sequence[JournalEntry], snapshots: Snapshots, *, token: int = 0, cursors: bool = False
    ) -> asyncio.Future[None]:
        now = self._clock.monotonic()
        waiting = self._failing is not None and (self._in_flight > 0 or now < self._retry_at)
        if self._writer is None or waiting:
            raise JournalUnavailable(self._failing or "日志已关闭 the journal is closed")
        batch = Batch(Rows(), self._era, now, asyncio.get_running_loop().create_future())
        rested = now - self._cursors_written_at >= CURSOR_REST_S
        self._memory.fill(batch, entries, snapshots, cursors or rested)
        rows = batch.rows
        if token > self._token:
            self._token = rows.token = token
        if rows.cursors:
            self._cursors_written_at = now
        if not (rows.segments or rows.snapshots or rows.cursors or rows.token):
            batch.future.set_result(None)
            return batch.future
        if batch.held:
            # One attempt at a time: until it is over, every other commit is refused at once.
            self._failing = self._failing or "日志正在补写 the journal is being written again"
        self._memory.leave(batch)
        self._in_flight += 1
        self._writer.commit(rows, batch.era, lambda error: self._settle(batch, error))
        return batch.future

    def _settle(self, batch: Batch, error: BaseException | None) -> None:
        """The thread's answer to one batch, on the loop."""
        self._in_flight -= 1
        if error is None:
            self._latencies.add(self._clock.monotonic() - batch.started)
            self._commits += 1
            self._failing = None
            self._memory.written(batch)
        else:
            self._failures += 1
            self._era = max(self._era, batch.era + 1)
            self._failing = str(error)
            self._retry_at = self._clock.monotonic() + RETRY_AFTER_S
            self._memory.refused(batch)
        if not batch.future.done():
            if error is None:
                batch.future.set_result(None)
            else:
                batch.future.set_exception(error)

    def hold(self, entries: Sequence[JournalEntry]) -> None:
        """Keep entries that could not be committed where readers find them; the next commit that works writes them."""
        self._memory.hold(entries)

    def needs_snapshot(self, stream: str) -> bool:
        """Whether entries of this stream were lost, so that its next commit must bring a snapshot."""
        return self._memory.needs_snapshot(stream)

    # --- reading -------------------------------------------------------------------------------

    def head(self, stream: str) -> int:
        """The seq of the last entry that readers may see: committed, or held."""
        return self._memory.head(stream)

    async def read(self, stream: str, after: int, most: int = 512) -> list[JournalEntry]:
        """Entries with seq > `after`, in order, committed or held, at most `most`."""
        if most <= 0 or after >= self._memory.head(stream):
            return []
        while after < self._memory.tail.covered(stream):
            upto, start = self._memory.committed(stream), after
            self._disk_reads += 1
            found, broken = await self._run(lambda store: queries.read(store, stream, start, upto, most))  # noqa: B023
            self._skipped(broken)
            if found:
                return found
            after = max(after, upto)
        return self._memory.read(stream, after, most)

    def _skipped(self, broken: Sequence[tuple[int, int, str]]) -> None:
        if broken:
            count = sum(last - first + 1 for first, last, _ in broken)
            why = broken[0][2]
            self._troubles.add(
                "skipped", f"日志有无法读取的记录，已跳过：{why}", f"unreadable entries were skipped: {why}", count
            )

    async def wait_beyond(self, positions: Mapping[str, int], *, calling: bool = False) -> None:
        """Return once any stream's head is beyond its position; `calling`: by an entry with effects, or by many."""
        await self._memory.wait_beyond(positions, calling=calling)

    async def history(self, stream: str, *, before: int | None = None, most: int = 100) -> list[JournalEntry]:
        """Archived entries (alarms, what people did, what became of messages) before a seq, newest first."""
        limit = (1 << 62) if before is None else before
        newest = self._memory.held_history(stream, limit, most)
        if self._writer is None or len(newest) >= most:
            return newest
        committed = min(limit, self._memory.committed(stream) + 1)
        found, broken = await self._run(lambda store: queries.history(store, stream, committed, most - len(newest)))
        self._skipped(broken)
        return newest + found

    async def snapshots(self, stream: str) -> list[tuple[int, bytes]]:
        """The snapshots that are kept of a stream (two at the most), oldest first."""
        return [] if self._writer is None else await self._run(lambda store: queries.snapshots(store, stream))

    # --- cursors -------------------------------------------------------------------------------

    def cursor(self, destination: str, stream: str) -> int:
        """The seq up to which this destination is done with this stream (0 at first); asking registers it."""
        return self._memory.cursors.get(destination, stream)

    def advance(self, destination: str, stream: str, seq: int) -> None:
        """Note a new cursor (it never goes back; `rewind` does that). On disk with a commit, or within a second."""
        if seq > self._memory.cursors.get(destination, stream):
            self._move(destination, stream, seq)

    def rewind(self, destination: str, stream: str, seq: int) -> None:
        """Let a destination read again from behind `seq`: to rebuild a view from the journal."""
        self._move(destination, stream, seq)

    def _move(self, destination: str, stream: str, seq: int) -> None:
        self._memory.cursors.set(destination, stream, seq)
        if self._flushing is None and self._writer is not None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush_cursors())

    async def _flush_cursors(self) -> None:
        try:
            while self._memory.cursors.changed:
                await self._clock.sleep(CURSOR_FLUSH_S if self._failing is None else RETRY_AFTER_S)
                try:
                    await self._send((), {}, cursors=True)
                except JournalUnavailable:
                    continue  # counted in _settle; who commits is told, and the cursors go with the next commit
        finally:
            self._flushing = None

    async def forget(self, destinations: Collection[str]) -> None:
        """Drop the cursors of destinations that are no more: they would keep the journal from being pruned."""
        for destination in destinations:
            self._memory.cursors.forget(destination)
        if self._writer is not None:
            await self._run(lambda store: queries.forget(store, destinations))

    # --- keeping house -------------------------------------------------------------------------

    async def prune(self, now: datetime) -> Pruned:
        """Take out what is old or too much (see Budget), in small steps between the commits."""
        if self._writer is None:
            return Pruned()
        pruned = await housekeeping.prune(self._run, self._budget, self._memory.cursors.on_disk(), now)
        gone = pruned.thinned + pruned.alarms_dropped
        if gone:
            self._thinned += gone
            self._troubles.add(
                "thinned",
                f"日志超出容量，{self._thinned} 条记录在送出前已删除",
                f"the journal is beyond its budget: {self._thinned} entries went before every destination had them",
                gone,
            )
        return pruned

    async def quarantine(self, stream: str, at: datetime, source: str, reason: str, payload: bytes) -> str:
        """Keep the bytes of something that could not be decided or decoded; its id. Never raises: if the disk refuses,
        the bytes are given up, counted as a trouble, and the id stands in the journal alone.
        """
        return await self._quarantine.keep(stream, at, source, reason, payload, self._failing)

    async def quarantined(self, most: int = 100) -> list[Quarantined]:
        """What lies in quarantine, newest first."""
        return [] if self._writer is None else await self._quarantine.newest(most)

    async def _run(self, work: Callable[[Store], Result]) -> Result:
        if self._writer is None:
            raise JournalUnavailable(self._dead or "日志已关闭 the journal is closed")
        try:
            return await self._writer.run(work)
        except sqlite3.Error as error:
            raise JournalUnavailable(words_for(error, self._path.name)) from error

    # --- what it says of itself ----------------------------------------------------------------

    @property
    def dead(self) -> str | None:
        """Why there is no journal at all in this run, or None."""
        return self._dead

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What people must know, one of each kind, with the newest words."""
        return self._troubles.all()

    def lost(self, stream: str) -> int:
        """How many entries of this stream never reached the disk, in this run."""
        return self._memory.held.lost.get(stream, 0)

    def stats(self) -> RecordStats:
        """The journal's numbers, now."""
        store, held = self._store, self._memory.held
        return RecordStats(
            file_bytes=file_bytes(self._path),
            segment_bytes=store.segment_bytes if store else 0,
            segments=store.segments if store else 0,
            entries=store.entries if store else 0,
            commits=self._commits,
            commit_failures=self._failures,
            commit_p50_s=self._latencies.quantile(0.5),
            commit_p99_s=self._latencies.quantile(0.99),
            held=held.count,
            held_bytes=held.bytes,
            lost=sum(held.lost.values()),
            thinned=self._thinned,
            tail=self._memory.tail.count,
            reads_from_disk=self._disk_reads,
        )

    async def limit_pages(self, most: int | None) -> None:
        """For tests: the disk is full at this many pages of the file (None: as large as the disk lets it grow)."""
        await self._run(lambda store: store.limit_pages(most))

    async def run_statements(self, *statements: str) -> None:
        """For tests: run statements on the open file (`PRAGMA query_only=1` makes it read-only)."""
        await self._run(lambda store: store.run(statements))
