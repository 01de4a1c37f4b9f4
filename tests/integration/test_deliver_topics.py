"""Alarm topics on a real broker: retained while open, asserted again, a last will, in order, at once."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.clock import SystemClock
from gateway.deliver.courier import Courier
from gateway.deliver.sounder import AlarmTopics, offline_will
from gateway.publish import Publisher
from rules.alarm import Alarm
from rules.effects import AlarmChanged, Change, DriveSounder, Pattern
from tests.deliver_world import START, Desk, ManualClock, MemoryRecord, alarm, changed, until

pytestmark = pytest.mark.integration

HOME = "h1"
ROOT = f"anlian/v1/{HOME}"


class Mosquitto:
    """A broker of our own on a free port, that can be killed with or without its retained store."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.config = folder / "mosquitto.conf"
        # As root mosquitto becomes another user, who cannot read our folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n{user}{extra}"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen(
            [binary, "-c", str(self.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    async def start(self) -> None:
        self.launch()

        def listening() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        await until(listening)

    def kill(self) -> None:
        """End it without a word; nothing was persisted, so what it retained is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    mosquitto = Mosquitto(tmp_path)
    await mosquitto.start()
    yield mosquitto
    mosquitto.kill()


class Listener:
    """A sounder's view: everything that is published, and what is retained now."""

    def __init__(self, port: int, topics: str = f"{ROOT}/#") -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.subscribed = False
        self._topics = topics
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda *_: self._client.subscribe(topics, 1)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = lambda _c, _d, m: self.heard.append((m.topic, bytes(m.payload), m.retain))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_subscribe(self, *_: object) -> None:
        self.subscribed = True

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, 1, retain=True).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def on(self, topic: str) -> list[dict[str, Any] | None]:
        """What was heard on a topic, None for an empty payload."""
        return [json.loads(p) if p else None for t, p, _ in list(self.heard) if t == f"{ROOT}/{topic}"]


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[Listener]:
    listener = Listener(port)
    try:
        await until(lambda: listener.subscribed)
        yield listener
    finally:
        listener.close()


async def retained(port: int) -> dict[str, dict[str, Any]]:
    """What a new subscriber finds, without our own status."""
    async with listening(port) as listener:
        mark = f"{ROOT}/mark"
        listener.publish(mark, b"1")
        await until(lambda: any(t == mark for t, _, _ in listener.heard))
        listener.publish(mark, b"")
        return {
            t.removeprefix(f"{ROOT}/"): json.loads(p)
            for t, p, kept in listener.heard
            if kept and t not in (mark, f"{ROOT}/gateway")
        }


class Box:
    """The part of a gateway around the alarm topics of one home."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.clock = SystemClock()
        self.record = MemoryRecord()
        self.desk = Desk(self.record, ManualClock())
        self.open: dict[str, Alarm] = {}
        self.driven: dict[str, DriveSounder] = {}
        self.publisher = Publisher(
            "127.0.0.1",
            port,
            client_id="box-h1",
            clock=self.clock,
            jitter=random.random,
            tls=tls,
            will=offline_will(HOME),
        )
        self.topics = AlarmTopics(
            HOME,
            self.publisher,
            lambda: list(self.open.values()),
            lambda: self.record.head(HOME),
            self.clock,
            self.desk.submit,
            random.random,
            version="0.1.0",
            status_every_s=0.2,
            sounders=lambda: list(self.driven.values()),
        )
        self.courier = Courier(self.topics, self.record, (HOME,), self.clock, self.desk.submit, random.random)

    def drive(self, zone: str, pattern: Pattern) -> DriveSounder:
        return DriveSounder(at=self.clock.now(), zone=zone, pattern=pattern, incident="h1:1:1.i")

    def decide(self, effect: AlarmChanged | DriveSounder) -> None:
        if isinstance(effect, AlarmChanged):
            self.open[effect.alarm.id] = effect.alarm
            if not effect.alarm.open:
                del self.open[effect.alarm.id]
        elif effect.pattern is not Pattern.OFF:
            self.driven[effect.zone] = effect
        else:
            self.driven.pop(effect.zone, None)
        self.record.append(HOME, [effect])

    @property
    def caught_up(self) -> bool:
        return self.record.cursor("alarm-topics", HOME) == self.record.head(HOME)


@asynccontextmanager
async def running(box: Box) -> AsyncIterator[Box]:
    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(box.topics.run())
            group.create_task(box.courier.run())

    task = asyncio.create_task(run())
    try:
        yield box
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def closed(number: int) -> AlarmChanged:
    return AlarmChanged(at=START, alarm=alarm(number, active=False, closed_at=START), change=Change.CLOSED)


async def test_alarm_is_announced_and_retained_until_it_is_closed(broker: Mosquitto) -> None:
    async with listening(broker.port) as listener, running(Box(broker.port)) as box:
        box.decide(changed(1))
        await until(lambda: box.caught_up and bool(listener.on("alarm/h1:1:1")))
        (announced,) = listener.on("alarm")
        assert announced is not None
        assert (announced["id"], announced["change"], announced["state"]) == ("h1:1:1", "raised", "unacknowledged")
        assert (announced["category"], announced["open"], announced["key"]) == ("fire", True, "h1:1:1:0")
        assert (await retained(broker.port)).keys() == {"alarm/h1:1:1"}
        box.decide(closed(1))
        await until(lambda: box.caught_up and listener.on("alarm/h1:1:1")[-1] is None)
        assert await retained(broker.port) == {}
        assert [a["change"] for a in listener.on("alarm") if a] == ["raised", "closed"]
        assert not any(kept for topic, _, kept in listener.heard if topic == f"{ROOT}/alarm")


async def test_sounder_pattern_is_retained_by_zone(broker: Mosquitto) -> None:
    async with running(Box(broker.port)) as box:
        box.decide(box.drive("east-1", Pattern.EVACUATE))
        box.decide(box.drive("", Pattern.ATTENTION))
        await until(lambda: box.caught_up)
        found = await retained(broker.port)
        assert found["sounder/east-1"]["pattern"] == "evacuate"
        assert found["sounder/east-1"]["incident"] == "h1:1:1.i"
        assert found["sounder/all"]["pattern"] == "attention"


async def test_everything_open_is_asserted_again_on_a_broker_that_lost_its_store(broker: Mosquitto) -> None:
    async with running(Box(broker.port)) as box:
        box.decide(changed(1))
        box.decide(changed(2))
        box.decide(box.drive("east-1", Pattern.EVACUATE))
        await until(lambda: box.caught_up)
        broker.kill()
        await until(lambda: not box.publisher.connected)
        box.decide(closed(2))
        box.decide(changed(3))
        await broker.start()
        await until(lambda: box.caught_up)
        found = await retained(broker.port)
        assert found.keys() == {"alarm/h1:1:1", "alarm/h1:1:3", "sounder/east-1"}
        assert found["alarm/h1:1:1"]["change"] == "asserted"
        ups = [up for _, link, up, _ in box.desk.links if link == "broker:alarm-topics"]
        assert ups == [False, True]


async def test_new_process_asserts_what_the_engine_holds_and_clears_what_is_over(broker: Mosquitto) -> None:
    async with running(Box(broker.port)) as first:
        first.decide(changed(1))
        first.decide(changed(2))
        await until(lambda: first.caught_up)
    second = Box(broker.port)
    second.open = {"h1:1:2": alarm(2), "h1:1:9": alarm(9)}
    second.driven = {"east-1": DriveSounder(at=START, zone="east-1", pattern=Pattern.ATTENTION, incident="h1:1:9.i")}
    async with listening(broker.port) as listener, running(second):
        await until(lambda: None in listener.on("alarm/h1:1:1"))
        found = await retained(broker.port)
    assert found.keys() == {"alarm/h1:1:2", "alarm/h1:1:9", "sounder/east-1"}


async def test_sounder_that_was_left_on_is_put_off(broker: Mosquitto) -> None:
    async with running(Box(broker.port)) as first:
        first.decide(first.drive("east-1", Pattern.EVACUATE))
        first.decide(first.drive("west-2", Pattern.EVACUATE))
        await until(lambda: first.caught_up)
    second = Box(broker.port)
    second.driven = {"west-2": second.drive("west-2", Pattern.ATTENTION)}
    async with listening(broker.port) as listener, running(second):
        await until(lambda: [p["pattern"] for p in listener.on("sounder/east-1") if p][-1] == "off")
        await until(lambda: [p["pattern"] for p in listener.on("sounder/west-2") if p][-1] == "attention")
        assert not [p for p in listener.on("sounder/west-2") if p and p["pattern"] == "off"]


async def test_pattern_that_waited_too_long_is_not_replayed(broker: Mosquitto) -> None:
    box = Box(broker.port)
    long_ago = box.clock.now() - timedelta(hours=1)
    for pattern in (Pattern.EVACUATE, Pattern.OFF):
        box.decide(DriveSounder(at=long_ago, zone="east-1", pattern=pattern, incident="h1:1:1.i"))
    box.decide(DriveSounder(at=long_ago, zone="west-2", pattern=Pattern.EVACUATE, incident="h1:1:2.i"))
    async with listening(broker.port) as listener, running(box):
        await until(lambda: box.caught_up)
        await until(lambda: len(listener.on("sounder/west-2")) >= 2)
        assert {p["pattern"] for p in listener.on("sounder/east-1") if p} == {"off"}
        assert {p["pattern"] for p in listener.on("sounder/west-2") if p} == {"evacuate"}


async def test_nothing_is_cleared_unless_the_broker_proves_to_have_shown_all(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("gateway.deliver.sounder._LEARN_MAX_S", 0.3)
    rules = tmp_path / "acl"
    rules.write_text(f"topic write {ROOT}/#\ntopic read {ROOT}/alarm/+\ntopic read {ROOT}/sounder/+\n")
    mosquitto = Mosquitto(tmp_path, f"acl_file {rules}\n")
    await mosquitto.start()
    try:
        box = Box(mosquitto.port)
        async with running(box):
            await box.publisher.wait_connected()
            await box.publisher.publish(f"{ROOT}/alarm/h1:1:77", b"{}", retain=True)
        box = Box(mosquitto.port)
        async with running(box):
            await until(lambda: bool(box.desk.links))
            assert "published, but not heard" in box.desk.links[0][3]
            assert box.desk.links[0][1:3] == ("broker:alarm-topics", False)
            found: list[str] = []
            box.publisher.subscribe([f"{ROOT}/alarm/+"], lambda topic, _payload: found.append(topic))
            await until(lambda: found == [f"{ROOT}/alarm/h1:1:77"])
    finally:
        mosquitto.kill()


async def test_order_survives_a_broker_that_dies_under_load(broker: Mosquitto, monkeypatch: Any) -> None:
    monkeypatch.setattr("gateway.publish._BACKOFF_FIRST_S", 2.0)  # so that the listener is there first
    async with running(Box(broker.port)) as box:
        await box.publisher.wait_connected()
        for number in range(1, 61):
            box.decide(changed(1, value=str(number)))
        await until(lambda: len(box.record.cursors) > 0)
        broker.kill()
        await until(lambda: not box.publisher.connected)
        for number in range(61, 151):
            box.decide(changed(1, value=str(number)))
        await broker.start()
        async with listening(broker.port) as listener:
            await until(lambda: box.caught_up)
            await until(lambda: bool(listener.on("alarm")) and listener.on("alarm")[-1]["value"] == "150")
        values = [int(a["value"]) for a in listener.on("alarm") if a]
        assert values == list(range(values[0], 151)), "in order, from the first without a PUBACK"
        assert values[0] <= 61
        assert (await retained(broker.port))["alarm/h1:1:1"]["value"] == "150"


async def test_status_is_retained_and_goes_on(broker: Mosquitto) -> None:
    async with listening(broker.port) as listener, running(Box(broker.port)) as box:
        box.decide(changed(1))
        await until(lambda: len(listener.on("gateway")) >= 4)
        status = listener.on("gateway")[-1]
        assert status is not None
        assert (status["state"], status["version"]) == ("online", "0.1.0")
        assert status["seq"] >= 1
        assert status["at"].startswith("20")


async def test_ending_says_offline(broker: Mosquitto) -> None:
    async with listening(broker.port) as listener:
        async with running(Box(broker.port)):
            await until(lambda: bool(listener.on("gateway")))
        await until(lambda: listener.on("gateway")[-1] == {"state": "offline"})
        assert [said["state"] for said in listener.on("gateway")].count("offline") == 1


CHILD = """
import asyncio, random, sys, uvloop
from gateway.clock import SystemClock
from gateway.deliver.sounder import AlarmTopics, offline_will
from gateway.publish import Publisher

async def nobody(home, make):
    await asyncio.Event().wait()

async def main():
    clock = SystemClock()
    publisher = Publisher("127.0.0.1", int(sys.argv[1]), client_id="box-h1", clock=clock, jitter=random.random,
                          will=offline_will("h1"))
    await AlarmTopics("h1", publisher, list, lambda: 7, clock, nobody, random.random, version="0.1.0").run()

uvloop.run(main())
"""


def child_process(port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(port)], cwd=Path(__file__).parents[2])


async def test_last_will_speaks_after_kill_9(broker: Mosquitto) -> None:
    async with listening(broker.port) as listener:
        child = child_process(broker.port)
        try:
            await until(lambda: bool(listener.on("gateway")))
            assert listener.on("gateway")[-1]["seq"] == 7
            child.send_signal(signal.SIGKILL)
            await until(lambda: listener.on("gateway")[-1] == {"state": "offline"}, 5.0)
        finally:
            child.kill()
            child.wait()
        assert listener.heard[-1][0] == f"{ROOT}/gateway"


async def test_silent_broker_is_left_after_the_limit(broker: Mosquitto, monkeypatch: Any) -> None:
    monkeypatch.setattr("gateway.publish._ACK_MAX_S", 0.5)
    async with running(Box(broker.port)) as box:
        await until(lambda: box.publisher.connected)
        broker.signal(signal.SIGSTOP)
        box.decide(changed(1))
        await until(lambda: any("no PUBACK" in detail for *_, detail in box.desk.links))
        assert not box.caught_up
        broker.signal(signal.SIGCONT)
        await until(lambda: box.caught_up)


def authority(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    name = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-keyout", str(key), "-out", str(certificate))
    subprocess.run(["openssl", "req", "-x509", *curve, *name, *files], check=True, capture_output=True)
    return certificate, key


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
@pytest.mark.parametrize("trusted", [True, False])
async def test_tls(tmp_path: Path, trusted: bool) -> None:
    certificate, key = authority(tmp_path)
    mosquitto = Mosquitto(tmp_path, f"certfile {certificate}\nkeyfile {key}\n")
    await mosquitto.start()
    box = Box(mosquitto.port, ssl.create_default_context(cafile=str(certificate) if trusted else None))
    try:
        async with running(box):
            if trusted:
                await box.publisher.wait_connected()
                acknowledged = [box.publisher.publish("x", b"y" * 20_000) for _ in range(100)]
                assert all(await asyncio.gather(*acknowledged))
            else:
                await until(lambda: bool(box.desk.links))
                assert "certificate" in box.desk.links[0][3]
    finally:
        mosquitto.kill()


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(8)
        yield deaf.getsockname()[1]


async def test_port_without_an_mqtt_broker_is_named(deaf_port: int, monkeypatch: Any) -> None:
    monkeypatch.setattr("gateway.publish._CONNECT_MAX_S", 0.3)
    async with running(Box(deaf_port)) as box:
        await until(lambda: bool(box.desk.links))
        assert box.desk.links[0][3] == f"no CONNACK from 127.0.0.1:{deaf_port} within 0.3 s"


async def test_refused_password_is_said_in_words(tmp_path: Path) -> None:
    mosquitto = Mosquitto(tmp_path)
    mosquitto.config.write_text(mosquitto.config.read_text().replace("allow_anonymous true", "allow_anonymous false"))
    await mosquitto.start()
    try:
        async with running(Box(mosquitto.port)) as box:
            await until(lambda: bool(box.desk.links))
            assert "refused: Not authorized" in box.desk.links[0][3]
    finally:
        mosquitto.kill()


async def test_nothing_waits_for_the_puback_of_another(broker: Mosquitto) -> None:
    async with running(Box(broker.port)) as box:
        await until(lambda: box.publisher.connected)
        await box.publisher.publish("x", b"")
        acknowledged = [box.publisher.publish("x", str(number).encode()) for number in range(200)]
        assert not any(future.done() for future in acknowledged)
        assert all(await asyncio.gather(*acknowledged))


async def test_publishing_without_a_connection_says_so() -> None:
    box = Box(1)
    assert await box.publisher.publish("x", b"") is False
    assert not box.publisher.connected
