"""The open alarms of a home, and what the rules remember of each (rule, subject)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from rules.alarm import NOT_SUPPRESSED, Alarm, Suppression, SuppressionKind
from rules.alarm_index import AlarmIndex
from rules.cause import AttendanceWatch, Cause, DrillWatch, Holds, Tests
from rules.duty import Duty
from rules.effects import AlarmChanged, Change
from rules.incidents import Incidents
from rules.lifecycle import IllegalTransition, Move, move
from rules.turn import Turn
from rules.verification import NEEDS_VERDICT, STILL_ACTIVE, overdue_for
from rules.walk_test import CLEARS_WITHIN
from rules.witness import count_witnesses

FALLBACK = "gateway.fallback."
"""How the rules of unreadable packets begin: they call people, but they confirm nothing."""

GONE = "rule or device no longer in the configuration"
ORPHANED = "its rule or device is no longer in the configuration: look on site, say what it was, then reset it"
RENAMED = "its device has a new name in the site file"

RESETS_MAX = 10_000
"""Resets that are remembered (for what retained messages may raise); beyond it the oldest is forgotten."""


class Alarms:
    """Raises, repeats, clears and ends alarms by the table, and lets the incidents know."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self.open: dict[str, Alarm] = {}
        self._index = AlarmIndex()
        self._in_zone = AlarmIndex()
        self.by_cause: dict[tuple[str, str], str] = {}
        self.reset_at: dict[tuple[str, str], datetime] = {}
        self.tests: Tests | None = None
        self.holds: Holds | None = None
        self.drills: DrillWatch | None = None
        self.attendance: AttendanceWatch | None = None

    def find(self, rule: str, subject: str) -> Alarm | None:
        """The open alarm of this rule about this subject, or None."""
        alarm_id = self.by_cause.get((rule, subject))
        return self.open[alarm_id] if alarm_id is not None else None

    def trip(self, turn: Turn, duty: Duty, cause: Cause) -> Alarm:
        """The condition holds: raise the alarm, or note that an open one was reported again."""
        known = self.find(cause.rule, cause.subject)
        if known is not None:
            return self._repeat(turn, duty, known, cause)
        alarm = self._new(turn, cause)
        test = self.tests.claim(turn, cause) if self.tests is not None else ""
        if test:
            return self._raise_test(turn, alarm, test)
        hold = self.holds.claim(alarm) if self.holds is not None else NOT_SUPPRESSED
        if hold.kind is SuppressionKind.NONE:
            self._raise_real(turn, duty, alarm)
        else:
            alarm = replace(alarm, suppression=hold, announced_at=None)
            self._keep(alarm)
            turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.RAISED, reason=cause.rule))
        if self.holds is not None:
            self.holds.on_raised(turn, duty, self.open[alarm.id])
        if self.attendance is not None:
            self.attendance.on_raised(turn, self.open[alarm.id])
        return self.open[alarm.id]

    def _raise_real(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        alarm, is_new, second_device = self._join(turn, duty, alarm)
        self._keep(alarm)
        turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.RAISED, reason=alarm.rule))
        self._incidents.on_raised(turn, duty, alarm, is_new=is_new, second_device=second_device)
        self._tell_real(turn, duty, alarm)

    def _tell_real(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        if self.tests is not None:
            self.tests.on_real(turn, duty, alarm)
        if self.drills is not None:
            self.drills.on_real(turn, duty, alarm)

    def raise_drill(self, turn: Turn, duty: Duty, alarm: Alarm) -> Alarm:
        """The signal of a drill: marked, in an incident of its own, and otherwise like any other alarm."""
        alarm = replace(alarm, incident=turn.incident_id())
        self._keep(alarm)
        turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.RAISED, reason=alarm.rule))
        self._incidents.on_raised(turn, duty, alarm, is_new=True, second_device=False)
        return alarm

    def end_drill(self, turn: Turn, duty: Duty, alarm: Alarm, reason: str, by: str) -> None:
        """A drill is over before anybody reset its alarm."""
        ended = replace(alarm, active=False, latched=False, closed_at=turn.at, cleared_at=turn.at)
        self._end(turn, duty, ended, by, Change.CLOSED, reason)

    @staticmethod
    def _new(turn: Turn, cause: Cause) -> Alarm:
        return Alarm(
            id=turn.alarm_id(),
            rule=cause.rule,
            subject=cause.subject,
            zone=cause.zone,
            category=cause.category,
            priority=cause.priority,
            title=cause.title,
            raised_at=turn.at,
            latched=cause.latch,
            point=cause.point,
            value=cause.value,
            detail=cause.detail,
            found=cause.found,
            late=turn.late,
            clears_are_trusted=cause.clears_are_trusted,
            announced_at=turn.at,
        )

    def _join(self, turn: Turn, duty: Duty, alarm: Alarm) -> tuple[Alarm, bool, bool]:
        """The alarm in its incident; whether that is new, and whether another device confirms it."""
        incident, is_new = self._incidents.incident_for(turn, alarm.zone, alarm.category)
        readable = [other for other in (alarm, *self.of_incident(incident)) if not other.rule.startswith(FALLBACK)]
        witnesses = count_witnesses((other.subject for other in readable), duty.panel_addresses)
        second_device = witnesses > 1 and alarm in readable
        return replace(alarm, incident=incident), is_new, second_device

    def _raise_test(self, turn: Turn, alarm: Alarm, test: str) -> Alarm:
        """An alarm that the tester began: on record and on the pages, but it calls nobody and nothing sounds."""
        until = turn.at + CLEARS_WITHIN
        hold = Suppression(SuppressionKind.BY_DESIGN, until, "walk test")
        alarm = replace(alarm, test=test, suppression=hold, announced_at=None)
        self._keep(alarm)
        turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.RAISED, reason=alarm.rule))
        if self.tests is not None:
            self.tests.on_test(turn, alarm)
        return alarm

    def become_real(self, turn: Turn, duty: Duty, alarm: Alarm, reason: str) -> Alarm:
        """A test alarm is a real one from now on: its incident opens or grows, people are called, sounders sound."""
        alarm, is_new, second_device = self._join(turn, duty, alarm)
        alarm = replace(alarm, test="", suppression=NOT_SUPPRESSED, late=turn.late, announced_at=turn.at)
        self._keep(alarm)
        turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.BECAME_REAL, reason=reason))
        self._incidents.on_raised(turn, duty, alarm, is_new=is_new, second_device=second_device)
        if self.drills is not None:
            self.drills.on_real(turn, duty, alarm)
        return alarm

    def hold(self, turn: Turn, duty: Duty, alarm: Alarm, hold: Suppression, reason: str, by: str = "") -> None:
        """An open alarm calls nobody from now on: it leaves its incident, which ends with the last alarm."""
        held = replace(alarm, suppression=hold, incident="")
        self._keep(held)
        turn.effects.append(AlarmChanged(at=turn.at, alarm=held, change=Change.HELD, by=by, reason=reason))
        if alarm.incident:
            self._leave(turn, duty, alarm, by, "held")

    def release(self, turn: Turn, duty: Duty, alarm: Alarm, reason: str, by: str = "") -> None:
        """An alarm calls again: as if it were new, whoever had acknowledged it before (ISA-18.2)."""
        alarm = replace(alarm, suppression=NOT_SUPPRESSED, acknowledged=None, announced_at=turn.at)
        alarm, is_new, second_device = self._join(turn, duty, alarm)
        self._keep(alarm)
        turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.RELEASED, by=by, reason=reason))
        self._incidents.on_raised(turn, duty, alarm, is_new=is_new, second_device=second_device)
        self._tell_real(turn, duty, alarm)

    def about(self, subject: str) -> list[Alarm]:
        """The open alarms about a subject, in the order in which they were raised."""
        return [alarm for alarm in self.open.values() if alarm.subject == subject]

    def end_test(self, turn: Turn, duty: Duty, alarm: Alarm, reason: str, by: str = "") -> None:
        """A test alarm is over: nobody has to reset it, whatever its rule latches."""
        ended = replace(alarm, active=False, latched=False, closed_at=turn.at, cleared_at=turn.at)
        self._end(turn, duty, ended, by, Change.CLOSED, reason)
        if self.tests is not None:
            self.tests.on_test_over(turn, duty, ended, cleared=True)

    def open_tests(self) -> list[Alarm]:
        """The open test alarms, in the order in which they were raised."""
        return [alarm for alarm in self.open.values() if alarm.test]

    def _repeat(self, turn: Turn, duty: Duty, known: Alarm, cause: Cause) -> Alarm:
        """A report while the alarm is open: told again at most once a minute, and at once if it had cleared."""
        alarm = move(known, Move.TRIP, turn.at)
        alarm = replace(alarm, repeats=known.repeats + 1, value=cause.value or known.value, detail=cause.detail)
        again = self._incidents.on_repeat(turn, duty, alarm)
        if again:
            alarm = replace(alarm, announced_at=turn.at)
        self._keep(alarm)
        if again or not known.active or alarm.detail != known.detail:
            turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.REPEATED, reason=cause.rule))
        if not known.active and self.holds is not None:
            self.holds.on_raised(turn, duty, alarm)
        return alarm

    def is_news(self, rule: str, subject: str, said_at: datetime | None) -> bool:
        """Whether a retained message may raise: not while the alarm is open, nor if it was reset after being said."""
        if (rule, subject) in self.by_cause:
            return False
        reset_at = self.reset_at.get((rule, subject))
        return reset_at is None or said_at is None or said_at > reset_at

    def update(self, turn: Turn, alarm: Alarm, detail: str) -> None:
        """New words for an open alarm (a trouble whose count went up)."""
        if alarm.detail == detail:
            return
        alarm = replace(alarm, detail=detail)
        self._keep(alarm)
        turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.UPDATED))

    def clear(self, turn: Turn, duty: Duty, alarm: Alarm, reason: str = "") -> None:
        """The condition is gone: a latched alarm waits for its reset, another one is over."""
        if not alarm.active:
            return
        if alarm.test:
            # Trusted or not: the tester stands there, and if the detector goes on, its next word is a second alarm.
            self.end_test(turn, duty, alarm, "walk test: it cleared")
            return
        if alarm.latched and not alarm.clears_are_trusted:
            self.update(turn, alarm, "the bridge reports the end; check on site before the reset")
            return
        alarm = move(alarm, Move.RETURN, turn.at)
        if alarm.closed_at is not None:
            self._end(turn, duty, alarm, "", Change.CLOSED, reason)
            return
        self._keep(alarm)
        turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.CLEARED, reason=reason))
        self._incidents.on_cleared(turn, alarm)
        if self.holds is not None:
            self.holds.on_inactive(turn, duty, alarm)

    def acknowledge(self, turn: Turn, duty: Duty, alarm: Alarm, by: str) -> None:
        """A person takes the alarm on, and the incident with its last alarm. IllegalTransition if not allowed."""
        alarm = move(alarm, Move.ACKNOWLEDGE, turn.at, by)
        self._keep(alarm)
        turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.ACKNOWLEDGED, by=by))
        if all(other.acknowledged for other in self.of_incident(alarm.incident)):
            self._incidents.acknowledge(turn, duty, alarm.incident, by, alarm)

    def re_alarm(self, turn: Turn, duty: Duty, incident: str) -> None:
        """Nothing came of an acknowledgement in time: its alarms are as if nobody had acknowledged them."""
        why = overdue_for(self._incidents.open.get(incident))
        taken = [alarm for alarm in self.of_incident(incident) if alarm.acknowledged is not None]
        if why == STILL_ACTIVE:
            taken = [alarm for alarm in taken if alarm.active]
        if not taken:
            return
        self._take_back(turn, taken, why)
        self._incidents.re_alarm(turn, duty, incident, self.open[taken[0].id])

    def call_support(self, turn: Turn, duty: Duty, incident: str, by: str) -> None:
        """Whoever is there needs others: the incident is nobody's again, until one of these takes it on."""
        alarms = self.of_incident(incident)
        self._take_back(turn, [alarm for alarm in alarms if alarm.acknowledged is not None], "support")
        self._incidents.call_support(turn, duty, incident, by, self.open[alarms[0].id])

    def _take_back(self, turn: Turn, alarms: list[Alarm], why: str) -> None:
        for alarm in alarms:
            again = replace(move(alarm, Move.RE_ALARM, turn.at), announced_at=turn.at)
            self._keep(again)
            turn.effects.append(AlarmChanged(at=turn.at, alarm=again, change=Change.RE_ALARMED, reason=why))

    def reset(self, turn: Turn, duty: Duty, alarm: Alarm, by: str, *, checked: bool) -> None:
        """A person ends a latched alarm. IllegalTransition if not allowed."""
        ended = move(alarm, Move.RESET_CHECKED if checked else Move.RESET, turn.at, by)
        incident = self._incidents.open.get(alarm.incident)
        if incident is not None and not incident.may_be_reset:
            raise IllegalTransition(NEEDS_VERDICT)
        self.reset_at.pop((alarm.rule, alarm.subject), None)
        self.reset_at[(alarm.rule, alarm.subject)] = turn.at
        if len(self.reset_at) > RESETS_MAX:
            del self.reset_at[next(iter(self.reset_at))]
        self._end(turn, duty, ended, by, Change.RESET, "checked on site" if checked else "")

    def rename(self, turn: Turn, names: Mapping[str, str]) -> None:
        """Devices have new names in the site file: their alarms are about the same device as before."""
        for alarm in list(self.open.values()):
            new = names.get(alarm.subject)
            if new is None or (alarm.rule, new) in self.by_cause:
                continue
            del self.by_cause[(alarm.rule, alarm.subject)]
            alarm = replace(alarm, subject=new)
            self._keep(alarm)
            turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.UPDATED, reason=RENAMED))
        self.reset_at = {(rule, names.get(subject, subject)): at for (rule, subject), at in self.reset_at.items()}

    def orphan(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """The rule or device of a danger is gone: nothing more is heard of it, and people have to end it."""
        if alarm.detail == ORPHANED:
            return
        alarm = replace(alarm, active=False, latched=True, detail=ORPHANED, cleared_at=alarm.cleared_at or turn.at)
        self._keep(alarm)
        turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=Change.UPDATED, reason=GONE))
        self._incidents.on_orphaned(turn, alarm)
        if self.holds is not None:
            self.holds.on_inactive(turn, duty, alarm)

    def withdraw(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """End an alarm whose rule or device is gone from the configuration."""
        ended = replace(alarm, active=False, latched=False, closed_at=turn.at, cleared_at=alarm.cleared_at or turn.at)
        self._end(turn, duty, ended, "", Change.CLOSED, GONE)
        if ended.test and self.tests is not None:
            self.tests.on_test_over(turn, duty, ended, cleared=False)

    def of_incident(self, incident: str) -> list[Alarm]:
        """The open alarms of an incident, in the order in which they were raised."""
        return [self.open[alarm] for alarm in self._index.of(incident)]

    def dangers_in(self, zone: str) -> list[Alarm]:
        """The real open alarms of a zone that endanger people, held back or not."""
        return [
            alarm
            for alarm in (self.open[name] for name in self._in_zone.of(zone))
            if alarm.category.endangers_people and not (alarm.test or alarm.drill)
        ]

    def foremost(self, incident: str) -> Alarm | None:
        """The first open alarm of an incident: the one its messages are about."""
        first = self._index.first(incident)
        return self.open[first] if first is not None else None

    def newest(self, incident: str) -> Alarm | None:
        """The alarm of an incident that was raised last."""
        return max(self.of_incident(incident), key=lambda alarm: alarm.raised_at, default=None)

    def restore(self, alarms: Iterable[Alarm]) -> None:
        """What a snapshot held."""
        for alarm in alarms:
            self._keep(alarm)

    def _keep(self, alarm: Alarm) -> None:
        before = self.open.get(alarm.id)
        self.open[alarm.id] = alarm
        self.by_cause[(alarm.rule, alarm.subject)] = alarm.id
        belonged, stood = (before.incident, before.zone) if before is not None else ("", "")
        if belonged != alarm.incident:
            self._index.move(alarm.id, belonged, alarm.incident)
        if stood != alarm.zone:
            self._in_zone.move(alarm.id, stood, alarm.zone)

    def _end(self, turn: Turn, duty: Duty, alarm: Alarm, by: str, change: Change, reason: str) -> None:
        kept = self.open.pop(alarm.id)
        self._index.move(alarm.id, kept.incident, "")
        self._in_zone.move(alarm.id, kept.zone, "")
        del self.by_cause[(alarm.rule, alarm.subject)]
        turn.effects.append(AlarmChanged(at=turn.at, alarm=alarm, change=change, by=by, reason=reason))
        if alarm.incident:
            self._leave(turn, duty, alarm, by, "reset" if by else "ended")
        if alarm.drill and self.drills is not None:
            because = "the drill is completed" if change is Change.RESET else reason
            self.drills.on_over(turn, duty, alarm, by, because)
        if self.holds is not None and not alarm.test:
            self.holds.on_inactive(turn, duty, alarm)

    def _leave(self, turn: Turn, duty: Duty, alarm: Alarm, by: str, event: str) -> None:
        """An alarm is in its incident no more: over, or held back."""
        left = self.of_incident(alarm.incident)
        self._incidents.on_left(turn, duty, alarm, by, event, any_left=bool(left))
        taken = left[-1].acknowledged if left else None
        if taken is not None and all(other.acknowledged for other in left):
            # The one alarm that nobody had taken on ended by itself: nothing is left to acknowledge.
            self._incidents.acknowledge(turn, duty, alarm.incident, taken.by, left[-1])
