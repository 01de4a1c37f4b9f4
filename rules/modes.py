"""The modes that a home can be in beside its normal one. Today: the walk test; drill and maintenance join it here.

A mode never decides that there is no danger, it only decides who is told: an alarm that counts as a test is raised,
on record and shown like any other, and is a real one as soon as anything does not go as the tester said it would.
While a fire or gas alarm that is no test is open in the home, nothing counts as a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from rules.alarm import Alarm, Category
from rules.alarms import Alarms
from rules.cause import Cause
from rules.deadlines import Deadlines
from rules.duty import Duty
from rules.effects import Refused, WalkTestChanged
from rules.inputs import ModeRequested, ModeVerb
from rules.proof import proves
from rules.site import Device, Site
from rules.supervision import DeviceState
from rules.turn import Turn
from rules.walk_test import (
    ARMED_FOR,
    CLEARS_WITHIN,
    REAL_MAX,
    TIME_LIMIT_MAX,
    TIME_LIMIT_MIN,
    Armed,
    Proof,
    ProofKind,
    RealAlarm,
    WalkTest,
    can_be_walked,
)

Refusal = str
"""Why a person's wish is not done; "" is none."""

_LIMIT = ("walk_test", "limit")
_DISARM = ("walk_test", "disarm")
_EVACUATE = (Category.FIRE, Category.GAS)


class Modes:
    """Begins and ends the walk test, claims the alarms that are tests, and makes them real ones."""

    def __init__(self, alarms: Alarms, deadlines: Deadlines) -> None:
        self._alarms = alarms
        self._deadlines = deadlines
        self.walk_test: WalkTest | None = None
        alarms.tests = self

    # people

    def ask(
        self, turn: Turn, duty: Duty, site: Site, devices: Mapping[str, DeviceState], asked: ModeRequested
    ) -> Alarm | None:
        """Do what a person asked for, or refuse with a reason. Returns the test alarm that was ended by a word."""
        test = self.walk_test
        ended: Alarm | None = None
        refusal: Refusal
        if asked.verb is ModeVerb.START:
            refusal = self._start(turn, site, asked)
        elif test is None:
            refusal = NOT_RUNNING
        elif asked.verb is ModeVerb.END:
            refusal = ""
            self._end(turn, duty, "ended by a person", asked.person)
        elif asked.person != test.tester:
            refusal = OTHER_TESTER
        elif asked.verb is ModeVerb.ARM:
            refusal = self._arm(turn, test, devices.get(asked.device))
        else:
            ended = next((a for a in self._alarms.open_tests() if a.subject == asked.device), None)
            refusal = self._cleared(turn, duty, ended, asked.person)
        if refusal:
            turn.effects.append(refused_mode(turn, asked, refusal))
            return None
        return ended

    def _start(self, turn: Turn, site: Site, asked: ModeRequested) -> Refusal:
        if self.walk_test is not None:
            return RUNNING
        if not TIME_LIMIT_MIN <= asked.time_limit <= TIME_LIMIT_MAX:
            return BAD_LIMIT
        if set(asked.zones) - {zone.id for zone in site.zones}:
            return NO_ZONE
        if self._burning():
            return BURNING
        zones = tuple(dict.fromkeys(asked.zones))
        targets = tuple(d.id for d in site.devices if can_be_walked(d) and (not zones or d.zone in zones))
        if not targets:
            return NO_TARGET
        test = WalkTest(
            id=turn.walk_test_id(),
            home=site.id,
            tester=asked.person,
            started_at=turn.at,
            ends_at=turn.at + asked.time_limit,
            zones=zones,
            targets=targets,
        )
        self._deadlines.set(_LIMIT, test.ends_at)
        self.walk_test = test
        turn.effects.append(WalkTestChanged(at=turn.at, walk_test=test, change="started", by=asked.person))
        return ""

    def _arm(self, turn: Turn, test: WalkTest, state: DeviceState | None) -> Refusal:
        if state is None or not test.covers(state.device.zone):
            return OUT_OF_SCOPE
        device = state.device
        if not can_be_walked(device):
            return ALWAYS_REAL
        refusal = self._not_now(test, device)
        if refusal:
            return refusal
        targets = test.targets if device.id in test.targets else (*test.targets, device.id)
        armed = Armed(device.id, turn.at, turn.at + ARMED_FOR)
        self._deadlines.set(_DISARM, armed.until)
        self._put(turn, replace(test, targets=targets, armed=armed), "armed", device.id, by=test.tester)
        return ""

    def _not_now(self, test: WalkTest, device: Device) -> Refusal:
        proof = test.proof_of(device.id)
        if proof is not None and proof.kind is ProofKind.ALARM:
            return PROVEN
        if self._burning():
            return BURNING
        if any(alarm.subject == device.id and proves(alarm.category, alarm.point) for alarm in self._open()):
            return IN_ALARM
        if any(key[0] == "raise" and key[2] == device.id for _, _, key in self._deadlines.to_list()):
            return IN_ALARM
        if any(alarm.zone != device.zone for alarm in self._alarms.open_tests()):
            return OTHER_ZONE
        return ""

    def _cleared(self, turn: Turn, duty: Duty, alarm: Alarm | None, person: str) -> Refusal:
        """The tester stands there and says that it has stopped: enough where the device's own word is not trusted."""
        if alarm is None:
            return NO_TEST_ALARM
        if alarm.clears_are_trusted:
            return STILL
        self._alarms.end_test(turn, duty, alarm, "walk test: the tester says that it has stopped", person)
        return ""

    # alarms

    def claim(self, turn: Turn, cause: Cause) -> str:
        """The walk test that an alarm counts for: only the armed detector's own, once, and nothing else burning."""
        test = self.walk_test
        armed = test.armed if test is not None else None
        if test is None or not cause.by_rule or not self._was_begun_by_tester(turn, test, armed, cause):
            return ""
        if cause.found or turn.late or cause.point == "manual_call.alarm" or not proves(cause.category, cause.point):
            return ""
        if not test.covers(cause.zone) or self._burning():
            return ""
        if any(alarm.zone != cause.zone for alarm in self._alarms.open_tests()):
            return ""
        return test.id

    def _was_begun_by_tester(self, turn: Turn, test: WalkTest, armed: Armed | None, cause: Cause) -> bool:
        proof = test.proof_of(cause.subject)
        if proof is not None and proof.kind is ProofKind.ALARM:
            # One press, one packet: what the same packet says beside it is the same signal.
            return proof.at == turn.at and turn.made(proof.alarm)
        return armed is not None and armed.device == cause.subject and turn.at < armed.until

    def on_test(self, turn: Turn, alarm: Alarm) -> None:
        """A test alarm was raised: its detector is ticked off, and it has two minutes to clear."""
        self._deadlines.set(("test_alarm", alarm.id), turn.at + CLEARS_WITHIN)
        test = self.walk_test
        proof = test.proof_of(alarm.subject) if test is not None else None
        if test is None or (proof is not None and proof.kind is ProofKind.ALARM):
            return
        proof = Proof(
            device=alarm.subject,
            at=turn.at,
            kind=ProofKind.ALARM,
            alarm=alarm.id,
            point=alarm.point,
            value=alarm.value,
        )
        self._deadlines.cancel(_DISARM)
        self._prove(turn, replace(test, armed=None), proof, "proven")

    def on_self_test(self, turn: Turn, device: Device) -> None:
        """A device says that it tests itself. If it is the armed one, it is ticked off (its alarm may still come)."""
        test = self.walk_test
        if test is None or test.armed is None or test.armed.device != device.id or turn.at >= test.armed.until:
            return
        if test.covers(device.zone) and test.proof_of(device.id) is None:
            proof = Proof(device=device.id, at=turn.at, kind=ProofKind.SELF_TEST, point="test")
            self._prove(turn, test, proof, "proven")

    def on_test_over(self, turn: Turn, duty: Duty, alarm: Alarm, *, cleared: bool) -> None:
        """A test alarm is over: it cleared, or its rule or device is gone."""
        self._deadlines.cancel(("test_alarm", alarm.id))
        test = self.walk_test
        proof = test.proof_of(alarm.subject) if test is not None else None
        last = all(other.subject != alarm.subject for other in self._alarms.open_tests())
        if test is not None and proof is not None and cleared and last:
            self._prove(turn, test, replace(proof, cleared_at=turn.at), "cleared")
        self._end_if_done(turn, duty)

    def on_real(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """A real alarm was raised: fire and gas anywhere, a second alarm or a second zone make test alarms real."""
        test = self.walk_test
        if test is None or alarm.category.rank > Category.ELECTRICAL.rank:
            return
        if len(test.real) < REAL_MAX:
            real = RealAlarm(alarm.id, alarm.subject, alarm.zone, alarm.category, turn.at)
            self._put(turn, replace(test, real=(*test.real, real)), "real_alarm", alarm.subject)
        self._make_others_real(turn, duty, alarm)
        self._end_if_done(turn, duty)

    def _make_others_real(self, turn: Turn, duty: Duty, alarm: Alarm) -> None:
        """Beside a real alarm that asks for it no alarm stays a test, and what becomes real for it asks the same."""
        for other in self._alarms.open_tests():
            reason = _makes_real(alarm, other)
            if reason and self._alarms.open[other.id].test:
                self._promote(turn, duty, other, reason)

    def _promote(self, turn: Turn, duty: Duty, alarm: Alarm, reason: str) -> None:
        self._deadlines.cancel(("test_alarm", alarm.id))
        real = self._alarms.become_real(turn, duty, alarm, f"walk test: {reason}")
        test = self.walk_test
        proof = test.proof_of(alarm.subject) if test is not None else None
        if test is not None and proof is not None and proof.real_at is None:
            self._prove(turn, test, replace(proof, real_at=turn.at, real_because=reason), "became_real")
        self._make_others_real(turn, duty, real)

    # time and configuration

    def due(self, turn: Turn, duty: Duty, what: str) -> None:
        """A deadline of the walk test: nobody pressed the armed detector, or its limit is over."""
        test = self.walk_test
        if test is None:
            return
        if what == "limit":
            self._end(turn, duty, "time limit")
        elif test.armed is not None:
            self._put(turn, replace(test, armed=None), "disarmed", test.armed.device)
            self._end_if_done(turn, duty)

    def overdue(self, turn: Turn, duty: Duty, alarm_id: str) -> None:
        """A test alarm did not clear in time."""
        alarm = self._alarms.open.get(alarm_id)
        if alarm is not None and alarm.test:
            self._promote(turn, duty, alarm, "not cleared within 2 minutes")
            self._end_if_done(turn, duty)

    def on_site(self, turn: Turn, devices: Mapping[str, DeviceState]) -> None:
        """A new site: an armed device that is gone or moved out of the scope is armed no more."""
        test = self.walk_test
        if test is None or test.armed is None:
            return
        state = devices.get(test.armed.device)
        if state is None or not test.covers(state.device.zone) or not can_be_walked(state.device):
            self._deadlines.cancel(_DISARM)
            self._put(turn, replace(test, armed=None), "disarmed", test.armed.device)

    # the end

    def _end_if_done(self, turn: Turn, duty: Duty) -> None:
        test = self.walk_test
        if test is None or test.armed is not None or self._alarms.open_tests():
            return
        if test.proven == len(test.targets):
            self._end(turn, duty, "all proven")

    def _end(self, turn: Turn, duty: Duty, because: str, by: str = "") -> None:
        """The test is over. What is still in alarm as a test is a real alarm: nobody stands there any more."""
        while open_tests := self._alarms.open_tests():
            self._promote(turn, duty, open_tests[0], "the walk test ended before it cleared")
        test = self.walk_test
        if test is None:
            return
        self._deadlines.cancel(_LIMIT)
        self._deadlines.cancel(_DISARM)
        self.walk_test = None
        whole = replace(test, armed=None, ended_at=turn.at, ended_by=by, ended_because=because)
        turn.effects.append(WalkTestChanged(at=turn.at, reason=because, walk_test=whole, change="ended", by=by))

    # parts

    def _open(self) -> list[Alarm]:
        return list(self._alarms.open.values())

    def _burning(self) -> bool:
        """Whether a fire or gas alarm that is no test and calls people is open anywhere in the home."""
        return any(alarm.category in _EVACUATE and not alarm.held for alarm in self._alarms.open.values())

    def _prove(self, turn: Turn, test: WalkTest, proof: Proof, change: str) -> None:
        others = tuple(each for each in test.proofs if each.device != proof.device)
        test = replace(test, proofs=(*others, proof))
        self.walk_test = test
        self._tell(turn, replace(test, proofs=(proof,), real=()), change, proof.device)

    def _put(self, turn: Turn, test: WalkTest, change: str, device: str, by: str = "") -> None:
        self.walk_test = test
        real = test.real[-1:] if change == "real_alarm" else ()
        self._tell(turn, replace(test, proofs=(), real=real), change, device, by)

    @staticmethod
    def _tell(turn: Turn, new: WalkTest, change: str, device: str, by: str = "") -> None:
        shown = replace(new, targets=())
        turn.effects.append(WalkTestChanged(at=turn.at, walk_test=shown, change=change, device=device, by=by))


def refused_mode(turn: Turn, asked: ModeRequested, reason: Refusal) -> Refused:
    """What a person is told whose wish about a mode is not done."""
    verb = f"{asked.mode.value}.{asked.verb.value}"
    return Refused(at=turn.at, reason=reason, person=asked.person, verb=verb, target=asked.target or asked.device)


def _makes_real(alarm: Alarm, test: Alarm) -> Refusal:
    """Why a real alarm makes a test alarm a real one, or ""."""
    if alarm.point == "manual_call.alarm":
        return "a manual call point was pressed"
    if alarm.subject == test.subject:
        return "a second alarm of the same detector"
    if alarm.category in _EVACUATE:
        return "a real fire or gas alarm came"
    if alarm.category is test.category and alarm.zone != test.zone:
        return "a second zone is in alarm"
    return ""


def ends_in(test: WalkTest, now: datetime) -> float:
    """Seconds until the walk test ends by itself; never negative."""
    return max(0.0, (test.ends_at - now).total_seconds())


NOT_RUNNING = "no walk test is running"
RUNNING = "a walk test is running already: end it first"
OTHER_TESTER = "only the person who began the walk test can do this"
BAD_LIMIT = "the time limit must be 1 minute to 4 hours"
NO_ZONE = "a zone of the scope is not in the site file"
NO_TARGET = "no detector in this scope can be tested this way"
BURNING = "a real fire or gas alarm is open: deal with it and reset it first"
OUT_OF_SCOPE = "this device is not in the scope of the walk test"
ALWAYS_REAL = "an alarm of this device is always a real one"
PROVEN = "this detector is proven already; another alarm of it is a real one"
IN_ALARM = "this device is in alarm: reset it first"
OTHER_ZONE = "the test alarm in the other zone has not cleared yet: wait for it"
NO_TEST_ALARM = "this device has no open test alarm"
STILL = "this detector tells by itself when it has cleared: wait for it"

REFUSALS = (
    NOT_RUNNING,
    RUNNING,
    OTHER_TESTER,
    BAD_LIMIT,
    NO_ZONE,
    NO_TARGET,
    BURNING,
    OUT_OF_SCOPE,
    ALWAYS_REAL,
    PROVEN,
    IN_ALARM,
    OTHER_ZONE,
    NO_TEST_ALARM,
    STILL,
)
