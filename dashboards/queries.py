"""The InfluxQL that the panels share: only what InfluxDB 1.x, 2.x (with a DBRP mapping) and 3 all understand.

No Flux, no SHOW DATABASES / SERIES / CARDINALITY, no SLIMIT, no INTO. The state of an alarm is its last row: it is
looked for over `OPEN_WITHIN`, because an alarm that was raised long ago and is still open must not drop out of sight.
On InfluxDB 3 Core a query sees about 72 h; see influx/retention.md.
"""

from __future__ import annotations

from typing import Final

OPEN_WITHIN: Final = "90d"
DANGER: Final = '"category" =~ /^(fire|gas|person)$/'
TIMEZONE: Final = "tz('Asia/Shanghai')"

HOME: Final = '"home" =~ /^${home:regex}$/ AND "zone" =~ /^${zone:regex}$/'
HOME_ONLY: Final = '"home" =~ /^${home:regex}$/'
COUNTY: Final = '"county" =~ /^${county:regex}$/ AND "town" =~ /^${town:regex}$/ AND "home" =~ /^${home:regex}$/'
ANY_KIND: Final = "/.*/"


def over_time(what: str, measurement: str, where: str, tags: str = '"device"', fill: str = "none") -> str:
    """A value for each step of the panel; what was not measured is not drawn (`fill(none)`)."""
    steps = f"GROUP BY time($__interval), {tags} fill({fill})"
    return f"SELECT {what} FROM {measurement} WHERE {where} AND $timeFilter {steps}"


def of_point(selector: str, point: str, measurement: str, where: str, fill: str = "none") -> str:
    """A point of each device over time."""
    return over_time(f'{selector}("{point}")', measurement, where, fill=fill)


def open_alarms(where: str, tags: str) -> str:
    """How many alarms are open, by these tags."""
    return (
        'SELECT sum("open_count") AS "open" FROM '
        f'(SELECT last("open_count") AS "open_count" FROM "alarm" WHERE {where} AND time > now() - {OPEN_WITHIN} '
        f'GROUP BY "county", "town", "home", "zone", "category", "device", "rule") GROUP BY {tags}'
    )


def heard_within(where: str, span: str) -> str:
    """How many homes were heard within the span; no row at all where none was."""
    return (
        'SELECT count("heard") FROM (SELECT last("heard") AS "heard" FROM "gateway" '
        f'WHERE {where} AND time > now() - {span} GROUP BY "home")'
    )
