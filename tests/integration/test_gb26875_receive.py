"""The GB/T 26875.3 listener over real sockets: confirm after the commit, deny, doubt, poll, clock, duty, limits."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from devices import gb26875_tables as tables
from devices.gb26875 import Command, Frame, decode_frame, encode, read_time
from devices.gb26875_units import DeviceQuery, PartQuery
from gateway.receive.gb26875_duty import DutyChecks
from gateway.settings import PanelListener
from rules.inputs import DecodeFailed
from tests.gb26875_world import SMOKE, Wire, World, now, panel
from tests.servers import eventually

VECTORS = json.loads((Path(__file__).parents[2] / "devices/examples/gb26875.json").read_text("utf-8"))["cases"]
RAW = {case["name"]: bytes.fromhex(case["hex"]) for case in VECTORS}
F1 = RAW["1 type2 smoke fire zone2 pos10"]
F14 = RAW["type2 bad checksum (0x43, should be 0x53)"]
UPLOADS = {name: raw for name, raw in RAW.items() if len(raw) > 30 and raw[26] == 2 and name[:9] != "type2 bad"}


def damaged(raw: bytes, place: int = 40) -> bytes:
    broken = bytearray(raw)
    broken[place] ^= 0x10
    return bytes(broken)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_fire_is_confirmed_after_the_commit_and_not_before(transport: str) -> None:
    async with World(settles=False, transport=transport).running() as world, Wire(world.source.port, transport) as wire:
        wire.send(F1)
        await eventually(lambda: world.readings("fire.alarm", "smoke-203") == [True])
        await asyncio.sleep(0.1)
        assert wire.frames == [], "not on disk yet"
        wire.send(F1)
        await asyncio.sleep(0.1)
        assert world.readings("fire.alarm", "smoke-203") == [True], "a repeat waits with the first"
        world.settle()
        (confirm,) = await eventually(lambda: wire.frames)
        asked = decode_frame(F1)
        assert (confirm.command, confirm.serial) == (Command.CONFIRM, asked.serial)
        assert (confirm.source, confirm.destination) == (asked.destination, asked.source)
        assert abs((read_time(confirm.time) - now()).total_seconds()) < 5  # type: ignore[operator]


async def test_the_same_frame_after_the_confirm_is_decided_again() -> None:
    """After a reset the next report raises, even if it equals the last one byte for byte."""
    async with World().running() as world, Wire(world.source.port) as wire:
        for count in (1, 2):
            wire.send(F1)
            await eventually(lambda count=count: len(wire.frames) == count)
        assert world.readings("fire.alarm", "smoke-203") == [True, True]


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in UPLOADS.items()])
async def test_every_upload_of_the_vectors_is_confirmed(raw: bytes) -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.send(raw)
        await eventually(lambda: wire.frames)
        assert wire.frames[0].command == Command.CONFIRM and wire.frames[0].serial == decode_frame(raw).serial


async def test_the_frame_with_a_wrong_checksum_is_denied() -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.send(F14)
        await eventually(lambda: wire.frames)
        assert wire.commands() == [Command.DENY]
        assert not world.readings("fire.alarm")
        assert await eventually(world.refusals)


async def test_a_damaged_frame_that_is_repeated_is_a_trouble_and_no_fire() -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.panel = panel()
        raw = wire.panel.say(("smoke",), now())
        wire.send(damaged(raw))
        await eventually(lambda: wire.commands() == [Command.DENY, Command.CONFIRM])
        world.clock.ahead += 6
        await asyncio.sleep(0.7)
        (failure,) = world.failures()
        assert (failure.device, failure.category) == ("link", "")


PLACES = {"serial": 2, "length": 24, "command": 26, "type": 27, "state": 40, "sum": -3, "end": -1}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_a_damaged_frame_that_is_not_repeated_is_taken_for_a_fire(place: int) -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.send(damaged(panel().fire("smoke", now()), place))
        await asyncio.sleep(0.2)
        world.clock.ahead += 2.5
        await eventually(lambda: wire.commands().count(Command.DENY) >= 1)
        assert not world.failures("fire")
        world.clock.ahead += 10
        failure = (await eventually(lambda: world.failures("fire")))[0]
        assert failure.device == "link" and failure.source == "panel"
        assert world.quarantined


async def test_a_heartbeat_explains_no_damaged_frame() -> None:
    """Many vendors number everything 0: an empty frame of that number proves nothing about the fire before it."""
    async with World().running() as world, Wire(world.source.port) as wire:
        raw = encode(Frame(serial=0, command=2, source=889, destination=1, time=bytes(6), data=decode_frame(F1).data))
        wire.send(damaged(raw, 45))
        wire.send(panel().heartbeat(now()))
        await eventually(lambda: Command.CONFIRM in wire.commands())
        world.clock.ahead += 6
        assert await eventually(lambda: world.failures("fire"))


async def test_a_damaged_heartbeat_is_no_fire() -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.send(damaged(panel().heartbeat(now()), 8))
        await eventually(lambda: wire.commands() == [Command.DENY])
        world.clock.ahead += 20
        await asyncio.sleep(0.7)
        assert world.failures() and not world.failures("fire")


SENSELESS = {"count": "0202" + "00" * 46, "zero": "020000", "short": "02", "cut": "0201" + "00" * 45}


@pytest.mark.parametrize("data", SENSELESS.values(), ids=SENSELESS)
async def test_a_whole_frame_that_makes_no_sense_is_denied_and_taken_for_a_fire(data: str) -> None:
    frame = Frame(serial=3, command=2, source=889, destination=1, time=bytes(6), data=bytes.fromhex(data))
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.send(encode(frame))
        failure = (await eventually(lambda: world.failures("fire")))[0]
        assert isinstance(failure, DecodeFailed) and failure.payload == encode(frame)
        await eventually(lambda: wire.commands() == [Command.DENY])


@pytest.mark.parametrize(
    "frame,answer",
    [
        (Frame(serial=3, command=2, source=889, destination=1, time=bytes(6), data=b"\x80\x01abc"), Command.CONFIRM),
        (Frame(serial=3, command=0, source=889, destination=1, time=bytes(6)), Command.DENY),
        (Frame(serial=3, command=77, source=889, destination=1, time=bytes(6)), Command.DENY),
        (Frame(serial=3, command=130, source=889, destination=1, time=bytes(6)), Command.DENY),
    ],
    ids=["type-128", "command-0", "command-77", "command-130"],
)
async def test_what_the_standard_reserves_is_trouble_and_no_fire(frame: Frame, answer: Command) -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.send(encode(frame))
        await eventually(lambda: wire.commands() == [answer])
        assert (await eventually(world.failures))[0].category == ""


async def test_in_the_dahua_dialect_own_commands_are_keep_alives() -> None:
    frame = Frame(serial=3, command=130, source=889, destination=1, time=bytes(6))
    async with World(dialect="dahua").running() as world, Wire(world.source.port) as wire:
        wire.send(encode(frame))
        await eventually(lambda: wire.commands() == [Command.CONFIRM])
        await eventually(lambda: world.readings("online", "link") == [True])
        assert not world.failures()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_virtual_panel_in_dialogue(transport: str) -> None:
    async with World(transport=transport).running() as world, Wire(world.source.port, transport) as wire:
        wire.panel = device = panel()
        wire.send(device.heartbeat(now()))
        await eventually(lambda: device.confirmed == [0])
        wire.send(device.fire("button", now(), testing=True))
        await eventually(lambda: world.readings("manual_call.alarm", "button-1") == [True])
        assert world.readings("test", "button-1") == [True], "test is told, and takes nothing back"
        result = await world.source.centre.query(889, 62, [PartQuery(1, 1, bytes.fromhex("0a000300"))])
        assert result.ending == "answered"
        await eventually(lambda: world.readings("manual_call.alarm", "button-1") == [True, True])
        assert (await world.source.centre.sync_clock(889)).ending == "confirmed"
        assert device.clock is not None and abs((read_time(device.clock) - now()).total_seconds()) < 5  # type: ignore[operator]
        assert await world.source.centre.check_duty(889, 1, "wang") == "answered"
        await eventually(lambda: world.readings("duty.answered", "link") == [True])
        assert {"type": "duty_check", "by": "wang"} in world.events("link")
        assert device.unconfirmed == {}


async def test_a_duty_check_that_a_person_asks_for() -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.panel = panel()
        wire.send(wire.panel.heartbeat(now()))
        await eventually(lambda: wire.frames)
        setting = PanelListener(name="panel", home="home-a", port=9001)
        clock, centre = world.clock, world.source.centre
        checks = DutyChecks(setting, centre, clock, lambda: 0.0, lambda: ["889", SMOKE], lambda: UTC)
        assert checks.ask("889", "wang")
        await eventually(lambda: checks.last["889"].outcome == "answered")
        assert {"type": "duty_check", "by": "wang"} in world.events("link")


async def test_a_duty_check_that_nobody_answers() -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.panel = panel()
        wire.panel.operator = None
        wire.send(wire.panel.heartbeat(now()))
        await eventually(lambda: wire.frames)
        assert await world.source.centre.check_duty(889, 0) == "unanswered"
        await eventually(lambda: world.readings("duty.answered", "link") == [False])
        assert await world.source.centre.check_duty(77, 1) == "not_connected", "nobody knows this device"


async def test_the_clock_is_set_at_the_first_word_and_again_when_it_is_wrong() -> None:
    async with World(clock_sync_h=24).running() as world, Wire(world.source.port) as wire:
        wire.panel = panel()
        wire.send(wire.panel.heartbeat(now()))
        await eventually(lambda: wire.panel is not None and wire.panel.clock)
        wire.panel.clock = None
        world.clock.ahead += 700
        wire.send(wire.panel.heartbeat(now() - timedelta(minutes=3)))
        await eventually(lambda: wire.panel is not None and wire.panel.clock)
        assert wire.panel.clock is not None, "it was set a second time"


async def test_a_silent_device_is_polled_and_one_with_heartbeats_is_not() -> None:
    async with World(poll_s=5).running() as world, Wire(world.source.port) as wire:
        wire.panel = panel()
        wire.send(wire.panel.heartbeat(now()))
        await eventually(lambda: wire.frames)
        for _ in range(3):
            world.clock.ahead += 4
            wire.send(wire.panel.heartbeat(now()))
            await asyncio.sleep(0.6)
        assert Command.REQUEST not in wire.commands()
        assert 3 < world.source.devices[889].heartbeat_s < 6
        world.clock.ahead += 6
        await eventually(lambda: Command.REQUEST in wire.commands())
        await eventually(lambda: world.readings("power.mains", "link") == [True])


async def test_parts_live_by_their_panel_unless_it_lost_them() -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.panel = panel()
        wire.send(wire.panel.heartbeat(now()))
        for name in ("panel", "smoke-203", "button-1"):
            await eventually(lambda name=name: world.readings("online", name) == [True])
        wire.panel.device_state = tables.NORMAL | tables.DEVICE_LINE_FAULT
        await world.source.centre.query(889, 81, [DeviceQuery()])
        world.clock.ahead += 7 * 3600 - 60
        wire.send(wire.panel.heartbeat(now()))
        await asyncio.sleep(0.7)
        assert world.readings("online", "smoke-203") == [True]


async def test_a_lost_connection_is_off_line_and_another_one_takes_over() -> None:
    async with World().running() as world:
        async with Wire(world.source.port) as wire:
            wire.send(panel().heartbeat(now()))
            await eventually(lambda: wire.frames)
        await eventually(lambda: world.readings("online", "link") == [True, False])
        async with Wire(world.source.port) as first, Wire(world.source.port) as second:
            first.send(panel().heartbeat(now()))
            await eventually(lambda: first.frames)
            second.send(panel().heartbeat(now()))
            await eventually(lambda: second.frames)
            first._close()
            await eventually(lambda: len(world.source._links) == 1)
            assert world.readings("online", "link")[-1] is True
            second.panel = panel()
            assert (await world.source.centre.query(889, 81, [DeviceQuery()])).ending == "answered"


async def test_a_false_start_holds_a_fire_up_for_two_seconds_at_most() -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        head = encode(Frame(serial=7, command=2, source=9, destination=1, time=bytes(6), data=bytes(900)))[:29]
        wire.send(head + panel().fire("smoke", now()))
        await asyncio.sleep(0.2)
        assert not world.readings("fire.alarm")
        world.clock.ahead += 2
        await eventually(lambda: world.readings("fire.alarm", "smoke-203") == [True])


async def test_garbage_is_told_and_denied_to_nobody() -> None:
    async with World().running() as world, Wire(world.source.port) as wire:
        wire.send(b"GET / HTTP/1.1\r\n\r\n")
        refusal = (await eventually(world.refusals))[0]
        assert "no frames of GB/T 26875.3" in refusal.reason
        assert wire.frames == []


async def test_a_connection_of_another_network_is_closed() -> None:
    async with World(networks=("10.8.0.0/16",)).running() as world, Wire(world.source.port) as wire:
        await eventually(lambda: wire.ended)
        assert "not in networks" in (await eventually(world.refusals))[0].reason


async def test_silent_connections_make_room_and_good_ones_stay() -> None:
    world = World(connections_max=2)
    async with world.running(), Wire(world.source.port) as good, Wire(world.source.port) as idle:
        good.send(panel().heartbeat(now()))
        await eventually(lambda: good.frames)
        async with Wire(world.source.port) as third:
            third.send(panel(890).heartbeat(now()))
            await eventually(lambda: third.frames)
            assert idle.ended and not good.ended
            async with Wire(world.source.port) as fourth:
                await eventually(lambda: fourth.ended)
                assert not good.ended and not third.ended


async def test_an_idle_connection_is_closed() -> None:
    async with World(idle_s=60).running() as world, Wire(world.source.port) as wire:
        await eventually(lambda: world.source._links)
        world.clock.ahead += 61
        await eventually(lambda: wire.ended)
        await eventually(lambda: not world.source._links)
        assert wire.ended, "and nothing is kept of a connection that was closed"


async def test_a_full_inbox_stops_reading_and_nothing_is_lost() -> None:
    world = World(bytes_max=4096, frames_per_s=1000)
    async with world.running(), Wire(world.source.port) as wire:
        await eventually(world.links)
        world.paused = True
        device = panel()
        wire.send(b"".join(device.fire("smoke", now()) for _ in range(2000)))
        await eventually(lambda: world.inbox.full)
        await asyncio.sleep(0.2)
        assert world.inbox.depth < 100, "4 KiB are read at a time, and then no more"
        assert len(wire.frames) == 0
        world.paused = False
        await eventually(lambda: len(wire.frames) == 2000, 20)
        assert sorted(frame.serial for frame in wire.frames) == list(range(1, 2001))


async def test_a_hasty_connection_is_slowed_down() -> None:
    async with World(frames_per_s=10).running() as world, Wire(world.source.port) as wire:
        device = panel()
        wire.send(b"".join(device.heartbeat(now()) for _ in range(400)))
        await asyncio.sleep(0.1)
        assert 0 < len(wire.frames) <= 150, "one reading of 4 KiB at a time"


async def test_a_port_in_use_is_a_trouble_and_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        world = World(port=taken.getsockname()[1])
        tasks = [asyncio.create_task(world.source.run()), asyncio.create_task(world._decide())]
        try:
            down = await eventually(lambda: [link for link in world.links() if not link.up])
            assert down[0].link == "gb26875:panel" and "cannot listen" in down[0].detail
            taken.close()
            await eventually(lambda: [link for link in world.links() if link.up])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
