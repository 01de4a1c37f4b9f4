"""What to say to 119: what, the address, the place and floor, who needs help and in which order, what is dangerous.

A prompt for a person. The program never dials it.
"""

from __future__ import annotations

from typing import Final

from gateway.console.board import find_zone
from gateway.console.items import ItemView
from gateway.console.texts import Words
from gateway.console.texts_phone import HAZARDS
from rules.alarm import Category
from rules.incident import Incident
from rules.place import zone_parts
from rules.site import HAZARD, ResidentClass, Site, Zone

CALLS_FIRE_BRIGADE: Final = (Category.FIRE, Category.GAS)
NEED_HELP: Final = (ResidentClass.DEMENTIA, ResidentClass.DEPENDENT, ResidentClass.PARTLY_DEPENDENT)
"""Who cannot leave by themselves, in the order in which they are fetched: who does not know where to go, who cannot."""

ZONES_MAX: Final = 6
"""Zones that a line names; on the telephone nobody remembers more."""


def who_need_help(site: Site, incident: Incident | None, words: Words) -> str:
    """The residents of the zone who cannot leave by themselves, in words, or ""."""
    zone = find_zone(site, incident.zone) if incident is not None else None
    if zone is None or not zone.beds or zone.residents not in NEED_HELP:
        return ""
    return words("script.residents", count=zone.beds, residents=words(f"residents.{zone.residents}"))


def script_of(site: Site, incident: Incident | None, item: ItemView | None, words: Words) -> tuple[str, ...]:
    """The lines, one thing each. Empty where the brigade is not to be called."""
    if incident is None or item is None or incident.category not in CALLS_FIRE_BRIGADE:
        return ()
    lines = [
        words(f"script.{incident.category}"),
        words("script.place", home=site.name.in_language(words.language), address=site.address
              or words("script.no_address")),
        words("script.where", place=item.row.place),
    ]
    zone = find_zone(site, incident.zone)
    if zone is not None and zone.beds and zone.residents is not ResidentClass.NONE:
        lines.append(words("script.residents", count=zone.beds, residents=words(f"residents.{zone.residents}")))
        if zone.residents in NEED_HELP:
            lines.append(words("script.help"))
    lines += [*_order(site, zone, words), *_hazards(site, zone, words)]
    return tuple(lines)


def _in_building(site: Site, zone: Zone | None) -> list[Zone]:
    """The zones of the building that it is in; all of them where that is not known. Its own zone comes first."""
    near = [each for each in site.zones if zone is None or each.building == zone.building]
    return sorted(near, key=lambda each: zone is None or each.id != zone.id)


def _order(site: Site, zone: Zone | None, words: Words) -> list[str]:
    """Where those are who must be fetched: where it burns first, then by how far they depend on help."""
    helpless = [each for each in _in_building(site, zone) if each.beds and each.residents in NEED_HELP]
    if not helpless or (zone is not None and helpless == [zone]):
        return []
    floor = zone.floor if zone is not None else ""
    own = zone.id if zone is not None else ""
    helpless.sort(key=lambda each: (each.id != own, NEED_HELP.index(each.residents), each.floor != floor))
    named = [
        words("script.who", place=_place(each, words), residents=words(f"residents.{each.residents}"), count=each.beds)
        for each in helpless[:ZONES_MAX]
    ]
    more = f" +{len(helpless) - ZONES_MAX}" if len(helpless) > ZONES_MAX else ""
    return [words("script.order", order=" → ".join(named) + more)]


def _hazards(site: Site, zone: Zone | None, words: Words) -> list[str]:
    """What is dangerous in that building, and where."""
    found: dict[str, list[str]] = {}
    for each in _in_building(site, zone):
        for tag in each.tags:
            if tag.startswith(HAZARD):
                found.setdefault(tag.removeprefix(HAZARD), []).append(_place(each, words))
    if not found:
        return []
    comma, stop, form = ("、", "；", "{}（{}）") if words.language == "zh" else (", ", "; ", "{} ({})")
    named = [form.format(_hazard(what, words), comma.join(places[:ZONES_MAX])) for what, places in found.items()]
    return [words("script.hazards", hazards=stop.join(named))]


def _hazard(what: str, words: Words) -> str:
    zh, en = HAZARDS.get(what, (what.replace("_", " "),) * 2)
    return zh if words.language == "zh" else en


def _place(zone: Zone, words: Words) -> str:
    return ("" if words.language == "zh" else ", ").join(zone_parts(zone, words.language))
