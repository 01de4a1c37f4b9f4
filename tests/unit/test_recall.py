"""Conditions that look back or at several devices: rising, count, sequence and schedules, played on the engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from rules.alarm import Category
from rules.condition import AllOf, Condition, Count, Equals, Not, Rising, Schedule, Sequence, Silent
from rules.engine import Engine
from rules.recall import KeptLevels
from rules.rule import Per, Rule, Select
from rules.site import Zone
from rules.text import Text
from tests.unit.engine_world import (
    DEVICES,
    MINUTE,
    POINT,
    RULES,
    SECOND,
    SITE,
    World,
    alarm_changes,
    device,
    rule,
)

POINT |= {"fell": "fall.suspected", "motion": "motion", "door": "door.open", "online": "video.online"}

PLACES = replace(
    SITE,
    zones=(*SITE.zones, Zone(id="bed", name=Text("家庭床位", "home bed"))),
    devices=(
        *DEVICES,
        device("radar", "fall", "ward", room="204", category="person"),
        device("pir", "motion", "ward", room="204"),
        device("door", "door", "ward", room="204"),
        device("elsewhere", "motion", "ward", room="205"),
        device("cam-1", "video", "ward"),
        device("cam-2", "video", "ward"),
        device("cam-3", "video", "hall"),
        device("cam-4", "video", "ward", room="205"),
        device("breaker-1", "electrical", "hall", circuit="c1"),
        device("breaker-2", "electrical", "hall", circuit="c1"),
    ),
)
SMOKE = Equals(point="smoke.alarm", value=True)
FELL = Equals(point="fall.suspected", value=True)
MOTION = Equals(point="motion", value=True)
OFF_LINE = Equals(point="video.online", value=False)


def world(condition: Condition, **more: Any) -> World:
    more.setdefault("category", Category.SUPERVISORY)
    return World(PLACES, (*RULES, rule("own", condition, **more)))


def own(effects: Any) -> list[tuple[str, str]]:
    """(change, subject) of the alarms of the rule in question."""
    return [(change, subject) for change, name, subject in alarm_changes(effects) if name == "own"]


# rising


RISE = Rising(point="current.residual", by=60.0, within=timedelta(minutes=80), clear=30.0)


def drift(home: World, *levels: float) -> list[tuple[str, str]]:
    """One level each ten minutes: as long as a slot of the window."""
    effects: list[Any] = []
    for level in levels:
        effects += home.spoke("meter-1", residual=level)
        effects += home.wait(600)
    return own(effects)


def test_a_floor_that_rises_raises_and_goes_when_it_stands() -> None:
    home = world(RISE)
    assert drift(home, *[50.0 + 10 * step for step in range(12)]) == [("raised", "meter-1")]
    assert drift(home, *[160.0] * 12) == [("closed", "meter-1")]


@pytest.mark.parametrize(
    "levels",
    [
        pytest.param([50.0, 250.0] * 12, id="a-load-that-is-switched-on-and-off"),
        pytest.param([50.0 + 5 * step for step in range(20)], id="too-slow"),
        pytest.param([50.0] * 10 + [250.0] + [50.0] * 10, id="one-peak"),
        pytest.param([0.0] + [200.0] * 5, id="not-yet-a-whole-window"),
        pytest.param([250.0 - 10 * step for step in range(20)], id="falling"),
    ],
)
def test_no_trend_raises_nothing(levels: list[float]) -> None:
    assert drift(world(RISE), *levels) == []


def test_a_value_that_is_not_said_again_goes_on() -> None:
    home = world(RISE)
    home.spoke("meter-1", residual=50.0)
    home.wait(24 * 3600 - 1800)
    effects = [*home.spoke("meter-1", residual=150.0), *home.wait(1800)]
    assert own(effects) == [("raised", "meter-1")]


def test_once_the_window_is_even_nothing_is_asked_any_more() -> None:
    home = world(RISE)
    home.spoke("meter-1", residual=50.0)
    home.wait(3 * 3600)
    assert not any(key[0] == "window" for _, _, key in home.engine.deadlines.to_list())


def test_a_bad_value_forgets_the_window() -> None:
    home = world(RISE)
    drift(home, *[50.0] * 9)
    home.spoke("meter-1", residual=float("nan"))
    assert drift(home, *[250.0] * 6) == []


def test_a_rise_within_the_band_of_hysteresis_holds_on() -> None:
    home = world(RISE)
    assert drift(home, *[50.0] * 8, *[110.0] * 2) == [("raised", "meter-1")]
    # The oldest floor comes up to 75: the rise is 35, between clear (30) and by (60).
    assert drift(home, 110.0) == []


# count of devices


TWO = Count(of=SMOKE, devices=2, within=MINUTE)


def test_two_devices_of_a_zone_within_the_time_raise_about_the_zone() -> None:
    home = world(TWO, per=Per.ZONE, select=Select(kinds=("smoke",)))
    assert own(home.spoke("smoke-1", smoke=True)) == []
    home.spoke("smoke-1", smoke=False)
    home.wait(59)
    assert own(home.spoke("smoke-2", smoke=True)) == [("raised", "zone:ward")]
    alarm = home.alarm("own", "zone:ward")
    assert (alarm.zone, alarm.detail) == ("ward", "smoke-2")


@pytest.mark.parametrize("seconds", [60, 3000])
def test_after_the_time_the_first_does_not_count_any_more(seconds: int) -> None:
    home = world(TWO, per=Per.ZONE, select=Select(kinds=("smoke",)))
    home.spoke("smoke-1", smoke=True)
    home.spoke("smoke-1", smoke=False)
    home.wait(seconds)
    assert own(home.spoke("smoke-2", smoke=True)) == []


def test_one_device_twice_is_one_device() -> None:
    home = world(TWO, per=Per.ZONE, select=Select(kinds=("smoke",)))
    for value in (True, False, True, False, True):
        assert own(home.spoke("smoke-1", smoke=value)) == []


def test_devices_of_two_zones_are_not_counted_together() -> None:
    home = world(Count(of=OFF_LINE, devices=2, within=MINUTE), per=Per.ZONE)
    home.spoke("cam-1", online=False)
    assert own(home.spoke("cam-3", online=False)) == []
    assert own(home.spoke("cam-2", online=False)) == [("raised", "zone:ward")]
    assert home.alarm("own", "zone:ward").detail == "cam-1, cam-2"


def test_it_clears_when_the_time_is_over() -> None:
    home = world(TWO, per=Per.ZONE, select=Select(kinds=("smoke",)))
    home.spoke("smoke-1", smoke=True)
    home.spoke("smoke-2", smoke=True)
    home.spoke("bridged", smoke=False)
    home.spoke("smoke-1", smoke=False)
    effects = home.wait(59)
    assert own(effects) == []
    assert own(home.wait(1)) == [("closed", "zone:ward")]


def test_all_means_all_and_an_unknown_one_decides_nothing() -> None:
    home = world(Count(of=OFF_LINE, every=True), per=Per.ZONE, select=Select(devices=("cam-1", "cam-2", "cam-3")))
    assert own(home.spoke("cam-1", online=False)) == []
    assert own(home.spoke("cam-2", online=False)) == [("raised", "zone:ward")]
    assert own(home.spoke("cam-1", online=True)) == [("closed", "zone:ward")]


def test_one_device_alone_is_not_all_of_several() -> None:
    home = world(Count(of=OFF_LINE, every=True), per=Per.ZONE, select=Select(devices=("cam-1", "cam-2", "cam-3")))
    assert own(home.spoke("cam-3", online=False)) == []


def test_a_circuit_is_a_place_and_a_device_without_one_is_in_none() -> None:
    over = Count(of=Equals(point="current.alarm", value=True), devices=2)
    POINT["over"] = "current.alarm"
    home = world(over, per=Per.CIRCUIT)
    home.spoke("meter-1", over=True)
    home.spoke("breaker-1", over=True)
    assert own(home.spoke("breaker-2", over=True)) == [("raised", "circuit:c1")]
    assert home.alarm("own", "circuit:c1").zone == "hall"


def test_silent_devices_can_be_counted() -> None:
    home = world(Count(of=Silent(), every=True), per=Per.ZONE, select=Select(devices=("cam-1", "cam-2", "cam-3")))
    home.spoke("cam-1", online=True)
    home.spoke("cam-2", online=True)
    assert ("raised", "zone:ward") in own(home.wait(3600))
    assert own(home.spoke("cam-2", online=True)) == [("closed", "zone:ward")]


def test_after_a_reset_the_next_two_raise_again() -> None:
    home = world(TWO, per=Per.ZONE, latch=True, select=Select(devices=("smoke-1", "smoke-2")))
    for name in ("smoke-1", "smoke-2"):
        home.spoke(name, smoke=True)
    home.wait(5)
    for name in ("smoke-1", "smoke-2"):
        home.spoke(name, smoke=False)
    home.wait(61)
    alarm = home.alarm("own", "zone:ward")
    assert alarm.latched
    assert not home.alarm("own", "zone:ward").active
    home.acknowledges(alarm.id)
    home.resets(alarm.id)
    assert not home.has("own", "zone:ward")
    home.spoke("smoke-1", smoke=True)
    assert ("raised", "zone:ward") in own(home.spoke("smoke-2", smoke=True))


# count of times


def test_a_detector_that_chatters() -> None:
    home = world(Count(of=SMOKE, times=3, within=10 * MINUTE), category=Category.TROUBLE)
    effects: list[Any] = []
    for _ in range(2):
        effects += home.spoke("smoke-1", smoke=True)
        effects += home.spoke("smoke-1", smoke=False)
        effects += home.wait(60)
    assert own(effects) == []
    assert own(home.spoke("smoke-1", smoke=True)) == [("raised", "smoke-1")]
    assert own(home.wait(479)) == []
    assert own(home.wait(1)) == [("closed", "smoke-1")]


ALONE = Not(of=Count(of=MOTION, times=1, within=timedelta(hours=12)))


def test_nobody_moved_in_a_room_for_twelve_hours() -> None:
    home = world(ALONE, per=Per.ROOM, select=Select(kinds=("motion", "door")), latch=True)
    home.wait(6 * 3600)
    home.spoke("pir", motion=True)
    assert own(home.spoke("pir", motion=False)) == []
    raised = own(home.wait(12 * 3600))
    assert ("raised", "room:ward/204") in raised
    assert home.alarm("own", "room:ward/204").raised_at == home.at


def test_at_the_start_nothing_is_known_of_the_hours_before() -> None:
    home = world(ALONE, per=Per.ROOM, select=Select(kinds=("motion",)))
    assert own(home.wait(12 * 3600 - 1)) == []
    assert {subject for _, subject in own(home.wait(1))} == {"room:ward/204", "room:ward/205"}


def test_after_the_reset_of_no_activity_the_hours_begin_anew_though_nobody_speaks() -> None:
    home = world(ALONE, per=Per.ROOM, select=Select(devices=("pir",)), latch=True)
    home.spoke("pir", motion=False)
    home.wait(12 * 3600)
    alarm = home.alarm("own", "room:ward/204")
    home.spoke("pir", motion=True)
    home.acknowledges(alarm.id)
    home.resets(alarm.id)
    assert not home.has("own", "room:ward/204")
    assert own(home.wait(12 * 3600 - 1)) == []
    assert own(home.wait(1)) == [("raised", "room:ward/204")]


# sequence


FALL = Sequence(first=FELL, then=MOTION, absent=True, within=MINUTE)


@pytest.mark.parametrize("stays", [True, False], ids=["lies-still", "a-single-pulse"])
def test_a_fall_without_motion_after_it(stays: bool) -> None:
    home = world(FALL, per=Per.ROOM, select=Select(zones=("ward",)))
    home.spoke("radar", fell=True)
    if not stays:
        home.spoke("radar", fell=False)
    assert own(home.wait(59)) == []
    assert own(home.wait(1)) == [("raised", "room:ward/204")]
    assert home.alarm("own", "room:ward/204").detail == "radar"


@pytest.mark.parametrize(
    ("where", "raises"), [pytest.param("pir", False, id="here"), pytest.param("elsewhere", True, id="next-door")]
)
def test_motion_in_the_room_says_that_they_are_up(where: str, raises: bool) -> None:
    home = world(FALL, per=Per.ROOM, select=Select(zones=("ward",)))
    home.spoke("radar", fell=True)
    home.wait(30)
    home.spoke(where, motion=True)
    assert bool(own(home.wait(3000))) is raises


def test_the_motion_of_the_fall_itself_does_not_count_once_it_is_over() -> None:
    home = world(FALL, per=Per.ROOM, select=Select(zones=("ward",)))
    home.spoke("pir", motion=True)
    home.spoke("radar", fell=True)
    home.wait(20)
    home.spoke("pir", motion=False)
    assert own(home.wait(40)) == [("raised", "room:ward/204")]


def test_a_second_fall_does_not_put_the_first_off() -> None:
    home = world(FALL, per=Per.ROOM, select=Select(zones=("ward",)))
    home.spoke("radar", fell=True)
    home.wait(30)
    home.spoke("radar", fell=False)
    home.spoke("radar", fell=True)
    assert own(home.wait(30)) == [("raised", "room:ward/204")]


def test_motion_ends_it_and_so_does_time_after_a_pulse() -> None:
    home = world(FALL, per=Per.ROOM, select=Select(zones=("ward",)))
    home.spoke("radar", fell=True)
    home.wait(61)
    assert own(home.spoke("pir", motion=True)) == [("closed", "room:ward/204")]
    home.spoke("pir", motion=False)
    home.spoke("radar", fell=False)
    home.spoke("radar", fell=True)
    home.spoke("radar", fell=False)
    assert own(home.wait(60)) == [("raised", "room:ward/204")]
    assert own(home.wait(60)) == [("closed", "room:ward/204")]


ATTENDED = Sequence(first=FELL, then=Equals(point="door.open", value=True), within=MINUTE)


def test_one_after_the_other() -> None:
    home = world(ATTENDED, per=Per.ROOM, select=Select(zones=("ward",)))
    home.spoke("door", door=True)
    home.spoke("radar", fell=True)
    assert own(home.wait(10)) == [], "the door was open before"
    home.spoke("door", door=False)
    home.wait(50)
    assert own(home.spoke("door", door=True)) == [("raised", "room:ward/204")]


def test_too_late_is_not_after() -> None:
    home = world(ATTENDED, per=Per.ROOM, select=Select(zones=("ward",)))
    home.spoke("radar", fell=True)
    home.wait(61)
    assert own(home.spoke("door", door=True)) == []


def test_of_two_firsts_the_later_one_counts() -> None:
    home = world(ATTENDED, per=Per.ROOM, select=Select(zones=("ward",)))
    home.spoke("radar", fell=True)
    home.wait(50)
    home.spoke("radar", fell=False)
    home.spoke("radar", fell=True)
    home.wait(30)
    assert own(home.spoke("door", door=True)) == [("raised", "room:ward/204")]


def test_a_sequence_of_one_device() -> None:
    tested = Sequence(first=Equals(point="test", value=True), then=SMOKE, absent=True, within=30 * SECOND)
    home = world(tested, select=Select(kinds=("smoke",)))
    home.spoke("smoke-1", test=True)
    home.spoke("smoke-2", test=True)
    home.spoke("smoke-2", smoke=True)
    assert own(home.wait(30)) == [("raised", "smoke-1")]


def test_what_was_true_before_does_not_follow() -> None:
    tested = Sequence(first=Equals(point="test", value=True), then=SMOKE, within=30 * SECOND)
    home = world(tested, select=Select(kinds=("smoke",)))
    home.spoke("smoke-1", smoke=True)
    assert own(home.spoke("smoke-1", test=True)) == []
    home.spoke("smoke-1", smoke=False)
    assert own(home.spoke("smoke-1", smoke=True)) == [("raised", "smoke-1")]


def test_somebody_who_moves_all_the_time_is_up() -> None:
    home = world(FALL, per=Per.ROOM, select=Select(zones=("ward",)))
    home.spoke("pir", motion=True)
    home.spoke("radar", fell=True)
    assert own(home.wait(600)) == []


# schedules


NIGHT = Schedule(begins=22 * 60, ends=6 * 60)
AT_NIGHT = AllOf(of=(Equals(point="door.open", value=True), NIGHT))


def test_a_door_that_is_open_at_night() -> None:
    home = world(AT_NIGHT)  # it is 16:00 in China when the world begins
    assert own(home.spoke("door", door=True)) == []
    assert own(home.wait(6 * 3600 - 1)) == []
    assert own(home.wait(1)) == [("raised", "door")]
    assert own(home.wait(8 * 3600)) == [("closed", "door")]


def test_as_long_as_the_clock_is_not_synchronised_it_is_night() -> None:
    home = world(AT_NIGHT)
    home.spoke("door", door=True)
    assert own(home.link("clock", up=False)) == [("raised", "door")]
    assert own(home.link("clock", up=True)) == [("closed", "door")]


def test_a_schedule_of_a_place() -> None:
    quiet = AllOf(of=(Not(of=MOTION), NIGHT))
    home = world(quiet, per=Per.ROOM, select=Select(devices=("pir",)))
    home.spoke("pir", motion=False)
    assert own(home.wait(6 * 3600)) == [("raised", "room:ward/204")]


def test_the_site_says_what_time_it_is() -> None:
    utc = replace(PLACES, offsets=((datetime(2025, 1, 1, tzinfo=UTC), 0),))
    home = World(utc, (*RULES, rule("own", AT_NIGHT, Category.SUPERVISORY)))
    home.spoke("door", door=True)  # 08:00
    assert own(home.wait(14 * 3600 - 1)) == []
    assert own(home.wait(1)) == [("raised", "door")]


# what the engine keeps


def every_kind() -> tuple[Rule, ...]:
    def one(name: str, condition: Condition, **more: Any) -> Rule:
        return rule(name, condition, Category.SUPERVISORY, **more)

    return (
        *RULES,
        one("rise", RISE),
        one("two", TWO, per=Per.ZONE, select=Select(kinds=("smoke",))),
        one("times", Count(of=SMOKE, times=2, within=10 * MINUTE)),
        one("alone", ALONE, per=Per.ROOM, select=Select(kinds=("motion",))),
        one("fall", FALL, per=Per.ROOM, select=Select(zones=("ward",))),
        one("night", AT_NIGHT),
    )


def busy(home: World) -> None:
    for step in range(9):
        home.spoke("meter-1", residual=50.0 + step)
        home.wait(600)
    home.spoke("smoke-1", smoke=True)
    home.spoke("smoke-1", smoke=False)
    home.spoke("radar", fell=True)
    home.spoke("door", door=True)
    home.wait(20)


def the_rest(home: World) -> list[Any]:
    said = [
        *home.spoke("smoke-2", smoke=True),
        *home.wait(40),
        *home.spoke("smoke-1", smoke=True),
        *home.spoke("meter-1", residual=200.0),
        *home.wait(13 * 3600),
    ]
    return alarm_changes(said)


def test_a_snapshot_keeps_what_is_remembered() -> None:
    home, restored = World(PLACES, every_kind()), World(PLACES, every_kind())
    busy(home)
    restored.engine = Engine.restore(home.engine.snapshot())
    restored.at = home.at
    expected = the_rest(home)
    assert {name for _, name, _ in expected} >= {"rise", "two", "times", "alone", "fall", "night"}
    assert the_rest(restored) == expected
    assert restored.engine.snapshot() == home.engine.snapshot()


def test_a_reload_of_the_same_rules_keeps_what_is_remembered() -> None:
    home, reloaded = World(PLACES, every_kind()), World(PLACES, every_kind())
    busy(home)
    busy(reloaded)
    reloaded.reload()
    assert the_rest(reloaded) == the_rest(home)


def test_a_changed_condition_begins_anew_and_a_rule_that_is_gone_leaves_nothing() -> None:
    home = World(PLACES, every_kind())
    busy(home)
    home.reload(rules=tuple(replace(r, condition=replace(TWO, within=30 * SECOND)) if r.id == "two" else r
                            for r in home.rules))
    assert ("raised", "two", "zone:ward") not in alarm_changes(home.spoke("smoke-2", smoke=True))
    home.reload(rules=RULES)
    assert home.engine.memory.kept == {}
    assert home.engine.memory.places == {}
    assert not any(key[0] == "window" for _, _, key in home.engine.deadlines.to_list())


def test_a_rule_about_a_place_that_goes_closes_its_alarm() -> None:
    home = world(TWO, per=Per.ZONE, select=Select(kinds=("smoke",)))
    home.spoke("smoke-1", smoke=True)
    home.spoke("smoke-2", smoke=True)
    assert ("closed", "own", "zone:ward") in alarm_changes(home.reload(rules=RULES))


def test_a_device_that_is_gone_is_not_counted_any_more() -> None:
    home = world(Count(of=OFF_LINE, every=True), per=Per.ZONE, select=Select(kinds=("video",)))
    home.spoke("cam-1", online=True)
    home.spoke("cam-2", online=False)
    home.spoke("cam-4", online=False)
    left = replace(PLACES, devices=tuple(one for one in PLACES.devices if one.id != "cam-1"))
    assert ("raised", "own", "zone:ward") in alarm_changes(home.reload(site=left))


def test_a_device_that_is_gone_is_not_named() -> None:
    home = world(Count(of=OFF_LINE, devices=2), per=Per.ZONE, select=Select(kinds=("video",)))
    home.spoke("cam-1", online=False)
    home.reload(site=replace(PLACES, devices=tuple(one for one in PLACES.devices if one.id != "cam-1")))
    home.spoke("cam-2", online=False)
    assert own(home.spoke("cam-4", online=False)) == [("raised", "zone:ward")]
    assert home.alarm("own", "zone:ward").detail == "cam-2, cam-4"


def test_after_a_reset_on_site_the_same_words_raise_again() -> None:
    """What the devices said is unknown then: they need not say something else first."""
    two = rule("own", Count(of=OFF_LINE, devices=2), Category.SUPERVISORY, per=Per.ZONE, latch=True)
    doubtful = tuple(replace(one, clears_are_trusted=False) if one.kind == "video" else one for one in PLACES.devices)
    home = World(replace(PLACES, devices=doubtful), (*RULES, two))
    home.spoke("cam-1", online=False)
    home.spoke("cam-2", online=False)
    alarm = home.alarm("own", "zone:ward")
    home.acknowledges(alarm.id)
    home.resets(alarm.id, checked=True)
    assert not home.has("own", "zone:ward")
    assert own(home.spoke("cam-1", online=False)) == []
    assert own(home.spoke("cam-2", online=False)) == [("raised", "zone:ward")]


def test_the_quick_way_of_a_window_ends_with_its_slot() -> None:
    kept, at = KeptLevels(), datetime(2026, 3, 1, tzinfo=UTC)
    kept.observe(RISE, "meter-1", {"current.residual": 50.0}, at)
    until = kept.due(RISE, at)
    assert until == at + 10 * MINUTE
    assert kept.goes_on(RISE, {"current.residual": 50.0}, until - SECOND)
    assert not kept.goes_on(RISE, {"current.residual": 49.0}, until - SECOND)
    assert not kept.goes_on(RISE, {"current.residual": 60.0}, until)


def test_new_rules_are_asked_of_what_is_known() -> None:
    home = World(PLACES, RULES)
    home.spoke("smoke-1", smoke=True)
    home.spoke("smoke-2", smoke=True)
    two = rule("own", TWO, Category.SUPERVISORY, per=Per.ZONE, select=Select(kinds=("smoke",)))
    assert own(home.reload(rules=(*RULES, two))) == [("raised", "zone:ward")]


def test_what_is_remembered_is_bounded() -> None:
    home = World(PLACES, every_kind())
    for step in range(300):
        for name in ("smoke-1", "smoke-2"):
            home.spoke(name, smoke=step % 2 == 0)
        home.spoke("radar", fell=step % 3 == 0)
        home.spoke("meter-1", residual=float(step % 7))
        home.wait(30)
    size = len(home.engine.snapshot())
    for step in range(300):
        for name in ("smoke-1", "smoke-2"):
            home.spoke(name, smoke=step % 2 == 0)
        home.spoke("radar", fell=step % 3 == 0)
        home.spoke("meter-1", residual=float(step % 7))
        home.wait(30)
    kept = sum(len(str(one)) for one in home.engine.memory.kept.values())
    assert kept < 20_000
    assert len(home.engine.snapshot()) < size * 1.2


def test_a_found_value_is_no_witness_of_a_sequence_or_a_count() -> None:
    home = world(TWO, per=Per.ZONE, select=Select(kinds=("smoke",)))
    home.spoke("smoke-1", smoke=True, retained=True)
    assert own(home.spoke("smoke-2", smoke=True)) == []
