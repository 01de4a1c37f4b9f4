"""The web server of the gateway: the console's pages and the door for pushes, on one socket of our own."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import msgspec
import uvicorn
from starlette.applications import Starlette

from gateway.links import LinkRefused, Links, TestLinkClaims
from gateway.settings import Console
from rules.site import Site


class GroupClaims(msgspec.Struct, frozen=True):
    """What a signed link says, and whether it went to a group (then the page asks who)."""

    home: str
    incident: str
    message: str
    person: str
    group: bool


class PageLinks:
    """Signed links as the console reads them: the site knows which persons are groups."""

    def __init__(self, links: Links, sites: dict[str, Site]) -> None:
        self._links = links
        self._sites = sites

    def read(self, token: str) -> GroupClaims | LinkRefused:
        """What the token says, or why it is refused."""
        claims = self._links.read(token)
        if isinstance(claims, LinkRefused):
            return claims
        site = self._sites.get(claims.home)
        people = (*site.people, *site.contacts) if site is not None else ()
        group = any(person.id == claims.person and person.group for person in people)
        return GroupClaims(claims.home, claims.incident, claims.message, claims.person, group)

    def read_test(self, token: str) -> TestLinkClaims | LinkRefused:
        """What the link of a channel's test says, or why it is refused."""
        return self._links.read_test(token)


class Server(uvicorn.Server):
    """Uvicorn without its own hands on the signals: the gateway stops it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the program."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket of our own: uvicorn would end the whole program where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening


async def serve(application: Starlette, console: Console, listening: socket.socket) -> None:
    """Serve until cancelled."""
    config = uvicorn.Config(
        application,
        host=console.host,
        port=console.port,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        ssl_certfile=str(console.tls.certificate) if console.tls and console.tls.certificate else None,
        ssl_keyfile=str(console.tls.key) if console.tls and console.tls.key else None,
        timeout_graceful_shutdown=2,
    )
    try:
        await Server(config).serve([listening])
    finally:
        listening.close()
