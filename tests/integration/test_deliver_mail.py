"""Mail against a real mail server (aiosmtpd) that encrypts, asks for a password, refuses, and is slow."""

from __future__ import annotations

import asyncio
import email
import email.policy
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from gateway.http import HttpClient
from rules.alarm import Category
from rules.inputs import Outcome
from tests.channel_world import URL, Kit, Server
from tests.deliver_world import alarm, notify

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")


@dataclass
class MailServer:
    """What the server is told to answer, and what it took."""

    port: int = 0
    recipient: str = "250 OK"
    data: str = "250 queued as 7F3"
    hold: asyncio.Event | None = None
    taken: list[tuple[Session, Envelope]] = field(default_factory=list)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.hold is not None:
            await self.hold.wait()
        self.taken.append((session, envelope))
        return self.data

    def mail(self) -> EmailMessage:
        content = self.taken[-1][1].content
        assert isinstance(content, bytes)
        found = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for this machine, and what a server needs of it."""
    folder = tmp_path_factory.mktemp("mail")
    public, key = folder / "cert.pem", folder / "key.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    name = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-keyout", str(key), "-out", str(public))
    subprocess.run(["openssl", "req", "-x509", *curve, *name, *files], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, key)
    return public, context


def knows(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"box", b"pw-9")
    return AuthResult(success=good, handled=False)


@asynccontextmanager
async def serving(
    tls: ssl.SSLContext | None = None, *, at_once: bool = False, login: bool = False
) -> AsyncIterator[MailServer]:
    told = MailServer()
    options: dict[str, Any] = {"hostname": "mail.example", "enable_SMTPUTF8": True}
    if login:
        options |= {"authenticator": knows, "auth_required": True, "auth_require_tls": not at_once}
    if tls is not None and not at_once:
        options |= {"tls_context": tls, "require_starttls": True}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(told, loop=loop, **options), "127.0.0.1", 0, ssl=tls if at_once else None
    )
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        if told.hold is not None:
            told.hold.set()
        server.close()


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    async with HttpClient() as http:
        yield Kit(Server(), http)


def options(server: MailServer, **changes: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "box@home.example"} | changes


WANG = "wang@county.example"


async def test_mail_over_starttls_with_a_password_is_one_mail_with_the_message_s_id(
    kit: Kit, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    ca, tls = certificate
    async with serving(tls, login=True) as server:
        channel = kit.open("mail", **options(server, security="starttls", ca=ca, username="box"))
        result = await channel.send(notify("h1:1:7.2", address=WANG), "h1:1:7.2")
    assert (result.outcome, result.reference) == (Outcome.ACCEPTED, "queued as 7F3")
    ((session, envelope),) = server.taken
    assert session.ssl is not None
    assert (envelope.mail_from, envelope.rcpt_tos) == ("box@home.example", [WANG])
    mail = server.mail()
    assert mail["Subject"] == "【火警】感烟探测器报警"
    assert mail["Message-ID"] == "<h1-1-7.2@home.example>"
    assert (mail["To"], mail["Auto-Submitted"], mail["Content-Language"]) == (WANG, "auto-generated", "zh")
    assert (mail["X-Priority"], mail["Importance"]) == ("1", "high")
    assert mail["Date"].datetime == kit.clock.wall()
    assert mail.get_content_type() == "text/plain"
    assert "请立即到场查看并确认" in mail.get_content()
    assert URL in mail.get_content()


async def test_mail_over_tls_from_the_first_byte(kit: Kit, certificate: tuple[Path, ssl.SSLContext]) -> None:
    ca, tls = certificate
    async with serving(tls, at_once=True) as server:
        channel = kit.open("mail", **options(server, security="tls", ca=ca))
        assert (await channel.send(notify("m", address=WANG), "m")).outcome is Outcome.ACCEPTED
    assert len(server.taken) == 1


async def test_mail_about_what_endangers_nobody_is_not_marked_urgent_and_speaks_english(kit: Kit) -> None:
    async with serving() as server:
        channel = kit.open("mail", **options(server), language="en", link="")
        await channel.send(notify("m", Category.TROUBLE, address=WANG), "m")
    assert server.mail()["Subject"].startswith("[TROUBLE]")
    assert server.mail()["X-Priority"] is None
    assert URL not in server.mail().get_content()


async def test_line_breaks_of_a_device_make_no_header(kit: Kit) -> None:
    async with serving() as server:
        channel = kit.open("mail", **options(server))
        message = notify("m", address=WANG, alarm=alarm(value="1\r\nBcc: evil@example.org"))
        assert (await channel.send(message, "m")).outcome is Outcome.ACCEPTED
    assert server.taken[0][1].rcpt_tos == [WANG]
    assert server.mail()["Bcc"] is None


ANSWERS = [
    pytest.param({"recipient": "550 5.1.1 no such mailbox"}, Outcome.REFUSED, "mail address", id="no_mailbox"),
    pytest.param({"recipient": "450 4.2.1 greylisted"}, Outcome.RETRY, "SMTP 450", id="greylisted"),
    pytest.param({"data": "554 5.7.1 looks like spam"}, Outcome.REFUSED, "spam", id="spam"),
    pytest.param({"data": "452 4.3.1 disk full"}, Outcome.RETRY, "SMTP 452", id="disk_full"),
    pytest.param({"data": "421 4.3.2 shutting down"}, Outcome.RETRY, "SMTP 421", id="shutting_down"),
]


@pytest.mark.parametrize(("told", "outcome", "words"), ANSWERS)
async def test_4xx_is_tried_again_and_5xx_is_not(kit: Kit, told: dict, outcome: Outcome, words: str) -> None:
    async with serving() as server:
        for name, value in told.items():
            setattr(server, name, value)
        result = await kit.open("mail", **options(server)).send(notify("m", address=WANG), "m")
    assert result.outcome is outcome
    assert words in result.detail


async def test_wrong_password_says_what_to_mend_and_not_itself(
    kit: Kit, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    ca, tls = certificate
    async with serving(tls, login=True) as server:
        channel = kit.open("mail", **options(server, security="starttls", ca=ca, username="box"), password="guess")
        result = await channel.send(notify("m", address=WANG), "m")
    assert result.outcome is Outcome.REFUSED
    assert "password_file" in result.detail
    assert "guess" not in result.detail
    assert server.taken == []


async def test_server_without_starttls_gets_no_mail_in_the_clear(kit: Kit) -> None:
    async with serving() as server:
        channel = kit.open("mail", **options(server, security="starttls"))
        result = await channel.send(notify("m", address=WANG), "m")
    assert result.outcome is Outcome.REFUSED
    assert "STARTTLS" in result.detail
    assert server.taken == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_server_whose_certificate_is_not_trusted_gets_no_mail(
    kit: Kit, certificate: tuple[Path, ssl.SSLContext], security: str
) -> None:
    async with serving(certificate[1], at_once=security == "tls") as server:
        channel = kit.open("mail", **options(server, security=security))
        result = await channel.send(notify("m", address=WANG), "m")
    assert result.outcome is Outcome.REFUSED
    assert "certificate is not trusted" in result.detail
    assert server.taken == []


async def test_slow_server_is_tried_again(kit: Kit) -> None:
    async with serving() as server:
        server.hold = asyncio.Event()
        channel = kit.open("mail", **options(server), timeout_s=0.3)
        result = await channel.send(notify("m", address=WANG), "m")
    assert (result.outcome, result.detail) == (Outcome.RETRY, "no answer of the mail server within 0.3 s")


@pytest.mark.parametrize(
    "greeting", [pytest.param(b"", id="hangs_up"), pytest.param(b"HTTP/1.1 400 Bad\r\n", id="web_server")]
)
async def test_somebody_who_is_no_mail_server_is_tried_again(kit: Kit, greeting: bytes) -> None:
    async def answering(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    told = MailServer(port=server.sockets[0].getsockname()[1])
    result = await kit.open("mail", **options(told), timeout_s=1.0).send(notify("m", address=WANG), "m")
    server.close()
    assert result.outcome is Outcome.RETRY
    assert "mail server" in result.detail


async def test_nobody_listening_is_tried_again(kit: Kit) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        told = MailServer(port=free.getsockname()[1])
    result = await kit.open("mail", **options(told)).send(notify("m", address=WANG), "m")
    assert result.outcome is Outcome.RETRY
    assert "cannot reach the mail server" in result.detail


@pytest.mark.parametrize("address", ["", "wang", "wang@", "a b@example.org", "a@example.org\r\nBcc: b@example.org"])
async def test_address_that_is_none_is_refused_with_a_reason(kit: Kit, address: str) -> None:
    result = await kit.open("mail", **options(MailServer(port=9))).send(notify("m", address=address), "m")
    assert result.outcome is Outcome.REFUSED
    assert result.detail.startswith("address of wang: ")
