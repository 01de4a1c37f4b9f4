"""The auditor beside a real gateway: quiet while that reloads, restarts or has its clock set, and not when it stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.audit.auditor import Auditor, Looked
from gateway.audit.command import auditor_of, read_settings
from gateway.clock import SystemClock
from tests.integration.test_clock_steps import SEAM
from tests.servers import Client, GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration

TOLERANCE_S = 6.0

MORE = """
[[channels]]
name = "phone"
kind = "webhook"
url = "http://127.0.0.1:{port}/"
per_minute = 600

[audit]
calls = [{{ channel = "phone", address = "maintainer" }}]
heartbeat = {{ url = "http://127.0.0.1:{port}/beat", every_s = 1.0 }}
every_s = 1.0
"""


class Desk:
    """A webhook that keeps what comes to each path."""

    def __init__(self) -> None:
        self.got: dict[str, list[dict]] = {}
        outer = self

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.setdefault(self.path, []).append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Stage:
    def __init__(self, folder: Path) -> None:
        self.desk = Desk()
        self.broker = Mosquitto(folder / "broker").start()
        self.offset = folder / "offset"
        self.offset.write_text("0")
        self.gateway = GatewayProcess(
            folder / "gw",
            self.broker.port,
            more=MORE.format(port=self.desk.port),
            channels=('{ destination = "phone" }', '{ destination = "phone" }'),
            second_after="2s",
            wrapper=SEAM.format(file=str(self.offset)),
        ).start()
        self.client = Client(self.broker.port)
        self.clock = SystemClock()

    def auditor(self, tolerance_s: float = TOLERANCE_S) -> Auditor:
        return auditor_of(read_settings(self.gateway.settings, {}), self.clock, tolerance_s)

    def stop(self) -> None:
        if self.gateway.process is not None:
            self.gateway.process.send_signal(signal.SIGCONT)
        self.gateway.stop()
        self.client.close()
        self.broker.stop()
        self.desk.stop()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    with running(stage):
        yield stage


def found(auditor: Auditor) -> Looked | None:
    looked = auditor.look()
    return looked if looked.standing else None


def test_a_fire_that_escalates_a_reload_a_set_clock_and_a_restart_are_no_findings(stage: Stage) -> None:
    auditor = stage.auditor(30.0)  # a restart takes seconds, on a busy machine more of them
    stage.client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
    people = stage.desk.got
    wait_until(lambda: {m["person"] for m in people.get("/", [])} >= {"carer", "director"}, what="both are called")
    wait_until(lambda: auditor.look().incidents == 1, what="the auditor sees the incident")
    seen: list[Looked] = []

    def quiet(done) -> None:
        def look() -> bool:
            seen.append(auditor.look())
            return bool(done())

        wait_until(look, 30, "what was waited for, with looks all the while")

    assert stage.gateway.process is not None
    stage.gateway.process.send_signal(signal.SIGHUP)
    stage.offset.write_text("+18000")
    moved = len(people["/"])
    quiet(lambda: "clock stepped" in stage.gateway.log.read_text())
    stage.gateway.kill()
    quiet(lambda: seen[-1].suspected)
    stage.gateway.start(wait=False)
    quiet(lambda: seen[-1].clean and len(people["/"]) >= moved)
    assert [finding.line() for looked in seen for finding in looked.standing] == []
    assert seen[-1].incidents >= 2, "the fire, the trouble of the clock, and perhaps one of the restart"


def test_a_gateway_that_is_frozen_is_called_by_the_auditors_own_way_and_its_heartbeat_goes_on(stage: Stage) -> None:
    stage.client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
    wait_until(lambda: stage.desk.got.get("/"), what="the fire is called")
    code = (
        "import asyncio, sys; from pathlib import Path; import gateway.audit.command as c; "
        "a = c.read_settings(Path(sys.argv[1]), {}); k = c.SystemClock(); c.ASK_S = 1.0; "
        f"asyncio.run(c._watch(a, c.auditor_of(a, k, {TOLERANCE_S}), k))"
    )
    assert stage.gateway.process is not None
    process = subprocess.Popen([sys.executable, "-c", code, str(stage.gateway.settings)])
    try:
        beats = stage.desk.got.setdefault("/beat", [])
        wait_until(lambda: beats and beats[-1]["findings"] == [], what="the auditor beats, without a finding")
        os.kill(stage.gateway.process.pid, signal.SIGSTOP)

        def calls(purpose: str) -> list[dict]:
            return [m for m in stage.desk.got["/"] if m["person"] == "audit" and m["purpose"] == purpose]

        (call,) = wait_until(lambda: calls("call"), 30, "the auditor calls")
        assert call["address"] == "maintainer" and "网关没有运行或已停顿" in call["text"]
        wait_until(lambda: "gateway" in beats[-1]["findings"], what="its heartbeat says so")
        os.kill(stage.gateway.process.pid, signal.SIGCONT)
        wait_until(lambda: calls("over"), 30, "the auditor says that it is over")
    finally:
        process.terminate()
        process.wait(10)


def test_one_look_ends_with_0_when_all_is_well_and_with_1_without_a_gateway(stage: Stage) -> None:
    command = [sys.executable, "-m", "gateway", "audit", str(stage.gateway.settings), "--once"]
    well = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (well.returncode, well.stdout.splitlines()[-1][-10:]) == (0, "no finding"), well.stdout + well.stderr
    stage.gateway.stop()
    auditor = stage.auditor()
    looked = wait_until(lambda: found(auditor), what="a gateway that does not run is a finding")
    assert [finding.suspicion.key for finding in looked.standing] == ["gateway"]


def test_a_main_file_with_a_fault_is_told_and_ends_with_2(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('sites = []\npublic_url = "https://x"\n[audit]\ncalls = [{ channel = "nobody" }]\n')
    command = [sys.executable, "-m", "gateway", "audit", str(path), "--once"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "audit.calls[1].channel" in ended.stdout and "unknown channel 'nobody'" in ended.stdout
