"""People on duty as plain data: certificates, the posts of a home, shifts, overrides of a shift, and hand-overs.

Days and times of day are local ones, as they hang on the wall: a roster says 08:00, whatever the offset is.
"""

from __future__ import annotations

import enum
from datetime import date, datetime, timedelta

import msgspec

from rules.text import Text


class CertificateType(enum.StrEnum):
    """What somebody was certified for."""

    FIRE_FACILITY_OPERATOR = "fire_facility_operator"
    CARE_WORKER = "care_worker"
    FIRST_AID = "first_aid"
    FIRE_SAFETY = "fire_safety"
    ELECTRICIAN = "electrician"
    OTHER = "other"


class CertificateLevel(enum.StrEnum):
    """The five levels of the national vocational standards, from the lowest: 五级/初级工 to 一级/高级技师.

    消防设施操作员 has all five (GZB 4-07-05-04); ANY is a certificate without levels, or a post that asks for none.
    """

    ANY = "any"
    JUNIOR = "junior"
    INTERMEDIATE = "intermediate"
    SENIOR = "senior"
    TECHNICIAN = "technician"
    SENIOR_TECHNICIAN = "senior_technician"

    @property
    def rank(self) -> int:
        """0 for no level, 1 for the lowest of the five."""
        return list(CertificateLevel).index(self)


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate of a person. It holds through `expires_on`; None: it does not expire."""

    type: CertificateType
    level: CertificateLevel = CertificateLevel.ANY
    number: str = ""
    expires_on: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it is valid on a day."""
        return self.expires_on is None or day <= self.expires_on


class Assignment(msgspec.Struct, frozen=True):
    """The days on which a person belongs to this home, both included; None: no such end."""

    from_on: date | None = None
    until_on: date | None = None

    def covers(self, day: date) -> bool:
        """Whether a day is one of them."""
        return (self.from_on is None or self.from_on <= day) and (self.until_on is None or day <= self.until_on)


class PostKind(enum.StrEnum):
    """What a post is for. A control room (消防控制室) needs two people, with certificates."""

    CARE = "care"
    CONTROL_ROOM = "control_room"
    GUARD = "guard"
    KITCHEN = "kitchen"
    DIRECTOR = "director"
    TOWNSHIP = "township"
    GUIDANCE = "guidance"
    OTHER = "other"


CONTROL_ROOM_MIN = 2
"""At least two people a shift, round the clock (GB 25201-2010; 民发〔2023〕37号: one only where local rules permit)."""

CONTROL_ROOM_SHIFT_MAX = timedelta(hours=8)
"""No shift in a control room is longer (GB 25201-2010)."""


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """A span of the day in minutes, on some days (`rules.schedule.DAYS`; none: on all), counted by the day it begins.

    `ends` at or before `begins` is on the next day: 1200 to 480 is a night, 480 to 480 are 24 hours.
    """

    begins: int = 0
    ends: int = 0
    days: tuple[str, ...] = ()

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        return timedelta(minutes=(self.ends - self.begins) % (24 * 60) or 24 * 60)


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A place that somebody must hold: so many people, with a certificate, always or in some hours.

    `single_allowed_by`: the local rule that allows one person alone in a control room. `combinable`: whoever holds it
    may hold another post at the same time.
    """

    id: str
    name: Text
    kind: PostKind = PostKind.CARE
    people_min: int = 1
    certificate: CertificateType | None = None
    level_min: CertificateLevel = CertificateLevel.ANY
    hours: Hours = Hours()
    single_allowed_by: str = ""
    combinable: bool = False


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a post in which hours, again and again: `people`, or `groups` that take turns.

    The groups change every `rotate_every` days, the first one begins on `rotates_from`. `from_on` and `until_on` bound
    it. With `dates` it stands for these days alone, and goes before the shifts of its post that have none.
    """

    id: str
    post: str
    hours: Hours
    people: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    rotates_from: date | None = None
    rotate_every: int = 1
    from_on: date | None = None
    until_on: date | None = None
    dates: tuple[date, ...] = ()

    def people_on(self, day: date) -> tuple[str, ...]:
        """Whose turn it is on the day on which it begins."""
        if not self.groups or self.rotates_from is None:
            return self.people
        return self.groups[(day - self.rotates_from).days // self.rotate_every % len(self.groups)]


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the roster for one span of local time: `person` stands in for `instead_of`.

    Without `instead_of` the person is there beside the others, without `person` nobody stands in. `post` "" is every
    post that `instead_of` holds then. Overrides are applied in their order.
    """

    begins: datetime
    ends: datetime
    post: str = ""
    person: str = ""
    instead_of: str = ""
    reason: str = ""


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """A post handed over (交接班) with both names, or the refusal of it.

    `open_items` are what is still to be done, one a line. `is_substitute`: the roster does not name who took over.
    Until `counts_until`, the roster's next change, who took over counts as on duty, beside those of the roster; after
    a refusal so does who wanted to leave.
    """

    post: str
    outgoing: str
    incoming: str
    at: datetime
    by: str = ""
    note: str = ""
    open_items: str = ""
    is_substitute: bool = False
    refused_because: str = ""
    counts_until: datetime | None = None

    @property
    def holder(self) -> str:
        """Who has the post after it."""
        return self.outgoing if self.refused_because else self.incoming
