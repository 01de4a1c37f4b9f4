"""The chain on real parts: mosquitto, the gateway as a process, kill -9, and what a phone's webhook gets."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Client, GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration

ALARM = "anlian/v1/home-a/alarm"
SMOKE = {"smoke": True, "battery": 91, "battery_low": False, "tamper": False, "linkquality": 80}
CLEAR = {**SMOKE, "smoke": False}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "broker").start()
    with running(broker):
        yield broker


def raised(client: Client) -> list[dict]:
    return [m for m in client.on(ALARM) if m["change"] == "raised" and m["category"] == "fire"]


def test_smoke_is_announced_and_retained_until_reset(tmp_path: Path, broker: Mosquitto) -> None:
    gateway = GatewayProcess(tmp_path / "gw", broker.port).start()
    client = Client(broker.port, "anlian/v1/home-a/#")
    with running(gateway):
        wait_until(lambda: client.on("anlian/v1/home-a/gateway"), what="the gateway's status")
        client.publish("zigbee2mqtt/smoke-204", CLEAR, qos=0)
        client.publish("zigbee2mqtt/smoke-204", SMOKE, qos=0)
        alarm = wait_until(lambda: raised(client), what="the alarm")[0]
        retained = wait_until(lambda: client.on(f"{ALARM}/{alarm['id']}"), what="the retained alarm")
        assert retained[-1]["active"] is True
        late = Client(broker.port, f"{ALARM}/+")
        wait_until(lambda: late.on(f"{ALARM}/{alarm['id']}"), what="a lamp that comes late hears it")
        late.close()
        assert gateway.stop() == 0, gateway.log.read_text()[-2000:]
    client.close()


def test_smoke_published_while_the_gateway_is_down_raises_once(tmp_path: Path, broker: Mosquitto) -> None:
    gateway = GatewayProcess(tmp_path / "gw", broker.port).start()
    client = Client(broker.port, "anlian/v1/home-a/#")
    with running(gateway):
        client.publish("zigbee2mqtt/smoke-204", CLEAR)
        wait_until(lambda: client.on("anlian/v1/home-a/gateway"))
        gateway.kill()
        offline = wait_until(
            lambda: [m for m in client.on("anlian/v1/home-a/gateway") if m["state"] == "offline"], 30, "the will"
        )
        assert offline
        client.publish("zigbee2mqtt/smoke-204", SMOKE, qos=0)
        gateway.start()
        wait_until(lambda: raised(client), what="the alarm after the restart")
        client.publish("zigbee2mqtt/smoke-205", SMOKE)
        wait_until(lambda: len(raised(client)) >= 2)
        ids = {m["id"] for m in raised(client)}
        assert len(ids) == 2, "one alarm a detector"
    client.close()


_DIES_BEFORE_COMMIT = """
import os, signal, gateway.record.journal as journal
from rules.inputs import ReadingsArrived
commit = journal.SqliteRecord.commit
async def dying(self, entries, **more):
    if any(isinstance(e.input, ReadingsArrived) and e.effects for e in entries):
        os.kill(os.getpid(), signal.SIGKILL)
    await commit(self, entries, **more)
journal.SqliteRecord.commit = dying
from gateway.__main__ import main
main()
"""

_DIES_AFTER_COMMIT = """
import os, signal, gateway.decide as decide
settle = decide.Decider._settle
def dying(self, delivery):
    if delivery.device == "smoke-204":
        os.kill(os.getpid(), signal.SIGKILL)
    settle(self, delivery)
decide.Decider._settle = dying
from gateway.__main__ import main
main()
"""

_ACKNOWLEDGES_FIRST = """
import os, signal, gateway.record.journal as journal, gateway.decide as decide
from rules.inputs import ReadingsArrived
enter = decide.Decider._enter
def hasty(self, delivery, *more):
    if delivery.settle is not None:
        delivery.settle()
    enter(self, delivery, *more)
decide.Decider._enter = hasty
commit = journal.SqliteRecord.commit
async def dying(self, entries, **more):
    if any(isinstance(e.input, ReadingsArrived) and e.effects for e in entries):
        import asyncio
        await asyncio.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    await commit(self, entries, **more)
journal.SqliteRecord.commit = dying
from gateway.__main__ import main
main()
"""


def _after_a_death(tmp_path: Path, broker: Mosquitto, wrapper: str) -> list[dict]:
    """Let a gateway that dies at one point hear smoke; start a good one; the alarms that were announced."""
    gateway = GatewayProcess(tmp_path / "gw", broker.port, wrapper=wrapper).start()
    client = Client(broker.port, "anlian/v1/home-a/#")
    with running(gateway):
        wait_until(lambda: client.on("anlian/v1/home-a/gateway"))
        client.publish("zigbee2mqtt/smoke-204", SMOKE)
        assert gateway.process is not None
        assert gateway.process.wait(20) == -signal.SIGKILL
        gateway.wrapper = ""
        gateway.start()
        client.publish("zigbee2mqtt/smoke-205", SMOKE)
        wait_until(lambda: [m for m in raised(client) if m["subject"] == "smoke-205"], what="the marker alarm")
        found = [m for m in raised(client) if m["subject"] == "smoke-204"]
    client.close()
    return found


@pytest.mark.parametrize("wrapper", [_DIES_BEFORE_COMMIT, _DIES_AFTER_COMMIT], ids=["before-commit", "before-puback"])
def test_kill_between_publish_and_puback_gives_exactly_one_alarm(
    tmp_path: Path, broker: Mosquitto, wrapper: str
) -> None:
    found = _after_a_death(tmp_path, broker, wrapper)
    assert len({m["id"] for m in found}) == 1


def test_the_guard_sees_an_acknowledgement_before_the_commit(tmp_path: Path, broker: Mosquitto) -> None:
    """The planted fault: a gateway that acknowledges first loses the smoke, and this test would notice."""
    assert _after_a_death(tmp_path, broker, _ACKNOWLEDGES_FIRST) == []
