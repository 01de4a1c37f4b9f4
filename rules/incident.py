"""The incident: the alarms of one zone and category handled as one, with its escalation and its timeline."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from rules.alarm import Category
from rules.site import Until

ALARMS_MAX = 32
"""The newest alarms that an incident lists. It goes into the journal at every change: a list of all is O(n²) there."""


class VerdictKind(enum.StrEnum):
    """What a person found on site (复核)."""

    REAL = "real"
    FALSE = "false"
    TEST = "test"


class Finding(enum.StrEnum):
    """The outcome codes: what exactly was found on site, and what became of it."""

    REAL_FIRE = "real_fire"
    REAL_GAS = "real_gas"
    TO_HOSPITAL = "to_hospital"
    CARED_FOR = "cared_for"
    ELECTRICAL_HAZARD = "electrical_hazard"
    EQUIPMENT_FAULT = "equipment_fault"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    DRILL = "drill"

    @property
    def kind(self) -> VerdictKind:
        """The verdict that this outcome is."""
        return _KINDS.get(self, VerdictKind.REAL)


_KINDS = {
    Finding.FALSE_ALARM: VerdictKind.FALSE,
    Finding.TEST: VerdictKind.TEST,
    Finding.DRILL: VerdictKind.TEST,
}

OUTCOME_TIMES = ("called_119", "called_120", "evacuated", "arrived", "left")
"""The instants that may stand beside an outcome (standards sheet 4.5: 119 call, arrival, all-clear, …)."""


class Verdict(msgspec.Struct, frozen=True):
    """What was found, by whom, when; a false alarm states its cause.

    `finding`: the outcome code ("" = none was chosen). `times`: instants beside it, each named in `OUTCOME_TIMES`.
    """

    kind: VerdictKind
    by: str
    at: datetime
    cause: str = ""
    finding: str = ""
    times: tuple[tuple[str, datetime], ...] = ()

    @property
    def stands(self) -> bool:
        """Whether a further alarm leaves it as it is: who found a fire need not look again."""
        return self.kind is VerdictKind.REAL


class Verification(enum.StrEnum):
    """Where the verification of an incident stands (复核).

    `awaited`: 15 s to acknowledge. `unanswered`: nobody did. `running`: 180 s to look. `overdue`: no verdict came.
    `confirmed`: a second device or a manual call point spoke. `done`: a person gave the verdict.
    """

    NONE = "none"
    AWAITED = "awaited"
    UNANSWERED = "unanswered"
    RUNNING = "running"
    OVERDUE = "overdue"
    CONFIRMED = "confirmed"
    DONE = "done"


class Step(msgspec.Struct, frozen=True):
    """One line of an incident's timeline: what happened, when, by whom or to whom, and why."""

    at: datetime
    event: str
    who: str = ""
    detail: str = ""


FLOOD_SIGNALS = 3
FLOOD_WITHIN = timedelta(seconds=60)
"""Standards sheet 5.3: 3 fire signals or more of one fire compartment within 60 s. A zone is a compartment here."""

SPREAD_MAX = 32
"""Subjects that an incident lists in the order in which they spoke first: where it began, and which way it went."""


class Spread(msgspec.Struct, frozen=True):
    """What spoke, and when it spoke first."""

    subject: str
    at: datetime


TICKS_MAX = 64
"""Steps of procedures that can be ticked off in one incident; a shipped rule has seven at most."""


class Tick(msgspec.Struct, frozen=True):
    """A step of a rule's procedure that somebody did; `step` counts from 1."""

    rule: str
    step: int
    by: str
    at: datetime


class ChainProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a chain beside the home's own one has come; `pace` is what its delays are multiplied by."""

    name: str
    step: int = 0
    next_step_at: datetime | None = None
    pace: float = 1.0


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One incident, whole. `step` counts the steps of the plan that were begun, `round` the repeats of the last.

    `next_step_at` is the instant of the next step, or None once somebody took the incident on.
    `confirmed` tells that a second device or a manual call point spoke in the same zone (GB 50116-2013 4.1.6).
    `alarms` are the newest `ALARMS_MAX` ids, `alarms_before` counts those of before; each alarm names its incident.
    `verify_at` is the limit of the verification while one runs. `drill`: the drill that it belongs to;
    "" is a real incident. `spread`: what spoke, in the order in which it did; `recent`: the last instants.
    `attended_at`: when somebody came to a person in need, as devices tell it (resolved, unverified).
    `explained` counts the alarms that call nobody because an alarm of this incident explains them.
    `ticks`: the steps of its procedures that were done. `support_by` called for support at `support_at`, and nobody has
    taken the incident on since.
    `plan`, `until`, `re_alarm_after` and `pace` are those with which its plan last began; `step` and `next_step_at`
    belong to the home's own chain, `chains` are those beside it. `code`: two digits by which a reply names it ("" where
    all are in use). `seconded_by`: the second person who took it on, where the plan asks for two.
    """

    id: str
    home: str
    zone: str
    category: Category
    opened_at: datetime
    alarms: tuple[str, ...] = ()
    step: int = 0
    next_step_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    silenced_at: datetime | None = None
    confirmed: bool = False
    verdict: Verdict | None = None
    told: tuple[str, ...] = ()
    timeline: tuple[Step, ...] = ()
    closed_at: datetime | None = None
    alarms_before: int = 0
    explained: int = 0
    verification: Verification = Verification.NONE
    verify_at: datetime | None = None
    drill: str = ""
    spread: tuple[Spread, ...] = ()
    recent: tuple[datetime, ...] = ()
    attended_at: datetime | None = None
    ticks: tuple[Tick, ...] = ()
    support_by: str = ""
    support_at: datetime | None = None
    plan: str = ""
    pace: float = 1.0
    chains: tuple[ChainProgress, ...] = ()
    until: Until = Until.ACKNOWLEDGED_BY_ONE
    re_alarm_after: timedelta | None = None
    seconded_by: str = ""
    seconded_at: datetime | None = None
    code: str = ""

    @property
    def is_calling(self) -> bool:
        """Whether its plan goes on: not yet acknowledged, or not yet by a second person, or not yet verified."""
        if self.closed_at is not None:
            return False
        if self.acknowledged_at is None:
            return True
        if self.until is Until.ACKNOWLEDGED_BY_TWO:
            return self.seconded_at is None
        return self.until is Until.VERIFIED and self.verdict is None

    def comes(self, person: str) -> bool:
        """Whether this person has said, since it was taken on, that they come."""
        since = self.acknowledged_at
        lines = (step for step in self.timeline if since is not None and step.at >= since and step.who == person)
        return any(step.event in ("acknowledged", "seconded", "coming_too") for step in lines)

    def taken_by_nobody(self) -> Incident:
        """The incident as if nobody had taken it on, before its plan begins anew."""
        return replace(self, acknowledged_at=None, acknowledged_by="", seconded_at=None, seconded_by="")

    def progress(self, chain: str) -> ChainProgress:
        """How far a chain has come; "" is the home's own."""
        home = ChainProgress(name="", step=self.step, next_step_at=self.next_step_at, pace=self.pace)
        return next((each for each in (home, *self.chains) if each.name == chain), ChainProgress(name=chain))

    def with_progress(self, progress: ChainProgress) -> Incident:
        """The incident with one chain further on."""
        if not progress.name:
            return replace(self, step=progress.step, next_step_at=progress.next_step_at, pace=progress.pace)
        kept = tuple(progress if each.name == progress.name else each for each in self.chains)
        return replace(self, chains=kept if progress in kept else (*kept, progress))

    @property
    def needs_verdict(self) -> bool:
        """Whether it may only end with what was found: fire and gas always, others where a rule asks for verification.

        GB 25201-2010 5.3: confirm by the fastest means; of a false alarm the cause is found and entered.
        """
        return self.category in (Category.FIRE, Category.GAS) or self.verification is not Verification.NONE

    @property
    def may_be_reset(self) -> bool:
        """Whether a verdict with its outcome stands, where one is needed: the rest is up to each alarm."""
        return not self.needs_verdict or (self.verdict is not None and self.verdict.finding != "")

    @property
    def is_flood(self) -> bool:
        """Whether a fire spreads so fast that its alarms are told of together (standards sheet 5.3)."""
        fast = len(self.recent) == FLOOD_SIGNALS and self.recent[-1] - self.recent[0] <= FLOOD_WITHIN
        return fast and self.category is Category.FIRE

    def with_spread(self, subject: str, at: datetime) -> Incident:
        """The incident with one signal more in the order in which it spread; a subject stands there once."""
        if any(each.subject == subject for each in self.spread):
            return self
        spread = self.spread if len(self.spread) >= SPREAD_MAX else (*self.spread, Spread(subject, at))
        return replace(self, spread=spread, recent=(*self.recent, at)[-FLOOD_SIGNALS:])

    @property
    def alarm_count(self) -> int:
        """How many alarms the incident has had."""
        return self.alarms_before + len(self.alarms)

    def with_alarm(self, alarm: str) -> Incident:
        """The incident with one alarm more; beyond `ALARMS_MAX` the oldest is only counted."""
        return replace(self, alarms=(*self.alarms, alarm)).bounded()

    def bounded(self) -> Incident:
        """The incident with no more than `ALARMS_MAX` listed: those that an older program wrote list all."""
        over = len(self.alarms) - ALARMS_MAX
        if over <= 0:
            return self
        return replace(self, alarms=self.alarms[over:], alarms_before=self.alarms_before + over)
