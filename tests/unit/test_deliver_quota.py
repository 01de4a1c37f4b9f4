"""Quota, gate and back-off: the limits of a channel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.backoff import backoff_seconds
from gateway.deliver.gate import Gate
from gateway.deliver.quota import Quota
from rules.alarm import Category
from tests.deliver_world import ManualClock, settle


@pytest.mark.parametrize(
    ("failures", "chance", "seconds"),
    [
        pytest.param(1, 1.0, 0.5, id="first"),
        pytest.param(1, 0.0, 0.25, id="first_shortest"),
        pytest.param(4, 1.0, 4.0, id="doubles"),
        pytest.param(9, 1.0, 8.0, id="ends_at_most"),
        pytest.param(100_000, 1.0, 8.0, id="no_overflow"),
        pytest.param(0, 1.0, 0.5, id="never_zero"),
    ],
)
def test_back_off(failures: int, chance: float, seconds: float) -> None:
    assert backoff_seconds(failures, lambda: chance, first=0.5, most=8.0) == seconds


async def test_quota_keeps_the_reserve_for_danger_and_opens_again_after_a_minute() -> None:
    clock = ManualClock()
    quota = Quota(5, 2, clock)
    assert [quota.take(Category.TROUBLE) for _ in range(3)] == [0.0, 0.0, 0.0]
    await clock.advance(10)
    assert quota.take(Category.TROUBLE) == pytest.approx(50.0)
    assert [quota.take(Category.FIRE), quota.take(Category.FIRE)] == [0.0, 0.0]
    assert quota.take(Category.FIRE) == pytest.approx(50.0)
    await clock.advance(50)
    assert quota.take(Category.TROUBLE) == 0.0


async def test_quota_asks_to_wait_until_enough_has_passed_for_the_reserve() -> None:
    clock = ManualClock()
    quota = Quota(4, 3, clock)
    assert quota.take(Category.FIRE) == 0.0
    await clock.advance(20)
    assert quota.take(Category.FIRE) == 0.0
    assert quota.take(Category.TROUBLE) == pytest.approx(60.0)
    await clock.advance(60)
    assert quota.take(Category.TROUBLE) == 0.0


def test_quota_without_a_share_for_others_never_gives_them_one() -> None:
    quota = Quota(5, 5, ManualClock())
    assert quota.take(Category.TROUBLE) == 60.0
    assert quota.take(Category.FIRE) == 0.0


async def test_quota_that_the_other_side_closed_lets_danger_try() -> None:
    clock = ManualClock()
    quota = Quota(20, 0, clock)
    quota.close_for(30)
    assert quota.take(Category.TROUBLE) == pytest.approx(30.0)
    assert quota.take(Category.FIRE) == 0.0
    await clock.advance(30)
    assert quota.take(Category.TROUBLE) == 0.0


async def test_gate_gives_a_cancelled_waiter_no_slot_and_loses_none() -> None:
    gate = Gate(1, 0)
    await gate.enter(0, True)
    waiting = [asyncio.create_task(gate.enter(rank, True)) for rank in (3, 1, 2)]
    await settle()
    waiting[1].cancel()
    gate.leave(True)
    await settle()
    assert [task.done() for task in waiting] == [False, True, True]
    gate.leave(True)
    await settle()
    assert waiting[0].done() and not waiting[0].cancelled()


async def test_gate_takes_back_a_slot_given_in_the_moment_of_cancelling() -> None:
    gate = Gate(1, 0)
    await gate.enter(0, True)
    loser = asyncio.create_task(gate.enter(0, True))
    await settle()
    gate.leave(True)
    loser.cancel()
    await settle()
    async with asyncio.timeout(1):
        await gate.enter(5, True)
    assert loser.cancelled()


ASKED = st.lists(
    st.tuples(st.sampled_from((Category.FIRE, Category.PERSON, Category.TROUBLE)), st.floats(0, 45)), max_size=120
)


@settings(deadline=None)
@given(per_minute=st.integers(1, 30), danger=st.integers(0, 30), fire=st.none() | st.integers(0, 30), asked=ASKED)
def test_whatever_was_asked_before_the_shares_of_danger_and_of_fire_are_untouched_by_others(
    per_minute: int, danger: int, fire: int | None, asked: Sequence[tuple[Category, float]]
) -> None:
    """In any minute at most `per_minute` in all, others never in the share of danger, persons never in that of fire."""
    clock = ManualClock()
    quota = Quota(per_minute, danger, clock, for_fire=fire)
    danger = min(danger, per_minute)
    for_fire = min((danger + 1) // 2 if fire is None else fire, danger)
    limits = {Category.FIRE: per_minute, Category.PERSON: per_minute - for_fire, Category.TROUBLE: per_minute - danger}
    taken: list[tuple[float, Category]] = []
    for category, pause in asked:
        clock.elapsed += pause
        left = quota.left(category)
        wait = quota.take(category)
        minute = [one for at, one in taken if clock.elapsed - at < 60.0]
        assert (wait == 0.0) is (len(minute) < limits[category]) is (left > 0)
        assert wait <= 60.0
        if wait == 0.0:
            taken.append((clock.elapsed, category))
            minute.append(category)
        assert len(minute) <= per_minute
        assert quota.left(Category.FIRE) == per_minute - len(minute)
        if Category.FIRE not in minute:
            assert per_minute - len(minute) >= for_fire, "what is no fire has used up what a fire needs"
        if not {Category.FIRE, Category.PERSON} & set(minute):
            assert per_minute - len(minute) >= danger


async def test_a_flood_of_calls_for_help_leaves_a_fire_its_messages() -> None:
    clock = ManualClock()
    quota = Quota(20, 10, clock)
    calls = [quota.take(Category.PERSON) for _ in range(40)]
    assert calls.count(0.0) == 15
    fires = [quota.take(Category.FIRE) for _ in range(6)]
    assert fires[:5] == [0.0] * 5
    assert fires[5] == pytest.approx(60.0)
