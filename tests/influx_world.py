"""What the tests of the time-series store share: a journal in memory, entries, real servers, a fake one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from devices.reading import Reading, Report
from gateway.clock import Clock, SystemClock
from gateway.deliver.influx import InfluxWriter
from gateway.deliver.influx_post import Poster
from gateway.deliver.line_protocol import whole_ms
from gateway.record.record import JournalEntry, Record, StreamHead
from gateway.settings import Influx
from rules.inputs import ReadingsArrived
from rules.site import Device, Site, Zone
from rules.text import Text

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class MemoryRecord:
    """The journal's protocol over plain lists."""

    def __init__(self) -> None:
        self.entries: dict[str, list[JournalEntry]] = {}
        self.cursors: dict[tuple[str, str], int] = {}
        self.quarantined: list[tuple[str, str, str, bytes]] = []
        self._grown = asyncio.Event()

    async def open_stream(self, stream: str) -> StreamHead:
        return StreamHead(1, self.head(stream), None)

    async def commit(
        self,
        entries: Sequence[JournalEntry],
        *,
        snapshots: Mapping[str, tuple[int, bytes]] | None = None,
        token: int = 0,
    ) -> None:
        self.hold(entries)

    def hold(self, entries: Sequence[JournalEntry]) -> None:
        for entry in entries:
            stream = self.entries.setdefault(entry.stream, [])
            assert entry.seq == len(stream) + 1
            stream.append(entry)
        self._grown.set()

    def head(self, stream: str) -> int:
        return len(self.entries.get(stream, ()))

    async def read(self, stream: str, after: int, most: int = 512) -> list[JournalEntry]:
        await asyncio.sleep(0)
        return self.entries.get(stream, [])[after : after + most]

    async def wait_beyond(self, positions: Mapping[str, int], *, calling: bool = False) -> None:
        while not any(self.head(stream) > seq for stream, seq in positions.items()):
            self._grown.clear()
            await self._grown.wait()

    def cursor(self, destination: str, stream: str) -> int:
        return self.cursors.get((destination, stream), 0)

    def advance(self, destination: str, stream: str, seq: int) -> None:
        assert seq >= self.cursor(destination, stream), "a cursor went back"
        self.cursors[destination, stream] = seq

    async def quarantine(self, stream: str, at: datetime, source: str, reason: str, payload: bytes) -> str:
        self.quarantined.append((stream, source, reason, payload))
        return f"q{len(self.quarantined)}"


def device(name: str, kind: str, zone: str = "floor1") -> Device:
    """A device of the test site."""
    return Device(id=name, kind=kind, source="z2m", address=name, zone=zone, name=Text(name))


def site(home: str, devices: Sequence[Device]) -> Site:
    """A home of the county `wangcheng`."""
    zones = tuple(Zone(id=zone, name=Text(zone)) for zone in sorted({d.zone for d in devices}))
    name = Text(f"{home}敬老院")
    return Site(id=home, name=name, county="wangcheng", town="qiaokou", zones=zones, devices=tuple(devices))


def climate_site(home: str = "h1", count: int = 20) -> Site:
    """A home with `count` devices of kind `climate`."""
    return site(home, [device(f"{home}-c{i:02d}", "climate") for i in range(count)])


def readings_entry(home: str, seq: int, at: datetime, reports: Sequence[Report]) -> JournalEntry:
    """One packet's entry; a report without a stored instant gets the entry's."""
    stamped = tuple(
        report if report.stored_at else Report(report.device, report.readings, stored_at=whole_ms(at) + i)
        for i, report in enumerate(reports)
    )
    return JournalEntry(home, 1, seq, at, ReadingsArrived(at=at, source="z2m", reports=stamped))


def climate_entries(home_site: Site, seconds: int, every_s: int = 10, first_seq: int = 1) -> list[JournalEntry]:
    """Readings of every device of a site, every `every_s` seconds, one packet each."""
    entries = []
    seq = first_seq
    for tick in range(0, seconds, every_s):
        for number, one in enumerate(home_site.devices):
            at = START + timedelta(seconds=tick, milliseconds=number * 3)
            readings = (Reading("temperature", 20.0 + number + tick / 1e4), Reading("humidity", 55.0))
            entries.append(readings_entry(home_site.id, seq, at, [Report(one.id, readings)]))
            seq += 1
    return entries


def free_port() -> int:
    """A port of the loopback that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Server:
    """A real server of its own, on free ports, with its data below one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        raise AssertionError("said by the servers below")

    def start(self) -> None:
        log = (self.directory / "server.log").open("ab")
        self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.directory)
        log.close()

    async def answering(self) -> None:
        for _ in range(400):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 0.2):
                    pass
                await asyncio.to_thread(self.fetch, "/ping" if isinstance(self, InfluxServer) else "/health")
                return
            except OSError:
                await asyncio.sleep(0.05)
        raise AssertionError(f"no answer: {(self.directory / 'server.log').read_text()[-2000:]}")

    def fetch(self, path: str, body: bytes | None = None) -> bytes:
        with urllib.request.urlopen(f"{self.url}{path}", data=body, timeout=10) as answer:
            return bytes(answer.read())

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class InfluxServer(_Server):
    """Debian's influxd (1.6)."""

    def __init__(self, directory: Path, *, auth: bool = False) -> None:
        super().__init__(directory)
        self._auth = auth
        self._login = ""

    def command(self) -> list[str]:
        data = self.directory / "data"
        config = self.directory / "influxdb.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\ndir = "{data}/meta"\nlogging-enabled = false\n'
            f'[data]\ndir = "{data}/data"\nwal-dir = "{data}/wal"\nquery-log-enabled = false\n'
            "[monitor]\nstore-enabled = false\n"
            f'[http]\nbind-address = "127.0.0.1:{self.port}"\nlog-enabled = false\n'
            f"auth-enabled = {'true' if self._auth else 'false'}\n"
        )
        return ["influxd", "-config", str(config)]

    def login(self, user: str, password: str) -> None:
        """Ask as this user from now on."""
        self._login = urllib.parse.urlencode({"u": user, "p": password})

    def query(self, text: str, database: str = "anlian") -> list[dict[str, Any]]:
        """The series that a query answers with; an error of the server is raised with its words."""
        form = urllib.parse.urlencode({"q": text, "db": database, "epoch": "ms"}).encode()
        try:
            answer = json.loads(self.fetch(f"/query?{self._login}", form))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{text}: {error.read().decode()}") from error
        result = answer["results"][0]
        if "error" in result:
            raise AssertionError(f"{text}: {result['error']}")
        return list(result.get("series", []))

    def write(self, lines: str, database: str = "anlian") -> None:
        self.fetch(f"/write?db={database}&precision=ms&{self._login}", lines.encode())

    def counts(self, measurement: str, field: str, tag: str = "device") -> dict[str, int]:
        """How many values a field has, by a tag."""
        series = self.query(f'SELECT count("{field}") FROM "{measurement}" GROUP BY "{tag}"')
        return {one["tags"][tag]: one["values"][0][1] for one in series}


class VictoriaServer(_Server):
    """Debian's victoria-metrics, with the flag that makes a second write of a row harmless."""

    def command(self) -> list[str]:
        return [
            "victoria-metrics",
            f"-storageDataPath={self.directory / 'vm'}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-dedup.minScrapeInterval=1ms",
            "-retentionPeriod=10y",
            "-search.latencyOffset=0s",
        ]

    def samples(self, name: str) -> dict[str, list[int]]:
        """The timestamps of a metric's samples, by device."""
        match = urllib.parse.urlencode({"match[]": f'{{__name__="{name}"}}', "start": "0", "reduce_mem_usage": "0"})
        found: dict[str, list[int]] = {}
        for line in self.fetch(f"/api/v1/export?{match}").decode().splitlines():
            series = json.loads(line)
            found.setdefault(series["metric"]["device"], []).extend(series["timestamps"])
        return found


def installed(program: str) -> bool:
    """Whether a server's program is on this machine."""
    return shutil.which(program) is not None


class FakeStore:
    """A store over HTTP that answers as a test tells it, and notes every body."""

    def __init__(self, answer: Callable[[int, list[str]], web.Response | float]) -> None:
        self.port = free_port()
        self.posts: list[list[str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.busy = 0
        self.busy_most = 0
        self.mark = "process_start_time_seconds 1"
        self.answer = answer
        self._runner: web.AppRunner | None = None

    async def _write(self, request: web.Request) -> web.Response:
        self.busy += 1
        self.busy_most = max(self.busy_most, self.busy)
        try:
            lines = (await request.read()).decode().splitlines()
            self.posts.append(lines)
            self.headers.append(dict(request.headers))
            self.queries.append(dict(request.query))
            answer = self.answer(len(self.posts), lines)
            if isinstance(answer, float):
                await asyncio.sleep(answer)
                return web.Response(status=204)
            return answer
        finally:
            self.busy -= 1

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(text=f"up 1\n{self.mark}\n")

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/write", self._write)
        app.router.add_post("/api/v2/write", self._write)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


class HurriedClock(SystemClock):
    """The system's clock, whose sleeps are cut short: back-offs and pauses of a test take no time worth naming."""

    def __init__(self, longest_s: float = 0.02) -> None:
        super().__init__()
        self.asked: list[float] = []
        self._longest_s = longest_s

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(min(seconds, self._longest_s))


class Links:
    """Notes what is said of links."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bool, str]] = []

    def __call__(self, link: str, up: bool, detail: str) -> None:
        self.said.append((link, up, detail))


@contextlib.asynccontextmanager
async def writing(writer: InfluxWriter):
    """A writer at work; what it raises is raised."""
    task = asyncio.create_task(writer.run())
    try:
        yield task
    finally:
        if task.done():
            await task
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool], task: asyncio.Task[None] | None = None, seconds: float = 30.0) -> None:
    """Return when the condition holds; fail after `seconds`, or with what ended the task."""
    async with asyncio.timeout(seconds):
        while not condition():
            if task is not None and task.done():
                await task
            await asyncio.sleep(0.01)


def influx_settings(port: int, **more: Any) -> Influx:
    """Settings of a store on the loopback."""
    return Influx(url=f"http://127.0.0.1:{port}", **{"every_s": 0.05, **more})


def make_writer(
    settings: Influx,
    record: Record,
    sites: Sequence[Site],
    links: Links | None = None,
    clock: Clock | None = None,
    poster: Poster | None = None,
) -> InfluxWriter:
    """A writer of the homes of `sites`."""
    known = {one.id: one for one in sites}
    return InfluxWriter(
        settings, record, tuple(known), known.__getitem__, clock or HurriedClock(), links or Links(), poster=poster
    )
