"""Points and readings: what one device says about one measurable thing at one instant.

The catalogue `POINTS` is the only list of points that the program knows. Units are SI or the
field's own; states are booleans whose meaning is in the name (`smoke.alarm` True = in alarm).
"""

from __future__ import annotations

import enum
import re
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

Value = bool | float | str


class Kind(enum.StrEnum):
    """What the values of a point are like: a boolean state, a continuous level or a running count."""

    STATE = "state"
    LEVEL = "level"
    COUNT = "count"


class Quality(enum.IntEnum):
    """How far a value may be believed. BAD values never decide anything; SUSPECT ones are shown marked."""

    GOOD = 0
    SUSPECT = 1
    BAD = 2


class Point(msgspec.Struct, frozen=True, gc=False):
    """One measurable thing: its name, its unit, its kind and what it means to a person.

    `category` is set where the point itself is an alarm of the danger to people (True = in alarm):
    these points are never swallowed, not even from a device that nobody registered.
    """

    name: str
    unit: str
    kind: Kind
    zh: str
    en: str
    category: str = ""


class Reading(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One value of one point of one device. Numbers are floats, states are booleans, texts are short.

    The device stands in the `Report` around it and the time of receipt in the input that carries it:
    one packet has one of each, and a reading is the most frequent object of the program.
    """

    point: str
    value: Value
    quality: Quality = Quality.GOOD


class Report(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one device said in one packet.

    `device` is the address that the codec read (friendly name, DevEUI, …); the inventory replaces it
    by the site's device id. `measured_at` is the device's own time (aware, UTC) or None: it is shown,
    never trusted. `stored_at` is the row's time in the time-series store, in whole milliseconds since
    1970 on the engine's time line: the time of receipt, nudged so that two reports of a device never
    share one (it is journalled with the input, so that it is a function of the journal alone).
    `events` are things that happened without being a value: `{"type": "device_leave", "device": "bulb"}`.
    """

    device: str
    readings: tuple[Reading, ...] = ()
    measured_at: datetime | None = None
    events: tuple[dict[str, str], ...] = ()
    stored_at: int = 0


SAID_ABOUT_DEVICES: Final = frozenset(
    {
        *("txack", "downlink", "integration", "log", "location", "location_solved", "service_data", "simulated"),
        *("command_response", "platform_message", "platform_notice", "link_status", "device_offline"),
        *("discovery", "discovery_ignored", "stale_death", "camera_disabled", "camera_error"),
    }
)
"""What a network, a platform or a bridge tells about a device: receipts of commands, notes, announcements."""


def is_said_by_device(event: dict[str, str]) -> bool:
    """Whether the device itself must have spoken for this event to be: not by a receipt, nor if it did not answer."""
    return event.get("type") not in SAID_ABOUT_DEVICES and event.get("acknowledged") != "false"


def _state(name: str, zh: str, en: str, category: str = "") -> Point:
    return Point(name, "", Kind.STATE, zh, en, category)


def _level(name: str, unit: str, zh: str, en: str) -> Point:
    return Point(name, unit, Kind.LEVEL, zh, en)


_LIST: Final[tuple[Point, ...]] = (
    _state("smoke.alarm", "感烟火警", "smoke alarm", "fire"),
    _state("heat.alarm", "感温火警", "heat alarm", "fire"),
    _state("fire.alarm", "火警", "fire alarm of a panel or part", "fire"),
    _state("manual_call.alarm", "手动报警按钮", "manual call point", "fire"),
    _state("gas.alarm", "可燃气体报警", "combustible gas alarm", "gas"),
    _state("co.alarm", "一氧化碳报警", "carbon monoxide alarm", "gas"),
    _state("sos.alarm", "紧急呼叫", "SOS call", "person"),
    _state("fall.alarm", "跌倒", "fall", "person"),
    _state("out_of_bed.alarm", "离床", "out of bed"),
    _state("fall.suspected", "疑似跌倒", "suspected fall"),
    _state("arc.alarm", "电弧", "arc fault"),
    _state("current.alarm", "电流越限", "current beyond the device's own limit"),
    _state("water_leak.alarm", "漏水", "water leak"),
    _state("alarm.silenced", "已消音", "device's own sounder silenced"),
    _level("smoke.obscuration", "dB/m", "烟雾遮光度", "smoke obscuration"),
    _level("smoke.density", "", "烟雾浓度", "smoke density, vendor's scale"),
    _level("gas.lel", "%LEL", "可燃气体浓度", "combustible gas"),
    _level("gas.ppm", "ppm", "可燃气体浓度", "combustible gas"),
    _level("co.ppm", "ppm", "一氧化碳浓度", "carbon monoxide"),
    _level("h2s.ppm", "ppm", "硫化氢浓度", "hydrogen sulphide"),
    _level("nh3.ppm", "ppm", "氨气浓度", "ammonia"),
    _level("temperature", "°C", "温度", "temperature"),
    _level("device.temperature", "°C", "设备温度", "temperature of the device itself"),
    _level("humidity", "%", "湿度", "relative humidity"),
    _level("illuminance", "lx", "照度", "illuminance"),
    _level("current.a", "A", "A相电流", "current, phase A or single phase"),
    _level("current.b", "A", "B相电流", "current, phase B"),
    _level("current.c", "A", "C相电流", "current, phase C"),
    _level("current.n", "A", "零线电流", "current, neutral"),
    _level("current.residual", "mA", "剩余电流", "residual current"),
    _level("voltage.a", "V", "A相电压", "voltage, phase A or single phase"),
    _level("voltage.b", "V", "B相电压", "voltage, phase B"),
    _level("voltage.c", "V", "C相电压", "voltage, phase C"),
    _level("voltage.supply", "V", "供电电压", "supply voltage of the device"),
    _level("power", "W", "有功功率", "active power"),
    _level("power.a", "W", "A相功率", "active power, phase A"),
    _level("power.b", "W", "B相功率", "active power, phase B"),
    _level("power.c", "W", "C相功率", "active power, phase C"),
    _level("power_factor", "", "功率因数", "power factor, 0 to 1"),
    _level("frequency", "Hz", "频率", "mains frequency"),
    Point("energy", "kWh", Kind.COUNT, "电量", "energy, running total"),
    _state("power.mains", "市电", "mains present"),
    _state("power.fault", "电源故障", "power supply of a part faulty"),
    _state("battery.fault", "备电故障", "standby battery faulty"),
    _state("bus.fault", "总线故障", "bus of a panel faulty"),
    _state("line.fault", "监测连接线路故障", "line between a panel and its transmission device faulty"),
    _state("channel.fault", "通信信道故障", "channel to the monitoring centre faulty"),
    _state("shielded", "屏蔽", "shielded: switched off at the panel"),
    _state("supervisory", "监管", "supervisory signal"),
    _state("started", "启动", "started or opened by the panel"),
    _state("feedback", "反馈", "feedback: it did what it was told"),
    _state("delayed", "延时", "outputs delayed"),
    _state("manual_mode", "手动状态", "panel in manual mode"),
    _state("duty.answered", "查岗应答", "duty check answered"),
    _level("pressure", "kPa", "压力", "pressure"),
    _level("height", "m", "高度", "height or water level"),
    _level("flow", "L/s", "流量", "flow"),
    _level("air.volume", "m³/min", "风量", "air volume"),
    _level("air.speed", "m/s", "风速", "air speed"),
    _level("duration", "s", "时间", "a time that a device measured"),
    Point("event.count", "", Kind.COUNT, "事件计数", "count of events"),
    _state("presence", "有人", "somebody present"),
    _state("motion", "移动", "motion"),
    _state("vibration", "振动", "vibration"),
    _level("target.distance", "m", "目标距离", "distance of the radar's target"),
    _state("door.open", "门开", "door or window open"),
    _state("video.online", "视频在线", "video link on line"),
    _level("video.frame_age", "s", "画面时延", "age of the last frame"),
    _level("video.fps", "1/s", "帧率", "frames a second"),
    _state("video.blank", "画面异常", "picture black or frozen"),
    _level("battery", "%", "电池电量", "battery charge"),
    _level("battery.voltage", "V", "电池电压", "battery voltage"),
    _state("battery.low", "电池低电", "battery low"),
    _state("acknowledge.pressed", "确认按钮按下", "acknowledge button held down"),
    _state("tamper", "防拆", "tampered with or taken off"),
    _state("fault", "故障", "device reports a fault of its own"),
    _state("test", "自检", "self-test running"),
    _state("online", "在线", "device on line, by its bridge"),
    _state("gateway.online", "网桥在线", "bridge or vendor gateway on line"),
    _level("rssi", "dBm", "信号强度", "received signal strength"),
    _level("snr", "dB", "信噪比", "signal-to-noise ratio"),
    _level("lqi", "", "链路质量", "Zigbee link quality, 0 to 255"),
    _level("link.margin", "dB", "链路余量", "LoRaWAN link margin"),
    _level("wifi.quality", "%", "Wi-Fi质量", "Wi-Fi quality"),
    Point("button", "", Kind.STATE, "按钮", "button action, as text"),
)

POINTS: Final[dict[str, Point]] = {point.name: point for point in _LIST}

_NUMBERED: Final[dict[str, Point]] = {
    "cable_temp": _level("cable_temp.#", "°C", "线缆温度", "cable temperature"),
    "current.residual": _level("current.residual.#", "mA", "剩余电流", "residual current"),
    "relay": _state("relay.#", "继电器", "relay or switched output on"),
    "input": _state("input.#", "输入", "contact input closed"),
}
_NUMBER_MAX: Final = 64
_NUMBERED_NAME: Final = re.compile(r"(.+)\.([1-9][0-9]?|[A-Z])")
_LETTERED: Final = frozenset({"relay", "input"})
"""Terminals that some devices name by a letter (`input.A`)."""


@lru_cache(maxsize=1024)
def find_point(name: str) -> Point | None:
    """The catalogue entry of a point, numbered ones included (`cable_temp.3`, `input.A`; up to 64), or None."""
    point = POINTS.get(name)
    if point is not None:
        return point
    match = _NUMBERED_NAME.fullmatch(name)
    if match is None:
        return None
    if match[2].isdigit() and int(match[2]) > _NUMBER_MAX:
        return None
    if match[2].isalpha() and match[1] not in _LETTERED:
        return None
    family = _NUMBERED.get(match[1])
    if family is None:
        return None
    return msgspec.structs.replace(family, name=name)


DANGER_POINTS: Final[dict[str, str]] = {p.name: p.category for p in _LIST if p.category}
"""Points whose True is a danger to people, with the category it raises: never swallowed."""
