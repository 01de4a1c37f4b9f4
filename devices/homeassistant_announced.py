"""What Home Assistant MQTT discovery has announced: configurations in, the context of the codec out."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from devices.codec import Decoded, DecodeError
from devices.homeassistant_meanings import (
    ABBREVIATIONS,
    COMPONENTS,
    OTHERS,
    Availability,
    Entity,
    How,
    entity_of,
    spelled,
    text,
)
from devices.homeassistant_templates import parsed
from devices.reading import Report
from devices.values import TEXT_MAX, read_json

ENTITIES_MAX: Final = 20_000
"""So many entities are remembered; a further announcement is refused, and says so."""

COMPONENTS_MAX: Final = 256
EVENTS_MAX: Final = 16
ON_TOPIC_MAX: Final = 512

Topics = dict[str, tuple[Entity, ...]]


class Context(msgspec.Struct, frozen=True):
    """What has been announced: entities and availability by topic; which say one point; what was said of dangers."""

    topics: Topics = {}
    availability: dict[str, tuple[Availability, ...]] = {}
    configs: dict[str, tuple[str, ...]] = {}
    says: dict[tuple[str, str], tuple[str, ...]] = {}
    raised: dict[tuple[str, str], frozenset[str]] = {}
    reachable: dict[str, bool] = {}


EMPTY: Final = Context()


def announced(topic: str) -> tuple[str, str] | None:
    """The component and the object of a configuration's topic, or None. The discovery prefix is the installer's."""
    levels = topic.split("/")
    if levels[-1] != "config" or len(levels) < 3:
        return None
    for place in (-3, -4):
        if len(levels) > -place - 1 and (levels[place] in COMPONENTS or levels[place] in OTHERS):
            return levels[place], "/".join(levels[place + 1 : -1])
    return None


def announcement(topic: str, component: str, name: str, payload: bytes, known: Context) -> Decoded:
    """A configuration: what it announces, in place of what the same topic announced before."""
    if not payload:
        return Decoded((), _without(topic, known))
    if component in OTHERS:
        return Decoded((), known)
    config = read_json(topic, payload)
    if not isinstance(config, dict):
        raise DecodeError(topic, "a JSON object", payload[:TEXT_MAX])
    config = _expanded(config)
    device = _address(config, name)
    entities: list[Entity] = []
    events: list[dict[str, str]] = []
    for kind, single, part in _parts(component, name, config):
        try:
            entity = entity_of(part, kind, topic, device, single)
        except DecodeError as error:
            if text(part, "device_class") in ("smoke", "gas", "carbon_monoxide", "heat", "safety"):
                raise DecodeError(f"{topic}: {error.field}", error.expected, text(part, "value_template")) from error
            events.append({"type": "discovery_ignored", "state_topic": text(part, "state_topic"), "reason": str(error)})
            continue
        if entity is not None:
            entities.append(entity)
            events.append({"type": "discovery", "state_topic": entity.topic, "point": entity.point})
        elif text(part, "device_class") in ("smoke", "gas", "carbon_monoxide", "heat", "safety"):
            reason = "what it says is not a danger that is known, or its unit is not"
            events.append({"type": "discovery_ignored", "state_topic": text(part, "state_topic"), "reason": reason})
    listed = [entry for _, _, part in _parts(component, name, config) for entry in _availability(part, topic, device)]
    after = _with(topic, entities, list(dict.fromkeys(listed)), _without(topic, known))
    if not events:
        return Decoded((), after)
    return Decoded((Report(device, events=tuple(events[:EVENTS_MAX])),), after)


def state_topics(payload: bytes) -> tuple[str, ...]:
    """The state topics that a configuration names, whether or not it can be understood."""
    try:
        config = read_json("config", payload)
    except DecodeError:
        return ()
    if not isinstance(config, dict):
        return ()
    config = _expanded(config)
    listed = config.get("components")
    parts = [config, *(listed.values() if isinstance(listed, dict) else ())]
    named = (text(part, "state_topic") for part in parts[:COMPONENTS_MAX] if isinstance(part, dict))
    return tuple(topic for topic in named if topic)


def _expanded(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with whole words for its keys, and its base topic in place of `~`."""
    base = config.get("~")
    expanded: dict[str, Any] = {}
    for short, given in config.items():
        key, value = _full_name(short), given
        if isinstance(value, str) and isinstance(base, str) and (key.endswith("_topic") or key == "topic"):
            value = base + value[1:] if value.startswith("~") else value
            value = value[:-1] + base if value.endswith("~") else value
        elif isinstance(value, dict) and key in ("device", "origin", "components"):
            value = (
                {n: _expanded({"~": base, **part}) for n, part in value.items() if isinstance(part, dict)}
                if key == "components"
                else {_full_name(k): v for k, v in value.items()}
            )
        elif isinstance(value, list) and key == "availability":
            value = [_expanded({"~": base, **entry}) for entry in value if isinstance(entry, dict)]
        elif isinstance(value, dict) and key == "availability":
            value = [_expanded({"~": base, **value})]
        expanded[key] = value
    return expanded


def _full_name(short: str) -> str:
    if short.endswith("_t") and short not in ABBREVIATIONS:
        return short[:-2] + "_topic"
    return ABBREVIATIONS.get(short, short)


def _parts(component: str, name: str, config: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """The entities of a configuration: (component, name, configuration); a device's configuration has several."""
    if component != "device":
        return [(component, name.rpartition("/")[2], config)]
    listed = config.get("components")
    if not isinstance(listed, dict):
        raise DecodeError("components", "an object with the device's entities", listed)
    if len(listed) > COMPONENTS_MAX:
        raise DecodeError("components", f"at most {COMPONENTS_MAX} entities", len(listed))
    shared = {key: value for key, value in config.items() if key not in ("components", "device", "origin")}
    return [(text(part, "platform"), single, {**shared, **part}) for single, part in listed.items()]


def _address(config: dict[str, Any], name: str) -> str:
    """The device's first identifier, else its first connection (a MAC), else the entity's own id."""
    device = config.get("device")
    if isinstance(device, dict):
        identifiers = device.get("identifiers")
        first = identifiers[0] if isinstance(identifiers, list) and identifiers else identifiers
        if isinstance(first, (str, int)) and str(first):
            return str(first)[:128]
        connections = device.get("connections")
        if isinstance(connections, list) and connections and isinstance(connections[0], list):
            pair = connections[0]
            if len(pair) == 2 and isinstance(pair[1], str) and pair[1]:
                return pair[1][:128]
    return (text(config, "unique_id") or name)[:128]


def _availability(config: dict[str, Any], topic: str, device: str) -> list[Availability]:
    listed = config.get("availability")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    if text(config, "availability_topic"):
        entries.append(
            {
                **config,
                "topic": config["availability_topic"],
                "value_template": config.get("availability_template", ""),
            }
        )
    about = config.get("device")
    via = text(about, "via_device") if isinstance(about, dict) else ""
    mode = text(config, "availability_mode") or "latest"
    found = []
    for entry in entries[:8]:
        template = text(entry, "value_template")
        on, off = entry.get("payload_available", "online"), entry.get("payload_not_available", "offline")
        if text(entry, "topic") and _is_understood(template):
            found.append(
                Availability(topic, device, text(entry, "topic"), template, spelled(on), spelled(off), mode, via)
            )
    return found


def _is_understood(template: str) -> bool:
    """Whether a template has a known form; availability whose template has none is left to the device's silence."""
    try:
        parsed(template)
    except DecodeError:
        return False
    return True


def _without(config: str, known: Context) -> Context:
    """The context without what a configuration announced."""
    if config not in known.configs:
        return known
    topics, availability, says = dict(known.topics), dict(known.availability), dict(known.says)
    raised = dict(known.raised)
    for topic in known.configs[config]:
        for entity in topics.get(topic, ()):
            key = (entity.device, entity.point)
            if entity.config == config and key in says:
                says[key] = tuple(name for name in says[key] if name != identity(entity))
                raised[key] = raised.get(key, frozenset()) - {identity(entity)}
        kept = tuple(entity for entity in topics.pop(topic, ()) if entity.config != config)
        if kept:
            topics[topic] = kept
        left = tuple(entry for entry in availability.pop(topic, ()) if entry.config != config)
        if left:
            availability[topic] = left
    configs = {name: listed for name, listed in known.configs.items() if name != config}
    says = {key: names for key, names in says.items() if names}
    raised = {key: names for key, names in raised.items() if names}
    return Context(topics, availability, configs, says, raised, known.reachable)


def _with(config: str, entities: list[Entity], listed: list[Availability], known: Context) -> Context:
    """The context with what a configuration announces."""
    if not entities and not listed:
        return known
    if len(known.configs) >= ENTITIES_MAX:
        raise DecodeError(config, f"at most {ENTITIES_MAX} announced entities", len(known.configs))
    topics, availability, says = dict(known.topics), dict(known.availability), dict(known.says)
    for entity in entities:
        there = topics.get(entity.topic, ())
        if len(there) >= ON_TOPIC_MAX:
            raise DecodeError(config, f"at most {ON_TOPIC_MAX} entities on one topic", entity.topic)
        topics[entity.topic] = (*there, entity)
        key = (entity.device, entity.point)
        if entity.how not in (How.PRESS, How.PANEL):
            says[key] = tuple(sorted({*says.get(key, ()), identity(entity)}))
    for entry in listed:
        availability[entry.topic] = (*availability.get(entry.topic, ()), entry)
    used = tuple(dict.fromkeys((*(entity.topic for entity in entities), *(entry.topic for entry in listed))))
    configs = {**known.configs, config: used}
    return Context(topics, availability, configs, says, known.raised, known.reachable)


def identity(entity: Entity) -> str:
    """What makes two entities the same source of a value: announced twice, it is still one."""
    return f"{entity.topic} {entity.template}"
