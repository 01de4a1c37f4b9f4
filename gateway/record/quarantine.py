"""The quarantine: bytes that nobody could decide or decode, bounded in number, size and age."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.record import queries
from gateway.record.record import JournalUnavailable
from gateway.record.segments import from_ms, to_ms
from gateway.record.statistics import Budget, Quarantined, Troubles
from gateway.record.store import Store

PAYLOAD_MAX: Final = 256 * 1024
REASON_MAX: Final = 2000

Run = Callable[[Callable[[Store], Any]], Awaitable[Any]]


class Quarantine:
    """Keeps bytes with an id each; what the disk refuses is given up and counted: it never stops the stream."""

    def __init__(self, run: Run, budget: Budget, troubles: Troubles) -> None:
        self._run = run
        self._budget = budget
        self._troubles = troubles
        self._epoch = 0
        self._number = 0

    def begin(self, epoch: int, number: int) -> None:
        """Go on behind the last number that was given."""
        self._epoch, self._number = epoch, number

    async def keep(
        self, stream: str, at: datetime, source: str, reason: str, payload: bytes, failing: str | None
    ) -> str:
        """Keep the bytes (at most 256 KiB of them); their id, whether the disk took them or not."""
        self._number += 1
        key = f"{stream}:{self._epoch}:q{self._number}"
        budget = self._budget
        row = (self._number, key, stream, to_ms(at), source, reason[:REASON_MAX], payload[:PAYLOAD_MAX])
        not_before = to_ms(at - timedelta(days=budget.quarantine_days))
        try:
            if failing is not None:
                raise JournalUnavailable(failing)
            count, size = budget.quarantine_count, budget.quarantine_bytes
            await self._run(lambda store: store.keep_bytes(row, count, size, not_before))
        except JournalUnavailable as error:
            self._troubles.add(
                "quarantine",
                f"隔离内容未能保存 {key}：{error}",
                f"bytes for quarantine could not be kept {key}: {error}",
            )
        return key

    async def newest(self, most: int) -> list[Quarantined]:
        """What lies here, newest first."""
        rows = await self._run(lambda store: queries.quarantined(store, most))
        return [Quarantined(row[0], row[1], from_ms(row[2]), *row[3:]) for row in rows]
