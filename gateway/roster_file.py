"""Changes of the roster in a home's site file: a substitute, somebody more or less on a shift, an imported plan."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import tomlkit
from tomlkit.items import AoT

from gateway.site_file import ChangeRefused, change_file, parsed_file

ROWS_MAX: Final = 20_000
"""Rows of one imported plan: 50 people on three shifts for four months."""


class Substitution(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """For a span of local time `person` stands in for `instead_of` (or comes beside the others, or nobody does)."""

    begins: datetime
    ends: datetime
    post: str = ""
    person: str = ""
    instead_of: str = ""
    reason: str = ""


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An override that stands in the file holds no more: that with exactly these fields."""

    begins: datetime
    ends: datetime
    post: str = ""
    person: str = ""
    instead_of: str = ""


class ShiftChange(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Somebody more, or somebody less, on a shift from now on. `group` counts from 0 where groups take turns."""

    shift: str
    add: str = ""
    remove: str = ""
    group: int = 0


class Row(msgspec.Struct, frozen=True, order=True):
    """One line of a plan: somebody holds a post for a span of local time of at most a day."""

    post: str
    begins: datetime
    ends: datetime
    person: str


class ImportedPlan(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A plan made elsewhere: on the days of a post for which it has rows, in the place of what was there."""

    rows: tuple[Row, ...]


RosterChange = Substitution | Withdrawal | ShiftChange | ImportedPlan


def change_roster(path: Path, change: RosterChange) -> str:
    """Write a change into the file; the text that was there before. ChangeRefused if it cannot be made."""
    match change:
        case Substitution():
            return change_file(path, lambda document: _substitute(document, change))
        case Withdrawal():
            return change_file(path, lambda document: _withdraw(document, change))
        case ShiftChange():
            return change_file(path, lambda document: _change_shift(document, change))
        case ImportedPlan():
            return change_file(path, lambda document: _take_plan(document, change))


def taken_over(path: Path, plan: ImportedPlan) -> tuple[int, int, int]:
    """What a plan would do to the file, which stays as it is: shifts written, dated shifts and overrides replaced."""
    document = parsed_file(path)
    shifts, overrides = len(document.get("shift") or ()), len(document.get("override") or ())
    _take_plan(document, plan)
    written = len(_grouped(plan.rows))
    left, kept = len(document.get("shift") or ()), len(document.get("override") or ())
    return written, shifts + written - left, overrides - kept


def _substitute(document: tomlkit.TOMLDocument, change: Substitution) -> None:
    entry = tomlkit.table()
    if change.post:
        entry.update({"post": change.post})
    entry.update({"from": change.begins, "until": change.ends})
    for field in ("person", "instead_of", "reason"):
        value = getattr(change, field)
        if value:
            entry.update({field: value})
    _tables(document, "override").append(entry)


def _withdraw(document: tomlkit.TOMLDocument, change: Withdrawal) -> None:
    wanted = (change.begins, change.ends, change.post, change.person, change.instead_of)
    found = [place for place, each in enumerate(document.get("override") or ()) if _key(each) == wanted]
    if not found:
        raise ChangeRefused("this change is not in the roster any more: look at the page anew")
    del document["override"][found[0]]  # type: ignore[union-attr]
    _drop_empty(document, "override")


def _key(entry: MutableMapping[str, Any]) -> tuple[datetime, datetime, str, str, str]:
    begins, ends = (_moment(entry.get(name)) for name in ("from", "until"))
    return (begins, ends, *(str(entry.get(name, "")) for name in ("post", "person", "instead_of")))  # type: ignore[return-value]


def _moment(value: Any) -> datetime:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return datetime.fromisoformat(text)


def _change_shift(document: tomlkit.TOMLDocument, change: ShiftChange) -> None:
    shift = next((each for each in document.get("shift") or () if each.get("id") == change.shift), None)
    if shift is None:
        raise ChangeRefused(f"there is no shift {change.shift!r} any more: look at the page anew")
    people = shift.get("people")
    if people is None:
        groups = shift.get("groups") or []
        if not 0 <= change.group < len(groups):
            raise ChangeRefused(f"shift {change.shift!r} has no such group any more: look at the page anew")
        people = groups[change.group]
    if change.add and change.add not in people:
        people.append(change.add)
    if change.remove:
        if change.remove not in people:
            raise ChangeRefused(f"{change.remove!r} is not on that shift any more: look at the page anew")
        people.remove(change.remove)


def _take_plan(document: tomlkit.TOMLDocument, plan: ImportedPlan) -> None:
    if not plan.rows or len(plan.rows) > ROWS_MAX:
        raise ChangeRefused(f"a plan has 1 to {ROWS_MAX} rows, this one has {len(plan.rows)}")
    days = {(row.post, row.begins.date()) for row in plan.rows}
    _clear_days(document, days)
    _clear_overrides(document, plan.rows)
    taken = {str(each.get("id")) for each in document.get("shift") or ()}
    shifts = _tables(document, "shift")
    for (post, begins, ends, people), dates in sorted(_grouped(plan.rows).items()):
        entry = tomlkit.table()
        entry.update({"id": _fresh_id(f"plan-{post}", taken), "post": post, "from": begins, "to": ends})
        entry.update({"people": list(people)})
        inner = tomlkit.array()
        for day in dates:
            inner.append(day)
        entry.add("dates", inner.multiline(len(dates) > 8))
        shifts.append(entry)


def _grouped(rows: Iterable[Row]) -> dict[tuple[str, str, str, tuple[str, ...]], list[date]]:
    """The rows as shifts: the same people at the same times of the day, on so many days."""
    people: dict[tuple[str, datetime, datetime], list[str]] = {}
    for row in sorted(set(rows)):
        people.setdefault((row.post, row.begins, row.ends), []).append(row.person)
    shifts: dict[tuple[str, str, str, tuple[str, ...]], list[date]] = {}
    for (post, begins, ends), names in sorted(people.items()):
        key = (post, begins.strftime("%H:%M"), ends.strftime("%H:%M"), tuple(names))
        shifts.setdefault(key, []).append(begins.date())
    return shifts


def _clear_days(document: tomlkit.TOMLDocument, days: set[tuple[str, date]]) -> None:
    """Take the days of the plan out of the dated shifts that stand in the file."""
    kept = []
    for shift in list(document.get("shift") or ()):
        dates = shift.get("dates")
        if dates:
            left = [day for day in dates if (str(shift.get("post")), _day(day)) not in days]
            if not left:
                continue
            if len(left) < len(dates):
                shift["dates"] = left
        kept.append(shift)
    _replace(document, "shift", kept)


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _clear_overrides(document: tomlkit.TOMLDocument, rows: Iterable[Row]) -> None:
    """A plan has its substitutes in it: overrides of its posts that lie within it would change it once more."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    for row in rows:
        begins, ends = spans.get(row.post, (row.begins, row.ends))
        spans[row.post] = (min(begins, row.begins), max(ends, row.ends))
    kept = []
    for entry in list(document.get("override") or ()):
        begins, ends, post, *_ = _key(entry)
        span = spans.get(post)
        if span is None or begins < span[0] or ends > span[1]:
            kept.append(entry)
    _replace(document, "override", kept)


def _replace(document: tomlkit.TOMLDocument, name: str, kept: list[Any]) -> None:
    tables = document.get(name)
    if tables is None or len(kept) == len(tables):
        return
    for place in reversed(range(len(tables))):
        if not any(tables[place] is each for each in kept):
            del tables[place]
    _drop_empty(document, name)


def _drop_empty(document: tomlkit.TOMLDocument, name: str) -> None:
    if name in document and not document[name]:
        del document[name]


def _fresh_id(stem: str, taken: set[str]) -> str:
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    taken.add(f"{stem}-{number}")
    return f"{stem}-{number}"


def _tables(document: tomlkit.TOMLDocument, name: str) -> AoT:
    tables = document.get(name)
    if tables is None:
        tables = tomlkit.aot()
        document.append(name, tables)
    return tables  # type: ignore[no-any-return]


LONGEST: Final = timedelta(days=1)
"""A row of a plan is no longer: a shift is a span of the day."""
