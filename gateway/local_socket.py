"""The gateway's door for its own commands on the same machine: a socket in data_dir that only its user may open.

The devices that nobody registered stand in the running gateway's memory, and only it can take a new one over with its
journal. A socket of mode 0600 and not an address of the console: it needs no account, no password on a command line and
no network, it works with the console off, behind TLS or without accounts, and the kernel says who asks. One request a
connection: a line of JSON, answered by one line, `{"refused": "why"}` if it is not done.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import structlog

from devices.reading import Value
from gateway.clock import Clock
from gateway.load import ConfigurationFaults
from gateway.site_file import Adoption, ChangeRefused

log = structlog.get_logger("local")

NAME: Final = "control.sock"
REQUEST_MAX: Final = 64 * 1024
ANSWER_MAX: Final = 16 * 1024 * 1024
WAIT_S: Final = 10.0
ANSWER_S: Final = 60.0
AT_ONCE_MAX: Final = 8
AGAIN_S: Final = 30.0
_PEER: Final = struct.Struct("3i")


class Heard(Protocol):
    """A device that was heard and that nobody registered."""

    @property
    def home(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def heard_at(self) -> datetime: ...

    @property
    def packets(self) -> int: ...

    @property
    def values(self) -> dict[str, Value]: ...


class Changes(Protocol):
    """Who changes the configuration while the gateway runs."""

    async def adopt(self, adoption: Adoption, by: str) -> object: ...

    async def reload(self, by: str = "") -> object: ...


class NoGateway(Exception):
    """No gateway answers in this data_dir; the text says why, as far as it is known."""


class LocalSocket:
    """The running gateway's side."""

    def __init__(
        self,
        folder: Path,
        strangers: Callable[[], Sequence[Heard]],
        changes: Changes,
        progress: Callable[[], dict[str, Any]],
        clock: Clock,
        tell: Callable[[str, bool, str], None],
    ) -> None:
        self._folder = folder
        self._progress = progress
        self._strangers = strangers
        self._changes = changes
        self._clock = clock
        self._tell = tell
        self._open = 0

    async def run(self) -> None:
        """Answer until cancelled. A door that cannot be opened is a trouble and tried again; alarms go on."""
        while True:
            try:
                await self._serve()
            except OSError as fault:
                words = f"{self._folder / NAME}: {fault.strerror or fault}: anlian devices cannot ask this gateway"
                self._tell("local-socket", False, words)
            await self._clock.sleep(AGAIN_S)

    async def _serve(self) -> None:
        with _short(self._folder) as path:
            path.unlink(missing_ok=True)
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            # Nobody may connect between bind and chmod: the folder may be open to others.
            before = os.umask(0o177)
            try:
                listening.bind(str(path))
            except OSError:
                listening.close()
                raise
            finally:
                os.umask(before)
            server = await asyncio.start_unix_server(self._answer, sock=listening, limit=REQUEST_MAX)
            self._tell("local-socket", True, "")
            try:
                await server.serve_forever()
            finally:
                path.unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self._do(reader, writer) if self._open <= AT_ONCE_MAX else _refused("ask again: busy")
                writer.write(json.dumps(answer, ensure_ascii=False, default=str).encode() + b"\n")
                await writer.drain()
        except (OSError, TimeoutError) as fault:
            log.info("a local request was not answered", reason=str(fault) or type(fault).__name__)
        finally:
            self._open -= 1
            writer.close()

    async def _do(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, Any]:
        try:
            async with asyncio.timeout(WAIT_S):
                said: Any = json.loads(await reader.readline())
        except (ValueError, RecursionError, TimeoutError):
            return _refused(f"expected one line of JSON of at most {REQUEST_MAX} bytes within {WAIT_S:g} s")
        match said:
            case {"ask": "strangers"}:
                return {"strangers": [_plain(one) for one in self._strangers()]}
            case {"ask": "progress"}:
                return {"progress": self._progress()}
            case {"ask": "reload"}:
                return await self._read_again(_who(writer))
            case {"ask": "adopt", "adoption": dict(wanted)}:
                return await self._take(wanted, _who(writer))
        return _refused('expected {"ask": "strangers"}, "progress" or "reload", or {"ask": "adopt", "adoption": {…}}')

    async def _take(self, wanted: dict[str, Any], by: str) -> dict[str, Any]:
        try:
            await self._changes.adopt(msgspec.convert(wanted, Adoption), by)
        except (ChangeRefused, msgspec.ValidationError) as refusal:
            return _refused(str(refusal))
        return {"adopted": wanted["id"]}


    async def _read_again(self, by: str) -> dict[str, Any]:
        """The files were changed (a roster was imported): take them over, whole and checked, or not at all."""
        try:
            await self._changes.reload(by)
        except ConfigurationFaults as faults:
            return _refused(str(faults))
        return {"reloaded": True}


def ask(folder: Path, request: dict[str, Any], *, seconds: float = ANSWER_S) -> dict[str, Any]:
    """The answer of the gateway that runs in this data_dir. NoGateway if none does; PermissionError as it comes."""
    try:
        with _short(folder) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(str(path))
            connection.sendall(json.dumps(request, ensure_ascii=False).encode() + b"\n")
            with connection.makefile("rb") as answers:
                line = answers.readline(ANSWER_MAX)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as fault:
        raise NoGateway(f"no gateway runs in {folder}") from fault
    except TimeoutError as fault:
        raise NoGateway(f"the gateway in {folder} did not answer within {seconds:g} s") from fault
    if not line.endswith(b"\n"):
        raise NoGateway(f"the gateway in {folder} ended before it answered")
    answer: dict[str, Any] = json.loads(line)
    return answer


@contextmanager
def _short(folder: Path) -> Iterator[Path]:
    """The socket's path by the folder's descriptor: a path of a socket may have no more than 107 bytes (unix(7))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{descriptor}") / NAME
    finally:
        os.close(descriptor)


def _who(writer: asyncio.StreamWriter) -> str:
    """Who asks, for the journal: the kernel's word (SO_PEERCRED), not the asker's."""
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return f"command line, uid {_PEER.unpack(peer)[1]}"


def _plain(one: Heard) -> dict[str, Any]:
    return {
        "home": one.home,
        "source": one.source,
        "address": one.address,
        "heard_at": one.heard_at.isoformat(),
        "packets": one.packets,
        "values": dict(one.values),
    }


def _refused(words: str) -> dict[str, Any]:
    return {"refused": words}
