"""Real servers for tests: mosquitto and the gateway itself, each on free ports and in a temporary folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

GOOD_BROKER = """
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 0
max_inflight_messages 1000
queue_qos0_messages {queue}
upgrade_outgoing_qos {upgrade}
set_tcp_nodelay true
allow_anonymous true
listener {port} 127.0.0.1
"""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], seconds: float = 15.0, what: str = "") -> Any:
    """What `condition` gives as soon as it is true; fails the test after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    return pytest.fail(f"did not happen within {seconds:g} s: {what or condition}")


def listens(port: int) -> bool:
    """Whether somebody accepts connections on this port."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """A real broker. `queue_qos0`: with the settings that DESIGN section 6 asks for, or with mosquitto's defaults."""

    def __init__(self, folder: Path, *, queue_qos0: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._folder = folder
        self._conf = folder / "mosquitto.conf"
        word = "true" if queue_qos0 else "false"
        self._conf.write_text(GOOD_BROKER.format(folder=folder, port=self.port, queue=word, upgrade=word))
        self.process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(folder, user="root")
            self._conf.write_text(self._conf.read_text() + "user root\n")

    def start(self) -> Mosquitto:
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen(
            [binary, "-c", str(self._conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: listens(self.port), what="mosquitto listens")
        return self

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(10)
            self.process = None


class Client:
    """A plain MQTT client: publishes, and keeps what it hears."""

    def __init__(self, port: int, *topics: str) -> None:
        self.heard: list[tuple[str, bytes, bool, float]] = []
        self._lock = threading.Lock()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._granted = threading.Event()
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._granted.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if topics:
            self._client.subscribe([(topic, 1) for topic in topics])
            assert self._granted.wait(10)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        with self._lock:
            self.heard.append((message.topic, message.payload, message.retain, time.monotonic()))

    def publish(self, topic: str, payload: Any, qos: int = 1, retain: bool = False) -> None:
        body = payload if isinstance(payload, bytes | str) else json.dumps(payload)
        sent = self._client.publish(topic, body, qos=qos, retain=retain)
        sent.wait_for_publish(10)

    def on(self, topic: str) -> list[dict[str, Any]]:
        """The JSON messages heard on a topic."""
        with self._lock:
            return [json.loads(body) for name, body, _, _ in self.heard if name == topic and body]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


SITE = """
[home]
id = "home-a"
name = {{ zh = "九九养老院", en = "Home A" }}
county = "xinxian"
town = "jinlanshan"
address = "金兰山街道1号"

[[zone]]
id = "east"
name = {{ zh = "东区", en = "East wing" }}
floor = "2"

[[device]]
id = "smoke-204"
kind = "smoke"
source = "zigbee"
address = "smoke-204"
zone = "east"
room = "204"
name = {{ zh = "204烟感", en = "Smoke 204" }}

[[device]]
id = "smoke-205"
kind = "smoke"
source = "zigbee"
address = "smoke-205"
zone = "east"
room = "205"
name = {{ zh = "205烟感", en = "Smoke 205" }}

[[device]]
id = "meter-1"
kind = "electrical"
source = "native"
address = "meter-1"
zone = "east"
name = {{ zh = "电表", en = "Meter" }}

[[person]]
id = "carer"
name = "李护理"
role = "carer"
channels = [{channel_carer}]

[[person]]
id = "director"
name = "王院长"
role = "director"
channels = [{channel_director}]

[[plan]]
category = "fire"
repeat_every = "60s"
steps = [{{ tell = ["role:carer"] }}, {{ tell = ["role:director"], after = "{second_after}" }}]
"""

SETTINGS = """
data_dir = "data"
sites = ["site.toml"]
public_url = "https://anlian.example.org"
clock = "assume"
{top}

[[brokers]]
name = "main"
port = {mqtt}

[[sources]]
name = "zigbee"
broker = "main"
home = "home-a"
codec = "zigbee2mqtt"
prefix = "zigbee2mqtt"

[[sources]]
name = "native"
broker = "main"
home = "home-a"
codec = "native"
prefix = "anlian/v1"

[alarm_topics]
broker = "main"

[console]
port = {console}
{more}
"""


class GatewayProcess:
    """The gateway as it runs in a home: `python -m gateway run settings.toml`."""

    def __init__(
        self,
        folder: Path,
        mqtt_port: int,
        *,
        top: str = "",
        more: str = "",
        channels: tuple[str, str] = ("", ""),
        second_after: str = "30s",
        wrapper: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.console_port = free_port()
        self._mqtt_port = mqtt_port
        self.settings = folder / "settings.toml"
        (folder / "site.toml").write_text(
            SITE.format(channel_carer=channels[0], channel_director=channels[1], second_after=second_after)
        )
        (folder / "secret").write_text("0123456789abcdef" * 4)
        (folder / "secret").chmod(0o600)
        top += '\nsecret_file = "secret"'
        text = SETTINGS.format(mqtt=mqtt_port, console=self.console_port, top=top, more=more)
        self.settings.write_text(text)
        self.wrapper = wrapper
        self.log = folder / "gateway.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> GatewayProcess:
        start = ["-c", self.wrapper] if self.wrapper else ["-m", "gateway"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *start, "run", str(self.settings)], stdout=log, stderr=log
            )
        if wait:
            wait_until(lambda: self._listens_or_ended(), 30, "the gateway's console listens")
            if listens(self._mqtt_port):
                # What is published before it has subscribed for the first time reaches nobody.
                wait_until(self._subscribed_or_ended, 30, "the gateway is connected to the broker")
        return self

    def _subscribed_or_ended(self) -> bool:
        self._listens_or_ended()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.console_port}/health.json", timeout=5) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as refusal:
            if refusal.code != 503:
                return True
            said = json.load(refusal)
        except OSError:
            return False
        # Down and said so: a broker that refuses us, which is what some tests are about.
        return any(link["name"].startswith("broker:") and (link["up"] or link["detail"]) for link in said["links"])

    def _listens_or_ended(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail(f"the gateway ended: {self.log.read_text()[-3000:]}")
        return listens(self.console_port)

    def kill(self) -> None:
        """Pull the plug."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)
        self.process = None

    def stop(self) -> int:
        if self.process is None:
            return 0
        self.process.terminate()
        code = self.process.wait(20)
        self.process = None
        return code


@contextlib.contextmanager
def running(*things: Any) -> Iterator[None]:
    """Stop everything at the end, whatever happened."""
    try:
        yield
    finally:
        for thing in things:
            with contextlib.suppress(Exception):
                thing.stop()


async def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Like wait_until, on the event loop."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        await asyncio.sleep(0.01)
    return pytest.fail(f"did not happen within {seconds:g} s")
