"""Shelving, out of service, maintenance and explained alarms: who calls nobody, for how long, and what then."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from devices.reading import Reading, Report
from gateway.console.texts import WORDS
from rules import held_words, maintenance, out_of_service, shelving
from rules.alarm import Category, State, shown_state
from rules.condition import Equals, Silent
from rules.effects import AnyEffect, Change, Notify, SuppressionChanged
from rules.engine import Engine
from rules.inputs import Mode, ModeRequested, ModeVerb, ReadingsArrived, SuppressionRequested, SuppressionVerb, Verb
from rules.operator import HELD
from rules.rule import Per, Rule, Select
from rules.site import Site, Zone
from rules.text import Text
from tests.unit.engine_world import (
    HOUR,
    MINUTE,
    RULES,
    SITE,
    World,
    alarm_changes,
    device,
    incident_changes,
    of,
    refusals,
    rule,
    sounds,
    told,
)
from tests.world.invariants import check_state

SHELVABLE = {"residual", "cable", "battery", "silent"}
QUIET = replace(SITE, devices=tuple(replace(each, silence_limit=100 * HOUR) for each in SITE.devices))
RULES_SHELVED = tuple(replace(each, shelve_max=4 * HOUR) if each.id in SHELVABLE else each for each in RULES)


class Holding(World):
    """The test home with words for holding back."""

    def step(self, happened: Any) -> tuple[AnyEffect, ...]:
        effects = super().step(happened)
        check_state(self.engine)
        assert Engine.restore(self.engine.snapshot()).snapshot() == self.engine.snapshot()
        return effects

    def asks(self, verb: SuppressionVerb, target: str, person: str = "carer", **more: Any) -> tuple[AnyEffect, ...]:
        return self.step(SuppressionRequested(at=self.at, person=person, verb=verb, target=target, **more))

    def shelves(self, target: str, **more: Any) -> tuple[AnyEffect, ...]:
        more.setdefault("reason", "repair is ordered")
        return self.asks(SuppressionVerb.SHELVE, target, **more)

    def takes_out(self, target: str, **more: Any) -> tuple[AnyEffect, ...]:
        more = {"reason": "dirty", "substitute": "patrol every 30 min", "confirmed_by": "director", **more}
        return self.asks(SuppressionVerb.OUT_OF_SERVICE, target, **more)

    def low_battery(self) -> str:
        self.spoke("smoke-1", battery=5.0)
        return self.alarm("battery", "smoke-1").id

    def state(self, rule_id: str, subject: str) -> State:
        return shown_state(self.alarm(rule_id, subject))


@pytest.fixture
def world() -> Holding:
    return Holding(site=QUIET, rules=RULES_SHELVED)


def began(effects: Iterable[AnyEffect]) -> list[tuple[str, str, str]]:
    return [(e.kind.value, e.change, e.subject) for e in of(effects, SuppressionChanged)]


# shelving


def test_a_shelved_alarm_leaves_its_incident_and_calls_nobody(world: Holding) -> None:
    battery = world.low_battery()
    effects = world.shelves(battery, duration=HOUR)
    assert alarm_changes(effects) == [("held", "battery", "smoke-1")]
    assert began(effects) == [("shelved", "began", "smoke-1")]
    assert incident_changes(effects) == ["closed"]
    assert world.state("battery", "smoke-1") is State.SHELVED
    assert told(world.wait(3599)) == []


def test_when_the_time_is_over_it_calls_anew_even_if_it_was_acknowledged(world: Holding) -> None:
    battery = world.low_battery()
    world.acknowledges(battery)
    world.shelves(battery, duration=HOUR)
    effects = world.wait(3600)
    assert alarm_changes(effects) == [("released", "battery", "smoke-1")]
    assert told(effects) == [("director", "call")]
    alarm = world.alarm("battery", "smoke-1")
    assert alarm.id == battery and alarm.acknowledged is None and not alarm.held


def test_a_timed_shelf_outlives_the_alarm(world: Holding) -> None:
    world.shelves(world.low_battery(), duration=HOUR)
    assert alarm_changes(world.spoke("smoke-1", battery=90.0)) == [("closed", "battery", "smoke-1")]
    effects = world.spoke("smoke-1", battery=5.0)
    assert alarm_changes(effects) == [("raised", "battery", "smoke-1")] and not told(effects)
    assert world.state("battery", "smoke-1") is State.SHELVED
    world.spoke("smoke-1", battery=90.0)
    assert alarm_changes(world.wait(3600)) == []
    assert told(world.spoke("smoke-1", battery=5.0)) == [("director", "call")]


def test_a_shelf_for_once_ends_when_it_goes_inactive(world: Holding) -> None:
    world.shelves(world.low_battery(), once=True)
    assert began(world.spoke("smoke-1", battery=90.0)) == [("shelved", "ended", "smoke-1")]
    assert told(world.spoke("smoke-1", battery=5.0)) == [("director", "call")]


def test_a_latched_alarm_shelved_for_once_is_announced_when_it_cleared(world: Holding) -> None:
    world.spoke("meter-1", residual=400.0)
    world.wait(10)
    residual = world.alarm("residual", "meter-1").id
    world.shelves(residual, once=True)
    effects = world.spoke("meter-1", residual=1.0)
    assert alarm_changes(effects) == [("cleared", "residual", "meter-1"), ("released", "residual", "meter-1")]
    assert world.alarm("residual", "meter-1").latched and world.incident().category is Category.ELECTRICAL


def test_a_shelf_for_once_has_a_limit_too(world: Holding) -> None:
    world.shelves(world.low_battery(), once=True)
    assert alarm_changes(world.wait(4 * 3600)) == [("released", "battery", "smoke-1")]


def test_unshelved_by_its_alarm_or_by_its_name(world: Holding) -> None:
    battery = world.low_battery()
    world.shelves(battery)
    assert told(world.asks(SuppressionVerb.UNSHELVE, battery)) == [("director", "call")]
    world.shelves(battery)
    world.spoke("smoke-1", battery=90.0)
    assert began(world.asks(SuppressionVerb.UNSHELVE, "battery smoke-1")) == [("shelved", "ended", "smoke-1")]


def test_other_alarms_of_the_incident_stay(world: Holding) -> None:
    world.spoke("smoke-2", battery=5.0)
    effects = world.shelves(world.low_battery())
    assert incident_changes(effects) == ["held"]
    assert world.incident().closed_at is None


def test_what_is_left_is_taken_on_when_it_was(world: Holding) -> None:
    world.spoke("smoke-2", battery=5.0)
    world.acknowledges(world.alarm("battery", "smoke-2").id)
    world.shelves(world.low_battery())
    assert world.incident().acknowledged_at is not None


def fire(world: Holding) -> str:
    world.spoke("smoke-1", smoke=True)
    return world.alarm("smoke", "smoke-1").id


def call_point(world: Holding) -> str:
    world.spoke("call-1", call=True)
    return world.alarm("manual_call", "call-1").id


def sos(world: Holding) -> str:
    world.spoke("sos-1", sos=True)
    return world.alarm("sos", "sos-1").id


def shelved(world: Holding) -> str:
    battery = world.low_battery()
    world.shelves(battery)
    return battery


def inactive(world: Holding) -> str:
    world.spoke("meter-1", residual=400.0)
    world.wait(10)
    world.spoke("meter-1", residual=1.0)
    return world.alarm("residual", "meter-1").id


def unlimited(world: Holding) -> str:
    world.reload(rules=RULES)
    return world.low_battery()


def stranger(world: Holding) -> str:
    world.spoke("x/1", gas=True, unregistered=True)
    return next(iter(world.engine.alarms))


@pytest.mark.parametrize(
    ("prepare", "more", "why"),
    [
        (fire, {}, held_words.NEVER_SHELVED),
        (call_point, {}, held_words.NEVER_SHELVED),
        (sos, {}, held_words.NEVER_SHELVED),
        (stranger, {}, held_words.NEVER_SHELVED),
        (unlimited, {}, held_words.NEVER_SHELVED),
        (lambda _: "home:1:99", {}, held_words.UNKNOWN),
        (Holding.low_battery, {"reason": " "}, held_words.NO_REASON),
        (Holding.low_battery, {"duration": 4 * HOUR + MINUTE}, held_words.TOO_LONG),
        (Holding.low_battery, {"duration": timedelta(seconds=59)}, held_words.TOO_LONG),
        (shelved, {}, held_words.SHELVED_ALREADY),
        (inactive, {"once": True}, held_words.NOT_ACTIVE),
    ],
)
def test_shelving_is_refused(world: Holding, prepare: Callable[[Holding], str], more: dict[str, Any], why: str) -> None:
    target = prepare(world)
    before = dict(world.engine.alarms), dict(world.engine.incidents)
    effects = world.shelves(target, **more)
    assert refusals(effects) == [why] and len(effects) == 1
    assert (dict(world.engine.alarms), dict(world.engine.incidents)) == before


def test_the_engines_own_troubles_may_be_shelved(world: Holding) -> None:
    world.link("broker:main", up=False)
    effects = world.shelves(world.alarm("gateway.link", "link:broker:main").id)
    assert began(effects) == [("shelved", "began", "link:broker:main")]


def test_the_number_of_shelves_is_bounded(world: Holding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelving, "SHELVES_MAX", 0)
    assert refusals(world.shelves(world.low_battery())) == [held_words.TOO_MANY]


def test_a_shelf_that_is_none_cannot_be_ended(world: Holding) -> None:
    assert refusals(world.asks(SuppressionVerb.UNSHELVE, world.low_battery())) == [held_words.NOT_SHELVED]


@pytest.mark.parametrize("verb", [Verb.SILENCE, Verb.VERDICT])
def test_what_is_held_has_nothing_to_silence_or_judge(world: Holding, verb: Verb) -> None:
    battery = shelved(world)
    assert len(refusals(world.acts(verb, battery, verdict="real"))) == 1


def test_what_is_held_may_be_acknowledged_and_reset(world: Holding) -> None:
    residual = inactive(world)
    world.shelves(residual)
    world.acknowledges(residual)
    assert ("reset", "residual", "meter-1") in alarm_changes(world.resets(residual))
    assert not world.engine.alarms and not world.engine.incidents


# out of service


def test_a_device_out_of_service_is_raised_and_calls_nobody(world: Holding) -> None:
    effects = world.takes_out("smoke-1", duration=2 * HOUR)
    (said,) = of(effects, SuppressionChanged)
    assert (said.by, said.confirmed_by, said.substitute) == ("carer", "director", "patrol every 30 min")
    effects = world.spoke("smoke-1", smoke=True)
    assert alarm_changes(effects) == [("raised", "smoke", "smoke-1")]
    assert not told(effects) and not sounds(effects) and not world.engine.incidents
    assert world.state("smoke", "smoke-1") is State.OUT_OF_SERVICE


def test_it_returns_by_itself_and_what_is_still_active_calls(world: Holding) -> None:
    world.takes_out("smoke-1")
    world.spoke("smoke-1", smoke=True)
    assert told(world.wait(8 * 3600 - 1)) == []
    effects = world.wait(1)
    assert alarm_changes(effects)[-1] == ("released", "smoke", "smoke-1")
    assert told(effects)[0] == ("carer", "call") and ("ward", "evacuate") in sounds(effects)


def test_another_detector_of_the_zone_is_heard(world: Holding) -> None:
    world.takes_out("smoke-1")
    world.spoke("smoke-1", smoke=True)
    world.spoke("smoke-1", smoke=False)
    assert told(world.spoke("smoke-2", smoke=True)) == [("carer", "call")]
    assert not world.incident().confirmed, "a detector out of service that is quiet again confirms nothing"


def test_what_is_in_alarm_out_of_service_is_the_second_witness_of_a_fire(world: Holding) -> None:
    """Whichever of them spoke first (GB 50116-2013 4.1.6)."""
    world.takes_out("smoke-1")
    world.spoke("smoke-1", smoke=True)
    effects = world.spoke("smoke-2", smoke=True)
    assert ("released", "smoke", "smoke-1") in alarm_changes(effects)
    assert world.incident().confirmed


def test_a_person_brings_it_back(world: Holding) -> None:
    world.takes_out("smoke-1")
    world.spoke("smoke-1", smoke=True)
    effects = world.asks(SuppressionVerb.RETURN_TO_SERVICE, world.alarm("smoke", "smoke-1").id, person="director")
    assert told(effects) == [("carer", "call")]
    assert refusals(world.asks(SuppressionVerb.RETURN_TO_SERVICE, "smoke-1")) == [held_words.NOT_OUT]


def test_a_detector_that_was_judged_false_can_be_taken_out(world: Holding) -> None:
    alarm = fire(world)
    assert refusals(world.takes_out(alarm)) == [held_words.DANGER_OPEN]
    world.acknowledges(alarm)
    assert refusals(world.takes_out(alarm)) == [held_words.DANGER_OPEN]
    world.acts(Verb.VERDICT, alarm, verdict="real")
    assert refusals(world.takes_out(alarm)) == [held_words.DANGER_OPEN]
    world.acts(Verb.VERDICT, alarm, verdict="false", cause="dirt")
    effects = world.takes_out(alarm)
    assert alarm_changes(effects) == [("held", "smoke", "smoke-1")]
    assert sounds(effects) == [("ward", "off")] and not world.engine.incidents


CALL_IN_WARD = device("call-2", "manual_call", "ward")


@pytest.mark.parametrize("target", ["smoke-2", "call-2"])
def test_what_may_confirm_a_danger_stays_in_service_until_the_verdict(world: Holding, target: str) -> None:
    world.reload(site=replace(QUIET, devices=(*QUIET.devices, CALL_IN_WARD)))
    alarm = fire(world)
    assert refusals(world.takes_out(target)) == [held_words.ZONE_IN_DANGER]
    world.acknowledges(alarm)
    assert refusals(world.takes_out(target)) == [held_words.ZONE_IN_DANGER]
    assert not refusals(world.takes_out("meter-1")), "it watches for no danger, and elsewhere"
    assert not refusals(world.takes_out("call-1")), "another zone"
    world.acts(Verb.VERDICT, alarm, verdict="false", cause="dirt")
    assert not refusals(world.takes_out(target))


@pytest.mark.parametrize("target", ["smoke-2", "call-2"])
def test_out_of_service_beside_an_open_danger_it_calls_and_confirms(world: Holding, target: str) -> None:
    world.reload(site=replace(QUIET, devices=(*QUIET.devices, CALL_IN_WARD)))
    world.takes_out(target)
    fire(world)
    effects = world.spoke(target, call=True) if target == "call-2" else world.spoke(target, smoke=True)
    assert world.incident().confirmed and told(effects)
    joined = next(a for a in world.engine.alarms.values() if a.subject == target)
    assert not joined.held and joined.incident == world.incident().id
    works(world)
    assert not world.engine.alarms[joined.id].held, "what calls is not silenced by a maintenance"


def test_held_alone_it_confirms_when_it_speaks_again_beside_another(world: Holding) -> None:
    world.takes_out("smoke-2")
    world.spoke("smoke-2", smoke=True)
    world.spoke("smoke-2", smoke=False)
    fire(world)
    assert not world.incident().confirmed
    effects = world.spoke("smoke-2", smoke=True)
    assert ("released", "smoke", "smoke-2") in alarm_changes(effects)
    assert world.incident().confirmed and told(effects)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"reason": ""}, held_words.NO_REASON),
        ({"substitute": " "}, held_words.NO_SUBSTITUTE),
        ({"confirmed_by": ""}, held_words.NO_SECOND),
        ({"confirmed_by": "carer"}, held_words.NO_SECOND),
        ({"confirmed_by": "somebody"}, held_words.NO_PERSON),
        ({"duration": 8 * HOUR + MINUTE}, held_words.OUT_TOO_LONG),
        ({"duration": timedelta(0)}, held_words.OUT_TOO_LONG),
    ],
)
def test_out_of_service_is_refused(world: Holding, more: dict[str, Any], why: str) -> None:
    effects = world.takes_out("smoke-1", **more)
    assert refusals(effects) == [why] and len(effects) == 1
    assert told(world.spoke("smoke-1", smoke=True)) == [("carer", "call")]


def test_out_of_service_needs_a_device_and_is_done_once(world: Holding, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusals(world.takes_out("smoke-9")) == [held_words.NO_DEVICE]
    world.takes_out("smoke-1")
    assert refusals(world.takes_out("smoke-1")) == [held_words.OUT_ALREADY]
    monkeypatch.setattr(out_of_service, "OUT_OF_SERVICE_COUNT_MAX", 1)
    assert refusals(world.takes_out("smoke-2")) == [held_words.TOO_MANY]


ALONE = rule(
    "alone", Equals(point="temperature", value=True), Category.PERSON, per=Per.ZONE, latch=True,
    select=Select(kinds=("smoke",)),
)


def test_a_place_can_be_taken_out_of_service() -> None:
    """A person living alone goes on holiday: what the rules say of the zone has no device to take out."""
    world = Holding(site=QUIET, rules=(*RULES_SHELVED, ALONE))
    world.spoke("smoke-1", temperature=True)
    alarm = world.alarm("alone", "zone:ward")
    assert refusals(world.shelves(alarm.id)) == [held_words.NEVER_SHELVED]
    assert refusals(world.takes_out(alarm.id)) == [held_words.DANGER_OPEN]
    world.acknowledges(alarm.id)
    world.acts(Verb.VERDICT, alarm.id, verdict="false", cause="on holiday")
    assert ("held", "alone", "zone:ward") in alarm_changes(world.takes_out(alarm.id))
    assert world.engine.suppressions.devices["zone:ward"].until == world.at + 8 * HOUR
    assert told(world.spoke("smoke-1", smoke=True)) == [("carer", "call")], "the devices of the place call"
    effects = world.wait(8 * 3600)
    assert ("released", "alone", "zone:ward") in alarm_changes(effects)


def test_a_place_of_which_no_rule_speaks_is_nothing_to_take_out(world: Holding) -> None:
    assert refusals(world.takes_out("zone:ward")) == [held_words.NO_DEVICE]


def test_a_place_whose_rule_is_gone_is_out_of_service_no_more() -> None:
    world = Holding(site=QUIET, rules=(*RULES_SHELVED, ALONE))
    world.takes_out("zone:ward")
    effects = world.reload(rules=RULES_SHELVED)
    assert [e.reason for e in of(effects, SuppressionChanged)] == [held_words.GONE]


def test_a_device_that_is_gone_is_out_of_service_no_more(world: Holding) -> None:
    world.takes_out("smoke-1")
    effects = world.reload(site=replace(QUIET, devices=SITE.devices[1:]))
    assert [e.reason for e in of(effects, SuppressionChanged)] == [held_words.GONE]
    world.reload(site=QUIET)
    assert told(world.spoke("smoke-1", smoke=True)) == [("carer", "call")]


# maintenance


def works(world: Holding, **more: Any) -> tuple[AnyEffect, ...]:
    """Two persons begin a maintenance: the ward and the hall have detectors of fire."""
    more = {"reason": "rewiring", "time_limit": HOUR, "confirmed_by": "director", **more}
    return world.step(
        ModeRequested(at=world.at, person="carer", verb=ModeVerb.START, mode=Mode.MAINTENANCE, **more)
    )


@pytest.mark.parametrize("scope", [{}, {"zones": ("ward",)}, {"devices": ("smoke-1",)}])
def test_in_maintenance_troubles_call_nobody_and_dangers_do(world: Holding, scope: dict[str, Any]) -> None:
    world.acknowledges(world.low_battery())
    assert alarm_changes(works(world, **scope)) == [("held", "battery", "smoke-1")]
    assert told(world.spoke("smoke-1", smoke=True)) == [("carer", "call")]
    world.spoke("meter-1", residual=400.0)
    assert (told(world.wait(10)) == []) and world.has("residual", "meter-1")
    assert world.alarm("residual", "meter-1").held is (scope == {})
    effects = world.wait(3600)
    assert ("released", "battery", "smoke-1") in alarm_changes(effects)


def test_a_maintenance_is_ended_by_a_person(world: Holding) -> None:
    world.acknowledges(world.low_battery())
    (began_,) = of(works(world), SuppressionChanged)
    assert began_.confirmed_by == "director"
    end = ModeRequested(at=world.at, person="director", verb=ModeVerb.END, mode=Mode.MAINTENANCE, target=began_.mode)
    assert told(world.step(end)) == [("director", "call")]
    assert refusals(world.step(end)) == [held_words.NO_MAINTENANCE]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"reason": ""}, held_words.NO_REASON),
        ({"time_limit": 9 * HOUR}, held_words.OUT_TOO_LONG),
        ({"zones": ("attic",)}, held_words.NO_PLACE),
        ({"devices": ("smoke-9",)}, held_words.NO_PLACE),
        ({"confirmed_by": ""}, held_words.DETECTION),
        ({"confirmed_by": "carer"}, held_words.DETECTION),
        ({"confirmed_by": "stranger"}, held_words.NO_PERSON),
        ({"confirmed_by": "", "zones": ("hall",)}, held_words.DETECTION),
        ({"confirmed_by": "", "devices": ("call-1",)}, held_words.DETECTION),
        ({"confirmed_by": "", "devices": ("meter-1", "smoke-2")}, held_words.DETECTION),
    ],
)
def test_a_maintenance_is_refused(world: Holding, more: dict[str, Any], why: str) -> None:
    effects = works(world, **more)
    assert refusals(effects) == [why] and len(effects) == 1


def test_where_nothing_watches_for_fire_or_gas_one_person_is_enough(world: Holding) -> None:
    (began_,) = of(works(world, devices=("meter-1", "sos-1"), confirmed_by=""), SuppressionChanged)
    assert (began_.change, began_.confirmed_by) == ("began", "")


def test_a_maintenance_silences_nothing_that_nobody_took_on() -> None:
    """Smoke that rises is no danger yet: who announces work must not end its call before anybody has looked."""
    rising = rule("rising", Equals(point="temperature", value=True), Category.SUPERVISORY)
    world = Holding(site=QUIET, rules=(*RULES_SHELVED, rising))
    world.low_battery()
    world.spoke("smoke-2", temperature=True)
    assert alarm_changes(works(world)) == []
    assert not world.alarm("rising", "smoke-2").held and not world.alarm("battery", "smoke-1").held
    assert told(world.wait(600)), "the calls go on"
    world.spoke("smoke-1", temperature=True)
    assert world.alarm("rising", "smoke-1").held, "what comes after it began is held back"


def test_maintenances_are_bounded(world: Holding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "MAINTENANCES_MAX", 0)
    assert refusals(works(world)) == [held_words.TOO_MANY]


# explained by another alarm


def storm_site(**more: Any) -> Site:
    """A bridge and three meters behind it in one building, a camera in another."""
    zones = (
        Zone(id="ward", name=Text("病区"), building="A"),
        Zone(id="hall", name=Text("大厅"), building="A"),
        Zone(id="hut", name=Text("小屋"), building="B"),
    )
    devices = (
        device("bridge-1", "bridge", "hall"),
        *(device(f"meter-{n}", "electrical", "ward", silence_limit=5 * MINUTE) for n in range(3)),
        replace(device("camera-1", "video", "hut", silence_limit=5 * MINUTE), source="other"),
    )
    return replace(SITE, zones=zones, devices=devices, **more)


BRIDGE = rule("bridge", Equals(point="gateway.online", value=False), Category.TROUBLE)
MAINS = rule("mains", Equals(point="power.mains", value=False), Category.TROUBLE)
SILENT = Rule(
    id="silent", title=Text("silent"), category=Category.TROUBLE, condition=Silent(),
    suppressed_by=("bridge", "mains", "gateway.link"), shelve_max=HOUR,
)


def storm(*rules: Rule) -> Holding:
    world = Holding(site=storm_site(), rules=rules or (BRIDGE, MAINS, SILENT))
    for name in ("meter-0", "meter-1", "meter-2", "bridge-1", "camera-1"):
        world.spoke(name, temperature=20.0)
    return world


def loses_bridge(world: Holding) -> list[AnyEffect]:
    return list(world.step(say(world, "bridge-1", "gateway.online", False)))


def loses_mains(world: Holding) -> list[AnyEffect]:
    return list(world.step(say(world, "bridge-1", "power.mains", False)))


def loses_link(world: Holding) -> list[AnyEffect]:
    return list(world.link("broker:test", up=False))


def say(world: Holding, name: str, point: str, value: bool) -> Any:
    return ReadingsArrived(at=world.at, source="test", reports=(Report(name, (Reading(point, value),)),))


@pytest.mark.parametrize("lose", [loses_bridge, loses_mains, loses_link])
def test_a_storm_behind_one_cause_is_one_message(lose: Callable[[Holding], list[AnyEffect]]) -> None:
    world = storm()
    assert told(lose(world)) == [("director", "call")]
    effects = world.wait(400)
    assert [c for c in alarm_changes(effects) if c[2].startswith("meter")] == [
        ("raised", "silent", f"meter-{n}") for n in range(3)
    ]
    meters = [n for n in of(effects, Notify) if n.alarm.subject.startswith("meter")]
    assert meters == [] and world.state("silent", "meter-0") is State.SUPPRESSED_BY_DESIGN
    cause = next(i for i in world.engine.incidents.values() if i.zone in ("hall", "gateway"))
    assert cause.explained == 3 and "explained" in incident_changes(effects)
    assert not world.alarm("silent", "camera-1").held, "another bridge, another building"


@pytest.mark.parametrize(
    ("broker", "held"), [("test", True), ("main", True), ("other", False), ("alarm-topics", False)]
)
def test_a_lost_broker_explains_what_is_heard_over_it(broker: str, held: bool) -> None:
    world = storm()
    world.link(f"broker:{broker}", up=False)
    world.wait(400)
    assert world.alarm("silent", "meter-0").held is held


def test_a_cause_that_cleared_explains_nothing_new() -> None:
    world = storm(replace(BRIDGE, latch=True), SILENT)
    loses_bridge(world)
    world.step(say(world, "bridge-1", "gateway.online", True))
    assert world.has("bridge", "bridge-1")
    world.wait(400)
    assert not world.alarm("silent", "meter-0").held


def test_what_was_told_before_its_cause_joins_it() -> None:
    world = storm()
    world.wait(400)
    assert not world.alarm("silent", "meter-0").held
    effects = loses_mains(world)
    assert ("held", "silent", "meter-0") in alarm_changes(effects)
    assert world.alarm("silent", "meter-0").suppression.cause == world.alarm("mains", "bridge-1").id


def test_what_somebody_took_on_stays_his() -> None:
    world = storm()
    world.wait(400)
    world.acknowledges(world.alarm("silent", "meter-0").id)
    loses_mains(world)
    assert not world.alarm("silent", "meter-0").held and world.alarm("silent", "meter-1").held


def test_what_does_not_recover_after_its_cause_calls() -> None:
    world = storm()
    loses_bridge(world)
    world.wait(400)
    world.step(say(world, "bridge-1", "gateway.online", True))
    world.spoke("meter-0", temperature=20.0)
    world.spoke("meter-1", temperature=20.0)
    effects = world.wait(99)
    assert not told(effects)
    effects = world.wait(1)
    assert alarm_changes(effects) == [("released", "silent", "meter-2")] and told(effects) == [("director", "call")]


def test_a_cause_that_comes_back_in_time_goes_on_explaining() -> None:
    world = storm()
    loses_bridge(world)
    world.wait(400)
    world.step(say(world, "bridge-1", "gateway.online", True))
    world.wait(50)
    loses_bridge(world)
    assert not [c for c in alarm_changes(world.wait(200)) if c[0] == "released"]
    assert world.alarm("silent", "meter-0").suppression.cause == world.alarm("bridge", "bridge-1").id


def test_two_that_name_each_other_do_not_hide_each_other() -> None:
    one = replace(BRIDGE, suppressed_by=("mains",))
    two = replace(MAINS, suppressed_by=("bridge",))
    world = storm(one, two, SILENT)
    loses_bridge(world)
    loses_mains(world)
    assert not world.alarm("bridge", "bridge-1").held and world.alarm("mains", "bridge-1").held
    world.step(say(world, "bridge-1", "gateway.online", True))
    world.wait(50)
    loses_bridge(world)
    calling = [a for a in world.engine.alarms.values() if not a.held and a.subject == "bridge-1"]
    assert calling, "somebody must hear of one of them"
    world.wait(200)
    assert [a for a in world.engine.alarms.values() if not a.held and a.subject == "bridge-1"]


def test_a_chain_has_one_root() -> None:
    world = storm(replace(BRIDGE, suppressed_by=("mains",)), MAINS, SILENT)
    loses_mains(world)
    loses_bridge(world)
    world.wait(400)
    assert world.alarm("silent", "meter-0").held and world.alarm("bridge", "bridge-1").held
    cause = next(i for i in world.engine.incidents.values() if i.zone == "hall")
    assert cause.explained == 4


def test_no_danger_is_explained_away() -> None:
    smoke = replace(RULES[0], suppressed_by=("mains",))
    site = replace(storm_site(), devices=(*storm_site().devices, device("smoke-1", "smoke", "ward", category="fire")))
    world = Holding(site=site, rules=(MAINS, smoke))
    loses_mains(world)
    assert told(world.spoke("smoke-1", smoke=True)) == [("carer", "call")]


def test_an_explained_alarm_that_is_withdrawn_and_a_cause_that_is_gone() -> None:
    world = storm()
    loses_bridge(world)
    world.wait(400)
    world.reload(rules=(SILENT,))
    effects = world.wait(100)
    assert sorted(c[2] for c in alarm_changes(effects) if c[0] == "released") == ["meter-0", "meter-1", "meter-2"]


def test_it_goes_on_after_a_restore(world: Holding) -> None:
    battery = world.low_battery()
    world.shelves(battery, duration=HOUR)
    world.takes_out("smoke-2", duration=2 * HOUR)
    works(world, zones=("hall",), time_limit=3 * HOUR)
    world.engine = Engine.restore(world.engine.snapshot())
    effects = world.wait(3600)
    assert ("released", "battery", "smoke-1") in alarm_changes(effects)
    assert not told(world.spoke("smoke-2", smoke=True))
    effects = world.wait(3600)
    assert Change.RELEASED.value in [c[0] for c in alarm_changes(effects)] and ("carer", "call") in told(effects)
    assert world.engine.suppressions.maintenances
    world.wait(3600)
    assert not world.engine.suppressions.maintenances


@pytest.mark.parametrize("reason", [*held_words.REFUSALS, *held_words.WHYS, HELD])
def test_every_reason_has_chinese_words(reason: str) -> None:
    shown = WORDS["zh"].reason(reason)
    assert shown != reason and not re.search(r"[a-z]{3}", shown)
