"""The pace of a plan: night, helpless residents and a single carer shorten its delays, by stated factors.

All numbers are design numbers within standards sheet 3.9 (unacknowledged fire: +15 s second push, +60 s director and
township, +120 s county team, sooner at night). Only plans for dangers to people are hastened, and delays only ever
become shorter.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from rules.condition import Schedule
from rules.schedule import holds_at
from rules.site import Chain, Plan, ResidentClass, Site

if TYPE_CHECKING:
    from rules.duty import Duty

NIGHT: Final = Schedule(begins=22 * 60, ends=6 * 60)
"""Night on the wall of the home (standards sheet 3.9 says "at night"; the hours are a design number)."""

NIGHT_FACTOR: Final = 0.5
RESIDENTS_FACTOR: Final = {
    ResidentClass.PARTLY_DEPENDENT: 0.75,
    ResidentClass.DEPENDENT: 0.5,
    ResidentClass.DEMENTIA: 0.5,
}
PACE_MIN: Final = 1 / 3
"""Night and residents together shorten no further: 30 s become 10 s, in which a person can take up a phone."""

OFF_SITE_WITHIN: Final = timedelta(seconds=60)
"""With one carer alone, somebody else is told by then (issue 5: 60 to 90 s)."""

CARER: Final = "carer"


class Pace:
    """What the delays of a site's plans are multiplied by at an instant, and why."""

    def __init__(self, site: Site) -> None:
        self._single = site.is_single_staffed
        self._offsets = site.offsets

    def of(self, plan: Plan, residents: ResidentClass, at: datetime, *, clock_known: bool) -> tuple[float, list[str]]:
        """The pace of a plan in a zone, and the reasons; 1 where nothing shortens it."""
        if not plan.is_hastened or not plan.category.endangers_people:
            return 1.0, []
        pace, why = 1.0, []
        if plan.when is None and holds_at(NIGHT, at, self._offsets, clock_known=clock_known):
            pace *= NIGHT_FACTOR
            why.append("night")
        if not plan.residents and residents in RESIDENTS_FACTOR:
            pace *= RESIDENTS_FACTOR[residents]
            why.append(f"residents {residents.value}")
        return max(pace, PACE_MIN), why

    def is_alone(self, duty: Duty, at: datetime) -> bool:
        """Whether one carer is alone there: the site says so, or no more are on duty. A group's phone is not one."""
        if self._single:
            return True
        carers = duty.reachable((f"role:{CARER}",), at)
        return len(carers) == 1 and not carers[0].group

    def off_site(self, duty: Duty, chain: Chain, pace: float, at: datetime) -> float:
        """The pace with which a chain reaches somebody else than the carers within OFF_SITE_WITHIN.

        A chain that never does keeps its pace; the others are there for it.
        """
        needed = timedelta(0)
        for step in chain.steps:
            needed += step.after
            if any(person.role != CARER for person in duty.reachable(step.tell, at)):
                return min(pace, OFF_SITE_WITHIN / needed) if needed else pace
        return pace
