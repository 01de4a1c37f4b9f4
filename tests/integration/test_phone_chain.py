"""From a smoke detector to the phone that takes it on: by a reply (gammu-smsd) and by a key (baresip, sipp)."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Client, GatewayProcess, Mosquitto, free_port, running, wait_until
from tests.sip_world import Callee, presses_by_info
from tests.sms_world import GammuSmsd, text_of

pytestmark = pytest.mark.integration

CARER, DIRECTOR = "13800138001", "13800138002"
CHANNEL = """
[[channels]]
name = "sms"
kind = "sms-modem"
spool = "{spool}"
smsdrc = "{smsdrc}"
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[GammuSmsd, GatewayProcess, Client]]:
    smsd = GammuSmsd(tmp_path / "sms")
    broker = Mosquitto(tmp_path / "broker").start()
    gateway = GatewayProcess(
        tmp_path / "gateway",
        broker.port,
        more=CHANNEL.format(spool=smsd.spool, smsdrc=smsd.smsdrc),
        channels=tuple(f'{{destination = "sms", address = "{number}"}}' for number in (CARER, DIRECTOR)),
        second_after="600s",
    )
    with running(gateway, broker, smsd):
        smsd.start()
        gateway.start()
        client = Client(broker.port, "anlian/v1/home-a/alarm")
        try:
            yield smsd, gateway, client
        finally:
            client.close()


def alarms(client: Client, change: str) -> list[dict[str, Any]]:
    return [said for said in client.on("anlian/v1/home-a/alarm") if said["change"] == change]


def kept(smsd: GammuSmsd, number: str) -> list[Path]:
    """The messages to a number that were sent and recorded."""
    return [path for path in sorted((smsd.spool / "kept").iterdir()) if f"_{number}_" in path.name]


def counted(gateway: GatewayProcess, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.console_port}/metrics", timeout=5) as answer:
        found = re.search(rf"^anlian_{name}(?:_total)? (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else -1.0


def test_smoke_is_told_by_short_message_and_taken_on_by_its_reply(
    home: tuple[GammuSmsd, GatewayProcess, Client],
) -> None:
    smsd, gateway, client = home
    client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
    (sent,) = wait_until(lambda: kept(smsd, CARER), what="the carer's message is sent and recorded")
    text = text_of(sent)
    assert text.startswith("【火警】")
    assert "204" in text
    found = re.search(r"回(\d\d)接手$", text)
    assert found, text
    assert kept(smsd, DIRECTOR) == []

    smsd.reply("+8613900000000", found[1])
    wait_until(lambda: counted(gateway, "sms_strangers") == 1, what="a stranger's reply is counted")
    smsd.reply(f"+86{CARER}", "误报")
    wait_until(lambda: counted(gateway, "sms_replies_unknown") == 1, what="another word is no reply")
    assert alarms(client, "acknowledged") == []

    smsd.reply(f"+86{CARER}", found[1])
    (taken,) = wait_until(lambda: alarms(client, "acknowledged"), what="the reply takes it on")
    assert (taken["by"], taken["open"], taken["latched"]) == ("carer", True, True)
    assert counted(gateway, "sms_replies") == 1
    assert alarms(client, "reset") == []


def test_after_a_crash_a_message_is_not_sent_twice_and_can_still_be_replied_to(
    home: tuple[GammuSmsd, GatewayProcess, Client],
) -> None:
    smsd, gateway, client = home
    client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
    (sent,) = wait_until(lambda: kept(smsd, CARER), what="the carer's message is sent and recorded")
    gateway.kill()
    found = re.search(r"回(\d\d)接手$", text_of(sent))
    assert found
    smsd.reply(CARER, found[1])
    wait_until(lambda: list((smsd.spool / "inbox").iterdir()), what="the reply waits in the inbox")
    gateway.start()
    (taken,) = wait_until(lambda: alarms(client, "acknowledged"), what="the reply takes it on after the restart")
    assert taken["by"] == "carer"
    calls = [path for path in kept(smsd, CARER) if "回" in text_of(path)]
    assert len(calls) == 1, json.dumps([text_of(path) for path in calls], ensure_ascii=False)


def test_smoke_is_told_by_a_call_and_taken_on_by_a_key(tmp_path: Path) -> None:
    port = free_port()
    line = f"""
[[channels]]
name = "call"
kind = "voice-line"
server = "127.0.0.1:{port}"
user = "anlian"
registers = false
listen = "127.0.0.1:0"
"""
    broker = Mosquitto(tmp_path / "broker").start()
    people = (f'{{destination = "call", address = "{CARER}"}}', "")
    gateway = GatewayProcess(tmp_path / "gateway", broker.port, more=line, channels=people, second_after="600s")
    callee = Callee(tmp_path / "callee", port, presses_by_info("1"))
    with running(gateway, callee, broker):
        callee.start()
        gateway.start()
        client = Client(broker.port, "anlian/v1/home-a/alarm")
        client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
        (taken,) = wait_until(lambda: alarms(client, "acknowledged"), 30, "the key takes it on")
        client.close()
        assert taken["by"] == "carer"
        assert (counted(gateway, "calls_made"), counted(gateway, "calls_answered")) == (1, 1)
