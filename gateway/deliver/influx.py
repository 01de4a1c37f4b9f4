"""The way into the time-series store: a reader of the journal with one cursor per stream.

Batches of lines go out up to `in_flight` at once; a cursor moves over a batch only when it and all before it are
done, so whatever is not known to be stored is written again (which is harmless: a row is a function of the
journal). While the store is away or misconfigured nothing is read ahead of the batches in hand: the journal is
the queue. With `lag_s` (VictoriaMetrics loses the last 10 s that it acknowledged when it crashes) a batch is done
only that long after its 204, and only if the server has not restarted since; else all from the cursors on is
written again.
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import structlog

from gateway.clock import Clock
from gateway.deliver.influx_post import Poster, PostResult, Verdict, open_poster
from gateway.deliver.line_protocol import LineBuilder
from gateway.record.record import JournalEntry, JournalUnavailable, Record
from gateway.settings import Influx
from rules.site import Site

READ_MAX: Final = 256
"""Entries read in one go under a flood: the deciding task takes at most as many a turn, so that the store is not
left behind."""
READ_FEW: Final = 24
"""Entries read in one go otherwise: an alarm on its way passes the loop some six times, and waits each time for what
is being turned into lines (measured with 256 at 2,000 packets a second: 2.5 ms each time, p99 of the alarms 16 ms)."""
FLOOD: Final = 8192
"""Entries not yet read from which on there is a flood."""
RECALLED: Final = 1024
"""Entries before the cursor that are looked at again after a start, for the nudges of event rows."""
SPLIT_POSTS_MAX: Final = 200
"""Posts spent on finding the refused lines of one batch: enough for 15 bad lines anywhere among 5,000."""
BACK_OFF_FIRST_S: Final = 0.5
BACK_OFF_MAX_S: Final = 30.0
TRIES_BEFORE_TROUBLE: Final = 3
UNREADABLE_PAUSE_S: Final = 5.0
_QUARANTINED_MAX: Final = 64 * 1024

_DROPPED: Final = re.compile(r"dropped=(\d{1,9})")

_log = structlog.get_logger(__name__)


class _Place(msgspec.Struct):
    """How far a stream is read, and the site that its devices are found in from there on."""

    seq: int
    builder: LineBuilder


class _Batch(msgspec.Struct):
    """Lines of several streams on their way, and where each stream stands behind them.

    `starts` and `owners` tell from which line on the lines belong to which stream.
    """

    lines: list[str]
    starts: list[int]
    owners: list[str]
    reached: dict[str, tuple[int, Site]]
    stored_at: float | None = None

    def owner(self, line: int) -> str:
        """The stream of a line."""
        return self.owners[bisect_right(self.starts, line) - 1]


class InfluxWriter:
    """Keeps a time-series store up to date from the journal. `run` never returns; cancel it to stop.

    `report_link(link, up, detail)` is told when the store takes nothing (and why, with what to mend) and when it
    does again. `counts` are totals since the start: rows, stored, posts, retries, refused, quarantined, expired,
    rewinds and what LineBuilder left out.
    """

    def __init__(
        self,
        settings: Influx,
        record: Record,
        streams: Sequence[str],
        sites: Callable[[str], Site],
        clock: Clock,
        report_link: Callable[[str, bool, str], None],
        *,
        jitter: Callable[[], float] = lambda: 0.5,
        poster: Poster | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._record = record
        self._clock = clock
        self._report_link = report_link
        self._jitter = jitter
        self._poster = poster
        self._sites = {stream: sites(stream) for stream in streams}
        self._places: dict[str, _Place] = {}
        self._ledger: deque[_Batch] = deque()
        self._slots = asyncio.Semaphore(settings.in_flight)
        self._one_at_a_time = asyncio.Lock()
        self._in_trouble = False
        self._failures = 0
        self._reported: tuple[bool, str] | None = None
        self._rewind_due = True  # at first to the cursors
        self._reached_before = False
        self._started_mark = ""

    async def run(self) -> None:
        """Read, write and move the cursors until cancelled."""
        poster = self._poster = self._poster or open_poster(self._settings)
        try:
            async with asyncio.TaskGroup() as group:
                if self._settings.lag_s:
                    self._started_mark = await poster.started_mark()
                    group.create_task(self._watch_lag(poster))
                await self._read_for_ever(group, poster)
        finally:
            await poster.aclose()

    # Reading

    async def _read_for_ever(self, group: asyncio.TaskGroup, poster: Poster) -> None:
        while True:
            await self._slots.acquire()
            try:
                if self._rewind_due:
                    await self._rewind()
                batch = await self._gather()
            except JournalUnavailable as error:
                # The journal's own trouble is raised by who writes it; the store has to wait for it.
                self.counts["unreadable"] += 1
                _log.warning("influx_journal_unreadable", store=self._settings.name, reason=str(error))
                self._slots.release()
                await self._clock.sleep(UNREADABLE_PAUSE_S)
                continue
            if batch is None:
                self._slots.release()
                await self._wait()
                continue
            self._ledger.append(batch)
            group.create_task(self._write(poster, batch))
            if len(batch.lines) < self._settings.batch:
                await self._rest()

    async def _rest(self) -> None:
        """Let rows gather for `every_s`, but not beyond a full batch: what the journal's memory loses costs a reading
        from the disk.
        """
        full = {stream: place.seq + self._settings.batch for stream, place in self._places.items()}
        filling = asyncio.ensure_future(self._record.wait_beyond(full))
        resting = asyncio.ensure_future(self._clock.sleep(self._settings.every_s))
        try:
            await asyncio.wait({filling, resting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            filling.cancel()
            resting.cancel()

    async def _wait(self) -> None:
        """Return when there is more to read, or a rewind is due."""
        positions = {stream: place.seq for stream, place in self._places.items()}
        if not self._settings.lag_s:
            await self._record.wait_beyond(positions)
            return
        # With a lag a rewind may come while the journal is quiet.
        waiting = asyncio.ensure_future(self._record.wait_beyond(positions))
        try:
            while not waiting.done() and not self._rewind_due:
                await asyncio.wait({waiting}, timeout=self._settings.every_s)
            if waiting.done():
                await waiting
        finally:
            waiting.cancel()

    async def _gather(self) -> _Batch | None:
        """A batch of what the streams have beyond their places, taken in turns; None if there is nothing.

        Where there is nothing to read below the head, those entries were lost (unreadable, or pushed out of memory
        while the disk was full): they are passed by.
        """
        batch = _Batch([], [], [], {})
        lines = batch.lines
        more = True
        while more and len(lines) < self._settings.batch:
            more = False
            for stream, place in self._places.items():
                room = self._settings.batch - len(lines)
                head = self._record.head(stream)
                if room <= 0 or head <= place.seq:
                    continue
                try:
                    most = READ_MAX if head - place.seq >= FLOOD else READ_FEW
                    entries = await self._record.read(stream, place.seq, min(most, room))
                except JournalUnavailable:
                    if batch.reached:
                        return batch  # what was read goes out; the next reading says it again
                    raise
                if self._rewind_due:
                    return None
                more = True
                batch.starts.append(len(lines))
                batch.owners.append(stream)
                for entry in entries:
                    place.builder.add(entry, lines)
                place.seq = entries[-1].seq if entries else head
                batch.reached[stream] = (place.seq, place.builder.site)
                await asyncio.sleep(0)  # the journal's memory answers without a pause: alarms go first
        return batch if batch.reached else None

    async def _rewind(self) -> None:
        """Read from the cursors on (again), but never beyond a head: a cursor may outlive entries that were held."""
        places: dict[str, _Place] = {}
        for stream, site in self._sites.items():
            cursor = min(self._record.cursor(self._settings.name, stream), self._record.head(stream))
            builder = LineBuilder(site, self.counts)
            for entry in await self._before(stream, cursor):
                builder.recall(entry)
            places[stream] = _Place(cursor, builder)
        self.counts["rewinds"] += bool(self._places)
        self._rewind_due = self._reached_before = False
        self._ledger.clear()
        self._places = places

    async def _before(self, stream: str, cursor: int) -> list[JournalEntry]:
        entries: list[JournalEntry] = []
        after = max(0, cursor - RECALLED)
        while after < cursor:
            read = await self._record.read(stream, after, min(READ_MAX, cursor - after))
            if not read:
                break
            entries.extend(entry for entry in read if entry.seq <= cursor)
            after = read[-1].seq
        return entries

    # Writing

    async def _write(self, poster: Poster, batch: _Batch) -> None:
        try:
            if batch.lines:
                await self._store(poster, batch)
        finally:
            self._slots.release()
        batch.lines = []
        batch.stored_at = self._clock.monotonic()
        if not self._settings.lag_s:
            self._move_cursors()

    async def _store(self, poster: Poster, batch: _Batch) -> None:
        """Have every line of the batch stored, or kept aside because the store refuses it. Bounded work on refusals."""
        pieces = [(0, len(batch.lines))]
        posts = 0
        while pieces:
            first, end = pieces.pop()
            result = await self._post(poster, "\n".join(batch.lines[first:end]).encode())
            posts += 1
            if result.verdict is Verdict.STORED:
                self.counts["stored"] += end - first
            elif result.verdict is Verdict.EXPIRED:
                # Older than the store keeps: it would be deleted anyway. The others of the piece are stored.
                dropped = _DROPPED.search(result.detail)
                self.counts["expired"] += int(dropped[1]) if dropped else end - first
                _log.warning("influx_rows_expired", store=self._settings.name, answer=result.detail)
            elif end - first > 1 and posts < SPLIT_POSTS_MAX:
                middle = (first + end) // 2
                pieces += [(middle, end), (first, middle)]
            else:
                await self._keep_aside(batch, first, end, result.detail)

    async def _keep_aside(self, batch: _Batch, first: int, end: int, answer: str) -> None:
        """Put refused lines into quarantine and go on: the good ones among them are stored already."""
        self.counts["refused"] += end - first
        kept: list[str] = []
        for stream, payload in _payloads(batch, first, end):
            try:
                kept.append(
                    await self._record.quarantine(
                        stream, self._clock.now(), f"destination:{self._settings.name}", answer, payload
                    )
                )
                self.counts["quarantined"] += 1
            except JournalUnavailable as error:
                kept.append(f"not kept: {error}")  # the entries are in the journal; the stream must go on
                self.counts["not_kept"] += 1
        _log.warning("influx_lines_refused", store=self._settings.name, lines=end - first, answer=answer, kept=kept)

    async def _post(self, poster: Poster, body: bytes) -> PostResult:
        """Post until there is an answer about the lines. In trouble one post at a time probes for all."""
        while True:
            if self._in_trouble:
                async with self._one_at_a_time:
                    result = await self._post_once(poster, body)
                    if self._in_trouble:
                        await self._back_off(result)
                        continue
            else:
                result = await self._post_once(poster, body)
                if result.verdict in (Verdict.TRY_AGAIN, Verdict.MISCONFIGURED):
                    continue
            return result

    async def _post_once(self, poster: Poster, body: bytes) -> PostResult:
        self.counts["posts"] += 1
        result = await poster.post(body)
        if result.verdict in (Verdict.TRY_AGAIN, Verdict.MISCONFIGURED):
            self.counts["retries"] += 1
            self._failures += 1
            self._in_trouble = True
            if not result.reached and self._reached_before and self._settings.lag_s:
                self._rewind_due = True
            if result.verdict is Verdict.MISCONFIGURED or self._failures >= TRIES_BEFORE_TROUBLE:
                self._tell(False, result.detail)
            return result
        self._reached_before = True
        self._in_trouble = False
        self._failures = 0
        self._tell(True, "")
        return result

    async def _back_off(self, result: PostResult) -> None:
        """Wait as long as the server asked for, or longer with every failure, never in step with other gateways."""
        doubled = BACK_OFF_FIRST_S * 2.0 ** min(self._failures - 1, 10)
        seconds = min(doubled, BACK_OFF_MAX_S) * (0.5 + self._jitter())
        await self._clock.sleep(max(seconds, result.retry_after))

    def _tell(self, up: bool, detail: str) -> None:
        if self._reported != (up, detail):
            self._reported = (up, detail)
            self._report_link(self._settings.name, up, detail)

    # Cursors

    def _move_cursors(self, stored_before: float | None = None) -> None:
        """Move the cursors over the done batches at the head of the ledger."""
        while self._ledger:
            stored_at = self._ledger[0].stored_at
            if stored_at is None or (stored_before is not None and stored_at > stored_before):
                return
            batch = self._ledger.popleft()
            for stream, (seq, site) in batch.reached.items():
                self._record.advance(self._settings.name, stream, seq)
                self._sites[stream] = site

    async def _watch_lag(self, poster: Poster) -> None:
        """Count batches as done `lag_s` after their 204, as long as the server is the one that took them."""
        pause_s = min(max(self._settings.lag_s / 6, 0.05), 10.0)
        while True:
            await self._clock.sleep(pause_s)
            if not self._ledger:
                continue
            asked_at = self._clock.monotonic()
            mark = await poster.started_mark()
            if mark and mark != self._started_mark:
                self._rewind_due = self._rewind_due or self._reached_before
            unknown = not mark and bool(self._started_mark)
            self._started_mark = mark or self._started_mark
            if not (self._rewind_due or self._in_trouble or unknown):
                self._move_cursors(stored_before=asked_at - self._settings.lag_s)


def _payloads(batch: _Batch, first: int, end: int) -> Iterator[tuple[str, bytes]]:
    """The lines from `first` to before `end` as payloads of one stream each, none much larger than 64 KiB."""
    start = first
    size = 0
    for number in range(first, end):
        size += len(batch.lines[number])
        last = number + 1 == end
        if last or size >= _QUARANTINED_MAX or batch.owner(number + 1) != batch.owner(start):
            yield batch.owner(start), "\n".join(batch.lines[start : number + 1]).encode()
            start, size = number + 1, 0
