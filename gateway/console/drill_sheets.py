"""The kept sheets of drills and monthly test alarms: a page that can be printed, and the same as PDF."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from gateway.console.board import person_words
from gateway.console.gate import Gate, Need
from gateway.console.items import report_words
from gateway.console.live import LivePages
from gateway.console.parts import ConsoleParts
from gateway.console.render import HERE, Pages, Visit
from gateway.console.sheet_pdf import SheetPrinter
from rules.drill_sheet import DrillSheet
from rules.site import Site

LISTED = 24

_STYLE = (HERE / "static" / "sheet.css").read_text(encoding="utf-8")


class DrillSheetPages:
    """What a drill showed, for the folder."""

    def __init__(self, parts: ConsoleParts, pages: Pages, live: LivePages) -> None:
        self._parts = parts
        self._pages = pages
        self._live = live
        self._printer = SheetPrinter()

    async def list(self, visit: Visit) -> Response:
        """The newest sheets of a home."""
        site, _ = self._live.home(visit)
        sheets = self._parts.sheets
        kept = await asyncio.to_thread(sheets.drills.newest, site.id, LISTED) if sheets is not None else ()
        return self._pages.page("drill_sheets.html", visit, site, kept=kept)

    async def sheet(self, visit: Visit) -> Response:
        """One sheet as a page that can be printed."""
        site, sheet = await self._find(visit)
        return self._pages.page("drill_sheet.html", visit, site, printed=False, **_values(visit, site, sheet))

    async def pdf(self, visit: Visit) -> Response:
        """The same sheet as PDF, or what to install first."""
        site, sheet = await self._find(visit)
        text = self._pages.text("drill_sheet.html", visit, site, printed=True, **_values(visit, site, sheet))
        name = f"drill-{site.id}-{visit.request.path_params['key']}.pdf"
        return await self._printer.answer(self._pages, visit, text, _STYLE, name)

    async def _find(self, visit: Visit) -> tuple[Site, DrillSheet]:
        site, _ = self._live.home(visit)
        sheets = self._parts.sheets
        key = visit.request.path_params["key"]
        sheet = await asyncio.to_thread(sheets.drills.find, site.id, key) if sheets is not None else None
        if sheet is None:
            raise HTTPException(404)
        return site, sheet


def _values(visit: Visit, site: Site, sheet: DrillSheet) -> dict[str, object]:
    words, timing = visit.words, sheet.timing
    spans = (
        ("told", timing.told_s),
        ("acknowledged", timing.acknowledged_s),
        ("verdict", timing.verdict_s),
        ("reset", timing.reset_s),
    )
    return {
        "sheet": sheet,
        "key": visit.request.path_params["key"],
        "by": person_words(site, sheet.by) if sheet.by else words("drill.by_schedule"),
        "ended_by": person_words(site, sheet.ended_by) if sheet.ended_by else "",
        "told": [person_words(site, person) for person in timing.told],
        "spans": [(words.event(name), "" if after is None else f"{after:g} s") for name, after in spans],
        "lines": [
            (
                f"{line.after_s:g} s",
                words.event(line.event),
                person_words(site, line.who) if line.who else "",
                report_words(line.detail, words) if line.event == "report" else "",
            )
            for line in timing.lines
            if line.event != "opened"
        ],
    }


def drill_sheet_routes(console: ConsoleParts, pages: Pages, gate: Gate, live: LivePages) -> list[Route]:
    """Everything below /home/…/drills."""
    sheets = DrillSheetPages(console, pages, live)
    return [
        Route("/home/{home}/drills", gate.page(sheets.list, Need.LOGIN), methods=["GET"]),
        Route("/home/{home}/drills/{key}", gate.page(sheets.sheet, Need.LOGIN), methods=["GET"]),
        Route("/home/{home}/drills/{key}/pdf", gate.page(sheets.pdf, Need.LOGIN), methods=["GET"]),
    ]
