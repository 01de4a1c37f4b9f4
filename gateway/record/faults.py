"""What can be wrong with the journal's file, in words for a person."""

from __future__ import annotations

import sqlite3
from typing import Final

from rules.text import Text

_WORDS: Final = {
    sqlite3.SQLITE_FULL: "磁盘已满 disk full: free room on the disk of {name}",
    sqlite3.SQLITE_IOERR: "磁盘读写错误 disk I/O error at {name}: check the disk and its cable, then replace it",
    sqlite3.SQLITE_READONLY: "日志只读 {name} is read-only: check the mount (errors=remount-ro?) and the file's owner",
    sqlite3.SQLITE_CANTOPEN: "日志无法打开 {name} cannot be opened: check the directory, its owner and free room",
    sqlite3.SQLITE_BUSY: "日志被占用 {name} is locked by another program: close it",
    sqlite3.SQLITE_CORRUPT: "日志损坏 {name} is damaged: restart, the file is then kept aside",
    sqlite3.SQLITE_NOTADB: "日志损坏 {name} is not a database: restart, the file is then kept aside",
}
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

HELD_WORDS: Final = Text(
    "上次运行时日志写不进磁盘，断电前在内存中的记录已丢失；编号已换新纪元",
    "the last run ended while the journal could not be written: what it held in memory is lost; a new epoch was begun",
)


class StoreTooNew(Exception):
    """The file was written by a newer program, with tables that this one does not know."""


class Damaged(Exception):
    """The check of the file found it damaged."""


def code_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code, 0 where the error has none."""
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def is_damage(error: sqlite3.Error | Damaged) -> bool:
    """Whether the file itself is bad, not only the disk or the moment."""
    return isinstance(error, Damaged) or code_of(error) in _DAMAGED


def words_for(error: sqlite3.Error | OSError, name: str) -> str:
    """What is wrong with the file and how to mend it."""
    if isinstance(error, OSError):
        return f"日志无法使用 {name} cannot be used: {error.strerror or error}"
    words = _WORDS.get(code_of(error))
    return f"{words.format(name=name)} ({error})" if words else f"日志错误 journal {name}: {error}"


def corrupt_words(aside: str, detail: str) -> Text:
    """Where the damaged file is now."""
    return Text(
        f"日志文件损坏，已另存为 {aside}，从空日志开始（{detail}）",
        f"the journal's file was damaged and is kept as {aside}; an empty one was begun ({detail})",
    )
