"""Out of service (停用): devices, and places that rules speak of, of which nothing calls anybody for a while.

The one hold that also holds back dangers: it takes two persons, a reason and a substitute measure, and ends by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from rules import held_words as why
from rules.alarm import Alarm, Category, Suppression, SuppressionKind
from rules.alarms import Alarms
from rules.deadlines import Deadlines
from rules.effects import SuppressionChanged
from rules.incident import VerdictKind
from rules.incidents import Incidents
from rules.inputs import SuppressionRequested
from rules.site import Device, Site
from rules.supervision import DeviceState
from rules.suppression import (
    OUT_OF_SERVICE_COUNT_MAX,
    OUT_OF_SERVICE_MAX,
    WORDS_MAX,
    Began,
    OutOfService,
    Refusal,
    second_refusal,
    span_refusal,
)
from rules.turn import Turn

_DANGERS = frozenset(category.value for category in Category if category.endangers_people)


class ServiceBook:
    """The devices and places out of service."""

    def __init__(self, alarms: Alarms, incidents: Incidents, deadlines: Deadlines) -> None:
        self._alarms = alarms
        self._incidents = incidents
        self._deadlines = deadlines
        self._devices: Mapping[str, Device] = {}
        self._people: frozenset[str] = frozenset()
        self.out: dict[str, OutOfService] = {}

    def configure(self, site: Site, places: Mapping[str, DeviceState]) -> None:
        """The site, and the places of which its rules speak."""
        self._devices = {place: state.device for place, state in places.items()}
        self._devices |= {device.id: device for device in site.devices}
        self._people = frozenset(person.id for person in site.people)

    def on_site(self, turn: Turn) -> None:
        """Behind a new site: what is gone is out of service no more."""
        for device in [device for device in self.out if device not in self._devices]:
            self._end(turn, self.out[device], "", why.GONE)

    def knows(self, subject: str) -> bool:
        """Whether this is a device of the site, or a place of which a rule speaks."""
        return subject in self._devices

    def hold_of(self, alarm: Alarm) -> Suppression | None:
        """What holds an alarm back, if its device or place is out of service."""
        out = self.out.get(alarm.subject)
        return Suppression(SuppressionKind.OUT_OF_SERVICE, out.until, out.reason, out.by) if out is not None else None

    def take_out(self, turn: Turn, device: str, asked: SuppressionRequested) -> Refusal:
        """Take a device out of service, or say why not."""
        refusal = self._refusal(device, asked)
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
        self.out[device] = out
        self._deadlines.set(("return", device), until)
        turn.effects.append(_changed(turn, out, "began", asked.person, out.reason))
        return ""

    def _refusal(self, device: str, asked: SuppressionRequested) -> Refusal:
        known = self._devices.get(device)
        if known is None:
            return why.NO_DEVICE
        if device in self.out:
            return why.OUT_ALREADY
        if not asked.reason.strip():
            return why.NO_REASON
        if not asked.substitute.strip():
            return why.NO_SUBSTITUTE
        refusal = second_refusal(asked.person, asked.confirmed_by, self._people, why.NO_SECOND)
        refusal = refusal or span_refusal(asked.duration, OUT_OF_SERVICE_MAX, why.OUT_TOO_LONG)
        if refusal:
            return refusal
        if any(self._is_unexplained_danger(alarm) for alarm in self._alarms.about(device)):
            return why.DANGER_OPEN
        watches = known.category in _DANGERS or known.kind == "manual_call"
        if watches and any(self._is_unexplained_danger(alarm) for alarm in self._alarms.dangers_in(known.zone)):
            return why.ZONE_IN_DANGER
        return why.TOO_MANY if len(self.out) >= OUT_OF_SERVICE_COUNT_MAX else ""

    def _is_unexplained_danger(self, alarm: Alarm) -> bool:
        """A detector in alarm is held back only when somebody took it on and found that there is no danger."""
        if not alarm.category.endangers_people or alarm.held:
            return False
        incident = self._incidents.open.get(alarm.incident)
        verdict = incident.verdict if incident is not None else None
        return alarm.acknowledged is None or verdict is None or verdict.kind is VerdictKind.REAL

    def bring_back(self, turn: Turn, device: str, by: str, reason: str) -> bool:
        """End it; False if the device is not out of service."""
        out = self.out.get(device)
        if out is not None:
            self._end(turn, out, by, reason)
        return out is not None

    def _end(self, turn: Turn, out: OutOfService, by: str, reason: str) -> None:
        del self.out[out.device]
        self._deadlines.cancel(("return", out.device))
        turn.effects.append(_changed(turn, out, "ended", by, reason))


def _changed(turn: Turn, out: OutOfService, change: Began, by: str, reason: str) -> SuppressionChanged:
    said = SuppressionChanged(at=turn.at, reason=reason, kind=SuppressionKind.OUT_OF_SERVICE, change=change, by=by)
    return replace(said, subject=out.device, until=out.until, substitute=out.substitute, confirmed_by=out.confirmed_by)
