"""The words of the page of fire panels and their duty checks, in Chinese and English."""

from __future__ import annotations

from typing import Final

PANEL_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "nav.panels": ("查岗", "Duty check"),
    "panels.title": ("消防控制器与查岗", "Fire panels and duty checks"),
    "panels.what": (
        "查岗：传输装置发出声光，值班人员按键应答。无人应答即产生监管报警。",
        "A duty check makes the transmission device sound until whoever is on duty presses its key. "
        "Where nobody answers, a supervisory alarm is raised.",
    ),
    "panels.times": ("每天约 {times} 自动查岗", "asked by itself every day at about {times}"),
    "panels.no_times": ("未设自动查岗（duty_check）", "never asked by itself (duty_check is not set)"),
    "panels.none": ("本机构没有登记的用户信息传输装置", "No transmission device of this home is registered"),
    "panels.ask": ("立即查岗", "Ask now"),
    "panels.asked": ("已查岗", "Asked"),
    "panels.never": ("本次启动后未查岗", "not asked since the gateway started"),
    "panels.by_schedule": ("自动", "by schedule"),
    "panels.open": ("等待应答，最多 {minutes} 分钟", "waiting for the answer, {minutes} min at most"),
    "panels.answered": ("已应答，用时 {age}", "answered after {age}"),
    "panels.unanswered": ("{minutes} 分钟内无人应答", "nobody answered within {minutes} min"),
    "panels.not_taken": ("传输装置未接受查岗命令", "the transmission device did not take the duty check"),
    "panels.not_connected": ("传输装置未连接，无法查岗", "the transmission device is not connected"),
    "panels.done": ("查岗命令已发出", "Asked; the answer is shown here"),
    "panels.busy": (
        "没有发出：上一次查岗还在等待应答，或该装置已不在册",
        "Not asked: the last duty check still waits for its answer, or the device is not registered any more",
    ),
    "panels.view_only": ("您的账号只能查看", "Your account may only look"),
}
