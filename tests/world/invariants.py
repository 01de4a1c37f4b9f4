"""What must hold of an engine after every input, whatever came before."""

from __future__ import annotations

from datetime import timedelta

from devices.reading import DANGER_POINTS, Quality
from rules.alarm import Category, SuppressionKind
from rules.effects import AlarmChanged, AnyEffect, Change, DriveSounder, IncidentChanged, Notify, Pattern
from rules.engine import Engine
from rules.inputs import AnyInput, ReadingsArrived

TEST_ENDS = ("walk test: it cleared", "walk test: the tester says", "rule or device no longer in the configuration")


def dangers_of(happened: AnyInput) -> list[tuple[str, str]]:
    """(device, point) of each danger point that a live packet believably says True of."""
    if not isinstance(happened, ReadingsArrived) or happened.retained:
        return []
    return [
        (report.device, reading.point)
        for report in happened.reports
        for reading in report.readings
        if reading.value is True and reading.point in DANGER_POINTS and reading.quality is not Quality.BAD
    ]


def check_raised(engine: Engine, happened: AnyInput) -> None:
    """A danger said live has an open, active alarm of its category about that device, now."""
    for device, point in dangers_of(happened):
        open_ones = [
            alarm
            for alarm in engine.alarms.values()
            if alarm.subject == device and alarm.category.value == DANGER_POINTS[point] and alarm.active
        ]
        assert open_ones, f"{point} of {device} was swallowed"


def check_effects(happened: AnyInput, effects: tuple[AnyEffect, ...]) -> None:
    """Effects are in order, not in the future, and no danger ends but by a person or a new configuration.

    A test alarm may also end by clearing: the tester stands there.
    """
    instants = [effect.at for effect in effects]
    assert instants == sorted(instants) and all(at <= happened.at for at in instants)
    messages = [n.message for n in effects if isinstance(n, Notify)]
    assert len(messages) == len(set(messages))
    for change in effects:
        if not isinstance(change, AlarmChanged):
            continue
        alarm = change.alarm
        assert alarm.open is (change.change not in (Change.CLOSED, Change.RESET))
        if alarm.test:
            assert alarm.open or change.reason.startswith(TEST_ENDS)
        elif not alarm.open and alarm.category.endangers_people and not alarm.drill:
            configured = change.reason == "rule or device no longer in the configuration"
            raised_anew = (alarm.subject, alarm.point) in {
                (e.alarm.subject, e.alarm.point)
                for e in effects if isinstance(e, AlarmChanged) and e.change is Change.RAISED
            }
            assert (change.change is Change.RESET and change.by and alarm.acknowledged) or (
                configured and (alarm.held or raised_anew)
            ), "a danger ended and no person ended it"
        if change.change is Change.RESET and alarm.incident and alarm.category in (Category.FIRE, Category.GAS):
            left = [e.incident for e in effects if isinstance(e, IncidentChanged) and e.incident.id == alarm.incident]
            verdict = left[-1].verdict
            assert verdict is not None and verdict.finding, "a fire or gas alarm ended and nobody said what it was"
        if change.change is Change.CLEARED:
            assert alarm.clears_are_trusted or not alarm.latched


def check_state(engine: Engine) -> None:
    """What must hold of the engine's state between any two inputs."""
    alarms, incidents = engine.alarms, engine.incidents
    assert all(alarm.open and (alarm.active or alarm.latched) for alarm in alarms.values())
    assert len({(a.rule, a.subject) for a in alarms.values()}) == len(alarms)
    assert {a.incident for a in alarms.values() if not a.held} == set(incidents)
    assert all(a.incident == "" for a in alarms.values() if a.held)
    assert len({(i.zone, i.category, i.drill) for i in incidents.values()}) == len(incidents)
    assert {i.drill for i in incidents.values()} <= {"", engine.drills.running.id if engine.drills.running else ""}
    check_tests(engine)
    check_held(engine)
    for alarm in alarms.values():
        if alarm.held:
            continue
        incident = incidents[alarm.incident]
        assert (alarm.id in incident.alarms or incident.alarms_before) and alarm.category is incident.category
    for incident in incidents.values():
        taken = all(a.acknowledged for a in alarms.values() if a.incident == incident.id)
        assert (incident.acknowledged_at is not None) is taken
        due = engine.deadlines.due_at(("step", incident.id))
        assert due == incident.next_step_at
        if incident.acknowledged_at is None and due is None:
            plan = engine.duty.plans.of_incident(incident)
            assert plan.repeats_max and not incident.category.endangers_people
    due = engine.next_deadline()
    assert due is None or engine.now is None or due >= engine.now
    assert {m.incident for m in engine.escalation.messages.by_id.values()} <= set(incidents)
    for state in engine.devices.values():
        assert state.silent or ("silent", state.device.id) in engine.deadlines


def check_held(engine: Engine) -> None:
    """Whatever is held back has an end, and no danger is held back but of a device out of service or a test."""
    held, now = engine.suppressions.held(), engine.now
    ends = [(("unshelve", each.rule, each.subject), each) for each in held.shelves]
    ends += [(("return", each.device), each) for each in held.devices]
    ends += [(("maintenance", each.id), each) for each in held.maintenances]
    for key, each in ends:
        assert now is not None and engine.deadlines.due_at(key) == each.until
        assert now < each.until <= each.at + timedelta(hours=24)
    out = {each.device for each in held.devices}
    for alarm in engine.alarms.values():
        if alarm.category.endangers_people and alarm.held and not alarm.test:
            assert alarm.subject in out and alarm.suppression.kind is SuppressionKind.OUT_OF_SERVICE
        # A danger may call all the same: a test alarm that became real does.
        if alarm.subject in out and not (alarm.test or alarm.drill or alarm.category.endangers_people):
            assert alarm.held
        if alarm.suppression.kind is SuppressionKind.BY_DESIGN and not alarm.test:
            cause = engine.alarms.get(alarm.suppression.cause)
            settling = ("explained", alarm.suppression.cause) in engine.deadlines
            assert settling or (cause is not None and cause.active)
    drill = engine.drills.running
    assert {alarm.drill for alarm in engine.alarms.values()} <= {"", drill.id if drill else ""}
    assert drill is None or (now is not None and now < drill.ends_at and drill.alarm in engine.alarms)


def check_tests(engine: Engine) -> None:
    """What must hold of test alarms: each within its bounds, none beside a fire, none beside another zone's."""
    tests = [alarm for alarm in engine.alarms.values() if alarm.test]
    running = engine.walk_test
    for alarm in tests:
        assert running is not None and alarm.test == running.id and engine.now is not None
        assert engine.now < alarm.raised_at + timedelta(minutes=2), "a test alarm is open for more than two minutes"
        assert engine.deadlines.due_at(("test_alarm", alarm.id)) == alarm.raised_at + timedelta(minutes=2)
        assert alarm.incident == "" and alarm.active and not alarm.found and not alarm.late
        assert alarm.point != "manual_call.alarm" and running.covers(alarm.zone)
        assert alarm.suppression.kind is SuppressionKind.BY_DESIGN
    assert len({alarm.zone for alarm in tests}) <= 1
    if tests:
        assert not [a for a in engine.alarms.values() if a.category in (Category.FIRE, Category.GAS) and not a.held]
    if running is not None:
        assert engine.now is not None and engine.now < running.ends_at <= running.started_at + timedelta(hours=4)
        assert engine.deadlines.due_at(("walk_test", "limit")) == running.ends_at
        assert running.armed is None or engine.now < running.armed.until


def check_sounders(engine: Engine, driven: dict[str, DriveSounder], effects: tuple[AnyEffect, ...]) -> None:
    """What each zone's sounder was told last is what the engine says it must do. `driven` is kept up to date."""
    for effect in effects:
        if isinstance(effect, DriveSounder):
            driven[effect.zone] = effect
    told = {zone: drive.pattern for zone, drive in driven.items() if drive.pattern is not Pattern.OFF}
    assert {drive.zone: drive.pattern for drive in engine.sounding()} == told
