"""Every word the console shows, in Chinese and English. Templates and code name the key; nothing else holds words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.console.reasons import REASONS
from gateway.console.texts_app import APP_TEXTS
from gateway.console.texts_channel_tests import CHANNEL_TEST_TEXTS
from gateway.console.texts_delivery import DELIVERY_TEXTS
from gateway.console.texts_duty import DUTY_EVENTS, DUTY_TEXTS
from gateway.console.texts_inside import LINKS, NUMBERS, OUTCOMES, PATTERNS
from gateway.console.texts_login import LOGIN_TEXTS
from gateway.console.texts_modes import MODE_EVENTS, MODE_TEXTS
from gateway.console.texts_panels import PANEL_TEXTS
from gateway.console.texts_phone import PHONE_EVENTS, PHONE_TEXTS
from gateway.console.texts_quality import QUALITY_TEXTS
from gateway.console.texts_stills import STILL_TEXTS
from gateway.console.texts_walk_test import WALK_TEST_EVENTS, WALK_TEST_TEXTS
from rules.details import detail_in

LANGUAGES: Final = ("zh", "en")

TEXTS: Final[dict[str, tuple[str, str]]] = {
    **PHONE_TEXTS,
    **QUALITY_TEXTS,
    **LOGIN_TEXTS,
    **PANEL_TEXTS,
    **STILL_TEXTS,
    **CHANNEL_TEST_TEXTS,
    **DELIVERY_TEXTS,
    # name and navigation
    "name": ("安联网", "Anlian"),
    "name.long": ("安联网 安全监管台", "Anlian safety board"),
    "nav.board": ("监控", "Board"),
    "nav.devices": ("设备", "Devices"),
    "nav.unregistered": ("未登记设备", "Unregistered"),
    "nav.history": ("记录", "History"),
    "nav.health": ("系统", "System"),
    "nav.login": ("登录", "Log in"),
    "nav.logout": ("退出", "Log out"),
    "nav.language": ("English", "中文"),
    "nav.skip": ("跳到内容", "Skip to content"),
    "nav.back": ("返回监控", "Back to the board"),
    # categories, in the order and the words of a fire panel
    "category.fire": ("火警", "Fire"),
    "category.gas": ("燃气", "Gas"),
    "category.person": ("人员", "Person"),
    "category.electrical": ("电气", "Electrical"),
    "category.supervisory": ("监管", "Supervisory"),
    "category.trouble": ("故障", "Trouble"),
    "category.video": ("视频", "Video"),
    "lamp.suppressed": ("屏蔽", "Suppressed"),
    "lamp.testing": ("自检", "Self-test"),
    "lamp.feedback": ("反馈", "Feedback"),
    # the board
    "board.title": ("实时监控", "Live board"),
    "board.all": ("全部机构", "All homes"),
    "board.normal": ("一切正常", "All normal"),
    "board.normal_detail": (
        "{count} 台设备均按时上报，所有链路正常",
        "all {count} devices heard in time, every link up",
    ),
    "board.alarms": ("当前报警", "Open alarms"),
    "board.no_alarms": ("无报警", "No open alarm"),
    "board.unknown": ("情况不明", "Not known"),
    "board.alarmed": ("有报警", "Alarm"),
    "board.unknown_detail": ("以下情况不明，不能视为正常", "not known, so not to be taken as normal"),
    "board.unacknowledged": ("{count} 未确认", "{count} not acknowledged"),
    "board.all_acknowledged": ("均已确认", "all acknowledged"),
    "board.none": ("无", "none"),
    "board.handle": ("处理", "Handle"),
    "board.homes": ("机构", "Homes"),
    "board.suppressed": ("已屏蔽（不呼叫）", "Suppressed (calls nobody)"),
    "board.alarm_count": ("{count} 个报警", "{count} alarms"),
    "board.devices": ("设备", "Devices"),
    "board.devices_heard": ("{heard} / {total} 按时上报", "{heard} of {total} heard in time"),
    "board.no_home": ("没有可看的机构", "No home to show"),
    "board.sound_on": ("声音：开", "Sound: on"),
    "board.sound_off": ("声音：点此打开", "Sound: tap to turn on"),
    "board.script_needed": (
        "此页面不会自动更新：浏览器未启用 JavaScript。请勿当作实时画面。",
        "This page does not update by itself: JavaScript is off. Do not take it as live.",
    ),
    "unknown.never": ("{count} 台设备从未上报", "{count} devices never reported"),
    "unknown.silent": ("{count} 台设备超时未报", "{count} devices silent beyond their limit"),
    "unknown.link": ("链路中断：{name}", "link down: {name}"),
    "unknown.no_link": ("链路状态未知", "state of the links not known"),
    "unknown.no_device": ("没有登记任何设备", "no device is registered"),
    "unknown.dark": ("本机构没有数据", "no data of this home"),
    # connection
    "live.lost": ("连接中断", "No connection"),
    "live.since": ("自 {time} 起", "since {time}"),
    "live.stale": ("画面已停止更新，请勿依据此画面判断。", "This picture has stopped. Do not go by it."),
    "live.ended": ("登录已失效", "Logged out"),
    "live.ended_detail": ("请重新登录，画面已停止更新。", "Log in again; this picture has stopped."),
    "live.connected": ("实时", "Live"),
    "live.connecting": ("正在连接", "Connecting"),
    # states (ISA-18.2)
    "state.unacknowledged": ("未确认", "Not acknowledged"),
    "state.acknowledged": ("已确认", "Acknowledged"),
    "state.returned_unacknowledged": ("已恢复，未确认", "Cleared, not acknowledged"),
    "state.latched_unacknowledged": ("已恢复，未确认，待复位", "Cleared, not acknowledged, to be reset"),
    "state.latched_acknowledged": ("已确认，待复位", "Acknowledged, to be reset"),
    "state.shelved": ("暂时屏蔽", "Shelved"),
    "state.suppressed_by_design": ("联动屏蔽", "Suppressed by design"),
    "state.out_of_service": ("停用", "Out of service"),
    "state.normal": ("已结束", "Over"),
    "mark.confirmed": ("已核实（两处以上报警）", "Confirmed by a second detector"),
    "mark.found": ("发现时已存在，起始时间不明", "state found, time unknown"),
    "mark.late": ("迟到判定（网关曾停机）", "decided late (the gateway was down)"),
    "mark.silenced": ("已消音", "Silenced"),
    "mark.active": ("报警中", "In alarm"),
    "mark.cleared": ("信号已恢复", "Signal cleared"),
    "mark.untrusted": ("恢复信号不可信，复位前须现场查看", "clears not trusted: check on site before reset"),
    # one incident or alarm
    "item.incident": ("事件", "Incident"),
    "item.alarm": ("报警", "Alarm"),
    "item.since": ("发生", "Since"),
    "item.age": ("已持续", "Age"),
    "item.where": ("位置", "Where"),
    "item.device": ("设备", "Device"),
    "item.value": ("报警值", "Value"),
    "item.state": ("状态", "State"),
    "item.taken": ("处理人", "Taken by"),
    "item.taken_none": ("尚无人处理", "nobody yet"),
    "item.told": ("已通知", "Told"),
    "item.verdict": ("复核结果", "Verdict"),
    "item.next_step": ("下一步呼叫", "Next call"),
    "item.alarms": ("报警", "Alarms"),
    "item.timeline": ("经过", "Timeline"),
    "item.procedure": ("处置要点", "What to do"),
    "item.closed": ("此事件已结束", "This incident is over"),
    "item.closed_by": ("由 {who} 于 {time} 复位", "reset by {who} at {time}"),
    "item.closed_at": ("{time} 结束", "ended at {time}"),
    "item.actions": ("操作", "Actions"),
    "item.login_to_act": ("登录后可操作", "Log in to act"),
    "item.not_operator": ("此账号只能查看", "This account may only look"),
    # the four verbs
    "verb.silence": ("消音", "Silence"),
    "verb.acknowledge": ("确认", "Acknowledge"),
    "verb.verdict": ("复核", "Verdict"),
    "verb.reset": ("复位", "Reset"),
    "verb.silence_hint": ("停止声响；报警仍在", "stops the sound; the alarm stays"),
    "verb.acknowledge_hint": ("我来处理；停止继续呼叫", "I take it on; no further calls"),
    "verb.verdict_hint": ("现场查明是什么", "what was found on site"),
    "verb.reset_hint": ("处理完毕，恢复正常监视", "all dealt with, back to watching"),
    "verdict.real": ("真实", "Real"),
    "verdict.false": ("误报", "False"),
    "verdict.test": ("测试", "Test"),
    "verdict.causes": (
        "厨房油烟|水汽|灰尘|昆虫|吸烟|误按|设备故障|施工",
        "cooking smoke|steam|dust|insects|smoking|pressed by mistake|device fault|building work",
    ),
    "reset.checked": ("已到现场查看，确无危险", "Checked on site: there is no danger"),
    "done.silence": ("已消音。报警仍在，请继续处理。", "Silenced. The alarm is still open."),
    "done.acknowledge": ("已确认，由您处理。", "Acknowledged. It is yours."),
    "done.verdict": ("复核结果已记录。", "The verdict is on record."),
    "done.reset": ("已复位。", "Reset."),
    "done.not_durable": (
        "已执行，但日志无法写盘，断电后可能丢失。请记录并报修。",
        "Done, but the journal cannot be written: a power cut may lose it. Write it down and call for repair.",
    ),
    "refused.title": ("未执行", "Not done"),
    "refused.partly": ("部分已执行，以下未执行：", "Part of it was done; not done:"),
    "refused.cause": ("误报必须填写原因。", "A false alarm needs its cause."),
    "refused.verdict": ("请选择复核结果。", "Choose what was found."),
    "refused.not_allowed": ("此账号无权操作该机构。", "This account may not act in this home."),
    "refused.csrf": (
        "页面已过期，请刷新后重试。什么都没有改变。",
        "The page is out of date: reload and try again. Nothing was changed.",
    ),
    "refused.origin": (
        "请求并非来自本站页面。什么都没有改变。",
        "The request did not come from a page of ours. Nothing was changed.",
    ),
    "refused.taken": ("{who} 已接手处理。", "{who} has taken it on already."),
    "refused.taken_by_two": ("{who} 和 {other} 已接手处理。", "{who} and {other} have taken it on already."),
    "refused.somebody": ("有人", "Somebody"),
    "refused.tick": (
        "恢复信号不可信：请到现场查看，勾选“已到现场查看”后再复位",
        "its clears are not trusted: look on site, tick “checked on site”, then reset",
    ),
    "refused.quiet": (
        "不需要复位：10 分钟内不再发生就自行结束",
        "no reset is needed: it ends by itself after 10 quiet minutes",
    ),
    "refused.gone": ("此报警已不在进行中。", "This alarm is not open any more."),
    "refused.no_answer": (
        "没有得到答复：不知道是否已执行。请查看状态，必要时按现场规程处理。",
        "No answer: it is not known whether it was done. Look at the state, and go by the procedure.",
    ),
    # devices
    "devices.title": ("设备", "Devices"),
    "devices.zone": ("区域", "Zone"),
    "devices.all_zones": ("全部区域", "All zones"),
    "devices.show": ("查看", "Show"),
    "devices.heard": ("上次上报", "Last report"),
    "devices.ago": ("{age}前", "{age} ago"),
    "devices.limit": ("时限 {age}", "limit {age}"),
    "devices.heard_state": ("按时", "in time"),
    "devices.silent_state": ("超时未报", "silent"),
    "devices.never_state": ("从未上报", "never heard"),
    "devices.alarm_state": ("报警", "alarm"),
    "devices.values": ("数值", "Values"),
    "devices.last_known": ("最后已知，现在不明", "last known, not known now"),
    "devices.no_values": ("无数值", "no values"),
    "devices.none": ("没有设备", "No device"),
    "zone.unassigned": ("未分区", "unassigned"),
    "zone.gateway": ("网关自身", "the gateway itself"),
    "value.yes": ("是", "yes"),
    "value.no": ("否", "no"),
    # unregistered
    "unregistered.title": ("未登记设备", "Unregistered devices"),
    "unregistered.none": ("没有听到未登记的设备", "No unregistered device was heard"),
    "unregistered.hint": (
        "已收到这些设备的数据，但站点文件里没有它们：它们的普通报警不会处理。请登记。",
        "These devices were heard, but no site file names them: their ordinary alarms go nowhere. Register them.",
    ),
    "adopt.title": ("登记设备", "Adopt a device"),
    "adopt.unknown": ("没有听到这台未登记设备", "No such unregistered device was heard"),
    "adopt.name_zh": ("名称（中文）", "Name (Chinese)"),
    "adopt.name_en": ("名称（英文，可不填）", "Name (English, optional)"),
    "adopt.kind": ("设备类型", "Kind of device"),
    "adopt.zone": ("区域 · 老人自理程度", "Zone · residents"),
    "adopt.room": ("房间（可不填）", "Room (optional)"),
    "adopt.id": ("编号（小写字母、数字、-、_）", "Id (a-z, 0-9, -, _)"),
    "adopt.button": ("登记", "Adopt"),
    "adopt.cancel": ("取消", "Cancel"),
    "adopt.residents.independent": ("自理", "independent"),
    "adopt.residents.partly_dependent": ("半失能", "partly dependent"),
    "adopt.residents.dependent": ("失能", "dependent"),
    "adopt.residents.dementia": ("失智", "dementia"),
    "adopt.residents.none": ("无老人", "no residents"),
    "unregistered.source": ("来源", "Source"),
    "unregistered.address": ("地址", "Address"),
    "unregistered.packets": ("报文数", "Packets"),
    # health
    "health.title": ("系统状态", "System"),
    "health.links": ("链路", "Links"),
    "health.no_links": ("没有链路状态：情况不明", "No link reported its state: not known"),
    "health.up": ("正常", "up"),
    "health.down": ("中断", "down"),
    "health.since": ("自", "Since"),
    "health.detail": ("说明", "Detail"),
    "health.counters": ("计数", "Counters"),
    "health.version": ("版本", "Version"),
    "health.viewers": ("实时画面数", "Live pages open"),
    "health.name": ("名称", "Name"),
    # history
    "history.title": ("记录", "History"),
    "history.time": ("时间", "Time"),
    "history.event": ("事件", "Event"),
    "history.subject": ("对象", "Subject"),
    "history.who": ("人员", "Who"),
    "history.detail": ("说明", "Detail"),
    "history.none": ("没有记录", "Nothing on record"),
    # errors
    "error.title": ("出错了", "Something is wrong"),
    "error.not_found": ("没有这个页面，或您无权查看。", "No such page, or it is not yours to see."),
    "error.local_only": (
        "请登录。未登录只能在本机查看。",
        "Log in. Without a log-in there is a view on the box itself only.",
    ),
    "error.too_large": ("提交的内容太大。什么都没有改变。", "What was sent is too large. Nothing was changed."),
    "error.method": ("不支持这种请求。", "This kind of request is not served."),
    "error.internal": (
        "页面出错，已记入日志。报警与呼叫不受影响。",
        "This page failed; it is in the log. Alarms and calls go on.",
    ),
}

EVENTS: Final[dict[str, tuple[str, str]]] = {
    "opened": ("事件开始", "incident opened"),
    "grew": ("又一处报警", "a further alarm"),
    "repeated": ("再次报警", "alarm repeated"),
    "cleared": ("信号恢复", "signal cleared"),
    "updated": ("说明更新", "updated"),
    "raised": ("报警", "alarm raised"),
    "acknowledged": ("确认", "acknowledged"),
    "silenced": ("消音", "silenced"),
    "verdict": ("复核", "verdict"),
    "reset": ("复位", "reset"),
    "ended": ("自行结束", "ended by itself"),
    "closed": ("事件结束", "closed"),
    "escalated": ("升级呼叫", "next step begun"),
    "told": ("通知", "told"),
    "told_over": ("告知已有人处理或已结束", "told that it is taken or over"),
    "hastened": ("加快呼叫", "called sooner"),
    "next_channel": ("改用下一个通道", "next channel used"),
    "seconded": ("第二人已接手", "taken on by a second person"),
    "empty_step": ("该级无人可叫，已转下一级", "nobody to call in this step, went on"),
    "nobody": ("无人可通知", "nobody can be told"),
    "report": ("送达回报", "delivery report"),
    "refused": ("全部被拒，已转下一级", "every message refused, went on"),
    "not_done": ("未执行", "not done"),
    "notify": ("呼叫", "call"),
    "sounder": ("声光", "sounder"),
    "link_up": ("链路恢复", "link up"),
    "link_down": ("链路中断", "link down"),
    "decode_failed": ("报文无法解读", "packet not understood"),
    "packet_refused": ("报文被拒收", "packet refused"),
    "site_changed": ("站点或规则更新", "site or rules changed"),
    "clock_stepped": ("时钟跳变", "clock stepped"),
    "engine_faulted": ("判定出错", "engine fault"),
}

TEXTS.update({**WALK_TEST_TEXTS, **APP_TEXTS, **MODE_TEXTS, **DUTY_TEXTS})
EVENTS.update({**WALK_TEST_EVENTS, **MODE_EVENTS, **DUTY_EVENTS, **PHONE_EVENTS})
EVENTS["gap_explained"] = ("台账缺口已说明", "gap of the ledger explained")

PURPOSES: Final[dict[str, tuple[str, str]]] = {
    "call": ("请到场", "come"),
    "repeat": ("再次呼叫", "called again"),
    "over": ("已有人处理或已结束", "taken or over"),
}

_INDEX: Final = {"zh": 0, "en": 1}


class Words:
    """The texts in one language. An unknown key is a fault of ours and raises; an unknown event shows as it is."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._index = _INDEX[language]

    def __call__(self, key: str, **values: object) -> str:
        words = TEXTS[key][self._index]
        return words.format(**values) if values else words

    def event(self, name: str) -> str:
        """The words for what happened on a timeline."""
        pair = EVENTS.get(name)
        return pair[self._index] if pair is not None else name

    def purpose(self, name: str) -> str:
        """What a message was for."""
        pair = PURPOSES.get(name)
        return pair[self._index] if pair is not None else name

    def detail(self, text: str) -> str:
        """What the gateway wrote beside an alarm or a link, in this language where its words are known."""
        return detail_in(text, self.language)

    def outcome(self, name: str) -> str:
        """What became of a message."""
        return self._one(OUTCOMES, name)

    def pattern(self, name: str) -> str:
        """What a sounder does."""
        return self._one(PATTERNS, name)

    def verb(self, name: str) -> str:
        """What a person wanted to do."""
        return self._one(TEXTS, f"verb.{name}") if f"verb.{name}" in TEXTS else name

    def number(self, name: str) -> str:
        """A counter of the gateway."""
        return self._one(NUMBERS, name)

    def link(self, name: str) -> str:
        """A link or part: `broker:demo` is `消息服务器 demo` in Chinese."""
        if self.language == "en":
            return name
        kind, _, which = name.removeprefix("link:").partition(":")
        return f"{LINKS[kind]} {which}".strip() if kind in LINKS else name

    def _one(self, table: Mapping[str, tuple[str, str]], name: str) -> str:
        pair = table.get(name)
        return pair[self._index] if pair is not None else name

    def reason(self, text: str) -> str:
        """The engine's reason for a refusal, in this language where its words are known."""
        if self.language == "zh":
            for english, chinese in REASONS.items():
                text = text.replace(english, chinese)
        return text

    def age(self, seconds: float) -> str:
        """A duration as a person says it: `45秒`, `3分12秒`, `5小时03分`, `2天4小时`."""
        whole = max(0, int(seconds))
        minutes, second = divmod(whole, 60)
        hours, minute = divmod(minutes, 60)
        days, hour = divmod(hours, 24)
        chinese, english = ("天", "小时", "分", "秒"), (" d ", " h ", " min ", " s")
        day_, hour_, minute_, second_ = english if self._index else chinese
        if days:
            return f"{days}{day_}{hour}{hour_}".strip()
        if hours:
            return f"{hours}{hour_}{minute:02d}{minute_}".strip()
        if minutes:
            return f"{minutes}{minute_}{second:02d}{second_}".strip()
        return f"{second}{second_}".strip()


WORDS: Final = {language: Words(language) for language in LANGUAGES}
