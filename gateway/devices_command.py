"""`anlian devices`: what was heard and is not registered, and taking a device in, on the command line.

The running gateway does both (gateway/local_socket.py). Where none runs, adopting edits the site file, checked as a
whole like everywhere else, and the gateway takes it at its next start; what was heard nobody can know then.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.load import EXIT_CODE, Configuration, ConfigurationFaults, load
from gateway.local_socket import NoGateway, ask
from gateway.record.incarnation import JournalInUse, in_use
from gateway.reload import write_checked
from gateway.site_file import Adoption, ChangeRefused, suggested_id, suggested_kind
from rules.parse import suggestion

Say = Callable[[str], None]
REFUSED: Final = 1
"""The exit code where nothing is wrong with the configuration, and the thing asked for was not done."""


class CommandEnds(Exception):
    """The command cannot go on: the words for the person, and the exit code."""

    def __init__(self, words: str, code: int = REFUSED) -> None:
        self.code = code
        super().__init__(words)


def show(settings: Path, home: str, say: Say, *, as_json: bool) -> None:
    """Those heard and not registered, the last heard first, each with the command that takes it in."""
    configuration = _configuration(settings)
    if home:
        _check_home(configuration, home)
    try:
        heard = _ask(configuration, {"ask": "strangers"})["strangers"]
    except NoGateway as why:
        words = f"{why}: what was heard is known only while it runs. Start it, wait for the devices to speak, ask again"
        raise CommandEnds(words) from why
    heard = [one for one in heard if home in ("", one["home"])]
    for one in heard:
        one["kind"] = suggested_kind(one["values"])
        one["id"] = suggested_id(one["kind"], one["address"])
    if as_json:
        say(json.dumps(heard, ensure_ascii=False, indent=1))
        return
    if not heard:
        say("Nothing was heard that is not registered.")
    for one in heard:
        said = ", ".join(f"{point}={_shown(value)}" for point, value in sorted(one["values"].items())) or "no values"
        say(f"{one['home']}  {one['source']}  {one['address']}  last heard {one['heard_at']}, {one['packets']} packets")
        say(f"    says {said}")
        say(f"    anlian devices adopt {_command(settings, configuration, one)}")


def take_in(settings: Path, adoption: Adoption, say: Say) -> None:
    """Take a device in: by the running gateway, or into the site file where none runs."""
    configuration = _configuration(settings)
    _check_home(configuration, adoption.home)
    try:
        heard = _ask(configuration, {"ask": "strangers"})["strangers"]
    except NoGateway as why:
        _into_the_file(configuration, adoption)
        say(f"{adoption.id} is written into {configuration.site_files[adoption.home]}.")
        say(f"{why}: the gateway takes it over at its next start.")
        return
    keys = {(one["home"], one["source"], one["address"]): one for one in heard}
    one = keys.get((adoption.home, adoption.source, adoption.address))
    if not adoption.kind and one is not None:
        adoption = msgspec.structs.replace(adoption, kind=suggested_kind(one["values"]))
    try:
        _ask(configuration, {"ask": "adopt", "adoption": msgspec.to_builtins(adoption)})
    except NoGateway as why:
        raise CommandEnds(f"{why}: look into the site file before you ask again") from why
    say(f"{adoption.id} ({adoption.kind}) is taken in; the gateway watches over it from now on.")
    if one is None:
        words = f"It was not heard so far under {adoption.source}/{adoption.address}"
        say(f"{words}: if it stays so, it becomes a trouble.")


def _into_the_file(configuration: Configuration, adoption: Adoption) -> None:
    try:
        in_use(configuration.settings.data_dir / "journal.db")
        write_checked(configuration, adoption)
    except JournalInUse as why:
        words = "a gateway runs, but cannot be asked (see its page of health); stop it, or adopt on its console"
        raise CommandEnds(words) from why
    except ChangeRefused as why:
        raise CommandEnds(f"not taken in: {why}") from why


def _configuration(settings: Path) -> Configuration:
    try:
        return load(settings)
    except ConfigurationFaults as faults:
        raise CommandEnds(str(faults), EXIT_CODE) from faults


def _check_home(configuration: Configuration, home: str) -> None:
    if home not in configuration.site_files:
        raise CommandEnds(f"--home: unknown home {home!r}. {suggestion(home, configuration.site_files)}", EXIT_CODE)


def _ask(configuration: Configuration, request: dict[str, Any]) -> dict[str, Any]:
    folder = configuration.settings.data_dir
    try:
        answer = ask(folder, request)
    except PermissionError as fault:
        raise CommandEnds(f"{folder}: {fault.strerror}. Run this as the gateway's user, or as root") from fault
    if "refused" in answer:
        raise CommandEnds(f"not taken in: {answer['refused']}")
    return answer


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _command(settings: Path, configuration: Configuration, one: dict[str, Any]) -> str:
    site = next(site for site in configuration.sites if site.id == one["home"])
    zones = "|".join(zone.id for zone in site.zones) or "…"
    words = [str(settings), "--home", one["home"], "--source", one["source"], "--address", one["address"]]
    return f"{shlex.join([*words, '--id', one['id'], '--kind', one['kind']])} --zone {zones} --name …"
