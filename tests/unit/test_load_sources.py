"""Sources that would hear nothing, or whose devices would be heard twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.catalog import CODECS
from gateway.load import examine
from rules.parse import Fault
from tests.configuration_world import MAIN, write

SOURCE = '\n[[sources]]\nname = "second"\nbroker = "{broker}"\nhome = "home-a"\ncodec = "{codec}"\n'
TWIN = '\n[[brokers]]\nname = "twin"\nhost = "127.0.0.1"\n'
ELSEWHERE = '\n[[brokers]]\nname = "elsewhere"\nhost = "127.0.0.1"\nport = 1884\n'


def found(directory: Path, codec: str, prefix: str = "", broker: str = "local", more: str = "") -> list[Fault]:
    main = MAIN + more + SOURCE.format(broker=broker, codec=codec) + (f'prefix = "{prefix}"\n' if prefix else "")
    return [fault for fault in examine(write(directory, main), {})[1] if fault.path.startswith("sources")]


@pytest.mark.parametrize("codec", ["ctwing-aep", "oceanconnect-legacy", "cn-electrical-fire", "wanlin", "lian"])
def test_a_push_codec_as_a_source_of_a_broker_hears_nothing(tmp_path: Path, codec: str) -> None:
    (fault,) = found(tmp_path, codec)
    assert fault.path == "sources[2].codec" and not fault.warning
    assert "[[pushes]]" in fault.mend and codec in fault.problem


def test_with_a_prefix_it_hears_what_a_bridge_publishes_there(tmp_path: Path) -> None:
    assert found(tmp_path, "ctwing-aep", "h/home-a/aep") == []


def test_every_other_codec_hears_something_without_a_prefix() -> None:
    deaf = {name for name, made in CODECS.items() if not made().subscriptions}
    assert deaf == {"ctwing-aep", "oceanconnect-legacy", "cn-electrical-fire", "wanlin", "lian"}


TWICE = [
    ("the-whole-broker", "", "local", "", True),
    ("the-same-broker-by-another-name", "", "twin", TWIN, True),
    ("another-broker", "", "elsewhere", ELSEWHERE, False),
    ("a-prefix-of-its-own", "h/home-a/ha", "local", "", False),
    ("around-it-on-the-twin", "zigbee2mqtt", "twin", TWIN, True),
]


@pytest.mark.parametrize(
    ("prefix", "broker", "more", "warned"), [pytest.param(*rest, id=name) for name, *rest in TWICE]
)
def test_devices_that_announce_themselves_may_be_heard_twice(
    tmp_path: Path, prefix: str, broker: str, more: str, warned: bool
) -> None:
    faults = [fault for fault in found(tmp_path, "homeassistant", prefix, broker, more) if "twice" in fault.problem]
    assert bool(faults) == warned
    for fault in faults:
        assert fault.warning and fault.path == "sources[2].prefix"
        assert "sources[1] (zigbee2mqtt, zigbee2mqtt)" in fault.problem
        assert "one source only" in fault.mend


def test_our_own_topics_are_announced_nowhere(tmp_path: Path) -> None:
    main = MAIN.replace('codec = "zigbee2mqtt"', 'codec = "native"')
    main = main.replace('prefix = "zigbee2mqtt"', 'prefix = "anlian/v1/home-a"')
    assert examine(write(tmp_path, main + SOURCE.format(broker="local", codec="homeassistant")), {})[1] == ()
