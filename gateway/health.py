"""Watches ourselves: the clock, the disk, how far the readers of the journal lag, and progress for the watchdog."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog

from gateway.clock import STEP_LIMIT, Clock, SystemClock, kernel_says_synchronised
from gateway.inbox import Delivery, Inbox
from gateway.metrics import Metrics
from rules.inputs import AnyInput, ClockStepped, LinkChanged

log = structlog.get_logger("health")

UNSYNCHRONISED_AFTER_S = 600.0
DISK_FREE_MIN = 256 * 1024 * 1024
PROBE_BYTES = 4 * 1024 * 1024
PRUNE_EVERY_S = 300.0
REFUSALS_EVERY_S = 60.0
STALLED_AFTER_S = 10.0


class Shifted(Protocol):
    """Whoever stamps entries with the difference between engine time and the time on the wall."""

    shift_ms: int


class Deciding(Protocol):
    """The deciding task, as far as it tells that it goes round (monotonic)."""

    progressed_at: float


def progress(
    clock: Clock, deciding: Deciding, head: Callable[[str], int], metrics: Metrics, homes: Iterable[str]
) -> dict[str, object]:
    """That we decide, commit and acknowledge, for whoever watches us from outside (gateway/audit/progress.py)."""
    return {
        "now": clock.now().isoformat(),
        "decided_s": clock.monotonic() - deciding.progressed_at,
        "heads": {home: head(home) for home in homes},
        **metrics.as_dict(),
    }


class Links:
    """What is known of each link, and the one way to tell the engines that it changed."""

    def __init__(self, inbox: Inbox, homes: Iterable[str], now: Callable[[], datetime]) -> None:
        self._inbox = inbox
        self._homes = tuple(homes)
        self._now = now
        self.states: dict[str, tuple[bool, datetime, str]] = {}

    def note(self, link: str, up: bool, detail: str) -> None:
        """Remember a link's state for the health page."""
        known = self.states.get(link)
        since = known[1] if known is not None and known[0] == up else self._now()
        self.states[link] = (up, since, detail)

    def tell(self, link: str, up: bool, detail: str) -> None:
        """Remember it, and tell every home if it changed."""
        known = self.states.get(link)
        self.note(link, up, detail)
        if known is not None and known[0] == up and known[2] == detail:
            return
        if known is None and up:
            return
        for home in self._homes:
            self._inbox.put(Delivery(home=home, make=_link_changed(link, up, detail)))


def _link_changed(link: str, up: bool, detail: str) -> Callable[[datetime], AnyInput]:
    return lambda at: LinkChanged(at=at, link=link, up=up, detail=detail)


class ClockWatch:
    """Compares the wall clock with engine time. A step shifts shown and stored times, never a running delay.

    Only the first synchronisation after boot moves engine time forward: it counts as downtime.
    """

    def __init__(
        self,
        clock: SystemClock,
        inbox: Inbox,
        homes: Iterable[str],
        stamps: Shifted,
        links: Links,
        *,
        assume: bool,
        synchronised: Callable[[], bool] = kernel_says_synchronised,
    ) -> None:
        self._clock = clock
        self._inbox = inbox
        self._homes = tuple(homes)
        self._stamps = stamps
        self._links = links
        self._ask = synchronised
        self._started = clock.monotonic()
        self.synchronised = asyncio.Event()
        self._first_sync_pending = not assume
        if assume or synchronised():
            self._first_sync_pending = False
            self.synchronised.set()
        stamps.shift_ms = self._difference_ms()

    def _difference_ms(self) -> int:
        return round((self._clock.wall() - self._clock.now()).total_seconds() * 1000)

    def look(self) -> None:
        """Called once a second."""
        first_sync = False
        if self._first_sync_pending and self._ask():
            self._first_sync_pending = False
            first_sync = True
            self.synchronised.set()
            self._links.tell("clock", True, "synchronised")
        elif self._first_sync_pending and self._clock.monotonic() - self._started > UNSYNCHRONISED_AFTER_S:
            self._links.tell("clock", False, "the clock is not synchronised; check NTP (timedatectl). InfluxDB waits")
        difference = self._difference_ms()
        if abs(difference - self._stamps.shift_ms) <= STEP_LIMIT.total_seconds() * 1000:
            return
        old = self._clock.now() + timedelta(milliseconds=self._stamps.shift_ms)
        new = self._clock.wall()
        if first_sync and difference > 0:
            self._clock.leap_to(new)
            difference = self._difference_ms()
        self._stamps.shift_ms = difference
        log.warning("clock stepped", old=old.isoformat(), new=new.isoformat(), first_sync=first_sync)
        for home in self._homes:
            self._inbox.put(
                Delivery(home=home, make=lambda at: ClockStepped(at=at, old=old, new=new, first_sync=first_sync))
            )


def look_at_disk(links: Links, folder: Path) -> None:
    """A disk that fills up is a trouble before it is full."""
    usage = shutil.disk_usage(folder)
    free_mib = usage.free // (1024 * 1024)
    if usage.free < DISK_FREE_MIN:
        links.tell("disk", False, f"{free_mib} MiB free for the journal; make room on this disk")
    else:
        links.tell("disk", True, "")


def takes_writes(folder: Path) -> bool:
    """Whether the disk would take a new journal: there is room, and a file can be written and synced."""
    if shutil.disk_usage(folder).free < PROBE_BYTES:
        return False
    probe = folder / "probe"
    try:
        with probe.open("wb") as stream:
            stream.write(bytes(65_536))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True


def notify_systemd(state: str) -> None:
    """Tell systemd (READY=1, WATCHDOG=1, …) if it started us; nothing otherwise."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), address)


async def watch(
    clock: SystemClock,
    every_second: Iterable[Callable[[], None]],
    every_minute: Iterable[Callable[[], None]],
    progress: Callable[[], float],
    wake: Callable[[], None],
) -> None:
    """Look at everything once a second, at the slower things once a minute; kick the watchdog only on progress.

    `progress` is when (monotonic) the deciding task last went round; `wake` makes it go round even if nothing comes.
    """
    every_second, every_minute = tuple(every_second), tuple(every_minute)
    next_minute = clock.monotonic()
    while True:
        for look in every_second:
            look()
        if clock.monotonic() >= next_minute:
            next_minute = clock.monotonic() + REFUSALS_EVERY_S
            for look in every_minute:
                look()
        wake()
        if clock.monotonic() - progress() < STALLED_AFTER_S:
            notify_systemd("WATCHDOG=1")
        await clock.sleep(1.0)


def lag_words(heads: Mapping[str, int], cursors: Mapping[str, int], name: str) -> str:
    """How far a destination is behind, in words; "" if it is not."""
    behind = sum(max(head - cursors.get(stream, 0), 0) for stream, head in heads.items())
    return f"{name} is {behind} entries behind the journal" if behind > LAG_ENTRIES_MAX else ""


LAG_ENTRIES_MAX = 200_000
