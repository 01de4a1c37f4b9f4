"""Schedules: local time, nights over midnight, the days of the State Council's notices, and an unknown clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.load import offsets_of
from rules.condition import Schedule
from rules.holidays import HOLIDAYS, MAKE_UP_DAYS, YEARS, is_holiday, is_known, is_workday
from rules.schedule import holds_at, next_change

NIGHT = Schedule(begins=22 * 60, ends=6 * 60)
DAY = Schedule(begins=6 * 60, ends=22 * 60)


def china(text: str) -> datetime:
    """An instant by the clock on a wall in China."""
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("schedule", "at", "holds"),
    [
        pytest.param(NIGHT, "2026-03-02 21:59:59", False, id="before-the-night"),
        pytest.param(NIGHT, "2026-03-02 22:00", True, id="night-begins"),
        pytest.param(NIGHT, "2026-03-03 05:59:59", True, id="after-midnight"),
        pytest.param(NIGHT, "2026-03-03 06:00", False, id="night-ends"),
        pytest.param(DAY, "2026-03-03 06:00", True, id="day-begins"),
        pytest.param(DAY, "2026-03-03 22:00", False, id="day-ends"),
        pytest.param(Schedule(days=("workday",)), "2026-03-02 12:00", True, id="a-monday"),
        pytest.param(Schedule(days=("workday",)), "2026-03-07 12:00", False, id="a-saturday"),
        pytest.param(Schedule(days=("workday",)), "2026-02-14 12:00", True, id="a-saturday-that-makes-up"),
        pytest.param(Schedule(days=("workday",)), "2026-10-01 12:00", False, id="a-thursday-that-is-a-holiday"),
        pytest.param(Schedule(days=("restday",)), "2026-10-01 12:00", True, id="a-holiday-is-a-day-off"),
        pytest.param(Schedule(days=("restday",)), "2026-02-14 12:00", False, id="a-day-that-makes-up-is-none"),
        pytest.param(Schedule(days=("holiday",)), "2026-03-07 12:00", False, id="a-weekend-is-no-holiday"),
        pytest.param(Schedule(days=("holiday",)), "2026-05-05 23:59", True, id="last-day-of-a-holiday"),
        pytest.param(Schedule(days=("mon", "sun")), "2026-03-08 00:00", True, id="one-of-two-days"),
        pytest.param(
            Schedule(begins=1320, ends=360, days=("fri",)), "2026-03-07 05:00", True, id="the-night-of-the-day-before"
        ),
        pytest.param(
            Schedule(begins=1320, ends=360, days=("fri",)), "2026-03-06 05:00", False, id="not-its-own-morning"
        ),
    ],
)
def test_what_holds_when(schedule: Schedule, at: str, holds: bool) -> None:
    assert holds_at(schedule, china(at), ()) is holds


def test_the_answer_never_changes_between_two_changes_foretold() -> None:
    schedule = Schedule(begins=22 * 60, ends=6 * 60, days=("workday", "sun"))
    at, end, changes = china("2026-02-13 00:00"), china("2026-03-02 00:00"), 0
    while at < end:
        due = next_change(schedule, at, ())
        assert at < due <= at + timedelta(days=1)
        held = holds_at(schedule, at, ())
        moment = at
        while moment < due:
            assert holds_at(schedule, moment, ()) is held
            moment += timedelta(minutes=7)
        assert holds_at(schedule, due - timedelta(microseconds=1), ()) is held
        changes += holds_at(schedule, due, ()) is not held
        at = due
    assert changes >= 10


@pytest.mark.parametrize("days", [(), ("workday",), ("holiday",), ("sat",)], ids=lambda days: "-".join(days) or "all")
def test_as_long_as_the_clock_is_unknown_it_is_night_on_every_day(days: tuple[str, ...]) -> None:
    noon = china("2026-03-04 12:00")
    assert holds_at(Schedule(begins=1320, ends=360, days=days), noon, (), clock_known=False)
    assert not holds_at(Schedule(begins=360, ends=1320, days=days), noon, (), clock_known=False)


def test_summer_time_comes_with_the_site() -> None:
    offsets = offsets_of("Europe/Berlin")
    at_six = Schedule(begins=6 * 60, ends=7 * 60)
    winter, summer = datetime(2026, 3, 28, 5, tzinfo=UTC), datetime(2026, 3, 29, 4, tzinfo=UTC)
    assert holds_at(at_six, winter, offsets)
    assert holds_at(at_six, summer, offsets)
    assert not holds_at(at_six, summer - timedelta(minutes=1), offsets)
    eve = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert next_change(at_six, eve, offsets) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_the_holidays_are_those_of_the_notices() -> None:
    # Days off by year in the two notices: 2025 has 1 + 8 + 3 + 5 + 3 + 8, 2026 has 3 + 9 + 3 + 5 + 3 + 3 + 7.
    assert {year: len(HOLIDAYS[year]) for year in YEARS} == {2025: 28, 2026: 33}
    assert all(day.weekday() >= 5 and not is_holiday(day) for day in MAKE_UP_DAYS)
    assert [is_workday(date(2026, 2, day)) for day in (13, 14, 15, 16, 23, 24, 28)] == [
        True, True, False, False, False, True, True,
    ]  # fmt: skip


def test_an_unknown_year_has_only_its_weekends_and_says_so() -> None:
    assert not is_known(2031)
    assert is_known(2026)
    assert not is_workday(date(2031, 1, 4))
    assert is_workday(date(2031, 1, 1))
