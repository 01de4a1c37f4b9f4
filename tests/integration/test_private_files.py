"""What the gateway writes is its user's alone; and the version is told."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from gateway.private_files import make_folder, tighten
from tests.servers import Client, GatewayProcess, Mosquitto, running, wait_until

pytestmark = pytest.mark.integration


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_in_data_dir_is_private(tmp_path: Path) -> None:
    before = os.umask(0o022)
    broker = Mosquitto(tmp_path / "broker").start()
    gateway = GatewayProcess(tmp_path / "gw", broker.port)
    data = tmp_path / "gw" / "data"
    client = Client(broker.port, "anlian/v1/home-a/alarm")
    try:
        with running(broker, gateway):
            gateway.start()
            client.publish("zigbee2mqtt/smoke-204", {"smoke": True})
            wait_until(lambda: client.on("anlian/v1/home-a/alarm"))
            found = [data, *data.rglob("*")]
            assert {"journal.db", "journal.db-wal"} <= {path.name for path in found}
            assert {path: oct(mode(path)) for path in found if mode(path) & 0o077} == {}
    finally:
        os.umask(before)
        client.close()


def test_a_journal_of_an_earlier_version_is_tightened_and_nothing_else(tmp_path: Path) -> None:
    names = ("journal.db", "journal.db-wal", "journal.db.epoch", "notes.txt")
    for name in names:
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o644)
    (tmp_path / "journal.db-link").symlink_to(tmp_path / "notes.txt")
    tighten(tmp_path / "journal.db")
    assert [mode(tmp_path / name) for name in names] == [0o600, 0o600, 0o600, 0o644]


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    (tmp_path / "shared").chmod(0o755)
    make_folder(tmp_path / "shared")
    make_folder(tmp_path / "new" / "data")
    assert (mode(tmp_path / "shared"), mode(tmp_path / "new" / "data")) == (0o755, 0o700)


def test_the_version_is_told() -> None:
    said = subprocess.run([sys.executable, "-m", "gateway", "--version"], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0 and re.fullmatch(
        rf"anlian {re.escape(version('anlian-gateway'))} \(Python 3\.\d+\.\d+\)\n", said.stdout
    )
