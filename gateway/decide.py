"""The one task that touches the engines: inbox -> step -> journal -> settle.

No input is settled and no effect leaves before the commit that holds both. The one exception (DESIGN section
2): while the journal cannot be written, what the engines ask for goes out from memory, telemetry is
acknowledged and counted as lost, and packets that carry an alarm stay unacknowledged, up to a bound.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import msgspec
import structlog

from gateway.clock import Clock
from gateway.inbox import Decision, Delivery, Inbox
from gateway.metrics import Metrics
from gateway.record.record import JournalEntry, JournalUnavailable, Record
from gateway.settings import Journal
from rules.bare import bare_effects
from rules.effects import AlarmChanged, AnyEffect
from rules.engine import Engine
from rules.inputs import AnyInput, EngineFaulted, LinkChanged, ReadingsArrived, TimePassed

log = structlog.get_logger("decide")

RETRY_WRITE_S = 1.0
TELL_LOST_S = 10.0
FAULTS_PER_MINUTE = 5
"""From the n-th faulting input of one device in a minute on, its packets are not tried but raised as faults at once."""

COMMITS_AHEAD = 1
"""Groups on their way to the disk while the next one is decided. What waits there goes into one transaction."""

Rebuild = Callable[[str], Awaitable[Engine]]


class _Writing(msgspec.Struct, eq=False):
    """A group on its way to the disk: what is in it, what each entry came of, and the journal's answer."""

    entries: list[JournalEntry]
    deliveries: list[Delivery]
    answer: asyncio.Future[None]


class Decider:
    """Drains the inbox into the engines, commits in groups, settles."""

    def __init__(
        self,
        engines: dict[str, Engine],
        inbox: Inbox,
        record: Record,
        clock: Clock,
        metrics: Metrics,
        settings: Journal,
        rebuild: Rebuild,
        on_commit: Callable[[], None],
        unsettled_max: int = 250,
    ) -> None:
        self.engines = engines
        self.shift_ms = 0
        self.progressed_at = clock.monotonic()
        self._inbox = inbox
        self._record = record
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._rebuild = rebuild
        self._on_commit = on_commit
        self._entries: list[JournalEntry] = []
        self._deliveries: list[Delivery] = []  # what each entry came of
        self._writing: deque[_Writing] = deque()
        self._broken: Exception | None = None
        self._urgent = False
        self._first_at = 0.0
        self._since_snapshot: dict[str, int] = {}
        self._fault: Exception | None = None
        self._fault_times: dict[tuple[str, str], deque[float]] = {}
        self._unwritten_since: float | None = None
        self._next_try = 0.0
        self._next_words = 0.0
        self._lost = 0
        self._gaps: set[str] = set()
        self._unsettled: deque[Delivery] = deque()
        self._unsettled_max = unsettled_max

    async def run(self) -> None:
        """Decide until cancelled."""
        while True:
            await self._inbox.wait(self._idle_s())
            await self._turn()

    async def turn(self) -> None:
        """Decide what waits and what is due, and commit if the group is full, old enough, or holds an effect."""
        await self._turn()
        await self._written()

    async def _turn(self) -> None:
        """One turn. Its commit may be on its way when it ends: what comes meanwhile is decided and goes behind."""
        at = self._clock.now()
        room = self._settings.group_max - len(self._entries)
        for delivery in self._inbox.take(max(room, 1)):
            if not self._decide(delivery, at):
                await self._set_aside(delivery, at)
        for home, engine in self.engines.items():
            due = engine.next_deadline()
            if due is not None and due <= at:
                passed = Delivery(home=home, make=lambda at: TimePassed(at=at))
                if not self._decide(passed, at):
                    await self._set_aside(passed, at)
        self.progressed_at = self._clock.monotonic()
        self._metrics.inbox_depth = self._inbox.depth
        retry = self._unwritten_since is not None and self._clock.monotonic() >= self._next_try
        if retry or (self._entries and self._group_is_done()):
            if self._unwritten_since is not None:
                await self.commit()
                return
            self._begin_commit()
        while len(self._writing) > COMMITS_AHEAD:
            await self._oldest_written()
        if self._broken is not None:
            raise self._broken

    def _group_is_done(self) -> bool:
        return (
            self._urgent
            or len(self._entries) >= self._settings.group_max
            or (self._clock.monotonic() - self._first_at) * 1000 >= self._settings.group_ms
        )

    def _idle_s(self) -> float | None:
        """How long to sleep if nothing comes: until the group is old enough, or something is due."""
        waits: list[float] = []
        if self._entries:
            waits.append(self._first_at + self._settings.group_ms / 1000 - self._clock.monotonic())
        if self._unwritten_since is not None:
            waits.append(self._next_try - self._clock.monotonic())
        due = min((due for e in self.engines.values() if (due := e.next_deadline()) is not None), default=None)
        if due is not None:
            waits.append((due - self._clock.now()).total_seconds())
        return min(waits) if waits else None

    # one input

    def _decide(self, delivery: Delivery, at: datetime) -> bool:
        """Step the engine with one input; False if it faulted, or is not to be tried: `_set_aside` is for those."""
        engine = self.engines[delivery.home]
        now = engine.now
        if now is not None and at < now:
            at = now
        if self._fault_times and self._faults_too_often(delivery):
            return False
        try:
            happened = delivery.make(at)
            effects = engine.step(happened)
        except Exception as fault:  # noqa: BLE001 - poison must not stop the stream (DESIGN section 6)
            self._fault = fault
            return False
        self._enter(delivery, engine, happened, effects)
        return True

    def _enter(
        self, delivery: Delivery, engine: Engine, happened: AnyInput, effects: tuple[AnyEffect, ...]
    ) -> None:
        entry = JournalEntry(delivery.home, engine.epoch, engine.seq, happened.at, happened, effects, self.shift_ms)
        if not self._entries:
            self._first_at = self._clock.monotonic()
        self._entries.append(entry)
        self._deliveries.append(delivery)
        self._metrics.inputs += 1
        if effects:
            self._metrics.effects += len(effects)
            self._urgent = True
        if delivery.decided is not None:
            self._urgent = True

    # poison

    def _faults_too_often(self, delivery: Delivery) -> bool:
        times = self._fault_times.get((delivery.home, delivery.device)) if delivery.device else None
        if not times:
            return False
        while times and self._clock.monotonic() - times[0] > 60.0:
            times.popleft()
        return len(times) >= FAULTS_PER_MINUTE

    async def _set_aside(self, delivery: Delivery, at: datetime) -> None:
        """An input made the engine raise: commit what came before it, rebuild the engine from the journal, say so."""
        fault, self._fault = self._fault, None
        if fault is None:
            await self._raise_fault(delivery, at, "its packets faulted repeatedly; not tried for a minute")
            return
        words = f"{type(fault).__name__}: {fault}"[:300]
        log.error("input faulted", home=delivery.home, device=delivery.device, error=words, exc_info=fault)
        await self.commit()
        self.engines[delivery.home] = await self._rebuild(delivery.home)
        times = self._fault_times.setdefault((delivery.home, delivery.device), deque(maxlen=FAULTS_PER_MINUTE))
        times.append(self._clock.monotonic())
        await self._raise_fault(delivery, at, words)

    async def _raise_fault(self, delivery: Delivery, at: datetime, words: str) -> None:
        """Set the input aside with its bytes; the engine raises the fault, and the danger its device watches for."""
        self._metrics.faults += 1
        home = delivery.home
        now = self.engines[home].now
        if now is not None and at < now:
            at = now
        fault_id = await self._record.quarantine(home, at, f"engine {delivery.device}", words, delivery.payload)
        happened = EngineFaulted(
            at=at, fault_id=fault_id, error=words, device=delivery.device, category=delivery.category
        )
        engine = self.engines[home]
        try:
            effects = engine.step(happened)
        except Exception as second:
            # The engine itself is broken: the shell raises the alarm.
            log.critical("the engine cannot take the fault either", home=home, exc_info=second)
            engine = self.engines[home] = await self._rebuild(home)
            engine.seq += 1
            effects = bare_effects(engine.site, engine.epoch, engine.seq, happened)
        self._enter(delivery, engine, happened, effects)

    # commits

    async def commit(self) -> None:
        """Write what was decided and settle it; if it cannot be written, let the effects go out all the same.

        Returns when this and every commit before it is over.
        """
        await self._written()
        self._begin_commit()
        await self._written()

    async def _written(self) -> None:
        while self._writing:
            await self._oldest_written()
        if self._broken is not None:
            raise self._broken

    async def _oldest_written(self) -> None:
        # Who is cancelled here must not cancel what is on its way to the disk. `_on_answer` is called before this.
        await asyncio.wait({self._writing[0].answer})

    def _begin_commit(self) -> None:
        entries, self._entries = self._entries, []
        deliveries, self._deliveries = self._deliveries, []
        self._urgent = False
        if self._unwritten_since is not None and self._clock.monotonic() < self._next_try:
            self._go_on_unwritten(entries, deliveries)
            return
        snapshots = self._snapshots_due(entries)
        for home in snapshots:
            self._since_snapshot[home] = 0
        try:
            answer = asyncio.ensure_future(self._record.commit(entries, snapshots=snapshots))
        except JournalUnavailable as refusal:
            answer = asyncio.get_running_loop().create_future()
            answer.set_exception(refusal)
        self._writing.append(_Writing(entries, deliveries, answer))
        answer.add_done_callback(self._on_answer)

    def _on_answer(self, _: asyncio.Future[None]) -> None:
        """Finish what is written, in the order in which it was sent, whatever comes first."""
        try:
            while self._writing and self._writing[0].answer.done():
                self._finish(self._writing.popleft())
        except Exception as fault:  # noqa: BLE001 - a fault of the program must end the deciding task, and at once
            self._broken = fault
            self._inbox.wake()

    def _finish(self, writing: _Writing) -> None:
        """One commit is over: settle its inputs, or let its effects go out all the same."""
        try:
            writing.answer.result()
        except JournalUnavailable as refusal:
            self._note_unwritten(str(refusal))
            self._go_on_unwritten(writing.entries, writing.deliveries)
            return
        self._metrics.commits += 1
        if self._unwritten_since is not None:
            self._note_written()
        for entry, delivery in zip(writing.entries, writing.deliveries, strict=True):
            self._settle(delivery)
            if delivery.decided is not None:
                _answer(delivery.decided, entry, durable=True)
        self._on_commit()

    def _snapshots_due(self, entries: list[JournalEntry]) -> Mapping[str, tuple[int, bytes]]:
        """Snapshots of the homes that have gone far enough, and of those whose journal has a gap."""
        for stream, count in Counter([entry.stream for entry in entries]).items():
            self._since_snapshot[stream] = self._since_snapshot.get(stream, 0) + count
        every = self._settings.snapshot_every
        homes = self._gaps | {home for home, count in self._since_snapshot.items() if count >= every}
        return {home: (self.engines[home].seq, self.engines[home].snapshot()) for home in sorted(homes)}

    def _settle(self, delivery: Delivery) -> None:
        if delivery.settle is not None:
            delivery.settle()
            self._metrics.acknowledged += 1

    # a journal that cannot be written

    def _note_unwritten(self, why: str) -> None:
        self._next_try = self._clock.monotonic() + RETRY_WRITE_S
        if self._unwritten_since is None:
            self._unwritten_since = self._clock.monotonic()
            self._lost = 0
            log.critical("the journal cannot be written", reason=why)
        if self._clock.monotonic() >= self._next_words:
            self._next_words = self._clock.monotonic() + TELL_LOST_S
            words = f"{why}. Alarms go out from memory; {self._lost} readings are lost so far"
            self._tell_all("journal", up=False, words=words)

    def _go_on_unwritten(self, entries: list[JournalEntry], deliveries: list[Delivery]) -> None:
        """Effects leave from memory; telemetry is settled and counted; alarm packets wait for the disk, bounded."""
        held = [entry for entry in entries if entry.effects or not isinstance(entry.input, ReadingsArrived)]
        self._record.hold(held)
        for entry in entries:
            self._gaps.add(entry.stream)
        for entry, delivery in zip(entries, deliveries, strict=True):
            if self._carries_alarm(entry) and len(self._unsettled) < self._unsettled_max and delivery.settle:
                self._unsettled.append(delivery)
            else:
                if delivery.settle is not None or delivery.payload:
                    self._lost += not entry.effects
                    self._metrics.lost += not entry.effects
                self._settle(delivery)
            if delivery.decided is not None:
                _answer(delivery.decided, entry, durable=False)
        self._metrics.unsettled = len(self._unsettled)
        self._on_commit()

    @staticmethod
    def _carries_alarm(entry: JournalEntry) -> bool:
        return any(
            isinstance(effect, AlarmChanged) and effect.alarm.category.endangers_people for effect in entry.effects
        )

    def _note_written(self) -> None:
        """The disk takes the journal again: acknowledge what was held back, and say what was lost."""
        self._unwritten_since = None
        self._next_words = 0.0
        self._gaps.clear()
        while self._unsettled:
            self._settle(self._unsettled.popleft())
        self._metrics.unsettled = 0
        words = f"the journal is written again; {self._lost} readings were lost while it was not"
        log.warning("journal written again", lost=self._lost)
        self._tell_all("journal", up=True, words=words)
        if self._lost:
            self._tell_all("journal-gap", up=False, words=words)
            self._tell_all("journal-gap", up=True, words=words)

    def _tell_all(self, link: str, *, up: bool, words: str) -> None:
        for home in self.engines:
            self._inbox.put(Delivery(home=home, make=lambda at: LinkChanged(at=at, link=link, up=up, detail=words)))


def _answer(decided: asyncio.Future[Decision], entry: JournalEntry, *, durable: bool) -> None:
    if not decided.done():
        decided.set_result(Decision(entry.seq, entry.effects, durable=durable))


STOP_LIMIT = timedelta(seconds=5)


async def stop(decider: Decider) -> None:
    """A clean stop: decide what waits, commit it with a snapshot of every home."""
    async with asyncio.timeout(STOP_LIMIT.total_seconds()):
        await decider.turn()
        decider._gaps.update(decider.engines)
        await decider.commit()
