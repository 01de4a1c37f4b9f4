"""Devtank OpenSmartMonitor: "JSON over MQTT", `{"UNIX": s, "NAME": device, "VALUES": {…}}`, every value as text.

The address is NAME. `_min` and `_max` beside a value are its extremes over the interval and no sensors. Current clamps
are in amperes. Source: Devtank's document "JSON over MQTT".
"""

from __future__ import annotations

from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.draft import Draft, rest_of, seconds_instant, start_of
from devices.values import TEXT_MAX, read_json

LEVELS: Final[dict[str, str]] = {
    "TEMP": "temperature",
    "TMP2": "temperature",
    "HUM": "humidity",
    "HUMI": "humidity",
    "LGHT": "illuminance",
    "CC1": "current.a",
    "CC2": "current.b",
    "CC3": "current.c",
}


class Devtank:
    """The codec of the monitors below one prefix: the topic is the installer's choice, the device is in the payload."""

    name = "devtank"

    def __init__(self, prefix: str = "devtank") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = start_of(prefix)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (self._start + "#",)

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The report in a packet; nothing needs to be remembered."""
        topic = rest_of(self._start, packet.topic)
        if not packet.payload:
            return Decoded((), context)
        said = read_json(topic, packet.payload)
        values = said.get("VALUES") if isinstance(said, dict) else None
        name = said.get("NAME") if isinstance(said, dict) else None
        if not isinstance(values, dict) or not isinstance(name, str) or not name:
            raise DecodeError(topic, 'an object with "NAME" and "VALUES"', packet.payload[:TEXT_MAX])
        draft = Draft(name[:128])
        draft.measured_at = seconds_instant(said.get("UNIX"))
        for key, value in values.items():
            if key in LEVELS:
                draft.number(f"VALUES.{key}", value, LEVELS[key])
        return Decoded((draft.report(),), context)
