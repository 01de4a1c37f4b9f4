"""Changes of the roster in a site file: written, refused, comments kept; tables and calendars, both ways."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.load import load
from gateway.reload import write_roster
from gateway.roster_calendar import read_calendar, to_calendar
from gateway.roster_csv import COLUMNS, first_difference, plan_rows, read_csv, to_csv
from gateway.roster_file import (
    ImportedPlan,
    Row,
    ShiftChange,
    Substitution,
    Withdrawal,
    change_roster,
    taken_over,
)
from gateway.site_file import ChangeRefused
from rules.parse import Names, parse_site
from rules.roster import Roster
from rules.site import Site
from tests.configuration_world import SITE, changed, write

ROSTER = """
# who is there by day
[[post]]
id = "care"
name = "护理"

[[shift]]
id = "day"
post = "care"
from = "08:00"
to = "20:00"
people = ["carer-1"]  # never alone on Sundays

[[shift]]
id = "night"
post = "care"
from = "20:00"
to = "08:00"
groups = [["director-1"], ["carer-1"]]
rotates_from = 2026-11-01

[[override]]
post = "care"
from = 2026-11-23T08:00:00
until = 2026-11-23T20:00:00
person = "director-1"
instead_of = "carer-1"
"""


def wall(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path, site=SITE + ROSTER)
    return tmp_path / "home-a.toml"


def tables(path: Path, name: str) -> list[dict[str, object]]:
    return tomllib.loads(path.read_text("utf-8")).get(name, [])


def site_of(text: str) -> Site:
    site, faults = parse_site({**tomllib.loads(text), "device": []}, Names({}))
    assert site is not None, faults
    return site


SPAN = {"begins": wall("11-24 08:00"), "ends": wall("11-24 12:00")}


def test_a_substitute_is_written_behind_the_others_and_every_comment_stays(path: Path) -> None:
    before = path.read_text("utf-8")
    change = Substitution(**SPAN, post="care", person="director-1", instead_of="carer-1", reason="看病")  # type: ignore[arg-type]
    assert change_roster(path, change) == before
    text = path.read_text("utf-8")
    assert text.startswith(before.rstrip())
    assert tables(path, "override")[-1] == {
        "post": "care",
        "from": SPAN["begins"],
        "until": SPAN["ends"],
        "person": "director-1",
        "instead_of": "carer-1",
        "reason": "看病",
    }
    assert path.with_name("home-a.toml.before").read_text("utf-8") == before


def test_a_change_is_withdrawn_and_a_second_time_refused(path: Path) -> None:
    gone = Withdrawal(
        begins=wall("11-23 08:00"),
        ends=wall("11-23 20:00"),
        post="care",
        person="director-1",
        instead_of="carer-1",
    )
    change_roster(path, gone)
    assert tables(path, "override") == []
    with pytest.raises(ChangeRefused, match="not in the roster any more"):
        change_roster(path, gone)


def test_somebody_more_and_somebody_less_on_a_shift(path: Path) -> None:
    change_roster(path, ShiftChange(shift="day", add="director-1"))
    change_roster(path, ShiftChange(shift="day", remove="carer-1"))
    change_roster(path, ShiftChange(shift="night", group=1, add="director-1"))
    assert [shift.get("people") or shift.get("groups") for shift in tables(path, "shift")] == [
        ["director-1"],
        [["director-1"], ["carer-1", "director-1"]],
    ]
    assert "# never alone on Sundays" in path.read_text("utf-8")


@pytest.mark.parametrize(
    "change",
    [
        ShiftChange(shift="none", add="carer-1"),
        ShiftChange(shift="night", group=2, add="carer-1"),
        ShiftChange(shift="day", remove="director-1"),
    ],
    ids=["shift", "group", "person"],
)
def test_what_is_no_more_there_is_refused_and_nothing_is_written(path: Path, change: ShiftChange) -> None:
    before = path.read_text("utf-8")
    with pytest.raises(ChangeRefused, match="any more"):
        change_roster(path, change)
    assert path.read_text("utf-8") == before


def test_a_change_with_a_fault_leaves_the_file_as_it_was(path: Path) -> None:
    configuration = load(path.with_name("gateway.toml"), {})
    before = path.read_text("utf-8")
    with pytest.raises(ChangeRefused, match="unknown person 'nobody'"):
        write_roster(configuration, "home-a", Substitution(**SPAN, post="care", person="nobody"))  # type: ignore[arg-type]
    assert path.read_text("utf-8") == before
    after = write_roster(configuration, "home-a", Substitution(**SPAN, post="care", person="director-1"))  # type: ignore[arg-type]
    assert len(after.sites[0].overrides) == 2


PLAN = (
    Row("care", wall("12-01 08:00"), wall("12-01 20:00"), "carer-1"),
    Row("care", wall("12-01 08:00"), wall("12-01 20:00"), "director-1"),
    Row("care", wall("12-02 08:00"), wall("12-02 20:00"), "carer-1"),
    Row("care", wall("12-03 08:00"), wall("12-03 20:00"), "carer-1"),
)


def test_a_plan_becomes_few_shifts_of_many_days(path: Path) -> None:
    change_roster(path, ImportedPlan(rows=PLAN))
    written = tables(path, "shift")[2:]
    assert [(shift["id"], shift["people"], shift["dates"]) for shift in written] == [
        ("plan-care-1", ["carer-1"], [date(2026, 12, 2), date(2026, 12, 3)]),
        ("plan-care-2", ["carer-1", "director-1"], [date(2026, 12, 1)]),
    ]


def test_a_later_plan_replaces_its_days_and_no_others(path: Path) -> None:
    change_roster(path, ImportedPlan(rows=PLAN))
    again = ImportedPlan(rows=(Row("care", wall("12-02 09:00"), wall("12-02 21:00"), "director-1"),))
    text = path.read_text("utf-8")
    assert taken_over(path, again) == (1, 0, 0)
    assert path.read_text("utf-8") == text, "a look changes nothing"
    change_roster(path, again)
    found = {str(shift["id"]): shift["dates"] for shift in tables(path, "shift")[2:]}
    assert found == {
        "plan-care-1": [date(2026, 12, 3)],
        "plan-care-2": [date(2026, 12, 1)],
        "plan-care-3": [date(2026, 12, 2)],
    }


@pytest.mark.parametrize("rows", [(), PLAN[:1] * 20_001], ids=["none", "too many"])
def test_a_plan_of_no_size_is_refused(path: Path, rows: tuple[Row, ...]) -> None:
    with pytest.raises(ChangeRefused, match="a plan has 1 to 20000 rows"):
        change_roster(path, ImportedPlan(rows=rows))


# tables

HOME = site_of(SITE + ROSTER)
HEAD = ",".join(COLUMNS[:4])
GOOD = f"{HEAD}\ncare,2026-12-01 08:00,2026-12-01 20:00,carer-1\n"

READ = [
    ("as exported", GOOD.encode()),
    ("Excel's mark", GOOD.encode("utf-8-sig")),
    ("Excel's times", GOOD.replace("2026-12-01 08:00", "2026/12/1 8:00").encode()),
    ("Chinese in GBK", "岗位,开始,结束,姓名\n护理,2026-12-01 08:00,2026-12-01 20:00,陈\n".encode("gb18030")),
    ("empty lines", (GOOD + "\n,,,\n").encode()),
]


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in READ])
def test_a_table_is_read(body: bytes) -> None:
    rows, faults = read_csv(body, HOME)
    assert faults == []
    assert rows == (Row("care", wall("12-01 08:00"), wall("12-01 20:00"), "carer-1"),)


LINE = "care,2026-12-01 08:00,2026-12-01 20:00,carer-1"
WRONG = [
    ("post", LINE.replace("care,", "cares,"), "line 2: unknown post 'cares'. Did you mean 'care'?"),
    ("person", LINE.replace("carer-1", "carer-2"), "line 2: unknown person 'carer-2'. Did you mean 'carer-1'?"),
    ("nobody", LINE.replace("carer-1", ""), "line 2: names no person"),
    ("time", LINE.replace("08:00", "8 am"), "line 2: begins '2026-12-01 8 am' is no day and time"),
    ("hour", LINE.replace("08:00", "25:00"), "line 2: begins '2026-12-01 25:00' is no day and time"),
    ("seconds", LINE.replace("08:00", "08:00:30"), "line 2: begins"),
    ("zone", LINE.replace("08:00", "08:00+08:00"), "line 2: begins"),
    ("turned", LINE.replace("20:00", "07:00"), "line 2: ends at or before it begins"),
    ("long", LINE.replace("2026-12-01 20:00", "2026-12-03 20:00"), "line 2: is longer than a day"),
    ("twice", f"{LINE}\n{LINE}", "line 3: says the same as line 2"),
    ("nothing", "", "has no rows"),
]


@pytest.mark.parametrize(("lines", "fault"), [pytest.param(*rest, id=name) for name, *rest in WRONG])
def test_a_wrong_row_is_named_with_its_line(lines: str, fault: str) -> None:
    _, faults = read_csv(f"{HEAD}\n{lines}\n".encode(), HOME)
    assert len(faults) == 1
    assert str(faults[0]).startswith(fault)


def test_every_wrong_row_is_named_at_once() -> None:
    text = "\n".join([HEAD, LINE.replace("care,", "x,"), LINE, LINE.replace("carer-1", "y")])
    assert [fault.line for fault in read_csv(text.encode(), HOME)[1]] == [2, 4]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "the file is empty"),
        (b"a,b\n", "line 1: has no column post, begins, ends, person"),
        (b"\xff\xff\xff", "the file is neither UTF-8 nor GB 18030"),
        (b"x" * (4 * 1024 * 1024 + 1), "the file has more than"),
        (f"{HEAD}\n".encode() + b'"' + b"x" * 200_000, "line 2: is not CSV"),
    ],
    ids=["empty", "columns", "bytes", "long", "quotes"],
)
def test_a_file_that_is_no_table(body: bytes, fault: str) -> None:
    rows, faults = read_csv(body, HOME)
    assert rows == ()
    assert [str(each).startswith(fault) for each in faults] == [True], faults


def test_a_name_that_begins_like_a_formula_is_harmless_in_a_spreadsheet() -> None:
    site = site_of(changed(SITE, 'name = "陈"', 'name = "=1+1"') + ROSTER)
    rows = [Row("care", wall("12-01 08:00"), wall("12-01 20:00"), "carer-1")]
    assert ",'=1+1," in to_csv(site, rows)


# both ways

BEGIN = datetime(2026, 11, 22, 16, tzinfo=UTC)
END = BEGIN + timedelta(days=6)
NOW = BEGIN


@st.composite
def rosters(draw: st.DrawFn) -> str:
    """The roster with some more overrides, each within the days of the export."""
    text = ROSTER
    for _ in range(draw(st.integers(0, 3))):
        since = wall("11-23 00:00") + timedelta(minutes=30 * draw(st.integers(0, 200)))
        until = since + timedelta(minutes=30 * draw(st.integers(1, 40)))
        who = draw(st.sampled_from(["carer-1", "director-1", ""]))
        away = draw(st.sampled_from(["carer-1", "director-1"]))
        if who == away:
            away = ""
        names = (f'person = "{who}"\n' if who else "") + (f'instead_of = "{away}"\n' if away else "")
        text += f'[[override]]\npost = "care"\nfrom = {since.isoformat()}\nuntil = {until.isoformat()}\n{names}'
    return text


@settings(max_examples=40, deadline=None)
@given(text=rosters(), as_calendar=st.booleans())
def test_what_is_exported_and_imported_again_is_the_same_roster(
    text: str, as_calendar: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("roster") / "home-a.toml"
    path.write_text(SITE + text, "utf-8")
    before = site_of(SITE + text)
    rows = list(plan_rows(before, BEGIN, END))
    if as_calendar:
        read, faults = read_calendar(to_calendar(before, rows, NOW), before)
    else:
        read, faults = read_csv(to_csv(before, rows).encode("utf-8-sig"), before)
    assert faults == []
    assert sorted(read) == sorted(rows)
    change_roster(path, ImportedPlan(rows=read))
    after = site_of(path.read_text("utf-8"))
    # Substitutes in a chain that the plan does not hold whole: such an import is refused (the next test).
    assume(first_difference(after, read) is None)
    instant = BEGIN
    one, two = Roster(before), Roster(after)
    while instant < END:
        assert set(two.holders("care", instant)) == set(one.holders("care", instant)), instant
        instant += timedelta(minutes=30)


def test_a_plan_that_an_override_of_the_file_would_change_is_refused(tmp_path: Path) -> None:
    for_two_days = """
[[override]]
post = "care"
from = 2026-11-30T08:00:00
until = 2026-12-01T12:00:00
person = "director-1"
instead_of = "carer-1"
"""
    path = write(tmp_path, site=SITE + ROSTER + for_two_days)
    before = (tmp_path / "home-a.toml").read_text("utf-8")
    rows = (Row("care", wall("12-01 08:00"), wall("12-01 20:00"), "carer-1"),)
    with pytest.raises(ChangeRefused, match="differ from the plan at 2026-12-01 08:00"):
        write_roster(load(path, {}), "home-a", ImportedPlan(rows=rows))
    assert (tmp_path / "home-a.toml").read_text("utf-8") == before


def test_an_event_has_the_same_id_in_every_export() -> None:
    rows = list(plan_rows(HOME, BEGIN, END))
    one, two = (to_calendar(HOME, rows, now).decode() for now in (NOW, NOW + timedelta(days=1)))
    ids = [[line for line in text.splitlines() if line.startswith("UID")] for text in (one, two)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(rows)


EVENT = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("nonsense", "is no iCalendar file"),
        (EVENT.format("DTSTART:20261201T000000Z\r\nDTEND:20261201T080000Z"), "line 1: names no post"),
        (EVENT.format("DTSTART:20261201T000000Z\r\nRRULE:FREQ=DAILY"), "line 1: repeats"),
        (EVENT.format("DTSTART:nonsense\r\nX-ANLIAN-POST:care\r\nX-ANLIAN-PERSON:carer-1"), "line 1: begins ''"),
        (EVENT.format("DTSTART;VALUE=DATE:20261201\r\nX-ANLIAN-POST:care"), "line 1: names no person"),
    ],
    ids=["no calendar", "other events", "repeats", "broken", "a day alone"],
)
def test_a_calendar_that_is_not_ours(text: str, fault: str) -> None:
    rows, faults = read_calendar(text.encode(), HOME)
    assert rows == ()
    assert str(faults[0]).startswith(fault), faults
