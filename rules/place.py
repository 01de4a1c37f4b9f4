"""A place in a home as a person says it: `主楼2层 二楼东区`, `A栋1层 厨房`."""

from __future__ import annotations

import re

from rules.site import Zone
from rules.text import Text

_BUILDINGS = {
    "main": Text("主楼", "main building"),
    "annex": Text("附楼", "annex"),
    "yard": Text("院内", "yard"),
    "kitchen": Text("厨房", "kitchen"),
}
"""Words that site files use for a building; any other one is said as it is written."""

_SHORT = re.compile(r"[A-Za-z]|[0-9]{1,3}|[A-Za-z][0-9]")
_FLOOR = re.compile(r"([0-9]{1,3})[Ff]?|[Ff]([0-9]{1,3})")
_BASEMENT = re.compile(r"[Bb]([0-9])|-([0-9])")


def building_words(building: str, language: str) -> str:
    """A building: `A` is `A栋`."""
    known = _BUILDINGS.get(building.lower())
    if known is not None:
        return known.in_language(language)
    if _SHORT.fullmatch(building):
        return f"building {building}" if language == "en" else f"{building}栋"
    return building


def floor_words(floor: str, language: str) -> str:
    """A floor: `2` and `2F` are `2层`, `B1` is `地下1层`."""
    below = _BASEMENT.fullmatch(floor)
    if below is not None:
        number = below[1] or below[2]
        return f"basement {number}" if language == "en" else f"地下{number}层"
    above = _FLOOR.fullmatch(floor)
    if above is None:
        return floor
    number = above[1] or above[2]
    return f"floor {number}" if language == "en" else f"{number}层"


def zone_parts(zone: Zone, language: str) -> tuple[str, ...]:
    """Where a zone is, from large to small: building with floor, name; what the site file leaves out is not there."""
    name = zone.name.in_language(language)
    building, floor = building_words(zone.building, language), floor_words(zone.floor, language)
    if language == "en":
        return tuple(part for part in (building, floor, name) if part)
    return tuple(part for part in (f"{building}{floor}", name) if part)


def is_place(subject: str) -> bool:
    """Whether an alarm's subject is a place, or somebody's phone, and no device."""
    return subject.startswith(("zone:", "room:", "circuit:", "phone:"))


def subject_words(subject: str, language: str) -> str:
    """What an alarm is about that is no device: the whole zone, a room, a circuit; anything else as it is called."""
    kind, _, rest = subject.partition(":")
    if kind == "zone":
        return "whole zone" if language == "en" else "整个区域"
    if kind == "room":
        room = rest.rpartition("/")[2]
        return f"room {room}" if language == "en" else f"{room}房间"
    if kind == "phone":
        person, _, channel = rest.partition("/")
        return f"{person} over {channel}" if language == "en" else f"{person}（{channel}）"
    if kind == "post":
        return f"post {rest}" if language == "en" else f"岗位{rest}"
    if kind == "circuit":
        return f"circuit {rest}" if language == "en" else f"回路{rest}"
    return subject
