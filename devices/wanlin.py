"""Wanlin (万林): NB-IoT smoke detectors NB306 and NB301, fire hosts, gas shut-off, water pressure, 智慧用电.

Sources: code tables and captured messages of a fire-protection service that receives them (com.smart.device, public
source index ids 5967631752 NB306, 6077054877 NB301, 6067443714 NB3011, 5955836526 host, 5704912465 gas, 6368111183
pressure, 5955439487 level, 6499832233 electrical). Where an event's kind is told in Chinese words, exact words count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from devices.codec import DecodeError
from devices.named_values import Devices, Findings, Named, Said, Table, code_of, coded, number, text_of
from devices.values import read_instant, read_number

NB306: Final[Table] = {
    "devState": coded(
        {
            "0": (("smoke.alarm", False), ("tamper", False), ("battery.low", False), ("test", False)),  # 心跳
            "1": (("smoke.alarm", True),),  # 发生火警
            "2": (("heat.alarm", True),),  # 温度过高
            "3": (("tamper", True),),  # 设备被拆
            "4": (("battery.low", True),),  # 低电压
            "5": (("test", True),),  # 自检
        }
    ),
    "electricQuantity": number("battery"),
    "temperature": number("temperature", per=10),
    "smokescope": number("smoke.density"),
}
"""Service `Report`; `signal` and `cmdValue` (2 login, 10 event, f reset) are no readings."""

NB301_STATE: Final[dict[str, Said]] = {
    "1": (("smoke.alarm", True),),  # 发生火灾: one digit as in the NB306
    "2": (("heat.alarm", True),),  # 温度过高
    "3": (("tamper", True),),  # 设备被拆
    "4": (("battery.low", True),),  # 低电
    "5": (("test", True),),  # 测试
    "f": (("smoke.alarm", False),),  # 报警恢复
    "01": (("smoke.alarm", True),),  # 报警
    "02": (("battery.low", True),),  # 低电
    "10": (("test", True),),  # 自检: no alarm
    "11": (("smoke.alarm", False),),  # 恢复
}
NB301_LINK: Final[dict[str, Said]] = {
    "online": (("online", True),),
    "offline": (("online", False),),
    "abnormal": (("fault", True),),
}
_NB301: Final = re.compile(
    r"N(?P<model>[0-9]{3})V(?P<version>[0-9]{2})I(?P<imei>[0-9]{15})H(?P<iccid>[0-9A-Z]{20})"
    r"X(?P<state>[0-9A-Za-z]{2})T(?P<temperature>-?[0-9]{1,3})U(?P<battery>[0-9]{1,3})S(?P<signal>[0-9]{1,3})"
)

PRESSURE_STATE: Final[dict[str, Said]] = {
    "10": (("test", True),),  # 设备自检
    "02": (("battery.low", True),),  # 电量不足
    "03": (("fault", True),),  # 低压报警 / 低水位
    "13": (("fault", False),),
    "04": (("fault", True),),  # 高压报警 / 高水位
    "14": (("fault", False),),
}
_PRESSURE: Final = re.compile(
    r"(?P<model>NB[0-9]{4})[0-9]{3}(?P<imei>[0-9]{15})(?P<state>[0-9A-Za-z]{2})[0-9A-Za-z]{14}"
)

HOST_EVENT: Final[dict[str, str]] = {
    "0001": "heartbeat",
    "0002": "login",
    "0003": "alarm",
    "0006": "fault",
    "0007": "reset",
    "0008": "valve",
    "0009": "heartbeat",
    "000c": "parts",
    "000d": "clock",
}
GAS_DEVICE: Final = "361"
HOST_WORDS: Final[dict[str, Said]] = {
    "SOS": (("sos.alarm", True),),
    "紧急": (("sos.alarm", True),),
    "紧急求助": (("sos.alarm", True),),
    "防拆": (("tamper", True),),
    "烟感": (("smoke.alarm", True),),
    "烟雾": (("smoke.alarm", True),),
    "感烟": (("smoke.alarm", True),),
    "温感": (("heat.alarm", True),),
    "感温": (("heat.alarm", True),),
    "手报": (("manual_call.alarm", True),),
    "手动报警": (("manual_call.alarm", True),),
    "火警": (("fire.alarm", True),),
    "燃气": (("gas.alarm", True),),
    "气感": (("gas.alarm", True),),
    "煤气": (("gas.alarm", True),),
    "水浸": (("water_leak.alarm", True),),
    "门磁": (("door.open", True),),
    "红外": (("motion", True),),
    "低电": (("battery.low", True),),
    "欠压": (("battery.low", True),),
}
"""What an alarm of a host is, by the last word of `报警_251防区主机SOS`. Any other is its fire alarm."""

_CONTENT: Final = re.compile(r"[^_]{1,8}_(?P<zone>[0-9]{1,4})防区(?P<host>主机)?(?P<word>.{0,32})")

ELECTRICAL: Final[Table] = {
    **{f"current{n}": number(f"current.residual.{n}") for n in range(1, 5)},  # 漏电电流（毫安）
    **{f"temperature{n}": number(f"cable_temp.{n}") for n in range(1, 5)},
}
ELECTRICAL_EVENT: Final[dict[str, Said]] = {
    "1361": (("current.alarm", True),),  # 线路过流报警
    "3361": (("current.alarm", False),),
    "1360": (("power.mains", False),),  # 线路断电报警
    "3360": (("power.mains", True),),
    "1364": (("heat.alarm", True),),  # 现场温度过高报警
    "3364": (("heat.alarm", False),),
    "1363": (),  # 现场温度过低报警
    "3363": (),
    "1366": (("online", False),),  # 电力线监测器离线
    "3366": (("online", True),),
    "3921": (("alarm.silenced", True),),  # 消音
    "3922": (),  # 消警
    "1941": (("relay.1", True),),  # PGM 开关输出打开
    "3941": (("relay.1", False),),
}
_HEARTBEAT, _EVENT = "0301", "0302"


def date_seconds(found: Findings, name: str, value: object) -> None:
    """A time in seconds since 1970, left out and named where it is none."""
    if value is None or value == "" or value == 0:
        return
    try:
        found.date(read_instant(name, read_number(name, value) * 1000))
    except DecodeError as error:
        found.ignore(name, error)


def read_report(found: Findings, data: Mapping[str, Any]) -> None:
    """Service `Report` of the NB306."""
    found.read_all(data, NB306)


def imei_of(service: str, data: Mapping[str, Any]) -> str:
    """The IMEI in the text of services `WPS` and `ReceivePiezoMeter`, "" where it cannot be read."""
    pattern, text = (_NB301, data.get("Data")) if service == "WPS" else (_PRESSURE, data.get(service))
    match = pattern.fullmatch(text) if isinstance(text, str) else None
    return match["imei"] if match is not None else ""


def read_tagged(found: Findings, data: Mapping[str, Any]) -> None:
    """Service `WPS`: one text with tags, `N311V31I<imei>H<iccid>X10T28U99S18` (X state, T °C, U %, S signal)."""
    text = data.get("Data")
    match = _NB301.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        error = DecodeError("Data", "N<model>V<version>I<imei>H<iccid>X<state>T<°C>U<%>S<signal>", text)
        found.ignore("Data", error, danger=True)
        return
    found.read("X", Named(codes=NB301_STATE), match["state"])
    found.read("T", number("temperature"), match["temperature"])
    found.read("U", number("battery"), match["battery"])


def read_pressure(found: Findings, data: Mapping[str, Any]) -> None:
    """Service `ReceivePiezoMeter`: the water's pressure or level left its limits. Its numbers have no stated unit."""
    text = data.get("ReceivePiezoMeter")
    match = _PRESSURE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        found.ignore("ReceivePiezoMeter", DecodeError("ReceivePiezoMeter", "the 40 characters of a NB900x", text))
        return
    found.read("state", Named(codes=PRESSURE_STATE), match["state"])
    found.tell(type="pressure_state", code=match["state"])


def is_electrical(said: Mapping[str, Any]) -> bool:
    """Whether this is a push of 智慧用电: `{type: "0301" | "0302", chipcode, …}`."""
    return "chipcode" in said and "type" in said


def read_electrical(devices: Devices, said: Mapping[str, Any]) -> None:
    """`current1..4` are residual currents in mA, not load; an event stands in `event`."""
    found = devices.of(text_of(said["chipcode"]))
    kind = code_of(said["type"])
    if kind.zfill(4) not in (_HEARTBEAT, _EVENT):
        raise DecodeError(f"{found.device}: type", "0301 or 0302", said["type"])
    date_seconds(found, "eventdate", said.get("eventdate"))
    found.read_all(said, ELECTRICAL)
    code = code_of(said.get("event"))
    if not code:
        return
    for point, value in ELECTRICAL_EVENT.get(code, ()):
        found.say(point, value)
    if not ELECTRICAL_EVENT.get(code):
        found.tell(type="notice" if code in ELECTRICAL_EVENT else "alarm", code=code)


def is_cloud(said: Mapping[str, Any]) -> bool:
    """Whether this is a push of Wanlin's cloud: the older one of a host (`dcode`), or one with `detail`."""
    return ("dcode" in said and "event" in said) or ("deviceCode" in said and isinstance(said.get("detail"), dict))


def read_cloud(devices: Devices, said: Mapping[str, Any]) -> None:
    """A host, a gas shut-off or a smoke detector; the length of the event's code tells the detector."""
    device = text_of(said.get("deviceCode")) or text_of(said.get("dcode"))
    detail: Mapping[str, Any] = said["detail"] if isinstance(said.get("detail"), dict) else said
    event = code_of(detail.get("event"))
    found = devices.of(device)
    date_seconds(found, "time", said.get("time", said.get("eventdate")))
    if event.zfill(4) in HOST_EVENT and len(event) > 2:
        is_gas = text_of(said.get("deviceType")) == GAS_DEVICE or device.startswith(GAS_DEVICE)
        _read_host(devices, device, HOST_EVENT[event.zfill(4)], said, gas=is_gas)
        if is_gas and code_of(detail.get("state")) in ("1", "2"):
            found.tell(type="valve", state="open" if code_of(detail["state"]) == "1" else "closed")
        return
    found.read("event", Named(codes={**NB301_STATE, **NB301_LINK}), detail.get("event"))
    found.read("temperature", number("temperature"), detail.get("temperature"))
    found.read("bat_capacity", number("battery"), detail.get("bat_capacity"))


def _read_host(devices: Devices, device: str, event: str, said: Mapping[str, Any], *, gas: bool) -> None:
    """An event of a host. An alarm of one of its zones is that zone's (`<host>/251`), one of the host its own."""
    content = text_of(said.get("content"))
    match = _CONTENT.fullmatch(content)
    found = devices.of(device)
    if match is not None and match["host"] is None and match["zone"].strip("0"):
        zone = devices.of(f"{device}/{match['zone']}")
        zone.date(found.measured_at)
        found.tell(type="zone_event", zone=match["zone"])
        found = zone
    if event == "alarm" and gas:
        found.say("gas.alarm", True)
    elif event == "alarm":
        for point, value in HOST_WORDS.get(match["word"].strip() if match is not None else "", _UNKNOWN_ALARM):
            found.say(point, value)
    elif event == "fault":
        found.say("fault", True)
    found.tell(type=event, **({"content": content} if content else {}))


_UNKNOWN_ALARM: Final[Said] = (("fire.alarm", True),)
