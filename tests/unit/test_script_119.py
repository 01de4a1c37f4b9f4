"""What somebody reads to 119: place, floor, who is fetched first, what is dangerous; what a plan still waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.console.items import incident_alarms, incident_item
from gateway.console.script_119 import ZONES_MAX, script_of
from gateway.console.texts import WORDS
from rules.alarm import Category
from rules.inputs import SiteChanged, Verb
from rules.site import Plan, PlanStep, ResidentClass, Site, Until, Zone
from rules.text import Text
from tests.console_world import RULES, Browser, World, a_site, a_world


def zone(name: str, zh: str, floor: str, residents: ResidentClass, beds: int, *tags: str, building: str = "A") -> Zone:
    return Zone(id=name, name=Text(zh, name), building=building, floor=floor, residents=residents, beds=beds, tags=tags)


ZONES = (
    zone("kitchen", "厨房", "1", ResidentClass.NONE, 0, "hazard_lpg", "hazard_hot_oil"),
    zone("light", "自理区", "1", ResidentClass.INDEPENDENT, 20),
    zone("partly", "半失能区", "2", ResidentClass.PARTLY_DEPENDENT, 10),
    zone("ward-1", "东侧", "2", ResidentClass.DEPENDENT, 12, "hazard_oxygen", "bathroom"),
    zone("dementia", "认知区", "3", ResidentClass.DEMENTIA, 8),
    zone("other", "二号楼", "1", ResidentClass.DEMENTIA, 30, "hazard_fuel", building="B"),
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = a_world(tmp_path, answer_within_s=5.0)
    deciding = asyncio.create_task(made.decide())
    yield made
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)


def script(world: World, language: str, site: Site, device: str = "smoke-1", point: str = "smoke__alarm") -> list[str]:
    world.home.step(lambda at: SiteChanged(at=at, site=site, rules=RULES, ruleset="tests"))
    world.home.say(device, **{point: True})
    incident = world.home.engine.incidents[world.home.incident]
    words = WORDS[language]
    item = incident_item(site, world.home.engine, incident, incident_alarms(world.home.engine, incident), words)
    return list(script_of(site, incident, item, words))


async def test_where_it_burns_first_then_who_depends_most_in_that_building(world: World) -> None:
    lines = script(world, "zh", replace(a_site(), zones=ZONES))
    assert lines[-2] == (
        "请按此顺序救人：A栋2层东侧（失能，12 床） → A栋3层认知区（失智，8 床） → A栋2层半失能区（半失能，10 床）。"
    )
    assert "A栋2层" in lines[2] and "金兰山街道1号" in lines[1]


async def test_the_dangers_of_the_building_are_said_with_their_place(world: World) -> None:
    lines = script(world, "zh", replace(a_site(), zones=ZONES))
    assert lines[-1] == "注意危险：氧气瓶、制氧机（A栋2层东侧）；液化气瓶（A栋1层厨房）；hot oil（A栋1层厨房）。"


async def test_in_english(world: World) -> None:
    lines = script(world, "en", replace(a_site(), zones=ZONES))
    assert lines[-2].startswith("Fetch people in this order: building A, floor 2, ward-1 (dependent, 12 beds) → ")
    assert lines[-1].startswith("Dangers there: oxygen (building A, floor 2, ward-1); LPG cylinders (")


async def test_a_home_without_such_zones_has_neither_line(world: World) -> None:
    lines = script(world, "zh", a_site())
    assert not [line for line in lines if "顺序" in line or "危险：" in line]


async def test_no_more_zones_than_somebody_can_remember(world: World) -> None:
    many = tuple(zone(f"w{n}", f"区{n}", str(n), ResidentClass.DEMENTIA, 5) for n in range(ZONES_MAX + 2))
    lines = script(world, "zh", replace(a_site(), zones=(ZONES[3], ZONES[0], *many)))
    order = next(line for line in lines if "顺序" in line)
    assert order.count("床") == ZONES_MAX and order.endswith(" +3。")


async def test_a_fall_is_not_for_the_brigade(world: World) -> None:
    assert script(world, "zh", replace(a_site(), zones=ZONES), "sos-1", "sos__alarm") == []


async def test_the_page_says_that_a_second_person_is_still_called(world: World) -> None:
    two = Plan(category=Category.FIRE, steps=(PlanStep(tell=("role:carer",)),), until=Until.ACKNOWLEDGED_BY_TWO)
    site = replace(a_site(), plans=(two,))
    world.home.step(lambda at: SiteChanged(at=at, site=site, rules=RULES, ruleset="tests"))
    world.home.say("smoke-1", smoke__alarm=True)
    mine, second = world.link("p-wang"), world.link("p-li")
    app = world.build()
    assert 'id="awaits"' not in (await Browser(app).get(mine)).text
    assert "仍在呼叫第二个人" in (await Browser(app).post(mine)).text
    assert (await Browser(app).post(mine)).status == 200, "twice by the same person is no fault to them"
    answered = (await Browser(app).post(second)).text
    assert 'id="awaits"' not in answered and "王护工" in answered
    assert [each.person for each in world.home.acted() if each.verb is Verb.ACKNOWLEDGE] == ["p-wang", "p-li"]
    incident = world.home.engine.incidents[world.home.incident]
    assert (incident.acknowledged_by, incident.seconded_by) == ("p-wang", "p-li")


async def test_the_page_says_that_a_verdict_is_waited_for(world: World) -> None:
    verified = Plan(category=Category.FIRE, steps=(PlanStep(tell=("role:carer",)),), until=Until.VERIFIED)
    site = replace(a_site(), plans=(verified,), people=(*a_site().people,))
    world.home.step(lambda at: SiteChanged(at=at, site=site, rules=RULES, ruleset="tests"))
    world.home.say("smoke-1", smoke__alarm=True)
    assert "直到给出复核结论" in (await Browser(world.build()).post(world.link("p-wang"))).text
