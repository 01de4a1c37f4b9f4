"""The channel over the live line of the phone's own page: works in the home's network with the Internet gone.

Reached means shown: a page in the foreground answered within 20 s. Otherwise it is refused, and the plan moves on.
"""

from __future__ import annotations

from gateway.clock import Clock
from gateway.deliver.destination import Later, SendResult
from gateway.deliver.message_channel import MessageChannel, Words, refused
from gateway.deliver.quota import Quota
from gateway.deliver.receipts import Receipts
from gateway.deliver.wording import Notice
from gateway.lines import Lines
from rules.effects import Notify
from rules.inputs import Outcome


class LiveChannel(MessageChannel):
    """Shows a message on the open pages of its person."""

    at_once = 256
    """Each waits up to 20 s for its page: those of a whole home must not stand in each other's way."""

    def __init__(self, name: str, lines: Lines, words: Words, clock: Clock, quota: Quota) -> None:
        super().__init__(name, words, clock, quota)
        self._lines = lines
        self.receipts = Receipts()

    def address_fault(self, address: str) -> str:
        return f"the live line needs none: take {address!r} out" if address else ""

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:
        """Show it. What no page confirms within 20 s was not shown."""
        data: dict[str, object] = {
            "message": key,
            "home": notify.incident.home,
            "incident": notify.incident.id,
            "category": notify.alarm.category.value,
            "danger": notify.alarm.category.endangers_people,
            "purpose": notify.purpose,
            "title": notice.title,
            "text": notice.text,
        }
        # Before the page hears of it: it may say "opened" sooner than the wait for "shown" goes on.
        self.receipts.remember(notify, Outcome.DELIVERED)
        reached = await self._lines.call(notify.incident.home, notify.person, key, data)
        if reached.after_s is None:
            return refused(reached.why_not)
        return SendResult(Outcome.DELIVERED, detail=f"shown after {reached.after_s:.1f} s")

    async def listen(self, later: Later) -> None:
        """Who opened a message has read it."""
        await self.receipts.listen(later)
