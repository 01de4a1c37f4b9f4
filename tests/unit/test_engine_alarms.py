"""No fire signal without a live alarm or a human reset: raising, repeating, clearing and the four verbs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from devices.reading import DANGER_POINTS, Quality, Reading, Report
from rules.alarm import Category
from rules.alarms import RESETS_MAX
from rules.condition import AllOf, AnyOf, Equals
from rules.effects import AlarmChanged
from rules.guards import PREFIX
from rules.inputs import ReadingsArrived, Verb
from rules.troubles import UNASSIGNED
from tests.unit.engine_world import (
    RULES,
    SECOND,
    World,
    alarm_changes,
    incident_changes,
    of,
    refusals,
    rule,
    sounds,
    told,
)


@pytest.fixture
def world() -> World:
    return World()


def _report(world: World, *readings: Reading, device: str = "smoke-1") -> ReadingsArrived:
    return ReadingsArrived(at=world.at, source="test", reports=(Report(device, readings),))


class TestRaising:
    def test_raises_once_with_all_it_must_say(self, world: World) -> None:
        (raised,) = of(world.spoke("smoke-1", smoke=True), AlarmChanged)
        alarm = raised.alarm
        assert (alarm.active, alarm.latched, alarm.acknowledged, alarm.open) == (True, True, None, True)
        assert (alarm.id, alarm.zone, alarm.value, alarm.late) == ("home:1:2", "ward", "true", False)
        assert alarm.incident in world.engine.incidents

    @pytest.mark.parametrize("times", [1, 2, 5])
    def test_a_redelivery_is_no_second_alarm(self, world: World, times: int) -> None:
        packet = _report(world, Reading("smoke.alarm", True))
        first = world.step(packet)
        for _ in range(times):
            assert world.step(packet) == (), "the same packet again tells nobody anything"
        assert alarm_changes(first) == [("raised", "smoke", "smoke-1")]
        assert world.alarm("smoke", "smoke-1").repeats == times

    @pytest.mark.parametrize("order", [(True, False), (False, True)], ids=["true-first", "false-first"])
    def test_a_report_that_says_both_raises(self, world: World, order: tuple[bool, bool]) -> None:
        world.spoke("smoke-1", smoke=False)
        world.step(_report(world, *(Reading("smoke.alarm", value) for value in order)))
        assert world.alarm("smoke", "smoke-1").active
        world.step(_report(world, *(Reading("smoke.alarm", value) for value in order)))
        assert world.alarm("smoke", "smoke-1").active, "nor does it clear what is open"

    def test_a_bad_true_beside_a_good_false_is_no_alarm(self, world: World) -> None:
        world.step(_report(world, Reading("smoke.alarm", True, Quality.BAD), Reading("smoke.alarm", False)))
        assert not world.has("smoke", "smoke-1")
        assert world.has("gateway.implausible.smoke.alarm", "smoke-1")

    @pytest.mark.parametrize("point", DANGER_POINTS)
    def test_a_danger_point_that_no_rule_covers_raises_all_the_same(self, point: str) -> None:
        world = World(rules=())
        world.step(_report(world, Reading(point, False)))
        world.step(_report(world, Reading(point, True)))
        alarm = world.alarm(PREFIX + point, "smoke-1")
        assert (alarm.category.value, alarm.latched, alarm.zone) == (DANGER_POINTS[point], True, "ward")

    @pytest.mark.parametrize("point", DANGER_POINTS)
    def test_a_danger_point_of_a_stranger_raises_in_unassigned(self, world: World, point: str) -> None:
        report = Report("x/9", (Reading(point, True), Reading("temperature", 20.0)))
        world.step(ReadingsArrived(at=world.at, source="x", reports=(report,), unregistered=True))
        alarm = world.alarm(f"gateway.unregistered.{point}", "x/9")
        assert (alarm.category.value, alarm.zone, alarm.latched) == (DANGER_POINTS[point], UNASSIGNED, True)
        assert len(world.engine.alarms) == 1

    def test_a_stranger_s_other_values_and_bad_ones_raise_nothing(self, world: World) -> None:
        world.spoke("x/9", unregistered=True, smoke=False, temperature=99.0)
        world.spoke("x/9", unregistered=True, quality=Quality.BAD, smoke=True)
        assert not world.engine.alarms

    def test_a_device_unknown_to_the_engine_counts_as_a_stranger(self, world: World) -> None:
        world.spoke("smoke-removed", smoke=True)
        assert world.has("gateway.unregistered.smoke.alarm", "smoke-removed")

    def test_a_rule_that_asks_for_more_does_not_swallow_the_point(self) -> None:
        both = AllOf(of=(Equals(point="smoke.alarm", value=True), Equals(point="heat.alarm", value=True)))
        world = World(rules=(rule("both", both, Category.FIRE, latch=True),))
        world.spoke("smoke-1", smoke=True, heat=False)
        assert [alarm.rule for alarm in world.engine.alarms.values()] == [PREFIX + "smoke.alarm"]

    def test_covered_points_have_no_guard(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        assert [alarm.rule for alarm in world.engine.alarms.values()] == ["smoke"]
        assert world.engine.devices["smoke-1"].watching(PREFIX + "smoke.alarm") is None

    def test_the_value_shown_is_the_one_that_raised(self) -> None:
        either = (Equals(point="smoke.alarm", value=True), Equals(point="heat.alarm", value=True))
        world = World(rules=(rule("either", AnyOf(of=either), Category.FIRE, latch=True),))
        world.spoke("smoke-1", smoke=False, heat=True)
        alarm = world.alarm("either", "smoke-1")
        assert (alarm.point, alarm.value) == ("heat.alarm", "true")


class TestQuality:
    @pytest.mark.parametrize("value", [400.0, float("nan"), float("inf"), float("-inf")], ids=str)
    def test_bad_never_decides_and_is_a_trouble(self, world: World, value: float) -> None:
        quality = Quality.BAD if value == 400.0 else Quality.GOOD
        world.spoke("meter-1", quality=quality, residual=value)
        world.wait(60)
        assert not world.has("residual", "meter-1")
        trouble = world.alarm("gateway.implausible.current.residual", "meter-1")
        assert (trouble.category, trouble.zone, trouble.latched) == (Category.TROUBLE, "hall", False)
        assert "current.residual" in trouble.detail

    def test_the_trouble_ends_ten_minutes_after_the_last(self, world: World) -> None:
        world.spoke("meter-1", quality=Quality.BAD, residual=400.0)
        world.wait(599)
        world.spoke("meter-1", quality=Quality.BAD, residual=500.0)
        assert "500" in world.alarm("gateway.implausible.current.residual", "meter-1").detail
        world.wait(599)
        assert world.has("gateway.implausible.current.residual", "meter-1")
        world.wait(1)
        assert not world.has("gateway.implausible.current.residual", "meter-1")

    def test_bad_of_a_point_that_no_rule_watches_is_a_trouble_too(self, world: World) -> None:
        world.spoke("smoke-1", quality=Quality.BAD, temperature=900.0)
        assert world.has("gateway.implausible.temperature", "smoke-1")

    def test_bad_does_not_clear(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.spoke("smoke-1", quality=Quality.BAD, smoke=False)
        assert world.alarm("smoke", "smoke-1").active

    def test_after_a_bad_value_the_same_alarm_value_still_raises(self, world: World) -> None:
        world.spoke("smoke-1", smoke=False)
        world.spoke("smoke-1", quality=Quality.BAD, smoke=True)
        world.spoke("smoke-1", smoke=True)
        assert world.has("smoke", "smoke-1")

    def test_suspect_decides(self, world: World) -> None:
        world.spoke("smoke-1", quality=Quality.SUSPECT, smoke=True)
        assert world.has("smoke", "smoke-1")


class TestClearing:
    def test_a_latched_alarm_stays_until_reset(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        effects = world.spoke("smoke-1", smoke=False)
        assert alarm_changes(effects) == [("cleared", "smoke", "smoke-1")]
        world.wait(100_000)
        alarm = world.alarm("smoke", "smoke-1")
        assert (alarm.active, alarm.latched, alarm.cleared_at) == (False, True, effects[0].at)

    def test_another_alarm_closes_with_its_cause(self, world: World) -> None:
        world.spoke("smoke-1", battery=10.0)
        assert alarm_changes(world.spoke("smoke-1", battery=50.0)) == [("closed", "battery", "smoke-1")]
        assert not world.engine.alarms and not world.engine.incidents

    def test_it_trips_again_under_the_same_id(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        first = world.alarm("smoke", "smoke-1").id
        world.spoke("smoke-1", smoke=False)
        assert alarm_changes(world.spoke("smoke-1", smoke=True)) == [("repeated", "smoke", "smoke-1")]
        alarm = world.alarm("smoke", "smoke-1")
        assert (alarm.id, alarm.active, alarm.cleared_at) == (first, True, None)

    def test_untrusted_clears_never_clear(self, world: World) -> None:
        world.spoke("bridged", smoke=True)
        effects = world.spoke("bridged", smoke=False)
        assert alarm_changes(effects) == [("updated", "smoke", "bridged")]
        assert "check on site" in world.alarm("smoke", "bridged").detail
        assert world.alarm("smoke", "bridged").active
        assert world.spoke("bridged", smoke=False) == (), "said once"

    def test_the_words_of_an_untrusted_clear_go_when_it_speaks_again(self, world: World) -> None:
        world.spoke("bridged", smoke=True)
        world.spoke("bridged", smoke=False)
        assert alarm_changes(world.spoke("bridged", smoke=True)) == [("repeated", "smoke", "bridged")]
        assert world.alarm("smoke", "bridged").detail == ""


class TestReset:
    def _alarm(self, world: World, device: str = "smoke-1") -> str:
        world.spoke(device, smoke=True)
        return world.alarm("smoke", device).id

    def test_needs_an_acknowledgement_first(self, world: World) -> None:
        alarm = self._alarm(world)
        world.spoke("smoke-1", smoke=False)
        assert "acknowledge it first" in refusals(world.resets(alarm))[0]
        assert alarm in world.engine.alarms

    def test_refused_while_it_reads_alarm(self, world: World) -> None:
        alarm = self._alarm(world)
        world.acknowledges(alarm)
        for checked in (False, True):
            assert len(refusals(world.resets(alarm, checked=checked))) == 1
        assert alarm in world.engine.alarms

    @pytest.mark.parametrize("checked", [False, True], ids=["not-checked", "checked-on-site"])
    def test_untrusted_clears_are_reset_only_when_checked_on_site(self, world: World, checked: bool) -> None:
        alarm = self._alarm(world, "bridged")
        world.acknowledges(alarm)
        world.spoke("bridged", smoke=False)
        effects = world.resets(alarm, "director", checked=checked)
        assert (alarm in world.engine.alarms) is not checked
        assert bool(refusals(effects)) is not checked
        if checked:
            (change,) = of(effects, AlarmChanged)
            assert (change.by, change.reason, change.alarm.closed_at) == ("director", "checked on site", world.at)

    @pytest.mark.parametrize("device", ["smoke-1", "bridged"])
    @pytest.mark.parametrize("target", ["alarm", "incident"])
    def test_after_it_the_same_value_raises_a_new_alarm(self, world: World, device: str, target: str) -> None:
        alarm = self._alarm(world, device)
        incident = world.alarm("smoke", device).incident
        world.acknowledges(incident)
        if device == "smoke-1":
            world.spoke(device, smoke=False)
        world.resets(alarm if target == "alarm" else incident, checked=True)
        assert not world.engine.alarms and not world.engine.incidents
        world.spoke(device, smoke=True)
        assert world.alarm("smoke", device).id != alarm

    def test_after_it_the_same_value_raises_whatever_else_was_said_between(self, world: World) -> None:
        first = self._alarm(world, "bridged")
        world.acknowledges(first)
        world.resets(first, checked=True)
        world.spoke("bridged", battery=90.0)
        assert "smoke.alarm" not in world.engine.devices["bridged"].values
        world.spoke("bridged", smoke=True)
        assert world.alarm("smoke", "bridged").id != first

    def test_after_it_a_guard_s_same_value_raises(self) -> None:
        world = World(rules=())
        world.spoke("bridged", smoke=True)
        first = world.alarm(PREFIX + "smoke.alarm", "bridged").id
        world.acknowledges(first)
        world.resets(first, checked=True)
        world.spoke("bridged", smoke=True)
        assert world.alarm(PREFIX + "smoke.alarm", "bridged").id != first

    def test_one_detector_of_two(self, world: World) -> None:
        self._alarm(world)
        self._alarm(world, "smoke-2")
        incident = world.incident().id
        world.acknowledges(incident)
        world.spoke("smoke-1", smoke=False)
        effects = world.resets(incident)
        assert alarm_changes(effects) == [("reset", "smoke", "smoke-1")]
        assert refusals(effects) == ["smoke-2: the detector still reports the alarm: it must clear before a reset"]
        assert world.incident().id == incident

    def test_an_alarm_that_does_not_latch_cannot_be_reset(self, world: World) -> None:
        world.spoke("smoke-1", battery=1.0)
        assert "does not latch" in refusals(world.resets(world.alarm("battery", "smoke-1").id))[0]

    def test_remembered_resets_are_bounded(self, world: World) -> None:
        book = world.engine.alarm_book
        for number in range(RESETS_MAX):
            book.reset_at[("old", str(number))] = world.at
        alarm = self._alarm(world, "bridged")
        world.acknowledges(alarm)
        world.resets(alarm, checked=True)
        assert len(book.reset_at) == RESETS_MAX
        assert ("smoke", "bridged") in book.reset_at and ("old", "0") not in book.reset_at


class TestVerbs:
    def test_silence_is_not_acknowledge_is_not_reset(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        alarm, incident = world.alarm("smoke", "smoke-1"), world.incident()
        effects = world.acts(Verb.SILENCE, alarm.id)
        assert sounds(effects) == [("ward", "off")] and not told(effects)
        assert world.alarm("smoke", "smoke-1") == alarm
        assert world.incident().silenced_at == world.at
        assert (world.incident().next_step_at, world.incident().acknowledged_at) == (incident.next_step_at, None)
        effects = world.acknowledges(alarm.id)
        assert sounds(effects) == [], "who takes it on does not mute it"
        assert world.alarm("smoke", "smoke-1").active and world.alarm("smoke", "smoke-1").latched

    def test_acknowledge_does_not_silence(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.acknowledges(world.incident().id)
        assert world.incident().silenced_at is None

    def test_a_second_acknowledgement_names_the_first(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.acknowledges(world.incident().id, "second")
        assert refusals(world.acknowledges(world.incident().id)) == ["already acknowledged by second"]
        assert world.incident().acknowledged_by == "second"

    def test_silencing_twice_is_refused(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.acts(Verb.SILENCE, world.incident().id)
        assert refusals(world.acts(Verb.SILENCE, world.incident().id)) == ["nothing sounds for this incident"]

    def test_a_trouble_makes_no_sound(self, world: World) -> None:
        assert sounds(world.spoke("smoke-1", battery=1.0)) == []
        assert len(refusals(world.acts(Verb.SILENCE, world.incident().id))) == 1

    @pytest.mark.parametrize("verb", Verb)
    def test_an_unknown_target_is_refused_and_changes_nothing(self, world: World, verb: Verb) -> None:
        world.spoke("smoke-1", smoke=True)
        before = dict(world.engine.alarms), dict(world.engine.incidents)
        effects = world.acts(verb, "home:1:99", "director", verdict="real")
        assert refusals(effects) == ["unknown here, or over already"]
        assert (effects[0].person, effects[0].verb, effects[0].target) == ("director", verb.value, "home:1:99")
        assert (world.engine.alarms, world.engine.incidents) == before

    @pytest.mark.parametrize(
        ("verdict", "cause", "refused"),
        [("real", "", ""), ("test", "", ""), ("false", "steam", ""), ("false", "  ", "cause"), ("maybe", "", "one of")],
    )
    def test_verdicts(self, world: World, verdict: str, cause: str, refused: str) -> None:
        world.spoke("smoke-1", smoke=True)
        effects = world.acts(Verb.VERDICT, world.incident().id, verdict=verdict, cause=cause)
        if refused:
            assert refused in refusals(effects)[0]
            assert world.incident().verdict is None
        else:
            assert incident_changes(effects) == ["verdict"]
            found = world.incident().verdict
            assert found is not None and (found.kind.value, found.by, found.at) == (verdict, "carer", world.at)
            assert world.alarm("smoke", "smoke-1").active, "a verdict resets nothing"

    def test_a_later_verdict_replaces_the_first_and_both_stay_on_the_timeline(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.acts(Verb.VERDICT, world.incident().id, verdict="false", cause="toast")
        world.acts(Verb.VERDICT, world.incident().id, verdict="real")
        assert [line.detail for line in world.incident().timeline if line.event == "verdict"] == ["false toast", "real"]

    def test_acknowledging_one_alarm_of_two_is_not_the_incident(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.spoke("smoke-2", smoke=True)
        world.acknowledges(world.alarm("smoke", "smoke-1").id)
        assert world.incident().acknowledged_at is None and world.incident().next_step_at is not None
        world.acknowledges(world.alarm("smoke", "smoke-2").id)
        assert world.incident().acknowledged_at == world.at and world.incident().next_step_at is None

    def test_when_the_alarm_that_nobody_took_on_ends_the_rest_is_acknowledged(self, world: World) -> None:
        world.spoke("smoke-1", battery=1.0)
        world.acknowledges(world.incident().id)
        world.spoke("smoke-2", battery=1.0)
        assert world.incident().acknowledged_at is None
        world.spoke("smoke-2", battery=90.0)
        assert world.incident().acknowledged_by == "carer" and world.incident().next_step_at is None


class TestLinks:
    def test_down_raises_and_up_closes(self, world: World) -> None:
        assert alarm_changes(world.link("broker:b", up=False, detail="gone"))[0] == (
            "raised", "gateway.link", "link:broker:b")
        assert alarm_changes(world.link("broker:b", up=False, detail="still gone"))[0][0] == "updated"
        assert world.link("broker:b", up=False, detail="still gone") == ()
        assert alarm_changes(world.link("broker:b", up=True, detail="back"))[0][0] == "closed"
        assert world.link("broker:b", up=True) == ()

    def test_what_is_lost_for_good_latches_and_goes_down_again(self, world: World) -> None:
        world.link("session:s", up=False, detail="lost at 1")
        world.link("session:s", up=True)
        alarm = world.alarm("gateway.link", "link:session:s")
        assert alarm.latched and not alarm.active
        world.link("session:s", up=False, detail="lost at 2")
        again = world.alarm("gateway.link", "link:session:s")
        assert (again.id, again.active, again.detail) == (alarm.id, True, "lost at 2")


def test_an_unknown_value_keeps_a_pending_end_from_being_decided(world: World) -> None:
    world.spoke("meter-1", cable=80.0)
    world.wait(10)
    world.spoke("meter-1", cable=20.0)
    world.wait(20)
    world.spoke("meter-1", quality=Quality.BAD, cable=80.0)
    world.wait(20)
    assert world.has("cable", "meter-1"), "the 30 s of its end were broken by not knowing"
    world.spoke("meter-1", cable=20.0)
    world.wait(30)
    assert not world.has("cable", "meter-1")


def test_danger_rules_of_the_test_home_cover_what_they_name() -> None:
    world = World()
    guarded = {name for name in DANGER_POINTS if world.engine.devices["smoke-1"].watching(PREFIX + name)}
    assert guarded == set(DANGER_POINTS) - {"smoke.alarm", "manual_call.alarm", "sos.alarm"}


def test_a_rule_about_a_trouble_does_not_cover_a_danger() -> None:
    shy = replace(RULES[0], category=Category.TROUBLE, latch=False, raise_after=10 * SECOND)
    world = World(rules=(shy,))
    world.spoke("smoke-1", smoke=True)
    assert world.has(PREFIX + "smoke.alarm", "smoke-1")
