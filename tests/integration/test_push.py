"""Pushes over HTTP, with a real client and the real server: who may, how much, and the plug pulled after the commit."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from starlette.applications import Starlette

from gateway.clock import SystemClock
from gateway.inbox import Delivery, Inbox
from gateway.metrics import Metrics
from gateway.receive.decode import Decoder
from gateway.receive.inventory import Inventory
from gateway.receive.push import WAITING_MAX, PushReceiver, PushSource
from gateway.record.journal import SqliteRecord
from gateway.settings import Push
from rules.effects import AlarmChanged
from rules.inputs import DecodeFailed, ReadingsArrived, TimePassed
from rules.site import Device, Site
from rules.text import Text
from tests.servers import GatewayProcess, eventually, free_port, running

TOKEN = "a-token-that-nobody-guesses"
SECRET = "a-secret-that-nobody-guesses"
ALARM = {
    "messageType": "dataReport",
    "IMEI": "860374051096202",
    "timestamp": 1606982320277,
    "payload": {"serviceData": {"Alarm_Status": 1, "Battery_Level": 99}},
}
SMOKE = Device(
    id="smoke-1",
    kind="smoke",
    source="nbiot",
    address="860374051096202",
    zone="",
    name=Text("烟感", "Smoke"),
    category="fire",
)


METER = Device(
    id="meter-1",
    kind="electrical",
    source="nbiot",
    address="1111",
    zone="",
    name=Text("电气", "Meter"),
    category="electrical",
)


class Server(uvicorn.Server):
    """The web server without hands on the signals of the test run."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HandClock(SystemClock):
    """The machine's clock with minutes that pass at a word."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class Door:
    """A receiver behind a real server, with an inbox that the test empties: what it settles is what is on disk."""

    def __init__(self, *, settle_s: float = 10.0, body_s: float = 10.0, secrets: bool = True, **more: Any) -> None:
        self.inbox, self.clock, self.metrics = Inbox(), HandClock(), Metrics()
        self.taken: list[Delivery] = []
        self.quarantined: list[str] = []
        inventory = Inventory([Site(id="home", name=Text("院", "Home"), zones=(), devices=(SMOKE, METER))])
        decoder = Decoder(
            inventory, self.inbox, self.clock, self.metrics, 256 * 1024, lambda *kept: self.quarantined.append(kept[3])
        )
        pushes = {
            "nbiot": Push(name="nbiot", home="home", codec="ctwing-aep", **more),
            "signed": Push(name="signed", home="home", codec="wanlin", signature_header="X-Hub-Signature-256"),
            "both": Push(name="both", home="home", codec="lian"),
            "onenet": Push(name="onenet", home="home", codec="onenet"),
            "lora": Push(name="lora", home="home", codec="lorawan"),
        }
        sources = {
            name: PushSource(
                push, None if name == "signed" else TOKEN, SECRET if name in ("signed", "both") else None, self.clock
            )
            for name, push in pushes.items()
        }
        self.receiver = PushReceiver(sources, decoder, self.inbox, self.metrics, settle_s=settle_s, body_s=body_s)
        self.port = free_port()

    @contextlib.asynccontextmanager
    async def open(self, *, settling: bool = True) -> AsyncIterator[Door]:
        config = uvicorn.Config(
            Starlette(routes=self.receiver.routes), port=self.port, log_config=None, lifespan="off", ws="none"
        )
        server = Server(config)
        tasks = [asyncio.create_task(server.serve())]
        if settling:
            tasks.append(asyncio.create_task(self._settle_all()))
        async with aiohttp.ClientSession() as self.client:
            await eventually(lambda: server.started)
            try:
                yield self
            finally:
                server.should_exit = True
                await tasks[0]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _settle_all(self) -> None:
        while True:
            await self.inbox.wait(None)
            self.settle(self.inbox.take(100))
            await asyncio.sleep(0)

    def settle(self, deliveries: list[Delivery]) -> None:
        self.taken += deliveries
        for delivery in deliveries:
            if delivery.settle is not None:
                delivery.settle()

    async def post(
        self, path: str = "nbiot", body: Any = ALARM, headers: dict[str, str] | None = None, **more: Any
    ) -> tuple[int, dict[str, Any], Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"X-Token": TOKEN} if headers is None else headers
        url = f"http://127.0.0.1:{self.port}/push/{path}"
        async with self.client.post(url, data=data, headers=given, **more) as answer:
            return answer.status, await answer.json(content_type=None), dict(answer.headers)

    def inputs(self) -> list[Any]:
        return [delivery.make(self.clock.now()) for delivery in self.taken]

    @property
    def untouched(self) -> bool:
        return not self.taken and not self.inbox.depth and not self.metrics.packets and not self.quarantined


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with Door().open() as opened:
        yield opened


def signature(body: Any, secret: str = SECRET) -> bytes:
    return hmac.new(secret.encode(), json.dumps(body).encode(), hashlib.sha256).digest()


async def test_a_push_becomes_the_readings_of_its_device(door: Door) -> None:
    assert (await door.post())[:2] == (200, {"code": 0, "msg": "ok"})
    (arrived,) = door.inputs()
    assert isinstance(arrived, ReadingsArrived)
    (report,) = arrived.reports
    assert (report.device, report.readings[0].point, report.readings[0].value) == ("smoke-1", "smoke.alarm", True)
    assert door.taken[0].category == "fire"


async def test_the_answer_waits_for_the_commit() -> None:
    async with Door().open(settling=False) as door:
        sent = asyncio.create_task(door.post())
        await eventually(lambda: door.inbox.depth)
        await asyncio.sleep(0.1)
        assert not sent.done()
        door.settle(door.inbox.take(10))
        assert (await sent)[0] == 200


async def test_what_is_not_on_disk_in_time_is_sent_again() -> None:
    async with Door(settle_s=0.1).open(settling=False) as door:
        status, _, headers = await door.post()
        assert (status, headers["Retry-After"]) == (503, "5")
        deliveries = door.inbox.take(10)
        assert len(deliveries) == 1, "it is decided all the same"
        door.settle(deliveries)
        again = asyncio.create_task(door.post())
        await eventually(lambda: door.inbox.depth)
        door.settle(door.inbox.take(10))
        assert (await again)[0] == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("nbiot", {}),
        ("nbiot", {"X-Token": "wrong"}),
        ("nbiot", {"X-Token": TOKEN + "x"}),
        ("nbiot", {"Authorization": f"Basic {TOKEN}"}),
        ("nbiot?token=", {}),
        ("nbiot?token=wrong", {}),
        ("signed", {"X-Token": TOKEN}),
        ("signed", {"X-Hub-Signature-256": signature(ALARM, "wrong").hex()}),
        ("signed", {"X-Hub-Signature-256": "sha256=zz"}),
        ("signed", {"X-Hub-Signature-256": signature({"another": "body"}).hex()}),
        ("both", {"X-Token": TOKEN}),
        ("both", {"X-Signature": signature(ALARM).hex()}),
    ],
)
async def test_who_has_not_the_secret_touches_nothing(door: Door, path: str, headers: dict[str, str]) -> None:
    status, words, _ = await door.post(path, headers=headers)
    assert (status, words["code"]) == (401, 401)
    assert TOKEN not in words["msg"] and SECRET not in words["msg"]
    assert door.untouched


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("nbiot", {"X-Token": TOKEN}),
        ("nbiot", {"Authorization": f"Bearer {TOKEN}"}),
        (f"nbiot?token={TOKEN}", {}),
        ("signed", {"X-Hub-Signature-256": signature(ALARM).hex()}),
        ("signed", {"X-Hub-Signature-256": "sha256=" + signature(ALARM).hex()}),
        ("signed", {"X-Hub-Signature-256": base64.b64encode(signature(ALARM)).decode()}),
        ("both", {"X-Token": TOKEN, "X-Signature": signature(ALARM).hex()}),
    ],
)
async def test_each_way_to_be_known(door: Door, path: str, headers: dict[str, str]) -> None:
    assert (await door.post(path, headers=headers))[0] == 200
    assert len(door.taken) == 1


async def test_wrong_tokens_use_up_nobody_s_allowance() -> None:
    async with Door(per_minute=1).open() as door:
        for _ in range(30):
            assert (await door.post(headers={"X-Token": "wrong"}))[0] == 401
        assert (await door.post())[0] == 200


async def test_more_than_its_share_is_asked_to_come_again() -> None:
    async with Door(per_minute=60).open() as door:
        statuses = [(await door.post())[0] for _ in range(11)]
        assert statuses == [200] * 10 + [429]
        assert len(door.taken) == 10
        door.clock.ahead += 1.0
        assert [(await door.post())[0] for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    "head",
    ["Content-Length: 4096", "Transfer-Encoding: chunked", "Content-Length: 99999999999999"],
    ids=["with-its-length", "in-chunks", "with-an-absurd-length"],
)
async def test_a_body_beyond_its_limit_is_not_waited_for(head: str) -> None:
    """The client never comes to an end: the answer comes as soon as it is known that it goes too far."""
    async with Door(body_max=2048).open() as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(f"POST /push/nbiot HTTP/1.1\r\nHost: x\r\nX-Token: {TOKEN}\r\n{head}\r\n\r\n".encode())
        if "chunked" in head:
            writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
        assert b" 413 " in await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        assert door.untouched


async def test_a_body_that_does_not_come_ends() -> None:
    async with Door(body_s=0.1).open() as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(
            f"POST /push/nbiot HTTP/1.1\r\nHost: x\r\nX-Token: {TOKEN}\r\nContent-Length: 9\r\n\r\n{{".encode()
        )
        assert b" 408 " in await reader.readline()
        writer.close()
        assert door.untouched


async def test_too_many_that_wait_are_asked_to_come_again() -> None:
    async with Door().open(settling=False) as door:
        waiting = [asyncio.create_task(door.post()) for _ in range(WAITING_MAX)]
        await eventually(lambda: door.inbox.depth == WAITING_MAX)
        assert (await door.post())[0] == 503
        door.settle(door.inbox.take(WAITING_MAX))
        assert {status for status, _, _ in await asyncio.gather(*waiting)} == {200}


async def test_a_full_inbox_takes_no_more() -> None:
    async with Door().open(settling=False) as door:
        door.inbox.put(Delivery(home="home", make=lambda at: TimePassed(at=at), size=64 * 1024 * 1024))
        assert (await door.post())[0] == 503
        assert door.inbox.depth == 1


@pytest.mark.parametrize(("network", "status"), [("127.0.0.0/8", 200), ("203.0.113.0/24", 403), ("127.0.0.2", 403)])
async def test_networks(network: str, status: int) -> None:
    async with Door(networks=(network,)).open() as door:
        assert (await door.post())[0] == status
        assert door.untouched is (status != 200)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_only_a_post_changes_anything(door: Door, method: str) -> None:
    url = f"http://127.0.0.1:{door.port}/push/nbiot?token={TOKEN}&msg=hello"
    async with door.client.request(method, url, data=json.dumps(ALARM)) as answer:
        assert answer.status == 405
    assert door.untouched


async def test_onenet_s_check_of_an_address(door: Door) -> None:
    for token, status, text in ((TOKEN, 200, "<b>abc"), ("wrong", 401, None)):
        url = f"http://127.0.0.1:{door.port}/push/onenet?token={token}&msg=%3Cb%3Eabc&nonce=1&signature=x"
        async with door.client.get(url) as answer:
            assert answer.status == status
            if text:
                assert (await answer.text(), answer.content_type) == (text, "text/plain")
    assert door.untouched


async def test_an_unknown_source_is_not_there(door: Door) -> None:
    assert (await door.post("nobody"))[0] == 404
    assert door.untouched


@pytest.mark.parametrize(
    ("path", "body", "device"),
    [
        (
            "lora?event=status",
            {"deviceInfo": {"applicationId": "a1", "devEui": "0011223344556677"}, "margin": 7, "batteryLevel": 81.5},
            "0011223344556677",
        ),
        (
            "lora",
            {"deviceInfo": {"applicationId": "a1", "devEui": "0011223344556677"}, "object": {"battery": 90}},
            "0011223344556677",
        ),
        (
            "lora/up",
            {
                "end_device_ids": {"device_id": "ws301", "application_ids": {"application_id": "a"}},
                "uplink_message": {"decoded_payload": {"battery": 90}},
            },
            "ws301",
        ),
    ],
    ids=["chirpstack-status", "chirpstack", "things-stack"],
)
async def test_a_lorawan_server_s_push_has_the_topic_that_it_would_have_over_mqtt(
    door: Door, path: str, body: dict[str, Any], device: str
) -> None:
    assert (await door.post(path, body))[0] == 200
    (arrived,) = door.inputs()
    assert [report.device for report in arrived.reports] == [f"lora/{device}"]
    said = {reading.point for reading in arrived.reports[0].readings}
    assert said == ({"link.margin", "battery"} if path.endswith("status") else {"battery"})


async def test_what_cannot_be_read_is_kept_and_raises_its_device_s_danger(door: Door) -> None:
    unreadable = {**ALARM, "payload": {"serviceData": {"Alarm_Status": 99}}}
    assert (await door.post(body=unreadable))[0] == 200, "sending it again would not help"
    (failed,) = door.inputs()
    assert isinstance(failed, DecodeFailed)
    assert (failed.device, failed.category) == ("smoke-1", "fire")
    assert "Alarm_Status: expected one of" in failed.reason
    assert len(door.quarantined) == 1


async def test_a_push_without_content_is_answered(door: Door) -> None:
    assert (await door.post(body=b""))[0] == 200
    assert not door.taken


async def test_an_alarm_of_a_code_that_nobody_explains_is_shown(door: Door) -> None:
    push = {"type": 2, "time": "1536224934000", "data": [{"deviceId": "1111", "pointId": "1", " alarmType": "10"}]}
    assert (await door.post(body=push))[0] == 200
    failed = [one for one in door.inputs() if isinstance(one, DecodeFailed)]
    assert [(one.device, one.category) for one in failed] == [("meter-1", "electrical")]
    assert "'code': '10'" in failed[0].reason


async def test_those_that_wait_no_more_make_room(door: Door) -> None:
    assert {(await door.post())[0] for _ in range(WAITING_MAX + 1)} == {200}


async def test_many_at_once(door: Door) -> None:
    answers = await asyncio.gather(*(door.post(body={**ALARM, "timestamp": 1606982320277 + n}) for n in range(60)))
    assert {status for status, _, _ in answers} == {200}
    assert len(door.taken) == 60


def test_a_source_that_anybody_could_use_is_not_opened() -> None:
    with pytest.raises(ValueError, match="anybody could report"):
        PushSource(Push(name="open", home="home", codec="wanlin"), None, None, SystemClock())


# the whole gateway, with the plug pulled between commit and answer

WRAPPER = """
import os, signal
from gateway import __main__, app, decide
from gateway.receive.push import pushes

build = app.Gateway.application

def application(self):
    built = build(self)
    if not any(getattr(route, "path", "").startswith("/push/") for route in built.router.routes):
        parts = self.parts
        built.router.routes += pushes(
            self.settings.pushes, self.configuration.secrets, parts.decoder, parts.inbox, parts.clock, parts.metrics
        )
    return built

settle = decide.Decider._settle

def pull_the_plug(self, delivery):
    if delivery.settle is not None and os.path.exists(os.environ["PULL"]):
        os.kill(os.getpid(), signal.SIGKILL)
    settle(self, delivery)

app.Gateway.application = application
decide.Decider._settle = pull_the_plug
__main__.main()
"""
PUSHES = """
[[pushes]]
name = "nbiot"
home = "{home}"
codec = "ctwing-aep"
token_file = "push-token"
"""


async def _alarms(path: Path, home: str) -> tuple[int, set[str]]:
    """Pushed inputs in the journal, and the ids of the fire alarms that came of them."""
    record = await SqliteRecord.open(path, clock=SystemClock())
    try:
        await record.open_stream(home)
        inputs, alarms, last = 0, set(), 0
        while entries := await record.read(home, last, 512):
            for entry in entries:
                inputs += isinstance(entry.input, ReadingsArrived)
                alarms |= {
                    e.alarm.id for e in entry.effects if isinstance(e, AlarmChanged) and e.alarm.category == "fire"
                }
            last = entries[-1].seq
        return inputs, alarms
    finally:
        await record.close()


async def _post(port: int, body: dict[str, Any]) -> int:
    async with aiohttp.ClientSession() as client:
        url = f"http://127.0.0.1:{port}/push/nbiot"
        async with client.post(url, json=body, headers={"X-Token": TOKEN}) as answer:
            return answer.status


@pytest.mark.integration
async def test_a_push_whose_answer_was_lost_is_on_disk_and_its_repeat_alarms_no_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull = tmp_path / "pull"
    pull.touch()
    monkeypatch.setenv("PULL", str(pull))
    gateway = GatewayProcess(tmp_path / "gateway", free_port(), more=PUSHES.format(home="home-a"), wrapper=WRAPPER)
    token = gateway.folder / "push-token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    journal = gateway.folder / "data" / "journal.db"
    with running(gateway):
        gateway.start()
        assert gateway.process is not None
        with pytest.raises(aiohttp.ClientError):
            await _post(gateway.console_port, ALARM)
        assert gateway.process.wait(10) == -signal.SIGKILL
        gateway.process = None
        inputs, first = await _alarms(journal, "home-a")
        assert (inputs, len(first)) == (1, 1), "committed, though nobody was told"
        pull.unlink()
        gateway.start()
        assert await _post(gateway.console_port, ALARM) == 200
        gateway.kill()
    inputs, alarms = await _alarms(journal, "home-a")
    assert inputs == 2
    assert alarms == first
