"""The words of the tests of phones and channels: the page of a home, and the page behind a test's link."""

from __future__ import annotations

from typing import Final

CHANNEL_TEST_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "nav.channel_tests": ("送达自检", "Channel tests"),
    "zone.phones": ("送达电话与通道", "phones and channels"),
    "tests.title": ("电话与通道自检", "Tests of phones and channels"),
    "tests.what": (
        "每个人的每个通道每天自检一次（语音每周一次）；迟到、失败或无人确认的排在其他通道之后呼叫，火警等危险仍会呼叫，并告知院长。",
        "Every channel of every person is tested daily (voice weekly). One that is late, fails or is not confirmed "
        "is used after the others, and for dangers all the same; the director is told.",
    ),
    "tests.nobody": ("没有人登记联系方式", "Nobody has a channel"),
    "tests.never": ("还没有自检过", "not tested yet"),
    "tests.tested": ("自检于 {time}", "tested at {time}"),
    "tests.proven": ("上次送达 {time}", "last reached at {time}"),
    "tests.lag": ("用时 {seconds} 秒", "took {seconds} s"),
    "tests.awaited": ("等待确认，至 {time}", "to be confirmed until {time}"),
    "tests.now": ("现在自检", "Test now"),
    "tests.now_for": ("现在自检：{who}", "Test now: {who}"),
    "tests.asked": ("已安排自检，几秒后显示结果；语音会真的拨打。", "The test is on its way; a call really rings."),
    "tests.unknown_name": ("没有这个人或通道", "There is no such person or channel"),
    "tests.unavailable": ("此网关没有在运行自检", "No tests run in this gateway"),
    "standing.unknown": ("尚未证实", "Not proven yet"),
    "standing.proven": ("正常", "Works"),
    "standing.late": ("迟到", "Late"),
    "standing.unconfirmed": ("无人确认", "Not confirmed"),
    "standing.overdue": ("久未自检", "Not tested any more"),
    "standing.failed": ("失败", "Failed"),
    "test.title": ("确认收到自检消息", "Confirm the test message"),
    "test.what": (
        "这不是报警。{name}（{home}）收到了经“{channel}”发送的自检消息吗？",
        "This is no alarm. Did {name} ({home}) get the test message sent over “{channel}”?",
    ),
    "test.confirm": ("收到了", "It arrived"),
    "test.done": ("已确认，谢谢。无需做其他事。", "Confirmed, thank you. Nothing else is asked of you."),
    "test.expired": ("此链接已过期：请打开最近一条自检消息。", "This link is too old: open the last test message."),
    "test.forged": ("此链接不完整或不是本系统发出的。", "This link is cut, or not ours."),
    "test.unknown": ("此人已不在该机构的名单中。", "This person is not on the home's list any more."),
}
