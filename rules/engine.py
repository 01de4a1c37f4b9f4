"""The engine of one home: one input in, effects out, and nothing else. It never asks the clock.

`step` first fires every deadline that is due at the input's instant or before, in (instant, serial) order
and stamped with the instant it was due, then applies the input: how often the shell wakes decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from devices.reading import Quality, Report
from rules.alarms import Alarms
from rules.attendance import Attendance
from rules.condition import Silent
from rules.deadlines import Deadlines, Key
from rules.details import coded
from rules.drills import Drills
from rules.duty import Duty
from rules.effects import AnyEffect, DriveSounder
from rules.escalation import Escalation
from rules.evaluation import Evaluation, decides, says_both
from rules.incidents import Incidents
from rules.index import ACKNOWLEDGE_BUTTON, PRESSES, SELF_TEST
from rules.inputs import (
    AnyInput,
    ChannelProven,
    ClockStepped,
    DecodeFailed,
    EngineFaulted,
    GapExplained,
    HandedOver,
    LinkChanged,
    Mode,
    ModeRequested,
    OperatorActed,
    Outcome,
    PacketRefused,
    ProcedureTicked,
    ReadingsArrived,
    SendReported,
    SiteChanged,
    SupportRequested,
    SuppressionRequested,
    TimePassed,
    Verb,
)
from rules.memory import CLOCK, Memory
from rules.modes import Modes, refused_mode
from rules.operator import OperatorDesk
from rules.packets import PacketAlarms
from rules.reachability import Reachability
from rules.reload import reload
from rules.response import Response
from rules.roster_watch import RosterWatch
from rules.rule import Rule
from rules.site import Site
from rules.supervision import DEAF_GRACE, DeviceState, is_sign_of_life
from rules.suppressions import Suppressions
from rules.text import Text
from rules.turn import Turn
from rules.verification import VerificationClock
from rules.walk_test import WalkTest
from rules.wall_button import asked_by_press


class Engine:
    """Everything decided for one home. `seq` counts the inputs and equals the journal's sequence."""

    def __init__(self, home: str, epoch: int = 1) -> None:
        self.home = home
        self.epoch = epoch
        self.seq = 0
        self.now: datetime | None = None
        self.site = Site(id=home, name=Text(home))
        self.rules: dict[str, Rule] = {}
        self.ruleset = ""
        self.devices: dict[str, DeviceState] = {}
        self.attach(Deadlines())

    def attach(self, deadlines: Deadlines) -> None:
        """Wire the parts that share the deadlines (at the beginning, and by a restore)."""
        self.deadlines = deadlines
        self.escalation = Escalation(deadlines)
        self.incident_book = Incidents(self.home, self.escalation, VerificationClock(deadlines))
        self.alarm_book = Alarms(self.incident_book)
        self.reachability = Reachability(self.alarm_book, self.incident_book, deadlines)
        self.duty = Duty(self.site)
        self.duty.rank, self.duty.in_order = self.reachability.rank, self.reachability.in_order
        self.memory = Memory(deadlines)
        self.evaluation = Evaluation(self.alarm_book, deadlines, self.memory)
        self._packets = PacketAlarms(self.alarm_book, deadlines)
        self._desk = OperatorDesk(self.alarm_book, self.incident_book)
        self._response = Response(self.alarm_book, self.incident_book)
        self.roster_watch = RosterWatch(self.alarm_book, deadlines)
        self.modes = Modes(self.alarm_book, deadlines)
        self.drills = Drills(self.alarm_book, deadlines)
        self.suppressions = Suppressions(self.alarm_book, self.incident_book, deadlines)
        self.attendance = Attendance(self.alarm_book, self.incident_book)
        self._apply: dict[type, Callable[[Turn, Any], None]] = {
            ReadingsArrived: self._on_readings,
            DecodeFailed: self._on_decode_failed,
            PacketRefused: self._on_refused,
            OperatorActed: self._on_operator,
            SendReported: self._on_sent,
            ChannelProven: self._on_proven,
            LinkChanged: self._on_link,
            SiteChanged: self._on_site,
            ClockStepped: self._on_clock,
            EngineFaulted: self._on_fault,
            TimePassed: self._on_time,
            ModeRequested: self._on_mode,
            SuppressionRequested: self._on_suppression,
            ProcedureTicked: self._on_ticked,
            SupportRequested: self._on_support,
            GapExplained: self._on_time,
            HandedOver: self._on_handed_over,
        }

    @property
    def alarms(self) -> dict[str, Any]:
        """The open alarms by id, in the order in which they were raised."""
        return self.alarm_book.open

    @property
    def incidents(self) -> dict[str, Any]:
        """The open incidents by id."""
        return self.incident_book.open

    @property
    def walk_test(self) -> WalkTest | None:
        """The walk test that is running, or None."""
        return self.modes.walk_test

    def sounding(self) -> list[DriveSounder]:
        """What the sounders must be doing now."""
        return [] if self.now is None else self.incident_book.sounding(self.now)

    def next_deadline(self) -> datetime | None:
        """When something is due even if nothing happens, or None."""
        return self.deadlines.next()

    def step(self, happened: AnyInput) -> tuple[AnyEffect, ...]:
        """What the world must do because of one input. Instants never go back (ValueError, and nothing is changed).

        Any other exception leaves the engine half changed: throw it away. A `restore` of the last snapshot and the
        inputs since, without the one that faulted, is as if that had never come.
        """
        at = happened.at
        if self.now is not None and at < self.now:
            raise ValueError(f"time went back: {at.isoformat()} after {self.now.isoformat()}")
        self.seq += 1
        turn = Turn(self.home, self.epoch, self.seq, at)
        due = self.deadlines.next()
        if due is not None and due <= at:
            self._fire_due(turn, at)
        self.now = at
        self._apply[type(happened)](turn, happened)
        return tuple(turn.effects)

    # deadlines

    def _fire_due(self, turn: Turn, at: datetime) -> None:
        while (entry := self.deadlines.pop(at)) is not None:
            due, key = entry
            turn.at = due if self.now is None or due > self.now else self.now
            self.now = turn.at
            self._on_due(turn, key)
        turn.at = at

    def _on_due(self, turn: Turn, key: Key) -> None:
        match key:
            case ("silent", device):
                self._on_silence(turn, self.devices.get(device))
            case ("raise", rule, device):
                self.evaluation.raise_due(turn, self.duty, rule, self.memory.find(device))
            case ("clear", rule, device):
                self.evaluation.clear_due(turn, self.duty, rule, device)
            case ("window", subject, mark):
                self.evaluation.window_due(turn, self.duty, subject, mark)
            case ("step", incident, *chain):
                foremost = self.alarm_book.foremost(incident)
                self.incident_book.step_due(turn, self.duty, incident, foremost, "".join(chain))
            case ("channel", incident, chain_name, person):
                foremost = self.alarm_book.foremost(incident)
                self.incident_book.channel_due(turn, self.duty, incident, foremost, chain_name, person)
            case ("spread", incident):
                newest = self.alarm_book.newest(incident)
                self.incident_book.spread_due(turn, self.duty, incident, newest)
            case ("verify", incident):
                self.incident_book.verify_due(turn, incident)
            case ("progress", incident):
                self.alarm_book.re_alarm(turn, self.duty, incident)
            case ("quiet", rule, subject):
                self._packets.quiet(turn, self.duty, rule, subject)
            case ("test_alarm", alarm):
                self.modes.overdue(turn, self.duty, alarm)
            case ("walk_test", what):
                self.modes.due(turn, self.duty, what)
            case ("roster",):
                self.roster_watch.look(turn, self.duty, self.site)
            case ("drill", *about):
                self.drills.due(turn, self.duty, self.devices, self.walk_test, *about)
            case ("proof", person, channel):
                self.reachability.due(turn, self.duty, person, channel)
            case ("unshelve" | "return" | "maintenance" | "explained" as kind, *about):
                self.suppressions.due(turn, self.duty, kind, *about)
            case _:
                raise ValueError(f"deadline of unknown kind: {key}")

    def _on_silence(self, turn: Turn, state: DeviceState | None) -> None:
        """A device may have become silent. While the gateway was down nothing could be heard: it gets a grace."""
        if state is None or state.silent:
            return
        key = ("silent", state.device.id)
        if state.silent_from > turn.at:
            self.deadlines.set(key, state.silent_from)
        elif turn.late:
            self.deadlines.set(key, turn.until + min(DEAF_GRACE, state.device.silence_limit))
        else:
            state.silent = True
            state.values[Silent.SILENT_POINT] = True
            self.evaluation.evaluate(turn, self.duty, state, state.watch.get(Silent.SILENT_POINT, ()))

    # readings

    def _on_readings(self, turn: Turn, happened: ReadingsArrived) -> None:
        devices = self.devices
        turn.reports = happened.reports
        for report in happened.reports:
            state = None if happened.unregistered else devices.get(report.device)
            if state is None:
                self._packets.stranger(turn, self.duty, report, found=happened.retained)
                continue
            state.stored_at = report.stored_at
            if happened.retained:
                self.evaluation.found(turn, self.duty, state, report)
            else:
                self._on_report(turn, state, report)

    def _on_report(self, turn: Turn, state: DeviceState, report: Report) -> None:
        """The hot path: a live report of a registered device. Most reports change nothing and cost a few look-ups."""
        if len(report.readings) > 1 or is_sign_of_life(report):
            state.heard_at = turn.at
            if state.silent:
                self._speaks_again(turn, state)
        values, watch, engaged = state.values, state.watch, state.engaged
        touched: dict[str, Rule] | None = None
        for reading in report.readings:
            point, value = reading.point, reading.value
            rules = watch.get(point)
            bad = reading.quality and reading.quality is Quality.BAD
            if not bad and (rules is None or (not engaged and values.get(point) == value)):
                continue
            if bad or not decides(reading):
                self._packets.implausible(turn, self.duty, state, point, value)
                values.pop(point, None)
            elif value is False and says_both(report, point):
                continue
            elif rules is not None:
                before, values[point] = values.get(point), value
                if point == SELF_TEST and value is True:
                    self._on_self_test(turn, state)
                elif point in PRESSES and state.device.kind == ACKNOWLEDGE_BUTTON:
                    self._on_press(turn, state, point, before)
            if rules is None:
                continue
            if touched is None:
                touched = {}
            for rule in rules:
                touched[rule.id] = rule
        if engaged:
            self.evaluation.readable(turn, self.duty, state)
        if touched is not None:
            self.evaluation.evaluate(turn, self.duty, state, touched.values())

    def _on_self_test(self, turn: Turn, state: DeviceState) -> None:
        state.proven_at = turn.at
        self.modes.on_self_test(turn, state.device)

    def _on_press(self, turn: Turn, state: DeviceState, point: str, before: object) -> None:
        for asked in asked_by_press(turn, self.incident_book, state, point, before):
            self._on_operator(turn, asked)

    def _speaks_again(self, turn: Turn, state: DeviceState) -> None:
        state.silent = False
        state.values.pop(Silent.SILENT_POINT, None)
        self.deadlines.set(("silent", state.device.id), state.silent_from)
        self.evaluation.evaluate(turn, self.duty, state, state.watch.get(Silent.SILENT_POINT, ()))

    # packets that are not readings

    def _on_unreadable(self, turn: Turn, device: str, source: str, category: str, rule: str, detail: str) -> None:
        """A packet is lost to us; whoever sent it lives."""
        state = self.devices.get(device)
        if state is not None:
            state.heard_at = turn.at
            if state.silent:
                self._speaks_again(turn, state)
        self._packets.unreadable(turn, self.duty, state, device or f"source:{source}", category, rule, detail)

    def _on_decode_failed(self, turn: Turn, happened: DecodeFailed) -> None:
        detail = coded(happened.kind, happened.source, happened.topic, happened.reason)
        self._on_unreadable(turn, happened.device, happened.source, happened.category, "gateway.undecodable", detail)

    def _on_fault(self, turn: Turn, happened: EngineFaulted) -> None:
        detail = f"{happened.fault_id}: {happened.error}"
        self._on_unreadable(turn, happened.device, "engine", happened.category, "gateway.faulted", detail)

    def _on_refused(self, turn: Turn, happened: PacketRefused) -> None:
        self._packets.refused(turn, self.duty, happened)

    # people, channels, links, time

    def _on_operator(self, turn: Turn, happened: OperatorActed) -> None:
        for alarm in self._desk.act(turn, self.duty, happened):
            self._forget(turn, alarm.rule, alarm.subject)

    def _on_suppression(self, turn: Turn, asked: SuppressionRequested) -> None:
        self.suppressions.ask(turn, self.duty, asked)

    def _on_ticked(self, turn: Turn, asked: ProcedureTicked) -> None:
        self._response.tick(turn, self.rules, asked)

    def _on_support(self, turn: Turn, asked: SupportRequested) -> None:
        self._response.call_support(turn, self.duty, asked)

    def _on_handed_over(self, turn: Turn, asked: HandedOver) -> None:
        self.roster_watch.hand_over(turn, self.duty, self.site, asked)

    def _on_mode(self, turn: Turn, asked: ModeRequested) -> None:
        if asked.mode is not Mode.WALK_TEST:
            if asked.mode is Mode.DRILL:
                refusal = self.drills.ask(turn, self.duty, self.devices, self.walk_test, asked)
            else:
                refusal = self.suppressions.ask_maintenance(turn, self.duty, asked)
            if refusal:
                turn.effects.append(refused_mode(turn, asked, refusal))
            return
        ended = self.modes.ask(turn, self.duty, self.site, self.devices, asked)
        if ended is not None:
            self._forget(turn, ended.rule, ended.subject)

    def _forget(self, turn: Turn, rule_id: str, subject: str) -> None:
        """After a reset the points are unknown: the next report at alarm value raises, even if it is the same."""
        state = self.memory.find(subject)
        rule = state.watching(rule_id) if state is not None else None
        if rule is not None and state is not None:
            self.evaluation.forget(turn.at, rule, state)

    def _on_proven(self, turn: Turn, happened: ChannelProven) -> None:
        self.reachability.on_proven(turn, self.duty, happened)

    def _on_sent(self, turn: Turn, happened: SendReported) -> None:
        self.reachability.on_report(turn, self.duty, happened)
        foremost = self.alarm_book.foremost(happened.incident)
        self.incident_book.on_report(turn, self.duty, happened, foremost)
        if happened.outcome is Outcome.ANSWERED and foremost is not None:
            answer = OperatorActed(
                at=turn.at,
                person=happened.person,
                verb=Verb.ACKNOWLEDGE,
                target=happened.incident,
                via=happened.channel,
            )
            self._on_operator(turn, answer)

    def _on_link(self, turn: Turn, happened: LinkChanged) -> None:
        self._packets.link(turn, self.duty, happened)
        if happened.link == CLOCK:
            self.evaluation.clock_known(turn, self.duty, known=happened.up)
            self.duty.clock_known = happened.up
            self.roster_watch.look(turn, self.duty, self.site)

    def _on_clock(self, turn: Turn, happened: ClockStepped) -> None:
        self._packets.clock(turn, self.duty, happened)

    def _on_time(self, turn: Turn, happened: TimePassed | GapExplained) -> None:
        """Only the deadlines, which were fired before: nothing else is decided."""

    # configuration

    def _on_site(self, turn: Turn, happened: SiteChanged) -> None:
        reload(self, turn, happened)

    # snapshots

    def snapshot(self) -> bytes:
        """The whole state as bytes; `restore` gives an engine that goes on as if nothing had happened."""
        from rules.snapshot import encode_engine

        return encode_engine(self)

    @classmethod
    def restore(cls, body: bytes) -> Engine:
        """The engine that a snapshot holds; ValueError if it is not one, or of an unknown version."""
        from rules.snapshot import decode_engine

        return decode_engine(body, cls)
