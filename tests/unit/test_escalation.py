"""Who is told next, and when: no plan ever resolves to nobody, and no danger ever stops calling."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from rules.alarm import Category
from rules.effects import IncidentChanged, Notify, StopNotifying
from rules.escalation import TIMELINE_MAX
from rules.incident import Incident
from rules.inputs import Outcome, SendReported, Verb
from rules.site import Channel, Person
from tests.unit.engine_world import (
    DANGERS,
    MINUTE,
    RULES,
    SECOND,
    SITE,
    World,
    incident_changes,
    of,
    plan,
    sounds,
    told,
    with_people,
    with_plan,
)


@pytest.fixture
def world() -> World:
    return World()


def _events(incident: Incident) -> list[str]:
    return [line.event for line in incident.timeline]


class TestPlan:
    def test_step_by_step_then_the_last_again(self, world: World) -> None:
        assert told(world.spoke("smoke-1", smoke=True)) == [("carer", "call")]
        assert told(world.wait(29)) == []
        assert told(world.wait(1)) == [("carer", "call"), ("second", "call")]
        assert told(world.wait(30)) == [("director", "call")]
        for _ in range(3):
            assert told(world.wait(59)) == []
            assert told(world.wait(1)) == [("director", "repeat")]

    def test_one_message_a_channel_with_an_id_of_its_own(self, world: World) -> None:
        sent = of(world.spoke("smoke-1", smoke=True), Notify)
        assert [(n.channel, n.address, n.step) for n in sent] == [("sms", "1", 1), ("push", "a", 1)]
        assert [n.message for n in sent] == ["home:1:2.m1", "home:1:2.m2"]

    def test_a_first_step_with_a_delay(self, world: World) -> None:
        world.spoke("meter-1", residual=400.0)
        assert told(world.wait(10)) == []
        assert world.incident().next_step_at == world.at + 120 * SECOND
        assert told(world.wait(119)) == []
        assert told(world.wait(1)) == [("second", "call")]
        assert told(world.wait(300)) == [("director", "call")]

    def test_the_off_duty_and_those_without_a_channel_are_skipped(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        names = {name for name, _ in told(world.wait(600))}
        assert names == {"carer", "second", "director"}

    def test_repeats_are_bounded_where_the_plan_says_so(self, world: World) -> None:
        assert told(world.spoke("smoke-1", battery=1.0)) == [("director", "call")]
        assert told(world.wait(600)) == [("director", "repeat")]
        assert world.incident().next_step_at is None
        assert told(world.wait(2_400)) == []

    @pytest.mark.parametrize("category", DANGERS, ids=lambda c: c.value)
    def test_a_danger_never_stops_calling(self, category: Category) -> None:
        site = with_plan(SITE, plan(category, ("director", 0), every=60, most=2))
        world = World(site)
        point = {"fire": "smoke", "gas": "gas", "person": "sos"}[category.value]
        world.spoke("smoke-1", **{point: True})
        for _ in range(10):
            assert told(world.wait(60)) == [("director", "repeat")]
        assert world.incident().next_step_at == world.at + MINUTE

    def test_a_category_without_a_plan_calls_everybody_on_duty(self) -> None:
        world = World(replace(SITE, plans=()))
        assert told(world.spoke("smoke-1", smoke=True)) == [("carer", "call"), ("second", "call"), ("director", "call")]

    def test_a_plan_without_steps_counts_as_none(self) -> None:
        world = World(with_plan(SITE, plan(Category.FIRE)))
        assert ("director", "call") in told(world.spoke("smoke-1", smoke=True))

    def test_the_last_step_is_not_repeated_faster_than_every_ten_seconds(self) -> None:
        world = World(with_plan(SITE, plan(Category.FIRE, ("director", 0), every=0)))
        world.spoke("smoke-1", smoke=True)
        assert len(of(world.wait(100), Notify)) == 10


class TestEmptyStep:
    PLAN = plan(Category.FIRE, ("role:night", 0), ("carer", 30), ("director", 30))

    def test_runs_the_next_at_once_and_tells_the_director_and_everyone(self) -> None:
        world = World(with_plan(SITE, self.PLAN))
        effects = world.spoke("smoke-1", smoke=True)
        assert [name for name, _ in told(effects)] == ["director", "carer", "second", "off"]
        assert "empty_step" in _events(world.incident())
        assert world.incident().step == 2
        assert world.incident().next_step_at == world.at + 30 * SECOND
        assert told(world.wait(30)) == [("director", "call")]

    def test_nobody_is_told_the_same_thing_twice_at_once(self) -> None:
        empty = plan(Category.FIRE, ("role:x", 0), ("role:y", 30), ("role:z", 30))
        world = World(with_plan(SITE, empty))
        sent = of(world.spoke("smoke-1", smoke=True), Notify)
        assert len({(n.person, n.channel) for n in sent}) == len(sent) == 5
        assert _events(world.incident()).count("empty_step") == 3

    def test_an_empty_last_step_repeats_to_everybody(self) -> None:
        world = World(with_plan(SITE, plan(Category.FIRE, ("carer", 0), ("role:x", 30))))
        world.spoke("smoke-1", smoke=True)
        for purpose, seconds in (("call", 30), ("repeat", 60), ("repeat", 60)):
            assert told(world.wait(seconds)) == [(name, purpose) for name in ("director", "carer", "second", "off")]

    def test_nobody_at_all_leaves_an_open_incident_that_goes_on(self) -> None:
        world = World(with_people(SITE, Person(id="carer", name="A", role="carer")))
        effects = world.spoke("smoke-1", smoke=True)
        assert told(effects) == [] and sounds(effects) == [("ward", "evacuate")]
        assert "nobody" in _events(world.incident())
        first = world.incident().next_step_at
        assert first is not None
        world.wait(600)
        again = world.incident().next_step_at
        assert again is not None and again > first
        world.reload(SITE)
        assert told(world.wait(120)) == [("director", "repeat")]


class TestRefused:
    def _refuse(self, world: World, sent: list[Notify]) -> list[object]:
        return [effect for one in sent for effect in world.reported(one, Outcome.REFUSED)]

    def test_all_refused_moves_on_at_once(self, world: World) -> None:
        first = of(world.spoke("smoke-1", smoke=True), Notify)
        assert told(world.reported(first[0], Outcome.REFUSED)) == []
        assert told(world.reported(first[1], Outcome.REFUSED)) == [("carer", "call"), ("second", "call")]
        assert "refused" in _events(world.incident())
        assert world.incident().next_step_at == world.at + 30 * SECOND

    @pytest.mark.parametrize("outcome", [o for o in Outcome if o not in (Outcome.REFUSED, Outcome.ANSWERED)])
    def test_one_message_that_is_not_refused_keeps_the_step(self, world: World, outcome: Outcome) -> None:
        first = of(world.spoke("smoke-1", smoke=True), Notify)
        world.reported(first[0], outcome)
        assert told(world.reported(first[1], Outcome.REFUSED)) == []
        assert world.incident().step == 1

    def test_no_tight_loop_on_the_last_step(self, world: World) -> None:
        waiting = of(world.spoke("smoke-1", smoke=True), Notify)
        steps = 0
        while waiting:
            waiting = of(self._refuse(world, waiting), Notify)
            steps += 1
        assert steps == 3 and world.incident().step == 3
        assert world.incident().next_step_at == world.at + MINUTE
        repeat = of(world.wait(60), Notify)
        assert [n.purpose for n in repeat] == ["repeat"]
        assert self._refuse(world, repeat)[0].at == world.at
        assert world.incident().next_step_at == world.at + MINUTE

    def test_refusals_of_an_earlier_run_do_not_count(self, world: World) -> None:
        first = of(world.spoke("smoke-1", smoke=True), Notify)
        second = of(world.wait(30), Notify)
        assert second
        assert of(self._refuse(world, first), Notify) == []
        assert world.incident().step == 2

    def test_a_report_of_a_closed_or_unknown_incident_changes_nothing(self, world: World) -> None:
        report = SendReported(at=world.at, message="home:1:9.m1", incident="home:1:9.i1", channel="sms",
                              person="carer", outcome=Outcome.ANSWERED)
        assert world.step(report) == ()

    def test_every_report_is_on_the_timeline(self, world: World) -> None:
        (sent, *_) = of(world.spoke("smoke-1", smoke=True), Notify)
        world.reported(sent, Outcome.DELIVERED)
        line = world.incident().timeline[-1]
        assert (line.event, line.who, line.detail) == ("report", "carer", "sms: delivered")


class TestTakenOn:
    def test_stops_the_plan_and_tells_the_others(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.wait(30)
        effects = world.acknowledges(world.incident().id, "second")
        assert [e.incident for e in of(effects, StopNotifying)] == [world.incident().id]
        assert told(effects) == [("carer", "over")]
        assert world.incident().next_step_at is None
        world.acts(Verb.VERDICT, world.incident().id, verdict="real")
        assert told(world.wait(3_000)) == []

    def test_an_answer_acknowledges_in_that_person_s_name(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        sent = of(world.wait(30), Notify)
        answered = next(n for n in sent if n.person == "second")
        world.reported(answered, Outcome.ANSWERED)
        taken = world.alarm("smoke", "smoke-1").acknowledged
        assert taken is not None and taken.by == "second"
        assert world.incident().acknowledged_by == "second"

    def test_the_answer_to_an_earlier_repeat_counts(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.wait(60)
        repeat = of(world.wait(60), Notify)
        world.wait(300)
        world.reported(repeat[0], Outcome.ANSWERED)
        assert world.incident().acknowledged_by == "director"

    def test_the_end_is_told_to_those_who_were_told(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        incident = world.incident().id
        world.acknowledges(incident)
        world.spoke("smoke-1", smoke=False)
        effects = world.resets(incident, "director")
        assert told(effects) == [("carer", "over")]
        assert of(effects, StopNotifying)[0].incident == incident
        closed = of(effects, IncidentChanged)[-1]
        assert closed.change == "closed" and closed.incident.closed_at == world.at
        events = ["opened", "told", "acknowledged", "cleared", "verdict", "reset", "told_over"]
        assert _events(closed.incident) == events
        assert world.engine.escalation.messages.by_id == {}
        assert ("step", incident) not in world.engine.deadlines

    @pytest.mark.parametrize("who", ["smoke-2", "call-1"])
    def test_growth_by_a_new_device_restarts_the_plan(self, world: World, who: str) -> None:
        site = replace(SITE, devices=tuple(replace(d, zone="ward") for d in SITE.devices))
        world.reload(site)
        world.spoke("smoke-1", smoke=True)
        world.wait(30)
        world.acknowledges(world.incident().id)
        assert world.incident().next_step_at is None
        effects = world.spoke(who, **({"smoke": True} if who == "smoke-2" else {"call": True}))
        assert incident_changes(effects) == ["grew"]
        assert told(effects) == [("carer", "call")]
        assert world.incident().acknowledged_at is None and world.incident().step == 1
        assert ("second", "call") in told(world.wait(30))

    def test_growth_before_anybody_took_it_on_is_told_at_once(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.wait(10)
        assert told(world.spoke("smoke-2", smoke=True)) == [("carer", "repeat")]
        assert world.incident().step == 1
        assert ("second", "call") in told(world.wait(20)), "and the plan goes on as if nothing had happened"

    def test_what_joins_a_trouble_is_told_in_one_message_once_it_rests(self, world: World) -> None:
        world.spoke("smoke-1", battery=1.0)
        assert told(world.spoke("smoke-2", battery=1.0)) == []
        assert told(world.wait(30)) == []
        assert told(world.spoke("bridged", battery=1.0)) == []
        assert told(world.wait(59)) == []
        (message,) = of(world.wait(1), Notify)
        assert (message.person, message.purpose, message.incident.alarm_count) == ("director", "repeat", 3)
        assert told(world.wait(120)) == []


class TestRepeats:
    def test_while_acknowledged_at_most_once_a_minute_and_then_it_does(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.acknowledges(world.incident().id, "second")
        world.acts(Verb.VERDICT, world.incident().id, verdict="real")
        heard = []
        for second in range(10, 301, 10):
            world.wait(10)
            if told(world.spoke("smoke-1", smoke=True)):
                heard.append(second)
        assert heard == [60, 120, 180, 240, 300]
        assert world.alarm("smoke", "smoke-1").announced_at == world.at

    def test_while_the_plan_runs_the_plan_does_it(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        for _ in range(30):
            world.wait(5)
            assert world.spoke("smoke-1", smoke=True) == ()

    def test_a_repeat_of_a_trouble_tells_nobody(self, world: World) -> None:
        world.spoke("smoke-1", battery=1.0)
        world.acknowledges(world.incident().id)
        world.wait(600)
        assert world.spoke("smoke-1", battery=2.0) == ()

    def test_when_all_who_were_told_are_gone_everybody_hears_of_it(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.acknowledges(world.incident().id)
        new = Person(id="new", name="N", role="carer", channels=(Channel("sms", "9"),))
        world.reload(with_people(SITE, new))
        world.wait(61)
        assert told(world.spoke("smoke-1", smoke=True)) == [("new", "repeat")]


def test_messages_kept_in_memory_are_bounded_however_long_nobody_answers(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    world.wait(3600)
    assert len(world.engine.escalation.messages.by_id) <= 3


def test_a_long_timeline_is_bounded_and_its_effects_still_tell_every_new_line() -> None:
    world = World(with_people(SITE), RULES[:1])
    world.spoke("smoke-1", smoke=True)
    world.wait(20)
    seen = 0
    for _ in range(150):
        for change in of(world.wait(60), IncidentChanged):
            assert [line.event for line in change.incident.timeline] == ["empty_step", "nobody"]
            seen += 1
    assert seen >= 150 and len(world.incident().timeline) == TIMELINE_MAX
    assert world.incident().timeline[0].event == "opened"


class TestConfirmation:
    """GB 50116-2013 4.1.6: a second device, or a manual call point, confirms at once."""

    def test_one_detector_is_not_confirmed(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.wait(60)
        world.spoke("smoke-1", smoke=False)
        world.spoke("smoke-1", smoke=True)
        assert not world.incident().confirmed

    def test_a_second_device_confirms(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.spoke("smoke-2", smoke=True)
        assert world.incident().confirmed

    def test_the_same_device_twice_does_not(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.spoke("smoke-1", heat=True)
        assert len(world.engine.alarms) == 2 and not world.incident().confirmed

    def test_a_manual_call_point_alone_confirms(self, world: World) -> None:
        world.spoke("call-1", call=True)
        assert world.incident().confirmed

    def test_another_zone_does_not(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.spoke("meter-1", smoke=True)
        assert [i.confirmed for i in world.engine.incidents.values()] == [False, False]

    def test_two_calls_for_help_are_no_confirmed_fire(self, world: World) -> None:
        world.spoke("sos-1", sos=True)
        world.spoke("smoke-1", sos=True)
        assert not world.incident().confirmed


class TestSounders:
    def test_what_must_sound_now_is_said_for_each_zone(self, world: World) -> None:
        assert world.engine.sounding() == []
        world.spoke("sos-1", sos=True)
        world.spoke("smoke-1", smoke=True)
        world.spoke("call-1", call=True)
        world.spoke("smoke-1", battery=1.0)
        assert sorted(sounds(world.engine.sounding())) == [("hall", "evacuate"), ("ward", "evacuate")]
        world.acts(Verb.SILENCE, world.alarm("smoke", "smoke-1").incident)
        assert sorted(sounds(world.engine.sounding())) == [("hall", "evacuate"), ("ward", "attention")]

    def test_fire_evacuates_person_draws_attention(self, world: World) -> None:
        assert sounds(world.spoke("call-1", call=True)) == [("hall", "evacuate")]
        assert sounds(world.spoke("sos-1", sos=True)) == [("ward", "attention")]

    def test_a_new_alarm_restarts_a_silenced_sounder(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        world.acts(Verb.SILENCE, world.incident().id)
        assert sounds(world.spoke("smoke-1", smoke=True)) == [], "a repeat does not"
        assert sounds(world.spoke("smoke-2", smoke=True)) == [("ward", "evacuate")]
        assert world.incident().silenced_at is None

    def test_a_call_for_help_does_not_drown_the_evacuation(self, world: World) -> None:
        world.spoke("smoke-1", smoke=True)
        assert sounds(world.spoke("sos-1", sos=True)) == [("ward", "evacuate")]

    def test_what_is_left_sounds_on(self, world: World) -> None:
        world.spoke("sos-1", sos=True)
        world.spoke("smoke-1", smoke=True)
        fire = world.alarm("smoke", "smoke-1").incident
        assert sounds(world.acts(Verb.SILENCE, fire)) == [("ward", "attention")]
        help_call = world.alarm("sos", "sos-1").incident
        assert sounds(world.acts(Verb.SILENCE, help_call)) == [("ward", "off")]

    def test_the_end_of_the_incident_ends_the_sound(self, world: World) -> None:
        world.spoke("bridged", smoke=True)
        world.acknowledges(world.incident().id)
        assert sounds(world.resets(world.incident().id, checked=True)) == [("ward", "off")]


def test_an_ended_plan_goes_on_when_a_new_one_has_more(world: World) -> None:
    world.spoke("smoke-1", battery=1.0)
    world.wait(700)
    assert world.incident().next_step_at is None
    assert world.reload() == ()
    world.reload(with_plan(SITE, plan(Category.TROUBLE, ("director", 0), every=60)))
    assert told(world.wait(60)) == [("director", "repeat")]


def test_a_plan_changed_under_way_goes_on(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    world.wait(60)
    world.reload(with_plan(SITE, plan(Category.FIRE, ("director", 0), every=60)))
    assert told(world.wait(60)) == [("director", "repeat")]
    assert world.incident().next_step_at == world.at + timedelta(seconds=60)
