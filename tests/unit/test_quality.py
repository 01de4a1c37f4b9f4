"""Alarm quality: each number against a case that a person can count."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from rules.alarm import Acknowledgement, Alarm, Category, Suppression, SuppressionKind
from rules.effects import AlarmChanged, Change, IncidentChanged
from rules.incident import Incident, Verdict, VerdictKind
from rules.quality import Quality, QualityCount, floods_of, spread_of
from rules.text import Text
from tests.configuration_world import write as write_configuration
from tests.record_world import BEGIN as JOURNAL_BEGIN
from tests.record_world import alarm_entry, journal
from tests.unit.test_ledger_commands import anlian

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


class Home:
    """Makes effects of alarms as the engine would."""

    def __init__(self, end: datetime = BEGIN + DAY) -> None:
        self.count = QualityCount(BEGIN, end)
        self._number = 0

    def raised(self, seconds: float, subject: str = "smoke-1", priority: int = 2, **more: object) -> Alarm:
        self._number += 1
        alarm = Alarm(
            id=f"h:1:{self._number}",
            rule="r",
            subject=subject,
            zone="z",
            category=Category.FIRE,
            priority=priority,
            title=Text("火"),
            raised_at=at(seconds),
            incident=f"i:{self._number}",
            **more,  # type: ignore[arg-type]
        )
        self.say(seconds, alarm, Change.RAISED)
        return alarm

    def say(self, seconds: float, alarm: Alarm, change: Change, **more: object) -> Alarm:
        alarm = msgspec.structs.replace(alarm, **more)
        self.count.take([AlarmChanged(at=at(seconds), alarm=alarm, change=change)])
        return alarm

    def over(self, seconds: float, alarm: Alarm) -> None:
        self.say(seconds, alarm, Change.CLOSED, active=False, closed_at=at(seconds))

    def judged(self, seconds: float, alarm: Alarm, kind: VerdictKind) -> None:
        incident = Incident(
            id=alarm.incident,
            home="h",
            zone="z",
            category=Category.FIRE,
            opened_at=alarm.raised_at,
            alarms=(alarm.id,),
            verdict=Verdict(kind, "wang", at(seconds), "steam"),
        )
        self.count.take([IncidentChanged(at=at(seconds), incident=incident, change="verdict")])

    def report(self) -> Quality:
        return self.count.report()


def test_alarms_fall_into_windows_of_ten_minutes() -> None:
    home = Home()
    for seconds in (0, 599, 600, 86_399):
        home.raised(seconds)
    home.raised(86_400)
    home.raised(-1)
    found = home.report()
    assert len(found.per_window) == 144
    assert (found.per_window[0], found.per_window[1], found.per_window[143], found.alarms) == (2, 1, 1, 4)


def test_test_alarms_and_suppressed_ones_call_nobody_and_do_not_count() -> None:
    home = Home()
    home.raised(1, test="walk")
    home.raised(2, suppression=Suppression(SuppressionKind.SHELVED))
    assert home.report().alarms == 0
    became = home.raised(3, test="walk")
    home.say(4, became, Change.BECAME_REAL, test="")
    assert home.report().alarms == 1


@pytest.mark.parametrize(
    ("gaps", "floods"),
    [
        ([30] * 8, []),
        ([30] * 9, [(0, 10)]),
        ([66] * 9, [(0, 10)]),
        ([67] * 9, []),
        ([30] * 9 + [200] * 3, [(0, 12)]),
        ([30] * 9 + [3600] + [30] * 9, [(0, 10), (3870, 10)]),
    ],
    ids=["nine", "ten", "just within", "just not", "thinning out", "two"],
)
def test_a_flood_begins_at_ten_and_ends_below_five(gaps: list[int], floods: list[tuple[int, int]]) -> None:
    times = [at(0)]
    for gap in gaps:
        times.append(times[-1] + timedelta(seconds=gap))
    found = floods_of(times, BEGIN + DAY)
    assert [((flood.began_at - BEGIN).total_seconds(), flood.alarms) for flood in found] == floods


def test_a_flood_ends_when_the_fifth_last_is_ten_minutes_old() -> None:
    times = [at(10 * number) for number in range(12)]
    (flood,) = floods_of(times, BEGIN + DAY)
    assert flood.ended_at == at(10 * 7 + 600)
    (flood,) = floods_of(times, at(300))
    assert flood.ended_at is None


@pytest.mark.parametrize(("seconds", "chatters"), [(9, True), (13, False)])
def test_three_times_on_and_off_in_a_minute_is_chattering(seconds: int, chatters: bool) -> None:
    home = Home()
    alarm = home.raised(0, latched=True)
    for cycle in range(3):
        start = cycle * 2 * seconds
        if cycle:
            alarm = home.say(start, alarm, Change.REPEATED, active=True)
        alarm = home.say(start + seconds, alarm, Change.CLEARED, active=False)
    found = home.report()
    assert [one.subject for one in found.chattering] == (["smoke-1"] if chatters else [])


def test_fleeting_is_gone_in_seconds_untouched_and_does_not_come_back() -> None:
    home = Home()
    home.over(5, home.raised(0, "a"))
    home.over(40, home.raised(0, "b"))
    touched = home.raised(0, "c")
    touched = home.say(2, touched, Change.ACKNOWLEDGED, acknowledged=Acknowledgement("w", at(2)))
    home.over(4, touched)
    home.over(5, home.raised(0, "d"))
    home.over(100, home.raised(20, "d"))
    assert home.report().fleeting == 1


def test_stale_is_active_for_more_than_a_day() -> None:
    home = Home(BEGIN + 3 * DAY)
    home.raised(0, "standing")
    home.over(86_401, home.raised(0, "long"))
    home.over(86_399, home.raised(0, "short"))
    home.raised(2.5 * 86_400, "fresh")
    found = home.report()
    assert (found.stale, found.standing) == (2, 2)


def test_priorities_sources_and_their_share() -> None:
    home = Home()
    for number in range(12):
        home.raised(number, f"d-{number:02}", priority=1 + number % 2)
    for _ in range(8):
        home.raised(50, "d-03")
    found = home.report()
    assert found.priorities == {1: 6, 2: 14}
    assert (found.sources[0].subject, found.sources[0].alarms, len(found.sources)) == ("d-03", 9, 10)
    assert found.sources_share == pytest.approx(18 / 20)


def test_false_alarms_count_for_device_and_local_month_and_the_last_verdict_holds() -> None:
    home = Home(BEGIN + 40 * DAY)
    home.judged(100, home.raised(0, "a"), VerdictKind.FALSE)
    late = home.raised(29 * 86_400, "a")
    home.judged(30 * 86_400 - 60, late, VerdictKind.FALSE)  # 7:59 on 1 December in China
    changed = home.raised(200, "b")
    home.judged(210, changed, VerdictKind.FALSE)
    home.judged(220, changed, VerdictKind.REAL)
    found = home.report()
    told = [(one.subject, one.month, one.count) for one in found.false_alarms]
    assert told == [("a", "2026-11", 1), ("a", "2026-12", 1)]
    assert found.verdicts == {"false": 2, "real": 1}
    assert found.to_verify.count == 3


def test_time_to_acknowledge() -> None:
    home = Home()
    for seconds in (10, 20, 90):
        home.say(seconds, home.raised(0), Change.ACKNOWLEDGED, acknowledged=Acknowledgement("w", at(seconds)))
    spread = home.report().to_acknowledge
    assert (spread.count, spread.median_s, spread.longest_s) == (3, 20.0, 90.0)


def test_a_spread_of_nothing_is_empty() -> None:
    assert spread_of([]).count == 0
    assert spread_of([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).p90_s == 10


def test_an_empty_time_is_no_fault() -> None:
    found = Home().report()
    assert (found.alarms, found.overloaded_share, found.sources_share, found.average) == (0, 0.0, 0.0, 0.0)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = write_configuration(tmp_path)
    (tmp_path / "state").mkdir()

    async def fill() -> None:
        async with journal(tmp_path / "state") as record:
            await record.commit([alarm_entry(seq) for seq in range(1, 13)])

    asyncio.run(fill())
    return path


def test_the_command_reports_what_the_archive_holds(settings: Path) -> None:
    day = f"{JOURNAL_BEGIN:%Y-%m-%d}"
    code, said = anlian("quality", settings, "--from", day, "--to", f"{day}T23:00", "--json")
    assert code == 0, said
    found = json.loads(said)
    assert (found["home"], found["alarms"], len(found["floods"]), found["standing"]) == ("home-a", 12, 1, 12)


@pytest.mark.parametrize(("language", "words"), [("zh", "报警 12 次"), ("en", "12 alarms")])
def test_the_command_speaks_both_languages(settings: Path, language: str, words: str) -> None:
    day = f"{JOURNAL_BEGIN:%Y-%m-%d}"
    code, said = anlian("quality", settings, "--from", day, "--to", f"{day}T23:00", "--language", language)
    assert code == 0
    assert words in said


@pytest.mark.parametrize("words", [("--from", "yesterday"), ("--from", "2026-11-22", "--to", "2026-11-21")])
def test_a_time_that_is_none_is_refused(settings: Path, words: tuple[str, ...]) -> None:
    code, said = anlian("quality", settings, *words)
    assert (code, "--from" in said) == (2, True)
