"""Golden vectors of Frigate, docker-wyze-bridge and neolink: what a packet says of a camera, and what it never says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devices.catalog import CODECS
from devices.codec import DecodeError, Packet
from devices.frigate import CAMERAS_MAX, Known
from tests.unit.test_codec_vectors import DANGERS, EXAMPLES, check_case, instant, payload_of, values

PUBLISHED = json.loads((EXAMPLES / "video.json").read_text())
MORE = json.loads((EXAMPLES / "video_more.json").read_text())["cases"]
NAMES = {"frigate": "frigate", "docker-wyze-bridge": "wyze"}
BRIDGE_TOPICS = {"frigate/available", "wyzebridge/state"}


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case["id"])
def test_published_message_means_what_it_means(case: dict[str, Any]) -> None:
    meaning, topic = case["meaning"], case["topic"]
    codec = CODECS[NAMES[case["ecosystem"]]](prefix=topic.split("/")[0])
    reports = codec.decode(Packet(topic, payload_of(case), retained=case.get("retain", False)), None).reports
    if topic == "frigate/stats":
        assert [{"device": r.device, "readings": values(r)} for r in reports] == meaning["events"]
        assert all(report.measured_at is None and not report.events for report in reports)
        return
    (report,) = reports
    device = "bridge" if topic in BRIDGE_TOPICS else meaning.get("device", topic.split("/")[1])
    assert report.device == device
    assert values(report) == meaning["readings"]
    assert not set(meaning.get("must_not", [])) & values(report).keys()
    assert report.measured_at == (instant(meaning["time"]) if "time" in meaning else None)
    assert report.events == ()


@pytest.mark.parametrize("case", MORE, ids=lambda case: case["id"])
def test_more_messages(case: dict[str, Any]) -> None:
    codec = CODECS[case["codec"]]()
    context = Known(frozenset(case["cameras"])) if "cameras" in case else None
    check_case(codec.decode, case, case["topic"], context)


@pytest.mark.parametrize("case", [*PUBLISHED, *MORE], ids=lambda case: case["id"])
def test_no_message_about_video_is_ever_a_danger(case: dict[str, Any]) -> None:
    codec = CODECS[case.get("codec") or NAMES[case["ecosystem"]]]()
    try:
        reports = codec.decode(Packet(case["topic"], payload_of(case)), None).reports
    except DecodeError:
        return
    assert not any(DANGERS & values(report).keys() for report in reports)


def test_a_recorder_s_cameras_are_learned_from_its_statistics() -> None:
    codec = CODECS["frigate"]()
    stats = json.dumps({"cameras": {"hall": {"camera_fps": 5}}}).encode()
    learned = codec.decode(Packet("frigate/stats", stats), None).context
    assert learned == Known(frozenset({"hall"}))
    assert codec.decode(Packet("frigate/stats", stats), learned).context is learned
    assert codec.decode(Packet("frigate/hall/person", b"1"), learned).reports != ()
    assert codec.decode(Packet("frigate/yard/person", b"1"), learned).reports == ()


def test_more_cameras_than_a_recorder_has_are_not_read_and_said_so() -> None:
    tables = {f"camera-{n}": {"camera_fps": 5} for n in range(CAMERAS_MAX + 2)}
    decoded = CODECS["frigate"]().decode(Packet("frigate/stats", json.dumps({"cameras": tables}).encode()), None)
    assert len(decoded.reports) == CAMERAS_MAX + 1
    assert [event["property"] for event in decoded.reports[-1].events] == ["camera-512", "camera-513"]
    assert len(decoded.context.cameras) == CAMERAS_MAX


@pytest.mark.parametrize(
    ("codec", "private"),
    [
        ("frigate", "frigate/hall/person/snapshot"),
        ("wyze", "wyzebridge/hall/image"),
        ("neolink", "neolink/hall/status/preview"),
        ("neolink", "neolink/config"),
    ],
)
def test_pictures_and_passwords_are_not_subscribed_to(codec: str, private: str) -> None:
    filters = CODECS[codec](prefix=private.split("/")[0]).subscriptions
    assert filters
    for pattern in filters:
        levels, topic = pattern.split("/"), private.split("/")
        assert "#" not in levels
        assert len(levels) != len(topic) or any(a not in ("+", b) for a, b in zip(levels, topic, strict=True))
