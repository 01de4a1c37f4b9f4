"""Who is held back and for how long: shelving, out of service, maintenance, and alarms that another alarm explains.

A wish that is not allowed is refused with a reason and changes nothing. Fire, gas and persons are never shelved, never
under maintenance and never explained away: only a device out of service is held back whatever it says.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from rules import held_words as why
from rules.alarm import NOT_SUPPRESSED, Alarm, Category, Suppression, SuppressionKind
from rules.alarms import Alarms
from rules.deadlines import Deadlines
from rules.duty import Duty
from rules.effects import Refused
from rules.explained import Explained
from rules.incidents import Incidents
from rules.inputs import ModeRequested, ModeVerb, SuppressionRequested, SuppressionVerb
from rules.maintenance import Works
from rules.out_of_service import ServiceBook
from rules.rule import Rule
from rules.shelving import Shelves
from rules.site import Site
from rules.supervision import DeviceState
from rules.suppression import Held, Maintenance, OutOfService, Refusal, Shelf
from rules.turn import Turn


class Suppressions:
    """Holds alarms back as people and rules ask for it, and lets them call again when that ends."""

    def __init__(self, alarms: Alarms, incidents: Incidents, deadlines: Deadlines) -> None:
        self._alarms = alarms
        self._explained = Explained(alarms, incidents, deadlines)
        self._shelves = Shelves(deadlines)
        self._service = ServiceBook(alarms, incidents, deadlines)
        self._works = Works(deadlines)
        alarms.holds = self

    @property
    def shelves(self) -> Mapping[tuple[str, str], Shelf]:
        """The shelved alarms by (rule, subject)."""
        return self._shelves.shelved

    @property
    def devices(self) -> Mapping[str, OutOfService]:
        """The devices and places out of service."""
        return self._service.out

    @property
    def maintenances(self) -> Mapping[str, Maintenance]:
        """The maintenances under way."""
        return self._works.under_way

    # configuration and snapshots

    def configure(self, site: Site, rules: dict[str, Rule], places: Mapping[str, DeviceState]) -> None:
        """The site, the rules and the places they speak of: by these it is decided what may be held back."""
        self._shelves.configure(rules)
        self._service.configure(site, places)
        self._works.configure(site)
        self._explained.configure(site, rules)

    def on_site(self, turn: Turn) -> None:
        """Behind a new site: a device that is gone is out of service no more."""
        self._service.on_site(turn)

    def held(self) -> Held:
        """What a snapshot keeps."""
        return Held(
            shelves=list(self.shelves.values()),
            devices=list(self.devices.values()),
            maintenances=list(self.maintenances.values()),
        )

    def restore(self, held: Held) -> None:
        """What a snapshot held."""
        self._shelves.shelved = {(shelf.rule, shelf.subject): shelf for shelf in held.shelves}
        self._service.out = {out.device: out for out in held.devices}
        self._works.under_way = {work.id: work for work in held.maintenances}

    def can_be_out(self, subject: str) -> bool:
        """Whether this is something that can be taken out of service: a device, or a place of which a rule speaks."""
        return self._service.knows(subject)

    # alarms

    def claim(self, alarm: Alarm) -> Suppression:
        """What holds a new alarm back; nothing, for most."""
        return NOT_SUPPRESSED if self._joins(alarm) else self._hold_of(alarm)

    def _joins(self, alarm: Alarm) -> bool:
        """Whether a danger calls beside another one of its zone, even if its device is out of service.

        A second witness of a fire is not dirt (GB 50116-2013 4.1.6), whatever its device was taken out for.
        """
        return alarm.category.endangers_people and any(
            other.id != alarm.id and not other.held for other in self._alarms.dangers_in(alarm.zone)
        )

    def _hold_of(self, alarm: Alarm) -> Suppression:
        """What holds an alarm back that stands alone."""
        out = self._service.hold_of(alarm)
        if out is not None or alarm.category.endangers_people:
            return out or NOT_SUPPRESSED
        hold = self._shelves.hold_of(alarm) or self._works.hold_of(alarm)
        if hold is not None:
            return hold
        cause = self._explained.cause_of(alarm)
        return Suppression(SuppressionKind.BY_DESIGN, cause=cause, reason=why.EXPLAINED) if cause else NOT_SUPPRESSED

    def on_raised(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """An alarm was raised, held back or not: it may explain others, and its cause's incident names it."""
        if alarm.suppression.kind is SuppressionKind.OUT_OF_SERVICE and self._joins(alarm):
            # It had cleared, and speaks again while another detector does.
            self._alarms.release(turn, duty, alarm, why.BESIDE)
            alarm = self._alarms.open[alarm.id]
        elif not alarm.held:
            self._call_witnesses(turn, duty, alarm)
        self._explained.note(turn, alarm)
        for other in self._explained.by(alarm):
            self.reconsider(turn, duty, other, why.EXPLAINED)

    def _call_witnesses(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """A fire was raised: a detector in alarm beside it is its second witness, whichever of them spoke first."""
        if alarm.category is not Category.FIRE or alarm.test or alarm.drill:
            return
        for other in self._alarms.dangers_in(alarm.zone):
            held = other.suppression.kind is SuppressionKind.OUT_OF_SERVICE
            if held and other.active and other.category is Category.FIRE:
                self._alarms.release(turn, duty, other, why.BESIDE)

    def on_inactive(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """An alarm is active no more: what is shelved once is shelved no more, and what it explained may settle."""
        shelf = self._shelves.find(alarm)
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
                done = self._bring_back(turn, duty, self._device_of(asked.target), asked.person, why.RETURNED)
                refusal = "" if done else why.NOT_OUT
        if refusal:
            turn.effects.append(
                Refused(at=turn.at, reason=refusal, person=asked.person, verb=asked.verb.value, target=asked.target)
            )

    def _shelve(self, turn: Turn, duty: Duty, asked: SuppressionRequested) -> Refusal:
        alarm = self._alarms.open.get(asked.target)
        if alarm is None:
            return why.UNKNOWN
        refusal = self._shelves.put(turn, alarm, asked)
        if not refusal:
            self.reconsider(turn, duty, alarm, asked.reason.strip(), asked.person)
        return refusal

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
        refusal = self._service.take_out(turn, device, asked)
        if refusal:
            return refusal
        for alarm in self._alarms.about(device):
            if not (alarm.test or alarm.drill):
                self._hold(turn, duty, alarm, self._hold_of(alarm), self.devices[device].reason, asked.person)
        return ""

    def _device_of(self, target: str) -> str:
        alarm = self._alarms.open.get(target)
        return alarm.subject if alarm is not None else target

    def ask_maintenance(self, turn: Turn, duty: Duty, asked: ModeRequested) -> Refusal:
        """Begin or end a maintenance; why not, or ""."""
        if asked.verb is ModeVerb.START:
            work = self._works.begin(turn, asked)
            if isinstance(work, Refusal):
                return work
            # What calls and nobody took on goes on calling: nobody has looked at it yet.
            seen = {alarm.id for alarm in self._alarms.open.values() if alarm.held or alarm.acknowledged is not None}
            self._reconsider_in(turn, duty, work, work.reason, asked.person, only=seen)
            return ""
        ended = self.maintenances.get(asked.target)
        if asked.verb is not ModeVerb.END or ended is None:
            return why.NO_MAINTENANCE
        self._end_work(turn, duty, ended, asked.person, why.RETURNED)
        return ""

    def _reconsider_in(
        self, turn: Turn, duty: Duty, work: Maintenance, reason: str, by: str, only: Container[str] | None = None
    ) -> None:
        for alarm in list(self._alarms.open.values()):
            if work.covers(alarm.zone, alarm.subject) and (only is None or alarm.id in only):
                self.reconsider(turn, duty, self._alarms.open[alarm.id], reason, by)

    # time

    def due(self, turn: Turn, duty: Duty, kind: str, *about: str) -> None:
        """The end of something that was held back: `unshelve`, `return`, `maintenance` or `explained`."""
        if kind == "unshelve" and about in self.shelves:
            self._end_shelf(turn, duty, self.shelves[(about[0], about[1])], "", why.TIME_LIMIT)
        elif kind == "return":
            self._bring_back(turn, duty, about[0], "", why.TIME_LIMIT)
        elif kind == "maintenance" and about[0] in self.maintenances:
            self._end_work(turn, duty, self.maintenances[about[0]], "", why.TIME_LIMIT)
        elif kind == "explained":
            for alarm in self._explained.left_by(about[0]):
                self.reconsider(turn, duty, alarm, why.CAUSE_OVER)

    def _end_shelf(self, turn: Turn, duty: Duty, shelf: Shelf, by: str, reason: str) -> None:
        self._shelves.take(turn, shelf, by, reason)
        alarm = self._alarms.find(shelf.rule, shelf.subject)
        if alarm is not None:
            self.reconsider(turn, duty, alarm, reason, by)

    def _bring_back(self, turn: Turn, duty: Duty, device: str, by: str, reason: str) -> bool:
        if not self._service.bring_back(turn, device, by, reason):
            return False
        for alarm in self._alarms.about(device):
            self.reconsider(turn, duty, alarm, reason, by)
        return True

    def _end_work(self, turn: Turn, duty: Duty, work: Maintenance, by: str, reason: str) -> None:
        self._works.end(turn, work, by, reason)
        self._reconsider_in(turn, duty, work, reason, by)
