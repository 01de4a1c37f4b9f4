"""Huawei Cloud IoTDA: what a device or a gateway reports over MQTT, and what the platform pushes over HTTP.

Topics: `$oc/devices/{id}/sys/properties/report`, `…/sys/gateway/sub_devices/properties/report`, `…/sys/events/up`,
`…/sys/messages/up`. Pushed: `{resource, event, notify_data: {header, body}}`. The address is the device id. The
meaning may stand in service_id alone (`Temperature: {value: 57}`).
Source: support.huaweicloud.com iot_06_v5_3010 (properties), 3006 (sub-devices), 3016 (events), 01208 (push).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.named_values import Devices, Findings, code_of, read_list, read_object, reports_of, shared, text_of
from devices.reading import Report
from devices.thingmodel import about, date_by, levels_below, read_properties
from devices.thingmodel_names import HUAWEI_NAMES, ON_LINE, SERVICES, VALUE_KEYS
from devices.values import read_json

_PLAIN_EVENT: Final = re.compile(r"(?i)(?:alarm|alert|warning|event|trigger|triggered)(?:[ _-]?event)?")
"""A kind of event that says no more than that: what happened stands in the service's name."""

_STATUS_EVENT: Final = "sub_device_update_status"


class IotDa:
    """The codec of Huawei Cloud IoTDA. `prefix` is what a bridge puts before `$oc`, "" where topics are bare."""

    name = "huawei-iotda"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self.prefix}/#",) if self.prefix else ("$oc/devices/+/sys/#",)

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports in a packet; nothing needs to be remembered."""
        levels = levels_below(self.prefix, packet.topic)
        if not packet.payload:
            return Decoded((), context)
        if "sys" not in levels:
            said = read_object("message", read_json("message", packet.payload))
            return Decoded(read_push(said), context)
        place = levels.index("sys")
        device = levels[place - 1] if place else ""
        try:
            return Decoded(_from_device(device, "/".join(levels[place + 1 :]), packet.payload), context)
        except DecodeError as error:
            raise about(device, error) from error


def _from_device(device: str, tail: str, payload: bytes) -> tuple[Report, ...]:
    """A message by what stands behind `sys`; answers to commands and requests hold no readings."""
    field = f"{device}: {tail}"
    if tail == "properties/report":
        said = read_object(field, read_json(field, payload))
        return _one(device, said.get("services"))
    if tail == "gateway/sub_devices/properties/report":
        said = read_object(field, read_json(field, payload))
        devices = Devices()
        for entry in read_list(f"{field}: devices", said.get("devices")):
            sub_device = read_object(f"{field}: devices", entry)
            read_services(devices.of(_id(sub_device)), sub_device.get("services"))
        return devices.reports()
    if tail in ("events/up", "events/report"):
        said = read_object(field, read_json(field, payload))
        return _events(text_of(said.get("object_device_id")) or device, said.get("services"))
    if tail == "messages/up":
        return (Report(device, events=({"type": "message"},)),)
    return ()


def _id(said: Mapping[str, Any]) -> str:
    device = text_of(said.get("device_id"))
    if not device:
        raise DecodeError("device_id", "the id of a device", said)
    return device


def _one(device: str, services: object) -> tuple[Report, ...]:
    found = Findings(device)
    read_services(found, services)
    return reports_of([found])


def read_services(found: Findings, services: object) -> None:
    """The properties of all services of one device, with the latest of their times."""
    for entry in read_list(f"{found.device}: services", services):
        service = read_object(f"{found.device}: services", entry)
        properties = read_object(f"{found.device}: properties", service.get("properties", {}))
        date_by(found, "event_time", service.get("event_time"))
        read_service(found, text_of(service.get("service_id")), properties)


def read_service(found: Findings, service_id: str, properties: Mapping[str, Any]) -> None:
    """The properties of one service: by the service's own keys, or by names that say it themselves."""
    own = SERVICES.get(service_id.lower().replace("_", ""))
    meaning = shared(service_id) if own is None else None
    if meaning is not None:
        own = dict.fromkeys(VALUE_KEYS, meaning)
    read_properties(found, properties, {**HUAWEI_NAMES, **own} if own is not None else HUAWEI_NAMES)


def _events(device: str, services: object) -> tuple[Report, ...]:
    """Events: the links of the devices behind a gateway, and what a service of the device itself says."""
    devices = Devices()
    for entry in read_list(f"{device}: services", services):
        service = read_object(f"{device}: services", entry)
        service_id, kind = text_of(service.get("service_id")), text_of(service.get("event_type"))
        paras = service.get("paras")
        if kind == _STATUS_EVENT:
            said = read_object(f"{device}: paras", paras)
            for status in read_list(f"{device}: device_statuses", said.get("device_statuses")):
                one = read_object("device_statuses", status)
                _link(devices.of(_id(one)), one)
        elif not service_id.startswith("$"):
            found = devices.of(device)
            date_by(found, "event_time", service.get("event_time"))
            read_service(found, service_id, paras if isinstance(paras, dict) else {})
            if not found.in_danger:
                found.happened(kind if kind and not _PLAIN_EVENT.fullmatch(kind) else service_id)
            found.tell(type="event", service=service_id, event=kind)
    return devices.reports()


def _link(found: Findings, said: Mapping[str, Any]) -> None:
    """Whether a device is on line. ABNORMAL and other words say neither, so they are told and no more."""
    status = code_of(said.get("status"))
    if status in ON_LINE:
        found.say("online", ON_LINE[status])
    else:
        found.tell(type="link_status", status=status)


def read_push(said: Mapping[str, Any]) -> tuple[Report, ...]:
    """The platform's push of a property report, a status or a message."""
    data = read_object("notify_data", said.get("notify_data"))
    header = read_object("notify_data.header", data.get("header"))
    body = read_object("notify_data.body", data.get("body"))
    device = text_of(header.get("device_id")) or text_of(header.get("node_id"))
    if not device:
        raise DecodeError("notify_data.header.device_id", "the id of a device", header)
    found = Findings(device)
    match said.get("resource"):
        case "device.property":
            read_services(found, body.get("services"))
        case "device.status":
            _link(found, body)
        case other:
            found.tell(type="platform_notice", notice=text_of(other))
    return reports_of([found])
