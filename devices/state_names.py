"""Names of alarms and states that mean the same in every ecosystem, in any spelling: one table for all codecs.

A name is looked up without its spaces, dashes, slashes and capitals (`SmokeAlarm`, `smoke_alarm`, `Smoke/Alarm`): it
must be there as a whole, for a name that only contains "smoke" may be a threshold, a density or a volume. A name that
is not here but speaks of an alarm is told as not understood, never passed over. No standard has these names; they are
those of products (Aliyun, Huawei, OneNET, CTWing, Tuya, ThingsBoard examples) and their plain variants.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

_NAME_MAX: Final = 128
_ODD: Final = re.compile(r"[\s_./:\-]+")
_WORD_ENDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_ENDS: Final = (
    *("alarm", "alarmstate", "alarmstatus", "state", "status", "sensorstate", "sensorstatus", "sensoralarm"),
    *("detected", "detectoralarm", "报警", "告警", "警报", "报警状态", "告警状态", "状态"),
)
_STEMS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("smoke.alarm", ("smoke", "烟雾", "烟感")),
    ("heat.alarm", ("heat", "overtemperature", "overtemp", "hightemp", "hightemperature", "高温", "温感")),
    ("fire.alarm", ("fire", "火灾", "火焰", "flame")),
    (
        "gas.alarm",
        (
            *("gas", "gasleak", "gasleakage", "combustiblegas", "flammablegas", "naturalgas", "methane", "ch4"),
            *("可燃气体", "燃气", "天然气", "煤气", "燃气泄漏", "燃气泄露", "可燃气体泄漏", "煤气泄漏", "天然气泄漏"),
        ),
    ),
    ("co.alarm", ("co", "carbonmonoxide", "一氧化碳")),
    ("manual_call.alarm", ("manualcall", "manualcallpoint", "手报", "手动报警按钮")),
    (
        "sos.alarm",
        (
            *("sos", "panic", "emergency", "emergencycall", "help", "helpcall", "callforhelp", "panicbutton"),
            *("emergencybutton", "sosbutton", "soskey", "sosbuttonpressed", "紧急呼叫", "紧急求助", "紧急", "求助"),
            *("求救", "呼救", "一键求助", "一键呼叫", "紧急按钮", "sos呼叫"),
        ),
    ),
    ("fall.alarm", ("fall", "falldown", "mandown", "跌倒", "摔倒")),
    (
        "water_leak.alarm",
        ("water", "waterleak", "waterleakage", "waterimmersion", "flood", "watersensor", "漏水", "水浸", "浸水"),
    ),
    ("tamper", ("tamper", "防拆", "防撬", "拆除")),
    ("battery.low", ("lowbattery", "batterylow", "lowelectricity", "低电量", "电池低电量", "电量低", "低电")),
)

_BARE: Final[dict[str, str]] = {
    **dict.fromkeys(("smoke", "smokedetected"), "smoke.alarm"),
    **dict.fromkeys(("fire", "火警", "firealert"), "fire.alarm"),
    **dict.fromkeys(("fall", "falldown", "mandown", "跌倒", "摔倒"), "fall.alarm"),
    **dict.fromkeys(("gas", "gasleak", "gasleakage", "燃气泄漏", "可燃气体泄漏", "煤气泄漏"), "gas.alarm"),
    **dict.fromkeys(("waterleak", "waterleakage", "漏水", "水浸", "浸水"), "water_leak.alarm"),
    **dict.fromkeys(
        (
            *("sos", "panic", "emergency", "emergencycall", "emergencybutton", "panicbutton", "sosbutton", "soskey"),
            *("callforhelp", "helpcall", "紧急呼叫", "紧急求助", "求助", "求救", "呼救", "一键求助", "一键呼叫"),
            *("一键报警", "紧急按钮", "sos呼叫"),
        ),
        "sos.alarm",
    ),
    **dict.fromkeys(("tamper", "防拆"), "tamper"),
    **dict.fromkeys(("lowbattery", "batterylow", "低电量", "电量低"), "battery.low"),
}
"""Without a word like alarm. `water`, `heat` and the names of gases alone are amounts."""

_WORDS_ONLY: Final[dict[str, str]] = dict.fromkeys(("carbonmonoxide", "co", "一氧化碳"), "co.alarm") | dict.fromkeys(
    ("可燃气体", "燃气", "天然气", "煤气"), "gas.alarm"
)
"""Usually a concentration: 1 is 1 ppm. Only a boolean or a word makes it a state."""

_NO_STATE: Final = frozenset(
    {"heatstate", "heatstatus", "waterstate", "waterstatus", "helpstate", "helpstatus", "火焰状态", "燃气状态"}
    | {"天然气状态", "煤气状态", "紧急状态"}
)
"""A heater's, a valve's, a supply's: said to be not understood rather than guessed."""


def _table() -> Iterator[tuple[str, str]]:
    for point, stems in _STEMS:
        for stem in stems:
            for end in _ENDS:
                if stem + end not in _NO_STATE:
                    yield stem + end, point


_STATES: Final[dict[str, str]] = dict(_table())

_ALARMING: Final = re.compile(
    r"alarm|smoke|panic|emergenc|man ?down|fall ?down|gas ?leak|water ?leak|carbon ?monoxide|"
    r"(?:^| )(?:sos|fall|fallen|fire|flame|gas|leak|leakage|leaking|flood|help|distress)(?= |$|[0-9])|"
    r"报警|告警|警报|火警|火灾|烟雾|烟感|燃气|煤气|可燃|一氧化碳|泄漏|泄露|跌倒|摔倒|求助|求救|呼救|呼叫|紧急|漏水|水浸"
)
_SETTING: Final = re.compile(
    r"(?:^| )(?:threshold|limit|max|min|upper|lower|enabled?|disabled?|settings?|set|config|configuration|sensitivity|"
    r"delay|interval|period|duration|times?|timestamp|count|counter|counts|num|number|volume|mode|muted?|silenced?|"
    r"silence|test|selftest|sound|switch|ringtone|melody|tone|led|id|index|version|clear|cleared|recover|recovered|"
    r"restore|restored|history|log|name|unit|duration|current|bright|brightness|linkage|cancel|reset|end|"
    r"support|supported|ability|ack|schedule|list)(?= |$)|"
    r"阈值|设置|灵敏度|时间|次数|开关|静音|消音|自检|恢复|解除|消除|使能|限值|上限|下限|音量|时长|编号"
)
_AMOUNT: Final = re.compile(
    r"(?:^| )(?:level|values?|concentration|density|ppm|lel|percent|voltage|temperature|meter|usage)(?= |$)|"
    r"浓度|电流|数值|用量|流量"
)


def spaced(name: str) -> str:
    """The words of a name, in lower case, with one space between them."""
    return _ODD.sub(" ", _WORD_ENDS.sub(" ", name)).strip().lower()


def compact(name: str) -> str:
    """A name without anything that is only spelling."""
    return _ODD.sub("", name).lower()


@lru_cache(maxsize=4096)
def state_point(name: str) -> str:
    """The point that a property of this name is a state of, or "": the alarm is in the name, so a value must be one."""
    return _STATES.get(compact(name), "") if len(name) <= _NAME_MAX else ""


@lru_cache(maxsize=4096)
def bare_point(name: str) -> str:
    """The point of a name that does not say whether it is a state or an amount, or ""."""
    return _BARE.get(compact(name), "") if len(name) <= _NAME_MAX else ""


@lru_cache(maxsize=4096)
def word_point(name: str) -> str:
    """The point of a name that is an amount unless a boolean or a word comes by it, or ""."""
    return _WORDS_ONLY.get(compact(name), "") if len(name) <= _NAME_MAX else ""


@lru_cache(maxsize=4096)
def event_point(identifier: str) -> str:
    """The point that an event of this identifier says to be True, or ""."""
    if len(identifier) > _NAME_MAX:
        return ""
    key = compact(identifier)
    for end in ("", "event", "事件"):
        if key.endswith(end):
            stem = key[: len(key) - len(end)]
            point = _STATES.get(stem, "") or _BARE.get(stem, "") or _WORDS_ONLY.get(stem, "")
            if point and not stem.endswith(("state", "status", "状态")):
                return point
    return ""


@lru_cache(maxsize=4096)
def speaks_of_alarm(name: str) -> bool:
    """Whether a name that no table has may be an alarm, and is no setting, amount or end of one."""
    words = spaced(name[:_NAME_MAX])
    if _ALARMING.search(words) is None or _SETTING.search(words) is not None:
        return False
    return "alarm" in words or "警" in words or _AMOUNT.search(words) is None


SHARED_ON: Final = ("triggered", "detected", "alarming", "leak", "fire", "fall", "pressed", "报警", "告警", "有", "是")
SHARED_OFF: Final = ("clear", "idle", "none", "ok", "safe", "standby", "正常", "无", "否")
"""Words of a state by a name of this table, beside on, off and the like."""

_OFF: Final = frozenset({"", "0", "0.0", "false", "off", "no", "normal", "none", "null", "idle", "clear", "ok", "正常"})


def is_off(value: object) -> bool:
    """Whether a value is nothing to tell of, whatever it is a value of."""
    if value is None or value is False or value == 0:
        return True
    if isinstance(value, str):
        return value.strip().lower() in _OFF
    return isinstance(value, (list, dict)) and not value


def listed(names: Iterable[str], limit: int) -> str:
    """Names for an event, bounded."""
    return ", ".join(names)[:limit]
