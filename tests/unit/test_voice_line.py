"""One telephone line: one call at a time, the most dangerous first; what a call's end means; who is not called."""

from __future__ import annotations

import asyncio
from array import array
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from gateway.channel_settings import VoiceLineChannel
from gateway.deliver.baresip import Baresip, CallEnd, End
from gateway.deliver.channels import ChannelUnusable, Hardware, Surroundings, open_channel
from gateway.deliver.couriers import open_couriers
from gateway.deliver.wording import Notice
from rules.alarm import Category
from rules.effects import Notify
from rules.inputs import Outcome
from tests.deliver_world import Desk, ManualClock, MemoryRecord, incident, notify, until

SETTING = VoiceLineChannel(name="call", kind="voice-line", server="sip.example.org", user="anlian", per_minute=60)


class Line:
    """Notes the calls; each lasts until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.numbers: list[str] = []
        self.at_once = self.at_once_most = 0
        self.go_on = asyncio.Semaphore(0)
        self.end = CallEnd(End.KEY, talked_s=7.0)

        async def call(_: Baresip, number: str, spoken: Path, *_more: object) -> CallEnd:
            assert spoken.stat().st_size > 1000
            self.numbers.append(number)
            self.at_once += 1
            self.at_once_most = max(self.at_once_most, self.at_once)
            await self.go_on.acquire()
            self.at_once -= 1
            return self.end

        async def run(_: Baresip) -> None:
            await asyncio.Event().wait()

        async def sound_of(_text: str, _command: object) -> array[int]:
            return array("h", [1] * 800)

        monkeypatch.setattr(Baresip, "call", call)
        monkeypatch.setattr(Baresip, "run", run)
        monkeypatch.setattr("gateway.deliver.voice.sound_of", sound_of)


@pytest.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(monkeypatch)


def words(_: Notify) -> Notice:
    return Notice("火警", ("火警", "东区"), "", "", "zh")


def call(number: int, category: Category, **changes: object) -> Notify:
    about = incident(number, category)
    told = notify(f"m{number}", category, incident=about)
    return replace(told, channel="call", address=f"1380013800{number}", **changes)


async def test_one_call_at_a_time_and_the_most_dangerous_first(line: Line) -> None:
    record, clock = MemoryRecord(), ManualClock()
    desk = Desk(record, clock)
    settings = SimpleNamespace(channels=(SETTING,))
    secrets = SimpleNamespace(find=lambda *_: None)
    (courier,) = open_couriers(
        settings, secrets, {"h1": None}, record, None, words, clock, desk.submit, lambda: 1.0, Hardware(), None
    )
    record.append("h1", [call(1, Category.TROUBLE)])
    task = asyncio.create_task(courier.run())
    try:
        await until(lambda: len(line.numbers) == 1)
        record.append("h1", [call(2, Category.TROUBLE), call(3, Category.FIRE)])
        await clock.advance(1)
        for _ in range(3):
            line.go_on.release()
        await until(lambda: bool(desk.finals("m2")))
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert line.numbers == ["13800138001", "13800138003", "13800138002"]
    assert line.at_once_most == 1


ENDS = [
    pytest.param(End.KEY, Outcome.ANSWERED, id="key"),
    pytest.param(End.LISTENED, Outcome.DELIVERED, id="listened"),
    pytest.param(End.NO_ANSWER, Outcome.REFUSED, id="no_answer"),
    pytest.param(End.BUSY, Outcome.REFUSED, id="busy"),
    pytest.param(End.DECLINED, Outcome.REFUSED, id="declined"),
    pytest.param(End.WRONG_NUMBER, Outcome.REFUSED, id="wrong_number"),
    pytest.param(End.LINE_FAULT, Outcome.RETRY, id="line_fault"),
]


def opened(password: str = "") -> object:
    around = Surroundings(None, words, ManualClock(), lambda _: password)  # type: ignore[arg-type]
    return open_channel(SETTING, around)


@pytest.mark.parametrize(("end", "outcome"), ENDS)
async def test_how_a_call_ended_is_recorded(line: Line, end: End, outcome: Outcome) -> None:
    line.end = CallEnd(end, "words", 3.0)
    line.go_on.release()
    result = await opened().send(call(1, Category.FIRE), "m1")
    assert result.outcome is outcome
    assert {ending.values[0] for ending in ENDS} == set(End)


async def test_nobody_is_called_to_hear_that_it_is_over(line: Line) -> None:
    result = await opened().send(call(1, Category.FIRE, purpose="over"), "m1")
    assert (result.outcome, line.numbers) == (Outcome.REFUSED, [])


@pytest.mark.parametrize("address", ["", "abc", "12", "sip:x@y"], ids=["none", "letters", "short", "uri"])
async def test_an_address_that_is_no_number_is_not_called(line: Line, address: str) -> None:
    result = await opened().send(replace(call(1, Category.FIRE), address=address), "m1")
    assert (result.outcome, line.numbers) == (Outcome.REFUSED, [])


def test_a_password_that_would_break_the_account_is_refused() -> None:
    with pytest.raises(ChannelUnusable, match="no quotation marks"):
        opened('a";regint=0')
