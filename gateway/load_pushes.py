"""What must fit together about pushes: names, homes, networks, and that nobody may push without a token or a secret."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Final

from gateway.load_settings import Secrets, variable
from gateway.settings import Push, Settings
from rules.parse import Fault, suggestion

SECRET_MIN: Final = 16
"""Characters of a token or a secret: shorter ones are guessed."""


def check_pushes(settings: Settings, homes: Collection[str] | None, secrets: Secrets, file: str) -> list[Fault]:
    """Every fault and warning about pushes. `homes` None: the sites could not be read."""
    faults: list[Fault] = []
    taken = {source.name: f"sources[{place}]" for place, source in enumerate(settings.sources, 1)}
    taken |= {listener.name: f"gb26875[{place}]" for place, listener in enumerate(settings.gb26875, 1)}
    for place, push in enumerate(settings.pushes, 1):
        where = f"pushes[{place}]"
        if push.name in taken:
            problem = f"{push.name!r} is already used by {taken[push.name]}"
            faults.append(Fault(file=file, path=f"{where}.name", problem=problem, mend="Give each its own name"))
        taken.setdefault(push.name, where)
        if homes is not None and push.home not in homes:
            mend = suggestion(push.home, homes)
            faults.append(Fault(file=file, path=f"{where}.home", problem=f"unknown home {push.home!r}", mend=mend))
        faults += _networks(push, where, file) + _secrets(push, secrets, where, file)
        if push.body_max > settings.payload_max:
            problem = f"{push.body_max} bytes, but payload_max is {settings.payload_max}: longer is unreadable"
            mend = f"Write body_max = {settings.payload_max}, or a larger payload_max"
            faults.append(Fault(file=file, path=f"{where}.body_max", problem=problem, mend=mend))
    return faults


def _networks(push: Push, where: str, file: str) -> list[Fault]:
    faults = []
    for network in push.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            mend = 'Write "203.0.113.0/24", or one address'
            faults.append(Fault(file=file, path=f"{where}.networks", problem=str(error), mend=mend))
    return faults


def _secrets(push: Push, secrets: Secrets, where: str, file: str) -> list[Fault]:
    found = {what: secrets.find("push", push.name, what) for what in ("token", "secret")}
    if not any(found.values()) and push.token_file is None and push.secret_file is None:
        problem = "neither a token nor a secret: anybody could report here"
        mend = f"Write token_file or secret_file, or set {variable('push', push.name, 'token')}"
        return [Fault(file=file, path=where, problem=problem, mend=mend)]
    return [
        Fault(
            file=file,
            path=f"{where}.{what}_file",
            problem=f"the {what} has {len(text)} characters",
            mend=f"Take at least {SECRET_MIN}, for example from: openssl rand -hex 32",
        )
        for what, text in found.items()
        if text and len(text) < SECRET_MIN
    ]
