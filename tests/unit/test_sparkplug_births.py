"""Sparkplug B: who is asked to be born again, when, in which words, and how rarely where nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from devices.codec import Command, Decoded, Packet
from devices.sparkplug import Sparkplug
from devices.sparkplug_payload import BOOLEAN, PAYLOAD, REBIRTH
from devices.virtual.home import VirtualPacket
from devices.virtual.sparkplug import VirtualEdgeNode
from gateway.inbox import Inbox
from gateway.metrics import Metrics
from gateway.publish import Publisher
from gateway.receive.commands import EVERY_MOST_S, EVERY_S, TOPICS_MAX, CommandSender
from gateway.receive.decode import Decoder, Route
from gateway.receive.inventory import Inventory
from rules.inputs import AnyInput, DecodeFailed
from rules.site import Device, Site
from rules.text import Text
from tests.deliver_world import ManualClock

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
TOPIC = "spBv1.0/care home/NCMD/cabinet 1"


class Reader:
    """The codec with its context over a stream."""

    def __init__(self, prefix: str = "") -> None:
        self.codec = Sparkplug(prefix)
        self.context: Any = None

    def take(self, sent: VirtualPacket) -> Decoded:
        decoded = self.codec.decode(Packet(sent.topic, sent.payload), self.context)
        self.context = decoded.context
        return decoded


def born_node(prefix: str = "") -> tuple[VirtualEdgeNode, list[VirtualPacket]]:
    node = VirtualEdgeNode(prefix=prefix)
    return node, [node.birth(AT, {"Supply Voltage": 12.0}), node.device_birth(AT, "room 1", {"Smoke Alarm": False})]


def test_a_node_that_is_known_is_asked_nothing() -> None:
    reader, (node, births) = Reader(), born_node()
    sent = [*births, node.data(AT, "room 1", {"Smoke Alarm": True}), node.data(AT, "", {"Supply Voltage": 11.9})]
    assert [reader.take(one).commands for one in sent] == [()] * 4


@pytest.mark.parametrize("prefix", ["", "h/home-a"])
@pytest.mark.parametrize(
    "lost", [pytest.param(2, id="both births"), pytest.param(1, id="the node's birth"), pytest.param(0, id="a message")]
)
def test_what_is_missing_is_asked_for_on_the_nodes_topic(lost: int, prefix: str) -> None:
    reader, (node, births) = Reader(prefix), born_node(prefix)
    sent = births[lost:]
    if lost == 0:
        node.data(AT, "room 1", {"Smoke Alarm": True})
    sent.append(node.data(AT + timedelta(seconds=1), "room 1", {"Smoke Alarm": True}))
    commands = [command for one in sent for command in reader.take(one).commands]
    assert commands and {command.topic for command in commands} == {f"{prefix}/{TOPIC}".lstrip("/")}
    assert commands[-1].reason
    asked: Any = PAYLOAD()
    asked.ParseFromString(commands[-1].payload)
    (metric,) = asked.metrics
    assert (metric.name, metric.datatype, metric.boolean_value) == (REBIRTH.encode(), BOOLEAN, True)
    assert asked.timestamp > 0 and not asked.HasField("seq"), "a command has a time and no sequence"


def test_the_virtual_node_answers_with_its_births_and_then_all_is_understood() -> None:
    reader, (node, _) = Reader(), born_node()
    (command,) = reader.take(node.data(AT, "room 1", {"Smoke Alarm": True})).commands
    answers = node.answer(AT, command.payload)
    assert [one.topic.split("/")[2] for one in answers] == ["NBIRTH", "DBIRTH"]
    taken = [reader.take(one) for one in answers]
    assert all(one.commands == () for one in taken)
    said = {reading.point: reading.value for reading in taken[1].reports[0].readings}
    assert said == {"online": True, "smoke.alarm": True}, "the birth tells the value as it is now"
    assert node.session == 1, "a birth on request begins no session: the last will stays valid"
    assert node.answer(AT, PAYLOAD().SerializeToString()) == ()


def test_the_nodes_of_registered_devices_are_asked_when_a_session_begins() -> None:
    addresses = ["g/n", "g/n/d", "g/m/e/f", "STATE/scada", "nonsense"]
    topics = [command.topic for command in Sparkplug("h/a").opening(addresses, AT)]
    assert topics == ["h/a/spBv1.0/g/NCMD/m", "h/a/spBv1.0/g/NCMD/n"]
    assert Sparkplug().opening(["g/#", "+/n"], AT) == (), "no topic for all nodes at once"


def test_an_unnamed_metric_in_a_birth_asks_for_no_other_birth() -> None:
    said: Any = PAYLOAD()
    said.seq = 0
    said.metrics.add().alias = 5
    assert Sparkplug().decode(Packet("spBv1.0/g/NBIRTH/n", said.SerializeToString()), None).commands == ()


# the shell


class FakePublisher:
    """A connection that may be up or down, and keeps what it was given."""

    def __init__(self) -> None:
        self.connected = True
        self.takes = True
        self.sent: list[str] = []
        self.on_change: Callable[[bool, str], None] | None = None

    def publish(self, topic: str, _payload: bytes) -> asyncio.Future[bool]:
        self.sent.append(topic)
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        written.set_result(self.takes)
        return written

    async def run(self) -> None:
        await asyncio.Event().wait()


def sender(publisher: FakePublisher, clock: ManualClock, *addresses: str) -> CommandSender:
    route = Route("plc", "home-a", "", Sparkplug())
    real: Publisher = publisher  # type: ignore[assignment]
    return CommandSender(real, [route], lambda _source: addresses, clock)


async def test_no_node_is_asked_twice_a_minute_and_a_dumb_one_ever_more_rarely() -> None:
    publisher, clock = FakePublisher(), ManualClock()
    one = sender(publisher, clock)
    looking = asyncio.create_task(one.run())
    asked_at: list[float] = []
    for _ in range(4 * int(EVERY_MOST_S)):
        before = len(publisher.sent)
        one.send((Command(TOPIC, b""),))
        asked_at += [clock.elapsed] * (len(publisher.sent) - before)
        clock.elapsed += 1.0
    looking.cancel()
    pauses = [after - before for before, after in pairwise(asked_at)]
    assert pauses[:3] == [EVERY_S, 2 * EVERY_S, 4 * EVERY_S]
    assert max(pauses) == EVERY_MOST_S


async def test_what_may_not_be_sent_yet_is_sent_when_it_may() -> None:
    publisher, clock = FakePublisher(), ManualClock()
    one = sender(publisher, clock)
    looking = asyncio.create_task(one.run())
    one.send((Command(TOPIC, b""), Command("other", b"")))
    one.send((Command(TOPIC, b""),))
    assert publisher.sent == [TOPIC, "other"]
    for _ in range(int(EVERY_S) + 1):
        await clock.advance(1.0)
    assert publisher.sent == [TOPIC, "other", TOPIC]
    looking.cancel()


async def test_without_a_connection_it_waits_and_a_lost_one_is_repeated() -> None:
    publisher, clock = FakePublisher(), ManualClock()
    one = sender(publisher, clock, "care home/cabinet 1/room 1")
    publisher.connected = False
    one.open()
    assert publisher.sent == []
    publisher.connected, publisher.takes = True, False
    assert publisher.on_change is not None
    publisher.on_change(True, "")
    await asyncio.sleep(0)
    publisher.takes = True
    publisher.on_change(True, "")
    await asyncio.sleep(0)
    publisher.on_change(True, "")
    assert publisher.sent == [TOPIC, TOPIC], "asked again after the loss, and not a third time"


async def test_topics_are_bounded() -> None:
    publisher, clock = FakePublisher(), ManualClock()
    one = sender(publisher, clock)
    one.send(Command(f"t/{number}", b"") for number in range(TOPICS_MAX + 5))
    assert len(publisher.sent) == TOPICS_MAX


def test_an_alarm_by_alias_of_an_unborn_detector_counts_as_unreadable() -> None:
    device = Device(
        id="smoke-1",
        kind="smoke",
        source="plc",
        address="care home/cabinet 1/room 1",
        zone="east",
        name=Text(zh="烟感"),
        category="fire",
    )
    inbox, asked = Inbox(), []
    decoder = Decoder(
        Inventory([Site(id="home-a", name=Text(zh="甲"), devices=(device,))]),
        inbox,
        ManualClock(),
        Metrics(),
        65536,
        lambda *_: None,
    )
    decoder.send = lambda _route, commands: asked.extend(commands)
    node, _ = born_node()
    sent = node.data(AT, "room 1", {"Smoke Alarm": True})
    decoder.take(Route("plc", "home-a", "", Sparkplug()), sent.topic, sent.payload, 0, False, None)
    inputs: list[AnyInput] = [delivery.make(AT) for delivery in inbox.take(10)]
    assert [one.category for one in inputs if isinstance(one, DecodeFailed)] == ["fire"]
    assert [command.topic for command in asked] == [TOPIC]
