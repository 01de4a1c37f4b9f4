"""Phones that prove themselves: late, failing, unconfirmed, forgotten; told to the director; never left out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rules.alarm import Category
from rules.duty import Duty
from rules.effects import Notify
from rules.engine import Engine
from rules.inputs import ChannelProven, Outcome, SendReported, TimePassed
from rules.reachability import ChannelProof, Standing
from rules.site import Channel, Person, Plan, PlanStep
from tests.unit.engine_world import HOUR, PEOPLE, SECOND, SITE, START, World, of, told, with_people

RULE, ZONE = "gateway.phone", "phones"


def proved(world: World, person: str = "carer", channel: str = "sms", outcome: Outcome = Outcome.ACCEPTED, **more):
    more.setdefault("message", "home:test:1")
    return world.step(ChannelProven(at=world.at, person=person, channel=channel, outcome=outcome, **more))


def reported(world: World, outcome: Outcome, message: str, person: str = "carer", **more):
    return world.step(
        SendReported(at=world.at, message=message, incident="", channel="sms", person=person, outcome=outcome, **more)
    )


def standing(world: World, person: str = "carer", channel: str = "sms") -> Standing:
    return world.engine.reachability.standing(person, channel)


def reached(world: World, *names: str) -> list[str]:
    return [person.id for person in world.engine.duty.everybody(world.at) if person.id in names]


class TestStanding:
    def test_a_phone_in_time_is_proven_and_nobody_hears_of_it(self) -> None:
        world = World()
        assert proved(world, lag=2 * SECOND) == ()
        assert standing(world) is Standing.PROVEN

    @pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.RETRY])
    def test_a_phone_that_does_not_take_it_failed_and_the_director_hears_its_name(self, outcome: Outcome) -> None:
        world = World()
        effects = proved(world, outcome=outcome, detail="HTTP 404")
        assert standing(world) is Standing.FAILED
        alarm = world.alarm(RULE, "phone:carer/sms")
        assert alarm.category is Category.TROUBLE and alarm.zone == ZONE
        assert "A (carer) sms" in alarm.detail and "HTTP 404" in alarm.detail
        assert told(effects) == [("director", "call")]

    def test_a_late_phone_is_told_with_its_lag(self) -> None:
        world = World()
        proved(world, lag=900 * SECOND)
        assert standing(world) is Standing.LATE
        assert "900 s, at most 60 s" in world.alarm(RULE, "phone:carer/sms").detail

    def test_the_next_good_test_ends_the_trouble(self) -> None:
        world = World()
        proved(world, outcome=Outcome.REFUSED)
        proved(world, lag=SECOND)
        assert standing(world) is Standing.PROVEN and not world.has(RULE, "phone:carer/sms")

    def test_the_director_hears_of_it_although_the_plan_of_troubles_names_another(self) -> None:
        plans = tuple(
            replace(plan, steps=(PlanStep(tell=("second",)),)) if plan.category is Category.TROUBLE else plan
            for plan in SITE.plans
        )
        effects = proved(World(replace(SITE, plans=plans)), outcome=Outcome.REFUSED)
        assert told(effects) == [("second", "call"), ("director", "call")]

    def test_a_phone_that_fails_again_is_told_once(self) -> None:
        world = World()
        proved(world, outcome=Outcome.REFUSED)
        world.wait(2)
        assert told(proved(world, outcome=Outcome.REFUSED, detail="still")) == []
        assert "still" in world.alarm(RULE, "phone:carer/sms").detail

    @pytest.mark.parametrize("who", ["nobody", "mute"])
    def test_a_phone_that_the_site_does_not_name_is_none(self, who: str) -> None:
        world = World()
        assert proved(world, person=who, outcome=Outcome.REFUSED) == ()
        assert not world.engine.reachability.proofs


class TestConfirmed:
    def test_handed_over_is_not_arrived_until_somebody_confirms(self) -> None:
        world = World()
        proved(world, answer_within=HOUR)
        assert standing(world) is Standing.UNKNOWN
        world.wait(60)
        reported(world, Outcome.ANSWERED, "home:test:1")
        assert standing(world) is Standing.PROVEN
        world.wait(2 * 3600)
        assert standing(world) is Standing.PROVEN

    def test_nobody_confirmed_it(self) -> None:
        world = World()
        proved(world, answer_within=HOUR)
        effects = world.wait(3601)
        assert standing(world) is Standing.UNCONFIRMED
        assert told(effects) == [("director", "call")]

    def test_a_later_word_of_the_channel_tells_the_lag(self) -> None:
        world = World()
        proved(world, lag=SECOND)
        world.wait(120)
        reported(world, Outcome.DELIVERED, "home:test:1", final=False)
        assert standing(world) is Standing.LATE

    def test_a_later_refusal_of_the_test_is_a_failure(self) -> None:
        world = World()
        proved(world, answer_within=HOUR)
        reported(world, Outcome.REFUSED, "home:test:1", final=False, detail="number unknown")
        assert standing(world) is Standing.FAILED

    def test_a_message_of_an_alarm_that_arrived_proves_it_too(self) -> None:
        world = World()
        proved(world, outcome=Outcome.REFUSED)
        reported(world, Outcome.READ, "home:1:99.m1", final=False)
        assert standing(world) is Standing.PROVEN and not world.has(RULE, "phone:carer/sms")

    def test_a_refused_message_of_an_alarm_asks_for_a_test_but_one_that_was_not_needed_does_not(self) -> None:
        world = World()
        proved(world)
        reported(world, Outcome.REFUSED, "home:1:99.m1", detail="stopped")
        assert world.engine.reachability.proofs[("carer", "sms")].suspect_at is None
        reported(world, Outcome.REFUSED, "home:1:99.m1", detail="HTTP 404")
        assert world.engine.reachability.proofs[("carer", "sms")].suspect_at == world.at
        assert standing(world) is Standing.PROVEN


class TestForgotten:
    def test_a_phone_that_is_not_tested_any_more_is_a_trouble(self) -> None:
        world = World()
        proved(world)
        world.wait(26 * 3600 + 1)
        assert standing(world) is Standing.OVERDUE and world.has(RULE, "phone:carer/sms")

    def test_after_downtime_it_has_two_hours_to_be_tested(self) -> None:
        world = World()
        proved(world)
        world.down(3 * 86400)
        assert standing(world) is Standing.PROVEN
        world.wait(2 * 3600 + 1)
        assert standing(world) is Standing.OVERDUE

    def test_who_leaves_the_site_file_leaves_no_trouble(self) -> None:
        world = World()
        proved(world, outcome=Outcome.REFUSED)
        world.reload(with_people(SITE, *(person for person in PEOPLE if person.id != "carer")))
        assert not world.engine.reachability.proofs and not world.has(RULE, "phone:carer/sms")

    def test_a_restart_knows_it_all(self) -> None:
        world = World()
        proved(world, outcome=Outcome.REFUSED)
        proved(world, person="second", answer_within=HOUR)
        again = Engine.restore(world.engine.snapshot())
        assert again.reachability.proofs == world.engine.reachability.proofs
        later = TimePassed(at=world.at + HOUR)
        assert again.step(later) == world.engine.step(later)
        assert again.duty.everybody(world.at) == world.engine.duty.everybody(world.at)


class TestOrder:
    def test_a_failing_phone_goes_behind_the_others(self) -> None:
        world = World()
        assert reached(world, "carer", "second") == ["carer", "second"]
        proved(world, outcome=Outcome.REFUSED)
        assert reached(world, "carer", "second") == ["carer", "second"], "the other channel still works"
        proved(world, channel="push", outcome=Outcome.REFUSED)
        assert reached(world, "carer", "second") == ["second", "carer"]

    def test_a_failing_channel_is_used_after_the_persons_others_and_still_used_for_a_fire(self) -> None:
        world = World()
        proved(world, outcome=Outcome.REFUSED)
        effects = [*world.spoke("smoke-1", smoke=True)]
        first = [(m.person, m.channel) for m in of(effects, Notify) if m.alarm.category is Category.FIRE]
        assert first == [("carer", "push")]
        later = [(m.person, m.channel) for m in of(world.wait(21), Notify) if m.alarm.category is Category.FIRE]
        assert later == [("carer", "sms")]

    def test_where_all_fail_alike_nothing_is_put_behind(self) -> None:
        world = World()
        for channel in ("sms", "push"):
            proved(world, channel=channel, outcome=Outcome.REFUSED)
        effects = world.spoke("smoke-1", smoke=True)
        called = [(m.person, m.channel) for m in of(effects, Notify) if m.alarm.category is Category.FIRE]
        assert called == [("carer", "sms"), ("carer", "push")]

    def test_a_fire_still_calls_every_channel(self) -> None:
        world = World()
        for person, channel in (("carer", "sms"), ("carer", "push"), ("second", "sms"), ("director", "sms")):
            proved(world, person, channel, Outcome.REFUSED)
        world.spoke("smoke-1", smoke=True)
        messages = of(world.wait(120), Notify) + of(world.effects, Notify)
        called = {(m.person, m.channel) for m in messages if m.alarm.category is Category.FIRE}
        assert called >= {("carer", "sms"), ("carer", "push"), ("second", "sms"), ("director", "sms")}


NAMES = st.sampled_from(["p0", "p1", "p2", "p3", "role:carer", "role:director", "role:*", "role:nobody", "gone"])
PERSONS = st.lists(
    st.tuples(st.sampled_from(["carer", "director"]), st.booleans(), st.sampled_from([(), ("a",), ("b",), ("a", "b")])),
    min_size=1,
    max_size=4,
)
STEPS = st.lists(st.lists(NAMES, min_size=0, max_size=3), min_size=0, max_size=3)


@settings(max_examples=150, deadline=None)
@given(people=PERSONS, steps=STEPS, category=st.sampled_from(list(Category)[:3]), data=st.data())
def test_no_plan_ever_ends_in_nobody_and_a_danger_tries_every_channel(people, steps, category, data) -> None:
    """Whatever the site's plans and whatever the phones proved: who has a channel is called in the end."""
    persons = tuple(
        Person(id=f"p{n}", name=f"P{n}", role=role, on_duty=duty, channels=tuple(Channel(name) for name in ways))
        for n, (role, duty, ways) in enumerate(people)
    )
    ends = (PlanStep(tell=("role:*",), after=30 * SECOND),)
    plan = Plan(category=category, steps=(*(PlanStep(tell=tuple(names), after=10 * SECOND) for names in steps), *ends))
    world = World(replace(SITE, people=persons, plans=(plan,)), ())
    every = {(person.id, channel.destination) for person in persons for channel in person.channels}
    for person, channel in sorted(every):
        how = data.draw(st.sampled_from(list(Standing)))
        proof = ChannelProof(person=person, channel=channel, standing=how, tested_at=START)
        world.engine.reachability.proofs[(person, channel)] = proof
    duty: Duty = world.engine.duty
    before = Duty(world.site)
    for step in plan.steps:
        reached_now = {person.id for person in duty.reachable(step.tell, START)}
        assert reached_now == {person.id for person in before.reachable(step.tell, START)}
    world.unreadable("smoke-1", category.value)
    messages = of(world.wait(timedelta(minutes=10).total_seconds()), Notify) + of(world.effects, Notify)
    called = {(m.person, m.channel) for m in messages if m.alarm.category is category}
    on_duty = {(p.id, c.destination) for p in persons if p.on_duty for c in p.channels}
    assert called >= on_duty
    assert bool(called) is bool(every)
