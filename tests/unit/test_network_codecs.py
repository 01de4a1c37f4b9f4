"""LoRaWAN, Sparkplug B and ThingsBoard: golden vectors, what is remembered, what is refused, and what it costs."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devices.catalog import CODECS
from devices.codec import DecodeError, Packet
from devices.lorawan import LoRaWan
from devices.metric_names import meaning_of
from devices.milesight import AGREED, MODELS, find_model
from devices.reading import Quality, Report, find_point
from devices.sparkplug import Sparkplug
from devices.thingsboard import ThingsBoard
from devices.virtual import lorawan as virtual_lorawan
from devices.virtual import thingsboard as virtual_thingsboard
from devices.virtual.home import VirtualPacket
from devices.virtual.sparkplug import VirtualEdgeNode
from tests.fuzz_codecs import check, mutate, run
from tests.unit.test_codec_vectors import instant, payload_of, values

EXAMPLES = Path(__file__).parents[2] / "devices" / "examples"
AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
EUI = "24e1240000000001"


def load(name: str) -> list[dict[str, Any]]:
    return list(json.loads((EXAMPLES / f"{name}.json").read_text()))


def bytes_of(case: dict[str, Any]) -> bytes:
    payload = case["payload"]
    return payload_of(payload) if isinstance(payload, dict) and "base64" in payload else payload_of(case)


PUBLISHED = [(name, case) for name in ("lorawan", "sparkplug", "thingsboard") for case in load(name)]
MORE = load("lorawan_more")


def packet_of(sent: VirtualPacket) -> Packet:
    return Packet(sent.topic, sent.payload)


def composed(case: dict[str, Any], envelope: Callable[..., VirtualPacket] = virtual_lorawan.chirpstack) -> Packet:
    """A case of ours in a network's envelope, as a device that is 80 dBm away."""
    uplink = virtual_lorawan.Uplink(
        EUI, case.get("model", "Test device-profile"), bytes.fromhex(case.get("frame", "")), case.get("object", {})
    )
    return packet_of(envelope(uplink, AT))


@pytest.mark.parametrize(("name", "case"), PUBLISHED, ids=[case["id"] for _, case in PUBLISHED])
def test_published_message_means_what_it_means(name: str, case: dict[str, Any]) -> None:
    meaning = case["meaning"]
    reports = CODECS[name](prefix="").decode(Packet(case["topic"], bytes_of(case)), None).reports
    if name == "thingsboard":
        said = [{"device": r.device, "time": r.measured_at, "readings": values(r)} for r in reports]
        assert said == [{**event, "time": instant(event["time"])} for event in meaning["events"]]
        return
    (report,) = reports
    assert values(report) == meaning["readings"]
    assert not set(meaning.get("must_not", [])) & values(report).keys()
    assert list(report.events) == meaning.get("events", [])
    assert report.measured_at == (instant(meaning["time"]) if "time" in meaning else None)
    assert report.device == meaning.get("device", case["topic"].split("/")[3])
    assert all(reading.quality is Quality.GOOD for reading in report.readings)


def in_both(case: dict[str, Any]) -> bool:
    """The Things Stack names models without a variant, and a device by an id of its own."""
    return "SOS" not in case.get("model", "") and case.get("model") != ""


ENVELOPED = [(virtual_lorawan.chirpstack, case) for case in MORE]
ENVELOPED += [(virtual_lorawan.things_stack, case) for case in MORE if in_both(case)]


@pytest.mark.parametrize(("envelope", "case"), ENVELOPED, ids=[f"{e.__name__}-{case['id']}" for e, case in ENVELOPED])
def test_decoder_output_and_raw_frames(envelope: Callable[..., VirtualPacket], case: dict[str, Any]) -> None:
    packet = composed(case, envelope)
    if "error" in case:
        with pytest.raises(DecodeError) as caught:
            LoRaWan().decode(packet, None)
        assert case["error"] in str(caught.value)
        return
    (report,) = LoRaWan().decode(packet, None).reports
    assert values(report) == {**case["readings"], "rssi": -80.0, "snr": 7.5}
    assert {r.point for r in report.readings if r.quality is Quality.BAD} == set(case.get("bad", []))
    expected = case.get("events", [])
    assert [e for e in report.events if e["type"] != "property_ignored"] == [e for e in expected if isinstance(e, dict)]
    ignored = [event["property"] for event in report.events if event["type"] == "property_ignored"]
    assert ignored == [event for event in expected if isinstance(event, str)]


@pytest.mark.parametrize("seed", range(40))
def test_virtual_lorawan_devices_say_what_they_mean(seed: int) -> None:
    for uplink in virtual_lorawan.uplinks(seed, AT):
        for envelope in (virtual_lorawan.chirpstack, virtual_lorawan.things_stack):
            if envelope is virtual_lorawan.things_stack and "Dragino" in uplink.model:
                continue
            packet = packet_of(envelope(uplink, AT, prefix="h/home1"))
            (report,) = LoRaWan("h/home1").decode(packet, None).reports
            assert values(report) == {**uplink.meant, "rssi": -80.0, "snr": 7.5}
            assert report.measured_at == AT
            assert report.device in (uplink.eui, f"eui-{uplink.eui}")


def test_virtual_lorawan_devices_have_seen_every_danger() -> None:
    said = {(p, v) for seed in range(40) for up in virtual_lorawan.uplinks(seed, AT) for p, v in up.meant.items()}
    assert {("smoke.alarm", True), ("fall.alarm", True), ("water_leak.alarm", True), ("smoke.alarm", False)} <= said


def smoke_event(word: str, context: Any) -> tuple[dict[str, Any], Any]:
    said = {"type": "smoke sensor", "event": word, "battery": 90, "concentration": 0, "temperature": 28}
    decoded = LoRaWan().decode(composed({"object": said}), context)
    readings = values(decoded.reports[0])
    return {p: readings[p] for p in ("smoke.alarm", "test", "alarm.silenced") if p in readings}, decoded.context


def test_a_test_that_the_device_only_stops_saying_is_ended_once() -> None:
    first, context = smoke_event("testing alarm with normal battery", None)
    assert first == {"smoke.alarm": False, "test": True}
    second, context = smoke_event("normal", context)
    assert second == {"smoke.alarm": False, "test": False}
    third, same = smoke_event("normal", context)
    assert third == {"smoke.alarm": False}
    assert same is context


def test_a_silenced_alarm_ends_with_the_alarm() -> None:
    assert smoke_event("silent", None)[0] == {"smoke.alarm": True, "alarm.silenced": True}
    _, context = smoke_event("silent", None)
    assert smoke_event("normal", context)[0] == {"smoke.alarm": False, "alarm.silenced": False}


def test_what_is_held_is_bounded() -> None:
    context = None
    for n in range(1100):
        uplink = virtual_lorawan.Uplink(f"{n:016x}", "GS524N", bytes.fromhex("221e64001c40"))
        context = LoRaWan().decode(packet_of(virtual_lorawan.chirpstack(uplink, AT)), context).context
    assert len(context.held) == 1024


def test_one_phase_back_in_its_limits_is_not_all_of_them() -> None:
    def alarm(channel: int, on: str) -> Packet:
        said = {"current_threshold_alarm": on, "current_over_range_alarm": "no"}
        return composed({"object": {f"current_chn{channel}_alarm": said}})

    context = None
    told = []
    for channel, on in ((1, "yes"), (2, "yes"), (1, "no"), (2, "no")):
        decoded = LoRaWan().decode(alarm(channel, on), context)
        context = decoded.context
        told.append(values(decoded.reports[0]).get("current.alarm"))
    assert told == [True, True, None, False]


def up(**changes: Any) -> Packet:
    said = json.loads(virtual_lorawan.chirpstack(virtual_lorawan.Uplink(EUI, "x", b"", {"humidity": 40}), AT).payload)
    topic = f"application/a/device/{EUI}/event/up"
    return Packet(topic, json.dumps({**said, **changes}).encode())


RADIO = [
    ("zero-ratio-left-out", [{"rssi": -50}], {"rssi": -50.0, "snr": 0.0}),
    ("strongest-of-three", [{"rssi": -90, "snr": 9}, {"rssi": -70, "snr": 1}, {"rssi": -71}], {"rssi": -70, "snr": 1}),
    ("one-unreadable", [{"rssi": "loud"}, {"rssi": -71, "snr": 2}], {"rssi": -71, "snr": 2}),
    ("none", [], {}),
    ("no-list", {"rssi": 1}, {}),
]


@pytest.mark.parametrize(("entries", "wanted"), [r[1:] for r in RADIO], ids=[r[0] for r in RADIO])
def test_radio(entries: Any, wanted: dict[str, float]) -> None:
    (report,) = LoRaWan().decode(up(rxInfo=entries), None).reports
    assert {p: v for p, v in values(report).items() if p != "humidity"} == wanted


EVENTS = [
    ("ack", {"acknowledged": True}, {}, {"type": "ack", "acknowledged": "true"}),
    ("ack", {}, {}, {"type": "ack", "acknowledged": "false"}),
    ("txack", {"gatewayId": "x"}, {}, {"type": "txack"}),
    ("location", {"location": {"latitude": 1.5}}, {}, {"type": "location"}),
    ("integration", {"integrationName": "x", "object": {"smoke": True}}, {}, {"type": "integration"}),
    (
        "status",
        {"margin": 5, "externalPowerSource": True, "batteryLevel": 0},
        {"link.margin": 5, "power.mains": True},
        {},
    ),
    ("status", {"batteryLevelUnavailable": True, "batteryLevel": 0}, {"link.margin": 0}, {}),
    ("status", {"batteryLevel": 50.5}, {"link.margin": 0, "battery": 50.5}, {}),
]


@pytest.mark.parametrize(
    ("event", "said", "readings", "told"), EVENTS, ids=[f"{e[0]}-{n}" for n, e in enumerate(EVENTS)]
)
def test_chirpstack_events(event: str, said: dict[str, Any], readings: dict[str, Any], told: dict[str, str]) -> None:
    packet = Packet(f"application/a/device/{EUI}/event/{event}", json.dumps(said).encode())
    (report,) = LoRaWan().decode(packet, None).reports
    assert values(report) == readings
    assert list(report.events) == ([told] if told else [])


def test_a_simulated_uplink_is_no_alarm() -> None:
    said = {"simulated": True, "uplink_message": {"decoded_payload": {"smoke": True}}}
    packet = Packet("v3/a@ttn/devices/d/up", json.dumps(said).encode())
    (report,) = LoRaWan().decode(packet, None).reports
    assert (report.readings, report.events) == ((), ({"type": "simulated"},))


@pytest.mark.parametrize("action", ["queued", "sent", "ack", "nack", "failed"])
def test_what_became_of_a_downlink_is_an_event(action: str) -> None:
    (report,) = LoRaWan().decode(Packet(f"v3/a@ttn/devices/d/down/{action}", b"{}"), None).reports
    assert (report.device, report.readings) == ("d", ())
    assert report.events == ({"type": "downlink", "state": action},)


@pytest.mark.parametrize("topic", ["v3/a@ttn/devices/d/down/push", f"application/a/device/{EUI}/command/down"])
def test_a_command_says_nothing(topic: str) -> None:
    assert LoRaWan().decode(Packet(topic, b'{"smoke":true}'), None).reports == ()


REFUSED = [
    ("lorawan", "application/a/device/1/event/up", b"\x0a\x24protobuf", "JSON"),
    ("lorawan", "application/a/device/1/event/up", b"[]", "json = true"),
    ("lorawan", "application/a/device/1/event/up", b'{"object":[1]}', "object: expected an object"),
    ("lorawan", "application/a/device/1/event/up", b'{"data":"qg="}', "data: expected base64"),
    ("lorawan", "application/a/device/1/event/up", b'{"data":"' + b"A" * 800 + b'"}', "at most 242 bytes"),
    ("lorawan", "application/a/device/1/event/nonsense", b"{}", "topic: expected application"),
    ("lorawan", "application/a/device//event/up", b"{}", "topic"),
    ("lorawan", "v3/a/devices/d/up", b"{}", "uplink_message: expected an object"),
    ("lorawan", "elsewhere", b"{}", "topic"),
    ("sparkplug", "spBv1.0/g/DDATA/n/d", b"\xff\xff\xff", "a Sparkplug B payload (protobuf)"),
    ("sparkplug", "spBv1.0/g/DDATA/n/d", bytes.fromhex("12030a01ff"), "metrics[0].name: expected UTF-8"),
    ("sparkplug", "spBv1.0/g/DDATA/n", b"", "a device's name in D"),
    ("sparkplug", "spBv1.0/g/NDATA/n/d", b"", "none in N"),
    ("sparkplug", "spBv1.0/g/NOPE/n", b"", "<group>/<message>/<edge node>"),
    ("sparkplug", "spBv1.0/STATE/scada", b'{"online":"yes"}', "true or false"),
    ("sparkplug", "other/g/NDATA/n", b"", "a topic below spBv1.0/"),
    ("thingsboard", "v1/gateway/telemetry", b"[]", "a list of samples"),
    ("thingsboard", "v1/gateway/telemetry", b'{"A":[3]}', "A/telemetry: expected objects"),
    ("thingsboard", "v1/gateway/telemetry", b'{"A":[{"ts":1,"values":3}]}', "values: expected an object"),
    ("thingsboard", "v1/gateway/telemetry", b'{"A":{"smoke":"perhaps"}}', "A: smoke: expected"),
    ("thingsboard", "v1/gateway/connect", b'{"name":"A"}', 'an object with "device"'),
    ("thingsboard", "v2/gateway/telemetry", b"{}", "a topic below v1/"),
]


@pytest.mark.parametrize(
    ("name", "topic", "payload", "text"), REFUSED, ids=[f"{r[0]}-{n}" for n, r in enumerate(REFUSED)]
)
def test_refusals_say_where_and_what(name: str, topic: str, payload: bytes, text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        CODECS[name](prefix="").decode(Packet(topic, payload), None)
    assert text in str(caught.value)
    assert len(caught.value.found) <= 80


@pytest.mark.parametrize(("name", "case"), PUBLISHED, ids=[case["id"] for _, case in PUBLISHED])
def test_every_cut_of_a_message_is_read_or_refused(name: str, case: dict[str, Any]) -> None:
    codec, payload = CODECS[name](prefix=""), bytes_of(case)
    refused = 0
    for length in range(0, len(payload), max(1, len(payload) // 60)):
        try:
            codec.decode(Packet(case["topic"], payload[:length]), None)
        except DecodeError:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize("name", ["lorawan", "sparkplug", "thingsboard"])
@pytest.mark.parametrize("prefix", ["", "h/home1", "h/home1/"])
def test_a_removed_topic_says_nothing_and_a_prefix_is_kept(name: str, prefix: str) -> None:
    codec = CODECS[name](prefix=prefix)
    start = "h/home1/" if prefix else ""
    assert all(topic.startswith(start) for topic in codec.subscriptions)
    case = next(case for published, case in PUBLISHED if published == name)
    assert codec.decode(Packet(start + case["topic"], b""), None).reports == ()
    assert codec.decode(Packet(start + case["topic"], bytes_of(case)), None).reports
    if prefix:
        with pytest.raises(DecodeError, match="a topic below h/home1"):
            codec.decode(Packet("h/home2/" + case["topic"], bytes_of(case)), None)


def decode_all(node: list[VirtualPacket], context: Any = None) -> tuple[list[Report], Any]:
    reports: list[Report] = []
    for sent in node:
        decoded = Sparkplug().decode(packet_of(sent), context)
        reports += decoded.reports
        context = decoded.context
    return reports, context


def test_sparkplug_data_by_alias() -> None:
    node = VirtualEdgeNode()
    sent = [
        node.birth(AT, {"Supply Voltage": 12.0, "Node Control/Rebirth": False}),
        node.device_birth(AT, "room 1", {"Smoke Alarm": False, "Temperature": 20.5, "Fire Drill Counter": 3}),
        node.data(AT + timedelta(seconds=9), "room 1", {"Smoke Alarm": True}),
        node.data(AT + timedelta(seconds=10), "room 1", {"Temperature": None}),
    ]
    (birth, device, smoke, null), _ = decode_all(sent)
    assert values(birth) == {"online": True, "voltage.supply": 12.0}
    assert values(device) == {"online": True, "smoke.alarm": False, "temperature": 20.5}
    assert (device.device, device.measured_at) == ("care home/cabinet 1/room 1", AT)
    assert values(smoke) == {"smoke.alarm": True}
    assert (smoke.measured_at, smoke.events) == (AT + timedelta(seconds=9), ())
    assert (null.readings, null.events) == ((), ())


def test_sparkplug_node_death_is_the_death_of_its_devices() -> None:
    node = VirtualEdgeNode()
    _, context = decode_all(
        [node.birth(AT, {}), node.device_birth(AT, "a", {}), node.data(AT, "b", {"Temperature": 1.0})]
    )
    stale, context = decode_all([node.death(AT, session=0)], context)
    assert [report.readings for report in stale] == [()]
    assert stale[0].events == ({"type": "stale_death", "bdSeq": "0", "expected": "1"},)
    dead, context = decode_all([node.death(AT)], context)
    assert [(report.device.rpartition("/")[2], values(report)) for report in dead] == [
        (name, {"online": False}) for name in ("cabinet 1", "a", "b")
    ]
    after, _ = decode_all([node.data(AT, "a", {"Temperature": 1.0})], context)
    assert after[0].events[0] == {"type": "rebirth_needed", "reason": "data without a birth"}


def test_sparkplug_gap_in_the_sequence_asks_for_a_birth() -> None:
    node = VirtualEdgeNode()
    sent = [node.birth(AT, {"Temperature": 1.0})] + [node.data(AT, "", {"Temperature": float(n)}) for n in range(300)]
    reports, _ = decode_all(sent)
    assert all(report.events == () for report in reports)
    lossy, _ = decode_all(sent[:5] + sent[6:8])
    assert [bool(report.events) for report in lossy] == [False] * 5 + [True, False]
    assert lossy[5].events[0]["reason"] == "sequence 6, expected 5"


def test_sparkplug_alias_without_birth_is_not_guessed() -> None:
    node = VirtualEdgeNode()
    node.birth(AT, {})
    node.device_birth(AT, "d", {"Smoke Alarm": False})
    (report,), _ = decode_all([node.data(AT, "d", {"Smoke Alarm": True})])
    assert report.readings == ()
    assert [event["type"] for event in report.events] == ["rebirth_needed", "not_understood"]


def test_sparkplug_death_of_a_device_and_state_of_a_host() -> None:
    node = VirtualEdgeNode()
    reports, context = decode_all([node.birth(AT, {}), node.device_birth(AT, "d", {}), node.device_death(AT, "d")])
    assert values(reports[2]) == {"online": False}
    for payload, online in ((b'{"online":false,"timestamp":1}', False), (b"ONLINE", True)):
        (host,) = Sparkplug().decode(Packet("spBv1.0/STATE/scada", payload), context).reports
        assert (host.device, values(host)) == ("STATE/scada", {"online": online})


def metric(**fields: Any) -> Packet:
    """A NDATA message with one temperature metric of these fields."""
    from devices.sparkplug_payload import PAYLOAD

    said: Any = PAYLOAD()
    made = said.metrics.add(name=b"Temperature", datatype=10, double_value=70.0)
    for name, value in fields.items():
        if name in ("unit", "quality"):
            made.properties.keys.append(b"engUnit" if name == "unit" else b"Quality")
            made.properties.values.add(**({"string_value": value} if name == "unit" else {"int_value": value}))
        else:
            setattr(made, name, value)
    return Packet("spBv1.0/g/NDATA/n", said.SerializeToString())


METRICS = [
    ("fahrenheit", {"unit": "°F".encode()}, {"temperature": 21.111111}, False),
    ("unit-that-fits-nothing", {"unit": b"furlong"}, {}, False),
    ("historical", {"is_historical": True}, {}, False),
    ("null", {"is_null": True}, {}, False),
    ("stale", {"quality": 500}, {}, False),
    ("bad", {"quality": 0}, {"temperature": 70.0}, True),
    ("good", {"quality": 192}, {"temperature": 70.0}, False),
]


@pytest.mark.parametrize(("fields", "wanted", "bad"), [m[1:] for m in METRICS], ids=[m[0] for m in METRICS])
def test_sparkplug_metric(fields: dict[str, Any], wanted: dict[str, Any], bad: bool) -> None:
    (report,) = Sparkplug().decode(metric(**fields), None).reports
    assert values(report) == wanted
    assert [reading.quality is Quality.BAD for reading in report.readings] == ([bad] if wanted else [])


@pytest.mark.parametrize(
    ("datatype", "raw", "wanted"), [(1, 0xFF, -1.0), (2, 0xFFF6, -10.0), (3, 2**32 - 5, -5.0), (7, 40, 40.0)]
)
def test_sparkplug_signed_numbers(datatype: int, raw: int, wanted: float) -> None:
    packet = metric()
    from devices.sparkplug_payload import PAYLOAD

    said: Any = PAYLOAD()
    said.ParseFromString(packet.payload)
    said.metrics[0].ClearField("double_value")
    said.metrics[0].datatype, said.metrics[0].int_value = datatype, raw
    (report,) = Sparkplug().decode(Packet(packet.topic, said.SerializeToString()), None).reports
    assert values(report) == {"temperature": wanted}


NAMES = [
    ("Smoke Alarm", "smoke.alarm"),
    ("Room 3/smokeAlarm", "smoke.alarm"),
    ("smoke.alarm", "smoke.alarm"),
    ("cable_temp.2", "cable_temp.2"),
    ("Inputs/A", "input.A"),
    ("Outputs/12", "relay.12"),
    ("residual_current", "current.residual"),
    ("current_a", "current.a"),
    ("Voltage L2", "voltage.b"),
    ("Smoke Alarm Counter", None),
    ("smokeEventEnabled", None),
    ("Properties/Temperature", None),
    ("Node Control/Rebirth", None),
    ("Settings/smoke", None),
    ("Outputs/LEDs/Green", None),
    ("current", None),
    ("", None),
    ("x" * 300, None),
]


@pytest.mark.parametrize(("name", "point"), NAMES, ids=[name[:30] or "empty" for name, _ in NAMES])
def test_free_names_are_known_exactly_or_not_at_all(name: str, point: str | None) -> None:
    found = meaning_of(name)
    assert (found.point if found is not None else None) == point


@pytest.mark.parametrize("seed", range(10))
def test_virtual_gateway_says_what_it_means(seed: int) -> None:
    reports = ThingsBoard().decode(packet_of(virtual_thingsboard.telemetry(seed, AT)), None).reports
    wanted = []
    for room in ("Room 1", "Room 2"):
        for when in (AT - timedelta(seconds=10), AT):
            said = virtual_thingsboard.values(seed, room, when)
            smoke = {"smoke.alarm": said["smoke"], "temperature": said["temperature"], "humidity": said["humidity"]}
            wanted.append((room, when, smoke))
    assert [(r.device, r.measured_at, values(r)) for r in reports] == wanted


@pytest.mark.parametrize("seed", range(10))
def test_virtual_edge_node_says_what_it_means(seed: int) -> None:
    node = VirtualEdgeNode(seed=seed)
    meant = node.meant(AT)
    (_, report), _ = decode_all([node.birth(AT, {}), node.device_birth(AT, "d", meant)])
    assert values(report) == {"online": True, "smoke.alarm": meant["Smoke Alarm"], "temperature": meant["Temperature"]}


def test_old_samples_keep_their_numbers_and_raise_nothing() -> None:
    said = {
        "A": [
            {"ts": 1772352000000, "values": {"smoke": True, "temperature": 20}},
            {"ts": 1772355600000, "values": {"smoke": False}},
        ]
    }
    old, new = ThingsBoard().decode(Packet("v1/gateway/telemetry", json.dumps(said).encode()), None).reports
    assert (values(old), old.events) == ({"temperature": 20.0}, ({"type": "history"},))
    assert values(new) == {"smoke.alarm": False}


def test_a_press_and_its_release_in_one_batch_are_both_told() -> None:
    said = [{"ts": 1772352000900, "values": {"sos": False}}, {"ts": 1772352000000, "values": {"sos": True}}]
    reports = ThingsBoard().decode(Packet("v1/devices/room-1/telemetry", json.dumps(said).encode()), None).reports
    assert [(r.device, values(r)) for r in reports] == [
        ("room-1", {"sos.alarm": True}),
        ("room-1", {"sos.alarm": False}),
    ]


@pytest.mark.parametrize(
    ("topic", "payload", "wanted"),
    [
        (
            "v1/devices/me/telemetry",
            {"temperature": "21.5", "smoke": "OFF"},
            {"temperature": 21.5, "smoke.alarm": False},
        ),
        ("v1/devices/me/telemetry", {"ts": 1772352000000, "values": {"humidity": 40}}, {"humidity": 40.0}),
        ("v1/devices/me/telemetry", {"smoke_counter": 254, "smokeEventEnabled": 1}, {}),
        ("v1/gateway/connect", {"device": "me", "type": "x"}, {"online": True}),
        ("v1/gateway/disconnect", {"device": "me"}, {"online": False}),
    ],
)
def test_thingsboard_messages(topic: str, payload: Any, wanted: dict[str, Any]) -> None:
    (report,) = ThingsBoard().decode(Packet(topic, json.dumps(payload).encode()), None).reports
    assert (report.device, values(report)) == ("me", wanted)


@pytest.mark.parametrize(
    "topic", ["v1/devices/me/attributes", "v1/gateway/attributes", "v1/gateway/rpc", "v1/gateway/claim"]
)
def test_attributes_are_no_telemetry(topic: str) -> None:
    assert ThingsBoard().decode(Packet(topic, b'{"smoke":true,"Device A":{"smoke":true}}'), None).reports == ()


def test_one_unreadable_device_does_not_hide_anothers_danger() -> None:
    said = {"A": [{"values": {"smoke": "perhaps"}}], "B": [{"values": {"smoke": True}}]}
    (report,) = ThingsBoard().decode(Packet("v1/gateway/telemetry", json.dumps(said).encode()), None).reports
    assert (report.device, values(report)) == ("B", {"smoke.alarm": True})
    assert report.events[0]["property"] == "A: smoke"


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("Milesight EM300-SLD", "em300-sld"),
        ("ws301", "ws301"),
        ("VS 373 radar", "vs373"),
        ("GS524N", "gs524n"),
        ("News301", ""),
        ("", ""),
    ],
)
def test_the_model_in_a_profiles_name(text: str, model: str) -> None:
    assert find_model(text) == model


def test_channels_that_mean_different_things_are_not_read_without_a_model() -> None:
    assert 0x0175 in AGREED
    assert 0x0300 not in AGREED and 0x0500 not in AGREED and 0xFF3F not in AGREED
    assert all(
        sum(part.size for part in channel.parts) <= channel.length for c in MODELS.values() for channel in c.values()
    )


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("input.A", True),
        ("relay.Z", True),
        ("input.a", False),
        ("cable_temp.A", False),
        ("input.65", False),
        ("input.AB", False),
        ("input.1\n", False),
    ],
)
def test_terminals_may_be_lettered(name: str, known: bool) -> None:
    assert (find_point(name) is not None) is known


def fastest(work: Callable[[], None]) -> float:
    durations = []
    for _ in range(7):
        began = time.perf_counter()
        work()
        durations.append(time.perf_counter() - began)
    return min(durations)


@pytest.mark.parametrize("name", ["lorawan", "thingsboard"])
@pytest.mark.timed
def test_decoding_costs_at_most_six_times_json_loads(name: str) -> None:
    codec = CODECS[name](prefix="")
    packets = [Packet(case["topic"], bytes_of(case)) for published, case in PUBLISHED if published == name] * 20
    if name == "lorawan":
        packets += [composed(case) for case in MORE if "error" not in case]
    else:
        packets += [packet_of(virtual_thingsboard.telemetry(seed, AT)) for seed in range(100)]

    def decode() -> None:
        for packet in packets:
            codec.decode(packet, None)

    def loads() -> None:
        for packet in packets:
            json.loads(packet.payload)

    assert fastest(decode) <= 6 * fastest(loads)


def test_broken_packets_of_these_networks_raise_decode_error_only() -> None:
    outcome = run(12_000, seed=20260302, names=("lorawan", "sparkplug", "thingsboard"))
    assert outcome["refused"] > 3_000
    assert outcome["decoded"] > 2_000


def test_damaged_sessions_leave_a_sound_memory() -> None:
    chance = random.Random(20260303)
    context: Any = None
    refused = reported = 0
    for _ in range(300):
        node = VirtualEdgeNode(node=f"cabinet {chance.randrange(3)}")
        sent = [
            node.birth(AT, {"Temperature": 1.0}),
            node.device_birth(AT, "d", {"Smoke Alarm": False, "Humidity": 40}),
        ]
        sent += [node.data(AT, "d", {"Smoke Alarm": True}), node.device_death(AT, "d"), node.death(AT)]
        for packet in map(packet_of, sent):
            payload = mutate(packet.payload, chance) if chance.random() < 0.6 else packet.payload
            try:
                decoded = Sparkplug().decode(Packet(packet.topic, payload), context)
            except DecodeError:
                refused += 1
                continue
            context = decoded.context
            reported += len(decoded.reports)
            for report in decoded.reports:
                check(report)
    assert refused > 200 and reported > 400
    assert set(context.nodes) == {f"care home/cabinet {n}" for n in range(3)}


def test_damaged_raw_frames_are_read_or_refused() -> None:
    chance = random.Random(20260304)
    refused = reported = 0
    frames = [case for case in MORE if "frame" in case]
    for _ in range(6000):
        case = chance.choice(frames)
        damaged = {**case, "frame": mutate(bytes.fromhex(case["frame"]), chance)[:200].hex()}
        try:
            check(LoRaWan().decode(composed(damaged), None).reports[0])
            reported += 1
        except DecodeError:
            refused += 1
    assert refused > 500 and reported > 2000


def test_base64_of_the_published_frames_is_what_their_decoder_was_given() -> None:
    case = next(case for _, case in PUBLISHED if case["id"] == "cs-ws303-leak")
    assert base64.b64decode(case["payload"]["data"]).hex() == "017564030001"
