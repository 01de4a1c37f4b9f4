"""20,000 broken packets: a codec raises DecodeError and nothing else, and what it does report is sound."""

from __future__ import annotations

from tests.fuzz_codecs import run


def test_broken_packets_raise_decode_error_only() -> None:
    outcome = run(20_000, seed=20260301)
    assert outcome["refused"] > 8_000
    assert outcome["decoded"] > 2_000


def test_a_readable_smoke_alarm_survives_any_damage_beside_it() -> None:
    assert run(14_000, seed=20260301, names=("zigbee2mqtt",))["smoke"] > 20
