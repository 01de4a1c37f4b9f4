"""The words of shelving, out of service, maintenance and drills, in Chinese and English."""

from __future__ import annotations

from typing import Final

from gateway.console.texts_outcomes import OUTCOME_TEXTS

MODE_EVENTS: Final[dict[str, tuple[str, str]]] = {
    "held": ("停止呼叫（屏蔽）", "held back"),
    "released": ("恢复呼叫", "calls again"),
    "re_alarmed": ("确认后无进展，再次报警", "no progress, alarmed again"),
    "unanswered": ("15秒内无人确认", "nobody acknowledged within 15 s"),
    "attended": ("有人到场（待复核）", "somebody came (resolved, unverified)"),
    "orphaned": ("规则或设备已不在配置中，仍待处理", "its rule or device is gone, still to be dealt with"),
    "spread": ("继续蔓延，汇总通知", "it spreads, told together"),
    "explained": ("由此报警引起（不另行呼叫）", "explained by this alarm, calls nobody"),
    "shelved_began": ("暂时屏蔽", "shelved"),
    "shelved_ended": ("暂时屏蔽结束", "shelved no more"),
    "out_of_service_began": ("停用", "out of service"),
    "out_of_service_ended": ("恢复使用", "back in service"),
    "maintenance_began": ("检修开始", "maintenance began"),
    "drill_started": ("演练开始", "drill began"),
    "drill_ended": ("演练结束", "drill ended"),
    "maintenance_ended": ("检修结束", "maintenance ended"),
}

MODE_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "nav.modes": ("演练与屏蔽", "Drills and holds"),
    "modes.title": ("演练、检修与屏蔽", "Drills, maintenance and what is held back"),
    "modes.done": ("已执行。", "Done."),
    "modes.second_failed": (
        "第二人的账号或密码不对，或无权操作该机构。什么都没有改变。",
        "The second person's account or password is wrong, or may not act here. Nothing was changed.",
    ),
    "drill.title": ("消防演练", "Drill"),
    "drill.hint": (
        "由所选探测器“发出”信号，走完整的呼叫、声光、确认、复核、复位；每条消息都标明“演练”。任何真实报警立即结束演练。",
        "The chosen detector “speaks”: calls, sounders, acknowledgement, verdict and reset run as ever, and every "
        "message is marked DRILL. Any real alarm ends it at once.",
    ),
    "drill.device": ("由哪个探测器发出", "Which detector speaks"),
    "drill.start": ("开始演练", "Begin the drill"),
    "drill.end": ("结束演练", "End the drill"),
    "drill.running": ("演练进行中", "A drill is running"),
    "drill.none": ("没有正在进行的演练", "No drill is running"),
    "drill.sheet": ("演练计时表", "Timing sheet"),
    "drill.not_done": ("未做", "not done"),
    "drill.sheets": ("演练与测试报警记录", "Sheets of drills and test alarms"),
    "drill.sheets_none": ("还没有记录", "No sheet yet"),
    "drill.sheet_title": ("演练与测试报警记录单", "Sheet of a drill or test alarm"),
    "drill.monthly": ("每月测试报警", "Monthly test alarm"),
    "drill.kind": ("类型", "Kind"),
    "drill.begun_by": ("发起", "Begun by"),
    "drill.by_schedule": ("系统自动发起", "by itself, as scheduled"),
    "drill.told": ("已通知", "Told"),
    "drill.lines": ("过程", "What happened"),
    "drill.complete": ("全部完成：已确认、复核、复位", "Complete: taken on, judged and reset"),
    "drill.answered": ("有人应答，但未走完全程", "Answered, but not carried through"),
    "drill.unanswered": ("无人应答", "Nobody answered"),
    "drill.says": (
        "本单由系统根据日志生成：信号由所选探测器“发出”，经呼叫、声光、确认、复核、复位全流程；时间从发出信号起算。",
        "Made from the journal: the chosen detector “spoke”; calls, sounders, acknowledgement, verdict and reset "
        "ran as ever. Times count from the signal.",
    ),
    "drill.sign": ("负责人签字", "Signature of who is in charge"),
    "mark.drill": ("演练", "DRILL"),
    "held.title": ("正在屏蔽", "Held back now"),
    "held.none": ("没有屏蔽任何报警", "Nothing is held back"),
    "held.shelved": ("暂时屏蔽", "Shelved"),
    "held.out_of_service": ("停用", "Out of service"),
    "held.maintenance": ("检修", "Maintenance"),
    "held.end": ("结束", "End it"),
    "held.reason": ("原因", "Reason"),
    "held.substitute": ("替代措施", "Substitute measure"),
    "held.second": ("第二人账号", "Account of the second person"),
    "held.second_password": ("第二人密码", "Password of the second person"),
    "held.once": ("直到恢复一次", "until it clears once"),
    "held.shelve": ("暂时屏蔽", "Shelve"),
    "held.shelve_hint": (
        "屏蔽期间照常记录，但不呼叫；到时仍未恢复即重新呼叫。",
        "It is recorded as ever but calls nobody; if it is still there at the end, it calls again.",
    ),
    "held.take_out": ("停用设备", "Take a device out of service"),
    "held.take_out_hint": (
        "停用期间此设备的任何报警（包括火警）都不呼叫：须两人确认、写明替代措施，最长8小时，到时自动恢复。",
        "No alarm of it calls anybody, fire included: two persons, a substitute measure, 8 hours at the most; it "
        "returns by itself.",
    ),
    "maintenance.title": ("检修", "Maintenance"),
    "maintenance.hint": (
        "范围内的故障、监管、电气、视频报警不呼叫；火警、燃气、人员报警照常。",
        "Troubles, supervisory, electrical and video alarms there call nobody; fire, gas and persons do as ever.",
    ),
    "maintenance.second_hint": (
        "范围内有火灾或燃气探测时，须由第二人用自己的账号密码确认；已在呼叫而无人确认的报警继续呼叫。",
        "Where detection of fire or gas stands in the scope, a second person confirms it with an own password. What "
        "calls already and nobody took on goes on calling.",
    ),
    "held.no_device": ("此报警没有可停用的设备。", "There is no device behind this alarm that could be taken out."),
    "held.others": ("其他设备、检修与演练", "Other devices, maintenance, drills"),
    "maintenance.start": ("开始检修", "Begin maintenance"),
    "item.hold": ("屏蔽或停用", "Shelve, or take out of service"),
    **OUTCOME_TEXTS,
}

MODE_REASONS: Final[dict[str, str]] = {
    "no drill is running": "没有正在进行的演练",
    "a drill is running already: end it first": "已有演练在进行：请先结束",
    "a walk test is running: end it first": "自检正在进行：请先结束",
    "a drill lasts 1 minute to 2 hours": "演练时限须为1分钟至2小时",
    "choose a detector of fire, gas or persons in danger that the site file names": (
        "请选择站点文件中的火灾、燃气或人员求助探测器"
    ),
    "a real alarm of fire, gas or a person is open: deal with it and reset it first": (
        "有真实的火警、燃气或人员报警：请先处理并复位"
    ),
    "a real alarm came: this is no drill": "出现真实报警：这不是演练",
    "the drill is completed": "演练完成",
    "nobody has acknowledged this alarm: it is being announced as it is": "此报警尚未确认：呼叫仍在进行",
    "nobody has said what it was: look on site and give the verdict with its outcome first": (
        "还没有复核结论：请先到现场查看，选择处置结果"
    ),
    "acknowledged, but no verdict came in time": "已确认，但未按时给出复核结果",
    "judged false or a test, but the detector still reports the alarm": "误报判定后仍在报警",
    "judged real, and not over yet": "判定属实后仍未结束",
    "nobody acknowledged within 15 s": "15秒内无人确认",
    "this outcome does not go with that verdict": "处置结果与复核结论不一致",
    "a time beside an outcome is one of those asked for, and not in the future": "所填时间有误，或晚于现在",
    "somebody taken to hospital: write down when 120 was called, or when they left": (
        "紧急送医：请填写拨打120或离开的时间"
    ),
    "held back: it belongs to no incident while it calls nobody": "已屏蔽：不呼叫期间不属于任何事件",
    "this alarm can't be shelved: take its device out of service instead": "此报警不能暂时屏蔽：请改为停用设备",
    "shelved for 1 minute up to the limit of its rule, no longer": "屏蔽时长须为1分钟至规则上限",
    "a reason is needed": "必须填写原因",
    "it is shelved already: end that first": "已在屏蔽中：请先结束",
    "it is not active now: there is no clearing to wait for": "此报警现在未动作：没有恢复可等",
    "too much is held back already": "屏蔽的内容已达上限",
    "it is not shelved": "此报警未被屏蔽",
    "no device of the site file has this name": "站点文件中没有此设备",
    "this device is out of service already": "此设备已停用",
    "a substitute measure is needed: what watches there meanwhile (a patrol, a second detector)": (
        "必须填写替代措施：停用期间由什么看护（巡查、其他探测器）"
    ),
    "a second person must confirm it, another one than the first": "须由另一人确认",
    "the second person must be one of the people of the site file": "第二人须是站点文件中的人员",
    "a danger is open in its zone: look on site and give the verdict (false or test) there first": (
        "所在区域有未复核的危险报警：请先到现场查看并给出复核结果（误报或测试）"
    ),
    "another danger is open in its zone": "所在区域有另一危险报警",
    "fire or gas detection stands in this scope: a second person must confirm the maintenance": (
        "所选范围内有火灾或燃气探测：检修须由第二人确认"
    ),
    "for 1 minute to 8 hours, no longer": "时长须为1分钟至8小时",
    "this device is in alarm: acknowledge it, look on site and give the verdict (false or test) first": (
        "此设备正在报警：请先确认、到现场查看并给出复核结果（误报或测试）"
    ),
    "this device is not out of service": "此设备未停用",
    "no such maintenance is under way": "没有这项检修",
    "a zone or device of the scope is not in the site file": "所选区域或设备不在站点文件中",
    "explained by another alarm": "由另一报警引起",
    "its device has a new name in the site file": "站点文件中设备已改名",
    "rule or device no longer in the configuration": "规则或设备已不在配置中",
    "its device is no longer in the configuration": "设备已不在配置中",
    "still there after its cause was over": "起因消除后仍未恢复",
    "last alarm held back": "最后一个报警已屏蔽",
    "it cleared": "已恢复",
    "maintenance": "检修",
}
