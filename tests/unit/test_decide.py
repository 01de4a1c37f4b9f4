"""The deciding task on a real journal: grouping, settling after the commit, a full disk, poison."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.cn_push import CtWing
from devices.codec import DecodeError, Packet
from devices.lorawan import LoRaWan
from devices.native import Native
from devices.zigbee2mqtt import Zigbee2Mqtt
from gateway.boot import restore
from gateway.decide import FAULTS_PER_MINUTE, Decider
from gateway.inbox import Delivery, Inbox
from gateway.metrics import Metrics
from gateway.receive.decode import Decoder, Route
from gateway.receive.inventory import Inventory
from gateway.record.journal import SqliteRecord
from gateway.settings import Journal
from rules.alarm import Category
from rules.condition import Equals, Silent
from rules.effects import AlarmChanged, Notify
from rules.engine import Engine
from rules.inputs import DecodeFailed, EngineFaulted, LinkChanged, ReadingsArrived, SiteChanged
from rules.rule import Rule
from rules.site import Channel, Device, Person, Site, Zone
from rules.text import Text
from tests.deliver_world import until

HOME = "home-a"
SMOKE = Rule(
    id="fire.smoke",
    title=Text("烟", "smoke"),
    category=Category.FIRE,
    condition=Equals(point="smoke.alarm", value=True),
    latch=True,
)
SILENT = Rule(id="supervision.silent", title=Text("静", "silent"), category=Category.TROUBLE, condition=Silent())


def device(name: str, kind: str = "smoke", category: str = "fire") -> Device:
    return Device(
        id=name,
        kind=kind,
        source="zigbee",
        address=name,
        zone="east",
        name=Text(name),
        category=category,
        silence_limit=timedelta(days=2),
    )


SITE = Site(
    id=HOME,
    name=Text("甲"),
    zones=(Zone(id="east", name=Text("东")),),
    devices=(device("smoke-1"), device("smoke-2"), device("climate-1", "climate", "")),
    people=(Person(id="carer", name="李", role="carer", channels=(Channel("phone"),)),),
)


class ManualClock:
    """Wall, engine and monotonic time that move only when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.seconds)

    wall = now

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 100)


class Bench:
    """A decider with everything around it, driven by hand."""

    def __init__(self, record: SqliteRecord, clock: ManualClock, engine: Engine) -> None:
        self.record, self.clock = record, clock
        self.inbox, self.metrics = Inbox(), Metrics()
        self.settled: list[str] = []
        self.kept: list[tuple[str, str]] = []
        self.decider = Decider(
            {HOME: engine},
            self.inbox,
            record,
            clock,
            self.metrics,
            Journal(group_ms=20),
            rebuild=self._rebuild,
            on_commit=lambda: None,
            unsettled_max=4,
        )
        self.inventory = Inventory([SITE])
        self.decoder = Decoder(self.inventory, self.inbox, clock, self.metrics, 4096, self._keep)
        self.route = Route("zigbee", HOME, "zigbee2mqtt", Zigbee2Mqtt(prefix="zigbee2mqtt"))

    def _keep(self, home: str, at: datetime, source: str, reason: str, payload: bytes) -> None:
        self.kept.append((source, reason))

    async def _rebuild(self, home: str) -> Engine:
        engine, _ = await restore(self.record, home)
        return engine

    @property
    def engine(self) -> Engine:
        return self.decider.engines[HOME]

    def packet(self, name: str, payload: bytes, retained: bool = False) -> None:
        topic = f"zigbee2mqtt/{name}"
        self.decoder.take(self.route, topic, payload, 1, retained, lambda: self.settled.append(name))

    async def settle(self) -> None:
        await self.decider.turn()
        await self.decider.commit()

    async def entries(self) -> list:
        return await self.record.read(HOME, 0, 10_000)

    async def effects(self, kind: type) -> list:
        return [effect for entry in await self.entries() for effect in entry.effects if isinstance(effect, kind)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = ManualClock()
    record = await SqliteRecord.open(tmp_path / "journal.db", clock=clock)
    engine, _ = await restore(record, HOME)
    bench = Bench(record, clock, engine)
    make = lambda at: SiteChanged(at=at, site=SITE, rules=(SMOKE, SILENT), ruleset="x")  # noqa: E731
    bench.inbox.put(Delivery(home=HOME, make=make))
    await bench.settle()
    yield bench
    await record.close()


async def test_telemetry_waits_for_its_group_and_is_settled_after_the_commit(bench: Bench) -> None:
    bench.packet("climate-1", b'{"temperature": 21.5}')
    await bench.decider.turn()
    assert bench.settled == []
    bench.clock.seconds += 0.021
    await bench.decider.turn()
    assert bench.settled == ["climate-1"]
    assert [entry.input.reports[0].device for entry in (await bench.entries())[1:]] == ["climate-1"]


async def test_an_alarm_is_committed_at_once(bench: Bench) -> None:
    bench.packet("smoke-1", b'{"smoke": true}')
    await bench.decider.turn()
    assert bench.settled == ["smoke-1"]
    assert [effect.alarm.subject for effect in await bench.effects(AlarmChanged)] == ["smoke-1"]


async def test_a_full_group_is_committed_whatever_its_age(bench: Bench) -> None:
    for _ in range(256):
        bench.packet("climate-1", b'{"temperature": 21.5}')
    await bench.decider.turn()
    assert len(bench.settled) == 256


async def test_a_redelivered_packet_gives_no_second_alarm(bench: Bench) -> None:
    for _ in range(2):
        bench.packet("smoke-1", b'{"smoke": true}')
        await bench.settle()
    assert len({effect.alarm.id for effect in await bench.effects(AlarmChanged)}) == 1


async def test_disk_full_alarm_goes_out_and_the_loss_is_stated(bench: Bench) -> None:
    """Ten windows of telemetry pass on a full disk, then smoke: out at once, its packet unacknowledged."""
    await bench.record.limit_pages(1)
    window = 1000
    for _ in range(10 * window // 100):
        for _ in range(100):
            bench.packet("climate-1", b'{"temperature": 21.5, "humidity": 50, "battery": 90, "linkquality": 10}')
        bench.clock.seconds += 0.05
        await bench.settle()
    assert len(bench.settled) == 10 * window, "the stream must go on"
    started = bench.clock.seconds
    bench.packet("smoke-1", b'{"smoke": true}')
    await bench.decider.turn()
    assert bench.clock.seconds - started < 1.0
    raised = [e for e in await bench.effects(AlarmChanged) if e.alarm.category is Category.FIRE]
    assert [e.alarm.subject for e in raised] == ["smoke-1"], "readable by every courier, from memory"
    assert [n.person for n in await bench.effects(Notify) if n.alarm.category is Category.FIRE] == ["carer"]
    assert "smoke-1" not in bench.settled
    bench.clock.seconds += 11
    bench.packet("climate-1", b'{"temperature": 21.5}')
    await bench.settle()
    await bench.settle()
    trouble = bench.engine.alarm_book.find("gateway.link", "link:journal")
    assert trouble is not None and "readings are lost" in trouble.detail
    assert bench.metrics.lost >= 9 * window

    await bench.record.limit_pages(None)
    bench.clock.seconds += 2
    await bench.settle()
    await bench.settle()
    assert "smoke-1" in bench.settled, "acknowledged once it is on disk"
    gap = bench.engine.alarm_book.find("gateway.link", "link:journal-gap")
    assert gap is not None and str(bench.metrics.lost) in gap.detail
    again, _ = await restore(bench.record, HOME)
    assert [alarm.subject for alarm in again.alarms.values() if alarm.category is Category.FIRE] == ["smoke-1"]
    assert again.seq == bench.engine.seq


async def test_alarm_packets_held_back_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.record.limit_pages(1)
    for number in range(6):
        bench.packet(f"stranger-{number}", b'{"smoke": true}')
        bench.clock.seconds += 0.05
        await bench.settle()
    assert bench.metrics.unsettled == 4
    assert len(bench.settled) == 2


def poison(monkeypatch: pytest.MonkeyPatch, when: Callable[[object], bool]) -> None:
    step = Engine.step

    def planted(self: Engine, happened: object):
        effects = step(self, happened)
        if when(happened):
            raise ZeroDivisionError("planted")
        return effects

    monkeypatch.setattr(Engine, "step", planted)


def is_smoke_1(happened: object) -> bool:
    return isinstance(happened, ReadingsArrived) and happened.reports[0].device == "smoke-1"


async def test_a_poisoned_packet_of_a_fire_device_raises_the_fallback(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, is_smoke_1)
    bench.packet("smoke-2", b'{"smoke": false}')
    bench.packet("smoke-1", b'{"smoke": false}')
    bench.packet("climate-1", b'{"temperature": 20}')
    await bench.settle()
    assert bench.settled == ["smoke-2", "smoke-1", "climate-1"], "the stream goes on"
    fire = [a for a in bench.engine.alarms.values() if a.category is Category.FIRE]
    assert [(a.rule, a.subject, a.latched) for a in fire] == [("gateway.fallback.fire", "smoke-1", True)]
    assert bench.engine.alarm_book.find("gateway.faulted", "smoke-1") is not None
    faults = [e.input for e in await bench.entries() if isinstance(e.input, EngineFaulted)]
    assert len(faults) == 1 and "planted" in faults[0].error
    seqs = [e.seq for e in await bench.entries()]
    assert seqs == list(range(1, len(seqs) + 1)), "no seq is used twice or left out"


async def test_a_poisoned_packet_of_another_device_is_a_trouble_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, lambda h: isinstance(h, ReadingsArrived) and h.reports[0].device == "climate-1")
    bench.packet("climate-1", b'{"temperature": 20}')
    await bench.settle()
    assert {a.category for a in bench.engine.alarms.values()} == {Category.TROUBLE}


async def test_a_device_that_faults_again_and_again_does_not_stop_the_rest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, is_smoke_1)
    rebuilds = []
    rebuild = bench.decider._rebuild
    monkeypatch.setattr(bench.decider, "_rebuild", lambda home: rebuilds.append(home) or rebuild(home))
    for _ in range(FAULTS_PER_MINUTE * 3):
        bench.packet("smoke-1", b'{"smoke": true}')
        await bench.settle()
    assert len(rebuilds) == FAULTS_PER_MINUTE
    assert len(bench.settled) == FAULTS_PER_MINUTE * 3


async def test_an_engine_that_cannot_take_the_fault_either_still_raises(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, lambda h: is_smoke_1(h) or isinstance(h, EngineFaulted))
    bench.packet("smoke-1", b'{"smoke": true}')
    await bench.settle()
    raised = await bench.effects(AlarmChanged)
    assert [(e.alarm.rule, e.alarm.category) for e in raised] == [("gateway.bare", Category.FIRE)]
    assert [n.person for n in await bench.effects(Notify)] == ["carer"]
    bench.packet("smoke-2", b'{"smoke": true}')
    await bench.settle()
    assert (await bench.effects(AlarmChanged))[-1].alarm.subject == "smoke-2", "and the engine goes on"


BAD_PACKETS = {
    "truncated": b'{"smoke": tr',
    "not-utf8": b"\xff\xfe{}",
    "wrong-type": b'{"smoke": [1, 2]}',
    "nan": b'{"smoke": NaN}',
    "oversized": b'{"smoke": false, "x": "' + b"a" * 5000 + b'"}',
}


@pytest.mark.parametrize("payload", BAD_PACKETS.values(), ids=BAD_PACKETS.keys())
async def test_an_unreadable_packet_of_a_smoke_detector_raises_and_is_kept(bench: Bench, payload: bytes) -> None:
    bench.packet("smoke-1", payload)
    await bench.settle()
    assert bench.settled == ["smoke-1"]
    assert bench.engine.alarm_book.find("gateway.fallback.fire", "smoke-1") is not None
    assert bench.metrics.decode_failed == 1 and len(bench.kept) == 1
    failed = [e.input for e in await bench.entries() if isinstance(e.input, DecodeFailed)]
    assert failed[0].payload == payload[:1024] and failed[0].reason


async def test_an_unreadable_packet_of_a_climate_sensor_is_a_trouble_that_ends(bench: Bench) -> None:
    bench.packet("climate-1", b"\x00")
    await bench.settle()
    assert [a.rule for a in bench.engine.alarms.values()] == ["gateway.undecodable"]
    bench.clock.seconds += 601
    await bench.settle()
    assert bench.engine.alarms == {}


async def test_a_codec_that_fails_swallows_no_fire(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Zigbee2Mqtt, packet: Packet, context: object):
        raise KeyError("planted")

    monkeypatch.setattr(Zigbee2Mqtt, "decode", broken)
    bench.packet("smoke-1", b'{"smoke": true}')
    await bench.settle()
    assert bench.engine.alarm_book.find("gateway.fallback.fire", "smoke-1") is not None


async def test_an_unregistered_detector_is_listed_and_raises(bench: Bench) -> None:
    bench.packet("new-one", b'{"smoke": false, "battery": 80}')
    await bench.settle()
    assert bench.engine.alarms == {}
    assert [(s.address, s.values["battery"]) for s in bench.inventory.strangers] == [("new-one", 80.0)]
    bench.packet("new-one", b'{"smoke": true}')
    await bench.settle()
    alarm = next(iter(bench.engine.alarms.values()))
    assert (alarm.category, alarm.zone, alarm.subject) == (Category.FIRE, "unassigned", "zigbee/new-one")


async def test_a_packet_refused_is_settled_counted_and_shown_once_a_minute(bench: Bench) -> None:
    for number in range(5):
        bench.decoder.refuse(HOME, "main", f"anlian/v1/home-b/d/{number}", "names another home", lambda: None)
    await bench.settle()
    trouble = bench.engine.alarm_book.find("gateway.refused", "source:main")
    assert trouble is not None and "(1)" in trouble.detail
    bench.decoder.tell_refusals()
    await bench.settle()
    trouble = bench.engine.alarm_book.find("gateway.refused", "source:main")
    assert trouble is not None and "(4)" in trouble.detail and bench.metrics.refused == 5


async def test_a_retained_alarm_raises_marked_found_and_a_retained_clear_clears_nothing(bench: Bench) -> None:
    bench.packet("smoke-1", b'{"smoke": true}', retained=True)
    await bench.settle()
    alarm = next(iter(bench.engine.alarms.values()))
    assert alarm.found and alarm.active
    bench.packet("smoke-1", b'{"smoke": false}', retained=True)
    await bench.settle()
    assert next(iter(bench.engine.alarms.values())).active


async def test_native_absurd_numbers_are_no_readings(bench: Bench) -> None:
    route = Route("zigbee", HOME, "anlian/v1/home-a", Native(prefix="anlian/v1/home-a"))
    topic = "anlian/v1/home-a/climate-1/telemetry"
    bench.decoder.take(route, topic, b'{"points": {"temperature": "0_02"}}', 1, False, None)
    await bench.settle()
    assert bench.metrics.decode_failed == 1


async def test_links_down_and_up_again(bench: Bench) -> None:
    for up in (False, True):
        make = lambda at, up=up: LinkChanged(at=at, link="broker:main", up=up, detail="gone")  # noqa: E731
        bench.inbox.put(Delivery(home=HOME, make=make))
        await bench.settle()
        assert (bench.engine.alarm_book.find("gateway.link", "link:broker:main") is None) is up


async def test_a_restart_goes_on_where_the_journal_ends(bench: Bench) -> None:
    bench.packet("smoke-1", b'{"smoke": true}')
    await bench.settle()
    again, differing = await restore(bench.record, HOME)
    assert differing == 0
    assert again.snapshot() == bench.engine.snapshot()


async def test_an_offline_notice_is_no_sign_of_life(bench: Bench) -> None:
    bench.packet("smoke-1", b'{"smoke": false}')
    await bench.settle()
    heard = bench.engine.devices["smoke-1"].heard_at
    bench.clock.seconds += 60
    bench.packet("smoke-1/availability", b'{"state": "offline"}')
    await bench.settle()
    assert bench.engine.devices["smoke-1"].heard_at == heard
    bench.packet("smoke-1/availability", b'{"state": "online"}')
    await bench.settle()
    assert bench.engine.devices["smoke-1"].heard_at != heard


async def test_a_value_beyond_the_profile_is_no_reading_and_a_trouble(bench: Bench) -> None:
    bench.packet("climate-1", b'{"temperature": 327.67}')
    await bench.settle()
    assert bench.engine.alarm_book.find("gateway.implausible.temperature", "climate-1") is not None


async def test_a_long_list_of_devices_is_read(bench: Bench) -> None:
    head = b'{"friendly_name": "lamp", "ieee_address": "0x01", "definition": {"exposes": []}, "x": "'
    entry = head + b"a" * 5000 + b'"}'
    bench.packet("bridge/devices", b"[" + entry + b"]")
    assert bench.metrics.oversized == 0 and bench.metrics.without_content == 1


def uplink(device: str, data: bytes) -> bytes:
    coded = base64.b64encode(data).decode()
    info = {"deviceProfileName": "smoke of nobody", "devEui": device, "applicationId": "a"}
    return json.dumps({"deviceInfo": info, "fPort": 10, "data": coded, "rxInfo": [{"rssi": -80, "snr": 5}]}).encode()


async def test_a_radio_frame_that_nobody_decodes_is_unreadable_for_a_smoke_detector(bench: Bench) -> None:
    route = Route("zigbee", HOME, "", LoRaWan())
    topic = "application/a/device/smoke-1/event/up"
    bench.decoder.take(route, topic, uplink("smoke-1", b"\x99\x01\x02"), 1, False, None)
    await bench.settle()
    assert bench.engine.alarm_book.find("gateway.fallback.fire", "smoke-1") is not None
    topic = "application/a/device/climate-1/event/up"
    bench.decoder.take(route, topic, uplink("climate-1", b"\x99\x01\x02"), 1, False, None)
    await bench.settle()
    assert bench.engine.alarm_book.find("gateway.undecodable", "climate-1") is None


async def test_a_push_that_names_its_device_only_inside_raises_that_devices_danger(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(self: CtWing, packet: Packet, context: object):
        fault = DecodeError("smokeState", "a state", 7)
        fault.device = "smoke-2"
        raise fault

    monkeypatch.setattr(CtWing, "decode", unreadable)
    bench.decoder.take(Route("zigbee", HOME, "", CtWing()), "push", b"{}", 1, False, None)
    await bench.settle()
    assert bench.engine.alarm_book.find("gateway.fallback.fire", "smoke-2") is not None


class SlowDisk:
    """A disk whose answer to each commit (or only to the first) waits until the test lets it go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, only_first: bool = False) -> None:
        self.asked: list[int] = []
        self.answered = 0
        self._gate = asyncio.Event()
        commit = SqliteRecord.commit

        async def slow(record: SqliteRecord, entries: list, **options: object) -> None:
            self.asked.append(len(entries))
            waits = len(self.asked) == 1 or not only_first

            async def send() -> None:
                await commit(record, entries, **options)

            sending = asyncio.ensure_future(send())
            await asyncio.wait({sending})
            if waits:
                await self._gate.wait()
            self.answered += 1
            await sending

        monkeypatch.setattr(SqliteRecord, "commit", slow)

    def answer(self) -> None:
        self._gate.set()


async def test_an_alarm_is_decided_while_telemetry_is_on_its_way_to_the_disk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    running = asyncio.ensure_future(bench.decider.run())
    for _ in range(256):
        bench.packet("climate-1", b'{"temperature": 21.5}')
    await until(lambda: len(disk.asked) >= 1)
    bench.packet("smoke-1", b'{"smoke": true}')
    await until(lambda: len(disk.asked) >= 2)
    assert [alarm.subject for alarm in bench.engine.alarms.values()] == ["smoke-1"]
    assert bench.settled == [], "nothing is acknowledged before its commit"
    disk.answer()
    await until(lambda: len(bench.settled) == 257)
    assert bench.settled[-1] == "smoke-1"
    running.cancel()
    await asyncio.wait({running})


async def test_two_commits_refused_are_held_in_their_order(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.record.limit_pages(1)
    disk = SlowDisk(monkeypatch, only_first=True)
    running = asyncio.ensure_future(bench.decider.run())
    bench.packet("smoke-1", b'{"smoke": true}')
    await until(lambda: len(disk.asked) >= 1)
    bench.packet("smoke-2", b'{"smoke": true}')
    await until(lambda: disk.answered == 1)
    disk.answer()
    await until(lambda: bench.metrics.unsettled == 2)
    raised = [e.alarm.subject for e in await bench.effects(AlarmChanged) if e.alarm.category is Category.FIRE]
    assert raised == ["smoke-1", "smoke-2"]
    seqs = [entry.seq for entry in await bench.entries()]
    assert seqs == sorted(seqs) and seqs[-1] >= bench.engine.seq - 2
    running.cancel()
    await asyncio.wait({running})


async def test_a_cancelled_decider_leaves_what_is_on_its_way(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SlowDisk(monkeypatch)
    running = asyncio.ensure_future(bench.decider.run())
    bench.packet("smoke-1", b'{"smoke": true}')
    await until(lambda: len(disk.asked) >= 1)
    bench.packet("smoke-2", b'{"smoke": true}')
    await until(lambda: len(disk.asked) >= 2)
    running.cancel()
    await asyncio.wait({running})
    disk.answer()
    await bench.decider.commit()
    assert bench.settled == ["smoke-1", "smoke-2"]


async def test_a_fault_of_a_commit_ends_the_deciding_task_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(record: SqliteRecord, entries: list, **options: object) -> None:
        raise AssertionError("planted")

    running = asyncio.ensure_future(bench.decider.run())
    await asyncio.sleep(0)
    monkeypatch.setattr(SqliteRecord, "commit", broken)
    bench.packet("smoke-1", b'{"smoke": true}')
    with pytest.raises(AssertionError, match="planted"):
        async with asyncio.timeout(2):
            await running
