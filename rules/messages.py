"""The messages of open incidents that are under way: in runs, one for each chain of an incident, found by their ids."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

import msgspec

from rules.inputs import Outcome
from rules.site import Channel, ChannelOrder, Person, PlanStep

NO_STEP = -1
"""The step of a run that belongs to none: people are told by their own channels."""

CONFIRMED = (Outcome.DELIVERED, Outcome.READ, Outcome.ANSWERED)
"""What is known to have reached a phone. Accepted is not: it was handed over."""


class Message(msgspec.Struct):
    """One message on its way: to whom, over what, and what is known of it.

    `place`: which of the person's ways, counted from 0, it was.
    """

    incident: str
    person: str
    channel: str
    outcome: Outcome | None = None
    chain: str = ""
    place: int = 0


class Run(msgspec.Struct):
    """The last time that a chain of an incident told people: when, by which of its steps, and the messages' ids.

    `reached`: how far into each person's channels this run and those before it went.
    """

    incident: str
    chain: str
    at: datetime
    step: int = NO_STEP
    purpose: str = "call"
    messages: list[str] = []
    reached: dict[str, int] = {}


def ways(person: Person, step: PlanStep | None, *, at_once: bool = False) -> list[tuple[Channel, ...]]:
    """A person's channels in the groups that are used one after the other; without consent none is used."""
    usable = [channel for channel in person.channels if channel.consent]
    if step is not None and step.channels:
        usable = [channel for channel in usable if channel.destination in step.channels] or usable
    order = step.order if step is not None else ChannelOrder.AS_LISTED
    if at_once or order is ChannelOrder.PARALLEL:
        return [tuple(usable)] if usable else []
    usable.sort(key=lambda channel: channel.order)
    if order is ChannelOrder.IN_ORDER:
        return [(channel,) for channel in usable]
    return [tuple(group) for _, group in groupby(usable, key=lambda channel: channel.order)]


class Messages:
    """The runs of all open incidents. Only the last run of a chain is kept, or a week would fill the memory."""

    def __init__(self) -> None:
        self.by_id: dict[str, Message] = {}
        self._runs: dict[str, dict[str, Run]] = {}

    def begin(self, run: Run) -> None:
        """A run begins; the one before it of the same chain is forgotten."""
        before = self.run(run.incident, run.chain)
        run.reached = dict(before.reached) if before is not None else {}
        self.forget(run.incident, run.chain)
        self._runs.setdefault(run.incident, {})[run.chain] = run

    def add(self, run: Run, message_id: str, message: Message) -> None:
        """A message of a run goes out."""
        self.by_id[message_id] = message
        run.messages.append(message_id)
        run.reached[message.person] = max(message.place, run.reached.get(message.person, 0))

    def run(self, incident: str, chain: str) -> Run | None:
        """The last run of a chain, or None."""
        return self._runs.get(incident, {}).get(chain)

    def runs(self, incident: str) -> list[Run]:
        """The last runs of an incident's chains."""
        return list(self._runs.get(incident, {}).values())

    def of(self, run: Run, person: str = "") -> list[Message]:
        """The messages of a run, or those of it to one person."""
        known = [self.by_id[message] for message in run.messages]
        return [message for message in known if message.person == person] if person else known

    def reached(self, incident: str, person: str) -> int | None:
        """How far into a person's channels the calls of an incident went; None where that is not known."""
        places = [run.reached[person] for run in self.runs(incident) if person in run.reached]
        return max(places, default=None)

    def forget(self, incident: str, chain: str) -> None:
        """Forget the last run of a chain."""
        run = self._runs.get(incident, {}).pop(chain, None)
        for message in run.messages if run is not None else ():
            del self.by_id[message]

    def forget_incident(self, incident: str) -> None:
        """Forget all runs of an incident that is over."""
        for chain in list(self._runs.get(incident, ())):
            self.forget(incident, chain)
        self._runs.pop(incident, None)

    def to_list(self) -> list[Run]:
        """All runs, for a snapshot."""
        return [run for runs in self._runs.values() for run in runs.values()]

    def restore(self, by_id: dict[str, Message], runs: Iterable[Run], at: datetime) -> None:
        """What a snapshot held. One of before this version has no runs: an incident's messages were one run then."""
        self.by_id = by_id
        for run in runs:
            self._runs.setdefault(run.incident, {})[run.chain] = run
        in_runs = {message for run in self.to_list() for message in run.messages}
        for name, message in by_id.items():
            if name not in in_runs:
                runs_of = self._runs.setdefault(message.incident, {})
                runs_of.setdefault("", Run(message.incident, "", at, messages=[])).messages.append(name)
