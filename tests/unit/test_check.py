"""`anlian check`: what it finds beyond the files themselves, and that warnings do not fail."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.check import check, report, run, scenario_home
from tests.configuration_world import MAIN, RULE, SITE, changed, write


@pytest.fixture(autouse=True)
def on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary folders of a test may lie in memory, which is told; here it is not what is asked."""
    monkeypatch.setattr("gateway.check_surroundings.MOUNTS", tmp_path / "no-mounts")


def test_a_good_configuration_passes_and_its_scenarios_are_played(tmp_path: Path) -> None:
    found = report(write(tmp_path), {})
    assert found.faults == ()
    assert found.exit_code == 0
    assert (found.homes, found.devices, found.people) == (1, 1, 2)
    assert found.rules >= 40
    assert found.scenarios >= 2 * found.rules
    assert found.scenarios_failed == 0


def test_the_report_is_printed_with_its_counts(tmp_path: Path) -> None:
    lines: list[str] = []
    assert run(write(tmp_path), lines.append) == 0
    text = "\n".join(lines)
    assert "0 faults, 0 warnings" in text
    assert "1 home, 1 device, 2 people" in text
    assert " 0 failed" in text


def test_faults_of_the_files_end_with_2_and_come_before_warnings(tmp_path: Path) -> None:
    site = changed(SITE, 'zone = "ward"', 'zone = "wart"')
    main = changed(MAIN, "https://alarm.example.org", "http://127.0.0.1:8080")
    lines: list[str] = []
    assert run(write(tmp_path, main, site), lines.append) == 2
    assert lines[0].startswith("FAULT") and "unknown zone 'wart' (device smoke-1). Did you mean 'ward'?" in lines[0]
    assert lines[1].startswith("warning") and "cannot open 127.0.0.1" in lines[1]


PERSON_WITHOUT_CHANNEL = changed(SITE, 'channels = [{destination = "phone", address = "2"}]', "")
NOBODY = PERSON_WITHOUT_CHANNEL.replace('channels = [{destination = "phone", address = "1"}]', "")

ATTIC = '\n[[zone]]\nid = "attic"\nname = "阁楼"\n'

ODDITIES = [
    pytest.param(SITE + ATTIC, "zone attic: has no device", True, id="empty-zone"),
    pytest.param(PERSON_WITHOUT_CHANNEL, "person director-1: 王 has no channel", True, id="person-without-channel"),
    pytest.param(NOBODY, "plan fire: reaches nobody", False, id="danger-reaches-nobody"),
    pytest.param(NOBODY, "plan trouble: reaches nobody", True, id="trouble-reaches-nobody"),
    pytest.param(
        changed(SITE, 'role = "carer"', 'role = "carer"\non_duty = false'),
        "plan fire: step 1 reaches nobody",
        True,
        id="step-reaches-nobody",
    ),
]


@pytest.mark.parametrize(("site", "words", "warning"), ODDITIES)
def test_an_oddity_of_a_home_is_told(tmp_path: Path, site: str, words: str, warning: bool) -> None:
    found = report(write(tmp_path, site=site), {})
    told = [fault for fault in found.faults if words in str(fault)]
    assert [fault.warning for fault in told] == [warning], [str(fault) for fault in found.faults]
    if all(fault.warning for fault in found.faults):
        assert found.exit_code == 0


def test_a_smoke_detector_that_no_fire_rule_watches_is_a_fault(tmp_path: Path) -> None:
    main = 'packs = ["supervision"]\n' + MAIN
    told = [fault for fault in check(write(tmp_path, main), {}) if "no rule of category fire watches it" in str(fault)]
    assert [(fault.path, fault.warning) for fault in told] == [("device smoke-1", False)]


def test_a_device_that_no_rule_watches_is_told(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(changed(RULE, '"supervisory"', '"supervisory"\nselect = {kinds = ["climate"]}'))
    found = check(write(tmp_path, 'packs = ["own.toml"]\n' + MAIN), {})
    assert any("device smoke-1: no rule watches a smoke" in str(fault) and fault.warning for fault in found)


def test_a_rule_that_no_kind_of_device_can_answer_is_told(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(changed(RULE, '"supervisory"', '"supervisory"\nselect = {kinds = ["door"]}'))
    found = report(write(tmp_path, 'packs = ["fire", "own.toml"]\n' + MAIN), {})
    assert any("own.cold: no kind of device that the rule selects has temperature" in str(f) for f in found.faults)
    assert found.exit_code == 0


def test_a_priority_that_sends_people_running_wants_a_procedure(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(changed(RULE, '"supervisory"', '"supervisory"\npriority = 2'))
    found = check(write(tmp_path, 'packs = ["fire", "own.toml"]\n' + MAIN), {})
    assert any("own.cold: an alarm of priority 2 without a procedure" in str(fault) for fault in found)


def test_a_pack_without_scenarios_is_told(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(RULE)
    found = check(write(tmp_path, 'packs = ["fire", "own.toml"]\n' + MAIN), {})
    assert any("no scenarios" in str(fault) and fault.warning for fault in found)


OWN_SCENARIO = """
scenario cold ward
08:00:00 smoke-1 temperature = 11 °C
expect 08:00:{seconds} raised own.cold on smoke-1
"""


@pytest.mark.parametrize(("seconds", "code"), [("00", 0), ("01", 2)], ids=["true", "false"])
def test_scenarios_beside_an_own_pack_are_played_on_the_home_s_devices(tmp_path: Path, seconds: str, code: int) -> None:
    (tmp_path / "own.toml").write_text(RULE)
    (tmp_path / "own.scenario").write_text(OWN_SCENARIO.format(seconds=seconds), "utf-8")
    found = report(write(tmp_path, 'packs = ["fire", "own.toml"]\n' + MAIN), {})
    assert found.exit_code == code, [str(fault) for fault in found.faults]
    assert found.scenarios_failed == (1 if code else 0)
    if code:
        told = [str(fault) for fault in found.faults if not fault.warning]
        assert any("own.scenario: line 2" in one and "'cold ward', line 4: expected 08:00:01" in one for one in told)


def test_the_home_of_the_scenarios_has_no_fault() -> None:
    assert len(scenario_home().devices) >= 15


def test_faults_of_the_accounts_are_told(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.toml"
    accounts.write_text('[[account]]\nname = "a"\npassword_hash = "hunter2"\n', encoding="utf-8")
    accounts.chmod(0o600)
    found = report(write(tmp_path, MAIN + '\n[console]\naccounts = "accounts.toml"\n'), {})
    (fault,) = found.faults
    assert found.exit_code == 2
    assert "accounts.toml: account.0.password_hash: not an argon2 hash (account 'a')" in str(fault)
    assert "anlian account hash" in str(fault)
    assert "hunter2" not in str(fault)


ROSTER = """
[[post]]
id = "care"
name = "护理"

[[shift]]
id = "day"
post = "care"
from = "08:00"
to = "20:00"
people = ["carer-1"]
"""


def test_gaps_of_the_roster_are_warnings_one_for_each_cause(tmp_path: Path) -> None:
    found = report(write(tmp_path, site=SITE + ROSTER), {}, datetime(2026, 11, 23, 2, tzinfo=UTC))
    gaps = [fault for fault in found.faults if fault.path == "post care"]
    assert [(fault.problem, fault.warning) for fault in gaps] == [
        ("11-23 20:00–11-24 08:00 护理: nobody is on duty; and 29 times more in the next 30 days", True)
    ]
    assert found.exit_code == 0
