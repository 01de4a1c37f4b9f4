"""Back-off: how long to wait before trying again, doubling and spread so that many do not come back at once."""

from __future__ import annotations

from collections.abc import Callable

Jitter = Callable[[], float]
"""Handed-in randomness: a number in [0, 1)."""


def backoff_seconds(failures: int, jitter: Jitter, *, first: float, most: float) -> float:
    """Seconds after the n-th failure in a row (n from 1): first x 2^(n-1), at most `most`, half of it by chance."""
    doublings = min(max(failures, 1) - 1, 30)
    return min(first * 2.0**doublings, most) * (0.5 + 0.5 * jitter())
