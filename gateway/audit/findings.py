"""What the auditor knows of one home, and what is wrong with it: plain data in, suspicions out, no clock of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from gateway.record.audited import AuditedEngine
from gateway.record.record import JournalEntry
from rules.effects import IncidentChanged, Notify
from rules.escalation import step_key
from rules.incident import Incident
from rules.inputs import SendReported, SiteChanged
from rules.plans import Plans
from rules.site import Plan, Site
from rules.text import Text
from rules.verification import progress_within

GRACE: Final = timedelta(seconds=10)
"""So late something may be before it is suspect; it is told once it stays so for the tolerance."""

MESSAGE_WITHIN: Final = timedelta(seconds=120)
"""Within this time something is known of every message: one try lasts 90 s at the most (gateway/deliver/people.py)."""

MESSAGES_MAX: Final = 10_000
"""Messages whose end is awaited; beyond it the oldest are not followed any more (and that is told)."""


class Suspicion(msgspec.Struct, frozen=True):
    """Something that is wrong now. `key` is the same as long as it is the same thing; `urgent`: people are in danger.

    `certain`: waiting makes it no more so.
    """

    key: str
    home: str
    text: Text
    urgent: bool = False
    certain: bool = False


class _Sent(msgspec.Struct, frozen=True):
    """A message of which nothing is known yet."""

    at: datetime
    person: str
    channel: str
    urgent: bool


class HomeAudit:
    """One home's open incidents and messages under way, followed through what the journal says."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.position = 0
        self.snapshot_seq = 0
        self.now: datetime | None = None
        self.shift = timedelta(0)
        self.open: dict[str, Incident] = {}
        self._plans = _plans_of(())
        self._sent: dict[str, _Sent] = {}
        self._overflowed = 0
        self._lost: list[Suspicion] = []

    # what the journal says

    def begin_at(self, engine: AuditedEngine) -> None:
        """Take over what a snapshot holds. What is open by the journal, and not known to the snapshot, has vanished."""
        known = {incident.id: replace(incident, timeline=()) for incident in engine.incidents}
        due = {key for _, _, key in engine.deadlines}
        vanished = [incident for incident in self.open.values() if incident.id not in known] if self.position else []
        forgotten = [
            incident
            for incident in known.values()
            for chain in (incident.progress(""), *incident.chains)
            if chain.next_step_at is not None and step_key(incident.id, chain.name) not in due
        ]
        self._lost = [self._of(incident, "vanished", _VANISHED, certain=True) for incident in vanished]
        self._lost += [self._of(incident, "forgotten", _FORGOTTEN, certain=True) for incident in forgotten]
        self.open = known
        self._plans = _plans_of(engine.site.plans)
        self.position = max(self.position, engine.seq)
        self.snapshot_seq = engine.seq
        if engine.now is not None and (self.now is None or engine.now > self.now):
            self.now = engine.now

    def follow(self, entry: JournalEntry) -> None:
        """One entry of the archive."""
        self.position, self.now = entry.seq, entry.at
        self.shift = timedelta(milliseconds=entry.shift_ms)
        match entry.input:
            case SendReported(message=message):
                self._sent.pop(message, None)
            case SiteChanged(site=site):
                self._plans = _plans_of(site.plans)
        for effect in entry.effects:
            match effect:
                case IncidentChanged(incident=incident):
                    self._changed(incident)
                case Notify():
                    danger = effect.alarm.category.endangers_people
                    self._sent[effect.message] = _Sent(entry.at, effect.person, effect.channel, danger)
        while len(self._sent) > MESSAGES_MAX:
            del self._sent[next(iter(self._sent))]
            self._overflowed += 1

    def _changed(self, incident: Incident) -> None:
        if incident.closed_at is not None:
            self.open.pop(incident.id, None)
        else:
            self.open[incident.id] = replace(incident, timeline=())

    # what is wrong with it

    def suspicions(self, now: datetime) -> Iterator[Suspicion]:
        """Everything that is wrong at an instant of the engine's time line."""
        yield from self._lost
        for incident in self.open.values():
            yield from self._incident(incident, now)
        for message, sent in self._sent.items():
            if now - sent.at > MESSAGE_WITHIN:
                zh, en = _UNEXPLAINED
                text = Text(
                    zh.format(person=sent.person, channel=sent.channel),
                    en.format(person=sent.person, channel=sent.channel),
                )
                yield Suspicion(f"message {message}", self.home, text, sent.urgent)
        if self._overflowed:
            words = Text("等待结果的消息过多", f"more than {MESSAGES_MAX} messages have no result yet")
            yield Suspicion("messages", self.home, words)

    def _incident(self, incident: Incident, now: datetime) -> Iterator[Suspicion]:
        if incident.verify_at is not None and incident.verify_at + GRACE < now:
            yield self._of(incident, "verification", _VERIFICATION)
        if incident.is_calling:
            steps = [chain.next_step_at for chain in (incident.progress(""), *incident.chains)]
            due = min((at for at in steps if at is not None), default=None)
            if due is None and not self._plan_is_over(incident):
                yield self._of(incident, "no step", _NO_STEP)
            elif due is not None and due + GRACE < now:
                yield self._of(incident, "step", _STEP)
        watched_from = self._watched_from(incident)
        if watched_from is not None and watched_from + progress_within(incident) + GRACE < now:
            yield self._of(incident, "progress", _PROGRESS)

    def _plan_is_over(self, incident: Incident) -> bool:
        """Whether the plan itself ends, in all of its chains: never that of a danger."""
        if incident.category.endangers_people:
            return False
        chains = self._plans.of_incident(incident).all_chains
        return all(
            chain.repeats_max and incident.progress(chain.name).step >= len(chain.steps) + chain.repeats_max
            for chain in chains
        )

    @staticmethod
    def _watched_from(incident: Incident) -> datetime | None:
        """From when on something has to come of an acknowledged incident; None where nothing has to."""
        if incident.acknowledged_at is None or incident.verdict is None:
            return incident.acknowledged_at
        if incident.verdict.stands or incident.drill or not incident.category.endangers_people:
            return None
        return max(incident.verdict.at, incident.acknowledged_at)

    def _of(self, incident: Incident, kind: str, words: tuple[str, str], *, certain: bool = False) -> Suspicion:
        about = f"{incident.category.value} {incident.zone} {incident.id}"
        text = Text(f"{about}：{words[0]}", f"{about}: {words[1]}")
        return Suspicion(f"{kind} {incident.id}", self.home, text, incident.category.endangers_people, certain)


def _plans_of(plans: Sequence[Plan]) -> Plans:
    return Plans(Site(id="", name=Text(""), plans=tuple(plans)))


_NO_STEP = (
    "未确认，却没有下一步呼叫：请立即到场，并重启网关",
    "nobody took it on, and no next step is set: go there now, and restart the gateway",
)
_STEP = (
    "应呼叫的下一步没有执行：请立即到场，并重启网关",
    "the next step is due and was not done: go there now, and restart the gateway",
)
_PROGRESS = (
    "已确认但超时无结果，却没有再次报警：请立即到场，并重启网关",
    "taken on, nothing came of it, and it was not announced anew: go there now, and restart the gateway",
)
_VERIFICATION = (
    "复核时限已过，却没有处理",
    "the limit of its verification has passed and nothing came of it",
)
_VANISHED = (
    "日志中仍未结束，网关却已不知道它：请到现场查看",
    "the journal has no end of it, and the gateway does not know it any more: look on site",
)
_FORGOTTEN = (
    "下一步的时限已丢失：请立即到场，并重启网关",
    "the deadline of its next step is lost: go there now, and restart the gateway",
)
_UNEXPLAINED = (
    "发给 {person}（{channel}）的消息没有任何结果记录：请检查该通道",
    "nothing is recorded of the message to {person} over {channel}: look at that channel",
)
