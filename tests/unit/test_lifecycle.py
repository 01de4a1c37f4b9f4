"""The one table of an alarm's life: every cell, every refusal, and the state that people see."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from msgspec.structs import replace

from rules.alarm import Acknowledgement, Alarm, Category, State, Suppression, SuppressionKind, shown_state
from rules.lifecycle import TABLE, IllegalTransition, Move, Phase, move, phase_of
from rules.text import Text
from tests.unit.engine_world import START

LATER = START + timedelta(minutes=5)
ACK = Acknowledgement(by="carer", at=START)

# Written out a second time, by hand, from DESIGN section 7 and ISA-18.2: "-" is refused.
A, AA, LA, LAA, L, LK, END, NO = (
    Phase.ACTIVE, Phase.ACTIVE_ACKNOWLEDGED, Phase.LATCHED_ACTIVE, Phase.LATCHED_ACTIVE_ACKNOWLEDGED,
    Phase.LATCHED, Phase.LATCHED_ACKNOWLEDGED, Phase.CLOSED, None,
)
#        trip  return  acknowledge  reset  reset_checked (clears not trusted)  re_alarm
EXPECTED = {
    A:   (A,   END,    AA,          NO,    NO,    NO),
    AA:  (AA,  END,    NO,          NO,    NO,    A),
    LA:  (LA,  L,      LAA,         NO,    NO,    NO),
    LAA: (LAA, LK,     NO,          NO,    END,    LA),
    L:   (LA,  L,      LK,          NO,    NO,    NO),
    LK:  (LAA, LK,     NO,          END,   END,    L),
    END: (NO,  NO,     NO,          NO,    NO,    NO),
}
CELLS = [(phase, what, EXPECTED[phase][place]) for phase in Phase for place, what in enumerate(Move)]


def alarm_in(phase: Phase, *, trusted: bool = False) -> Alarm:
    axes = phase.value or (False, False, True)
    active, latched, acknowledged = axes
    return Alarm(
        id="home:1:1", rule="smoke", subject="smoke-1", zone="ward", category=Category.FIRE, priority=1,
        title=Text("烟"), raised_at=START, active=active, latched=latched, acknowledged=ACK if acknowledged else None,
        clears_are_trusted=trusted, cleared_at=None if active else START, closed_at=START if phase is END else None,
    )


@pytest.mark.parametrize(("phase", "what", "target"), CELLS, ids=[f"{p.name}-{m.value}".lower() for p, m, _ in CELLS])
def test_cell(phase: Phase, what: Move, target: Phase | None) -> None:
    before = alarm_in(phase)
    copy = replace(before)
    if target is None:
        with pytest.raises(IllegalTransition) as refusal:
            move(before, what, LATER, "director")
        assert len(str(refusal.value)) > 10, "a refusal is for a person: it needs a reason"
        assert before == copy
        return
    after = move(before, what, LATER, "director")
    assert phase_of(after) is target
    assert after.open is (target is not END)
    assert before == copy
    if what is Move.ACKNOWLEDGE:
        assert after.acknowledged == Acknowledgement(by="director", at=LATER)
    elif what is Move.RE_ALARM:
        assert after.acknowledged is None
    elif target is not END:
        assert after.acknowledged == before.acknowledged, "nobody but a person acknowledges, and nothing else undoes it"
    if target is END:
        assert after.closed_at == LATER
    assert (after.cleared_at is None) is after.active
    assert (after.id, after.rule, after.subject, after.raised_at) == (before.id, "smoke", "smoke-1", START)


@pytest.mark.parametrize("phase", [p for p in Phase if p is not END], ids=lambda p: p.name.lower())
def test_the_instant_of_the_clear_is_the_first_one(phase: Phase) -> None:
    alarm = alarm_in(phase)
    if alarm.latched:
        cleared = move(alarm, Move.RETURN, LATER)
        assert cleared.cleared_at == (LATER if alarm.active else START)
        assert move(cleared, Move.RETURN, LATER + timedelta(1)).cleared_at == cleared.cleared_at


@pytest.mark.parametrize(
    ("phase", "trusted", "ends"),
    [(LAA, True, False), (LAA, False, True), (LK, True, True), (LK, False, True), (LA, False, False),
     (L, False, False)],
    ids=lambda value: value.name.lower() if isinstance(value, Phase) else str(value),
)
def test_a_checked_reset_of_an_active_alarm_only_where_clears_are_not_trusted(
    phase: Phase, trusted: bool, ends: bool
) -> None:
    alarm = alarm_in(phase, trusted=trusted)
    if ends:
        assert move(alarm, Move.RESET_CHECKED, LATER).closed_at == LATER
    else:
        with pytest.raises(IllegalTransition):
            move(alarm, Move.RESET_CHECKED, LATER)


def test_the_table_is_total() -> None:
    assert set(TABLE) == set(Phase)
    assert all(set(row) == set(Move) for row in TABLE.values())


AXES = list(itertools.product((True, False), (True, False), (True, False), SuppressionKind, (True, False)))


@pytest.mark.parametrize(("active", "latched", "acknowledged", "kind", "closed"), AXES)
def test_shown_state_is_total(active: bool, latched: bool, acknowledged: bool, kind: SuppressionKind, closed: bool
                              ) -> None:
    alarm = replace(
        alarm_in(A), active=active, latched=latched, acknowledged=ACK if acknowledged else None,
        suppression=Suppression(kind), closed_at=LATER if closed else None,
    )
    state = shown_state(alarm)
    if kind is not SuppressionKind.NONE:
        assert state.value == {"by_design": "suppressed_by_design"}.get(kind.value, kind.value)
    elif closed:
        assert state is State.NORMAL
    elif active:
        assert state is (State.ACKNOWLEDGED if acknowledged else State.UNACKNOWLEDGED)
    elif latched:
        assert state is (State.LATCHED_ACKNOWLEDGED if acknowledged else State.LATCHED_UNACKNOWLEDGED)
    else:
        assert state is State.RETURNED_UNACKNOWLEDGED
