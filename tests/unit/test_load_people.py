"""The file of people that homes share, as part of a whole configuration."""

from __future__ import annotations

from pathlib import Path

from gateway.load import examine, load
from tests.configuration_world import MAIN, changed, write

PEOPLE = """
[[person]]
id = "zhao"
name = "赵"
role = "carer"
channels = [{destination = "phone", address = "5"}]
homes = [{home = "home-a", from = 2026-01-01}]
"""
WITH_PEOPLE = changed(MAIN, 'sites = ["home-a.toml"]', 'sites = ["home-a.toml"]\npeople = "people.toml"')


def test_people_that_homes_share_belong_to_each_home(tmp_path: Path) -> None:
    (tmp_path / "people.toml").write_text(PEOPLE, "utf-8")
    configuration = load(write(tmp_path, WITH_PEOPLE), {})
    assert [person.id for person in configuration.sites[0].people] == ["carer-1", "director-1", "zhao"]
    assert configuration.settings.people == tmp_path / "people.toml"


def test_a_fault_names_the_shared_file(tmp_path: Path) -> None:
    (tmp_path / "people.toml").write_text(changed(PEOPLE, '"phone"', '"fax"'), "utf-8")
    configuration, faults = examine(write(tmp_path, WITH_PEOPLE), {})
    assert configuration is None
    found = [fault for fault in faults if not fault.warning]
    places = [(Path(fault.file).name, fault.path) for fault in found]
    assert places == [("people.toml", "person[1].channels[1].destination")]


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    configuration, faults = examine(write(tmp_path, WITH_PEOPLE), {})
    assert configuration is None
    assert any("people.toml" in fault.file and "cannot be read" in fault.problem for fault in faults)
