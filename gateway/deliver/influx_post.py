"""One write to a time-series store, and what its answer means.

Mode v1 posts to /write with Basic authentication (InfluxDB 1.x; also 2.x, 3 and VictoriaMetrics), mode v2 to
/api/v2/write with a token through influxdb-client (2.x, 3, VictoriaMetrics; it cannot write to 1.6). Precision is
always ms: InfluxDB 1.6 takes an unknown precision for ns without a word.
"""

from __future__ import annotations

import base64
import enum
import gzip
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp  # influxdb-client lets aiohttp's own errors through; nothing else here is taken from it
import msgspec

from gateway.http import HttpClient, Unreachable, retry_after_seconds
from gateway.settings import Influx

TIMEOUT_S: Final = 15.0
_WORDS_MAX: Final = 300
_TRY_AGAIN: Final = frozenset({408, 425, 429})
_PARTIAL: Final = frozenset({400, 422})  # 422 is how 2.x answers a field type conflict
_LIMITS: Final = ("max-series-per-database", "max-values-per-tag")
_METRICS_MAX: Final = 1024 * 1024
_START_MARKS: Final = ("vm_app_start_timestamp", "process_start_time_seconds")


class Verdict(enum.Enum):
    """What an answer means for the lines that were posted."""

    STORED = "stored"
    SOME_REFUSED = "some refused"
    TOO_LARGE = "too large"
    EXPIRED = "expired"
    MISCONFIGURED = "misconfigured"
    TRY_AGAIN = "try again"


class PostResult(msgspec.Struct, frozen=True):
    """The verdict on one post, the server's words (or ours), and how long it asked us to wait."""

    verdict: Verdict
    detail: str = ""
    retry_after: float = 0.0
    reached: bool = True


class Poster(Protocol):
    """Posts lines to one store."""

    async def post(self, lines: bytes) -> PostResult: ...

    async def started_mark(self) -> str:
        """Something that changes when the server restarts, "" where it cannot be known."""

    async def aclose(self) -> None: ...


def judge(status: int, body: str, retry_after: float = 0.0) -> PostResult:
    """What a status and its words mean. A 400 is not "nothing written": the good lines of the batch are stored."""
    words = f"{status}: {' '.join(body.split())[:_WORDS_MAX]}"
    if status == 204:
        return PostResult(Verdict.STORED)
    if status in _PARTIAL:
        if any(limit in body for limit in _LIMITS):
            return PostResult(Verdict.MISCONFIGURED, f"{words} (raise the limit, or drop series that nobody needs)")
        if "beyond retention policy" in body:
            return PostResult(Verdict.EXPIRED, words)
        return PostResult(Verdict.SOME_REFUSED, words)
    if status == 413:
        return PostResult(Verdict.TOO_LARGE, words)
    if status in (401, 403):
        return PostResult(Verdict.MISCONFIGURED, f"{words} (check user, password or token, and its right to write)")
    if status == 404:
        return PostResult(Verdict.MISCONFIGURED, f"{words} (create the database or bucket, or mend url or mode)")
    if status == 500 and "retention policy not found" in body:
        return PostResult(Verdict.MISCONFIGURED, f"{words} (create the retention policy, or mend retention_policy)")
    if status >= 500 or status in _TRY_AGAIN:
        return PostResult(Verdict.TRY_AGAIN, words, retry_after)
    # A 200 with a page, a redirect: whatever answers is not the store.
    return PostResult(Verdict.MISCONFIGURED, f"{words} (no store answers so: mend url)")


class SecretUnreadable(Exception):
    """The file of a password or a token cannot be read."""


def _secret(path: Path | None, what: str) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "not UTF-8"
        raise SecretUnreadable(f"{what} {path} cannot be read: {words} (mend the path or its rights)") from error


def _body(settings: Influx, lines: bytes) -> bytes:
    return gzip.compress(lines, 1) if settings.gzip else lines


async def _started_mark(http: HttpClient, url: str) -> str:
    """VictoriaMetrics (and the Go runtime of others) tells at /metrics when it started, in whole seconds; "" otherwise.

    A server that dies within a second of its start and is back in that same second is taken for one that stayed.
    """
    try:
        answer = await http.request("GET", f"{url}/metrics", body_max=_METRICS_MAX)
    except Unreachable:
        return ""
    if answer.status != 200:
        return ""
    for line in answer.body.decode("utf-8", "replace").splitlines():
        if line.startswith(_START_MARKS):
            return line
    return ""


class WritePost:
    """Mode v1: POST /write."""

    def __init__(self, settings: Influx, timeout_s: float = TIMEOUT_S) -> None:
        self._settings = settings
        self._url = settings.url.rstrip("/")
        self._http = HttpClient(timeout_s=timeout_s, connections=settings.in_flight + 1)
        self._query = {"db": settings.database, "precision": "ms"}
        if settings.retention_policy:
            self._query["rp"] = settings.retention_policy
        self._headers = {"Content-Type": "text/plain; charset=utf-8"}
        if settings.gzip:
            self._headers["Content-Encoding"] = "gzip"
        self._login: dict[str, str] | None = None

    async def post(self, lines: bytes) -> PostResult:
        try:
            if self._login is None:
                self._login = self._read_login()
            answer = await self._http.request(
                "POST",
                f"{self._url}/write",
                body=_body(self._settings, lines),
                headers=self._headers | self._login,
                query=self._query,
            )
        except SecretUnreadable as error:
            return PostResult(Verdict.MISCONFIGURED, str(error))
        except Unreachable as error:
            return PostResult(Verdict.TRY_AGAIN, error.reason, reached=False)
        result = judge(answer.status, answer.words(_WORDS_MAX * 4), answer.retry_after)
        if result.verdict is Verdict.MISCONFIGURED:
            self._login = None  # whoever mends it may mend the file
        return result

    def _read_login(self) -> dict[str, str]:
        """The header of Basic authentication (RFC 7617), empty where the store asks for none."""
        user = self._settings.username
        password = _secret(self._settings.password_file, "password_file")
        if not user and not password:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

    async def started_mark(self) -> str:
        return await _started_mark(self._http, self._url)

    async def aclose(self) -> None:
        await self._http.aclose()


class TokenPost:
    """Mode v2: POST /api/v2/write through influxdb-client, with bytes that are line protocol already.

    `write_api().write` would compress at level 9 and hide the status; the client's own service below it does neither.
    """

    def __init__(self, settings: Influx, timeout_s: float = TIMEOUT_S) -> None:
        self._settings = settings
        self._url = settings.url.rstrip("/")
        self._timeout_s = timeout_s
        self._http = HttpClient(timeout_s=timeout_s, connections=1)
        self._bucket = settings.bucket or settings.database
        self._encoding = {"content_encoding": "gzip"} if settings.gzip else {}
        self._client: Any = None
        self._service: Any = None
        self._posting = 0
        self._stale = False

    async def _open(self) -> Any:
        if self._stale and not self._posting:
            self._stale = False  # whoever mended it may have mended the token's file
            await self._close_client()
        if self._service is None:
            token = _secret(self._settings.token_file, "token_file")
            # Imported here: 20 MiB of memory that an edge box with mode v1 need not have.
            from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
            from influxdb_client.service.write_service import WriteService

            self._client = InfluxDBClientAsync(
                self._url,
                token=token or None,
                org=self._settings.org,
                timeout=int(self._timeout_s * 1000),
                connection_pool_maxsize=self._settings.in_flight,
                allow_redirects=False,
            )
            self._service = WriteService(self._client.api_client)
        return self._service

    async def post(self, lines: bytes) -> PostResult:
        from influxdb_client.rest import ApiException

        try:
            service = await self._open()
        except SecretUnreadable as error:
            return PostResult(Verdict.MISCONFIGURED, str(error))
        self._posting += 1
        try:
            _, status, _ = await service.post_write_async(
                self._settings.org,
                self._bucket,
                _body(self._settings, lines),
                precision="ms",
                content_type="text/plain; charset=utf-8",
                async_req=False,
                _return_http_data_only=False,
                **self._encoding,
            )
            result = judge(status, "")
        except ApiException as error:
            headers = {name.lower(): value for name, value in (error.headers or {}).items()}
            result = judge(error.status, _words(error.body), retry_after_seconds(headers))
        except TimeoutError:
            return PostResult(Verdict.TRY_AGAIN, f"no answer within {self._timeout_s:g} s", reached=False)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            return PostResult(Verdict.MISCONFIGURED, "the address is not an http(s) URL: mend url", reached=False)
        except (aiohttp.ClientError, OSError) as error:
            return PostResult(Verdict.TRY_AGAIN, f"cannot connect ({type(error).__name__})", reached=False)
        finally:
            self._posting -= 1
        self._stale = self._stale or result.verdict is Verdict.MISCONFIGURED
        return result

    async def started_mark(self) -> str:
        return await _started_mark(self._http, self._url)

    async def _close_client(self) -> None:
        client, self._client, self._service = self._client, None, None
        if client is not None:
            await client.close()

    async def aclose(self) -> None:
        await self._close_client()
        await self._http.aclose()


def _words(body: object) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")


def open_poster(settings: Influx, timeout_s: float = TIMEOUT_S) -> Poster:
    """The way to write that the settings name."""
    return WritePost(settings, timeout_s) if settings.mode == "v1" else TokenPost(settings, timeout_s)
