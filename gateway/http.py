"""The one door to HTTP: a client with time-outs, bounded answers and errors as words without secrets.

It stands around aiohttp, which nothing else in the gateway imports. What another server answers, whatever its
status, is an `Answer`; that there was none is an `Unreachable`, which says whether the request may have arrived.
Addresses may carry tokens, so no error and no log line of this module holds one.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import aiohttp
import msgspec

RETRY_AFTER_MAX_S = 3600.0
"""No server may ask us to stay away for longer than this."""

_USER_AGENT = "anlian-gateway"


class Unreachable(Exception):
    """There was no answer. `sent`: the request may have arrived all the same (time-out, reset after sending)."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        self.reason = reason
        self.sent = sent
        super().__init__(reason)


class Answer(msgspec.Struct, frozen=True):
    """What a server answered. `headers` have lower-case names; `body` is cut at the request's `body_max`.

    `retry_after` is what it asked for in seconds (Retry-After as seconds or as a date), 0 where it did not.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    retry_after: float = 0.0

    @property
    def succeeded(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def words(self, most: int = 200) -> str:
        """The first characters of the body on one line, for a person."""
        return " ".join(self.body.decode("utf-8", "replace").split())[:most]


def retry_after_seconds(headers: Mapping[str, str]) -> float:
    """Seconds that a Retry-After asks for (a date is taken against the answer's own Date), 0 where none is readable."""
    asked = headers.get("retry-after", "").strip()
    if not asked:
        return 0.0
    try:
        seconds = float(asked)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_S) if seconds == seconds else 0.0


def _basic(credentials: tuple[str, str] | None) -> dict[str, str]:
    """The header of Basic authentication (RFC 7617, UTF-8)."""
    if credentials is None:
        return {}
    word = base64.b64encode(":".join(credentials).encode()).decode()
    return {"Authorization": f"Basic {word}"}


class HttpClient:
    """A pool of connections to other servers. Opens on first use; `aclose` (or `async with`) ends it.

    `connections` bounds the connections to one host; a request that waits for one counts that time too.
    Redirects are not followed: a channel that moved is a setting to mend, and a secret must not travel on.
    """

    def __init__(
        self, *, timeout_s: float = 15.0, connections: int = 16, tls: ssl.SSLContext | None = None
    ) -> None:
        self._timeout_s = timeout_s
        self._connections = connections
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, limit_per_host=self._connections, ssl=self._tls if self._tls is not None else True
                ),
                headers={"User-Agent": _USER_AGENT},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
            )
        return self._session

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        credentials: tuple[str, str] | None = None,
        timeout_s: float | None = None,
        body_max: int = 64 * 1024,
    ) -> Answer:
        """Ask once. `credentials` are user and password (Basic); `query` is added to that of the address."""
        seconds = self._timeout_s if timeout_s is None else timeout_s
        try:
            async with self._open().request(
                method,
                url,
                data=body or None,
                headers={**(headers or {}), **_basic(credentials)},
                params=query,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds, connect=seconds),
            ) as response:
                got = await _read(response, body_max)
                answered = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, answered, got, retry_after_seconds(answered))
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise Unreachable("the address is not an http(s) URL: mend `url` in the settings", sent=False) from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unreachable("the server's certificate is not trusted (`ca`? clock?)", sent=False) from error
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"cannot connect: {_os_words(error.os_error)}", sent=False) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise Unreachable(f"cannot connect within {seconds:g} s", sent=False) from error
        except TimeoutError as error:
            raise Unreachable(f"no answer within {seconds:g} s", sent=True) from error
        except aiohttp.ClientError as error:
            raise Unreachable(f"connection broken before the answer ({type(error).__name__})", sent=True) from error
        except OSError as error:
            raise Unreachable(f"connection broken before the answer: {_os_words(error)}", sent=True) from error


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size >= most:
            response.close()
            break
    return b"".join(parts)[:most]


def _os_words(error: OSError) -> str:
    return error.strerror or type(error).__name__
