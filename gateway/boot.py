"""Boot: the engines as they were, from the newest snapshot and the inputs since; then the site and rules of today."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from gateway.inbox import Delivery, Inbox
from gateway.record.record import JournalEntry, Record, StreamHead
from rules.engine import Engine
from rules.inputs import AnyInput, LinkChanged, SiteChanged
from rules.rule import Rule
from rules.site import Site

log = structlog.get_logger("boot")

READ_AT_ONCE = 2048


async def restore(record: Record, home: str) -> tuple[Engine, int]:
    """The engine of a home as the journal left it, and how many entries gave other effects than were recorded.

    What was recorded stays the record: effects are delivered as they stand in the journal, never recomputed.
    """
    head = await record.open_stream(home)
    engine = _from_snapshot(home, head)
    differing = 0
    while entries := await record.read(home, engine.seq, READ_AT_ONCE):
        for entry in entries:
            differing += not _replay(engine, entry)
        await asyncio.sleep(0)
    engine.epoch = head.epoch
    return engine, differing


def _from_snapshot(home: str, head: StreamHead) -> Engine:
    if not head.snapshot:
        return Engine(home, head.epoch)
    try:
        engine = engine_of(head.snapshot)
    except ValueError as fault:
        log.error("snapshot not usable; replaying from the start of the journal", home=home, error=str(fault))
        return Engine(home, head.epoch)
    engine.epoch = head.epoch
    return engine


def engine_of(snapshot: bytes) -> Engine:
    """The engine that a snapshot holds; ValueError where it is none."""
    # All that is made stays: the collector would search it again and again (two thirds of the time of 100,000 devices).
    collecting = gc.isenabled()
    gc.disable()
    try:
        return Engine.restore(snapshot)
    finally:
        if collecting:
            gc.enable()


def _replay(engine: Engine, entry: JournalEntry) -> bool:
    """Apply one recorded input; False if it gives other effects. A gap (readings lost, disk full) is stepped over."""
    engine.seq, engine.epoch = entry.seq - 1, entry.epoch
    try:
        effects = engine.step(entry.input)
    except Exception as fault:
        # Decided without the engine (rules/bare.py), or by another version: what was recorded stands.
        log.error("a recorded input cannot be replayed", home=entry.stream, seq=entry.seq, exc_info=fault)
        engine.seq = entry.seq
        return False
    return effects == entry.effects


def bring_up_to_date(inbox: Inbox, engine: Engine, site: Site, rules: Sequence[Rule], ruleset: str) -> None:
    """Queue what the engine must hear first: the site and rules if they changed, and that its links begin anew."""
    if engine.site != site or engine.ruleset != ruleset:
        whole = tuple(rules)
        make = lambda at: SiteChanged(at=at, site=site, rules=whole, ruleset=ruleset)  # noqa: E731
        inbox.put(Delivery(home=site.id, make=make))
    for alarm in list(engine.alarms.values()):
        if alarm.rule == "gateway.link" and not alarm.latched:
            inbox.put(Delivery(home=site.id, make=_begins_anew(alarm.subject.removeprefix("link:"))))


def _begins_anew(link: str) -> Callable[[datetime], AnyInput]:
    return lambda at: LinkChanged(at=at, link=link, up=True, detail="the gateway started anew")
