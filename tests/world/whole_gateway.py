"""One simulated day of a whole gateway: inbox, deciding task, journal, ledger and couriers as they run in a home.

Only sockets, threads and clocks are simulated. Out of one seed come a network that loses, doubles, swaps and delays, a
broker that hands over again what was not acknowledged, phones that are dead, slow or refuse, a county and an InfluxDB
that are away, a disk that is slow or full, a clock that steps, a configuration that is read anew, and kill -9 between
any two callbacks.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from devices.reading import Reading, Report
from gateway import boot, decide
from gateway.decide import Decider
from gateway.deliver.courier import Courier
from gateway.deliver.people import PeopleCourier
from gateway.inbox import Delivery, Inbox
from gateway.metrics import Metrics
from gateway.record import journal
from gateway.record.journal import SqliteRecord
from gateway.settings import Journal
from rules.engine import Engine
from rules.inputs import AnyInput, ClockStepped, LinkChanged, OperatorActed, SiteChanged, Verb
from tests.unit.engine_world import DEVICES, RULES, SITE, START
from tests.world.aftermath import check_aftermath
from tests.world.disk import Disk
from tests.world.home import Broken
from tests.world.outside import Broker, Packet, Phone, Place, dangers_of
from tests.world.virtual_loop import LIFE, VirtualLoop

HOME = SITE.id
HOURS = 24
EVERY_S = 1800.0
ANNOUNCED_WITHIN_S = 10.0
"""GB 4717-2024's limit, and the promise's: received, it is announced within 10 s."""

BACK_AFTER_S = 40.0
"""A place that was away may be tried again as late: the courier's longest back-off."""

QUIET_S = 1200.0
"""So long before the end nothing is broken any more: everything has to come to its end."""

POINT_OF = {"smoke": "smoke.alarm", "manual_call": "manual_call.alarm", "sos": "sos.alarm"}


class WorldClock:
    """The gateway's clock: engine time is the loop's; the wall may have stepped."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.shift = timedelta(0)

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time())

    def wall(self) -> datetime:
        return self.now() + self.shift

    def monotonic(self) -> float:
        self._loop.passes(1e-6)
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class Life:
    """One run of the gateway, from its start to its death."""

    def __init__(self, number: int, record: SqliteRecord, decider: Decider, inbox: Inbox) -> None:
        self.number = number
        self.record = record
        self.decider = decider
        self.inbox = inbox
        self.tasks: list[asyncio.Task[None]] = []

    @property
    def engine(self) -> Engine:
        return self.decider.engines[HOME]


class GatewayDay:
    """A gateway and everything around it, for one day."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.path = folder / "journal.db"
        self.loop = VirtualLoop()
        self.clock = WorldClock(self.loop)
        self.disk = Disk(lambda: self.random.choice((0.0005, 0.002, 0.002, 0.05, 0.4)))
        self.life: Life | None = None
        self.lives = 0
        self.deaths = 0
        self.broker = Broker(self)
        self.phones = {name: Phone(self, name) for name in ("sms", "push")}
        self.places = {name: Place(self, name) for name in ("sounder", "county", "influx")}
        self.in_alarm: dict[str, bool] = {}
        self.acts: Counter[tuple[str, str]] = Counter()
        self.reached: dict[str, int] = {}
        self.checked_at = 0
        self.due_before = START
        self.sent = 0
        self.healing = False
        self.broken: Broken | None = None
        self._outside = contextvars.copy_context()

    # time

    @property
    def now(self) -> float:
        """Seconds since the beginning of the day."""
        return self.loop.time()

    def plan(self, after: float, what: Callable[[], object]) -> None:
        """Let something happen in the world, whoever lives then."""
        self.loop.call_later(after, what, context=self._outside)

    def run(self) -> None:
        """Play the day; Broken at the first thing that does not hold."""
        real = journal.Writer
        journal.Writer = self.disk.writer  # type: ignore[misc,assignment]
        asyncio.set_event_loop(self.loop)
        faults: list[str] = []
        self.loop.set_exception_handler(lambda _, context: faults.append(str(context.get("exception") or context)))
        self.loop.on_death = self._dies
        try:
            with structlog.testing.capture_logs():
                self.loop.run_until_complete(self._day())
        except Broken:
            raise
        except Exception as fault:
            raise self.broken or Broken(self.where(f"{type(fault).__name__}: {fault}")) from fault
        finally:
            journal.Writer = real  # type: ignore[misc]
            self.disk.power_off()
            self.loop.bury()
            asyncio.set_event_loop(None)
        if faults:
            raise Broken(self.where(f"a task ended with a fault: {faults[0]}"))
        try:
            check_aftermath(self, HOME)
        except AssertionError as fault:
            raise Broken(self.where(str(fault))) from fault

    async def _day(self) -> None:
        self._plan_the_day()
        self._starts()
        await asyncio.sleep(HOURS * 3600 - QUIET_S)
        self.healing = True
        self.disk.full = False
        self.loop.dies_in = 0
        for way in (*self.phones.values(), *self.places.values()):
            way.away_until = 0.0
        await asyncio.sleep(QUIET_S)
        life = self.life
        if life is None:
            raise Broken(self.where("the gateway did not come back"))
        self._check_places(life)
        ending = asyncio.create_task(self._ends(life), context=self._context(life.number))
        await ending

    def _plan_the_day(self) -> None:
        rest = HOURS * 3600 - QUIET_S - 3700
        for device in DEVICES:
            self.plan(self.random.uniform(0, EVERY_S), partial(self._reports, device.id))
        for _ in range(self.random.randint(3, 7)):
            device = self.random.choice([d for d in DEVICES if d.kind in POINT_OF])
            self.plan(self.random.uniform(60, rest), partial(self._danger, device.id))
        for what, most in (
            (self._dies_soon, 5),
            (self._disk_fills, 2),
            (self._clock_steps, 2),
            (self._reload, 2),
            (self._broker_goes, 2),
        ):
            for _ in range(self.random.randint(0, most)):
                self.plan(self.random.uniform(60, rest), what)
        for way in (*self.phones.values(), *self.places.values()):
            for _ in range(self.random.randint(0, 2)):
                lasts = self.random.choice((5.0, 120.0, 3000.0))
                self.plan(self.random.uniform(60, rest), partial(way.goes_away, lasts))

    # devices and network

    def _reports(self, device: str) -> None:
        self.plan(EVERY_S * self.random.uniform(0.8, 1.1), partial(self._reports, device))
        self._send(device)

    def _danger(self, device: str) -> None:
        self.in_alarm[device] = True
        lasts = self.random.choice((0.4, 20.0, 200.0))
        for number in range(int(lasts // 30) + 1):
            self.plan(30.0 * number, partial(self._send, device))
        self.plan(lasts, partial(self._over, device))
        if self.random.random() < 0.6:
            # The most telling place to die: in the midst of what this danger sets going.
            steps = self.random.randint(1, self.random.choice((6, 20, 120)))
            self.plan(self.random.choice((0.0, 0.0, 0.001, 0.3)), partial(self._dies_in, steps))

    def _over(self, device: str) -> None:
        self.in_alarm[device] = False
        self._send(device)

    def _send(self, device_id: str) -> None:
        device = next(d for d in DEVICES if d.id == device_id)
        readings = [Reading("temperature", 20.0), Reading("battery", self.random.choice((90.0, 88.0, 12.0)))]
        if device.kind in POINT_OF:
            readings.append(Reading(POINT_OF[device.kind], self.in_alarm.get(device_id, False)))
        else:
            readings.append(Reading("current.residual", self.random.choice((20.0, 20.0, 310.0))))
        self.sent += 1  # makes every report's own time another one
        if self.random.random() < 0.03:
            return
        report = Report(device_id, tuple(readings), measured_at=self.clock.now() + timedelta(microseconds=self.sent))
        for _ in range(2 if self.random.random() < 0.1 else 1):
            self.plan(self.random.choice((0.0, 0.0, 0.2, 3.0, 40.0)), partial(self.broker.publish, report))

    # the gateway's lives

    def _context(self, number: int) -> contextvars.Context:
        context = self._outside.copy()
        context.run(LIFE.set, number)
        return context

    def _starts(self) -> None:
        self.lives += 1
        number = self.lives
        self.loop.create_task(self._live(number), context=self._context(number))

    async def _live(self, number: int) -> None:
        """As gateway/app.py does it: journal, engine as it was, site and rules of today, then the world."""
        record = await SqliteRecord.open(self.path, clock=self.clock)
        if record.dead is not None:
            self._dies()
            return
        engine, differing = await boot.restore(record, HOME)
        if differing:
            raise Broken(self.where(f"{differing} recorded inputs gave other effects at the start"))
        inbox = Inbox()
        settings = Journal(group_ms=20, snapshot_every=200)

        async def rebuild(home: str) -> Engine:
            return (await boot.restore(record, home))[0]

        engines = {HOME: engine}
        decider = Decider(engines, inbox, record, self.clock, Metrics(), settings, rebuild, lambda: None)
        boot.bring_up_to_date(inbox, engine, SITE, RULES, "world")
        await decider.turn()
        await decider.commit()
        life = Life(number, record, decider, inbox)
        works: list[Callable[[], Awaitable[None]]] = [decider.run]
        for phone in self.phones.values():
            works.append(PeopleCourier(phone, record, (HOME,), self.clock, inbox.submit, self.random.random).run)
        for place in self.places.values():
            works.append(Courier(place, record, (HOME,), self.clock, inbox.submit, self.random.random).run)
        life.tasks = [asyncio.create_task(self._work(work)) for work in works]
        self.life = life
        self.broker.connect(life)

    async def _work(self, work: Callable[[], Awaitable[None]]) -> None:
        await work()
        raise Broken(self.where("a part of the gateway ended by itself"))

    def _dies_in(self, steps: int) -> None:
        if self.life is not None and not self.healing:
            self.loop.dies_in = steps

    def _dies_soon(self) -> None:
        self._dies_in(self.random.randint(1, 400))

    def _dies(self) -> None:
        """Kill -9: nothing of this life ever goes on; SQLite rolls back what was not committed."""
        self.deaths += 1
        self.loop.ended.add(self.lives)
        self.loop.dies_in = 0
        self.life = None
        self.broker.disconnect()
        self.disk.power_off()
        self.plan(0.2 if self.healing else self.random.choice((0.5, 5.0, 60.0, 900.0)), self._starts)

    async def _ends(self, life: Life) -> None:
        """An orderly end, as the app ends."""
        self.broker.disconnect()
        for task in life.tasks:
            task.cancel()
        await asyncio.gather(*life.tasks, return_exceptions=True)
        await decide.stop(life.decider)
        await life.record.close()

    # what else goes wrong

    def _disk_fills(self) -> None:
        self.disk.full = True
        self.plan(self.random.choice((3.0, 40.0, 600.0)), self._disk_is_freed)

    def _disk_is_freed(self) -> None:
        self.disk.full = False

    def _put(self, make: Callable[[datetime], AnyInput]) -> None:
        if self.life is not None:
            self.life.inbox.put(Delivery(home=HOME, make=make))

    def _clock_steps(self) -> None:
        old, self.clock.shift = self.clock.wall(), timedelta(seconds=self.random.choice((-3600, 7, 86400)))
        new = self.clock.wall()
        if self.life is not None:
            self.life.decider.shift_ms = self.clock.shift // timedelta(milliseconds=1)
        self._put(lambda at: ClockStepped(at=at, old=old, new=new))

    def _reload(self) -> None:
        fewer = RULES[: self.random.choice((len(RULES), len(RULES) - 2))]
        self._put(lambda at: SiteChanged(at=at, site=SITE, rules=fewer, ruleset=f"world-{len(fewer)}", by="wang"))

    def _broker_goes(self) -> None:
        self.broker.goes_away(self.random.choice((2.0, 300.0)))
        self._put(lambda at: LinkChanged(at=at, link="broker:world", up=False, detail="gone"))

    # people

    def reacts(self, incident: str) -> None:
        """Somebody got a message: he takes it on, looks, says what it was, and resets."""
        for verb, least in ((Verb.SILENCE, 5.0), (Verb.ACKNOWLEDGE, 20.0), (Verb.VERDICT, 260.0), (Verb.RESET, 400.0)):
            if self.random.random() < 0.8:
                self.plan(least * self.random.uniform(1.0, 2.0), partial(self._acts, verb, incident))

    def _acts(self, verb: Verb, incident: str) -> None:
        life = self.life
        if life is None:
            return
        found = "equipment_fault" if verb is Verb.VERDICT else ""

        def make(at: datetime) -> AnyInput:
            return OperatorActed(
                at=at, person="carer", verb=verb, target=incident, finding=found, checked_on_site=True, via="link"
            )

        if self.random.random() < 0.08:
            self._dies_in(self.random.randint(1, 15))
        asked = self.loop.create_task(self._asks(life, make, verb, incident), context=self._outside)
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _asks(self, life: Life, make: Callable[[datetime], AnyInput], verb: Verb, incident: str) -> None:
        decision = await life.inbox.submit(HOME, make)
        if decision.durable:
            self.acts[(verb.value, incident)] += 1

    # what must hold

    def received(self, packet: Packet) -> None:
        """A packet was handed to a gateway that runs: whatever danger it says is announced in time."""
        dangers = dangers_of(packet.report)
        if dangers and self.life is not None:
            self.plan(ANNOUNCED_WITHIN_S, partial(self._announced, self.life, dangers, self.now))

    def _announced(self, life: Life, dangers: set[tuple[str, str]], since: float) -> None:
        if self.life is not life:
            return  # it died meanwhile: the broker hands the packet over again, and this begins anew
        sounder = self.places["sounder"]
        for device, category in dangers:
            alarms = life.engine.alarms.values()
            raised = {one.id for one in alarms if one.subject == device and one.category.value == category}
            if not raised and not sounder.ended_since(device, since):
                self.breaks(f"{category} of {device} is swallowed: no alarm, and nobody ended one")
            # What waits for a place that was away is handed over with its back-off; it is told by the other places.
            away = all(place.away_until + BACK_AFTER_S > since for place in self.places.values())
            if raised and not away and not any(raised & place.seen for place in self.places.values()):
                self.breaks(f"{category} of {device} was raised and not announced within 10 s")

    def breaks(self, words: str) -> None:
        """Something does not hold: the day is over."""
        self.broken = self.broken or Broken(self.where(words))
        self.loop.stop()

    def _check_places(self, life: Life) -> None:
        if waiting := self.broker.unacknowledged:
            raise Broken(self.where(f"{len(waiting)} packets are not acknowledged, the first {waiting[0]}"))
        self.reached = {name: life.record.cursor(name, HOME) for name in self.places}
        self.checked_at = life.record.head(HOME)
        self.due_before = self.clock.now() - timedelta(seconds=60)


    def where(self, words: str) -> str:
        """The words with the seed and the time, and how to repeat it."""
        at = f"{START + timedelta(seconds=self.now):%H:%M:%S}"
        return (
            f"seed {self.seed}, {at}, life {self.lives}: {words}\n"
            f"repeat it with: python -m tests.world.run --gateway --seeds 1 --first {self.seed}"
        )
