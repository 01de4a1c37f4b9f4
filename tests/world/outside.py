"""What is around the simulated gateway: a broker with a durable session, people's phones, and places that listen."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from devices.reading import DANGER_POINTS, Report
from gateway.deliver.destination import SendResult
from gateway.inbox import Delivery
from rules.effects import AlarmChanged, AnyEffect, Change, Notify
from rules.inputs import Outcome, ReadingsArrived

if TYPE_CHECKING:
    from tests.world.whole_gateway import GatewayDay, Life

SETTLED_LATE_S = 15.0
"""While the disk is full, and until what was held is written, a repeat of an alarm may be acknowledged unwritten."""

IN_FLIGHT_MAX = 250
"""What a session may have unacknowledged; beyond it the broker waits."""


@dataclass
class Packet:
    """One message of a device. `hand_overs`: how often the gateway got it."""

    number: int
    report: Report
    hand_overs: int = 0


class Broker:
    """Keeps what was not acknowledged, and hands it over again to whoever connects next."""

    def __init__(self, day: GatewayDay) -> None:
        self._day = day
        self._life: Life | None = None
        self._queue: deque[Packet] = deque()
        self._in_flight: dict[int, Packet] = {}
        self._count = 0
        self._away = False
        self.acknowledged = 0
        self.reports: list[Report] = []
        self.dangers: set[tuple[str, str]] = set()
        self.on_disk: list[Report] = []

    @property
    def unacknowledged(self) -> list[Packet]:
        return [*self._in_flight.values(), *self._queue]

    def publish(self, report: Report) -> None:
        """A device's message arrives here; while the broker is away it is the device's loss."""
        if self._away:
            return
        self._count += 1
        self.reports.append(report)
        self._queue.append(Packet(self._count, report))
        self._flow()

    def connect(self, life: Life) -> None:
        """The gateway's session goes on: first again what it did not acknowledge."""
        self._life = life
        self._queue.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()
        self._flow()

    def disconnect(self) -> None:
        """Nobody listens."""
        self._life = None

    def goes_away(self, seconds: float) -> None:
        """The broker is down so long; its sessions are on its disk."""
        life, self._away, self._life = self._life, True, None
        self._day.plan(seconds, partial(self._comes_back, life))

    def _comes_back(self, life: Life | None) -> None:
        self._away = False
        if life is not None and self._day.life is life:
            self.connect(life)
        elif self._day.life is not None:
            self.connect(self._day.life)

    def _flow(self) -> None:
        life = self._life
        while life is not None and not self._away and self._queue and len(self._in_flight) < IN_FLIGHT_MAX:
            packet = self._queue.popleft()
            packet.hand_overs += 1
            self._in_flight[packet.number] = packet
            life.inbox.put(
                Delivery(
                    home="home",
                    make=partial(_arrived, packet.report),
                    settle=partial(self._acknowledge, life, packet.number),
                    device=packet.report.device,
                    payload=b"{}",
                )
            )
            self._day.received(packet)

    def _acknowledge(self, life: Life, number: int) -> None:
        packet = self._in_flight.pop(number, None) if life is self._life else None
        if packet is None:
            return
        self.acknowledged += 1
        self.dangers |= dangers_of(packet.report)
        if dangers_of(packet.report) and not self._day.disk.was_full_within(SETTLED_LATE_S):
            self.on_disk.append(packet.report)
        self._flow()


def dangers_of(report: Report) -> set[tuple[str, str]]:
    """(device, category) of each danger that a report says."""
    said = [reading.point for reading in report.readings if reading.point in DANGER_POINTS and reading.value is True]
    return {(report.device, DANGER_POINTS[point]) for point in said}


def _arrived(report: Report, at: object) -> ReadingsArrived:
    return ReadingsArrived(at=at, source="sim", reports=(report,))  # type: ignore[arg-type]


class _Way:
    """A way out that may be away for a while; `_fails` are the ways in which that shows."""

    _fails: tuple[str, ...] = ("retry", "hangs")

    def __init__(self, day: GatewayDay, name: str) -> None:
        self._day = day
        self.name = name
        self.away_until = 0.0

    def goes_away(self, seconds: float) -> None:
        """Nothing arrives for so long."""
        self.away_until = max(self.away_until, self._day.now + seconds)

    async def _passes(self) -> SendResult | None:
        """A moment on the way; what comes of it where it does not arrive."""
        chance = self._day.random
        await asyncio.sleep(chance.choice((0.01, 0.1, 0.1, 1.0)))
        if self._day.now >= self.away_until:
            return None
        kind = chance.choice(self._fails)
        if kind == "raises":
            raise ConnectionError(f"{self.name} is away")
        if kind == "hangs":
            await asyncio.sleep(min(30.0, self.away_until - self._day.now))
        return SendResult(Outcome.RETRY, detail="away")


class Phone(_Way):
    """The phones behind one channel. `handed` are the keys that reached somebody, in order."""

    _fails = ("raises", "retry", "hangs")

    def __init__(self, day: GatewayDay, name: str) -> None:
        super().__init__(day, name)
        self.handed: list[str] = []

    def takes(self, effect: AnyEffect) -> bool:
        return isinstance(effect, Notify) and effect.channel == self.name

    async def send(self, effect: AnyEffect, key: str) -> SendResult:
        assert isinstance(effect, Notify)
        failed = await self._passes()
        if failed is not None:
            return failed
        if self._day.random.random() < 0.2:
            return SendResult(Outcome.REFUSED, detail="number not in service")
        self.handed.append(key)
        if effect.purpose != "over" and self._day.random.random() < 0.6:
            self._day.reacts(effect.incident.id)
        return SendResult(self._day.random.choice((Outcome.ACCEPTED, Outcome.DELIVERED)))


class Place(_Way):
    """A listener to every change of an alarm: the sounder, the county, InfluxDB."""

    def __init__(self, day: GatewayDay, name: str) -> None:
        super().__init__(day, name)
        self.seen: set[str] = set()
        self._ended: dict[str, float] = {}

    def ended_since(self, device: str, since: float) -> bool:
        """Whether somebody ended an alarm of this device since then."""
        return self._ended.get(device, -1.0) >= since

    def takes(self, effect: AnyEffect) -> bool:
        return isinstance(effect, AlarmChanged)

    async def send(self, effect: AnyEffect, key: str) -> SendResult:
        assert isinstance(effect, AlarmChanged)
        failed = await self._passes()
        if failed is not None:
            return failed
        self.seen.add(effect.alarm.id)
        if effect.change in (Change.RESET, Change.CLOSED):
            self._ended[effect.alarm.subject] = self._day.now
        return SendResult(Outcome.ACCEPTED)
