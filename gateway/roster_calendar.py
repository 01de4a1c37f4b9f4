"""A roster as an iCalendar file (RFC 5545), for phones and calendars, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from icalendar import Calendar, Component, Event
from icalendar.prop import vDDDTypes

from gateway.roster_csv import BYTES_MAX, RowFault, checked_rows
from gateway.roster_file import Row
from rules.roster import LocalTime
from rules.roster_words import person_name, post_name
from rules.site import Site

_POST: Final = "X-ANLIAN-POST"
_PERSON: Final = "X-ANLIAN-PERSON"


def to_calendar(site: Site, rows: Sequence[Row], now: datetime, language: str = "zh") -> bytes:
    """The rows as events; the same row has the same id in every export, so that a calendar takes it over, not twice."""
    time = LocalTime(site.offsets)
    calendar = Calendar()
    calendar.add("prodid", "-//anlian//roster//ZH")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{site.name.in_language(language)} 值班表")
    for row in rows:
        key = f"{site.id} {row.post} {row.begins.isoformat()} {row.ends.isoformat()} {row.person}"
        event = Event()
        event.add("uid", f"{hashlib.sha256(key.encode()).hexdigest()[:32]}@{site.id}")
        event.add("dtstamp", now)
        event.add("dtstart", time.instant(row.begins, now))
        event.add("dtend", time.instant(row.ends, now))
        event.add("summary", f"{post_name(site, row.post).in_language(language)}：{person_name(site, row.person)}")
        event.add("location", site.name.in_language(language))
        event.add(_POST, row.post)
        event.add(_PERSON, row.person)
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def read_calendar(body: bytes, site: Site) -> tuple[tuple[Row, ...], list[RowFault]]:
    """The rows of a calendar that was exported here, and every fault with the number of its event."""
    if len(body) > BYTES_MAX:
        return (), [RowFault(0, f"the file has more than {BYTES_MAX} bytes", "Import a few months at a time")]
    try:
        calendar = Calendar.from_ical(body)
    except ValueError as error:
        return (), [RowFault(0, f"is no iCalendar file: {error}", "Export it from the calendar anew")]
    time = LocalTime(site.offsets)
    cells: list[tuple[int, dict[str, str]]] = []
    faults: list[RowFault] = []
    for number, event in enumerate(calendar.walk("VEVENT"), 1):
        if "RRULE" in event:
            faults.append(RowFault(number, "repeats", "Export single events: write patterns as [[shift]] instead"))
            continue
        begins, ends = (_local(event, name, time) for name in ("DTSTART", "DTEND"))
        values = {"begins": begins, "ends": ends, "post": _text(event, _POST), "person": _text(event, _PERSON)}
        cells.append((number, values))
    rows, found = checked_rows(cells, site)
    return rows, [*faults, *found]


def _local(event: Component, name: str, time: LocalTime) -> str:
    value = event.get(name)
    at = value.dt if isinstance(value, vDDDTypes) else None
    if not isinstance(at, datetime):
        return ""
    return (time.local(at) if at.tzinfo is not None else at).replace(tzinfo=None).isoformat()


def _text(event: Component, name: str) -> str:
    return str(event.get(name, ""))
