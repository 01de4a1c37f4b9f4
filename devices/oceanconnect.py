"""OceanConnect (the older platform of Huawei and China Telecom): pushed changes of a device's data and status.

`{notifyType, deviceId, gatewayId, service: {serviceId, data, eventTime}}`. The identity of a device is the one that
its data names (`devId`, an IMEI); the platform's deviceId stands for it where nothing else is known.
Sources: captured messages (com.smart.device, public source index ids 5967631752, 5855639035, 6111226054) and an
NB smoke detector's test sender (47022639553, service alarmreport).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from devices.codec import DecodeError
from devices.iotda import read_service
from devices.named_values import Devices, Findings, Named, Said, code_of, read_list, read_object, text_of
from devices.thingmodel import date_by
from devices.thingmodel_names import ON_LINE
from devices.wanlin import imei_of, read_pressure, read_report, read_tagged

_REPORT_SMOKE: Final = re.compile(r"NBSMOKE:(?P<device>[0-9A-Za-z]{1,32}),(?P<status>[A-Z]{1,16})")
SMOKE_STATUS: Final[dict[str, Said]] = {
    "alarm": (("smoke.alarm", True),),
    "normal": (("smoke.alarm", False),),
    "fault": (("fault", True),),
    "mpfault": (("fault", True),),
    "refault": (("fault", False),),
    "batfault": (("battery.low", True),),
    "btfault": (("battery.low", True),),
    "keytest": (("test", True),),
    "lose": (("online", False),),
    "relost": (("online", True),),
    "login": (("online", True),),
    "logout": (("online", False),),
    "warn": (),
    "open": (),
    "close": (),
    "start": (),
}
"""Service alarmreport, `NBSMOKE:<device>,<status>`. WARN, OPEN, CLOSE and START are not explained anywhere."""

_OWN_IDS: Final = ("devId", "DeviceID", "IMEI", "imei")


def is_push(said: Mapping[str, Any]) -> bool:
    """Whether this is a push of the platform."""
    return "notifyType" in said and ("service" in said or "services" in said or "deviceInfo" in said)


def identity_of(said: Mapping[str, Any]) -> tuple[str, str]:
    """The device as its data name it (or the platform's id), and the platform's id."""
    platform = text_of(said.get("deviceId")) or text_of(said.get("gatewayId"))
    for service in _services(said):
        data = service.get("data")
        if isinstance(data, dict):
            kind = text_of(service.get("serviceId"))
            for own in (*(text_of(data.get(key)) for key in _OWN_IDS), imei_of(kind, data), _smoke_id(data)):
                if own:
                    return own, platform
    return platform, platform


def _services(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    services = said.get("services")
    if isinstance(services, list):
        return [one for one in read_list("services", services) if isinstance(one, dict)]
    return [said["service"]] if isinstance(said.get("service"), dict) else []


def _smoke_id(data: Mapping[str, Any]) -> str:
    text = data.get("valuestring")
    match = _REPORT_SMOKE.fullmatch(text) if isinstance(text, str) else None
    return match["device"] if match is not None else ""


def read_push(devices: Devices, device: str, said: Mapping[str, Any]) -> None:
    """A change of data or of status."""
    found = devices.of(device)
    if "deviceInfo" in said:
        information = read_object(f"{device}: deviceInfo", said["deviceInfo"])
        status = code_of(information.get("status"))
        if status in ON_LINE:
            found.say("online", ON_LINE[status])
        else:
            found.tell(type="link_status", status=status)
        return
    services = _services(said)
    if not services:
        raise DecodeError(f"{device}: service", "a JSON object", said.get("service"))
    for service in services:
        date_by(found, "eventTime", service.get("eventTime"))
        _read_service(found, text_of(service.get("serviceId")), read_object(f"{device}: data", service.get("data")))


def _read_service(found: Findings, service_id: str, data: Mapping[str, Any]) -> None:
    """A service of a product that is known, or properties by their general names."""
    if service_id == "Report" and "devState" in data:
        read_report(found, data)
    elif service_id == "WPS":
        read_tagged(found, data)
    elif service_id == "ReceivePiezoMeter":
        read_pressure(found, data)
    elif service_id == "alarmreport":
        _read_smoke(found, data)
    else:
        read_service(found, service_id, data)


def _read_smoke(found: Findings, data: Mapping[str, Any]) -> None:
    text = data.get("valuestring")
    match = _REPORT_SMOKE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        found.ignore("valuestring", DecodeError("valuestring", "NBSMOKE:<device>,<status>", text), danger=True)
        return
    found.read("status", Named(codes=SMOKE_STATUS), match["status"])
    if not SMOKE_STATUS.get(match["status"].lower(), (("", False),)):
        found.tell(type="device_status", status=match["status"].lower())
