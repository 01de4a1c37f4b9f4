"""The composition root: builds everything once, in the order of the picture in DESIGN section 2, and runs it.

Boot order: journal, engines as they were, site and rules of today, timers; then the world.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from secrets import SystemRandom, token_bytes

import structlog
from starlette.applications import Starlette

from gateway import boot, decide, health
from gateway.clock import SystemClock
from gateway.console.accounts import AccountsError
from gateway.console.parts import Changes, ConsoleParts, Health, LinkState, Unregistered
from gateway.console.routes import build
from gateway.decide import Decider
from gateway.deliver.ladder import open_desk
from gateway.http import HttpClient
from gateway.inbox import Delivery, Inbox, Stamp
from gateway.interpreter import let_alarms_pass
from gateway.links import Links
from gateway.load import Configuration, ConfigurationFaults
from gateway.load_drawings import drawing_of
from gateway.local_socket import LocalSocket
from gateway.metrics import Metrics
from gateway.private_files import make_folder, tighten
from gateway.receive.push import pushes
from gateway.record.journal import JournalInUse, SqliteRecord
from gateway.record.statistics import Budget
from gateway.reload import Reloader
from gateway.report.view import QualityDesk
from gateway.shadow import try_rules
from gateway.ways import Parts, Work, ways_in, ways_out
from gateway.web import PageLinks, listen, serve
from rules.engine import Engine
from rules.inputs import AnyInput, LinkChanged, TimePassed
from rules.proof import Freshness

log = structlog.get_logger("app")

VERSION = version("anlian-gateway")
DRAIN_S = 6.0
CONSOLE_AGAIN_S = 10.0
OPEN_AGAIN_S = 10.0
END_TRIES = 10


class Gateway:
    """One gateway: some homes, some brokers, one journal. `run` keeps it going until `stop` is set."""

    def __init__(self, configuration: Configuration, console_socket: socket.socket | None = None) -> None:
        self._console_socket = console_socket
        self.starts_anew = False
        self._next_opening = 0.0
        self.configuration = configuration
        self.settings = configuration.settings
        self.sites = {site.id: site for site in configuration.sites}
        self.clock = SystemClock()
        self.jitter = SystemRandom().random
        self.metrics = Metrics()
        self.inbox = Inbox(self.settings.inbox_mib * 1024 * 1024)
        self.changes = Changes()
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        key = configuration.secrets.signing_key
        self.secret = key.encode() if key else token_bytes(32)
        self.links = Links(self.secret, self.settings.public_url, self.clock)
        self.health = health.Links(self.inbox, self.sites, self.clock.now)

    async def run(self) -> None:
        """Build, start, keep running until `stop`, end cleanly."""
        async with contextlib.AsyncExitStack() as stack:
            self.record = await stack.enter_async_context(self._journal())
            self.http = await stack.enter_async_context(HttpClient())
            engines = await self._restore_engines()
            self.decider = Decider(
                engines,
                self.inbox,
                self.record,
                self.clock,
                self.metrics,
                self.settings.journal,
                rebuild=self._rebuild,
                on_commit=self.changes.bump,
            )
            self.clock_watch = health.ClockWatch(
                self.clock,
                self.inbox,
                self.sites,
                self.decider,
                self.health,
                assume=self.settings.clock == "assume",
            )
            for home, engine in engines.items():
                boot.bring_up_to_date(
                    self.inbox, engine, self.sites[home], self.configuration.rules, self.configuration.ruleset
                )
            await self.decider.turn()
            await self.decider.commit()
            let_alarms_pass()
            self.parts = self._parts()
            for home, engine in engines.items():
                stored = {state.device.id: state.stored_at for state in engine.devices.values()}
                self.parts.inventory.begin_behind(home, stored)
            self.reloader = Reloader(
                self.configuration,
                self.inbox,
                self.sites,
                self.parts.inventory.load,
                partial(try_rules, self.parts.shadows.values()),
            )
            ways = [*ways_in(self.parts), *ways_out(self.parts)]
            await self._run_all([*ways, self._console, self._local_socket().run, self._watch])
            await decide.stop(self.decider)

    async def _run_all(self, works: Iterable[Work]) -> None:
        deciding = asyncio.create_task(self.decider.run(), name="decide")
        tasks = [asyncio.ensure_future(work()) for work in works]
        stopping = asyncio.create_task(self.stop.wait())
        health.notify_systemd("READY=1")
        self.ready.set()
        try:
            done, _ = await asyncio.wait([deciding, stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
            if done == {stopping}:
                await self.parts.drain(DRAIN_S)
                await self._acknowledge()
            for task in done - {stopping}:
                # Nothing of this ends by itself: a part that does is a bug, and systemd starts us anew.
                task.result()
                raise RuntimeError(f"{task.get_name()} ended")
        finally:
            health.notify_systemd("STOPPING=1")
            # What was not acknowledged comes again after the start.
            await _end([stopping, *tasks, deciding])

    async def _acknowledge(self) -> None:
        """Read no more, decide what was read, and let its PUBACKs leave: else all of it comes again after the start."""
        for source in self.parts.sources:
            source.pause()
        try:
            async with asyncio.timeout(DRAIN_S):
                await self.inbox.submit(next(iter(self.sites)), lambda at: TimePassed(at=at))
        except TimeoutError:
            log.warning("the end does not wait for the journal", waiting=self.inbox.depth)

    def reload(self) -> None:
        """SIGHUP: read the configuration again; with faults everything stays as it is, and they are logged."""
        self._reloading = asyncio.ensure_future(self._reload())

    async def _reload(self) -> None:
        try:
            done = await self.reloader.reload("SIGHUP")
        except ConfigurationFaults as faults:
            log.error("the new configuration has faults; the old one stays", faults=str(faults))
            self.health.tell("configuration", False, str(faults)[:500])
            return
        words = f"a restart is needed for {', '.join(done.restart)}" if done.restart else ""
        self.health.tell("configuration", not words, words)

    # journal and engines

    @asynccontextmanager
    async def _journal(self) -> AsyncIterator[SqliteRecord]:
        settings = self.settings.journal
        make_folder(self.settings.data_dir)
        tighten(self.settings.data_dir / "journal.db")
        budget = Budget(
            keep_days=settings.keep_days,
            keep_bytes=int(settings.keep_gib * 1024**3),
            held_bytes=settings.held_mib * 1024 * 1024,
        )
        record = await SqliteRecord.open(self.settings.data_dir / "journal.db", clock=self.clock, budget=budget)
        try:
            yield record
        finally:
            await record.close()

    async def _restore_engines(self) -> dict[str, Engine]:
        engines: dict[str, Engine] = {}
        for home in self.sites:
            engines[home], differing = await boot.restore(self.record, home)
            last = engines[home].now
            if last is not None:
                self.clock.start_at(last)
            if differing:
                words = f"{differing} recorded inputs give other effects in this version; the record stands"
                self.inbox.put(Delivery(home=home, make=_link_changed("replay", False, words)))
        return engines

    async def _rebuild(self, home: str) -> Engine:
        engine, _ = await boot.restore(self.record, home)
        if engine.seq == 0:
            engine.site = self.sites[home]
        return engine

    def _parts(self) -> Parts:
        return Parts(
            self.configuration,
            self.sites,
            self.clock,
            self.jitter,
            self.metrics,
            self.inbox,
            self.record,
            self.http,
            self.links,
            self.health,
            self.decider,
            self.clock_watch.synchronised,
            VERSION,
            on_change=self.changes.bump,
        )

    # what people see, and what watches us

    async def _console(self) -> None:
        """Keep the console up. What ends it is a trouble, never the end of the alarms; it is tried again."""
        while True:
            try:
                await self._serve_console()
                words = "the console ended by itself"
            except (OSError, ValueError, AccountsError) as fault:
                words = f"{self.settings.console.host}:{self.settings.console.port}: {fault}"
            log.error("no console; alarms go on", reason=words)
            self.health.tell("console", False, f"{words}. Tried again every {CONSOLE_AGAIN_S:g} s; alarms go on")
            await self.clock.sleep(CONSOLE_AGAIN_S)

    def _local_socket(self) -> LocalSocket:
        """The door for `anlian devices` and `anlian audit`."""
        folder, parts, changes = self.settings.data_dir, self.parts, self.reloader
        progress = partial(health.progress, self.clock, self.decider, self.record.head, self.metrics, self.sites)
        return LocalSocket(folder, lambda: parts.inventory.strangers, changes, progress, self.clock, self.health.tell)

    async def _serve_console(self) -> None:
        server = self.settings.console
        application = self.application()
        listening = self._console_socket or listen(server.host, server.port)
        self._console_socket = None
        self.health.tell("console", True, "")
        await serve(application, server, listening)

    def application(self) -> Starlette:
        """The console's web application."""
        console = build(
            ConsoleParts(
                engines=self.decider.engines,
                sites=self.sites,
                inbox=self.inbox,
                links=PageLinks(self.links, self.sites),
                clock=self.clock,
                secret=self.secret,
                history=self._history,
                health=self._health,
                unregistered=self._unregistered,
                changes=self.changes,
                version=VERSION,
                registry=self.metrics.registry(),
                accounts=self.settings.console.accounts,
                adopt=self.reloader.adopt,
                change_roster=self.reloader.change_roster,
                last_values=self.parts.inventory.last_values,
                tell_accounts=lambda words: self.health.tell("accounts", not words, words),
                sheets=self.parts.sheets,
                stills=self.parts.stills,
                duty_books=lambda: self.parts.duty_checks,
                freshness=self._freshness(),
                quality=self._quality_desk().view,
                delivery=open_desk(self.settings, self.clock, self.sites, self.parts.couriers).view,
                reach=self.parts.reach,
                public_url=self.settings.public_url,
                phone_ca=self.settings.console.phone_ca,
                drawing=partial(drawing_of, self.configuration.site_files, self.sites),
                language=self.settings.console.language,
                ask_test=lambda *which: self.parts.canary.ask(*which),
                closing=self.stop,
            )
        )
        settings, secrets = self.settings, self.configuration.secrets
        doors = pushes(settings.pushes, secrets, self.parts.decoder, self.inbox, self.clock, self.metrics)
        console.router.routes.extend(doors)
        return console

    def _quality_desk(self) -> QualityDesk:
        shadows = self.parts.shadows
        path = self.settings.data_dir / "journal.db"
        return QualityDesk(path, self.clock, self.sites, lambda home: shadows[home].state)

    def _freshness(self) -> Freshness:
        proof = self.settings.proof
        by_kind = {kind: timedelta(days=days) for kind, days in proof.kinds.items()}
        return Freshness(timedelta(days=proof.within_days), by_kind)

    async def _history(self, home: str) -> list:  # type: ignore[type-arg]
        return await self.record.history(home, most=300)

    def _health(self) -> Health:
        states = [LinkState(name, up, since, words) for name, (up, since, words) in self.health.states.items()]
        known = {state.name for state in states}
        for home, engine in self.decider.engines.items():
            for alarm in engine.alarms.values():
                name = alarm.subject.removeprefix("link:")
                if alarm.rule == "gateway.link" and name not in known:
                    states.append(LinkState(name, False, alarm.raised_at, alarm.detail, home))
        for trouble in self.record.troubles:
            words = trouble.text.in_language(self.settings.console.language)
            states.append(LinkState(f"journal:{trouble.kind}", False, trouble.at, words))
        return Health(tuple(states), self.metrics.as_dict())

    def _unregistered(self) -> list[Unregistered]:
        return [
            Unregistered(s.home, s.source, s.address, s.heard_at, s.packets, s.values)
            for s in self.parts.inventory.strangers
        ]

    async def _watch(self) -> None:
        self._next_prune = self.clock.monotonic()
        await health.watch(
            self.clock,
            [self.clock_watch.look, self._leave_a_dead_journal],
            [
                self.parts.decoder.tell_refusals,
                partial(health.look_at_disk, self.health, self.settings.data_dir),
                self._prune,
                self._tell_journal_troubles,
            ],
            lambda: self.decider.progressed_at,
            self.inbox.wake,
        )

    def _prune(self) -> None:
        if self.clock.monotonic() >= self._next_prune:
            self._next_prune = self.clock.monotonic() + health.PRUNE_EVERY_S
            task = asyncio.ensure_future(self.record.prune(self.clock.now()))
            self._pruning = task

    def _leave_a_dead_journal(self) -> None:
        """No journal could be opened at the start. Once the disk takes one, start anew; not in the midst of danger."""
        if self.record.dead is None or self.clock.monotonic() < self._next_opening:
            return
        self._next_opening = self.clock.monotonic() + OPEN_AGAIN_S
        words = "no journal could be opened at the start: make room on the disk; the gateway then starts anew by itself"
        self.health.tell("journal-start", False, words)
        danger = any(a.category.endangers_people for e in self.decider.engines.values() for a in e.alarms.values())
        if not danger:
            self._opening = asyncio.ensure_future(self._try_to_open())

    async def _try_to_open(self) -> None:
        """Start anew if a journal could be opened now; where ours still holds its lock, if the disk takes writes."""
        try:
            found = await SqliteRecord.open(self.settings.data_dir / "journal.db", clock=self.clock)
            works = found.dead is None
            await found.close()
        except JournalInUse:
            works = health.takes_writes(self.settings.data_dir)
        if not works:
            return
        log.warning("a journal can be opened again; starting anew")
        self.starts_anew = True
        self.stop.set()

    def _tell_journal_troubles(self) -> None:
        for trouble in self.record.troubles:
            self.health.tell(f"journal:{trouble.kind}", False, f"{trouble.text.zh} / {trouble.text.en}")


async def _end(tasks: Iterable[asyncio.Future[object]]) -> None:
    """Cancel until all have ended: a library that swallows a cancellation once must not keep the program alive."""
    pending = set(tasks)
    for _ in range(END_TRIES):
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1.0)
        if not pending:
            return
    log.error("some parts did not end", parts=[str(task) for task in pending])


def _link_changed(link: str, up: bool, detail: str) -> Stamp:
    def make(at: datetime) -> AnyInput:
        return LinkChanged(at=at, link=link, up=up, detail=detail)

    return make
