"""One escalation on a manual clock, with the real engine and the real couriers, that stops dead wherever it is told to.

The journal is what a disk would hold, the phones are outside: what was handed over stays handed over. The sensor's
packet comes again until it is on disk, as a broker would send it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from gateway.deliver.destination import SendResult
from gateway.deliver.people import AGAIN, STOPPED, PeopleCourier
from gateway.inbox import Decision, Stamp
from gateway.metrics import Metrics
from gateway.record.record import JournalEntry
from rules.effects import AnyEffect, Notify
from rules.engine import Engine
from rules.inputs import AnyInput, OperatorActed, Outcome, SendReported, TimePassed, Verb
from tests.deliver_world import ManualClock, MemoryRecord, settle
from tests.unit.engine_world import RULES, SITE, loaded, spoke

HOME = SITE.id
HANDED = "after the hand-over"


class Crash:
    """Counts the places that the world passes, and stops it at the one chosen: whoever gets there never leaves."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.passed = 0
        self.reached = ""

    async def passing(self, place: str) -> None:
        await asyncio.sleep(0)
        self.passed += 1
        if self.reached or self.passed == self.at:
            self.reached = self.reached or place
            await asyncio.Event().wait()


@dataclass
class Outside:
    """What no crash takes back: what the phones got, and what the world did."""

    handed: list[tuple[str, str, str, str]] = field(default_factory=list)
    done: set[str] = field(default_factory=set)


class Phone:
    """A channel that takes what it is given."""

    def __init__(self, name: str, outside: Outside, crash: Crash) -> None:
        self.name = name
        self._outside = outside
        self._crash = crash

    def takes(self, effect: AnyEffect) -> bool:
        return isinstance(effect, Notify) and effect.channel == self.name

    async def send(self, effect: AnyEffect, key: str) -> SendResult:
        assert isinstance(effect, Notify)
        await self._crash.passing("before the hand-over")
        self._outside.handed.append((key, effect.person, effect.channel, effect.purpose))
        await self._crash.passing(HANDED)
        return SendResult(Outcome.ACCEPTED)


class Box:
    """One life of the gateway: from what is on disk up to its end or a crash."""

    def __init__(self, record: MemoryRecord, clock: ManualClock, outside: Outside, crash: Crash) -> None:
        self.record = record
        self.clock = clock
        self.crash = crash
        self.metrics = Metrics()
        self.engine = Engine(HOME)
        self._deciding = asyncio.Lock()
        for entry in record.entries.get(HOME, ()):
            assert self.engine.step(entry.input) == entry.effects, "a replay asks for something else"
        self.couriers = [
            PeopleCourier(Phone(name, outside, crash), record, (HOME,), clock, self.submit, lambda: 0.5,
                          metrics=self.metrics)
            for name in ("sms", "push")
        ]

    async def submit(self, home: str, make: Stamp) -> Decision:
        """Decide and commit, one after the other, as gateway/decide.py does."""
        async with self._deciding:
            await self.crash.passing("before it is decided")
            happened = make(self.clock.now())
            if self.engine.now is not None and happened.at < self.engine.now:
                raise AssertionError("time went back")
            effects = self.engine.step(happened)
            await self.crash.passing("decided, not on disk")
            seq = self._commit(happened, effects)
            await self.crash.passing("on disk")
            return Decision(seq=seq, effects=effects, durable=True)

    def _commit(self, happened: AnyInput, effects: tuple[AnyEffect, ...]) -> int:
        seq = self.record.head(HOME) + 1
        entry = JournalEntry(HOME, 1, seq, happened.at, happened, effects)
        self.record.hold([entry])
        self.record.entries[HOME][-1] = entry
        self.record.held = 0
        self.record.cursors_on_disk = dict(self.record.cursors)
        return seq


class Escalating:
    """Smoke, nobody answers, the director takes it on after 70 s; the world stops at one place and starts again."""

    def __init__(self, crash_at: int, *, down_for: float = 0.0) -> None:
        self.crash = Crash(crash_at)
        self.clock = ManualClock()
        self.outside = Outside()
        self.down_for = down_for
        self.record = MemoryRecord()
        self.again = 0
        self.in_between: list[str] = []
        """The messages that were handed over when it crashed, and not yet recorded."""

    async def run(self) -> None:
        """To the end, over the crash."""
        await self._live(self.crash)
        if self.crash.reached:
            self.record = self.record.after_crash()
            ended = {report.message for report in self.reports()}
            self.in_between = sorted({key for key, *_ in self.outside.handed} - ended)
            await self.clock.advance(self.down_for)
            await self._live(Crash(0))

    async def _live(self, crash: Crash) -> None:
        box = Box(self.record, self.clock, self.outside, crash)
        tasks = [asyncio.create_task(courier.run()) for courier in box.couriers]
        story = asyncio.create_task(self._story(box))
        while not story.done() and not crash.reached:
            await settle(20)
        if story.done():
            story.result()
        for task in (story, *tasks):
            task.cancel()
        await asyncio.wait((story, *tasks))
        self.again += box.metrics.messages_again

    async def _story(self, box: Box) -> None:
        while not (self._is_on_disk("OperatorActed") and not self.left_behind()):
            due = box.engine.next_deadline()
            if due is not None and due <= self.clock.now():
                await box.submit(HOME, lambda at: TimePassed(at=at))
            await self._world(box)
            await self.clock.advance(5.0)

    async def _world(self, box: Box) -> None:
        """The sensor speaks until it is on disk; the director answers once the second step was handed over to them."""
        if box.engine.now is None:
            await box.submit(HOME, lambda at: loaded(at, SITE, RULES))
        if not self._is_on_disk("ReadingsArrived"):
            await box.submit(HOME, lambda at: spoke(at, "smoke-1", smoke=True))
        called = any(person == "director" for _, person, _, _ in self.outside.handed)
        if called and not self._is_on_disk("OperatorActed"):
            incident = next(iter(box.engine.incidents))
            await box.submit(
                HOME, lambda at: OperatorActed(at=at, person="director", verb=Verb.ACKNOWLEDGE, target=incident)
            )

    def _is_on_disk(self, kind: str) -> bool:
        return any(type(entry.input).__name__ == kind for entry in self.record.entries.get(HOME, ()))

    # what came of it

    def told(self) -> list[tuple[str, str, str]]:
        """Who was told, over what, and why; each once however often the same message was handed over."""
        unique = {key: (person, channel, purpose) for key, person, channel, purpose in self.outside.handed}
        return sorted(unique.values())

    def twice(self) -> list[str]:
        """The messages that were handed over more than once."""
        counts = Counter(key for key, *_ in self.outside.handed)
        assert max(counts.values(), default=0) <= 2
        return sorted(key for key, count in counts.items() if count > 1)

    def reports(self) -> list[SendReported]:
        return [e.input for e in self.record.entries.get(HOME, ()) if isinstance(e.input, SendReported)]

    def stopped(self) -> list[str]:
        """The messages that went out no more because somebody had taken the incident on."""
        return [report.message for report in self.reports() if report.detail == STOPPED]

    def explained(self) -> list[str]:
        """The messages of which the timeline says that they were perhaps handed over twice."""
        lines = {line.detail for entry in self.record.entries[HOME] for effect in entry.effects
                 for line in getattr(getattr(effect, "incident", None), "timeline", ()) or ()}
        said = [report.message for report in self.reports() if report.detail.startswith(AGAIN)]
        assert not said or any(AGAIN in line for line in lines)
        return sorted(said)

    def left_behind(self) -> list[str]:
        """The messages that were asked for and have no end on disk."""
        ended = {report.message for report in self.reports() if report.final}
        return [effect.message for entry in self.record.entries[HOME] for effect in entry.effects
                if isinstance(effect, Notify) and effect.message not in ended]
