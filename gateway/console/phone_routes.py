"""The routes of the app on the phone, of its enrolment and of its installation."""

from __future__ import annotations

from starlette.routing import Route

from gateway.console.access import Sessions, Throttle
from gateway.console.actions import Desk
from gateway.console.enrolment import EnrolmentPages
from gateway.console.gate import Gate, Need
from gateway.console.holder import Holders
from gateway.console.incident_view import IncidentView
from gateway.console.installing import InstallPages
from gateway.console.parts import ConsoleParts
from gateway.console.phone_app import AppPages
from gateway.console.phone_line import PhoneLine
from gateway.console.phone_shifts import PhoneShifts
from gateway.console.render import Pages


def phone_routes(
    console: ConsoleParts, pages: Pages, gate: Gate, desk: Desk, view: IncidentView, sessions: Sessions
) -> list[Route]:
    """Everything below /app, /install and /home/…/phones; nothing where no phones are kept."""
    reach = console.reach
    if reach is None:
        return []
    phones = reach.phones
    holders = Holders(console, phones, sessions, pages)
    shifts = PhoneShifts(console, pages, gate, desk, holders)
    app = AppPages(console, pages, gate, desk, view, holders, reach, shifts)
    line = PhoneLine(console, pages, holders, reach)
    enrolment = EnrolmentPages(console, pages, gate, holders, phones, Throttle(console.clock))
    install = InstallPages(console, pages)
    page, nobody = gate.page, Need.NOTHING
    return [
        Route("/app", page(app.home, nobody), methods=["GET"]),
        Route("/app/home/{home}/incident/{id}", page(app.incident, nobody), methods=["GET"]),
        Route("/app/home/{home}/incident/{id}", page(app.act, nobody), methods=["POST"]),
        Route("/app/home/{home}/drawing/{zone}", page(app.drawing, nobody), methods=["GET"]),
        Route("/app/home/{home}/handover", page(shifts.hand_over, nobody), methods=["POST"]),
        Route("/app/line", page(line.stream, nobody), methods=["GET"]),
        Route("/app/answer", page(line.answer, nobody), methods=["POST"]),
        Route("/app/receipt", page(line.receipt, nobody), methods=["POST"]),
        Route("/app/push", page(line.push, nobody), methods=["POST"]),
        Route("/app/enrol", page(enrolment.enrol, nobody), methods=["POST"]),
        Route("/app/enrol/{code}", page(enrolment.show, nobody), methods=["GET"]),
        Route("/app/leave", page(enrolment.leave, nobody), methods=["POST"]),
        Route("/app/manifest.webmanifest", page(install.manifest, nobody), methods=["GET"]),
        Route("/app/worker.js", page(install.worker, nobody), methods=["GET"]),
        Route("/app/offline", page(install.offline, nobody), methods=["GET"]),
        Route("/app/icon-{size:int}.png", page(install.icon, nobody), methods=["GET"]),
        Route("/install", page(install.install, nobody), methods=["GET"]),
        Route("/install/ca.crt", page(install.authority, nobody), methods=["GET"]),
        Route("/home/{home}/phones", page(enrolment.phones, Need.LOGIN), methods=["GET"]),
        Route("/home/{home}/phones/invite", page(enrolment.invite, Need.LOGIN), methods=["POST"]),
        Route("/home/{home}/phones/revoke", page(enrolment.revoke, Need.LOGIN), methods=["POST"]),
    ]
