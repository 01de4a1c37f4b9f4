"""A device that has another name in a new site file: known by its source and address, it keeps all that is known of it.

Alarms, deadlines, memories, holds and the walk test name devices; each is told the new name here, and nothing else of
it changes. What is history (timelines, the order in which a fire spread) keeps the name of its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from rules.deadlines import Key
from rules.recall import Kept, KeptCount, KeptSequence, KeptTruths
from rules.site import Site
from rules.supervision import DeviceState
from rules.turn import Turn
from rules.walk_test import WalkTest

if TYPE_CHECKING:
    from rules.engine import Engine

_V = TypeVar("_V")

Names = Mapping[str, str]
"""New names by old ones."""


def renamed_devices(before: Mapping[str, DeviceState], site: Site) -> dict[str, str]:
    """The devices of a new site that were known under another name: by source and address."""
    staying = {device.id for device in site.devices}
    gone = {
        (state.device.source, state.device.address): name
        for name, state in before.items()
        if name not in staying and state.device.address
    }
    found = {gone.get((each.source, each.address), ""): each.id for each in site.devices if each.id not in before}
    return {old: new for old, new in found.items() if old}


def rename(engine: Engine, turn: Turn, names: Names) -> None:
    """Let everything that names these devices name them anew."""
    for old, new in names.items():
        engine.devices[new] = engine.devices.pop(old)
    for due, _, key in engine.deadlines.to_list():
        renamed = _renamed_key(key, names)
        if renamed != key:
            engine.deadlines.cancel(key)
            engine.deadlines.set(renamed, due)
    remembered = engine.memory.kept
    engine.memory.kept = {(names.get(of, of), mark): _kept(kept, names) for (of, mark), kept in remembered.items()}
    engine.alarm_book.rename(turn, names)
    held = engine.suppressions.held()
    held.shelves = [replace(shelf, subject=names.get(shelf.subject, shelf.subject)) for shelf in held.shelves]
    held.devices = [replace(out, device=names.get(out.device, out.device)) for out in held.devices]
    held.maintenances = [replace(work, devices=_all(work.devices, names)) for work in held.maintenances]
    engine.suppressions.restore(held)
    if engine.modes.walk_test is not None:
        engine.modes.walk_test = _walk_test(engine.modes.walk_test, names)
    if engine.drills.running is not None:
        drill = engine.drills.running
        engine.drills.running = replace(drill, device=names.get(drill.device, drill.device))


def _renamed_key(key: Key, names: Names) -> Key:
    match key:
        case ("silent" | "return" as kind, device):
            return (kind, names.get(device, device))
        case ("raise" | "clear" | "quiet" | "unshelve" as kind, rule, subject):
            return (kind, rule, names.get(subject, subject))
        case ("window", subject, mark):
            return ("window", names.get(subject, subject), mark)
        case _:
            return key


def _kept(kept: Kept, names: Names) -> Kept:
    match kept:
        case KeptTruths():
            return replace(kept, holding=_table(kept.holding, names))
        case KeptCount():
            return replace(kept, holding=_table(kept.holding, names), ended_at=_table(kept.ended_at, names))
        case KeptSequence():
            begun_by = names.get(kept.begun_by, kept.begun_by)
            return replace(kept, first=_table(kept.first, names), then=_table(kept.then, names), begun_by=begun_by)
        case _:
            return kept


def _table(table: dict[str, _V], names: Names) -> dict[str, _V]:
    return {names.get(member, member): value for member, value in table.items()}


def _all(devices: tuple[str, ...], names: Names) -> tuple[str, ...]:
    return tuple(names.get(device, device) for device in devices)


def _walk_test(test: WalkTest, names: Names) -> WalkTest:
    armed = test.armed
    return replace(
        test,
        targets=_all(test.targets, names),
        armed=replace(armed, device=names.get(armed.device, armed.device)) if armed is not None else None,
        proofs=tuple(replace(each, device=names.get(each.device, each.device)) for each in test.proofs),
        real=tuple(replace(each, device=names.get(each.device, each.device)) for each in test.real),
    )
