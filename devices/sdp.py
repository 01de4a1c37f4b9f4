"""The session description of a camera (SDP, RFC 4566): which video it sends, and under which name it is asked for."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

import msgspec

LINES_MAX: Final = 1000
_STATIC: Final = {26: ("JPEG", 90_000), 32: ("MPV", 90_000)}
"""Video formats that need no rtpmap line (RFC 3551 table 5)."""
_SETS: Final = ("sprop-vps", "sprop-sps", "sprop-pps", "sprop-parameter-sets")
_SETS_MAX: Final = 16


class Track(msgspec.Struct, frozen=True):
    """A video track: the address to set it up, its RTP payload type, its format and the format's parameter sets."""

    control: str
    payload_type: int
    encoding: str
    clock_rate: int
    parameter_sets: tuple[bytes, ...] = ()


def video_track(body: bytes, base: str) -> Track | None:
    """The first video track; None where the description has none. `base` is what its addresses are relative to."""
    session: list[tuple[str, str]] = []
    media: list[tuple[str, str]] | None = None
    payload_type = -1
    for line in body.decode("utf-8", "replace").splitlines()[:LINES_MAX]:
        if line.startswith("m="):
            if media is not None:
                break
            match = re.fullmatch(r"m=video \d{1,5}(?:/\d{1,5})? \S+ (\d{1,3})(?: .*)?", line.strip())
            if match is not None:
                media, payload_type = [], int(match[1])
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            (session if media is None else media).append((name.strip().lower(), value.strip()))
    if media is None or not 0 <= payload_type < 128:
        return None
    encoding, clock_rate = _STATIC.get(payload_type, ("", 90_000))
    sets: tuple[bytes, ...] = ()
    control = ""
    for name, value in media:
        if name == "control":
            control = value
        elif name == "rtpmap":
            match = re.fullmatch(rf"{payload_type}\s+([\w.-]{{1,32}})/(\d{{1,9}}).*", value)
            if match is not None and int(match[2]) > 0:
                encoding, clock_rate = match[1].upper(), int(match[2])
        elif name == "fmtp" and re.match(rf"{payload_type}\s", value):
            sets = _parameter_sets(value)
    whole = next((value for name, value in session if name == "control"), "")
    return Track(_resolved(control, _resolved(whole, base)), payload_type, encoding, clock_rate, sets)


def _resolved(control: str, base: str) -> str:
    """The address of a track: its own, or joined plainly to the base, as cameras mean it (`…?channel=1/track1`)."""
    if control in ("", "*"):
        return base
    if control.lower().startswith("rtsp://"):
        return control
    return base + ("" if base.endswith("/") else "/") + control


def _parameter_sets(value: str) -> tuple[bytes, ...]:
    """What a decoder needs before the first picture. Unreadable ones are left out: most streams repeat them."""
    given: dict[str, str] = {}
    for part in value.partition(" ")[2].split(";"):
        name, _, text = part.partition("=")
        given[name.strip().lower()] = text.strip().strip('"')
    found: list[bytes] = []
    for name in _SETS:
        for text in given.get(name, "").split(","):
            try:
                unit = base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                continue
            if unit:
                found.append(unit)
    return tuple(found[:_SETS_MAX])
