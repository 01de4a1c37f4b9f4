"""Who is held back and for how long: shelving, out of service, maintenance, and alarms that another alarm explains.

A wish that is not allowed is refused with a reason and changes nothing. Fire, gas and persons are never shelved, never
under maintenance and never explained away: only a device out of service is held back whatever it says.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from msgspec.structs import replace

from rules import held_words as why
from rules.alarm import NOT_SUPPRESSED, Alarm, Category, Suppression, SuppressionKind
from rules.alarms import Alarms
from rules.deadlines import Deadlines
from rules.duty import Duty
from rules.effects import Refused, SuppressionChanged
from rules.explained import Explained
from rules.incident import VerdictKind
from rules.incidents import Incidents
from rules.inputs import ModeRequested, ModeVerb, SuppressionRequested, SuppressionVerb
from rules.rule import Rule
from rules.site import Device, Site
from rules.suppression import (
    DURATION_MIN,
    MAINTENANCE_MAX,
    MAINTENANCES_MAX,
    OUT_OF_SERVICE_COUNT_MAX,
    OUT_OF_SERVICE_MAX,
    SHELVE_MAX,
    SHELVES_MAX,
    WORDS_MAX,
    Held,
    Maintenance,
    OutOfService,
    Shelf,
)
from rules.turn import Turn

Refusal = str
"""Why a person's wish is not done; "" is none."""

_DANGERS = frozenset(category.value for category in Category if category.endangers_people)

Began = Literal["began", "ended"]


class Suppressions:
    """Holds alarms back as people and rules ask for it, and lets them call again when that ends."""

    def __init__(self, alarms: Alarms, incidents: Incidents, deadlines: Deadlines) -> None:
        self._alarms = alarms
        self._incidents = incidents
        self._deadlines = deadlines
        self._explained = Explained(alarms, incidents, deadlines)
        self._rules: dict[str, Rule] = {}
        self._devices: dict[str, Device] = {}
        self._zones: frozenset[str] = frozenset()
        self._people: frozenset[str] = frozenset()
        self.shelves: dict[tuple[str, str], Shelf] = {}
        self.devices: dict[str, OutOfService] = {}
        self.maintenances: dict[str, Maintenance] = {}
        alarms.holds = self

    # configuration and snapshots

    def configure(self, site: Site, rules: dict[str, Rule]) -> None:
        """The site and the rules by which it is decided what may be held back."""
        self._rules = rules
        self._devices = {device.id: device for device in site.devices}
        self._zones = frozenset(zone.id for zone in site.zones)
        self._people = frozenset(person.id for person in site.people)
        self._explained.configure(site, rules)

    def on_site(self, turn: Turn) -> None:
        """Behind a new site: a device that is gone is out of service no more."""
        for device in [device for device in self.devices if device not in self._devices]:
            self._deadlines.cancel(("return", device))
            self._device_changed(turn, self.devices.pop(device), "ended", "", why.GONE)

    def held(self) -> Held:
        """What a snapshot keeps."""
        return Held(
            shelves=list(self.shelves.values()),
            devices=list(self.devices.values()),
            maintenances=list(self.maintenances.values()),
        )

    def restore(self, held: Held) -> None:
        """What a snapshot held."""
        self.shelves = {(shelf.rule, shelf.subject): shelf for shelf in held.shelves}
        self.devices = {out.device: out for out in held.devices}
        self.maintenances = {maintenance.id: maintenance for maintenance in held.maintenances}

    # alarms

    def claim(self, alarm: Alarm) -> Suppression:
        """What holds a new alarm back; nothing, for most."""
        return NOT_SUPPRESSED if self._joins(alarm) else self._hold_of(alarm)

    def _joins(self, alarm: Alarm) -> bool:
        """Whether a danger calls beside another one of its zone, even if its device is out of service.

        A second witness of a fire is not dirt (GB 50116-2013 4.1.6), whatever its device was taken out for.
        """
        return alarm.category.endangers_people and any(
            other.id != alarm.id and not other.held for other in self._dangers_in(alarm.zone)
        )

    def _dangers_in(self, zone: str) -> list[Alarm]:
        """The real open alarms of a zone that endanger people, held back or not."""
        return [
            alarm
            for alarm in self._alarms.open.values()
            if alarm.zone == zone and alarm.category.endangers_people and not (alarm.test or alarm.drill)
        ]

    def _hold_of(self, alarm: Alarm) -> Suppression:
        """What holds an alarm back that stands alone."""
        out = self.devices.get(alarm.subject)
        if out is not None:
            return Suppression(SuppressionKind.OUT_OF_SERVICE, out.until, out.reason, out.by)
        if alarm.category.endangers_people:
            return NOT_SUPPRESSED
        shelf = self.shelves.get((alarm.rule, alarm.subject))
        if shelf is not None:
            return Suppression(SuppressionKind.SHELVED, shelf.until, shelf.reason, shelf.by)
        for work in self.maintenances.values():
            if work.covers(alarm.zone, alarm.subject):
                return Suppression(SuppressionKind.OUT_OF_SERVICE, work.until, work.reason or why.MAINTAINED, work.by)
        cause = self._explained.cause_of(alarm)
        return Suppression(SuppressionKind.BY_DESIGN, cause=cause, reason=why.EXPLAINED) if cause else NOT_SUPPRESSED

    def on_raised(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """An alarm was raised, held back or not: it may explain others, and its cause's incident names it."""
        if alarm.suppression.kind is SuppressionKind.OUT_OF_SERVICE and self._joins(alarm):
            # It had cleared, and speaks again while another detector does.
            self._alarms.release(turn, duty, alarm, why.BESIDE)
            alarm = self._alarms.open[alarm.id]
        self._explained.note(turn, alarm)
        for other in self._explained.by(alarm):
            self.reconsider(turn, duty, other, why.EXPLAINED)

    def on_inactive(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """An alarm is active no more: what is shelved once is shelved no more, and what it explained may settle."""
        shelf = self.shelves.get((alarm.rule, alarm.subject))
        if shelf is not None and shelf.once:
            self._end_shelf(turn, duty, shelf, "", why.CLEARED)
        self._explained.on_over(turn, alarm)

    def reconsider(self, turn: Turn, duty: Duty, alarm: Alarm, reason: str, by: str = "") -> None:
        """Hold an open alarm back, for another reason than before, or let it call again."""
        if alarm.test or alarm.drill:
            return
        hold = self._hold_of(alarm)
        if hold.kind is SuppressionKind.NONE:
            if alarm.held:
                self._alarms.release(turn, duty, alarm, reason, by)
        elif hold != alarm.suppression and (alarm.held or not alarm.category.endangers_people):
            # A danger that calls is silenced by nothing but taking its device out of service.
            self._hold(turn, duty, alarm, hold, reason, by)

    def _hold(self, turn: Turn, duty: Duty, alarm: Alarm, hold: Suppression, reason: str, by: str) -> None:
        self._alarms.hold(turn, duty, alarm, hold, reason, by)
        self._explained.note(turn, self._alarms.open[alarm.id])

    # people

    def ask(self, turn: Turn, duty: Duty, asked: SuppressionRequested) -> None:
        """Do what a person asked for, or refuse with a reason."""
        match asked.verb:
            case SuppressionVerb.SHELVE:
                refusal = self._shelve(turn, duty, asked)
            case SuppressionVerb.UNSHELVE:
                refusal = self._unshelve(turn, duty, asked)
            case SuppressionVerb.OUT_OF_SERVICE:
                refusal = self._take_out(turn, duty, asked)
            case SuppressionVerb.RETURN_TO_SERVICE:
                refusal = self._return(turn, duty, asked)
        if refusal:
            turn.effects.append(
                Refused(at=turn.at, reason=refusal, person=asked.person, verb=asked.verb.value, target=asked.target)
            )

    def _shelve(self, turn: Turn, duty: Duty, asked: SuppressionRequested) -> Refusal:
        alarm = self._alarms.open.get(asked.target)
        if alarm is None:
            return why.UNKNOWN
        limit = self._shelve_max(alarm)
        if limit <= timedelta(0) or alarm.test or alarm.drill:
            return why.NEVER_SHELVED
        refusal = _span_refusal(asked.duration, limit, why.TOO_LONG) or ("" if asked.reason.strip() else why.NO_REASON)
        if refusal:
            return refusal
        if (alarm.rule, alarm.subject) in self.shelves:
            return why.SHELVED_ALREADY
        if asked.once and not alarm.active:
            return why.NOT_ACTIVE
        if len(self.shelves) >= SHELVES_MAX:
            return why.TOO_MANY
        until = turn.at + (limit if asked.duration is None else asked.duration)
        shelf = Shelf(
            rule=alarm.rule,
            subject=alarm.subject,
            by=asked.person,
            at=turn.at,
            until=until,
            once=asked.once,
            reason=asked.reason.strip()[:WORDS_MAX],
        )
        self.shelves[(alarm.rule, alarm.subject)] = shelf
        self._deadlines.set(("unshelve", alarm.rule, alarm.subject), until)
        self._shelf_changed(turn, shelf, "began", asked.person, shelf.reason)
        self.reconsider(turn, duty, alarm, shelf.reason, asked.person)
        return ""

    def _shelve_max(self, alarm: Alarm) -> timedelta:
        if alarm.category.endangers_people:
            return timedelta(0)
        rule = self._rules.get(alarm.rule)
        return rule.shelve_max if rule is not None else SHELVE_MAX

    def _unshelve(self, turn: Turn, duty: Duty, asked: SuppressionRequested) -> Refusal:
        alarm = self._alarms.open.get(asked.target)
        rule, _, subject = asked.target.partition(" ")
        shelf = self.shelves.get((alarm.rule, alarm.subject) if alarm is not None else (rule, subject))
        if shelf is None:
            return why.NOT_SHELVED
        self._end_shelf(turn, duty, shelf, asked.person, why.RETURNED)
        return ""

    def _take_out(self, turn: Turn, duty: Duty, asked: SuppressionRequested) -> Refusal:
        device = self._device_of(asked.target)
        if device not in self._devices:
            return why.NO_DEVICE
        refusal = self._out_refusal(device, asked)
        if refusal:
            return refusal
        until = turn.at + (OUT_OF_SERVICE_MAX if asked.duration is None else asked.duration)
        out = OutOfService(
            device=device,
            by=asked.person,
            confirmed_by=asked.confirmed_by,
            at=turn.at,
            until=until,
            reason=asked.reason.strip()[:WORDS_MAX],
            substitute=asked.substitute.strip()[:WORDS_MAX],
        )
        self.devices[device] = out
        self._deadlines.set(("return", device), until)
        self._device_changed(turn, out, "began", asked.person, out.reason)
        for alarm in self._alarms.about(device):
            if not (alarm.test or alarm.drill):
                self._hold(turn, duty, alarm, self._hold_of(alarm), out.reason, asked.person)
        return ""

    def _out_refusal(self, device: str, asked: SuppressionRequested) -> Refusal:
        if device in self.devices:
            return why.OUT_ALREADY
        if not asked.reason.strip():
            return why.NO_REASON
        if not asked.substitute.strip():
            return why.NO_SUBSTITUTE
        if not asked.confirmed_by or asked.confirmed_by == asked.person:
            return why.NO_SECOND
        if asked.confirmed_by not in self._people:
            return why.NO_PERSON
        refusal = _span_refusal(asked.duration, OUT_OF_SERVICE_MAX, why.OUT_TOO_LONG)
        if refusal:
            return refusal
        if any(self._is_unexplained_danger(alarm) for alarm in self._alarms.about(device)):
            return why.DANGER_OPEN
        known = self._devices[device]
        watches = known.category in _DANGERS or known.kind == "manual_call"
        if watches and any(self._is_unexplained_danger(alarm) for alarm in self._dangers_in(known.zone)):
            return why.ZONE_IN_DANGER
        return why.TOO_MANY if len(self.devices) >= OUT_OF_SERVICE_COUNT_MAX else ""

    def _is_unexplained_danger(self, alarm: Alarm) -> bool:
        """A detector in alarm is held back only when somebody took it on and found that there is no danger."""
        if not alarm.category.endangers_people or alarm.held:
            return False
        incident = self._incidents.open.get(alarm.incident)
        verdict = incident.verdict if incident is not None else None
        return alarm.acknowledged is None or verdict is None or verdict.kind is VerdictKind.REAL

    def _return(self, turn: Turn, duty: Duty, asked: SuppressionRequested) -> Refusal:
        out = self.devices.get(self._device_of(asked.target))
        if out is None:
            return why.NOT_OUT
        self._end_out(turn, duty, out, asked.person, why.RETURNED)
        return ""

    def _device_of(self, target: str) -> str:
        alarm = self._alarms.open.get(target)
        return alarm.subject if alarm is not None else target

    # maintenance

    def ask_maintenance(self, turn: Turn, duty: Duty, asked: ModeRequested) -> Refusal:
        """Begin or end a maintenance; why not, or ""."""
        if asked.verb is ModeVerb.START:
            return self._begin_work(turn, duty, asked)
        work = self.maintenances.get(asked.target)
        if asked.verb is not ModeVerb.END or work is None:
            return why.NO_MAINTENANCE
        self._end_work(turn, duty, work, asked.person, why.RETURNED)
        return ""

    def _begin_work(self, turn: Turn, duty: Duty, asked: ModeRequested) -> Refusal:
        refusal = _span_refusal(asked.time_limit, MAINTENANCE_MAX, why.OUT_TOO_LONG)
        if refusal:
            return refusal
        if not asked.reason.strip():
            return why.NO_REASON
        if set(asked.zones) - self._zones or set(asked.devices) - self._devices.keys():
            return why.NO_PLACE
        if len(self.maintenances) >= MAINTENANCES_MAX:
            return why.TOO_MANY
        work = Maintenance(
            id=turn.mode_id("x"),
            by=asked.person,
            at=turn.at,
            until=turn.at + asked.time_limit,
            zones=tuple(dict.fromkeys(asked.zones)),
            devices=tuple(dict.fromkeys(asked.devices)),
            reason=asked.reason.strip()[:WORDS_MAX],
        )
        self.maintenances[work.id] = work
        self._deadlines.set(("maintenance", work.id), work.until)
        self._work_changed(turn, work, "began", asked.person, work.reason)
        self._reconsider_in(turn, duty, work, work.reason, asked.person)
        return ""

    def _reconsider_in(self, turn: Turn, duty: Duty, work: Maintenance, reason: str, by: str) -> None:
        for alarm in list(self._alarms.open.values()):
            if work.covers(alarm.zone, alarm.subject) and alarm.id in self._alarms.open:
                self.reconsider(turn, duty, self._alarms.open[alarm.id], reason, by)

    # time

    def due(self, turn: Turn, duty: Duty, kind: str, *about: str) -> None:
        """The end of something that was held back: `unshelve`, `return`, `maintenance` or `explained`."""
        if kind == "unshelve" and about in self.shelves:
            self._end_shelf(turn, duty, self.shelves[(about[0], about[1])], "", why.TIME_LIMIT)
        elif kind == "return" and about[0] in self.devices:
            self._end_out(turn, duty, self.devices[about[0]], "", why.TIME_LIMIT)
        elif kind == "maintenance" and about[0] in self.maintenances:
            self._end_work(turn, duty, self.maintenances[about[0]], "", why.TIME_LIMIT)
        elif kind == "explained":
            for alarm in self._explained.left_by(about[0]):
                self.reconsider(turn, duty, alarm, why.CAUSE_OVER)

    def _end_shelf(self, turn: Turn, duty: Duty, shelf: Shelf, by: str, reason: str) -> None:
        del self.shelves[(shelf.rule, shelf.subject)]
        self._deadlines.cancel(("unshelve", shelf.rule, shelf.subject))
        self._shelf_changed(turn, shelf, "ended", by, reason)
        alarm = self._alarms.find(shelf.rule, shelf.subject)
        if alarm is not None:
            self.reconsider(turn, duty, alarm, reason, by)

    def _end_out(self, turn: Turn, duty: Duty, out: OutOfService, by: str, reason: str) -> None:
        del self.devices[out.device]
        self._deadlines.cancel(("return", out.device))
        self._device_changed(turn, out, "ended", by, reason)
        for alarm in self._alarms.about(out.device):
            self.reconsider(turn, duty, alarm, reason, by)

    def _end_work(self, turn: Turn, duty: Duty, work: Maintenance, by: str, reason: str) -> None:
        del self.maintenances[work.id]
        self._deadlines.cancel(("maintenance", work.id))
        self._work_changed(turn, work, "ended", by, reason)
        self._reconsider_in(turn, duty, work, reason, by)

    # effects

    @staticmethod
    def _shelf_changed(turn: Turn, shelf: Shelf, change: Began, by: str, reason: str) -> None:
        said = SuppressionChanged(at=turn.at, reason=reason, kind=SuppressionKind.SHELVED, change=change, by=by)
        turn.effects.append(replace(said, rule=shelf.rule, subject=shelf.subject, until=shelf.until))

    @staticmethod
    def _device_changed(turn: Turn, out: OutOfService, change: Began, by: str, reason: str) -> None:
        said = SuppressionChanged(at=turn.at, reason=reason, kind=SuppressionKind.OUT_OF_SERVICE, change=change, by=by)
        turn.effects.append(
            replace(
                said, subject=out.device, until=out.until, substitute=out.substitute, confirmed_by=out.confirmed_by
            )
        )

    @staticmethod
    def _work_changed(turn: Turn, work: Maintenance, change: Began, by: str, reason: str) -> None:
        said = SuppressionChanged(at=turn.at, reason=reason, kind=SuppressionKind.OUT_OF_SERVICE, change=change, by=by)
        turn.effects.append(replace(said, mode=work.id, until=work.until))


def _span_refusal(duration: timedelta | None, limit: timedelta, too_long: Refusal) -> Refusal:
    return "" if duration is None or DURATION_MIN <= duration <= limit else too_long
