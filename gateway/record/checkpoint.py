"""The checkpoint: the journal's log is folded into its file beside the commits, by a thread of its own.

In a commit it costs the alarm that happens to be the one 20 to 30 ms (4,000 pages written and synchronised).
SQLite's passive checkpoint holds nobody up: commits go on behind it, and what they add waits for the next one.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from pathlib import Path
from typing import Final

CHECKPOINT_PAGES: Final = 4000
"""Pages that gather in the log: each is written once however often it changed, so fewer would wear the flash."""

LAST_RESORT_PAGES: Final = 4 * CHECKPOINT_PAGES
"""Where the thread cannot keep up, or fails, a commit folds the log in itself."""


class Checkpointer:
    """A thread that folds the log in whenever it is told that enough has gathered there."""

    def __init__(self, path: Path, pages: int = CHECKPOINT_PAGES) -> None:
        self._path = path
        self._limit = pages
        self._pages = 0
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
        self._thread.start()

    def wrote(self, pages: int) -> None:
        """Note that a commit took about so many pages."""
        self._pages += pages
        if self._pages >= self._limit:
            self._pages = 0
            self._asked.put(True)

    def stop(self) -> None:
        """End the thread, behind the checkpoint that it is at."""
        self._asked.put(False)
        self._thread.join()

    def _run(self) -> None:
        while self._asked.get():
            try:
                database = sqlite3.connect(self._path, timeout=1.0, isolation_level=None)
                try:
                    database.execute("PRAGMA synchronous=FULL")
                    database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                finally:
                    database.close()
            except sqlite3.Error:
                # A full or failing disk: the commits report it, and fold the log in as the last resort.
                continue
