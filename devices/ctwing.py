"""CTWing / AEP (China Telecom): what the platform pushes, and what stands in it as JSON or as base64.

`messageType` says what it is: dataReport, dataReportTupUnion (the same once more, merged), eventReport,
deviceOnlineOfflineReport, commandResponse. `eventType` means on line or off line in one, and the level of an event
(1 information, 2 warning, 3 fault) in the other. The identity of a device is its IMEI; a notice that has only the
platform's deviceId is laid to the IMEI that came with it earlier.
Sources: push documentation (public source index id 995104274), message types (26145349796), 用户信息传输装置
(5673881706 commands, 6514890246 captured messages), gas detector (6562637047, 26145349796).
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any, Final

from devices.codec import DecodeError
from devices.lian import read_smoke
from devices.named_values import Devices, Findings, Said, Table, code_of, coded, number, read_list, state, text_of
from devices.thingmodel import date_by
from devices.thingmodel_names import PROPERTIES
from devices.values import TEXT_MAX, read_json, read_number
from devices.wanlin import date_seconds

MODEL: Final[Table] = {
    **PROPERTIES,
    "smoke_state": state("smoke.alarm"),
    "smoke_value": number("smoke.density"),
    "gas_sensor_state": coded({**(state("gas.alarm").codes or {}), "2": (("gas.alarm", True),)}),
    "gas_value": number("gas.ppm"),
    "co_state": state("co.alarm"),
    "co_value": number("co.ppm"),
    "water_state": state("water_leak.alarm"),
    "sos_state": state("sos.alarm"),
    "fall_state": state("fall.alarm"),
    "tamper_state": state("tamper"),
    "battery_value": number("battery"),
    "battery_voltage": number("battery.voltage"),
    "battery_state": state("battery.low"),
    "temperature": number("temperature"),
    "temperature_data": number("temperature"),
    "humidity": number("humidity"),
    "humidity_data": number("humidity"),
}
"""The platform's standard model. gas_sensor_state: 0 normal, 1 low, 2 high concentration. `error_code`, `valve_state`,
`fan_state`, `medium` and the radio's `rsrp`, `sinr`, `ecl`, `pci` are the product's own affair."""

_NO_THERMOMETER: Final = frozenset({"temperature"})
"""The gas detector has none: its `temperature` is always 0."""

PART_FIRE, PART_FAULT = 2, 4
PART_BITS: Final[dict[int, str]] = {8: "shielded", 16: "supervisory", 32: "started", 64: "feedback", 128: "delayed"}
PART_POWER_FAULT: Final = 256
"""State of a part (GB/T 26875.3-2011 8.2.1.2, bits): 1 running normally (0: test), 2 fire, 4 fault, … Bit 0 takes
nothing back: real panels send fire as 2 alone."""

_TELLING: Final[dict[str, tuple[str, Said, Said]]] = {
    "21": ("fire_event", (("fire.alarm", True),), (("fire.alarm", False),)),
    "22": ("warning", (), ()),
    "23": ("fault", (("fault", True),), (("fault", False),)),
    "24": ("device_status", (), ()),
    "26": ("part_action", (), ()),
}
"""Commands of the transmission device: alarm 报警事件, warning 预警, fault 故障; value 0 is its end 解除报警."""

_PART_STATES: Final = frozenset({"25", "27"})
_DEVICE_OFFLINE: Final = "92"
_WARNING_OF_FAULT: Final = "3"
PARTS_MAX: Final = 1024
"""So many parts are remembered in a state other than fire and fault; of more, the end of it is not said."""

_REMEMBERED: Final = sum(PART_BITS)


class Parts:
    """The states of panel parts that have not ended yet, and what one packet changes of them."""

    def __init__(self, known: Mapping[str, int]) -> None:
        self.known = known
        self.changed: dict[str, int] = {}

    def replace(self, name: str, bits: int) -> int:
        """Note the states of a part and return what they were before."""
        before = self.changed.get(name, self.known.get(name, 0))
        if bits != before and (before or len(self.known) + len(self.changed) < PARTS_MAX):
            self.changed[name] = bits
        return before

    def after(self) -> dict[str, int]:
        """What is known after the packet."""
        return {name: bits for name, bits in {**self.known, **self.changed}.items() if bits}



def is_push(said: Mapping[str, Any]) -> bool:
    """Whether this is a push of the platform (a fragment without messageType counts: its payload tells)."""
    return "messageType" in said or isinstance(said.get("payload"), (dict, list))


def identity_of(said: Mapping[str, Any]) -> tuple[str, str]:
    """The device as it is known (IMEI before all) and the platform's own id of it."""
    imei = text_of(said.get("IMEI")) or text_of(said.get("imei"))
    platform = text_of(said.get("deviceId"))
    return imei or text_of(said.get("deviceCode")) or platform or text_of(said.get("deviceSn")), platform


def read_push(devices: Devices, device: str, said: Mapping[str, Any], parts: Parts) -> None:
    """One message about one device. `parts` remembers which states the parts of a panel were in."""
    found = devices.of(device)
    kind = text_of(said.get("messageType"))
    payloads = said.get("payload")
    if kind in ("dataReport", "dataReportTupUnion", ""):
        for payload in payloads if isinstance(payloads, list) else [payloads]:
            if isinstance(payload, str):
                payload = read_json(f"{device}: payload", payload.encode())
            if not isinstance(payload, dict):
                raise DecodeError(f"{device}: payload", "a JSON object", payload)
            _data(devices, found, payload, said, parts)
    elif kind == "eventReport":
        _event(found, said)
    elif kind == "deviceOnlineOfflineReport":
        found.read("eventType", state("online"), said.get("eventType"))
    elif kind == "commandResponse":
        result = said.get("result")
        found.tell(type="command_response", code=text_of(result.get("resultCode")) if isinstance(result, dict) else "")
    else:
        found.tell(type="platform_message", message=kind)
    if found.measured_at is None:
        date_by(found, "timestamp", said.get("timestamp"))
        date_seconds(found, "eventdate", said.get("eventdate"))


def _data(
    devices: Devices, found: Findings, payload: Mapping[str, Any], said: Mapping[str, Any], parts: Parts
) -> None:
    if "APPdata" in payload:
        _transparent(devices, found, payload["APPdata"], said, parts)
        return
    inner = payload.get("serviceData")
    data: Mapping[str, Any] = inner if isinstance(inner, dict) else payload
    date_by(found, "payload.time", data.get("time"))
    _read_object(found, data)


def _read_object(found: Findings, data: Mapping[str, Any]) -> None:
    if "Alarm_Status" in data:
        read_smoke(found, data)
        return
    found.look_up_all(data, MODEL, _NO_THERMOMETER if "gas_sensor_state" in data else frozenset())


def _event(found: Findings, said: Mapping[str, Any]) -> None:
    """An event: its content is properties like any other; a fault by its level, or at least that it came."""
    content = said.get("eventContent")
    if isinstance(content, dict):
        _read_object(found, content)
    level = code_of(said.get("eventType"))
    if level == _WARNING_OF_FAULT:
        found.say("fault", True)
    if found.silent:
        found.tell(type="event_report", service=text_of(said.get("serviceId")), level=level)


def _transparent(
    devices: Devices, found: Findings, text: object, said: Mapping[str, Any], parts: Parts
) -> None:
    """APPdata: base64 of JSON, or of a vendor's frame that only its own codec understands."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError) as error:
        raise DecodeError(f"{found.device}: payload.APPdata", "base64", text) from error
    if data.lstrip()[:1] != b"{":
        found.tell(type="undecoded", codec=f"productId {text_of(said.get('productId'))}")
        return
    inner = read_json(f"{found.device}: payload.APPdata", data)
    if not isinstance(inner, dict):
        raise DecodeError(f"{found.device}: payload.APPdata", "a JSON object", data[:TEXT_MAX])
    if "c" in inner and "b" in inner:
        _transmission_device(devices, found, inner, parts)
    else:
        date_by(found, "APPdata.time", inner.get("time"))
        _read_object(found, inner)


def _transmission_device(devices: Devices, found: Findings, said: Mapping[str, Any], parts: Parts) -> None:
    """用户信息传输装置: `{c: command, tm, b: [{id: part, v: value}]}`. A part is a device, `<device>/<part>`."""
    date_by(found, "tm", said.get("tm"))
    command, listed = code_of(said["c"]), said["b"]
    for entry in read_list(f"{found.device}: b", listed if isinstance(listed, list) else [listed]):
        if not isinstance(entry, dict):
            raise DecodeError(f"{found.device}: b", "objects with id and v", entry)
        part, value = text_of(entry.get("id")), code_of(entry.get("v"))
        if command == _DEVICE_OFFLINE:
            if value == "1":
                found.say("online", False)
            found.tell(type="device_offline", part=part, value=value)
        elif command in _PART_STATES:
            _part_state(devices, found, part, entry.get("v"), parts)
        elif command in _TELLING:
            word, begins, ends = _TELLING[command]
            one = devices.of(f"{found.device}/{part}") if part and (begins or ends) else found
            one.date(found.measured_at)
            for point, state_said in ends if value == "0" else begins:
                one.say(point, state_said)
            found.tell(type=word, part=part, value=value)
        else:
            found.tell(type="command", command=command, part=part, value=value)


def _part_state(devices: Devices, found: Findings, part: str, value: object, parts: Parts) -> None:
    """The bits of one part. Fire and fault are said either way; the rest when set, and once when it ends."""
    name = f"{found.device}/{part}" if part else found.device
    one = devices.of(name)
    one.date(found.measured_at)
    try:
        number_said = read_number(f"{name}: v", value)
        if not number_said.is_integer() or not 0 <= number_said < 1 << 16:
            raise DecodeError(f"{name}: v", "the 16 bits of a part's state", value)
    except DecodeError as error:
        one.ignore("v", error, danger=True)
        return
    bits = int(number_said)
    one.say("fire.alarm", bool(bits & PART_FIRE))
    one.say("fault", bool(bits & (PART_FAULT | PART_POWER_FAULT)))
    before = parts.replace(name, bits & _REMEMBERED)
    if bits & _REMEMBERED or before:
        for bit, point in PART_BITS.items():
            if (bits | before) & bit:
                one.say(point, bool(bits & bit))
    found.tell(type="part_status", part=part, state=str(bits))
