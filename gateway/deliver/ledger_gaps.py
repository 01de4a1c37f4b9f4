"""Tells each home, as a standing trouble, how many gaps of its ledger are to be explained by a person."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.deliver.courier import LinkReporter, Report
from gateway.record.ledger_gaps import GapBook, GapFile
from gateway.record.record import JournalUnavailable

LOOK_S: Final = 60.0
LINK: Final = "ledger-gap"
TO_EXPLAIN: Final = " gaps of the ledger are to be explained: see the page of alarm quality"

log = structlog.get_logger(__name__)


class LedgerGaps:
    """Looks once a minute. A journal that cannot be read is told by others; what was told stands meanwhile."""

    def __init__(self, journal: Path, homes: Sequence[str], clock: Clock, report: Report) -> None:
        self._journal = journal
        self._clock = clock
        self._book = GapBook()
        self._links = {home: LinkReporter(LINK, (home,), report) for home in homes}

    async def run(self) -> None:
        """Look and tell until cancelled."""
        async with asyncio.TaskGroup() as group:
            for link in self._links.values():
                group.create_task(link.run())
            group.create_task(self._look_for_ever())

    async def _look_for_ever(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(LOOK_S)

    async def look(self) -> None:
        """Count the open gaps of every home."""
        try:
            counts = await asyncio.to_thread(self._count)
        except JournalUnavailable as fault:
            log.warning("the gaps of the ledger cannot be counted", reason=str(fault))
            return
        for home, count in counts.items():
            if count:
                self._links[home].set_down(f"{count}{TO_EXPLAIN}")
            else:
                self._links[home].set_up()

    def _count(self) -> dict[str, int]:
        with GapFile(self._journal) as file:
            return {home: len(self._book.open_gaps(file, home)) for home in self._links}
