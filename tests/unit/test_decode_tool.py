"""`anlian decode` over every published case, as one stream and one by one, and over garbage."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.decode_tool import DecodeTool, read_line, report_for_maintainer
from tests.fuzz_codecs import mutate
from tests.unit.test_codec_vectors import EXAMPLES

FILES = (
    *("zigbee2mqtt", "homeassistant", "tasmota", "shelly", "esphome", "other_mqtt", "lorawan", "sparkplug"),
    *("thingsboard", "cn_platforms", "cn_electrical_fire", "video"),
)
CASES = [case for name in FILES for case in json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))]
NEEDS_A_CONFIGURATION = {"ha-docs-window-open", "espeasy-button"}
"""States whose meaning stands in a discovery message that the case does not bring: an error is right without it."""

CONFIGURATIONS = (
    {
        "topic": "homeassistant/binary_sensor/window/config",
        "payload": {
            "state_topic": "home-assistant/window/contact",
            "device_class": "opening",
            "value_template": "{{ value_json.state }}",
        },
    },
    {
        "topic": "homeassistant/binary_sensor/bathroom/config",
        "payload": {"state_topic": "home/bathroom/switch/button", "payload_on": "1", "payload_off": "0"},
    },
)


def line_of(case: dict[str, Any]) -> bytes:
    """A case as a line of input."""
    return json.dumps({key: case[key] for key in ("topic", "payload", "retain") if key in case}).encode()


def check(answer: dict[str, Any], case: dict[str, Any]) -> None:
    meaning = case["meaning"]
    assert "error" not in answer, answer
    wanted = {point: "pressed" if point == "button" else value for point, value in meaning["readings"].items()}
    assert answer["readings"] == wanted
    for point in meaning.get("must_not", ()):
        assert point not in answer["readings"]
        assert all(point not in event.get("readings", ()) for event in answer["events"])
    if "device" in meaning:
        assert answer["device"] == meaning["device"]
    if "time" in meaning:
        assert answer["time"] is not None
        assert answer["time"][:19] == meaning["time"][:19]


def ids(case: dict[str, Any]) -> str:
    return case["id"]


@pytest.mark.parametrize("case", [case for case in CASES if case["id"] not in NEEDS_A_CONFIGURATION], ids=ids)
def test_a_published_case_alone(case: dict[str, Any]) -> None:
    [(answer, _)] = DecodeTool().run([line_of(case)])
    check(answer, case)


BELOW_A_HOME = [
    case
    for case in CASES
    if case["id"] not in NEEDS_A_CONFIGURATION and case["topic"] and not case["topic"].startswith(("http", "$", "/"))
]
"""Topics that begin with $ are a platform's own; those that begin with / have no level to put before."""


@pytest.mark.parametrize("case", BELOW_A_HOME, ids=ids)
def test_a_published_case_on_a_broker_that_homes_share(case: dict[str, Any]) -> None:
    [(answer, _)] = DecodeTool().run([line_of({**case, "topic": f"h/home-a/{case['topic']}"})])
    check(answer, case)


BASES = {"tasmota": "tasmota", "shelly": "shelly", "esphome": "esphome", "lorawan": "lorawan"}
IN_ITS_FOLDER = [
    (BASES[name], case)
    for name in BASES
    for case in json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    if not case["topic"].startswith(("http", "shellies"))
]


@pytest.mark.parametrize(("base", "case"), IN_ITS_FOLDER, ids=[case["id"] for _, case in IN_ITS_FOLDER])
def test_a_published_case_where_the_installers_page_puts_it(base: str, case: dict[str, Any]) -> None:
    """The address is then what a source with that prefix hears: the folder is no part of it."""
    [(answer, _)] = DecodeTool().run([line_of({**case, "topic": f"h/home-a/{base}/{case['topic']}"})])
    check(answer, case)
    assert "home-a" not in str(answer["device"])


TUYA = [
    case
    for case in json.loads((EXAMPLES / "cn_more.json").read_text("utf-8"))
    if case["codec"] == "tuya" and case["topic"] == "push" and "error" not in case
]


@pytest.mark.parametrize("case", TUYA, ids=ids)
def test_a_push_of_tuya_is_recognised(case: dict[str, Any]) -> None:
    [(answer, _)] = DecodeTool().run([line_of({**case, "topic": ""})])
    (wanted,) = case["reports"]
    assert (answer["device"], answer["readings"]) == (wanted["device"], wanted["readings"])


def test_discovery_gives_the_states_of_its_own_home_their_meaning() -> None:
    """Two homes on one broker announce the same object: neither speaks for the other."""
    tool = DecodeTool()
    for home, on in (("home-a", "ALARM"), ("home-b", "FIRE")):
        config = {"state_topic": f"h/{home}/kitchen/state", "device_class": "smoke", "payload_on": on}
        tool.decode(f"h/{home}/homeassistant/binary_sensor/kitchen/config", json.dumps(config).encode(), retained=True)
    assert tool.decode("h/home-a/kitchen/state", b"ALARM")["readings"] == {"smoke.alarm": True}
    assert tool.decode("h/home-b/kitchen/state", b"FIRE")["readings"] == {"smoke.alarm": True}


@pytest.mark.parametrize("case", [case for case in CASES if case["id"] in NEEDS_A_CONFIGURATION], ids=ids)
def test_a_state_that_needs_its_discovery_message(case: dict[str, Any]) -> None:
    [(answer, _)] = DecodeTool().run([line_of(case)])
    assert "error" in answer, "without it nothing is guessed"
    lines = [json.dumps(one).encode() for one in CONFIGURATIONS]
    *_, (answer, _) = DecodeTool().run([*lines, line_of(case)])
    assert "error" not in answer and answer["readings"]


def test_all_cases_as_one_stream() -> None:
    tool = DecodeTool()
    answers = list(tool.run([line_of(case) for case in CASES]))
    assert len(answers) == len(CASES)
    for (answer, _), case in zip(answers, CASES, strict=True):
        if case["id"] not in NEEDS_A_CONFIGURATION:
            check(answer, case)


BAD_LINES = {
    "not-json": (b"{", "not JSON"),
    "a-list": (b"[]", "expected an object"),
    "no-topic": (b'{"payload": 1}', '"topic"'),
    "no-payload": (b'{"topic": "a"}', '"payload"'),
    "bad-base64": (b'{"topic": "a", "base64": "***"}', "base64"),
    "bad-retain": (b'{"topic": "a", "payload": 1, "retain": "yes"}', "retain"),
    "deep": (b'{"topic": "a", "payload": ' + b"[" * 100_000, "not JSON"),
}


@pytest.mark.parametrize(("line", "words"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_an_error_and_the_next_one_is_read(line: bytes, words: str) -> None:
    good = b'{"topic": "zigbee2mqtt/a", "payload": {"smoke": true}}'
    (first, _), (blank, _), (second, _) = DecodeTool().run([line, b"  ", good])
    assert "line 2: it is blank" in blank["error"]
    assert words in first["error"] and "line 1" in first["error"]
    assert second["readings"] == {"smoke.alarm": True}


def test_unknown_topics_are_errors_and_nothing_is_guessed() -> None:
    tool = DecodeTool()
    for topic, payload in (("my/own/topic", {"smoke": True}), ("x", {"alarm": 1}), ("a/b", "ON"), ("a/status", "fine")):
        [(answer, _)] = tool.run([json.dumps({"topic": topic, "payload": payload}).encode()])
        assert "error" in answer, answer


def test_damaged_lines_never_end_the_tool() -> None:
    chance = random.Random(7)
    tool = DecodeTool()
    lines = [line_of(case) for case in CASES]
    damaged = [mutate(chance.choice(lines), chance).replace(b"\n", b" ") for _ in range(5_000)]
    answers = list(tool.run(damaged))
    assert len(answers) == len(damaged)
    assert all(("error" in answer) != ("readings" in answer) for answer, _ in answers)


def test_a_report_holds_nothing_personal(tmp_path: Path) -> None:
    secret = {"topic": "zigbee2mqtt/王奶奶 204", "payload": {"smoke": True, "note": "Tel 13800138000", "x": 31.7}}
    path = tmp_path / "report.json"
    said = subprocess.run(
        [sys.executable, "-m", "gateway", "decode", "--report", str(path)],
        input=json.dumps(secret).encode() + b"\n",
        capture_output=True,
        timeout=30,
        check=True,
    )
    assert json.loads(said.stdout)["readings"] == {"smoke.alarm": True}
    text = path.read_text("utf-8")
    assert "smoke" in text and "王" not in text and "138" not in text and "31.7" not in text


def test_the_command_reads_a_file_and_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(b'{"smoke": true, "battery": "0_02"}')
    said = subprocess.run(
        [sys.executable, "-m", "gateway", "decode", "--topic", "zigbee2mqtt/a", str(tmp_path / "message")],
        capture_output=True,
        timeout=30,
        check=False,
    )
    answer = json.loads(said.stdout)
    assert said.returncode == 0 and answer["readings"] == {"smoke.alarm": True}
    assert any("battery" in json.dumps(event) for event in answer["events"])
    said = subprocess.run(
        [sys.executable, "-m", "gateway", "decode", "--topic", "nothing"], capture_output=True, timeout=30, check=False
    )
    assert said.returncode == 2 and b"FILE" in said.stderr


def test_a_line_is_read_as_it_was_meant() -> None:
    assert read_line(b'{"topic": "t", "payload": "ON"}')["payload"] == b"ON"
    assert read_line(b'{"topic": "t", "payload": ""}')["payload"] == b""
    assert read_line(b'{"topic": "t", "base64": "AAE="}')["payload"] == b"\x00\x01"
    assert read_line(b'{"topic": "t", "payload": {"base64": "AAE="}}')["payload"] == b"\x00\x01"


def hass(component: str, object_id: str, **config: object) -> tuple[str, bytes]:
    announcement = {"unique_id": object_id, "device": {"identifiers": "aabb"}, **config}
    return f"homeassistant/{component}/{object_id}/config", json.dumps(announcement).encode()


SMOKE = {"device_class": "smoke"}
TEMPERATURE_F = {"device_class": "temperature", "unit_of_measurement": "°F"}
MILLIAMPERES = {"device_class": "current", "unit_of_measurement": "mA"}
ANNOUNCED: dict[str, tuple[str, dict[str, object], str, object, dict[str, object]]] = {
    "esphome-smoke": ("binary_sensor", SMOKE, "hall/binary_sensor/d1/state", "ON", {"smoke.alarm": True}),
    "esphome-clear": ("binary_sensor", SMOKE, "hall/binary_sensor/d2/state", "OFF", {"smoke.alarm": False}),
    "esphome-fahrenheit": ("sensor", TEMPERATURE_F, "hall/sensor/temperature/state", "140", {"temperature": 60.0}),
    "esphome-current": ("sensor", MILLIAMPERES, "hall/sensor/current/state", "330", {"current.a": 0.33}),
    "esphome-residual": (
        "sensor",
        MILLIAMPERES,
        "hall/sensor/leakage_current/state",
        "35",
        {"current.residual": 35.0},
    ),
    "tasmota-switch": ("binary_sensor", SMOKE, "stat/t9/SWITCH1", "ON", {"smoke.alarm": True}),
    "tasmota-sensor": (
        "binary_sensor",
        {"device_class": "smoke", "value_template": "{{ value_json.Switch1 }}"},
        "tele/t10/SENSOR",
        {"Time": "2025-01-01T00:00:00", "Switch1": "ON"},
        {"smoke.alarm": True},
    ),
    "zwave-own-property": (
        "binary_sensor",
        {"device_class": "smoke", "value_template": "{{ value_json.value }}", "payload_on": 7, "payload_off": 0},
        "zwave/n5/own/endpoint_0/thing",
        {"value": 7},
        {"smoke.alarm": True},
    ),
    "shelly-topic": ("sensor", TEMPERATURE_F, "shellies/ht-1/sensor/temperature", "140", {"temperature": 60.0}),
    "in-a-home": ("sensor", TEMPERATURE_F, "h/home-a/esphome/n/sensor/temperature/state", "140", {"temperature": 60.0}),
}


@pytest.mark.parametrize("case", ANNOUNCED.values(), ids=ANNOUNCED)
def test_an_announced_topic_means_what_its_configuration_says(case: Any) -> None:
    """Also where the topic has the shape of another ecosystem, which would not know the unit."""
    component, config, topic, payload, wanted = case
    tool = DecodeTool()
    announcement, text = hass(component, "one", state_topic=topic, **config)
    home = "h/home-a/" if topic.startswith("h/") else ""
    tool.decode(home + announcement, text, retained=True)
    said = payload if isinstance(payload, str) else json.dumps(payload)
    answer = tool.decode(topic, said.encode())
    assert (answer["device"], answer["readings"]) == ("aabb", wanted)


def test_a_danger_beside_what_was_announced_is_not_left_out() -> None:
    tool = DecodeTool()
    topic = "hall/binary_sensor/smoke/state"
    tool.decode(*hass("binary_sensor", "one", state_topic=topic, device_class="problem"))
    assert "smoke.alarm" in json.dumps(tool.decode(topic, b"ON"))


@pytest.mark.parametrize("payload", [b"ON", b'{"smoke": 1}'], ids=["bare", "json"])
def test_a_state_whose_configuration_was_refused_names_the_template(payload: bytes) -> None:
    tool = DecodeTool()
    config = {"state_topic": "own/t", "device_class": "smoke", "value_template": "{{ states('x') }}"}
    assert "error" in tool.decode(*hass("binary_sensor", "one", **config))
    error = tool.decode("own/t", payload)["error"]
    assert "states('x')" in error and "refused" in error and "devtank" not in error


ODD = {
    "chirpstack-v3": ("application/1/device/e/rx", {"objectJSON": '{"smokeAlarm": "Alarm"}'}, {"smoke.alarm": True}),
    "chirpstack-v3-up": ("application/1/device/e/event/up", {"objectJSON": '{"smoke": true}'}, {"smoke.alarm": True}),
    "things-stack-normalized": (
        "v3/app@ttn/devices/d1/up/normalized",
        {"uplink_normalized": {"normalized_payload": {"air": {"temperature": 21.5}, "battery": 3.1}}},
        {"temperature": 21.5, "battery.voltage": 3.1},
    ),
    "esphome-door": ("hall/binary_sensor/door_open/state", "ON", {"door.open": True}),
    "esphome-co": ("hall/sensor/co_ppm/state", "50", {"co.ppm": 50.0}),
    "esphome-leakage": ("hall/sensor/leakage_current_ma/state", "33", {"current.residual": 33.0}),
}


@pytest.mark.parametrize(("topic", "payload", "readings"), ODD.values(), ids=ODD)
def test_older_servers_and_plain_names(topic: str, payload: object, readings: dict[str, object]) -> None:
    [(answer, _)] = DecodeTool().run([json.dumps({"topic": topic, "payload": payload}).encode()])
    assert answer.get("readings") == readings, answer


def test_an_unknown_topic_blames_no_maker_and_shows_chinese() -> None:
    tool = DecodeTool()
    unknown = tool.decode("vendor/1/状态", b'{"a": 1}')["error"]
    assert "no ecosystem known to the gateway" in unknown and "devtank" not in unknown and "状态" in unknown
    wrong = tool.decode("zigbee2mqtt/客厅", "[客厅".encode())["error"]
    assert "客厅" in wrong.rpartition("found")[2]


def test_the_same_number_has_another_hash_in_every_report() -> None:
    tool = DecodeTool()
    line = json.dumps({"topic": "zigbee2mqtt/x", "payload": {"phone": "13800138000"}}).encode()
    seen = list(tool.run([line]))
    first, second = (report_for_maintainer(seen, salt) for salt in (b"one", b"two"))
    assert first != second and "13800138000" not in json.dumps(first)
    assert first == report_for_maintainer(seen, b"one")
