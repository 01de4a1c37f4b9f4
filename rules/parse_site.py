"""A site file as a Site: one home with its zones, devices, people and plans, or every fault in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from devices.means import meant, why_not
from rules.alarm import Category
from rules.parse_fields import Fault, Table, suggestion, unique
from rules.parse_monthly import parse_test_alarms
from rules.parse_people import parse_contacts, parse_people
from rules.parse_plan import RESIDENTS, Ways, parse_plans
from rules.parse_roster import parse_roster
from rules.site import Device, Person, ResidentClass, Site, Zone

SILENCE_MIN: Final = timedelta(seconds=10)
SILENCE_MAX: Final = timedelta(days=31)
BEDS_MAX: Final = 2000
RESERVED_ZONES: Final = ("unassigned", "gateway", "phones", "duty")
"""Zones of the engine's own alarms: of devices that nobody registered, of the gateway itself, of the ways to people."""
_DRAWING: Final = re.compile(r"(?!.*\.\.)[\w-][\w. -]*(/[\w-][\w. -]*)*\.(svg|png|jpg|jpeg|webp)\Z")
_TAG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")


class KindDefaults(msgspec.Struct, frozen=True):
    """What a kind of device is like where the site file says nothing, and the points that such devices have.

    `variants` are the kind's other profiles by id, for devices powered or connected in another way.
    """

    silence_limit: timedelta
    category: str = ""
    clears_are_trusted: bool = True
    points: tuple[str, ...] = ()
    profile: str = ""
    variants: Mapping[str, KindDefaults] = {}


class Names(msgspec.Struct, frozen=True):
    """The names of the gateway that a site file may use. None: not known here, so nothing can be said about it.

    `channel_kinds` tells of which kind each destination is, as far as it is known.
    """

    kinds: Mapping[str, KindDefaults]
    sources: Collection[str] | None = None
    destinations: Collection[str] | None = None
    channel_kinds: Mapping[str, str] = {}


def parse_site(
    values: Mapping[str, object], names: Names, shared: Sequence[Person] = ()
) -> tuple[Site | None, list[Fault]]:
    """The home that a site file describes, and every fault in it. With faults other than warnings there is no site.

    `shared` are the home's people of the file that homes share.
    """
    faults: list[Fault] = []
    root = Table(values, "", faults)
    zones = _zones(root.tables("zone"))
    people = parse_people(root.tables("person"), names.destinations, shared)
    contacts = parse_contacts(root.tables("contact"), names.destinations, people)
    posts, shifts, overrides = parse_roster(root, people)
    devices = _devices(root.tables("device"), names, {zone.id: zone.tags for zone in zones})
    ways = Ways(names.destinations, names.channel_kinds)
    plans = parse_plans(root.tables("plan"), people, contacts, posts, ways)
    home = root.table("home")
    if home is None:
        if "home" not in root:
            root.fault("home", "is missing", 'Write [home] with id = "…" and name = {zh = "…", en = "…"}')
        root.close()
        return None, faults
    site = Site(
        id=home.id("id"),
        name=home.words("name"),
        county=home.id("county", ""),
        town=home.id("town", ""),
        address=home.text("address", ""),
        timezone=home.text("timezone", "Asia/Shanghai"),
        zones=zones,
        devices=devices,
        people=people,
        plans=plans,
        contacts=contacts,
        posts=posts,
        shifts=shifts,
        overrides=overrides,
        is_single_staffed=home.flag("single_staffed", False),
        test_alarms=parse_test_alarms(root.table("test_alarms"), devices),
    )
    if len(site.id) > 32:
        home.fault("id", f"has {len(site.id)} characters", "At most 32 are allowed: it stands in every topic")
    home.close()
    if not zones:
        root.fault("zone", "is missing", "Write at least one [[zone]]: an alarm must say where")
    if not people:
        root.fault("person", "is missing", "Write at least one [[person]]: otherwise an alarm tells nobody")
    root.close()
    return (None if any(not fault.warning for fault in faults) else site), faults


def _zones(tables: list[Table]) -> tuple[Zone, ...]:
    zones = [(table, _zone(table)) for table in tables]
    unique([(table, zone.id) for table, zone in zones], "id", "zone")
    return tuple(zone for _, zone in zones)


def _zone(table: Table) -> Zone:
    table.name_subject("zone")
    residents = table.text("residents", ResidentClass.NONE.value)
    if residents not in RESIDENTS:
        table.fault("residents", f"unknown class {residents!r}", suggestion(residents, RESIDENTS))
    zone = Zone(
        id=table.id("id"),
        name=table.words("name"),
        building=table.text("building", ""),
        floor=table.text("floor", ""),
        residents=RESIDENTS.get(residents, ResidentClass.NONE),
        beds=table.whole("beds", 0, 0, BEDS_MAX),
        tags=_tags(table),
        drawing=table.text("drawing", ""),
    )
    if zone.drawing and _DRAWING.match(zone.drawing) is None:
        table.fault("drawing", f"{zone.drawing!r} is no picture here", 'Write a file beside this: "drawings/2f.svg"')
    if zone.id in RESERVED_ZONES:
        table.fault("id", f"{zone.id!r} is kept for what has no place in the home", "Give the zone another id")
    table.close()
    return zone


def _devices(tables: list[Table], names: Names, zones: Mapping[str, tuple[str, ...]]) -> tuple[Device, ...]:
    devices = [(table, _device(table, names, zones)) for table in tables]
    unique([(table, device.id) for table, device in devices], "id", "device")
    unique([(table, _place(device)) for table, device in devices], "address", "address")
    return tuple(device for _, device in devices)


def _place(device: Device) -> str:
    return f"{device.address} of {device.source}" if device.source and device.address else ""


def _device(table: Table, names: Names, zones: Mapping[str, tuple[str, ...]]) -> Device:
    table.name_subject("device")
    kind = table.text("kind")
    table.known("kind", kind, names.kinds, "kind")
    defaults = _defaults(table, kind, names)
    zone = table.text("zone")
    table.known("zone", zone, zones, "zone")
    source = table.text("source")
    table.known("source", source, names.sources, "source")
    category = table.text("category", defaults.category)
    if category:
        table.known("category", category, [known.value for known in Category], "category")
    device = Device(
        id=table.id("id"),
        kind=kind,
        source=source,
        address=table.text("address"),
        zone=zone,
        name=table.words("name"),
        room=table.text("room", ""),
        profile=defaults.profile,
        category=category,
        silence_limit=table.duration("silence_limit", defaults.silence_limit, SILENCE_MIN, SILENCE_MAX),
        clears_are_trusted=table.flag("clears_are_trusted", defaults.clears_are_trusted),
        circuit=table.id("circuit", ""),
        means=_means(table, kind, defaults),
        tags=tuple(dict.fromkeys((*_tags(table), *zones.get(zone, ())))),
    )
    table.close()
    return device


def _means(table: Table, kind: str, defaults: KindDefaults) -> tuple[tuple[str, str], ...]:
    """What the readings of this device mean here; each point has one source, or a clear of one would end the other."""
    inner = table.table("means")
    if inner is None:
        return ()
    found = [(point, inner.text(point)) for point in inner.fields]
    first: dict[str, str] = {}
    for point, text in found:
        meaning = meant(text)
        problem = why_not(point, meaning)
        if problem:
            inner.fault(point, problem, 'Write "input.1" = "smoke.alarm", or "not smoke.alarm" if it opens in alarm')
        elif first.setdefault(meaning.point, point) != point:
            mend = "Wire them in series, or register what has two contacts as two devices"
            inner.fault(point, f"{meaning.point} is meant by {first[meaning.point]} already", mend)
        elif defaults.points and meaning.point not in defaults.points:
            mend = f"Check the kind; {kind} has {', '.join(defaults.points)}"
            inner.fault(point, f"kind {kind!r} has no point {meaning.point}", mend, warning=True)
    inner.close(inner.fields)
    return tuple(found)


def _tags(table: Table) -> tuple[str, ...]:
    """What rules may select a device by beside its kind and zone: `bathroom`, `exit`, `lives_alone`, …"""
    tags = table.names("tags")
    for tag in tags:
        if _TAG.match(tag) is None:
            table.fault("tags", f"{tag!r} is not a tag", "Use only a-z, 0-9, - and _, at most 32")
    return tags


def _defaults(table: Table, kind: str, names: Names) -> KindDefaults:
    """What the kind's profile says, or the one of its variants that the device names."""
    defaults = names.kinds.get(kind, KindDefaults(timedelta(minutes=10)))
    profile = table.text("profile", defaults.profile)
    if profile == defaults.profile or kind not in names.kinds:
        return defaults
    known = [defaults.profile, *defaults.variants]
    table.known("profile", profile, known, f"profile of kind {kind!r}")
    return defaults.variants.get(profile, defaults)
