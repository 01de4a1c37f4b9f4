"""The inbox: inputs that wait to be decided, each able to settle at its source once it is on disk.

Everything that can happen comes through here: packets, people, links, what became of messages. It is
bounded in bytes; a source asks `full` and stops reading while it is (it never drops).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from rules.effects import AnyEffect
from rules.inputs import AnyInput

Stamp = Callable[..., AnyInput]


class Decision(msgspec.Struct, frozen=True):
    """What came of one input: its place in the journal, the effects, and whether the commit is on disk."""

    seq: int
    effects: tuple[AnyEffect, ...]
    durable: bool


class Delivery(msgspec.Struct, gc=False):
    """One input on its way to the engine of `home`.

    `make(at)` builds the input with the instant that `decide` stamps (time never goes back). `settle` is called
    after the commit that holds it, and never before; `size` is what it weighs against the inbox's budget.
    `device` names the device it came from, so that a faulting input can be laid to it; `payload` are its bytes.
    """

    home: str
    make: Stamp
    settle: Callable[[], None] | None = None
    decided: asyncio.Future[Decision] | None = None
    size: int = 64
    device: str = ""
    category: str = ""
    payload: bytes = b""


class Inbox:
    """A queue of deliveries with a budget in bytes, drained whole by the one task that decides."""

    def __init__(self, bytes_max: int = 32 * 1024 * 1024) -> None:
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._bytes = 0
        self._bytes_max = bytes_max
        self._relieved: list[Callable[[], None]] = []

    @property
    def full(self) -> bool:
        """Whether sources should stop reading until `when_relieved` calls them."""
        return self._bytes >= self._bytes_max

    @property
    def depth(self) -> int:
        """How many inputs wait."""
        return len(self._waiting)

    def when_relieved(self, resume: Callable[[], None]) -> None:
        """Have `resume` called once, as soon as the inbox is below half of its budget."""
        self._relieved.append(resume)

    def put(self, delivery: Delivery) -> None:
        """Queue one delivery. Never refuses: what was received must be decided or left unacknowledged."""
        self._waiting.append(delivery)
        self._bytes += delivery.size
        self._arrived.set()

    async def submit(self, home: str, make: Stamp) -> Decision:
        """Queue an input and wait until it is decided: for people, who need the answer."""
        decided: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self.put(Delivery(home=home, make=make, decided=decided))
        return await decided

    def wake(self) -> None:
        """Let `wait` return once although nothing came: proof that the deciding task still goes round."""
        self._arrived.set()

    def take(self, most: int) -> list[Delivery]:
        """Up to `most` deliveries, in the order they came; none if none wait."""
        waiting = self._waiting
        if len(waiting) <= most:
            taken = list(waiting)
            waiting.clear()
            self._arrived.clear()
        else:
            taken = [waiting.popleft() for _ in range(most)]
        self._bytes -= sum(delivery.size for delivery in taken)
        if self._relieved and self._bytes < self._bytes_max // 2:
            relieved, self._relieved = self._relieved, []
            for resume in relieved:
                resume()
        return taken

    async def wait(self, seconds: float | None) -> None:
        """Return when something waits, or after `seconds` (None: for ever)."""
        if self._waiting or self._arrived.is_set() or (seconds is not None and seconds <= 0):
            return
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return
