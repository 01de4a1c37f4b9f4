"""The shadow: it sees what other rules would do, calls nobody, and whatever happens to it stays with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway import shadow as module
from gateway.clock import SystemClock
from gateway.inbox import Inbox
from gateway.load import ConfigurationFaults, load
from gateway.record.journal import SqliteRecord
from gateway.reload import Reloaded, Reloader
from gateway.report.candidate import Candidate
from gateway.shadow import Shadow, ShadowState
from rules.engine import Engine
from rules.rule import Rule
from tests.backtest_world import HOME
from tests.configuration_world import MAIN, RULE, write
from tests.deliver_world import until
from tests.record_world import journal
from tests.unit.test_backtest import MORNING, RULES, held_back, raised_in, without

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
        await until(lambda: seen(shadow).began_at is not None)
        yield live, shadow
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def seen(shadow: Shadow) -> ShadowState:
    assert shadow.state is not None
    return shadow.state


def heard(shadow: Shadow, count: int) -> Callable[[], bool]:
    return lambda: seen(shadow).entries >= count


async def test_the_same_rules_agree_with_the_live_ones(tmp_path: Path) -> None:
    async with beside(tmp_path, RULES) as (live, shadow):
        await live.go(len(ENTRIES))
        await until(heard(shadow, len(ENTRIES) - 1))
        raised = sum(len(raised_in(entry.effects)) for entry in ENTRIES)
        state = seen(shadow)
        assert (state.alike, state.more_count, state.fewer_count, state.faults) == (raised, 0, 0, 0)
        assert raised >= 5


async def test_what_the_other_rules_would_not_raise_is_told(tmp_path: Path) -> None:
    async with beside(tmp_path, held_back("fire.gas", "fire.smoke")) as (live, shadow):
        await live.go(len(ENTRIES))
        await until(heard(shadow, len(ENTRIES) - 1))
        state = seen(shadow)
        assert {one.rule for one in state.fewer} == {"fire.gas", "fire.smoke"}
        assert state.fewer_count == 3
        assert state.more_count == 0


async def test_a_danger_that_the_other_rules_forget_is_still_raised(tmp_path: Path) -> None:
    async with beside(tmp_path, without("fire.gas", "fire.smoke")) as (live, shadow):
        await live.go(len(ENTRIES))
        await until(heard(shadow, len(ENTRIES) - 1))
        assert (seen(shadow).fewer_count, seen(shadow).more_count) == (0, 0)
        assert seen(shadow).alike >= 5


async def test_other_rules_begin_anew_and_none_is_no_shadow(tmp_path: Path) -> None:
    async with beside(tmp_path, held_back("fire.gas", "fire.smoke")) as (live, shadow):
        await live.go(2000)
        await until(heard(shadow, 1999))
        first = seen(shadow)
        shadow.change(RULES, "newer")
        await live.go(2100)
        await until(lambda: seen(shadow).began_at is not None)
        await live.go(len(ENTRIES))
        await until(heard(shadow, len(ENTRIES) - 2100))
        assert first.entries == 1999
        assert (seen(shadow).fewer_count, seen(shadow).more_count) == (0, 0)
        shadow.change((), "")
        assert shadow.state is None


async def test_the_same_rules_go_on(tmp_path: Path) -> None:
    async with beside(tmp_path, RULES) as (live, shadow):
        await live.go(500)
        await until(heard(shadow, 499))
        shadow.change(tuple(RULES), "other")
        assert seen(shadow).entries == 499


async def test_one_that_gets_its_rules_later_begins_then(tmp_path: Path) -> None:
    async with beside(tmp_path, RULES) as (live, _):
        late = live.shadow(())
        task = asyncio.create_task(late.run())
        await live.go(200)
        assert late.state is None
        late.change(RULES, "other")
        await until(lambda: seen(late).began_at is not None)
        await live.go(300)
        await until(heard(late, 50))
        task.cancel()


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
        await until(lambda: seen(shadow).faults == 1)
        assert seen(shadow).fault == "ZeroDivisionError: planted"
        await until(lambda: (seen(shadow).began_at or ENTRIES[0].at) > ENTRIES[0].at)
        before = seen(shadow).entries
        await live.go(len(ENTRIES))
        await until(heard(shadow, before + len(ENTRIES) - 2000))
        assert (seen(shadow).more_count, seen(shadow).fewer_count) == (0, 0)


async def test_one_that_is_too_far_behind_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEHIND_MAX", 300)
    async with beside(tmp_path, RULES) as (live, shadow):
        entries = ENTRIES[1:1001]
        for entry in entries:
            live.engine.step(entry.input)
        await live.record.commit(entries)
        live.done = 1001
        await until(lambda: seen(shadow).skipped == 1000)
        await live.go(1100)
        await until(heard(shadow, 99))
        assert seen(shadow).faults == 0


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


async def test_a_reload_changes_the_rules_on_trial_and_no_restart_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(RULE, "utf-8")
    path = write(tmp_path)
    known = load(path)
    tried: list[tuple[Rule, ...]] = []
    sites = {site.id: site for site in known.sites}
    reloader = Reloader(known, Inbox(), sites, lambda _: None, tried.append)
    write(tmp_path, 'shadow_packs = ["own.toml"]\n' + MAIN)
    done = await reloader.reload()
    assert done == Reloaded()
    assert "own.cold" in {rule.id for rule in tried[-1]}
    write(tmp_path)
    await reloader.reload()
    assert tried[-1] == ()
