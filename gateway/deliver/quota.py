"""The quota of a channel: how many messages a minute it takes, with a share that only danger to people may use."""

from __future__ import annotations

from collections import deque

from gateway.clock import Clock

_WINDOW_S = 60.0


class Quota:
    """Counts hand-overs of the last minute. What is no danger to people leaves `reserved` of them untouched."""

    def __init__(self, per_minute: int, reserved: int, clock: Clock) -> None:
        self._per_minute = per_minute
        self._others = max(per_minute - reserved, 0)
        self._clock = clock
        self._taken: deque[float] = deque()
        self._closed_until = 0.0

    def take(self, danger: bool) -> float:
        """0.0 and counted, or the seconds after which it is worth asking again."""
        now = self._clock.monotonic()
        taken = self._taken
        while taken and now - taken[0] >= _WINDOW_S:
            taken.popleft()
        limit = self._per_minute if danger else self._others
        if not danger and now < self._closed_until:
            return self._closed_until - now
        if limit <= 0:
            return _WINDOW_S
        if len(taken) >= limit:
            return max(taken[len(taken) - limit] + _WINDOW_S - now, 0.001)
        taken.append(now)
        return 0.0

    def close_for(self, seconds: float) -> None:
        """The other side says that it is over its limit: only danger to people is still tried meanwhile."""
        self._closed_until = max(self._closed_until, self._clock.monotonic() + seconds)
