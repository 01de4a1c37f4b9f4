"""Digest authentication as cameras ask for it (RFC 2617, RFC 7616): MD5 and SHA-256, never the password itself.

Basic authentication sends the password readable over the network, and anybody in the place of the camera could ask
for it, so it is only answered where the settings allow it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

_TOKEN: Final = re.compile(r'[\s,]*(?:([A-Za-z][A-Za-z0-9_-]*)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*)|([A-Za-z][\w-]*))')
_CHALLENGES_MAX: Final = 8


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_HASHES: Final[dict[str, Callable[[str], str]]] = {"MD5": _md5, "SHA-256": _sha256}


class Credentials(msgspec.Struct, frozen=True):
    """A user of a camera. Its `repr` has no password."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, …)"


class Challenge(msgspec.Struct, frozen=True):
    """One way in which a camera lets itself be asked, as it stood in WWW-Authenticate."""

    scheme: str
    realm: str = ""
    nonce: str = ""
    algorithm: str = "MD5"
    qop: str = ""
    opaque: str = ""
    stale: bool = False


def read_challenges(values: Iterable[str]) -> list[Challenge]:
    """The challenges in the WWW-Authenticate headers; one header may hold several, one scheme several algorithms."""
    found: list[tuple[str, dict[str, str]]] = []
    for value in values:
        position = 0
        while (match := _TOKEN.match(value, position)) is not None:
            position = match.end()
            if match[3] is not None:
                found.append((match[3].lower(), {}))
            elif found:
                text = match[2]
                if text.startswith('"'):
                    text = re.sub(r"\\(.)", r"\1", text[1:-1])
                found[-1][1].setdefault(match[1].lower(), text)
    return [
        Challenge(
            scheme,
            given.get("realm", ""),
            given.get("nonce", ""),
            given.get("algorithm", "MD5").upper(),
            given.get("qop", ""),
            given.get("opaque", ""),
            given.get("stale", "").lower() == "true",
        )
        for scheme, given in found[:_CHALLENGES_MAX]
    ]


def choose(challenges: Iterable[Challenge], *, basic_allowed: bool) -> Challenge | None:
    """The strongest challenge that can be answered: SHA-256, then MD5, then Basic where it is allowed; else None."""
    best: tuple[int, Challenge] | None = None
    for challenge in challenges:
        strength = 0
        if challenge.scheme == "digest" and challenge.nonce and _answerable(challenge.qop):
            strength = {"SHA-256": 5, "SHA-256-SESS": 4, "MD5": 3, "MD5-SESS": 2}.get(challenge.algorithm, 0)
        elif challenge.scheme == "basic" and basic_allowed:
            strength = 1
        if strength and (best is None or strength > best[0]):
            best = (strength, challenge)
    return best[1] if best is not None else None


def _answerable(qop: str) -> bool:
    """auth-int alone would need the hash of bodies; no camera is known to ask for it."""
    return not qop or "auth" in [word.strip().lower() for word in qop.split(",")]


def authorization(
    challenge: Challenge, credentials: Credentials, method: str, uri: str, count: int, client_nonce: str
) -> str:
    """The Authorization header for a request. `count` numbers the requests with this nonce, from 1."""
    if challenge.scheme == "basic":
        pair = f"{credentials.username}:{credentials.password}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    session = challenge.algorithm.endswith("-SESS")
    digest = _HASHES[challenge.algorithm.removesuffix("-SESS")]
    first = digest(f"{credentials.username}:{challenge.realm}:{credentials.password}")
    if session:
        first = digest(f"{first}:{challenge.nonce}:{client_nonce}")
    second = digest(f"{method}:{uri}")
    fields = [("username", credentials.username), ("realm", challenge.realm), ("nonce", challenge.nonce), ("uri", uri)]
    bare = ""
    if challenge.qop:
        number = f"{count:08x}"
        response = digest(f"{first}:{challenge.nonce}:{number}:{client_nonce}:auth:{second}")
        bare = f", qop=auth, nc={number}"
    else:
        response = digest(f"{first}:{challenge.nonce}:{second}")
    if challenge.qop or session:
        fields.append(("cnonce", client_nonce))
    fields.append(("response", response))
    if challenge.opaque:
        fields.append(("opaque", challenge.opaque))
    # An algorithm that was not named must not be named back: firmware from before RFC 2617 refuses it.
    if challenge.algorithm != "MD5":
        bare += f", algorithm={_spelled(challenge.algorithm)}"
    quoted = ", ".join(f'{name}="{_escaped(value)}"' for name, value in fields)
    return f"Digest {quoted}{bare}"


def _spelled(algorithm: str) -> str:
    return algorithm.replace("-SESS", "-sess")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
