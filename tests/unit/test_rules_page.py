"""docs/rules.md says what the parser takes: every example is read, every condition and field is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from gateway.load import SHIPPED_PACKS
from rules.holidays import YEARS
from rules.parse import CONDITIONS, parse_rules
from rules.rule import Rule
from rules.scenario_text import read_scenarios

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text("utf-8")
SMOKE = '{equals = {point = "smoke.alarm", value = true}}'
EXAMPLES = [text for text in re.findall(r"`(\{\w+ = .*?\})`", PAGE) if "[…]" not in text and "not = …" not in text]


def test_the_whole_rule_of_the_page_is_read() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert parse_rules(tomllib.loads(text))[1] == []


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: re.sub(r"\W+", "-", text)[:40])
def test_an_example_is_read(text: str) -> None:
    per = 'per = "zone"\n' if "devices =" in text else ""
    head = '[[rule]]\nid = "x"\ntitle = "规则"\ncategory = "trouble"\n'
    assert parse_rules(tomllib.loads(f"{head}{per}condition = {text.replace('…', SMOKE)}\n"))[1] == []


def test_every_condition_field_pack_and_year_stands_in_the_page() -> None:
    said = set(re.findall(r"`(\w+)`", PAGE)) | {word for text in re.findall(r"`\{(\w+) = ", PAGE) for word in [text]}
    assert set(CONDITIONS) - said == set()
    assert {field.name for field in msgspec.structs.fields(Rule)} - said == set()
    assert set(SHIPPED_PACKS) - said == set()
    assert all(str(year) in PAGE for year in YEARS)


def test_the_scenario_of_the_page_is_understood() -> None:
    (text,) = re.findall(r"```\n(scenario .*?)```", PAGE, re.DOTALL)
    assert read_scenarios(text, "page")[1] == []
