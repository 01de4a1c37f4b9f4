"""From smoke to an enrolled phone on real parts: live line, web push, the button; HTTPS by an authority of our own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.clock import SystemClock
from gateway.deliver.web_push import new_key
from gateway.record.journal import SqliteRecord
from gateway.record.phones import PhoneBook
from gateway.settings import Console, Tls
from gateway.web import listen, serve
from rules.inputs import OperatorActed, Outcome, SendReported
from tests.console_world import a_world
from tests.push_service import PhoneKeys, push_service
from tests.servers import Client, GatewayProcess, Mosquitto, eventually, listens, running

pytestmark = pytest.mark.integration

CHANNELS = """
[[channels]]
name = "app-live"
kind = "live"

[[channels]]
name = "app-push"
kind = "web-push"
secret_file = "vapid"
contact = "mailto:duty@example.org"
services = ["{service}"]
"""
BOTH = '{destination = "app-live"}, {destination = "app-push"}'
SMOKE = {"smoke": True, "battery": 91}


@contextlib.asynccontextmanager
async def live_line(session: aiohttp.ClientSession, address: str) -> AsyncIterator[asyncio.Queue[tuple[str, Any]]]:
    """The events of the app's line, as its script hears them."""
    heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def read() -> None:
        async with session.get(f"{address}/app/line", timeout=aiohttp.ClientTimeout(total=None)) as stream:
            assert stream.status == 200
            name = ""
            async for raw in stream.content:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    heard.put_nowait((name, json.loads(line.removeprefix("data: "))))

    reading = asyncio.create_task(read())
    yield heard
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def next_event(heard: asyncio.Queue[tuple[str, Any]], name: str) -> Any:
    async with asyncio.timeout(15):
        while True:
            found, data = await heard.get()
            if found == name:
                return data


async def reports_of(folder: Path) -> tuple[list[SendReported], list[OperatorActed]]:
    """What the journal has of messages, and of what people did."""
    record = await SqliteRecord.open(folder / "data" / "journal.db", clock=SystemClock())
    try:
        inputs = [entry.input for entry in (await record.history("home-a", most=1000))[::-1]]
    finally:
        await record.close()
    return [e for e in inputs if isinstance(e, SendReported)], [e for e in inputs if isinstance(e, OperatorActed)]


async def test_smoke_reaches_the_phone_over_both_ways_and_its_button_counts(tmp_path: Path) -> None:
    async with push_service() as service:
        broker = await asyncio.to_thread(Mosquitto(tmp_path / "broker").start)
        folder = tmp_path / "gw"
        more = CHANNELS.format(service=service.place)
        gateway = GatewayProcess(folder, broker.port, more=more, channels=(BOTH, BOTH), second_after="600s")
        private, service.key = new_key()
        (folder / "vapid").write_text(private)
        (folder / "vapid").chmod(0o600)
        (folder / "data").mkdir(mode=0o700)
        phones = PhoneBook(folder / "data" / "phones.db", SystemClock())
        phone, cookie = await phones.enrol_person("carer", ("home-a",), "test", "nobody")
        keys = PhoneKeys()
        await phones.subscribe(phone.id, keys.subscription(service.endpoint("/p")))
        phones.close()
        with running(gateway, broker):
            await asyncio.to_thread(gateway.start)
            address = f"http://127.0.0.1:{gateway.console_port}"
            jar = aiohttp.CookieJar(unsafe=True)
            jar.update_cookies({"anlian_phone": cookie})
            async with aiohttp.ClientSession(cookie_jar=jar) as session:
                async with session.get(f"{address}/app") as page:
                    text = await page.text()
                assert f'data-key="{service.key}"' in text
                csrf = {"X-CSRF": text.split('data-csrf="')[1].split('"')[0]}
                async with live_line(session, address) as heard:
                    line = (await next_event(heard, "ping"))["line"]
                    answer = {"line": line, "visible": True}
                    async with session.post(f"{address}/app/answer", json=answer, headers=csrf) as got:
                        assert got.status == 204
                    client = await asyncio.to_thread(Client, broker.port)
                    began = time.monotonic()
                    await asyncio.to_thread(client.publish, "zigbee2mqtt/smoke-204", SMOKE)
                    call = await next_event(heard, "call")
                    assert time.monotonic() - began < 5
                    shown = {**answer, "shown": [call["message"]]}
                    async with session.post(f"{address}/app/answer", json=shown, headers=csrf) as got:
                        assert got.status == 204
                    (pushed,) = await eventually(lambda: service.requests)
                    said = keys.read(pushed.body)
                    assert (said["incident"], said["purpose"]) == (call["incident"], "call")
                    for body in ({"message": said["message"]}, {"message": call["message"], "opened": True}):
                        async with session.post(f"{address}/app/receipt", json=body) as got:
                            assert got.status == 204
                    form = {"act": "coming", "csrf": csrf["X-CSRF"]}
                    place = f"{address}/app/home/home-a/incident/{call['incident']}"
                    async with session.post(place, data=form) as page:
                        assert "您已于" in await page.text()
                    client.close()
            assert await asyncio.to_thread(gateway.stop) == 0, gateway.log.read_text()[-2000:]
        reports, acted = await reports_of(folder)
    of = {channel: [r.outcome for r in reports if r.channel == channel] for channel in ("app-live", "app-push")}
    assert of["app-live"] == [Outcome.DELIVERED, Outcome.READ]
    assert of["app-push"] == [Outcome.ACCEPTED, Outcome.DELIVERED]
    assert [(each.person, each.via) for each in acted] == [("carer", "app")]


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def test_a_phone_trusts_the_gateway_by_the_authority_that_it_hands_out(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "deploy" / "make-certificates.sh"
    made = tmp_path / "certificates"
    await asyncio.to_thread(run, "sh", str(script), str(made), "127.0.0.1")
    world = a_world(tmp_path, phone_ca=made / "ca.crt")
    console = Console(port=1, tls=Tls(certificate=made / "server.crt", key=made / "server.key"))
    listening = listen("127.0.0.1", 0)
    address = f"https://127.0.0.1:{listening.getsockname()[1]}"
    serving = asyncio.create_task(serve(world.build(), console, listening))
    try:
        port = listening.getsockname()[1]
        await eventually(lambda: listens(port))
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(f"{address}/install")
            async with session.get(f"{address}/install/ca.crt", ssl=False) as got:
                authority = await got.read()
            trusting = ssl.create_default_context(cadata=authority)
            async with session.get(f"{address}/install", ssl=trusting) as page:
                text = await page.text()
            shown = text.split('id="fingerprint">')[1].split("<")[0].replace(":", "").lower()
            asked = ("openssl", "x509", "-in", str(made / "ca.crt"), "-noout", "-fingerprint", "-sha256")
            said = await asyncio.to_thread(run, *asked)
            assert shown == said.strip().partition("=")[2].replace(":", "").lower()
            code = await world.reach.phones.invite("p-wang", ("jinlan",), "chen")
            form = {"code": code, "sure": "yes"}
            async with session.post(f"{address}/app/enrol", data=form, ssl=trusting, allow_redirects=False) as got:
                assert "secure" in got.headers["set-cookie"].lower()
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
