"""The live line: reached is shown in the foreground within 20 s; everything else moves the plan on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway import lines as lines_module
from gateway.deliver.destination import SendResult
from gateway.deliver.live import LiveChannel
from gateway.deliver.people import PeopleCourier
from gateway.deliver.quota import Quota
from gateway.deliver.wording import compose
from gateway.lines import ANSWER_WITHIN_S, Line, Lines
from rules.effects import Notify
from rules.inputs import Outcome, SendReported
from tests.deliver_world import Desk, ManualClock, MemoryRecord, notify, settle

HOME = "h1"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def lines(clock: ManualClock) -> Lines:
    return Lines(clock)


def a_line(lines: Lines, name: str = "l1", person: str = "wang", *, visible: bool = True) -> Line:
    line = lines.open(name, person, (HOME,))
    assert line is not None
    assert [said.event for said in line.take()] == ["ping"]
    lines.answered(name, person, visible=visible, shown=[])
    return line


def channel(lines: Lines, clock: ManualClock) -> LiveChannel:
    return LiveChannel("live", lines, lambda message: compose(message, None, "u"), clock, Quota(6000, 0, clock))


def a_call(message: str = "m1", **changes: object) -> Notify:
    return notify(message, channel="live", address="", **changes)


async def started(lines: Lines, clock: ManualClock, call: Notify) -> asyncio.Task[SendResult]:
    task = asyncio.create_task(channel(lines, clock).send(call, call.message))
    await settle()
    return task


async def test_a_page_in_the_foreground_that_shows_it_is_reached(lines: Lines, clock: ManualClock) -> None:
    line = a_line(lines)
    sending = await started(lines, clock, a_call())
    (said,) = line.take()
    assert said.event == "call"
    assert (said.data["message"], said.data["incident"], said.data["danger"]) == ("m1", "h1:1:1.i", True)
    await clock.advance(1.5)
    assert not sending.done()
    assert lines.answered("l1", "wang", visible=True, shown=["m1"])
    result = await sending
    assert (result.outcome, result.detail) == (Outcome.DELIVERED, "shown after 1.5 s")


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        pytest.param(lambda _: None, "no page of this person is open", id="no_page"),
        pytest.param(lambda lines: a_line(lines, person="li"), "no page of this person is open", id="another_person"),
        pytest.param(lambda lines: a_line(lines, visible=False), "not in the foreground", id="in_the_background"),
        pytest.param(lambda lines: lines.open("l1", "wang", (HOME,)), "not in the foreground", id="never_answered"),
        pytest.param(lambda lines: lines.close(a_line(lines)), "no page of this person is open", id="gone"),
        pytest.param(lambda lines: lines.open("l1", "wang", ("h2",)), "no page of this person", id="another_home"),
    ],
)
async def test_whoever_sees_nothing_is_refused_at_once(
    lines: Lines, clock: ManualClock, prepare: Callable[[Lines], object], why: str
) -> None:
    prepare(lines)
    sending = await started(lines, clock, a_call())
    assert sending.done(), "without any waiting"
    result = await sending
    assert result.outcome is Outcome.REFUSED
    assert why in result.detail


async def test_a_page_that_fell_silent_counts_no_more_after_20_s(lines: Lines, clock: ManualClock) -> None:
    a_line(lines)
    await clock.advance(ANSWER_WITHIN_S)
    assert lines.is_watching(HOME, "wang")
    await clock.advance(0.1)
    assert not lines.is_watching(HOME, "wang")
    assert (await (await started(lines, clock, a_call()))).outcome is Outcome.REFUSED


async def test_a_page_that_dies_with_the_message_is_refused_after_20_s(lines: Lines, clock: ManualClock) -> None:
    a_line(lines)
    sending = await started(lines, clock, a_call())
    await clock.advance(ANSWER_WITHIN_S - 0.1)
    assert not sending.done()
    await clock.advance(0.1)
    result = await sending
    assert result.outcome is Outcome.REFUSED
    assert "did not show it within 20 s" in result.detail


async def test_a_page_in_the_background_does_not_confirm(lines: Lines, clock: ManualClock) -> None:
    a_line(lines)
    sending = await started(lines, clock, a_call())
    lines.answered("l1", "wang", visible=False, shown=["m1"])
    await settle()
    assert not sending.done()
    sending.cancel()


async def test_nobody_confirms_for_somebody_else(lines: Lines, clock: ManualClock) -> None:
    a_line(lines)
    a_line(lines, "l2", "li")
    sending = await started(lines, clock, a_call())
    assert not lines.answered("l1", "li", visible=True, shown=["m1"]), "the line of another"
    assert lines.answered("l2", "li", visible=True, shown=["m1"]), "its own line, but another's message"
    await settle()
    assert not sending.done()
    sending.cancel()


async def test_a_page_that_comes_back_meanwhile_is_told(lines: Lines, clock: ManualClock) -> None:
    first = a_line(lines)
    sending = await started(lines, clock, a_call())
    lines.close(first)
    again = lines.open("l2", "wang", (HOME,))
    assert again is not None
    assert [said.event for said in again.take()] == ["ping", "call"]
    lines.answered("l2", "wang", visible=True, shown=["m1"])
    assert (await sending).outcome is Outcome.DELIVERED


async def test_the_lines_are_bounded(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "LINES_OF_A_PERSON_MAX", 2)
    monkeypatch.setattr(lines_module, "LINES_MAX", 3)
    mine = [a_line(lines, f"l{number}") for number in range(3)]
    assert [line.ended for line in mine] == [True, False, False]
    assert mine[0].woken.is_set(), "its stream is told to end"
    a_line(lines, "other", "li")
    assert lines.open("too-many", "chen", (HOME,)) is None
    assert len(lines) == 3


async def test_a_page_that_reads_nothing_holds_little(lines: Lines) -> None:
    line = a_line(lines)
    for number in range(100):
        line.say("call", {"message": number})
    waiting = line.take()
    assert len(waiting) == lines_module.WAITING_MAX
    assert waiting[-1].data == {"message": 99}, "the newest are kept"


@asynccontextmanager
async def carrying(destination: LiveChannel, desk: Desk) -> AsyncIterator[PeopleCourier]:
    courier = PeopleCourier(destination, desk.record, [HOME], desk.clock, desk.submit, lambda: 0.5)
    running = asyncio.create_task(courier.run())
    await settle()
    yield courier
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_journal_has_shown_and_opened_and_a_stranger_says_nothing(lines: Lines, clock: ManualClock) -> None:
    record = MemoryRecord()
    desk, live = Desk(record, clock), channel(lines, clock)
    a_line(lines)
    async with carrying(live, desk):
        record.append(HOME, [a_call()])
        await settle()
        lines.answered("l1", "wang", visible=True, shown=["m1"])
        await settle()
        assert not live.receipts.note("m1", "li", Outcome.READ), "another's message"
        assert live.receipts.note("m1", "wang", Outcome.READ)
        assert not live.receipts.note("m1", "wang", Outcome.READ), "said already"
        assert not live.receipts.note("m1", "wang", Outcome.DELIVERED), "less than what is known"
        assert not live.receipts.note("m1", "wang", Outcome.ANSWERED), "that is the button's"
        assert not live.receipts.note("m9", "wang", Outcome.READ), "never handed over"
        await settle()
    said = [each for each in desk.reports if isinstance(each, SendReported)]
    assert [(each.outcome, each.final) for each in said] == [(Outcome.DELIVERED, True), (Outcome.READ, False)]


async def test_an_address_is_a_fault_of_the_site_file(lines: Lines, clock: ManualClock) -> None:
    result = await channel(lines, clock).send(notify("m1", channel="live", address="138"), "m1")
    assert result.outcome is Outcome.REFUSED
    assert "take '138' out" in result.detail
