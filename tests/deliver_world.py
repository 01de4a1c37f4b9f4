"""A small world for couriers: a manual clock, a journal in memory that can crash, and effects to carry."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.deliver.destination import SendResult
from gateway.inbox import Decision
from gateway.record.record import JournalEntry, StreamHead
from rules.alarm import Alarm, Category
from rules.effects import AlarmChanged, AnyEffect, Change, Notify
from rules.incident import Incident
from rules.inputs import AnyInput, LinkChanged, Outcome, SendReported, TimePassed
from rules.text import Text

START = datetime(2026, 11, 22, 0, 15, 30, tzinfo=UTC)


class ManualClock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def wall(self) -> datetime:
        return self.now()

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self._count += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.elapsed + seconds, self._count, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Move on, waking sleepers in their order and letting what they do settle."""
        end = self.elapsed + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.elapsed, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await settle()
        self.elapsed = end
        await settle()


async def settle(rounds: int = 60) -> None:
    """Let everything that can run without time passing run."""
    for _ in range(rounds):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait in real time for a condition."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  conditions of other processes raise no event
            await asyncio.sleep(0.005)


class CrashPoint:
    """A place in the code where the world stops: whoever gets there never leaves, and the test is told."""

    def __init__(self, name: str = "", message: str = "") -> None:
        self.name = name
        self.message = message
        self.reached = asyncio.Event()

    async def passing(self, name: str, message: str) -> None:
        await asyncio.sleep(0)
        if name == self.name and message == self.message:
            self.reached.set()
            await asyncio.Event().wait()


class MemoryRecord:
    """A journal in memory. `after_crash` is what a new process would find: commits, and cursors as of the last one."""

    def __init__(self) -> None:
        self.entries: dict[str, list[JournalEntry]] = {}
        self.cursors: dict[tuple[str, str], int] = {}
        self.cursors_on_disk: dict[tuple[str, str], int] = {}
        self.held = 0
        self.reads = 0
        self.read_faults: list[Exception] = []
        self.lost: set[int] = set()
        self._grown = asyncio.Event()

    def after_crash(self) -> MemoryRecord:
        survivor = MemoryRecord()
        survivor.entries = {
            stream: entries[: len(entries) - self.held] if self.held else list(entries)
            for stream, entries in self.entries.items()
        }
        survivor.cursors = dict(self.cursors_on_disk)
        survivor.cursors_on_disk = dict(self.cursors_on_disk)
        return survivor

    def append(
        self, stream: str, effects: Sequence[AnyEffect] = (), said: AnyInput | None = None, *, durable: bool = True
    ) -> int:
        entries = self.entries.setdefault(stream, [])
        entry = JournalEntry(
            stream=stream,
            epoch=1,
            seq=len(entries) + 1,
            at=START,
            input=said or TimePassed(at=START),
            effects=tuple(effects),
        )
        entries.append(entry)
        if durable:
            self.held = 0
            self.cursors_on_disk = dict(self.cursors)
        else:
            self.held += 1
        self._grown.set()
        self._grown = asyncio.Event()
        return entry.seq

    async def open_stream(self, stream: str) -> StreamHead:
        return StreamHead(epoch=1, seq=self.head(stream), at=None)

    async def commit(
        self,
        entries: Sequence[JournalEntry],
        *,
        snapshots: Mapping[str, tuple[int, bytes]] | None = None,
        token: int = 0,
    ) -> None:
        for entry in entries:
            self.append(entry.stream, entry.effects, entry.input)

    def hold(self, entries: Sequence[JournalEntry]) -> None:
        for entry in entries:
            self.append(entry.stream, entry.effects, entry.input, durable=False)

    def head(self, stream: str) -> int:
        return len(self.entries.get(stream, ()))

    async def read(self, stream: str, after: int, most: int = 512) -> list[JournalEntry]:
        await asyncio.sleep(0)
        self.reads += 1
        if self.read_faults:
            raise self.read_faults.pop(0)
        found = [entry for entry in self.entries.get(stream, [])[after:] if entry.seq not in self.lost]
        return found[:most]

    async def wait_beyond(self, positions: Mapping[str, int], *, calling: bool = False) -> None:
        while not any(self.head(stream) > position for stream, position in positions.items()):
            await self._grown.wait()

    def cursor(self, destination: str, stream: str) -> int:
        return self.cursors.get((destination, stream), 0)

    def advance(self, destination: str, stream: str, seq: int) -> None:
        assert seq >= self.cursor(destination, stream), "a cursor never goes back"
        assert seq <= self.head(stream)
        self.cursors[(destination, stream)] = seq

    async def quarantine(self, stream: str, at: datetime, source: str, reason: str, payload: bytes) -> str:
        raise AssertionError("couriers quarantine nothing")


class Desk:
    """The inbox and the one who decides, in one: every report becomes an entry of the journal."""

    def __init__(self, record: MemoryRecord, clock: ManualClock, crash: CrashPoint | None = None) -> None:
        self.record = record
        self.clock = clock
        self.crash = crash or CrashPoint()
        self.durable = True
        self.reports: list[SendReported] = []
        self.links: list[tuple[str, str, bool, str]] = []

    async def submit(self, home: str, make: Callable[..., AnyInput]) -> Decision:
        said = make(self.clock.now())
        message = said.message if isinstance(said, SendReported) else ""
        await self.crash.passing("report submitted", message)
        seq = self.record.append(home, (), said, durable=self.durable)
        if isinstance(said, SendReported):
            self.reports.append(said)
        elif isinstance(said, LinkChanged):
            self.links.append((home, said.link, said.up, said.detail))
        await self.crash.passing("report on disk", message)
        return Decision(seq=seq, effects=(), durable=self.durable)

    def finals(self, message: str) -> list[SendReported]:
        return [report for report in self.reports if report.message == message and report.final]


class Phone:
    """A destination that notes what it is handed. `answers[message]` is a list of results or exceptions, in order."""

    def __init__(self, name: str = "phone", crash: CrashPoint | None = None) -> None:
        self._name = name
        self.crash = crash or CrashPoint()
        self.handed: list[str] = []
        self.answers: dict[str, list[SendResult | Exception]] = {}
        self.at_once = 0
        self.at_once_most = 0
        self.hold: asyncio.Event | None = None

    @property
    def name(self) -> str:
        return self._name

    def takes(self, effect: AnyEffect) -> bool:
        if isinstance(effect, Notify):
            return effect.channel == self._name
        return isinstance(effect, AlarmChanged)

    async def send(self, effect: AnyEffect, key: str) -> SendResult:
        self.at_once += 1
        self.at_once_most = max(self.at_once_most, self.at_once)
        try:
            await self.crash.passing("before the hand-over", key)
            self.handed.append(key)
            await self.crash.passing("handed over", key)
            if self.hold is not None:
                await self.hold.wait()
            answers = self.answers.get(key)
            answer = answers.pop(0) if answers else SendResult(Outcome.ACCEPTED)
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            self.at_once -= 1


def alarm(number: int = 1, category: Category = Category.FIRE, home: str = "h1", **changes: Any) -> Alarm:
    fields: dict[str, Any] = {
        "id": f"{home}:1:{number}",
        "rule": "smoke",
        "subject": "smoke-101",
        "zone": "east-1",
        "category": category,
        "priority": 1,
        "title": Text("感烟探测器报警", "Smoke alarm"),
        "raised_at": START,
        "incident": f"{home}:1:{number}.i",
    }
    return Alarm(**{**fields, **changes})


def incident(number: int = 1, category: Category = Category.FIRE, home: str = "h1", **changes: Any) -> Incident:
    fields: dict[str, Any] = {
        "id": f"{home}:1:{number}.i",
        "home": home,
        "zone": "east-1",
        "category": category,
        "opened_at": START,
        "alarms": (f"{home}:1:{number}",),
    }
    return Incident(**{**fields, **changes})


def notify(message: str, category: Category = Category.FIRE, **changes: Any) -> Notify:
    fields: dict[str, Any] = {
        "at": START,
        "message": message,
        "person": "wang",
        "channel": "phone",
        "address": "wang-topic",
        "alarm": alarm(category=category),
        "incident": incident(category=category),
    }
    return Notify(**{**fields, **changes})


def changed(number: int = 1, change: Change = Change.RAISED, **changes: Any) -> AlarmChanged:
    return AlarmChanged(at=START, alarm=alarm(number, **changes), change=change)
