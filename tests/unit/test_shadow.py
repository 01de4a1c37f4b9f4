"""The shadow: it sees what other rules would do, calls nobody, and whatever happens to it stays with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway import shadow as module
from gateway.clock import SystemClock
from gateway.load import ConfigurationFaults, load
from gateway.record.journal import SqliteRecord
from gateway.report.candidate import Candidate
from gateway.shadow import Shadow
from rules.engine import Engine
from rules.rule import Rule
from tests.backtest_world import HOME
from tests.configuration_world import MAIN, RULE, write
from tests.deliver_world import until
from tests.record_world import journal
from tests.unit.test_backtest import MORNING, RULES, raised_in, without

ENTRIES = MORNING.entries


class Live:
    """A home whose engine goes on while its shadow listens."""

    def __init__(self, record: SqliteRecord) -> None:
        self.record = record
        self.engine = Engine(HOME)
        self.done = 0

    async def go(self, upto: int) -> None:
        while self.done < upto:
            entries = ENTRIES[self.done : min(self.done + 128, upto)]
            for entry in entries:
                assert self.engine.step(entry.input) == entry.effects
            await self.record.commit(entries)
            self.done += len(entries)

    def shadow(self, rules: tuple[Rule, ...]) -> Shadow:
        return Shadow(HOME, rules, "other", self.record, lambda: self.engine, Unresting())


class Unresting(SystemClock):
    """The machine's clock, but nobody rests: the tests are in a hurry."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def beside(path: Path, rules: tuple[Rule, ...]) -> AsyncIterator[tuple[Live, Shadow]]:
    async with journal(path, streams=(HOME,)) as record:
        live = Live(record)
        await live.go(1)
        shadow = live.shadow(rules)
        task = asyncio.create_task(shadow.run())
        await until(lambda: shadow.state.began_at is not None)
        yield live, shadow
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def heard(shadow: Shadow, count: int) -> Callable[[], bool]:
    return lambda: shadow.state.entries >= count


async def test_the_same_rules_agree_with_the_live_ones(tmp_path: Path) -> None:
    async with beside(tmp_path, RULES) as (live, shadow):
        await live.go(len(ENTRIES))
        await until(heard(shadow, len(ENTRIES) - 1))
        raised = sum(len(raised_in(entry.effects)) for entry in ENTRIES)
        state = shadow.state
        assert (state.alike, state.more_count, state.fewer_count, state.faults) == (raised, 0, 0, 0)
        assert raised >= 5


async def test_what_the_other_rules_would_not_raise_is_told(tmp_path: Path) -> None:
    async with beside(tmp_path, without("fire.gas", "fire.smoke")) as (live, shadow):
        await live.go(len(ENTRIES))
        await until(heard(shadow, len(ENTRIES) - 1))
        assert {one.rule for one in shadow.state.fewer} == {"fire.gas", "fire.smoke"}
        assert shadow.state.fewer_count == 3
        assert shadow.state.more_count == 0


async def test_it_asks_for_nothing_and_changes_nothing(tmp_path: Path) -> None:
    async with beside(tmp_path, without("fire.gas")) as (live, shadow):
        await live.go(len(ENTRIES))
        await until(heard(shadow, len(ENTRIES) - 1))
        assert live.record.head(HOME) == len(ENTRIES)
        assert await live.record.read(HOME, len(ENTRIES) - 1) == ENTRIES[-1:]
        alone = Engine(HOME)
        for entry in ENTRIES:
            alone.step(entry.input)
        assert live.engine.snapshot() == alone.snapshot()


async def test_a_fault_of_the_shadow_is_harmless_and_it_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Candidate.take
    broken = {500}

    def take(self: Candidate, entry: object) -> object:
        if getattr(entry, "seq", 0) in broken:
            broken.clear()
            raise ZeroDivisionError("planted")
        return real(self, entry)  # type: ignore[arg-type]

    monkeypatch.setattr(Candidate, "take", take)
    async with beside(tmp_path, RULES) as (live, shadow):
        await live.go(2000)
        await until(lambda: shadow.state.faults == 1)
        assert shadow.state.fault == "ZeroDivisionError: planted"
        await until(lambda: (shadow.state.began_at or ENTRIES[0].at) > ENTRIES[0].at)
        before = shadow.state.entries
        await live.go(len(ENTRIES))
        await until(heard(shadow, before + len(ENTRIES) - 2000))
        assert (shadow.state.more_count, shadow.state.fewer_count) == (0, 0)


async def test_one_that_is_too_far_behind_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEHIND_MAX", 300)
    async with beside(tmp_path, RULES) as (live, shadow):
        entries = ENTRIES[1:1001]
        for entry in entries:
            live.engine.step(entry.input)
        await live.record.commit(entries)
        live.done = 1001
        await until(lambda: shadow.state.skipped == 1000)
        await live.go(1100)
        await until(heard(shadow, 99))
        assert shadow.state.faults == 0


def test_the_packs_of_a_shadow_stand_in_the_place_of_the_live_ones(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(RULE, "utf-8")
    (tmp_path / "person.toml").write_text(RULE.replace("own.cold", "person.cold"), "utf-8")
    path = write(tmp_path, 'shadow_packs = ["own.toml", "person.toml"]\n' + MAIN)
    found = load(path)
    shadow = {rule.id for rule in found.shadow_rules}
    live = {rule.id for rule in found.rules}
    assert shadow - live == {"own.cold", "person.cold"}
    assert live - shadow == {name for name in live if name.startswith("person.")}


def test_without_packs_there_is_no_shadow(tmp_path: Path) -> None:
    assert load(write(tmp_path)).shadow_rules == ()


def test_a_fault_in_a_pack_of_a_shadow_is_told_before_the_start(tmp_path: Path) -> None:
    path = write(tmp_path, 'shadow_packs = ["none.toml"]\n' + MAIN)
    with pytest.raises(ConfigurationFaults, match=r"none\.toml"):
        load(path)
