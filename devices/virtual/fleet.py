"""What stands where in the virtual home: its zones, its devices and how often each speaks by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from devices.virtual.models import MODELS


class VirtualZone(msgspec.Struct, frozen=True):
    """A zone of the virtual home, as the site file has it."""

    id: str
    zh: str
    en: str
    floor: str
    residents: str = "none"
    beds: int = 0


class VirtualDevice(msgspec.Struct, frozen=True):
    """One device of the virtual home. `address` is its friendly name (Zigbee) or its name in our topics (native)."""

    id: str
    kind: str
    source: str
    address: str
    zone: str
    zh: str
    en: str
    room: str = ""


EVERY: Final[dict[str, timedelta]] = {
    "smoke": timedelta(hours=1),
    "gas": timedelta(minutes=5),
    "co": timedelta(hours=1),
    "sos": timedelta(hours=4),
    "fall": timedelta(minutes=1),
    "door": timedelta(minutes=50),
    "motion": timedelta(minutes=50),
    "climate": timedelta(minutes=10),
    "water_leak": timedelta(minutes=50),
    "plug": timedelta(minutes=1),
    "sounder": timedelta(minutes=5),
    "manual_call": timedelta(seconds=30),
    "electrical": timedelta(seconds=10),
    "cable_temp": timedelta(seconds=30),
    "video": timedelta(seconds=30),
    "bridge": timedelta(minutes=1),
}
"""How often a device of a kind speaks when nothing happens (the bridge: `health.interval: 1` minute)."""

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "smoke": ("烟感", "smoke"),
    "gas": ("燃气", "gas"),
    "co": ("一氧化碳", "CO"),
    "sos": ("呼叫按钮", "SOS"),
    "fall": ("跌倒雷达", "fall radar"),
    "door": ("门磁", "door"),
    "motion": ("移动", "motion"),
    "climate": ("温湿度", "climate"),
    "water_leak": ("水浸", "water leak"),
    "plug": ("插座", "plug"),
    "sounder": ("声光", "sounder"),
    "manual_call": ("手报", "manual call"),
    "electrical": ("电气火灾监控", "electrical"),
    "cable_temp": ("线缆测温", "cable temperature"),
    "video": ("摄像头", "camera"),
}
_KITCHEN: Final = ("smoke", "gas", "co", "climate", "water_leak", "plug", "video")
_HALL: Final = ("smoke", "motion", "door", "sounder", "manual_call", "video")
_BOARD: Final = ("electrical", "cable_temp", "smoke")
_SHED: Final = ("smoke", "electrical", "video")
_CORRIDOR: Final = ("smoke", "motion", "manual_call", "sounder", "video")
_ROOM: Final = ("smoke", "sos", "fall", "climate", "door")
ROOMS_PER_FLOOR: Final = 3


def zones_of(size: int) -> tuple[VirtualZone, ...]:
    """The ground floor's zones, and a corridor and a ward on each of `size` residential floors."""
    ground = (
        VirtualZone("kitchen", "厨房", "Kitchen", "1"),
        VirtualZone("hall", "大厅", "Hall", "1"),
        VirtualZone("board", "配电间", "Switchboard", "1"),
        VirtualZone("shed", "充电棚", "Charging shed", "1"),
    )
    floors = tuple(
        zone
        for floor in range(1, size + 1)
        for zone in (
            VirtualZone(f"corridor-{floor}", f"{floor}层走廊", f"Corridor {floor}", str(floor)),
            VirtualZone(
                f"ward-{floor}",
                f"{floor}层房间",
                f"Ward {floor}",
                str(floor),
                ("partly_dependent", "dependent", "dementia")[floor % 3],
                2 * ROOMS_PER_FLOOR,
            ),
        )
    )
    return ground + floors


def devices_of(size: int) -> tuple[VirtualDevice, ...]:
    """Every device but the bridge, in the order in which the bridge lists them."""
    placed: list[VirtualDevice] = []
    for zone, kinds in (("kitchen", _KITCHEN), ("hall", _HALL), ("board", _BOARD), ("shed", _SHED)):
        words = next((z.zh, z.en) for z in zones_of(0) if z.id == zone)
        placed.extend(_device(kind, zone, zone, *words) for kind in kinds)
    for floor in range(1, size + 1):
        place = f"corridor-{floor}"
        placed.extend(_device(kind, place, place, f"{floor}层走廊", f"Corridor {floor}") for kind in _CORRIDOR)
        for number in range(1, ROOMS_PER_FLOOR + 1):
            room = f"{floor}0{number}"
            placed.extend(
                _device(kind, f"ward-{floor}", f"room-{room}", f"{room}室", f"Room {room}", room) for kind in _ROOM
            )
    return tuple(placed)


def _device(kind: str, zone: str, place: str, zh: str, en: str, room: str = "") -> VirtualDevice:
    word_zh, word_en = _WORDS[kind]
    radio = kind in MODELS
    name = f"{kind.replace('_', '-')}-{place}"
    address = f"{zh}/{word_zh}" if radio else name
    return VirtualDevice(
        name, kind, "zigbee" if radio else "native", address, zone, f"{zh}{word_zh}", f"{en} {word_en}", room
    )
