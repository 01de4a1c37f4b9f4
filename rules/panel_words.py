"""A fire panel's own words about what is in alarm: its text for the place, the kind of part, and its address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from devices.reading import Report

WORDS_MAX: Final = 200
_SAYING: Final = frozenset({"component", "system"})
"""Events by which a panel names what a report is about (GB/T 26875.3 types 1 and 2)."""


def panel_words(report: Report, address: str) -> str:
    """What the panel calls the part that a report is about, "" where it does not say: `二楼203室烟感 · 感烟 · 10.2`."""
    said = next((event for event in report.events if event.get("type") in _SAYING), None)
    return _joined(said, address) if said is not None else ""


def words_of(reports: Iterable[Report], device: str, address: str) -> str:
    """The panel's words in the report of one device, among the reports of a packet."""
    return next((panel_words(report, address) for report in reports if report.device == device), "")


def _joined(said: Mapping[str, str], address: str) -> str:
    place = address.rpartition("/")[2]
    parts = (said.get("description", ""), said.get("kind", ""), place)
    clean = ("".join(sign for sign in part if sign.isprintable()).strip() for part in parts)
    return " · ".join(part for part in clean if part)[:WORDS_MAX]
