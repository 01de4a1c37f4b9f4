"""The JSON schemas for editors: current, accepting what is shipped, and knowing exactly the options of the parsers."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.load import kind_defaults
from gateway.schema_files import schema_texts
from rules.parse import CONDITIONS, Names, parse_rules, parse_site
from rules.parse_fields import Table
from rules.parse_people import parse_shared_people
from tests.configuration_world import SITE

ROOT = Path(__file__).resolve().parents[2]
RULES, HOME, PEOPLE = (json.loads(schema_texts()[name]) for name in ("rules.json", "site.json", "people.json"))
PACKS = sorted(path for path in (ROOT / "rules" / "packs").glob("*.toml") if path.name != "home.toml")
HOMES = [ROOT / "rules" / "packs" / "home.toml", *sorted((ROOT / "deploy" / "sites").glob("*.toml"))]


def complaints(schema: dict[str, Any], values: object) -> list[str]:
    # Editors see a day or a time of TOML as a text.
    plain = json.loads(json.dumps(values, default=str))
    return [f"{list(one.path)}: {one.message}" for one in jsonschema.Draft7Validator(schema).iter_errors(plain)]


@pytest.mark.parametrize("name", ["rules.json", "site.json", "people.json"])
def test_the_schema_is_current_and_is_one(name: str) -> None:
    text = (ROOT / "docs" / "schema" / name).read_text("utf-8")
    assert text == schema_texts()[name], "run: python -m gateway.schema_files docs/schema"
    jsonschema.Draft7Validator.check_schema(json.loads(text))


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_a_shipped_pack_fits(path: Path) -> None:
    assert complaints(RULES, tomllib.loads(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", HOMES, ids=lambda path: path.stem)
def test_a_shipped_home_fits(path: Path) -> None:
    assert complaints(HOME, tomllib.loads(path.read_text("utf-8"))) == []


SMOKE = '{equals = {point = "smoke.alarm", value = true}}'
WRONG_RULES = [
    ("misspelt", f'condition = {SMOKE}\nlatched = true', "latched"),
    ("two-conditions", f"condition = {{not = {SMOKE}, silent = {{}}}}", "condition"),
    ("unknown-condition", "condition = {equal = {}}", "equal"),
    ("unknown-point", '''condition = {equals = {point = "smok.alarm", value = true}}''', "smok.alarm"),
    ("state-as-level", '''condition = {above = {point = "smoke.alarm", limit = 1}}''', "smoke.alarm"),
    ("bare-number", f"condition = {SMOKE}\nraise_after = 60", "60 is not"),
    ("no-duration", f'condition = {SMOKE}\nraise_after = "soon"', "soon"),
    ("priority", f"condition = {SMOKE}\npriority = 5", "5 is greater"),
    ("one-device", f"condition = {{count = {{of = {SMOKE}, devices = 1}}}}", "within"),
    ("day", '''condition = {schedule = {days = ["workdays"]}}''', "workdays"),
    ("kind", f'condition = {SMOKE}\nselect = {{kinds = ["smokes"]}}', "smokes"),
]


@pytest.mark.parametrize(("text", "words"), [pytest.param(*rest, id=name) for name, *rest in WRONG_RULES])
def test_a_wrong_rule_is_marked_by_both(text: str, words: str) -> None:
    values = tomllib.loads(f'[[rule]]\nid = "x"\ntitle = "规则"\ncategory = "trouble"\n{text}\n')
    assert any(words in one for one in complaints(RULES, values)), complaints(RULES, values)
    if "smokes" not in words:
        assert parse_rules(values)[1]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "smoke"', 'kind = "smokes"', "smokes"),
        ('zone = "ward"', 'zone = "ward"\nrooms = "1"', "rooms"),
        ('id = "home-a"', 'id = "Home A"', "Home A"),
        ('role = "director"', "", "role"),
    ],
    ids=["kind", "misspelt", "id", "missing"],
)
def test_a_wrong_home_is_marked(old: str, new: str, words: str) -> None:
    assert SITE.count(old) == 1
    found = complaints(HOME, tomllib.loads(SITE.replace(old, new)))
    assert any(words in one for one in found), found


def test_the_conditions_are_those_of_the_parser() -> None:
    assert set(RULES["definitions"]["condition"]["properties"]) == set(CONDITIONS)


# The options of the schema and of the parsers, compared table by table.


def _tables(schema: dict[str, Any], path: str, root: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Path -> options, of every table in a schema; conditions once."""
    for name, one in schema.get("properties", {}).items():
        inner = one.get("items", one)
        if inner.get("type") == "object" and "properties" in inner:
            here = f"{path}.{name}".strip(".")
            yield here, set(inner["properties"])
            yield from _tables(inner, here, root)


RULE_EVERYWHERE = f"""
[[rule]]
id = "x"
title = "规则"
category = "trouble"
select = {{kinds = ["smoke"]}}
condition = {{all = [
  {SMOKE}, {{above = {{point = "battery", limit = 1, clear = 1}}}},
  {{below = {{point = "battery", limit = 1, clear = 1}}}},
  {{rising = {{point = "battery", by = 1, within = "1h", clear = 1}}}}, {{silent = {{}}}},
  {{count = {{of = {SMOKE}, times = 1, within = "1h"}}}},
  {{sequence = {{first = {SMOKE}, then = {SMOKE}, within = "1h"}}}}, {{schedule = {{days = ["mon"]}}}},
]}}
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """What the parsers ask of each table, by its path without the numbers."""
    found: dict[str, set[str]] = {}
    close = Table.close

    def noting(table: Table, fields: Collection[str] = ()) -> None:
        found.setdefault(re.sub(r"\[\d+\]", "", table.path), set()).update(table._seen | set(fields))
        close(table, fields)

    monkeypatch.setattr(Table, "close", noting)
    return found


def test_a_rule_has_the_options_that_its_parser_asks_for(asked: dict[str, set[str]]) -> None:
    _, faults = parse_rules(tomllib.loads(RULE_EVERYWHERE))
    assert faults == []
    said = dict(_tables(RULES, "", RULES))
    assert said["rule"] == asked["rule"]
    assert said["rule.select"] == asked["rule.select"]
    for name, schema in RULES["definitions"]["condition"]["properties"].items():
        if "properties" in schema:
            options = asked[f"rule.condition.all.{name}"]
            # Which of the two a sequence has, it asks by name alone.
            assert set(schema["properties"]) - {"then", "then_not"} == options - {"then", "then_not"}, name


def test_a_home_has_the_options_that_its_parser_asks_for(asked: dict[str, set[str]]) -> None:
    plan = '\n[[plan]]\ncategory = "fire"\nsteps = [{tell = ["role:carer"]}]\n'
    _, faults = parse_site(tomllib.loads(SITE + plan + ROSTER), Names(kind_defaults()))
    assert faults == []
    assert complaints(HOME, tomllib.loads(SITE + plan + ROSTER)) == []
    said = dict(_tables(HOME, "", HOME))
    for path in ("home", "zone", "device", "person", "plan", *ROSTER_TABLES):
        assert said[path] == asked[path] - {"zh", "en"}, path


ROSTER = """
[[person]]
id = "li"
name = "李"
role = "carer"
teams = ["fire"]
phones = ["+86 138 0000 0000"]
channels = [{destination = "phone", address = "9", consent = true, order = 1}]
certificates = [{type = "消防设施操作员", level = "中级", number = "1", expires_on = 2027-05-31}]
assigned_from = 2026-01-01
[[contact]]
id = "next-door"
name = "邻院"
home = "home-b"
channels = [{destination = "phone", address = "8"}]
[[post]]
id = "care"
name = "护理"
[[shift]]
id = "day"
post = "care"
groups = [["li"], []]
rotates_from = 2026-11-01
[[override]]
post = "care"
from = 2026-11-23T08:00:00
until = 2026-11-23T20:00:00
person = "li"
"""
ROSTER_TABLES = ("contact", "post", "shift", "override", "person.channels", "person.certificates")


def test_a_people_file_has_the_options_that_its_parser_asks_for(asked: dict[str, set[str]]) -> None:
    text = SHARED_PEOPLE
    _, faults = parse_shared_people(tomllib.loads(text), None, ["home-a"])
    assert faults == []
    assert complaints(PEOPLE, tomllib.loads(text)) == []
    said = dict(_tables(PEOPLE, "", PEOPLE))
    assert {path: said[path] for path in ("person", "person.homes")} == {
        path: asked[path] for path in ("person", "person.homes")
    }


SHARED_PEOPLE = """
[[person]]
id = "zhao"
name = "赵"
role = "carer"
homes = [{home = "home-a", from = 2026-01-01, until = 2026-12-31}]
"""
