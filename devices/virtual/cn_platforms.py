"""Virtual devices of the Chinese platforms: each message in the form of its platform, with what it means.

A function of the seed and the time, for demonstrations, drills and tests.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from devices.virtual.rhythm import noise


class VirtualMessage(NamedTuple):
    """One message: the codec that reads it, where it comes, its bytes, and what each device in it means by it."""

    codec: str
    topic: str
    payload: bytes
    means: dict[str, dict[str, bool | float]]


class _Now(NamedTuple):
    seed: int
    at: datetime
    alarm: bool

    def within(self, what: str, lowest: float, highest: float) -> float:
        """A number of this device that changes every ten minutes, to the tenth."""
        share = noise(self.seed, what, int(self.at.timestamp()) // 600)
        return round(lowest + share * (highest - lowest), 1)

    @property
    def milliseconds(self) -> int:
        return int(self.at.timestamp() * 1000)

    @property
    def compact(self) -> str:
        return self.at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def messages(seed: int, at: datetime, *, alarm: bool = False) -> Iterator[VirtualMessage]:
    """One message of each kind at this instant; `alarm`: every device that can is in alarm."""
    now = _Now(seed, at, alarm)
    for make in _KINDS:
        yield make(now)


def _message(
    codec: str, topic: str, payload: Mapping[str, Any] | list[Any], **means: dict[str, bool | float]
) -> VirtualMessage:
    return VirtualMessage(codec, topic, json.dumps(payload, ensure_ascii=False).encode(), means)


def _aliyun(now: _Now) -> VirtualMessage:
    battery, warmth = now.within("aliyun-battery", 60, 100), now.within("aliyun-warmth", 18, 26)
    values = {"SmokeSensorState": int(now.alarm), "BatteryPercentage": battery, "CurrentTemperature": warmth}
    params = {name: {"value": value, "time": now.milliseconds} for name, value in values.items()}
    post = {"id": "1", "version": "1.0", "params": params, "method": "thing.event.property.post"}
    means = {"smoke.alarm": now.alarm, "battery": battery, "temperature": warmth}
    return _message("aliyun-iot", "/sys/a1virtual/smoke-1/thing/event/property/post", post, **{"smoke-1": means})


def _iotda(now: _Now) -> VirtualMessage:
    warmth = now.within("iotda-warmth", 18, 26)
    services = [
        {"service_id": "Smoke", "properties": {"alarm": int(now.alarm)}, "event_time": now.compact},
        {"service_id": "Temperature", "properties": {"value": warmth}, "event_time": now.compact},
    ]
    means = {"smoke.alarm": now.alarm, "temperature": warmth}
    report = {"devices": [{"device_id": "hw-smoke-1", "services": services}]}
    topic = "$oc/devices/hw-gateway/sys/gateway/sub_devices/properties/report"
    return _message("huawei-iotda", topic, report, **{"hw-smoke-1": means})


def _onenet(now: _Now) -> VirtualMessage:
    warmth, damp = now.within("onenet-warmth", 18, 26), now.within("onenet-damp", 30, 70)
    params = {"CurrentTemperature": {"value": warmth}, "CurrentHumidity": {"value": damp}}
    means: dict[str, bool | float] = {"temperature": warmth, "humidity": damp}
    if now.alarm:
        params["GasSensorState"] = {"value": 1}
        means["gas.alarm"] = True
    post = {"id": "1", "version": "1.0", "params": params}
    return _message("onenet", "$sys/virtual/room-1/thing/property/post", post, **{"room-1": means})


def _ctwing_smoke(now: _Now) -> VirtualMessage:
    battery = round(now.within("lian-battery", 60, 100))
    data = {"Alarm_Status": 1 if now.alarm else 7, "Battery_Level": battery, "RSRP": 98, "SNR": 12, "TData": 24}
    clear = {"smoke.alarm": False, "alarm.silenced": False, "fault": False, "battery.low": False}
    means: dict[str, bool | float] = {"battery": float(battery), **({"smoke.alarm": True} if now.alarm else clear)}
    push = _push(now, "860000000000017", {"serviceId": "notification", "serviceData": data})
    return _message("ctwing-aep", "push", push, **{"860000000000017": means})


def _ctwing_panel(now: _Now) -> VirtualMessage:
    inner = {"b": [{"id": "00017", "v": "2" if now.alarm else "1"}], "c": 27, "tm": now.milliseconds}
    text = base64.b64encode(json.dumps(inner).encode()).decode()
    means: dict[str, bool | float] = {"fire.alarm": now.alarm, "fault": False}
    return _message("ctwing-aep", "push", _push(now, "panel-1", {"APPdata": text}), **{"panel-1/00017": means})


def _push(now: _Now, imei: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    envelope = {"messageType": "dataReport", "protocol": "lwm2m", "productId": "virtual", "deviceId": f"id-{imei}"}
    return {**envelope, "IMEI": imei, "IMSI": "undefined", "timestamp": now.milliseconds, "payload": dict(payload)}


def _nb306(now: _Now) -> VirtualMessage:
    warmth = now.within("nb306-warmth", 18, 26)
    data = {"devId": "20000017", "devState": int(now.alarm), "electricQuantity": 97, "temperature": round(warmth * 10)}
    service = {"serviceId": "Report", "serviceType": "Report", "data": data, "eventTime": now.compact}
    clear = {"smoke.alarm": False, "tamper": False, "battery.low": False, "test": False}
    state = {"smoke.alarm": True} if now.alarm else clear
    means: dict[str, bool | float] = {**state, "battery": 97.0, "temperature": warmth}
    push = {"notifyType": "deviceDataChanged", "deviceId": "oc-17", "gatewayId": "oc-17", "service": service}
    return _message("oceanconnect-legacy", "push", push, **{"20000017": means})


def _electrical(now: _Now) -> VirtualMessage:
    leaks = {n: round(now.within(f"leak-{n}", 0, 30)) for n in range(1, 5)}
    heats = {n: round(now.within(f"cable-{n}", 20, 45)) for n in range(1, 5)}
    push: dict[str, Any] = {"type": "0302" if now.alarm else "0301", "chipcode": "701800000000000017"}
    push |= {f"current{n}": leak for n, leak in leaks.items()} | {f"temperature{n}": t for n, t in heats.items()}
    push["eventdate"] = int(now.at.timestamp())
    means: dict[str, bool | float] = {f"current.residual.{n}": float(leak) for n, leak in leaks.items()}
    means |= {f"cable_temp.{n}": float(heat) for n, heat in heats.items()}
    if now.alarm:
        push["event"] = "1361"
        means["current.alarm"] = True
    return _message("cn-electrical-fire", "push", push, **{"701800000000000017": means})


def _lian_electrical(now: _Now) -> VirtualMessage:
    leak = now.within("lian-leak", 0, 30)
    row = {"deviceId": "4017", "pointId": "10901", "value": str(leak), **({" alarmType": "201"} if now.alarm else {})}
    push = {"type": 2 if now.alarm else 1, "time": str(now.milliseconds), "data": [row]}
    means: dict[str, bool | float] = {"current.residual": leak, **({"current.alarm": True} if now.alarm else {})}
    return _message("lian", "push", push, **{"4017": means})


def _host(now: _Now) -> VirtualMessage:
    push = {"dcode": "868000000000000017", "loop": "000", "address": "251", "eventdate": int(now.at.timestamp())}
    push |= {"event": "0003", "content": "报警_251防区主机SOS"} if now.alarm else {"event": "0001", "content": ""}
    means: dict[str, bool | float] = {"sos.alarm": True} if now.alarm else {}
    return _message("wanlin", "push", push, **{"868000000000000017": means})


def _tuya(now: _Now) -> VirtualMessage:
    status = [{"code": "gas_sensor_status", "value": "alarm" if now.alarm else "normal", "t": now.milliseconds}]
    means: dict[str, bool | float] = {"gas.alarm": now.alarm}
    return _message("tuya", "push", {"devId": "tuya-gas-1", "status": status}, **{"tuya-gas-1": means})


_KINDS: Final[tuple[Callable[[_Now], VirtualMessage], ...]] = (
    *(_aliyun, _iotda, _onenet, _ctwing_smoke, _ctwing_panel, _nb306),
    *(_electrical, _lian_electrical, _host, _tuya),
)
