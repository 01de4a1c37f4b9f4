"""The gateway's own files are its user's alone: the journal holds who lives where and who was called."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

UMASK: Final = 0o077
FOLDER_MODE: Final = 0o700


def keep_new_files_private() -> None:
    """From now on files of this process are made with mode 0600, directories with 0700. For the start of a command."""
    os.umask(UMASK)


def make_folder(folder: Path) -> None:
    """Make data_dir with mode 0700. One that is there already may be shared with others on purpose: it is left."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def tighten(journal: Path) -> None:
    """Take the journal's files of an earlier version, which everybody could read, from group and others."""
    for path in journal.parent.glob(f"{journal.name}*"):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & UMASK:
            path.chmod(stat.S_IMODE(found.st_mode) & ~UMASK)
