"""The shipped scenarios, one test each, and what makes them worth something: every planted fault of a rule is seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.check import scenario_home
from gateway.load import SHIPPED_PACKS, Pack, examine
from rules.alarm import Alarm
from rules.condition import (
    Above,
    AllOf,
    AnyOf,
    Below,
    Condition,
    Count,
    Equals,
    Not,
    Rising,
    Schedule,
    Sequence,
    Silent,
    parts_of,
    points_of,
)
from rules.effects import AlarmChanged, AnyEffect, Change, Notify
from rules.engine import Engine
from rules.inputs import AnyInput
from rules.rule import Per, Rule
from rules.scenario import run_scenario
from rules.scenario_text import Scenario, Spoke, read_scenarios
from tests.configuration_world import write


def shipped(tmp_path: Path) -> tuple[Pack, ...]:
    configuration, faults = examine(write(tmp_path), {})
    assert configuration is not None, [str(fault) for fault in faults]
    return configuration.packs


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pack, ...]:
    return shipped(tmp_path_factory.mktemp("configuration"))


@pytest.fixture(scope="module")
def rules(packs: tuple[Pack, ...]) -> tuple[Rule, ...]:
    return tuple(rule for pack in packs for rule in pack.rules)


@pytest.fixture(scope="module")
def home():
    return scenario_home()


def _texts() -> Iterator[tuple[str, str]]:
    from importlib import resources

    for pack in SHIPPED_PACKS:
        yield pack, (resources.files("rules.packs") / f"{pack}.scenario").read_text("utf-8")


SCENARIOS: list[Scenario] = []
READ_FAULTS: list[str] = []
for _pack, _text in _texts():
    _scenarios, _faults = read_scenarios(_text, f"{_pack}.scenario")
    SCENARIOS += _scenarios
    READ_FAULTS += [str(fault) for fault in _faults]


def test_every_line_of_the_shipped_scenarios_is_understood() -> None:
    assert READ_FAULTS == []
    assert len(SCENARIOS) >= 90


@pytest.mark.parametrize("scenario", [pytest.param(one, id=f"{one.file}-{one.name}") for one in SCENARIOS])
def test_shipped_scenario(scenario: Scenario, home, rules: tuple[Rule, ...]) -> None:
    """Played with the rules of all packs in force: nothing of another pack may interfere."""
    assert run_scenario(scenario, home, rules) == []


def test_every_rule_has_a_scenario_that_raises_it_and_one_that_must_not(rules: tuple[Rule, ...]) -> None:
    without: list[str] = []
    for rule in rules:
        if not any(rule.id in scenario.raises for scenario in SCENARIOS):
            without.append(f"nothing raises {rule.id}")
        if not any(rule.id in scenario.never and _touches(scenario, rule) for scenario in SCENARIOS):
            without.append(f"nothing shows when {rule.id} must not be raised")
    assert without == []


def _touches(scenario: Scenario, rule: Rule) -> bool:
    """Whether a scenario gives the rule anything to decide about."""
    points = set(points_of(rule.condition))
    said = {point for event in scenario.events if isinstance(event, Spoke) for point, _ in event.values}
    return bool(points & said) or Silent.SILENT_POINT in points


# Planted faults: a rule changed in one place must make a scenario fail.


def _mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    second = timedelta(seconds=1)
    yield "later", replace(rule, raise_after=rule.raise_after + second)
    if rule.raise_after:
        yield "sooner", replace(rule, raise_after=rule.raise_after - second)
    yield "clears-later", replace(rule, clear_after=rule.clear_after + second)
    if rule.clear_after:
        yield "clears-sooner", replace(rule, clear_after=rule.clear_after - second)
    yield "latch", replace(rule, latch=not rule.latch)
    yield "opposite", replace(rule, condition=Not(of=rule.condition))
    match rule.condition:
        case Above(limit=limit, clear=clear) | Below(limit=limit, clear=clear):
            sign = 1 if isinstance(rule.condition, Above) else -1
            yield (
                "limit-easier",
                replace(rule, condition=replace(rule.condition, limit=limit - sign * abs(limit) * 0.001)),
            )
            yield (
                "limit-doubled",
                replace(rule, condition=replace(rule.condition, limit=limit + sign * abs(limit) * 0.9)),
            )
            yield "no-hysteresis", replace(rule, condition=replace(rule.condition, clear=None))
            if clear is not None:
                lower = replace(rule.condition, clear=clear - sign * abs(clear) * 0.99)
                yield "clear-unreachable", replace(rule, condition=lower)
        case Rising(by=by):
            yield "rise-smaller", replace(rule, condition=replace(rule.condition, by=by * 0.98))
            yield "rise-larger", replace(rule, condition=replace(rule.condition, by=by * 1.02))
            yield "no-hysteresis", replace(rule, condition=replace(rule.condition, clear=None))
            yield "window-halved", replace(rule, condition=replace(rule.condition, within=rule.condition.within / 2))
        case Equals(point=point):
            other = "heat.alarm" if point != "heat.alarm" else "smoke.alarm"
            yield "other-point", replace(rule, condition=replace(rule.condition, point=other))
    for path, part in _inner(rule.condition):
        for name, changed in _part_mutants(part):
            yield f"{path}-{name}", replace(rule, condition=_with(rule.condition, part, changed))
    if rule.per is not Per.DEVICE:
        yield "per-circuit", replace(rule, per=Per.CIRCUIT)
    if rule.select.tags:
        yield "other-tag", replace(rule, select=replace(rule.select, tags=("quiet",)))


def _inner(condition: Condition) -> Iterator[tuple[str, Condition]]:
    for place, part in enumerate(parts_of(condition)):
        if isinstance(part, (Count, Sequence, Schedule)):
            yield f"{place}-{type(part).__name__.lower()}", part


def _part_mutants(part: Condition) -> Iterator[tuple[str, Condition]]:
    second = timedelta(seconds=1)
    match part:
        case Count():
            if part.within:
                yield "longer", replace(part, within=part.within + second)
                yield "shorter", replace(part, within=part.within - second)
            if part.times:
                yield "once-more", replace(part, times=part.times + 1)
                if part.times > 1:
                    yield "once-less", replace(part, times=part.times - 1)
            if part.every:
                yield "one-is-enough", replace(part, every=False, devices=1)
        case Sequence():
            yield "longer", replace(part, within=part.within + second)
            yield "shorter", replace(part, within=part.within - second)
            yield "turned-round", replace(part, first=part.then, then=part.first)
            yield "other-way", replace(part, absent=not part.absent)
        case Schedule():
            yield "begins-later", replace(part, begins=part.begins + 1)
            yield "ends-sooner", replace(part, ends=part.ends - 1)
            yield "by-day", replace(part, begins=part.ends, ends=part.begins)


def _with(condition: Condition, part: Condition, changed: Condition) -> Condition:
    """The condition with one part of it changed."""
    if condition is part:
        return changed
    match condition:
        case AllOf() | AnyOf():
            return replace(condition, of=tuple(_with(one, part, changed) for one in condition.of))
        case Not() | Count():
            return replace(condition, of=_with(condition.of, part, changed))
        case _:
            return condition


def _all_mutants() -> list[object]:
    import tomllib
    from importlib import resources

    from rules.parse import parse_rules

    found = []
    for pack in SHIPPED_PACKS:
        text = (resources.files("rules.packs") / f"{pack}.toml").read_text("utf-8")
        for rule in parse_rules(tomllib.loads(text))[0]:
            found += [pytest.param(rule, mutant, id=f"{rule.id}-{name}") for name, mutant in _mutants(rule)]
    return found


@pytest.mark.parametrize(("rule", "mutant"), _all_mutants())
def test_a_changed_rule_fails_a_scenario(rule: Rule, mutant: Rule, home, rules: tuple[Rule, ...]) -> None:
    changed = tuple(mutant if one.id == rule.id else one for one in rules)
    about = [one for one in SCENARIOS if rule.id in one.rules]
    assert any(run_scenario(one, home, changed) for one in about)


# The runner itself: what an engine does wrong is told with file, scenario and line.

SMOKE = """scenario smoke
watch calls
02:14:00 smoke-204 smoke.alarm = true
expect 02:14:00 raised fire.smoke on smoke-204
expect 02:14:00 call to carer-chen
expect 02:14:00 call to carer-li
expect nothing until 02:14:09
"""


class Faulty:
    """An engine that changes the effects of a real one."""

    def __init__(self, home: str) -> None:
        self._engine = Engine(home)

    @property
    def alarms(self) -> dict[str, Alarm]:
        return self._engine.alarms

    def next_deadline(self) -> datetime | None:
        return self._engine.next_deadline()

    def step(self, happened: AnyInput, /) -> tuple[AnyEffect, ...]:
        return self.change(self._engine.step(happened))

    def change(self, effects: tuple[AnyEffect, ...]) -> tuple[AnyEffect, ...]:
        return effects


class Deaf(Faulty):
    def change(self, effects: tuple[AnyEffect, ...]) -> tuple[AnyEffect, ...]:
        return tuple(effect for effect in effects if not isinstance(effect, AlarmChanged))


class Late(Faulty):
    def change(self, effects: tuple[AnyEffect, ...]) -> tuple[AnyEffect, ...]:
        return tuple(replace(effect, at=effect.at + timedelta(seconds=1)) for effect in effects)


class Twice(Faulty):
    def change(self, effects: tuple[AnyEffect, ...]) -> tuple[AnyEffect, ...]:
        return tuple(effect for effect in effects for _ in range(2 if isinstance(effect, Notify) else 1))


class WrongDevice(Faulty):
    def change(self, effects: tuple[AnyEffect, ...]) -> tuple[AnyEffect, ...]:
        return tuple(
            replace(effect, alarm=replace(effect.alarm, subject="smoke-205"))
            if isinstance(effect, AlarmChanged)
            else effect
            for effect in effects
        )


class Talkative(Faulty):
    def change(self, effects: tuple[AnyEffect, ...]) -> tuple[AnyEffect, ...]:
        more = [replace(one, change=Change.REPEATED) for one in effects if isinstance(one, AlarmChanged)]
        return (*effects, *more)


class StuckEngine(Faulty):
    def next_deadline(self) -> datetime | None:
        return datetime.fromisoformat("2026-03-02T02:14:00+08:00")


WRONG = [
    (Deaf, "line 4: expected 02:14:00 raised fire.smoke on smoke-204; the nearest that happened is 02:14:00 call"),
    (Late, "line 4: expected 02:14:00 raised fire.smoke on smoke-204; the nearest that happened is 02:14:01 raised"),
    (Twice, "line 1: nobody expected 02:14:00 call to carer-chen"),
    (WrongDevice, "line 1: nobody expected 02:14:00 raised fire.smoke on smoke-205"),
    (Talkative, "line 1: nobody expected 02:14:00 repeated fire.smoke on smoke-204"),
    (StuckEngine, "the engine's deadline 02:14:00 is always due again"),
]


@pytest.mark.parametrize(("engine", "words"), WRONG, ids=[engine.__name__ for engine, _ in WRONG])
def test_what_an_engine_does_wrong_is_told(engine: type[Faulty], words: str, home, rules: tuple[Rule, ...]) -> None:
    scenarios, faults = read_scenarios(SMOKE, "smoke.scenario")
    assert faults == []
    assert run_scenario(scenarios[0], home, rules) == []
    failures = run_scenario(scenarios[0], home, rules, engine)
    assert any(words in failure for failure in failures), failures
    assert all(failure.startswith("smoke.scenario: scenario 'smoke', ") for failure in failures)


FALSE_CLAIMS = [
    (
        "nothing-until",
        "expect nothing until 02:14:09",
        "expect nothing until 02:14:31",
        "line 7: expected nothing until",
    ),
    ("never", "expect nothing until 02:14:09", "never fire.smoke", "line 7: fire.smoke must never be raised here"),
    ("person", "call to carer-li", "call to carer-sun", "line 6: no person 'carer-sun'"),
    ("device", "smoke-204 smoke.alarm", "smoke-999 smoke.alarm", "line 3: no device 'smoke-999'"),
    ("rule", "raised fire.smoke", "raised fire.smoks", "line 4: no rule 'fire.smoks'"),
    (
        "act",
        "expect nothing until 02:14:09",
        "02:14:05 carer-li acknowledges fire.heat on smoke-204",
        "line 7: fire.heat on smoke-204 is not open at 02:14:05, so that carer-li cannot act on it",
    ),
]


@pytest.mark.parametrize(("old", "new", "words"), [pytest.param(*rest, id=name) for name, *rest in FALSE_CLAIMS])
def test_a_false_claim_of_a_scenario_is_told(old: str, new: str, words: str, home, rules: tuple[Rule, ...]) -> None:
    assert SMOKE.count(old) == 1
    scenarios, faults = read_scenarios(SMOKE.replace(old, new), "smoke.scenario")
    assert faults == []
    failures = run_scenario(scenarios[0], home, rules)
    assert any(words in failure for failure in failures), failures


UNREAD = [
    ("before", "02:00 smoke-204 smoke.alarm = true", "line 1: no scenario has begun"),
    ("nonsense", "scenario x\nsmoke-204 burns", "line 2: nobody understands 'smoke-204 burns'"),
    ("time", "scenario x\n25:00 smoke-204 smoke.alarm = true", "line 2: '25:00' is not a time of day"),
    ("order", "scenario x\n02:00 a smoke.alarm = true\n01:00 a smoke.alarm = true", "line 3: '01:00' is before"),
    ("point", "scenario x\n02:00 a smok = true", "line 2: unknown point 'smok'"),
    ("state", "scenario x\n02:00 a smoke.alarm = 1", "line 2: '1' is not a value of smoke.alarm"),
    ("number", "scenario x\n02:00 a battery = low", "line 2: 'low' is not a value of battery"),
    ("nan", "scenario x\n02:00 a battery = nan", "line 2: 'nan' is not a value of battery"),
    ("expect", "scenario x\nexpect 02:00 burned fire.smoke on a", "line 2: nobody understands 'expect 02:00 burned"),
    ("calls", "scenario x\nexpect 02:00 call to carer", "line 2: calls are not watched in this scenario"),
    ("with", "scenario x\nwith a silence_limit = soon", "line 2: nobody understands 'a silence_limit = soon'"),
    ("day", "scenario x\nday 3", "line 2: day '3' does not come next"),
    ("date", "scenario x\non Monday", "line 2: 'Monday' is not a date"),
    ("late-date", "scenario x\n02:00 a smoke.alarm = true\non 2026-10-01", "line 3: the date comes first"),
    ("incidents", "scenario x\nexpect 02:00 confirmed fire in ward", "line 2: incidents are not watched"),
    ("watch", "scenario x\nwatch sounders", "line 2: cannot watch 'sounders'"),
    ("twice", "scenario x\nnever a\nscenario x\nnever a", "line 3: scenario 'x' already stands in line 1"),
    ("empty", "scenario x\n02:00 a smoke.alarm = true", "line 1: scenario 'x' expects nothing, so that it cannot fail"),
    ("checked", "scenario x\n02:00 p resets r on a (looked)", "line 2: nobody understands '(looked)'"),
]


@pytest.mark.parametrize(("text", "words"), [pytest.param(*rest, id=name) for name, *rest in UNREAD])
def test_a_line_that_nobody_understands_is_told(text: str, words: str) -> None:
    _, faults = read_scenarios(text, "f.scenario")
    assert any(str(fault).startswith(f"f.scenario: {words}") for fault in faults), [str(fault) for fault in faults]


def test_a_scenario_goes_on_over_midnight(home, rules: tuple[Rule, ...]) -> None:
    text = """scenario night
with smoke-204 silence_limit = 2m
23:59:00 smoke-204 smoke.alarm = false
day 2
expect 00:01:00 raised supervision.silent on smoke-204
"""
    scenarios, faults = read_scenarios(text, "night.scenario")
    assert faults == []
    assert run_scenario(scenarios[0], home, rules) == []
