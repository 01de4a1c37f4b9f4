"""The walk test's pages: begin, tick off live, end, and the sheets of the tests before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gateway.console.actions import Desk
from gateway.console.board import home_view, person_words, zone_words
from gateway.console.gate import Form, Gate
from gateway.console.live import LivePages
from gateway.console.parts import ConsoleParts, KeptSheet
from gateway.console.render import HERE, Pages, Visit
from gateway.console.sheet_pdf import SheetPrinter
from gateway.console.walk_view import due_lines, real_rows, sheet_lines, tests_of_month, walk_view
from rules.inputs import Mode, ModeRequested, ModeVerb
from rules.proof import TESTS_A_MONTH
from rules.site import Site
from rules.walk_test_sheet import Result, Sheet

LIMITS = (15, 30, 60, 120, 240)
"""The time limits offered, in minutes; the engine takes none above four hours."""

FIELDS_MAX = 1000
"""A form has a field for each zone."""

LISTED = 24

_STYLE = (HERE / "static" / "sheet.css").read_text(encoding="utf-8")


class WalkTestPages:
    """What a tester sees and does. Every change goes through the inbox, like everything that happens."""

    def __init__(self, parts: ConsoleParts, pages: Pages, gate: Gate, desk: Desk, live: LivePages) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate
        self._desk = desk
        self._live = live
        self._printer = SheetPrinter()

    async def show(self, visit: Visit) -> Response:
        """The page: how to begin, or the test that runs; what is due; the sheets."""
        done = visit.request.query_params.get("done", "")
        note = visit.words(f"walk.done.{done}") if done in ("start", "cleared", "end") else ""
        return await self._page(visit, note=note)

    async def _page(self, visit: Visit, status: int = 200, note: str = "", problems: Sequence[str] = ()) -> Response:
        site, engine = self._live.home(visit)
        words, now = visit.words, self._parts.clock.now()
        version = self._parts.changes.version
        account = visit.viewer.account
        person = account.acts_as if account is not None and visit.viewer.operates(site.id) else ""
        test = engine.walk_test
        kept = await self._kept(site)
        shift = self._parts.clock.wall() - now
        month = tests_of_month(kept, test, now, shift)
        board = home_view(site, engine, self._parts.health(), now, words)
        values = {
            "walk": walk_view(site, engine, test, person, words) if test is not None else None,
            "rows": real_rows(board.rows),
            "sounding": any(row.sounding for row in board.rows),
            "due": due_lines(site, engine, self._parts.freshness, now, words),
            "kept": sheet_lines(site, kept),
            "keeps": self._parts.sheets is not None,
            "month": month,
            "behind": month < TESTS_A_MONTH,
            "owed": TESTS_A_MONTH,
            "limits": LIMITS,
            "zones": [(zone.id, zone_words(site, zone.id, words)) for zone in site.zones],
            "note": note,
            "problems": problems,
        }
        return self._pages.live("walk_test", visit, site, version, status, **values)

    async def _kept(self, site: Site) -> Sequence[KeptSheet]:
        sheets = self._parts.sheets
        return await asyncio.to_thread(sheets.newest, site.id, LISTED) if sheets is not None else ()

    async def act(self, visit: Visit) -> Response:
        """Begin, say which detector is next, say that one has stopped, end."""
        site, _ = self._live.home(visit)
        form = await self._gate.form(visit, FIELDS_MAX)
        forged = self._gate.forged(visit, form)
        if forged is not None:
            return forged
        words, account = visit.words, visit.viewer.account
        if account is None or not visit.viewer.operates(site.id):
            return await self._page(visit, 403, problems=(words("refused.not_allowed"),))
        verb = ModeVerb(visit.request.path_params["verb"])
        zones = self._zones(site, form)
        if verb is ModeVerb.START and form.get("scope") != "all" and not zones:
            return await self._page(visit, 409, problems=(words("walk.choose_zone"),))
        limit, device, person = _minutes(form), form.get("device", "")[:100], account.acts_as

        def make(at: datetime) -> ModeRequested:
            if verb is ModeVerb.START:
                return ModeRequested(at=at, person=person, verb=verb, zones=zones, time_limit=limit)
            return ModeRequested(at=at, person=person, verb=verb, device=device)

        target = "" if verb is ModeVerb.START else device
        answer = await self._desk.put(site.id, make, f"{Mode.WALK_TEST.value}.{verb.value}", target)
        if not answer.answered:
            return await self._page(visit, 503, problems=(words("refused.no_answer"),))
        if not answer.done:
            return await self._page(visit, 409, problems=[words.reason(reason) for reason in answer.reasons])
        place = f"#device-{device}" if verb is ModeVerb.ARM else f"?done={verb.value}"
        return RedirectResponse(f"/home/{site.id}/walk-test{place}", 303)

    @staticmethod
    def _zones(site: Site, form: Form) -> tuple[str, ...]:
        """The zones of a form; none where the whole home is the scope."""
        if form.get("scope") == "all":
            return ()
        return tuple(zone.id for zone in site.zones if form.get(f"zone.{zone.id}") == "yes")

    # sheets

    async def sheet(self, visit: Visit) -> Response:
        """One sheet as a page that can be printed."""
        site, sheet = await self._find(visit)
        return self._pages.page("sheet.html", visit, site, printed=False, **self._sheet_values(visit, site, sheet))

    async def pdf(self, visit: Visit) -> Response:
        """The same sheet as PDF, or what to install first."""
        site, sheet = await self._find(visit)
        text = self._pages.text("sheet.html", visit, site, printed=True, **self._sheet_values(visit, site, sheet))
        name = f"walk-test-{site.id}-{visit.request.path_params['key']}.pdf"
        return await self._printer.answer(self._pages, visit, text, _STYLE, name)

    async def _find(self, visit: Visit) -> tuple[Site, Sheet]:
        site, _ = self._live.home(visit)
        sheets = self._parts.sheets
        key = visit.request.path_params["key"]
        sheet = await asyncio.to_thread(sheets.find, site.id, key) if sheets is not None else None
        if sheet is None:
            raise HTTPException(404)
        return site, sheet

    def _sheet_values(self, visit: Visit, site: Site, sheet: Sheet) -> dict[str, object]:
        good = (Result.PROVEN, Result.SELF_TESTED)
        return {
            "sheet": sheet,
            "key": visit.request.path_params["key"],
            "tester": person_words(site, sheet.tester),
            "ended_by": person_words(site, sheet.ended_by) if sheet.ended_by else "",
            "proven_rows": [row for row in sheet.rows if row.result in good],
            "open_rows": [row for row in sheet.rows if row.result in (Result.NOT_PROVEN, Result.NOT_CLEARED)],
            "untestable_rows": [row for row in sheet.rows if row.result is Result.ALWAYS_REAL],
            "missing": sheet.count(Result.NOT_PROVEN, Result.NOT_CLEARED),
            "total": len(sheet.rows) - sheet.count(Result.ALWAYS_REAL),
        }


def _minutes(form: Form) -> timedelta:
    """The time limit of a form; one that is not offered is refused by the engine."""
    text = form.get("minutes", "")
    return timedelta(minutes=int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0)
