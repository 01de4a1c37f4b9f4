"""The page behind the signed link in a message: what, where, since when, who has it, and one big button.

GET shows and never changes anything (chat programs fetch links ahead); only the button's POST does.
"""

from __future__ import annotations

from typing import cast

from starlette.responses import Response

from gateway.console.gate import Gate
from gateway.console.incident_view import IncidentView, Opened, Result, people_to_choose
from gateway.console.parts import ConsoleParts, LinkClaims
from gateway.console.render import Pages, Visit

TOKEN_MAX = 2048


class PhonePages:
    """The phone page, from everywhere and without a log-in: the link is the key, for one incident and one verb."""

    def __init__(self, parts: ConsoleParts, pages: Pages, gate: Gate, view: IncidentView) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate
        self._view = view

    async def show(self, visit: Visit) -> Response:
        """The page."""
        opened = await self._open(visit)
        return opened if isinstance(opened, Response) else self._view.page(visit, opened)

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
                return self._view.page(visit, opened, Result(status=409, problem=words("phone.who_needed")))
        if person is None:
            return self._view.page(visit, opened, Result(status=409, problem=words("phone.no_person")))
        result = await self._view.take_on(opened, person, "link", words)
        after = await self._open(visit)
        return after if isinstance(after, Response) else self._view.page(visit, after, result, mine=person)

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
        opened = await self._view.look_up(claims.home, claims.incident, claims.person, words)
        if opened is None:
            return self._pages.message(visit, 404, words("phone.broken"), words("phone.no_home"), urgent=True)
        return opened
