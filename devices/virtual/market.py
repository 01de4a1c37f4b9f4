"""Virtual devices of the market's MQTT ecosystems: their true topics and payloads, and what was meant by them.

Each function gives the packets that a device sends by itself at an instant, a function of the seed and the time. What
they mean is in `meant`, by the address that the ecosystem's codec reads: tests decode them and compare.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from devices.virtual.home import VirtualPacket
from devices.virtual.rhythm import LOCAL, load, noise, warmth

Values = dict[str, bool | float | str]

STEP: Final = timedelta(minutes=7)


class Meant(msgspec.Struct, frozen=True):
    """One packet, and what it means: readings by address."""

    packet: VirtualPacket
    meant: dict[str, Values]


def _bare(at: datetime, topic: str, text: str, meant: dict[str, Values], *, retained: bool = False) -> Meant:
    return Meant(VirtualPacket(at, topic, text.encode(), 0, retained), meant)


def _json(at: datetime, topic: str, said: dict[str, Any], meant: dict[str, Values], *, retained: bool = False) -> Meant:
    return _bare(at, topic, json.dumps(said, ensure_ascii=False), meant, retained=retained)


def _happens(seed: int, at: datetime, what: str, chance: float) -> bool:
    """Whether something is so at this instant, for so large a part of all instants."""
    return noise(seed, at.timestamp(), what) < chance


def _round(seed: int, at: datetime, what: str, lowest: float, highest: float, digits: int = 1) -> float:
    return round(lowest + (highest - lowest) * noise(seed, at.timestamp(), what), digits)


def tasmota(seed: int, at: datetime, prefix: str = "") -> list[Meant]:
    """A socket with a meter, a relay board with contacts, and a Zigbee bridge with a smoke detector."""
    start = f"{prefix}/" if prefix else ""
    local = (at + LOCAL).strftime("%Y-%m-%dT%H:%M:%S")
    watts = round(1200 * load(at) * noise(seed, "socket"))
    volts = _round(seed, at, "volts", 225, 235, 0)
    amperes, total = round(watts / volts, 3), round(500 + at.timestamp() % 1e6 / 1e4, 3)
    closed, fire = _happens(seed, at, "contact", 0.5), _happens(seed, at, "fire", 0.1)
    quality = _round(seed, at, "lqi", 60, 200, 0)
    energy = {"Total": total, "Yesterday": 1.5, "Today": 0.5, "Power": watts, "Voltage": volts, "Current": amperes}
    smoke = {"Device": "0x7A01", "ZoneStatusChange": int(fire), "Fire": int(fire), "LinkQuality": quality}
    meter: Values = {"energy": total, "power": float(watts), "voltage.a": volts, "current.a": amperes}
    word = "ON" if closed else "OFF"
    return [
        _bare(at, f"{start}tele/socket/LWT", "Online", {"socket": {"online": True}}, retained=True),
        _json(at, f"{start}tele/socket/SENSOR", {"Time": local, "ENERGY": energy}, {"socket": meter}),
        _json(at, f"{start}tele/board/SENSOR", {"Time": local, "Switch1": word}, {"board": {"input.1": closed}}),
        _json(at, f"{start}tele/board/STATE", {"Time": local, "POWER1": word}, {"board": {"relay.1": closed}}),
        _json(
            at,
            f"{start}tele/bridge/SENSOR",
            {"ZbReceived": {"0x7A01": smoke}},
            {"0x7A01": {"fire.alarm": fire, "lqi": quality}},
        ),
    ]


def shelly(seed: int, at: datetime, prefix: str = "") -> list[Meant]:
    """A gas detector of the first generation; a smoke detector waking up and a three-phase meter of the second."""
    start = f"{prefix}/" if prefix else ""
    gas = _happens(seed, at, "gas", 0.1)
    ppm = _round(seed, at, "ppm", 2000, 9000, 0) if gas else _round(seed, at, "ppm", 0, 50, 0)
    smoke, muted = _happens(seed, at, "smoke", 0.1), _happens(seed, at, "mute", 0.05)
    charge = _round(seed, at, "battery", 60, 100, 0)
    detector, gasser = "shellyplussmoke-80646fd1aaaa", "shellygas-10521cf2aaaa"
    phases = {letter: _round(seed, at, f"phase {letter}", 1, 30 * (0.1 + load(at)), 3) for letter in "abc"}
    report = {
        "src": detector,
        "dst": f"{detector}/events",
        "method": "NotifyFullStatus",
        "params": {
            "ts": 2.46,
            "devicepower:0": {"id": 0, "battery": {"V": 2.94, "percent": charge}},
            "smoke:0": {"id": 0, "alarm": smoke, "mute": muted},
            "sys": {"unixtime": None, "wakeup_period": 86400},
        },
    }
    woken: Values = {"battery": charge, "battery.voltage": 2.94, "smoke.alarm": smoke, "alarm.silenced": muted}
    meter = {"id": 0, **{f"{letter}_current": value for letter, value in phases.items()}, "n_current": None}
    return [
        _bare(at, f"{start}shellies/{gasser}/sensor/gas", "heavy" if gas else "none", {gasser: {"gas.alarm": gas}}),
        _bare(at, f"{start}shellies/{gasser}/sensor/concentration", str(int(ppm)), {gasser: {"gas.ppm": ppm}}),
        _json(at, f"{start}{detector}/events/rpc", report, {detector: woken}),
        _bare(at, f"{start}{detector}/online", "false", {detector: {}}, retained=True),
        _json(
            at,
            f"{start}shellypro3em-a/status/em:0",
            meter,
            {"shellypro3em-a": {f"current.{letter}": value for letter, value in phases.items()}},
        ),
    ]


def esphome(seed: int, at: datetime, prefix: str = "") -> list[Meant]:
    """A fall radar (Seeed MR60FDA2) and a climate sensor; every state is retained."""
    start = f"{prefix}/" if prefix else ""
    fallen, present = _happens(seed, at, "fall", 0.1), _happens(seed, at, "person", 0.6)
    warm = round(warmth(at), 1)
    node = "seeed-mr60fda2"
    return [
        _bare(at, f"{start}{node}/status", "online", {node: {"online": True}}, retained=True),
        _bare(
            at,
            f"{start}{node}/binary_sensor/falling_information/state",
            "ON" if fallen else "OFF",
            {node: {"fall.alarm": fallen}},
            retained=True,
        ),
        _bare(
            at,
            f"{start}{node}/binary_sensor/person_information/state",
            "ON" if present else "OFF",
            {node: {"presence": present}},
            retained=True,
        ),
        _bare(at, f"{start}climate/sensor/temperature/state", str(warm), {"climate": {"temperature": warm}}),
        _bare(at, f"{start}climate/sensor/humidity/state", "nan", {"climate": {}}),
    ]


def homeassistant(seed: int, at: datetime, prefix: str = "") -> list[Meant]:
    """A smoke detector and its thermometer that announce themselves before they speak."""
    start = f"{prefix}/" if prefix else ""
    smoke, fahrenheit = _happens(seed, at, "smoke", 0.1), _round(seed, at, "heat", 60, 80)
    device = {"ids": ["detector-1"], "name": "Detector"}
    alarm = {
        "dev": device,
        "~": f"{start}house/detector",
        "stat_t": "~/state",
        "avty_t": "~/status",
        "dev_cla": "smoke",
        "val_tpl": "{{ value_json.smoke }}",
        "pl_on": True,
        "pl_off": False,
    }
    heat = {
        "dev": device,
        "stat_t": f"{start}house/detector/heat",
        "dev_cla": "temperature",
        "unit_of_meas": "°F",
        "val_tpl": "{{ value | float | round(1) }}",
    }
    celsius = round((fahrenheit - 32) * 5 / 9, 1)
    return [
        _json(at, f"{start}homeassistant/binary_sensor/d1/smoke/config", alarm, {"detector-1": {}}, retained=True),
        _json(at, f"{start}homeassistant/sensor/d1/heat/config", heat, {"detector-1": {}}, retained=True),
        _bare(at, f"{start}house/detector/status", "online", {"detector-1": {"online": True}}, retained=True),
        _json(at, f"{start}house/detector/state", {"smoke": smoke}, {"detector-1": {"smoke.alarm": smoke}}),
        _bare(at, f"{start}house/detector/heat", str(fahrenheit), {"detector-1": {"temperature": celsius}}),
    ]


def ring(seed: int, at: datetime, prefix: str = "ring") -> list[Meant]:
    """A listener to smoke and CO alarms, as ring-mqtt repeats it."""
    smoke, gas = _happens(seed, at, "smoke", 0.1), _happens(seed, at, "co", 0.1)
    charge = _round(seed, at, "battery", 60, 100, 0)
    place, device = f"{prefix}/a1b2/alarm/9f8e", "9f8e"
    info = {"batteryLevel": charge, "batteryStatus": "full", "tamperStatus": "ok", "serialNumber": "x"}
    return [
        _bare(at, f"{place}/status", "online", {device: {"online": True}}),
        _bare(at, f"{place}/smoke/state", "ON" if smoke else "OFF", {device: {"smoke.alarm": smoke}}),
        _bare(at, f"{place}/co/state", "ON" if gas else "OFF", {device: {"co.alarm": gas}}),
        _json(at, f"{place}/info/state", info, {device: {"battery": charge, "tamper": False}}),
    ]


def zwavejs(seed: int, at: datetime, prefix: str = "zwave") -> list[Meant]:
    """A smoke detector of Z-Wave, in each of the three payload modes."""
    smoke, test = _happens(seed, at, "smoke", 0.1), _happens(seed, at, "test", 0.1)
    charge = _round(seed, at, "battery", 60, 100, 0)
    node, milliseconds = "hall/detector", int(at.timestamp() * 1000)
    whole = {"nodeId": 66, "commandClass": 128, "property": "level", "value": charge, "unit": "%"}
    return [
        _bare(
            at,
            f"{prefix}/{node}/113/0/Smoke_Alarm/Sensor_status",
            "2" if smoke else "0",
            {node: {"smoke.alarm": smoke}},
        ),
        _json(
            at,
            f"{prefix}/{node}/notification/endpoint_0/Smoke_Alarm/Alarm_status",
            {"time": milliseconds, "value": 3 if test else 0},
            {node: {"test": test}},
        ),
        _json(at, f"{prefix}/{node}/128/0/level", whole, {node: {"battery": charge}}),
        _json(at, f"{prefix}/{node}/status", {"value": True, "status": "Alive"}, {node: {"online": True}}),
    ]


def rtl433(seed: int, at: datetime, prefix: str = "rtl_433") -> list[Meant]:
    """A thermometer of the house, and a neighbour's motion detector that is taken for a smoke detector."""
    warm, wet = round(warmth(at), 1), _round(seed, at, "humidity", 30, 70, 0)
    local = (at + LOCAL).strftime("%Y-%m-%d %H:%M:%S")
    weak = _happens(seed, at, "weak", 0.1)
    mine = {"time": local, "model": "Nexus-TH", "id": 42, "channel": 2, "battery_ok": int(not weak)}
    return [
        _json(
            at,
            f"{prefix}/host/events",
            {**mine, "temperature_C": warm, "humidity": wet},
            {"Nexus-TH/2/42": {"battery.low": weak, "temperature": warm, "humidity": wet}},
        ),
        _json(
            at,
            f"{prefix}/host/events",
            {"time": local, "model": "Smoke-GS558", "id": 12718, "unit": 22, "learn": 0, "code": "9635d6"},
            {"Smoke-GS558/12718": {}},
        ),
    ]


def devtank(seed: int, at: datetime, prefix: str = "devtank") -> list[Meant]:
    """A monitor with a current clamp; every value is text."""
    amperes, warm = _round(seed, at, "current", 1, 20), round(warmth(at), 1)
    values = {"TEMP": str(warm), "TEMP_min": "1", "TEMP_max": "99", "CC1": str(amperes), "CC1_max": "99"}
    said = {"UNIX": int(at.timestamp()), "NAME": "Boiler", "VALUES": values}
    return [_json(at, f"{prefix}/boiler", said, {"Boiler": {"temperature": warm, "current.a": amperes}})]


ECOSYSTEMS: Final[dict[str, Callable[..., list[Meant]]]] = {
    "tasmota": tasmota,
    "shelly": shelly,
    "esphome": esphome,
    "homeassistant": homeassistant,
    "ring": ring,
    "zwavejs": zwavejs,
    "rtl433": rtl433,
    "devtank": devtank,
}
"""The ecosystems by the name of their codec."""


def stream(name: str, seed: int, at: datetime, times: int, **where: str) -> Iterator[Meant]:
    """The packets of an ecosystem's devices at `times` instants, seven minutes apart."""
    for number in range(times):
        yield from ECOSYSTEMS[name](seed, at + number * STEP, **where)
