"""One incident or alarm as a page shows it: its alarms, its people, its timeline, open or just over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from gateway.console.board import Row, alarm_row, incident_row, person_words, raised_value, subject_words
from gateway.console.outcomes import findings_of, stage_words
from gateway.console.parts import ShownEngine
from gateway.console.texts import Words
from gateway.record.record import JournalEntry
from rules import troubles
from rules.alarm import Alarm, SuppressionKind, shown_state
from rules.details import detail_in
from rules.effects import AlarmChanged, IncidentChanged
from rules.incident import Incident, Step
from rules.site import Site

TIMELINE_MAX = 200


class AlarmLine(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm of an incident."""

    id: str
    title: str
    device: str
    since: datetime
    state: str
    active: bool
    value: str = ""
    detail: str = ""
    trusted: bool = True
    found: bool = False
    late: bool = False


class TimelineLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of what happened, in words."""

    at: datetime
    event: str
    who: str = ""
    detail: str = ""


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """One incident or alarm, whole. `open` False: it is over, and shown as the journal last had it."""

    row: Row
    alarms: tuple[AlarmLine, ...]
    timeline: tuple[TimelineLine, ...]
    told: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    verdict: str = ""
    verdict_times: tuple[tuple[str, datetime], ...] = ()
    verdict_due: bool = False
    findings: tuple[str, ...] = ()
    stage: str = ""
    verify_at: datetime | None = None
    spread: tuple[tuple[str, datetime], ...] = ()
    next_step_at: datetime | None = None
    open: bool = True
    ended_at: datetime | None = None
    ended_by: str = ""
    incident: str = ""

    @property
    def untrusted(self) -> bool:
        """Whether a reset asks for a look on site, because a clear of an alarm cannot be trusted."""
        return any(not alarm.trusted for alarm in self.alarms)


def incident_alarms(engine: ShownEngine, incident: Incident) -> list[Alarm]:
    """The open alarms of an incident, the first one first."""
    alarms = [alarm for alarm in engine.alarms.values() if alarm.incident == incident.id]
    return sorted(alarms, key=lambda alarm: (alarm.raised_at, alarm.id))


def incident_item(
    site: Site, engine: ShownEngine, incident: Incident, alarms: Sequence[Alarm], words: Words, ended_by: str = ""
) -> ItemView:
    """An incident as a page shows it."""
    calling = [alarm for alarm in alarms if alarm.suppression.kind is SuppressionKind.NONE]
    verdict = ""
    if incident.verdict is not None:
        judged = incident.verdict
        found = words(f"finding.{judged.finding}") if judged.finding else words(f"verdict.{judged.kind}")
        parts = (found, judged.cause, person_words(site, judged.by))
        verdict = " · ".join(part for part in parts if part)
    return ItemView(
        row=incident_row(site, engine, incident, calling or alarms, words),
        alarms=tuple(_alarm_line(engine, alarm, words) for alarm in alarms),
        timeline=timeline_lines(site, engine, incident.timeline, words),
        told=tuple(person_words(site, person) for person in incident.told),
        procedures=_procedures(engine, alarms, words),
        verdict=verdict,
        verdict_times=incident.verdict.times if incident.verdict is not None else (),
        verdict_due=not incident.may_be_reset,
        findings=findings_of(incident.category, drill=bool(incident.drill)),
        stage=stage_words(incident, words),
        verify_at=incident.verify_at,
        spread=tuple((subject_words(engine, each.subject, words), each.at) for each in incident.spread),
        next_step_at=incident.next_step_at,
        open=incident.closed_at is None,
        ended_at=incident.closed_at,
        ended_by=person_words(site, ended_by) if ended_by else "",
        incident=incident.id,
    )


def alarm_item(site: Site, engine: ShownEngine, alarm: Alarm, words: Words, ended_by: str = "") -> ItemView:
    """An alarm as a page of its own."""
    steps = [Step(alarm.raised_at, "raised", alarm.rule, alarm.detail)]
    if alarm.acknowledged is not None:
        steps.append(Step(alarm.acknowledged.at, "acknowledged", alarm.acknowledged.by))
    if alarm.cleared_at is not None:
        steps.append(Step(alarm.cleared_at, "cleared"))
    return ItemView(
        row=alarm_row(site, engine, alarm, words),
        findings=findings_of(alarm.category, drill=bool(alarm.drill)),
        alarms=(_alarm_line(engine, alarm, words),),
        timeline=timeline_lines(site, engine, sorted(steps, key=lambda step: step.at), words),
        procedures=_procedures(engine, [alarm], words),
        open=alarm.open,
        ended_at=alarm.closed_at,
        ended_by=person_words(site, ended_by) if ended_by else "",
        incident=alarm.incident,
    )


def timeline_lines(site: Site, engine: ShownEngine, steps: Sequence[Step], words: Words) -> tuple[TimelineLine, ...]:
    """A timeline in words, the newest first; beyond 200 lines the oldest are left off."""
    people = {person.id for person in site.people}
    lines = []
    for step in steps[-TIMELINE_MAX:]:
        # `who` is a rule where a device spoke, and a person where one acted or was told.
        rule = engine.rules.get(step.who) if step.who not in people else None
        title = rule.title if rule is not None else troubles.title_of(step.who)
        who = title.in_language(words.language) if title is not None else person_words(site, step.who)
        subject, _, rest = step.detail.partition(" ")
        detail = step.detail
        if subject in engine.devices:
            shown = "" if rest.lower() in ("true", "false") else rest
            detail = f"{subject_words(engine, subject, words)} {shown}".strip()
        elif subject.startswith(("source:", "link:")):
            detail = f"{words.link(subject)} {detail_in(rest, words.language)}".strip()
        elif step.event == "verdict" and subject in ("real", "false", "test"):
            detail = f"{words(f'verdict.{subject}')} {rest}".strip()
        elif step.event in ("told", "told_over"):
            detail = words.purpose(step.detail)
        elif step.event == "report":
            detail = report_words(step.detail, words)
        else:
            detail = detail_in(step.detail, words.language)
        event = words.event(step.event)
        # A step whose reason is its name says it once.
        lines.append(TimelineLine(at=step.at, event=event, who=who, detail="" if detail == event else detail))
    return tuple(reversed(lines))


def report_words(detail: str, words: Words) -> str:
    """`push: accepted …`, as the engine writes a delivery report, with the outcome in words."""
    channel, colon, rest = detail.partition(": ")
    outcome, _, more = rest.partition(" ")
    return f"{channel}{colon}{words.outcome(outcome)} {more}".strip()


def closed_incident(entries: Iterable[JournalEntry], incident_id: str) -> tuple[Incident, list[Alarm], str] | None:
    """An incident that is over, as the recent journal has it: its last state, its alarms and who ended it."""
    last: Incident | None = None
    by = ""
    steps: list[Step] = []
    alarms: dict[str, Alarm] = {}
    for entry in oldest_first(entries):
        for effect in entry.effects:
            if isinstance(effect, IncidentChanged) and effect.incident.id == incident_id:
                last, by = effect.incident, effect.by
                # An effect carries only what was added to the timeline, and the whole of it at the close.
                steps += [step for step in effect.incident.timeline if step not in steps[-TIMELINE_MAX:]]
            elif isinstance(effect, AlarmChanged) and effect.alarm.incident == incident_id:
                alarms[effect.alarm.id] = effect.alarm
    if last is None:
        return None
    # Where the first lines lie before what the history holds, the close brings them last.
    steps.sort(key=lambda step: step.at)
    return msgspec.structs.replace(last, timeline=tuple(steps)), list(alarms.values()), by


def closed_alarm(entries: Iterable[JournalEntry], alarm_id: str) -> tuple[Alarm, str] | None:
    """An alarm that is over, as the recent journal has it, and who ended it."""
    found: tuple[Alarm, str] | None = None
    for entry in oldest_first(entries):
        for effect in entry.effects:
            if isinstance(effect, AlarmChanged) and effect.alarm.id == alarm_id:
                found = effect.alarm, effect.by
    return found


def oldest_first(entries: Iterable[JournalEntry]) -> list[JournalEntry]:
    """The entries of one stream in the order in which they happened; a journal gives its newest first."""
    return sorted(entries, key=lambda entry: entry.seq)


def _alarm_line(engine: ShownEngine, alarm: Alarm, words: Words) -> AlarmLine:
    return AlarmLine(
        id=alarm.id,
        title=alarm.title.in_language(words.language),
        device=subject_words(engine, alarm.subject, words),
        since=alarm.raised_at,
        state=words(f"state.{shown_state(alarm)}"),
        active=alarm.active,
        value=raised_value(alarm),
        detail=detail_in(alarm.detail, words.language),
        trusted=alarm.clears_are_trusted,
        found=alarm.found,
        late=alarm.late,
    )


def _procedures(engine: ShownEngine, alarms: Iterable[Alarm], words: Words) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for alarm in alarms:
        rule = engine.rules.get(alarm.rule)
        if rule is not None:
            text = rule.procedure.in_language(words.language)
            if text:
                found[text] = None
    return tuple(found)
