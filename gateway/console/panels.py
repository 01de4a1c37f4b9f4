"""The page of fire panels: when anybody was last asked whether somebody is on duty, what came of it, and to ask now."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.responses import RedirectResponse, Response

from gateway.console.board import person_words, subject_words
from gateway.console.gate import Gate
from gateway.console.live import LivePages
from gateway.console.parts import ConsoleParts, DutyBook, ShownDutyCheck, ShownEngine
from gateway.console.render import Pages, Visit
from gateway.console.texts import Words
from rules.site import Site

BY_SCHEDULE = "schedule"
TRANSMISSION_DEVICE = "transmission_device"


class PanelLine(msgspec.Struct, frozen=True, kw_only=True):
    """One transmission device with its last duty check. `outcome` "": none since the start, or still waiting."""

    source: str
    address: str
    name: str
    times: tuple[str, ...]
    asked_at: datetime | None = None
    by: str = ""
    state: str = "never"
    words: str = ""

    @property
    def waits(self) -> bool:
        """Whether an answer is waited for: nobody can ask again before."""
        return self.state == "open"


def panel_lines(site: Site, engine: ShownEngine, books: tuple[DutyBook, ...], words: Words) -> list[PanelLine]:
    """The registered transmission devices of a home, listener by listener."""
    names = {(device.source, device.address): device.id for device in site.devices}
    lines = []
    for book in books:
        for address in book.devices():
            known = names.get((book.source, address))
            if book.home != site.id or known is None:
                continue
            line = PanelLine(
                source=book.source, address=address, name=subject_words(engine, known, words), times=book.times
            )
            check = book.last.get(address)
            lines.append(line if check is None else _with_check(line, check, site, words))
    return lines


def _with_check(line: PanelLine, check: ShownDutyCheck, site: Site, words: Words) -> PanelLine:
    state = str(check.outcome) if check.outcome is not None else "open"
    took = (check.ended_at - check.asked_at).total_seconds() if check.ended_at is not None else 0.0
    return msgspec.structs.replace(
        line,
        asked_at=check.asked_at,
        by=words("panels.by_schedule") if check.by == BY_SCHEDULE else person_words(site, check.by),
        state=state,
        words=words(f"panels.{state}", minutes=check.minutes, age=words.age(took)),
    )


class PanelPages:
    """What a person sees of the duty checks of a home, and asks."""

    def __init__(self, parts: ConsoleParts, pages: Pages, gate: Gate, live: LivePages) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate
        self._live = live

    async def show(self, visit: Visit) -> Response:
        """The page."""
        note = visit.words("panels.done") if visit.request.query_params.get("done") == "asked" else ""
        return self._page(visit, note=note)

    def _page(self, visit: Visit, status: int = 200, note: str = "", problem: str = "") -> Response:
        site, engine = self._live.home(visit)
        lines = panel_lines(site, engine, tuple(self._parts.duty_books()), visit.words)
        version = self._parts.changes.version
        return self._pages.live("panels", visit, site, version, status, lines=lines, note=note, problem=problem)

    async def ask(self, visit: Visit) -> Response:
        """Ask one device now."""
        site, _ = self._live.home(visit)
        form = await self._gate.form(visit)
        forged = self._gate.forged(visit, form)
        if forged is not None:
            return forged
        account = visit.viewer.account
        if account is None or not visit.viewer.operates(site.id):
            return self._page(visit, 403, problem=visit.words("refused.not_allowed"))
        source, address = form.get("source", ""), form.get("address", "")
        book = next((b for b in self._parts.duty_books() if b.home == site.id and b.source == source), None)
        if book is None or not book.ask(address, account.acts_as):
            return self._page(visit, 409, problem=visit.words("panels.busy"))
        return RedirectResponse(f"/home/{site.id}/panels?done=asked", 303)
