"""Settings of fire panels: what does not fit together is said with its place and its mend."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.load_panels import check_panels, read_path
from gateway.settings import Settings

LISTENER: dict[str, Any] = {"name": "panel", "home": "home-a", "port": 9001}
UPLINK: dict[str, Any] = {
    "name": "centre", "home": "home-a", "host": "10.8.0.9", "port": 9002, "source_address": 1001, "centre_address": 1,
}  # fmt: skip


def faults(listeners: list[dict[str, Any]], uplinks: list[dict[str, Any]], **more: Any) -> list[str]:
    tables = {"sites": ["a.toml"], "public_url": "https://x.example", **more}
    tables |= {"gb26875": listeners, "gb26875_up": uplinks}
    return [str(fault) for fault in check_panels(Settings.model_validate(tables), ["home-a", "home-b"], "g.toml")]


def test_good_settings_have_no_fault() -> None:
    other = {**LISTENER, "name": "panel-2", "port": 9003, "host": "0.0.0.0", "networks": ["10.8.0.0/16", "10.9.0.1"]}
    udp = {**LISTENER, "name": "panel-3", "transport": "udp"}
    beside = {**LISTENER, "name": "panel-4", "transport": "udp", "port": 8080}
    uplink = {**UPLINK, "backup": "centre.example:9002", "person_part": 130}
    assert faults([LISTENER, other, udp, beside], [uplink]) == []


SOURCE = {"name": "panel", "broker": "b", "home": "home-a", "codec": "native", "prefix": "anlian/v1/home-a"}

WRONG = [
    ("gb26875[1].home: unknown home 'home-c'", [{**LISTENER, "home": "home-c"}], []),
    ("gb26875[2].port: tcp port 9001 is already used", [LISTENER, {**LISTENER, "name": "panel-2"}], []),
    ("gb26875[1].port: tcp port 8080 is already used by console", [{**LISTENER, "port": 8080}], []),
    ("gb26875[2].name: 'panel' is already used", [LISTENER, {**LISTENER, "port": 9}], []),
    ("gb26875[1].networks:", [{**LISTENER, "networks": ["10.8.0.1/16"]}], []),
    ("can report a fire", [{**LISTENER, "host": "0.0.0.0"}], []),
    ("gb26875_up[1].backup: 'centre' is not host:port", [], [{**UPLINK, "backup": "centre"}]),
    ("gb26875_up[1].person_part: component type 42", [], [{**UPLINK, "person_part": 42}]),
    ("gb26875_up[1].source_address: is the centre's own", [], [{**UPLINK, "source_address": 1}]),
    ("gb26875_up[2].name: 'centre' is already used", [], [UPLINK, UPLINK]),
    ("gb26875_up[1].home: unknown home", [], [{**UPLINK, "home": "home-x"}]),
]


@pytest.mark.parametrize(("words", "listeners", "uplinks"), WRONG, ids=[words for words, _, _ in WRONG])
def test_what_does_not_fit_is_said(words: str, listeners: list[Any], uplinks: list[Any]) -> None:
    found = faults(listeners, uplinks)
    assert len(found) == 1 and words in found[0], found


def test_a_listener_and_a_source_have_different_names() -> None:
    assert "already used by sources[1]" in faults([LISTENER], [], sources=[SOURCE])[0]


PATHS = {"a.example:1": ("a.example", 1), "[::1]:9": ("::1", 9), "a": None, ":9": None, "a:0": None, "a:70000": None}


@pytest.mark.parametrize(("text", "path"), PATHS.items())
def test_paths(text: str, path: tuple[str, int] | None) -> None:
    assert read_path(text) == path
