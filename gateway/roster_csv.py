"""A roster as a table for spreadsheets: one row for each person and span, and every row of an imported one checked."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from gateway.roster_file import LONGEST, ROWS_MAX, Row
from rules.parse_fields import suggestion
from rules.roster import Roster
from rules.roster_words import person_name, post_name
from rules.site import Site

COLUMNS: Final = ("post", "begins", "ends", "person", "name", "post_name")
_CHINESE: Final = {
    "岗位": "post",
    "开始": "begins",
    "结束": "ends",
    "人员": "person",
    "姓名": "name",
    "岗位名称": "post_name",
}
_FORM: Final = "%Y-%m-%d %H:%M"
BYTES_MAX: Final = 4 * 1024 * 1024


class RowFault(msgspec.Struct, frozen=True):
    """What is wrong with one line of a file, and how to mend it. Line 0: the file as a whole."""

    line: int
    problem: str
    mend: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.problem}. {self.mend}"


def plan_rows(site: Site, begin: datetime, end: datetime) -> Iterator[Row]:
    """Who holds which post in the shifts that begin in this span, in rows of at most a day, substitutes worked in."""
    roster = Roster(site)
    for post in site.posts:
        span = roster.running_until(post.id, begin), roster.running_until(post.id, end)
        for stretch in roster.stretches(post.id, *span) if span[0] < span[1] else ():
            since, until = roster.time.local(stretch.begins_at), roster.time.local(stretch.ends_at)
            while since < until:
                next_ = min(since + LONGEST, until)
                for name in stretch.people:
                    yield Row(post.id, since, next_, name)
                since = next_


def first_difference(site: Site, rows: Sequence[Row]) -> datetime | None:
    """Where the roster first says something else than the rows: local time, or None.

    A shift that began on a day without rows may run on beside them.
    """
    roster = Roster(site)
    by_post: dict[str, list[Row]] = {}
    for row in rows:
        by_post.setdefault(row.post, []).append(row)
    zero = datetime.fromtimestamp(0, UTC)
    for post, ones in by_post.items():
        days = {row.begins.date() for row in ones}
        marks = sorted({moment for row in ones for moment in (row.begins, row.ends)})
        begin, end = roster.time.instant(marks[0], zero), roster.time.instant(marks[-1], zero)
        found = roster.stretches(post, begin, end)
        marks = sorted({*marks, *(roster.time.local(each.begins_at) for each in found)})
        for mark in marks[:-1]:
            wanted = {row.person for row in ones if row.begins <= mark < row.ends}
            there = set(roster.holders(post, roster.time.instant(mark, zero)))
            runs_on = mark.date() - LONGEST not in days
            if wanted and there != wanted and not (runs_on and wanted <= there):
                return mark
    return None


def to_csv(site: Site, rows: Sequence[Row]) -> str:
    """The rows as a table that spreadsheets open (write it as utf-8-sig: Excel asks for the mark)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        names = _harmless(person_name(site, row.person)), _harmless(post_name(site, row.post).zh)
        writer.writerow([row.post, row.begins.strftime(_FORM), row.ends.strftime(_FORM), row.person, *names])
    return text.getvalue()


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def read_csv(body: bytes, site: Site) -> tuple[tuple[Row, ...], list[RowFault]]:
    """The rows of a table, and every fault with its line. With a fault no row is to be used."""
    if len(body) > BYTES_MAX:
        return (), [RowFault(0, f"the file has more than {BYTES_MAX} bytes", "Import a few months at a time")]
    text = _decoded(body)
    if text is None:
        return (), [RowFault(0, "the file is neither UTF-8 nor GB 18030", "Save it as CSV UTF-8")]
    reader = csv.reader(io.StringIO(text))
    try:
        lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]
    except csv.Error as error:
        return (), [RowFault(reader.line_num, f"is not CSV: {error}", "Save it from the spreadsheet anew")]
    if not lines:
        return (), [RowFault(0, "the file is empty", f"Its first line is {','.join(COLUMNS[:4])}")]
    columns = [_CHINESE.get(cell.strip(), cell.strip()) for cell in lines[0][1]]
    missing = [name for name in ("post", "begins", "ends") if name not in columns]
    missing += [] if {"person", "name"} & set(columns) else ["person"]
    if missing:
        mend = f"Write the first line {','.join(COLUMNS[:4])} (or 岗位,开始,结束,姓名)"
        return (), [RowFault(lines[0][0], f"has no column {', '.join(missing)}", mend)]
    if len(lines) - 1 > ROWS_MAX:
        return (), [RowFault(0, f"has {len(lines) - 1} rows", f"At most {ROWS_MAX} are taken at a time")]
    return checked_rows([(number, dict(zip(columns, line, strict=False))) for number, line in lines[1:]], site)


def _decoded(body: bytes) -> str | None:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def checked_rows(
    cells: Sequence[tuple[int, dict[str, str]]], site: Site
) -> tuple[tuple[Row, ...], list[RowFault]]:
    """Rows from their cells by line: what they say is checked against the home; every fault of every row."""
    faults: list[RowFault] = []
    rows: dict[Row, int] = {}
    for line, values in cells:
        row = _row(line, values, site, faults)
        if row is None:
            continue
        if row in rows:
            faults.append(RowFault(line, f"says the same as line {rows[row]}", "Strike one of them out"))
        rows.setdefault(row, line)
    if not rows and not faults:
        faults.append(RowFault(0, "has no rows", "Write a row for each person and span"))
    return tuple(rows), faults


def _row(line: int, values: dict[str, str], site: Site, faults: list[RowFault]) -> Row | None:
    found = len(faults)
    post = _known(line, "post", values.get("post", ""), {each.id: each.name.zh for each in site.posts}, faults)
    holders = {each.id: each.name for each in site.people if not each.group}
    person = _known(line, "person", values.get("person", "") or values.get("name", ""), holders, faults)
    begins, ends = (_moment(line, name, values.get(name, ""), faults) for name in ("begins", "ends"))
    if begins is not None and ends is not None:
        if ends <= begins:
            faults.append(RowFault(line, "ends at or before it begins", "A night ends on the day after"))
        elif ends - begins > LONGEST:
            faults.append(RowFault(line, "is longer than a day", "Write a row for each day"))
    if len(faults) > found or begins is None or ends is None:
        return None
    return Row(post, begins, ends, person)


def _known(line: int, what: str, said: str, names: dict[str, str], faults: list[RowFault]) -> str:
    """The id of what a cell names, by its id or by a name that one alone has."""
    said = said.strip().removeprefix("'")
    if said in names:
        return said
    fitting = [key for key, name in names.items() if name == said]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        faults.append(RowFault(line, f"{what} {said!r} is the name of {', '.join(fitting)}", "Write the id"))
    elif not said:
        faults.append(RowFault(line, f"names no {what}", f"Write the {what}'s id or name"))
    else:
        faults.append(RowFault(line, f"unknown {what} {said!r}", suggestion(said, [*names, *names.values()])))
    return ""


def _moment(line: int, name: str, said: str, faults: list[RowFault]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(said.strip().replace("/", "-"))
    except ValueError:
        moment = _loose(said.strip())
    if moment is None or moment.tzinfo is not None or moment != moment.replace(second=0, microsecond=0):
        faults.append(RowFault(line, f"{name} {said!r} is no day and time", "Write it like 2026-12-01 08:00"))
        return None
    return moment


def _loose(said: str) -> datetime | None:
    """What Excel makes of a day and a time: 2026/12/1 8:00."""
    day, _, time = said.replace("/", "-").partition(" ")
    parts, minutes = day.split("-"), (time or "0:0").split(":")
    try:
        year, month, number = (int(part) for part in parts)
        hour, minute, *_ = (int(part) for part in minutes)
        midnight = datetime(year, month, number)  # noqa: DTZ001 - local time, as it stands on the wall
    except ValueError:
        return None
    return midnight + timedelta(hours=hour, minutes=minute) if hour < 24 and minute < 60 else None
