"""The outcome of an incident as a form asks for it: what was found on site, its cause, and the times beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from gateway.console.actions import CAUSE_MAX
from gateway.console.gate import Form
from gateway.console.texts import Words
from rules.alarm import Category
from rules.incident import OUTCOME_TIMES, Finding, Incident, Verification

_COMMON = (Finding.EQUIPMENT_FAULT, Finding.FALSE_ALARM, Finding.TEST)
_OF_CATEGORY = {
    Category.FIRE: (Finding.REAL_FIRE, Finding.TO_HOSPITAL, *_COMMON),
    Category.GAS: (Finding.REAL_GAS, Finding.TO_HOSPITAL, *_COMMON),
    Category.PERSON: (Finding.CARED_FOR, Finding.TO_HOSPITAL, *_COMMON),
    Category.ELECTRICAL: (Finding.ELECTRICAL_HAZARD, *_COMMON),
}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a form says was found."""

    finding: str
    cause: str = ""
    times: dict[str, datetime] = msgspec.field(default_factory=dict)


def findings_of(category: Category, *, drill: bool = False) -> tuple[str, ...]:
    """The outcomes that a form offers for a category, the gravest first; a drill's own comes before all others."""
    offered = _OF_CATEGORY.get(category, _COMMON)
    return tuple(finding.value for finding in ((Finding.DRILL, *offered) if drill else offered))


def read_outcome(form: Form, at_clock: Callable[[str], datetime | None]) -> Found | str:
    """The outcome of a form, or the key of the words for what it lacks. The engine judges the rest."""
    finding = form.get("finding", "")
    if finding not in [each.value for each in Finding]:
        return "refused.verdict"
    cause = form.get("cause", "").strip()[:CAUSE_MAX]
    if finding == Finding.FALSE_ALARM and not cause:
        return "refused.cause"
    times = {}
    for name in OUTCOME_TIMES:
        said = form.get(f"time.{name}", "").strip()
        at = at_clock(said) if said else None
        if said and at is None:
            return "outcome.bad_time"
        if at is not None:
            times[name] = at
    return Found(finding=finding, cause=cause, times=times)


def stage_words(incident: Incident, words: Words) -> str:
    """Where the verification stands, in words; "" where nothing is asked for."""
    if incident.verdict is None and incident.attended_at is not None:
        return words("stage.attended")
    if incident.verification is not Verification.NONE:
        return words(f"stage.{incident.verification.value}")
    if not incident.needs_verdict:
        return ""
    return words("stage.done" if incident.may_be_reset else "stage.needed")
