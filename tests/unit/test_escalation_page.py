"""docs/escalation.md says what the stated plans say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import escalation_page
from gateway.escalation_page import page
from rules.alarm import Category
from rules.site import Plan, PlanStep

PAGE = Path(__file__).resolve().parents[2] / "docs" / "escalation.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m gateway.escalation_page docs/escalation.md"


def test_it_shows_the_chains_with_their_times() -> None:
    text = page()
    assert 'H2["30 s<br>护理员 / carers<br>院长 / director"]' in text
    assert 'C2["2 min<br>消防安全指导队伍 / guidance team"]' in text
    assert 'C3 -- "再次 / again: 60 s" --> C3' in text


def test_plans_that_are_shown_together_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    real = escalation_page.default_plan

    def changed(category: Category, people: object) -> Plan:
        plan = real(category, people)  # type: ignore[arg-type]
        return Plan(category=category, steps=(PlanStep(tell=("x",)),)) if category is Category.GAS else plan

    monkeypatch.setattr(escalation_page, "default_plan", changed)
    with pytest.raises(ValueError, match="are not the same any more"):
        page()
