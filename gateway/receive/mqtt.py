"""MQTT sources: one durable session a broker, each packet handed to the source whose prefix it bears."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from devices.codec import FaultKind
from gateway.backoff import Jitter
from gateway.inbox import Delivery, Inbox
from gateway.metrics import Metrics
from gateway.mqtt import MqttSession, SessionRefused, Settle
from gateway.mqtt_probe import probe_qos0
from gateway.receive.decode import Decoder, Route
from gateway.settings import Broker
from rules.inputs import LinkChanged

ROUTES_KEPT_MAX = 100_000
"""Topics whose route is remembered; beyond, the memory is emptied (bounded, whatever is published)."""

_WIDE_NATIVE = "anlian/v1"
"""A native source may read a prefix without its home; topics of other homes are then refused, not unseen."""


class MqttSource:
    """All sources of one broker."""

    def __init__(
        self,
        broker: Broker,
        routes: Sequence[Route],
        decoder: Decoder,
        inbox: Inbox,
        metrics: Metrics,
        jitter: Jitter,
        state_dir: Path,
        on_state: Callable[[str, bool, str], None],
        password: str | None = None,
    ) -> None:
        self._broker = broker
        self._routes = sorted(routes, key=lambda route: -len(route.prefix))
        self._decoder = decoder
        self._inbox = inbox
        self._metrics = metrics
        self._homes = list(dict.fromkeys(route.home for route in routes))
        self._heads = heads_of(routes)
        self._cache: dict[str, Route | None] = {}
        self._marker = state_dir / f"session-{broker.name}"
        self._on_state = on_state
        self._waiting_for_room = False
        self._ending = False
        self._password = password
        self._probed = False
        self._probe: asyncio.Task[None] | None = None
        self.client_id = broker.client_id or f"anlian-{'-'.join(self._homes)[:40]}-{broker.name}"
        self._session = MqttSession(
            broker,
            self.client_id,
            self._filters(),
            self._on_message,
            self._on_link,
            jitter,
            password,
        )

    async def run(self) -> None:
        """Keep the session until cancelled."""
        await self._session.run()

    def pause(self) -> None:
        """Read no more packets from the broker; PUBACKs still leave."""
        self._ending = True
        self._session.pause()

    def _filters(self) -> list[str]:
        filters: list[str] = []
        for route in self._routes:
            if route.prefix == _WIDE_NATIVE:
                filters += [f"{_WIDE_NATIVE}/+/+/telemetry", f"{_WIDE_NATIVE}/+/+/status"]
            else:
                filters += route.codec.subscriptions
        return list(dict.fromkeys(filters))

    def _on_message(self, topic: str, payload: bytes, qos: int, retained: bool, settle: Settle | None) -> None:
        try:
            route = self._cache[topic]
        except KeyError:
            route = self._route(topic)
        if route is None:
            self._metrics.packets += 1
            kind, reason = self._why_refused(topic)
            self._decoder.refuse(self._homes[0], self._broker.name, topic, reason, settle, kind)
        else:
            self._decoder.take(route, topic, payload, qos, retained, settle)
        if self._inbox.full and not self._waiting_for_room:
            self._waiting_for_room = True
            self._session.pause()
            self._inbox.when_relieved(self._go_on)

    def _go_on(self) -> None:
        self._waiting_for_room = False
        if not self._ending:
            self._session.resume()

    def _route(self, topic: str) -> Route | None:
        """The source with the longest prefix whose codec subscribes to the topic, or None: refused.

        A wildcard of one home's source (`+/+/+/state`) may match another's topic: that is no topic of this source.
        """
        route = next((route for route in self._routes if self._bears(topic, route)), None)
        if route is not None and self._is_of_another_home(topic, route):
            route = None
        if len(self._cache) >= ROUTES_KEPT_MAX:
            self._cache.clear()
        self._cache[topic] = route
        return route

    @staticmethod
    def _bears(topic: str, route: Route) -> bool:
        return any(matches(filter_, topic) for filter_ in route.codec.subscriptions)

    def _is_of_another_home(self, topic: str, route: Route) -> bool:
        """Whether the topic names another home than the source's, at a level that its prefix leaves open."""
        head, home = self._home_named(topic)
        return bool(home) and home != route.home and not f"{route.prefix}/".startswith(f"{head}/{home}/")

    def _home_named(self, topic: str) -> tuple[str, str]:
        """The home that the topic names and what stands before it, where it begins as the sources' prefixes do."""
        for head in self._heads:
            home, below, _ = topic[len(head) + 1 :].partition("/")
            if below and topic.startswith(f"{head}/"):
                return head, home
        return "", ""

    def _why_refused(self, topic: str) -> tuple[FaultKind, str]:
        _, home = self._home_named(topic)
        if home and (home not in self._homes or any(self._bears(topic, route) for route in self._routes)):
            return FaultKind.OTHER_HOME, f"names the home {home!r}; the sources are of {', '.join(self._homes)}"
        return FaultKind.OUTSIDE, "outside every source's prefix"

    def _on_link(self, up: bool, words: str, session_present: bool) -> None:
        self._on_state(f"broker:{self._broker.name}", up, words)
        self._tell(f"broker:{self._broker.name}", up, words)
        if up:
            self._note_session(session_present)
            if self._broker.probe_qos0 and (self._probe is None or self._probe.done()) and not self._probed:
                self._probe = asyncio.get_running_loop().create_task(self._probe_qos0())

    def _note_session(self, session_present: bool) -> None:
        """A broker that knows nothing of us after our first start has lost what it kept for us: a trouble."""
        first = not self._marker.exists()
        link = f"session:{self._broker.name}"
        if session_present or first:
            self._tell(link, True, "session resumed" if session_present else "first session on this broker")
        else:
            words = "the broker did not keep our session: messages sent while we were away are lost; check persistence"
            self._tell(link, False, words)
            self._tell(link, True, words)
        self._on_state(link, session_present or first, "")
        if first:
            self._marker.parent.mkdir(parents=True, exist_ok=True)
            self._marker.touch()

    async def _probe_qos0(self) -> None:
        """Once a start: what does this broker do with a QoS 0 report while we are away? A standing trouble if lost."""
        head, _, _ = self._routes[0].prefix.rpartition("/")
        topic = f"{head}/anlian-probe" if head else f"{_WIDE_NATIVE}/{self._homes[0]}/probe"
        link = f"qos0:{self._broker.name}"
        try:
            words = await probe_qos0(self._broker, self.client_id, topic, self._password)
        except SessionRefused as refusal:
            self._on_state(link, False, f"not probed: {refusal}")
            return
        self._probed = True
        self._on_state(link, not words, words)
        self._tell(link, not words, words)

    def _tell(self, link: str, up: bool, words: str) -> None:
        for home in self._homes:
            self._inbox.put(Delivery(home=home, make=lambda at: LinkChanged(at=at, link=link, up=up, detail=words)))


def heads_of(routes: Sequence[Route]) -> list[str]:
    """What stands before the home in topics: `anlian/v1`, and `h` where a prefix is `h/<its home>/…`."""
    heads = {_WIDE_NATIVE}
    for route in routes:
        head, named, _ = f"{route.prefix}/".partition(f"/{route.home}/")
        if named:
            heads.add(head)
    return sorted(heads, key=len, reverse=True)


def matches(filter_: str, topic: str) -> bool:
    """Whether a topic fits a topic filter (MQTT 5.0 section 4.7: `+` is one level, `#` the rest and its parent)."""
    wanted, levels = filter_.split("/"), topic.split("/")
    if topic.startswith("$") and not filter_.startswith("$"):
        return False
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or (level != "+" and level != levels[place]):
            return False
    return len(wanted) == len(levels)


async def run_all(sources: Sequence[MqttSource]) -> None:
    """Keep all sessions."""
    async with asyncio.TaskGroup() as group:
        for source in sources:
            group.create_task(source.run())
