"""What the demo says in the terminal: where to look, how long to wait for what, and each alarm as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from rules.alarm import Alarm

ALARM_AFTER: Final[dict[str, timedelta]] = {
    "kitchen-fire": timedelta(0),
    "gas-leak": timedelta(0),
    "fall": timedelta(seconds=20),
    "sos": timedelta(0),
    "electrical-overheat": timedelta(seconds=115),
    "camera-lost": timedelta(0),
    "bridge-lost": timedelta(seconds=30),
    "battery-low": timedelta(seconds=60),
    "device-silent": timedelta(seconds=100),
}
"""How long after its beginning an incident has raised its first alarm, at the latest (a test plays each)."""

DEVICES: Final = {"device-silent": "manual-call-hall"}
"""Where an incident begins in the demo: a wired call point is missed after 100 s, a battery sensor after hours."""

TOLD_EVERY_S: Final = 15.0

_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "console": (
        "控制台   {address}     账号：demo   密码：{password}",
        "console   {address}     log in as: demo   password: {password}",
    ),
    "broker": (
        "消息总线 127.0.0.1:{port} ({name})；旁听：mosquitto_sub -p {port} -v -t 'anlian/v1/#'",
        "broker    127.0.0.1:{port} ({name}); watch it: mosquitto_sub -p {port} -v -t 'anlian/v1/#'",
    ),
    "incident": (
        "演示事件 {incident}：{begins:.0f} 秒后发生；发往手机的消息显示在这里",
        "incident  {incident} begins in {begins:.0f} s; its messages to phones appear here",
    ),
    "wait": (
        "请等待   第一条报警约在 {seconds:.0f} 秒后（{why}）",
        "wait      its first alarm comes in about {seconds:.0f} s ({why})",
    ),
    "stop": ("停止     按 Ctrl-C", "stop      Ctrl-C"),
    "left": ("…        约 {seconds:.0f} 秒后报警", "…         about {seconds:.0f} s until the alarm"),
    "late": ("…        仍未报警，请看控制台", "…         no alarm yet: look at the console"),
    "alarm": ("⚠  {title}  {subject}", "⚠  {title}  {subject}"),
    "stopping": ("正在停止 …", "stopping …"),
    "stopped": ("已停止；没有留下任何进程或文件", "stopped; nothing is left running"),
}
_WHY: Final[dict[str, tuple[str, str]]] = {
    "fall": ("雷达先预警，20 秒后确认", "the radar warns first and confirms after 20 s"),
    "electrical-overheat": ("线缆慢慢变热", "a cable warms up slowly"),
    "bridge-lost": ("网桥断线 30 秒后才算故障", "a bridge may be away for 30 s"),
    "battery-low": ("低电量须持续 1 分钟", "a battery must stay low for a minute"),
    "device-silent": ("手动报警按钮 100 秒不上报才算失联", "a call point is missed after 100 s"),
}


class Screen:
    """The demo's lines in one language."""

    def __init__(self, say: Callable[[str], None], language: str) -> None:
        self._say = say
        self._index = 1 if language == "en" else 0
        self._language = language
        self._known: set[str] = set()

    def line(self, key: str, **values: object) -> None:
        """Say one line."""
        self._say(_TEXTS[key][self._index].format(**values))

    def opening(self, incident: str, after: timedelta) -> None:
        """What will happen and when."""
        self.line("incident", incident=incident, begins=after.total_seconds())
        wait = ALARM_AFTER[incident]
        if wait:
            self.line("wait", seconds=(after + wait).total_seconds(), why=_WHY[incident][self._index])
        self.line("stop")

    def countdown(self, due: datetime, now: datetime) -> None:
        """How long it still takes."""
        left = (due - now).total_seconds()
        if left > 0:
            self.line("left", seconds=left)
        else:
            self.line("late")

    def alarms(self, alarms: Iterable[Alarm], since: datetime) -> bool:
        """Say the alarms raised since then that were not said yet; whether there have been any."""
        for alarm in alarms:
            if alarm.id not in self._known and alarm.raised_at >= since:
                self._known.add(alarm.id)
                self.line("alarm", title=alarm.title.in_language(self._language), subject=alarm.subject)
        return bool(self._known)
