"""A fire panel's smoke, from its frame to the alarm topic and up to a monitoring centre, through the real gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.gb26875_world import Wire, now, panel
from tests.integration.test_gb26875_up import Centre
from tests.servers import Client, GatewayProcess, Mosquitto, eventually, free_port, running

pytestmark = pytest.mark.integration

SITE_MORE = """
[[device]]
id = "td"
kind = "transmission_device"
source = "panel"
address = "889"
zone = "east"
name = {zh = "传输装置"}
[[device]]
id = "smoke-p"
kind = "smoke"
profile = "smoke.panel"
source = "panel"
address = "889/1.1/10.2"
zone = "east"
name = {zh = "二楼203室烟感"}
"""
async def test_a_panels_smoke_is_confirmed_announced_and_reported_upward(tmp_path: Path) -> None:
    port, centre = free_port(), Centre()
    async with centre.running():
        broker = Mosquitto(tmp_path / "broker").start()
        more = f"""
[[gb26875]]
name = "panel"
home = "home-a"
port = {port}
[[gb26875_up]]
name = "fire-centre"
home = "home-a"
host = "127.0.0.1"
port = {centre.port}
source_address = 1001
centre_address = 1
"""
        gateway = GatewayProcess(tmp_path / "gw", broker.port, more=more)
        site = gateway.folder / "site.toml"
        site.write_text(site.read_text() + SITE_MORE)
        with running(gateway, broker):
            await asyncio.to_thread(gateway.start)
            client = Client(broker.port, "anlian/v1/home-a/#")
            async with Wire(port) as wire:
                wire.panel = virtual = panel()
                wire.send(virtual.fire("smoke", now(), testing=True))
                await eventually(lambda: virtual.confirmed)
                await eventually(lambda: centre.states())
                await eventually(lambda: [m for m in client.on("anlian/v1/home-a/alarm") if m["category"] == "fire"])
                centre.ask(1, bytes((91, 1, 10)))
                await eventually(lambda: [m for m in client.on("anlian/v1/home-a/alarm") if "duty" in m["subject"]])
                wire.send(virtual.operate(4, 3, now()))
                await eventually(lambda: [m for m in client.on("anlian/v1/home-a/alarm") if m["subject"] == "td"])
            client.close()
            assert gateway.stop() == 0, gateway.log.read_text()[-3000:]
            log = gateway.log.read_text()
            assert "Traceback" not in log, log[-3000:]
