"""What is said to a device, or about it, is no word of its own: it must not end its silence, nor raise what it watches.

The topics are those of the ecosystems' documents (devices/examples and the codecs' docstrings).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from devices.catalog import CODECS
from devices.codec import Packet
from devices.reading import Reading, Report
from rules.supervision import is_sign_of_life

COMMANDS = (
    ("zigbee2mqtt", "zigbee2mqtt", "zigbee2mqtt/smoke 1/set"),
    ("zigbee2mqtt", "zigbee2mqtt", "zigbee2mqtt/smoke 1/get"),
    ("zigbee2mqtt", "zigbee2mqtt", "zigbee2mqtt/smoke 1/set/state"),
    ("zigbee2mqtt", "zigbee2mqtt", "zigbee2mqtt/smoke 1/left/set"),
    ("zigbee2mqtt", "zigbee2mqtt", "zigbee2mqtt/bridge/request/device/rename"),
    ("zigbee2mqtt", "zigbee2mqtt", "zigbee2mqtt/bridge/response/device/rename"),
    ("tasmota", "", "cmnd/smoke 1/POWER"),
    ("tasmota", "t", "t/cmnd/smoke 1/Backlog"),
    ("tasmota", "t", "t/smoke 1/cmnd/POWER"),
    ("shelly", "", "shelly1-a/rpc"),
    ("shelly", "", "shellies/shelly1-a/relay/0/command"),
    ("shelly", "", "shellies/command"),
    ("shelly", "", "shelly1-a/command/switch:0"),
    ("esphome", "h", "h/node/switch/relay/command"),
    ("sparkplug", "", "spBv1.0/g/NCMD/n"),
    ("sparkplug", "", "spBv1.0/g/DCMD/n/d"),
    ("thingsboard", "", "v1/devices/me/rpc/request/1"),
    ("thingsboard", "", "v1/gateway/rpc"),
    ("aliyun-iot", "", "/sys/pk/dn/thing/service/property/set"),
    ("aliyun-iot", "", "/sys/pk/dn/thing/event/property/post_reply"),
    ("huawei-iotda", "", "$oc/devices/d/sys/commands/request_id=1"),
    ("huawei-iotda", "", "$oc/devices/d/sys/messages/down"),
    ("huawei-iotda", "", "$oc/devices/d/sys/properties/set/request_id=1"),
    ("onenet", "", "$sys/p/d/thing/property/set"),
    ("onenet", "", "$sys/p/d/thing/property/post/reply"),
    ("onenet", "", "$sys/p/d/cmd/request/1"),
    ("tuya", "", "tylink/d/thing/property/set"),
    ("tuya", "", "tylink/d/thing/property/report_response"),
    ("lorawan", "", "application/a/device/d/command/down"),
    ("lorawan", "", "v3/a/devices/d/down/push"),
    ("lorawan", "", "v3/a/devices/d/down/replace"),
    ("zwavejs", "zwave", "zwave/n/37/0/targetValue/set"),
    ("zwavejs", "zwave", "zwave/_CLIENTS/x/api/getNodes/set"),
    ("frigate", "frigate", "frigate/cam/detect/set"),
    ("ring", "ring", "ring/l/camera/c/siren/command"),
    ("wyze", "wyzebridge", "wyzebridge/cam/state/set"),
    ("homeassistant", "", "zigbee2mqtt/x/set"),
)
BODIES = {
    "object": b'{"state":"ON","smoke":true,"params":{},"method":"x","id":1}',
    "text": b"ON",
    "bytes": b"\xff\xfe{",
    "nothing": b"",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(("codec", "prefix", "topic"), COMMANDS, ids=[topic for _, _, topic in COMMANDS])
def test_what_is_said_to_a_device_says_nothing(codec: str, prefix: str, topic: str, body: bytes) -> None:
    made = CODECS[codec](prefix=prefix) if prefix else CODECS[codec]()
    reports = made.decode(Packet(topic, body), None).reports
    assert all(not is_sign_of_life(report) and not report.readings for report in reports)


CHIRPSTACK = {"deviceInfo": {"devEui": "d"}}
ABOUT: dict[str, tuple[str, str, Any]] = {
    "chirpstack-txack": ("lorawan", "application/a/device/d/event/txack", CHIRPSTACK),
    "chirpstack-log": ("lorawan", "application/a/device/d/event/log", {**CHIRPSTACK, "level": "ERROR"}),
    "chirpstack-no-ack": ("lorawan", "application/a/device/d/event/ack", {**CHIRPSTACK, "acknowledged": False}),
    "chirpstack-integration": ("lorawan", "application/a/device/d/event/integration", CHIRPSTACK),
    "things-stack-queued": ("lorawan", "v3/a/devices/d/down/queued", {"end_device_ids": {"device_id": "d"}}),
    "things-stack-failed": ("lorawan", "v3/a/devices/d/down/failed", {"end_device_ids": {"device_id": "d"}}),
    "things-stack-solved": ("lorawan", "v3/a/devices/d/location/solved", {"end_device_ids": {"device_id": "d"}}),
    "things-stack-simulated": (
        "lorawan",
        "v3/a/devices/d/up",
        {"end_device_ids": {"device_id": "d"}, "simulated": True, "uplink_message": {"decoded_payload": {"x": 1}}},
    ),
    "ctwing-command-response": (
        "ctwing-aep",
        "push",
        {"IMEI": "1", "messageType": "commandResponse", "result": {"resultCode": "SENT"}},
    ),
    "ctwing-other": ("ctwing-aep", "push", {"IMEI": "1", "messageType": "productChanged"}),
    "iotda-command-status": (
        "huawei-iotda",
        "push",
        {
            "resource": "device.command.status",
            "event": "update",
            "notify_data": {"header": {"device_id": "d"}, "body": {"status": "SENT"}},
        },
    ),
    "discovery": (
        "homeassistant",
        "homeassistant/binary_sensor/s/config",
        {"state_topic": "s", "device_class": "smoke", "device": {"identifiers": ["d"]}},
    ),
}


@pytest.mark.parametrize(("codec", "topic", "said"), ABOUT.values(), ids=ABOUT)
def test_what_is_said_about_a_device_is_no_sign_of_life(codec: str, topic: str, said: Any) -> None:
    (report,) = CODECS[codec]().decode(Packet(topic, json.dumps(said).encode()), None).reports
    assert report.events, "it is told, and no more than that"
    assert not is_sign_of_life(report)


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("application/a/device/d/event/ack", {**CHIRPSTACK, "acknowledged": True}),
        ("application/a/device/d/event/join", CHIRPSTACK),
        ("application/a/device/d/event/up", {**CHIRPSTACK, "fPort": 85, "data": "AQID"}),
        ("v3/a/devices/d/join", {"end_device_ids": {"device_id": "d"}}),
    ],
)
def test_what_the_device_must_have_said_is_one(topic: str, said: Any) -> None:
    (report,) = CODECS["lorawan"]().decode(Packet(topic, json.dumps(said).encode()), None).reports
    assert is_sign_of_life(report)


@pytest.mark.parametrize("point", ["online", "gateway.online", "duty.answered"])
def test_that_somebody_else_calls_a_device_gone_is_no_word_of_its_own(point: str) -> None:
    assert not is_sign_of_life(Report("d", (Reading(point, False),)))
    assert is_sign_of_life(Report("d", (Reading(point, True),)))
    assert is_sign_of_life(Report("d", (Reading("smoke.alarm", False),)))
