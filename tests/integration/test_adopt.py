"""A device that was heard is taken in: by a click, by hand and SIGHUP; over kill -9; with comments kept."""

from __future__ import annotations

import http.cookiejar
import re
import signal
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.console.accounts import hash_password
from gateway.console.adoption import suggested_kind
from gateway.site_file import suggested_id
from tests.servers import Client, GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration

ACCOUNT = '[[account]]\nname = "li"\nperson = "carer"\npassword_hash = "{}"\nroles = ["operator"]\nhomes = ["*"]\n'
COMMENT = "# the electrician's number is on the board\n"


class Browser:
    """A client with cookies that fills in forms."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar)

    def get(self, path: str) -> str:
        return self._opener.open(self._base + path, timeout=10).read().decode()

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        request = urllib.request.Request(self._base + path, urllib.parse.urlencode(fields).encode())
        request.add_header("Origin", self._base)
        try:
            with self._opener.open(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def csrf(self, page: str) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found is not None
        return found[1]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[GatewayProcess, Client]]:
    broker = Mosquitto(tmp_path / "broker").start()
    gateway = GatewayProcess(tmp_path / "gw", broker.port)
    text = gateway.settings.read_text().replace("[console]", '[console]\naccounts = "accounts.toml"')
    gateway.settings.write_text(text)
    (tmp_path / "gw" / "accounts.toml").write_text(ACCOUNT.format(hash_password("a long password")))
    (tmp_path / "gw" / "accounts.toml").chmod(0o600)
    site = tmp_path / "gw" / "site.toml"
    site.write_text(COMMENT + site.read_text())
    client = Client(broker.port, "anlian/v1/home-a/alarm")
    with running(broker, gateway):
        gateway.start()
        yield gateway, client
    client.close()


def subjects(client: Client, zone: str) -> list[str]:
    alarms = client.on("anlian/v1/home-a/alarm")
    return [m["subject"] for m in alarms if m["change"] == "raised" and m["zone"] == zone]


def test_a_stranger_is_adopted_by_click_and_stays_over_kill(home: tuple[GatewayProcess, Client]) -> None:
    gateway, client = home
    browser = Browser(gateway.console_port)
    page = browser.get("/login")
    browser.post("/login", name="li", password="a long password", next="/")

    def listed() -> str:
        # Again and again: before its first session a broker keeps nothing for the gateway.
        client.publish("zigbee2mqtt/new smoke 301", {"smoke": False, "battery": 99, "tamper": False})
        page = browser.get("/unregistered")
        return page if "new smoke 301" in page else ""

    page = wait_until(listed)
    link = re.search(r'href="(/unregistered/adopt\?[^"]+)"', page)
    assert link is not None
    form = browser.get(link[1].replace("&amp;", "&"))
    assert '<option value="smoke" selected>' in form
    fields = {
        "csrf": browser.csrf(form),
        "home": "home-a",
        "source": "zigbee",
        "address": "new smoke 301",
        "id": "smoke-301",
        "kind": "smoke",
        "zone": "east",
        "room": "301",
        "name_zh": "301烟感",
    }
    status, said = browser.post("/unregistered/adopt", **{**fields, "id": "smoke-204"})
    assert status == 409 and "smoke-204" in said
    status, said = browser.post("/unregistered/adopt", **{**fields, "zone": "west"})
    assert status == 409 and "west" in said
    site = gateway.folder / "site.toml"
    assert "301" not in site.read_text(), "a refused adoption changes nothing"
    status, said = browser.post("/unregistered/adopt", **fields)
    assert status == 200 and "301烟感" in said
    status, said = browser.post("/unregistered/adopt", **{**fields, "id": "smoke-302"})
    assert status == 409 and "smoke-301" in said, "the second person gets a clear answer"
    assert site.read_text().startswith(COMMENT)
    client.publish("zigbee2mqtt/new smoke 301", {"smoke": True})
    wait_until(lambda: "smoke-301" in subjects(client, "east"), what="it raises in its zone")
    gateway.kill()
    gateway.start()
    client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
    wait_until(lambda: "smoke-204" in subjects(client, "east"))
    assert "new smoke 301" not in Browser(gateway.console_port).get("/")


def test_a_file_changed_by_hand_is_taken_over_or_refused_whole(home: tuple[GatewayProcess, Client]) -> None:
    gateway, client = home
    assert gateway.process is not None
    site = gateway.folder / "site.toml"
    good = site.read_text()
    site.write_text(good.replace('zone = "east"', 'zone = "nowhere"', 1))
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the old one stays" in gateway.log.read_text())
    client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
    wait_until(lambda: "smoke-204" in subjects(client, "east"), what="the old site is in force")
    site.write_text(good.replace('address = "smoke-205"', 'address = "renamed"'))
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "configuration read again" in gateway.log.read_text())
    client.publish("zigbee2mqtt/renamed", {"smoke": True})
    wait_until(lambda: "smoke-205" in subjects(client, "east"))


@pytest.mark.parametrize(
    ("points", "kind"),
    [
        (["smoke.alarm", "battery", "tamper"], "smoke"),
        (["gas.alarm"], "gas"),
        (["sos.alarm", "battery"], "sos"),
        (["temperature", "humidity", "battery"], "climate"),
        (["current.residual", "cable_temp.1"], "electrical"),
        ([], "other"),
    ],
)
def test_the_kind_is_guessed_from_what_it_says(points: list[str], kind: str) -> None:
    assert suggested_kind(points) == kind


@pytest.mark.parametrize(
    ("kind", "address", "wanted"),
    [
        ("smoke", "0x00158D0001", "smoke-0x00158d0001"),
        ("sos", "客厅 SOS/1", "sos-sos-1"),
        ("gas", "厨房", "gas"),
        ("door", "a" * 60, "door-" + "a" * 27),
    ],
)
def test_the_id_is_made_of_kind_and_address(kind: str, address: str, wanted: str) -> None:
    assert suggested_id(kind, address) == wanted
