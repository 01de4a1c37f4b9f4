"""Virtual LoRaWAN devices: the frames of real models, in the envelopes of ChirpStack v4 and The Things Stack v3."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from devices.milesight import F_PORT
from devices.virtual.home import VirtualPacket
from devices.virtual.rhythm import noise

APPLICATION: Final = "17c82e96-be03-4f38-aef3-f83d48582d97"


class Uplink(msgspec.Struct, frozen=True):
    """What one device sends: its frame, or what the network's payload decoder made of it; and what it means."""

    eui: str
    model: str
    frame: bytes = b""
    decoded: dict[str, Any] = {}
    port: int = F_PORT
    meant: dict[str, bool | float] = {}


def chirpstack(uplink: Uplink, at: datetime, rssi: int = -80, snr: float = 7.5, prefix: str = "") -> VirtualPacket:
    """The `up` event of ChirpStack v4. Zeros, empty texts and false are left out, as proto3 JSON does."""
    said: dict[str, Any] = {
        "deduplicationId": f"00000000-0000-4000-8000-{uplink.eui[-12:]}",
        "time": _rfc3339(at),
        "deviceInfo": {
            "applicationId": APPLICATION,
            "applicationName": "care home",
            "deviceProfileName": uplink.model,
            "deviceName": uplink.eui,
            "devEui": uplink.eui,
        },
        "devAddr": "00189440",
        "fPort": uplink.port,
        "data": base64.b64encode(uplink.frame).decode(),
        "object": uplink.decoded,
        "rxInfo": [
            {"gatewayId": "0016c001f153a14d", "uplinkId": 7, "rssi": rssi - 11, "snr": snr - 4},
            _without_zeros({"gatewayId": "0016c001f153a14c", "uplinkId": 8, "rssi": rssi, "snr": snr}),
        ],
        "txInfo": {"frequency": 867100000, "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 7}}},
    }
    topic = f"application/{APPLICATION}/device/{uplink.eui}/event/up"
    return VirtualPacket(at, _below(prefix, topic), msgspec.json.encode(_without_zeros(said)))


def things_stack(uplink: Uplink, at: datetime, rssi: int = -80, snr: float = 7.5, prefix: str = "") -> VirtualPacket:
    """The `up` message of The Things Stack v3. The device's id is made from its EUI, as its console proposes."""
    device = f"eui-{uplink.eui}"
    message: dict[str, Any] = {
        "f_port": uplink.port,
        "frm_payload": base64.b64encode(uplink.frame).decode(),
        "decoded_payload": uplink.decoded,
        "rx_metadata": [_without_zeros({"gateway_ids": {"gateway_id": "attic"}, "rssi": rssi, "snr": snr})],
        "settings": {"data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 7}}},
        "received_at": _rfc3339(at),
        "version_ids": {"brand_id": "milesight-iot", "model_id": uplink.model.rpartition(" ")[2].lower()},
    }
    said = {
        "end_device_ids": {"device_id": device, "dev_eui": uplink.eui.upper()},
        "received_at": _rfc3339(at),
        "uplink_message": _without_zeros(message),
    }
    return VirtualPacket(at, _below(prefix, f"v3/care-home@ttn/devices/{device}/up"), msgspec.json.encode(said))


def uplinks(seed: int, at: datetime) -> list[Uplink]:
    """What the devices of one small home send at that instant: the same for the same seed and time."""
    hour = f"{at:%Y-%m-%dT%H}"

    def chance(device: str, what: str) -> float:
        return noise(seed, device, f"{what} {hour}")

    battery = 40 + int(chance("door", "battery") * 60)
    tenths = 150 + int(chance("climate", "temperature") * 120)
    halves = 60 + int(chance("climate", "humidity") * 80)
    return [
        _door(battery, is_open=chance("door", "state") > 0.5),
        _spot_leak(battery, tenths, halves, is_wet=chance("leak", "state") > 0.9),
        _smoke(battery, burns=chance("smoke", "state") > 0.9),
        _clamp(int(chance("clamp", "current") * 3000)),
        _radar(fallen=chance("radar", "fall") > 0.9),
        _climate(tenths, halves),
    ]


def _door(battery: int, *, is_open: bool) -> Uplink:
    frame = bytes((0x01, 0x75, battery, 0x03, 0x00, is_open, 0x04, 0x00, 0x00))
    meant = {"battery": float(battery), "door.open": is_open, "tamper": False}
    return Uplink("24e1240000000301", "Milesight WS301", frame, meant=meant)


def _spot_leak(battery: int, tenths: int, halves: int, *, is_wet: bool) -> Uplink:
    climate = (0x03, 0x67, *tenths.to_bytes(2, "little"), 0x04, 0x68, halves)
    frame = bytes((0x01, 0x75, battery, *climate, 0x05, 0x00, is_wet))
    meant: dict[str, bool | float] = {"battery": float(battery), "temperature": tenths / 10, "humidity": halves / 2}
    return Uplink("24e1240000000303", "Milesight EM300-SLD", frame, meant={**meant, "water_leak.alarm": is_wet})


def _smoke(battery: int, *, burns: bool) -> Uplink:
    density = 12 if burns else 0
    frame = bytes((0x22, 0x11 if burns else 0x17, battery, density, 0x1C, 0x40))
    meant: dict[str, bool | float] = {"smoke.alarm": burns, "smoke.density": float(density), "temperature": 28.0}
    return Uplink("24e1240000000524", "Milesight GS524N", frame, meant={**meant, "battery": float(battery)})


def _clamp(hundredths: int) -> Uplink:
    frame = bytes((0x04, 0x98, *hundredths.to_bytes(2, "little")))
    return Uplink("24e1240000000103", "Milesight CT103", frame, meant={"current.a": hundredths / 100})


def _radar(*, fallen: bool) -> Uplink:
    frame = bytes((0x03, 0xF8, 4 if fallen else 0, 0, 0, 0, 0, 0))
    return Uplink("24e1240000000373", "Milesight VS373", frame, meant={"fall.alarm": fallen, "presence": True})


def _climate(tenths: int, halves: int) -> Uplink:
    """A Dragino node whose probe is not plugged in: 327.67 °C is no heat."""
    inside = {"TempC_SHT": tenths / 10, "Hum_SHT": halves / 2}
    decoded = {"BatV": 3.05, "Bat_status": 3, **inside, "TempC_DS": 327.67}
    meant = {"battery.voltage": 3.05, "temperature": tenths / 10, "humidity": halves / 2}
    return Uplink("a840410000000065", "Dragino LHT65", decoded=decoded, port=2, meant=dict(meant))


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _without_zeros(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value not in (0, "", False, {}, [])}


def _below(prefix: str, topic: str) -> str:
    return f"{prefix}/{topic}" if prefix else topic
