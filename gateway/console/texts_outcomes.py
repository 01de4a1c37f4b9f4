"""The words of the verification and of the outcome codes (处置结果), in Chinese and English."""

from __future__ import annotations

from typing import Final

OUTCOME_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "finding.real_fire": ("真实火警", "Real fire"),
    "finding.real_gas": ("真实燃气泄漏", "Real gas leak"),
    "finding.to_hospital": ("紧急送医", "Taken to hospital"),
    "finding.cared_for": ("已照护，无需送医", "Cared for, no hospital"),
    "finding.electrical_hazard": ("电气隐患", "Electrical hazard"),
    "finding.equipment_fault": ("设备故障", "Equipment fault"),
    "finding.false_alarm": ("误报", "False alarm"),
    "finding.test": ("测试", "Test"),
    "finding.drill": ("演练", "Drill"),
    "outcome.choose": ("现场是什么？", "What was it?"),
    "outcome.times": ("时间（紧急送医必填其一：120 或离开）", "Times (taken to hospital: 120 or departure is needed)"),
    "outcome.called_119": ("拨打119", "119 called"),
    "outcome.called_120": ("拨打120", "120 called"),
    "outcome.evacuated": ("疏散完毕", "Evacuated"),
    "outcome.arrived": ("救援到场", "Help arrived"),
    "outcome.left": ("离开送医", "Left for hospital"),
    "outcome.cause": ("原因（误报必填）", "Cause (needed for a false alarm)"),
    "outcome.bad_time": ("时间须写成 08:15 的形式。", "Write a time like 08:15."),
    "outcome.due": ("未给出复核结论前不能复位", "no reset before the verdict"),
    "outcome.title": ("写明处置结果", "Say what it was"),
    "outcome.title_hint": ("误报、送医、真火……复位前必填", "false, hospital, real fire …; needed before the reset"),
    "stage.title": ("复核", "Verification"),
    "stage.needed": ("待复核", "verdict is due"),
    "stage.awaited": ("等待有人确认", "waiting for somebody to take it on"),
    "stage.unanswered": ("15秒内无人确认，继续呼叫", "nobody took it on within 15 s; the calls go on"),
    "stage.running": ("已有人接手，等待复核结论", "somebody is on the way; the verdict is waited for"),
    "stage.overdue": ("逾期没有复核结论，已重新呼叫", "no verdict in time; everybody is called anew"),
    "stage.confirmed": ("两处以上报警或手动按钮：按真实处置", "a second detector or a call point: taken as real"),
    "stage.attended": ("有人到场，尚未复核", "somebody is there: resolved, unverified"),
    "stage.done": ("已复核", "verdict given"),
    "stage.until": ("至 {time}", "until {time}"),
    "spread.title": ("蔓延顺序", "The way it spread"),
}
