"""What the console reads of a home's alarm quality, and of its shadow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from rules.quality import Quality


class ShownEpisode(Protocol):
    """What the page reads of an alarm that one side alone raised."""

    @property
    def rule(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def raised_at(self) -> datetime: ...

    def rule_in(self, language: str) -> str: ...


class ShownShadow(Protocol):
    """What the page reads of a shadow."""

    began_at: datetime | None
    alike: int
    more_count: int
    fewer_count: int
    faults: int

    @property
    def more(self) -> Sequence[ShownEpisode]: ...

    @property
    def fewer(self) -> Sequence[ShownEpisode]: ...


class ShownGap(Protocol):
    """What the page reads of a row of the ledger that is to be explained.

    `at` is in ms; `first` 0: another file began.
    """

    @property
    def row(self) -> int: ...

    @property
    def at(self) -> int: ...

    @property
    def first(self) -> int: ...

    @property
    def last(self) -> int: ...


class ShownQuality(Protocol):
    """What the page reads of a home."""

    @property
    def quality(self) -> Quality: ...

    @property
    def explain(self) -> Sequence[ShownGap]: ...

    @property
    def shadow(self) -> ShownShadow | None: ...


AskQuality = Callable[[str], Awaitable[ShownQuality]]
