"""The canary in a real gateway: a test by hand goes out over the real channel, is measured, recorded and shown."""

from __future__ import annotations

import http.cookiejar
import json
import re
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.record.audited import AuditedJournal
from rules.inputs import ChannelProven, Outcome
from tests.console_world import HASH, PASSWORD
from tests.servers import GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration

MORE = """
accounts = "accounts.toml"

[canary]
silent = false

[[channels]]
name = "phone"
kind = "webhook"
url = "http://127.0.0.1:{port}/"
"""

ACCOUNTS = """
[[account]]
name = "wang"
person = "director"
password_hash = "{hash}"
roles = ["operator"]
homes = ["*"]
"""


class Desk:
    """A webhook that takes every message, or refuses all."""

    def __init__(self) -> None:
        self.messages: list[dict] = []
        self.status = 200
        outer = self

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Visitor:
    """A browser without a screen."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._open = urllib.request.build_opener(jar).open

    def get(self, path: str) -> str:
        with self._open(self._address + path, timeout=10) as answer:
            return answer.read().decode()

    def post(self, path: str, **form: str) -> str:
        body = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self._address + path, data=body, headers={"Origin": self._address})
        with self._open(request, timeout=10) as answer:
            return answer.read().decode()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[tuple[GatewayProcess, Desk]]:
    desk = Desk()
    broker = Mosquitto(tmp_path / "broker").start()
    way = '{ destination = "phone", address = "a" }'
    gateway = GatewayProcess(
        tmp_path / "gw", broker.port, more=MORE.format(port=desk.port), channels=(way, way)
    )
    (tmp_path / "gw" / "accounts.toml").write_text(ACCOUNTS.format(hash=HASH))
    with running(gateway, broker, desk):
        yield gateway.start(), desk


def standing(visitor: Visitor, person: str) -> str:
    page = visitor.get("/home/home-a/channel-tests?lang=en")
    found = re.search(rf'data-channel="{person}/phone" data-standing="([a-z]+)"', page)
    assert found is not None
    return found[1]


def test_a_test_by_hand_goes_the_whole_way_and_a_failing_phone_is_told_to_the_director(
    stage: tuple[GatewayProcess, Desk],
) -> None:
    gateway, desk = stage
    visitor = Visitor(gateway.console_port)
    visitor.post("/login", name="wang", password=PASSWORD, next="/")
    page = visitor.get("/home/home-a/channel-tests")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf is not None and standing(visitor, "carer") == "unknown"
    form = {"csrf": csrf[1], "person": "carer", "channel": "phone"}
    visitor.post("/home/home-a/channel-tests/ask", **form)
    wait_until(lambda: standing(visitor, "carer") == "proven", 20, "the carer's phone is proven")
    assert [(m["purpose"], m["danger"], m["person"]) for m in desk.messages] == [("test", False, "carer")]
    assert "不是报警" in desk.messages[0]["text"]
    desk.status = 404
    visitor.post("/home/home-a/channel-tests/ask", **form)
    wait_until(lambda: standing(visitor, "carer") == "failed", 20, "the carer's phone failed")
    calls = wait_until(lambda: [m for m in desk.messages if m["purpose"] == "call"], 20, "the director is called")
    assert {m["person"] for m in calls} == {"director"} and "李护理 (carer) phone" in calls[0]["text"]
    gateway.stop()
    with AuditedJournal(gateway.folder / "data" / "journal.db") as journal:
        tip = journal.tip("home-a")
        proofs = [entry.input for entry in journal.archived("home-a", 0, tip) if isinstance(entry.input, ChannelProven)]
    assert [proof.outcome for proof in proofs] == [Outcome.ACCEPTED, Outcome.REFUSED]
    assert all(proof.lag is not None and proof.lag.total_seconds() < 5 for proof in proofs)
