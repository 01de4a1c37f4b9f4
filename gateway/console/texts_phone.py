"""The words of the phone page, and of what to say to 119, in Chinese and English."""

from __future__ import annotations

from typing import Final

PHONE_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "phone.title": ("报警", "Alarm"),
    "phone.coming": ("我来处理", "I'm coming"),
    "phone.coming_too": ("我也去", "I'm coming, too"),
    "phone.you_are": ("您是 {name}", "You are {name}"),
    "phone.who": ("您是谁？", "Who are you?"),
    "phone.who_needed": ("请先选择您是谁。什么都没有改变。", "Say who you are first. Nothing was changed."),
    "phone.taken": ("{who} 已于 {time} 接手", "{who} took it on at {time}"),
    "phone.not_taken": ("还没有人处理", "Nobody has taken it on yet"),
    "phone.you_took": ("您已于 {time} 接手。请立即前往。", "You took it on at {time}. Go there now."),
    "phone.done_second": (
        "{who} 已于 {time} 先接手；您也去，已记录。",
        "{who} took it on before you, at {time}; that you are coming, too, is on record.",
    ),
    "phone.awaits_second": (
        "此报警要求两人接手：仍在呼叫第二个人。",
        "This alarm needs two people: a second one is still being called.",
    ),
    "phone.awaits_verdict": (
        "仍在呼叫其他人，直到给出复核结论。",
        "Others are still being called, until somebody says what it is.",
    ),
    "phone.grew": (
        "您确认之后又有新的报警，请再次确认。",
        "A further detector spoke after you acknowledged. Please acknowledge again.",
    ),
    "phone.over": ("此报警已结束，不需要再处理。", "This alarm is over. Nothing more to do."),
    "phone.over_test": ("如现场仍有危险，请拨打 119。", "If there is danger on site, call 119."),
    "phone.unknown": (
        "本机近期没有这次报警的记录（时间太久，或网关重启过），状态未知：不能当作已经结束。",
        "This gateway has no recent record of this alarm (too long ago, or a restart). Its state is unknown: do not "
        "take it for over.",
    ),
    "phone.unknown_act": (
        "请到现场查看，或联系值班人员。如有危险，请拨打 119。",
        "Go and look, or ask the person on duty. If there is danger, call 119.",
    ),
    "phone.dangers": ("此机构仍有未结束的报警！", "This home still has alarms that are not over!"),
    "phone.no_dangers": (
        "本机现在没有其他未结束的危险报警。",
        "This gateway knows of no other open alarm of danger in this home now.",
    ),
    "phone.expired": ("链接已过期", "This link has expired"),
    "phone.expired_detail": (
        "什么都没有改变。请打开最新的一条消息，或联系值班人员。",
        "Nothing was changed. Open the newest message, or call the person on duty.",
    ),
    "phone.broken": ("链接无效", "This link is not valid"),
    "phone.broken_detail": (
        "可能复制不完整。什么都没有改变。请从消息里重新点开。",
        "It may have been cut short. Nothing was changed. Open it from the message again.",
    ),
    "phone.no_home": (
        "此机构不在本网关上。什么都没有改变。",
        "This home is not on this gateway. Nothing was changed.",
    ),
    "phone.no_person": (
        "链接里的人员已不在名单上。什么都没有改变。",
        "The person of this link is not on the list any more. Nothing was changed.",
    ),
    "phone.call": ("拨打 119", "Call 119"),
    "phone.script": ("报警时这样说", "Say this"),
    "script.fire": ("我要报火警。", "I report a fire."),
    "script.gas": ("我要报可燃气体泄漏。", "I report a gas leak."),
    "script.place": ("{home}，地址：{address}。", "{home}, address: {address}."),
    "script.where": ("位置：{place}。", "Place: {place}."),
    "script.residents": (
        "这里有 {count} 张床位，住的是{residents}老人。",
        "{count} beds here; residents: {residents}.",
    ),
    "script.help": ("他们不能自己离开，需要帮助。", "They cannot leave by themselves and need help."),
    "script.order": ("请按此顺序救人：{order}。", "Fetch people in this order: {order}."),
    "script.who": ("{place}（{residents}，{count} 床）", "{place} ({residents}, {count} beds)"),
    "script.hazards": ("注意危险：{hazards}。", "Dangers there: {hazards}."),
    "script.no_address": ("（站点文件没有地址，请自己说清楚）", "(the site file has no address: say it yourself)"),
    "residents.independent": ("自理", "independent"),
    "residents.partly_dependent": ("半失能", "partly dependent"),
    "residents.dependent": ("失能", "dependent"),
    "residents.dementia": ("失智", "living with dementia"),
}

PHONE_EVENTS: Final[dict[str, tuple[str, str]]] = {
    "ticked": ("处置步骤完成", "step done"),
    "unticked": ("撤销处置步骤", "step taken back"),
    "support": ("请求支援", "support needed"),
    "coming_too": ("也去", "coming, too"),
}

HAZARDS: Final[dict[str, tuple[str, str]]] = {
    "oxygen": ("氧气瓶、制氧机", "oxygen"),
    "gas": ("燃气管道", "piped gas"),
    "lpg": ("液化气瓶", "LPG cylinders"),
    "fuel": ("燃油", "fuel"),
    "battery": ("电动车或锂电池", "electric bicycles or lithium batteries"),
    "chemicals": ("化学品", "chemicals"),
    "electricity": ("配电设备", "switchgear"),
    "solar": ("光伏板，白天带电", "solar panels, live by day"),
}
"""The words for zones' tags `hazard_…`; any other one is said as it is written."""
