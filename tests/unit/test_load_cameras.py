"""Cameras in the configuration: each fault is found, says how to mend it, and never repeats a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.load import ConfigurationFaults, examine, load
from tests.configuration_world import MAIN, SITE, changed, write

CAMERA = """
[[cameras]]
name = "gate"
home = "home-a"
url = "rtsp://10.0.0.21:554/1"
username = "viewer"
password_file = "link-key"
"""

DEVICE = """
[[device]]
id = "camera-gate"
kind = "video"
source = "video"
address = "gate"
zone = "ward"
name = {zh = "大门", en = "Gate"}
"""


def faults_of(directory: Path, main: str, site: str) -> list[str]:
    _, faults = examine(write(directory, main, site), {})
    return [str(fault) for fault in faults]


def test_a_camera_and_its_device_load(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, MAIN + CAMERA, SITE + DEVICE), {})
    (camera,) = configuration.settings.cameras
    assert (camera.probe_s, camera.blank_check, camera.basic_auth, camera.still_allowed) == (60.0, True, False, False)
    assert configuration.secrets.find("camera", "gate", "password") == "0123456789abcdef0123456789abcdef"
    assert configuration.warnings == ()


def test_the_environment_gives_the_password_first(tmp_path: Path) -> None:
    path = write(tmp_path, MAIN + CAMERA, SITE + DEVICE)
    assert load(path, {"ANLIAN_CAMERA_GATE_PASSWORD": "other"}).secrets.find("camera", "gate", "password") == "other"


FAULTS = [
    pytest.param("rtsp://10", "rtsp://admin:geheim@10", "cameras[1].url: has a user name or a password", id="in-url"),
    pytest.param('url = "rtsp', 'url = "https', "cameras[1].url: is not an rtsp address", id="not-rtsp"),
    pytest.param('"gate"', '"gaten"', "cameras[1].name: no device of home-a has the source 'video'", id="no-device"),
    pytest.param('"home-a"', '"home-b"', "cameras[1].home: unknown home 'home-b'", id="unknown-home"),
    pytest.param('username = "viewer"', "", "cameras[1].username: a password without a username", id="no-user"),
    pytest.param('"viewer"', '"viewer"\nprobe_s = 61', "probe_s: input should be less than or equal to 60", id="rare"),
    pytest.param('"viewer"', '"viewer"\nonvif = "http://a:b@c/"', "cameras[1].onvif: is not a web address", id="onvif"),
    pytest.param('"viewer"', '"viewer"\npasword = "x"', "cameras[1].pasword: is not an option here", id="unknown-key"),
    pytest.param('"viewer"', '"viewer"\nstill_in_room = true', "cameras[1].still_in_room: without", id="in-room-alone"),
    pytest.param('"link-key"', '"absent"', "cameras[1].password_file: ", id="no-password-file"),
]


@pytest.mark.parametrize(("old", "new", "words"), FAULTS)
def test_a_fault_is_found(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigurationFaults) as caught:
        load(write(tmp_path, MAIN + changed(CAMERA, old, new), SITE + DEVICE), {})
    assert words in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_name_is_used_once(tmp_path: Path) -> None:
    found = faults_of(tmp_path, MAIN + CAMERA + CAMERA, SITE + DEVICE)
    assert len(found) == 1 and "cameras[2].name: 'gate' is already used by cameras[1]" in found[0]


def test_a_device_that_no_camera_stands_for_is_found(tmp_path: Path) -> None:
    second = changed(changed(DEVICE, '"camera-gate"', '"camera-hall"'), '"gate"', '"hall"')
    found = faults_of(tmp_path, MAIN + CAMERA, SITE + DEVICE + second)
    assert len(found) == 1 and "device 'camera-hall' of home-a is never asked" in found[0]


def test_a_device_of_another_kind_is_no_camera(tmp_path: Path) -> None:
    found = faults_of(tmp_path, MAIN + CAMERA, SITE + changed(DEVICE, '"video"\nsource', '"smoke"\nsource'))
    assert any("device 'camera-gate' is of kind 'smoke'" in text for text in found)


def test_no_still_is_taken_in_somebodys_room(tmp_path: Path) -> None:
    site = SITE + changed(DEVICE, 'zone = "ward"', 'zone = "ward"\nroom = "201"')
    with pytest.raises(ConfigurationFaults) as caught:
        load(write(tmp_path, MAIN + changed(CAMERA, '"viewer"', '"viewer"\nstill_allowed = true'), site), {})
    assert "cameras[1].still_allowed: device 'camera-gate' stands in a room (201)" in str(caught.value)
    assert "still_in_room = true" in str(caught.value)


WARNINGS = [
    pytest.param('"viewer"', '"viewer"\nbasic_auth = true', "readable over the network", id="basic"),
    pytest.param("554/1", "554/user=a&password=geheim&channel=1", "seems to hold a password", id="password-in-path"),
    pytest.param(
        '"viewer"', '"viewer"\nstill_allowed = true\nstill_in_room = true', "stands in a room (201)", id="still-in-room"
    ),
]


@pytest.mark.parametrize(("old", "new", "words"), WARNINGS)
def test_a_risk_is_a_warning(tmp_path: Path, old: str, new: str, words: str) -> None:
    site = SITE + changed(DEVICE, 'zone = "ward"', 'zone = "ward"\nroom = "201"')
    warnings = load(write(tmp_path, MAIN + changed(CAMERA, old, new), site), {}).warnings
    assert len(warnings) == 1 and words in str(warnings[0]) and "geheim" not in str(warnings[0])


def test_the_source_s_name_is_taken(tmp_path: Path) -> None:
    found = faults_of(tmp_path, changed(MAIN, 'name = "zigbee"', 'name = "video"') + CAMERA, SITE + DEVICE)
    assert any("sources[1].name: 'video' is the source of [[cameras]]" in text for text in found)
