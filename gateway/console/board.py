"""What the board says: counts, open alarms and what is not known, computed from the engines as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from gateway.console.parts import Health, ShownDevice, ShownEngine
from gateway.console.texts import Words
from rules.alarm import Alarm, Category, State, SuppressionKind, shown_state
from rules.incident import Incident
from rules.parse_site import RESERVED_ZONES
from rules.place import is_place, zone_parts
from rules.place import subject_words as place_words
from rules.site import Site, Zone
from rules.walk_test import WalkTest
from rules.wall_button import button_names

ROWS_MAX = 200

WORST_FIRST = (
    State.UNACKNOWLEDGED,
    State.LATCHED_UNACKNOWLEDGED,
    State.RETURNED_UNACKNOWLEDGED,
    State.ACKNOWLEDGED,
    State.LATCHED_ACKNOWLEDGED,
    State.OUT_OF_SERVICE,
    State.SHELVED,
    State.SUPPRESSED_BY_DESIGN,
    State.NORMAL,
)
NAMED_LINKS_MAX = 6


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the board: an incident with its alarms, or an alarm that belongs to none."""

    id: str
    kind: str
    home: str
    home_name: str
    category: Category
    title: str
    place: str
    since: datetime
    state: State
    taken_by: str = ""
    taken_at: datetime | None = None
    count: int = 1
    confirmed: bool = False
    silenced: bool = False
    found: bool = False
    late: bool = False
    value: str = ""
    suppressed: bool = False
    test: bool = False
    drill: bool = False

    @property
    def acknowledged(self) -> bool:
        """Whether somebody has taken it on."""
        return self.taken_at is not None

    @property
    def sounding(self) -> bool:
        """Whether the board itself should sound for it: a fire that nobody took on or silenced."""
        return self.category is Category.FIRE and not (self.acknowledged or self.silenced or self.suppressed)


class Tile(msgspec.Struct, frozen=True):
    """The count of one category: open alarms that call people, and how many of them nobody took on."""

    category: Category
    open: int = 0
    unacknowledged: int = 0


class HomeView(msgspec.Struct, frozen=True, kw_only=True):
    """One home on the board. `unknown` are the reasons, in words, why it can not be called normal.

    `testing` and `feedback` are None where no device says such a thing: nought would be a claim.
    """

    id: str
    name: str
    tiles: tuple[Tile, ...]
    rows: tuple[Row, ...] = ()
    suppressed: int = 0
    testing: int | None = None
    feedback: int | None = None
    devices: int = 0
    heard: int = 0
    unknown: tuple[str, ...] = ()

    @property
    def alarmed(self) -> bool:
        """Whether any alarm is open, suppressed ones included; test alarms are none."""
        return bool(self.suppressed) or any(not row.test for row in self.rows)

    @property
    def normal(self) -> bool:
        """Green only if no alarm is open and everything is known."""
        return not self.alarmed and not self.unknown

    @property
    def worst(self) -> Category | None:
        """The first category, in the panel's order, with an open alarm."""
        return next((tile.category for tile in self.tiles if tile.open), None)


class BoardView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole board: the homes a viewer may see, and their sums."""

    homes: tuple[HomeView, ...]
    tiles: tuple[Tile, ...]
    rows: tuple[Row, ...]
    rows_left_off: int = 0

    @property
    def normal(self) -> bool:
        """Whether every home is normal, and there is one."""
        return bool(self.homes) and all(home.normal for home in self.homes)

    @property
    def alarmed(self) -> bool:
        """Whether any home has an open alarm."""
        return any(home.alarmed for home in self.homes)

    @property
    def sounding(self) -> bool:
        """Whether a fire is neither taken on nor silenced."""
        return any(row.sounding for row in self.rows)

    def total(self, name: str) -> int | None:
        """The sum of a count over the homes that know it; None where none does."""
        counts = [count for home in self.homes if (count := getattr(home, name)) is not None]
        return sum(counts) if counts else None


def device_is_silent(state: ShownDevice, now: datetime) -> bool:
    """Whether the device was heard once and is beyond its limit, by the engine's word or by the clock."""
    return state.heard_at is not None and (state.silent or now - state.heard_at > state.device.silence_limit)


def find_zone(site: Site, zone: str) -> Zone | None:
    """The zone of this id."""
    return next((each for each in site.zones if each.id == zone), None)


def zone_words(site: Site, zone: str, words: Words) -> str:
    """A zone as a person finds it: building, floor, name."""
    found = find_zone(site, zone)
    if found is None:
        return words(f"zone.{zone or 'unassigned'}") if zone in ("", *RESERVED_ZONES) else zone
    return " · ".join(zone_parts(found, words.language))


def subject_words(engine: ShownEngine, subject: str, words: Words) -> str:
    """The device an alarm is about, with its room; a link or anything else as it is called."""
    state = engine.devices.get(subject)
    if state is None:
        return place_words(subject, words.language) if is_place(subject) else words.link(subject)
    device = state.device
    return " · ".join(part for part in (device.room, device.name.in_language(words.language)) if part)


def raised_value(alarm: Alarm) -> str:
    """The value that raised an alarm, where it says more than that it was raised."""
    return "" if alarm.value.lower() in ("true", "false") else alarm.value


def person_words(site: Site | None, person: str) -> str:
    """A person's name, a group's, or the account that acted."""
    if site is not None:
        for each in (*site.people, *site.contacts):
            if each.id == person:
                return each.name
        if person in (buttons := button_names(site)):
            return buttons[person]
    return person.removeprefix("account:").removeprefix("group:")


def home_view(site: Site, engine: ShownEngine | None, health: Health, now: datetime, words: Words) -> HomeView:
    """One home, as it is now."""
    name = site.name.in_language(words.language)
    if engine is None:
        return HomeView(id=site.id, name=name, tiles=_tiles(()), unknown=(words("unknown.dark"),))
    alarms = list(engine.alarms.values())
    calling = [alarm for alarm in alarms if alarm.suppression.kind is SuppressionKind.NONE]
    tests = sum(1 for alarm in alarms if alarm.test)
    walk_test = engine.walk_test
    never = silent = 0
    testing: list[bool] = []
    feedback: list[bool] = []
    for state in engine.devices.values():
        if state.heard_at is None:
            never += 1
        elif device_is_silent(state, now):
            silent += 1
        else:
            for point, value in state.values.items():
                if point == "test":
                    testing.append(value is True)
                elif point.startswith("relay."):
                    feedback.append(value is True)
    if walk_test is not None:
        testing.append(True)
    total = len(engine.devices)
    return HomeView(
        id=site.id,
        name=name,
        tiles=_tiles(calling),
        rows=tuple(sorted(_rows(site, engine, alarms, words), key=_urgency)),
        suppressed=len(alarms) - len(calling) - tests,
        testing=sum(testing) if testing else None,
        feedback=sum(feedback) if feedback else None,
        devices=total,
        heard=total - never - silent,
        unknown=_tested(walk_test, words) + _unknown(site.id, health, total, never, silent, words),
    )


def board_view(homes: Sequence[HomeView]) -> BoardView:
    """The homes as one board. Beyond 200 rows the least urgent are left off, and counted."""
    rows = sorted((row for home in homes for row in home.rows), key=_urgency)
    tiles = tuple(
        Tile(category, sum(home.tiles[i].open for home in homes), sum(home.tiles[i].unacknowledged for home in homes))
        for i, category in enumerate(Category)
    )
    return BoardView(
        homes=tuple(homes), tiles=tiles, rows=tuple(rows[:ROWS_MAX]), rows_left_off=max(0, len(rows) - ROWS_MAX)
    )


def _urgency(row: Row) -> tuple[bool, int, bool, datetime]:
    # Like a panel, the first alarm of a category stays on top: it is where the trouble began.
    return (row.suppressed, row.category.rank, row.acknowledged, row.since)


def _tiles(alarms: Iterable[Alarm]) -> tuple[Tile, ...]:
    opened = dict.fromkeys(Category, 0)
    waiting = dict.fromkeys(Category, 0)
    for alarm in alarms:
        opened[alarm.category] += 1
        waiting[alarm.category] += alarm.acknowledged is None
    return tuple(Tile(category, opened[category], waiting[category]) for category in Category)


def _tested(test: WalkTest | None, words: Words) -> tuple[str, ...]:
    """While detectors are tested the home is not simply normal, and everybody must see it."""
    if test is None:
        return ()
    return (words("unknown.walk_test", proven=test.proven, total=len(test.targets)),)


def _unknown(home: str, health: Health, total: int, never: int, silent: int, words: Words) -> tuple[str, ...]:
    reasons = []
    links = [link for link in health.links if link.home in ("", home)]
    if not links:
        reasons.append(words("unknown.no_link"))
    down = [link.name for link in links if not link.up]
    reasons += [words("unknown.link", name=words.link(name)) for name in down[:NAMED_LINKS_MAX]]
    if len(down) > NAMED_LINKS_MAX:
        reasons.append(words("unknown.link", name=f"+{len(down) - NAMED_LINKS_MAX}"))
    if not total:
        reasons.append(words("unknown.no_device"))
    if never:
        reasons.append(words("unknown.never", count=never))
    if silent:
        reasons.append(words("unknown.silent", count=silent))
    return tuple(reasons)


def _rows(site: Site, engine: ShownEngine, alarms: Sequence[Alarm], words: Words) -> list[Row]:
    of_incident: dict[str, list[Alarm]] = {}
    rows = []
    for alarm in alarms:
        if alarm.incident in engine.incidents and alarm.suppression.kind is SuppressionKind.NONE:
            of_incident.setdefault(alarm.incident, []).append(alarm)
        else:
            rows.append(alarm_row(site, engine, alarm, words))
    for incident in engine.incidents.values():
        rows.append(incident_row(site, engine, incident, of_incident.get(incident.id, []), words))
    return rows


def alarm_row(site: Site, engine: ShownEngine, alarm: Alarm, words: Words) -> Row:
    """An alarm as a row of its own."""
    taken = alarm.acknowledged
    return Row(
        id=alarm.id,
        kind="alarm",
        home=site.id,
        home_name=site.name.in_language(words.language),
        category=alarm.category,
        title=alarm.title.in_language(words.language),
        place=f"{zone_words(site, alarm.zone, words)} · {subject_words(engine, alarm.subject, words)}",
        since=alarm.raised_at,
        state=shown_state(alarm),
        taken_by=person_words(site, taken.by) if taken is not None else "",
        taken_at=taken.at if taken is not None else None,
        found=alarm.found,
        late=alarm.late,
        value=raised_value(alarm),
        suppressed=alarm.suppression.kind is not SuppressionKind.NONE,
        test=bool(alarm.test),
        drill=bool(alarm.drill),
    )


def incident_row(site: Site, engine: ShownEngine, incident: Incident, alarms: Sequence[Alarm], words: Words) -> Row:
    """An incident as a row: its first alarm speaks for it, its worst state is shown."""
    first = min(alarms, key=lambda alarm: (alarm.priority, alarm.raised_at), default=None)
    states = [shown_state(alarm) for alarm in alarms]
    state = min(states, key=WORST_FIRST.index, default=State.UNACKNOWLEDGED)
    if incident.acknowledged_at is None and state is State.ACKNOWLEDGED:
        state = State.UNACKNOWLEDGED
    subjects = list(dict.fromkeys(subject_words(engine, alarm.subject, words) for alarm in alarms))
    place = zone_words(site, incident.zone, words)
    if subjects:
        place += " · " + ", ".join(subjects[:3]) + (f" +{len(subjects) - 3}" if len(subjects) > 3 else "")
    return Row(
        id=incident.id,
        kind="incident",
        home=site.id,
        home_name=site.name.in_language(words.language),
        category=incident.category,
        title=first.title.in_language(words.language) if first is not None else words(f"category.{incident.category}"),
        place=place,
        since=incident.opened_at,
        state=state,
        taken_by=person_words(site, incident.acknowledged_by) if incident.acknowledged_at else "",
        taken_at=incident.acknowledged_at,
        count=len(alarms),
        confirmed=incident.confirmed,
        silenced=incident.silenced_at is not None,
        found=any(alarm.found for alarm in alarms),
        late=any(alarm.late for alarm in alarms),
        value=raised_value(first) if first is not None else "",
        drill=bool(incident.drill),
    )
