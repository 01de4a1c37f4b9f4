"""Quota, gate and back-off: the limits of a channel."""

from __future__ import annotations

import asyncio

import pytest

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
