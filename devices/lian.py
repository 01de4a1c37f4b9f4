"""LiAn (力安): its NB-IoT smoke detector and its electrical-fire platform.

Sources: code tables of a fire-protection service that receives them (com.smart.device, public source index ids
5845559682 Alarm_Status, 6125720584 alarmType, 5736551038 pointId, 6562637047 gas detector).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from devices.codec import DecodeError
from devices.named_values import Devices, Findings, Named, Said, Table, code_of, number, read_list, read_object, text_of
from devices.thingmodel import date_by

ALARM_STATUS: Final[dict[str, Said]] = {
    "1": (("smoke.alarm", True),),  # 报警
    "2": (("alarm.silenced", True),),  # 静音: the alarm goes on, only its sound is off
    "3": (),  # 保留
    "4": (("battery.low", True),),  # 低压
    "5": (("fault", True),),  # 故障
    "6": (("fault", True),),  # 数据异常
    "7": (("smoke.alarm", False), ("alarm.silenced", False), ("fault", False), ("battery.low", False)),  # 正常
    "8": (),  # 设备收到单次静音指令: that it was told so, not that it is silent
    "9": (),  # 设备收到连续静音指令
    "10": (("tamper", True),),  # 拆卸报警
    "11": (("tamper", False),),  # 拆卸恢复
    "12": (("online", True),),  # 在线
    "13": (("fault", True),),  # 异常
    "14": (("test", True),),  # 模拟报警: a simulated alarm is no alarm
}

SMOKE: Final[Table] = {
    "Alarm_Status": Named(codes=ALARM_STATUS),
    "Battery_Level": number("battery"),
}
"""`AlarmLevel` is no battery, `RSRP` 114 is the magnitude of -114 dBm, `TData` and `CSQ` have no stated meaning."""

POINTS: Final[Table] = {
    "10901": number("current.residual"),  # 漏电电流，单位：mA
    **{f"1030{n}": number(f"voltage.{phase}") for n, phase in enumerate("abc", 1)},
    **{f"1020{n}": number(f"current.{phase}") for n, phase in enumerate("abc", 1)},
    **{f"1010{n}": number(f"cable_temp.{n}") for n in range(1, 5)},
}
"""What a pointId of the electrical-fire platform measures; cable temperatures of A, B, C and neutral."""

ALARM_TYPE: Final[dict[str, Said]] = {
    "100": (),  # 隐患 hidden danger
    "201": (("current.alarm", True),),  # 漏电报警
    "202": (("heat.alarm", True),),  # 超温报警
    "205": (("fire.alarm", True),),  # 报警 of a fire device without a kind of its own
    "206": (),  # 离岗
    "207": (("smoke.alarm", True),),  # 感烟报警
    "208": (("manual_call.alarm", True),),  # 手动报警
    "209": (("gas.alarm", True),),  # 气体浓度高报警
    "603": (("current.alarm", True),),  # 短路
    "604": (("current.alarm", True),),  # 过载
    "605": (("fault", True),),  # 过压
    "606": (("fault", True),),  # 欠压
    "607": (("fault", True),),  # 过温或者接触不良
    "608": (("fault", True),),  # 缺相
    "609": (("fault", True),),  # 三相不平衡
    "610": (("fault", True),),  # 零线混接或零线混用
    "615": (("battery.low", True),),  # 电池电压低
    "80101": (("shielded", True),),
    "80102": (("shielded", False),),
    "80201": (("started", True),),
    "80202": (("started", False),),
    "80301": (),  # 复位: what it stands at afterwards comes by itself
    "80302": (),  # 正常 of a point that is not named
    "80401": (("delayed", True),),
    "80402": (("delayed", False),),
    "80501": (("supervisory", True),),
    "80502": (("supervisory", False),),
    "80601": (("feedback", True),),
    "80602": (("feedback", False),),
    "80801": (("started", True),),  # 动作
    "80802": (("started", False),),
}
"""What an alarmType says. A fault of the mains that it watches (605 to 610) is the point's `fault`."""

_DATA, _ALARM, _ONLINE = "1", "2", "3"


def read_smoke(found: Findings, data: Mapping[str, Any]) -> None:
    """`serviceData` of the smoke detector."""
    found.read_all(data, SMOKE)
    status = code_of(data.get("Alarm_Status"))
    if status in ALARM_STATUS and not ALARM_STATUS[status]:
        found.tell(type="alarm_status", code=status)


def is_electrical(said: Mapping[str, Any]) -> bool:
    """Whether this is a push of the electrical-fire platform: `{type: 1 | 2 | 3, time, data: [{deviceId, …}]}`."""
    return code_of(said.get("type")) in (_DATA, _ALARM, _ONLINE) and isinstance(said.get("data"), list)


def read_electrical(devices: Devices, said: Mapping[str, Any]) -> None:
    """Values, alarms or links of several devices; some keys come with a space before them."""
    kind = code_of(said["type"])
    for entry in read_list("data", said["data"]):
        row = {key.strip(): value for key, value in read_object("data", entry).items()}
        device = text_of(row.get("deviceId"))
        if not device:
            raise DecodeError("data.deviceId", "the id of a device", row)
        found, point = devices.of(device), text_of(row.get("pointId"))
        date_by(found, "time", said.get("time"))
        code = code_of(row.get("alarmType")) if kind == _ALARM else ""
        if point in POINTS and (not code or code in ALARM_TYPE):
            found.read(point, POINTS[point], row.get("value"))
        if kind == _ALARM:
            says = ALARM_TYPE.get(code)
            for name, value in says or ():
                found.say(name, value)
            # A code that no table explains is an alarm all the same: whoever takes the report must show it.
            found.tell(type="notice" if says == () else "alarm", device=device, point=point, code=code)
        elif kind == _ONLINE:
            status = code_of(row.get("status", row.get("value", "1")))
            if status in ("1", "0", "online", "offline"):
                found.say("online", status in ("1", "online"))
