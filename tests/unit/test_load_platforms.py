"""Settings of video platforms: what does not fit together is said with its place and its mend."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.load_platforms import check_platforms
from gateway.settings import Settings
from rules.site import Device, Site
from rules.text import Text

PLATFORM: dict[str, Any] = {
    "name": "nvr", "home": "home-a", "url": "https://nvr.example:18443", "username": "anlian",
}  # fmt: skip
CODE = "34020000001310000001"


def camera(**more: Any) -> Device:
    values = {
        "id": "gate", "kind": "video", "profile": "video.platform", "source": "nvr", "address": CODE, "zone": "hall",
    }  # fmt: skip
    return Device(**{**values, **more}, name=Text("门"))


def faults(platform: dict[str, Any], device: Device | None = None, **more: Any) -> list[str]:
    tables = {"sites": ["a.toml"], "public_url": "https://x.example", "video_platforms": [platform], **more}
    site = Site(id="home-a", name=Text("甲"), devices=(device,) if device is not None else ())
    return [str(fault) for fault in check_platforms(Settings.model_validate(tables), [site], "g.toml")]


@pytest.mark.parametrize("url", ["https://nvr.example:18443", "http://192.168.10.5:18080", "http://localhost:1/"])
def test_good_settings_have_no_fault(url: str) -> None:
    assert faults({**PLATFORM, "url": url}, camera()) == []


SOURCE = {"name": "nvr", "broker": "b", "home": "home-a", "codec": "native", "prefix": "anlian/v1/home-a"}

WRONG = [
    ("home: unknown home 'home-c'", {**PLATFORM, "home": "home-c"}, camera()),
    ("url: is not a web address without credentials", {**PLATFORM, "url": "nvr.example"}, camera()),
    ("url: is not a web address without credentials", {**PLATFORM, "url": "https://u:pw@nvr"}, camera()),
    ("url: is not a web address without credentials", {**PLATFORM, "url": "https://nvr/?token=1"}, camera()),
    ("url: is not a web address without credentials", {**PLATFORM, "url": "https://[1"}, camera()),
    ("url: everybody on the way", {**PLATFORM, "url": "http://8.8.8.8"}, camera()),
    ("url: everybody on the way", {**PLATFORM, "url": "http://nvr.example"}, camera()),
    ("nothing is asked", PLATFORM, None),
    ("no code of 20 digits", PLATFORM, camera(address="gate")),
    ("no code of 20 digits", PLATFORM, camera(address=CODE[:-1] + "²")),
    ("is of kind 'smoke'", PLATFORM, camera(kind="smoke")),
    ("Write profile = \"video.platform\"", PLATFORM, camera(profile="")),
]


@pytest.mark.parametrize(("words", "platform", "device"), WRONG)
def test_what_does_not_fit_is_said(words: str, platform: dict[str, Any], device: Device | None) -> None:
    found = faults(platform, device)
    assert len(found) == 1 and words in found[0] and "pw@" not in found[0], found


def test_a_platform_and_a_source_have_different_names() -> None:
    assert "already used by sources[1]" in faults(PLATFORM, camera(), sources=[SOURCE])[0]
