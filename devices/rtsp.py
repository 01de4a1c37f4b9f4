"""RTSP without sockets (RFC 2326): requests to send, answers and interleaved packets to read, bounded in every size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

HEAD_MAX: Final = 16 * 1024
"""Bytes of a status line with its headers."""

BODY_MAX: Final = 64 * 1024
"""Bytes of a session description; real ones have 1 or 2 KB."""

PORT: Final = 554
"""RTSP's own port (RFC 2326 section 1.6)."""

_STATUS: Final = re.compile(r"RTSP/1\.[0-9] ([0-9]{3})(?: (.*))?")
_REQUEST: Final = re.compile(r"[A-Z_]{1,32} \S{1,1024} RTSP/1\.[0-9]")
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f]")
_DOLLAR: Final = 0x24
_FRAME_HEAD: Final = 4
_CREDENTIALS_IN_QUERY: Final = re.compile(r"(?i)(?:user(?:name)?|pass(?:word)?|pwd)=[^&/]+")


class RtspError(Exception):
    """What a camera sent cannot be used: what was wrong, for an installer. The only exception of this protocol."""


class Answer(msgspec.Struct, frozen=True):
    """The answer to a request. `headers` have lower-case names, and all values that a name had."""

    status: int
    reason: str
    headers: dict[str, tuple[str, ...]] = {}
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first value of a header, or ""."""
        return self.headers.get(name, ("",))[0]

    @property
    def words(self) -> str:
        """`404 Not Found`, cut to what a person reads."""
        return f"{self.status} {self.reason}".strip()[:80]


class Interleaved(msgspec.Struct, frozen=True, gc=False):
    """One packet of RTP or RTCP between the answers (RFC 2326 section 10.12)."""

    channel: int
    payload: bytes


class Reader:
    """The bytes of a connection become answers and packets. What the camera asks of us is read and passed over."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, received: bytes) -> list[Answer | Interleaved]:
        """All that is complete now, in order. RtspError: this is no RTSP, or larger than anything of it may be."""
        waiting = self._waiting
        waiting += received
        found: list[Answer | Interleaved] = []
        position, end = 0, len(waiting)
        while position < end:
            first = waiting[position]
            if first == _DOLLAR:
                if end - position < _FRAME_HEAD:
                    break
                after = position + _FRAME_HEAD + (waiting[position + 2] << 8 | waiting[position + 3])
                if after > end:
                    break
                payload = bytes(waiting[position + _FRAME_HEAD : after])
                found.append(Interleaved(waiting[position + 1], payload))
                position = after
            elif first in b"\r\n":  # empty lines before a message mean nothing (RFC 2326 section 4.1)
                position += 1
            else:
                message = self._message(position)
                if message is None:
                    break
                answer, position = message
                if answer is not None:
                    found.append(answer)
        del waiting[:position]
        return found

    def _message(self, start: int) -> tuple[Answer | None, int] | None:
        """The message at `start` and where it ends; None until it is whole."""
        head_end = self._waiting.find(b"\r\n\r\n", start, start + HEAD_MAX)
        if head_end < 0:
            if len(self._waiting) - start >= HEAD_MAX:
                raise RtspError(f"an answer's headers are longer than {HEAD_MAX} bytes, or this is not RTSP")
            _refuse_other_protocols(bytes(self._waiting[start : start + 5]))
            return None
        first, *lines = self._waiting[start:head_end].decode("utf-8", "replace").split("\r\n")
        status = _STATUS.fullmatch(first)
        if status is None and _REQUEST.fullmatch(first) is None:
            raise RtspError(f"not an RTSP answer: {first[:60]!r}")
        headers = _headers(lines)
        length = _length(headers)
        body_start = head_end + 4
        if len(self._waiting) - body_start < length:
            return None
        if status is None:
            return None, body_start + length
        body = bytes(self._waiting[body_start : body_start + length])
        return Answer(int(status[1]), (status[2] or "").strip(), headers, body), body_start + length


def _refuse_other_protocols(start: bytes) -> None:
    """A web server or an SSH server on the port is told at once, not after a time-out."""
    if not b"RTSP/".startswith(start[:5]) and not re.match(rb"[A-Z_]*( |$)", start):
        raise RtspError(f"not an RTSP answer: begins with {start!r}")


def _headers(lines: list[str]) -> dict[str, tuple[str, ...]]:
    headers: dict[str, tuple[str, ...]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise RtspError(f"not a header: {line[:60]!r}")
        key = name.strip().lower()
        headers[key] = (*headers.get(key, ()), value.strip())
    return headers


def _length(headers: Mapping[str, tuple[str, ...]]) -> int:
    text = headers.get("content-length", ("0",))[0]
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise RtspError(f"Content-Length is no number: {text[:20]!r}")
    if int(text) > BODY_MAX:
        raise RtspError(f"an answer of {text} bytes; the limit is {BODY_MAX}")
    return int(text)


def request(method: str, uri: str, sequence: int, headers: Mapping[str, str] | None = None) -> bytes:
    """A request as bytes. RtspError where something from the camera would break its lines."""
    lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {sequence}", "User-Agent: anlian-gateway"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if any(_FORBIDDEN.search(line) for line in lines) or " " in uri:
        raise RtspError("the camera's session description holds characters that an address cannot have")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Address(msgspec.Struct, frozen=True):
    """Where a camera's stream is: an rtsp URL without credentials, and the host and port in it."""

    url: str
    host: str
    port: int


def read_address(url: str) -> Address:
    """The address in an rtsp URL; ValueError says what is wrong with it, without repeating what may be a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("is not an address") from error
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise ValueError("has a user name or a password in it")
    if parts.scheme != "rtsp" or not parts.hostname or _FORBIDDEN.search(url) or " " in url:
        raise ValueError("is not an rtsp address")
    if port == 0:
        raise ValueError("has port 0")
    return Address(url, parts.hostname, port if port is not None else PORT)


def holds_password(url: str) -> bool:
    """Whether the path or query of an address seems to hold credentials, as some recorders want it."""
    return _CREDENTIALS_IN_QUERY.search(url) is not None
