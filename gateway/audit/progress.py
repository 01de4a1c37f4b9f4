"""Whether the gateway goes on: not that its process lives, but that it decides, commits and acknowledges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.audit.findings import Suspicion
from rules.text import Text

STALLED_S: Final = 15.0
"""The deciding task goes round at least once a second (gateway/health.py)."""


class Progress(msgspec.Struct, frozen=True):
    """What the running gateway says of itself. `heads`: how far each home's stream goes, on disk or held in memory."""

    now: datetime
    decided_s: float
    inputs: int
    commits: int
    acknowledged: int
    inbox_depth: int
    unsettled: int
    heads: dict[str, int]


class ProgressAudit:
    """Compares what the gateway says with what it said before, and with what is on disk."""

    def __init__(self) -> None:
        self._last: Progress | None = None
        self._answered_at = 0.0
        self._committed: tuple[int, int] | None = None
        self._tips: Mapping[str, int] = {}
        self._moved = False

    def now(self, monotonic: float) -> datetime | None:
        """The engine's time as it must be now: a step of the wall clock is none of it."""
        if self._last is None:
            return None
        return self._last.now + timedelta(seconds=monotonic - self._answered_at)

    def look(
        self, answer: Progress | None, why: str, tips: Mapping[str, int], monotonic: float
    ) -> Iterator[Suspicion]:
        """What is wrong, from an answer (or why there is none) and from how far the disk went after it."""
        self._moved = any(tip > self._tips.get(home, 0) for home, tip in tips.items()) and bool(self._tips)
        self._tips = dict(tips)
        if answer is None:
            yield self._silent(why)
            return
        yield from self._compare(answer, tips)
        self._last, self._answered_at = answer, monotonic

    def _silent(self, why: str) -> Suspicion:
        if self._moved:
            text = Text(f"网关不回应本机询问：{why}", f"the gateway does not answer on its socket: {why}")
            return Suspicion("gateway", "", text)
        zh, en = f"网关没有运行或已停顿：{why}", f"the gateway is frozen or does not run: {why}"
        return Suspicion("gateway", "", Text(f"{zh}。请立即重启", f"{en}. Restart it now"), urgent=True)

    def _compare(self, answer: Progress, tips: Mapping[str, int]) -> Iterator[Suspicion]:
        last = self._last
        if answer.decided_s > STALLED_S or (
            last is not None and answer.inbox_depth and last.inbox_depth and answer.inputs == last.inputs
        ):
            waits = f"{answer.decided_s:.0f} s, {answer.inbox_depth}"
            text = Text(f"网关不再判定输入（{waits} 条等待）", f"the gateway decides nothing any more ({waits} wait)")
            yield Suspicion("deciding", "", text, urgent=True)
        behind = [home for home, head in answer.heads.items() if head > tips.get(home, 0)]
        for home in behind:
            words = f"{answer.heads[home]} > {tips.get(home, 0)}"
            zh, en = f"日志没有写到磁盘（{words}）", f"the journal does not reach the disk ({words})"
            yield Suspicion(f"journal {home}", home, Text(f"{zh}：请检查磁盘", f"{en}: look at the disk"), urgent=True)
        before, self._committed = self._committed, (answer.commits, answer.inputs)
        if before is not None and before[0] == answer.commits and answer.inputs > before[1]:
            self._committed = before
            count = answer.inputs - before[1]
            zh, en = f"{count} 条输入没有提交到日志", f"{count} inputs were decided and not committed"
            yield Suspicion("commits", "", Text(f"{zh}：请检查磁盘", f"{en}: look at the disk"), urgent=True)
        if answer.unsettled:
            count = answer.unsettled
            text = Text(f"{count} 条报警报文未能确认", f"{count} alarm packets cannot be acknowledged to their broker")
            yield Suspicion("acknowledged", "", text, urgent=True)
