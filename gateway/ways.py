"""Every way in and every way out that the settings name, wired to the parts that they share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from devices.catalog import CODECS
from devices.codec import Command
from gateway.clock import SystemClock
from gateway.decide import Decider
from gateway.deliver.canary import Canary, open_canary
from gateway.deliver.channels import Hardware
from gateway.deliver.courier import Courier
from gateway.deliver.couriers import open_couriers
from gateway.deliver.gb26875 import QUEUE_MAX, CentreDestination
from gateway.deliver.heartbeat import Heartbeat
from gateway.deliver.ledger_gaps import LedgerGaps
from gateway.deliver.ledger_heads import LedgerHeads
from gateway.deliver.notices import NoticeMaker
from gateway.deliver.people import PeopleCourier
from gateway.deliver.phone_reach import PhoneReach, open_reach
from gateway.deliver.sheets import SheetFolder
from gateway.deliver.sounder import AlarmTopics, offline_will
from gateway.deliver.stills import StillDestination, StillFolder
from gateway.health import Links as HealthLinks
from gateway.http import HttpClient
from gateway.inbox import Inbox
from gateway.links import Links
from gateway.load import Configuration, ruleset_of
from gateway.metrics import Metrics
from gateway.mqtt import tls_context
from gateway.publish import Publisher
from gateway.receive.commands import Asking, CommandSender
from gateway.receive.decode import Decoder, Route
from gateway.receive.gb26875 import PanelSource
from gateway.receive.gb26875_duty import DutyChecks
from gateway.receive.inventory import Inventory
from gateway.receive.mqtt import MqttSource
from gateway.receive.stills import StillTaker
from gateway.receive.video import VideoSource
from gateway.receive.video_platform import VideoPlatformSource
from gateway.record.journal import SqliteRecord
from gateway.record.seal import FOLDER, KEY_FILE
from gateway.settings import Broker, Camera, PanelListener, PanelUplink, Source, VideoPlatform
from gateway.shadow import Shadow
from gateway.ways_store import write_store
from rules.alarm import Alarm
from rules.effects import DriveSounder
from rules.incident import Incident
from rules.rule import Rule
from rules.site import Site

Work = Callable[[], Awaitable[None]]

WIDE_NATIVE = "anlian/v1"


@dataclass
class Parts:
    """What the ways share: one of each in a gateway."""

    configuration: Configuration
    sites: dict[str, Site]
    clock: SystemClock
    jitter: Callable[[], float]
    metrics: Metrics
    inbox: Inbox
    record: SqliteRecord
    http: HttpClient
    links: Links
    health: HealthLinks
    decider: Decider
    synchronised: asyncio.Event
    version: str
    inventory: Inventory = field(init=False)
    decoder: Decoder = field(init=False)
    sheets: SheetFolder = field(init=False)
    stills: StillFolder = field(init=False)
    duty_checks: list[DutyChecks] = field(default_factory=list)
    on_change: Callable[[], None] = lambda: None
    shadows: dict[str, Shadow] = field(init=False)
    sources: list[MqttSource] = field(default_factory=list)
    couriers: list[PeopleCourier] = field(default_factory=list)
    writing: set[asyncio.Future[str]] = field(default_factory=set)
    canary: Canary = field(init=False)
    reach: PhoneReach = field(init=False)

    def __post_init__(self) -> None:
        self.inventory = Inventory(self.sites.values())
        self.reach = open_reach(self.configuration.settings.data_dir / "phones.db", self.clock, self.health.tell)
        folder = self.configuration.settings.data_dir / "walk-tests"
        self.sheets = SheetFolder(folder, self.sites.__getitem__, self.clock)
        stills = self.configuration.settings.stills
        folder = self.configuration.settings.data_dir / "stills"
        self.stills = StillFolder(folder, stills.keep_days, stills.keep_mib * 1024 * 1024, self.clock)
        payload_max = self.configuration.settings.payload_max
        self.decoder = Decoder(self.inventory, self.inbox, self.clock, self.metrics, payload_max, self._set_aside)

        rules = self.configuration.shadow_rules
        self.shadows = {home: self._shadow(home, rules) for home in self.sites}

    def _shadow(self, home: str, rules: tuple[Rule, ...]) -> Shadow:
        """Other rules that hear what this home hears, and call nobody."""
        live = partial(self.decider.engines.__getitem__, home)
        return Shadow(home, rules, ruleset_of(rules), self.record, live, self.clock)

    def _set_aside(self, home: str, at: datetime, source: str, reason: str, payload: bytes) -> None:
        """Keep the bytes of an unreadable packet, beside the stream and not in its way."""
        task = asyncio.ensure_future(self.record.quarantine(home, at, source, reason, payload))
        self.writing.add(task)
        task.add_done_callback(self.writing.discard)

    async def drain(self, seconds: float) -> None:
        """Before an orderly end: let no message stand between its hand-over and its record."""
        await asyncio.gather(*(courier.drain(seconds) for courier in self.couriers))

    def password(self, broker: Broker) -> str | None:
        """The broker's password, from its file or the environment."""
        return self.configuration.secrets.find("broker", broker.name, "password")


def ways_in(parts: Parts) -> Iterator[Work]:
    """One durable session for each broker that some source reads from."""
    settings = parts.configuration.settings
    for broker in settings.brokers:
        routes = [route_of(source) for source in settings.sources if source.broker == broker.name]
        if routes:
            asking = [route for route in routes if isinstance(route.codec, Asking)]
            sender = _commands(parts, broker, asking) if asking else None
            source = MqttSource(
                broker,
                routes,
                parts.decoder,
                parts.inbox,
                parts.metrics,
                parts.jitter,
                settings.data_dir / "sessions",
                parts.health.note if sender is None else partial(_note_and_open, parts, sender, broker.name),
                parts.password(broker),
            )
            parts.sources.append(source)
            yield source.run
            if sender is not None:
                yield sender.run
    for listener in settings.gb26875:
        yield from _panels(parts, listener)
    if settings.cameras:
        yield _cameras(parts, settings.cameras)
    for platform in settings.video_platforms:
        yield _platform(parts, platform)


def _commands(parts: Parts, broker: Broker, routes: list[Route]) -> CommandSender:
    """The connection on which the sources of a broker ask their devices, for those whose codecs do."""
    context = tls_context(broker)
    publisher = Publisher(
        broker.host,
        broker.port,
        client_id=f"anlian-{routes[0].home}-{broker.name}-commands",
        clock=parts.clock,
        jitter=parts.jitter,
        username=broker.username,
        password=parts.password(broker) or "",
        tls=None if isinstance(context, bool) else context,
    )
    sender = CommandSender(publisher, routes, partial(_addresses, parts), parts.clock)
    names = {route.name for route in routes}
    others = parts.decoder.send

    def send(route: Route, commands: tuple[Command, ...]) -> None:
        if route.name in names:
            sender.send(commands)
        elif others is not None:
            others(route, commands)

    parts.decoder.send = send
    return sender


def _note_and_open(parts: Parts, sender: CommandSender, broker: str, link: str, up: bool, words: str) -> None:
    """Show the state of a broker's link; whenever it comes up, its devices are asked for their births."""
    parts.health.note(link, up, words)
    if up and link == f"broker:{broker}":
        sender.open()


def _panels(parts: Parts, listener: PanelListener) -> Iterator[Work]:
    """A port for fire panels, and the duty checks of those behind it."""
    addresses = partial(_addresses, parts, listener.name)
    source = PanelSource(
        listener,
        parts.decoder,
        parts.inventory,
        parts.inbox,
        parts.clock,
        parts.jitter,
        parts.health.note,
        addresses,
        parts.synchronised.is_set,
    )
    checks = DutyChecks(
        listener,
        source.centre,
        parts.clock,
        parts.jitter,
        addresses,
        lambda: ZoneInfo(parts.sites[listener.home].timezone),
        parts.synchronised.is_set,
        parts.on_change,
    )
    parts.duty_checks.append(checks)
    yield source.run
    yield checks.run


def _addresses(parts: Parts, source: str) -> list[str]:
    """What the site files know of a source: parts of a panel, that their transmission device can vouch for them."""
    return [device.address for site in parts.sites.values() for device in site.devices if device.source == source]


def _cameras(parts: Parts, cameras: tuple[Camera, ...]) -> Work:
    """The cameras that are asked for frames."""
    password = partial(_camera_password, parts)
    return VideoSource(
        cameras, parts.inventory, parts.inbox, parts.clock, parts.jitter, parts.http, password, parts.health.note
    ).run


def _camera_password(parts: Parts, camera: Camera) -> str | None:
    return parts.configuration.secrets.find("camera", camera.name, "password")


def _stills(parts: Parts) -> Iterator[Work]:
    """The stills that alarms ask for, where a camera is allowed to; kept ones are bounded in any case."""
    cameras = parts.configuration.settings.cameras
    taker = StillTaker(cameras, parts.clock, parts.jitter, partial(_camera_password, parts))
    stills = StillDestination(
        parts.stills, parts.sites.__getitem__, taker.allowed, taker.take, parts.clock, parts.on_change
    )
    yield stills.keep_bounded
    if taker.allowed:
        homes = tuple(parts.sites)
        yield Courier(stills, parts.record, homes, parts.clock, parts.inbox.submit, parts.jitter, 4).run


def _platform(parts: Parts, platform: VideoPlatform) -> Work:
    """A video platform that knows which of its cameras are on line."""
    return VideoPlatformSource(
        platform,
        parts.inventory,
        parts.inbox,
        parts.clock,
        parts.jitter,
        parts.http,
        parts.configuration.secrets.find("platform", platform.name, "password"),
        partial(_addresses, parts, platform.name),
        parts.health.note,
    ).run


def route_of(source: Source) -> Route:
    """A source with its codec: made with its prefix, or with the ecosystem's own roots where it states none."""
    prefix = source.prefix
    if source.codec == "native" and prefix == WIDE_NATIVE:
        codec = CODECS[source.codec](prefix=f"{prefix}/{source.home}")
    else:
        codec = CODECS[source.codec](prefix=prefix) if prefix else CODECS[source.codec]()
        prefix = codec.prefix
    return Route(source.name, source.home, prefix, codec, source.registered_only)


def ways_out(parts: Parts) -> Iterator[Work]:
    """Alarm topics first, then phones, stores and the heartbeat: each with a cursor of its own in the journal."""
    settings = parts.configuration.settings
    homes = tuple(parts.sites)
    if settings.alarm_topics is not None:
        broker = next(broker for broker in settings.brokers if broker.name == settings.alarm_topics.broker)
        for home in homes:
            yield from _alarm_topics(parts, broker, home, settings.alarm_topics.status_every_s)
    for courier in open_couriers(
        settings,
        parts.configuration.secrets,
        parts.sites,
        parts.record,
        parts.http,
        NoticeMaker(parts.links, parts.sites, parts.clock, settings.console.language),
        parts.clock,
        parts.inbox.submit,
        parts.jitter,
        Hardware(parts.health.tell, partial(_open_incident, parts), parts.metrics),
        parts.reach,
    ):
        parts.couriers.append(courier)
        yield courier.run
    engine, known = parts.decider.engines.__getitem__, parts.synchronised.is_set
    parts.canary = open_canary(
        settings, parts.couriers, parts.sites, engine, parts.clock, parts.inbox.submit, known
    )
    yield parts.canary.run
    for store in settings.influx:
        yield partial(write_store, parts, store)
    for uplink in settings.gb26875_up:
        yield from _centre(parts, uplink)
    yield Courier(parts.sheets, parts.record, homes, parts.clock, parts.inbox.submit, parts.jitter).run
    for shadow in parts.shadows.values():
        yield shadow.run
    data = settings.data_dir
    heads = LedgerHeads(data / "journal.db", data / KEY_FILE, data / FOLDER, parts.clock, parts.health.tell)
    yield heads.run
    yield LedgerGaps(data / "journal.db", homes, parts.clock, parts.inbox.submit).run
    yield from _stills(parts)
    if settings.heartbeat is not None:
        yield Heartbeat(
            settings.heartbeat.url,
            settings.heartbeat.every_s,
            lambda: sum(parts.record.head(home) for home in homes),
            parts.http,
            parts.clock,
            homes,
            parts.inbox.submit,
            parts.jitter,
            heads.newest,
        ).run


def _alarm_topics(parts: Parts, broker: Broker, home: str, status_every_s: float) -> Iterator[Work]:
    """A connection for each home: a connection has one will, and `…/gateway` is a home's."""
    context = tls_context(broker)
    publisher = Publisher(
        broker.host,
        broker.port,
        client_id=f"anlian-{home}-alarms",
        clock=parts.clock,
        jitter=parts.jitter,
        username=broker.username,
        password=parts.password(broker) or "",
        tls=None if isinstance(context, bool) else context,
        will=offline_will(home),
    )
    topics = AlarmTopics(
        home,
        publisher,
        partial(_open_alarms, parts, home),
        partial(parts.record.head, home),
        parts.clock,
        parts.inbox.submit,
        parts.jitter,
        version=parts.version,
        status_every_s=status_every_s,
        sounders=partial(_sounders, parts, home),
    )
    yield topics.run
    yield Courier(topics, parts.record, (home,), parts.clock, parts.inbox.submit, parts.jitter).run


def _centre(parts: Parts, uplink: PanelUplink) -> Iterator[Work]:
    """A monitoring centre to which a home's alarms are reported as by a 用户信息传输装置."""
    home = uplink.home
    centre = CentreDestination(
        uplink,
        partial(parts.sites.__getitem__, home),
        partial(_open_alarms, parts, home),
        parts.clock,
        parts.inbox.submit,
        parts.jitter,
        parts.version,
    )
    yield centre.run
    yield Courier(centre, parts.record, (home,), parts.clock, parts.inbox.submit, parts.jitter, QUEUE_MAX).run


def _open_incident(parts: Parts, home: str, incident: str) -> Incident | None:
    return parts.decider.engines[home].incidents.get(incident) if home in parts.decider.engines else None


def _open_alarms(parts: Parts, home: str) -> list[Alarm]:
    return list(parts.decider.engines[home].alarms.values())


def _sounders(parts: Parts, home: str) -> list[DriveSounder]:
    return parts.decider.engines[home].sounding()
