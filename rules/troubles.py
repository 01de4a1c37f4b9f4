"""The engine's own alarms: what no rule pack should have to say (links, unreadable packets, strangers, the clock)."""

from __future__ import annotations

from datetime import timedelta

from rules.alarm import Category
from rules.alarms import FALLBACK
from rules.cause import Cause
from rules.text import Text

UNASSIGNED = "unassigned"
"""The zone of what has no place in the site file."""

CLEARS_AFTER = timedelta(minutes=10)
"""A trouble about single packets ends when none came for this long."""

ROSTER_RULE = "gateway.roster"
HANDOVER_RULE = "gateway.handover"
"""The rules of a gap in the roster, and of a post that nobody took over."""

_DANGER_TITLES = {
    Category.FIRE: Text("火警", "Fire"),
    Category.GAS: Text("燃气报警", "Gas alarm"),
    Category.PERSON: Text("人员报警", "Person alarm"),
}


_LOST_FOR_GOOD = ("session:", "journal-gap")


def link_down(link: str, detail: str) -> Cause:
    """A link or a part of the gateway itself does not work.

    What was lost for good (a broker's session, a stretch of the journal) latches: a person has to see it.
    """
    return Cause(
        rule="gateway.link",
        title=LINK_DOWN,
        category=Category.TROUBLE,
        priority=3,
        latch=link.startswith(_LOST_FOR_GOOD),
        subject=f"link:{link}",
        zone="gateway",
        detail=detail,
    )


def roster_gap(post: str, detail: str) -> Cause:
    """A post will be without somebody fit for it within a day, or is so now (supervisory)."""
    return _of_duty(ROSTER_RULE, ROSTER_GAP, post, detail)


def handover_refused(post: str, detail: str) -> Cause:
    """Who should take a post over refused: who wanted to leave still has it (supervisory)."""
    return _of_duty(HANDOVER_RULE, HANDOVER_REFUSED, post, detail)


def _of_duty(rule: str, title: Text, post: str, detail: str) -> Cause:
    return Cause(
        rule=rule,
        title=title,
        category=Category.SUPERVISORY,
        priority=3,
        latch=False,
        subject=f"post:{post}",
        zone=DUTY,
        detail=detail,
    )


def packet_trouble(rule: str, title: Text, subject: str, zone: str, detail: str) -> Cause:
    """Packets that cannot be used: a trouble that ends when none came for `CLEARS_AFTER`."""
    return Cause(
        rule=rule,
        title=title,
        category=Category.TROUBLE,
        priority=4,
        latch=False,
        subject=subject,
        zone=zone,
        detail=detail,
    )


def phone_unproven(person: str, channel: str, detail: str) -> Cause:
    """A channel of a person did not pass its test. It stands in a zone of its own: one incident for all phones."""
    return Cause(
        rule="gateway.phone",
        title=PHONE_UNPROVEN,
        category=Category.TROUBLE,
        priority=3,
        latch=False,
        subject=f"phone:{person}/{channel}",
        zone=PHONES,
        detail=detail,
    )


DUTY = "duty"
"""The zone of a gap in the roster, and of a post that nobody took over."""

PHONES = "phones"
"""The zone of what is wrong with the ways to people."""

PHONE_UNPROVEN = Text("电话或通道未通过自检", "A phone or channel did not pass its test")
TEST_MISSED = Text("测试报警未完成", "A test alarm was not done")
LINK_DOWN = Text("网关链路或部件故障", "Link or part of the gateway down")
ROSTER_GAP = Text("值班缺口", "Gap in the duty roster")
HANDOVER_REFUSED = Text("交接班被拒", "Hand-over refused")
UNDECODABLE = Text("报文无法解读", "Unreadable packet")
REFUSED = Text("报文被拒收", "Packet refused")
FAULTED = Text("报文处理出错，已隔离", "Input faulted and was set aside")
STEPPED = Text("时钟跳变", "Clock stepped")
IMPLAUSIBLE = Text("测量值不可信", "Value not plausible")

_TITLES = {
    "gateway.undecodable": UNDECODABLE,
    "gateway.refused": REFUSED,
    "gateway.faulted": FAULTED,
    "gateway.clock": STEPPED,
    "gateway.link": LINK_DOWN,
    ROSTER_RULE: ROSTER_GAP,
    HANDOVER_RULE: HANDOVER_REFUSED,
    "gateway.phone": PHONE_UNPROVEN,
    "gateway.test_alarm": TEST_MISSED,
}


def title_of(rule: str) -> Text | None:
    """The title of an alarm of the engine's own by its rule; None for rules of the packs."""
    if rule.startswith("gateway.implausible."):
        return IMPLAUSIBLE
    category = danger(rule.rpartition(".")[2]) if rule.startswith(FALLBACK) else None
    return fallback_title(category) if category is not None else _TITLES.get(rule)


def fallback_title(category: Category) -> Text:
    """The title of the alarm that stands for a danger whose words nobody could read."""
    title = _DANGER_TITLES[category]
    return Text(f"{title.zh}？设备有报文但无法解读", f"{title.en}? Device spoke, content unreadable")


def fallback(category: Category, subject: str, zone: str, detail: str) -> Cause:
    """A device that watches for a danger spoke, and nobody could read it: taken for the danger (never swallowed).

    It calls people like the danger itself, but does not go before a detector that can be read, nor confirm one.
    """
    return Cause(
        rule=f"{FALLBACK}{category.value}",
        title=fallback_title(category),
        category=category,
        priority=2,
        latch=True,
        subject=subject,
        zone=zone,
        detail=detail,
        clears_are_trusted=False,
    )


def stranger(category: Category, subject: str, point: str, *, found: bool, detail: str = "") -> Cause:
    """A device that nobody registered is in alarm: raised all the same, in the zone `unassigned`."""
    title = _DANGER_TITLES[category]
    return Cause(
        rule=f"gateway.unregistered.{point}",
        title=Text(f"{title.zh}（未登记设备）", f"{title.en} (unregistered device)"),
        category=category,
        priority=1,
        latch=True,
        subject=subject,
        zone=UNASSIGNED,
        point=point,
        value="true",
        detail=detail,
        found=found,
        clears_are_trusted=False,
    )


def danger(category: str) -> Category | None:
    """The category as a danger to people, or None."""
    if category in (Category.FIRE.value, Category.GAS.value, Category.PERSON.value):
        return Category(category)
    return None
