"""A new site or new rules for an engine that runs: an input like any other, so a replay sees the same."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from rules import guards
from rules.alarm import Alarm
from rules.condition import Silent
from rules.deadlines import Key
from rules.index import Index, Watch, rules_of, trips_on_unknown
from rules.inputs import SiteChanged
from rules.renaming import rename, renamed_devices
from rules.rule import Rule
from rules.site import Device
from rules.supervision import DEAF_GRACE, DeviceState
from rules.turn import Turn

if TYPE_CHECKING:
    from rules.engine import Engine


def reload(engine: Engine, turn: Turn, happened: SiteChanged) -> None:
    """A new site or new rules: what is unchanged keeps its state, what is gone closes with a reason.

    But no danger ends because somebody edits a file: it stays until a person has looked and reset it.
    """
    engine.site = happened.site
    engine.rules = {rule.id: rule for rule in happened.rules}
    engine.ruleset = happened.ruleset
    engine.duty = engine.duty.renewed(happened.site)
    index = Index(happened.rules)
    rename(engine, turn, renamed_devices(engine.devices, happened.site))
    before, engine.devices = engine.devices, {}
    for device in happened.site.devices:
        engine.devices[device.id] = _state_for(engine, turn.at, device, index.watch_for(device), before.get(device.id))
    engine.memory.on_site(turn.at, happened.site, engine.devices, index)
    for _, _, key in engine.deadlines.to_list():
        if not _is_watched(engine, key):
            engine.deadlines.cancel(key)
    engine.suppressions.configure(engine.site, engine.rules, engine.memory.places)
    engine.suppressions.on_site(turn)
    engine.incident_book.configure(engine.rules.values())
    engine.attendance.configure(engine.site, engine.rules.values())
    engine.modes.on_site(turn, engine.devices)
    engine.reachability.on_site(turn, engine.duty, happened.site)
    engine.drills.on_site(turn, happened.site)
    _ask_new_rules(engine, turn, before)
    engine.evaluation.begin(turn, engine.duty)
    _withdraw_orphans(engine, turn)
    engine.roster_watch.look(turn, engine.duty, engine.site)
    engine.incident_book.on_plans_changed(turn, engine.duty)


def _ask_new_rules(engine: Engine, turn: Turn, before: dict[str, DeviceState]) -> None:
    """What is known already is not said again: rules that are new to a device, or changed, are asked at once."""
    news: dict[tuple[int, int], list[Rule]] = {}
    for device_id, state in engine.devices.items():
        known = before.get(device_id)
        pair = (id(known.watch) if known is not None else 0, id(state.watch))
        if pair not in news:
            if known is None:
                news[pair] = [rule for rule in rules_of(state.watch).values() if trips_on_unknown(rule)]
            else:
                old = rules_of(known.watch)
                news[pair] = [rule for rule in rules_of(state.watch).values() if old.get(rule.id) != rule]
        asked = [rule for rule in news[pair] if engine.alarm_book.find(rule.id, device_id) is None]
        if asked:
            engine.evaluation.evaluate(turn, engine.duty, state, asked)


def _state_for(
    engine: Engine, at: datetime, device: Device, watch: Watch, known: DeviceState | None
) -> DeviceState:
    """A device's state under the new configuration: what is known of it stays, as far as a rule still watches it."""
    if known is None:
        state = DeviceState(device, watch, {}, at)
    else:
        values = {
            point: value for point, value in known.values.items() if point in watch or point == Silent.SILENT_POINT
        }
        state = replace(known, device=device, watch=watch, values=values, engaged=True)
        if (device.kind, device.source, device.address) != (
            known.device.kind,
            known.device.source,
            known.device.address,
        ):
            # Another device took its place: nobody has proven that one.
            state.proven_at = None
    if not state.silent:
        key, due = ("silent", device.id), state.silent_from
        if due <= at:
            # A limit that is shorter now, or a start after downtime: it gets the rest of its grace, not a new one.
            due = min(engine.deadlines.due_at(key) or due, at + min(DEAF_GRACE, device.silence_limit))
        engine.deadlines.set(key, max(due, at))
    return state


def _withdraw_orphans(engine: Engine, turn: Turn) -> None:
    """Close the alarms whose rule or device is gone, but no danger that calls. The engine's own (`gateway.…`) stay."""
    for alarm in list(engine.alarm_book.open.values()):
        if alarm.rule.startswith("gateway.") and not alarm.rule.startswith(guards.PREFIX):
            continue
        if alarm.drill and alarm.subject in engine.devices:
            continue
        state = engine.memory.find(alarm.subject)
        if state is not None and state.watching(alarm.rule) is not None:
            continue
        if alarm.category.endangers_people and not (alarm.held or alarm.drill or _goes_on(engine, turn, alarm)):
            engine.alarm_book.orphan(turn, engine.duty, alarm)
        else:
            engine.alarm_book.withdraw(turn, engine.duty, alarm)


def _goes_on(engine: Engine, turn: Turn, alarm: Alarm) -> bool:
    """Whether this very reload has raised the same danger by another rule (a new pack, a guard)."""
    return any(
        turn.made(other.id) and (other.subject, other.point) == (alarm.subject, alarm.point) and not other.held
        for other in engine.alarm_book.of_incident(alarm.incident)
    )


def _is_watched(engine: Engine, key: Key) -> bool:
    """Whether what a deadline is about is still in the configuration (steps and troubles end by themselves)."""
    match key:
        case ("silent", device):
            return device in engine.devices
        case ("raise" | "clear", rule, subject):
            state = engine.memory.find(subject)
            return state is not None and state.watching(rule) is not None
        case ("window", subject, mark):
            state = engine.memory.find(subject)
            return state is not None and mark in state.watch
        case _:
            return True
