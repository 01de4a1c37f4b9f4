"""What Chinese platforms and makers push to an address of ours: one codec under the name of each, told by the keys.

One maker's devices reach the same address in several forms (its NB-IoT detectors through CTWing, its electrical
monitors from its own cloud), so every name understands all forms. They share no keys that could be confused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from devices import ctwing, electrical_fire, iotda, lian, oceanconnect, wanlin
from devices.codec import Decoded, DecodeError, Packet
from devices.named_values import Devices, DeviceUnreadable, read_list, read_object
from devices.reading import Report
from devices.thingmodel import levels_below
from devices.values import TEXT_MAX, read_json

IDENTITIES_MAX: Final = 8192
"""So many devices are remembered by the platform's id; of more, a notice keeps the platform's id as its address."""

Reader = tuple[Callable[[Mapping[str, Any]], bool], Callable[[Devices, Mapping[str, Any]], None]]

READERS: Final[tuple[Reader, ...]] = (
    (wanlin.is_electrical, wanlin.read_electrical),
    (wanlin.is_cloud, wanlin.read_cloud),
    (lian.is_electrical, lian.read_electrical),
    (electrical_fire.is_text_push, electrical_fire.read_text_push),
    (electrical_fire.is_bare_push, electrical_fire.read_bare_push),
)


class Known(msgspec.Struct, frozen=True):
    """What is remembered: devices by the platform's id, and the states of panel parts that have not ended."""

    identities: dict[str, str] = {}
    parts: dict[str, int] = {}


EMPTY: Final = Known()


class PlatformPush:
    """The codec of such pushes. The topic says nothing; `prefix` is where the receiver or a queue puts them."""

    name = "cn-push"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self.prefix}/#",) if self.prefix else ()

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports in a push, and what is remembered after it."""
        known = context if isinstance(context, Known) else EMPTY
        levels_below(self.prefix, packet.topic)
        if not packet.payload:
            return Decoded((), known)
        message = read_json("message", packet.payload)
        devices, identities, parts = Devices(), dict[str, str](), ctwing.Parts(known.parts)
        reports: list[Report] = []
        for one in read_list("message", message) if isinstance(message, list) else [message]:
            said = read_object("message", one)
            if "notify_data" in said:
                reports.extend(iotda.read_push(said))
            elif not _read_platform(devices, said, known.identities, identities, parts):
                _read_maker(devices, said)
        return Decoded((*devices.reports(), *reports), _remember(known, identities, parts))


def _read_platform(
    devices: Devices, said: Mapping[str, Any], known: Mapping[str, str], learned: dict[str, str], parts: ctwing.Parts
) -> bool:
    """A message of CTWing or OceanConnect, if it is one: these name a device in two ways."""
    if oceanconnect.is_push(said):
        device, platform = oceanconnect.identity_of(said)
    elif ctwing.is_push(said):
        device, platform = ctwing.identity_of(said)
    else:
        return False
    if device == platform:
        device = learned.get(platform) or known.get(platform, device)
    elif platform:
        learned[platform] = device
    try:
        if oceanconnect.is_push(said):
            oceanconnect.read_push(devices, device, said)
        else:
            ctwing.read_push(devices, device, said, parts)
    except DecodeError as error:
        raise DeviceUnreadable(device, error) from error
    return True


def _read_maker(devices: Devices, said: Mapping[str, Any]) -> None:
    for is_it, read in READERS:
        if is_it(said):
            read(devices, said)
            return
    keys = ", ".join(sorted(said))[:TEXT_MAX]
    raise DecodeError("message", "a push of CTWing, OceanConnect, IoTDA, Wanlin, LiAn or an electrical monitor", keys)


def _remember(known: Known, learned: Mapping[str, str], parts: ctwing.Parts) -> Known:
    """The context after a packet; the same object where nothing changed."""
    identities = known.identities
    new = {platform: device for platform, device in learned.items() if identities.get(platform) != device}
    if new:
        room = IDENTITIES_MAX - len(identities)
        new = {p: device for place, (p, device) in enumerate(new.items()) if p in identities or place < room}
    if not new and not parts.changed:
        return known
    return Known({**identities, **new} if new else identities, parts.after() if parts.changed else known.parts)


class CtWing(PlatformPush):
    """Pushes of CTWing / AEP."""

    name = "ctwing-aep"


class OceanConnect(PlatformPush):
    """Pushes of OceanConnect."""

    name = "oceanconnect-legacy"


class ElectricalFire(PlatformPush):
    """Pushes of electrical-fire monitors (智慧用电)."""

    name = "cn-electrical-fire"


class Wanlin(PlatformPush):
    """Pushes of Wanlin's cloud (万林)."""

    name = "wanlin"


class LiAn(PlatformPush):
    """Pushes of LiAn's platform (力安)."""

    name = "lian"
