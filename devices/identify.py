"""Which ecosystem a message belongs to, from its topic and its payload alone: for tools that have no settings.

Topics with a root or a shape of their own decide at once. What is left (a state of an unknown base topic, an HTTP
push without any) is offered to the codecs that could mean it, the most particular first. The topic shapes are those
of the codecs' sources (devices/examples and the modules' docstrings).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from devices.reading import Reading, Report


class Candidate(msgspec.Struct, frozen=True):
    """A codec by its name in the catalogue, and the prefix to make it with. `sure`: the topic leaves no other."""

    codec: str
    prefix: str = ""
    sure: bool = True


_SHAPES: Final[tuple[tuple[str, str], ...]] = (
    (r"(?P<prefix>anlian/v1/[^/]+)/.+", "native"),
    (r"(?:(?P<prefix>.+)/)?spBv1\.0/.+", "sparkplug"),
    (r"(?:(?P<prefix>.+)/)?application/[^/]+/device/[^/]+/(?:event/.+|rx)", "lorawan"),
    (r"(?:(?P<prefix>.+)/)?v3/[^/]+/devices/[^/]+/.+", "lorawan"),
    (r"(?:(?P<prefix>.+)/)?v1/(?:devices/[^/]+|gateway)/.+", "thingsboard"),
    (r"\$oc/devices/.+", "huawei-iotda"),
    (r"\$(?:sys|gw-proxy)/.+", "onenet"),
    (r"tylink/.+", "tuya"),
    (r"/?(?:as/mqtt/status|(?:sys/)?[^/]+/[^/]+/thing)/.+", "aliyun-iot"),
    (r"(?P<prefix>.+)/bridge/(?:state|devices|groups|event|info|health|logging|config|log|definitions|extensions)"
     r"(?:/.*)?", "zigbee2mqtt"),
    (r"(?P<prefix>.+)/bridge/(?:request|response|networkmap)/.+", "zigbee2mqtt"),
    (r"(?P<prefix>zigbee2mqtt[^/]*)/.+", "zigbee2mqtt"),
    (r"(?P<prefix>(?:.+/)?zigbee2mqtt)/.+", "zigbee2mqtt"),
    (r"shellies/.+", "shelly"),
    (r".+/events/rpc", "shelly"),
    (r".+/status/(?:[a-z0-9_]+:\d+|mqtt|sys|wifi|cloud|ble|ws)", "shelly"),
    (r"shelly[^/]*/online", "shelly"),
    (r"(?P<prefix>ring)/.+", "ring"),
    (r"(?P<prefix>rtl_433)/.+", "rtl433"),
    (r"(?P<prefix>zwave)/.+", "zwavejs"),
    (r"(?P<prefix>frigate[^/]*)/.+", "frigate"),
    (r"(?P<prefix>wyzebridge)/.+", "wyze"),
    (r"(?P<prefix>neolink)/.+", "neolink"),
    (r"[^/]+/(?:binary_sensor|sensor|switch|event|device_automation|device|button|number|select|siren|valve|lock"
     r"|cover|light|alarm_control_panel|update|climate|fan|text|tag|device_tracker|camera|image|humidifier|lawn_mower"
     r"|vacuum|water_heater|notify|scene)/(?:[^/]+/)?[^/]+/config", "homeassistant"),
    (r"(?:(?P<prefix>h/[^/]+)/)?tasmota/discovery/[^/]+/(?:config|sensors)", "tasmota"),
    (r"(?:.*/)?(?:tele|stat)/(?:.*/)?(?:SENSOR|STATE|LWT|STATUS\d*|INFO\d*|RESULT|POWER\d*|MARGINS|UPTIME)", "tasmota"),
    (r"(?:.*/)?(?:tele|stat)/.+", "tasmota"),
    (r"[^/]+(?:/.+)?/(?:binary_sensor|sensor|text_sensor|switch|number|select|button|event)/[^/]+/state", "esphome"),
)
_TABLE: Final = tuple((re.compile(shape, re.DOTALL), codec) for shape, codec in _SHAPES)
_HOME: Final = re.compile(r"(?P<home>h/[^/]+)/(?P<rest>.+)", re.DOTALL)
"""What a broker that homes share has before every topic of one (DESIGN section 5, deploy/mosquitto/acl)."""

_BASES: Final[dict[str, str]] = {
    **{name: name for name in ("tasmota", "shelly", "esphome", "lorawan", "devtank", "thingsboard", "sparkplug")},
    **{name: name for name in ("frigate", "ring", "neolink", "onenet", "tuya", "aliyun-iot", "huawei-iotda")},
    "ha": "homeassistant",
    "zwave": "zwavejs",
    "rtl_433": "rtl433",
    "wyzebridge": "wyze",
}
"""The levels below a home that the installers' page (docs/devices.md) gives the ecosystems, and their codecs."""

_HTTP: Final = re.compile(r"https?:", re.IGNORECASE)
_WORDS: Final = {b"online": True, b"connected": True, b"offline": False, b"connection lost": False}
"""Home Assistant's defaults (payload_available, payload_not_available) and ESPEasy's last will."""

_LIFE: Final = re.compile(rb"\s*(?:online|offline)\s*", re.IGNORECASE)
_ONLINE: Final = re.compile(rb"\s*(?:true|false)\s*", re.IGNORECASE)


def candidates(topic: str, payload: bytes) -> tuple[Candidate, ...]:
    """The codecs that a message may be for, the likeliest first; none where nothing known looks like it."""
    if not topic or _HTTP.match(topic):
        return _by_shape(topic, payload, pushed=True)
    home = _HOME.fullmatch(topic)
    if home is not None:
        return _in_a_home(home["home"], home["rest"], payload)
    for pattern, codec in _TABLE:
        match = pattern.fullmatch(topic)
        if match is not None:
            prefix = match.groupdict().get("prefix") or ""
            return (Candidate(codec, prefix),)
    if topic.endswith("/status") and _LIFE.fullmatch(payload):
        return (Candidate("homeassistant", sure=False), Candidate("esphome"))
    if topic.endswith("/online") and _ONLINE.fullmatch(payload):
        return (Candidate("homeassistant", sure=False), Candidate("shelly"))
    return (Candidate("homeassistant", sure=False), *_by_shape(topic, payload, pushed=False))


def _in_a_home(home: str, rest: str, payload: bytes) -> tuple[Candidate, ...]:
    """The same for a topic of one home: by the level that its ecosystem has there, or as if there were no home."""
    base, _, below = rest.partition("/")
    codec = _BASES.get(base)
    found: tuple[Candidate, ...] = ()
    # Where several homes' discovery meets, only the home tells which: states may stand anywhere below it.
    if codec is not None and below:
        found = (Candidate(codec, f"{home}/{base}", sure=False),)
    moved = [(one, f"{home}/{one.prefix}" if one.prefix else home) for one in candidates(rest, payload)]
    return (*found, *(Candidate(one.codec, prefix, one.sure) for one, prefix in moved))


def _by_shape(topic: str, payload: bytes, *, pushed: bool) -> tuple[Candidate, ...]:
    """What a JSON object of no known topic may be. Only what carries its ecosystem's own mark: no guess is made."""
    if payload.lstrip()[:1] not in (b"{", b"["):
        return ()
    devtank = (Candidate("devtank", sure=False),) if b'"VALUES"' in payload else ()
    if pushed:
        return (
            Candidate("ctwing-aep", sure=False),
            Candidate("lorawan", sure=False),
            Candidate("tuya", sure=False),
            Candidate("onenet", sure=False),
            *devtank,
        )
    marked = b'"linkquality"' in payload and "/" in topic
    zigbee = (Candidate("zigbee2mqtt", topic.partition("/")[0], sure=False),) if marked else ()
    return (*zigbee, *devtank)


def sign_of_life(topic: str, payload: bytes) -> Report | None:
    """A birth or last will by convention (`…/status`, `…/availability`, `…/LWT` with a word for on or off line)."""
    base, _, name = topic.rpartition("/")
    if not base or name.lower() not in ("status", "availability", "lwt", "connected"):
        return None
    online = _WORDS.get(payload.strip().lower())
    return None if online is None else Report(base, (Reading("online", online),))
