"""What can still be checked of a main file that has faults: it is read without the options, or tables, at fault.

So whoever installs a home sees every fault in one round. What is left out makes nothing else wrong: a fault that only
follows from it (an unknown broker whose own table is at fault) is not told.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.settings import Settings
from rules.parse import Fault

ROUNDS_MAX: Final = 4
"""An option at fault is left out, then its table if it needs it; beyond this nothing more is tried."""

_NUMBERED: Final = re.compile(r"(\w+)\[(\d+)\]")

Place = tuple[int | str, ...]


class Part(NamedTuple):
    """The settings as far as they can be read. `left` has the number in the file of each table of a list."""

    settings: Settings
    lost: frozenset[str] = frozenset()
    left: Mapping[str, Sequence[int]] = {}

    def own(self, faults: Iterable[Fault]) -> list[Fault]:
        """The faults that follow from nothing that was left out, with the numbers that tables have in the file."""
        return [
            replace(fault, path=_NUMBERED.sub(self._number, fault.path, count=1))
            for fault in faults
            if not any(repr(name) in fault.problem for name in self.lost)
            and not (fault.path in self.left and len(self.left[fault.path]) == 0)
        ]

    def _number(self, match: re.Match[str]) -> str:
        left, number = self.left.get(match[1], ()), int(match[2])
        return f"{match[1]}[{left[number - 1]}]" if 0 < number <= len(left) else match[0]


def readable_part(
    values: Mapping[str, Any], errors: list[ErrorDetails], place_of: Callable[[ErrorDetails], Place]
) -> Part | None:
    """The settings without what `errors` are about; None if there is nothing to be read then."""
    kept = copy.deepcopy(dict(values))
    left = {name: list(range(1, len(tables) + 1)) for name, tables in kept.items() if isinstance(tables, list)}
    lost: set[str] = set()
    for _ in range(ROUNDS_MAX):
        try:
            _leave_out(kept, left, lost, [place_of(error) for error in errors])
            return Part(Settings.model_validate(kept), frozenset(lost), left)
        except (KeyError, IndexError, TypeError):
            return None
        except ValidationError as again:
            errors = again.errors(include_url=False)
    return None


def _leave_out(kept: dict[str, Any], left: dict[str, list[int]], lost: set[str], places: list[Place]) -> None:
    """Take out the options at these places; where one is missing, what it is missing from."""
    tables: set[tuple[str, int]] = set()
    for place in places:
        *path, last = place[:-1] if len(place) > 2 and isinstance(place[-1], int) else place
        inner: Any = kept
        for step in path:
            inner = inner[step]
        if isinstance(last, str) and isinstance(inner, dict) and last in inner:
            del inner[last]
        elif isinstance(last, int):
            tables.add((str(path[0]), last))
        elif len(path) == 2 and isinstance(path[1], int):
            tables.add((str(path[0]), path[1]))
        else:
            outer: Any = kept
            for step in path[:-1]:
                outer = outer[step]
            del outer[path[-1]]
    for name, number in sorted(tables, reverse=True):
        table = kept[name].pop(number)
        del left[name][number]
        if isinstance(table, dict) and isinstance(table.get("name"), str):
            lost.add(table["name"])
