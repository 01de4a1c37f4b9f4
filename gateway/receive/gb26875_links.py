"""Links of a GB/T 26875.3 listener: TCP connections and UDP peers, each with its reader and its own exchanges."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from devices.gb26875 import FRAME_MAX, Frame, FrameFault, FrameReader, encode
from gateway.clock import Clock
from gateway.exchange import Exchanges

LOOK_BEYOND_S = 2.0
"""A frame that is not whole after this is looked beyond: a false start must not hold up the fire behind it."""

GIVE_UP_S = 10.0
"""A frame that is not whole after this never will be: the standard's longest time-out (6.5.4)."""

UNCONFIRMED_MAX = 256
"""Frames of one link that wait for their commit; beyond, the link is not read (TCP) or not heard (UDP)."""

READ_MOST = 4096
"""Bytes read from a TCP connection at a time, before anybody asks whether it must wait."""

ADDRESSES_MAX = 64
"""Transmission devices behind one link (a concentrator); frames of more are refused."""


class Link:
    """One way to some transmission devices: bytes in and out, what waits, and how much was said this second."""

    def __init__(self, name: str, clock: Clock, write: Callable[[bytes], None], close: Callable[[], None]) -> None:
        self.name = name
        self.reader = FrameReader()
        self.exchanges = Exchanges(clock, self.write)
        self.addresses: set[int] = set()
        self.unconfirmed: set[bytes] = set()
        self.opened_at = self.heard_at = clock.monotonic()
        self.waiting_since: float | None = None
        self.frames_this_second = 0
        self.open = True
        self.is_datagram = False
        self.resume: Callable[[], None] | None = None
        self._clock = clock
        self._write = write
        self._close = close

    def write(self, raw: bytes) -> None:
        """Put bytes on the link; nothing once it is closed (the other side asks again on its next one)."""
        if self.open:
            self._write(raw)

    def send(self, frame: Frame) -> None:
        """Send one frame that needs no reply."""
        self.write(encode(frame))

    def feed(self, data: bytes) -> list[Frame | FrameFault]:
        """What is complete with these bytes. A datagram is one frame: nothing of it waits for the next."""
        found = self.reader.feed(data)
        if self.is_datagram:
            return found + self.reader.give_up()
        return self._note_waiting(found)

    def look_at_waiting(self) -> list[Frame | FrameFault]:
        """Called by the clock: what a false start or a stopped sender held up."""
        if self.waiting_since is None:
            return []
        waited = self._clock.monotonic() - self.waiting_since
        if waited >= GIVE_UP_S:
            return self._note_waiting(self.reader.give_up())
        return self._note_waiting(self.reader.look_beyond()) if waited >= LOOK_BEYOND_S else []

    def _note_waiting(self, found: list[Frame | FrameFault]) -> list[Frame | FrameFault]:
        if not self.reader.waiting:
            self.waiting_since = None
        elif found or self.waiting_since is None:
            self.waiting_since = self._clock.monotonic()
        return found

    def close(self) -> None:
        """End the link; its exchanges are lost."""
        if self.open:
            self.open = False
            self.exchanges.end()
            self._close()


class Host(Protocol):
    """Whoever owns the links: a listener."""

    clock: Clock
    frames_per_s: int

    def admits(self, host: str) -> bool: ...

    def opened(self, link: Link) -> bool:
        """A new link; False: there is no room for it."""

    def received(self, link: Link, data: bytes) -> None: ...

    def closed(self, link: Link) -> None: ...

    def turned_away(self, name: str, reason: str) -> None: ...

    def note_waiting(self) -> None:
        """A link is not read for now: `resume` it as soon as that may be over."""

    @property
    def congested(self) -> bool: ...


def is_ahead(host: Host, link: Link) -> bool:
    """Whether a link says more than can be decided: it is not read until that changes."""
    return host.congested or len(link.unconfirmed) >= UNCONFIRMED_MAX or link.frames_this_second >= host.frames_per_s


class TcpLink(asyncio.BufferedProtocol):
    """One TCP connection of a listener, read a little at a time: what was read must be taken, so it is never much."""

    def __init__(self, host: Host) -> None:
        self._buffer = bytearray(READ_MOST)
        self._host = host
        self._transport: Any = None
        self.link: Link | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        peer = transport.get_extra_info("peername") or ("", 0)
        name = f"{peer[0]}:{peer[1]}"
        if not self._host.admits(peer[0]):
            self._host.turned_away(name, "its address is not in networks")
            self._transport.abort()
            return
        link = Link(name, self._host.clock, self._transport.write, self._transport.abort)
        if self._host.opened(link):
            self.link = link
            link.resume = self.go_on
        else:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        link = self.link
        if link is None or not link.open:
            return
        link.heard_at = self._host.clock.monotonic()
        self._host.received(link, bytes(self._buffer[:nbytes]))
        if self._transport.get_write_buffer_size() > 64 * FRAME_MAX:
            link.close()  # it sends and never reads: what it did not hear it asks for again
        elif self.must_wait:
            self._transport.pause_reading()
            self._host.note_waiting()

    @property
    def must_wait(self) -> bool:
        """Whether this connection must not be read for a while."""
        link = self.link
        return link is not None and is_ahead(self._host, link)

    def go_on(self) -> None:
        """Read again, if nothing speaks against it."""
        if self._transport is not None and not self._transport.is_closing() and not self.must_wait:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self.link is not None:
            self.link.close()
            self._host.closed(self.link)


class UdpEndpoint(asyncio.DatagramProtocol):
    """The UDP socket of a listener: a link for each address that speaks, the longest silent forgotten first."""

    def __init__(self, host: Host, links_max: int) -> None:
        self._host = host
        self._links_max = links_max
        self._links: OrderedDict[Any, Link] = OrderedDict()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        name = f"{addr[0]}:{addr[1]}"
        if not self._host.admits(addr[0]):
            self._host.turned_away(name, "its address is not in networks")
            return
        link = self._links.pop(addr, None)
        if link is None or not link.open:
            if len(self._links) >= self._links_max:
                self._links[next(iter(self._links))].close()
            link = Link(name, self._host.clock, lambda raw: self._transport.sendto(raw, addr), lambda: self._end(addr))
            link.is_datagram = True
            if not self._host.opened(link):
                return
        self._links[addr] = link
        link.heard_at = self._host.clock.monotonic()
        if is_ahead(self._host, link):
            self._host.turned_away(name, "too much waits: not confirmed, the device repeats it")
            return
        self._host.received(link, data)

    def _end(self, addr: Any) -> None:
        link = self._links.pop(addr, None)
        if link is not None:
            self._host.closed(link)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error of some earlier datagram: the exchange it belongs to runs out by itself."""
