"""What must fit together about [[pushes]]: each fault with its place and its mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.load import examine
from tests.configuration_world import MAIN, SITE, changed, write

PUSH = """
[[pushes]]
name = "nbiot"
home = "home-a"
codec = "ctwing-aep"
token_file = "push-token"
"""
DEVICE = """
[[device]]
id = "smoke-9"
kind = "smoke"
source = "nbiot"
address = "860374051096202"
zone = "ward"
name = {zh = "感烟九", en = "Smoke 9"}
"""


def faults(directory: Path, push: str = PUSH, token: str = "0123456789abcdef", **environment: str) -> list[str]:
    path = write(directory, MAIN + push, SITE + DEVICE)
    (directory / "push-token").write_text(token)
    (directory / "push-token").chmod(0o600)
    _, found = examine(path, environment)
    return [f"{fault.path}: {fault.problem}; {fault.mend}" for fault in found if not fault.warning]


def test_a_push_is_a_source_of_its_home(tmp_path: Path) -> None:
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ('name = "nbiot"', 'name = "zigbee"', "pushes[1].name", "already used by sources[1]"),
        ('home = "home-a"', 'home = "home-b"', "pushes[1].home", "unknown home 'home-b'"),
        ('codec = "ctwing-aep"', 'codec = "ctwing"', "pushes[1].codec", "no codec of this name"),
        ('codec = "ctwing-aep"', 'codec = "zigbe2mqtt"', "pushes[1].codec", "Did you mean 'zigbee2mqtt'?"),
        ('token_file = "push-token"', "", "pushes[1]", "ANLIAN_PUSH_NBIOT_TOKEN"),
        ('token_file = "push-token"', 'token_file = "nowhere"', "pushes[1].token_file", "cannot be read"),
        ('codec = "ctwing-aep"', 'codec = "ctwing-aep"\nnetworks = ["10.0.0.1/8"]', "pushes[1].networks", "host bits"),
        ("push-token", 'push-token"\nsignature_header = "X Y', "pushes[1].signature_header", "pattern"),
        ('codec = "ctwing-aep"', 'codec = "ctwing-aep"\nbody_max = 1000000', "pushes[1].body_max", "payload_max"),
        ('codec = "ctwing-aep"', 'codec = "ctwing-aep"\nper_minute = 0', "pushes[1].per_minute", "greater than"),
        ('codec = "ctwing-aep"', 'codec = "ctwing-aep"\ntopic = "x"', "pushes[1].topic", "not an option"),
    ],
    ids=lambda value: value[:24].strip() if isinstance(value, str) else None,
)
def test_a_fault_says_where_and_what(tmp_path: Path, old: str, new: str, where: str, words: str) -> None:
    found = faults(tmp_path, changed(PUSH, old, new))
    assert any(fault.startswith(f"{where}:") and words in fault for fault in found), found


def test_two_pushes_of_one_name(tmp_path: Path) -> None:
    assert any("pushes[2].name: 'nbiot' is already used by pushes[1]" in fault for fault in faults(tmp_path, PUSH * 2))


def test_a_token_that_can_be_guessed_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, token="short")
    assert fault.startswith("pushes[1].token_file: the token has 5 characters")
    assert "short" not in fault.replace("shorter", "")


def test_a_token_from_the_environment_is_enough(tmp_path: Path) -> None:
    push = changed(PUSH, 'token_file = "push-token"\n', "")
    assert faults(tmp_path, push, ANLIAN_PUSH_NBIOT_TOKEN="0123456789abcdef") == []
