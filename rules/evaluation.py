"""Conditions become alarms: the delays before raising and clearing, and what retained messages may do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from math import isfinite

from devices.reading import DANGER_POINTS, Quality, Reading, Report, Value, find_point
from rules.alarms import Alarms
from rules.cause import Cause
from rules.condition import Above, AllOf, AnyOf, Below, Condition, Equals, Recalled, is_mark, points_of
from rules.deadlines import Deadlines
from rules.duty import Duty
from rules.memory import Memory
from rules.panel_words import words_of
from rules.proof import proves
from rules.rule import Per, Rule
from rules.supervision import DeviceState
from rules.turn import Turn

_NO_DELAY = timedelta(0)


class Evaluation:
    """Asks the rules of a device what holds, and raises, repeats and clears their alarms."""

    def __init__(self, alarms: Alarms, deadlines: Deadlines, memory: Memory) -> None:
        self._alarms = alarms
        self._deadlines = deadlines
        self._memory = memory

    def evaluate(
        self, turn: Turn, duty: Duty, state: DeviceState, rules: Iterable[Rule], *, found: bool = False
    ) -> None:
        """Ask these rules about the device as it is now. `found`: its values come from a retained message."""
        if state.watch.looks_back:
            self._look_back(turn, duty, state, rules, found=found)
            return
        self._ask(turn, duty, state, rules, found=found)

    def _look_back(
        self,
        turn: Turn,
        duty: Duty,
        state: DeviceState,
        rules: Iterable[Rule],
        *,
        found: bool = False,
        only_new: bool = False,
    ) -> None:
        """Remember what the device says now, then ask its rules, then those about its place that learned of it.

        What was found in a retained message is not remembered. `only_new`: leave out what remembers nothing new.
        """
        asked: list[Rule] = []
        about_place: list[Rule] = []
        for rule in rules:
            if rule.per is not Per.DEVICE:
                about_place.append(rule)
                continue
            looks_back = rule.id in state.watch.recalled and not found
            is_new = looks_back and self._memory.own(turn.at, state, rule)
            may_matter = not only_new and (state.engaged or type(rule.condition) is not Recalled)
            if not looks_back or is_new or may_matter:
                asked.append(rule)
        if asked:
            self._ask(turn, duty, state, asked, found=found)
        if found:
            return
        for rule in about_place:
            place = self._memory.shared(turn.at, state, rule)
            if place is not None:
                self._ask(turn, duty, place, (rule,))

    def _ask(self, turn: Turn, duty: Duty, state: DeviceState, rules: Iterable[Rule], *, found: bool = False) -> None:
        """What each rule says of the values as they are now, and what becomes of its alarm."""
        device_id = state.device.id
        # A device that is not engaged has no alarm and nothing pending: what does not hold changes nothing.
        quiet = not state.engaged
        for rule in rules:
            if quiet and not rule.condition.holds(state.values, False):
                continue
            state.engaged = True
            known = self._alarms.find(rule.id, device_id)
            raising = ("raise", rule.id, device_id)
            active = known.active if known is not None else raising in self._deadlines
            holds = rule.condition.holds(state.values, active)
            if holds:
                self._deadlines.cancel(("clear", rule.id, device_id))
                if known is not None or rule.raise_after <= _NO_DELAY:
                    self._trip(turn, duty, rule, state, found=found)
                elif raising not in self._deadlines:
                    self._deadlines.set(raising, turn.at + rule.raise_after)
            elif holds is False and not found:
                self._deadlines.cancel(raising)
                if known is not None and known.active:
                    self._clear(turn, duty, rule, state)
            elif not found:
                # Unknown: what was decided stays, and an end that was not decided yet begins anew.
                self._deadlines.cancel(("clear", rule.id, device_id))
        if state.engaged:
            self._note_engaged(state)

    def begin(self, turn: Turn, duty: Duty) -> None:
        """A new site or new rules: what holds of windows, schedules and places before anybody speaks."""
        for state, rules in list(self._memory.looking_back()):
            self._look_back(turn, duty, state, rules, only_new=True)

    def window_due(self, turn: Turn, duty: Duty, subject: str, mark: str) -> None:
        """A window ended or a schedule turned."""
        news = self._memory.due(turn.at, subject, mark)
        if news is not None:
            state, rules = news
            self._ask(turn, duty, state, rules)

    def clock_known(self, turn: Turn, duty: Duty, *, known: bool) -> None:
        """The clock is synchronised now, or it is not: schedules answer anew."""
        for state, rules in self._memory.clock(turn.at, known=known):
            self._ask(turn, duty, state, rules)

    def _trip(self, turn: Turn, duty: Duty, rule: Rule, state: DeviceState, *, found: bool) -> None:
        device = state.device
        detail = self._memory.holders(device.id, rule) or words_of(turn.reports, device.id, device.address)
        cause = self.cause(rule, state, found=found, detail=detail)
        if not found and proves(cause.category, cause.point):
            state.proven_at = turn.at
        self._alarms.trip(turn, duty, cause)

    def _clear(self, turn: Turn, duty: Duty, rule: Rule, state: DeviceState) -> None:
        clearing = ("clear", rule.id, state.device.id)
        if rule.clear_after > _NO_DELAY:
            if clearing not in self._deadlines:
                self._deadlines.set(clearing, turn.at + rule.clear_after)
            return
        known = self._alarms.find(rule.id, state.device.id)
        if known is not None:
            self._alarms.clear(turn, duty, known)

    def _note_engaged(self, state: DeviceState) -> None:
        """Whether the next unchanged report of this device must be looked at."""
        device_id = state.device.id
        state.engaged = any(
            (rule.id, device_id) in self._alarms.by_cause or ("raise", rule.id, device_id) in self._deadlines
            for rules in state.watch.values()
            for rule in rules
        ) or self._fallback(state) in self._alarms.by_cause

    @staticmethod
    def _fallback(state: DeviceState) -> tuple[str, str]:
        return f"gateway.fallback.{state.device.category}", state.device.id

    def found(self, turn: Turn, duty: Duty, state: DeviceState, report: Report) -> None:
        """A retained message: an alarm value raises unless it was reset after the message's own time.

        A clear clears nothing, and nothing of it is remembered as the device's value: the next live report is
        looked at whatever it says.
        """
        touched: dict[str, Rule] = {}
        before = dict(state.values)
        for reading in report.readings:
            rules = state.watch.get(reading.point)
            if rules is None or not decides(reading):
                continue
            state.values[reading.point] = reading.value
            for rule in rules:
                touched[rule.id] = rule
        subject, said_at = state.device.id, report.measured_at
        news = [rule for rule in touched.values() if self._alarms.is_news(rule.id, subject, said_at)]
        self.evaluate(turn, duty, state, news, found=True)
        state.values = before

    def raise_due(self, turn: Turn, duty: Duty, rule_id: str, state: DeviceState | None) -> None:
        """The condition held for the whole delay. If no live value says so, a retained message did: it was found."""
        rule = state.watching(rule_id) if state is not None else None
        if rule is not None and state is not None:
            found = rule.condition.holds(state.values, True) is not True
            self._trip(turn, duty, rule, state, found=found)
            self._note_engaged(state)

    def clear_due(self, turn: Turn, duty: Duty, rule_id: str, device_id: str) -> None:
        """The condition did not hold for the whole delay."""
        known = self._alarms.find(rule_id, device_id)
        if known is not None:
            self._alarms.clear(turn, duty, known)

    def readable(self, turn: Turn, duty: Duty, state: DeviceState) -> None:
        """A device whose packet could not be read speaks clearly again: its fallback alarm has no cause any more."""
        known = self._alarms.find(*self._fallback(state))
        if known is not None:
            self._alarms.clear(turn, duty, known)

    def forget(self, at: datetime, rule: Rule, state: DeviceState) -> None:
        """Make the rule's points unknown (after a reset), drop its pending deadlines and begin its windows anew."""
        for point in points_of(rule.condition):
            if not is_mark(point):
                state.values.pop(point, None)
        self._memory.forget(at, state, rule)
        self._deadlines.cancel(("raise", rule.id, state.device.id))
        self._deadlines.cancel(("clear", rule.id, state.device.id))

    @staticmethod
    def cause(rule: Rule, state: DeviceState, *, found: bool = False, detail: str = "") -> Cause:
        """What the alarm of a rule about a device says, with the value of the point that speaks for it."""
        device = state.device
        values = state.values
        candidates = [*_speaking(rule.condition, values), *points_of(rule.condition)]
        known = (point for point in candidates if not is_mark(point) and point in values)
        shown_point = next(known, "")
        shown_value = shown(shown_point, values[shown_point]) if shown_point else ""
        return Cause(
            rule=rule.id,
            title=rule.title,
            category=rule.category,
            priority=rule.priority,
            latch=rule.latch,
            subject=device.id,
            zone=device.zone,
            point=shown_point,
            value=shown_value,
            detail=detail,
            found=found,
            clears_are_trusted=device.clears_are_trusted,
            by_rule=True,
        )


def decides(reading: Reading) -> bool:
    """Whether a reading may decide anything: not of BAD quality, and a number only if it is one."""
    if reading.quality is Quality.BAD:
        return False
    return not isinstance(reading.value, float) or isfinite(reading.value)


def says_both(report: Report, point: str) -> bool:
    """Whether a report that says False of a danger point says True of it too: then the danger counts, in any order."""
    return point in DANGER_POINTS and any(
        other.point == point and other.value is True and other.quality is not Quality.BAD for other in report.readings
    )


def _speaking(condition: Condition, values: Mapping[str, Value]) -> Iterator[str]:
    """The points whose own leaves hold: of a rule with several points, those that it is raised for."""
    match condition:
        case AllOf() | AnyOf():
            for part in condition.of:
                yield from _speaking(part, values)
        case Equals() | Above() | Below():
            if condition.holds(values, True):
                yield condition.point
        case Recalled():
            if condition.holds(values, True):
                yield from points_of(condition.of)


def shown(point: str, value: Value) -> str:
    """A value as text with its unit: `312 mA`, `true`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    entry = find_point(point)
    return f"{value:g} {entry.unit if entry is not None else ''}".strip()
