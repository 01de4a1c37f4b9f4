"""The alarm: one thing wrong at one place, with four independent axes (ISA-18.2 / IEC 62682)."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from rules.text import Text


class Category(enum.StrEnum):
    """What kind of trouble an alarm is, in the order of a fire panel: the first goes before all others."""

    FIRE = "fire"
    GAS = "gas"
    PERSON = "person"
    ELECTRICAL = "electrical"
    SUPERVISORY = "supervisory"
    TROUBLE = "trouble"
    VIDEO = "video"

    @property
    def rank(self) -> int:
        """0 for fire, counting up."""
        return _RANK[self.value]

    @property
    def endangers_people(self) -> bool:
        """Fire, gas and person: never swallowed, never held back, never shelved away."""
        return _RANK[self.value] <= _RANK["person"]


_RANK = {c.value: i for i, c in enumerate(Category)}


class Acknowledgement(msgspec.Struct, frozen=True):
    """Who took the alarm on, and when. Nothing is fixed by it."""

    by: str
    at: datetime


class SuppressionKind(enum.StrEnum):
    """Why an alarm does not call people: by a person for a while, for repair, or by the design of the rules."""

    NONE = "none"
    SHELVED = "shelved"
    OUT_OF_SERVICE = "out_of_service"
    BY_DESIGN = "by_design"


class Suppression(msgspec.Struct, frozen=True):
    """The fourth axis; `until` is set for a shelved alarm and one out of service.

    `by` is the person who did it. `cause` is the alarm that explains this one, where the rules say so.
    """

    kind: SuppressionKind = SuppressionKind.NONE
    until: datetime | None = None
    reason: str = ""
    by: str = ""
    cause: str = ""


NOT_SUPPRESSED = Suppression()


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm, whole. Its id is `home:epoch:seq` of the input that raised it (`.n` for the n-th of one input).

    `active`: the condition holds now. `latched`: it stays until a person resets it. `acknowledged`: by whom
    and when, or None. `suppression`: why it calls nobody. `subject` is the device (or `link:NAME`, or
    `rule` subject) that it is about. `found`: the state was found at start or in a retained message, and the
    time when it began is unknown. `late`: it was decided after its due instant (the gateway was down).
    `value` is the value that raised it, as text with its unit. `test`: the walk test that it counts for as long as
    it does (then it belongs to no incident and calls nobody); "" is a real alarm. `drill`: the drill (演练) that it
    was raised for by a person; it runs the whole chain, marked. A suppressed alarm belongs to no incident.
    """

    id: str
    rule: str
    subject: str
    zone: str
    category: Category
    priority: int
    title: Text
    raised_at: datetime
    active: bool = True
    latched: bool = False
    acknowledged: Acknowledgement | None = None
    suppression: Suppression = NOT_SUPPRESSED
    incident: str = ""
    point: str = ""
    value: str = ""
    detail: str = ""
    found: bool = False
    late: bool = False
    clears_are_trusted: bool = True
    cleared_at: datetime | None = None
    closed_at: datetime | None = None
    announced_at: datetime | None = None
    repeats: int = 0
    test: str = ""
    drill: str = ""

    @property
    def held(self) -> bool:
        """Whether it calls nobody: shelved, out of service, by design, or a test."""
        return self.suppression.kind is not SuppressionKind.NONE

    @property
    def open(self) -> bool:
        """Whether anybody still has to care: active, or latched and not reset."""
        return self.closed_at is None


class State(enum.StrEnum):
    """The states that a person sees, as ISA-18.2 names them, computed from the four axes."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"
    LATCHED_ACKNOWLEDGED = "latched_acknowledged"
    SHELVED = "shelved"
    SUPPRESSED_BY_DESIGN = "suppressed_by_design"
    OUT_OF_SERVICE = "out_of_service"


_SUPPRESSED_STATE = {
    SuppressionKind.SHELVED: State.SHELVED,
    SuppressionKind.BY_DESIGN: State.SUPPRESSED_BY_DESIGN,
    SuppressionKind.OUT_OF_SERVICE: State.OUT_OF_SERVICE,
}


def shown_state(alarm: Alarm) -> State:
    """The one word for the four axes (ISA-18.2 state; latched states as OPC UA Part 9 separates them)."""
    suppressed = _SUPPRESSED_STATE.get(alarm.suppression.kind)
    if suppressed is not None:
        return suppressed
    if not alarm.open:
        return State.NORMAL
    if alarm.active:
        return State.ACKNOWLEDGED if alarm.acknowledged else State.UNACKNOWLEDGED
    if alarm.latched:
        return State.LATCHED_ACKNOWLEDGED if alarm.acknowledged else State.LATCHED_UNACKNOWLEDGED
    return State.RETURNED_UNACKNOWLEDGED
