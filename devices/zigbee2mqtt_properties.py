"""The properties of Zigbee2MQTT devices that the gateway knows, and the points they speak of.

Sources: the exposes of npm zigbee-herdsman-converters 26.112.0 (4,516 definitions). A property is known by
its exact name, its type and its unit; nothing is guessed from a part of a name ("linkage_alarm" is a setting).
"""

from __future__ import annotations

import enum
import re
from typing import Final

import msgspec

from devices.reading import DANGER_POINTS

Words = dict[str, tuple[tuple[str, bool], ...]]


class How(enum.IntEnum):
    """How the value of a property becomes readings."""

    STATE = 0
    NUMBER = 1
    WORDS = 2
    FAULT = 3
    ACTION = 4
    LAST_SEEN = 5
    DEVICE_INFORMATION = 6
    VOLTAGE_OF_UNKNOWN_UNIT = 7
    POWER_FACTOR = 8
    SMOKE_LEVEL = 9
    GAS_OF_UNKNOWN_KIND = 10
    NOT_UNDERSTOOD = 11


class Meaning(msgspec.Struct, frozen=True):
    """What one property of one model says.

    A state is True where the value equals `on`. A number is `(value - minus) * times / per`. `shared` tells that
    several properties of the model say its points: such a point is True if any of them says so, and False only if all
    of `needs` do (a point that is not in `needs` is never made False by this property).
    """

    how: How
    point: str = ""
    on: bool | str = True
    off: bool | str = False
    minus: float = 0.0
    times: float = 1.0
    per: float = 1.0
    lowest: float = 0.0
    highest: float = 0.0
    words: Words = {}
    shared: bool = False
    needs: dict[str, tuple[str, ...]] = {}

    @property
    def plain(self) -> bool:
        """Whether a number is the point's value as it stands."""
        return self.minus == 0.0 and self.times == self.per == 1.0


class Feature(msgspec.Struct, frozen=True):
    """One property of a definition's exposes; `type` "" where no definition is known."""

    property: str
    type: str = ""
    unit: str = ""
    on: bool | str = True
    off: bool | str = False
    settable: bool = False
    reported: bool = False
    described: str = ""
    values: tuple[str, ...] = ()


Table = dict[str, Meaning]

STATES: Final[dict[str, str]] = {
    "smoke": "smoke.alarm",
    "smoke_alarm_1": "smoke.alarm",
    "smoke_alarm_2": "smoke.alarm",
    "gas": "gas.alarm",
    "gas_alarm_1": "gas.alarm",
    "gas_alarm_2": "gas.alarm",
    "carbon_monoxide": "co.alarm",
    "carbon_monoxide_alarm_1": "co.alarm",
    "carbon_monoxide_alarm_2": "co.alarm",
    "sos": "sos.alarm",
    "sos_alarm": "sos.alarm",
    "water_leak": "water_leak.alarm",
    "active_water_leak": "water_leak.alarm",
    "water_leak_both_zones": "water_leak.alarm",
    **dict.fromkeys(("smoke_alarm", "smoke_detected"), "smoke.alarm"),
    **dict.fromkeys(("heat_alarm", "heat_detected"), "heat.alarm"),
    **dict.fromkeys(("fire", "fire_alarm", "fire_detected"), "fire.alarm"),
    **dict.fromkeys(("gas_alarm", "gas_leak", "gas_detected"), "gas.alarm"),
    **dict.fromkeys(("co_alarm", "co_detected", "carbon_monoxide_alarm"), "co.alarm"),
    **dict.fromkeys(("fall", "fall_alarm", "fall_detected"), "fall.alarm"),
    **dict.fromkeys(("emergency", "emergency_alarm", "panic", "panic_alarm", "help"), "sos.alarm"),
    **dict.fromkeys(("water_leak_alarm", "leak", "leak_detected"), "water_leak.alarm"),
    "tamper": "tamper",
    "battery_low": "battery.low",
    "vibration": "vibration",
    "motion": "motion",
    "presence": "presence",
    "occupancy": "motion",
    "contact": "door.open",
    "test": "test",
    "self_test": "test",
    "testing": "test",
    "test_in_progress": "test",
    "smoke_alarm_silenced": "alarm.silenced",
    "buzzer_manual_mute": "alarm.silenced",
    "over_current_alarm": "current.alarm",
    "over_leakage_current_alarm": "current.alarm",
    "leakage_current_alarm": "current.alarm",
    "power_outage": "power.mains",
}
LEAK_FAMILY: Final = re.compile(r"water_leak_(?:alarm|zone|wire)_[0-9]+|(?:channel|input)_[0-9]+_leak_detect(_[0-9]+)?")
SPELLED_OUT: Final = frozenset(STATES) - {
    *("smoke", "gas", "carbon_monoxide", "sos", "sos_alarm", "water_leak", "tamper"),
    *(name for name in STATES if name.endswith(("_1", "_2"))),
}
"""Of these, a property that can be set is a switch and no state."""
LEAK_WORDS: Final[Words] = {
    **dict.fromkeys(("leak", "leaking", "leakage", "wet", "alarm", "detected", "on"), (("water_leak.alarm", True),)),
    **dict.fromkeys(
        ("dry", "no leak", "no_leak", "normal", "none", "clear", "ok", "off"), (("water_leak.alarm", False),)
    ),
    "unknown": (),
}
DEFINITION_ONLY: Final = frozenset(
    {"self_test", "over_current_alarm", "over_leakage_current_alarm", "leakage_current_alarm", "power_outage", "motion"}
)

LEVELS: Final[dict[str, str]] = {
    "smoke_density": "smoke.density",
    "smoke_value": "smoke.density",
    "smoke_concentration": "smoke.density",
    "smoke_density_dbm": "smoke.obscuration",
    "co": "co.ppm",
    "co_ppm": "co.ppm",
    "carbon_monoxide_value": "co.ppm",
    "temperature": "temperature",
    "local_temperature": "temperature",
    "device_temperature": "device.temperature",
    "humidity": "humidity",
    "illuminance_lux": "illuminance",
    "illuminance": "illuminance",
    "battery": "battery",
    "battery_voltage": "battery.voltage",
    "current": "current.a",
    "voltage": "voltage.a",
    "power": "power",
    "energy": "energy",
    "leakage_current": "current.residual",
    "leakage": "current.residual",
    "power_factor": "power_factor",
    "ac_frequency": "frequency",
    "frequency": "frequency",
    "linkquality": "lqi",
    "target_distance": "target.distance",
    "rssi": "rssi",
}
PHASES: Final[dict[str, str]] = {
    f"{quantity}_{suffix}": f"{quantity}.{phase}"
    for quantity in ("current", "voltage", "power")
    for number, phase in enumerate("abc", start=1)
    for suffix in (phase, f"phase_{phase}", f"l{number}", str(number))
}
RELAYS: Final[dict[str, str]] = {
    "state": "relay.1",
    "state_left": "relay.1",
    "state_right": "relay.2",
    **{f"state_{letter}{n}": f"relay.{n}" for letter in ("l", "") for n in range(1, 9)},
}
UNITS: Final[dict[str, dict[str, tuple[float, float, float]]]] = {
    "current": {"A": (0, 1, 1), "mA": (0, 1, 1000)},
    "current.residual": {"mA": (0, 1, 1), "A": (0, 1000, 1)},
    "voltage": {"V": (0, 1, 1), "mV": (0, 1, 1000), "kV": (0, 1000, 1)},
    "battery.voltage": {"V": (0, 1, 1), "mV": (0, 1, 1000)},
    "power": {"W": (0, 1, 1), "kW": (0, 1000, 1), "mW": (0, 1, 1000)},
    "energy": {"kWh": (0, 1, 1), "Wh": (0, 1, 1000), "MWh": (0, 1000, 1)},
    "temperature": {"°C": (0, 1, 1), "℃": (0, 1, 1), "C": (0, 1, 1), "°F": (32, 5, 9)},
    "target.distance": {"m": (0, 1, 1), "cm": (0, 1, 100), "mm": (0, 1, 1000)},
    "illuminance": {"lx": (0, 1, 1), "lux": (0, 1, 1)},
    "humidity": {"%": (0, 1, 1)},
    "battery": {"%": (0, 1, 1)},
    "frequency": {"Hz": (0, 1, 1)},
    "co.ppm": {"ppm": (0, 1, 1)},
    "rssi": {"dBm": (0, 1, 1)},
}
"""Units of a point that are understood: (minus, times, per). Any other unit of these points is another quantity."""

CALM: Final = ("normal", "none", "clear", "cleared", "ok", "idle", "off", "no_alarm", "no alarm")
ALARMING: Final = ("alarm", "alarmed", "alarming", "detected", "triggered", "critical_alarm", "on")


def alarm_words(point: str) -> Words:
    """The words of an alarm's state: what is neither alarm nor calm (warming up, unknown) says nothing."""
    return {
        **dict.fromkeys(ALARMING, ((point, True),)),
        **dict.fromkeys(CALM, ((point, False),)),
        **dict.fromkeys(("detecting", "unknown"), ()),
    }


GAS_UNITS: Final = {"%LEL": "gas.lel", "LEL": "gas.lel", "LEL %": "gas.lel", "% LEL": "gas.lel", "ppm": "gas.ppm"}

WORDS: Final[dict[str, Words]] = {
    "smoke_state": {
        "alarm": (("smoke.alarm", True),),
        "normal": (("smoke.alarm", False),),
        "none": (("smoke.alarm", False),),
        "detecting": (),
        "unknown": (),
    },
    **{name: alarm_words("gas.alarm") for name in ("gas_state", "gas_sensor_state", "gas_alarm_state")},
    **{name: alarm_words("co.alarm") for name in ("co_state", "carbon_monoxide_state", "co_alarm_state")},
    **{name: alarm_words("heat.alarm") for name in ("heat_state", "heat_alarm_state")},
    **{name: alarm_words("fire.alarm") for name in ("fire_state", "fire_alarm_state")},
    "smoke_alarm_state": alarm_words("smoke.alarm"),
    "fall_status": {
        "normal": (("fall.alarm", False),),
        "fall_warning": (("fall.suspected", True),),
        "fall_alarm": (("fall.alarm", True),),
        "unknown": (),
    },
    "fall_down_status": {
        "none": (("fall.alarm", False),),
        "maybe_fall": (("fall.suspected", True),),
        "fall": (("fall.alarm", True),),
    },
    "temperature_alarm": {
        "upper_alarm": (("heat.alarm", True),),
        "lower_alarm": (("heat.alarm", False),),
        "canceled": (("heat.alarm", False),),
        "cancel": (("heat.alarm", False),),
    },
    "water_leakage_state": {
        "water_leakage_yes": (("water_leak.alarm", True),),
        "water_leakage_no": (("water_leak.alarm", False),),
    },
    "battery_state": {w: (("battery.low", w == "low"),) for w in ("low", "medium", "high", "middle", "normal")},
    "battery_level": {w: (("battery.low", w == "low"),) for w in ("low", "medium", "high", "middle", "normal")},
    "presence_state": {"presence": (("presence", True),), "none": (("presence", False),)},
    "door_state": {"open": (("door.open", True),), "closed": (("door.open", False),)},
    "opening_state": {w: (("door.open", w != "closed"),) for w in ("open", "tilted", "closed")},
    "self_test": {},
    "self_test_result": {},
    "checking_result": {},
}
SELF_TEST: Final[Words] = {
    **dict.fromkeys(("checking", "running", "test"), (("test", True),)),
    **dict.fromkeys(("failure", "check_failure", "check failure"), (("test", False), ("fault", True))),
    **dict.fromkeys(("comm_fault", "radar_fault"), (("test", False), ("fault", True))),
    **dict.fromkeys(("success", "check_success", "check success"), (("test", False), ("fault", False))),
    **dict.fromkeys(("others", "idle", "clear"), (("test", False),)),
}
WORDS.update(dict.fromkeys(("self_test", "self_test_result", "checking_result"), SELF_TEST))
WORDS_DEFINITION_ONLY: Final = frozenset({"self_test", "door_state", "opening_state", "presence_state"})
RELAY_WORDS_ELSEWHERE: Final = ("lock", "unlock", "open", "close", "closed", "stop", "opening", "closing", "idle")

OFTEN_SETTINGS: Final = frozenset({"over_current_alarm", "over_leakage_current_alarm", "leakage_current_alarm"})
"""States on some models and settings on others: believed only where the definition says that they are reported."""

FAULT_POINTS: Final[dict[str, str]] = {
    **dict.fromkeys(("fire_alarm", "fire"), "fire.alarm"),
    **dict.fromkeys(
        (
            *("leakagecurr_alarm", "leakage_current", "leakage_current_alarm", "leakage_alarm", "leakage"),
            *("overload_alarm", "overload", "ov_cr", "over_current", "over_current_alarm", "over_current_threshold"),
            *("short_circuit_alarm", "short_circuit", "overcurrent"),
        ),
        "current.alarm",
    ),
}
"""What a breaker's fault says beside that there is one."""
NO_FAULT: Final = frozenset({"none", "normal", "ok", "no_fault", "no fault", "no faults", "clear", "cleared", "false"})

ALARM_LIKE: Final = re.compile(
    r"(?:.*_)?(?:alarm|leak|smoke|gas|carbon_monoxide|fire|fall|emergency|sos|panic|distress)(?:_.*)?"
)
"""Names that may tell of a danger: if a definition reports one that is not known here, its alarm is at least named."""

FAULTS: Final = frozenset({"fault", "faults", "fault_alarm", "trouble"})
RADAR_SIBLINGS: Final = frozenset(
    {
        "fall_status",
        "fall_down_status",
        "sensor_status",
        "target_distance",
        "detection_distance",
        "radar_sensitivity",
        "radar_scene",
        "presence_sensitivity",
        "motion_state",
        "motion_speed",
        "static_detection_sensitivity",
        "cell_mounted_table",
    }
)
RADAR_WORDS: Final = re.compile(r"\b(?:radar|mm-?wave|human presence|presence sensor)\b", re.IGNORECASE)
TAG_WORDS: Final = re.compile(r"\b(?:arrival|tag|fob|keyfob|tracker)\b", re.IGNORECASE)
HEAT_WORDS: Final = re.compile(r"\b(?:detect(?:s|ed|or|ion)?|alarm)\b", re.IGNORECASE)
BATTERY_SIBLINGS: Final = frozenset({"battery", "battery_low", "battery_state", "battery_level"})
METER_SIBLINGS: Final = frozenset({"power", "current", "energy", "ac_frequency", "power_factor"})

ALWAYS: Final[Table] = {
    "last_seen": Meaning(How.LAST_SEEN),
    "device": Meaning(How.DEVICE_INFORMATION, "online"),
    "linkquality": Meaning(How.NUMBER, "lqi", lowest=0.0, highest=255.0),
}

SAFE_WITHOUT_DEFINITION: Final = frozenset(
    {
        *(name for name in STATES if name not in DEFINITION_ONLY),
        *(name for name in WORDS if name not in WORDS_DEFINITION_ONLY),
        *(name for name in LEVELS if name not in {"leakage", "rssi", "target_distance", "frequency"}),
        *PHASES,
        *RELAYS,
        *FAULTS,
        *RADAR_SIBLINGS,
        "action",
    }
)
"""Properties that mean something even before the bridge has published its definitions."""

DANGER_PROPERTIES: Final = frozenset(
    {name for name, point in STATES.items() if point in DANGER_POINTS}
    | {name for name, words in WORDS.items() if any(p in DANGER_POINTS for said in words.values() for p, _ in said)}
    | {"action", "water_leak", "tamper"}
)

PREFERRED: Final[tuple[tuple[str, str], ...]] = (
    ("illuminance_lux", "illuminance"),
    ("temperature", "local_temperature"),
    ("co", "co_ppm"),
    ("co", "carbon_monoxide_value"),
    ("smoke_density", "smoke_value"),
    ("smoke_density", "smoke_concentration"),
    ("smoke_density_dbm", "smoke_level"),
    ("leakage_current", "leakage"),
    ("ac_frequency", "frequency"),
)
"""Where two properties say one number, the better one and the one that gives way."""

PAIRS: Final[dict[str, str]] = {name: point for name, point in STATES.items() if re.fullmatch(r".+_alarm_[12]", name)}
"""Properties of two-zone detectors: the point is in alarm if either is, and clear only if both are."""
