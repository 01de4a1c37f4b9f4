"""What the blocks of Tasmota's SENSOR message mean, as tables; and the devices behind a Tasmota bridge.

Sources: tasmota/docs (MQTT, Energy, Zigbee, LoRa-and-LoRaWan-Bridge, LoRaWan-Decoders, Bluetooth, HLK-LD2410S,
Teleinfo); arendst/Tasmota xdrv_23_zigbee_2_devices.ino (Z_Alarm_Types, convertZoneStatus) for the alarm bits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from devices.codec import DecodeError
from devices.draft import Draft, celsius
from devices.values import read_number

DEVICES_MAX: Final = 64
"""One packet speaks of this many devices at most; no bridge sends more."""

LEVELS: Final[dict[str, str]] = {
    "Temperature": "temperature",
    "Humidity": "humidity",
    "Illuminance": "illuminance",
}
"""Properties that mean the same in every sensor's block."""

CHIPS: Final = frozenset(
    {"ESP32", "ADE7953", "AXP192", "AXP2101", "MPU6050", "MPU6886", "MPU9250", "DS3231", "CSE7761", "BL6523"}
)
"""Blocks whose temperature is that of a chip, not of the room."""

NOT_SENSORS: Final = frozenset({"TIC", "LD2410", "Wifi", "COUNTER", "IBEACON", "PN532", "RC522", "RDM6300", "GPS"})
"""Blocks in which nothing has a meaning for us (`LD2410.Energy` is the strength of an echo)."""

ZIGBEE_LEVELS: Final[dict[str, str]] = {
    "Temperature": "temperature",
    "Humidity": "humidity",
    "BatteryPercentage": "battery",
    "BatteryVoltage": "battery.voltage",
    "LinkQuality": "lqi",
    "RMSVoltage": "voltage.a",
    "ActivePower": "power",
}
"""`Illuminance` is a raw logarithm, `RMSCurrent` has the device's own divisor: neither is read."""

ZIGBEE_STATES: Final[dict[str, str]] = {
    "Fire": "fire.alarm",
    "Water": "water_leak.alarm",
    "CO": "co.alarm",
    "Contact": "door.open",
    "Occupancy": "motion",
    "Movement": "vibration",
    "Tamper": "tamper",
    "BatteryLow": "battery.low",
    "Failure": "fault",
    "BatteryDefect": "fault",
    "Test": "test",
}
ZIGBEE_MOMENTS: Final[dict[str, str]] = {"PersonalAlarm": "sos.alarm", "Panic": "sos.alarm"}
_ZONES: Final = frozenset({"ZoneStatusChange", "ZoneStatus"})
ZIGBEE_NAMES: Final = frozenset({*ZIGBEE_LEVELS, *ZIGBEE_STATES, *ZIGBEE_MOMENTS, *_ZONES, "Power"})

ZONE_TYPES: Final[dict[int, str]] = {
    0x000D: "motion",
    0x0015: "door.open",
    0x0028: "fire.alarm",
    0x002A: "water_leak.alarm",
    0x002B: "co.alarm",
    0x002C: "sos.alarm",
}
"""Types of a zone (ZCL 8.2.2.2.1.2) and what their alarm bits are, by the same names as Tasmota's own."""

ZONE_BITS: Final[tuple[tuple[int, str], ...]] = ((2, "tamper"), (3, "battery.low"), (6, "fault"), (8, "test"))
"""Bits of ZoneStatus (ZCL 8.2.2.2.1.3) whose meaning needs no zone type."""

LORA_LEVELS: Final[dict[str, str]] = {
    "RSSI": "rssi",
    "SNR": "snr",
    "Battery": "battery.voltage",
    "BattV": "battery.voltage",
    "BatV": "battery.voltage",
    "BatteryVoltage": "battery.voltage",
    "Temperature": "temperature",
    "TempC_Internal": "temperature",
    "Humidity": "humidity",
    "Hum_Internal": "humidity",
}
"""Tasmota's own decoders give the battery in volts."""

LORA_STATES: Final[dict[str, str]] = {"DoorOpen": "door.open", "WaterLeak": "water_leak.alarm"}

BLE_LEVELS: Final[dict[str, str]] = {**LEVELS, "Battery": "battery", "RSSI": "rssi"}
BLE_STATES: Final[dict[str, str]] = {"PIR": "motion", "Leak": "water_leak.alarm"}

_BLE_NAME: Final = re.compile(r".+-[0-9A-Fa-f]{6}")
_NUMBERED: Final = re.compile(r".+-[0-9]{1,2}")
_CHANNEL: Final = re.compile(r"(Temperature|Illuminance)([1-8])")
_ENDPOINT: Final = re.compile(r"([A-Za-z]+)[2-8]")
_ENERGY_LEVELS: Final = (("Power", "power"), ("Current", "current.a"), ("Voltage", "voltage.a"))


def is_radio(name: str, block: dict[str, Any]) -> bool:
    """Whether a block is a Bluetooth device of its own: its name ends in half of its address, or it states it."""
    return _BLE_NAME.fullmatch(name) is not None or "mac" in block


def is_numbered(name: str) -> bool:
    """Whether a block is one of several sensors of a kind (`DS18B20-2`, `AM2301-14`), each in a place of its own."""
    return _NUMBERED.fullmatch(name) is not None


def temperature(draft: Draft, field: str, value: Any, point: str, fahrenheit: bool) -> None:
    """A temperature in the unit that the message states once for all of them."""
    if fahrenheit and value is not None:
        try:
            draft.level(point, celsius(read_number(field, value)))
        except DecodeError as error:
            draft.refuse(error)
        return
    draft.number(field, value, point)


def read_block(draft: Draft, name: str, block: dict[str, Any], fahrenheit: bool) -> None:
    """A sensor that belongs to the Tasmota device itself."""
    if name in NOT_SENSORS:
        return
    if name == "LD2410S":
        _radar(draft, block)
        return
    for key, value in block.items():
        point = LEVELS.get(key)
        if key == "Temperature":
            place = "device.temperature" if name in CHIPS else "temperature"
            temperature(draft, f"{name}.{key}", value, place, fahrenheit)
        elif point is not None:
            draft.number(f"{name}.{key}", value, point)
    supply = block.get("CTEnergy") if name == "ANALOG" else None
    if isinstance(supply, dict):
        draft.number("ANALOG.CTEnergy.Current", supply.get("Current"), "current.a")


def channels(name: str, block: dict[str, Any], device: str, fahrenheit: bool) -> Iterator[Draft]:
    """The further inputs of an analogue block (`Temperature2`), each in a place of its own."""
    for key, value in block.items():
        match = _CHANNEL.fullmatch(key)
        if match is not None:
            draft = Draft(f"{device}/{name}-{match[2]}")
            if match[1] == "Temperature":
                temperature(draft, f"{name}.{key}", value, "temperature", fahrenheit)
            else:
                draft.number(f"{name}.{key}", value, LEVELS[match[1]])
            yield draft


def _radar(draft: Draft, block: dict[str, Any]) -> None:
    """HLK-LD2410S: `People` 0 and 1 is nobody, 2 and 3 is somebody, and no count of heads. Distance is in cm."""
    people = block.get("People")
    if people in (0, 1, 2, 3) and not isinstance(people, bool):
        draft.state("presence", people >= 2)
        if people >= 2:
            draft.number("LD2410S.Distance", block.get("Distance"), "target.distance", 1.0, 100.0)
    elif people is not None:
        draft.refuse(DecodeError("LD2410S.People", "0 to 3", people))


def read_energy(draft: Draft, block: dict[str, Any]) -> None:
    """The energy meter. Lists of three are phases; other lists are channels, of which only the sum is said."""
    voltage = block.get("Voltage")
    for key, point in _ENERGY_LEVELS:
        value = block.get(key)
        if isinstance(value, list):
            _phases(draft, key, value, point.partition(".")[0], split=isinstance(voltage, list))
        else:
            draft.number(f"ENERGY.{key}", value, point)
    total = block.get("Total")
    if isinstance(total, list):
        _sum(draft, "ENERGY.Total", total, "energy")
    elif isinstance(total, dict):
        draft.refuse(DecodeError("ENERGY.Total", "a number of kWh or a list of them", total))
    else:
        draft.number("ENERGY.Total", total, "energy")
    for key, point in (("Factor", "power_factor"), ("Frequency", "frequency")):
        value = block.get(key)
        if isinstance(value, list) and key == "Frequency":
            value = value[0] if value else None
        elif key == "Factor" and value == 0 and block.get("Power") == 0:
            continue  # without a load there is no power factor; Tasmota says 0
        if not isinstance(value, list):
            draft.number(f"ENERGY.{key}", value, point)


def _phases(draft: Draft, key: str, values: list[Any], quantity: str, *, split: bool) -> None:
    """Values of phases a, b and c; two of them are phases only where each has a voltage of its own."""
    if len(values) == 3 or (len(values) == 2 and split):
        for phase, value in zip("abc", values, strict=False):
            draft.number(f"ENERGY.{key}[{phase}]", value, f"{quantity}.{phase}")
    if quantity == "power":
        _sum(draft, f"ENERGY.{key}", values, "power")


def _sum(draft: Draft, field: str, values: list[Any], point: str) -> None:
    try:
        if not 1 <= len(values) <= 8:
            raise DecodeError(field, "a list of 1 to 8 numbers", values)
        draft.level(point, round(sum(read_number(field, value) for value in values), 6))
    except DecodeError as error:
        draft.refuse(error)


def read_zigbee(draft: Draft, said: dict[str, Any]) -> None:
    """One Zigbee device behind the bridge: attributes by their ZCL names."""
    for key, value in said.items():
        name = key
        if key not in ZIGBEE_NAMES:
            match = _ENDPOINT.fullmatch(key)
            if match is None or (match[1] not in ZIGBEE_STATES and match[1] not in ZIGBEE_MOMENTS):
                continue
            name = match[1]
        if name in ZIGBEE_LEVELS:
            draft.number(key, value, ZIGBEE_LEVELS[name])
        elif name in ZIGBEE_STATES:
            draft.boolean(key, value, ZIGBEE_STATES[name])
        elif name in ZIGBEE_MOMENTS:
            draft.moment(key, value, ZIGBEE_MOMENTS[name])
        elif name == "Power":
            draft.boolean(key, value, "relay.1")
        else:
            kind = said.get("ZoneType")
            point = ZONE_TYPES.get(kind, "") if isinstance(kind, int) else ""
            _zone(draft, value, point, typed=not ZIGBEE_STATES.keys().isdisjoint(said))


def _zone(draft: Draft, value: Any, point: str, *, typed: bool) -> None:
    """ZoneStatus: its alarm bits mean what the zone's type says; where that is not known they are a contact."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0xFFFF:
        draft.refuse(DecodeError("ZoneStatus", "a bit mask of 16 bits", value), point)
        return
    for bit, state in ZONE_BITS:
        if value >> bit & 1:
            draft.state(state, True)
    if point and (value & 3 or point != "sos.alarm"):
        draft.state(point, bool(value & 3))
    elif not typed and not point:
        draft.state("input.1", bool(value & 3))


def read_radio(draft: Draft, said: dict[str, Any], fahrenheit: bool) -> None:
    """One Bluetooth device."""
    for key, value in said.items():
        if key == "Temperature":
            temperature(draft, key, value, "temperature", fahrenheit)
        elif key in BLE_LEVELS:
            draft.number(key, value, BLE_LEVELS[key])
        elif key in BLE_STATES:
            draft.boolean(key, value, BLE_STATES[key])


def read_lora(draft: Draft, said: dict[str, Any]) -> None:
    """One LoRaWAN device behind the bridge; bytes that no decoder of the bridge read say nothing."""
    for key, value in said.items():
        if key in LORA_LEVELS:
            draft.number(key, value, LORA_LEVELS[key])
        elif key in LORA_STATES:
            draft.boolean(key, value, LORA_STATES[key])
