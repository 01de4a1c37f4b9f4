"""The page of alarm states: the diagram and the table of docs/alarm-states.md, written from the table of transitions.

`python -m gateway.alarm_states_page docs/alarm-states.md` writes it; a test says when it is no longer current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rules.alarm import SuppressionKind
from rules.incident import Finding, VerdictKind
from rules.lifecycle import TABLE, Move, Phase
from rules.verification import ACKNOWLEDGE_WITHIN, NEEDS_VERDICT, PROGRESS_WITHIN, VERIFY_WITHIN

_PHASES = {
    Phase.ACTIVE: "报警，未确认 / active",
    Phase.ACTIVE_ACKNOWLEDGED: "报警，已确认 / active, acknowledged",
    Phase.LATCHED_ACTIVE: "报警（锁存），未确认 / active, latched",
    Phase.LATCHED_ACTIVE_ACKNOWLEDGED: "报警（锁存），已确认 / active, latched, acknowledged",
    Phase.LATCHED: "已恢复，未确认，待复位 / latched",
    Phase.LATCHED_ACKNOWLEDGED: "已恢复，已确认，待复位 / latched, acknowledged",
    Phase.CLOSED: "已结束 / over",
}
_MOVES = {
    Move.TRIP: "再次报警 / trip",
    Move.RETURN: "信号恢复 / return",
    Move.ACKNOWLEDGE: "确认 / acknowledge",
    Move.RESET: "复位 / reset",
    Move.RESET_CHECKED: "现场查看后复位 / reset, checked on site",
    Move.RE_ALARM: "确认后无进展 / no progress",
}
_HEAD = """# 报警的状态 / The states of an alarm

This page is written by `gateway/alarm_states_page.py` from the table in `rules/lifecycle.py`; a test keeps it current.

An alarm has four independent axes: **active**, **latched**, **acknowledged** and **suppression**. The diagram shows the
first three. A move that leads nowhere in it is refused with a reason and changes nothing. *Reset, checked
on site* ends an alarm that still reads active only where its clears are not trusted.

```mermaid
stateDiagram-v2
"""
_SUPPRESSION = """
## 屏蔽 / Suppression

Independent of every move above ({kinds}). What is held back is raised, recorded and shown; it
calls nobody. A maintenance leaves alone what calls already and nobody took on. When a hold ends, what is still open is
announced anew as if nobody had acknowledged it.

| how | for | who | ends |
|---|---|---|---|
| 暂时屏蔽 shelved | no danger to people | one person, with a reason | limit of its rule; once: when inactive |
| 停用 out of service | a device, a place; dangers too | two persons, reason, substitute | at most 8 h, by itself |
| 检修 maintenance | zones, devices; no danger to people | a person; over fire detection two | at most 8 h, by itself |
| 联动屏蔽 by design | what another alarm explains | `suppressed_by` of a rule | 100 s after its cause |
"""


_VERDICT = """
## 复核才能复位 / No reset without a verdict

An alarm of fire or gas, or of a rule with `verify`, is reset only when the verdict on its incident stands with its
outcome. Until then a reset is refused: *{refusal}*.
It holds for each alarm and for the whole incident, for a confirmed fire, and for a drill too. A further detector ends
the verdict "false" or "test": then it has to be given anew.

| verdict | outcomes |
|---|---|
"""


def page() -> str:
    """The whole page."""
    return "".join((_HEAD, _diagram(), "```\n\n", _table(), _verdict(), _limits(), _suppression()))


def _verdict() -> str:
    lines = [
        f"| {kind.value} | {', '.join(f'`{finding.value}`' for finding in Finding if finding.kind is kind)} |"
        for kind in VerdictKind
    ]
    return _VERDICT.replace("{refusal}", NEEDS_VERDICT) + "\n".join(lines) + "\n"


def _diagram() -> str:
    lines = [f"    {phase.name} : {words}" for phase, words in _PHASES.items() if phase is not Phase.CLOSED]
    lines += ["    [*] --> ACTIVE : 不锁存 / not latching", "    [*] --> LATCHED_ACTIVE : 锁存 / latching"]
    for phase, moves in TABLE.items():
        for move, target in moves.items():
            if isinstance(target, Phase) and target is not phase:
                end = "[*]" if target is Phase.CLOSED else target.name
                lines.append(f"    {phase.name} --> {end} : {_MOVES[move]}")
    return "\n".join(lines) + "\n"


def _table() -> str:
    lines = [
        "| state | " + " | ".join(_MOVES[move] for move in Move) + " |",
        "|---|" + "---|" * len(Move),
    ]
    for phase, moves in TABLE.items():
        cells = [_PHASES[target] if isinstance(target, Phase) else f"✗ {target}" for target in map(moves.get, Move)]
        lines.append(f"| **{_PHASES[phase]}** | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _limits() -> str:
    lines = [
        "",
        "## 时限 / Limits",
        "",
        f"A fire is verified beside the escalation, which never waits: {ACKNOWLEDGE_WITHIN.seconds} s to acknowledge,",
        f"{VERIFY_WITHIN.seconds} s from then to the verdict. What somebody took on without a verdict or its end is",
        "announced anew after:",
        "",
        "| category | after |",
        "|---|---|",
    ]
    lines += [f"| {one.value} | {int(limit.total_seconds()) // 60} min |" for one, limit in PROGRESS_WITHIN.items()]
    return "\n".join(lines) + "\n"


def _suppression() -> str:
    kinds = ", ".join(f"`{kind.value}`" for kind in SuppressionKind)
    return _SUPPRESSION.replace("{kinds}", kinds)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
