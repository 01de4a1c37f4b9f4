"""docs/alarm-states.md says what the table of transitions says."""

from __future__ import annotations

from pathlib import Path

from gateway.alarm_states_page import page
from rules.lifecycle import TABLE, Phase

PAGE = Path(__file__).resolve().parents[2] / "docs" / "alarm-states.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m gateway.alarm_states_page docs/alarm-states.md"


def test_every_change_of_state_is_an_arrow_and_every_refusal_a_cell() -> None:
    text = page()
    moves = [(phase, target) for phase, moves in TABLE.items() for target in moves.values()]
    changes = {(phase, target) for phase, target in moves if isinstance(target, Phase)}
    for phase, target in changes:
        if target is not phase:
            end = "[*]" if target is Phase.CLOSED else target.name
            assert f"    {phase.name} --> {end} : " in text
    refusals = {target for moves in TABLE.values() for target in moves.values() if isinstance(target, str)}
    assert refusals and all(f"✗ {refusal} |" in text for refusal in refusals)
