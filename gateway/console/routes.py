"""The console's web application: every page, and what it asks of its visitor."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.console.access import Sessions, Throttle
from gateway.console.accounts import AccountBook
from gateway.console.actions import Desk
from gateway.console.adoption import AdoptionPages
from gateway.console.channel_tests import channel_test_routes
from gateway.console.delivery import DeliveryPages
from gateway.console.drill_sheets import drill_sheet_routes
from gateway.console.duty import DutyPages
from gateway.console.gate import Gate, Need, SecurityHeaders
from gateway.console.incident_view import IncidentView
from gateway.console.live import LivePages
from gateway.console.login import LogIn
from gateway.console.modes import ModesPages
from gateway.console.panels import PanelPages
from gateway.console.parts import ConsoleParts
from gateway.console.phone import PhonePages
from gateway.console.phone_routes import phone_routes
from gateway.console.plain import PlainPages
from gateway.console.quality import QualityPages
from gateway.console.render import HERE, Pages
from gateway.console.stills import StillPages
from gateway.console.walk_test import WalkTestPages
from rules.inputs import ModeVerb, Verb


class _Word(Convertor[str]):
    """A part of a path that is one of a few words."""

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _ItemKind(_Word):
    regex = "incident|alarm"


class _VerbName(_Word):
    regex = "|".join(Verb)


register_url_convertor("kind", _ItemKind())
class _ModeVerbName(_Word):
    regex = "|".join(ModeVerb)


register_url_convertor("verb", _VerbName())
register_url_convertor("modeverb", _ModeVerbName())


def _of_walk_tests(walk: WalkTestPages, gate: Gate) -> Iterator[Route]:
    page, path = gate.page, "/home/{home}/walk-test"
    yield Route(path, page(walk.show, Need.LOGIN), methods=["GET"])
    yield Route(path + "/{verb:modeverb}", page(walk.act, Need.LOGIN), methods=["POST"])
    yield Route(path + "/sheet/{key}", page(walk.sheet, Need.LOGIN), methods=["GET"])
    yield Route(path + "/sheet/{key}/pdf", page(walk.pdf, Need.LOGIN), methods=["GET"])


def _of_links(phone: PhonePages, gate: Gate) -> Iterator[Route]:
    """`/i/` is what gateway/links.py writes into messages; `/a/` is the name in the console's own words."""
    for path in ("/i/{token}", "/a/{token}"):
        yield Route(path, gate.page(phone.show, Need.NOTHING), methods=["GET"])
        yield Route(path, gate.page(phone.acknowledge, Need.NOTHING), methods=["POST"])


def build(console: ConsoleParts) -> Starlette:
    """The application. A fault of the accounts closes the log-in alone; ValueError where the secret cannot be used."""
    accounts = AccountBook(console.accounts, console.tell_accounts)
    sessions = Sessions(console.secret, console.clock, accounts)
    pages = Pages(console.clock, sessions, console.version)
    gate = Gate(sessions, pages, console.language)
    desk = Desk(console)
    stills = StillPages(console, pages)
    live = LivePages(console, pages, gate, desk, stills)
    plain = PlainPages(console, pages, live, lambda visit, home: visit.viewer.sees(home))
    adoption = AdoptionPages(console, pages, gate)
    view = IncidentView(console, pages, desk)
    phone = PhonePages(console, pages, gate, view)
    walk = WalkTestPages(console, pages, gate, desk, live)
    panels = PanelPages(console, pages, gate, live)
    throttle = Throttle(console.clock)
    modes = ModesPages(console, pages, gate, desk, live, accounts, throttle)
    delivery = DeliveryPages(console, pages, live)
    quality = QualityPages(console, pages, gate, desk, live)
    log_in = LogIn(accounts, sessions, throttle, pages, gate)
    page = gate.page
    routes = [
        Route("/", page(live.board, Need.VIEW)),
        Route("/home/{home}", page(live.one_board, Need.VIEW)),
        Route("/events", page(live.events, Need.VIEW)),
        Route("/home/{home}/devices", page(live.devices, Need.LOGIN)),
        Route("/home/{home}/panels", page(panels.show, Need.LOGIN), methods=["GET"]),
        Route("/home/{home}/panels/ask", page(panels.ask, Need.LOGIN), methods=["POST"]),
        Route("/home/{home}/channels", page(delivery.show, Need.LOGIN), methods=["GET"]),
        *_of_walk_tests(walk, gate),
        Route("/home/{home}/incident/{id}/still/{key}", page(stills.show, Need.LOGIN), methods=["GET"]),
        Route("/home/{home}/modes", page(modes.show, Need.LOGIN), methods=["GET"]),
        Route("/home/{home}/modes/{action}", page(modes.act, Need.LOGIN), methods=["POST"]),
        Route("/home/{home}/{kind:kind}/{id}", page(live.item, Need.LOGIN)),
        Route("/home/{home}/{kind:kind}/{id}/{verb:verb}", page(live.act, Need.LOGIN), methods=["POST"]),
        *DutyPages(console, pages, gate, desk, live).routes(),
        Route("/unregistered", page(plain.unregistered, Need.LOGIN)),
        Route("/unregistered/adopt", page(adoption.show, Need.LOGIN), methods=["GET"]),
        Route("/unregistered/adopt", page(adoption.adopt, Need.LOGIN), methods=["POST"]),
        Route("/health", page(plain.health, Need.LOGIN)),
        # For programs on the box itself, which have no session: no personal data in either.
        Route("/health.json", page(plain.health_json, Need.VIEW)),
        Route("/metrics", page(plain.metrics, Need.VIEW)),
        Route("/quality", page(quality.show, Need.LOGIN)),
        Route("/home/{home}/ledger/explain", page(quality.explain, Need.LOGIN), methods=["POST"]),
        Route("/history", page(plain.history, Need.LOGIN)),
        *_of_links(phone, gate),
        Route("/login", page(log_in.show, Need.NOTHING), methods=["GET"]),
        Route("/login", page(log_in.log_in, Need.NOTHING), methods=["POST"]),
        Route("/logout", page(log_in.log_out, Need.LOGIN), methods=["POST"]),
        *phone_routes(console, pages, gate, desk, view, sessions),
        *channel_test_routes(console, pages, gate, desk, live),
        *drill_sheet_routes(console, pages, gate, live),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: gate.on_http_error, Exception: gate.on_fault},
    )
