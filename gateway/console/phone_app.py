"""The app on the phone (/app): what one has to do now, one incident with all its buttons, one's shifts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from heapq import nsmallest

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from gateway.console.actions import CAUSE_MAX, Answer, Asked, Desk
from gateway.console.board import Row, incident_row
from gateway.console.gate import Form, Gate
from gateway.console.holder import Holder, Holders, person_of
from gateway.console.incident_view import IncidentView, Opened, Result
from gateway.console.outcomes import Found, read_outcome
from gateway.console.parts import ConsoleParts, PhoneReach
from gateway.console.phone_shifts import PhoneShifts
from gateway.console.render import Pages, Visit
from gateway.console.texts import Words
from rules.alarm import Alarm
from rules.incident import Finding, Incident
from rules.inputs import AnyInput, ProcedureTicked, SupportRequested, Verb
from rules.response import SUPPORT, TICK
from rules.site import Site

TASKS_MAX = 30
"""Open incidents on one page, the most urgent first; those beyond are counted on it."""
KINDS = ("calls", "mine", "other")
CAUSES = ("cooking", "steam", "dust", "bumped", "smoking", "fault")
"""What makes detectors speak in homes without any fire; another cause is written."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One open incident, and what it is to whoever looks: `calls` (nobody has it), `mine`, or `other`."""

    kind: str
    row: Row
    home_name: str
    path: str
    danger: bool


class AppPages:
    """The pages of /app. Without a known holder: how to become one."""

    def __init__(
        self,
        parts: ConsoleParts,
        pages: Pages,
        gate: Gate,
        desk: Desk,
        view: IncidentView,
        holders: Holders,
        reach: PhoneReach,
        shifts: PhoneShifts,
    ) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate
        self._desk = desk
        self._view = view
        self._holders = holders
        self._reach = reach
        self._shifts = shifts
        self._texts: tuple[int, dict[tuple[tuple[str, ...], str, frozenset[str]], str]] = (-1, {})
        self._rows: tuple[int, dict[tuple[str, str], Row], dict[str, dict[str, list[Alarm]]]] = (-1, {}, {})

    async def home(self, visit: Visit) -> Response:
        """What is to be done now."""
        holder = self._holders.of(visit)
        if holder is None:
            return self._stranger(visit)
        words = visit.words
        sites = [self._parts.sites[home] for home in holder.homes]
        version = self._parts.changes.version
        if visit.wants_fragment:
            # What a hundred phones of a home ask for after each change is the same for most of them.
            text = self._fragment(visit, sites, holder, version)
            return HTMLResponse(text, headers={"x-version": str(version)})
        person = person_of(sites[0], holder.person)
        response = self._pages.live(
            "app",
            visit,
            sites[0],
            version,
            holder=holder,
            person_name=person.name if person is not None else holder.person,
            shifts=self._shifts.lines(sites, holder, words),
            handed_over=visit.request.query_params.get("done") == "handover",
            push_key=self._reach.push_key,
            secure=visit.request.url.scheme == "https" or visit.request.url.hostname in ("127.0.0.1", "localhost"),
            **self._listed(sites, holder, words),
        )
        await self._renew(visit, holder, response)
        return response

    def _fragment(self, visit: Visit, sites: Sequence[Site], holder: Holder, version: int) -> str:
        if self._texts[0] != version:
            self._texts = (version, {})
        mine = frozenset(
            incident.id
            for site in sites
            for incident in self._parts.engines[site.id].incidents.values()
            if holder.person in (incident.acknowledged_by, incident.seconded_by)
        )
        key = (holder.homes, visit.words.language, mine)
        text = self._texts[1].get(key)
        if text is None:
            listed = self._listed(sites, holder, visit.words)
            text = self._texts[1][key] = self._pages.text("_app.html", visit, sites[0], **listed)
        return text

    def _listed(self, sites: Sequence[Site], holder: Holder, words: Words) -> dict[str, object]:
        """What the list shows, the same for everybody who has nothing of their own in it."""
        tasks, left_off = self._tasks(sites, holder, words)
        return {
            "home_names": [site.name.in_language(words.language) for site in sites],
            "tasks": tasks,
            "tasks_left_off": left_off,
            "calling": next((task for task in tasks if task.kind == "calls" and task.danger), None),
        }

    async def incident(self, visit: Visit) -> Response:
        """One incident."""
        found = await self._open(visit)
        if isinstance(found, Response):
            return found
        holder, opened = found
        response = self._view.page(visit, opened, holder=holder)
        await self._renew(visit, holder, response)
        return response

    async def drawing(self, visit: Visit) -> Response:
        """The picture of a zone, for those whose home it is."""
        holder = self._holders.of(visit)
        params = visit.request.path_params
        path = self._parts.drawing(params["home"], params["zone"]) if holder is not None else None
        if holder is None or path is None or params["home"] not in holder.homes:
            raise HTTPException(404)
        return FileResponse(path)

    async def act(self, visit: Visit) -> Response:
        """A button of the incident: coming, support, a false alarm, a step done."""
        found = await self._open(visit)
        if isinstance(found, Response):
            return found
        holder, opened = found
        form = await self._gate.form(visit)
        refused = self._holders.refuse(visit, holder, form.get("csrf", ""))
        if refused is not None:
            return refused
        result = await self._done(opened, holder, form, visit)
        after = await self._open(visit)
        if isinstance(after, Response):
            return after
        return self._view.page(visit, after[1], result, holder=holder)

    async def _done(self, opened: Opened, holder: Holder, form: Form, visit: Visit) -> Result:
        incident, person, words = opened.incident, opened.person, visit.words
        if incident is None or person is None or not opened.is_open:
            return Result(status=409)
        match form.get("act", ""):
            case "coming":
                return await self._view.take_on(opened, person, "app", words)
            case "support":
                return await self._support(opened, incident, holder, words)
            case "false":
                return await self._judge_false(opened, incident, holder, form, words)
            case "outcome":
                found = read_outcome(form, self._pages.times(opened.site).at_clock)
                if isinstance(found, str):
                    return Result(status=409, problem=words(found))
                return await self._judge(opened, incident, holder, found, words)
            case "tick" | "untick" as act:
                return await self._tick(opened, incident, holder, form, words, done=act == "tick")
            case _:
                return Result(status=409, problem=words("app.unknown_act"))

    async def _support(self, opened: Opened, incident: Incident, holder: Holder, words: Words) -> Result:
        def make(at: datetime) -> AnyInput:
            return SupportRequested(at=at, person=holder.person, incident=incident.id)

        answer = await self._desk.put(opened.site.id, make, SUPPORT, incident.id)
        return self._view.result_of(opened, answer, words)

    async def _judge_false(
        self, opened: Opened, incident: Incident, holder: Holder, form: Form, words: Words
    ) -> Result:
        chosen = form.get("cause", "")
        written = form.get("words", "").strip()[:CAUSE_MAX]
        cause = " · ".join(part for part in (words(f"cause.{chosen}") if chosen in CAUSES else "", written) if part)
        if not cause:
            return Result(status=409, problem=words("app.cause_needed"))
        found = Found(finding=Finding.FALSE_ALARM.value, cause=cause[:CAUSE_MAX])
        return await self._judge(opened, incident, holder, found, words)

    async def _judge(
        self, opened: Opened, incident: Incident, holder: Holder, found: Found, words: Words
    ) -> Result:
        asked = Asked(
            person=holder.person,
            verb=Verb.VERDICT,
            target=incident.id,
            via="app",
            finding=found.finding,
            cause=found.cause,
            times=found.times,
        )
        answer: Answer = await self._desk.act(opened.site.id, asked)
        return self._view.result_of(opened, answer, words)

    async def _tick(
        self, opened: Opened, incident: Incident, holder: Holder, form: Form, words: Words, *, done: bool
    ) -> Result:
        rule, _, number = form.get("step", "").rpartition(" ")
        step = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0

        def make(at: datetime) -> AnyInput:
            return ProcedureTicked(
                at=at, person=holder.person, incident=incident.id, rule=rule[:128], step=step, done=done
            )

        answer = await self._desk.put(opened.site.id, make, TICK, incident.id)
        return self._view.result_of(opened, answer, words)

    async def _open(self, visit: Visit) -> tuple[Holder, Opened] | Response:
        holder = self._holders.of(visit)
        if holder is None:
            return self._stranger(visit)
        params, words = visit.request.path_params, visit.words
        opened = None
        if params["home"] in holder.homes:
            opened = await self._view.look_up(params["home"], params["id"], holder.person, words)
        if opened is None or opened.person is None:
            return self._pages.message(visit, 404, words("phone.broken"), words("phone.no_home"), urgent=True)
        return holder, opened

    def _stranger(self, visit: Visit) -> Response:
        """Nobody is known here (any more): a page that asks for the code, and for a script the status alone."""
        if visit.wants_fragment:
            return self._pages.message(visit, 401, visit.words("app.who"), visit.words("app.who_detail"))
        if visit.request.url.path != "/app":
            return RedirectResponse("/app", 303)
        return self._pages.page("enrol.html", visit, None, 200, invitation=None, code="", problem="", names=[])

    async def _renew(self, visit: Visit, holder: Holder, response: Response) -> None:
        """A phone that is used stays known."""
        cookie = visit.request.cookies.get("anlian_phone")
        if holder.phone is not None and cookie and not visit.wants_fragment:
            self._holders.hand_cookie(visit, response, cookie)
            await self._reach.phones.seen(holder.phone)

    def _tasks(self, sites: Sequence[Site], holder: Holder, words: Words) -> tuple[list[Task], int]:
        """The most urgent open incidents, and how many there are beside these."""
        found = []
        for site in sites:
            for incident in self._parts.engines[site.id].incidents.values():
                kind = "calls" if incident.is_calling else "other"
                kind = "mine" if holder.person in (incident.acknowledged_by, incident.seconded_by) else kind
                urgency = (not incident.category.endangers_people, KINDS.index(kind), incident.category.rank)
                found.append((urgency, incident.opened_at, incident.id, site, incident))
        # A flood has hundreds: only those that are shown are put into words.
        shown = nsmallest(TASKS_MAX, found, key=lambda each: each[:3])
        tasks = [self._task(site, incident, KINDS[urgency[1]], words) for urgency, _, _, site, incident in shown]
        return tasks, len(found) - len(tasks)

    def _task(self, site: Site, incident: Incident, kind: str, words: Words) -> Task:
        version = self._parts.changes.version
        if self._rows[0] != version:
            self._rows = (version, {}, {})
        _, rows, alarms = self._rows
        if site.id not in alarms:
            of_incident: dict[str, list[Alarm]] = {}
            for alarm in sorted(self._parts.engines[site.id].alarms.values(), key=lambda a: (a.raised_at, a.id)):
                of_incident.setdefault(alarm.incident, []).append(alarm)
            alarms[site.id] = of_incident
        row = rows.get((incident.id, words.language))
        if row is None:
            own = alarms[site.id].get(incident.id, [])
            row = rows[(incident.id, words.language)] = incident_row(
                site, self._parts.engines[site.id], incident, own, words
            )
        return Task(
            kind=kind,
            row=row,
            home_name=site.name.in_language(words.language),
            path=f"/app/home/{site.id}/incident/{incident.id}",
            danger=incident.category.endangers_people,
        )
