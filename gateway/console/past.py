"""What happened lately, in words: the recent journal as lines, and the devices as lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from math import ceil

import msgspec

from devices.catalog import PROFILES
from devices.reading import Kind, Value, find_point
from gateway.console.board import device_is_silent, person_words, raised_value, subject_words, zone_words
from gateway.console.cameras import CAMERA, camera_words
from gateway.console.cameras import POINTS as CAMERA_POINTS
from gateway.console.items import oldest_first
from gateway.console.parts import ShownEngine
from gateway.console.refusals import refusal_words
from gateway.console.texts import Words
from gateway.record.record import JournalEntry
from rules.alarm import Category
from rules.details import detail_in, packet_words
from rules.effects import (
    AlarmChanged,
    AnyEffect,
    DrillChanged,
    DriveSounder,
    HandoverChanged,
    IncidentChanged,
    Notify,
    Refused,
    SuppressionChanged,
    WalkTestChanged,
)
from rules.inputs import (
    AnyInput,
    ClockStepped,
    DecodeFailed,
    EngineFaulted,
    GapExplained,
    LinkChanged,
    PacketRefused,
    SendReported,
    SiteChanged,
)
from rules.proof import Freshness, needs_proof
from rules.roster_words import post_name
from rules.site import Device, Site

LINES_MAX = 300
FRESHNESS_STEPS = 4


class PastLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history."""

    at: datetime
    home: str
    event: str
    subject: str = ""
    who: str = ""
    detail: str = ""
    category: Category | None = None


class DeviceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One device: when it was last heard, its own limit, what it says, and whether that may be believed."""

    id: str
    name: str
    kind: str
    zone: str
    zone_name: str
    heard_at: datetime | None
    limit_s: float
    state: str
    alarmed: bool
    values: tuple[tuple[str, str], ...]
    relied_on: bool = False
    proven_at: datetime | None = None
    freshness: int = 0
    due_s: float = 0.0


def past_lines(entries: Iterable[JournalEntry], site: Site, engine: ShownEngine | None, words: Words) -> list[PastLine]:
    """The newest 300 lines of the recent journal of one home, oldest first."""
    lines: list[PastLine] = []
    for entry in oldest_first(entries):
        line = _input_line(entry.input, entry.at, site, words)
        if line is not None:
            lines.append(line)
        for effect in entry.effects:
            lines.extend(_effect_lines(effect, site, engine, words))
    return lines[-LINES_MAX:]


def _input_line(happened: AnyInput, at: datetime, site: Site, words: Words) -> PastLine | None:
    def line(event: str, subject: str = "", who: str = "", detail: str = "") -> PastLine:
        return PastLine(at=at, home=site.id, event=words.event(event), subject=subject, who=who, detail=detail)

    match happened:
        case LinkChanged():
            detail = detail_in(happened.detail, words.language)
            return line("link_up" if happened.up else "link_down", words.link(happened.link), detail=detail)
        case SendReported():
            who = person_words(site, happened.person)
            return line("report", happened.channel, who, f"{words.outcome(happened.outcome)} {happened.detail}".strip())
        case DecodeFailed():
            detail = packet_words(happened.kind, happened.reason, words.language)
            return line("decode_failed", happened.device or happened.topic, detail=detail)
        case PacketRefused():
            detail = packet_words(happened.kind, happened.reason, words.language)
            return line("packet_refused", happened.topic, detail=detail)
        case SiteChanged():
            return line("site_changed", detail=happened.ruleset[:12])
        case ClockStepped():
            return line("clock_stepped", detail=f"{(happened.new - happened.old).total_seconds():+.1f} s")
        case EngineFaulted():
            return line("engine_faulted", happened.device, detail=f"{happened.fault_id} {happened.error}".strip())
        case GapExplained():
            who = person_words(site, happened.person)
            return line("gap_explained", words("quality.gap_row", row=happened.row), who, happened.reason)
        case _:
            return None


def _effect_lines(effect: AnyEffect, site: Site, engine: ShownEngine | None, words: Words) -> Iterator[PastLine]:
    def line(
        event: str, subject: str = "", who: str = "", detail: str = "", category: Category | None = None
    ) -> PastLine:
        return PastLine(
            at=effect.at,
            home=site.id,
            event=words.event(event),
            subject=subject,
            who=person_words(site, who) if who else "",
            detail=detail,
            category=category,
        )

    match effect:
        case AlarmChanged(alarm=alarm):
            device = subject_words(engine, alarm.subject, words) if engine is not None else alarm.subject
            subject = f"{alarm.title.in_language(words.language)} · {device}"
            detail = raised_value(alarm) or _why(effect, engine, words)
            yield line(effect.change.value, subject, effect.by, detail, alarm.category)
        case IncidentChanged(incident=incident) if effect.change in ("closed", "verdict", "silenced", "escalated"):
            verdict = incident.verdict
            detail = detail_in(effect.reason, words.language)
            if effect.change == "verdict" and verdict is not None:
                found = words(f"finding.{verdict.finding}" if verdict.finding else f"verdict.{verdict.kind}")
                detail = f"{found} {verdict.cause}".strip()
            yield line(effect.change, zone_words(site, incident.zone, words), effect.by, detail, incident.category)
        case Notify():
            yield line("notify", effect.channel, effect.person, words.purpose(effect.purpose), effect.incident.category)
        case DriveSounder():
            zone = zone_words(site, effect.zone, words) if effect.zone else ""
            yield line("sounder", zone, detail=words.pattern(effect.pattern))
        case WalkTestChanged():
            device = subject_words(engine, effect.device, words) if engine is not None and effect.device else ""
            yield line(f"walk_test_{effect.change}", device, effect.by, words.reason(effect.reason))
        case HandoverChanged(handover=handover):
            event = "handed_over" if effect.change == "handed_over" else "handover_refused"
            post = post_name(site, handover.post).in_language(words.language)
            names = f"{person_words(site, handover.outgoing)} → {person_words(site, handover.incoming)}"
            detail = " · ".join(part for part in (names, handover.refused_because, handover.note) if part)
            yield line(event, post, effect.by, detail)
        case DrillChanged(drill=drill):
            device = subject_words(engine, drill.device, words) if engine is not None else drill.device
            yield line(f"drill_{effect.change}", device, effect.by, words.reason(effect.reason), drill.category)
        case SuppressionChanged():
            kind = "maintenance" if effect.mode else effect.kind.value
            subject = subject_words(engine, effect.subject, words) if engine is not None and effect.subject else ""
            by = "、".join(person_words(site, one) for one in (effect.by, effect.confirmed_by) if one)
            yield line(f"{kind}_{effect.change}", subject, by, words.reason(effect.reason))
        case Refused():
            reason = effect.reason if engine is None else refusal_words(site, engine, effect.reason, words)
            yield line("not_done", words.verb(effect.verb), effect.person, reason)
        case _:
            return


def _why(effect: AlarmChanged, engine: ShownEngine | None, words: Words) -> str:
    """Why an alarm changed: the title of its rule stands in the line already, ids of rules say nothing to a person."""
    if effect.reason == effect.alarm.rule or (engine is not None and effect.reason in engine.rules):
        return detail_in(effect.alarm.detail, words.language)
    return detail_in(words.reason(effect.reason), words.language)


def value_words(point: str, value: Value, words: Words) -> tuple[str, str]:
    """A point's name and value for a person."""
    known = find_point(point)
    name = point if known is None else (known.en if words.language == "en" else known.zh)
    match = point.rpartition(".")[2]
    if known is not None and match.isdigit():
        name += f" {match}"
    if isinstance(value, bool):
        return name, words("value.yes" if value else "value.no")
    if isinstance(value, str):
        return name, value[:80]
    unit = known.unit if known is not None and known.kind is not Kind.STATE else ""
    return name, f"{value:.6g} {unit}".strip()


def kind_words(kind: str, words: Words) -> str:
    """A kind of device, as the catalogue names it."""
    profile = PROFILES.get(kind)
    return kind if profile is None else profile.en if words.language == "en" else profile.zh


def freshness_step(fresh: Freshness, kind: str, proven_at: datetime | None, now: datetime) -> int:
    """How green a proof still is: 4 just proven, 1 soon due, 0 due or never."""
    return ceil(fresh.left(kind, proven_at, now) * FRESHNESS_STEPS)


def _due_s(fresh: Freshness, kind: str, proven_at: datetime | None, now: datetime) -> float:
    due_at = fresh.due_at(kind, proven_at)
    return 0.0 if due_at is None else (due_at - now).total_seconds()


def _natural(name: str) -> list[tuple[int, str]]:
    """An order in which smoke-2 stands before smoke-10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _shown_values(
    device: Device, values: Mapping[str, Value], heard_at: datetime | None, now: datetime, words: Words
) -> tuple[tuple[str, str], ...]:
    """What a device says, in words; a camera's state first, and in words of its own."""
    camera = device.kind == CAMERA
    shown = [
        value_words(point, value, words)
        for point, value in sorted(values.items())
        if point.isprintable() and not (camera and point in CAMERA_POINTS)
    ]
    if not camera:
        return tuple(shown)
    since_s = (now - heard_at).total_seconds() if heard_at is not None else 0.0
    return (*camera_words(values, since_s, words), *shown)


def device_lines(
    site: Site,
    engine: ShownEngine,
    now: datetime,
    zone: str,
    words: Words,
    fresh: Freshness | None = None,
    last_values: Callable[[str, str], Mapping[str, Value]] | None = None,
) -> list[DeviceLine]:
    """The devices of a home (or of one zone of it): alarmed ones first, then silent, never heard, and the rest."""
    alarmed = {alarm.subject for alarm in engine.alarms.values()}
    fresh = fresh or Freshness()
    lines = []
    for state in engine.devices.values():
        device = state.device
        if zone and device.zone != zone:
            continue
        if state.heard_at is None:
            shown = "never"
        elif device_is_silent(state, now):
            shown = "silent"
        else:
            shown = "alarm" if device.id in alarmed else "heard"
        # The engine knows the points that rules watch; what else the device says is worth a look, too.
        said = last_values(site.id, device.id) if last_values is not None else {}
        lines.append(
            DeviceLine(
                id=device.id,
                name=subject_words(engine, device.id, words),
                kind=kind_words(device.kind, words),
                zone=device.zone,
                zone_name=zone_words(site, device.zone, words),
                heard_at=state.heard_at,
                limit_s=device.silence_limit.total_seconds(),
                state=shown,
                alarmed=device.id in alarmed,
                values=_shown_values(device, {**state.values, **said}, state.heard_at, now, words),
                relied_on=needs_proof(device),
                proven_at=state.proven_at,
                freshness=freshness_step(fresh, device.kind, state.proven_at, now),
                due_s=_due_s(fresh, device.kind, state.proven_at, now),
            )
        )
    order = ("alarm", "silent", "never", "heard")
    return sorted(lines, key=lambda line: (order.index(line.state), line.zone, _natural(line.id)))
