"""Which rules watch which points of which device: worked out when the site or the rules change, not at readings."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

import msgspec
from msgspec.structs import replace

from rules.condition import AllOf, AnyOf, Condition, Not, Recalled, Unknown, is_plain, points_of
from rules.guards import guards_beside
from rules.rule import Per, Rule, Select
from rules.site import Device

SELF_TEST = "test"
"""The point by which a device says that it tests itself."""

ACKNOWLEDGE_BUTTON = "acknowledge_button"
"""The kind of the buttons on a wall by which somebody in the zone takes its incidents on."""

PRESSED = "acknowledge.pressed"
PRESS_WORD = "button"
PRESSES = (PRESSED, PRESS_WORD)
"""The points by which such a button says that it is held down, or what was done to it."""


class Watch(dict[str, tuple[Rule, ...]]):
    """Point name -> the rules whose conditions read it. Shared by all devices that the same rules select.

    `recalled` are the conditions that look back, by the id of their rule; `shared` the rules about a whole place that
    count this device (they stand among the rules of its points too). `looks_back`: there is one or the other.
    """

    __slots__ = ("looks_back", "recalled", "shared")

    def __init__(self) -> None:
        super().__init__()
        self.recalled: dict[str, tuple[Recalled, ...]] = {}
        self.shared: tuple[Rule, ...] = ()
        self.looks_back = False


def selects(select: Select, device: Device) -> bool:
    """Whether a device fits every list of the selection that is not empty."""
    return (
        (not select.kinds or device.kind in select.kinds)
        and (not select.zones or device.zone in select.zones)
        and (not select.devices or device.id in select.devices)
        and (not select.tags or any(tag in device.tags for tag in select.tags))
    )


def rules_of(watch: Watch) -> dict[str, Rule]:
    """The rules of a watch by id, each once."""
    return {rule.id: rule for rules in watch.values() for rule in rules}


def trips_on_unknown(rule: Rule) -> bool:
    """Whether the condition holds of a device that said nothing yet: such a rule must be asked before it speaks."""
    return rule.condition.holds({}, False) is True


def place_of(per: Per, device: Device) -> str:
    """The place that a rule with this `per` counts a device to, as the subject of an alarm; "" if it has none."""
    if per is Per.ZONE:
        return f"zone:{device.zone}"
    if per is Per.ROOM:
        return f"room:{device.zone}/{device.room}" if device.room else ""
    return f"circuit:{device.circuit}" if device.circuit else ""


def prepared(rule: Rule) -> tuple[Rule, tuple[Recalled, ...]]:
    """The rule with everything that looks back, or at several devices, behind a `Recalled`; and those, each once."""
    found: dict[str, Recalled] = {}

    def walk(condition: Condition) -> Condition:
        match condition:
            case AllOf() | AnyOf():
                return replace(condition, of=tuple(walk(part) for part in condition.of))
            case Not():
                return replace(condition, of=walk(condition.of))
            case _ if is_plain(condition) and rule.per is Per.DEVICE:
                return condition
            case _:
                # The content is part of the mark: a changed condition does not take over what another one remembered.
                content = crc32(msgspec.json.encode((condition, rule.per, rule.select)))
                mark = f"\x00{rule.id} {content:08x}"
                unknown = getattr(condition, "unknown", Unknown.HOLD)
                return found.setdefault(mark, Recalled(mark=mark, of=condition, unknown=unknown))

    condition = walk(rule.condition)
    if not found:
        return rule, ()
    return replace(rule, condition=condition), tuple(found.values())


class Index:
    """The watches of all devices of a site. Rules are first sorted by the narrowest thing that they name."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._order = {}
        self._by_device: dict[str, list[Rule]] = {}
        self._by_kind: dict[str, list[Rule]] = {}
        self._by_zone: dict[str, list[Rule]] = {}
        self._for_all: list[Rule] = []
        self._recalled: dict[str, tuple[Recalled, ...]] = {}
        self._shared: dict[tuple[str, ...], Watch] = {}
        for place, stated in enumerate(rules):
            rule, recalled = prepared(stated)
            self._order[rule.id] = place
            if recalled:
                self._recalled[rule.id] = recalled
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
        rules = [rule for rule in self.rules_for(device) if rule.per is Per.DEVICE or place_of(rule.per, device)]
        presses = PRESSES if device.kind == ACKNOWLEDGE_BUTTON else ()
        key = (*presses, *(rule.id for rule in rules))
        watch = self._shared.get(key)
        if watch is None:
            own = [rule for rule in rules if rule.per is Per.DEVICE]
            # No rule asks for `test`, but it proves a detector: a change of it must not pass unseen.
            table: dict[str, list[Rule]] = {point: [] for point in (SELF_TEST, *presses)}
            shared = tuple(rule for rule in rules if rule.per is not Per.DEVICE)
            for rule in shared:
                marks = {recalled.mark for recalled in self._recalled[rule.id]}
                for point in dict.fromkeys(points_of(rule.condition)):
                    if point not in marks:
                        table.setdefault(point, []).append(rule)
            watch = self._watch((*own, *guards_beside(own)), table)
            watch.shared = shared
            watch.looks_back = bool(shared or watch.recalled)
            self._shared[key] = watch
        return watch

    def watch_of_place(self, rules: Iterable[Rule]) -> Watch:
        """The watch of a place: it has no points of its own, only the answers about its devices."""
        return self._watch(rules, {})

    def _watch(self, rules: Iterable[Rule], table: dict[str, list[Rule]]) -> Watch:
        watch = Watch()
        for rule in rules:
            for point in dict.fromkeys(points_of(rule.condition)):
                table.setdefault(point, []).append(rule)
            if rule.id in self._recalled:
                watch.recalled[rule.id] = self._recalled[rule.id]
        watch.update((point, tuple(watching)) for point, watching in table.items())
        return watch
