"""The walk test's sheets: what they say, how they are kept, and the pages that show them."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from gateway.console import sheet_pdf
from gateway.console.past import freshness_step
from gateway.console.sheet_pdf import PdfBusy, PdfUnavailable, SheetPrinter
from gateway.deliver.sheets import BYTES_MAX, SheetFolder, key_of
from gateway.settings import ProofLimits
from rules.alarm import Category
from rules.effects import StopNotifying, WalkTestChanged
from rules.inputs import ModeRequested, ModeVerb, Outcome
from rules.proof import Freshness
from rules.site import Site
from rules.text import Text
from rules.walk_test import Proof, ProofKind, RealAlarm, WalkTest
from rules.walk_test_sheet import Result, Sheet, sheet_of
from tests.console_world import START, Browser, ShiftableClock, World, a_device, a_site, a_world

SECOND = timedelta(seconds=1)
WALK = "/home/jinlan/walk-test"


def a_walk_site() -> Site:
    """The console's test home with the categories that profiles would give, and a call point."""
    site = a_site()
    kinds = {"smoke": "fire", "gas": "gas", "sos": "person", "electrical": "electrical"}
    devices = tuple(replace(device, category=kinds[device.kind]) for device in site.devices)
    call = replace(a_device("call-1", "manual_call", "ward-1", "手报", "Call point", ""), category="fire")
    return replace(site, devices=(*devices, call))


def ended(*proofs: Proof, **more: object) -> WalkTest:
    test = WalkTest(
        id="jinlan:1:45.w1",
        home="jinlan",
        tester="p-wang",
        started_at=START,
        ends_at=START + timedelta(hours=1),
        zones=("ward-1",),
        targets=("smoke-1", "smoke-2", "smoke-3"),
        proofs=proofs,
        ended_at=START + 600 * SECOND,
        ended_because="time limit",
    )
    return replace(test, **more)


def proof(device: str, kind: ProofKind = ProofKind.ALARM, **more: object) -> Proof:
    return replace(Proof(device=device, at=START + 60 * SECOND, kind=kind, alarm="a", point="smoke.alarm"), **more)


CLEAN = proof("smoke-1", cleared_at=START + 90 * SECOND)
RESULTS = [
    pytest.param(CLEAN, Result.PROVEN, id="came-and-went"),
    pytest.param(proof("smoke-1", ProofKind.SELF_TEST), Result.SELF_TESTED, id="self-test"),
    pytest.param(proof("smoke-1"), Result.NOT_CLEARED, id="its-end-was-not-seen"),
    pytest.param(proof("smoke-1", real_at=START, real_because="why"), Result.NOT_CLEARED, id="became-real"),
    pytest.param(replace(CLEAN, real_at=START), Result.NOT_CLEARED, id="became-real-and-went"),
    pytest.param(None, Result.NOT_PROVEN, id="nothing"),
]


@pytest.mark.parametrize("said, result", RESULTS)
def test_what_came_of_a_device(said: Proof | None, result: Result) -> None:
    sheet = sheet_of(ended(*([said] if said is not None else [])), a_walk_site())
    found = {row.device: row.result for row in sheet.rows}
    rest = {"smoke-2": Result.NOT_PROVEN, "smoke-3": Result.NOT_PROVEN, "call-1": Result.ALWAYS_REAL}
    assert found == {"smoke-1": result, **rest}
    assert sheet.complete is False
    assert sheet.proven == (result in (Result.PROVEN, Result.SELF_TESTED))


def test_a_sheet_is_complete_only_if_every_target_is_proven() -> None:
    proofs = [replace(CLEAN, device=name) for name in ("smoke-1", "smoke-2", "smoke-3")]
    assert sheet_of(ended(*proofs), a_walk_site()).complete
    assert not sheet_of(ended(*proofs[:2]), a_walk_site()).complete
    assert not sheet_of(ended(targets=()), replace(a_walk_site(), devices=())).complete


def test_a_device_that_is_gone_stands_on_the_sheet_by_its_id() -> None:
    sheet = sheet_of(ended(proof("old"), targets=("old",)), a_walk_site())
    row = next(row for row in sheet.rows if row.device == "old")
    assert (row.name, row.zone) == (Text("old"), Text(""))


def test_no_name_of_a_person_stands_in_the_file(tmp_path: Path) -> None:
    sheet = sheet_of(ended(ended_by="p-li"), a_walk_site())
    assert (sheet.tester, sheet.ended_by) == ("p-wang", "p-li")


# the folder


def a_folder(path: Path, clock: ShiftableClock | None = None) -> SheetFolder:
    return SheetFolder(path, lambda _: a_walk_site(), clock or ShiftableClock())


def effect(test: WalkTest) -> WalkTestChanged:
    return WalkTestChanged(at=START, walk_test=test, change="ended")


async def test_a_sheet_is_kept_once_and_found_again(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    for _ in range(2):
        assert (await folder.send(effect(ended(CLEAN)), "key")).outcome is Outcome.ACCEPTED
    assert folder.keys("jinlan") == ["20261122-002530_1_45"]
    assert folder.find("jinlan", "20261122-002530_1_45") == sheet_of(ended(CLEAN), a_walk_site())
    assert folder.keys("other") == []
    assert [each.key for each in folder.newest("jinlan")] == folder.keys("jinlan")


async def test_the_same_test_after_the_clock_was_set_is_still_one_sheet(tmp_path: Path) -> None:
    clock = ShiftableClock()
    folder = a_folder(tmp_path, clock)
    await folder.send(effect(ended(CLEAN)), "key")
    clock.wall_offset = timedelta(days=3)
    await folder.send(effect(ended(CLEAN)), "key")
    assert len(folder.keys("jinlan")) == 1


async def test_a_sheet_has_the_time_on_the_wall(tmp_path: Path) -> None:
    clock = ShiftableClock()
    clock.wall_offset = timedelta(days=3)
    folder = a_folder(tmp_path, clock)
    await folder.send(effect(ended(CLEAN, real=(RealAlarm("a", "d", "z", Category.FIRE, START),))), "key")
    (kept,) = folder.newest("jinlan")
    assert kept.sheet.started_at == START + timedelta(days=3)
    assert kept.sheet.real[0].at == START + timedelta(days=3)
    row = next(row for row in kept.sheet.rows if row.device == "smoke-1")
    assert row.at == CLEAN.at + timedelta(days=3)


async def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "jinlan").write_text("in the way")
    result = await a_folder(tmp_path).send(effect(ended()), "key")
    assert result.outcome is Outcome.RETRY and "cannot be written" in result.detail


def test_only_ended_tests_are_taken(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    assert folder.takes(effect(ended()))
    assert not folder.takes(replace(effect(ended()), change="proven"))
    assert not folder.takes(StopNotifying(at=START, incident="i"))


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"version": 2}', b"\xff" * 100, b" " * (BYTES_MAX + 1)],
    ids=["empty", "torn", "another-thing", "no-text", "too-large"],
)
def test_a_spoilt_file_spoils_nothing_else(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "jinlan").mkdir()
    (tmp_path / "jinlan" / "20261122-002530_1_45.json").write_bytes(body)
    folder = a_folder(tmp_path)
    assert folder.find("jinlan", "20261122-002530_1_45") is None
    assert folder.newest("jinlan") == []


async def test_a_sheet_of_a_newer_program_is_not_guessed(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    await folder.send(effect(ended()), "key")
    (path,) = (tmp_path / "jinlan").glob("*.json")
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 2'))
    assert folder.newest("jinlan") == []


@pytest.mark.parametrize("key", ["", "..", "../jinlan/20261122-002530_1_45", "20261122-002530_1_45.json", "a/b"])
async def test_a_key_is_no_path(tmp_path: Path, key: str) -> None:
    folder = a_folder(tmp_path)
    await folder.send(effect(ended()), "key")
    assert folder.find("jinlan", key) is None


# the pages


@pytest.fixture
async def world(tmp_path: Path) -> World:
    site = a_walk_site()
    folder = SheetFolder(tmp_path / "sheets", lambda _: site, ShiftableClock())
    world = a_world(tmp_path, [site], sheets=folder)
    await folder.send(effect(ended(CLEAN)), "key")
    return world


@pytest.fixture
async def browser(world: World) -> Browser:
    browser = Browser(world.build())
    await browser.log_in()
    return browser


KEY = "20261122-002530_1_45"


async def test_the_sheet_as_a_page(browser: Browser) -> None:
    page = await browser.get(f"{WALK}/sheet/{KEY}?lang=en")
    assert page.status == 200
    for words in ("Not complete: 2 not proven", "1 of 3 proven", "Smoke 1", "王护工", "2026-11-22 08:16:30"):
        assert words in page.text
    assert "no signal came" in page.text and "not tested this way" in page.text


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_the_sheet_as_pdf(browser: Browser, lang: str) -> None:
    answer = await browser.get(f"{WALK}/sheet/{KEY}/pdf?lang={lang}")
    assert (answer.status, answer.header("content-type")) == (200, "application/pdf")
    assert answer.body.startswith(b"%PDF-") and KEY in answer.header("content-disposition")


@pytest.mark.parametrize("path", [f"{WALK}/sheet/19990101-000000_1_1", f"{WALK}/sheet/x/pdf", "/home/none/walk-test"])
async def test_no_such_sheet(browser: Browser, path: str) -> None:
    assert (await browser.get(path)).status == 404


async def test_without_the_native_libraries_it_says_what_to_install(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    answer = await browser.get(f"{WALK}/sheet/{KEY}/pdf?lang=en")
    assert answer.status == 503
    assert "apt install libpango-1.0-0 libpangoft2-1.0-0 fonts-noto-cjk" in answer.text
    assert (await browser.get(f"{WALK}/sheet/{KEY}")).status == 200


async def test_one_pdf_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    printer = SheetPrinter()
    drawing = asyncio.Event()

    async def slowly(*_: object) -> bytes:
        drawing.set()
        await asyncio.sleep(0.05)
        return b"%PDF-"

    monkeypatch.setattr(sheet_pdf.asyncio, "to_thread", slowly)
    first = asyncio.create_task(printer.pdf("a", ""))
    await drawing.wait()
    with pytest.raises(PdfBusy):
        await printer.pdf("b", "")
    assert await first == b"%PDF-"
    assert await printer.pdf("c", "") == b"%PDF-"


def test_a_sheet_fetches_nothing() -> None:
    with pytest.raises(ValueError, match="needs nothing from elsewhere"):
        sheet_pdf._fetch_nothing("file:///etc/passwd")


async def test_a_missing_library_is_told_apart_from_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(PdfUnavailable):
        await SheetPrinter().pdf("<p>", "")


async def act(world: World, browser: Browser, verb: str, **form: str) -> int:
    deciding = asyncio.create_task(world.decide())
    csrf = await browser.csrf(WALK)
    answer = await browser.post(f"{WALK}/{verb}", {"csrf": csrf, **form}, origin="http://127.0.0.1")
    deciding.cancel()
    return answer.status


async def test_begin_tick_and_end_by_clicks(world: World, browser: Browser) -> None:
    zone = {"scope": "zones", "zone.ward-1": "yes", "minutes": "30"}
    assert await act(world, browser, "start", **zone) == 303
    engine = world.home.engine
    assert engine.walk_test is not None and engine.walk_test.zones == ("ward-1",)
    assert engine.walk_test.ends_at == world.clock.now() + timedelta(minutes=30)
    assert await act(world, browser, "arm", device="smoke-1") == 303
    world.home.say("smoke-1", smoke__alarm=True)
    page = await browser.get(f"{WALK}?fragment=1&lang=en")
    assert 'data-state="in_test"' in page.text and "1 of 4 proven" in page.text
    assert await act(world, browser, "arm", device="gas-1") == 409
    assert await act(world, browser, "end") == 303
    assert engine.walk_test is None and len(engine.incidents) == 1


@pytest.mark.parametrize(
    "form, status",
    [
        ({"scope": "all", "minutes": "60"}, 303),
        ({"scope": "all", "minutes": "999"}, 409),
        ({"scope": "all", "minutes": "-1"}, 409),
        ({"scope": "all", "minutes": "٣٠"}, 409),
        ({"scope": "zones", "zone.nowhere": "yes", "minutes": "60"}, 409),
        ({"minutes": "60"}, 409),
    ],
    ids=["whole-home", "too-long", "negative", "other-digits", "unknown-zone", "no-scope"],
)
async def test_a_start_by_form(world: World, browser: Browser, form: dict[str, str], status: int) -> None:
    assert await act(world, browser, "start", **form) == status
    assert (world.home.engine.walk_test is not None) is (status == 303)


async def test_who_may_only_look_changes_nothing(world: World) -> None:
    guest = Browser(world.build())
    await guest.log_in("guest")
    page = await guest.get(WALK)
    assert page.status == 200 and "This account may only look" in page.text
    csrf = await guest.csrf(WALK)
    form = {"csrf": csrf, "scope": "all", "minutes": "60"}
    assert (await guest.post(f"{WALK}/start", form, origin="http://127.0.0.1")).status == 403
    assert world.home.engine.walk_test is None
    assert (await Browser(world.build()).get(WALK)).status == 303, "without a log-in there is no page"


async def test_a_test_is_on_the_board_and_its_alarm_is_not_handled_there(world: World, browser: Browser) -> None:
    world.home.step(lambda at: ModeRequested(at=at, person="p-wang", verb=ModeVerb.START))
    world.home.step(lambda at: ModeRequested(at=at, person="p-wang", verb=ModeVerb.ARM, device="smoke-1"))
    world.home.say("smoke-1", smoke__alarm=True)
    world.parts.changes.bump()
    board = await browser.get("/?lang=en")
    assert "walk test running (1 of 6)" in board.text and 'data-sounding="no"' in board.text
    assert '<span class="tile-count" data-count="fire">0</span>' in board.text
    (alarm,) = world.home.engine.alarms
    item = await browser.get(f"/home/jinlan/alarm/{alarm}?lang=en")
    assert "it calls nobody" in item.text and "/acknowledge" not in item.text
    history = await browser.get("/history?lang=en")
    assert "walk test: proven" in history.text


# last proven


@pytest.mark.parametrize(
    "days, step", [(0, 4), (45, 4), (46, 3), (137, 2), (138, 1), (182, 1), (183, 0), (4000, 0)],
)
def test_a_proof_goes_grey_step_by_step(days: int, step: int) -> None:
    assert freshness_step(Freshness(), "smoke", START, START + timedelta(days=days)) == step


def test_never_proven_is_grey_and_a_kind_has_its_own_limit() -> None:
    fresh = Freshness(timedelta(days=100), {"sos": timedelta(days=10)})
    assert freshness_step(fresh, "smoke", None, START) == 0
    assert freshness_step(fresh, "smoke", START, START + timedelta(days=11)) == 4
    assert freshness_step(fresh, "sos", START, START + timedelta(days=11)) == 0


def test_the_limits_are_settings() -> None:
    assert ProofLimits().within_days == 183
    assert ProofLimits(kinds={"sos": 31}).kinds == {"sos": 31}
    with pytest.raises(ValidationError, match="no kind of device of this name"):
        ProofLimits(kinds={"soss": 31})


async def test_the_devices_page_shows_when_each_was_proven(world: World, browser: Browser) -> None:
    world.home.say("smoke-1", smoke__alarm=True)
    page = await browser.get("/home/jinlan/devices?lang=en")
    assert page.text.count('data-proof="4"') == 1
    assert page.text.count("never proven") == 6
    world.clock.advance(timedelta(days=183))
    await browser.log_in()
    page = await browser.get("/home/jinlan/devices?lang=en")
    assert page.text.count('data-proof="0"') == 7 and "overdue by" in page.text
    assert "Detectors that are due" in (await browser.get(f"{WALK}?lang=en")).text


def test_keys_sort_by_time() -> None:
    sheet = sheet_of(ended(), a_walk_site())
    later: Sheet = replace(sheet, ended_at=sheet.ended_at + timedelta(days=400), id="jinlan:2:7.w1")
    assert key_of(sheet) < key_of(later) == "20271227-002530_2_7"
