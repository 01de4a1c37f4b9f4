"""The page of escalation for a director: the pictures and numbers of docs/escalation.md, written from the stated plans.

`python -m gateway.escalation_page docs/escalation.md` writes it; a test says when it is no longer current.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

from rules.alarm import Category
from rules.incidents import FLOOD_TOLD_EVERY, GROWTH_TOLD_WITHIN, REANNOUNCE_AFTER
from rules.pace import NIGHT, NIGHT_FACTOR, OFF_SITE_WITHIN, PACE_MIN, RESIDENTS_FACTOR
from rules.parse_plan import default_plan
from rules.reply_code import CODES
from rules.site import CHANNEL_WAIT, Chain, Channel, Person, Plan, ResidentClass, Until
from rules.verification import PROGRESS_WITHIN

_ROLES: Final = {
    "carer": "护理员 / carers",
    "director": "院长 / director",
    "township": "乡镇值班 / township duty",
    "guidance": "消防安全指导队伍 / guidance team",
    "rescue": "救援专线 / rescue line",
}
_PEOPLE: Final = tuple(Person(id=role, name=role, role=role, channels=(Channel("phone"),)) for role in _ROLES)
_CATEGORIES: Final = {
    Category.FIRE: "火警 / fire",
    Category.GAS: "燃气 / gas",
    Category.PERSON: "跌倒、求助 / person",
    Category.ELECTRICAL: "电气火灾 / electrical",
    Category.SUPERVISORY: "监管 / supervisory",
    Category.TROUBLE: "故障 / trouble",
    Category.VIDEO: "视频 / video",
}
_RESIDENTS: Final = {
    ResidentClass.PARTLY_DEPENDENT: "半失能 / partly dependent",
    ResidentClass.DEPENDENT: "失能 / dependent",
    ResidentClass.DEMENTIA: "失智 / dementia",
}
_UNTIL: Final = {
    Until.ACKNOWLEDGED_BY_ONE: "一人接手 / one person takes it on",
    Until.ACKNOWLEDGED_BY_TWO: "两人接手 / two persons take it on",
    Until.VERIFIED: "有人接手并给出复核结论 / somebody takes it on, and a verdict stands",
}
_GROUPS: Final = (
    (Category.FIRE, Category.GAS, Category.PERSON),
    (Category.ELECTRICAL,),
    (Category.SUPERVISORY, Category.TROUBLE, Category.VIDEO),
)
_HEAD: Final = """# 谁在什么时候接到呼叫 / Who is called, and when

This page is written by `gateway/escalation_page.py` from the stated plans in `rules/parse_plan.py`; a test keeps it
current. It shows what a home has whose site file says nothing of plans; `[[plan]]` tables in the site file replace
them, category by category (`deploy/sites/home-a.toml` shows every option).

一次报警属于一个事件；每一级没有人接手，就叫下一级；最后一级一直重复，直到有人接手。县级链与院内链同时运行。
程序从不拨打 119：它给出报警时要说的话。

An alarm belongs to an incident. Nobody takes it on: the next step. The last one repeats until somebody does. The
county's chain runs beside the home's. The program never dials 119: it shows what to say.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, *(_picture(group) for group in _GROUPS), _pace(), _ends(), _limits()]
    return "\n".join(parts)


def _picture(group: tuple[Category, ...]) -> str:
    plan = default_plan(group[0], _PEOPLE)
    if any((other := default_plan(each, _PEOPLE)).steps != plan.steps or other.chains != plan.chains for each in group):
        raise ValueError(f"the plans of {[each.value for each in group]} are not the same any more")
    title = "、".join(_CATEGORIES[each] for each in group)
    lines = [f"## {title}", "", "```mermaid", "flowchart LR", f'  A(["{"<br>".join(_CATEGORIES[c] for c in group)}"])']
    for number, chain in enumerate(plan.all_chains):
        lines += _chain_lines(chain, f"{'HC'[number > 0]}", plan)
    return "\n".join([*lines, "```", ""])


def _chain_lines(chain: Chain, letter: str, plan: Plan) -> list[str]:
    lines, before, since = [], "A", timedelta(0)
    for number, step in enumerate(chain.steps, 1):
        since += step.after
        roles = [name.partition(":")[2] for name in step.tell]
        who = "<br>".join(_ROLES.get(role, "本院所有人 / everybody") for role in roles)
        name = f"{letter}{number}"
        lines += [f'  {name}["{_span(since)}<br>{who}"]', f"  {before} --> {name}"]
        before = name
    times = f"，{chain.repeats_max}×" if chain.repeats_max and not plan.category.endangers_people else ""
    return [*lines, f'  {before} -- "再次 / again: {_span(chain.repeat_every)}{times}" --> {before}']


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size and not seconds % size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _pace() -> str:
    clock = [f"{minute // 60:02}:{minute % 60:02}" for minute in (NIGHT.begins, NIGHT.ends)]
    half_minute = timedelta(seconds=30)
    rows = [f"| {words} | × {factor:g} | {_span(half_minute * factor)} |" for words, factor in (
        (f"夜间 / at night ({clock[0]}–{clock[1]})", NIGHT_FACTOR),
        *((_RESIDENTS[kind], factor) for kind, factor in RESIDENTS_FACTOR.items()),
    )]
    return "\n".join([
        "## 什么时候更快 / What makes it faster",
        "",
        "只对危及人身的报警（火警、燃气、跌倒求助）；原因写在时间线上。",
        "For dangers to people only; the reason stands on the timeline. `hastened = false` in a plan takes its delays",
        "as written; a plan with its own `when` or `residents` is not shortened a second time for these.",
        "",
        "| when | delays | 30 s become |",
        "|---|---|---|",
        *rows,
        f"| 两者 / both, at the shortest | × {PACE_MIN:.2f} | {_span(timedelta(seconds=round(30 * PACE_MIN)))} |",
        "",
        f"单人值班（`single_staffed = true`，或值班护理员只有一人）：{_span(OFF_SITE_WITHIN)} 内叫到护理员以外的人。",
        f"One carer alone: somebody else than the carers is called within {_span(OFF_SITE_WITHIN)}, in every chain.",
        "",
    ])


def _ends() -> str:
    rows = [f"| `{until.value}` | {words} |" for until, words in _UNTIL.items()]
    limits = [f"| {_CATEGORIES[category]} | {_span(limit)} |" for category, limit in PROGRESS_WITHIN.items()]
    return "\n".join([
        "## 到什么为止 / What ends it",
        "",
        "| `until` | |",
        "|---|---|",
        *rows,
        "",
        "接手后没有结论，也没有结束，就从头再来 / Taken on, but neither a verdict nor an end: it begins anew after",
        "",
        "| | `re_alarm_after` |",
        "|---|---|",
        *limits,
        "",
    ])


def _limits() -> str:
    return f"""## 还要知道 / What else holds

- **一级无人可叫**：立即转下一级，并通知院长和本院所有人。
  A step that reaches nobody: the next at once, and everybody is told.
- **消息被拒**：立即用此人的下一个通道；全部被拒，立即转下一级。无人确认的通道，{_span(CHANNEL_WAIT)} 后用下一个。
  A refusal: the person's next channel at once; all refused: the next step at once. A channel that nobody confirms is
  followed by the next one after {_span(CHANNEL_WAIT)}.
- **最后一级重复时**，危及人身的报警同时使用此人的所有通道。
  When the last step of a danger repeats, all channels are used at once.
- **火警连发**：新的探测器立即告知；一分钟内三处以上，每 {_span(FLOOD_TOLD_EVERY)} 一条，列出全部。
  A new detector is told at once; of a flood people hear every {_span(FLOOD_TOLD_EVERY)}, with the whole list. Nothing
  else ever delays a fire.
- **故障连发**：合并成一条，写明数量；停歇 {_span(REANNOUNCE_AFTER)} 后发出，最迟 {_span(GROWTH_TOLD_WITHIN)}。
  What joins a trouble is one message with the count, once it rests for {_span(REANNOUNCE_AFTER)}, at the latest after
  {_span(GROWTH_TOLD_WITHIN)}.
- **短信回码**：每个未结束的事件有两位数字；{CODES} 个都在用时，新事件没有回码，用链接、电话、按钮或控制台接手。
  Every open incident has two digits; while {CODES} are in use a new one has none, and is taken on by link, call, button
  or console.
- **重复接手**：同一人、第二个人、旧页面、复位之后，各有明确答复，什么都不会丢。
  Taking it on twice, as the second, from an old page, after the reset: each has a clear answer.
- **断电或重启**：没有人被忘记；可能已发过一次的消息以同一编号再发，计数并写在时间线上。
  After a restart nobody is forgotten; what was perhaps handed over already goes out again under the same id, counted
  and explained on the timeline.
"""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
