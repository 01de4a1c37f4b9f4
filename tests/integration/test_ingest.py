"""The MQTT session on real brokers: absent, lost, unkind, older, encrypted, several at once."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import struct
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.zigbee2mqtt import Zigbee2Mqtt
from gateway.clock import SystemClock
from gateway.inbox import Inbox
from gateway.metrics import Metrics
from gateway.mqtt import MqttSession
from gateway.mqtt_probe import probe_qos0
from gateway.receive.decode import Decoder, Route
from gateway.receive.inventory import Inventory
from gateway.receive.mqtt import MqttSource, matches
from gateway.section import Tls
from gateway.settings import Broker, Source
from gateway.ways import route_of
from rules.inputs import DecodeFailed, LinkChanged, ReadingsArrived
from rules.site import Device, Site
from rules.text import Text
from tests.servers import Client, GatewayProcess, Mosquitto, eventually, free_port, listens, running, wait_until

pytestmark = pytest.mark.integration


class Ear:
    """A session and everything it hands on."""

    def __init__(self, broker: Broker, *filters: str, settle: bool = True, password: str | None = None) -> None:
        self.heard: list[tuple[str, bytes, int, bool]] = []
        self.links: list[tuple[bool, str, bool]] = []
        self.settles: list[Callable[[], None]] = []
        self._settle = settle
        self.session = MqttSession(
            broker, "anlian-test", filters, self._on_message, self._on_link, lambda: 0.0, password
        )
        self._task: asyncio.Task[None] | None = None

    def _on_message(self, topic: str, payload: bytes, qos: int, retained: bool, settle: Any) -> None:
        self.heard.append((topic, bytes(payload), qos, retained))
        if settle is not None:
            if self._settle:
                settle()
            else:
                self.settles.append(settle)

    def _on_link(self, up: bool, words: str, session_present: bool) -> None:
        self.links.append((up, words, session_present))

    async def __aenter__(self) -> Ear:
        self._task = asyncio.create_task(self.session.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "broker")
    with running(broker):
        yield broker


def settings(port: int, **more: Any) -> Broker:
    return Broker(name="main", port=port, **more)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_what_is_not_settled_comes_again(broker: Mosquitto, protocol: str) -> None:
    broker.start()
    mine = settings(broker.port, protocol=protocol)
    async with Ear(mine, "t/#", settle=False) as first:
        await eventually(lambda: first.links and first.links[-1][0])
        client = Client(broker.port)
        for number in range(3):
            client.publish(f"t/{number}", b"x")
        await eventually(lambda: len(first.heard) == 3)
        first.settles[1]()
        await asyncio.sleep(0.2)
    async with Ear(mine, "t/#") as second:
        await eventually(lambda: len(second.heard) == 2)
        assert [topic for topic, *_ in second.heard] == ["t/0", "t/2"]
        assert second.links[0][2], "the session was kept"
    client.close()


async def test_an_acknowledgement_of_an_old_connection_is_not_sent_on_a_new_one(broker: Mosquitto) -> None:
    """After a lost session packet identifiers begin anew: a stale one would acknowledge another message."""
    broker.start()
    async with Ear(settings(broker.port), "t/#", settle=False) as ear:
        await eventually(lambda: ear.links and ear.links[-1][0])
        client = Client(broker.port)
        client.publish("t/old", b"x")
        await eventually(lambda: len(ear.heard) == 1)
        stale = ear.settles.pop()
        client.close()
        broker.stop(signal.SIGKILL)
        for file in Path(broker._folder).glob("*.db"):
            file.unlink()
        broker.start()
        await eventually(lambda: len(ear.links) > 2 and ear.links[-1][0], 20)
        client = Client(broker.port)
        while len(ear.heard) < 2:
            client.publish("t/new", b"y")
            await asyncio.sleep(0.1)
        stale()
        await asyncio.sleep(0.3)
        client.close()
    async with Ear(settings(broker.port), "t/#") as again:
        await eventually(lambda: [h for h in again.heard if h[0] == "t/new"])
        assert "t/old" not in [heard[0] for heard in again.heard], "the broker forgot that one with the session"


async def test_the_broker_may_be_absent_at_boot_and_restart(broker: Mosquitto) -> None:
    async with Ear(settings(broker.port), "t/#") as ear:
        await eventually(lambda: ear.links and not ear.links[-1][0])
        assert "cannot be reached" in ear.links[-1][1]
        broker.start()
        await eventually(lambda: ear.links[-1][0], 20)
        broker.stop()
        await eventually(lambda: not ear.links[-1][0], 20)
        broker.start()
        await eventually(lambda: ear.links[-1][0], 20)
        client = Client(broker.port)
        client.publish("t/1", b"x")
        await eventually(lambda: ear.heard)
        client.close()


async def test_retained_messages_come_once_a_start_and_are_marked(broker: Mosquitto) -> None:
    broker.start()
    client = Client(broker.port)
    client.publish("t/kept", b"x", retain=True)
    async with Ear(settings(broker.port), "t/#") as ear:
        await eventually(lambda: ear.heard)
        assert ear.heard[0][3] is True
        client.publish("t/kept", b"y", retain=True)
        await eventually(lambda: len(ear.heard) == 2)
        assert ear.heard[1][3] is False, "a live message is not a found one"
    client.close()


@pytest.mark.parametrize(
    ("queue", "upgrade", "words"),
    [("true", "true", ""), ("false", "false", "queue_qos0_messages"), ("true", "false", "upgrade_outgoing_qos")],
    ids=["good", "mosquittos-defaults", "does-not-upgrade"],
)
async def test_the_probe_finds_a_broker_that_loses_qos0(
    broker: Mosquitto, queue: str, upgrade: str, words: str
) -> None:
    conf = broker._conf.read_text()
    conf = conf.replace("queue_qos0_messages true", f"queue_qos0_messages {queue}")
    broker._conf.write_text(conf.replace("upgrade_outgoing_qos true", f"upgrade_outgoing_qos {upgrade}"))
    broker.start()
    found = await probe_qos0(settings(broker.port), "anlian-test", "anlian/v1/home-a/probe")
    assert (words in found) if words else found == ""


def test_an_unkind_broker_and_a_lost_session_are_standing_troubles(tmp_path: Path) -> None:
    """Mosquitto's defaults lose QoS 0 reports; a broker that forgets us loses everything: both stand on the topic."""
    broker = Mosquitto(tmp_path / "broker", queue_qos0=False).start()
    gateway = GatewayProcess(tmp_path / "gw", broker.port)
    with running(broker, gateway):
        gateway.start()
        client = Client(broker.port, "anlian/v1/home-a/alarm/+")

        def troubles() -> dict[str, str]:
            return {m["subject"]: m["detail"] for topic, *_ in client.heard for m in client.on(topic)}

        wait_until(lambda: "queue_qos0_messages" in troubles().get("link:qos0:main", ""), what="the standing trouble")
        client.close()
        broker.stop(signal.SIGKILL)
        for file in (tmp_path / "broker").glob("*.db"):
            file.unlink()
        broker.start()
        client = Client(broker.port, "anlian/v1/home-a/alarm/+")
        wait_until(lambda: "link:session:main" in troubles(), 40, "the lost session is a trouble")
        assert "lost" in troubles()["link:session:main"]
        client.close()


async def test_a_broker_of_3_1_1_only_is_spoken_to_in_3_1_1() -> None:
    """A real old broker is not to be had here: this one refuses MQTT 5 as they do, and takes 3.1.1."""
    versions: list[int] = []

    async def old_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            packet = await reader.read(1024)
            version = packet[8]
            versions.append(version)
            if version == 5:
                writer.write(b"\x20\x02\x00\x01")
            else:
                writer.write(b"\x20\x02\x00\x00")
                await reader.read(1024)
                writer.write(b"\x90\x03\x00\x01\x01")
                writer.write(b"\x32\x08\x00\x03t/1" + struct.pack("!H", 7) + b"x")
                await reader.read(1024)
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(old_broker, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Ear(settings(port), "t/#") as ear:
        await eventually(lambda: ear.heard, 15)
        assert versions[:2] == [5, 4]
        assert ear.session.protocol == "3.1.1"


def certificates(folder: Path) -> None:
    """An authority, and a certificate for localhost."""
    folder.mkdir()
    run = lambda *words: subprocess.run(  # noqa: E731
        ["openssl", *words], cwd=folder, check=True, capture_output=True
    )
    common = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    run("req", "-x509", *common, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test authority")
    run("req", *common, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    run(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "2", "-extfile", "ext", "-out", "server.crt"),
    )


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A mosquitto with TLS and a password; its port and the folder of the certificates."""
    folder = tmp_path / "tls"
    certificates(folder)
    port = free_port()
    password = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(password), "home-a", "secret"], check=True, capture_output=True)
    if os.geteuid() == 0:
        password.chmod(0o644)
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {password}\n"
        f"cafile {folder}/ca.crt\ncertfile {folder}/server.crt\nkeyfile {folder}/server.key\n"
        + ("user root\n" if os.geteuid() == 0 else "")
    )
    binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    process = subprocess.Popen([binary, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port))
        yield port, folder
    finally:
        process.terminate()
        process.wait(10)


async def test_tls_with_a_password(encrypted: tuple[int, Path]) -> None:
    port, folder = encrypted
    good = settings(port, username="home-a", tls=Tls(ca=folder / "ca.crt"))
    async with Ear(good, "t/#", password="secret") as ear:
        await eventually(lambda: ear.links and ear.links[-1][0])
        assert [up for up, *_ in ear.links] == [True], "at the first try"


@pytest.mark.parametrize(
    ("name", "password", "tls", "words"),
    [
        ("home-a", "wrong", True, "check user, password and ACL"),
        ("home-a", "secret", False, ""),
    ],
    ids=["wrong-password", "without-tls"],
)
async def test_a_refusal_says_what_to_mend(
    encrypted: tuple[int, Path], name: str, password: str, tls: bool, words: str
) -> None:
    port, folder = encrypted
    wrong = settings(port, username=name, tls=Tls(ca=folder / "ca.crt") if tls else None)
    async with Ear(wrong, "t/#", password=password) as ear:
        await eventually(lambda: ear.links, 15)
        assert not ear.links[0][0]
        assert words in ear.links[0][1]


async def test_an_authority_that_did_not_sign_the_broker_is_refused(encrypted: tuple[int, Path]) -> None:
    port, _ = encrypted
    async with Ear(settings(port, tls=Tls()), "t/#") as ear:
        await eventually(lambda: ear.links)
        assert "TLS" in ear.links[0][1] and "check the ca file" in ear.links[0][1]


@pytest.fixture
async def two_brokers(tmp_path: Path) -> AsyncIterator[tuple[Mosquitto, Mosquitto]]:
    first, second = Mosquitto(tmp_path / "one").start(), Mosquitto(tmp_path / "two").start()
    with running(first, second):
        yield first, second


async def test_two_brokers_two_homes_and_a_topic_of_neither(
    tmp_path: Path, two_brokers: tuple[Mosquitto, Mosquitto]
) -> None:
    inbox, metrics = Inbox(), Metrics()
    decoder = Decoder(Inventory([]), inbox, SystemClock(), metrics, 4096, lambda *_: None)
    states: list[tuple[str, bool]] = []
    sources = []
    for number, broker in enumerate(two_brokers):
        prefix = f"h/home-{number}/zigbee2mqtt"
        route = Route(f"z{number}", f"home-{number}", prefix, Zigbee2Mqtt(prefix=prefix))
        mine = Broker(name=f"b{number}", port=broker.port, probe_qos0=False)
        note = lambda link, up, _words: states.append((link, up))  # noqa: E731
        sources.append(MqttSource(mine, [route], decoder, inbox, metrics, lambda: 0.0, tmp_path / "state", note))
    tasks = [asyncio.create_task(source.run()) for source in sources]
    try:
        await eventually(lambda: ("broker:b0", True) in states and ("broker:b1", True) in states)
        homes: list[str] = []
        for number, broker in enumerate(two_brokers):
            client = Client(broker.port)
            client.publish(f"h/home-{number}/zigbee2mqtt/lamp", {"smoke": True})
            client.close()
        await eventually(lambda: metrics.readings == 2)
        homes = [d.home for d in inbox.take(100) if not isinstance(d.make(SystemClock().now()), LinkChanged)]
        assert sorted(homes) == ["home-0", "home-1"]
        sources[0]._on_message("h/home-1/zigbee2mqtt/lamp", b"{}", 1, False, None)
        assert metrics.refused == 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_full_inbox_stops_the_reading_and_nothing_is_dropped(tmp_path: Path, broker: Mosquitto) -> None:
    broker.start()
    inbox, metrics = Inbox(bytes_max=64 * 1024), Metrics()
    decoder = Decoder(Inventory([]), inbox, SystemClock(), metrics, 4096, lambda *_: None)
    route = Route("z", "home-a", "z", Zigbee2Mqtt(prefix="z"))
    mine = settings(broker.port, probe_qos0=False)
    source = MqttSource(mine, [route], decoder, inbox, metrics, lambda: 0.0, tmp_path / "state", lambda *_: None)
    task = asyncio.create_task(source.run())
    try:
        await eventually(lambda: inbox.depth >= 1)
        client = Client(broker.port)
        payload = {"temperature": 20, "x": "a" * 1000}
        sender = asyncio.get_running_loop().run_in_executor(
            None, lambda: [client.publish(f"z/d{n}", payload, qos=1) for n in range(2000)]
        )
        await eventually(lambda: inbox.full)
        await asyncio.sleep(0.5)
        held = metrics.packets
        assert held < 2000, "reading stopped"
        taken = 0
        while taken < 2000:
            for delivery in inbox.take(50):
                if delivery.settle is not None:
                    delivery.settle()
                    taken += 1
            await asyncio.sleep(0.001)
        await sender
        client.close()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)



async def test_ecosystems_with_roots_of_their_own_share_a_broker(tmp_path: Path, broker: Mosquitto) -> None:
    broker.start()
    inbox, metrics = Inbox(), Metrics()
    sources = [Source(name=name, broker="main", home="home-a", codec=name) for name in ("tasmota", "shelly", "ring")]
    site = Site(
        id="home-a",
        name=Text("甲"),
        devices=tuple(
            Device(id=i, kind="smoke", source=s, address=a, zone="east", name=Text(i), category="fire")
            for i, s, a in (("plug", "tasmota", "plug1"), ("gas", "shelly", "shellysmoke-1"), ("r", "ring", "d1"))
        ),
    )
    kept: list[str] = []
    decoder = Decoder(Inventory([site]), inbox, SystemClock(), metrics, 4096, lambda *words: kept.append(words[2]))
    routes = [route_of(source) for source in sources]
    mine = settings(broker.port, probe_qos0=False)
    source = MqttSource(mine, routes, decoder, inbox, metrics, lambda: 0.0, tmp_path / "state", lambda *_: None)
    task = asyncio.create_task(source.run())
    try:
        await eventually(lambda: inbox.depth >= 1)
        client = Client(broker.port)
        client.publish("tele/plug1/SENSOR", {"ENERGY": {"Power": 7}})
        client.publish("shellies/shellysmoke-1/sensor/smoke", "true")
        client.publish("ring/home/alarm/d1/smoke/state", "ON")
        client.publish("tele/plug1/SENSOR", "{broken")
        await eventually(lambda: metrics.packets == 4)
        client.close()
        made = [delivery.make(SystemClock().now()) for delivery in inbox.take(100)]
        heard = {one.reports[0].device for one in made if isinstance(one, ReadingsArrived)}
        assert heard == {"plug", "gas", "r"}
        [failed] = [one for one in made if isinstance(one, DecodeFailed)]
        assert (failed.device, failed.category) == ("plug", "fire"), "the topic does not begin with the device"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("wanted", "topic", "fits"),
    [
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("+/b", "a/b", True),
        ("#", "$SYS/x", False),
        ("$oc/#", "$oc/x", True),
        ("a/b", "a/c", False),
        ("a/b/c", "a/b", False),
    ],
)
def test_topic_filters_fit_as_mqtt_says(wanted: str, topic: str, fits: bool) -> None:
    assert matches(wanted, topic) is fits
