"""The machine: what a process used, what others used meanwhile, what one commit costs, and percentiles."""

from __future__ import annotations

import os
import resource
import sqlite3
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

_TICK = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


class Used(msgspec.Struct, frozen=True):
    """What a process has used so far: CPU seconds, memory now and at most (MiB), bytes it had written to disk."""

    cpu: float
    rss_mib: float
    peak_mib: float
    written: int


def used(pid: int) -> Used:
    """What a process has used since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    wanted = ("VmRSS", "VmHWM")
    memory = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith(wanted)}
    try:
        io = Path(f"/proc/{pid}/io").read_text()
        written = int(next(line.split()[1] for line in io.splitlines() if line.startswith("write_bytes")))
    except OSError:
        written = 0
    cpu = (int(fields[11]) + int(fields[12])) / _TICK
    return Used(cpu, int(memory.get("VmRSS", "0")) / 1024, int(memory.get("VmHWM", "0")) / 1024, written)


def _children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in found] + [grandchild for child in found for grandchild in _children(int(child))]


class Noise:
    """How much of the machine others used since the start of the watch."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._busy, self._ours = _busy(), _ours()

    def share(self) -> float:
        """The share of all cores that went to other programs, 0 to 1."""
        busy, ours = _busy() - self._busy, _ours() - self._ours
        return max(0.0, min(1.0, (busy - ours) / max((time.monotonic() - self._began) * CORES, 1e-9)))


def _busy() -> float:
    ticks = [int(part) for part in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / _TICK


def _ours() -> float:
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    for child in _children(os.getpid()):
        try:
            total += used(child).cpu
        except OSError:
            continue  # it ended meanwhile: it is among the children that were waited for
    return total


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed (nearest rank)."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1e6) * len(ordered) // 1_000_000) - 1))]


def median(values: Sequence[float]) -> float:
    """The median; NaN of nothing."""
    return statistics.median(values) if values else float("nan")


class Commit:
    """One row in a SQLite file of its own, WAL and synchronous=FULL: what a durable write costs on this disk."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(folder / "commit.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._database.execute(f"PRAGMA {pragma}").fetchall()
        self._database.execute("CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB)")

    def seconds(self) -> float:
        """Commit one row of 300 bytes; how long it took."""
        began = time.perf_counter()
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute("INSERT INTO row (body) VALUES (?)", (b"x" * 300,))
        self._database.execute("COMMIT")
        return time.perf_counter() - began

    def close(self) -> None:
        self._database.close()
