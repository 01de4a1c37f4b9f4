"""The courier of alarm topics: in order, pipelined, for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress

import pytest

from gateway.deliver.courier import Courier
from gateway.deliver.destination import SendResult
from rules.effects import AnyEffect, Change
from rules.inputs import Outcome
from tests.deliver_world import CrashPoint, Desk, ManualClock, MemoryRecord, Phone, changed, notify, settle

HOME = "h1"
RETRY = SendResult(Outcome.RETRY, detail="no PUBACK")


@pytest.fixture
def record() -> MemoryRecord:
    return MemoryRecord()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def phone() -> Phone:
    return Phone("topics")


@pytest.fixture
def desk(record: MemoryRecord, clock: ManualClock) -> Desk:
    return Desk(record, clock)


@asynccontextmanager
async def running(
    phone: Phone, desk: Desk, streams: tuple[str, ...] = (HOME,), window: int = 64
) -> AsyncIterator[None]:
    carrier = Courier(phone, desk.record, streams, desk.clock, desk.submit, lambda: 1.0, concurrency=window)
    task = asyncio.create_task(carrier.run())
    try:
        yield
    finally:
        assert not task.done(), task
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def keys(*seqs: int) -> list[str]:
    return [f"{HOME}:1:{seq}:0" for seq in seqs]


async def test_hands_over_in_order_and_moves_the_cursor_to_the_end(
    record: MemoryRecord, phone: Phone, desk: Desk
) -> None:
    for _ in range(5):
        record.append(HOME, [changed()])
    async with running(phone, desk):
        await settle()
        record.append(HOME, [changed(), notify("not mine")])
        record.append(HOME)
        await settle()
        assert phone.handed == keys(1, 2, 3, 4, 5, 6)
        assert record.cursor("topics", HOME) == 7


async def test_does_not_wait_for_one_before_handing_over_the_next(
    record: MemoryRecord, phone: Phone, desk: Desk
) -> None:
    phone.hold = asyncio.Event()
    async with running(phone, desk):
        for _ in range(5):
            record.append(HOME, [changed()])
            await settle(10)
        assert phone.handed == keys(1, 2, 3, 4, 5)
        assert record.cursor("topics", HOME) == 0
        phone.hold.set()
        await settle()
        assert record.cursor("topics", HOME) == 5


async def test_window_bounds_what_is_in_flight(record: MemoryRecord, phone: Phone, desk: Desk) -> None:
    phone.hold = asyncio.Event()
    for _ in range(300):
        record.append(HOME, [changed()])
    async with running(phone, desk, window=64):
        await settle()
        assert phone.at_once == 64
        phone.hold.set()
        await settle(600)
        assert phone.at_once_most == 64
        assert phone.handed == keys(*range(1, 301))


async def test_goes_back_to_the_one_that_failed_and_keeps_the_order(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    for _ in range(5):
        record.append(HOME, [changed()])
    phone.answers[keys(3)[0]] = [RETRY, RETRY]
    async with running(phone, desk):
        await settle()
        assert record.cursor("topics", HOME) == 2
        await clock.advance(1)
        assert phone.handed == keys(1, 2, 3, 4, 5, 3, 4, 5, 3, 4, 5)
        assert record.cursor("topics", HOME) == 5


async def test_tries_for_ever_with_a_back_off_that_has_an_end(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    record.append(HOME, [changed()])
    phone.answers[keys(1)[0]] = [RETRY] * 200
    async with running(phone, desk):
        await clock.advance(1200)
        assert 200 < len(phone.handed) <= 250
        assert record.cursor("topics", HOME) == 1


async def test_several_effects_of_one_input_end_together(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    record.append(HOME, [changed(1), changed(2)])
    phone.answers[f"{HOME}:1:1:1"] = [RETRY]
    async with running(phone, desk):
        await settle()
        assert record.cursor("topics", HOME) == 0
        await clock.advance(1)
        assert phone.handed == [f"{HOME}:1:1:0", f"{HOME}:1:1:1", f"{HOME}:1:1:1"]
        assert record.cursor("topics", HOME) == 1


async def test_one_stream_that_fails_does_not_hold_up_another(record: MemoryRecord, phone: Phone, desk: Desk) -> None:
    record.append("h1", [changed()])
    record.append("h2", [changed()])
    phone.answers["h1:1:1:0"] = [RETRY] * 100
    async with running(phone, desk, streams=("h1", "h2")):
        await settle()
        assert record.cursor("topics", "h2") == 1
        assert record.cursor("topics", "h1") == 0


@pytest.mark.parametrize(
    ("answers", "handed"),
    [
        pytest.param([SendResult(Outcome.REFUSED, detail="too large")], 1, id="refused"),
        pytest.param([TypeError("bad field")] * 9, 5, id="raises_again_and_again"),
    ],
)
async def test_what_can_never_be_taken_is_passed_over_with_a_trouble(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk, answers: list, handed: int
) -> None:
    record.append(HOME, [changed(1)])
    phone.answers[keys(1)[0]] = list(answers)
    async with running(phone, desk):
        await clock.advance(60)
        assert phone.handed.count(keys(1)[0]) == handed
        down = [detail for _, link, up, detail in desk.links if not up and link == "destination:topics"]
        assert "was passed over" in down[-1]
        record.append(HOME, [changed(2)])
        await clock.advance(60)
        assert phone.handed[-1].startswith(f"{HOME}:1:")
        assert desk.links[-1][2:] == (True, "")
        assert record.cursor("topics", HOME) >= 2


async def test_unexpected_error_is_a_trouble_that_ends(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    record.append(HOME, [changed()])
    phone.answers[keys(1)[0]] = [OSError(28, "No space left on device")]
    async with running(phone, desk):
        await clock.advance(5)
    assert [up for _, _, up, _ in desk.links] == [False, True]
    assert "No space left" in desk.links[0][3]


async def test_fault_of_the_journal_restarts_this_courier_only(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    record.append(HOME, [changed()])
    record.read_faults = [RuntimeError("torn page")]
    async with running(phone, desk):
        await clock.advance(5)
        assert phone.handed == keys(1)
        assert [up for _, _, up, _ in desk.links] == [False, True]


@pytest.mark.parametrize("place", ["before the hand-over", "handed over"])
async def test_after_a_crash_everything_from_the_cursor_on_comes_again_in_order(place: str) -> None:
    record, clock = MemoryRecord(), ManualClock()
    crash = CrashPoint(place, f"{HOME}:1:3:0")
    first = Phone("topics", crash)
    for number in range(1, 6):
        record.append(HOME, [changed(number, Change.RAISED)])
    async with running(first, Desk(record, clock), window=1):
        await crash.reached.wait()
        record.append(HOME)
    second = Phone("topics")
    survivor = record.after_crash()
    async with running(second, Desk(survivor, clock)):
        await settle()
    assert second.handed == keys(3, 4, 5)


async def test_waits_for_a_gated_destination_before_it_tries_again() -> None:
    class GatedPhone(Phone):
        def __init__(self) -> None:
            super().__init__("topics")
            self.open = asyncio.Event()

        async def ready(self) -> None:
            await self.open.wait()

    record, clock, phone = MemoryRecord(), ManualClock(), GatedPhone()
    record.append(HOME, [changed()])
    phone.answers[keys(1)[0]] = [RETRY]
    async with running(phone, Desk(record, clock)):
        await clock.advance(600)
        assert phone.handed == keys(1)
        phone.open.set()
        await settle()
        assert phone.handed == keys(1, 1), "at once, without another back-off"


@pytest.mark.parametrize("lost", [{2}, {3, 4}, {1, 2, 3, 4}], ids=str)
async def test_entries_that_were_lost_are_passed_by(
    record: MemoryRecord, phone: Phone, desk: Desk, lost: set[int]
) -> None:
    record.lost = lost
    for _ in range(4):
        record.append(HOME, [changed()])
    async with running(phone, desk):
        await settle()
        assert record.cursor("topics", HOME) == 4
        record.append(HOME, [changed()])
        await settle()
    assert phone.handed == keys(*sorted({1, 2, 3, 4, 5} - lost))


async def test_cursor_beyond_what_there_is_misses_nothing(record: MemoryRecord, phone: Phone, desk: Desk) -> None:
    record.append(HOME)
    record.cursors[("topics", HOME)] = 40
    async with running(phone, desk):
        await settle()
        record.append(HOME, [changed()])
        await settle()
    assert phone.handed == keys(2)


class PromptPhone(Phone):
    """A destination whose hand-over begins with the call; `broken` makes the call itself raise."""

    def __init__(self, name: str, *broken: str) -> None:
        super().__init__(name)
        self.broken = broken
        self.begun: list[str] = []

    def begin(self, effect: AnyEffect, key: str) -> Awaitable[SendResult]:
        self.begun.append(key)
        if key in self.broken:
            raise TypeError("bad field")
        return self.send(effect, key)


async def test_a_prompt_destination_that_raises_at_once_is_passed_over_and_dams_up_nothing(
    record: MemoryRecord, clock: ManualClock, desk: Desk
) -> None:
    prompt = PromptPhone("topics", keys(1)[0])
    record.append(HOME, [changed(1)])
    record.append(HOME, [changed(2)])
    async with running(prompt, desk):
        await clock.advance(60)
    assert prompt.begun.count(keys(1)[0]) == 5
    assert any(key.startswith(f"{HOME}:1:2") for key in prompt.handed)
    assert record.cursor("topics", HOME) >= 2
    assert "was passed over" in " ".join(detail for _, _, up, detail in desk.links if not up)
