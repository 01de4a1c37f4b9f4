"""The published heads of the ledger: signed once an hour into a file for each day, and with every heartbeat.

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

EVERY_S: Final = 3600.0
AGAIN_S: Final = 60.0
FILES_MAX: Final = 3700
"""Ten years of days; beyond it the oldest file goes."""

log = structlog.get_logger(__name__)


class LedgerHeads:
    """Signs the ends of the ledger's chains. A key or a file that cannot be had is a trouble (`ledger-head`)."""

    def __init__(
        self, journal: Path, key: Path, folder: Path, clock: Clock, tell: Callable[[str, bool, str], object]
    ) -> None:
        self._journal = journal
        self._key = key
        self._folder = folder
        self._clock = clock
        self._tell = tell

    async def run(self) -> None:
        """Write the day's file once an hour until cancelled; a minute later again where that failed."""
        while True:
            written = await self.write()
            await self._clock.sleep(EVERY_S if written else AGAIN_S)

    async def write(self) -> bool:
        """Sign the ends and put them into the day's file; whether that worked."""
        now = self._clock.wall()
        try:
            await asyncio.to_thread(self._write, now)
        except (OSError, SealFault, JournalUnavailable) as fault:
            log.error("the head of the ledger is not published", reason=str(fault))
            self._tell("ledger-head", False, str(fault)[:500])
            return False
        self._tell("ledger-head", True, "")
        return True

    async def newest(self) -> bytes:
        """The ends as they are now, signed; empty where they cannot be (the next `write` says why)."""
        now = self._clock.wall()
        try:
            return await asyncio.to_thread(self._signed, now)
        except (OSError, SealFault, JournalUnavailable):
            return b""

    def _signed(self, now: datetime) -> bytes:
        seal = Seal.open(self._key)
        with LedgerFile(self._journal) as file:
            return msgspec.json.encode(seal.sign(now, tuple(file.heads())))

    def _write(self, now: datetime) -> None:
        body = self._signed(now)
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
