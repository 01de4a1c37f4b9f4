"""What a terminal of a device means, said in the site file: read, turned round, checked, and raised as what it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.catalog import CODECS
from devices.means import meant, told
from devices.reading import Quality, Reading, Report
from gateway.inbox import Inbox
from gateway.load import examine, load
from gateway.metrics import Metrics
from gateway.receive.decode import Decoder, Route
from gateway.receive.inventory import Inventory
from rules.inputs import ReadingsArrived
from rules.parse import Fault
from tests.configuration_world import MAIN, SITE, changed, write
from tests.deliver_world import ManualClock

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PLACE = 'address = "smoke-1"\n'


def faults(directory: Path, means: str, kind: str = "smoke") -> list[Fault]:
    site = changed(SITE, PLACE, f"{PLACE}means = {means}\n").replace('kind = "smoke"', f'kind = "{kind}"')
    return list(examine(write(directory, site=site), {})[1])


MESSAGES = [
    ("tasmota-switch", "tasmota", "tele/smoke-1/SENSOR", b'{"Switch1":"ON"}', '{"input.1" = "smoke.alarm"}', True),
    ("tasmota-open", "tasmota", "tele/smoke-1/SENSOR", b'{"Switch1":"OFF"}', '{"input.1" = "not smoke.alarm"}', True),
    ("tasmota-power", "tasmota", "stat/smoke-1/POWER2", b"ON", '{"relay.2" = "smoke.alarm"}', True),
    ("tasmota-clear", "tasmota", "stat/smoke-1/POWER2", b"OFF", '{"relay.2" = "smoke.alarm"}', False),
    (
        "shelly-input",
        "shelly",
        "smoke-1/status/input:0",
        b'{"id":0,"state":true}',
        '{"input.1" = "smoke.alarm"}',
        True,
    ),
]


@pytest.mark.parametrize(
    ("codec", "topic", "payload", "means", "wanted"), [pytest.param(*rest, id=name) for name, *rest in MESSAGES]
)
def test_a_contact_speaks_as_what_it_watches(
    tmp_path: Path, codec: str, topic: str, payload: bytes, means: str, wanted: bool
) -> None:
    site = changed(SITE, PLACE, f"{PLACE}means = {means}\n")
    main = MAIN.replace('codec = "zigbee2mqtt"', f'codec = "{codec}"').replace('prefix = "zigbee2mqtt"\n', "")
    configuration = load(write(tmp_path, main, site), {})
    inbox = Inbox()
    decoder = Decoder(
        Inventory(configuration.sites), inbox, ManualClock(), Metrics(), 65536, lambda *_: None
    )
    decoder.take(Route("zigbee", "home-a", "", CODECS[codec]()), topic, payload, 1, False, None)
    (happened,) = [delivery.make(AT) for delivery in inbox.take(10)]
    assert isinstance(happened, ReadingsArrived) and not happened.unregistered
    (report,) = happened.reports
    assert [(r.point, r.value) for r in report.readings] == [("smoke.alarm", wanted)]


def test_of_two_for_one_point_the_danger_stands() -> None:
    report = Report("d", (Reading("smoke.alarm", False), Reading("input.1", True), Reading("battery", 9.0)))
    after = told(report, {"input.1": meant("smoke.alarm")})
    assert after.readings == (Reading("smoke.alarm", True), Reading("battery", 9.0))
    report = Report("d", (Reading("input.1", True), Reading("smoke.alarm", False)))
    assert told(report, {"input.1": meant("smoke.alarm")}).readings == (Reading("smoke.alarm", True),)


def test_a_number_keeps_its_quality_and_another_report_is_left_alone() -> None:
    report = Report("d", (Reading("temperature", 95.0, Quality.SUSPECT),))
    table = {"temperature": meant("cable_temp.1")}
    assert told(report, table).readings == (Reading("cable_temp.1", 95.0, Quality.SUSPECT),)
    other = Report("d", (Reading("humidity", 40.0),))
    assert told(other, table) is other


FAULTS = [
    ('{"input.1" = "smoke.alrm"}', "smoke", "'smoke.alrm' is no point", False),
    ('{"Switch1" = "smoke.alarm"}', "smoke", "'Switch1' is no point that a device can say", False),
    ('{"temperature" = "smoke.alarm"}', "smoke", "cannot mean smoke.alarm (a state)", False),
    ('{"button" = "smoke.alarm"}', "smoke", "button (a word) cannot mean", False),
    ('{"temperature" = "not cable_temp.1"}', "cable_temp", "no other way round", False),
    ('{"input.1" = "smoke.alarm", "input.2" = "not smoke.alarm"}', "smoke", "is meant by input.1 already", False),
    ('{"input.1" = 1}', "smoke", "must be a text", False),
    ('"smoke.alarm"', "smoke", "must be a table", False),
    ('{"input.1" = "gas.alarm"}', "smoke", "kind 'smoke' has no point gas.alarm", True),
]


@pytest.mark.parametrize(("means", "kind", "words", "warning"), FAULTS, ids=[one[2] for one in FAULTS])
def test_what_cannot_be_meant_is_a_fault_with_a_remedy(
    tmp_path: Path, means: str, kind: str, words: str, warning: bool
) -> None:
    found = [fault for fault in faults(tmp_path, means, kind) if words in fault.problem]
    assert found and all(fault.warning == warning and fault.mend for fault in found)
    assert "device[1].means" in found[0].path


def test_what_can_be_meant_is_none(tmp_path: Path) -> None:
    assert faults(tmp_path, '{"input.1" = "smoke.alarm", "input.A" = "not tamper", "relay.1" = "fault"}') == []
