"""How each way to each person did over the last day, from the journal: where its last message got to, and how late."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from gateway.clock import Clock
from gateway.deliver.message_channel import MessageChannel
from gateway.deliver.people import STOPPED, PeopleCourier
from gateway.deliver.quota import Quota
from gateway.record.archived import ArchiveFile
from gateway.record.record import JournalEntry
from gateway.settings import Settings
from rules.alarm import Category
from rules.effects import Notify
from rules.inputs import ChannelProven, Outcome, SendReported
from rules.site import Channel, Site

SPAN: Final = timedelta(days=1)
KEPT_S: Final = 30.0
"""A home is read again after so long at the earliest: whoever keeps reloading the page does not keep the disk busy."""
MESSAGES_MAX: Final = 20_000
"""Messages of a home and day that are looked at; of more, the oldest are left out."""

_RUNGS: Final = {
    Outcome.ACCEPTED: ("handed_over", 2),
    Outcome.SENT: ("sent", 3),
    Outcome.DELIVERED: ("delivered", 4),
    Outcome.READ: ("read", 5),
    Outcome.ANSWERED: ("answered", 6),
}


class Way(msgspec.Struct):
    """One channel of one person over the span.

    `state` is the rung that the last message reached: "" (there was none), pending, sending, handed_over, sent,
    delivered, read, answered, failed or stopped. `lags` are the seconds from the decision to the hand-over, tests
    included. `fault` is what the last failure said.
    """

    person: str
    channel: Channel
    state: str = ""
    at: datetime | None = None
    messages: int = 0
    failures: int = 0
    fault: str = ""
    failed_at: datetime | None = None
    tested_at: datetime | None = None
    test_passed: bool = True
    lags: list[float] = msgspec.field(default_factory=list)

    def lag(self, share: float) -> float | None:
        """The lag below which this share of the messages was handed over (nearest rank); None without any."""
        ordered = sorted(self.lags)
        return ordered[max(0, -(-len(ordered) * int(share * 100) // 100) - 1)] if ordered else None


class Quotas(msgspec.Struct, frozen=True):
    """What a channel takes now: messages a minute, and how many are left for a fire, for any danger, for the rest."""

    per_minute: int
    fire: int
    danger: int
    others: int


class DeliveryView(msgspec.Struct, frozen=True):
    """A home's ways to its people, in the order of the site file, and the channels that they go over."""

    ways: tuple[Way, ...]
    kinds: Mapping[str, str]
    quotas: Mapping[str, Quotas]
    complete: bool = True


class _Sent(msgspec.Struct):
    """A message on its way."""

    way: Way
    at: datetime
    rung: int = 0
    is_handed_over: bool = False


def ways_of(site: Site, entries: Iterable[JournalEntry]) -> tuple[list[Way], bool]:
    """Each way of each person, and whether all messages were looked at."""
    ways = {
        (person.id, channel.destination, channel.address): Way(person.id, channel)
        for person in site.people
        for channel in person.channels
    }
    by_name: dict[tuple[str, str], Way] = {}
    for (person_id, destination, _), way in ways.items():
        by_name.setdefault((person_id, destination), way)
    sent: OrderedDict[str, _Sent] = OrderedDict()
    complete = True
    for entry in entries:
        said = entry.input
        if isinstance(said, SendReported):
            _reported(sent, said)
        elif isinstance(said, ChannelProven) and (said.person, said.channel) in by_name:
            _proven(by_name[said.person, said.channel], said)
        for effect in entry.effects:
            if isinstance(effect, Notify):
                told = ways.get((effect.person, effect.channel, effect.address))
                if told is not None:
                    told.messages += 1
                    told.state, told.at = "pending", effect.at
                    sent[effect.message] = _Sent(told, effect.at)
        while len(sent) > MESSAGES_MAX:
            sent.popitem(last=False)
            complete = False
    return list(ways.values()), complete


def _reported(sent: Mapping[str, _Sent], said: SendReported) -> None:
    message = sent.get(said.message)
    if message is None:
        return
    way, newest = message.way, message.at == message.way.at
    rung, height = _RUNGS.get(said.outcome, ("", 0))
    if rung:
        if not message.is_handed_over:
            message.is_handed_over = True
            way.lags.append(max((said.at - message.at).total_seconds(), 0.0))
        # A report may come late: what was read stays read when the network says afterwards that it was delivered.
        if newest and height > message.rung:
            way.state = rung
        message.rung = max(message.rung, height)
    elif said.outcome is Outcome.RETRY:
        if newest and not message.rung:
            way.state = "sending"
    elif said.detail == STOPPED:
        way.state = "stopped" if newest else way.state
    else:
        way.failures += 1
        way.fault, way.failed_at = said.detail, said.at
        way.state = "failed" if newest else way.state


def _proven(way: Way, said: ChannelProven) -> None:
    way.tested_at, way.test_passed = said.at, said.outcome not in (Outcome.REFUSED, Outcome.RETRY)
    if not way.test_passed:
        way.failures += 1
        way.fault, way.failed_at = said.detail, said.at
    elif said.lag is not None:
        way.lags.append(said.lag.total_seconds())


class DeliveryDesk:
    """Reads a home when it is asked for, off the loop, one at a time; what is left of the quotas is always of now."""

    def __init__(
        self,
        journal: Path,
        clock: Clock,
        sites: Mapping[str, Site],
        kinds: Mapping[str, str],
        quotas: Callable[[], Mapping[str, Quota]],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._sites = sites
        self._kinds = kinds
        self._quotas = quotas
        self._kept: dict[str, tuple[float, Site, list[Way], bool]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def view(self, home: str) -> DeliveryView:
        """The home as it is now; JournalUnavailable where the journal cannot be read."""
        site = self._sites[home]
        async with self._one_at_a_time:
            kept = self._kept.get(home)
            if kept is None or kept[1] is not site or self._clock.monotonic() - kept[0] > KEPT_S:
                ways, complete = await asyncio.to_thread(self._read, site)
                kept = self._kept[home] = (self._clock.monotonic(), site, ways, complete)
        left = {name: _left(quota) for name, quota in self._quotas().items()}
        return DeliveryView(tuple(kept[2]), self._kinds, left, kept[3])

    def _read(self, site: Site) -> tuple[list[Way], bool]:
        end = self._clock.now()
        with ArchiveFile(self._journal) as file:
            return ways_of(site, file.archived(site.id, end - SPAN, end + timedelta(seconds=1)))


def open_desk(
    settings: Settings, clock: Clock, sites: Mapping[str, Site], couriers: Sequence[PeopleCourier]
) -> DeliveryDesk:
    """The desk of these settings; the couriers may be opened later."""

    def quotas() -> Mapping[str, Quota]:
        open_now = (courier.destination for courier in couriers)
        return {channel.name: channel.quota for channel in open_now if isinstance(channel, MessageChannel)}

    kinds = {setting.name: setting.kind for setting in settings.channels}
    return DeliveryDesk(settings.data_dir / "journal.db", clock, sites, kinds, quotas)


def _left(quota: Quota) -> Quotas:
    fire, danger, others = (quota.left(one) for one in (Category.FIRE, Category.PERSON, Category.TROUBLE))
    return Quotas(quota.limit(Category.FIRE), fire, danger, others)
