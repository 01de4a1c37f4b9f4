"""An alarm of a fire panel says the panel's own words for the place, whether somebody registered the part or not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from devices.codec import Packet
from devices.gb26875_readings import Gb26875
from devices.reading import Reading, Report
from rules.alarm import Category
from rules.inputs import ReadingsArrived
from rules.panel_words import WORDS_MAX, panel_words
from tests.gb26875_world import now, panel
from tests.unit.engine_world import SITE, World, danger_rule, device

FIRE = panel().fire("smoke", now())
RULES = (danger_rule("fire.alarm", Category.FIRE),)


def reports() -> tuple[Report, ...]:
    return Gb26875().decode(Packet("panel/x", FIRE), None).reports


@pytest.mark.parametrize("registered", [True, False])
def test_the_words_of_a_frame_stand_in_the_alarm(registered: bool) -> None:
    (part, *_) = reports()
    site = SITE
    if registered:
        known = replace(
            device("part", "smoke", "ward", category="fire", profile="smoke.panel"), source="panel", address=part.device
        )
        site = replace(SITE, devices=(*SITE.devices, known))
    world = World(site=site, rules=RULES)
    said = replace(part, device="part" if registered else f"panel/{part.device}")
    world.step(ReadingsArrived(at=world.at, source="panel", reports=(said,), unregistered=not registered))
    (alarm,) = world.engine.alarms.values()
    (event,) = part.events
    place = part.device.rpartition("/")[2]
    assert event["description"] == "二楼203室烟感" and event["kind"]
    assert alarm.detail == f"{event['description']} · {event['kind']} · {place}"
    assert alarm.point == "fire.alarm"


def test_another_device_of_the_same_packet_gets_its_own_words() -> None:
    devices = tuple(replace(device(f"d-{n}", "panel_part", "ward"), address=f"889/1.1/1.{n}") for n in (1, 2))
    world = World(site=replace(SITE, devices=(*SITE.devices, *devices)), rules=RULES)
    both = tuple(
        Report(f"d-{n}", (Reading("fire.alarm", True),), None, ({"type": "component", "description": f"房间{n}"},))
        for n in (1, 2)
    )
    world.step(ReadingsArrived(at=world.at, source="panel", reports=both))
    assert [alarm.detail for alarm in world.engine.alarms.values()] == ["房间1 · 1.1", "房间2 · 1.2"]


def test_a_device_that_says_nothing_has_no_words() -> None:
    world = World()
    world.spoke("smoke-1", smoke=True)
    assert [alarm.detail for alarm in world.engine.alarms.values()] == [""]


def test_words_are_bounded_and_hold_no_control_characters() -> None:
    event = {"type": "component", "description": "a\x00\n" + "字" * 500, "kind": "\x1b"}
    words = panel_words(Report("p", (), None, (event,)), "889/1.1/1.2")
    assert len(words) == WORDS_MAX and words.isprintable()


def test_other_events_are_no_words() -> None:
    assert panel_words(Report("p", (), None, ({"type": "operation", "operation": "reset"},)), "889") == ""
