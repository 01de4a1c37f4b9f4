"""`anlian check` about rules: what can never be decided, names that nobody knows, devices without their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.check import check
from tests.configuration_world import MAIN, SITE, changed, write

HEAD = '[[rule]]\nid = "own.rule"\ntitle = {zh = "规则", en = "Rule"}\ncategory = "supervisory"\n'
SMOKE = '{equals = {point = "smoke.alarm", value = true}}'
DOOR = '{equals = {point = "door.open", value = true}}'
DOOR_DEVICE = """
[[device]]
id = "door-1"
kind = "door"
source = "zigbee"
address = "door-1"
zone = "ward"
name = {zh = "门", en = "Door"}
"""


def told(directory: Path, rule: str, site: str = SITE) -> list[str]:
    """The warnings about the rule and the home; every other rule is a shipped one."""
    (directory / "own.toml").write_text(HEAD + rule, "utf-8")
    packs = '["fire", "electrical", "person", "video", "supervision", "own.toml"]'
    found = check(write(directory, f"packs = {packs}\n{MAIN}", site), {})
    assert all(fault.warning for fault in found), [str(fault) for fault in found]
    return [f"{fault.path}: {fault.problem}. {fault.mend}" for fault in found if "own.scenario" not in str(fault)]


ODD = [
    (
        "tag-that-no-device-has",
        f'condition = {SMOKE}\nselect = {{tags = ["bathrom"]}}\n',
        "own.rule: no device has the tag 'bathrom'. Did you mean 'bathroom'?",
    ),
    (
        "nothing-selected",
        f'condition = {SMOKE}\nselect = {{kinds = ["smoke"], tags = ["exit"]}}\n',
        "own.rule: no device of any home is selected",
    ),
    ("no-such-device-here", f"condition = {DOOR.replace('door.open', 'motion')}\n", "own.rule: no selected device has"),
    (
        "all-of-two-kinds",
        f"condition = {{all = [{SMOKE}, {DOOR}]}}\n",
        "own.rule: no kind of device that the rule selects has smoke.alarm, door.open",
    ),
    (
        "unknown-cause",
        f'condition = {SMOKE}\nsuppressed_by = ["fire.smok"]\n',
        "own.rule: suppressed_by names 'fire.smok', and there is no such rule. Did you mean 'fire.smoke'",
    ),
    (
        "holidays",
        f'condition = {{all = [{SMOKE}, {{schedule = {{days = ["workday"]}}}}]}}\n',
        "own.rule: public holidays are known for 2025, 2026; other years have only their weekends",
    ),
    ("procedure", f"condition = {SMOKE}\npriority = 2\n", "own.rule: an alarm of priority 2 without a procedure"),
    (
        "own-cause",
        f'condition = {SMOKE}\nsuppressed_by = ["own.rule"]\n',
        "own.rule: suppressed_by names the rule itself",
    ),
    (
        "two-states",
        f"condition = {{all = [{SMOKE}, {SMOKE.replace('true', 'false')}]}}\n",
        "own.rule: a part can never hold: smoke.alarm is true and false at once",
    ),
    (
        "so-and-not-so",
        f"condition = {{all = [{SMOKE}, {{not = {SMOKE}}}]}}\n",
        "own.rule: a part can never hold: something is so and not so at once",
    ),
    (
        "above-and-below",
        'condition = {all = [{above = {point = "battery", limit = 20}}, {below = {point = "battery", limit = 15}}]}\n',
        "own.rule: a part can never hold: battery is above 20 and below 15 at once",
    ),
    (
        "in-a-count",
        f"condition = {{count = {{of = {{all = [{SMOKE}, {{not = {SMOKE}}}]}}, times = 2, within = \"1h\"}}}}\n",
        "own.rule: a part can never hold",
    ),
    (
        "clock-alone",
        'condition = {schedule = {from = "22:00", to = "06:00"}}\n',
        "own.rule: the condition is a schedule",
    ),
    (
        "not-by-day",
        'condition = {not = {schedule = {from = "22:00", to = "06:00"}}}\n',
        "own.rule: the condition is a schedule and nothing else",
    ),
    (
        "many-devices",
        f'condition = {{count = {{of = {SMOKE}, devices = 5, within = "1m"}}}}\nper = "zone"\n'
        'select = {kinds = ["smoke"]}\n',
        "own.rule: counts 5 devices, and no zone has more than 1 that the rule selects",
    ),
]


@pytest.mark.parametrize(("rule", "words"), [pytest.param(*rest, id=name) for name, *rest in ODD])
def test_an_odd_rule_is_told(tmp_path: Path, rule: str, words: str) -> None:
    site = changed(SITE, 'address = "smoke-1"\n', 'address = "smoke-1"\ntags = ["bathroom"]\n') + (
        DOOR_DEVICE + 'tags = ["exit"]\n'
    )
    found = told(tmp_path, rule, site)
    assert any(one.startswith(words) for one in found), found


FIRE_HEAD = HEAD.replace("supervisory", "fire") + "latch = true\n"
QUIET = SMOKE.replace("true", "false")


@pytest.mark.parametrize(
    "condition",
    [QUIET, f"{{not = {SMOKE}}}", f"{{any = [{SMOKE}, {QUIET}]}}", f"{{not = {{not = {QUIET}}}}}"],
    ids=["false", "not-true", "one-of-two", "twice-not"],
)
def test_a_fire_that_is_raised_by_a_quiet_detector_is_told(tmp_path: Path, condition: str) -> None:
    (tmp_path / "own.toml").write_text(f"{FIRE_HEAD}condition = {condition}\n", "utf-8")
    found = check(write(tmp_path, f'packs = ["fire", "own.toml"]\n{MAIN}', SITE), {})
    words = "a fire alarm is raised while smoke.alarm is false, which is how it should be"
    assert [fault.problem for fault in found if fault.problem == words] == [words]
    assert all(fault.warning for fault in found)


GOOD = [
    ("double-negation", f"condition = {{not = {{not = {SMOKE}}}}}\n"),
    (
        "between",
        'condition = {all = [{above = {point = "battery", limit = 10}}, {below = {point = "battery", limit = 15}}]}\n',
    ),
    ("two-of-a-place", f'condition = {{all = [{SMOKE}, {{not = {SMOKE}}}]}}\nper = "zone"\n'),
    ("one-lately", f'condition = {{count = {{of = {SMOKE}, devices = 1, within = "1h"}}}}\nper = "zone"\n'),
    ("two-kinds-of-a-place", f'condition = {{all = [{SMOKE}, {DOOR}]}}\nper = "zone"\n'),
    ("one-of-several", f'condition = {{any = [{SMOKE}, {{equals = {{point = "motion", value = true}}}}]}}\n'),
    ("weekdays", f'condition = {{all = [{SMOKE}, {{schedule = {{days = ["mon"]}}}}]}}\n'),
    ("explained-by-the-gateway", f'condition = {SMOKE}\nsuppressed_by = ["gateway.link"]\n'),
    ("sequence", f'condition = {{sequence = {{first = {SMOKE}, then = {DOOR}, within = "1m"}}}}\nper = "zone"\n'),
    ("count", f'condition = {{count = {{of = {SMOKE}, times = 3, within = "1h"}}}}\n'),
]


@pytest.mark.parametrize("rule", [pytest.param(rule, id=name) for name, rule in GOOD])
def test_a_good_rule_is_not(tmp_path: Path, rule: str) -> None:
    assert told(tmp_path, rule, SITE + DOOR_DEVICE) == []


def test_a_tag_that_no_rule_asks_for_is_told(tmp_path: Path) -> None:
    found = told(tmp_path, f"condition = {SMOKE}\n", SITE + DOOR_DEVICE + 'tags = ["exits"]\n')
    assert found == ["device door-1: no rule asks for the tag 'exits'. Did you mean 'exit'?"]


def test_a_fall_detector_that_stands_in_no_room_is_told(tmp_path: Path) -> None:
    fall = DOOR_DEVICE.replace("door", "fall").replace("Door", "Fall")
    found = told(tmp_path, f"condition = {SMOKE}\n", SITE + fall)
    assert found == ['device fall-1: stands in no room, so that person.fall_still cannot see it. Write room = "…"']
    assert told(tmp_path, f"condition = {SMOKE}\n", SITE + fall + 'room = "204"\n') == []
