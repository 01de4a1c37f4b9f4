"""Escalation: who is told next, and when, until somebody takes the incident on.

One incident runs the plan of its category. A step that reaches nobody runs the next at once and tells
everyone of the home; the last step repeats until somebody acknowledges; a step all of whose messages were
refused moves on at once. Steps that fell due while the gateway was down all run, but a repeat only once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from rules.alarm import Alarm
from rules.deadlines import Deadlines
from rules.duty import Duty
from rules.effects import Notify
from rules.incident import Incident, Step
from rules.inputs import Outcome, SendReported
from rules.site import Person
from rules.turn import Turn

TIMELINE_MAX = 200
"""Lines that an incident carries with it; the journal has them all."""

REPEAT_MIN = timedelta(seconds=10)
"""The last step is never repeated faster than this, however often it is refused."""


class Message(msgspec.Struct):
    """One message on its way: to whom, over what, and what is known of it."""

    incident: str
    person: str
    channel: str
    outcome: Outcome | None = None


def noted(incident: Incident, step: Step) -> Incident:
    """The incident with one line more on its timeline (bounded; the first lines are kept)."""
    if len(incident.timeline) >= TIMELINE_MAX:
        kept = incident.timeline[: TIMELINE_MAX // 2] + incident.timeline[-TIMELINE_MAX // 2 + 1 :]
        return replace(incident, timeline=(*kept, step))
    return replace(incident, timeline=(*incident.timeline, step))


class Escalation:
    """The messages that are under way, and the deadlines of the steps to come."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self.messages: dict[str, Message] = {}

    def begin(self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm) -> Incident:
        """Start the plan: its first step now, or when its delay has passed."""
        delay = duty.plan(incident.category).steps[0].after
        if delay <= timedelta(0):
            return self.run_step(turn, duty, incident, alarm)
        self._deadlines.set(("step", incident.id), turn.at + delay)
        return replace(incident, next_step_at=turn.at + delay)

    def begin_with_everybody(self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm) -> Incident:
        """Tell everybody of the home at once, and go on with the plan behind its first step."""
        incident = self._tell(turn, replace(incident, step=1), alarm, duty.everybody(turn.at), "call")
        return self._set_next(turn, duty, incident)

    def run_step(self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm) -> Incident:
        """Begin the next step of the plan (or the last one again), and set the deadline of the one after it."""
        plan = duty.plan(incident.category)
        purpose = "call" if incident.step < len(plan.steps) else "repeat"
        people: list[Person] = []
        empty = False
        while not people:
            index = min(incident.step, len(plan.steps) - 1)
            people = duty.reachable(plan.steps[index].tell, turn.at)
            incident = replace(incident, step=incident.step + 1)
            if not people:
                empty = True
                words = f"step {index + 1} of the plan reaches nobody"
                incident = noted(incident, Step(turn.at, "empty_step", detail=words))
                if incident.step >= len(plan.steps):
                    break
        if empty:
            people = duty.everybody(turn.at)
        incident = self._tell(turn, incident, alarm, people, purpose)
        if not people:
            incident = noted(incident, Step(turn.at, "nobody", detail="nobody of this home has a channel"))
        return self._set_next(turn, duty, incident)

    def resume(self, turn: Turn, duty: Duty, incident: Incident) -> Incident:
        """Set the next step by a new plan, if that has one."""
        return self._set_next(turn, duty, incident)

    def _set_next(self, turn: Turn, duty: Duty, incident: Incident) -> Incident:
        plan = duty.plan(incident.category)
        if incident.step < len(plan.steps):
            due = turn.at + plan.steps[incident.step].after
        else:
            rounds = incident.step - len(plan.steps)
            if plan.repeats_max and rounds >= plan.repeats_max and not incident.category.endangers_people:
                self._deadlines.cancel(("step", incident.id))
                return replace(incident, next_step_at=None)
            pause = max(plan.repeat_every, REPEAT_MIN)
            due = turn.at + pause
            if due <= turn.until:
                # The gateway was down: one late repeat, not one for each round that was missed.
                due = turn.until + pause
        self._deadlines.set(("step", incident.id), due)
        return replace(incident, next_step_at=due)

    def _tell(self, turn: Turn, incident: Incident, alarm: Alarm, people: list[Person], purpose: str) -> Incident:
        if not people:
            return incident
        # Only the last run can move the plan on; the runs before it are not kept, or a week would fill the memory.
        self._forget_messages(incident.id)
        for person in people:
            incident = noted(incident, Step(turn.at, "told" if purpose != "over" else "told_over", person.id, purpose))
            if person.id not in incident.told:
                incident = replace(incident, told=(*incident.told, person.id))
        for person in people:
            for channel in person.channels:
                message = turn.message_id()
                if purpose != "over":
                    self.messages[message] = Message(incident.id, person.id, channel.destination)
                turn.effects.append(
                    Notify(
                        at=turn.at,
                        reason=f"step {incident.step}",
                        message=message,
                        person=person.id,
                        channel=channel.destination,
                        address=channel.address,
                        alarm=alarm,
                        incident=replace(incident, timeline=()),
                        step=max(incident.step, 1),
                        purpose=purpose,
                    )
                )
        return incident

    def tell_again(
        self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm, purpose: str, *, but: str = ""
    ) -> Incident:
        """Tell those who were told already (`but` not this one): the detector spoke again, or it is over.

        Where none of them is left in the home's list, a danger that speaks again is told to everybody.
        """
        told = [duty.person(name) for name in incident.told if name != but]
        people = [person for person in told if person is not None and person.channels]
        if not people and purpose == "repeat" and incident.step and incident.category.endangers_people:
            people = duty.everybody(turn.at)
        return self._tell(turn, incident, alarm, people, purpose)

    def tell_later(self, incident: Incident, due: datetime) -> None:
        """Those who were told hear of what is new then, all of it in one message."""
        if ("spread", incident.id) not in self._deadlines:
            self._deadlines.set(("spread", incident.id), due)

    def stop(self, incident: Incident) -> Incident:
        """No further step: somebody took it on, or it is over. Messages under way are forgotten once it is closed."""
        self._deadlines.cancel(("step", incident.id))
        self._deadlines.cancel(("spread", incident.id))
        if incident.closed_at is not None:
            self._forget_messages(incident.id)
        return replace(incident, next_step_at=None)

    def _forget_messages(self, incident: str) -> None:
        self.messages = {key: known for key, known in self.messages.items() if known.incident != incident}

    def reported(self, report: SendReported) -> bool:
        """Note what became of a message. True if its whole run is refused now, so that the next step must not wait."""
        message = self.messages.get(report.message)
        if message is None:
            return False
        message.outcome = report.outcome
        return all(
            other.outcome is Outcome.REFUSED for other in self.messages.values() if other.incident == message.incident
        )
