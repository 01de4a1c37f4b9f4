"""Time is an argument: deadlines at their own instants, downtime that counts, and a clock that never goes back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from rules.effects import AlarmChanged, Notify
from rules.inputs import ClockStepped, TimePassed
from rules.supervision import DEAF_GRACE
from tests.unit.engine_world import (
    HOUR,
    MINUTE,
    RULES,
    SECOND,
    SITE,
    START,
    World,
    alarm_changes,
    of,
    spoke,
    told,
)


@pytest.fixture
def world() -> World:
    return World()


class TestDelays:
    def test_raises_at_its_own_instant(self, world: World) -> None:
        world.spoke("meter-1", residual=400.0)
        assert world.wait(9.999) == []
        (raised,) = of(world.wait(1), AlarmChanged)
        assert raised.at == raised.alarm.raised_at == START + 10 * SECOND
        assert (raised.alarm.late, raised.alarm.value) == (False, "400 mA")

    def test_a_break_starts_the_delay_anew(self, world: World) -> None:
        world.spoke("meter-1", residual=400.0)
        world.wait(8)
        world.spoke("meter-1", residual=20.0)
        world.wait(1)
        world.spoke("meter-1", residual=400.0)
        assert world.wait(9) == []
        assert alarm_changes(world.wait(1)) == [("raised", "residual", "meter-1")]

    def test_reports_at_alarm_do_not_move_the_delay(self, world: World) -> None:
        world.spoke("meter-1", residual=400.0)
        for _ in range(9):
            world.wait(1)
            world.spoke("meter-1", residual=400.0)
        assert alarm_changes(world.wait(1)) == [("raised", "residual", "meter-1")]

    @pytest.mark.parametrize(("value", "holds"), [(301.0, True), (300.0, True), (271.0, True), (270.0, False)])
    def test_hysteresis_while_the_delay_runs(self, world: World, value: float, holds: bool) -> None:
        world.spoke("meter-1", residual=400.0)
        world.wait(5)
        world.spoke("meter-1", residual=value)
        world.wait(5)
        assert world.has("residual", "meter-1") is holds

    def test_clears_after_its_delay(self, world: World) -> None:
        world.spoke("meter-1", cable=80.0)
        world.wait(10)
        world.spoke("meter-1", cable=61.0)
        world.wait(60)
        assert world.has("cable", "meter-1"), "between clear and limit it holds on"
        world.spoke("meter-1", cable=60.0)
        assert world.wait(29) == []
        assert alarm_changes(world.wait(1)) == [("closed", "cable", "meter-1")]

    def test_a_return_of_the_condition_takes_the_pending_end_back(self, world: World) -> None:
        world.spoke("meter-1", cable=80.0)
        world.wait(10)
        world.spoke("meter-1", cable=20.0)
        world.wait(20)
        world.spoke("meter-1", cable=61.0)
        assert alarm_changes(world.wait(100)) == []
        assert world.alarm("cable", "meter-1").active

    def test_the_limit_counts_again_after_it_cleared(self, world: World) -> None:
        world.spoke("smoke-1", battery=14.0)
        world.spoke("smoke-1", battery=20.0)
        world.spoke("smoke-1", battery=16.0)
        assert not world.has("battery", "smoke-1")


class TestDowntime:
    def test_what_fell_due_while_down_is_stamped_with_its_instant_and_marked_late(self, world: World) -> None:
        world.spoke("meter-1", residual=400.0)
        effects = world.down(500)
        (raised,) = of(effects, AlarmChanged)
        assert raised.at == START + 10 * SECOND and raised.alarm.late
        assert [n.at for n in of(effects, Notify)] == [START + 130 * SECOND, START + 430 * SECOND]

    @pytest.mark.parametrize(("after", "late"), [(2.0, False), (2.001, True)])
    def test_late_begins_after_two_seconds(self, world: World, after: float, late: bool) -> None:
        world.spoke("meter-1", residual=400.0)
        (raised,) = of(world.down(10 + after), AlarmChanged)
        assert raised.alarm.late is late

    def test_effects_are_in_the_order_of_their_instants(self, world: World) -> None:
        world.spoke("meter-1", residual=400.0, cable=90.0)
        world.spoke("smoke-1", smoke=True)
        instants = [effect.at for effect in world.down(1000)]
        assert instants == sorted(instants) and len(instants) > 8

    def test_missed_steps_all_run_but_a_missed_repeat_only_once(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        effects = world.down(3000)
        assert told(effects) == [("carer", "call"), ("second", "call"), ("director", "call")]
        assert world.incident().next_step_at == world.at + MINUTE
        effects = world.down(3000)
        assert [n.purpose for n in of(effects, Notify) if n.alarm.rule == "smoke"] == ["repeat"]
        assert world.engine.incidents[world.alarm("smoke", "smoke-1").incident].next_step_at == world.at + MINUTE

    def test_a_repeat_a_little_late_keeps_the_rhythm(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.wait(60)
        world.down(70)
        assert world.incident().next_step_at == START + 180 * SECOND

    def test_an_input_after_downtime_comes_after_what_was_due(self, world: World) -> None:
        world.spoke("meter-1", residual=400.0)
        world.at += 50 * SECOND
        effects = world.spoke("meter-1", residual=0.0)
        assert alarm_changes(effects) == [("raised", "residual", "meter-1"), ("cleared", "residual", "meter-1")]


class TestSilence:
    def test_a_device_that_never_spoke_becomes_silent(self, world: World) -> None:
        assert alarm_changes(world.wait(3599.9)) == []
        raised = of(world.wait(0.1), AlarmChanged)
        assert {c.alarm.subject for c in raised} == {d.id for d in SITE.devices}
        assert {c.at for c in raised} == {START + HOUR}

    def test_each_report_moves_it(self, world: World) -> None:
        world.wait(3000)
        world.spoke("smoke-1", temperature=20.0)
        world.wait(3599)
        assert not world.has("silent", "smoke-1")
        world.wait(1)
        assert world.has("silent", "smoke-1")

    def test_speaking_again_closes_it_and_it_can_fall_silent_again(self, world: World) -> None:
        world.wait(3600)
        effects = world.spoke("smoke-1", temperature=20.0)
        assert alarm_changes(effects) == [("closed", "silent", "smoke-1")]
        world.wait(3600)
        assert world.has("silent", "smoke-1")

    def test_an_unreadable_packet_is_speech(self, world: World) -> None:
        world.wait(3600)
        world.unreadable("meter-1")
        assert not world.has("silent", "meter-1")

    def test_silence_clears_no_fire(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.wait(4000)
        assert world.has("silent", "smoke-1") and world.alarm("smoke", "smoke-1").active

    def test_no_storm_after_downtime(self, world: World) -> None:
        assert alarm_changes(world.down(10_000)) == []
        for name in ("smoke-1", "smoke-2", "bridged", "call-1", "meter-1"):
            world.spoke(name, temperature=20.0)
        world.wait(DEAF_GRACE.total_seconds() - 0.1)
        assert not world.engine.alarms
        world.wait(0.1)
        assert [alarm.subject for alarm in world.engine.alarms.values()] == ["sos-1"]

    def test_the_grace_is_not_longer_than_the_device_s_own_limit(self) -> None:
        quick = tuple(replace(device, silence_limit=30 * SECOND) for device in SITE.devices)
        world = World(replace(SITE, devices=quick))
        world.down(1000)
        world.wait(29)
        assert not world.engine.alarms
        world.wait(1)
        assert len(world.engine.alarms) == len(quick)

    def test_without_a_rule_nothing_is_raised(self) -> None:
        world = World(rules=RULES[:1])
        assert world.wait(10_000) == []


class TestClock:
    @pytest.mark.parametrize("back", [timedelta(microseconds=1), timedelta(days=1)], ids=["a-bit", "a-day"])
    def test_time_going_back_is_refused_and_changes_nothing(self, world: World, back: timedelta) -> None:
        world.spoke("smoke-1", smoke=True)
        world.spoke("meter-1", residual=400.0)
        world.wait(1)
        before = world.engine.snapshot()
        for happened in (TimePassed(at=world.at - back), spoke(world.at - back, "smoke-2", smoke=True)):
            with pytest.raises(ValueError, match="time went back"):
                world.engine.step(happened)
        assert world.engine.snapshot() == before

    def test_the_same_instant_twice_is_no_step_back(self, world: World) -> None:
        assert world.step(TimePassed(at=world.at)) == () == world.step(TimePassed(at=world.at))

    @pytest.mark.parametrize("first", [False, True], ids=["step", "first-synchronisation"])
    def test_a_step_is_a_trouble_that_ends_by_itself(self, world: World, first: bool) -> None:
        new = datetime(2026, 3, 1, 9, tzinfo=START.tzinfo)
        world.step(ClockStepped(at=world.at, old=START, new=new, first_sync=first))
        alarm = world.alarm("gateway.clock", "clock")
        assert "2026-03-01T09:00:00" in alarm.detail and ("first" in alarm.detail) is first
        world.wait(600)
        assert not world.has("gateway.clock", "clock")

    def test_a_step_moves_no_delay(self, world: World) -> None:
        world.spoke("meter-1", residual=400.0)
        world.step(ClockStepped(at=world.at, old=START, new=START + HOUR))
        assert world.engine.deadlines.due_at(("raise", "residual", "meter-1")) == START + 10 * SECOND


def test_next_deadline_is_never_in_the_past_after_a_step(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    world.down(100_000)
    due = world.engine.next_deadline()
    assert due is not None and due > world.at


def test_a_deadline_of_unknown_kind_is_a_fault(world: World) -> None:
    world.engine.deadlines.set(("future", "x"), world.at)
    with pytest.raises(ValueError, match="unknown kind"):
        world.down(1)
