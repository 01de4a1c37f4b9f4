"""Who can be told: people of a site by id and by role, and the plans of each category."""

from __future__ import annotations

from datetime import timedelta

from rules.alarm import Category
from rules.site import Person, Plan, PlanStep, Site
from rules.witness import panel_addresses

_EVERYBODY = Plan(category=Category.FIRE, steps=(PlanStep(tell=("role:*",)),), repeat_every=timedelta(seconds=60))
"""The plan of a category for which the site file has none: everybody of the home, again every minute."""


class Duty:
    """The people of one site as the plans name them: a person's id, `role:NAME`, or `role:*` for everybody on duty.

    `panel_addresses` tells which devices of the site are parts of which fire panel (see `rules.witness`).
    """

    def __init__(self, site: Site) -> None:
        self._by_id = {person.id: person for person in site.people}
        self._plans = {plan.category: plan for plan in site.plans}
        self.panel_addresses = panel_addresses(site)

    def plan(self, category: Category) -> Plan:
        """The plan of a category; never none."""
        plan = self._plans.get(category, _EVERYBODY)
        return plan if plan.steps else _EVERYBODY

    def person(self, person: str) -> Person | None:
        """The person with this id, or None."""
        return self._by_id.get(person)

    def reachable(self, tell: tuple[str, ...]) -> list[Person]:
        """The people named, on duty and with a channel, each once, in the order named."""
        chosen: dict[str, Person] = {}
        for name in tell:
            for person in self._named(name):
                if person.on_duty and person.channels:
                    chosen.setdefault(person.id, person)
        return list(chosen.values())

    def everybody(self) -> list[Person]:
        """Everyone assigned to the home who has a channel, directors first, on duty or not: for an empty step."""
        people = [person for person in self._by_id.values() if person.channels]
        return sorted(people, key=lambda person: person.role != "director")

    def _named(self, name: str) -> list[Person]:
        kind, _, role = name.partition(":")
        if kind == "role" and role:
            return [person for person in self._by_id.values() if role in ("*", person.role)]
        person = self._by_id.get(name)
        return [person] if person else []
