"""One simulated home over one day: devices that speak, people who answer, and a network that loses, doubles and swaps.

Everything comes from one seed. Time is a number that the simulation moves: no clock, no threads, no sleeping.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from devices.reading import DANGER_POINTS, Quality, Reading, Report
from rules.effects import AlarmChanged, AnyEffect, Change, DriveSounder, Notify
from rules.engine import Engine
from rules.inputs import (
    AnyInput,
    ClockStepped,
    DecodeFailed,
    LinkChanged,
    OperatorActed,
    Outcome,
    ReadingsArrived,
    SendReported,
    TimePassed,
    Verb,
)
from tests.unit.engine_world import DEVICES, PLANS, RULES, SITE, START, loaded
from tests.world.asked import ask
from tests.world.invariants import check_effects, check_raised, check_sounders, check_state

DAY = timedelta(hours=24)
EVERY = timedelta(minutes=20)
CALL_GAP_MAX = max(
    *(step.after for plan in PLANS for step in plan.steps if plan.category.endangers_people),
    *(plan.repeat_every for plan in PLANS if plan.category.endangers_people),
    timedelta(seconds=60),
)
"""While the gateway runs, an unacknowledged danger is told again at least this often."""

POINT_OF = {"smoke": "smoke.alarm", "manual_call": "manual_call.alarm", "sos": "sos.alarm"}
SPEAKERS = frozenset(device.id for device in DEVICES if device.kind in POINT_OF)


class Broken(AssertionError):
    """Something that must hold did not; the text says with which seed and when."""


@dataclass(order=True)
class Event:
    """Something of the simulated world that is going to happen."""

    at: datetime
    serial: int
    what: str = field(compare=False)
    about: tuple[object, ...] = field(compare=False, default=())


class SimulatedDay:
    """A home, its engine and everything around it, for one day."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.now = START
        self.end = START + DAY
        self.engine = Engine("home")
        self.journal: list[tuple[AnyInput, tuple[AnyEffect, ...]]] = []
        self.in_alarm: dict[str, bool] = {}
        self.up = True
        self.waiting: list[AnyInput] = []
        self.told_at: dict[str, datetime] = {}
        self.driven: dict[str, DriveSounder] = {}
        self.raised: set[tuple[str, str]] = set()
        self.received: set[tuple[str, str]] = set()
        self.restores = 0
        self._events: list[Event] = []
        self._serial = 0

    def plan(self, after: float, what: str, *about: object) -> None:
        """Let something happen `after` seconds from now."""
        self._serial += 1
        heapq.heappush(self._events, Event(self.now + timedelta(seconds=after), self._serial, what, about))

    def run(self) -> None:
        """Play the day; Broken at the first thing that does not hold."""
        self._give(loaded(self.now, SITE, RULES))
        for device in DEVICES:
            self.plan(self.random.uniform(0, EVERY.total_seconds()), "report", device.id)
        for _ in range(self.random.randint(3, 9)):
            device = self.random.choice([d for d in DEVICES if d.kind in POINT_OF])
            self.plan(self.random.uniform(0, 0.9 * DAY.total_seconds()), "danger", device.id)
        for what, most in (("down", 3), ("restore", 8), ("clock", 2), ("link", 4), ("reload", 3), ("garbage", 3),
                           ("stranger", 2), ("retained", 6), ("asked", 30)):
            for _ in range(self.random.randint(0, most)):
                self.plan(self.random.uniform(0, 0.95 * DAY.total_seconds()), what)
        while (following := self._events[0].at if self._events else self.end) < self.end:
            if not self._wakes_before(following):
                event = heapq.heappop(self._events)
                self.now = event.at
                getattr(self, f"_on_{event.what}")(*event.about)
        self._check_the_whole_day()

    # the world around

    def _on_report(self, device: str) -> None:
        self.plan(EVERY.total_seconds() * self.random.uniform(0.8, 1.1), "report", device)
        self._send(device)

    def _on_danger(self, device: str) -> None:
        """It burns, somebody falls, …: the device says so at once, again while it lasts, and once when it is over."""
        self.in_alarm[device] = True
        lasts = self.random.choice([0.4, 20.0, 200.0, 1500.0])
        for after in (0.0, *(30.0 * n for n in range(1, int(lasts // 30) + 1))):
            self.plan(after, "say", device)
        self.plan(lasts, "end", device)

    def _on_say(self, device: str) -> None:
        self._send(device)

    def _on_end(self, device: str) -> None:
        self.in_alarm[device] = False
        self._send(device)

    def _send(self, device_id: str) -> None:
        """One packet onto a network that loses, doubles and delays (which swaps)."""
        device = next(d for d in DEVICES if d.id == device_id)
        readings = [Reading("temperature", 20.0), Reading("battery", self.random.choice([90.0, 88.0, 12.0]))]
        if device.kind in POINT_OF:
            readings.append(Reading(POINT_OF[device.kind], self.in_alarm.get(device_id, False)))
        else:
            quality = self.random.choice([Quality.GOOD, Quality.GOOD, Quality.BAD])
            readings.append(Reading("current.residual", self.random.choice([20.0, 20.0, 310.0]), quality))
        report = Report(device_id, tuple(readings), measured_at=self.now)
        if self.random.random() < 0.05:
            return
        for _ in range(2 if self.random.random() < 0.1 else 1):
            delay = self.random.choice([0.0, 0.0, 0.0, 0.2, 3.0, 40.0])
            self.plan(delay, "packet", report, False)

    def _on_packet(self, report: Report, retained: bool, unregistered: bool = False) -> None:
        self._deliver(ReadingsArrived(at=self.now, source="sim", reports=(report,), retained=retained,
                                      unregistered=unregistered))

    def _on_retained(self) -> None:
        device = self.random.choice([d for d in DEVICES if d.kind in POINT_OF])
        said_at = self.now - timedelta(seconds=self.random.choice([0, 600, 50_000]))
        value = self.random.random() < 0.4
        self._on_packet(Report(device.id, (Reading(POINT_OF[device.kind], value),), measured_at=said_at), True)

    def _on_stranger(self) -> None:
        self._on_packet(Report("sim/unknown", (Reading("gas.alarm", True),)), False, True)

    def _on_garbage(self) -> None:
        device = self.random.choice(DEVICES)
        self._deliver(DecodeFailed(at=self.now, source="sim", topic=device.id, reason="torn", device=device.id,
                                   category=device.category))

    def _on_link(self) -> None:
        up = self.random.random() < 0.5
        self._deliver(LinkChanged(at=self.now, link="broker:sim", up=up, detail="simulated"))

    def _on_clock(self) -> None:
        self._deliver(ClockStepped(at=self.now, old=self.now, new=self.now + timedelta(hours=1)))

    def _on_asked(self) -> None:
        self._deliver(ask(self.random, self.now, self.engine))

    def _on_reload(self) -> None:
        self._deliver(loaded(self.now, SITE, RULES))

    # the gateway

    def _on_down(self) -> None:
        self.up = False
        self.plan(self.random.choice([1.0, 30.0, 400.0, 5000.0]), "start")

    def _on_start(self) -> None:
        """It starts again: from its snapshot, with what the broker kept for it."""
        self.up = True
        self._on_restore()
        self._give(loaded(self.now, SITE, RULES))
        waiting, self.waiting = self.waiting, []
        for happened in waiting:
            self._give(replace(happened, at=self.now))

    def _on_restore(self) -> None:
        if self.up:
            body = self.engine.snapshot()
            self.engine = Engine.restore(body)
            self.restores += 1
            if self.engine.snapshot() != body:
                raise Broken(self._where("a restored engine is another one"))

    def _deliver(self, happened: AnyInput) -> None:
        if self.up:
            self._give(happened)
        else:
            self.waiting.append(happened)

    def _wakes_before(self, following: datetime) -> bool:
        """The shell sleeps until the next deadline, and is a little late; whether it woke before the next event."""
        due = self.engine.next_deadline() if self.up else None
        if due is None or due >= following:
            return False
        woken_at = max(due, self.now) + timedelta(seconds=self.random.choice([0, 0.01, 1]))
        self._give(TimePassed(at=min(woken_at, following)))
        return True

    def _give(self, happened: AnyInput) -> None:
        self.now = max(self.now, happened.at)
        effects = self.engine.step(happened)
        self.journal.append((happened, effects))
        try:
            check_raised(self.engine, happened)
            check_effects(happened, effects)
            check_sounders(self.engine, self.driven, effects)
            check_state(self.engine)
        except AssertionError as fault:
            raise Broken(self._where(f"{fault} after {happened}")) from fault
        self._note(happened, effects)
        self._people_act(effects)

    def _note(self, happened: AnyInput, effects: tuple[AnyEffect, ...]) -> None:
        if isinstance(happened, ReadingsArrived) and not happened.retained:
            for report in happened.reports:
                self.received |= {
                    (report.device, DANGER_POINTS[r.point])
                    for r in report.readings if r.point in DANGER_POINTS and r.value is True
                }
        for effect in effects:
            if isinstance(effect, AlarmChanged) and effect.change is Change.RAISED:
                self.raised.add((effect.alarm.subject, effect.alarm.category.value))
            elif isinstance(effect, Notify):
                self.told_at[effect.incident.id] = happened.at
        if isinstance(happened, TimePassed):
            for incident in self.engine.incidents.values():
                if incident.category.endangers_people and incident.acknowledged_at is None:
                    since = self.told_at.get(incident.id, incident.opened_at)
                    if happened.at - since > CALL_GAP_MAX + timedelta(seconds=2):
                        raise Broken(self._where(f"nobody was called about {incident.id} since {since}"))

    # the people

    def _people_act(self, effects: tuple[AnyEffect, ...]) -> None:
        for effect in effects:
            if isinstance(effect, Notify) and effect.purpose != "over":
                self.plan(self.random.choice([0.5, 5.0]), "sent", effect)
            elif isinstance(effect, AlarmChanged) and effect.change is Change.RAISED and effect.alarm.latched:
                self.plan(self.random.choice([300.0, 2000.0]), "tidy", effect.alarm.id)
            elif (isinstance(effect, AlarmChanged) and effect.change is Change.RESET
                  and effect.alarm.subject in SPEAKERS and self.random.random() < 0.2):
                # It may burn again at once: after any reset the next smoke raises.
                self.plan(self.random.choice([0.5, 20.0]), "danger", effect.alarm.subject)

    def _on_sent(self, sent: Notify) -> None:
        outcome = self.random.choice([Outcome.DELIVERED, Outcome.REFUSED, Outcome.REFUSED, Outcome.ACCEPTED])
        if self.random.random() < 0.1:
            outcome = Outcome.ANSWERED
        self._deliver(SendReported(at=self.now, message=sent.message, incident=sent.incident.id, channel=sent.channel,
                                   person=sent.person, outcome=outcome))

    def _on_tidy(self, alarm: str) -> None:
        """Somebody takes it on, goes there, says what it was, and resets it once it is over."""
        known = self.engine.alarms.get(alarm)
        if known is None:
            return
        if self.up:
            for verb in (Verb.SILENCE, Verb.ACKNOWLEDGE, Verb.VERDICT, Verb.RESET):
                if self.random.random() < 0.8:
                    found = "equipment_fault" if verb is Verb.VERDICT else ""
                    self._give(OperatorActed(at=self.now, person="carer", verb=verb, target=alarm, finding=found,
                                             checked_on_site=not self.in_alarm.get(known.subject, False)))
        self.plan(self.random.uniform(60.0, 900.0), "tidy", alarm)

    # the end

    def _check_the_whole_day(self) -> None:
        if missing := self.received - self.raised:
            raise Broken(self._where(f"received, never raised: {sorted(missing)}"))
        again = Engine("home")
        for number, (happened, effects) in enumerate(self.journal, start=1):
            if again.step(happened) != effects:
                raise Broken(self._where(f"a replay of the journal differs at entry {number}: {happened}"))
        if again.snapshot() != self.engine.snapshot():
            raise Broken(self._where("a replay of the journal ends in another state"))

    def _where(self, words: str) -> str:
        return (f"seed {self.seed}, {self.now:%H:%M:%S}, input {len(self.journal)}: {words}\n"
                f"repeat it with: python -m tests.world.run --seeds 1 --first {self.seed}")
