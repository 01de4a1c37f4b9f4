"""Everything that the engine can ask of the world, as data. Each has its instant and its reason."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from rules.alarm import Alarm, SuppressionKind
from rules.drill import Drill, TimingSheet
from rules.incident import Incident
from rules.people import Handover
from rules.walk_test import WalkTest


class Effect(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What all effects share: the instant (for a deadline: when it was due) and the reason."""

    at: datetime
    reason: str = ""


class Change(enum.StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    REPEATED = "repeated"
    UPDATED = "updated"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    RESET = "reset"
    CLOSED = "closed"
    BECAME_REAL = "became_real"
    HELD = "held"
    RELEASED = "released"
    RE_ALARMED = "re_alarmed"


class AlarmChanged(Effect, frozen=True, kw_only=True):
    """An alarm was raised or changed; `alarm` is its whole new state, `by` the person where one did it."""

    alarm: Alarm
    change: Change
    by: str = ""


class IncidentChanged(Effect, frozen=True, kw_only=True):
    """An incident was opened or changed; `incident` is its new state.

    Its timeline holds only the lines that are new, and the whole of it when the incident is closed.
    """

    incident: Incident
    change: str
    by: str = ""


class Notify(Effect, frozen=True, kw_only=True):
    """Tell one person over one channel.

    `message` is the message's id (`home:epoch:seq` of the input, `.n`), the same at every try. `person` is a
    person's id of the site, or a group's (`group:NAME`), and `channel` the name of a destination. `alarm` and
    `incident` are what it is about, as they stood. `step` counts from 1; `purpose` is `call` (come!), `repeat`
    (nobody answered, or the detector spoke again) or `over` (somebody took it on, or it was reset). `code`: two digits
    that no other open incident of the home has; a reply with it names the incident ("" while 100 are open).
    `has_next_way`: the person has channels that are used at once if this message is refused.
    """

    message: str
    person: str
    channel: str
    address: str
    alarm: Alarm
    incident: Incident
    step: int = 1
    purpose: str = "call"
    code: str = ""
    has_next_way: bool = False


class StopNotifying(Effect, frozen=True, kw_only=True):
    """Messages of this incident that are not handed over yet need not go: somebody took it on, or it is over."""

    incident: str


class Pattern(enum.StrEnum):
    """What a sounder does: the evacuation sound, an attention sound, or nothing."""

    EVACUATE = "evacuate"
    ATTENTION = "attention"
    OFF = "off"


class DriveSounder(Effect, frozen=True, kw_only=True):
    """Let the sounders of a zone sound or stop ("" = the whole home). A muted sounder is restarted by a new alarm.

    `drill`: nothing but a drill sounds there.
    """

    zone: str
    pattern: Pattern
    incident: str
    drill: bool = False


class Refused(Effect, frozen=True, kw_only=True):
    """What a person asked for was not done, and why; nothing was changed."""

    person: str
    verb: str
    target: str


class WalkTestChanged(Effect, frozen=True, kw_only=True):
    """A walk test began, went on or ended; `device` is the one that it is about, `by` the person where one did it.

    `change`: started, armed, disarmed, proven, cleared, became_real, real_alarm, ended. The targets, and the proofs and
    real alarms of before, stand only in the first and the last: in between there is what is new.
    """

    walk_test: WalkTest
    change: str
    device: str = ""
    by: str = ""


class SuppressionChanged(Effect, frozen=True, kw_only=True):
    """Something is held back from now on (`began`) or no longer (`ended`), whether or not an alarm of it is open.

    `rule` and `subject`: the shelved alarm; `subject` alone: the device out of service; neither: a maintenance
    (`mode`). The reason of an end says why: `time limit`, `returned`, `it cleared`, ….
    """

    kind: SuppressionKind
    change: str
    rule: str = ""
    subject: str = ""
    mode: str = ""
    by: str = ""
    confirmed_by: str = ""
    until: datetime | None = None
    substitute: str = ""


class DrillChanged(Effect, frozen=True, kw_only=True):
    """A drill began (`started`) or is over (`ended`, with its timing sheet)."""

    drill: Drill
    change: str
    by: str = ""
    sheet: TimingSheet | None = None


class HandoverChanged(Effect, frozen=True, kw_only=True):
    """A post was handed over (`handed_over`), or who should have taken it refused (`refused`)."""

    handover: Handover
    change: str
    by: str = ""


AnyEffect = (
    AlarmChanged
    | IncidentChanged
    | Notify
    | StopNotifying
    | DriveSounder
    | Refused
    | WalkTestChanged
    | SuppressionChanged
    | DrillChanged
    | HandoverChanged
)
