"""`anlian audit`: from the settings file to the auditor at work, or to one report and an exit code."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from gateway.audit.auditor import Auditor, Looked, NoAnswer
from gateway.audit.calls import Caller, notice_of
from gateway.audit.progress import Progress
from gateway.clock import Clock, SystemClock
from gateway.deliver.channels import ChannelUnusable, Surroundings, open_channel
from gateway.deliver.destination import Destination
from gateway.deliver.heartbeat import Heartbeat
from gateway.health import notify_systemd
from gateway.http import HttpClient
from gateway.inbox import Decision
from gateway.load import EXIT_CODE, read_toml
from gateway.load_audit import check_audit
from gateway.load_settings import Secrets, absolute, find_secrets, validate
from gateway.local_socket import NoGateway, ask
from gateway.record.audited import AuditedJournal
from gateway.record.record import JournalUnavailable
from gateway.settings import Settings
from rules.parse import Fault

FOUND_CODE: Final = 1
"""The exit code of one look that found something."""

ASK_S: Final = 5.0
AGAIN_S: Final = 2.0

Say = Callable[[str], None]
log = structlog.get_logger("audit")


class AuditSettings(msgspec.Struct, frozen=True):
    """What the auditor needs: the main file alone. A fault in a site file must not keep it from its work."""

    settings: Settings
    secrets: Secrets
    homes: tuple[str, ...]


class AuditCannotStart(Exception):
    """The main file cannot be used; the text has every fault."""


def read_settings(path: Path, environment: Mapping[str, str]) -> AuditSettings:
    """The settings and the homes; AuditCannotStart with every fault that concerns the auditor."""
    faults: list[Fault] = []
    path = path.absolute()
    values = read_toml(path, str(path), "", faults)
    part, found = validate(values, str(path)) if values is not None else (None, [])
    faults += found
    if part is None or found:
        raise AuditCannotStart("\n".join(str(fault) for fault in faults))
    settings: Settings = absolute(part.settings, path.parent)
    faults += check_audit(settings, str(path))
    if any(not fault.warning for fault in faults):
        raise AuditCannotStart("\n".join(str(fault) for fault in faults))
    secrets, missing = find_secrets(settings, environment, str(path))
    for fault in missing:
        log.warning("a secret cannot be read", fault=str(fault))
    return AuditSettings(settings, secrets, homes_of(settings))


def homes_of(settings: Settings) -> tuple[str, ...]:
    """The ids of the homes, of those site files that can be read, and of those that the journal knows."""
    homes: dict[str, None] = {}
    for path in settings.sites:
        tables: dict[str, Any] = read_toml(path, str(path), "", []) or {}
        home = tables.get("home")
        name = home.get("id") if isinstance(home, Mapping) else None
        if isinstance(name, str):
            homes[name] = None
    try:
        with AuditedJournal(settings.data_dir / "journal.db") as journal:
            homes.update(dict.fromkeys(journal.streams_with_snapshot()))
    except JournalUnavailable as fault:
        log.warning("the journal cannot be read", reason=str(fault))
    return tuple(homes)


def ask_gateway(folder: Path) -> Progress:
    """What the running gateway says of itself; NoAnswer says why it does not."""
    try:
        answer = ask(folder, {"ask": "progress"}, seconds=ASK_S)
        return msgspec.convert(answer["progress"], Progress)
    except NoGateway as why:
        raise NoAnswer(str(why)) from why
    except (OSError, ValueError, KeyError) as fault:
        raise NoAnswer(f"{folder}: {fault}") from fault


def auditor_of(audit: AuditSettings, clock: Clock, tolerance_s: float) -> Auditor:
    """The auditor of these settings."""
    folder = audit.settings.data_dir
    return Auditor(folder / "journal.db", audit.homes, partial(ask_gateway, folder), clock, tolerance_s)


async def look_once(auditor: Auditor, clock: Clock, say: Say) -> int:
    """Look until all is well, or until something stayed wrong for the tolerance; report, and give the exit code."""
    looked = await asyncio.to_thread(auditor.look)
    while looked.suspected and not looked.standing:
        await clock.sleep(AGAIN_S)
        looked = await asyncio.to_thread(auditor.look)
    for finding in looked.standing:
        say(finding.line())
    verdict = "no finding" if not looked.standing else f"{len(looked.standing)} findings"
    say(f"{looked.incidents} open incidents, {looked.rows} rows read: {verdict}")
    return FOUND_CODE if looked.standing else 0


def open_ways(audit: AuditSettings, http: HttpClient, clock: Clock) -> list[tuple[Destination, str]]:
    """The auditor's own channels with their addresses; what cannot be opened is logged and left out."""
    ways: list[tuple[Destination, str]] = []
    settings = {channel.name: channel for channel in audit.settings.channels}
    words = partial(notice_of, audit.settings.console.language)
    for call in audit.settings.audit.calls:
        setting = settings[call.channel]
        secret = partial(audit.secrets.find, "channel", setting.name)
        try:
            ways.append((open_channel(setting, Surroundings(http, words, clock, secret)), call.address))
        except ChannelUnusable as fault:
            log.error("a call would not go out", reason=str(fault))
    return ways


class Watch:
    """The auditor at work: look, call, beat, again and again."""

    def __init__(
        self,
        audit: AuditSettings,
        auditor: Auditor,
        ways: Sequence[tuple[Destination, str]],
        http: HttpClient,
        clock: Clock,
    ) -> None:
        own = audit.settings.audit
        self._auditor = auditor
        self._clock = clock
        self._every_s = own.every_s
        self._caller = Caller(ways, clock, own.repeat_s, audit.settings.console.language)
        self._looks = 0
        self._last: Looked | None = None
        self._called = True
        self._beat_s = 0.0 if own.heartbeat is None else own.heartbeat.every_s
        self._beat_at = clock.monotonic()
        self._heartbeat = (
            None
            if own.heartbeat is None
            else Heartbeat(
                own.heartbeat.url,
                own.heartbeat.every_s,
                lambda: self._looks,
                http,
                clock,
                (),
                _nobody,
                lambda: 0.5,
                self._body,
            )
        )

    async def run(self) -> None:
        """Until cancelled. It beats after looks alone: an auditor that cannot look is as good as none."""
        notify_systemd("READY=1")
        while True:
            await self.turn()
            notify_systemd("WATCHDOG=1")
            await self._clock.sleep(self._every_s)

    async def turn(self) -> Looked:
        """One look and what comes of it."""
        looked = self._last = await asyncio.to_thread(self._auditor.look)
        self._looks += 1
        for finding in looked.new:
            log.error("found", finding=finding.line())
        for finding in looked.over:
            log.warning("over", finding=finding.line())
        self._called = await self._caller.tell(looked)
        if self._heartbeat is not None and self._clock.monotonic() >= self._beat_at:
            self._beat_at = self._clock.monotonic() + self._beat_s
            if not await self._heartbeat.beat():
                log.warning("the auditor's heartbeat did not arrive")
        return looked

    async def _body(self) -> bytes:
        looked = self._last
        standing = looked.standing if looked is not None else ()
        said = {
            "looks": self._looks,
            "incidents": looked.incidents if looked is not None else 0,
            "findings": [finding.suspicion.key for finding in standing],
            "called": self._called,
        }
        return msgspec.json.encode(said)


async def _nobody(home: str, make: object) -> Decision:  # noqa: ARG001 - the shape of a report
    """The heartbeat's word on itself: the auditor has no engine to tell, it logs."""
    return Decision(seq=0, effects=(), durable=False)


def run(path: Path, say: Say, *, once: bool) -> int:
    """The command; its exit code: 0, 1 with `once` and a finding, 2 where the settings cannot be used."""
    try:
        audit = read_settings(path, os.environ)
    except AuditCannotStart as faults:
        say(str(faults))
        return EXIT_CODE
    clock = SystemClock()
    auditor = auditor_of(audit, clock, audit.settings.audit.tolerance_s)
    if once:
        return asyncio.run(look_once(auditor, clock, say))
    asyncio.run(_watch(audit, auditor, clock))
    return 0


async def _watch(audit: AuditSettings, auditor: Auditor, clock: Clock) -> None:
    async with HttpClient() as http:
        await Watch(audit, auditor, open_ways(audit, http, clock), http, clock).run()
