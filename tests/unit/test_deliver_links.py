"""Signed links: good for one page of one person, for a day."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from itsdangerous import URLSafeTimedSerializer

from gateway.links import LinkClaims, LinkRefused, Links, SecretUnusable, read_secret
from tests.deliver_world import START, ManualClock

SECRET = b"0123456789abcdef0123456789abcdef"


def token(url: str) -> str:
    return url.rpartition("/i/")[2]


async def test_link_says_what_it_was_made_for() -> None:
    clock = ManualClock()
    links = Links(SECRET, "https://box.example/anlian/", clock)
    url = links.page("h1", "h1:1:7.i", "h1:1:7.2", "group:天元")
    assert url.startswith("https://box.example/anlian/i/")
    assert set(token(url)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    claims = links.read(token(url))
    assert isinstance(claims, LinkClaims)
    assert (claims.home, claims.incident, claims.message, claims.person) == ("h1", "h1:1:7.i", "h1:1:7.2", "group:天元")
    assert claims.issued_at == START.replace(microsecond=0)


@pytest.mark.parametrize(
    ("seconds", "good"), [pytest.param(24 * 3600, True, id="a_day"), pytest.param(24 * 3600 + 1, False, id="later")]
)
async def test_link_lasts_a_day(seconds: int, good: bool) -> None:
    clock = ManualClock()
    links = Links(SECRET, "https://box.example", clock)
    text = token(links.page("h1", "i", "m", "wang"))
    await clock.advance(seconds)
    assert isinstance(links.read(text), LinkClaims if good else LinkRefused)
    if not good:
        assert links.read(text) == LinkRefused("expired")


def _flip(text: str, place: int) -> str:
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda text: text[:0], id="empty"),
        pytest.param(lambda text: text[:-1], id="cut"),
        pytest.param(lambda text: _flip(text, 3), id="payload_changed"),
        pytest.param(lambda text: _flip(text, len(text) - 3), id="signature_changed"),
        pytest.param(lambda text: text.partition(".")[0], id="unsigned"),
        pytest.param(lambda text: "…" + text, id="not_ascii"),
        pytest.param(lambda text: text + "A" * 4000, id="endless"),
    ],
)
async def test_spoilt_link_is_refused(spoil: object) -> None:
    links = Links(SECRET, "https://box.example", ManualClock())
    assert links.read(spoil(token(links.page("h1", "i", "m", "wang")))) == LinkRefused("forged")


async def test_link_of_another_key_or_purpose_is_refused() -> None:
    clock = ManualClock()
    links = Links(SECRET, "https://box.example", clock)
    other = Links(SECRET[::-1], "https://box.example", clock)
    assert links.read(token(other.page("h1", "i", "m", "wang"))) == LinkRefused("forged")
    session = URLSafeTimedSerializer(SECRET, salt="session", signer_kwargs={"digest_method": hashlib.sha256}).dumps(
        ["h1", "i", "m", "wang"]
    )
    assert links.read(session) == LinkRefused("forged")


def test_short_key_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(SecretUnusable):
        Links(b"short", "https://box.example", ManualClock())
    file = tmp_path / "secret"
    file.write_text("short\n")
    with pytest.raises(SecretUnusable, match="openssl rand"):
        read_secret(file)
    with pytest.raises(SecretUnusable, match="No such file"):
        read_secret(tmp_path / "none")
    file.write_bytes(SECRET + b"\n")
    assert read_secret(file) == SECRET


async def test_lifetime_can_be_set() -> None:
    clock = ManualClock()
    links = Links(SECRET, "https://box.example", clock, lifetime=timedelta(minutes=10))
    text = token(links.page("h1", "i", "m", "wang"))
    await clock.advance(601)
    assert links.read(text) == LinkRefused("expired")
