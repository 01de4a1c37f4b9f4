"""How the payload decoders of each vendor spell what their devices say: one table for each dialect, with its source.

A dialect is recognised by properties that only it has, or by the model's name; what it does not know is understood
by `GENERAL`, exact names that mean the same everywhere. Settings, counters and bookkeeping are in no table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from devices.lorawan_meanings import Meaning, Saying, Table, inverted, number, state, words
from devices.milesight_states import MILESIGHT, read_milesight

_FAULT: Final = state("fault")

GENERAL: Final[dict[str, Meaning]] = {
    "temperature": number("temperature", void=(327.67, 3276.7, 6553.5, -273.15)),
    "humidity": number("humidity", void=(6553.5, 65535.0)),
    "battery": Meaning("battery", battery_in_doubt=True),
    "battery_low": state("battery.low"),
    "low_battery": state("battery.low"),
    "smoke": state("smoke.alarm"),
    "smoke_alarm": state("smoke.alarm"),
    "smokeAlarm": state("smoke.alarm"),
    "heat_alarm": state("heat.alarm"),
    "heatAlarm": state("heat.alarm"),
    "gas": state("gas.alarm"),
    "gas_alarm": state("gas.alarm"),
    "gasAlarm": state("gas.alarm"),
    "carbon_monoxide": state("co.alarm"),
    "co_alarm": state("co.alarm"),
    "coAlarm": state("co.alarm"),
    "water_leak": state("water_leak.alarm", ("leak", "leaking", "wet"), ("dry", "no leak")),
    "waterLeak": state("water_leak.alarm", ("leak", "leaking", "wet"), ("dry", "no leak")),
    "tamper": state("tamper"),
    "sos": state("sos.alarm"),
    "fall": state("fall.alarm"),
}
"""Safe everywhere: facts sheet section 12 ("generic fallback"), and alarms spelled out in full."""

# TheThingsNetwork/lorawan-devices@0a254aa vendor/dragino/{lht65,lht52,lds02,lwl02,lsn50-v2,ltc2,cs01-lb,ds03a-lb,
# pb01-l}.js. 327.67 is what a probe that is not there says. Door_status of an LSN50 is a floating input: no door.
_NO_PROBE: Final = (327.67, 3276.7, -327.68, 6553.5)
DRAGINO: Final[dict[str, Meaning]] = {
    **dict.fromkeys(("BatV", "BAT_V", "BAT", "Bat_V", "bat_v", "Batt_V"), number("battery.voltage")),
    **dict.fromkeys(("Bat_mV", "BAT_mV", "bat_mv"), number("battery.voltage", per=1000.0)),
    **dict.fromkeys(("TempC_SHT", "TempC_SHT41", "TempC_SHT31"), number("temperature", void=_NO_PROBE)),
    **dict.fromkeys(("Hum_SHT", "Hum_SHT41", "Hum_SHT31"), number("humidity", void=(6553.5,))),
    **dict.fromkeys(("TempC_DS", "TempC_TMP117", "TempC1", "Temp_Channel1"), number("cable_temp.1", void=_NO_PROBE)),
    **dict.fromkeys(("TempC2", "Temp_Channel2"), number("cable_temp.2", void=_NO_PROBE)),
    "TempC3": number("cable_temp.3", void=_NO_PROBE),
    **dict.fromkeys(("ILL_lx", "Illum"), number("illuminance")),
    **dict.fromkeys(("DOOR_OPEN_STATUS", "door1_open_status"), state("door.open", ("open",), ("close", "closed"))),
    **dict.fromkeys(("WATER_LEAK_STATUS", "Water_leak_status"), state("water_leak.alarm", ("leak",), ("no leak",))),
}

DRAGINO_CURRENT: Final[dict[str, Meaning]] = {
    "battery": number("battery.voltage"),
    "current1_a": number("current.a"),
    "current2_a": number("current.b"),
    "current3_a": number("current.c"),
    **{f"cur{n}h_status": state("current.alarm", held=True) for n in range(1, 5)},
}
"""CS01-LB: amperes of up to four clamps; its `battery`, like that of all *-LB status frames, is in volts."""

DRAGINO_BUTTON: Final[dict[str, Meaning]] = {"Alarm": words({True: (("sos.alarm", True),), False: ()})}
"""PB01-L: the push button's Alarm is a press, and no release."""

DRAGINO_TRACKER: Final[dict[str, Meaning]] = dict.fromkeys(
    ("ALARM_status", "Alarm_status", "alarm_status"), state("sos.alarm")
)
"""LGT-92 and TrackerD: the red button held down, until the wearer ends it (the makers' decoders print TRUE, FALSE)."""

# TheThingsNetwork/lorawan-devices@169a85f vendor/yobiiq/{sd-1001,em2101,em4301,iq-rm200-lrw}.js
_MAINS: Final = state("power.mains", ("ac power on", "power on"), ("ac power off", "power off"))
YOBIIQ: Final[dict[str, Meaning]] = {
    "batteryLevelInPercentage": number("battery"),
    "powerEvent": _MAINS,
    "externalPowerStatus": _MAINS,
    "lowBatteryAlarm": state("battery.low"),
    "faultAlarm": _FAULT,
    "smokeAlarm": state("smoke.alarm"),
    "interconnectAlarm": state("fire.alarm", held=True),
    "testButtonPressed": state("test", ("pushed",)),
    **{f"currentL{n}": number(f"current.{phase}", per=1000.0) for n, phase in enumerate("abc", 1)},
    "currentN": number("current.n", per=1000.0),
    "residualCurrent": number("current.residual"),
    **{f"voltageL{n}N": number(f"voltage.{phase}") for n, phase in enumerate("abc", 1)},
    **{f"activePowerL{n}": number(f"power.{phase}") for n, phase in enumerate("abc", 1)},
    **dict.fromkeys(("activePowerL123", "activePower"), number("power")),
    "frequency": number("frequency"),
    "activeEnergyImportL123": number("energy", per=1000.0),
    "internalCircuitTemperature": number("device.temperature"),
    **{f"channel{n}State": state(f"relay.{n}") for n in range(1, 5)},
    "batteryVoltage": number("battery.voltage", void=(0.0,)),
    "batteryPercentage": number("battery", void=(0.0,)),
}
"""Without a unit beside them its currents are milliamperes and its energies watt-hours (CONFIG_MEASUREMENT)."""

# modrisb/tg563a-payload-decoder@f3b2bfb README.md: states are 0/1 in `status`; counters and settings beside them.
_TG563A_FAULTS: Final = (
    "smokeChamberFailure",
    "fouledSmokeChamber",
    "ultrasonicSensorFailure",
    "infraredSensorFailure",
    "buzzerFailure",
    "airInletCovered",
)
TG563A: Final[dict[str, Meaning]] = {
    "temperature": number("temperature"),
    "batteryLevel": number("battery.voltage"),
    "status.smokeAlarm": state("smoke.alarm"),
    "status.batteryLow": state("battery.low"),
    "status.mounted": inverted("tamper"),
    **{f"status.{name}": _FAULT for name in _TG563A_FAULTS},
}

# chirpstack/chirpstack-device-profiles@6d61573 vendors/browan/codecs/{merryiot-dw10,merryiot-cd10,tabs-*}.js
BROWAN: Final[dict[str, Meaning]] = {
    "battery_volt": number("battery.voltage"),
    "temperature": number("temperature"),
    **dict.fromkeys(("humi", "humidity"), number("humidity")),
    "open": state("door.open"),
    "tamper": state("tamper"),
    **dict.fromkeys(("mot_motionst", "motion", "occupied"), state("motion")),
    **dict.fromkeys(("leak", "water_leak"), state("water_leak.alarm")),
}

# chirpstack/chirpstack-device-profiles@1079eb1 vendors/vutility/codecs/{hotdrop,voltdrop}.js: the ends of a raw scale
# (all zeros, all ones) are no measurement: -40 and 80 °C, 65535/16 A, 65535/64 V.
_RAW_ENDS: Final = (4095.9375, 1023.984375)
VUTILITY: Final[dict[str, Meaning]] = {
    "averageAmps": number("current.a", void=_RAW_ENDS),
    **{f"currentL{n}": number(f"current.{phase}", void=_RAW_ENDS) for n, phase in enumerate("abc", 1)},
    **{f"voltageL{n}": number(f"voltage.{phase}", void=_RAW_ENDS) for n, phase in enumerate("abc", 1)},
    "temperatureCelsius": number("temperature", void=(-40.0, 80.0)),
    "averagePowerFactor": number("power_factor", per=100.0),
    "activeEnergyAccumulation": number("energy", per=1000.0),
}

# TheThingsNetwork/lorawan-devices vendor/tektelic/decoder_smart_room_sensor.js
TEKTELIC: Final[dict[str, Meaning]] = {
    "battery_voltage": number("battery.voltage"),
    "ambient_temperature": number("temperature"),
    "relative_humidity": number("humidity"),
    "mcu_temperature": number("device.temperature"),
    "motion_event_state": state("motion", ("motion detected",), ("none",)),
    "rem_batt_capacity": number("battery"),
}

NETVOX: Final[dict[str, Meaning]] = {
    **dict.fromkeys(("Volt", "BattVoltage", "Battery"), number("battery.voltage")),
    "Temperature": number("temperature"),
    "Temp": number("temperature"),
    **dict.fromkeys(("Humi", "Humidity"), number("humidity")),
    **dict.fromkeys(("FireAlarm", "SmokeAlarm", "smokeAlarm"), state("smoke.alarm")),
    "HighTempAlarm": state("heat.alarm"),
    **dict.fromkeys(
        ("WaterLeak", "WaterLeak1", "WaterLeakStatus"), state("water_leak.alarm", ("leak",), ("noleak", "no leak"))
    ),
}
"""Netvox LoRaWAN application command 1.9 (battery in 0.1 V, decoders print volts). Contact polarity is the site's."""

ELSYS: Final[dict[str, Meaning]] = {
    "vdd": number("battery.voltage", per=1000.0),
    "light": number("illuminance"),
    "externalTemperature": number("cable_temp.1"),
    "waterleak": state("water_leak.alarm"),
}
"""ELSYS ERS/EMS (TheThingsNetwork/lorawan-devices vendor/elsys): vdd in mV; `motion` is a count, never a state."""

CAYENNE: Final[dict[str, Meaning]] = {
    **{f"temperature_{n}": number("temperature") for n in range(1, 2)},
    **{f"relative_humidity_{n}": number("humidity") for n in range(1, 4)},
    **{f"luminosity_{n}": number("illuminance") for n in range(1, 5)},
    **{f"temperatureSensor.{n}": number("temperature") for n in range(1, 2)},
    **{f"humiditySensor.{n}": number("humidity") for n in range(1, 4)},
    **{f"illuminanceSensor.{n}": number("illuminance") for n in range(1, 5)},
    **{f"presence_{n}": state("presence") for n in range(1, 5)},
    **{f"presenceSensor.{n}": state("presence") for n in range(1, 5)},
}
"""Cayenne LPP as The Things Stack (`temperature_1`) and ChirpStack (`temperatureSensor: {"1": …}`) print it."""


def read_dragino_probe(saying: Saying, flat: Mapping[str, Any], _model: str) -> None:
    """An LSN50 in a mode without probes prints TempC1 = 0: nobody measured that."""
    if flat.get("Work_mode") == "IIC" and flat.get("TempC1") == 0:
        saying.readings.pop("cable_temp.1", None)


def read_yobiiq_energy(saying: Saying, flat: Mapping[str, Any], _model: str) -> None:
    """Energy by tariff: only both together are the total."""
    tariffs = [flat.get(f"activeEnergyImportL123T{n}") for n in (1, 2)]
    said = [t.get("data") for t in tariffs if isinstance(t, dict) and str(t.get("unit")).lower() == "wh"]
    numbers = [value for value in said if isinstance(value, (int, float)) and 0 <= value < 1e12]
    if len(numbers) == 2:
        saying.number("energy", sum(numbers) / 1000.0)


Special = Callable[[Saying, Mapping[str, Any], str], None]


class Dialect(msgspec.Struct, frozen=True):
    """One vendor's spelling: by which properties, or which model names, it is recognised, and its table."""

    name: str
    table: Table
    signs: frozenset[str] = frozenset()
    models: str = ""
    special: Special | None = None


def _dialect(name: str, table: Table, signs: str, models: str = "", special: Special | None = None) -> Dialect:
    return Dialect(name, table, frozenset(signs.split()), models, special)


DIALECTS: Final[tuple[Dialect, ...]] = (
    _dialect("tg563a", TG563A, "status.smokeAlarm status.smokeChamberFailure", "tg563"),
    _dialect(
        "yobiiq",
        YOBIIQ,
        "batteryLevelInPercentage testButtonPressed interconnectAlarm productCode genericModel codecVersion powerEvent "
        "dataloggerTimestamp",
        "sd-1001|em2101|em4301|rm200",
        read_yobiiq_energy,
    ),
    _dialect("browan", BROWAN, "battery_volt", "tabs|merryiot"),
    _dialect("vutility", VUTILITY, "averageAmps capacitorVoltage averagePowerFactor", "hotdrop|voltdrop"),
    _dialect("dragino-current", DRAGINO_CURRENT, "current1_a exti_level SENSOR_MODEL", "cs01"),
    _dialect("dragino-button", DRAGINO_BUTTON, "Sound_key Sound_ACK", "pb01"),
    _dialect("dragino-tracker", DRAGINO_TRACKER, "ALARM_status Alarm_status", "lgt-?92|trackerd"),
    _dialect("dragino", DRAGINO, " ".join((*DRAGINO, "Node_type", "Work_mode")), "", read_dragino_probe),
    _dialect("tektelic", TEKTELIC, "ambient_temperature mcu_temperature rem_batt_capacity reed_state", "tektelic"),
    _dialect("netvox", NETVOX, "Device", "netvox"),
    _dialect("elsys", ELSYS, "vdd", "elsys"),
    _dialect("cayenne", CAYENNE, " ".join(CAYENNE)),
)


class Understanding(msgspec.Struct, frozen=True):
    """The one table that the recognised dialects make together, and what reads what no table can."""

    table: dict[str, Meaning]
    specials: tuple[Special, ...]


_SIGNS: Final = frozenset().union(*(dialect.signs for dialect in DIALECTS))


@lru_cache(maxsize=1024)
def _understanding(signs: frozenset[str], model: str) -> Understanding:
    found = [
        dialect
        for dialect in DIALECTS
        if dialect.signs & signs or (dialect.models and re.search(dialect.models, model) is not None)
    ]
    table: dict[str, Meaning] = {**GENERAL, **MILESIGHT}
    specials: list[Special] = [read_milesight]
    for dialect in reversed(found):
        table.update(dialect.table)
        if dialect.special is not None:
            specials.append(dialect.special)
    return Understanding(table, tuple(specials))


_READ_ELSEWHERE: Final = re.compile(
    r"(?:temperature|humidity|current)(?:_chn[0-9])?_(?:mutation_)?alarm(?:\..*)?|[a-z_]+\.alarm_[a-z_]+|alarm|events"
)
"""Alarms that no table can read but a special does, by their neighbours (`alarm` is told by what stands beside it)."""


def read_object(saying: Saying, flat: Mapping[str, Any], model: str) -> None:
    """Everything that a decoded object says. `model` is the model's name in lower case where the network knows it."""
    understanding = _understanding(_SIGNS.intersection(flat), model)
    saying.read(flat, understanding.table)
    for special in understanding.specials:
        special(saying, flat, model)
    if saying.alarms:
        saying.alarms = [name for name in saying.alarms if _READ_ELSEWHERE.fullmatch(name) is None]
    if saying.understood:
        saying.tell_unknown()
