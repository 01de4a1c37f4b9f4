"""The gate of a channel: how many messages may be handed over at once, and which one goes next."""

from __future__ import annotations

import asyncio
import heapq


class Gate:
    """Slots given out by rank, lowest first, in the order of arrival within a rank.

    `reserved` of the slots are for danger to people only: sixteen stuck messages about a weak battery must not
    hold up a fire.
    """

    def __init__(self, slots: int, reserved: int) -> None:
        self._slots = slots
        self._open_to_all = max(slots - reserved, 1)
        self._used = 0
        self._used_by_others = 0
        self._arrivals = 0
        self._queue: list[tuple[int, int, bool, asyncio.Future[None]]] = []

    async def enter(self, rank: int, danger: bool) -> None:
        """Wait for a slot; every `enter` that returned needs one `leave`."""
        self._arrivals += 1
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (rank, self._arrivals, danger, turn))
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(danger)
            raise

    def leave(self, danger: bool) -> None:
        """Give the slot back."""
        self._used -= 1
        if not danger:
            self._used_by_others -= 1
        self._admit()

    def _admit(self) -> None:
        while self._queue and self._used < self._slots:
            _, _, danger, turn = self._queue[0]
            if turn.done():
                heapq.heappop(self._queue)
                continue
            if not danger and self._used_by_others >= self._open_to_all:
                return
            heapq.heappop(self._queue)
            self._used += 1
            if not danger:
                self._used_by_others += 1
            turn.set_result(None)
