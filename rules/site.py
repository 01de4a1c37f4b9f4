"""A home: its zones, its devices, its people, and the plans that say who is told and when."""

from __future__ import annotations

import enum
from datetime import date, datetime, timedelta

import msgspec

from rules.alarm import Category
from rules.condition import Schedule
from rules.people import Assignment, Certificate, Override, Post, Shift
from rules.text import Text


class ResidentClass(enum.StrEnum):
    """How far the residents of a zone depend on help (自理, 半失能, 失能, 失智). Never names."""

    INDEPENDENT = "independent"
    PARTLY_DEPENDENT = "partly_dependent"
    DEPENDENT = "dependent"
    DEMENTIA = "dementia"
    NONE = "none"


HAZARD = "hazard_"
"""How the tags of zones begin of which the fire brigade must hear: `hazard_oxygen`, `hazard_gas`, …"""


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the home that is handled as one: a floor's wing, the kitchen, a ward. Its devices have its `tags`.

    `drawing`: the file of a picture of it (平面图), seen from the site file.
    """

    id: str
    name: Text
    building: str = ""
    floor: str = ""
    residents: ResidentClass = ResidentClass.NONE
    beds: int = 0
    tags: tuple[str, ...] = ()
    drawing: str = ""


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


class Until(enum.StrEnum):
    """What must be done before a plan stops calling."""

    ACKNOWLEDGED_BY_ONE = "acknowledged_by_one"
    ACKNOWLEDGED_BY_TWO = "acknowledged_by_two"
    VERIFIED = "verified"


class ChannelOrder(enum.StrEnum):
    """How a step uses the channels of each person: by the person's own orders, all at once, or one after the other."""

    AS_LISTED = "as_listed"
    PARALLEL = "parallel"
    IN_ORDER = "in_order"


class PlanStep(msgspec.Struct, frozen=True, kw_only=True):
    """Tell these people (person ids, `role:NAME`, `post:NAME`, …), this long after the step before it.

    `channels` are the destinations to use (none: all of each person); who has none of them is told over all.
    """

    tell: tuple[str, ...]
    after: timedelta = timedelta(0)
    channels: tuple[str, ...] = ()
    order: ChannelOrder = ChannelOrder.AS_LISTED


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """Steps in order, the last one again and again. `name` "" is the home's own chain.

    `repeats_max` bounds the repeats of the last step (0 = until the plan stops; never bounded for dangers).
    """

    name: str
    steps: tuple[PlanStep, ...]
    repeat_every: timedelta = timedelta(seconds=60)
    repeats_max: int = 0


CHANNEL_WAIT = timedelta(seconds=20)
"""A channel not confirmed by then is followed by the person's next one (issue 5: a ping is answered in 20 s)."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of a category: the home's chain of steps, and the `chains` that run beside it (the county's).

    Of several plans of a category the one holds whose `when` (a schedule) and `residents` (classes of the zone) fit
    best when the incident begins. `re_alarm_after`: so long after an acknowledgement without a verdict or an end the
    plan begins anew (None: the category's limit, rules/verification.py). `is_hastened`: night, helpless residents
    and a single carer shorten its delays (rules/pace.py).
    """

    category: Category
    steps: tuple[PlanStep, ...]
    repeat_every: timedelta = timedelta(seconds=60)
    repeats_max: int = 0
    id: str = ""
    when: Schedule | None = None
    residents: tuple[ResidentClass, ...] = ()
    until: Until = Until.ACKNOWLEDGED_BY_ONE
    re_alarm_after: timedelta | None = None
    channel_wait: timedelta = CHANNEL_WAIT
    chains: tuple[Chain, ...] = ()
    is_hastened: bool = True

    @property
    def all_chains(self) -> tuple[Chain, ...]:
        """The home's own chain, and those beside it."""
        home = Chain(name="", steps=self.steps, repeat_every=self.repeat_every, repeats_max=self.repeats_max)
        return (home, *self.chains)

    def chain(self, name: str) -> Chain | None:
        """The chain of that name, or None."""
        return next((chain for chain in self.all_chains if chain.name == name), None)


class MonthlyTests(msgspec.Struct, frozen=True, kw_only=True):
    """The test alarms of a home: how many a month, between which minutes of the day, by which devices in turn.

    At least two a month (GB 50440-2007 upkeep, standards sheet 3.3). No devices: all of fire, gas and persons.
    """

    a_month: int = 2
    begins: int = 9 * 60 + 30
    ends: int = 16 * 60 + 30
    devices: tuple[str, ...] = ()
    time_limit: timedelta = timedelta(minutes=30)


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One home, whole and validated. `county`, `town`, `id`: ASCII ids (they become tags); `name` is for people.

    `contacts` are people of elsewhere (a neighbour home, the county) whom plans may name; they hold no post here.
    `is_single_staffed`: one carer alone is there, at least at night; help from outside is called sooner.
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
    test_alarms: MonthlyTests | None = None
    is_single_staffed: bool = False
