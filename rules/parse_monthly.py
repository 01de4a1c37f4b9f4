"""The test alarms that a site file asks for: `[test_alarms]`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from rules.drill import DRILL_MAX, DRILL_MIN
from rules.parse_fields import Table, suggestion
from rules.site import Device, MonthlyTests
from rules.test_alarms import DRILLED

A_MONTH_MAX: Final = 8
WINDOW_MIN: Final = timedelta(hours=1)


def parse_test_alarms(table: Table | None, devices: Collection[Device]) -> MonthlyTests | None:
    """The section, or None where there is none: then no test alarm is begun or owed."""
    if table is None:
        return None
    usual = MonthlyTests()
    begins = table.minute("from") if "from" in table else usual.begins
    ends = table.minute("to") if "to" in table else usual.ends
    if timedelta(minutes=ends - begins) < WINDOW_MIN:
        mend = 'Write a span of one day, like from = "09:30", to = "16:30"'
        table.fault("to", "is less than an hour behind from", mend)
    named = table.names("devices")
    drilled = [device.id for device in devices if device.category in DRILLED]
    for name in named:
        if name not in drilled:
            problem = f"{name!r} is no detector of fire, gas or persons of this home"
            table.fault("devices", problem, suggestion(name, drilled))
    plan = MonthlyTests(
        a_month=table.whole("a_month", usual.a_month, 1, A_MONTH_MAX),
        begins=begins,
        ends=ends,
        devices=named,
        time_limit=table.duration("time_limit", usual.time_limit, DRILL_MIN, DRILL_MAX),
    )
    table.close()
    if not drilled:
        problem = "names no detector: the home has none of fire, gas or persons that could speak"
        table.fault("devices", problem, "Leave [test_alarms] out")
    return plan
