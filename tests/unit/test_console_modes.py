"""The page of modes: drills, maintenance, shelving and out of service by forms, over real engines."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from rules.inputs import LinkChanged, ModeRequested, SuppressionRequested
from rules.shelving import Shelves
from tests.console_world import HASH, PASSWORD, Answer, Browser, World, a_site, a_world

MODES = "/home/jinlan/modes"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = a_world(tmp_path, answer_within_s=0.5)
    accounts = made.parts.accounts
    assert accounts is not None
    with accounts.open("a", encoding="utf-8") as file:
        file.write(
            f'\n[[account]]\nname = "chen"\nperson = "p-chen"\npassword_hash = "{HASH}"\n'
            'roles = ["operator"]\nhomes = ["jinlan"]\n'
            f'\n[[account]]\nname = "far"\npassword_hash = "{HASH}"\nroles = ["operator"]\nhomes = ["dajing"]\n'
        )
    deciding = asyncio.create_task(made.decide())
    yield made
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)


@pytest.fixture
async def operator(world: World) -> Browser:
    browser = Browser(world.build())
    assert (await browser.log_in()).status == 303
    await browser.get("/?lang=en")
    return browser


async def do(browser: Browser, action: str, **form: str) -> Answer:
    return await browser.post(f"{MODES}/{action}", {"csrf": await browser.csrf("/history"), **form})


def asked(world: World) -> list[ModeRequested | SuppressionRequested]:
    return [e.input for e in world.home.journal if isinstance(e.input, ModeRequested | SuppressionRequested)]


OUT = {
    "target": "smoke-1",
    "span": "2",
    "reason": "dirty",
    "substitute": "patrol",
    "second_name": "chen",
    "second_password": PASSWORD,
}


def battery(world: World) -> str:
    world.home.say("smoke-1", battery__low=True)
    return next(iter(world.home.engine.alarms))


@pytest.fixture
def may_be_shelved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelves, "_longest", lambda _self, _alarm: timedelta(hours=8))


async def test_an_idle_page_says_so(world: World, operator: Browser) -> None:
    page = (await operator.get(MODES)).text
    assert "No drill is running" in page and "Nothing is held back" in page
    assert 'href="/home/jinlan/walk-test"' in page


async def test_out_of_service_by_two_persons_and_back(world: World, operator: Browser) -> None:
    answer = await do(operator, "out-of-service", **OUT)
    assert (answer.status, answer.header("location")) == (303, f"{MODES}?done=out-of-service")
    out = world.home.engine.suppressions.devices["smoke-1"]
    assert (out.by, out.confirmed_by, out.until - out.at) == ("p-wang", "p-chen", timedelta(hours=2))
    page = (await operator.get(MODES)).text
    assert "王护工 + 陈院长" in page and "patrol" in page
    world.home.say("smoke-1", smoke__alarm=True)
    assert not world.home.engine.incidents
    await do(operator, "return", target="smoke-1")
    assert world.home.engine.incidents


@pytest.mark.parametrize(
    "more",
    [
        {"second_password": "wrong"},
        {"second_name": "nobody"},
        {"second_name": "guest"},
        {"second_name": "far"},
        {"second_name": ""},
    ],
)
async def test_without_a_second_person_nothing_happens(world: World, operator: Browser, more: dict[str, str]) -> None:
    answer = await do(operator, "out-of-service", **{**OUT, **more})
    assert answer.status == 409 and "second person" in answer.text and asked(world) == []


async def test_the_second_person_is_another_one(world: World, operator: Browser) -> None:
    answer = await do(operator, "out-of-service", **{**OUT, "second_name": "wang"})
    assert answer.status == 409 and "another one than the first" in answer.text
    assert not world.home.engine.suppressions.devices


async def test_guessing_the_second_password_is_bounded(world: World, operator: Browser) -> None:
    for _ in range(12):
        await do(operator, "out-of-service", **{**OUT, "second_password": "wrong"})
    assert (await do(operator, "out-of-service", **OUT)).status == 409
    assert not world.home.engine.suppressions.devices


@pytest.mark.usefixtures("may_be_shelved")
@pytest.mark.parametrize(("span", "once"), [("4", False), ("once", True)])
async def test_shelving_an_alarm_from_its_page(world: World, operator: Browser, span: str, once: bool) -> None:
    alarm = battery(world)
    page = (await operator.get(f"/home/jinlan/alarm/{alarm}")).text
    assert f'href="{MODES}?alarm={alarm}#chosen"' in page
    assert 'id="shelve"' in (await operator.get(f"{MODES}?alarm={alarm}")).text
    assert (await do(operator, "shelve", target=alarm, span=span, reason="ordered")).status == 303
    (shelf,) = world.home.engine.suppressions.shelves.values()
    assert shelf.once is once and shelf.by == "p-wang"
    page = (await operator.get(MODES)).text
    target = re.search(r'name="target" value="([^"]+)"><button', page)
    assert target is not None
    await do(operator, "unshelve", target=target[1])
    assert not world.home.engine.suppressions.shelves


async def test_a_fire_offers_no_shelving_and_refuses_it(world: World, operator: Browser) -> None:
    world.home.say("smoke-1", smoke__alarm=True)
    alarm = next(iter(world.home.engine.alarms))
    assert 'id="shelve"' not in (await operator.get(f"{MODES}?alarm={alarm}")).text
    answer = await do(operator, "shelve", target=alarm, span="1", reason="x")
    assert answer.status == 409 and "be shelved" in answer.text


async def test_maintenance_by_zone(world: World, operator: Browser) -> None:
    answer = await do(operator, "maintenance-start", scope="zones", span="1", reason="rewiring")
    assert answer.status == 409 and asked(world) == []
    form = {"scope": "zones", "zone.kitchen": "yes", "span": "1", "reason": "rewiring"}
    assert (await do(operator, "maintenance-start", **form)).status == 303
    (work,) = world.home.engine.suppressions.maintenances.values()
    assert work.zones == ("kitchen",)
    assert "rewiring" in (await operator.get(MODES)).text
    await do(operator, "maintenance-end", target=work.id)
    assert not world.home.engine.suppressions.maintenances


@pytest.mark.parametrize(
    ("second", "name", "words"),
    [
        ({}, "", "a second person must confirm the maintenance"),
        ({"second": "p-chen"}, "", "a second person must confirm the maintenance"),
        ({"second_name": "chen", "second_password": "wrong"}, "", "second person"),
        ({"second_name": "wang", "second_password": PASSWORD}, "", "a second person must confirm the maintenance"),
        ({"second_name": "chen", "second_password": PASSWORD}, "p-chen", ""),
    ],
    ids=["nobody", "forged", "wrong password", "the same", "confirmed"],
)
async def test_maintenance_over_fire_detection_takes_two(
    tmp_path: Path, second: dict[str, str], name: str, words: str
) -> None:
    world = drillable(tmp_path)
    assert world.parts.accounts is not None
    with world.parts.accounts.open("a", encoding="utf-8") as file:
        file.write(
            f'\n[[account]]\nname = "chen"\nperson = "p-chen"\npassword_hash = "{HASH}"\n'
            'roles = ["operator"]\nhomes = ["jinlan"]\n'
        )
    deciding = asyncio.create_task(world.decide())
    browser = Browser(world.build())
    await browser.log_in()
    await browser.get("/?lang=en")
    answer = await do(browser, "maintenance-start", scope="all", span="1", reason="rewiring", **second)
    works = list(world.home.engine.suppressions.maintenances.values())
    assert (answer.status == 303, [work.confirmed_by for work in works]) == (bool(name), [name] if name else [])
    assert words in answer.text
    if name:
        assert "王护工 + " in (await browser.get(MODES)).text
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)


async def test_the_link_of_an_alarm_leads_to_the_form_of_its_device(world: World, operator: Browser) -> None:
    world.home.say("smoke-1", smoke__alarm=True)
    alarm = next(iter(world.home.engine.alarms))
    page = (await operator.get(f"{MODES}?alarm={alarm}")).text
    chosen = page.partition('id="chosen"')[2].partition("</section>")[0]
    assert 'name="target" value="smoke-1"' in chosen and "<select name=\"target\"" not in page
    assert chosen.index("Smoke 1") < chosen.index('id="out-of-service"') and page.count('id="out-of-service"') == 1
    refused = await operator.post(
        f"{MODES}/out-of-service?alarm={alarm}", {"csrf": await operator.csrf("/history"), **OUT}
    )
    assert refused.status == 409 and 'id="chosen"' in refused.text, "a refusal leaves the form where it was"


async def test_an_alarm_without_a_device_says_so(world: World, operator: Browser) -> None:
    world.home.step(lambda at: LinkChanged(at=at, link="broker:main", up=False, detail="gone"))
    (alarm,) = world.home.engine.alarms
    page = (await operator.get(f"{MODES}?alarm={alarm}")).text
    assert "There is no device behind this alarm" in page and 'id="out-of-service"' not in page


def drillable(tmp_path: Path) -> World:
    site = a_site()
    devices = tuple(replace(d, category="fire") if d.kind == "smoke" else d for d in site.devices)
    return a_world(tmp_path, [replace(site, devices=devices)], answer_within_s=0.5)


async def test_a_drill_from_start_to_its_sheet(tmp_path: Path) -> None:
    world = drillable(tmp_path)
    deciding = asyncio.create_task(world.decide())
    browser = Browser(world.build())
    await browser.log_in()
    await browser.get("/?lang=en")
    assert (await do(browser, "drill-start", device="smoke-1", span="30")).status == 303
    page = (await browser.get(MODES)).text
    assert "A drill is running" in page and 'id="drill-start"' not in page
    incident = world.home.incident
    assert "DRILL" in (await browser.get(f"/home/jinlan/incident/{incident}")).text
    world.clock.advance(timedelta(seconds=20))
    await browser.post(
        f"/home/jinlan/incident/{incident}/acknowledge", {"csrf": await browser.csrf("/history")}
    )
    assert (await do(browser, "drill-end")).status == 303
    page = (await browser.get(MODES)).text
    assert "Timing sheet" in page and "20 s" in page and "not done" in page
    assert "drill ended" in (await browser.get("/history")).text
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)


async def test_a_refused_drill_says_why(world: World, operator: Browser) -> None:
    answer = await do(operator, "drill-start", device="meter-1", span="30")
    assert answer.status == 409 and "choose a detector" in answer.text
    answer = await do(operator, "drill-end")
    assert answer.status == 409 and "no drill is running" in answer.text


@pytest.mark.parametrize("span", ["", "-1", "99", "x", "٣"])
async def test_a_span_that_is_not_offered_is_refused(world: World, operator: Browser, span: str) -> None:
    assert (await do(operator, "out-of-service", **{**OUT, "span": span})).status == 409
    assert not world.home.engine.suppressions.devices


async def test_who_may_only_look_changes_nothing(world: World) -> None:
    guest = Browser(world.build())
    await guest.log_in("guest")
    page = (await guest.get(MODES)).text
    assert "<form class" not in page
    answer = await do(guest, "maintenance-start", scope="all", span="1", reason="x")
    assert answer.status == 403 and asked(world) == []


async def test_a_form_of_nobody_and_an_unknown_wish(world: World, operator: Browser) -> None:
    assert (await operator.post(f"{MODES}/drill-start", {"csrf": "forged"})).status == 403
    assert (await do(operator, "explode")).status == 404
    assert asked(world) == []
