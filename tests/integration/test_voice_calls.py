"""Voice calls with the real baresip and espeak-ng; sipp picks up, presses keys, is busy, or rings for nobody."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.clock import SystemClock
from gateway.deliver.baresip import Line
from gateway.deliver.destination import SendResult
from gateway.deliver.quota import Quota
from gateway.deliver.voice import VoiceLine
from gateway.deliver.wording import Notice
from gateway.metrics import Metrics
from rules.alarm import Category
from rules.effects import Notify
from rules.inputs import Outcome
from tests.deliver_world import notify
from tests.servers import eventually, free_port, running
from tests.sip_world import (
    Callee,
    calls_back,
    hangs_up,
    presses_by_info,
    presses_by_rtp,
    refuses,
    rings,
    says_nothing,
    turns_registrations_away,
)

pytestmark = pytest.mark.integration

SPEAKERS = {"zh": ("espeak-ng", "-v", "cmn", "--stdin", "--stdout")}


class World:
    """A line to a telephone on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.metrics = Metrics()
        self.troubles: list[tuple[str, bool, str]] = []

    def line(self, *, ring_s: float = 5.0, talk_s: float = 3.0, **changes: object) -> VoiceLine:
        clock = SystemClock()
        fields: dict[str, object] = {"server": f"127.0.0.1:{self.port}", "user": "anlian", "listen": "127.0.0.1:0"}
        return VoiceLine(
            "calls",
            lambda _: Notice("【火警】感烟报警", ("【火警】感烟报警", "地点：东区 204"), "", "", "zh"),
            clock,
            Quota(60, 10, clock),
            line=Line(**{**fields, **changes}),  # type: ignore[arg-type]
            speakers=SPEAKERS,
            tell=lambda *told: self.troubles.append(told),
            metrics=self.metrics,
            ring_s=ring_s,
            talk_s=talk_s,
        )

    def callee(self, scenario: Iterable[str], calls: int = 1) -> Callee:
        return Callee(self.folder / "callee", self.port, scenario, calls)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@asynccontextmanager
async def working(line: VoiceLine) -> AsyncIterator[None]:
    async def later(_told: Notify, _result: SendResult) -> bool:
        return True

    task = asyncio.create_task(line.listen(later))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await task


def call(category: Category = Category.FIRE, **changes: object) -> Notify:
    return replace(notify("h1:1:1.1", category), channel="calls", address="+86 138-0013-8000", **changes)


async def one_call(world: World, scenario: Iterable[str], **limits: float) -> SendResult:
    line = world.line(**limits)
    with running(callee := world.callee(scenario)):
        callee.start()
        async with working(line):
            result = await line.send(call(), "h1:1:1.1")
            await eventually(lambda: "INVITE" in callee.messages())
    assert "sip:+8613800138000@127.0.0.1" in callee.messages()
    return result


async def test_key_1_as_sip_info_takes_it_on(world: World) -> None:
    result = await one_call(world, presses_by_info("1"))
    assert result.outcome is Outcome.ANSWERED
    assert result.detail.startswith("pressed the key after")
    assert (world.metrics.calls_made, world.metrics.calls_answered) == (1, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="sipp plays captures over a raw socket")
async def test_key_1_as_telephone_event_takes_it_on(world: World) -> None:
    result = await one_call(world, presses_by_rtp("1", world.folder))
    assert result.outcome is Outcome.ANSWERED


async def test_another_key_does_not(world: World) -> None:
    result = await one_call(world, presses_by_info("2"), talk_s=1.5)
    assert (result.outcome, world.metrics.calls_answered) == (Outcome.DELIVERED, 0)


async def test_picked_up_without_a_key_is_no_answer(world: World) -> None:
    result = await one_call(world, says_nothing(), talk_s=1.2)
    assert result.outcome is Outcome.DELIVERED
    assert result.detail == "picked up for 1 s: no key was pressed"


async def test_hung_up_without_a_key_is_no_answer(world: World) -> None:
    result = await one_call(world, hangs_up())
    assert result.outcome is Outcome.DELIVERED
    assert "hung up without a key" in result.detail


REFUSALS = [
    pytest.param("486 Busy Here", Outcome.REFUSED, "busy (486 Busy Here)", id="busy"),
    pytest.param("603 Decline", Outcome.REFUSED, "declined (603 Decline)", id="declined"),
    pytest.param("404 Not Found", Outcome.REFUSED, "no such number (404 Not Found)", id="no_such_number"),
    pytest.param("503 Service Unavailable", Outcome.RETRY, "the line: 503 Service Unavailable", id="trunk_down"),
]


@pytest.mark.parametrize(("status", "outcome", "detail"), REFUSALS)
async def test_what_a_final_answer_means(world: World, status: str, outcome: Outcome, detail: str) -> None:
    result = await one_call(world, refuses(status))
    assert (result.outcome, result.detail) == (outcome, detail)


async def test_not_answered_is_refused_and_the_telephone_stops_ringing(world: World) -> None:
    line = world.line(ring_s=1.0)
    with running(callee := world.callee(rings())):
        callee.start()
        async with working(line):
            result = await line.send(call(), "h1:1:1.1")
            await eventually(lambda: "CANCEL sip:" in callee.messages())
    assert (result.outcome, result.detail) == (Outcome.REFUSED, "not answered (not answered within 1 s)")


async def test_a_call_that_is_given_up_stops_ringing(world: World) -> None:
    line = world.line(ring_s=30.0)
    with running(callee := world.callee(rings())):
        callee.start()
        async with working(line):
            sending = asyncio.create_task(line.send(call(), "h1:1:1.1"))
            await eventually(lambda: "180 Ringing" in callee.messages())
            sending.cancel()
            await eventually(lambda: "CANCEL sip:" in callee.messages())
            assert sending.cancelled() or sending.cancelling()


async def test_the_message_is_heard_again_and_again(world: World) -> None:
    line = world.line(talk_s=2.0)
    with running(callee := world.callee(says_nothing(), calls=2)):
        callee.start()
        async with working(line):
            for _ in range(2):
                result = await line.send(call(), "h1:1:1.1")
                assert result.outcome is Outcome.DELIVERED
    assert callee.messages().count("a=rtpmap:8 PCMA/8000") >= 4


async def test_who_calls_back_hears_busy_and_the_line_stays_free(world: World, tmp_path: Path) -> None:
    listen = free_port()
    line = world.line(listen=f"127.0.0.1:{listen}")
    caller = Callee(tmp_path / "caller", free_port(), calls_back(), to=listen)
    with running(callee := world.callee(presses_by_info("1")), caller):
        callee.start()
        async with working(line):
            await eventually(lambda: world.troubles == [("voice-line:calls", True, "")])
            caller.start()
            await eventually(lambda: "SIP/2.0 486" in caller.messages())
            result = await line.send(call(), "h1:1:1.1")
    assert result.outcome is Outcome.ANSWERED


async def test_who_calls_back_in_the_midst_of_a_call_does_not_end_it(world: World, tmp_path: Path) -> None:
    listen = free_port()
    line = world.line(listen=f"127.0.0.1:{listen}", talk_s=4.0)
    caller = Callee(tmp_path / "caller", free_port(), calls_back(), to=listen)
    with running(callee := world.callee(says_nothing()), caller):
        callee.start()
        async with working(line):
            sending = asyncio.create_task(line.send(call(), "h1:1:1.1"))
            await eventually(lambda: "200 OK" in callee.messages())
            caller.start()
            await eventually(lambda: "SIP/2.0 486" in caller.messages())
            assert not sending.done()
            result = await sending
    assert result.outcome is Outcome.DELIVERED
    assert "no key was pressed" in result.detail


async def test_a_trunk_that_does_not_take_us_is_a_trouble(world: World) -> None:
    line = world.line(register=True, password="secret")
    with running(trunk := world.callee(turns_registrations_away("403 Forbidden"))):
        trunk.start()
        async with working(line):
            await eventually(lambda: len(world.troubles) == 1)
    assert world.troubles == [
        ("voice-line:calls", False, "the trunk does not let us register: 403 Forbidden"),
    ]
    assert "secret" not in trunk.messages()


async def test_a_line_whose_program_is_missing_is_a_trouble_and_a_retry(world: World) -> None:
    line = world.line(program="no-such-program")
    with pytest.raises(OSError, match="no-such-program ended at once: is it installed"):
        await line.listen(lambda *_: asyncio.sleep(0, True))
    assert world.troubles[-1][:2] == ("voice-line:calls", False)


async def test_the_program_ends_with_its_line(world: World, tmp_path: Path) -> None:
    line = world.line()
    async with working(line):
        await eventually(lambda: world.troubles == [("voice-line:calls", True, "")])
        mine = children_named("baresip")
        assert len(mine) == 1
    await eventually(lambda: not Path(f"/proc/{mine[0]}").exists())


def children_named(name: str) -> list[int]:
    """The processes of this one whose program has this name."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().replace("(", "").replace(")", "").split()
            if fields[1] == name and fields[3] == str(os.getpid()):
                found.append(int(fields[0]))
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="listening on the wire needs root")
async def test_the_spoken_message_is_on_the_wire(world: World) -> None:
    line = world.line(talk_s=3.0)
    with running(callee := world.callee(says_nothing())), Tap(world.port + 2) as tap:
        callee.start()
        async with working(line):
            await line.send(call(), "h1:1:1.1")
    loud = [packet for packet in tap.sound() if len(set(packet)) > 20]
    assert len(tap.sound()) > 100
    assert len(loud) > 50


class Tap:
    """Every RTP payload of G.711 to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._heard: list[bytes] = []

    def __enter__(self) -> Tap:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self._socket.bind(("lo", 0))
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        # Ethernet 14, IP 20 and UDP 8 octets; the port stands in the third and fourth of UDP. Loopback shows all twice.
        frame = self._socket.recv(4096)
        if frame[23] == socket.IPPROTO_UDP and int.from_bytes(frame[36:38]) == self._port:
            self._heard.append(frame[42:])

    def sound(self) -> list[bytes]:
        return [packet[12:] for packet in self._heard if packet[1] & 0x7F == 8]
