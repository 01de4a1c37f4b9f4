"""The published heads of the ledger: signed into a file for each day while rows come, and with every heartbeat.

Whoever keeps such a head outside the box (a printed sheet, the heartbeat's receiver) can prove later that rows were cut
off or that the chain was computed anew: `anlian ledger verify --head FILE --key FILE`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import structlog

from gateway.clock import Clock
from gateway.record.ledger import LedgerFile
from gateway.record.record import JournalUnavailable
from gateway.record.seal import Seal, SealFault, head_files

LOOK_S: Final = 30.0
"""How often it is looked whether rows came; after a fault it is tried again as soon."""

EVERY_S: Final = 300.0
ROWS: Final = 100
"""While rows come, a head is due after so long, or after so many rows: what lies behind it can be cut unseen."""

ANYHOW_S: Final = 3600.0
"""Where nothing happens, the head is dated anew: it tells that nothing did."""

FILES_MAX: Final = 3700
"""Ten years of days; beyond it the oldest file goes."""

log = structlog.get_logger(__name__)


class LedgerHeads:
    """Signs the ends of the ledger's chains. A key or a file that cannot be had is a trouble (`ledger-head`).

    A ledger that has fewer rows than the head before vouched for is one too (`ledger-cut`), until the next start.
    """

    def __init__(
        self, journal: Path, key: Path, folder: Path, clock: Clock, tell: Callable[[str, bool, str], object]
    ) -> None:
        self._journal = journal
        self._key = key
        self._folder = folder
        self._clock = clock
        self._tell = tell
        self._published: tuple[float, int] | None = None  # when (monotonic), and how many rows it vouches for

    async def run(self) -> None:
        """Write the day's file whenever a head is due, until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_S)

    async def look(self) -> None:
        """Publish a head if one is due."""
        if self._published is None or await asyncio.to_thread(self._due, *self._published):
            await self.write()

    def _due(self, published_at: float, vouched: int) -> bool:
        age = self._clock.monotonic() - published_at
        if age >= ANYHOW_S:
            return True
        try:
            with LedgerFile(self._journal) as file:
                more = sum(head.number for head in file.heads()) - vouched
        except JournalUnavailable:
            return True  # `write` tells why
        # Fewer than before: the file is another one.
        return more >= ROWS or more < 0 or (more > 0 and age >= EVERY_S)

    async def write(self) -> bool:
        """Sign the ends and put them into the day's file; whether that worked."""
        now, began = self._clock.wall(), self._clock.monotonic()
        try:
            rows = await asyncio.to_thread(self._write, now)
        except (OSError, SealFault, JournalUnavailable) as fault:
            log.error("the head of the ledger is not published", reason=str(fault))
            self._tell("ledger-head", False, str(fault)[:500])
            self._published = None
            return False
        if self._published is not None and rows < self._published[1]:
            words = f"台账行数变少 the ledger has {rows} rows, the head before vouched for {self._published[1]}"
            self._tell("ledger-cut", False, f"{words}: keep that head's file, and run anlian ledger verify")
        self._published = began, rows
        self._tell("ledger-head", True, "")
        return True

    async def newest(self) -> bytes:
        """The ends as they are now, signed; empty where they cannot be (the next `write` says why)."""
        now = self._clock.wall()
        try:
            return (await asyncio.to_thread(self._signed, now))[0]
        except (OSError, SealFault, JournalUnavailable):
            return b""

    def _signed(self, now: datetime) -> tuple[bytes, int]:
        """The head, and how many rows it vouches for."""
        seal = Seal.open(self._key)
        with LedgerFile(self._journal) as file:
            heads = tuple(file.heads())
        return msgspec.json.encode(seal.sign(now, heads)), sum(head.number for head in heads)

    def _write(self, now: datetime) -> int:
        body, rows = self._signed(now)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{now.astimezone(UTC):%Y-%m-%d}.json"
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as stream:
            stream.write(body + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        fresh.rename(path)
        for old in head_files(self._folder)[:-FILES_MAX]:
            old.unlink(missing_ok=True)
        return rows
