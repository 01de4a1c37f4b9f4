"""Keeping house: one pruning of the whole journal, in small steps between the commits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.record import pruning, queries
from gateway.record.segments import to_ms
from gateway.record.statistics import Budget, Pruned
from gateway.record.store import Store

Run = Callable[[Callable[[Store], Any]], Awaitable[Any]]
"""Does one piece of work on the store's thread."""


async def prune(run: Run, budget: Budget, cursors: Mapping[tuple[str, str], int], now: datetime) -> Pruned:
    """Take out what is old or too much: segments, archive, quarantine, then free pages."""
    pruned = Pruned()
    snapshots = await run(pruning.newest_snapshots)
    behind = pruning.limits_of(snapshots, cursors)
    too_old = to_ms(now - timedelta(days=budget.keep_days))
    most = budget.keep_bytes
    await _sweep(run, pruning.Sweep(behind, older_than=too_old), pruned)
    await _sweep(run, pruning.Sweep(behind, budget=most), pruned)
    pruned.thinned = await _sweep(run, pruning.Sweep(snapshots, budget=most, alarms=False), pruned)
    pruned.alarms_dropped = await _sweep(run, pruning.Sweep(snapshots, budget=most), pruned)
    await _prune_kept(run, budget, now, pruned)
    pruned.over_budget = max(0, await run(lambda store: store.segment_bytes) - most)
    return pruned


async def _sweep(run: Run, sweep: pruning.Sweep, pruned: Pruned) -> int:
    entries = 0
    removed: pruning.Removed
    while True:
        removed = await run(sweep.step)
        pruned.segments += removed.segments
        pruned.entries += removed.entries
        pruned.bytes += removed.bytes
        entries += removed.entries
        if removed.done:
            return entries


async def _prune_kept(run: Run, budget: Budget, now: datetime, pruned: Pruned) -> None:
    before = to_ms(now - timedelta(days=budget.archive_days))
    while True:
        removed = await run(lambda store: pruning.prune_archive(store, before))
        pruned.archived += removed.entries
        if removed.done:
            break
    not_before = to_ms(now - timedelta(days=budget.quarantine_days))
    size = (budget.quarantine_count, budget.quarantine_bytes, not_before)
    pruned.quarantined = await run(lambda store: queries.trim_quarantine(store, *size))
    while freed := await run(lambda store: pruning.vacuum_step(store, budget.vacuum_share)):
        pruned.pages_freed += freed
