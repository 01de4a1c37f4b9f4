"""The kept sheets of drills and monthly test alarms: written once, listed, printed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.console.sheet_pdf import PdfUnavailable, SheetPrinter
from gateway.deliver.sheets import SheetFolder
from rules.alarm import Category
from rules.drill import Drill, TimingLine, TimingSheet
from rules.effects import DrillChanged
from rules.inputs import Outcome
from tests.console_world import START, Browser, ShiftableClock, World, a_site, a_world

DRILL = Drill(
    id="jinlan:1:45.d1",
    home="jinlan",
    by="",
    device="smoke-1",
    zone="ward-1",
    category=Category.FIRE,
    started_at=START,
    ends_at=START + timedelta(minutes=30),
    alarm="jinlan:1:45",
    incident="jinlan:1:45.i1",
    ended_at=START + timedelta(seconds=95),
    ended_by="p-wang",
    ended_because="the drill is completed",
    scheduled=True,
)
TIMING = TimingSheet(
    told_s=0.0,
    acknowledged_s=20.0,
    verdict_s=80.0,
    reset_s=95.0,
    told=("p-wang", "p-chen"),
    lines=(TimingLine(0.0, "told", "p-wang"), TimingLine(20.0, "acknowledged", "p-wang")),
)
KEY = "20261122-001705_1_45"


def ended(drill: Drill = DRILL, timing: TimingSheet = TIMING) -> DrillChanged:
    return DrillChanged(at=START, drill=drill, change="ended", sheet=timing)


def a_folder(path: Path, clock: ShiftableClock | None = None) -> SheetFolder:
    return SheetFolder(path / "walk-tests", lambda _: a_site(), clock or ShiftableClock())


async def test_a_sheet_is_kept_once_and_found_again(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    for _ in range(2):
        assert (await folder.send(ended(), "key")).outcome is Outcome.ACCEPTED
    assert folder.drills.keys("jinlan") == [KEY]
    sheet = folder.drills.find("jinlan", KEY)
    assert sheet is not None and sheet.timing == TIMING and sheet.scheduled
    assert (sheet.device_name.zh, sheet.room, sheet.zone.zh) == ("烟感1", "201", "东侧")
    assert folder.keys("jinlan") == [], "walk tests have a folder of their own"
    assert (tmp_path / "drills" / "jinlan" / f"{KEY}.json").is_file()


async def test_only_what_has_ended_is_a_sheet(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    assert folder.takes(ended()) and not folder.takes(replace(ended(), change="started"))


async def test_after_a_step_of_the_clock_its_instants_are_the_walls(tmp_path: Path) -> None:
    clock = ShiftableClock()
    clock.wall_offset = timedelta(days=3)
    folder = a_folder(tmp_path, clock)
    await folder.send(ended(), "key")
    (kept,) = folder.drills.newest("jinlan")
    assert kept.sheet.started_at == START + timedelta(days=3)


async def a_stage(tmp_path: Path) -> tuple[World, Browser]:
    folder = a_folder(tmp_path)
    await folder.send(ended(), "key")
    later = replace(DRILL, id="jinlan:1:99.d1", scheduled=False, by="p-chen", ended_at=START + timedelta(hours=2))
    await folder.send(ended(later, replace(TIMING, acknowledged_s=None, verdict_s=None, reset_s=None)), "key")
    world = a_world(tmp_path, sheets=folder)
    browser = Browser(world.build())
    await browser.log_in()
    return world, browser


@pytest.mark.parametrize(
    "language, words",
    [
        ("zh", ("每月测试报警", "系统自动发起", "王护工", "全部完成", "20 s")),
        ("en", ("Monthly test alarm", "by itself", "Complete", "20 s")),
    ],
)
async def test_the_sheet_in_both_languages(tmp_path: Path, language: str, words: tuple[str, ...]) -> None:
    _, browser = await a_stage(tmp_path)
    page = await browser.get(f"/home/jinlan/drills/{KEY}?lang={language}")
    assert page.status == 200
    assert [word for word in words if word not in page.text] == []


async def test_the_list_says_which_were_answered(tmp_path: Path) -> None:
    _, browser = await a_stage(tmp_path)
    page = await browser.get("/home/jinlan/drills")
    assert page.text.index("无人应答") < page.text.index("全部完成"), "the newest first"
    assert "陈院长" not in page.text and f"/home/jinlan/drills/{KEY}" in page.text
    modes = await browser.get("/home/jinlan/modes")
    assert "/home/jinlan/drills" in modes.text


async def test_the_pdf_is_one_or_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, browser = await a_stage(tmp_path)

    async def drawn(self: SheetPrinter, page: str, style: str) -> bytes:
        assert "<nav" not in page and "每月测试报警" in page and style
        return b"%PDF-1.7 made"

    monkeypatch.setattr(SheetPrinter, "pdf", drawn)
    pdf = await browser.get(f"/home/jinlan/drills/{KEY}/pdf")
    assert pdf.status == 200 and pdf.header("content-type") == "application/pdf"

    async def missing(self: SheetPrinter, page: str, style: str) -> bytes:
        raise PdfUnavailable("no pango")

    monkeypatch.setattr(SheetPrinter, "pdf", missing)
    none = await browser.get(f"/home/jinlan/drills/{KEY}/pdf")
    assert none.status == 503 and "libpango" in none.text


@pytest.mark.parametrize(
    "path", ["/home/jinlan/drills/20200101-000000_1_1", "/home/jinlan/drills/..%2fx", "/home/x/drills"]
)
async def test_what_is_not_there_is_not_found(tmp_path: Path, path: str) -> None:
    _, browser = await a_stage(tmp_path)
    assert (await browser.get(path)).status == 404


async def test_who_is_not_logged_in_sees_none(tmp_path: Path) -> None:
    world, _ = await a_stage(tmp_path)
    assert (await Browser(world.build()).get(f"/home/jinlan/drills/{KEY}")).status in (303, 401)
