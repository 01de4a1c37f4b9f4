"""A channel that refuses, is limited or does not answer moves a danger on at once: engine and couriers on one clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta

import pytest
from msgspec.structs import replace

from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import MessageChannel, refused, retry
from gateway.deliver.people import PeopleCourier
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice, compose
from gateway.http import Unreachable
from gateway.inbox import Decision
from rules.effects import Notify
from rules.engine import Engine
from rules.inputs import AnyInput, Outcome
from rules.site import Channel, ChannelOrder, Person, Plan, PlanStep
from tests.deliver_world import ManualClock, MemoryRecord, settle
from tests.unit.engine_world import RULES, SITE, loaded, spoke

HOME = "home"
PUSH, SMS, CALL = Channel("push", "a"), Channel("sms", "1", order=1), Channel("call", "1", order=2)
TAKEN = SendResult(Outcome.ACCEPTED)


class Line(MessageChannel):
    """A channel that notes when it is handed what, and answers in turn (then it takes all)."""

    def __init__(self, name: str, clock: ManualClock, answers: Sequence[SendResult | Exception], **quota: int) -> None:
        limits = {"per_minute": 20, "reserved": 10} | quota
        super().__init__(name, lambda one: compose(one, None, ""), clock, Quota(clock=clock, **limits))
        self.answers = list(answers)
        self.handed: list[tuple[float, str]] = []

    def address_fault(self, address: str) -> str:
        return ""

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        if not notify.alarm.category.endangers_people:
            return TAKEN  # the trouble that a channel broke
        self.handed.append((self._clock.monotonic(), notify.person))
        answer = self.answers.pop(0) if self.answers else TAKEN
        if isinstance(answer, Exception):
            raise answer
        return answer


class Box:
    """Engine, journal and couriers: what is reported is decided, what is decided is journalled and carried."""

    def __init__(self, person: Person, lines: dict[str, Sequence[SendResult | Exception]], **plan: object) -> None:
        self.clock, self.record = ManualClock(), MemoryRecord()
        others = tuple(one for one in SITE.people if one.id == "director")
        steps = (PlanStep(tell=(person.id,), **plan), PlanStep(tell=("director",), after=timedelta(seconds=120)))
        fire = Plan(category=SITE.plans[0].category, steps=steps)
        site = replace(SITE, people=(person, *others), plans=(fire,))
        self.engine = Engine(HOME)
        self.lines = {name: Line(name, self.clock, answers) for name, answers in lines.items()}
        self.decide(lambda at: loaded(at, site, RULES))

    def decide(self, make: Callable[..., AnyInput]) -> Decision:
        said = make(self.clock.now())
        effects = tuple(self.engine.step(said))
        seq = self.record.append(HOME, effects, said)
        return Decision(seq=seq, effects=effects, durable=True)

    async def submit(self, home: str, make: Callable[..., AnyInput]) -> Decision:
        await asyncio.sleep(0)
        return self.decide(make)

    @asynccontextmanager
    async def carrying(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for line in self.lines.values():
                courier = PeopleCourier(line, self.record, (HOME,), self.clock, self.submit, lambda: 1.0)
                stack.push_async_callback(stopped, asyncio.create_task(courier.run()))
            await settle()
            yield

    async def smoke(self) -> None:
        self.decide(lambda at: spoke(at, "smoke-1", smoke=True))
        await settle(400)

    def handed(self) -> dict[str, list[tuple[float, str]]]:
        return {name: line.handed for name, line in self.lines.items()}


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def carer(*channels: Channel) -> Person:
    return Person(id="carer", name="A", role="carer", channels=channels)


FAILURES = [
    pytest.param(refused("no such topic"), id="refused"),
    pytest.param(retry("over the robot's limit", 60.0), id="limited_for_a_minute"),
    pytest.param(retry("over the limit", 3.0), id="limited_for_a_moment"),
    pytest.param(retry("HTTP 503"), id="busy"),
    pytest.param(Unreachable("no answer within 5 s", sent=True), id="time_out"),
    pytest.param(RuntimeError("planted"), id="broken"),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_fire_goes_to_the_next_channel_in_the_same_moment(failure: SendResult | Exception) -> None:
    box = Box(carer(PUSH, SMS, CALL), {"push": [failure] * 9, "sms": [], "call": []})
    async with box.carrying():
        await box.smoke()
    assert box.handed() == {"push": [(0.0, "carer")], "sms": [(0.0, "carer")], "call": []}


async def test_a_quota_that_is_used_up_moves_a_fire_on_without_a_try() -> None:
    box = Box(carer(PUSH, SMS), {"push": [], "sms": []})
    full = box.lines["push"].quota
    while not full.take(SITE.plans[0].category):
        continue
    async with box.carrying():
        await box.smoke()
    assert box.handed() == {"push": [], "sms": [(0.0, "carer")]}


async def test_every_channel_in_turn_and_then_the_next_step_at_once() -> None:
    gone = refused("gone")
    box = Box(carer(PUSH, SMS, CALL), {"push": [gone], "sms": [gone], "call": [gone]})
    async with box.carrying():
        await box.smoke()
    assert box.handed() == {
        "push": [(0.0, "carer")],
        "sms": [(0.0, "carer"), (0.0, "director")],
        "call": [(0.0, "carer")],
    }


async def test_the_last_channel_of_a_person_is_tried_again_and_again_and_not_given_up_early() -> None:
    busy = retry("HTTP 503")
    box = Box(carer(PUSH, SMS), {"push": [busy], "sms": [busy, busy]})
    async with box.carrying():
        await box.smoke()
        await box.clock.advance(5)
    assert [at for at, _ in box.lines["push"].handed] == [0.0]
    assert [at for at, _ in box.lines["sms"].handed] == [0.0, 0.5, 1.5]


@pytest.mark.parametrize(
    ("order", "tries"),
    [
        pytest.param(ChannelOrder.IN_ORDER, 1, id="listed_one_after_the_other"),
        pytest.param(ChannelOrder.PARALLEL, 3, id="all_at_once"),
    ],
)
async def test_what_comes_after_which_is_the_step_s_to_say(order: ChannelOrder, tries: int) -> None:
    """Equal channels that a step uses one after the other move on at once; those used at once are each tried again."""
    busy = retry("HTTP 503")
    box = Box(carer(PUSH, Channel("sms", "1")), {"push": [busy, busy], "sms": []}, order=order)
    async with box.carrying():
        await box.smoke()
        await box.clock.advance(5)
    assert len(box.lines["push"].handed) == tries
    assert [at for at, _ in box.lines["sms"].handed] == [0.0]


async def test_every_move_is_recorded_with_its_reason() -> None:
    box = Box(carer(PUSH, SMS), {"push": [retry("over the robot's limit", 60.0)], "sms": []})
    async with box.carrying():
        await box.smoke()
    said = [entry.input for entry in box.record.entries[HOME] if entry.input.__class__.__name__ == "SendReported"]
    assert [(one.channel, one.outcome, one.final) for one in said] == [
        ("push", Outcome.REFUSED, True),
        ("sms", Outcome.ACCEPTED, True),
    ]
    assert said[0].detail == "over the robot's limit: left to the person's other channels"
