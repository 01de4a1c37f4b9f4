"""What of an entry stands in the ledger: its safety-relevant events as short rows of ids and codes, never of words.

A row names people by their ids alone (names, phones and what a person wrote stay in the journal and the site files,
which may be erased); a text that a person wrote is represented by its SHA-256.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final

import msgspec

from gateway.record.ledger import CONFIGURATION, GAP, LedgerRow
from gateway.record.record import JournalEntry
from gateway.record.segments import to_ms
from gateway.record.wire import encode_value
from rules.effects import AlarmChanged, DriveSounder, Effect, IncidentChanged, Notify, StopNotifying
from rules.inputs import (
    DecodeFailed,
    Input,
    LinkChanged,
    PacketRefused,
    ReadingsArrived,
    SendReported,
    SiteChanged,
    TimePassed,
)

_IDS: Final = (
    *("id", "message", "alarm", "incident", "home", "zone", "device", "rule", "subject", "target", "category"),
    *("person", "by", "tester", "channel", "via", "verb", "verdict", "mode", "kind", "outcome", "final", "fault_id"),
    *("priority", "step", "purpose", "pattern", "test", "checked_on_site", "first_sync", "late", "found", "confirmed"),
    *("post", "outgoing", "incoming", "is_substitute", "confirmed_by", "once", "row"),
)
"""The fields that are ids, codes or numbers: all that a row may hold."""

_WRITTEN: Final = ("cause", "substitute", "reason", "note", "open_items", "refused_because")
"""The fields that hold what a person wrote: their hash stands in the row. An effect's reason is the program's."""

_LEFT_OUT: Final = (ReadingsArrived, DecodeFailed, PacketRefused, LinkChanged, TimePassed)
"""Not events of their own: what became of them is an alarm, and that has its rows."""

_QUIET_TYPES: Final = frozenset(_LEFT_OUT)

_DOUBLED: Final = frozenset({"report", "cleared", "ended", "reset", "repeated"})
"""Changes of an incident that say again what the rows of its alarms and messages say."""


def is_quiet(entry: JournalEntry) -> bool:
    """Whether an entry has no row at all; telemetry is quickly told."""
    return not entry.effects and type(entry.input) in _QUIET_TYPES


def rows_of(entry: JournalEntry) -> list[LedgerRow]:
    """The rows of one entry, in order: first what happened, then what was decided."""
    rows = []
    for at, kind, body in _events(entry):
        if entry.shift_ms:
            body["shift_ms"] = entry.shift_ms
        rows.append((entry.stream, entry.epoch, entry.seq, to_ms(at), kind, encode_value(body)))
    return rows


def gap_row(stream: str, epoch: int, first: int, last: int, at_ms: int) -> LedgerRow:
    """The row that stands for entries which never reached the disk."""
    return (stream, epoch, last, at_ms, GAP, encode_value({"first": first, "last": last}))


def _events(entry: JournalEntry) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
    happened = entry.input
    if not isinstance(happened, _LEFT_OUT):
        yield happened.at, *_of_input(happened)
    for effect in entry.effects:
        match effect:
            case AlarmChanged(change="updated") | StopNotifying():
                continue
            case IncidentChanged(change=change) if change in _DOUBLED:
                continue
            case _:
                yield effect.at, *_of_effect(effect)


def _of_input(happened: Input) -> tuple[str, dict[str, Any]]:
    match happened:
        case SendReported():
            return f"message.{happened.outcome.value}", ids_of(happened)
        case SiteChanged():
            devices = sorted(device.id for device in happened.site.devices)
            return CONFIGURATION, {
                "by": happened.by,
                "ruleset": happened.ruleset,
                "site": hashlib.sha256(msgspec.json.encode(happened.site)).hexdigest(),
                "devices": devices,
            }
        case _:
            verb = getattr(happened, "verb", None)
            if not isinstance(verb, Enum):
                return _snake(type(happened).__name__), ids_of(happened)
            asked = "mode" if hasattr(happened, "mode") else "person"
            return f"{asked}.{verb.value}", ids_of(happened)


def _of_effect(effect: Effect) -> tuple[str, dict[str, Any]]:
    match effect:
        case AlarmChanged():
            body = ids_of(effect.alarm) | {"by": effect.by}
            if effect.alarm.suppression.kind.value != "none":
                body["suppression"] = effect.alarm.suppression.kind.value
            return f"alarm.{effect.change.value}", _spoken(body)
        case IncidentChanged():
            body = ids_of(effect.incident) | {"by": effect.by}
            if effect.incident.verdict is not None:
                body |= {f"verdict_{name}": value for name, value in ids_of(effect.incident.verdict).items()}
            return f"incident.{effect.change}", _spoken(body)
        case Notify():
            about = {"alarm": effect.alarm.id, "incident": effect.incident.id}
            return "told", _spoken(ids_of(effect) | about)
        case DriveSounder():
            return f"sounder.{effect.pattern.value}", ids_of(effect)
        case _:
            change = getattr(effect, "change", "")
            name = _snake(type(effect).__name__).removesuffix("_changed")
            body = ids_of(effect)
            for field in effect.__struct_fields__:
                part = getattr(effect, field)
                if isinstance(part, msgspec.Struct):
                    body |= {f"{field}_{inner}": value for inner, value in ids_of(part).items()}
            return f"{name}.{change}" if change else name, body


def ids_of(thing: msgspec.Struct) -> dict[str, Any]:
    """The ids and codes of a struct, and the hashes of what a person wrote; empty ones are left out."""
    found: dict[str, Any] = {}
    for name in thing.__struct_fields__:
        value = getattr(thing, name)
        if name in _WRITTEN and isinstance(value, str) and value and not isinstance(thing, Effect):
            written = value.encode("utf-8", "surrogatepass")
            found[f"{name}_sha256"] = hashlib.sha256(written).hexdigest()
        elif name in _IDS and isinstance(value, Enum | str | int | bool):
            found[name] = value.value if isinstance(value, Enum) else value
    return _spoken(found)


def _spoken(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value not in ("", False, None)}


def missing_of(present: Sequence[int], base: int) -> list[tuple[int, int]]:
    """The runs of seqs (first, last) that lie behind `base` and before or between those that are present."""
    runs, expected = [], base + 1
    for seq in sorted(present):
        if seq > expected:
            runs.append((expected, seq - 1))
        expected = max(expected, seq + 1)
    return runs


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
