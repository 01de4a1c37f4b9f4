"""Nobody is forgotten: an escalation goes on over kill -9, and ends when somebody answers on the phone's page."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.servers import Client, GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration

CHANNEL = """
[[channels]]
name = "phone"
kind = "webhook"
url = "http://127.0.0.1:{port}/"
per_minute = 600
"""


class Phones:
    """A webhook that takes every message, as a phone service would; `refuses` is a person it cannot reach."""

    def __init__(self) -> None:
        self.messages: list[dict] = []
        self.refuses = ""
        outer = self

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.messages.append(message)
                refused = message["person"] == outer.refuses
                self.send_response(403 if refused else 200)
                self.end_headers()
                self.wfile.write(b'{"ok": false, "error": "unknown number"}' if refused else b'{"ok": true}')

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def to(self, person: str, purpose: str = "call") -> list[dict]:
        return [m for m in self.messages if m["person"] == person and m["purpose"] == purpose]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def phones() -> Iterator[Phones]:
    phones = Phones()
    yield phones
    phones.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "broker").start()
    with running(broker):
        yield broker


def gateway_with(tmp_path: Path, broker: Mosquitto, phones: Phones, second_after: str) -> GatewayProcess:
    way = '{ destination = "phone" }'
    return GatewayProcess(
        tmp_path / "gw",
        broker.port,
        more=CHANNEL.format(port=phones.port),
        channels=(way, way),
        second_after=second_after,
    )


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_next_contact_is_called_although_the_gateway_was_killed(
    tmp_path: Path, broker: Mosquitto, phones: Phones
) -> None:
    gateway = gateway_with(tmp_path, broker, phones, "3s").start()
    client = Client(broker.port)
    with running(gateway):
        client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
        wait_until(lambda: phones.to("carer"), what="the carer is called")
        assert not phones.to("director")
        gateway.kill()
        gateway.start()
        wait_until(lambda: phones.to("director"), what="the director is called after the restart")
        ids = [m["message"] for m in phones.to("carer")]
        assert len(set(ids)) == 1, "the same message keeps its id, handed over once more at the most"

        page = phones.to("director")[0]["url"].replace(
            "https://anlian.example.org", f"http://127.0.0.1:{gateway.console_port}"
        )
        for _ in range(3):
            status, text = get(page)
            assert status == 200
        wait_until(lambda: len(phones.messages) >= 2)
        assert not phones.to("carer", "over"), "a chat program that fetches the link ahead acknowledges nothing"
        assert "Smoke 204" in text or "204烟感" in text
        form = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', text))
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(page, data=body, timeout=10) as answer:
            assert answer.status == 200
        wait_until(lambda: phones.to("carer", "over"), what="the carer hears that the director took it on")
    client.close()


def test_a_refusal_moves_to_the_next_contact_at_once(tmp_path: Path, broker: Mosquitto, phones: Phones) -> None:
    phones.refuses = "carer"
    gateway = gateway_with(tmp_path, broker, phones, "10m").start()
    client = Client(broker.port)
    with running(gateway):
        client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
        wait_until(lambda: phones.to("director"), what="the director, ten minutes early")
        assert phones.to("carer")
    client.close()
