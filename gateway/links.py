"""Signed links: the page of one incident for one person, short-lived and good for nothing else.

A link only names; whoever serves it shows the page on GET and acts on POST (chat programs fetch links ahead of people).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from itsdangerous import BadData, BadTimeSignature, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from gateway.clock import Clock

SECRET_MIN = 32
"""Bytes of key: an HMAC key shorter than the hash's output weakens it (RFC 2104 section 3; SHA-256 has 32)."""

_PURPOSE = "anlian.incident-page.v1"
_TEST_PURPOSE = "anlian.channel-test.v1"
_TOKEN_MAX = 2048


class LinkClaims(msgspec.Struct, frozen=True):
    """What a good link says: which incident of which home, by which message it was sent, and to whom."""

    home: str
    incident: str
    message: str
    person: str
    issued_at: datetime


class TestLinkClaims(msgspec.Struct, frozen=True):
    """What the link of a channel's test says: that this person was sent this message over this channel."""

    home: str
    person: str
    channel: str
    message: str


class LinkRefused(msgspec.Struct, frozen=True):
    """Why a link is not good: `expired`, `forged` (not signed by us for this, or cut), `foreign` (another shape)."""

    reason: str


class SecretUnusable(Exception):
    """The file of the key cannot be used; the text says why and how to make a good one."""


def read_secret(path: Path) -> bytes:
    """The key in a file, without white space around it; SecretUnusable says how to mend it."""
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise SecretUnusable(f"secret_file {path}: {error.strerror or error}") from error
    if len(secret) < SECRET_MIN:
        raise SecretUnusable(
            f"secret_file {path}: {len(secret)} bytes, at least {SECRET_MIN} needed; "
            "make one with: openssl rand -hex 32"
        )
    return secret


class Links:
    """Makes and reads the links in messages. All links of a key die with it."""

    def __init__(
        self, secret: bytes, public_url: str, clock: Clock, lifetime: timedelta = timedelta(hours=24)
    ) -> None:
        if len(secret) < SECRET_MIN:
            raise SecretUnusable(f"the key has {len(secret)} bytes, at least {SECRET_MIN} needed")
        self._public_url = public_url.rstrip("/")
        self._lifetime_s = int(lifetime.total_seconds())

        class Signer(TimestampSigner):
            """itsdangerous's signer on the gateway's one clock."""

            def get_timestamp(self) -> int:
                return int(clock.now().timestamp())

        def serializer(purpose: str) -> URLSafeTimedSerializer:
            return URLSafeTimedSerializer(
                secret, salt=purpose, signer=Signer, signer_kwargs={"digest_method": hashlib.sha256}
            )

        self._serializer = serializer(_PURPOSE)
        self._test_serializer = serializer(_TEST_PURPOSE)

    def page(self, home: str, incident: str, message: str, person: str) -> str:
        """The address of the incident's page for this person (or group), to go into this message."""
        return f"{self._public_url}/i/{_token(self._serializer, home, incident, message, person)}"

    def test(self, home: str, person: str, channel: str, message: str) -> str:
        """The address at which this person confirms that a channel's test arrived."""
        return f"{self._public_url}/t/{_token(self._test_serializer, home, person, channel, message)}"

    def read(self, token: str) -> LinkClaims | LinkRefused:
        """What a link's token says, or why it is refused."""
        claims = self._claims(self._serializer, token)
        if isinstance(claims, LinkRefused):
            return claims
        (home, incident, message, person), issued = claims
        return LinkClaims(home, incident, message, person, issued.astimezone(UTC))

    def read_test(self, token: str) -> TestLinkClaims | LinkRefused:
        """What the token of a test's link says, or why it is refused."""
        claims = self._claims(self._test_serializer, token)
        return claims if isinstance(claims, LinkRefused) else TestLinkClaims(*claims[0])

    def _claims(self, serializer: URLSafeTimedSerializer, token: str) -> tuple[list[str], datetime] | LinkRefused:
        if len(token) > _TOKEN_MAX:
            return LinkRefused("forged")
        try:
            claims, issued = serializer.loads(token, max_age=self._lifetime_s, return_timestamp=True)
        except SignatureExpired:
            return LinkRefused("expired")
        except (BadTimeSignature, BadData):
            return LinkRefused("forged")
        if not isinstance(claims, list) or len(claims) != 4 or not all(isinstance(claim, str) for claim in claims):
            return LinkRefused("foreign")
        return claims, issued


def _token(serializer: URLSafeTimedSerializer, *claims: str) -> str:
    token = serializer.dumps(list(claims))
    return token.decode() if isinstance(token, bytes) else token
