"""Shelving (暂时屏蔽): one alarm put aside by one person, for a time or until it clears. Never a danger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from msgspec.structs import replace

from rules import held_words as why
from rules.alarm import Alarm, Suppression, SuppressionKind
from rules.deadlines import Deadlines
from rules.effects import SuppressionChanged
from rules.inputs import SuppressionRequested
from rules.rule import Rule
from rules.suppression import SHELVE_MAX, SHELVES_MAX, WORDS_MAX, Began, Refusal, Shelf, span_refusal
from rules.turn import Turn


class Shelves:
    """The shelved alarms, by (rule, subject): whether they are open or not."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._rules: Mapping[str, Rule] = {}
        self.shelved: dict[tuple[str, str], Shelf] = {}

    def configure(self, rules: Mapping[str, Rule]) -> None:
        """The rules: each says how long its alarms may be shelved."""
        self._rules = rules

    def find(self, alarm: Alarm) -> Shelf | None:
        """The shelf on which an alarm lies, or None."""
        return self.shelved.get((alarm.rule, alarm.subject))

    def hold_of(self, alarm: Alarm) -> Suppression | None:
        """What holds an alarm back, if it is shelved."""
        shelf = self.find(alarm)
        return Suppression(SuppressionKind.SHELVED, shelf.until, shelf.reason, shelf.by) if shelf is not None else None

    def put(self, turn: Turn, alarm: Alarm, asked: SuppressionRequested) -> Refusal:
        """Shelve an open alarm, or say why not."""
        limit = self._longest(alarm)
        refusal = self._refusal(alarm, asked, limit)
        if refusal:
            return refusal
        shelf = Shelf(
            rule=alarm.rule,
            subject=alarm.subject,
            by=asked.person,
            at=turn.at,
            until=turn.at + (limit if asked.duration is None else asked.duration),
            once=asked.once,
            reason=asked.reason.strip()[:WORDS_MAX],
        )
        self.shelved[(alarm.rule, alarm.subject)] = shelf
        self._deadlines.set(("unshelve", alarm.rule, alarm.subject), shelf.until)
        turn.effects.append(_changed(turn, shelf, "began", asked.person, shelf.reason))
        return ""

    def _refusal(self, alarm: Alarm, asked: SuppressionRequested, limit: timedelta) -> Refusal:
        if limit <= timedelta(0) or alarm.test or alarm.drill:
            return why.NEVER_SHELVED
        refusal = span_refusal(asked.duration, limit, why.TOO_LONG) or ("" if asked.reason.strip() else why.NO_REASON)
        if refusal:
            return refusal
        if self.find(alarm) is not None:
            return why.SHELVED_ALREADY
        if asked.once and not alarm.active:
            return why.NOT_ACTIVE
        return why.TOO_MANY if len(self.shelved) >= SHELVES_MAX else ""

    def _longest(self, alarm: Alarm) -> timedelta:
        if alarm.category.endangers_people:
            return timedelta(0)
        rule = self._rules.get(alarm.rule)
        return rule.shelve_max if rule is not None else SHELVE_MAX

    def take(self, turn: Turn, shelf: Shelf, by: str, reason: str) -> None:
        """It is shelved no more."""
        del self.shelved[(shelf.rule, shelf.subject)]
        self._deadlines.cancel(("unshelve", shelf.rule, shelf.subject))
        turn.effects.append(_changed(turn, shelf, "ended", by, reason))


def _changed(turn: Turn, shelf: Shelf, change: Began, by: str, reason: str) -> SuppressionChanged:
    said = SuppressionChanged(at=turn.at, reason=reason, kind=SuppressionKind.SHELVED, change=change, by=by)
    return replace(said, rule=shelf.rule, subject=shelf.subject, until=shelf.until)
