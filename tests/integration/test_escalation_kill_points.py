"""One escalation on the real journal, killed with kill -9 in each of its lives: nobody is forgotten.

Each life of the process ends by its own hand at a later place: before a decision, decided and not on disk, on disk,
before a hand-over, after it and before its record. The next life goes on from the journal alone.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.deliver.people import AGAIN
from gateway.record.journal import SqliteRecord
from rules.effects import Notify
from rules.inputs import SendReported
from tests.deliver_world import until

pytestmark = pytest.mark.integration

LIVES_MAX = 40

CHILD = """
import asyncio, os, signal, sys
from datetime import timedelta
from pathlib import Path
import uvloop
from msgspec.structs import replace
from gateway.clock import SystemClock
from gateway.deliver.destination import SendResult
from gateway.deliver.people import PeopleCourier
from gateway.inbox import Decision
from gateway.record.journal import SqliteRecord
from gateway.record.record import JournalEntry
from rules.alarm import Category
from rules.effects import Notify
from rules.engine import Engine
from rules.inputs import OperatorActed, Outcome, SendReported, TimePassed, Verb
from rules.site import Plan, PlanStep
from tests.unit.engine_world import RULES, SITE, loaded, spoke

FOLDER, LEFT, HOME = Path(sys.argv[1]), int(sys.argv[2]), SITE.id
PLAN = Plan(category=Category.FIRE, is_hastened=False, steps=(
    PlanStep(tell=("role:carer",)), PlanStep(tell=("director",), after=timedelta(seconds=0.2))))


def write(name, text):
    file = os.open(FOLDER / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{text}\\n".encode())
    os.close(file)


def passing(place):
    global LEFT
    LEFT -= 1
    if LEFT == 0:
        write("kills", place)
        os.kill(os.getpid(), signal.SIGKILL)


class Phone:
    def __init__(self, name):
        self.name = name

    def takes(self, effect):
        return isinstance(effect, Notify) and effect.channel == self.name

    async def send(self, effect, key):
        passing("before the hand-over")
        write("handed", f"{key} {effect.person} {effect.channel} {effect.purpose}")
        passing("after the hand-over")
        return SendResult(Outcome.ACCEPTED)


class Box:
    def __init__(self, record, head, clock):
        self.record, self.epoch, self.seq, self.clock = record, head.epoch, head.seq, clock
        self.engine, self.kinds, self.open = Engine(HOME), set(), set()
        self.lock = asyncio.Lock()

    def note(self, said, effects):
        self.kinds.add(type(said).__name__)
        self.open |= {effect.message for effect in effects if isinstance(effect, Notify)}
        if isinstance(said, SendReported) and said.final:
            self.open.discard(said.message)

    async def replay(self):
        after = 0
        while after < self.seq:
            for entry in await self.record.read(HOME, after):
                assert self.engine.step(entry.input) == entry.effects
                self.note(entry.input, entry.effects)
                after = entry.seq

    async def submit(self, home, make):
        async with self.lock:
            passing("before it is decided")
            said = make(self.clock.now())
            effects = self.engine.step(said)
            passing("decided, not on disk")
            self.seq += 1
            await self.record.commit([JournalEntry(HOME, self.epoch, self.seq, said.at, said, effects)])
            self.note(said, effects)
            passing("on disk")
            return Decision(seq=self.seq, effects=effects, durable=True)

    async def story(self):
        handed = FOLDER / "handed"
        while "OperatorActed" not in self.kinds or self.open:
            due = self.engine.next_deadline()
            if due is not None and due <= self.clock.now():
                await self.submit(HOME, lambda at: TimePassed(at=at))
            if "SiteChanged" not in self.kinds:
                await self.submit(HOME, lambda at: loaded(at, replace(SITE, plans=(PLAN,)), RULES))
            if "ReadingsArrived" not in self.kinds:
                await self.submit(HOME, lambda at: spoke(at, "smoke-1", smoke=True))
            called = handed.exists() and " director " in handed.read_text()
            if called and not self.open and "OperatorActed" not in self.kinds:
                target = next(iter(self.engine.incidents))
                await self.submit(HOME, lambda at: OperatorActed(
                    at=at, person="director", verb=Verb.ACKNOWLEDGE, target=target))
            await asyncio.sleep(0.01)


async def main():
    clock = SystemClock()
    record = await SqliteRecord.open(FOLDER / "journal.db", clock=clock)
    head = await record.open_stream(HOME)
    if head.at is not None:
        clock.start_at(head.at)
    box = Box(record, head, clock)
    await box.replay()
    couriers = [PeopleCourier(Phone(name), record, (HOME,), clock, box.submit, lambda: 1.0) for name in ("sms", "push")]
    tasks = [asyncio.create_task(courier.run()) for courier in couriers]
    await box.story()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await record.close()


uvloop.run(main())
"""


def live(folder: Path, places: int) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", CHILD, str(folder), str(places)]
    return subprocess.Popen(arguments, cwd=Path(__file__).parents[2])


def lines(folder: Path, name: str) -> list[str]:
    file = folder / name
    return file.read_text().splitlines() if file.exists() else []


async def test_killed_in_every_life_nobody_is_forgotten(tmp_path: Path) -> None:
    ended = False
    for number in range(LIVES_MAX):
        child = live(tmp_path, 5 + number % 5)
        await until(lambda: child.poll() is not None, 30.0)  # noqa: B023
        if child.returncode == 0:
            ended = True
            break
        assert child.returncode == -signal.SIGKILL
    kills = lines(tmp_path, "kills")
    assert ended and len(kills) >= 5 and len(set(kills)) >= 2, kills

    handed = [line.split() for line in lines(tmp_path, "handed")]
    told = Counter({key: (person, channel, purpose) for key, person, channel, purpose in handed}.values())
    assert told == Counter({
        ("carer", "sms", "call"): 1, ("carer", "push", "call"): 1, ("second", "sms", "call"): 1,
        ("director", "sms", "call"): 1,
        ("carer", "sms", "over"): 1, ("carer", "push", "over"): 1, ("second", "sms", "over"): 1,
    })
    counts = Counter(key for key, *_ in handed)
    assert sum(count - 1 for count in counts.values()) <= 2 * len(kills), "one under way in each channel at a kill"
    asked, reports = await journalled(tmp_path)
    assert asked == {report.message for report in reports if report.final}, "every message has an end on disk"
    said_again = {report.message for report in reports if report.detail.startswith(AGAIN)}
    assert {key for key, count in counts.items() if count > 1} <= said_again


async def journalled(folder: Path) -> tuple[set[str], list[SendReported]]:
    """The messages that were asked for, and the reports of them, as they are on disk."""
    record = await SqliteRecord.open(folder / "journal.db", clock=SystemClock())
    head = await record.open_stream("home")
    asked: set[str] = set()
    reports: list[SendReported] = []
    after = 0
    while after < head.seq:
        for entry in await record.read("home", after):
            after = entry.seq
            asked |= {effect.message for effect in entry.effects if isinstance(effect, Notify)}
            if isinstance(entry.input, SendReported):
                reports.append(entry.input)
    await record.close()
    return asked, reports
