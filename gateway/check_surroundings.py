"""What `anlian check` says about the surroundings: who can listen in, where the journal lies, who shares a broker."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.channel_settings import SPOOL_FOLDERS, SmsModemChannel, VoiceLineChannel
from gateway.load_settings import Secrets
from gateway.settings import Settings
from rules.parse import Fault

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs", "devtmpfs"})
MOUNTS: Final = Path("/proc/self/mounts")


def surroundings(settings: Settings, secrets: Secrets, file: str, mounts: Path | None = None) -> list[Fault]:
    """Every fault and warning about what stands around the program."""
    faults = [
        *_console(settings),
        *_public_url(settings),
        *_stores(settings, secrets),
        *_data_dir(settings.data_dir, mounts or MOUNTS),
        *_shared_brokers(settings),
        *_modems(settings),
        *_telephone_lines(settings),
    ]
    return [Fault(file=file, path=f.path, problem=f.problem, mend=f.mend, warning=f.warning) for f in faults]


def _console(settings: Settings) -> Iterator[Fault]:
    """A console that others can reach: without TLS its passwords go over the network as they are."""
    console = settings.console
    if console.host in _LOOPBACK or console.tls is not None:
        return
    behind_proxy = urlsplit(settings.public_url).scheme == "https"
    problem = f"listens on {console.host} without TLS: passwords and sessions can be read on the network"
    mend = "Write [console.tls], or host = \"127.0.0.1\" and a proxy with TLS on this machine"
    # Behind a proxy on another machine this may be meant; with a plain public_url nobody encrypts at all.
    yield Fault(path="console.host", problem=problem, mend=mend, warning=behind_proxy or console.accounts is None)


def _public_url(settings: Settings) -> Iterator[Fault]:
    parts = urlsplit(settings.public_url)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        problem = "is plain http: whoever reads along can take the signed links and acknowledge in a person's name"
        mend = "Give the console TLS ([console.tls], or a proxy) and write https://"
        yield Fault(path="public_url", problem=problem, mend=mend, warning=True)


def _stores(settings: Settings, secrets: Secrets) -> Iterator[Fault]:
    for place, store in enumerate(settings.influx, 1):
        where = f"influx[{place}]"
        has_token = secrets.find("influx", store.name, "token") is not None
        has_password = secrets.find("influx", store.name, "password") is not None
        if store.mode == "v2" and store.token_file is None and not has_token:
            problem = "mode v2 without a token: InfluxDB 2 and 3 refuse every write (VictoriaMetrics alone needs none)"
            mend = 'Write token_file = "secrets/…", or set the environment variable of its token'
            yield Fault(path=f"{where}.token_file", problem=problem, mend=mend, warning=True)
        parts = urlsplit(store.url)
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK and (has_token or has_password):
            problem = f"the way to {parts.hostname} is not encrypted: its token or password can be read on it"
            yield Fault(path=f"{where}.url", problem=problem, mend="Write https://, or use a tunnel", warning=True)


def _data_dir(folder: Path, mounts: Path) -> Iterator[Fault]:
    kind = filesystem_of(folder, mounts)
    if kind in _IN_MEMORY:
        problem = f"{folder} lies in memory ({kind}): at a power cut the journal and every open alarm are gone"
        yield Fault(path="data_dir", problem=problem, mend="Name a directory on a disk", warning=True)
    if folder.is_dir() and folder.stat().st_mode & stat.S_IRWXO:
        problem = f"{folder} is open to everybody on this machine: the journal says who lives where"
        yield Fault(path="data_dir", problem=problem, mend=f"Run: chmod 0700 {folder}", warning=True)


def filesystem_of(folder: Path, mounts: Path) -> str:
    """The kind of file system that a folder lies on (or will, once it is made); "" where that cannot be known."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    wanted = f"{os.path.realpath(folder)}/"
    best, kind = "", ""
    for line in lines:
        _, _, rest = line.partition(" ")
        point, _, rest = rest.partition(" ")
        point = point.replace("\\040", " ").rstrip("/")
        # A later mount on the same place hides the earlier one.
        if wanted.startswith(f"{point}/") and len(point) >= len(best):
            best, kind = point, rest.partition(" ")[0]
    return kind


def _shared_brokers(settings: Settings) -> Iterator[Fault]:
    """On a broker of several homes only a prefix that names its home says for certain whose a topic is."""
    homes: dict[str, set[str]] = {}
    for source in settings.sources:
        homes.setdefault(source.broker, set()).add(source.home)
    for place, source in enumerate(settings.sources, 1):
        if len(homes[source.broker]) > 1 and source.home not in source.prefix.split("/"):
            problem = f"broker {source.broker!r} is shared by homes, and this prefix does not name {source.home!r}"
            mend = f'Let its devices publish below "h/{source.home}/…" and write that here; or give it a broker'
            yield Fault(path=f"sources[{place}].prefix", problem=problem, mend=mend, warning=True)


def _modems(settings: Settings) -> Iterator[Fault]:
    """The folders of a modem's daemon; two channels on one of them would take each other's replies."""
    first: dict[Path, str] = {}
    for place, channel in enumerate(settings.channels, 1):
        if not isinstance(channel, SmsModemChannel):
            continue
        where = f"channels[{place}]"
        other = first.setdefault(channel.spool, channel.name)
        if other != channel.name:
            problem = f"{channel.spool} is the spool of {other!r} already"
            yield Fault(path=f"{where}.spool", problem=problem, mend="Give each modem a daemon and a spool of its own")
        missing = [name for name in SPOOL_FOLDERS if not (channel.spool / name).is_dir()]
        if missing:
            problem = f"{channel.spool} has no {', '.join(missing)}: no short message can leave"
            mend = "Set up the modem's daemon: deploy/README.md, short messages"
            yield Fault(path=f"{where}.spool", problem=problem, mend=mend, warning=True)
        if channel.smsdrc is not None and shutil.which("gammu-smsd-monitor") is None:
            problem = "gammu-smsd-monitor is not installed: nobody would know that the modem is gone"
            yield Fault(path=f"{where}.smsdrc", problem=problem, mend="apt install gammu-smsd", warning=True)


def _telephone_lines(settings: Settings) -> Iterator[Fault]:
    """The programs that make a call and speak in it."""
    for place, channel in enumerate(settings.channels, 1):
        if not isinstance(channel, VoiceLineChannel):
            continue
        programs = {"program": channel.program, "speak_zh": channel.speak_zh[0], "speak_en": channel.speak_en[0]}
        for field, program in programs.items():
            if shutil.which(program) is None:
                problem = f"{program} is not installed: no call can be made"
                mend = "apt install baresip-core espeak-ng, or name the programs that you have"
                yield Fault(path=f"channels[{place}].{field}", problem=problem, mend=mend, warning=True)
        if not channel.modules.is_dir():
            problem = f"{channel.modules} does not exist: baresip would start without its modules"
            mend = "Write where its modules are: dpkg -L baresip-core | grep modules"
            yield Fault(path=f"channels[{place}].modules", problem=problem, mend=mend, warning=True)
