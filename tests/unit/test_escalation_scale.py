"""A thousand open incidents and a hundred people: what one input costs hardly grows with what else is open.

Counted are the steps of the interpreter, not seconds: the same on every machine, and under load.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest
from msgspec.structs import replace

from rules.alarm import Category
from rules.effects import Notify
from rules.inputs import AnyInput, OperatorActed, Outcome, SendReported, TimePassed, Verb
from rules.site import Chain, Channel, Person, Plan, PlanStep, Site, Zone
from rules.text import Text
from tests.unit.engine_world import World, device, of, spoke

FEW, MANY = 50, 1000
GROWTH_MAX = 1.3
"""Budget of DESIGN section 10 for what may grow with the number of rules; it holds for incidents as well."""

PEOPLE = tuple(
    Person(id=f"p{n}", name=f"P{n}", role="carer" if n < 4 else "township", channels=(Channel("sms", str(n)),),
           teams=(f"t{n % 20}",))
    for n in range(100)
)
PLAN = Plan(
    category=Category.FIRE,
    steps=(PlanStep(tell=("p0", "p1")), PlanStep(tell=("team:t3",), after=timedelta(seconds=30))),
    chains=(Chain(name="county", steps=(PlanStep(tell=("team:t9",), after=timedelta(seconds=45)),)),),
    is_hastened=False,
)


def home(incidents: int) -> Site:
    zones = tuple(Zone(id=f"z{n}", name=Text(f"{n}")) for n in range(incidents + 1))
    devices = tuple(device(f"smoke-{n}", "smoke", f"z{n}", category="fire", silence_limit=timedelta(days=9))
                    for n in range(incidents + 1))
    return Site(id="home", name=Text("县"), zones=zones, devices=devices, people=PEOPLE, plans=(PLAN,))


def burning(incidents: int) -> World:
    """So many open incidents, each with its plan under way, their steps a millisecond apart."""
    world = World(home(incidents))
    for n in range(incidents):
        world.at += timedelta(milliseconds=1)
        world.spoke(f"smoke-{n}", smoke=True)
    world.wait(16)
    assert len(world.engine.incidents) == incidents
    return world


@pytest.fixture(scope="module")
def worlds() -> dict[int, World]:
    return {incidents: burning(incidents) for incidents in (FEW, MANY)}


def steps_of(world: World, happened: AnyInput) -> int:
    """How many steps of the interpreter one input takes."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        world.step(happened)
    finally:
        sys.settrace(before)
    return count


def growth(worlds: dict[int, World], make: Any) -> float:
    few, many = (steps_of(worlds[incidents], make(worlds[incidents])) for incidents in (FEW, MANY))
    assert few > 100
    return many / few


def last_message(world: World) -> Notify:
    return of(world.effects, Notify)[-1]


def about(world: World, outcome: Outcome) -> SendReported:
    told = last_message(world)
    return SendReported(at=world.at, message=told.message, incident=told.incident.id, channel=told.channel,
                        person=told.person, outcome=outcome)


def one_more_fire(world: World) -> AnyInput:
    return spoke(world.at, f"smoke-{len(world.engine.devices) - 1}", smoke=True)


def one_step(world: World) -> AnyInput:
    """The first step that is due; nothing else is due at that instant."""
    due, _, key = world.engine.deadlines.to_list()[0]
    assert key[0] == "step"
    return TimePassed(at=due)


def taken_on(world: World) -> AnyInput:
    return OperatorActed(at=world.at, person="p7", verb=Verb.ACKNOWLEDGE, target=last_message(world).incident.id)


@pytest.mark.parametrize("make", [
    one_more_fire,
    lambda world: about(world, Outcome.ACCEPTED),
    lambda world: about(world, Outcome.REFUSED),
    one_step,
    taken_on,
    lambda world: replace(taken_on(world), person="p8"),
    lambda world: replace(taken_on(world), verb=Verb.VERDICT, verdict="false", cause="steam"),
    lambda world: spoke(world.at, last_message(world).alarm.subject, smoke=False),
    lambda world: replace(taken_on(world), verb=Verb.RESET),
], ids=["fire", "accepted", "refused", "step", "acknowledged", "again", "verdict", "cleared", "reset"])
def test_what_one_input_costs_hardly_grows(worlds: dict[int, World], make: Any) -> None:
    assert growth(worlds, make) <= GROWTH_MAX


def test_every_step_is_run_at_its_instant(worlds: dict[int, World]) -> None:
    world = worlds[MANY]
    dues = sorted(due for due, _, key in world.engine.deadlines.to_list() if key[0] == "step")
    until = dues[0] + timedelta(seconds=20)
    told = of(world.wait((until - world.at).total_seconds()), Notify)
    assert {n.at for n in told} == {due for due in dues if due <= until}


def test_the_tracer_sees_a_scan(worlds: dict[int, World]) -> None:
    """The count is worth something: looking through all that is open grows with it."""
    def scan(world: World) -> Iterable[str]:
        return [incident.id for incident in world.engine.incidents.values() if incident.zone == "nowhere"]

    counted = []
    for world in worlds.values():
        real, world.engine.step = world.engine.step, lambda _, world=world: tuple(scan(world))  # type: ignore[method-assign, assignment, misc]
        counted.append(steps_of(world, TimePassed(at=world.at)))
        world.engine.step = real  # type: ignore[method-assign]
    assert counted[1] > 5 * counted[0]
