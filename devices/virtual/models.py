"""The Zigbee models of the virtual home, with their exposes as `bridge/devices` publishes them.

Models, properties, types and units as in npm zigbee-herdsman-converters 26.112.0.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

Expose = dict[str, Any]


class Model(msgspec.Struct, frozen=True):
    """One Zigbee model: who makes it, what it is, and what it says."""

    model: str
    vendor: str
    description: str
    exposes: tuple[Expose, ...]
    mains: bool = False

    def entry(self, name: str, ieee: str) -> dict[str, Any]:
        """The device's entry in `bridge/devices`."""
        return {
            "disabled": False,
            "friendly_name": name,
            "ieee_address": ieee,
            "interview_completed": True,
            "interviewing": False,
            "network_address": int(ieee[-4:], 16),
            "power_source": "Mains (single phase)" if self.mains else "Battery",
            "supported": True,
            "type": "Router" if self.mains else "EndDevice",
            "definition": {
                "model": self.model,
                "vendor": self.vendor,
                "description": self.description,
                "supports_ota": False,
                "options": [],
                "exposes": [*self.exposes, _numeric("linkquality", "lqi")],
            },
        }


def _binary(name: str, on: bool | str = True, off: bool | str = False, access: int = 1) -> Expose:
    return {"type": "binary", "name": name, "property": name, "access": access, "value_on": on, "value_off": off}


def _numeric(name: str, unit: str = "", access: int = 1) -> Expose:
    expose: Expose = {"type": "numeric", "name": name, "property": name, "access": access}
    return {**expose, "unit": unit} if unit else expose


def _enum(name: str, *values: str, access: int = 1) -> Expose:
    return {"type": "enum", "name": name, "property": name, "access": access, "values": list(values)}


_BATTERY: Final = _numeric("battery", "%")
_LOW: Final = _binary("battery_low")
_TAMPER: Final = _binary("tamper")
_MILLIVOLTS: Final = _numeric("voltage", "mV")

MODELS: Final[dict[str, Model]] = {
    "smoke": Model("HS1SA-E", "Heiman", "Smoke detector", (_binary("smoke"), _LOW, _TAMPER, _BATTERY)),
    "gas": Model("HS1CG-E", "Heiman", "Combustible gas sensor", (_binary("gas"), _LOW, _TAMPER), mains=True),
    "co": Model(
        "HS1CA-E-PLUS",
        "Heiman",
        "Smart carbon monoxide sensor",
        (_binary("carbon_monoxide"), _numeric("co", "ppm"), _LOW, _BATTERY),
    ),
    "sos": Model("TS0215A_sos", "TuYa", "SOS button", (_BATTERY, _enum("action", "emergency"))),
    "fall": Model(
        "HS2FD-EF1-3.0",
        "Heiman",
        "Fall detection radar",
        (
            _enum("fall_status", "normal", "fall_warning", "fall_alarm", "unknown"),
            _binary("occupancy"),
            _enum("sensor_status", "activity", "static", "absent"),
            _numeric("sensitivity", access=7),
        ),
        mains=True,
    ),
    "door": Model(
        "MCCGQ11LM", "Aqara", "Door and window sensor", (_BATTERY, _binary("contact", False, True), _MILLIVOLTS)
    ),
    "motion": Model(
        "RTCGQ11LM",
        "Aqara",
        "Motion sensor",
        (_BATTERY, _binary("occupancy"), _numeric("illuminance", "lx"), _MILLIVOLTS),
    ),
    "climate": Model(
        "WSDCGQ12LM",
        "Aqara",
        "Temperature and humidity sensor",
        (_BATTERY, _numeric("temperature", "°C"), _numeric("humidity", "%"), _numeric("pressure", "hPa"), _MILLIVOLTS),
    ),
    "water_leak": Model(
        "SJCGQ11LM",
        "Aqara",
        "Water leak sensor",
        (_BATTERY, _binary("water_leak"), _MILLIVOLTS, _numeric("device_temperature", "°C"), _LOW, _TAMPER),
    ),
    "plug": Model(
        "TS011F_plug_3",
        "TuYa",
        "Smart plug (with power monitoring by polling)",
        (
            {"type": "switch", "features": [_binary("state", "ON", "OFF", access=7)]},
            _enum("power_outage_memory", "on", "off", "restore", access=7),
            _numeric("current", "A"),
            _numeric("power", "W"),
            _numeric("voltage", "V"),
            _numeric("energy", "kWh"),
        ),
        mains=True,
    ),
    "sounder": Model(
        "HS2WD-E",
        "Heiman",
        "Smart siren",
        (_BATTERY, _numeric("max_duration", "s", access=7), _binary("alarm", "START", "OFF", access=2)),
        mains=True,
    ),
}
