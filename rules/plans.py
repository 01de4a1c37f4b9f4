"""The plans of one site: which of a category's plans holds for a zone at an instant, and the one of last resort."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from rules.alarm import Category
from rules.incident import Incident
from rules.schedule import holds_at
from rules.site import Plan, PlanStep, ResidentClass, Site

_EVERYBODY = Plan(category=Category.FIRE, steps=(PlanStep(tell=("role:*",)),), repeat_every=timedelta(seconds=60))
"""The plan of a category for which the site file has none: everybody of the home, again every minute."""


class Plans:
    """A site's plans. Of those that fit, the one that says most about when and for whom holds; of equals the first."""

    def __init__(self, site: Site) -> None:
        self._offsets = site.offsets
        self._residents = {zone.id: zone.residents for zone in site.zones}
        self._of: dict[Category, list[Plan]] = {category: [] for category in Category}
        for plan in site.plans:
            if plan.steps:
                known = self._of[plan.category]
                number = f"-{len(known) + 1}" if known else ""
                known.append(plan if plan.id else replace(plan, id=f"{plan.category.value}{number}"))
        self._by_id = {plan.id: plan for known in self._of.values() for plan in known}

    def of_category(self, category: Category) -> tuple[Plan, ...]:
        """All plans of a category; never none."""
        return tuple(self._of[category]) or (replace(_EVERYBODY, category=category),)

    def residents_of(self, zone: str) -> ResidentClass:
        """How far those who live in a zone depend on help."""
        return self._residents.get(zone, ResidentClass.NONE)

    def choose(self, category: Category, zone: str, at: datetime, *, clock_known: bool = True) -> Plan:
        """The plan that holds for a zone at an instant; never none."""
        residents = self.residents_of(zone)
        fitting = [
            plan
            for plan in self.of_category(category)
            if (plan.when is None or holds_at(plan.when, at, self._offsets, clock_known=clock_known))
            and (not plan.residents or residents in plan.residents)
        ]
        best = max(fitting, key=lambda plan: (bool(plan.residents), plan.when is not None), default=None)
        return best or replace(_EVERYBODY, category=category)

    def of_incident(self, incident: Incident) -> Plan:
        """The plan with which an incident began; where the site file no longer has it, the first of its category."""
        plan = self._by_id.get(incident.plan)
        if plan is not None and plan.category is incident.category:
            return plan
        known = self.of_category(incident.category)
        return next((plan for plan in known if plan.when is None and not plan.residents), known[0])
