"""The test alarms that a home owes each month: begun by themselves in the daytime, answered, missed, made up for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from rules.alarm import Category
from rules.drill import Drill
from rules.effects import DrillChanged, Notify
from rules.engine import Engine
from rules.inputs import Mode, ModeRequested, ModeVerb, TimePassed, Verb
from rules.roster import LocalTime
from rules.site import MonthlyTests, Site
from rules.test_alarms import RULE, SUBJECT, span_of
from tests.unit.engine_world import HOUR, MINUTE, SECOND, SITE, START, World, of

DAY = timedelta(days=1)
OWING = replace(SITE, test_alarms=MonthlyTests())
CHINA = LocalTime(())


class Home(World):
    """A home without rules of its own, and people who answer drills or do not."""

    def __init__(self, site: Site = OWING, *, answers: bool = True) -> None:
        super().__init__(site, ())
        self.answers = answers
        self.began: list[Drill] = []
        self.ended: list[DrillChanged] = []

    def live(self, days: float) -> None:
        """Let time pass; whoever is called for a drill takes it on after 20 s, judges it and resets it."""
        until = self.at + timedelta(days=days)
        while (due := self.engine.next_deadline()) is not None and due <= until:
            self._note(self.step(TimePassed(at=max(due, self.at))))
            running = self.engine.drills.running
            if running is not None and self.answers:
                self._answer(running)
        self._note(self.step(TimePassed(at=until)))

    def _answer(self, drill: Drill) -> None:
        self.at += 20 * SECOND
        self._note(self.step(TimePassed(at=self.at)))
        self._note(self.acknowledges(drill.incident))
        self.at += MINUTE
        self._note(self.acts(Verb.VERDICT, drill.incident, finding="drill"))
        self._note(self.resets(drill.incident, checked=True))

    def _note(self, effects: Iterable[object]) -> None:
        for change in of(effects, DrillChanged):  # type: ignore[arg-type]
            if change.change == "started":
                self.began.append(change.drill)
            else:
                self.ended.append(change)

    @property
    def is_owing(self) -> bool:
        return self.has(RULE, SUBJECT)


def local(at: datetime) -> datetime:
    return CHINA.local(at)


def test_two_a_month_each_in_the_daytime_answered_and_nothing_is_owed() -> None:
    home = Home()
    home.live(184)  # March to August
    months = [local(drill.started_at).month for drill in home.began]
    assert [months.count(month) for month in range(3, 9)] == [2] * 6
    times = [local(drill.started_at) for drill in home.began]
    assert all((9, 30) <= (at.hour, at.minute) < (16, 30) for at in times)
    assert len({(at.hour, at.minute) for at in times}) > 8, "nobody knows the minute"
    assert {drill.device for drill in home.began} == {"smoke-1", "smoke-2", "bridged", "call-1", "sos-1"}
    assert all(drill.scheduled and drill.by == "" for drill in home.began)
    assert [change.reason for change in home.ended if change.sheet is None or not change.sheet.complete] == []
    assert not home.is_owing


def test_the_whole_chain_runs_and_every_message_says_that_it_is_a_test() -> None:
    home = Home()
    home.live(16)
    messages = [message for message in of(home.effects, Notify) if message.alarm.drill]
    assert {message.person for message in messages} >= {"carer"}
    titles = {(message.alarm.title.zh, message.alarm.title.en) for message in messages}
    assert all("每月测试" in chinese and "monthly test" in english for chinese, english in titles) and titles


def test_homes_have_instants_of_their_own_and_a_replay_has_the_same() -> None:
    def first(home: str) -> datetime:
        return span_of(home, MonthlyTests(), CHINA, START).first_at

    assert len({first(f"home-{number}") for number in range(20)}) == 20
    assert first("home-1") == first("home-1")


@pytest.mark.parametrize("a_month", [1, 2, 3, 4, 8])
def test_the_parts_of_a_month_leave_out_no_day(a_month: int) -> None:
    plan = MonthlyTests(a_month=a_month)
    at, spans = datetime(2026, 2, 1, tzinfo=START.tzinfo) - 8 * HOUR, []
    for _ in range(60):
        span = span_of("home", plan, CHINA, at)
        assert span.begins_at <= at < span.ends_at and span.begins_at <= span.first_at < span.ends_at
        if span not in spans:
            spans.append(span)
        at += DAY
    assert all(one.ends_at == other.begins_at for one, other in pairwise(spans))
    assert sum(1 for span in spans if local(span.begins_at).month == 2) == a_month


def test_one_that_nobody_answers_is_a_supervisory_alarm_and_comes_again_the_next_day() -> None:
    home = Home(answers=False)
    home.live(14)
    assert home.is_owing and home.alarm(RULE, SUBJECT).category is Category.SUPERVISORY
    assert len(home.began) >= 2
    assert home.began[1].started_at - home.began[0].started_at == DAY
    assert home.ended[0].reason == "time limit"
    home.answers = True
    home.live(2)
    assert not home.is_owing


def test_one_that_could_not_begin_all_the_time_is_missed() -> None:
    home = Home()
    home.live(14.6)
    home.unreadable("smoke-1", "fire")  # a real danger stays open
    home.live(15)
    assert len(home.began) == 1 and not home.is_owing, "the second half of the month is not over yet"
    home.live(1)
    assert home.is_owing


def test_who_owes_them_since_yesterday_has_missed_none() -> None:
    home = Home(replace(OWING, test_alarms=None))
    home.live(13)
    home.reload(OWING)
    home.unreadable("smoke-1", "fire")
    home.live(4)
    assert not home.is_owing


def test_a_real_alarm_ends_it_and_it_is_made_up_for() -> None:
    home = Home(answers=False)
    while home.engine.drills.running is None:
        home.live(1 / 48)
    home.unreadable("smoke-1", "fire")
    assert home.engine.drills.running is None
    home.live(1 / 24)
    assert not home.is_owing and len(home.began) == 1, "who fights a fire has missed no test"
    for incident in list(home.engine.incidents):
        home.acknowledges(incident)
        home.acts(Verb.VERDICT, incident, finding="false_alarm", cause="steam")
        home.resets(incident, checked=True)
    home.answers = True
    home.live(2)
    assert len(home.began) == 2 and not home.is_owing


def test_a_drill_by_hand_counts() -> None:
    home = Home()
    asked = ModeRequested(at=home.at, person="director", verb=ModeVerb.START, mode=Mode.DRILL, device="sos-1")
    home._note(home.step(asked))
    drill = home.engine.drills.running
    assert drill is not None and not drill.scheduled
    home._answer(drill)
    home.live(14)
    assert [each.scheduled for each in home.began] == [False]


def test_after_downtime_none_begins_at_night_or_at_once() -> None:
    home = Home()
    effects = home.down(13.6 * 86400)  # 06:24 in China, behind the instant of the first
    assert of(effects, DrillChanged) == [] and home.engine.drills.running is None
    home.live(1)
    assert all(9 <= local(drill.started_at).hour <= 16 for drill in home.began) and home.began


def test_none_begins_while_nobody_knows_the_time() -> None:
    home = Home()
    home.link("clock", up=False)
    home.live(14)
    assert not home.began


@pytest.mark.parametrize("days", [3.0, 9.5])
def test_a_restart_goes_on_with_the_same(days: float) -> None:
    home = Home()
    home.live(days)
    again = Engine.restore(home.engine.snapshot())
    for number in range(1, 40):
        later = TimePassed(at=home.at + number * HOUR * 7)
        assert again.step(later) == home.engine.step(later)
    assert again.drills.tests.state == home.engine.drills.tests.state


def test_without_the_section_none_is_owed() -> None:
    home = Home(SITE)
    home.live(70)
    assert not home.began and not home.is_owing


def test_only_the_named_devices_speak() -> None:
    home = Home(replace(SITE, test_alarms=MonthlyTests(devices=("sos-1", "meter-1"), a_month=4)))
    home.live(31)
    assert {drill.device for drill in home.began} == {"sos-1"}, "a meter is no detector of a danger"
