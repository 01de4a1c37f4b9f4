"""A small world for GB/T 26875.3: a home with a panel, a listener on a real port, and a hand that decides."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from devices.gb26875 import Frame, FrameReader
from devices.virtual.gb26875 import VirtualPanel, VirtualPart
from gateway.clock import SystemClock
from gateway.inbox import Inbox
from gateway.metrics import Metrics
from gateway.receive.decode import Decoder
from gateway.receive.gb26875 import PanelSource
from gateway.receive.inventory import Inventory
from gateway.settings import PanelListener
from rules.inputs import AnyInput, DecodeFailed, LinkChanged, PacketRefused, ReadingsArrived
from rules.site import Device, Site, Zone
from rules.text import Text
from tests.servers import free_port

ADDRESS = 889
SMOKE = "889/1.1/10.2"


def device(name: str, kind: str, address: str, category: str = "fire", **more: Any) -> Device:
    return Device(
        id=name, kind=kind, source="panel", address=address, zone="ward", name=Text(name), category=category, **more
    )


SITE = Site(
    id="home-a",
    name=Text("云溪敬老院"),
    zones=(Zone(id="ward", name=Text("病区")),),
    devices=(
        device("link", "transmission_device", "889", silence_limit=timedelta(seconds=100)),
        device("panel", "fire_panel", "889/1.1"),
        device("smoke-203", "smoke", SMOKE, profile="smoke.panel"),
        device("button-1", "manual_call", "889/1.1/10.3", profile="manual_call.panel"),
    ),
)


def panel(address: int = ADDRESS, **more: Any) -> VirtualPanel:
    parts = {
        "smoke": VirtualPart(42, bytes.fromhex("0a000200"), "二楼203室烟感"),
        "button": VirtualPart(23, bytes.fromhex("0a000300"), "一楼手报"),
        "gas": VirtualPart(12, bytes.fromhex("0a000400"), "厨房燃气"),
    }
    return VirtualPanel(address, parts, **more)


class SteppedClock(SystemClock):
    """The system's clock, whose monotonic time a test can move on."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class World:
    """A listener with everything behind it; inputs are collected, and settled when told."""

    def __init__(self, *, settles: bool = True, **settings: Any) -> None:
        self.clock = SteppedClock()
        self.inbox = Inbox(settings.pop("bytes_max", 1 << 20))
        self.inventory = Inventory([SITE])
        self.metrics = Metrics()
        self.quarantined: list[bytes] = []
        decoder = Decoder(
            self.inventory, self.inbox, self.clock, self.metrics, 4096,
            lambda *said: self.quarantined.append(said[-1]),
        )
        setting = PanelListener(
            **{"name": "panel", "home": "home-a", "port": free_port(), "clock_sync_h": 0, **settings}
        )
        self.source = PanelSource(
            setting, decoder, self.inventory, self.inbox, self.clock, lambda: 0.0, lambda *_: None,
            lambda: [device.address for device in SITE.devices],
        )
        self.inputs: list[AnyInput] = []
        self.unsettled: list[Callable[[], None]] = []
        self.settles = settles
        self.paused = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        tasks = [asyncio.create_task(self.source.run()), asyncio.create_task(self._decide())]
        try:
            while not self.source.port:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _decide(self) -> None:
        while True:
            await self.inbox.wait(0.02)
            if self.paused:
                await asyncio.sleep(0.01)
                continue
            for delivery in self.inbox.take(256):
                self.inputs.append(delivery.make(datetime.now(UTC)))
                if delivery.settle is not None:
                    self.unsettled.append(delivery.settle)
            if self.settles:
                self.settle()

    def settle(self) -> None:
        waiting, self.unsettled = self.unsettled, []
        for settle in waiting:
            settle()

    def readings(self, point: str, name: str = "") -> list[Any]:
        """All values of a point, of one device or of all."""
        return [
            reading.value
            for happened in self.inputs
            if isinstance(happened, ReadingsArrived)
            for report in happened.reports
            if not name or report.device == name
            for reading in report.readings
            if reading.point == point
        ]

    def events(self, name: str) -> list[dict[str, str]]:
        """All events of one device."""
        return [
            event
            for happened in self.inputs
            if isinstance(happened, ReadingsArrived)
            for report in happened.reports
            if report.device == name
            for event in report.events
        ]

    def failures(self, category: str | None = None) -> list[DecodeFailed]:
        found = [happened for happened in self.inputs if isinstance(happened, DecodeFailed)]
        return [one for one in found if category is None or one.category == category]

    def refusals(self) -> list[PacketRefused]:
        return [happened for happened in self.inputs if isinstance(happened, PacketRefused)]

    def links(self) -> list[LinkChanged]:
        return [happened for happened in self.inputs if isinstance(happened, LinkChanged)]


class Wire:
    """A client's end of the listener's port, TCP or UDP, with what came back."""

    def __init__(self, port: int, transport: str = "tcp") -> None:
        self.port = port
        self.transport = transport
        self.frames: list[Frame] = []
        self.ended = False
        self.panel: VirtualPanel | None = None
        self._reader = FrameReader()
        self._write: Callable[[bytes], None] = lambda _: None
        self._close: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Wire:
        loop = asyncio.get_running_loop()
        wire = self

        class End(asyncio.Protocol, asyncio.DatagramProtocol):
            def data_received(self, data: bytes) -> None:
                wire._take(data)

            def datagram_received(self, data: bytes, addr: Any) -> None:
                wire._take(data)

            def connection_lost(self, exc: Exception | None) -> None:
                wire.ended = True

        if self.transport == "udp":
            udp, _ = await loop.create_datagram_endpoint(End, remote_addr=("127.0.0.1", self.port))
            self._write, self._close = udp.sendto, udp.abort
        else:
            tcp, _ = await loop.create_connection(End, "127.0.0.1", self.port)
            tcp.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._write, self._close = tcp.write, tcp.abort
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()
        await asyncio.sleep(0)

    def _take(self, data: bytes) -> None:
        self.frames += [item for item in self._reader.feed(data) if isinstance(item, Frame)]
        if self.panel is not None:
            for raw in self.panel.receive(data, datetime.now(UTC)):
                self._write(raw)

    def send(self, raw: bytes) -> None:
        self._write(raw)

    def commands(self) -> list[int]:
        return [frame.command for frame in self.frames]


def now() -> datetime:
    return datetime.now(UTC)
