"""What the console is built from: the engines it shows, the inbox it acts through, and whom it asks for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from devices.reading import Value
from gateway.clock import Clock
from gateway.console.changes import Changes
from gateway.console.shown_delivery import AskDelivery
from gateway.console.shown_quality import AskQuality
from gateway.inbox import Inbox
from gateway.lines import Lines
from gateway.record.phones import PhoneBook
from gateway.record.record import JournalEntry
from gateway.roster_file import RosterChange
from gateway.site_file import Adoption
from rules.alarm import Alarm
from rules.drill_sheet import DrillSheet
from rules.drills import Drills
from rules.duty import Duty
from rules.incident import Incident
from rules.inputs import Outcome
from rules.proof import Freshness
from rules.reachability import Reachability
from rules.rule import Rule
from rules.site import Device, Site
from rules.suppressions import Suppressions
from rules.walk_test import WalkTest
from rules.walk_test_sheet import Sheet


class ShownDevice(Protocol):
    """What the console reads of a device's state in the engine."""

    @property
    def device(self) -> Device: ...

    @property
    def heard_at(self) -> datetime | None: ...

    @property
    def values(self) -> Mapping[str, Value]: ...

    @property
    def silent(self) -> bool: ...

    @property
    def proven_at(self) -> datetime | None: ...


class ShownEngine(Protocol):
    """What the console reads of a home's engine. It never writes: whatever a person does goes through the inbox."""

    @property
    def rules(self) -> Mapping[str, Rule]: ...

    @property
    def alarms(self) -> Mapping[str, Alarm]: ...

    @property
    def incidents(self) -> Mapping[str, Incident]: ...

    @property
    def devices(self) -> Mapping[str, ShownDevice]: ...

    @property
    def walk_test(self) -> WalkTest | None: ...

    @property
    def drills(self) -> Drills: ...

    @property
    def suppressions(self) -> Suppressions: ...

    @property
    def duty(self) -> Duty: ...

    @property
    def reachability(self) -> Reachability: ...


class LinkClaims(Protocol):
    """What a signed link says: the incident, the message it came with and to whom (a person, or a group)."""

    @property
    def home(self) -> str: ...

    @property
    def incident(self) -> str: ...

    @property
    def message(self) -> str: ...

    @property
    def person(self) -> str: ...


class LinkRefusal(Protocol):
    """Why a link is not taken; `reason` is `expired` where only its time is over."""

    @property
    def reason(self) -> str: ...


@runtime_checkable
class TestLinkClaims(Protocol):
    """What the link of a channel's test says: that this person was sent this message over this channel."""

    @property
    def home(self) -> str: ...

    @property
    def person(self) -> str: ...

    @property
    def channel(self) -> str: ...

    @property
    def message(self) -> str: ...


class Links(Protocol):
    """Reads signed links."""

    def read(self, token: str) -> LinkClaims | LinkRefusal: ...

    def read_test(self, token: str) -> TestLinkClaims | LinkRefusal: ...


class KeptSheet(Protocol):
    """A walk test sheet and the key by which it is found again."""

    @property
    def key(self) -> str: ...

    @property
    def sheet(self) -> Sheet: ...


class KeptDrill(Protocol):
    """A drill's sheet and the key by which it is found again."""

    @property
    def key(self) -> str: ...

    @property
    def sheet(self) -> DrillSheet: ...


class DrillSheets(Protocol):
    """The kept sheets of drills. Both read files: call them off the event loop."""

    def newest(self, home: str, most: int) -> Sequence[KeptDrill]: ...

    def find(self, home: str, key: str) -> DrillSheet | None: ...


class Sheets(Protocol):
    """The kept sheets of walk tests. Both read files: call them off the event loop."""

    def newest(self, home: str, most: int) -> Sequence[KeptSheet]: ...

    def find(self, home: str, key: str) -> Sheet | None: ...

    @property
    def drills(self) -> DrillSheets: ...


class ShownDutyCheck(Protocol):
    """What the console reads of a duty check: who asked when, and what came of it (None: its answer is waited for)."""

    @property
    def by(self) -> str: ...

    @property
    def asked_at(self) -> datetime: ...

    @property
    def minutes(self) -> int: ...

    @property
    def outcome(self) -> str | None: ...

    @property
    def ended_at(self) -> datetime | None: ...


class DutyBook(Protocol):
    """The duty checks of one listener for fire panels."""

    @property
    def home(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def times(self) -> tuple[str, ...]: ...

    @property
    def last(self) -> Mapping[str, ShownDutyCheck]: ...

    def devices(self) -> Sequence[str]: ...

    def ask(self, address: str, by: str) -> bool:
        """Begin a check. False: one is under way, or there is no such device."""


class ShownStill(Protocol):
    """What the console reads of a kept still: its key, its camera, and when it was taken by the wall clock."""

    @property
    def key(self) -> str: ...

    @property
    def camera(self) -> str: ...

    @property
    def taken_at(self) -> datetime: ...


class Stills(Protocol):
    """The kept stills of alarms. Both read files: call them off the event loop."""

    def list(self, home: str, incident: str) -> Sequence[ShownStill]: ...

    def read(self, home: str, incident: str, key: str) -> bytes | None: ...


class PhoneReach(Protocol):
    """What the app on phones stands on: the enrolled ones, and the lines to its pages.

    `push_key` is web push's public key ("": there is none); `receipt` takes what a person's phone says of a message.
    """

    @property
    def phones(self) -> PhoneBook: ...

    @property
    def lines(self) -> Lines: ...

    @property
    def push_key(self) -> str: ...

    def receipt(self, message: str, person: str, outcome: Outcome) -> None: ...


class LinkState(msgspec.Struct, frozen=True):
    """One link or part of the gateway: up or down, since when, and the words for a person. `home` "" is everybody's."""

    name: str
    up: bool
    since: datetime | None = None
    detail: str = ""
    home: str = ""


class Health(msgspec.Struct, frozen=True):
    """The states of all links, and the counters worth showing."""

    links: tuple[LinkState, ...] = ()
    counters: Mapping[str, float] = {}


class Unregistered(msgspec.Struct, frozen=True):
    """A device that was heard and that no site file names, with what it says."""

    home: str
    source: str
    address: str
    heard_at: datetime
    packets: int = 1
    values: Mapping[str, Value] = {}


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """Everything the console needs, handed in.

    `secret` signs the sessions (at least 16 bytes). `changes` wakes the live pages. Set `closing` before the web
    server is stopped, so that the live connections end and do not hold it up. The app on phones is there with `reach`;
    `phone_ca` is the authority that phones have to trust.
    """

    engines: Mapping[str, ShownEngine]
    sites: Mapping[str, Site]
    inbox: Inbox
    links: Links
    clock: Clock
    secret: bytes
    history: Callable[[str], Awaitable[Sequence[JournalEntry]]]
    health: Callable[[], Health]
    unregistered: Callable[[], Sequence[Unregistered]]
    changes: Changes
    version: str
    registry: CollectorRegistry = REGISTRY
    accounts: Path | None = None
    tell_accounts: Callable[[str], object] | None = None
    adopt: Callable[[Adoption, str], Awaitable[object]] | None = None
    change_roster: Callable[[str, RosterChange, str], Awaitable[object]] | None = None
    sheets: Sheets | None = None
    last_values: Callable[[str, str], Mapping[str, Value]] | None = None
    stills: Stills | None = None
    duty_books: Callable[[], Sequence[DutyBook]] = tuple
    freshness: Freshness = field(default_factory=Freshness)
    quality: AskQuality | None = None
    delivery: AskDelivery | None = None
    reach: PhoneReach | None = None
    public_url: str = ""
    phone_ca: Path | None = None
    drawing: Callable[[str, str], Path | None] = lambda _home, _zone: None
    language: str = "zh"
    ask_test: Callable[[str, str, str], bool] | None = None
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    event_clients_max: int = 64
    answer_within_s: float = 10.0
