"""Drills: the whole chain, marked, apart from everything real; how they end; and the sheet of what took how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.console.texts import WORDS
from gateway.deliver.wording import compose
from rules import drills
from rules.drill import timing_sheet
from rules.effects import AlarmChanged, AnyEffect, Change, DrillChanged, DriveSounder, Notify
from rules.engine import Engine
from rules.incident import Step
from rules.inputs import Mode, ModeRequested, ModeVerb, Outcome, Verb
from tests.unit.engine_world import (
    DEVICES,
    HOUR,
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
from tests.world.invariants import check_effects, check_sounders, check_state

GAS = device("gas-1", "gas", "hall", category="gas")
QUIET = replace(SITE, devices=tuple(replace(each, silence_limit=100 * HOUR) for each in (*DEVICES, GAS)))


class Drilled(World):
    """The test home with words for drills; its state is checked after every input."""

    def __init__(self) -> None:
        self.sounding: dict[str, DriveSounder] = {}
        super().__init__(site=QUIET)

    def step(self, happened: Any) -> tuple[AnyEffect, ...]:
        effects = super().step(happened)
        check_state(self.engine)
        check_effects(happened, effects)
        check_sounders(self.engine, self.sounding, effects)
        assert Engine.restore(self.engine.snapshot()).snapshot() == self.engine.snapshot()
        return effects

    def drill(self, device_id: str = "smoke-1", minutes: float = 30, verb: ModeVerb = ModeVerb.START,
              person: str = "director") -> tuple[AnyEffect, ...]:
        asked = ModeRequested(at=self.at, person=person, verb=verb, mode=Mode.DRILL, device=device_id,
                              time_limit=timedelta(minutes=minutes))
        return self.step(asked)

    @property
    def target(self) -> str:
        running = self.engine.drills.running
        assert running is not None
        return running.incident


@pytest.fixture
def world() -> Drilled:
    return Drilled()


def the_end(effects: Any) -> DrillChanged:
    (ended,) = [e for e in of(effects, DrillChanged) if e.change == "ended"]
    return ended


def test_a_drill_calls_and_sounds_and_everything_bears_its_mark(world: Drilled) -> None:
    effects = world.drill()
    assert alarm_changes(effects) == [("raised", "drill.fire", "smoke-1")]
    assert told(effects) == [("carer", "call")] and sounds(effects) == [("ward", "evacuate")]
    drill = world.engine.drills.running
    assert drill is not None and drill.by == "director"
    assert {e.alarm.drill for e in of(effects, AlarmChanged)} == {drill.id}
    assert all(n.alarm.drill == n.incident.drill == drill.id for n in of(effects, Notify))
    assert all(e.drill for e in of(effects, DriveSounder))
    assert told(world.wait(30)) == [("carer", "call"), ("second", "call")], "the escalation is the real one"


@pytest.mark.parametrize(("language", "mark"), [("zh", "【演练】【火警】"), ("en", "[DRILL] [FIRE] ")])
def test_the_messages_of_a_drill_say_so_first(world: Drilled, language: str, mark: str) -> None:
    notify = of(world.drill(), Notify)[0]
    notice = compose(notify, SITE, "https://example.org/i/x", language)
    assert notice.title.startswith(mark) and notice.short.startswith(mark)
    real = compose(replace(notify, alarm=replace(notify.alarm, drill="")), SITE, "https://example.org/i/x", language)
    assert not real.title.startswith(mark)


def test_the_whole_way_gives_a_whole_sheet(world: Drilled) -> None:
    world.drill()
    world.wait(12)
    world.acknowledges(world.target)
    world.wait(60)
    world.acts(Verb.SILENCE, world.target)
    world.acts(Verb.VERDICT, world.target, finding="drill")
    world.wait(30)
    ended = the_end(world.resets(world.target, checked=True))
    sheet = ended.sheet
    assert sheet is not None and sheet.complete and ended.drill.ended_because == drills.COMPLETED
    assert (sheet.told_s, sheet.acknowledged_s, sheet.verdict_s, sheet.reset_s) == (0, 12, 72, 102)
    assert sheet.told == ("carer",) and "silenced" in [line.event for line in sheet.lines]
    assert world.engine.drills.running is None and not world.engine.alarms


def test_who_was_reached_when_is_on_the_sheet(world: Drilled) -> None:
    notify = of(world.drill(), Notify)[0]
    world.wait(3)
    world.reported(notify, Outcome.DELIVERED)
    sheet = the_end(world.drill(verb=ModeVerb.END)).sheet
    assert sheet is not None and not sheet.complete
    assert [(line.after_s, line.who) for line in sheet.lines if line.event == "report"] == [(3.0, "carer")]


def test_a_drill_that_nobody_ends_ends_by_itself(world: Drilled) -> None:
    world.drill(minutes=5)
    ended = the_end(world.wait(300))
    assert ended.drill.ended_because == drills.AT_LIMIT and ended.drill.ended_at == START + timedelta(minutes=5)
    assert not world.engine.incidents and world.engine.next_deadline() not in (None, ended.drill.ends_at)


@pytest.mark.parametrize(("subject", "said"), [("smoke-1", {"smoke": True}), ("smoke-2", {"smoke": True}),
                                               ("call-1", {"call": True}), ("sos-1", {"sos": True}),
                                               ("gas-1", {"gas": True})])
def test_a_real_alarm_is_real_and_ends_the_drill(world: Drilled, subject: str, said: dict[str, Any]) -> None:
    world.drill()
    world.wait(20)
    effects = world.spoke(subject, **said)
    assert the_end(effects).drill.ended_because == drills.REAL_CAME
    raised = [e.alarm for e in of(effects, AlarmChanged) if e.change is Change.RAISED]
    assert [a.drill for a in raised] == [""] and world.incident().drill == ""
    calls = [n for n in of(effects, Notify) if n.purpose == "call"]
    assert calls and not any(n.alarm.drill for n in calls)
    zone = raised[0].zone
    assert world.sounding[zone].pattern.value != "off" and not world.sounding[zone].drill


def test_troubles_do_not_end_a_drill(world: Drilled) -> None:
    world.drill()
    world.spoke("smoke-2", battery=1.0)
    assert world.engine.drills.running is not None


@pytest.mark.parametrize("subject", ["gas-1", "sos-1", "call-1"])
def test_every_kind_of_danger_can_be_drilled(world: Drilled, subject: str) -> None:
    assert told(world.drill(subject)) != []


def test_an_unreadable_packet_is_real_too(world: Drilled) -> None:
    world.drill()
    assert the_end(world.unreadable("smoke-2", "fire")).drill.ended_because == drills.REAL_CAME


@pytest.mark.parametrize(
    ("device_id", "minutes", "why"),
    [
        ("smoke-1", 0.5, drills.BAD_SPAN),
        ("smoke-1", 121, drills.BAD_SPAN),
        ("meter-1", 30, drills.NO_DETECTOR),
        ("nobody", 30, drills.NO_DETECTOR),
    ],
)
def test_a_drill_is_refused(world: Drilled, device_id: str, minutes: float, why: str) -> None:
    effects = world.drill(device_id, minutes)
    assert refusals(effects) == [why] and len(effects) == 1 and not world.engine.alarms


def test_no_drill_beside_another_a_walk_test_or_a_real_alarm(world: Drilled) -> None:
    assert refusals(world.drill(verb=ModeVerb.END)) == [drills.NO_DRILL]
    world.drill()
    assert refusals(world.drill()) == [drills.DRILL_RUNNING]
    assert refusals(world.drill(verb=ModeVerb.ARM)) == [drills.NO_DRILL]
    world.drill(verb=ModeVerb.END)
    world.step(ModeRequested(at=world.at, person="carer", verb=ModeVerb.START))
    assert refusals(world.drill()) == [drills.WALK_TEST_RUNNING]
    world.step(ModeRequested(at=world.at, person="carer", verb=ModeVerb.END))
    world.spoke("sos-1", sos=True)
    assert refusals(world.drill()) == [drills.REAL_OPEN]


def test_it_goes_on_after_a_restore_and_a_reload(world: Drilled) -> None:
    world.drill()
    world.engine = Engine.restore(world.engine.snapshot())
    world.reload()
    assert world.engine.drills.running is not None
    assert the_end(world.wait(1800)).drill.ended_because == drills.AT_LIMIT


def test_a_drill_whose_device_is_gone_is_over(world: Drilled) -> None:
    world.drill()
    effects = world.reload(site=replace(QUIET, devices=QUIET.devices[1:]))
    assert "no longer in the configuration" in the_end(effects).reason and not world.engine.alarms


def test_a_sheet_of_nothing() -> None:
    sheet = timing_sheet(START, (Step(START, "grew", "x"),))
    assert sheet.lines == () and sheet.told_s is None and not sheet.complete


@pytest.mark.parametrize("reason", [*drills.REFUSALS, *drills.WHYS])
def test_every_reason_has_chinese_words(reason: str) -> None:
    assert WORDS["zh"].reason(reason) != reason
