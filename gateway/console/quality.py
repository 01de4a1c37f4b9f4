"""The page of alarm quality: what each home's alarms ask of its people, what rules on trial would change, and the gaps
of the ledger that somebody has to explain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gateway.console.actions import Desk
from gateway.console.board import subject_words
from gateway.console.gate import Gate
from gateway.console.live import LivePages
from gateway.console.parts import ConsoleParts, ShownEngine
from gateway.console.render import Pages, Times, Visit
from gateway.console.shown_quality import ShownGap, ShownQuality, ShownShadow
from gateway.console.texts import Words
from gateway.record.record import JournalUnavailable
from rules.inputs import AnyInput, GapExplained
from rules.quality import FLOOD_BEGINS, OVERLOADED_SHARE_MAX, STALE_MAX, FalseAlarms, Quality
from rules.site import Site

WINDOWS_A_DAY: Final = 144
SHOWN_MAX: Final = 12
REASON_MAX: Final = 500
PRIORITY_MIX: Final = (("high", (1, 2), "≈ 5 %"), ("medium", (3,), "≈ 15 %"), ("low", (4,), "≈ 80 %"))
"""EEMUA 191: about 5 % high, 15 % medium, 80 % low. A home's few alarms are mostly dangers: shown, never judged."""


class Figure(msgspec.Struct, frozen=True):
    """One line of the table: a name, what was found, the target, and whether it is met (None: there is no target)."""

    name: str
    found: str
    target: str = ""
    met: bool | None = None


class Bar(msgspec.Struct, frozen=True):
    """One bar of a picture: its length as a share of the longest (0 to 1), its words, and whether it stands out."""

    label: str
    count: int
    share: float
    marked: bool = False


class Trial(msgspec.Struct, frozen=True):
    """One difference of rules on trial."""

    kind: str
    at: datetime
    subject: str
    rule: str


class QualityPages:
    """Shows the homes that a visitor may see, and records what he explains."""

    def __init__(self, parts: ConsoleParts, pages: Pages, gate: Gate, desk: Desk, live: LivePages) -> None:
        self._pages = pages
        self._gate = gate
        self._desk = desk
        self._live = live
        self._ask = parts.quality
        self._engines = parts.engines

    async def show(self, visit: Visit) -> Response:
        """The page of one home, the first that the visitor may see where none is wished for."""
        sites = self._live.homes(visit)
        wished = visit.request.query_params.get("home", "")
        site = next((site for site in sites if site.id == wished), sites[0] if sites else None)
        done = visit.request.query_params.get("done") == "explained"
        return await self._page(visit, site, note=visit.words("quality.gap_done") if done else "")

    async def explain(self, visit: Visit) -> Response:
        """A person says why entries are lost; the page again where that is not taken."""
        site, _ = self._live.home(visit)
        form = await self._gate.form(visit)
        forged = self._gate.forged(visit, form)
        if forged is not None:
            return forged
        account, words = visit.viewer.account, visit.words
        if account is None or not visit.viewer.operates(site.id):
            return await self._page(visit, site, 403, problem=words("refused.not_allowed"))
        row, reason, person = form.get("row", ""), form.get("reason", "").strip()[:REASON_MAX], account.acts_as
        if not reason:
            return await self._page(visit, site, 400, problem=words("quality.gap_no_reason"))
        found = await self._found(site)
        if found is None:
            raise HTTPException(503)
        if row not in [str(gap.row) for gap in found.explain]:
            return await self._page(visit, site, 409, problem=words("quality.gap_gone"))

        def make(at: datetime) -> AnyInput:
            return GapExplained(at=at, person=person, row=int(row), reason=reason)

        answer = await self._desk.put(site.id, make, "", "")
        if not answer.answered or not answer.durable:
            return await self._page(visit, site, 503, problem=words("quality.gap_waiting"))
        return RedirectResponse(f"/quality?home={site.id}&done=explained", 303)

    async def _found(self, site: Site | None) -> ShownQuality | None:
        """What is known of a home; None where there is none, or the journal cannot be read."""
        if site is None or self._ask is None:
            return None
        try:
            return await self._ask(site.id)
        except JournalUnavailable:
            return None

    async def _page(
        self, visit: Visit, site: Site | None, status: int = 200, note: str = "", problem: str = ""
    ) -> Response:
        found = await self._found(site)
        values: dict[str, Any] = {"found": found is not None, "shadow": None, "note": note, "problem": problem}
        if found is not None and site is not None:
            quality, times = found.quality, self._pages.times(site)
            called = _Called(self._engines.get(site.id), visit)
            values |= {
                "begin": times.on_the_wall(quality.begin)[:16],
                "span_days": max(1, round((quality.end - quality.begin).total_seconds() / 86400)),
                "days": days_of(quality, times),
                "figures": figures_of(quality, len(found.explain), visit.words),
                "gaps": gap_lines(found.explain, times, visit),
                "sources": bars_of([(called.subject(one.subject), one.alarms) for one in quality.sources]),
                "false_alarms": [called.false_alarms(one) for one in quality.false_alarms[:SHOWN_MAX]],
                "trials": trials_of(found.shadow, called),
                "shadow": found.shadow,
            }
        names = {site.id: site.name.in_language(visit.words.language) for site in self._live.homes(visit)}
        values |= {"names": names, "wished": site.id if site else ""}
        return self._pages.page("quality.html", visit, site, status, **values)


class _Called:
    """What the viewer calls the devices of one home."""

    def __init__(self, engine: ShownEngine | None, visit: Visit) -> None:
        self._engine = engine
        self._words = visit.words

    @property
    def language(self) -> str:
        """The viewer's."""
        return self._words.language

    def subject(self, subject: str) -> str:
        """A device with its room, or a place, a link."""
        return subject if self._engine is None else subject_words(self._engine, subject, self._words)

    def false_alarms(self, one: FalseAlarms) -> FalseAlarms:
        """A line of the false alarms."""
        return msgspec.structs.replace(one, subject=self.subject(one.subject))


class GapLine(msgspec.Struct, frozen=True):
    """One gap of the ledger in words."""

    row: int
    at: str
    what: str


def gap_lines(gaps: Sequence[ShownGap], times: Times, visit: Visit) -> list[GapLine]:
    """The gaps that are to be explained, oldest first."""
    lines = []
    for gap in gaps[:SHOWN_MAX]:
        lost = visit.words("quality.gap_lost", count=gap.last - gap.first + 1, first=gap.first, last=gap.last)
        what = lost if gap.first else visit.words("quality.gap_epoch")
        at = times.on_the_wall(datetime.fromtimestamp(gap.at / 1000, UTC)) if gap.at else "–"
        lines.append(GapLine(gap.row, at, what))
    return lines


def days_of(found: Quality, times: Times) -> list[Bar]:
    """The alarms of each day, marked where ten minutes of it held more than ten."""
    windows = found.per_window
    days = [windows[start : start + WINDOWS_A_DAY] for start in range(0, len(windows), WINDOWS_A_DAY)]
    most = max((sum(day) for day in days), default=0)
    bars = []
    for place, day in enumerate(days):
        begin = found.begin + (found.end - found.begin) * (place * WINDOWS_A_DAY / len(windows))
        share = sum(day) / most if most else 0.0
        bars.append(Bar(times.on_the_wall(begin)[5:10], sum(day), share, max(day) > FLOOD_BEGINS))
    return bars


def bars_of(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    """Counts as bars, each a share of the largest."""
    most = max((count for _, count in counts), default=0)
    return [Bar(name, count, count / most) for name, count in counts]


def figures_of(found: Quality, explain: int, t: Words) -> list[Figure]:
    """The figures with their targets (ISA-18.2, EEMUA 191)."""
    acknowledge, verify = found.to_acknowledge, found.to_verify
    share = found.overloaded_share
    return [
        Figure(t("quality.average"), f"{found.average:.2f}", "≤ 1", found.average <= 1),
        Figure(t("quality.overloaded"), f"{share:.2%}", "≤ 1 %", share <= OVERLOADED_SHARE_MAX),
        Figure(t("quality.floods"), str(len(found.floods)), "0", not found.floods),
        Figure(t("quality.chattering"), str(len(found.chattering)), "0", not found.chattering),
        Figure(t("quality.fleeting"), str(found.fleeting)),
        Figure(t("quality.stale"), str(found.stale), f"< {STALE_MAX}", found.stale < STALE_MAX),
        *_priority_mix(found, t),
        Figure(t("quality.acknowledge"), _seconds(acknowledge.count, acknowledge.median_s, t)),
        Figure(t("quality.verify"), _seconds(verify.count, verify.median_s, t)),
        Figure(t("quality.explain"), str(explain), "0", explain == 0),
    ]


def _priority_mix(found: Quality, t: Words) -> Iterator[Figure]:
    for name, priorities, target in PRIORITY_MIX:
        count = sum(found.priorities.get(priority, 0) for priority in priorities)
        share = f"{count / found.alarms:.0%} ({count})" if found.alarms else "–"
        yield Figure(t(f"quality.priority.{name}"), share, target)


def _seconds(count: int, seconds: float, t: Words) -> str:
    return t("quality.seconds", count=round(seconds)) if count else "–"


def trials_of(shadow: ShownShadow | None, called: _Called) -> list[Trial]:
    """The newest differences of a shadow, the newest first."""
    if shadow is None:
        return []
    both = (("more", shadow.more), ("fewer", shadow.fewer))
    found = [
        Trial(kind, one.raised_at, called.subject(one.subject), one.rule_in(called.language))
        for kind, several in both
        for one in several
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)[:SHOWN_MAX]
