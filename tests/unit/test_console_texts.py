"""Every word in both languages, and no page that asks for a word there is not."""

from __future__ import annotations

import re
import string

import pytest

from gateway.console.render import HERE, ICONS
from gateway.console.texts import EVENTS, PURPOSES, REASONS, TEXTS, WORDS
from gateway.console.texts_inside import NUMBERS, OUTCOMES, PATTERNS
from gateway.metrics import COUNTERS, GAUGES
from rules.alarm import Category, State
from rules.effects import Pattern
from rules.inputs import Outcome, Verb
from rules.lifecycle import TABLE
from rules.site import ResidentClass

TEMPLATES = sorted((HERE / "templates").glob("*.html"))
SOURCES = sorted(HERE.glob("*.py"))
KEY = re.compile(
    r"""(?:\bt|\bother|\bwords|visit\.words)\(\s*'([a-z_.]+)'|(?:\bwords|visit\.words)\(\s*"([a-z_.]+)\""""
)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("key", sorted({**TEXTS, **EVENTS, **PURPOSES}))
def test_a_text_is_there_in_both_languages(key: str) -> None:
    chinese, english = {**TEXTS, **EVENTS, **PURPOSES}[key]
    assert chinese.strip() and english.strip()
    assert fields(chinese) == fields(english)
    if key not in ("nav.language",):
        assert re.search(r"[一-鿿]", chinese), "the Chinese text holds no Chinese"
        assert not re.search(r"[一-鿿]", english), "the English text holds Chinese"


@pytest.mark.parametrize("path", TEMPLATES + SOURCES, ids=lambda path: path.name)
def test_every_key_in_use_is_known(path) -> None:
    text = path.read_text(encoding="utf-8")
    used = {first or second for first, second in KEY.findall(text)}
    assert not {key for key in used if not key.endswith(".") and key not in TEXTS}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_words_of_their_own(path) -> None:
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\{% block body_class %\}[a-z-]+\{% endblock %\}", "", text)
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", text, flags=re.S)
    assert re.sub(r"[\s·:,—+!?✓✕()]|安", "", text) == ""


@pytest.mark.parametrize(
    "prefix, names",
    [
        ("category.", [each.value for each in Category]),
        ("state.", [each.value for each in State]),
        ("verb.", [each.value for each in Verb]),
        ("done.", [each.value for each in Verb]),
        ("residents.", [each.value for each in ResidentClass if each is not ResidentClass.NONE]),
    ],
)
def test_every_member_has_its_word(prefix: str, names: list[str]) -> None:
    assert not [name for name in names if prefix + name not in TEXTS]


def test_the_words_of_a_fire_panel() -> None:
    chinese = WORDS["zh"]
    order = [chinese(f"category.{each.value}") for each in Category]
    assert order == ["火警", "燃气", "人员", "电气", "监管", "故障", "视频"]
    assert [chinese(f"lamp.{name}") for name in ("suppressed", "testing", "feedback")] == ["屏蔽", "自检", "反馈"]
    assert [chinese(f"verb.{each.value}") for each in Verb] == ["消音", "确认", "复核", "复位"]
    assert set(ICONS) == set(Category)


def test_every_reason_of_the_lifecycle_has_chinese_words() -> None:
    reasons = {target for moves in TABLE.values() for target in moves.values() if isinstance(target, str)}
    assert reasons
    assert not {reason for reason in reasons if reason not in REASONS}


@pytest.mark.parametrize(
    "seconds, chinese, english",
    [
        (-3, "0秒", "0 s"),
        (0, "0秒", "0 s"),
        (59.9, "59秒", "59 s"),
        (192, "3分12秒", "3 min 12 s"),
        (600, "10分00秒", "10 min 00 s"),
        (18180, "5小时03分", "5 h 03 min"),
        (187200, "2天4小时", "2 d 4 h"),
    ],
)
def test_an_age_in_words(seconds: float, chinese: str, english: str) -> None:
    assert (WORDS["zh"].age(seconds), WORDS["en"].age(seconds)) == (chinese, english)


@pytest.mark.parametrize(
    ("name", "chinese"),
    [
        ("broker:demo", "消息服务器 demo"),
        ("link:disk", "磁盘"),
        ("centre:a:b", "上级监控中心 a:b"),
        ("new:x", "new:x"),
    ],
)
def test_a_link_in_words(name: str, chinese: str) -> None:
    assert (WORDS["zh"].link(name), WORDS["en"].link(name)) == (chinese, name)


def test_outcomes_sounds_and_counters_have_words() -> None:
    assert set(OUTCOMES) == {each.value for each in Outcome}
    assert set(PATTERNS) == {each.value for each in Pattern}
    assert set(NUMBERS) == {*COUNTERS, *GAUGES}


def test_an_unknown_key_is_a_fault() -> None:
    with pytest.raises(KeyError):
        WORDS["zh"]("no.such.key")
