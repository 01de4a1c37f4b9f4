"""Settings: one TOML file, validated once. Secrets come from files or the environment, never from this file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from devices.catalog import CODECS, PROFILES
from gateway.channel_settings import AnyChannel
from gateway.section import Name, Port, Section, Tls
from rules.parse import suggestion

VIDEO_SOURCE: Final = "video"
"""The source that the devices of `[[cameras]]` have in the site files."""


def _known_codec(name: str) -> str:
    if name not in CODECS:
        raise ValueError(f"no codec of this name. {suggestion(name, CODECS)}")
    return name


class Broker(Section):
    """An MQTT broker that the gateway reads from or publishes to."""

    name: Name
    host: str = "127.0.0.1"
    port: Port = 1883
    username: str = ""
    password_file: Path | None = None
    client_id: str = ""
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    tls: Tls | None = None
    session_expiry_days: Annotated[int, Field(ge=7, le=365)] = 7
    keepalive_s: Annotated[int, Field(ge=5, le=300)] = 20
    receive_maximum: Annotated[int, Field(ge=20, le=65535)] = 1000
    probe_qos0: bool = True


class Source(Section):
    """A topic prefix on a broker, the home it belongs to and the codec that understands it.

    Without a prefix the codec reads the roots that its ecosystem has by itself (`tele/…`, `shellies/…`, …).
    """

    name: Name
    broker: Name
    home: Name
    codec: Annotated[Name, AfterValidator(_known_codec)]
    prefix: str = ""
    registered_only: bool = False


class Push(Section):
    """An address, `/push/<name>`, to which a platform or a maker's cloud pushes the messages of a home's devices.

    At least a token or a secret is needed. `networks` (`203.0.113.0/24`) are those that may push, none: all.
    """

    name: Name
    home: Name
    codec: Annotated[Name, AfterValidator(_known_codec)]
    token_file: Path | None = None
    secret_file: Path | None = None
    signature_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "X-Signature"
    networks: tuple[str, ...] = ()
    per_minute: Annotated[int, Field(ge=1, le=60_000)] = 6000
    body_max: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 256 * 1024
    registered_only: bool = False


class Camera(Section):
    """A camera that is asked for frames. `name` is its address in the site file, under the source `video`.

    `still_allowed`: an alarm of its zone that endangers people takes one picture of it. Never in somebody's room,
    unless `still_in_room` says so.
    """

    name: Name
    home: Name
    url: str
    username: str = ""
    password_file: Path | None = None
    basic_auth: bool = False
    onvif: str = ""
    probe_s: Annotated[float, Field(ge=10, le=60)] = 60.0
    blank_check: bool = True
    blank_every_s: Annotated[float, Field(ge=300, le=86_400)] = 600.0
    still_allowed: bool = False
    still_in_room: bool = False


class VideoPlatform(Section):
    """A video platform to which cameras register by GB/T 28181: it is asked which of them are on line.

    The cameras are devices of the site file with this source and the platform's 20-digit channel code as address.
    """

    name: Name
    home: Name
    kind: Literal["wvp"] = "wvp"
    url: str
    username: str
    password_file: Path | None = None
    every_s: Annotated[float, Field(ge=10, le=300)] = 60.0


class Influx(Section):
    """A time-series store. mode `v1` posts to /write (1.x and all others), `v2` to /api/v2/write with a token."""

    name: Name = "influx"
    url: str = "http://127.0.0.1:8086"
    mode: Literal["v1", "v2"] = "v1"
    database: str = "anlian"
    retention_policy: str = ""
    org: str = ""
    bucket: str = ""
    username: str = ""
    password_file: Path | None = None
    token_file: Path | None = None
    batch: Annotated[int, Field(ge=1, le=50_000)] = 5000
    in_flight: Annotated[int, Field(ge=1, le=16)] = 4
    gzip: bool = False
    lag_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    every_s: Annotated[float, Field(ge=0.05, le=60)] = 1.0


TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A time of the home's day: `02:30`."""

DataAddress = Annotated[int, Field(ge=0, le=(1 << 48) - 1)]
"""An address of GB/T 26875.3: the number of its six bytes, low byte first."""


class PanelListener(Section):
    """A port on which transmission devices of fire panels report by GB/T 26875.3 (centre's side).

    `centre_address` is ours in the frames that we begin. `networks` (`10.8.0.0/16`) are those that may connect,
    none: all. `poll_s`: a device that said nothing for so long is asked for its state. `clock_sync_h` 0: never.
    `duty_check` (`["02:00", "05:00"]`, the home's time): when it is asked whether anybody is at the panel (查岗), up to
    `duty_jitter_min` later so that nobody knows the minute; it has to be answered within `duty_answer_min`.
    """

    name: Name
    home: Name
    host: str = "127.0.0.1"
    port: Port
    transport: Literal["tcp", "udp"] = "tcp"
    dialect: Literal["standard", "dahua", "tanda"] = "standard"
    address_format: Literal["words", "words-reversed", "number", "number-reversed", "bytes", "bytes-reversed"] = "words"
    centre_address: DataAddress = 1
    registered_only: bool = False
    networks: tuple[str, ...] = ()
    connections_max: Annotated[int, Field(ge=1, le=1024)] = 64
    frames_per_s: Annotated[int, Field(ge=10, le=1000)] = 100
    idle_s: Annotated[float, Field(ge=60, le=86400)] = 300.0
    poll_s: Annotated[float, Field(ge=1, le=7200)] = 30.0
    clock_sync_h: Annotated[float, Field(ge=0, le=720)] = 24.0
    duty_check: Annotated[tuple[TimeOfDay, ...], Field(max_length=24)] = ()
    duty_jitter_min: Annotated[int, Field(ge=0, le=120)] = 10
    duty_answer_min: Annotated[int, Field(ge=1, le=60)] = 10


class PanelUplink(Section):
    """A monitoring centre to which a home's alarms are reported by GB/T 26875.3 (transmission device's side).

    `backup` (`host:port`) is the other path. `person_part` is the component type (128 to 255, agreed with the
    centre) under which falls and SOS calls are reported; 0: they are not, the standard has no code for them.
    """

    name: Name
    home: Name
    host: str
    port: Port
    backup: str = ""
    transport: Literal["tcp", "udp"] = "tcp"
    source_address: DataAddress
    centre_address: DataAddress
    system_number: Annotated[int, Field(ge=0, le=255)] = 1
    person_part: Annotated[int, Field(ge=0, le=255)] = 0
    heartbeat_s: Annotated[float, Field(ge=0, le=60)] = 25.0


class AlarmTopics(Section):
    """Where sounders and lamps listen: the broker for `anlian/v1/<home>/alarm`, on a connection of its own."""

    broker: Name
    status_every_s: Annotated[float, Field(ge=1, le=60)] = 10.0


class Heartbeat(Section):
    """A webhook that is called after journalled progress; whoever runs it pages when it stays away."""

    url: str
    every_s: Annotated[float, Field(ge=1, le=3600)] = 60.0


class Canary(Section):
    """The daily test of every phone and channel: what is tested, and when people without a post are shown theirs.

    `silent`: what nobody notices, at any hour. `visible`: one message when a shift begins (or at `visible_at`), which
    its holder confirms. `voice`: one call a week, in the daytime.
    """

    silent: bool = True
    visible: bool = True
    voice: bool = True
    visible_at: TimeOfDay = "08:30"


class AuditCall(Section):
    """Whom the auditor calls when it finds something: one of `channels` (opened by itself), and an address there."""

    channel: Name
    address: str = ""


class Audit(Section):
    """`anlian audit`: how often it looks, how long something must stay wrong, whom it calls, and its own heartbeat."""

    every_s: Annotated[float, Field(ge=1, le=60)] = 10.0
    tolerance_s: Annotated[float, Field(ge=75, le=600)] = 90.0
    repeat_s: Annotated[float, Field(ge=60, le=86_400)] = 900.0
    calls: tuple[AuditCall, ...] = ()
    heartbeat: Heartbeat | None = None


class Journal(Section):
    """The journal's file, its groups and its budgets (edge profile: group_ms 500, keep_days 7, keep_gib 16)."""

    group_ms: Annotated[int, Field(ge=0, le=2000)] = 20
    group_max: Annotated[int, Field(ge=1, le=4096)] = 256
    keep_days: Annotated[float, Field(gt=0, le=3650)] = 7.0
    keep_gib: Annotated[float, Field(gt=0, le=4096)] = 16.0
    snapshot_every: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000
    held_mib: Annotated[int, Field(ge=1, le=1024)] = 32


def _known_kind(kind: str) -> str:
    if kind not in PROFILES:
        raise ValueError(f"no kind of device of this name; there are {', '.join(PROFILES)}")
    return kind


Days = Annotated[int, Field(ge=1, le=3660)]


class ProofLimits(Section):
    """How long a detector counts as proven after the last signal of its alarm point, real or a test, in days.

    183: half-yearly tests of components (GB 50440-2007 upkeep). `kinds` sets it for one kind: `kinds = { sos = 31 }`.
    """

    within_days: Days = 183
    kinds: dict[Annotated[str, AfterValidator(_known_kind)], Days] = Field(default_factory=dict)


class Stills(Section):
    """How long the stills of alarms are kept, and in how much space; the oldest go first."""

    keep_days: Annotated[float, Field(gt=0, le=366)] = 30.0
    keep_mib: Annotated[int, Field(ge=1, le=65_536)] = 200


class Console(Section):
    """The web console. Loopback unless told otherwise; `accounts` is a TOML file of argon2 hashes.

    `phone_ca` is the authority that signed its certificate, where phones have to be told to trust it (/install).
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    accounts: Path | None = None
    tls: Tls | None = None
    phone_ca: Path | None = None
    language: Literal["zh", "en"] = "zh"


class Settings(Section):
    """Everything that the gateway is told. Paths are relative to the file they stand in."""

    data_dir: Path = Path("/var/lib/anlian")
    sites: tuple[Path, ...]
    people: Path | None = None
    packs: tuple[Path, ...] = ()
    shadow_packs: tuple[Path, ...] = ()
    public_url: str
    secret_file: Path | None = None
    payload_max: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 256 * 1024
    inbox_mib: Annotated[int, Field(ge=1, le=1024)] = 32
    clock: Literal["kernel", "assume"] = "kernel"
    brokers: tuple[Broker, ...] = ()
    sources: tuple[Source, ...] = ()
    pushes: tuple[Push, ...] = ()
    cameras: tuple[Camera, ...] = ()
    video_platforms: tuple[VideoPlatform, ...] = ()
    gb26875: tuple[PanelListener, ...] = ()
    gb26875_up: tuple[PanelUplink, ...] = ()
    alarm_topics: AlarmTopics | None = None
    influx: tuple[Influx, ...] = ()
    channels: tuple[AnyChannel, ...] = ()
    heartbeat: Heartbeat | None = None
    journal: Journal = Journal()
    audit: Audit = Audit()
    canary: Canary = Canary()
    proof: ProofLimits = ProofLimits()
    stills: Stills = Stills()
    console: Console = Console()
