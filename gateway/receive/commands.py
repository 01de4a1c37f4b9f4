"""What codecs ask to be sent (`Decoded.commands`), on a connection of its own: never more often than once a minute.

A request that was answered is not asked again; one that nobody answers is asked ever more rarely, so that a device that
knows no such command is not pestered for ever. It waits while there is no connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final, Protocol, runtime_checkable

import msgspec
import structlog

from devices.codec import Command
from gateway.clock import Clock
from gateway.publish import Publisher
from gateway.receive.decode import Route

log = structlog.get_logger("commands")

EVERY_S: Final = 60.0
"""The least time between two commands of one topic (our choice: a birth of a large node is tens of kilobytes)."""

EVERY_MOST_S: Final = 3600.0
TOPICS_MAX: Final = 1024
"""Topics that are remembered; of more, nothing is sent, and the log says so."""

_LOOK_EVERY_S: Final = 1.0


@runtime_checkable
class Asking(Protocol):
    """A codec that asks its devices for something whenever a session begins."""

    def opening(self, addresses: Iterable[str], at: datetime) -> tuple[Command, ...]: ...


class _Topic(msgspec.Struct):
    """One topic: the command that waits (None: none does), when the last was sent, and how long to wait after it."""

    waiting: Command | None = None
    sent_at: float | None = None
    every_s: float = EVERY_S


class CommandSender:
    """Sends what the codecs of one broker's sources ask for."""

    def __init__(
        self, publisher: Publisher, routes: Iterable[Route], addresses: Callable[[str], Iterable[str]], clock: Clock
    ) -> None:
        """`addresses`: the registered ones of a source, by its name."""
        self._publisher = publisher
        self._routes = tuple(routes)
        self._addresses = addresses
        self._clock = clock
        self._topics: dict[str, _Topic] = {}
        publisher.on_change = self._on_change

    async def run(self) -> None:
        """Keep the connection, and send what waited long enough, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publisher.run())
            group.create_task(self._look())

    def open(self) -> None:
        """A session with the broker begins: ask for what its devices only say once."""
        for route in self._routes:
            if isinstance(route.codec, Asking):
                self.send(route.codec.opening(self._addresses(route.name), self._clock.wall()))

    def send(self, commands: Iterable[Command]) -> None:
        """Send these commands now, or as soon as they may be sent; of two for one topic the later."""
        for command in commands:
            topic = self._topics.get(command.topic)
            if topic is None:
                if len(self._topics) >= TOPICS_MAX:
                    log.warning("not sent: too many devices ask", topic=command.topic, most=TOPICS_MAX)
                    continue
                topic = self._topics[command.topic] = _Topic()
            topic.waiting = command
            self._send_due(topic)

    async def _look(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_EVERY_S)
            self._send_all()

    def _on_change(self, up: bool, _reason: str) -> None:
        if up:
            self._send_all()

    def _send_all(self) -> None:
        for topic in self._topics.values():
            self._send_due(topic)

    def _send_due(self, topic: _Topic) -> None:
        command, now = topic.waiting, self._clock.monotonic()
        if command is None or not self._publisher.connected:
            return
        if topic.sent_at is not None:
            since = now - topic.sent_at
            if since < topic.every_s:
                return
            topic.every_s = min(2 * topic.every_s, EVERY_MOST_S) if since < 2 * topic.every_s else EVERY_S
        topic.waiting, topic.sent_at = None, now
        log.info("asked a device", topic=command.topic, reason=command.reason)
        written = self._publisher.publish(command.topic, command.payload)
        written.add_done_callback(partial(self._written, topic, command))

    @staticmethod
    def _written(topic: _Topic, command: Command, written: asyncio.Future[bool]) -> None:
        """A command that the broker did not get is no command: it waits again, without a pause."""
        if not written.cancelled() and not written.result():
            topic.sent_at = None
            topic.waiting = topic.waiting or command
