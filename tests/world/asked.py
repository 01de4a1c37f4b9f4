"""What people of a simulated home ask for beside the four verbs: modes, suppressions, support, ticks, and nonsense."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from rules.engine import Engine
from rules.inputs import (
    AnyInput,
    GapExplained,
    Mode,
    ModeRequested,
    ModeVerb,
    OperatorActed,
    ProcedureTicked,
    SupportRequested,
    SuppressionRequested,
    SuppressionVerb,
    Verb,
)
from tests.unit.engine_world import DEVICES, PEOPLE, SITE

PERSONS = [person.id for person in PEOPLE]
SPANS = (timedelta(minutes=1), timedelta(minutes=20), timedelta(hours=2), timedelta(hours=8), timedelta(hours=30))

Ask = Callable[[random.Random, datetime, Engine], AnyInput]


def ask(chance: random.Random, at: datetime, engine: Engine) -> AnyInput:
    """One request of somebody; the engine may refuse it, and then nothing changes."""
    return chance.choice(REQUESTS)(chance, at, engine)


def _alarm(chance: random.Random, engine: Engine) -> str:
    return chance.choice([*engine.alarms, "home:1:999999.a1"])


def _incident(chance: random.Random, engine: Engine) -> str:
    return chance.choice([*engine.incidents, "home:1:999999.i1"])


def _device(chance: random.Random) -> str:
    return chance.choice([device.id for device in DEVICES] + ["nowhere"])


def _persons(chance: random.Random) -> tuple[str, str]:
    """Two persons, mostly different ones; the second may be missing."""
    first, second = chance.sample(PERSONS, 2)
    return first, chance.choice((second, second, second, first, ""))


def _shelve(chance: random.Random, at: datetime, engine: Engine) -> AnyInput:
    person, _ = _persons(chance)
    harmless = [alarm.id for alarm in engine.alarms.values() if not alarm.category.endangers_people]
    verbs = (SuppressionVerb.SHELVE, SuppressionVerb.SHELVE, SuppressionVerb.SHELVE, SuppressionVerb.UNSHELVE)
    return SuppressionRequested(
        at=at, person=person, verb=chance.choice(verbs), duration=chance.choice((None, *SPANS)),
        target=chance.choice(harmless) if harmless and chance.random() < 0.8 else _alarm(chance, engine),
        once=chance.random() < 0.3, reason=chance.choice(("dust", "dust", "")),
    )  # fmt: skip


def _out_of_service(chance: random.Random, at: datetime, engine: Engine) -> AnyInput:
    person, second = _persons(chance)
    verbs = (SuppressionVerb.OUT_OF_SERVICE, SuppressionVerb.OUT_OF_SERVICE, SuppressionVerb.RETURN_TO_SERVICE)
    return SuppressionRequested(
        at=at, person=person, verb=chance.choice(verbs), target=_device(chance), duration=chance.choice(SPANS),
        reason="broken", substitute=chance.choice(("a patrol", "a patrol", "")), confirmed_by=second,
    )  # fmt: skip


def _maintenance(chance: random.Random, at: datetime, engine: Engine) -> AnyInput:
    person, second = _persons(chance)
    under_way = [each.id for each in engine.suppressions.held().maintenances]
    if under_way and chance.random() < 0.5:
        return ModeRequested(at=at, person=person, mode=Mode.MAINTENANCE, verb=ModeVerb.END, target=under_way[0])
    zones = tuple(zone.id for zone in SITE.zones if chance.random() < 0.5)
    return ModeRequested(
        at=at, person=person, mode=Mode.MAINTENANCE, verb=ModeVerb.START, zones=zones, reason="cleaning",
        devices=(_device(chance),) if chance.random() < 0.5 else (), time_limit=chance.choice(SPANS),
        confirmed_by=second,
    )  # fmt: skip


def _drill(chance: random.Random, at: datetime, engine: Engine) -> AnyInput:
    verb = chance.choice((ModeVerb.START, ModeVerb.START, ModeVerb.END))
    return ModeRequested(
        at=at, person=chance.choice(PERSONS), mode=Mode.DRILL, verb=verb, device=_device(chance),
        time_limit=chance.choice(SPANS),
    )  # fmt: skip


def _walk_test(chance: random.Random, at: datetime, engine: Engine) -> AnyInput:
    running = engine.walk_test
    verb = ModeVerb.START if running is None else chance.choice((*[ModeVerb.ARM] * 3, *ModeVerb))
    person = running.tester if running is not None and chance.random() < 0.8 else chance.choice(PERSONS)
    targets = running.targets if running is not None else ()
    return ModeRequested(
        at=at, person=person, verb=verb, device=chance.choice(targets) if targets else _device(chance),
        zones=tuple(zone.id for zone in SITE.zones if chance.random() < 0.5), time_limit=chance.choice(SPANS),
    )  # fmt: skip


def _verdict(chance: random.Random, at: datetime, engine: Engine) -> AnyInput:
    verdict = chance.choice(("real", "false", "test", "", "nonsense"))
    return OperatorActed(
        at=at, person=chance.choice(PERSONS), verb=Verb.VERDICT, target=_incident(chance, engine), verdict=verdict,
        cause=chance.choice(("cooking", "")), finding=chance.choice(("equipment_fault", "to_hospital", "", "nonsense")),
    )  # fmt: skip


def _support(chance: random.Random, at: datetime, engine: Engine) -> AnyInput:
    return SupportRequested(at=at, person=chance.choice(PERSONS), incident=_incident(chance, engine))


def _tick(chance: random.Random, at: datetime, engine: Engine) -> AnyInput:
    rule, step = chance.choice([*engine.rules, "none"]), chance.randint(0, 3)
    return ProcedureTicked(
        at=at, person=chance.choice(PERSONS), incident=_incident(chance, engine), rule=rule, step=step,
        done=chance.random() < 0.7,
    )  # fmt: skip


def _explains(chance: random.Random, at: datetime, engine: Engine) -> AnyInput:
    return GapExplained(at=at, person=chance.choice(PERSONS), row=chance.randint(1, 99), reason="a power cut")


REQUESTS: tuple[Ask, ...] = (
    *(_shelve, _shelve, _out_of_service, _out_of_service, _maintenance, _maintenance),
    *(_drill, _walk_test, _walk_test, _walk_test, _verdict, _verdict, _support, _tick, _explains),
)
