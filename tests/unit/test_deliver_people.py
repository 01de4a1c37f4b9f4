"""The courier of messages to people: nothing lost, nothing twice but in one window, danger first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from gateway.deliver.destination import Later, SendResult
from gateway.deliver.people import STOPPED, PeopleCourier
from rules.alarm import Category
from rules.effects import Notify, StopNotifying
from rules.inputs import Outcome
from tests.deliver_world import (
    START,
    CrashPoint,
    Desk,
    ManualClock,
    MemoryRecord,
    Phone,
    incident,
    notify,
    settle,
    until,
)

HOME = "h1"
RETRY = SendResult(Outcome.RETRY, detail="line busy")


def courier(phone: Phone, desk: Desk, **changes: object) -> PeopleCourier:
    return PeopleCourier(phone, desk.record, (HOME,), desk.clock, desk.submit, lambda: 1.0, **changes)


@asynccontextmanager
async def running(carrier: PeopleCourier) -> AsyncIterator[None]:
    task = asyncio.create_task(carrier.run())
    try:
        yield
    finally:
        assert not task.done() or task.cancelled(), task.exception()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def record() -> MemoryRecord:
    return MemoryRecord()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def phone() -> Phone:
    return Phone()


@pytest.fixture
def desk(record: MemoryRecord, clock: ManualClock) -> Desk:
    return Desk(record, clock)


CRASHES = [
    pytest.param("before the hand-over", 1, id="before_the_hand_over"),
    pytest.param("handed over", 2, id="handed_over_answer_not_read"),
    pytest.param("report submitted", 2, id="answer_read_not_on_disk"),
    pytest.param("report on disk", 1, id="on_disk_but_not_told"),
]


@pytest.mark.parametrize(("place", "times"), CRASHES)
async def test_crash_hands_over_twice_only_between_hand_over_and_record(place: str, times: int) -> None:
    record, clock = MemoryRecord(), ManualClock()
    crash = CrashPoint(place, "m2")
    first = Phone(crash=crash)
    for number in (1, 2, 3):
        record.append(HOME, [notify(f"m{number}")])
    async with running(courier(first, Desk(record, clock, crash))):
        await crash.reached.wait()
        await settle()
    second = Phone()
    survivor = record.after_crash()
    desk = Desk(survivor, clock)
    async with running(courier(second, desk)):
        await settle()
    handed = first.handed + second.handed
    assert {m: handed.count(m) for m in ("m1", "m2", "m3")} == {"m1": 1, "m2": times, "m3": 1}
    assert survivor.cursor("phone", HOME) == survivor.head(HOME)


async def test_cursor_stays_below_the_first_unfinished_message(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    phone.answers["slow"] = [RETRY, RETRY]
    record.append(HOME)
    record.append(HOME, [notify("slow")])
    record.append(HOME, [notify("quick")])
    async with running(courier(phone, desk)):
        await settle()
        assert desk.finals("quick")
        assert not desk.finals("slow")
        assert record.cursor("phone", HOME) == 1
        await clock.advance(5)
        assert desk.finals("slow")[0].outcome is Outcome.ACCEPTED
        assert record.cursor("phone", HOME) == record.head(HOME)


async def test_message_is_not_finished_before_its_end_is_durable(
    record: MemoryRecord, phone: Phone, desk: Desk
) -> None:
    desk.durable = False
    record.append(HOME, [notify("m1")])
    async with running(courier(phone, desk)):
        await settle()
        assert desk.finals("m1")
        assert record.cursor("phone", HOME) == 0
        desk.durable = True
        record.append(HOME, [notify("m2")])
        await settle()
        assert record.cursor("phone", HOME) == record.head(HOME)
    assert phone.handed == ["m1", "m2"]


async def test_gives_up_after_the_time_allowed_and_says_why(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    phone.answers["m1"] = [RETRY] * 50
    record.append(HOME, [notify("m1")])
    async with running(courier(phone, desk, give_up_s=20.0)):
        await clock.advance(19.9)
        (final,) = desk.finals("m1")
    assert final.outcome is Outcome.REFUSED
    assert "gave up after 6 tries: line busy" in final.detail
    assert [report.outcome for report in desk.reports[:-1]] == [Outcome.RETRY] * 5
    assert phone.handed == ["m1"] * 6


async def test_gives_up_at_once_where_the_other_side_asks_to_wait_too_long(
    record: MemoryRecord, phone: Phone, desk: Desk
) -> None:
    phone.answers["m1"] = [SendResult(Outcome.RETRY, detail="limited", retry_after=60.0)]
    record.append(HOME, [notify("m1")])
    async with running(courier(phone, desk)):
        await settle()
    assert [final.outcome for final in desk.finals("m1")] == [Outcome.REFUSED]


async def test_waits_as_long_as_the_other_side_asks(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    phone.answers["m1"] = [SendResult(Outcome.RETRY, detail="limited", retry_after=7.0)]
    record.append(HOME, [notify("m1")])
    async with running(courier(phone, desk)):
        await clock.advance(6.9)
        assert phone.handed == ["m1"]
        await clock.advance(0.2)
        assert phone.handed == ["m1", "m1"]


async def test_refusal_moves_on_at_once_with_its_words(record: MemoryRecord, phone: Phone, desk: Desk) -> None:
    phone.answers["m1"] = [SendResult(Outcome.REFUSED, detail="no such topic")]
    async with running(courier(phone, desk)):
        await settle()
        record.append(HOME, [notify("m1")])
        await settle()
    assert [(r.outcome, r.detail, r.final) for r in desk.reports] == [(Outcome.REFUSED, "no such topic", True)]


async def test_danger_goes_first_and_stuck_messages_do_not_hold_it_up(
    record: MemoryRecord, phone: Phone, desk: Desk
) -> None:
    phone.hold = asyncio.Event()
    record.append(HOME, [notify(f"trouble{number}", Category.TROUBLE) for number in range(30)])
    async with running(courier(phone, desk, concurrency=16)):
        await settle()
        assert phone.at_once == 12
        record.append(HOME, [notify(f"fall{number}", Category.PERSON) for number in range(4)])
        record.append(HOME, [notify("fire", Category.FIRE)])
        await settle()
        assert phone.at_once_most == 16
        assert [key[:4] for key in phone.handed[12:]] == ["fall"] * 4
        phone.hold.set()
        await settle(400)
        assert phone.handed[16] == "fire"
    assert len(desk.reports) == 35


async def test_fire_goes_before_all_that_waits_with_it(record: MemoryRecord, phone: Phone, desk: Desk) -> None:
    order = (Category.VIDEO, Category.TROUBLE, Category.PERSON, Category.GAS, Category.FIRE)
    record.append(HOME, [notify(category, category) for category in order])
    async with running(courier(phone, desk, concurrency=1)):
        await settle()
    assert phone.handed == ["video", "fire", "gas", "person", "trouble"], "the first found the channel free"


async def test_stop_drops_what_is_not_handed_over_but_never_the_all_clear(
    record: MemoryRecord, phone: Phone, desk: Desk
) -> None:
    phone.hold = asyncio.Event()
    record.append(HOME, [notify(f"m{number}") for number in range(4)])
    record.append(HOME, [notify("other", incident=incident(2)), notify("over1", purpose="over")])
    async with running(courier(phone, desk, concurrency=2)):
        await settle()
        record.append(HOME, [StopNotifying(at=START, incident="h1:1:1.i"), notify("over", purpose="over")])
        record.append(HOME, [notify("again")])
        await settle()
        phone.hold.set()
        await settle(400)
    assert sorted(phone.handed) == ["again", "m0", "m1", "other", "over", "over1"]
    assert {r.message for r in desk.reports if r.detail == STOPPED} == {"m2", "m3"}
    assert record.cursor("phone", HOME) == record.head(HOME)


async def test_stop_ends_the_tries_of_a_message_that_was_never_taken(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    phone.answers["m1"] = [RETRY] * 50
    record.append(HOME, [notify("m1")])
    async with running(courier(phone, desk, give_up_s=300.0)):
        await clock.advance(1)
        tries = len(phone.handed)
        record.append(HOME, [StopNotifying(at=START, incident="h1:1:1.i")])
        await clock.advance(20)
    assert len(phone.handed) == tries
    assert [final.detail for final in desk.finals("m1")] == [STOPPED]


async def test_stop_before_the_restart_still_holds(record: MemoryRecord, phone: Phone, desk: Desk) -> None:
    record.append(HOME, [notify("m1")])
    record.append(HOME, [StopNotifying(at=START, incident="h1:1:1.i")])
    async with running(courier(phone, desk)):
        await settle()
    assert phone.handed == []
    assert [final.detail for final in desk.finals("m1")] == [STOPPED]


async def test_one_message_that_breaks_its_channel_takes_no_other_with_it(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    phone.answers["m1"] = [KeyError("boom"), KeyError("boom")]
    record.append(HOME, [notify("m1"), notify("m2")])
    async with running(courier(phone, desk)):
        await settle()
        assert desk.finals("m2")[0].outcome is Outcome.ACCEPTED
        await clock.advance(5)
    assert desk.finals("m1")[0].outcome is Outcome.ACCEPTED
    assert (HOME, "destination:phone", False, "KeyError: 'boom'") in desk.links
    assert desk.links[-1][2] is True


async def test_courier_begins_anew_after_an_unexpected_fault(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    record.append(HOME, [notify("m1")])
    record.read_faults = [RuntimeError("torn page"), RuntimeError("torn page")]
    async with running(courier(phone, desk)):
        await clock.advance(3)
    assert phone.handed == ["m1"]
    assert [link[2:] for link in desk.links] == [(False, "courier restarted: RuntimeError: torn page"), (True, "")]


@pytest.mark.parametrize(
    ("category", "handed"),
    [pytest.param(Category.TROUBLE, 1000, id="others_are_refused"), pytest.param(Category.FIRE, 1100, id="fire_waits")],
)
async def test_crowd_refuses_only_what_is_no_danger(
    record: MemoryRecord, phone: Phone, desk: Desk, category: Category, handed: int
) -> None:
    record.append(HOME, [notify(f"m{number}", category) for number in range(1100)])
    async with running(courier(phone, desk)):
        await settle(3000)
    assert len(phone.handed) == handed
    assert len(desk.reports) == 1100
    assert sum(1 for report in desk.reports if "wait for this channel" in report.detail) == 1100 - handed


async def test_danger_beyond_its_limit_waits_in_the_journal(
    record: MemoryRecord, phone: Phone, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.deliver.people._DANGER_WAITING_MAX", 8)
    phone.hold = asyncio.Event()
    async with running(courier(phone, desk, concurrency=1)):
        for number in range(40):
            record.append(HOME, [notify(f"m{number}")])
            await settle(5)
        await settle()
        reads = record.reads
        record.append(HOME, [notify("late")])
        await settle()
        assert record.reads == reads
        phone.hold.set()
        await settle(2000)
    assert sorted(phone.handed) == sorted(["late", *(f"m{number}" for number in range(40))])


async def test_foreign_channels_and_effects_only_move_the_cursor(
    record: MemoryRecord, phone: Phone, desk: Desk
) -> None:
    record.append(HOME, [notify("m1", channel="sms")])
    async with running(courier(phone, desk)):
        await settle()
        record.append(HOME)
        await settle()
        assert record.cursor("phone", HOME) == 2
    assert phone.handed == []


async def test_message_that_waited_too_long_for_its_turn_is_refused_unless_it_is_a_danger(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    phone.hold = asyncio.Event()
    record.append(HOME, [notify("first"), notify("fire"), notify("trouble", Category.TROUBLE)])
    async with running(courier(phone, desk, concurrency=1, give_up_s=20.0)):
        await clock.advance(30)
        phone.hold.set()
        await settle()
    assert phone.handed == ["first", "fire"]
    assert [final.detail for final in desk.finals("trouble")] == ["the channel was too busy, 0 tries"]


async def test_hand_over_that_never_ends_is_cut_off(
    record: MemoryRecord, phone: Phone, desk: Desk, clock: ManualClock
) -> None:
    phone.hold = asyncio.Event()
    record.append(HOME, [notify("m1")])
    async with running(courier(phone, desk, hand_over_max_s=0.05)):
        await until(lambda: bool(desk.reports))
        assert desk.reports[0].outcome is Outcome.RETRY
        phone.hold.set()
        await clock.advance(1)
    assert desk.finals("m1")[0].outcome is Outcome.ACCEPTED


async def test_orderly_end_leaves_nothing_between_hand_over_and_record(
    record: MemoryRecord, clock: ManualClock, phone: Phone, desk: Desk
) -> None:
    phone.hold = asyncio.Event()
    phone.answers["m0"] = [RETRY]
    record.append(HOME, [notify(f"m{number}") for number in range(6)])
    carrier = courier(phone, desk, concurrency=3)
    async with running(carrier):
        await settle()
        drained = asyncio.create_task(carrier.drain(5.0))
        await settle()
        assert not drained.done()
        phone.hold.set()
        assert await drained
        await clock.advance(10)
    assert phone.handed == ["m0", "m1", "m2"]
    assert [desk.finals(message)[0].message for message in ("m1", "m2")] == ["m1", "m2"]
    second = Phone()
    async with running(courier(second, Desk(record.after_crash(), clock))):
        await settle()
    assert sorted(second.handed) == ["m0", "m3", "m4", "m5"]


async def test_drain_has_an_end(record: MemoryRecord, phone: Phone, desk: Desk) -> None:
    phone.hold = asyncio.Event()
    record.append(HOME, [notify("m1")])
    carrier = courier(phone, desk)
    async with running(carrier):
        await settle()
        assert await carrier.drain(0.05) is False


def _storm(number: int) -> Callable[[Phone], None]:
    def set_up(phone: Phone) -> None:
        for message in range(60):
            faults = (message * 7 + number) % 4
            phone.answers[f"m{message}"] = [RETRY] * faults

    return set_up


@pytest.mark.parametrize("number", range(4))
async def test_crashes_again_and_again_lose_nothing(number: int) -> None:
    record, clock = MemoryRecord(), ManualClock()
    ended: list[str] = []
    for message in range(60):
        record.append(HOME, [notify(f"m{message}", list(Category)[message % 7])])
    for crash in range(12):
        phone, desk = Phone(), Desk(record, clock)
        _storm(number + crash)(phone)
        async with running(courier(phone, desk, concurrency=4)):
            await settle(7 + 5 * crash + number)
            await clock.advance(0.3 * crash)
        ended += [report.message for report in desk.reports if report.final]
        record = record.after_crash()
    phone, desk = Phone(), Desk(record, clock)
    async with running(courier(phone, desk)):
        await clock.advance(30)
    ended += [report.message for report in desk.reports if report.final]
    assert sorted(set(ended)) == sorted(f"m{message}" for message in range(60))
    assert len(ended) == len(set(ended)), "a message ended twice in the journal"
    assert record.cursor("phone", HOME) == record.head(HOME)


@pytest.mark.parametrize("lost", [{2}, {3, 4}, {1, 2, 3, 4}], ids=str)
async def test_entries_that_were_lost_are_passed_by(
    record: MemoryRecord, phone: Phone, desk: Desk, lost: set[int]
) -> None:
    record.lost = lost
    for number in range(1, 5):
        record.append(HOME, [notify(f"m{number}")])
    async with running(courier(phone, desk)):
        await settle()
        assert record.cursor("phone", HOME) >= 4
        record.append(HOME, [notify("m5")])
        await settle()
    assert set(phone.handed) == {f"m{number}" for number in range(1, 6) if number not in lost} | {"m5"}


async def test_cursor_beyond_what_there_is_misses_nothing(record: MemoryRecord, phone: Phone, desk: Desk) -> None:
    record.append(HOME)
    record.cursors[("phone", HOME)] = 40
    async with running(courier(phone, desk)):
        await settle()
        record.append(HOME, [notify("m1")])
        await settle()
    assert phone.handed == ["m1"]


class Learner(Phone):
    """A phone that learns more of its messages later: what stands in `learnt`, and a fault first if there is one."""

    def __init__(self, fault: Exception | None = None) -> None:
        super().__init__()
        self.learnt: asyncio.Queue[tuple[Notify, SendResult]] = asyncio.Queue()
        self.durable: list[bool] = []
        self.fault = fault

    async def listen(self, later: Later) -> None:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        while True:
            self.durable.append(await later(*await self.learnt.get()))


async def test_what_is_learnt_later_is_recorded_and_ends_nothing(record: MemoryRecord, clock: ManualClock) -> None:
    phone, desk = Learner(), Desk(record, clock)
    call = notify("m1")
    phone.answers["m1"] = [RETRY, SendResult(Outcome.ACCEPTED)]
    record.append(HOME, [call])
    async with running(courier(phone, desk)):
        await settle()
        desk.durable = False
        await phone.learnt.put((call, SendResult(Outcome.DELIVERED, reference="7", detail="in 3 s")))
        await settle()
        (known,) = [report for report in desk.reports if report.outcome is Outcome.DELIVERED]
        assert (known.message, known.incident, known.person) == ("m1", call.incident.id, call.person)
        assert (known.reference, known.detail, known.final) == ("7", "in 3 s", False)
        assert phone.durable == [False]
        desk.durable = True
        await clock.advance(5)
        await phone.learnt.put((call, SendResult(Outcome.ANSWERED)))
        await settle()
    assert [report.outcome for report in desk.finals("m1")] == [Outcome.ACCEPTED]
    assert phone.durable == [False, True]


async def test_what_is_learnt_of_a_home_that_is_gone_is_told_to_nobody(
    record: MemoryRecord, clock: ManualClock
) -> None:
    phone, desk = Learner(), Desk(record, clock)
    await phone.learnt.put((notify("m1", incident=incident(home="sold")), SendResult(Outcome.ANSWERED)))
    async with running(courier(phone, desk)):
        await settle()
    assert (phone.durable, desk.reports) == ([True], [])


async def test_a_listener_that_breaks_is_a_trouble_and_listens_again(record: MemoryRecord, clock: ManualClock) -> None:
    phone, desk = Learner(OSError("the modem is gone")), Desk(record, clock)
    await phone.learnt.put((notify("m1"), SendResult(Outcome.READ)))
    async with running(courier(phone, desk)):
        await settle()
        assert desk.links == [(HOME, "feedback:phone", False, "courier restarted: OSError: the modem is gone")]
        await clock.advance(5)
        assert [report.outcome for report in desk.reports] == [Outcome.READ]
        assert len(desk.links) == 1
        await clock.advance(20)
    assert desk.links[1:] == [(HOME, "feedback:phone", True, "")]


LIMITED = SendResult(Outcome.RETRY, detail="over the limit", retry_after=3.0)


@pytest.mark.parametrize(
    ("category", "next_way", "tries", "words"),
    [
        pytest.param(Category.FIRE, True, 1, "over the limit: left to the person's other channels", id="fire_moves_on"),
        pytest.param(Category.PERSON, True, 1, "left to the person's other channels", id="person_moves_on"),
        pytest.param(Category.FIRE, False, 4, "gave up after 4 tries", id="fire_has_no_other_way"),
        pytest.param(Category.TROUBLE, True, 4, "gave up after 4 tries", id="trouble_can_wait"),
    ],
)
async def test_danger_does_not_wait_for_a_limit_where_another_channel_comes_after_a_refusal(
    record: MemoryRecord,
    clock: ManualClock,
    phone: Phone,
    desk: Desk,
    category: Category,
    next_way: bool,
    tries: int,
    words: str,
) -> None:
    phone.answers["m1"] = [LIMITED] * 9
    record.append(HOME, [notify("m1", category, has_next_way=next_way)])
    async with running(courier(phone, desk, give_up_s=10.0)):
        await settle()
        assert bool(desk.finals("m1")) is (tries == 1)
        await clock.advance(10)
        assert phone.handed == ["m1"] * tries
        (end,) = desk.finals("m1")
        assert end.outcome is Outcome.REFUSED
        assert words in end.detail
