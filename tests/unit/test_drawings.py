"""Drawings of zones: beside the site file alone, small enough for a phone, and shown to those whose home it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import load_drawings
from gateway.load import examine
from gateway.load_drawings import drawing_of
from rules.parse import Names, parse_site
from tests.configuration_world import SITE as SITE_TEXT
from tests.configuration_world import changed, write
from tests.console_world import Browser, a_site, a_world

PICTURE = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


def parsed(drawing: object) -> tuple[str, list[str]]:
    values: dict[str, Any] = {
        "home": {"id": "home-a", "name": "甲"},
        "zone": [{"id": "ward", "name": "病区", "drawing": drawing}],
        "person": [{"id": "p", "name": "p", "role": "carer"}],
    }
    site, faults = parse_site(values, Names({}, None, None))
    return (site.zones[0].drawing if site is not None else "", [fault.path for fault in faults if not fault.warning])


@pytest.mark.parametrize("drawing", ["2f.svg", "drawings/2f.png", "平面图/二楼.jpg", "a-b_c/d 1.webp"])
def test_a_picture_beside_the_site_file(drawing: str) -> None:
    assert parsed(drawing) == (drawing, [])


@pytest.mark.parametrize(
    "drawing",
    [
        *("/etc/passwd", "../secret.png", "a/../../b.png", "a..png", "2f.pdf", "2f.svg\n"),
        *("http://x/2f.svg", ".svg", "C:\\2f.svg"),
    ],
)
def test_nothing_else_is_a_picture(drawing: str) -> None:
    assert parsed(drawing)[1] == ["zone[1].drawing"]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        pytest.param(10, "", id="fits"),
        pytest.param(load_drawings.DRAWING_MAX + 1, "at most", id="too_large"),
        pytest.param(None, "is not there", id="missing"),
    ],
)
def test_a_drawing_that_cannot_be_shown_is_a_warning(tmp_path: Path, size: int | None, said: str) -> None:
    site = changed(SITE_TEXT, 'name = {zh = "病区", en = "Ward"}', 'name = {zh = "病区"}\ndrawing = "2f.svg"')
    path = write(tmp_path, site=site)
    if size is not None:
        (tmp_path / "2f.svg").write_bytes(b"x" * size)
    configuration, faults = examine(path)
    assert configuration is not None
    found = [str(fault) for fault in faults if fault.path == "zone[1].drawing"]
    assert bool(found) == bool(said)
    assert all(said in words for words in found)
    sites = {each.id: each for each in configuration.sites}
    shown = drawing_of(configuration.site_files, sites, "home-a", "ward")
    assert (shown is not None) == (said == "")
    assert drawing_of(configuration.site_files, sites, "home-b", "ward") is None
    assert drawing_of(configuration.site_files, sites, "home-a", "nowhere") is None


async def test_only_those_whose_home_it_is_see_the_drawing(tmp_path: Path) -> None:
    file = tmp_path / "2f.svg"
    file.write_bytes(PICTURE)
    sites = [a_site(), a_site("dajing")]
    world = a_world(tmp_path, sites, drawing=lambda _home, zone: file if zone == "ward-1" else None)
    phone = Browser(world.build())
    await world.enrolled(phone)
    world.home.say("smoke-1", smoke__alarm=True)
    place = "/app/home/jinlan/drawing/ward-1"
    assert f'src="{place}"' in (await phone.get(f"/app/home/jinlan/incident/{world.home.incident}")).text
    got = await phone.get(place)
    assert (got.status, got.body) == (200, PICTURE)
    assert "default-src 'none'" in got.header("content-security-policy"), "a drawing runs no script"
    assert (await phone.get("/app/home/dajing/drawing/ward-1")).status == 404
    assert (await phone.get("/app/home/jinlan/drawing/kitchen")).status == 404
    assert (await Browser(world.build()).get(place)).status == 404
    assert "/drawing/" not in (await Browser(world.build()).get(world.link("p-wang"))).text
