"""The shadow: other rules that hear what a home hears, beside the live ones, and call nobody.

It reads the journal as every reader does, so that whatever happens to it, the deciding task knows nothing of it. Its
differences are shown on the console. It takes at most a quarter of the time, and begins anew where it falls behind,
and where its rules change.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from gateway.clock import Clock
from gateway.load import ruleset_of
from gateway.record.record import JournalEntry, Record
from gateway.report.candidate import Candidate, raised_in
from gateway.report.difference import SAME_WITHIN, Episode, episode_of, matched
from rules.engine import Engine
from rules.rule import Rule

READ_AT_ONCE: Final = 64
REST: Final = 3.0
"""Seconds of rest for each second of work: at most a quarter of the loop's time."""

BEHIND_MAX: Final = 100_000
"""Entries behind the journal; beyond it the shadow begins anew from the live engine."""

AGAIN_S: Final = 60.0
SHOWN_MAX: Final = 50
WAITING_MAX: Final = 500
SETTLE_EVERY: Final = timedelta(seconds=10)

log = structlog.get_logger(__name__)


class ShadowState(msgspec.Struct):
    """What a shadow has seen. `more` it alone raised, `fewer` the live rules alone raised; the newest are kept."""

    home: str
    began_at: datetime | None = None
    entries: int = 0
    alike: int = 0
    more_count: int = 0
    fewer_count: int = 0
    faults: int = 0
    fault: str = ""
    skipped: int = 0
    more: deque[Episode] = msgspec.field(default_factory=lambda: deque(maxlen=SHOWN_MAX))
    fewer: deque[Episode] = msgspec.field(default_factory=lambda: deque(maxlen=SHOWN_MAX))


def try_rules(shadows: Iterable[Shadow], rules: tuple[Rule, ...]) -> None:
    """Let these shadows try these rules from now on."""
    ruleset = ruleset_of(rules)
    for shadow in shadows:
        shadow.change(rules, ruleset)


class Shadow:
    """The shadow of one home. Without rules it rests, and there is nothing to show (`state` is None)."""

    def __init__(
        self,
        home: str,
        rules: tuple[Rule, ...],
        ruleset: str,
        record: Record,
        live: Callable[[], Engine],
        clock: Clock,
    ) -> None:
        self.state: ShadowState | None = None
        self._rules: tuple[Rule, ...] = ()
        self._home = home
        self._wanted = asyncio.Event()
        self.change(rules, ruleset)
        self._record, self._live, self._clock = record, live, clock
        self._recorded: list[Episode] = []
        self._candidate: list[Episode] = []
        self._settled_at: datetime | None = None

    def change(self, rules: tuple[Rule, ...], ruleset: str) -> None:
        """Try these rules from now on (none: rest). What was counted of others is forgotten, the same ones go on."""
        if rules and self.state is not None and rules == self._rules:
            return
        self._rules, self._ruleset = rules, ruleset
        self.state = ShadowState(self._home) if rules else None
        if rules:
            self._wanted.set()
        else:
            self._wanted.clear()

    async def run(self) -> None:
        """Follow the live engine until cancelled. A fault ends this attempt alone; a minute later it begins anew."""
        while True:
            await self._wanted.wait()
            state = self.state
            if state is None:
                continue
            try:
                await self.follow(state)
            except Exception as fault:  # noqa: BLE001 - rules under trial may break anything; nothing live may feel it
                state.faults += 1
                state.fault = f"{type(fault).__name__}: {fault}"[:300]
                log.error("the shadow faulted; alarms are not concerned", home=self._home, reason=state.fault)
                await self._clock.sleep(AGAIN_S)

    async def follow(self, state: ShadowState) -> None:
        """Begin as the live engine stands and hear what it hears, until it fell too far behind or its rules changed."""
        engine = Engine.restore(self._live().snapshot())
        position = engine.seq
        candidate = Candidate(engine, self._rules, self._ruleset)
        if engine.now is None:
            return await self._clock.sleep(AGAIN_S)
        candidate.begin(engine.now, list(engine.alarms.values()))
        state.began_at = engine.now
        self._recorded, self._candidate = [], []
        while True:
            await self._record.wait_beyond({self._home: position})
            if state is not self.state:
                return None
            behind = self._record.head(self._home) - position
            if behind > BEHIND_MAX:
                state.skipped += behind
                return None
            began = self._clock.monotonic()
            for entry in await self._record.read(self._home, position, READ_AT_ONCE):
                self._take(candidate, state, entry)
                position = entry.seq
            await self._clock.sleep(REST * max(0.0, self._clock.monotonic() - began))

    def _take(self, candidate: Candidate, state: ShadowState, entry: JournalEntry) -> None:
        state.entries += 1
        effects = candidate.take(entry)
        self._recorded += [episode_of(alarm) for alarm in raised_in(entry.effects)]
        self._candidate += [episode_of(alarm) for alarm in raised_in(effects)]
        if self._recorded or self._candidate:
            self._settle(state, entry.at)

    def _settle(self, state: ShadowState, at: datetime) -> None:
        """Pair what is alike; what found nothing like it within the time is a difference."""
        full = len(self._recorded) + len(self._candidate) > WAITING_MAX
        if self._settled_at is not None and at - self._settled_at < SETTLE_EVERY and not full:
            return
        self._settled_at = at
        pairs = matched(self._recorded, self._candidate)
        state.alike += len(pairs)
        alike = {pair.recorded.id for pair in pairs}, {pair.candidate.id for pair in pairs}
        limit = at if full else at - SAME_WITHIN
        fewer = [one for one in self._recorded if one.id not in alike[0]]
        more = [one for one in self._candidate if one.id not in alike[1]]
        self._recorded = [one for one in fewer if one.raised_at > limit]
        self._candidate = [one for one in more if one.raised_at > limit]
        told = [one for one in fewer if one.raised_at <= limit], [one for one in more if one.raised_at <= limit]
        state.fewer.extend(told[0])
        state.more.extend(told[1])
        state.fewer_count += len(told[0])
        state.more_count += len(told[1])
