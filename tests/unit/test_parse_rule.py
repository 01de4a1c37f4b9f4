"""Rule packs: what is read, and that every fault is found with its path and how to mend it."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest

from rules.alarm import Category
from rules.condition import Above, AllOf, AnyOf, Below, Equals, Not, Silent, Unknown
from rules.parse import SelectNames, parse_rules

HEAD = '[[rule]]\nid = "own.rule"\ntitle = {zh = "规则", en = "Rule"}\ncategory = "supervisory"\n'
SMOKE = '{equals = {point = "smoke.alarm", value = true}}'


def told(text: str, names: SelectNames | None = None) -> list[str]:
    return [str(fault) for fault in parse_rules(tomllib.loads(text), names)[1]]


def only_rule(text: str):
    rules, faults = parse_rules(tomllib.loads(text))
    assert faults == []
    return rules[0]


def test_a_whole_rule_is_read() -> None:
    rule = only_rule(
        '[[rule]]\nid = "fire.smoke"\ntitle = {zh = "烟", en = "Smoke"}\ncategory = "fire"\npriority = 2\n'
        'select = {kinds = ["smoke"], zones = ["ward"], devices = ["smoke-1"]}\n'
        f"condition = {SMOKE}\n"
        'raise_after = "2s"\nclear_after = "1m30s"\nlatch = true\nprocedure = {zh = "去看"}\nsource = "GB"\n'
    )
    assert (rule.id, rule.category, rule.priority, rule.latch) == ("fire.smoke", Category.FIRE, 2, True)
    assert (rule.title.zh, rule.title.en, rule.procedure.en) == ("烟", "Smoke", "")
    assert (rule.select.kinds, rule.select.zones, rule.select.devices) == (("smoke",), ("ward",), ("smoke-1",))
    assert (rule.raise_after, rule.clear_after) == (timedelta(seconds=2), timedelta(seconds=90))
    assert rule.condition == Equals(point="smoke.alarm", value=True)


CONDITIONS = [
    pytest.param(SMOKE, Equals(point="smoke.alarm", value=True), id="equals"),
    pytest.param(
        '{equals = {point = "online", value = false, unknown = "trip"}}',
        Equals(point="online", value=False, unknown=Unknown.TRIP),
        id="equals-unknown",
    ),
    pytest.param(
        '{equals = {point = "button", value = "single"}}', Equals(point="button", value="single"), id="equals-text"
    ),
    pytest.param(
        '{above = {point = "current.residual", limit = "300 mA", clear = 270}}',
        Above(point="current.residual", limit=300.0, clear=270.0),
        id="above",
    ),
    pytest.param('{below = {point = "battery", limit = 15}}', Below(point="battery", limit=15.0), id="below"),
    pytest.param(
        '{above = {point = "cable_temp.3", limit = "60 °C"}}', Above(point="cable_temp.3", limit=60.0), id="numbered"
    ),
    pytest.param("{silent = {}}", Silent(), id="silent"),
    pytest.param(f"{{not = {SMOKE}}}", Not(of=Equals(point="smoke.alarm", value=True)), id="not"),
    pytest.param(
        f"{{all = [{SMOKE}, {{silent = {{}}}}]}}",
        AllOf(of=(Equals(point="smoke.alarm", value=True), Silent())),
        id="all",
    ),
    pytest.param(
        f"{{any = [{{silent = {{}}}}, {SMOKE}]}}",
        AnyOf(of=(Silent(), Equals(point="smoke.alarm", value=True))),
        id="any",
    ),
]


@pytest.mark.parametrize(("text", "condition"), CONDITIONS)
def test_a_condition_is_read(text: str, condition: object) -> None:
    assert only_rule(f"{HEAD}condition = {text}\n").condition == condition


FAULTS = [
    ("unknown-point", '{equals = {point = "smok.alarm", value = true}}', "condition.equals.point", "'smoke.alarm'"),
    (
        "number-out-of-catalogue",
        '{above = {point = "cable_temp.65", limit = 1}}',
        "condition.above.point",
        "unknown point",
    ),
    ("state-above", '{above = {point = "smoke.alarm", limit = 1}}', "condition.above.point", "Use equals"),
    ("level-equals", '{equals = {point = "battery", value = 15}}', "condition.equals.point", "Use above or below"),
    ("number-for-state", '{equals = {point = "online", value = 1}}', "condition.equals.value", "cannot be a value"),
    ("value-missing", '{equals = {point = "online"}}', "condition.equals.value", "is missing"),
    ("clear-above", '{above = {point = "battery", limit = 10, clear = 11}}', "condition.above.clear", "lies above"),
    ("clear-below", '{below = {point = "battery", limit = 10, clear = 9}}', "condition.below.clear", "lies below"),
    ("unit", '{above = {point = "current.residual", limit = "0.3 A"}}', "condition.above.limit", "Convert it to mA"),
    ("no-number", '{above = {point = "battery", limit = "much"}}', "condition.above.limit", "not a number"),
    ("nan", '{above = {point = "battery", limit = nan}}', "condition.above.limit", "must be a number"),
    ("limit-missing", '{above = {point = "battery"}}', "condition.above.limit", "is missing"),
    ("unknown-word", '{below = {point = "battery", limit = 1, unknown = "hol"}}', "condition.below.unknown", "'hold'"),
    ("unknown-condition", "{equal = {}}", "condition.equal", "Did you mean 'equals'?"),
    ("two-conditions", f"{{not = {SMOKE}, silent = {{}}}}", "condition", "exactly one of"),
    ("one-part", f"{{all = [{SMOKE}]}}", "condition.all", "has 1 parts"),
    ("option", '{silent = {after = "5m"}}', "condition.silent.after", "is not an option here"),
    (
        "inner",
        f'{{any = [{SMOKE}, {{equals = {{point = "x", value = true}}}}]}}',
        "condition.any[2].equals.point",
        "unknown",
    ),
    ("deep", "{not = " * 10 + "{silent = {}}" + "}" * 10, "condition" + ".not" * 8 + ".not", "deep"),
]


@pytest.mark.parametrize(("text", "path", "words"), [pytest.param(*rest, id=name) for name, *rest in FAULTS])
def test_a_faulty_condition_is_told_with_its_place(text: str, path: str, words: str) -> None:
    rules, faults = parse_rules(tomllib.loads(f"{HEAD}condition = {text}\n"))
    assert rules == ()
    assert any(f.path == f"rule[1].{path}" and words in f"{f.problem}. {f.mend}" for f in faults), told(
        f"{HEAD}condition = {text}\n"
    )


RULE_FAULTS = [
    ("no-latch", 'category = "fire"', "", "rule[1].latch: a rule of category fire must latch"),
    ("late-fire", 'category = "fire"', 'latch = true\nraise_after = "11s"', "rule[1].raise_after: a fire must"),
    ("bare-number", 'category = "trouble"', "raise_after = 60", "rule[1].raise_after: must be a duration"),
    (
        "category",
        'category = "fires"',
        "",
        "rule[1].category: unknown category 'fires' (rule own.rule). Did you mean 'fire'",
    ),
    ("priority", 'category = "trouble"', "priority = 5", "rule[1].priority: is 5"),
    (
        "option",
        'category = "trouble"',
        "latched = true",
        "rule[1].latched: is not an option here (rule own.rule). Did you mean",
    ),
    ("kind", 'category = "trouble"', 'select = {kinds = ["smokes"]}', "rule[1].select.kinds: unknown kind 'smokes'"),
    ("zone", 'category = "trouble"', 'select = {zones = ["attic"]}', "rule[1].select.zones: unknown zone 'attic'"),
]


@pytest.mark.parametrize(("category", "more", "words"), [pytest.param(*rest, id=name) for name, *rest in RULE_FAULTS])
def test_a_faulty_rule_is_told_with_its_place(category: str, more: str, words: str) -> None:
    text = f'[[rule]]\nid = "own.rule"\ntitle = "规则"\n{category}\ncondition = {SMOKE}\n{more}\n'
    found = told(text, SelectNames(kinds={"smoke"}, zones={"ward"}))
    assert len(found) == 1 and found[0].startswith(words), found


@pytest.mark.parametrize("category", ["fire", "gas", "person"])
def test_rules_of_dangers_must_latch(category: str) -> None:
    text = f'[[rule]]\nid = "x"\ntitle = "规则"\ncategory = "{category}"\ncondition = {SMOKE}\n'
    assert len(told(text)) == 1
    assert told(text + "latch = true\n") == []


@pytest.mark.parametrize(
    "rule_id", ["Fire", "fire smoke", "火", "a..b", ".a", "gateway.link", "x" * 65], ids=lambda text: text[:8]
)
def test_an_id_that_cannot_be_one_is_told(rule_id: str) -> None:
    assert told(f'[[rule]]\nid = "{rule_id}"\ntitle = "规则"\ncategory = "trouble"\ncondition = {SMOKE}\n')


def test_all_faults_of_all_rules_are_told_at_once() -> None:
    text = f'{HEAD}condition = {SMOKE}\npriority = 9\n{HEAD}raise_after = "x"\n'
    found = told(text)
    assert [one.split(":")[0] for one in found] == [
        "rule[1].priority",
        "rule[2].condition",
        "rule[2].raise_after",
        "rule[2].id",
    ]
    assert "already used by rule[1]" in found[3]


@pytest.mark.parametrize("text", ["", "rule = 3", "[[rules]]\nid = 'x'"], ids=["empty", "number", "misspelt"])
def test_a_pack_without_rules_is_a_fault(text: str) -> None:
    assert told(text)
