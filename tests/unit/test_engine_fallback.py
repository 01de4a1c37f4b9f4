"""Fire is never swallowed: packets that nobody can read, inputs that fault, strangers, and the bare last resort."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from rules.alarm import Category
from rules.bare import bare_effects
from rules.effects import AlarmChanged, DriveSounder, Notify
from rules.inputs import DecodeFailed, EngineFaulted, PacketRefused
from rules.troubles import CLEARS_AFTER, UNASSIGNED
from tests.unit.engine_world import DANGERS, SITE, START, World, alarm_changes, of, told


@pytest.fixture
def world() -> World:
    return World()


def _failed(world: World, what: str, device: str, category: str) -> tuple[object, ...]:
    if what == "undecodable":
        return world.unreadable(device, category)
    return world.step(EngineFaulted(at=world.at, fault_id="f1", error="KeyError", device=device, category=category))


BOTH = pytest.mark.parametrize("what", ["undecodable", "faulted"])


@BOTH
@pytest.mark.parametrize("category", DANGERS, ids=lambda c: c.value)
def test_the_device_s_danger_is_raised_latched(world: World, what: str, category: Category) -> None:
    _failed(world, what, "smoke-1", category.value)
    alarm = world.alarm(f"gateway.fallback.{category.value}", "smoke-1")
    assert (alarm.category, alarm.latched, alarm.zone, alarm.priority) == (category, True, "ward", 2)
    assert not alarm.clears_are_trusted and alarm.detail
    assert world.alarm(f"gateway.{what}", "smoke-1").category is Category.TROUBLE
    world.wait(CLEARS_AFTER.total_seconds())
    assert world.alarm(alarm.rule, "smoke-1").active, "the danger does not end by itself"


@BOTH
@pytest.mark.parametrize("category", ["", "electrical", "trouble", "nonsense"])
def test_without_a_danger_it_is_only_a_trouble(world: World, what: str, category: str) -> None:
    _failed(world, what, "meter-1", category)
    assert [(a.rule, a.category.value) for a in world.engine.alarms.values()] == [(f"gateway.{what}", "trouble")]


@BOTH
def test_the_trouble_ends_ten_minutes_after_the_last(world: World, what: str) -> None:
    _failed(world, what, "meter-1", "")
    world.wait(599)
    _failed(world, what, "meter-1", "")
    world.wait(599)
    assert world.has(f"gateway.{what}", "meter-1")
    assert alarm_changes(world.wait(1)) == [("closed", f"gateway.{what}", "meter-1")]


@BOTH
def test_of_a_device_that_nobody_knows(world: World, what: str) -> None:
    _failed(world, what, "", "fire")
    subject = "source:test" if what == "undecodable" else "source:engine"
    assert world.alarm("gateway.fallback.fire", subject).zone == UNASSIGNED


def test_again_while_open_is_the_same_alarm(world: World) -> None:
    world.unreadable("smoke-1", "fire")
    first = world.alarm("gateway.fallback.fire", "smoke-1").id
    world.unreadable("smoke-1", "fire")
    again = world.alarm("gateway.fallback.fire", "smoke-1")
    assert (again.id, again.repeats) == (first, 1)


def test_new_words_are_told(world: World) -> None:
    world.unreadable("smoke-1", "fire")
    effects = world.step(DecodeFailed(at=world.at, source="test", topic="t", reason="worse", device="smoke-1",
                                      category="fire"))
    assert ("repeated", "gateway.fallback.fire", "smoke-1") in alarm_changes(effects)
    assert "worse" in world.alarm("gateway.fallback.fire", "smoke-1").detail


def test_a_readable_packet_does_not_end_it_but_says_so(world: World) -> None:
    world.unreadable("smoke-1", "fire")
    world.spoke("smoke-1", smoke=False)
    alarm = world.alarm("gateway.fallback.fire", "smoke-1")
    assert alarm.active and "check on site" in alarm.detail
    world.acknowledges(alarm.id)
    world.resets(alarm.id, checked=True)
    assert not world.has("gateway.fallback.fire", "smoke-1")
    world.unreadable("smoke-1", "fire")
    assert world.has("gateway.fallback.fire", "smoke-1")


def test_fire_and_unreadable_fire_of_one_device_are_one_incident_not_confirmed(world: World) -> None:
    world.unreadable("smoke-1", "fire")
    world.spoke("smoke-1", smoke=True)
    fires = [i for i in world.engine.incidents.values() if i.category is Category.FIRE]
    assert len(fires) == 1 and len(fires[0].alarms) == 2 and not fires[0].confirmed


def test_refused_packets_are_a_trouble_of_their_source(world: World) -> None:
    for count in (1, 40):
        world.step(PacketRefused(at=world.at, source="b", topic="h/other/x", reason="names another home", count=count))
    alarm = world.alarm("gateway.refused", "source:b")
    assert (alarm.zone, alarm.category) == (UNASSIGNED, Category.TROUBLE) and "(40)" in alarm.detail
    world.wait(600)
    assert not world.has("gateway.refused", "source:b")


class TestBare:
    def _fault(self, device: str, category: str) -> EngineFaulted:
        return EngineFaulted(at=START, fault_id="f1", error="RuntimeError: x", device=device, category=category)

    @pytest.mark.parametrize("category", DANGERS, ids=lambda c: c.value)
    def test_tells_everybody_with_a_channel(self, category: Category) -> None:
        effects = bare_effects(SITE, 3, 77, self._fault("smoke-1", category.value))
        (raised,) = of(effects, AlarmChanged)
        alarm = raised.alarm
        assert (alarm.id, alarm.category, alarm.zone, alarm.subject) == ("home:3:77", category, "ward", "smoke-1")
        assert [name for name, _ in told(effects)] == ["director", "carer", "second", "off"]
        messages = [n.message for n in of(effects, Notify)]
        assert len(set(messages)) == len(messages) == 5
        sounding = [(s.zone, s.pattern.value) for s in of(effects, DriveSounder)]
        assert sounding == ([("ward", "evacuate")] if category is not Category.PERSON else [])

    def test_without_a_danger_it_is_a_trouble(self) -> None:
        (raised, *_) = bare_effects(SITE, 1, 5, self._fault("", ""))
        assert (raised.alarm.category, raised.alarm.zone) == (Category.TROUBLE, UNASSIGNED)

    def test_is_the_same_at_a_replay(self) -> None:
        fault = self._fault("gone", "gas")
        assert bare_effects(SITE, 1, 5, fault) == bare_effects(SITE, 1, 5, fault)

    def test_of_a_home_without_people(self) -> None:
        effects = bare_effects(replace(SITE, people=()), 1, 5, self._fault("smoke-1", "fire"))
        assert [type(effect) for effect in effects] == [AlarmChanged, DriveSounder]


def test_an_unreadable_packet_neither_leads_nor_confirms_a_fire(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    incident = world.alarm("smoke", "smoke-1").incident
    _failed(world, "undecodable", "smoke-2", "fire")
    found = world.engine.incidents[incident]
    assert len(found.alarms) == 2 and not found.confirmed
    assert world.engine.alarm_book.foremost(incident).subject == "smoke-1"
