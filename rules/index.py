"""Which rules watch which points of which device: worked out when the site or the rules change, not at readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rules.condition import AllOf, AnyOf, Condition, Leaf, Not, Unknown, points_of
from rules.rule import Rule, Select
from rules.site import Device

Watch = Mapping[str, tuple[Rule, ...]]
"""Point name -> the rules whose conditions read it. Shared by all devices that the same rules select."""


def selects(select: Select, device: Device) -> bool:
    """Whether a device fits every list of the selection that is not empty."""
    return (
        (not select.kinds or device.kind in select.kinds)
        and (not select.zones or device.zone in select.zones)
        and (not select.devices or device.id in select.devices)
    )


def trips_on_unknown(condition: Condition) -> bool:
    """Whether some leaf counts an unknown point as True: such a rule must be asked before the first report."""
    match condition:
        case AllOf() | AnyOf():
            return any(trips_on_unknown(part) for part in condition.of)
        case Not():
            return trips_on_unknown(condition.of)
        case Leaf():
            return condition.unknown is Unknown.TRIP
        case _:
            return False


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
        """The device's watch; one object for all devices that the same rules select."""
        rules = self.rules_for(device)
        key = tuple(rule.id for rule in rules)
        watch = self._shared.get(key)
        if watch is None:
            table: dict[str, list[Rule]] = {}
            for rule in rules:
                for point in dict.fromkeys(points_of(rule.condition)):
                    table.setdefault(point, []).append(rule)
            watch = {point: tuple(watching) for point, watching in table.items()}
            self._shared[key] = watch
        return watch
