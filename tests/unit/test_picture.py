"""Black and frozen pictures, and what must not be taken for one."""

from __future__ import annotations

import random

import pytest

from devices.picture import SIDE, Look, Seen, look_at


def picture(level: float, noise: float, seed: int, clock: bool = False) -> bytes:
    chance = random.Random(seed)
    rows = []
    for row in range(SIDE):
        for column in range(SIDE):
            value = level + (column - 32) * (2 if level > 60 else 0) + chance.gauss(0, noise)
            if clock and row < 6:
                value = 235 if chance.random() < 0.5 else 16
            rows.append(min(max(round(value), 0), 255))
    return bytes(rows)


def after(*looks: Look) -> Seen:
    seen = Seen()
    for look in looks:
        seen = seen.after(look)
    return seen


@pytest.mark.parametrize(("level", "noise", "dark"), [(16, 0, True), (20, 2, True), (16, 12, False), (60, 0, False)])
def test_dark(level: float, noise: float, dark: bool) -> None:
    assert look_at(picture(level, noise, 1)).dark is dark


def test_black_is_dark_twice_in_a_row() -> None:
    dark, light = look_at(picture(16, 0, 1)), look_at(picture(120, 1, 1))
    assert (after(dark).fault, after(dark).settled) == ("", False)
    assert (after(dark, dark).fault, after(dark, dark).settled) == ("black", True)
    assert after(dark, light, dark).fault == ""
    assert after(dark, dark, light).fault == ""


def test_a_clock_in_the_picture_hides_neither_black_nor_frozen() -> None:
    dark = [look_at(picture(16, 0, 1, clock=True))] * 2
    assert after(*dark).fault == "black"
    one, two = picture(120, 0.3, 1), picture(120, 0.3, 1, clock=True)
    assert one != two
    assert (
        look_at(one[: 6 * SIDE] + one[6 * SIDE :]).fingerprint == look_at(two[: 6 * SIDE] + one[6 * SIDE :]).fingerprint
    )


def test_frozen_is_the_same_three_times_in_a_row() -> None:
    still, other = look_at(picture(120, 1, 1)), look_at(picture(120, 1, 2))
    assert after(still, still).fault == ""
    assert after(still, still, still).fault == "frozen"
    assert after(still, still, other, still).fault == ""


@pytest.mark.parametrize("seed", range(20))
def test_a_quiet_room_is_not_frozen(seed: int) -> None:
    """Noise of a third of a grey level, once scaled down to 64 x 64 and rounded, is little for a sensor."""
    assert look_at(picture(120.2, 0.3, seed)).fingerprint != look_at(picture(120.2, 0.3, seed + 100)).fingerprint


def test_only_pictures_of_the_size_are_looked_at() -> None:
    with pytest.raises(ValueError, match="4095 pixels"):
        look_at(bytes(4095))
