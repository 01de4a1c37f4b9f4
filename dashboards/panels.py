"""The pieces that the dashboards are made of: plain dictionaries of Grafana's classic model, schema version 41."""

from __future__ import annotations

from typing import Any, Final

from devices.reading import find_point

Json = dict[str, Any]

DATASOURCE: Final[Json] = {"type": "influxdb", "uid": "anlian-influx"}
SCHEMA_VERSION: Final = 41
WIDTH: Final = 24

CATEGORIES: Final[dict[str, tuple[str, str]]] = {
    "fire": ("火警", "dark-red"),
    "gas": ("燃气", "red"),
    "person": ("人员", "orange"),
    "electrical": ("电气", "yellow"),
    "supervisory": ("监管", "blue"),
    "trouble": ("故障", "purple"),
    "video": ("视频", "light-blue"),
}
"""The categories in the order of a fire panel, with the panel's words and a colour."""

_UNITS: Final = {
    "A": "amp",
    "mA": "mamp",
    "W": "watt",
    "kWh": "kwatth",
    "°C": "celsius",
    "%": "percent",
    "dB/m": "suffix: dB/m",
    "V": "volt",
    "s": "s",
}


def point_unit(name: str) -> str:
    """Grafana's name for the unit of a point of the catalogue; a name that is no point is a fault of ours."""
    point = find_point(name)
    if point is None:
        raise ValueError(f"{name}: not in the catalogue of points (devices/reading.py)")
    return _UNITS.get(point.unit, "short")


def target(query: str, *, alias: str = "", table: bool = False, ref: str = "A") -> Json:
    """One InfluxQL query of a panel."""
    return {
        "refId": ref,
        "datasource": DATASOURCE,
        "query": query,
        "rawQuery": True,
        "resultFormat": "table" if table else "time_series",
        "alias": alias,
    }


def thresholds(*steps: tuple[float | None, str]) -> Json:
    """Colours from a value on; the first step has no value."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def words(**values: tuple[str, str]) -> list[Json]:
    """What a value is called and coloured: `words(v1=("在线", "green"))`."""
    options = {
        key.removeprefix("v"): {"text": text, "color": color, "index": index}
        for index, (key, (text, color)) in enumerate(values.items())
    }
    return [{"type": "value", "options": options}]


def override(name: str, **properties: Any) -> Json:
    """Other properties for the field or column of this name; `__` stands for the dot of a property's id."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def panel(kind: str, title: str, what: str, width: int, height: int, targets: list[Json], **more: Any) -> Json:
    """One panel. `what` says what it shows and what its reader should do; `more` replaces whole keys.

    `defaults` and `overrides` go into the field configuration. The place comes from `place`.
    """
    defaults: Json = more.pop("defaults", {})
    overrides: list[Json] = more.pop("overrides", [])
    return {
        "type": kind,
        "title": title,
        "description": what,
        "datasource": DATASOURCE,
        "gridPos": {"w": width, "h": height, "x": 0, "y": 0},
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": {},
        **more,
    }


def series(title: str, what: str, targets: list[Json], *, unit: str, width: int = 12, **more: Any) -> Json:
    """A time series; `limit` draws lines at values that mean something."""
    limit: Json | None = more.pop("limit", None)
    style = more.pop("style", "line")
    custom: Json = {
        "drawStyle": style,
        "lineWidth": 1,
        "fillOpacity": 80 if style == "bars" else 5,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"mode": "normal" if style == "bars" else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if limit else "off"},
    }
    defaults: Json = {"unit": unit, "custom": custom, "thresholds": limit or thresholds((None, "green"))}
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, what, width, 8, targets, defaults=defaults, options=options, **more)


def table(title: str, what: str, query: str, *, sort: str, newest_first: bool, width: int = 12, **more: Any) -> Json:
    """A table of one query, sorted by a column."""
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "sortBy": [{"displayName": sort, "desc": newest_first}],
    }
    more.setdefault("defaults", {"custom": {"align": "auto", "filterable": True}})
    return panel("table", title, what, width, 9, [target(query, table=True)], options=options, **more)


def stat(title: str, what: str, targets: list[Json], *, width: int, **more: Any) -> Json:
    """Large numbers, one for each series."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "vertical",
        "textMode": "value_and_name",
        "wideLayout": True,
    }
    return panel("stat", title, what, width, 5, targets, options=options, **more)


def bars(title: str, what: str, targets: list[Json], *, width: int = 12, **more: Any) -> Json:
    """The last value of each series as a bar."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "gradient",
        "valueMode": "color",
        "namePlacement": "auto",
        "showUnfilled": True,
        "sizing": "auto",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 300,
    }
    return panel("bargauge", title, what, width, 8, targets, options=options, **more)


def timeline(title: str, what: str, query: str, alias: str, mappings: list[Json], *, width: int = 12) -> Json:
    """States over time; where nothing was said there is a gap, never the last state drawn on."""
    defaults: Json = {
        "mappings": mappings,
        "color": {"mode": "thresholds"},
        "thresholds": thresholds((None, "text")),
        "custom": {"fillOpacity": 80, "lineWidth": 0, "spanNulls": False, "insertNulls": 300_000},
    }
    options = {
        "mergeValues": True,
        "showValue": "never",
        "alignValue": "center",
        "rowHeight": 0.9,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    targets = [target(query, alias=alias)]
    return panel("state-timeline", title, what, width, 8, targets, defaults=defaults, options=options, interval="1m")


def note(text: str, height: int = 4) -> Json:
    """Words over the whole width."""
    return {
        "type": "text",
        "title": "",
        "gridPos": {"w": WIDTH, "h": height, "x": 0, "y": 0},
        "options": {"mode": "markdown", "content": text},
    }


def heading(title: str) -> Json:
    """A line that begins a group of panels."""
    return {
        "type": "row",
        "title": title,
        "collapsed": False,
        "panels": [],
        "gridPos": {"w": WIDTH, "h": 1, "x": 0, "y": 0},
    }


def place(panels: list[Json]) -> list[Json]:
    """The panels with ids and places: from left to right, a new line where the width is used up."""
    x = y = tallest = 0
    for number, one in enumerate(panels, 1):
        grid = one["gridPos"]
        if x + grid["w"] > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        one["id"] = number
        one["gridPos"] = {**grid, "x": x, "y": y}
        x += grid["w"]
        tallest = max(tallest, grid["h"])
    return panels


def variable(name: str, label: str, query: str, *, several: bool) -> Json:
    """A choice above the dashboard, filled by a query; `several` allows many and all."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": query,
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": several,
        "includeAll": several,
        "allValue": ".*" if several else None,
        "current": {"text": ["All"], "value": ["$__all"]} if several else {},
        "hide": 0,
        "regex": "",
        "options": [],
        "skipUrlSync": False,
    }


def dashboard(uid: str, title: str, what: str, panels: list[Json], variables: list[Json], **more: Any) -> Json:
    """A whole dashboard of the classic model."""
    return {
        "uid": uid,
        "title": title,
        "description": what,
        "tags": ["anlian"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": variables},
        "annotations": {"list": []},
        "links": [],
        "panels": place(panels),
        **more,
    }
