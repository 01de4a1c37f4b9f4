"""Maintenance (检修): work on a part of the home, where for a while nothing but dangers calls people.

Work where fire or gas detection stands also holds back what comes before a fire (smoke that rises, gas below the
alarm): it takes two persons, as a device out of service does. What calls already and nobody took on goes on calling.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from rules import held_words as why
from rules.alarm import Alarm, Category, Suppression, SuppressionKind
from rules.deadlines import Deadlines
from rules.effects import SuppressionChanged
from rules.inputs import ModeRequested
from rules.site import Device, Site
from rules.suppression import (
    MAINTENANCE_MAX,
    MAINTENANCES_MAX,
    WORDS_MAX,
    Began,
    Maintenance,
    Refusal,
    second_refusal,
    span_refusal,
)
from rules.turn import Turn

_DETECTION = frozenset((Category.FIRE.value, Category.GAS.value))


class Works:
    """The maintenances under way."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._devices: Mapping[str, Device] = {}
        self._zones: frozenset[str] = frozenset()
        self._people: frozenset[str] = frozenset()
        self.under_way: dict[str, Maintenance] = {}

    def configure(self, site: Site) -> None:
        """The site that scopes and persons are of."""
        self._devices = {device.id: device for device in site.devices}
        self._zones = frozenset(zone.id for zone in site.zones)
        self._people = frozenset(person.id for person in site.people)

    def hold_of(self, alarm: Alarm) -> Suppression | None:
        """What holds an alarm back, if a maintenance does."""
        for work in self.under_way.values():
            if work.covers(alarm.zone, alarm.subject):
                return Suppression(SuppressionKind.OUT_OF_SERVICE, work.until, work.reason or why.MAINTAINED, work.by)
        return None

    def begin(self, turn: Turn, asked: ModeRequested) -> Maintenance | Refusal:
        """The maintenance that a person asked for, or why not."""
        refusal = self._refusal(asked)
        if refusal:
            return refusal
        work = Maintenance(
            id=turn.mode_id("x"),
            by=asked.person,
            at=turn.at,
            until=turn.at + asked.time_limit,
            zones=tuple(dict.fromkeys(asked.zones)),
            devices=tuple(dict.fromkeys(asked.devices)),
            reason=asked.reason.strip()[:WORDS_MAX],
        )
        if self._covers_detection(work):
            refusal = second_refusal(asked.person, asked.confirmed_by, self._people, why.DETECTION)
            if refusal:
                return refusal
            work = replace(work, confirmed_by=asked.confirmed_by)
        self.under_way[work.id] = work
        self._deadlines.set(("maintenance", work.id), work.until)
        turn.effects.append(_changed(turn, work, "began", asked.person, work.reason))
        return work

    def _refusal(self, asked: ModeRequested) -> Refusal:
        refusal = span_refusal(asked.time_limit, MAINTENANCE_MAX, why.OUT_TOO_LONG)
        if refusal:
            return refusal
        if not asked.reason.strip():
            return why.NO_REASON
        if set(asked.zones) - self._zones or set(asked.devices) - self._devices.keys():
            return why.NO_PLACE
        return why.TOO_MANY if len(self.under_way) >= MAINTENANCES_MAX else ""

    def _covers_detection(self, work: Maintenance) -> bool:
        """Whether something that watches for fire or gas stands in the scope."""
        return any(
            (device.category in _DETECTION or device.kind == "manual_call") and work.covers(device.zone, device.id)
            for device in self._devices.values()
        )

    def end(self, turn: Turn, work: Maintenance, by: str, reason: str) -> None:
        """A maintenance is over."""
        del self.under_way[work.id]
        self._deadlines.cancel(("maintenance", work.id))
        turn.effects.append(_changed(turn, work, "ended", by, reason))


def _changed(turn: Turn, work: Maintenance, change: Began, by: str, reason: str) -> SuppressionChanged:
    said = SuppressionChanged(at=turn.at, reason=reason, kind=SuppressionKind.OUT_OF_SERVICE, change=change, by=by)
    return replace(said, mode=work.id, until=work.until, confirmed_by=work.confirmed_by)
