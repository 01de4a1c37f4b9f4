"""Frigate: the messages of one network video recorder below its topic prefix (Frigate 0.8 to 0.16).

The recorder being there says nothing about a camera: a camera is on line while frames come from it. Topics that
carry pictures (`…/snapshot`) are not subscribed to. The names of the cameras are learned from `stats`: only with
them can a count of people be told from that of a zone, whose topics look the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from devices.codec import Decoded, DecodeError, Packet
from devices.reading import Reading, Report
from devices.values import TEXT_MAX, level, read_boolean, read_instant, read_json, read_number

RECORDER: Final = "bridge"
"""The address of the recorder itself as a device."""

FPS_MIN: Final = 0.1
"""Below so many frames a second Frigate calls a camera's stream unusable (`frigate/stats/util.py`)."""

CAMERAS_MAX: Final = 512
"""A recorder with more cameras than this does not exist; further ones are not read, and said so."""

SOUNDS: Final = frozenset({"smoke_detector", "fire_alarm", "scream", "yell", "screaming", "alarm", "siren"})
"""Labels of Frigate's audio detection that are worth an event."""

_EVENTS_MAX: Final = 16
_RECORDER_WORDS: Final = {b"online": True, b"offline": False, b"stopped": False}
_ROLE_WORDS: Final = (b"online", b"offline", b"disabled")


class Known(msgspec.Struct, frozen=True):
    """What the codec remembers of one recorder: the names of its cameras."""

    cameras: frozenset[str] = frozenset()


class Frigate:
    """The codec of one recorder. `prefix` is its `topic_prefix`."""

    name = "frigate"

    def __init__(self, prefix: str = "frigate") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = self.prefix + "/"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        fixed = ("available", "stats", "events", "reviews", "+/status/+", "+/motion", "+/person", "+/audio/+")
        return tuple(self._start + part for part in fixed)

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports in a packet. Topics that this codec does not know hold no readings."""
        if not packet.topic.startswith(self._start) or len(packet.topic) == len(self._start):
            raise DecodeError("topic", f"a topic below {self._start}", packet.topic)
        known = context if isinstance(context, Known) else Known()
        match packet.topic[len(self._start) :].split("/"):
            case ["available"]:
                return Decoded((_recorder(packet.payload),), context)
            case ["stats"]:
                return _stats(packet.payload, known)
            case ["events"]:
                return Decoded(_tracked(packet.payload), context)
            case ["reviews"]:
                return Decoded(_review(packet.payload), context)
            case [camera, "status", role] if camera and role:
                return Decoded(_role(camera, role, packet.payload), context)
            case [camera, "motion"] if camera:
                moving = read_boolean(f"{camera}/motion", packet.payload.decode("utf-8", "replace"))
                return Decoded((Report(camera, (Reading("motion", moving),)),), context)
            case [camera, "audio", sound] if camera and sound in SOUNDS:
                return Decoded(_heard(camera, sound, packet.payload), context)
            case [camera, "person"] if camera in known.cameras:
                people = read_number(f"{camera}/person", packet.payload.decode("utf-8", "replace"))
                return Decoded((Report(camera, (Reading("presence", people > 0),)),), context)
            case _:
                return Decoded((), context)


def _heard(camera: str, sound: str, payload: bytes) -> tuple[Report, ...]:
    """A sound that a microphone took for an alarm's: told, and no alarm by itself (a television makes it too)."""
    if not read_boolean(f"{camera}/audio/{sound}", payload.decode("utf-8", "replace")):
        return ()
    return (Report(camera, events=({"type": "sound", "sound": sound},)),)


def _recorder(payload: bytes) -> Report:
    """Whether the recorder runs: "stopped" is an orderly end, "offline" its last will. In both nobody records."""
    word = payload.strip()
    if word not in _RECORDER_WORDS:
        raise DecodeError("available", "online, offline or stopped", payload[:TEXT_MAX])
    return Report(RECORDER, (Reading("gateway.online", _RECORDER_WORDS[word]),))


def _role(camera: str, role: str, payload: bytes) -> tuple[Report, ...]:
    """Whether the stream of a camera's role comes. Detection is the one role that every camera has; a camera that
    somebody switched off is not watched either, so it is off line, with the reason as an event.
    """
    word = payload.strip()
    if word not in _ROLE_WORDS:
        raise DecodeError(f"{camera}/status/{role}", "online, offline or disabled", payload[:TEXT_MAX])
    if role != "detect":
        return ()
    events = ({"type": "camera_disabled", "device": camera},) if word == b"disabled" else ()
    return (Report(camera, (Reading("video.online", word == b"online"),), None, events),)


def _stats(payload: bytes, known: Known) -> Decoded:
    """Frames a second of each camera: under "cameras" in newer releases, at the top level in older ones."""
    said = read_json("stats", payload)
    if not isinstance(said, dict):
        raise DecodeError("stats", "a JSON object", payload[:TEXT_MAX])
    nested = said.get("cameras")
    tables = nested if isinstance(nested, dict) else said
    measured_at = _updated_at(said)
    reports: list[Report] = []
    ignored: list[dict[str, str]] = []
    for camera, table in tables.items():
        if not isinstance(table, dict) or "camera_fps" not in table or not camera:
            continue
        try:
            if len(reports) >= CAMERAS_MAX:
                raise DecodeError(f"stats: {camera[:TEXT_MAX]}", f"at most {CAMERAS_MAX} cameras")
            fps = read_number(f"stats: {camera[:TEXT_MAX]}.camera_fps", table["camera_fps"])
        except DecodeError as error:
            ignored.append({"type": "property_ignored", "property": camera[:TEXT_MAX], "reason": str(error)})
            continue
        readings = (Reading("video.online", fps >= FPS_MIN), level("video.fps", fps))
        reports.append(Report(camera, readings, measured_at))
    if ignored:
        reports.append(Report(RECORDER, events=tuple(ignored[:_EVENTS_MAX])))
    elif not reports and nested is None and "service" not in said:
        raise DecodeError("stats", 'an object with "cameras", or cameras at the top level', payload[:TEXT_MAX])
    cameras = frozenset(report.device for report in reports if report.readings)
    return Decoded(tuple(reports), known if cameras == known.cameras else Known(cameras))


def _updated_at(said: Mapping[str, Any]) -> datetime | None:
    """When the recorder made its statistics, if it says so: it is shown and never trusted, so a bad one is left out."""
    service = said.get("service")
    updated = service.get("last_updated") if isinstance(service, dict) else None
    return None if updated is None else _from_seconds("stats: service.last_updated", updated)


def _from_seconds(field: str, value: object) -> datetime | None:
    """An instant in seconds since 1970, or None where it is no such thing."""
    try:
        return read_instant(field, read_number(field, value) * 1000)
    except DecodeError:
        return None


def _after(field: str, payload: bytes) -> tuple[str, dict[str, Any], str]:
    """The type of a change, what stands under "after", and its camera."""
    said = read_json(field, payload)
    after = said.get("after") if isinstance(said, dict) else None
    camera = after.get("camera") if isinstance(after, dict) else None
    if not isinstance(after, dict) or not isinstance(camera, str) or not camera:
        raise DecodeError(field, 'an object with "after" that names its camera', payload[:TEXT_MAX])
    return str(said.get("type")), after, camera


def _tracked(payload: bytes) -> tuple[Report, ...]:
    """A person that is followed is present. The end of one person does not mean that nobody is there: the counts
    on `<camera>/person` say that.
    """
    change, after, camera = _after("events", payload)
    person = after.get("label") == "person" and after.get("false_positive") is not True
    readings = (Reading("presence", True),) if person and change in ("new", "update") else ()
    return (Report(camera, readings, _from_seconds("events: after.frame_time", after.get("frame_time"))),)


def _review(payload: bytes) -> tuple[Report, ...]:
    """Its severity "alert" is a class of film to look at later, no alarm: nothing is read from it but the camera."""
    _, _, camera = _after("reviews", payload)
    return (Report(camera),)
