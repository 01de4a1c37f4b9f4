"""A walk test of the virtual home by clicks: broker, gateway as a process, journal, phones, and a real browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from devices.virtual.home import VirtualHome
from gateway.demo import HOME, _write_configuration
from rules.walk_test_sheet import Sheet
from tests.servers import Client, GatewayProcess, Mosquitto, free_port, running, wait_until

pytestmark = pytest.mark.browser

PASSWORD = "walk about"
WALK = f"/home/{HOME}/walk-test"


class Phones:
    """All phones of the home: a webhook that keeps what people were told."""

    def __init__(self) -> None:
        told: list[dict[str, Any]] = []

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.told = told
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def calls(self) -> list[str]:
        """The calls about fire and gas; a device that says nothing in a test is nobody's business here."""
        return [str(each["text"]) for each in self.told if each.get("category") in ("fire", "gas")]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class Chain:
    """The virtual home on a real broker, the gateway as a process, and its phones."""

    def __init__(self, folder: Path) -> None:
        self.home = VirtualHome(HOME)
        self.broker = Mosquitto(folder / "broker").start()
        self.phones = Phones()
        self.gateway = GatewayProcess(folder / "gateway", self.broker.port)
        console = self.gateway.console_port = free_port()
        _write_configuration(
            folder / "gateway", self.home, "mosquitto", self.broker.port, self.phones.port, console, "zh", PASSWORD
        )
        self.gateway.start()
        self.devices = Client(self.broker.port, f"anlian/v1/{HOME}/#")
        self._address = {device.id: device.address for device in self.home.devices}
        self.url = f"http://127.0.0.1:{console}"

    def press(self, device: str, **said: Any) -> None:
        """A detector's button: the packet that it sends."""
        body = {"battery": 91, "battery_low": False, "tamper": False, "linkquality": 80, **said}
        self.devices.publish(f"{self.home.zigbee_prefix}/{self._address[device]}", body)

    def announce(self) -> None:
        """What the bridge publishes at its start: the list of its devices."""
        for packet in self.home.opening(datetime(2026, 11, 22, 8, tzinfo=UTC)):
            self.devices.publish(packet.topic, packet.payload, packet.qos, packet.retained)

    def pattern(self, zone: str) -> str:
        said = self.devices.on(f"anlian/v1/{HOME}/sounder/{zone}")
        return str(said[-1]["pattern"]) if said else "off"

    def sheets(self) -> list[Sheet]:
        folder = self.gateway.folder / "data" / "walk-tests" / HOME
        return [msgspec.json.decode(path.read_bytes(), type=Sheet) for path in sorted(folder.glob("*.json"))]

    def stop(self) -> None:
        self.devices.close()
        self.gateway.stop()
        self.phones.stop()
        self.broker.stop()


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = Chain(tmp_path)
    with running(chain):
        chain.announce()
        yield chain


@pytest.fixture
def tester(chain: Chain, chromium: Browser) -> Iterator[Page]:
    """A tester's phone, logged in and on the walk test's page; a fault in a script of ours fails the test."""
    context = chromium.new_context(viewport={"width": 360, "height": 740}, base_url=chain.url)
    context.set_default_timeout(10_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"/login?next={WALK}")
    page.fill("[name=name]", "demo")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    expect(page.locator("#board")).to_be_visible()
    page.goto(f"{WALK}?lang=zh")
    yield page
    context.close()
    assert faults == []


def begin(page: Page, *zones: str) -> None:
    page.check("input[name=scope][value=zones]")
    for zone in zones:
        page.check(f"input[name='zone.{zone}']")
    page.select_option("select[name=minutes]", "30")
    page.click("#start button")
    expect(page.locator("#note")).to_have_text("自检已开始。")


def line(page: Page, device: str) -> Any:
    return page.locator(f"#device-{device}")


def state(page: Page, device: str, shown: str, seconds: float = 6) -> None:
    expect(line(page, device)).to_have_attribute("data-state", shown, timeout=seconds * 1000)


def prove(chain: Chain, page: Page, device: str, point: str) -> None:
    page.click(f"#arm-{device}")
    state(page, device, "armed")
    chain.press(device, **{point: True})
    state(page, device, "in_test")
    chain.press(device, **{point: False})
    state(page, device, "proven")


def too_wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_a_walk_test_from_its_beginning_to_its_pdf(chain: Chain, tester: Page) -> None:
    page = tester
    assert too_wide(page) <= 0
    begin(page, "kitchen", "corridor-1")
    expect(page.locator("#progress")).to_have_text("已验证 0 / 4")
    state(page, "manual-call-corridor-1", "always_real")
    expect(page.locator("#arm-manual-call-corridor-1")).to_have_count(0)

    # A button on a phone is large enough for a thumb, and the page stays where the tester was.
    box = page.locator("#arm-smoke-kitchen").bounding_box()
    assert box is not None and box["height"] >= 56 and box["width"] >= 250
    page.click("#arm-smoke-kitchen")
    expect(page.locator("#armed")).to_contain_text("正在测试")
    expect(line(page, "smoke-kitchen")).to_be_in_viewport()
    page.evaluate("window.marked = true")
    chain.press("smoke-kitchen", smoke=True)
    state(page, "smoke-kitchen", "in_test")
    assert page.evaluate("window.marked") is True, "ticked off live, without a reload"
    assert too_wide(page) <= 0
    assert chain.pattern("kitchen") == "off" and chain.phones.calls() == []

    # The plug is pulled in the middle of it. Everything is as it was.
    chain.gateway.kill()
    chain.gateway.start()
    page.goto(WALK)
    state(page, "smoke-kitchen", "in_test")
    chain.press("smoke-kitchen", smoke=False)
    state(page, "smoke-kitchen", "proven")
    expect(page.locator("#progress")).to_have_text("已验证 1 / 4")

    prove(chain, page, "gas-kitchen", "gas")
    prove(chain, page, "smoke-corridor-1", "smoke")
    assert chain.pattern("kitchen") == chain.pattern("corridor-1") == "off" and chain.phones.calls() == []

    # The last one is not pressed: the tester ends the test by hand, and the sheet says so.
    page.click("#end")
    expect(page.locator("#note")).to_contain_text("自检已结束")
    (sheet,) = wait_until(chain.sheets, what="the sheet")
    page.goto(WALK)
    page.click(".kept a >> nth=0")
    expect(page.locator("#verdict")).to_contain_text("未全部验证：1 个没有验证 · 已验证 3 / 4")
    results = {row.device: row.result.value for row in sheet.rows}
    assert results == {
        "smoke-kitchen": "proven",
        "gas-kitchen": "proven",
        "co-kitchen": "not_proven",
        "smoke-corridor-1": "proven",
        "manual-call-corridor-1": "always_real",
    }
    assert too_wide(page) <= 0
    answer = page.request.get(page.locator("#pdf").get_attribute("href") or "")
    assert answer.status == 200 and answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF-") and len(answer.body()) > 10_000
    page.goto(f"/home/{HOME}/devices?zone=kitchen")
    expect(page.locator("[data-device=smoke-kitchen] .proof")).to_have_attribute("data-proof", "4")
    expect(page.locator("[data-device=co-kitchen] .proof")).to_have_attribute("data-proof", "0")


def test_the_rest_of_the_home_alarms_for_real(chain: Chain, tester: Page, chromium: Browser) -> None:
    page = tester
    begin(page, "kitchen")
    wall = chromium.new_context(base_url=chain.url).new_page()
    wall.goto("/?lang=zh")
    expect(wall.locator(".lamp.lit")).to_contain_text("自检")
    expect(wall.locator("#verdict")).to_have_text("情况不明")
    page.click("#arm-smoke-kitchen")
    chain.press("smoke-kitchen", smoke=True)
    state(page, "smoke-kitchen", "in_test")
    expect(wall.locator("[data-row] .mark").first).to_have_text("自检")
    expect(wall.locator("[data-count=fire]")).to_have_text("0")

    # Outside the scope there is smoke: people are called, the sounder sounds, and the test alarm is none any more.
    chain.press("smoke-hall", smoke=True)
    wait_until(lambda: chain.pattern("hall") == "evacuate", what="the sounder of the hall")
    wait_until(lambda: len(chain.phones.calls()) >= 2, what="calls about both")
    assert any("大厅" in text for text in chain.phones.calls())
    expect(page.locator("#real")).to_contain_text("有真实报警", timeout=6000)
    expect(page.locator("#board")).to_have_attribute("data-sounding", "yes")
    state(page, "smoke-kitchen", "not_cleared")
    expect(page.locator(".arm")).to_have_count(0)
    expect(wall.locator("[data-count=fire]")).to_have_text("2")
    wall.context.close()


@pytest.mark.parametrize("act", ["not-armed", "second-alarm"])
def test_in_the_scope_what_the_tester_did_not_begin_is_real(chain: Chain, tester: Page, act: str) -> None:
    page = tester
    begin(page, "kitchen")
    if act == "second-alarm":
        prove(chain, page, "smoke-kitchen", "smoke")
        assert chain.phones.calls() == []
    chain.press("smoke-kitchen", smoke=True)
    wait_until(lambda: chain.pattern("kitchen") == "evacuate", what="the sounder")
    wait_until(chain.phones.calls, what="a call")
    state(page, "smoke-kitchen", "alarm")


def test_a_refusal_says_why(chain: Chain, tester: Page) -> None:
    page = tester
    page.check("input[name=scope][value=zones]")
    page.click("#start button")
    expect(page.locator("#problem")).to_contain_text("请选择区域")
    page.goto(WALK)
    begin(page, "kitchen")
    prove(chain, page, "smoke-kitchen", "smoke")
    csrf = page.locator("[name=csrf]").first.get_attribute("value") or ""
    answer = page.request.post(
        f"{WALK}/arm", form={"csrf": csrf, "device": "smoke-kitchen"}, headers={"origin": chain.url}
    )
    assert answer.status == 409 and re.search("此探测器已验证", answer.text())
    assert page.request.post(f"{WALK}/end", form={"csrf": "forged"}, headers={"origin": chain.url}).status == 403
    assert page.request.get(f"{WALK}/end").status == 405
