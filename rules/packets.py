"""Packets that are not readings, and readings that cannot be used: the engine's own alarms about them."""

from __future__ import annotations

from devices.reading import DANGER_POINTS, Quality, Report, Value
from rules import troubles
from rules.alarm import Category
from rules.alarms import Alarms
from rules.deadlines import Deadlines
from rules.details import coded
from rules.duty import Duty
from rules.inputs import ClockStepped, LinkChanged, PacketRefused
from rules.panel_words import panel_words
from rules.supervision import DeviceState
from rules.text import Text
from rules.turn import Turn


class PacketAlarms:
    """Raises, updates and clears what links, strangers, unreadable and refused packets and the clock give cause for."""

    def __init__(self, alarms: Alarms, deadlines: Deadlines) -> None:
        self._alarms = alarms
        self._deadlines = deadlines

    def trouble(self, turn: Turn, duty: Duty, rule: str, title: Text, subject: str, zone: str, detail: str) -> None:
        """A trouble about packets: raised once, its words renewed, over when none came for 10 minutes."""
        known = self._alarms.find(rule, subject)
        if known is not None:
            self._alarms.update(turn, known, detail)
        else:
            self._alarms.trip(turn, duty, troubles.packet_trouble(rule, title, subject, zone, detail))
        self._deadlines.set(("quiet", rule, subject), turn.at + troubles.CLEARS_AFTER)

    def quiet(self, turn: Turn, duty: Duty, rule: str, subject: str) -> None:
        """None came for 10 minutes."""
        known = self._alarms.find(rule, subject)
        if known is not None:
            self._alarms.clear(turn, duty, known, "none came for 10 minutes")

    def implausible(self, turn: Turn, duty: Duty, state: DeviceState, point: str, value: Value) -> None:
        """A value that may decide nothing."""
        rule, device = f"gateway.implausible.{point}", state.device
        self.trouble(turn, duty, rule, troubles.IMPLAUSIBLE, device.id, device.zone, f"{point} = {value}")

    def unreadable(
        self,
        turn: Turn,
        duty: Duty,
        state: DeviceState | None,
        subject: str,
        category: str,
        rule: str,
        detail: str,
    ) -> None:
        """A packet is lost to us. If its device watches for a danger, that danger is taken to be there."""
        zone = state.device.zone if state is not None else troubles.UNASSIGNED
        title = troubles.UNDECODABLE if rule == "gateway.undecodable" else troubles.FAULTED
        danger = troubles.danger(category)
        if danger is not None:
            self._alarms.trip(turn, duty, troubles.fallback(danger, subject, zone, detail))
            if state is not None:
                state.engaged = True
        self.trouble(turn, duty, rule, title, subject, zone, detail)

    def refused(self, turn: Turn, duty: Duty, happened: PacketRefused) -> None:
        """Packets that were not taken."""
        words = f"{happened.reason} ({happened.count})"
        detail = coded(happened.kind, happened.source, happened.topic, words)
        subject = f"source:{happened.source}"
        self.trouble(turn, duty, "gateway.refused", troubles.REFUSED, subject, troubles.UNASSIGNED, detail)

    def stranger(self, turn: Turn, duty: Duty, report: Report, *, found: bool) -> None:
        """A report of a device that the site does not name: its alarms count, its values do not."""
        for reading in report.readings:
            category = DANGER_POINTS.get(reading.point)
            if category is not None and reading.value is True and reading.quality is not Quality.BAD:
                words = panel_words(report, report.device)
                cause = troubles.stranger(
                    Category(category), report.device, reading.point, found=found, detail=words
                )
                if not found or self._alarms.is_news(cause.rule, cause.subject, report.measured_at):
                    self._alarms.trip(turn, duty, cause)

    def link(self, turn: Turn, duty: Duty, happened: LinkChanged) -> None:
        """A link or a part of the gateway went up or down."""
        cause = troubles.link_down(happened.link, happened.detail)
        known = self._alarms.find(cause.rule, cause.subject)
        if happened.up:
            if known is not None:
                self._alarms.clear(turn, duty, known, happened.detail)
        elif known is not None and known.active:
            self._alarms.update(turn, known, happened.detail)
        else:
            self._alarms.trip(turn, duty, cause)

    def clock(self, turn: Turn, duty: Duty, happened: ClockStepped) -> None:
        """The wall clock jumped."""
        detail = f"{happened.old.isoformat(timespec='seconds')} -> {happened.new.isoformat(timespec='seconds')}"
        if happened.first_sync:
            detail += " (first synchronisation after start)"
        self.trouble(turn, duty, "gateway.clock", troubles.STEPPED, "clock", "gateway", detail)
