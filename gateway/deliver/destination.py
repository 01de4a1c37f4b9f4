"""What a way out must promise."""

from __future__ import annotations

from typing import Protocol

import msgspec

from rules.effects import AnyEffect
from rules.inputs import Outcome


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
