"""Mail: a message to one address through a mail server that takes it for us."""

from __future__ import annotations

import re
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Literal

import aiosmtplib

from gateway.channel_addresses import address_fault
from gateway.clock import Clock
from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import MessageChannel, Words, refused, retry
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice
from rules.effects import Notify
from rules.inputs import Outcome

_NOT_AN_ATOM = re.compile(r"[^A-Za-z0-9.-]")
_PERMANENT: Final = 500
_AUTHENTICATION: Final = (530, 534, 535, 538)


class Mail(MessageChannel):
    """A mail server (SMTP submission, RFC 6409). Accepted means that it took the mail, not that anybody has it.

    The Message-ID is the message's id, so that a mail handed over twice is one mail to most mailboxes. 4xx is tried
    again, 5xx is not (RFC 5321 section 4.2.1). With `starttls` a server without it is refused: a password and who needs
    help are not for everybody on the way.
    """

    def __init__(
        self,
        name: str,
        words: Words,
        clock: Clock,
        quota: Quota,
        *,
        host: str,
        port: int,
        security: Literal["starttls", "tls", "none"],
        sender: str,
        tls: ssl.SSLContext | None = None,
        username: str = "",
        password: str = "",
        timeout_s: float = 5.0,
    ) -> None:
        super().__init__(name, words, clock, quota, timeout_s=timeout_s)
        self._host = host
        self._port = port
        self._security = security
        self._sender = sender
        self._tls = tls
        self._username = username
        self._password = password

    def address_fault(self, address: str) -> str:
        return address_fault("mail", address)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        mail = self._mail(notify, notice, key)
        try:
            _, answer = await aiosmtplib.send(
                mail,
                sender=self._sender,
                recipients=[notify.address],
                hostname=self._host,
                port=self._port,
                username=self._username or None,
                password=self._password or None,
                timeout=self._timeout_s,
                use_tls=self._security == "tls",
                start_tls=self._security == "starttls",
                tls_context=self._tls,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _judge(error.recipients[0], "mend the person's mail address")
        except aiosmtplib.SMTPResponseException as error:
            return _judge(error)
        except ssl.SSLCertVerificationError:
            return refused("the mail server's certificate is not trusted: set `ca`, or look at the clock")
        except aiosmtplib.SMTPTimeoutError:
            return retry(f"no answer of the mail server within {self._timeout_s:g} s")
        except aiosmtplib.SMTPException as error:
            return self._without_answer(error)
        except OSError as error:
            return retry(f"cannot reach the mail server: {error.strerror or type(error).__name__}")
        return SendResult(Outcome.ACCEPTED, reference=" ".join(answer.split())[:200])

    def _without_answer(self, error: aiosmtplib.SMTPException) -> SendResult:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return refused("the mail server's certificate is not trusted: set `ca`, or look at the clock")
        if "STARTTLS" in str(error):
            return refused('the mail server has no STARTTLS: write security = "tls" (port 465)')
        return retry(f"cannot reach the mail server: {type(error).__name__}")

    def _mail(self, notify: Notify, notice: Notice, key: str) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = notice.title
        mail["From"] = self._sender
        mail["To"] = notify.address
        mail["Date"] = format_datetime(self._clock.wall())
        mail["Message-ID"] = f"<{_NOT_AN_ATOM.sub('-', key)}@{self._sender.rpartition('@')[2]}>"
        # RFC 3834: no out-of-office answers itself to a program.
        mail["Auto-Submitted"] = "auto-generated"
        if notify.purpose != "over" and notify.alarm.category.endangers_people:
            mail["X-Priority"] = "1"
            mail["Importance"] = "high"
        mail.set_content(f"{notice.text}\n\n{notice.url}\n" if notice.url else f"{notice.text}\n")
        mail["Content-Language"] = notice.language
        return mail


def _judge(error: aiosmtplib.SMTPResponseException, mend: str = "") -> SendResult:
    """4xx is for now, 5xx for good."""
    if error.code < 0:
        return retry("what answers there is no mail server: check host and port, is a portal in between?")
    words = " ".join(f"SMTP {error.code} {error.message}".split())[:200]
    if error.code in _AUTHENTICATION:
        return refused(f"{words}: check username and password_file")
    if error.code < _PERMANENT:
        return retry(words)
    return refused(f"{words}: {mend}" if mend else words)
