"""A new site or new rules under way: what is unchanged keeps its state, what is gone closes with a reason."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from rules.alarm import Category
from rules.alarms import ORPHANED, RENAMED
from rules.condition import Above, AllOf, AnyOf, Condition, Count, Equals, Not, Silent, Unknown
from rules.effects import AlarmChanged, AnyEffect
from rules.engine import Engine
from rules.guards import PREFIX, surely_raised_by
from rules.index import Index, selects
from rules.inputs import Mode, ModeRequested, ModeVerb, SuppressionRequested, SuppressionVerb, Verb
from rules.rule import Per, Rule, Select
from rules.site import Zone
from rules.text import Text
from rules.verification import NEEDS_VERDICT
from tests.unit.engine_world import (
    DEVICES,
    HOUR,
    RULES,
    SECOND,
    SITE,
    World,
    alarm_changes,
    device,
    of,
    refusals,
    rule,
    told,
)


@pytest.fixture
def world() -> World:
    return World()


def without_rule(name: str) -> tuple[Rule, ...]:
    return tuple(r for r in RULES if r.id != name)


def test_a_reload_of_the_same_says_and_changes_nothing(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    world.spoke("meter-1", residual=400.0, cable=90.0)
    world.wait(5)
    before = dict(world.engine.alarms), dict(world.engine.incidents), world.engine.deadlines.to_list()[:3]
    assert world.reload() == ()
    assert (world.engine.alarms, world.engine.incidents) == before[:2]
    assert alarm_changes(world.wait(5)) == [("raised", "residual", "meter-1"), ("raised", "cable", "meter-1")]


def gone(world: World) -> tuple[AnyEffect, ...]:
    """A reload that forgets the first device of the site, smoke-1."""
    return world.reload(replace(SITE, devices=DEVICES[1:]))


def test_a_device_that_is_gone_closes_its_alarms(world: World) -> None:
    world.spoke("smoke-1", battery=1.0)
    effects = gone(world)
    (closed,) = of(effects, AlarmChanged)
    assert (closed.change.value, closed.reason) == ("closed", "rule or device no longer in the configuration")
    assert closed.alarm.closed_at == world.at and not closed.alarm.open
    assert not world.engine.incidents
    assert all("smoke-1" not in key for _, _, key in world.engine.deadlines.to_list())


@pytest.mark.parametrize("taken", [False, True], ids=["unacknowledged", "acknowledged"])
def test_a_fire_whose_device_is_gone_stays_until_people_end_it(world: World, taken: bool) -> None:
    world.spoke("smoke-1", smoke=True)
    if taken:
        world.acknowledges(world.incident().id)
    (changed,) = of(gone(world), AlarmChanged)
    assert (changed.change.value, changed.reason) == ("updated", "rule or device no longer in the configuration")
    assert changed.alarm.open and not changed.alarm.active and changed.alarm.latched
    assert changed.alarm.detail == ORPHANED
    assert world.incident().timeline[-1].event == "orphaned"
    assert bool(told(world.wait(31))) is not taken, "the plan goes its way"
    assert gone(world) == (), "and a further reload says nothing new"
    assert Engine.restore(world.engine.snapshot()).snapshot() == world.engine.snapshot()
    alarm = world.alarm("smoke", "smoke-1").id
    if not taken:
        assert "acknowledge it first" in refusals(world.acts(Verb.RESET, alarm))[0]
        world.acknowledges(alarm)
    assert NEEDS_VERDICT in refusals(world.acts(Verb.RESET, alarm))[0]
    assert alarm_changes(world.resets(alarm)) == [("reset", "smoke", "smoke-1")]
    assert not world.engine.incidents


def test_a_fire_whose_clears_are_not_trusted_can_be_reset_when_its_device_is_gone(world: World) -> None:
    world.spoke("bridged", smoke=True)
    world.acknowledges(world.incident().id)
    world.reload(replace(SITE, devices=tuple(each for each in DEVICES if each.id != "bridged")))
    assert alarm_changes(world.resets(world.incident().id)) == [("reset", "smoke", "bridged")]


def test_a_fire_whose_device_comes_back_is_the_same_one(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    alarm = world.alarm("smoke", "smoke-1").id
    gone(world)
    world.reload(SITE)
    world.spoke("smoke-1", smoke=True)
    assert world.alarm("smoke", "smoke-1").id == alarm and world.alarm("smoke", "smoke-1").active


def test_what_is_out_of_service_is_no_fire_that_calls_and_closes_with_its_device(world: World) -> None:
    out = SuppressionRequested(at=world.at, person="carer", verb=SuppressionVerb.OUT_OF_SERVICE, target="smoke-1",
                               reason="dirty", substitute="patrol", confirmed_by="director")
    world.step(out)
    world.spoke("smoke-1", smoke=True)
    assert world.alarm("smoke", "smoke-1").held
    assert alarm_changes(gone(world)) == [("closed", "smoke", "smoke-1")]


# another name


RENAMED_SITE = replace(SITE, devices=(replace(DEVICES[0], id="smoke-201"), *DEVICES[1:]))


def test_a_device_with_another_name_keeps_its_alarm_its_clocks_and_its_holds() -> None:
    world = World(rules=tuple(replace(each, shelve_max=8 * HOUR) if each.id == "battery" else each for each in RULES))
    world.spoke("smoke-1", smoke=True, battery=1.0)
    fire, battery = world.alarm("smoke", "smoke-1"), world.alarm("battery", "smoke-1")
    shelve = SuppressionRequested(at=world.at, person="carer", verb=SuppressionVerb.SHELVE, target=battery.id,
                                  reason="ordered")
    world.step(shelve)
    silent_at = world.engine.deadlines.due_at(("silent", "smoke-1"))
    incident = world.incident_of("fire").id
    effects = world.reload(RENAMED_SITE)
    assert [(c.change.value, c.alarm.id, c.alarm.subject, c.reason) for c in of(effects, AlarmChanged)] == [
        ("updated", fire.id, "smoke-201", RENAMED), ("updated", battery.id, "smoke-201", RENAMED)]
    assert world.alarm("smoke", "smoke-201") == replace(fire, subject="smoke-201")
    assert world.incident_of("fire").id == incident and not told(effects)
    assert world.engine.deadlines.due_at(("silent", "smoke-201")) == silent_at
    assert not [key for _, _, key in world.engine.deadlines.to_list() if "smoke-1" in key]
    assert list(world.engine.suppressions.shelves) == [("battery", "smoke-201")]
    assert world.alarm("battery", "smoke-201").held
    assert Engine.restore(world.engine.snapshot()).snapshot() == world.engine.snapshot()
    world.spoke("smoke-201", smoke=False)
    assert not world.alarm("smoke", "smoke-201").active


def test_a_pending_delay_and_a_reset_go_on_under_another_name(world: World) -> None:
    world.spoke("meter-1", residual=400.0)
    world.wait(5)
    devices = tuple(replace(each, id="meter-main") if each.id == "meter-1" else each for each in DEVICES)
    world.reload(replace(SITE, devices=devices))
    assert alarm_changes(world.wait(5)) == [("raised", "residual", "meter-main")]


def test_a_window_goes_on_under_another_name() -> None:
    said = Equals(point="temperature", value=True)
    counted = rule("many", Count(of=said, devices=2, within=600 * SECOND), per=Per.ZONE)
    world = World(rules=(*RULES, counted))
    world.spoke("smoke-1", temperature=True)
    world.spoke("smoke-1", temperature=False)
    world.reload(RENAMED_SITE)
    world.spoke("smoke-2", temperature=True)
    assert world.has("many", "zone:ward"), "what the renamed device said lately still counts"


def test_a_device_out_of_service_stays_so_under_another_name(world: World) -> None:
    out = SuppressionRequested(at=world.at, person="carer", verb=SuppressionVerb.OUT_OF_SERVICE, target="smoke-1",
                               reason="dirty", substitute="patrol", confirmed_by="director")
    world.step(out)
    world.reload(RENAMED_SITE)
    assert not told(world.spoke("smoke-201", smoke=True)) and world.alarm("smoke", "smoke-201").held
    assert ("released", "smoke", "smoke-201") in alarm_changes(world.wait(8 * 3600))


def test_a_walk_test_knows_a_renamed_detector(world: World) -> None:
    world.step(ModeRequested(at=world.at, person="carer", verb=ModeVerb.START))
    world.step(ModeRequested(at=world.at, person="carer", verb=ModeVerb.ARM, device="smoke-1"))
    world.reload(RENAMED_SITE)
    test = world.engine.walk_test
    assert test is not None and test.armed is not None and test.armed.device == "smoke-201"
    assert "smoke-201" in test.targets and "smoke-1" not in test.targets
    assert not told(world.spoke("smoke-201", smoke=True)) and world.alarm("smoke", "smoke-201").test


def test_a_drill_knows_a_renamed_detector(world: World) -> None:
    world.step(ModeRequested(at=world.at, person="carer", verb=ModeVerb.START, mode=Mode.DRILL, device="smoke-1"))
    world.reload(RENAMED_SITE)
    drill = world.engine.drills.running
    assert drill is not None and drill.device == "smoke-201"


def test_an_address_that_two_names_share_is_no_renaming(world: World) -> None:
    """The name stays, another device has the address too: what is known stays with the name."""
    world.spoke("smoke-1", smoke=True)
    world.reload(replace(SITE, devices=(*DEVICES, replace(DEVICES[0], id="twin"))))
    assert world.has("smoke", "smoke-1") and not world.has("smoke", "twin")


def test_a_device_that_comes_back_raises_anew(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    world.reload(replace(SITE, devices=DEVICES[1:]))
    world.reload(SITE)
    world.spoke("smoke-1", smoke=True)
    assert world.has("smoke", "smoke-1")


def test_a_rule_that_is_gone_closes_its_alarms(world: World) -> None:
    world.spoke("smoke-1", battery=1.0)
    assert alarm_changes(world.reload(rules=without_rule("battery"))) == [("closed", "battery", "smoke-1")]


def test_a_danger_whose_rule_is_gone_stays_raised_by_its_guard(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    incident = world.incident().id
    effects = world.reload(rules=without_rule("smoke"))
    assert alarm_changes(effects) == [
        ("raised", PREFIX + "smoke.alarm", "smoke-1"), ("closed", "smoke", "smoke-1")]
    assert world.incident().id == incident, "and the incident goes on"
    effects = world.reload(rules=RULES)
    assert [a.rule for a in world.engine.alarms.values()] == ["smoke"]


def test_a_detector_in_alarm_is_not_forgotten_over_two_reloads_and_another_report(world: World) -> None:
    quiet = World(rules=without_rule("battery"))
    quiet.spoke("smoke-1", battery=1.0, smoke=False)
    quiet.reload(rules=RULES)
    assert quiet.has("battery", "smoke-1") is False, "its value was not watched, so it is not known"
    quiet.spoke("smoke-1", smoke=False)
    quiet.spoke("smoke-1", battery=1.0)
    assert quiet.has("battery", "smoke-1")
    world.spoke("meter-1", residual=290.0)
    lower = rule("low", Above(point="current.residual", limit=200.0))
    assert ("raised", "low", "meter-1") in alarm_changes(world.reload(rules=(*RULES, lower)))


def test_a_changed_rule_is_asked_about_what_is_known(world: World) -> None:
    world.spoke("meter-1", residual=290.0)
    lower = tuple(
        replace(r, condition=Above(point="current.residual", limit=200.0)) if r.id == "residual" else r for r in RULES
    )
    world.reload(rules=lower)
    assert alarm_changes(world.wait(10)) == [("raised", "residual", "meter-1")]


def test_a_danger_that_no_rule_watches_any_more_and_that_has_cleared_stays(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    world.spoke("smoke-1", smoke=False)
    assert alarm_changes(world.reload(rules=without_rule("smoke"))) == [("updated", "smoke", "smoke-1")]
    assert world.incident().next_step_at is not None


def test_a_moved_device_keeps_its_alarm(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    alarm = world.alarm("smoke", "smoke-1")
    moved = replace(SITE, devices=(replace(DEVICES[0], zone="hall"), *DEVICES[1:]))
    assert world.reload(moved) == ()
    assert world.alarm("smoke", "smoke-1") == alarm
    world.acknowledges(alarm.id)
    world.spoke("smoke-1", smoke=False)
    world.resets(alarm.id)
    world.spoke("smoke-1", smoke=True)
    assert world.alarm("smoke", "smoke-1").zone == "hall"


def test_new_zones_and_names_change_no_alarm(world: World) -> None:
    world.spoke("smoke-1", smoke=True)
    before = dict(world.engine.alarms)
    world.reload(replace(SITE, name=Text("新名"), zones=(Zone(id="ward", name=Text("东区")), *SITE.zones[1:])))
    assert world.engine.alarms == before and world.engine.site.name == Text("新名")


def test_a_pending_delay_of_a_rule_that_is_gone_is_dropped(world: World) -> None:
    world.spoke("meter-1", residual=400.0)
    world.reload(rules=without_rule("residual"))
    assert ("raise", "residual", "meter-1") not in world.engine.deadlines
    world.reload(rules=RULES)
    assert alarm_changes(world.wait(60)) == []


def test_a_rule_that_does_not_select_the_device_any_more_raises_nothing(world: World) -> None:
    world.spoke("meter-1", residual=400.0)
    others = tuple(replace(r, select=Select(kinds=("other",))) if r.id == "residual" else r for r in RULES)
    world.reload(rules=others)
    assert alarm_changes(world.wait(60)) == []


def test_a_new_device_is_watched_for_silence_from_now_on(world: World) -> None:
    world.wait(1000)
    world.reload(replace(SITE, devices=(*DEVICES, device("late", "smoke", "ward"))))
    world.wait(3599)
    assert not world.has("silent", "late")
    world.wait(1)
    assert world.has("silent", "late")


def test_a_silent_device_is_raised_by_a_rule_that_comes_later() -> None:
    world = World(rules=without_rule("silent"))
    world.wait(4000)
    assert len(alarm_changes(world.reload(rules=RULES))) == len(DEVICES)


def test_a_rule_for_silence_that_comes_back_finds_the_silent(world: World) -> None:
    world.wait(4000)
    assert len(alarm_changes(world.reload(rules=without_rule("silent")))) == len(DEVICES)
    assert ("raised", "silent", "smoke-1") in alarm_changes(world.reload(rules=RULES))
    world.spoke("smoke-1", temperature=1.0)
    assert not world.has("silent", "smoke-1")


def test_a_shorter_limit_counts_from_the_last_report_but_leaves_time_to_speak(world: World) -> None:
    world.wait(100)
    quick = replace(SITE, devices=tuple(replace(d, silence_limit=50 * SECOND) for d in DEVICES))
    world.reload(quick)
    assert alarm_changes(world.wait(30)) == []
    world.reload(quick)
    assert alarm_changes(world.wait(19)) == []
    assert len(alarm_changes(world.wait(1))) == len(DEVICES), "however often it is read anew"


def test_reading_the_site_at_a_start_after_downtime_takes_no_grace_away(world: World) -> None:
    world.at += 10_000 * SECOND
    assert world.reload() == ()
    assert alarm_changes(world.wait(99)) == []
    assert len(alarm_changes(world.wait(1))) == len(DEVICES)


TRIPS = rule("trips", Equals(point="online", value=False, unknown=Unknown.TRIP), Category.TROUBLE)
NOT_RESET = rule("backwards", Not(of=Equals(point="online", value=True, unknown=Unknown.RESET)), Category.TROUBLE)
HOLDS = rule("holds", Equals(point="online", value=False), Category.TROUBLE)


@pytest.mark.parametrize(("one", "raises"), [(TRIPS, True), (NOT_RESET, True), (HOLDS, False)], ids=lambda v: str(
    getattr(v, "id", v)))
def test_what_trips_on_unknown_is_asked_before_the_device_speaks(one: Rule, raises: bool) -> None:
    world = World(rules=(one,))
    assert (len(world.engine.alarms) == len(DEVICES)) is raises
    assert world.reload() == (), "and not repeated at each reload"


class TestIndex:
    def _evaluations(self, others: int) -> int:
        asked = []

        class Counted(Equals, frozen=True, kw_only=True, tag="counted"):
            def holds(self, values: object, active: bool) -> bool | None:
                asked.append(self.point)
                return False

        watched = rule("mine", Counted(point="temperature", value=True), select=Select(devices=("smoke-1",)))
        rest = [
            rule(f"other-{n}", Counted(point="temperature", value=True), select=Select(devices=(f"elsewhere-{n}",)))
            for n in range(others)
        ]
        world = World(rules=(*rest, watched))
        asked.clear()
        world.spoke("smoke-1", temperature=20.0)
        return len(asked)

    def test_rules_on_other_devices_are_never_asked(self) -> None:
        assert self._evaluations(0) == self._evaluations(8000) == 1

    @pytest.mark.parametrize(
        ("select", "chosen"),
        [
            (Select(), True),
            (Select(kinds=("smoke",)), True),
            (Select(kinds=("heat",)), False),
            (Select(zones=("ward",)), True),
            (Select(zones=("hall",)), False),
            (Select(devices=("smoke-1",)), True),
            (Select(devices=("smoke-2", "smoke-1")), True),
            (Select(devices=("smoke-1",), zones=("hall",)), False),
            (Select(kinds=("smoke",), zones=("ward",)), True),
            (Select(kinds=("smoke", "smoke"), zones=("hall",)), False),
        ],
        ids=str,
    )
    def test_a_device_must_fit_every_list(self, select: Select, chosen: bool) -> None:
        one = rule("one", Silent(), select=select)
        assert selects(select, DEVICES[0]) is chosen
        assert (Index([one]).rules_for(DEVICES[0]) == [one]) is chosen

    def test_rules_come_in_the_order_given_whatever_names_them(self) -> None:
        rules = [
            rule("a", Silent()), rule("b", Silent(), select=Select(zones=("ward",))),
            rule("c", Silent(), select=Select(devices=("smoke-1",))),
            rule("d", Silent(), select=Select(kinds=("smoke",))),
            rule("e", Silent()),
        ]
        assert Index(rules).rules_for(DEVICES[0]) == rules

    def test_devices_with_the_same_rules_share_one_watch(self) -> None:
        index = Index(RULES)
        assert index.watch_for(DEVICES[0]) is index.watch_for(DEVICES[1])
        assert index.watch_for(DEVICES[0]) is not index.watch_for(DEVICES[4])


SMOKE = Equals(point="smoke.alarm", value=True)
HEAT = Equals(point="heat.alarm", value=True)


@pytest.mark.parametrize(
    ("condition", "points"),
    [
        (SMOKE, {"smoke.alarm"}),
        (Equals(point="smoke.alarm", value=False), set()),
        (AnyOf(of=(SMOKE, HEAT)), {"smoke.alarm", "heat.alarm"}),
        (AllOf(of=(SMOKE, HEAT)), set()),
        (AllOf(of=(SMOKE, AnyOf(of=(SMOKE, HEAT)))), {"smoke.alarm"}),
        (AllOf(of=()), set()),
        (Not(of=SMOKE), set()),
        (Silent(), set()),
    ],
)
def test_which_points_a_condition_surely_raises(condition: Condition, points: set[str]) -> None:
    assert surely_raised_by(condition) == points
