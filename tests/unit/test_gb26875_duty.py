"""When a duty check is asked: times of the home's day, blurred, none twice, none far too late, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.receive.gb26875_centre import DutyOutcome
from gateway.receive.gb26875_duty import DutyChecks, next_due
from gateway.settings import PanelListener
from tests.deliver_world import START, ManualClock, settle

CHINA = ZoneInfo("Asia/Shanghai")
"""START is 08:15:30 there."""


class Asked:
    """A centre that writes down what it is asked, and answers when told."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.calls: list[tuple[datetime, int, int, str]] = []
        self.answer: asyncio.Future[DutyOutcome] | None = None

    async def check_duty(self, address: int, minutes: int, by: str = "") -> DutyOutcome:
        self.calls.append((self.clock.wall(), address, minutes, by))
        return await self.answer if self.answer is not None else DutyOutcome.ANSWERED


class World:
    def __init__(self, times: tuple[str, ...], *, jitter: float = 0.0, good: bool = True, **more: Any) -> None:
        self.clock = ManualClock()
        self.centre = Asked(self.clock)
        self.changes = 0
        setting = PanelListener(name="panel", home="home-a", port=9001, duty_check=times, **more)
        self.checks = DutyChecks(
            setting, self.centre, self.clock, lambda: jitter, lambda: ["889", "889/1.1", "889/1.1/10.2", "77"],
            lambda: CHINA, lambda: good, self._changed,
        )  # type: ignore[arg-type]

    def _changed(self) -> None:
        self.changes += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        task = asyncio.create_task(self.checks.run())
        await settle()
        yield self
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def asked_at(self, address: int = 889) -> list[str]:
        return [f"{at.astimezone(CHINA):%H:%M}" for at, asked, _, _ in self.centre.calls if asked == address]


@pytest.mark.parametrize(
    ("after", "due"),
    [
        pytest.param("2026-11-22T00:15:30", "2026-11-22T18:00:00", id="tonight"),
        pytest.param("2026-11-22T18:00:00", "2026-11-22T21:00:00", id="the next of the same night"),
        pytest.param("2026-11-22T21:00:00", "2026-11-23T18:00:00", id="tomorrow"),
        pytest.param("2026-11-22T17:59:59.9", "2026-11-22T18:00:00", id="just before"),
    ],
)
def test_the_next_time(after: str, due: str) -> None:
    found = next_due(("02:00", "05:00"), datetime.fromisoformat(after).replace(tzinfo=UTC), CHINA)
    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


async def test_every_device_is_asked_at_every_time_of_the_homes_day() -> None:
    async with World(("02:00", "05:00"), duty_answer_min=7).running() as world:
        await world.clock.advance(48 * 3600)
        assert world.asked_at(889) == world.asked_at(77) == ["02:00", "05:00", "02:00", "05:00"]
        assert {(minutes, by) for _, _, minutes, by in world.centre.calls} == {(7, "schedule")}
        assert world.checks.last["889"].outcome is DutyOutcome.ANSWERED


async def test_the_minute_is_blurred() -> None:
    async with World(("02:00", "05:00"), jitter=0.5, duty_jitter_min=60).running() as world:
        await world.clock.advance(24 * 3600)
        assert world.asked_at() == ["02:30", "05:30"]


async def test_without_a_schedule_nobody_is_asked() -> None:
    async with World(()).running() as world:
        await world.clock.advance(48 * 3600)
        assert world.centre.calls == []


async def test_with_a_clock_that_is_not_set_nobody_is_asked() -> None:
    async with World(("02:00",), good=False).running() as world:
        await world.clock.advance(48 * 3600)
        assert world.centre.calls == []


@pytest.mark.parametrize(
    ("hours", "asked"),
    [
        pytest.param(20, ["02:00"], id="a long sleep leaves the missed one out"),
        pytest.param(-30, ["02:00", "02:00"], id="a clock that was set back asks again"),
    ],
)
async def test_a_clock_that_steps(hours: int, asked: list[str]) -> None:
    async with World(("02:00",)).running() as world:
        step = timedelta(hours=hours)
        world.clock.wall = lambda: world.clock.now() + step  # type: ignore[method-assign]
        await world.clock.advance(24 * 3600 + (0 if hours > 0 else 24 * 3600))
        wall_hours = [f"{at.astimezone(CHINA):%H:%M}" for at, address, _, _ in world.centre.calls if address == 889]
        assert wall_hours == asked


async def test_a_person_asks_and_sees_what_came_of_it() -> None:
    world = World(())
    world.centre.answer = asyncio.get_running_loop().create_future()
    assert world.checks.ask("889", "wang")
    await settle()
    assert world.centre.calls == [(START, 889, 10, "wang")]
    assert world.checks.last["889"].outcome is None
    assert not world.checks.ask("889", "li"), "one at a time"
    await world.clock.advance(90)
    world.centre.answer.set_result(DutyOutcome.UNANSWERED)
    await settle()
    last = world.checks.last["889"]
    assert (last.by, last.outcome, last.ended_at) == ("wang", "unanswered", START + timedelta(seconds=90))
    assert world.changes == 2, "asked, and ended"
    assert world.checks.ask("889", "li"), "and now again"


async def test_what_is_no_transmission_device_of_this_home_is_not_asked() -> None:
    world = World(())
    for address in ("889/1.1", "12", "", "panel"):
        assert not world.checks.ask(address, "wang")
    await settle()
    assert world.centre.calls == []
