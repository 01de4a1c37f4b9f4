"""What a virtual device says at an instant: a function of the seed, the device, the time and the incidents going on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from devices.virtual.fleet import VirtualDevice
from devices.virtual.incidents import FALL_CONFIRMED, SECOND_SMOKE, rising
from devices.virtual.rhythm import busy, load, noise, warmth

Ages = Mapping[tuple[str, str], float]
State = dict[str, Any]

_MINUTE: Final = 60

PRESS: Final = 0.3
"""Seconds that a pressed button says so; it is a moment and no state."""


class Moment:
    """One device at one instant, with everything that its state is a function of."""

    def __init__(self, seed: int, device: VirtualDevice, at: datetime, ages: Ages) -> None:
        self.seed = seed
        self.device = device
        self.at = at
        self.ages = ages

    def noise(self, what: str, every: int = _MINUTE) -> float:
        """Noise in [0, 1) that changes every so many seconds."""
        return noise(self.seed, self.device.id, what, int(self.at.timestamp()) // every)

    def trait(self, what: str) -> float:
        """A number in [0, 1) that this device has for good."""
        return noise(self.seed, self.device.id, what)

    def age(self, incident: str, device: str = "") -> float | None:
        """Seconds since an incident began at this device (or at another one), or None."""
        return self.ages.get((incident, device or self.device.id))


def state_of(moment: Moment) -> State:
    """The device's state: properties as Zigbee2MQTT names them, or our points."""
    return _STATES[moment.device.kind](moment)


def _radio(moment: Moment) -> State:
    return {"linkquality": 60 + int(150 * moment.trait("lqi")) + int(20 * moment.noise("lqi"))}


def _battery(moment: Moment, *, volts: bool = False) -> State:
    low = moment.age("battery-low") is not None
    charge = 7 if low else 60 + int(40 * moment.trait("battery"))
    return {"battery": charge, **({"voltage": 2500 + 6 * charge} if volts else {})}


def _smoke(moment: Moment) -> State:
    age = moment.age("kitchen-fire", "smoke-kitchen")
    reached = {"smoke-kitchen": 0.0, "smoke-corridor-1": SECOND_SMOKE}.get(moment.device.id)
    smoke = age is not None and reached is not None and age >= reached
    low = moment.age("battery-low") is not None
    return {"smoke": smoke, "battery_low": low, "tamper": False, **_battery(moment), **_radio(moment)}


def _gas(moment: Moment) -> State:
    return {"gas": moment.age("gas-leak") is not None, "battery_low": False, "tamper": False, **_radio(moment)}


def _co(moment: Moment) -> State:
    age = moment.age("kitchen-fire", "smoke-kitchen")
    ppm = round((0.0 if age is None else rising(age, 20.0, 180.0, 220.0)) + 3.0 * moment.noise("co"))
    return {"carbon_monoxide": ppm >= 100, "co": ppm, "battery_low": False, **_battery(moment), **_radio(moment)}


def _sos(moment: Moment) -> State:
    age = moment.age("sos")
    pressed = age is not None and age < PRESS
    return {**({"action": "emergency"} if pressed else {}), **_battery(moment), **_radio(moment)}


def _fall(moment: Moment) -> State:
    age = moment.age("fall")
    status = "normal" if age is None else ("fall_warning" if age < FALL_CONFIRMED else "fall_alarm")
    night = busy(moment.at) < 0.35
    present = age is not None or moment.noise("presence", 600) < (0.97 if night else 0.45)
    return {
        "fall_status": status,
        "occupancy": present,
        "sensor_status": "static" if night or age is not None else "activity",
        "sensitivity": 1,
        **_radio(moment),
    }


def _door(moment: Moment) -> State:
    opened = moment.noise("open", 300) < 0.4 * busy(moment.at)
    return {"contact": not opened, **_battery(moment, volts=True), **_radio(moment)}


def _motion(moment: Moment) -> State:
    moved = moment.noise("moved", 120) < busy(moment.at)
    lux = int(400 * busy(moment.at) + 20 * moment.noise("lux"))
    return {"occupancy": moved, "illuminance": lux, **_battery(moment, volts=True), **_radio(moment)}


def _climate(moment: Moment) -> State:
    age = moment.age("kitchen-fire", "smoke-kitchen") if moment.device.zone == "kitchen" else None
    hotter = 0.0 if age is None else rising(age, 5.0, 240.0, 55.0)
    return {
        "temperature": round(warmth(moment.at) + 2 * moment.trait("warm") + moment.noise("warm", 600) + hotter, 2),
        "humidity": round(50 + 12 * moment.noise("humid", 1800) - hotter / 3, 2),
        "pressure": round(1005 + 8 * moment.noise("pressure", 7200), 1),
        **_battery(moment, volts=True),
        **_radio(moment),
    }


def _water_leak(moment: Moment) -> State:
    return {
        "water_leak": False,
        "device_temperature": round(warmth(moment.at) + 2),
        "battery_low": False,
        "tamper": False,
        **_battery(moment, volts=True),
        **_radio(moment),
    }


def _plug(moment: Moment) -> State:
    watts = round(1800 * load(moment.at) * (0.3 + 0.7 * moment.noise("load")))
    volts = round(226 + 8 * moment.noise("volts"), 1)
    return {
        "state": "ON",
        "power_outage_memory": "on",
        "current": round(watts / volts, 2),
        "power": watts,
        "voltage": volts,
        "energy": round(_counted(moment, 0.4), 2),
        **_radio(moment),
    }


def _counted(moment: Moment, kilowatts: float) -> float:
    """A running total of energy (kWh) at an average power, since 2026."""
    return max(0.0, (moment.at.timestamp() - 1_767_225_600) / 3600 * kilowatts)


def _sounder(moment: Moment) -> State:
    return {**_battery(moment), "max_duration": 240, **_radio(moment)}


def _manual_call(_: Moment) -> State:
    return {"manual_call.alarm": False, "fault": False}


def _electrical(moment: Moment) -> State:
    fire = moment.age("kitchen-fire", "smoke-kitchen") if moment.device.zone == "board" else None
    hot = moment.age("electrical-overheat")
    share = load(moment.at)
    amperes = {p: round(4 + 28 * share * (0.7 + 0.3 * moment.noise("i" + p, 10)), 2) for p in "abc"}
    if fire is not None and fire < 240.0:
        amperes["a"] = round(amperes["a"] + rising(fire, 0.0, 20.0, 45.0), 2)
    residual = 18 + 14 * moment.noise("residual", 10) + (0.0 if fire is None else rising(fire, 30.0, 60.0, 260.0))
    state: State = {f"current.{phase}": value for phase, value in amperes.items()}
    state |= {f"voltage.{phase}": round(225 + 8 * moment.noise("u" + phase, 30), 1) for phase in "abc"}
    state["current.residual"] = round(residual + (0.0 if hot is None else rising(hot, 60.0, 300.0, 420.0)), 1)
    state["power"] = round(sum(amperes.values()) * 228 * 0.95)
    state["energy"] = round(_counted(moment, 12.0), 2)
    for n in range(1, 5):
        extra = rising(hot, 0.0, 300.0, 62.0) if hot is not None and n == 2 else 0.0
        state[f"cable_temp.{n}"] = round(warmth(moment.at) + 8 + 12 * share + 2 * moment.noise(f"t{n}", 60) + extra, 1)
    state["arc.alarm"] = False
    return state


def _cable_temp(moment: Moment) -> State:
    base = warmth(moment.at) + 6 + 10 * load(moment.at)
    return {f"cable_temp.{n}": round(base + 3 * moment.noise(f"t{n}", 60), 1) for n in range(1, 5)}


def _video(moment: Moment) -> State:
    """A camera, as the agent that watches the cameras sees it."""
    lost = moment.age("camera-lost")
    if lost is not None:
        return {"video.online": False, "video.frame_age": round(lost, 3), "video.fps": 0, "video.blank": False}
    return {
        "video.online": True,
        "video.frame_age": round(0.04 + 0.2 * moment.noise("age", 30), 3),
        "video.fps": 25 - int(2 * moment.noise("fps", 30)),
        "video.blank": False,
    }


_STATES: Final[dict[str, Callable[[Moment], State]]] = {
    "smoke": _smoke,
    "gas": _gas,
    "co": _co,
    "sos": _sos,
    "fall": _fall,
    "door": _door,
    "motion": _motion,
    "climate": _climate,
    "water_leak": _water_leak,
    "plug": _plug,
    "sounder": _sounder,
    "manual_call": _manual_call,
    "electrical": _electrical,
    "cable_temp": _cable_temp,
    "video": _video,
}
