"""Fire panels by GB/T 26875.3-2011: a listener to which the transmission devices of one home report (centre's side).

Journal, then confirm: the CONFIRM of a frame is sent once its input is on disk. What never swallowing a fire means
on such a link: a damaged frame is denied, and the device repeats it at once; if no readable repeat comes within 5 s,
its content is taken for the worst. A whole frame whose content makes no sense is denied and taken for the worst at
once, for repeating cannot mend it. A frame without data (a heartbeat) cannot hide a fire. Reserved types and
commands, which hold no fire by the standard, are kept and shown as trouble.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from devices import gb26875_tables as tables
from devices import gb26875_units as units
from devices.codec import DecodeError, FaultKind
from devices.gb26875 import Cause, Command, Frame, FrameFault, encode, reply, write_time
from devices.gb26875_readings import OFFLINE, ONLINE, Gb26875
from gateway.backoff import Jitter, backoff_seconds
from gateway.clock import Clock
from gateway.inbox import Delivery, Inbox
from gateway.receive.decode import KEPT_BYTES, Decoder, Route
from gateway.receive.gb26875_centre import Centre
from gateway.receive.gb26875_devices import DEVICES_MAX, TransmissionDevice
from gateway.receive.gb26875_links import ADDRESSES_MAX, UNCONFIRMED_MAX, Link, TcpLink, UdpEndpoint
from gateway.receive.inventory import Inventory
from gateway.settings import PanelListener
from rules.inputs import AnyInput, DecodeFailed, LinkChanged

TICK_S = 0.5
TELL_FAULT_EVERY_S = 10.0
TELL_FIRE_EVERY_S = 5.0
"""A device that goes on and on in riddles is told of so often, and counted in between."""

TELL_LIFE_EVERY_S = 20.0
SHOW_PARTS_EVERY_S = 6 * 3600.0
USER_COMMAND_MIN = 128


class PanelSource:
    """One listener: its socket, its links and the transmission devices behind them."""

    def __init__(
        self,
        setting: PanelListener,
        decoder: Decoder,
        inventory: Inventory,
        inbox: Inbox,
        clock: Clock,
        jitter: Jitter,
        on_state: Callable[[str, bool, str], None],
        parts: Callable[[], Iterable[str]] = tuple,
        clock_is_good: Callable[[], bool] = lambda: True,
    ) -> None:
        self.clock = clock
        self.frames_per_s = setting.frames_per_s
        self.devices: OrderedDict[int, TransmissionDevice] = OrderedDict()
        self.port = 0
        self._setting = setting
        self._decoder = decoder
        self._inventory = inventory
        self._inbox = inbox
        self._jitter = jitter
        self._on_state = on_state
        self._parts = parts
        self._clock_is_good = clock_is_good
        self.centre = Centre(setting, clock, self.devices, clock_is_good, self._status, self._tell)
        self._codec = Gb26875(setting.dialect, setting.address_format)
        self._route = Route(setting.name, setting.home, setting.name, self._codec, setting.registered_only)
        self._networks = tuple(ipaddress.ip_network(network) for network in setting.networks)
        self._links: dict[Link, None] = {}
        self._second = 0
        self._waiting_for_room = False

    # the socket

    async def run(self) -> None:
        """Listen until cancelled; a port that cannot be had is a trouble and is tried again."""
        failures = 0
        name = f"gb26875:{self._setting.name}"
        while True:
            try:
                end = await self._listen()
            except OSError as error:
                failures += 1
                self._tell(name, False, f"cannot listen on {self._setting.host}:{self._setting.port}: {error}")
                await self.clock.sleep(backoff_seconds(failures, self._jitter, first=0.5, most=30.0))
                continue
            self._tell(name, True, f"listens on {self._setting.transport} port {self.port}")
            try:
                while True:
                    await self.clock.sleep(TICK_S)
                    self._tick()
            finally:
                end()
                for link in list(self._links):
                    link.close()
                self.centre.end()

    async def _listen(self) -> Callable[[], None]:
        loop = asyncio.get_running_loop()
        host, port = self._setting.host, self._setting.port
        if self._setting.transport == "udp":
            endpoint = UdpEndpoint(self, self._setting.connections_max)
            transport, _ = await loop.create_datagram_endpoint(lambda: endpoint, local_addr=(host, port))
            self.port = transport.get_extra_info("sockname")[1]
            return transport.close
        server = await loop.create_server(lambda: TcpLink(self), host, port)
        self.port = server.sockets[0].getsockname()[1]
        return server.close

    def _tell(self, link: str, up: bool, words: str) -> None:
        self._on_state(link, up, words)
        self._put(lambda at: LinkChanged(at=at, link=link, up=up, detail=words))

    def _put(self, make: Callable[[datetime], AnyInput], device: str = "", size: int = 256) -> None:
        self._inbox.put(Delivery(home=self._setting.home, make=make, device=device, size=size))

    # links

    def admits(self, host: str) -> bool:
        """Whether this address may speak here."""
        if not self._networks:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    @property
    def congested(self) -> bool:
        """Whether nothing more can be taken for now."""
        return self._inbox.full

    def opened(self, link: Link) -> bool:
        """Take a new link. Where there is no room, one that never said anything good makes it; else it is refused."""
        if len(self._links) >= self._setting.connections_max:
            silent = next((other for other in self._links if not other.addresses), None)
            if silent is None:
                self.turned_away(link.name, f"all {self._setting.connections_max} connections are in use")
                return False
            silent.close()
            self._links.pop(silent, None)
        self._links[link] = None
        return True

    def closed(self, link: Link) -> None:
        """A link ended: its devices are off line, unless they speak on another one by now."""
        self._links.pop(link, None)
        self.received_items(link, link.reader.give_up())
        for address in link.addresses:
            device = self.devices.get(address)
            if device is not None and device.link is link and device.online_told:
                device.online_told = False
                self._status(address, OFFLINE)

    def note_waiting(self) -> None:
        """A link waits; if it waits for the inbox, that says when it has room again (else the next tick looks)."""
        if self._inbox.full and not self._waiting_for_room:
            self._waiting_for_room = True
            self._inbox.when_relieved(self._go_on)

    def _go_on(self) -> None:
        self._waiting_for_room = False
        for link in list(self._links):
            if link.resume is not None:
                link.resume()

    def turned_away(self, name: str, reason: str) -> None:
        """Something that is not taken: shown at the first, then once a minute with its count."""
        self._decoder.refuse(self._setting.home, self._setting.name, name, reason, None, FaultKind.PANEL)

    def received(self, link: Link, data: bytes) -> None:
        """Bytes of a link. Its faults count against its rate as its frames do."""
        self.received_items(link, link.feed(data))

    def received_items(self, link: Link, items: list[Frame | FrameFault]) -> None:
        """Frames and faults of a link, in their order."""
        for item in items:
            link.frames_this_second += 1
            if isinstance(item, Frame):
                self._on_frame(link, item)
            else:
                self._on_fault(link, item)

    # frames

    def _on_frame(self, link: Link, frame: Frame) -> None:
        device = self._device(link, frame)
        if device is None:
            self.turned_away(f"{link.name} {frame.source}", "too many transmission devices")
            return
        device.settle_doubts(frame)
        match frame.command:
            case Command.DATA:
                if frame.is_heartbeat:
                    device.note_heartbeat(device.heard_at)
                self._take(link, device, frame)
            case Command.CONFIRM | Command.DENY | Command.ANSWER:
                known = link.exchanges.take_reply(frame)
                if frame.command == Command.ANSWER:
                    self._take(link, device, frame, confirmed=False)
                elif known:
                    self._show_life(device)
            case Command.REQUEST:
                self._on_request(link, frame)
            case _ if frame.command >= USER_COMMAND_MIN and self._setting.dialect == "dahua":
                link.send(self._reply(frame, Command.CONFIRM))
                self._show_life(device)
            case _:
                link.send(self._reply(frame, Command.DENY))
                self._note_unreadable(device, encode(frame), f"command {frame.command} is not known here")

    def _device(self, link: Link, frame: Frame) -> TransmissionDevice | None:
        """The transmission device that a frame comes from: it is learned by its first good frame."""
        now = self.clock.monotonic()
        address = frame.source
        if address not in link.addresses and len(link.addresses) >= ADDRESSES_MAX:
            return None
        device = self.devices.pop(address, None)
        if device is None:
            if len(self.devices) >= DEVICES_MAX:
                gone = next((known for known in self.devices.values() if not known.link.open), None)
                if gone is None:
                    return None
                del self.devices[gone.address]
            device = TransmissionDevice(address, link, now)
        self.devices[address] = device
        link.addresses.add(address)
        device.link, device.heard_at = link, now
        device.odd_version = device.odd_version or frame.version != 1
        sent_at = frame.sent_at
        if sent_at is not None:
            device.clock_error_s = (sent_at - self.clock.wall()).total_seconds()
        return device

    def _take(self, link: Link, device: TransmissionDevice, frame: Frame, *, confirmed: bool = True) -> None:
        """An upload or an answer. A repeat of a frame that still waits for its commit waits with it."""
        raw = encode(frame)
        if raw in link.unconfirmed:
            return
        try:
            self._codec.reports(frame)
        except DecodeError:
            if confirmed:
                link.send(self._reply(frame, Command.DENY))
            self._take_for_the_worst(device, raw)
            return
        self._note_content(device, frame)
        settle = None
        if confirmed:
            link.unconfirmed.add(raw)
            settle = partial(self._confirm, link, frame, raw)
        device.online_told = True
        device.life_told_at = device.heard_at
        self._decoder.take(self._route, self._topic(frame.source), raw, 1, False, settle)

    def _confirm(self, link: Link, frame: Frame, raw: bytes) -> None:
        """The frame is on disk: now, and not before, it is confirmed."""
        link.unconfirmed.discard(raw)
        link.send(self._reply(frame, Command.CONFIRM))
        if link.resume is not None and len(link.unconfirmed) == UNCONFIRMED_MAX // 2:
            link.resume()

    def _note_content(self, device: TransmissionDevice, frame: Frame) -> None:
        """What the listener itself needs of a frame: the line to the panel, a duty check's answer, the unreadable."""
        if not frame.data:
            return
        unit = units.read_unit(frame.data, self._codec.layouts)
        if not unit.known or unit.type not in units.UPLOADS:
            self._note_unreadable(device, encode(frame), f"type {unit.type} is not known here")
        for one in unit.objects:
            if isinstance(one, units.DeviceState):
                device.line_fault = bool(one.state & tables.DEVICE_LINE_FAULT)
            elif isinstance(one, units.DeviceOperation) and one.flags & tables.OPERATION_DUTY_ANSWER:
                device.answer_duty(frame)

    def _on_request(self, link: Link, frame: Frame) -> None:
        """A device asks: for the time it is told, all else is the centre's to ask."""
        if frame.data[:1] in (bytes((88,)), bytes((90,))) and self._clock_is_good():
            data = units.write_unit(28, [units.DeviceTime(write_time(self.clock.wall()))])
            link.send(reply(frame, Command.ANSWER, self.clock.wall(), data))
        else:
            link.send(self._reply(frame, Command.DENY))

    def _reply(self, frame: Frame, command: Command) -> Frame:
        return reply(frame, command, self.clock.wall())

    # what cannot be read

    def _on_fault(self, link: Link, fault: FrameFault) -> None:
        """Bytes that are no good frame: denied if they can be one, doubted if a known device sent them."""
        frame = fault.frame
        if fault.cause is Cause.GARBAGE or frame is None:
            words = f"no frames of GB/T 26875.3, beginning with {fault.raw[:16].hex(' ')}: check port and dialect"
            self.turned_away(link.name, words)
            return
        device = self.devices.get(frame.source)
        registered = self._device_id(frame.source)
        if fault.cause is Cause.CHECKSUM or device is not None or registered:
            link.send(self._reply(frame, Command.DENY))
        if device is None and not registered:
            self.turned_away(f"{link.name} {frame.source}", f"damaged frame of an unknown device: {fault.words}")
            return
        if device is None:
            device = TransmissionDevice(frame.source, link, self.clock.monotonic())
            self.devices[frame.source] = device
        self._note_unreadable(device, fault.raw, f"{fault.cause}: {fault.words}")
        if frame.data or fault.cause is not Cause.CHECKSUM:
            device.note_doubt(fault, self.clock.monotonic())

    def _note_unreadable(self, device: TransmissionDevice, raw: bytes, reason: str) -> None:
        """A trouble: something of a known device was not understood, and it may still be mended."""
        now = self.clock.monotonic()
        if device.fault_told_at is not None and now - device.fault_told_at < TELL_FAULT_EVERY_S:
            return
        device.fault_told_at = now
        source, topic, kept = self._route.name, self._topic(device.address), raw[:KEPT_BYTES]
        known = self._device_id(device.address)
        self._put(
            lambda at: DecodeFailed(
                at=at, source=source, topic=topic, reason=reason, device=known, payload=kept, kind=FaultKind.FRAME
            ),
            known,
            len(kept) + 256,
        )

    def _take_for_the_worst(self, device: TransmissionDevice, raw: bytes) -> None:
        """Nobody will ever read it: the decoder fails at it, keeps its bytes and has the device's danger raised."""
        now = self.clock.monotonic()
        if device.fire_told_at is not None and now - device.fire_told_at < TELL_FIRE_EVERY_S:
            return
        device.fire_told_at = now
        self._decoder.take(self._route, self._topic(device.address), raw, 1, False, None)

    # time

    def _tick(self) -> None:
        now = self.clock.monotonic()
        if int(now) != self._second:
            self._second = int(now)
            for link in self._links:
                link.frames_this_second = 0
        for link in list(self._links):
            if now - link.heard_at > self._setting.idle_s:
                link.close()
                continue
            self.received_items(link, link.look_at_waiting())
            if link.resume is not None:
                link.resume()
        for device in list(self.devices.values()):
            for doubt in device.overdue_doubts(now):
                self._take_for_the_worst(device, doubt.fault.raw)
            if device.link.open:
                self.centre.look_after(device, now)
                self._show_parts(device, now)

    def _show_parts(self, device: TransmissionDevice, now: float) -> None:
        """Parts of a panel never speak by themselves; while their panel is heard, it vouches for them."""
        shown = device.parts_shown_at
        if device.line_fault or (shown is not None and now - shown < SHOW_PARTS_EVERY_S):
            return
        device.parts_shown_at = now
        mine = f"{device.address}/"
        for address in self._parts():
            if address.startswith(mine):
                self._status(address, ONLINE)

    # the listener's own words

    def _topic(self, address: int | str) -> str:
        return f"{self._setting.name}/{address}"

    def _status(self, address: int | str, word: bytes) -> None:
        self._decoder.take(self._route, self._topic(address), word, 1, False, None)

    def _device_id(self, address: int) -> str:
        """The site's id of a transmission device, "" if it is not registered."""
        known = self._inventory.find(self._setting.name, str(address))
        return known.device.id if known is not None else ""

    def _show_life(self, device: TransmissionDevice) -> None:
        """A reply is a sign of life, told now and then (an upload is one by itself)."""
        if device.life_told_at is None or device.heard_at - device.life_told_at > TELL_LIFE_EVERY_S:
            device.life_told_at = device.heard_at
            device.online_told = True
            self._status(device.address, ONLINE)
