"""What people at an incident do beside the four verbs: tick steps of the procedure off, and call for support."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from rules.alarms import Alarms
from rules.duty import Duty
from rules.effects import Refused
from rules.incident import TICKS_MAX, Tick
from rules.incidents import Incidents
from rules.inputs import ProcedureTicked, SupportRequested
from rules.procedure import steps_of
from rules.rule import Rule
from rules.turn import Turn

SUPPORT_AGAIN = timedelta(seconds=10)
"""A second press within so long is the same call: it must not run two steps of the plan at once."""

TICK = "tick"
SUPPORT = "support"
"""The verbs by which a refusal of these is known."""

OVER = "unknown here, or over already"
NO_STEP = "the procedure has no such step"
TOO_MANY_TICKS = "too many steps are ticked off already"
CALLED_ALREADY = "support was called for a moment ago"


class Response:
    """Puts on record what was done at an incident, and calls more people where one is not enough."""

    def __init__(self, alarms: Alarms, incidents: Incidents) -> None:
        self._alarms = alarms
        self._incidents = incidents

    def tick(self, turn: Turn, rules: Mapping[str, Rule], asked: ProcedureTicked) -> None:
        """A step was done, or was not after all. The same said twice changes nothing."""
        incident = self._incidents.open.get(asked.incident)
        if incident is None:
            self._refuse(turn, asked.person, TICK, asked.incident, OVER)
            return
        known = any((tick.rule, tick.step) == (asked.rule, asked.step) for tick in incident.ticks)
        if known == asked.done:
            return
        rule = rules.get(asked.rule)
        if asked.done and (rule is None or not 1 <= asked.step <= len(steps_of(rule.procedure))):
            self._refuse(turn, asked.person, TICK, asked.incident, NO_STEP)
        elif asked.done and len(incident.ticks) >= TICKS_MAX:
            self._refuse(turn, asked.person, TICK, asked.incident, TOO_MANY_TICKS)
        else:
            self._incidents.tick(turn, incident, Tick(asked.rule, asked.step, asked.person, turn.at), done=asked.done)

    def call_support(self, turn: Turn, duty: Duty, asked: SupportRequested) -> None:
        """The next step of the plan, at once; and on, until somebody takes the incident on (again)."""
        incident = self._incidents.open.get(asked.incident)
        if incident is None:
            self._refuse(turn, asked.person, SUPPORT, asked.incident, OVER)
        elif incident.support_at is not None and turn.at - incident.support_at < SUPPORT_AGAIN:
            self._refuse(turn, asked.person, SUPPORT, asked.incident, CALLED_ALREADY)
        else:
            self._alarms.call_support(turn, duty, incident.id, asked.person)

    @staticmethod
    def _refuse(turn: Turn, person: str, verb: str, incident: str, reason: str) -> None:
        turn.effects.append(Refused(at=turn.at, reason=reason, person=person, verb=verb, target=incident))
