"""kill -9 at every point of an escalation: nobody is forgotten, what was handed over twice is counted and explained."""

from __future__ import annotations

import pytest

from tests.world.escalation_crash import HANDED, Escalating


async def undisturbed() -> Escalating:
    world = Escalating(0)
    await world.run()
    return world


async def test_without_a_crash_nothing_is_handed_over_twice() -> None:
    world = await undisturbed()
    assert world.told() == [
        ("carer", "push", "call"), ("carer", "push", "call"), ("carer", "push", "over"),
        ("carer", "sms", "call"), ("carer", "sms", "call"), ("carer", "sms", "over"),
        ("director", "sms", "call"), ("second", "sms", "call"), ("second", "sms", "over"),
    ]
    assert (world.twice(), world.again, world.left_behind()) == ([], 0, [])


@pytest.mark.parametrize("down_for", [0.0, 20.0], ids=["at-once", "down-for-20s"])
async def test_at_every_point(down_for: float) -> None:
    told = (await undisturbed()).told()
    places: dict[str, int] = {}
    for point in range(1, 400):
        world = Escalating(point, down_for=down_for)
        await world.run()
        place = world.crash.reached
        if not place:
            break
        places[place] = places.get(place, 0) + 1
        where = f"crash {point} ({place})"
        assert world.left_behind() == [], where
        assert world.told() == told, where
        # Handed over again is what the crash caught before its record, unless somebody took it on in the meantime.
        assert sorted(world.twice() + [m for m in world.in_between if m in world.stopped()]) == world.in_between, where
        assert set(world.twice()) <= set(world.explained()), f"{where}: handed over twice and not explained"
        assert world.again == len(world.explained()), where
    assert set(places) == {"before it is decided", "decided, not on disk", "on disk", "before the hand-over", HANDED}
    assert places[HANDED] == len(told)
