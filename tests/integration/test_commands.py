"""The commands of the README, run as a person runs them."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.servers import Client, GatewayProcess, Mosquitto, listens, running, wait_until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


def anlian(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "gateway", *words], capture_output=True, text=True, timeout=60, **more)  # type: ignore[call-overload]


def test_replay_agrees_with_the_journal_and_sees_an_altered_one(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    gateway = GatewayProcess(tmp_path / "gw", broker.port).start()
    with running(broker, gateway):
        client = Client(broker.port, "anlian/v1/home-a/alarm")
        for number in range(50):
            client.publish("zigbee2mqtt/smoke-204", {"smoke": number % 10 == 9, "battery": 90 - number})
        wait_until(lambda: client.on("anlian/v1/home-a/alarm"))
        client.close()
        gateway.kill()
        gateway.start()
        assert gateway.stop() == 0, gateway.log.read_text()[-2000:]
    said = anlian("replay", str(gateway.settings))
    assert said.returncode == 0, said.stdout + said.stderr
    assert re.search(r"home-a: [1-9]\d+ entries .* 0 different", said.stdout)

    journal = sqlite3.connect(tmp_path / "gw" / "data" / "journal.db")
    table, column = "segment", "body"
    for rowid, body in journal.execute(f"select rowid, {column} from {table}").fetchall():
        text = body.decode() if isinstance(body, bytes) else body
        altered = text.replace('"change":"raised"', '"change":"cleared"')
        if altered != text:
            new = altered.encode() if isinstance(body, bytes) else altered
            journal.execute(f"update {table} set {column} = ? where rowid = ?", (new, rowid))
    journal.commit()
    journal.close()
    said = anlian("replay", str(gateway.settings))
    assert said.returncode == 1 and "cleared" in said.stdout


def test_check_of_the_example_finds_no_fault() -> None:
    said = anlian("check", "deploy/example.toml", cwd=ROOT)
    assert said.returncode == 0, said.stdout + said.stderr


def test_a_faulty_configuration_starts_nothing_and_lists_every_fault(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('sites = ["none.toml"]\npublic_url = "ftp://x"\nnonsense = 1\n')
    said = anlian("run", str(tmp_path / "bad.toml"))
    assert said.returncode == 2
    for fault in ("nonsense", "none.toml", "public_url"):
        assert fault in said.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "bad.toml"]


def test_the_demo_shows_a_fire_within_a_minute_and_leaves_nothing(tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    with log.open("w") as out:
        demo = subprocess.Popen(
            [sys.executable, "-m", "gateway", "demo", "--after", "2"],
            stdout=out,
            stderr=out,
            env={**__import__("os").environ, "TMPDIR": str(tmp_path)},
        )
    try:
        wait_until(lambda: "☎" in log.read_text(), 60, "the message to a phone")
        address = re.search(r"http://127\.0\.0\.1:\d+/", log.read_text())
        assert address is not None
        with urllib.request.urlopen(address[0], timeout=10) as page:
            assert "火警" in page.read().decode()
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(20) == 0, log.read_text()
    assert "没有留下任何进程或文件" in log.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["demo.log"]
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False).stdout
    assert left == ""


def test_the_demo_names_the_incidents_it_knows() -> None:
    said = anlian("demo", "--incident", "earthquake")
    assert said.returncode == 2 and "kitchen-fire" in said.stderr


def test_the_demo_runs_without_mosquitto(tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    with log.open("w") as out:
        demo = subprocess.Popen(
            [sys.executable, "-m", "gateway", "demo", "--after", "1", "--embedded-broker"], stdout=out, stderr=out
        )
    try:
        wait_until(lambda: "☎" in log.read_text(), 60, "the message to a phone")
        assert "(iotcore)" in log.read_text()
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0, log.read_text()


def test_a_taken_console_port_is_a_trouble_and_alarms_go_on(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    gateway = GatewayProcess(tmp_path / "gw", broker.port)
    taken = socket.socket()
    taken.bind(("127.0.0.1", gateway.console_port))
    taken.listen()
    client = Client(broker.port, "anlian/v1/home-a/alarm", "anlian/v1/home-a/gateway")
    with running(broker, gateway):
        gateway.start(wait=False)
        wait_until(lambda: client.on("anlian/v1/home-a/gateway"), 30)
        client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
        alarms = lambda: {m["subject"]: m for m in client.on("anlian/v1/home-a/alarm")}  # noqa: E731
        wait_until(lambda: "smoke-204" in alarms() and "link:console" in alarms(), what="fire and trouble")
        assert "alarms go on" in alarms()["link:console"]["detail"]
        taken.close()
        wait_until(lambda: listens(gateway.console_port), 30, "the console comes up when the port is free")
    client.close()


def test_a_journal_that_could_not_be_opened_is_opened_once_there_is_room(tmp_path: Path) -> None:
    """No journal at the start: alarms from memory, a trouble; then what was in the way goes, and it starts anew."""
    broker = Mosquitto(tmp_path / "broker").start()
    gateway = GatewayProcess(tmp_path / "gw", broker.port)
    data = tmp_path / "gw" / "data"
    (data / "journal.db.epoch").mkdir(parents=True)
    client = Client(broker.port, "anlian/v1/home-a/alarm")
    with running(broker, gateway):
        gateway.start()
        subjects = lambda: {m["subject"] for m in client.on("anlian/v1/home-a/alarm")}  # noqa: E731
        wait_until(lambda: "link:journal-start" in subjects(), 30, "the trouble")
        (data / "journal.db.epoch").rmdir()
        wait_until(lambda: "starting anew" in gateway.log.read_text(), 90)
        wait_until(lambda: (data / "journal.db").exists(), 30)
        client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
        wait_until(lambda: "smoke-204" in subjects(), 30)
        said = [(m["subject"], m["change"]) for m in client.on("anlian/v1/home-a/alarm")]
        assert said.count(("smoke-204", "raised")) == 1, "the journal that was begun anew holds the alarm once"
    client.close()
