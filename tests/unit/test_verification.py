"""The verification clock beside the escalation, the alarm anew when nothing came of it, and the outcome codes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.console.texts import WORDS
from rules import operator
from rules.alarm import Category
from rules.condition import Equals
from rules.effects import AlarmChanged, AnyEffect
from rules.engine import Engine
from rules.incident import Finding, Incident, VerdictKind, Verification
from rules.inputs import Verb
from rules.verification import NEEDS_VERDICT, NO_PROGRESS, PROGRESS_WITHIN, STANDS_WITHIN, STILL_ACTIVE
from tests.unit.engine_world import (
    DANGERS,
    HOUR,
    RULES,
    SITE,
    START,
    World,
    alarm_changes,
    incident_changes,
    refusals,
    rule,
    sounds,
    told,
)
from tests.world.invariants import check_state

QUIET = replace(SITE, devices=tuple(replace(each, silence_limit=100 * HOUR) for each in SITE.devices))


class Watched(World):
    """The test home, its state checked after every input."""

    def step(self, happened: Any) -> tuple[AnyEffect, ...]:
        effects = super().step(happened)
        check_state(self.engine)
        assert Engine.restore(self.engine.snapshot()).snapshot() == self.engine.snapshot()
        return effects

    @property
    def stage(self) -> Verification:
        return self.incident().verification

    def incident(self) -> Incident:
        """The incident of a danger, whatever trouble is open beside it."""
        danger = next((i for i in self.engine.incidents.values() if i.category.endangers_people), None)
        return danger or super().incident()

    def finds(self, finding: str, **more: Any) -> tuple[AnyEffect, ...]:
        return self.acts(Verb.VERDICT, self.incident().id, finding=finding, **more)


@pytest.fixture
def world() -> Watched:
    return Watched(site=QUIET)


def calls(effects: Iterable[AnyEffect]) -> list[str]:
    return [person for person, purpose in told(effects) if purpose == "call"]


def test_a_single_detector_waits_for_nobody(world: Watched) -> None:
    effects = world.spoke("smoke-1", smoke=True)
    assert sounds(effects) == [("ward", "evacuate")] and calls(effects) == ["carer"]
    assert world.stage is Verification.AWAITED and world.incident().verify_at == START + timedelta(seconds=15)


def test_the_escalation_is_the_same_with_and_without_the_clock(world: Watched) -> None:
    world.spoke("smoke-1", smoke=True)
    with_clock = [(e.at, p) for e in world.wait(300) for p in told([e])]
    other = Watched(site=QUIET)
    other.spoke("smoke-1", smoke=True)
    other.engine.deadlines.cancel(("verify", other.incident().id))
    assert [(e.at, p) for e in other.wait(300) for p in told([e])] == with_clock


def test_nobody_acknowledges_within_15_s(world: Watched) -> None:
    world.spoke("smoke-1", smoke=True)
    assert incident_changes(world.wait(14.9)) == []
    assert incident_changes(world.wait(0.1)) == ["unanswered"]
    assert world.stage is Verification.UNANSWERED and world.incident().verify_at is None
    world.acknowledges(world.incident().id)
    assert world.stage is Verification.RUNNING


def test_taken_on_in_time_and_judged_in_time(world: Watched) -> None:
    world.spoke("smoke-1", smoke=True)
    world.wait(10)
    world.acknowledges(world.incident().id)
    assert world.incident().verify_at == world.at + timedelta(seconds=180)
    world.wait(179)
    world.finds("false_alarm", cause="steam")
    assert world.stage is Verification.DONE and world.incident().verify_at is None
    world.spoke("smoke-1", smoke=False)
    assert told(world.wait(3600)) == []


@pytest.mark.parametrize(("finding", "cause"), [("false_alarm", "steam"), ("test", "")])
@pytest.mark.parametrize("first", ["acknowledge", "verdict"])
def test_judged_to_be_nothing_but_still_active_calls_everybody(
    world: Watched, finding: str, cause: str, first: str
) -> None:
    world.spoke("smoke-1", smoke=True)
    if first == "acknowledge":
        world.acknowledges(world.incident().id)
    world.finds(finding, cause=cause)
    if first == "verdict":
        world.acknowledges(world.incident().id)
    assert not told(world.wait(179.9))
    effects = world.wait(0.1)
    assert alarm_changes(effects) == [("re_alarmed", "smoke", "smoke-1")]
    assert {e.reason for e in effects if isinstance(e, AlarmChanged)} == {STILL_ACTIVE}
    assert set(calls(effects)) == {"carer", "second", "director", "off"}
    assert calls(world.wait(60)), "and the plan runs on"
    world.acknowledges(world.incident().id, "second")
    assert set(calls(world.wait(180))) == {"carer", "second", "director", "off"}, "again, for as long as it is active"
    world.acknowledges(world.incident().id)
    world.spoke("smoke-1", smoke=False)
    assert not told(world.wait(3600))


def test_no_verdict_within_180_s_calls_anew(world: Watched) -> None:
    world.spoke("smoke-1", smoke=True)
    world.acknowledges(world.incident().id)
    assert not told(world.wait(179.9)) and world.stage is Verification.RUNNING
    effects = world.wait(0.1)
    assert alarm_changes(effects) == [("re_alarmed", "smoke", "smoke-1")]
    assert incident_changes(effects) == ["re_alarmed"] and calls(effects) == ["carer"]
    assert world.stage is Verification.OVERDUE and world.incident().acknowledged_at is None
    assert calls(world.wait(30)) == ["carer", "second"], "the plan runs on from there"
    world.acknowledges(world.incident().id, "second")
    assert world.stage is Verification.RUNNING
    assert calls(world.wait(180)) == ["carer"], "and again, for as long as nobody says what it is"


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_second_device_confirms_at_once(world: Watched, acknowledged: bool) -> None:
    world.spoke("smoke-1", smoke=True)
    if acknowledged:
        world.acknowledges(world.incident().id)
    world.spoke("smoke-2", smoke=True)
    assert world.stage is Verification.CONFIRMED and world.incident().verify_at is None
    assert "unanswered" not in incident_changes(world.wait(100))


def test_a_manual_call_point_is_confirmed_from_the_start(world: Watched) -> None:
    world.spoke("call-1", call=True)
    assert world.stage is Verification.CONFIRMED
    world.acknowledges(world.incident().id)
    assert calls(world.wait(180)) == ["carer"], "who took on a confirmed fire must say what became of it too"


@pytest.mark.parametrize("end", ["reset", "verdict"])
def test_the_clock_ends_with_the_incident_or_the_verdict(world: Watched, end: str) -> None:
    world.spoke("smoke-1", smoke=True)
    world.acknowledges(world.incident().id)
    if end == "verdict":
        world.finds("real_fire")
    else:
        world.spoke("smoke-1", smoke=False)
        world.resets(world.alarm("smoke", "smoke-1").id)
    left = [key[0] for _, _, key in world.engine.deadlines.to_list() if key[0] in ("verify", "progress")]
    assert left == (["progress"] if end == "verdict" else []), "what was judged real is not forgotten"


def test_a_real_fire_that_nobody_ends_is_announced_anew_each_hour(world: Watched) -> None:
    world.spoke("smoke-1", smoke=True)
    world.acknowledges(world.incident().id)
    world.finds("real_fire")
    assert told(world.wait(3599)) == []
    effects = world.wait(1)
    assert alarm_changes(effects) == [("re_alarmed", "smoke", "smoke-1")] and calls(effects) == ["carer"]
    world.acknowledges(world.incident().id)
    assert calls(world.wait(3600)) == ["carer"]


def test_a_further_detector_after_a_false_alarm_is_judged_anew(world: Watched) -> None:
    world.spoke("smoke-1", smoke=True)
    world.acknowledges(world.incident().id)
    world.finds("false_alarm", cause="steam")
    world.spoke("sos-1", battery=50.0)
    world.unreadable("smoke-2", "fire")
    assert world.incident().verdict is None and world.stage is Verification.AWAITED


def test_who_found_a_fire_need_not_look_again(world: Watched) -> None:
    world.spoke("smoke-1", smoke=True)
    world.acknowledges(world.incident().id)
    world.finds("real_fire")
    world.unreadable("smoke-2", "fire")
    verdict = world.incident().verdict
    assert verdict is not None and verdict.finding == "real_fire" and world.stage is Verification.DONE
    world.acknowledges(world.incident().id)
    assert world.engine.deadlines.due_at(("progress", world.incident().id)) == world.at + STANDS_WITHIN


@pytest.mark.parametrize("category", [c for c in Category if c is not Category.FIRE])
def test_every_category_is_announced_anew_when_nothing_comes_of_it(category: Category) -> None:
    one = rule("one", Equals(point="smoke.alarm", value=True), category, latch=True)
    world = Watched(site=QUIET, rules=(one, *RULES[1:2]))
    world.spoke("smoke-1", smoke=True)
    alarm = world.alarm("one", "smoke-1")
    world.acknowledges(alarm.id)
    limit = PROGRESS_WITHIN[category].total_seconds()
    mine = [c for c in alarm_changes(world.wait(limit - 1)) if c[1] == "one"]
    assert mine == []
    assert ("re_alarmed", "one", "smoke-1") in alarm_changes(world.wait(1))
    assert world.alarm("one", "smoke-1").acknowledged is None


def test_a_rule_may_ask_for_the_clock() -> None:
    fall = rule("fall", Equals(point="sos.alarm", value=True), Category.PERSON, latch=True, verify=True)
    world = Watched(site=QUIET, rules=(fall,))
    world.spoke("sos-1", sos=True)
    assert world.stage is Verification.AWAITED
    world.engine = Engine.restore(world.engine.snapshot())
    world.acknowledges(world.incident().id)
    assert not alarm_changes(world.wait(899)), "who kneels beside somebody has 15 min"
    assert alarm_changes(world.wait(1)) == [("re_alarmed", "fall", "sos-1")]


def test_other_dangers_have_no_clock_but_a_limit(world: Watched) -> None:
    world.spoke("sos-1", sos=True)
    assert world.stage is Verification.NONE and PROGRESS_WITHIN[Category.PERSON] == timedelta(minutes=15)
    world.acknowledges(world.incident().id)
    world.finds("cared_for")
    assert told(world.wait(3599)) == [] and world.stage is Verification.NONE


def test_an_alarm_that_was_over_in_time_calls_nobody_anew(world: Watched) -> None:
    world.spoke("smoke-1", battery=3.0)
    world.acknowledges(world.incident().id)
    world.spoke("smoke-1", battery=90.0)
    assert told(world.wait(25 * 3600)) == []


def test_limits_that_passed_while_the_gateway_was_down_fire_once(world: Watched) -> None:
    world.spoke("smoke-1", smoke=True)
    world.acknowledges(world.incident().id)
    effects = world.down(7200)
    assert alarm_changes(effects) == [("re_alarmed", "smoke", "smoke-1")]


# outcome codes


@pytest.mark.parametrize("finding", list(Finding))
def test_an_outcome_says_its_verdict(world: Watched, finding: Finding) -> None:
    world.spoke("smoke-1", smoke=True)
    times = {"left": world.at} if finding is Finding.TO_HOSPITAL else {}
    assert not refusals(world.finds(finding.value, cause="why", times=times))
    verdict = world.incident().verdict
    assert verdict is not None and (verdict.finding, verdict.kind) == (finding.value, finding.kind)


def test_kinds_of_outcomes() -> None:
    assert {f for f in Finding if f.kind is VerdictKind.FALSE} == {Finding.FALSE_ALARM}
    assert {f for f in Finding if f.kind is VerdictKind.TEST} == {Finding.TEST, Finding.DRILL}


def test_the_times_of_an_outcome_are_on_record_in_order(world: Watched) -> None:
    world.spoke("sos-1", sos=True)
    world.wait(600)
    left, called = world.at - timedelta(seconds=60), world.at - timedelta(seconds=500)
    world.finds("to_hospital", times={"left": left, "called_120": called})
    verdict = world.incident().verdict
    assert verdict is not None and verdict.times == (("called_120", called), ("left", left))


HOUR_AHEAD = START + timedelta(hours=1)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"finding": "false_alarm"}, "a false alarm needs its cause"),
        ({"finding": "false_alarm", "cause": "  "}, "a false alarm needs its cause"),
        ({"verdict": "false"}, "a false alarm needs its cause"),
        ({"finding": "real_fire", "verdict": "false", "cause": "x"}, operator.OTHER_KIND),
        ({"finding": "to_hospital"}, operator.NEEDS_TIME),
        ({"finding": "real_fire", "times": {"lunch": START}}, operator.BAD_TIME),
        ({"finding": "real_fire", "times": {"called_119": HOUR_AHEAD}}, operator.BAD_TIME),
    ],
)
def test_an_outcome_is_refused(world: Watched, more: dict[str, Any], why: str) -> None:
    world.spoke("smoke-1", smoke=True)
    effects = world.acts(Verb.VERDICT, world.incident().id, **more)
    assert refusals(effects) == [why] and len(effects) == 1 and world.incident().verdict is None
    assert WORDS["zh"].reason(why) != why


@pytest.mark.parametrize("more", [{"finding": "perhaps"}, {"verdict": "perhaps"}, {}])
def test_what_is_no_outcome_is_told_the_choice(world: Watched, more: dict[str, Any]) -> None:
    world.spoke("smoke-1", smoke=True)
    (why,) = refusals(world.acts(Verb.VERDICT, world.incident().id, **more))
    assert "is one of" in why


# no end without a verdict


def resets(world: Watched, target: str) -> tuple[AnyEffect, ...]:
    """A reset and nothing else: `World.resets` says first what it was."""
    return world.acts(Verb.RESET, target)


@pytest.mark.parametrize("whole", [False, True], ids=["alarm", "incident"])
@pytest.mark.parametrize(
    ("category", "verify"), [(Category.FIRE, False), (Category.GAS, False), (Category.PERSON, True)], ids=str
)
def test_a_danger_ends_only_when_somebody_has_said_what_it_was(category: Category, verify: bool, whole: bool) -> None:
    one = rule("one", Equals(point="smoke.alarm", value=True), category, latch=True, verify=verify)
    world = Watched(site=QUIET, rules=(one,))
    world.spoke("smoke-1", smoke=True)
    incident = world.incident().id
    target = incident if whole else world.alarm("one", "smoke-1").id
    world.acknowledges(incident)
    world.spoke("smoke-1", smoke=False)
    effects = resets(world, target)
    assert refusals(effects) == [f"smoke-1: {NEEDS_VERDICT}"] and len(effects) == 1
    assert not refusals(world.finds("cared_for"))
    assert alarm_changes(resets(world, target)) == [("reset", "one", "smoke-1")]


def test_who_does_not_ask_for_verification_may_reset_without(world: Watched) -> None:
    world.spoke("sos-1", sos=True)
    world.acknowledges(world.incident().id)
    world.spoke("sos-1", sos=False)
    assert alarm_changes(resets(world, world.incident().id)) == [("reset", "sos", "sos-1")]


def test_each_alarm_of_a_fire_waits_for_the_verdict(world: Watched) -> None:
    world.spoke("smoke-1", smoke=True)
    world.spoke("smoke-2", smoke=True)
    world.acknowledges(world.incident().id)
    world.spoke("smoke-1", smoke=False)
    world.spoke("smoke-2", smoke=False)
    assert refusals(resets(world, world.incident().id)) == [f"smoke-{n}: {NEEDS_VERDICT}" for n in (1, 2)]
    world.finds("real_fire")
    assert len(alarm_changes(resets(world, world.incident().id))) == 2


def test_a_verdict_that_a_further_detector_has_ended_lets_nobody_reset(world: Watched) -> None:
    world.spoke("smoke-1", smoke=True)
    world.acknowledges(world.incident().id)
    world.spoke("smoke-1", smoke=False)
    world.finds("false_alarm", cause="steam")
    world.spoke("smoke-2", smoke=True)
    assert refusals(resets(world, world.alarm("smoke", "smoke-1").id)) == [f"smoke-1: {NEEDS_VERDICT}"]


@pytest.mark.parametrize(
    ("category", "verdict", "finding"),
    [
        (Category.FIRE, "real", "real_fire"),
        (Category.GAS, "real", "real_gas"),
        (Category.ELECTRICAL, "real", "electrical_hazard"),
        (Category.PERSON, "real", ""),
        (Category.PERSON, "false", "false_alarm"),
        (Category.FIRE, "test", "test"),
    ],
)
def test_a_bare_verdict_is_the_outcome_that_it_can_only_mean(category: Category, verdict: str, finding: str) -> None:
    one = rule("one", Equals(point="smoke.alarm", value=True), category, latch=True)
    world = Watched(site=QUIET, rules=(one,))
    world.spoke("smoke-1", smoke=True)
    alarm = world.alarm("one", "smoke-1")
    world.acts(Verb.VERDICT, alarm.id, verdict=verdict, cause="why")
    given = world.engine.incidents[alarm.incident].verdict
    assert given is not None and given.finding == finding


def test_what_became_of_a_person_is_said_before_the_end() -> None:
    fall = rule("fall", Equals(point="sos.alarm", value=True), Category.PERSON, latch=True, verify=True)
    world = Watched(site=QUIET, rules=(fall,))
    world.spoke("sos-1", sos=True)
    world.acknowledges(world.incident().id)
    world.spoke("sos-1", sos=False)
    world.acts(Verb.VERDICT, world.incident().id, verdict="real")
    assert refusals(resets(world, world.incident().id)) == [f"sos-1: {NEEDS_VERDICT}"]
    assert WORDS["zh"].reason(NEEDS_VERDICT) != NEEDS_VERDICT


def test_dangers_have_the_shortest_limits() -> None:
    others = [PROGRESS_WITHIN[c] for c in Category if c not in DANGERS]
    assert max(PROGRESS_WITHIN[c] for c in DANGERS) < min(others) and set(PROGRESS_WITHIN) == set(Category)
    assert WORDS["zh"].reason(NO_PROGRESS) != NO_PROGRESS
    assert WORDS["zh"].reason(STILL_ACTIVE) == "误报判定后仍在报警"
