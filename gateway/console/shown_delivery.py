"""What the console reads of a home's ways to its people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from rules.site import Channel


class ShownWay(Protocol):
    """One channel of one person: the rung that its last message reached, how many there were, and what failed."""

    @property
    def person(self) -> str: ...

    @property
    def channel(self) -> Channel: ...

    @property
    def state(self) -> str: ...

    @property
    def at(self) -> datetime | None: ...

    @property
    def messages(self) -> int: ...

    @property
    def failures(self) -> int: ...

    @property
    def fault(self) -> str: ...

    @property
    def failed_at(self) -> datetime | None: ...

    @property
    def tested_at(self) -> datetime | None: ...

    @property
    def test_passed(self) -> bool: ...

    def lag(self, share: float) -> float | None: ...


class ShownQuotas(Protocol):
    """What a channel takes in a minute, and what is left of it for whom."""

    @property
    def per_minute(self) -> int: ...

    @property
    def fire(self) -> int: ...

    @property
    def danger(self) -> int: ...

    @property
    def others(self) -> int: ...


class ShownDelivery(Protocol):
    """What the page reads of a home. `complete` false: there were more messages than are looked at."""

    @property
    def ways(self) -> Sequence[ShownWay]: ...

    @property
    def kinds(self) -> Mapping[str, str]: ...

    @property
    def quotas(self) -> Mapping[str, ShownQuotas]: ...

    @property
    def complete(self) -> bool: ...


AskDelivery = Callable[[str], Awaitable[ShownDelivery]]
