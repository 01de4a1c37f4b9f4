"""How the auditor calls: over channels of its own, opened in its own process; nothing of it passes the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog
from msgspec.structs import replace

from gateway.audit.auditor import Finding, Looked
from gateway.clock import Clock
from gateway.deliver.destination import Destination
from gateway.deliver.wording import SHORT_MAX, Notice
from rules.alarm import Alarm, Category
from rules.effects import Notify
from rules.incident import Incident
from rules.inputs import Outcome
from rules.text import Text

TRIES_MAX: Final = 3
AGAIN_S: Final = 2.0
SHOWN_MAX: Final = 10
"""Findings that one message lists; the others are counted."""

_MARK: Final = Text("【审计】", "[AUDIT] ")
_FOUND: Final = Text("报警链有漏洞", "the chain of alarms is broken")
_OVER: Final = Text("已恢复", "mended")
_MORE: Final = Text("另有 {count} 条", "{count} more")

log = structlog.get_logger("audit")


def notice_of(language: str, notify: Notify) -> Notice:
    """The words of a call: they stand in its alarm, first the title, then a line for each finding."""
    title = f"{_MARK.in_language(language)}{notify.alarm.title.in_language(language)}"
    lines = (title, *notify.alarm.detail.splitlines())
    short = " ".join(lines)
    return Notice(title, lines, short if len(short) <= SHORT_MAX else f"{short[: SHORT_MAX - 1]}…", "", language)


class Caller:
    """Tells about findings: at once when one is new, again every `repeat_s` while one stands, and when one is over.

    Every way is tried, each up to three times; what none of them took is said again at the next look.
    """

    def __init__(
        self, ways: Sequence[tuple[Destination, str]], clock: Clock, repeat_s: float, language: str = "zh"
    ) -> None:
        self._ways = tuple(ways)
        self._clock = clock
        self._repeat_s = repeat_s
        self._language = language
        self._told_at = 0.0
        self._told: dict[str, Finding] = {}
        self._number = 0

    async def tell(self, looked: Looked) -> bool:
        """Say what a look found that has to be said; False if there was something and no way took it."""
        now = self._clock.monotonic()
        standing = {finding.suspicion.key: finding for finding in looked.standing}
        over = [finding for key, finding in self._told.items() if key not in standing]
        taken = True
        if standing.keys() - self._told.keys() or (standing and now - self._told_at >= self._repeat_s):
            taken = await self._call(looked.standing, _FOUND, "call")
            if taken:
                self._told_at = now
                self._told |= standing
        if over:
            over_taken = await self._call(over, _OVER, "over")
            if over_taken:
                self._told = {key: finding for key, finding in self._told.items() if key in standing}
            taken = taken and over_taken
        return taken

    async def _call(self, findings: Sequence[Finding], title: Text, purpose: str) -> bool:
        self._number += 1
        notify = self._message(findings, title, purpose)
        taken = [await self._hand_over(way, replace(notify, channel=way.name, address=to)) for way, to in self._ways]
        return any(taken) or not taken

    async def _hand_over(self, way: Destination, notify: Notify) -> bool:
        for number in range(TRIES_MAX):
            result = await way.send(notify, notify.message)
            if result.outcome is not Outcome.RETRY:
                break
            if number + 1 < TRIES_MAX:
                await self._clock.sleep(AGAIN_S)
        taken = result.outcome not in (Outcome.RETRY, Outcome.REFUSED)
        log.warning("called" if taken else "a call was not taken", way=way.name, detail=result.detail)
        return taken

    def _message(self, findings: Sequence[Finding], title: Text, purpose: str) -> Notify:
        at = self._clock.wall()
        lines = [finding.suspicion.text.in_language(self._language) for finding in findings[:SHOWN_MAX]]
        if len(findings) > SHOWN_MAX:
            lines.append(_MORE.in_language(self._language).format(count=len(findings) - SHOWN_MAX))
        home = next((finding.suspicion.home for finding in findings if finding.suspicion.home), "")
        name, category = f"audit:{int(at.timestamp())}:{self._number}", Category.TROUBLE
        alarm = Alarm(
            id=name,
            rule="audit",
            subject="audit",
            zone="gateway",
            category=category,
            priority=1,
            title=title,
            raised_at=at,
            detail="\n".join(lines),
        )
        incident = Incident(id=name, home=home, zone="gateway", category=category, opened_at=at, alarms=(name,))
        if purpose == "over":
            incident = replace(incident, closed_at=at)
        return Notify(
            at=at,
            message=name,
            person="audit",
            channel="",
            address="",
            alarm=alarm,
            incident=incident,
            purpose=purpose,
        )
