"""Deadlines as data: order, moving, cancelling, and what of them a snapshot holds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.deadlines import Deadlines
from tests.unit.engine_world import START


def after(seconds: int) -> object:
    return START + timedelta(seconds=seconds)


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["set", "set", "cancel", "pop", "restore"]), st.integers(0, 6), st.integers(0, 30)),
    max_size=120,
)


@settings(max_examples=150, deadline=None)
@given(OPERATIONS)
def test_behaves_as_a_plain_table(operations: list[tuple[str, int, int]]) -> None:
    deadlines = Deadlines()
    table: dict[tuple[str, ...], tuple[object, int]] = {}
    serial = 0
    for what, name, seconds in operations:
        key = ("raise", str(name))
        if what == "set":
            serial += 1
            deadlines.set(key, after(seconds))
            table[key] = (after(seconds), serial)
        elif what == "cancel":
            deadlines.cancel(key)
            table.pop(key, None)
        elif what == "restore":
            deadlines = Deadlines.from_list(deadlines.to_list(), deadlines.serial)
        else:
            first = min(table, key=table.__getitem__, default=None)
            expected = None
            if first is not None and table[first][0] <= after(seconds):
                expected = (table.pop(first)[0], first)
            assert deadlines.pop(after(seconds)) == expected
        assert len(deadlines) == len(table)
        assert deadlines.next() == min((due for due, _ in table.values()), default=None)
        assert all(key in deadlines and deadlines.due_at(key) == due for key, (due, _) in table.items())


def test_ties_go_in_the_order_in_which_they_were_set() -> None:
    deadlines = Deadlines()
    for name in "zax":
        deadlines.set((name,), START)
    assert [deadlines.pop(START) for _ in "zax"] == [(START, (name,)) for name in "zax"]


def test_moving_a_deadline_over_and_over_does_not_grow_the_heap() -> None:
    deadlines = Deadlines()
    for second in range(5_000):
        deadlines.set(("silent", "a"), after(second))
    assert len(deadlines._heap) <= 70
    assert deadlines.next() == after(4_999)


@pytest.mark.parametrize("seconds", [0, 1, 2], ids=["at", "one-after", "two-after"])
def test_due_at_its_own_instant_and_not_before(seconds: int) -> None:
    deadlines = Deadlines()
    deadlines.set(("silent", "a"), START)
    assert deadlines.pop(START - timedelta(microseconds=1)) is None
    assert deadlines.pop(after(seconds)) == (START, ("silent", "a"))
    assert deadlines.pop(after(seconds)) is None
    assert deadlines.due_at(("silent", "a")) is None
