"""The canary on a manual clock: who is tested when, over what, how loudly, and when nobody is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from gateway import channel_settings
from gateway.deliver import proving
from gateway.deliver.canary import PURPOSE, Canary, notice_of_test
from gateway.deliver.destination import SendResult
from gateway.deliver.proving import Loudness, phase_of, proving_of
from gateway.deliver.quota import Quota
from gateway.inbox import Decision
from rules.alarm import Category
from rules.effects import Notify
from rules.inputs import AnyInput, ChannelProven, Outcome
from rules.people import Hours, Post, Shift
from rules.reachability import Standing
from rules.site import Channel, Person
from rules.text import Text
from tests.deliver_world import ManualClock, settle
from tests.unit.engine_world import SITE, World, loaded, spoke

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
"""08:00 of a Monday in Shanghai."""


class StageClock(ManualClock):
    """A manual clock that begins where a test wants it to."""

    def __init__(self, begin: datetime = MONDAY) -> None:
        super().__init__()
        self.begin = begin

    def now(self) -> datetime:
        return self.begin + timedelta(seconds=self.elapsed)


class FakeChannel:
    """A channel that notes what it is handed and when."""

    def __init__(self, name: str, clock: StageClock, per_minute: int = 60, reserved: int = 10) -> None:
        self.name = name
        self.clock = clock
        self.quota = Quota(per_minute, reserved, clock)
        self.handed: list[tuple[datetime, Notify]] = []
        self.answers: list[SendResult | Exception] = []
        self.takes_s = 0.5

    async def send(self, effect: Any, key: str) -> SendResult:
        wait = self.quota.take(effect.alarm.category)
        if wait:
            return SendResult(Outcome.RETRY, detail="quota")
        self.handed.append((self.clock.now(), effect))
        await self.clock.sleep(self.takes_s)
        answer = self.answers.pop(0) if self.answers else SendResult(Outcome.ACCEPTED)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def persons(self) -> list[str]:
        return [notify.person for _, notify in self.handed]


def person(name: str, *ways: str, role: str = "carer") -> Person:
    return Person(id=name, name=name, role=role, channels=tuple(Channel(way, f"{name}@{way}") for way in ways))


class Stage:
    def __init__(self, *people: Person, kinds: dict[str, str], begin: datetime = MONDAY, **more: Any) -> None:
        self.clock = StageClock(begin)
        site = replace(SITE, people=people, timezone="Asia/Shanghai", **more.pop("site", {}))
        self.world = World(site)
        self.world.engine.step(loaded(begin, site, ()))
        self.site = site
        self.channels = {name: FakeChannel(name, self.clock) for name in kinds}
        self.proven: list[ChannelProven] = []
        self.synchronised = True
        self.canary = Canary(
            [(kind, self.channels[name]) for name, kind in kinds.items()],
            {site.id: site},
            lambda _: self.world.engine,
            self.clock,
            self.report,
            lambda: self.synchronised,
            **more,
        )
        self.task: asyncio.Task[None] | None = None

    async def report(self, home: str, make: Callable[..., AnyInput]) -> Decision:
        happened = make(self.clock.now())
        self.world.engine.step(happened)
        if isinstance(happened, ChannelProven):
            self.proven.append(happened)
        return Decision(seq=1, effects=(), durable=True)

    async def __aenter__(self) -> Stage:
        self.task = asyncio.create_task(self.canary.run())
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def go_on(self, **span: float) -> None:
        await self.clock.advance(timedelta(**span).total_seconds())

    def standing(self, who: str, way: str) -> Standing:
        return self.world.engine.reachability.standing(who, way)


async def test_a_silent_channel_is_tested_soon_and_then_once_a_day_at_an_hour_of_its_own() -> None:
    async with Stage(*(person(f"p{n}", "n") for n in range(12)), kinds={"n": "ntfy"}) as stage:
        await stage.go_on(minutes=12)
        channel = stage.channels["n"]
        assert sorted(channel.persons) == sorted(f"p{n}" for n in range(12))
        assert all(notify.purpose == PURPOSE for _, notify in channel.handed)
        assert {stage.standing(f"p{n}", "n") for n in range(12)} == {Standing.PROVEN}
        channel.handed.clear()
        await stage.go_on(hours=24)
        assert sorted(channel.persons) == sorted(f"p{n}" for n in range(12)), "each once in a day"
        hours = {at.hour for at, _ in channel.handed}
        assert len(hours) >= 6, "spread over day and night"
        assert stage.proven[0].lag == timedelta(seconds=0.5)


async def test_two_people_with_the_same_phone_at_different_homes_have_instants_of_their_own() -> None:
    phases = {phase_of(home, who, "n") for home in ("a", "b") for who in ("p", "q")}
    assert len(phases) == 4 and all(0 <= phase < 1 for phase in phases)


async def test_what_a_person_sees_comes_at_the_set_time_and_never_at_night() -> None:
    evening = MONDAY.replace(hour=13)  # 21:00 in Shanghai
    people = [person(f"p{n}", "sms") for n in range(6)]
    async with Stage(*people, kinds={"sms": "sms-modem"}, begin=evening, visible_at=time(9, 0)) as stage:
        await stage.go_on(hours=11.9)
        channel = stage.channels["sms"]
        assert channel.handed == [], "until 09:00 nobody is woken"
        await stage.go_on(hours=1)
        assert sorted(channel.persons) == sorted(each.id for each in people)
        local = [(at + timedelta(hours=8)).time() for at, _ in channel.handed]
        assert all(time(9, 0) <= at <= time(9, 32) for at in local)
        assert all(proof.answer_within == timedelta(hours=4) for proof in stage.proven)


async def test_who_holds_a_post_sees_it_when_the_shift_begins_also_at_night() -> None:
    day, night = Hours(begins=480, ends=1200), Hours(begins=1200, ends=480)
    roster = {
        "posts": (Post(id="carer", name=Text("护理岗")),),
        "shifts": (
            Shift(id="day", post="carer", hours=day, people=("p0",)),
            Shift(id="night", post="carer", hours=night, people=("p1",)),
        ),
    }
    begin = MONDAY.replace(hour=3)  # 11:00: p0 is in the midst of the shift
    people = [person("p0", "sms"), person("p1", "sms")]
    async with Stage(*people, kinds={"sms": "sms-modem"}, begin=begin, site=roster) as stage:
        await stage.go_on(hours=8.5)
        channel = stage.channels["sms"]
        assert channel.handed == []
        await stage.go_on(hours=1)  # until 20:30
        assert channel.persons == ["p1"]
        await stage.go_on(hours=12)
        assert channel.persons == ["p1", "p0"]
        assert {proof.holds_for for proof in stage.proven} == {timedelta(days=8)}


async def test_a_call_comes_once_a_week_in_the_daytime_of_a_workday() -> None:
    people = [person(f"p{n}", "call") for n in range(8)]
    async with Stage(*people, kinds={"call": "voice-line"}) as stage:
        await stage.go_on(days=5)
        channel = stage.channels["call"]
        assert sorted(channel.persons) == sorted(each.id for each in people)
        local = [at + timedelta(hours=8) for at, _ in channel.handed]
        assert all(time(10) <= at.time() < time(17) and at.weekday() < 5 for at in local)
        assert len({at.weekday() for at in local}) > 2, "spread over the week"


async def test_no_test_is_made_while_a_danger_is_open_anywhere() -> None:
    async with Stage(person("p0", "n"), kinds={"n": "ntfy"}) as stage:
        stage.world.engine.step(loaded(stage.clock.now(), stage.site, World().rules))
        stage.world.engine.step(spoke(stage.clock.now(), "smoke-1", smoke=True))
        await stage.go_on(hours=3)
        assert stage.channels["n"].handed == []


async def test_a_test_under_way_gives_the_line_to_a_danger() -> None:
    async with Stage(person("p0", "call"), kinds={"call": "voice-line"}) as stage:
        stage.channels["call"].takes_s = 60.0
        assert stage.canary.ask("home", "p0", "call")
        await stage.go_on(seconds=5)
        assert len(stage.channels["call"].handed) == 1
        stage.world.engine.step(loaded(stage.clock.now(), stage.site, World().rules))
        stage.world.engine.step(spoke(stage.clock.now(), "smoke-1", smoke=True))
        await stage.go_on(seconds=90)
        assert stage.proven == [], "what was broken off says nothing of the phone"


async def test_a_full_quota_puts_the_test_off_and_is_no_failure() -> None:
    people = [person(f"p{n}", "n") for n in range(6)]
    async with Stage(*people, kinds={"n": "ntfy"}) as stage:
        quota = stage.channels["n"].quota
        quota.close_for(12 * 60)
        await stage.go_on(minutes=11.9)
        assert stage.channels["n"].handed == [] and stage.proven == []
        assert quota.left(Category.FIRE) == 60, "what is kept for dangers is untouched"
        await stage.go_on(minutes=3)
        assert sorted(stage.channels["n"].persons) == sorted(each.id for each in people)


async def test_a_fault_that_may_pass_is_tried_three_times_before_it_is_one() -> None:
    async with Stage(person("p0", "n"), kinds={"n": "ntfy"}) as stage:
        stage.channels["n"].answers = [SendResult(Outcome.RETRY, detail="no answer"), ConnectionError("x")]
        await stage.go_on(minutes=20)
        assert [proof.outcome for proof in stage.proven] == [Outcome.ACCEPTED]
        assert len(stage.channels["n"].handed) == 3


async def test_a_phone_that_fails_is_tested_every_hour_until_it_works() -> None:
    async with Stage(person("p0", "n"), kinds={"n": "ntfy"}) as stage:
        stage.channels["n"].answers = [SendResult(Outcome.REFUSED, detail="HTTP 404")] * 3
        await stage.go_on(minutes=20)
        assert stage.standing("p0", "n") is Standing.FAILED
        assert stage.world.engine.alarm_book.find("gateway.phone", "phone:p0/n") is not None
        await stage.go_on(hours=3.2)
        assert stage.standing("p0", "n") is Standing.PROVEN
        assert stage.world.engine.alarm_book.find("gateway.phone", "phone:p0/n") is None


async def test_the_live_line_is_proven_while_the_page_is_open_and_is_no_failure_else() -> None:
    async with Stage(person("p0", "live"), kinds={"live": "live"}) as stage:
        stage.channels["live"].answers = [SendResult(Outcome.REFUSED, detail="no page is open")]
        await stage.go_on(minutes=12)
        assert len(stage.channels["live"].handed) >= 1
        assert all(proof.outcome is not Outcome.REFUSED for proof in stage.proven)


async def test_somebody_asks_for_a_test_now() -> None:
    async with Stage(person("p0", "sms"), kinds={"sms": "sms-modem"}, begin=MONDAY.replace(hour=18)) as stage:
        assert not stage.canary.ask("home", "p0", "nothing") and not stage.canary.ask("home", "nobody", "sms")
        assert stage.canary.ask("home", "p0", "sms")
        await stage.go_on(seconds=2)
        assert stage.channels["sms"].persons == ["p0"]
        assert stage.canary.ask("home", "p0", "sms"), "while the canary rests between two tests"
        await stage.go_on(seconds=5)
        assert stage.channels["sms"].persons == ["p0", "p0"]


@pytest.mark.parametrize("loudness", [Loudness.SILENT, Loudness.VISIBLE])
async def test_what_is_switched_off_is_not_tested(loudness: Loudness) -> None:
    ways = {"n": "ntfy", "sms": "sms-modem"}
    async with Stage(person("p0", *ways), kinds=ways, loudnesses=frozenset({loudness})) as stage:
        await stage.go_on(hours=3)
        tested = {name for name, channel in stage.channels.items() if channel.handed}
        assert tested == ({"n"} if loudness is Loudness.SILENT else {"sms"})


async def test_without_the_time_of_day_nobody_is_shown_anything() -> None:
    ways = {"n": "ntfy", "sms": "sms-modem"}
    async with Stage(person("p0", *ways), kinds=ways) as stage:
        stage.synchronised = False
        await stage.go_on(hours=3)
        assert stage.channels["sms"].handed == [] and stage.channels["n"].handed


async def test_who_did_not_agree_to_a_channel_is_not_tested_over_it() -> None:
    shy = Person(id="p0", name="p0", role="carer", channels=(Channel("n", "x", consent=False),))
    async with Stage(shy, kinds={"n": "ntfy"}) as stage:
        await stage.go_on(hours=3)
        assert stage.channels["n"].handed == []


@pytest.mark.parametrize("language, want", [("zh", "不是报警"), ("en", "no alarm")])
async def test_the_words_of_a_test_say_that_it_is_none(language: str, want: str) -> None:
    async with Stage(person("p0", "sms"), kinds={"sms": "sms-modem"}) as stage:
        stage.canary.ask("home", "p0", "sms")
        await stage.go_on(seconds=2)
        _, notify = stage.channels["sms"].handed[0]
    with_link = notice_of_test(notify, stage.site, "https://x/t/abc", language)
    without = notice_of_test(notify, None, "", language)
    assert want in with_link.text and want in without.text and want in with_link.short
    assert len(with_link.short) <= 70
    assert with_link.parts.home == stage.site.name.in_language(language)


def test_kinds_that_nobody_listed_show_a_message_and_wait_for_its_confirmation() -> None:
    way = proving_of("anything")
    assert way.loudness is Loudness.VISIBLE and way.answer_within is not None


def test_every_kind_that_proves_itself_in_its_own_way_is_a_kind_of_the_settings() -> None:
    assert set(proving.KINDS) <= set(channel_settings.KINDS)
