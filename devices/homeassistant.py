"""Home Assistant MQTT discovery: whatever announces itself there is understood as it says of itself.

`<discovery prefix>/<component>/[<node>/]<object>/config` (retained; empty removes) builds the context, the state and
availability topics that it names are read by it. The address is the device's first identifier. Two entities of one
device that say the same level or state get an address each, `<device>/<object>`: one would hide the other. Of two
that tell of the same danger either raises, and it has ended when neither says so. A topic on which several devices
are said to be reachable is their bridge's. `expire_after` and `off_delay` are about showing and never end an alarm.
State topics stand anywhere, so the source's prefix is the root that all of them have in common ("" is all of the
broker): do not read the same devices by a codec of their own as well.
"""

from __future__ import annotations

from typing import Any

import msgspec

from devices.codec import Decoded, DecodeError, Packet
from devices.draft import Draft, start_of, text_of
from devices.homeassistant_announced import EMPTY, Context, announced, announcement, identity
from devices.homeassistant_meanings import CALLS, Availability, Entity, How, bool_of, spelled
from devices.homeassistant_values import answered, evaluated, needs_json
from devices.reading import DANGER_POINTS
from devices.values import read_instant, read_json
from devices.zwavejs import read_notification


class HomeAssistant:
    """The codec of everything that is announced below one prefix ("" is the whole broker)."""

    name = "homeassistant"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")
        self._start = start_of(prefix)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (self._start + "#",)

    def describes(self, topic: str) -> bool:
        """Announcements: that of a device holds all its entities."""
        return topic.startswith(self._start) and announced(topic[len(self._start) :]) is not None

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports in a packet, and the context after it."""
        known = context if isinstance(context, Context) else EMPTY
        topic = packet.topic
        if topic not in known.topics and topic not in known.availability:
            if not topic.startswith(self._start):
                raise DecodeError("topic", f"a topic below {self._start}", topic)
            topic = topic[len(self._start) :]
        entities, availability = known.topics.get(topic, ()), known.availability.get(topic, ())
        if entities or availability:
            return _said(topic, entities, availability, packet.payload, known)
        found = announced(topic)
        if found is not None:
            return announcement(topic, *found, packet.payload, known)
        return Decoded((), known)


def _said(
    topic: str, entities: tuple[Entity, ...], availability: tuple[Availability, ...], payload: bytes, known: Context
) -> Decoded:
    """What a state or availability topic says, one report for each device that it speaks of."""
    drafts: dict[str, Draft] = {}
    for entity in entities:
        drafts.setdefault(entity.device, Draft(entity.device))
    if not payload:
        return Decoded(tuple(draft.report() for draft in drafts.values()), known)
    said: Any = None
    if any(needs_json(entity.template) for entity in entities):
        said = read_json(topic, payload)
    plain = text_of(topic, payload)
    for entity in entities:
        known = _read(entity, plain, said, drafts, known)
    if availability:
        known = _reachable(topic, availability, plain, payload, drafts, known)
    reports = [draft.report() for draft in drafts.values()]
    if len(reports) > 1:
        spoken = [report for report in reports if report.readings or report.events]
        reports = spoken or reports[:1]
    return Decoded(tuple(reports), known)


def _value(entity: Entity, plain: str, said: Any) -> Any:
    """The entity's value, None where it is not known: that a key is not there is no measurement and ends nothing."""
    if entity.path is not None:
        value = said
        for key in entity.path:
            value = value.get(key) if isinstance(value, dict) else None
        return value
    if not entity.template:
        return plain
    value, rests_on_absence = answered(entity.template, plain, said)
    if rests_on_absence and (entity.how is not How.STATE or bool_of(entity, value) is not True):
        return None
    return value


def _read(entity: Entity, plain: str, said: Any, drafts: dict[str, Draft], known: Context) -> Context:
    draft = drafts[entity.device]
    shared = len(known.says.get((entity.device, entity.point), ())) > 1
    danger = entity.point in DANGER_POINTS
    if shared and not danger:
        address = f"{entity.device}/{entity.object}"
        draft = drafts.setdefault(address, Draft(address))
    try:
        value = _value(entity, plain, said)
        if value is None or value == "":
            return known
        if shared and danger and entity.how is How.STATE:
            return _danger(entity, value, draft, known)
        _say(entity, value, draft, known)
    except DecodeError as error:
        error.field = f"{entity.object}: {error.field}"
        draft.refuse(error, entity.point)
    return known


def _say(entity: Entity, value: Any, draft: Draft, known: Context) -> None:
    match entity.how:
        case How.STATE:
            state = bool_of(entity, value)
            if state is not None:
                draft.state(entity.point, state)
        case How.LEVEL | How.VOLTAGE:
            if spelled(value) in ("none", "null", "unknown", "unavailable"):
                return
            point = entity.point
            on_battery = (entity.device, "battery") in known.says or (entity.device, "battery.low") in known.says
            if entity.how is How.VOLTAGE and on_battery:
                point = "battery.voltage"
            if entity.minus:
                _minus(entity, value, draft, point)
            else:
                draft.number(entity.object, value, point, entity.times, entity.per)
        case How.WORDS:
            draft.words(entity.object, value, entity.words)
        case How.NOTIFICATION:
            read_notification(draft, next(iter(entity.words)), value)
        case How.PRESS:
            _press(entity, value, draft)
        case How.PANEL if spelled(value) == "triggered":
            draft.events.append({"type": "not_understood", "properties": entity.object, "value": "triggered"})
        case How.TIME:
            draft.measured_at = read_instant(entity.object, value)


def _minus(entity: Entity, value: Any, draft: Draft, point: str) -> None:
    """A temperature on another scale, to the tenth."""
    before = Draft(draft.device)
    before.number(entity.object, value, "frequency")
    for reading in before.report().readings:
        number = float(reading.value) if not isinstance(reading.value, str) else 0.0
        draft.level(point, round((number - entity.minus) * entity.times / entity.per, 1))
    draft.events.extend(before.events)


def _press(entity: Entity, value: Any, draft: Draft) -> None:
    """A trigger's payload, or an event with its type: a press is a moment."""
    if entity.words:
        said = spelled(value)
        if said not in entity.words and "" not in entity.words:
            return
        word = said or "".join(name for name, _ in next(iter(entity.words.values())))
    elif entity.point == "button" and entity.on != entity.off and entity.on != "on":
        word = "pressed" if spelled(value) == entity.on else ""
    else:
        if isinstance(value, str) and value.startswith("{"):
            said = read_json(entity.object, value.encode())
            value = said.get("event_type") if isinstance(said, dict) else None
        elif isinstance(value, dict):
            value = value.get("event_type")
        if not isinstance(value, str):
            raise DecodeError(entity.object, 'an event with its "event_type"', value)
        word = value.strip()
    if entity.point == "sos.alarm" or word.lower() in CALLS:
        draft.state("sos.alarm", True)
    else:
        draft.text("button", word)


def _danger(entity: Entity, value: Any, draft: Draft, known: Context) -> Context:
    """One of several entities that tell of one danger: any of them raises, none may say so when it ends."""
    state = bool_of(entity, value)
    if state is None:
        return known
    key = (entity.device, entity.point)
    before = known.raised.get(key, frozenset())
    after = before | {identity(entity)} if state else before - {identity(entity)}
    draft.state(entity.point, bool(after))
    if after == before:
        return known
    return msgspec.structs.replace(known, raised={**known.raised, key: after})


def _reachable(
    topic: str,
    entries: tuple[Availability, ...],
    plain: str,
    payload: bytes,
    drafts: dict[str, Draft],
    known: Context,
) -> Context:
    """Whether a device can be reached; on a topic of several devices it is their bridge that speaks."""
    entry = entries[0]
    said = read_json(topic, payload) if needs_json(entry.template) else None
    value = spelled(evaluated(entry.template, plain, said) if entry.template else plain)
    if value not in (entry.on, entry.off):
        return known
    online = value == entry.on
    if _is_bridge(topic, entries):
        address = entry.via or topic.rpartition("/")[0] or topic
        drafts.setdefault(address, Draft(address)).state("gateway.online", online)
        return known
    if known.reachable.get(topic) is not online:
        known = msgspec.structs.replace(known, reachable={**known.reachable, topic: online})
    state: bool | None = online
    if entry.mode in ("all", "any"):
        states = [known.reachable.get(name) for name in _own_topics(entry.device, known)]
        deciding = entry.mode == "any"
        state = deciding if deciding in states else not deciding if None not in states else None
    if state is not None:
        drafts.setdefault(entry.device, Draft(entry.device)).state("online", state)
    return known


def _is_bridge(topic: str, entries: tuple[Availability, ...]) -> bool:
    if any(entry.device != entries[0].device for entry in entries):
        return True
    return topic.endswith(("/bridge/state", "/driver/status")) or "/_CLIENTS/" in topic


def _own_topics(device: str, known: Context) -> list[str]:
    """The availability topics of one device that are not its bridge's."""
    return [
        topic
        for topic, entries in known.availability.items()
        if entries[0].device == device and not _is_bridge(topic, entries)
    ]
