"""A telephone line over SIP: baresip as a program of our own, told what to do over its control connection.

Baresip 1.0 and newer: module ctrl_tcp speaks netstrings with JSON in them (commands with a token, answers, events).
"""

from __future__ import annotations

import asyncio
import enum
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from gateway.clock import Clock

KEY: Final = "1"
"""The key that takes an incident on."""

_WITH_US: Final = ("setpriv", "--pdeathsig", "TERM")
_READY_S: Final = 10.0
_CONNECT_AGAIN_S: Final = 0.05
_ASK_S: Final = 5.0
_THANKS_S: Final = 2.5
_GOODBYE_S: Final = 2.0
_MESSAGE_MAX: Final = 64 * 1024
_EVENTS_MAX: Final = 256

_CONFIG = """module_path {modules}
module g711.so
module aufile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
audio_source aufile,{folder}/none.wav
audio_srate 8000
audio_channels 1
call_max_calls 1
{listen}
"""


class Line(msgspec.Struct, frozen=True):
    """Where calls go: `server` is the trunk or the GSM gateway (`host` or `host:port`), `user` our account there."""

    server: str
    user: str
    password: str = ""
    register: bool = False
    listen: str = ""
    program: str = "baresip"
    modules: Path = Path("/usr/lib/baresip/modules")


class End(enum.StrEnum):
    """How a call ended."""

    KEY = "key"
    LISTENED = "listened"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    DECLINED = "declined"
    WRONG_NUMBER = "wrong_number"
    LINE_FAULT = "line_fault"


class CallEnd(msgspec.Struct, frozen=True):
    """How a call ended, in the words of the other side, and for how long somebody was on the line."""

    end: End
    words: str = ""
    talked_s: float = 0.0


_ENDS = {
    "486": End.BUSY,
    "600": End.BUSY,
    "603": End.DECLINED,
    "408": End.NO_ANSWER,
    "480": End.NO_ANSWER,
    "487": End.NO_ANSWER,
    "404": End.WRONG_NUMBER,
    "410": End.WRONG_NUMBER,
    "484": End.WRONG_NUMBER,
    "604": End.WRONG_NUMBER,
}
"""Final answers to an INVITE (RFC 3261 section 21); all others are a fault of the line."""


class Baresip:
    """One line. `run` keeps the program until it ends; `call` makes one call, and only one at a time.

    `on_line` is told whether the trunk took our registration, in words where it did not.
    """

    def __init__(self, line: Line, on_line: Callable[[str], None], clock: Clock) -> None:
        self._line = line
        self._clock = clock
        self._on_line = on_line
        self._writer: asyncio.StreamWriter | None = None
        self._ready = asyncio.Event()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_EVENTS_MAX)
        self._asked = 0
        self._is_calling = False
        self._turning_away: set[asyncio.Task[dict[str, Any]]] = set()

    async def run(self) -> None:
        """Run the program until it ends or this is cancelled; OSError where it cannot be run or ended by itself."""
        control = _free_port()
        with TemporaryDirectory(prefix="anlian-voice-") as folder:
            self._configure(Path(folder), control)
            # It must end with us even where we are killed: a call that nobody watches rings on.
            process = await asyncio.create_subprocess_exec(
                *_WITH_US,
                self._line.program,
                "-f",
                folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                await self._follow(*await self._connect(process, control))
                raise OSError(f"{self._line.program} ended by itself")
            finally:
                self._lost()
                await _ended_program(process)

    def _configure(self, folder: Path, control: int) -> None:
        line = self._line
        listen = f"sip_listen {line.listen}" if line.listen else ""
        text = _CONFIG.format(modules=line.modules, control=control, folder=folder, listen=listen)
        (folder / "config").write_text(text)
        # The account comes over the control connection: what became of a registration before that, nobody would hear.
        (folder / "accounts").write_text("")

    async def _connect(
        self, process: asyncio.subprocess.Process, control: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(_READY_S):
                while process.returncode is None:
                    try:
                        return await asyncio.open_connection("127.0.0.1", control, limit=_MESSAGE_MAX)
                    except OSError:
                        await self._clock.sleep(_CONNECT_AGAIN_S)
        except TimeoutError:
            raise OSError(f"{self._line.program} did not open its control connection within {_READY_S:g} s") from None
        raise OSError(f"{self._line.program} ended at once: is it installed, are its modules in {self._line.modules}?")

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        opening = asyncio.ensure_future(self._open_account())
        try:
            while True:
                size = int((await reader.readuntil(b":"))[:-1])
                if size > _MESSAGE_MAX:
                    raise OSError("the control connection speaks something else")
                self._heard(msgspec.json.decode((await reader.readexactly(size + 1))[:-1]))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return
        except (ValueError, msgspec.DecodeError) as error:
            raise OSError(f"the control connection speaks something else: {error}") from error
        finally:
            opening.cancel()
            writer.close()

    async def _open_account(self) -> None:
        line = self._line
        secret = f';auth_pass="{line.password}"' if line.password else ""
        register = 600 if line.register else 0
        account = f"<sip:{line.user}@{line.server}>;regint={register}{secret};audio_codecs=PCMA,PCMU"
        made = await self._ask("uanew", account)
        if not made.get("ok"):
            self._on_line(f"baresip does not take the account: {str(made.get('data', '')).strip()[:200]}")
            return
        self._ready.set()
        if not line.register:
            self._on_line("")

    def _heard(self, said: dict[str, Any]) -> None:
        if said.get("response"):
            answer = self._answers.pop(str(said.get("token")), None)
            if answer is not None and not answer.done():
                answer.set_result(said)
            return
        kind = said.get("type")
        if kind == "REGISTER_OK":
            self._on_line("")
        elif kind == "REGISTER_FAIL":
            self._on_line(f"the trunk does not let us register: {said.get('param', '')}")
        elif said.get("direction") == "incoming":
            self._turn_away(said)
        elif said.get("class") == "call" and not self._events.full():
            self._events.put_nowait(said)

    def _turn_away(self, said: dict[str, Any]) -> None:
        """Whoever calls back hears busy: the line is for calling out. During a call baresip says so by itself."""
        if said.get("type") == "CALL_INCOMING" and not self._is_calling:
            task = asyncio.ensure_future(self._ask("hangup"))
            self._turning_away.add(task)
            task.add_done_callback(self._turning_away.discard)

    def _lost(self) -> None:
        self._writer = None
        self._ready.clear()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result({"ok": False, "data": "baresip ended"})
        self._answers.clear()
        if not self._events.full():
            self._events.put_nowait({"type": "LINE_LOST"})

    async def _ask(self, command: str, parameters: str = "") -> dict[str, Any]:
        if self._writer is None:
            return {"ok": False, "data": "baresip does not run"}
        self._asked += 1
        token = str(self._asked)
        body = msgspec.json.encode({"command": command, "params": parameters, "token": token})
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[token] = answer
        self._writer.write(b"%d:%b," % (len(body), body))
        try:
            async with asyncio.timeout(_ASK_S):
                return await answer
        except TimeoutError:
            return {"ok": False, "data": f"no answer to {command} within {_ASK_S:g} s"}
        finally:
            self._answers.pop(token, None)

    async def call(self, number: str, spoken: Path, thanks: Path, ring_s: float, talk_s: float) -> CallEnd:
        """Call a number, speak a file, and wait for the key: at most `ring_s` until answered and `talk_s` from then."""
        try:
            async with asyncio.timeout(_READY_S):
                await self._ready.wait()
        except TimeoutError:
            return CallEnd(End.LINE_FAULT, "baresip does not run")
        while not self._events.empty():
            self._events.get_nowait()
        self._is_calling = True
        try:
            await self._ask("ausrc", f"aufile,{spoken}")
            dialled = await self._ask("dial", f"sip:{number}@{self._line.server}")
            if not dialled.get("ok"):
                return CallEnd(End.LINE_FAULT, str(dialled.get("data", "")).strip()[:200])
            return await self._talk(thanks, ring_s, talk_s)
        finally:
            # Also where the courier gives up: no phone may ring on for nobody.
            self._is_calling = False
            await asyncio.shield(self._ask("hangup"))

    async def _talk(self, thanks: Path, ring_s: float, talk_s: float) -> CallEnd:
        now = self._clock.monotonic
        answered_at: float | None = None
        try:
            async with asyncio.timeout(ring_s) as limit:
                while True:
                    event = await self._events.get()
                    kind, words = event.get("type"), str(event.get("param", ""))[:200]
                    talked = 0.0 if answered_at is None else now() - answered_at
                    if kind == "CALL_ESTABLISHED":
                        answered_at = now()
                        limit.reschedule(asyncio.get_running_loop().time() + talk_s)
                    elif kind == "CALL_DTMF_START" and words == KEY:
                        limit.reschedule(None)
                        await self._thank(thanks)
                        return CallEnd(End.KEY, talked_s=talked)
                    elif kind == "CALL_CLOSED":
                        return _ended(words, talked, answered=answered_at is not None)
                    elif kind == "LINE_LOST":
                        return CallEnd(End.LINE_FAULT, "baresip ended in the midst of the call", talked)
        except TimeoutError:
            if answered_at is None:
                return CallEnd(End.NO_ANSWER, f"not answered within {ring_s:g} s")
            return CallEnd(End.LISTENED, "no key was pressed", now() - answered_at)

    async def _thank(self, thanks: Path) -> None:
        """Say that it is recorded, unless the other side hangs up first."""
        await self._ask("ausrc", f"aufile,{thanks}")
        try:
            async with asyncio.timeout(_THANKS_S):
                while (await self._events.get()).get("type") not in ("CALL_CLOSED", "LINE_LOST"):
                    continue
        except TimeoutError:
            return


def _ended(words: str, talked: float, *, answered: bool) -> CallEnd:
    if answered:
        return CallEnd(End.LISTENED, "hung up without a key", talked)
    return CallEnd(_ENDS.get(words[:3], End.LINE_FAULT), words)


async def _ended_program(process: asyncio.subprocess.Process) -> None:
    """Let it hang up and say goodbye to its trunk, but not wait for answers that do not come."""
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_GOODBYE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
