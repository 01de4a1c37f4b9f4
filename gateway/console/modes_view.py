"""What the page of modes says, computed from a home's engine and its recent journal as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from gateway.console.board import person_words, subject_words, zone_words
from gateway.console.items import report_words
from gateway.console.parts import ShownEngine
from gateway.console.texts import Words
from gateway.record.record import JournalEntry
from rules.alarm import Category
from rules.drill import TimingSheet
from rules.effects import DrillChanged
from rules.site import Site

DRILLED = (Category.FIRE, Category.GAS, Category.PERSON)
SHEETS_MAX = 5


class DrillView(msgspec.Struct, frozen=True):
    """The drill that runs."""

    incident: str
    device: str
    by: str
    started_at: datetime
    ends_at: datetime


class HeldLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is held back, and how it is ended."""

    kind: str
    what: str
    by: str
    until: datetime
    reason: str
    substitute: str = ""
    action: str
    target: str


class SheetView(msgspec.Struct, frozen=True, kw_only=True):
    """The timing sheet of a drill that is over. The seconds are words, or "" where it did not happen."""

    device: str
    at: datetime
    because: str
    complete: bool
    told: tuple[str, ...]
    spans: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, str, str, str], ...]


class ChosenAlarm(msgspec.Struct, frozen=True):
    """The alarm that somebody came here for."""

    id: str
    device: str
    title: str
    name: str
    can_be_shelved: bool
    can_be_out: bool


def drill_view(site: Site, engine: ShownEngine, words: Words) -> DrillView | None:
    """The drill that runs, or None."""
    drill = engine.drills.running
    if drill is None:
        return None
    device = subject_words(engine, drill.device, words)
    return DrillView(drill.incident, device, person_words(site, drill.by), drill.started_at, drill.ends_at)


def held_lines(site: Site, engine: ShownEngine, words: Words) -> list[HeldLine]:
    """What is held back, the soonest to end first."""
    held = engine.suppressions.held()
    lines = [
        HeldLine(
            kind="shelved",
            what=f"{_rule_words(engine, shelf.rule, words)} · {subject_words(engine, shelf.subject, words)}",
            by=person_words(site, shelf.by),
            until=shelf.until,
            reason=shelf.reason,
            action="unshelve",
            target=f"{shelf.rule} {shelf.subject}",
        )
        for shelf in held.shelves
    ]
    lines += [
        HeldLine(
            kind="out_of_service",
            what=subject_words(engine, out.device, words),
            by=f"{person_words(site, out.by)} + {person_words(site, out.confirmed_by)}",
            until=out.until,
            reason=out.reason,
            substitute=out.substitute,
            action="return",
            target=out.device,
        )
        for out in held.devices
    ]
    lines += [
        HeldLine(
            kind="maintenance",
            what=", ".join(zone_words(site, zone, words) for zone in work.zones) or words("walk.scope_all"),
            by=" + ".join(person_words(site, each) for each in (work.by, work.confirmed_by) if each),
            until=work.until,
            reason=work.reason,
            action="maintenance-end",
            target=work.id,
        )
        for work in held.maintenances
    ]
    return sorted(lines, key=lambda line: line.until)


def _rule_words(engine: ShownEngine, rule: str, words: Words) -> str:
    found = engine.rules.get(rule)
    return found.title.in_language(words.language) if found is not None else rule


def last_drills(site: Site, engine: ShownEngine, entries: Sequence[JournalEntry], words: Words) -> list[SheetView]:
    """The sheets of the last drills in the recent journal, the newest first."""
    found = [
        _sheet(site, engine, effect, effect.sheet, words)
        for entry in entries
        for effect in entry.effects
        if isinstance(effect, DrillChanged) and effect.sheet is not None
    ]
    return sorted(found, key=lambda sheet: sheet.at, reverse=True)[:SHEETS_MAX]


def _sheet(site: Site, engine: ShownEngine, effect: DrillChanged, sheet: TimingSheet, words: Words) -> SheetView:
    spans = (
        ("told", sheet.told_s),
        ("acknowledged", sheet.acknowledged_s),
        ("verdict", sheet.verdict_s),
        ("reset", sheet.reset_s),
    )
    return SheetView(
        device=subject_words(engine, effect.drill.device, words),
        at=effect.drill.started_at,
        because=words.reason(effect.drill.ended_because),
        complete=sheet.complete,
        told=tuple(person_words(site, person) for person in sheet.told),
        spans=tuple((words.event(name), "" if after is None else f"{after:g} s") for name, after in spans),
        lines=tuple(
            (
                f"{line.after_s:g} s",
                words.event(line.event),
                person_words(site, line.who),
                report_words(line.detail, words) if line.event == "report" else "",
            )
            for line in sheet.lines
            if line.event != "opened"
        ),
    )


def chosen_alarm(engine: ShownEngine, alarm_id: str, words: Words) -> ChosenAlarm | None:
    """The open alarm of this id, with what may be done to it."""
    alarm = engine.alarms.get(alarm_id)
    if alarm is None or alarm.test or alarm.drill:
        return None
    return ChosenAlarm(
        alarm.id,
        alarm.subject,
        alarm.title.in_language(words.language),
        subject_words(engine, alarm.subject, words),
        not alarm.category.endangers_people,
        engine.suppressions.can_be_out(alarm.subject),
    )
