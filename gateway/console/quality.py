"""The page of alarm quality: what each home's alarms ask of its people, and what rules on trial would change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from starlette.responses import Response

from gateway.console.live import LivePages
from gateway.console.render import Pages, Times, Visit
from gateway.console.shown_quality import AskQuality, ShownQuality, ShownShadow
from gateway.console.texts import Words
from gateway.record.record import JournalUnavailable
from rules.quality import FLOOD_BEGINS, OVERLOADED_SHARE_MAX, STALE_MAX, Quality

WINDOWS_A_DAY: Final = 144
SHOWN_MAX: Final = 12


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
    """Shows what `ask` says of the homes that a visitor may see."""

    def __init__(self, pages: Pages, live: LivePages, ask: AskQuality | None) -> None:
        self._pages = pages
        self._live = live
        self._ask = ask

    async def show(self, visit: Visit) -> Response:
        """The page of one home, the first that the visitor may see where none is wished for."""
        sites = self._live.homes(visit)
        wished = visit.request.query_params.get("home", "")
        site = next((site for site in sites if site.id == wished), sites[0] if sites else None)
        found: ShownQuality | None = None
        if site is not None and self._ask is not None:
            try:
                found = await self._ask(site.id)
            except JournalUnavailable:
                found = None
        values: dict[str, Any] = {"days": [], "figures": [], "sources": [], "false_alarms": [], "trials": []}
        shadow = None
        if found is not None:
            values = {
                "days": days_of(found.quality, self._pages.times(site)),
                "figures": figures_of(found.quality, found.explain, visit.words),
                "sources": bars_of([(one.subject, one.alarms) for one in found.quality.sources]),
                "false_alarms": found.quality.false_alarms[:SHOWN_MAX],
                "trials": trials_of(found.shadow),
            }
            shadow = found.shadow
        names = {site.id: site.name.in_language(visit.words.language) for site in sites}
        values |= {"found": found is not None, "shadow": shadow, "names": names, "wished": site.id if site else ""}
        return self._pages.page("quality.html", visit, site, **values)


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
        Figure(t("quality.acknowledge"), _seconds(acknowledge.count, acknowledge.median_s, t)),
        Figure(t("quality.verify"), _seconds(verify.count, verify.median_s, t)),
        Figure(t("quality.explain"), str(explain), "0", explain == 0),
    ]


def _seconds(count: int, seconds: float, t: Words) -> str:
    return t("quality.seconds", count=round(seconds)) if count else "–"


def trials_of(shadow: ShownShadow | None) -> list[Trial]:
    """The newest differences of a shadow, the newest first."""
    if shadow is None:
        return []
    found = [Trial("more", one.raised_at, one.subject, one.rule) for one in shadow.more]
    found += [Trial("fewer", one.raised_at, one.subject, one.rule) for one in shadow.fewer]
    return sorted(found, key=lambda one: one.at, reverse=True)[:SHOWN_MAX]
