"""Time: engine time never goes back and never jumps; steps of the wall clock shift what is shown and stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway import clock as clock_module
from gateway.clock import SystemClock
from gateway.health import ClockWatch, Links
from gateway.inbox import Inbox
from rules.inputs import ClockStepped

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Hands:
    """What the machine says: a wall clock and a monotonic clock that move as the test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = START
        self.mono = 100.0
        outer = self

        class FakeDatetime(datetime):
            @classmethod
            def now(cls, _tz: object = None) -> datetime:  # type: ignore[override]
                return outer.wall

        monkeypatch.setattr(clock_module, "datetime", FakeDatetime)
        monkeypatch.setattr(clock_module.time, "monotonic", lambda: outer.mono)

    def pass_(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.mono += seconds


class Stamps:
    shift_ms = 0


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)


def watch(clock: SystemClock, stamps: Stamps, *, assume: bool = True, synchronised: bool = True):
    inbox = Inbox()
    links = Links(inbox, ["home-a"], clock.now)
    said = [synchronised]
    return ClockWatch(clock, inbox, ["home-a"], stamps, links, assume=assume, synchronised=lambda: said[0]), inbox, said


def steps(inbox: Inbox) -> list[ClockStepped]:
    made = [delivery.make(START) for delivery in inbox.take(100)]
    return [happened for happened in made if isinstance(happened, ClockStepped)]


@pytest.mark.parametrize("hours", [5, -5], ids=["forward", "back"])
def test_a_step_shifts_what_is_shown_and_no_running_delay(hands: Hands, hours: int) -> None:
    clock, stamps = SystemClock(), Stamps()
    seen, inbox, _ = watch(clock, stamps)
    before = clock.now()
    hands.pass_(1)
    hands.wall += timedelta(hours=hours)
    seen.look()
    assert clock.now() - before == timedelta(seconds=1)
    assert stamps.shift_ms == hours * 3_600_000
    [step] = steps(inbox)
    assert step.new - step.old == timedelta(hours=hours) and not step.first_sync
    seen.look()
    assert steps(inbox) == [], "one step is told once"


def test_a_difference_below_two_seconds_is_no_step(hands: Hands) -> None:
    clock, stamps = SystemClock(), Stamps()
    seen, inbox, _ = watch(clock, stamps)
    hands.wall += timedelta(seconds=1.9)
    seen.look()
    assert steps(inbox) == [] and stamps.shift_ms == 0


def test_after_a_restart_time_goes_on_from_the_journal(hands: Hands) -> None:
    clock, stamps = SystemClock(), Stamps()
    last = START + timedelta(hours=3)
    clock.start_at(last)
    watch(clock, stamps)
    assert clock.now() == last, "a machine without a clock of its own wakes up in the past"
    assert stamps.shift_ms == -3 * 3_600_000, "what is stored is still the time on the wall"
    clock.start_at(START)
    assert clock.now() == last, "and never goes back"


def test_the_first_synchronisation_counts_as_downtime(hands: Hands) -> None:
    hands.wall = datetime(1970, 1, 1, tzinfo=UTC)
    clock, stamps = SystemClock(), Stamps()
    seen, inbox, said = watch(clock, stamps, assume=False, synchronised=False)
    assert not seen.synchronised.is_set(), "InfluxDB waits"
    said[0] = True
    hands.wall = START
    seen.look()
    assert seen.synchronised.is_set() and clock.now() == START and stamps.shift_ms == 0
    [step] = steps(inbox)
    assert step.first_sync
    hands.wall += timedelta(hours=1)
    seen.look()
    assert clock.now() == START, "only the first one moves engine time"
    assert [step.first_sync for step in steps(inbox)] == [False]


def test_a_clock_that_is_never_synchronised_is_a_trouble(hands: Hands) -> None:
    clock, stamps = SystemClock(), Stamps()
    seen, _, _ = watch(clock, stamps, assume=False, synchronised=False)
    hands.pass_(601)
    seen.look()
    assert seen._links.states["clock"][0] is False
