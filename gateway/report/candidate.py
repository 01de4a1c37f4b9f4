"""The candidate: an engine with other rules that hears what a home's engine heard, for a backtest or as a shadow.

People acted on the alarms that were really raised. Their acts are turned to the candidate's alarm of the same place;
what the candidate alone raised is reset a minute after it cleared, as a carer who finds nothing would do.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from gateway.record.record import JournalEntry
from rules.alarm import Alarm, Category
from rules.effects import AlarmChanged, AnyEffect, Change, IncidentChanged
from rules.engine import Engine
from rules.inputs import AnyInput, OperatorActed, SendReported, SiteChanged, TimePassed, Verb
from rules.rule import Rule

RESET_AFTER: Final = timedelta(minutes=1)
PERSON: Final = "nobody"
"""Who resets what the candidate alone raised."""

OWN_RULES: Final = "gateway."
"""How the alarms begin that no rule pack decides: links, unreadable packets, strangers, and the guards of dangers."""

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FINDS_NOTHING: Final = (
    OperatorActed(at=_NEVER, person=PERSON, verb=Verb.ACKNOWLEDGE, target=""),
    OperatorActed(at=_NEVER, person=PERSON, verb=Verb.VERDICT, target="", verdict="false", cause="not raised in truth"),
    OperatorActed(at=_NEVER, person=PERSON, verb=Verb.RESET, target="", checked_on_site=True),
)


class Candidate:
    """One home's engine with other rules. `take` never changes an entry, and what it asks for goes nowhere."""

    def __init__(self, engine: Engine, rules: tuple[Rule, ...], ruleset: str) -> None:
        self.engine = engine
        self._rules = rules
        self._ruleset = ruleset
        self._recorded: dict[str, Alarm] = {}
        self._incidents: dict[str, tuple[str, Category]] = {}
        self._cleared: set[str] = set()

    def begin(self, at: datetime, recorded: Iterable[Alarm] = ()) -> tuple[AnyEffect, ...]:
        """Put the rules in force; `recorded` are the alarms that stand open where the recording begins."""
        for alarm in recorded:
            self._note_alarm(alarm)
        changed = SiteChanged(at=at, site=self.engine.site, rules=self._rules, ruleset=self._ruleset)
        return self.engine.step(changed)

    def take(self, entry: JournalEntry) -> tuple[AnyEffect, ...]:
        """What this engine asks for where that of the recording asked for the entry's effects."""
        engine = self.engine
        happened = self._turned(entry.input)
        effects: tuple[AnyEffect, ...] = ()
        if self._cleared:
            effects = self._reset_unattended(entry)
        engine.seq, engine.epoch = entry.seq - 1, entry.epoch
        effects += engine.step(happened)
        for effect in entry.effects:
            self._note(effect)
        for effect in effects:
            if isinstance(effect, AlarmChanged) and effect.alarm.latched and not effect.alarm.active:
                self._cleared.add(effect.alarm.id)
        return effects

    def _note(self, effect: AnyEffect) -> None:
        match effect:
            case AlarmChanged(alarm=alarm):
                self._note_alarm(alarm)
            case IncidentChanged(incident=incident):
                if incident.closed_at is not None:
                    self._incidents.pop(incident.id, None)
                else:
                    self._incidents[incident.id] = (incident.zone, incident.category)
            case _:
                return

    def _note_alarm(self, alarm: Alarm) -> None:
        if alarm.open and not alarm.test:
            self._recorded[alarm.id] = alarm
            self._incidents[alarm.incident] = (alarm.zone, alarm.category)
        else:
            self._recorded.pop(alarm.id, None)

    # people acted on the recorded alarms

    def _turned(self, happened: AnyInput) -> AnyInput:
        match happened:
            case SiteChanged():
                return replace(happened, rules=self._rules, ruleset=self._ruleset)
            case OperatorActed(target=target):
                found = self._counterpart(target)
                return replace(happened, target=found) if found else TimePassed(at=happened.at)
            case SendReported(incident=incident):
                return replace(happened, incident=self._counterpart(incident) or incident)
            case _:
                return happened

    def _counterpart(self, target: str) -> str:
        """The id here of what has this id in the recording; "" where there is nothing of the kind."""
        engine = self.engine
        if target in engine.alarms or target in engine.incidents:
            return target
        recorded = self._recorded.get(target)
        if recorded is not None:
            alarm = self._alarm_like(recorded)
            return "" if alarm is None else alarm.id
        place = self._incidents.get(target)
        if place is None:
            return ""
        incident = engine.incident_book.find(*place)
        return "" if incident is None else incident.id

    def _alarm_like(self, recorded: Alarm) -> Alarm | None:
        same = [a for a in self.engine.alarms.values() if a.category is recorded.category and a.zone == recorded.zone]
        return (
            next((a for a in same if (a.rule, a.subject) == (recorded.rule, recorded.subject)), None)
            or next((a for a in same if a.subject == recorded.subject), None)
            or next(iter(same), None)
        )

    # nobody acted on what was never raised

    def _reset_unattended(self, entry: JournalEntry) -> tuple[AnyEffect, ...]:
        effects: tuple[AnyEffect, ...] = ()
        at = entry.input.at
        attended = {(alarm.subject, alarm.category) for alarm in self._recorded.values()}
        for alarm_id in list(self._cleared):
            alarm = self.engine.alarms.get(alarm_id)
            if alarm is None or alarm.active:
                self._cleared.discard(alarm_id)
            elif (alarm.subject, alarm.category) not in attended and at - (alarm.cleared_at or at) >= RESET_AFTER:
                self._cleared.discard(alarm_id)
                for act in _FINDS_NOTHING:
                    self.engine.seq, self.engine.epoch = entry.seq - 1, entry.epoch
                    effects += self.engine.step(replace(act, at=at, target=alarm_id))
        return effects


def raised_in(effects: Iterable[AnyEffect]) -> list[Alarm]:
    """The alarms that were raised for people: no tests, and no troubles that the gateway tells of itself.

    A danger that the gateway raises where no rule does (rules/guards.py) counts: other rules that forget it silence
    nobody.
    """
    return [
        effect.alarm
        for effect in effects
        if isinstance(effect, AlarmChanged)
        and effect.change in (Change.RAISED, Change.BECAME_REAL)
        and not effect.alarm.test
        and (effect.alarm.category.endangers_people or not effect.alarm.rule.startswith(OWN_RULES))
    ]
