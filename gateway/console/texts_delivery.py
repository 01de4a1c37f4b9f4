"""The words of the page of how messages arrive, and what a person does about each kind of failure."""

from __future__ import annotations

from typing import Final

DELIVERY_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "nav.channels": ("送达情况", "Delivery"),
    "delivery.title": ("送达情况", "How messages arrive"),
    "delivery.what": (
        "每人每条通道最近一天的情况：最后一条消息走到哪一步、多快、失败了如何处理；每条通道还剩多少配额。",
        "Each way to each person over the last day: how far its last message got, how fast, and what to do about a "
        "failure; and what is left of each channel's quota.",
    ),
    "delivery.tests": ("每条通道的自检", "the tests of each channel"),
    "delivery.unavailable": ("日志暂时无法读取", "the journal cannot be read now"),
    "delivery.nobody": (
        "没有可通知的人员。请在站点文件中填写人员及其通道。",
        "There is nobody to tell. Write people with their channels into the site file.",
    ),
    "delivery.incomplete": ("消息太多，只统计了最近的部分", "too many messages: only the newest are counted"),
    "delivery.person": ("人员", "Person"),
    "delivery.channel": ("通道", "Channel"),
    "delivery.state": ("最后一条消息", "Last message"),
    "delivery.lag": ("交出用时（中位 / 95%）", "Handed over within (half / 95 %)"),
    "delivery.messages": ("消息 / 失败", "Messages / failed"),
    "delivery.fault": ("最近的失败", "Last failure"),
    "delivery.remedy": ("处理：", "To do: "),
    "delivery.tested": ("自检", "tested"),
    "delivery.test_failed": ("自检失败", "test failed"),
    "delivery.never": ("尚无消息", "none yet"),
    "delivery.order": ("第 {order} 顺位", "place {order} in order"),
    "delivery.no_consent": ("本人未同意，不使用", "not used: the person did not consent"),
    "delivery.not_set": ("设置中没有这条通道", "no such channel in the settings"),
    "delivery.none": ("没有通道，无法通知", "no channel: cannot be told"),
    "delivery.quotas": ("通道与配额", "Channels and their quotas"),
    "delivery.kind": ("类型", "Kind"),
    "delivery.proves": ("能证明到", "Proves"),
    "delivery.per_minute": ("每分钟", "A minute"),
    "delivery.left": ("现在还可发：火警 / 人员 / 其他", "Left now: fire / persons / others"),
    "delivery.nothing": ("无", "none"),
    "delivery.command": (
        "anlian channels test gateway.toml {name} --to 地址",
        "anlian channels test gateway.toml {name} --to ADDRESS",
    ),
    "delivery.test_hint": ("试发一条：", "To try one:"),
    "delivery.state.pending": ("等待中", "pending"),
    "delivery.state.sending": ("正在重试", "sending"),
    "delivery.state.handed_over": ("已交出", "handed over"),
    "delivery.state.sent": ("已发出", "sent"),
    "delivery.state.delivered": ("已送达", "delivered"),
    "delivery.state.read": ("已阅读", "read"),
    "delivery.state.answered": ("已应答", "answered"),
    "delivery.state.failed": ("失败", "failed"),
    "delivery.state.stopped": ("已无需发送", "not needed any more"),
    "delivery.seconds": ("{count} 秒", "{count} s"),
}

PROVES: Final[dict[str, str]] = {
    "webhook": "handed_over",
    "ntfy": "handed_over",
    "dingtalk": "handed_over",
    "wecom-robot": "handed_over",
    "wecom-app": "handed_over",
    "feishu": "handed_over",
    "bark": "handed_over",
    "mail": "handed_over",
    "apprise": "handed_over",
    "aliyun-sms": "delivered",
    "aliyun-voice": "delivered",
    "tencent-sms": "delivered",
    "tencent-voice": "handed_over",
    "web-push": "read",
    "live": "read",
    "sms-modem": "answered",
    "voice-line": "answered",
}
"""The highest rung that each kind can prove by itself; whoever opens the link of any message has read it."""

REMEDIES: Final[tuple[tuple[tuple[str, ...], str, str], ...]] = (
    (
        ("portal", "web page", "not the answer of", "address moved", "is `url`"),
        "对方不是该服务：检查 url，或网络中有登录页、代理",
        "somebody else answered: check url, look for a portal or a proxy in between",
    ),
    (
        ("certificate",),
        "证书不受信任：设置 ca，或检查时钟",
        "the certificate is not trusted: set ca, or look at the clock",
    ),
    (
        ("clock",),
        "密钥或时钟不对：核对 secret_file，并校准时钟",
        "the secret or the clock is off: mend both",
    ),
    (
        ("token_file", "secret_file", "password_file", "access_key", "its token", "corp_id", "agent_id", "`app`"),
        "密钥或编号不对：核对设置中的编号和密钥文件的内容",
        "the secret or an id does not fit: look at this channel's ids and secret files",
    ),
    (
        ("top it up", "arrears", "not opened"),
        "账户欠费或未开通：请充值、开通",
        "the account is empty or the product not opened: top it up, open it",
    ),
    (
        ("template", "sign_name", "`parameters`", "variable", "black list", "too long"),
        "短信签名、模板或内容不符：核对已审核的签名、模板和变量",
        "signature, template or content: compare them with what was approved",
    ),
    (
        ("address of", "person's number", "mail address", "no such member", "site file", "unsubscribed"),
        "此人的地址不对：在站点文件中改正",
        "the person's address is wrong: mend it in the site file",
    ),
    (
        ("give its", "give it the right", "may not", "可见范围", "its user"),
        "权限不足：在服务商后台给该密钥或应用授权",
        "a right is missing: give it to this key or application in the provider's console",
    ),
    (
        ("keyword", "IP address", "企业可信IP", "switched off", "dissolved", "removed", "not in the group"),
        "机器人设置不符：改用加签，或在群中重新添加机器人",
        "the robot's own settings: use its signature, or add it anew to the group",
    ),
    (
        ("over the", "limit", "quota", "too busy", "messages wait", "threads of this channel"),
        "超过限额：减少同时通知的人数，或增加另一条通道",
        "over the limit: tell fewer people at once, or add a channel",
    ),
    (
        ("was not taken",),
        "电话未接通：核对号码，确认手机在身边",
        "the call was not taken: check the number and where the phone is",
    ),
    (
        ("did not deliver",),
        "运营商未送达：核对号码与信号",
        "the network did not deliver it: check the number and the signal",
    ),
    (
        ("cannot connect", "cannot reach", "not be reached", "no answer", "connection broken", "HTTP 5", "no result"),
        "连不上：检查外网和对方服务；另加一条不经外网的通道",
        "it cannot be reached: check the internet and the service; add a way that needs neither",
    ),
)
"""What stands in a failure's words, and what to do about it; the first that fits."""


def remedy_of(fault: str, language: str) -> str:
    """What a person does about a failure, or "" where its own words have to do."""
    for needles, chinese, english in REMEDIES:
        if any(needle in fault for needle in needles):
            return english if language == "en" else chinese
    return ""
