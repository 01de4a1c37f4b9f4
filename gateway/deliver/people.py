"""The courier of messages to people: the most dangerous first, each on its own, none lost, none twice without need."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import msgspec
import structlog

from gateway.backoff import Jitter, backoff_seconds
from gateway.clock import Clock
from gateway.deliver.courier import READ_MOST, LinkReporter, Report, fault_words, keep_running, start_of
from gateway.deliver.destination import (
    HAND_OVER_MAX_S,
    HAND_OVERS_AT_ONCE,
    Destination,
    Feedback,
    SendResult,
)
from gateway.deliver.gate import Gate
from gateway.inbox import Stamp
from gateway.metrics import Metrics
from gateway.record.record import JournalEntry, Record
from rules.effects import Notify, StopNotifying
from rules.inputs import Outcome, SendReported

STOPPED = "stopped"
"""The detail of a message that was not handed over because somebody took the incident on."""

AGAIN = "taken up again after a restart, perhaps handed over twice"
"""Stands in the detail of a message that a crash may have caught between its hand-over and the record of it."""

_BACKOFF_FIRST_S = 0.5
_BACKOFF_MOST_S = 8.0
_HEARD_AFTER_S = 10.0
_WAITING_MAX = 1000
_DANGER_WAITING_MAX = 4096

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Letter:
    """One message that is not finished: where it stands in the journal, and what happened to it so far."""

    notify: Notify
    stream: str
    seq: int
    tries: int = 0
    stopped: bool = False
    again: bool = False
    crowded_out: bool = False

    @property
    def danger(self) -> bool:
        return self.notify.alarm.category.endangers_people


@dataclass(slots=True)
class _Progress:
    """How far a stream was read, and which messages of it are unfinished: the cursor stays below the first of them."""

    position: int
    unfinished: dict[int, int] = field(default_factory=dict)

    @property
    def cursor(self) -> int:
        return next(iter(self.unfinished)) - 1 if self.unfinished else self.position

    def begin(self, seq: int) -> None:
        self.unfinished[seq] = self.unfinished.get(seq, 0) + 1

    def finish(self, seq: int) -> None:
        left = self.unfinished[seq] - 1
        if left:
            self.unfinished[seq] = left
        else:
            del self.unfinished[seq]


class PeopleCourier:
    """Hands every message for its channel over once, records what became of it, and only then moves the cursor.

    A message is tried again, with back-off, until it is accepted or refused or `give_up_s` has passed since it was
    taken up; then it is recorded as refused, so that the engine moves on. A danger to people is tried at least once;
    where the person has channels that are used after a refusal, it is tried only once.
    At start, messages whose end is already in the journal are left alone; the others are handed over under the same id,
    and since nobody can tell whether they were before, this is counted and stands in their report.
    Limits: `concurrency` hand-overs at once (a quarter kept for danger); 1,000 messages waiting, beyond which those
    that are no danger are refused; 4,096 with danger, beyond which the journal is not read on (nothing is lost).
    What a destination with `Feedback` learns later is recorded as well; it never ends a message.
    """

    def __init__(
        self,
        destination: Destination,
        record: Record,
        streams: Sequence[str],
        clock: Clock,
        report: Report,
        jitter: Jitter,
        concurrency: int = HAND_OVERS_AT_ONCE,
        give_up_s: float = 20.0,
        hand_over_max_s: float = HAND_OVER_MAX_S,
        metrics: Metrics | None = None,
    ) -> None:
        self._destination = destination
        self._name = destination.name
        self._record = record
        self._streams = tuple(streams)
        self._clock = clock
        self._report = report
        self._jitter = jitter
        self._concurrency = concurrency
        self._give_up_s = give_up_s
        self._hand_over_max_s = hand_over_max_s
        self._metrics = metrics or Metrics()
        self._links = LinkReporter(f"destination:{destination.name}", streams, report)
        self._draining = False
        self._begin()

    @property
    def destination(self) -> Destination:
        """The channel that it carries for."""
        return self._destination

    async def drain(self, seconds: float) -> bool:
        """Begin no hand-over any more, and wait until those under way are recorded: before an orderly end, while
        inputs are still decided. Without it, as after a crash, they may be handed over once more at the next start.
        """
        self._draining = True
        try:
            async with asyncio.timeout(seconds):
                while self._handing_over:
                    self._landed.clear()
                    await self._landed.wait()
        except TimeoutError:
            return False
        return True

    def _begin(self) -> None:
        self._gate = Gate(self._concurrency, reserved=self._concurrency // 4)
        self._letters: dict[str, _Letter] = {}
        self._progress: dict[str, _Progress] = {}
        self._undurable: list[_Letter] = []
        self._room = asyncio.Event()
        self._handing_over = 0
        self._landed = asyncio.Event()

    async def run(self) -> None:
        """Carry messages of all streams until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._links.run())
            group.create_task(keep_running(self._round, self._links, self._clock, self._jitter))
            if isinstance(self._destination, Feedback):
                links = LinkReporter(f"feedback:{self._name}", self._streams, self._report)
                group.create_task(links.run())
                listening = partial(self._listen, self._destination, links)
                group.create_task(keep_running(listening, links, self._clock, self._jitter))

    async def _listen(self, destination: Feedback, links: LinkReporter) -> None:
        """Hear what the destination learns; it counts as heard again once it has not failed for a while."""
        async with asyncio.TaskGroup() as group:
            group.create_task(destination.listen(self.learn))
            await self._clock.sleep(_HEARD_AFTER_S)
            links.set_up()

    async def learn(self, notify: Notify, result: SendResult) -> bool:
        """Record what became known of a message after its hand-over (a `destination.Later`).

        Channels remember messages over a restart: one of a home that is no longer here has nobody to be told to.
        """
        if notify.incident.home not in self._streams:
            log.warning("a message of an unknown home", destination=self._name, home=notify.incident.home)
            return True
        decision = await self._report(notify.incident.home, _send_reported(notify, result, final=False))
        return decision.durable

    async def _round(self) -> None:
        """All streams from their cursors, until something unexpected ends it."""
        self._begin()
        async with asyncio.TaskGroup() as group:
            for stream in self._streams:
                group.create_task(self._follow(stream, group))

    async def _follow(self, stream: str, group: asyncio.TaskGroup) -> None:
        progress = self._progress[stream] = _Progress(start_of(self._record, self._name, stream))
        for letter in await self._catch_up(stream, progress):
            letter.again = True
            group.create_task(self._carry(letter))
        self._links.set_up()
        while True:
            self._advance(stream)
            await self._record.wait_beyond({stream: progress.position}, calling=True)
            for entry in await self._read(stream, progress):
                for letter in self._take(entry):
                    group.create_task(self._carry(letter))
                progress.position = entry.seq
            while len(self._letters) >= _DANGER_WAITING_MAX:
                self._room.clear()
                await self._room.wait()

    async def _catch_up(self, stream: str, progress: _Progress) -> list[_Letter]:
        """The messages behind the cursor whose end is not in the journal yet."""
        head = self._record.head(stream)
        taken: dict[str, _Letter] = {}
        while progress.position < head:
            for entry in await self._read(stream, progress):
                said = entry.input
                if isinstance(said, SendReported) and said.final and said.channel == self._name:
                    ended = taken.pop(said.message, None)
                    if ended is not None:
                        self._drop(ended)
                taken.update((letter.notify.message, letter) for letter in self._take(entry))
                progress.position = entry.seq
        return list(taken.values())

    async def _read(self, stream: str, progress: _Progress) -> list[JournalEntry]:
        head = self._record.head(stream)
        entries = await self._record.read(stream, progress.position, READ_MOST)
        if not entries:
            # Nothing to read below the head: those entries were lost (unreadable, or pushed out of memory).
            progress.position = max(progress.position, head)
        return entries

    def _take(self, entry: JournalEntry) -> Iterator[_Letter]:
        for effect in entry.effects:
            if isinstance(effect, StopNotifying):
                self._stop(entry.stream, effect.incident)
            elif isinstance(effect, Notify) and self._destination.takes(effect) and effect.message not in self._letters:
                letter = _Letter(effect, entry.stream, entry.seq)
                letter.crowded_out = len(self._letters) >= _WAITING_MAX and not letter.danger
                self._letters[effect.message] = letter
                self._progress[entry.stream].begin(entry.seq)
                yield letter

    def _stop(self, stream: str, incident: str) -> None:
        for letter in self._letters.values():
            if letter.stream == stream and letter.notify.incident.id == incident and letter.notify.purpose != "over":
                letter.stopped = True

    async def _carry(self, letter: _Letter) -> None:
        """One message from its taking up to its end on disk."""
        if letter.crowded_out:
            detail = f"more than {_WAITING_MAX} messages wait for this channel"
            await self._end(letter, SendResult(Outcome.REFUSED, detail=detail))
            return
        give_up_at = self._clock.monotonic() + self._give_up_s
        pause: float | None = 0.0
        while pause is not None:
            await self._clock.sleep(pause)
            await self._gate.enter(letter.notify.alarm.category.rank, letter.danger)
            if self._draining:
                await asyncio.Event().wait()
            self._handing_over += 1
            try:
                pause = await self._take_turn(letter, give_up_at)
            finally:
                self._handing_over -= 1
                self._landed.set()

    async def _take_turn(self, letter: _Letter, give_up_at: float) -> float | None:
        """One try and its record: seconds until the next one, or None when the message has ended."""
        try:
            result = await self._attempt(letter, give_up_at)
        finally:
            self._gate.leave(letter.danger)
        if result.outcome is Outcome.RETRY and letter.danger and letter.notify.has_next_way:
            # Waiting for a limit or a busy server would only hold up the channel that is used after a refusal.
            detail = f"{result.detail}: left to the person's other channels"
            result = SendResult(Outcome.REFUSED, result.reference, detail)
        if result.outcome is Outcome.RETRY:
            pause = backoff_seconds(letter.tries, self._jitter, first=_BACKOFF_FIRST_S, most=_BACKOFF_MOST_S)
            pause = max(pause, result.retry_after)
            if self._clock.monotonic() + pause < give_up_at:
                await self._say(letter, result, final=False)
                return pause
            detail = f"gave up after {letter.tries} tries: {result.detail}"
            result = SendResult(Outcome.REFUSED, result.reference, detail)
        await self._end(letter, result)
        return None

    async def _attempt(self, letter: _Letter, give_up_at: float) -> SendResult:
        if letter.stopped:
            return SendResult(Outcome.REFUSED, detail=STOPPED)
        if self._clock.monotonic() >= give_up_at and (letter.tries or not letter.danger):
            return SendResult(Outcome.REFUSED, detail=f"the channel was too busy, {letter.tries} tries")
        letter.tries += 1
        if letter.again and letter.tries == 1:
            self._metrics.messages_again += 1
        try:
            async with asyncio.timeout(self._hand_over_max_s):
                result = await self._destination.send(letter.notify, letter.notify.message)
        except TimeoutError:
            return SendResult(Outcome.RETRY, detail=f"no result within {self._hand_over_max_s:g} s")
        except Exception as error:  # noqa: BLE001  one message that breaks its channel must not take the others with it
            self._links.set_down(fault_words(error))
            log.error("destination raised", destination=self._name, message=letter.notify.message)
            return SendResult(Outcome.RETRY, detail=fault_words(error))
        self._links.set_up()
        return result

    async def _end(self, letter: _Letter, result: SendResult) -> None:
        """Record the end; once that is on disk, the message is finished (and with it those that waited for a disk)."""
        if letter.again and letter.tries and result.detail != STOPPED:
            result = msgspec.structs.replace(result, detail=f"{AGAIN} {result.detail}".strip())
        durable = await self._say(letter, result, final=True)
        self._undurable.append(letter)
        if durable:
            finished, self._undurable = self._undurable, []
            for each in finished:
                self._drop(each)
            for stream in {each.stream for each in finished}:
                self._advance(stream)

    async def _say(self, letter: _Letter, result: SendResult, *, final: bool) -> bool:
        decision = await self._report(letter.stream, _send_reported(letter.notify, result, final))
        return decision.durable

    def _drop(self, letter: _Letter) -> None:
        del self._letters[letter.notify.message]
        self._progress[letter.stream].finish(letter.seq)
        self._room.set()

    def _advance(self, stream: str) -> None:
        cursor = self._progress[stream].cursor
        if cursor > self._record.cursor(self._name, stream):
            self._record.advance(self._name, stream, cursor)


def _send_reported(notify: Notify, result: SendResult, final: bool) -> Stamp:
    def make(at: datetime) -> SendReported:
        return SendReported(
            at=at,
            message=notify.message,
            incident=notify.incident.id,
            channel=notify.channel,
            person=notify.person,
            outcome=result.outcome,
            reference=result.reference[:200],
            detail=result.detail[:500],
            final=final,
        )

    return make
