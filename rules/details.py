"""The details that the engine and the gateway write beside an alarm, in words for a person: what came, what to do.

Packets that cannot be used are written with a code in front (`[not_json] source topic: what the decoder found`);
everything else is written in English and turned into Chinese as far as its words are known.
"""

from __future__ import annotations

import re
from typing import Final

from rules.text import Text

_PACKET_FAULTS: Final[dict[str, tuple[Text, Text]]] = {
    "oversized": (
        Text("报文超过大小上限", "the packet is larger than the limit"),
        Text(
            "检查设备是否误发图片或列表；确需更大时调高 payload_max",
            "check whether the device sends pictures or lists there; raise payload_max only if it must",
        ),
    ),
    "not_utf8": (
        Text("报文不是文本（UTF-8）", "the packet is no text (UTF-8)"),
        Text(
            "检查设备输出格式是否为 JSON，或压缩、加密、二进制选项是否打开；换用对应的解码方式",
            "check that the device's output is JSON, not compressed, encrypted or binary; or choose the codec for it",
        ),
    ),
    "not_json": (
        Text("报文不是完整的 JSON", "the packet is no complete JSON"),
        Text(
            "检查设备输出格式（应为 JSON）和网络是否截断报文；如反复出现请升级固件",
            "check the device's output format (JSON) and whether something cuts messages; or update firmware",
        ),
    ),
    "content": (
        Text("报文内容与该类设备不符", "the content is not what this kind of device says"),
        Text(
            "核对站点文件中的设备型号与来源的 codec；用 anlian decode 查看原报文，并把结果发给维护人员",
            "compare the model in the site file and the source's codec; look at the message with anlian decode "
            "and send its result to your maintainer",
        ),
    ),
    "number": (
        Text("数值无法采信", "a number that cannot be believed"),
        Text(
            "检查传感器接线和固件；数值不会被猜测，也不参与报警判断",
            "check the sensor's wiring and firmware; the value is not guessed and decides nothing",
        ),
    ),
    "time": (
        Text("报文中的时间不可信", "the time in the packet cannot be believed"),
        Text(
            "给设备对时（NTP 或网关下发），并检查时区设置",
            "set the device's clock (NTP, or from its gateway) and check its time zone",
        ),
    ),
    "topic": (
        Text("主题不认识", "the topic is not known"),
        Text(
            "检查设备的主题设置和来源的 prefix",
            "check the topic that is set in the device, and the source's prefix",
        ),
    ),
    "undecoded": (
        Text("设备发来的内容没有解码规则", "nobody can read what the device said"),
        Text(
            "核对设备型号和固件；用 anlian decode 查看原报文，并把结果发给维护人员",
            "check the device's model and firmware; look at the message with anlian decode and send its result to "
            "your maintainer",
        ),
    ),
    "codec": (
        Text("解码程序出错（本网关的缺陷）", "the decoder failed (a fault of this gateway)"),
        Text(
            "原报文已隔离保存；请把它发给维护人员，并升级网关",
            "the message is kept in quarantine; send it to your maintainer and update the gateway",
        ),
    ),
    "frame": (
        Text("消防传输装置的数据帧无法解读", "a frame of the fire panel's transmission device cannot be read"),
        Text(
            "检查线路干扰、端口和 dialect 设置；必要时请消防维保单位核对装置协议版本",
            "check the line for disturbance, the port and dialect; have the panel's maintainer check its protocol",
        ),
    ),
    "panel": (
        Text("消防传输装置的连接或数据帧被拒收", "a fire panel's transmission device was refused"),
        Text(
            "核对装置地址是否在站点文件中登记、networks 与端口；不认识的来源请查清是谁",
            "check that its address stands in the site file, the networks and the port; find out who a stranger is",
        ),
    ),
    "other_home": (
        Text("主题写着别的机构，已拒收", "the topic names another home: refused"),
        Text(
            "检查设备主题中的机构编号和消息服务器的访问控制（ACL）",
            "check the home's id in the device's topic, and the broker's access control (ACL)",
        ),
    ),
    "outside": (
        Text("主题不属于任何来源，已拒收", "the topic belongs to no source: refused"),
        Text(
            "检查设备的主题；确需接收时在配置中为它添加来源",
            "check the device's topic; if it should be read, add a source for it to the settings",
        ),
    ),
    "phone_failed": (
        Text("电话或通道自检失败", "the test of this phone or channel failed"),
        Text(
            "核对号码或主题、通道设置和手机是否开机；修好前排在其他电话之后呼叫，危险报警仍会呼叫",
            "check the number or topic, the channel's settings, and that the phone is on; until then it is called "
            "after the others, and for dangers all the same",
        ),
    ),
    "phone_late": (
        Text("电话或通道自检迟到", "the test of this phone or channel came late"),
        Text(
            "检查手机的省电、后台限制和信号；应急时请勿只靠它",
            "check the phone's battery saver, background limits and signal; do not rely on it alone",
        ),
    ),
    "phone_unconfirmed": (
        Text("自检消息无人确认", "nobody confirmed the test message"),
        Text(
            "请此人打开最近一条自检消息中的链接并确认；没有收到则检查手机",
            "let the person open the link in the last test message and confirm; where none came, look at the phone",
        ),
    ),
    "phone_overdue": (
        Text("电话或通道久未自检", "this phone or channel was not tested any more"),
        Text(
            "检查设置中的 [canary]；配额被占满或夜间、报警期间也会推迟自检",
            "check [canary] in the settings; full quotas, the night and open dangers put tests off",
        ),
    ),
}
"""By the code of devices.codec.FaultKind, or of a phone's standing: what is wrong, and what to do about it."""

_FAULTED: Final = (
    Text("判定程序处理此报文时出错（本网关的缺陷）", "the decision failed on this packet (a fault of this gateway)"),
    Text(
        "原报文已隔离保存；请到现场查看该设备，把隔离编号发给维护人员",
        "it is kept in quarantine; look at the device on site, and send the quarantine's number to your maintainer",
    ),
)
_STEPPED: Final = Text(
    "报警计时不受影响；请检查对时（timedatectl、NTP、电池）",
    "running delays are not affected; check the time service (timedatectl, NTP) and the clock's battery",
)
_DOUBTED: Final = Text(
    "超出该类设备可能的范围，不参与报警判断；检查传感器、接线和型号",
    "outside what such a device can measure: it decides nothing; check sensor, wiring and model",
)

_DETAILS = {
    "its rule or device is no longer in the configuration: look on site, say what it was, then reset it": (
        "规则或设备已不在配置中：请到现场查看，给出复核结论后复位"
    ),
    "the bridge reports the end; check on site before the reset": "已报恢复，但恢复信号不可信：复位前请到现场查看",
    "none came for 10 minutes": "10 分钟内未再发生",
    "taken up again after a restart, perhaps handed over twice": "重启后再次发送，可能已发过一次",
    "residents partly_dependent": "住养人员半失能",
    "residents dependent": "住养人员失能",
    "residents dementia": "住养人员失智",
    "one carer alone": "单人值班",
    "not confirmed in time": "未按时确认送达",
    "nobody of this home has a channel": "本机构无人有联系方式",
    "every message of this step was refused": "该级的消息全部被拒",
    "the plan is new": "预案已更新",
    "acknowledged, but no verdict came in time": "已确认，但未按时给出复核结果",
    "nobody acknowledged within 15 s": "15秒内无人确认",
    "last alarm over": "最后一个报警已结束",
    "asserted again": "重新下发",
    "it was proven": "自检已通过",
    "no test alarm was answered in its time": "本期（半月）测试报警未完成：请尽快做一次演练并应答",
    "nobody answered the test alarm": "测试报警无人应答：请检查值班与电话，次日将再次测试",
    "the roster has no gap there any more": "排班已无此缺口",
    "the post was handed over": "已交接班",
    "no longer in the site file": "站点文件中已没有",
    "a phone failed its test": "电话自检未通过",
    "checked on site": "已到现场查看",
    "engine broken": "判定程序出错",
    "(first synchronisation after start)": "（启动后首次对时）",
    "the clock is not synchronised; check NTP (timedatectl). InfluxDB waits": (
        "时钟未同步：请检查 NTP（timedatectl）；InfluxDB 暂缓写入"
    ),
    "MiB free for the journal; make room on this disk": "MiB 可用于日志：请清理此磁盘",
    "alarms go on": "报警不受影响",
    "connected to ": "已连接 ",
    " with MQTT ": "，MQTT ",
    "not JSON": "不是 JSON",
    " gaps of the ledger are to be explained: see the page of alarm quality": " 处台账缺口待说明：见“报警质量”页",
}
BETWEEN: Final = " ‖ "
"""Stands between the Chinese and the English words of a detail that was written in both."""
_STEP = re.compile(r"step (\d+)")
_HASTENED = re.compile(r"night(?=, |\Z)")
_TAKEN = re.compile(r"acknowledged by (\S+)")
_CODED = re.compile(r"\[(\w+)\] (.*?): (.*)", re.DOTALL)
_QUARANTINED = re.compile(r"(\S+:\d+:q\d+): (.*)", re.DOTALL)
_JUMP = re.compile(r"(\d{4}-\S+) -> (\d{4}-\S+)(.*)")
_MEASURED = re.compile(r"([a-z_0-9]+(?:\.[a-z_0-9]+)*) = (\S+)")


def coded(kind: str, source: str, topic: str, reason: str) -> str:
    """The detail of a packet that cannot be used. Without a code (journals of before) it is the words alone."""
    return f"[{kind}] {source} {topic}: {reason}" if kind else f"{topic}: {reason}"


def in_both(words: Text) -> str:
    """A detail that bears its words in both languages."""
    return f"{words.zh}{BETWEEN}{words.en}"


def packet_words(kind: str, reason: str, language: str) -> str:
    """What is wrong with a packet and what to do, and the decoder's own words for the maintainer."""
    fault = _PACKET_FAULTS.get(kind)
    return _with_remedy(fault, reason, language) if fault is not None else detail_in(reason, language)


def _with_remedy(fault: tuple[Text, Text], found: str, language: str) -> str:
    what, remedy = (text.in_language(language) for text in fault)
    return f"{what}; {remedy} ({found})" if language == "en" else f"{what}；{remedy}（{found}）"


def detail_in(text: str, language: str) -> str:
    """A detail in this language as far as its words are known; the rest (a device's own words) stays as it is."""
    if not text:
        return text
    chinese, between, english = text.partition(BETWEEN)
    if between:
        return english if language == "en" else chinese
    told = _told_by_form(text, language)
    if told:
        return told
    return text if language == "en" else _in_chinese(text)


def _told_by_form(text: str, language: str) -> str:
    """A detail that is known by its form: a code, a quarantine's number, a jump of the clock, a doubted value."""
    between, stop = (": ", "; ") if language == "en" else ("：", "；")
    if (found := _CODED.fullmatch(text)) is not None and found[1] in _PACKET_FAULTS:
        return f"{found[2]}{between}{_with_remedy(_PACKET_FAULTS[found[1]], found[3], language)}"
    if (found := _QUARANTINED.fullmatch(text)) is not None:
        return f"{found[1]}{between}{_with_remedy(_FAULTED, found[2], language)}"
    if (found := _JUMP.fullmatch(text)) is not None:
        rest = found[3] if language == "en" else _in_chinese(found[3])
        return f"{found[1]} → {found[2]}{rest}{stop}{_STEPPED.in_language(language)}"
    if (found := _MEASURED.fullmatch(text)) is not None:
        return f"{text}{stop}{_DOUBTED.in_language(language)}"
    return ""


def _in_chinese(text: str) -> str:
    step = _STEP.fullmatch(text)
    if step is not None:
        return f"第{step[1]}步"
    text = _HASTENED.sub("夜间", text)
    text = _TAKEN.sub(r"\1 已接手", text)
    for english, chinese in _DETAILS.items():
        text = text.replace(english, chinese)
    return text


def is_plain_yes(value: str) -> bool:
    """Whether a value says no more than that the alarm is there: a person is not told `true`."""
    return value.strip().lower() in ("true", "false")
