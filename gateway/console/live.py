"""The live pages: the board, one incident or alarm with its four verbs, the devices."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from gateway.console.actions import Answer, Asked, Desk
from gateway.console.board import BoardView, board_view, home_view
from gateway.console.events import LiveStream
from gateway.console.gate import Gate
from gateway.console.items import (
    ItemView,
    alarm_item,
    closed_alarm,
    closed_incident,
    incident_alarms,
    incident_item,
)
from gateway.console.outcomes import read_outcome
from gateway.console.parts import ConsoleParts, ShownEngine
from gateway.console.past import device_lines
from gateway.console.refusals import refusal_words
from gateway.console.render import Pages, Visit
from gateway.console.stills import StillPages
from gateway.console.texts import Words
from rules.inputs import Verb
from rules.site import Site

BOARD_AGE_MAX = timedelta(seconds=1)
_BOARDS_MAX = 64


class _KeptBoard(msgspec.Struct, frozen=True):
    version: int
    at: datetime
    view: BoardView


class LivePages:
    """What changes by itself, and what people change."""

    def __init__(self, parts: ConsoleParts, pages: Pages, gate: Gate, desk: Desk, stills: StillPages) -> None:
        self._parts = parts
        self._stills = stills
        self._pages = pages
        self._gate = gate
        self._desk = desk
        self._boards: OrderedDict[tuple[str, tuple[str, ...]], _KeptBoard] = OrderedDict()
        self.clients = 0

    def homes(self, visit: Visit) -> list[Site]:
        """The homes that this viewer may see, in the order of the settings."""
        return [site for site in self._parts.sites.values() if visit.viewer.sees(site.id)]

    def home(self, visit: Visit) -> tuple[Site, ShownEngine]:
        """The home that the path names; 404 where there is none or it is not this viewer's."""
        home = visit.request.path_params["home"]
        site = self._parts.sites.get(home)
        engine = self._parts.engines.get(home)
        if site is None or engine is None or not visit.viewer.sees(home):
            raise HTTPException(404)
        return site, engine

    async def board(self, visit: Visit) -> Response:
        """The board of all homes of this viewer."""
        return self._board(visit, self.homes(visit))

    async def one_board(self, visit: Visit) -> Response:
        """The board of one home."""
        site = self._parts.sites.get(visit.request.path_params["home"])
        if site is None or not visit.viewer.sees(site.id):
            raise HTTPException(404)
        return self._board(visit, [site])

    def _board(self, visit: Visit, sites: list[Site]) -> Response:
        version = self._parts.changes.version
        view = self._view(sites, version, visit.words)
        first = sites[0] if sites else None
        return self._pages.live("board", visit, first, version, board=view, one=len(sites) == 1, links=self._links())

    def _view(self, sites: list[Site], version: int, words: Words) -> BoardView:
        """The board as data, computed once a change and second however many look at it."""
        key = (words.language, tuple(site.id for site in sites))
        now = self._parts.clock.now()
        kept = self._boards.get(key)
        if kept is not None and kept.version == version and now - kept.at < BOARD_AGE_MAX:
            return kept.view
        health = self._parts.health()
        engines = self._parts.engines
        view = board_view([home_view(site, engines.get(site.id), health, now, words) for site in sites])
        self._boards[key] = _KeptBoard(version, now, view)
        self._boards.move_to_end(key)
        while len(self._boards) > _BOARDS_MAX:
            self._boards.popitem(last=False)
        return view

    def _links(self) -> int:
        return sum(1 for link in self._parts.health().links if not link.up)

    async def devices(self, visit: Visit) -> Response:
        """The devices of a home with the age of their last report."""
        site, engine = self.home(visit)
        zone = visit.request.query_params.get("zone", "")
        version = self._parts.changes.version
        lines = device_lines(
            site, engine, self._parts.clock.now(), zone, visit.words, self._parts.freshness, self._parts.last_values
        )
        zones = [(each.id, each.name.in_language(visit.words.language)) for each in site.zones]
        return self._pages.live("devices", visit, site, version, lines=lines, zones=zones, zone=zone)

    async def item(self, visit: Visit) -> Response:
        """One incident or alarm."""
        done = visit.request.query_params.get("done", "")
        note = visit.words(f"done.{done}") if done in (*Verb, "not_durable") else ""
        return await self._item(visit, note=note)

    async def _item(self, visit: Visit, status: int = 200, note: str = "", problems: tuple[str, ...] = ()) -> Response:
        site, engine = self.home(visit)
        version = self._parts.changes.version
        view = await self._find(visit, site, engine)
        if view is None:
            raise HTTPException(404)
        causes = visit.words("verdict.causes").split("|")
        stills = await self._stills.lines(site, engine, view.incident, visit.words)
        values = {"item": view, "note": note, "problems": problems, "causes": causes, "stills": stills}
        return self._pages.live("item", visit, site, version, status, **values)

    async def _find(self, visit: Visit, site: Site, engine: ShownEngine) -> ItemView | None:
        kind, target = visit.request.path_params["kind"], visit.request.path_params["id"]
        if kind == "incident":
            incident = engine.incidents.get(target)
            if incident is not None:
                return incident_item(site, engine, incident, incident_alarms(engine, incident), visit.words)
            over = closed_incident(await self._parts.history(site.id), target)
            if over is None:
                return None
            last, alarms, by = over
            return incident_item(site, engine, last, alarms, visit.words, ended_by=by)
        alarm = engine.alarms.get(target)
        if alarm is not None:
            return alarm_item(site, engine, alarm, visit.words)
        gone = closed_alarm(await self._parts.history(site.id), target)
        return alarm_item(site, engine, gone[0], visit.words, ended_by=gone[1]) if gone is not None else None

    async def act(self, visit: Visit) -> Response:
        """One of the four verbs on an incident or alarm."""
        site, _ = self.home(visit)
        form = await self._gate.form(visit)
        forged = self._gate.forged(visit, form)
        if forged is not None:
            return forged
        words = visit.words
        account = visit.viewer.account
        if account is None or not visit.viewer.operates(site.id):
            return await self._item(visit, 403, problems=(words("refused.not_allowed"),))
        verb = Verb(visit.request.path_params["verb"])
        target = visit.request.path_params["id"]
        checked = verb is Verb.RESET and form.get("checked_on_site") == "yes"
        asked = Asked(person=account.acts_as, verb=verb, target=target, via="console", checked_on_site=checked)
        if verb is Verb.VERDICT:
            found = read_outcome(form, self._pages.times(site).at_clock)
            if isinstance(found, str):
                return await self._item(visit, 409, problems=(words(found),))
            asked = replace(asked, finding=found.finding, cause=found.cause, times=found.times)
        return await self._answer(visit, verb, await self._desk.act(site.id, asked))

    async def _answer(self, visit: Visit, verb: Verb, answer: Answer) -> Response:
        words = visit.words
        if not answer.answered:
            return await self._item(visit, answer.status, problems=(words("refused.no_answer"),))
        if not answer.done:
            site, engine = self.home(visit)
            reasons = tuple(refusal_words(site, engine, reason, words) for reason in answer.reasons)
            if answer.partly:
                reasons = (words("refused.partly"), *reasons)
            return await self._item(visit, answer.status, problems=reasons)
        done = verb.value if answer.durable else "not_durable"
        here = visit.request.url.path.rpartition("/")[0]
        return RedirectResponse(f"{here}?done={done}", 303)

    async def events(self, visit: Visit) -> Response:
        """The live connection; beyond the bound of clients the next one is told to come back later."""
        parts = self._parts
        if self.clients >= parts.event_clients_max:
            return Response("too many live pages", 503, headers={"retry-after": "5"})
        home = visit.request.query_params.get("home", "")
        sites = self.homes(visit)
        site = next((each for each in sites if each.id == home), sites[0] if sites else None)

        def ended() -> bool:
            viewer = self._gate.visit(visit.request).viewer
            return viewer.account is None and not viewer.local

        stream = LiveStream(parts.changes, parts.closing, lambda: self._pages.times(site), ended)
        return _Counted(self, stream)


class _Counted(Response):
    """A live stream that counts among the clients while it runs."""

    def __init__(self, pages: LivePages, stream: LiveStream) -> None:
        super().__init__()
        self._pages = pages
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._pages.clients += 1
        try:
            await self._stream(scope, receive, send)
        finally:
            self._pages.clients -= 1
