"""Names of thing models (物模型, TSL) and what they mean: properties and events, by exact name.

Sources, by mark:
 [A] product property constants of an Aliyun Link Visual / smart-home application (CTSL: SmokeSensorState,
     GasSensorState, WaterSensorState, ContactState 1 = open, MotionAlarmState, EmergencyAlarm 1 = pressed,
     BatteryPercentage, CurrentTemperature, CurrentHumidity, TamperAlarm, LowElectricityAlarm, Error/ErrorCode);
 [H] Heiman cloud products on the same model (CarbonMonoxideAlarm, TamperState, UnderVoltError);
 [S] the server-side subscription sample of a smoke detector (SmokeSensorState, BatteryVoltage in V);
 [O] OneNET Studio's and OneNET's demonstration devices (CurrentTemperature, temperature, humidity);
 [P] the payload facts of this project (facts/payloads.md sections 11 and 12).
Names without a mark are general knowledge of the same standard models, spelled by the same rule; none was captured.
`Power` is left out on purpose: in Aliyun's own example it is the text "on", elsewhere watts. `GasConcentration` and
`Voltage` are left out because products use them in different units.
"""

from __future__ import annotations

from typing import Final

from devices.named_values import Said, Table, moment, number, state

PROPERTIES: Final[Table] = {
    # dangers to people
    "SmokeSensorState": state("smoke.alarm"),  # [A] [S]
    "SmokeAlarmState": state("smoke.alarm"),
    "GasSensorState": state("gas.alarm"),  # [A]
    "GasAlarmState": state("gas.alarm"),
    "CarbonMonoxideAlarm": state("co.alarm"),  # [H]
    "COAlarmState": state("co.alarm"),
    "COSensorState": state("co.alarm"),
    "HeatSensorState": state("heat.alarm"),
    "TemperatureAlarmState": state("heat.alarm"),
    "FireAlarmState": state("fire.alarm"),
    "ManualAlarmState": state("manual_call.alarm"),
    "EmergencyAlarm": moment("sos.alarm"),  # [A]: a button; 0 is no release
    "SOSAlarm": moment("sos.alarm"),
    "SOSState": moment("sos.alarm"),
    "FallAlarmState": state("fall.alarm"),
    "FallState": state("fall.alarm"),
    # other states
    "WaterSensorState": state("water_leak.alarm"),  # [A]
    "ContactState": state("door.open"),  # [A]: 1 = open
    "ContactAlarm": state("door.open"),
    "MotionAlarmState": state("motion"),  # [A]
    "PresenceState": state("presence"),
    "VibrationAlarmState": state("vibration"),
    "TamperState": state("tamper"),  # [H] [P]
    "TamperAlarm": state("tamper"),  # [A] as a property of older door contacts
    "UnderVoltError": state("battery.low"),  # [H]
    "LowBatteryState": state("battery.low"),
    "MuteState": state("alarm.silenced"),
    "SelfTestState": state("test"),
    "FaultState": state("fault"),
    "ArcFaultState": state("arc.alarm"),
    "PowerSwitch": state("relay.1"),  # [A]
    **{f"PowerSwitch_{n}": state(f"relay.{n}") for n in range(1, 9)},  # [A]
    # numbers
    "CurrentTemperature": number("temperature"),  # [A] [O]: the present temperature, not a current
    "IndoorTemperature": number("temperature"),
    "EnvTemperature": number("temperature"),
    "CurrentHumidity": number("humidity"),  # [A]
    "RelativeHumidity": number("humidity"),
    "EnvHumidity": number("humidity"),
    "BatteryPercentage": number("battery"),  # [A]
    "BatteryVoltage": number("battery.voltage"),  # [S]: V
    "MeasuredIlluminance": number("illuminance"),
    "SmokeConcentration": number("smoke.density"),
    "COConcentration": number("co.ppm"),
    "RealTimePower": number("power"),  # [A]: W
    "RMSVoltage": number("voltage.a"),
    "RMSCurrent": number("current.a"),
    "PowerFactor": number("power_factor"),
    "ResidualCurrent": number("current.residual"),  # mA, as every residual-current detector states it (GB 14287.2)
    "LeakageCurrent": number("current.residual"),
    **{f"PhaseVoltage{p}": number(f"voltage.{p.lower()}") for p in "ABC"},
    **{f"PhaseCurrent{p}": number(f"current.{p.lower()}") for p in "ABC"},
    **{f"CableTemperature{n}": number(f"cable_temp.{n}") for n in range(1, 5)},
}
"""Properties of a standard thing model. Enumerations are 0 and 1 with 1 = detected."""

SAFE_WITHOUT_MODEL: Final[Table] = {
    "smoke": state("smoke.alarm", lenient=True),
    "gas": state("gas.alarm", lenient=True),
    "carbon_monoxide": state("co.alarm", lenient=True),
    "water_leak": state("water_leak.alarm", lenient=True),
    "tamper": state("tamper"),
    "battery": number("battery"),
    "battery_low": state("battery.low"),
    "temperature": number("temperature"),
    "humidity": number("humidity"),
}
"""Names that may be read from a device without a model (facts/payloads.md section 12), without `contact`, whose
polarity nobody states. `smoke` and `gas` are lenient: hobby devices send the raw value of a sensor by that name."""

DEVICE_NAMES: Final[Table] = {**SAFE_WITHOUT_MODEL, **PROPERTIES}

EVENTS: Final[dict[str, Said]] = {
    "SmokeAlarm": (("smoke.alarm", True),),
    "SmokeSensorAlarm": (("smoke.alarm", True),),
    "GasAlarm": (("gas.alarm", True),),
    "GasSensorAlarm": (("gas.alarm", True),),
    "COAlarm": (("co.alarm", True),),
    "HeatAlarm": (("heat.alarm", True),),
    "FireAlarm": (("fire.alarm", True),),
    "EmergencyAlarm": (("sos.alarm", True),),
    "SOSAlarm": (("sos.alarm", True),),
    "FallAlarm": (("fall.alarm", True),),
    "WaterAlarm": (("water_leak.alarm", True),),
    "WaterLeakAlarm": (("water_leak.alarm", True),),
    "TamperAlarm": (("tamper", True),),  # [A] 防撬报警
    "LowElectricityAlarm": (("battery.low", True),),  # [A] 低电量报警
    "LowBatteryAlarm": (("battery.low", True),),
}
"""Events whose name says what happened: a moment, so it is True and never the end of it."""

ERROR_EVENT: Final = "Error"
"""[A] The standard event of a fault, with `ErrorCode`: 0 = back to normal."""


HUAWEI_NAMES: Final[Table] = {
    **DEVICE_NAMES,
    "smokeAlarm": state("smoke.alarm"),
    "gasAlarm": state("gas.alarm"),
    "coAlarm": state("co.alarm"),
    "sosAlarm": moment("sos.alarm"),
    "fallAlarm": state("fall.alarm"),
    "waterLeak": state("water_leak.alarm"),
    "batteryLevel": number("battery"),
    "batteryVoltage": number("battery.voltage"),
    "batteryLow": state("battery.low"),
    "luminance": number("illuminance"),
}
"""Names of Huawei's sample products beside the general ones; `Temperature` and `Luminance` stand in service_id."""

_ALARM_KEYS: Final = ("alarm", "state", "status", "alarm_state", "alarmState")


VALUE_KEYS: Final = (*_ALARM_KEYS, "value")
"""By which a service says its one state."""


def _service(point: str, *keys: str) -> Table:
    return {key: number(point) for key in keys}


def _alarms(point: str) -> Table:
    return {**{key: state(point) for key in _ALARM_KEYS}, "value": state(point, lenient=True)}


SERVICES: Final[dict[str, Table]] = {
    "temperature": _service("temperature", "value", "temperature"),
    "humidity": _service("humidity", "value", "humidity"),
    "luminance": _service("illuminance", "value", "luminance"),
    "battery": _service("battery", "level", "value", "batteryLevel", "battery_level"),
    "smoke": _alarms("smoke.alarm"),
    "smokedetector": _alarms("smoke.alarm"),
    "smokesensor": _alarms("smoke.alarm"),
    "gas": _alarms("gas.alarm"),
    "gasdetector": _alarms("gas.alarm"),
    "gassensor": _alarms("gas.alarm"),
    "co": _alarms("co.alarm"),
    "heat": _alarms("heat.alarm"),
    "fire": _alarms("fire.alarm"),
    "sos": {key: moment("sos.alarm") for key in _ALARM_KEYS},
    "fall": _alarms("fall.alarm"),
    "waterleak": _alarms("water_leak.alarm"),
    "tamper": _alarms("tamper"),
}
"""On Huawei the service says what it is and the key only `value` or `level`: by service_id in lower case without _."""

ON_LINE: Final[dict[str, bool]] = {"online": True, "offline": False}
