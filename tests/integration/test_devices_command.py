"""`anlian devices` as an installer runs it: with a real gateway on a real broker, and with none."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.local_socket import NAME, REQUEST_MAX, NoGateway, ask
from tests.servers import Client, GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration

COMMENT = "# 值班电话在门卫室\n"
ADDRESS = "new smoke 301"


class Home:
    """A gateway with its broker, and the commands."""

    def __init__(self, folder: Path) -> None:
        self.broker = Mosquitto(folder / "broker").start()
        self.gateway = GatewayProcess(folder / "gw", self.broker.port)
        self.site = folder / "gw" / "site.toml"
        self.site.write_text(COMMENT + self.site.read_text())
        self.data = folder / "gw" / "data"
        self.client = Client(self.broker.port, "anlian/v1/home-a/alarm")

    def run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gateway", "devices", verb, str(self.gateway.settings), *words],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def adopt(self, **changed: str) -> subprocess.CompletedProcess[str]:
        wanted = {
            "home": "home-a",
            "source": "zigbee",
            "address": ADDRESS,
            "id": "smoke-301",
            "zone": "east",
            "name": "301烟感",
            **changed,
        }
        return self.run("adopt", *[word for key, value in wanted.items() for word in (f"--{key}", value)])

    def subjects(self) -> list[str]:
        alarms = self.client.on("anlian/v1/home-a/alarm")
        return [m["subject"] for m in alarms if m["change"] == "raised" and m["zone"] == "east"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    with running(made.broker, made.gateway):
        yield made
    made.client.close()


def test_a_stranger_is_listed_adopted_and_raises_in_its_zone(home: Home) -> None:
    home.gateway.start()
    wait_until(
        lambda: (
            home.client.publish(f"zigbee2mqtt/{ADDRESS}", {"smoke": False, "battery": 99})
            or ADDRESS in home.run("list", "--home", "home-a").stdout
        ),
        what="it is listed",
    )
    said = home.run("list").stdout
    assert "battery=99" in said and "smoke.alarm=false" in said
    assert f"--address {shlex.quote(ADDRESS)} --id smoke-new-smoke-301 --kind smoke --zone east" in said
    (one,) = json.loads(home.run("list", "--json").stdout)
    assert (one["source"], one["address"], one["kind"], one["values"]["battery"]) == ("zigbee", ADDRESS, "smoke", 99)

    before = home.site.read_text()
    refusals = {
        "Did you mean 'east'": {"zone": "eats"},
        "unknown kind 'smoek'": {"kind": "smoek"},
        "unknown profile of kind": {"kind": "smoke", "profile": "smoke.wird"},
        "there is a device smoke-204 already": {"id": "smoke-204"},
        "is adopted already, as smoke-205": {"address": "smoke-205"},
        "unknown source 'zigbe'": {"source": "zigbe"},
        "Did you mean 'home-a'": {"home": "home-b"},
        "at most 32 of a-z": {"id": "Smoke 301"},
    }
    for words, changed in refusals.items():
        said_no = home.adopt(**changed)
        assert words in said_no.stderr and said_no.returncode in (1, 2), said_no
        assert home.site.read_text() == before, words

    done = home.adopt(room="301", profile="smoke.nb_iot")
    assert done.returncode == 0 and "smoke-301 (smoke) is taken in" in done.stdout, done
    text = home.site.read_text()
    assert text.startswith(COMMENT) and 'profile = "smoke.nb_iot"' in text and 'room = "301"' in text
    assert "Nothing was heard" in home.run("list").stdout
    assert "is adopted already, as smoke-301" in home.adopt(id="smoke-302").stderr
    home.client.publish(f"zigbee2mqtt/{ADDRESS}", {"smoke": True})
    wait_until(lambda: "smoke-301" in home.subjects(), what="it raises in its zone")
    home.gateway.stop()
    with sqlite3.connect(home.data / "journal.db") as journal:
        dump = "\n".join(str(row) for (table,) in _tables(journal) for row in journal.execute(f"SELECT * FROM {table}"))
    assert f"command line, uid {os.getuid()}" in dump, "the journal says who changed the site"


def _tables(journal: sqlite3.Connection) -> list[tuple[str]]:
    return journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()


def test_without_a_gateway_the_file_is_changed_and_says_so(home: Home) -> None:
    said = home.run("list")
    assert said.returncode == 1 and "no gateway runs" in said.stderr and "ask again" in said.stderr
    home.site.chmod(0o640)
    refused = home.adopt(kind="smoke", zone="eats")
    assert refused.returncode == 1 and "Did you mean 'east'" in refused.stderr
    assert ADDRESS not in home.site.read_text()
    done = home.adopt(kind="smoke")
    assert done.returncode == 0 and "at its next start" in done.stdout, done
    assert home.site.read_text().startswith(COMMENT)
    assert stat.S_IMODE(home.site.stat().st_mode) == 0o640
    home.gateway.start()
    smoke = {"smoke": True}
    # Again and again: before its first session a broker keeps nothing for the gateway.
    wait_until(
        lambda: home.client.publish(f"zigbee2mqtt/{ADDRESS}", smoke) or "smoke-301" in home.subjects(),
        what="it raises in its zone",
    )


def test_a_file_that_cannot_be_written_is_told_with_its_remedy(home: Home) -> None:
    home.site.with_name(home.site.name + ".before.new").mkdir()
    before = home.site.read_text()
    said = home.adopt(kind="smoke")
    assert said.returncode == 1 and "cannot be written" in said.stderr and "let the gateway's user" in said.stderr
    home.gateway.start()
    wait_until(lambda: _answers(home.data))
    said = home.adopt(kind="smoke")
    assert said.returncode == 1 and "cannot be written" in said.stderr
    assert home.site.read_text() == before


def test_a_faulty_configuration_is_told_with_its_faults(home: Home) -> None:
    home.site.write_text(home.site.read_text().replace('zone = "east"', 'zone = "nowhere"', 1))
    said = home.run("list")
    assert said.returncode == 2 and "nowhere" in said.stderr


def test_a_gateway_that_runs_and_cannot_be_asked_is_left_alone(home: Home) -> None:
    home.gateway.start()
    door = wait_until(lambda: (home.data / NAME).exists() and home.data / NAME)
    door.unlink()
    said = home.adopt(kind="smoke")
    assert said.returncode == 1 and "a gateway runs, but cannot be asked" in said.stderr
    assert ADDRESS not in home.site.read_text(), "it would be taken over behind the gateway's back"


def test_the_door_is_for_its_user_only_and_takes_no_nonsense(home: Home) -> None:
    home.gateway.start()
    door = wait_until(lambda: (home.data / NAME).exists() and home.data / NAME)
    assert stat.S_IMODE(door.stat().st_mode) == 0o600
    for body in (b"\n", b"[]\n", b'{"ask": "adopt", "adoption": {"home": 1}}\n', b"x" * (2 * REQUEST_MAX) + b"\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(door))
            connection.sendall(body)
            answer = json.loads(connection.makefile().readline())
        assert answer["refused"], body
    assert ask(home.data, {"ask": "strangers"}) == {"strangers": []}
    home.gateway.kill()
    with pytest.raises(NoGateway, match="no gateway runs"):
        ask(home.data, {"ask": "strangers"})
    home.gateway.start()
    wait_until(lambda: _answers(home.data), what="a door that was left behind is opened anew")


def _answers(data: Path) -> bool:
    try:
        return "strangers" in ask(data, {"ask": "strangers"})
    except NoGateway:
        return False
