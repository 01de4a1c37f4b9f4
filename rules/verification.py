"""The clock of the verification (复核): it runs beside the escalation, and nothing ever waits for it.

15 s to acknowledge and 180 s to verify have the shape of NFPA 72's positive alarm sequence (standards sheet 3.2, 3.9),
but here the sounder sounds and people are called from the first second: when the clock runs out, they are called anew.
"""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from rules.alarm import Category
from rules.deadlines import Deadlines
from rules.escalation import noted
from rules.incident import Incident, Step, Verification
from rules.turn import Turn

ACKNOWLEDGE_WITHIN = timedelta(seconds=15)
"""Standards sheet 3.9: 15 s to acknowledge."""

VERIFY_WITHIN = timedelta(seconds=180)
"""Standards sheet 3.9: 180 s to verify, from the acknowledgement."""

PROGRESS_WITHIN = {
    Category.FIRE: VERIFY_WITHIN,
    Category.GAS: VERIFY_WITHIN,
    Category.PERSON: timedelta(minutes=15),
    Category.ELECTRICAL: timedelta(hours=1),
    Category.SUPERVISORY: timedelta(hours=8),
    Category.TROUBLE: timedelta(hours=24),
    Category.VIDEO: timedelta(hours=24),
}
"""An incident that somebody took on is announced anew when neither a verdict nor its end came within this time.

Person: standards sheet 6.4 (a carer is there within 15 min in 95 of 100 cases). Trouble and video: an alarm that stands
for 24 h is stale (sheet 5.3). Supervisory: one shift. Electrical: a design number.

A verification is due within 180 s, but of a person: who kneels beside somebody does not hurry to a page.

The same limit holds behind a verdict that there is nothing (false, test) while the detector goes on: who is sure of it
has as long to clear it, or to take it out of service, as to look (sheet 3.9 for fire and gas).
"""


STANDS_WITHIN = timedelta(hours=1)
"""An incident that was judged real is announced anew when it is not over within this time, or its category's if that is
longer: a detector that speaks once must not leave a fire open in silence (a design number)."""


def progress_within(incident: Incident) -> timedelta:
    """How long an incident that somebody took on may stand without a verdict: its plan's limit, or the category's."""
    return incident.re_alarm_after or PROGRESS_WITHIN[incident.category]


class VerificationClock:
    """Moves the verification of incidents on, and sets the deadlines `verify` and `progress`."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines

    def begin(self, turn: Turn, incident: Incident, *, needed: bool) -> Incident:
        """An incident opened or has a further alarm: who said that there is nothing must look again."""
        self._deadlines.cancel(("progress", incident.id))
        verdict = incident.verdict if incident.verdict is not None and incident.verdict.stands else None
        incident = replace(incident, verdict=verdict)
        if incident.confirmed:
            return self._put(incident, Verification.CONFIRMED)
        if verdict is not None:
            return self._put(incident, Verification.DONE)
        if needed or incident.verification is not Verification.NONE:
            self._deadlines.set(("verify", incident.id), turn.at + ACKNOWLEDGE_WITHIN)
            return replace(incident, verification=Verification.AWAITED, verify_at=turn.at + ACKNOWLEDGE_WITHIN)
        return incident

    def taken(self, turn: Turn, incident: Incident) -> Incident:
        """Somebody took it on: from now on a verdict, or the end, is waited for."""
        if incident.verdict is not None:
            self._watch_judged(turn, incident)
            return incident
        limit = progress_within(incident)
        if incident.verification in (Verification.AWAITED, Verification.UNANSWERED, Verification.OVERDUE):
            if incident.category is not Category.PERSON:
                limit = min(limit, VERIFY_WITHIN)
            self._deadlines.cancel(("verify", incident.id))
            incident = replace(incident, verification=Verification.RUNNING, verify_at=turn.at + limit)
        self._deadlines.set(("progress", incident.id), turn.at + limit)
        return incident

    def judged(self, turn: Turn, incident: Incident) -> Incident:
        """A person gave the verdict. One that there is nothing ends the waiting only when the detector agrees."""
        self._deadlines.cancel(("progress", incident.id))
        self._watch_judged(turn, incident)
        if incident.verification is Verification.NONE:
            return incident
        return self._put(incident, Verification.DONE)

    def _watch_judged(self, turn: Turn, incident: Incident) -> None:
        """Somebody said what it is: from now on its end is waited for, longer where it is real."""
        if incident.drill or incident.verdict is None:
            return
        wait = progress_within(incident)
        if incident.verdict.stands:
            wait = max(wait, STANDS_WITHIN)
        elif not incident.category.endangers_people:
            return
        self._deadlines.set(("progress", incident.id), turn.at + wait)

    def unanswered(self, turn: Turn, incident: Incident) -> Incident:
        """Nobody acknowledged in time. The escalation goes its own way; the timeline says so."""
        incident = replace(incident, verification=Verification.UNANSWERED, verify_at=None)
        return noted(incident, Step(turn.at, "unanswered", detail="nobody acknowledged within 15 s"))

    def overdue(self, turn: Turn, incident: Incident) -> Incident:
        """Somebody took it on, but no verdict came."""
        if incident.verification is Verification.RUNNING:
            incident = replace(incident, verification=Verification.OVERDUE, verify_at=None)
        return noted(incident, Step(turn.at, "re_alarmed", incident.acknowledged_by, overdue_for(incident)))

    def stop(self, incident: Incident) -> Incident:
        """The incident is over."""
        self._deadlines.cancel(("verify", incident.id))
        self._deadlines.cancel(("progress", incident.id))
        return replace(incident, verify_at=None)

    def _put(self, incident: Incident, verification: Verification) -> Incident:
        self._deadlines.cancel(("verify", incident.id))
        return replace(incident, verification=verification, verify_at=None)


NEEDS_VERDICT = "nobody has said what it was: look on site and give the verdict with its outcome first"
NO_PROGRESS = "acknowledged, but no verdict came in time"
STILL_ACTIVE = "judged false or a test, but the detector still reports the alarm"
STILL_OPEN = "judged real, and not over yet"


def overdue_for(incident: Incident | None) -> str:
    """Why an incident that somebody took on is announced anew."""
    if incident is None or incident.verdict is None:
        return NO_PROGRESS
    return STILL_OPEN if incident.verdict.stands else STILL_ACTIVE
