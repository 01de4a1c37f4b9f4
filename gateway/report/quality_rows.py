"""Alarm quality as rows of the measurement `quality`: each full hour, of the 24 hours before it, one row a home.

A row is a function of the journal's archive and its hour, so that writing it again is harmless. After a time without
the store the hours of the last day are written behind it; what is older stays out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.record.archived import ArchiveFile
from gateway.record.record import JournalUnavailable
from gateway.report.quality import count
from rules.incident import VerdictKind
from rules.quality import Quality
from rules.site import Site

HOUR: Final = timedelta(hours=1)
SPAN: Final = timedelta(hours=24)
AGAIN_S: Final = 60.0
LATE_S: Final = 30.0
"""So long behind the full hour a row is made: what belongs to the hour is on disk by then."""

PRIORITIES: Final = (1, 2, 3, 4)

log = structlog.get_logger(__name__)

Post = Callable[[bytes], Awaitable[bool]]
"""Posts lines to a store; whether it took them, or will never take them (then nothing is gained by asking again)."""


def row_of(tags: str, found: Quality, at: datetime) -> str:
    """One row, under the tags of its home. Every field is a float; a time that nobody can tell is left out."""
    fields = {
        "alarms": found.alarms,
        "average": found.average,
        "peak": max(found.per_window, default=0),
        "overloaded_share": found.overloaded_share,
        "floods": len(found.floods),
        "chattering": len(found.chattering),
        "fleeting": found.fleeting,
        "stale": found.stale,
        "standing": found.standing,
        "sources_share": found.sources_share,
        "false": sum(one.count for one in found.false_alarms),
        "real": found.verdicts.get(VerdictKind.REAL.value, 0),
        **{f"priority.{one}": found.priorities.get(one, 0) for one in PRIORITIES},
    }
    if found.to_acknowledge.count:
        fields |= {"acknowledge_s": found.to_acknowledge.median_s, "acknowledge_p90_s": found.to_acknowledge.p90_s}
    if found.to_verify.count:
        fields |= {"verify_s": found.to_verify.median_s, "verify_p90_s": found.to_verify.p90_s}
    told = ",".join(f"{name}={float(value)!r}" for name, value in fields.items())
    return f"quality{tags} {told} {int(at.timestamp() * 1000)}"


class QualityRows:
    """Makes the rows of all homes and posts them to one store. What the store says of itself its writer tells."""

    def __init__(
        self, journal: Path, sites: Mapping[str, Site], tags_of: Callable[[Site], str], clock: Clock, post: Post
    ) -> None:
        self._journal = journal
        self._sites = sites
        self._tags_of = tags_of
        self._clock = clock
        self._post = post
        self._next: datetime | None = None

    async def run(self) -> None:
        """A row a home behind each full hour, until cancelled."""
        while True:
            written = await self.write_due()
            now = self._clock.wall()
            following = _hour_of(now) + HOUR + timedelta(seconds=LATE_S)
            await self._clock.sleep((following - now).total_seconds() if written else AGAIN_S)

    async def write_due(self) -> bool:
        """Write the hours that are due, oldest first; False where the store or the journal has to be asked again."""
        newest = _hour_of(self._clock.wall())
        hour = max(self._next or newest, newest - SPAN)
        while hour <= newest:
            try:
                lines = await asyncio.to_thread(self._lines, hour)
            except JournalUnavailable as fault:
                log.warning("no rows of alarm quality", reason=str(fault))
                return False
            if not await self._post(lines):
                return False
            hour += HOUR
            self._next = hour
        return True

    def _lines(self, hour: datetime) -> bytes:
        with ArchiveFile(self._journal) as file:
            rows = [
                row_of(self._tags_of(site), count(file, site, hour - SPAN, hour), hour) for site in self._sites.values()
            ]
        return "\n".join(rows).encode()


def _hour_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
