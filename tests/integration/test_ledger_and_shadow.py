"""The ledger of a gateway that is killed, and a shadow beside a gateway that raises: both with the real program."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.integration.test_commands import anlian
from tests.servers import Client, GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration

NO_SMOKE = """
[[rule]]
id = "fire.heat"
title = {zh = "感温", en = "Heat"}
category = "fire"
condition = {equals = {point = "heat.alarm", value = true}}
latch = true
"""


def kinds(path: Path) -> list[str]:
    database = sqlite3.connect(path / "gw" / "data" / "journal.db")
    rows = [row[0] for row in database.execute("SELECT kind FROM ledger ORDER BY number")]
    database.close()
    return rows


def test_the_ledger_outlives_kill_9_and_finds_what_was_altered_afterwards(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    gateway = GatewayProcess(tmp_path / "gw", broker.port).start()
    with running(broker, gateway):
        client = Client(broker.port, "anlian/v1/home-a/alarm")
        client.publish("zigbee2mqtt/smoke-204", {"smoke": True, "battery": 90})
        wait_until(lambda: client.on("anlian/v1/home-a/alarm"))
        gateway.kill()
        gateway.start()
        raised = kinds(tmp_path).count("alarm.raised")
        client.publish("zigbee2mqtt/never-heard-of", {"smoke": True, "battery": 90})
        wait_until(lambda: kinds(tmp_path).count("alarm.raised") > raised)
        client.close()
        heads = tmp_path / "gw" / "data" / "ledger-heads"
        wait_until(lambda: list(heads.glob("*.json")))
        assert anlian("ledger", "verify", str(gateway.settings)).returncode == 0, "also while the gateway writes"
        assert gateway.stop() == 0, gateway.log.read_text()[-2000:]
    said = anlian("ledger", "verify", str(gateway.settings))
    assert said.returncode == 0, said.stdout + said.stderr
    found = kinds(tmp_path)
    assert found[:2] == ["ledger.begun", "configuration"]
    assert {"alarm.raised", "incident.opened", "sounder.evacuate"} <= set(found)

    database = sqlite3.connect(tmp_path / "gw" / "data" / "journal.db")
    database.execute("DROP TRIGGER ledger_keeps")
    database.execute("UPDATE ledger SET at=at+60000 WHERE kind='alarm.raised'")
    database.commit()
    database.close()
    said = anlian("ledger", "verify", str(gateway.settings))
    assert said.returncode == 1
    assert "alarm.raised" in said.stdout


def test_a_shadow_that_would_not_raise_keeps_nobody_from_being_alarmed(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    gateway = GatewayProcess(tmp_path / "gw", broker.port, top='shadow_packs = ["fire.toml"]')
    (tmp_path / "gw" / "fire.toml").write_text(NO_SMOKE, "utf-8")
    gateway.start()
    with running(broker, gateway):
        client = Client(broker.port, "anlian/v1/home-a/alarm")
        client.publish("zigbee2mqtt/smoke-204", {"smoke": True, "battery": 90})
        wait_until(lambda: client.on("anlian/v1/home-a/alarm"))
        client.close()
        assert gateway.stop() == 0, gateway.log.read_text()[-2000:]
    assert "the shadow faulted" not in gateway.log.read_text()
    assert anlian("replay", str(gateway.settings)).returncode == 0
