"""One incident as a phone shows it, behind a signed link or on an enrolled phone: what, where, who comes, what next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from starlette.responses import Response

from gateway.console.actions import Answer, Asked, Desk
from gateway.console.board import Row, incident_row, person_words
from gateway.console.holder import Holder
from gateway.console.items import ItemView, closed_incident, incident_alarms, incident_item
from gateway.console.parts import ConsoleParts, ShownEngine
from gateway.console.refusals import refusal_words
from gateway.console.render import Pages, Visit
from gateway.console.script_119 import script_of, who_need_help
from gateway.console.texts import Words
from rules.incident import Incident
from rules.inputs import Verb
from rules.procedure import steps_of
from rules.site import Person, Site, Until

DANGERS_MAX = 50
"""Further dangers that a page lists, the most urgent first; those beyond are counted on it."""
_COMES = ("acknowledged", "seconded", "coming_too", "support")


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What a page is about: the home, the incident (open, or just over) and the person whose page it is.

    A link to a group names nobody: its page asks who answers. Without an incident the recent record does not know it
    (too long ago, or lost in a restart): whether it is over nobody can say then.
    """

    site: Site
    engine: ShownEngine
    incident: Incident | None
    item: ItemView | None
    group: bool
    person: Person | None

    @property
    def is_open(self) -> bool:
        """Whether there is an incident, and it is not over."""
        return self.incident is not None and self.incident.closed_at is None


class TickLine(msgspec.Struct, frozen=True):
    """A step of a procedure on the page, and who did it when (None: nobody yet)."""

    rule: str
    step: int
    text: str
    by: str = ""
    at: datetime | None = None


class Coming(msgspec.Struct, frozen=True):
    """Somebody who said that they come, and when they said so last."""

    name: str
    at: datetime
    support: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a press: the status of the page, and what it says above everything."""

    status: int = 200
    problem: str = ""
    note: str = ""


class IncidentView:
    """Looks incidents up, takes them on for a person, and shows their page."""

    def __init__(self, parts: ConsoleParts, pages: Pages, desk: Desk) -> None:
        self._parts = parts
        self._pages = pages
        self._desk = desk

    async def look_up(self, home: str, incident_id: str, person_id: str, words: Words) -> Opened | None:
        """The incident as it is now; None where this gateway has no such home."""
        site = self._parts.sites.get(home)
        engine = self._parts.engines.get(home)
        if site is None or engine is None:
            return None
        incident = engine.incidents.get(incident_id)
        item = None
        if incident is not None:
            item = incident_item(site, engine, incident, incident_alarms(engine, incident), words)
        else:
            over = closed_incident(await self._parts.history(site.id), incident_id)
            if over is not None:
                incident = over[0]
                item = incident_item(site, engine, incident, over[1], words, ended_by=over[2])
        person = next((each for each in (*site.people, *site.contacts) if each.id == person_id), None)
        group = person_id.startswith("group:") or (person is not None and person.group)
        return Opened(
            site=site, engine=engine, incident=incident, item=item, group=group, person=None if group else person
        )

    async def take_on(self, opened: Opened, person: Person, via: str, words: Words) -> Result:
        """"I'm coming": once, twice, as the second, from a page that is old, after the end."""
        incident = opened.incident
        if incident is None or not opened.is_open:
            return Result(status=409)
        if incident.acknowledged_at is not None and incident.acknowledged_by == person.id:
            return Result()
        asked = Asked(person=person.id, verb=Verb.ACKNOWLEDGE, target=incident.id, via=via)
        answer = await self._desk.act(opened.site.id, asked)
        now = opened.engine.incidents.get(incident.id)
        if not answer.done and answer.answered and now is not None and now.acknowledged_at is not None:
            # The engine refuses a second acknowledgement, and writes down who comes too. To them it is no refusal.
            return Result()
        return self.result_of(opened, answer, words)

    def result_of(self, opened: Opened, answer: Answer, words: Words) -> Result:
        """What an answer of the engine means to the person. That it was done the live part says."""
        if not answer.answered:
            return Result(status=answer.status, problem=words("refused.no_answer"))
        if not answer.done:
            reasons = " ".join(refusal_words(opened.site, opened.engine, each, words) for each in answer.reasons)
            return Result(status=answer.status, problem=f"{words('refused.title')}: {reasons}")
        return Result(note="" if answer.durable else words("done.not_durable"))

    def page(
        self,
        visit: Visit,
        opened: Opened,
        result: Result = Result(),
        *,
        mine: Person | None = None,
        holder: Holder | None = None,
    ) -> Response:
        """The page. `holder`: it is on an enrolled phone, and has all its buttons."""
        incident, words, site = opened.incident, visit.words, opened.site
        dangers = [] if opened.is_open else open_dangers(site, opened.engine, words)
        person = mine or opened.person
        if person is None and opened.group:
            # The page of a group knows after the answer who it was. What it shows changes; nothing else does.
            said = visit.request.query_params.get("as", "")
            person = next((each for each in people_to_choose(site) if each.id == said), None)
        values: dict[str, object] = {
            "item": opened.item,
            "open": opened.is_open,
            "dangers": dangers[:DANGERS_MAX],
            "dangers_left_off": max(0, len(dangers) - DANGERS_MAX),
            "person": person,
            "group": opened.group,
            "people": people_to_choose(site) if opened.group else [],
            "problem": result.problem,
            "note": result.note,
            "holder": holder,
            "script": script_of(site, incident, opened.item, words) if opened.is_open else (),
            "help": who_need_help(site, incident, words) if opened.is_open else "",
            "steps": tick_lines(opened, words),
            "drawing": self._drawing(opened) if holder is not None else "",
            "home_name": site.name.in_language(words.language),
            **self._holding(opened, person, result),
        }
        version = self._parts.changes.version
        return self._pages.live("app_incident" if holder else "phone", visit, site, version, result.status, **values)

    def _drawing(self, opened: Opened) -> str:
        """Where the picture of the zone is, for the app; "" where there is none."""
        incident = opened.incident
        if incident is None or self._parts.drawing(incident.home, incident.zone) is None:
            return ""
        return f"/app/home/{incident.home}/drawing/{incident.zone}"

    def _holding(self, opened: Opened, person: Person | None, result: Result) -> Mapping[str, object]:
        """Who has it, who comes, and what that means to the person whose page it is."""
        incident, site = opened.incident, opened.site
        if incident is None:
            nobody = dict.fromkeys(("taken", "mine", "too", "grew"), False)
            return {**nobody, "coming": [], "support": "", "awaits": ""}
        taken = incident.acknowledged_at is not None
        mine = taken and person is not None and incident.acknowledged_by == person.id
        before = person is not None and not taken and _acknowledged_before(incident, person)
        return {
            "taken": taken,
            "awaits": _awaits(incident) if opened.is_open else "",
            "taken_by": person_words(site, incident.acknowledged_by),
            "taken_at": incident.acknowledged_at,
            "mine": mine,
            "too": not mine and person is not None and taken and incident.comes(person.id),
            "grew": opened.is_open and not result.note and before and not incident.support_by,
            "support": person_words(site, incident.support_by) if incident.support_by else "",
            "support_at": incident.support_at,
            "asked": person is not None and incident.support_by == person.id,
            "coming": who_comes(site, incident),
        }


def open_dangers(site: Site, engine: ShownEngine, words: Words) -> list[Row]:
    """The incidents of a home that endanger people and are not over: a page that ends one must not hide another."""
    open_now = [one for one in engine.incidents.values() if one.category.endangers_people and one.closed_at is None]
    open_now.sort(key=lambda one: (one.category.rank, one.opened_at, one.id))
    return [incident_row(site, engine, one, incident_alarms(engine, one), words) for one in open_now]


def people_to_choose(site: Site) -> list[Person]:
    """Who can be the one that answers a group's link: every single person of the site."""
    return [person for person in site.people if not person.group]


def _acknowledged_before(incident: Incident, person: Person) -> bool:
    """Whether this person took the incident on once: a further detector spoke since, or support was called."""
    return any(step.event == "acknowledged" and step.who == person.id for step in incident.timeline)


def _awaits(incident: Incident) -> str:
    """What the plan still calls for although somebody took it on: `second` (person), `verdict`, or ""."""
    if incident.acknowledged_at is None or not incident.is_calling:
        return ""
    return "second" if incident.until is Until.ACKNOWLEDGED_BY_TWO else "verdict"


def who_comes(site: Site, incident: Incident) -> list[Coming]:
    """Everybody who took it on at some time, in that order: whoever set out is there, whatever spoke since."""
    last: dict[str, tuple[datetime, bool]] = {}
    for step in incident.timeline:
        if step.event in _COMES and step.who:
            last[step.who] = (step.at, step.event == "support")
    return [Coming(person_words(site, who), at, support) for who, (at, support) in last.items()]


def tick_lines(opened: Opened, words: Words) -> list[TickLine]:
    """The procedures of the incident's rules, each step once, with those that are done."""
    incident = opened.incident
    if incident is None or not opened.is_open:
        return []
    done = {(tick.rule, tick.step): tick for tick in incident.ticks}
    lines: list[TickLine] = []
    shown: set[str] = set()
    for name in dict.fromkeys(alarm.rule for alarm in incident_alarms(opened.engine, incident)):
        rule = opened.engine.rules.get(name)
        text = rule.procedure.in_language(words.language) if rule is not None else ""
        if rule is None or text in shown:
            continue
        shown.add(text)
        for number, step in enumerate(steps_of(rule.procedure), 1):
            tick = done.get((name, number))
            by, at = (person_words(opened.site, tick.by), tick.at) if tick is not None else ("", None)
            lines.append(TickLine(name, number, step.in_language(words.language), by, at))
    return lines
