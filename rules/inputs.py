"""Everything that can happen to a home: the inputs of the engine, each with its instant `at`.

`at` is aware and in UTC, comes from the gateway's one clock and never goes back.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import msgspec

from devices.reading import Report
from rules.rule import Rule
from rules.site import Site
from rules.walk_test import TIME_LIMIT_DEFAULT


class Input(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What all inputs share: the instant."""

    at: datetime


class ReadingsArrived(Input, frozen=True, kw_only=True, gc=False):
    """One packet was understood. `retained`: the broker kept it; its values were found, not just said.

    `unregistered` tells that the reports come from an address that the site file does not name; their
    `device` is then `source/address`.
    """

    source: str
    reports: tuple[Report, ...]
    retained: bool = False
    unregistered: bool = False


class DecodeFailed(Input, frozen=True, kw_only=True):
    """One packet could not be understood. `device` is the registered device it came from, or "".

    `category` is the danger that the device watches for ("" = none): the engine raises it as a fallback
    alarm ("spoke, content unreadable"). `payload` are the first bytes, kept for the maintainer, in base64.
    `kind` is a devices.codec.FaultKind ("" in journals of before).
    """

    source: str
    topic: str
    reason: str
    device: str = ""
    category: str = ""
    payload: bytes = b""
    kind: str = ""


class PacketRefused(Input, frozen=True, kw_only=True):
    """Packets were not taken: a topic of another home, or outside every prefix. Told at once, then once a minute."""

    source: str
    topic: str
    reason: str
    count: int = 1
    kind: str = ""


class Verb(enum.StrEnum):
    """What a person can do with an alarm or an incident (four verbs, four rows in the ledger)."""

    SILENCE = "silence"
    ACKNOWLEDGE = "acknowledge"
    VERDICT = "verdict"
    RESET = "reset"


class OperatorActed(Input, frozen=True, kw_only=True):
    """A person did something. `target`: an alarm's or an incident's id; `person`: a person of the site, or an account.

    `via`: console, link, panel, button. `verdict`, `cause`, `finding` (an outcome code) and `times` belong to VERDICT;
    `checked_on_site` to RESET of an alarm whose clears are not trusted.
    """

    person: str
    verb: Verb
    target: str
    via: str = "console"
    verdict: str = ""
    cause: str = ""
    checked_on_site: bool = False
    finding: str = ""
    times: dict[str, datetime] = msgspec.field(default_factory=dict)


class SuppressionVerb(enum.StrEnum):
    """How a person holds an alarm back or lets it call again."""

    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    OUT_OF_SERVICE = "out_of_service"
    RETURN_TO_SERVICE = "return_to_service"


class SuppressionRequested(Input, frozen=True, kw_only=True):
    """A person asked for something to be held back, or no longer. `target`: an alarm's id, or a device's.

    `duration` None: the longest that is allowed. `once` belongs to SHELVE: until it goes inactive. A device goes out of
    service by two persons (`person`, `confirmed_by`), for a `reason`, with a `substitute` measure.
    """

    person: str
    verb: SuppressionVerb
    target: str
    duration: timedelta | None = None
    once: bool = False
    reason: str = ""
    substitute: str = ""
    confirmed_by: str = ""
    via: str = "console"


class Outcome(enum.StrEnum):
    """What became of one message on one channel. Sent: a modem here has given it to the network, more is not known."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    ANSWERED = "answered"
    RETRY = "retry"
    REFUSED = "refused"


class SendReported(Input, frozen=True, kw_only=True):
    """A channel reported what became of a message. `final`: the courier will not try this message again."""

    message: str
    incident: str
    channel: str
    person: str
    outcome: Outcome
    reference: str = ""
    detail: str = ""
    final: bool = True


class ChannelProven(Input, frozen=True, kw_only=True):
    """A channel of a person was tested by itself, without an alarm: whether it took the test, and how late.

    `message` is the test's id: a later `SendReported` about it tells more. `lag` None: nobody can tell; beyond
    `lag_max` the channel is late. `answer_within`: only a later word within it proves the channel (somebody confirms a
    visible message); None: the hand-over does. After `holds_for` the next test is missing.
    """

    person: str
    channel: str
    message: str
    outcome: Outcome
    lag: timedelta | None = None
    lag_max: timedelta = timedelta(seconds=60)
    answer_within: timedelta | None = None
    holds_for: timedelta = timedelta(hours=26)
    detail: str = ""


class LinkChanged(Input, frozen=True, kw_only=True):
    """A link or a part of the gateway itself went up or down: `broker:NAME`, `session:NAME`, `journal`, `qos0:NAME`, …

    Down raises a trouble with `detail`, up clears it; down again with other words updates the words.
    """

    link: str
    up: bool
    detail: str = ""
    count: int = 0


class SiteChanged(Input, frozen=True, kw_only=True):
    """The site or the rules are new (also the first input of a stream): whole, validated. `by` is who changed them."""

    site: Site
    rules: tuple[Rule, ...]
    ruleset: str
    by: str = ""


class ClockStepped(Input, frozen=True, kw_only=True):
    """The wall clock jumped by more than 2 s. `first_sync`: the first synchronisation after boot counts as downtime."""

    old: datetime
    new: datetime
    first_sync: bool = False


class EngineFaulted(Input, frozen=True, kw_only=True):
    """An input made the engine raise: it is kept (`fault_id`) and the stream goes on. `category` as in DecodeFailed."""

    fault_id: str
    error: str
    device: str = ""
    category: str = ""


class Mode(enum.StrEnum):
    """A mode that a home can be in beside its normal one."""

    WALK_TEST = "walk_test"
    DRILL = "drill"
    MAINTENANCE = "maintenance"


class ModeVerb(enum.StrEnum):
    """What a person can do with a mode: begin it, say which detector is next, say that one has stopped, end it."""

    START = "start"
    ARM = "arm"
    CLEARED = "cleared"
    END = "end"


class ModeRequested(Input, frozen=True, kw_only=True):
    """A person asked for something about a mode. `zones` (none: the whole home) and `time_limit` belong to START.

    `device` belongs to ARM ("testing this one now"), to CLEARED ("it has stopped, there is nothing here"), and to the
    START of a drill: the one that is to "speak". `devices` and `reason` belong to the START of a maintenance, and
    `confirmed_by` (the second person) where its scope holds detection of fire or gas; `target` (its id) to its END.
    """

    person: str
    verb: ModeVerb
    mode: Mode = Mode.WALK_TEST
    zones: tuple[str, ...] = ()
    device: str = ""
    time_limit: timedelta = TIME_LIMIT_DEFAULT
    via: str = "console"
    devices: tuple[str, ...] = ()
    reason: str = ""
    target: str = ""
    confirmed_by: str = ""


class GapExplained(Input, frozen=True, kw_only=True):
    """A person said why entries are lost that a row of the ledger stands for (`row`: its number in this home's ledger).

    Nothing is decided by it; it is evidence.
    """

    person: str
    row: int
    reason: str
    via: str = "console"


class ProcedureTicked(Input, frozen=True, kw_only=True):
    """A person did a step of a rule's procedure (`step` counts from 1), or takes the tick back (`done` False)."""

    person: str
    incident: str
    rule: str
    step: int
    done: bool = True
    via: str = "app"


class SupportRequested(Input, frozen=True, kw_only=True):
    """Whoever is at an incident needs more people: the next step of its plan is told at once."""

    person: str
    incident: str
    via: str = "app"


class HandedOver(Input, frozen=True, kw_only=True):
    """A post was handed over: both names, what was said, what is still to be done. `person` is who wrote it down.

    With `refused_because` the incoming person did not take it over.
    """

    person: str
    post: str
    outgoing: str
    incoming: str
    note: str = ""
    open_items: str = ""
    refused_because: str = ""
    via: str = "console"


class TimePassed(Input, frozen=True, kw_only=True):
    """Nothing happened but time: a deadline is due."""


AnyInput = (
    ReadingsArrived
    | DecodeFailed
    | PacketRefused
    | OperatorActed
    | SendReported
    | ChannelProven
    | LinkChanged
    | SiteChanged
    | ClockStepped
    | EngineFaulted
    | TimePassed
    | ModeRequested
    | SuppressionRequested
    | ProcedureTicked
    | SupportRequested
    | GapExplained
    | HandedOver
)
