"""A home: its zones, its devices, its people, and the plans that say who is told and when."""

from __future__ import annotations

import enum
from datetime import date, datetime, timedelta

import msgspec

from rules.alarm import Category
from rules.people import Assignment, Certificate, Override, Post, Shift
from rules.text import Text


class ResidentClass(enum.StrEnum):
    """How far the residents of a zone depend on help (自理, 半失能, 失能, 失智). Never names."""

    INDEPENDENT = "independent"
    PARTLY_DEPENDENT = "partly_dependent"
    DEPENDENT = "dependent"
    DEMENTIA = "dementia"
    NONE = "none"


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the home that is handled as one: a floor's wing, the kitchen, a ward. Its devices have its `tags`."""

    id: str
    name: Text
    building: str = ""
    floor: str = ""
    residents: ResidentClass = ResidentClass.NONE
    beds: int = 0
    tags: tuple[str, ...] = ()


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One device of the site. `source` and `address` are how its packets are known, `kind` is its profile's kind.

    `silence_limit`, `category` and `clears_are_trusted` come from the profile where the site file says nothing.
    `means` is what readings of this device mean here: (`input.1`, `smoke.alarm`), (`input.2`, `not power.mains`).
    `circuit` is the electrical circuit that it measures or hangs on; `tags` (`bathroom`, `exit`, `lives_alone`, …)
    are what rules may select by beside kind and zone.
    """

    id: str
    kind: str
    source: str
    address: str
    zone: str
    name: Text
    room: str = ""
    profile: str = ""
    category: str = ""
    silence_limit: timedelta = timedelta(minutes=10)
    clears_are_trusted: bool = True
    circuit: str = ""
    tags: tuple[str, ...] = ()
    means: tuple[tuple[str, str], ...] = ()


class Channel(msgspec.Struct, frozen=True):
    """One way to reach a person: the name of a destination of the gateway, and the address there (may be empty).

    Without the person's `consent` it is not used. Channels of equal `order` are used at once, those of a larger one
    after the smaller were refused or not confirmed in time.
    """

    destination: str
    address: str = ""
    consent: bool = True
    order: int = 0


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can be told. `role`: carer, director, township, guidance, rescue, …

    `phones` are for people to read. `assigned`: the days on which the person belongs to this home (none: always).
    `home`: the neighbour home of a contact, whose people these are.
    """

    id: str
    name: str
    role: str
    channels: tuple[Channel, ...] = ()
    group: bool = False
    on_duty: bool = True
    teams: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    assigned: tuple[Assignment, ...] = ()
    home: str = ""

    @property
    def is_reachable(self) -> bool:
        """Whether there is a channel that may be used."""
        return any(channel.consent for channel in self.channels)

    def is_assigned(self, day: date) -> bool:
        """Whether the person belongs to this home on a day."""
        return not self.assigned or any(span.covers(day) for span in self.assigned)


class PlanStep(msgspec.Struct, frozen=True, kw_only=True):
    """Tell these people (person ids, or `role:NAME`), this long after the step before it."""

    tell: tuple[str, ...]
    after: timedelta = timedelta(0)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of a category: steps in order; the last one repeats every `repeat_every` until acknowledged.

    `repeats_max` bounds the repeats of the last step (0 = until somebody acknowledges; never bounded for dangers).
    """

    category: Category
    steps: tuple[PlanStep, ...]
    repeat_every: timedelta = timedelta(seconds=60)
    repeats_max: int = 0


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One home, whole and validated. `county`, `town`, `id`: ASCII ids (they become tags); `name` is for people.

    `contacts` are people of elsewhere (a neighbour home, the county) whom plans may name; they hold no post here.
    `offsets`: from which instant on (UTC) which offset of local time holds, in minutes; none is +8 h, as in all China.
    """

    id: str
    name: Text
    county: str = ""
    town: str = ""
    address: str = ""
    timezone: str = "Asia/Shanghai"
    offsets: tuple[tuple[datetime, int], ...] = ()
    zones: tuple[Zone, ...] = ()
    devices: tuple[Device, ...] = ()
    people: tuple[Person, ...] = ()
    plans: tuple[Plan, ...] = ()
    contacts: tuple[Person, ...] = ()
    posts: tuple[Post, ...] = ()
    shifts: tuple[Shift, ...] = ()
    overrides: tuple[Override, ...] = ()
