"""Conditions are three-valued: the truth tables of leaves, all, any and not, and what not knowing does."""

from __future__ import annotations

import itertools

import pytest

from devices.reading import Quality, Reading, Report, Value
from rules.alarm import Category
from rules.condition import Above, AllOf, AnyOf, Below, Condition, Equals, Not, Silent, Unknown, points_of
from rules.inputs import ReadingsArrived
from rules.text import Text
from tests.unit.engine_world import World, rule

T, F, N = True, False, None
VALUES: dict[str, Value] = {"t": True, "f": False}
LEAF = {
    T: Equals(point="t", value=True),
    F: Equals(point="f", value=True),
    N: Equals(point="unheard", value=True),
}
MEANS = {Unknown.HOLD: None, Unknown.RESET: False, Unknown.TRIP: True}


@pytest.mark.parametrize("unknown", Unknown)
@pytest.mark.parametrize("kind", [Equals, Above, Below], ids=lambda k: k.__name__)
def test_unknown_of_each_leaf(kind: type, unknown: Unknown) -> None:
    more = {"value": True} if kind is Equals else {"limit": 1.0}
    leaf = kind(point="unheard", unknown=unknown, **more)
    for active in (True, False):
        assert leaf.holds({}, active) is MEANS[unknown]


@pytest.mark.parametrize("unknown", Unknown)
@pytest.mark.parametrize("kind", [Above, Below], ids=lambda k: k.__name__)
def test_a_text_where_a_number_belongs_is_unknown(kind: type, unknown: Unknown) -> None:
    assert kind(point="p", limit=1.0, unknown=unknown).holds({"p": "high"}, False) is MEANS[unknown]


@pytest.mark.parametrize(
    ("value", "active", "holds"),
    [(10.0, F, F), (10.1, F, T), (10.0, T, T), (9.0, T, F), (9.1, T, T), (8.0, T, F), (9.5, F, F)],
)
def test_above_holds_on_until_clear(value: float, active: bool, holds: bool) -> None:
    assert Above(point="p", limit=10.0, clear=9.0).holds({"p": value}, active) is holds
    assert Below(point="p", limit=-10.0, clear=-9.0).holds({"p": -value}, active) is holds


@pytest.mark.parametrize("active", [True, False])
def test_without_a_clear_level_the_limit_is_both(active: bool) -> None:
    assert Above(point="p", limit=10.0).holds({"p": 10.0}, active) is False
    assert Below(point="p", limit=10.0).holds({"p": 10.0}, active) is False
    assert Below(point="p", limit=10.0).holds({"p": 9.9}, active) is True


PAIRS = list(itertools.product((T, F, N), repeat=2))


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_all(pair: tuple[bool | None, ...]) -> None:
    expected = F if F in pair else (N if N in pair else T)
    assert AllOf(of=tuple(LEAF[p] for p in pair)).holds(VALUES, False) is expected


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_any(pair: tuple[bool | None, ...]) -> None:
    expected = T if T in pair else (N if N in pair else F)
    assert AnyOf(of=tuple(LEAF[p] for p in pair)).holds(VALUES, False) is expected


@pytest.mark.parametrize(("one", "expected"), [(T, F), (F, T), (N, N)], ids=str)
def test_not(one: bool | None, expected: bool | None) -> None:
    assert Not(of=LEAF[one]).holds(VALUES, False) is expected


@pytest.mark.parametrize("outer", [AllOf, AnyOf], ids=lambda k: k.__name__)
@pytest.mark.parametrize("unknown", Unknown)
def test_what_not_knowing_means_goes_up_through_all_any_and_not(outer: type, unknown: Unknown) -> None:
    leaf = Equals(point="unheard", value=True, unknown=unknown)
    known = LEAF[T] if outer is AllOf else LEAF[F]
    means = MEANS[unknown]
    assert outer(of=(known, leaf)).holds(VALUES, False) is means
    assert Not(of=outer(of=(known, leaf))).holds(VALUES, False) is (None if means is None else not means)


def test_silent_is_never_unknown() -> None:
    assert Silent().holds({}, True) is False
    assert Silent().holds({Silent.SILENT_POINT: True}, False) is True


def test_points_in_order() -> None:
    condition = AllOf(of=(LEAF[T], AnyOf(of=(Silent(), Not(of=LEAF[F])))))
    assert list(points_of(condition)) == ["t", Silent.SILENT_POINT, "f"]


@pytest.mark.parametrize(
    ("value", "shown"), [("double", "double"), (12.5, "12.5"), (True, "true"), (False, "false")], ids=str
)
def test_the_value_that_raised_is_shown_as_text(value: Value, shown: str) -> None:
    world = World(rules=(rule("pressed", Equals(point="button", value=value)),))
    world.step(ReadingsArrived(at=world.at, source="t", reports=(Report("sos-1", (Reading("button", value),)),)))
    assert world.alarm("pressed", "sos-1").value == shown


@pytest.mark.parametrize(("text", "language", "words"), [
    (Text("火", "fire"), "zh", "火"), (Text("火", "fire"), "en", "fire"),
    (Text("火"), "en", "火"), (Text("", "x"), "zh", "x"),
])
def test_words_in_the_language_there_is(text: Text, language: str, words: str) -> None:
    assert text.in_language(language) == words


def test_categories_are_in_the_order_of_a_fire_panel() -> None:
    ranks = [category.rank for category in Category]
    assert ranks == sorted(ranks) and [c.value for c in Category if c.endangers_people] == ["fire", "gas", "person"]
    assert [c.value for c in Category][:3] == ["fire", "gas", "person"]


def _both(unknown: Unknown) -> Condition:
    return AllOf(of=(Above(point="current.residual", limit=300.0), Above(point="cable_temp.1", limit=60.0,
                                                                           unknown=unknown)))


@pytest.mark.parametrize(("unknown", "raised"), [(Unknown.HOLD, F), (Unknown.RESET, F), (Unknown.TRIP, T)])
def test_in_the_engine_an_unheard_point_does_what_the_leaf_says(unknown: Unknown, raised: bool) -> None:
    world = World(rules=(rule("both", _both(unknown)),))
    world.spoke("meter-1", residual=400.0)
    assert world.has("both", "meter-1") is raised
    world.spoke("meter-1", cable=80.0)
    assert world.has("both", "meter-1")


@pytest.mark.parametrize(("unknown", "open_after"), [(Unknown.HOLD, T), (Unknown.RESET, F), (Unknown.TRIP, T)])
def test_in_the_engine_a_point_that_becomes_unknown(unknown: Unknown, open_after: bool) -> None:
    world = World(rules=(rule("both", _both(unknown)),))
    world.spoke("meter-1", residual=400.0, cable=80.0)
    assert world.has("both", "meter-1")
    world.spoke("meter-1", quality=Quality.BAD, cable=80.0)
    assert world.has("both", "meter-1") is open_after
