"""Golden vectors of the Chinese platforms and makers, what is remembered of them, what is malformed, what it costs."""

from __future__ import annotations

import base64
import json
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices import cn_push
from devices.catalog import CODECS
from devices.cn_push import IDENTITIES_MAX, Known, PlatformPush
from devices.codec import Codec, DecodeError, Packet
from devices.ctwing import PARTS_MAX
from devices.named_values import DEVICES_MAX, DeviceUnreadable, Findings, number, state
from devices.reading import DANGER_POINTS
from devices.virtual.cn_platforms import VirtualMessage, messages
from tests.fuzz_codecs import check, mutate
from tests.unit.test_codec_vectors import EXAMPLES, check_case, instant, payload_of, values

PUBLISHED = [
    *json.loads((EXAMPLES / "cn_platforms.json").read_text("utf-8")),
    *json.loads((EXAMPLES / "cn_electrical_fire.json").read_text("utf-8")),
]
MORE = json.loads((EXAMPLES / "cn_more.json").read_text("utf-8"))
AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
CN_NAMES = ("ctwing-aep", "oceanconnect-legacy", "cn-electrical-fire", "wanlin", "lian")


def codec_of(case: dict[str, Any]) -> Codec:
    return CODECS[case.get("codec") or case["ecosystem"]](prefix="")


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case["id"])
def test_published_message_means_what_it_means(case: dict[str, Any]) -> None:
    meaning = case["meaning"]
    reports = codec_of(case).decode(Packet(case["topic"], payload_of(case)), None).reports
    told = meaning.get("events", [])
    nested = {
        event.get("device") or f"{meaning['device']}/{event['part']}": event for event in told if "readings" in event
    }
    plain = [report for report in reports if report.device not in nested]
    assert {report.device: values(report) for report in reports if report.device in nested} == {
        device: event["readings"] for device, event in nested.items()
    }
    assert [values(report) for report in plain] == [meaning["readings"]][: len(plain)]
    assert len(plain) == (0 if told and all("device" in event and "readings" in event for event in told) else 1)
    for report in reports:
        assert not set(meaning.get("must_not", [])) & values(report).keys()
        assert report.measured_at == (instant(meaning["time"]) if "time" in meaning else None)
    for report in plain:
        if "device" in meaning:
            assert report.device == meaning["device"]
        said = [{key: event[key] for key in ("type", "part") if key in event} for event in told if "readings" in event]
        wanted = said or told
        assert [{key: event[key] for key in want} for event, want in zip(report.events, wanted, strict=True)] == wanted


@pytest.mark.parametrize("case", MORE, ids=lambda case: case["id"])
def test_more_messages(case: dict[str, Any]) -> None:
    check_case(codec_of(case).decode, case, case["topic"], None)


@pytest.mark.parametrize("case", [*PUBLISHED, *MORE], ids=lambda case: case["id"])
def test_malformed_variants_raise_decode_error_only(case: dict[str, Any]) -> None:
    codec, payload, chance = codec_of(case), payload_of(case), random.Random(case["id"])
    cut = [payload[:end] for end in range(0, len(payload), max(1, len(payload) // 12))]
    for broken in (*cut, *(mutate(payload, chance) for _ in range(60))):
        try:
            reports = codec.decode(Packet(case["topic"], broken), None).reports
        except DecodeError as error:
            assert error.field and error.expected and len(error.found) <= 80
        else:
            for report in reports:
                check(report)


@pytest.mark.parametrize("case", [c for c in PUBLISHED if isinstance(c["payload"], dict)], ids=lambda case: case["id"])
def test_a_device_s_own_prefix_is_kept(case: dict[str, Any]) -> None:
    codec = CODECS[case["ecosystem"]](prefix="h/home1")
    topic = f"h/home1/{case['topic'].lstrip('/')}"
    bare = codec_of(case).decode(Packet(case["topic"], payload_of(case)), None)
    assert codec.decode(Packet(topic, payload_of(case)), None).reports == bare.reports
    assert codec.subscriptions == ("h/home1/#",)
    with pytest.raises(DecodeError, match="topic: expected a topic below h/home1/"):
        codec.decode(Packet(f"h/home2/{case['topic']}", payload_of(case)), None)


@pytest.mark.parametrize("case", [c for c in MORE if c["codec"] in CN_NAMES], ids=lambda case: case["id"])
@pytest.mark.parametrize("name", CN_NAMES)
def test_every_push_name_understands_every_form(case: dict[str, Any], name: str) -> None:
    check_case(CODECS[name](prefix="").decode, case, "push/x", None)


@pytest.mark.parametrize("alarm", [False, True], ids=["quiet", "alarm"])
@pytest.mark.parametrize("minutes", [0, 600], ids=["morning", "evening"])
@pytest.mark.parametrize("kind", range(10))
def test_virtual_device_says_what_it_means(kind: int, minutes: int, alarm: bool) -> None:
    said = list(messages(11, AT + timedelta(minutes=minutes), alarm=alarm))[kind]
    reports = CODECS[said.codec](prefix="").decode(Packet(said.topic, said.payload), None).reports
    found = {report.device: values(report) for report in reports}
    assert {device: found[device] for device in said.means} == said.means
    assert not any(found[device] for device in found.keys() - said.means.keys())
    in_danger = any(
        value is True and point in DANGER_POINTS for means in found.values() for point, value in means.items()
    )
    assert in_danger is (alarm and said.codec not in ("cn-electrical-fire", "lian"))


# what is remembered


def push(codec: PlatformPush, message: Any, context: Any) -> Any:
    return codec.decode(Packet("push/x", json.dumps(message).encode()), context)


ONLINE = {"messageType": "deviceOnlineOfflineReport", "eventType": 0, "deviceId": "id-7"}
DATA = {"messageType": "dataReport", "deviceId": "id-7", "IMEI": "imei-7", "payload": {"smoke_state": 0}}


def test_a_notice_without_imei_is_laid_to_the_imei_that_came_before() -> None:
    codec = PlatformPush()
    assert push(codec, ONLINE, None).reports[0].device == "id-7"
    known = push(codec, DATA, None).context
    later = push(codec, ONLINE, known)
    assert later.reports[0].device == "imei-7"
    assert later.context is known
    assert push(codec, DATA, known).context is known


def test_oceanconnect_s_status_is_laid_to_the_device_that_its_data_named() -> None:
    nb306 = next(case for case in PUBLISHED if case["id"] == "oc-wanlin-nb306-heartbeat")["payload"]
    gone = {"notifyType": "deviceInfoChanged", "deviceId": nb306["deviceId"], "deviceInfo": {"status": "OFFLINE"}}
    known = push(PlatformPush(), nb306, None).context
    (report,) = push(PlatformPush(), gone, known).reports
    assert (report.device, values(report)) == ("10009305", {"online": False})


def test_the_memory_of_identities_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cn_push, "IDENTITIES_MAX", 3)
    context = None
    for n in range(6):
        said = {**DATA, "deviceId": f"id-{n}", "IMEI": f"imei-{n}"}
        context = push(PlatformPush(), said, context).context
    assert len(context.identities) == 3
    assert push(PlatformPush(), {**ONLINE, "deviceId": "id-2"}, context).reports[0].device == "imei-2"
    assert push(PlatformPush(), {**ONLINE, "deviceId": "id-5"}, context).reports[0].device == "id-5"
    moved = push(PlatformPush(), {**DATA, "deviceId": "id-1", "IMEI": "imei-new"}, context).context
    assert moved.identities["id-1"] == "imei-new"
    assert IDENTITIES_MAX == 8192


def panel(value: object, part: str = "17") -> dict[str, Any]:
    inner = json.dumps({"b": [{"id": part, "v": value}], "c": 27, "tm": 1_700_000_000_000}).encode()
    return {"messageType": "dataReport", "deviceId": "p", "payload": {"APPdata": base64.b64encode(inner).decode()}}


def part_of(decoded: Any) -> dict[str, Any]:
    return next(values(report) for report in decoded.reports if report.device == "p/17")


def test_the_end_of_a_part_s_state_is_said_once() -> None:
    codec = PlatformPush()
    shielded = push(codec, panel(1 | 8), None)
    assert part_of(shielded) == {"fire.alarm": False, "fault": False, "shielded": True}
    over = push(codec, panel(1), shielded.context)
    assert part_of(over) == {"fire.alarm": False, "fault": False, "shielded": False}
    assert over.context.parts == {}
    assert part_of(push(codec, panel(1), over.context)) == {"fire.alarm": False, "fault": False}


@pytest.mark.parametrize("value", [2, 3, "2", 2 | 64, 2 | 4 | 256, 0xFFFF], ids=str)
def test_fire_of_a_part_is_said_whatever_else_its_bits_say(value: object) -> None:
    assert part_of(push(PlatformPush(), panel(value), None))["fire.alarm"] is True


@pytest.mark.parametrize("value", [-1, 1 << 16, 1.5, "", "fire", None, True], ids=repr)
def test_bits_that_are_none_refuse_the_packet(value: object) -> None:
    with pytest.raises(DeviceUnreadable, match=r"the 16 bits|a number") as caught:
        push(PlatformPush(), panel(value), None)
    assert caught.value.device == "p/17"


def test_the_memory_of_parts_is_bounded() -> None:
    full = Known({}, {f"p/{n}": 8 for n in range(PARTS_MAX)})
    decoded = push(PlatformPush(), panel(8, "new"), full)
    assert len(decoded.context.parts) == PARTS_MAX
    assert values(decoded.reports[1])["shielded"] is True


def test_a_packet_of_several_devices_is_one_report_each() -> None:
    topic = "$oc/devices/gw/sys/gateway/sub_devices/properties/report"
    one = {"device_id": "a", "services": [{"service_id": "Smoke", "properties": {"alarm": 1}}]}
    two = {"device_id": "a", "services": [{"service_id": "Temperature", "properties": {"value": 20}}]}
    payload = json.dumps({"devices": [one, two]}).encode()
    (report,) = CODECS["huawei-iotda"](prefix="").decode(Packet(topic, payload), None).reports
    assert values(report) == {"smoke.alarm": True, "temperature": 20.0}


@pytest.mark.parametrize(
    ("codec", "topic", "message"),
    [
        ("lian", "x", {"type": 1, "data": [{"deviceId": str(n)} for n in range(DEVICES_MAX + 1)]}),
        ("huawei-iotda", "$oc/devices/d/sys/properties/report", {"services": [{}] * (DEVICES_MAX + 1)}),
        ("tuya", "x", {"devId": "d", "status": [{}] * (DEVICES_MAX + 1)}),
        ("ctwing-aep", "x", [{"messageType": "x"}] * (DEVICES_MAX + 1)),
    ],
    ids=["lian", "huawei", "tuya", "list"],
)
def test_lists_without_end_are_refused(codec: str, topic: str, message: Any) -> None:
    with pytest.raises(DecodeError, match=f"at most {DEVICES_MAX} entries"):
        CODECS[codec](prefix="").decode(Packet(topic, json.dumps(message).encode()), None)


# the table of named values


def test_true_stands_and_the_first_number() -> None:
    found = Findings("d")
    for value in (0, 1, 0):
        found.read("x", state("smoke.alarm"), value)
    for number_said in (20, 30):
        found.read("t", number("temperature"), number_said)
    assert values(found.report()) == {"smoke.alarm": True, "temperature": 20.0}


@pytest.mark.parametrize("value", [2, -1, "on fire", [], {}, 0.5, "0_1", float("inf")], ids=repr)
def test_a_danger_that_cannot_be_read_names_its_device(value: object) -> None:
    with pytest.raises(DeviceUnreadable, match=r"^d7: thing/event/property/post|^d7: SmokeSensorState") as caught:
        topic = "/sys/pk/d7/thing/event/property/post"
        CODECS["aliyun-iot"](prefix="").decode(
            Packet(topic, json.dumps({"params": {"SmokeSensorState": value}}).encode()), None
        )
    assert caught.value.device == "d7"


# what it costs

TIMES = 6


def once(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(50):
        work()
    return time.perf_counter() - began


def cost(said: VirtualMessage) -> float:
    """Decoding as a multiple of `json.loads` of the same bytes: the fastest of runs that take turns."""
    codec, packet = CODECS[said.codec](prefix=""), Packet(said.topic, said.payload)
    context = codec.decode(packet, None).context
    runs = [(once(lambda: codec.decode(packet, context)), once(lambda: json.loads(said.payload))) for _ in range(25)]
    return min(decoding for decoding, _ in runs) / min(loading for _, loading in runs)


@pytest.mark.parametrize("alarm", [False, True], ids=["quiet", "alarm"])
@pytest.mark.timed
def test_decoding_costs_at_most_six_times_json_loads(alarm: bool) -> None:
    costs = {said.codec: cost(said) for said in messages(3, AT, alarm=alarm)}
    assert statistics.median(costs.values()) <= TIMES
    assert max(costs.values()) <= 2 * TIMES, costs
