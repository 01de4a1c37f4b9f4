"""Who can be reached today: what each channel of each person proved of itself, and which ones go behind the others.

A channel is proven by its daily test (`ChannelProven`), by what is learnt of that later, and by any message of an
alarm that is known to have arrived. One that is late, fails, is not confirmed or not tested any more is a trouble that
names it; the directors hear of it. It is told after the others from then on, and never left out.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from rules.alarms import Alarms
from rules.deadlines import Deadlines
from rules.details import coded
from rules.duty import Duty
from rules.effects import Notify
from rules.incidents import Incidents
from rules.inputs import ChannelProven, Outcome, SendReported
from rules.site import Channel, Person, Site
from rules.troubles import phone_unproven
from rules.turn import Turn

DIRECTOR = "director"
"""The role of those who answer for the home (院长负责制, standards sheet 1 no. 39) and hear of phones that fail."""

LATE_GRACE = timedelta(hours=2)
"""After downtime no test could have been made: so long it may take (design number)."""

BEHIND = 1000
"""So far a failing channel goes behind: a site file has no order as large."""

DUE = "proof"
"""The kind of the deadlines: a confirmation that did not come, a test that was not made any more."""

_ARRIVED = (Outcome.DELIVERED, Outcome.READ, Outcome.ANSWERED)


class Standing(enum.StrEnum):
    """What is known of one channel of one person."""

    UNKNOWN = "unknown"
    PROVEN = "proven"
    LATE = "late"
    UNCONFIRMED = "unconfirmed"
    OVERDUE = "overdue"
    FAILED = "failed"

    @property
    def rank(self) -> int:
        """0: as good as any; the higher, the further behind the others."""
        return _RANKS.get(self, 0)


_RANKS = {Standing.LATE: 1, Standing.UNCONFIRMED: 2, Standing.OVERDUE: 2, Standing.FAILED: 3}


class ChannelProof(msgspec.Struct, frozen=True, kw_only=True):
    """The last test of one channel of one person. `answer_by`: a confirmation is awaited until then.

    `lag_s` is how late it was (None: not known); `due_at` is when the next proof is missing; `suspect_at` is when a
    message of an alarm was refused there: a reason to test it soon.
    """

    person: str
    channel: str
    standing: Standing = Standing.UNKNOWN
    tested_at: datetime
    message: str = ""
    lag_s: float | None = None
    lag_max_s: float = 0.0
    proven_at: datetime | None = None
    answer_by: datetime | None = None
    due_at: datetime | None = None
    detail: str = ""
    suspect_at: datetime | None = None


class Reachability:
    """The proofs of a home's phones; at most one for each channel of each person of its site file."""

    def __init__(self, alarms: Alarms, incidents: Incidents, deadlines: Deadlines) -> None:
        self._alarms = alarms
        self._incidents = incidents
        self._deadlines = deadlines
        self.proofs: dict[tuple[str, str], ChannelProof] = {}

    # what is asked of it

    def standing(self, person: str, channel: str) -> Standing:
        """What is known of this channel of this person."""
        known = self.proofs.get((person, channel))
        return Standing.UNKNOWN if known is None else known.standing

    def rank(self, person: Person, at: datetime) -> int:  # noqa: ARG002 - the shape that Duty asks for
        """That of the best channel: who can be reached over one of two can be reached."""
        return min((self._rank_of(person, channel) for channel in person.channels), default=0)

    def in_order(self, person: Person) -> Person:
        """The person with all channels, those that failed used after the others: none is ever left out."""
        ranks = [self._rank_of(person, channel) for channel in person.channels]
        best = min(ranks, default=0)
        if all(rank == best for rank in ranks):
            return person
        behind = zip(person.channels, ranks, strict=True)
        return replace(
            person, channels=tuple(replace(way, order=way.order + BEHIND * (rank - best)) for way, rank in behind)
        )

    def _rank_of(self, person: Person, channel: Channel) -> int:
        return self.standing(person.id, channel.destination).rank

    # what it hears

    def on_proven(self, turn: Turn, duty: Duty, happened: ChannelProven) -> None:
        """A test was handed over, or could not be."""
        person = duty.person(happened.person)
        if person is None or happened.channel not in [channel.destination for channel in person.channels]:
            return
        known = self.proofs.get((person.id, happened.channel)) or ChannelProof(
            person=person.id, channel=happened.channel, tested_at=turn.at
        )
        lag_s = None if happened.lag is None else happened.lag.total_seconds()
        proof = replace(
            known,
            tested_at=turn.at,
            message=happened.message,
            lag_s=lag_s,
            lag_max_s=happened.lag_max.total_seconds(),
            detail=happened.detail,
            answer_by=None,
            due_at=turn.at + happened.holds_for,
            suspect_at=None,
        )
        if happened.outcome in (Outcome.REFUSED, Outcome.RETRY):
            self._put(turn, duty, person, replace(proof, standing=Standing.FAILED))
        elif happened.answer_within is not None and happened.outcome is Outcome.ACCEPTED:
            # Handed over is not arrived: until somebody confirms it, what was known before holds.
            self._put(turn, duty, person, replace(proof, answer_by=turn.at + happened.answer_within))
        else:
            self._put(turn, duty, person, _arrived(proof, turn.at, lag_s))

    def on_report(self, turn: Turn, duty: Duty, report: SendReported) -> None:
        """What became of a message: of a test, its later word; of an alarm, a proof by itself, or a doubt."""
        proof = self.proofs.get((report.person, report.channel))
        person = duty.person(report.person)
        if proof is None or person is None:
            return
        of_test = bool(proof.message) and report.message == proof.message
        if report.outcome in _ARRIVED:
            lag_s = (turn.at - proof.tested_at).total_seconds() if of_test and proof.answer_by is None else proof.lag_s
            self._put(turn, duty, person, _arrived(replace(proof, answer_by=None, suspect_at=None), turn.at, lag_s))
        elif report.outcome is Outcome.REFUSED and of_test:
            failed = replace(proof, standing=Standing.FAILED, answer_by=None, detail=report.detail)
            self._put(turn, duty, person, failed)
        elif report.outcome is Outcome.REFUSED and report.final and report.detail != NOT_NEEDED:
            self.proofs[(proof.person, proof.channel)] = replace(proof, suspect_at=turn.at)

    def due(self, turn: Turn, duty: Duty, person_id: str, channel: str) -> None:
        """A confirmation did not come in time, or nobody tests this channel any more."""
        proof, person = self.proofs.get((person_id, channel)), duty.person(person_id)
        if proof is None or person is None:
            return
        if turn.late:
            # The gateway was down: neither could a test be made, nor its confirmation be heard.
            self._deadlines.set((DUE, person_id, channel), turn.until + LATE_GRACE)
        elif proof.answer_by is not None and proof.answer_by <= turn.at:
            self._put(turn, duty, person, replace(proof, standing=Standing.UNCONFIRMED, answer_by=None))
        else:
            self._put(turn, duty, person, replace(proof, standing=Standing.OVERDUE, due_at=None))

    def on_site(self, turn: Turn, duty: Duty, site: Site) -> None:
        """The site is new: channels that nobody has any more are forgotten, with their troubles."""
        present = {(person.id, channel.destination) for person in site.people for channel in person.channels}
        for person, channel in [key for key in self.proofs if key not in present]:
            del self.proofs[(person, channel)]
            self._deadlines.cancel((DUE, person, channel))
            self._clear(turn, duty, person, channel, "no longer in the site file")

    # what follows

    def _put(self, turn: Turn, duty: Duty, person: Person, proof: ChannelProof) -> None:
        key = (proof.person, proof.channel)
        before = self.standing(*key)
        self.proofs[key] = proof
        due = min((at for at in (proof.answer_by, proof.due_at) if at is not None), default=None)
        if due is None:
            self._deadlines.cancel((DUE, *key))
        else:
            self._deadlines.set((DUE, *key), due)
        if proof.standing.rank:
            self._tell(turn, duty, person, proof, is_new=before is not proof.standing)
        else:
            self._clear(turn, duty, *key, "it was proven")

    def _clear(self, turn: Turn, duty: Duty, person: str, channel: str, why: str) -> None:
        cause = phone_unproven(person, channel, "")
        known = self._alarms.find(cause.rule, cause.subject)
        if known is not None:
            self._alarms.clear(turn, duty, known, why)

    def _tell(self, turn: Turn, duty: Duty, person: Person, proof: ChannelProof, *, is_new: bool) -> None:
        """Raise the trouble, or renew its words; the directors hear of it whatever the plan of troubles says."""
        cause = phone_unproven(person.id, proof.channel, _words(person, proof))
        known = self._alarms.find(cause.rule, cause.subject)
        if known is not None and not is_new:
            self._alarms.update(turn, known, cause.detail)
            return
        told = len(turn.effects)
        alarm = self._alarms.trip(turn, duty, cause)
        incident = self._incidents.open.get(alarm.incident)
        hear = {effect.person for effect in turn.effects[told:] if isinstance(effect, Notify)}
        if incident is None:
            return
        for director in [each for each in duty.everybody(turn.at) if each.role == DIRECTOR and each.id not in hear]:
            for channel in [way for way in director.channels if way.consent]:
                turn.effects.append(
                    Notify(
                        at=turn.at,
                        reason="a phone failed its test",
                        message=turn.message_id(),
                        person=director.id,
                        channel=channel.destination,
                        address=channel.address,
                        alarm=alarm,
                        incident=replace(incident, timeline=()),
                    )
                )


NOT_NEEDED = "stopped"
"""The detail of a message that was refused because somebody had taken the incident on: it says nothing of the phone."""


def _arrived(proof: ChannelProof, at: datetime, lag_s: float | None) -> ChannelProof:
    late = lag_s is not None and proof.lag_max_s > 0 and lag_s > proof.lag_max_s
    standing = Standing.LATE if late else Standing.PROVEN
    return replace(proof, standing=standing, proven_at=at, lag_s=lag_s)


def _words(person: Person, proof: ChannelProof) -> str:
    """Who, over what, and what is wrong: a code for the words of each language, and the channel's own reason."""
    match proof.standing:
        case Standing.LATE:
            reason = f"{proof.lag_s or 0:.0f} s, at most {proof.lag_max_s:.0f} s"
        case Standing.OVERDUE | Standing.UNCONFIRMED:
            reason = proof.message
        case _:
            reason = proof.detail
    return coded(f"phone_{proof.standing.value}", person.name, f"({person.id}) {proof.channel}", reason or "—")
