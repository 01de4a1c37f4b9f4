"""What phones say of messages after their hand-over: shown, opened. Kept for the courier that records it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

from gateway.deliver.destination import Later, SendResult
from rules.effects import Notify
from rules.inputs import Outcome

REMEMBERED_MAX: Final = 1024
"""Messages that a receipt can still be about; of older ones it says nothing that matters any more."""
WAITING_MAX: Final = 1024
_SAID = (Outcome.DELIVERED, Outcome.READ)


class Receipts:
    """The messages of one channel that were handed over, and the receipts for them that are not recorded yet."""

    def __init__(self) -> None:
        self._handed: OrderedDict[str, tuple[Notify, Outcome]] = OrderedDict()
        self._waiting: asyncio.Queue[tuple[Notify, SendResult]] = asyncio.Queue(WAITING_MAX)

    def remember(self, notify: Notify, outcome: Outcome) -> None:
        """A message is (or is about to be) handed over; beyond the limit the oldest is forgotten."""
        self._handed[notify.message] = (notify, outcome)
        self._handed.move_to_end(notify.message)
        while len(self._handed) > REMEMBERED_MAX:
            self._handed.popitem(last=False)

    def note(self, message: str, person: str, outcome: Outcome, detail: str = "") -> bool:
        """A phone of this person says what became of a message. False: not known here, or said already."""
        found = self._handed.get(message)
        if found is None or found[0].person != person or outcome not in _SAID:
            return False
        notify, known = found
        if known in _SAID and _SAID.index(known) >= _SAID.index(outcome):
            return False
        if self._waiting.full():
            return False
        self._handed[message] = (notify, outcome)
        self._waiting.put_nowait((notify, SendResult(outcome, detail=detail)))
        return True

    async def listen(self, later: Later) -> None:
        """Give every receipt to the courier, until cancelled; what cannot be put on disk stays said once."""
        while True:
            notify, result = await self._waiting.get()
            await later(notify, result)
