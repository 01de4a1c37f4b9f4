"""Conditions that look back, and what a rule says of its place and its alarm: what is read, and every fault of it."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest

from rules.condition import Count, Equals, Not, Rising, Schedule, Sequence, Unknown
from rules.parse import KindDefaults, Names, parse_rules, parse_site
from rules.rule import Per, Rule
from tests.configuration_world import SITE, changed

HEAD = '[[rule]]\nid = "own.rule"\ntitle = {zh = "规则", en = "Rule"}\ncategory = "supervisory"\n'
SMOKE = '{equals = {point = "smoke.alarm", value = true}}'
HOUR = timedelta(hours=1)
IS_SMOKE = Equals(point="smoke.alarm", value=True)


def rule_of(text: str) -> Rule:
    rules, faults = parse_rules(tomllib.loads(HEAD + text))
    assert faults == []
    return rules[0]


READ = [
    (
        "rising",
        '{rising = {point = "current.residual", by = "60 mA", within = "7d", clear = 30, unknown = "reset"}}',
        "",
        Rising(point="current.residual", by=60.0, within=timedelta(days=7), clear=30.0, unknown=Unknown.RESET),
    ),
    ("devices", f'{{count = {{of = {SMOKE}, devices = 2, within = "1h"}}}}', 'per = "zone"',
     Count(of=IS_SMOKE, devices=2, within=HOUR)),
    ("all", f'{{count = {{of = {SMOKE}, devices = "all"}}}}', 'per = "room"', Count(of=IS_SMOKE, every=True)),
    ("times", f'{{count = {{of = {SMOKE}, times = 3, within = "1h", unknown = "trip"}}}}', "",
     Count(of=IS_SMOKE, times=3, within=HOUR, unknown=Unknown.TRIP)),
    ("then", f'{{sequence = {{first = {SMOKE}, then = {{not = {SMOKE}}}, within = "1h"}}}}', "",
     Sequence(first=IS_SMOKE, then=Not(of=IS_SMOKE), within=HOUR)),
    ("then-not", f'{{sequence = {{first = {SMOKE}, then_not = {SMOKE}, within = "1h"}}}}', "",
     Sequence(first=IS_SMOKE, then=IS_SMOKE, within=HOUR, absent=True)),
    ("night", '{schedule = {from = "22:00", to = "06:30"}}', "", Schedule(begins=1320, ends=390)),
    ("days", '{schedule = {days = ["workday", "sun"]}}', "", Schedule(days=("workday", "sun"))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "more", "condition"), [pytest.param(*rest, id=name) for name, *rest in READ])
def test_a_condition_is_read(text: str, more: str, condition: object) -> None:
    assert rule_of(f"condition = {text}\n{more}\n").condition == condition


def test_what_a_rule_says_of_its_alarm_is_read() -> None:
    rule = rule_of(
        f'condition = {SMOKE}\nper = "circuit"\nverify = true\nshelve_max = "2h"\nsuppressed_by = ["own.other"]\n'
        'select = {tags = ["exit"]}\n'
    )
    assert (rule.per, rule.verify, rule.shelve_max) == (Per.CIRCUIT, True, 2 * HOUR)
    assert (rule.suppressed_by, rule.select.tags) == (("own.other",), ("exit",))


def test_what_is_not_said_is_the_safe_side() -> None:
    rule = rule_of(f"condition = {SMOKE}\n")
    assert (rule.per, rule.verify, rule.shelve_max, rule.suppressed_by) == (Per.DEVICE, False, 8 * HOUR, ())
    fire = parse_rules(tomllib.loads(HEAD.replace("supervisory", "fire") + f"condition = {SMOKE}\nlatch = true\n"))
    assert fire[1] == []
    assert fire[0][0].shelve_max == timedelta(0)


FAULTS = [
    ("no-window", '{rising = {point = "battery", by = 1}}', "rising.within", "is missing"),
    ("long-window", '{rising = {point = "battery", by = 1, within = "32d"}}', "rising.within", "out of range"),
    ("no-rise", '{rising = {point = "battery", within = "1h"}}', "rising.by", "is missing"),
    ("fall", '{rising = {point = "battery", by = -1, within = "1h"}}', "rising.by", "a rise is above 0"),
    ("clear", '{rising = {point = "battery", by = 1, clear = 2, within = "1h"}}', "rising.clear", "lies above"),
    ("state-rising", '{rising = {point = "smoke.alarm", by = 1, within = "1h"}}', "rising.point", "is a state"),
    ("unit", '{rising = {point = "battery", by = "1 V", within = "1h"}}', "rising.by", "Convert it to %"),
    ("nothing-counted", f"{{count = {{of = {SMOKE}}}}}", "count", "needs either devices or times"),
    ("both", f'{{count = {{of = {SMOKE}, devices = 2, times = 2, within = "1h"}}}}', "count", "either"),
    ("one-device", f"{{count = {{of = {SMOKE}, devices = 1}}}}", "count.devices", "is 1"),
    ("times-without-window", f"{{count = {{of = {SMOKE}, times = 2}}}}", "count.within", "is missing"),
    ("many-times", f'{{count = {{of = {SMOKE}, times = 101, within = "1h"}}}}', "count.times", "is 101"),
    ("of-missing", '{count = {times = 2, within = "1h"}}', "count.of", "is missing"),
    ("nested", f'{{count = {{of = {{sequence = {{first = {SMOKE}, then = {SMOKE}, within = "1h"}}}}, times = 1, '
     'within = "1h"}}', "count.of", "may stand in it"),
    ("schedule-inside", f'{{sequence = {{first = {SMOKE}, then = {{schedule = {{days = ["mon"]}}}}, within = "1h"}}}}',
     "sequence.then", "may stand in it"),
    ("two-thens", f'{{sequence = {{first = {SMOKE}, then = {SMOKE}, then_not = {SMOKE}, within = "1h"}}}}',
     "sequence.then", "stands beside then_not"),
    ("no-then", f'{{sequence = {{first = {SMOKE}, within = "1h"}}}}', "sequence.then", "is missing"),
    ("no-span", "{schedule = {}}", "schedule", "says nothing"),
    ("half-a-span", '{schedule = {from = "22:00"}}', "schedule", "has only one end"),
    ("no-time", '{schedule = {from = "24:00", to = "06:00"}}', "schedule.from", "not a time of day"),
    ("empty-span", '{schedule = {from = "06:00", to = "06:00"}}', "schedule.to", "the same as from"),
    ("day", '{schedule = {days = ["workdays"]}}', "schedule.days", "'workday'"),
    ("option", '{schedule = {days = ["mon"], zone = "UTC"}}', "schedule.zone", "is not an option here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "words"), [pytest.param(*rest, id=name) for name, *rest in FAULTS])
def test_a_faulty_condition_is_told_with_its_place(text: str, path: str, words: str) -> None:
    rules, faults = parse_rules(tomllib.loads(f"{HEAD}condition = {text}\n"))
    assert rules == ()
    found = [(fault.path, f"{fault.problem}. {fault.mend}") for fault in faults]
    assert any(at == f"rule[1].condition.{path}" and words in said for at, said in found), found


RULE_FAULTS = [
    ("count-of-a-device", f"{{count = {{of = {SMOKE}, devices = 2}}}}", "", "per", "needs a place"),
    ("rising-of-a-place", '{rising = {point = "battery", by = 1, within = "1h"}}', 'per = "zone"', "per", "one device"),
    ("place", SMOKE, 'per = "zones"', "per", "'zone'"),
    ("long-shelf", SMOKE, 'shelve_max = "25h"', "shelve_max", "out of range"),
    ("fire-shelf", SMOKE, 'latch = true\nshelve_max = "1h"', "shelve_max", "can't be shelved"),
    ("fire-explained", SMOKE, 'latch = true\nsuppressed_by = ["x"]', "suppressed_by", "never suppressed"),
]


@pytest.mark.parametrize(
    ("condition", "more", "path", "words"), [pytest.param(*rest, id=name) for name, *rest in RULE_FAULTS]
)
def test_a_faulty_rule_is_told_with_its_place(condition: str, more: str, path: str, words: str) -> None:
    head = HEAD.replace("supervisory", "fire") if "latch" in more else HEAD
    _, faults = parse_rules(tomllib.loads(f"{head}condition = {condition}\n{more}\n"))
    assert [fault.path for fault in faults] == [f"rule[1].{path}"]
    assert words in f"{faults[0].problem}. {faults[0].mend}"


def test_a_device_has_its_own_tags_and_those_of_its_zone() -> None:
    text = changed(SITE, 'name = {zh = "病区", en = "Ward"}', 'name = "病区"\ntags = ["exit", "quiet"]')
    text = changed(text, 'kind = "smoke"', 'kind = "smoke"\ntags = ["bathroom", "exit"]\ncircuit = "c1"')
    site, faults = parse_site(tomllib.loads(text), Names({"smoke": KindDefaults(HOUR)}))
    assert faults == []
    assert site is not None
    assert (site.devices[0].tags, site.devices[0].circuit) == (("bathroom", "exit", "quiet"), "c1")


def test_a_tag_that_is_none_is_told() -> None:
    text = changed(SITE, 'kind = "smoke"', 'kind = "smoke"\ntags = ["Bath room"]')
    _, faults = parse_site(tomllib.loads(text), Names({"smoke": KindDefaults(HOUR)}))
    assert [fault.path for fault in faults] == ["device[1].tags"]
