"""docker-wyze-bridge: the messages of one bridge for Wyze cameras below its topic."""

from __future__ import annotations

from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.reading import Reading, Report
from devices.values import TEXT_MAX

BRIDGE: Final = "bridge"
"""The address of the bridge itself as a device."""


class WyzeBridge:
    """The codec of one bridge. `prefix` is its MQTT_TOPIC. Topics that carry pictures are not subscribed to."""

    name = "wyze"

    def __init__(self, prefix: str = "wyzebridge") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = self.prefix + "/"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self._start}state", f"{self._start}+/state")

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The report in a packet; the context is handed through, nothing needs to be remembered."""
        if not packet.topic.startswith(self._start) or len(packet.topic) == len(self._start):
            raise DecodeError("topic", f"a topic below {self._start}", packet.topic)
        match packet.topic[len(self._start) :].split("/"):
            case ["state"]:
                online = _word("state", packet.payload) == "online"
                return Decoded((Report(BRIDGE, (Reading("gateway.online", online),)),), context)
            case [camera, "state"] if camera:
                return Decoded((_camera(camera, packet.payload),), context)
            case _:
                return Decoded((), context)


def _camera(camera: str, payload: bytes) -> Report:
    """Anything but "online" is not on line: the other words are "offline" and the names of Wyze's errors."""
    if not payload.strip():
        return Report(camera)  # its retained state was removed
    word = _word(f"{camera}/state", payload)
    online = word == "online"
    events = () if word in ("online", "offline") else ({"type": "camera_error", "device": camera, "reason": word},)
    return Report(camera, (Reading("video.online", online),), None, events)


def _word(field: str, payload: bytes) -> str:
    """A plain word. JSON or binary is something else than this topic should carry."""
    try:
        word = payload.decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise DecodeError(field, "a plain word", payload[:TEXT_MAX]) from error
    if not word or len(word) > TEXT_MAX or not word.replace("_", "").replace("-", "").replace(" ", "").isalnum():
        raise DecodeError(field, "a plain word", payload[:TEXT_MAX])
    return word
