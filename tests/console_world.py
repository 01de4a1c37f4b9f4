"""A small world for the console: real engines of two homes, a task that decides, and a console to open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

import uvicorn
from argon2 import PasswordHasher
from starlette.applications import Starlette

from devices.reading import Reading, Report, Value
from gateway.console.changes import Changes
from gateway.console.parts import ConsoleParts, Health, LinkState, Unregistered
from gateway.console.routes import build
from gateway.inbox import Decision, Inbox
from gateway.lines import Lines
from gateway.links import Links
from gateway.record.phones import PhoneBook
from gateway.record.record import JournalEntry
from rules.alarm import Category
from rules.condition import Above, Equals, Silent
from rules.engine import Engine
from rules.inputs import AnyInput, OperatorActed, Outcome, ReadingsArrived, SiteChanged
from rules.rule import Rule, Select
from rules.site import Channel, Device, Person, ResidentClass, Site, Zone
from rules.text import Text

T = TypeVar("T")
START = datetime(2026, 11, 22, 0, 15, 30, tzinfo=UTC)
SECRET = b"a secret of the tests, 32 bytes or more"
PASSWORD = "correct horse"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""A cheap one: the tests log in often."""
LIMIT = timedelta(minutes=10)


class ShiftableClock:
    """A clock that stands still, or runs with the machine's, and can be moved on."""

    def __init__(self, *, running: bool = False) -> None:
        self._running = running
        self._mark = time.monotonic()
        self.offset = timedelta(0)
        self.wall_offset = timedelta(0)

    def now(self) -> datetime:
        ran = time.monotonic() - self._mark if self._running else 0.0
        return START + self.offset + timedelta(seconds=ran)

    def wall(self) -> datetime:
        return self.now() + self.wall_offset

    def monotonic(self) -> float:
        return (self.now() - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def advance(self, span: timedelta) -> None:
        self.offset += span


def a_rule(rule_id: str, zh: str, en: str, category: Category, point: str, *, latch: bool = True) -> Rule:
    return Rule(
        id=rule_id,
        title=Text(zh, en),
        category=category,
        condition=Equals(point=point, value=True),
        latch=latch,
        priority=1,
        procedure=Text(f"{zh}：立即到现场查看。", f"{en}: go and look at once."),
    )


RULES = (
    a_rule("fire.smoke", "感烟探测器报警", "Smoke detector in alarm", Category.FIRE, "smoke.alarm"),
    a_rule("fire.gas", "可燃气体报警", "Combustible gas alarm", Category.GAS, "gas.alarm"),
    a_rule("person.sos", "紧急呼叫", "SOS call", Category.PERSON, "sos.alarm"),
    Rule(
        id="electrical.residual",
        title=Text("剩余电流过大", "Residual current too high"),
        category=Category.ELECTRICAL,
        condition=Above(point="current.residual", limit=300.0, clear=250.0),
        latch=True,
    ),
    a_rule("supervisory.door", "防火门打开", "Fire door open", Category.SUPERVISORY, "door.open", latch=False),
    a_rule("trouble.battery", "电池低电", "Battery low", Category.TROUBLE, "battery.low", latch=False),
    a_rule("video.blank", "画面异常", "Picture black or frozen", Category.VIDEO, "video.blank", latch=False),
    Rule(
        id="trouble.silent",
        title=Text("设备失联", "Device silent"),
        category=Category.TROUBLE,
        condition=Silent(),
        select=Select(kinds=("humidity",)),
    ),
)


def a_device(device_id: str, kind: str, zone: str, zh: str, en: str, room: str, *, trusted: bool = True) -> Device:
    return Device(
        id=device_id,
        kind=kind,
        source="z2m",
        address=device_id,
        zone=zone,
        name=Text(zh, en),
        room=room,
        silence_limit=LIMIT,
        clears_are_trusted=trusted,
    )


def a_site(home: str = "jinlan", smokes: int = 3) -> Site:
    zones = (
        Zone(
            id="ward-1",
            name=Text("东侧", "East wing"),
            building="一号楼",
            floor="2F",
            residents=ResidentClass.DEPENDENT,
            beds=12,
        ),
        Zone(id="kitchen", name=Text("厨房", "Kitchen"), floor="1F"),
    )
    devices = [
        a_device(f"smoke-{number}", "smoke", "ward-1", f"烟感{number}", f"Smoke {number}", f"20{number}")
        for number in range(1, smokes + 1)
    ]
    devices += [
        a_device("gas-1", "gas", "kitchen", "燃气探测器", "Gas detector", "灶间"),
        a_device("sos-1", "sos", "ward-1", "呼叫按钮", "SOS button", "201", trusted=False),
        a_device("meter-1", "electrical", "kitchen", "电气火灾探测器", "Electrical meter", "配电箱"),
    ]
    people = (
        Person(id="p-wang", name="王护工", role="carer", channels=(Channel("push", "a"),)),
        Person(id="p-li", name="李护工", role="carer", channels=(Channel("push", "b"),)),
        Person(id="p-chen", name="陈院长", role="director", channels=(Channel("push", "c"),)),
        Person(id="g-night", name="夜班群", role="carer", channels=(Channel("push", "d"),), group=True),
    )
    return Site(
        id=home,
        name=Text("九九金兰敬老院", "Jinlan home") if home == "jinlan" else Text("大荆敬老院", "Dajing home"),
        address="金兰山街道1号",
        zones=zones,
        devices=tuple(devices),
        people=people,
    )


class Home:
    """One home: its engine, and what was decided for it."""

    def __init__(self, site: Site, clock: ShiftableClock) -> None:
        self.site = site
        self.clock = clock
        self.engine = Engine(site.id)
        self.journal: list[JournalEntry] = []
        self.step(lambda at: SiteChanged(at=at, site=site, rules=RULES, ruleset="tests"))

    def step(self, make: Callable[[datetime], AnyInput]) -> Decision:
        """Decide one input now."""
        happened = make(self.clock.now())
        effects = self.engine.step(happened)
        entry = JournalEntry(self.site.id, 1, self.engine.seq, happened.at, happened, effects)
        self.journal.append(entry)
        return Decision(self.engine.seq, effects, True)

    def say(self, device: str, *, retained: bool = False, **points: Value) -> None:
        """A device reports points (`smoke_alarm=True` for `smoke.alarm`)."""
        readings = tuple(Reading(name.replace("__", "."), value) for name, value in points.items())
        report = Report(device, readings)
        self.step(lambda at: ReadingsArrived(at=at, source="z2m", reports=(report,), retained=retained))

    def everybody_speaks(self) -> None:
        """Every device is heard, and all is well."""
        for device in self.site.devices:
            self.say(device.id, battery=90.0)

    def acted(self) -> list[OperatorActed]:
        """What people did."""
        return [entry.input for entry in self.journal if isinstance(entry.input, OperatorActed)]

    @property
    def incident(self) -> str:
        """The id of the only open incident."""
        (only,) = self.engine.incidents
        return str(only)


@dataclass
class Reach:
    """Enrolled phones, their lines, and what they said of messages."""

    phones: PhoneBook
    lines: Lines
    push_key: str = ""
    said: list[tuple[str, str, Outcome]] = field(default_factory=list)

    def receipt(self, message: str, person: str, outcome: Outcome) -> None:
        self.said.append((message, person, outcome))


@dataclass
class World:
    """Homes, the console's parts, and the task that decides."""

    clock: ShiftableClock
    homes: dict[str, Home]
    parts: ConsoleParts
    links: Links
    health: Health
    strangers: list[Unregistered]
    reach: Reach
    durable: bool = True
    deciding: bool = True
    abandoned: int = 0

    @property
    def home(self) -> Home:
        """The first home."""
        return next(iter(self.homes.values()))

    def build(self) -> Starlette:
        return build(self.parts)

    async def decide(self) -> None:
        """What gateway.decide does, without the disk."""
        inbox = self.parts.inbox
        while True:
            await inbox.wait(None)
            if not self.deciding:
                await asyncio.sleep(0.01)
                continue
            for delivery in inbox.take(100):
                decision = self.homes[delivery.home].step(delivery.make)
                if delivery.decided is not None and delivery.decided.cancelled():
                    self.abandoned += 1
                elif delivery.decided is not None:
                    delivery.decided.set_result(Decision(decision.seq, decision.effects, self.durable))
            self.parts.changes.bump()

    async def enrolled(self, browser: Browser, person: str = "p-wang", home: str = "jinlan") -> str:
        """The browser is this person's phone from now on; the phone's id."""
        phones = self.reach.phones
        made = await phones.enrol(await phones.invite(person, (home,), "chen"), "test")
        assert made is not None
        browser.cookies["anlian_phone"] = made[1]
        return made[0].id

    def link(self, person: str, incident: str = "") -> str:
        """The path of a signed link for this person."""
        home = self.home
        page = self.links.page(home.site.id, incident or home.incident, "m1", person)
        return page.removeprefix("https://console.test")


UP = Health(links=(LinkState("broker:main", True, START), LinkState("influx", True, START)), counters={"packets": 12.0})


def accounts_file(folder: Path) -> Path:
    path = folder / "accounts.toml"
    path.write_text(
        f"""
[[account]]
name = "wang"
person = "p-wang"
password_hash = "{HASH}"
roles = ["operator"]
homes = ["*"]

[[account]]
name = "guest"
password_hash = "{HASH}"
roles = ["viewer"]
homes = ["jinlan"]
language = "en"
""",
        encoding="utf-8",
    )
    return path


def a_world(
    folder: Path, sites: Sequence[Site] | None = None, *, running: bool = False, spoken: bool = True, **options: object
) -> World:
    """A console over real engines; every device was heard unless `spoken` is False."""
    clock = ShiftableClock(running=running)
    homes = {site.id: Home(site, clock) for site in (sites or [a_site()])}
    links = Links(SECRET, "https://console.test", clock)

    async def history(home: str) -> list[JournalEntry]:
        # Newest first, like SqliteRecord.history.
        return homes[home].journal[-500:][::-1]

    reach = Reach(PhoneBook(folder / "phones.db", clock), Lines(clock))
    options.setdefault("public_url", "https://console.test")
    parts = ConsoleParts(
        engines={home: each.engine for home, each in homes.items()},
        sites={home: each.site for home, each in homes.items()},
        inbox=Inbox(),
        links=links,
        clock=clock,
        secret=SECRET,
        history=history,
        health=lambda: world.health,
        unregistered=lambda: world.strangers,
        changes=Changes(),
        version="0.1.0",
        accounts=accounts_file(folder),
        reach=reach,
        **options,  # type: ignore[arg-type]
    )
    world = World(clock, homes, parts, links, UP, [], reach)
    if spoken:
        for home in homes.values():
            home.everybody_speaks()
    return world


@dataclass
class Answer:
    """What an HTTP request got."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


class Browser:
    """Speaks ASGI to the application, keeps cookies, follows nothing."""

    def __init__(self, app: Starlette, address: str = "127.0.0.1", host: str = "127.0.0.1", scheme: str = "http"):
        self.app = app
        self.address = address
        self.host = host
        self.scheme = scheme
        self.cookies: dict[str, str] = {}
        self.last: Answer | None = None

    async def ask(
        self, method: str, path: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        route, _, query = path.partition("?")
        sent = {"host": self.host, "accept": "text/html", **(headers or {})}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = urlencode(form or {}).encode()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": route,
            "raw_path": route.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": (self.address, 50000),
            "server": ("127.0.0.1", 80),
        }
        started: dict[str, object] = {}
        parts: list[bytes] = []
        asked = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, object]:
            for message in asked:
                return message
            await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                parts.append(message.get("body", b""))  # type: ignore[arg-type]

        try:
            await self.app(scope, receive, send)  # type: ignore[arg-type]
        finally:
            self.last = self._answer(started, parts)
        return self.last

    def _answer(self, started: dict[str, object], parts: list[bytes]) -> Answer:
        got = [(name.decode().lower(), value.decode()) for name, value in started["headers"]]  # type: ignore[attr-defined]
        for name, value in got:
            if name == "set-cookie":
                self._keep(value)
        return Answer(int(started["status"]), got, b"".join(parts))  # type: ignore[call-overload]

    def _keep(self, cookie: str) -> None:
        pair, _, rest = cookie.partition(";")
        name, _, value = pair.partition("=")
        if "max-age=0" in rest.lower():
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value.strip('"')

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        return await self.ask("POST", path, form, headers)

    async def log_in(self, name: str = "wang", password: str = PASSWORD) -> Answer:
        return await self.post("/login", {"name": name, "password": password})

    async def csrf(self, path: str = "/") -> str:
        page = await self.get(path)
        return page.text.split('name="csrf" value="')[1].split('"')[0]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Served:
    """A web server that can be stopped and started again on the same port; its loop lives as long as this does."""

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._app = world.build()
        self._server: uvicorn.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self, work: Coroutine[object, object, T]) -> Future[T]:
        """Do something in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _wait(self, work: Coroutine[object, object, None]) -> None:
        self.begin(work).result(30)

    def start(self) -> None:
        self._wait(self._start())

    async def _start(self) -> None:
        self.world.parts.closing.clear()
        config = uvicorn.Config(
            self._app, host="127.0.0.1", port=self.port, log_level="error", lifespan="off", timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
        serving = asyncio.create_task(self._server.serve())
        self._tasks = [serving, asyncio.create_task(self.world.decide())]
        while not self._server.started and not serving.done():  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.01)

    def call(self, function: Callable[[], object]) -> None:
        """Do something in the server's loop, and tell the live pages."""

        async def act() -> None:
            function()
            self.world.parts.changes.bump()

        self._wait(act())

    def stop(self) -> None:
        """Stop serving; open live pages are told to end."""
        self._wait(self._stop())

    async def _stop(self) -> None:
        if self._server is None:
            return
        self.world.parts.closing.set()
        self._server.should_exit = True
        serving, deciding = self._tasks
        deciding.cancel()
        await asyncio.gather(serving, deciding, return_exceptions=True)
        self._server = None

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
