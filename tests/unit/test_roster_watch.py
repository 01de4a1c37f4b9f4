"""Gaps that are told a day before, and hand-overs with both names, in a whole engine on a time line by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from gateway.deliver.wording import compose
from gateway.record.ledger_rows import rows_of
from gateway.record.record import JournalEntry
from rules.alarm import Category
from rules.details import detail_in
from rules.effects import AlarmChanged, AnyEffect, HandoverChanged, Notify, Refused
from rules.engine import Engine
from rules.inputs import AnyInput, HandedOver, LinkChanged, SiteChanged, TimePassed
from rules.memory import CLOCK
from rules.people import Hours, Post, Shift
from rules.roster_watch import NO_NAMES, NO_POST, NOTE_MAX, REFUSALS, SAME_NAME, TOO_LONG
from rules.site import Channel, Person, Plan, PlanStep, Site
from rules.text import Text

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+08:00").astimezone(UTC)


PEOPLE = tuple(
    Person(id=name, name=name.upper(), role=role, channels=(Channel("sms", name),))
    for name, role in (("a", "carer"), ("b", "carer"), ("c", "carer"), ("boss", "director"))
)
DAY = Shift(id="day", post="care", hours=Hours(begins=480, ends=1200), people=("a",))
NIGHT = Shift(id="night", post="care", hours=Hours(begins=1200, ends=480), people=("b",))
SITE = Site(
    id="home",
    name=Text("院"),
    people=PEOPLE,
    plans=(
        Plan(category=Category.FIRE, steps=(PlanStep(tell=("post:care",)),)),
        Plan(category=Category.SUPERVISORY, steps=(PlanStep(tell=("role:director",)),)),
    ),
    posts=(Post(id="care", name=Text("护理", "care")),),
    shifts=(DAY, NIGHT),
)


class Home:
    """An engine, and what it has done."""

    def __init__(self, site: Site, begin: datetime) -> None:
        self.engine = Engine("home")
        self.at = begin
        self.entries: list[JournalEntry] = []
        self.load(site)

    def do(self, happened: AnyInput) -> tuple[AnyEffect, ...]:
        self.at = happened.at
        effects = self.engine.step(happened)
        self.entries.append(JournalEntry("home", 1, self.engine.seq, happened.at, happened, effects))
        return effects

    def load(self, site: Site) -> tuple[AnyEffect, ...]:
        return self.do(SiteChanged(at=self.at, site=site, rules=(), ruleset="t"))

    def pass_until(self, until: datetime) -> list[AnyEffect]:
        """Wake at every deadline, as the shell does."""
        done: list[AnyEffect] = []
        while (due := self.engine.next_deadline()) is not None and due <= until:
            done += self.do(TimePassed(at=max(due, self.at)))
        done += self.do(TimePassed(at=until))
        return done

    def open(self, rule: str) -> list[str]:
        return [alarm.detail for alarm in self.engine.alarms.values() if alarm.rule == rule and alarm.active]

    def gaps(self) -> list[str]:
        return [detail_in(detail, "en") for detail in self.open("gateway.roster")]


MORNING = at("11-23 10:00")
ENDS = replace(SITE, shifts=(DAY, replace(NIGHT, until_on=date(2026, 11, 25))))
"""From the night of the 26th on nobody is on duty."""


def test_a_gap_is_told_to_the_director_a_day_before_it_begins_and_not_earlier() -> None:
    home = Home(ENDS, MORNING)
    quiet = home.pass_until(at("11-25 20:00"))
    assert [effect for effect in quiet if isinstance(effect, Notify)] == []
    done = home.pass_until(at("11-25 20:01"))
    assert {effect.person for effect in done if isinstance(effect, Notify)} == {"boss"}
    (words,) = home.gaps()
    assert words.startswith("11-26 20:00–11-27 08:00 care: nobody is on duty")
    (alarm,) = home.engine.alarms.values()
    assert (alarm.category, alarm.subject) == (Category.SUPERVISORY, "post:care")


def test_a_gap_that_is_mended_is_over_at_once() -> None:
    home = Home(ENDS, at("11-26 10:00"))
    assert len(home.gaps()) == 1
    home.load(SITE)
    assert home.gaps() == []


def test_a_gap_of_a_post_that_is_no_more_is_over() -> None:
    home = Home(ENDS, at("11-26 10:00"))
    home.load(replace(SITE, posts=(), shifts=()))
    assert home.gaps() == []
    assert ("roster",) not in home.engine.deadlines


def test_a_gap_that_comes_back_is_told_again() -> None:
    home = Home(ENDS, at("11-26 10:00"))
    home.load(SITE)
    effects = home.load(ENDS)
    assert len(home.gaps()) == 1
    assert any(isinstance(effect, AlarmChanged) for effect in effects)


def test_a_home_without_posts_looks_at_nothing() -> None:
    home = Home(replace(SITE, posts=(), shifts=()), MORNING)
    assert home.engine.next_deadline() is None


def test_nothing_is_said_of_the_roster_while_nobody_knows_what_time_it_is() -> None:
    home = Home(SITE, MORNING)
    home.do(LinkChanged(at=home.at, link=CLOCK, up=False))
    home.load(ENDS)
    home.pass_until(at("11-27 10:00"))
    assert home.gaps() == []
    assert [person.id for person in home.engine.duty.on_duty("care", home.at)] == ["a", "b"]
    home.do(LinkChanged(at=home.at, link=CLOCK, up=True))
    assert len(home.gaps()) == 1


def test_an_overdue_look_asks_about_now() -> None:
    back = replace(NIGHT, id="back", from_on=date(2026, 11, 28))
    home = Home(replace(ENDS, shifts=(*ENDS.shifts, back)), MORNING)
    effects = home.do(TimePassed(at=at("11-28 21:00")))
    assert effects == ()


def handed(when: str, **more: str) -> HandedOver:
    values = {"person": "a", "post": "care", "outgoing": "a", "incoming": "b", **more}
    return HandedOver(at=at(when), **values)


def on_duty(home: Home) -> list[str]:
    return [person.id for person in home.engine.duty.on_duty("care", home.at)]


def test_a_hand_over_has_both_names_and_stands_in_the_ledger_without_its_words() -> None:
    home = Home(SITE, MORNING)
    (effect,) = home.do(handed("11-23 20:01", note="都好", open_items="204房翻身\n药车上锁"))
    assert isinstance(effect, HandoverChanged)
    assert (effect.handover.outgoing, effect.handover.incoming, effect.change) == ("a", "b", "handed_over")
    assert not effect.handover.is_substitute
    rows = [(row[4], row[5]) for row in rows_of(home.entries[-1])]
    assert [kind for kind, _ in rows] == ["handed_over", "handover.handed_over"]
    for _, body in rows:
        assert b'"incoming":"b"' in body or b'"handover_incoming":"b"' in body
        assert "翻身".encode() not in body
        assert b"note_sha256" in body
        assert b"open_items_sha256" in body


def test_who_comes_early_is_no_substitute_and_both_count_as_on_duty() -> None:
    home = Home(SITE, MORNING)
    (effect,) = home.do(handed("11-23 19:30"))
    assert isinstance(effect, HandoverChanged)
    assert not effect.handover.is_substitute
    assert on_duty(home) == ["a", "b"]


def test_a_substitute_is_noted_and_counts_beside_the_roster_until_it_changes() -> None:
    home = Home(SITE, MORNING)
    (effect,) = home.do(handed("11-23 12:00", incoming="c"))
    assert isinstance(effect, HandoverChanged)
    assert effect.handover.is_substitute
    assert on_duty(home) == ["a", "c"]
    home.pass_until(at("11-23 19:59"))
    assert on_duty(home) == ["a", "c"]
    home.pass_until(at("11-23 20:00"))
    assert on_duty(home) == ["b"]


def test_a_refusal_leaves_the_post_with_who_wanted_to_leave_and_calls_the_director() -> None:
    home = Home(SITE, MORNING)
    effects = home.do(handed("11-23 20:05", refused_because="消控主机有故障未交代"))
    assert any(isinstance(effect, HandoverChanged) and effect.change == "refused" for effect in effects)
    assert {effect.person for effect in effects if isinstance(effect, Notify)} == {"boss"}
    assert on_duty(home) == ["b", "a"]
    (detail,) = home.open("gateway.handover")
    assert detail_in(detail, "zh") == "护理：B未接班（消控主机有故障未交代），A仍在岗"
    home.do(handed("11-23 20:20"))
    assert home.open("gateway.handover") == []
    assert on_duty(home) == ["b"]


def test_a_second_refusal_renews_the_words() -> None:
    home = Home(SITE, MORNING)
    home.do(handed("11-23 20:05", refused_because="一"))
    home.do(handed("11-23 20:06", refused_because="二"))
    (detail,) = home.open("gateway.handover")
    assert "（二）" in detail


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"post": "x"}, NO_POST),
        ({"incoming": "x"}, NO_NAMES),
        ({"outgoing": ""}, NO_NAMES),
        ({"incoming": "a"}, SAME_NAME),
        ({"note": "x" * (NOTE_MAX + 1)}, TOO_LONG),
    ],
    ids=["post", "unknown", "missing", "same", "long"],
)
def test_what_is_no_hand_over_is_refused_and_changes_nothing(wrong: dict[str, str], reason: str) -> None:
    home = Home(SITE, MORNING)
    (effect,) = home.do(handed("11-23 12:00", **wrong))
    assert isinstance(effect, Refused)
    assert (effect.reason, effect.verb) == (reason, "hand_over")
    assert reason in REFUSALS
    assert home.engine.duty.handovers == ()


def test_a_restart_knows_the_hand_overs_and_the_gaps() -> None:
    home = Home(ENDS, at("11-26 10:00"))
    home.do(handed("11-26 12:00", incoming="c"))
    again = Engine.restore(home.engine.snapshot())
    assert again.duty.handovers == home.engine.duty.handovers
    assert [person.id for person in again.duty.on_duty("care", home.at)] == ["a", "c"]
    assert again.next_deadline() == home.engine.next_deadline()
    assert again.snapshot() == home.engine.snapshot()


@pytest.mark.parametrize(
    ("language", "where", "note"),
    [
        ("zh", "地点：院 值班 护理", "说明：11-26 20:00–11-27 08:00 护理：无人值班"),
        ("en", "Where: 院, duty, care", "Note: 11-26 20:00–11-27 08:00 care: nobody is on duty"),
    ],
)
def test_the_message_says_which_post_and_when_in_the_reader_s_language(language: str, where: str, note: str) -> None:
    home = Home(ENDS, at("11-26 10:00"))
    (notify,) = [each for entry in home.entries for each in entry.effects if isinstance(each, Notify)]
    lines = compose(notify, ENDS, "https://x", language).lines
    assert where in lines
    assert note in lines
