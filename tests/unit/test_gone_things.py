"""Deadlines and times about what is gone, and texts that nobody can take: nothing changes, or a fault is told."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest
from msgspec.structs import replace

from rules import quality
from rules.condition import Count, Equals, Recalled, Rising, Schedule, Sequence, Unknown
from rules.effects import AlarmChanged, Change, IncidentChanged
from rules.engine import Engine
from rules.incident import Incident
from rules.inputs import LinkChanged, TimePassed
from rules.memory import CLOCK
from rules.parse import Names, parse_rules, parse_site
from rules.quality import QualityCount
from rules.recall import window_of
from tests.unit.engine_world import MINUTE, START, Category, World
from tests.unit.test_quality import BEGIN, Home

LATER = START + 2 * MINUTE

KEYS = (
    ("silent", "nowhere"),
    ("raise", "gone", "smoke-1"),
    ("raise", "smoke", "nowhere"),
    ("clear", "gone", "smoke-1"),
    ("window", "nowhere", "\x00gone"),
    ("step", "home:1:9.i1"),
    ("spread", "home:1:9.i1"),
    ("verify", "home:1:9.i1"),
    ("progress", "home:1:9.i1"),
    ("quiet", "gateway.refused", "source:gone"),
    ("test_alarm", "home:1:9.a1"),
    ("walk_test", "limit"),
    ("walk_test", "disarm"),
    ("drill",),
    ("unshelve", "smoke", "nowhere"),
    ("return", "nowhere"),
    ("maintenance", "home:1:9.x1"),
    ("explained", "home:1:9.a1"),
)


@pytest.mark.parametrize("key", KEYS, ids=" ".join)
def test_a_deadline_about_what_is_gone_changes_nothing(key: tuple[str, ...]) -> None:
    world = World()
    before = world.engine.snapshot()
    world.engine.deadlines.set(key, LATER)
    assert world.step(TimePassed(at=LATER)) == ()
    assert not world.engine.alarms and not world.engine.incidents
    assert key not in world.engine.deadlines
    after = Engine.restore(world.engine.snapshot())
    assert len(after.deadlines.to_list()) == len(Engine.restore(before).deadlines.to_list())


def test_a_deadline_of_an_unknown_kind_is_a_fault_of_the_program() -> None:
    world = World()
    world.engine.deadlines.set(("lunch", "ward"), LATER)
    with pytest.raises(ValueError, match="unknown kind"):
        world.step(TimePassed(at=LATER))


def test_a_silent_device_is_not_silent_twice() -> None:
    world = World()
    world.wait(2 * 3600)
    silent = [alarm for alarm in world.engine.alarms.values() if alarm.rule == "silent"]
    assert silent
    world.engine.deadlines.set(("silent", silent[0].subject), world.at + MINUTE)
    before = dict(world.engine.alarms)
    world.step(TimePassed(at=world.at + MINUTE))
    assert {name for name, alarm in world.engine.alarms.items() if alarm.rule == "silent"} == {
        name for name, alarm in before.items() if alarm.rule == "silent"
    }


def test_a_clock_that_is_known_already_asks_nothing_anew() -> None:
    world = World()
    assert world.engine.memory.clock_known
    assert list(world.engine.memory.clock(world.at, known=True)) == []
    world.step(LinkChanged(at=world.at, link=CLOCK, up=True))
    assert world.engine.memory.clock_known


LEAF = Equals(point="smoke.alarm", value=True)
KEPT = (
    Rising(point="temperature", by=5.0, within=MINUTE),
    Count(of=LEAF, devices=2, within=MINUTE),
    Sequence(first=LEAF, then=LEAF, within=MINUTE),
)


@pytest.mark.parametrize(("unknown", "means"), [(Unknown.HOLD, None), (Unknown.RESET, False), (Unknown.TRIP, True)])
@pytest.mark.parametrize("condition", KEPT, ids=lambda one: type(one).__name__)
def test_what_looks_back_cannot_answer_from_values_alone(
    condition: Rising | Count | Sequence, unknown: Unknown, means: bool | None
) -> None:
    asked = replace(condition, unknown=unknown)
    assert asked.holds({"smoke.alarm": True, "temperature": 99.0}, True) is means
    assert Recalled(mark="\x00x", of=asked, unknown=unknown).holds({}, False) is means


def test_how_far_a_condition_looks_back() -> None:
    assert [window_of(condition) for condition in KEPT] == [MINUTE] * 3
    schedule = Schedule(begins=0, ends=60)
    assert window_of(schedule) == timedelta(0)
    assert schedule.holds({}, True) is None


# quality at its bounds


def test_alarms_beyond_the_bound_are_left_off_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "RAISED_MAX", 2)
    home = Home()
    for second in range(5):
        home.raised(second, subject=f"smoke-{second}")
    found = home.report()
    assert (found.alarms, found.left_off, len(found.sources)) == (2, 3, 2)


def test_what_lies_before_the_beginning_tells_only_what_stands_open() -> None:
    home = Home()
    early = home.raised(-120)
    home.over(-60, early)
    home.raised(-30, subject="smoke-2")
    home.judged(-10, early, quality.VerdictKind.FALSE)
    found = home.report()
    assert (found.alarms, found.standing, found.verdicts, found.fleeting) == (0, 1, {}, 0)


def test_an_alarm_that_ended_before_it_was_known_counts_for_nothing() -> None:
    home, other = Home(), Home()
    alarm = other.raised(10)
    home.over(20, alarm)
    assert (home.report().standing, home.report().alarms) == (0, 0)


def test_a_verdict_without_its_words_is_none() -> None:
    count = QualityCount(BEGIN, BEGIN + timedelta(days=1))
    incident = Incident(id="i", home="h", zone="z", category=Category.FIRE, opened_at=BEGIN, alarms=("a",))
    count.take([IncidentChanged(at=BEGIN, incident=incident, change="verdict")])
    alarm = replace(Home().raised(1), acknowledged=None)
    count.take([AlarmChanged(at=BEGIN, alarm=alarm, change=Change.ACKNOWLEDGED)])
    found = count.report()
    assert (found.verdicts, found.to_verify.count, found.to_acknowledge.count) == ({}, 0, 0)


# texts that nobody can take

RULE = '[[rule]]\nid = "x"\ntitle = {zh = "甲", en = "a"}\ncategory = "fire"\n'


def faults_of(text: str) -> list[str]:
    _, faults = parse_rules(tomllib.loads(text))
    return [f"{fault.path}: {fault.problem}" for fault in faults]


@pytest.mark.parametrize(
    ("condition", "where", "words"),
    [
        ("", "condition", "is missing"),
        ("condition = 5", "condition", "must be a table"),
        ("condition = {equals = 5}", "equals", "must be a table"),
        ("condition = {equals = {value = true}}", "point", "is missing"),
        ("condition = {above = 5}", "above", "must be a table"),
        ("condition = {silent = 5}", "silent", "must be a table"),
        ("condition = {rising = 5}", "rising", "must be a table"),
        ("condition = {not = 5}", "not", "must be a table"),
        ("condition = {count = 5}", "count", "must be a table"),
        ('condition = {count = {devices = 2, within = "1m"}}', "of", "is missing"),
        ("condition = {sequence = 5}", "sequence", "must be a table"),
        ("condition = {schedule = 5}", "schedule", "must be a table"),
    ],
)
def test_a_condition_that_is_none_is_told_with_its_place(condition: str, where: str, words: str) -> None:
    found = faults_of(RULE + condition)
    assert any(where in fault and words in fault for fault in found), found


@pytest.mark.parametrize(
    ("more", "where", "words"),
    [
        ('title = ""', "title", ""),
        (f'source = "{"x" * 5000}"', "source", "characters"),
        ('priority = "high"', "priority", "whole number"),
        ("priority = true", "priority", "whole number"),
        ("select = {kinds = 5}", "kinds", "list of texts"),
        ('select = {kinds = ["smoke", 5]}', "kinds", "list of texts"),
        (f"select = {{devices = {[f'd-{n}' for n in range(20_000)]}}}", "devices", "entries"),
    ],
)
def test_a_field_that_cannot_be_taken_is_told(more: str, where: str, words: str) -> None:
    condition = 'condition = {equals = {point = "smoke.alarm", value = true}}\n'
    text = RULE.replace('title = {zh = "甲", en = "a"}\n', "") if more.startswith("title") else RULE
    found = faults_of(text + condition + more)
    assert any(where in fault and words in fault for fault in found), found


SITE = (
    '[home]\nid = "{home}"\nname = {{zh = "院"}}\n[[zone]]\n'
    'id = "ward"\nname = {{zh = "区"}}\nresidents = "{residents}"\n'
)


@pytest.mark.parametrize(
    ("home", "residents", "words"),
    [("h" * 33, "none", "has 33 characters"), ("a", "everybody", "unknown class 'everybody'")],
)
def test_a_site_that_cannot_be_taken_is_told(home: str, residents: str, words: str) -> None:
    _, faults = parse_site(tomllib.loads(SITE.format(home=home, residents=residents)), Names({}, set(), set()))
    assert any(words in fault.problem for fault in faults), [str(fault) for fault in faults]
