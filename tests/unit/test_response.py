"""At an incident: steps are ticked off, and support comes at once and goes on coming until somebody takes it on."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.console.texts import WORDS
from rules import incident as incident_module
from rules import response
from rules.alarm import Category
from rules.effects import AnyEffect, Notify
from rules.engine import Engine
from rules.inputs import Outcome, ProcedureTicked, SupportRequested, TimePassed
from rules.procedure import steps_of
from rules.site import Chain, Channel, Person, Plan, PlanStep
from rules.text import Text
from tests.unit.engine_world import (
    MINUTE,
    SITE,
    World,
    alarm_changes,
    danger_rule,
    incident_changes,
    refusals,
    told,
    with_people,
    with_plan,
)
from tests.unit.engine_world import of as effects_of

PROCEDURE = Text("到现场。真火拨119；疏散。", "Go there. If real: call 119; bring people out.")


@pytest.fixture
def world() -> World:
    made = World(rules=(danger_rule("smoke.alarm", Category.FIRE, procedure=PROCEDURE),))
    made.spoke("smoke-1", smoke=True)
    return made


def ticks(world: World, step: int, *, done: bool = True, rule: str = "smoke", **more: Any) -> tuple[AnyEffect, ...]:
    fields = {"person": "carer", "incident": world.incident().id, **more}
    return world.step(ProcedureTicked(at=world.at, rule=rule, step=step, done=done, **fields))


def support(world: World, person: str = "carer", incident: str = "") -> tuple[AnyEffect, ...]:
    return world.step(SupportRequested(at=world.at, person=person, incident=incident or world.incident().id))


# the procedure


def test_a_step_is_ticked_off_and_taken_back(world: World) -> None:
    assert incident_changes(ticks(world, 2)) == ["ticked"]
    (tick,) = world.incident().ticks
    assert (tick.rule, tick.step, tick.by) == ("smoke", 2, "carer")
    assert (world.incident().timeline[-1].event, world.incident().timeline[-1].detail) == ("ticked", "smoke 2")
    assert incident_changes(ticks(world, 2, done=False, person="second")) == ["unticked"]
    assert world.incident().ticks == ()


@pytest.mark.parametrize("done", [True, False])
def test_what_is_so_already_is_no_news(world: World, done: bool) -> None:
    if done:
        ticks(world, 1)
    assert ticks(world, 1, done=done) == ()


@pytest.mark.parametrize(
    ("step", "rule"),
    [pytest.param(0, "smoke", id="before"), pytest.param(4, "smoke", id="behind"), pytest.param(1, "x", id="rule")],
)
def test_a_step_that_there_is_not_is_refused(world: World, step: int, rule: str) -> None:
    assert refusals(ticks(world, step, rule=rule)) == [response.NO_STEP]
    assert world.incident().ticks == ()


def test_ticks_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "TICKS_MAX", 1)
    assert incident_module.TICKS_MAX > 1
    ticks(world, 1)
    assert refusals(ticks(world, 2)) == [response.TOO_MANY_TICKS]
    assert incident_changes(ticks(world, 1, done=False)) == ["unticked"]


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda world: ticks(world, 1, incident="home:1:99.i1"), id="tick"),
        pytest.param(lambda world: support(world, "carer", "home:1:99.i1"), id="support"),
    ],
)
def test_an_incident_that_is_over_takes_neither(world: World, ask: Any) -> None:
    assert refusals(ask(world)) == [response.OVER]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param(PROCEDURE, 3, id="sentences_and_their_parts"),
        pytest.param(Text("一\n二", "one\ntwo"), 2, id="lines"),
        pytest.param(Text("只有中文。两步。"), 2, id="one_language"),
        pytest.param(Text("一步。", "Two. Steps."), 1, id="languages_that_differ"),
        pytest.param(Text("超过1.5 A时断电", "Above 1.5 A cut the power"), 1, id="a_number"),
        pytest.param(Text("", ""), 0, id="none"),
    ],
)
def test_a_procedure_is_split_where_its_sentences_end(text: Text, count: int) -> None:
    assert len(steps_of(text)) == count


# support


def test_support_calls_the_next_step_at_once_though_the_incident_was_taken_on(world: World) -> None:
    world.wait(3)
    world.acknowledges(world.incident().id)
    world.wait(20)
    effects = support(world)
    assert told(effects) == [("carer", "call"), ("second", "call")]
    assert [each.incident.support_by for each in effects_of(effects, Notify)] == ["carer"] * 3
    assert alarm_changes(effects) == [("re_alarmed", "smoke", "smoke-1")]
    assert world.incident().acknowledged_at is None


def test_support_goes_on_until_somebody_takes_it_on(world: World) -> None:
    world.acknowledges(world.incident().id)
    support(world)
    assert ("director", "call") in told(world.wait(31))
    assert ("director", "repeat") in told(world.wait(61))
    over = world.acknowledges(world.incident().id, "second")
    assert refusals(over) == []
    assert world.incident().support_by == ""
    assert world.incident().acknowledged_by == "second"
    assert told(world.wait(120)) == []


def test_support_behind_the_last_step_calls_everybody(world: World) -> None:
    world.wait(300)
    world.acknowledges(world.incident().id)
    assert {person for person, _ in told(support(world))} == {"carer", "second", "director", "off"}


def test_a_refused_call_for_support_moves_on_at_once(world: World) -> None:
    world.acknowledges(world.incident().id)
    sent = effects_of(support(world), Notify)
    effects = [effect for each in sent for effect in world.reported(each, Outcome.REFUSED)]
    assert told(effects) == [("director", "call")]


def test_a_second_press_is_the_same_call(world: World) -> None:
    support(world)
    before = world.incident().step
    world.wait(9)
    assert refusals(support(world)) == [response.CALLED_ALREADY]
    assert world.incident().step == before
    world.wait(1)
    assert refusals(support(world)) == []


def test_a_restart_in_the_midst_forgets_nothing(world: World) -> None:
    ticks(world, 1)
    world.acknowledges(world.incident().id)
    support(world)
    again = Engine.restore(world.engine.snapshot())
    assert again.incidents == world.engine.incidents
    due = world.engine.next_deadline()
    assert due is not None
    assert again.step(TimePassed(at=due)) == world.step(TimePassed(at=due))


@pytest.mark.parametrize("reason", [response.NO_STEP, response.TOO_MANY_TICKS, response.CALLED_ALREADY, response.OVER])
def test_every_refusal_is_said_in_chinese(reason: str) -> None:
    assert WORDS["zh"].reason(reason) != reason


@pytest.mark.parametrize("event", ["ticked", "unticked", "support"])
def test_every_line_of_the_timeline_has_words(event: str) -> None:
    assert WORDS["zh"].event(event) != event
    assert WORDS["en"].event(event) != event


def test_support_calls_the_next_step_of_every_chain(world: World) -> None:
    county = Person(id="county", name="县", role="guidance", channels=(Channel("sms", "9"),))
    fire = Plan(
        category=Category.FIRE,
        steps=(PlanStep(tell=("carer",)), PlanStep(tell=("second",), after=MINUTE)),
        chains=(Chain(name="county", steps=(PlanStep(tell=("county",), after=10 * MINUTE),)),),
    )
    world = World(site=with_plan(with_people(SITE, *SITE.people, county), fire), rules=world.rules)
    world.spoke("smoke-1", smoke=True)
    world.acknowledges(world.incident().id)
    assert {person for person, _ in told(support(world))} == {"second", "county"}


def test_who_comes_too_is_written_down_once(world: World) -> None:
    target = world.incident().id
    world.acknowledges(target, "second")
    first = world.acknowledges(target, "director")
    assert refusals(first) == ["already acknowledged by second"]
    assert incident_changes(first) == ["coming_too"]
    again = world.acknowledges(target, "director")
    assert (refusals(again), incident_changes(again)) == (["already acknowledged by second"], [])
    assert incident_changes(world.acknowledges(target, "second")) == [], "who has it comes anyway"
    world.wait(1)
    world.spoke("smoke-2", smoke=True)
    assert not world.incident().comes("director"), "it is nobody's again"
