"""Scenarios that need rules of several shipped packs at once: a power cut with cameras, a radar that falls silent."""

from __future__ import annotations

import pytest

from gateway.check import scenario_home
from gateway.load import examine
from rules.rule import Rule
from rules.scenario import run_scenario
from rules.scenario_text import Scenario, read_scenarios
from tests.configuration_world import write

TEXT = """
scenario power cut: the cameras that go with the mains call nobody
watch calls
08:00:00 meter-1 power.mains = true
08:00:00 camera-1 video.online = true
08:00:00 camera-2 video.online = true
08:10:00 meter-1 power.mains = false
expect 08:10:10 raised supervision.mains on meter-1
expect 08:10:10 call to director-wang
08:10:20 camera-1 video.online = false
08:10:20 camera-1 video.blank = true
08:10:20 camera-1 video.frame_age = 200 s
expect 08:10:20 raised video.off_line on camera-1
expect 08:10:20 raised video.old_picture on camera-1
expect 08:10:30 raised video.blank on camera-1
08:10:40 camera-2 video.online = false
expect 08:10:40 raised video.off_line on camera-2
expect 08:10:50 raised video.zone_blind on zone:ward-2
08:15:00 director-wang acknowledges supervision.mains on meter-1
expect 08:15:00 acknowledged supervision.mains on meter-1
expect nothing until 08:30

scenario a camera alone off line calls as ever
watch calls
08:00:00 meter-1 power.mains = true
08:00:00 camera-1 video.online = true
08:10:20 camera-1 video.online = false
expect 08:10:20 raised video.off_line on camera-1
expect 08:10:20 call to director-wang
expect nothing until 08:12

scenario a radar that said present and then nothing: what nobody hears is no activity
with radar-bed silence_limit = 1h
08:00:00 radar-bed presence = true
expect 09:00:00 raised supervision.silent on radar-bed
expect 21:00:00 raised person.no_activity on zone:home-bed
expect nothing until 21:00:30
"""

SCENARIOS, FAULTS = read_scenarios(TEXT, "together")


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rule, ...]:
    configuration, faults = examine(write(tmp_path_factory.mktemp("configuration")), {})
    assert configuration is not None, [str(fault) for fault in faults]
    return tuple(rule for pack in configuration.packs for rule in pack.rules)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one.name for one in SCENARIOS])
def test_packs_together(scenario: Scenario, rules: tuple[Rule, ...]) -> None:
    assert FAULTS == []
    assert run_scenario(scenario, scenario_home(), rules) == []
