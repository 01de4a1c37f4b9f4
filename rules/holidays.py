"""The public holidays of China and the working days that make up for them, as the State Council announced them.

A year that is not in the table has only its weekends (`is_known` says so): next year's notice comes in November.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final


def _days(first: str, last: str = "") -> frozenset[date]:
    begin = date.fromisoformat(first)
    count = (date.fromisoformat(last) - begin).days if last else 0
    return frozenset(begin + timedelta(days=day) for day in range(count + 1))


HOLIDAYS: Final[dict[int, frozenset[date]]] = {
    # 国务院办公厅关于2025年部分节假日安排的通知, 国办发明电〔2024〕12号, 2024-11-12
    2025: _days("2025-01-01")
    | _days("2025-01-28", "2025-02-04")
    | _days("2025-04-04", "2025-04-06")
    | _days("2025-05-01", "2025-05-05")
    | _days("2025-05-31", "2025-06-02")
    | _days("2025-10-01", "2025-10-08"),
    # 国务院办公厅关于2026年部分节假日安排的通知, 2025-11-04
    2026: _days("2026-01-01", "2026-01-03")
    | _days("2026-02-15", "2026-02-23")
    | _days("2026-04-04", "2026-04-06")
    | _days("2026-05-01", "2026-05-05")
    | _days("2026-06-19", "2026-06-21")
    | _days("2026-09-25", "2026-09-27")
    | _days("2026-10-01", "2026-10-07"),
}
"""Days off by year."""

MAKE_UP_DAYS: Final[frozenset[date]] = frozenset(
    date.fromisoformat(day)
    for day in (
        # The notice for 2025.
        "2025-01-26",
        "2025-02-08",
        "2025-04-27",
        "2025-09-28",
        "2025-10-11",
        # The notice for 2026.
        "2026-01-04",
        "2026-02-14",
        "2026-02-28",
        "2026-05-09",
        "2026-09-20",
        "2026-10-10",
    )
)
"""Saturdays and Sundays on which people work."""

YEARS: Final = tuple(sorted(HOLIDAYS))
"""The years whose notice is in the table."""


def is_known(year: int) -> bool:
    """Whether the holidays of a year are in the table; otherwise only weekends are days off."""
    return year in HOLIDAYS


def is_holiday(day: date) -> bool:
    """Whether a day is one of the days off of the notice (weekends that are part of them included)."""
    return day in HOLIDAYS.get(day.year, frozenset())


def is_workday(day: date) -> bool:
    """Whether people work: Monday to Friday without the holidays, and the days that make up for them."""
    return day in MAKE_UP_DAYS or (day.weekday() < 5 and not is_holiday(day))
