"""How a modem is, as gammu's SMS daemon knows it: whether the daemon runs, has found the modem, and its signal."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import msgspec

_TIMEOUT_S: Final = 10.0
_FIELDS: Final = 9
_PROGRAM: Final = "gammu-smsd-monitor"


class ModemState(msgspec.Struct, frozen=True):
    """One line of the monitor. `imei` "" until the daemon has found the modem; `signal` in percent."""

    imei: str
    signal: int


def read_state(line: str) -> ModemState | None:
    """`client;phone id;IMEI;IMSI;sent;received;failed;battery;signal` (gammu 1.42), or None where it is not that."""
    fields = line.strip().split(";")
    if len(fields) != _FIELDS:
        return None
    try:
        return ModemState(fields[2], int(fields[8]))
    except ValueError:
        return None


class ModemProbe:
    """Asks gammu-smsd-monitor, with the daemon's own settings file, and looks whether the daemon's process lives.

    Both are needed: the monitor reads shared memory, which outlives a daemon that was killed.
    """

    def __init__(self, smsdrc: Path, pid_file: Path | None, signal_min: int) -> None:
        self._smsdrc = smsdrc
        self._pid_file = pid_file
        self._signal_min = signal_min

    async def trouble(self) -> str:
        """What is wrong with the modem, in words, or ""."""
        if self._pid_file is not None and not _lives(self._pid_file):
            return f"gammu-smsd does not run (no process by {self._pid_file.name}): systemctl status gammu-smsd"
        state = await self._state()
        if isinstance(state, str):
            return state
        if not state.imei:
            return "gammu-smsd has not found the modem: is it plugged in, is `device` in gammu-smsdrc right?"
        if state.signal < self._signal_min:
            return f"the modem's signal is {state.signal} % (less than {self._signal_min} %): antenna, card, place"
        return ""

    async def _state(self) -> ModemState | str:
        arguments = ("-C", "-n", "1", "-d", "0", "-L", "-c", str(self._smsdrc))
        try:
            process = await asyncio.create_subprocess_exec(
                _PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            return f"{_PROGRAM} cannot be run: {error.strerror or error}"
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                said, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return f"{_PROGRAM} did not answer within {_TIMEOUT_S:g} s"
        lines = said.decode("utf-8", "replace").strip().splitlines()
        state = read_state(lines[-1]) if lines else None
        return state or f"{_PROGRAM} knows no running gammu-smsd with {self._smsdrc.name}"


def _lives(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text("ascii")), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True
