"""What is kept of a camera's picture: how bright it is, how much is in it, and a fingerprint of 64 bits. No picture.

Black: dark and without contrast in two checks in a row. Frozen: the same fingerprint in three checks in a row, ten
minutes apart. A living sensor has noise, and light changes: the fingerprint is fine enough (quarters of a grey level,
each the mean of a 192nd of the picture) that a quiet room does not give the same one three times, while a picture
that stands still does. Cameras write a clock into the picture, which goes on over a frozen one: the uppermost and
the lowest eighth, where it stands, do not count. A clock in the middle hides a frozen picture, and so may a recorder
that encodes a standing picture anew with changing quality: then nothing is said, rather than something wrong.
"""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta
from typing import Final

import msgspec

SIDE: Final = 64
"""Pictures are scaled to so many pixels a side, grey, before they are looked at."""

DARK_MAX: Final = 32.0
"""Mean grey level (0 to 255) up to which a picture is dark; black in video is 16 (ITU-R BT.601)."""

FLAT_MAX: Final = 5.0
"""Standard deviation of the grey levels up to which nothing is in a picture."""

CHECKED_EVERY: Final = timedelta(minutes=10)
"""How often a camera's picture is looked at."""

BLACK_CHECKED_AFTER: Final = timedelta(minutes=1)
"""How soon a picture that is black for the first time is looked at again."""

BLACK_CHECKS: Final = 2
FROZEN_CHECKS: Final = 3

_EDGE: Final = SIDE // 8
_CELL: Final = 4
_QUARTERS: Final = 4


class Look(msgspec.Struct, frozen=True):
    """What one look at a picture found."""

    mean: float
    deviation: float
    fingerprint: str

    @property
    def dark(self) -> bool:
        """Whether there is nothing to be seen in it."""
        return self.mean <= DARK_MAX and self.deviation <= FLAT_MAX


def look_at(grey: bytes) -> Look:
    """What is to be seen in 64 x 64 grey pixels, row by row, without the edges where the camera writes its clock."""
    if len(grey) != SIDE * SIDE:
        raise ValueError(f"{len(grey)} pixels instead of {SIDE * SIDE}")
    inner = grey[_EDGE * SIDE : (SIDE - _EDGE) * SIDE]
    mean = sum(inner) / len(inner)
    variance = sum(pixel * pixel for pixel in inner) / len(inner) - mean * mean
    cells = bytearray()
    for row in range(0, SIDE - 2 * _EDGE, _CELL):
        for column in range(0, SIDE, _CELL):
            starts = [(row + line) * SIDE + column for line in range(_CELL)]
            total = sum(sum(inner[start : start + _CELL]) for start in starts)
            cells += (total * _QUARTERS // (_CELL * _CELL)).to_bytes(2, "big")
    fingerprint = hashlib.blake2b(cells, digest_size=8).hexdigest()
    return Look(mean, math.sqrt(max(variance, 0.0)), fingerprint)


class Seen(msgspec.Struct, frozen=True):
    """What the looks at one camera came to: how often in a row it was dark, and was the same."""

    dark: int = 0
    same: int = 0
    fingerprint: str = ""

    def after(self, look: Look) -> Seen:
        """What is known after another look."""
        same = self.same + 1 if look.fingerprint == self.fingerprint else 1
        return Seen(self.dark + 1 if look.dark else 0, same, look.fingerprint)

    @property
    def fault(self) -> str:
        """ "black", "frozen" or ""."""
        if self.dark >= BLACK_CHECKS:
            return "black"
        return "frozen" if self.same >= FROZEN_CHECKS else ""

    @property
    def settled(self) -> bool:
        """Whether it is decided; a picture that is dark for the first time is looked at again soon."""
        return self.dark == 0 or self.dark >= BLACK_CHECKS
