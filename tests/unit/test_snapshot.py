"""Snapshots: an engine that goes on as if nothing had happened, and a clear no to everything else."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from rules.effects import AlarmChanged, AnyEffect
from rules.engine import Engine
from rules.inputs import AnyInput, TimePassed, Verb
from tests.unit.engine_world import HOUR, SITE, START, World, alarm_changes, of, spoke

REPO = Path(__file__).resolve().parents[2]


def busy_world() -> World:
    """A history that leaves something in every part of the engine."""
    world = World()
    world.wait(3600)
    world.spoke("smoke-1", smoke=True, battery=10.0)
    world.spoke("bridged", smoke=True)
    world.acknowledges(world.alarm("smoke", "bridged").id)
    world.resets(world.alarm("smoke", "bridged").id, checked=True)
    world.spoke("meter-1", residual=400.0, cable=80.0)
    world.wait(15)
    world.spoke("meter-1", cable=20.0)
    world.spoke("x/1", unregistered=True, sos=True)
    world.unreadable("call-1", "fire")
    world.link("broker:b", up=False, detail="gone")
    world.acts(Verb.SILENCE, world.alarm("smoke", "smoke-1").incident)
    return world


def follow(engine: Engine) -> list[tuple[AnyEffect, ...]]:
    """What an engine answers to a fixed continuation."""
    at = engine.now
    assert at is not None
    inputs: list[AnyInput] = [
        TimePassed(at=at + HOUR / 120),
        spoke(at + HOUR / 60, "smoke-1", smoke=True),
        spoke(at + HOUR / 60, "bridged", smoke=True),
        spoke(at + HOUR / 50, "smoke-1", retained=True, said_at=at, smoke=True),
        spoke(at + HOUR / 40, "meter-1", residual=100.0),
        TimePassed(at=at + 3 * HOUR),
        spoke(at + 3 * HOUR, "sos-1", temperature=1.0),
        TimePassed(at=at + 4 * HOUR),
    ]
    return [engine.step(happened) for happened in inputs]


def test_restored_it_goes_on_the_same() -> None:
    engine = busy_world().engine
    body = engine.snapshot()
    again = Engine.restore(body)
    assert again.snapshot() == body
    assert again.next_deadline() == engine.next_deadline()
    assert follow(again) == follow(engine)
    assert again.snapshot() == engine.snapshot()


def test_an_engine_that_knows_nothing_yet() -> None:
    engine = Engine.restore(Engine("home", epoch=4).snapshot())
    assert (engine.home, engine.epoch, engine.seq, engine.now) == ("home", 4, 0, None)


def test_what_is_restored_shares_nothing_with_what_it_came_from() -> None:
    engine = busy_world().engine
    body = engine.snapshot()
    follow(Engine.restore(body))
    assert engine.snapshot() == body


def test_a_restore_repairs_an_engine_that_an_input_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that raised leaves it half changed; the last snapshot and the inputs since, without that one, do not."""
    world = busy_world()
    before = world.engine.snapshot()

    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("poison")

    with monkeypatch.context() as patch:
        patch.setattr("rules.incidents.Incidents.on_raised", explode)
        with pytest.raises(RuntimeError):
            world.spoke("smoke-2", smoke=True, battery=1.0)
    assert world.engine.snapshot() != before, "half changed: this is why it must be thrown away"
    repaired = Engine.restore(before)
    effects = repaired.step(spoke(world.at, "smoke-2", smoke=True, battery=1.0))
    assert alarm_changes(effects)[-2:] == [("raised", "smoke", "smoke-2"), ("raised", "battery", "smoke-2")]
    assert follow(repaired) == follow(_with_one_more(before, world))


def _with_one_more(before: bytes, world: World) -> Engine:
    engine = Engine.restore(before)
    engine.step(spoke(world.at, "smoke-2", smoke=True, battery=1.0))
    return engine


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b"not json", b"\xff\xfe\x00", b'{"version": 1}', b"{" * 50],
    ids=["empty", "object", "array", "null", "words", "not-utf8", "version-only", "braces"],
)
def test_garbage_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a snapshot of an engine"):
        Engine.restore(body)


@pytest.mark.parametrize("version", [0, 2, 99])
def test_an_unknown_version_is_refused(version: int) -> None:
    stored = json.loads(busy_world().engine.snapshot())
    stored["version"] = version
    with pytest.raises(ValueError, match=f"snapshot of version {version}"):
        Engine.restore(json.dumps(stored).encode())


def test_a_torn_snapshot_is_refused_wherever_it_is_torn() -> None:
    body = busy_world().engine.snapshot()
    for end in range(0, len(body), 97):
        with pytest.raises(ValueError, match="not a snapshot"):
            Engine.restore(body[:end])


@pytest.mark.parametrize("part", ["devices", "incidents"])
def test_a_snapshot_that_does_not_hang_together_is_refused(part: str) -> None:
    stored = json.loads(busy_world().engine.snapshot())
    stored[part] = stored[part][1:]
    with pytest.raises(ValueError, match="not a snapshot"):
        Engine.restore(json.dumps(stored).encode())


def test_a_value_that_is_no_number_cannot_spoil_a_snapshot() -> None:
    world = World()
    world.spoke("meter-1", residual=float("nan"), cable=float("inf"))
    world.step(spoke(world.at, "meter-1", retained=True, residual=float("nan")))
    assert Engine.restore(world.engine.snapshot()).snapshot() == world.engine.snapshot()


def digest() -> str:
    """The digest of a fixed history: effects and snapshot."""
    world = busy_world()
    body = msgspec.json.encode([world.effects, follow(world.engine)]) + world.engine.snapshot()
    world.at = world.engine.now or world.at
    world.reload(msgspec.structs.replace(SITE, devices=SITE.devices[:2]))
    return hashlib.sha256(body + world.engine.snapshot()).hexdigest()


def test_the_same_history_gives_the_same_bytes_under_any_hash_seed() -> None:
    code = "from tests.unit.test_snapshot import digest; print(digest())"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=REPO, env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout.strip()
        for seed in ("1", "4242")
    }
    assert seen == {digest()}


def test_ids_carry_the_epoch_and_the_sequence() -> None:
    engine = Engine("home", epoch=7)
    engine.step(TimePassed(at=START))
    (raised, *_) = of(Engine.restore(engine.snapshot()).step(spoke(START, "x", sos=True)), AlarmChanged)
    assert raised.alarm.id == "home:7:2" and raised.alarm.incident == "home:7:2.i1"
