"""The folders of gammu's SMS daemon, and one of ours beside them: `kept`, where a sent message waits for its reports.

A message is a file under one name for all its life, made from the message's id: in `outbox` it waits, gammu moves it to
`sent` or `error`, and once that is recorded it lies in `kept`, where `.delivered` or `.withdrawn` behind its name says
more. So nothing is handed over twice, and a restart finds everything where it was.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from gateway.channel_settings import SPOOL_FOLDERS
from gateway.deliver.sms_file import Received, note_of, parts_of, read_received, reference_of, written
from rules.alarm import Category
from rules.effects import Notify

DELIVERED: Final = ".delivered"
WITHDRAWN: Final = ".withdrawn"
KEPT_MAX: Final = 2000
"""Messages that a report or a reply can still be about; beyond it the oldest are forgotten."""

_READ_MAX: Final = 200
"""Files of one folder that are read in one look; the rest waits for the next."""

_BYTES_MAX: Final = 64 * 1024
_MODE: Final = 0o660
_SUFFIX: Final = ".smsbackup"
_CREDIT: Final = "credit.txt"
_PRIORITY: Final = {category: "ABCDEFG"[category.rank] for category in Category}
_SAID_PRIORITY: Final = "M"
"""What need not hurry (that it is over, an answer to a reply) waits behind every call."""


class Note(msgspec.Struct, frozen=True):
    """What stands in a message's file beside the message: what it is, and when it was handed over."""

    notify: Notify
    handed_at: datetime


class Letter(msgspec.Struct, frozen=True):
    """A message in one of the folders. Without a note it is an answer of ours to a reply."""

    name: str
    note: Note | None
    reference: int = 0
    state: str = ""


class Look(msgspec.Struct, frozen=True):
    """What the folders hold now. `waiting`: names in the outbox; `received`: names with what they say, or None."""

    waiting: tuple[str, ...]
    sent: tuple[Letter, ...]
    failed: tuple[Letter, ...]
    received: tuple[tuple[str, Received | None], ...]


_encode = msgspec.json.Encoder().encode
_note_decoder = msgspec.json.Decoder(Note)


def name_of(notify: Notify, number: str) -> str:
    """The name of a message's file, the same at every try. Gammu sends in the order of names: fire first."""
    letter = _SAID_PRIORITY if notify.purpose == "over" else _PRIORITY[notify.alarm.category]
    return f"OUT{letter}{notify.at:%Y%m%d_%H%M%S}_000_{number}_{_digest(notify.message)}{_SUFFIX}"


def _digest(message: str) -> str:
    return hashlib.sha256(message.encode()).hexdigest()[:16]


class Spool:
    """The folders below one path. Everything here blocks, so it is called in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes: dict[str, int] = {}

    def missing(self) -> list[str]:
        """The folders that are not there or may not be written to."""
        return [name for name in SPOOL_FOLDERS if not os.access(self._path / name, os.R_OK | os.W_OK | os.X_OK)]

    def put(self, notify: Notify, number: str, text: str, handed_at: datetime) -> str:
        """Hand a message over, once: where it lies already ("outbox", "sent", …), or "" where it is new there."""
        name = name_of(notify, number)
        for folder in ("outbox", "sent", "error"):
            if (self._path / folder / name).exists():
                return folder
        if next((self._path / "kept").glob(f"{name}*"), None) is not None:
            return "kept"
        note = base64.b64encode(_encode(Note(notify, handed_at))).decode()
        join = int(_digest(notify.message)[:2], 16)
        self._write(name, written(number, text, join, note))
        return ""

    def answer(self, number: str, text: str, at: datetime) -> None:
        """Send a few words to a number; nothing is awaited of them."""
        name = f"OUT{_SAID_PRIORITY}{at:%Y%m%d_%H%M%S}_000_{number}_answer{_SUFFIX}"
        self._write(name, written(number, parts_of(text)[0], 0, report=False))

    def _write(self, name: str, body: bytes) -> None:
        """Let it appear in the outbox whole, and on disk: gammu leaves hidden files alone."""
        outbox = self._path / "outbox"
        hidden = outbox / f".{name}"
        handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
        try:
            os.fchmod(handle, _MODE)
            os.write(handle, body)
            os.fsync(handle)
        finally:
            os.close(handle)
        hidden.rename(outbox / name)
        folder = os.open(outbox, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def look(self) -> Look:
        """What happened: gammu's folders as they are now."""
        return Look(
            waiting=tuple(self._names("outbox")),
            sent=tuple(self._letters("sent")),
            failed=tuple(self._letters("error")),
            received=tuple(self._received()),
        )

    def kept(self, most: int) -> list[Letter]:
        """The messages that were sent and recorded, oldest first; what is beyond the limit is thrown away."""
        names = sorted(self._names("kept"), key=lambda name: name[4:])
        for name in names[:-most]:
            (self._path / "kept" / name).unlink(missing_ok=True)
        return list(self._read_letters("kept", names[-most:]))

    def waiting(self) -> list[Letter]:
        """The messages that gammu has not sent yet, in the order in which it will."""
        return list(self._letters("outbox"))

    def keep(self, letter: Letter, folder: str, state: str = "") -> Letter | None:
        """Move a message into `kept`, or there into another state; None where gammu was faster."""
        plain = letter.name.removesuffix(letter.state) if folder == "kept" else letter.name
        try:
            (self._path / folder / letter.name).rename(self._path / "kept" / f"{plain}{state}")
        except FileNotFoundError:
            return None
        return Letter(f"{plain}{state}", letter.note, letter.reference, state)

    def forget(self, folder: str, name: str) -> None:
        """A file has said all that it had to say."""
        (self._path / folder / name).unlink(missing_ok=True)

    def credit(self) -> str:
        """What the operator last said of the card's credit running out; "" where it did not."""
        try:
            return (self._path / "kept" / _CREDIT).read_text("utf-8")
        except FileNotFoundError:
            return ""

    def remember_credit(self, words: str) -> None:
        """Remember these words over a restart; "" forgets them."""
        path = self._path / "kept" / _CREDIT
        if words:
            path.write_text(words, "utf-8")
        else:
            path.unlink(missing_ok=True)

    def _names(self, folder: str) -> list[str]:
        return sorted(entry.name for entry in os.scandir(self._path / folder) if entry.name.startswith("OUT"))

    def _letters(self, folder: str) -> Iterator[Letter]:
        return self._read_letters(folder, self._names(folder)[:_READ_MAX])

    def _read_letters(self, folder: str, names: list[str]) -> Iterator[Letter]:
        for name in names:
            try:
                with (self._path / folder / name).open("rb") as file:
                    body = file.read(_BYTES_MAX)
            except FileNotFoundError:
                continue
            state = next((end for end in (DELIVERED, WITHDRAWN) if name.endswith(end)), "")
            yield Letter(name, _note(body), reference_of(body), state)

    def _received(self) -> Iterator[tuple[str, Received | None]]:
        """The files of the inbox that did not grow since the last look: gammu writes them bit by bit."""
        sizes: dict[str, int] = {}
        for entry in sorted(os.scandir(self._path / "inbox"), key=lambda entry: entry.name)[:_READ_MAX]:
            if not entry.is_file() or entry.name.startswith("."):
                continue
            sizes[entry.name] = entry.stat().st_size
            if self._sizes.get(entry.name) == sizes[entry.name]:
                with Path(entry.path).open("rb") as file:
                    yield entry.name, read_received(entry.name, file.read(_BYTES_MAX))
        self._sizes = sizes


def _note(body: bytes) -> Note | None:
    try:
        return _note_decoder.decode(base64.b64decode(note_of(body)))
    except (ValueError, msgspec.DecodeError):
        return None
