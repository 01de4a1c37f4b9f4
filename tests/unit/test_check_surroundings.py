"""`anlian check` on the surroundings: each fault and warning with its place and remedy, and no false one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.channel_settings import SPOOL_FOLDERS
from gateway.check import report, run
from gateway.check_surroundings import filesystem_of, surroundings
from gateway.load import load
from tests.configuration_world import MAIN, SITE, changed, write

ACCOUNTS = 'accounts = "accounts.toml"\n'
PLAIN = changed(MAIN, "https://alarm.example.org", "http://alarm.example.org")
V2 = '\n[[influx]]\nmode = "v2"\nbucket = "b"\n'
SECOND = '\n[[sources]]\nname = "more"\nbroker = "local"\nhome = "home-b"\ncodec = "tasmota"\nprefix = "h/home-b/t"\n'

FOUND = [
    pytest.param(
        MAIN + '\n[console]\nhost = "0.0.0.0"\n',
        "console.host: listens on 0.0.0.0 without TLS",
        True,
        id="open-console",
    ),
    pytest.param(
        PLAIN + f'\n[console]\nhost = "0.0.0.0"\n{ACCOUNTS}',
        "console.host: listens on 0.0.0.0 without TLS",
        False,
        id="nobody-encrypts-the-passwords",
    ),
    pytest.param(PLAIN, "public_url: is plain http", True, id="plain-links"),
    pytest.param(MAIN + V2, "influx[1].token_file: mode v2 without a token", True, id="v2-without-token"),
]


@pytest.fixture(autouse=True)
def on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary folders of a test may lie in memory, which is told; here it is not what is asked."""
    monkeypatch.setattr("gateway.check_surroundings.MOUNTS", tmp_path / "no-mounts")


def told(folder: Path, main: str, environment: dict[str, str] | None = None) -> list[tuple[str, bool]]:
    (folder / "accounts.toml").write_text("", "utf-8")
    (folder / "accounts.toml").chmod(0o600)
    return [(str(fault), fault.warning) for fault in report(write(folder, main), environment or {}).faults]


@pytest.mark.parametrize(("main", "words", "warning"), FOUND)
def test_it_is_told_with_place_and_remedy(tmp_path: Path, main: str, words: str, warning: bool) -> None:
    (found,) = [one for one in told(tmp_path, main) if words in one[0]]
    assert found[1] is warning
    assert "Write" in found[0] or "write" in found[0], "no remedy"
    assert report(tmp_path / "gateway.toml", {}).exit_code == (0 if warning else 2)


GOOD = [
    pytest.param(MAIN, {}, id="as-shipped"),
    pytest.param(MAIN + '\n[console]\nhost = "127.0.0.1"\n', {}, id="loopback"),
    pytest.param(MAIN + V2, {"ANLIAN_INFLUX_INFLUX_TOKEN": "x"}, id="token-from-the-environment"),
]


@pytest.mark.parametrize(("main", "environment"), GOOD)
def test_what_is_well_is_not_told(tmp_path: Path, main: str, environment: dict[str, str]) -> None:
    assert told(tmp_path, main, environment) == []


def test_a_token_over_plain_http_to_another_machine(tmp_path: Path) -> None:
    main = MAIN + V2 + 'url = "http://db.example.org:8086"\n'
    (found,) = told(tmp_path, main, {"ANLIAN_INFLUX_INFLUX_TOKEN": "x"})
    assert "influx[1].url: the way to db.example.org is not encrypted" in found[0] and found[1]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/run/anlian", "tmpfs"), ("/var/lib/anlian", "ext4"), ("/data/x", "xfs"), ("/data disk/x", "tmpfs")],
)
def test_the_file_system_of_a_folder_that_may_not_be_there_yet(tmp_path: Path, folder: str, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\nx /data ext4 rw 0 0\ny /data xfs rw 0 0\n"
        "t /data\\040disk tmpfs rw 0 0\n"
    )
    assert filesystem_of(Path(folder), mounts) == kind


def test_a_journal_in_memory_is_told(tmp_path: Path) -> None:
    configuration = load(write(tmp_path), {})
    mounts = tmp_path / "mounts"
    for kind, count in (("ext4", 0), ("tmpfs", 1), ("ramfs", 1)):
        mounts.write_text(f"x / ext4 rw 0 0\nx {tmp_path.resolve()} {kind} rw 0 0\n")
        found = surroundings(configuration.settings, configuration.secrets, "g.toml", mounts)
        assert len(found) == count
        assert all("lies in memory" in str(one) and one.path == "data_dir" and one.warning for one in found)
    assert surroundings(configuration.settings, configuration.secrets, "g.toml", tmp_path / "none") == []


def test_a_data_dir_that_everybody_can_open(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    for mode, count in ((0o755, 1), (0o750, 0), (0o700, 0)):
        (tmp_path / "state").chmod(mode)
        assert ["chmod 0700" in words for words, _ in told(tmp_path, MAIN)] == [True] * count


def test_a_prefix_that_names_no_home_on_a_shared_broker(tmp_path: Path) -> None:
    (tmp_path / "home-b.toml").write_text(changed(SITE, '"home-a"', '"home-b"').replace('"zigbee"', '"more"'), "utf-8")
    main = changed(MAIN, '"home-a.toml"', '"home-a.toml", "home-b.toml"') + SECOND
    found = [one for one in told(tmp_path, main) if "prefix" in one[0]]
    assert len(found) == 1 and "sources[1].prefix: broker 'local' is shared by homes" in found[0][0] and found[0][1]
    assert told(tmp_path, main.replace('prefix = "zigbee2mqtt"', 'prefix = "h/home-a/zigbee2mqtt"')) == []


def test_one_is_singular(tmp_path: Path) -> None:
    lines: list[str] = []
    assert run(write(tmp_path, MAIN + V2), lines.append) == 0
    assert any(line.endswith(": 0 faults, 1 warning") for line in lines), lines


MODEM = """
[[channels]]
name = "{name}"
kind = "sms-modem"
spool = "{spool}"
"""


def test_a_modem_without_its_folders(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    (spool / "inbox").mkdir(parents=True)
    (found,) = told(tmp_path, MAIN + MODEM.format(name="sms", spool=spool))
    assert f"channels[2].spool: {spool} has no outbox, sent, error, kept: no short message can leave" in found[0]
    assert found[1]


def test_two_modems_on_one_spool(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    for name in SPOOL_FOLDERS:
        (spool / name).mkdir(parents=True)
    main = MAIN + MODEM.format(name="sms", spool=spool) + MODEM.format(name="sms-2", spool=spool)
    (found,) = told(tmp_path, main)
    assert f"channels[3].spool: {spool} is the spool of 'sms' already" in found[0]
    assert not found[1]


def test_a_telephone_line_without_its_programs(tmp_path: Path) -> None:
    line = """
[[channels]]
name = "call"
kind = "voice-line"
server = "sip.example.org"
user = "anlian"
program = "no-such-program"
speak_zh = ["no-such-voice", "--stdin"]
speak_en = ["true"]
modules = "/no/such/modules"
"""
    problems = told(tmp_path, MAIN + line)
    assert [found.split(":")[1].split(".")[-1] for found, _ in problems] == ["program", "speak_zh", "modules"]
    assert "no-such-voice is not installed: no call can be made" in problems[1][0]
    assert all(warning for _, warning in problems)
