"""A home's site file, changed by the gateway: a device more, another roster; every comment kept, never half written.

The new text is checked before it replaces the old one, which stays beside it as `<name>.before`.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import tomlkit
from tomlkit.exceptions import ParseError

from devices.catalog import PROFILES
from devices.reading import DANGER_POINTS

ID_FORM = re.compile(r"^[a-z0-9][a-z0-9_-]{0,31}$")


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """A device that a person takes into a home: what was heard (source, address) and what only a person knows."""

    home: str
    source: str
    address: str
    id: str
    kind: str
    zone: str
    room: str = ""
    name_zh: str = ""
    name_en: str = ""
    profile: str = ""


class ChangeRefused(Exception):
    """The device was not taken in; the text says why and what to do. Nothing was changed."""


def suggested_id(kind: str, address: str) -> str:
    """An id for a device nobody has named yet: its kind and what of its address fits into an id."""
    rest = re.sub(r"[^a-z0-9_-]+", "-", address.lower()).strip("-_")
    return f"{kind}-{rest}"[:32].strip("-_") if rest else kind


def suggested_kind(points: Iterable[str]) -> str:
    """The kind of device that says these points: by its danger first, then by how many of them a kind has."""
    said = set(points)
    dangers = said & DANGER_POINTS.keys()

    def fits(kind: str) -> tuple[int, int, int]:
        known = set(PROFILES[kind].points)
        return (len(dangers & known), len(said & known), -len(known))

    return max(PROFILES, key=fits) if said else "other"


def adopt(path: Path, adoption: Adoption) -> str:
    """Add the device to the file; the text that was there before. ChangeRefused if it cannot be added."""
    if not ID_FORM.match(adoption.id):
        raise ChangeRefused(f"id {adoption.id!r}: at most 32 of a-z, 0-9, - and _, beginning with a letter or digit")
    return change_file(path, lambda document: _add_device(document, adoption))


def change_file(path: Path, change: Callable[[tomlkit.TOMLDocument], None]) -> str:
    """Change a file of TOML, its comments kept; the text that was there before. ChangeRefused if that cannot be.

    One change at a time: the folder is locked from the reading to the writing.
    """
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as fault:
        raise ChangeRefused(f"{path} cannot be read: {fault.strerror or fault}") from fault
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        document = parsed_file(path)
        before = tomlkit.dumps(document)
        change(document)
        try:
            write_whole(path, tomlkit.dumps(document), before)
        except OSError as fault:
            mend = "let the gateway's user write this file and its folder"
            raise ChangeRefused(f"{path} cannot be written: {fault.strerror or fault}; {mend}") from fault
    finally:
        os.close(folder)
    return before


def parsed_file(path: Path) -> tomlkit.TOMLDocument:
    """A file of TOML with its comments. ChangeRefused if it cannot be read."""
    try:
        return tomlkit.parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ParseError) as fault:
        raise ChangeRefused(f"{path.name} cannot be read: {fault}") from fault


def _add_device(document: tomlkit.TOMLDocument, adoption: Adoption) -> None:
    devices = document.get("device")
    for device in devices or ():
        if device.get("id") == adoption.id:
            raise ChangeRefused(f"there is a device {adoption.id} already: choose another id")
        if (device.get("source"), device.get("address")) == (adoption.source, adoption.address):
            raise ChangeRefused(f"{adoption.source}/{adoption.address} is adopted already, as {device.get('id')}")
    entry = tomlkit.table()
    entry.update(
        {"id": adoption.id, "kind": adoption.kind, "source": adoption.source, "address": adoption.address}
    )
    if adoption.profile:
        entry.update({"profile": adoption.profile})
    entry.update({"zone": adoption.zone})
    if adoption.room:
        entry.update({"room": adoption.room})
    name = tomlkit.inline_table()
    name.update({"zh": adoption.name_zh or adoption.name_en or adoption.id})
    if adoption.name_en:
        name.update({"en": adoption.name_en})
    entry.update({"name": name})
    if devices is None:
        devices = tomlkit.aot()
        document.append("device", devices)
    devices.append(entry)


def write_whole(path: Path, text: str, before: str) -> None:
    """Put a new text in the file's place at once (write, sync, rename), with its mode and owner; keep the old one."""
    found = path.stat()
    for target, body in ((path.with_name(path.name + ".before"), before), (path, text)):
        fresh = target.with_name(target.name + ".new")
        with fresh.open("w", encoding="utf-8") as stream:
            stream.write(body)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.chmod(stat.S_IMODE(found.st_mode))
        if os.geteuid() == 0:  # adopted on the command line by root: the gateway's user must still read and write it
            os.chown(fresh, found.st_uid, found.st_gid)
        fresh.replace(target)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
