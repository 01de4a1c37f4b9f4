"""The planted faults: one changed line of `rules/` each, and the test module that must fail of it.

`SHORT` are those that `make test` plants; `make mutations` plants all.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """One fault: `old` stands once in the file, and becomes `new`; `tests` (below tests/unit) must see it."""

    name: str
    file: str
    old: str
    new: str
    tests: str


MUTATIONS = (
    # lifecycle and alarms
    Mutation("reset-while-active", "lifecycle", "Move.RESET: _STILL,", "Move.RESET: Phase.CLOSED,", "test_lifecycle"),
    Mutation("checked-ends-the-trusted", "lifecycle", "alarm.active and alarm.clears_are_trusted:", "False:",
             "test_engine_alarms"),
    Mutation("reset-without-verdict", "alarms", "if incident is not None and not incident.may_be_reset:", "if False:",
             "test_verification"),
    Mutation("gas-needs-no-verdict", "incident", "in (Category.FIRE, Category.GAS) or", "is Category.FIRE or",
             "test_verification"),
    Mutation("a-bridge-ends-a-fire", "alarms", "if alarm.latched and not alarm.clears_are_trusted:", "if False:",
             "test_engine_alarms"),
    Mutation("retained-raises-what-was-reset", "alarms", "said_at is None or said_at > reset_at", "True",
             "test_retained"),
    Mutation("one-of-two-taken-on-is-both", "alarms",
             "if all(other.acknowledged for other in self.of_incident(alarm.incident)):", "if True:",
             "test_engine_alarms"),
    Mutation("fallback-confirms", "alarms", "if not other.rule.startswith(FALLBACK)]", "if other.rule]",
             "test_engine_fallback"),
    Mutation("re-alarm-what-has-cleared", "alarms", "taken = [alarm for alarm in taken if alarm.active]", "pass",
             "test_verification"),
    # incidents and verification
    Mutation("call-point-confirms-nothing", "incidents", '(second_device or alarm.point == "manual_call.alarm")',
             "second_device", "test_verification"),
    Mutation("a-new-alarm-stays-muted", "incidents", " silenced_at=None, attended_at=None)", " attended_at=None)",
             "test_escalation"),
    Mutation("a-further-alarm-is-attended", "incidents", " silenced_at=None, attended_at=None)", " silenced_at=None)",
             "test_attendance"),
    Mutation("attention-sounds-over-a-fire", "sounders", "key=lambda each: (each.category.rank, bool(each.drill))",
             "key=lambda each: (-each.category.rank, bool(each.drill))", "test_escalation"),
    Mutation("no-progress-unnoticed", "verification",
             'self._deadlines.set(("progress", incident.id), turn.at + limit)', "pass", "test_verification"),
    Mutation("false-verdict-is-the-end", "verification",
             'self._deadlines.set(("progress", incident.id), turn.at + wait)', "pass",
             "test_verification"),
    Mutation("an-old-verdict-stands", "verification",
             "verdict = incident.verdict if incident.verdict is not None and incident.verdict.stands else None",
             "verdict = incident.verdict", "test_verification"),
    Mutation("person-in-three-minutes", "verification", "if incident.category is not Category.PERSON:", "if True:",
             "test_verification"),
    Mutation("false-alarm-without-cause", "operator", "kind == VerdictKind.FALSE and not asked.cause.strip()", "False",
             "test_verification"),
    Mutation("hospital-without-time", "operator", "asked.finding == Finding.TO_HOSPITAL and not asked.times", "False",
             "test_verification"),
    # conditions and delays
    Mutation("no-delay-before-raising", "evaluation", "if known is not None or rule.raise_after <= _NO_DELAY:",
             "if True:", "test_engine_time"),
    Mutation("no-delay-before-clearing", "evaluation", "if rule.clear_after > _NO_DELAY:", "if False:",
             "test_engine_time"),
    Mutation("retained-clear-clears", "evaluation", "elif holds is False and not found:", "elif holds is False:",
             "test_retained"),
    Mutation("retained-value-is-known", "evaluation", "state.values = before", "pass", "test_retained"),
    Mutation("after-a-reset-the-value-is-known", "evaluation",
             "            if not is_mark(point):\n                state.values.pop(point, None)",
             "            if not is_mark(point):\n                continue", "test_engine_alarms"),
    Mutation("bad-values-decide", "evaluation", "if reading.quality is Quality.BAD:", "if False:",
             "test_retained"),
    Mutation("the-last-word-of-a-packet-wins", "evaluation", "return point in DANGER_POINTS and any(",
             "return False and any(", "test_engine_alarms"),
    Mutation("no-hysteresis", "condition", "return value > self.clear", "return value > self.limit",
             "test_engine_conditions"),
    Mutation("count-forgets-who-just-ended", "recall", "return ended is not None and at < ended + count.within",
             "return False", "test_recall"),
    Mutation("all-of-one-is-all", "recall", "max(total, SEVERAL)", "max(total, 1)", "test_recall"),
    Mutation("rising-without-hysteresis", "recall",
             "limit = rising.clear if self.rising and rising.clear is not None else rising.by", "limit = rising.by",
             "test_scenarios"),
    Mutation("a-sequence-from-what-was-before", "recall", "if then and not then_before:", "if then:", "test_recall"),
    # guards, silence, time
    Mutation("no-guards", "guards", "return [guard(point) for point in DANGER_POINTS if point not in covered]",
             "return []", "test_engine_alarms"),
    Mutation("a-trouble-covers-a-danger", "guards", "if rule.category.endangers_people:", "if True:",
             "test_engine_alarms"),
    Mutation("others-word-is-a-sign-of-life", "supervision", "reading.value is not False or reading.point not in",
             "True or reading.point not in", "test_signs_of_life"),
    Mutation("deaf-after-downtime", "engine", "elif turn.late:", "elif False:", "test_engine_time"),
    Mutation("retained-is-live", "engine", "if happened.retained:", "if False:", "test_retained"),
    # what is held back
    Mutation("a-second-witness-is-held", "suppressions", "return alarm.category.endangers_people and any(",
             "return False and any(", "test_suppression"),
    Mutation("dangers-under-maintenance", "suppressions",
             "if out is not None or alarm.category.endangers_people:", "if out is not None:", "test_suppression"),
    Mutation("maintenance-silences-the-unseen", "suppressions", "only=seen)", "only=None)", "test_suppression"),
    Mutation("maintenance-by-one", "maintenance", "if self._covers_detection(work):", "if False:", "test_suppression"),
    Mutation("the-second-is-the-first", "suppression", "if not second or second == person:", "if not second:",
             "test_suppression"),
    Mutation("for-ever-out-of-service", "suppression", "DURATION_MIN <= duration <= limit", "DURATION_MIN <= duration",
             "test_suppression"),
    Mutation("a-fire-out-of-service", "out_of_service", "return why.DANGER_OPEN", "pass", "test_suppression"),
    Mutation("the-confirming-one-out-of-service", "out_of_service", "return why.ZONE_IN_DANGER", "pass",
             "test_suppression"),
    Mutation("a-danger-is-shelved", "shelving",
             "        if alarm.category.endangers_people:\n            return timedelta(0)", "", "test_suppression"),
    Mutation("two-hide-each-other", "explained", "return root is not None and root.id != alarm.id and",
             "return root is not None and", "test_suppression"),
    # modes, reload, snapshots
    Mutation("a-call-point-is-a-test", "modes", 'or cause.point == "manual_call.alarm" or', "or", "test_modes"),
    Mutation("any-press-is-a-test", "modes", "armed is not None and armed.device == cause.subject and turn.at",
             "armed is not None and turn.at", "test_modes"),
    Mutation("a-real-fire-in-a-drill", "drills", "self._end(turn, duty, REAL_CAME)", "pass", "test_drills"),
    Mutation("an-edited-file-ends-a-fire", "reload", "engine.alarm_book.orphan(turn, engine.duty, alarm)",
             "engine.alarm_book.withdraw(turn, engine.duty, alarm)", "test_engine_site"),
    Mutation("a-renamed-device-forgets-its-delay", "renaming", 'case ("raise" | "clear" | "quiet"',
             'case ("clear" | "quiet"', "test_engine_site"),
    Mutation("somebody-came-elsewhere", "attendance",
             "return alarm.subject in (other.subject, self._rooms.get(other.subject))", "return True",
             "test_attendance"),
    Mutation("holds-are-not-kept", "snapshot", "        held=engine.suppressions.held(),\n", "", "test_suppression"),
    Mutation("memory-is-not-kept", "snapshot",
             "        kept=[(subject, mark, kept) for (subject, mark), kept in engine.memory.kept.items()],\n", "",
             "test_recall"),
)

SHORT = (
    "reset-without-verdict",
    "false-verdict-is-the-end",
    "reset-while-active",
    "call-point-confirms-nothing",
    "somebody-came-elsewhere",
    "an-edited-file-ends-a-fire",
    "count-forgets-who-just-ended",
    "a-renamed-device-forgets-its-delay",
)
