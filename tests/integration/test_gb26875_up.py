"""Alarms reported to a monitoring centre by GB/T 26875.3 over real sockets: fire first, time-outs, paths, duty."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from devices import gb26875_tables as tables
from devices import gb26875_units as units
from devices.gb26875 import Command, Frame, FrameReader, encode, read_time, reply, write_time
from devices.gb26875_readings import PART_FORMATS
from gateway.clock import SystemClock
from gateway.deliver.courier import Courier
from gateway.deliver.gb26875 import QUEUE_MAX, CentreDestination
from gateway.settings import PanelUplink
from rules.alarm import Acknowledgement, Alarm, Category
from rules.effects import AlarmChanged, AnyEffect, Change
from rules.inputs import LinkChanged, Outcome
from rules.text import Text
from tests.deliver_world import MemoryRecord
from tests.gb26875_world import SITE, World, device
from tests.servers import eventually, free_port

AT = datetime(2026, 3, 1, 2, 15, 7, tzinfo=UTC)
HOME = replace(
    SITE,
    devices=(
        device("smoke-1", "smoke", "a"),
        device("smoke-2", "smoke", "b"),
        device("leak-1", "water_leak", "c", ""),
    ),
)


def alarm(subject: str = "smoke-1", category: Category = Category.FIRE, number: int = 1, **more: Any) -> Alarm:
    return Alarm(
        id=f"home-a:1:{number}", rule="r", subject=subject, zone="ward", category=category, priority=1,
        title=Text("火警", "Fire"), raised_at=AT, **more,
    )


def change(of: Alarm, what: Change = Change.RAISED) -> AlarmChanged:
    return AlarmChanged(at=AT, alarm=of, change=what)


class Centre:
    """A centre on a real port that does as it is told: confirms, denies, or says nothing."""

    def __init__(self, transport: str = "tcp") -> None:
        self.port = free_port()
        self.transport = transport
        self.frames: list[Frame] = []
        self.says: Callable[[Frame], Command | None] = lambda _: Command.CONFIRM
        self.write: Callable[[bytes], None] = lambda _: None
        self.connections = 0
        self.drop: Callable[[], None] = lambda: None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Centre]:
        centre = self
        loop = asyncio.get_running_loop()

        class End(asyncio.Protocol, asyncio.DatagramProtocol):
            def connection_made(self, transport: Any) -> None:
                self.transport, self.reader = transport, FrameReader()
                if centre.transport == "tcp":
                    centre.write, centre.drop = transport.write, transport.abort
                    centre.connections += 1

            def data_received(self, data: bytes) -> None:
                centre._take(self.reader.feed(data))

            def datagram_received(self, data: bytes, addr: Any) -> None:
                centre.write = lambda raw: self.transport.sendto(raw, addr)
                centre._take(self.reader.feed(data))

        if self.transport == "udp":
            udp, _ = await loop.create_datagram_endpoint(End, local_addr=("127.0.0.1", self.port))
            closes: Callable[[], None] = udp.close
        else:
            server = await loop.create_server(End, "127.0.0.1", self.port)
            closes = server.close
        try:
            yield self
        finally:
            closes()
            self.drop()

    def _take(self, items: list[Any]) -> None:
        for frame in items:
            assert isinstance(frame, Frame), frame
            self.frames.append(frame)
            if frame.command == Command.DATA:
                said = self.says(frame)
                if said is not None:
                    self.write(encode(reply(frame, said, AT)))

    def ask(self, command: Command, data: bytes, serial: int = 900) -> None:
        frame = Frame(serial=serial, command=command, source=1, destination=1001, time=write_time(AT), data=data)
        self.write(encode(frame))

    def units(self) -> list[units.Unit]:
        return [units.read_unit(frame.data) for frame in self.frames if frame.data]

    def states(self) -> list[tuple[bytes, int]]:
        return [(one.part, one.state) for unit in self.units() if unit.type == 2 for one in unit.objects]


class Uplink:
    """The destination under test, with the alarms that the engine holds open and what it was told."""

    def __init__(self, port: int, clock: Any = None, **settings: Any) -> None:
        setting = PanelUplink(
            **{"name": "fire-centre", "home": "home-a", "host": "127.0.0.1", "port": port, "source_address": 1001,
               "centre_address": 1, **settings}
        )
        self.open: list[Alarm] = []
        self.told: list[LinkChanged] = []
        self.centre = CentreDestination(
            setting, lambda: HOME, lambda: self.open, clock or SystemClock(), self._submit, lambda: 0.0, "0.1.0"
        )

    async def _submit(self, home: str, make: Any) -> Any:
        self.told.append(make(AT))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Uplink]:
        task = asyncio.create_task(self.centre.run())
        try:
            async with asyncio.timeout(15):
                await self.centre.ready()
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def send(self, effect: AnyEffect) -> Outcome:
        async with asyncio.timeout(20):
            return (await self.centre.send(effect, "key")).outcome

    def part(self, subject: str) -> bytes:
        return next(part.part for part in self.centre.view.parts() if part.subject == subject)


class HastyClock(SystemClock):
    """A clock that sleeps a tenth as long: time-outs of seconds in a test of a second."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_fire_is_reported_and_accepted_at_the_confirm(transport: str) -> None:
    async with Centre(transport).running() as centre, Uplink(centre.port, transport=transport).running() as up:
        assert await up.send(change(alarm())) is Outcome.ACCEPTED
        (frame,) = centre.frames
        (state,) = units.read_unit(frame.data).objects
        assert (frame.source, frame.destination, frame.serial) == (1001, 1, 1)
        assert (state.system, state.number, state.kind, state.part) == (1, 1, 40, up.part("smoke-1"))
        assert state.state == tables.NORMAL | tables.FIRE
        assert units.read_text(state.description) == "病区 smoke-1" and read_time(state.time) == AT


async def test_a_trouble_beside_a_fire_does_not_report_the_fire_away() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        fire = alarm()
        up.open = [fire]
        await up.send(change(alarm(category=Category.TROUBLE, number=2)))
        assert centre.states()[-1][1] == tables.NORMAL | tables.FIRE | tables.FAULT
        up.open = []
        await up.send(change(replace(fire, active=False, closed_at=AT), Change.CLOSED))
        assert centre.states()[-1][1] == tables.NORMAL


TAKEN = [
    (change(alarm()), True),
    (change(alarm(), Change.REPEATED), False),
    (change(alarm(latched=True, active=False), Change.CLEARED), False),
    (change(replace(alarm(), active=False, closed_at=AT), Change.CLOSED), True),
    (change(alarm(), Change.ACKNOWLEDGED), True),
    (change(alarm(), Change.SILENCED), True),
    (change(alarm(), Change.RESET), True),
    (change(alarm(category=Category.PERSON)), False),
    (change(alarm(category=Category.VIDEO)), False),
    (change(alarm("link:centre:fire-centre", Category.TROUBLE)), False),
    (change(alarm("link:duty-check:fire-centre", Category.TROUBLE)), False),
    (change(alarm("link:duty-check:fire-centre", Category.TROUBLE), Change.ACKNOWLEDGED), True),
    (change(alarm("link:broker:x", Category.TROUBLE)), True),
]


@pytest.mark.parametrize("effect,taken", TAKEN)
def test_what_is_reported(effect: AlarmChanged, taken: bool) -> None:
    assert Uplink(1).centre.takes(effect) is taken


def test_falls_are_reported_under_the_agreed_code_only() -> None:
    assert Uplink(1, person_part=130).centre.takes(change(alarm(category=Category.PERSON)))


@pytest.mark.parametrize("what,flags", [(Change.ACKNOWLEDGED, 0x20), (Change.SILENCED, 0x02), (Change.RESET, 0x01)])
async def test_what_people_do_is_an_operation(what: Change, flags: int) -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        assert await up.send(change(alarm(), what)) is Outcome.ACCEPTED
        (unit,) = centre.units()
        assert (unit.type, unit.objects[0].flags) == (4, flags)
        start = bytes((0, 0, 0, 1, 1, 20))
        centre.ask(Command.REQUEST, units.write_unit(64, [units.OperationQuery(1, 1, 5, start)]))
        await eventually(lambda: centre.frames[-1].command == Command.ANSWER)
        assert units.read_unit(centre.frames[-1].data).objects[0].flags == flags


async def test_troubles_of_the_gateway_itself_are_the_device_state() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        await up.send(change(alarm("link:broker:x", Category.TROUBLE)))
        (unit,) = centre.units()
        assert (unit.type, unit.objects[0].state) == (21, tables.NORMAL | tables.FAULT)


async def test_a_fire_of_nobodys_device_is_reported() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        await up.send(change(alarm("zigbee/unknown-7")))
        (unit,) = centre.units()
        assert unit.objects[0].state & tables.FIRE and "火警" in units.read_text(unit.objects[0].description)


async def test_a_fire_pre_empts_what_waits_for_its_confirm() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        centre.says = lambda _: Command.CONFIRM if any(s & tables.FIRE for _, s in centre.states()) else None
        troubles = [
            asyncio.create_task(up.send(change(alarm("leak-1", Category.TROUBLE, number)))) for number in range(2, 40)
        ]
        await eventually(lambda: centre.frames)
        began = asyncio.get_running_loop().time()
        assert await up.send(change(alarm())) is Outcome.ACCEPTED
        assert asyncio.get_running_loop().time() - began < 1.0
        assert [state & tables.FIRE for _, state in centre.states()[:-1]].count(tables.FIRE) <= 1
        assert set(await asyncio.gather(*troubles)) == {Outcome.ACCEPTED}


async def test_fires_that_wait_share_a_frame() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        fires = [change(alarm(f"smoke-{number % 2 + 1}", number=number)) for number in range(1, 101)]
        assert {*await asyncio.gather(*(up.send(fire) for fire in fires))} == {Outcome.ACCEPTED}
        assert len(centre.states()) == 100 and len(centre.frames) <= 7, "22 components a frame"


async def test_a_fire_without_confirm_is_sent_four_times_and_then_by_the_other_path() -> None:
    silent, other = Centre(), Centre()
    silent.says = lambda frame: None if frame.data else Command.CONFIRM
    async with silent.running(), other.running():
        uplink = Uplink(silent.port, HastyClock(), backup=f"127.0.0.1:{other.port}")
        async with uplink.running() as up:
            began = asyncio.get_running_loop().time()
            assert await up.send(change(alarm())) is Outcome.RETRY
            assert asyncio.get_running_loop().time() - began == pytest.approx(0.8, abs=0.5), "4 x 2 s"
            sent = [frame for frame in silent.frames if frame.data]
            assert len(sent) == 4 and len({frame.serial for frame in sent}) == 1
            await up.centre.ready()
            assert await up.send(change(alarm())) is Outcome.ACCEPTED
            assert other.states()[0][1] & tables.FIRE
        assert any(not link.up and "does not confirm" in link.detail for link in up.told)


async def test_what_the_centre_denies_is_repeated_and_then_refused() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        leak = up.part("leak-1")
        centre.says = lambda frame: Command.DENY if leak in frame.data else Command.CONFIRM
        bad = change(alarm("leak-1", Category.TROUBLE, 1))
        good = change(alarm("smoke-1", Category.TROUBLE, 2))
        outcomes = await asyncio.gather(up.send(bad), up.send(good))
        assert outcomes == [Outcome.REFUSED, Outcome.ACCEPTED], "one bad report takes no other with it"


async def test_one_that_is_denied_once_is_sent_again_at_once() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        centre.says = lambda _: Command.DENY if len(centre.frames) == 1 else Command.CONFIRM
        assert await up.send(change(alarm())) is Outcome.ACCEPTED
        assert centre.frames[0] == centre.frames[1]


async def test_a_lost_link_gives_everything_back_at_once() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        centre.says = lambda _: None
        waiting = [asyncio.create_task(up.send(change(alarm(number=number)))) for number in range(30)]
        await eventually(lambda: centre.frames)
        centre.drop()
        assert {*await asyncio.gather(*waiting)} == {Outcome.RETRY}
        await up.centre.ready()
        assert centre.connections == 2


async def test_a_duty_check_is_answered_by_a_person_who_acknowledges_it() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        centre.ask(Command.CONTROL, units.write_unit(91, [units.DutyCheck(10)]))
        await eventually(lambda: centre.frames and centre.frames[0].command == Command.CONFIRM)
        raised = (await eventually(lambda: [link for link in up.told if "duty-check" in link.link]))[0]
        assert not raised.up and "10" in raised.detail
        assert len(centre.frames) == 1, "no program answers for a person"
        known = alarm("link:duty-check:fire-centre", Category.TROUBLE, acknowledged=Acknowledgement("wang", AT))
        assert await up.send(change(known, Change.ACKNOWLEDGED)) is Outcome.ACCEPTED
        (unit,) = centre.units()
        assert (unit.type, unit.objects[0].flags) == (24, tables.OPERATION_DUTY_ANSWER)
        await eventually(lambda: [link for link in up.told if link.up and link.link == raised.link])


async def test_an_unanswered_duty_check_ends() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        centre.ask(Command.CONTROL, units.write_unit(91, [units.DutyCheck(0)]))
        await eventually(lambda: [link for link in up.told if link.up and "duty-check" in link.link])
        assert [frame.command for frame in centre.frames] == [Command.CONFIRM]


@pytest.mark.parametrize("number", [61, 62, 65, 66, 67, 68, 81, 84, 85, 86, 88])
async def test_queries_of_the_centre_are_answered(number: int) -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        up.open = [alarm()]
        asked: dict[int, Any] = {
            **dict.fromkeys((61, 65, 66, 68), units.SystemQuery(1, 1)),
            **dict.fromkeys((62, 67), units.PartQuery(1, 1, up.part("smoke-1"))),
            84: units.DeviceOperationQuery(5, bytes(6)),
        }
        if number == 84:
            centre.ask(Command.CONTROL, units.write_unit(91, [units.DutyCheck(10)]), 1)
            await eventually(lambda: not up.centre._duty.up)
            await up.send(change(alarm("link:duty-check:fire-centre", Category.TROUBLE), Change.ACKNOWLEDGED))
        centre.ask(Command.REQUEST, units.write_unit(number, [asked.get(number, units.DeviceQuery())]))
        await eventually(lambda: centre.frames and centre.frames[-1].command == Command.ANSWER)
        frame = centre.frames[-1]
        unit = units.read_unit(frame.data)
        assert (frame.serial, unit.type, len(unit.objects)) == (900, number - 60, 1)
        if number in (61, 62):
            assert unit.objects[0].state & tables.FIRE


@pytest.mark.parametrize("words", ["3f01000000000000", "01", "", "630100", "3e01000000000000"])
async def test_queries_that_cannot_be_answered_are_denied(words: str) -> None:
    async with Centre().running() as centre, Uplink(centre.port).running():
        await eventually(lambda: centre.connections)
        centre.ask(Command.REQUEST, bytes.fromhex(words))
        await eventually(lambda: centre.frames)
        assert centre.frames[0].command == Command.DENY


async def test_the_centres_clock_is_noted_and_never_applied() -> None:
    async with Centre().running() as centre, Uplink(centre.port).running() as up:
        await eventually(lambda: centre.connections)
        before = up.centre._clock.wall()
        centre.ask(Command.CONTROL, units.write_unit(90, [units.DeviceTime(write_time(AT))]))
        await eventually(lambda: centre.frames and centre.frames[0].command == Command.CONFIRM)
        assert up.centre.clock_error_s == pytest.approx((before - AT).total_seconds(), abs=5)
        assert abs((up.centre._clock.wall() - before).total_seconds()) < 5


async def test_heartbeats_show_life_and_their_silence_is_a_lost_link() -> None:
    async with Centre().running() as centre, Uplink(centre.port, HastyClock(), heartbeat_s=1).running() as up:
        await eventually(lambda: len(centre.frames) >= 2)
        assert all(frame.is_heartbeat and frame.serial == 0 for frame in centre.frames)
        centre.says = lambda _: None
        await eventually(lambda: [link for link in up.told if not link.up and "heartbeats" in link.detail])
        await eventually(lambda: centre.connections >= 2)


async def test_a_centre_that_cannot_be_reached_is_told_and_tried_again() -> None:
    centre = Centre()
    uplink = Uplink(centre.port)
    task = asyncio.create_task(uplink.centre.run())
    try:
        assert "cannot be reached" in (await eventually(lambda: uplink.told))[0].detail
        assert await uplink.send(change(alarm())) is Outcome.RETRY
        async with centre.running():
            await eventually(lambda: [link for link in uplink.told if link.up])
            assert await uplink.send(change(alarm())) is Outcome.ACCEPTED
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_our_sender_and_our_listener(transport: str) -> None:
    """The chain on real parts: journal, courier, sender, socket, listener, inbox; fire before older troubles."""
    record = MemoryRecord()
    for number in range(1, 601):
        record.append("home-a", [change(alarm("leak-1", Category.TROUBLE, number))])
    record.append("home-a", [change(alarm(number=601))])
    world = World(transport=transport)
    async with world.running(), Uplink(world.source.port, transport=transport).running() as up:
        courier = Courier(
            up.centre, record, ("home-a",), SystemClock(), up._submit, lambda: 0.0, concurrency=QUEUE_MAX
        )
        task = asyncio.create_task(courier.run())
        try:
            await eventually(lambda: True in world.readings("fire.alarm"))
            before = len([value for value in world.readings("fault") if value])
            await eventually(lambda: record.cursors.get(("fire-centre", "home-a")) == 601, 30)
            assert before < 601 - 22, "the fire did not wait for its turn"
            address = f"panel/1001/1.1/{PART_FORMATS['words'](up.part('smoke-1'))}"
            assert world.readings("fire.alarm", address) == [True]
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

