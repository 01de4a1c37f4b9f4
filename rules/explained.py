"""Alarms that another alarm explains (suppressed by design): a bridge that is lost, the mains that failed.

One message tells of the cause; what it explains is raised, on record and shown, and named in the cause's incident. When
the cause is over, what has not recovered after `SETTLES_AFTER` calls people on its own.
"""

from __future__ import annotations

from rules.alarm import Alarm, SuppressionKind
from rules.alarms import Alarms
from rules.deadlines import Deadlines
from rules.incidents import Incidents
from rules.rule import Rule
from rules.site import Device, Site
from rules.suppression import SETTLES_AFTER
from rules.turn import Turn

MAINS = "power.mains"
"""The point whose alarm explains what fails in the whole building."""

BROKER = "link:broker:"
ALARM_TOPICS = "alarm-topics"
"""The connection on which alarms go out: nothing is heard over it."""

_CHAIN_MAX = 8


class Explained:
    """Which open alarm explains which other one, by `suppressed_by` of the rules."""

    def __init__(self, alarms: Alarms, incidents: Incidents, deadlines: Deadlines) -> None:
        self._alarms = alarms
        self._incidents = incidents
        self._deadlines = deadlines
        self._rules: dict[str, Rule] = {}
        self._explaining: dict[str, set[str]] = {}
        self._devices: dict[str, Device] = {}
        self._buildings: dict[str, str] = {}
        self._causes: dict[str, set[str]] = {}

    def configure(self, site: Site, rules: dict[str, Rule]) -> None:
        """The rules, and what lies where."""
        self._rules = rules
        self._explaining = {}
        for rule in rules.values():
            for cause in rule.suppressed_by:
                self._explaining.setdefault(cause, set()).add(rule.id)
        self._devices = {device.id: device for device in site.devices}
        self._buildings = {zone.id: zone.building for zone in site.zones}
        self._causes = {}
        for alarm in self._alarms.open.values():
            self._remember(alarm)

    def _remember(self, alarm: Alarm) -> None:
        if alarm.rule in self._explaining:
            self._causes.setdefault(alarm.rule, set()).add(alarm.subject)

    def cause_of(self, alarm: Alarm) -> str:
        """The id of the active alarm that explains this one, or ""."""
        rule = self._rules.get(alarm.rule)
        for named in rule.suppressed_by if rule is not None else ():
            for subject in sorted(self._causes.get(named, ())):
                cause = self._alarms.find(named, subject)
                if cause is not None and self._explains(cause, alarm):
                    return cause.id
        return ""

    def by(self, cause: Alarm) -> list[Alarm]:
        """The open alarms that call people and that nobody took on, which this alarm explains."""
        waiting = self._explaining.get(cause.rule)
        if not waiting:
            return []
        found = (a for a in self._alarms.open.values() if a.rule in waiting and not a.held and a.acknowledged is None)
        return [alarm for alarm in found if not alarm.category.endangers_people and self._explains(cause, alarm)]

    def note(self, turn: Turn, alarm: Alarm) -> None:
        """An alarm was raised: it may be a cause, and if it is explained, the cause's incident says so."""
        self._remember(alarm)
        root = self._root(alarm)
        if root is not None and root.id != alarm.id:
            self._incidents.on_explained(turn, root, alarm)

    def on_over(self, turn: Turn, cause: Alarm) -> None:
        """A cause is active no more: what it explained has a while to recover."""
        if cause.rule not in self._explaining:
            return
        if any(alarm.suppression.cause == cause.id for alarm in self._alarms.open.values()):
            self._deadlines.set(("explained", cause.id), turn.at + SETTLES_AFTER)
        if cause.closed_at is not None:
            self._causes.get(cause.rule, set()).discard(cause.subject)

    def left_by(self, cause: str) -> list[Alarm]:
        """The open alarms that this one explained."""
        return [alarm for alarm in self._alarms.open.values() if alarm.suppression.cause == cause]

    def _explains(self, cause: Alarm, alarm: Alarm) -> bool:
        if not cause.active or cause.test or cause.drill or cause.id == alarm.id:
            return False
        root = self._root(cause)
        # Two that name each other must not hide each other: somebody hears of the first in the chain.
        return root is not None and root.id != alarm.id and self._is_near(cause, alarm)

    def _root(self, alarm: Alarm) -> Alarm | None:
        """The alarm at the end of the chain of causes: the one that people hear of."""
        for _ in range(_CHAIN_MAX):
            if alarm.suppression.kind is not SuppressionKind.BY_DESIGN or not alarm.suppression.cause:
                return alarm
            cause = self._alarms.open.get(alarm.suppression.cause)
            if cause is None:
                return None
            alarm = cause
        return None

    def _is_heard_over(self, device: Device, broker: str) -> bool:
        """Whether a device is heard over a broker: by the name of its source, or any where no source has that name."""
        sources = {each.source for each in self._devices.values()}
        return device.source == broker if broker in sources else broker != ALARM_TOPICS

    def _is_near(self, cause: Alarm, alarm: Alarm) -> bool:
        """Whether the cause reaches that far: the same device or zone, its bridge, its broker, its building."""
        if cause.subject == alarm.subject or alarm.zone in (cause.subject, cause.zone):
            return True
        device = self._devices.get(alarm.subject)
        speaker = self._devices.get(cause.subject)
        if device is not None:
            if speaker is not None and speaker.kind == "bridge" and speaker.source == device.source:
                return True
            if cause.subject.startswith(BROKER) and self._is_heard_over(device, cause.subject.removeprefix(BROKER)):
                return True
        if cause.point != MAINS:
            return False
        buildings = {self._buildings.get(cause.zone, ""), self._buildings.get(alarm.zone, "")}
        return len(buildings) == 1 or "" in buildings
