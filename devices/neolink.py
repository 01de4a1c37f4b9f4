"""neolink: the messages of one bridge for Reolink cameras below its topic.

`neolink/config` holds the cameras' passwords and `…/status/preview` their pictures: neither is subscribed to.
"""

from __future__ import annotations

from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.reading import Reading, Report
from devices.values import TEXT_MAX, level, read_boolean, read_number

BRIDGE: Final = "bridge"
"""The address of the bridge itself as a device."""

_WORDS: Final = {b"connected": True, b"offline": False, b"disconnected": False}


class Neolink:
    """The codec of one bridge. `prefix` is where it publishes."""

    name = "neolink"

    def __init__(self, prefix: str = "neolink") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = self.prefix + "/"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        fixed = ("status", "+/status", "+/status/battery_level", "+/status/motion")
        return tuple(self._start + part for part in fixed)

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The report in a packet; the context is handed through, nothing needs to be remembered."""
        if not packet.topic.startswith(self._start) or len(packet.topic) == len(self._start):
            raise DecodeError("topic", f"a topic below {self._start}", packet.topic)
        text = packet.payload.decode("utf-8", "replace")
        match packet.topic[len(self._start) :].split("/"):
            case ["status"]:
                return _one(BRIDGE, Reading("gateway.online", _connected("status", packet.payload)), context)
            case ["config", "status"]:
                return Decoded((), context)  # the bridge's answer to a new configuration, no camera
            case [camera, "status"] if camera:
                return _one(camera, Reading("video.online", _connected(f"{camera}/status", packet.payload)), context)
            case [camera, "status", "battery_level"] if camera:
                charge = read_number(f"{camera}/status/battery_level", text.strip().removesuffix("%"))
                return _one(camera, level("battery", charge), context)
            case [camera, "status", "motion"] if camera:
                return _one(camera, Reading("motion", read_boolean(f"{camera}/status/motion", text)), context)
            case _:
                return Decoded((), context)


def _one(device: str, reading: Reading, context: Any) -> Decoded:
    return Decoded((Report(device, (reading,)),), context)


def _connected(field: str, payload: bytes) -> bool:
    word = payload.strip()
    if word not in _WORDS:
        raise DecodeError(field, "connected, disconnected or offline", payload[:TEXT_MAX])
    return _WORDS[word]
