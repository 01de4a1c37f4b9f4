"""The replay: a journal's inputs run through the engine again, and every difference in effects reported."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol, Self

import msgspec

from gateway.clock import Clock
from gateway.record.faults import words_for
from gateway.record.record import JournalEntry, JournalUnavailable
from gateway.record.segments import read_entries
from gateway.record.store import SEGMENTS_BEYOND, StoredSegment
from gateway.record.wire import encode_effects
from rules.effects import AnyEffect, IncidentChanged, Notify
from rules.inputs import AnyInput

READ_MOST: Final = 512
SHOWN_MAX: Final = 2000  # characters of effects that a difference shows


class Engine(Protocol):
    """What is replayed: a pure function of its inputs. `seq` is the last one's, `epoch` stands in the ids it gives."""

    seq: int
    epoch: int

    def step(self, happened: AnyInput, /) -> tuple[AnyEffect, ...]: ...


class Journal(Protocol):
    """What a replay reads from: an open record, or a file."""

    async def read(self, stream: str, after: int, most: int = 512) -> list[JournalEntry]: ...

    async def snapshots(self, stream: str) -> list[tuple[int, bytes]]: ...


class Difference(msgspec.Struct, frozen=True):
    """One entry whose effects came out otherwise; `expected` and `got` are the wire's form, cut."""

    seq: int
    at: datetime
    input: str
    expected: str
    got: str


class Gap(msgspec.Struct, frozen=True):
    """Seqs that the journal does not have. `resumed_at` is the snapshot behind it, 0 if there was none."""

    first: int
    last: int
    resumed_at: int


class ReplayReport(msgspec.Struct, kw_only=True):
    """What a replay found. `same` is only true if every entry in reach was compared and came out alike."""

    stream: str
    started_at: int = 0
    ended_at: int = 0
    compared: int = 0
    different: int = 0
    skipped: int = 0
    differences: list[Difference] = []
    gaps: list[Gap] = []
    troubles: list[str] = []
    seconds: float = 0.0

    @property
    def same(self) -> bool:
        return not (self.different or self.troubles)

    @property
    def entries_a_second(self) -> float:
        return self.compared / self.seconds if self.seconds > 0 else 0.0

    def lines(self) -> list[str]:
        """The report in words."""
        found = [
            f"{self.stream}: {self.compared} entries ({self.started_at + 1} to {self.ended_at}), "
            f"{self.different} different, {self.skipped} skipped, {self.entries_a_second:.0f} entries/s"
        ]
        for gap in self.gaps:
            behind = f"went on from the snapshot at {gap.resumed_at}" if gap.resumed_at else "no snapshot behind it"
            found.append(f"gap: {gap.first} to {gap.last} are not in the journal; {behind}")
        found += self.troubles
        for one in self.differences:
            found.append(
                f"seq {one.seq} {one.at.isoformat()} {one.input}\n  journal: {one.expected}\n  engine:  {one.got}"
            )
        if self.different > len(self.differences):
            found.append(f"… and {self.different - len(self.differences)} more differences")
        return found


async def replay(
    source: Journal | Path,
    stream: str,
    engine_factory: Callable[[], Engine],
    restore: Callable[[bytes], Engine],
    *,
    clock: Clock,
    start: int | None = None,
    differences_max: int = 100,
) -> ReplayReport:
    """Run a stream's inputs through an engine and compare its effects entry by entry with the journal's.

    `start` None begins at the newest snapshot, 0 at the beginning of the stream (a fresh engine), any other seq at
    the newest snapshot at or before it. Behind a gap it goes on from the first snapshot that covers it.
    """
    if isinstance(source, Path):
        with JournalFile(source) as file:
            return await replay(
                file, stream, engine_factory, restore, clock=clock, start=start, differences_max=differences_max
            )
    return await _Replay(source, stream, restore, differences_max).run(engine_factory, start, clock)


class _Replay:
    """One replay under way."""

    def __init__(self, source: Journal, stream: str, restore: Callable[[bytes], Engine], differences_max: int) -> None:
        self._source = source
        self._stream = stream
        self._restore = restore
        self._differences_max = differences_max
        self._engine: Engine | None = None
        self._position = 0  # where the engine stands
        self._seen = 0  # how far the journal was read
        self._snapshots: list[tuple[int, bytes]] = []
        self.report = ReplayReport(stream=stream)

    async def run(self, engine_factory: Callable[[], Engine], start: int | None, clock: Clock) -> ReplayReport:
        began = clock.monotonic()
        self._snapshots = await self._source.snapshots(self._stream)
        usable = [one for one in self._snapshots if start is None or one[0] <= start]
        if usable and start != 0:
            self._resume(*usable[-1])
        else:
            self._engine = engine_factory()
        self.report.started_at = self._position
        self._seen = self._position
        while entries := await self._source.read(self._stream, self._seen, READ_MOST):
            for entry in entries:
                self._take(entry)
        self.report.ended_at = self._seen
        self.report.troubles += [words for _, _, words in getattr(self._source, "broken", ())]
        self.report.seconds = clock.monotonic() - began
        return self.report

    def _resume(self, seq: int, body: bytes) -> None:
        self._engine = self._restore(body)
        self._position = seq
        if self._engine.seq != seq:
            self.report.troubles.append(f"the snapshot at {seq} restores an engine at seq {self._engine.seq}")

    def _take(self, entry: JournalEntry) -> None:
        """Compare one entry, or step over it where no engine can say what it should have asked for."""
        if entry.seq != self._seen + 1:
            self._cross(self._seen + 1, entry.seq - 1)
        self._seen = entry.seq
        if self._engine is None or entry.seq <= self._position:
            self.report.skipped += 1
            return
        self._position = entry.seq
        self.report.compared += 1
        self._engine.epoch = entry.epoch
        try:
            effects = tuple(self._engine.step(entry.input))
            got = encode_effects(effects)
        except Exception as error:  # noqa: BLE001 - poison: the shell kept it from the stream, so it is a difference
            got = f"raised {error!r}".encode()
            self._engine.seq = entry.seq  # as the gateway's own boot goes on
        expected = encode_effects(entry.effects)
        if got != expected:
            expected = encode_effects([_as_now_written(effect) for effect in entry.effects])
        if got != expected:
            self._differ(entry, expected, got)
        elif self._engine.seq != entry.seq:
            self._differ(entry, expected, f"same effects, but the engine stands at seq {self._engine.seq}".encode())

    def _cross(self, first: int, last: int) -> None:
        """Note a gap and go on from the first snapshot that covers it; without one, there is no engine from here on."""
        behind = next((one for one in self._snapshots if one[0] >= last), None)
        self.report.gaps.append(Gap(first, last, behind[0] if behind else 0))
        if behind is None:
            self._engine = None
        elif behind[0] > self._position:
            self._resume(*behind)

    def _differ(self, entry: JournalEntry, expected: bytes, got: bytes) -> None:
        self.report.different += 1
        if len(self.report.differences) < self._differences_max:
            shown = [part.decode(errors="replace")[:SHOWN_MAX] for part in (expected, got)]
            self.report.differences.append(Difference(entry.seq, entry.at, type(entry.input).__name__, *shown))


def _as_now_written(effect: AnyEffect) -> AnyEffect:
    """An effect as this program writes it: earlier ones listed all the alarms of an incident."""
    if isinstance(effect, (IncidentChanged, Notify)):
        return msgspec.structs.replace(effect, incident=effect.incident.bounded())
    return effect


class JournalFile:
    """A journal's file, read only: also while a gateway writes it. For commands, not for the running gateway."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        if not path.is_file():
            raise JournalUnavailable(f"日志不存在 no journal at {path}: check data_dir")
        try:
            self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        except sqlite3.Error as error:
            raise JournalUnavailable(words_for(error, path.name)) from error
        self.broken: list[tuple[int, int, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def _fetch(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise JournalUnavailable(words_for(error, self._name)) from error

    def _segments(self, stream: str, after: int, upto: int, most: int) -> list[StoredSegment]:
        return self._fetch(SEGMENTS_BEYOND, (stream, after + 1, upto, most))

    async def streams(self) -> list[str]:
        """The streams that have entries."""
        return [row[0] for row in self._fetch("SELECT DISTINCT stream FROM segment ORDER BY stream")]

    async def read(self, stream: str, after: int, most: int = 512) -> list[JournalEntry]:
        """Entries with seq > `after`, in order."""
        entries, broken = read_entries(self._segments, stream, after, 1 << 62, most)
        self.broken += broken
        return entries

    async def snapshots(self, stream: str) -> list[tuple[int, bytes]]:
        """The snapshots that are kept, oldest first."""
        rows = self._fetch("SELECT seq, body FROM snapshot WHERE stream=? ORDER BY seq", (stream,))
        return [(seq, body) for seq, body in rows]
