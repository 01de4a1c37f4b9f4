"""How values are believed: numbers, states and instants, spelled in every way that devices spell them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices.catalog import CODECS, KINDS, PROFILES, VARIANTS, find_profile, judged
from devices.codec import DecodeError, Packet
from devices.reading import DANGER_POINTS, Quality, Reading, Report, find_point
from devices.values import PLAUSIBLE, level, read_boolean, read_instant, read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100.00", 100.0),
        ("33.200001", 33.200001),
        (" -5 ", -5.0),
        ("+.5", 0.5),
        ("1e3", 1000.0),
        (7, 7.0),
        (0.25, 0.25),
    ],
)
def test_number(text: object, number: float) -> None:
    assert read_number("x", text) == number


@pytest.mark.parametrize(
    "text",
    [
        "0_02",
        "1,5",
        "nan",
        "inf",
        "-Infinity",
        "1e400",
        "1e13",
        "0x10",
        "",
        " ",
        "1 2",
        "٣",
        "--1",
        "1e",
        "9" * 41,
        float("nan"),
        float("inf"),
        1e300,
        10**400,
        True,
        None,
        [],
        {},
        b"1",
    ],
    ids=lambda text: repr(text)[:20],
)
def test_what_is_no_number(text: object) -> None:
    with pytest.raises(DecodeError, match="x: expected"):
        read_number("x", text)


@pytest.mark.parametrize("value", [True, "true", "TRUE", "ON", "on", "1", 1, 1.0, "yes", "Alarm"])
def test_true(value: object) -> None:
    assert read_boolean("x", value) is True


@pytest.mark.parametrize("value", [False, "false", "OFF", "off", "0", 0, 0.0, "no", "Normal"])
def test_false(value: object) -> None:
    assert read_boolean("x", value) is False


@pytest.mark.parametrize("value", [None, "", "2", 2, -1, "maybe", [], {}, [True], b"on"], ids=repr)
def test_neither_true_nor_false(value: object) -> None:
    with pytest.raises(DecodeError, match="true or false"):
        read_boolean("x", value)


@pytest.mark.parametrize(
    ("said", "iso"),
    [
        (1573393389829, "2019-11-10T13:43:09.829000+00:00"),
        ("1573393389829", "2019-11-10T13:43:09.829000+00:00"),
        ("2026-04-17T23:33:17+08:00", "2026-04-17T15:33:17+00:00"),
        ("2026-04-17T15:33:17Z", "2026-04-17T15:33:17+00:00"),
    ],
)
def test_instant(said: object, iso: str) -> None:
    assert read_instant("x", said).isoformat() == iso


@pytest.mark.parametrize(
    "said", ["2026-04-17T23:33:17", "yesterday", "", 1573393389, 2.46, True, None, 1e15, "1970-01-01T00:00:00Z", "٣٣"]
)
def test_what_is_no_instant(said: object) -> None:
    with pytest.raises(DecodeError, match="x: expected"):
        read_instant("x", said)


def test_every_plausible_limit_is_of_a_point() -> None:
    for point, (lowest, highest) in PLAUSIBLE.items():
        assert find_point(point) or find_point(point + ".1")
        assert lowest < highest
        assert level(point, highest).quality is Quality.GOOD
        assert level(point, highest + 1).quality is Quality.BAD


@pytest.mark.parametrize("profile", [*PROFILES.values(), *VARIANTS.values()], ids=lambda profile: profile.id)
def test_profile_is_sound(profile: object) -> None:
    assert find_profile(profile.kind, profile.id) is profile
    assert profile.id.partition(".")[0] == profile.kind
    assert profile.zh and profile.en and len(set(profile.points)) == len(profile.points)
    assert all(find_point(point) for point in (*profile.points, *profile.limits))
    assert timedelta(seconds=60) < profile.silence_limit <= timedelta(hours=27.5)
    dangers = {DANGER_POINTS[point] for point in profile.points if point in DANGER_POINTS}
    assert profile.category in (dangers | {"electrical"} if dangers else {"", "electrical"})
    assert bool(dangers) <= bool(profile.category)


SILENCE = {
    "smoke": timedelta(hours=26.4),
    "smoke.wired": timedelta(seconds=100),
    "smoke.nb_iot": timedelta(hours=2, minutes=10),
    "gas": timedelta(minutes=10),
    "video": timedelta(seconds=180),
    "bridge": timedelta(seconds=100),
    "electrical": timedelta(seconds=100),
    "plug": timedelta(minutes=10),
}


@pytest.mark.parametrize(("profile", "limit"), SILENCE.items())
def test_silence_limits(profile: str, limit: timedelta) -> None:
    assert find_profile(profile.partition(".")[0], profile).silence_limit == limit


def test_clears_of_a_zigbee_bridge_are_not_trusted() -> None:
    assert not PROFILES["smoke"].clears_are_trusted
    assert not PROFILES["gas"].clears_are_trusted
    assert VARIANTS["smoke.wired"].clears_are_trusted


def test_kinds_and_finding_profiles() -> None:
    assert set(KINDS) >= {
        *("smoke", "heat", "gas", "co", "manual_call", "sos", "fall", "electrical", "cable_temp", "plug", "door"),
        *("motion", "presence", "climate", "water_leak", "video", "bridge", "sounder", "other"),
    }
    assert find_profile("smoke") is PROFILES["smoke"]
    assert find_profile("smoke", "smoke.nb_iot") is VARIANTS["smoke.nb_iot"]
    assert find_profile("gas", "smoke.nb_iot") is None
    assert find_profile("toaster") is None
    assert find_profile("smoke", "smoke.steam") is None
    assert all(kind == profile.kind == profile.id for kind, profile in PROFILES.items())


@pytest.mark.parametrize(
    ("profile", "reading", "quality"),
    [
        ("climate", Reading("temperature", 327.67), Quality.BAD),
        ("climate", Reading("temperature", 150.0), Quality.BAD),
        ("climate", Reading("temperature", 21.5), Quality.GOOD),
        ("climate", Reading("temperature", 21.5, Quality.SUSPECT), Quality.SUSPECT),
        ("cable_temp", Reading("cable_temp.2", -40.0), Quality.BAD),
        ("co", Reading("co.ppm", 65535.0), Quality.BAD),
        ("smoke", Reading("smoke.alarm", True), Quality.GOOD),
        ("electrical", Reading("voltage.a", 650.0), Quality.BAD),
        ("electrical", Reading("power", 999.0), Quality.GOOD),
    ],
    ids=lambda part: str(part),
)
def test_judged(profile: str, reading: Reading, quality: Quality) -> None:
    report = Report("d", (reading, Reading("tamper", False)))
    after = judged(report, PROFILES[profile])
    assert after.readings == (Reading(reading.point, reading.value, quality), Reading("tamper", False))
    if quality is reading.quality:
        assert after is report


@pytest.mark.parametrize("name", CODECS)
def test_codecs_are_made_with_a_prefix(name: str) -> None:
    codec = CODECS[name](prefix="h/home1/x")
    assert codec.name == name
    assert all(topic.startswith("h/home1/x/") for topic in codec.subscriptions)
    with pytest.raises(DecodeError):
        codec.decode(Packet("elsewhere/x", b""), None)
