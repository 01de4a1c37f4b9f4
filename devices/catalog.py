"""The explicit list of codecs and of device profiles. A new device adds one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

import msgspec

from devices.cn_push import CtWing, ElectricalFire, LiAn, OceanConnect, Wanlin
from devices.codec import Codec, Grade, Profile
from devices.devtank import Devtank
from devices.esphome import EspHome
from devices.frigate import Frigate
from devices.homeassistant import HomeAssistant
from devices.iotda import IotDa
from devices.lorawan import LoRaWan
from devices.native import Native
from devices.neolink import Neolink
from devices.onenet import OneNet
from devices.reading import Quality, Reading, Report
from devices.ring import Ring
from devices.rtl433 import Rtl433
from devices.shelly import Shelly
from devices.sparkplug import Sparkplug
from devices.tasmota import Tasmota
from devices.thingmodel import ThingModel
from devices.thingsboard import ThingsBoard
from devices.tuya import Tuya
from devices.wyze import WyzeBridge
from devices.zigbee2mqtt import Zigbee2Mqtt
from devices.zwavejs import ZwaveJs

CODECS: Final[dict[str, Callable[..., Codec]]] = {
    "zwavejs": ZwaveJs,
    "tasmota": Tasmota,
    "shelly": Shelly,
    "rtl433": Rtl433,
    "ring": Ring,
    "homeassistant": HomeAssistant,
    "esphome": EspHome,
    "devtank": Devtank,
    "frigate": Frigate,
    "neolink": Neolink,
    "wyze": WyzeBridge,
    "lorawan": LoRaWan,
    "native": Native,
    "sparkplug": Sparkplug,
    "thingsboard": ThingsBoard,
    "zigbee2mqtt": Zigbee2Mqtt,
    "aliyun-iot": ThingModel,
    "huawei-iotda": IotDa,
    "onenet": OneNet,
    "tuya": Tuya,
    "ctwing-aep": CtWing,
    "oceanconnect-legacy": OceanConnect,
    "cn-electrical-fire": ElectricalFire,
    "wanlin": Wanlin,
    "lian": LiAn,
}
"""Codecs by name; each is made with `prefix=`."""

WIRED: Final = timedelta(seconds=100)
"""Wired devices, panels and bridge links: a fault after 3 missed reports, never later than 100 s (a design number)."""

MAINS_RADIO: Final = timedelta(minutes=10)
"""Zigbee and Wi-Fi on mains: Zigbee2MQTT itself gives up after 10 min (`availability.active.timeout`)."""

BATTERY_RADIO: Final = timedelta(hours=24) * 1.1
"""Zigbee on battery: one report a day and 10 % (GB 20517-2025 5.11 has the battery checked at least every 24 h)."""

HOURLY_NB_IOT: Final = timedelta(hours=2, minutes=10)
"""NB-IoT on battery with hourly reports: two missed, and ten minutes."""

VIDEO: Final = timedelta(seconds=180)
"""GB/T 28181-2016 9.6.1: a heartbeat every 60 s, off line after 3 missed."""

ON_PANEL: Final = timedelta(hours=24) * 1.1
"""Parts of a fire panel: it supervises them itself (GB 50166: fault within 100 s); its link shows their life daily.

Cameras of a video platform, too: while it does not answer that is a trouble of its link, not of each of them."""

_BATTERY: Final = ("battery", "battery.voltage", "battery.low")
_RADIO: Final = ("lqi", "online", "tamper", "fault", "test")
_GAS_SENTINELS: Final = (65535.0, 6553.5)
_GAS_LEVELS: Final = frozenset({"gas.lel", "gas.ppm", "co.ppm"})
_PROBE_MISSING: Final = (327.67, -327.68, 3276.7, 6553.5, 999.0, -273.15)
"""What a probe that is not there says: Dragino 327.67, Shelly 999, all-ones registers, absolute zero."""


def _profile(
    kind: str,
    zh: str,
    en: str,
    points: tuple[str, ...],
    silence_limit: timedelta,
    category: str = "",
    *,
    clears_are_trusted: bool = True,
    limits: dict[str, tuple[float, float]] | None = None,
    sentinels: tuple[float, ...] = (),
    grade: Grade = Grade.BRONZE,
) -> Profile:
    return Profile(
        kind, kind, zh, en, points, silence_limit, category, clears_are_trusted, limits or {}, sentinels, grade
    )


_PANEL_STATES: Final = ("fault", "shielded", "supervisory", "started", "feedback", "delayed")
_PANEL_LEVELS: Final = ("pressure", "height", "flow", "air.volume", "air.speed", "duration", "event.count")
_ROOM: Final = {"temperature": (-40.0, 125.0)}

_KINDS: Final[tuple[Profile, ...]] = (
    _profile(
        "smoke",
        "感烟探测器",
        "smoke detector",
        ("smoke.alarm", "smoke.obscuration", "smoke.density", "temperature", "alarm.silenced", *_BATTERY, *_RADIO),
        BATTERY_RADIO,
        "fire",
        clears_are_trusted=False,
        limits=_ROOM,
        sentinels=_PROBE_MISSING,
        grade=Grade.SILVER,
    ),
    _profile(
        "heat",
        "感温探测器",
        "heat detector",
        ("heat.alarm", "temperature", "alarm.silenced", *_BATTERY, *_RADIO),
        BATTERY_RADIO,
        "fire",
        clears_are_trusted=False,
        limits={"temperature": (-40.0, 250.0)},
        sentinels=_PROBE_MISSING,
    ),
    _profile(
        "gas",
        "可燃气体探测器",
        "combustible gas detector",
        ("gas.alarm", "gas.lel", "gas.ppm", "co.alarm", "co.ppm", "alarm.silenced", *_RADIO),
        MAINS_RADIO,
        "gas",
        clears_are_trusted=False,
        sentinels=_GAS_SENTINELS,
        grade=Grade.SILVER,
    ),
    _profile(
        "co",
        "一氧化碳探测器",
        "carbon monoxide detector",
        ("co.alarm", "co.ppm", "smoke.alarm", "temperature", "alarm.silenced", *_BATTERY, *_RADIO),
        BATTERY_RADIO,
        "gas",
        clears_are_trusted=False,
        sentinels=_GAS_SENTINELS,
    ),
    _profile(
        "manual_call",
        "手动火灾报警按钮",
        "manual call point",
        ("manual_call.alarm", "tamper", "fault", "online"),
        WIRED,
        "fire",
    ),
    _profile(
        "sos",
        "紧急呼叫按钮",
        "SOS button",
        ("sos.alarm", "button", *_BATTERY, *_RADIO),
        BATTERY_RADIO,
        "person",
        grade=Grade.SILVER,
    ),
    _profile(
        "acknowledge_button",
        "确认按钮",
        "acknowledge button",
        ("acknowledge.pressed", "button", *_BATTERY, *_RADIO),
        BATTERY_RADIO,
    ),
    _profile(
        "fall",
        "跌倒探测雷达",
        "fall radar",
        ("fall.alarm", "fall.suspected", "presence", "motion", "target.distance", *_RADIO),
        MAINS_RADIO,
        "person",
        grade=Grade.SILVER,
    ),
    _profile(
        "electrical",
        "电气火灾监控",
        "electrical fire monitor",
        (
            *(f"{quantity}.{phase}" for quantity in ("current", "voltage", "power") for phase in "abc"),
            *(
                "current.n",
                "current.residual",
                *(f"current.residual.{n}" for n in range(1, 5)),
                "power",
                "power_factor",
                "frequency",
                "energy",
            ),
            *("cable_temp.1", "cable_temp.2", "cable_temp.3", "cable_temp.4"),
            *("arc.alarm", "current.alarm", "power.mains", "fault", "online"),
        ),
        WIRED,
        "electrical",
        limits={
            "voltage.a": (0.0, 500.0),
            "voltage.b": (0.0, 500.0),
            "voltage.c": (0.0, 500.0),
            **dict.fromkeys((f"cable_temp.{n}" for n in range(1, 5)), (-40.0, 300.0)),
        },
        sentinels=(*_PROBE_MISSING, 65535.0),
    ),
    _profile(
        "cable_temp",
        "线缆测温",
        "cable temperature probe",
        ("cable_temp.1", "cable_temp.2", "cable_temp.3", "cable_temp.4", "fault", "online"),
        WIRED,
        "electrical",
        limits=dict.fromkeys((f"cable_temp.{n}" for n in range(1, 5)), (-40.0, 300.0)),
        sentinels=(*_PROBE_MISSING, -40.0),
    ),
    _profile(
        "plug",
        "智能插座",
        "smart plug",
        ("relay.1", "current.a", "voltage.a", "power", "energy", "device.temperature", "current.alarm", *_RADIO),
        MAINS_RADIO,
        limits={"voltage.a": (0.0, 500.0), "current.a": (0.0, 100.0)},
    ),
    _profile("door", "门磁", "door contact", ("door.open", *_BATTERY, *_RADIO), BATTERY_RADIO),
    _profile("motion", "移动探测器", "motion sensor", ("motion", "illuminance", *_BATTERY, *_RADIO), BATTERY_RADIO),
    _profile(
        "presence",
        "人体存在传感器",
        "presence sensor",
        ("presence", "motion", "illuminance", "target.distance", *_RADIO),
        MAINS_RADIO,
    ),
    _profile(
        "climate",
        "温湿度传感器",
        "climate sensor",
        ("temperature", "humidity", "illuminance", *_BATTERY, *_RADIO),
        BATTERY_RADIO,
        limits=_ROOM,
        sentinels=_PROBE_MISSING,
    ),
    _profile(
        "water_leak",
        "水浸传感器",
        "water leak sensor",
        ("water_leak.alarm", "temperature", "device.temperature", *_BATTERY, *_RADIO),
        BATTERY_RADIO,
    ),
    _profile(
        "video",
        "视频监控",
        "video link",
        ("video.online", "video.frame_age", "video.fps", "video.blank", "online"),
        VIDEO,
    ),
    _profile(
        "transmission_device",
        "用户信息传输装置",
        "transmission device of a fire panel",
        (
            *("fire.alarm", "manual_call.alarm", "fault", "power.mains", "battery.fault", "channel.fault"),
            *("line.fault", "duty.answered", "test", "online"),
        ),
        WIRED,
        "fire",
        clears_are_trusted=False,
    ),
    _profile(
        "fire_panel",
        "消防设施系统",
        "fire panel or other fire-protection system",
        (
            *("fire.alarm", "manual_call.alarm", *_PANEL_STATES, "power.mains", "battery.fault", "bus.fault"),
            *("manual_mode", "test", "online"),
        ),
        ON_PANEL,
        "fire",
        clears_are_trusted=False,
    ),
    _profile(
        "panel_part",
        "消防设施部件",
        "part of a fire panel",
        ("fire.alarm", *_PANEL_STATES, "power.fault", *_PANEL_LEVELS, "test", "online"),
        ON_PANEL,
        "fire",
        clears_are_trusted=False,
    ),
    _profile("bridge", "网桥", "bridge or vendor gateway", ("gateway.online",), WIRED),
    _profile("sounder", "声光警报器", "sounder", ("relay.1", "alarm.silenced", *_BATTERY, *_RADIO), MAINS_RADIO),
    _profile("other", "其他设备", "other device", (*_BATTERY, *_RADIO), BATTERY_RADIO),
)


def _variants(
    name: str,
    zh: str,
    en: str,
    silence_limit: timedelta,
    kinds: tuple[str, ...],
    *,
    clears: bool | None = None,
    more: tuple[str, ...] = (),
) -> tuple[Profile, ...]:
    """The profiles of these kinds once more, powered or connected in another way."""
    return tuple(
        msgspec.structs.replace(
            base,
            id=f"{base.kind}.{name}",
            zh=f"{base.zh}（{zh}）",
            en=f"{base.en} ({en})",
            points=tuple(dict.fromkeys((*base.points, *more))),
            silence_limit=silence_limit,
            clears_are_trusted=base.clears_are_trusted if clears is None else clears,
        )
        for base in _KINDS
        if base.kind in kinds
    )


_VARIANTS: Final[tuple[Profile, ...]] = (
    *_variants("wired", "有线", "wired", WIRED, ("smoke", "heat", "gas", "co", "sos", "fall", "sounder"), clears=True),
    *_variants("nb_iot", "NB-IoT", "NB-IoT", HOURLY_NB_IOT, ("smoke", "heat", "gas", "co", "electrical", "sos")),
    *_variants("mains", "市电", "mains", MAINS_RADIO, ("smoke", "co", "climate", "motion", "electrical", "other")),
    *_variants(
        "panel",
        "接入控制器",
        "on a fire panel",
        ON_PANEL,
        ("smoke", "heat", "gas", "manual_call", "cable_temp"),
        clears=False,
        more=("fire.alarm", *_PANEL_STATES, "power.fault", "test", "online"),
    ),
    *_variants("platform", "视频平台", "on a video platform", ON_PANEL, ("video",)),
    *_variants("battery", "电池", "battery", BATTERY_RADIO, ("gas", "manual_call", "sounder", "presence")),
)

PROFILES: Final[dict[str, Profile]] = {profile.kind: profile for profile in _KINDS}
"""The profile of each kind, as such devices usually are. Its id is the kind."""

VARIANTS: Final[dict[str, Profile]] = {profile.id: profile for profile in _VARIANTS}
"""Profiles of devices that are powered or connected in another way, by id: `kind.variant` (`smoke.wired`)."""

KINDS: Final[tuple[str, ...]] = tuple(PROFILES)


def find_profile(kind: str, profile: str = "") -> Profile | None:
    """The profile of a device: the one it names (of its own kind only), or its kind's; None where there is none."""
    if not profile or profile == kind:
        return PROFILES.get(kind)
    found = VARIANTS.get(profile)
    return found if found is not None and found.kind == kind else None


def judged(report: Report, profile: Profile) -> Report:
    """The report with what this class of device cannot measure, and its marks for "no probe", of BAD quality."""
    limits, sentinels = profile.limits, profile.sentinels
    if limits or sentinels:
        for reading in report.readings:
            value = reading.value
            if type(value) is not float:
                continue
            bounds = limits.get(reading.point)
            # Asked of every number that comes: only one that looks odd is worth the whole question.
            odd = (bounds is not None and not bounds[0] <= value <= bounds[1]) or value in sentinels
            if odd and _is_doubtful(reading, limits, sentinels):
                judgement = [_doubted(one) if _is_doubtful(one, limits, sentinels) else one for one in report.readings]
                return msgspec.structs.replace(report, readings=tuple(judgement))
    return report


def _is_doubtful(reading: Reading, limits: Mapping[str, tuple[float, float]], sentinels: tuple[float, ...]) -> bool:
    value = reading.value
    if type(value) is not float or reading.quality is Quality.BAD:
        return False
    bounds = limits.get(reading.point)
    if bounds is None:
        return reading.point in _GAS_LEVELS and value in sentinels
    return not bounds[0] <= value <= bounds[1] or value in sentinels


def _doubted(reading: Reading) -> Reading:
    return Reading(reading.point, reading.value, Quality.BAD)
