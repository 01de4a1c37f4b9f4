"""What is measured: one broker, one time-series store and one gateway, as processes with files of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from devices.virtual.fleet import VirtualDevice, VirtualZone
from devices.virtual.mix import load_devices
from devices.virtual.models import MODELS
from devices.virtual.site_file import site_toml
from tests.bench import packets
from tests.influx_world import InfluxServer
from tests.servers import free_port, listens

HOME = "load"
RULES = 100
PROBES = 8
"""Doors whose opening raises an alarm that ends when they close: each probe of the latency is an alarm of its own."""

KINDS_MEASURED = ("plug", "climate", "electrical", "smoke", "water_leak", "video")

BROKER = """
max_queued_messages 0
max_inflight_messages 1000
set_tcp_nodelay true
queue_qos0_messages true
upgrade_outgoing_qos true
allow_anonymous true
listener {port} 127.0.0.1
{persistence}
{user}
"""
"""No limit to what is queued, 1000 messages unacknowledged, no waiting for fuller packets."""

SETTINGS = """
data_dir = "data"
sites = ["site.toml"]
packs = ["fire", "electrical", "person", "video", "supervision", "bench.toml"]
public_url = "https://anlian.example.org"
clock = "assume"
secret_file = "secret"

[[brokers]]
name = "main"
port = {broker}
probe_qos0 = false

[[sources]]
name = "zigbee"
broker = "main"
home = "load"
codec = "zigbee2mqtt"
prefix = "h/load/zigbee2mqtt"

[[sources]]
name = "native"
broker = "main"
home = "load"
codec = "native"
prefix = "anlian/v1/load"

[alarm_topics]
broker = "main"

[journal]
group_ms = {group_ms}

[console]
port = {console}
{influx}
"""

_LIMITS = {
    "plug": (("power", "W", 2_000), ("current.a", "A", 9), ("voltage.a", "V", 250)),
    "climate": (("temperature", "°C", 45), ("humidity", "%", 96), ("battery.voltage", "V", 5)),
    "electrical": (("current.a", "A", 60), ("cable_temp.1", "°C", 80), ("power", "W", 20_000)),
    "smoke": (("lqi", "", 254), ("battery", "%", 101), ("smoke.obscuration", "dB/m", 5)),
    "water_leak": (("device.temperature", "°C", 70), ("lqi", "", 254), ("battery.voltage", "V", 5)),
    "video": (("video.frame_age", "s", 600), ("video.fps", "1/s", 120), ("wifi.quality", "%", 101)),
}
"""Points that the load's devices report, and limits that it stays below: rules that look and never act."""


class PlantFailed(Exception):
    """A server did not start or did not answer; the text holds the end of its log."""


def until(condition: Callable[[], Any], seconds: float, what: str, every_s: float = 0.02) -> Any:
    """What `condition` gives as soon as it is true; PlantFailed after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(every_s)
    raise PlantFailed(f"did not happen within {seconds:g} s: {what}")


class Broker:
    """Mosquitto with the settings above. `durable`: with its database on disk, saved at a clean stop and each 2 s."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._conf = folder / "mosquitto.conf"
        saved = f"persistence true\npersistence_location {folder}/\nautosave_interval 2" if durable else ""
        user = "user root" if os.geteuid() == 0 else ""
        self._conf.write_text(BROKER.format(port=self.port, persistence=saved, user=user))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Broker:
        """Start, and return once it listens."""
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen(
            [binary, "-c", str(self._conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: listens(self.port), 10, "mosquitto listens")
        return self

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it, cleanly or not."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)
            self.process = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid


class Store(InfluxServer):
    """Debian's influxd, which counts what arrived."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)

    def begin(self) -> Store:
        """Start, wait for its answer, create the database."""
        self.start()
        self.await_answer()
        self.query("CREATE DATABASE anlian")
        return self

    def await_answer(self) -> None:
        """Return once it answers."""

        def answers() -> bool:
            try:
                self.fetch("/ping")
            except OSError:
                return False
            return True

        until(answers, 20, "influxd answers")

    def rows(self, *kinds: str) -> int:
        """How many rows the devices of these kinds have (every packet of a device becomes one row)."""
        source = "|".join(kinds or KINDS_MEASURED)
        return sum(int(one["values"][0][1]) for one in self.query(f'SELECT count("heard") FROM /^({source})$/'))

    def numbers(self) -> list[int]:
        """The numbers of the numbered load that are stored, each as often as it is."""
        found = self.query('SELECT "energy" FROM /^(plug|electrical)$/')
        return [int(row[1]) for one in found for row in one["values"]]

    def clear(self) -> None:
        """Empty the database."""
        self.query("DROP DATABASE anlian")
        self.query("CREATE DATABASE anlian")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid


def bench_rules(count: int = RULES) -> str:
    """Rules that fill the shipped packs up to `count`: one opens the probes' alarms, the others look at the load."""
    shipped = sum(
        (Path(__file__).parents[2] / "rules" / "packs" / f"{name}.toml").read_text().count("[[rule]]")
        for name in ("fire", "electrical", "person", "video", "supervision")
    )
    rules = [
        '[[rule]]\nid = "bench.probe"\ntitle = {zh = "测量探针", en = "Probe of the benchmark"}\n'
        'category = "electrical"\npriority = 3\nselect = {kinds = ["door"]}\n'
        'condition = {equals = {point = "door.open", value = true}}\n'
    ]
    kinds = list(_LIMITS)
    for number in range(count - shipped - 1):
        kind = kinds[number % len(kinds)]
        point, unit, limit = _LIMITS[kind][number // len(kinds) % 3]
        level = limit + number // (3 * len(kinds))
        above = f'"{level} {unit}"' if unit else level
        rules.append(
            f'[[rule]]\nid = "bench.limit_{number}"\ntitle = {{zh = "负载规则{number}", en = "Rule {number}"}}\n'
            f'category = "supervisory"\npriority = 4\nselect = {{kinds = ["{kind}"]}}\n'
            f'condition = {{above = {{point = "{point}", limit = {above}}}}}\n'
        )
    return "\n".join(rules)


def smoke_devices(count: int) -> list[VirtualDevice]:
    """Smoke detectors of the loss measurements, a zone for every ten."""
    return [
        VirtualDevice(f"smoke-{n}", "smoke", "zigbee", f"smoke-{n}", f"smoke-zone-{n // 10}", f"烟感{n}", f"Smoke {n}")
        for n in range(count)
    ]


def probe_devices() -> list[VirtualDevice]:
    """The doors of the latency measurement, each in a zone of its own."""
    return [
        VirtualDevice(f"probe-{n}", "door", "native", f"probe-{n}", f"probe-zone-{n}", f"探针{n}", f"Probe {n}")
        for n in range(PROBES)
    ]


PRIORITY = -5
"""`Nice=` of deploy/anlian-gateway.service: alarms go before the store that shares the box."""


class Gateway:
    """The gateway as it runs in a home: `python -m gateway run settings.toml`."""

    def __init__(
        self, folder: Path, broker_port: int, store: Store | None, *, devices: int, smokes: int = 0, group_ms: int = 20
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.console_port = free_port()
        self.log = folder / "gateway.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.devices = [*load_devices(devices), *probe_devices(), *smoke_devices(smokes)]
        zones = dict.fromkeys(device.zone for device in self.devices)
        site = site_toml(HOME, "county", "town", [VirtualZone(z, z, z, "1") for z in zones], self.devices)
        # No phones: a courier that finds nobody would be measured instead.
        (folder / "site.toml").write_text(re.sub(r"(?m)^channels = .*$", "channels = []", site))
        (folder / "bench.toml").write_text(bench_rules())
        (folder / "secret").write_text("0123456789abcdef" * 4)
        (folder / "secret").chmod(0o600)
        influx = f'\n[[influx]]\nurl = "{store.url}"\n' if store is not None else ""
        self.settings = folder / "settings.toml"
        self.settings.write_text(
            SETTINGS.format(broker=broker_port, console=self.console_port, group_ms=group_ms, influx=influx)
        )
        self._broker_port = broker_port

    def definitions(self) -> bytes:
        """The bridge's list of devices with the definitions of their models."""
        listed = [
            MODELS[device.kind].entry(device.address, f"0x{n:016x}")
            for n, device in enumerate(self.devices)
            if device.source == "zigbee"
        ]
        return msgspec.json.encode(listed)

    def publish_definitions(self) -> None:
        """Let the broker keep the bridge's list, as Zigbee2MQTT does."""
        connection = packets.opened(self._broker_port, "bench-definitions")
        topic = f"h/{HOME}/zigbee2mqtt/bridge/devices"
        connection.sendall(packets.publish(topic, self.definitions(), 1, retained=True))
        connection.recv(4)
        connection.sendall(b"\xe0\x00")
        connection.close()

    def start(self, *, wait: bool = True) -> Gateway:
        """Start, and (if asked) return once its console listens."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "run", str(self.settings)], stdout=log, stderr=log
            )
        with suppress(PermissionError):  # who is not root measures without it
            os.setpriority(os.PRIO_PROCESS, self.process.pid, PRIORITY)
        if wait:
            until(self._up, 60, f"the gateway listens; its log: {self.log}")
        return self

    def _up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise PlantFailed(f"the gateway ended: {self.log.read_text()[-3000:]}")
        return listens(self.console_port) and self._subscribed()

    def _subscribed(self) -> bool:
        """Whether it is connected to the broker: what is published before it first was reaches nobody."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.console_port}/health.json", timeout=5) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as unhealthy:
            said = json.load(unhealthy)
        except OSError:
            return False
        return any(link["name"] == "broker:main" and link["up"] for link in said["links"])

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """Pull the plug."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def stop(self) -> None:
        """End it as systemd does."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
            self.process = None


class Publishing:
    """A publisher process: started, told to go, asked for its answer."""

    def __init__(self, **order: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.publisher", json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            raise PlantFailed("the publisher did not start")

    def go(self) -> None:
        """Begin now."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def answer(self, seconds: float = 120.0) -> dict[str, Any]:
        """Its answer; PlantFailed if it has none."""
        out, _ = self.process.communicate(timeout=seconds)
        if self.process.returncode != 0:
            raise PlantFailed("the publisher failed; see its words above")
        return dict(json.loads(out.splitlines()[-1]))

    @property
    def done(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
