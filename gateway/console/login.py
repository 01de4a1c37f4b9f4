"""Logging in and out."""

from __future__ import annotations

import asyncio

from starlette.responses import RedirectResponse, Response

from gateway.console.access import SESSION_COOKIE, Sessions, Throttle, client_address, from_our_pages
from gateway.console.accounts import AccountBook, password_fits
from gateway.console.gate import Gate
from gateway.console.render import Pages, Visit

_CHECKS_AT_ONCE = 2
_CHECKS_WAITING_MAX = 16


class LogIn:
    """The log-in page. Passwords are checked in threads, two at a time (each takes 64 MiB and one core)."""

    def __init__(self, accounts: AccountBook, sessions: Sessions, throttle: Throttle, pages: Pages, gate: Gate) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._throttle = throttle
        self._pages = pages
        self._gate = gate
        self._checking = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._waiting = 0

    async def show(self, visit: Visit) -> Response:
        """The form."""
        next_path = _own_path(visit.request.query_params.get("next", "/"))
        return self._page(visit, next_path, self._closed())

    def _closed(self) -> str:
        """Why nobody can log in, as the key of the words for it."""
        if not self._accounts.empty:
            return ""
        return "login.faulty" if self._accounts.fault else "login.no_accounts"

    async def log_in(self, visit: Visit) -> Response:
        """Check account and password; five failures in five minutes are enough."""
        words = visit.words
        if not from_our_pages(visit.request):
            return self._pages.message(visit, 403, words("refused.title"), words("refused.origin"))
        form = await self._gate.form(visit)
        name = form.get("name", "").strip().lower()[:64]
        next_path = _own_path(form.get("next", "/"))
        address = client_address(visit.request)
        wait, held = self._throttle.held_by(address, name)
        if wait or self._waiting >= _CHECKS_WAITING_MAX:
            seconds = max(1, int(wait.total_seconds()) + 1)
            why = words(f"login.wait_{held or 'busy'}", age=words.age(seconds))
            response = self._page(visit, next_path, why, 429, name)
            response.headers["retry-after"] = str(seconds)
            return response
        # Counted before the check, so that many tries at once are not free.
        self._throttle.failed(address, name)
        account = self._accounts.find(name)
        self._waiting += 1
        try:
            async with self._checking:
                fits = await asyncio.to_thread(password_fits, account, form.get("password", ""))
        finally:
            self._waiting -= 1
        if not fits or account is None:
            return self._page(visit, next_path, words("login.failed"), 403, name)
        self._throttle.succeeded(address, name)
        response = RedirectResponse(next_path, 303)
        self._gate.set_session(visit, response, self._sessions.begin(account))
        return response

    async def log_out(self, visit: Visit) -> Response:
        """End the session, wherever its cookie is."""
        forged = self._gate.forged(visit, await self._gate.form(visit))
        if forged is not None:
            return forged
        if visit.viewer.session is not None:
            self._sessions.end(visit.viewer.session)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(SESSION_COOKIE)
        return response

    def _page(self, visit: Visit, next_path: str, problem: str, status: int = 200, name: str = "") -> Response:
        shown = visit.words(problem) if problem.startswith("login.") else problem
        return self._pages.page("login.html", visit, None, status, next_path=next_path, problem=shown, name=name)


def _own_path(path: str) -> str:
    """A path of ours to go on to; anything that a browser could read as another site becomes `/`."""
    if not path.startswith("/") or path.startswith("//") or "\\" in path or not path.isprintable():
        return "/"
    return path
