"""Pages of the tests of phones and channels: how each stands, a test by hand, the confirmation of a visible one.

Behind the link of a test GET shows and changes nothing (chat programs fetch links ahead); only the button's POST does.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.console.actions import Desk
from gateway.console.gate import Gate, Need
from gateway.console.live import LivePages
from gateway.console.parts import ConsoleParts, LinkRefusal, ShownEngine, TestLinkClaims
from gateway.console.render import Pages, Visit
from rules.inputs import Outcome, SendReported
from rules.reachability import ChannelProof, Standing
from rules.site import Person, Site

CONFIRMED = "confirmed by its link"


class ChannelLine(msgspec.Struct, frozen=True):
    """One channel of one person, and its last test (None: none yet)."""

    person: Person
    channel: str
    standing: Standing
    proof: ChannelProof | None


def channel_lines(site: Site, engine: ShownEngine) -> list[ChannelLine]:
    """Every channel of every person, the worst first."""
    lines = []
    for person in site.people:
        for channel in person.channels:
            proof = engine.reachability.proofs.get((person.id, channel.destination))
            standing = Standing.UNKNOWN if proof is None else proof.standing
            lines.append(ChannelLine(person, channel.destination, standing, proof))
    return sorted(lines, key=lambda line: -line.standing.rank)


class ChannelTestPages:
    """The page of a home, and the page behind a link."""

    def __init__(self, parts: ConsoleParts, pages: Pages, gate: Gate, desk: Desk, live: LivePages) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate
        self._desk = desk
        self._live = live

    async def show(self, visit: Visit) -> Response:
        """How every channel of the home's people stands."""
        note = visit.words("tests.asked") if visit.request.query_params.get("done") == "asked" else ""
        return self._page(visit, note=note)

    def _page(self, visit: Visit, status: int = 200, note: str = "", problem: str = "") -> Response:
        site, engine = self._live.home(visit)
        version = self._parts.changes.version
        lines = channel_lines(site, engine)
        return self._pages.live("channel_tests", visit, site, version, status, lines=lines, note=note, problem=problem)

    async def ask(self, visit: Visit) -> Response:
        """Test one channel now."""
        site, _ = self._live.home(visit)
        form = await self._gate.form(visit)
        forged = self._gate.forged(visit, form)
        if forged is not None:
            return forged
        words = visit.words
        if visit.viewer.account is None or not visit.viewer.operates(site.id):
            return self._page(visit, 403, problem=words("refused.not_allowed"))
        if self._parts.ask_test is None:
            return self._page(visit, 503, problem=words("tests.unavailable"))
        if not self._parts.ask_test(site.id, form.get("person", "")[:100], form.get("channel", "")[:100]):
            return self._page(visit, 404, problem=words("tests.unknown_name"))
        return RedirectResponse(f"/home/{site.id}/channel-tests?done=asked", 303)

    # behind the link

    async def confirmation(self, visit: Visit) -> Response:
        """The page with the one button."""
        found = self._find(visit)
        if isinstance(found, Response):
            return found
        claims, site, person = found
        home = site.name.in_language(visit.words.language)
        return self._pages.page(
            "channel_test.html", visit, site, name=person.name, home_name=home, channel=claims.channel
        )

    async def confirm(self, visit: Visit) -> Response:
        """The button: the message of the test arrived."""
        found = self._find(visit)
        if isinstance(found, Response):
            return found
        claims, site, person = found

        def make(at: datetime) -> SendReported:
            return SendReported(
                at=at,
                message=claims.message,
                incident="",
                channel=claims.channel,
                person=person.id,
                outcome=Outcome.ANSWERED,
                detail=CONFIRMED,
                final=False,
            )

        answer = await self._desk.put(site.id, make, "test", claims.message)
        words = visit.words
        if not answer.answered:
            return self._pages.message(visit, 503, words("refused.title"), words("refused.no_answer"))
        return self._pages.message(visit, 200, words("test.done"))

    def _find(self, visit: Visit) -> tuple[TestLinkClaims, Site, Person] | Response:
        claims = self._parts.links.read_test(visit.request.path_params["token"])
        words = visit.words
        if not isinstance(claims, TestLinkClaims):
            reason: LinkRefusal = claims
            expired = reason.reason == "expired"
            key = "test.expired" if expired else "test.forged"
            return self._pages.message(visit, 410 if expired else 404, words("test.title"), words(key))
        site = self._parts.sites.get(claims.home)
        if site is None:
            raise HTTPException(404)
        person = next((each for each in site.people if each.id == claims.person), None)
        if person is None:
            return self._pages.message(visit, 404, words("test.title"), words("test.unknown"))
        return claims, site, person


def channel_test_routes(
    console: ConsoleParts, pages: Pages, gate: Gate, desk: Desk, live: LivePages
) -> list[Route]:
    """Everything below /home/…/channel-tests, and /t/."""
    tests = ChannelTestPages(console, pages, gate, desk, live)
    return [
        Route("/home/{home}/channel-tests", gate.page(tests.show, Need.LOGIN), methods=["GET"]),
        Route("/home/{home}/channel-tests/ask", gate.page(tests.ask, Need.LOGIN), methods=["POST"]),
        Route("/t/{token}", gate.page(tests.confirmation, Need.NOTHING), methods=["GET"]),
        Route("/t/{token}", gate.page(tests.confirm, Need.NOTHING), methods=["POST"]),
    ]
