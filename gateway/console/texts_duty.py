"""The words of the page of duty, in Chinese and English."""

from __future__ import annotations

from typing import Final

DUTY_EVENTS: Final[dict[str, tuple[str, str]]] = {
    "handed_over": ("交接班", "handed over"),
    "handover_refused": ("交接班被拒", "hand-over refused"),
}

DUTY_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "zone.duty": ("值班", "Duty"),
    "nav.duty": ("值班", "Duty"),
    "duty.title": ("值班表", "Duty roster"),
    "duty.done": ("已保存，立即生效。", "Saved, and in force at once."),
    "duty.now": ("现在值班", "On duty now"),
    "duty.nobody": ("无人值班", "Nobody"),
    "duty.few": ("{present}人在岗，应有{needed}人", "{present} on duty, {needed} are needed"),
    "duty.next_day": ("次日{time}", "{time} next day"),
    "duty.not_needed": ("此时段不设岗", "Not needed now"),
    "duty.until": ("至 {time}", "until {time}"),
    "duty.next": ("下一班 {time}：{people}", "Next, {time}: {people}"),
    "duty.no_change": ("一个月内不换班", "No change within a month"),
    "duty.gaps": ("未来30天的缺口", "Gaps of the next 30 days"),
    "duty.no_gaps": ("没有缺口", "No gaps"),
    "duty.more": ("另有{count}处", "{count} more"),
    "duty.week": ("周", "Week"),
    "duty.month": ("月", "Month"),
    "duty.earlier": ("← 前", "← Earlier"),
    "duty.later": ("后 →", "Later →"),
    "duty.today": ("今天", "Today"),
    "duty.holiday": ("假", "holiday"),
    "duty.missing": ("缺岗", "missing"),
    "duty.all_free": ("不设岗", "not needed"),
    "duty.no_posts": (
        "站点文件里还没有岗位：写 [[post]] 和 [[shift]] 后，这里显示谁在何时值班。",
        "The site file has no posts yet: with [[post]] and [[shift]] this page shows who is on duty when.",
    ),
    "duty.change": ("调整排班", "Change the roster"),
    "duty.substitute": ("替班或请假", "A substitute, or somebody away"),
    "duty.substitute_hint": (
        "替班人只在被替人当班的时段顶上。不选替班人＝请假；不选被替人＝加一个人。",
        "The substitute is there only while the other would be. Nobody chosen to stand in: away. Nobody chosen to be "
        "away: one person more.",
    ),
    "duty.post": ("岗位", "Post"),
    "duty.every_post": ("所有岗位", "Every post"),
    "duty.from": ("从", "From"),
    "duty.to": ("到", "Until"),
    "duty.stands_in": ("谁来顶班", "Who stands in"),
    "duty.nobody_stands_in": ("（无人顶班）", "(nobody)"),
    "duty.instead_of": ("替谁", "Instead of"),
    "duty.beside": ("（加一个人）", "(one person more)"),
    "duty.reason": ("原因", "Reason"),
    "duty.save": ("保存", "Save"),
    "duty.overrides": ("已登记的替班与请假", "Substitutes and absences"),
    "duty.instead_words": ("{person} 替 {away}", "{person} instead of {away}"),
    "duty.away_words": ("{away} 请假，无人顶班", "{away} is away, nobody stands in"),
    "duty.beside_words": ("加 {person}", "{person} as well"),
    "duty.withdraw": ("撤销", "Withdraw"),
    "duty.shifts": ("班次人员", "People of the shifts"),
    "duty.group": ("第{number}组", "Group {number}"),
    "duty.every_days": ("每{count}天轮换", "turns of {count} days"),
    "duty.add": ("加人", "Add"),
    "duty.remove": ("移出 {person}", "Take {person} off"),
    "duty.handover": ("交接班", "Hand over"),
    "duty.handover_hint": (
        "两人都要写上姓名；未接班时写明原因，原值班人继续在岗，并通知院长。",
        "Both names are written down. Where it is not taken over, say why: who is there stays, and the director is "
        "told.",
    ),
    "duty.outgoing": ("交班人", "Who leaves"),
    "duty.incoming": ("接班人", "Who comes"),
    "duty.note": ("交班记录", "What happened on the shift"),
    "duty.open_items": ("未完事项（一行一条）", "What is still to be done, one a line"),
    "duty.refused_because": ("未接班的原因（接班了就留空）", "Why it was not taken over (empty where it was)"),
    "duty.last_handovers": ("最近的交接班", "The last hand-overs"),
    "duty.refused": ("未接班：{why}", "not taken over: {why}"),
    "duty.is_substitute": ("替班（不在排班表上）", "substitute (not on the roster)"),
    "duty.people": ("人员与证书", "People and certificates"),
    "duty.no_channel": ("无可用联系方式", "no channel that may be used"),
    "duty.no_consent": ("未同意", "no consent"),
    "duty.off": ("未在岗", "not on duty"),
    "duty.expires": ("至 {day}", "until {day}"),
    "duty.assigned": ("{begin} 至 {end}", "{begin} to {end}"),
    "duty.contacts": ("外部联系人", "Contacts elsewhere"),
    "duty.bad_time": ("请填写开始和结束时间", "Fill in from when until when"),
    "duty.no_writer": ("此控制台不能改写站点文件", "This console cannot change the site file"),
    "duty.days": ("一,二,三,四,五,六,日", "Mon,Tue,Wed,Thu,Fri,Sat,Sun"),
    "verb.hand_over": ("交接班", "Hand over"),
}

DUTY_REASONS: Final[dict[str, str]] = {
    "there is no such post in the site file": "站点文件中没有此岗位",
    "a hand-over needs the names of two people of the site file, who leaves and who comes": (
        "交接班要写上站点文件中的两个人：交班人和接班人"
    ),
    "who leaves and who comes are the same person": "交班人和接班人是同一个人",
    "the note, the open items and the reason have at most 2,000 letters each": "记录、未完事项和原因各不超过2000字",
}
