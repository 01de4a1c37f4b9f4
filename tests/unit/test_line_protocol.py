"""Lines of line protocol: types, tags, instants, and what is left out."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import msgspec
import pytest

from devices.reading import POINTS, Quality, Reading, Report
from gateway.deliver.line_protocol import LineBuilder, escape_key, text_value, whole_ms
from gateway.record.record import JournalEntry
from rules.alarm import Acknowledgement, Alarm, Category
from rules.effects import AlarmChanged, AnyEffect, Change, IncidentChanged, Notify
from rules.incident import Incident, Verdict, VerdictKind
from rules.inputs import AnyInput, LinkChanged, Outcome, ReadingsArrived, SendReported, SiteChanged, TimePassed
from rules.site import Site
from rules.text import Text
from tests.influx_world import START, device, readings_entry, site

HOME = site("h1", [device("smoke1", "smoke"), device("power1", "electrical", "kitchen"), device("gw1", "gateway")])
TAGS = "county=wangcheng,town=qiaokou,home=h1"
START_MS = whole_ms(START)


def built(*entries: JournalEntry, home: Site = HOME) -> tuple[list[str], Counter[str]]:
    counts: Counter[str] = Counter()
    builder = LineBuilder(home, counts)
    lines: list[str] = []
    for entry in entries:
        builder.add(entry, lines)
    return lines, counts


def fields_of(*readings: Reading) -> tuple[str, Counter[str]]:
    """The field part of the one line of one report ("" where there is none)."""
    lines, counts = built(readings_entry("h1", 1, START, [Report("smoke1", readings)]))
    rows = [line for line in lines if line.startswith("smoke,")]
    written = rows[0].split(" ", 1)[1].rsplit(" ", 1)[0] if rows else ",heard=1.0"
    assert written.endswith(",heard=1.0")
    return written.removesuffix(",heard=1.0"), counts


def entry(seq: int, happened: AnyInput, *effects: AnyEffect, ms: int = 0, shift_ms: int = 0) -> JournalEntry:
    return JournalEntry("h1", 1, seq, START + timedelta(milliseconds=ms), happened, effects, shift_ms)


def alarm(**more: object) -> Alarm:
    whole = {
        "id": "h1:1:7", "rule": "fire.smoke", "subject": "smoke1", "zone": "floor1", "category": Category.FIRE,
        "priority": 1, "title": Text("火警", "fire"), "raised_at": START, "latched": True, "value": "true",
    }  # fmt: skip
    return Alarm(**{**whole, **more})


def changed(seq: int, change: Change = Change.RAISED, ms: int = 0, shift_ms: int = 0, **more: object) -> JournalEntry:
    at = START + timedelta(milliseconds=ms)
    effect = AlarmChanged(at=at, alarm=alarm(**more), change=change)
    return entry(seq, TimePassed(at=at), effect, ms=ms, shift_ms=shift_ms)


def stamp(line: str) -> int:
    return int(line.rsplit(" ", 1)[1])


def test_report_is_one_line_with_tags_of_the_device_and_its_stored_instant() -> None:
    readings = (Reading("smoke.alarm", False), Reading("smoke.obscuration", 0.03), Reading("button", "single"))
    report = Report("smoke1", readings, stored_at=START_MS + 7)
    lines, counts = built(readings_entry("h1", 1, START, [report]))
    assert lines == [
        f'smoke,{TAGS},zone=floor1,device=smoke1 smoke.alarm=false,smoke.obscuration=0.03,button="single"'
        f",heard=1.0 {START_MS + 7}",
        f"gateway,{TAGS} heard=1.0 {START_MS}",
    ]
    assert counts == {"rows": 2}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0.0"), (-0.5, "-0.5"), (1e300, "1e+300"), (5e-324, "5e-324"), (21, "21.0"), (-1, "-1.0"),
        (0.1 + 0.2, "0.30000000000000004"),
    ],
)  # fmt: skip
def test_number_is_always_a_float(value: float, written: str) -> None:
    assert fields_of(Reading("temperature", value))[0] == f"temperature={written}"


@pytest.mark.parametrize(
    ("point", "value", "count"),
    [
        ("temperature", True, "wrong_type"), ("temperature", "21", "wrong_type"), ("smoke.alarm", 1.0, "wrong_type"),
        ("smoke.alarm", 1, "wrong_type"), ("smoke.alarm", "ON", "wrong_type"), ("button", 1.0, "wrong_type"),
        ("button", True, "wrong_type"), ("temperature", float("nan"), "not_finite"),
        ("temperature", float("inf"), "not_finite"), ("temperature", float("-inf"), "not_finite"),
        ("no.such.point", 1.0, "unknown_point"),
    ],
)  # fmt: skip
def test_value_that_would_change_a_field_is_left_out_and_counted(point: str, value: object, count: str) -> None:
    fields, counts = fields_of(Reading(point, value), Reading("humidity", 50.0))  # type: ignore[arg-type]
    assert fields == "humidity=50.0"
    assert counts[count] == 1


@pytest.mark.parametrize("name", sorted(POINTS))
def test_every_point_of_the_catalogue_has_one_type(name: str) -> None:
    values = (("state", True), ("number", 1.0), ("text", "x"))
    kinds = {kind for kind, value in values if fields_of(Reading(name, value))[0]}
    expected = "text" if name == "button" else "state" if POINTS[name].kind == "state" else "number"
    assert kinds == {expected}


@pytest.mark.parametrize("name", ["cable_temp.3", "relay.1", "current.residual.2"])
def test_numbered_point_keeps_its_number(name: str) -> None:
    value = True if name.startswith("relay") else 4.0
    assert fields_of(Reading(name, value))[0].startswith(f"{name}=")


def test_bad_is_not_written_and_suspect_is_marked() -> None:
    readings = (
        Reading("temperature", 99.0, Quality.BAD),
        Reading("humidity", 40.0, Quality.SUSPECT),
        Reading("lqi", 80.0),
    )
    fields, counts = fields_of(*readings)
    assert fields == 'humidity=40.0,lqi=80.0,suspect="humidity"'
    assert (counts["bad"], counts["suspect"]) == (1, 1)


def test_report_of_nothing_but_bad_values_is_no_line() -> None:
    lines, counts = built(readings_entry("h1", 1, START, [Report("smoke1", (Reading("lqi", 1.0, Quality.BAD),))]))
    assert lines == []
    assert counts["rows"] == 0


@pytest.mark.parametrize(("online", "twin"), [(True, "1.0"), (False, "0.0")])
def test_video_online_has_a_number_beside_it(online: bool, twin: str) -> None:
    written = f"video.online={'true' if online else 'false'},video.available={twin}"
    assert fields_of(Reading("video.online", online))[0] == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("kitchen", "kitchen"), ("a b,c=d", r"a\ b\,c\=d"), ("ends\\", "ends/"), ("two\nlines\r", r"two\ lines"),
        ("  ", ""), ("", ""), ("厨房", "厨房"),
    ],
)  # fmt: skip
def test_key_survives_every_version(text: str, written: str) -> None:
    assert escape_key(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('say "no"', r'"say \"no\""'),
        ("back\\slash", r'"back\\slash"'),
        ("two\nlines", '"two lines"'),
        ("x" * 900, f'"{"x" * 500}"'),
    ],
    ids=["quotes", "backslash", "line break", "too long"],
)
def test_text_value_is_quoted_and_bounded(text: str, written: str) -> None:
    assert text_value(text) == written


def test_empty_tag_is_omitted() -> None:
    bare = msgspec.structs.replace(HOME, county="", town="")
    lines, _ = built(readings_entry("h1", 1, START, [Report("smoke1", (Reading("lqi", 1.0),))]), home=bare)
    assert lines[0].startswith("smoke,home=h1,zone=floor1,device=smoke1 ")


def test_kind_that_is_named_like_an_event_measurement_is_kept_apart() -> None:
    lines, _ = built(readings_entry("h1", 1, START, [Report("gw1", (Reading("online", True),))]))
    assert lines[0].startswith("gateway_device,")


@pytest.mark.parametrize("unregistered", [True, False])
def test_device_that_the_site_does_not_name_is_not_written(unregistered: bool) -> None:
    report = Report("z2m/stranger", (Reading("lqi", 1.0),), stored_at=START_MS)
    arrived = ReadingsArrived(at=START, source="z2m", reports=(report,), unregistered=unregistered)
    lines, counts = built(entry(1, arrived))
    assert lines == []
    assert counts["unregistered" if unregistered else "unknown_device"] == 1


def test_new_site_is_used_from_its_entry_on() -> None:
    moved = site("h1", [device("smoke1", "smoke", "attic")])
    report = Report("smoke1", (Reading("lqi", 1.0),))
    lines, _ = built(
        readings_entry("h1", 1, START, [report]),
        entry(2, SiteChanged(at=START, site=moved, rules=(), ruleset="x")),
        readings_entry("h1", 3, START, [report]),
    )
    assert [line.split(",zone=")[1].split(",")[0] for line in lines if line.startswith("smoke")] == ["floor1", "attic"]


def test_shift_of_the_clock_is_added_to_every_row() -> None:
    plain = readings_entry("h1", 1, START, [Report("smoke1", (Reading("lqi", 1.0),))])
    before, _ = built(plain, changed(2))
    after, _ = built(msgspec.structs.replace(plain, shift_ms=-60_000), changed(2, shift_ms=-60_000))
    assert [stamp(line) for line in after] == [stamp(line) - 60_000 for line in before]


def test_report_without_a_stored_instant_takes_the_entrys() -> None:
    reports = tuple(Report("smoke1", (Reading("lqi", float(n)),)) for n in range(2))
    lines, _ = built(entry(1, ReadingsArrived(at=START, source="s", reports=reports)))
    assert [stamp(line) for line in lines[:2]] == [START_MS, START_MS + 1]


def test_home_that_speaks_is_heard_once_in_ten_seconds_and_not_by_what_a_broker_kept() -> None:
    report = (Reading("lqi", 1.0),)
    entries = [
        readings_entry("h1", n + 1, START + timedelta(seconds=3 * n), [Report("smoke1", report)]) for n in range(8)
    ]
    kept = ReadingsArrived(
        at=START, source="s", retained=True, reports=(Report("smoke1", report, stored_at=START_MS + 90_000),)
    )
    lines, _ = built(*entries, entry(9, kept))
    heard = [stamp(line) for line in lines if line.startswith("gateway,")]
    assert heard == [START_MS, START_MS + 10_000, START_MS + 20_000]
    spoke = [stamp(line) for line in lines if line.startswith("smoke,") and "heard=1.0" in line]
    assert len(spoke) == 8
    assert len(lines) == 8 + 1 + 3


def test_alarm_row_has_its_axes_apart_and_a_number_to_sum() -> None:
    lines, _ = built(changed(7))
    assert lines == [
        f"alarm,{TAGS},zone=floor1,device=smoke1,category=fire,rule=fire.smoke,change=raised "
        'id="h1:1:7",state="unacknowledged",open=true,open_count=1.0,active=true,latched=true,acknowledged=false,'
        f'suppression="none",priority=1.0,drill=false,title="火警",value="true" {START_MS}'
    ]


@pytest.mark.parametrize(
    ("change", "more", "part"),
    [
        (
            Change.ACKNOWLEDGED,
            {"acknowledged": Acknowledgement("p1", START + timedelta(seconds=42))},
            "acknowledged_after=42.0",
        ),
        (Change.RESET, {"active": False, "closed_at": START + timedelta(minutes=3)}, "closed_after=180.0"),
        (Change.CLOSED, {"active": False, "closed_at": START + timedelta(seconds=1)}, "open_count=0.0"),
    ],
)
def test_alarm_row_says_how_long_it_took(change: Change, more: dict[str, object], part: str) -> None:
    lines, _ = built(changed(8, change, **more))
    assert part in lines[0]


def test_rows_of_one_alarm_in_one_ms_do_not_overwrite_each_other() -> None:
    changes = [Change.RAISED, Change.REPEATED, Change.ACKNOWLEDGED, Change.CLEARED, Change.CLOSED]
    lines, _ = built(*(changed(n, change) for n, change in enumerate(changes, 1)), changed(6, Change.RAISED, ms=3))
    stamps = [stamp(line) for line in lines]
    assert stamps == [START_MS + n for n in range(6)]


def test_nudges_are_the_same_when_the_reader_starts_in_the_middle() -> None:
    entries = [changed(n, Change.REPEATED, ms=n // 4) for n in range(1, 40)]
    whole, _ = built(*entries)
    counts: Counter[str] = Counter()
    builder = LineBuilder(HOME, counts)
    for one in entries[:20]:
        builder.recall(one)
    rest: list[str] = []
    for one in entries[20:]:
        builder.add(one, rest)
    assert rest == whole[20:]
    assert counts == {"rows": 19}


@pytest.mark.parametrize(("before", "after"), [(0, -3_600_000), (3_600_000, 0), (0, 3_600_000)])
def test_clock_that_steps_does_not_pile_rows_up(before: int, after: int) -> None:
    lines, _ = built(changed(1, ms=0, shift_ms=before), changed(2, ms=5, shift_ms=after))
    assert stamp(lines[1]) == START_MS + 5 + after


def test_incident_row() -> None:
    incident = Incident(
        id="h1:1:7", home="h1", zone="floor1", category=Category.FIRE, opened_at=START, alarms=("a", "b"), step=2,
        confirmed=True, verdict=Verdict(VerdictKind.FALSE, "p1", START, "burnt \"toast\""),
    )  # fmt: skip
    effect = IncidentChanged(at=START, incident=incident, change="verdict:anything at all")
    lines, _ = built(entry(9, TimePassed(at=START), effect))
    assert lines == [
        f"incident,{TAGS},zone=floor1,category=fire,change=verdict "
        'id="h1:1:7",open=true,open_count=1.0,confirmed=true,acknowledged=false,step=2.0,alarms=2.0,'
        f'verdict="false",cause="burnt \\"toast\\"" {START_MS}'
    ]


def test_delivery_is_timed_from_the_request_to_the_report_and_holds_no_address() -> None:
    incident = Incident(id="i1", home="h1", zone="floor1", category=Category.FIRE, opened_at=START)
    notify = Notify(
        at=START,
        message="h1:1:7.1",
        person="p1",
        channel="ntfy",
        address="13800000000",
        alarm=alarm(),
        incident=incident,
    )
    at = START + timedelta(milliseconds=1500)
    report = SendReported(
        at=at, message="h1:1:7.1", incident="i1", channel="ntfy", person="p1", outcome=Outcome.ACCEPTED
    )
    unknown = msgspec.structs.replace(report, message="h1:1:6.1")
    lines, _ = built(entry(7, TimePassed(at=START), notify), entry(8, report, ms=1500), entry(9, unknown, ms=1500))
    assert lines == [
        f'delivery,{TAGS},channel=ntfy,outcome=asked message="h1:1:7.1",incident="i1",person="p1",purpose="call"'
        f",step=1.0 {START_MS}",
        f'delivery,{TAGS},channel=ntfy,outcome=accepted message="h1:1:7.1",incident="i1",person="p1",final=true'
        f",after=1.5 {START_MS + 1500}",
        f'delivery,{TAGS},channel=ntfy,outcome=accepted message="h1:1:6.1",incident="i1",person="p1",final=true'
        f" {START_MS + 1501}",
    ]


@pytest.mark.parametrize(("up", "down_count"), [(True, "0.0"), (False, "1.0")])
def test_link_row(up: bool, down_count: str) -> None:
    lines, _ = built(entry(3, LinkChanged(at=START, link="broker:main", up=up, detail="refused", count=4)))
    flag = "true" if up else "false"
    assert lines == [
        f'gateway,{TAGS},link=broker:main up={flag},down_count={down_count},detail="refused",count=4.0 {START_MS}'
    ]
