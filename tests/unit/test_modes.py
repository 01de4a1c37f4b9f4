"""The walk test: what counts as a test, what is real at once, and what becomes real."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from devices.reading import Quality
from rules.alarm import Category, State, SuppressionKind, shown_state
from rules.effects import AlarmChanged, AnyEffect, Notify, WalkTestChanged
from rules.engine import Engine
from rules.inputs import EngineFaulted, ModeRequested, ModeVerb, Outcome, SendReported, TimePassed, Verb
from rules.modes import (
    ALWAYS_REAL,
    BAD_LIMIT,
    BURNING,
    IN_ALARM,
    NO_TARGET,
    NO_TEST_ALARM,
    NO_ZONE,
    NOT_RUNNING,
    OTHER_TESTER,
    OTHER_ZONE,
    OUT_OF_SCOPE,
    PROVEN,
    RUNNING,
    STILL,
    ends_in,
)
from rules.operator import TEST_ALARM
from rules.walk_test import ProofKind, WalkTest
from tests.unit.engine_world import (
    DEVICES,
    MINUTE,
    SECOND,
    SITE,
    START,
    World,
    alarm_changes,
    device,
    of,
    refusals,
    sounds,
    told,
)

WALK_SITE = replace(
    SITE,
    devices=(
        *(replace(d, category="electrical") if d.id == "meter-1" else d for d in DEVICES),
        device("smoke-3", "smoke", "hall", category="fire"),
    ),
)


class WalkWorld(World):
    """The test home, with a detector in the hall too, and a tester."""

    def __init__(self) -> None:
        super().__init__(WALK_SITE)

    def asks(self, verb: ModeVerb, person: str = "carer", **more: Any) -> tuple[AnyEffect, ...]:
        return self.step(ModeRequested(at=self.at, person=person, verb=verb, **more))

    def start(self, *zones: str, **more: Any) -> tuple[AnyEffect, ...]:
        return self.asks(ModeVerb.START, zones=zones, **more)

    def arm(self, device_id: str, **more: Any) -> tuple[AnyEffect, ...]:
        return self.asks(ModeVerb.ARM, device=device_id, **more)

    @property
    def test(self) -> WalkTest:
        running = self.engine.walk_test
        assert running is not None
        return running

    def press(self, device_id: str, **said: Any) -> tuple[AnyEffect, ...]:
        """Arm a detector and press its button."""
        assert refusals(self.arm(device_id)) == []
        return self.spoke(device_id, **(said or {"smoke": True}))


@pytest.fixture
def world() -> WalkWorld:
    world = WalkWorld()
    world.start("ward")
    return world


def changes(effects: Iterable[AnyEffect]) -> list[tuple[str, str]]:
    return [(e.change, e.device) for e in of(effects, WalkTestChanged)]


def is_real(effects: Iterable[AnyEffect], rule: str, subject: str) -> bool:
    """Whether an alarm became real or was raised as a real one: people are called in the same step."""
    effects = list(effects)
    raised = [e for e in of(effects, AlarmChanged) if (e.alarm.rule, e.alarm.subject) == (rule, subject)
              and e.change.value in ("raised", "became_real") and not e.alarm.test]
    return bool(raised) and bool(of(effects, Notify))


def silent(effects: Iterable[AnyEffect]) -> bool:
    """Whether nobody is called and nothing sounds."""
    effects = list(effects)
    return not told(effects) and not sounds(effects)


# what counts


def test_the_armed_detector_is_ticked_and_calls_nobody(world: WalkWorld) -> None:
    effects = world.press("smoke-1")
    assert alarm_changes(effects) == [("raised", "smoke", "smoke-1")]
    assert changes(effects) == [("proven", "smoke-1")]
    assert silent(effects)
    alarm = world.alarm("smoke", "smoke-1")
    assert alarm.test == world.test.id and alarm.active and alarm.incident == ""
    assert alarm.suppression.kind is SuppressionKind.BY_DESIGN and alarm.suppression.until == world.at + 2 * MINUTE
    assert shown_state(alarm) is State.SUPPRESSED_BY_DESIGN
    assert world.engine.incidents == {} and world.engine.sounding() == []
    assert world.test.armed is None and world.test.proven == 1


@pytest.mark.parametrize("subject", ["smoke-1", "bridged"], ids=["trusted", "untrusted"])
def test_a_test_alarm_that_clears_is_over_without_a_reset(world: WalkWorld, subject: str) -> None:
    world.press(subject)
    world.wait(20)
    effects = world.spoke(subject, smoke=False)
    assert alarm_changes(effects) == [("closed", "smoke", subject)]
    assert changes(effects) == [("cleared", subject)]
    assert silent(effects) and not world.has("smoke", subject)
    proof = world.test.proof_of(subject)
    assert proof is not None and proof.clean and proof.cleared_at == world.at
    assert silent(world.wait(600))


def test_a_self_test_ticks_and_its_alarm_may_still_come(world: WalkWorld) -> None:
    world.arm("smoke-1")
    assert changes(world.spoke("smoke-1", test=True)) == [("proven", "smoke-1")]
    proof = world.test.proof_of("smoke-1")
    assert proof is not None and proof.kind is ProofKind.SELF_TEST and proof.clean
    assert silent(world.spoke("smoke-1", test=True, smoke=True))
    proof = world.test.proof_of("smoke-1")
    assert proof is not None and proof.kind is ProofKind.ALARM and not proof.clean


def test_a_self_test_of_another_device_ticks_nothing(world: WalkWorld) -> None:
    world.arm("smoke-1")
    assert changes(world.spoke("smoke-2", test=True)) == []
    assert world.engine.devices["smoke-2"].proven_at == world.at


def test_one_packet_is_one_press(world: WalkWorld) -> None:
    world.arm("smoke-1")
    effects = world.spoke("smoke-1", smoke=True, heat=True)
    assert len(of(effects, AlarmChanged)) == 2 and silent(effects)
    assert changes(effects) == [("proven", "smoke-1")]
    world.spoke("smoke-1", smoke=False)
    proof = world.test.proof_of("smoke-1")
    assert proof is not None and not proof.clean, "its heat alarm is open still"
    world.spoke("smoke-1", heat=False)
    proof = world.test.proof_of("smoke-1")
    assert proof is not None and proof.clean


def test_a_repeat_of_an_open_test_alarm_is_no_second_alarm(world: WalkWorld) -> None:
    world.press("smoke-1")
    for _ in range(3):
        world.wait(10)
        assert silent(world.spoke("smoke-1", smoke=True))
    assert world.alarm("smoke", "smoke-1").repeats == 3


def test_a_meter_is_proven_by_its_value(world: WalkWorld) -> None:
    world.asks(ModeVerb.END)
    world.start("hall")
    world.arm("meter-1")
    world.spoke("meter-1", residual=400.0)
    effects = world.wait(11)
    assert changes(effects) == [("proven", "meter-1")] and silent(effects)


# what is real at once


def real_at_once(prepare: Callable[[WalkWorld], None], act: Callable[[WalkWorld], Any], rule: str, subject: str,
                 name: str) -> Any:
    return pytest.param(prepare, act, rule, subject, id=name)


def press_and_clear(world: WalkWorld) -> None:
    world.press("smoke-1")
    world.spoke("smoke-1", smoke=False)


REAL = [
    real_at_once(lambda _: None, lambda w: w.spoke("smoke-2", smoke=True), "smoke", "smoke-2", "nothing-armed"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.spoke("smoke-2", smoke=True), "smoke", "smoke-2",
                 "not-the-armed-one"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.wait(60) and w.spoke("smoke-1", smoke=True), "smoke",
                 "smoke-1", "its-window-is-over"),
    real_at_once(lambda w: (w.arm("smoke-1"), w.arm("smoke-2")), lambda w: w.spoke("smoke-1", smoke=True), "smoke",
                 "smoke-1", "another-one-was-armed-since"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.spoke("smoke-3", smoke=True), "smoke", "smoke-3",
                 "outside-the-scope"),
    real_at_once(press_and_clear, lambda w: w.spoke("smoke-1", smoke=True), "smoke", "smoke-1",
                 "a-second-alarm-of-a-ticked-one"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.spoke("call-1", call=True), "manual_call", "call-1",
                 "a-manual-call-point"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.spoke("smoke-1", call=True), "manual_call", "smoke-1",
                 "a-call-point-of-the-armed-device"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.spoke("smoke-1", smoke=True, retained=True), "smoke",
                 "smoke-1", "found-in-a-retained-message"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.unreadable("smoke-1", "fire"), "gateway.fallback.fire",
                 "smoke-1", "unreadable"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.step(EngineFaulted(at=w.at, fault_id="f", error="e",
                 device="smoke-1", category="fire")), "gateway.fallback.fire", "smoke-1", "a-fault-of-the-engine"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.spoke("smoke-1", unregistered=True, smoke=True),
                 "gateway.unregistered.smoke.alarm", "smoke-1", "a-stranger-of-that-name"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.spoke("smoke-1", battery=3.0), "battery", "smoke-1",
                 "a-trouble-of-the-armed-device"),
    real_at_once(lambda w: w.arm("smoke-1"), lambda w: w.spoke("sos-1", sos=True), "sos", "sos-1",
                 "somebody-calls-for-help"),
]


@pytest.mark.parametrize("prepare, act, rule, subject", REAL)
def test_real_at_once(world: WalkWorld, prepare: Callable[[WalkWorld], None], act: Callable[[WalkWorld], Any],
                      rule: str, subject: str) -> None:
    prepare(world)
    effects = act(world)
    assert is_real(effects, rule, subject)
    assert world.alarm(rule, subject).incident in world.engine.incidents


def test_a_condition_that_held_before_the_tap_cannot_be_armed(world: WalkWorld) -> None:
    world.asks(ModeVerb.END)
    world.spoke("meter-1", residual=400.0)
    world.start("hall")
    assert refusals(world.arm("meter-1")) == [IN_ALARM]
    assert is_real(world.wait(150), "residual", "meter-1")


def test_decided_late_is_real(world: WalkWorld) -> None:
    """The gateway was down for longer than the two minutes: nobody knows what the detector did meanwhile."""
    world.press("smoke-1")
    effects = world.down(300)
    assert is_real(effects, "smoke", "smoke-1") and world.alarm("smoke", "smoke-1").late


def test_a_delay_that_ran_out_while_the_gateway_was_down_is_real(world: WalkWorld) -> None:
    world.asks(ModeVerb.END)
    world.start("hall")
    world.arm("meter-1")
    world.spoke("meter-1", residual=400.0)
    world.down(30)
    alarm = world.alarm("residual", "meter-1")
    assert alarm.late and alarm.test == "" and alarm.incident in world.engine.incidents


def test_a_stranger_with_the_name_of_the_armed_device_is_real() -> None:
    world = WalkWorld()
    world.start()
    world.arm("smoke-1")
    assert is_real(world.spoke("smoke-1", unregistered=True, smoke=True), "gateway.unregistered.smoke.alarm", "smoke-1")


def test_a_retained_clear_clears_no_test_alarm(world: WalkWorld) -> None:
    world.press("smoke-1")
    world.spoke("smoke-1", smoke=False, retained=True, said_at=world.at)
    assert world.alarm("smoke", "smoke-1").active
    assert is_real(world.wait(120), "smoke", "smoke-1")


def test_while_it_burns_nothing_counts(world: WalkWorld) -> None:
    world.arm("smoke-1")
    world.spoke("smoke-3", smoke=True)
    assert is_real(world.spoke("smoke-1", smoke=True), "smoke", "smoke-1")


def test_without_a_walk_test_nothing_is_a_test() -> None:
    world = WalkWorld()
    assert is_real(world.spoke("smoke-1", smoke=True), "smoke", "smoke-1")


# what becomes real


BECOMES_REAL = [
    pytest.param(lambda w: w.wait(120), "not cleared within 2 minutes", id="not-cleared-in-two-minutes"),
    pytest.param(lambda w: w.spoke("smoke-1", smoke=True, heat=True), "a second alarm of the same detector",
                 id="a-second-alarm"),
    pytest.param(lambda w: w.spoke("smoke-2", smoke=True), "a real fire or gas alarm came", id="another-detector"),
    pytest.param(lambda w: w.spoke("smoke-3", smoke=True), "a real fire or gas alarm came", id="a-second-zone"),
    pytest.param(lambda w: w.spoke("call-1", call=True), "a manual call point was pressed", id="a-call-point"),
    pytest.param(lambda w: w.unreadable("smoke-2", "fire"), "a real fire or gas alarm came", id="unreadable"),
    pytest.param(lambda w: w.asks(ModeVerb.END, "director"), "the walk test ended before it cleared", id="the-end"),
]


@pytest.mark.parametrize("act, why", BECOMES_REAL)
def test_a_test_alarm_becomes_real(world: WalkWorld, act: Callable[[WalkWorld], Any], why: str) -> None:
    world.press("smoke-1")
    before = world.alarm("smoke", "smoke-1")
    effects = list(act(world))
    assert is_real(effects, "smoke", "smoke-1")
    (changed,) = [e for e in of(effects, AlarmChanged) if e.change.value == "became_real"]
    assert changed.reason == f"walk test: {why}"
    after = world.alarm("smoke", "smoke-1")
    assert (after.id, after.raised_at) == (before.id, before.raised_at)
    assert after.test == "" and after.suppression.kind is SuppressionKind.NONE and after.latched
    assert ("ward", "evacuate") in sounds(effects)
    assert told(effects)[0] == ("carer", "call")
    assert world.has("smoke", "smoke-1") and told(world.wait(31)), "the plan goes on"
    assert silent(world.spoke("smoke-1", smoke=False)), "a real alarm is closed by a person only"
    assert world.has("smoke", "smoke-1")


def test_the_limit_makes_an_open_test_alarm_real(world: WalkWorld) -> None:
    world.wait(60 * 60 - 30)
    world.press("smoke-1")
    effects = world.wait(30)
    assert is_real(effects, "smoke", "smoke-1")
    assert changes(effects)[-1] == ("ended", "") and world.engine.walk_test is None


def test_armed_in_a_second_zone_while_the_first_is_in_alarm() -> None:
    world = WalkWorld()
    world.start()
    world.press("smoke-1")
    assert refusals(world.arm("smoke-3")) == [OTHER_ZONE]
    effects = world.spoke("smoke-3", smoke=True)
    assert is_real(effects, "smoke", "smoke-3") and is_real(effects, "smoke", "smoke-1")


def test_two_of_one_zone_may_be_tests_and_become_real_together(world: WalkWorld) -> None:
    world.press("smoke-1")
    world.wait(30)
    assert silent(world.press("smoke-2"))
    effects = world.wait(90)
    assert is_real(effects, "smoke", "smoke-1") and is_real(effects, "smoke", "smoke-2")
    assert world.incident().confirmed


def test_a_person_in_a_second_zone_makes_a_test_of_his_kind_real() -> None:
    site = replace(WALK_SITE, devices=(*WALK_SITE.devices, device("sos-2", "sos", "hall", category="person")))
    world = WalkWorld()
    world.reload(site)
    world.start("ward")
    world.press("sos-1", sos=True)
    effects = world.spoke("sos-2", sos=True)
    assert is_real(effects, "sos", "sos-2") and is_real(effects, "sos", "sos-1")


def test_a_call_for_help_does_not_evacuate_for_a_smoke_under_test(world: WalkWorld) -> None:
    world.press("smoke-1")
    effects = world.spoke("sos-1", sos=True)
    assert is_real(effects, "sos", "sos-1")
    assert world.alarm("smoke", "smoke-1").test
    assert all(pattern != "evacuate" for _, pattern in sounds(effects))


# people


def test_the_four_verbs_do_nothing_to_a_test_alarm(world: WalkWorld) -> None:
    world.press("smoke-1")
    before = world.alarm("smoke", "smoke-1")
    for verb in Verb:
        effects = world.acts(verb, before.id, verdict="real", checked_on_site=True)
        assert refusals(effects) == [TEST_ALARM]
    assert refusals(world.acts(Verb.ACKNOWLEDGE, "")) == ["unknown here, or over already"]
    assert world.alarm("smoke", "smoke-1") == before


def test_the_testers_word_ends_it_only_where_the_device_is_not_trusted(world: WalkWorld) -> None:
    assert refusals(world.asks(ModeVerb.CLEARED, device="bridged")) == [NO_TEST_ALARM]
    world.press("smoke-1")
    assert refusals(world.asks(ModeVerb.CLEARED, device="smoke-1")) == [STILL]
    world.spoke("smoke-1", smoke=False)
    world.press("bridged")
    assert refusals(world.asks(ModeVerb.CLEARED, "director", device="bridged")) == [OTHER_TESTER]
    effects = world.asks(ModeVerb.CLEARED, device="bridged")
    assert alarm_changes(effects) == [("closed", "smoke", "bridged")] and silent(effects)
    world.spoke("bridged", battery=90.0)
    world.spoke("bridged", battery=90.0)
    assert is_real(world.spoke("bridged", smoke=True), "smoke", "bridged"), "the same value is a second alarm"


@pytest.mark.parametrize(
    "more, why",
    [
        ({"time_limit": timedelta(seconds=59)}, BAD_LIMIT),
        ({"time_limit": timedelta(hours=4, seconds=1)}, BAD_LIMIT),
        ({"zones": ("cellar",)}, NO_ZONE),
    ],
    ids=["too-short", "too-long", "unknown-zone"],
)
def test_a_start_is_refused(more: dict[str, Any], why: str) -> None:
    world = WalkWorld()
    assert refusals(world.asks(ModeVerb.START, **more)) == [why]
    assert world.engine.walk_test is None


def test_no_second_test_and_none_while_it_burns(world: WalkWorld) -> None:
    assert refusals(world.start()) == [RUNNING]
    world.asks(ModeVerb.END)
    world.spoke("smoke-1", smoke=True)
    assert refusals(world.start()) == [BURNING]
    world.reload(replace(WALK_SITE, devices=WALK_SITE.devices[3:4]))
    assert refusals(world.start()) == [BURNING], "nobody ends a fire by editing the site file"
    world.acknowledges(world.incident().id)
    world.resets(world.incident().id)
    assert refusals(world.start()) == [NO_TARGET]


@pytest.mark.parametrize("verb", [ModeVerb.ARM, ModeVerb.CLEARED, ModeVerb.END])
def test_nothing_to_do_without_a_test(verb: ModeVerb) -> None:
    assert refusals(WalkWorld().asks(verb, device="smoke-1")) == [NOT_RUNNING]


@pytest.mark.parametrize(
    "subject, person, why",
    [
        ("smoke-3", "carer", OUT_OF_SCOPE),
        ("nowhere", "carer", OUT_OF_SCOPE),
        ("smoke-1", "director", OTHER_TESTER),
    ],
)
def test_an_arming_is_refused(world: WalkWorld, subject: str, person: str, why: str) -> None:
    assert refusals(world.arm(subject, person=person)) == [why]
    assert world.test.armed is None


def test_what_cannot_be_armed(world: WalkWorld) -> None:
    world.asks(ModeVerb.END)
    world.start()
    assert refusals(world.arm("call-1")) == [ALWAYS_REAL]
    world.press("smoke-1")
    assert refusals(world.arm("smoke-1")) == [PROVEN]
    world.spoke("sos-1", sos=True)
    assert refusals(world.arm("sos-1")) == [IN_ALARM]
    world.spoke("smoke-3", smoke=True)
    assert refusals(world.arm("smoke-2")) == [BURNING]


# the end


def test_it_ends_when_all_are_proven_and_have_cleared(world: WalkWorld) -> None:
    for name, point in (("smoke-1", "smoke"), ("smoke-2", "smoke"), ("bridged", "smoke"), ("sos-1", "sos")):
        world.press(name, **{point: True})
        effects = world.spoke(name, **{point: False})
    (ended,) = [e.walk_test for e in of(effects, WalkTestChanged) if e.change == "ended"]
    assert ended.ended_because == "all proven" and ended.ended_at == world.at
    assert set(ended.targets) == {proof.device for proof in ended.proofs} == {"smoke-1", "smoke-2", "bridged", "sos-1"}
    assert all(proof.clean for proof in ended.proofs)
    assert world.engine.walk_test is None and world.engine.next_deadline() is not None
    assert not any(key[0] in ("walk_test", "test_alarm") for _, _, key in world.engine.deadlines.to_list())


def test_a_forgotten_test_ends_by_itself() -> None:
    world = WalkWorld()
    world.start(time_limit=timedelta(minutes=15))
    assert ends_in(world.test, world.at) == 900
    world.wait(15 * 60 - 1)
    assert world.test.armed is None
    effects = world.wait(1)
    (ended,) = [e.walk_test for e in of(effects, WalkTestChanged)]
    assert (ended.ended_because, ended.ended_by, ended.proofs) == ("time limit", "", ())
    assert is_real(world.spoke("smoke-1", smoke=True), "smoke", "smoke-1")


def test_the_window_of_an_arming_ends_and_says_so(world: WalkWorld) -> None:
    world.arm("smoke-1")
    assert changes(world.wait(59)) == []
    assert changes(world.wait(1)) == [("disarmed", "smoke-1")]


def test_effects_on_the_way_carry_what_is_new_only(world: WalkWorld) -> None:
    world.press("smoke-1")
    world.spoke("smoke-1", smoke=False)
    effects = world.press("smoke-2")
    (proven,) = of(effects, WalkTestChanged)
    assert [proof.device for proof in proven.walk_test.proofs] == ["smoke-2"] and proven.walk_test.targets == ()
    world.spoke("sos-1", sos=True)
    assert [real.device for real in world.test.real] == ["sos-1"]
    assert len(world.test.proofs) == 2 and len(world.test.targets) == 4


# configuration


def test_a_device_that_leaves_the_scope_is_armed_no_more(world: WalkWorld) -> None:
    world.arm("smoke-1")
    moved = tuple(replace(d, zone="hall") if d.id == "smoke-1" else d for d in WALK_SITE.devices)
    assert changes(world.reload(replace(WALK_SITE, devices=moved))) == [("disarmed", "smoke-1")]
    assert is_real(world.spoke("smoke-1", smoke=True), "smoke", "smoke-1")


def test_a_device_that_is_gone_is_not_cleared(world: WalkWorld) -> None:
    world.press("smoke-1")
    world.reload(replace(WALK_SITE, devices=WALK_SITE.devices[1:]))
    proof = world.test.proof_of("smoke-1")
    assert proof is not None and not proof.clean and proof.cleared_at is None
    assert silent(world.wait(300))


def test_an_adopted_device_joins_the_targets_when_it_is_armed(world: WalkWorld) -> None:
    world.reload(replace(WALK_SITE, devices=(*WALK_SITE.devices, device("new", "smoke", "ward", category="fire"))))
    assert changes(world.press("new")) == [("proven", "new")]
    assert "new" in world.test.targets


# snapshots


@pytest.mark.parametrize("stage", ["started", "armed", "in-alarm", "cleared"])
def test_it_goes_on_after_a_restore(world: WalkWorld, stage: str) -> None:
    if stage != "started":
        world.arm("smoke-1")
    if stage in ("in-alarm", "cleared"):
        world.spoke("smoke-1", smoke=True)
    if stage == "cleared":
        world.spoke("smoke-1", smoke=False)
    body = world.engine.snapshot()
    again = Engine.restore(body)
    assert again.snapshot() == body and again.walk_test == world.test
    for after in (30, 130, 3700):
        happened = TimePassed(at=world.at + after * SECOND)
        assert again.step(happened) == world.engine.step(happened)
    assert again.snapshot() == world.engine.snapshot()


def test_a_snapshot_with_a_test_alarm_of_no_test_is_refused(world: WalkWorld) -> None:
    world.press("smoke-1")
    world.engine.modes.walk_test = None
    with pytest.raises(ValueError, match="belongs to no walk test"):
        Engine.restore(world.engine.snapshot())


def test_a_snapshot_of_before_is_read() -> None:
    import json

    stored = json.loads(WalkWorld().engine.snapshot())
    del stored["walk_test"]
    stored["devices"] = [known[:-1] for known in stored["devices"]]
    engine = Engine.restore(json.dumps(stored).encode())
    assert engine.walk_test is None and engine.devices["smoke-1"].proven_at is None


# last proven


PROVES = [
    pytest.param({"smoke": True}, True, id="its-alarm"),
    pytest.param({"test": True}, True, id="its-self-test"),
    pytest.param({"test": False}, False, id="no-self-test"),
    pytest.param({"smoke": False}, False, id="no-alarm"),
    pytest.param({"battery": 3.0}, False, id="a-low-battery"),
    pytest.param({"temperature": 20.0}, False, id="a-value"),
    pytest.param({"smoke": True, "retained": True}, False, id="found"),
    pytest.param({"smoke": True, "quality": Quality.BAD}, False, id="not-plausible"),
]


@pytest.mark.parametrize("said, proves", PROVES)
def test_what_proves_a_detector(said: dict[str, Any], proves: bool) -> None:
    world = WalkWorld()
    world.wait(100)
    world.spoke("smoke-1", **said)
    assert (world.engine.devices["smoke-1"].proven_at == world.at) is proves


def test_the_last_signal_counts_and_survives() -> None:
    world = WalkWorld()
    world.spoke("smoke-1", smoke=True)
    world.wait(60)
    world.spoke("smoke-1", smoke=True)
    assert world.engine.devices["smoke-1"].proven_at == START + 60 * SECOND
    world.reload(replace(WALK_SITE, name=WALK_SITE.name))
    assert Engine.restore(world.engine.snapshot()).devices["smoke-1"].proven_at == START + 60 * SECOND


def test_a_meter_is_proven_when_its_delay_is_over() -> None:
    world = WalkWorld()
    world.spoke("meter-1", residual=400.0)
    assert world.engine.devices["meter-1"].proven_at is None
    world.wait(10)
    assert world.engine.devices["meter-1"].proven_at == world.at


def test_another_device_in_its_place_is_not_proven() -> None:
    world = WalkWorld()
    world.spoke("smoke-1", smoke=True)
    swapped = tuple(replace(d, address="other") if d.id == "smoke-1" else d for d in WALK_SITE.devices)
    world.reload(replace(WALK_SITE, devices=swapped))
    assert world.engine.devices["smoke-1"].proven_at is None


def test_an_answer_to_nothing_changes_nothing(world: WalkWorld) -> None:
    """A report of a message about no incident, while a test alarm is open."""
    world.press("smoke-1")
    world.step(SendReported(at=world.at, message="m", incident="", channel="sms", person="carer",
                            outcome=Outcome.ANSWERED))
    assert world.alarm("smoke", "smoke-1").acknowledged is None


def test_categories_of_tests_are_those_that_call_people() -> None:
    from rules.proof import NEED_PROOF
    from rules.walk_test import TESTED_CATEGORIES

    assert {category.value for category in TESTED_CATEGORIES} == set(NEED_PROOF)
    assert Category.TROUBLE not in TESTED_CATEGORIES
