"""What the console shows of a home's quality: its alarms of the last days, gaps to explain, and its shadow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from gateway.clock import Clock
from gateway.record.archived import ArchiveFile
from gateway.record.ledger_gaps import GapBook, GapFile, OpenGap
from gateway.report.quality import count
from rules.quality import Quality
from rules.site import Site

DAYS: Final = 30
KEPT_S: Final = 300.0
"""A home is counted again after so long at the earliest: the archive of a month takes seconds to read."""


class QualityView(msgspec.Struct, frozen=True):
    """One home's quality. `explain`: gaps in the ledger that a person has to explain; `shadow` None: there is none."""

    quality: Quality
    explain: tuple[OpenGap, ...] = ()
    shadow: object | None = None


class QualityDesk:
    """Counts a home when it is asked for, off the loop, one at a time."""

    def __init__(
        self, journal: Path, clock: Clock, sites: Mapping[str, Site], shadow: Callable[[str], object | None]
    ) -> None:
        self._journal = journal
        self._sites = sites
        self._gaps = GapBook()
        self._clock = clock
        self._shadow = shadow
        self._kept: dict[str, tuple[float, Quality]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def view(self, home: str) -> QualityView:
        """The home as it is now; JournalUnavailable where the journal cannot be read."""
        async with self._one_at_a_time:
            kept = self._kept.get(home)
            if kept is None or self._clock.monotonic() - kept[0] > KEPT_S:
                quality = await asyncio.to_thread(self._count, home)
                kept = self._kept[home] = (self._clock.monotonic(), quality)
            explain = await asyncio.to_thread(self._explain, home)
        return QualityView(kept[1], explain, self._shadow(home))

    def _count(self, home: str) -> Quality:
        end = self._clock.now()
        with ArchiveFile(self._journal) as file:
            return count(file, self._sites[home], end - timedelta(days=DAYS), end)

    def _explain(self, home: str) -> tuple[OpenGap, ...]:
        with GapFile(self._journal) as file:
            return tuple(self._gaps.open_gaps(file, home))
