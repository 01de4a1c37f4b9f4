"""Every query of every dashboard, asked of a real influxd that InfluxWriter has filled with two homes' hours."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.build import dashboards
from devices.catalog import PROFILES
from devices.reading import Kind, Reading, Report, Value, find_point
from gateway.deliver.line_protocol import home_tags, whole_ms
from gateway.record.record import JournalEntry
from gateway.report.quality_rows import row_of
from rules.alarm import Acknowledgement, Alarm, Category
from rules.effects import AlarmChanged, AnyEffect, Change, IncidentChanged, Notify
from rules.incident import Incident
from rules.inputs import AnyInput, LinkChanged, Outcome, ReadingsArrived, SendReported, TimePassed
from rules.quality import QualityCount
from rules.site import Site
from rules.text import Text
from tests.influx_world import (
    InfluxServer,
    MemoryRecord,
    device,
    influx_settings,
    installed,
    make_writer,
    site,
    until,
    writing,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not installed("influxd"), reason="needs influxd"),
]

ALL = dashboards()
HOURS = timedelta(hours=3)
ACKNOWLEDGED_AFTER_S = 42.0
KINDS = ("smoke", "heat", "gas", "sos", "fall", "electrical", "cable_temp", "plug", "climate", "video", "door")


def home(name: str) -> Site:
    """A home with one device of each kind in two zones."""
    return site(
        name, [device(f"{name}-{kind}", kind, "kitchen" if n % 2 else "floor1") for n, kind in enumerate(KINDS)]
    )


def value_of(point: str, tick: int) -> Value:
    known = find_point(point)
    assert known is not None
    if point == "button":
        return "single"
    if known.kind is Kind.STATE:
        return point == "video.online" and tick % 40 != 0
    if known.kind is Kind.COUNT:
        return 1000.0 + tick / 10
    return 20.0 + tick % 7


class Story:
    """One home's entries, written down in order."""

    def __init__(self, one: Site) -> None:
        self.site = one
        self.entries: list[JournalEntry] = []

    def add(self, happened: AnyInput, *effects: AnyEffect) -> None:
        self.entries.append(JournalEntry(self.site.id, 1, len(self.entries) + 1, happened.at, happened, effects))

    def readings(self, at: datetime, tick: int) -> None:
        for one in self.site.devices:
            points = PROFILES[one.kind].points
            if one.kind == "electrical":
                points += tuple(f"current.residual.{number}" for number in range(1, 5))
            readings = tuple(Reading(point, value_of(point, tick)) for point in points)
            report = Report(one.id, readings, stored_at=whole_ms(at))
            self.add(ReadingsArrived(at=at, source="z2m", reports=(report,)))

    def alarm(self, at: datetime, category: Category, kind: str, *, closed: bool) -> None:
        """An alarm that is announced, acknowledged and, where asked for, reset."""
        name = f"{self.site.id}:1:{len(self.entries) + 1}"
        subject = f"{self.site.id}-{kind}"
        zone = next(one.zone for one in self.site.devices if one.id == subject)
        raised = Alarm(id=name, rule=f"{category.value}.{kind}", subject=subject, zone=zone, category=category,
                       priority=1, title=Text("报警", "alarm"), raised_at=at, latched=True)  # fmt: skip
        incident = Incident(id=name, home=self.site.id, zone=zone, category=category, opened_at=at)
        message = f"{name}.1"
        self.add(
            TimePassed(at=at),
            AlarmChanged(at=at, alarm=raised, change=Change.RAISED),
            IncidentChanged(at=at, incident=incident, change="opened"),
            Notify(at=at, message=message, person="p1", channel="ntfy", address="x", alarm=raised, incident=incident),
        )
        outcome = Outcome.REFUSED if category is Category.TROUBLE else Outcome.ACCEPTED
        later = at + timedelta(seconds=1.5)
        self.add(SendReported(at=later, message=message, incident=name, channel="ntfy", person="p1", outcome=outcome))
        later = at + timedelta(seconds=ACKNOWLEDGED_AFTER_S)
        taken = Acknowledgement("p1", later)
        fields = {name: getattr(raised, name) for name in raised.__struct_fields__}
        answered = Alarm(**{**fields, "acknowledged": taken})
        effects: list[AnyEffect] = [AlarmChanged(at=later, alarm=answered, change=Change.ACKNOWLEDGED)]
        if closed:  # in the same millisecond: the last word must win all the same
            over = Alarm(**{**fields, "acknowledged": taken, "active": False, "closed_at": later})
            effects.append(AlarmChanged(at=later, alarm=over, change=Change.RESET))
        self.add(TimePassed(at=later), *effects)


def tell(now: datetime) -> list[Story]:
    """h1: a fire and an SOS call still open, a gas alarm over, broker down; h2: all over, dark for an hour."""
    stories = [Story(home("h1")), Story(home("h2"))]
    # A little ahead of now: a slow machine must not make h1 look dark.
    for story, until_at in zip(stories, (now + timedelta(seconds=90), now - timedelta(hours=1)), strict=True):
        at = now - HOURS
        story.add(LinkChanged(at=at, link="broker:main", up=True))
        tick = 0
        while at < until_at:
            story.readings(at, tick)
            if tick == 60:
                for category, kind, open_in_h1 in (
                    (Category.FIRE, "smoke", True),
                    (Category.GAS, "gas", False),
                    (Category.PERSON, "sos", True),
                    (Category.ELECTRICAL, "electrical", False),
                    (Category.TROUBLE, "door", False),
                ):
                    story.alarm(at, category, kind, closed=story.site.id == "h2" or not open_in_h1)
            at = max(at + timedelta(seconds=60), story.entries[-1].at)
            tick += 1
        down = story.site.id == "h2"
        story.add(LinkChanged(at=at, link="broker:main", up=not down, detail="connection refused" if down else ""))
    return stories


@pytest.fixture(scope="module")
def now() -> datetime:
    return datetime.now(UTC)


def quality_of(story: Story, now: datetime) -> str:
    """The home's row of alarm quality, as it is made each full hour."""
    counted = QualityCount(now - timedelta(hours=24), now)
    for entry in story.entries:
        counted.take(entry.effects)
    return row_of(home_tags(story.site), counted.report(), now)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, now: datetime) -> Iterator[InfluxServer]:
    """A server that holds what a writer made of the two homes."""

    async def fill() -> InfluxServer:
        server = InfluxServer(Path(tmp_path_factory.mktemp("influx")))
        server.start()
        await server.answering()
        server.query("CREATE DATABASE anlian")
        record, stories = MemoryRecord(), tell(now)
        for story in stories:
            record.hold(story.entries)
        writer = make_writer(influx_settings(server.port), record, [story.site for story in stories])
        async with writing(writer) as task:
            await until(lambda: all(record.cursor("influx", h) == record.head(h) for h in ("h1", "h2")), task)
        assert not record.quarantined
        server.write("\n".join(quality_of(story, now) for story in stories))
        return server

    server = asyncio.run(fill())
    yield server
    server.kill()


def rendered(query: str, now: datetime, chosen: dict[str, list[str]], interval: str = "1m") -> str:
    """The query as Grafana sends it: time range, step, and variables as regular expressions."""
    start, end = whole_ms(now - timedelta(hours=24)), whole_ms(now + timedelta(minutes=1))
    query = query.replace("$timeFilter", f"time >= {start}ms AND time <= {end}ms").replace("$__interval", interval)

    def as_regex(match: re.Match[str]) -> str:
        values = chosen[match[1]]
        if values == ["$__all"]:
            return ".*"
        escaped = [re.sub(r"[\\^$.*+?()[\]{}|/]", r"\\\g<0>", value) for value in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    query = re.sub(r"\$\{(\w+):regex\}", as_regex, query)
    assert "$" not in query.replace("$/", ""), query
    return query


CHOICES = {
    "all": {"county": ["$__all"], "town": ["$__all"], "home": ["$__all"], "zone": ["$__all"]},
    "one": {"county": ["wangcheng"], "town": ["qiaokou"], "home": ["h1"], "zone": ["$__all"]},
    "several": {"county": ["wangcheng"], "town": ["qiaokou", "x"], "home": ["h1", "h2"], "zone": ["floor1", "kitchen"]},
}
QUERIES = [
    pytest.param(target["query"], panel.get("interval", "1m"), id=f"{name}-{panel['id']}-{target['refId']}")
    for name, one in sorted(ALL.items())
    for panel in one["panels"]
    for target in panel.get("targets", [])
] + [
    pytest.param(one["target"]["query"], "1m", id=f"{name}-annotation")
    for name, board in sorted(ALL.items())
    for one in board["annotations"]["list"]
]
ONLY_IN_H2 = '"down" > 0'


def values(series: list[dict[str, Any]]) -> list[Any]:
    return [value for one in series for row in one["values"] for value in row[1:] if value is not None]


@pytest.mark.parametrize("choice", sorted(CHOICES))
@pytest.mark.parametrize(("query", "interval"), QUERIES)
def test_query_of_a_panel_returns_rows(
    filled: InfluxServer, now: datetime, query: str, interval: str, choice: str
) -> None:
    chosen = CHOICES[choice]
    if ONLY_IN_H2 in query and choice == "one":
        chosen = {**chosen, "home": ["h2"]}
    assert values(filled.query(rendered(query, now, chosen, interval))), "no rows"


@pytest.mark.parametrize(
    ("name", "variable", "expected"),
    [
        ("home", "home", {"h1", "h2"}),
        ("home", "zone", {"floor1", "kitchen"}),
        ("county", "county", {"wangcheng"}),
        ("county", "town", {"qiaokou"}),
        ("county", "home", {"h1", "h2"}),
    ],
)
def test_variable_offers(filled: InfluxServer, now: datetime, name: str, variable: str, expected: set[str]) -> None:
    (found,) = [one for one in ALL[name]["templating"]["list"] if one["name"] == variable]
    series = filled.query(rendered(found["query"], now, CHOICES["all"]))
    assert {row[1] for one in series for row in one["values"]} == expected


def panel_query(name: str, title: str, number: int = 0) -> str:
    (found,) = [one for one in ALL[name]["panels"] if title in one.get("title", "")]
    return str(found["targets"][number]["query"])


def ask(server: InfluxServer, now: datetime, name: str, title: str, number: int = 0, **chosen: list[str]) -> list[Any]:
    return server.query(rendered(panel_query(name, title, number), now, {**CHOICES["all"], **chosen}))


def test_open_alarms_are_those_that_are_open(filled: InfluxServer, now: datetime) -> None:
    found = {one["tags"]["category"]: one["values"][0][1] for one in ask(filled, now, "home", "未结束", home=["h1"])}
    assert found == {"fire": 1.0, "gas": 0.0, "person": 1.0, "electrical": 0.0, "trouble": 0.0}
    found = {one["tags"]["category"]: one["values"][0][1] for one in ask(filled, now, "home", "未结束", home=["h2"])}
    assert set(found.values()) == {0.0}


def test_county_lists_the_homes_in_danger_and_no_other(filled: InfluxServer, now: datetime) -> None:
    series = ask(filled, now, "county", "有火警")
    assert {(one["tags"]["home"], one["tags"]["category"]) for one in series} == {("h1", "fire"), ("h1", "person")}


def test_dark_home_is_seen_in_numbers_table_and_timeline(filled: InfluxServer, now: datetime) -> None:
    assert values(ask(filled, now, "county", "机构：已知", 0)) == [2]
    assert values(ask(filled, now, "county", "机构：已知", 1)) == [1]
    heard = {one["tags"]["home"]: one["values"][0][0] for one in ask(filled, now, "county", "最近上报")}
    assert heard["h2"] < whole_ms(now) - 3_500_000 < whole_ms(now) - 130_000 < heard["h1"]
    lines = {one["tags"]["home"]: [row[1] for row in one["values"]] for one in ask(filled, now, "county", "机构在线")}
    assert lines["h2"][-1] == 0 and 1 in lines["h2"]
    assert lines["h1"][-2] == 1


def test_device_that_said_nothing_lately_is_the_first_of_the_table(filled: InfluxServer, now: datetime) -> None:
    series = ask(filled, now, "home", "最近上报", home=["h1"])
    assert {one["tags"]["device"] for one in series} == {f"h1-{kind}" for kind in KINDS}


def test_time_to_acknowledge_is_what_it_was(filled: InfluxServer, now: datetime) -> None:
    for one in ask(filled, now, "county", "响应时间"):
        row = dict(zip(one["columns"], one["values"][0], strict=True))
        assert (row["alarms"], row["mean"], row["p90"]) == (3, ACKNOWLEDGED_AFTER_S, ACKNOWLEDGED_AFTER_S)


def test_video_availability_is_the_share_of_good_reports(filled: InfluxServer, now: datetime) -> None:
    found = {one["tags"]["home"]: one["values"][0][1] for one in ask(filled, now, "county", "视频可用率")}
    assert found["h1"] == pytest.approx(1 - 5 / 180, abs=0.01)


def test_link_that_is_down_is_listed_with_what_to_mend(filled: InfluxServer, now: datetime) -> None:
    (one,) = ask(filled, now, "county", "断开的链路")
    assert one["tags"] == {"home": "h2", "link": "broker:main"}
    assert one["values"][0][1:] == [1.0, "connection refused"]


def test_video_gap_is_not_drawn_as_on_line(filled: InfluxServer, now: datetime) -> None:
    (one,) = ask(filled, now, "home", "视频在线", home=["h2"])
    assert [row[1] for row in one["values"]][-1] is None
