"""What the walk test's page says, computed from a home's engine as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from gateway.console.board import Row, person_words, subject_words, zone_words
from gateway.console.parts import KeptSheet, ShownDevice, ShownEngine
from gateway.console.past import freshness_step
from gateway.console.texts import Words
from rules.alarm import Alarm, Category, SuppressionKind
from rules.proof import CALL_POINT, MONTH, Freshness, needs_proof
from rules.site import Site
from rules.walk_test import Armed, ProofKind, WalkTest, can_be_walked
from rules.walk_test_sheet import Result

DUE_MAX = 200


class WalkLine(msgspec.Struct, frozen=True, kw_only=True):
    """One detector of the scope: where it stands, and what the tester can do with it."""

    device: str
    name: str
    state: str
    at: datetime | None = None
    limit_at: datetime | None = None
    can_arm: bool = False
    can_say_stopped: bool = False
    because: str = ""


class WalkZone(msgspec.Struct, frozen=True):
    """The detectors of one zone, and how many of them are ticked off."""

    id: str
    name: str
    lines: tuple[WalkLine, ...]
    proven: int


class WalkView(msgspec.Struct, frozen=True, kw_only=True):
    """A walk test that runs."""

    id: str
    tester: str
    mine: bool
    scope: str
    started_at: datetime
    ends_at: datetime
    proven: int
    total: int
    armed: str = ""
    armed_name: str = ""
    armed_until: datetime | None = None
    burning: bool = False
    zones: tuple[WalkZone, ...] = ()


class DueLine(msgspec.Struct, frozen=True, kw_only=True):
    """A detector that must be proven: it never was, or its proof is too old."""

    device: str
    name: str
    zone: str
    proven_at: datetime | None
    overdue_s: float


class SheetLine(msgspec.Struct, frozen=True):
    """A kept sheet in the list."""

    key: str
    ended_at: datetime
    proven: int
    total: int
    complete: bool
    tester: str


def walk_view(site: Site, engine: ShownEngine, test: WalkTest, person: str, words: Words) -> WalkView:
    """The running walk test as this person sees it."""
    burning = _burning(engine)
    mine = person == test.tester
    lines: dict[str, list[WalkLine]] = {}
    order = [zone.id for zone in site.zones]
    for state in engine.devices.values():
        device = state.device
        listed = device.id in test.targets or (test.covers(device.zone) and _is_listed(state))
        if listed:
            line = _line(engine, state, test, words, may_act=mine and not burning)
            lines.setdefault(device.zone, []).append(line)
    zones = sorted(lines, key=lambda zone: order.index(zone) if zone in order else len(order))
    armed = test.armed or Armed("", test.started_at, test.started_at)
    return WalkView(
        id=test.id,
        tester=person_words(site, test.tester),
        mine=mine,
        scope=", ".join(zone_words(site, zone, words) for zone in test.zones),
        started_at=test.started_at,
        ends_at=test.ends_at,
        proven=test.proven,
        total=len(test.targets),
        armed=armed.device,
        armed_name=subject_words(engine, armed.device, words) if armed.device else "",
        armed_until=armed.until if armed.device else None,
        burning=burning,
        zones=tuple(_zone(site, zone, lines[zone], words) for zone in zones),
    )


def _is_listed(state: ShownDevice) -> bool:
    return can_be_walked(state.device) or state.device.kind == CALL_POINT


def _zone(site: Site, zone: str, lines: Sequence[WalkLine], words: Words) -> WalkZone:
    proven = sum(1 for line in lines if line.state in ("proven", "self_tested", "in_test", "not_cleared", "lost"))
    return WalkZone(zone, zone_words(site, zone, words), tuple(sorted(lines, key=lambda line: line.name)), proven)


def _burning(engine: ShownEngine) -> bool:
    return any(alarm.category in (Category.FIRE, Category.GAS) and not alarm.test for alarm in engine.alarms.values())


def _line(engine: ShownEngine, state: ShownDevice, test: WalkTest, words: Words, *, may_act: bool) -> WalkLine:
    device = state.device
    proof = test.proof_of(device.id)
    alarms = [alarm for alarm in engine.alarms.values() if alarm.subject == device.id]
    own = next((alarm for alarm in alarms if alarm.test), None)
    real = any(_calls(alarm) for alarm in alarms)
    armed = test.armed is not None and test.armed.device == device.id
    if device.kind == CALL_POINT:
        shown = "alarm" if real else "always_real"
    elif own is not None:
        shown = "in_test"
    elif proof is not None and proof.real_at is not None:
        shown = "not_cleared"
    elif real:
        shown = "alarm"
    elif proof is not None and proof.kind is ProofKind.ALARM:
        shown = "proven" if proof.clean else "lost"
    elif armed:
        shown = "armed"
    else:
        shown = "self_tested" if proof is not None else "waiting"
    return WalkLine(
        device=device.id,
        name=subject_words(engine, device.id, words),
        state=shown,
        at=proof.at if proof is not None else None,
        limit_at=own.suppression.until if own is not None else None,
        can_arm=may_act and shown in ("waiting", "armed", "self_tested"),
        can_say_stopped=may_act and own is not None and not own.clears_are_trusted,
        because=words.reason(proof.real_because) if proof is not None else "",
    )


def _calls(alarm: Alarm) -> bool:
    return not alarm.test and alarm.suppression.kind is SuppressionKind.NONE and alarm.category.endangers_people


def real_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows of the board that are no tests: the tester's phone always shows everything."""
    return [row for row in rows if not row.test]


def due_lines(site: Site, engine: ShownEngine, fresh: Freshness, now: datetime, words: Words) -> list[DueLine]:
    """The detectors whose proof is too old, those that never had one first."""
    lines = []
    for state in engine.devices.values():
        device = state.device
        if not needs_proof(device) or freshness_step(fresh, device.kind, state.proven_at, now):
            continue
        due_at = fresh.due_at(device.kind, state.proven_at)
        lines.append(
            DueLine(
                device=device.id,
                name=subject_words(engine, device.id, words),
                zone=zone_words(site, device.zone, words),
                proven_at=state.proven_at,
                overdue_s=(now - due_at).total_seconds() if due_at is not None else 0.0,
            )
        )
    lines.sort(key=lambda line: (line.proven_at is not None, -line.overdue_s, line.device))
    return lines[:DUE_MAX]


def sheet_lines(site: Site, kept: Sequence[KeptSheet]) -> list[SheetLine]:
    """The kept sheets, the newest first."""
    return [
        SheetLine(
            key=each.key,
            ended_at=each.sheet.ended_at,
            proven=each.sheet.proven,
            total=len(each.sheet.rows) - each.sheet.count(Result.ALWAYS_REAL),
            complete=each.sheet.complete,
            tester=person_words(site, each.sheet.tester),
        )
        for each in kept
    ]


def tests_of_month(kept: Sequence[KeptSheet], running: WalkTest | None, now: datetime, shift: timedelta) -> int:
    """The test alarms of the last 31 days. Sheets have the wall clock's time, `shift` ahead of the engine's."""
    since = now + shift - MONTH
    ended = sum(
        1 for each in kept for row in each.sheet.rows if row.at is not None and row.at >= since and row.point != "test"
    )
    now_on = sum(1 for proof in running.proofs if proof.kind is ProofKind.ALARM) if running is not None else 0
    return ended + now_on
