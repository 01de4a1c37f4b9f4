"""What a way out must promise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, runtime_checkable

import msgspec

from rules.effects import AnyEffect, Notify
from rules.inputs import Outcome

HAND_OVER_MAX_S: Final = 90.0
"""A hand-over that has no result by then is tried again, where the destination does not say that it takes longer."""

HAND_OVERS_AT_ONCE: Final = 16


class SendResult(msgspec.Struct, frozen=True):
    """What became of one hand-over. Expected failures are results, not exceptions.

    `retry_after` (seconds) is what the other side asked for with a `retry`; 0 leaves it to the courier's back-off.
    """

    outcome: Outcome
    reference: str = ""
    detail: str = ""
    retry_after: float = 0.0


class Destination(Protocol):
    """One way out. `send` gets each effect that it `takes`, with a key (`home:epoch:seq:n`): a repeat is harmless."""

    @property
    def name(self) -> str: ...

    def takes(self, effect: AnyEffect) -> bool: ...

    async def send(self, effect: AnyEffect, key: str) -> SendResult: ...


Later = Callable[[Notify, SendResult], Awaitable[bool]]
"""Takes what a channel learnt of a message after its hand-over (delivered, read, answered, or refused after all).

True once that is on disk: only then may the channel throw away what it learnt it from. Saying it twice is harmless.
"""


@runtime_checkable
class Feedback(Protocol):
    """A destination that learns more of its messages after it has handed them over."""

    async def listen(self, later: Later) -> None:
        """Give everything that is learnt to `later`, until cancelled. After a fault it is called again."""
