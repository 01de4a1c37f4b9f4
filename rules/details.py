"""The details that the engine and the gateway write beside an alarm, in Chinese; they write them in English."""

from __future__ import annotations

import re

_DETAILS = {
    "the bridge reports the end; check on site before the reset": "已报恢复，但恢复信号不可信：复位前请到现场查看",
    "none came for 10 minutes": "10 分钟内未再发生",
    "nobody of this home has a channel": "本机构无人有联系方式",
    "every message of this step was refused": "该级的消息全部被拒",
    "the plan is new": "预案已更新",
    "last alarm over": "最后一个报警已结束",
    "asserted again": "重新下发",
    "checked on site": "已到现场查看",
    "engine broken": "判定程序出错",
    "(first synchronisation after start)": "（启动后首次对时）",
    "the clock is not synchronised; check NTP (timedatectl). InfluxDB waits": (
        "时钟未同步：请检查 NTP（timedatectl）；InfluxDB 暂缓写入"
    ),
    "MiB free for the journal; make room on this disk": "MiB 可用于日志：请清理此磁盘",
    "alarms go on": "报警不受影响",
    "not JSON": "不是 JSON",
}
_STEP = re.compile(r"step (\d+)")
_TAKEN = re.compile(r"acknowledged by (\S+)")


def detail_in(text: str, language: str) -> str:
    """A detail in this language as far as its words are known; the rest (a device's own words) stays as it is."""
    if language == "en" or not text:
        return text
    step = _STEP.fullmatch(text)
    if step is not None:
        return f"第{step[1]}步"
    text = _TAKEN.sub(r"\1 已接手", text)
    for english, chinese in _DETAILS.items():
        text = text.replace(english, chinese)
    return text


def is_plain_yes(value: str) -> bool:
    """Whether a value says no more than that the alarm is there: a person is not told `true`."""
    return value.strip().lower() in ("true", "false")
