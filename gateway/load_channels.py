"""What must fit together in the settings of ways to people: addresses, shares of the quota, secrets, mail's safety."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from gateway.channel_addresses import address_fault
from gateway.channel_settings import MailChannel, PhoneChannel
from gateway.load_settings import Secrets, channel_secrets, check_url, readable, variable
from gateway.settings import Settings
from rules.parse import Fault
from rules.site import Site

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_IN_URL: Final = ("access_token=", "key=", "/hook/")
"""What stands in a webhook's address as a robot's page shows it, and is a secret."""


def check_channels(settings: Settings, secrets: Secrets, file: str) -> list[Fault]:
    """Everything in the channels that does not fit together."""
    faults: list[Fault] = []
    for place, channel in enumerate(settings.channels, 1):
        where = f"channels[{place}]"
        faults += _shares(channel, where, file) + _secrets(channel, secrets, where, file)
        url = getattr(channel, "url", None)
        if url is not None:
            faults += check_url(url, f"{where}.url", file) or _address(channel, url, where, file)
        if isinstance(channel, MailChannel):
            faults += _mail(channel, where, file)
    return faults


def check_addresses(settings: Settings, sites: Iterable[Site]) -> list[Fault]:
    """Addresses of people under which their channel reaches nobody: warnings, for the others are still told."""
    kinds = {channel.name: channel.kind for channel in settings.channels}
    faults = []
    for site in sites:
        for person in site.people:
            for place, channel in enumerate(person.channels, 1):
                kind = kinds.get(channel.destination, "")
                words = address_fault(kind, channel.address) if kind else ""
                if words:
                    where = f"person {person.id}: channels[{place}].address"
                    problem = f"{channel.destination} ({kind}) reaches nobody under {channel.address[:40]!r}"
                    faults.append(Fault(file=f"home {site.id}", path=where, problem=problem, mend=words, warning=True))
    return faults


def _shares(channel: PhoneChannel, where: str, file: str) -> list[Fault]:
    faults = []
    if channel.reserved_for_danger > channel.per_minute:
        problem = f"reserves {channel.reserved_for_danger} of {channel.per_minute} messages a minute"
        mend = "Reserve at most per_minute"
        faults.append(Fault(file=file, path=f"{where}.reserved_for_danger", problem=problem, mend=mend))
    fire = channel.reserved_for_fire
    if fire is not None and fire > channel.reserved_for_danger:
        problem = f"reserves {fire} of the {channel.reserved_for_danger} messages that are kept for danger"
        mend = "Reserve at most reserved_for_danger"
        faults.append(Fault(file=file, path=f"{where}.reserved_for_fire", problem=problem, mend=mend))
    return faults


def _secrets(channel: PhoneChannel, secrets: Secrets, where: str, file: str) -> list[Fault]:
    faults = []
    for field, what in channel_secrets(channel):
        path = getattr(channel, field)
        secret = secrets.find("channel", channel.name, what)
        if secret is None and path is None and what in channel.needs:
            name = variable("channel", channel.name, what)
            mend = f'Write {field} = "secrets/{channel.name}-{what}", or set {name}'
            faults.append(Fault(file=file, path=f"{where}.{field}", problem="is missing", mend=mend))
        if secret is not None and not secret.isprintable():
            problem = "must hold one line with the secret"
            mend = "Write the secret alone into it, without line breaks or other signs"
            faults.append(Fault(file=file, path=f"{where}.{field}", problem=problem, mend=mend))
    return faults


def _address(channel: PhoneChannel, url: str, where: str, file: str) -> list[Fault]:
    """A robot's webhook as its page shows it holds the secret: that belongs into token_file."""
    if "token" not in channel.needs:
        return []
    parts = urlsplit(url)
    found = next((word for word in _IN_URL if word in f"{parts.query} {parts.path}"), "")
    if not found:
        return []
    problem = f"holds a secret (behind {found.strip('=/')!r})"
    mend = "Take it out of url and write it, alone, into token_file"
    return [Fault(file=file, path=f"{where}.url", problem=problem, mend=mend)]


def _mail(channel: MailChannel, where: str, file: str) -> list[Fault]:
    faults: list[Fault] = []
    if channel.ca is not None:
        readable(channel.ca, f"{where}.ca", file, faults)
    if channel.security == "none" and channel.host not in _LOOPBACK:
        problem = f"mail and its password go to {channel.host} in the clear"
        mend = 'Write security = "starttls" (port 587) or "tls" (port 465)'
        faults.append(Fault(file=file, path=f"{where}.security", problem=problem, mend=mend, warning=True))
    if channel.password_file is not None and not channel.username:
        problem = "there is a password, but nobody whose it is"
        faults.append(Fault(file=file, path=f"{where}.username", problem=problem, mend="Write username"))
    return faults
