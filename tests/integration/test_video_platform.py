"""A video platform (WVP-GB28181-pro) over HTTP: tokens, pages, errors in a 200, time-outs, cameras that come and go."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from gateway.http import HttpClient
from gateway.inbox import Inbox
from gateway.receive import video_platform
from gateway.receive.inventory import Inventory
from gateway.receive.video_platform import VideoPlatformSource
from gateway.settings import VideoPlatform
from rules.inputs import AnyInput, LinkChanged, ReadingsArrived
from rules.site import Device, Site
from rules.text import Text
from tests.gb26875_world import SteppedClock
from tests.servers import free_port

RECORDER, OTHER = "34020000001180000001", "34020000001180000002"
GATE, HALL = "34020000001310000001", "34020000001310000002"
PASSWORD = "a pass word"


class Wvp:
    """A platform as its controllers answer: an envelope, a token that may grow old, pages, errors in a 200."""

    def __init__(self) -> None:
        self.devices: dict[str, Any] = {RECORDER: True}
        self.channels: dict[str, dict[str, Any]] = {RECORDER: {GATE: "ON", HALL: "ON"}}
        self.old_release = False
        self.page = 100
        self.broken = ""
        self.logins = 0
        self.asked: list[str] = []
        self.token = ""
        self.port = free_port()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Wvp]:
        app = web.Application()
        app.router.add_get("/api/user/login", self.login)
        app.router.add_get("/api/device/query/devices", self.list_devices)
        app.router.add_get("/api/device/query/devices/{id}/channels", self.list_channels)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            await runner.cleanup()

    async def login(self, request: web.Request) -> web.Response:
        self.logins += 1
        if self.broken == "login":
            return web.json_response({"code": 500, "msg": "down"}, status=500)
        wanted = hashlib.md5(PASSWORD.encode()).hexdigest()
        if request.query != {"username": "admin", "password": wanted}:
            return web.json_response({"code": 100, "msg": "用户名或密码错误", "data": None})
        self.token = f"token-{self.logins}"
        return web.json_response(
            {"code": 0, "msg": "成功", "data": {"username": "admin", "accessToken": self.token}}
        )

    def _refuse(self, request: web.Request) -> web.Response | None:
        self.asked.append(request.path)
        if request.headers.get("access-token") != self.token or not self.token:
            return web.json_response({"code": 401, "msg": "请登录后重新请求"}, status=401)
        if self.broken == "body":
            return web.json_response({"code": 100, "msg": "数据库连接失败", "data": None})
        if self.broken == "html":
            return web.Response(text="<html>nginx</html>", content_type="text/html")
        return None

    def _page(self, request: web.Request, items: list[dict[str, Any]]) -> web.Response:
        number, count = int(request.query["page"]), min(int(request.query["count"]), self.page)
        shown = items[(number - 1) * count : number * count]
        data = {"total": len(items), "list": shown, "pageNum": number, "pageSize": count}
        return web.json_response(data if self.old_release else {"code": 0, "msg": "成功", "data": data})

    async def list_devices(self, request: web.Request) -> web.Response:
        if self.broken == "silent":
            await asyncio.sleep(3600)
        refused = self._refuse(request)
        state = "online" if self.old_release else "onLine"
        items = [{"deviceId": code, "name": "NVR", state: on} for code, on in self.devices.items()]
        return refused or self._page(request, items)

    async def list_channels(self, request: web.Request) -> web.Response:
        refused = self._refuse(request)
        device = request.match_info["id"]
        items = []
        for code, state in self.channels.get(device, {}).items():
            if self.old_release:
                items.append({"channelId": code, "deviceId": device, "status": state == "ON"})
            else:
                items.append({"deviceId": code, "parentId": device, "name": "通道", "status": state})
        return refused or self._page(request, items)


class World:
    """A source of one platform, asked by hand, and what it said."""

    def __init__(self, wvp: Wvp, password: str = PASSWORD) -> None:
        self.wvp = wvp
        self.clock = SteppedClock()
        self.inbox = Inbox()
        self.http = HttpClient()
        self.states: dict[str, bool] = {}
        devices = tuple(
            Device(id=name, kind="video", source="nvr", address=code, zone="hall", name=Text(name))
            for name, code in (("gate", GATE), ("hall", HALL))
        )
        setting = VideoPlatform(name="nvr", home="home-a", url=f"http://127.0.0.1:{wvp.port}", username="admin")
        self.source = VideoPlatformSource(
            setting,
            Inventory([Site(id="home-a", name=Text("甲院"), devices=devices)]),
            self.inbox,
            self.clock,
            lambda: 0.0,
            self.http,
            password,
            lambda: [GATE, HALL],
            lambda link, up, _: self.states.__setitem__(link, up),
        )
        self.links: list[LinkChanged] = []

    async def ask(self, times: int = 1) -> list[dict[str, bool]]:
        """What each round said of each camera."""
        rounds = []
        for _ in range(times):
            await self.source.ask()
            said: dict[str, bool] = {}
            for delivery in self.inbox.take(1000):
                happened: AnyInput = delivery.make(self.clock.now())
                if isinstance(happened, LinkChanged):
                    self.links.append(happened)
                elif isinstance(happened, ReadingsArrived):
                    (report,) = happened.reports
                    said[report.device] = bool(report.readings[0].value)
            rounds.append(said)
        return rounds


@pytest.fixture
async def wvp() -> AsyncIterator[Wvp]:
    async with Wvp().running() as server:
        yield server


@pytest.fixture
async def world(wvp: Wvp) -> AsyncIterator[World]:
    made = World(wvp)
    yield made
    await made.http.aclose()


BOTH = {"gate": True, "hall": True}


@pytest.mark.parametrize("old_release", [False, True], ids=["2.7.4", "2.0"])
async def test_the_state_of_every_camera_is_passed_on(wvp: Wvp, world: World, old_release: bool) -> None:
    wvp.old_release = old_release
    assert await world.ask() == [BOTH]
    wvp.channels[RECORDER][HALL] = "OFF"
    assert await world.ask() == [{"gate": True, "hall": False}]
    wvp.channels[RECORDER][HALL] = "ON"
    assert await world.ask() == [BOTH]
    assert wvp.logins == 1 and world.states == {"platform:nvr": True}


async def test_cameras_of_a_recorder_that_is_gone_are_off_line(wvp: Wvp, world: World) -> None:
    wvp.devices[RECORDER] = False
    assert await world.ask() == [{"gate": False, "hall": False}]


async def test_a_token_that_grew_old_is_renewed(wvp: Wvp, world: World) -> None:
    await world.ask()
    wvp.token = "another"
    assert await world.ask() == [BOTH]
    assert wvp.logins == 2 and world.states["platform:nvr"]


async def test_pages_are_read_to_the_last(wvp: Wvp, world: World) -> None:
    wvp.page = 2
    others = {f"340200000013200000{place:02}": "ON" for place in range(7)}
    wvp.channels[RECORDER] = {**others, GATE: "ON", HALL: "OFF"}
    wvp.devices = {OTHER: True, "34020000001180000003": True, RECORDER: True}
    assert await world.ask() == [{"gate": True, "hall": False}]


async def test_only_devices_with_cameras_of_the_home_are_asked_again(wvp: Wvp, world: World) -> None:
    wvp.devices[OTHER] = True
    await world.ask()
    assert any(OTHER in path for path in wvp.asked)
    wvp.asked.clear()
    assert await world.ask() == [BOTH]
    assert not any(OTHER in path for path in wvp.asked)


async def test_a_camera_that_moved_to_another_recorder_is_found_there(wvp: Wvp, world: World) -> None:
    await world.ask()
    wvp.devices = {OTHER: True}
    wvp.channels = {OTHER: {GATE: "ON", HALL: "OFF"}}
    assert await world.ask() == [{"gate": True, "hall": False}]


@pytest.mark.parametrize("gone", ["channel", "state"])
async def test_a_camera_that_the_platform_does_not_know_is_off_line_after_three_rounds(
    wvp: Wvp, world: World, gone: str
) -> None:
    await world.ask()
    if gone == "channel":
        del wvp.channels[RECORDER][HALL]
    else:
        wvp.channels[RECORDER][HALL] = None
    assert await world.ask(3) == [{"gate": True}, {"gate": True}, {"gate": True, "hall": False}]
    wvp.channels[RECORDER][HALL] = "ON"
    world.clock.ahead += video_platform.SEARCH_EVERY_S
    assert await world.ask() == [BOTH]


BROKEN = {
    "body": "数据库连接失败",
    "html": "not understood",
    "login": "it answers 500: down",
    "gone": "cannot connect",
    "silent": "no answer within",
}


@pytest.mark.parametrize(("how", "words"), BROKEN.items(), ids=BROKEN)
async def test_a_platform_that_does_not_answer_is_a_trouble_of_its_own(
    wvp: Wvp, world: World, how: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_platform, "ANSWER_S", 0.2)
    await world.ask()
    port = wvp.port
    if how == "gone":
        world.source._setting = world.source._setting.model_copy(update={"url": f"http://127.0.0.1:{free_port()}"})
    elif how == "login":
        wvp.token = ""
    wvp.broken = how
    assert await world.ask(2) == [{}, {}]
    assert [link.up for link in world.links] == [True], "one or two missed rounds are nothing"
    assert await world.ask() == [{}], "no camera is called off line for it"
    assert world.links[-1].link == "platform:nvr" and not world.links[-1].up
    assert words in world.links[-1].detail and "2 cameras" in world.links[-1].detail
    wvp.broken = ""
    world.source._setting = world.source._setting.model_copy(update={"url": f"http://127.0.0.1:{port}"})
    assert await world.ask() == [BOTH]
    assert world.links[-1].up and len(world.links) == 3, "told when it changes, not at every round"


async def test_a_refused_password_is_told_at_once_and_not_tried_again_for_ten_minutes(wvp: Wvp) -> None:
    world = World(wvp, "wrong")
    assert await world.ask(4) == [{}, {}, {}, {}]
    assert wvp.logins == 1
    (link,) = world.links
    assert not link.up and "用户名或密码错误" in link.detail and "password_file" in link.detail
    world.source._password = PASSWORD
    world.clock.ahead += video_platform.LOGIN_AGAIN_S
    assert await world.ask() == [BOTH]
    assert world.links[-1].up
    await world.http.aclose()


async def test_no_secret_stands_in_any_words(wvp: Wvp) -> None:
    world = World(wvp, "wrong")
    wvp.broken = "login"
    await world.ask(3)
    told = " ".join(link.detail for link in world.links)
    assert told and "wrong" not in told and hashlib.md5(b"wrong").hexdigest() not in told
    await world.http.aclose()


async def test_it_is_asked_by_itself(wvp: Wvp, world: World) -> None:
    task = asyncio.create_task(world.source.run())
    async with asyncio.timeout(5):
        while not world.states:  # noqa: ASYNC110  (a task of its own says it)
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert world.states == {"platform:nvr": True}
