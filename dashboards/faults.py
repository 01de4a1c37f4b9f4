"""What is wrong with a dashboard, found without a Grafana: what it would refuse, misplace or not draw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from dashboards.panels import DATASOURCE, SCHEMA_VERSION, WIDTH, Json

_DASHBOARD_KEYS: Final[dict[str, type]] = {
    "uid": str, "title": str, "description": str, "tags": list, "schemaVersion": int, "version": int, "editable": bool,
    "refresh": str, "time": dict, "timezone": str, "templating": dict, "annotations": dict, "links": list,
    "panels": list,
}  # fmt: skip
_PANEL_TYPES: Final = frozenset({"timeseries", "table", "stat", "bargauge", "state-timeline", "text", "row"})
_TARGET_KEYS: Final[dict[str, type]] = {
    "refId": str, "datasource": dict, "query": str, "rawQuery": bool, "resultFormat": str, "alias": str,
}  # fmt: skip
_VARIABLE_KEYS: Final[dict[str, type]] = {
    "type": str, "name": str, "label": str, "query": str, "datasource": dict, "refresh": int, "multi": bool,
    "includeAll": bool, "current": dict, "hide": int, "regex": str, "options": list,
}  # fmt: skip
_UID: Final = re.compile(r"^[a-z0-9-]{1,40}$")
_NOT_PORTABLE: Final = re.compile(
    r"\b(SHOW\s+(DATABASES|SERIES)|CARDINALITY|SLIMIT|SOFFSET|INTO|SAMPLE|HOLT_WINTERS|fill\(linear\))", re.IGNORECASE
)
_VARIABLE_USE: Final = re.compile(r"\$\{?([A-Za-z_]+)(:\w+)?\}?")
_BUILT_IN: Final = frozenset({"timeFilter", "__interval", "__data"})


def faults(dashboard: Json) -> list[str]:
    """Every fault of a dashboard, each with its place."""
    found = [*_wrong_keys("dashboard", dashboard, _DASHBOARD_KEYS)]
    if found:
        return found
    if not _UID.match(dashboard["uid"]):
        found.append(f"uid {dashboard['uid']!r}: not a fixed, plain id")
    if dashboard["schemaVersion"] != SCHEMA_VERSION:
        found.append(f"schemaVersion {dashboard['schemaVersion']}: not {SCHEMA_VERSION}")
    variables: set[str] = set()
    for one in dashboard["templating"]["list"]:
        place = f"variable {one.get('name')}"
        found += _wrong_keys(place, one, _VARIABLE_KEYS)
        found += _query_faults(place, one.get("query", ""), variables)
        if one.get("multi") and one.get("allValue") != ".*":
            found.append(f"{place}: several values, but allValue is not '.*'")
        variables.add(one.get("name", ""))
    for one in dashboard["annotations"]["list"]:
        found += _target_faults(f"annotation {one.get('name')}", one.get("target", {}), variables)
    for one in dashboard["panels"]:
        found += _panel_faults(one, variables)
    return found + list(_places(dashboard["panels"]))


def _wrong_keys(place: str, found: Json, wanted: dict[str, type]) -> Iterator[str]:
    for key, kind in wanted.items():
        if key not in found:
            yield f"{place}: no {key}"
        elif not isinstance(found[key], kind) or (kind is int and isinstance(found[key], bool)):
            yield f"{place}: {key} is not a {kind.__name__}"


def _panel_faults(panel: Json, variables: set[str]) -> Iterator[str]:
    place = f"panel {panel.get('id')} {panel.get('title')!r}"
    kind = panel.get("type")
    if kind not in _PANEL_TYPES:
        yield f"{place}: type {kind!r} is not one of {sorted(_PANEL_TYPES)}"
    if kind == "row":
        return
    if not isinstance(panel.get("options"), dict):
        yield f"{place}: no options"
    if kind == "text":
        return
    if len(panel.get("description", "")) < 20:
        yield f"{place}: no words for its reader"
    if not re.search("[一-鿿]", panel.get("title", "")):
        yield f"{place}: no Chinese title"
    if not panel.get("targets"):
        yield f"{place}: no query"
    refs = [one.get("refId") for one in panel.get("targets", [])]
    if len(set(refs)) != len(refs):
        yield f"{place}: two queries have one refId"
    for one in panel.get("targets", []):
        yield from _target_faults(f"{place} query {one.get('refId')}", one, variables)
    matched = [one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]]
    if len(set(matched)) != len(matched):
        yield f"{place}: two overrides for one field"


def _target_faults(place: str, target: Json, variables: set[str]) -> Iterator[str]:
    yield from _wrong_keys(place, target, _TARGET_KEYS)
    if target.get("datasource") != DATASOURCE:
        yield f"{place}: another data source than {DATASOURCE['uid']}"
    if target.get("resultFormat") not in ("table", "time_series"):
        yield f"{place}: resultFormat {target.get('resultFormat')!r}"
    query = target.get("query", "")
    yield from _query_faults(place, query, variables)
    if "$timeFilter" not in query and "time > now()" not in query:
        yield f"{place}: no bound on time"
    used = set(re.findall(r"\$tag_(\w+)", target.get("alias", "")))
    grouped = query.rsplit("GROUP BY", 1)[-1]
    for tag in used:
        if f'"{tag}"' not in grouped:
            yield f"{place}: the alias names the tag {tag}, by which it is not grouped"


def _query_faults(place: str, query: str, variables: set[str]) -> Iterator[str]:
    found = _NOT_PORTABLE.search(query)
    if found:
        yield f"{place}: {found[0]} is not understood by every InfluxDB"
    for name, form in _VARIABLE_USE.findall(query):
        if name in _BUILT_IN:
            continue
        if name not in variables:
            yield f"{place}: the variable {name} is not defined before it"
        elif form != ":regex":
            yield f"{place}: the variable {name} is not escaped (write ${{{name}:regex}})"


def _places(panels: list[Json]) -> Iterator[str]:
    ids = [one.get("id") for one in panels]
    if len(set(ids)) != len(ids) or not all(isinstance(one, int) for one in ids):
        yield "panels: ids are not distinct numbers"
    taken: dict[tuple[int, int], Any] = {}
    for one in panels:
        grid = one.get("gridPos", {})
        if set(grid) != {"x", "y", "w", "h"} or grid["w"] < 1 or grid["h"] < 1:
            yield f"panel {one.get('id')}: gridPos {grid}"
            continue
        if grid["x"] < 0 or grid["x"] + grid["w"] > WIDTH:
            yield f"panel {one['id']}: wider than the page"
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        for other in sorted({taken[cell] for cell in cells if cell in taken}):
            yield f"panel {one['id']}: lies over panel {other}"
        taken.update(dict.fromkeys(cells, one["id"]))
