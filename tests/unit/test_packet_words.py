"""What a person is told of a packet that cannot be used: which one, what is wrong with it, what to do; zh and en."""

from __future__ import annotations

from typing import Any

import pytest

from devices.codec import Decoded, DecodeError, FaultKind, Packet
from devices.native import Native
from devices.values import read_instant, read_json, read_number
from gateway.clock import SystemClock
from gateway.inbox import Inbox
from gateway.metrics import Metrics
from gateway.receive.decode import Decoder, Route
from gateway.receive.inventory import Inventory
from rules.details import coded, detail_in, packet_words
from rules.inputs import ClockStepped, DecodeFailed, EngineFaulted, PacketRefused
from tests.unit.engine_world import HOUR, SITE, START, World, loaded

TOPIC = "anlian/v1/home/meter-1/telemetry"


class Planted:
    """A codec that does as it is told: raises what it is given."""

    name = "planted"
    prefix = "anlian/v1/home"
    subscriptions = ("anlian/v1/home/#",)

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    def decode(self, packet: Packet, context: Any) -> Decoded:
        raise self._fault


def told_of(payload: bytes, codec: Any = None, topic: str = TOPIC) -> str:
    """The detail of the trouble that this packet gives cause for."""
    world, inbox = World(), Inbox()
    decoder = Decoder(Inventory([SITE]), inbox, SystemClock(), Metrics(), 1024, lambda *_: None)
    route = Route("gw", "home", "anlian/v1/home", codec or Native(prefix="anlian/v1/home"))
    decoder.take(route, topic, payload, 1, False, None)
    for delivery in inbox.take(10):
        world.step(delivery.make(world.at))
    (alarm,) = world.engine.alarms.values()
    assert alarm.rule == "gateway.undecodable"
    return alarm.detail


CASES = [
    ("oversized", b"x" * 1025, None, "payload_max", "超过大小上限"),
    ("not_utf8", b'{"points": "\xff"}', None, "compressed", "不是文本"),
    ("not_json", b'{"points": {', None, "update firmware", "JSON"),
    ("content", b"[]", None, "anlian decode", "anlian decode"),
    ("content", b'{"points": {"nonsense": 1}}', None, "model in the site file", "型号"),
    ("time", b'{"at": "1970-01-01T00:00:00Z", "points": {"power": 1}}', None, "time zone", "对时"),
    ("number", b"{}", Planted(DecodeError("power", "a number", "0_02", FaultKind.NUMBER)), "wiring", "接线"),
    ("codec", b"{}", Planted(ZeroDivisionError("planted")), "update the gateway", "升级网关"),
    ("topic", b"{}", Planted(DecodeError("topic", "a topic below x", "y")), "prefix", "prefix"),
]


@pytest.mark.parametrize(("kind", "payload", "codec", "english", "chinese"), CASES)
def test_which_packet_what_is_wrong_and_what_to_do(
    kind: str, payload: bytes, codec: Any, english: str, chinese: str
) -> None:
    detail = told_of(payload, codec)
    assert detail.startswith(f"[{kind}] gw {TOPIC}: ")
    for language, remedy in (("en", english), ("zh", chinese)):
        words = detail_in(detail, language)
        assert words.startswith(f"gw {TOPIC}") and remedy in words and f"[{kind}]" not in words, words
        assert detail.partition(": ")[2] in words, "the decoder's own words are kept for the maintainer"
    assert "检查" in detail_in(detail, "zh") or "核对" in detail_in(detail, "zh") or kind in ("time", "codec")


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_has_words_in_both_languages(kind: FaultKind) -> None:
    english, chinese = packet_words(kind, "found", "en"), packet_words(kind, "found", "zh")
    assert "; " in english and english.endswith("(found)") and english.isascii()
    assert "；" in chinese and chinese.endswith("（found）") and chinese != english
    others = {packet_words(other, "found", "zh") for other in FaultKind if other is not kind}
    assert chinese not in others


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda: read_json("x", b"\xff"), "not_utf8"),
        (lambda: read_json("x", b"{"), "not_json"),
        (lambda: read_number("x", "0_02"), "number"),
        (lambda: read_number("x", 1e30), "number"),
        (lambda: read_number("x", float("nan")), "number"),
        (lambda: read_instant("x", "2026-01-01T00:00:00"), "time"),
        (lambda: read_instant("x", 5.0), "time"),
    ],
)
def test_reading_strictly_gives_the_kind(read: Any, kind: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read()
    assert caught.value.kind == kind


def test_refused_packets() -> None:
    world = World()
    world.step(
        PacketRefused(at=world.at, source="main", topic="h/b/x", reason="names 'b'", count=7, kind="other_home")
    )
    detail = world.alarm("gateway.refused", "source:main").detail
    assert detail == "[other_home] main h/b/x: names 'b' (7)"
    assert "ACL" in detail_in(detail, "zh") and "ACL" in detail_in(detail, "en")


def test_an_input_that_made_the_engine_fault() -> None:
    world = World()
    world.step(EngineFaulted(at=world.at, fault_id="home:1:q3", error="KeyError('x')", device="meter-1"))
    detail = world.alarm("gateway.faulted", "meter-1").detail
    assert detail == "home:1:q3: KeyError('x')"
    assert "隔离" in detail_in(detail, "zh") and "look at the device on site" in detail_in(detail, "en")
    assert all("home:1:q3" in detail_in(detail, language) for language in ("zh", "en"))


def test_a_jump_of_the_clock() -> None:
    world = World()
    world.step(ClockStepped(at=world.at, old=START, new=START + 3 * HOUR, first_sync=True))
    detail = world.alarm("gateway.clock", "clock").detail
    assert "timedatectl" in detail_in(detail, "en") and "启动后首次对时" in detail_in(detail, "zh")


def test_a_value_outside_the_possible() -> None:
    assert "接线" in detail_in("temperature = 900.0", "zh") and "decides nothing" in detail_in("battery = 300", "en")


@pytest.mark.parametrize("words", ["a/b: not a word of ours", "[unknown] x y: z", "step 2", "[x]", ""])
def test_what_has_no_form_stays_as_it_is(words: str) -> None:
    assert detail_in(words, "en") == words


def test_journals_of_before_give_the_same_detail() -> None:
    """They have no code: a replay must find the words that the older program wrote."""
    assert coded("", "z2m", "a/b", "not JSON") == "a/b: not JSON"
    world = World()
    world.step(loaded(START, SITE))
    world.step(DecodeFailed(at=world.at, source="z2m", topic="a/b", reason="not JSON"))
    assert world.alarm("gateway.undecodable", "source:z2m").detail == "a/b: not JSON"
