"""The site file of a virtual home: its zones, devices, people and plans as TOML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from devices.virtual.fleet import VirtualDevice, VirtualZone

_PEOPLE: Final = (
    ("carer-1", "值班护理员", "carer"),
    ("carer-2", "第二护理员", "second_carer"),
    ("director", "院长", "director"),
    ("electrician", "电工", "technician"),
    ("township", "乡镇值班", "township"),
    ("guidance", "消防安全指导队伍", "guidance"),
)
_DANGER_STEPS: Final = (
    ("role:carer", "0s"),
    ("role:second_carer", "15s"),
    ("role:director, role:township", "45s"),
    ("role:guidance", "60s"),
)
_PERSON_STEPS: Final = (("role:carer", "0s"), ("role:second_carer, role:director", "60s"))
_REPAIR_STEPS: Final = (("role:technician, role:carer", "0s"), ("role:director", "30m"))
_PLANS: Final = (
    ("fire", "60s", _DANGER_STEPS),
    ("gas", "60s", _DANGER_STEPS),
    ("person", "60s", _PERSON_STEPS),
    ("electrical", "60s", (("role:carer, role:technician", "0s"), ("role:director", "60s"))),
    ("supervisory", "10m", _REPAIR_STEPS),
    ("trouble", "30m", _REPAIR_STEPS),
    ("video", "30m", _REPAIR_STEPS),
)
"""Who is told when: a fire nobody took on goes to the second carer after 15 s, to director and township after 60 s,
to the county's team after 120 s (design numbers)."""


def site_toml(home: str, county: str, town: str, zones: Sequence[VirtualZone], devices: Iterable[VirtualDevice]) -> str:
    """The whole file. `after` of a step counts from the step before it."""
    blocks = [_home(home, county, town), *(_zone(zone) for zone in zones)]
    bridge = VirtualDevice("bridge", "bridge", "zigbee", "bridge", zones[0].id, "Zigbee网桥", "Zigbee bridge")
    blocks += [_device(device) for device in (bridge, *devices)]
    blocks += [_person(home, *person) for person in _PEOPLE]
    blocks += [_plan(*plan) for plan in _PLANS]
    return "\n".join(blocks)


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are among TOML's."""
    return msgspec.json.encode(text).decode()


def _names(zh: str, en: str) -> str:
    return f"{{ zh = {_quoted(zh)}, en = {_quoted(en)} }}"


def _home(home: str, county: str, town: str) -> str:
    return (
        f"[home]\nid = {_quoted(home)}\nname = {_names('示范敬老院', 'Demonstration care home')}\n"
        f"county = {_quoted(county)}\ntown = {_quoted(town)}\naddress = {_quoted('示范路1号')}\n"
        'timezone = "Asia/Shanghai"\n'
    )


def _zone(zone: VirtualZone) -> str:
    return (
        f'[[zone]]\nid = {_quoted(zone.id)}\nname = {_names(zone.zh, zone.en)}\nbuilding = "A"\n'
        f"floor = {_quoted(zone.floor)}\nresidents = {_quoted(zone.residents)}\nbeds = {zone.beds}\n"
    )


def _device(device: VirtualDevice) -> str:
    return (
        f"[[device]]\nid = {_quoted(device.id)}\nkind = {_quoted(device.kind)}\nsource = {_quoted(device.source)}\n"
        f"address = {_quoted(device.address)}\nzone = {_quoted(device.zone)}\nroom = {_quoted(device.room)}\n"
        f"name = {_names(device.zh, device.en)}\n"
    )


def _person(home: str, person: str, name: str, role: str) -> str:
    address = _quoted(f"anlian-{home}-{person}")
    return (
        f"[[person]]\nid = {_quoted(person)}\nname = {_quoted(name)}\nrole = {_quoted(role)}\n"
        f'channels = [{{ destination = "ntfy", address = {address} }}]\ngroup = false\n'
    )


def _plan(category: str, repeat_every: str, steps: tuple[tuple[str, str], ...]) -> str:
    told = ",\n".join(
        f"  {{ tell = [{', '.join(_quoted(who) for who in tell.split(', '))}], after = {_quoted(after)} }}"
        for tell, after in steps
    )
    return f"[[plan]]\ncategory = {_quoted(category)}\nrepeat_every = {_quoted(repeat_every)}\nsteps = [\n{told},\n]\n"
