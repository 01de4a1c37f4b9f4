"""Whose phone a page is on: an enrolled phone (its cookie), or an account that is somebody of the home."""

from __future__ import annotations

import hashlib
import hmac

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.access import Sessions, from_our_pages
from gateway.console.parts import ConsoleParts
from gateway.console.render import Pages, Visit
from gateway.record.phones import Phone, PhoneBook
from rules.site import Person, Site

PHONE_COOKIE = "anlian_phone"
PHONE_COOKIE_S = 400 * 24 * 3600
"""The longest that browsers keep a cookie (RFC 6265bis section 5.5); it is handed out anew with every page."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds the phone. `phone` "": no enrolled one, but somebody who is logged in. `csrf` stands in every form."""

    person: str
    homes: tuple[str, ...]
    csrf: str
    phone: Phone | None = None
    operates: bool = True


def person_of(site: Site, person: str) -> Person | None:
    """The single person, or contact, of this id; a group is nobody's phone."""
    everybody = (*site.people, *site.contacts)
    return next((each for each in everybody if each.id == person and not each.group), None)


class Holders:
    """Finds out who holds the phone, and whether a form came from a page of theirs."""

    def __init__(self, parts: ConsoleParts, phones: PhoneBook, sessions: Sessions, pages: Pages) -> None:
        self._parts = parts
        self._phones = phones
        self._sessions = sessions
        self._pages = pages

    def of(self, visit: Visit) -> Holder | None:
        """Who it is; None where nobody is known. Homes that the person has left are not among theirs."""
        phone = self._phones.recognise(visit.request.cookies.get(PHONE_COOKIE))
        if phone is not None:
            homes = tuple(home for home in phone.homes if self.is_there(home, phone.person))
            return Holder(person=phone.person, homes=homes, csrf=self._csrf(phone), phone=phone) if homes else None
        session = visit.viewer.session
        account = session.account if session is not None else None
        if session is None or account is None or not account.person:
            return None
        homes = tuple(h for h in self._parts.sites if account.sees(h) and self.is_there(h, account.person))
        if not homes:
            return None
        csrf = self._sessions.csrf_token(session)
        return Holder(person=account.person, homes=homes, csrf=csrf, operates=account.operates)

    def is_there(self, home: str, person: str) -> bool:
        """Whether somebody is in a home's list, as far as this gateway has the home."""
        site = self._parts.sites.get(home)
        return site is not None and home in self._parts.engines and person_of(site, person) is not None

    def _csrf(self, phone: Phone) -> str:
        return hmac.new(self._parts.secret, f"csrf:phone:{phone.id}".encode(), hashlib.sha256).hexdigest()

    def is_ours(self, request: Request, holder: Holder, token: str) -> bool:
        """Whether a request came from a page of this holder's."""
        return from_our_pages(request) and hmac.compare_digest(holder.csrf.encode(), token.encode())

    def refuse(self, visit: Visit, holder: Holder, token: str) -> Response | None:
        """Why a form is not taken, or None."""
        words = visit.words
        if not self.is_ours(visit.request, holder, token):
            return self._pages.message(visit, 403, words("refused.title"), words("refused.csrf"), urgent=True)
        if not holder.operates:
            return self._pages.message(visit, 403, words("refused.title"), words("app.may_not"), urgent=True)
        return None

    @staticmethod
    def hand_cookie(visit: Visit, response: Response, cookie: str) -> None:
        """Let the phone keep what it is known by."""
        secure = visit.request.url.scheme == "https"
        response.set_cookie(
            PHONE_COOKIE, cookie, PHONE_COOKIE_S, path="/app", httponly=True, samesite="lax", secure=secure
        )
