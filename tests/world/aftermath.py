"""What must hold of the journal and its ledger once a simulated day of a gateway is over."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from devices.reading import DANGER_POINTS
from gateway.record.ledger import Row
from gateway.record.ledger_check import check_against_journal, check_ledger
from gateway.record.ledger_journal import JournalledLedger
from gateway.record.record import JournalEntry
from gateway.record.replay import JournalFile, replay
from rules.effects import AlarmChanged, Change, Notify
from rules.engine import Engine
from rules.inputs import OperatorActed, ReadingsArrived, SendReported

if TYPE_CHECKING:
    from tests.world.whole_gateway import GatewayDay


def check_aftermath(day: GatewayDay, home: str) -> None:
    """AssertionError says what does not hold."""
    entries = asyncio.run(_entries(day, home))
    check_replay(day, home)
    check_signals(day, entries)
    check_places(day, entries)
    check_messages(day, entries)
    with JournalledLedger(day.path) as file:
        found = check_ledger(file, [])
        check_against_journal(file, found)
        assert found.sound, f"the ledger is not sound: {found.faults[:3]}"
        check_acts(day, entries, list(file.rows(home)))


async def _entries(day: GatewayDay, home: str) -> list[JournalEntry]:
    found: list[JournalEntry] = []
    with JournalFile(day.path) as file:
        while more := await file.read(home, found[-1].seq if found else 0):
            found += more
        assert not file.broken, f"entries that nobody can read: {file.broken[:3]}"
    return found


def check_replay(day: GatewayDay, home: str) -> None:
    """From its beginning, the journal gives the same effects; what was lost is stepped over by a snapshot."""
    report = asyncio.run(replay(day.path, home, partial(Engine, home), Engine.restore, clock=day.clock, start=0))
    assert report.same, "\n".join(report.lines()[:4])
    assert report.compared + report.skipped > 0


def check_signals(day: GatewayDay, entries: list[JournalEntry]) -> None:
    """Every danger that was acknowledged to the broker was raised; each alarm is raised once, and never for nothing."""
    raised = [
        effect.alarm
        for entry in entries
        for effect in entry.effects
        if isinstance(effect, AlarmChanged) and effect.change is Change.RAISED
    ]
    doubled = [name for name, count in Counter(alarm.id for alarm in raised).items() if count > 1]
    assert not doubled, f"alarms with the same id: {doubled[:3]}"
    known = {(alarm.subject, alarm.category.value) for alarm in raised}
    missing = day.broker.dangers - known
    assert not missing, f"acknowledged to the broker, and never raised: {sorted(missing)}"
    written = {report.measured_at for entry in entries if isinstance(entry.input, ReadingsArrived)
               for report in entry.input.reports}  # fmt: skip
    lost = [report for report in day.broker.on_disk if report.measured_at not in written]
    assert not lost, f"acknowledged to the broker, and not in the journal: {lost[:2]}"
    said = {
        (report.device, DANGER_POINTS[reading.point])
        for report in day.broker.reports
        for reading in report.readings
        if reading.point in DANGER_POINTS and reading.value is True
    }
    invented = {pair for pair in known if pair[1] in ("fire", "gas", "person")} - said
    assert not invented, f"raised, and no device said it: {sorted(invented)}"


def check_places(day: GatewayDay, entries: list[JournalEntry]) -> None:
    """Whoever was away has caught up: no change of an alarm waits for him."""
    last = max(
        (
            entry.seq
            for entry in entries
            if entry.at < day.due_before and any(isinstance(one, AlarmChanged) for one in entry.effects)
        ),
        default=0,
    )
    behind = {name: reached for name, reached in day.reached.items() if reached < last}
    assert not behind, f"the last change of an alarm is at {last}, and there stand {behind}"


def check_messages(day: GatewayDay, entries: list[JournalEntry]) -> None:
    """Every message came to a recorded end; what somebody got twice was handed over around a death."""
    told = {effect.message for entry in entries for effect in entry.effects if isinstance(effect, Notify)}
    ended = {one.input.message for one in entries if isinstance(one.input, SendReported) and one.input.final}
    assert told <= ended, f"messages without an end: {sorted(told - ended)[:3]}"
    for phone in day.phones.values():
        twice = [key for key, count in Counter(phone.handed).items() if count > 1]
        assert not twice or day.deaths, f"handed over twice without a death: {twice[:3]}"


def check_acts(day: GatewayDay, entries: list[JournalEntry], rows: list[Row]) -> None:
    """What people were told is on disk stands in the ledger, and the ledger's sums are the journal's."""
    kinds = Counter(row.kind for row in rows)
    acted = Counter(f"person.{one.input.verb.value}" for one in entries if isinstance(one.input, OperatorActed))
    assert acted == Counter({kind: n for kind, n in kinds.items() if kind.startswith("person.")}), "acts of people"
    changes = Counter(
        f"alarm.{effect.change.value}"
        for entry in entries
        for effect in entry.effects
        if isinstance(effect, AlarmChanged) and effect.change.value != "updated"
    )
    assert changes == Counter({kind: n for kind, n in kinds.items() if kind.startswith("alarm.")}), "changes of alarms"
    stands: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.kind.startswith("person."):
            stands[(row.kind.removeprefix("person."), msgspec.json.decode(row.body)["target"])] += 1
    missing = day.acts - stands
    assert not missing, f"answered as on disk, and not in the ledger: {list(missing)[:3]}"
