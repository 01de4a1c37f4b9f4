"""Thirty simulated days, one a seed; more with `python -m tests.world.run --seeds N`."""

from __future__ import annotations

import pytest

from rules.alarms import Alarms
from rules.effects import AnyEffect, DrillChanged, IncidentChanged, SuppressionChanged, WalkTestChanged
from tests.world.home import Broken, SimulatedDay
from tests.world.run import main


@pytest.mark.parametrize("seed", range(30))
def test_a_day(seed: int) -> None:
    day = SimulatedDay(seed)
    day.run()
    assert len(day.journal) > 400


def test_a_seed_plays_the_same_day_again() -> None:
    first, second = SimulatedDay(3), SimulatedDay(3)
    first.run()
    second.run()
    assert first.journal == second.journal


def test_a_broken_engine_is_seen_and_the_seed_printed(monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(Alarms, "trip", lambda *_: None)
    with pytest.raises(Broken, match="swallowed"):
        SimulatedDay(1).run()
    assert main(["--seeds", "1", "--first", "1"]) == 1
    assert "--seeds 1 --first 1" in capsys.readouterr().out


def test_people_ask_for_everything_and_much_of_it_takes_effect() -> None:
    held = ("maintenance", "shelved", "out_of_service")
    wanted = {f"{what}.{change}" for what in held for change in ("began", "ended")}
    wanted |= {"walk_test.started", "walk_test.armed", "walk_test.ended", "drill.started", "drill.ended"}
    wanted |= {"incident.verdict", "incident.support"}
    for seed in range(60):
        day = SimulatedDay(seed)
        day.run()
        wanted -= {_name(effect) for _, effects in day.journal for effect in effects}
        if not wanted:
            break
    assert not wanted


def _name(effect: AnyEffect) -> str:
    match effect:
        case SuppressionChanged():
            return f"{'maintenance' if effect.mode else effect.kind.value}.{effect.change}"
        case WalkTestChanged():
            return f"walk_test.{effect.change}"
        case DrillChanged():
            return f"drill.{effect.change}"
        case IncidentChanged():
            return f"incident.{effect.change}"
        case _:
            return ""
