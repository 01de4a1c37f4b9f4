"""Somebody came after a fall: resolved, unverified. It is shown, it ends nothing, and of a fire it says nothing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from gateway.console.texts import WORDS
from rules.alarm import Category
from rules.condition import Equals, Sequence
from rules.engine import Engine
from rules.inputs import Verb
from rules.rule import Per, Rule
from rules.verification import NEEDS_VERDICT
from tests.unit.engine_world import (
    DEVICES,
    HOUR,
    MINUTE,
    SITE,
    World,
    device,
    incident_changes,
    refusals,
    rule,
    told,
)

FELL, OPENED = Equals(point="sos.alarm", value=True), Equals(point="temperature", value=True)
FALL = rule("fall", FELL, Category.PERSON, latch=True, verify=True)
SMOKE = rule("smoke", Equals(point="smoke.alarm", value=True), Category.FIRE, latch=True)
CAME = replace(
    rule("came", Sequence(first=FELL, then=OPENED, within=10 * MINUTE), Category.SUPERVISORY),
    per=Per.ROOM,
    attends=("fall", "smoke"),
)
ROOMS = (
    device("fall-1", "fall", "ward", room="1", silence_limit=100 * HOUR),
    device("door-1", "door", "ward", room="1", silence_limit=100 * HOUR),
    device("fall-2", "fall", "ward", room="2", silence_limit=100 * HOUR),
    *(replace(each, silence_limit=100 * HOUR) for each in DEVICES),
)


def home(*rules: Rule) -> World:
    return World(site=replace(SITE, devices=ROOMS), rules=rules or (FALL, CAME))


@pytest.fixture
def world() -> World:
    made = home()
    made.spoke("fall-1", sos=True)
    made.wait(20)
    return made


def test_who_comes_is_shown_and_the_calls_go_on(world: World) -> None:
    effects = world.spoke("door-1", temperature=True)
    assert "attended" in incident_changes(effects)
    incident = world.incident_of("person")
    assert incident.attended_at == world.at and incident.timeline[-1].event == "attended"
    assert incident.next_step_at is not None and ("director", "call") in told(world.wait(26))
    assert WORDS["zh"].event("attended") != "attended"
    assert Engine.restore(world.engine.snapshot()).snapshot() == world.engine.snapshot()


def test_the_fall_still_needs_its_verdict(world: World) -> None:
    world.spoke("door-1", temperature=True)
    world.spoke("fall-1", sos=False)
    incident = world.incident_of("person").id
    world.acknowledges(incident)
    assert NEEDS_VERDICT in refusals(world.acts(Verb.RESET, incident))[0]
    world.acts(Verb.VERDICT, incident, finding="cared_for")
    assert not refusals(world.acts(Verb.RESET, incident))


def test_of_two_who_fell_in_two_rooms_one_alone_has_company(world: World) -> None:
    world.spoke("fall-2", sos=True)
    world.spoke("door-1", temperature=True)
    assert world.incident_of("person").attended_at is None


def test_a_further_alarm_is_not_attended_yet(world: World) -> None:
    world.spoke("door-1", temperature=True)
    world.spoke("fall-2", sos=True)
    assert world.incident_of("person").attended_at is None


def test_a_fire_is_never_attended() -> None:
    world = home(SMOKE, FALL, CAME)
    world.spoke("smoke-1", smoke=True)
    world.spoke("fall-1", sos=True)
    world.spoke("door-1", temperature=True)
    assert world.incident_of("person").attended_at is not None
    assert world.incident_of("fire").attended_at is None


def test_a_rule_that_attends_nothing_says_nothing() -> None:
    world = home(FALL, replace(CAME, attends=()))
    world.spoke("fall-1", sos=True)
    world.spoke("door-1", temperature=True)
    assert world.incident_of("person").attended_at is None


def test_nobody_fell() -> None:
    world = home(FALL, replace(CAME, condition=OPENED))
    world.spoke("door-1", temperature=True)
    assert [each.category for each in world.engine.incidents.values()] == [Category.SUPERVISORY]


def test_after_a_restore_it_is_known_who_attends_whom(world: World) -> None:
    world.engine = Engine.restore(world.engine.snapshot())
    world.spoke("door-1", temperature=True)
    assert world.incident_of("person").attended_at == world.at
