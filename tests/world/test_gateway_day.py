"""Simulated days of a whole gateway, one a seed; and what each of the checks sees of a gateway that is broken.

More with `python -m tests.world.run --gateway --seeds N`.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import boot, decide
from gateway.decide import Decider
from gateway.deliver.courier import _Following
from gateway.deliver.people import PeopleCourier
from gateway.record import batch
from rules.alarms import Alarms
from tests.world.home import Broken
from tests.world.run import main
from tests.world.virtual_loop import LIFE, Stuck, VirtualLoop
from tests.world.whole_gateway import GatewayDay

Break = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.parametrize("seed", range(8))
def test_a_day_of_a_gateway(seed: int, tmp_path: Path) -> None:
    day = GatewayDay(seed, tmp_path)
    day.run()
    assert day.lives == day.deaths + 1
    assert day.broker.acknowledged > 200 and day.broker.dangers


def test_a_seed_plays_the_same_day_again(tmp_path: Path) -> None:
    days = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        day = GatewayDay(1, tmp_path / name)
        day.run()
        days.append((day.loop.steps, day.loop.time(), day.acts, {way: one.handed for way, one in day.phones.items()}))
    assert days[0] == days[1]
    assert days[0][0] > 1000


# a gateway that is broken in one place


def settles_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    real = Decider._enter

    def enter(self: Decider, delivery: Any, *more: Any) -> None:
        real(self, delivery, *more)
        self._settle(delivery)

    patch.setattr(Decider, "_enter", enter)


def answers_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    real = Decider._enter

    def enter(self: Decider, delivery: Any, *more: Any) -> None:
        real(self, delivery, *more)
        if delivery.decided is not None:
            decide._answer(delivery.decided, self._entries[-1], durable=True)

    patch.setattr(Decider, "_enter", enter)


def never_settles(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Decider, "_settle", lambda *_: None)


def forgets_unfinished_messages(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Awaitable[object]] = PeopleCourier._catch_up

    async def catch_up(self: PeopleCourier, stream: str, progress: Any) -> list[object]:
        await real(self, stream, progress)
        self._letters.clear()
        progress.unfinished.clear()
        return []

    patch.setattr(PeopleCourier, "_catch_up", catch_up)


def gives_up_a_place(patch: pytest.MonkeyPatch) -> None:
    async def go_back(*_: object) -> None:
        await asyncio.Event().wait()

    patch.setattr(_Following, "_go_back", go_back)


def starts_without_its_past(patch: pytest.MonkeyPatch) -> None:
    def replay(engine: Any, entry: Any) -> bool:
        engine.seq = entry.seq
        return True

    patch.setattr(boot, "_replay", replay)


def leaves_rows_out_of_the_ledger(patch: pytest.MonkeyPatch) -> None:
    real = batch._ledger_rows
    calls = []

    def rows(*inputs: Any) -> list[Any]:
        calls.append(1)
        found = real(*inputs)
        return found[:-1] if len(calls) % 15 == 0 else found

    patch.setattr(batch, "_ledger_rows", rows)


def raises_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Alarms, "trip", lambda *_: None)


SEEN: tuple[tuple[Break, str], ...] = (
    (settles_before_the_commit, "acknowledged to the broker"),
    (answers_before_the_commit, "not in the ledger"),
    (never_settles, "not acknowledged"),
    (forgets_unfinished_messages, "without an end"),
    (gives_up_a_place, "there stand"),
    (starts_without_its_past, "different"),
    (leaves_rows_out_of_the_ledger, "ledger is not sound"),
    (raises_nothing, "swallowed"),
)


@pytest.mark.parametrize(("broken", "words"), SEEN, ids=[broken.__name__ for broken, _ in SEEN])
def test_a_broken_gateway_is_seen(
    broken: Break, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken(monkeypatch)
    for seed in range(40):
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            GatewayDay(seed, folder).run()
        except Broken as fault:
            assert words in str(fault)
            assert f"--gateway --seeds 1 --first {seed}" in str(fault)
            return
    pytest.fail("nobody saw it in 40 days")


def test_the_command_tells_how_many_days_were_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--gateway", "--seeds", "1", "--first", "2"]) == 0
    raises_nothing(monkeypatch)
    assert main(["--gateway", "--seeds", "1", "--first", "2"]) == 1
    said = capsys.readouterr().out
    assert "0 broken" in said and "1 broken" in said and "--first 2" in said


# the loop


def on(loop: VirtualLoop, work: Callable[[], Awaitable[object]]) -> object:
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work())  # type: ignore[arg-type]
    finally:
        asyncio.set_event_loop(None)
        loop.bury()


def test_hours_pass_in_no_time_and_in_their_order() -> None:
    loop, seen = VirtualLoop(), []

    async def work() -> None:
        async def sleeps(hours: int) -> None:
            await asyncio.sleep(hours * 3600)
            seen.append((hours, loop.time()))

        await asyncio.gather(*(sleeps(hours) for hours in (3, 1, 2)))

    on(loop, work)
    assert seen == [(1, 3600.0), (2, 7200.0), (3, 10800.0)]


def test_what_waits_for_ever_is_told() -> None:
    with pytest.raises(Stuck):
        on(VirtualLoop(), lambda: asyncio.Event().wait())


@pytest.mark.parametrize("steps", range(1, 5))
def test_the_dead_do_nothing_any_more_wherever_they_stood(steps: int) -> None:
    loop, done = VirtualLoop(), []

    async def work() -> None:
        async def lives() -> None:
            try:
                for number in range(10):
                    done.append(number)
                    await asyncio.sleep(1)
            finally:
                done.append("ended")

        def dies() -> None:
            loop.ended.add(1)

        loop.on_death, loop.dies_in = dies, steps
        context = contextvars.copy_context()
        context.run(LIFE.set, 1)
        life = asyncio.create_task(lives(), context=context)
        await asyncio.sleep(100)
        assert "ended" not in done and not life.done()

    on(loop, work)
    assert len([one for one in done if one != "ended"]) < 4
