"""How far messages got, from the journal: the rung of the last one, lags, failures, tests, and what may come late."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.deliver.ladder import KEPT_S, DeliveryDesk, Way, ways_of
from gateway.deliver.people import STOPPED
from gateway.deliver.quota import Quota
from gateway.record.record import JournalEntry
from rules.alarm import Category
from rules.inputs import ChannelProven, Outcome, SendReported
from rules.site import Channel, Person, Site
from rules.text import Text
from tests.deliver_world import START, notify
from tests.record_world import HOME, ManualClock, alarm_entry, journal

PUSH = Channel("phone", "wang-topic")
SMS = Channel("sms", "13800000001", order=1)
SITE = Site(
    id="h1",
    name=Text("一号院", "Home 1"),
    people=(
        Person(id="wang", name="王", role="carer", channels=(PUSH, SMS)),
        Person(id="li", name="李", role="carer", channels=(PUSH,)),
    ),
)


def told(message: str, seconds: float = 0.0, **changes: object) -> JournalEntry:
    at = START + timedelta(seconds=seconds)
    said = SendReported(at=at, message="of-nobody", incident="i", channel="phone", person="wang", outcome=Outcome.READ)
    return JournalEntry("h1", 1, 1, at, said, (notify(message, at=at, **changes),))


def reported(message: str, outcome: Outcome, seconds: float, detail: str = "", *, final: bool = True) -> JournalEntry:
    at = START + timedelta(seconds=seconds)
    said = SendReported(
        at=at,
        message=message,
        incident="i",
        channel="phone",
        person="wang",
        outcome=outcome,
        detail=detail,
        final=final,
    )
    return JournalEntry("h1", 1, 1, at, said)


def of_wang(*entries: JournalEntry) -> Way:
    ways, complete = ways_of(SITE, entries)
    assert complete
    found = [(way.person, way.channel.destination) for way in ways]
    assert found == [("wang", "phone"), ("wang", "sms"), ("li", "phone")]
    return ways[0]


RUNGS = [
    pytest.param([], "pending", id="nothing_yet"),
    pytest.param([(Outcome.RETRY, "")], "sending", id="tried"),
    pytest.param([(Outcome.RETRY, ""), (Outcome.ACCEPTED, "")], "handed_over", id="taken_at_the_second_try"),
    pytest.param([(Outcome.ACCEPTED, ""), (Outcome.SENT, "")], "sent", id="sent"),
    pytest.param([(Outcome.ACCEPTED, ""), (Outcome.DELIVERED, "")], "delivered", id="delivered"),
    pytest.param([(Outcome.ACCEPTED, ""), (Outcome.READ, ""), (Outcome.DELIVERED, "")], "read", id="report_came_late"),
    pytest.param([(Outcome.ACCEPTED, ""), (Outcome.ANSWERED, "")], "answered", id="answered"),
    pytest.param([(Outcome.REFUSED, "no such number")], "failed", id="refused"),
    pytest.param([(Outcome.ACCEPTED, ""), (Outcome.REFUSED, "gone")], "failed", id="refused_by_the_network_later"),
    pytest.param([(Outcome.REFUSED, STOPPED)], "stopped", id="somebody_took_it_on"),
]


@pytest.mark.parametrize(("results", "state"), RUNGS)
def test_the_rung_of_the_last_message(results: list[tuple[Outcome, str]], state: str) -> None:
    entries = [reported("m1", outcome, 1.0 + place, detail) for place, (outcome, detail) in enumerate(results)]
    way = of_wang(told("m1"), *entries)
    assert (way.state, way.messages, way.at) == (state, 1, START)
    assert way.failures == (state == "failed")


def test_a_late_word_about_an_earlier_message_does_not_change_the_rung_of_the_last_one() -> None:
    late = (reported("m1", Outcome.ANSWERED, 61.0), reported("m1", Outcome.REFUSED, 62.0))
    way = of_wang(told("m1"), told("m2", 60.0), *late)
    assert (way.state, way.messages, way.failures, way.fault) == ("pending", 2, 1, "")
    assert way.failed_at == START + timedelta(seconds=62)


def test_lags_are_of_the_first_hand_over_alone_and_are_told_by_nearest_rank() -> None:
    entries = []
    for number in range(20):
        name, begin = f"m{number}", number * 100.0
        entries += [told(name, begin), reported(name, Outcome.ACCEPTED, begin + number + 1)]
        entries.append(reported(name, Outcome.DELIVERED, begin + 90))
    way = of_wang(*entries)
    assert (len(way.lags), way.lag(0.5), way.lag(0.95)) == (20, 10.0, 19.0)
    assert Way("wang", PUSH).lag(0.5) is None
    assert Way("wang", PUSH, lags=[3.0]).lag(0.95) == 3.0


def test_a_test_gives_its_lag_and_a_failed_one_its_fault() -> None:
    at = START + timedelta(minutes=1)
    passed = ChannelProven(
        at=at, person="wang", channel="phone", message="t1", outcome=Outcome.ACCEPTED, lag=timedelta(seconds=2)
    )
    failed = ChannelProven(at=at, person="wang", channel="phone", message="t2", outcome=Outcome.REFUSED, detail="gone")
    first, second = (JournalEntry("h1", 1, 1, at, said) for said in (passed, failed))
    way = of_wang(first)
    assert (way.tested_at, way.test_passed, way.lags, way.failures) == (at, True, [2.0], 0)
    way = of_wang(first, second)
    assert (way.test_passed, way.lags, way.failures, way.fault) == (False, [2.0], 1, "gone")


def test_messages_of_others_and_to_addresses_of_before_count_for_nobody() -> None:
    way = of_wang(told("m1", person="chen"), told("m2", address="an-old-topic"), reported("m9", Outcome.READ, 1))
    assert (way.state, way.messages) == ("", 0)


def test_of_too_many_messages_the_oldest_are_left_out_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.deliver.ladder.MESSAGES_MAX", 3)
    ways, complete = ways_of(SITE, [told(f"m{number}", number) for number in range(5)])
    assert (complete, ways[0].messages) == (False, 5)


async def test_the_desk_reads_the_journal_off_the_loop_and_the_quota_of_now(tmp_path: Path) -> None:
    clock = ManualClock()
    quota = Quota(20, 10, clock)
    person = Person(id="wang", name="王", role="carer", channels=(PUSH,))
    sites = {HOME: Site(id=HOME, name=Text("一号院", "Home 1"), people=(person,))}
    async with journal(tmp_path) as record:
        desk = DeliveryDesk(tmp_path / "journal.db", clock, sites, {"phone": "ntfy"}, lambda: {"phone": quota})
        entry = alarm_entry(1)
        letter = notify("m1", at=entry.at)
        await record.commit([JournalEntry(HOME, 1, 1, entry.at, entry.input, (*entry.effects, letter))])
        quota.take(Category.TROUBLE)
        view = await desk.view(HOME)
        assert [(way.state, way.messages) for way in view.ways] == [("pending", 1)]
        assert view.kinds == {"phone": "ntfy"}
        left = view.quotas["phone"]
        assert (left.per_minute, left.fire, left.danger, left.others) == (20, 19, 14, 9)
        quota.take(Category.FIRE)
        later = SendReported(
            at=entry.at, message="m1", incident="i", channel="phone", person="wang", outcome=Outcome.ACCEPTED
        )
        await record.commit([JournalEntry(HOME, 1, 2, entry.at, later)])
        again, both = await asyncio.gather(desk.view(HOME), desk.view(HOME))
        assert again.ways[0].state == both.ways[0].state == "pending", "kept for a while"
        assert again.quotas["phone"].fire == 18, "the quota is of now"
        clock.advance(KEPT_S + 1)
        assert (await desk.view(HOME)).ways[0].state == "handed_over"
