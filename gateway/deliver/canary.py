"""The canary: every channel of every person is tested by itself, long before somebody has to be reached over it.

It uses the quota's unreserved share alone, one test at a time, never while a danger is open, and what a person would
notice never at night but at the beginning of a shift. What came of a test goes through the inbox like everything that
happens (`ChannelProven`); what the channel learns later comes by its courier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Protocol, cast
from zoneinfo import ZoneInfo

import msgspec
import structlog
from msgspec.structs import replace

from gateway.clock import Clock
from gateway.deliver.courier import Report, fault_words
from gateway.deliver.destination import SendResult
from gateway.deliver.people import PeopleCourier
from gateway.deliver.proving import Loudness, Occasion, Proving, holds_for, is_due, phase_of, proving_of
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice, Parts, one_line
from gateway.inbox import Stamp
from gateway.settings import Settings
from rules.alarm import Alarm, Category
from rules.duty import Duty
from rules.effects import AnyEffect, Notify
from rules.incident import Incident
from rules.inputs import ChannelProven, Outcome
from rules.reachability import Reachability
from rules.site import Channel, Person, Site
from rules.text import Text

PURPOSE = "test"
"""The purpose of a test's message: channels make no noise for it where they can."""

CONFIRM = "confirm"
"""The reason of a test's message whose link its holder is asked to open."""

LOOK_EVERY_S = 30.0
TRIES_MAX = 3
AGAIN_S = 60.0
PAUSE_S = 2.0
"""Between two tests, so that a hundred phones that are due at once do not become a flood."""

SEND_MAX_S = 120.0
LOOK_BACK = timedelta(hours=2)
"""A shift that began longer ago has had its hand-over."""

log = structlog.get_logger("canary")


class Watched(Protocol):
    """What the canary needs of a home's engine."""

    duty: Duty
    reachability: Reachability

    @property
    def incidents(self) -> Mapping[str, Incident]: ...


class TriedChannel(Protocol):
    """A channel that can be tested."""

    @property
    def name(self) -> str: ...

    @property
    def quota(self) -> Quota: ...

    async def send(self, effect: AnyEffect, key: str) -> SendResult: ...


Key = tuple[str, str, str]
"""Home, person, channel."""


class Trial(msgspec.Struct, frozen=True):
    """One test that is to be made."""

    home: str
    person: Person
    channel: Channel
    way: Proving
    holds_for: timedelta

    @property
    def key(self) -> Key:
        """What is tested."""
        return self.home, self.person.id, self.channel.destination


class Canary:
    """Tests the channels of all homes, for ever. `asked` are tests that a person wants now."""

    def __init__(
        self,
        channels: Sequence[tuple[str, TriedChannel]],
        sites: Mapping[str, Site],
        engine: Callable[[str], Watched],
        clock: Clock,
        report: Report,
        clock_known: Callable[[], bool],
        *,
        loudnesses: frozenset[Loudness] = frozenset(Loudness),
        visible_at: time = time(8, 30),
    ) -> None:
        self._channels: dict[str, tuple[Proving, TriedChannel]] = {
            channel.name: (proving_of(kind), channel) for kind, channel in channels
        }
        self._sites = sites
        self._engine = engine
        self._clock = clock
        self._report = report
        self._clock_known = clock_known
        self._loudnesses = loudnesses
        self._visible_at = visible_at
        self._started_at = clock.now()
        self._number = 0
        self._asked: set[Key] = set()
        self._again: dict[Key, tuple[int, float]] = {}
        self._wake = asyncio.Event()

    def ask(self, home: str, person: str, channel: str) -> bool:
        """A person wants this channel tested now, at whatever hour; False if there is none of these names."""
        known = self._find(home, person, channel)
        if known is None:
            return False
        self._asked.add((home, person, channel))
        self._wake.set()
        return True

    async def run(self) -> None:
        """Test what is due, again and again, until cancelled."""
        while True:
            self._wake.clear()
            for test in list(self._due()):
                if self._in_danger():
                    break
                self._asked.discard(test.key)
                await self._test(test)
                await self._clock.sleep(PAUSE_S)
            await self._rest()

    async def _rest(self) -> None:
        """Until the next look, or until somebody asks."""
        resting = asyncio.ensure_future(self._clock.sleep(LOOK_EVERY_S))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({resting, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            resting.cancel()
            waking.cancel()

    # what is due

    def _in_danger(self) -> bool:
        """Whether people are in danger anywhere: every channel and every eye belongs to them then."""
        return any(
            incident.category.endangers_people and not incident.drill
            for home in self._sites
            for incident in self._engine(home).incidents.values()
        )

    def _due(self) -> Iterator[Trial]:
        if self._in_danger():
            return
        now = self._clock.now()
        for home, site in list(self._sites.items()):
            engine = self._engine(home)
            began, holders = _shifts_begun(engine.duty, now)
            for person in site.people:
                for channel in person.channels:
                    if channel.destination not in self._channels or not channel.consent:
                        continue
                    occasion = Occasion(
                        now=now,
                        local=self._local(site),
                        started_at=self._started_at,
                        phase=phase_of(home, person.id, channel.destination),
                        shift_began_at=began.get(person.id),
                        holds_post=person.id in holders,
                        visible_at=self._visible_at,
                    )
                    way, _ = self._channels[channel.destination]
                    test = Trial(home, person, channel, way, holds_for(way, occasion))
                    if self._is_due(test, engine, occasion):
                        yield test

    def _is_due(self, test: Trial, engine: Watched, occasion: Occasion) -> bool:
        if test.key in self._asked:
            return True
        _, again_at = self._again.get(test.key, (0, None))
        if again_at is not None:
            return self._clock.monotonic() >= again_at
        loudness = test.way.loudness
        if loudness not in self._loudnesses or (loudness is not Loudness.SILENT and not self._clock_known()):
            return False
        proof = engine.reachability.proofs.get((test.person.id, test.channel.destination))
        return is_due(test.way, proof, occasion)

    def _local(self, site: Site) -> datetime:
        return self._clock.wall().astimezone(ZoneInfo(site.timezone))

    def _find(self, home: str, person: str, channel: str) -> Person | None:
        site = self._sites.get(home)
        known = next((each for each in site.people if each.id == person), None) if site is not None else None
        if known is None or channel not in self._channels:
            return None
        return known if channel in [each.destination for each in known.channels] else None

    # one test

    async def _test(self, test: Trial) -> None:
        """Hand over one test's message, measure how long that took, and say what came of it."""
        way, channel = self._channels[test.channel.destination]
        if channel.quota.left(Category.TROUBLE) < 1:
            return
        self._number += 1
        notify = self._message(test)
        began = self._clock.monotonic()
        result = await self._hand_over(channel, notify)
        if result is None or (way.while_open and result.outcome in (Outcome.REFUSED, Outcome.RETRY)):
            return
        tries = self._again.pop(test.key, (0, 0.0))[0] + 1
        if result.outcome is Outcome.RETRY and tries < TRIES_MAX:
            self._again[test.key] = (tries, self._clock.monotonic() + AGAIN_S)
            return
        await self._report(test.home, _proven(test, notify, result, self._clock.monotonic() - began))

    async def _hand_over(self, channel: TriedChannel, notify: Notify) -> SendResult | None:
        """What came of one try; None if a danger came in between: the line belongs to that."""
        sending = asyncio.ensure_future(channel.send(notify, notify.message))
        ends_at = self._clock.monotonic() + SEND_MAX_S
        try:
            while not sending.done():
                if self._in_danger():
                    return None
                if self._clock.monotonic() >= ends_at:
                    return SendResult(Outcome.RETRY, detail=f"no result within {SEND_MAX_S:g} s")
                await self._wait_for(sending)
            return sending.result()
        except Exception as fault:  # noqa: BLE001  a channel that breaks at a test is a finding, and stops no other test
            log.error("a channel raised at its test", channel=channel.name, error=fault_words(fault))
            return SendResult(Outcome.RETRY, detail=fault_words(fault))
        finally:
            sending.cancel()

    async def _wait_for(self, sending: asyncio.Future[SendResult]) -> None:
        """A second, or until it is over."""
        second = asyncio.ensure_future(self._clock.sleep(1.0))
        both: set[asyncio.Future[Any]] = {sending, second}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            second.cancel()

    def _message(self, test: Trial) -> Notify:
        name = f"{test.home}:test:{int(self._clock.wall().timestamp())}.{self._number}"
        visible = test.way.loudness is Loudness.VISIBLE and test.way.answer_within is not None
        message = message_of_test(name, test.home, test.person.id, test.channel, self._clock.now())
        return replace(message, reason=CONFIRM if visible else "", purpose=PURPOSE)


def message_of_test(name: str, home: str, person: str, channel: Channel, at: datetime) -> Notify:
    """The message of a test: of the lowest category, so that it gets the quota's unreserved share alone."""
    alarm = Alarm(
        id=name,
        rule=PURPOSE,
        subject=f"phone:{person}/{channel.destination}",
        zone="phones",
        category=Category.TROUBLE,
        priority=5,
        title=TITLE,
        raised_at=at,
    )
    incident = Incident(id=name, home=home, zone="phones", category=Category.TROUBLE, opened_at=at)
    return Notify(
        at=at,
        message=name,
        person=person,
        channel=channel.destination,
        address=channel.address,
        alarm=alarm,
        incident=incident,
    )


def open_canary(
    settings: Settings,
    couriers: Iterable[PeopleCourier],
    sites: Mapping[str, Site],
    engine: Callable[[str], Watched],
    clock: Clock,
    report: Report,
    clock_known: Callable[[], bool],
) -> Canary:
    """The canary of these settings; `couriers` carry for their channels, in their order."""
    own = settings.canary
    switched = {Loudness.SILENT: own.silent, Loudness.VISIBLE: own.visible, Loudness.VOICE: own.voice}
    return Canary(
        [
            (setting.kind, cast(TriedChannel, courier.destination))
            for setting, courier in zip(settings.channels, couriers, strict=True)
        ],
        sites,
        engine,
        clock,
        report,
        clock_known,
        loudnesses=frozenset(loudness for loudness, on in switched.items() if on),
        visible_at=time.fromisoformat(own.visible_at),
    )


def _shifts_begun(duty: Duty, now: datetime) -> tuple[dict[str, datetime], set[str]]:
    """Who came on duty lately, and when; and everybody who ever holds a post."""
    began: dict[str, datetime] = {}
    holders: set[str] = set()
    before: set[str] = set()
    for post in duty.roster.posts:
        holders |= set(duty.roster.ever(post))
        first, *later = duty.roster.stretches(post, now - LOOK_BACK, now)
        before |= set(first.people)
        for stretch in later:
            for person in stretch.people:
                began.setdefault(person, stretch.begins_at)
    return {person: at for person, at in began.items() if person not in before and at <= now}, holders


def _proven(test: Trial, notify: Notify, result: SendResult, lag_s: float) -> Stamp:
    arrived = result.outcome in (Outcome.DELIVERED, Outcome.READ, Outcome.ANSWERED)

    def make(at: datetime) -> ChannelProven:
        return ChannelProven(
            at=at,
            person=test.person.id,
            channel=test.channel.destination,
            message=notify.message,
            outcome=result.outcome,
            lag=timedelta(seconds=round(lag_s, 3)),
            lag_max=test.way.lag_max,
            answer_within=None if arrived else test.way.answer_within,
            holds_for=test.holds_for,
            detail=result.detail[:300],
        )

    return make


TITLE = Text("通道自检", "Channel test")
_ASKED = Text(
    "这是每日通道自检，不是报警。请点开链接并确认收到；无需做其他事。",
    "This is the daily test of this channel, no alarm. Please open the link and confirm; nothing else is asked of you.",
)
_TOLD = Text("这是通道自检，不是报警，无需处理。", "This is a test of this channel, no alarm. Nothing is asked of you.")
_SHORT = Text("【自检】请点开链接确认收到，不是报警", "[TEST] no alarm: open the link and confirm")


def notice_of_test(notify: Notify, site: Site | None, url: str, language: str) -> Notice:
    """The words of a test, the same on every channel."""
    home = one_line(site.name.in_language(language)) if site is not None else notify.incident.home
    mark = "[TEST] " if language == "en" else "【自检】"
    title = f"{mark}{TITLE.in_language(language)} · {home}"
    asked = (_ASKED if url else _TOLD).in_language(language)
    short = _SHORT.in_language(language) if url else title
    parts = Parts(title=TITLE.in_language(language), category=mark.strip(), home=home, place=home)
    return Notice(title, (title, asked), short[:70], url, language, parts)
