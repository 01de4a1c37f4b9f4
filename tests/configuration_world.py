"""A small configuration in a directory: written whole, then changed in one place, so that a test has one cause."""

from __future__ import annotations

from pathlib import Path

MAIN = """
data_dir = "state"
sites = ["home-a.toml"]
public_url = "https://alarm.example.org"
secret_file = "link-key"

[[brokers]]
name = "local"

[[sources]]
name = "zigbee"
broker = "local"
home = "home-a"
codec = "zigbee2mqtt"
prefix = "zigbee2mqtt"

[[channels]]
name = "phone"
kind = "webhook"
url = "https://hook.example.org/x"
"""

SITE = """
[home]
id = "home-a"
name = {zh = "甲院", en = "Home A"}

[[zone]]
id = "ward"
name = {zh = "病区", en = "Ward"}

[[device]]
id = "smoke-1"
kind = "smoke"
source = "zigbee"
address = "smoke-1"
zone = "ward"
name = {zh = "感烟", en = "Smoke"}

[[person]]
id = "carer-1"
name = "陈"
role = "carer"
channels = [{destination = "phone", address = "1"}]

[[person]]
id = "director-1"
name = "王"
role = "director"
channels = [{destination = "phone", address = "2"}]
"""

RULE = """
[[rule]]
id = "own.cold"
title = {zh = "低温", en = "Cold"}
category = "supervisory"
condition = {below = {point = "temperature", limit = 12, clear = 14}}
"""


def changed(text: str, old: str, new: str) -> str:
    """The text with its one `old` replaced; an error if it is not there exactly once."""
    if text.count(old) != 1:
        raise ValueError(f"{old!r} stands {text.count(old)} times")
    return text.replace(old, new)


def write(directory: Path, main: str = MAIN, site: str = SITE) -> Path:
    """Write a configuration; the path of its main file."""
    (directory / "home-a.toml").write_text(site, "utf-8")
    key = directory / "link-key"
    key.write_text("0123456789abcdef0123456789abcdef\n", "utf-8")
    key.chmod(0o600)
    path = directory / "gateway.toml"
    path.write_text(main, "utf-8")
    return path
