"""Begins and ends drills. Only the drill's own signal is one: whatever a device says meanwhile is real, and ends it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from rules.alarm import Alarm, Category
from rules.alarms import Alarms
from rules.deadlines import Deadlines
from rules.drill import DRILL_MAX, DRILL_MIN, Drill, timing_sheet
from rules.duty import Duty
from rules.effects import DrillChanged, IncidentChanged
from rules.inputs import Mode, ModeRequested, ModeVerb
from rules.site import Site
from rules.supervision import DeviceState
from rules.test_alarms import AGAIN_AFTER, MISSED, RULE, SUBJECT, UNANSWERED, MonthlyTestClock, missed
from rules.text import Text
from rules.turn import Turn
from rules.walk_test import WalkTest

Refusal = str
"""Why a person's wish is not done; "" is none."""

_TITLES = {
    Category.FIRE: Text("火警演练", "Fire drill"),
    Category.GAS: Text("燃气泄漏演练", "Gas drill"),
    Category.PERSON: Text("人员求助演练", "Drill: a person needs help"),
}


class Drills:
    """The drill that runs, if one does."""

    def __init__(self, alarms: Alarms, deadlines: Deadlines) -> None:
        self._alarms = alarms
        self._deadlines = deadlines
        self.running: Drill | None = None
        self.tests = MonthlyTestClock()
        alarms.drills = self

    def ask(
        self, turn: Turn, duty: Duty, devices: Mapping[str, DeviceState], test: WalkTest | None, asked: ModeRequested
    ) -> Refusal:
        """Do what a person asked for; why not, or ""."""
        if asked.verb is ModeVerb.START:
            return self._begin(turn, duty, devices, test, asked)
        if asked.verb is not ModeVerb.END or self.running is None:
            return NO_DRILL
        self._end(turn, duty, BY_PERSON, asked.person)
        return ""

    def _begin(
        self,
        turn: Turn,
        duty: Duty,
        devices: Mapping[str, DeviceState],
        test: WalkTest | None,
        asked: ModeRequested,
        *,
        scheduled: bool = False,
    ) -> Refusal:
        state = devices.get(asked.device)
        return self._refusal(state, test, asked) or self._start(turn, duty, state, asked, scheduled)

    def _refusal(self, state: DeviceState | None, test: WalkTest | None, asked: ModeRequested) -> Refusal:
        if self.running is not None:
            return DRILL_RUNNING
        if test is not None:
            return WALK_TEST_RUNNING
        if not DRILL_MIN <= asked.time_limit <= DRILL_MAX:
            return BAD_SPAN
        if state is None or state.device.category not in [category.value for category in _TITLES]:
            return NO_DETECTOR
        if any(alarm.category.endangers_people and not alarm.held for alarm in self._alarms.open.values()):
            return REAL_OPEN
        return ""

    def _start(
        self, turn: Turn, duty: Duty, state: DeviceState | None, asked: ModeRequested, scheduled: bool
    ) -> Refusal:
        if state is None:
            return NO_DETECTOR
        device, category = state.device, Category(state.device.category)
        alarm = Alarm(
            id=turn.alarm_id(),
            rule=f"drill.{category.value}",
            subject=device.id,
            zone=device.zone,
            category=category,
            priority=1,
            title=_monthly(_TITLES[category]) if scheduled else _TITLES[category],
            raised_at=turn.at,
            latched=True,
            clears_are_trusted=False,
            announced_at=turn.at,
            drill=turn.mode_id("d"),
        )
        drill = Drill(
            id=alarm.drill,
            home=turn.home,
            by=asked.person,
            device=device.id,
            zone=device.zone,
            category=category,
            started_at=turn.at,
            ends_at=turn.at + asked.time_limit,
            alarm=alarm.id,
            incident="",
            scheduled=scheduled,
        )
        alarm = self._alarms.raise_drill(turn, duty, alarm)
        self.running = replace(drill, incident=alarm.incident)
        self._deadlines.set(("drill",), drill.ends_at)
        turn.effects.append(DrillChanged(at=turn.at, drill=self.running, change="started", by=asked.person))
        return ""

    def on_real(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """A real alarm of a danger: nobody may take it for a part of the drill."""
        if self.running is not None and alarm.category.endangers_people:
            self._end(turn, duty, REAL_CAME)

    def on_over(self, turn: Turn, duty: Duty, alarm: Alarm, by: str, because: str) -> None:
        """The drill's alarm is over: the drill is, and here is its sheet."""
        drill = self.running
        if drill is None or drill.alarm != alarm.id:
            return
        self.running = None
        self._deadlines.cancel(("drill",))
        closed = next(
            effect.incident
            for effect in reversed(turn.effects)
            if isinstance(effect, IncidentChanged) and effect.incident.id == drill.incident
        )
        whole = replace(drill, ended_at=turn.at, ended_by=by, ended_because=because)
        sheet = timing_sheet(drill.started_at, closed.timeline)
        turn.effects.append(
            DrillChanged(at=turn.at, reason=because, drill=whole, change="ended", by=by, sheet=sheet)
        )
        if sheet.acknowledged_s is not None:
            self.tests.answered(turn.at)
            known = self._alarms.find(RULE, SUBJECT)
            if known is not None:
                self._alarms.clear(turn, duty, known, COMPLETED)
        elif drill.scheduled and because == AT_LIMIT:
            self._alarms.trip(turn, duty, missed(UNANSWERED))
        self._set_next_test(turn.at)

    def due(
        self, turn: Turn, duty: Duty, devices: Mapping[str, DeviceState], test: WalkTest | None, *about: str
    ) -> None:
        """The limit of the drill is over; or a test alarm is to be begun, or found missing."""
        if not about:
            self._end(turn, duty, AT_LIMIT)
            return
        if self.tests.missed_at(turn.at):
            self._alarms.trip(turn, duty, missed(MISSED))
        # After downtime, and while nobody knows the time, it might be night: it begins at its next instant.
        if not turn.late and duty.clock_known and self.tests.may_begin(turn.at) and self.tests.plan is not None:
            asked = ModeRequested(
                at=turn.at,
                person="",
                verb=ModeVerb.START,
                mode=Mode.DRILL,
                device=self.tests.device(),
                time_limit=self.tests.plan.time_limit,
                via="schedule",
            )
            if not self._begin(turn, duty, devices, test, asked, scheduled=True):
                self.tests.state.begun += 1
            elif self.tests.may_begin(turn.at + AGAIN_AFTER):
                self._deadlines.set(TEST_DUE, turn.at + AGAIN_AFTER)
                return
        self._set_next_test(max(turn.at, turn.until))

    def on_site(self, turn: Turn, site: Site) -> None:
        """The site is new: other test alarms may be owed from now on."""
        self.tests.configure(site)
        self.tests.on_site(turn.at)
        self._set_next_test(turn.at)

    def _set_next_test(self, at: datetime) -> None:
        due = self.tests.next_at(at)
        if due is None:
            self._deadlines.cancel(TEST_DUE)
        elif self._deadlines.due_at(TEST_DUE) != due:
            self._deadlines.set(TEST_DUE, due)

    def _end(self, turn: Turn, duty: Duty, because: str, by: str = "") -> None:
        alarm = self._alarms.open.get(self.running.alarm) if self.running is not None else None
        if alarm is not None:
            self._alarms.end_drill(turn, duty, alarm, because, by)


def _monthly(title: Text) -> Text:
    return Text(f"{title.zh}（每月测试）", f"{title.en} (monthly test)")


TEST_DUE = ("drill", "test")
"""The deadline of the next test alarm."""

NO_DRILL = "no drill is running"
DRILL_RUNNING = "a drill is running already: end it first"
WALK_TEST_RUNNING = "a walk test is running: end it first"
BAD_SPAN = "a drill lasts 1 minute to 2 hours"
NO_DETECTOR = "choose a detector of fire, gas or persons in danger that the site file names"
REAL_OPEN = "a real alarm of fire, gas or a person is open: deal with it and reset it first"

REFUSALS = (NO_DRILL, DRILL_RUNNING, WALK_TEST_RUNNING, BAD_SPAN, NO_DETECTOR, REAL_OPEN)

BY_PERSON = "ended by a person"
REAL_CAME = "a real alarm came: this is no drill"
AT_LIMIT = "time limit"
COMPLETED = "the drill is completed"

WHYS = (BY_PERSON, REAL_CAME, AT_LIMIT, COMPLETED)
