"""The section of test alarms in a site file, and every fault in it."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest

from gateway.load import kind_defaults
from rules.parse import Names, parse_site
from rules.site import MonthlyTests

HOME = """
[home]
id = "home"
name = "院"
[[zone]]
id = "ward"
name = "病区"
[[device]]
id = "smoke-1"
kind = "smoke"
source = "zigbee"
address = "1"
zone = "ward"
name = "烟感"
[[device]]
id = "meter-1"
kind = "electrical"
source = "zigbee"
address = "2"
zone = "ward"
name = "电表"
[[person]]
id = "wang"
name = "王"
role = "carer"
channels = [{destination = "phone"}]
"""


def parsed(section: str, home: str = HOME) -> tuple[MonthlyTests | None, list[str]]:
    site, faults = parse_site(tomllib.loads(home + section), Names(kind_defaults()))
    return (site.test_alarms if site is not None else None), [str(fault) for fault in faults if not fault.warning]


def test_without_the_section_there_are_none() -> None:
    assert parsed("") == (None, [])


def test_an_empty_section_has_two_a_month_in_the_daytime() -> None:
    assert parsed("[test_alarms]") == (MonthlyTests(), [])


def test_everything_can_be_said() -> None:
    section = """
    [test_alarms]
    a_month = 4
    from = "10:00"
    to = "15:00"
    devices = ["smoke-1"]
    time_limit = "20m"
    """
    want = MonthlyTests(a_month=4, begins=600, ends=900, devices=("smoke-1",), time_limit=timedelta(minutes=20))
    assert parsed(section) == (want, [])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("a_month = 0", "test_alarms.a_month", id="none_a_month"),
        pytest.param('from = "22:00"\nto = "06:00"', "is less than an hour behind from", id="night"),
        pytest.param('from = "25:00"', "is not a time of day", id="no_time"),
        pytest.param('devices = ["meter-1"]', "no detector of fire, gas or persons", id="meter"),
        pytest.param('devices = ["smoke-2"]', "smoke-1", id="suggests"),
        pytest.param('time_limit = "3h"', "test_alarms.time_limit", id="too_long"),
        pytest.param("often = true", "test_alarms.often", id="unknown_key"),
    ],
)
def test_a_fault_says_where_and_what(line: str, words: str) -> None:
    plan, faults = parsed(f"[test_alarms]\n{line}")
    assert plan is None and any(words in fault for fault in faults), faults


def test_a_home_without_such_detectors_cannot_have_them() -> None:
    home = HOME.replace('kind = "smoke"', 'kind = "electrical"')
    plan, faults = parsed("[test_alarms]", home)
    assert plan is None and any("Leave [test_alarms] out" in fault for fault in faults)


def test_the_zone_of_phones_is_kept() -> None:
    _, faults = parsed("", HOME.replace('id = "ward"', 'id = "phones"').replace('zone = "ward"', 'zone = "phones"'))
    assert any("is kept for what has no place" in fault for fault in faults)
