"""Phones become somebody's: the page that uses a code up, and the page on which an operator makes codes and revokes."""

from __future__ import annotations

import re

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gateway.console.access import Throttle, client_address, from_our_pages
from gateway.console.duty_view import role_words
from gateway.console.gate import Gate
from gateway.console.holder import PHONE_COOKIE, Holders, person_of
from gateway.console.parts import ConsoleParts
from gateway.console.qr import qr_code
from gateway.console.render import Pages, Visit
from gateway.record.phones import Invitation, Phone, PhoneBook, PhonesFull, PhonesUnusable
from rules.site import Person, Site

_KIND = "enrol"
_BROWSERS = (
    *(("MicroMessenger", "WeChat"), ("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome")),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    *(("HarmonyOS", "HarmonyOS"), ("OpenHarmony", "HarmonyOS"), ("Android", "Android"), ("iPhone", "iPhone")),
    *(("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac"), ("Linux", "Linux")),
)

_log = structlog.get_logger(__name__)


class PersonPhones(msgspec.Struct, frozen=True):
    """A person and their phones, as the operator's page lists them."""

    person: Person
    phones: tuple[Phone, ...]


class EnrolmentPages:
    """Codes are made by an operator, shown once, and used up by one phone."""

    def __init__(
        self, parts: ConsoleParts, pages: Pages, gate: Gate, holders: Holders, phones: PhoneBook, throttle: Throttle
    ) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate
        self._holders = holders
        self._phones = phones
        self._throttle = throttle

    # on the phone

    async def show(self, visit: Visit) -> Response:
        """The page behind the QR code: whose this phone is to be. Nothing is changed by looking at it."""
        code = visit.request.path_params["code"]
        held = self._held(visit)
        if held is not None:
            return held
        invitation = self._phones.invitation(code)
        if invitation is None:
            self._throttle.failed(client_address(visit.request), _KIND)
            return self._page(visit, 404, problem=visit.words("app.code_bad"))
        return self._page(visit, 200, invitation, code)

    async def enrol(self, visit: Visit) -> Response:
        """The button: from now on this phone is theirs."""
        words = visit.words
        if not from_our_pages(visit.request):
            return self._pages.message(visit, 403, words("refused.title"), words("refused.origin"))
        form = await self._gate.form(visit)
        held = self._held(visit)
        if held is not None:
            return held
        code = form.get("code", "")[:32]
        invitation = self._phones.invitation(code)
        if invitation is None:
            self._throttle.failed(client_address(visit.request), _KIND)
            return self._page(visit, 404, problem=words("app.code_bad"))
        if "sure" not in form:
            return self._page(visit, 200, invitation, code)
        try:
            made = await self._phones.enrol(code, device_words(visit.request.headers.get("user-agent", "")))
        except PhonesFull:
            return self._page(visit, 409, invitation, code, words("app.phones_full"))
        except PhonesUnusable as fault:
            _log.error("a phone was not enrolled", reason=str(fault))
            return self._page(visit, 503, invitation, code, words("app.phones_unusable"))
        if made is None:
            return self._page(visit, 404, problem=words("app.code_bad"))
        phone, cookie = made
        _log.info("a phone was enrolled", phone=phone.id, person=phone.person, by=phone.enrolled_by)
        response = RedirectResponse("/app", 303)
        self._holders.hand_cookie(visit, response, cookie)
        return response

    async def leave(self, visit: Visit) -> Response:
        """This phone is nobody's any more."""
        holder = self._holders.of(visit)
        form = await self._gate.form(visit)
        if holder is None or holder.phone is None:
            return RedirectResponse("/app", 303)
        if not self._holders.is_ours(visit.request, holder, form.get("csrf", "")):
            return self._pages.message(visit, 403, visit.words("refused.title"), visit.words("refused.csrf"))
        await self._phones.revoke(holder.phone.id)
        response = RedirectResponse("/app", 303)
        response.delete_cookie(PHONE_COOKIE, path="/app")
        return response

    def _held(self, visit: Visit) -> Response | None:
        """Too many codes that were none: somebody guesses, or a finger is too fast."""
        wait = self._throttle.wait_for(client_address(visit.request), _KIND)
        if not wait:
            return None
        seconds = int(wait.total_seconds()) + 1
        response = self._page(visit, 429, problem=visit.words("login.wait_pair", age=visit.words.age(seconds)))
        response.headers["retry-after"] = str(seconds)
        return response

    def _page(
        self, visit: Visit, status: int, invitation: Invitation | None = None, code: str = "", problem: str = ""
    ) -> Response:
        names: list[str] = []
        person = None
        for home in invitation.homes if invitation is not None else ():
            site = self._parts.sites.get(home)
            if site is not None and invitation is not None:
                names.append(site.name.in_language(visit.words.language))
                person = person or person_of(site, invitation.person)
        shown = invitation if person is not None else None
        values = {"invitation": shown, "person": person, "names": names, "code": code, "problem": problem}
        return self._pages.page("enrol.html", visit, None, status, **values)

    # on the console

    async def phones(self, visit: Visit) -> Response:
        """The people of a home and their phones."""
        return self._list(visit, self._site(visit))

    async def invite(self, visit: Visit) -> Response:
        """A code for one person, shown once: as words, as a link and as a QR code."""
        site = self._site(visit)
        form = await self._gate.form(visit)
        forged = self._gate.forged(visit, form)
        if forged is not None:
            return forged
        person = person_of(site, form.get("person", ""))
        account = visit.viewer.account
        if person is None or account is None:
            return self._list(visit, site, 404, problem=visit.words("app.no_such_person"))
        homes = (site.id, *(home for home in self._others(visit, site, person) if f"home-{home}" in form))
        try:
            # Whoever has left all homes of a phone is in its table for nothing.
            await self._phones.forget_others(self._holders.is_there)
            code = await self._phones.invite(person.id, homes, account.acts_as)
        except PhonesUnusable as fault:
            _log.error("no code was made", reason=str(fault))
            return self._list(visit, site, 503, problem=visit.words("app.phones_unusable"))
        link = f"{self._parts.public_url.rstrip('/')}/app/enrol/{code}"
        values = {"code": code, "link": link, "qr": qr_code(link), "invited": person}
        return self._list(visit, site, **values)

    async def revoke(self, visit: Visit) -> Response:
        """A phone that is lost, sold, or not theirs any more."""
        site = self._site(visit)
        form = await self._gate.form(visit)
        forged = self._gate.forged(visit, form)
        if forged is not None:
            return forged
        phone = self._phones.find(form.get("phone", ""))
        if phone is None or site.id not in phone.homes:
            return self._list(visit, site, 404, problem=visit.words("app.no_such_phone"))
        try:
            await self._phones.revoke(phone.id)
        except PhonesUnusable as fault:
            _log.error("a revoked phone is not erased on disk", reason=str(fault))
            return self._list(visit, site, 503, problem=visit.words("app.phones_unusable"))
        _log.info("a phone was revoked", phone=phone.id, person=phone.person)
        return RedirectResponse(f"/home/{site.id}/phones", 303)

    def _site(self, visit: Visit) -> Site:
        site = self._parts.sites.get(visit.request.path_params["home"])
        if site is None or not visit.viewer.operates(site.id):
            raise HTTPException(404)
        return site

    def _others(self, visit: Visit, site: Site, person: Person) -> list[str]:
        """Other homes in whose lists the same person stands: the same id, and the same name."""
        found = []
        for other in self._parts.sites.values():
            known = person_of(other, person.id) if other.id != site.id else None
            if known is not None and known.name == person.name and visit.viewer.operates(other.id):
                found.append(other.id)
        return found

    def _list(self, visit: Visit, site: Site, status: int = 200, **values: object) -> Response:
        everybody = [each for each in (*site.people, *site.contacts) if not each.group]
        lines = [
            PersonPhones(person, tuple(self._phones.of_person(site.id, person.id))) for person in everybody
        ]
        shown = {"code": "", "link": "", "qr": "", "invited": None, "problem": "", **values}
        others = {
            person.id: [self._parts.sites[home] for home in self._others(visit, site, person)] for person in everybody
        }
        shown |= {"lines": lines, "others": others, "role_words": role_words}
        return self._pages.page("phones.html", visit, site, status, **shown)


def device_words(agent: str) -> str:
    """What a browser calls itself, short enough to tell phones apart: `Chrome · Android`."""
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    browser = next((name for sign, name in _BROWSERS if re.search(rf"\b{sign}", agent)), "")
    return " · ".join(part for part in (browser, system) if part) or "?"
