"""The way into every page: who is asking, what for, and in which language."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, quote

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.console.access import (
    SECURITY_HEADERS,
    SESSION_COOKIE,
    FormTooLarge,
    Sessions,
    Viewer,
    from_our_pages,
    is_local,
    read_body,
)
from gateway.console.render import Pages, Visit
from gateway.console.texts import LANGUAGES, WORDS

LANGUAGE_COOKIE = "anlian_language"
_YEAR_S = 365 * 24 * 3600
_FIELDS_MAX = 32

Handler = Callable[[Visit], Awaitable[Response]]
Form = dict[str, str]

_log = structlog.get_logger(__name__)


class Need(enum.Enum):
    """What a page asks of its visitor: nothing, a log-in or a place in front of the box, or a log-in."""

    NOTHING = "nothing"
    VIEW = "view"
    LOGIN = "login"


class Gate:
    """Lets visitors in: wraps a handler into an endpoint."""

    def __init__(self, sessions: Sessions, pages: Pages, language: str) -> None:
        self._sessions = sessions
        self._pages = pages
        self._language = language

    def visit(self, request: Request) -> Visit:
        """Who looks, in which language."""
        viewer = Viewer(self._sessions.read(request.cookies.get(SESSION_COOKIE)), is_local(request))
        wished = (
            request.query_params.get("lang"),
            request.cookies.get(LANGUAGE_COOKIE),
            viewer.account.language if viewer.account is not None else "",
            _phone_language(request),
            self._language,
        )
        language = next((each for each in wished if each in LANGUAGES), "zh")
        return Visit(request, viewer, WORDS[language])

    def page(self, handler: Handler, need: Need) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a handler."""

        async def endpoint(request: Request) -> Response:
            visit = self.visit(request)
            refused = self._refuse(visit, need)
            if refused is not None:
                return refused
            try:
                response = await handler(visit)
            except FormTooLarge:
                response = self._pages.message(visit, 413, visit.words("refused.title"), visit.words("error.too_large"))
            self._set_cookies(visit, response)
            return response

        return endpoint

    async def form(self, visit: Visit, fields_max: int = _FIELDS_MAX) -> Form:
        """The fields of a form, bounded in size and number."""
        body = (await read_body(visit.request)).decode("utf-8", "replace")
        try:
            fields = parse_qs(body, keep_blank_values=True, max_num_fields=fields_max)
        except ValueError as error:
            raise FormTooLarge from error
        return {name: values[-1] for name, values in fields.items()}

    def forged(self, visit: Visit, form: Form) -> Response | None:
        """Why a form of a logged-in person is not taken (it did not come from our page), or None."""
        session = visit.viewer.session
        if not from_our_pages(visit.request):
            return self._pages.message(visit, 403, visit.words("refused.title"), visit.words("refused.origin"))
        if session is None or not self._sessions.csrf_fits(session, form.get("csrf", "")):
            return self._pages.message(visit, 403, visit.words("refused.title"), visit.words("refused.csrf"))
        return None

    async def on_http_error(self, request: Request, error: Exception) -> Response:
        """A page for 404 and the like."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        visit = self.visit(request)
        key = {404: "error.not_found", 405: "error.method"}.get(status, "error.internal")
        response = self._pages.message(visit, status, visit.words("error.title"), visit.words(key))
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    async def on_fault(self, request: Request, error: Exception) -> Response:
        """A page of ours failed: a plain page that says so (the web server logs the error itself)."""
        words = self.visit(request).words
        _log.error("page failed", path=request.url.path, error=repr(error))
        headers = {**SECURITY_HEADERS, "cache-control": "no-store"}
        return HTMLResponse(f"<!doctype html><p>{words('error.internal')}</p>", 500, headers=headers)

    def _refuse(self, visit: Visit, need: Need) -> Response | None:
        viewer, request = visit.viewer, visit.request
        if need is Need.NOTHING or viewer.account is not None or (need is Need.VIEW and viewer.local):
            return None
        live = visit.wants_fragment or request.url.path == "/events"
        if request.method == "GET" and not live and "text/html" in request.headers.get("accept", "text/html"):
            return RedirectResponse(f"/login?next={quote(request.url.path, safe='')}", 303)
        return self._pages.message(visit, 401, visit.words("nav.login"), visit.words("error.local_only"))

    def _set_cookies(self, visit: Visit, response: Response) -> None:
        request, session = visit.request, visit.viewer.session
        secure = request.url.scheme == "https"
        if request.query_params.get("lang") in LANGUAGES:
            language = visit.words.language
            response.set_cookie(LANGUAGE_COOKIE, language, _YEAR_S, samesite="lax", secure=secure, httponly=True)
        if session is None or not self._sessions.due_for_renewal(session) or "set-cookie" in response.headers:
            return
        # A page that keeps itself up to date is nobody's action. It only keeps a session alive that can change nothing
        # (the screen on the wall).
        if not visit.wants_fragment or not session.account.operates:
            self.set_session(visit, response, self._sessions.renew(session))

    def set_session(self, visit: Visit, response: Response, cookie: str) -> None:
        """Hand a session's cookie to the browser."""
        secure = visit.request.url.scheme == "https"
        response.set_cookie(SESSION_COOKIE, cookie, path="/", httponly=True, samesite="lax", secure=secure)


def _phone_language(request: Request) -> str:
    """The first language of ours that a phone asks for: whoever opens a link from a message has chosen nothing here."""
    if not request.url.path.startswith(("/i/", "/a/", "/t/", "/app", "/install")):
        return ""
    wished = []
    for place, each in enumerate(request.headers.get("accept-language", "")[:200].split(",")):
        tag, _, weight = each.strip().partition(";q=")
        try:
            wished.append((-float(weight or 1.0), place, tag.partition("-")[0].lower()))
        except ValueError:
            continue
    return next((language for _, _, language in sorted(wished) if language in LANGUAGES), "")


class SecurityHeaders:
    """Adds the security headers to every response; pages are stored by nobody, static files are asked for anew."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caching = b"no-cache" if scope["path"].startswith("/static/") else b"no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"cache-control"]
                message["headers"] = [*headers, *self._headers, (b"cache-control", caching)]
            await send(message)

        await self._app(scope, receive, send_with_headers)
