"""Plans: which one holds, chains beside each other, what hastens them, which channels they use, and when they stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rules.alarm import Category
from rules.alarm_index import AlarmIndex
from rules.condition import Schedule
from rules.effects import IncidentChanged, Notify, StopNotifying
from rules.engine import Engine
from rules.incident import Incident
from rules.inputs import Outcome, Verb
from rules.messages import ways
from rules.pace import PACE_MIN
from rules.plans import Plans
from rules.reply_code import CODES, ReplyCodes
from rules.site import (
    Chain,
    Channel,
    ChannelOrder,
    Person,
    Plan,
    PlanStep,
    ResidentClass,
    Site,
    Until,
    Zone,
)
from rules.text import Text
from tests.unit.engine_world import PEOPLE, SITE, World, device, of, plan, refusals, told

COUNTY = (
    Person(id="town", name="T", role="township", channels=(Channel("sms", "7"),)),
    Person(id="guide", name="G", role="guidance", channels=(Channel("sms", "8"),)),
    Person(id="line", name="R", role="rescue", channels=(Channel("sms", "9"),)),
)
SECOND = timedelta(seconds=1)


def steps(*named: tuple[str, int], **more: Any) -> tuple[PlanStep, ...]:
    return tuple(PlanStep(tell=(who,), after=after * SECOND, **more) for who, after in named)


def fire(*named: tuple[str, int], **more: Any) -> Plan:
    return Plan(category=Category.FIRE, steps=steps(*named), **more)


def home(*plans: Plan, residents: ResidentClass = ResidentClass.NONE, **more: Any) -> Site:
    zones = tuple(replace(zone, residents=residents) if zone.id == "ward" else zone for zone in SITE.zones)
    more.setdefault("people", (*PEOPLE, *COUNTY))
    devices = tuple(replace(each, silence_limit=timedelta(days=9)) for each in SITE.devices)
    return replace(SITE, plans=plans, zones=zones, devices=devices, **more)


def at_night(world: World) -> World:
    """The same world at 02:14 of the next day in China."""
    world.wait((datetime(2026, 3, 1, 18, 14, tzinfo=UTC) - world.at).total_seconds())
    return world


def events(incident: Incident) -> list[str]:
    return [line.event for line in incident.timeline]


NIGHTLY = Schedule(begins=22 * 60, ends=6 * 60)


class TestChoice:
    DAY = fire(("carer", 0), id="day")
    NIGHT = fire(("director", 0), id="night", when=NIGHTLY)
    WARD = fire(("second", 0), id="ward", residents=(ResidentClass.DEMENTIA,))

    def plans(self, residents: ResidentClass = ResidentClass.NONE) -> Plans:
        return Plans(home(self.DAY, self.NIGHT, self.WARD, residents=residents))

    @pytest.mark.parametrize(("hour", "chosen"), [(4, "day"), (13, "day"), (14, "night"), (20, "night"), (22, "day")])
    def test_by_the_time_on_the_wall(self, hour: int, chosen: str) -> None:
        at = datetime(2026, 3, 1, hour, tzinfo=UTC)
        assert self.plans().choose(Category.FIRE, "ward", at).id == chosen

    def test_by_the_residents_before_the_time(self) -> None:
        at = datetime(2026, 3, 1, 20, tzinfo=UTC)
        assert self.plans(ResidentClass.DEMENTIA).choose(Category.FIRE, "ward", at).id == "ward"
        assert self.plans(ResidentClass.DEMENTIA).choose(Category.FIRE, "hall", at).id == "night"

    def test_while_the_clock_is_unknown_it_is_night(self) -> None:
        at = datetime(2026, 3, 1, 4, tzinfo=UTC)
        assert self.plans().choose(Category.FIRE, "ward", at, clock_known=False).id == "night"

    def test_a_category_whose_plans_do_not_hold_now_tells_everybody(self) -> None:
        at = datetime(2026, 3, 1, 4, tzinfo=UTC)
        chosen = Plans(home(self.NIGHT)).choose(Category.FIRE, "ward", at)
        assert [step.tell for step in chosen.steps] == [("role:*",)] and chosen.category is Category.FIRE

    def test_an_incident_keeps_its_plan_when_the_night_ends(self) -> None:
        world = World(home(fire(("carer", 0), ("carer", 30), id="day"), self.NIGHT))
        world.wait((datetime(2026, 3, 1, 21, 59, 50, tzinfo=UTC) - world.at).total_seconds())
        world.spoke("smoke-1", smoke=True)
        assert world.incident().plan == "night"
        assert {name for name, _ in told(world.wait(120))} == {"director"}

    def test_a_plan_that_is_struck_out_under_way_is_followed_by_the_first_of_its_category(self) -> None:
        world = at_night(World(home(self.DAY, self.NIGHT)))
        world.spoke("smoke-1", smoke=True)
        world.reload(home(self.DAY))
        assert told(world.wait(60)) == [("carer", "repeat")]


class TestChains:
    PLAN = fire(("carer", 0), ("director", 40), chains=(
        Chain(name="county", steps=steps(("role:township", 50), ("role:guidance", 50), ("role:rescue", 50))),
    ))

    def test_both_run_beside_each_other_each_with_its_own_steps(self) -> None:
        world = World(home(self.PLAN))
        begun = world.at
        world.spoke("smoke-1", smoke=True)
        world.wait(300)
        by_sms = [n for n in of(world.effects, Notify) if n.channel == "sms"]
        sent = [((n.at - begun) // SECOND, n.person, n.purpose) for n in by_sms]
        assert sent == [
            (0, "carer", "call"), (40, "director", "call"), (50, "town", "call"), (100, "director", "repeat"),
            (100, "guide", "call"), (150, "line", "call"), (160, "director", "repeat"), (210, "line", "repeat"),
            (220, "director", "repeat"), (270, "line", "repeat"), (280, "director", "repeat"),
        ]

    def test_an_acknowledgement_stops_both_and_everybody_told_hears_of_it(self) -> None:
        world = World(home(self.PLAN))
        world.spoke("smoke-1", smoke=True)
        world.wait(60)
        effects = world.acknowledges(world.incident().id)
        assert told(effects) == [("director", "over"), ("town", "over")]
        assert [each.next_step_at for each in world.incident().chains] == [None]
        assert [key for _, _, key in world.engine.deadlines.to_list() if key[0] == "step"] == []
        assert told(world.wait(100)) == []

    def test_a_refusal_moves_only_its_own_chain_on(self) -> None:
        world = World(home(self.PLAN))
        world.spoke("smoke-1", smoke=True)
        (town,) = of(world.wait(50), Notify)[-1:]
        assert (town.person, town.reason) == ("town", "step 1 of county")
        assert told(world.reported(town, Outcome.REFUSED)) == [("guide", "call")]
        assert world.incident().progress("county").step == 2 and world.incident().step == 2

    def test_who_is_in_both_is_called_once_at_the_same_instant(self) -> None:
        both = fire(("role:*", 0), chains=(Chain(name="county", steps=steps(("role:township", 0), ("line", 30))),))
        world = World(home(both))
        sent = of(world.spoke("smoke-1", smoke=True), Notify)
        assert [n.person for n in sent].count("town") == 1
        assert told(world.wait(30)) == [("line", "call")]

    def test_an_empty_chain_never_ends_in_nobody(self) -> None:
        empty = fire(("carer", 0), chains=(Chain(name="county", steps=steps(("role:mayor", 30), ("role:pope", 30))),))
        world = World(home(empty))
        world.spoke("smoke-1", smoke=True)
        assert {name for name, _ in told(world.wait(30))} == {"carer", "second", "director", "off", "town", "guide",
                                                              "line"}
        assert events(world.incident()).count("empty_step") == 2

    def test_a_restored_engine_goes_on_with_every_chain(self) -> None:
        world, other = World(home(self.PLAN)), World(home(self.PLAN))
        for each in (world, other):
            each.spoke("smoke-1", smoke=True)
            each.wait(45)
        other.engine = Engine.restore(other.engine.snapshot())
        assert world.wait(200) == other.wait(200)

    def test_a_restored_engine_knows_which_messages_are_of_which_chain(self) -> None:
        world = World(home(self.PLAN))
        world.spoke("smoke-1", smoke=True)
        (town,) = of(world.wait(50), Notify)[-1:]
        world.engine = Engine.restore(world.engine.snapshot())
        assert told(world.reported(town, Outcome.REFUSED)) == [("guide", "call")]

    def test_a_chain_that_is_struck_out_ends_and_the_home_goes_on(self) -> None:
        world = World(home(self.PLAN))
        world.spoke("smoke-1", smoke=True)
        world.reload(home(replace(self.PLAN, chains=())))
        assert {name for name, _ in told(world.wait(200))} == {"director"}


class TestPace:
    PLAN = fire(("carer", 0), ("director", 40))

    def delay(self, world: World) -> float:
        world.spoke("smoke-1", smoke=True)
        due = world.incident().next_step_at
        assert due is not None
        return (due - world.at).total_seconds()

    @pytest.mark.parametrize(("residents", "by_day", "by_night"), [
        (ResidentClass.NONE, 40, 20), (ResidentClass.INDEPENDENT, 40, 20),
        (ResidentClass.PARTLY_DEPENDENT, 30, 15), (ResidentClass.DEPENDENT, 20, 40 * PACE_MIN),
        (ResidentClass.DEMENTIA, 20, 40 * PACE_MIN),
    ], ids=lambda value: value.value if isinstance(value, ResidentClass) else "")
    def test_night_and_residents_shorten_the_delays(self, residents: ResidentClass, by_day: float,
                                                    by_night: float) -> None:
        assert self.delay(World(home(self.PLAN, residents=residents))) == pytest.approx(by_day)
        assert self.delay(at_night(World(home(self.PLAN, residents=residents)))) == pytest.approx(by_night)

    def test_the_timeline_says_why(self) -> None:
        world = at_night(World(home(self.PLAN, residents=ResidentClass.DEMENTIA)))
        world.spoke("smoke-1", smoke=True)
        line = next(line for line in world.incident().timeline if line.event == "hastened")
        assert line.detail == "night, residents dementia"

    def test_what_was_written_for_the_night_or_for_these_residents_is_taken_as_written(self) -> None:
        written = replace(self.PLAN, when=NIGHTLY)
        assert self.delay(at_night(World(home(written)))) == 40
        written = replace(self.PLAN, residents=(ResidentClass.DEMENTIA,))
        assert self.delay(World(home(written, residents=ResidentClass.DEMENTIA))) == 40

    def test_a_plan_may_say_no(self) -> None:
        assert self.delay(at_night(World(home(replace(self.PLAN, is_hastened=False))))) == 40

    def test_what_endangers_nobody_is_not_hastened(self) -> None:
        world = at_night(World(home(plan(Category.TROUBLE, ("carer", 0), ("director", 300)))))
        world.spoke("smoke-1", battery=1.0)
        assert world.incident().next_step_at == world.at + timedelta(seconds=300)

    def test_one_carer_alone_is_helped_from_outside_within_a_minute(self) -> None:
        slow = fire(("carer", 0), ("carer", 120), ("director", 180), chains=(
            Chain(name="county", steps=steps(("role:township", 240),)),
        ))
        world = World(home(slow, is_single_staffed=True))
        begun = world.at
        world.spoke("smoke-1", smoke=True)
        world.wait(90)
        first = {n.person: (n.at - begun).total_seconds() for n in reversed(of(world.effects, Notify))}
        assert first == {"carer": 0, "director": 60, "town": 60}
        assert "one carer alone" in next(s.detail for s in world.incident().timeline if s.event == "hastened")

    def test_one_carer_on_duty_is_alone_two_are_not(self) -> None:
        slow = fire(("carer", 0), ("director", 180))
        alone = tuple(replace(each, on_duty=each.id != "second" and each.on_duty) for each in PEOPLE)
        assert self.delay(World(home(slow, people=alone))) == pytest.approx(60)
        assert self.delay(World(home(slow, people=PEOPLE))) == 180

    def test_a_group_s_phone_is_not_one_carer(self) -> None:
        slow = fire(("carer", 0), ("director", 180))
        shared = (replace(PEOPLE[0], group=True), PEOPLE[2])
        assert self.delay(World(home(slow, people=shared))) == 180


class TestUntil:
    TWO = fire(("carer", 0), ("director", 30), until=Until.ACKNOWLEDGED_BY_TWO)
    VERIFIED = fire(("carer", 0), ("director", 30), until=Until.VERIFIED)

    def test_two_must_take_it_on(self) -> None:
        world = World(home(self.TWO))
        world.spoke("smoke-1", smoke=True)
        first = world.acknowledges(world.incident().id, "carer")
        assert told(first) == [] and of(first, StopNotifying) == []
        assert world.incident().acknowledged_by == "carer" and world.incident().is_calling
        assert told(world.wait(30)) == [("director", "call")]
        second = world.acknowledges(world.incident().id, "director")
        assert told(second) == [("carer", "over")] and len(of(second, StopNotifying)) == 1
        assert not world.incident().is_calling and world.incident().seconded_by == "director"
        assert events(world.incident())[-2:] == ["seconded", "told_over"]
        assert told(world.wait(100)) == []

    def test_the_same_person_twice_is_one(self) -> None:
        world = World(home(self.TWO))
        world.spoke("smoke-1", smoke=True)
        world.acknowledges(world.incident().id, "carer")
        assert refusals(world.acknowledges(world.incident().id, "carer")) == [
            "you took it on already: a second person is needed"
        ]
        assert world.incident().is_calling

    def test_a_third_hears_who_the_two_are(self) -> None:
        world = World(home(self.TWO))
        world.spoke("smoke-1", smoke=True)
        for name in ("carer", "director"):
            world.acknowledges(world.incident().id, name)
        assert refusals(world.acknowledges(world.incident().id, "second")) == [
            "already acknowledged by carer and director"
        ]

    def test_a_further_detector_needs_both_again(self) -> None:
        world = World(home(self.TWO))
        world.spoke("smoke-1", smoke=True)
        for name in ("carer", "director"):
            world.acknowledges(world.incident().id, name)
        assert told(world.spoke("smoke-2", smoke=True)) == [("carer", "call")]
        assert world.incident().seconded_by == "" and world.incident().acknowledged_by == ""

    def test_until_verified_it_goes_on_calling_though_somebody_took_it_on(self) -> None:
        world = World(home(self.VERIFIED))
        world.spoke("smoke-1", smoke=True)
        assert told(world.acknowledges(world.incident().id, "carer")) == []
        assert told(world.wait(30)) == [("director", "call")]
        assert told(world.wait(60)) == [("director", "repeat")]
        effects = world.acts(Verb.VERDICT, world.incident().id, "carer", verdict="real")
        assert told(effects) == [("director", "over")] and len(of(effects, StopNotifying)) == 1
        assert told(world.wait(200)) == []

    def test_a_verdict_alone_is_not_an_acknowledgement(self) -> None:
        world = World(home(self.VERIFIED))
        world.spoke("smoke-1", smoke=True)
        world.acts(Verb.VERDICT, world.incident().id, "carer", verdict="real")
        assert told(world.wait(30)) == [("director", "call")]
        assert told(world.acknowledges(world.incident().id, "carer")) == [("director", "over")]

    def test_the_plan_says_how_long_nothing_may_happen(self) -> None:
        world = World(home(replace(self.TWO, until=Until.ACKNOWLEDGED_BY_ONE, re_alarm_after=timedelta(seconds=90))))
        world.spoke("smoke-1", smoke=True)
        world.acknowledges(world.incident().id, "carer")
        assert told(world.wait(89)) == []
        assert told(world.wait(1)) == [("carer", "call")]
        assert events(world.incident())[-2:] == ["re_alarmed", "told"]


def person(*channels: Channel) -> Person:
    return Person(id="carer", name="A", role="carer", channels=channels)


IN_ORDER = person(Channel("push", "a"), Channel("sms", "1", order=1), Channel("voice", "1", order=2))


class TestChannels:
    def world(self, carer: Person = IN_ORDER, step: PlanStep | None = None, **more: Any) -> World:
        plan_ = Plan(category=Category.FIRE, steps=(step or PlanStep(tell=("carer",)), *steps(("director", 600))),
                     **more)
        return World(home(plan_, people=(carer, PEOPLE[2], PEOPLE[1])))

    @staticmethod
    def channels(effects: Any) -> list[str]:
        return [n.channel for n in of(effects, Notify) if n.purpose != "over"]

    def test_the_next_channel_after_the_wait_unless_one_reached_the_phone(self) -> None:
        world = self.world(channel_wait=timedelta(seconds=15))
        (push,) = of(world.spoke("smoke-1", smoke=True), Notify)
        assert push.channel == "push"
        world.reported(push, Outcome.ACCEPTED)
        assert self.channels(world.wait(14)) == []
        (sms,) = of(world.wait(1), Notify)
        assert sms.channel == "sms"
        world.reported(sms, Outcome.DELIVERED)
        assert self.channels(world.wait(60)) == []
        assert events(world.incident()).count("next_channel") == 1

    def test_the_next_channel_at_once_after_a_refusal_and_the_next_step_behind_the_last(self) -> None:
        world = self.world()
        (sent,) = of(world.spoke("smoke-1", smoke=True), Notify)
        used = [sent.channel]
        while (following := of(world.reported(sent, Outcome.REFUSED), Notify))[0].person == "carer":
            (sent,) = following
            used.append(sent.channel)
        assert used == ["push", "sms", "voice"] and [n.person for n in following] == ["director"]

    def test_without_consent_a_channel_is_not_used(self) -> None:
        world = self.world(person(Channel("sms", "1", consent=False), Channel("push", "a")))
        assert self.channels(world.spoke("smoke-1", smoke=True)) == ["push"]

    def test_a_step_names_the_channels_and_who_has_none_of_them_is_told_all_the_same(self) -> None:
        step = PlanStep(tell=("carer",), channels=("voice",))
        assert self.channels(self.world(step=step).spoke("smoke-1", smoke=True)) == ["voice"]
        step = PlanStep(tell=("carer",), channels=("pager",), order=ChannelOrder.PARALLEL)
        assert self.channels(self.world(step=step).spoke("smoke-1", smoke=True)) == ["push", "sms", "voice"]

    def test_a_step_may_use_all_at_once_or_one_after_the_other(self) -> None:
        equal = person(Channel("sms", "1"), Channel("push", "a"))
        step = PlanStep(tell=("carer",), order=ChannelOrder.IN_ORDER)
        world = self.world(equal, step)
        assert self.channels(world.spoke("smoke-1", smoke=True)) == ["sms"]
        assert self.channels(world.wait(20)) == ["push"]

    def test_who_has_not_answered_a_danger_when_the_last_step_repeats_is_called_over_everything(self) -> None:
        world = World(home(fire(("carer", 0)), people=(IN_ORDER, PEOPLE[1])))
        (push,) = of(world.spoke("smoke-1", smoke=True), Notify)
        world.reported(push, Outcome.DELIVERED)
        assert self.channels(world.wait(60)) == ["push", "sms", "voice"]

    def test_an_acknowledgement_stops_the_channels_to_come(self) -> None:
        world = self.world()
        world.spoke("smoke-1", smoke=True)
        world.acknowledges(world.incident().id, "second")
        assert self.channels(world.wait(100)) == []
        assert [key for _, _, key in world.engine.deadlines.to_list() if key[0] == "channel"] == []

    def test_the_end_is_told_over_the_channels_that_were_needed(self) -> None:
        world = self.world()
        (push,) = of(world.spoke("smoke-1", smoke=True), Notify)
        world.reported(push, Outcome.REFUSED)
        effects = world.acknowledges(world.incident().id, "second")
        assert [n.channel for n in of(effects, Notify)] == ["push", "sms"]

    def test_a_restore_keeps_what_is_to_come(self) -> None:
        world = self.world()
        world.spoke("smoke-1", smoke=True)
        world.engine = Engine.restore(world.engine.snapshot())
        assert self.channels(world.wait(20)) == ["sms"]

    def test_equal_orders_are_one_way(self) -> None:
        both = person(Channel("a"), Channel("b"), Channel("c", order=3))
        assert [[c.destination for c in way] for way in ways(both, None)] == [["a", "b"], ["c"]]


class TestCodes:
    def test_every_message_of_an_open_incident_has_its_two_digits(self) -> None:
        world = World()
        fire_code = {n.code for n in of(world.spoke("smoke-1", smoke=True), Notify)}
        help_code = {n.code for n in of(world.spoke("sos-1", sos=True), Notify)}
        assert len(fire_code) == len(help_code) == 1 and fire_code != help_code
        assert all(len(code) == 2 and code.isdigit() for code in fire_code | help_code)
        incidents = {i.category: i.code for i in world.engine.incidents.values()}
        assert {incidents[Category.FIRE]} == fire_code

    def test_a_freed_code_comes_last(self) -> None:
        codes = ReplyCodes("home")
        first = codes.take("a")
        codes.free(first)
        assert first not in [codes.take(str(n)) for n in range(CODES - 1)]
        assert codes.take("b") == first

    def test_while_all_are_in_use_a_new_one_has_none_and_no_code_changes_hands(self) -> None:
        codes = ReplyCodes("home")
        given_ = [codes.take(str(n)) for n in range(CODES)]
        assert len(set(given_)) == CODES and codes.take("late") == ""
        codes.free("")
        codes.free(given_[41])
        assert codes.take("later") == given_[41] and codes.in_use[given_[41]] == "later"

    def test_a_restored_engine_gives_the_same_codes(self) -> None:
        world, other = World(), World()
        for each in (world, other):
            each.spoke("smoke-1", smoke=True)
        other.engine = Engine.restore(other.engine.snapshot())
        for each in (world, other):
            each.spoke("sos-1", sos=True)
        assert list(world.engine.incidents.values()) == list(other.engine.incidents.values())

    def test_not_even_after_a_restart_is_the_code_of_what_is_over_given_again_at_once(self) -> None:
        world = World()
        (first,) = {n.code for n in of(world.spoke("smoke-1", battery=1.0), Notify)}
        world.spoke("smoke-1", battery=90.0)
        assert not world.engine.incidents
        world.engine = Engine.restore(world.engine.snapshot())
        assert world.engine.incident_book.codes.in_use == {}
        assert {n.code for n in of(world.spoke("smoke-1", battery=1.0), Notify)} != {first}


def test_alarms_of_an_incident_stay_in_the_order_in_which_they_were_raised() -> None:
    index = AlarmIndex()
    for alarm in ("h:1:20", "h:1:9", "h:1:20.2", "h:1:100"):
        index.move(alarm, "", "i")
    assert index.of("i") == ("h:1:9", "h:1:20", "h:1:20.2", "h:1:100") and index.first("i") == "h:1:9"
    index.move("h:1:9", "i", "")
    assert index.first("i") == "h:1:20" and index.first("") is None and index.of("") == ()


ROOMS = 12
BIG = Site(
    id="home",
    name=Text("试验院"),
    zones=tuple(Zone(id=f"zone-{n}", name=Text(f"{n}")) for n in range(4)),
    devices=tuple(device(f"smoke-{n}", "smoke", f"zone-{n % 4}", category="fire") for n in range(ROOMS)),
    people=PEOPLE,
    plans=(
        fire(("carer", 0), ("role:carer", 20), ("director", 20)),
        plan(Category.TROUBLE, ("director", 0), every=600, most=1),
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, ROOMS - 1), st.booleans(), st.sampled_from([0.0, 0.3, 4.0, 25.0])),
                min_size=1, max_size=40))
def test_a_fire_is_never_delayed_or_coalesced_away_whatever_troubles_flood(
    said: list[tuple[int, bool, float]]
) -> None:
    """A new fire is told at the instant; one that joins a fast flood within the 10 s of the code's limit."""
    world = World(BIG)
    waiting: dict[str, datetime] = {}
    for number, is_fire, pause in said:
        name = f"smoke-{number}"
        known = world.has("smoke", name)
        effects = list(world.spoke(name, **({"smoke": True} if is_fire else {"battery": 1.0})))
        if is_fire and not known:
            waiting[name] = world.at
        effects += world.wait(pause)
        for notify in of(effects, Notify):
            for spread in notify.incident.spread if notify.alarm.category is Category.FIRE else ():
                since = waiting.pop(spread.subject, None)
                flood = notify.incident.is_flood
                assert since is None or notify.at - since <= timedelta(seconds=10 if flood else 0)
        assert all(world.at - since <= timedelta(seconds=10) for since in waiting.values())


def test_a_flood_of_troubles_is_one_message_with_the_count() -> None:
    world = World(BIG)
    first = [n for number in range(0, ROOMS, 4) for n in of(world.spoke(f"smoke-{number}", battery=1.0), Notify)]
    assert len(first) == 1
    (later,) = of(world.wait(61), Notify)
    assert later.incident.alarm_count == 3 and later.purpose == "repeat"


def test_what_the_plan_asks_for_is_in_every_change() -> None:
    world = World(home(TestUntil.TWO))
    effects = world.spoke("smoke-1", smoke=True)
    opened = of(effects, IncidentChanged)[-1].incident
    assert (opened.until, opened.plan, len(opened.code)) == (Until.ACKNOWLEDGED_BY_TWO, "fire", 2)
