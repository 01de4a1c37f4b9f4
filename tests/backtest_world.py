"""A recorded morning of the virtual home: its devices, the shipped rules, and a carer who finds out what was true."""

from __future__ import annotations

import heapq
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from devices.catalog import CODECS
from devices.codec import Packet
from devices.virtual import VirtualHome
from gateway.load import SHIPPED_PACKS, kind_defaults, read_packs, ruleset_of
from gateway.record.journal import SqliteRecord
from gateway.record.record import JournalEntry
from rules.effects import IncidentChanged
from rules.engine import Engine
from rules.inputs import AnyInput, OperatorActed, ReadingsArrived, SiteChanged, TimePassed, Verb
from rules.parse import Fault, Names, parse_site
from rules.rule import Rule
from rules.site import Site
from tests.record_world import ManualClock

HOME = "demo"
START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
END = START + timedelta(hours=3)
MINUTE = timedelta(minutes=1)
TRUTH = {"fire": "real_fire", "gas": "false_alarm", "person": "cared_for"}
"""What the carer finds: the gas detector only smelt the cooking."""


def shipped_rules() -> tuple[Rule, ...]:
    faults: list[Fault] = []
    rules = tuple(rule for pack in read_packs(list(SHIPPED_PACKS), Path(), faults) for rule in pack.rules)
    assert not faults
    return rules


def virtual_site(home: VirtualHome) -> Site:
    site, faults = parse_site(tomllib.loads(home.site_toml()), Names(kind_defaults(), {"zigbee", "native"}, {"ntfy"}))
    assert site is not None, faults
    return site


class Morning:
    """The engine and its journal while the morning goes by."""

    def __init__(self) -> None:
        self.home = VirtualHome(HOME)
        self.home.start("kitchen-fire", START + 60 * MINUTE)
        self.home.start("fall", START + 100 * MINUTE)
        self.home.start("gas-leak", START + 140 * MINUTE)
        self.site = virtual_site(self.home)
        self.engine = Engine(HOME)
        self.entries: list[JournalEntry] = []
        self._due: list[tuple[datetime, int, Callable[[datetime], AnyInput]]] = []
        self._ids = {(device.source, device.address): device.id for device in self.site.devices}
        self._codecs = {
            "zigbee": CODECS["zigbee2mqtt"](prefix=self.home.zigbee_prefix),
            "native": CODECS["native"](prefix=self.home.native_prefix),
        }
        self._context: dict[str, Any] = {"zigbee": None, "native": None}

    def live(self) -> Morning:
        rules = shipped_rules()
        self.step(SiteChanged(at=START, site=self.site, rules=rules, ruleset=ruleset_of(rules)))
        for packet in [*self.home.opening(START), *self.home.packets(START + timedelta(seconds=1), END)]:
            self._until(packet.at)
            source = "zigbee" if packet.topic.startswith("h/") else "native"
            sent = Packet(packet.topic, packet.payload, packet.qos, packet.retained, packet.at)
            decoded = self._codecs[source].decode(sent, self._context[source])
            self._context[source] = decoded.context
            reports = [
                replace(report, device=self._ids[source, report.device])
                for report in decoded.reports
                if (source, report.device) in self._ids
            ]
            if reports:
                kept = packet.retained
                self.step(ReadingsArrived(at=packet.at, source=source, reports=tuple(reports), retained=kept))
        self._until(END)
        return self

    def _until(self, at: datetime) -> None:
        while True:
            due = self.engine.next_deadline()
            acted = self._due[0][0] if self._due else None
            first = min((one for one in (due, acted) if one is not None), default=None)
            if first is None or first > at:
                return
            if first == acted:
                self.step(heapq.heappop(self._due)[2](first))
            else:
                self.step(TimePassed(at=first))

    def step(self, happened: AnyInput) -> None:
        effects = self.engine.step(happened)
        self.entries.append(JournalEntry(HOME, 1, self.engine.seq, happened.at, happened, effects))
        for effect in effects:
            if isinstance(effect, IncidentChanged) and effect.change == "opened" and effect.incident.category in TRUTH:
                self._plan(effect.incident.id, effect.incident.category.value, effect.at)

    def _plan(self, incident: str, category: str, at: datetime) -> None:
        acts = (
            (timedelta(seconds=30), {"verb": Verb.ACKNOWLEDGE}),
            (timedelta(seconds=90), {"verb": Verb.VERDICT, "finding": TRUTH[category], "cause": "cooking"}),
            (timedelta(minutes=29), {"verb": Verb.ACKNOWLEDGE}),
            (timedelta(minutes=30), {"verb": Verb.RESET, "checked_on_site": True}),
        )
        for after, act in acts:
            make = lambda at, act=act: OperatorActed(at=at, person="carer", target=incident, **act)  # noqa: E731
            heapq.heappush(self._due, (at + after, len(self.entries) * 10 + len(self._due), make))

    async def record(self, directory: Path) -> Path:
        record = await SqliteRecord.open(directory / "journal.db", clock=ManualClock())
        await record.open_stream(HOME)
        for start in range(0, len(self.entries), 256):
            await record.commit(self.entries[start : start + 256])
        await record.close()
        return directory / "journal.db"
