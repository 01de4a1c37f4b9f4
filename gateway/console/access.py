"""Who is asking: sessions in signed cookies, log-in throttling, and what may be seen without a log-in."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request

from gateway.clock import Clock
from gateway.console.accounts import Account, AccountBook

SESSION_COOKIE = "anlian_session"
IDLE_MAX = timedelta(hours=12)
RENEW_AFTER = timedelta(minutes=5)
FORM_BYTES_MAX = 16 * 1024
SECRET_BYTES_MIN = 16

_FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in of one account."""

    id: str
    account: Account
    seen_at: datetime


class Sessions:
    """Sessions in signed cookies. A changed password, a log-out or 12 h without a person's action ends them."""

    def __init__(self, secret: bytes, clock: Clock, accounts: AccountBook) -> None:
        if len(secret) < SECRET_BYTES_MIN:
            raise ValueError(f"the console's secret has {len(secret)} bytes, it needs {SECRET_BYTES_MIN}")
        self._secret = secret
        self._signer = URLSafeSerializer(secret, salt="anlian.console.session")
        self._clock = clock
        self._accounts = accounts
        self._ended: OrderedDict[str, datetime] = OrderedDict()

    def begin(self, account: Account) -> str:
        """The cookie of a new session."""
        return self._cookie(secrets.token_urlsafe(16), account)

    def renew(self, session: Session) -> str:
        """The cookie of the same session, seen now."""
        return self._cookie(session.id, session.account)

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None where it is forged, too old, ended, or its account is gone or changed."""
        if not cookie:
            return None
        try:
            said = self._signer.loads(cookie)
            session_id, name, proof, seen = said["id"], said["name"], said["proof"], said["at"]
            seen_at = datetime.fromtimestamp(seen, UTC)
        except (BadData, KeyError, TypeError, ValueError, OverflowError, OSError):
            return None
        account = self._accounts.find(name) if isinstance(name, str) else None
        if account is None or proof != _proof(account) or session_id in self._ended:
            return None
        if self._clock.now() - seen_at > IDLE_MAX:
            return None
        return Session(session_id, account, seen_at)

    def end(self, session: Session) -> None:
        """End a session for good, wherever its cookie is."""
        now = self._clock.now()
        self._ended[session.id] = now
        while self._ended and (len(self._ended) > 4096 or now - next(iter(self._ended.values())) > IDLE_MAX):
            self._ended.popitem(last=False)

    def due_for_renewal(self, session: Session) -> bool:
        """Whether the cookie is old enough to be sent anew."""
        return self._clock.now() - session.seen_at > RENEW_AFTER

    def csrf_token(self, session: Session) -> str:
        """What every form of this session must carry."""
        return hmac.new(self._secret, f"csrf:{session.id}".encode(), hashlib.sha256).hexdigest()

    def csrf_fits(self, session: Session, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(self.csrf_token(session).encode(), token.encode())

    def _cookie(self, session_id: str, account: Account) -> str:
        said = {
            "id": session_id,
            "name": account.name,
            "proof": _proof(account),
            "at": int(self._clock.now().timestamp()),
        }
        return str(self._signer.dumps(said))


def _proof(account: Account) -> str:
    """Changes with the password: sessions of the old one are over."""
    return hashlib.sha256(account.password_hash.encode()).hexdigest()[:16]


class Throttle:
    """How many log-ins may fail: counted by address and account together, by address, and by account, for 5 minutes.

    The pair's limit is low and the account's high, so that somebody who fails on purpose does not lock the
    real person out. At the bound of remembered keys the oldest is forgotten.
    """

    WINDOW = timedelta(minutes=5)
    PAIR_MAX = 5
    ADDRESS_MAX = 20
    ACCOUNT_MAX = 50
    KEYS_MAX = 4096

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], deque[datetime]] = OrderedDict()

    def wait_for(self, address: str, account: str) -> timedelta:
        """How long this address must wait before it may try this account (zero: it may)."""
        return self.held_by(address, account)[0]

    def held_by(self, address: str, account: str) -> tuple[timedelta, str]:
        """How long, and what holds it longest: `pair`, `address` or `account` ("" with zero)."""
        now = self._clock.now()
        longest, held = timedelta(0), ""
        for (key, most), name in zip(self._limits(address, account), ("pair", "address", "account"), strict=True):
            failures = self._failures.get(key)
            while failures and now - failures[0] > self.WINDOW:
                failures.popleft()
            if failures and len(failures) >= most:
                left = failures[-most] + self.WINDOW - now
                if left > longest:
                    longest, held = left, name
        return longest, held

    def failed(self, address: str, account: str) -> None:
        """Note a log-in that failed."""
        now = self._clock.now()
        for key, most in self._limits(address, account):
            self._failures.setdefault(key, deque(maxlen=most)).append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > self.KEYS_MAX:
            self._failures.popitem(last=False)

    def succeeded(self, address: str, account: str) -> None:
        """Forget the failures of this address on this account."""
        self._failures.pop((address, account), None)

    def _limits(self, address: str, account: str) -> tuple[tuple[tuple[str, str], int], ...]:
        return (
            ((address, account), self.PAIR_MAX),
            ((address, ""), self.ADDRESS_MAX),
            (("", account), self.ACCOUNT_MAX),
        )


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page: a session, or nobody in particular in front of the box itself (`local`)."""

    session: Session | None
    local: bool

    @property
    def account(self) -> Account | None:
        """The account, where somebody is logged in."""
        return self.session.account if self.session is not None else None

    def sees(self, home: str) -> bool:
        """Whether this viewer may look at this home."""
        return self.account.sees(home) if self.account is not None else self.local

    def operates(self, home: str) -> bool:
        """Whether this viewer may act in this home."""
        return self.account is not None and self.account.operates and self.account.sees(home)


def client_address(request: Request) -> str:
    """The address that the request came from, as the web server knows it."""
    return request.client.host if request.client is not None else ""


def is_local(request: Request) -> bool:
    """Whether the request was made on this machine, for this machine, by nobody else's proxy.

    A proxy on the same machine makes every client look local, hence the forwarding headers; a name that an
    outsider's DNS points at 127.0.0.1 makes a browser on the box ask for the outsider, hence the Host.
    """
    if any(request.headers.get(name) for name in _FORWARDING_HEADERS):
        return False
    if host_name(request.headers) not in _LOOPBACK_NAMES:
        return False
    try:
        return ipaddress.ip_address(client_address(request)).is_loopback
    except ValueError:
        return False


def host_name(headers: Mapping[str, str]) -> str:
    """The Host header without its port."""
    host = headers.get("host", "").lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def from_our_pages(request: Request) -> bool:
    """Whether a browser says that this request was started by a page of ours (or says nothing: not a browser)."""
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None and fetch_site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == request.headers.get("host", "").lower()


class FormTooLarge(Exception):
    """A form is larger than any of ours."""


async def read_body(request: Request) -> bytes:
    """The body of a form, bounded."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            raise FormTooLarge
    return bytes(body)


SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: with it browsers send `Origin: null` with our own forms, too.
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
