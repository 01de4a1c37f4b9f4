"""Tuya: what its cloud pushes of a device's data points, and Tuya Link over MQTT.

Pushed: `{devId, status: [{code, value, t}]}` or `{bizCode, bizData: {devId, properties: […]}}`. Tuya Link:
`tylink/{deviceId}/thing/property/report` with `{data: {code: value or {value, time}}}`.
Only codes whose value means the same in every product are read: a number's scale is a matter of the product's own
specification (cur_voltage, cur_power and va_temperature are whole numbers of unknown tenths), so these are left out.
Sources: developer.tuya.com standard status sets ywbj (smoke), rqbj (gas), sj (water), sos, mcs (door), pir, hps;
facts/payloads.md section 11 for breakers (cur_current mA, voltage_current V, power_current W); the pack of phase_a/b/c
as three fields in big-endian order (0.1 V, mA, W), or the same as JSON in V, A and kW.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, Final

from devices.codec import Decoded, DecodeError, Packet
from devices.named_values import (
    Findings,
    Named,
    Said,
    Table,
    coded,
    moment,
    number,
    read_list,
    read_object,
    reports_of,
    state,
    text_of,
)
from devices.thingmodel import about, date_by, levels_below
from devices.values import read_json, read_number


def _alarm(point: str) -> Named:
    """`alarm`/`normal`, in older products "1" alarm and "2" its end."""
    on: Said = ((point, True),)
    off: Said = ((point, False),)
    return coded({"alarm": on, "1": on, "normal": off, "2": off})


CODES: Final[Table] = {
    "smoke_sensor_status": _alarm("smoke.alarm"),
    "smoke_sensor_state": _alarm("smoke.alarm"),
    "gas_sensor_status": _alarm("gas.alarm"),
    "gas_sensor_state": _alarm("gas.alarm"),
    "ch4_sensor_state": _alarm("gas.alarm"),
    "co_status": _alarm("co.alarm"),
    "co_state": _alarm("co.alarm"),
    "watersensor_state": _alarm("water_leak.alarm"),
    "sos_state": moment("sos.alarm"),
    **dict.fromkeys(
        ("fall_down_status", "fall_down_state", "fall_status", "fall_state"),
        coded(
            {
                **dict.fromkeys(("fall", "fallen", "alarm", "fall_alarm", "1", "true"), (("fall.alarm", True),)),
                "maybe_fall": (("fall.suspected", True),),
                **dict.fromkeys(
                    ("none", "normal", "0", "false", "no_fall"), (("fall.alarm", False), ("fall.suspected", False))
                ),
            }
        ),
    ),
    "doorcontact_state": state("door.open"),
    "pir": coded({"pir": (("motion", True),), "none": (("motion", False),)}),
    "presence_state": coded({"presence": (("presence", True),), "none": (("presence", False),)}),
    "temper_alarm": state("tamper"),
    "muffling": state("alarm.silenced"),
    "battery_percentage": number("battery"),
    "battery_state": coded(
        {"low": (("battery.low", True),), "middle": (("battery.low", False),), "high": (("battery.low", False),)}
    ),
    "checking_result": coded(
        {
            "checking": (("test", True),),
            "check_success": (("test", False),),
            "check_failure": (("test", False), ("fault", True)),
            "others": (),
        }
    ),
    "cur_current": number("current.a", per=1000),
    "voltage_current": number("voltage.a"),
    "power_current": number("power"),
    "leakage_current": number("current.residual"),
    "switch": state("relay.1"),
    **{f"switch_{n}": state(f"relay.{n}") for n in range(1, 9)},
}

_PHASES: Final = {"phase_a": "a", "phase_b": "b", "phase_c": "c"}
_PACK_MIN: Final = 8
_ONLINE: Final = {"online": True, "deviceOnline": True, "offline": False, "deviceOffline": False}


class Tuya:
    """The codec of Tuya. `prefix` is what a bridge or the receiver puts before the topics."""

    name = "tuya"

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix.rstrip("/")

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self.prefix}/#",) if self.prefix else ("tylink/+/thing/#",)

    def decode(self, packet: Packet, context: Any) -> Decoded:
        """The reports in a packet; nothing needs to be remembered."""
        levels = levels_below(self.prefix, packet.topic)
        if not packet.payload:
            return Decoded((), context)
        device = levels[levels.index("thing") - 1] if "thing" in levels[1:] else ""
        is_event = levels[-2:] == ["event", "trigger"]
        if device and not is_event and levels[-2:] != ["property", "report"]:
            return Decoded((), context)
        field = f"{device}: thing" if device else "message"
        said = read_object(field, read_json(field, packet.payload))
        found = Findings(device)
        try:
            if device:
                date_by(found, "time", said.get("time"))
                data = read_object(f"{device}: data", said.get("data"))
                if is_event:
                    _event(found, data)
                else:
                    _properties(found, data.items())
            else:
                found = _pushed(said)
            return Decoded(reports_of([found]), context)
        except DecodeError as error:
            raise about(found.device, error) from error


def _pushed(said: Mapping[str, Any]) -> Findings:
    inner = said.get("bizData")
    data: Mapping[str, Any] = inner if isinstance(inner, dict) else said
    found = Findings(text_of(data.get("devId")) or text_of(said.get("devId")))
    if not found.device:
        raise DecodeError("devId", "the id of a device", sorted(said)[:8])
    kind = text_of(said.get("bizCode"))
    if kind in _ONLINE:
        found.say("online", _ONLINE[kind])
        return found
    listed = data.get("status", data.get("properties"))
    if listed is None:
        found.tell(type="platform_notice", notice=kind)
        return found
    rows = [read_object(f"{found.device}: status", row) for row in read_list(f"{found.device}: status", listed)]
    for row in rows:
        date_by(found, "t", row.get("t", row.get("time")))
    _properties(found, ((text_of(row.get("code")), row.get("value")) for row in rows))
    return found


def _event(found: Findings, data: Mapping[str, Any]) -> None:
    """`{eventCode, eventTime, outputParams}`: what its code says, and the data points that it carries."""
    code, carried = text_of(data.get("eventCode")), data.get("outputParams")
    date_by(found, "eventTime", data.get("eventTime"))
    _properties(found, carried.items() if isinstance(carried, dict) else ())
    if not found.in_danger:
        found.happened(code)
    found.tell(type="thing_event", identifier=code)


def _properties(found: Findings, properties: Iterable[tuple[str, Any]]) -> None:
    for code, value in properties:
        if isinstance(value, dict) and "value" in value:
            date_by(found, f"{code}.time", value.get("time"))
            value = value["value"]
        if code in _PHASES:
            _phase(found, code, _PHASES[code], value)
        elif code == "fault":
            _faults(found, value)
        else:
            found.look_up(code, CODES, value)


def _faults(found: Findings, value: object) -> None:
    """A bit mask of faults: 0 is none."""
    try:
        found.say("fault", read_number("fault", value) != 0)
    except DecodeError as error:
        found.ignore("fault", error)


def _phase(found: Findings, code: str, phase: str, value: object) -> None:
    """Voltage, current and power of one phase in one value."""
    try:
        volts, amperes, watts = _from_text(code, value) if isinstance(value, str) else _from_object(code, value)
    except DecodeError as error:
        found.ignore(code, error)
        return
    found.measure(f"voltage.{phase}", volts)
    found.measure(f"current.{phase}", amperes)
    found.measure(f"power.{phase}", watts)


def _from_text(code: str, value: str) -> tuple[float, float, float]:
    if value.lstrip()[:1] == "{":
        return _from_object(code, read_json(code, value.encode()))
    try:
        pack = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError(code, "base64 or a JSON object", value) from error
    if len(pack) < _PACK_MIN:
        raise DecodeError(code, f"at least {_PACK_MIN} bytes", pack)
    whole = int.from_bytes
    return whole(pack[:2], "big") / 10, whole(pack[2:5], "big") / 1000, float(whole(pack[5:8], "big"))


def _from_object(code: str, value: object) -> tuple[float, float, float]:
    said = read_object(code, value)
    current = said.get("electricCurrent", said.get("electriccurrent"))
    volts = read_number(f"{code}.voltage", said.get("voltage"))
    amperes = read_number(f"{code}.electricCurrent", current)
    return volts, amperes, read_number(f"{code}.power", said.get("power")) * 1000
