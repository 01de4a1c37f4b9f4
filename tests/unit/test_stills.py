"""Stills of alarms: of which cameras, how many, kept how long; and who may see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.deliver.stills import CAMERAS_MAX, LATE_MAX, StillDestination, StillFolder
from gateway.receive.stills import Taken
from rules.alarm import Alarm, Category
from rules.effects import AlarmChanged, Change
from rules.inputs import Outcome
from rules.site import Device, Site
from rules.text import Text
from tests.console_world import Browser, World, a_site, a_world
from tests.deliver_world import START, ManualClock

INCIDENT = "home-a:1:7.i1"
DAY = 86_400.0


def camera(name: str, zone: str = "hall", **more: Any) -> Device:
    return Device(id=f"c-{name}", kind="video", source="video", address=name, zone=zone, name=Text(name), **more)


CAMERAS = tuple(camera(f"cam-{number}") for number in range(1, 7))
OTHERS = (
    camera("far", "kitchen"),
    camera("private"),
    replace(camera("cam-1"), id="x", source="z2m"),
)
SITE = Site(id="home-a", name=Text("甲院"), devices=(*CAMERAS, *OTHERS))


def alarm(**more: Any) -> Alarm:
    values: dict[str, Any] = {
        "id": "home-a:1:7", "rule": "fire.smoke", "subject": "smoke-1", "zone": "hall", "category": Category.FIRE,
        "priority": 1, "title": Text("火警"), "raised_at": START, "incident": INCIDENT,
    }  # fmt: skip
    return Alarm(**{**values, **more})


def raised(change: Change = Change.RAISED, **more: Any) -> AlarmChanged:
    return AlarmChanged(at=START, alarm=alarm(**more), change=change)


class Room:
    """A folder, a destination and cameras that give what they are told to."""

    def __init__(self, folder: Path, keep_days: float = 30, keep_bytes: int = 1 << 20) -> None:
        self.clock = ManualClock()
        self.folder = StillFolder(folder / "stills", keep_days, keep_bytes, self.clock)
        self.gives: dict[str, Taken] = {}
        self.asked: list[str] = []
        self.changes = 0
        allowed = {device.address for device in SITE.devices} - {"private"}
        self.stills = StillDestination(
            self.folder, lambda _: SITE, allowed, self.take, self.clock, on_change=self._changed
        )

    def _changed(self) -> None:
        self.changes += 1

    async def take(self, name: str) -> Taken:
        self.asked.append(name)
        return self.gives.get(name, Taken(b"\xff\xd8 " + name.encode()))

    async def send(self, effect: AlarmChanged) -> Outcome:
        assert self.stills.takes(effect)
        return (await self.stills.send(effect, "home-a:1:7:0")).outcome


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def test_the_allowed_cameras_of_the_zone_give_one_picture_each(room: Room) -> None:
    assert await room.send(raised()) is Outcome.ACCEPTED
    assert room.asked == ["cam-1", "cam-2", "cam-3", "cam-4"], "four at most; not another zone's, not a private one"
    kept = room.folder.list("home-a", INCIDENT)
    assert [one.camera for one in kept] == room.asked and {one.taken_at for one in kept} == {START}
    assert room.folder.read("home-a", INCIDENT, kept[1].key) == b"\xff\xd8 cam-2"
    assert room.changes == CAMERAS_MAX


async def test_an_incident_that_grows_asks_no_camera_twice(room: Room) -> None:
    for _ in range(3):
        await room.send(raised())
    assert len(room.asked) == CAMERAS_MAX
    again = Room(room.folder._folder.parent)
    await again.send(raised())
    assert again.asked == [], "nor after a restart"
    await room.send(raised(zone="kitchen", incident="home-a:1:9.i1"))
    assert room.asked[-1] == "far"


async def test_pictures_are_for_the_gateways_user_alone(room: Room) -> None:
    await room.send(raised())
    files = [path for path in room.folder._folder.rglob("*") if path.is_file()]
    assert files and {path.stat().st_mode & 0o777 for path in files} == {0o600}
    folders = [room.folder._folder, *(path for path in room.folder._folder.rglob("*") if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


NOT_TAKEN = {
    "a trouble": raised(category=Category.TROUBLE),
    "electrical": raised(category=Category.ELECTRICAL),
    "a test alarm": raised(test="walk"),
    "a drill": raised(drill="drill"),
    "repeated": raised(Change.REPEATED),
    "cleared": raised(Change.CLEARED),
    "without an incident": raised(incident=""),
}


@pytest.mark.parametrize("effect", NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_what_asks_for_no_still(room: Room, effect: AlarmChanged) -> None:
    assert not room.stills.takes(effect)


@pytest.mark.parametrize("category", [Category.FIRE, Category.GAS, Category.PERSON])
def test_what_asks_for_one(room: Room, category: Category) -> None:
    assert room.stills.takes(raised(category=category))
    assert room.stills.takes(raised(Change.BECAME_REAL, category=category))


async def test_an_alarm_of_long_ago_is_asked_for_none(room: Room) -> None:
    room.clock.elapsed = LATE_MAX.total_seconds() + 1
    assert await room.send(raised()) is Outcome.ACCEPTED
    assert room.asked == []


async def test_a_camera_without_a_picture_holds_up_nothing(room: Room) -> None:
    room.gives["cam-2"] = Taken(problem="no connection")
    assert await room.send(raised()) is Outcome.ACCEPTED
    assert [one.camera for one in room.folder.list("home-a", INCIDENT)] == ["cam-1", "cam-3", "cam-4"]


async def test_a_disk_that_takes_nothing_holds_up_nothing(room: Room) -> None:
    room.folder._folder.write_text("a file in its place")
    assert await room.send(raised()) is Outcome.ACCEPTED
    assert room.folder.list("home-a", INCIDENT) == []


async def test_old_pictures_go(tmp_path: Path) -> None:
    room = Room(tmp_path, keep_days=30)
    await room.send(raised())
    room.clock.elapsed = 20 * DAY
    room.folder.write("home-a", "home-a:1:9.i1", "cam-1", b"x")
    room.clock.elapsed = 31 * DAY
    assert room.folder.prune() == CAMERAS_MAX
    assert room.folder.list("home-a", INCIDENT) == []
    assert len(room.folder.list("home-a", "home-a:1:9.i1")) == 1
    assert [path.name for path in (tmp_path / "stills" / "home-a").iterdir()] == ["home-a_1_9.i1"]


async def test_the_oldest_go_where_there_are_too_many(tmp_path: Path) -> None:
    room = Room(tmp_path, keep_bytes=2500)
    for number in range(5):
        room.clock.elapsed = number * 10.0
        room.folder.write("home-a", f"home-a:1:{number}.i1", "cam-1", b"x" * 1000)
    assert room.folder.prune() == 3
    left = [bool(room.folder.list("home-a", f"home-a:1:{number}.i1")) for number in range(5)]
    assert left == [False] * 3 + [True] * 2


@pytest.mark.parametrize("incident", ["../home-b:1:7.i1", "home-a", "", "home-a:1:7.i1/..", "home-a:1:7"])
def test_no_other_file_can_be_named(room: Room, incident: str) -> None:
    key = room.folder.write("home-a", INCIDENT, "cam-1", b"x").key
    assert room.folder.read("home-a", incident, key) is None
    assert room.folder.list("home-a", incident) == []
    for other in ("../cam-1.20261122T001530Z", "cam-1", "", f"{key}/.", "a.b.20261122T001530Z"):
        assert room.folder.read("home-a", INCIDENT, other) is None


# the console


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    site = a_site()
    gate = replace(camera("gate", "ward-1"), name=Text("大门", "Gate"))
    site = replace(site, devices=(*site.devices, gate))
    room = Room(tmp_path)
    made = a_world(tmp_path, [site, a_site("dajing")], stills=room.folder)
    made.home.say("smoke-1", smoke__alarm=True)
    room.folder.write("jinlan", made.home.incident, "gate", b"\xff\xd8 the picture")
    deciding = asyncio.create_task(made.decide())
    yield made
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)


def still_path(world: World) -> str:
    (kept,) = world.parts.stills.list("jinlan", world.home.incident)  # type: ignore[union-attr]
    return f"/home/jinlan/incident/{world.home.incident}/still/{kept.key}"


async def logged_in(world: World, name: str = "wang") -> Browser:
    browser = Browser(world.build())
    await browser.log_in(name)
    await browser.get("/?lang=en")
    return browser


@pytest.mark.parametrize("kind", ["incident", "alarm"])
async def test_the_page_of_an_alarm_shows_its_pictures(world: World, kind: str) -> None:
    browser = await logged_in(world)
    target = world.home.incident if kind == "incident" else next(iter(world.home.engine.alarms))
    page = (await browser.get(f"/home/jinlan/{kind}/{target}")).text
    assert f'src="{still_path(world)}"' in page and "Gate · 2026-11-22 08:15:30" in page


async def test_a_picture_goes_to_people_with_rights_and_is_stored_by_no_browser(
    world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await (await logged_in(world)).get(still_path(world))
    assert (answer.status, answer.body) == (200, b"\xff\xd8 the picture")
    assert answer.header("content-type") == "image/jpeg" and answer.header("cache-control") == "no-store"
    logged = caplog.text + capsys.readouterr().out
    assert "still shown" in logged and "wang" in logged and world.home.incident in logged


async def test_who_may_only_look_sees_that_there_are_some(world: World) -> None:
    guest = await logged_in(world, "guest")
    page = (await guest.get(f"/home/jinlan/incident/{world.home.incident}")).text
    assert "<img" not in page and "There are pictures (1)" in page
    answer = await guest.get(still_path(world))
    assert answer.status == 403 and b"the picture" not in answer.body


async def test_without_a_log_in_there_is_nothing_not_even_on_the_box(world: World) -> None:
    answer = await Browser(world.build()).get(still_path(world))
    assert answer.status == 303 and b"the picture" not in answer.body


@pytest.mark.parametrize("person", ["p-wang", "group:night"])
async def test_no_link_to_a_phone_shows_a_picture(world: World, person: str) -> None:
    page = await Browser(world.build()).get(world.link(person))
    assert page.status == 200 and "/still/" not in page.text and "<img" not in page.text


async def test_a_picture_that_is_gone_or_of_another_home_is_not_found(world: World) -> None:
    browser = await logged_in(world)
    path = still_path(world)
    assert (await browser.get(path.replace("gate.", "door."))).status == 404
    assert (await browser.get(path.replace("/home/jinlan/", "/home/dajing/"))).status == 404
    assert (await browser.get(path.replace("/home/jinlan/", "/home/nowhere/"))).status == 404
