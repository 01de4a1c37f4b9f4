"""Escalation: who is told next, and when, until the plan has what it asks for.

An incident runs the plan of its category: the home's chain of steps, and those beside it (the county's), each at its
own pace. A step that reaches nobody runs the next at once and tells everyone of the home; the last step repeats until
somebody acknowledges (or two do, or there is a verdict, where the plan asks for that); a step all of whose messages
were refused moves on at once. Steps that fell due while the gateway was down all run, but a repeat only once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from rules.alarm import Alarm
from rules.deadlines import Deadlines, Key
from rules.duty import Duty
from rules.effects import Notify
from rules.incident import ChainProgress, Incident, Step
from rules.inputs import Outcome, SendReported
from rules.messages import CONFIRMED, NO_STEP, Message, Messages, Run, ways
from rules.site import Channel, Person, PlanStep
from rules.turn import Turn

TIMELINE_MAX = 200
"""Lines that an incident carries with it; the journal has them all."""

REPEAT_MIN = timedelta(seconds=10)
"""The last step is never repeated faster than this, however often it is refused."""


def noted(incident: Incident, *steps: Step) -> Incident:
    """The incident with further lines on its timeline (bounded; the first lines and the last are kept)."""
    timeline = (*incident.timeline, *steps)
    if len(timeline) > TIMELINE_MAX:
        timeline = timeline[: TIMELINE_MAX // 2] + timeline[-(TIMELINE_MAX // 2) :]
    return replace(incident, timeline=timeline)


def step_key(incident: str, chain: str) -> Key:
    """The deadline of a chain's next step; the home's own chain has no name."""
    return ("step", incident, chain) if chain else ("step", incident)


class Escalation:
    """The messages that are under way, and the deadlines of the steps to come."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self.messages = Messages()

    def begin(self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm) -> Incident:
        """Start the plan that holds now: each chain's first step now, or when its delay has passed."""
        incident = self._planned(turn, duty, incident)
        for chain in duty.plans.of_incident(incident).all_chains:
            progress = incident.progress(chain.name)
            delay = chain.steps[0].after * progress.pace
            if delay <= timedelta(0):
                incident = self.run_step(turn, duty, incident, alarm, chain.name)
            else:
                incident = self._due(incident, progress, turn.at + delay)
        return incident

    def begin_with_everybody(self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm) -> Incident:
        """Tell everybody of the home at once, and go on with each chain behind its first step."""
        incident = self._planned(turn, duty, incident)
        incident = self._tell(turn, duty, incident, alarm, duty.everybody(turn.at), "call")
        for chain in duty.plans.of_incident(incident).all_chains:
            progress = replace(incident.progress(chain.name), step=1)
            incident = self._set_next(turn, duty, incident.with_progress(progress), chain.name)
        return incident

    def _planned(self, turn: Turn, duty: Duty, incident: Incident) -> Incident:
        """The incident at the beginning of the plan that holds now, with the pace of each of its chains."""
        self._cancel(incident)
        plan = duty.plans.choose(incident.category, incident.zone, turn.at, clock_known=duty.clock_known)
        residents = duty.plans.residents_of(incident.zone)
        pace, why = duty.pace.of(plan, residents, turn.at, clock_known=duty.clock_known)
        is_alone = plan.is_hastened and plan.category.endangers_people and duty.pace.is_alone(duty, turn.at)
        paces = {
            chain.name: duty.pace.off_site(duty, chain, pace, turn.at) if is_alone else pace
            for chain in plan.all_chains
        }
        if is_alone and any(each < pace for each in paces.values()):
            why.append("one carer alone")
        incident = replace(
            incident,
            plan=plan.id,
            until=plan.until,
            re_alarm_after=plan.re_alarm_after,
            step=0,
            next_step_at=None,
            pace=paces[""],
            chains=tuple(ChainProgress(name=chain.name, pace=paces[chain.name]) for chain in plan.chains),
        )
        if why:
            incident = noted(incident, Step(turn.at, "hastened", detail=", ".join(why)))
        return incident

    def run_step(self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm, chain_name: str = "") -> Incident:
        """Begin a chain's next step (or its last one again), and set the deadline of the one after it."""
        chain = duty.plans.of_incident(incident).chain(chain_name)
        if chain is None:
            return incident.with_progress(replace(incident.progress(chain_name), next_step_at=None))
        begun = incident.progress(chain_name).step
        purpose = "call" if begun < len(chain.steps) else "repeat"
        people: list[Person] = []
        index, empty = NO_STEP, False
        while not people:
            index = min(begun, len(chain.steps) - 1)
            people = duty.reachable(chain.steps[index].tell, turn.at)
            begun += 1
            if not people:
                empty = True
                words = f"step {index + 1} of the plan reaches nobody"
                incident = noted(incident, Step(turn.at, "empty_step", chain_name, words))
                if begun >= len(chain.steps):
                    break
        if empty:
            people, index = duty.everybody(turn.at), NO_STEP
        incident = incident.with_progress(replace(incident.progress(chain_name), step=begun))
        if not people:
            incident = noted(incident, Step(turn.at, "nobody", detail="nobody of this home has a channel"))
        fresh = self._not_told_now(turn, incident, chain_name, people)
        incident = self._tell(turn, duty, incident, alarm, fresh, purpose, chain=chain_name, step=index)
        return self._set_next(turn, duty, incident, chain_name)

    def _not_told_now(self, turn: Turn, incident: Incident, chain: str, people: list[Person]) -> list[Person]:
        """Who is in two chains that call at the same instant is called once: it would be the same message."""
        now = {
            message.person
            for run in self.messages.runs(incident.id)
            if run.at == turn.at and run.chain != chain
            for message in self.messages.of(run)
        }
        return [person for person in people if person.id not in now]

    def resume(self, turn: Turn, duty: Duty, incident: Incident) -> Incident:
        """Set the next step of the home's chain by a new plan, if that has one."""
        return self._set_next(turn, duty, incident, "")

    def _set_next(self, turn: Turn, duty: Duty, incident: Incident, chain_name: str) -> Incident:
        progress = incident.progress(chain_name)
        chain = duty.plans.of_incident(incident).chain(chain_name)
        if chain is None:
            return incident
        if progress.step < len(chain.steps):
            return self._due(incident, progress, turn.at + chain.steps[progress.step].after * progress.pace)
        rounds = progress.step - len(chain.steps)
        if chain.repeats_max and rounds >= chain.repeats_max and not incident.category.endangers_people:
            self._deadlines.cancel(step_key(incident.id, chain_name))
            return incident.with_progress(replace(progress, next_step_at=None))
        pause = max(chain.repeat_every, REPEAT_MIN)
        due = turn.at + pause
        if due <= turn.until:
            # The gateway was down: one late repeat, not one for each round that was missed.
            due = turn.until + pause
        return self._due(incident, progress, due)

    def _due(self, incident: Incident, progress: ChainProgress, due: datetime) -> Incident:
        self._deadlines.set(step_key(incident.id, progress.name), due)
        return incident.with_progress(replace(progress, next_step_at=due))

    # messages

    def _tell(
        self,
        turn: Turn,
        duty: Duty,
        incident: Incident,
        alarm: Alarm,
        people: list[Person],
        purpose: str,
        *,
        chain: str = "",
        step: int = NO_STEP,
    ) -> Incident:
        """Tell people over their first channels; what is behind those comes later, if it must."""
        if not people:
            return incident
        event = "told" if purpose != "over" else "told_over"
        incident = noted(incident, *(Step(turn.at, event, person.id, purpose) for person in people))
        known = set(incident.told)
        incident = replace(incident, told=(*incident.told, *(each.id for each in people if each.id not in known)))
        if purpose == "over":
            self._tell_over(turn, duty, incident, alarm, people)
            return incident
        self._cancel_channels(incident.id, chain)
        run = Run(incident.id, chain, turn.at, step, purpose, [])
        self.messages.begin(run)
        for person in people:
            self._hand_out(turn, duty, incident, alarm, person, run, 0)
        return incident

    def _tell_over(
        self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm, people: Iterable[Person]
    ) -> None:
        """Who was called hears of the end over the channels that were needed to call: nobody runs to what is over."""
        for person in people:
            groups = ways(duty.in_order(person), None)
            reached = self.messages.reached(incident.id, person.id)
            for group in groups if reached is None else groups[: reached + 1]:
                for channel in group:
                    self._notify(turn, incident, alarm, person, channel, "over", "")

    def _hand_out(
        self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm, person: Person, run: Run, place: int
    ) -> bool:
        """One person's channels of one place; what comes behind them has its deadline. False if there are none."""
        groups = self._ways(duty, incident, person, run)
        if place >= len(groups):
            return False
        more = place + 1 < len(groups)
        for channel in groups[place]:
            message = self._notify(turn, incident, alarm, person, channel, run.purpose, run.chain, has_next_way=more)
            told = Message(incident.id, person.id, channel.destination, None, run.chain, place)
            self.messages.add(run, message, told)
        if more:
            due = turn.at + duty.plans.of_incident(incident).channel_wait
            self._deadlines.set(("channel", incident.id, run.chain, person.id), due)
        return True

    def _ways(self, duty: Duty, incident: Incident, person: Person, run: Run) -> list[tuple[Channel, ...]]:
        """Who has not answered a danger when the last step repeats is called over everything at once."""
        step: PlanStep | None = None
        chain = duty.plans.of_incident(incident).chain(run.chain)
        if chain is not None and 0 <= run.step < len(chain.steps):
            step = chain.steps[run.step]
        at_once = run.purpose == "repeat" and incident.category.endangers_people
        return ways(duty.in_order(person), None if at_once else step, at_once=at_once)

    @staticmethod
    def _notify(
        turn: Turn,
        incident: Incident,
        alarm: Alarm,
        person: Person,
        channel: Channel,
        purpose: str,
        chain: str,
        *,
        has_next_way: bool = False,
    ) -> str:
        message = turn.message_id()
        step = incident.progress(chain).step
        where = f" of {chain}" if chain else ""
        turn.effects.append(
            Notify(
                at=turn.at,
                reason=f"step {step}{where}",
                message=message,
                person=person.id,
                channel=channel.destination,
                address=channel.address,
                alarm=alarm,
                incident=replace(incident, timeline=()),
                step=max(step, 1),
                purpose=purpose,
                code=incident.code,
                has_next_way=has_next_way,
            )
        )
        return message

    def tell_again(
        self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm, purpose: str, *, but: str = ""
    ) -> Incident:
        """Tell those who were told already (`but` not this one): the detector spoke again, or it is over.

        Where none of them is left in the home's list, a danger that speaks again is told to everybody.
        """
        told = [duty.person(name) for name in incident.told if name != but]
        people = [person for person in told if person is not None and person.is_reachable]
        if not people and purpose == "repeat" and incident.step and incident.category.endangers_people:
            people = duty.everybody(turn.at)
        return self._tell(turn, duty, incident, alarm, people, purpose)

    def tell_later(self, incident: Incident, due: datetime, *, latest: datetime | None = None) -> None:
        """Those who were told hear of what is new then, all of it in one message; `latest`: put off up to then."""
        key = ("spread", incident.id)
        if key not in self._deadlines:
            self._deadlines.set(key, due)
        elif latest is not None:
            self._deadlines.set(key, min(due, latest))

    def is_to_tell(self, incident: Incident) -> bool:
        """Whether something new is still to be told to those who were told."""
        return ("spread", incident.id) in self._deadlines

    def stop(self, incident: Incident) -> Incident:
        """No further step: the plan has what it asks for, or it is over. Then its messages are forgotten, too."""
        self._cancel(incident)
        self._deadlines.cancel(("spread", incident.id))
        if incident.closed_at is not None:
            self.messages.forget_incident(incident.id)
        chains = tuple(replace(each, next_step_at=None) for each in incident.chains)
        return replace(incident, next_step_at=None, chains=chains)

    def _cancel(self, incident: Incident) -> None:
        """Forget the deadlines of all chains and channels."""
        for progress in (incident.progress(""), *incident.chains):
            self._deadlines.cancel(step_key(incident.id, progress.name))
            self._cancel_channels(incident.id, progress.name)

    def _cancel_channels(self, incident: str, chain: str) -> None:
        run = self.messages.run(incident, chain)
        for message in self.messages.of(run) if run is not None else ():
            self._deadlines.cancel(("channel", incident, chain, message.person))

    # what became of them

    def channel_due(
        self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm, chain: str, person_id: str
    ) -> Incident:
        """The time for a person's channels is over: the next ones, unless one of them reached a phone."""
        run = self.messages.run(incident.id, chain)
        person = duty.person(person_id)
        if run is None or person is None:
            return incident
        sent = self.messages.of(run, person_id)
        if any(message.outcome in CONFIRMED for message in sent):
            return incident
        return self._next_way(turn, duty, incident, alarm, person, run, "not confirmed in time")

    def on_report(
        self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm | None, report: SendReported
    ) -> Incident:
        """Note what became of a message. Refused: the person's next channels; the whole run: the next step, at once."""
        message = self.messages.by_id.get(report.message)
        run = self.messages.run(message.incident, message.chain) if message is not None else None
        if message is None or run is None:
            return incident
        if message.outcome not in CONFIRMED or report.outcome in (*CONFIRMED, Outcome.REFUSED):
            # What reached the phone stays so: the record of the hand-over may come after the phone's own word.
            message.outcome = report.outcome
        if report.outcome is not Outcome.REFUSED or alarm is None or not incident.is_calling:
            return incident
        sent = self.messages.of(run, message.person)
        place = max(each.place for each in sent)
        person = duty.person(message.person)
        if person is not None and all(each.outcome is Outcome.REFUSED for each in sent if each.place == place):
            incident = self._next_way(turn, duty, incident, alarm, person, run, "refused")
        if any(each.outcome is not Outcome.REFUSED for each in self.messages.of(run)):
            return incident
        chain = duty.plans.of_incident(incident).chain(run.chain)
        progress = incident.progress(run.chain)
        if chain is None or progress.next_step_at is None or progress.step >= len(chain.steps):
            return incident
        words = "every message of this step was refused"
        incident = noted(incident, Step(turn.at, "refused", run.chain, words))
        return self.run_step(turn, duty, incident, alarm, run.chain)

    def _next_way(
        self, turn: Turn, duty: Duty, incident: Incident, alarm: Alarm, person: Person, run: Run, why: str
    ) -> Incident:
        place = max((each.place for each in self.messages.of(run, person.id)), default=-1) + 1
        self._deadlines.cancel(("channel", incident.id, run.chain, person.id))
        if not self._hand_out(turn, duty, incident, alarm, person, run, place):
            return incident
        return noted(incident, Step(turn.at, "next_channel", person.id, why))
