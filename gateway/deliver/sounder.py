"""The alarm topics of a home: where sounders, lamps and panels on the broker listen.

`anlian/v1/<home>/alarm` every change of an alarm; `…/alarm/<id>` the alarm, retained while open; `…/sounder/<zone>`
(`all` for the whole home) the pattern, retained; `…/gateway` our own state, retained, with a last will.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import structs

from gateway.backoff import Jitter
from gateway.clock import STEP_LIMIT, Clock
from gateway.deliver.courier import LinkReporter, Report, keep_running
from gateway.deliver.destination import SendResult
from gateway.publish import Publisher, Will
from rules.alarm import Alarm, shown_state
from rules.effects import AlarmChanged, AnyEffect, DriveSounder, Pattern
from rules.inputs import Outcome

STALE_AFTER = timedelta(seconds=30)
"""A pattern that waited longer (a broker down, a box off) is not replayed: the sounder gets what holds now."""

_LEARN_MAX_S = 5.0
_STALE_MAX = 10_000
_ACCEPTED = SendResult(Outcome.ACCEPTED)
_encode = msgspec.json.Encoder().encode


def topic_root(home: str) -> str:
    """The beginning of all our own topics of a home."""
    return f"anlian/v1/{home}"


def offline_will(home: str) -> Will:
    """What the broker says of the gateway when it falls silent; retained, in place of its last state."""
    return Will(f"{topic_root(home)}/gateway", b'{"state":"offline"}')


class AlarmTopics:
    """The destination `alarm-topics` of one home, over a publisher whose will is `offline_will(home)`.

    One home has one connection, because a connection has one will. `open_alarms` are those the engine holds open
    now, `sounders` what its sounders should do now: both are asserted again on every connection, and retained alarms
    that are no longer open are cleared once the broker has proven to have shown all of them.
    """

    def __init__(
        self,
        home: str,
        publisher: Publisher,
        open_alarms: Callable[[], Iterable[Alarm]],
        seq: Callable[[], int],
        clock: Clock,
        report: Report,
        jitter: Jitter,
        *,
        version: str,
        status_every_s: float = 10.0,
        sounders: Callable[[], Iterable[DriveSounder]] | None = None,
    ) -> None:
        self._home = home
        self._root = topic_root(home)
        self._publisher = publisher
        self._open_alarms = open_alarms
        self._sounders = sounders
        self._seq = seq
        self._clock = clock
        self._jitter = jitter
        self._version = version
        self._status_every_s = status_every_s
        self._driven: dict[str, DriveSounder] = {}
        self._links = LinkReporter("broker:alarm-topics", (home,), report)
        publisher.on_change = self._on_change

    @property
    def name(self) -> str:
        return "alarm-topics"

    def takes(self, effect: AnyEffect) -> bool:
        return isinstance(effect, AlarmChanged | DriveSounder)

    async def ready(self) -> None:
        """Return once there is a connection."""
        await self._publisher.wait_connected()

    async def send(self, effect: AnyEffect, key: str) -> SendResult:
        """Publish at once; accepted at the PUBACKs. `key` travels along, so that a repeat can be told."""
        return await self.begin(effect, key)

    def begin(self, effect: AnyEffect, key: str) -> Awaitable[SendResult]:
        """Publish now; what comes of it is to be awaited."""
        published: list[asyncio.Future[bool]] = []
        if isinstance(effect, AlarmChanged):
            payload = _encode(_alarm_document(self._home, effect, key, self._shift()))
            published.append(self._publisher.publish(f"{self._root}/alarm", payload))
            published.append(self._retain_alarm(effect.alarm, payload))
        elif isinstance(effect, DriveSounder):
            if self._clock.now() - effect.at > STALE_AFTER:
                effect = self._present(effect)
            self._driven[effect.zone] = effect
            published.append(self._drive(effect))
        return _acknowledged(published)

    async def run(self) -> None:
        """Assert on every connection and publish the status, until cancelled (with the publisher's own `run`)."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._links.run())
            for work in (self._publisher.run, self._assert_on_every_connection):
                group.create_task(keep_running(work, self._links, self._clock, self._jitter))

    def _on_change(self, up: bool, reason: str) -> None:
        if up:
            self._links.set_up()
        else:
            self._links.set_down(reason)

    def _retain_alarm(self, alarm: Alarm, payload: bytes) -> asyncio.Future[bool]:
        return self._publisher.publish(f"{self._root}/alarm/{alarm.id}", payload if alarm.open else b"", retain=True)

    def _drive(self, effect: DriveSounder) -> asyncio.Future[bool]:
        at = effect.at + self._shift()
        payload = _encode({"pattern": effect.pattern, "incident": effect.incident, "at": at, "home": self._home})
        return self._publisher.publish(f"{self._root}/sounder/{effect.zone or 'all'}", payload, retain=True)

    async def _assert_on_every_connection(self) -> None:
        while True:
            await self._publisher.wait_connected()
            connection = self._publisher.generation
            self._assert_open()
            await self._sweep(connection)
            while self._still(connection):
                await self._until_lost(self._clock.sleep(self._status_every_s))
                self._publish_status()

    def _still(self, connection: int) -> bool:
        return self._publisher.connected and self._publisher.generation == connection

    def _assert_open(self) -> None:
        for alarm in filter(_is_open, self._open_alarms()):
            document = _document(self._home, alarm, "asserted", self._clock.now(), "", self._shift())
            self._retain_alarm(alarm, _encode(document))
        driven = {zone: self._present(effect) for zone, effect in self._driven.items()}
        if self._sounders is not None:
            driven.update((effect.zone, effect) for effect in self._sounders())
        for effect in driven.values():
            self._drive(effect)

    def _present(self, effect: DriveSounder) -> DriveSounder:
        """What the sounder of this zone must do now, by the engine; the effect itself where nobody can tell."""
        if self._sounders is None:
            return effect
        present = next((now for now in self._sounders() if now.zone == effect.zone), None)
        return present or structs.replace(effect, pattern=Pattern.OFF)

    async def _sweep(self, connection: int) -> None:
        """Clear retained alarms that are no longer open, if the broker has shown all of them.

        Proof is our own status coming back: the broker sends what is retained before what is published after the
        subscription. Without it nothing is cleared (a blind sweep would silence what still burns), and the trouble
        says that the broker's ACL keeps our own topics from us.
        """
        alarms, sounders = f"{self._root}/alarm/", f"{self._root}/sounder/"
        topics = (f"{alarms}+", f"{sounders}+", f"{self._root}/gateway")
        seen: set[str] = set()
        complete = asyncio.Event()
        probe = self._status()

        def receive(topic: str, payload: bytes) -> None:
            if topic.startswith((alarms, sounders)):
                if payload and len(seen) < _STALE_MAX:
                    seen.add(topic)
                elif not payload:
                    seen.discard(topic)
            elif payload == probe:
                complete.set()

        self._publisher.subscribe(topics, receive)
        self._publisher.publish(f"{self._root}/gateway", probe, retain=True)
        await self._until_lost(_wait_at_most(complete, _LEARN_MAX_S))
        if not self._still(connection):
            return
        self._publisher.unsubscribe(topics)
        if not complete.is_set():
            self._links.set_down(f"published, but not heard: let the gateway read and write {self._root}/#")
            return
        self._clear(topic for topic in seen if topic.startswith(alarms))
        if self._sounders is not None:
            self._correct(topic.removeprefix(sounders) for topic in seen if topic.startswith(sounders))

    def _clear(self, topics: Iterable[str]) -> None:
        still_open = {f"{self._root}/alarm/{alarm.id}" for alarm in filter(_is_open, self._open_alarms())}
        for topic in sorted(set(topics) - still_open):
            self._publisher.publish(topic, b"", retain=True)

    def _correct(self, zones: Iterable[str]) -> None:
        for zone in sorted(zones):
            told = DriveSounder(
                at=self._clock.now(), zone="" if zone == "all" else zone, pattern=Pattern.OFF, incident=""
            )
            self._drive(self._present(told))

    def _status(self) -> bytes:
        now = self._clock.now() + self._shift()
        return _encode({"state": "online", "at": now, "seq": self._seq(), "version": self._version})

    def _shift(self) -> timedelta:
        """What turns engine time into the time on the wall: others compare what we publish with their own clocks."""
        shift = self._clock.wall() - self._clock.now()
        return shift if abs(shift) > STEP_LIMIT else timedelta(0)

    def _publish_status(self) -> None:
        self._publisher.publish(f"{self._root}/gateway", self._status(), retain=True)

    async def _until_lost(self, work: Coroutine[Any, Any, object]) -> None:
        """Wait for `work`, but no longer than for the end of this connection."""
        tasks = (asyncio.ensure_future(self._publisher.wait_lost()), asyncio.ensure_future(work))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


async def _acknowledged(published: Sequence[asyncio.Future[bool]]) -> SendResult:
    for one in published:
        if not await one:
            return SendResult(Outcome.RETRY, detail="no PUBACK before the connection ended")
    return _ACCEPTED if published else SendResult(Outcome.REFUSED, detail="there is no topic for this effect")


def _is_open(alarm: Alarm) -> bool:
    return alarm.open


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _alarm_document(home: str, effect: AlarmChanged, key: str, shift: timedelta) -> dict[str, Any]:
    document = _document(home, effect.alarm, effect.change, effect.at, effect.reason, shift)
    document["key"] = key
    document["by"] = effect.by
    return document


def _document(home: str, alarm: Alarm, change: str, at: datetime, reason: str, shift: timedelta) -> dict[str, Any]:
    """An alarm as it stands on the topics: a contract with devices of others, so it is spelt out field by field."""
    return {
        "home": home,
        "id": alarm.id,
        "change": change,
        "at": at + shift,
        "reason": reason,
        "state": shown_state(alarm),
        "open": alarm.open,
        "active": alarm.active,
        "latched": alarm.latched,
        "acknowledged": alarm.acknowledged is not None,
        "category": alarm.category,
        "priority": alarm.priority,
        "title": alarm.title,
        "zone": alarm.zone,
        "subject": alarm.subject,
        "rule": alarm.rule,
        "incident": alarm.incident,
        "value": alarm.value,
        "detail": alarm.detail,
        "raised_at": alarm.raised_at + shift,
        "found": alarm.found,
        "late": alarm.late,
        "repeats": alarm.repeats,
        "test": bool(alarm.test),
        "drill": bool(alarm.drill),
    }
