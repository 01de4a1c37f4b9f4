"""Line protocol by hand: what a journal entry looks like in the time-series store.

A row is a function of the journal alone, so that writing it twice is harmless. Readings are stored at their
report's `stored_at`. Rows of events (alarm, incident, delivery, gateway) are stored at their entry's instant in
whole ms; where one subject has several in one ms, each goes 1 ms behind the one before it, on the engine's time
line (which never goes back), and `shift_ms` is added last. To know "the one before it" after a start, the builder
is shown the entries just before the cursor again (`recall`).
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from devices.reading import Kind, Quality, Report, find_point
from gateway.record.record import JournalEntry
from rules.alarm import Alarm, shown_state
from rules.effects import AlarmChanged, Change, IncidentChanged, Notify
from rules.inputs import LinkChanged, ReadingsArrived, SendReported, SiteChanged
from rules.site import Site

EVENT_MEASUREMENTS: Final = frozenset({"alarm", "incident", "delivery", "gateway"})
HEARD_EVERY_MS: Final = 10_000
"""A home that speaks has one `gateway` row with `heard` in each such span: what "dark" is told from.

Every row of a device has `heard` too: the one field that all kinds share, for "when did each speak last".
"""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TEXT_MAX: Final = 500
_REMEMBERED_MAX: Final = 20_000
_LINE_BREAKS: Final = {10: 32, 13: 32}
_TEXT_POINTS: Final = frozenset({"button"})
_NUMERIC_TWINS: Final = {"video.online": "video.available"}
"""States that a dashboard has to average: InfluxQL cannot, so they are stored as 1.0 and 0.0 as well."""


def escape_key(text: str) -> str:
    """A tag key, tag value, field key or measurement as it may stand in a line; "" where nothing is left.

    A trailing backslash cannot be written on InfluxDB 1.x even doubled, and a raw line break ends the line.
    """
    plain = text.replace("\\", "/").translate(_LINE_BREAKS).strip()
    return plain.replace(",", r"\,").replace(" ", r"\ ").replace("=", r"\=")


def text_value(text: str) -> str:
    """A string as the value of a field, quoted, cut to 500 characters (VictoriaMetrics breaks lines inside quotes)."""
    plain = text[:_TEXT_MAX].translate(_LINE_BREAKS)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def whole_ms(at: datetime) -> int:
    """The instant in whole milliseconds since 1970."""
    return (at - _EPOCH) // _MILLISECOND


class _Field(msgspec.Struct, frozen=True, gc=False):
    """How one point is written: the type its values must have, and its parts of a line ready to be joined."""

    type: type
    prefix: str
    true: str = ""
    false: str = ""


_fields: dict[str, _Field] = {}


def _field(name: str) -> _Field | None:
    """The field of a point of the catalogue, kept from then on (the catalogue bounds them); None for other names."""
    point = find_point(name)
    if point is None:
        return None
    key = escape_key(name)
    if name in _TEXT_POINTS:
        field = _Field(str, f"{key}=")
    elif point.kind is Kind.STATE:
        twin = _NUMERIC_TWINS.get(name, "")
        true, false = (f",{twin}=1.0", f",{twin}=0.0") if twin else ("", "")
        field = _Field(bool, f"{key}=", f"{key}=true{true}", f"{key}=false{false}")
    else:
        field = _Field(float, f"{key}=")
    _fields[name] = field
    return field


def home_tags(site: Site) -> str:
    """The tags of a home, with a comma before each: every row has them."""
    return _tags((("county", site.county), ("town", site.town), ("home", site.id)))


def _tags(pairs: tuple[tuple[str, str], ...]) -> str:
    """`,key=value` of each pair; a pair without a value is omitted (an empty tag value is refused)."""
    return "".join(f",{key}={value}" for key, text in pairs if (value := escape_key(text)))


def _flag(value: bool) -> str:
    return "true" if value else "false"


class LineBuilder:
    """Turns the entries of one stream into lines. `counts` says what was written and what was left out, and why."""

    def __init__(self, site: Site, counts: Counter[str]) -> None:
        self.counts = counts
        self._last_ms: dict[str, int] = {}
        self._notified: dict[str, datetime] = {}
        self._heard = 0
        self.use(site)

    def use(self, site: Site) -> None:
        """From now on devices are found in this site."""
        self.site = site
        self._home = home_tags(site)
        self._heads: dict[str, str] = {}
        for device in site.devices:
            kind = escape_key(device.kind) or "other"
            if kind in EVENT_MEASUREMENTS:
                kind += "_device"
            self._heads[device.id] = f"{kind}{self._home}{_tags((('zone', device.zone), ('device', device.id)))} "

    def recall(self, entry: JournalEntry) -> None:
        """Take note of an entry that was written before, without writing or counting it again."""
        counts, self.counts = self.counts, Counter()
        self.add(entry, [])
        self.counts = counts

    def add(self, entry: JournalEntry, lines: list[str]) -> None:
        """Append the lines of one entry."""
        before = len(lines)
        happened = entry.input
        if type(happened) is ReadingsArrived:
            self._add_readings(entry, happened, lines)
        elif type(happened) is SiteChanged:
            self.use(happened.site)
        elif type(happened) is SendReported:
            self._add_report(entry, happened, lines)
        elif type(happened) is LinkChanged:
            self._add_link(entry, happened, lines)
        for effect in entry.effects:
            if type(effect) is AlarmChanged:
                self._add_alarm(entry, effect, lines)
            elif type(effect) is IncidentChanged:
                self._add_incident(entry, effect, lines)
            elif type(effect) is Notify:
                self._add_notify(entry, effect, lines)
        self.counts["rows"] += len(lines) - before

    def _add_readings(self, entry: JournalEntry, arrived: ReadingsArrived, lines: list[str]) -> None:
        if arrived.unregistered:
            self.counts["unregistered"] += len(arrived.reports)
            return
        shift = entry.shift_ms
        spoke = "" if arrived.retained else ",heard=1.0"  # what a broker kept was not said now
        heard = 0
        for position, report in enumerate(arrived.reports):
            head = self._heads.get(report.device)
            if head is None:
                self.counts["unknown_device"] += 1
                continue
            fields = self._fields_of(report)
            if fields:
                at_ms = heard = report.stored_at or whole_ms(entry.at) + position
                lines.append(f"{head}{fields}{spoke} {at_ms + shift}")
        span = heard // HEARD_EVERY_MS
        if span > self._heard and not arrived.retained:
            self._heard = span
            lines.append(f"gateway{self._home} heard=1.0 {span * HEARD_EVERY_MS + shift}")

    def _fields_of(self, report: Report) -> str:
        parts: list[str] = []
        suspects: list[str] = []
        for reading in report.readings:
            name, value = reading.point, reading.value
            field = _fields.get(name) or _field(name)
            if field is None:
                self.counts["unknown_point"] += 1
                continue
            if reading.quality:
                if reading.quality >= Quality.BAD:
                    self.counts["bad"] += 1
                    continue
                suspects.append(name)
            kind = type(value)
            if kind is not field.type and not (kind is int and field.type is float):
                self.counts["wrong_type"] += 1
            elif kind is float or kind is int:
                number = repr(float(value))
                if "n" in number:  # nan, inf, -inf: no version can store them
                    self.counts["not_finite"] += 1
                else:
                    parts.append(field.prefix + number)
            elif kind is bool:
                parts.append(field.true if value else field.false)
            else:
                parts.append(field.prefix + text_value(str(value)))
        if suspects and parts:
            self.counts["suspect"] += len(suspects)
            parts.append("suspect=" + text_value(",".join(suspects)))
        return ",".join(parts)

    def _event_ms(self, entry: JournalEntry, subject: str) -> int:
        """The stored instant of the next event row of `subject` (see the head of the module)."""
        at_ms = whole_ms(entry.at)
        last_ms = self._last_ms.get(subject, 0)
        own_ms = at_ms if at_ms > last_ms else last_ms + 1
        if len(self._last_ms) >= _REMEMBERED_MAX:
            self._last_ms = {name: ms for name, ms in self._last_ms.items() if ms >= at_ms}
        self._last_ms[subject] = own_ms
        return own_ms + entry.shift_ms

    def _add_alarm(self, entry: JournalEntry, effect: AlarmChanged, lines: list[str]) -> None:
        alarm = effect.alarm
        tags = (
            ("zone", alarm.zone),
            ("device", alarm.subject),
            ("category", alarm.category.value),
            ("rule", alarm.rule),
            ("change", effect.change.value),
        )
        fields = (
            f"id={text_value(alarm.id)},state={text_value(shown_state(alarm).value)}"
            f",open={_flag(alarm.open)},open_count={1.0 if alarm.open else 0.0}"
            f",active={_flag(alarm.active)},latched={_flag(alarm.latched)}"
            f",acknowledged={_flag(alarm.acknowledged is not None)}"
            f",suppression={text_value(alarm.suppression.kind.value)},priority={float(alarm.priority)!r}"
            f",drill={_flag(bool(alarm.drill))}"
            f",title={text_value(alarm.title.in_language('zh'))},value={text_value(alarm.value)}"
            f"{_durations(alarm, effect.change)}"
        )
        at_ms = self._event_ms(entry, f"alarm {alarm.subject} {alarm.rule}")
        lines.append(f"alarm{self._home}{_tags(tags)} {fields} {at_ms}")

    def _add_incident(self, entry: JournalEntry, effect: IncidentChanged, lines: list[str]) -> None:
        incident = effect.incident
        still_open = incident.closed_at is None
        # The words behind a colon are free text: as a tag they would grow without bound.
        change = effect.change.split(":", 1)[0][:32]
        tags = (("zone", incident.zone), ("category", incident.category.value), ("change", change))
        fields = (
            f"id={text_value(incident.id)},open={_flag(still_open)},open_count={1.0 if still_open else 0.0}"
            f",confirmed={_flag(incident.confirmed)},acknowledged={_flag(incident.acknowledged_at is not None)}"
            f",step={float(incident.step)!r},alarms={float(incident.alarm_count)!r}"
        )
        if incident.verdict is not None:
            fields += f",verdict={text_value(incident.verdict.kind.value)},cause={text_value(incident.verdict.cause)}"
        at_ms = self._event_ms(entry, f"incident {incident.zone} {incident.category.value}")
        lines.append(f"incident{self._home}{_tags(tags)} {fields} {at_ms}")

    def _add_notify(self, entry: JournalEntry, effect: Notify, lines: list[str]) -> None:
        if len(self._notified) >= _REMEMBERED_MAX:
            del self._notified[next(iter(self._notified))]
        self._notified[effect.message] = entry.at
        fields = (
            f"message={text_value(effect.message)},incident={text_value(effect.incident.id)}"
            f",person={text_value(effect.person)},purpose={text_value(effect.purpose)},step={float(effect.step)!r}"
        )
        self._add_delivery(entry, effect.channel, "asked", fields, lines)

    def _add_report(self, entry: JournalEntry, report: SendReported, lines: list[str]) -> None:
        fields = (
            f"message={text_value(report.message)},incident={text_value(report.incident)}"
            f",person={text_value(report.person)},final={_flag(report.final)}"
        )
        asked_at = self._notified.get(report.message)
        if asked_at is not None:
            fields += f",after={(entry.at - asked_at).total_seconds()!r}"
        self._add_delivery(entry, report.channel, report.outcome.value, fields, lines)

    def _add_delivery(self, entry: JournalEntry, channel: str, outcome: str, fields: str, lines: list[str]) -> None:
        at_ms = self._event_ms(entry, f"delivery {channel}")
        tags = _tags((("channel", channel), ("outcome", outcome)))
        lines.append(f"delivery{self._home}{tags} {fields} {at_ms}")

    def _add_link(self, entry: JournalEntry, changed: LinkChanged, lines: list[str]) -> None:
        at_ms = self._event_ms(entry, f"gateway {changed.link}")
        fields = (
            f"up={_flag(changed.up)},down_count={0.0 if changed.up else 1.0}"
            f",detail={text_value(changed.detail)},count={float(changed.count)!r}"
        )
        lines.append(f"gateway{self._home}{_tags((('link', changed.link),))} {fields} {at_ms}")


def _durations(alarm: Alarm, change: Change) -> str:
    """How long the answer, or the alarm, took, in seconds, on the row of the change that ended it."""
    if change is Change.ACKNOWLEDGED and alarm.acknowledged is not None:
        return f",acknowledged_after={(alarm.acknowledged.at - alarm.raised_at).total_seconds()!r}"
    if alarm.closed_at is not None:
        return f",closed_after={(alarm.closed_at - alarm.raised_at).total_seconds()!r}"
    return ""
