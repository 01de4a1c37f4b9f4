"""Somebody came to a person in need (到场): resolved, unverified, until a person says what it was.

A radar that sees a second person, or a door that opens after a fall, is a hint and no answer (standards sheet 6.3): it
is shown and told, it ends no alarm, stops no call and gives no verdict. Of a fire it says nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules.alarm import Alarm, Category
from rules.alarms import Alarms
from rules.incidents import Incidents
from rules.index import place_of
from rules.rule import Per, Rule
from rules.site import Site
from rules.turn import Turn


class Attendance:
    """Knows which rules tell that somebody came (`attends`), and to which alarms of the same room."""

    def __init__(self, alarms: Alarms, incidents: Incidents) -> None:
        self._alarms = alarms
        self._incidents = incidents
        self._attends: dict[str, frozenset[str]] = {}
        self._rooms: dict[str, str] = {}
        alarms.attendance = self

    def configure(self, site: Site, rules: Iterable[Rule]) -> None:
        """The rules that tell it, and the rooms of the devices."""
        self._attends = {rule.id: frozenset(rule.attends) for rule in rules if rule.attends}
        self._rooms = {device.id: place_of(Per.ROOM, device) for device in site.devices}

    def on_raised(self, turn: Turn, alarm: Alarm) -> None:
        """An alarm was raised: it may tell that somebody is there now for all that is open in its room."""
        attended = self._attends.get(alarm.rule)
        if attended is None:
            return
        incident = self._incidents.find(alarm.zone, Category.PERSON)
        open_alarms = self._alarms.of_incident(incident.id) if incident is not None else []
        if incident is not None and all(self._is_there(alarm, one) and one.rule in attended for one in open_alarms):
            self._incidents.attend(turn, incident.id, alarm)

    def _is_there(self, alarm: Alarm, other: Alarm) -> bool:
        """Whether the one tells of the place of the other: of two who fell in two rooms only one has company."""
        return alarm.subject in (other.subject, self._rooms.get(other.subject))
