"""A Sparkplug node and a gateway that comes later, or again: births are asked for, and alarms by alias are raised."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from devices.virtual.home import VirtualPacket
from devices.virtual.sparkplug import VirtualEdgeNode
from tests.servers import Client, GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration

SOURCE = """
[[sources]]
name = "plc"
broker = "main"
home = "home-a"
codec = "sparkplug"
"""
DEVICE = """
[[device]]
id = "smoke-1"
kind = "smoke"
source = "plc"
address = "care home/cabinet 1/room 1"
zone = "east"
name = { zh = "一号烟感" }
"""


class Node:
    """The virtual edge node on a real broker: it speaks when told, and is born again when asked."""

    def __init__(self, port: int) -> None:
        self.node = VirtualEdgeNode()
        self.answers = True
        self.asked = 0
        self._lock = threading.Lock()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_command
        granted = threading.Event()
        self._client.on_subscribe = lambda *_: granted.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe(self.node.commands, 1)
        assert granted.wait(10)

    def _on_command(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        self.asked += 1
        if self.answers:
            with self._lock:
                for packet in self.node.answer(datetime.now(UTC), message.payload):
                    self._client.publish(packet.topic, packet.payload, 0)

    def be_born(self) -> None:
        at = datetime.now(UTC)
        with self._lock:
            self._send(self.node.birth(at, {"Supply Voltage": 12.0}))
            self._send(self.node.device_birth(at, "room 1", {"Smoke Alarm": False, "Temperature": 20.0}))

    def say(self, **values: bool | float) -> None:
        named = {name.replace("_", " "): value for name, value in values.items()}
        with self._lock:
            self._send(self.node.data(datetime.now(UTC), "room 1", named))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _send(self, packet: VirtualPacket) -> None:
        self._client.publish(packet.topic, packet.payload, 0).wait_for_publish(10)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[GatewayProcess, Client, Node]]:
    broker = Mosquitto(tmp_path / "broker").start()
    gateway = GatewayProcess(tmp_path / "gw", broker.port, more=SOURCE)
    site = tmp_path / "gw" / "site.toml"
    site.write_text(site.read_text() + DEVICE)
    client = Client(broker.port, "anlian/v1/home-a/alarm", "anlian/v1/home-a/gateway")
    node = Node(broker.port)
    with running(broker, gateway):
        yield gateway, client, node
    client.close()
    node.close()


def raised(client: Client) -> list[str]:
    alarms = client.on("anlian/v1/home-a/alarm")
    return [m["rule"] for m in alarms if m["change"] == "raised" and m["subject"] == "smoke-1"]


def test_the_alarm_after_a_restart_is_raised_by_what_it_means(home: tuple[GatewayProcess, Client, Node]) -> None:
    """Births are not retained: a gateway that starts anew knows no alias until it asks."""
    gateway, client, node = home
    gateway.start()
    node.be_born()
    node.say(Temperature=21.0)
    gateway.kill()
    asked = node.asked
    gateway.start()
    wait_until(lambda: node.asked > asked, 10, "the node is asked when the session begins")
    node.say(Smoke_Alarm=True)
    found = wait_until(lambda: raised(client), 10)
    assert found == ["fire.smoke"], json.dumps(client.on("anlian/v1/home-a/alarm"), ensure_ascii=False)


def test_an_alarm_while_the_gateway_was_away_is_raised_by_the_birth(home: tuple[GatewayProcess, Client, Node]) -> None:
    gateway, client, node = home
    gateway.start()
    node.be_born()
    gateway.kill()
    node.say(Smoke_Alarm=True)
    gateway.start()
    wait_until(lambda: "fire.smoke" in raised(client), 10, "the birth on request tells the alarm")
    assert raised(client).count("fire.smoke") == 1


def test_a_node_that_answers_nothing_still_raises_and_is_not_pestered(
    home: tuple[GatewayProcess, Client, Node],
) -> None:
    gateway, client, node = home
    node.answers = False
    node.be_born()
    gateway.start()
    wait_until(lambda: node.asked)
    for _ in range(20):
        node.say(Smoke_Alarm=True)
    wait_until(lambda: raised(client), 10, "what nobody can read is raised as the danger that its device watches for")
    client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
    wait_until(lambda: any(m["subject"] == "smoke-204" for m in client.on("anlian/v1/home-a/alarm")))
    assert node.asked == 1
