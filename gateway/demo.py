"""`anlian demo`: a virtual home, its broker, a phone and the gateway itself, on this machine only, until Ctrl-C.

Everything is real but the devices: the packets go through a broker, the alarm through the journal, the message
to a phone (here: this terminal) with a signed link to a page where somebody acknowledges.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import aiomqtt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from devices.virtual.home import VirtualHome
from devices.virtual.incidents import PLOTS
from gateway.app import Gateway
from gateway.console.accounts import hash_password
from gateway.demo_screen import ALARM_AFTER, DEVICES, TOLD_EVERY_S, Screen
from gateway.load import load
from gateway.web import Server

HOME = "demo"
INCIDENT_AFTER = timedelta(seconds=15)
STEP_S = 0.25
BROKER_LIMIT_S = 15.0
STOP_LIMIT_S = 15.0

_MOSQUITTO = """persistence false
queue_qos0_messages true
upgrade_outgoing_qos true
max_queued_messages 0
max_inflight_messages 1000
set_tcp_nodelay true
allow_anonymous true
listener {port} 127.0.0.1
"""

_EMBEDDED = """id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 1000
max_segment_size = 104857600
max_segment_count = 10

[v4.1]
name = "demo"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 8388608
max_inflight_count = 500
dynamic_filters = true
"""
"""The broker that came as a wheel takes 20 KB by default: less than a bridge's list of its devices."""

_SETTINGS = """data_dir = "data"
sites = ["site.toml"]
public_url = "http://127.0.0.1:{console}"
secret_file = "secret"
clock = "assume"

[[brokers]]
name = "demo"
port = {broker}
protocol = "{protocol}"
probe_qos0 = {probe}

[[sources]]
name = "zigbee"
broker = "demo"
home = "{home}"
codec = "zigbee2mqtt"
prefix = "{zigbee}"

[[sources]]
name = "native"
broker = "demo"
home = "{home}"
codec = "native"
prefix = "{native}"

[alarm_topics]
broker = "demo"

[[channels]]
name = "ntfy"
kind = "webhook"
url = "http://127.0.0.1:{phone}/"
per_minute = 600

[console]
port = {console}
accounts = "accounts.toml"
language = "{language}"
"""


class DemoCannotStart(Exception):
    """Something that the demo needs is missing; the text says what, and how to get it."""


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def console_socket() -> socket.socket:
    """The console's socket, bound at once so that two demos never want the same port: 8080, or any free one."""
    for port in (8080, 0):
        listening = socket.socket()
        with contextlib.suppress(OSError):
            listening.bind(("127.0.0.1", port))
            listening.listen()
            return listening
        listening.close()
    raise DemoCannotStart("no free port on 127.0.0.1")


@contextmanager
def _broker(folder: Path, port: int, embedded: bool) -> Iterator[str]:
    """A broker of our own on loopback: mosquitto if this machine has it, else the one that came as a wheel."""
    binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if binary is not None and not embedded:
        (folder / "mosquitto.conf").write_text(_MOSQUITTO.format(port=port))
        command, name = [binary, "-c", str(folder / "mosquitto.conf")], "mosquitto"
    else:
        (folder / "broker.toml").write_text(_EMBEDDED.format(port=port))
        command, name = [sys.executable, "-m", "iotcore", "--config", str(folder / "broker.toml")], "iotcore"
    # A session of its own: Ctrl-C is for us, and we stop the broker last.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield name
    finally:
        process.terminate()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


async def _wait_for_port(port: int) -> None:
    try:
        async with asyncio.timeout(BROKER_LIMIT_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.1)
                    continue
                writer.close()
                return
    except TimeoutError:
        raise DemoCannotStart(
            "no MQTT broker came up: install mosquitto (Debian: apt install mosquitto), or run `make demo` again"
        ) from None


class VirtualDevices:
    """The devices of the virtual home, speaking over MQTT as they would: their QoS, their retained messages."""

    def __init__(self, home: VirtualHome, gateway: Gateway, port: int) -> None:
        self._home = home
        self._clock = gateway.clock
        self._port = port

    async def run(self) -> None:
        """Publish until cancelled."""
        async with aiomqtt.Client("127.0.0.1", self._port, protocol=aiomqtt.ProtocolVersion.V311) as client:
            since = self._clock.now()
            for packet in self._home.opening(since):
                await client.publish(packet.topic, packet.payload, qos=packet.qos, retain=packet.retained)
            while True:
                await asyncio.sleep(STEP_S)
                until = self._clock.now()
                for packet in self._home.packets(since, until):
                    await client.publish(packet.topic, packet.payload, qos=packet.qos, retain=packet.retained)
                since = until


class Phones:
    """All phones of the demo at once: what they get is printed here."""

    def __init__(self, say: Callable[[str], None], names: dict[str, str]) -> None:
        self._say = say
        self._names = names

    async def receive(self, request: Request) -> JSONResponse:
        """A message for one person."""
        message = await request.json()
        self._say(f"☎  {self._names.get(message.get('person', ''), '?')}")
        for line in [*str(message.get("text", "")).splitlines(), str(message.get("url", ""))]:
            self._say(f"     {line}")
        return JSONResponse({"ok": True})

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        """Listen on loopback."""
        application = Starlette(routes=[Route("/", self.receive, methods=["POST"])])
        server = Server(
            uvicorn.Config(application, host="127.0.0.1", port=port, log_config=None, lifespan="off", ws="none")
        )
        task = asyncio.create_task(server.serve())
        try:
            yield
        finally:
            server.should_exit = True
            await task


async def run(
    incident: str,
    language: str,
    say: Callable[[str], None],
    after: timedelta = INCIDENT_AFTER,
    *,
    embedded: bool = False,
) -> None:
    """Run the demo until SIGINT or SIGTERM; nothing is left behind. DemoCannotStart says what is missing.

    `embedded`: with the broker that came as a wheel even where mosquitto is installed.
    """
    if incident not in PLOTS:
        raise DemoCannotStart(f"no incident {incident!r}; there are: {', '.join(PLOTS)}")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with TemporaryDirectory(prefix="anlian-demo-") as name:
        folder = Path(name)
        broker_port, phone_port = free_port(), free_port()
        listening = console_socket()
        console_port = int(listening.getsockname()[1])
        with _broker(folder, broker_port, embedded) as broker:
            await _wait_for_port(broker_port)
            home = VirtualHome(HOME)
            password = token_hex(4)
            _write_configuration(folder, home, broker, broker_port, phone_port, console_port, language, password)
            gateway = Gateway(load(folder / "settings.toml"), listening)
            names = {person.id: person.name for person in gateway.sites[HOME].people}
            async with Phones(say, names).serving(phone_port):
                screen = Screen(say, language)
                await _play(gateway, home, broker_port, incident, after, stop, screen, console_port, password, broker)
    Screen(say, language).line("stopped")


def _write_configuration(
    folder: Path,
    home: VirtualHome,
    broker: str,
    broker_port: int,
    phone_port: int,
    console_port: int,
    language: str,
    password: str,
) -> None:
    (folder / "site.toml").write_text(home.site_toml(), encoding="utf-8")
    (folder / "secret").write_text(token_hex(32))
    (folder / "secret").chmod(0o600)
    account = f'[[account]]\nname = "demo"\nperson = "director"\npassword_hash = "{hash_password(password)}"\n'
    (folder / "accounts.toml").write_text(account + f'roles = ["operator"]\nhomes = ["*"]\nlanguage = "{language}"\n')
    (folder / "accounts.toml").chmod(0o600)
    (folder / "settings.toml").write_text(
        _SETTINGS.format(
            console=console_port,
            broker=broker_port,
            phone=phone_port,
            home=home.home,
            zigbee=home.zigbee_prefix,
            native=home.native_prefix,
            language=language,
            protocol="auto" if broker == "mosquitto" else "3.1.1",
            probe="true" if broker == "mosquitto" else "false",
        )
    )


async def _play(
    gateway: Gateway,
    home: VirtualHome,
    broker_port: int,
    incident: str,
    after: timedelta,
    stop: asyncio.Event,
    screen: Screen,
    console_port: int,
    password: str,
    broker: str,
) -> None:
    running = asyncio.create_task(gateway.run())
    await _ready_or_ended(gateway, running)
    devices = asyncio.create_task(VirtualDevices(home, gateway, broker_port).run())
    begins_at = gateway.clock.now() + after
    home.start(incident, begins_at, DEVICES.get(incident, ""))
    screen.line("console", address=f"http://127.0.0.1:{console_port}/", password=password)
    screen.line("broker", port=broker_port, name=broker)
    screen.opening(incident, after)
    watching = asyncio.create_task(_watch(gateway, screen, begins_at, begins_at + ALARM_AFTER[incident]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, devices, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        screen.line("stopping")
        watching.cancel()
        devices.cancel()
        gateway.stop.set()
        stopping.cancel()
        _, late = await asyncio.wait({running, devices, stopping, watching}, timeout=STOP_LIMIT_S)
        for task in late:
            task.cancel()
        results = await asyncio.gather(running, devices, stopping, watching, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _watch(gateway: Gateway, screen: Screen, begins_at: datetime, due: datetime) -> None:
    """Say each alarm as it is raised, and how long the first one still takes."""
    next_word = gateway.clock.monotonic() + TOLD_EVERY_S
    while True:
        raised = screen.alarms(gateway.decider.engines[HOME].alarms.values(), begins_at)
        if not raised and gateway.clock.monotonic() >= next_word:
            next_word += TOLD_EVERY_S
            screen.countdown(due, gateway.clock.now())
        await gateway.clock.sleep(STEP_S)


async def _ready_or_ended(gateway: Gateway, running: asyncio.Task[None]) -> None:
    ready = asyncio.create_task(gateway.ready.wait())
    await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if running.done():
        running.result()
        raise DemoCannotStart("the gateway ended before it was ready")
