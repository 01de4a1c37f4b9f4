"""An incident of very many alarms: what it costs in the journal grows with the alarms, not with their square."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import replace

from gateway.record.record import JournalEntry
from gateway.record.replay import replay
from gateway.record.wire import encode_effects
from rules.alarm import Category
from rules.condition import Silent
from rules.effects import AnyEffect, IncidentChanged, Notify
from rules.engine import Engine
from rules.incident import ALARMS_MAX, Incident
from rules.inputs import TimePassed
from tests.record_world import ManualClock, journal
from tests.unit.engine_world import HOUR, PEOPLE, SITE, START, World, device, loaded, of, plan, rule

SILENCE = rule("silent", Silent(), Category.TROUBLE)


def fallen_silent(count: int) -> tuple[World, tuple[AnyEffect, ...]]:
    """So many devices of one zone that fall silent at the same instant."""
    devices = tuple(device(f"d{number}", "smoke", "ward") for number in range(count))
    plans = (plan(Category.TROUBLE, ("director", 0), every=600, most=1),)
    world = World(replace(SITE, devices=devices, people=PEOPLE, plans=plans), (SILENCE,))
    return world, world.step(TimePassed(at=START + HOUR))


def test_bytes_in_the_journal_grow_with_the_alarms() -> None:
    cost = {}
    for count in (100, 800):
        world, effects = fallen_silent(count)
        assert len(world.engine.alarms) == count and world.incident().alarm_count == count
        cost[count] = len(encode_effects(effects)) / count
    assert cost[800] < 1.3 * cost[100], cost
    assert len(world.engine.snapshot()) < 800 * 1500


def test_the_newest_are_listed_and_those_of_before_counted() -> None:
    world, effects = fallen_silent(ALARMS_MAX + 8)
    ids = list(world.engine.alarms)
    incident = world.incident()
    assert incident.alarms == tuple(ids[8:]) and incident.alarms_before == 8
    assert all(len(e.incident.alarms) <= ALARMS_MAX for e in (*of(effects, IncidentChanged), *of(effects, Notify)))
    # Who reads the effects meets every alarm: each is the last of the list when it joins.
    assert [e.incident.alarms[-1] for e in of(effects, IncidentChanged)] == ids
    assert {alarm.incident for alarm in world.engine.alarms.values()} == {incident.id}


def test_a_short_incident_is_written_as_before() -> None:
    world, _ = fallen_silent(ALARMS_MAX)
    assert world.incident().alarms == tuple(world.engine.alarms) and world.incident().alarms_before == 0


def test_what_an_older_program_kept_in_full_is_bounded_at_its_next_alarm() -> None:
    ids = tuple(f"home:1:{number}" for number in range(500))
    old = Incident(id="home:1:1.1", home="home", zone="ward", category=Category.TROUBLE, opened_at=START, alarms=ids)
    stored = msgspec.json.encode(old)
    now = msgspec.json.decode(stored, type=Incident).with_alarm("home:1:900")
    assert now.alarm_count == 501 and now.alarms == (*ids[-31:], "home:1:900")


async def test_a_journal_of_before_replays_without_a_difference(tmp_path: Path) -> None:
    """Its effects list all alarms of the incident; that they are counted now is no difference."""
    engine = Engine("home")
    devices = tuple(device(f"d{number}", "smoke", "ward") for number in range(ALARMS_MAX * 2))
    site = replace(SITE, devices=devices)
    entries: list[JournalEntry] = []
    ids: dict[str, tuple[str, ...]] = {}
    for happened in (loaded(START, site, (SILENCE,)), TimePassed(at=START + HOUR), TimePassed(at=START + 2 * HOUR)):
        effects = tuple(_as_before(effect, ids) for effect in engine.step(happened))
        entries.append(JournalEntry("home", 1, engine.seq, happened.at, happened, effects))
    assert any(len(e.incident.alarms) == ALARMS_MAX * 2 for e in of(entries[1].effects, IncidentChanged))

    async with journal(tmp_path, streams=("home",)) as record:
        await record.commit(tuple(entries))
        found = await replay(record, "home", lambda: Engine("home"), Engine.restore, clock=ManualClock(), start=0)
        assert found.same and found.compared == 3, found.lines()

        wrong = replace(of(entries[1].effects, IncidentChanged)[-1], change="planted")
        entries[1] = msgspec.structs.replace(entries[1], effects=(*entries[1].effects[:-1], wrong))
    (tmp_path / "second").mkdir()
    async with journal(tmp_path / "second", streams=("home",)) as record:
        await record.commit(tuple(entries))
        found = await replay(record, "home", lambda: Engine("home"), Engine.restore, clock=ManualClock(), start=0)
        assert found.different == 1


def _as_before(effect: AnyEffect, ids: dict[str, tuple[str, ...]]) -> AnyEffect:
    """The effect as the program wrote it that listed all alarms."""
    if not isinstance(effect, (IncidentChanged, Notify)):
        return effect
    known = ids.get(effect.incident.id, ())
    listed = (*known, *(alarm for alarm in effect.incident.alarms if alarm not in known))
    ids[effect.incident.id] = listed
    return replace(effect, incident=replace(effect.incident, alarms=listed, alarms_before=0))
