"""The page of modes: drill and maintenance, and what is held back, each with the way to begin it and to end it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gateway.console.access import Throttle, client_address
from gateway.console.accounts import AccountBook, password_fits
from gateway.console.actions import Desk
from gateway.console.board import subject_words, zone_words
from gateway.console.gate import Form, Gate
from gateway.console.live import LivePages
from gateway.console.modes_view import DRILLED, chosen_alarm, drill_view, held_lines, last_drills
from gateway.console.parts import ConsoleParts
from gateway.console.refusals import refusal_words
from gateway.console.render import Pages, Visit
from rules.inputs import AnyInput, Mode, ModeRequested, ModeVerb, SuppressionRequested, SuppressionVerb

HOURS = (1, 2, 4, 8)
"""The spans offered for what is held back; the engine takes none above eight hours."""

DRILL_MINUTES = (10, 30, 60, 120)

FIELDS_MAX = 1000
"""A form has a field for each zone."""

Made = tuple[Callable[[datetime], AnyInput], str, str]
"""What makes the input, and by which verb and target a refusal of it is known."""


class ModesPages:
    """What people begin and end here goes through the inbox, like everything that happens."""

    def __init__(
        self,
        parts: ConsoleParts,
        pages: Pages,
        gate: Gate,
        desk: Desk,
        live: LivePages,
        accounts: AccountBook,
        throttle: Throttle,
    ) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate
        self._desk = desk
        self._live = live
        self._accounts = accounts
        self._throttle = throttle
        self._checking = asyncio.Semaphore(1)
        self._made: dict[str, Callable[[str, Form], Made]] = {
            "drill-start": _drill_start,
            "drill-end": _drill_end,
            "maintenance-start": _maintenance_start,
            "maintenance-end": _maintenance_end,
            "shelve": _shelve,
            "unshelve": _suppression(SuppressionVerb.UNSHELVE),
            "out-of-service": _out_of_service,
            "return": _suppression(SuppressionVerb.RETURN_TO_SERVICE),
        }

    async def show(self, visit: Visit) -> Response:
        """The page, with the forms for one alarm where it is named."""
        done = visit.request.query_params.get("done", "")
        return await self._page(visit, note=visit.words("modes.done") if done in self._made else "")

    async def _page(self, visit: Visit, status: int = 200, note: str = "", problems: Sequence[str] = ()) -> Response:
        site, engine = self._live.home(visit)
        words = visit.words
        version = self._parts.changes.version
        states = engine.devices.values()
        values = {
            "drill": drill_view(site, engine, words),
            "walk": engine.walk_test,
            "held": held_lines(site, engine, words),
            "sheets": last_drills(site, engine, await self._parts.history(site.id), words),
            "chosen": chosen_alarm(engine, visit.request.query_params.get("alarm", ""), words),
            "detectors": [
                (state.device.id, subject_words(engine, state.device.id, words))
                for state in states
                if state.device.category in DRILLED
            ],
            "devices": [(state.device.id, subject_words(engine, state.device.id, words)) for state in states],
            "zones": [(zone.id, zone_words(site, zone.id, words)) for zone in site.zones],
            "hours": HOURS,
            "minutes": DRILL_MINUTES,
            "note": note,
            "problems": problems,
        }
        return self._pages.live("modes", visit, site, version, status, **values)

    async def act(self, visit: Visit) -> Response:
        """Begin or end one of them; a refusal is shown with its reason, and nothing is changed."""
        site, engine = self._live.home(visit)
        action = visit.request.path_params["action"]
        make = self._made.get(action)
        if make is None:
            raise HTTPException(404)
        form = await self._gate.form(visit, FIELDS_MAX)
        forged = self._gate.forged(visit, form)
        if forged is not None:
            return forged
        words, account = visit.words, visit.viewer.account
        if account is None or not visit.viewer.operates(site.id):
            return await self._page(visit, 403, problems=(words("refused.not_allowed"),))
        form.pop("second", None)
        if action == "out-of-service" or (action == "maintenance-start" and form.get("second_name", "").strip()):
            second = await self._second(visit, site.id, form)
            if not second:
                return await self._page(visit, 409, problems=(words("modes.second_failed"),))
            form = {**form, "second": second}
        form["zones"] = " ".join(zone.id for zone in site.zones if form.get(f"zone.{zone.id}") == "yes")
        if action == "maintenance-start" and form.get("scope") != "all" and not form["zones"]:
            return await self._page(visit, 409, problems=(words("walk.choose_zone"),))
        put, verb, target = make(account.acts_as, form)
        answer = await self._desk.put(site.id, put, verb, target)
        if not answer.answered:
            return await self._page(visit, 503, problems=(words("refused.no_answer"),))
        if not answer.done:
            reasons = [refusal_words(site, engine, reason, words) for reason in answer.reasons]
            return await self._page(visit, 409, problems=reasons)
        return RedirectResponse(f"/home/{site.id}/modes?done={action}", 303)

    async def _second(self, visit: Visit, home: str, form: Form) -> str:
        """The second person, who says so with his own password; "" if it does not fit or he may not act here."""
        name = form.get("second_name", "").strip().lower()[:64]
        address = client_address(visit.request)
        if self._throttle.wait_for(address, name):
            return ""
        # Counted before the check, so that many tries at once are not free.
        self._throttle.failed(address, name)
        account = self._accounts.find(name)
        async with self._checking:
            fits = await asyncio.to_thread(password_fits, account, form.get("second_password", ""))
        if not fits or account is None or not (account.operates and account.sees(home)):
            return ""
        self._throttle.succeeded(address, name)
        return account.acts_as


def _span(form: Form, unit: timedelta, default: timedelta) -> timedelta:
    """The span of a form; one that is not offered is refused by the engine."""
    text = form.get("span", "")
    return unit * int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else default


def _mode(person: str, mode: Mode, verb: ModeVerb, target: str, make: Callable[[ModeRequested], ModeRequested]) -> Made:
    def at_instant(at: datetime) -> AnyInput:
        return make(ModeRequested(at=at, person=person, mode=mode, verb=verb))

    return at_instant, f"{mode.value}.{verb.value}", target


def _drill_start(person: str, form: Form) -> Made:
    device = form.get("device", "")[:100]
    limit = _span(form, timedelta(minutes=1), timedelta(0))

    def make(asked: ModeRequested) -> ModeRequested:
        return replace(asked, device=device, time_limit=limit)

    return _mode(person, Mode.DRILL, ModeVerb.START, device, make)


def _drill_end(person: str, form: Form) -> Made:  # noqa: ARG001 - one shape for all
    return _mode(person, Mode.DRILL, ModeVerb.END, "", lambda asked: asked)


def _maintenance_start(person: str, form: Form) -> Made:
    zones = () if form.get("scope") == "all" else tuple(form["zones"].split())
    limit = _span(form, timedelta(hours=1), timedelta(0))
    reason = form.get("reason", "")[:200]

    def make(asked: ModeRequested) -> ModeRequested:
        return replace(asked, zones=zones, time_limit=limit, reason=reason, confirmed_by=form.get("second", ""))

    return _mode(person, Mode.MAINTENANCE, ModeVerb.START, "", make)


def _maintenance_end(person: str, form: Form) -> Made:
    target = form.get("target", "")[:200]
    return _mode(person, Mode.MAINTENANCE, ModeVerb.END, target, lambda asked: replace(asked, target=target))


def _suppression(verb: SuppressionVerb) -> Callable[[str, Form], Made]:
    def made(person: str, form: Form) -> Made:
        target = form.get("target", "")[:300]

        def make(at: datetime) -> AnyInput:
            return SuppressionRequested(at=at, person=person, verb=verb, target=target)

        return make, verb.value, target

    return made


def _shelve(person: str, form: Form) -> Made:
    target, once = form.get("target", "")[:300], form.get("span") == "once"
    duration = None if once else _span(form, timedelta(hours=1), timedelta(0))
    reason, verb = form.get("reason", "")[:200], SuppressionVerb.SHELVE

    def make(at: datetime) -> AnyInput:
        asked = SuppressionRequested(at=at, person=person, verb=verb, target=target, once=once, reason=reason)
        return replace(asked, duration=duration)

    return make, verb.value, target


def _out_of_service(person: str, form: Form) -> Made:
    target, verb = form.get("target", "")[:300], SuppressionVerb.OUT_OF_SERVICE
    duration = _span(form, timedelta(hours=1), timedelta(0))

    def make(at: datetime) -> AnyInput:
        return SuppressionRequested(
            at=at,
            person=person,
            verb=verb,
            target=target,
            duration=duration,
            reason=form.get("reason", "")[:200],
            substitute=form.get("substitute", "")[:200],
            confirmed_by=form.get("second", ""),
        )

    return make, verb.value, target
