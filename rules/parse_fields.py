"""Reading one table of a configuration file: typed values out, every fault noted with its path.

Nothing here raises on bad input and nothing stops at the first fault: whoever installs a home sees all
faults of all files at once. A list's elements count from 1 (`device[3]` is the third `[[device]]`).
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

import msgspec

from rules.text import Text

_Parsed = TypeVar("_Parsed")

TEXT_MAX: Final = 400
LIST_MAX: Final = 10_000
ID_MAX: Final = 64
DURATION_MAX: Final = timedelta(days=366)

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")
_DOTTED_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*\Z")
_DURATION: Final = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6}(?:\.\d{1,3})?)s)?\Z", re.ASCII)
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z", re.ASCII)
_MEASURE: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*(\S+)\Z", re.ASCII)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong in a configuration: where, what, and how to mend it. A warning does not stop the start."""

    path: str
    problem: str
    mend: str = ""
    file: str = ""
    warning: bool = False

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.file, self.path) if part)
        words = f"{self.problem}. {self.mend}" if self.mend else self.problem
        return f"{where}: {words}" if where else words


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """What was probably meant, in words: the closest known names, or all of them where they are few."""
    names = sorted(set(known))
    close = difflib.get_close_matches(wrong, names, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(repr(name) for name in close)}?"
    if not names:
        return "None is defined"
    if len(names) <= 12:
        return f"Known: {', '.join(names)}"
    return f"Known are {len(names)}, among them {', '.join(names[:8])}"


def parse_duration(text: str) -> timedelta | None:
    """A duration as people write it (`90s`, `10m`, `2h10m`, `24h`, `7d`, `0s`), or None if it is not one."""
    match = _DURATION.match(text.strip())
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (part or "0" for part in match.groups())
    return timedelta(days=int(days), hours=int(hours), minutes=int(minutes), milliseconds=round(float(seconds) * 1000))


class Table:
    """One table being read. Every getter notes what is wrong and hands back a value to go on with.

    `subject` ("device smoke-204") stands in every fault of the table and of the tables in it, once it is set: nobody
    finds the 187th `[[device]]` by counting.
    """

    def __init__(self, values: Mapping[str, object], path: str, faults: list[Fault], depth: int = 0) -> None:
        self._values = values
        self._faults = faults
        self._seen: set[str] = set()
        self.path = path
        self.depth = depth
        self.subject = ""

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def at(self, name: str) -> str:
        """The path of one of this table's fields."""
        return f"{self.path}.{name}" if self.path else name

    def fault(self, name: str, problem: str, mend: str = "", *, warning: bool = False) -> None:
        """Note a fault of one field ("" = of the table itself)."""
        path = self.at(name) if name else self.path
        if self.subject:
            problem = f"{problem} ({self.subject})"
        self._faults.append(Fault(path=path, problem=problem, mend=mend, warning=warning))

    def note(self, fault: Fault) -> None:
        """Note a fault that was worked out elsewhere."""
        self._faults.append(fault)

    def take(self, name: str) -> object:
        """The raw value of a field (None if it is not there), which is known from now on."""
        self._seen.add(name)
        return self._values.get(name)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of all fields that stand in the table."""
        return tuple(self._values)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without `default` it must be there and not be empty."""
        value = self.take(name)
        if value is None:
            if default is None:
                self.fault(name, "is missing", f'Write {name} = "…"')
            return default or ""
        if not isinstance(value, str):
            self.fault(name, f"must be a text, found {_shown(value)}", "Put it in quotation marks")
            return default or ""
        if len(value) > TEXT_MAX:
            self.fault(name, f"has {len(value)} characters", f"At most {TEXT_MAX} are allowed")
        if default is None and not value.strip():
            self.fault(name, "is empty", f'Write {name} = "…"')
        return value

    def id(self, name: str, default: str | None = None, *, dotted: bool = False) -> str:
        """An id: ASCII small letters, digits, `-` and `_` (and dots between parts where `dotted`)."""
        value = self.text(name, default)
        if not value:
            return value
        if len(value) > ID_MAX or (_DOTTED_ID if dotted else _ID).match(value) is None:
            allowed = "a-z, 0-9, - and _" + (" with dots between parts" if dotted else "")
            self.fault(name, f"{value!r} is not an id", f"Use only {allowed}, at most {ID_MAX} characters")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """true or false."""
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(name, f"must be true or false, found {_shown(value)}", "Write it without quotation marks")
            return default
        return value

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number between two limits, both included."""
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            self.fault(name, f"must be a whole number, found {_shown(value)}")
            return default
        if not least <= value <= most:
            self.fault(name, f"is {value}", f"It must be between {least} and {most}")
            return default
        return value

    def measure(self, name: str, unit: str) -> float | None:
        """A number, alone or as a text with its unit (`300` or `"300 mA"`), which must be the point's own unit."""
        value = self.take(name)
        if isinstance(value, str):
            match = _MEASURE.match(value.strip())
            if match is None:
                self.fault(name, f"{value!r} is not a number with a unit", f'Write a number, or "number {unit}"')
                return None
            if match[2] != unit:
                problem = f"is given in {match[2]!r}, the point is measured in {unit!r}"
                self.fault(name, problem, f"Convert it to {unit}" if unit else "Write the number alone")
                return None
            return float(match[1])
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            problem = "is missing" if value is None else f"must be a number, found {_shown(value)}"
            self.fault(name, problem, f"Write {name} = 1.5" + (f' or {name} = "1.5 {unit}"' if unit else ""))
            return None
        return float(value)

    def duration(
        self, name: str, default: timedelta, least: timedelta = timedelta(0), most: timedelta = DURATION_MAX
    ) -> timedelta:
        """A duration with its units; a bare number is a fault, because nobody can tell seconds from minutes."""
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, str):
            self.fault(name, f"must be a duration, found {_shown(value)}", 'Write it with its unit: "90s", "2h10m"')
            return default
        duration = parse_duration(value)
        if duration is None:
            self.fault(name, f"{value!r} is not a duration", 'Write it like "90s", "10m", "2h10m" or "24h"')
            return default
        if not least <= duration <= most:
            self.fault(name, f"{value!r} is out of range", f"It must be between {least} and {most}")
            return default
        return duration

    def day(self, name: str) -> date | None:
        """A day: 2026-11-23, or the same as a text; None if it is not there."""
        value = self.take(name)
        if isinstance(value, str):
            value = _parsed(date.fromisoformat, value)
        if isinstance(value, datetime) or not isinstance(value, date | None):
            self.fault(name, f"must be a day, found {_shown(self._values.get(name))}", "Write it like 2026-11-23")
            return None
        return value

    def days(self, name: str) -> tuple[date, ...]:
        """A list of days, in order, each once; empty if it is not there."""
        value = self.take(name)
        if value is None:
            return ()
        found = [
            _parsed(date.fromisoformat, item) if isinstance(item, str) else item
            for item in (value if isinstance(value, list) else [value])
        ]
        days = {item for item in found if isinstance(item, date) and not isinstance(item, datetime)}
        if len(days) != len(found):
            self.fault(name, "must be a list of days, each once", f"Write {name} = [2026-11-23, 2026-11-24]")
        if len(days) > LIST_MAX:
            self.fault(name, f"has {len(days)} entries", f"At most {LIST_MAX} are allowed")
        return tuple(sorted(days))[:LIST_MAX]

    def moment(self, name: str) -> datetime:
        """A day and a time of day on the wall, in whole minutes: 2026-11-23T08:00."""
        value = self.take(name)
        if isinstance(value, str):
            value = _parsed(datetime.fromisoformat, value)
        if not isinstance(value, datetime) or value.tzinfo is not None or value.second or value.microsecond:
            found = self._values.get(name)
            problem = "is missing" if found is None else f"must be a day and a time, found {_shown(found)}"
            self.fault(name, problem, "Write it like 2026-11-23T08:00:00: the home's own time, whole minutes")
            return datetime.min  # noqa: DTZ901 - local time, and never used: there is a fault
        return value

    def minute(self, name: str) -> int:
        """A time of day (`22:00`) in minutes since midnight; 0 if it is not there."""
        value = self.take(name)
        if value is None:
            return 0
        match = _TIME.match(value) if isinstance(value, str) else None
        if match is None:
            self.fault(name, f"{value!r} is not a time of day", 'Write it like "22:00"')
            return 0
        return int(match[1]) * 60 + int(match[2])

    def words(self, name: str, *, required: bool = True) -> Text:
        """Words in both languages: `{zh = "…", en = "…"}`, or one text, which is then taken as Chinese."""
        value = self.take(name)
        if value is None and not required:
            return Text("")
        if isinstance(value, str) and value.strip():
            return Text(value)
        if not isinstance(value, Mapping):
            problem = "is missing" if value is None else f"must be words in two languages, found {_shown(value)}"
            self.fault(name, problem, f'Write {name} = {{zh = "…", en = "…"}}')
            return Text("")
        table = self._inner(value, self.at(name))
        words = Text(table.text("zh"), table.text("en", ""))
        table.close(("zh", "en"))
        return words

    def names(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty if it is not there."""
        value = self.take(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.fault(name, f"must be a list of texts, found {_shown(value)}", f'Write {name} = ["…", "…"]')
            return ()
        if len(value) > LIST_MAX:
            self.fault(name, f"has {len(value)} entries", f"At most {LIST_MAX} are allowed")
        return tuple(value[:LIST_MAX])

    def table(self, name: str) -> Table | None:
        """An inner table, or None if it is not there (which is not a fault) or is no table (which is)."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.fault(name, f"must be a table, found {_shown(value)}", f"Write [{name}] or {name} = {{…}}")
            return None
        return self._inner(value, self.at(name))

    def tables(self, name: str) -> list[Table]:
        """The tables of a list (`[[name]]`), each with its place in its path."""
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(name, f"must be a list of tables, found {_shown(value)}", f"Write [[{name}]]")
            return []
        if len(value) > LIST_MAX:
            self.fault(name, f"has {len(value)} entries", f"At most {LIST_MAX} are allowed")
        found = []
        for place, item in enumerate(value[:LIST_MAX], 1):
            path = f"{self.at(name)}[{place}]"
            if isinstance(item, Mapping):
                found.append(self._inner(item, path))
            else:
                problem = f"must be a table, found {_shown(item)}"
                self._faults.append(Fault(path=path, problem=problem, mend=f"Write [[{name}]]"))
        return found

    def _inner(self, values: Mapping[str, object], path: str) -> Table:
        inner = Table(values, path, self._faults, self.depth + 1)
        inner.subject = self.subject
        return inner

    def name_subject(self, what: str) -> None:
        """Have every fault from now on say which one it is, by the table's id."""
        value = self._values.get("id")
        if isinstance(value, str) and value:
            self.subject = f"{what} {value[:ID_MAX]}"

    def known(self, name: str, value: str, known: Collection[str] | None, what: str) -> bool:
        """Whether `value` names something that exists; a fault with a suggestion if not (None: nobody can tell)."""
        if known is None or not value or value in known:
            return True
        self.fault(name, f"unknown {what} {value!r}", suggestion(value, known))
        return False

    def close(self, fields: Collection[str] = ()) -> None:
        """Note every field that nobody asked for: a misspelt option must not be silently without effect."""
        expected = self._seen | set(fields)
        for name in self._values:
            if name not in expected:
                self.fault(name, "is not an option here", suggestion(name, expected))


def unique(tables: Iterable[tuple[Table, str]], name: str, what: str) -> None:
    """Note every value that stands a second time, and where it stood first."""
    first: dict[str, str] = {}
    for table, value in tables:
        if not value:
            continue
        if value in first:
            table.fault(name, f"{what} {value!r} is already used by {first[value]}", "Give each its own")
        else:
            first[value] = table.path


def _parsed(read: Callable[[str], _Parsed], text: str) -> _Parsed | str:
    """What a text says, or the text where it says nothing of that kind."""
    try:
        return read(text)
    except ValueError:
        return text


def _shown(value: object) -> str:
    """A value as it is shown in a fault, cut short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, date):
        return value.isoformat()
    return repr(value)[:80]
