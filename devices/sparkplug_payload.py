"""The payload of Sparkplug B: protobuf in, plain metrics out.

The schema is that of Eclipse Tahu (sparkplug_b.proto, package org.eclipse.tahu.protobuf; Sparkplug 3.0.0 chapter 6),
built here in code and read by Google's protobuf library (docs/decisions/0004). Only the parts that are used are
described; the rest (metadata, data sets, templates) passes as unknown fields. Texts are described as bytes, which is
the same on the wire: a name that is not UTF-8 is then refused here, not wherever it is first looked at.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from devices.codec import DecodeError, FaultKind

METRICS_MAX: Final = 2048
"""A birth with more metrics than this is refused."""
_FLAG: Final = descriptor_pb2.FieldDescriptorProto
_SIGNED_BITS: Final = {1: 8, 2: 16, 3: 32, 4: 64}
"""Int8, Int16, Int32, Int64 travel as two's complement in unsigned fields (Sparkplug 3.0.0, 6.4.16)."""
BOOLEAN: Final = 11
"""The data type of a boolean (Sparkplug 3.0.0, 6.4.16)."""
REBIRTH: Final = "Node Control/Rebirth"
NAMES_PROPERTIES: Final = ("engUnit", "Engineering Units", "unit")
QUALITY_BAD: Final = 0
QUALITY_STALE: Final = 500
"""Sparkplug 3.0.0, 6.4.11 (`Quality` property): 0 bad, 192 good, 500 stale."""

_TYPES: Final = {"uint64": _FLAG.TYPE_UINT64, "uint32": _FLAG.TYPE_UINT32, "bool": _FLAG.TYPE_BOOL,
                 "float": _FLAG.TYPE_FLOAT, "double": _FLAG.TYPE_DOUBLE, "bytes": _FLAG.TYPE_BYTES}  # fmt: skip
_SCHEMA: Final = {
    "PropertyValue": (
        ("type", 1, "uint32"),
        ("is_null", 2, "bool"),
        ("int_value", 3, "uint32"),
        ("long_value", 4, "uint64"),
        ("float_value", 5, "float"),
        ("double_value", 6, "double"),
        ("boolean_value", 7, "bool"),
        ("string_value", 8, "bytes"),
    ),
    "PropertySet": (("keys", 1, "bytes*"), ("values", 2, "PropertyValue*")),
    "Metric": (
        ("name", 1, "bytes"),
        ("alias", 2, "uint64"),
        ("timestamp", 3, "uint64"),
        ("datatype", 4, "uint32"),
        ("is_historical", 5, "bool"),
        ("is_transient", 6, "bool"),
        ("is_null", 7, "bool"),
        ("properties", 9, "PropertySet"),
        ("int_value", 10, "uint32"),
        ("long_value", 11, "uint64"),
        ("float_value", 12, "float"),
        ("double_value", 13, "double"),
        ("boolean_value", 14, "bool"),
        ("string_value", 15, "bytes"),
    ),
    "Payload": (("timestamp", 1, "uint64"), ("metrics", 2, "Metric*"), ("seq", 3, "uint64")),
}
_VALUES: Final = ("int_value", "long_value", "float_value", "double_value", "boolean_value", "string_value")


def _payload_class() -> Any:
    """The message class of the schema above, in a pool of its own."""
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package="sparkplug", syntax="proto2")
    for name, fields in _SCHEMA.items():
        described = file.message_type.add(name=name)
        for field, number, kind in fields:
            repeated = kind.endswith("*")
            kind = kind.rstrip("*")
            added = described.field.add(name=field, number=number)
            added.label = _FLAG.LABEL_REPEATED if repeated else _FLAG.LABEL_OPTIONAL
            if kind in _TYPES:
                added.type = _TYPES[kind]
            else:
                added.type, added.type_name = _FLAG.TYPE_MESSAGE, f".sparkplug.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sparkplug.Payload"))


PAYLOAD: Final[Any] = _payload_class()
"""The protobuf class; virtual devices and tests write with it."""


class Metric(msgspec.Struct, frozen=True):
    """One metric: its value is None where it is null or of a kind that holds no reading (data set, template, bytes)."""

    name: str
    alias: int | None
    value: bool | int | float | str | None
    is_null: bool = False
    is_historical: bool = False
    timestamp: int | None = None
    unit: str = ""
    quality: int | None = None
    datatype: int = 0


class SparkplugPayload(msgspec.Struct, frozen=True):
    """One message: the sender's time in milliseconds, its sequence number and its metrics."""

    timestamp: int | None
    seq: int | None
    metrics: tuple[Metric, ...]


def read_payload(field: str, payload: bytes) -> SparkplugPayload:
    """The payload; whatever is no such protobuf message is the one DecodeError."""
    said = PAYLOAD()
    try:
        said.ParseFromString(payload)
    except (message.DecodeError, RuntimeError) as error:
        raise DecodeError(field, "a Sparkplug B payload (protobuf)", payload[:32]) from error
    if len(said.metrics) > METRICS_MAX:
        raise DecodeError(f"{field}: metrics", f"at most {METRICS_MAX}", len(said.metrics))
    metrics = tuple(_metric(f"{field}: metrics[{n}]", metric) for n, metric in enumerate(said.metrics))
    timestamp = said.timestamp if said.HasField("timestamp") else None
    return SparkplugPayload(timestamp, said.seq if said.HasField("seq") else None, metrics)


def rebirth_payload(timestamp: int | None) -> bytes:
    """The command `Node Control/Rebirth` = true (Sparkplug 3.0.0, chapter 6, NCMD: a time, and no sequence)."""
    said = PAYLOAD()
    metric = said.metrics.add()
    metric.name, metric.datatype, metric.boolean_value = REBIRTH.encode(), BOOLEAN, True
    if timestamp is not None:
        said.timestamp = metric.timestamp = timestamp
    return bytes(said.SerializeToString())


def _metric(field: str, said: Any) -> Metric:
    properties = _properties(field, said.properties) if said.HasField("properties") else {}
    unit = next((properties[name] for name in NAMES_PROPERTIES if isinstance(properties.get(name), str)), "")
    quality = properties.get("Quality", properties.get("quality"))
    is_null = said.is_null
    return Metric(
        _text(f"{field}.name", said.name),
        said.alias if said.HasField("alias") else None,
        None if is_null else _value(field, said, said.datatype),
        is_null,
        said.is_historical,
        said.timestamp if said.HasField("timestamp") else None,
        str(unit),
        quality if type(quality) is int else None,
        said.datatype,
    )


def _properties(field: str, said: Any) -> dict[str, bool | int | float | str | None]:
    names = [_text(f"{field}.properties", name) for name in said.keys[:64]]
    values = [None if value.is_null else _value(field, value, value.type) for value in said.values[:64]]
    return dict(zip(names, values, strict=False))


def _value(field: str, said: Any, kind: int) -> bool | int | float | str | None:
    """The value, in whichever field the writer put it; None where there is none that a reading can hold."""
    for name in _VALUES:
        if not said.HasField(name):
            continue
        value = getattr(said, name)
        if name == "string_value":
            return _text(f"{field}.string_value", value)
        if name == "float_value":
            return _shortest(value)
        if name in ("int_value", "long_value"):
            return _signed(value, kind)
        return value  # type: ignore[no-any-return]
    return None


def _signed(value: int, kind: int) -> int:
    bits = _SIGNED_BITS.get(kind)
    if bits is None:
        return value
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _shortest(value: float) -> float:
    """The shortest decimal that is this single-precision number: 12.1, not 12.100000381469727."""
    for digits in range(6, 9):
        candidate = float(f"{value:.{digits}g}")
        if abs(candidate) < 3.4e38 and struct.pack("<f", candidate) == struct.pack("<f", value):
            return candidate
    return value


def _text(field: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(field, "UTF-8 text", raw[:32], FaultKind.NOT_UTF8) from error
