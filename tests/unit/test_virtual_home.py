"""The virtual home: the same for the same seed, understood whole by the codecs, every incident in its points."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.catalog import CODECS, PROFILES
from devices.codec import Packet
from devices.reading import DANGER_POINTS, Quality
from devices.virtual import PLOTS, VirtualHome, VirtualPacket, load_definitions, load_mix, load_site_toml
from devices.zigbee2mqtt import published_devices
from rules.parse_site import KindDefaults, Names, parse_site

NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KINDS = {
    profile.id: KindDefaults(profile.silence_limit, profile.category, profile.clears_are_trusted, profile.points)
    for profile in PROFILES.values()
}


class Reader:
    """The codecs of both sources, and what they understood: (device, point) -> [(instant, value)]."""

    def __init__(self, home: str = "demo") -> None:
        self.codecs = {
            "zigbee": CODECS["zigbee2mqtt"](prefix=f"h/{home}/zigbee2mqtt"),
            "native": CODECS["native"](prefix=f"anlian/v1/{home}"),
        }
        self.context: Any = None
        self.said: dict[tuple[str, str], list[tuple[datetime, Any]]] = {}
        self.sizes: list[int] = []
        self.zigbee = 0
        self.spoke: set[tuple[str, str]] = set()

    def read(self, packets: Iterable[VirtualPacket]) -> Reader:
        for sent in packets:
            source = "zigbee" if sent.topic.startswith("h/") else "native"
            codec = self.codecs[source]
            decoded = codec.decode(Packet(sent.topic, sent.payload, sent.qos, sent.retained, sent.at), self.context)
            if source == "zigbee":
                self.context = decoded.context
                self.zigbee += 1
            for report in decoded.reports:
                assert not [event for event in report.events if event.get("type") == "property_ignored"], report
                self.sizes.append(len(report.readings))
                self.spoke.add((source, report.device))
                for reading in report.readings:
                    assert reading.quality is Quality.GOOD, (report.device, reading)
                    self.said.setdefault((report.device, reading.point), []).append((sent.at, reading.value))
        return self

    def values(self, device: str, point: str) -> list[Any]:
        return [value for _, value in self.said.get((device, point), [])]

    def dangers(self) -> set[tuple[str, str]]:
        return {key for key, said in self.said.items() if key[1] in DANGER_POINTS and any(v is True for _, v in said)}


def test_the_same_seed_gives_the_same_packets_however_the_time_is_cut() -> None:
    until = NOON + timedelta(minutes=20)
    whole = VirtualHome(seed=3).packets(NOON, until)
    again = VirtualHome(seed=3)
    middle = NOON + timedelta(minutes=7, seconds=13)
    assert [*again.packets(NOON, middle), *again.packets(middle, until)] == whole
    assert VirtualHome(seed=4).packets(NOON, until) != whole
    assert all(NOON <= packet.at < until for packet in whole)
    assert [packet.at for packet in whole] == sorted(packet.at for packet in whole)


def test_a_quiet_day_is_understood_whole_and_nothing_is_in_alarm() -> None:
    home = VirtualHome()
    reader = Reader().read(home.opening(NOON))
    assert len(published_devices(reader.context)) == sum(device.source == "zigbee" for device in home.devices)
    for hour in (0, 6, 11, 17):
        start = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hour)
        reader.read(home.packets(start, start + timedelta(minutes=10)))
    assert reader.dangers() == set()
    assert {(device.source, device.address) for device in home.devices} <= reader.spoke
    night, noon = ([v for at, v in reader.said[("electrical-board", "current.a")] if at.hour == h] for h in (17, 11))
    assert sum(noon) / len(noon) > 1.5 * sum(night) / len(night)


def test_every_device_speaks_within_its_silence_limit() -> None:
    home = VirtualHome(size=1)
    start, last = NOON, {}
    for hour in range(9):
        for sent in home.packets(start + timedelta(hours=hour), start + timedelta(hours=hour + 1)):
            at = last.get(sent.topic, start)
            last[sent.topic] = sent.at
            device = next(
                (d for d in home.devices if sent.topic.endswith((f"/{d.address}", f"/{d.address}/telemetry"))), None
            )
            if device is not None and at is not start:
                assert sent.at - at <= PROFILES[device.kind].silence_limit, device.id
    bridge = [topic for topic in last if topic.endswith("bridge/health")]
    assert len(bridge) == 1


def test_qos_of_zigbee_states_is_what_was_asked_for() -> None:
    for qos in (0, 1):
        states = [
            p for p in VirtualHome(qos=qos).packets(NOON, NOON + timedelta(minutes=2)) if "zigbee2mqtt" in p.topic
        ]
        assert {p.qos for p in states if "/bridge/" not in p.topic} == {qos}
    assert {
        p.qos for p in VirtualHome().packets(NOON, NOON + timedelta(minutes=2)) if p.topic.startswith("anlian")
    } == {1}


def played(incident: str, minutes: float, device: str = "") -> tuple[VirtualHome, Reader]:
    home = VirtualHome()
    home.start(incident, NOON + SECOND, device)
    reader = Reader().read(home.opening(NOON))
    return home, reader.read(home.packets(NOON, NOON + timedelta(minutes=minutes)))


def test_kitchen_fire() -> None:
    _, reader = played("kitchen-fire", 21)
    smoke = reader.said[("厨房/烟感", "smoke.alarm")]
    assert next(at for at, value in smoke if value) == NOON + SECOND
    corridor = reader.said[("1层走廊/烟感", "smoke.alarm")]
    assert next(at for at, value in corridor if value) == NOON + timedelta(seconds=46)
    assert max(reader.values("厨房/温湿度", "temperature")) > 65
    assert max(reader.values("厨房/一氧化碳", "co.ppm")) > 200
    assert reader.dangers() == {
        ("厨房/烟感", "smoke.alarm"),
        ("1层走廊/烟感", "smoke.alarm"),
        ("厨房/一氧化碳", "co.alarm"),
    }
    assert (
        max(reader.values("electrical-board", "current.a")) > max(reader.values("electrical-board", "current.b")) + 20
    )
    assert max(reader.values("electrical-board", "current.residual")) > 250
    assert [said[-1][1] for said in (smoke, corridor)] == [False, False]


def test_gas_leak() -> None:
    _, reader = played("gas-leak", 16)
    assert reader.dangers() == {("厨房/燃气", "gas.alarm")}
    assert reader.values("厨房/燃气", "gas.alarm")[-1] is False


@pytest.mark.parametrize(("device", "room"), [("", "101室"), ("fall-room-202", "202室")])
def test_fall(device: str, room: str) -> None:
    _, reader = played("fall", 11, device)
    assert reader.dangers() == {(f"{room}/跌倒雷达", "fall.alarm")}
    suspected = reader.said[(f"{room}/跌倒雷达", "fall.suspected")]
    assert [value for value, _ in itertools.groupby(value for _, value in suspected)] == [True, False]
    assert suspected[0][0] == NOON + SECOND
    assert next(at for at, v in reader.said[(f"{room}/跌倒雷达", "fall.alarm")] if v) == NOON + timedelta(seconds=21)


def test_sos_is_said_as_the_bridge_says_it() -> None:
    home, reader = played("sos", 2, "sos-room-103")
    assert reader.dangers() == {("103室/呼叫按钮", "sos.alarm")}
    assert reader.values("103室/呼叫按钮", "sos.alarm") == [True, True]
    name = "h/demo/zigbee2mqtt/103室/呼叫按钮"
    sent = [p for p in home.packets(NOON, NOON + timedelta(seconds=5)) if p.topic.startswith(name)]
    assert [b'"emergency"' in p.payload for p in sent[:1]] == [True]
    assert sent[1].topic == name + "/action" and sent[1].payload == b"emergency"
    assert b'"action":""' in sent[2].payload


def test_electrical_overheat() -> None:
    _, reader = played("electrical-overheat", 8)
    assert max(reader.values("electrical-board", "cable_temp.2")) > 85
    assert max(reader.values("electrical-board", "cable_temp.1")) < 55
    assert max(reader.values("electrical-board", "current.residual")) > 400
    assert reader.dangers() == set()


def test_camera_lost() -> None:
    _, reader = played("camera-lost", 31)
    online = reader.said[("video-hall", "video.online")]
    assert [value for value, _ in itertools.groupby(value for _, value in online)] == [True, False, True]
    assert next(at for at, value in online if not value) == NOON + SECOND
    assert max(reader.values("video-hall", "video.frame_age")) > 1700
    assert all(reader.values("video-kitchen", "video.online"))


@pytest.mark.parametrize(("device", "seconds"), [("video-hall", 90), ("plug-kitchen", 600), ("smoke-kitchen", 90_000)])
def test_a_silent_device_is_given_up_after_its_time(device: str, seconds: int) -> None:
    home = VirtualHome()
    home.start("device-silent", NOON, device)
    address = next(known.address for known in home.devices if known.id == device)
    at = NOON + timedelta(seconds=seconds)
    sent = [
        p
        for p in home.packets(at - 30 * SECOND, at + 30 * SECOND)
        if f"/{address}/" in p.topic or p.topic.endswith(address)
    ]
    assert [(p.at, p.retained, b"false" in p.payload or b"offline" in p.payload) for p in sent] == [(at, True, True)]


def test_bridge_lost() -> None:
    home, reader = played("bridge-lost", 16)
    assert reader.values("bridge", "gateway.online") == [True, False, True]
    dark = home.packets(NOON + 2 * SECOND, NOON + timedelta(minutes=15))
    assert dark and not [p for p in dark if "zigbee2mqtt" in p.topic]
    assert [
        p for p in home.packets(NOON + timedelta(minutes=15), NOON + timedelta(minutes=16)) if "zigbee2mqtt" in p.topic
    ]


def test_battery_low() -> None:
    _, reader = played("battery-low", 1)
    assert reader.values("充电棚/烟感", "battery.low")[-1] is True
    assert reader.values("充电棚/烟感", "battery")[-1] == 7.0


def test_device_silent() -> None:
    home = VirtualHome()
    home.start("device-silent", NOON)
    topic = "h/demo/zigbee2mqtt/101室/温湿度"
    assert not [p for p in home.packets(NOON, NOON + timedelta(hours=2)) if p.topic.startswith(topic)]
    given_up = home.packets(NOON + timedelta(hours=25), NOON + timedelta(hours=25, seconds=1))
    assert [p.payload for p in given_up if p.topic == topic + "/availability"] == [b'{"state":"offline"}']


@pytest.mark.parametrize(("incident", "device"), [("flood", ""), ("fall", "smoke-kitchen"), ("fall", "fall-room-999")])
def test_what_cannot_be_started_is_said(incident: str, device: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        VirtualHome().start(incident, NOON, device)
    assert len(PLOTS) == 9


def site_of(text: str) -> Any:
    names = Names(KINDS, {"zigbee", "native"}, {"ntfy"})
    site, faults = parse_site(tomllib.loads(text), names)
    assert site is not None, faults
    assert not faults
    return site


@pytest.mark.parametrize("size", [1, 3])
def test_site_file_fits_the_home(size: int) -> None:
    home = VirtualHome("east", county="anhua", town="meicheng", size=size)
    site = site_of(home.site_toml())
    assert (site.id, site.county, site.town) == ("east", "anhua", "meicheng")
    assert {(d.source, d.address) for d in site.devices} == {
        ("zigbee", "bridge"),
        *((device.source, device.address) for device in home.devices),
    }
    assert {plan.category.value for plan in site.plans} == {
        *("fire", "gas", "person", "electrical", "supervisory", "trouble", "video"),
    }
    kinds = {device.kind for device in site.devices}
    assert kinds >= {
        "smoke",
        "gas",
        "co",
        "electrical",
        "cable_temp",
        "fall",
        "sos",
        "door",
        "motion",
        "climate",
        "video",
    }
    assert 30 <= len(VirtualHome().devices) <= 60


def test_load_mix_is_quiet_endless_and_mostly_zigbee2mqtt() -> None:
    reader = Reader("load").read([load_definitions(60)])
    packets = list(itertools.islice(load_mix(60, seed=2), 3000))
    reader.read(packets)
    assert packets == list(itertools.islice(load_mix(60, seed=2), 3000))
    assert packets != list(itertools.islice(load_mix(60, seed=3), 3000))
    assert len({packet.payload for packet in packets}) > 200
    assert reader.dangers() == set()
    assert reader.zigbee - 1 >= len(packets) / 2
    zigbee = Reader("load").read([load_definitions(60)]).read(p for p in packets if p.topic.startswith("h/"))
    assert min(zigbee.sizes) >= 4 and max(zigbee.sizes) <= 8
    site = site_of(load_site_toml(60))
    assert {device.address for device in site.devices} - {"bridge"} == {device for _, device in reader.spoke}


def beat_of(device: str) -> datetime:
    """An instant at which the device speaks by itself."""
    home = VirtualHome()
    sent = home.packets(NOON, NOON + timedelta(hours=4))
    return next(packet.at for packet in sent if packet.topic == f"h/demo/zigbee2mqtt/{device}")


def test_a_press_is_a_moment_even_if_the_button_reports_right_after() -> None:
    beat = beat_of("101室/呼叫按钮")
    home = VirtualHome()
    home.start("sos", beat - SECOND)
    reader = Reader().read(home.opening(beat - 2 * SECOND)).read(home.packets(beat - 2 * SECOND, beat + SECOND))
    assert reader.values("101室/呼叫按钮", "sos.alarm") == [True, True]
    assert reader.said[("101室/呼叫按钮", "battery")][-1][0] == beat


def test_smoke_reaches_the_corridor_only_after_its_time() -> None:
    beat = beat_of("1层走廊/烟感")
    home = VirtualHome()
    home.start("kitchen-fire", beat - 20 * SECOND)
    reader = Reader().read(home.opening(beat - 30 * SECOND)).read(home.packets(beat - 30 * SECOND, beat + 30 * SECOND))
    corridor = reader.said[("1层走廊/烟感", "smoke.alarm")][1:]
    assert corridor == [(beat, False), (beat + 25 * SECOND, True)]


def test_cutting_just_after_a_packet_does_not_say_it_twice() -> None:
    home = VirtualHome()
    cut = home.packets(NOON, NOON + timedelta(minutes=1))[5].at + timedelta(microseconds=1)
    before, after = home.packets(NOON, cut), home.packets(cut, NOON + timedelta(minutes=1))
    assert [*before, *after] == home.packets(NOON, NOON + timedelta(minutes=1))
    assert all(packet.at >= cut for packet in after)
