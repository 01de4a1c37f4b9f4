"""The quota of a channel: how many messages a minute it takes, with a share for danger and in it one for fire."""

from __future__ import annotations

from collections import deque

from gateway.clock import Clock
from rules.alarm import Category

_WINDOW_S = 60.0


class Quota:
    """Counts hand-overs of the last minute.

    What is no danger to people leaves `reserved` of them untouched, and gas and persons leave `for_fire` of these
    (half, where it is not said): a flood of calls for help must not use up what a fire needs.
    """

    def __init__(self, per_minute: int, reserved: int, clock: Clock, *, for_fire: int | None = None) -> None:
        self._per_minute = per_minute
        self._reserved = min(reserved, per_minute)
        self._for_fire = min((self._reserved + 1) // 2 if for_fire is None else for_fire, self._reserved)
        self._clock = clock
        self._taken: deque[float] = deque()
        self._closed_until = 0.0

    def take(self, category: Category) -> float:
        """0.0 and counted, or the seconds after which it is worth asking again."""
        now = self._clock.monotonic()
        taken = self._recent(now)
        limit = self.limit(category)
        if not category.endangers_people and now < self._closed_until:
            return self._closed_until - now
        if limit <= 0:
            return _WINDOW_S
        if len(taken) >= limit:
            return max(taken[len(taken) - limit] + _WINDOW_S - now, 0.001)
        taken.append(now)
        return 0.0

    def limit(self, category: Category) -> int:
        """How many of all messages of a minute may have been taken before one of this category."""
        if category is Category.FIRE:
            return self._per_minute
        return self._per_minute - (self._for_fire if category.endangers_people else self._reserved)

    def left(self, category: Category) -> int:
        """How many messages of this category it takes now."""
        now = self._clock.monotonic()
        if not category.endangers_people and now < self._closed_until:
            return 0
        return max(self.limit(category) - len(self._recent(now)), 0)

    def close_for(self, seconds: float) -> None:
        """The other side says that it is over its limit: only danger to people is still tried meanwhile."""
        self._closed_until = max(self._closed_until, self._clock.monotonic() + seconds)

    def _recent(self, now: float) -> deque[float]:
        while self._taken and now - self._taken[0] >= _WINDOW_S:
            self._taken.popleft()
        return self._taken
