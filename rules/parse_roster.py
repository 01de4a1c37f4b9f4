"""The roster of a site file: posts, shifts and overrides, or every fault in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from rules.parse_fields import Table, suggestion, unique
from rules.parse_people import certificate_level, certificate_type
from rules.people import (
    CONTROL_ROOM_MIN,
    CONTROL_ROOM_SHIFT_MAX,
    CertificateType,
    Hours,
    Override,
    Post,
    PostKind,
    Shift,
)
from rules.schedule import DAYS
from rules.site import Person

POSTS_MAX: Final = 100
SHIFTS_MAX: Final = 1000
OVERRIDES_MAX: Final = 5000
GROUPS_MAX: Final = 60
PEOPLE_MIN_MAX: Final = 50
OVERRIDE_MAX: Final = timedelta(days=366)

Roster = tuple[tuple[Post, ...], tuple[Shift, ...], tuple[Override, ...]]


def parse_roster(root: Table, people: Sequence[Person]) -> Roster:
    """The posts, shifts and overrides of a home whose people are these."""
    posts = _bounded(root, "post", POSTS_MAX)
    shifts = _bounded(root, "shift", SHIFTS_MAX)
    overrides = _bounded(root, "override", OVERRIDES_MAX)
    found = [(table, _post(table)) for table in posts]
    unique([(table, post.id) for table, post in found], "id", "post")
    by_id = {post.id: post for _, post in found}
    holders = {person.id for person in people if not person.group}
    groups = {person.id for person in people if person.group}
    made = [(table, _shift(table, by_id, holders, groups)) for table in shifts]
    unique([(table, shift.id) for table, shift in made], "id", "shift")
    return (
        tuple(post for _, post in found),
        tuple(shift for _, shift in made),
        tuple(_override(table, by_id, holders, groups) for table in overrides),
    )


def _bounded(root: Table, name: str, most: int) -> list[Table]:
    tables = root.tables(name)
    if len(tables) > most:
        root.fault(name, f"has {len(tables)} entries", f"At most {most} are allowed")
    return tables[:most]


def _post(table: Table) -> Post:
    table.name_subject("post")
    kind = table.text("kind", PostKind.CARE.value)
    table.known("kind", kind, [each.value for each in PostKind], "kind of post")
    is_control_room = kind == PostKind.CONTROL_ROOM
    # The people of a control room hold 消防设施操作员 certificates (民发〔2023〕37号); which level, a home says itself.
    default = CertificateType.FIRE_FACILITY_OPERATOR.value if is_control_room else ""
    post = Post(
        id=table.id("id"),
        name=table.words("name"),
        kind=PostKind(kind) if kind in list(PostKind) else PostKind.OTHER,
        people_min=table.whole("people_min", CONTROL_ROOM_MIN if is_control_room else 1, 1, PEOPLE_MIN_MAX),
        certificate=certificate_type(table, "certificate", table.text("certificate", default)),
        level_min=certificate_level(table, "level_min"),
        hours=_hours(table),
        single_allowed_by=table.text("single_allowed_by", ""),
        combinable=table.flag("combinable", False),
    )
    if post.single_allowed_by and not is_control_room:
        table.fault("single_allowed_by", "belongs to a control room", 'Strike it out, or write kind = "control_room"')
    if post.combinable and is_control_room:
        table.fault("combinable", "a control room is never left for another post", "Strike it out")
    if post.level_min.rank and post.certificate is None:
        mend = 'Write certificate = "care_worker", or strike it out'
        table.fault("level_min", "is the level of no certificate", mend)
    table.close()
    return post


def _hours(table: Table) -> Hours:
    """`from`, `to` (the same, or neither: 24 hours) and `days`."""
    if ("from" in table) != ("to" in table):
        table.fault("", "has only one end", 'Write from = "20:00" and to = "08:00"')
    days = table.names("days")
    for day in days:
        table.known("days", day, DAYS, "day")
    return Hours(begins=table.minute("from"), ends=table.minute("to"), days=days)


def _shift(table: Table, posts: Mapping[str, Post], holders: Collection[str], chats: Collection[str]) -> Shift:
    table.name_subject("shift")
    post = table.text("post")
    table.known("post", post, posts, "post")
    groups = _groups(table)
    shift = Shift(
        id=table.id("id"),
        post=post,
        hours=_hours(table),
        people=table.names("people"),
        groups=groups,
        rotates_from=table.day("rotates_from"),
        rotate_every=table.whole("rotate_every", 1, 1, 366),
        from_on=table.day("from_on"),
        until_on=table.day("until_on"),
        dates=table.days("dates"),
    )
    _check_shift(table, shift)
    for name in shift.people:
        _check_holder(table, "people", name, holders, chats)
    for name in dict.fromkeys(name for group in groups for name in group):
        _check_holder(table, "groups", name, holders, chats)
    kind = posts[post].kind if post in posts else None
    if kind is PostKind.CONTROL_ROOM and shift.hours.length > CONTROL_ROOM_SHIFT_MAX:
        problem = f"lasts {shift.hours.length // timedelta(hours=1)} hours; in a control room no shift is above 8 hours"
        table.fault("to", problem, "Make it two shifts (GB 25201-2010)", warning=True)
    table.close()
    return shift


def _check_shift(table: Table, shift: Shift) -> None:
    if "people" in table and "groups" in table:
        table.fault("groups", "stands beside people", "Write people for a fixed shift, groups for those who take turns")
    if "people" not in table and "groups" not in table:
        table.fault("people", "is missing", 'Write people = ["carer-li"], or groups = [["carer-li"], ["carer-chen"]]')
    if shift.groups and shift.rotates_from is None:
        mend = "Write the day on which the first group begins: rotates_from = 2026-11-01"
        table.fault("rotates_from", "is missing", mend)
    if not shift.groups and ("rotates_from" in table or "rotate_every" in table):
        table.fault("groups", "is missing: there is nobody to take turns", "Write groups, or strike the rotation out")
    if shift.dates and (shift.hours.days or shift.from_on or shift.until_on):
        table.fault("dates", "stands beside days or bounds", "A shift is on single dates, or again and again")
    if shift.from_on is not None and shift.until_on is not None and shift.until_on < shift.from_on:
        table.fault("until_on", "is before from_on", "The last day is the same or a later one")


def _groups(table: Table) -> tuple[tuple[str, ...], ...]:
    value = table.take("groups")
    if value is None:
        return ()
    groups: list[tuple[str, ...]] = []
    for group in value if isinstance(value, list) else [value]:
        names = [name for name in group if isinstance(name, str)] if isinstance(group, list) else []
        if not isinstance(group, list) or len(names) != len(group):
            table.fault("groups", "must be a list of lists of people", 'Write groups = [["carer-li"], ["carer-chen"]]')
            return ()
        groups.append(tuple(names))
    if len(groups) > GROUPS_MAX:
        table.fault("groups", f"has {len(groups)} groups", f"At most {GROUPS_MAX} are allowed")
    return tuple(groups[:GROUPS_MAX])


def _check_holder(table: Table, field: str, name: str, holders: Collection[str], chats: Collection[str]) -> None:
    if name in chats:
        table.fault(field, f"{name!r} is a group chat and holds no post", "Name its people one by one")
    elif name not in holders:
        table.fault(field, f"unknown person {name!r}", suggestion(name, holders))


def _override(table: Table, posts: Mapping[str, Post], holders: Collection[str], chats: Collection[str]) -> Override:
    override = Override(
        begins=table.moment("from"),
        ends=table.moment("until"),
        post=table.text("post", ""),
        person=table.text("person", ""),
        instead_of=table.text("instead_of", ""),
        reason=table.text("reason", ""),
    )
    table.known("post", override.post, posts, "post")
    for field, name in (("person", override.person), ("instead_of", override.instead_of)):
        if name:
            _check_holder(table, field, name, holders, chats)
    if not override.person and not override.instead_of:
        table.fault("person", "names nobody", 'Write who stands in (person), who is away (instead_of), or both')
    if override.person and override.person == override.instead_of:
        table.fault("person", "stands in for the same person", "Name another one")
    if not override.post and not override.instead_of:
        table.fault("post", "is missing", "Write which post the person holds then")
    if datetime.min not in (override.begins, override.ends):  # noqa: DTZ901 - what a fault leaves behind
        if override.ends <= override.begins:
            table.fault("until", "is not behind from", "It ends later than it begins")
        elif override.ends - override.begins > OVERRIDE_MAX:
            table.fault("until", "is more than a year behind from", "Change the shift itself, or the person's days")
    table.close()
    return override
