"""Conditions become alarms: the delays before raising and clearing, and what retained messages may do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from devices.reading import Quality, Report, Value, find_point
from rules.alarms import Alarms, Cause
from rules.condition import Silent, points_of
from rules.deadlines import Deadlines
from rules.duty import Duty
from rules.rule import Rule
from rules.supervision import DeviceState
from rules.turn import Turn

_NO_DELAY = timedelta(0)


class Evaluation:
    """Asks the rules of a device what holds, and raises, repeats and clears their alarms."""

    def __init__(self, alarms: Alarms, deadlines: Deadlines) -> None:
        self._alarms = alarms
        self._deadlines = deadlines

    def evaluate(
        self, turn: Turn, duty: Duty, state: DeviceState, rules: Iterable[Rule], *, found: bool = False
    ) -> None:
        """Ask these rules about the device as it is now. `found`: its values come from a retained message."""
        device_id = state.device.id
        for rule in rules:
            known = self._alarms.find(rule.id, device_id)
            raising = ("raise", rule.id, device_id)
            active = known.active if known is not None else raising in self._deadlines
            holds = rule.condition.holds(state.values, active)
            if holds:
                self._deadlines.cancel(("clear", rule.id, device_id))
                if known is not None or rule.raise_after <= _NO_DELAY:
                    self._alarms.trip(turn, duty, self.cause(rule, state, found=found))
                elif raising not in self._deadlines:
                    self._deadlines.set(raising, turn.at + rule.raise_after)
            elif holds is False and not found:
                self._deadlines.cancel(raising)
                if known is not None and known.active:
                    self._clear(turn, duty, rule, state)
        self._note_engaged(state)

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
            if rules is None or reading.quality is Quality.BAD:
                continue
            state.values[reading.point] = reading.value
            for rule in rules:
                touched[rule.id] = rule
        news = [rule for rule in touched.values() if self._is_news(rule, state, report)]
        self.evaluate(turn, duty, state, news, found=True)
        state.values = before

    def _is_news(self, rule: Rule, state: DeviceState, report: Report) -> bool:
        """Not while the alarm is open already, and not if it was reset after the message's own time."""
        key = (rule.id, state.device.id)
        if key in self._alarms.by_cause:
            return False
        reset_at = self._alarms.reset_at.get(key)
        return reset_at is None or report.measured_at is None or report.measured_at > reset_at

    def raise_due(self, turn: Turn, duty: Duty, rule: Rule | None, state: DeviceState | None) -> None:
        """The condition held for the whole delay."""
        if rule is not None and state is not None:
            self._alarms.trip(turn, duty, self.cause(rule, state))

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

    def forget(self, rule: Rule, state: DeviceState) -> None:
        """Make the rule's points unknown (after a reset) and drop its pending deadlines."""
        for point in points_of(rule.condition):
            if point != Silent.SILENT_POINT:
                state.values.pop(point, None)
        self._deadlines.cancel(("raise", rule.id, state.device.id))
        self._deadlines.cancel(("clear", rule.id, state.device.id))

    @staticmethod
    def cause(rule: Rule, state: DeviceState, *, found: bool = False) -> Cause:
        """What the alarm of a rule about a device says: the value of the first of its points that is known."""
        device = state.device
        shown_point, shown_value = "", ""
        for point in points_of(rule.condition):
            value = state.values.get(point)
            if value is not None and point != Silent.SILENT_POINT:
                shown_point, shown_value = point, shown(point, value)
                break
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
            found=found,
            clears_are_trusted=device.clears_are_trusted,
        )


def shown(point: str, value: Value) -> str:
    """A value as text with its unit: `312 mA`, `true`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    entry = find_point(point)
    return f"{value:g} {entry.unit if entry is not None else ''}".strip()
