"""The measurements of scale measure what they say, and a restore leaves the garbage collector as it was."""

from __future__ import annotations

import gc

import pytest

from gateway.boot import engine_of
from rules.engine import Engine
from tests.bench import scale
from tests.bench.setting import AT, engine_of_rules, idle_site, said, steps


def test_many_rules_on_one_stream_are_all_asked() -> None:
    row = scale.many_rules_row(1, messages=40)
    assert (row.budget, row.unit) == (50.0, "%")
    assert 0 < row.value < 1000 and "an evaluation" in row.measured


def test_rules_that_are_not_asked_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "RULES", 3)
    real = scale.engine_of_rules
    monkeypatch.setattr(scale, "engine_of_rules", lambda site, rules: real(site, rules[:2]))
    with pytest.raises(AssertionError, match="not every rule"):
        scale.many_rules_row(1, messages=4)


def test_a_restored_home_has_every_deadline() -> None:
    row = scale.restore_row(1000, 1)
    assert row.measured.startswith("1,000 devices, 100 delayed alarms, 1,100 deadlines")
    assert 0 < row.value < 30


@pytest.mark.parametrize("collecting", [True, False])
def test_the_collector_is_as_it_was_behind_a_restore(collecting: bool) -> None:
    engine = engine_of_rules(idle_site(3), [])
    steps(engine, [said("d-1", 0)])
    was = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        assert engine_of(engine.snapshot()).now == AT
        assert gc.isenabled() is collecting
        with pytest.raises(ValueError):
            engine_of(b"nonsense")
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if was else gc.disable)()


def test_a_restore_runs_without_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    real = Engine.restore

    def restore(body: bytes) -> Engine:
        seen.append(gc.isenabled())
        return real(body)

    monkeypatch.setattr(Engine, "restore", restore)
    engine_of(Engine("h").snapshot())
    assert seen == [False]
