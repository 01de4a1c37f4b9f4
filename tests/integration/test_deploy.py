"""What is shipped for an installation: example files, service, certificates and the configuration of the broker."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gateway.channel_settings import KINDS, PhoneChannel
from gateway.check import report
from gateway.console.accounts import AccountBook
from gateway.load import SHIPPED_PACKS, load
from gateway.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLE = tomllib.loads((DEPLOY / "example.toml").read_text("utf-8"))
WAIT_S = 15


def sections(
    model: type[BaseModel], values: list[dict[str, Any]], path: str = ""
) -> Iterator[tuple[str, Any, list[Any]]]:
    """Every option of the settings: its path, its field, and the values that stand for it in the example."""
    for name, field in model.model_fields.items():
        found = [value[name] for value in values if name in value]
        yield f"{path}{name}", field, found
        inner = _section(field.annotation)
        if name == "channels":
            yield from channels([table for one in found for table in one])
        elif inner is not None:
            tables = [table for one in found for table in (one if isinstance(one, list) else [one])]
            yield from sections(inner, tables, f"{path}{name}.")


def channels(tables: list[dict[str, Any]]) -> Iterator[tuple[str, Any, list[Any]]]:
    """What all kinds share, in any of the tables; and what a kind has of its own, in one of that kind."""
    yield from sections(PhoneChannel, tables, "channels.")
    for kind, section in KINDS.items():
        own = [table for table in tables if table.get("kind") == kind]
        for path, field, found in sections(section, own, f"channels.{kind}."):
            if path.rpartition(".")[2] not in PhoneChannel.model_fields:
                yield path, field, found


def _section(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [_section(argument) for argument in typing.get_args(annotation)]
    return next((one for one in inner if one is not None), None)


OPTIONS = list(sections(Settings, [EXAMPLE]))


@pytest.mark.parametrize(("values",), [pytest.param(values, id=path) for path, _, values in OPTIONS])
def test_every_option_stands_in_the_example(values: list[Any]) -> None:
    assert values


def test_numbers_in_the_example_are_the_defaults_unless_a_comment_says_otherwise() -> None:
    others = [
        (path, value)
        for path, field, values in OPTIONS
        for value in values
        if isinstance(value, (bool, int, float)) and not field.is_required() and value != field.default
    ]
    assert others == [("brokers.port", 8883), ("channels.reserved_for_fire", 5)]
    assert EXAMPLE["packs"] == list(SHIPPED_PACKS)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The example with the files that it names, as an installation has them."""
    target = tmp_path / "etc"
    shutil.copytree(DEPLOY, target)
    shutil.copy(target / "accounts.example.toml", target / "accounts.toml")
    (target / "accounts.toml").chmod(0o640)
    names = [value for path, _, values in OPTIONS if path.endswith("_file") for value in values]
    names += [value for path, _, values in OPTIONS if ".tls." in path for value in values]
    for name in names:
        file = target / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("0123456789abcdef0123456789abcdef\n")
        file.chmod(0o640)
    return target / "example.toml"


def test_the_example_and_its_homes_pass_the_check_without_a_warning(installed: Path) -> None:
    found = report(installed, {})
    # The modem's daemon makes its folders itself, in a place of its own.
    assert [str(fault) for fault in found.faults if not fault.path.endswith(".spool")] == []
    assert (found.homes, found.scenarios_failed) == (2, 0)
    assert found.devices >= 30


def test_the_example_loads(installed: Path) -> None:
    configuration = load(installed, {})
    assert configuration.settings.brokers[0].tls is not None
    assert configuration.secrets.find("channel", "staff-group", "secret") == "0123456789abcdef0123456789abcdef"
    categories = {device.category for site in configuration.sites for device in site.devices}
    assert {"fire", "gas", "person", "electrical"} <= categories


def test_the_example_accounts_can_be_read() -> None:
    accounts = AccountBook(DEPLOY / "accounts.example.toml")
    wang, desk = accounts.find("wang"), accounts.find("county-desk")
    assert wang is not None and wang.operates and wang.sees("home-a") and not wang.sees("home-b")
    assert desk is not None and not desk.operates and desk.sees("home-b")


# the service


@pytest.fixture(params=["anlian-gateway", "anlian-audit"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    text = (DEPLOY / f"{request.param}.service").read_text("utf-8")
    assert text.count("/opt/anlian/bin/anlian") == (2 if request.param == "anlian-gateway" else 1)
    unit = tmp_path / f"{request.param}.service"
    unit.write_text(text.replace("/opt/anlian/bin/anlian", "/bin/true"), "utf-8")
    return unit


def _run(*command: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=60, check=False, **more
    )


def test_systemd_understands_every_line_of_the_service(service: Path) -> None:
    done = _run("systemd-analyze", "verify", "--man=no", service)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_service_is_hardened(service: Path) -> None:
    done = _run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", service)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


SERVICE_LINES = (
    "Type=notify",
    "WatchdogSec=30",
    "Restart=always",
    "User=anlian",
    "StateDirectory=anlian",
    "MemoryMax=512M",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    "SystemCallFilter=@system-service",
)


@pytest.mark.parametrize("line", SERVICE_LINES)
def test_the_service_says(line: str) -> None:
    assert line in (DEPLOY / "anlian-gateway.service").read_text("utf-8").splitlines()


def test_the_service_may_ask_whether_the_clock_is_synchronised() -> None:
    lines = (DEPLOY / "anlian-gateway.service").read_text("utf-8").splitlines()
    assert "ProtectClock=no" in lines
    filters = [line for line in lines if line.startswith("SystemCallFilter=")]
    assert filters[-1] == "SystemCallFilter=adjtimex clock_adjtime", "the last filter line wins"


# certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    done = _run(DEPLOY / "make-certificates.sh", directory, "127.0.0.1", "gateway", "home-a", "home-b")
    assert done.returncode == 0, done.stderr
    return directory


def test_certificates_are_signed_by_our_own_authority(certificates: Path) -> None:
    for name, purpose in (("server", "sslserver"), ("home-a", "sslclient"), ("gateway", "sslclient")):
        done = _run(
            "openssl", "verify", "-purpose", purpose, "-CAfile", certificates / "ca.crt", certificates / f"{name}.crt"
        )
        assert done.returncode == 0, done.stdout + done.stderr
    wrong = _run(
        "openssl", "verify", "-purpose", "sslserver", "-CAfile", certificates / "ca.crt", certificates / "home-a.crt"
    )
    assert wrong.returncode != 0, "a home's certificate must not make a server"


def test_keys_are_private(certificates: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in certificates.glob("*.key")} == {0o600}


def test_the_directory_of_the_certificates_is_private(tmp_path: Path) -> None:
    assert _run(DEPLOY / "make-certificates.sh", tmp_path / "certificates", "broker.example.org").returncode == 0
    assert (tmp_path / "certificates").stat().st_mode & 0o777 == 0o700


def test_certificates_that_are_there_are_kept(certificates: Path) -> None:
    before = {path.name: path.read_bytes() for path in certificates.glob("*.crt")}
    done = _run(DEPLOY / "make-certificates.sh", certificates, "127.0.0.1", "home-a", "home-c")
    assert done.returncode == 0, done.stderr
    after = {path.name: path.read_bytes() for path in certificates.glob("*.crt")}
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"home-c.crt"}


@pytest.mark.parametrize("home", ["Home", "../x", "a b", "ca", "server", ""])
def test_what_cannot_be_a_home_gets_no_certificate(tmp_path: Path, home: str) -> None:
    done = _run(DEPLOY / "make-certificates.sh", tmp_path / "certificates", "127.0.0.1", home)
    assert done.returncode == 2
    assert "is not a home's id" in done.stderr
    assert not (tmp_path / "certificates").exists()


# the broker, with exactly the shipped configuration

HEARTBEAT = ("-t", "h/home-a/zigbee2mqtt/bridge/state", "-m", "online", "-q", "1")
PASSWORDS = {"gateway": "gateway-word", "home-a": "a-word", "home-b": "b-word"}


class Broker:
    """A mosquitto with the shipped configuration, in a directory of its own and on a free port."""

    def __init__(self, directory: Path, certificates: Path) -> None:
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (directory / "data").mkdir()
        for name in ("ca.crt", "server.crt", "server.key"):
            shutil.copy(certificates / name, directory / name)
        self._certificates = certificates
        shutil.copy(DEPLOY / "mosquitto" / "acl", directory / "acl")
        for place, (user, password) in enumerate(PASSWORDS.items()):
            flags = ["-c", "-b"] if place == 0 else ["-b"]
            assert _run("mosquitto_passwd", *flags, directory / "passwords", user, password).returncode == 0
        text = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text("utf-8")
        for old, new in (
            ("/etc/mosquitto/anlian/", f"{directory}/"),
            ("persistence_location /var/lib/mosquitto/", f"persistence_location {directory}/data/"),
            ("listener 8883", f"listener {self.port} 127.0.0.1\nsocket_domain ipv4"),
        ):
            assert old in text
            text = text.replace(old, new)
        (directory / "mosquitto.conf").write_text(text + "\nuser root\n", "utf-8")

    def start(self) -> None:
        log = (self.directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen(["mosquitto", "-c", str(self.directory / "mosquitto.conf")], stderr=log)
        for _ in range(WAIT_S * 50):
            assert self._process.poll() is None, (self.directory / "log").read_text()
            done = self.publish("gateway", "anlian/v1/probe", "")
            if done.returncode == 0:
                return
        raise AssertionError((self.directory / "log").read_text())

    def save(self) -> None:
        """Have the broker write what it holds, as it does by itself every 10 s (autosave_interval)."""
        assert self._process is not None
        for _ in range(2):  # what was sent at QoS 0 before is taken once these later packets are answered
            assert self.publish("gateway", "anlian/v1/probe", "").returncode == 0
        file = self.directory / "data" / "mosquitto.db"
        before = file.stat().st_mtime_ns if file.exists() else 0
        self._process.send_signal(10)  # SIGUSR1
        for _ in range(WAIT_S * 100):
            if file.exists() and file.stat().st_mtime_ns != before:
                return
            self.publish("gateway", "anlian/v1/probe", "")
        raise AssertionError("nothing was written")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(WAIT_S)

    def client(
        self,
        tool: str,
        user: str,
        *more: str,
        password: str = "",
        certificate: bool = True,
        with_password: bool = True,
        lines: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run one of mosquitto's clients as a user."""
        command = [tool, "-V", "5", "-h", "127.0.0.1", "-p", str(self.port), "--cafile", str(self.directory / "ca.crt")]
        if certificate:
            pem = self._certificates / user
            command += ["--cert", f"{pem}.crt", "--key", f"{pem}.key"]
        if with_password:
            command += ["-u", user, "-P", password or PASSWORDS[user]]
        return _run(*command, *more, input=lines)

    def publish(self, user: str, topic: str, payload: str, qos: int = 1, **more: Any):
        return self.client("mosquitto_pub", user, "-t", topic, "-m", payload, "-q", str(qos), **more)


@pytest.fixture
def broker(tmp_path: Path, certificates: Path) -> Iterator[Broker]:
    if shutil.which("mosquitto") is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip("no mosquitto here")
    broker = Broker(tmp_path, certificates)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


@pytest.mark.integration
def test_nobody_connects_without_a_password(broker: Broker) -> None:
    """Not even with a certificate: a stolen one alone opens nothing."""
    assert broker.client("mosquitto_pub", "home-a", *HEARTBEAT).returncode == 0
    anonymous = broker.client("mosquitto_pub", "home-a", *HEARTBEAT, with_password=False)
    assert anonymous.returncode != 0 and "not authorized" in (anonymous.stdout + anonymous.stderr).lower()


@pytest.mark.integration
def test_a_home_connects_with_its_certificate_and_password(broker: Broker) -> None:
    assert broker.publish("home-a", "h/home-a/zigbee2mqtt/x", "1").returncode == 0
    wrong = broker.publish("home-a", "h/home-a/zigbee2mqtt/x", "1", password="b-word")
    assert wrong.returncode != 0 and "not authorized" in (wrong.stdout + wrong.stderr).lower()
    bare = broker.publish("home-a", "h/home-a/zigbee2mqtt/x", "1", certificate=False)
    assert bare.returncode != 0


ALLOWED = [
    ("home-a", "h/home-a/zigbee2mqtt/x", True),
    ("home-a", "anlian/v1/home-a/smoke-1/telemetry", True),
    ("home-a", "h/home-b/zigbee2mqtt/x", False),
    ("home-a", "anlian/v1/home-b/alarm", False),
    ("home-a", "zigbee2mqtt/x", False),
    ("gateway", "anlian/v1/home-b/alarm", True),
    ("gateway", "h/home-a/zigbee2mqtt/x", False),
]


@pytest.mark.integration
def test_a_home_can_write_in_its_own_name_only(broker: Broker) -> None:
    for user, topic, allowed in ALLOWED:
        done = broker.publish(user, topic, "1")
        refused = "not authorized" in (done.stdout + done.stderr).lower()
        assert refused != allowed, (user, topic, done.stdout + done.stderr)


@pytest.mark.integration
def test_a_home_hears_nothing_of_another(broker: Broker) -> None:
    """It may ask for everything, but gets only its own: the other one's message was first, and would come first."""
    mosquitto_sub = ("-i", "listener", "-c", "-x", "3600", "-q", "1", "-t", "h/#", "-t", "anlian/v1/#")
    broker.client("mosquitto_sub", "home-a", *mosquitto_sub, "-E")
    for home in ("home-b", "home-a"):
        assert broker.publish(home, f"h/{home}/zigbee2mqtt/x", "secret").returncode == 0
    heard = broker.client("mosquitto_sub", "home-a", *mosquitto_sub, "-C", "1", "-W", "10", "-F", "%t").stdout.split()
    assert heard == ["h/home-a/zigbee2mqtt/x"]


@pytest.mark.integration
def test_qos_0_messages_wait_for_the_gateway_and_come_at_qos_1_even_after_a_kill(broker: Broker) -> None:
    session = ("-i", "gateway-1", "-c", "-x", "604800", "-q", "1", "-t", "h/#")
    assert broker.client("mosquitto_sub", "gateway", *session, "-E").returncode == 0
    for number in range(3):
        assert broker.publish("home-a", "h/home-a/zigbee2mqtt/smoke", f"n{number}", qos=0).returncode == 0
    broker.save()
    broker.kill()
    broker.start()
    assert broker.publish("home-a", "h/home-a/zigbee2mqtt/smoke", "n3", qos=0).returncode == 0
    heard = broker.client("mosquitto_sub", "gateway", *session, "-C", "4", "-W", "10", "-F", "%q %p").stdout.split("\n")
    assert heard[:4] == ["1 n0", "1 n1", "1 n2", "1 n3"]


@pytest.mark.integration
def test_a_session_that_subscribed_at_qos_0_misses_nothing_either(broker: Broker) -> None:
    session = ("-i", "lamp-1", "-c", "-x", "604800", "-q", "0", "-t", "h/#")
    assert broker.client("mosquitto_sub", "gateway", *session, "-E").returncode == 0
    assert broker.publish("home-a", "h/home-a/zigbee2mqtt/smoke", "n0", qos=0).returncode == 0
    heard = broker.client("mosquitto_sub", "gateway", *session, "-C", "1", "-W", "10", "-F", "%p").stdout.split()
    assert heard == ["n0"]


@pytest.mark.integration
def test_more_than_the_default_of_1000_messages_are_kept(broker: Broker) -> None:
    session = ("-i", "gateway-1", "-c", "-x", "604800", "-q", "1", "-t", "h/#")
    assert broker.client("mosquitto_sub", "gateway", *session, "-E").returncode == 0
    lines = "\n".join(f"n{number}" for number in range(2500)) + "\n"
    done = broker.client("mosquitto_pub", "home-a", "-t", "h/home-a/z", "-q", "0", "-l", lines=lines)
    assert done.returncode == 0, done.stderr
    heard = broker.client("mosquitto_sub", "gateway", *session, "-C", "2500", "-W", "10", "-F", "%p").stdout.split()
    assert heard == [f"n{number}" for number in range(2500)]
