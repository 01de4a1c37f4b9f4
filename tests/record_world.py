"""What the journal's tests share: a clock moved by hand, entries of every weight, a journal in a directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devices.reading import Reading, Report
from gateway.record.journal import Budget, SqliteRecord
from gateway.record.record import JournalEntry
from rules.alarm import Alarm, Category
from rules.effects import AlarmChanged, Change
from rules.inputs import ReadingsArrived
from rules.text import Text

HOME = "home-a"
BEGIN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class ManualClock:
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self._seconds = 1000.0
        self._sleeping: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self._seconds)

    def wall(self) -> datetime:
        return self.now()

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._seconds += seconds
        for due, future in self._sleeping:
            if due <= self._seconds and not future.done():
                future.set_result(None)
        self._sleeping = [one for one in self._sleeping if not one[1].done()]

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping.append((self._seconds + seconds, future))
        await future


def at_seq(seq: int) -> datetime:
    return BEGIN + timedelta(seconds=seq, microseconds=123)


def telemetry(seq: int, stream: str = HOME, epoch: int = 1, readings: int = 1, filler: str = "") -> JournalEntry:
    names = ("temperature", "humidity", "battery", "lqi", "voltage.a", "current.a")
    values = tuple(Reading(names[i], 20.0 + i + seq % 7) for i in range(readings))
    report = Report(f"smoke-{seq % 500}" + filler, values, None, (), seq * 1000)
    return JournalEntry(
        stream, epoch, seq, at_seq(seq), ReadingsArrived(at=at_seq(seq), source="zigbee", reports=(report,))
    )


def alarm_entry(
    seq: int, stream: str = HOME, epoch: int = 1, category: Category = Category.FIRE, filler: str = ""
) -> JournalEntry:
    at = at_seq(seq)
    alarm = Alarm(
        id=f"{stream}:{epoch}:{seq}",
        rule="smoke",
        subject=f"smoke-{seq}",
        zone="ward-1",
        category=category,
        priority=1,
        title=Text("火警", "fire"),
        raised_at=at,
        detail=filler,
    )
    spoken = Report(f"smoke-{seq}", (Reading("smoke.alarm", category is Category.FIRE),))
    happened = ReadingsArrived(at=at, source="zigbee", reports=(spoken,))
    return JournalEntry(stream, epoch, seq, at, happened, (AlarmChanged(at=at, alarm=alarm, change=Change.RAISED),))


def seqs(entries: list[JournalEntry]) -> list[int]:
    return [entry.seq for entry in entries]


@asynccontextmanager
async def journal(
    directory: Path, clock: ManualClock | None = None, *, streams: tuple[str, ...] = (HOME,), **budget: float
) -> AsyncIterator[SqliteRecord]:
    record = await SqliteRecord.open(
        directory / "journal.db",
        clock=clock or ManualClock(),
        budget=Budget(**budget),  # type: ignore[arg-type]
    )
    try:
        for stream in streams:
            await record.open_stream(stream)
        yield record
    finally:
        await record.close()


async def break_disk(record: SqliteRecord) -> None:
    await record.run_statements("PRAGMA query_only=1")


async def mend_disk(record: SqliteRecord) -> None:
    await record.run_statements("PRAGMA query_only=0")
