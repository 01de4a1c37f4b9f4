"""Which rules watch which points of which device: worked out when the site or the rules change, not at readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rules.condition import points_of
from rules.guards import guards_beside
from rules.rule import Rule, Select
from rules.site import Device

SELF_TEST = "test"
"""The point by which a device says that it tests itself."""

Watch = Mapping[str, tuple[Rule, ...]]
"""Point name -> the rules whose conditions read it. Shared by all devices that the same rules select."""


def selects(select: Select, device: Device) -> bool:
    """Whether a device fits every list of the selection that is not empty."""
    return (
        (not select.kinds or device.kind in select.kinds)
        and (not select.zones or device.zone in select.zones)
        and (not select.devices or device.id in select.devices)
    )


def rules_of(watch: Watch) -> dict[str, Rule]:
    """The rules of a watch by id, each once."""
    return {rule.id: rule for rules in watch.values() for rule in rules}


def trips_on_unknown(rule: Rule) -> bool:
    """Whether the condition holds of a device that said nothing yet: such a rule must be asked before it speaks."""
    return rule.condition.holds({}, False) is True


class Index:
    """The watches of all devices of a site. Rules are first sorted by the narrowest thing that they name."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._order = {}
        self._by_device: dict[str, list[Rule]] = {}
        self._by_kind: dict[str, list[Rule]] = {}
        self._by_zone: dict[str, list[Rule]] = {}
        self._for_all: list[Rule] = []
        self._shared: dict[tuple[str, ...], Watch] = {}
        for place, rule in enumerate(rules):
            self._order[rule.id] = place
            select = rule.select
            if select.devices:
                self._sort_in(self._by_device, select.devices, rule)
            elif select.kinds:
                self._sort_in(self._by_kind, select.kinds, rule)
            elif select.zones:
                self._sort_in(self._by_zone, select.zones, rule)
            else:
                self._for_all.append(rule)

    @staticmethod
    def _sort_in(table: dict[str, list[Rule]], names: tuple[str, ...], rule: Rule) -> None:
        for name in dict.fromkeys(names):
            table.setdefault(name, []).append(rule)

    def rules_for(self, device: Device) -> list[Rule]:
        """The rules that select this device, in the order in which they were given."""
        candidates = [
            *self._by_device.get(device.id, ()),
            *self._by_kind.get(device.kind, ()),
            *self._by_zone.get(device.zone, ()),
            *self._for_all,
        ]
        chosen = [rule for rule in candidates if selects(rule.select, device)]
        chosen.sort(key=lambda rule: self._order[rule.id])
        return chosen

    def watch_for(self, device: Device) -> Watch:
        """The device's watch, with its guards; one object for all devices that the same rules select."""
        rules = self.rules_for(device)
        key = tuple(rule.id for rule in rules)
        watch = self._shared.get(key)
        if watch is None:
            # No rule asks for `test`, but it proves a detector: a change of it must not pass unseen.
            table: dict[str, list[Rule]] = {SELF_TEST: []}
            for rule in (*rules, *guards_beside(rules)):
                for point in dict.fromkeys(points_of(rule.condition)):
                    table.setdefault(point, []).append(rule)
            watch = {point: tuple(watching) for point, watching in table.items()}
            self._shared[key] = watch
        return watch
