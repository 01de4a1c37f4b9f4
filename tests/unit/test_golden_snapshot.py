"""A snapshot that an earlier program wrote is restored by this one, and the home goes on as it was."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rules.alarm import SuppressionKind
from rules.effects import AlarmChanged, Change, Notify
from rules.engine import Engine
from rules.inputs import TimePassed
from tests.unit.engine_world import loaded, spoke
from tests.world.invariants import check_raised, check_state

GOLDEN = Path(__file__).parent / "golden" / "snapshot_1.json"
"""A home with a fire, an emergency call that was taken on, a silenced sounder, a shelved battery, a device out of
service, another under maintenance and a link that is down. It is never written anew: add a file for a new version.
"""

SEQ = 19


def restored() -> Engine:
    return Engine.restore(GOLDEN.read_bytes())


def test_what_stood_open_stands_open() -> None:
    engine = restored()
    known = {(alarm.rule, alarm.subject): alarm for alarm in engine.alarms.values()}
    assert set(known) == {
        ("battery", "smoke-2"),
        ("gateway.link", "link:broker:x"),
        ("manual_call", "call-1"),
        ("residual", "meter-1"),
        ("sos", "sos-1"),
        ("smoke", "smoke-1"),
    }
    assert known["sos", "sos-1"].acknowledged is not None and known["smoke", "smoke-1"].acknowledged is None
    assert known["residual", "meter-1"].suppression.kind is SuppressionKind.OUT_OF_SERVICE
    assert known["battery", "smoke-2"].suppression.kind is SuppressionKind.SHELVED
    assert len(engine.suppressions.held().maintenances) == 1
    assert engine.seq == SEQ
    check_state(engine)


def test_it_calls_on_for_what_nobody_took_on() -> None:
    engine = restored()
    assert engine.now is not None
    told = []
    at = engine.now
    while not told:
        due = engine.next_deadline()
        assert due is not None and due - at < timedelta(minutes=5)
        told = [one for one in engine.step(TimePassed(at=due)) if isinstance(one, Notify)]
    assert {one.incident.category.value for one in told} <= {"fire", "trouble"}
    check_state(engine)


@pytest.mark.parametrize("device", ["smoke-1", "smoke-2", "bridged"])
def test_the_next_smoke_raises(device: str) -> None:
    engine = restored()
    assert engine.now is not None
    said = spoke(engine.now + timedelta(seconds=1), device, smoke=True)
    engine.step(said)
    check_raised(engine, said)


def test_todays_configuration_closes_no_danger() -> None:
    engine = restored()
    assert engine.now is not None
    before = {alarm.id for alarm in engine.alarms.values() if alarm.category.endangers_people}
    effects = engine.step(loaded(engine.now + timedelta(seconds=1), engine.site, engine.rules.values()))
    assert before <= set(engine.alarms)
    assert not [one for one in effects if isinstance(one, AlarmChanged) and one.change is Change.CLOSED]
    check_state(engine)


def test_written_anew_it_is_the_same_home() -> None:
    engine = restored()
    again = Engine.restore(engine.snapshot())
    assert again.snapshot() == engine.snapshot()
    at = engine.next_deadline()
    assert at is not None and again.step(TimePassed(at=at)) == engine.step(TimePassed(at=at))
