"""A fire panel repeats what its detector said: they are one witness, and two detectors of it are two."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from devices.reading import Reading, Report
from rules.alarm import Category
from rules.inputs import ReadingsArrived
from rules.witness import count_witnesses
from tests.unit.engine_world import SECOND, SITE, World, danger_rule, device

PANEL = tuple(
    replace(device(name, kind, "ward", category="fire", **more), source="panel", address=address)
    for name, kind, address, more in (
        ("link", "transmission_device", "889", {}),
        ("panel", "fire_panel", "889/1.1", {}),
        ("part-1", "smoke", "889/1.1/10.2", {"profile": "smoke.panel"}),
        ("part-2", "panel_part", "889/1.1/10.3", {}),
        ("panel-2", "fire_panel", "889/1.2", {}),
    )
)
HOME = replace(SITE, devices=(*SITE.devices, *PANEL))
RULES = (danger_rule("fire.alarm", Category.FIRE), danger_rule("smoke.alarm", Category.FIRE))

CASES = {
    "the system and its part": (("panel", "part-1"), False),
    "the part and then the system": (("part-1", "panel"), False),
    "the transmission device, the system and one part": (("link", "panel", "part-1"), False),
    "two parts": (("part-1", "part-2"), True),
    "the system and two parts": (("panel", "part-1", "part-2"), True),
    "two systems": (("panel", "panel-2"), True),
    "a part of one system and another system": (("part-1", "panel-2"), True),
    "a panel's part and a radio detector": (("part-1", "smoke-1"), True),
    "the panel and a radio detector": (("panel", "smoke-1"), True),
}


@pytest.mark.parametrize(("said", "confirmed"), CASES.values(), ids=CASES)
def test_who_confirms_a_fire(said: tuple[str, ...], confirmed: bool) -> None:
    world = World(site=HOME, rules=RULES)
    for place, name in enumerate(said):
        point = "smoke.alarm" if name == "smoke-1" else "fire.alarm"
        report = Report(name, (Reading(point, True),))
        world.step(ReadingsArrived(at=world.at + place * SECOND, source="panel", reports=(report,)))
    assert world.incident().confirmed is confirmed


def test_strangers_of_one_panel_are_told_apart_by_their_addresses() -> None:
    assert count_witnesses(("panel/889/1.1", "panel/889/1.1/10.2"), {}) == 1
    assert count_witnesses(("panel/889/1.1/10.3", "panel/889/1.1/10.2"), {}) == 2
    assert count_witnesses(("panel/889/1.1", "other/889/1.1/10.2"), {}) == 2


def test_names_of_other_ecosystems_with_levels_are_no_panels() -> None:
    assert count_witnesses(("zigbee/ward", "zigbee/ward/smoke"), {}) == 2
