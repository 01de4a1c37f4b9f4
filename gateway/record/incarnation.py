"""The incarnation file beside the journal: which epoch it is, how the last run ended, and who holds it now.

It outlives the journal's file, so that a journal that was lost or restored never hands out an id twice. It has a
fixed length and is written in place, so that it can be changed while the disk is full.
"""

from __future__ import annotations

import enum
import fcntl
import os
from pathlib import Path
from typing import Final

import msgspec

_LENGTH: Final = 64


class Ending(enum.StrEnum):
    """How a run stands, or ended: cleanly, unknown (still open), or with entries that never reached the disk."""

    CLOSED = "closed"
    OPEN = "open"
    HELD = "held"


class _State(msgspec.Struct):
    epoch: int
    ending: Ending


class JournalInUse(Exception):
    """Another process writes this journal: two would hand out the same ids."""


def in_use(journal: Path) -> None:
    """JournalInUse if another process writes this journal now. Nothing is made, nothing is kept."""
    path = journal.with_name(journal.name + ".epoch")
    if path.exists():
        Incarnation.open(path).close()


class Incarnation:
    """The open, locked incarnation file. `epoch` is 0 for a journal that never was, None for a file nobody can read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.epoch: int | None = 0
        self.ending = Ending.CLOSED
        content = os.pread(descriptor, _LENGTH, 0)
        if content.strip():
            try:
                state = msgspec.json.decode(content, type=_State)
            except msgspec.DecodeError:
                self.epoch, self.ending = None, Ending.OPEN
            else:
                self.epoch, self.ending = state.epoch, state.ending

    @classmethod
    def open(cls, path: Path) -> Incarnation:
        """Open and lock it, made where it is missing; JournalInUse if another process has it, OSError as it comes."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            raise JournalInUse(
                f"日志正被另一个进程使用 {path.name}: another gateway writes this journal; stop it, or give this one "
                "a data_dir of its own"
            ) from None
        except OSError:
            os.close(descriptor)
            raise

    def write(self, epoch: int, ending: Ending) -> None:
        """Put epoch and ending on disk, in place."""
        content = msgspec.json.encode(_State(epoch, ending)).ljust(_LENGTH)
        os.pwrite(self._descriptor, content, 0)
        os.fsync(self._descriptor)
        self.epoch, self.ending = epoch, ending

    def close(self) -> None:
        """Give the lock back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
