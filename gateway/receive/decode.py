"""Packets become inputs: decoded, laid to a registered device, or kept with the reason why not.

Nothing is dropped in silence: a packet ends as readings, as a failed decode with its bytes, as refused, or it
is understood and holds nothing to record (a bridge's bookkeeping).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import msgspec

from devices.catalog import judged
from devices.codec import Codec, Command, DecodeError, Describing, FaultKind, Packet
from devices.means import told
from devices.reading import DANGER_POINTS, Report
from gateway.clock import Clock
from gateway.inbox import Delivery, Inbox
from gateway.metrics import Metrics
from gateway.receive.inventory import Inventory, Known
from rules.inputs import AnyInput, DecodeFailed, PacketRefused, ReadingsArrived

KEPT_BYTES = 1024
"""Bytes of an unreadable packet that go into the journal; the whole packet goes to quarantine up to its limit."""

WEIGHT = 8
OBJECTS_BYTES = 600
"""A decoded packet weighs 8 bytes for each of its own and 600 more (measured: 1.7 KB for 130 bytes and 5 readings)."""

DEVICE_LIST_MAX = 8 * 1024 * 1024
"""The longest message that describes devices (a bridge's list, a discovery, a birth), whatever `payload_max` says."""


class Route(msgspec.Struct):
    """One source: its home, its codec with the codec's context, and its topic prefix."""

    name: str
    home: str
    prefix: str
    codec: Codec
    registered_only: bool = False
    context: Any = None

    def rest(self, topic: str) -> str:
        """The topic behind the prefix."""
        return topic[len(self.prefix) + 1 :] if self.prefix else topic


class Refusals(msgspec.Struct):
    """Refused packets of one source since the last time that the engine was told."""

    home: str
    count: int = 0
    topic: str = ""
    reason: str = ""
    kind: str = ""


class Decoder:
    """Turns the packets of all sources into deliveries for the inbox."""

    def __init__(
        self,
        inventory: Inventory,
        inbox: Inbox,
        clock: Clock,
        metrics: Metrics,
        payload_max: int,
        quarantine: Callable[[str, datetime, str, str, bytes], None],
    ) -> None:
        self._inventory = inventory
        self._inbox = inbox
        self._clock = clock
        self._metrics = metrics
        self._payload_max = payload_max
        self._quarantine = quarantine
        self._refusals: dict[str, Refusals] = {}
        self.send: Callable[[Route, tuple[Command, ...]], None] | None = None

    def take(
        self, route: Route, topic: str, payload: bytes, qos: int, retained: bool, settle: Callable[[], None] | None
    ) -> None:
        """One packet of a source. Ends in the inbox, or is settled here because there is nothing to record."""
        self._metrics.packets += 1
        if len(payload) > self._payload_max and not self._may_be_long(route, topic, payload):
            self._metrics.oversized += 1
            reason = f"{len(payload)} bytes; the limit payload_max is {self._payload_max}"
            self._unreadable(route, topic, payload, settle, reason, kind=FaultKind.OVERSIZED)
            return
        try:
            decoded = route.codec.decode(Packet(topic, payload, qos, retained), route.context)
        except DecodeError as fault:
            self._unreadable(route, topic, payload, settle, str(fault), fault.device, fault.kind)
            return
        except Exception as fault:  # noqa: BLE001 - a codec's bug must not swallow a fire (DESIGN section 6)
            reason = f"codec {route.codec.name} failed: {fault!r}"
            self._unreadable(route, topic, payload, settle, reason, kind=FaultKind.CODEC)
            return
        route.context = decoded.context
        if decoded.commands and self.send is not None:
            self.send(route, decoded.commands)
        if not decoded.reports:
            self._metrics.without_content += 1
            if settle is not None:
                settle()
            return
        self._deliver(route, decoded.reports, payload, retained, settle)

    @staticmethod
    def _may_be_long(route: Route, topic: str, payload: bytes) -> bool:
        """A bridge's list of its devices grows with them (3 to 8 KB each) and is needed to understand the rest."""
        codec = route.codec
        return len(payload) <= DEVICE_LIST_MAX and isinstance(codec, Describing) and codec.describes(topic)

    def _deliver(
        self,
        route: Route,
        reports: tuple[Report, ...],
        payload: bytes,
        retained: bool,
        settle: Callable[[], None] | None,
    ) -> None:
        size = WEIGHT * len(payload) + OBJECTS_BYTES
        known: list[tuple[Known, Report]] = []
        strange: list[Report] = []
        source, home = route.name, route.home
        for report in reports:
            self._metrics.readings += len(report.readings)
            found = self._inventory.find(source, report.device)
            if found is None:
                self._metrics.unregistered += 1
                self._inventory.note_stranger(home, source, report, self._clock.now())
                if not route.registered_only:
                    name = f"{source}/{report.device}"
                    strange.append(Report(name, report.readings, report.measured_at, report.events))
            else:
                if found.means:
                    report = told(report, found.means)
                if report.events and found.device.category and is_unread(report):
                    self._tell_unreadable(route, found, payload, str(report.events[0]))
                if report.readings:
                    found.last = report
                known.append((found, report if found.profile is None else judged(report, found.profile)))
        if strange:
            make_strange = _stamp_strangers(source, tuple(strange), retained)
            last = not known
            self._inbox.put(
                Delivery(
                    home=home,
                    make=make_strange,
                    settle=settle if last else None,
                    size=size,
                    category=_danger_of(strange),
                    payload=payload,
                )
            )
        if known:
            first = known[0][0].device
            make = partial(_stamp_known, source, known, retained)
            self._inbox.put(Delivery(home, make, settle, None, size, first.id, first.category, payload))
        elif not strange and settle is not None:
            settle()

    def _unreadable(
        self,
        route: Route,
        topic: str,
        payload: bytes,
        settle: Callable[[], None] | None,
        reason: str,
        address: str = "",
        kind: FaultKind = FaultKind.CONTENT,
    ) -> None:
        """Keep the packet, count it, let the engine raise a trouble, and the danger its device watches for."""
        self._metrics.decode_failed += 1
        rest = route.rest(topic)
        named = self._inventory.find(route.name, address) if address else None
        known = named or self._inventory.find_by_topic(route.name, rest)
        device = known.device.id if known else ""
        category = known.device.category if known else ""
        kept = payload[:KEPT_BYTES]
        source = route.name

        def make(at: datetime) -> AnyInput:
            return DecodeFailed(
                at=at,
                source=source,
                topic=topic,
                reason=reason,
                device=device,
                category=category,
                payload=kept,
                kind=kind,
            )

        self._quarantine(route.home, self._clock.now(), f"{source} {topic}", reason, payload[: self._payload_max])
        self._inbox.put(Delivery(home=route.home, make=make, settle=settle, size=len(kept) + 256, device=device))

    def _tell_unreadable(self, route: Route, known: Known, payload: bytes, reason: str) -> None:
        """The envelope was understood, what the device itself said was not: for a danger that is unreadable, too."""
        self._metrics.decode_failed += 1
        device, category, source, kept = known.device.id, known.device.category, route.name, payload[:KEPT_BYTES]
        address = known.device.address

        def make(at: datetime) -> AnyInput:
            return DecodeFailed(
                at=at,
                source=source,
                topic=address,
                reason=reason,
                device=device,
                category=category,
                payload=kept,
                kind=FaultKind.UNDECODED,
            )

        self._quarantine(route.home, self._clock.now(), f"{source} {address}", reason, payload[: self._payload_max])
        self._inbox.put(Delivery(home=route.home, make=make, size=len(kept) + OBJECTS_BYTES, device=device))

    def refuse(
        self, home: str, source: str, topic: str, reason: str, settle: Callable[[], None] | None, kind: str = ""
    ) -> None:
        """A packet that must not be taken: counted, shown at the first and then once a minute, settled."""
        self._metrics.refused += 1
        refusals = self._refusals.get(source)
        if refusals is None:
            refusals = self._refusals[source] = Refusals(home)
            refusals.count, refusals.topic, refusals.reason, refusals.kind = 1, topic, reason, kind
            self.tell_refusals(source)
        else:
            refusals.count += 1
            refusals.topic, refusals.reason, refusals.kind = topic, reason, kind
        if settle is not None:
            settle()

    def tell_refusals(self, source: str = "") -> None:
        """Hand the counts to the engine: called at the first refusal of a source, and once a minute by health."""
        for name, refusals in list(self._refusals.items()):
            if (source and name != source) or refusals.count == 0:
                continue
            make = _stamp_refusal(name, refusals.topic, refusals.reason, refusals.count, refusals.kind)
            refusals.count = 0
            self._inbox.put(Delivery(home=refusals.home, make=make))


def is_unread(report: Report) -> bool:
    """Whether nothing of what the device said was understood but the radio link's own figures."""
    return any(_says_nothing(event) for event in report.events) and all(
        reading.point in _LINK_POINTS for reading in report.readings
    )


def _says_nothing(event: dict[str, str]) -> bool:
    """Content that no codec understands, or an alarm of a code that no table explains: it must still be shown."""
    return event.get("type") in _UNREAD or (event.get("type") == "alarm" and "code" in event)


_UNREAD = frozenset(("undecoded", "not_understood"))
_LINK_POINTS = frozenset(("rssi", "snr", "lqi", "link.margin"))


def _danger_of(reports: list[Report]) -> str:
    """The danger that a stranger's alarm points speak of: what a fault of the engine must still raise."""
    for report in reports:
        for reading in report.readings:
            if reading.value is True and reading.point in DANGER_POINTS:
                return DANGER_POINTS[reading.point]
    return ""


def _stamp_refusal(source: str, topic: str, reason: str, count: int, kind: str) -> Callable[[datetime], AnyInput]:
    return lambda at: PacketRefused(at=at, source=source, topic=topic, reason=reason, count=count, kind=kind)


def _stamp_strangers(source: str, reports: tuple[Report, ...], retained: bool) -> Callable[[datetime], AnyInput]:
    return lambda at: ReadingsArrived(at=at, source=source, reports=reports, retained=retained, unregistered=True)


def _stamp_known(source: str, known: list[tuple[Known, Report]], retained: bool, at: datetime) -> AnyInput:
    at_ms = _whole_ms(at)
    if len(known) == 1:
        ((entry, report),) = known
        row = entry.next_row(at_ms)
        reports = (Report(entry.device.id, report.readings, report.measured_at, report.events, row),)
    else:
        reports = tuple(
            [
                Report(entry.device.id, report.readings, report.measured_at, report.events, entry.next_row(at_ms))
                for entry, report in known
            ]
        )
    return ReadingsArrived(at=at, source=source, reports=reports, retained=retained)


@lru_cache(maxsize=16)
def _whole_ms(at: datetime) -> int:
    """Whole milliseconds since 1970; all packets of one turn have the same instant."""
    return int(at.timestamp() * 1000)
