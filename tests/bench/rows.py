"""The table: what was measured, in words for a reader who knows nothing of the program, and whether it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    `value` is the number that a budget is held against (a ratio, or a count), `measured` is what was seen in
    plain units, `budget` the largest value that is allowed (`at_least`: the smallest), None where the row only
    informs. `noise` is the share of the machine that other programs used meanwhile.
    """

    part: str
    name: str
    means: str
    value: float
    unit: str = ""
    measured: str = ""
    budget: float | None = None
    at_least: bool = False
    noise: float | None = None
    runs: tuple[float, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the budget is kept. A number that could not be measured keeps none."""
        if self.budget is None:
            return True
        if math.isnan(self.value):
            return False
        return self.value >= self.budget if self.at_least else self.value <= self.budget

    @property
    def verdict(self) -> str:
        """One word for the table."""
        return "" if self.budget is None else ("ok" if self.held else "BROKEN")

    @property
    def limit(self) -> str:
        """The budget as it is read."""
        if self.budget is None:
            return ""
        return f"{'>=' if self.at_least else '<='} {figure(self.budget)}{self._unit}"

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return f"{figure(self.value)}{self._unit}"

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


def figure(number: float) -> str:
    """A number with no more digits than mean something."""
    if math.isnan(number):
        return "not measured"
    if number == int(number) or abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.2f}" if abs(number) >= 0.1 else f"{number:.3f}"


def _noise(row: Row) -> str:
    return "" if row.noise is None else f"{row.noise * 100:.0f} %"


def text(rows: Sequence[Row]) -> str:
    """The table for a terminal: a line for the numbers, a line for what they mean."""
    lines: list[str] = []
    part = ""
    for row in rows:
        if row.part != part:
            part = row.part
            lines += ["", part, "-" * len(part)]
        head = f"{row.verdict or '  ':>6}  {row.name}: {row.shown}"
        if row.limit:
            head += f"  (budget {row.limit})"
        if row.noise is not None:
            head += f"  [others used {_noise(row)} of the machine]"
        lines.append(head)
        lines.append(f"        {row.means}")
        if row.measured:
            lines.append(f"        {row.measured}")
        if row.runs:
            lines.append(f"        runs: {', '.join(figure(run) for run in row.runs)}")
    return "\n".join(lines)


def markdown(rows: Sequence[Row], machine: str) -> str:
    """The table for the README."""
    lines = [f"Measured on {machine}.", "", "| what | result | budget | kept | others' CPU | what it means |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        seen = f"{row.shown}<br>{row.measured}" if row.measured else row.shown
        kept = {"": "", "ok": "yes", "BROKEN": "**no**"}[row.verdict]
        cells = (row.name, seen, row.limit, kept, _noise(row), row.means)
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines)


def document(rows: Sequence[Row], about: dict[str, Any]) -> bytes:
    """Everything as JSON."""
    listed = [{**msgspec.structs.asdict(row), "held": row.held} for row in rows]
    listed = [{key: None if isinstance(v, float) and math.isnan(v) else v for key, v in row.items()} for row in listed]
    return msgspec.json.format(msgspec.json.encode({**about, "rows": listed}), indent=1)
