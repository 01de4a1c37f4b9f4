"""The engine's reasons for a refusal in Chinese; it gives them in English."""

from __future__ import annotations

from typing import Final

from gateway.console.texts_duty import DUTY_REASONS
from gateway.console.texts_modes import MODE_REASONS

REASONS: Final[dict[str, str]] = {
    "unknown here, or over already": "找不到，或已经结束",
    "nothing sounds for this incident": "此事件没有正在响的声光",
    "already acknowledged by": "已确认：",
    "you took it on already: a second person is needed": "您已接手；还需要第二个人接手",
    "a false alarm needs its cause": "误报必须填写原因",
    "this alarm is already acknowledged": "此报警已确认",
    "the detector still reports the alarm: it must clear before a reset": "探测器仍在报警：恢复后才能复位",
    "only for alarms whose end the bridge may invent; this one can be reset once it has cleared": (
        "现场查看只用于恢复信号不可信的报警；此报警须先恢复"
    ),
    "nobody has acknowledged this alarm yet: acknowledge it first": "此报警尚未确认：请先确认",
    "this alarm does not latch: it ends by itself when its cause is gone": "此报警不锁存：原因消除后自行结束",
    "this alarm is over": "此报警已结束",
    "a test alarm: it is over when its detector clears; end the walk test to make it a real one": (
        "这是自检报警：探测器恢复后自行结束；如要按真实报警处理，请结束自检"
    ),
    "no walk test is running": "没有正在进行的自检",
    "a walk test is running already: end it first": "已有自检在进行：请先结束",
    "only the person who began the walk test can do this": "只有发起自检的人可以这样做",
    "the time limit must be 1 minute to 4 hours": "时限须为1分钟至4小时",
    "a zone of the scope is not in the site file": "所选区域不在站点文件中",
    "no detector in this scope can be tested this way": "所选范围内没有可以这样测试的探测器",
    "a real fire or gas alarm is open: deal with it and reset it first": "有真实的火警或燃气报警：请先处理并复位",
    "this device is not in the scope of the walk test": "此设备不在自检范围内",
    "an alarm of this device is always a real one": "此设备的报警一律按真实报警处理",
    "this detector is proven already; another alarm of it is a real one": "此探测器已验证；再次报警即为真实报警",
    "this device is in alarm: reset it first": "此设备正在报警：请先复位",
    "the test alarm in the other zone has not cleared yet: wait for it": "另一区域的自检报警尚未恢复：请等待",
    "this device has no open test alarm": "此设备没有进行中的自检报警",
    "this detector tells by itself when it has cleared: wait for it": "此探测器恢复时会自行上报：请等待",
    "not cleared within 2 minutes": "2分钟内未恢复",
    "a second alarm of the same detector": "同一探测器再次报警",
    "a real fire or gas alarm came": "出现真实的火警或燃气报警",
    "a second zone is in alarm": "第二个区域报警",
    "a manual call point was pressed": "有人按下手动报警按钮",
    "the walk test ended before it cleared": "自检结束时尚未恢复",
    "the procedure has no such step": "处置程序没有这一步",
    "too many steps are ticked off already": "已完成的步骤过多",
    "support was called for a moment ago": "刚刚已请求支援",
    "all proven": "全部验证完毕",
    "time limit": "到时自动结束",
    "ended by a person": "由人员结束",
    "walk test: it cleared": "自检：信号已恢复",
    "walk test: the tester says that it has stopped": "自检：测试人确认已停止",
    "walk test: ": "自检：",
    **MODE_REASONS,
    **DUTY_REASONS,
}
"""The engine's reasons for a refusal, which it gives in English. One that stands not here is shown as it is."""
