"""A home with a roster whose console can rewrite its site file: a real file, a real parser, a real engine."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import msgspec

from gateway.roster_file import RosterChange, change_roster
from gateway.site_file import ChangeRefused
from rules.inputs import SiteChanged
from rules.parse import Names, parse_site
from rules.site import Site
from tests.console_world import RULES, World, a_site

TEXT = """
[home]
id = "jinlan"
name = {zh = "九九金兰敬老院", en = "Jinlan home"}

[[zone]]
id = "ward-1"
name = "东侧"

[[person]]
id = "p-wang"
name = "王护工"
role = "carer"
teams = ["fire"]
phones = ["+86 138 0000 0001"]
certificates = [{type = "养老护理员", level = "中级", number = "0001", expires_on = 2026-12-10}]
channels = [{destination = "push", address = "a"}]

[[person]]
id = "p-li"
name = "李护工"
role = "carer"
certificates = [{type = "消防设施操作员", level = "中级", number = "0002", expires_on = 2026-10-01}]
channels = [{destination = "push", address = "b"}]

[[person]]
id = "p-zhao"
name = "赵师傅"
role = "guard"
certificates = [{type = "消防设施操作员", level = "高级", number = "0003"}]
channels = [{destination = "push", address = "e", consent = false}]

[[person]]
id = "p-chen"
name = "陈院长"
role = "director"
channels = [{destination = "push", address = "c"}]

[[contact]]
id = "next-door"
name = "大荆院值班室"
home = "dajing"
phones = ["0731 8888 0000"]
channels = [{destination = "push", address = "f"}]

[[post]]
id = "care"
name = {zh = "护理值班", en = "Care"}

[[post]]
id = "room"
name = {zh = "消防控制室", en = "Control room"}
kind = "control_room"

[[shift]]  # the day of the carers
id = "care-day"
post = "care"
from = "08:00"
to = "20:00"
people = ["p-wang"]

[[shift]]
id = "care-night"
post = "care"
from = "20:00"
to = "08:00"
groups = [["p-li"], ["p-wang"]]
rotates_from = 2026-11-22

[[shift]]
id = "room"
post = "room"
from = "00:00"
to = "08:00"
people = ["p-zhao", "p-li"]

[[shift]]
id = "room-2"
post = "room"
from = "08:00"
to = "16:00"
people = ["p-zhao"]
"""


def duty_site(text: str = TEXT) -> Site:
    """The site that a text describes, with the devices of the console's world."""
    site, faults = parse_site(tomllib.loads(text), Names({}))
    if site is None:
        raise ChangeRefused("; ".join(str(fault) for fault in faults if not fault.warning))
    return msgspec.structs.replace(site, zones=a_site().zones, devices=a_site().devices)


def with_roster_file(world: World, folder: Path) -> Path:
    """Let the world's console write this home's roster into a file, and take it over from there."""
    path = folder / "jinlan.toml"
    path.write_text(TEXT, "utf-8")
    sites = world.parts.sites

    async def write(home: str, change: RosterChange, by: str) -> None:
        before = change_roster(path, change)
        try:
            site = duty_site(path.read_text("utf-8"))
        except ChangeRefused:
            path.write_text(before, "utf-8")
            raise
        sites[home] = site  # type: ignore[index]
        world.home.step(lambda at: SiteChanged(at=at, site=site, rules=RULES, ruleset="tests", by=by))

    world.parts = replace(world.parts, change_roster=write)
    return path


