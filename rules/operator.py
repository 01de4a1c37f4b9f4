"""The four verbs of people: silence, acknowledge, verdict, reset. What is not allowed is refused, with a reason."""

from __future__ import annotations

from rules.alarm import Alarm, Category
from rules.alarms import Alarms
from rules.duty import Duty
from rules.effects import Refused
from rules.incident import OUTCOME_TIMES, Finding, Verdict, VerdictKind
from rules.incidents import Incidents
from rules.inputs import OperatorActed, Verb
from rules.lifecycle import IllegalTransition
from rules.turn import Turn

TEST_ALARM = "a test alarm: it is over when its detector clears; end the walk test to make it a real one"


HELD = "held back: it belongs to no incident while it calls nobody"

OTHER_KIND = "this outcome does not go with that verdict"
BAD_TIME = "a time beside an outcome is one of those asked for, and not in the future"
NEEDS_TIME = "somebody taken to hospital: write down when 120 was called, or when they left"


class OperatorDesk:
    """Does what a person asked for, to one alarm or to all alarms of an incident."""

    def __init__(self, alarms: Alarms, incidents: Incidents) -> None:
        self._alarms = alarms
        self._incidents = incidents

    def act(self, turn: Turn, duty: Duty, asked: OperatorActed) -> list[Alarm]:
        """Do it, or refuse with a reason (a `Refused` effect). Returns the alarms that were reset."""
        alarm = self._alarms.open.get(asked.target)
        targets = [alarm] if alarm is not None else self._alarms.of_incident(asked.target)
        if not targets:
            self._refuse(turn, asked, "unknown here, or over already")
            return []
        if alarm is not None and alarm.test:
            self._refuse(turn, asked, TEST_ALARM)
            return []
        if alarm is not None and alarm.held and asked.verb in (Verb.SILENCE, Verb.VERDICT):
            self._refuse(turn, asked, HELD)
            return []
        match asked.verb:
            case Verb.SILENCE:
                if not self._incidents.silence(turn, targets[0].incident, asked.person):
                    self._refuse(turn, asked, "nothing sounds for this incident")
            case Verb.ACKNOWLEDGE:
                self._acknowledge(turn, duty, asked, targets)
            case Verb.VERDICT:
                self._judge(turn, duty, asked, targets[0])
            case Verb.RESET:
                return self._reset(turn, duty, asked, targets)
        return []

    def _acknowledge(self, turn: Turn, duty: Duty, asked: OperatorActed, targets: list[Alarm]) -> None:
        fresh = [alarm for alarm in targets if alarm.acknowledged is None]
        for alarm in fresh:
            self._alarms.acknowledge(turn, duty, alarm, asked.person)
        if not fresh:
            refusal = self._incidents.second(turn, duty, targets[0].incident, asked.person, targets[0])
            if refusal:
                self._refuse(turn, asked, refusal)

    def _judge(self, turn: Turn, duty: Duty, asked: OperatorActed, alarm: Alarm) -> None:
        refusal = self._verdict_refusal(turn, asked)
        if refusal:
            self._refuse(turn, asked, refusal)
            return
        kind = Finding(asked.finding).kind if asked.finding else VerdictKind(asked.verdict)
        finding = asked.finding or _only_finding(kind, self._incidents.open[alarm.incident].category)
        times = tuple(sorted(asked.times.items(), key=lambda named: OUTCOME_TIMES.index(named[0])))
        verdict = Verdict(kind, asked.person, turn.at, asked.cause.strip(), finding, times)
        self._incidents.judge(turn, duty, alarm.incident, verdict, alarm)

    @staticmethod
    def _verdict_refusal(turn: Turn, asked: OperatorActed) -> str:
        """Why a verdict is not one, or "". An outcome code says the kind; a false alarm needs its cause."""
        kinds, findings = [kind.value for kind in VerdictKind], [finding.value for finding in Finding]
        if asked.finding and asked.finding not in findings:
            return f"an outcome is one of {', '.join(findings)}"
        if not asked.finding and asked.verdict not in kinds:
            return f"a verdict is one of {', '.join(kinds)}"
        kind = Finding(asked.finding).kind.value if asked.finding else asked.verdict
        if asked.verdict not in ("", kind):
            return OTHER_KIND
        if kind == VerdictKind.FALSE and not asked.cause.strip():
            return "a false alarm needs its cause"
        if set(asked.times) - set(OUTCOME_TIMES) or any(at > turn.at for at in asked.times.values()):
            return BAD_TIME
        return NEEDS_TIME if asked.finding == Finding.TO_HOSPITAL and not asked.times else ""

    def _reset(self, turn: Turn, duty: Duty, asked: OperatorActed, targets: list[Alarm]) -> list[Alarm]:
        done = []
        for alarm in targets:
            try:
                self._alarms.reset(turn, duty, alarm, asked.person, checked=asked.checked_on_site)
                done.append(alarm)
            except IllegalTransition as refusal:
                self._refuse(turn, asked, f"{alarm.subject}: {refusal}")
        return done

    @staticmethod
    def _refuse(turn: Turn, asked: OperatorActed, reason: str) -> None:
        turn.effects.append(
            Refused(at=turn.at, reason=reason, person=asked.person, verb=asked.verb.value, target=asked.target)
        )


_REAL = {
    Category.FIRE: Finding.REAL_FIRE,
    Category.GAS: Finding.REAL_GAS,
    Category.ELECTRICAL: Finding.ELECTRICAL_HAZARD,
}


def _only_finding(kind: VerdictKind, category: Category) -> str:
    """The outcome that a bare verdict can only mean, or "": what became of a person has to be said."""
    match kind:
        case VerdictKind.FALSE:
            return Finding.FALSE_ALARM.value
        case VerdictKind.TEST:
            return Finding.TEST.value
        case VerdictKind.REAL:
            found = _REAL.get(category)
            return found.value if found is not None else ""
