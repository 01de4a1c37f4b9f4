"""The words for what is inside: outcomes of messages, sounds, links and counters, in Chinese and English."""

from __future__ import annotations

from typing import Final

from gateway.metrics import COUNTERS, GAUGES

OUTCOMES: Final[dict[str, tuple[str, str]]] = {
    "accepted": ("已交给通道", "handed over"),
    "sent": ("已发出", "sent"),
    "delivered": ("已送达", "delivered"),
    "read": ("已读", "read"),
    "answered": ("已应答", "answered"),
    "retry": ("未送出，将重试", "not sent yet, tried again"),
    "refused": ("被拒绝", "refused"),
}
PATTERNS: Final[dict[str, tuple[str, str]]] = {
    "evacuate": ("疏散声", "evacuation sound"),
    "attention": ("提示声", "attention sound"),
    "off": ("停止", "off"),
}
LINKS: Final[dict[str, str]] = {
    "broker": "消息服务器",
    "session": "消息会话",
    "source": "来源",
    "engine": "判定程序",
    "qos0": "离线消息保存（QoS 0）",
    "gb26875": "消防主机接入口",
    "platform": "视频平台",
    "ledger-head": "台账签名发布",
    "ledger-gap": "台账缺口",
    "ledger-cut": "台账被截断",
    "local-socket": "本机命令接口",
    "destination": "送达通道",
    "feedback": "通道回执",
    "duty-check": "查岗",
    "post": "岗位",
    "sms-modem": "短信模块",
    "sms-credit": "短信卡余额",
    "voice-line": "语音电话线路",
    "centre": "上级监控中心",
    "panel": "消防主机",
    "camera": "摄像机",
    "push": "推送入口",
    "influx": "时序数据库",
    "journal": "日志",
    "journal-gap": "日志缺段",
    "journal-start": "日志启动",
    "accounts": "账号文件",
    "console": "监管台",
    "configuration": "配置",
    "clock": "时钟",
    "disk": "磁盘",
    "replay": "重放核对",
    "sounder": "声光",
    "phone": "电话通道",
}
"""The kinds of links and parts: what stands before the colon of a link's name, which English shows as it is."""
_COUNTERS_ZH: Final[dict[str, str]] = {
    "packets": "收到的报文",
    "readings": "解读出的读数",
    "decode_failed": "无法解读的报文（已隔离保存）",
    "oversized": "超长的报文",
    "refused": "拒收的报文（主题属于别的机构，或不在任何来源之下）",
    "unregistered": "未登记设备的上报",
    "without_content": "无读数的报文（网桥消息）",
    "inputs": "已判定的输入",
    "effects": "判定产生的动作",
    "commits": "日志写盘次数",
    "faults": "使判定出错的输入（已隔离保存）",
    "lost": "日志写不进时已确认而未记录的读数",
    "acknowledged": "写盘后向来源确认的报文",
    "inbox_depth": "等待判定的输入",
    "unsettled": "因日志写不进而暂不确认的报警报文",
    "messages_again": "重启后再次发送的消息（可能已发过一次）",
    "sms_sent": "本机短信模块已发出的短信",
    "sms_failed": "短信模块发不出或网络未送达的短信",
    "sms_replies": "用短信回复接手的次数",
    "sms_replies_unknown": "没有编号、编号不存在或已结束的短信回复",
    "sms_strangers": "陌生号码的短信（已丢弃）",
    "calls_made": "本机线路拨出的语音电话",
    "calls_answered": "按键接手的语音电话",
    "sms_lag_ms": "最近一条短信从交出到发出的毫秒数",
    "sms_waiting": "等待短信模块发送的短信",
}
NUMBERS: Final[dict[str, tuple[str, str]]] = {
    name: (_COUNTERS_ZH[name], english) for name, english in {**COUNTERS, **GAUGES}.items() if name in _COUNTERS_ZH
}
"""The counters of gateway/metrics.py."""
