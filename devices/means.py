"""What a device's terminal watches, as its site file says: `input.1` of a relay box may be a smoke detector's contact.

Only the site knows it, so no codec guesses. The reading of the terminal is told as the point that it means, a state
also the other way round (`"not smoke.alarm"`: a contact that opens in alarm).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from devices.reading import Kind, Point, Reading, Report, find_point

NOT: Final = "not "


class Meant(msgspec.Struct, frozen=True):
    """The point that a reading means, and whether its state is turned round."""

    point: str
    is_inverted: bool = False


def meant(text: str) -> Meant:
    """A point, or `not` and a point."""
    return Meant(text[len(NOT) :].strip(), True) if text.startswith(NOT) else Meant(text)


def why_not(point: str, meaning: Meant) -> str:
    """Why a reading of `point` cannot have this meaning, in words; "" if it can."""
    said, wanted = find_point(point), find_point(meaning.point)
    if said is None:
        return f"{point!r} is no point that a device can say"
    if wanted is None:
        return f"{meaning.point!r} is no point"
    if (_kind(said), said.unit) != (_kind(wanted), wanted.unit):
        return f"{point} ({_kind(said)}) cannot mean {meaning.point} ({_kind(wanted)})"
    if meaning.is_inverted and _kind(wanted) != "a state":
        return f"{meaning.point} is no state: there is no other way round"
    return ""


def _kind(point: Point) -> str:
    if point.name == "button":
        return "a word"
    return "a state" if point.kind is Kind.STATE else f"a number in {point.unit}" if point.unit else "a number"


def told(report: Report, means: Mapping[str, Meant]) -> Report:
    """The report with every reading told as what it means. Of two for one point any True stands, else the first."""
    if not any(reading.point in means for reading in report.readings):
        return report
    readings: dict[str, Reading] = {}
    for reading in report.readings:
        meaning = means.get(reading.point)
        if meaning is not None:
            turned = meaning.is_inverted and isinstance(reading.value, bool)
            reading = Reading(meaning.point, not reading.value if turned else reading.value, reading.quality)
        before = readings.get(reading.point)
        if before is None or (reading.value is True and before.value is not True):
            readings[reading.point] = reading
    return msgspec.structs.replace(report, readings=tuple(readings.values()))
