"""The page behind the signed link in a message: what, where, since when, who has it, and one big button.

GET shows and never changes anything (chat programs fetch links ahead); only the button's POST does.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import cast

import msgspec
from starlette.responses import Response

from gateway.console.actions import Asked, Desk
from gateway.console.board import Row, find_zone, incident_row, person_words
from gateway.console.gate import Gate
from gateway.console.items import ItemView, closed_incident, incident_alarms, incident_item
from gateway.console.parts import ConsoleParts, LinkClaims, ShownEngine
from gateway.console.refusals import refusal_words
from gateway.console.render import Pages, Visit
from gateway.console.texts import Words
from rules.alarm import Category
from rules.incident import Incident
from rules.inputs import Verb
from rules.site import Person, ResidentClass, Site

TOKEN_MAX = 2048
COMING_TOO_MAX = 1024
"""Second answers that the pages remember (the journal has them all); beyond it the oldest shows its button again."""
DANGERS_MAX = 50
"""Further dangers that a page lists, the most urgent first; those beyond are counted on it."""
_NEED_HELP = (ResidentClass.PARTLY_DEPENDENT, ResidentClass.DEPENDENT, ResidentClass.DEMENTIA)
_CALLS_FIRE_BRIGADE = (Category.FIRE, Category.GAS)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What a good link leads to: the home, the incident (open, or just over) and the person it names.

    A link to a group names nobody: its page asks who answers. Without an incident the recent record does not know it
    (too long ago, or lost in a restart): whether it is over nobody can say then.
    """

    site: Site
    engine: ShownEngine
    incident: Incident | None
    item: ItemView | None
    group: bool
    person: Person | None


class PhonePages:
    """The phone page, from everywhere and without a log-in: the link is the key, for one incident and one verb."""

    def __init__(self, parts: ConsoleParts, pages: Pages, gate: Gate, desk: Desk) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate
        self._desk = desk
        self._coming_too: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    async def show(self, visit: Visit) -> Response:
        """The page."""
        opened = await self._open(visit)
        if isinstance(opened, Response):
            return opened
        return self._page(visit, opened)

    async def acknowledge(self, visit: Visit) -> Response:
        """The button."""
        opened = await self._open(visit)
        if isinstance(opened, Response):
            return opened
        words = visit.words
        form = await self._gate.form(visit)
        person = opened.person
        if opened.group:
            chosen = form.get("person", "")
            person = next((each for each in people_to_choose(opened.site) if each.id == chosen), None)
            if person is None:
                return self._page(visit, opened, 409, problem=words("phone.who_needed"))
        if person is None:
            return self._page(visit, opened, 409, problem=words("phone.no_person"))
        incident = opened.incident
        if incident is None or incident.closed_at is not None:
            return self._page(visit, opened, 409)
        if incident.acknowledged_at is not None and incident.acknowledged_by == person.id:
            return self._page(visit, opened, mine=person)
        asked = Asked(person=person.id, verb=Verb.ACKNOWLEDGE, target=incident.id, via="link")
        answer = await self._desk.act(opened.site.id, asked)
        if not answer.answered:
            return self._page(visit, opened, answer.status, problem=words("refused.no_answer"))
        after = await self._open(visit)
        if isinstance(after, Response):
            return after
        now = after.incident
        if not answer.done and now is not None and now.acknowledged_at is not None and now.closed_at is None:
            # The engine refuses a second acknowledgement, and journals it. To the second carer it is no refusal.
            self._note_coming_too(now.id, person.id, now.acknowledged_at)
            return self._page(visit, after, mine=person)
        if not answer.done:
            reasons = " ".join(refusal_words(after.site, after.engine, reason, words) for reason in answer.reasons)
            return self._page(visit, after, answer.status, problem=f"{words('refused.title')}: {reasons}")
        # That it was done the live part says, and takes back when a further detector speaks.
        return self._page(visit, after, note="" if answer.durable else words("done.not_durable"), mine=person)

    def _note_coming_too(self, incident: str, person: str, taken_at: datetime) -> None:
        """Whoever comes, too, has no button until the incident is nobody's again."""
        self._coming_too[(incident, person)] = taken_at
        while len(self._coming_too) > COMING_TOO_MAX:
            self._coming_too.popitem(last=False)

    async def _open(self, visit: Visit) -> Opened | Response:
        """Follow the link, or say clearly why it leads nowhere."""
        words = visit.words
        token = visit.request.path_params["token"]
        found = self._parts.links.read(token) if len(token) <= TOKEN_MAX else None
        if found is None or not hasattr(found, "incident"):
            kind = "expired" if getattr(found, "reason", "") == "expired" else "broken"
            status = 410 if kind == "expired" else 404
            title, detail = words(f"phone.{kind}"), words(f"phone.{kind}_detail")
            return self._pages.message(visit, status, title, detail, urgent=True)
        claims = cast(LinkClaims, found)
        site = self._parts.sites.get(claims.home)
        engine = self._parts.engines.get(claims.home)
        if site is None or engine is None:
            return self._pages.message(visit, 404, words("phone.broken"), words("phone.no_home"), urgent=True)
        incident = engine.incidents.get(claims.incident)
        item = None
        if incident is not None:
            item = incident_item(site, engine, incident, incident_alarms(engine, incident), words)
        else:
            over = closed_incident(await self._parts.history(site.id), claims.incident)
            if over is not None:
                incident = over[0]
                item = incident_item(site, engine, incident, over[1], words, ended_by=over[2])
        person = next((each for each in site.people if each.id == claims.person), None)
        group = claims.person.startswith("group:") or (person is not None and person.group)
        return Opened(
            site=site, engine=engine, incident=incident, item=item, group=group, person=None if group else person
        )

    def _page(
        self,
        visit: Visit,
        opened: Opened,
        status: int = 200,
        *,
        problem: str = "",
        note: str = "",
        mine: Person | None = None,
    ) -> Response:
        incident, words = opened.incident, visit.words
        is_open = incident is not None and incident.closed_at is None
        dangers = [] if is_open else open_dangers(opened.site, opened.engine, words)
        person = mine or opened.person
        if person is None and opened.group:
            # The page of a group knows after the answer who it was. What it shows changes; nothing else does.
            said = visit.request.query_params.get("as", "")
            person = next((each for each in people_to_choose(opened.site) if each.id == said), None)
        taken_by_person = (
            incident is not None
            and incident.acknowledged_at is not None
            and person is not None
            and incident.acknowledged_by == person.id
        )
        grew = is_open and not note and person is not None and _acknowledged_before(incident, person)
        values = {
            "item": opened.item,
            "open": is_open,
            "dangers": dangers[:DANGERS_MAX],
            "dangers_left_off": max(0, len(dangers) - DANGERS_MAX),
            "person": person,
            "group": opened.group,
            "people": people_to_choose(opened.site) if opened.group else [],
            "taken": incident is not None and incident.acknowledged_at is not None,
            "taken_by": person_words(opened.site, incident.acknowledged_by) if incident is not None else "",
            "taken_at": incident.acknowledged_at if incident is not None else None,
            "mine": taken_by_person,
            "too": incident is not None
            and incident.acknowledged_at is not None
            and not taken_by_person
            and person is not None
            and self._coming_too.get((incident.id, person.id)) == incident.acknowledged_at,
            "grew": grew,
            "problem": problem,
            "note": note,
            "script": script_of(opened.site, incident, opened.item, words) if is_open else (),
            "home_name": opened.site.name.in_language(words.language),
        }
        version = self._parts.changes.version
        return self._pages.live("phone", visit, opened.site, version, status, **values)


def open_dangers(site: Site, engine: ShownEngine, words: Words) -> list[Row]:
    """The incidents of a home that endanger people and are not over: a page that ends one must not hide another."""
    open_now = [one for one in engine.incidents.values() if one.category.endangers_people and one.closed_at is None]
    open_now.sort(key=lambda one: (one.category.rank, one.opened_at, one.id))
    return [incident_row(site, engine, one, incident_alarms(engine, one), words) for one in open_now]


def people_to_choose(site: Site) -> list[Person]:
    """Who can be the one that answers a group's link: every single person of the site."""
    return [person for person in site.people if not person.group]


def _acknowledged_before(incident: Incident | None, person: Person) -> bool:
    """Whether this person took the incident on, and it is nobody's now: a further detector spoke since."""
    if incident is None or incident.acknowledged_at is not None:
        return False
    return any(step.event == "acknowledged" and step.who == person.id for step in incident.timeline)


def script_of(site: Site, incident: Incident | None, item: ItemView | None, words: Words) -> tuple[str, ...]:
    """What to say to 119: what, the address, the place, who needs help. Empty where the brigade is not to be called."""
    if incident is None or item is None or incident.category not in _CALLS_FIRE_BRIGADE:
        return ()
    name = site.name.in_language(words.language)
    address = site.address or words("script.no_address")
    lines = [
        words(f"script.{incident.category}"),
        words("script.place", home=name, address=address),
        words("script.where", place=item.row.place),
    ]
    zone = find_zone(site, incident.zone)
    if zone is not None and zone.beds and zone.residents is not ResidentClass.NONE:
        residents = words(f"residents.{zone.residents}")
        lines.append(words("script.residents", count=zone.beds, residents=residents))
        if zone.residents in _NEED_HELP:
            lines.append(words("script.help"))
    return tuple(lines)
