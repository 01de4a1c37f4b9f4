"""The page of how messages arrive: each way to each person, the rung of its last message, its lag and its failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from starlette.responses import Response

from gateway.console.live import LivePages
from gateway.console.parts import ConsoleParts
from gateway.console.render import Pages, Visit
from gateway.console.shown_delivery import ShownDelivery, ShownQuotas, ShownWay
from gateway.console.texts import Words
from gateway.console.texts_delivery import PROVES, remedy_of
from gateway.record.record import JournalUnavailable
from rules.site import Person, Site

_SHOWN_END: Final = 4


class WayLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. `mood`: good, waiting, bad or "" where nothing happened; `note` is why it is not used."""

    person: str
    first: bool
    channel: str = ""
    kind: str = ""
    address: str = ""
    order: str = ""
    note: str = ""
    state: str = ""
    mood: str = ""
    at: datetime | None = None
    lag: str = "–"
    messages: str = ""
    fault: str = ""
    remedy: str = ""
    failed_at: datetime | None = None
    tested_at: datetime | None = None
    test_passed: bool = True


class ChannelLine(msgspec.Struct, frozen=True):
    """One channel of the settings with its quota."""

    name: str
    kind: str
    proves: str
    quota: ShownQuotas

    @property
    def left(self) -> str:
        """What is left now: for a fire, for any danger to persons, for the rest."""
        return f"{self.quota.fire} / {self.quota.danger} / {self.quota.others}"


class DeliveryPages:
    """Shows the ways to the people of a home, to whoever may see it."""

    def __init__(self, parts: ConsoleParts, pages: Pages, live: LivePages) -> None:
        self._pages = pages
        self._live = live
        self._ask = parts.delivery

    async def show(self, visit: Visit) -> Response:
        """The page."""
        site, _ = self._live.home(visit)
        found: ShownDelivery | None = None
        if self._ask is not None:
            try:
                found = await self._ask(site.id)
            except JournalUnavailable:
                found = None
        return self._pages.page(
            "delivery.html",
            visit,
            site,
            200 if found is not None else 503,
            found=found,
            lines=way_lines(site, found, visit) if found is not None else (),
            channels=channel_lines(found, visit.words) if found is not None else (),
        )


def way_lines(site: Site, found: ShownDelivery, visit: Visit) -> list[WayLine]:
    """A line for each way, in the order of the site file; people without any are shown with that."""
    words, clear = visit.words, visit.viewer.operates(site.id)
    by_person: dict[str, list[ShownWay]] = {}
    for way in found.ways:
        by_person.setdefault(way.person, []).append(way)
    lines: list[WayLine] = []
    for person in site.people:
        ways = by_person.get(person.id, [])
        several = len({way.channel.order for way in ways}) > 1
        if not ways:
            lines.append(WayLine(person=person.name, first=True, note=words("delivery.none"), mood="bad"))
        for place, way in enumerate(sorted(ways, key=lambda way: way.channel.order)):
            line = _line(person, way, found.kinds, words, clear=clear)
            order = words("delivery.order", order=way.channel.order + 1) if several else ""
            lines.append(msgspec.structs.replace(line, first=place == 0, order=order))
    return lines


def _line(person: Person, way: ShownWay, kinds: Mapping[str, str], words: Words, *, clear: bool) -> WayLine:
    kind = kinds.get(way.channel.destination, "")
    note = "" if kind else words("delivery.not_set")
    if not way.channel.consent:
        note = words("delivery.no_consent")
    half, most = way.lag(0.5), way.lag(0.95)
    return WayLine(
        person=person.name,
        first=False,
        channel=way.channel.destination,
        kind=kind,
        address=way.channel.address if clear else hidden(way.channel.address),
        note=note,
        state=words(f"delivery.state.{way.state}") if way.state else words("delivery.never"),
        mood=_mood(way),
        at=way.at,
        lag=f"{_seconds(half, words)} / {_seconds(most, words)}" if half is not None else "–",
        messages=f"{way.messages} / {way.failures}",
        fault=way.fault,
        remedy=remedy_of(way.fault, words.language) if way.fault else "",
        failed_at=way.failed_at,
        tested_at=way.tested_at,
        test_passed=way.test_passed,
    )


def _mood(way: ShownWay) -> str:
    if way.state == "failed" or not way.test_passed:
        return "bad"
    if way.state in ("pending", "sending"):
        return "waiting"
    return "good" if way.state or way.tested_at is not None else ""


def _seconds(seconds: float | None, words: Words) -> str:
    if seconds is None:
        return "–"
    return words("delivery.seconds", count=f"{seconds:.1f}" if seconds < 10 else round(seconds))


def hidden(address: str) -> str:
    """An address for those who only look: the end of it, enough to tell two apart."""
    return f"…{address[-_SHOWN_END:]}" if len(address) > _SHOWN_END else address and "…"


def channel_lines(found: ShownDelivery, words: Words) -> Sequence[ChannelLine]:
    """A line for each channel that the gateway has open."""
    return [
        ChannelLine(name, found.kinds.get(name, ""), _proves(found.kinds.get(name, ""), words), quota)
        for name, quota in found.quotas.items()
    ]


def _proves(kind: str, words: Words) -> str:
    return words(f"delivery.state.{PROVES[kind]}") if kind in PROVES else "–"
