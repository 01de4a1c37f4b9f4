"""The open incidents of a home: alarms of one zone and category are one, from the first to the last reset."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from rules.alarm import Alarm, Category
from rules.duty import Duty
from rules.effects import DriveSounder, IncidentChanged, StopNotifying
from rules.escalation import Escalation, noted
from rules.incident import Incident, Step, Tick, Verdict
from rules.inputs import SendReported
from rules.reply_code import ReplyCodes
from rules.rule import Rule
from rules.site import Until
from rules.sounders import SOUNDS, drive, sounding
from rules.turn import Turn
from rules.verification import VerificationClock

REANNOUNCE_AFTER = timedelta(seconds=60)
"""A repeat while acknowledged is announced again at most once in this time (DESIGN section 7)."""

FLOOD_TOLD_EVERY = timedelta(seconds=10)
"""In a flood people hear of further detectors at most this often (design number: the code's limit of 10 s holds)."""

GROWTH_TOLD_WITHIN = timedelta(minutes=10)
"""What joins an incident that endangers nobody is told once it rests for REANNOUNCE_AFTER, at the latest after this."""


OWN_SECOND = "you took it on already: a second person is needed"


class Incidents:
    """Opens, grows and closes incidents; asks the escalation to tell people; drives the sounders."""

    def __init__(self, home: str, escalation: Escalation, clock: VerificationClock) -> None:
        self._home = home
        self._escalation = escalation
        self._clock = clock
        self.verified: frozenset[str] = frozenset()
        self.open: dict[str, Incident] = {}
        self.announced: dict[str, datetime] = {}
        self.codes = ReplyCodes(home)
        self._by_place: dict[tuple[str, Category], str] = {}
        self._by_zone: dict[str, dict[str, None]] = {}

    def configure(self, rules: Iterable[Rule]) -> None:
        """Which rules ask for a verification."""
        self.verified = frozenset(rule.id for rule in rules if rule.verify)

    def find(self, zone: str, category: Category) -> Incident | None:
        """The open incident of a zone and category that is no drill, or None."""
        incident_id = self._by_place.get((zone, category))
        return self.open[incident_id] if incident_id is not None else None

    def restore(self, incidents: Iterable[Incident], announced: dict[str, datetime], last_code: int | None) -> None:
        """What a snapshot held."""
        for incident in incidents:
            self._keep(incident)
        self.announced = announced
        if last_code is not None:
            self.codes.last = last_code

    def _keep(self, incident: Incident) -> None:
        self.open[incident.id] = incident
        self._by_zone.setdefault(incident.zone, {})[incident.id] = None
        if not incident.drill:
            self._by_place.setdefault((incident.zone, incident.category), incident.id)
        if incident.code:
            self.codes.in_use[incident.code] = incident.id

    def _drop(self, incident: Incident) -> None:
        del self.open[incident.id]
        self.announced.pop(incident.id, None)
        self.codes.free(incident.code)
        in_zone = self._by_zone[incident.zone]
        del in_zone[incident.id]
        if not in_zone:
            del self._by_zone[incident.zone]
        if not incident.drill:
            del self._by_place[(incident.zone, incident.category)]

    def incident_for(self, turn: Turn, zone: str, category: Category) -> tuple[str, bool]:
        """The id of the incident that a new alarm belongs to, and whether it is new."""
        found = self.find(zone, category)
        if found is not None:
            return found.id, False
        return turn.incident_id(), True

    def on_raised(self, turn: Turn, duty: Duty, alarm: Alarm, *, is_new: bool, second_device: bool) -> None:
        """A new alarm: open its incident or let it grow. A new alarm re-starts a silenced sounder and the plan.

        A second device or a manual call point confirms a fire at once (GB 50116-2013 4.1.6).
        """
        confirms = alarm.category is Category.FIRE and (second_device or alarm.point == "manual_call.alarm")
        detail = f"{alarm.subject} {alarm.value}".strip()
        if is_new:
            incident = Incident(
                id=alarm.incident,
                home=self._home,
                zone=alarm.zone,
                category=alarm.category,
                opened_at=turn.at,
                alarms=(alarm.id,),
                confirmed=confirms,
                drill=alarm.drill,
                code=self.codes.take(alarm.incident),
                timeline=(Step(turn.at, "opened", alarm.rule, detail),),
            )
            incident = incident.with_spread(alarm.subject, turn.at)
            incident = self._clock.begin(turn, incident, needed=self._is_verified(alarm))
            incident = self._escalation.begin(turn, duty, incident, alarm)
            self.announced[incident.id] = turn.at
            change = "opened"
        else:
            incident = self.open[alarm.incident]
            confirmed = incident.confirmed or confirms
            incident = replace(incident.with_alarm(alarm.id), confirmed=confirmed, silenced_at=None, attended_at=None)
            incident = incident.with_spread(alarm.subject, turn.at)
            incident = noted(incident, Step(turn.at, "grew", alarm.rule, detail))
            incident = self._clock.begin(turn, incident, needed=self._is_verified(alarm))
            incident = self._grow(turn, duty, incident, alarm)
            change = "grew"
        self._sound(turn, incident, on=True)
        self._put(turn, incident, change)

    def _is_verified(self, alarm: Alarm) -> bool:
        """Whether a person has to verify it in time: a fire, and what its rule says so of."""
        return alarm.category is Category.FIRE or alarm.rule in self.verified

    def _grow(self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm) -> Incident:
        """Who took on one detector has not taken on two: the plan runs anew. Before that, those told hear of it.

        In a flood of fire signals they hear of its growth every 10 s, in one message with the whole list; of what
        endangers nobody once it rests, in one message with the count.
        """
        last = self.announced.get(incident.id)
        if incident.acknowledged_at is not None:
            incident = self._escalation.begin(turn, duty, incident.taken_by_nobody(), alarm)
        elif not alarm.category.endangers_people and last is not None and self._is_growing(turn, incident, last):
            self._escalation.tell_later(incident, turn.at + REANNOUNCE_AFTER, latest=last + GROWTH_TOLD_WITHIN)
            return incident
        elif incident.is_flood and last is not None and turn.at - last < FLOOD_TOLD_EVERY:
            self._escalation.tell_later(incident, last + FLOOD_TOLD_EVERY)
            return incident
        else:
            incident = self._escalation.tell_again(turn, duty, incident, alarm, "repeat")
        self.announced[incident.id] = turn.at
        return incident

    def _is_growing(self, turn: Turn, incident: Incident, last: datetime) -> bool:
        return turn.at - last < REANNOUNCE_AFTER or self._escalation.is_to_tell(incident)

    def spread_due(self, turn: Turn, duty: Duty, incident_id: str, alarm: Alarm | None) -> None:
        """Of what came together those who were told hear how far it went, unless somebody has taken it on since."""
        incident = self.open.get(incident_id)
        if incident is None or alarm is None or not incident.is_calling:
            return
        self.announced[incident.id] = turn.at
        incident = self._escalation.tell_again(turn, duty, incident, alarm, "repeat")
        self._put(turn, incident, "spread")

    def on_repeat(self, turn: Turn, duty: Duty, alarm: Alarm) -> bool:
        """The detector spoke again. Those told hear of it at most once a minute; True if they do now."""
        incident = self.open.get(alarm.incident)
        if incident is None or not alarm.category.endangers_people:
            return False
        last = self.announced.get(incident.id)
        if last is not None and turn.at - last < REANNOUNCE_AFTER:
            return False
        if alarm.acknowledged is None and incident.next_step_at is not None:
            return False
        self.announced[incident.id] = turn.at
        incident = noted(incident, Step(turn.at, "repeated", alarm.rule, alarm.subject))
        incident = self._escalation.tell_again(turn, duty, incident, alarm, "repeat")
        self._put(turn, incident, "repeated")
        return True

    def on_cleared(self, turn: Turn, alarm: Alarm) -> None:
        """An alarm's condition is gone: a line on the timeline."""
        incident = self.open.get(alarm.incident)
        if incident is not None:
            self._put(turn, noted(incident, Step(turn.at, "cleared", alarm.rule, alarm.subject)), "cleared")

    def attend(self, turn: Turn, incident_id: str, alarm: Alarm) -> None:
        """Somebody came, says `alarm`: shown as resolved, unverified. The plan goes on until a person answers."""
        incident = replace(self.open[incident_id], attended_at=turn.at)
        self._put(turn, noted(incident, Step(turn.at, "attended", alarm.rule, alarm.subject)), "attended")

    def on_orphaned(self, turn: Turn, alarm: Alarm) -> None:
        """The rule or device of an alarm is gone from the configuration: a line; it goes on until people end it."""
        incident = self.open.get(alarm.incident)
        if incident is not None:
            self._put(turn, noted(incident, Step(turn.at, "orphaned", alarm.rule, alarm.subject)), "orphaned")

    def acknowledge(self, turn: Turn, duty: Duty, incident_id: str, by: str, alarm: Alarm) -> None:
        """Somebody took it on: if that is what the plan asks for, it stops, and those who were told hear of it."""
        incident = self.open.get(incident_id)
        if incident is None or incident.acknowledged_at is not None:
            return
        incident = replace(incident, acknowledged_by=by, acknowledged_at=turn.at, support_by="")
        incident = self._clock.taken(turn, noted(incident, Step(turn.at, "acknowledged", by)))
        incident = self._stop_calling(turn, duty, incident, by, alarm)
        self._put(turn, incident, "acknowledged", by)

    def second(self, turn: Turn, duty: Duty, incident_id: str, by: str, alarm: Alarm) -> str:
        """Somebody takes on what was taken on already: the second person that a plan asks for. Why not, or "".

        That they come all the same is a line on the timeline.
        """
        incident = self.open.get(incident_id)
        taken_by = incident.acknowledged_by if incident is not None else ""
        if not taken_by and alarm.acknowledged is not None:
            taken_by = alarm.acknowledged.by
        if incident is None or incident.acknowledged_at is None:
            return f"already acknowledged by {taken_by}"
        awaits_second = incident.until is Until.ACKNOWLEDGED_BY_TWO and incident.seconded_at is None
        if not awaits_second and not incident.comes(by):
            self._put(turn, noted(incident, Step(turn.at, "coming_too", by)), "coming_too", by)
        if incident.until is not Until.ACKNOWLEDGED_BY_TWO:
            return f"already acknowledged by {taken_by}"
        if incident.seconded_at is not None:
            return f"already acknowledged by {taken_by} and {incident.seconded_by}"
        if by == taken_by:
            return OWN_SECOND
        incident = replace(incident, seconded_by=by, seconded_at=turn.at)
        incident = noted(incident, Step(turn.at, "seconded", by))
        incident = self._stop_calling(turn, duty, incident, by, alarm)
        self._put(turn, incident, "seconded", by)
        return ""

    def _stop_calling(self, turn: Turn, duty: Duty, incident: Incident, by: str, alarm: Alarm) -> Incident:
        """The plan has what it asks for: it stops, and the others who were told hear of it. Else it goes on."""
        if incident.is_calling:
            return incident
        incident = self._escalation.stop(incident)
        turn.effects.append(StopNotifying(at=turn.at, reason=f"acknowledged by {by}", incident=incident.id))
        if incident.category.endangers_people:
            incident = self._escalation.tell_again(turn, duty, incident, alarm, "over", but=by)
        return incident

    def tick(self, turn: Turn, incident: Incident, tick: Tick, *, done: bool) -> None:
        """A step of a procedure was done, or was not after all: a line on the timeline."""
        left = tuple(each for each in incident.ticks if (each.rule, each.step) != (tick.rule, tick.step))
        event = "ticked" if done else "unticked"
        incident = replace(incident, ticks=(*left, tick) if done else left)
        self._put(turn, noted(incident, Step(turn.at, event, tick.by, f"{tick.rule} {tick.step}")), event, tick.by)

    def call_support(self, turn: Turn, duty: Duty, incident_id: str, by: str, alarm: Alarm) -> None:
        """Whoever is there needs others: the next step of each chain at once, and on until somebody takes it on.

        Behind the last step of the home's own chain everybody of the home is told.
        """
        incident = replace(self.open[incident_id].taken_by_nobody(), support_by=by, support_at=turn.at)
        incident = noted(incident, Step(turn.at, "support", by))
        plan = duty.plans.of_incident(incident)
        if incident.step < len(plan.steps):
            for chain in plan.all_chains:
                incident = self._escalation.run_step(turn, duty, incident, alarm, chain.name)
        else:
            incident = self._escalation.begin_with_everybody(turn, duty, incident, alarm)
        self.announced[incident.id] = turn.at
        self._put(turn, incident, "support", by)

    def silence(self, turn: Turn, incident_id: str, by: str) -> bool:
        """Mute the sounders of an incident. Nothing else changes; False if they are muted already or make no sound."""
        incident = self.open.get(incident_id)
        if incident is None or incident.silenced_at is not None or incident.category not in SOUNDS:
            return False
        incident = noted(replace(incident, silenced_at=turn.at), Step(turn.at, "silenced", by))
        self._sound(turn, incident, on=False)
        self._put(turn, incident, "silenced", by)
        return True

    def judge(self, turn: Turn, duty: Duty, incident_id: str, verdict: Verdict, alarm: Alarm) -> None:
        """Put a person's verdict on record; a later one replaces it, both stay on the timeline."""
        before = self.open[incident_id]
        incident = self._clock.judged(turn, replace(before, verdict=verdict))
        words = f"{verdict.kind.value} {verdict.cause}".strip()
        incident = noted(incident, Step(turn.at, "verdict", verdict.by, words))
        if before.is_calling:
            incident = self._stop_calling(turn, duty, incident, verdict.by, alarm)
        self._put(turn, incident, "verdict", verdict.by)

    def on_explained(self, turn: Turn, root: Alarm, alarm: Alarm) -> None:
        """An alarm of this incident explains another one, which calls nobody: a line, and one more to its count."""
        incident = self.open.get(root.incident)
        if incident is None:
            return
        incident = replace(incident, explained=incident.explained + 1)
        self._put(turn, noted(incident, Step(turn.at, "explained", alarm.rule, alarm.subject)), "explained")

    def on_left(self, turn: Turn, duty: Duty, alarm: Alarm, by: str, event: str, *, any_left: bool) -> None:
        """An alarm is over (`reset`, `ended`) or held back (`held`); with the last one the incident is over."""
        incident = self.open.get(alarm.incident)
        if incident is None:
            return
        incident = noted(incident, Step(turn.at, event, by, alarm.subject))
        if any_left:
            self._put(turn, incident, event, by)
            return
        incident = replace(incident, closed_at=turn.at)
        self._sound(turn, incident, on=False)
        turn.effects.append(StopNotifying(at=turn.at, reason="over", incident=incident.id))
        if incident.category.endangers_people:
            incident = self._escalation.tell_again(turn, duty, incident, alarm, "over", but=by)
        incident = self._clock.stop(self._escalation.stop(incident))
        turn.effects.append(
            IncidentChanged(
                at=turn.at,
                incident=incident,
                change="closed",
                by=by,
                reason="last alarm held back" if event == "held" else "last alarm over",
            )
        )
        self._drop(incident)

    def verify_due(self, turn: Turn, incident_id: str) -> None:
        """The first limit of the verification: nobody acknowledged within it."""
        incident = self.open.get(incident_id)
        if incident is not None and incident.acknowledged_at is None:
            self._put(turn, self._clock.unanswered(turn, incident), "unanswered")

    def re_alarm(self, turn: Turn, duty: Duty, incident_id: str, alarm: Alarm) -> None:
        """Nothing came of an acknowledgement: the plan runs anew, from its first step.

        A danger judged to be none, that goes on, is told to everybody: one person's word stands against it."""
        incident = self._clock.overdue(turn, self.open[incident_id]).taken_by_nobody()
        stands = incident.verdict is None or incident.verdict.stands
        begin = self._escalation.begin if stands else self._escalation.begin_with_everybody
        incident = begin(turn, duty, incident, alarm)
        self.announced[incident.id] = turn.at
        self._put(turn, incident, "re_alarmed")

    def step_due(self, turn: Turn, duty: Duty, incident_id: str, alarm: Alarm | None, chain: str) -> None:
        """The deadline of a chain's next step: its plan has not yet what it asks for."""
        incident = self.open.get(incident_id)
        if incident is None or alarm is None or not incident.is_calling:
            return
        incident = self._escalation.run_step(turn, duty, incident, alarm, chain)
        self._put(turn, incident, "escalated")

    def channel_due(
        self, turn: Turn, duty: Duty, incident_id: str, alarm: Alarm | None, chain: str, person: str
    ) -> None:
        """The time for a person's channels is over."""
        incident = self.open.get(incident_id)
        if incident is None or alarm is None or not incident.is_calling:
            return
        after = self._escalation.channel_due(turn, duty, incident, alarm, chain, person)
        if after is not incident:
            self._put(turn, after, "next_channel")

    def on_plans_changed(self, turn: Turn, duty: Duty) -> None:
        """An incident whose plan had come to its end goes on if its new plan does not end there."""
        for incident in list(self.open.values()):
            if incident.is_calling and incident.next_step_at is None:
                resumed = self._escalation.resume(turn, duty, incident)
                if resumed.next_step_at is not None:
                    self._put(turn, noted(resumed, Step(turn.at, "resumed", detail="the plan is new")), "resumed")

    def on_report(self, turn: Turn, duty: Duty, report: SendReported, alarm: Alarm | None) -> None:
        """What became of a message goes on the timeline; a refusal moves on at once."""
        incident = self.open.get(report.incident)
        if incident is None:
            return
        detail = f"{report.channel}: {report.outcome.value} {report.detail}".strip()
        incident = noted(incident, Step(turn.at, "report", report.person, detail))
        self._put(turn, self._escalation.on_report(turn, duty, incident, alarm, report), "report")

    def sounding(self, at: datetime) -> list[DriveSounder]:
        """What the sounders of each zone must be doing now."""
        return sounding(self.open.values(), at)

    def _sound(self, turn: Turn, incident: Incident, *, on: bool) -> None:
        if incident.category in SOUNDS:
            others = [self.open[each] for each in self._by_zone.get(incident.zone, ()) if each != incident.id]
            loud = [*others, incident] if on else others
            turn.effects.append(drive(turn.at, incident.zone, loud, about=incident.id))

    def _put(self, turn: Turn, incident: Incident, change: str, by: str = "") -> None:
        before = self.open.get(incident.id)
        self._keep(incident)
        shown = incident if before is None else replace(incident, timeline=_lines_after(before, incident))
        turn.effects.append(IncidentChanged(at=turn.at, incident=shown, change=change, by=by))


def _lines_after(before: Incident, now: Incident) -> tuple[Step, ...]:
    """The lines that are new. A full timeline drops lines from its middle: only its end tells what was added."""
    last = before.timeline[-1]
    added = 0
    for line in reversed(now.timeline):
        if line is last:
            break
        added += 1
    return now.timeline[len(now.timeline) - added :]
