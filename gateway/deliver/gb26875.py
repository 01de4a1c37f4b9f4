"""The destination of a monitoring centre: a home's alarms by GB/T 26875.3-2011, as from a transmission device.

Fire goes first: it pre-empts whatever waits for its confirm, and fails over to the other path after 4 x 2 s. Hand it
to a `Courier` with a `concurrency` of QUEUE_MAX, so that fires behind many troubles are seen; while there is no link
nothing waits here, the courier keeps it.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from devices import gb26875_units as units
from devices.codec import DecodeError
from devices.gb26875 import Command, Frame, encode, reply, write_time
from gateway.backoff import Jitter, backoff_seconds
from gateway.clock import Clock
from gateway.deliver.courier import LinkReporter, keep_running
from gateway.deliver.courier import Report as Submit
from gateway.deliver.destination import SendResult
from gateway.deliver.gb26875_objects import CentreView, Report, duty_link
from gateway.deliver.gb26875_path import Path
from gateway.exchange import RESENDS, TIMEOUT_S, Ending, Result
from gateway.load_panels import read_path
from gateway.settings import PanelUplink
from rules.alarm import Alarm
from rules.effects import AlarmChanged, AnyEffect
from rules.inputs import Outcome
from rules.site import Site

QUEUE_MAX = 4096
"""Reports that may wait here; what is more waits in the journal."""

FIRE_TIMEOUT_S = 2.0
"""One try of a fire: 2 s and 3 resends leave time for the other path within 10 s (standards sheet 3.9)."""

CONNECT_S = 5.0
BACKOFF_MOST_S = 10.0
DUTY_MOST_S = 600.0
"""An unanswered duty check ends after 10 min at the latest (standards sheet 3.3)."""

_ACCEPTED = SendResult(Outcome.ACCEPTED)
_NO_LINK = SendResult(Outcome.RETRY, detail="no link to the centre")


class _Waiting(msgspec.Struct):
    """One report on its way. `alone`: the centre denied it in company, so it goes by itself."""

    report: Report
    order: int
    done: asyncio.Future[SendResult]
    alone: bool = False

    def __lt__(self, other: _Waiting) -> bool:
        return (self.report.rank, self.order) < (other.report.rank, other.order)

    @property
    def is_fire(self) -> bool:
        return self.report.rank == 0


class CentreDestination:
    """Reports one home's alarms to one centre. `run` keeps the link; `send` is the courier's."""

    def __init__(
        self,
        setting: PanelUplink,
        site: Callable[[], Site],
        open_alarms: Callable[[], Iterable[Alarm]],
        clock: Clock,
        submit: Submit,
        jitter: Jitter,
        version: str = "0.1",
    ) -> None:
        self.view = CentreView(setting, site, open_alarms, version)
        self.clock_error_s: float | None = None
        self._setting = setting
        self._clock = clock
        self._jitter = jitter
        backup = read_path(setting.backup) if setting.backup else None
        self._paths = [(setting.host, setting.port), *([backup] if backup else [])]
        self._queue: list[_Waiting] = []
        self._order = 0
        self._more = asyncio.Event()
        self._connected = asyncio.Event()
        self._path: Path | None = None
        self._links = LinkReporter(f"centre:{setting.name}", (setting.home,), submit)
        self._duty = LinkReporter(duty_link(setting.name), (setting.home,), submit)
        self._duty_until = 0.0

    @property
    def name(self) -> str:
        return self._setting.name

    def takes(self, effect: AnyEffect) -> bool:
        return isinstance(effect, AlarmChanged) and self.view.takes(effect)

    async def ready(self) -> None:
        """Return once there is a link."""
        await self._connected.wait()

    async def send(self, effect: AnyEffect, key: str) -> SendResult:  # noqa: ARG002 - a repeat says the same state again
        """Queue the report and wait for the centre's confirm."""
        if not isinstance(effect, AlarmChanged):
            return SendResult(Outcome.REFUSED, detail=f"{type(effect).__name__} has no type in GB/T 26875.3")
        if self.view.is_duty_answer(effect):
            if self._duty.up:
                return _ACCEPTED
            report = self.view.duty_answer(effect.at)
        else:
            report = self.view.report(effect)
        if not self._connected.is_set() or len(self._queue) >= QUEUE_MAX:
            return _NO_LINK
        self._order += 1
        waiting = _Waiting(report, self._order, asyncio.get_running_loop().create_future())
        self._push(waiting)
        result = await waiting.done
        if self.view.is_duty_answer(effect) and result.outcome is Outcome.ACCEPTED:
            self._duty.set_up()
        return result

    def _push(self, waiting: _Waiting) -> None:
        heapq.heappush(self._queue, waiting)
        self._more.set()

    async def run(self) -> None:
        """Keep a link to the centre, by one path or the other, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._links.run())
            group.create_task(self._duty.run())
            group.create_task(keep_running(self._keep_link, self._links, self._clock, self._jitter))

    async def _keep_link(self) -> None:
        failures = 0
        turn = 0
        while True:
            host, port = self._paths[turn % len(self._paths)]
            path = Path(self._setting.transport, host, port, self._clock, self._on_frame)
            try:
                await path.open(CONNECT_S)
                words = await self._use(path)
                failures = 0 if path.was_answered else failures + 1
            except (OSError, TimeoutError) as error:
                failures += 1
                words = f"{host}:{port} cannot be reached: {str(error) or 'timed out'}"
            finally:
                path.close()
            self._links.set_down(words)
            turn += 1
            if failures >= len(self._paths):
                await self._clock.sleep(backoff_seconds(failures, self._jitter, first=0.2, most=BACKOFF_MOST_S))

    async def _use(self, path: Path) -> str:
        """Upload, and show life, as long as the path carries; what it ended of."""
        self._path = path
        self._connected.set()
        self._links.set_up()
        works = [asyncio.ensure_future(work) for work in (self._upload(path), self._beat(path), path.lost())]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            self._connected.clear()
            self._path = None
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            self._fail_all()

    def _fail_all(self) -> None:
        queue, self._queue = self._queue, []
        for waiting in queue:
            if not waiting.done.done():
                waiting.done.set_result(_NO_LINK)

    # uploads

    async def _upload(self, path: Path) -> str:
        while True:
            while not self._queue:
                self._more.clear()
                await self._more.wait()
            group = self._take_group()
            try:
                result = await self._exchange(path, group)
            except asyncio.CancelledError:
                for waiting in group:
                    heapq.heappush(self._queue, waiting)
                raise
            if result is None:
                for waiting in group:
                    self._push(waiting)
            elif result.succeeded:
                self._answer(group, _ACCEPTED)
            elif result.ending is Ending.DENIED and len(group) > 1:
                for waiting in group:
                    waiting.alone = True
                    self._push(waiting)
            elif result.ending is Ending.DENIED:
                words = f"the centre denies {result.tries} times: type {group[0].report.type}"
                self._answer(group, SendResult(Outcome.REFUSED, detail=words))
            else:
                self._connected.clear()  # before the courier hears of it: it must wait for the other path
                self._answer(group, SendResult(Outcome.RETRY, detail="the centre does not confirm"))
                return f"the centre does not confirm ({result.tries} tries)"

    def _take_group(self) -> list[_Waiting]:
        """The foremost report, and with a component's state those that may go in the same frame."""
        group = [heapq.heappop(self._queue)]
        first = group[0]
        most = 1 if first.alone else units.LAYOUTS[first.report.type].most
        while self._queue and len(group) < most:
            following = self._queue[0]
            same = following.report.type == first.report.type and following.report.rank == first.report.rank
            if not same or following.alone:
                break
            group.append(heapq.heappop(self._queue))
        return group

    async def _exchange(self, path: Path, group: list[_Waiting]) -> Result | None:
        """One upload; None if a fire pre-empted it."""
        data = units.write_unit(group[0].report.type, [waiting.report.object for waiting in group])
        timeout_s = FIRE_TIMEOUT_S if group[0].is_fire else TIMEOUT_S
        exchange = asyncio.ensure_future(
            path.exchanges.perform(self._frame(Command.DATA, data), timeout_s=timeout_s, resends=RESENDS)
        )
        try:
            while not exchange.done():
                if not group[0].is_fire and self._queue and self._queue[0].is_fire:
                    return None
                self._more.clear()
                more = asyncio.ensure_future(self._more.wait())
                await asyncio.wait((exchange, more), return_when=asyncio.FIRST_COMPLETED)
                more.cancel()
            return exchange.result()
        finally:
            exchange.cancel()

    @staticmethod
    def _answer(group: list[_Waiting], result: SendResult) -> None:
        for waiting in group:
            if not waiting.done.done():
                waiting.done.set_result(result)

    def _frame(self, command: Command, data: bytes) -> Frame:
        return Frame(
            serial=0,
            command=command,
            source=self._setting.source_address,
            destination=self._setting.centre_address,
            time=write_time(self._clock.wall()),
            data=data,
        )

    async def _beat(self, path: Path) -> str:
        """Heartbeats by convention: an upload without data, serial 0, when nothing else was confirmed of late.

        A centre that never answers one need not know the convention; one that did, or never said anything, is lost.
        """
        answered = False
        while True:
            await self._clock.sleep(1.0)
            path.look_at_waiting()
            if not self._duty.up and self._clock.monotonic() >= self._duty_until:
                self._duty.set_up()
            every = self._setting.heartbeat_s
            if not every or self._clock.monotonic() - path.heard_at < every:
                continue
            result = await path.exchanges.perform(self._frame(Command.DATA, b""), resends=1, serial=0)
            answered = answered or result.ending in (Ending.CONFIRMED, Ending.DENIED)
            if result.ending is Ending.SILENT and (answered or not path.was_answered):
                return "the centre does not answer heartbeats"
            path.heard_at = self._clock.monotonic()

    # what the centre says

    def _on_frame(self, path: Path, frame: Frame) -> None:
        if path.exchanges.take_reply(frame):
            return
        now = self._clock.wall()
        match frame.command:
            case Command.CONTROL:
                known = self._control(frame)
                path.write(encode(reply(frame, Command.CONFIRM if known else Command.DENY, now)))
            case Command.REQUEST:
                data = self._answer_data(frame)
                path.write(encode(reply(frame, Command.ANSWER if data else Command.DENY, now, data)))
            case Command.DATA if frame.is_heartbeat:
                path.write(encode(reply(frame, Command.CONFIRM, now)))
            case Command.CONFIRM | Command.DENY | Command.ANSWER:
                """A reply that nothing waits for (late, or twice)."""
            case _:
                path.write(encode(reply(frame, Command.DENY, now)))

    def _control(self, frame: Frame) -> bool:
        """Initialise is confirmed and does nothing; a clock is noted, never applied; a duty check asks the people."""
        try:
            unit = units.read_unit(frame.data)
        except DecodeError:
            return False
        if unit.type not in units.CONTROLS or not unit.objects:
            return False
        if unit.type == 90:
            told = msgspec.structs.replace(frame, time=unit.objects[0].time).sent_at
            if told is None:
                return False
            self.clock_error_s = (self._clock.wall() - told).total_seconds()
        elif unit.type == 91:
            minutes = unit.objects[0].minutes
            self._duty_until = self._clock.monotonic() + min(minutes * 60.0, DUTY_MOST_S)
            until = f"{minutes} 分钟内确认本条即为应答 / acknowledge this within {minutes} min to answer"
            self._duty.set_down(f"监控中心查岗 / duty check of the centre {self._setting.name}: {until}")
        return True

    def _answer_data(self, frame: Frame) -> bytes:
        try:
            unit = units.read_unit(frame.data)
        except DecodeError:
            return b""
        answer = units.ANSWERED_BY.get(unit.type)
        if answer is None or not unit.objects:
            return b""
        objects: list[Any] = self.view.answer(unit, self._clock.wall())
        return units.write_unit(answer, objects[: units.LAYOUTS[answer].most]) if objects else b""
