"""Retained messages: an alarm found raises once, a clear found clears nothing, and nothing found is taken for said."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices.reading import Quality
from rules.effects import AlarmChanged
from tests.unit.engine_world import HOUR, SECOND, World, alarm_changes, of


@pytest.fixture
def world() -> World:
    return World()


def test_an_alarm_value_raises_marked_found(world: World) -> None:
    effects = world.spoke("smoke-1", retained=True, smoke=True)
    (raised,) = of(effects, AlarmChanged)
    assert raised.alarm.found and raised.alarm.value == "true"


def test_a_live_alarm_is_not_marked_found(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    assert not world.alarm("smoke", "smoke-1").found


def test_not_again_while_it_is_open(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    assert world.spoke("smoke-1", retained=True, smoke=True) == ()
    assert world.alarm("smoke", "smoke-1").repeats == 0


def test_a_clear_clears_nothing(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    assert world.spoke("smoke-1", retained=True, smoke=False) == ()
    assert world.alarm("smoke", "smoke-1").active


def test_a_clear_does_not_break_a_delay_either(world: World) -> None:
    world.spoke("meter-1", residual=400.0)
    world.spoke("meter-1", retained=True, residual=0.0)
    assert ("raised", "residual", "meter-1") in alarm_changes(world.wait(10))


def _reset(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    world.acknowledges(world.alarm("smoke", "smoke-1").id)
    world.spoke("smoke-1", smoke=False)
    world.resets(world.alarm("smoke", "smoke-1").id)
    assert not world.has("smoke", "smoke-1")


@pytest.mark.parametrize(
    ("said_before_reset", "raises"), [(-1.0, True), (0.0, False), (1.0, False), (None, True)],
    ids=["said-after-the-reset", "said-at-the-reset", "said-before-the-reset", "own-time-unknown"],
)
def test_not_if_it_was_reset_after_the_message_s_own_time(
    world: World, said_before_reset: float | None, raises: bool
) -> None:
    _reset(world)
    said_at = None if said_before_reset is None else world.at - timedelta(seconds=said_before_reset)
    world.wait(5)
    world.spoke("smoke-1", retained=True, said_at=said_at, smoke=True)
    assert world.has("smoke", "smoke-1") is raises


def test_the_next_live_alarm_raises_after_a_retained_one_that_did_not(world: World) -> None:
    _reset(world)
    assert world.spoke("smoke-1", retained=True, said_at=world.at - SECOND, smoke=True) == ()
    world.spoke("smoke-1", smoke=True)
    assert world.alarm("smoke", "smoke-1").active


@pytest.mark.parametrize("first", [True, False], ids=["true", "false"])
def test_the_first_live_alarm_raises_whatever_a_retained_message_said_before(world: World, first: bool) -> None:
    world.spoke("smoke-1", retained=True, quality=Quality.BAD, smoke=True)
    world.spoke("smoke-1", retained=True, smoke=first)
    effects = world.spoke("smoke-1", smoke=True)
    assert world.alarm("smoke", "smoke-1").active
    assert first or ("raised", "smoke", "smoke-1") in alarm_changes(effects)


def test_heard_at_is_not_moved(world: World) -> None:
    world.wait(3000)
    world.spoke("smoke-1", retained=True, smoke=False, battery=90.0)
    assert world.engine.devices["smoke-1"].heard_at is None
    assert ("raised", "silent", "smoke-1") in alarm_changes(world.wait(600))
    world.spoke("smoke-1", retained=True, smoke=False)
    assert world.has("silent", "smoke-1"), "a retained message is not speech"


def test_a_bad_value_found_decides_nothing(world: World) -> None:
    assert world.spoke("smoke-1", retained=True, quality=Quality.BAD, smoke=True) == ()
    assert world.spoke("meter-1", retained=True, residual=float("inf")) == ()


def test_a_delayed_rule_waits_and_then_says_found(world: World) -> None:
    assert world.spoke("meter-1", retained=True, residual=400.0) == ()
    world.wait(10)
    assert world.alarm("residual", "meter-1").found


def test_a_live_report_at_rest_takes_a_found_delay_back(world: World) -> None:
    world.spoke("meter-1", retained=True, residual=400.0)
    world.spoke("meter-1", residual=20.0)
    world.wait(60)
    assert not world.has("residual", "meter-1")


def test_a_live_report_confirms_a_found_delay(world: World) -> None:
    world.spoke("meter-1", retained=True, residual=400.0)
    world.wait(5)
    world.spoke("meter-1", residual=410.0)
    world.wait(5)
    assert not world.alarm("residual", "meter-1").found
    assert world.alarm("residual", "meter-1").value == "410 mA"


class TestStranger:
    """Retained messages of a device that nobody registered: the same three rules."""

    def test_raises_found_once(self, world: World) -> None:
        world.spoke("x/1", retained=True, unregistered=True, smoke=True)
        alarm = world.alarm("gateway.unregistered.smoke.alarm", "x/1")
        assert alarm.found
        assert world.spoke("x/1", retained=True, unregistered=True, smoke=True) == ()

    def test_not_if_it_was_reset_after_the_message_s_own_time(self, world: World) -> None:
        said_at = world.at
        world.spoke("x/1", retained=True, unregistered=True, said_at=said_at, smoke=True)
        world.at += HOUR
        alarm = world.alarm("gateway.unregistered.smoke.alarm", "x/1")
        world.acknowledges(alarm.id)
        world.resets(alarm.id, checked=True)
        assert world.spoke("x/1", retained=True, unregistered=True, said_at=said_at, smoke=True) == ()
        world.spoke("x/1", unregistered=True, smoke=True)
        assert not world.alarm("gateway.unregistered.smoke.alarm", "x/1").found


def test_a_value_that_cannot_be_believed_is_found_by_nobody(world: World) -> None:
    assert alarm_changes(world.spoke("smoke-1", retained=True, quality=Quality.BAD, smoke=True)) == []
