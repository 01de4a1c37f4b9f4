"""The roster on real parts: a smoke calls who holds the post; a click and an imported plan change who that is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.console.accounts import hash_password
from tests.integration.test_adopt import ACCOUNT, COMMENT, Browser
from tests.servers import Client, GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration

ROSTER = """
[[zone]]
id = "west"
name = "西区"

[[post]]
id = "care"
name = "护理"

[[shift]]
id = "always"
post = "care"
people = ["carer"]
"""
SMOKE = {"smoke": True, "battery": 91, "battery_low": False, "tamper": False, "linkquality": 80}
CHINA = timedelta(hours=8)


class Phones:
    """A webhook that hears every message that goes to a phone."""

    def __init__(self) -> None:
        self.heard: list[dict[str, object]] = []
        heard = self.heard

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def called(self) -> list[str]:
        """The addresses, in the order in which they were called."""
        return [str(message["address"]) for message in list(self.heard)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[GatewayProcess, Client, Phones]]:
    phones = Phones()
    broker = Mosquitto(tmp_path / "broker").start()
    folder = tmp_path / "gw"
    channels = tuple(f'{{ destination = "phone", address = "{who}" }}' for who in ("carer", "director"))
    channel = f'[[channels]]\nname = "phone"\nkind = "webhook"\nurl = "{phones.url}"\n'
    gateway = GatewayProcess(folder, broker.port, more='accounts = "accounts.toml"\n' + channel, channels=channels)
    (folder / "accounts.toml").write_text(ACCOUNT.format(hash_password("a long password")))
    (folder / "accounts.toml").chmod(0o600)
    site = folder / "site.toml"
    # Every step calls the post, and the second smoke detector has a zone of its own: a new incident is a new plan.
    text = re.sub(r'tell = \["role:[a-z]+"\]', 'tell = ["post:care"]', site.read_text())
    text = text.replace('address = "smoke-205"\nzone = "east"', 'address = "smoke-205"\nzone = "west"')
    site.write_text(COMMENT + text + ROSTER)
    client = Client(broker.port, "anlian/v1/home-a/#")
    with running(broker, gateway):
        gateway.start()
        yield gateway, client, phones
    client.close()
    phones.close()


def local(at: datetime) -> str:
    return (at + CHINA).strftime("%Y-%m-%dT%H:%M")


def told(phones: Phones, known: int) -> str:
    """Who is called first from now on."""
    wait_until(lambda: len(phones.called()) > known, what="a phone rings")
    return phones.called()[known]


def test_a_smoke_calls_who_holds_the_post_at_that_minute(home: tuple[GatewayProcess, Client, Phones]) -> None:
    gateway, client, phones = home
    client.publish("zigbee2mqtt/smoke-204", {**SMOKE, "smoke": False})
    client.publish("zigbee2mqtt/smoke-204", SMOKE)
    assert told(phones, 0) == "carer"

    browser = Browser(gateway.console_port)
    browser.get("/login")
    browser.post("/login", name="li", password="a long password", next="/")
    page = browser.get("/home/home-a/duty")
    assert "李护理" in page
    now = datetime.now(UTC)
    span = {"from": local(now - timedelta(hours=1)), "until": local(now + timedelta(hours=2))}
    status, page = browser.post(
        "/home/home-a/duty/substitute",
        csrf=browser.csrf(page),
        post="care",
        person="director",
        instead_of="carer",
        reason="ill",
        **span,
    )
    assert status == 200, re.sub(r"<[^>]*>", " ", page)[:2000]
    text = (gateway.folder / "site.toml").read_text()
    assert COMMENT in text
    assert "[[override]]" in text
    gateway.kill()
    gateway.start()
    assert "王院长" in browser.get("/home/home-a/duty").partition('id="gaps-head"')[0]
    known = len(phones.called())
    client.publish("zigbee2mqtt/smoke-205", {**SMOKE, "smoke": False})
    client.publish("zigbee2mqtt/smoke-205", SMOKE)
    assert told(phones, known) == "director"


def test_an_imported_plan_is_in_force_in_the_running_gateway(
    home: tuple[GatewayProcess, Client, Phones], tmp_path: Path
) -> None:
    gateway, _, _ = home
    day = (datetime.now(UTC) + CHINA).strftime("%Y-%m-%d")
    table = tmp_path / "plan.csv"
    table.write_text(f"岗位,开始,结束,姓名\n护理,{day} 00:00,{day} 23:59,王院长\n", "gb18030")
    words = [sys.executable, "-m", "gateway", "duty", "import", str(gateway.settings), str(table), "--apply"]
    said = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "the running gateway has taken it over" in said.stdout
    browser = Browser(gateway.console_port)
    browser.get("/login")
    browser.post("/login", name="li", password="a long password", next="/")
    now = browser.get("/home/home-a/duty").partition('id="gaps-head"')[0]
    assert "王院长" in now
    assert "李护理" not in now
