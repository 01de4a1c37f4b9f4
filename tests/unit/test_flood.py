"""Floods: many fire signals of one zone are one incident whose list grows; none is hidden, people hear it together."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from gateway.deliver.wording import compose
from rules.alarm import Category
from rules.effects import AnyEffect, IncidentChanged, Notify
from rules.engine import Engine
from rules.incident import SPREAD_MAX
from rules.inputs import TimePassed, Verb
from tests.unit.engine_world import HOUR, SITE, World, alarm_changes, device, of, plan, sounds, told, with_plan
from tests.world.invariants import check_state

COUNT = 40
FLOOR = replace(
    with_plan(SITE, plan(Category.FIRE, ("carer", 0), ("director", 3600))),
    devices=tuple(
        device(f"smoke-{n}", "smoke", "ward", category="fire", silence_limit=100 * HOUR, room=f"{200 + n}")
        for n in range(COUNT)
    ),
)


class Floor(World):
    def __init__(self) -> None:
        super().__init__(site=FLOOR)

    def step(self, happened: Any) -> tuple[AnyEffect, ...]:
        effects = super().step(happened)
        check_state(self.engine)
        return effects

    def burns(self, count: int, every: float, first: int = 0) -> list[AnyEffect]:
        """So many detectors speak, one after the other."""
        effects: list[AnyEffect] = []
        for n in range(first, first + count):
            effects += self.spoke(f"smoke-{n}", smoke=True)
            effects += self.wait(every)
        return effects


@pytest.fixture
def world() -> Floor:
    return Floor()


def test_every_signal_is_raised_and_sounds_in_one_incident(world: Floor) -> None:
    effects = world.burns(12, 2)
    assert [c for c in alarm_changes(effects) if c[0] == "raised"] == [
        ("raised", "smoke", f"smoke-{n}") for n in range(12)
    ]
    assert sounds(effects) == [("ward", "evacuate")] * 12
    assert world.incident().alarm_count == 12 and world.incident().is_flood


def test_people_hear_of_a_flood_every_ten_seconds_with_the_whole_list(world: Floor) -> None:
    effects = world.burns(20, 1)
    told_at = [round((n.at - effects[0].at).total_seconds()) for n in of(effects, Notify) if n.channel == "sms"]
    assert told_at == [0, 1, 11], "the first two at once, then together"
    assert told_at[-1] + 10 >= 19
    last = of(world.wait(10), Notify)[0]
    assert len(last.incident.spread) == 20 and last.alarm.subject == "smoke-19"


def test_what_spreads_slowly_is_told_at_once(world: Floor) -> None:
    effects = world.burns(5, 31)
    assert len([n for n in of(effects, Notify) if n.channel == "sms"]) == 5 and not world.incident().is_flood


def test_the_order_of_the_spread_is_kept_and_bounded(world: Floor) -> None:
    world.burns(COUNT, 0)
    spread = world.incident().spread
    assert [each.subject for each in spread] == [f"smoke-{n}" for n in range(SPREAD_MAX)]
    assert world.incident().alarm_count == COUNT


def test_who_takes_it_on_hears_of_the_next_detector_at_once(world: Floor) -> None:
    world.burns(10, 1)
    world.acknowledges(world.incident().id, "carer")
    assert ("spread", world.incident().id) not in world.engine.deadlines
    assert told(world.spoke("smoke-10", smoke=True)) == [("carer", "call")]


def test_nothing_more_is_told_when_it_was_taken_on_or_is_over(world: Floor) -> None:
    world.burns(4, 0.5)
    assert ("spread", world.incident().id) in world.engine.deadlines
    world.acts(Verb.ACKNOWLEDGE, world.incident().id, person="carer")
    assert not [e for e in of(world.wait(60), IncidentChanged) if e.change == "spread"]


def test_other_categories_have_no_floods(world: Floor) -> None:
    for n in range(6):
        world.spoke(f"smoke-{n}", battery=1.0)
    assert not world.incident().is_flood and world.incident().category is Category.TROUBLE


def test_it_goes_on_after_a_restore_and_after_downtime(world: Floor) -> None:
    world.burns(4, 0.5)
    world.engine = Engine.restore(world.engine.snapshot())
    effects = world.step(TimePassed(at=world.at + HOUR))
    assert "spread" in [e.change for e in of(effects, IncidentChanged)]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", "已有7处先后报警：200 smoke-0 → 201 smoke-1 → 202 smoke-2 → 203 smoke-3 → 204 smoke-4 → 205 "),
        ("en", "7 in alarm, in this order: 200 smoke-0 → 201 smoke-1"),
    ],
)
def test_a_message_says_which_way_it_went(world: Floor, language: str, words: str) -> None:
    world.burns(7, 0)
    notify = of(world.wait(10), Notify)[0]
    assert words in compose(notify, FLOOR, "https://example.org/i/x", language).text
    alone = replace(notify, incident=replace(notify.incident, spread=notify.incident.spread[:1]))
    assert "→" not in compose(alone, FLOOR, "https://example.org/i/x", language).text
