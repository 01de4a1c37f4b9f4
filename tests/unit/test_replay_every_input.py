"""A journal that holds every kind of input replays with the same effects, also from the middle and by the command."""

from __future__ import annotations

import typing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.record.record import JournalEntry
from gateway.record.replay import ReplayReport, replay
from gateway.record.wire import decode_entries, join_entries
from rules.effects import AlarmChanged, AnyEffect
from rules.engine import Engine
from rules.inputs import AnyInput, SiteChanged
from tests.record_world import ManualClock, journal
from tests.unit.engine_world import START, loaded, spoke
from tests.unit.test_record_wire import GOLDEN

HOME = "home"


def golden_inputs() -> list[AnyInput]:
    """One input of every kind at least, as versions before wrote them; the site stays that of the tests."""
    entries = decode_entries(1, join_entries(GOLDEN.read_bytes().splitlines()), HOME, 1)
    return [entry.input for entry in entries]


def lived() -> list[JournalEntry]:
    """The entries of an engine that got all of them, a fire in their midst."""
    engine, entries = Engine(HOME), []

    def step(happened: AnyInput) -> tuple[AnyEffect, ...]:
        effects = engine.step(happened)
        entries.append(JournalEntry(HOME, 1, engine.seq, happened.at, happened, effects))
        return effects

    step(loaded(START))
    at = START + timedelta(seconds=1)
    for happened in golden_inputs():
        at += timedelta(seconds=20)
        step(spoke(at, "smoke-1", smoke=True))
        at += timedelta(seconds=20)
        raised = [*engine.alarms, *engine.incidents] or [""]
        about = {name: raised[0] for name in ("target",) if name in happened.__struct_fields__}
        about |= {name: [*engine.incidents, ""][0] for name in ("incident",) if name in happened.__struct_fields__}
        step(replace(happened, at=at, **about))
        if isinstance(happened, SiteChanged):
            at += timedelta(seconds=1)
            step(loaded(at))
    return entries


ENTRIES = lived()


async def replayed(folder: Path, start: int, snapshot_at: int = 0) -> ReplayReport:
    async with journal(folder, streams=(HOME,)) as record:
        for entry in ENTRIES:
            snapshots = {}
            if entry.seq == snapshot_at:
                engine = Engine(HOME)
                for one in ENTRIES[:snapshot_at]:
                    engine.step(one.input)
                snapshots = {HOME: (snapshot_at, engine.snapshot())}
            await record.commit([entry], snapshots=snapshots)
    factory = partial(Engine, HOME)
    return await replay(folder / "journal.db", HOME, factory, Engine.restore, clock=ManualClock(), start=start)


def test_every_kind_of_input_is_there_and_much_came_of_them() -> None:
    assert set(typing.get_args(AnyInput)) <= {type(entry.input) for entry in ENTRIES}
    assert [1 for entry in ENTRIES for effect in entry.effects if isinstance(effect, AlarmChanged)]


async def test_from_the_beginning_the_effects_are_the_same(tmp_path: Path) -> None:
    report = await replayed(tmp_path, 0)
    assert report.same, report.lines()
    assert report.compared == len(ENTRIES)


@pytest.mark.parametrize("part", [0.25, 0.5, 0.75])
async def test_from_a_snapshot_in_the_midst_too(tmp_path: Path, part: float) -> None:
    seq = int(len(ENTRIES) * part)
    report = await replayed(tmp_path, seq, seq)
    assert report.same, report.lines()
    assert (report.started_at, report.compared) == (seq, len(ENTRIES) - seq)


async def test_an_effect_that_was_altered_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = next(place for place, entry in enumerate(ENTRIES) if entry.effects)
    altered = [*ENTRIES]
    altered[place] = replace(ENTRIES[place], effects=ENTRIES[place].effects[1:])
    monkeypatch.setitem(globals(), "ENTRIES", altered)
    report = await replayed(tmp_path, 0)
    assert [one.seq for one in report.differences] == [altered[place].seq]
