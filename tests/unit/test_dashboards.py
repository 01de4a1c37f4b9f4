"""The dashboards as files: current, loadable, placed, portable; and the checker that says so."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from dashboards import build
from dashboards.faults import faults
from dashboards.panels import CATEGORIES, Json, point_unit
from devices.catalog import KINDS
from devices.reading import find_point
from rules.alarm import Category

ALL = build.dashboards()
EACH = pytest.mark.parametrize("name", sorted(ALL))


@EACH
def test_dashboard_has_no_fault(name: str) -> None:
    assert faults(ALL[name]) == []


def test_committed_files_are_current() -> None:
    assert build.stale() == []


def test_check_finds_what_was_edited_by_hand_or_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["--check", "--directory", str(tmp_path)]) == 1
    assert build.main(["--directory", str(tmp_path)]) == 0
    assert build.main(["--check", "--directory", str(tmp_path)]) == 0
    path = tmp_path / "grafana" / "home.json"
    path.write_text(path.read_text().replace("dark-red", "green"))
    capsys.readouterr()
    assert build.main(["--check", "--directory", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "not current: grafana/home.json\n"


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    build.write(tmp_path)
    assert build.write(tmp_path) == []


@EACH
def test_file_is_json_with_the_uid_that_links_name(name: str) -> None:
    loaded = json.loads((build.HERE / "grafana" / f"{name}.json").read_text())
    assert loaded["uid"] == f"anlian-{name}"


def set_at(path: str, value: object) -> Callable[[Json], None]:
    """A change of a dashboard: `panels.1.type`; a value of None takes the key away."""

    def change(one: Json) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: object = one
        for step in way:
            place = place[step]  # type: ignore[index]
        if value is None:
            del place[last]  # type: ignore[attr-defined]
        else:
            place[last] = value  # type: ignore[index]

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_at("uid", None), "dashboard: no uid"),
        (set_at("panels", {}), "panels is not a list"),
        (set_at("uid", "Has Spaces"), "not a fixed, plain id"),
        (set_at("schemaVersion", 12), "schemaVersion 12"),
        (set_at("panels.1.type", "graph"), "type 'graph' is not one of"),
        (set_at("panels.1.title", "Open alarms"), "no Chinese title"),
        (set_at("panels.1.description", ""), "no words for its reader"),
        (set_at("panels.1.targets", []), "no query"),
        (set_at("panels.2.id", 2), "ids are not distinct"),
        (set_at("panels.2.gridPos.y", 0), "lies over panel 1"),
        (set_at("panels.2.gridPos.w", 30), "wider than the page"),
        (set_at("panels.2.gridPos", {"x": 0}), "gridPos {'x': 0}"),
        (set_at("panels.1.targets.0.datasource", {"uid": "other"}), "another data source"),
        (set_at("panels.1.targets.0.resultFormat", "logs"), "resultFormat 'logs'"),
        (set_at("panels.1.targets.0.query", "SELECT 1"), "no bound on time"),
        (set_at("panels.1.targets.0.query", "SHOW DATABASES"), "SHOW DATABASES is not understood"),
        (set_at("panels.1.targets.0.query", "SELECT x FROM a WHERE $timeFilter SLIMIT 3"), "SLIMIT is not understood"),
        (set_at("panels.1.targets.0.query", "SELECT x INTO b FROM a WHERE $timeFilter"), "INTO is not understood"),
        (set_at("panels.1.targets.0.query", "SELECT ${room:regex} WHERE $timeFilter"), "room is not defined"),
        (set_at("panels.1.targets.0.query", "SELECT $home FROM a WHERE $timeFilter"), "home is not escaped"),
        (set_at("panels.1.targets.0.alias", "$tag_nobody"), "by which it is not grouped"),
        (set_at("panels.1.targets.0.rawQuery", None), "no rawQuery"),
        (set_at("templating.list.1.allValue", "x"), "allValue is not '.*'"),
        (set_at("templating.list.0.query", "SHOW SERIES"), "SHOW SERIES is not understood"),
        (set_at("templating.list.0.refresh", None), "variable home: no refresh"),
        (set_at("annotations.list.0.target.query", "SELECT x"), "annotation"),
    ],
)
def test_checker_finds(change: Callable[[Json], None], words: str) -> None:
    broken = copy.deepcopy(ALL["home"])
    change(broken)
    assert words in "; ".join(faults(broken))


def test_checker_finds_two_queries_with_one_name_and_two_overrides_of_one_field() -> None:
    broken = copy.deepcopy(ALL["home"])
    phases = next(one for one in broken["panels"] if "三相" in one["title"])
    phases["targets"][1]["refId"] = phases["targets"][0]["refId"]
    table = next(one for one in broken["panels"] if one["type"] == "table")
    table["fieldConfig"]["overrides"] *= 2
    words = "; ".join(faults(broken))
    assert "one refId" in words and "two overrides" in words


def queries(one: Json) -> list[str]:
    return [target["query"] for panel in one["panels"] for target in panel.get("targets", [])]


def test_every_point_that_a_panel_reads_is_in_the_catalogue() -> None:
    stored = {"video.available", "battery", "energy"}
    read = {
        name for one in ALL.values() for query in queries(one) for name in re.findall(r'"([a-z_]+\.[a-z0-9.]+)"', query)
    }
    assert "current.residual" in read
    assert {name for name in read - stored if find_point(name) is None} == set()


def test_every_device_kind_that_a_panel_reads_exists() -> None:
    read: set[str] = set()
    for one in ALL.values():
        for query in queries(one):
            for plain, several in re.findall(r'FROM (?:"(\w+)"|/\^\(([\w|]+)\)\$/)', query):
                read |= set(several.split("|")) if several else {plain}
    assert read - {"alarm", "incident", "delivery", "gateway", "quality"} <= set(KINDS)
    assert {"smoke", "electrical", "video", "alarm", "gateway", "delivery"} <= read


def test_categories_are_those_of_the_rules_in_the_panels_order() -> None:
    assert list(CATEGORIES) == [category.value for category in Category]


def test_unit_of_something_that_is_no_point_is_refused() -> None:
    with pytest.raises(ValueError, match="not in the catalogue"):
        point_unit("current.residuel")


@pytest.mark.parametrize("path", sorted(build.provisioning.FILES))
def test_provisioning_names_the_data_source_of_the_panels_and_holds_no_secret(path: str) -> None:
    loaded = yaml.safe_load((build.HERE / path).read_text())
    assert loaded["apiVersion"] == 1
    if "providers" in loaded:
        (provider,) = loaded["providers"]
        assert provider["options"]["path"].startswith("$") and provider["allowUiUpdates"] is False
        return
    (source,) = loaded["datasources"]
    assert (source["uid"], source["type"]) == ("anlian-influx", "influxdb")
    assert source["jsonData"]["httpMode"] == "POST"
    assert "version" not in source["jsonData"], "with a version it is not InfluxQL"
    assert all("$" in secret for secret in source["secureJsonData"].values())


@EACH
def test_no_machine_is_named_in_a_file(name: str) -> None:
    text = (build.HERE / "grafana" / f"{name}.json").read_text()
    assert "localhost" not in text and "127.0.0.1" not in text and "/home/" not in text
