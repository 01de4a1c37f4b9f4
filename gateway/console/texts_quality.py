"""The words of the page of alarm quality, in Chinese and English."""

from __future__ import annotations

from typing import Final

QUALITY_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "nav.quality": ("报警质量", "Alarm quality"),
    "quality.title": ("报警质量", "Alarm quality"),
    "quality.basis": (
        "按 ISA-18.2 与 EEMUA 191，自 {begin} 起（{days} 天）",
        "by ISA-18.2 and EEMUA 191, since {begin} ({days} days)",
    ),
    "quality.unavailable": ("日志暂时无法读取", "the journal cannot be read now"),
    "quality.days": ("每天的报警数", "Alarms a day"),
    "quality.overloaded_day": ("其中有 10 分钟内超过 10 次", "with more than ten in ten minutes"),
    "quality.figure": ("指标", "Figure"),
    "quality.now": ("实际", "Found"),
    "quality.target": ("目标", "Target"),
    "quality.met": ("达标", "met"),
    "quality.missed": ("未达标", "missed"),
    "quality.average": ("每 10 分钟平均", "Average in ten minutes"),
    "quality.overloaded": ("超过 10 次的时段", "Windows above ten"),
    "quality.floods": ("报警洪泛", "Floods"),
    "quality.chattering": ("抖动的设备", "Chattering devices"),
    "quality.fleeting": ("瞬时报警", "Fleeting alarms"),
    "quality.stale": ("持续超过 24 小时", "Active for more than a day"),
    "quality.acknowledge": ("确认用时（中位数）", "Time to acknowledge (median)"),
    "quality.verify": ("复核用时（中位数）", "Time to verify (median)"),
    "quality.explain": ("台账中待说明的缺口", "Gaps in the ledger to be explained"),
    "quality.priority.high": ("高优先级（1、2 级）占比", "Share of high priority (1 and 2)"),
    "quality.priority.medium": ("中优先级（3 级）占比", "Share of medium priority (3)"),
    "quality.priority.low": ("低优先级（4 级）占比", "Share of low priority (4)"),
    "quality.gap_hint": (
        "这些记录没有写到磁盘，台账只知道它们缺失。写明原因（停电、换盘……），说明会记入台账。",
        "These entries never reached the disk; the ledger only knows that they are missing. Say why (a power cut, a "
        "new disk, …): what you say is recorded in the ledger.",
    ),
    "quality.gap_lost": (
        "缺 {count} 条记录（序号 {first} 至 {last}）",
        "{count} entries are lost (seq {first} to {last})",
    ),
    "quality.gap_epoch": (
        "换成了另一个日志文件，或上次运行结束时有记录只在内存中",
        "another journal file began, or the last run ended with entries in memory alone",
    ),
    "quality.gap_row": ("台账第 {row} 行", "row {row} of the ledger"),
    "quality.gap_reason": ("原因", "Why"),
    "quality.gap_explain": ("记入台账", "Record it"),
    "quality.gap_done": ("说明已记入台账", "recorded in the ledger"),
    "quality.gap_gone": ("这个缺口已经说明过，或不存在", "this gap is explained already, or there is none"),
    "quality.gap_no_reason": ("请写明原因", "say why"),
    "quality.gap_waiting": (
        "已提交，但尚未得到确认：请稍后刷新此页",
        "it was submitted, but nothing has confirmed it yet: reload this page in a moment",
    ),
    "quality.sources": ("报警最多的来源", "Busiest sources"),
    "quality.false": ("误报（按设备与月份）", "False alarms, by device and month"),
    "quality.none": ("无", "none"),
    "quality.seconds": ("{count} 秒", "{count} s"),
    "quality.shadow": ("试运行的规则（不呼叫任何人）", "Rules on trial (they call nobody)"),
    "quality.shadow_sum": (
        "自 {since} 起：一致 {alike}，多报 {more}，少报 {fewer}，故障 {faults}",
        "since {since}: {alike} alike, {more} more, {fewer} fewer, {faults} faults",
    ),
    "quality.shadow.more": ("多报", "more"),
    "quality.shadow.fewer": ("少报", "fewer"),
}
