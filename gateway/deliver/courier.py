"""Couriers: they read the journal at their own pace and carry what the engine asked for to one destination.

`Courier` is for machines: in the order of the journal, stream by stream, for ever. `people.PeopleCourier` is for
people: the most dangerous first, each message on its own. What both share stands here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import msgspec
import structlog

from gateway.backoff import Jitter, backoff_seconds
from gateway.clock import Clock
from gateway.deliver.destination import Destination, SendResult
from gateway.inbox import Decision, Stamp
from gateway.record.record import JournalEntry, Record
from rules.effects import AnyEffect, Notify
from rules.inputs import LinkChanged, Outcome

Report = Callable[[str, Stamp], Awaitable[Decision]]
"""Have an input decided: (home, make) -> its decision. `Inbox.submit`."""

READ_MOST = 512
_RAISES_MAX = 5
_BACKOFF_FIRST_S = 0.05
_BACKOFF_MOST_S = 5.0
_RESTART_FIRST_S = 0.5
_RESTART_MOST_S = 30.0

log = structlog.get_logger(__name__)


@runtime_checkable
class Gated(Protocol):
    """A destination that knows when it can be spoken to: after a failure the courier waits for `ready`."""

    async def ready(self) -> None: ...


@runtime_checkable
class Prompt(Protocol):
    """A destination whose hand-over begins with the call, not with the loop's next round: it carries alarms."""

    def begin(self, effect: AnyEffect, key: str) -> Awaitable[SendResult]: ...


def effect_key(entry: JournalEntry, number: int) -> str:
    """The name an effect is handed over under, the same at every try: a message's id, or its place in the journal."""
    effect = entry.effects[number]
    if isinstance(effect, Notify):
        return effect.message
    return f"{entry.stream}:{entry.epoch}:{entry.seq}:{number}"


def start_of(record: Record, destination: str, stream: str) -> int:
    """Where to read on: the cursor, but never beyond the head (a cursor may outlive entries that were only held)."""
    return min(record.cursor(destination, stream), record.head(stream))


class LinkReporter:
    """Says of one link, to all homes that depend on it, that it is down or up again, once a change.

    Only the newest state waits to be said, so it needs no bound and never holds up the work that it speaks of.
    """

    def __init__(self, link: str, homes: Sequence[str], report: Report) -> None:
        self._link = link
        self._homes = tuple(homes)
        self._report = report
        self._wanted: tuple[bool, str] = (True, "")
        self._said: tuple[bool, str] = (True, "")
        self._changed = asyncio.Event()

    @property
    def up(self) -> bool:
        """What was last set."""
        return self._wanted[0]

    def set_up(self) -> None:
        """It works (again)."""
        if not self._wanted[0]:
            self._wanted = (True, "")
            self._changed.set()

    def set_down(self, detail: str) -> None:
        """It does not work, in these words."""
        if self._wanted != (False, detail):
            self._wanted = (False, detail)
            self._changed.set()

    async def run(self) -> None:
        """Submit each change of state to every home."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            wanted = self._wanted
            if wanted == self._said:
                continue
            self._said = wanted
            for home in self._homes:
                await self._report(home, _link_changed(self._link, *wanted))


def _link_changed(link: str, up: bool, detail: str) -> Stamp:
    def make(at: datetime) -> LinkChanged:
        return LinkChanged(at=at, link=link, up=up, detail=detail[:500])

    return make


async def keep_running(work: Callable[[], Awaitable[None]], links: LinkReporter, clock: Clock, jitter: Jitter) -> None:
    """Run `work` for ever: a fault ends only this courier's round, is said as a trouble, and it begins anew."""
    failures = 0
    while True:
        began = clock.monotonic()
        try:
            await work()
        except Exception as error:  # noqa: BLE001  a courier's fault must reach the trouble list and stop no other courier
            failures = 1 if clock.monotonic() - began > _RESTART_MOST_S else failures + 1
            links.set_down(f"courier restarted: {fault_words(error)}")
            log.error("courier restarted", error=fault_words(error), failures=failures)
        await clock.sleep(backoff_seconds(failures, jitter, first=_RESTART_FIRST_S, most=_RESTART_MOST_S))


def fault_words(error: BaseException) -> str:
    """An unexpected error in a line: the first one of a group, its kind and its text, cut."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:300]


async def _outcome(handing_over: Awaitable[SendResult]) -> SendResult | Exception:
    try:
        return await handing_over
    except Exception as error:  # noqa: BLE001  what a destination raises unexpectedly is a trouble, not the end
        return error


async def _failed(error: Exception) -> SendResult:
    raise error


class _Item(msgspec.Struct):
    """One effect on its way, with its place in the journal."""

    seq: int
    key: str
    effect: AnyEffect
    raises: int = 0
    task: asyncio.Task[SendResult | Exception] | None = None


class Courier:
    """Carries effects to a destination in the order of the journal, up to `concurrency` of a stream in flight.

    The cursor moves behind each success. After a failure everything from the failed effect on is handed over again
    in order, for ever, so a subscriber may see an effect twice, and always ends at the newest. What is refused, or
    makes the destination raise five times in a row, is passed over with a trouble: it must not dam up what follows.
    """

    def __init__(
        self,
        destination: Destination,
        record: Record,
        streams: Sequence[str],
        clock: Clock,
        report: Report,
        jitter: Jitter,
        concurrency: int = 64,
    ) -> None:
        self._destination = destination
        self._record = record
        self._streams = tuple(streams)
        self._clock = clock
        self._jitter = jitter
        self._window = concurrency
        self._links = LinkReporter(f"destination:{destination.name}", streams, report)

    async def run(self) -> None:
        """Follow all streams until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._links.run())
            for stream in self._streams:
                following = _Following(self, stream)
                group.create_task(keep_running(following.run, self._links, self._clock, self._jitter))


class _Following:
    """One stream on its way to the destination: what is read and waits, and what is in flight."""

    def __init__(self, courier: Courier, stream: str) -> None:
        self._destination = courier._destination
        self._record = courier._record
        self._clock = courier._clock
        self._jitter = courier._jitter
        self._window = courier._window
        self._links = courier._links
        self._stream = stream
        self._position = 0
        self._waiting: deque[_Item] = deque()
        self._in_flight: deque[_Item] = deque()
        self._failures = 0

    async def run(self) -> None:
        """Follow the stream from its cursor."""
        self._position = start_of(self._record, self._destination.name, self._stream)
        self._waiting.clear()
        await self._read()
        self._links.set_up()
        try:
            while True:
                await self._step()
        finally:
            for item in self._in_flight:
                if item.task is not None:
                    item.task.cancel()
            self._in_flight.clear()

    async def _step(self) -> None:
        await self._settle()
        if not self._waiting and len(self._in_flight) < self._window:
            await self._read()
        while self._waiting and len(self._in_flight) < self._window:
            item = self._waiting.popleft()
            item.task = asyncio.ensure_future(self._hand_over(item))
            self._in_flight.append(item)
        if self._waiting or len(self._in_flight) >= self._window:
            await self._first_in_flight()
        else:
            await self._wait_for_more()

    async def _read(self) -> None:
        head = self._record.head(self._stream)
        if head <= self._position:
            return
        entries = await self._record.read(self._stream, self._position, READ_MOST)
        takes = self._destination.takes
        for entry in entries:
            for number, effect in enumerate(entry.effects):
                if takes(effect):
                    self._waiting.append(_Item(entry.seq, effect_key(entry, number), effect))
        # Nothing to read below the head: those entries were lost (unreadable, or pushed out of memory).
        self._position = entries[-1].seq if entries else head
        if not self._waiting and not self._in_flight:
            self._advance()

    async def _wait_for_more(self) -> None:
        positions = {self._stream: self._position}
        if not self._in_flight:
            await self._record.wait_beyond(positions, calling=True)
            return
        more = asyncio.ensure_future(self._record.wait_beyond(positions, calling=True))
        try:
            await asyncio.wait((more, self._first()), return_when=asyncio.FIRST_COMPLETED)
            if more.done():
                more.result()
        finally:
            more.cancel()

    def _first(self) -> asyncio.Task[SendResult | Exception]:
        task = self._in_flight[0].task
        assert task is not None
        return task

    async def _first_in_flight(self) -> None:
        await asyncio.wait((self._first(),))

    def _hand_over(self, item: _Item) -> Coroutine[Any, Any, SendResult | Exception]:
        """Begin at once where the destination can, and wait for what becomes of it."""
        destination = self._destination
        if not isinstance(destination, Prompt):
            return _outcome(destination.send(item.effect, item.key))
        try:
            return _outcome(destination.begin(item.effect, item.key))
        except Exception as error:  # noqa: BLE001  as in _outcome
            return _outcome(_failed(error))

    async def _settle(self) -> None:
        """Take what is done from the head of the line; go back to the first that failed."""
        while self._in_flight and self._first().done():
            item = self._in_flight[0]
            result = self._first().result()
            if isinstance(result, Exception):
                item.raises += 1
                if item.raises < _RAISES_MAX:
                    await self._go_back(fault_words(result))
                    return
                self._pass_over(item, f"raised {item.raises} times: {fault_words(result)}")
            elif result.outcome is Outcome.RETRY:
                await self._go_back("")
                return
            elif result.outcome is Outcome.REFUSED:
                self._pass_over(item, f"refused: {result.detail}")
            else:
                self._links.set_up()
            self._failures = 0
            self._in_flight.popleft()
            self._advance()

    def _pass_over(self, item: _Item, why: str) -> None:
        self._links.set_down(f"{item.key} was passed over, {why}")
        log.error("effect passed over", destination=self._destination.name, key=item.key, why=why)

    def _advance(self) -> None:
        following = self._in_flight or self._waiting
        done = following[0].seq - 1 if following else self._position
        if done > self._record.cursor(self._destination.name, self._stream):
            self._record.advance(self._destination.name, self._stream, done)

    async def _go_back(self, fault: str) -> None:
        """Let what is in flight land, then wait and hand over again from the one that failed."""
        if fault:
            self._links.set_down(fault)
        await asyncio.wait([item.task for item in self._in_flight if item.task is not None])
        self._waiting.extendleft(reversed(self._in_flight))
        self._in_flight.clear()
        self._failures += 1
        await self._clock.sleep(
            backoff_seconds(self._failures, self._jitter, first=_BACKOFF_FIRST_S, most=_BACKOFF_MOST_S)
        )
        if isinstance(self._destination, Gated):
            await self._destination.ready()
