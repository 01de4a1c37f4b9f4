"""A broker shared by homes: a topic of another home is refused, counted and told, whatever source would match it."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.catalog import CODECS
from gateway.clock import SystemClock
from gateway.inbox import Inbox
from gateway.metrics import Metrics
from gateway.receive.decode import Decoder
from gateway.receive.inventory import Inventory
from gateway.receive.mqtt import MqttSource, matches
from gateway.settings import Broker, Source
from gateway.ways import route_of
from rules.inputs import AnyInput, PacketRefused


class Ear:
    """The sources of one broker, told packets as if that broker had sent them."""

    def __init__(self, folder: Path, *sources: tuple[str, str, str]) -> None:
        self.inbox, self.metrics = Inbox(), Metrics()
        self.settled = 0
        decoder = Decoder(Inventory([]), self.inbox, SystemClock(), self.metrics, 65_536, lambda *_: None)
        self.routes = [
            route_of(Source(name=f"s{number}", broker="main", home=home, codec=codec, prefix=prefix))
            for number, (home, codec, prefix) in enumerate(sources)
        ]
        broker = Broker(name="main", probe_qos0=False)
        self._source = MqttSource(
            broker, self.routes, decoder, self.inbox, self.metrics, lambda: 0.0, folder, lambda *_: None
        )

    def hears(self, topic: str, payload: bytes = b"{}") -> list[AnyInput]:
        self._source._on_message(topic, payload, 1, False, self._settle)
        return [delivery.make(SystemClock().now()) for delivery in self.inbox.take(100)]

    def _settle(self) -> None:
        self.settled += 1


def refused(made: list[AnyInput]) -> PacketRefused:
    (one,) = made
    assert isinstance(one, PacketRefused), made
    return one


@pytest.mark.parametrize("codec", CODECS)
def test_the_topic_of_another_home_below_a_prefix_like_ours(tmp_path: Path, codec: str) -> None:
    ours = "anlian/v1/home-a" if codec == "native" else f"h/home-a/{codec}"
    ear = Ear(tmp_path, ("home-a", codec, ours))
    found = refused(ear.hears(f"{ours.replace('home-a', 'other')}/d1/telemetry"))
    assert found.kind == "other_home" and "'other'" in found.reason
    assert (ear.metrics.refused, ear.metrics.packets, ear.settled) == (1, 1, 1)


def of_another_home(filter_: str) -> str:
    """A topic below h/other that fits this filter, or one that does not fit it where its beginning is fixed."""
    return "/".join(("h", "other", *filter_.split("/")[2:])).replace("+", "x").replace("#", "x/y")


OPEN_BEGINNINGS = [
    pytest.param(codec, of_another_home(filter_), id=f"{codec} {filter_}")
    for codec in CODECS
    for filter_ in CODECS[codec]().subscriptions
    if len(filter_.split("/")) > 2 and matches(filter_, of_another_home(filter_))
]


@pytest.mark.parametrize(("codec", "topic"), OPEN_BEGINNINGS)
def test_a_wildcard_of_one_home_does_not_take_the_words_of_another(tmp_path: Path, codec: str, topic: str) -> None:
    """A source without a prefix reads `+/+/+/state`: that fits h/other/…/state, too."""
    ear = Ear(tmp_path, ("home-a", "zigbee2mqtt", "h/home-a/zigbee2mqtt"), ("home-a", codec, ""))
    assert refused(ear.hears(topic)).kind == "other_home"


def test_there_is_a_source_with_an_open_beginning() -> None:
    assert any(matches("+/+/+/state", parameters.values[1]) for parameters in OPEN_BEGINNINGS)


def test_the_words_of_one_home_do_not_go_to_the_wildcard_of_its_neighbour(tmp_path: Path) -> None:
    """Both homes are ours. A topic that only the neighbour's wildcard matches is nobody's."""
    ear = Ear(tmp_path, ("home-b", "zigbee2mqtt", "h/home-b/zigbee2mqtt"), ("home-a", "esphome", ""))
    found = refused(ear.hears("h/home-b/esp/state", b"ON"))
    assert found.kind == "other_home" and "home-b" in found.reason


@pytest.mark.parametrize("prefix", ["anlian/v1", "anlian/v1/home-a"])
def test_our_own_topics(tmp_path: Path, prefix: str) -> None:
    ear = Ear(tmp_path, ("home-a", "native", prefix))
    assert refused(ear.hears("anlian/v1/home-b/d/telemetry", b'{"points":{"smoke.alarm":true}}')).kind == "other_home"
    (heard,) = ear.hears("anlian/v1/home-a/d/telemetry", b'{"points":{"smoke.alarm":true}}')
    assert not isinstance(heard, PacketRefused)


@pytest.mark.parametrize(
    ("prefix", "topic"),
    [
        ("h/home-a/esp", "h/home-a/esp/status"),
        ("site/x/home-a/esp", "site/x/home-a/esp/status"),
        ("esp-of-a", "esp-of-a/status"),
        ("", "esp/status"),
    ],
)
def test_what_is_ours_is_taken_beside_any_other_prefix(tmp_path: Path, prefix: str, topic: str) -> None:
    ear = Ear(tmp_path, ("home-b", "tasmota", "site/home-b/tasmota"), ("home-a", "esphome", prefix))
    assert not isinstance(ear.hears(topic, b"online")[0], PacketRefused)


def test_a_topic_that_names_no_home_is_outside(tmp_path: Path) -> None:
    ear = Ear(tmp_path, ("home-a", "zigbee2mqtt", "h/home-a/zigbee2mqtt"))
    assert refused(ear.hears("tele/x/SENSOR")).kind == "outside"
    assert not ear.hears("h/home-a/elsewhere/x"), "the second one is told with its count within a minute"
    assert ear.metrics.refused == 2
