"""The stored form of an engine: everything it knows, as versioned JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from devices.reading import Value
from rules.alarm import Alarm
from rules.deadlines import Deadlines, Key
from rules.drill import Drill
from rules.incident import Incident
from rules.index import Index
from rules.messages import Message, Run
from rules.people import Handover
from rules.reachability import ChannelProof
from rules.recall import Kept
from rules.rule import Rule
from rules.site import Site
from rules.supervision import DeviceState
from rules.suppression import Held
from rules.test_alarms import OwedTests
from rules.walk_test import WalkTest

if TYPE_CHECKING:
    from rules.engine import Engine

VERSION = 1


class StoredDevice(msgspec.Struct, array_like=True):
    """What is remembered of a device beside what the site file says."""

    id: str
    known_at: datetime
    heard_at: datetime | None
    silent: bool
    engaged: bool
    values: dict[str, Value]
    proven_at: datetime | None = None
    stored_at: int = 0


class StoredEngine(msgspec.Struct):
    """The whole engine."""

    version: int
    home: str
    epoch: int
    seq: int
    now: datetime | None
    site: Site
    rules: list[Rule]
    ruleset: str
    devices: list[StoredDevice]
    alarms: list[Alarm]
    incidents: list[Incident]
    announced: dict[str, datetime]
    reset_at: list[tuple[str, str, datetime]]
    messages: dict[str, Message]
    serial: int
    deadlines: list[tuple[datetime, int, Key]]
    walk_test: WalkTest | None = None
    places: list[StoredDevice] = []
    kept: list[tuple[str, str, Kept]] = []
    clock_known: bool = True
    held: Held = msgspec.field(default_factory=Held)
    drill: Drill | None = None
    runs: list[Run] = []
    last_code: int | None = None
    proofs: list[ChannelProof] = []
    owed_tests: OwedTests = msgspec.field(default_factory=OwedTests)
    handovers: list[Handover] = []


def encode_engine(engine: Engine) -> bytes:
    """The engine as bytes."""
    stored = StoredEngine(
        version=VERSION,
        home=engine.home,
        epoch=engine.epoch,
        seq=engine.seq,
        now=engine.now,
        site=engine.site,
        rules=list(engine.rules.values()),
        ruleset=engine.ruleset,
        devices=[_stored(state) for state in engine.devices.values()],
        alarms=list(engine.alarm_book.open.values()),
        incidents=list(engine.incident_book.open.values()),
        announced=engine.incident_book.announced,
        reset_at=[(rule, subject, at) for (rule, subject), at in engine.alarm_book.reset_at.items()],
        messages=engine.escalation.messages.by_id,
        serial=engine.deadlines.serial,
        deadlines=engine.deadlines.to_list(),
        walk_test=engine.modes.walk_test,
        places=[_stored(state) for state in engine.memory.places.values()],
        kept=[(subject, mark, kept) for (subject, mark), kept in engine.memory.kept.items()],
        clock_known=engine.memory.clock_known,
        held=engine.suppressions.held(),
        drill=engine.drills.running,
        runs=engine.escalation.messages.to_list(),
        last_code=engine.incident_book.codes.last,
        proofs=list(engine.reachability.proofs.values()),
        owed_tests=engine.drills.tests.state,
        handovers=list(engine.duty.handovers),
    )
    return msgspec.json.encode(stored)


def _stored(state: DeviceState) -> StoredDevice:
    return StoredDevice(
        state.device.id,
        state.known_at,
        state.heard_at,
        state.silent,
        state.engaged,
        state.values,
        state.proven_at,
        state.stored_at,
    )


def _restore_memory(engine: Engine, stored: StoredEngine, index: Index) -> None:
    """What conditions remember, and the places they are about."""
    memory = engine.memory
    if stored.now is not None:
        memory.on_site(stored.now, stored.site, engine.devices, index)
    for place in stored.places:
        state = memory.places.get(place.id)
        if state is not None:
            state.values, state.known_at, state.engaged = place.values, place.known_at, place.engaged
    memory.kept = {(subject, mark): kept for subject, mark, kept in stored.kept}
    memory.clock_known = stored.clock_known


def decode_engine(body: bytes, kind: type[Engine]) -> Engine:
    """The engine that `body` holds; ValueError if it is not one, or of a version that this program does not know."""
    try:
        stored = msgspec.json.decode(body, type=StoredEngine)
    except msgspec.MsgspecError as fault:
        raise ValueError(f"not a snapshot of an engine: {fault}") from fault
    if stored.version != VERSION:
        raise ValueError(f"snapshot of version {stored.version}; this program reads version {VERSION}")
    engine = kind(stored.home, stored.epoch)
    engine.seq, engine.now = stored.seq, stored.now
    engine.site, engine.ruleset = stored.site, stored.ruleset
    engine.rules = {rule.id: rule for rule in stored.rules}
    engine.attach(Deadlines.from_list(stored.deadlines, stored.serial))
    engine.duty = engine.duty.renewed(stored.site)
    engine.duty.handovers = tuple(stored.handovers)
    engine.duty.clock_known = stored.clock_known
    index = Index(stored.rules)
    remembered = {device.id: device for device in stored.devices}
    for device in stored.site.devices:
        known = remembered.get(device.id)
        if known is None:
            raise ValueError(f"not a snapshot of an engine: it says nothing of device {device.id}")
        watch = index.watch_for(device)
        engine.devices[device.id] = DeviceState(
            device,
            watch,
            known.values,
            known.known_at,
            known.heard_at,
            known.silent,
            known.engaged,
            known.proven_at,
            known.stored_at,
        )
    _restore_memory(engine, stored, index)
    incidents = {incident.id: incident for incident in stored.incidents}
    for alarm in stored.alarms:
        if alarm.test and (stored.walk_test is None or alarm.test != stored.walk_test.id):
            raise ValueError(f"not a snapshot of an engine: alarm {alarm.id} belongs to no walk test")
        if (alarm.incident in incidents) is alarm.held:
            raise ValueError(f"not a snapshot of an engine: alarm {alarm.id} belongs to no open incident")
    engine.alarm_book.restore(stored.alarms)
    engine.alarm_book.reset_at = {(rule, subject): at for rule, subject, at in stored.reset_at}
    engine.incident_book.restore(incidents.values(), stored.announced, stored.last_code)
    if stored.now is not None:
        engine.escalation.messages.restore(stored.messages, stored.runs, stored.now)
    engine.modes.walk_test = stored.walk_test
    engine.suppressions.restore(stored.held)
    engine.drills.running = stored.drill
    engine.drills.tests.configure(stored.site)
    engine.drills.tests.state = stored.owed_tests
    engine.reachability.proofs = {(proof.person, proof.channel): proof for proof in stored.proofs}
    engine.incident_book.configure(stored.rules)
    engine.attendance.configure(stored.site, stored.rules)
    engine.suppressions.configure(engine.site, engine.rules, engine.memory.places)
    return engine
