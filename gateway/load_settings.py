"""The main file as Settings: pydantic's errors as faults with their place, paths made absolute, secrets found."""

from __future__ import annotations

import os
import stat
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.channel_settings import KINDS, PhoneChannel
from gateway.load_partly import Part, readable_part
from gateway.section import Tls
from gateway.settings import Settings
from rules.parse import Fault, suggestion

FILE_MAX: Final = 4 * 1024 * 1024
SECRET_MAX: Final = 64 * 1024
ENVIRONMENT: Final = "ANLIAN_"
ABSENT: Final = "Put the file there before the gateway starts, or mend the path"
"""The mend of a file that is not there: a fault at the start, a warning where a configuration is only checked."""

_KIND_FAULTS: Final = ("union_tag_invalid", "union_tag_not_found")
_SECRET_ENDINGS: Final = ("_PASSWORD", "_TOKEN", "_SECRET")


class Secrets:
    """The secrets of this configuration by the names of their environment variables. Never shown by `repr`."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def find(self, kind: str, name: str, what: str) -> str | None:
        """A secret, for example `find("broker", "home-a", "password")`, or None if none was given."""
        return self._values.get(variable(kind, name, what))

    @property
    def signing_key(self) -> str | None:
        """What signs the links to phones: `secret_file`, or ANLIAN_SECRET."""
        return self._values.get(f"{ENVIRONMENT}SECRET")

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"


def variable(kind: str, name: str, what: str) -> str:
    """The environment variable that overrides a secret file: `ANLIAN_BROKER_HOME_A_PASSWORD`."""
    return f"{ENVIRONMENT}{kind}_{name}_{what}".upper().replace("-", "_")


def validate(values: Mapping[str, Any], file: str) -> tuple[Part | None, list[Fault]]:
    """The settings and every fault in them, without what is at fault. None if nothing can be read then."""
    try:
        return Part(Settings.model_validate(values)), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    return readable_part(values, details, _place), [_fault(detail, file) for detail in details]


def _place(detail: ErrorDetails) -> tuple[int | str, ...]:
    """Where in the file an error is: pydantic puts a channel's kind into its place, or leaves `kind` out of it."""
    place = detail["loc"]
    if detail["type"] in _KIND_FAULTS:
        return (*place, "kind")
    return (*place[:2], *place[3:]) if place[:1] == ("channels",) else place


def _fault(detail: ErrorDetails, file: str) -> Fault:
    where = _path(_place(detail))
    match detail["type"]:
        case "union_tag_not_found":
            mend = f"Write kind = …, one of {', '.join(KINDS)}"
            return Fault(file=file, path=where, problem="is missing", mend=mend)
        case "union_tag_invalid":
            found = str(detail["ctx"]["tag"])
            return Fault(file=file, path=where, problem=f"unknown kind {found[:40]!r}", mend=suggestion(found, KINDS))
        case "extra_forbidden":
            mend = suggestion(str(detail["loc"][-1]), _options(detail["loc"][:-1]))
            return Fault(file=file, path=where, problem="is not an option here", mend=mend)
        case "missing":
            return Fault(file=file, path=where, problem="is missing", mend=f"Write {detail['loc'][-1]} = …")
        case _:
            found = f", found {detail['input']!r}"[:100]
            return Fault(file=file, path=where, problem=f"{detail['msg'][:1].lower()}{detail['msg'][1:]}{found}")


def _path(location: tuple[int | str, ...]) -> str:
    """`sources[2].prefix`; elements of lists count from 1, as in all files."""
    path = ""
    for part in location:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _options(location: tuple[int | str, ...]) -> list[str]:
    """The options of the section at a place."""
    section: Any = Settings
    for part in location:
        if location[0] == "channels" and part in KINDS:
            section = KINDS[str(part)]
        elif isinstance(part, str) and section is not None:
            field = section.model_fields.get(part)
            section = _section_of(field.annotation) if field is not None else None
    return list(section.model_fields) if section is not None else []


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, alone, optional or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (tuple, typing.Union, types.UnionType):
        for argument in typing.get_args(annotation):
            section = _section_of(argument)
            if section is not None:
                return section
    return None


def absolute(section: Any, base: Path, kept: frozenset[str] = frozenset()) -> Any:
    """The section with every relative path taken from `base`; texts in `kept` are names and no paths."""
    if isinstance(section, Path):
        return section if section.is_absolute() or str(section) in kept else base / section
    if isinstance(section, tuple):
        return tuple(absolute(item, base, kept) for item in section)
    if isinstance(section, BaseModel):
        changes = {name: absolute(getattr(section, name), base, kept) for name in type(section).model_fields}
        return section.model_copy(update=changes)
    return section


def find_secrets(settings: Settings, environment: Mapping[str, str], file: str) -> tuple[Secrets, list[Fault]]:
    """Every secret that the settings name: from the environment if it is there, else from its file."""
    faults: list[Fault] = []
    values: dict[str, str] = {}
    wanted: set[str] = set()
    for where, name, path in _secret_fields(settings):
        wanted.add(name)
        if environment.get(name):
            values[name] = environment[name]
        elif path is not None:
            text = _read_secret(path, where, file, faults)
            if text:
                values[name] = text
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT) and name.endswith(_SECRET_ENDINGS) and name not in wanted:
            mend = suggestion(name, wanted)
            faults.append(Fault(file="environment", path=name, problem="no setting uses it", mend=mend, warning=True))
    return Secrets(values), faults


def _secret_fields(settings: Settings) -> Iterator[tuple[str, str, Path | None]]:
    """Where each secret is set, its environment variable and its file."""
    yield "secret_file", f"{ENVIRONMENT}SECRET", settings.secret_file
    for place, broker in enumerate(settings.brokers, 1):
        yield f"brokers[{place}].password_file", variable("broker", broker.name, "password"), broker.password_file
    for place, camera in enumerate(settings.cameras, 1):
        yield f"cameras[{place}].password_file", variable("camera", camera.name, "password"), camera.password_file
    for place, platform in enumerate(settings.video_platforms, 1):
        name = variable("platform", platform.name, "password")
        yield f"video_platforms[{place}].password_file", name, platform.password_file
    for place, push in enumerate(settings.pushes, 1):
        yield f"pushes[{place}].token_file", variable("push", push.name, "token"), push.token_file
        yield f"pushes[{place}].secret_file", variable("push", push.name, "secret"), push.secret_file
    for place, store in enumerate(settings.influx, 1):
        yield f"influx[{place}].password_file", variable("influx", store.name, "password"), store.password_file
        yield f"influx[{place}].token_file", variable("influx", store.name, "token"), store.token_file
    for place, channel in enumerate(settings.channels, 1):
        for field, what in channel_secrets(channel):
            yield f"channels[{place}].{field}", variable("channel", channel.name, what), getattr(channel, field)


def channel_secrets(channel: PhoneChannel) -> Iterator[tuple[str, str]]:
    """The fields of a channel that name a secret's file, and what each secret is: (`token_file`, `token`), …"""
    for field in type(channel).model_fields:
        what = field.removesuffix("_file")
        if f"_{what}".upper() in _SECRET_ENDINGS:
            yield field, what


def _read_secret(path: Path, where: str, file: str, faults: list[Fault]) -> str:
    if not readable(path, where, file, faults, private=True):
        return ""
    try:
        text = path.read_bytes()[: SECRET_MAX + 1].decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        faults.append(Fault(file=file, path=where, problem=f"{path} cannot be read: {_reason(error)}"))
        return ""
    if not text:
        faults.append(Fault(file=file, path=where, problem=f"{path} is empty", mend="Write the secret into it"))
    if len(text) > SECRET_MAX:
        faults.append(Fault(file=file, path=where, problem=f"{path} is longer than {SECRET_MAX} bytes"))
    return text


def readable(path: Path, where: str, file: str, faults: list[Fault], *, private: bool = False) -> bool:
    """Whether a file is there and can be read. A warning if it is private and everybody on the machine can read it."""
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise IsADirectoryError(f"{path} is not a file")
    except OSError as error:
        mend = "Give the gateway's user the right to read it" if path.exists() else ABSENT
        problem = f"{path} cannot be read: {_reason(error)}"
        faults.append(Fault(file=file, path=where, problem=problem, mend=mend))
        return False
    if private and mode & stat.S_IRWXO:
        mend = f"Run: chmod o-rwx {path.name}"
        problem = f"{path} can be read by everybody on this machine"
        faults.append(Fault(file=file, path=where, problem=problem, mend=mend, warning=True))
    return True


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def check_tls(tls: Tls | None, where: str, file: str, *, server: bool = False) -> list[Fault]:
    """The files of a TLS section: there, readable, certificate and key together, the key private."""
    faults: list[Fault] = []
    if tls is None:
        return faults
    for name, path in (("ca", tls.ca), ("certificate", tls.certificate), ("key", tls.key)):
        if path is not None:
            readable(path, f"{where}.{name}", file, faults, private=name == "key")
    if (tls.certificate is None) != (tls.key is None):
        problem = "certificate and key belong together"
        faults.append(Fault(file=file, path=where, problem=problem, mend="Give both, or none"))
    if server and tls.certificate is None:
        faults.append(
            Fault(file=file, path=where, problem="a server needs a certificate", mend="Give certificate and key")
        )
    return faults


def check_url(url: str, where: str, file: str) -> list[Fault]:
    """A fault where an address is not one of the web."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if good:
        return []
    return [
        Fault(file=file, path=where, problem=f"{url[:80]!r} is not a web address", mend='Write "https://host/path"')
    ]
