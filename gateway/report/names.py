"""What a person calls a home's devices, places and times in a report: names of the site file instead of ids."""

from __future__ import annotations

from datetime import datetime

from rules import place
from rules.schedule import local_time
from rules.site import Site


class SiteNames:
    """The names of one home in one language; what the site file does not name stays as it is called."""

    def __init__(self, site: Site, language: str) -> None:
        self._site = site
        self._language = language
        self._devices = {device.id: device for device in site.devices}
        self._zones = {zone.id: zone for zone in site.zones}

    def subject(self, subject: str) -> str:
        """What an alarm is about: a device with its room, or a place."""
        device = self._devices.get(subject)
        if device is None:
            return place.subject_words(subject, self._language)
        name = device.name.in_language(self._language)
        return " · ".join(part for part in (device.room, name) if part) or subject

    def zone(self, zone: str) -> str:
        """A zone's name."""
        known = self._zones.get(zone)
        return (known.name.in_language(self._language) if known is not None else "") or zone

    def local(self, at: datetime) -> datetime:
        """The time on the wall of the home, without a zone."""
        return local_time(at, self._site.offsets)

    def span(self, begin: datetime, end: datetime) -> str:
        """From when to when, by the home's time, with the zone's name."""
        return f"{self.local(begin):%Y-%m-%d %H:%M} – {self.local(end):%Y-%m-%d %H:%M} {self._site.timezone}"
