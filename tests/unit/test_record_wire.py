"""The wire: today's rows are read by every later version, and what JSON cannot say does not stop the journal."""

from __future__ import annotations

import math
import sqlite3
import typing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from devices.reading import Quality, Reading, Report
from gateway.record.archive import DANGER, NOTEWORTHY, TELEMETRY, is_archived, rank_of
from gateway.record.record import JournalEntry
from gateway.record.wire import (
    WIRE,
    WireBroken,
    WireTooNew,
    decode_entries,
    encode_entries,
    encode_entry,
    join_entries,
)
from rules.alarm import Acknowledgement, Alarm, Category, Suppression, SuppressionKind
from rules.condition import Above, AllOf, AnyOf, Below, Equals, Not, Schedule, Silent
from rules.drill import Drill, TimingLine, TimingSheet
from rules.effects import (
    AlarmChanged,
    AnyEffect,
    Change,
    DrillChanged,
    DriveSounder,
    HandoverChanged,
    IncidentChanged,
    Notify,
    Pattern,
    Refused,
    StopNotifying,
    SuppressionChanged,
    WalkTestChanged,
)
from rules.incident import ChainProgress, Incident, Step, Tick, Verdict, VerdictKind, Verification
from rules.inputs import (
    AnyInput,
    ChannelProven,
    ClockStepped,
    DecodeFailed,
    EngineFaulted,
    GapExplained,
    HandedOver,
    LinkChanged,
    Mode,
    ModeRequested,
    ModeVerb,
    OperatorActed,
    Outcome,
    PacketRefused,
    ProcedureTicked,
    ReadingsArrived,
    SendReported,
    SiteChanged,
    SupportRequested,
    SuppressionRequested,
    SuppressionVerb,
    TimePassed,
    Verb,
)
from rules.people import Handover
from rules.rule import Rule, Select
from rules.site import (
    Chain,
    Channel,
    ChannelOrder,
    Device,
    Person,
    Plan,
    PlanStep,
    ResidentClass,
    Site,
    Until,
    Zone,
)
from rules.text import Text
from rules.walk_test import Armed, Proof, ProofKind, RealAlarm, WalkTest
from tests.record_world import HOME, alarm_entry, journal, telemetry

GOLDEN = Path(__file__).parent / "golden" / "record_wire_1.jsonl"
"""One entry a line, as version 1 wrote it. Lines are only ever added."""

AT = datetime(2026, 11, 22, 8, 30, 15, 123456, tzinfo=UTC)

ALARM = Alarm(
    id="home-a:1:7",
    rule="smoke",
    subject="smoke-1",
    zone="ward-1",
    category=Category.FIRE,
    priority=1,
    title=Text("火警", "fire"),
    raised_at=AT,
    active=False,
    latched=True,
    acknowledged=Acknowledgement("zhang", AT),
    suppression=Suppression(SuppressionKind.SHELVED, AT, "repair"),
    incident="home-a:1:7.1",
    point="smoke.alarm",
    value="true",
    detail="…",
    found=True,
    late=True,
    clears_are_trusted=False,
    cleared_at=AT,
    closed_at=AT,
    announced_at=AT,
    repeats=2,
)
INCIDENT = Incident(
    id="home-a:1:7.1",
    home="home-a",
    zone="ward-1",
    category=Category.FIRE,
    opened_at=AT,
    alarms=("home-a:1:7",),
    step=2,
    next_step_at=AT,
    acknowledged_by="zhang",
    acknowledged_at=AT,
    silenced_at=AT,
    confirmed=True,
    verdict=Verdict(VerdictKind.FALSE, "zhang", AT, "steam"),
    told=("zhang",),
    timeline=(Step(AT, "opened", "zhang", "…"),),
    closed_at=AT,
)
SITE = Site(
    id="home-a",
    name=Text("安家敬老院", "An"),
    county="jingxing",
    town="tianchang",
    address="1 Road",
    zones=(
        Zone(id="ward-1", name=Text("一病区"), building="A", floor="1", residents=ResidentClass.DEPENDENT, beds=20),
    ),
    devices=(
        Device(
            id="smoke-1",
            kind="smoke",
            source="zigbee",
            address="0x1",
            zone="ward-1",
            name=Text("烟感"),
            silence_limit=timedelta(minutes=5),
        ),
    ),
    people=(Person(id="zhang", name="张", role="carer", channels=(Channel("ntfy", "topic"),)),),
    plans=(Plan(category=Category.FIRE, steps=(PlanStep(tell=("role:carer",)),), repeat_every=timedelta(seconds=30)),),
)
RULES = (
    Rule(
        id="smoke",
        title=Text("火警", "fire"),
        category=Category.FIRE,
        condition=AllOf(
            of=(
                AnyOf(of=(Equals(point="smoke.alarm", value=True), Above(point="temperature", limit=57.0, clear=50.0))),
                Not(of=Below(point="battery", limit=5.0)),
                Not(of=Silent()),
            )
        ),
        select=Select(kinds=("smoke",), zones=("ward-1",), devices=("smoke-1",)),
        raise_after=timedelta(seconds=1.5),
        latch=True,
    ),
)
INPUTS: tuple[AnyInput, ...] = (
    ReadingsArrived(
        at=AT,
        source="zigbee",
        reports=(
            Report(
                "smoke-1",
                (
                    Reading("smoke.alarm", True),
                    Reading("temperature", 21.0, Quality.SUSPECT),
                    Reading("button", "single", Quality.BAD),
                ),
                AT,
                ({"type": "device_leave", "device": "bulb"},),
                1_795_000_000_123,
            ),
        ),
        retained=True,
        unregistered=True,
    ),
    DecodeFailed(
        at=AT,
        source="zigbee",
        topic="zigbee2mqtt/x",
        reason="no",
        device="smoke-1",
        category="fire",
        payload=b"\x00\xff",
    ),
    PacketRefused(at=AT, source="zigbee", topic="x", reason="another home", count=3),
    OperatorActed(
        at=AT,
        person="zhang",
        verb=Verb.VERDICT,
        target="home-a:1:7",
        via="link",
        verdict="false",
        cause="steam",
        checked_on_site=True,
    ),
    SendReported(
        at=AT,
        message="home-a:1:7.2",
        incident="home-a:1:7.1",
        channel="ntfy",
        person="zhang",
        outcome=Outcome.ANSWERED,
        reference="r",
        detail="d",
        final=False,
    ),
    LinkChanged(at=AT, link="broker:main", up=False, detail="refused", count=2),
    SiteChanged(at=AT, site=SITE, rules=RULES, ruleset="abc"),
    ClockStepped(at=AT, old=AT, new=AT + timedelta(hours=1), first_sync=True),
    EngineFaulted(at=AT, fault_id="home-a:1:q1", error="KeyError", device="smoke-1", category="fire"),
    TimePassed(at=AT),
)
EFFECTS: tuple[AnyEffect, ...] = (
    AlarmChanged(at=AT, reason="why", alarm=ALARM, change=Change.RAISED, by="zhang"),
    IncidentChanged(at=AT, incident=INCIDENT, change="opened", by="zhang"),
    Notify(
        at=AT,
        message="home-a:1:7.2",
        person="zhang",
        channel="ntfy",
        address="topic",
        alarm=ALARM,
        incident=INCIDENT,
        step=2,
        purpose="repeat",
    ),
    StopNotifying(at=AT, incident="home-a:1:7.1"),
    DriveSounder(at=AT, zone="ward-1", pattern=Pattern.EVACUATE, incident="home-a:1:7.1"),
    Refused(at=AT, person="zhang", verb="reset", target="home-a:1:7"),
)
WALK_TEST = WalkTest(
    id="home-a:1:11.w1",
    home="home-a",
    tester="zhang",
    started_at=AT,
    ends_at=AT + timedelta(hours=1),
    zones=("ward-1",),
    targets=("smoke-1", "smoke-2"),
    armed=Armed("smoke-2", AT, AT + timedelta(minutes=1)),
    proofs=(
        Proof(
            device="smoke-1",
            at=AT,
            kind=ProofKind.ALARM,
            alarm="home-a:1:12",
            point="smoke.alarm",
            value="true",
            cleared_at=AT,
            real_at=AT,
            real_because="why",
        ),
    ),
    real=(RealAlarm("home-a:1:13", "smoke-3", "ward-1", Category.FIRE, AT),),
    ended_at=AT,
    ended_by="zhang",
    ended_because="ended by a person",
)
PLAN = Plan(
    category=Category.FIRE,
    steps=(PlanStep(tell=("post:care",), channels=("sms",), order=ChannelOrder.IN_ORDER),),
    id="night",
    when=Schedule(begins=1320, ends=360, days=("workday",)),
    residents=(ResidentClass.DEMENTIA,),
    until=Until.ACKNOWLEDGED_BY_TWO,
    re_alarm_after=timedelta(minutes=2),
    channel_wait=timedelta(seconds=15),
    chains=(Chain(name="county", steps=(PlanStep(tell=("role:township",), after=timedelta(seconds=60)),)),),
    is_hastened=False,
)
CALLING = msgspec.structs.replace(
    INCIDENT,
    plan="night",
    pace=0.5,
    chains=(ChainProgress(name="county", step=1, next_step_at=AT, pace=0.5),),
    until=Until.ACKNOWLEDGED_BY_TWO,
    re_alarm_after=timedelta(minutes=2),
    seconded_by="li",
    seconded_at=AT,
    code="07",
)
LATER: tuple[tuple[AnyInput, tuple[AnyEffect, ...]], ...] = (
    (
        ModeRequested(
            at=AT,
            person="zhang",
            verb=ModeVerb.START,
            zones=("ward-1",),
            device="smoke-1",
            time_limit=timedelta(minutes=30),
            via="console",
        ),
        (
            WalkTestChanged(at=AT, reason="why", walk_test=WALK_TEST, change="started", device="smoke-1", by="zhang"),
            AlarmChanged(
                at=AT, alarm=msgspec.structs.replace(ALARM, test="home-a:1:11.w1"), change=Change.BECAME_REAL
            ),
        ),
    ),
    (
        DecodeFailed(at=AT, source="zigbee", topic="zigbee2mqtt/x", reason="no", kind="not_json"),
        (
            IncidentChanged(
                at=AT, incident=msgspec.structs.replace(INCIDENT, alarms_before=5), change="grew", by="zhang"
            ),
        ),
    ),
    (PacketRefused(at=AT, source="zigbee", topic="h/b/x", reason="another home", count=3, kind="other_home"), ()),
    (
        SuppressionRequested(
            at=AT,
            person="zhang",
            verb=SuppressionVerb.OUT_OF_SERVICE,
            target="smoke-1",
            duration=timedelta(hours=2),
            once=True,
            reason="dirty",
            substitute="patrol",
            confirmed_by="wang",
            via="console",
        ),
        (
            SuppressionChanged(
                at=AT,
                reason="dirty",
                kind=SuppressionKind.OUT_OF_SERVICE,
                change="began",
                rule="smoke",
                subject="smoke-1",
                mode="home-a:1:14.x1",
                by="zhang",
                confirmed_by="wang",
                until=AT,
                substitute="patrol",
            ),
            AlarmChanged(
                at=AT,
                alarm=msgspec.structs.replace(
                    ALARM,
                    suppression=Suppression(SuppressionKind.BY_DESIGN, AT, "why", "zhang", "home-a:1:3"),
                ),
                change=Change.HELD,
            ),
        ),
    ),
    (
        ModeRequested(
            at=AT,
            person="wang",
            verb=ModeVerb.START,
            mode=Mode.DRILL,
            device="smoke-1",
            devices=("smoke-1",),
            reason="monthly",
            target="x",
        ),
        (
            DrillChanged(
                at=AT,
                reason="the drill is completed",
                drill=Drill(
                    id="home-a:1:15.d1",
                    home="home-a",
                    by="wang",
                    device="smoke-1",
                    zone="ward-1",
                    category=Category.FIRE,
                    started_at=AT,
                    ends_at=AT,
                    alarm="home-a:1:15",
                    incident="home-a:1:15.i1",
                    ended_at=AT,
                    ended_by="wang",
                    ended_because="why",
                ),
                change="ended",
                by="wang",
                sheet=TimingSheet(
                    told_s=0.0,
                    acknowledged_s=12.5,
                    verdict_s=60.0,
                    reset_s=90.0,
                    told=("zhang",),
                    lines=(TimingLine(12.5, "acknowledged", "zhang", "…"),),
                ),
            ),
            DriveSounder(at=AT, zone="ward-1", pattern=Pattern.EVACUATE, incident="home-a:1:15.i1", drill=True),
            IncidentChanged(
                at=AT,
                incident=msgspec.structs.replace(
                    INCIDENT,
                    verdict=Verdict(VerdictKind.REAL, "zhang", AT, "", "to_hospital", (("called_120", AT),)),
                    explained=3,
                    verification=Verification.OVERDUE,
                    verify_at=AT,
                    drill="home-a:1:15.d1",
                ),
                change="closed",
            ),
        ),
    ),
    (
        OperatorActed(
            at=AT,
            person="zhang",
            verb=Verb.VERDICT,
            target="home-a:1:7",
            finding="to_hospital",
            times={"called_120": AT},
        ),
        (),
    ),
    (
        ChannelProven(
            at=AT,
            person="zhang",
            channel="ntfy",
            message="home-a:test:1",
            outcome=Outcome.ACCEPTED,
            lag=timedelta(seconds=1.5),
            lag_max=timedelta(seconds=60),
            answer_within=timedelta(hours=1),
            holds_for=timedelta(hours=26),
            detail="d",
        ),
        (),
    ),
    (GapExplained(at=AT, person="zhang", row=7, reason="停电", via="console"), ()),
    (
        ProcedureTicked(at=AT, person="zhang", incident="home-a:1:7.1", rule="smoke", step=2, done=False, via="app"),
        (
            IncidentChanged(
                at=AT,
                incident=msgspec.structs.replace(
                    INCIDENT, ticks=(Tick("smoke", 2, "zhang", AT),), support_by="zhang", support_at=AT
                ),
                change="ticked",
            ),
        ),
    ),
    (SupportRequested(at=AT, person="zhang", incident="home-a:1:7.1", via="app"), ()),
    (
        HandedOver(
            at=AT,
            person="zhang",
            post="care",
            outgoing="zhang",
            incoming="li",
            note="n",
            open_items="a\nb",
            refused_because="r",
            via="console",
        ),
        (
            HandoverChanged(
                at=AT,
                handover=Handover(
                    post="care",
                    outgoing="zhang",
                    incoming="li",
                    at=AT,
                    by="zhang",
                    note="n",
                    open_items="a\nb",
                    is_substitute=True,
                    refused_because="r",
                    counts_until=AT,
                ),
                change="refused",
                by="zhang",
            ),
        ),
    ),
    (
        SiteChanged(
            at=AT, site=msgspec.structs.replace(SITE, plans=(PLAN,), is_single_staffed=True), rules=(), ruleset="abc"
        ),
        (
            IncidentChanged(at=AT, incident=CALLING, change="seconded", by="li"),
            Notify(
                at=AT,
                message="home-a:1:22.m1",
                person="li",
                channel="sms",
                address="1",
                alarm=ALARM,
                incident=CALLING,
                code="07",
            ),
        ),
    ),
)
"""Inputs with their effects that came after the first ones: a golden line each, behind those of INPUTS."""
ENTRIES = [
    JournalEntry(HOME, 1, seq, AT, happened, EFFECTS if seq == 1 else (), -5)
    for seq, happened in enumerate(INPUTS, start=1)
] + [
    JournalEntry(HOME, 1, seq, AT, happened, effects, -5)
    for seq, (happened, effects) in enumerate(LATER, start=len(INPUTS) + 1)
]


def test_version_1_is_read_as_it_was_written() -> None:
    body = join_entries(GOLDEN.read_bytes().splitlines())
    assert decode_entries(1, body, HOME, 1)[: len(ENTRIES)] == ENTRIES


def test_today_is_read_as_it_is_written() -> None:
    assert decode_entries(WIRE, encode_entries(ENTRIES), HOME, 1) == ENTRIES
    assert join_entries([encode_entry(entry) for entry in ENTRIES]) == encode_entries(ENTRIES)


@pytest.mark.parametrize("union", [AnyInput, AnyEffect], ids=["inputs", "effects"])
def test_every_input_and_effect_stands_in_the_golden_file(union: object) -> None:
    entries = decode_entries(1, join_entries(GOLDEN.read_bytes().splitlines()), HOME, 1)
    found = {type(entry.input) for entry in entries} | {type(effect) for entry in entries for effect in entry.effects}
    assert set(typing.get_args(union)) <= found, "add an entry with the new type to this test and to the golden file"


def test_a_version_of_the_future_is_refused() -> None:
    with pytest.raises(WireTooNew, match=r"version 2.*reads up to 1"):
        decode_entries(WIRE + 1, encode_entries(ENTRIES), HOME, 1)


async def test_a_row_of_the_future_is_refused_by_the_journal_too(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.commit([telemetry(1)])
        await record.commit([telemetry(2)])
    with sqlite3.connect(tmp_path / "journal.db") as database:
        database.execute("UPDATE segment SET wire=2 WHERE first_seq=1")
    database.close()
    async with journal(tmp_path) as record:
        with pytest.raises(WireTooNew):
            await record.read(HOME, 0)


@pytest.mark.parametrize("body", [b"", b"[", b"{}", b"[[1]]", b'[[1,"x",{},[],0]]', b"[null]", b'[[1,"2026-11-22T08'])
def test_a_broken_body_is_named(body: bytes) -> None:
    with pytest.raises(WireBroken, match="home-a"):
        decode_entries(1, body, HOME, 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_comes_back_as_nan(value: float) -> None:
    reports = (Report("a", (Reading("temperature", value), Reading("humidity", 50.0))),)
    entry = JournalEntry(HOME, 1, 1, AT, ReadingsArrived(at=AT, source="s", reports=reports))
    (found,) = decode_entries(WIRE, encode_entries([entry]), HOME, 1)
    assert isinstance(found.input, ReadingsArrived)
    first, second = found.input.reports[0].readings
    assert isinstance(first.value, float)
    assert math.isnan(first.value)
    assert second == Reading("humidity", 50.0)


def test_half_a_surrogate_pair_does_not_stop_the_journal() -> None:
    entry = JournalEntry(HOME, 1, 1, AT, PacketRefused(at=AT, source="s", topic="a\ud800b", reason="😀"))
    (found,) = decode_entries(WIRE, encode_entries([entry]), HOME, 1)
    assert found.input == PacketRefused(at=AT, source="s", topic="a\ufffdb", reason="😀")


@pytest.mark.parametrize(
    ("entry", "archived", "rank"),
    [
        (telemetry(1), False, TELEMETRY),
        (alarm_entry(1), True, DANGER),
        (alarm_entry(1, category=Category.GAS), True, DANGER),
        (alarm_entry(1, category=Category.TROUBLE), True, NOTEWORTHY),
        (msgspec.structs.replace(alarm_entry(1), effects=()), False, DANGER),
        (JournalEntry(HOME, 1, 1, AT, INPUTS[3]), True, DANGER),
        (JournalEntry(HOME, 1, 1, AT, INPUTS[4]), True, NOTEWORTHY),
        (JournalEntry(HOME, 1, 1, AT, INPUTS[5]), False, NOTEWORTHY),
        (JournalEntry(HOME, 1, 1, AT, INPUTS[1]), False, DANGER),
        (JournalEntry(HOME, 1, 1, AT, INPUTS[9], (EFFECTS[1],)), True, DANGER),
        (JournalEntry(HOME, 1, 1, AT, INPUTS[9]), False, NOTEWORTHY),
    ],
)
def test_what_is_kept_longest(entry: JournalEntry, archived: bool, rank: int) -> None:
    assert (is_archived(entry), rank_of(entry)) == (archived, rank)
