"""The wall clock jumps by hours while telemetry flows: alarms, silence, stored rows and shown ages stay right.

With libfaketime the whole process sees the jump; without it the gateway's one clock is told another wall time.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.influx_world import InfluxServer
from tests.servers import Client, GatewayProcess, Mosquitto, listens, running, wait_until

pytestmark = pytest.mark.integration

ALARMS = "anlian/v1/home-a/alarm"
FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
"""Where Debian's package faketime puts its library."""

SEAM = """
import pathlib
from datetime import UTC, datetime, timedelta
from gateway import clock
def wall(self):
    return datetime.now(UTC) + timedelta(seconds=float(pathlib.Path({file!r}).read_text()))
clock.SystemClock.wall = wall
from gateway.__main__ import cli
cli()
"""

FORTH, BACK = (3.0, -2.0), (-5.0, 4.0)
WITHOUT_FAKETIME = pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
CASES = [
    pytest.param("seam", FORTH, id="forth"),
    pytest.param("seam", BACK, id="back"),
    pytest.param("faketime", BACK, id="the-whole-process", marks=WITHOUT_FAKETIME),
]


class Stage:
    """A broker, a store, a gateway whose wall clock can be set, and detectors that report all the time."""

    def __init__(self, folder: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.broker = Mosquitto(folder / "broker").start()
        (folder / "influx").mkdir()
        self.store = InfluxServer(folder / "influx")
        self.store.start()
        wait_until(lambda: listens(self.store.port), what="influxd listens")
        self.store.query("CREATE DATABASE anlian")
        self._offset = folder / "offset"
        self.set_wall(0)
        more = f'[[influx]]\nurl = "{self.store.url}"\nevery_s = 0.2\n'
        wrapper = SEAM.format(file=str(self._offset)) if way == "seam" else ""
        self.gateway = GatewayProcess(folder / "gw", self.broker.port, more=more, wrapper=wrapper)
        site = (folder / "gw" / "site.toml").read_text()
        site = site.replace('address = "meter-1"', 'address = "meter-1"\nsilence_limit = "10s"')
        (folder / "gw" / "site.toml").write_text(site)
        if way == "faketime":
            monkeypatch.setenv("LD_PRELOAD", str(FAKETIME))
            monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(self._offset))
            monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
            monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        self.gateway.start()
        for name in ("LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE"):
            monkeypatch.delenv(name, raising=False)
        self.client = Client(self.broker.port, f"{ALARMS}", "anlian/v1/home-a/gateway")
        self._ended = threading.Event()
        self._meter_speaks = True
        self._talk = threading.Thread(target=self._report, daemon=True)
        self._talk.start()

    def set_wall(self, seconds: float) -> None:
        self.offset = timedelta(seconds=seconds)
        self._offset.write_text(f"{seconds:+.0f}")

    def wall(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def _report(self) -> None:
        number = 0
        while not self._ended.wait(0.1):
            number += 1
            self.client.publish("zigbee2mqtt/smoke-205", {"smoke": False, "battery": 50 + number % 40})
            if self._meter_speaks:
                self.client.publish("anlian/v1/home-a/meter-1/telemetry", {"points": {"power": float(number)}})

    def silence_meter(self) -> None:
        self._meter_speaks = False

    def stop(self) -> None:
        self._ended.set()
        self._talk.join(5)
        self.client.close()
        self.gateway.stop()
        self.store.kill()
        self.broker.stop()

    def alarms(self, rule: str, subject: str) -> list[dict[str, Any]]:
        return [one for one in self.client.on(ALARMS) if one["rule"] == rule and one["subject"] == subject]

    def rows(self, device: str, field: str) -> list[datetime]:
        found = []
        for measurement in ("smoke", "electrical"):
            for one in self.store.query(f"SELECT \"{field}\" FROM \"{measurement}\" WHERE \"device\" = '{device}'"):
                found += [datetime.fromtimestamp(row[0] / 1000, UTC) for row in one["values"]]
        return sorted(found)

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.gateway.console_port}/health.json") as answer:
            return dict(json.loads(answer.read()))


@pytest.fixture
def stage(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage(tmp_path, way, monkeypatch)
    with running(stage):
        yield stage


def near(instant: str | datetime, wanted: datetime, seconds: float = 3.0) -> bool:
    found = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return abs((found - wanted).total_seconds()) < seconds


def fire(stage: Stage, device: str = "smoke-204") -> dict[str, Any]:
    """The alarm of a detector, which must be out at once."""
    began, before = time.monotonic(), len(stage.alarms("fire.smoke", device))
    stage.client.publish(f"zigbee2mqtt/{device}", {"smoke": True})
    wait_until(lambda: len(stage.alarms("fire.smoke", device)) > before, 5, "the fire is out")
    assert time.monotonic() - began < 1.5, "the fire was late"
    return stage.alarms("fire.smoke", device)[-1]


def stepped(stage: Stage, hours: float, before: int) -> dict[str, Any]:
    """The trouble that tells of the step."""

    def told() -> bool:
        return len(stage.alarms("gateway.clock", "clock")) > before

    stage.set_wall(hours * 3600)
    wait_until(told, 10, "the step is told")
    return stage.alarms("gateway.clock", "clock")[-1]


def fresh_rows(stage: Stage, device: str, field: str) -> Callable[[], bool]:
    return lambda: any(near(at, stage.wall(), 2) for at in stage.rows(device, field))


@pytest.mark.parametrize(("way", "hours"), CASES)
def test_a_jump_of_hours_either_way(stage: Stage, hours: tuple[float, ...]) -> None:
    wait_until(fresh_rows(stage, "meter-1", "power"), 15, "rows are stored")
    for number, jump in enumerate(hours):
        trouble = stepped(stage, jump, number)
        assert near(trouble["at"], stage.wall()), "what is published has the time on the wall"
        wait_until(fresh_rows(stage, "meter-1", "power"), 10, "rows have the time on the wall")
        status = stage.client.on("anlian/v1/home-a/gateway")
        assert status and status[-1]["state"] == "online"
        # Nobody fell silent by the jump: the limits (10 s, and a detector's hours) run on the steady clock.
        assert not [one for one in stage.client.on(ALARMS) if one["rule"] == "supervision.silent"]
        alarm = fire(stage, ("smoke-204", "smoke-205")[number])
        assert near(alarm["raised_at"], stage.wall()) and near(alarm["at"], stage.wall())
    began = time.monotonic()
    stage.silence_meter()
    wait_until(lambda: stage.alarms("supervision.silent", "meter-1"), 20, "the meter is silent")
    assert 8 < time.monotonic() - began < 14, "a running delay is neither starved nor shortened"
    rows = stage.rows("meter-1", "power")
    assert len(rows) == len(set(rows)) and all(
        any(near(row, datetime.now(UTC) + timedelta(hours=jump), 60) for jump in (0.0, *hours)) for row in rows
    )
    assert stage.health()["links"]
