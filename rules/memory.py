"""The memory of the conditions that look back, or at several devices of a place: who remembers what, and when to ask.

The answers stand among the values of the device (or of the place) under the marks of `Recalled` conditions; windows
that end, and schedules that turn, are deadlines (`window`, subject, mark).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from devices.reading import Value
from rules.condition import (
    Condition,
    Leaf,
    Not,
    Recalled,
    Rising,
    Schedule,
    Unknown,
    is_mark,
    parts_of,
    points_of,
)
from rules.deadlines import Deadlines
from rules.index import Index, place_of
from rules.recall import Kept, KeptCount, KeptSequence, KeptTruths, kept_for
from rules.rule import Rule
from rules.schedule import Offsets, holds_at, next_change
from rules.site import Device, Site
from rules.supervision import DeviceState
from rules.text import Text

PLACE = "place"
"""The kind of a place: what stands in `places` is no device of the site."""

CLOCK = "clock"
"""The link that is down as long as the clock is not synchronised."""

HOLDERS_MAX = 12
"""So many devices are named in the words of a place's alarm."""


class Memory:
    """What is remembered, by (subject, mark), and the places that rules are about, each with its own state."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self.kept: dict[tuple[str, str], Kept] = {}
        self.places: dict[str, DeviceState] = {}
        self.clock_known = True
        self._devices: Mapping[str, DeviceState] = {}
        self._members: dict[tuple[str, str], tuple[str, ...]] = {}
        self._offsets: Offsets = ()

    def find(self, subject: str) -> DeviceState | None:
        """The device or the place with this name, or None."""
        return self._devices.get(subject) or self.places.get(subject)

    def on_site(self, at: datetime, site: Site, devices: Mapping[str, DeviceState], index: Index) -> None:
        """A new site or new rules: the places anew; what is unchanged keeps its memory, the rest is forgotten."""
        self._devices, self._offsets = devices, site.offsets
        self._members, before, self.places = {}, self.places, {}
        members: dict[str, dict[str, Device]] = {}
        rules: dict[str, dict[str, Rule]] = {}
        for state in devices.values():
            for rule in state.watch.shared:
                place = place_of(rule.per, state.device)
                members.setdefault(place, {})[state.device.id] = state.device
                rules.setdefault(place, {})[rule.id] = rule
                key = (place, rule.id)
                self._members[key] = (*self._members.get(key, ()), state.device.id)
        names = {zone.id: zone.name for zone in site.zones}
        for place, inside in members.items():
            watch = index.watch_of_place(rules[place].values())
            device = _device_of(place, list(inside.values()), names)
            known = before.get(place)
            if known is None:
                self.places[place] = DeviceState(device, watch, {}, at)
            else:
                values = {mark: value for mark, value in known.values.items() if mark in watch}
                self.places[place] = replace(known, device=device, watch=watch, values=values, engaged=True)
        for subject, mark in list(self.kept):
            present = self.find(subject)
            if present is None or mark not in present.watch:
                del self.kept[(subject, mark)]
        for (place, rule_id), left in self._members.items():
            for recalled in self.places[place].watch.recalled[rule_id]:
                _keep_only(self.kept.get((place, recalled.mark)), left)

    # looking at a device

    def own(self, at: datetime, state: DeviceState, rule: Rule) -> bool:
        """A device spoke: what its own rule remembers. True if an answer is another one now."""
        changed = False
        for recalled in state.watch.recalled.get(rule.id, ()):
            # Most devices have none of a rule's points: nothing is kept of them.
            if (state.device.id, recalled.mark) in self.kept or _may_answer(rule, recalled.of, state.values):
                changed |= self._observe(at, state, recalled, state)
        return changed

    def shared(self, at: datetime, state: DeviceState, rule: Rule) -> DeviceState | None:
        """A device spoke: the place of a rule, if that has to be asked because something is new to it."""
        place = self.places[place_of(rule.per, state.device)]
        changed = False
        for recalled in place.watch.recalled[rule.id]:
            changed |= self._observe(at, place, recalled, state)
        return place if changed else None

    def looking_back(self) -> Iterator[tuple[DeviceState, list[Rule]]]:
        """The devices with rules that look back or are about their place, and those rules."""
        for state in self._devices.values():
            watch = state.watch
            if watch.looks_back:
                own = (rule for rules in watch.values() for rule in rules if rule.id in watch.recalled)
                yield state, list({rule.id: rule for rule in (*own, *watch.shared)}.values())

    def _observe(self, at: datetime, subject: DeviceState, recalled: Recalled, member: DeviceState) -> bool:
        if isinstance(recalled.of, Schedule):
            key = ("window", subject.device.id, recalled.mark)
            return key not in self._deadlines and self._settle(at, subject, recalled)
        kept: Any = self._kept(at, subject, recalled)
        if isinstance(recalled.of, Rising) and kept.goes_on(recalled.of, member.values, at):
            return False
        holders = kept.holders()
        kept.observe(recalled.of, member.device.id, member.values, at)
        changed = self._settle(at, subject, recalled)
        return changed or (subject is not member and not set(holders).issuperset(kept.holders()))

    def _kept(self, at: datetime, subject: DeviceState, recalled: Recalled) -> Kept:
        key = (subject.device.id, recalled.mark)
        known = self.kept.get(key)
        if known is None:
            known = self.kept[key] = kept_for(recalled.of, at)
        return known

    def _settle(self, at: datetime, subject: DeviceState, recalled: Recalled) -> bool:
        """Put the answer among the subject's values, and set when to ask again. True if it is another one."""
        key = ("window", subject.device.id, recalled.mark)
        if isinstance(recalled.of, Schedule):
            answer: bool | None = holds_at(recalled.of, at, self._offsets, clock_known=self.clock_known)
            due: datetime | None = next_change(recalled.of, at, self._offsets)
        else:
            kept: Any = self._kept(at, subject, recalled)
            answer = kept.answer(recalled.of, self._of(subject, recalled), at)
            due = kept.due(recalled.of, at)
        if due is None:
            self._deadlines.cancel(key)
        elif self._deadlines.due_at(key) != due:
            self._deadlines.set(key, due)
        if subject.values.get(recalled.mark) is answer:
            return False
        if answer is None:
            del subject.values[recalled.mark]
        else:
            subject.values[recalled.mark] = answer
        return True

    def _of(self, subject: DeviceState, recalled: Recalled) -> tuple[str, ...]:
        """The devices that a condition about this subject looks at."""
        if subject.device.kind != PLACE:
            return (subject.device.id,)
        rule_id = recalled.mark[1:].partition(" ")[0]
        return self._members[(subject.device.id, rule_id)]

    # time and clock

    def due(self, at: datetime, subject: str, mark: str) -> tuple[DeviceState, tuple[Rule, ...]] | None:
        """A window ended or a schedule turned: who is to be asked which rules, or None if the answer is the same."""
        state = self.find(subject)
        recalled = _recalled(state, mark) if state is not None else None
        if state is None or recalled is None or not self._settle(at, state, recalled):
            return None
        return state, state.watch[mark]

    def clock(self, at: datetime, *, known: bool) -> Iterator[tuple[DeviceState, tuple[Rule, ...]]]:
        """Whether anybody knows what time it is: all schedules are asked anew."""
        if known is self.clock_known:
            return
        self.clock_known = known
        for state in (*self._devices.values(), *self.places.values()):
            for recalled in _all_recalled(state):
                if isinstance(recalled.of, Schedule) and self._settle(at, state, recalled):
                    yield state, state.watch[recalled.mark]

    # words, resets

    def holders(self, subject: str, rule: Rule) -> str:
        """The devices of a place for which the alarm of a rule stands, in words; "" for a device's own alarm."""
        place = self.places.get(subject)
        if place is None:
            return ""
        names: dict[str, None] = {}
        for recalled in place.watch.recalled.get(rule.id, ()):
            kept = self.kept.get((subject, recalled.mark))
            if kept is not None:
                names.update(dict.fromkeys(kept.holders()))
        words = ", ".join(list(names)[:HOLDERS_MAX])
        return f"{words}, …" if len(names) > HOLDERS_MAX else words

    def forget(self, at: datetime, state: DeviceState, rule: Rule) -> None:
        """After a reset the windows of a rule begin anew, and a place's devices have to say again how it stands."""
        for recalled in state.watch.recalled.get(rule.id, ()):
            if isinstance(recalled.of, Schedule):
                continue
            self.kept[(state.device.id, recalled.mark)] = kept_for(recalled.of, at)
            self._settle(at, state, recalled)
        for member in self._members.get((state.device.id, rule.id), ()):
            for point in points_of(rule.condition):
                if not is_mark(point):
                    self._devices[member].values.pop(point, None)


def _device_of(place: str, inside: list[Device], names: Mapping[str, Text]) -> Device:
    """A place as the subject of alarms."""
    first = inside[0]
    kind, _, rest = place.partition(":")
    zone = names.get(first.zone, Text(first.zone))
    part = rest.rpartition("/")[2]
    return Device(
        id=place,
        kind=PLACE,
        source="",
        address="",
        zone=first.zone,
        name=zone if kind == "zone" else Text(f"{zone.zh} {part}", f"{zone.en} {part}"),
        room=first.room if kind == "room" else "",
        clears_are_trusted=all(device.clears_are_trusted for device in inside),
    )


def _keep_only(kept: Kept | None, members: tuple[str, ...]) -> None:
    """Forget the devices that are not in the place any more."""
    if isinstance(kept, KeptTruths):
        tables: tuple[dict[str, Any], ...] = (kept.holding,)
    elif isinstance(kept, KeptCount):
        tables = (kept.holding, kept.ended_at)
    elif isinstance(kept, KeptSequence):
        tables = (kept.first, kept.then)
    else:
        return
    for table in tables:
        for gone in table.keys() - set(members):
            del table[gone]


def _all_recalled(state: DeviceState) -> Iterator[Recalled]:
    for several in state.watch.recalled.values():
        yield from several


def _recalled(state: DeviceState, mark: str) -> Recalled | None:
    return next((recalled for recalled in _all_recalled(state) if recalled.mark == mark), None)


def _may_answer(rule: Rule, condition: Condition, values: Mapping[str, Value]) -> bool:
    """Whether a condition could help a rule to hold for a device that told the points in `values` and no others."""
    if isinstance(condition, Schedule) or not values.keys().isdisjoint(points_of(condition)):
        return True
    return any(
        isinstance(part, Not) or (isinstance(part, Leaf) and part.unknown is Unknown.TRIP)
        for part in parts_of(rule.condition)
    )
